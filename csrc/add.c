/* Chunks and whole files that are counted without a span: they were cut elsewhere, or in parts. */
#include "scanner.h"

static sf_error count_chunk(chunker *c, sf_key key, uint64_t size, uint64_t groups)
{
    uint64_t bytes = c->totals.bytes;
    if (add_overflows(&bytes, size))
        return SF_ERROR_OVERFLOW;
    const sf_entry *taken_in;
    sf_error error = sf_sketch_add(&c->sketch, key, size, groups, &taken_in);
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

sf_error sf_add_file(sf_scanner *scanner, const sf_content_key *file, unsigned group)
{
    if (group >= SF_GROUPS_MAX)
        return SF_ERROR_GROUP;
    if (file->zero_bytes > file->bytes)
        return SF_ERROR_SIZE;
    chunker *whole = scanner->whole;
    if (!whole || file->bytes == 0)
        return SF_OK;
    uint64_t groups = sf_groups_of(scanner, group);
    if (file->zero_bytes == 0)
        return count_chunk(whole, file->key, file->bytes, groups);
    sf_error error = count_chunk(whole, zeros_key(scanner->kernel, file->key), file->zero_bytes,
                                 groups);
    if (error || file->zero_bytes == file->bytes)
        return error;
    error = count_chunk(whole, file->key, file->bytes - file->zero_bytes, groups);
    if (!error)
        whole->totals.chunks--; /* both are one file */
    return error;
}

sf_error sf_add(sf_scanner *scanner, size_t index, const uint64_t *keys, const uint64_t *sizes,
                const uint64_t *groups, size_t count)
{
    if (index >= scanner->chunkers_count)
        return SF_ERROR_CHUNKER;
    chunker *c = &scanner->chunkers[index];
    for (size_t i = 0; i < count; i++) {
        if (groups[i] >= SF_GROUPS_MAX)
            return SF_ERROR_GROUP;
        if (sizes[i] == 0)
            return SF_ERROR_SIZE;
    }
    for (size_t i = 0; i < count; i++) {
        sf_error error = count_chunk(c, (sf_key){keys[2 * i], keys[2 * i + 1]}, sizes[i],
                                     sf_groups_of(scanner, (unsigned)groups[i]));
        if (error)
            return error;
    }
    return SF_OK;
}
