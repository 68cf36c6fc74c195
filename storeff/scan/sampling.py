"""Which extents of which files a partial scan reads, and in what order.

An extent is an aligned stretch of a file, or a small file whole. It has a sampling rank in (0, 1],
a permanent random number: a hash of what its file has in common with others and of the number of
the extent. A scan at rate p reads the extents that rank below p, in ascending order. So a larger
sample holds a smaller one; what was read when the time ran out is the sample at the first rank that
was not; and aligned copies, in files of equal size or of equal name as versions of one file are,
are read together or not at all: coordinated sampling by permanent random numbers (Brewer, Early,
Joyce, "Selecting several samples from a single population", Australian Journal of Statistics 14,
1972).
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
from storeff.sources.entry import Entry, Version
from storeff.sources.source import Source

U64 = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# 2^64 / golden ratio, odd: multiplying by it spreads consecutive numbers.
GOLDEN = 0x9E3779B97F4A7C15

# 2^23 counts take 8 MB. They end at COUNT_MAX.
COUNT_BITS = 23
COUNT_MAX = 255
# Ranges of extents that are remembered to hold data take 16 bytes each. Where there are more, files
# are asked again.
RANGES_HELD = 1 << 21
# How many extents of a file are looked at together: some 50 bytes each.
NUMBERS_AT_A_TIME = 1 << 20
# What was allocated to larger files is not believed: it may never have been written.
BELIEVED_BYTES = 64 << 20


class SamplingDesign(msgspec.Struct, frozen=True):
    """How a tree is divided into extents.

    ``extent_bytes`` and ``lead_bytes`` are multiples of every fixed block. A file shares its ranks
    with those of its size and base name; if there are none, with those of its name and about its
    size, as versions of a file are; if none, of its size. More than ``share_limit``, or more than
    ``version_limit`` of different sizes, do not share them: thousands of different files would be
    read all or not at all. Both are less than 255. Against sharing by size alone this made the RMSE
    at 15 % a third of what it was on packages of scripts, and a quarter less on versions of
    packages (bench/accuracy/partial.py, 2026-11-21).

    Content-defined cutting begins ``lead_bytes`` before an extent, to have found the cuts of the
    whole file when it comes to the extent: 99.7 % of the bytes of extents of 1 MiB are then in
    chunks of 64 KiB that the whole file has too, with half of it 98.5 %, without it 90 %, and the
    extents of archives that are shifted against each other have 0.3 %, 0.9 % and 8 % more distinct
    bytes than the archives (0.7 GB, 2026-11-21).
    """

    seed: int = 1
    extent_bytes: int = 1 << 20
    lead_bytes: int = 256 << 10
    share_limit: int = 64
    version_limit: int = 16


class Shared(NamedTuple):
    """What the files that share ranks have in common: 64 bits of a name or path, or 0, and their
    size, or its bits; and how many of the size of this file there are among them."""

    key: int
    size: int
    group_size: int


class Extent(NamedTuple):
    """Bytes [start, end) of ``entry``, and their sampling rank, 0 in a full scan. ``once_bytes``:
    its part of the bytes that were left if the files that share the rank, where of one size, were
    copies (its nominal unique bytes)."""

    rank: float
    entry: Entry
    start: int
    end: int
    once_bytes: int = 0

    @property
    def order(self) -> tuple[float, bytes, int]:
        return self.rank, self.entry.key, self.start


@dataclass
class Totals:
    """What the listing says of all extents, read or not: the sum of ``Extent.once_bytes``, what
    fills the last ALLOCATION_BYTES of each file, by the bits of the sizes of files their bytes, and
    how many there are by those bits and ``Shared.group_size``. Merging is addition."""

    once_bytes: int = 0
    padding_bytes: int = 0
    by_exponent: Counter[int] = field(default_factory=Counter)
    extents: Counter[tuple[int, int]] = field(default_factory=Counter)

    def count(self, entry: Entry, sizes: Ints, end: int, group_size: int) -> None:
        """Count extents of ``entry``, of ``sizes`` (n,), the last of which ends at ``end``."""
        if not len(sizes):
            return
        exponent = entry.size_bytes.bit_length()
        self.by_exponent[exponent] += int(sizes.sum())
        self.extents[exponent, group_size] += len(sizes)
        self.once_bytes += int((sizes // group_size).sum())
        if end == entry.size_bytes:
            self.padding_bytes += -end % ALLOCATION_BYTES

    @property
    def ranks_by_exponent(self) -> dict[int, float]:
        """By the bits of the sizes of files, about how many ranks their extents have."""
        ranks: defaultdict[int, float] = defaultdict(float)
        for (exponent, group_size), extents in sorted(self.extents.items()):
            ranks[exponent] += extents / group_size
        return ranks

    def merged(self, other: "Totals") -> "Totals":
        return Totals(
            self.once_bytes + other.once_bytes,
            self.padding_bytes + other.padding_bytes,
            self.by_exponent + other.by_exponent,
            self.extents + other.extents,
        )


class SamplingRanks:
    """The sampling ranks of the extents of a tree whose files have been counted.

    Extents that are in holes have none: ``skipped_bytes``.
    """

    def __init__(self, source: Source, design: SamplingDesign) -> None:
        self.source = source
        self.design = design
        self.extents = 0
        # Files by hashes of their size, of their name and of both: the least of two counts, as in a
        # Count-Min sketch. Where all hashes of two collide, their files may be told apart that need
        # not be, which costs some coordination and nothing else.
        self.of_size, self.of_name, self.of_both = (bytearray(1 << COUNT_BITS) for _ in range(3))
        self.held: dict[tuple[bytes, int, Version], Ints] = {}
        self.held_ranges = 0

    def count(self, entry: Entry) -> None:
        """Take note of a file; all must have been before a rank is asked for."""
        name = name_hash(entry)
        for counts, key in (
            (self.of_size, entry.size_bytes),
            (self.of_name, name ^ entry.size_bytes.bit_length()),
            (self.of_both, entry.size_bytes ^ name),
        ):
            for at in _bins(key):
                counts[at] = min(counts[at] + 1, COUNT_MAX)

    def sampled_bytes(self, entry: Entry) -> int:
        """The bytes of ``entry`` that may be sampled: not those of extents that are in holes.
        Raises OSError if it cannot be told which of its extents hold data: then none may be."""
        extent_bytes = self.design.extent_bytes
        if not may_have_holes(entry, extent_bytes):
            self.extents += -(-entry.size_bytes // extent_bytes)
            return entry.size_bytes
        try:
            ranges = data_extents(self.source, entry, extent_bytes)
        except OSError:
            self.hold(entry, np.empty((0, 2), np.int64))
            raise
        self.hold(entry, ranges)
        sampled_bytes = 0
        for numbers in numbers_in(ranges):
            self.extents += len(numbers)
            sampled_bytes += int(self.sizes(entry, numbers).sum())
        return sampled_bytes

    def hold(self, entry: Entry, ranges: Ints) -> None:
        """Remember which extents of a file hold data, if there is room."""
        if self.held_ranges + len(ranges) < RANGES_HELD:
            self.held[_identity(entry)] = ranges
            self.held_ranges += 1 + len(ranges)

    def numbers(self, entry: Entry) -> Iterator[Ints]:
        """The numbers of the extents of ``entry`` that hold data, so many at a time; where those
        were not remembered, as they are now."""
        if not may_have_holes(entry, self.design.extent_bytes):
            return iter((np.arange(-(-entry.size_bytes // self.design.extent_bytes)),))
        ranges = self.held.get(_identity(entry))
        if ranges is None:
            try:
                ranges = data_extents(self.source, entry, self.design.extent_bytes)
            except OSError:
                # Reading the first extent will say why none can be read.
                ranges = np.array([[0, 1]], np.int64)
        return numbers_in(ranges)

    def sizes(self, entry: Entry, numbers: Ints) -> Ints:
        """(n,) bytes of the extents of ``entry`` with those ``numbers``."""
        extent_bytes = self.design.extent_bytes
        return np.minimum(extent_bytes, entry.size_bytes - numbers * extent_bytes)

    def shared_by(self, entry: Entry) -> Shared:
        """What files must have in common with ``entry`` to share its ranks."""
        size_bytes, name = entry.size_bytes, name_hash(entry)
        both = _counted(self.of_both, size_bytes ^ name)
        if 2 <= both <= self.design.share_limit:
            return Shared(name, size_bytes, both)
        bits = size_bytes.bit_length()
        if 2 <= _counted(self.of_name, name ^ bits) <= self.design.version_limit:
            return Shared(name, bits, both)
        of_size = _counted(self.of_size, size_bytes)
        if 2 <= of_size <= self.design.share_limit:
            return Shared(0, size_bytes, of_size)
        return Shared(object_number(entry), size_bytes, 1)

    def select(
        self, entries: Iterable[Entry], low: float, high: float, totals: Totals
    ) -> Iterator[Extent]:
        """The extents of ``entries`` that rank in [low, high), in the order of the entries. Counts
        all extents in ``totals``."""
        extent_bytes, seed = self.design.extent_bytes, self.design.seed
        for entry in entries:
            shared = self.shared_by(entry)
            for numbers in self.numbers(entry):
                sizes = self.sizes(entry, numbers)
                end = int(numbers[-1] * extent_bytes + sizes[-1]) if len(numbers) else 0
                totals.count(entry, sizes, end, shared.group_size)
                ranks = sampling_ranks(
                    np.full(len(numbers), shared.size, np.uint64),
                    numbers.astype(np.uint64),
                    np.full(len(numbers), shared.key, np.uint64),
                    seed,
                )
                for index in np.flatnonzero((low <= ranks) & (ranks < high)).tolist():
                    start, size = int(numbers[index]) * extent_bytes, int(sizes[index])
                    once_bytes = size // shared.group_size
                    yield Extent(float(ranks[index]), entry, start, start + size, once_bytes)


def sampling_ranks(size: U64, number: U64, key: U64, seed: int) -> Floats:
    """(n,) ranks of extents: numbers of the extents, and ``Shared`` of their files."""
    keys = np.column_stack((size, number * np.uint64(GOLDEN) ^ key))
    return _native.rank(keys, np.ones(len(keys), np.uint64), seed)


def name_hash(entry: Entry) -> int:
    """64 bits of a file's base name."""
    return int.from_bytes(_native.fingerprint(os.path.basename(entry.path))[:8], "big")


def object_number(entry: Entry) -> int:
    """64 bits of the position of a file's root and of its path from there."""
    return int.from_bytes(_native.fingerprint(entry.key)[:8], "big")


def may_have_holes(entry: Entry, extent_bytes: int) -> bool:
    """Whether ``entry`` may have extents that hold no data: the file system stores an extent less
    than there is, or the file is large."""
    stored_bytes = entry.allocated_bytes + extent_bytes
    return stored_bytes <= entry.size_bytes or entry.size_bytes >= BELIEVED_BYTES


def data_extents(source: Source, entry: Entry, extent_bytes: int) -> Ints:
    """(n, 2) ranges of the numbers of the extents of ``entry`` that hold data, [first, end), in
    order and apart: of a terabyte of nothing none is to be sampled. Costs one or two seeks a
    segment. Raises OSError.
    """
    found: list[int] = []
    with source.open(entry) as reader:
        for offset, length, is_hole in reader.segments(0, entry.size_bytes):
            if is_hole:
                continue
            first, end = offset // extent_bytes, -(-(offset + length) // extent_bytes)
            if found and first <= found[-1]:
                found[-1] = end
            else:
                found += [first, end]
    return np.array(found, np.int64).reshape(-1, 2)


def _identity(entry: Entry) -> tuple[bytes, int, Version]:
    """One file as it was listed: written to since, it is another."""
    return entry.key, entry.size_bytes, entry.version


def numbers_in(ranges: Ints) -> Iterator[Ints]:
    """The numbers in (n, 2) ``ranges``, so many at a time."""
    ends = np.cumsum(ranges[:, 1] - ranges[:, 0])
    # What is added to a number's index to give the number, for each range.
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
