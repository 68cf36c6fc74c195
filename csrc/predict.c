/* What of a chunk a codec would leave, roughly, from a look at a sixteenth of it: a tiny LZ77, and the
 * entropy of its literals.
 *
 * Integers only, so that every machine finds the same. */
#include "internal.h"

enum {
    PIECES = 8,
    PIECE_BYTES = 512,
    SAMPLE_BYTES = PIECES * PIECE_BYTES,
    PADDING_BYTES = 16, /* of what is read and written 16 bytes at a time */
    HASH_BITS = 11,
    MATCH_BYTES_MIN = 4,
    MATCH_BITS = 12, /* what a match is taken to cost */
    MISSES_SHIFT = 5,
    FRACTION_BITS = 16,
};

/* ---- the sample ---- */

static size_t take_sample(uint8_t *sample, const uint8_t *data, size_t bytes)
{
    size_t length = bytes;
    if (bytes < SAMPLE_BYTES) {
        memcpy(sample, data, bytes);
    } else {
        length = SAMPLE_BYTES;
        for (size_t i = 0; i < PIECES; i++)
            memcpy(sample + i * PIECE_BYTES, data + i * (bytes - PIECE_BYTES) / (PIECES - 1),
                   PIECE_BYTES);
    }
    memset(sample + length, 0, PADDING_BYTES);
    return length;
}

/* ---- literals ---- */

static inline size_t slot_of(uint32_t word)
{
    return word * SF_XXH3_PRIME32_1 >> (32 - HASH_BITS);
}

/* How many bytes at `at` are equal to those at `before`, the first ones of which are. */
static inline size_t match_length(const uint8_t *sample, size_t length, size_t before, size_t at)
{
    size_t matched = MATCH_BYTES_MIN, most = length - at;
    while (matched < most) {
        uint64_t differs = sf_load64(sample + at + matched) ^ sf_load64(sample + before + matched);
        if (differs) {
            matched += (size_t)__builtin_ctzll(differs) / 8;
            break;
        }
        matched += 8;
    }
    return matched < most ? matched : most;
}

/* Bytes beyond `length` are copied as well, but fewer than PADDING_BYTES. */
static inline uint8_t *copy_literals(uint8_t *to, const uint8_t *from, size_t length)
{
    for (size_t i = 0; i < length; i += PADDING_BYTES)
        memcpy(to + i, from + i, PADDING_BYTES);
    return to + length;
}

/* Puts the bytes that no match covers one after the other; returns how many they are. */
static size_t find_literals(uint8_t *literals, size_t *matches, const uint8_t *sample,
                            size_t length)
{
    /* Where a word with that hash was seen last. The first word is at 0, as an empty slot says. */
    uint16_t table[1 << HASH_BITS] = {0};
    uint8_t *end = literals;
    size_t literal_at = 0, misses = 1;
    *matches = 0;
    for (size_t at = 1; at + MATCH_BYTES_MIN <= length;) {
        uint32_t word = sf_load32(sample + at);
        uint16_t *slot = &table[slot_of(word)];
        size_t before = *slot;
        *slot = (uint16_t)at;
        if (sf_load32(sample + before) != word) {
            at += 1 + (misses++ >> MISSES_SHIFT);
            continue;
        }
        end = copy_literals(end, sample + literal_at, at - literal_at);
        at += match_length(sample, length, before, at);
        literal_at = at;
        misses = 0;
        ++*matches;
    }
    return (size_t)(copy_literals(end, sample + literal_at, length - literal_at) - literals);
}

/* ---- entropy ---- */

/* log2(n) of 1 <= n <= 2^16, in units of 2^-16, to within 3 of these: between powers of two
 * log2(1 + f) = f + f (1 - f) p(f), where p is the cubic that is nearest. It does not fall. */
static inline uint32_t log2_fixed(uint32_t n)
{
    uint32_t exponent = 31 - (uint32_t)__builtin_clz(n), one = UINT32_C(1) << FRACTION_BITS;
    uint32_t f = (n << (FRACTION_BITS - exponent)) - one;
    uint32_t p = 28961 - (f * (17510 - (f * (9727 - (f * 2959 >> 16)) >> 16)) >> 16);
    return (exponent << FRACTION_BITS) + f + ((f * (one - f) >> 16) * p >> 16);
}

/* Bits that an ideal code of order 0 takes for all of `literals`, in units of 2^-16. */
static uint64_t entropy_bits(const uint8_t *literals, size_t count)
{
    sf_counts counts = {{0}};
    sf_count_values(counts, literals, count);
    if (count == 0)
        return 0;
    uint64_t bits = (uint64_t)count * log2_fixed((uint32_t)count);
    for (size_t value = 0; value < 256; value++) {
        uint32_t n = sf_count_of(counts, value);
        bits -= (uint64_t)n * log2_fixed(n | (n == 0));
    }
    return bits;
}

/* ---- the prediction ---- */

/* `part` of `whole`, of which the chunk has `bytes`: rounded, 1 to `bytes`. */
static uint32_t scaled(uint64_t part, uint64_t whole, size_t bytes)
{
    uint64_t found = (part * bytes + whole / 2) / whole;
    if (found < 1)
        return 1;
    return (uint32_t)(found < bytes ? found : bytes);
}

void sf_predict(const uint8_t *data, size_t bytes, uint32_t predicted[2])
{
    uint8_t sample[SAMPLE_BYTES + PADDING_BYTES], literals[SAMPLE_BYTES + PADDING_BYTES];
    size_t matches, length = take_sample(sample, data, bytes);
    size_t count = find_literals(literals, &matches, sample, length);
    uint64_t coded_bits =
        entropy_bits(literals, count) + ((uint64_t)matches * MATCH_BITS << FRACTION_BITS);
    predicted[0] = scaled(count, length, bytes);
    predicted[1] = scaled(coded_bits, (uint64_t)length * 8 << FRACTION_BITS, bytes);
}
