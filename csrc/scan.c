/* The scanner: files come in spans, every chunker cuts them and feeds its sketch in one pass. */
#include <math.h>
#include <stdlib.h>

#include "scanner.h"

/* ---- life of a scanner ---- */

static int plan_is_valid(const sf_chunker_plan *plan)
{
    if (plan->capacity < 1 || plan->capacity > SF_CAPACITY_MAX || plan->codecs > SF_CODECS_MAX)
        return 0;
    if (plan->max_bytes == 0)
        return plan->min_bytes == 0 && plan->codecs == 0 && !plan->by_place;
    return plan->max_bytes <= SF_CHUNK_BYTES_MAX && plan->min_bytes <= plan->max_bytes &&
           plan->min_bytes >= (plan->min_bytes == plan->max_bytes ? 1 : 4);
}

/* The whole-file key is made of the blocks of a fixed chunker of the right size if there is one;
 * else the whole-file chunker cuts its own. */
static void choose_chain(sf_scanner *scanner)
{
    chunker *chosen = scanner->whole;
    for (size_t i = scanner->chunkers_count; i-- > 0;) {
        chunker *c = &scanner->chunkers[i];
        if (c->stream.min_bytes == SF_CHAIN_BLOCK_BYTES &&
            c->stream.max_bytes == SF_CHAIN_BLOCK_BYTES)
            chosen = c; /* the first one: later ones may be handed its blocks */
    }
    if (chosen == scanner->whole)
        chosen->stream.min_bytes = chosen->stream.max_bytes = SF_CHAIN_BLOCK_BYTES;
    chosen->chains = 1;
}

sf_error sf_scanner_new(sf_scanner **result, const sf_chunker_plan *plans, size_t count,
                        uint64_t seed, const sf_kernel *kernel)
{
    if (count < 1 || count > SF_CHUNKERS_MAX)
        return SF_ERROR_CHUNKER;
    size_t wholes = 0;
    for (size_t i = 0; i < count; i++) {
        if (!plan_is_valid(&plans[i]))
            return SF_ERROR_CHUNKER;
        wholes += plans[i].max_bytes == 0;
    }
    if (wholes > 1)
        return SF_ERROR_WHOLE_TWICE;
    sf_scanner *scanner = calloc(1, sizeof *scanner + count * sizeof scanner->chunkers[0]);
    if (!scanner)
        return SF_ERROR_MEMORY;
    scanner->kernel = kernel;
    scanner->chunkers_count = count;
    for (size_t i = 0; i < count; i++) {
        chunker *c = &scanner->chunkers[i];
        c->stream = (sf_stream){plans[i].min_bytes, plans[i].max_bytes, -1};
        c->codecs = plans[i].codecs;
        c->by_place = plans[i].by_place;
        c->kept_below = INFINITY;
        sf_sketch_init(&c->sketch, plans[i].capacity, seed);
        if (plans[i].max_bytes == 0)
            scanner->whole = c;
    }
    if (scanner->whole)
        choose_chain(scanner);
    sf_relate_blocks(scanner);
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
        sf_sketch_free(&scanner->chunkers[i].sketch);
    free(scanner->kept);
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

static void drop_evicted(sf_scanner *scanner)
{
    size_t count = 0;
    for (size_t i = 0; i < scanner->kept_count; i++)
        if (scanner->kept[i].rank < scanner->chunkers[scanner->kept[i].chunker].sketch.tau)
            scanner->kept[count++] = scanner->kept[i];
    scanner->kept_count = count;
}

static void restart_streams(sf_scanner *scanner)
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
    case IDLE: return SF_ERROR_NO_FILE;
    case SPANNED: return SF_ERROR_CARRY_FIRST;
    case SEGMENT_ENDED: return SF_ERROR_SEGMENT_ENDED;
    case FAILED: return SF_ERROR_FAILED;
    case SEGMENT_START:
    case CARRIED: return SF_OK;
    }
    return SF_ERROR_FAILED;
}

static void count_bytes(sf_scanner *scanner, const uint8_t *data, size_t bytes, int last)
{
    size_t counted = sf_count_bytes(scanner->histogram[scanner->group], data + scanner->counted,
                                    bytes - scanner->counted, scanner->counted_blocks, last);
    scanner->counted += counted;
    scanner->counted_blocks += counted / SF_COUNTED_BLOCK_BYTES;
}

static sf_error add_span(sf_scanner *scanner, const uint8_t *data, size_t buffer_bytes,
                         size_t bytes, int last)
{
    sf_error error = check_may_span(scanner);
    if (error)
        return error;
    if (bytes < scanner->carried || bytes > buffer_bytes)
        return SF_ERROR_LENGTH;
    if (!last && buffer_bytes < scanner->buffer_bytes_min)
        return SF_ERROR_BUFFER;
    if (add_overflows(&scanner->file_bytes, bytes - scanner->carried))
        return SF_ERROR_OVERFLOW;
    scanner->state = FAILED;
    scanner->span_bytes = bytes;
    scanner->hashed = NULL;
    count_bytes(scanner, data, bytes, last);
    for (size_t i = 0; i < scanner->chunkers_count; i++) {
        chunker *c = &scanner->chunkers[i];
        if (c->stream.max_bytes > 0 && c->source == NO_CHUNKER)
            error = sf_cut_span(scanner, c, data, bytes, last);
        if (error)
            return error;
    }
    error = sf_flush_chunks(scanner);
    if (error)
        return error;
    scanner->state = SPANNED;
    if (last) {
        restart_streams(scanner);
        scanner->place += bytes;
        scanner->state = SEGMENT_ENDED;
    }
    return SF_OK;
}

sf_error sf_span(sf_scanner *scanner, const uint8_t *data, size_t buffer_bytes, size_t bytes,
                 int last)
{
    scanner->kept_count = 0;
    scanner->kept_base = 0;
    sf_error error = add_span(scanner, data, buffer_bytes, bytes, last);
    if (!error)
        drop_evicted(scanner);
    return error;
}

sf_error sf_scan_contents(sf_scanner *scanner, const uint8_t *arena, size_t arena_bytes,
                          const sf_content *contents, size_t count)
{
    scanner->kept_count = 0;
    for (size_t i = 0; i < count; i++)
        if (contents[i].offset > arena_bytes ||
            contents[i].length > arena_bytes - contents[i].offset)
            return SF_ERROR_CONTENT;
    for (size_t i = 0; i < count; i++) {
        const sf_content *content = &contents[i];
        sf_error error = sf_begin(scanner, content->group);
        if (error)
            return error;
        scanner->file = content->file;
        scanner->kept_base = content->offset;
        error = add_span(scanner, arena + content->offset, content->length, content->length, 1);
        if (!error)
            error = sf_end(scanner);
        if (error) {
            sf_abort(scanner);
            scanner->kept_count = 0;
            return error;
        }
    }
    drop_evicted(scanner);
    return SF_OK;
}

const sf_kept *sf_kept_chunks(const sf_scanner *scanner, size_t *count)
{
    *count = scanner->kept_count;
    return scanner->kept;
}

sf_error sf_limit_kept(sf_scanner *scanner, size_t index, double rank)
{
    if (index >= scanner->chunkers_count)
        return SF_ERROR_CHUNKER;
    scanner->chunkers[index].kept_below = rank;
    return SF_OK;
}

sf_error sf_carry(sf_scanner *scanner, uint8_t *buffer, size_t buffer_bytes, size_t *carried)
{
    *carried = 0;
    switch (scanner->state) {
    case IDLE: return SF_ERROR_NO_FILE;
    case FAILED: return SF_ERROR_FAILED;
    case CARRIED: return SF_ERROR_CARRY_TWICE;
    case SEGMENT_START:
    case SEGMENT_ENDED: return SF_OK;
    case SPANNED: break;
    }
    if (buffer_bytes < scanner->span_bytes)
        return SF_ERROR_BUFFER;
    size_t start = scanner->counted;
    for (size_t i = 0; i < scanner->chunkers_count; i++) {
        const chunker *c = &scanner->chunkers[i];
        if (c->stream.max_bytes > 0 && c->position < start)
            start = c->position;
    }
    for (size_t i = 0; i < scanner->chunkers_count; i++)
        if (scanner->chunkers[i].stream.max_bytes > 0)
            scanner->chunkers[i].position -= start;
    scanner->counted -= start;
    scanner->place += start;
    scanner->carried = *carried = scanner->span_bytes - start;
    if (start > 0 && *carried > 0)
        memmove(buffer, buffer + start, *carried);
    scanner->state = CARRIED;
    return SF_OK;
}

/* ---- files ---- */

sf_error sf_mark(sf_scanner *scanner, uint64_t marks)
{
    if (scanner->state != IDLE)
        return SF_ERROR_FILE_OPEN;
    scanner->marks = marks;
    return SF_OK;
}

sf_error sf_begin(sf_scanner *scanner, unsigned group)
{
    if (scanner->state != IDLE)
        return SF_ERROR_FILE_OPEN;
    if (group >= SF_GROUPS_MAX)
        return SF_ERROR_GROUP;
    scanner->group = group;
    scanner->file_bytes = scanner->zero_bytes = scanner->file = scanner->place = 0;
    scanner->chain = (sf_chain){{0}, 0};
    restart_streams(scanner);
    scanner->state = SEGMENT_START;
    return SF_OK;
}

sf_error sf_set_place(sf_scanner *scanner, uint64_t file, uint64_t offset)
{
    if (scanner->state != SEGMENT_START || scanner->place != 0 || scanner->file_bytes != 0)
        return SF_ERROR_PLACE;
    scanner->file = file;
    scanner->place = offset;
    return SF_OK;
}

static sf_error check_between_segments(const sf_scanner *scanner)
{
    switch (scanner->state) {
    case IDLE: return SF_ERROR_NO_FILE;
    case FAILED: return SF_ERROR_FAILED;
    case SPANNED:
    case CARRIED: return SF_ERROR_SEGMENT_OPEN;
    case SEGMENT_START:
    case SEGMENT_ENDED: return SF_OK;
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
    uint64_t place = scanner->place;
    if (add_overflows(&place, hole_bytes))
        return SF_ERROR_OVERFLOW;
    error = sf_chain_gap(&scanner->chain, hole_bytes);
    if (error)
        return error;
    scanner->place = place;
    scanner->state = SEGMENT_START;
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
    scanner->state = IDLE;
    return SF_OK;
}

sf_error sf_end(sf_scanner *scanner)
{
    sf_content_key file;
    sf_error error = sf_end_part(scanner, &file);
    if (error)
        return error;
    error = sf_add_file(scanner, &file, scanner->group);
    if (error)
        scanner->state = FAILED;
    return error;
}

sf_error sf_abort(sf_scanner *scanner)
{
    if (scanner->state == IDLE)
        return SF_ERROR_NO_FILE;
    scanner->state = IDLE;
    return SF_OK;
}

/* ---- beside the scan ---- */

sf_error sf_set_compressed(sf_scanner *scanner, const sf_kept *kept, size_t count,
                           const uint32_t *sizes, size_t columns)
{
    for (size_t i = 0; i < count; i++) {
        if (kept[i].chunker >= scanner->chunkers_count)
            return SF_ERROR_CHUNKER;
        if (scanner->chunkers[kept[i].chunker].codecs > columns)
            return SF_ERROR_CODECS;
    }
    for (size_t i = 0; i < count; i++) {
        chunker *c = &scanner->chunkers[kept[i].chunker];
        sf_entry *entry = sf_sketch_find(&c->sketch, kept[i].key, kept[i].length);
        for (unsigned codec = 0; entry && codec < c->codecs; codec++)
            entry->compressed[codec] = sizes[i * columns + codec];
    }
    return SF_OK;
}

const sf_sketch *sf_sketch_of(sf_scanner *scanner, size_t index)
{
    if (index >= scanner->chunkers_count)
        return NULL;
    sf_sketch_trim(&scanner->chunkers[index].sketch);
    return &scanner->chunkers[index].sketch;
}

const sf_totals *sf_totals_of(const sf_scanner *scanner, size_t index)
{
    return index < scanner->chunkers_count ? &scanner->chunkers[index].totals : NULL;
}

const uint64_t *sf_histogram(const sf_scanner *scanner)
{
    return scanner->histogram[0];
}
