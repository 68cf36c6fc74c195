/* The native core of storeff: cut files into chunks, fingerprint them, keep a content sketch.
 *
 * No global state. A function that can fail returns an sf_error; what it allocates belongs to the
 * handle it was given. One scanner is used by one thread at a time; scanners share nothing. */
#ifndef STOREFF_H
#define STOREFF_H

#include <stddef.h>
#include <stdint.h>

#define SF_LABELS_MAX 64
#define SF_CHUNKERS_MAX 64
#define SF_CAPACITY_MAX ((size_t)1 << 30)
#define SF_CHUNK_BYTES_MAX ((size_t)1 << 30)
#define SF_CHAIN_BLOCK_BYTES ((size_t)128 << 10)
#define SF_FANOUT_MAX 64
#define SF_BUCKETS 4096
#define SF_WINDOWS_MAX ((size_t)1 << 24)

typedef enum {
    SF_OK = 0,
    SF_ERROR_MEMORY,
    SF_ERROR_CHUNKER,
    SF_ERROR_WHOLE_TWICE,
    SF_ERROR_LABELS,
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
    SF_ERROR_CONTENT,
    SF_ERROR_EXTENT,
    SF_ERROR_SAMPLE,
    SF_ERROR_POSITION,
    SF_ERROR_TRACE_SIZE,
    SF_ERROR_TRACE_OFFSETS,
    SF_ERROR_TRACE_TIMES,
    SF_ERROR_TRACE_TOKENS,
    SF_ERROR_TRACE_KEYS,
    SF_ERROR_TRACE_ADMISSION,
    SF_ERROR_TRACE_REUSES,
    SF_ERROR_ITEM,
    SF_ERROR_FIELD,
    SF_ERROR_CAPACITY,
    SF_ERROR_WINDOW,
    SF_ERROR_WINDOWS,
    SF_ERROR_MERGE
} sf_error;

/* What went wrong and what to do about it, for a person. */
const char *sf_error_text(sf_error error);

/* ---- kernels: the loops over bytes, one row for each instruction set ---- */

typedef struct sf_kernel sf_kernel;

/* Every kernel that was built, fastest first, scalar last; NULL past the end. */
const sf_kernel *sf_kernel_at(size_t index);
const char *sf_kernel_name(const sf_kernel *kernel);
int sf_kernel_runs_here(const sf_kernel *kernel);

/* ---- fingerprint: XXH3-128, seed 0, default secret ---- */

typedef struct {
    uint64_t high, low;
} sf_key;

sf_key sf_fingerprint(const sf_kernel *kernel, const uint8_t *data, size_t bytes);

/* The 16-byte big-endian form that the specification calls canonical. */
void sf_canonical(sf_key key, uint8_t digest[16]);

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
} sf_cut;

/* The next cut of the stream at `data`; its length goes to *length (0 for SF_NEED_MORE).
 * `last`: the stream ends after these bytes. The cuts do not depend on how many bytes each call
 * offered, except for the length of a run: SF_RUN and the SF_RUN_MOREs after it are one run. */
sf_cut sf_next_cut(sf_stream *stream, const sf_kernel *kernel, const uint8_t *data, size_t bytes,
                   int last, size_t *length);

/* ---- prediction of what a codec leaves ---- */

/* What a codec would leave of a chunk of 1 to SF_CHUNK_BYTES_MAX bytes, roughly, as two numbers of
 * 1 to `bytes` that explain it together. They are found in 8 pieces of 512 bytes spread over the
 * chunk, or in all of one of less than 4,096 bytes, taken as one string, and scaled to the chunk:
 * [0] the literals of an LZ77 with one table of words of 4 bytes; [1] those at their order-0 entropy
 * and 1.5 bytes for each match.
 *
 * How much zstd-3 leaves of chunks of 64 KiB, cut by content from a tar of /usr/lib, /usr/share and
 * /usr/bin, takes 17,487 of them to know within 1 % if it is not explained; 846 if these two do, 919
 * if lz4 of the whole chunk does, 2,398 if zstd-1 of 4 KiB in one piece does, of 3,000 chunks. It
 * takes 6.5 us of a chunk in the cache, lz4 70 (2026-11-26). */
/* Of a sketch so many of the lowest ranks are predicted; what was kept by then of others may be. */
enum { SF_PREDICTED_MAX = 1 << 15 };

void sf_predict(const uint8_t *data, size_t bytes, uint32_t predicted[2]);

/* ---- sketch: priority sampling keyed by content ---- */

/* A distinct chunk of a full scan, or in a sample a distinct pair of a chunk and the sampling rank of
 * an extent that it starts in. */
typedef struct {
    sf_key key;
    uint64_t size;
    uint64_t count;  /* references */
    uint64_t labels; /* the union of the labels of all references */
    double extent;   /* sampling rank of the extent; 0 in a full scan */
    uint64_t object, offset; /* the least of all references: there it can be read again */
    uint32_t predicted[2];   /* as sf_predict says; 0 if its chunker does not predict */
} sf_entry;

typedef struct {
    uint64_t references, bytes;
} sf_bucket;

/* Every chunk added that ranks below tau, the smallest rank that was ever refused or trimmed: once
 * trimmed, those that rank below all but the first `capacity` of everything added. In a full scan
 * the rank of a chunk is u / size, where u in (0, 1) is drawn at random from its key. In a sample it
 * is u alone: all entries of a chunk have the same rank, and stay or go together.
 *
 * Beside them, by bucket of their keys, the exact totals of all references: one row of a Count-Min
 * sketch (G. Cormode, S. Muthukrishnan, J. Algorithms 55(1), 2005). They show which buckets hold a
 * chunk with very many references, kept or not. With 1,024 buckets the estimates were as good for
 * real data of 10,000 chunks; 4,096 show chunks with half as many references (30 with 1,000 each
 * among 300,000, 2,048 kept: RMSE 0.18 %, not 0.42 %; 2026-11-21). */
typedef struct sf_sketch sf_sketch;

/* Leaves what adding everything would that the sketch of which these are the entries and tau has
 * seen; both have the same capacity, seed and kind. Buckets are added by the caller. */
sf_error sf_sketch_merge(sf_sketch *sketch, const sf_entry *entries, size_t count, double tau);
/* As if what ranks `tau` or higher had been refused; nor is what ranks `predicted_below` or higher
 * predicted. */
sf_error sf_sketch_limit(sf_sketch *sketch, double tau, double predicted_below);
/* Trims first. *tau is infinity if nothing was refused. In no order. */
const sf_entry *sf_sketch_entries(sf_sketch *sketch, size_t *count, double *tau);
double sf_sketch_rank(const sf_sketch *sketch, const sf_entry *entry);
/* [SF_BUCKETS] */
const sf_bucket *sf_sketch_buckets(const sf_sketch *sketch);

/* Of SF_BUCKETS; independent of the rank. */
size_t sf_bucket_of(sf_key key, uint64_t seed_mix);
/* The rank in a full scan; with size 1 that in a sample. */
double sf_rank(sf_key key, uint64_t size, uint64_t seed_mix);
uint64_t sf_seed_mix(uint64_t seed);

/* ---- scanner: files in, sketches out ---- */

typedef struct {
    size_t min_bytes, max_bytes; /* both 0: the whole file is one chunk */
    size_t capacity;
    int predicts; /* what it keeps has sf_predict; not of whole files */
} sf_chunker_plan;

/* What one chunker has seen. Chunks and bytes include the runs; a run is one chunk. */
typedef struct {
    uint64_t chunks, bytes;
    uint64_t run_count[256], run_bytes[256];
} sf_totals;

typedef struct sf_scanner sf_scanner;

/* Fixed blocks whose size is a multiple of another chunker's (at most SF_FANOUT_MAX times) have as
 * key the fingerprint of the canonical keys of the blocks of the largest such chunker within them,
 * or that block's own key if there is one only; all other chunks that of their bytes. So every byte
 * is hashed once for all sizes of fixed blocks.
 *
 * `is_sample`: the scanner takes extents (sf_scan_contents) instead of files, and no chunker may be
 * one of whole files. */
sf_error sf_scanner_new(sf_scanner **scanner, const sf_chunker_plan *plans, size_t chunkers,
                        uint64_t seed, int is_sample, const sf_kernel *kernel);
void sf_scanner_free(sf_scanner *scanner);

/* Takes all the memory that the sketches will ever need now, not when there may be none left. */
sf_error sf_scanner_reserve(sf_scanner *scanner);

/* The smallest buffer in which every chunker makes progress: the longest max_bytes. */
size_t sf_buffer_bytes_min(const sf_scanner *scanner);

/* `labels`: a bit set, not empty, that every chunk of the file gets. The lowest label is the one
 * whose histogram counts the bytes. */
sf_error sf_begin(sf_scanner *scanner, uint64_t labels);
/* After sf_begin: the object, by number, and where in it the first segment or hole begins; both are 0
 * else. Entries say by them where a chunk is. A whole file is at 0 of its object. */
sf_error sf_set_position(sf_scanner *scanner, uint64_t object, uint64_t offset);
/* The first `bytes` of the buffer: what the last call left, then new ones. `last`: the segment ends
 * with them. */
sf_error sf_span(sf_scanner *scanner, const uint8_t *buffer, size_t buffer_bytes, size_t bytes,
                 int last);
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

/* Reads [*offset, end) of `fd` in spans of `read_bytes` until all is read or reading fails; *offset
 * moves on. `last`: the segment ends at `end`. It carries what the last call left. *error_number is
 * what read gave, SF_FILE_ENDED if there was less to read, else 0. */
#define SF_FILE_ENDED (-1)
sf_error sf_feed(sf_scanner *scanner, int fd, uint64_t *offset, uint64_t end, int last,
                 uint8_t *buffer, size_t buffer_bytes, size_t read_bytes, int *error_number);

/* A segment of data in memory at [offset, offset + length), which is at `position` of its object.
 *
 * In a full scan it is a whole file: position and start are 0, end is the length.
 * In a sample it reaches into the extent [start, end) of the object, and may begin before it, so
 * that content-defined cutting has found the cuts of the whole object when it comes to the extent,
 * and end after it: four mean lengths of chunks are cut before it. A chunk belongs to the extent in
 * which it starts, and may end beyond it. Fixed blocks are cut inside only, and runs are clipped to
 * the extent. Both bounds of the extent and the position are multiples of every fixed block, or ends
 * of the object. */
typedef struct {
    size_t offset, length;
    uint64_t labels, object, position, start, end;
    double rank; /* sampling rank of the extent; 0 in a full scan */
} sf_content;

/* Scans whole files, or segments of extents. */
sf_error sf_scan_contents(sf_scanner *scanner, const uint8_t *arena, size_t arena_bytes,
                          const sf_content *contents, size_t count);

/* Counts chunks that were cut elsewhere: (high, low) pairs, sizes, labels, and (object, offset)
 * pairs. Not in a sample. */
sf_error sf_add(sf_scanner *scanner, size_t chunker, const uint64_t *keys, const uint64_t *sizes,
                const uint64_t *labels, const uint64_t *places, size_t count);

/* Counts a whole file that was scanned in parts, the object of that number, if whole files are
 * counted and it has data. It is two chunks: one of all but its blocks of zeros, which copies share
 * that have holes there, and one of those. */
sf_error sf_add_file(sf_scanner *scanner, const sf_content_key *file, uint64_t labels,
                     uint64_t object);

/* Leaves in `scanner` what it would hold that had been given what both were. They have the same plan,
 * seed and kind, and no file is open. */
sf_error sf_scanner_merge(sf_scanner *scanner, sf_scanner *other);

/* NULL if there is no such chunker. */
sf_sketch *sf_sketch_of(sf_scanner *scanner, size_t chunker);
const sf_totals *sf_totals_of(const sf_scanner *scanner, size_t chunker);
/* [SF_LABELS_MAX][256]: how often the data whose lowest label it is holds each byte value
 * (estimated: sf_count_bytes in internal.h). */
const uint64_t *sf_histogram(const sf_scanner *scanner);

/* ---- windows of objects, drawn by rank ---- */

/* Bytes [start, start + length) of the object whose place in the list is `index`, and one of them,
 * `point`, each with the same probability. */
typedef struct {
    uint64_t index, start, length, point;
    double rank;
} sf_window;

/* All 0 at first; sf_windows_clear frees. */
typedef struct {
    sf_window *rows;
    size_t count, allocated;
} sf_windows;

/* Objects are divided into windows of `window_bytes`, the last one shorter. The rank of a window is u /
 * length, where u in (0, 1) is drawn at random from the number of the object, that of the window and
 * the seed, independently of all others. Appends those that rank below tau, by object and start: of
 * two samples the one under the lower tau is part of the other. Numbers are below 2^63.
 *
 * What is not below tau is not enumerated. The windows of an object are the leaves of binary trees.
 * Of each node the least u of its 2^k windows is drawn, as 1 - (1 - v)^(2^-k) for the first; of its
 * halves one, by a fair coin, has that very least, and the least of the other is drawn alike, but
 * between that and 1, for the rest are uniform above it. Only into nodes whose least u may rank
 * below tau does it descend. So each u is uniform, and independent of the others.
 *
 * Refuses a tau under which more than SF_WINDOWS_MAX windows are to be expected. */
sf_error sf_sample_windows(sf_windows *windows, const uint64_t *objects, const uint64_t *sizes,
                           size_t count, uint64_t seed, double tau, uint64_t window_bytes);
void sf_windows_clear(sf_windows *windows);

/* ---- layouts that callers mirror ---- */

_Static_assert(sizeof(sf_entry) == 72 && offsetof(sf_entry, size) == 16 &&
                   offsetof(sf_entry, count) == 24 && offsetof(sf_entry, labels) == 32 &&
                   offsetof(sf_entry, extent) == 40 && offsetof(sf_entry, object) == 48 &&
                   offsetof(sf_entry, offset) == 56 && offsetof(sf_entry, predicted) == 64,
               "sf_entry: key, size, count, labels, extent, object, offset, predicted without "
               "padding");
_Static_assert(sizeof(sf_bucket) == 16, "sf_bucket: references, bytes without padding");
_Static_assert(sizeof(sf_window) == 40 && offsetof(sf_window, rank) == 32,
               "sf_window: index, start, length, point, rank without padding");

#endif
