/* Chunks and whole files that are counted without a span: they were cut elsewhere, or in parts. */
#include "internal.h"

static sf_error add_chunk(sf_chunker *c, sf_key key, uint64_t size, uint64_t labels)
{
    uint64_t bytes = c->totals.bytes;
    if (sf_add_overflows(&bytes, size))
        return SF_ERROR_OVERFLOW;
    double rank;
    sf_error error = sf_sketch_add(&c->sketch, key, size, labels, 0, &rank);
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

sf_error sf_add_file(sf_scanner *scanner, const sf_content_key *file, uint64_t labels)
{
    if (labels == 0)
        return SF_ERROR_LABELS;
    if (file->zero_bytes > file->bytes)
        return SF_ERROR_SIZE;
    sf_chunker *whole = scanner->whole;
    if (!whole || file->bytes == 0)
        return SF_OK;
    if (file->zero_bytes == 0)
        return add_chunk(whole, file->key, file->bytes, labels);
    sf_error error = add_chunk(whole, zeros_key(scanner->kernel, file->key), file->zero_bytes, labels);
    if (error || file->zero_bytes == file->bytes)
        return error;
    error = add_chunk(whole, file->key, file->bytes - file->zero_bytes, labels);
    if (!error)
        whole->totals.chunks--; /* both are one file */
    return error;
}

sf_error sf_add(sf_scanner *scanner, size_t index, const uint64_t *keys, const uint64_t *sizes,
                const uint64_t *labels, size_t count)
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
        sf_error error = add_chunk(c, (sf_key){keys[2 * i], keys[2 * i + 1]}, sizes[i], labels[i]);
        if (error)
            return error;
    }
    return SF_OK;
}
