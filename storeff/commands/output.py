"""Where -o puts the report: looked at before anything is read, and never a loss of what is there.

A regular file is replaced as a whole, under its own name, mode and owner; anything else (a device,
a FIFO, a descriptor such as bash makes of ``>(gzip)``) is written into and stays what it is.
"""

import contextlib
import errno
import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from storeff.errors import StoreffError
from storeff.interrupts import undo
from storeff.text import escaped

STDOUT, STDERR = 1, 2
# A FIFO that nobody reads would be waited for without end, and the report with it.
READER_SECONDS = 5.0
# No more are ever open; a name that asks for more asks for one that is not.
DESCRIPTOR_MAX = 2**31 - 1
# Links that lead to one another are followed as often as Linux does.
LINKS_MAX = 40
# What keeps a file from being replaced where it may still be written: a directory that takes no
# new names, a sticky one, or a file that is a mount point, as containers make them.
# An owner who is not known here (EINVAL) cannot be kept either.
_NOT_REPLACED = (*(errno.EACCES, errno.EBUSY, errno.EINVAL, errno.EPERM, errno.EROFS, errno.EXDEV),)


@dataclass(frozen=True)
class Output:
    """``shown`` is the path as it was given, ``path`` with its links followed. ``descriptor`` is
    the open file that it stands for, None if it is a name in a file system."""

    shown: str
    path: str
    descriptor: int | None

    @property
    def is_stdout(self) -> bool:
        """Whether the report is the one thing to print on stdout."""
        return self.descriptor == STDOUT

    def refuse_if_read(
        self,
        inputs: Iterable[Path],
        *,
        exclude: Sequence[str] = (),
        one_file_system: bool = False,
    ) -> None:
        """Raises StoreffError if this is one of ``inputs``, or lies or would lie in a directory of
        them and is not left out: a report there replaces data, or is data to the next scan."""
        status = _status(self.path)
        special = status is not None and not stat.S_ISREG(status.st_mode)
        if special or self.descriptor in (STDOUT, STDERR):
            return
        for read in inputs:
            try:
                above = os.stat(read)
            except OSError:
                # Whoever reads it says so.
                continue
            shown = escaped(os.fspath(read))
            if not stat.S_ISDIR(above.st_mode):
                if status is not None and os.path.samestat(status, above):
                    raise StoreffError(
                        f"-o {self.shown} would replace {shown}, which is read",
                        "write the report somewhere else",
                    )
                continue
            inside = _path_within(self.path, above)
            if inside is not None:
                device = os.stat(os.path.dirname(self.path)).st_dev
                other = one_file_system and device != above.st_dev
                if not other and not _left_out(inside, exclude):
                    raise StoreffError(
                        f"-o {self.shown} is in {shown}, all of which is read",
                        "write the report somewhere else, or leave it out with --exclude "
                        + escaped(os.path.basename(inside)),
                    )
            elif status is not None and _has_name_in(
                self.path, status, os.fspath(read), exclude, one_file_system
            ):
                raise StoreffError(
                    f"-o {self.shown} is a name of a file in {shown}, all of which is read",
                    "write the report somewhere else",
                )

    def try_name(self) -> None:
        """Raises StoreffError if no file can be made where this one is to be: what a quota or the
        kind of file system forbids shows only then."""
        if self.descriptor is None and _status(self.path) is None:
            try:
                name = _temporary(self.path)
                os.close(_created(name, 0o600))
                os.unlink(name)
            except OSError as error:
                raise refused(self.shown, self.path, error) from error

    def write(self, document: bytes) -> None:
        """Write ``document``. Raises StoreffError if it could not be, or not all of it."""
        try:
            if self.descriptor is not None:
                _write_into(os.dup(self.descriptor), document)
                return
            status = _status(self.path)
            if status is None or stat.S_ISREG(status.st_mode):
                _put(self.path, status, document)
            elif stat.S_ISFIFO(status.st_mode):
                _write_into(_open_fifo(self.path), document)
            else:
                _write_into(os.open(self.path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOCTTY), document)
        except OSError as error:
            raise refused(self.shown, self.path, error) from error

    def check(self) -> None:
        """Raises StoreffError if ``write`` is bound to fail."""
        try:
            if self.descriptor is not None:
                if fcntl.fcntl(self.descriptor, fcntl.F_GETFL) & os.O_ACCMODE == os.O_RDONLY:
                    raise StoreffError(f"cannot write {self.shown}: it is not open for writing")
                return
            status = _status(self.path)
            if self.shown.endswith("/") or (status and stat.S_ISDIR(status.st_mode)):
                raise OSError(errno.EISDIR, os.strerror(errno.EISDIR))
            if status is None:
                _check_directory(os.path.dirname(self.path))
            elif stat.S_ISREG(status.st_mode):
                os.close(os.open(self.path, os.O_WRONLY | os.O_CLOEXEC))
            elif stat.S_ISBLK(status.st_mode):
                raise StoreffError(
                    f"{self.shown} is a block device, whose contents a report would destroy",
                    "name a file",
                )
            elif stat.S_ISSOCK(status.st_mode):
                raise OSError(errno.ENXIO, "it is a socket")
            elif not os.access(self.path, os.W_OK, effective_ids=True):
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        except OSError as error:
            raise refused(self.shown, self.path, error) from error


class OutputFile(click.ParamType[Output]):
    """Where to write the report; ``-`` is stdout. What cannot be written is refused at once."""

    name = "file"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Output:
        if isinstance(value, Output):
            return value
        output = output_at(value)
        output.check()
        return output


def refused(shown: str, path: str, error: OSError) -> StoreffError:
    """What to say of an output that ``error`` keeps from being written."""
    remedy = "name another file with -o"
    if not os.path.isdir(directory := os.path.dirname(path)):
        remedy = f"make the directory {escaped(directory)} first"
    return StoreffError(f"cannot write {shown}: {error.strerror}", remedy)


def output_at(name: str) -> Output:
    """The output that is called ``name``. Raises StoreffError if nothing can have that name."""
    shown = escaped(name)
    if name == "-":
        return Output(shown, name, STDOUT)
    path = os.path.realpath(name)
    descriptor = _descriptor(name)
    try:
        status = _status(path) if descriptor is None else os.fstat(descriptor)
    except OSError as error:
        raise refused(shown, path, error) from error
    # Replaced under its name, a file that stdout is redirected to would take what is printed there
    # with it.
    if status is not None and stat.S_IFMT(status.st_mode) in (stat.S_IFREG, stat.S_IFIFO):
        same = (n for n in (STDOUT, STDERR) if os.path.samestat(status, os.fstat(n)))
        descriptor = next(same, descriptor)
    return Output(shown, path, descriptor)


def _descriptor(path: str) -> int | None:
    """The open descriptor that ``path`` is a name of, such as /dev/stdout or /dev/fd/63."""
    own = os.path.realpath("/proc/self/fd")
    for _ in range(LINKS_MAX):
        directory, name = os.path.split(path)
        directory = os.path.realpath(directory)
        if directory == own and name.isdecimal():
            return min(int(name), DESCRIPTOR_MAX)
        try:
            path = os.path.join(directory, os.readlink(os.path.join(directory, name)))
        except OSError:
            return None
    return None


def _status(path: str) -> os.stat_result | None:
    """What ``path`` leads to; None if nothing is there."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _check_directory(path: str) -> None:
    """Raises OSError if no file can be made in ``path``; nothing is tried, as it may be a directory
    that is to be scanned."""
    if os.statvfs(path).f_flag & os.ST_RDONLY:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))
    if not os.access(path, os.W_OK | os.X_OK, effective_ids=True):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


def _path_within(path: str, directory: os.stat_result) -> str | None:
    """``path`` from ``directory`` on, under whatever name it is mounted; None if not inside it."""
    above = os.path.dirname(path)
    while True:
        status = _status(above)
        if status is not None and os.path.samestat(status, directory):
            return os.path.relpath(path, above)
        if above == os.path.dirname(above):
            return None
        above = os.path.dirname(above)


def _left_out(inside: str, exclude: Sequence[str]) -> bool:
    """Whether a scan that is told ``exclude`` does not come to ``inside``, a path from its root."""
    from storeff.sources.tree import exclusion

    excluded = exclusion(exclude)
    names = inside.split("/")
    return any(
        excluded(name, "/".join(names[: depth + 1]), depth + 1 < len(names))
        for depth, name in enumerate(names)
    )


def _has_name_in(
    path: str, status: os.stat_result, root: str, exclude: Sequence[str], one_file_system: bool
) -> bool:
    """Whether the file at ``path`` has another name, or is mounted, under ``root``. The tree is
    listed where it may be: a hard link, or another mount of the same file system."""
    from storeff.sources.entry import Entry
    from storeff.sources.tree import LocalTree

    mounted_again = os.stat(root).st_dev == status.st_dev and _mount(path) != _mount(root)
    if status.st_nlink == 1 and not mounted_again:
        return False
    identity = (status.st_dev, status.st_ino)
    return any(
        isinstance(found, Entry) and found.version[:2] == identity
        for found in LocalTree([root], one_file_system=one_file_system, exclude=exclude).list()
    )


def _mount(path: str) -> str:
    """What the kernel calls the mount that ``path`` is in (proc(5), /proc/pid/fdinfo)."""
    fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        lines = Path(f"/proc/self/fdinfo/{fd}").read_text("ascii").splitlines()
    finally:
        os.close(fd)
    return next(line for line in lines if line.startswith("mnt_id:"))


def _put(path: str, status: os.stat_result | None, document: bytes) -> None:
    """``document`` as the content of the regular file at ``path``, of which ``status`` is told if
    it is there: by replacing it, or in place where that would need more rights than writing."""
    try:
        _replace(path, status, document)
    except OSError as error:
        if status is None or error.errno not in _NOT_REPLACED:
            raise
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        with open(fd, "wb", buffering=0) as file:
            _write_all(fd, document)
            file.truncate(len(document))
            os.fsync(fd)


def _replace(path: str, status: os.stat_result | None, document: bytes) -> None:
    """Have ``path`` hold its old content or ``document`` at any time, and after a power cut."""
    temporary = _temporary(path)

    def remove() -> None:
        with contextlib.suppress(OSError):
            os.unlink(temporary)

    undo.append(remove)
    try:
        fd = _created(temporary, 0o666 if status is None else 0o600)
        with open(fd, "wb", buffering=0):
            if status is not None:
                _take_after(fd, status)
            _write_all(fd, document)
            os.fsync(fd)
        os.replace(temporary, path)
    except OSError:
        remove()
        raise
    finally:
        undo.remove(remove)
    _sync_directory(os.path.dirname(path))


def _temporary(path: str) -> str:
    return os.path.join(os.path.dirname(path), f".storeff-{secrets.token_hex(8)}")


def _created(path: str, mode: int) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)


def _take_after(fd: int, status: os.stat_result) -> None:
    """Give the file open at ``fd`` the owner and the mode of ``status``."""
    made = os.fstat(fd)
    if (made.st_uid, made.st_gid) != (status.st_uid, status.st_gid):
        os.fchown(fd, status.st_uid, status.st_gid)
    os.fchmod(fd, stat.S_IMODE(status.st_mode))


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


def _open_fifo(path: str) -> int:
    """The FIFO at ``path`` for writing, once somebody reads it. Raises OSError if nobody does."""
    late_at = time.monotonic() + READER_SECONDS
    while True:
        try:
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            if time.monotonic() >= late_at:
                raise OSError(errno.ENXIO, "nobody reads the FIFO") from error
            time.sleep(0.05)
        else:
            os.set_blocking(fd, True)
            return fd


def _write_into(fd: int, document: bytes) -> None:
    """Write ``document`` to ``fd`` and close it."""
    with open(fd, "wb", buffering=0):
        _write_all(fd, document)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            os.fsync(fd)


def _write_all(fd: int, document: bytes) -> None:
    left = memoryview(document)
    while left:
        left = left[os.write(fd, left) :]
