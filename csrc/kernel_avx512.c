/* AVX-512 F and BW: one register holds a whole stripe, or sixteen hashes. */
#include "similar.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX512 __attribute__((target("avx512f,avx512bw")))

static int runs_here_avx512(void)
{
    return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
}

/* ---- XXH3 ---- */

AVX512 static inline __m512i accumulate_stripe(__m512i acc, const uint8_t *stripe,
                                               const uint8_t *secret)
{
    __m512i lanes = _mm512_loadu_si512(stripe);
    __m512i values = _mm512_xor_si512(lanes, _mm512_loadu_si512(secret));
    __m512i products = _mm512_mul_epu32(values, _mm512_srli_epi64(values, 32));
    __m512i swapped = _mm512_shuffle_epi32(lanes, _MM_PERM_BADC);
    return _mm512_add_epi64(acc, _mm512_add_epi64(products, swapped));
}

AVX512 static inline __m512i scramble(__m512i acc)
{
    __m512i prime = _mm512_set1_epi64(SF_XXH3_PRIME32_1);
    acc = _mm512_xor_si512(acc, _mm512_srli_epi64(acc, 47));
    acc = _mm512_xor_si512(acc, _mm512_loadu_si512(SF_SECRET_OF_SCRAMBLE));
    __m512i high = _mm512_mul_epu32(_mm512_srli_epi64(acc, 32), prime);
    return _mm512_add_epi64(_mm512_mul_epu32(acc, prime), _mm512_slli_epi64(high, 32));
}

AVX512 static void accumulate_avx512(uint64_t acc[8], const uint8_t *data, size_t bytes)
{
    const uint8_t *last_stripe = data + bytes - SF_STRIPE_BYTES;
    __m512i sum = _mm512_loadu_si512(acc);
    for (size_t block = (bytes - 1) / SF_BLOCK_BYTES; block > 0; block--, data += SF_BLOCK_BYTES) {
        /* Not all sixteen: then gcc 12 reorders the sums and runs out of registers (up to a
         * third slower, 2026-11-21). */
#pragma GCC unroll 8
        for (size_t n = 0; n < SF_BLOCK_STRIPES; n++)
            sum = accumulate_stripe(sum, data + n * SF_STRIPE_BYTES, SF_SECRET_OF_STRIPE(n));
        sum = scramble(sum);
    }
    for (size_t n = 0; n < (bytes - 1) % SF_BLOCK_BYTES / SF_STRIPE_BYTES; n++)
        sum = accumulate_stripe(sum, data + n * SF_STRIPE_BYTES, SF_SECRET_OF_STRIPE(n));
    sum = accumulate_stripe(sum, last_stripe, SF_SECRET_OF_LAST);
    _mm512_storeu_si512(acc, sum);
}

/* ---- runs ---- */

AVX512 static size_t run_length_avx512(const uint8_t *data, size_t bytes, uint8_t byte)
{
    __m512i pattern = _mm512_set1_epi8((char)byte);
    size_t i = 0;
    for (; bytes - i >= 64; i += 64) {
        __mmask64 other = _mm512_cmpneq_epi8_mask(_mm512_loadu_si512(data + i), pattern);
        if (other)
            return i + (size_t)__builtin_ctzll(other);
    }
    return i + sf_scalar.run_length(data + i, bytes - i, byte);
}

/* ---- MinCDC ---- */

/* Positions are hashed sixteen to a register, every fourth one, and four registers fill the gaps.
 * A lane remembers its smallest hash and the first block of positions that held it; the word of the
 * smallest hash of all is then looked for in its first block only. */
/* Blocks of 64 to 1024 were tried in windows of 4097 and 32769 positions: 128 is fastest. */
enum { LANES = 16, STEP = 4 * LANES, POSITIONS = 128 };

AVX512 static inline __m512i hashes(const uint8_t *words)
{
    return _mm512_mullo_epi32(_mm512_loadu_si512(words), _mm512_set1_epi32((int)SF_CUT_A));
}

AVX512 static inline __m512i smallest_of_block(const uint8_t *words)
{
    __m512i smallest = _mm512_set1_epi32(INT32_MAX);
    for (size_t i = 0; i < POSITIONS; i += STEP) {
        __m512i even = _mm512_min_epi32(hashes(words + i), hashes(words + i + 2));
        __m512i odd = _mm512_min_epi32(hashes(words + i + 1), hashes(words + i + 3));
        smallest = _mm512_min_epi32(smallest, _mm512_min_epi32(even, odd));
    }
    return smallest;
}

/* Where in the block `word` first begins: at 0 if nowhere, as when another thread writes there. */
AVX512 static inline size_t find_word(const uint8_t *block, uint32_t word)
{
    for (size_t i = 0; i < POSITIONS; i += 64) {
        __mmask64 equal = ~(__mmask64)0;
        for (unsigned byte = 0; byte < 4; byte++)
            equal &= _mm512_cmpeq_epi8_mask(_mm512_loadu_si512(block + i + byte),
                                            _mm512_set1_epi8((char)(word >> 8 * byte)));
        if (equal)
            return i + (size_t)__builtin_ctzll(equal);
    }
    return 0;
}

AVX512 static size_t min_cut_avx512(const uint8_t *data, size_t first, size_t last)
{
    const uint8_t *words = data + first - 4;
    size_t positions = last - first + 1;
    if (positions < POSITIONS)
        return sf_scalar.min_cut(data, first, last);
    __m512i smallest = smallest_of_block(words), starts = _mm512_setzero_si512();
    for (size_t next = POSITIONS; next < positions; next += POSITIONS) {
        /* The last block overlaps the one before, which wins the tie. */
        size_t start = next < positions - POSITIONS ? next : positions - POSITIONS;
        __m512i here = smallest_of_block(words + start);
        __mmask16 smaller = _mm512_cmplt_epi32_mask(here, smallest);
        smallest = _mm512_min_epi32(smallest, here);
        starts = _mm512_mask_mov_epi32(starts, smaller, _mm512_set1_epi32((int)start));
    }
    int hash = _mm512_reduce_min_epi32(smallest);
    __mmask16 holders = _mm512_cmpeq_epi32_mask(smallest, _mm512_set1_epi32(hash));
    size_t start = _mm512_mask_reduce_min_epu32(holders, starts);
    return first + start + find_word(words + start, (uint32_t)hash * SF_CUT_A_INVERSE);
}

/* ---- samples for features ---- */

/* A bit for each of sixteen windows, every fourth one. */
AVX512 static inline uint64_t are_samples(const uint8_t *data)
{
    __m512i second = _mm512_loadu_si512(data + 4);
    __m512i sum = _mm512_add_epi32(_mm512_slli_epi32(second, 2), second);
    sum = _mm512_add_epi32(sum, _mm512_loadu_si512(data));
    __m512i hash = _mm512_mullo_epi32(sum, _mm512_set1_epi32((int)SF_CUT_A));
    return _mm512_cmpge_epi32_mask(hash, _mm512_set1_epi32(SF_SAMPLED_FROM));
}

AVX512 static void sample_avx512(const uint8_t *data, size_t positions, uint64_t *masks)
{
    size_t i = 0;
    for (; positions - i >= 64; i += 64)
        masks[i / 64] = are_samples(data + i) | are_samples(data + i + 1) << 16 |
                        are_samples(data + i + 2) << 32 | are_samples(data + i + 3) << 48;
    if (i < positions)
        sf_scalar.sample(data + i, positions - i, masks + i / 64);
}

const sf_kernel sf_avx512 = {
    .name = "avx512",
    .runs_here = runs_here_avx512,
    .accumulate = accumulate_avx512,
    .run_length = run_length_avx512,
    .min_cut = min_cut_avx512,
    .sample = sample_avx512,
};

#endif
