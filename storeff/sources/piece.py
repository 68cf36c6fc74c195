"""One regular file: opening it only if it is still the file that was found, and its holes."""

import errno
import os
import stat
from collections.abc import Iterator

import msgspec

from storeff.sources.refusals import ChangedError


class Piece(msgspec.Struct, frozen=True):
    """A regular file as the walk found it. ``path`` is absolute and holds no symbolic link.

    ``allocated_bytes`` is what the file system says it holds (512 * st_blocks).
    """

    path: bytes
    size_bytes: int
    allocated_bytes: int
    device: int
    inode: int
    mtime_ns: int
    links: int


def piece_of(path: bytes, status: os.stat_result) -> Piece:
    """The piece at ``path`` whose lstat is ``status``."""
    return Piece(
        path,
        status.st_size,
        status.st_blocks * 512,
        status.st_dev,
        status.st_ino,
        status.st_mtime_ns,
        status.st_nlink,
    )


def open_unchanged(
    path: bytes | str, device: int, inode: int, kind: int, dir_fd: int | None = None
) -> int:
    """A descriptor of ``path`` for reading, if it is still (``device``, ``inode``) of ``kind``.

    ``kind`` is stat.S_IFREG or S_IFDIR. No symbolic link is followed in the last component, no
    FIFO waited for, and the access time left alone where the system permits it.
    Raises OSError; ChangedError if something else is there now.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        fd = os.open(path, flags | os.O_NOATIME, dir_fd=dir_fd)
    except OSError as error:
        # Only the owner may leave the access time alone.
        if error.errno != errno.EPERM:
            raise
        fd = os.open(path, flags, dir_fd=dir_fd)
    status = os.fstat(fd)
    found = (status.st_dev, status.st_ino, stat.S_IFMT(status.st_mode))
    if found != (device, inode, kind):
        os.close(fd)
        raise ChangedError(errno.ESTALE, "replaced since it was listed", path)
    return fd


def open_piece(piece: Piece) -> int:
    """A descriptor of ``piece`` for reading; the caller closes it.

    Raises OSError, which ``refusal_for`` turns into a Refusal; ChangedError if the path now
    leads to anything but the same regular file.
    """
    return open_unchanged(piece.path, piece.device, piece.inode, stat.S_IFREG)


def data_segments(
    fd: int, size_bytes: int, granule_bytes: int = 131072
) -> Iterator[tuple[int, int, bool]]:
    """(offset, length, is_hole) over the first ``size_bytes`` of ``fd``, in order, without gaps.

    A hole is told only in whole aligned granules; what is left of it reads as zeros within data.
    Costs one or two seeks an extent, whatever the size. A file system that knows no holes gives
    one data segment. Moves the file offset. Raises OSError; ChangedError if the file has shrunk.
    """
    told = position = 0
    while position < size_bytes:
        data = min(_seek_data(fd, position, size_bytes), size_bytes)
        start = -(-position // granule_bytes) * granule_bytes
        end = data // granule_bytes * granule_bytes
        if start < end:
            if told < start:
                yield told, start - told, False
            yield start, end - start, True
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
