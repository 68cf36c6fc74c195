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
from storeff.scan.holes import data_units, may_have_holes
from storeff.scan.plan import ALLOCATION_BYTES
from storeff.sources.entry import Entry

U64 = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# 2^64 / golden ratio, odd: multiplying by it spreads consecutive numbers.
GOLDEN = 0x9E3779B97F4A7C15

# 2^23 counts take 8 MB. They end at COUNT_MAX.
COUNT_BITS = 23
COUNT_MAX = 255
# Ranges of units that are remembered to hold data take 16 bytes each. Where there are more, files
# are asked again.
RANGES_HELD = 1 << 21
# How many units of a file are looked at together: some 50 bytes each.
NUMBERS_AT_A_TIME = 1 << 20


class Design(msgspec.Struct, frozen=True):
    """How a tree is divided into units.

    ``unit_bytes`` and ``lead_bytes`` are multiples of every fixed block. A file shares its places
    with those of its size and base name; if there are none, with those of its name and about its
    size, as versions of a file are; if none, of its size. More than ``crowd_files``, or more than
    ``version_files`` of different sizes, do not share them: thousands of different files would be
    read all or not at all. Both are less than 255. Against sharing by size alone this made the RMSE
    at 15 % a third of what it was on packages of scripts, and a quarter less on versions of
    packages (bench/accuracy/partial.py, 2026-11-21).

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
    """Bytes [start, end) of ``entry``, its place, and with what files it shares that."""

    place: float
    entry: Entry
    start: int
    end: int
    shared: Shared

    @property
    def order(self) -> tuple[float, bytes, int]:
        return self.place, self.entry.path, self.start

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

    def count(self, entry: Entry, sizes: Ints, end: int, alike: int) -> None:
        """Count units of ``entry``, of ``sizes`` (n,), the last of which ends at ``end``: one of
        ``alike`` files of its size that share their places."""
        exponent = entry.size_bytes.bit_length()
        self.by_exponent[exponent] += int(sizes.sum())
        self.places_by_exponent[exponent] += len(sizes) / alike
        self.once_bytes += int((sizes // alike).sum())
        if end == entry.size_bytes:
            self.padding_bytes += -end % ALLOCATION_BYTES


class Places:
    """The places of the units of a tree whose files have been counted.

    Units that are in holes are none: ``skipped_bytes``. ``totals`` are those of what units were
    last selected from.
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
        self.held: dict[tuple[int, int, int, int], Ints] = {}
        self.held_ranges = 0

    def count(self, entry: Entry) -> int:
        """Take note of a file; all must have been before a place is asked for. Returns the bytes
        that may be drawn from. Raises OSError if it cannot be told which of its units hold data:
        then it has none."""
        name = name_hash(entry)
        for counts, key in (
            (self.of_size, entry.size_bytes),
            (self.of_name, name ^ entry.size_bytes.bit_length()),
            (self.of_both, entry.size_bytes ^ name),
        ):
            for at in _bins(key):
                counts[at] = min(counts[at] + 1, COUNT_MAX)
        unit_bytes = self.design.unit_bytes
        if not may_have_holes(entry, unit_bytes):
            self.units += -(-entry.size_bytes // unit_bytes)
            return entry.size_bytes
        try:
            ranges = data_units(entry, unit_bytes)
        except OSError:
            self.hold(entry, np.empty((0, 2), np.int64))
            raise
        self.hold(entry, ranges)
        drawn_bytes = 0
        for numbers in numbers_in(ranges):
            self.units += len(numbers)
            drawn_bytes += int(self.sizes(entry, numbers).sum())
        self.skipped_bytes += entry.size_bytes - drawn_bytes
        return drawn_bytes

    def hold(self, entry: Entry, ranges: Ints) -> None:
        """Remember which units of a file hold data, if there is room."""
        if self.held_ranges + len(ranges) < RANGES_HELD:
            self.held[_identity(entry)] = ranges
            self.held_ranges += 1 + len(ranges)

    def numbers(self, entry: Entry) -> Iterator[Ints]:
        """The numbers of the units of ``entry`` that hold data, so many at a time; where those were
        not remembered, as they are now."""
        if not may_have_holes(entry, self.design.unit_bytes):
            return iter((np.arange(-(-entry.size_bytes // self.design.unit_bytes)),))
        ranges = self.held.get(_identity(entry))
        if ranges is None:
            try:
                ranges = data_units(entry, self.design.unit_bytes)
            except OSError:
                # Reading the first unit will say why none can be read.
                ranges = np.array([[0, 1]], np.int64)
        return numbers_in(ranges)

    def sizes(self, entry: Entry, numbers: Ints) -> Ints:
        """(n,) bytes of the units of ``entry`` with those ``numbers``."""
        unit_bytes = self.design.unit_bytes
        return np.minimum(unit_bytes, entry.size_bytes - numbers * unit_bytes)

    def shared_by(self, entry: Entry) -> Shared:
        """What files must have in common with ``entry`` to share its places."""
        size_bytes, name = entry.size_bytes, name_hash(entry)
        both = _counted(self.of_both, size_bytes ^ name)
        if 2 <= both <= self.design.crowd_files:
            return Shared(name, size_bytes, both)
        bits = size_bytes.bit_length()
        if 2 <= _counted(self.of_name, name ^ bits) <= self.design.version_files:
            return Shared(name, bits, both)
        of_size = _counted(self.of_size, size_bytes)
        if 2 <= of_size <= self.design.crowd_files:
            return Shared(0, size_bytes, of_size)
        return Shared(path_hash(entry), size_bytes, 1)

    def select(self, entries: Iterable[Entry], low: float, high: float) -> Iterator[Unit]:
        """The units of ``entries`` with a place in [low, high), in the order of the entries."""
        totals = Totals()
        for entry in entries:
            shared = self.shared_by(entry)
            for numbers in self.numbers(entry):
                sizes = self.sizes(entry, numbers)
                end = int(numbers[-1] * self.design.unit_bytes + sizes[-1]) if len(numbers) else 0
                totals.count(entry, sizes, end, shared.alike)
                at = places(
                    np.full(len(numbers), shared.size, np.uint64),
                    numbers.astype(np.uint64),
                    np.full(len(numbers), shared.key, np.uint64),
                    self.design.seed,
                )
                for index in np.flatnonzero((low <= at) & (at < high)).tolist():
                    start = int(numbers[index]) * self.design.unit_bytes
                    yield Unit(float(at[index]), entry, start, start + int(sizes[index]), shared)
        self.totals = totals


def places(size: U64, number: U64, key: U64, seed: int) -> Floats:
    """(n,) places of units: numbers of the units, and ``Shared`` of their files."""
    keys = np.column_stack((size, number * np.uint64(GOLDEN) ^ key))
    return _native.rank(keys, np.ones(len(keys), np.uint64), seed)


def name_hash(entry: Entry) -> int:
    """64 bits of a file's base name."""
    return int.from_bytes(_native.fingerprint(os.path.basename(entry.path))[:8], "big")


def path_hash(entry: Entry) -> int:
    """64 bits of a file's path."""
    return int.from_bytes(_native.fingerprint(entry.path)[:8], "big")


def _identity(entry: Entry) -> tuple[int, int, int, int]:
    """One file as it was listed: written to since, it is another."""
    return entry.device, entry.inode, entry.size_bytes, entry.mtime_ns


def numbers_in(ranges: Ints) -> Iterator[Ints]:
    """The numbers in (n, 2) ``ranges``, so many at a time."""
    ends = np.cumsum(ranges[:, 1] - ranges[:, 0])
    # What is added to the how-manieth a number is, for each range.
    shifts = ranges[:, 1] - ends
    count = int(ends[-1]) if len(ends) else 0
    for begin in range(0, count, NUMBERS_AT_A_TIME):
        which = np.arange(begin, min(begin + NUMBERS_AT_A_TIME, count), dtype=np.int64)
        yield which + shifts[np.searchsorted(ends, which, side="right")]


def _counted(counts: bytearray, key: int) -> int:
    return min(counts[at] for at in _bins(key))


def _bins(key: int) -> set[int]:
    hashed = key * GOLDEN & 0xFFFF_FFFF_FFFF_FFFF
    mask = (1 << COUNT_BITS) - 1
    return {hashed >> (64 - COUNT_BITS), hashed >> (64 - 2 * COUNT_BITS) & mask}
