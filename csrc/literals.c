/* What the literals of Zstandard frames cost (RFC 8878), estimated from counts of their bytes. */
#include "planes.h"

#include <math.h>

enum {
    SYMBOLS = 256,
    CODE_BITS_MAX = 11,
    BLOCK_BYTES = 128 << 10,
    BLOCK_HEADER_BYTES = 3,
    /* Shorter literals are stored by libzstd. */
    CODED_BYTES_MIN = 64,
    SAMPLED_ITEMS_MIN = 32 << 10
};

/* ---- Huffman ---- */

typedef struct {
    uint64_t count;
    unsigned symbol, bits;
} leaf;

/* Ascending; Shell's sort, with the gaps of Ciura. */
static void sort(leaf *leaves, size_t count)
{
    static const size_t gaps[] = {57, 23, 10, 4, 1};
    for (size_t g = 0; g < sizeof gaps / sizeof *gaps; g++)
        for (size_t i = gaps[g]; i < count; i++) {
            leaf moved = leaves[i];
            size_t at = i;
            for (; at >= gaps[g] && leaves[at - gaps[g]].count > moved.count; at -= gaps[g])
                leaves[at] = leaves[at - gaps[g]];
            leaves[at] = moved;
        }
}

/* Code lengths of at least two leaves, sorted: Huffman's, by van Leeuwen's two queues. */
static void code(leaf *leaves, size_t count)
{
    uint64_t weights[SYMBOLS];
    size_t parents[2 * SYMBOLS];
    unsigned depths[SYMBOLS];
    size_t leaf_next = 0, node_next = 0;
    for (size_t node = 0; node < count - 1; node++) {
        weights[node] = 0;
        for (int child = 0; child < 2; child++) {
            int is_leaf = leaf_next < count && (node_next == node ||
                                                leaves[leaf_next].count <= weights[node_next]);
            weights[node] += is_leaf ? leaves[leaf_next].count : weights[node_next];
            parents[is_leaf ? leaf_next++ : count + node_next++] = node;
        }
    }
    depths[count - 2] = 0;
    for (size_t node = count - 2; node-- > 0;)
        depths[node] = depths[parents[count + node]] + 1;
    for (size_t i = 0; i < count; i++)
        leaves[i].bits = depths[parents[i]] + 1;
}

/* Shortens the codes that are too long, and pays for it with the rarest of the others. */
static void limit(leaf *leaves, size_t count, unsigned bits_max)
{
    /* Kraft's sum in units of the longest code. */
    uint64_t used = 0, room = UINT64_C(1) << bits_max;
    for (size_t i = 0; i < count; i++) {
        if (leaves[i].bits > bits_max)
            leaves[i].bits = bits_max;
        used += room >> leaves[i].bits;
    }
    for (size_t i = 0; used > room && i < count; i++)
        while (used > room && leaves[i].bits < bits_max)
            used -= room >> ++leaves[i].bits;
}

/* ---- blocks and frames ---- */

/* -log2 of p in 0..1, times p. */
static double surprise(double p)
{
    return p > 0 ? -p * log2(p) : 0;
}

/* The description of the code: its weights but the last one, coded by FSE, or in four bits each
 * where no more than 128 are needed. */
static uint64_t description_bytes(const leaf *leaves, size_t count, unsigned last)
{
    unsigned longest = 0, weights[CODE_BITS_MAX + 1] = {0}, kinds = 0, heaviest = 0;
    for (size_t i = 0; i < count; i++)
        if (leaves[i].bits > longest)
            longest = leaves[i].bits;
    for (size_t i = 0; i < count; i++)
        weights[longest + 1 - leaves[i].bits]++;
    weights[0] = last + 1 - (unsigned)count;
    double bits = 0;
    for (unsigned weight = 0; weight <= CODE_BITS_MAX; weight++) {
        bits += last * surprise((double)weights[weight] / (last + 1));
        if (weights[weight]) {
            heaviest = weight;
            kinds++;
        }
    }
    /* The table of the weights' code, four bits or so for each weight up to the heaviest, and two
     * states of the coder: fitted to what libzstd 1.5.7 writes (2026-11-21). */
    uint64_t fse = 1 + (uint64_t)(bits + 4.0 + 3.5 * heaviest + 12.0) / 8;
    uint64_t plain = 1 + (last + 1) / 2;
    return kinds > 1 && (last > 128 || fse < plain) ? fse : plain;
}

static unsigned highest_bit(size_t n)
{
    return 63 - (unsigned)__builtin_clzll(n);
}

/* The longest code that libzstd lets a block of `size` bytes up to `last` have. */
static unsigned code_bits_max(size_t size, unsigned last)
{
    unsigned by_size = highest_bit(size - 1) - 1, least = highest_bit(last | 1) + 2;
    unsigned most = by_size < CODE_BITS_MAX ? by_size : CODE_BITS_MAX;
    return most < least ? least : most;
}

/* A block of `size` bytes, of which `counts` says what they are. */
static uint64_t block_bytes(const uint64_t counts[SYMBOLS], size_t size)
{
    leaf leaves[SYMBOLS];
    size_t count = 0;
    uint64_t counted = 0;
    for (unsigned symbol = 0; symbol < SYMBOLS; symbol++)
        if (counts[symbol]) {
            leaves[count++] = (leaf){counts[symbol], symbol, 0};
            counted += counts[symbol];
        }
    if (count == 1)
        return 1;
    if (size < CODED_BYTES_MIN)
        return size;
    unsigned last = leaves[count - 1].symbol;
    sort(leaves, count);
    code(leaves, count);
    limit(leaves, count, code_bits_max(size, last));
    double bits = 0;
    for (size_t i = 0; i < count; i++)
        bits += (double)leaves[i].count * leaves[i].bits;
    bits *= (double)size / (double)counted;
    /* One stream or four with a table of jumps; a stream ends in a bit and is filled up. */
    uint64_t streams = size < 256 ? 1 : 6 + 2;
    uint64_t header = size < 1024 ? 3 : size < 16384 ? 4 : 5;
    uint64_t coded = header + description_bytes(leaves, count, last) + streams + (uint64_t)bits / 8 + 1;
    /* libzstd wants to gain this much. */
    return coded + (size >> 6) + 2 < size ? coded : size;
}

static uint64_t frame_header_bytes(size_t size)
{
    return 4 + 1 + (size < 256 ? 1 : size < 65536 + 256 ? 2 : 4);
}

sf_error sf_estimate_literals(uint64_t *bytes, const uint8_t *data, size_t items,
                              size_t item_bytes, size_t plane, size_t frame_items)
{
    if (!frame_items || plane >= item_bytes)
        return SF_ERROR_FIELD;
    *bytes = 0;
    while (items > 0) {
        size_t frame = items < frame_items ? items : frame_items;
        uint64_t coded = frame_header_bytes(frame);
        for (size_t done = 0; done < frame;) {
            size_t block = frame - done < BLOCK_BYTES ? frame - done : BLOCK_BYTES;
            uint64_t counts[SYMBOLS] = {0};
            sf_field field = {8 * (unsigned)plane, 8};
            const uint8_t *first = data + done * item_bytes;
            sf_error error = block < SAMPLED_ITEMS_MIN
                                 ? sf_count_field(counts, first, block, item_bytes, field)
                                 : sf_count_sample(counts, first, block, item_bytes, field);
            if (error)
                return error;
            coded += BLOCK_HEADER_BYTES + block_bytes(counts, block);
            done += block;
        }
        *bytes += coded < frame ? coded : frame;
        data += frame * item_bytes;
        items -= frame;
    }
    return SF_OK;
}
