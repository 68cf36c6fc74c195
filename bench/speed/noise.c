/* LD_PRELOAD: files below $NOISE_FOLDER read as unique noise, however large and sparse they are.
 *
 * Every byte is a function of the file's path and its offset: 1 MiB of noise that repeats, with a
 * stamp of eight bytes every 512 that does not. There are no holes. With $NOISE_COMPRESSIBLE each
 * 64 KiB of the noise have 1 to 8 random bits a byte, so that chunks compress differently. Only what
 * storeff reads files with is interposed; a test of the result shows if anything went past it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define NOISE_BYTES ((uint64_t)1 << 20)
#define STAMP_EVERY ((uint64_t)512)
#define KIND_BYTES ((uint64_t)64 << 10)

static char noise[NOISE_BYTES];
static const char *folder;
static size_t folder_length;

static ssize_t (*real_read)(int, void *, size_t);
static ssize_t (*real_pread)(int, void *, size_t, off_t);
static ssize_t (*real_preadv2)(int, const struct iovec *, int, off_t, int);
static off_t (*real_lseek)(int, off_t, int);

/* The finaliser of splitmix64. */
static uint64_t mixed(uint64_t x)
{
    x ^= x >> 30;
    x *= 0xBF58476D1CE4E5B9u;
    x ^= x >> 27;
    x *= 0x94D049BB133111EBu;
    return x ^ x >> 31;
}

__attribute__((constructor)) static void prepare(void)
{
    *(void **)&real_read = dlsym(RTLD_NEXT, "read");
    *(void **)&real_pread = dlsym(RTLD_NEXT, "pread");
    *(void **)&real_preadv2 = dlsym(RTLD_NEXT, "preadv2");
    *(void **)&real_lseek = dlsym(RTLD_NEXT, "lseek");
    int compressible = getenv("NOISE_COMPRESSIBLE") != NULL;
    for (uint64_t at = 0; at < NOISE_BYTES; at += 8) {
        uint64_t word = mixed((at + 1) * 0x9E3779B97F4A7C15u);
        if (compressible)
            word &= (0xFFu >> at / KIND_BYTES % 8) * 0x0101010101010101u;
        memcpy(noise + at, &word, 8);
    }
    folder = getenv("NOISE_FOLDER");
    folder_length = folder ? strlen(folder) : 0;
}

/* Whether fd is a file of noise; its seed and its size. Leaves errno alone. */
static int is_noise(int fd, uint64_t *seed, uint64_t *size)
{
    char link[32], path[4096];
    int before = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = folder_length ? readlink(link, path, sizeof path) : -1;
    struct stat status;
    int found = length > (ssize_t)folder_length && !memcmp(path, folder, folder_length) &&
                path[folder_length] == '/' && !fstat(fd, &status) && S_ISREG(status.st_mode);
    errno = before;
    if (!found)
        return 0;
    *seed = 0;
    for (ssize_t i = 0; i < length; i++)
        *seed = mixed(*seed ^ (uint8_t)path[i]) + 1;
    *size = (uint64_t)status.st_size;
    return 1;
}

static void fill(char *target, uint64_t count, uint64_t offset, uint64_t seed)
{
    for (uint64_t done = 0; done < count;) {
        uint64_t at = (offset + done) % NOISE_BYTES;
        uint64_t part = count - done < NOISE_BYTES - at ? count - done : NOISE_BYTES - at;
        memcpy(target + done, noise + at, part);
        done += part;
    }
    uint64_t end = offset + count;
    for (uint64_t stamp = offset / STAMP_EVERY * STAMP_EVERY; stamp < end; stamp += STAMP_EVERY) {
        uint64_t word = mixed(seed ^ mixed(stamp + 1));
        uint64_t from = stamp < offset ? offset : stamp, to = stamp + 8 < end ? stamp + 8 : end;
        if (from < to)
            memcpy(target + (from - offset), (char *)&word + (from - stamp), to - from);
    }
}

static ssize_t noise_at(char *target, size_t count, off_t offset, uint64_t seed, uint64_t size)
{
    if (offset < 0) {
        errno = EINVAL;
        return -1;
    }
    uint64_t left = (uint64_t)offset < size ? size - (uint64_t)offset : 0;
    uint64_t part = count < left ? count : left;
    fill(target, part, (uint64_t)offset, seed);
    return (ssize_t)part;
}

ssize_t pread(int fd, void *target, size_t count, off_t offset)
{
    uint64_t seed, size;
    if (!is_noise(fd, &seed, &size))
        return real_pread(fd, target, count, offset);
    return noise_at(target, count, offset, seed, size);
}

ssize_t read(int fd, void *target, size_t count)
{
    uint64_t seed, size;
    if (!is_noise(fd, &seed, &size))
        return real_read(fd, target, count);
    off_t offset = real_lseek(fd, 0, SEEK_CUR);
    ssize_t got = noise_at(target, count, offset, seed, size);
    if (got > 0)
        real_lseek(fd, got, SEEK_CUR);
    return got;
}

ssize_t preadv2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
{
    uint64_t seed, size;
    if (!is_noise(fd, &seed, &size) || offset < 0)
        return real_preadv2(fd, parts, count, offset, flags);
    ssize_t total = 0;
    for (int i = 0; i < count; i++)
        total += noise_at(parts[i].iov_base, parts[i].iov_len, offset + total, seed, size);
    return total;
}

ssize_t preadv(int fd, const struct iovec *parts, int count, off_t offset)
{
    return preadv2(fd, parts, count, offset, 0);
}

off_t lseek(int fd, off_t offset, int whence)
{
    uint64_t seed, size;
    if ((whence != SEEK_DATA && whence != SEEK_HOLE) || !is_noise(fd, &seed, &size))
        return real_lseek(fd, offset, whence);
    if (offset < 0 || (uint64_t)offset >= size) {
        errno = ENXIO;
        return -1;
    }
    return real_lseek(fd, whence == SEEK_DATA ? offset : (off_t)size, SEEK_SET);
}

/* The other names under which programs are linked to the same functions. */
ssize_t pread64(int fd, void *target, size_t count, off_t offset)
    __attribute__((alias("pread")));
ssize_t preadv64(int fd, const struct iovec *parts, int count, off_t offset)
    __attribute__((alias("preadv")));
ssize_t preadv64v2(int fd, const struct iovec *parts, int count, off_t offset, int flags)
    __attribute__((alias("preadv2")));
off_t lseek64(int fd, off_t offset, int whence) __attribute__((alias("lseek")));

ssize_t __read_chk(int fd, void *target, size_t count, size_t room)
{
    if (count > room)
        abort();
    return read(fd, target, count);
}

ssize_t __pread_chk(int fd, void *target, size_t count, off_t offset, size_t room)
{
    if (count > room)
        abort();
    return pread(fd, target, count, offset);
}

ssize_t __pread64_chk(int fd, void *target, size_t count, off_t offset, size_t room)
    __attribute__((alias("__pread_chk")));
