/* The scanner: files come in spans, every chunker cuts them and feeds its sketch in one pass. */
#include <stdlib.h>

#include "internal.h"

/* ---- life of a scanner ---- */

static int plan_is_valid(const sf_chunker_plan *plan, int is_sample)
{
    if (plan->capacity < 1 || plan->capacity > SF_CAPACITY_MAX)
        return 0;
    if (plan->max_bytes == 0)
        return plan->min_bytes == 0 && !is_sample && !plan->predicts;
    return plan->max_bytes <= SF_CHUNK_BYTES_MAX && plan->min_bytes <= plan->max_bytes &&
           plan->min_bytes >= (plan->min_bytes == plan->max_bytes ? 1 : 4);
}

/* The whole-file key is made of the blocks of a fixed chunker of the right size if there is one;
 * else the whole-file chunker cuts its own. */
static void choose_chain(sf_scanner *scanner)
{
    sf_chunker *chosen = scanner->whole;
    for (size_t i = scanner->chunkers_count; i-- > 0;) {
        sf_chunker *c = &scanner->chunkers[i];
        if (c->stream.min_bytes == SF_CHAIN_BLOCK_BYTES &&
            c->stream.max_bytes == SF_CHAIN_BLOCK_BYTES)
            chosen = c; /* the first one: later ones may be handed its blocks */
    }
    if (chosen == scanner->whole)
        chosen->stream.min_bytes = chosen->stream.max_bytes = SF_CHAIN_BLOCK_BYTES;
    chosen->chains = 1;
}

sf_error sf_scanner_new(sf_scanner **result, const sf_chunker_plan *plans, size_t count,
                        uint64_t seed, int is_sample, const sf_kernel *kernel)
{
    if (count < 1 || count > SF_CHUNKERS_MAX)
        return SF_ERROR_CHUNKER;
    size_t wholes = 0;
    for (size_t i = 0; i < count; i++) {
        if (!plan_is_valid(&plans[i], is_sample))
            return SF_ERROR_CHUNKER;
        wholes += plans[i].max_bytes == 0;
    }
    if (wholes > 1)
        return SF_ERROR_WHOLE_TWICE;
    sf_scanner *scanner = calloc(1, sizeof *scanner + count * sizeof scanner->chunkers[0]);
    if (!scanner)
        return SF_ERROR_MEMORY;
    scanner->kernel = kernel;
    scanner->is_sample = is_sample;
    scanner->chunkers_count = count;
    for (size_t i = 0; i < count; i++) {
        sf_chunker *c = &scanner->chunkers[i];
        c->stream = (sf_stream){plans[i].min_bytes, plans[i].max_bytes, -1};
        c->predicts = plans[i].predicts;
        sf_sketch_init(&c->sketch, plans[i].capacity, seed, is_sample);
        if (plans[i].max_bytes == 0)
            scanner->whole = c;
    }
    if (scanner->whole)
        choose_chain(scanner);
    sf_relate_chunkers(scanner);
    scanner->buffer_bytes_min = SF_COUNTED_BLOCK_BYTES;
    for (size_t i = 0; i < count; i++)
        if (scanner->buffer_bytes_min < scanner->chunkers[i].stream.max_bytes)
            scanner->buffer_bytes_min = scanner->chunkers[i].stream.max_bytes;
    *result = scanner;
    return SF_OK;
}

void sf_scanner_free(sf_scanner *scanner)
{
    if (!scanner)
        return;
    for (size_t i = 0; i < scanner->chunkers_count; i++)
        sf_sketch_clear(&scanner->chunkers[i].sketch);
    free(scanner);
}

sf_error sf_scanner_reserve(sf_scanner *scanner)
{
    sf_error error = SF_OK;
    for (size_t i = 0; i < scanner->chunkers_count && !error; i++)
        error = sf_sketch_reserve(&scanner->chunkers[i].sketch);
    return error;
}

size_t sf_buffer_bytes_min(const sf_scanner *scanner)
{
    return scanner->buffer_bytes_min;
}

/* ---- spans ---- */

void sf_restart_streams(sf_scanner *scanner)
{
    scanner->carried = scanner->counted = 0;
    scanner->counted_blocks = 0;
    for (size_t i = 0; i < scanner->chunkers_count; i++) {
        scanner->chunkers[i].position = 0;
        scanner->chunkers[i].stream.run_byte = -1;
        scanner->chunkers[i].open_parts = scanner->chunkers[i].open_bytes = 0;
        scanner->chunkers[i].pending_count = 0;
    }
}

static sf_error check_may_span(const sf_scanner *scanner)
{
    switch (scanner->state) {
    case SF_IDLE: return SF_ERROR_NO_FILE;
    case SF_SPANNED: return SF_ERROR_CARRY_FIRST;
    case SF_SEGMENT_ENDED: return SF_ERROR_SEGMENT_ENDED;
    case SF_FAILED: return SF_ERROR_FAILED;
    case SF_SEGMENT_START:
    case SF_CARRIED: return SF_OK;
    }
    return SF_ERROR_FAILED;
}

static void count_span_bytes(sf_scanner *scanner, const uint8_t *data, size_t bytes, int last)
{
    size_t counted = sf_count_bytes(scanner->histogram[__builtin_ctzll(scanner->labels)],
                                    data + scanner->counted, bytes - scanner->counted,
                                    scanner->counted_blocks, last);
    scanner->counted += counted;
    scanner->counted_blocks += counted / SF_COUNTED_BLOCK_BYTES;
}

sf_error sf_span(sf_scanner *scanner, const uint8_t *data, size_t buffer_bytes, size_t bytes,
                 int last)
{
    sf_error error = check_may_span(scanner);
    if (error)
        return error;
    if (bytes < scanner->carried || bytes > buffer_bytes)
        return SF_ERROR_LENGTH;
    if (!last && buffer_bytes < scanner->buffer_bytes_min)
        return SF_ERROR_BUFFER;
    scanner->state = SF_FAILED;
    uint64_t span_end = scanner->position;
    if (sf_add_overflows(&scanner->file_bytes, bytes - scanner->carried) ||
        sf_add_overflows(&span_end, bytes))
        return SF_ERROR_OVERFLOW;
    scanner->span_bytes = bytes;
    scanner->hashed = NULL;
    scanner->span = data;
    scanner->begin = 0;
    scanner->end = SIZE_MAX;
    count_span_bytes(scanner, data, bytes, last);
    for (size_t i = 0; i < scanner->chunkers_count && !error; i++) {
        sf_chunker *c = &scanner->chunkers[i];
        if (!sf_cuts_itself(c))
            continue;
        error = sf_cut_span(scanner, c, data, bytes, last, bytes);
        if (last && !error)
            error = sf_close_built(scanner, c);
    }
    if (!error)
        error = sf_flush_chunks(scanner);
    if (error)
        return error;
    scanner->state = SF_SPANNED;
    if (last) {
        sf_restart_streams(scanner);
        scanner->position = span_end;
        scanner->state = SF_SEGMENT_ENDED;
    }
    return SF_OK;
}

sf_error sf_carry(sf_scanner *scanner, uint8_t *buffer, size_t buffer_bytes, size_t *carried)
{
    *carried = 0;
    switch (scanner->state) {
    case SF_IDLE: return SF_ERROR_NO_FILE;
    case SF_FAILED: return SF_ERROR_FAILED;
    case SF_CARRIED: return SF_ERROR_CARRY_TWICE;
    case SF_SEGMENT_START:
    case SF_SEGMENT_ENDED: return SF_OK;
    case SF_SPANNED: break;
    }
    if (buffer_bytes < scanner->span_bytes)
        return SF_ERROR_BUFFER;
    size_t start = scanner->counted;
    for (size_t i = 0; i < scanner->chunkers_count; i++) {
        const sf_chunker *c = &scanner->chunkers[i];
        if (c->stream.max_bytes > 0 && c->position < start)
            start = c->position;
    }
    for (size_t i = 0; i < scanner->chunkers_count; i++)
        if (scanner->chunkers[i].stream.max_bytes > 0)
            scanner->chunkers[i].position -= start;
    scanner->counted -= start;
    scanner->position += start;
    scanner->carried = *carried = scanner->span_bytes - start;
    if (start > 0 && *carried > 0)
        memmove(buffer, buffer + start, *carried);
    scanner->state = SF_CARRIED;
    return SF_OK;
}

/* ---- files ---- */

sf_error sf_begin(sf_scanner *scanner, uint64_t labels)
{
    if (scanner->is_sample)
        return SF_ERROR_SAMPLE;
    if (scanner->state != SF_IDLE)
        return SF_ERROR_FILE_OPEN;
    if (labels == 0)
        return SF_ERROR_LABELS;
    scanner->labels = labels;
    scanner->file_bytes = scanner->zero_bytes = scanner->object = scanner->position = 0;
    scanner->chain = (sf_chain){{0}, 0};
    sf_restart_streams(scanner);
    scanner->state = SF_SEGMENT_START;
    return SF_OK;
}

sf_error sf_set_position(sf_scanner *scanner, uint64_t object, uint64_t offset)
{
    if (scanner->state != SF_SEGMENT_START || scanner->position != 0 || scanner->file_bytes != 0)
        return SF_ERROR_POSITION;
    scanner->object = object;
    scanner->position = offset;
    return SF_OK;
}

static sf_error check_between_segments(const sf_scanner *scanner)
{
    switch (scanner->state) {
    case SF_IDLE: return SF_ERROR_NO_FILE;
    case SF_FAILED: return SF_ERROR_FAILED;
    case SF_SPANNED:
    case SF_CARRIED: return SF_ERROR_SEGMENT_OPEN;
    case SF_SEGMENT_START:
    case SF_SEGMENT_ENDED: return SF_OK;
    }
    return SF_ERROR_FAILED;
}

sf_error sf_skip(sf_scanner *scanner, uint64_t hole_bytes)
{
    sf_error error = check_between_segments(scanner);
    if (error)
        return error;
    if (hole_bytes == 0)
        return SF_ERROR_HOLE;
    uint64_t position = scanner->position;
    if (sf_add_overflows(&position, hole_bytes))
        return SF_ERROR_OVERFLOW;
    error = sf_chain_gap(&scanner->chain, hole_bytes);
    if (error)
        return error;
    scanner->position = position;
    scanner->state = SF_SEGMENT_START;
    return SF_OK;
}

sf_error sf_end_part(sf_scanner *scanner, sf_content_key *part)
{
    sf_error error = check_between_segments(scanner);
    if (error)
        return error;
    part->key = sf_chain_key(&scanner->chain, scanner->kernel);
    part->bytes = scanner->file_bytes;
    part->zero_bytes = scanner->zero_bytes;
    scanner->state = SF_IDLE;
    return SF_OK;
}

sf_error sf_end(sf_scanner *scanner)
{
    sf_content_key file;
    sf_error error = sf_end_part(scanner, &file);
    if (error)
        return error;
    error = sf_add_file(scanner, &file, scanner->labels, scanner->object);
    if (error)
        scanner->state = SF_FAILED;
    return error;
}

sf_error sf_abort(sf_scanner *scanner)
{
    if (scanner->state == SF_IDLE)
        return SF_ERROR_NO_FILE;
    scanner->state = SF_IDLE;
    return SF_OK;
}

/* ---- beside the scan ---- */

sf_sketch *sf_sketch_of(sf_scanner *scanner, size_t index)
{
    return index < scanner->chunkers_count ? &scanner->chunkers[index].sketch : NULL;
}

const sf_totals *sf_totals_of(const sf_scanner *scanner, size_t index)
{
    return index < scanner->chunkers_count ? &scanner->chunkers[index].totals : NULL;
}

const uint64_t *sf_histogram(const sf_scanner *scanner)
{
    return scanner->histogram[0];
}
