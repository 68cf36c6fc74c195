/* The reference for every other kernel: plain C, any processor. */
#include "similar.h"

static int runs_everywhere(void)
{
    return 1;
}

/* ---- XXH3, "algorithm description for large inputs", steps 2 and 3 ---- */

static inline void accumulate_stripe(uint64_t acc[8], const uint8_t *stripe, const uint8_t *secret)
{
    for (unsigned i = 0; i < 8; i++) {
        uint64_t lane = sf_load64(stripe + 8 * i);
        uint64_t value = lane ^ sf_load64(secret + 8 * i);
        acc[i ^ 1] += lane;
        acc[i] += (value & UINT32_MAX) * (value >> 32);
    }
}

static inline void scramble(uint64_t acc[8])
{
    for (unsigned i = 0; i < 8; i++)
        acc[i] = (acc[i] ^ (acc[i] >> 47) ^ sf_load64(SF_SECRET_OF_SCRAMBLE + 8 * i)) *
                 SF_XXH3_PRIME32_1;
}

static void accumulate_scalar(uint64_t acc[8], const uint8_t *data, size_t bytes)
{
    const uint8_t *last_stripe = data + bytes - SF_STRIPE_BYTES;
    for (size_t block = (bytes - 1) / SF_BLOCK_BYTES; block > 0; block--, data += SF_BLOCK_BYTES) {
        for (size_t n = 0; n < SF_BLOCK_STRIPES; n++)
            accumulate_stripe(acc, data + n * SF_STRIPE_BYTES, SF_SECRET_OF_STRIPE(n));
        scramble(acc);
    }
    for (size_t n = 0; n < (bytes - 1) % SF_BLOCK_BYTES / SF_STRIPE_BYTES; n++)
        accumulate_stripe(acc, data + n * SF_STRIPE_BYTES, SF_SECRET_OF_STRIPE(n));
    accumulate_stripe(acc, last_stripe, SF_SECRET_OF_LAST);
}

/* ---- runs ---- */

/* Whether any of 32 bytes differs from those of the pattern. */
static inline int differs(const uint8_t *data, uint64_t pattern)
{
    return ((sf_load64(data) ^ pattern) | (sf_load64(data + 8) ^ pattern) |
            (sf_load64(data + 16) ^ pattern) | (sf_load64(data + 24) ^ pattern)) != 0;
}

static inline uint64_t pattern_of(uint8_t byte)
{
    return byte * UINT64_C(0x0101010101010101);
}

static size_t run_length_scalar(const uint8_t *data, size_t bytes, uint8_t byte)
{
    uint64_t pattern = pattern_of(byte);
    size_t i = 0;
    while (bytes - i >= 32 && !differs(data + i, pattern))
        i += 32;
    while (i < bytes && data[i] == byte)
        i++;
    return i;
}

/* ---- MinCDC ---- */

static inline int32_t cut_hash(const uint8_t *end)
{
    return (int32_t)(sf_load32(end - 4) * SF_CUT_A);
}

static size_t min_cut_scalar(const uint8_t *data, size_t first, size_t last)
{
    size_t best = first;
    int32_t smallest = cut_hash(data + first);
    for (size_t i = first + 1; i <= last; i++) {
        int32_t hash = cut_hash(data + i);
        if (hash < smallest) {
            smallest = hash;
            best = i;
        }
    }
    return best;
}

/* ---- samples for features ---- */

static inline int is_sample(const uint8_t *data)
{
    uint32_t hash = (sf_load32(data) + 5 * sf_load32(data + 4)) * SF_CUT_A;
    return (int32_t)hash >= SF_SAMPLED_FROM;
}

static void sample_scalar(const uint8_t *data, size_t positions, uint64_t *masks)
{
    for (size_t i = 0; i < positions; i += 64) {
        size_t count = positions - i < 64 ? positions - i : 64;
        uint64_t mask = 0;
        for (size_t window = 0; window < count; window++)
            mask |= (uint64_t)is_sample(data + i + window) << SF_MASK_BIT(window);
        masks[i / 64] = mask;
    }
}

const sf_kernel sf_scalar = {
    .name = "scalar",
    .runs_here = runs_everywhere,
    .accumulate = accumulate_scalar,
    .run_length = run_length_scalar,
    .min_cut = min_cut_scalar,
    .sample = sample_scalar,
};
