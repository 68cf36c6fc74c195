/* From directories and files to bytes in memory that are told apart: listing, reading, classifying. */
#ifndef STOREFF_FILES_H
#define STOREFF_FILES_H

#include "storeff.h"

/* ---- listing ---- */

/* A regular file as it was listed. Its name is `name_bytes` at `name_start` of the names of its
 * listing, and a NUL behind them; the caller knows its folder by number. */
typedef struct {
    uint64_t device, inode;
    int64_t mtime_seconds;
    int64_t size_bytes, allocated_bytes;
    uint32_t mtime_nanoseconds; /* 0 to 999,999,999 */
    uint32_t folder;
    uint32_t name_start, name_bytes;
} sf_listed;

/* Rows, and beside them names: of the files first, in `names`; of all else in `others`, each after
 * a byte that is one above its type (DT_* of readdir, DT_UNKNOWN where the file system does not say),
 * and before a NUL. Grows as it is filled. */
typedef struct {
    sf_listed *rows;
    size_t rows_count, rows_allocated;
    char *names;
    size_t names_bytes, names_allocated;
    char *others;
    size_t others_bytes, others_allocated;
} sf_listing;

void sf_listing_free(sf_listing *listing);

/* A directory by the number that its rows get. Its plain files are regular files of one name, on
 * `device`, whose inode is none of `special`, which ascend. */
typedef struct {
    uint64_t device;
    const uint64_t *special;
    size_t special_count;
    uint32_t number;
} sf_folder;

/* Lists some more of the directory `fd`, as much as one system call gives: about a thousand names. Its
 * plain files become rows, all else `others`; without `looks` all is that, and nothing in the
 * directory is touched. *ended: there is no more. *error_number is what the system said, else 0. */
sf_error sf_list_some(sf_listing *listing, int fd, int looks, const sf_folder *folder, int *ended,
                      int *error_number);

/* Lists those of `names`, each before a NUL, in the directory `path`, which ends in a slash. What no
 * path of PATH_MAX leads to is one of the `others`, and all are where the directory cannot be
 * opened. */
sf_error sf_list_named(sf_listing *listing, const char *path, const char *names, size_t names_bytes,
                       const sf_folder *folder);

/* ---- reading ---- */

/* Reads until `bytes` are there or the file ends; EINTR is not an end. Returns the bytes read;
 * *error_number is 0 or what stopped it. */
size_t sf_read_all(int fd, uint8_t *buffer, size_t bytes, uint64_t offset, int *error_number);

/* Bytes [start, end) of a listed file, and up to `head_bytes` of its first data, which tell its kind.
 */
typedef struct {
    uint64_t start, end, head_bytes;
} sf_range;

typedef enum {
    SF_READ,
    SF_READ_CHANGED, /* read, but it was written to since it was listed */
    SF_REPLACED,     /* something else is there now; nothing is in the arena */
    SF_SPARSE,       /* not read: there are holes in [start, end) */
    SF_UNREADABLE    /* error_number says why */
} sf_outcome_of_read;

/* In the arena lie first the head, then the data. */
typedef struct {
    uint64_t offset, head_length, length;
    int32_t outcome, error_number;
} sf_read;

/* Reads a range of each file, one after the other, into `arena` until the next does not fit; returns
 * how many it dealt with. `folders` are the paths of the files' folders, of any length.
 *
 * Follows no symbolic link, in directories neither (Linux 5.6 and later; until then one that led to
 * the file itself is followed), waits for no FIFO, leaves the access time alone where the system lets
 * it, and the page cache as it was (Linux 6.14 and later). Files shorter than `hole_bytes`, in which
 * granules heads begin, are not asked for holes. */
size_t sf_read_files(const sf_listed *files, const sf_range *ranges, size_t count,
                     const char *names, const char *const *folders, uint64_t hole_bytes,
                     uint8_t *arena, size_t arena_bytes, sf_read *reads);

/* ---- classifying ---- */

/* In the order of storeff.sources.content.CLASSES, whose meaning they have. */
typedef enum {
    SF_EMPTY,
    SF_ZERO,
    SF_TEXT,
    SF_JSON,
    SF_PARQUET,
    SF_ARROW,
    SF_ORC,
    SF_AVRO,
    SF_SAFETENSORS,
    SF_GGUF,
    SF_PICKLE,
    SF_NUMPY,
    SF_HDF5,
    SF_KV,
    SF_IMAGE,
    SF_AUDIO_VIDEO,
    SF_DOCUMENT,
    SF_COMPRESSED,
    SF_ENCRYPTED,
    SF_TAR,
    SF_SQLITE,
    SF_DISK_IMAGE,
    SF_EXECUTABLE,
    SF_HIGH_ENTROPY,
    SF_BINARY,
    SF_CLASSES,
    SF_ASK = 254,    /* a header has to be parsed, or a recogniser asked */
    SF_UNKNOWN = 255 /* nothing was read */
} sf_class;

/* What files of a class begin with. Prose may begin with one that `is_word`. */
#define SF_MAGIC_BYTES_MAX 32
typedef struct {
    uint8_t bytes[SF_MAGIC_BYTES_MAX];
    uint8_t length, content_class, is_word;
} sf_magic;

typedef struct {
    /* The longest first of those that begin with the same byte. */
    const sf_magic *magics;
    size_t magics_count;
    /* logs[n] is n log2(n) in some fixed point, for n up to entropy_bytes: so many are looked at, at
     * most UINT16_MAX, to tell noise, which has more than `noise_bits` of entropy a byte in the same
     * fixed point. */
    const int64_t *logs;
    size_t entropy_bytes;
    int64_t noise_bits;
} sf_classifier;

/* The class of a file of `size_bytes` that begins with `head`. */
sf_class sf_classify(const sf_classifier *classifier, const uint8_t *head, size_t bytes,
                     uint64_t size_bytes);

/* ---- layouts that callers mirror ---- */

_Static_assert(sizeof(sf_listed) == 56 && offsetof(sf_listed, mtime_nanoseconds) == 40,
               "sf_listed: device, inode, mtime_seconds, size_bytes, allocated_bytes, "
               "mtime_nanoseconds, folder, name_start, name_bytes without padding");
_Static_assert(sizeof(sf_range) == 24, "sf_range: start, end, head_bytes without padding");
_Static_assert(sizeof(sf_read) == 32 && offsetof(sf_read, outcome) == 24,
               "sf_read: offset, head_length, length, outcome, error_number without padding");

#endif
