"""One local file: opening it only if it is still the file that was listed, and reading it."""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from typing import Self

from storeff.sources.skipped import ChangedError
from storeff.sources.source import HOLE_BYTES

# The kernel takes no path of more bytes at a time (PATH_MAX is 4,096, with the NUL that ends it).
STRETCH_BYTES = 4095


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


class FileReader:
    """An open local file of ``size_bytes`` that was last written at ``mtime_ns``. See Reader."""

    def __init__(self, descriptor: int, size_bytes: int, mtime_ns: int) -> None:
        self.descriptor = descriptor
        self.size_bytes = size_bytes
        self.mtime_ns = mtime_ns

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self.descriptor)

    def segments(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        # Whole granules are looked at, also those that only reach into the range.
        first = start // HOLE_BYTES * HOLE_BYTES
        last = min(-(-end // HOLE_BYTES) * HOLE_BYTES, self.size_bytes)
        for offset, length, is_hole in data_segments(self.descriptor, last, start=first):
            begin, until = max(offset, start), min(offset + length, end)
            if begin < until:
                yield begin, until - begin, is_hole

    def read_into(self, view: memoryview, offset: int) -> int:
        return os.preadv(self.descriptor, [view], offset)

    def is_unchanged(self) -> bool:
        now = os.fstat(self.descriptor)
        return (now.st_size, now.st_mtime_ns) == (self.size_bytes, self.mtime_ns)


def read_below(root: bytes, relative: bytes, bytes_max: int) -> bytes | None:
    """The regular file of up to ``bytes_max`` at ``relative`` to the directory ``root``; None if
    there is none.

    No component of ``relative`` is followed if it is a symbolic link, and none may be "..": one
    component is opened at a time, from the descriptor of the one before.
    """
    *folders, name = relative.split(b"/")
    if b".." in (*folders, name):
        return None
    with contextlib.ExitStack() as opened:

        def descend(name: bytes, flags: int, above: int | None = None) -> int:
            fd = os.open(name, flags | os.O_CLOEXEC, dir_fd=above)
            opened.callback(os.close, fd)
            return fd

        try:
            at = descend(root, os.O_PATH | os.O_DIRECTORY)
            for folder in folders:
                at = descend(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW, at)
            at = descend(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, at)
        except OSError:
            return None
        status = os.fstat(at)
        if not stat.S_ISREG(status.st_mode) or status.st_size > bytes_max:
            return None
        return os.pread(at, bytes_max, 0)
