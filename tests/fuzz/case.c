/* Any input means a case: the bytes of a plan, then tokens that make up files. */
#include <inttypes.h>
#include <sanitizer/asan_interface.h>
#include <stdio.h>
#include <stdlib.h>

#include "case.h"

enum { DATA_BYTES_MAX = 300000 };

/* ---- what must hold ---- */

void same(const char *what, size_t chunker, uint64_t found, uint64_t expected)
{
    if (found == expected)
        return;
    fprintf(stderr, "%s (chunker %zu): %" PRIu64 ", not %" PRIu64 "\n", what, chunker, found,
            expected);
    abort();
}

void same_all(const char *what, size_t chunker, const uint64_t *found, const uint64_t *expected,
              size_t count)
{
    if (memcmp(found, expected, count * sizeof *found) == 0)
        return;
    for (size_t i = 0; i < count; i++)
        same(what, chunker, found[i], expected[i]);
}

void holds(const char *what, int condition)
{
    same(what, 0, condition != 0, 1);
}

void succeeds(const char *what, sf_error error)
{
    if (error)
        fprintf(stderr, "%s\n", sf_error_text(error));
    same(what, 0, error, SF_OK);
}

void *allocate(size_t bytes)
{
    void *memory = malloc(bytes ? bytes : 1);
    holds("there is memory", memory != NULL);
    return memory;
}

/* ---- the plan ---- */

size_t next(fuzz_input *in)
{
    return in->at < in->end ? *in->at++ : 0;
}

static const sf_kernel *kernel_that_runs(size_t number)
{
    const sf_kernel *runs[8];
    size_t count = 0;
    for (size_t i = 0; sf_kernel_at(i); i++)
        if (sf_kernel_runs_here(sf_kernel_at(i)))
            runs[count++] = sf_kernel_at(i);
    return runs[number % count];
}

static sf_chunker_plan sizes(size_t min_bytes, size_t max_bytes)
{
    return (sf_chunker_plan){.min_bytes = min_bytes, .max_bytes = max_bytes};
}

static sf_chunker_plan decode_sizes(fuzz_input *in, size_t previous_bytes, int may_be_whole)
{
    size_t kind = next(in), a = next(in), b = next(in), block_bytes = 1 + a % 64;
    if (kind >= 252)
        block_bytes = SF_CHAIN_BLOCK_BYTES;
    else if (kind >= 244)
        block_bytes = 4096 * (1 + a % 2);
    else if (kind >= 228 && may_be_whole)
        block_bytes = 0;
    else if (kind >= 208)
        return sizes(64 + 4 * a, 65 + 4 * a + 8 * b);
    else if (kind >= 128)
        return sizes(4 + a % 64, 5 + a % 64 + b);
    else if (kind >= 40 && previous_bytes <= 4096)
        block_bytes = previous_bytes * (1 + a % 66);
    return sizes(block_bytes, block_bytes);
}

void decode_plan(fuzz_case *c, fuzz_input *in)
{
    c->kernel = kernel_that_runs(next(in));
    c->seed = next(in);
    c->spare_bytes = next(in);
    c->chunkers_count = 1 + next(in) % CHUNKERS_MAX;
    int may_be_whole = 1;
    size_t smallest = SF_CHAIN_BLOCK_BYTES, previous_bytes = 1;
    for (size_t i = 0; i < c->chunkers_count; i++) {
        c->chunkers[i] = decode_sizes(in, previous_bytes, may_be_whole);
        may_be_whole = may_be_whole && c->chunkers[i].max_bytes > 0;
        size_t kept = next(in);
        c->chunkers[i].capacity = 1 + kept % 64;
        c->chunkers[i].predicts = kept >= 128 && c->chunkers[i].max_bytes > 0;
        if (c->chunkers[i].max_bytes > 0)
            previous_bytes = c->chunkers[i].max_bytes;
        if (c->chunkers[i].max_bytes > 0 && c->chunkers[i].min_bytes < smallest)
            smallest = c->chunkers[i].min_bytes;
    }
    /* A few hundred chunks trim every sketch; more would only cost time. */
    c->data_bytes_max = 1024 + 256 * smallest;
    if (c->data_bytes_max > DATA_BYTES_MAX)
        c->data_bytes_max = DATA_BYTES_MAX;
}

/* ---- files ---- */

static void open_segment(fuzz_case *c, file_plan *f, uint64_t hole_bytes)
{
    if (f->segments_count < SEGMENTS_MAX)
        f->segments[f->segments_count++] = (segment){hole_bytes, c->data_bytes, 0};
}

/* Room for `*bytes` more of the file, or for as many as there may be. */
static uint8_t *extend(fuzz_case *c, file_plan *f, size_t *bytes)
{
    if (f->segments_count == 0)
        open_segment(c, f, 0);
    if (*bytes > c->data_bytes_max - c->data_bytes)
        *bytes = c->data_bytes_max - c->data_bytes;
    f->segments[f->segments_count - 1].length += *bytes;
    c->data_bytes += *bytes;
    return c->data + c->data_bytes - *bytes;
}

static void append_literal(fuzz_case *c, file_plan *f, size_t bytes, fuzz_input *in)
{
    uint8_t *room = extend(c, f, &bytes);
    for (size_t i = 0; i < bytes; i++)
        room[i] = (uint8_t)next(in);
}

static void append_copy(fuzz_case *c, file_plan *f, size_t bytes, size_t distance)
{
    uint8_t *room = extend(c, f, &bytes);
    for (size_t i = 0; i < bytes; i++)
        room[i] = (size_t)(room + i - c->data) < distance ? 0 : *(room + i - distance);
}

static void append_noise(fuzz_case *c, file_plan *f, size_t bytes, uint64_t seed)
{
    uint8_t *room = extend(c, f, &bytes);
    for (uint64_t i = 0; i < bytes; i++)
        room[i] = (uint8_t)(sf_seed_mix(seed << 32 | i / 8) >> i % 8 * 8);
}

/* The inverse of sf_mix64. */
static uint64_t unmix64(uint64_t x)
{
    x = (x ^ (x >> 31) ^ (x >> 62)) * UINT64_C(0x319642B2D24D8EC3);
    x = (x ^ (x >> 27) ^ (x >> 54)) * UINT64_C(0x96DE1B173F119089);
    return x ^ (x >> 30) ^ (x >> 60);
}

/* Chunks of few different ranks, so that some tie, and of few places in the table of a sketch. */
static void decode_added(fuzz_case *c, size_t count, fuzz_input *in)
{
    /* sf_seed_mix(x) is mix64(x + 0x9E37...). */
    uint64_t low_mixed = sf_seed_mix((ADDED_KEY_LOW ^ sf_seed_mix(c->seed)) -
                                     UINT64_C(0x9E3779B97F4A7C15));
    for (; count > 0 && c->added_count < ADDED_MAX; count--) {
        added_chunk *chunk = &c->added[c->added_count++];
        uint64_t high = next(in), low = next(in);
        chunk->key[0] = unmix64((8 + high % 8) << 60 | low >> 4) ^ low_mixed;
        chunk->key[1] = ADDED_KEY_LOW;
        chunk->size = UINT64_C(1) << low % 4 * 4;
        chunk->labels = UINT64_C(1) << high % SF_LABELS_MAX;
        chunk->place[0] = high / 16;
        chunk->place[1] = (high ^ low) % 8;
        chunk->chunker = low / 4 % c->chunkers_count;
    }
}

static void decode_contents(fuzz_case *c, file_plan *f, fuzz_input *in)
{
    while (in->at < in->end) {
        size_t token = next(in), low = token % 32;
        switch (token / 32) {
        case 0:
        case 1: append_literal(c, f, token + 1, in); break;
        case 2: /* a run */
            append_literal(c, f, 1, in);
            append_copy(c, f, low * low * 16, 1);
            break;
        case 3: append_copy(c, f, (low + 1) * (low + 1) * 8, 1 + next(in) * 32); break;
        case 4: append_noise(c, f, (low + 1) * (low + 1) * 8, next(in) % 32); break;
        case 5: decode_added(c, low, in); break;
        case 6: open_segment(c, f, 1 + (next(in) << low)); break;
        default:
            f->hole_bytes = low < 8 ? low : 0;
            return;
        }
    }
}

static void decode_file(fuzz_case *c, fuzz_input *in)
{
    file_plan *f = &c->files[c->files_count++];
    size_t flags = next(in);
    *f = (file_plan){.label = (unsigned)(next(in) % LABELS * LABEL_STEP)};
    f->ending = flags % 16 < 12 ? END : (ending)(flags % 4);
    f->as_content = flags / 16 % 2 != 0;
    f->late_end = flags / 32 % 2 != 0;
    f->look = flags / 64 == 3;
    f->reserve = flags / 64 == 2;
    f->number = (FILES_MAX - c->files_count) / 2;
    f->start = f->as_content ? 0 : flags;
    f->read_bytes[0] = next(in);
    f->read_bytes[1] = next(in) * 16;
    decode_contents(c, f, in);
    f->added_before = c->added_count;
}

void decode_files(fuzz_case *c, fuzz_input *in)
{
    c->files_count = c->added_count = c->data_bytes = 0;
    c->data = allocate(c->data_bytes_max);
    while (in->at < in->end && c->files_count < FILES_MAX)
        decode_file(c, in);
    ASAN_POISON_MEMORY_REGION(c->data + c->data_bytes, c->data_bytes_max - c->data_bytes);
}
