/* Arrays of numbers of 1, 2, 4 or 8 bytes, little-endian and at any alignment: their byte planes
 * and how often each value of a field of bits occurs. */
#ifndef STOREFF_PLANES_H
#define STOREFF_PLANES_H

#include "internal.h"

/* The widest field, the mantissa of f16, has this many; sign and exponent of bf16 have nine. */
#define SF_FIELD_BITS_MAX 10

/* Bits [shift, shift + bits) of an item. */
typedef struct {
    unsigned shift, bits;
} sf_field;

/* planes[k * items + i] = data[i * item_bytes + k]. The arrays must not overlap. */
sf_error sf_split_planes(uint8_t *planes, const uint8_t *data, size_t items, size_t item_bytes);

/* Adds to counts[2^bits] how often each value of the field occurs. */
sf_error sf_count_field(uint64_t *counts, const uint8_t *data, size_t items, size_t item_bytes,
                        sf_field field);

/* As sf_count_field, for rows of `channels` items, to counts[channels][2^bits]. */
sf_error sf_count_field_by_channel(uint64_t *counts, const uint8_t *data, size_t rows,
                                   size_t channels, size_t item_bytes, sf_field field);

#endif
