#include "planes.h"

static int is_item(size_t item_bytes)
{
    return item_bytes == 1 || item_bytes == 2 || item_bytes == 4 || item_bytes == 8;
}

static sf_error check_array(size_t items, size_t item_bytes)
{
    if (!is_item(item_bytes))
        return SF_ERROR_ITEM;
    return items > SIZE_MAX / item_bytes ? SF_ERROR_OVERFLOW : SF_OK;
}

static sf_error check_field(size_t item_bytes, sf_field field)
{
    if (field.bits < 1 || field.bits > SF_FIELD_BITS_MAX || field.shift > 8 * item_bytes ||
        field.bits > 8 * item_bytes - field.shift)
        return SF_ERROR_FIELD;
    return SF_OK;
}

static inline uint64_t load(const uint8_t *item, size_t item_bytes)
{
    switch (item_bytes) {
    case 1: return *item;
    case 2: return item[0] | (uint64_t)item[1] << 8;
    case 4: return sf_load32(item);
    default: return sf_load64(item);
    }
}

/* ---- planes ---- */

/* Inlined with a constant item_bytes and distinct arrays, the loops become shuffles. */
static inline void split(uint8_t *restrict planes, const uint8_t *restrict data, size_t items,
                         size_t item_bytes)
{
    for (size_t i = 0; i < items; i++)
        for (size_t k = 0; k < item_bytes; k++)
            planes[k * items + i] = data[i * item_bytes + k];
}

/* Split by eight the loops stay scalar; halves of items split by four, then by two, do not. */
static void split_by_8(uint8_t *planes, const uint8_t *data, size_t items)
{
    enum { AT_ONCE = 1024 };
    uint8_t halves[8 * AT_ONCE];
    for (size_t done = 0; done < items; done += AT_ONCE) {
        size_t now = items - done < AT_ONCE ? items - done : AT_ONCE;
        split(halves, data + 8 * done, 2 * now, 4);
        for (size_t k = 0; k < 4; k++) {
            const uint8_t *half = halves + k * 2 * now;
            uint8_t *low = planes + k * items + done, *high = low + 4 * items;
            for (size_t i = 0; i < now; i++) {
                low[i] = half[2 * i];
                high[i] = half[2 * i + 1];
            }
        }
    }
}

sf_error sf_split_planes(uint8_t *planes, const uint8_t *data, size_t items, size_t item_bytes)
{
    sf_error error = check_array(items, item_bytes);
    if (error)
        return error;
    switch (item_bytes) {
    case 1: memcpy(planes, data, items); break;
    case 2: split(planes, data, items, 2); break;
    case 4: split(planes, data, items, 4); break;
    case 8: split_by_8(planes, data, items); break;
    }
    return SF_OK;
}

/* ---- fields ---- */

/* Increments wait for the last one of the same count, so items of one value spread theirs over
 * eight tables of 2^bits counts. */
enum { TABLES = 8 };
typedef uint32_t tables[TABLES << SF_FIELD_BITS_MAX];

static inline void count_items(tables counts, const uint8_t *data, size_t items, size_t item_bytes,
                               sf_field field)
{
    uint64_t mask = (UINT64_C(1) << field.bits) - 1;
    size_t per_word = 8 / item_bytes, i = 0;
    for (; items - i >= TABLES; i += TABLES, data += TABLES * item_bytes)
        for (size_t word = 0; word < item_bytes; word++) {
            uint64_t several = sf_load64(data + 8 * word) >> field.shift;
            for (size_t k = 0; k < per_word; k++)
                counts[(word * per_word + k) << field.bits |
                       (several >> 8 * item_bytes * k & mask)]++;
        }
    for (; i < items; i++, data += item_bytes)
        counts[load(data, item_bytes) >> field.shift & mask]++;
}

/* Whole bytes need no shifts: half as fast again. */
static inline void count_bytes(tables counts, const uint8_t *data, size_t items, size_t item_bytes)
{
    size_t i = 0;
    for (; items - i >= TABLES; i += TABLES, data += TABLES * item_bytes)
        for (size_t k = 0; k < TABLES; k++)
            counts[k << 8 | data[k * item_bytes]]++;
    for (; i < items; i++, data += item_bytes)
        counts[*data]++;
}

/* With a constant item_bytes the words unroll. */
static void count_any(tables counts, const uint8_t *data, size_t items, size_t item_bytes,
                      sf_field field)
{
    if (field.bits == 8 && field.shift % 8 == 0) {
        data += field.shift / 8;
        switch (item_bytes) {
        case 1: count_bytes(counts, data, items, 1); break;
        case 2: count_bytes(counts, data, items, 2); break;
        case 4: count_bytes(counts, data, items, 4); break;
        case 8: count_bytes(counts, data, items, 8); break;
        }
        return;
    }
    switch (item_bytes) {
    case 1: count_items(counts, data, items, 1, field); break;
    case 2: count_items(counts, data, items, 2, field); break;
    case 4: count_items(counts, data, items, 4, field); break;
    case 8: count_items(counts, data, items, 8, field); break;
    }
}

static void clear(tables counts, unsigned bits)
{
    memset(counts, 0, sizeof *counts * (TABLES << bits));
}

static void add(uint64_t *totals, const tables counts, unsigned bits)
{
    for (size_t k = 0; k < TABLES; k++)
        for (size_t value = 0; value < (size_t)1 << bits; value++)
            totals[value] += counts[k << bits | value];
}

sf_error sf_count_field(uint64_t *counts, const uint8_t *data, size_t items, size_t item_bytes,
                        sf_field field)
{
    sf_error error = check_array(items, item_bytes);
    if (!error)
        error = check_field(item_bytes, field);
    if (error)
        return error;
    tables some;
    while (items > 0) {
        /* What a 32-bit count holds. */
        size_t now = items < UINT32_MAX ? items : UINT32_MAX;
        clear(some, field.bits);
        count_any(some, data, now, item_bytes, field);
        add(counts, some, field.bits);
        data += now * item_bytes;
        items -= now;
    }
    return SF_OK;
}

/* So many channels at a time that their counts stay in the first cache (8 to 32 were tried), of so
 * many rows that the second one still has them for the next channels. */
enum { CHANNELS = 16, TILE_BYTES = 256 << 10 };

static inline void count_channels(uint64_t *counts, const uint8_t *data, size_t rows,
                                  size_t row_bytes, size_t channels, size_t item_bytes,
                                  sf_field field)
{
    uint64_t mask = (UINT64_C(1) << field.bits) - 1;
    for (size_t row = 0; row < rows; row++, data += row_bytes)
        for (size_t c = 0; c < channels; c++) {
            uint64_t item = load(data + c * item_bytes, item_bytes);
            counts[c << field.bits | (item >> field.shift & mask)]++;
        }
}

sf_error sf_count_field_by_channel(uint64_t *counts, const uint8_t *data, size_t rows,
                                   size_t channels, size_t item_bytes, sf_field field)
{
    sf_error error = check_array(channels, item_bytes);
    if (!error)
        error = check_field(item_bytes, field);
    if (!error && channels && rows > SIZE_MAX / item_bytes / channels)
        error = SF_ERROR_OVERFLOW;
    if (error)
        return error;
    size_t row_bytes = channels * item_bytes;
    size_t tile = row_bytes && row_bytes < TILE_BYTES / 64 ? TILE_BYTES / row_bytes : 64;
    for (size_t row = 0; row < rows; row += tile) {
        size_t now = rows - row < tile ? rows - row : tile;
        for (size_t c = 0; c < channels; c += CHANNELS) {
            size_t some = channels - c < CHANNELS ? channels - c : CHANNELS;
            uint64_t *to = counts + (c << field.bits);
            const uint8_t *from = data + row * row_bytes + c * item_bytes;
            switch (item_bytes) {
            case 1: count_channels(to, from, now, row_bytes, some, 1, field); break;
            case 2: count_channels(to, from, now, row_bytes, some, 2, field); break;
            case 4: count_channels(to, from, now, row_bytes, some, 4, field); break;
            case 8: count_channels(to, from, now, row_bytes, some, 8, field); break;
            }
        }
    }
    return SF_OK;
}
