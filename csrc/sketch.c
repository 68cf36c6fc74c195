/* Bottom-k priority sampling keyed by content: N. Duffield, C. Lund, M. Thorup, "Priority sampling
 * for estimation of arbitrary subset sums", J. ACM 54(6), 2007, with the random number of a chunk
 * drawn from its fingerprint, so that every reference and every machine draws the same one.
 *
 * A kept entry was never refused before (it ranks below tau, and tau only falls), so its count is
 * exact, and the state does not depend on the order of the chunks. */
#include <math.h>
#include <stdlib.h>

#include "storeff.h"

enum { FIRST_ALLOCATION = 1024 };

/* Finaliser of splitmix64 (Steele, Lea, Flood 2014; Stafford's variant 13 of murmur3's fmix64). */
static uint64_t mix64(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94D049BB133111EB);
    return x ^ (x >> 31);
}

/* The first output of splitmix64 seeded with `seed`. */
uint64_t sf_seed_mix(uint64_t seed)
{
    return mix64(seed + UINT64_C(0x9E3779B97F4A7C15));
}

static uint64_t mix_key(sf_key key, uint64_t seed_mix)
{
    return mix64(key.high ^ mix64(key.low ^ seed_mix));
}

static double rank_of(uint64_t mixed, uint64_t size)
{
    return ((double)mixed + 0.5) * 0x1p-64 / (double)size;
}

double sf_rank(sf_key key, uint64_t size, uint64_t seed_mix)
{
    return rank_of(mix_key(key, seed_mix), size);
}

static int same(const sf_entry *a, const sf_entry *b)
{
    return a->key.low == b->key.low && a->key.high == b->key.high && a->size == b->size;
}

/* Whether a comes after b in the order (rank, key, size). */
static int after(const sf_entry *a, const sf_entry *b)
{
    if (a->rank != b->rank)
        return a->rank > b->rank;
    if (a->key.high != b->key.high)
        return a->key.high > b->key.high;
    if (a->key.low != b->key.low)
        return a->key.low > b->key.low;
    return a->size > b->size;
}

void sf_sketch_init(sf_sketch *sketch, size_t capacity, uint64_t seed)
{
    *sketch = (sf_sketch){.capacity = capacity, .seed_mix = sf_seed_mix(seed), .tau = INFINITY};
}

void sf_sketch_free(sf_sketch *sketch)
{
    free(sketch->entries);
    free(sketch->table);
    free(sketch->heap);
}

/* ---- table: linear probing. What is kept has a small mixed key, so its low bits are the hash. ---- */

static size_t home(const sf_sketch *sketch, const sf_entry *entry)
{
    return (size_t)mix_key(entry->key, sketch->seed_mix) & sketch->table_mask;
}

/* The place of `entry` in the table, or the empty place where it belongs. */
static size_t find(const sf_sketch *sketch, const sf_entry *entry, size_t start)
{
    size_t place = start;
    while (sketch->table[place] && !same(&sketch->entries[sketch->table[place] - 1], entry))
        place = (place + 1) & sketch->table_mask;
    return place;
}

/* Empties the place and moves later members of its cluster up, so that no probe stops short. */
static void clear_place(sf_sketch *sketch, size_t place)
{
    size_t mask = sketch->table_mask, hole = place;
    for (size_t next = (hole + 1) & mask; sketch->table[next]; next = (next + 1) & mask) {
        size_t wanted = home(sketch, &sketch->entries[sketch->table[next] - 1]);
        if (((next - wanted) & mask) >= ((next - hole) & mask)) {
            sketch->table[hole] = sketch->table[next];
            hole = next;
        }
    }
    sketch->table[hole] = 0;
}

static sf_error grow(sf_sketch *sketch)
{
    size_t allocated = sketch->allocated ? sketch->allocated * 2 : FIRST_ALLOCATION;
    if (allocated > sketch->capacity)
        allocated = sketch->capacity;
    size_t places = 2;
    while (places < allocated * 2)
        places *= 2;
    uint32_t *table = calloc(places, sizeof *table);
    sf_entry *entries = realloc(sketch->entries, allocated * sizeof *entries);
    if (entries)
        sketch->entries = entries;
    if (!table || !entries) {
        free(table);
        return SF_ERROR_MEMORY;
    }
    free(sketch->table);
    sketch->table = table;
    sketch->table_mask = places - 1;
    sketch->allocated = allocated;
    for (size_t slot = 0; slot < sketch->count; slot++) {
        const sf_entry *entry = &entries[slot];
        table[find(sketch, entry, home(sketch, entry))] = (uint32_t)slot + 1;
    }
    return SF_OK;
}

/* ---- heap: the entry that goes next on top ---- */

static void sift_down(sf_sketch *sketch, size_t at)
{
    uint32_t *heap = sketch->heap, slot = heap[at];
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= sketch->count)
            break;
        if (child + 1 < sketch->count &&
            after(&sketch->entries[heap[child + 1]], &sketch->entries[heap[child]]))
            child++;
        if (!after(&sketch->entries[heap[child]], &sketch->entries[slot]))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = slot;
}

static sf_error build_heap(sf_sketch *sketch)
{
    sketch->heap = malloc(sketch->count * sizeof *sketch->heap);
    if (!sketch->heap)
        return SF_ERROR_MEMORY;
    for (size_t slot = 0; slot < sketch->count; slot++)
        sketch->heap[slot] = (uint32_t)slot;
    for (size_t at = sketch->count / 2; at-- > 0;)
        sift_down(sketch, at);
    return SF_OK;
}

/* ---- adding ---- */

static int refused(sf_sketch *sketch, const sf_entry *entry)
{
    if (!sketch->heap || !after(entry, &sketch->entries[sketch->heap[0]]))
        return 0;
    if (entry->rank < sketch->tau)
        sketch->tau = entry->rank;
    return 1;
}

/* Puts `entry` into the slot of the one on top of the heap. */
static uint32_t replace_top(sf_sketch *sketch, const sf_entry *entry, size_t hash)
{
    uint32_t slot = sketch->heap[0];
    sf_entry *evicted = &sketch->entries[slot];
    if (evicted->rank < sketch->tau)
        sketch->tau = evicted->rank;
    clear_place(sketch, find(sketch, evicted, home(sketch, evicted)));
    *evicted = *entry;
    sketch->table[find(sketch, entry, hash & sketch->table_mask)] = slot + 1;
    sift_down(sketch, 0);
    return slot;
}

sf_error sf_sketch_add(sf_sketch *sketch, sf_key key, uint64_t size, uint64_t groups,
                       sf_outcome *outcome, uint32_t *slot)
{
    uint64_t mixed = mix_key(key, sketch->seed_mix);
    sf_entry entry = {
        .key = key, .size = size, .count = 1, .groups = groups, .rank = rank_of(mixed, size)};
    *outcome = SF_REFUSED;
    if (refused(sketch, &entry))
        return SF_OK;
    size_t place = 0;
    if (sketch->table) {
        place = find(sketch, &entry, (size_t)mixed & sketch->table_mask);
        if (sketch->table[place]) {
            *slot = sketch->table[place] - 1;
            sketch->entries[*slot].count++;
            sketch->entries[*slot].groups |= groups;
            *outcome = SF_COUNTED;
            return SF_OK;
        }
    }
    if (sketch->count == sketch->capacity) {
        if (!sketch->heap) {
            sf_error error = build_heap(sketch);
            if (error)
                return error;
            if (refused(sketch, &entry))
                return SF_OK;
        }
        *slot = replace_top(sketch, &entry, (size_t)mixed);
    } else {
        if (sketch->count == sketch->allocated) {
            sf_error error = grow(sketch);
            if (error)
                return error;
            place = find(sketch, &entry, (size_t)mixed & sketch->table_mask);
        }
        *slot = (uint32_t)sketch->count++;
        sketch->entries[*slot] = entry;
        sketch->table[place] = *slot + 1;
    }
    *outcome = SF_KEPT;
    return SF_OK;
}
