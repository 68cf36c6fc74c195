/* Data that lies in memory: whole files of a full scan, segments of the extents of a sample. */
#include "internal.h"

/* Chunkers take turns at so much: they find it in the second-level cache. */
static const size_t TURN_BYTES = (size_t)256 << 10;

/* Where cutting begins of data of which what is from `begin` on counts: by content four mean lengths
 * before, as after so many the cuts are those of the whole object (lead_bytes of SamplingDesign, which
 * is as much of chunks of 64 KiB). */
static size_t first_cut(const sf_stream *stream, size_t begin)
{
    size_t lead = 2 * (stream->min_bytes + stream->max_bytes);
    if (stream->min_bytes == stream->max_bytes)
        return begin;
    return begin > lead ? begin - lead : 0;
}

/* One segment, of which [begin, end) counts. */
static sf_error scan_segment(sf_scanner *scanner, const uint8_t *data, size_t bytes, size_t begin,
                             size_t end)
{
    scanner->span = data;
    scanner->begin = begin;
    scanner->end = end;
    scanner->hashed = NULL;
    sf_count_bytes(scanner->histogram[__builtin_ctzll(scanner->labels)], data + begin, end - begin,
                   0, 1);
    for (size_t i = 0; i < scanner->chunkers_count; i++)
        scanner->chunkers[i].position = first_cut(&scanner->chunkers[i].stream, begin);
    sf_error error = SF_OK;
    for (size_t until = 0; until < end && !error;) {
        until = end - until > TURN_BYTES ? until + TURN_BYTES : end;
        for (size_t i = 0; i < scanner->chunkers_count && !error; i++) {
            sf_chunker *c = &scanner->chunkers[i];
            int is_fixed = c->stream.min_bytes == c->stream.max_bytes;
            if (sf_cuts_itself(c))
                error = sf_cut_span(scanner, c, data, is_fixed ? end : bytes, 1, until);
        }
    }
    for (size_t i = 0; i < scanner->chunkers_count && !error; i++)
        if (sf_cuts_itself(&scanner->chunkers[i]))
            error = sf_close_built(scanner, &scanner->chunkers[i]);
    return error ? error : sf_flush_chunks(scanner);
}

static sf_error scan_file(sf_scanner *scanner, const sf_content *content, const uint8_t *data)
{
    sf_error error = sf_begin(scanner, content->labels);
    if (error)
        return error;
    scanner->object = content->object;
    scanner->file_bytes = content->length;
    error = scan_segment(scanner, data, content->length, 0, content->length);
    scanner->state = SF_SEGMENT_ENDED;
    if (!error)
        error = sf_end(scanner);
    if (error)
        sf_abort(scanner);
    return error;
}

static sf_error scan_extent(sf_scanner *scanner, const sf_content *content, const uint8_t *data)
{
    uint64_t begin = content->start > content->position ? content->start - content->position : 0;
    uint64_t end = content->end - content->position;
    scanner->labels = content->labels;
    scanner->object = content->object;
    scanner->position = content->position;
    scanner->extent = content->rank;
    sf_restart_streams(scanner);
    return scan_segment(scanner, data, content->length, (size_t)begin,
                        end < content->length ? (size_t)end : content->length);
}

static sf_error check_content(const sf_scanner *scanner, const sf_content *content,
                              size_t arena_bytes)
{
    uint64_t data_end;
    if (content->offset > arena_bytes || content->length > arena_bytes - content->offset)
        return SF_ERROR_CONTENT;
    if (content->labels == 0)
        return SF_ERROR_LABELS;
    if (__builtin_add_overflow(content->position, content->length, &data_end))
        return SF_ERROR_OVERFLOW;
    int is_valid = scanner->is_sample
                       ? content->start < content->end && content->position < content->end &&
                             data_end > content->start && content->rank > 0
                       : content->position == 0 && content->start == 0 &&
                             content->end == content->length && content->rank == 0;
    return is_valid ? SF_OK : SF_ERROR_EXTENT;
}

sf_error sf_scan_contents(sf_scanner *scanner, const uint8_t *arena, size_t arena_bytes,
                          const sf_content *contents, size_t count)
{
    if (scanner->state != SF_IDLE)
        return SF_ERROR_FILE_OPEN;
    sf_error error = SF_OK;
    for (size_t i = 0; i < count && !error; i++)
        error = check_content(scanner, &contents[i], arena_bytes);
    for (size_t i = 0; i < count && !error; i++) {
        const uint8_t *data = arena + contents[i].offset;
        error = scanner->is_sample ? scan_extent(scanner, &contents[i], data)
                                   : scan_file(scanner, &contents[i], data);
    }
    return error;
}
