/* Calls in any order: each fails exactly where storeff.h says that it does, and none crashes. */
#include <sanitizer/asan_interface.h>
#include <stdlib.h>

#include "case.h"

/* What may follow, told once more. */
typedef enum { IDLE, BEGUN, SPANNED, CARRIED, ENDED, FAILED } stage;

typedef struct {
    const fuzz_case *c;
    sf_scanner *scanner;
    stage stage;
    uint8_t *buffer;
    size_t buffer_bytes, span_bytes, carried;
} session;

/* A call that is allowed succeeds and leads to `next_stage`, or finds a total too large. */
static void outcome(session *s, const char *what, sf_error error, int allowed, stage next_stage,
                    stage overflow_stage)
{
    same(what, s->stage, error == SF_OK || error == SF_ERROR_OVERFLOW, allowed != 0);
    if (allowed)
        s->stage = error ? overflow_stage : next_stage;
}

static int between_segments(const session *s)
{
    return s->stage == BEGUN || s->stage == ENDED;
}

static void begin(session *s, uint64_t labels)
{
    sf_error error = sf_begin(s->scanner, labels);
    outcome(s, "begin", error, s->stage == IDLE && labels != 0, BEGUN, FAILED);
    if (!error)
        s->carried = 0;
}

static void set_position(session *s, uint64_t offset)
{
    sf_error error = sf_set_position(s->scanner, 1, offset);
    holds("set_position in a file only", s->stage == BEGUN || error == SF_ERROR_POSITION);
}

static void span(session *s, fuzz_input *in)
{
    size_t flags = next(in), bytes = s->carried + next(in) * (flags >> 5);
    size_t offered = flags % 4 ? s->buffer_bytes : next(in) * 32;
    if (offered > s->buffer_bytes)
        offered = s->buffer_bytes;
    if (flags / 8 % 4 == 3 && s->carried > 0)
        bytes = s->carried - 1;
    int last = flags / 4 % 2 != 0;
    int allowed = (s->stage == BEGUN || s->stage == CARRIED) && bytes >= s->carried &&
                  bytes <= offered && (last || offered >= sf_buffer_bytes_min(s->scanner));
    if (allowed) {
        memset(s->buffer + s->carried, (int)flags, bytes - s->carried);
        ASAN_POISON_MEMORY_REGION(s->buffer + bytes, s->buffer_bytes - bytes);
    }
    sf_error error = sf_span(s->scanner, s->buffer, offered, bytes, last);
    ASAN_UNPOISON_MEMORY_REGION(s->buffer, s->buffer_bytes);
    outcome(s, "span", error, allowed, last ? ENDED : SPANNED, FAILED);
    if (allowed)
        s->span_bytes = bytes;
}

static void carry(session *s, size_t offered)
{
    size_t carried;
    if (offered > s->buffer_bytes)
        offered = s->buffer_bytes;
    int spanned = s->stage == SPANNED;
    sf_error error = sf_carry(s->scanner, s->buffer, offered, &carried);
    outcome(s, "carry", error,
            between_segments(s) || (spanned && offered >= s->span_bytes),
            spanned ? CARRIED : s->stage, FAILED);
    if (!error || !spanned)
        holds("carry gives what it moved", carried <= (spanned ? s->span_bytes : 0));
    if (!error)
        s->carried = carried;
}

static void skip(session *s, uint64_t hole_bytes)
{
    sf_error error = sf_skip(s->scanner, hole_bytes);
    outcome(s, "skip", error, between_segments(s) && hole_bytes > 0, BEGUN, s->stage);
    if (!error)
        s->carried = 0;
}

static void end(session *s, int is_part)
{
    sf_content_key part;
    sf_error error = is_part ? sf_end_part(s->scanner, &part) : sf_end(s->scanner);
    outcome(s, "end", error, between_segments(s), IDLE, FAILED);
}

static void give_up(session *s)
{
    outcome(s, "abort", sf_abort(s->scanner), s->stage != IDLE, IDLE, FAILED);
}

static void scan_contents(session *s, fuzz_input *in)
{
    size_t first = next(in), second = next(in), arena_bytes = next(in);
    sf_content contents[] = {
        {.offset = first, .length = second, .labels = 1, .end = second},
        {.offset = second, .length = first, .labels = next(in) % 5, .end = first}};
    int fits = s->stage == IDLE && first + second <= arena_bytes;
    sf_error error = sf_scan_contents(s->scanner, s->buffer, arena_bytes, contents, 2);
    int allowed = fits && contents[1].labels != 0;
    outcome(s, "scan_contents", error, allowed, IDLE, IDLE);
}

/* Chunks that make no sense, and one so large that the next may not fit the totals. */
static void add(session *s, uint64_t low)
{
    size_t chunkers = s->c->chunkers_count;
    uint64_t keys[] = {low, low, low, low}, one[] = {1, 1}, sizes[] = {1, 0}, labels[] = {1, 0};
    same("add to no chunker", low, sf_add(s->scanner, chunkers, keys, one, one, keys, 2),
         SF_ERROR_CHUNKER);
    same("add nothing", low, sf_add(s->scanner, 0, keys, sizes, one, keys, 2), SF_ERROR_SIZE);
    same("add without a label", low, sf_add(s->scanner, 0, keys, one, labels, keys, 2),
         SF_ERROR_LABELS);
    sf_content_key more_zeros = {{low, low}, low, low + 1}, file = {{low, low}, low, low};
    same("add a file of more zeros than bytes", low, sf_add_file(s->scanner, &more_zeros, 1, low),
         SF_ERROR_SIZE);
    same("add a file without a label", low, sf_add_file(s->scanner, &file, 0, low), SF_ERROR_LABELS);
    uint64_t huge = UINT64_MAX - low * 16;
    sf_error error = sf_add(s->scanner, low % chunkers, keys, &huge, labels, keys, 1);
    holds("a huge chunk fits or not", error == SF_OK || error == SF_ERROR_OVERFLOW);
}

static void ask(session *s)
{
    size_t chunkers = s->c->chunkers_count;
    holds("no such sketch", !sf_sketch_of(s->scanner, chunkers));
    holds("no such totals", !sf_totals_of(s->scanner, chunkers));
}

static void make_another(fuzz_input *in)
{
    sf_chunker_plan plans[3];
    for (size_t i = 0; i < 3; i++) {
        plans[i].predicts = next(in) % 2 != 0;
        size_t *words[] = {&plans[i].min_bytes, &plans[i].max_bytes, &plans[i].capacity};
        for (size_t k = 0; k < 3; k++) {
            size_t shift = next(in);
            *words[k] = next(in) << shift / 8 % 32;
        }
    }
    sf_scanner *scanner = NULL;
    sf_error error = sf_scanner_new(&scanner, plans, next(in) % 4, 0, 0, &sf_scalar);
    holds("there is a scanner or an error", (error == SF_OK) == (scanner != NULL));
    sf_scanner_free(scanner);
}

static void step(session *s, fuzz_input *in)
{
    size_t token = next(in), high = token / 16;
    switch (token % 16) {
    case 0:
    case 1:
    case 2: begin(s, high < 15 ? UINT64_C(1) << high : 0); break;
    case 3:
    case 4:
    case 5:
    case 6: span(s, in); break;
    case 7:
    case 8:
    case 9: carry(s, high < 14 ? s->buffer_bytes : next(in) * 32); break;
    case 10: skip(s, high < 15 ? high : UINT64_MAX); break;
    case 11: end(s, high < 4); break;
    case 12: give_up(s); break;
    case 13: scan_contents(s, in); break;
    case 14: ask(s); break;
    default:
        if (high == 0)
            add(s, next(in));
        else if (high == 1)
            make_another(in);
        else if (high < 8)
            set_position(s, high < 5 ? high : UINT64_MAX - high);
        else
            end(s, 0);
    }
}

void misuse(const fuzz_case *c, fuzz_input *in)
{
    session s = {.c = c};
    succeeds("new", sf_scanner_new(&s.scanner, c->chunkers, c->chunkers_count, c->seed, 0,
                                   c->kernel));
    s.buffer_bytes = sf_buffer_bytes_min(s.scanner) + c->spare_bytes;
    s.buffer = allocate(s.buffer_bytes);
    memset(s.buffer, 0, s.buffer_bytes);
    while (in->at < in->end)
        step(&s, in);
    if (s.stage != IDLE)
        give_up(&s);
    begin(&s, 1);
    span(&s, &(fuzz_input){0});
    free(s.buffer);
    sf_scanner_free(s.scanner);
}
