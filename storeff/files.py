"""Files that somebody named: read up to what they may hold, and never a device; replaced whole."""

import contextlib
import errno
import os
import secrets
import select
import stat
from pathlib import Path

from storeff.errors import StoreffError
from storeff.interrupts import undo
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


def replace_file(path: str, document: bytes, like: os.stat_result | None = None) -> None:
    """Have ``path`` hold its old content or ``document`` at any time, and after a power cut.

    The file takes the owner and the mode of ``like``, None: those of any new file. Raises OSError.
    """
    temporary = temporary_name(path)

    def remove() -> None:
        with contextlib.suppress(OSError):
            os.unlink(temporary)

    undo.append(remove)
    try:
        fd = create(temporary, 0o666 if like is None else 0o600)
        with open(fd, "wb", buffering=0):
            if like is not None:
                made = os.fstat(fd)
                if (made.st_uid, made.st_gid) != (like.st_uid, like.st_gid):
                    os.fchown(fd, like.st_uid, like.st_gid)
                os.fchmod(fd, stat.S_IMODE(like.st_mode))
            write_all(fd, document)
            os.fsync(fd)
        os.replace(temporary, path)
    except OSError:
        remove()
        raise
    finally:
        undo.remove(remove)
    _sync_directory(os.path.dirname(path))


def temporary_name(path: str) -> str:
    """A name beside ``path`` that no file has."""
    return os.path.join(os.path.dirname(path), f".storeff-{secrets.token_hex(8)}")


def create(path: str, mode: int) -> int:
    """The descriptor of a new file. Raises OSError."""
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)


def write_all(fd: int, document: bytes) -> None:
    """Write all of ``document``. Raises OSError."""
    left = memoryview(document)
    while left:
        left = left[os.write(fd, left) :]


def _sync_directory(path: str) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    except OSError as error:
        # Some file systems have nothing to sync of a directory, and say so.
        if error.errno not in (errno.EINVAL, errno.EOPNOTSUPP):
            raise
    finally:
        os.close(fd)
