/* How often each byte value occurs: a sample of windows, for the order-0 entropy of a kind of data. */
#include "internal.h"

enum { WEIGHT = SF_COUNTED_BLOCK_BYTES / SF_COUNTED_WINDOW_BYTES };

/* What one count holds, even if all bytes are the same. */
enum { WINDOWS_MAX = UINT16_MAX / SF_COUNTED_WINDOW_BYTES };
_Static_assert(SF_COUNTED_BLOCK_BYTES <= UINT16_MAX, "the tail of a stream fits the tables");

static void add_weighted(uint64_t totals[256], sf_counts counts, uint64_t weight)
{
    for (unsigned value = 0; value < 256; value++)
        totals[value] += weight * sf_count_of(counts, value);
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
        sf_counts counts = {{0}};
        size_t end = blocks - done < WINDOWS_MAX ? blocks : done + WINDOWS_MAX;
        for (; done < end; done++)
            sf_count_values(
                counts,
                counted_window(data + done * SF_COUNTED_BLOCK_BYTES, first_block + done),
                SF_COUNTED_WINDOW_BYTES);
        add_weighted(totals, counts, WEIGHT);
    }
    size_t counted = blocks * SF_COUNTED_BLOCK_BYTES;
    if (!last || counted == bytes)
        return counted;
    sf_counts counts = {{0}};
    sf_count_values(counts, data + counted, bytes - counted);
    add_weighted(totals, counts, 1);
    return bytes;
}
