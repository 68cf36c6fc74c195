/* A fuzz target (tests/test_fuzz.py has the commands). A scanner takes the files of a case in spans
 * or as contents, with any kernel: it must see what the model does, and keep what ranks first. One
 * input in eight calls a scanner in any order instead. No state outlives an input, so threads may
 * run some at once. */
#include <math.h>
#include <sanitizer/asan_interface.h>
#include <stdlib.h>

#include "case.h"

typedef struct {
    const fuzz_case *c;
    const model *m;
    sf_scanner *scanner;
    sf_sketch *sketches[CHUNKERS_MAX];
} run;

/* ---- scanning ---- */

/* `inside`: the file is given up before the segment ends. */
static void feed(const run *r, const file_plan *f, const segment *s, int inside)
{
    size_t buffer_bytes = sf_buffer_bytes_min(r->scanner) + r->c->spare_bytes;
    size_t carried = 0, at = 0;
    uint8_t *buffer = allocate(buffer_bytes);
    for (size_t turn = 0;; turn++) {
        /* Not more than a few hundred spans. */
        size_t bytes = s->length / 128 + (turn % 3 < 2 ? f->read_bytes[turn % 3] : 1);
        int was_all = at == s->length;
        if (bytes > s->length - at)
            bytes = s->length - at;
        if (bytes > buffer_bytes - carried)
            bytes = buffer_bytes - carried;
        ASAN_UNPOISON_MEMORY_REGION(buffer, buffer_bytes);
        memcpy(buffer + carried, r->c->data + s->offset + at, bytes);
        at += bytes;
        bytes += carried;
        ASAN_POISON_MEMORY_REGION(buffer + bytes, buffer_bytes - bytes);
        int ended = f->late_end || inside ? was_all : at == s->length;
        succeeds("span", sf_span(r->scanner, buffer, buffer_bytes, bytes, ended && !inside));
        succeeds("carry", sf_carry(r->scanner, buffer, buffer_bytes, &carried));
        holds("there is room after carry", carried < sf_buffer_bytes_min(r->scanner));
        if (ended)
            break;
    }
    free(buffer);
}

static void end_part(const run *r, size_t number)
{
    const sf_content_key *expected = &r->m->files[number];
    sf_content_key part;
    succeeds("end_part", sf_end_part(r->scanner, &part));
    same("bytes of a part", 0, part.bytes, expected->bytes);
    if (has_whole(r->c)) {
        same("high half of the key of a part", 0, part.key.high, expected->key.high);
        same("low half of the key of a part", 0, part.key.low, expected->key.low);
        same("bytes of zeros of a part", 0, part.zero_bytes, expected->zero_bytes);
    }
}

static void scan_file(const run *r, size_t number)
{
    const file_plan *f = &r->c->files[number];
    int inside = 0;
    succeeds("begin", sf_begin(r->scanner, labels_of(f)));
    succeeds("set_position", sf_set_position(r->scanner, f->number, f->start));
    for (size_t i = 0; i < f->segments_count; i++) {
        if (f->segments[i].hole_bytes > 0)
            succeeds("skip", sf_skip(r->scanner, f->segments[i].hole_bytes));
        inside = f->ending == ABORT_INSIDE && i + 1 == f->segments_count;
        feed(r, f, &f->segments[i], inside);
    }
    if (f->hole_bytes > 0 && !inside)
        succeeds("skip", sf_skip(r->scanner, f->hole_bytes));
    if (f->ending == END)
        succeeds("end", sf_end(r->scanner));
    else if (f->ending == END_PART)
        end_part(r, number);
    else
        succeeds("abort", sf_abort(r->scanner));
}

/* How many files from the number `first` on can be given to sf_scan_contents at once. */
static size_t contents_from(const fuzz_case *c, size_t first)
{
    size_t i = first;
    for (; i < c->files_count; i++) {
        const file_plan *f = &c->files[i];
        if (!f->as_content || f->ending != END || f->segments_count != 1 ||
            f->segments[0].hole_bytes + f->hole_bytes > 0 ||
            f->added_before != c->files[first].added_before)
            break;
    }
    return i - first;
}

static void scan_contents(const run *r, const file_plan *files, size_t count)
{
    sf_content contents[FILES_MAX];
    for (size_t i = 0; i < count; i++)
        contents[i] = (sf_content){.offset = files[i].segments[0].offset,
                                   .length = files[i].segments[0].length,
                                   .labels = labels_of(&files[i]),
                                   .object = files[i].number,
                                   .end = files[i].segments[0].length};
    succeeds("scan_contents",
             sf_scan_contents(r->scanner, r->c->data, r->c->data_bytes, contents, count));
}

static void add(const run *r, size_t first, size_t end)
{
    for (size_t i = first; i < end; i++) {
        const added_chunk *chunk = &r->c->added[i];
        succeeds("add", sf_add(r->scanner, chunk->chunker, chunk->key, &chunk->size,
                               &chunk->labels, chunk->place, 1));
    }
}

static void scan(const run *r)
{
    const fuzz_case *c = r->c;
    size_t added = 0;
    for (size_t i = 0; i < c->files_count;) {
        const file_plan *f = &c->files[i];
        add(r, added, f->added_before);
        added = f->added_before;
        for (size_t k = 0; f->look && k < c->chunkers_count; k++)
            sf_sketch_trim(r->sketches[k]);
        if (f->reserve)
            succeeds("reserve", sf_scanner_reserve(r->scanner));
        size_t contents = contents_from(c, i);
        if (contents > 0)
            scan_contents(r, f, contents);
        else
            scan_file(r, i);
        i += contents > 0 ? contents : 1;
    }
}

/* ---- what came of it ---- */

static void check_entry(const fuzz_case *c, size_t index, const sf_sketch *sketch,
                        const sf_entry *entry, const sf_entry *expected)
{
    double rank = sf_rank(entry->key, entry->size, sf_seed_mix(c->seed));
    same("an entry ranks below tau", index, rank < sketch->tau, 1);
    same("an entry has the rank of its key", index, sf_sketch_rank(sketch, entry) == rank, 1);
    same("an entry was seen", index, expected != NULL, 1);
    same("references", index, entry->count, expected->count);
    same("labels", index, entry->labels, expected->labels);
    same("object of the least place", index, entry->object, expected->object);
    same("offset of the least place", index, entry->offset, expected->offset);
    same("predicted literals", index, entry->predicted[0], expected->predicted[0]);
    same("predicted bytes", index, entry->predicted[1], expected->predicted[1]);
}

/* `sketch` holds what ranks first of `all`, and tau is the rank of the next. */
static void check_sketch(const fuzz_case *c, size_t index, const sf_sketch *sketch,
                         const tally *all)
{
    size_t below = 0, up_to = 0, capacity = c->chunkers[index].capacity;
    for (size_t i = 0; i < all->count; i++) {
        double rank = sf_sketch_rank(sketch, &all->entries[i]);
        below += rank < sketch->tau;
        up_to += rank <= sketch->tau;
    }
    same("nothing but what ranks below tau is kept", index, sketch->count, below);
    same("no more is kept than the capacity", index, below <= capacity, 1);
    same("tau is infinite if nothing was refused", index, isinf(sketch->tau) != 0,
         all->count <= capacity);
    same("tau is the rank after the capacity", index, all->count <= capacity || up_to > capacity,
         1);
    uint64_t references = 0, bytes = 0;
    for (size_t i = 0; i < SF_BUCKETS; i++) {
        references += sketch->buckets[i].references;
        bytes += sketch->buckets[i].bytes;
    }
    for (size_t i = 0; i < all->count; i++) {
        const sf_entry *entry = &all->entries[i];
        const sf_bucket *bucket =
            &sketch->buckets[sf_bucket_of(entry->key, sf_seed_mix(c->seed))];
        same("references of a bucket", index, bucket->references >= entry->count, 1);
        references -= entry->count;
        bytes -= entry->count * entry->size;
    }
    same("references of all buckets", index, references, 0);
    same("bytes of all buckets", index, bytes, 0);
    for (size_t i = 0; i < sketch->count; i++) {
        const sf_entry *entry = &sketch->entries[i];
        check_entry(c, index, sketch, entry, find_chunk(all, entry->key, entry->size));
    }
}

static void check_totals(size_t index, const sf_totals *found, const sf_totals *expected)
{
    same("chunks", index, found->chunks, expected->chunks);
    same("bytes", index, found->bytes, expected->bytes);
    same_all("runs", index, found->run_count, expected->run_count, 256);
    same_all("bytes of runs", index, found->run_bytes, expected->run_bytes, 256);
}

static void compare(const fuzz_case *c)
{
    model m;
    make_model(&m, c);
    run r = {.c = c, .m = &m};
    succeeds("new",
             sf_scanner_new(&r.scanner, c->chunkers, c->chunkers_count, c->seed, 0,
                            c->kernel));
    for (size_t i = 0; i < c->chunkers_count; i++)
        r.sketches[i] = sf_sketch_of(r.scanner, i);
    scan(&r);
    for (size_t i = 0; i < c->chunkers_count; i++) {
        check_totals(i, sf_totals_of(r.scanner, i), &m.totals[i]);
        sf_sketch_trim(r.sketches[i]);
        check_sketch(c, i, r.sketches[i], &m.chunks[i]);
    }
    for (size_t label = 0; label < LABELS; label++)
        same_all("histogram", 0, sf_histogram(r.scanner) + 256 * label * LABEL_STEP,
                 m.histogram[label], 256);
    sf_scanner_free(r.scanner);
    free_model(&m, c);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    fuzz_input in = {data, data + bytes};
    fuzz_case c;
    size_t kind = next(&in);
    decode_plan(&c, &in);
    if (kind % 8 == 7) {
        misuse(&c, &in);
        return 0;
    }
    decode_files(&c, &in);
    compare(&c);
    free(c.data);
    return 0;
}
