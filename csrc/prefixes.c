/* Block ids to keys of prefixes: a tree in an open-addressing table of (parent, id). */
#include <stdlib.h>

#include "replay.h"

struct sf_prefixes {
    uint32_t *slots; /* key + 1; 0: free */
    size_t mask;
    uint64_t *ids;     /* by key */
    uint32_t *parents; /* by key */
    size_t count, room;
};

static size_t slot_of(uint32_t parent, uint64_t id, size_t mask)
{
    uint64_t mixed = (id ^ (uint64_t)parent * UINT64_C(0xD6E8FEB86659FD93)) *
                     UINT64_C(0x9E3779B97F4A7C15);
    mixed ^= mixed >> 32;
    mixed *= UINT64_C(0xD6E8FEB86659FD93);
    return (size_t)(mixed ^ mixed >> 32) & mask;
}

sf_error sf_prefixes_new(sf_prefixes **prefixes)
{
    *prefixes = calloc(1, sizeof **prefixes);
    return *prefixes ? SF_OK : SF_ERROR_MEMORY;
}

void sf_prefixes_free(sf_prefixes *prefixes)
{
    if (!prefixes)
        return;
    free(prefixes->slots);
    free(prefixes->ids);
    free(prefixes->parents);
    free(prefixes);
}

size_t sf_prefixes_count(const sf_prefixes *prefixes)
{
    return prefixes->count;
}

void sf_prefixes_ids(const sf_prefixes *prefixes, uint64_t *ids)
{
    if (prefixes->count)
        memcpy(ids, prefixes->ids, prefixes->count * sizeof *ids);
}

/* Room for twice as many keys, in a table at most half full. */
static sf_error grow(sf_prefixes *p)
{
    size_t room = p->room ? p->room * 2 : 1024;
    if (room > SIZE_MAX / 2 / sizeof *p->ids)
        return SF_ERROR_MEMORY;
    uint64_t *ids = realloc(p->ids, room * sizeof *ids);
    if (!ids)
        return SF_ERROR_MEMORY;
    p->ids = ids;
    uint32_t *parents = realloc(p->parents, room * sizeof *parents);
    if (!parents)
        return SF_ERROR_MEMORY;
    p->parents = parents;
    uint32_t *slots = calloc(room * 2, sizeof *slots);
    if (!slots)
        return SF_ERROR_MEMORY;
    free(p->slots);
    p->slots = slots;
    p->mask = room * 2 - 1;
    p->room = room;
    for (size_t key = 0; key < p->count; key++) {
        size_t slot = slot_of(p->parents[key], p->ids[key], p->mask);
        while (slots[slot])
            slot = (slot + 1) & p->mask;
        slots[slot] = (uint32_t)key + 1;
    }
    return SF_OK;
}

static sf_error key_of(sf_prefixes *p, uint32_t parent, uint64_t id, uint32_t *key)
{
    if (p->count == p->room) {
        sf_error error = p->count < SF_REPLAY_MAX ? grow(p) : SF_ERROR_TRACE_SIZE;
        if (error)
            return error;
    }
    size_t slot = slot_of(parent, id, p->mask);
    for (; p->slots[slot]; slot = (slot + 1) & p->mask) {
        *key = p->slots[slot] - 1;
        if (p->ids[*key] == id && p->parents[*key] == parent)
            return SF_OK;
    }
    if (p->count >= SF_REPLAY_MAX)
        return SF_ERROR_TRACE_SIZE;
    *key = (uint32_t)p->count++;
    p->ids[*key] = id;
    p->parents[*key] = parent;
    p->slots[slot] = *key + 1;
    return SF_OK;
}

sf_error sf_prefixes_add(sf_prefixes *prefixes, const uint64_t *ids, size_t blocks,
                         const int64_t *offsets, size_t requests, uint32_t *keys)
{
    if (offsets[0] != 0 || offsets[requests] < 0 || (uint64_t)offsets[requests] != blocks)
        return SF_ERROR_TRACE_OFFSETS;
    for (size_t r = 0; r < requests; r++) {
        if (offsets[r + 1] < offsets[r] || (uint64_t)offsets[r + 1] > blocks)
            return SF_ERROR_TRACE_OFFSETS;
        uint32_t parent = SF_NO_KEY;
        for (size_t i = (size_t)offsets[r]; i < (size_t)offsets[r + 1]; i++) {
            sf_error error = key_of(prefixes, parent, ids[i], &keys[i]);
            if (error)
                return error;
            parent = keys[i];
        }
    }
    return SF_OK;
}
