/* How often each byte value occurs: a sample of windows, for the order-0 entropy of a kind of data. */
#include "internal.h"

enum { WEIGHT = SF_COUNTED_BLOCK_BYTES / SF_COUNTED_WINDOW_BYTES };

/* Increments wait for the last one of the same count, so bytes of one value spread theirs over
 * eight tables. */
typedef uint32_t tables[8][256];

static void count_values(tables counts, const uint8_t *data, size_t bytes)
{
    size_t i = 0;
    for (; bytes - i >= 8; i += 8)
        for (size_t k = 0; k < 8; k++)
            counts[k][data[i + k]]++;
    for (; i < bytes; i++)
        counts[0][data[i]]++;
}

static void add_weighted(uint64_t totals[256], tables counts, uint64_t weight)
{
    for (unsigned value = 0; value < 256; value++)
        for (unsigned k = 0; k < 8; k++)
            totals[value] += weight * counts[k][value];
}

/* A cache line of the block: the same for equal blocks at equal places, else as good as random, so
 * that neither headers nor the paddings of pages are met more often than they occur. */
static const uint8_t *counted_window(const uint8_t *block, uint64_t number)
{
    uint64_t ends = sf_load64(block) ^ sf_load64(block + SF_COUNTED_BLOCK_BYTES - 8);
    uint64_t mixed = (ends ^ number * UINT64_C(0xD6E8FEB86659FD93)) * UINT64_C(0x9E3779B97F4A7C15);
    /* Of the 4096 / 64 windows of a block. */
    return block + (mixed >> 58) * SF_COUNTED_WINDOW_BYTES;
}

size_t sf_count_bytes(uint64_t totals[256], const uint8_t *data, size_t bytes,
                      uint64_t first_block, int last)
{
    size_t blocks = bytes / SF_COUNTED_BLOCK_BYTES, done = 0;
    while (done < blocks) {
        tables counts = {{0}};
        /* A 32-bit count holds as many windows. */
        size_t end = blocks - done < 1 << 20 ? blocks : done + (1 << 20);
        for (; done < end; done++)
            count_values(
                counts,
                counted_window(data + done * SF_COUNTED_BLOCK_BYTES, first_block + done),
                SF_COUNTED_WINDOW_BYTES);
        add_weighted(totals, counts, WEIGHT);
    }
    size_t counted = blocks * SF_COUNTED_BLOCK_BYTES;
    if (!last || counted == bytes)
        return counted;
    tables counts = {{0}};
    count_values(counts, data + counted, bytes - counted);
    add_weighted(totals, counts, 1);
    return bytes;
}
