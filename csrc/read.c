/* From files into memory: whole small files a batch at a time, large ones span by span. */
#define _GNU_SOURCE /* O_NOATIME, O_PATH, preadv2 */
#define _FILE_OFFSET_BITS 64

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include "internal.h"

/* What a read brings into the page cache leaves it again; what was there stays (Linux 6.14; 6.18 on
 * ext4, data not cached: 0.22 s of CPU a GB where a plain read takes 0.53; 2026-11-21). */
#ifndef RWF_DONTCACHE
#define RWF_DONTCACHE 0x80
#endif

/* One read: like pread(), but for the page cache. */
static ssize_t read_once(int fd, uint8_t *buffer, size_t bytes, uint64_t offset)
{
    struct iovec space = {buffer, bytes};
    ssize_t got = preadv2(fd, &space, 1, (off_t)offset, RWF_DONTCACHE);
    if (got < 0 && (errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL))
        got = pread(fd, buffer, bytes, (off_t)offset);
    return got;
}

/* Reads until `bytes` are there or the file ends; EINTR is not an end. Returns the bytes read;
 * *error_number is 0 or what stopped it. */
static size_t read_all(int fd, uint8_t *buffer, size_t bytes, uint64_t offset, int *error_number)
{
    size_t done = 0;
    *error_number = 0;
    while (done < bytes) {
        ssize_t got = read_once(fd, buffer + done, bytes - done, offset + done);
        if (got == 0)
            break;
        if (got > 0) {
            done += (size_t)got;
        } else if (errno != EINTR) {
            *error_number = errno;
            break;
        }
    }
    return done;
}

/* ---- whole files ---- */

/* As in linux/openat2.h, which not every system has. */
struct open_how {
    uint64_t flags, mode, resolve;
};
#ifndef SYS_openat2
#define SYS_openat2 437
#endif
#define NO_SYMLINKS 0x04

/* openat() that follows no symbolic link, not even on the way. Linux before 5.6 does not know this,
 * and some sandboxes forbid it: is_the_same() then still tells whether it is the same file. */
static int open_at(int directory, const char *path, int flags)
{
    struct open_how how = {.flags = (uint64_t)flags, .resolve = NO_SYMLINKS};
    long fd = syscall(SYS_openat2, directory, path, &how, sizeof how);
    if (fd < 0 && (errno == ENOSYS || errno == EPERM))
        fd = openat(directory, path, flags);
    return (int)fd;
}

/* The last slash before which, and after which, something of the first `bytes` stands; 0: none. */
static size_t last_slash(const char *path, size_t bytes)
{
    while (bytes > 1 && path[bytes - 1] != '/')
        bytes--;
    return bytes - 1;
}

/* Opens `path` for reading. The kernel takes PATH_MAX bytes at a time: of a longer one the
 * directories on the way are opened first, one after the other. */
static int open_to_read(const char *path)
{
    int directory = AT_FDCWD;
    size_t left = strlen(path);
    while (left >= PATH_MAX) {
        char stretch[PATH_MAX];
        size_t length = last_slash(path, PATH_MAX);
        if (length == 0)
            break; /* for a name that is too long, which the kernel says */
        memcpy(stretch, path, length);
        stretch[length] = 0;
        int onward = open_at(directory, stretch, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        int error_number = errno;
        if (directory != AT_FDCWD)
            close(directory);
        if (onward < 0) {
            errno = error_number;
            return -1;
        }
        directory = onward;
        path += length + 1;
        left -= length + 1;
    }
    int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    int fd = open_at(directory, path, flags | O_NOATIME);
    /* Only the owner may leave the access time alone. */
    if (fd < 0 && errno == EPERM)
        fd = open_at(directory, path, flags);
    int error_number = errno;
    if (directory != AT_FDCWD)
        close(directory);
    errno = error_number;
    return fd;
}

static int is_of_the_same_time(const sf_file *file, const struct stat *status)
{
    return (int64_t)status->st_mtim.tv_sec == file->mtime_seconds &&
           (int64_t)status->st_mtim.tv_nsec == file->mtime_nanoseconds;
}

static int is_the_same(const sf_file *file, const struct stat *status)
{
    return S_ISREG(status->st_mode) && (uint64_t)status->st_dev == file->device &&
           (uint64_t)status->st_ino == file->inode;
}

static int has_holes(int fd, uint64_t start, uint64_t end)
{
    off_t hole = lseek(fd, (off_t)start, SEEK_HOLE);
    /* An error means that the file system knows no holes. */
    return hole >= 0 && (uint64_t)hole < end;
}

/* Up to head_bytes of the first data, from the granule on in which that begins. */
static size_t read_head(const sf_file *file, int fd, uint64_t hole_bytes, uint8_t *buffer,
                        int *error_number)
{
    off_t data = lseek(fd, 0, SEEK_DATA);
    uint64_t begin = data > 0 && hole_bytes > 0 ? (uint64_t)data / hole_bytes * hole_bytes : 0;
    if (begin >= file->size_bytes)
        return 0;
    uint64_t left = file->size_bytes - begin;
    return read_all(fd, buffer, left < file->head_bytes ? (size_t)left : file->head_bytes, begin,
                    error_number);
}

static sf_read unreadable(int error_number)
{
    return (sf_read){.outcome = SF_UNREADABLE, .error_number = error_number};
}

static sf_read read_open_file(const sf_file *file, int fd, uint64_t hole_bytes, uint8_t *arena,
                              size_t used)
{
    struct stat status;
    if (fstat(fd, &status) != 0)
        return unreadable(errno);
    if (!is_the_same(file, &status))
        return (sf_read){.outcome = SF_REPLACED};
    if (file->size_bytes >= hole_bytes && has_holes(fd, file->start, file->end))
        return (sf_read){.outcome = SF_SPARSE};
    sf_read read = {.offset = used, .outcome = SF_READ};
    if (file->head_bytes > 0)
        read.head_length = read_head(file, fd, hole_bytes, arena + used, &read.error_number);
    size_t wanted = (size_t)(file->end - file->start);
    if (!read.error_number)
        read.length = read_all(fd, arena + used + read.head_length, wanted, file->start,
                               &read.error_number);
    if (read.error_number)
        read.outcome = SF_UNREADABLE;
    else if (read.length < wanted || fstat(fd, &status) != 0 ||
             (uint64_t)status.st_size != file->size_bytes || !is_of_the_same_time(file, &status))
        read.outcome = SF_READ_CHANGED;
    return read;
}

static int range_fits(const sf_file *file, size_t bytes)
{
    return file->head_bytes <= bytes && file->end - file->start <= bytes - file->head_bytes;
}

size_t sf_read_files(const sf_file *files, size_t count, uint64_t hole_bytes, uint8_t *arena,
                     size_t arena_bytes, sf_read *reads)
{
    size_t used = 0, done = 0;
    for (; done < count && range_fits(&files[done], arena_bytes - used); done++) {
        int fd = open_to_read(files[done].path);
        if (fd < 0) {
            reads[done] = unreadable(errno);
            continue;
        }
        reads[done] = read_open_file(&files[done], fd, hole_bytes, arena, used);
        close(fd);
        used += reads[done].head_length + reads[done].length;
    }
    return done;
}

/* ---- large files ---- */

sf_error sf_feed(sf_scanner *scanner, int fd, uint64_t *offset, uint64_t end, int last,
                 uint8_t *buffer, size_t buffer_bytes, size_t read_bytes, int *error_number)
{
    *error_number = 0;
    if (read_bytes == 0 || *offset > end)
        return SF_ERROR_LENGTH;
    do {
        size_t carried = scanner->carried;
        sf_error error = SF_OK;
        if (scanner->state == SF_SPANNED)
            error = sf_carry(scanner, buffer, buffer_bytes, &carried);
        if (error)
            return error;
        if (carried >= buffer_bytes)
            return SF_ERROR_BUFFER;
        size_t wanted = buffer_bytes - carried < read_bytes ? buffer_bytes - carried : read_bytes;
        if (wanted > end - *offset)
            wanted = (size_t)(end - *offset);
        size_t got = read_all(fd, buffer + carried, wanted, *offset, error_number);
        if (got < wanted && *error_number == 0)
            *error_number = SF_FILE_ENDED;
        *offset += got;
        error = sf_span(scanner, buffer, buffer_bytes, carried + got, last && *offset == end);
        if (error)
            return error;
    } while (*offset < end && *error_number == 0);
    return SF_OK;
}
