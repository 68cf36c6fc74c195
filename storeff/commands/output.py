"""Where -o, --html and --xlsx put a report: looked at before anything is read, and never a loss of
what is there.

A regular file is replaced as a whole, under its own name, mode and owner; anything else (a device,
a FIFO, a descriptor such as bash makes of ``>(gzip)``) is written into and stays what it is.
"""

import contextlib
import errno
import fcntl
import os
import stat
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

from storeff.errors import StoreffError
from storeff.files import create, replace_file, temporary_name, write_all
from storeff.text import escaped

STDOUT, STDERR = 1, 2
# A FIFO that nobody reads would be waited for without end, and the report with it.
READER_SECONDS = 5.0
# What keeps a file from being replaced where it may still be written: a directory that takes no
# new names, a sticky one, or a file that is a mount point, as containers make them.
# An owner who is not known here (EINVAL) cannot be kept either.
_NOT_REPLACED = {errno.EACCES, errno.EBUSY, errno.EINVAL, errno.EPERM, errno.EROFS, errno.EXDEV}


class Output:
    """Where ``option`` writes. ``shown`` is the path as it was given, ``path`` with its links
    followed. ``descriptor`` is the file that the caller holds open there, such as stdout; None if
    none is."""

    def __init__(self, name: str, option: str = "-o") -> None:
        if not name:
            raise StoreffError(f"{option} is given an empty name", "name a file; - is stdout")
        self.option = option
        self.shown = escaped(name)
        self.path = os.path.realpath(name)
        try:
            self.descriptor = STDOUT if name == "-" else _held_open(name)
        except OSError as error:
            raise self._refusal(error) from error

    @property
    def is_stdout(self) -> bool:
        """Whether the report is the one thing to print on stdout."""
        return self.descriptor == STDOUT

    def check(
        self, inputs: Iterable[Path], *, exclude: Sequence[str] = (), one_file_system: bool = False
    ) -> None:
        """Raises StoreffError if ``write`` is bound to fail, as far as trying shows, or if this is
        one of ``inputs``, or lies or would lie in a directory of them and is not left out: a report
        there replaces data, or is data to the next scan."""
        try:
            if self.descriptor is None:
                self._check_kind()
                for each in inputs:
                    self.check_is_not_read(each, exclude, one_file_system)
                if _status(self.path) is None:
                    # What a quota or the kind of file system forbids shows only then.
                    name = temporary_name(self.path)
                    os.close(create(name, 0o600))
                    os.unlink(name)
            elif not is_writable(self.descriptor):
                raise StoreffError(f"cannot write {self.shown}: it is not open for writing")
        except OSError as error:
            raise self._refusal(error) from error

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
            raise self._refusal(error) from error

    def _refusal(self, error: OSError) -> StoreffError:
        remedy = f"name another file with {self.option}"
        if not os.path.isdir(directory := os.path.dirname(self.path)):
            remedy = f"make the directory {escaped(directory)} first"
        return StoreffError(f"cannot write {self.shown}: {error.strerror}", remedy)

    def _check_kind(self) -> None:
        """Raises OSError or StoreffError for what cannot be written to. Nothing is tried in a
        directory, as it may be one that is to be scanned."""
        status = _status(self.path)
        if status is None:
            os.stat(os.path.dirname(self.path))
        if self.shown.endswith("/") or (status and stat.S_ISDIR(status.st_mode)):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if status is None:
            return
        if stat.S_ISREG(status.st_mode):
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

    def check_is_not_read(self, read: Path, exclude: Sequence[str], one_file_system: bool) -> None:
        """Raises StoreffError if writing here changes what is read at ``read``."""
        status = _status(self.path)
        if status is not None and not stat.S_ISREG(status.st_mode):
            return
        try:
            above = os.stat(read)
        except OSError:
            # Whoever reads it says so.
            return
        shown = escaped(os.fspath(read))
        elsewhere = "write the report somewhere else"
        if not stat.S_ISDIR(above.st_mode):
            if status is not None and os.path.samestat(status, above):
                raise StoreffError(
                    f"{self.option} {self.shown} would replace {shown}, which is read", elsewhere
                )
            return
        inside = _path_within(self.path, above)
        if inside is not None:
            device = _device_above(self.path)
            other = one_file_system and device != above.st_dev
            if not other and not _left_out(inside, exclude):
                raise StoreffError(
                    f"{self.option} {self.shown} is in {shown}, all of which is read",
                    f"{elsewhere}, or leave it out with --exclude "
                    + escaped(os.path.basename(inside)),
                )
        elif status is not None and _has_name_in(
            self.path, status, os.fspath(read), exclude, one_file_system
        ):
            raise StoreffError(
                f"{self.option} {self.shown} is a name of a file in {shown}, all of which is read",
                elsewhere,
            )


def is_writable(descriptor: int) -> bool:
    """Whether the open file was given to be written to."""
    return fcntl.fcntl(descriptor, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY


def _held_open(name: str) -> int | None:
    """The descriptor through which the caller has the file ``name`` open for writing, stdout first:
    /dev/stdout, /dev/fd/63, the file that stdout is redirected to. Replaced under its name, such a
    file would take with it what else is written through the descriptor."""
    status = _status(name)
    if status is None:
        return None
    numbers = map(int, os.listdir("/proc/self/fd"))
    for number in sorted(numbers, key=lambda each: (each not in (STDOUT, STDERR), each)):
        # The directory just listed is closed by now.
        with contextlib.suppress(OSError):
            if os.path.samestat(status, os.fstat(number)) and is_writable(number):
                return number
    return None


def _status(path: str) -> os.stat_result | None:
    """What ``path`` leads to; None if nothing is there."""
    try:
        return os.stat(path)
    except FileNotFoundError:
        return None


def _device_above(path: str) -> int:
    """That of the nearest directory above ``path`` that is there."""
    found = (_status(os.fspath(above)) for above in Path(path).parents)
    return next(status.st_dev for status in found if status is not None)


def _path_within(path: str, directory: os.stat_result) -> str | None:
    """``path`` from ``directory`` on, under whatever name it is mounted; None if not inside it."""
    for above in map(str, Path(path).parents):
        status = _status(above)
        if status is not None and os.path.samestat(status, directory):
            return os.path.relpath(path, above)
    return None


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
    from storeff.sources.source import entries
    from storeff.sources.tree import LocalTree

    mounted_again = os.stat(root).st_dev == status.st_dev and _mount(path) != _mount(root)
    if status.st_nlink == 1 and not mounted_again:
        return False
    identity = (status.st_dev, status.st_ino)
    tree = LocalTree([root], one_file_system=one_file_system, exclude=exclude)
    return any(entry.version[:2] == identity for entry in entries(tree))


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
        replace_file(path, document, status)
    except OSError as error:
        if status is None or error.errno not in _NOT_REPLACED:
            raise
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        with open(fd, "wb", buffering=0) as file:
            write_all(fd, document)
            file.truncate(len(document))
            os.fsync(fd)


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
        write_all(fd, document)
        if stat.S_ISREG(os.fstat(fd).st_mode):
            os.fsync(fd)
