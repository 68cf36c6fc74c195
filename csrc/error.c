#include "storeff.h"

const char *sf_error_text(sf_error error)
{
    switch (error) {
    case SF_OK: return "no error";
    case SF_ERROR_MEMORY: return "out of memory";
    case SF_ERROR_CHUNKER:
        return "a chunker needs 1 <= min_bytes <= max_bytes <= 2^30 (min_bytes >= 4 if they "
               "differ) or (0, 0) for whole files, neither in a sample nor predicted, and a capacity "
               "of 1 to 2^30; a scanner needs 1 to 64 chunkers";
    case SF_ERROR_WHOLE_TWICE: return "more than one whole-file chunker";
    case SF_ERROR_LABELS: return "data needs at least one label";
    case SF_ERROR_NO_FILE: return "no file is open: call sf_begin first";
    case SF_ERROR_FILE_OPEN: return "a file is open: call sf_end or sf_abort first";
    case SF_ERROR_SEGMENT_OPEN:
        return "the segment is not finished: pass its rest as the last span first, or call sf_abort";
    case SF_ERROR_SEGMENT_ENDED:
        return "the segment was finished by its last span: only sf_skip, sf_end or sf_abort may follow";
    case SF_ERROR_CARRY_FIRST: return "call sf_carry before the next span";
    case SF_ERROR_CARRY_TWICE: return "sf_carry was called already after this span";
    case SF_ERROR_FAILED: return "the last span failed: only sf_abort may follow";
    case SF_ERROR_LENGTH:
        return "the length of a span must lie between what sf_carry returned and the size of the buffer";
    case SF_ERROR_BUFFER:
        return "the buffer is too small: it needs sf_buffer_bytes_min bytes for a span that does not "
               "end a segment, and sf_carry needs the whole span";
    case SF_ERROR_HOLE: return "a hole must have at least one byte";
    case SF_ERROR_SIZE: return "a chunk must have at least one byte";
    case SF_ERROR_OVERFLOW: return "a total does not fit 64 bits";
    case SF_ERROR_EXTENT:
        return "the data of an extent must reach into it; a whole file begins at 0 and is all data";
    case SF_ERROR_SAMPLE:
        return "a scanner of a sample takes extents by sf_scan_contents only";
    case SF_ERROR_POSITION: return "the position must be set right after sf_begin";
    case SF_ERROR_TRACE_SIZE: return "a trace holds at most 2^32 - 2 requests and distinct blocks";
    case SF_ERROR_TRACE_OFFSETS:
        return "offsets must ascend from 0 to the number of blocks, and no request may have more "
               "blocks than there are distinct ones";
    case SF_ERROR_TRACE_TIMES: return "times must ascend and lie within 2^61 ms of 0";
    case SF_ERROR_TRACE_TOKENS:
        return "the last block of a request must have 1 to block_tokens tokens";
    case SF_ERROR_TRACE_KEYS:
        return "block keys must be those that PrefixKeys gave: below their number, each with one "
               "parent";
    case SF_ERROR_TRACE_ADMISSION: return "admission must be 1 or more";
    case SF_ERROR_TRACE_REUSES: return "the reuses are not those of this trace";
    case SF_ERROR_ITEM: return "items must have 1, 2, 4 or 8 bytes";
    case SF_ERROR_FIELD: return "a field must have 1 to 10 bits, and lie within an item";
    case SF_ERROR_CAPACITY: return "a sketch of similar chunks holds 1 to 2^24 of them";
    case SF_ERROR_WINDOW:
        return "windows have 1 to 2^30 bytes, objects at most 2^63 - 1, and tau is not below 0";
    case SF_ERROR_MERGE: return "only two scanners of the same plan, seed and kind merge";
    case SF_ERROR_WINDOWS: return "more than 2^24 windows would rank below tau: lower it";
    case SF_ERROR_CONTENT: return "a file lies outside the arena";
    }
    return "unknown error";
}
