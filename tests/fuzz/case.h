/* What an input of the fuzz target means, and what becomes of a claim that does not hold. */
#ifndef STOREFF_FUZZ_CASE_H
#define STOREFF_FUZZ_CASE_H

#include "internal.h"

enum { CHUNKERS_MAX = 4, FILES_MAX = 24, SEGMENTS_MAX = 4, ADDED_MAX = 128 };

/* The labels of files are few, and far apart: one a file. */
enum { LABELS = 8, LABEL_STEP = 9 };

/* The low half of the keys of chunks that were added, not cut. */
#define ADDED_KEY_LOW UINT64_C(0xADDED00000000000)

typedef struct {
    const uint8_t *at, *end;
} fuzz_input;

typedef struct {
    uint64_t hole_bytes; /* before it */
    size_t offset, length;
} segment;

typedef enum { END, END_PART, ABORT, ABORT_INSIDE } ending;

typedef struct {
    unsigned label;
    ending ending;
    int as_content; /* given to sf_scan_contents, if it is one segment */
    int late_end;   /* that a segment ends is learned from an empty read */
    int look;       /* at every sketch before the file */
    int reserve;    /* memory for every sketch before the file */
    uint64_t number, start; /* as for sf_set_position */
    size_t read_bytes[2];
    size_t added_before, segments_count;
    segment segments[SEGMENTS_MAX];
    uint64_t hole_bytes; /* after the last segment */
} file_plan;

typedef struct {
    size_t chunker;
    uint64_t key[2], size, labels, place[2];
} added_chunk;

typedef struct {
    size_t chunkers_count, files_count, added_count;
    sf_chunker_plan chunkers[CHUNKERS_MAX];
    uint64_t seed;
    const sf_kernel *kernel;
    size_t spare_bytes; /* of the buffer for spans */
    uint8_t *data;
    size_t data_bytes, data_bytes_max;
    file_plan files[FILES_MAX];
    added_chunk added[ADDED_MAX];
} fuzz_case;

/* Chunks by key and size. */
enum { TALLY_SLOTS = 4096 };

typedef struct {
    size_t count, allocated;
    sf_entry *entries;
    uint16_t slots[TALLY_SLOTS]; /* index of an entry + 1, or 0 */
} tally;

/* What the definitions in storeff.h make of a case, without a scanner or a sketch. */
typedef struct {
    tally chunks[CHUNKERS_MAX];
    sf_totals totals[CHUNKERS_MAX];
    uint64_t histogram[LABELS][256];
    sf_content_key files[FILES_MAX]; /* the keys only where whole files are counted */
} model;

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

/* The next byte; 0 past the end. */
size_t next(fuzz_input *in);
/* The kernel, the seed and the chunkers. */
void decode_plan(fuzz_case *c, fuzz_input *in);
/* What is left of the input, as files. `c->data` is to be freed. */
void decode_files(fuzz_case *c, fuzz_input *in);

static inline uint64_t labels_of(const file_plan *f)
{
    return UINT64_C(1) << f->label;
}

int has_whole(const fuzz_case *c);
/* NULL if there is no such chunk. */
const sf_entry *find_chunk(const tally *chunks, sf_key key, uint64_t size);
void make_model(model *m, const fuzz_case *c);
void free_model(model *m, const fuzz_case *c);

/* Calls a new scanner with the plan of `c` in whatever order the input says. */
void misuse(const fuzz_case *c, fuzz_input *in);

/* If not, these print what differs, and abort. */
void same(const char *what, size_t chunker, uint64_t found, uint64_t expected);
void same_all(const char *what, size_t chunker, const uint64_t *found, const uint64_t *expected,
              size_t count);
void holds(const char *what, int condition);
void succeeds(const char *what, sf_error error);

/* Not NULL; at least one byte. */
void *allocate(size_t bytes);

#endif
