/* Listing directories: the plain files of one many at a time, everything else by name. */
#define _GNU_SOURCE /* AT_NO_AUTOMOUNT, DT_*, O_PATH */
#define _FILE_OFFSET_BITS 64

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "files.h"

/* As glibc reads at a time: about a thousand names, and little to hold for each level of a walk. */
#define DIRECTORY_BYTES ((size_t)32 << 10)

/* As in getdents64(2); what follows is not aligned for anything else. */
typedef struct {
    uint64_t inode;
    int64_t offset;
    uint16_t length;
    uint8_t type;
    char name[];
} directory_entry;

void sf_listing_free(sf_listing *listing)
{
    free(listing->rows);
    free(listing->names);
    free(listing->others);
    *listing = (sf_listing){0};
}

/* Room for `wanted` items of `item_bytes`; a listing holds less than 4 GiB of each. */
static sf_error grow(void **items, size_t *allocated, size_t wanted, size_t item_bytes)
{
    if (wanted <= *allocated)
        return SF_OK;
    if (wanted > UINT32_MAX / item_bytes / 2)
        return SF_ERROR_OVERFLOW;
    size_t larger = 2 * wanted;
    void *grown = realloc(*items, larger * item_bytes);
    if (!grown)
        return SF_ERROR_MEMORY;
    *items = grown;
    *allocated = larger;
    return SF_OK;
}

static sf_error add_other(sf_listing *listing, uint8_t type, const char *name, size_t name_bytes)
{
    size_t end = listing->others_bytes + name_bytes + 2;
    sf_error error = grow((void **)&listing->others, &listing->others_allocated, end, 1);
    if (error)
        return error;
    char *at = listing->others + listing->others_bytes;
    at[0] = (char)(type + 1);
    memcpy(at + 1, name, name_bytes + 1);
    listing->others_bytes = end;
    return SF_OK;
}

static sf_error add_row(sf_listing *listing, const struct stat *status, uint32_t folder,
                        const char *name, size_t name_bytes)
{
    size_t start = listing->names_bytes, end = start + name_bytes + 1;
    sf_error error = grow((void **)&listing->names, &listing->names_allocated, end, 1);
    if (!error)
        error = grow((void **)&listing->rows, &listing->rows_allocated, listing->rows_count + 1,
                     sizeof(sf_listed));
    if (error)
        return error;
    memcpy(listing->names + start, name, name_bytes + 1);
    listing->names_bytes = end;
    listing->rows[listing->rows_count++] = (sf_listed){
        .device = (uint64_t)status->st_dev,
        .inode = (uint64_t)status->st_ino,
        .mtime_seconds = (int64_t)status->st_mtim.tv_sec,
        .size_bytes = (int64_t)status->st_size,
        .allocated_bytes = (int64_t)status->st_blocks * 512,
        .mtime_nanoseconds = (uint32_t)status->st_mtim.tv_nsec,
        .folder = folder,
        .name_start = (uint32_t)start,
        .name_bytes = (uint32_t)name_bytes,
    };
    return SF_OK;
}

static int is_special(uint64_t inode, const uint64_t *special, size_t count)
{
    size_t low = 0;
    while (low < count) {
        size_t middle = low + (count - low) / 2;
        if (special[middle] == inode)
            return 1;
        if (special[middle] < inode)
            low = middle + 1;
        else
            count = middle;
    }
    return 0;
}

static int is_plain(const struct stat *status, const sf_folder *folder)
{
    return S_ISREG(status->st_mode) && status->st_nlink == 1 && status->st_size >= 0 &&
           (uint64_t)status->st_dev == folder->device &&
           !is_special((uint64_t)status->st_ino, folder->special, folder->special_count);
}

/* Adds `name` of the directory `fd`, which is looked at if it may be plain. */
static sf_error add(sf_listing *listing, int fd, const sf_folder *folder, const char *name,
                    uint8_t type, int may_be_plain)
{
    size_t name_bytes = strlen(name);
    struct stat status;
    if (may_be_plain && fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT) == 0 &&
        is_plain(&status, folder))
        return add_row(listing, &status, folder->number, name, name_bytes);
    return add_other(listing, type, name, name_bytes);
}

sf_error sf_list_some(sf_listing *listing, int fd, int looks, const sf_folder *folder, int *ended,
                      int *error_number)
{
    _Alignas(directory_entry) char buffer[DIRECTORY_BYTES];
    long got = syscall(SYS_getdents64, fd, buffer, sizeof buffer);
    /* A directory that was deleted has no entries any more, which is not an error (readdir(3)). */
    *error_number = got < 0 && errno != ENOENT ? errno : 0;
    *ended = got <= 0;
    for (long at = 0; at < got;) {
        const directory_entry *entry = (const directory_entry *)(buffer + at);
        const char *name = entry->name;
        at += entry->length;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        int may_be_plain = looks && (entry->type == DT_REG || entry->type == DT_UNKNOWN);
        sf_error error = add(listing, fd, folder, name, entry->type, may_be_plain);
        if (error)
            return error;
    }
    return SF_OK;
}

sf_error sf_list_named(sf_listing *listing, const char *path, const char *names, size_t names_bytes,
                       const sf_folder *folder)
{
    int fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
    size_t path_bytes = strlen(path);
    sf_error error = SF_OK;
    for (const char *name = names; name < names + names_bytes && !error; name += strlen(name) + 1) {
        int is_path = fd >= 0 && path_bytes + strlen(name) < PATH_MAX;
        error = add(listing, fd, folder, name, DT_UNKNOWN, is_path);
    }
    if (fd >= 0)
        close(fd);
    return error;
}
