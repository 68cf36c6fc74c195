/* What the files of csrc share, and nobody else: kernels, byte statistics, sketches, scanners. */
#ifndef STOREFF_INTERNAL_H
#define STOREFF_INTERNAL_H

#include <string.h>

#include "storeff.h"

/* ---- words in memory, little-endian and at any alignment ---- */

static inline uint32_t sf_load32(const uint8_t *data)
{
    uint32_t word;
    memcpy(&word, data, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap32(word);
#endif
    return word;
}

static inline uint64_t sf_load64(const uint8_t *data)
{
    uint64_t word;
    memcpy(&word, data, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* How often each byte value occurs in at most UINT16_MAX bytes: the sum of four tables, as an
 * increment waits for the last one of the same count. They are small, as of few bytes to clear and
 * to add them takes as long as to count. */
typedef uint16_t sf_counts[4][256];

static inline void sf_count_values(sf_counts counts, const uint8_t *data, size_t bytes)
{
    size_t i = 0;
    for (; bytes - i >= 8; i += 8) {
        uint64_t word = sf_load64(data + i);
        for (unsigned k = 0; k < 8; k++)
            counts[k % 4][word >> 8 * k & 0xFF]++;
    }
    for (; i < bytes; i++)
        counts[0][data[i]]++;
}

static inline uint32_t sf_count_of(sf_counts counts, size_t value)
{
    return (uint32_t)counts[0][value] + counts[1][value] + counts[2][value] + counts[3][value];
}

/* Finaliser of splitmix64 (Steele, Lea, Flood 2014; Stafford's variant 13 of murmur3's fmix64). */
static inline uint64_t sf_mix64(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

/* ---- kernels ---- */

struct sf_kernel {
    const char *name;
    int (*runs_here)(void);
    /* XXH3, inputs over 240 bytes: fold all of `data` into the eight accumulators. */
    void (*accumulate)(uint64_t acc[8], const uint8_t *data, size_t bytes);
    /* How many leading bytes equal `byte`. */
    size_t (*run_length)(const uint8_t *data, size_t bytes, uint8_t byte);
    /* MinCDC: the chunk length in [first, last] with the smallest hash, the shortest on a tie.
     * 4 <= first <= last <= SF_CHUNK_BYTES_MAX. */
    size_t (*min_cut)(const uint8_t *data, size_t first, size_t last);
    /* Bit SF_MASK_BIT(i % 64) of masks[i / 64] says whether the window at data + i is a sample
     * (similar.h), for i < positions; the other bits of the last mask are 0. Reads positions + 7
     * bytes. */
    void (*sample)(const uint8_t *data, size_t positions, uint64_t *masks);
};

extern const sf_kernel sf_scalar;
#if defined(__x86_64__)
extern const sf_kernel sf_avx2, sf_avx512;
#endif

/* XXH3, "algorithm description for large inputs". */
#define SF_STRIPE_BYTES ((size_t)64)
#define SF_BLOCK_STRIPES ((size_t)16)
#define SF_BLOCK_BYTES (SF_STRIPE_BYTES * SF_BLOCK_STRIPES)
#define SF_XXH3_PRIME32_1 UINT32_C(0x9E3779B1)

/* Hidden: what a shared library exports is fetched through its table of addresses, and gcc 12 then
 * leaves the loops over stripes rolled up (AVX-512: half the speed, 2026-11-21). */
extern const uint8_t sf_xxh3_secret[192] __attribute__((visibility("hidden")));

/* Where in the secret each stripe of a block, the last stripe and the scramble begin. */
#define SF_SECRET_OF_STRIPE(n) (sf_xxh3_secret + (n) * 8)
#define SF_SECRET_OF_LAST (sf_xxh3_secret + sizeof sf_xxh3_secret - SF_STRIPE_BYTES - 7)
#define SF_SECRET_OF_SCRAMBLE (sf_xxh3_secret + sizeof sf_xxh3_secret - SF_STRIPE_BYTES)

/* MinCDC: h(v) = v * a + b mod 2^32 of the four bytes before the cut, v little-endian. a is odd, so
 * each hash has one word: the inverse of a mod 2^32 leads back to it. b is 2^31: it puts the word 0
 * in mid-range, so that zero padding neither draws nor repels a cut, and to add it and compare
 * unsigned is to compare v * a signed, so nobody adds it. Where a frequent word has the smallest
 * hash, a cut depends on where the window begins. Of 24 multipliers drawn at random this one has the
 * fewest windows of 6 KiB whose smallest hash occurs twice: 36 % over text, JSON and programs, where
 * the worst has 58 % (2026-11-21). */
#define SF_CUT_A UINT32_C(0xA4AF40AF)
#define SF_CUT_A_INVERSE UINT32_C(0x4664164F)

/* ---- byte statistics ---- */

/* Counting every byte would cost twice as much as all chunkers together (2026-11-21). Of each full
 * block one window is counted, as often as makes up for the rest; the tail is counted whole. */
#define SF_COUNTED_BLOCK_BYTES ((size_t)4096)
#define SF_COUNTED_WINDOW_BYTES ((size_t)64)

/* Adds how often each byte value occurs in a stream of which `data` begins with the block number
 * `first_block`; `last`: the stream ends with it. Returns how many leading bytes it has counted. */
size_t sf_count_bytes(uint64_t counts[256], const uint8_t *data, size_t bytes,
                      uint64_t first_block, int last);

/* ---- the key of a whole file ---- */

/* Of the fingerprints of its blocks and the lengths of its gaps, which are holes and full blocks of
 * zeros alike, so that a file has the same key whichever of its zeros are stored:
 * digest = XXH3-128(digest, canonical fingerprint of a block) or
 *          XXH3-128(digest, "hole", length of the gap as 8 bytes little-endian), from 16 zeros. */
typedef struct {
    uint8_t digest[16];
    uint64_t gap_bytes; /* not folded in yet: adjacent gaps are one */
} sf_chain;

sf_error sf_chain_gap(sf_chain *chain, uint64_t gap_bytes);
void sf_chain_block(sf_chain *chain, const sf_kernel *kernel, sf_key block);
sf_key sf_chain_key(sf_chain *chain, const sf_kernel *kernel);

/* ---- sketch ---- */

struct sf_sketch {
    size_t capacity, count, allocated;
    uint64_t seed_mix;
    int is_sample;
    double tau; /* infinity: nothing was refused */
    double predicted_below; /* no rank from here on is among the SF_PREDICTED_MAX lowest */
    size_t predicted_count; /* entries below that were predicted, or more where some are gone */
    sf_entry *entries;
    uint64_t *table; /* open addressing */
    size_t table_mask;
    sf_bucket buckets[SF_BUCKETS];
};

void sf_sketch_init(sf_sketch *sketch, size_t capacity, uint64_t seed, int is_sample);
/* Frees what it holds, not the sketch. */
void sf_sketch_clear(sf_sketch *sketch);
/* Takes all the memory that the sketch will ever need. */
sf_error sf_sketch_reserve(sf_sketch *sketch);
/* Counts one reference to a chunk: its count is 1, its size above 0. *kept is the entry of the chunk,
 * until the next call, or NULL if there is none. */
sf_error sf_sketch_add(sf_sketch *sketch, const sf_entry *reference, sf_entry **kept);
/* Takes note that one more entry is predicted. */
void sf_sketch_predicted(sf_sketch *sketch);
/* Asks the memory for what sf_sketch_add of the same chunk will look at. */
void sf_sketch_prefetch(const sf_sketch *sketch, sf_key key, uint64_t size, double extent);
/* Leaves the `capacity` first entries by rank, without those that tie with the next. */
void sf_sketch_trim(sf_sketch *sketch);

/* ---- scanner ---- */

typedef struct sf_similar sf_similar;

#define SF_NO_CHUNKER SIZE_MAX

/* Chunks go to a sketch this many at a time: the memory that each needs is asked for before it is
 * needed (1 GB of unique data, all chunkers: the sketches took 0.10 s one by one; 2026-11-21). */
enum { SF_PENDING = 32 };

typedef struct {
    sf_key key;
    size_t length;
    uint64_t offset; /* in the object */
} sf_pending_chunk;

typedef struct {
    sf_stream stream; /* max_bytes is 0 if this chunker cuts nothing */
    size_t position;  /* where in the span its next or unfinished chunk begins */
    sf_similar *similar; /* what every chunk is handed to as well, or NULL */
    int chains;          /* its blocks make up the key of the whole file */
    int predicts;

    /* Whose blocks this one's are made of, instead of cutting itself, if any; first_built: who is
     * made of this one's, next_built: who else is of the same source's. */
    size_t source, first_built, next_built;
    size_t open_parts, open_bytes;
    int open_run; /* the byte value if the open block is constant so far, else -1 */
    sf_key open_key; /* of the first part */
    uint8_t open_digests[SF_FANOUT_MAX * 16];

    size_t pending_count;
    sf_pending_chunk pending[SF_PENDING];
    sf_sketch sketch;
    sf_totals totals;
} sf_chunker;

typedef enum {
    SF_IDLE,          /* no file is open */
    SF_SEGMENT_START, /* a file is open; a segment, a hole or the end may come */
    SF_SPANNED,       /* carry() must follow */
    SF_CARRIED,       /* in a segment */
    SF_SEGMENT_ENDED, /* a hole or the end may come */
    SF_FAILED         /* only abort() may come */
} sf_state;

struct sf_scanner {
    const sf_kernel *kernel;
    int is_sample;
    sf_state state;
    uint64_t labels;
    double extent;     /* sampling rank of the extent that is scanned; 0 in a full scan */
    const uint8_t *span; /* the data, until its chunks are in the sketches */
    size_t begin, end; /* what of the span counts */
    size_t carried;    /* leading bytes of the next span that the last one has seen */
    size_t span_bytes; /* length of the last span */
    uint64_t file_bytes;
    uint64_t zero_bytes; /* of these, in blocks that the chain takes for holes */
    uint64_t object, position; /* the number of the object; where in it the span begins */
    sf_chain chain;
    size_t buffer_bytes_min;
    size_t counted; /* where in the span the next block of byte statistics begins */
    uint64_t counted_blocks;
    /* The last bytes that were hashed: chunkers often agree on all of a small file. */
    const uint8_t *hashed;
    size_t hashed_bytes;
    sf_key hashed_key;
    sf_chunker *whole; /* in chunkers, or NULL */
    uint64_t histogram[SF_LABELS_MAX][256];
    size_t chunkers_count;
    sf_chunker chunkers[];
};

/* Adds, or leaves `total` as it was and returns 1. */
static inline int sf_add_overflows(uint64_t *total, uint64_t amount)
{
    uint64_t sum;
    if (__builtin_add_overflow(*total, amount, &sum))
        return 1;
    *total = sum;
    return 0;
}

static inline int sf_cuts_itself(const sf_chunker *c)
{
    return c->stream.max_bytes > 0 && c->source == SF_NO_CHUNKER;
}

/* Forgets the segment before. */
void sf_restart_streams(sf_scanner *scanner);

/* Whose blocks are made of whose. */
void sf_relate_chunkers(sf_scanner *scanner);
/* Cuts `data` with chunker `c` from its position on, up to the first cut that begins at `until` or
 * later. `last`: the segment ends with these bytes. */
sf_error sf_cut_span(sf_scanner *scanner, sf_chunker *c, const uint8_t *data, size_t bytes, int last,
                     size_t until);
/* Ends the open blocks that are made of those of `c`, as the segment does. */
sf_error sf_close_built(sf_scanner *scanner, const sf_chunker *c);
/* Hands every chunk that waits to its sketch. */
sf_error sf_flush_chunks(sf_scanner *scanner);

#endif
