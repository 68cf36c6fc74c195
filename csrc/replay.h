/* Exact replay of a trace of block references against caches.
 *
 * A request names the blocks of its prompt in order. A block key stands for the block and all before
 * it: keys are the nodes of a tree, and a request is a path from a root. So within a request no key
 * repeats, and a block was used before only if its parent was.
 *
 * After a request all its blocks are touched, the last one first. So a parent was always touched
 * after its children, what a request left untouched of an earlier one is that one's tail, and the
 * blocks that two requests share fall into reuses: stretches last touched by one request, which lie
 * side by side in the order of recency. Everything but FIFO is arithmetic on reuses. */
#ifndef STOREFF_REPLAY_H
#define STOREFF_REPLAY_H

#include "internal.h"

/* Requests and keys are numbered in 32 bits; the highest number is no key. */
#define SF_REPLAY_MAX (UINT32_MAX - 1)
#define SF_NO_KEY UINT32_MAX
/* Times and their differences fit 64 bits. */
#define SF_TIME_MAX (INT64_C(1) << 61)

/* ---- keys of prefixes ---- */

typedef struct sf_prefixes sf_prefixes;

sf_error sf_prefixes_new(sf_prefixes **prefixes);
void sf_prefixes_free(sf_prefixes *prefixes);
/* How many keys there are: 0, 1, ... in the order they were met. */
size_t sf_prefixes_count(const sf_prefixes *prefixes);
/* The block id of each key. */
void sf_prefixes_ids(const sf_prefixes *prefixes, uint64_t *ids);
/* The keys of `requests` requests; request r has the block ids [offsets[r], offsets[r + 1]), all
 * together `blocks`. What was keyed before an error stays. */
sf_error sf_prefixes_add(sf_prefixes *prefixes, const uint64_t *ids, size_t blocks,
                         const int64_t *offsets, size_t requests, uint32_t *keys);

/* ---- the trace ---- */

typedef struct {
    const int64_t *times_ms;     /* (requests,), ascending */
    const int64_t *offsets;      /* (requests + 1,), as above */
    const uint32_t *keys;        /* (blocks,) */
    const uint32_t *last_tokens; /* (requests,): in the last block, 1..block_tokens */
    size_t requests, blocks;
    uint32_t unique; /* keys are below it */
    uint32_t block_tokens;
} sf_trace;

/* Blocks of `request`, from where its previous reuse ends (0 for its first), that were last touched
 * by `previous`. */
typedef struct {
    uint32_t request, previous, blocks;
} sf_reuse;

/* The reuses of the trace, at most `room`, in order; *count is how many there are in all.
 * A block is admitted to the cache at its `admission`th use (1 or more): reuses are of admitted
 * blocks, and touched[r] is how many leading blocks of request r are in the cache after it. */
sf_error sf_reuses(const sf_trace *trace, uint32_t admission, sf_reuse *reuses, size_t room,
                   size_t *count, uint32_t *touched);

/* Index c, 0..unique, is for an LRU cache of c blocks. Hits: blocks in the longest cached prefix of
 * their request. Kept: touches that found their block in the cache, those before them in the request
 * done; all others write. */
typedef struct {
    uint64_t *hit_blocks, *hit_tokens, *kept_blocks, *kept_tokens;
} sf_curves;

sf_error sf_lru(const sf_trace *trace, const sf_reuse *reuses, size_t count,
                const uint32_t *touched, sf_curves curves);

/* The most blocks (with their tokens) that were ever touched within `ttl_ms`. */
sf_error sf_live_peak(const sf_trace *trace, const sf_reuse *reuses, size_t count,
                      const uint32_t *touched, int64_t ttl_ms, uint64_t *peak_blocks,
                      uint64_t *peak_tokens);

typedef struct {
    uint64_t hit_blocks, hit_tokens, written_blocks, written_tokens;
} sf_traffic;

/* FIFO: what was inserted first goes first, and a touch moves nothing. A request inserts what it does
 * not find in the order of its prompt, as it is computed, evicting block by block. */
sf_error sf_fifo(const sf_trace *trace, uint64_t capacity, sf_traffic *traffic);

#endif
