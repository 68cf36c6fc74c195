/* Arrays of numbers of 1, 2, 4 or 8 bytes, little-endian and at any alignment: their byte planes,
 * how often each value of a field of bits occurs, and how far a plane shrinks. */
#ifndef STOREFF_PLANES_H
#define STOREFF_PLANES_H

#include "internal.h"

/* The widest field, the mantissa of f16, has this many; sign and exponent of bf16 have nine. */
#define SF_FIELD_BITS_MAX 10

/* Of blocks of keys and values coded as by sf_estimate_literals, a quarter would be judged at a sixth
 * of the time that coding takes, an eighth at a thirteenth, and still within 1.1 % of each block of
 * 128 KiB and 0.4 % of all (2026-11-21). */
#define SF_SAMPLE_SHARE ((size_t)8)
#define SF_SAMPLE_ITEMS ((size_t)64)

/* Bits [shift, shift + bits) of an item. */
typedef struct {
    unsigned shift, bits;
} sf_field;

/* planes[k * items + i] = data[i * item_bytes + k]. The arrays must not overlap. */
sf_error sf_split_planes(uint8_t *planes, const uint8_t *data, size_t items, size_t item_bytes);

/* The inverse. */
sf_error sf_join_planes(uint8_t *data, const uint8_t *planes, size_t items, size_t item_bytes);

/* Adds to counts[2^bits] how often each value of the field occurs. */
sf_error sf_count_field(uint64_t *counts, const uint8_t *data, size_t items, size_t item_bytes,
                        sf_field field);

/* The same, from one window in SF_SAMPLE_SHARE, which stands for the others of its group. */
sf_error sf_count_sample(uint64_t *counts, const uint8_t *data, size_t items, size_t item_bytes,
                         sf_field field);

/* As sf_count_field, for rows of `channels` items, to counts[channels][2^bits]. */
sf_error sf_count_field_by_channel(uint64_t *counts, const uint8_t *data, size_t rows,
                                   size_t channels, size_t item_bytes, sf_field field);

/* What byte plane `plane` costs when every `frame_items` of its bytes (the last ones may be fewer)
 * become a Zstandard frame of Huffman-coded literals without a match, or are stored if that is no
 * larger: estimated, without coding. Blocks of 32 KiB or more (RFC 8878: at most 128 KiB) are judged
 * by a sample of their bytes. */
sf_error sf_estimate_literals(uint64_t *bytes, const uint8_t *data, size_t items,
                              size_t item_bytes, size_t plane, size_t frame_items);

#endif
