/* What becomes of the cuts of a span: totals, sketches, and blocks that are made of blocks. */
#include "similar.h"

/* ---- chunks into sketches ---- */

static sf_error flush_pending(sf_scanner *scanner, sf_chunker *c)
{
    size_t count = c->pending_count;
    c->pending_count = 0;
    for (size_t i = 0; i < count; i++)
        sf_sketch_prefetch(&c->sketch, c->pending[i].key, c->pending[i].length, scanner->extent);
    for (size_t i = 0; i < count; i++) {
        const sf_pending_chunk *chunk = &c->pending[i];
        sf_entry *kept;
        sf_error error = sf_sketch_add(&c->sketch,
                                       &(sf_entry){.key = chunk->key,
                                                   .size = chunk->length,
                                                   .count = 1,
                                                   .labels = scanner->labels,
                                                   .extent = scanner->extent,
                                                   .object = scanner->object,
                                                   .offset = chunk->offset},
                                       &kept);
        if (error)
            return error;
        if (c->predicts && kept && kept->predicted[0] == 0 &&
            sf_sketch_rank(&c->sketch, kept) < c->sketch.predicted_below) {
            sf_predict(scanner->span + (chunk->offset - scanner->position), chunk->length,
                       kept->predicted);
            sf_sketch_predicted(&c->sketch);
        }
    }
    return SF_OK;
}

sf_error sf_flush_chunks(sf_scanner *scanner)
{
    sf_error error = SF_OK;
    for (size_t i = 0; i < scanner->chunkers_count && !error; i++)
        error = flush_pending(scanner, &scanner->chunkers[i]);
    return error;
}

static sf_error count_chunk(sf_scanner *scanner, sf_chunker *c, sf_key key, size_t offset,
                            size_t length)
{
    if (sf_add_overflows(&c->totals.bytes, length))
        return SF_ERROR_OVERFLOW;
    c->totals.chunks++;
    c->pending[c->pending_count++] = (sf_pending_chunk){key, length, scanner->position + offset};
    return c->pending_count == SF_PENDING ? flush_pending(scanner, c) : SF_OK;
}

static sf_error count_run(sf_chunker *c, uint8_t value, size_t length, int is_new)
{
    if (sf_add_overflows(&c->totals.bytes, length))
        return SF_ERROR_OVERFLOW;
    c->totals.chunks += is_new != 0;
    c->totals.run_count[value] += is_new != 0;
    c->totals.run_bytes[value] += length;
    return SF_OK;
}

static sf_key fingerprint_once(sf_scanner *scanner, const uint8_t *data, size_t bytes)
{
    if (data != scanner->hashed || bytes != scanner->hashed_bytes) {
        scanner->hashed_key = sf_fingerprint(scanner->kernel, data, bytes);
        scanner->hashed = data;
        scanner->hashed_bytes = bytes;
    }
    return scanner->hashed_key;
}

/* ---- blocks made of blocks ---- */

/* The chunker of the largest fixed blocks of which `c`'s can be made, or SF_NO_CHUNKER. */
static size_t source_of(const sf_scanner *scanner, const sf_chunker *c)
{
    size_t found = SF_NO_CHUNKER, found_bytes = 0, max_bytes = c->stream.max_bytes;
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

void sf_relate_chunkers(sf_scanner *scanner)
{
    size_t count = scanner->chunkers_count;
    for (size_t i = 0; i < count; i++) {
        sf_chunker *c = &scanner->chunkers[i];
        c->source = c->first_built = c->next_built = SF_NO_CHUNKER;
    }
    for (size_t i = 0; i < count; i++) {
        sf_chunker *c = &scanner->chunkers[i];
        if (c->stream.max_bytes == 0 || c->stream.min_bytes != c->stream.max_bytes)
            continue;
        c->source = source_of(scanner, c);
        if (c->source != SF_NO_CHUNKER) {
            c->next_built = scanner->chunkers[c->source].first_built;
            scanner->chunkers[c->source].first_built = i;
        }
    }
}

static sf_error pass_on(sf_scanner *scanner, const sf_chunker *c, sf_key key, size_t length,
                        int run);

/* The open block of `c` is complete, or the segment ends. */
static sf_error close_block(sf_scanner *scanner, sf_chunker *c)
{
    size_t length = c->open_bytes, offset = c->position;
    int run = length == c->stream.max_bytes ? c->open_run : -1;
    sf_key key = c->open_key;
    if (c->open_parts > 1)
        key = sf_fingerprint(scanner->kernel, c->open_digests, 16 * c->open_parts);
    c->position += length;
    c->open_parts = c->open_bytes = 0;
    sf_error error = SF_OK;
    if (c != scanner->whole && run >= 0)
        error = count_run(c, (uint8_t)run, length, 1);
    else if (c != scanner->whole)
        error = count_chunk(scanner, c, key, offset, length);
    return error ? error : pass_on(scanner, c, key, length, run);
}

/* A block of `c` is complete: it is the next part of all that is made of such blocks. */
static sf_error pass_on(sf_scanner *scanner, const sf_chunker *c, sf_key key, size_t length,
                        int run)
{
    sf_error error = SF_OK;
    if (c->chains && run == 0) {
        scanner->zero_bytes += length;
        error = sf_chain_gap(&scanner->chain, length);
    } else if (c->chains) {
        sf_chain_block(&scanner->chain, scanner->kernel, key);
    }
    for (size_t i = c->first_built; i != SF_NO_CHUNKER && !error;) {
        sf_chunker *built = &scanner->chunkers[i];
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

sf_error sf_close_built(sf_scanner *scanner, const sf_chunker *c)
{
    for (size_t i = c->first_built; i != SF_NO_CHUNKER; i = scanner->chunkers[i].next_built) {
        sf_chunker *built = &scanner->chunkers[i];
        sf_error error = built->open_parts > 0 ? close_block(scanner, built) : SF_OK;
        if (!error)
            error = sf_close_built(scanner, built);
        if (error)
            return error;
    }
    return SF_OK;
}

/* ---- cuts ---- */

/* A cut that lies in [begin, end) of the span, or a run of which that much does. */
static sf_error take_cut(sf_scanner *scanner, sf_chunker *c, sf_cut cut, const uint8_t *data,
                         size_t offset, size_t length)
{
    int is_part = c->chains || c->first_built != SF_NO_CHUNKER;
    sf_key key = {0, 0};
    if (cut == SF_CHUNK || is_part)
        key = fingerprint_once(scanner, data + offset, length);
    sf_error error = SF_OK;
    if (c != scanner->whole && cut == SF_CHUNK)
        error = count_chunk(scanner, c, key, offset, length);
    else if (c != scanner->whole)
        error = count_run(c, data[offset], length, cut == SF_RUN);
    if (!error && c->similar && cut == SF_CHUNK)
        error = sf_similar_add(c->similar, scanner->kernel, key, data + offset, length,
                               scanner->object, scanner->position + offset);
    if (error || !is_part)
        return error;
    return pass_on(scanner, c, key, length, cut == SF_CHUNK ? -1 : data[offset]);
}

sf_error sf_cut_span(sf_scanner *scanner, sf_chunker *c, const uint8_t *data, size_t bytes, int last,
                     size_t until)
{
    sf_error error = SF_OK;
    while (c->position < until && !error) {
        size_t length, offset = c->position;
        sf_cut cut = sf_next_cut(&c->stream, scanner->kernel, data + offset, bytes - offset, last,
                                 &length);
        if (cut == SF_NEED_MORE)
            break;
        size_t stop = offset + length;
        if (cut != SF_CHUNK) {
            offset = offset < scanner->begin ? scanner->begin : offset;
            stop = stop > scanner->end ? scanner->end : stop;
        }
        if (offset >= scanner->begin && offset < stop)
            error = take_cut(scanner, c, cut, data, offset, stop - offset);
        if (!error)
            c->position += length;
    }
    return error;
}
