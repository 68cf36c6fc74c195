"""One regular file: opening it only if it is still the file that was found, and its holes."""

import errno
import os
import stat
from collections.abc import Iterator

import msgspec

from storeff.sources.skipped import ChangedError

# A hole is told from data only in whole aligned granules of this size, the largest block that a
# chunker cuts, so that blocks lie where they would without the hole.
HOLE_BYTES = 128 << 10


# The kernel takes no path of more bytes at a time (PATH_MAX is 4,096, with the NUL that ends it).
STRETCH_BYTES = 4095


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A regular file as the walk found it. ``path`` is absolute and holds no symbolic link.

    ``roots`` are those under which it was found, by this name or another, in byte order;
    ``allocated_bytes`` what the file system says it holds (512 * st_blocks). ``mtime_ns`` may be
    before 1970 or too large for 64 bits.
    """

    path: bytes
    roots: tuple[bytes, ...]
    size_bytes: int
    allocated_bytes: int
    device: int
    inode: int
    mtime_ns: int
    links: int


def entry_of(path: bytes, roots: tuple[bytes, ...], status: os.stat_result) -> Entry:
    """The entry at ``path`` under ``roots`` whose lstat is ``status``."""
    return Entry(
        path,
        roots,
        status.st_size,
        status.st_blocks * 512,
        status.st_dev,
        status.st_ino,
        status.st_mtime_ns,
        status.st_nlink,
    )


def open_unchanged(
    path: bytes, device: int, inode: int, kind: int, dir_fd: int | None = None
) -> int:
    """A descriptor of ``path`` for reading, if it is still (``device``, ``inode``) of ``kind``.

    ``kind`` is stat.S_IFREG or S_IFDIR. ``path`` may be of any length. Nothing else is opened,
    whatever became of ``path`` and of the directories in it, no FIFO waited for, and the access
    time left alone where the system permits it.
    Raises OSError; ChangedError if something else is there now.
    """
    # This looks at what is there without opening it, which a device or a FIFO would notice.
    at = _open_stretches(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd)
    try:
        status = os.fstat(at)
        if (status.st_dev, status.st_ino, stat.S_IFMT(status.st_mode)) != (device, inode, kind):
            raise ChangedError(errno.ESTALE, "replaced since it was listed", path)
        return _open_to_read(f"/proc/self/fd/{at}")
    finally:
        os.close(at)


def _open_stretches(path: bytes, flags: int, dir_fd: int | None) -> int:
    """os.open, but for paths of any length: one directory on the way after the other is opened."""
    start = 0
    way: int | None = None
    try:
        while len(path) - start > STRETCH_BYTES:
            end = path.rfind(b"/", start + 1, start + STRETCH_BYTES + 1)
            if end < 0:
                break
            onward = os.open(path[start:end], flags | os.O_PATH | os.O_DIRECTORY, dir_fd=dir_fd)
            if way is not None:
                os.close(way)
            way = dir_fd = onward
            start = end + 1
        return os.open(path[start:], flags, dir_fd=dir_fd)
    finally:
        if way is not None:
            os.close(way)


def _open_to_read(path: str) -> int:
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(path, flags | os.O_NOATIME)
    except OSError as error:
        # Only the owner may leave the access time alone.
        if error.errno != errno.EPERM:
            raise
        return os.open(path, flags)


def open_entry(entry: Entry) -> int:
    """A descriptor of ``entry`` for reading; the caller closes it.

    Raises OSError, which ``skipped_for`` turns into a Skipped; ChangedError if the path now
    leads to anything but the same regular file.
    """
    return open_unchanged(entry.path, entry.device, entry.inode, stat.S_IFREG)


def data_segments(
    fd: int, size_bytes: int, granule_bytes: int = HOLE_BYTES, *, start: int = 0
) -> Iterator[tuple[int, int, bool]]:
    """(offset, length, is_hole) over bytes ``start`` to ``size_bytes`` of ``fd``, without gaps.

    ``start`` must be a multiple of ``granule_bytes``.

    A hole is told only in whole aligned granules; what is left of it reads as zeros within data.
    Costs one or two seeks an extent, whatever the size. A file system that knows no holes gives
    one data segment. Moves the file offset. Raises OSError; ChangedError if the file has shrunk.
    """
    told = position = start
    while position < size_bytes:
        data = min(_seek_data(fd, position, size_bytes), size_bytes)
        hole = -(-position // granule_bytes) * granule_bytes
        end = data // granule_bytes * granule_bytes
        if hole < end:
            if told < hole:
                yield told, hole - told, False
            yield hole, end - hole, True
            told = end
        if data >= size_bytes:
            break
        position = max(os.lseek(fd, data, os.SEEK_HOLE), data + 1)
    if told < size_bytes:
        yield told, size_bytes - told, False


def read_head(fd: int, size_bytes: int, head_bytes: int) -> bytes:
    """Up to ``head_bytes`` of the first data of ``fd``; empty if it has none.

    Raises OSError as data_segments does.
    """
    for offset, length, is_hole in data_segments(fd, size_bytes):
        if not is_hole:
            return os.pread(fd, min(length, head_bytes), offset)
    return b""


def _seek_data(fd: int, position: int, size_bytes: int) -> int:
    """The first data at or after ``position``; ``size_bytes`` if there is none."""
    try:
        return os.lseek(fd, position, os.SEEK_DATA)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
            return position
        if error.errno != errno.ENXIO:
            raise
    if os.fstat(fd).st_size < size_bytes:
        raise ChangedError(errno.ESTALE, "shrank since it was listed")
    return size_bytes
