/* AVX2: half a stripe, or eight hashes, in a register. */
#include "similar.h"

#if defined(__x86_64__)

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

static int runs_here_avx2(void)
{
    return __builtin_cpu_supports("avx2");
}

AVX2 static inline __m256i load(const void *data)
{
    return _mm256_loadu_si256((const __m256i *)data);
}

/* ---- XXH3 ---- */

AVX2 static inline __m256i accumulate_half(__m256i acc, const uint8_t *half, const uint8_t *secret)
{
    __m256i lanes = load(half);
    __m256i values = _mm256_xor_si256(lanes, load(secret));
    __m256i products = _mm256_mul_epu32(values, _mm256_srli_epi64(values, 32));
    __m256i swapped = _mm256_shuffle_epi32(lanes, _MM_SHUFFLE(1, 0, 3, 2));
    return _mm256_add_epi64(acc, _mm256_add_epi64(products, swapped));
}

AVX2 static inline void accumulate_stripe(__m256i acc[2], const uint8_t *stripe,
                                          const uint8_t *secret)
{
    acc[0] = accumulate_half(acc[0], stripe, secret);
    acc[1] = accumulate_half(acc[1], stripe + 32, secret + 32);
}

AVX2 static inline __m256i scramble_half(__m256i acc, const uint8_t *secret)
{
    __m256i prime = _mm256_set1_epi64x(SF_XXH3_PRIME32_1);
    acc = _mm256_xor_si256(acc, _mm256_srli_epi64(acc, 47));
    acc = _mm256_xor_si256(acc, load(secret));
    __m256i high = _mm256_mul_epu32(_mm256_srli_epi64(acc, 32), prime);
    return _mm256_add_epi64(_mm256_mul_epu32(acc, prime), _mm256_slli_epi64(high, 32));
}

AVX2 static void accumulate_avx2(uint64_t acc[8], const uint8_t *data, size_t bytes)
{
    const uint8_t *last_stripe = data + bytes - SF_STRIPE_BYTES;
    __m256i sum[2] = {load(acc), load(acc + 4)};
    for (size_t block = (bytes - 1) / SF_BLOCK_BYTES; block > 0; block--, data += SF_BLOCK_BYTES) {
        /* Not all sixteen: then gcc 12 reorders the sums and runs out of registers (up to a
         * third slower, 2026-11-21). */
#pragma GCC unroll 8
        for (size_t n = 0; n < SF_BLOCK_STRIPES; n++)
            accumulate_stripe(sum, data + n * SF_STRIPE_BYTES, SF_SECRET_OF_STRIPE(n));
        sum[0] = scramble_half(sum[0], SF_SECRET_OF_SCRAMBLE);
        sum[1] = scramble_half(sum[1], SF_SECRET_OF_SCRAMBLE + 32);
    }
    for (size_t n = 0; n < (bytes - 1) % SF_BLOCK_BYTES / SF_STRIPE_BYTES; n++)
        accumulate_stripe(sum, data + n * SF_STRIPE_BYTES, SF_SECRET_OF_STRIPE(n));
    accumulate_stripe(sum, last_stripe, SF_SECRET_OF_LAST);
    _mm256_storeu_si256((__m256i *)acc, sum[0]);
    _mm256_storeu_si256((__m256i *)(acc + 4), sum[1]);
}

/* ---- runs ---- */

AVX2 static inline uint32_t equal_bytes(const uint8_t *data, __m256i pattern)
{
    return (uint32_t)_mm256_movemask_epi8(_mm256_cmpeq_epi8(load(data), pattern));
}

AVX2 static size_t run_length_avx2(const uint8_t *data, size_t bytes, uint8_t byte)
{
    __m256i pattern = _mm256_set1_epi8((char)byte);
    size_t i = 0;
    for (; bytes - i >= 32; i += 32) {
        uint32_t equal = equal_bytes(data + i, pattern);
        if (equal != UINT32_MAX)
            return i + (size_t)__builtin_ctz(~equal);
    }
    return i + sf_scalar.run_length(data + i, bytes - i, byte);
}

/* ---- MinCDC ---- */

/* Positions are hashed eight to a register, every fourth one, and four registers fill the gaps.
 * A lane remembers its smallest hash and the first block of positions that held it; the word of the
 * smallest hash of all is then looked for in its first block only. */
/* Blocks of 64 to 1024 were tried in windows of 4097 and 32769 positions: 128 is fastest. */
enum { LANES = 8, STEP = 4 * LANES, POSITIONS = 128 };

AVX2 static inline __m256i hashes(const uint8_t *words)
{
    return _mm256_mullo_epi32(load(words), _mm256_set1_epi32((int)SF_CUT_A));
}

AVX2 static inline __m256i smallest_of_block(const uint8_t *words)
{
    __m256i smallest = _mm256_set1_epi32(INT32_MAX);
    for (size_t i = 0; i < POSITIONS; i += STEP) {
        __m256i even = _mm256_min_epi32(hashes(words + i), hashes(words + i + 2));
        __m256i odd = _mm256_min_epi32(hashes(words + i + 1), hashes(words + i + 3));
        smallest = _mm256_min_epi32(smallest, _mm256_min_epi32(even, odd));
    }
    return smallest;
}

AVX2 static inline int smallest_lane(__m256i lanes)
{
    __m128i four = _mm_min_epi32(_mm256_castsi256_si128(lanes), _mm256_extracti128_si256(lanes, 1));
    __m128i two = _mm_min_epi32(four, _mm_shuffle_epi32(four, _MM_SHUFFLE(1, 0, 3, 2)));
    __m128i one = _mm_min_epi32(two, _mm_shuffle_epi32(two, _MM_SHUFFLE(2, 3, 0, 1)));
    return _mm_cvtsi128_si32(one);
}

/* Where in the block `word` first begins: at 0 if nowhere, as when another thread writes there. */
AVX2 static inline size_t find_word(const uint8_t *block, uint32_t word)
{
    for (size_t i = 0; i < POSITIONS; i += 32) {
        uint32_t equal = UINT32_MAX;
        for (unsigned byte = 0; byte < 4; byte++)
            equal &= equal_bytes(block + i + byte, _mm256_set1_epi8((char)(word >> 8 * byte)));
        if (equal)
            return i + (size_t)__builtin_ctz(equal);
    }
    return 0;
}

AVX2 static size_t min_cut_avx2(const uint8_t *data, size_t first, size_t last)
{
    const uint8_t *words = data + first - 4;
    size_t positions = last - first + 1;
    if (positions < POSITIONS)
        return sf_scalar.min_cut(data, first, last);
    __m256i smallest = smallest_of_block(words), starts = _mm256_setzero_si256();
    for (size_t next = POSITIONS; next < positions; next += POSITIONS) {
        /* The last block overlaps the one before, which wins the tie. */
        size_t start = next < positions - POSITIONS ? next : positions - POSITIONS;
        __m256i now = _mm256_min_epi32(smallest, smallest_of_block(words + start));
        __m256i unchanged = _mm256_cmpeq_epi32(now, smallest);
        starts = _mm256_blendv_epi8(_mm256_set1_epi32((int)start), starts, unchanged);
        smallest = now;
    }
    int hash = smallest_lane(smallest);
    __m256i holders = _mm256_cmpeq_epi32(smallest, _mm256_set1_epi32(hash));
    __m256i none = _mm256_set1_epi32(INT32_MAX);
    size_t start = (size_t)smallest_lane(_mm256_blendv_epi8(none, starts, holders));
    return first + start + find_word(words + start, (uint32_t)hash * SF_CUT_A_INVERSE);
}

/* ---- samples for features ---- */

/* A bit for each of eight windows, every fourth one. */
AVX2 static inline unsigned are_samples(const uint8_t *data)
{
    __m256i second = load(data + 4);
    __m256i sum = _mm256_add_epi32(_mm256_slli_epi32(second, 2), second);
    sum = _mm256_add_epi32(sum, load(data));
    __m256i hash = _mm256_mullo_epi32(sum, _mm256_set1_epi32((int)SF_CUT_A));
    __m256i samples = _mm256_cmpgt_epi32(hash, _mm256_set1_epi32(SF_SAMPLED_FROM - 1));
    return (unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(samples));
}

AVX2 static void sample_avx2(const uint8_t *data, size_t positions, uint64_t *masks)
{
    size_t i = 0;
    for (; positions - i >= 64; i += 64) {
        uint64_t mask = 0;
        for (unsigned first = 0; first < 4; first++) {
            unsigned low = are_samples(data + i + first);
            unsigned high = are_samples(data + i + first + 32);
            mask |= (uint64_t)(low | high << 8) << 16 * first;
        }
        masks[i / 64] = mask;
    }
    if (i < positions)
        sf_scalar.sample(data + i, positions - i, masks + i / 64);
}

const sf_kernel sf_avx2 = {
    .name = "avx2",
    .runs_here = runs_here_avx2,
    .accumulate = accumulate_avx2,
    .run_length = run_length_avx2,
    .min_cut = min_cut_avx2,
    .sample = sample_avx2,
};

#endif
