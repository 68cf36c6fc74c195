"""Names in a file, in place of a walk: what is to be scanned, one name a line.

A list may be longer than memory: it is read in blocks, and again for each listing. Which names are
there twice is found out before, unless they are in ascending order, in which none can be.
"""

import codecs
import errno
import operator
import os
import shutil
import stat
import weakref
from collections.abc import Iterator
from itertools import islice
from typing import Any, BinaryIO

from storeff.errors import StoreffError, UsageError
from storeff.sources.object_url import Place, is_url, parse_url
from storeff.sources.repeats import Repeats
from storeff.sources.temporary import ROOM, place, temporary_file
from storeff.text import escaped, excerpt

BLOCK_BYTES = 1 << 20
# Names that end in a carriage return of which it is looked whether they are there.
RETURNS_TRIED = 64


class NameList:
    """The names in the file ``path``, or on stdin if that is ``-``: each ends at a newline, or at a
    NUL if it is ``nul_separated``, and nothing in it means anything else. Empty ones are no names.

    They are all local paths, relative ones to the current directory, or all URLs of objects.
    ``folder`` is the deepest directory that all local ones are in, ``buckets`` are those of URLs,
    each with the first key in it.

    What cannot be read twice (a pipe) is copied to a temporary file. Raises StoreffError if the
    list cannot be read or kept, or holds no name; UsageError if a name is of the other kind, or if
    names have what is part of none: a byte order mark, or carriage returns.
    """

    def __init__(self, path: str | os.PathLike[str], *, nul_separated: bool = False) -> None:
        self.path = os.fspath(path)
        self.shown = "stdin" if self.path == "-" else escaped(self.path)
        self.end = b"\0" if nul_separated else b"\n"
        self.here = os.path.join(os.getcwdb(), b"")
        try:
            self.fd: int | None = self._opened()
            weakref.finalize(self, os.close, self.fd)
            self.start = os.lseek(self.fd, 0, os.SEEK_CUR)
        except OSError as error:
            raise StoreffError(
                f"{self.shown} cannot be read: {error.strerror}", "name a file of names"
            ) from error
        self.as_opened = self._state()
        self._check_encoding()
        first = next(self._blocks(), None)
        if first is None:
            raise StoreffError(f"{self.shown} holds no names", "write one file a line into it")
        self.are_urls = is_url(os.fsdecode(first[0]))
        self.folder = b""
        self.buckets: dict[tuple[str, str], str] = {}
        self.repeats = self._looked_through()

    def __getstate__(self) -> dict[str, Any]:
        """Elsewhere files are read that were listed here: it is only a name there."""
        return {"path": self.path, "fd": None}

    @property
    def has_lines(self) -> bool:
        """Whether each name ends at a newline."""
        return self.end == b"\n"

    @property
    def is_changed(self) -> bool:
        """Whether it was written to since it was opened."""
        return self._state() != self.as_opened

    def read(self) -> Iterator[tuple[bytes, bool]]:
        """Every name, as an absolute path or a whole URL, and whether it has come before."""
        reading = self.repeats.reading()
        for names in self._names():
            again = reading.again(names)
            yield from ((name, row in again) for row, name in enumerate(names))

    def holds(self, path: bytes) -> bool:
        """Whether the absolute ``path`` is one of the names."""
        return not self.are_urls and any(path in names for names in self._names())

    def _looked_through(self) -> Repeats:
        """Look at all names once; and, if they are in no ascending order, for those that are there
        twice."""
        last, is_ascending = b"", True
        lowest = highest = None
        returns: list[bytes] = []
        for names in self._names():
            if self.has_lines and len(returns) < RETURNS_TRIED:
                returns += [name for name in names if name.endswith(b"\r")]
            ascends = all(map(operator.lt, names, islice(names, 1, None)))
            is_ascending = is_ascending and last < names[0] and ascends
            last = names[-1]
            if not self.are_urls:
                # In this order what is inside a directory stands together.
                ordered = [name.replace(b"/", b"\0") for name in names]
                low, high = min(ordered), max(ordered)
                lowest = low if lowest is None else min(lowest, low)
                highest = high if highest is None else max(highest, high)
        if not self.are_urls:
            self._check_returns(returns[:RETURNS_TRIED])
        if lowest is not None and highest is not None:
            ends = [each.replace(b"\0", b"/") for each in (lowest, highest)]
            self.folder = os.path.commonpath(ends)
            while not os.path.isdir(self.folder):
                self.folder = os.path.dirname(self.folder)
        return Repeats(
            () if is_ascending else self._names(), f"sort the list (LC_ALL=C sort -u), or {ROOM}"
        )

    def _check_returns(self, names: list[bytes]) -> None:
        """Raises UsageError if ``names``, which end in a carriage return, are there without it."""
        if any(map(os.path.lexists, names)):
            return
        bare = next((name[:-1] for name in names if os.path.lexists(name[:-1])), None)
        if bare is not None:
            raise self.returned(os.fsdecode(bare))

    def returned(self, bare: str) -> UsageError:
        """What is wrong where ``bare`` is there, and not what stands in the list. The carriage
        return, with which Windows ends lines, is not taken off: it may be part of a name."""
        return UsageError(
            f"lines of {self.shown} end in a carriage return: {excerpt(bare)} is there, "
            f"{excerpt(bare)}\\r is not",
            "end lines with a newline alone (dos2unix); or names with a NUL, if some do end so",
            "nul-separated",
        )

    def _check_encoding(self) -> None:
        block = self._block(self.start)
        is_utf16 = block.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) and b"\0" in block
        first = block.split(self.end, 1)[0]
        if is_utf16 or (first.startswith(codecs.BOM_UTF8) and not os.path.lexists(first)):
            raise UsageError(
                f"{self.shown} begins with a byte order mark, which is part of no name",
                "save it as UTF-8 without one",
            )

    def _names(self) -> Iterator[list[bytes]]:
        for names in self._blocks():
            yield [self._url(each) if self.are_urls else self._path(each) for each in names]

    def _path(self, name: bytes) -> bytes:
        if not name.startswith(b"/"):
            if b"://" in name and is_url(os.fsdecode(name)):
                raise UsageError(
                    f"{self.shown} holds local paths and the URL {excerpt(os.fsdecode(name))}",
                    "list either in a file of its own; a file called so is ./ and its name",
                )
            name = self.here + name
        if b"//" in name or b"/." in name or name.endswith(b"/"):
            if b".." in name.split(b"/"):
                # What is above a symbolic link is not what stands before it.
                folder, last = os.path.split(name.rstrip(b"/"))
                is_above = last == b".."
                name = os.path.realpath(name if is_above else folder)
                name = name if is_above else os.path.join(name, last)
            name = b"/" + os.path.normpath(name).lstrip(b"/")
        return name

    def _url(self, name: bytes) -> bytes:
        place = self.place(name)
        if not place.folder and place.only is None:
            raise UsageError(f"{place.url} names no object", "list keys, or scan the bucket")
        self.buckets.setdefault((place.scheme, place.bucket), place.folder + (place.only or ""))
        return place.url.encode()

    @staticmethod
    def place(url: bytes) -> Place:
        """What the name ``url`` stands for. Raises StoreffError if it is no URL."""
        return parse_url(url.decode("utf-8", "surrogateescape"))

    def _blocks(self) -> Iterator[list[bytes]]:
        """Names as they stand there, some at a time."""
        assert self.fd is not None, "it is read where it was opened"
        at, left = self.start, b""
        while block := self._block(at):
            at += len(block)
            if self.has_lines and b"\0" in block:
                raise UsageError(
                    f"{self.shown} holds a NUL, which no name does",
                    "say so if that is what stands between the names",
                    "nul-separated",
                )
            *names, left = (left + block).split(self.end)
            if len(left) > BLOCK_BYTES:
                raise StoreffError(
                    f"{self.shown} holds a name of over {BLOCK_BYTES:,} bytes",
                    "give a list of names; if a NUL stands between them, say so",
                    "nul-separated",
                )
            if names := [name for name in names if name]:
                yield names
        if left:
            yield [left]

    def _block(self, at: int) -> bytes:
        assert self.fd is not None
        try:
            return os.pread(self.fd, BLOCK_BYTES, at)
        except OSError as error:
            raise StoreffError(f"{self.shown} cannot be read: {error.strerror}") from error

    def _state(self) -> tuple[int, int]:
        assert self.fd is not None
        status = os.fstat(self.fd)
        return status.st_size, status.st_mtime_ns

    def _opened(self) -> int:
        """A descriptor of the file, or of a copy that can be read again."""
        fd = os.dup(0) if self.path == "-" else os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
        mode = os.fstat(fd).st_mode
        if stat.S_ISREG(mode):
            return fd
        with open(fd, "rb", buffering=0) as found:
            if stat.S_ISDIR(mode):
                raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
            if found.isatty():
                raise StoreffError("no names come from a terminal", "give a file, or pipe names in")
            with _temporary() as copy:
                try:
                    shutil.copyfileobj(found, copy, BLOCK_BYTES)
                    copy.seek(0)
                except OSError as error:
                    raise StoreffError(
                        f"the names from {self.shown} cannot be kept in {escaped(place())}: "
                        f"{error.strerror}",
                        f"write them to a file and name that, or {ROOM}",
                    ) from error
                return os.dup(copy.fileno())


def _temporary() -> BinaryIO:
    try:
        return temporary_file()
    except OSError as error:
        raise StoreffError(
            f"nothing can be kept in {escaped(place())}: {error.strerror}", ROOM
        ) from error
