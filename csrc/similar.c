#include <stdlib.h>

#include "similar.h"

/* ---- features ---- */

enum { MASKS = 64 };

/* A multiply and a shift for each of the four words, and splitmix64's finaliser. */
static uint64_t window_hash(const uint8_t *data)
{
    uint64_t hash = 0;
    for (size_t i = 0; i < SF_WINDOW_BYTES; i += 8) {
        hash = (hash ^ sf_load64(data + i)) * UINT64_C(0x9E3779B97F4A7C15);
        hash ^= hash >> 32;
    }
    return sf_mix64(hash);
}

static void take_sample(sf_features *features, const uint8_t *data)
{
    uint64_t hash = window_hash(data);
    uint32_t *feature = &features->features[hash % SF_FEATURES];
    if (hash < features->group)
        features->group = hash;
    if ((uint32_t)(hash >> 32) < *feature)
        *feature = (uint32_t)(hash >> 32);
}

/* Half of the masks have a sample and few have two: the first is written down without a branch, and
 * hashing comes after, when nothing has to be guessed. */
static size_t find_samples(const uint64_t *masks, size_t positions, uint16_t *found)
{
    size_t count = 0;
    for (size_t start = 0; start < positions; start += 64) {
        uint64_t mask = masks[start / 64];
        do {
            size_t bit = (size_t)__builtin_ctzll(mask | UINT64_C(1) << 63);
            found[count] = (uint16_t)(start + SF_MASK_WINDOW(bit));
            count += mask != 0;
            mask &= mask - 1;
        } while (mask);
    }
    return count;
}

int sf_features_of(const sf_kernel *kernel, const uint8_t *data, size_t bytes,
                   sf_features *features)
{
    features->group = UINT64_MAX;
    for (size_t i = 0; i < SF_FEATURES; i++)
        features->features[i] = SF_NO_FEATURE;
    if (bytes < SF_WINDOW_BYTES)
        return 0;
    size_t left = bytes - SF_WINDOW_BYTES + 1;
    while (left > 0) {
        uint64_t masks[MASKS];
        uint16_t found[64 * MASKS + 1];
        size_t positions = left < 64 * MASKS ? left : 64 * MASKS;
        kernel->sample(data, positions, masks);
        size_t count = find_samples(masks, positions, found);
        for (size_t i = 0; i < count; i++)
            take_sample(features, data + found[i]);
        data += positions;
        left -= positions;
    }
    return features->group != UINT64_MAX;
}

/* ---- sketch ---- */

enum { FIRST_ALLOCATION = 256 };

struct sf_similar {
    size_t capacity, count, allocated;
    uint64_t seed_mix, tau;
    sf_member *members;
    uint64_t *files;
    size_t files_count, files_allocated;
    int files_reported; /* sf_similar_files has returned them */
};

sf_error sf_similar_new(sf_similar **result, size_t capacity, uint64_t seed)
{
    if (capacity < 1 || capacity > SF_SIMILAR_CAPACITY_MAX)
        return SF_ERROR_CAPACITY;
    sf_similar *similar = calloc(1, sizeof *similar);
    if (!similar)
        return SF_ERROR_MEMORY;
    similar->capacity = capacity;
    similar->seed_mix = sf_seed_mix(seed);
    similar->tau = SF_RANKS;
    *result = similar;
    return SF_OK;
}

void sf_similar_free(sf_similar *similar)
{
    if (!similar)
        return;
    free(similar->members);
    free(similar->files);
    free(similar);
}

static int compare(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int order_of_chunks(const sf_member *a, const sf_member *b)
{
    int by = compare(a->rank, b->rank);
    by = by ? by : compare(a->group, b->group);
    by = by ? by : compare(a->key.high, b->key.high);
    by = by ? by : compare(a->key.low, b->key.low);
    return by ? by : compare(a->size, b->size);
}

static int order_of_references(const void *left, const void *right)
{
    const sf_member *a = left, *b = right;
    int by = order_of_chunks(a, b);
    by = by ? by : compare(a->file, b->file);
    return by ? by : compare(a->offset, b->offset);
}

static void drop_refused_groups(sf_similar *similar)
{
    size_t count = 0;
    for (size_t i = 0; i < similar->count; i++)
        if (similar->members[i].rank < similar->tau)
            similar->members[count++] = similar->members[i];
    similar->count = count;
}

/* One member for each distinct chunk, in order, SF_GROUP_MEMBERS of a group. */
static void unite_members(sf_similar *similar)
{
    sf_member *members = similar->members;
    size_t count = 0, first = 0;
    if (similar->count > 0)
        qsort(members, similar->count, sizeof *members, order_of_references);
    for (size_t i = 0; i < similar->count; i++) {
        sf_member next = members[i];
        uint64_t beyond = next.beyond;
        next.beyond = 0;
        if (count == 0 || members[first].group != next.group)
            first = count;
        if (count > first && order_of_chunks(&members[count - 1], &next) == 0)
            members[count - 1].count += next.count;
        else if (count - first < SF_GROUP_MEMBERS)
            members[count++] = next;
        else
            beyond += next.count;
        members[first].beyond += beyond;
    }
    similar->count = count;
}

/* Leaves the groups of lowest rank that fit. */
static void fit_capacity(sf_similar *similar)
{
    if (similar->count <= similar->capacity)
        return;
    similar->tau = similar->members[similar->capacity].rank;
    drop_refused_groups(similar);
}

static void compact_members(sf_similar *similar)
{
    drop_refused_groups(similar);
    unite_members(similar);
    fit_capacity(similar);
}

static sf_error make_room_for_member(sf_similar *similar)
{
    size_t allocated = similar->allocated ? 2 * similar->allocated : FIRST_ALLOCATION;
    if (similar->allocated >= 2 * similar->capacity) {
        compact_members(similar);
        return SF_OK;
    }
    sf_member *grown = realloc(similar->members, allocated * sizeof *grown);
    if (!grown)
        return SF_ERROR_MEMORY;
    similar->members = grown;
    similar->allocated = allocated;
    return SF_OK;
}

static sf_error append_member(sf_similar *similar, const sf_member *member)
{
    sf_error error = SF_OK;
    if (similar->count == similar->allocated)
        error = make_room_for_member(similar);
    if (!error && member->rank < similar->tau)
        similar->members[similar->count++] = *member;
    return error;
}

static sf_error note_file(sf_similar *similar, uint64_t file)
{
    if (similar->files_reported)
        similar->files_count = 0;
    similar->files_reported = 0;
    if (similar->files_count > 0 && similar->files[similar->files_count - 1] == file)
        return SF_OK;
    if (similar->files_count == similar->files_allocated) {
        size_t allocated =
            similar->files_allocated ? 2 * similar->files_allocated : FIRST_ALLOCATION;
        uint64_t *grown = realloc(similar->files, allocated * sizeof *grown);
        if (!grown)
            return SF_ERROR_MEMORY;
        similar->files = grown;
        similar->files_allocated = allocated;
    }
    similar->files[similar->files_count++] = file;
    return SF_OK;
}

sf_error sf_similar_add(sf_similar *similar, const sf_kernel *kernel, sf_key key,
                        const uint8_t *data, size_t bytes, uint64_t file, uint64_t offset)
{
    sf_features found;
    /* What is like no other is a group of its own: all groups together are all chunks. */
    if (!sf_features_of(kernel, data, bytes, &found))
        found.group = key.low;
    uint64_t rank = sf_mix64(found.group ^ similar->seed_mix) >> 1;
    if (rank >= similar->tau)
        return SF_OK;
    sf_member member = {.rank = rank,
                        .group = found.group,
                        .key = key,
                        .size = bytes,
                        .count = 1,
                        .file = file,
                        .offset = offset};
    memcpy(member.features, found.features, sizeof member.features);
    sf_error error = append_member(similar, &member);
    return error ? error : note_file(similar, file);
}

sf_error sf_similar_merge(sf_similar *similar, const sf_member *members, size_t count,
                           uint64_t tau)
{
    if (tau < similar->tau)
        similar->tau = tau;
    sf_error error = SF_OK;
    for (size_t i = 0; i < count && !error; i++)
        error = append_member(similar, &members[i]);
    return error;
}

const sf_member *sf_similar_members(sf_similar *similar, size_t *count, uint64_t *tau)
{
    compact_members(similar);
    *count = similar->count;
    *tau = similar->tau;
    return similar->members;
}

const uint64_t *sf_similar_files(sf_similar *similar, size_t *count)
{
    *count = similar->files_reported ? 0 : similar->files_count;
    similar->files_reported = 1;
    return similar->files;
}

sf_error sf_set_similar(sf_scanner *scanner, size_t index, sf_similar *similar)
{
    if (index >= scanner->chunkers_count)
        return SF_ERROR_CHUNKER;
    sf_chunker *c = &scanner->chunkers[index];
    if (c == scanner->whole || c->source != SF_NO_CHUNKER)
        return SF_ERROR_CHUNKER;
    if (scanner->is_sample)
        return SF_ERROR_SAMPLE;
    if (scanner->state != SF_IDLE)
        return SF_ERROR_FILE_OPEN;
    c->similar = similar;
    return SF_OK;
}
