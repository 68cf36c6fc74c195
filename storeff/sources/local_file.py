"""One local file: opening it only if it is still the file that was listed, and reading it."""

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
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
    if kind == stat.S_IFDIR:
        return _open_directory(path, device, inode, dir_fd)
    # This looks at what is there without opening it, which a device or a FIFO would notice.
    at = _open_stretches(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd)
    try:
        status = os.fstat(at)
        if (status.st_dev, status.st_ino, stat.S_IFMT(status.st_mode)) != (device, inode, kind):
            raise ChangedError(errno.ESTALE, "replaced since it was listed", path)
        return _without_atime(lambda flags: os.open(f"/proc/self/fd/{at}", flags))
    finally:
        os.close(at)


def _open_directory(path: bytes, device: int, inode: int, dir_fd: int | None) -> int:
    """The kernel opens nothing but a directory here."""
    flags = os.O_DIRECTORY | os.O_NOFOLLOW
    fd = _without_atime(lambda more: _open_stretches(path, flags | more, dir_fd))
    status = os.fstat(fd)
    if (status.st_dev, status.st_ino) != (device, inode):
        os.close(fd)
        raise ChangedError(errno.ESTALE, "replaced since it was listed", path)
    return fd


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


def _without_atime(opened: Callable[[int], int]) -> int:
    """What ``opened`` opens for reading with the flags that it is given."""
    flags = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return opened(flags | os.O_NOATIME)
    except OSError as error:
        # Only the owner may leave the access time alone.
        if error.errno != errno.EPERM:
            raise
        return opened(flags)


class FileReader:
    """An open local file of ``size_bytes`` that was last written at ``mtime_ns``: a Reader.

    Its segments cost one or two seeks an extent, whatever the size. A file system that knows no
    holes gives one segment of data.
    """

    def __init__(self, descriptor: int, size_bytes: int, mtime_ns: int) -> None:
        self.descriptor = descriptor
        self.size_bytes = size_bytes
        self.mtime_ns = mtime_ns

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        os.close(self.descriptor)

    def segments(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        done = start
        # Granules that only reach into the range are looked at whole.
        position = start // HOLE_BYTES * HOLE_BYTES
        last = min(-(-end // HOLE_BYTES) * HOLE_BYTES, self.size_bytes)
        while position < last:
            data = min(self._seek_data(position, last), last)
            hole = max(-(-position // HOLE_BYTES) * HOLE_BYTES, done)
            until = min(data // HOLE_BYTES * HOLE_BYTES, end)
            if hole < until:
                if done < hole:
                    yield done, hole - done, False
                yield hole, until - hole, True
                done = until
            if data >= last:
                break
            position = max(os.lseek(self.descriptor, data, os.SEEK_HOLE), data + 1)
        if done < end:
            yield done, end - done, False

    def _seek_data(self, position: int, last: int) -> int:
        """The first data at or after ``position``; ``last`` if there is none before it."""
        try:
            return os.lseek(self.descriptor, position, os.SEEK_DATA)
        except OSError as error:
            if error.errno in (errno.EINVAL, errno.EOPNOTSUPP):
                return position
            if error.errno != errno.ENXIO:
                raise
        if os.fstat(self.descriptor).st_size < last:
            raise ChangedError(errno.ESTALE, "shrank since it was listed")
        return last

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
