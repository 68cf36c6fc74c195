"""The seam between where bytes are stored and what is done with them.

A ``Source`` lists objects and opens them. Local trees are one (storeff.sources.tree), objects in
memory another (storeff.testing, where ``check_source`` checks any source against what stands here).
"""

import errno
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np

from storeff import _native
from storeff.sources.entry import Entries, Entry, Rows
from storeff.sources.skipped import ChangedError, Ignored, Skipped

# Holes are reported in whole aligned granules of this size, the largest block that a chunker cuts,
# so that blocks lie where they would without the hole.
HOLE_BYTES = 128 << 10

Found = Entries | Skipped | Ignored

# Of Ranges: bytes [start, end), and how much of the first data.
RANGE: np.dtype[np.void] = np.dtype(_native.RANGE_FIELDS)
# Of RangesRead: where in the buffer, as in RangeRead; what a source notes of its own, 0 else.
READ: np.dtype[np.void] = np.dtype(_native.READ_FIELDS)


class Reader(Protocol):
    """An open object. Its methods raise OSError; ChangedError if the object is another now."""

    @property
    def descriptor(self) -> int | None:
        """A file descriptor to read from directly, its position undefined; None if there is none.
        The reader closes it."""

    def segments(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        """(offset, length, is hole) over bytes [start, end), in order and without gaps.

        A hole is whole aligned granules of HOLE_BYTES, as far as they lie in [start, end). What is
        left of it reads as zeros. A source that knows no holes gives one segment of data.
        """

    def read_into(self, view: memoryview, offset: int) -> int:
        """Read at ``offset`` into ``view``: how many bytes, fewer than asked for perhaps, 0 only at
        the end of the object."""

    def is_unchanged(self) -> bool:
        """Whether what was read since the object was opened is what was listed."""


class Range(NamedTuple):
    """Bytes [start, end) of an object, and up to ``head_bytes`` of its first data as well."""

    entry: Entry
    start: int
    end: int
    head_bytes: int = 0


@dataclass(frozen=True, eq=False)
class Ranges:
    """Many ranges as columns: of each of ``entries`` (n,), ``bounds`` (n,) are records of RANGE."""

    entries: Entries
    bounds: Rows

    @classmethod
    def of(cls, ranges: Iterable[Range]) -> "Ranges":
        ranges = list(ranges)
        bounds = np.array([(start, end, head) for _, start, end, head in ranges], RANGE)
        return cls(Entries.of(each.entry for each in ranges), bounds)

    def __len__(self) -> int:
        return len(self.bounds)

    def part(self, start: int, end: int) -> "Ranges":
        return Ranges(self.entries.part(start, end), self.bounds[start:end])


class RangeRead(NamedTuple):
    """What became of a range: from ``offset`` on its head lies in the buffer, then its data.

    ``error`` is why these are not all, or not what was listed. One that ``has_holes`` was not
    read: its segments are.
    """

    offset: int
    head_length: int
    length: int
    error: OSError | None = None
    has_holes: bool = False


@dataclass(frozen=True, eq=False)
class RangesRead:
    """What became of the first ranges of some, as columns; a sequence of RangeRead.

    ``rows`` (m,) are records of READ; ``errors`` and ``with_holes`` are by row, and few.
    """

    rows: Rows
    errors: dict[int, OSError]
    with_holes: frozenset[int]

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[RangeRead]:
        for row, (offset, head_length, length, *_) in enumerate(self.rows.tolist()):
            of_row = self.errors.get(row), row in self.with_holes
            yield RangeRead(offset, head_length, length, *of_row)


@runtime_checkable
class Source(Protocol):
    """Where objects are listed and read. May be used from several threads."""

    @property
    def roots(self) -> Sequence[bytes]:
        """The names of the roots, each once, in the order given. Their positions identify them."""

    def list(self) -> Iterator[Found]:
        """Every object once, many at a time, and everything that is not measured, in any order."""

    def open(self, entry: Entry) -> AbstractContextManager[Reader]:
        """Open ``entry``. Raises OSError; ChangedError if it is known to be another object now."""

    def read_ranges(self, ranges: Ranges, buffer: memoryview) -> RangesRead:
        """Read ``ranges``, small objects or parts of large ones, into ``buffer``, one after the
        other, until the next does not fit.

        One result for each that was dealt with: the first at least, if ``buffer`` is as large. What
        cannot be read costs that range only.
        """

    def read_beside(self, entry: Entry, relative: bytes, bytes_max: int) -> bytes | None:
        """The content of the small object at ``relative`` to the folder of ``entry``; None if there
        is none of up to ``bytes_max`` there, under the same root."""

    def name(self, entry: Entry) -> bytes:
        """The full name of ``entry``, for people."""


def fill(reader: Reader, view: memoryview, offset: int) -> None:
    """Read at ``offset`` until ``view`` is full. Raises OSError, ChangedError if it cannot be."""
    got = 0
    while got < len(view):
        count = reader.read_into(view[got:], offset + got)
        if not count:
            raise ChangedError(errno.ESTALE, "shrank while it was read")
        got += count


def read_range(reader: Reader, offset: int, length: int) -> bytes:
    """Bytes [offset, offset + length). Raises as ``fill`` does."""
    content = bytearray(length)
    fill(reader, memoryview(content), offset)
    return bytes(content)


def read_head(reader: Reader, size_bytes: int, head_bytes: int) -> bytes:
    """Up to ``head_bytes`` of the first data of an object of ``size_bytes``; empty if it has none.

    Raises OSError, ChangedError.
    """
    for offset, length, is_hole in reader.segments(0, size_bytes):
        if not is_hole:
            return read_range(reader, offset, min(length, head_bytes))
    return b""


def entries(source: Source) -> Iterator[Entry]:
    """Every object of ``source``, one at a time, for who looks for a few."""
    for found in source.list():
        if isinstance(found, Entries):
            yield from found


def read_each(source: Source, ranges: Ranges, buffer: memoryview) -> RangesRead:
    """Source.read_ranges for a source that has no faster way: each object is opened and read."""
    made: list[tuple[int, int, int, int, int]] = []
    errors: dict[int, OSError] = {}
    with_holes: list[int] = []
    at = 0
    for row, entry in enumerate(ranges.entries):
        start, end, head_bytes = ranges.bounds[row].tolist()
        view = buffer[at : at + head_bytes + end - start]
        if len(view) < head_bytes + end - start:
            break
        head, length = b"", 0
        try:
            with source.open(entry) as reader:
                if any(is_hole for _, _, is_hole in reader.segments(start, end)):
                    with_holes.append(row)
                else:
                    if head_bytes:
                        head = read_head(reader, entry.size_bytes, head_bytes)
                        view[: len(head)] = head
                    fill(reader, view[len(head) : len(head) + end - start], start)
                    length = end - start
                    if not reader.is_unchanged():
                        errors[row] = ChangedError(errno.ESTALE, "changed since it was listed")
        except OSError as caught:
            head, length, errors[row] = b"", 0, caught
        made.append((at, len(head), length, 0, 0))
        at += len(head) + length
    return RangesRead(np.array(made, READ), errors, frozenset(with_holes))
