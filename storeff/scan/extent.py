"""Extents: aligned stretches of files, or small files whole; what a scan hands to its workers."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from storeff.sources.entry import Entries, Entry, Rows
from storeff.sources.sums import Ints

Floats = npt.NDArray[np.float64]


class Extent(NamedTuple):
    """Bytes [start, end) of ``entry``, and their sampling rank, 0 in a full scan. ``once_bytes``:
    its part of the bytes that were left if the files that share the rank, where of one size, were
    copies (its nominal unique bytes)."""

    rank: float
    entry: Entry
    start: int
    end: int
    once_bytes: int = 0


# Of Extents: what an Extent says besides its entry.
EXTENT: np.dtype[np.void] = np.dtype(
    [("rank", "f8"), ("start", "i8"), ("end", "i8"), ("once_bytes", "i8")]
)


@dataclass(frozen=True, eq=False)
class Extents:
    """Extents as columns: each one of ``entries`` (n,) and a record of EXTENT in ``rows`` (n,); a
    sequence of Extent."""

    entries: Entries
    rows: Rows

    @classmethod
    def of(
        cls, entries: Entries, ranks: Floats, starts: Ints, ends: Ints, once_bytes: Ints
    ) -> "Extents":
        rows = np.empty(len(entries), EXTENT)
        rows["rank"], rows["once_bytes"] = ranks, once_bytes
        rows["start"], rows["end"] = starts, ends
        return cls(entries, rows)

    @classmethod
    def whole(cls, entries: Entries) -> "Extents":
        """Files as a full scan reads them."""
        rows = np.zeros(len(entries), EXTENT)
        rows["end"] = entries.sizes
        return cls(entries, rows)

    @classmethod
    def joined(cls, parts: Sequence["Extents"]) -> "Extents":
        """All of ``parts``, of one source, in their order."""
        rows = np.concatenate([np.empty(0, EXTENT), *(part.rows for part in parts)])
        return cls(Entries.joined([part.entries for part in parts]), rows)

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> Extent:
        return next(iter(self.part(row, row + 1)))

    def __iter__(self) -> Iterator[Extent]:
        for entry, (rank, *bounds) in zip(self.entries, self.rows.tolist(), strict=True):
            yield Extent(rank, entry, *bounds)

    @property
    def ranks(self) -> Floats:
        """(n,) sampling ranks."""
        ranks: Floats = self.rows["rank"]
        return ranks

    @property
    def sizes(self) -> Ints:
        """(n,) bytes."""
        sizes: Ints = self.rows["end"] - self.rows["start"]
        return sizes

    def part(self, start: int, end: int) -> "Extents":
        """Rows [start, end)."""
        return Extents(self.entries.part(start, end), self.rows[start:end])

    def take(self, which: Ints) -> "Extents":
        """The rows ``which`` (m,), in that order."""
        return Extents(self.entries.take(which), self.rows[which])

    def batches(
        self, extents_max: int, bytes_max: int, least_bytes: int
    ) -> Iterator[tuple["Extents", int]]:
        """All in their order, so many at a time, and the bytes of work that they are: those of the
        extents, ``least_bytes`` for each at least, and of their paths, as one that is thousands of
        directories deep takes more than a small file. A batch ends with the extent that fills it.
        """
        work = np.cumsum(np.maximum(self.sizes, least_bytes) + self.entries.path_bytes)
        start, before = 0, 0
        while start < len(self):
            end = int(np.searchsorted(work, before + bytes_max)) + 1
            end = min(end, start + extents_max, len(self))
            until = int(work[end - 1])
            yield self.part(start, end), until - before
            start, before = end, until
