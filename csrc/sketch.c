/* Bottom-k priority sampling keyed by content: N. Duffield, C. Lund, M. Thorup, "Priority sampling
 * for estimation of arbitrary subset sums", J. ACM 54(6), 2007, with the random number of a chunk
 * drawn from its fingerprint, so that every reference and every machine draws the same one.
 *
 * A kept entry was never refused before (it ranks below tau, and tau only falls), so its count is
 * exact, and what is kept after trimming does not depend on the order of the chunks. */
#include <math.h>
#include <stdlib.h>

#include "storeff.h"

enum { FIRST_ALLOCATION = 1024 };

/* Trimming a quarter of the entries at once costs a tenth of a heap that evicts them one by one: 1 GB
 * of unique 4 KiB blocks into 65,536 entries took 0.1 us a block, not 0.45 (2026-11-21). */
static size_t allocation_max(size_t capacity)
{
    return capacity + capacity / 4 + 1;
}

/* The first output of splitmix64 seeded with `seed`. */
uint64_t sf_seed_mix(uint64_t seed)
{
    return sf_mix64(seed + UINT64_C(0x9E3779B97F4A7C15));
}

static uint64_t mix_key(sf_key key, uint64_t seed_mix)
{
    return sf_mix64(key.high ^ sf_mix64(key.low ^ seed_mix));
}

static double rank_of(uint64_t mixed, uint64_t size)
{
    return ((double)mixed + 0.5) * 0x1p-64 / (double)size;
}

double sf_rank(sf_key key, uint64_t size, uint64_t seed_mix)
{
    return rank_of(mix_key(key, seed_mix), size);
}

static size_t bucket_of(uint64_t mixed)
{
    return (size_t)mixed % SF_BUCKETS;
}

size_t sf_bucket_of(sf_key key, uint64_t seed_mix)
{
    return bucket_of(mix_key(key, seed_mix));
}

static int same(const sf_entry *a, const sf_entry *b)
{
    return a->key.low == b->key.low && a->key.high == b->key.high && a->size == b->size;
}

void sf_sketch_init(sf_sketch *sketch, size_t capacity, uint64_t seed)
{
    memset(sketch, 0, sizeof *sketch);
    sketch->capacity = capacity;
    sketch->seed_mix = sf_seed_mix(seed);
    sketch->tau = INFINITY;
}

void sf_sketch_free(sf_sketch *sketch)
{
    free(sketch->entries);
    free(sketch->table);
}

/* ---- table: linear probing. What is kept has a small mixed key, so its low bits are the hash. ----
 * A place holds a tag of the mixed key and the index of the entry + 1, or 0: without the tag every
 * place that is taken would cost a look at an entry far away (half the time of adding, 2026-11-21). */

static uint64_t tag_of(uint64_t mixed)
{
    return (mixed >> 18) << 32;
}

static sf_entry *entry_at(const sf_sketch *sketch, size_t place)
{
    return &sketch->entries[(uint32_t)sketch->table[place] - 1];
}

/* The place of `entry` in the table, or the empty place where it belongs. */
static size_t find(const sf_sketch *sketch, const sf_entry *entry, uint64_t mixed)
{
    size_t place = (size_t)mixed & sketch->table_mask;
    uint64_t taken;
    while ((taken = sketch->table[place]) != 0 &&
           ((taken ^ tag_of(mixed)) >> 32 != 0 || !same(entry_at(sketch, place), entry)))
        place = (place + 1) & sketch->table_mask;
    return place;
}

static void fill_table(sf_sketch *sketch)
{
    memset(sketch->table, 0, (sketch->table_mask + 1) * sizeof *sketch->table);
    for (size_t slot = 0; slot < sketch->count; slot++) {
        uint64_t mixed = mix_key(sketch->entries[slot].key, sketch->seed_mix);
        size_t place = (size_t)mixed & sketch->table_mask;
        while (sketch->table[place])
            place = (place + 1) & sketch->table_mask;
        sketch->table[place] = tag_of(mixed) | (slot + 1);
    }
}

static sf_error grow(sf_sketch *sketch, size_t allocated)
{
    if (allocated > allocation_max(sketch->capacity))
        allocated = allocation_max(sketch->capacity);
    size_t places = 2;
    while (places < allocated + allocated / 2)
        places *= 2;
    uint64_t *table = malloc(places * sizeof *table);
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
    fill_table(sketch);
    return SF_OK;
}

sf_error sf_sketch_reserve(sf_sketch *sketch)
{
    sf_error error = grow(sketch, allocation_max(sketch->capacity));
    /* The system gives memory only to those who touch it. */
    if (!error)
        memset(sketch->entries + sketch->count, 0,
               (sketch->allocated - sketch->count) * sizeof *sketch->entries);
    return error;
}

/* ---- trimming ---- */

/* The value that `index` others come before; reorders `ranks` (C. A. R. Hoare, "Algorithm 65: find",
 * CACM 4(7), 1961). */
static double select_rank(double *ranks, size_t count, size_t index)
{
    size_t low = 0, high = count - 1;
    while (low < high) {
        double pivot = ranks[low + (high - low) / 2];
        size_t i = low, j = high;
        for (;;) {
            while (ranks[i] < pivot)
                i++;
            while (ranks[j] > pivot)
                j--;
            if (i >= j)
                break;
            double swapped = ranks[i];
            ranks[i++] = ranks[j];
            ranks[j--] = swapped;
        }
        if (index <= j)
            high = j;
        else
            low = j + 1;
    }
    return ranks[index];
}

/* Only what ranks below tau stays. */
static void drop_refused(sf_sketch *sketch)
{
    for (size_t slot = 0; slot < sketch->count;) {
        if (sketch->entries[slot].rank < sketch->tau)
            slot++;
        else
            sketch->entries[slot] = sketch->entries[--sketch->count];
    }
    fill_table(sketch);
}

void sf_sketch_trim(sf_sketch *sketch)
{
    if (sketch->count <= sketch->capacity)
        return;
    /* The table is filled anew below, and has a place of eight bytes for each entry. */
    double *ranks = (void *)sketch->table;
    for (size_t slot = 0; slot < sketch->count; slot++)
        ranks[slot] = sketch->entries[slot].rank;
    sketch->tau = select_rank(ranks, sketch->count, sketch->capacity);
    drop_refused(sketch);
}

/* ---- adding ---- */

sf_entry *sf_sketch_find(const sf_sketch *sketch, sf_key key, uint64_t size)
{
    if (!sketch->table)
        return NULL;
    sf_entry wanted = {.key = key, .size = size};
    size_t place = find(sketch, &wanted, mix_key(key, sketch->seed_mix));
    return sketch->table[place] ? entry_at(sketch, place) : NULL;
}

void sf_sketch_expect(const sf_sketch *sketch, sf_key key, uint64_t size)
{
    uint64_t mixed = mix_key(key, sketch->seed_mix);
    __builtin_prefetch(&sketch->buckets[bucket_of(mixed)], 1);
    if (sketch->table && rank_of(mixed, size) < sketch->tau)
        __builtin_prefetch(&sketch->table[mixed & sketch->table_mask], 1);
}

static sf_error make_room(sf_sketch *sketch)
{
    if (sketch->allocated < allocation_max(sketch->capacity))
        return grow(sketch, sketch->allocated ? sketch->allocated * 2 : FIRST_ALLOCATION);
    sf_sketch_trim(sketch);
    return SF_OK;
}

/* *met is the entry of the same chunk, or `entry` itself, taken in (*is_new), or NULL if it ranks too
 * high. */
static sf_error meet(sf_sketch *sketch, const sf_entry *entry, uint64_t mixed, sf_entry **met,
                     int *is_new)
{
    *met = NULL;
    *is_new = 0;
    if (entry->rank >= sketch->tau)
        return SF_OK;
    size_t place = 0;
    if (sketch->table) {
        place = find(sketch, entry, mixed);
        if (sketch->table[place]) {
            *met = entry_at(sketch, place);
            return SF_OK;
        }
    }
    if (sketch->count == sketch->allocated) {
        sf_error error = make_room(sketch);
        if (error || entry->rank >= sketch->tau)
            return error;
        place = find(sketch, entry, mixed);
    }
    sketch->entries[sketch->count] = *entry;
    *met = &sketch->entries[sketch->count++];
    sketch->table[place] = tag_of(mixed) | sketch->count;
    *is_new = 1;
    return SF_OK;
}

sf_error sf_sketch_add(sf_sketch *sketch, sf_key key, uint64_t size, uint64_t groups,
                       const sf_entry **taken_in)
{
    uint64_t mixed = mix_key(key, sketch->seed_mix);
    sf_entry entry = {
        .key = key, .size = size, .count = 1, .groups = groups, .rank = rank_of(mixed, size)};
    sf_entry *met;
    int is_new;
    sf_error error = meet(sketch, &entry, mixed, &met, &is_new);
    *taken_in = is_new ? met : NULL;
    if (error)
        return error;
    if (met && !is_new) {
        met->count++;
        met->groups |= groups;
    }
    sf_bucket *bucket = &sketch->buckets[bucket_of(mixed)];
    bucket->references++;
    bucket->bytes += size;
    return SF_OK;
}

sf_error sf_sketch_absorb(sf_sketch *sketch, const sf_sketch *other)
{
    if (other->tau < sketch->tau) {
        sketch->tau = other->tau;
        if (sketch->table)
            drop_refused(sketch);
    }
    for (size_t slot = 0; slot < other->count; slot++) {
        const sf_entry *entry = &other->entries[slot];
        sf_entry *met;
        int is_new;
        sf_error error =
            meet(sketch, entry, mix_key(entry->key, sketch->seed_mix), &met, &is_new);
        if (error)
            return error;
        if (!met || is_new)
            continue;
        met->count += entry->count;
        met->groups |= entry->groups;
        /* Where both know a compressed size it is the same. */
        for (size_t codec = 0; codec < SF_CODECS_MAX; codec++)
            if (met->compressed[codec] < entry->compressed[codec])
                met->compressed[codec] = entry->compressed[codec];
    }
    for (size_t i = 0; i < SF_BUCKETS; i++) {
        sketch->buckets[i].references += other->buckets[i].references;
        sketch->buckets[i].bytes += other->buckets[i].bytes;
    }
    return SF_OK;
}
