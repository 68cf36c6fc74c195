"""Which of very many names come more than once, without holding them.

A hash of each name is sorted, on disk if there are many. Only of hashes that come twice more is
held, 16 bytes each, while the names are read.
"""

import mmap
import os
from collections.abc import Iterable, Sequence
from typing import BinaryIO

import numpy as np

from storeff import _native
from storeff.errors import StoreffError
from storeff.sources.entry import U64
from storeff.sources.temporary import ROOM, place, temporary_file
from storeff.text import escaped

# Hashes of so many names are sorted in memory, 32 MB; of more, in a temporary file.
HASHES_HELD = 1 << 22


class Repeats:
    """What is repeated of the names that ``parts`` hold, in any order.

    Raises StoreffError, with ``remedy``, if there is no room for the hashes.
    """

    def __init__(self, parts: Iterable[Sequence[bytes]], remedy: str = ROOM) -> None:
        self.remedy = remedy
        column = self._column(_hashes(part)[:, 0].copy() for part in parts if part)
        column.sort()
        self.hashes = column[: _kept_repeated(column)]
        if len(self.hashes) <= HASHES_HELD:
            # What all hashes took, in memory or on disk, is given back.
            self.hashes = self.hashes.copy()

    def __len__(self) -> int:
        return len(self.hashes)

    def reading(self) -> "Reading":
        """What notices each name that comes again while the names are read once."""
        return Reading(self.hashes, self._empty(len(self.hashes)))

    def _column(self, parts: Iterable[U64]) -> U64:
        """All of ``parts``."""
        held: list[U64] = []
        count = 0
        file: BinaryIO | None = None
        for part in parts:
            held.append(part)
            count += len(part)
            if count > HASHES_HELD:
                try:
                    file = file or temporary_file()
                    for each in held:
                        file.write(each.data)
                except OSError as error:
                    raise self._no_room(count, error) from error
                held.clear()
        if file is None:
            return np.concatenate([np.empty(0, np.uint64), *held])
        with file:
            return self._mapped(file, count)

    def _empty(self, count: int) -> U64:
        """(``count``,) zeros."""
        if count <= HASHES_HELD:
            return np.zeros(count, np.uint64)
        try:
            with temporary_file() as file:
                # Pages that there is no room for would end the process.
                os.posix_fallocate(file.fileno(), 0, 8 * count)
                return self._mapped(file, count)
        except OSError as error:
            raise self._no_room(count, error) from error

    def _mapped(self, file: BinaryIO, count: int) -> U64:
        try:
            file.flush()
            return np.frombuffer(mmap.mmap(file.fileno(), 8 * count), np.uint64)
        except OSError as error:
            raise self._no_room(count, error) from error

    def _no_room(self, count: int, error: OSError) -> StoreffError:
        return StoreffError(
            f"{8 * count:,} bytes to find names that are listed twice cannot be kept in "
            f"{escaped(place())}: {error.strerror}",
            self.remedy,
        )


class Reading:
    """One reading of names of which those with ``hashes`` (n,) are perhaps there twice.

    ``others`` (n,) are 64 more bits of the first name with each hash, once it has come.
    """

    def __init__(self, hashes: U64, others: U64) -> None:
        self.hashes = hashes
        self.others = others

    def again(self, names: Sequence[bytes]) -> set[int]:
        """The places in ``names`` of those that have come before, there or in earlier ones."""
        if not len(self.hashes) or not names:
            return set()
        hashes = _hashes(names)
        at = np.minimum(np.searchsorted(self.hashes, hashes[:, 0]), len(self.hashes) - 1)
        again: set[int] = set()
        # Zero stands for none so far.
        others = hashes[:, 1] | np.uint64(1)
        for row in np.flatnonzero(self.hashes[at] == hashes[:, 0]).tolist():
            slot = at[row]
            if self.others[slot] == others[row]:
                again.add(row)
            elif not self.others[slot]:
                self.others[slot] = others[row]
        return again


def _hashes(names: Sequence[bytes]) -> U64:
    """(n, 2): 64 bits of each name, and 64 more."""
    lengths = np.fromiter(map(len, names), np.int64, len(names))
    starts = np.cumsum(lengths) - lengths
    return _native.fingerprints(b"".join(names), np.column_stack((starts, lengths)))


def _kept_repeated(column: U64) -> int:
    """How many there are of what the ascending ``column`` holds more than once: each is moved to
    its front, once."""
    kept = 0
    for start in range(0, len(column), HASHES_HELD):
        part = column[start : start + HASHES_HELD + 1]
        found = np.unique(part[1:][part[1:] == part[:-1]])
        if kept and len(found) and found[0] == column[kept - 1]:
            found = found[1:]
        column[kept : kept + len(found)] = found
        kept += len(found)
    return kept
