/* Two scanners made alike become one that has seen what both have. */
#include "scanner.h"

static int are_alike(const sf_scanner *scanner, const sf_scanner *other)
{
    if (scanner->chunkers_count != other->chunkers_count)
        return 0;
    for (size_t i = 0; i < scanner->chunkers_count; i++) {
        const chunker *c = &scanner->chunkers[i], *o = &other->chunkers[i];
        if (c->stream.min_bytes != o->stream.min_bytes ||
            c->stream.max_bytes != o->stream.max_bytes || c->codecs != o->codecs ||
            c->by_place != o->by_place || c->sketch.capacity != o->sketch.capacity ||
            c->sketch.seed_mix != o->sketch.seed_mix)
            return 0;
    }
    return 1;
}

static void add_totals(sf_totals *totals, const sf_totals *others)
{
    totals->chunks += others->chunks;
    totals->bytes += others->bytes;
    for (size_t value = 0; value < 256; value++) {
        totals->run_count[value] += others->run_count[value];
        totals->run_bytes[value] += others->run_bytes[value];
    }
}

sf_error sf_absorb(sf_scanner *scanner, const sf_scanner *other)
{
    if (scanner == other || !are_alike(scanner, other))
        return SF_ERROR_UNLIKE;
    if (scanner->state != IDLE || other->state != IDLE)
        return SF_ERROR_FILE_OPEN;
    for (size_t i = 0; i < scanner->chunkers_count; i++) {
        uint64_t bytes = scanner->chunkers[i].totals.bytes;
        if (add_overflows(&bytes, other->chunkers[i].totals.bytes))
            return SF_ERROR_OVERFLOW;
    }
    for (size_t i = 0; i < scanner->chunkers_count; i++) {
        sf_error error =
            sf_sketch_absorb(&scanner->chunkers[i].sketch, &other->chunkers[i].sketch);
        if (error)
            return error;
        add_totals(&scanner->chunkers[i].totals, &other->chunkers[i].totals);
    }
    for (size_t group = 0; group < SF_GROUPS_MAX; group++)
        for (size_t value = 0; value < 256; value++)
            scanner->histogram[group][value] += other->histogram[group][value];
    return SF_OK;
}
