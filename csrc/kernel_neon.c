/* NEON, which every 64-bit ARM has: two 64-bit lanes, or four hashes, in a register. */
#include "storeff.h"

#if defined(SF_HAS_NEON)

#include <arm_neon.h>

static int always(void)
{
    return 1;
}

/* ---- XXH3 ---- */

static inline uint64x2_t load_pair(const uint8_t *data)
{
    return vreinterpretq_u64_u8(vld1q_u8(data));
}

static inline void accumulate_stripe(uint64x2_t acc[4], const uint8_t *stripe,
                                     const uint8_t *secret)
{
    for (size_t i = 0; i < 4; i++) {
        uint64x2_t lanes = load_pair(stripe + 16 * i);
        uint64x2_t values = veorq_u64(lanes, load_pair(secret + 16 * i));
        acc[i] = vaddq_u64(acc[i], vextq_u64(lanes, lanes, 1));
        acc[i] = vmlal_u32(acc[i], vmovn_u64(values), vshrn_n_u64(values, 32));
    }
}

static inline void scramble(uint64x2_t acc[4])
{
    uint32x2_t prime = vdup_n_u32(SF_XXH3_PRIME32_1);
    for (size_t i = 0; i < 4; i++) {
        uint64x2_t value = veorq_u64(acc[i], vshrq_n_u64(acc[i], 47));
        value = veorq_u64(value, load_pair(SF_SECRET_OF_SCRAMBLE + 16 * i));
        uint64x2_t high = vshlq_n_u64(vmull_u32(vshrn_n_u64(value, 32), prime), 32);
        acc[i] = vmlal_u32(high, vmovn_u64(value), prime);
    }
}

static void accumulate(uint64_t acc[8], const uint8_t *data, size_t bytes)
{
    const uint8_t *last_stripe = data + bytes - SF_STRIPE_BYTES;
    uint64x2_t sum[4];
    for (size_t i = 0; i < 4; i++)
        sum[i] = vld1q_u64(acc + 2 * i);
    for (size_t block = (bytes - 1) / SF_BLOCK_BYTES; block > 0; block--, data += SF_BLOCK_BYTES) {
        for (size_t n = 0; n < SF_BLOCK_STRIPES; n++)
            accumulate_stripe(sum, data + n * SF_STRIPE_BYTES, SF_SECRET_OF_STRIPE(n));
        scramble(sum);
    }
    for (size_t n = 0; n < (bytes - 1) % SF_BLOCK_BYTES / SF_STRIPE_BYTES; n++)
        accumulate_stripe(sum, data + n * SF_STRIPE_BYTES, SF_SECRET_OF_STRIPE(n));
    accumulate_stripe(sum, last_stripe, SF_SECRET_OF_LAST);
    for (size_t i = 0; i < 4; i++)
        vst1q_u64(acc + 2 * i, sum[i]);
}

/* ---- runs ---- */

static size_t run_length(const uint8_t *data, size_t bytes, uint8_t byte)
{
    uint8x16_t pattern = vdupq_n_u8(byte);
    size_t i = 0;
    for (; bytes - i >= 64; i += 64) {
        uint8x16_t equal = vceqq_u8(vld1q_u8(data + i), pattern);
        for (size_t j = 16; j < 64; j += 16)
            equal = vandq_u8(equal, vceqq_u8(vld1q_u8(data + i + j), pattern));
        if (vminvq_u8(equal) == 0)
            break;
    }
    return i + sf_scalar.run_length(data + i, bytes - i, byte);
}

/* ---- MinCDC ---- */

/* Positions are hashed four to a register, every fourth one, and four registers fill the gaps.
 * A lane remembers its smallest hash and the first block of positions that held it; the word of the
 * smallest hash of all is then looked for in its first block only. */
enum { LANES = 4, STEP = 4 * LANES, POSITIONS = 128 };

static inline uint32x4_t hashes(const uint8_t *words)
{
    uint32x4_t values = vreinterpretq_u32_u8(vld1q_u8(words));
    return vmlaq_u32(vdupq_n_u32(SF_CUT_B), values, vdupq_n_u32(SF_CUT_A));
}

static inline uint32x4_t smallest_of_block(const uint8_t *words)
{
    uint32x4_t smallest = vdupq_n_u32(UINT32_MAX);
    for (size_t i = 0; i < POSITIONS; i += STEP) {
        uint32x4_t even = vminq_u32(hashes(words + i), hashes(words + i + 2));
        uint32x4_t odd = vminq_u32(hashes(words + i + 1), hashes(words + i + 3));
        smallest = vminq_u32(smallest, vminq_u32(even, odd));
    }
    return smallest;
}

/* Where in the block `word` first begins: at 0 if nowhere, as when another thread writes there. */
static inline size_t find_word(const uint8_t *block, uint32_t word)
{
    for (size_t i = 0; i < POSITIONS; i++)
        if (sf_load32(block + i) == word)
            return i;
    return 0;
}

static size_t min_cut(const uint8_t *data, size_t first, size_t last)
{
    const uint8_t *words = data + first - 4;
    size_t positions = last - first + 1;
    if (positions < POSITIONS)
        return sf_scalar.min_cut(data, first, last);
    uint32x4_t smallest = smallest_of_block(words), starts = vdupq_n_u32(0);
    for (size_t next = POSITIONS; next < positions; next += POSITIONS) {
        /* The last block overlaps the one before, which wins the tie. */
        size_t start = next < positions - POSITIONS ? next : positions - POSITIONS;
        uint32x4_t here = smallest_of_block(words + start);
        uint32x4_t smaller = vcltq_u32(here, smallest);
        smallest = vminq_u32(smallest, here);
        starts = vbslq_u32(smaller, vdupq_n_u32((uint32_t)start), starts);
    }
    uint32_t hash = vminvq_u32(smallest);
    uint32x4_t holders = vceqq_u32(smallest, vdupq_n_u32(hash));
    size_t start = vminvq_u32(vornq_u32(starts, holders));
    return first + start + find_word(words + start, (hash - SF_CUT_B) * SF_CUT_A_INVERSE);
}

const sf_kernel sf_neon = {
    .name = "neon",
    .runs_here = always,
    .accumulate = accumulate,
    .run_length = run_length,
    .min_cut = min_cut,
};

#endif
