/* The native core of storeff: cut files into chunks, fingerprint them, keep a content sketch.
 *
 * No global state. A function that can fail returns an sf_error; what it allocates belongs to the
 * handle it was given. One scanner is used by one thread at a time; scanners share nothing. */
#ifndef STOREFF_H
#define STOREFF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SF_CODECS_MAX 4
#define SF_GROUPS_MAX 64
#define SF_CHUNKERS_MAX 64
#define SF_CAPACITY_MAX ((size_t)1 << 30)
#define SF_CHUNK_BYTES_MAX ((size_t)1 << 30)
#define SF_CHAIN_BLOCK_BYTES ((size_t)128 << 10)
#define SF_FANOUT_MAX 64
#define SF_BUCKETS 4096

typedef enum {
    SF_OK = 0,
    SF_ERROR_MEMORY,
    SF_ERROR_CHUNKER,
    SF_ERROR_WHOLE_TWICE,
    SF_ERROR_GROUP,
    SF_ERROR_NO_FILE,
    SF_ERROR_FILE_OPEN,
    SF_ERROR_SEGMENT_OPEN,
    SF_ERROR_SEGMENT_ENDED,
    SF_ERROR_CARRY_FIRST,
    SF_ERROR_CARRY_TWICE,
    SF_ERROR_FAILED,
    SF_ERROR_LENGTH,
    SF_ERROR_BUFFER,
    SF_ERROR_HOLE,
    SF_ERROR_SIZE,
    SF_ERROR_OVERFLOW,
    SF_ERROR_CODECS,
    SF_ERROR_CONTENT,
    SF_ERROR_PLACE,
    SF_ERROR_UNLIKE,
    SF_ERROR_TRACE_SIZE,
    SF_ERROR_TRACE_OFFSETS,
    SF_ERROR_TRACE_TIMES,
    SF_ERROR_TRACE_TOKENS,
    SF_ERROR_TRACE_KEYS,
    SF_ERROR_TRACE_ADMISSION,
    SF_ERROR_TRACE_REUSES,
    SF_ERROR_ITEM,
    SF_ERROR_FIELD,
    SF_ERROR_CAPACITY
} sf_error;

/* What went wrong and what to do about it, for a person. */
const char *sf_error_text(sf_error error);

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

/* Finaliser of splitmix64 (Steele, Lea, Flood 2014; Stafford's variant 13 of murmur3's fmix64). */
static inline uint64_t sf_mix64(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

/* ---- kernels: the loops over bytes, one row for each instruction set ---- */

typedef struct {
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
} sf_kernel;

extern const sf_kernel sf_scalar;
#if defined(__x86_64__)
extern const sf_kernel sf_avx2, sf_avx512;
#endif

/* Every kernel that was built, fastest first, scalar last; NULL past the end. */
const sf_kernel *sf_kernel_at(size_t index);

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

/* ---- fingerprint: XXH3-128, seed 0, default secret ---- */

typedef struct {
    uint64_t high, low;
} sf_key;

sf_key sf_fingerprint(const sf_kernel *kernel, const uint8_t *data, size_t bytes);

/* The 16-byte big-endian form that the specification calls canonical. */
void sf_canonical(sf_key key, uint8_t digest[16]);

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

/* ---- cutting one stream ---- */

/* Fixed blocks if min_bytes == max_bytes, else MinCDC (min_bytes >= 4).
 * run_byte is the value of a run that may go on in the bytes to come; -1: none, and at the start of
 * every stream. */
typedef struct {
    size_t min_bytes, max_bytes;
    int run_byte;
} sf_stream;

typedef enum {
    SF_NEED_MORE, /* what is here is too little to decide, or nothing */
    SF_CHUNK,
    SF_RUN,       /* equal bytes: they are counted, not sketched */
    SF_RUN_MORE   /* more bytes of the run that was returned last */
} sf_piece;

/* The next piece of the stream at `data`; its length goes to *length (0 for SF_NEED_MORE).
 * `last`: the stream ends after these bytes. The pieces do not depend on how many bytes each call
 * offered, but for a run's: SF_RUN and the SF_RUN_MOREs after it are one run. */
sf_piece sf_next_piece(sf_stream *stream, const sf_kernel *kernel, const uint8_t *data,
                       size_t bytes, int last, size_t *length);

/* ---- sketch: priority sampling keyed by content ---- */

typedef struct {
    sf_key key;
    uint64_t size;
    uint64_t count;  /* references */
    uint64_t groups; /* bit g: seen in group g, or under mark g */
    double rank;
    uint32_t compressed[SF_CODECS_MAX]; /* bytes; 0: not known */
} sf_entry;

typedef struct {
    uint64_t references, bytes;
} sf_bucket;

/* Every chunk added that ranks below tau, the smallest rank that was ever refused or trimmed: once
 * trimmed, those that rank below all but the first `capacity` of everything added. Beside them,
 * by bucket of their keys, the exact totals of all references: one row of a Count-Min sketch (G.
 * Cormode, S. Muthukrishnan, J. Algorithms 55(1), 2005). They show which buckets hold a chunk with
 * very many references, kept or not. With 1,024 buckets the estimates were as good for real data of
 * 10,000 chunks; 4,096 show chunks with half as many references (30 with 1,000 each among 300,000,
 * 2,048 kept: RMSE 0.18 %, not 0.42 %; 2026-11-21). */
typedef struct {
    size_t capacity, count, allocated;
    uint64_t seed_mix;
    double tau; /* infinity: nothing was refused */
    sf_entry *entries;
    uint64_t *table; /* open addressing */
    size_t table_mask;
    sf_bucket buckets[SF_BUCKETS];
} sf_sketch;

/* Of SF_BUCKETS; independent of the rank. */
size_t sf_bucket_of(sf_key key, uint64_t seed_mix);
double sf_rank(sf_key key, uint64_t size, uint64_t seed_mix);
uint64_t sf_seed_mix(uint64_t seed);

void sf_sketch_init(sf_sketch *sketch, size_t capacity, uint64_t seed);
void sf_sketch_free(sf_sketch *sketch);
/* Takes all the memory that the sketch will ever need. */
sf_error sf_sketch_reserve(sf_sketch *sketch);
/* Counts one reference to (key, size), size > 0. *taken_in is the entry if it is new and kept, else
 * NULL. */
sf_error sf_sketch_add(sf_sketch *sketch, sf_key key, uint64_t size, uint64_t groups,
                       const sf_entry **taken_in);
/* Leaves what adding to `sketch` everything that was added to `other` would; both have the same
 * capacity and seed. */
sf_error sf_sketch_absorb(sf_sketch *sketch, const sf_sketch *other);
/* Asks the memory for what sf_sketch_add(key, size) will look at. */
void sf_sketch_expect(const sf_sketch *sketch, sf_key key, uint64_t size);
/* Leaves the `capacity` first entries by rank, without those that tie with the next. */
void sf_sketch_trim(sf_sketch *sketch);
/* NULL if it is not kept. */
sf_entry *sf_sketch_find(const sf_sketch *sketch, sf_key key, uint64_t size);

/* ---- scanner: files in, sketches out ---- */

typedef struct {
    size_t min_bytes, max_bytes; /* both 0: the whole file is one chunk */
    size_t capacity;
    unsigned codecs; /* compressed sizes each entry is to have */
    /* Not 0: an entry's key is where the chunk lies, (file, offset), so that every reference counts
     * for itself: a sample of all the bytes, not of the distinct ones. Not for whole files. */
    int by_place;
} sf_chunker_plan;

/* A chunk that a sketch has just taken in, to be compressed: bytes [offset, offset + length). */
typedef struct {
    uint64_t chunker, offset, length;
    sf_key key;
    double rank;
} sf_kept;

/* What one chunker has seen. Chunks and bytes include the runs; a run is one chunk. */
typedef struct {
    uint64_t chunks, bytes;
    uint64_t run_count[256], run_bytes[256];
} sf_totals;

typedef struct sf_scanner sf_scanner;

/* Fixed blocks whose size is a multiple of another chunker's (at most SF_FANOUT_MAX times) have as
 * key the fingerprint of the canonical keys of the blocks of the largest such chunker within them,
 * or that block's own key if there is one only; all other chunks that of their bytes. So every byte
 * is hashed once for all sizes of fixed blocks. */
sf_error sf_scanner_new(sf_scanner **scanner, const sf_chunker_plan *plans, size_t chunkers,
                        uint64_t seed, const sf_kernel *kernel);
void sf_scanner_free(sf_scanner *scanner);

/* Takes all the memory that the sketches will ever need now, not when there may be none left. */
sf_error sf_scanner_reserve(sf_scanner *scanner);

/* The smallest buffer in which every chunker makes progress: the longest max_bytes. */
size_t sf_buffer_bytes_min(const sf_scanner *scanner);

/* Between files: the bits that the chunks of the files to come are marked with in sf_entry.groups,
 * besides that of their group. None at first. */
sf_error sf_mark(sf_scanner *scanner, uint64_t marks);
sf_error sf_begin(sf_scanner *scanner, unsigned group);
/* After sf_begin: the name of the file and where in it the first segment or hole begins, for keys by
 * place; both are 0 else. */
sf_error sf_set_place(sf_scanner *scanner, uint64_t file, uint64_t offset);
/* The first `bytes` of the buffer: what the last call left, then new ones. `last`: the segment ends
 * with them. */
sf_error sf_span(sf_scanner *scanner, const uint8_t *buffer, size_t buffer_bytes, size_t bytes,
                 int last);
/* The chunks the last call took in that are still kept. */
const sf_kept *sf_kept_chunks(const sf_scanner *scanner, size_t *count);
/* From now on sf_kept_chunks leaves out those whose rank is not below `rank`: infinity at first. */
sf_error sf_limit_kept(sf_scanner *scanner, size_t chunker, double rank);
/* Moves what no chunker may forget yet to the front of the buffer of the last span. */
sf_error sf_carry(sf_scanner *scanner, uint8_t *buffer, size_t buffer_bytes, size_t *carried);
sf_error sf_skip(sf_scanner *scanner, uint64_t hole_bytes);
sf_error sf_end(sf_scanner *scanner);
/* What a file or a part of one is: its key, its bytes of data, and how many of them are in blocks of
 * zeros that the key takes for holes. */
typedef struct {
    sf_key key;
    uint64_t bytes, zero_bytes;
} sf_content_key;

/* Ends a part of a file: says what it is, and counts no whole file. */
sf_error sf_end_part(sf_scanner *scanner, sf_content_key *part);
sf_error sf_abort(sf_scanner *scanner);

/* Reads [*offset, end) of `fd` in spans of `read_bytes`, until all is read, chunks are kept that
 * must be compressed, or reading fails; *offset moves on. `last`: the segment ends at `end`. What
 * the last call kept must have been looked at by now: this one carries. *error_number is what read
 * gave, SF_FILE_ENDED if there was less to read, else 0. */
#define SF_FILE_ENDED (-1)
sf_error sf_feed(sf_scanner *scanner, int fd, uint64_t *offset, uint64_t end, int last,
                 uint8_t *buffer, size_t buffer_bytes, size_t read_bytes, int *error_number);

/* A whole file that lies in memory at [offset, offset + length). */
typedef struct {
    size_t offset, length;
    unsigned group;
    uint64_t file; /* as for sf_set_place */
} sf_content;

/* Scans files that were read whole. */
sf_error sf_scan_contents(sf_scanner *scanner, const uint8_t *arena, size_t arena_bytes,
                          const sf_content *contents, size_t count);

/* Entry i of `kept` compresses to sizes[i * columns + codec]; one evicted since is passed over. */
sf_error sf_set_compressed(sf_scanner *scanner, const sf_kept *kept, size_t count,
                           const uint32_t *sizes, size_t columns);
/* Counts chunks that were cut elsewhere: (high, low) pairs, sizes, group numbers. */
sf_error sf_add(sf_scanner *scanner, size_t chunker, const uint64_t *keys, const uint64_t *sizes,
                const uint64_t *groups, size_t count);

/* Counts a whole file of the content class `group` that was scanned in parts, if whole files are
 * counted and it has data. It is two chunks: one of all but its blocks of zeros, which copies share
 * that have holes there, and one of those. */
sf_error sf_add_file(sf_scanner *scanner, const sf_content_key *file, unsigned group);

/* Leaves in `scanner` what scanning everything that `other` has scanned would; between files, and
 * only if both were made alike. Out of memory, `scanner` is of no more use. */
sf_error sf_absorb(sf_scanner *scanner, const sf_scanner *other);

/* NULL if there is no such chunker. The sketch is trimmed. */
const sf_sketch *sf_sketch_of(sf_scanner *scanner, size_t chunker);
const sf_totals *sf_totals_of(const sf_scanner *scanner, size_t chunker);
/* [SF_GROUPS_MAX][256]: how often each group's data holds each byte value (sf_count_bytes). */
const uint64_t *sf_histogram(const sf_scanner *scanner);

/* ---- reading ---- */

/* A regular file as it was listed. The path may be of any length. */
typedef struct {
    const char *path;
    uint64_t device, inode, size_bytes;
    int64_t mtime_seconds, mtime_nanoseconds; /* 0 to 999,999,999 of these */
} sf_file;

typedef enum {
    SF_READ,
    SF_READ_CHANGED, /* read, but it was written to since it was listed */
    SF_REPLACED,     /* not read: something else is there now */
    SF_SPARSE,       /* not read: it has holes */
    SF_UNREADABLE    /* error_number says why */
} sf_outcome_of_read;

typedef struct {
    size_t offset, length; /* in the arena */
    sf_outcome_of_read outcome;
    int error_number;
} sf_read;

/* Reads files whole, one after the other, into `arena` until the next does not fit; returns how many
 * it dealt with. Follows no symbolic link, in directories neither (Linux 5.6 and later; until then
 * one that led to the file itself is followed), waits for no FIFO, leaves the access time alone where the
 * system lets it, and the page cache as it was (Linux 6.14 and later). Files shorter than
 * `hole_bytes` are not asked for holes. */
size_t sf_read_files(const sf_file *files, size_t count, uint64_t hole_bytes, uint8_t *arena,
                     size_t arena_bytes, sf_read *reads);

#endif
