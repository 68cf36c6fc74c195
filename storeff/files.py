"""Reading a file that somebody named: as much as it may hold, and never a device."""

import errno
import os
import select
import stat
from pathlib import Path

from storeff.errors import StoreffError
from storeff.text import escaped
from storeff.units import format_bytes

READ_BYTES = 1 << 20


def read_bounded(path: Path, max_bytes: int, what: str) -> bytes:
    """All of ``path``: a regular file, a pipe, or what is typed at a terminal.

    ``what`` names what is expected there, such as "report". Raises StoreffError if it cannot be
    read, holds more than ``max_bytes``, is a device, or a FIFO that nothing writes to.
    """
    shown = escaped(os.fspath(path))
    try:
        # A FIFO would otherwise be waited for, perhaps forever.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
        try:
            status = os.fstat(fd)
            if _is_device(fd, status):
                raise StoreffError(f"{shown} is a device, not a {what}", f"name a {what}")
            content = b"" if status.st_size > max_bytes else _read(fd, status, max_bytes + 1)
        finally:
            os.close(fd)
    except OSError as error:
        remedy = "check the spelling" if error.errno == errno.ENOENT else f"name a {what}"
        raise StoreffError(f"cannot read {shown}: {error.strerror}", remedy) from error
    if max(len(content), status.st_size) > max_bytes:
        raise StoreffError(
            f"{shown} is larger than {format_bytes(max_bytes)}, more than a {what} can hold",
            f"name a {what}",
        )
    if not content and stat.S_ISFIFO(status.st_mode):
        raise StoreffError(f"nothing writes to {shown}, a pipe", "start what writes to it first")
    return content


def _is_device(fd: int, status: os.stat_result) -> bool:
    typed = stat.S_ISCHR(status.st_mode) and os.isatty(fd)
    return stat.S_ISBLK(status.st_mode) or (stat.S_ISCHR(status.st_mode) and not typed)


def _read(fd: int, status: os.stat_result, size_bytes: int) -> bytes:
    """Up to ``size_bytes`` of ``fd``, waiting for what is still to be written to a pipe."""
    content = bytearray()
    while len(content) < size_bytes:
        try:
            read = os.read(fd, min(READ_BYTES, size_bytes - len(content)))
        except BlockingIOError:
            if stat.S_ISREG(status.st_mode):
                raise
            select.select([fd], [], [])
            continue
        if not read:
            break
        content += read
    return bytes(content)
