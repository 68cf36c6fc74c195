/* The reference for every other kernel: plain C, any processor. */
#include "storeff.h"

static int always(void)
{
    return 1;
}

/* ---- XXH3, "algorithm description for large inputs", steps 2 and 3 ---- */

enum { STRIPE = 64, STRIPES_PER_BLOCK = 16, BLOCK = STRIPE * STRIPES_PER_BLOCK };

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
    const uint8_t *secret = sf_xxh3_secret + sizeof sf_xxh3_secret - STRIPE;
    for (unsigned i = 0; i < 8; i++)
        acc[i] = (acc[i] ^ (acc[i] >> 47) ^ sf_load64(secret + 8 * i)) * UINT64_C(0x9E3779B1);
}

static void accumulate(uint64_t acc[8], const uint8_t *data, size_t bytes)
{
    const uint8_t *last_stripe = data + bytes - STRIPE;
    for (size_t block = (bytes - 1) / BLOCK; block > 0; block--, data += BLOCK) {
        for (size_t n = 0; n < STRIPES_PER_BLOCK; n++)
            accumulate_stripe(acc, data + n * STRIPE, sf_xxh3_secret + n * 8);
        scramble(acc);
    }
    for (size_t n = 0; n < (bytes - 1) % BLOCK / STRIPE; n++)
        accumulate_stripe(acc, data + n * STRIPE, sf_xxh3_secret + n * 8);
    accumulate_stripe(acc, last_stripe, sf_xxh3_secret + sizeof sf_xxh3_secret - 71);
}

/* ---- runs ---- */

static size_t run_length(const uint8_t *data, size_t bytes, uint8_t byte)
{
    uint64_t pattern = byte * UINT64_C(0x0101010101010101);
    size_t i = 0;
    for (; bytes - i >= 32; i += 32) {
        uint64_t difference = (sf_load64(data + i) ^ pattern) | (sf_load64(data + i + 8) ^ pattern) |
                              (sf_load64(data + i + 16) ^ pattern) |
                              (sf_load64(data + i + 24) ^ pattern);
        if (difference)
            break;
    }
    while (i < bytes && data[i] == byte)
        i++;
    return i;
}

/* ---- MinCDC ---- */

/* h(v) = v * a + b mod 2^32 of the four bytes before the cut, v little-endian. a is a prime next
 * to 2^32 / golden ratio (Knuth, TAOCP 3, 6.4: multiplicative hashing), b is xxHash's second
 * 32-bit prime: it puts the word 0 in mid-range, so that zero padding neither draws nor repels a
 * cut. */
static inline uint32_t cut_hash(const uint8_t *end)
{
    return sf_load32(end - 4) * UINT32_C(0x9E3779B1) + UINT32_C(0x85EBCA77);
}

static size_t min_cut(const uint8_t *data, size_t first, size_t last)
{
    size_t best = first;
    uint32_t smallest = cut_hash(data + first);
    for (size_t i = first + 1; i <= last; i++) {
        uint32_t hash = cut_hash(data + i);
        if (hash < smallest) {
            smallest = hash;
            best = i;
        }
    }
    return best;
}

/* ---- byte statistics ---- */

/* Four tables, because equal neighbours would wait for each other's increment in one. */
static void histogram(uint64_t counts[256], const uint8_t *data, size_t bytes)
{
    while (bytes > 0) {
        /* A 32-bit count holds any part of this size. */
        size_t part = bytes < ((size_t)1 << 30) ? bytes : (size_t)1 << 30;
        uint32_t tables[4][256] = {{0}};
        size_t i = 0;
        for (; part - i >= 8; i += 8) {
            uint64_t word = sf_load64(data + i);
            tables[0][word & 255]++;
            tables[1][word >> 8 & 255]++;
            tables[2][word >> 16 & 255]++;
            tables[3][word >> 24 & 255]++;
            tables[0][word >> 32 & 255]++;
            tables[1][word >> 40 & 255]++;
            tables[2][word >> 48 & 255]++;
            tables[3][word >> 56]++;
        }
        for (; i < part; i++)
            tables[0][data[i]]++;
        for (unsigned value = 0; value < 256; value++)
            counts[value] += (uint64_t)tables[0][value] + tables[1][value] + tables[2][value] +
                             tables[3][value];
        data += part;
        bytes -= part;
    }
}

const sf_kernel sf_scalar = {
    .name = "scalar",
    .runs_here = always,
    .accumulate = accumulate,
    .run_length = run_length,
    .min_cut = min_cut,
    .histogram = histogram,
};
