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
