/* Chunks and whole files that are counted without a span: they were cut elsewhere, or in parts. */
#include "internal.h"

static sf_error add_chunk(sf_chunker *c, const sf_entry *chunk)
{
    uint64_t bytes = c->totals.bytes;
    if (sf_add_overflows(&bytes, chunk->size))
        return SF_ERROR_OVERFLOW;
    sf_entry *kept;
    sf_error error = sf_sketch_add(&c->sketch, chunk, &kept);
    if (error)
        return error;
    c->totals.chunks++;
    c->totals.bytes = bytes;
    return SF_OK;
}

/* The key of the zeros of a file whose key is `key`. */
static sf_key zeros_key(const sf_kernel *kernel, sf_key key)
{
    uint8_t message[16 + 4];
    sf_canonical(key, message);
    memcpy(message + 16, "zero", 4);
    return sf_fingerprint(kernel, message, sizeof message);
}

sf_error sf_add_file(sf_scanner *scanner, const sf_content_key *file, uint64_t labels,
                     uint64_t object)
{
    if (labels == 0)
        return SF_ERROR_LABELS;
    if (file->zero_bytes > file->bytes)
        return SF_ERROR_SIZE;
    sf_chunker *whole = scanner->whole;
    if (!whole || file->bytes == 0)
        return SF_OK;
    sf_entry content = {.key = file->key,
                        .size = file->bytes - file->zero_bytes,
                        .count = 1,
                        .labels = labels,
                        .object = object};
    if (file->zero_bytes == 0)
        return add_chunk(whole, &content);
    sf_entry zeros = content;
    zeros.key = zeros_key(scanner->kernel, file->key);
    zeros.size = file->zero_bytes;
    sf_error error = add_chunk(whole, &zeros);
    if (error || content.size == 0)
        return error;
    error = add_chunk(whole, &content);
    if (!error)
        whole->totals.chunks--; /* both are one file */
    return error;
}

sf_error sf_add(sf_scanner *scanner, size_t index, const uint64_t *keys, const uint64_t *sizes,
                const uint64_t *labels, const uint64_t *places, size_t count)
{
    if (scanner->is_sample)
        return SF_ERROR_SAMPLE;
    if (index >= scanner->chunkers_count)
        return SF_ERROR_CHUNKER;
    sf_chunker *c = &scanner->chunkers[index];
    for (size_t i = 0; i < count; i++) {
        if (labels[i] == 0)
            return SF_ERROR_LABELS;
        if (sizes[i] == 0)
            return SF_ERROR_SIZE;
    }
    for (size_t i = 0; i < count; i++) {
        sf_error error = add_chunk(c, &(sf_entry){.key = {keys[2 * i], keys[2 * i + 1]},
                                                  .size = sizes[i],
                                                  .count = 1,
                                                  .labels = labels[i],
                                                  .object = places[2 * i],
                                                  .offset = places[2 * i + 1]});
        if (error)
            return error;
    }
    return SF_OK;
}

/* ---- what another scanner has counted ---- */

static int have_one_plan(const sf_chunker *a, const sf_chunker *b)
{
    return a->stream.min_bytes == b->stream.min_bytes &&
           a->stream.max_bytes == b->stream.max_bytes &&
           a->sketch.capacity == b->sketch.capacity && a->sketch.seed_mix == b->sketch.seed_mix;
}

static int add_totals_overflows(sf_totals *totals, const sf_totals *other)
{
    int overflows = sf_add_overflows(&totals->chunks, other->chunks) ||
                    sf_add_overflows(&totals->bytes, other->bytes);
    /* Parts of these totals, which did not overflow. */
    for (size_t value = 0; value < 256 && !overflows; value++) {
        totals->run_count[value] += other->run_count[value];
        totals->run_bytes[value] += other->run_bytes[value];
    }
    return overflows;
}

static sf_error merge_chunker(sf_chunker *c, sf_chunker *other)
{
    size_t count;
    double tau;
    if (add_totals_overflows(&c->totals, &other->totals))
        return SF_ERROR_OVERFLOW;
    for (size_t i = 0; i < SF_BUCKETS; i++) {
        c->sketch.buckets[i].references += other->sketch.buckets[i].references;
        c->sketch.buckets[i].bytes += other->sketch.buckets[i].bytes;
    }
    const sf_entry *entries = sf_sketch_entries(&other->sketch, &count, &tau);
    return sf_sketch_merge(&c->sketch, entries, count, tau);
}

sf_error sf_scanner_merge(sf_scanner *scanner, sf_scanner *other)
{
    size_t count = scanner->chunkers_count;
    if (scanner == other || count != other->chunkers_count ||
        scanner->is_sample != other->is_sample)
        return SF_ERROR_MERGE;
    for (size_t i = 0; i < count; i++)
        if (!have_one_plan(&scanner->chunkers[i], &other->chunkers[i]))
            return SF_ERROR_MERGE;
    if (scanner->state != SF_IDLE || other->state != SF_IDLE)
        return SF_ERROR_FILE_OPEN;
    sf_error error = SF_OK;
    for (size_t i = 0; i < count && !error; i++)
        error = merge_chunker(&scanner->chunkers[i], &other->chunkers[i]);
    for (size_t label = 0; label < SF_LABELS_MAX && !error; label++)
        for (size_t value = 0; value < 256; value++)
            scanner->histogram[label][value] += other->histogram[label][value];
    return error;
}
