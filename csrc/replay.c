/* Reuses of a trace, and what caches make of them. */
#include <stdlib.h>

#include "replay.h"

static size_t first_of(const sf_trace *trace, size_t request)
{
    return (size_t)trace->offsets[request];
}

static size_t blocks_of(const sf_trace *trace, size_t request)
{
    return (size_t)(trace->offsets[request + 1] - trace->offsets[request]);
}

/* Tokens of `blocks` blocks of a request, the last of which is number `end` - 1. */
static uint64_t tokens_of(const sf_trace *trace, size_t request, uint64_t blocks, size_t end)
{
    uint64_t tokens = blocks * trace->block_tokens;
    if (blocks && end == blocks_of(trace, request))
        tokens -= trace->block_tokens - trace->last_tokens[request];
    return tokens;
}

static sf_error check(const sf_trace *trace)
{
    uint64_t tokens;
    if (trace->requests > SF_REPLAY_MAX || trace->unique > SF_REPLAY_MAX)
        return SF_ERROR_TRACE_SIZE;
    if (__builtin_mul_overflow((uint64_t)trace->blocks, trace->block_tokens, &tokens) ||
        tokens > INT64_MAX)
        return SF_ERROR_OVERFLOW;
    if (trace->offsets[0] != 0 || trace->offsets[trace->requests] < 0 ||
        (uint64_t)trace->offsets[trace->requests] != trace->blocks)
        return SF_ERROR_TRACE_OFFSETS;
    for (size_t r = 0; r < trace->requests; r++) {
        if (trace->offsets[r + 1] < trace->offsets[r] || blocks_of(trace, r) > trace->unique)
            return SF_ERROR_TRACE_OFFSETS;
        if (trace->times_ms[r] < -SF_TIME_MAX || trace->times_ms[r] > SF_TIME_MAX ||
            (r && trace->times_ms[r] < trace->times_ms[r - 1]))
            return SF_ERROR_TRACE_TIMES;
        if (blocks_of(trace, r) && (trace->last_tokens[r] < 1 ||
                                    trace->last_tokens[r] > trace->block_tokens))
            return SF_ERROR_TRACE_TOKENS;
    }
    return SF_OK;
}

/* ---- reuses ---- */

typedef struct {
    uint32_t parent, last, uses; /* uses stop at what admission asks for */
} block;

/* Takes request `r` in; *count and `reuses` as in sf_reuses. */
static sf_error reuse(const sf_trace *trace, block *blocks, uint32_t admission, uint32_t r,
                      sf_reuse *reuses, size_t room, size_t *count, uint32_t *touched)
{
    const uint32_t *keys = trace->keys + first_of(trace, r);
    size_t n = blocks_of(trace, r);
    uint32_t parent = SF_NO_KEY, previous = SF_NO_KEY;
    *touched = 0;
    for (size_t i = 0; i < n; i++) {
        uint32_t key = keys[i];
        if (key >= trace->unique)
            return SF_ERROR_TRACE_KEYS;
        block *b = &blocks[key];
        if (!b->uses)
            b->parent = parent;
        else if (b->parent != parent)
            return SF_ERROR_TRACE_KEYS;
        if (b->uses >= admission) {
            if (b->last != previous) {
                if (*count < room)
                    reuses[*count] = (sf_reuse){r, b->last, 0};
                ++*count;
                previous = b->last;
            }
            if (*count <= room)
                reuses[*count - 1].blocks++;
        } else {
            b->uses++;
        }
        if (b->uses == admission)
            ++*touched;
        b->last = r;
        parent = key;
    }
    return SF_OK;
}

sf_error sf_reuses(const sf_trace *trace, uint32_t admission, sf_reuse *reuses, size_t room,
                   size_t *count, uint32_t *touched)
{
    sf_error error = admission ? check(trace) : SF_ERROR_TRACE_ADMISSION;
    if (error)
        return error;
    block *blocks = calloc((size_t)trace->unique + 1, sizeof *blocks);
    if (!blocks)
        return SF_ERROR_MEMORY;
    *count = 0;
    for (uint32_t r = 0; !error && r < trace->requests; r++)
        error = reuse(trace, blocks, admission, r, reuses, room, count, &touched[r]);
    free(blocks);
    return error;
}

/* What sf_reuses gave for this trace comes back through the caller's hands. `left[r]` is how many
 * blocks were last touched by request r. */
static sf_error take(const sf_trace *trace, const sf_reuse *one, uint32_t request, size_t begin,
                     const uint32_t *touched, uint32_t *left)
{
    if (one->request != request || one->previous >= request || !one->blocks ||
        one->blocks > left[one->previous] || touched[request] > blocks_of(trace, request) ||
        begin + one->blocks > touched[request])
        return SF_ERROR_TRACE_REUSES;
    left[one->previous] -= one->blocks;
    return SF_OK;
}

/* ---- LRU at every capacity ---- */

/* Fenwick (1994): sums over requests of the blocks they were the last to touch. */
static void add(uint32_t *tree, size_t size, size_t index, uint32_t amount)
{
    for (index++; index <= size; index += index & (~index + 1))
        tree[index] += amount;
}

static uint32_t sum_to(const uint32_t *tree, size_t index)
{
    uint32_t sum = 0;
    for (index++; index; index &= index - 1)
        sum += tree[index];
    return sum;
}

/* The `m` blocks from number `begin` of a request lie at the distances [distance, distance + m), all
 * within the curves, and of that request's touches, last block first, each finds as many blocks
 * above its own as the first of the reuse does. */
static void count_reuse(const sf_trace *trace, const sf_reuse *one, size_t begin,
                        uint64_t distance, uint64_t at_touch, sf_curves curves)
{
    uint64_t m = one->blocks, whole = trace->block_tokens;
    size_t end = begin + one->blocks;
    uint64_t tokens = tokens_of(trace, one->request, m, end), short_by = m * whole - tokens;
    curves.hit_blocks[distance] += 1;
    curves.hit_tokens[distance] += whole;
    curves.hit_tokens[distance + m - 1] -= short_by;
    if (distance + m <= trace->unique) {
        curves.hit_blocks[distance + m] -= 1;
        curves.hit_tokens[distance + m] -= whole - short_by;
    }
    curves.kept_blocks[at_touch] += m;
    curves.kept_tokens[at_touch] += tokens;
}

static void accumulate(uint64_t *curve, size_t size, int times)
{
    for (; times; times--)
        for (size_t i = 1; i < size; i++)
            curve[i] += curve[i - 1];
}

static sf_error lru(const sf_trace *trace, const sf_reuse *reuses, size_t count,
                    const uint32_t *touched, sf_curves curves, uint32_t *tree, uint32_t *left)
{
    size_t next = 0;
    uint64_t total = 0;
    for (uint32_t r = 0; r < trace->requests; r++) {
        size_t begin = 0;
        for (; next < count && reuses[next].request == r; next++) {
            const sf_reuse *one = &reuses[next];
            sf_error error = take(trace, one, r, begin, touched, left);
            if (error)
                return error;
            /* The blocks before it in the request were touched later than it, and are taken. */
            uint64_t distance = total - sum_to(tree, one->previous) + begin + 1;
            uint64_t at_touch = distance + touched[r] - 1 - begin;
            if (distance + one->blocks - 1 > trace->unique || at_touch > trace->unique)
                return SF_ERROR_TRACE_REUSES;
            count_reuse(trace, one, begin, distance, at_touch, curves);
            add(tree, trace->requests, one->previous, 0 - one->blocks);
            total -= one->blocks;
            begin += one->blocks;
        }
        if (touched[r] > blocks_of(trace, r))
            return SF_ERROR_TRACE_REUSES;
        left[r] = touched[r];
        add(tree, trace->requests, r, touched[r]);
        total += touched[r];
    }
    return next == count ? SF_OK : SF_ERROR_TRACE_REUSES;
}

sf_error sf_lru(const sf_trace *trace, const sf_reuse *reuses, size_t count,
                const uint32_t *touched, sf_curves curves)
{
    sf_error error = check(trace);
    if (error)
        return error;
    size_t size = (size_t)trace->unique + 1;
    uint32_t *tree = calloc(trace->requests + 1, sizeof *tree);
    uint32_t *left = calloc(trace->requests + 1, sizeof *left);
    memset(curves.hit_blocks, 0, size * sizeof *curves.hit_blocks);
    memset(curves.hit_tokens, 0, size * sizeof *curves.hit_tokens);
    memset(curves.kept_blocks, 0, size * sizeof *curves.kept_blocks);
    memset(curves.kept_tokens, 0, size * sizeof *curves.kept_tokens);
    error = tree && left ? lru(trace, reuses, count, touched, curves, tree, left) : SF_ERROR_MEMORY;
    free(tree);
    free(left);
    /* From where stretches begin and end to how many there are, and to how many there are up to. */
    accumulate(curves.hit_blocks, size, 2);
    accumulate(curves.hit_tokens, size, 2);
    accumulate(curves.kept_blocks, size, 1);
    accumulate(curves.kept_tokens, size, 1);
    return error;
}

/* ---- time to live ---- */

/* Tokens in the blocks that request r was the last to touch: the tail of what it touched. */
static uint64_t left_tokens(const sf_trace *trace, const uint32_t *touched, const uint32_t *left,
                            size_t r)
{
    return tokens_of(trace, r, left[r], touched[r]);
}

static sf_error live_peak(const sf_trace *trace, const sf_reuse *reuses, size_t count,
                          const uint32_t *touched, int64_t ttl_ms, uint32_t *left,
                          uint64_t *peak_blocks, uint64_t *peak_tokens)
{
    size_t next = 0, oldest = 0;
    uint64_t blocks = 0, tokens = 0;
    for (uint32_t r = 0; r < trace->requests; r++) {
        for (; trace->times_ms[oldest] < trace->times_ms[r] - ttl_ms; oldest++) {
            blocks -= left[oldest];
            tokens -= left_tokens(trace, touched, left, oldest);
        }
        size_t begin = 0;
        for (; next < count && reuses[next].request == r; next++) {
            const sf_reuse *one = &reuses[next];
            sf_error error = take(trace, one, r, begin, touched, left);
            if (error)
                return error;
            begin += one->blocks;
            if (one->previous < oldest)
                continue;
            /* Of a tail that is used up, the last block went, too. */
            size_t end = left[one->previous] ? 0 : touched[one->previous];
            blocks -= one->blocks;
            tokens -= end ? tokens_of(trace, one->previous, one->blocks, end)
                          : (uint64_t)one->blocks * trace->block_tokens;
        }
        if (touched[r] > blocks_of(trace, r))
            return SF_ERROR_TRACE_REUSES;
        left[r] = touched[r];
        blocks += left[r];
        tokens += left_tokens(trace, touched, left, r);
        if (blocks > *peak_blocks)
            *peak_blocks = blocks;
        if (tokens > *peak_tokens)
            *peak_tokens = tokens;
    }
    return next == count ? SF_OK : SF_ERROR_TRACE_REUSES;
}

sf_error sf_live_peak(const sf_trace *trace, const sf_reuse *reuses, size_t count,
                      const uint32_t *touched, int64_t ttl_ms, uint64_t *peak_blocks,
                      uint64_t *peak_tokens)
{
    *peak_blocks = *peak_tokens = 0;
    sf_error error = ttl_ms < 0 || ttl_ms > SF_TIME_MAX ? SF_ERROR_TRACE_TIMES : check(trace);
    if (error)
        return error;
    uint32_t *left = calloc(trace->requests + 1, sizeof *left);
    if (!left)
        return SF_ERROR_MEMORY;
    error = live_peak(trace, reuses, count, touched, ttl_ms, left, peak_blocks, peak_tokens);
    free(left);
    return error;
}

/* ---- FIFO ---- */

/* inserted[key] is the number of the block's last insertion, 0 for none; of `insertions` so far the
 * last `capacity` are in the cache. */
static int holds(const uint64_t *inserted, uint32_t key, uint64_t insertions, uint64_t capacity)
{
    return inserted[key] && insertions - inserted[key] < capacity;
}

static sf_error fifo(const sf_trace *trace, uint64_t capacity, uint64_t *inserted,
                     sf_traffic *traffic)
{
    uint64_t insertions = 0;
    for (size_t r = 0; r < trace->requests; r++) {
        const uint32_t *keys = trace->keys + first_of(trace, r);
        size_t n = blocks_of(trace, r), hits = 0;
        for (size_t i = 0; i < n; i++)
            if (keys[i] >= trace->unique)
                return SF_ERROR_TRACE_KEYS;
        while (hits < n && holds(inserted, keys[hits], insertions, capacity))
            hits++;
        traffic->hit_blocks += hits;
        traffic->hit_tokens += tokens_of(trace, r, hits, hits);
        for (size_t i = 0; i < n; i++) {
            if (holds(inserted, keys[i], insertions, capacity))
                continue;
            inserted[keys[i]] = ++insertions;
            traffic->written_tokens += tokens_of(trace, r, 1, i + 1);
        }
    }
    traffic->written_blocks = insertions;
    return SF_OK;
}

sf_error sf_fifo(const sf_trace *trace, uint64_t capacity, sf_traffic *traffic)
{
    *traffic = (sf_traffic){0, 0, 0, 0};
    sf_error error = check(trace);
    if (error)
        return error;
    uint64_t *inserted = calloc((size_t)trace->unique + 1, sizeof *inserted);
    if (!inserted)
        return SF_ERROR_MEMORY;
    error = fifo(trace, capacity, inserted, traffic);
    free(inserted);
    return error;
}
