"""Which units of which files a partial scan reads, and in what order.

A unit is an aligned stretch of a file, or a small file whole. It has a place in (0, 1], a hash of
what its file has in common with others and of the unit's number; a scan at rate p reads the units
whose place is below p, in ascending order. So a larger sample holds a smaller one; what was read
when the time ran out is the sample at the first place that was not; and aligned copies, in files of
equal size or of equal name as versions of one file are, are read together or not at all:
coordinated sampling by permanent random numbers (Brewer, Early, Joyce, "Selecting several samples
from a single population", Australian Journal of Statistics 14, 1972).
"""

import os
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.scan.plan import ALLOCATION_BYTES
from storeff.sources.piece import Piece

U64 = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# 2^64 / golden ratio, odd: multiplying by it spreads consecutive numbers.
GOLDEN = 0x9E3779B97F4A7C15

# 2^23 counts take 8 MB. They end at COUNT_MAX.
COUNT_BITS = 23
COUNT_MAX = 255
# Units of sparse files that are remembered to hold data take 8 bytes each.
SPARSE_UNITS_HELD = 1 << 22


class Design(msgspec.Struct, frozen=True):
    """How a tree is divided into units.

    ``unit_bytes`` and ``lead_bytes`` are multiples of every fixed block. A file shares its places
    with those of its size and base name; if there are none, with those of its name and about its
    size, as versions of a file are; if none, of its size. More than ``crowd_files``, or more than
    ``version_files`` of different sizes, do not share them: thousands of different files would be
    read all or not at all. Both are less than 255. Against sharing by size alone this made the RMSE
    at 15 % a third of what it was on packages of scripts, and a quarter less on versions of
    packages (tests/bench/partial.py, 2026-11-21).

    Content-defined cutting begins ``lead_bytes`` before a unit, to have found the cuts of the whole
    file when it comes to the unit: 99.7 % of the bytes of units of 1 MiB are then in chunks of 64
    KiB that the whole file has too, with half of it 98.5 %, without it 90 %, and the units of
    archives that are shifted against each other have 0.3 %, 0.9 % and 8 % more distinct bytes than
    the archives (0.7 GB, 2026-11-21).
    """

    seed: int = 1
    unit_bytes: int = 1 << 20
    lead_bytes: int = 256 << 10
    crowd_files: int = 64
    version_files: int = 16


class Shared(NamedTuple):
    """What the files that share places have in common: 64 bits of a name or path, or 0, and their
    size, or its bits; and how many of the size of this file there are among them."""

    key: int
    size: int
    alike: int


class Unit(NamedTuple):
    """Bytes [start, end) of ``piece``, its place, and with what files it shares that."""

    place: float
    piece: Piece
    start: int
    end: int
    shared: Shared

    @property
    def order(self) -> tuple[float, bytes, int]:
        return self.place, self.piece.path, self.start

    @property
    def once_bytes(self) -> int:
        """Its part of the bytes that were left if those files, where of one size, were copies."""
        return (self.end - self.start) // self.shared.alike


@dataclass
class Totals:
    """What the listing tells of all units, read or not: the sum of ``Unit.once_bytes``, by the bits
    of the sizes of files their bytes and about how many places they have, and what fills the last
    ALLOCATION_BYTES of each file."""

    once_bytes: int = 0
    padding_bytes: int = 0
    by_exponent: Counter[int] = field(default_factory=Counter)
    places_by_exponent: defaultdict[int, float] = field(default_factory=lambda: defaultdict(float))

    def count(self, piece: Piece, sizes: Ints, end: int, alike: int) -> None:
        """Count units of ``piece``, of ``sizes`` (n,), the last of which ends at ``end``: one of
        ``alike`` files of its size that share their places."""
        exponent = piece.size_bytes.bit_length()
        self.by_exponent[exponent] += int(sizes.sum())
        self.places_by_exponent[exponent] += len(sizes) / alike
        self.once_bytes += int((sizes // alike).sum())
        if end == piece.size_bytes:
            self.padding_bytes += -end % ALLOCATION_BYTES


class Places:
    """The places of the units of a tree whose files have been counted.

    Units of which it was noted that they are in holes are none: ``skipped_bytes``. ``totals`` are
    those of what units were last selected from.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        self.units = 0
        self.skipped_bytes = 0
        self.totals = Totals()
        # Files by hashes of their size, of their name and of both: the least of two counts, as in a
        # Count-Min sketch. Where all hashes of two collide, their files may be told apart that need
        # not be, which costs some coordination and nothing else.
        self.of_size, self.of_name, self.of_both = (bytearray(1 << COUNT_BITS) for _ in range(3))
        self.sparse: dict[tuple[int, int], Ints] = {}
        self.sparse_units = 0

    def count(self, piece: Piece, data_units: Ints | None = None) -> int:
        """Take note of a file, and of which of its units alone hold data, if known; all files must
        have been before a place is asked for. Returns the bytes that may be drawn from."""
        name = name_hash(piece)
        for counts, key in (
            (self.of_size, piece.size_bytes),
            (self.of_name, name ^ piece.size_bytes.bit_length()),
            (self.of_both, piece.size_bytes ^ name),
        ):
            for at in _bins(key):
                counts[at] = min(counts[at] + 1, COUNT_MAX)
        if data_units is not None and self.sparse_units + len(data_units) <= SPARSE_UNITS_HELD:
            self.sparse[piece.device, piece.inode] = data_units
            self.sparse_units += len(data_units)
        starts, ends = self.bounds(piece)
        drawn_bytes = int((ends - starts).sum())
        self.units += len(starts)
        self.skipped_bytes += piece.size_bytes - drawn_bytes
        return drawn_bytes

    def bounds(self, piece: Piece) -> tuple[Ints, Ints]:
        """(units,) where the units of ``piece`` begin and end; none for an empty file."""
        unit_bytes = self.design.unit_bytes
        numbers = self.sparse.get((piece.device, piece.inode))
        if numbers is None:
            numbers = np.arange(-(-piece.size_bytes // unit_bytes), dtype=np.int64)
        starts = numbers * unit_bytes
        return starts, np.minimum(starts + unit_bytes, piece.size_bytes)

    def shared_by(self, piece: Piece) -> Shared:
        """What files must have in common with ``piece`` to share its places."""
        size_bytes, name = piece.size_bytes, name_hash(piece)
        both = _counted(self.of_both, size_bytes ^ name)
        if 2 <= both <= self.design.crowd_files:
            return Shared(name, size_bytes, both)
        bits = size_bytes.bit_length()
        if 2 <= _counted(self.of_name, name ^ bits) <= self.design.version_files:
            return Shared(name, bits, both)
        of_size = _counted(self.of_size, size_bytes)
        if 2 <= of_size <= self.design.crowd_files:
            return Shared(0, size_bytes, of_size)
        return Shared(path_hash(piece), size_bytes, 1)

    def select(self, pieces: Iterable[Piece], low: float, high: float) -> Iterator[Unit]:
        """The units of ``pieces`` with a place in [low, high), in the order of the pieces."""
        totals = Totals()
        for piece in pieces:
            shared = self.shared_by(piece)
            starts, ends = self.bounds(piece)
            sizes = ends - starts
            totals.count(piece, sizes, int(ends[-1]) if len(ends) else 0, shared.alike)
            at = places(
                np.full(len(starts), shared.size, np.uint64),
                starts.astype(np.uint64) // np.uint64(self.design.unit_bytes),
                np.full(len(starts), shared.key, np.uint64),
                self.design.seed,
            )
            for index in np.flatnonzero((low <= at) & (at < high)).tolist():
                yield Unit(float(at[index]), piece, int(starts[index]), int(ends[index]), shared)
        self.totals = totals


def places(size: U64, number: U64, key: U64, seed: int) -> Floats:
    """(n,) places of units: numbers of the units, and ``Shared`` of their files."""
    keys = np.column_stack((size, number * np.uint64(GOLDEN) ^ key))
    return _native.rank(keys, np.ones(len(keys), np.uint64), seed)


def name_hash(piece: Piece) -> int:
    """64 bits of a file's base name."""
    return int.from_bytes(_native.fingerprint(os.path.basename(piece.path))[:8], "big")


def path_hash(piece: Piece) -> int:
    """64 bits of a file's path."""
    return int.from_bytes(_native.fingerprint(piece.path)[:8], "big")


def _counted(counts: bytearray, key: int) -> int:
    return min(counts[at] for at in _bins(key))


def _bins(key: int) -> set[int]:
    hashed = key * GOLDEN & 0xFFFF_FFFF_FFFF_FFFF
    mask = (1 << COUNT_BITS) - 1
    return {hashed >> (64 - COUNT_BITS), hashed >> (64 - 2 * COUNT_BITS) & mask}
