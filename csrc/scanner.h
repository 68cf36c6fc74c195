/* Inside a scanner: what scan.c (files, segments, spans) and chunks.c (what becomes of a piece)
 * share. */
#ifndef STOREFF_SCANNER_H
#define STOREFF_SCANNER_H

#include "similar.h"
#include "storeff.h"

#define NO_CHUNKER SIZE_MAX

/* Chunks go to a sketch this many at a time: what each meets in memory is asked for before it is
 * needed (1 GB of unique data, all chunkers: the sketches took 0.10 s one by one; 2026-11-21). */
enum { PENDING = 32 };

typedef struct {
    sf_key key;
    size_t offset, length;
} pending_chunk;

typedef struct {
    sf_stream stream; /* max_bytes is 0 if this chunker cuts nothing */
    size_t position;  /* where in the span its next or unfinished piece begins */
    unsigned codecs;
    int by_place;
    sf_similar *similar; /* what every chunk is handed to as well, or NULL */
    double kept_below; /* the rank from which on nothing is offered for compression */
    int chains;        /* its blocks make up the key of the whole file */

    /* Whose pieces this one is handed instead of cutting its own, if any. Pieces of an equal stream
     * it counts as they are (twin: the next chunker that does); of smaller blocks its own are made
     * (first_built: who is made of this one's, next_built: who else is of the same source's). */
    size_t source, twin, first_built, next_built;
    size_t open_parts, open_bytes;
    int open_run; /* the byte value if the open block is constant so far, else -1 */
    sf_key open_key; /* of the first part */
    uint8_t open_digests[SF_FANOUT_MAX * 16];

    size_t pending_count;
    pending_chunk pending[PENDING];
    sf_sketch sketch;
    sf_totals totals;
} chunker;

typedef enum {
    IDLE,          /* no file is open */
    SEGMENT_START, /* a file is open; a segment, a hole or the end may come */
    SPANNED,       /* carry() must follow */
    CARRIED,       /* in a segment */
    SEGMENT_ENDED, /* a hole or the end may come */
    FAILED         /* only abort() may come */
} state;

struct sf_scanner {
    const sf_kernel *kernel;
    state state;
    unsigned group;
    uint64_t marks; /* bits that every chunk is marked with besides its group */
    size_t carried;    /* leading bytes of the next span that the last one has seen */
    size_t span_bytes; /* length of the last span */
    uint64_t file_bytes;
    uint64_t zero_bytes; /* of these, in blocks that the chain takes for holes */
    uint64_t file, place; /* the name of the file; where in it the span begins */
    sf_chain chain;
    size_t buffer_bytes_min;
    size_t counted; /* where in the span the next block of byte statistics begins */
    uint64_t counted_blocks;
    sf_kept *kept;
    size_t kept_count, kept_allocated;
    size_t kept_base; /* what offsets of kept chunks are counted from, before the span */
    /* The last bytes that were hashed: chunkers often agree on all of a small file. */
    const uint8_t *hashed;
    size_t hashed_bytes;
    sf_key hashed_key;
    chunker *whole; /* in chunkers, or NULL */
    uint64_t histogram[SF_GROUPS_MAX][256];
    size_t chunkers_count;
    chunker chunkers[];
};

/* Adds, or leaves `total` as it was and returns 1. */
static inline int add_overflows(uint64_t *total, uint64_t amount)
{
    uint64_t sum;
    if (__builtin_add_overflow(*total, amount, &sum))
        return 1;
    *total = sum;
    return 0;
}

static inline uint64_t sf_groups_of(const sf_scanner *scanner, unsigned group)
{
    return UINT64_C(1) << group | scanner->marks;
}

/* Who is handed whose pieces. */
void sf_relate_blocks(sf_scanner *scanner);
/* Feeds chunker `c` the part of the span it has not seen. */
sf_error sf_cut_span(sf_scanner *scanner, chunker *c, const uint8_t *data, size_t bytes, int last);
/* Hands every chunk that waits to its sketch. */
sf_error sf_flush_chunks(sf_scanner *scanner);

#endif
