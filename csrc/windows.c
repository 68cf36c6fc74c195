/* Windows of objects, drawn by rank without enumerating them: a tree of least ranks. */
#include <math.h>
#include <stdlib.h>

#include "internal.h"

enum { FIRST_ALLOCATION = 1024 };

/* Of which object, and what is wanted of it. */
typedef struct {
    uint64_t index, mix; /* of its number and the seed */
    uint64_t size, windows, window_bytes;
    double tau;
    sf_windows *found;
} walk;

/* ---- random numbers of a node: `windows` of them from `start` on, 2^level ---- */

static uint64_t node_bits(const walk *w, uint64_t start, unsigned level)
{
    return sf_mix64(start ^ sf_mix64(level ^ w->mix));
}

/* The least of 2^level numbers that are uniform in (0, 1), where v is one that is: 1 - (1 - v) to the
 * power of 2^-level. Each step is 1 - sqrt(1 - x), in a form that does not cancel. Square roots are
 * rounded alike everywhere, powers are not. */
static double least_of(double v, unsigned level)
{
    for (; level > 0; level--)
        v /= 1 + sqrt(1 - v);
    return v;
}

/* The least number of a node of which all are above `floor`. */
static double least_above(const walk *w, uint64_t start, unsigned level, double floor)
{
    double v = ((double)(node_bits(w, start, level) >> 12) + 0.5) * 0x1p-52;
    return floor + (1 - floor) * least_of(v, level);
}

/* ---- windows ---- */

static sf_error take_window(const walk *w, uint64_t number, double u)
{
    uint64_t start = number * w->window_bytes, left = w->size - start;
    sf_window window = {.index = w->index, .start = start};
    window.length = left < w->window_bytes ? left : w->window_bytes;
    window.rank = u / (double)window.length;
    if (window.rank >= w->tau)
        return SF_OK;
    /* Of 64 bits, as many as there are to a byte fall on it. */
    uint64_t bits = sf_mix64(node_bits(w, number, 0) + UINT64_C(0x9E3779B97F4A7C15));
    window.point = start + (uint64_t)((unsigned __int128)bits * window.length >> 64);
    sf_windows *found = w->found;
    if (found->count == found->allocated) {
        size_t allocated = found->allocated ? 2 * found->allocated : FIRST_ALLOCATION;
        if (allocated > SIZE_MAX / 2 / sizeof *found->rows)
            return SF_ERROR_MEMORY;
        sf_window *grown = realloc(found->rows, allocated * sizeof *grown);
        if (!grown)
            return SF_ERROR_MEMORY;
        found->rows = grown;
        found->allocated = allocated;
    }
    found->rows[found->count++] = window;
    return SF_OK;
}

/* The windows of a node whose least number is `u`. One half has that one, which half is one bit;
 * those of the other half are uniform above it. */
static sf_error take_node(const walk *w, uint64_t start, unsigned level, double u)
{
    if (start >= w->windows || u / (double)w->window_bytes >= w->tau)
        return SF_OK;
    if (level == 0)
        return take_window(w, start, u);
    uint64_t halves[] = {start, start + (UINT64_C(1) << (level - 1))};
    size_t of_least = node_bits(w, start, level) & 1;
    double least[2];
    least[of_least] = u;
    least[1 - of_least] = least_above(w, halves[1 - of_least], level - 1, u);
    sf_error error = take_node(w, halves[0], level - 1, least[0]);
    return error ? error : take_node(w, halves[1], level - 1, least[1]);
}

/* Window 0, windows 1, 2 and 3, 4 to 7 and so on are a tree each: a number does not depend on the
 * size of the object, and a small object is one draw. */
static sf_error take_object(const walk *w)
{
    sf_error error = SF_OK;
    for (uint64_t start = 0; start < w->windows && !error; start = start ? 2 * start : 1) {
        unsigned level = start ? 63 - (unsigned)__builtin_clzll(start) : 0;
        error = take_node(w, start, level, least_above(w, start, level, 0));
    }
    return error;
}

/* How many windows are expected to rank below tau. */
static double expected_windows(const uint64_t *sizes, size_t count, double tau,
                               uint64_t window_bytes)
{
    double expected = 0, of_each = fmin(1, tau * (double)window_bytes);
    for (size_t i = 0; i < count; i++) {
        double tail_bytes = (double)(sizes[i] % window_bytes);
        expected += (double)(sizes[i] / window_bytes) * of_each;
        if (tail_bytes > 0)
            expected += fmin(1, tau * tail_bytes);
    }
    return expected;
}

sf_error sf_sample_windows(sf_windows *found, const uint64_t *objects, const uint64_t *sizes,
                           size_t count, uint64_t seed, double tau, uint64_t window_bytes)
{
    if (window_bytes < 1 || window_bytes > SF_CHUNK_BYTES_MAX || !(tau >= 0))
        return SF_ERROR_WINDOW;
    for (size_t i = 0; i < count; i++)
        if (sizes[i] > INT64_MAX)
            return SF_ERROR_WINDOW;
    if (expected_windows(sizes, count, tau, window_bytes) > (double)SF_WINDOWS_MAX)
        return SF_ERROR_WINDOWS;
    /* "windows": these numbers have nothing to do with those of chunks and extents. */
    uint64_t seed_mix = sf_mix64(sf_seed_mix(seed) ^ UINT64_C(0x0077696E646F7773));
    sf_error error = SF_OK;
    for (size_t i = 0; i < count && !error; i++) {
        walk w = {.index = i,
                  .mix = sf_mix64(objects[i] ^ seed_mix),
                  .size = sizes[i],
                  .windows = sizes[i] / window_bytes + (sizes[i] % window_bytes > 0),
                  .window_bytes = window_bytes,
                  .tau = tau,
                  .found = found};
        error = take_object(&w);
    }
    return error;
}

void sf_windows_clear(sf_windows *found)
{
    free(found->rows);
    *found = (sf_windows){0};
}
