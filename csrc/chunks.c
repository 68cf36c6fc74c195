/* What becomes of the pieces of a span: totals, sketches, and blocks that are made of blocks. */
#include <stdlib.h>

#include "scanner.h"

enum { FIRST_KEPT = 64 };

/* ---- chunks into sketches ---- */

static sf_error push_kept(sf_scanner *scanner, sf_kept kept)
{
    if (scanner->kept_count == scanner->kept_allocated) {
        size_t allocated = scanner->kept_allocated ? scanner->kept_allocated * 2 : FIRST_KEPT;
        sf_kept *grown = realloc(scanner->kept, allocated * sizeof *grown);
        if (!grown)
            return SF_ERROR_MEMORY;
        scanner->kept = grown;
        scanner->kept_allocated = allocated;
    }
    scanner->kept[scanner->kept_count++] = kept;
    return SF_OK;
}

static sf_error flush(sf_scanner *scanner, chunker *c)
{
    size_t count = c->pending_count;
    c->pending_count = 0;
    for (size_t i = 0; i < count; i++)
        sf_sketch_expect(&c->sketch, c->pending[i].key, c->pending[i].length);
    for (size_t i = 0; i < count; i++) {
        const pending_chunk *chunk = &c->pending[i];
        const sf_entry *entry;
        sf_error error = sf_sketch_add(&c->sketch, chunk->key, chunk->length,
                                       sf_groups_of(scanner, scanner->group), &entry);
        if (!error && entry && c->codecs > 0 && entry->rank < c->kept_below)
            error = push_kept(scanner, (sf_kept){.chunker = (uint64_t)(c - scanner->chunkers),
                                                 .offset = scanner->kept_base + chunk->offset,
                                                 .length = chunk->length,
                                                 .key = chunk->key,
                                                 .rank = entry->rank});
        if (error)
            return error;
    }
    return SF_OK;
}

sf_error sf_flush_chunks(sf_scanner *scanner)
{
    sf_error error = SF_OK;
    for (size_t i = 0; i < scanner->chunkers_count && !error; i++)
        error = flush(scanner, &scanner->chunkers[i]);
    return error;
}

static sf_error take_chunk(sf_scanner *scanner, chunker *c, sf_key key, size_t offset,
                           size_t length)
{
    if (add_overflows(&c->totals.bytes, length))
        return SF_ERROR_OVERFLOW;
    c->totals.chunks++;
    if (c->by_place)
        key = (sf_key){scanner->file, scanner->place + offset};
    c->pending[c->pending_count++] = (pending_chunk){key, offset, length};
    return c->pending_count == PENDING ? flush(scanner, c) : SF_OK;
}

static sf_error take_run(chunker *c, uint8_t value, size_t length, int is_new)
{
    if (add_overflows(&c->totals.bytes, length))
        return SF_ERROR_OVERFLOW;
    c->totals.chunks += is_new != 0;
    c->totals.run_count[value] += is_new != 0;
    c->totals.run_bytes[value] += length;
    return SF_OK;
}

static sf_key fingerprint(sf_scanner *scanner, const uint8_t *data, size_t bytes)
{
    if (data != scanner->hashed || bytes != scanner->hashed_bytes) {
        scanner->hashed_key = sf_fingerprint(scanner->kernel, data, bytes);
        scanner->hashed = data;
        scanner->hashed_bytes = bytes;
    }
    return scanner->hashed_key;
}

/* A piece of `c` is complete: `c` counts it, and so does every chunker that cuts just as `c`. */
static sf_error count_piece(sf_scanner *scanner, chunker *c, sf_piece piece, sf_key key,
                            uint8_t value, size_t offset, size_t length)
{
    for (;;) {
        sf_error error = piece == SF_CHUNK ? take_chunk(scanner, c, key, offset, length)
                                           : take_run(c, value, length, piece == SF_RUN);
        if (error || c->twin == NO_CHUNKER)
            return error;
        c = &scanner->chunkers[c->twin];
        c->position = offset + length;
    }
}

/* ---- blocks made of blocks ---- */

/* The first chunker that cuts just as `c`, which counts by place, or NO_CHUNKER. */
static size_t alike(const sf_scanner *scanner, const chunker *c)
{
    for (const chunker *other = scanner->chunkers; c->by_place && other < c; other++)
        if (other->stream.min_bytes == c->stream.min_bytes &&
            other->stream.max_bytes == c->stream.max_bytes)
            return (size_t)(other - scanner->chunkers);
    return NO_CHUNKER;
}

/* The chunker of the largest fixed blocks of which `c`'s can be made, or NO_CHUNKER. */
static size_t source_of(const sf_scanner *scanner, const chunker *c)
{
    size_t found = NO_CHUNKER, found_bytes = 0, max_bytes = c->stream.max_bytes;
    for (size_t i = 0; i < scanner->chunkers_count; i++) {
        const sf_stream *other = &scanner->chunkers[i].stream;
        if (other->max_bytes > found_bytes && other->min_bytes == other->max_bytes &&
            other->max_bytes < max_bytes && max_bytes % other->max_bytes == 0 &&
            max_bytes / other->max_bytes <= SF_FANOUT_MAX) {
            found = i;
            found_bytes = other->max_bytes;
        }
    }
    return found;
}

void sf_relate_blocks(sf_scanner *scanner)
{
    size_t count = scanner->chunkers_count;
    for (size_t i = 0; i < count; i++) {
        chunker *c = &scanner->chunkers[i];
        c->source = c->twin = c->first_built = c->next_built = NO_CHUNKER;
    }
    for (size_t i = 0; i < count; i++) {
        chunker *c = &scanner->chunkers[i];
        c->source = alike(scanner, c);
        if (c->source != NO_CHUNKER) {
            c->twin = scanner->chunkers[c->source].twin;
            scanner->chunkers[c->source].twin = i;
            continue;
        }
        if (c->stream.max_bytes == 0 || c->stream.min_bytes != c->stream.max_bytes)
            continue;
        c->source = source_of(scanner, c);
        if (c->source != NO_CHUNKER) {
            c->next_built = scanner->chunkers[c->source].first_built;
            scanner->chunkers[c->source].first_built = i;
        }
    }
}

static sf_error pass_on(sf_scanner *scanner, const chunker *c, sf_key key, size_t length,
                        int run);

/* The open block of `c` is complete, or the segment ends. */
static sf_error close_block(sf_scanner *scanner, chunker *c)
{
    size_t length = c->open_bytes, offset = c->position;
    int run = length == c->stream.max_bytes ? c->open_run : -1;
    sf_key key = c->open_key;
    if (c->open_parts > 1)
        key = sf_fingerprint(scanner->kernel, c->open_digests, 16 * c->open_parts);
    c->position += length;
    c->open_parts = c->open_bytes = 0;
    sf_error error = SF_OK;
    if (c != scanner->whole)
        error = count_piece(scanner, c, run >= 0 ? SF_RUN : SF_CHUNK, key, (uint8_t)run, offset,
                            length);
    return error ? error : pass_on(scanner, c, key, length, run);
}

/* A block of `c` is complete: it is the next part of all that is made of such blocks. */
static sf_error pass_on(sf_scanner *scanner, const chunker *c, sf_key key, size_t length,
                        int run)
{
    sf_error error = SF_OK;
    if (c->chains && run == 0) {
        scanner->zero_bytes += length;
        error = sf_chain_gap(&scanner->chain, length);
    } else if (c->chains) {
        sf_chain_block(&scanner->chain, scanner->kernel, key);
    }
    for (size_t i = c->first_built; i != NO_CHUNKER && !error;) {
        chunker *built = &scanner->chunkers[i];
        if (built->open_parts == 0) {
            built->open_key = key;
            built->open_run = run;
        } else if (built->open_run != run) {
            built->open_run = -1;
        }
        sf_canonical(key, built->open_digests + 16 * built->open_parts++);
        built->open_bytes += length;
        if (built->open_bytes == built->stream.max_bytes)
            error = close_block(scanner, built);
        i = built->next_built;
    }
    return error;
}

/* The segment ends: so do the open blocks that are made of `c`'s. */
static sf_error close_built(sf_scanner *scanner, const chunker *c)
{
    for (size_t i = c->first_built; i != NO_CHUNKER; i = scanner->chunkers[i].next_built) {
        chunker *built = &scanner->chunkers[i];
        sf_error error = built->open_parts > 0 ? close_block(scanner, built) : SF_OK;
        if (!error)
            error = close_built(scanner, built);
        if (error)
            return error;
    }
    return SF_OK;
}

/* ---- pieces ---- */

static sf_error take_piece(sf_scanner *scanner, chunker *c, sf_piece piece, const uint8_t *data,
                           size_t offset, size_t length)
{
    int is_part = c->chains || c->first_built != NO_CHUNKER;
    sf_key key = {0, 0};
    if ((piece == SF_CHUNK && !c->by_place) || is_part)
        key = fingerprint(scanner, data + offset, length);
    sf_error error = SF_OK;
    if (c != scanner->whole)
        error = count_piece(scanner, c, piece, key, data[offset], offset, length);
    if (!error && c->similar && piece == SF_CHUNK)
        error = sf_similar_add(c->similar, scanner->kernel, key, data + offset, length,
                               scanner->file, scanner->place + offset);
    if (error || !is_part)
        return error;
    return pass_on(scanner, c, key, length, piece == SF_CHUNK ? -1 : data[offset]);
}

sf_error sf_cut_span(sf_scanner *scanner, chunker *c, const uint8_t *data, size_t bytes, int last)
{
    for (;;) {
        size_t length;
        sf_piece piece = sf_next_piece(&c->stream, scanner->kernel, data + c->position,
                                       bytes - c->position, last, &length);
        if (piece == SF_NEED_MORE)
            return last ? close_built(scanner, c) : SF_OK;
        sf_error error = take_piece(scanner, c, piece, data, c->position, length);
        if (error)
            return error;
        c->position += length;
    }
}
