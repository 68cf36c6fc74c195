/* What kind of content a file holds, by its first bytes. Its twin, which says why, is
 * storeff/sources/content.py; where a header must be parsed that is asked. */
#include "files.h"
#include "internal.h"

static int has_at(const uint8_t *head, size_t bytes, size_t at, const char *wanted, size_t length)
{
    return at + length <= bytes && memcmp(head + at, wanted, length) == 0;
}
#define HAS_AT(at, wanted) has_at(head, bytes, at, wanted, sizeof(wanted) - 1)

/* ---- text ---- */

/* Sixteen bytes at a time, by what every compiler knows of vectors: a byte of a comparison is 255
 * where it holds. */
typedef uint8_t bytes16 __attribute__((vector_size(16)));

static bytes16 load16(const uint8_t *at)
{
    bytes16 loaded;
    memcpy(&loaded, at, sizeof loaded);
    return loaded;
}

static int is_any(bytes16 found)
{
    uint64_t halves[2];
    memcpy(halves, &found, sizeof halves);
    return (halves[0] | halves[1]) != 0;
}

/* Not in text, which may hold bell to carriage return, and escape. */
static bytes16 controls_of(bytes16 bytes)
{
    return (bytes16)((bytes < 32) & (bytes - 7 > 6) & (bytes != 27)) | (bytes16)(bytes == 127);
}

static int has_controls(const uint8_t *head, size_t bytes)
{
    uint8_t tail[16];
    bytes16 found = {0};
    size_t at = 0;
    for (; bytes - at >= sizeof tail; at += sizeof tail) {
        found |= controls_of(load16(head + at));
        if (at % 256 == 0 && is_any(found))
            return 1;
    }
    memset(tail, ' ', sizeof tail);
    memcpy(tail, head + at, bytes - at);
    return is_any(found | controls_of(load16(tail)));
}

static int continues(uint8_t byte)
{
    return byte >> 6 == 2;
}

/* The bytes of the UTF-8 character at `at`; 0 if there is none. */
static size_t character_bytes(const uint8_t *at, size_t left)
{
    uint8_t lead = at[0];
    if (lead < 0x80)
        return 1;
    if (lead < 0xC2 || lead > 0xF4)
        return 0;
    size_t length = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
    if (length > left || !continues(at[1]))
        return 0;
    if ((lead == 0xE0 && at[1] < 0xA0) || (lead == 0xED && at[1] > 0x9F) ||
        (lead == 0xF0 && at[1] < 0x90) || (lead == 0xF4 && at[1] > 0x8F))
        return 0;
    for (size_t i = 2; i < length; i++)
        if (!continues(at[i]))
            return 0;
    return length;
}

/* How many leading bytes are UTF-8. */
static size_t utf8_bytes(const uint8_t *head, size_t bytes)
{
    size_t at = 0;
    while (at < bytes) {
        while (bytes - at >= 8 && !(sf_load64(head + at) & UINT64_C(0x8080808080808080)))
            at += 8;
        size_t length = at < bytes ? character_bytes(head + at, bytes - at) : 0;
        if (length == 0)
            break;
        at += length;
    }
    return at;
}

/* UTF-16 with its mark: most of the world's text has few distinct high bytes; noise has all of them. */
static int is_utf16(const uint8_t *head, size_t bytes)
{
    size_t even = bytes / 2 * 2, first_high = head[0] == 0xFF, distinct = 0;
    uint8_t seen[256] = {0};
    if (even < 4)
        return 0;
    for (size_t i = first_high; i < even; i += 2) {
        distinct += !seen[head[i]];
        seen[head[i]] = 1;
    }
    size_t zeros = 0;
    for (size_t i = 0; i < even && zeros < 4; i++)
        zeros = head[i] ? 0 : zeros + 1;
    return distinct < 128 && zeros < 4;
}

static int is_text(const uint8_t *head, size_t bytes)
{
    if (HAS_AT(0, "\xFF\xFE") || HAS_AT(0, "\xFE\xFF"))
        return is_utf16(head, bytes);
    if (has_controls(head, bytes))
        return 0;
    /* A character may be cut off at the end of the head. */
    if (utf8_bytes(head, bytes) + 3 >= bytes)
        return 1;
    size_t high = 0;
    for (size_t i = 0; i < bytes; i++)
        high += head[i] >> 7;
    return (double)high < 0.9 * (double)bytes;
}

static const uint8_t *after_spaces(const uint8_t *at, const uint8_t *end)
{
    while (at < end && (*at == ' ' || (*at >= '\t' && *at <= '\r')))
        at++;
    return at;
}

static int is_digit(uint8_t byte)
{
    return byte >= '0' && byte <= '9';
}

/* Behind a number or a word that may be the first of an array; NULL if there is none. */
static const uint8_t *after_scalar(const uint8_t *at, const uint8_t *end)
{
    static const char *const words[] = {"true", "false", "null"};
    for (size_t i = 0; i < 3; i++) {
        size_t length = strlen(words[i]);
        if ((size_t)(end - at) >= length && memcmp(at, words[i], length) == 0)
            return at + length;
    }
    if (at < end && *at == '-')
        at++;
    if (at == end || !is_digit(*at))
        return NULL;
    while (at < end && (is_digit(*at) || memchr(".eE+-", *at, 5)))
        at++;
    return at;
}

static int is_json(const uint8_t *head, size_t bytes)
{
    const uint8_t *end = head + bytes;
    const uint8_t *at = after_spaces(head + (HAS_AT(0, "\xEF\xBB\xBF") ? 3 : 0), end);
    if (at == end || (*at != '{' && *at != '['))
        return 0;
    int is_object = *at == '{';
    at = after_spaces(at + 1, end);
    if (at == end)
        return 0;
    if (is_object)
        return *at == '"' || *at == '}';
    if (memchr("[{\"]", *at, 4))
        return 1;
    at = after_scalar(at, end);
    if (!at)
        return 0;
    at = after_spaces(at, end);
    return at < end && (*at == ',' || *at == ']');
}

/* ---- noise ---- */

static size_t count_zeros(const uint8_t *head, size_t bytes)
{
    size_t zeros = 0, at = 0;
    while (bytes - at >= 16) {
        /* A byte counts to 255. */
        size_t end = bytes - at < 255 * 16 ? at + (bytes - at) / 16 * 16 : at + 255 * 16;
        bytes16 counts = {0};
        for (; at < end; at += 16)
            counts -= (bytes16)(load16(head + at) == 0);
        for (size_t i = 0; i < 16; i++)
            zeros += counts[i];
    }
    for (; at < bytes; at++)
        zeros += head[at] == 0;
    return zeros;
}

static int is_noise(const sf_classifier *classifier, const uint8_t *head, size_t bytes)
{
    if (bytes > classifier->entropy_bytes)
        bytes = classifier->entropy_bytes;
    if (20 * count_zeros(head, bytes) > bytes)
        return 0;
    sf_counts counts = {{0}};
    sf_count_values(counts, head, bytes);
    int64_t entropy = classifier->logs[bytes];
    for (size_t value = 0; value < 256; value++)
        entropy -= classifier->logs[sf_count_of(counts, value)];
    return entropy > classifier->noise_bits * (int64_t)bytes;
}

static sf_class by_statistics(const sf_classifier *classifier, const uint8_t *head, size_t bytes)
{
    if (is_text(head, bytes))
        return is_json(head, bytes) ? SF_JSON : SF_TEXT;
    return is_noise(classifier, head, bytes) ? SF_HIGH_ENTROPY : SF_BINARY;
}

/* ---- formats ---- */

static int is_zero(const uint8_t *head, size_t bytes)
{
    return head[0] == 0 && memcmp(head, head + 1, bytes - 1) == 0;
}

/* Whether a safetensors header may begin so: its length, then JSON. */
static int may_be_safetensors(const uint8_t *head, size_t bytes, uint64_t size_bytes)
{
    if (bytes < 9 || head[8] != '{' || size_bytes < 8)
        return 0;
    uint64_t length = sf_load64(head);
    return length >= 2 && length <= size_bytes - 8;
}

static int is_pickle(const uint8_t *head, size_t bytes)
{
    if (head[0] != 0x80 || bytes < 4 || head[1] < 2 || head[1] > 5)
        return 0;
    return head[1] >= 4 ? head[2] == 0x95 : memchr("}]()cXKMJGNq\x8a\x88\x89", head[2], 15) != NULL;
}

static int is_arrow_stream(const uint8_t *head, size_t bytes)
{
    if (!HAS_AT(0, "\xFF\xFF\xFF\xFF") || bytes < 12)
        return 0;
    uint32_t metadata_bytes = sf_load32(head + 4), table_offset = sf_load32(head + 8);
    return metadata_bytes > 0 && metadata_bytes < 1u << 24 && metadata_bytes % 8 == 0 &&
           table_offset < 64;
}

static int is_windows_program(const uint8_t *head, size_t bytes)
{
    uint8_t offset[4] = {0};
    if (bytes > 60)
        memcpy(offset, head + 60, bytes - 60 < 4 ? bytes - 60 : 4);
    return HAS_AT(0, "MZ") && HAS_AT(sf_load32(offset), "PE\0\0");
}

static const sf_magic *magic_of(const sf_classifier *classifier, const uint8_t *head, size_t bytes)
{
    for (size_t i = 0; i < classifier->magics_count; i++) {
        const sf_magic *magic = &classifier->magics[i];
        if (magic->bytes[0] == head[0] && magic->length <= bytes &&
            memcmp(magic->bytes, head, magic->length) == 0)
            return magic;
    }
    return NULL;
}

static int is_image_brand(const uint8_t *brand)
{
    static const char brands[] = "avifavisheicheixmif1msf1";
    for (size_t i = 0; i + 4 < sizeof brands; i += 4)
        if (memcmp(brands + i, brand, 4) == 0)
            return 1;
    return 0;
}

/* SF_UNKNOWN: by statistics. */
static sf_class by_place(const uint8_t *head, size_t bytes, uint64_t size_bytes)
{
    if (HAS_AT(257, "ustar"))
        return SF_TAR;
    if (HAS_AT(128, "DICM"))
        return SF_IMAGE;
    if (HAS_AT(32769, "CD001"))
        return SF_DISK_IMAGE;
    if (HAS_AT(512, "\x89HDF\r\n\x1a\n"))
        return SF_HDF5;
    if (HAS_AT(0, "RIFF"))
        return HAS_AT(8, "WEBP")                      ? SF_IMAGE
               : HAS_AT(8, "WAVE") || HAS_AT(8, "AVI ") ? SF_AUDIO_VIDEO
                                                      : SF_UNKNOWN;
    if (HAS_AT(4, "ftyp"))
        return bytes >= 12 && is_image_brand(head + 8) ? SF_IMAGE : SF_AUDIO_VIDEO;
    if (HAS_AT(0, "BZh") && HAS_AT(4, "1AY&SY"))
        return SF_COMPRESSED;
    if (bytes >= 6 && HAS_AT(0, "BM") && sf_load32(head + 2) == (uint32_t)size_bytes)
        return SF_IMAGE;
    if (is_windows_program(head, bytes))
        return SF_EXECUTABLE;
    if (HAS_AT(0, "G") && HAS_AT(188, "G") && HAS_AT(376, "G") && !is_text(head, bytes))
        return SF_AUDIO_VIDEO;
    return SF_UNKNOWN;
}

sf_class sf_classify(const sf_classifier *classifier, const uint8_t *head, size_t bytes,
                     uint64_t size_bytes)
{
    if (bytes == 0)
        return SF_EMPTY;
    if (is_zero(head, bytes))
        return SF_ZERO;
    const sf_magic *magic = magic_of(classifier, head, bytes);
    if ((magic && magic->content_class == SF_ASK) || may_be_safetensors(head, bytes, size_bytes))
        return SF_ASK;
    if (is_pickle(head, bytes))
        return SF_PICKLE;
    if (is_arrow_stream(head, bytes))
        return SF_ARROW;
    if (magic && !(magic->is_word && is_text(head, bytes)))
        return (sf_class)magic->content_class;
    sf_class found = by_place(head, bytes, size_bytes);
    return found == SF_UNKNOWN ? by_statistics(classifier, head, bytes) : found;
}
