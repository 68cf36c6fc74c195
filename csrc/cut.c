/* Where a stream of bytes is cut: fixed blocks, or MinCDC (github.com/orlp/mincdc). */
#include "internal.h"

static sf_cut next_block(const sf_stream *stream, const sf_kernel *kernel, const uint8_t *data,
                         size_t bytes, int last, size_t *length)
{
    size_t block_bytes = stream->max_bytes;
    if (bytes < block_bytes) {
        *length = last ? bytes : 0;
        return last ? SF_CHUNK : SF_NEED_MORE;
    }
    *length = block_bytes;
    return kernel->run_length(data, block_bytes, data[0]) == block_bytes ? SF_RUN : SF_CHUNK;
}

static sf_cut next_mincdc(sf_stream *stream, const sf_kernel *kernel, const uint8_t *data,
                          size_t bytes, int last, size_t *length)
{
    size_t max_bytes = stream->max_bytes;
    if (bytes < max_bytes) {
        if (!last) {
            *length = 0;
            return SF_NEED_MORE;
        }
        *length = bytes <= stream->min_bytes ? bytes
                                             : kernel->min_cut(data, stream->min_bytes, bytes);
        return SF_CHUNK;
    }
    if (kernel->run_length(data, max_bytes, data[0]) == max_bytes) {
        *length = max_bytes + kernel->run_length(data + max_bytes, bytes - max_bytes, data[0]);
        if (*length == bytes)
            stream->run_byte = data[0];
        return SF_RUN;
    }
    *length = kernel->min_cut(data, stream->min_bytes, max_bytes);
    return SF_CHUNK;
}

sf_cut sf_next_cut(sf_stream *stream, const sf_kernel *kernel, const uint8_t *data, size_t bytes,
                   int last, size_t *length)
{
    *length = 0;
    if (bytes == 0)
        return SF_NEED_MORE;
    if (stream->run_byte >= 0) {
        *length = kernel->run_length(data, bytes, (uint8_t)stream->run_byte);
        if (*length < bytes)
            stream->run_byte = -1;
        if (*length > 0)
            return SF_RUN_MORE;
    }
    if (stream->min_bytes == stream->max_bytes)
        return next_block(stream, kernel, data, bytes, last, length);
    return next_mincdc(stream, kernel, data, bytes, last, length);
}
