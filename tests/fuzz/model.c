/* What a scanner must make of a case, from the definitions: each segment is cut as a whole, each
 * fixed block has a key of its bytes, and every chunk is kept. */
#include <stdlib.h>

#include "case.h"

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Where a chunk lies. */
typedef struct {
    uint64_t object, offset;
} place;

/* ---- keys ---- */

/* The key of a block of `block_bytes`, or of the shorter one that ends a segment. */
static sf_key block_key(const fuzz_case *c, const uint8_t *data, size_t bytes, size_t block_bytes)
{
    size_t part_bytes = 0;
    for (size_t i = 0; i < c->chunkers_count; i++) {
        size_t min_bytes = c->chunkers[i].min_bytes, max_bytes = c->chunkers[i].max_bytes;
        if (max_bytes == 0)
            min_bytes = max_bytes = SF_CHAIN_BLOCK_BYTES;
        if (min_bytes == max_bytes && max_bytes > part_bytes && max_bytes < block_bytes &&
            block_bytes % max_bytes == 0 && block_bytes / max_bytes <= SF_FANOUT_MAX)
            part_bytes = max_bytes;
    }
    if (part_bytes == 0)
        return sf_fingerprint(&sf_scalar, data, bytes);
    if (bytes <= part_bytes)
        return block_key(c, data, bytes, part_bytes);
    uint8_t digests[SF_FANOUT_MAX * 16];
    size_t parts = 0;
    for (size_t at = 0; at < bytes; at += part_bytes)
        sf_canonical(block_key(c, data + at, smaller(bytes - at, part_bytes), part_bytes),
                     digests + 16 * parts++);
    return sf_fingerprint(&sf_scalar, digests, 16 * parts);
}

/* What lies at `at` in `c->data`. */
static place place_at(const fuzz_case *c, size_t at)
{
    for (size_t i = 0; i < c->files_count; i++) {
        uint64_t position = c->files[i].start;
        for (size_t k = 0; k < c->files[i].segments_count; k++) {
            const segment *s = &c->files[i].segments[k];
            position += s->hole_bytes;
            if (at >= s->offset && at - s->offset < s->length)
                return (place){c->files[i].number, position + at - s->offset};
            position += s->length;
        }
    }
    holds("a chunk lies in a file", 0);
    return (place){0, 0};
}

static sf_key expected_key(const fuzz_case *c, size_t chunker, size_t at, size_t bytes)
{
    const sf_chunker_plan *plan = &c->chunkers[chunker];
    if (plan->min_bytes < plan->max_bytes)
        return sf_fingerprint(&sf_scalar, c->data + at, bytes);
    return block_key(c, c->data + at, bytes, plan->max_bytes);
}

/* ---- whole files ---- */

int has_whole(const fuzz_case *c)
{
    for (size_t i = 0; i < c->chunkers_count; i++)
        if (c->chunkers[i].max_bytes == 0)
            return 1;
    return 0;
}

/* The digest of the digest so far and of what follows it. */
static void chain(uint8_t message[16 + 16], size_t bytes)
{
    sf_canonical(sf_fingerprint(&sf_scalar, message, bytes), message);
}

static void chain_hole(uint8_t message[16 + 16], uint64_t hole_bytes)
{
    memcpy(message + 16, "hole", 4);
    for (size_t i = 0; i < 8; i++)
        message[20 + i] = (uint8_t)(hole_bytes >> 8 * i);
    if (hole_bytes > 0)
        chain(message, 28);
}

static int is_zeros(const uint8_t *data, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (data[i] != 0)
            return 0;
    return 1;
}

static sf_key key_in(const uint8_t message[16])
{
    sf_key key = {0, 0};
    for (size_t i = 0; i < 8; i++) {
        key.high = key.high << 8 | message[i];
        key.low = key.low << 8 | message[8 + i];
    }
    return key;
}

static void chain_file(sf_content_key *file, const fuzz_case *c, const file_plan *f)
{
    uint8_t message[16 + 16] = {0};
    uint64_t gap_bytes = 0;
    for (size_t i = 0; i < f->segments_count; i++) {
        const segment *s = &f->segments[i];
        gap_bytes += s->hole_bytes;
        for (size_t at = 0; at < s->length; at += SF_CHAIN_BLOCK_BYTES) {
            const uint8_t *block = c->data + s->offset + at;
            size_t bytes = smaller(s->length - at, SF_CHAIN_BLOCK_BYTES);
            if (bytes == SF_CHAIN_BLOCK_BYTES && is_zeros(block, bytes)) {
                gap_bytes += bytes;
                file->zero_bytes += bytes;
                continue;
            }
            chain_hole(message, gap_bytes);
            gap_bytes = 0;
            sf_canonical(block_key(c, block, bytes, SF_CHAIN_BLOCK_BYTES), message + 16);
            chain(message, 32);
        }
    }
    chain_hole(message, gap_bytes + f->hole_bytes);
    file->key = key_in(message);
}

/* The key of the zeros that the key of a file leaves out. */
static sf_key zeros_key(sf_key key)
{
    uint8_t message[16 + 16];
    sf_canonical(key, message);
    memcpy(message + 16, "zero", 4);
    chain(message, 20);
    return key_in(message);
}

/* ---- counting ---- */

static size_t slot_of(const tally *chunks, sf_key key, uint64_t size)
{
    size_t slot = (key.low ^ key.high * 3 ^ size) * UINT64_C(0x9E3779B97F4A7C15) >> 32;
    for (;; slot++) {
        size_t taken = chunks->slots[slot % TALLY_SLOTS];
        if (taken == 0)
            return slot % TALLY_SLOTS;
        const sf_entry *entry = &chunks->entries[taken - 1];
        if (entry->key.low == key.low && entry->key.high == key.high && entry->size == size)
            return slot % TALLY_SLOTS;
    }
}

const sf_entry *find_chunk(const tally *chunks, sf_key key, uint64_t size)
{
    size_t taken = chunks->slots[slot_of(chunks, key, size)];
    return taken ? &chunks->entries[taken - 1] : NULL;
}

static sf_entry *count_chunk(model *m, size_t chunker, sf_key key, uint64_t size, uint64_t labels,
                             place at)
{
    tally *chunks = &m->chunks[chunker];
    size_t slot = slot_of(chunks, key, size);
    if (chunks->slots[slot] == 0) {
        holds("there is room for a chunk", chunks->count < chunks->allocated);
        chunks->entries[chunks->count++] =
            (sf_entry){.key = key, .size = size, .object = at.object, .offset = at.offset};
        chunks->slots[slot] = (uint16_t)chunks->count;
    }
    sf_entry *entry = &chunks->entries[chunks->slots[slot] - 1];
    entry->count++;
    entry->labels |= labels;
    if (at.object < entry->object || (at.object == entry->object && at.offset < entry->offset)) {
        entry->object = at.object;
        entry->offset = at.offset;
    }
    m->totals[chunker].chunks++;
    m->totals[chunker].bytes += size;
    return entry;
}

static void count_run(sf_totals *totals, uint8_t value, size_t bytes, int is_new)
{
    totals->chunks += is_new != 0;
    totals->bytes += bytes;
    totals->run_count[value] += is_new != 0;
    totals->run_bytes[value] += bytes;
}

static void cut_segment(model *m, const fuzz_case *c, size_t chunker, const file_plan *f,
                        const segment *s, int ended)
{
    sf_stream stream = {c->chunkers[chunker].min_bytes, c->chunkers[chunker].max_bytes, -1};
    size_t at = s->offset, end = s->offset + s->length, length;
    sf_cut cut;
    while ((cut = sf_next_cut(&stream, &sf_scalar, c->data + at, end - at, ended, &length)) !=
           SF_NEED_MORE) {
        if (cut == SF_CHUNK) {
            sf_entry *entry = count_chunk(m, chunker, expected_key(c, chunker, at, length), length,
                                          labels_of(f), place_at(c, at));
            if (c->chunkers[chunker].predicts)
                sf_predict(c->data + at, length, entry->predicted);
        } else {
            count_run(&m->totals[chunker], c->data[at], length, cut == SF_RUN);
        }
        at += length;
    }
}

/* A whole file is one chunk, or two if some of its zeros are left out of its key. */
static void count_whole(model *m, size_t chunker, const sf_content_key *file, const file_plan *f)
{
    place at = {f->number, 0};
    uint64_t chunks = m->totals[chunker].chunks;
    if (file->zero_bytes > 0)
        count_chunk(m, chunker, zeros_key(file->key), file->zero_bytes, labels_of(f), at);
    if (file->zero_bytes < file->bytes)
        count_chunk(m, chunker, file->key, file->bytes - file->zero_bytes, labels_of(f), at);
    m->totals[chunker].chunks = chunks + 1;
}

static void count_file(model *m, const fuzz_case *c, size_t number)
{
    const file_plan *f = &c->files[number];
    for (size_t i = 0; i < f->segments_count; i++) {
        const segment *s = &f->segments[i];
        int ended = f->ending != ABORT_INSIDE || i + 1 < f->segments_count;
        m->files[number].bytes += s->length;
        sf_count_bytes(m->histogram[f->label / LABEL_STEP], c->data + s->offset, s->length, 0,
                       ended);
        for (size_t k = 0; k < c->chunkers_count; k++)
            if (c->chunkers[k].max_bytes > 0)
                cut_segment(m, c, k, f, s, ended);
    }
    if (!has_whole(c))
        return;
    sf_content_key *file = &m->files[number];
    chain_file(file, c, f);
    for (size_t k = 0; k < c->chunkers_count; k++)
        if (c->chunkers[k].max_bytes == 0 && file->bytes > 0 && f->ending == END)
            count_whole(m, k, file, f);
}

/* More than there can be. */
static size_t chunks_max(const fuzz_case *c, size_t chunker)
{
    size_t count = c->added_count + FILES_MAX * (SEGMENTS_MAX + 2);
    if (c->chunkers[chunker].max_bytes > 0)
        count += c->data_bytes / c->chunkers[chunker].min_bytes;
    holds("every chunk has a place", count < TALLY_SLOTS);
    return count;
}

void make_model(model *m, const fuzz_case *c)
{
    memset(m, 0, sizeof *m);
    for (size_t i = 0; i < c->chunkers_count; i++) {
        m->chunks[i].allocated = chunks_max(c, i);
        m->chunks[i].entries = allocate(m->chunks[i].allocated * sizeof(sf_entry));
    }
    for (size_t i = 0; i < c->added_count; i++) {
        const added_chunk *chunk = &c->added[i];
        count_chunk(m, chunk->chunker, (sf_key){chunk->key[0], chunk->key[1]}, chunk->size,
                    chunk->labels, (place){chunk->place[0], chunk->place[1]});
    }
    for (size_t i = 0; i < c->files_count; i++)
        count_file(m, c, i);
}

void free_model(model *m, const fuzz_case *c)
{
    for (size_t i = 0; i < c->chunkers_count; i++)
        free(m->chunks[i].entries);
}
