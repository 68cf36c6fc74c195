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

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import NamedTuple, overload

import msgspec
import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.scan.extent import Extents, Floats
from storeff.scan.plan import ALLOCATION_BYTES
from storeff.sources.entry import U64, Entries, Entry, Version
from storeff.sources.source import Source
from storeff.sources.sums import Ints, bit_lengths, exact_sum

# 2^64 / golden ratio, odd: multiplying by it spreads consecutive numbers.
GOLDEN = 0x9E3779B97F4A7C15

# 2^23 counts take 8 MB. They end at COUNT_MAX.
COUNT_BITS = 23
COUNT_MAX = 255
# Ranges of extents that are remembered to hold data take 16 bytes each, and their file as much as
# FILE_RANGES. Where there are more, files are asked again, which costs little beside reading them:
# of a billion objects 20 million are so large.
RANGES_HELD = 1 << 19
FILE_RANGES = 20
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
    """What files (n,) have in common with those that share their ranks: 64 bits of a name or path,
    or 0, and their size, or its bits; and how many files of the same size are among them."""

    key: U64
    size: U64
    group_size: Ints

    def of(self, rows: Ints) -> "Shared":
        """That of the files in ``rows``."""
        return Shared(self.key[rows], self.size[rows], self.group_size[rows])


@dataclass
class Totals:
    """What the listing says of all extents, read or not: the sum of ``Extent.once_bytes``, what
    fills the last ALLOCATION_BYTES of each file, by the bits of the sizes of files their bytes, and
    how many there are by those bits and ``Shared.group_size``. Merging is addition."""

    once_bytes: int = 0
    padding_bytes: int = 0
    by_exponent: Counter[int] = field(default_factory=Counter)
    extents: Counter[tuple[int, int]] = field(default_factory=Counter)

    def count(self, exponents: Ints, sizes: Ints, group_sizes: Ints, padding_bytes: int) -> None:
        """Count extents (n,) of ``sizes``, in files whose sizes have so many bits and whose groups
        are so large. ``padding_bytes`` fill the last blocks of those files that end with one."""
        kinds = exponents * (COUNT_MAX + 1) + group_sizes
        # Exact: extents of a call have less than 2^53 bytes.
        bytes_of, counts = np.bincount(kinds, sizes), np.bincount(kinds)
        for kind in np.flatnonzero(counts).tolist():
            exponent, group_size = divmod(kind, COUNT_MAX + 1)
            self.by_exponent[exponent] += int(bytes_of[kind])
            self.extents[exponent, group_size] += int(counts[kind])
        self.once_bytes += int((sizes // group_sizes).sum())
        self.padding_bytes += padding_bytes

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


class KeyCounts:
    """How often 64-bit keys were counted, up to COUNT_MAX: the lesser of two counts, as in a
    Count-Min sketch. Where both hashes of two keys collide, too much is reported."""

    def __init__(self) -> None:
        self.counts = np.zeros(1 << COUNT_BITS, np.uint8)

    def add(self, keys: U64) -> None:
        first, second = self.bins(keys)
        at, times = np.unique(np.concatenate((first, second[first != second])), return_counts=True)
        self.counts[at] = np.minimum(self.counts[at] + times, COUNT_MAX)

    def of(self, keys: U64) -> Ints:
        """(n,) counts of ``keys`` (n,)."""
        first, second = self.bins(keys)
        return np.minimum(self.counts[first], self.counts[second]).astype(np.int64)

    @staticmethod
    def bins(keys: U64) -> tuple[U64, U64]:
        hashed = keys * np.uint64(GOLDEN)
        mask = np.uint64((1 << COUNT_BITS) - 1)
        return hashed >> np.uint64(64 - COUNT_BITS), hashed >> np.uint64(64 - 2 * COUNT_BITS) & mask


class SamplingRanks:
    """The sampling ranks of the extents of a tree whose files have been counted.

    Extents that are in holes have none.
    """

    def __init__(self, source: Source, design: SamplingDesign) -> None:
        self.source = source
        self.design = design
        self.extents = 0
        # Files by size, by name and by both. Those that collide may be told apart that need not be,
        # which costs some coordination and nothing else.
        self.of_size, self.of_name, self.of_both = KeyCounts(), KeyCounts(), KeyCounts()
        self.held: dict[tuple[bytes, int, Version], Ints] = {}
        self.held_ranges = 0

    def count(self, entries: Entries) -> None:
        """Take note of files; all must have been before a rank is asked for."""
        sizes, bits, names = _traits(entries)
        self.of_size.add(sizes)
        self.of_name.add(names ^ bits)
        self.of_both.add(sizes ^ names)

    def sampled_bytes(self, entry: Entry) -> int:
        """The bytes of ``entry``, which may have holes, that may be sampled: not those of extents
        that are in holes. Raises OSError if it cannot be told which of its extents hold data: then
        none may be."""
        try:
            ranges = data_extents(self.source, entry, self.design.extent_bytes)
        except OSError:
            self.hold(entry, np.empty((0, 2), np.int64))
            raise
        self.hold(entry, ranges)
        sampled_bytes = 0
        for numbers in numbers_in(ranges):
            self.extents += len(numbers)
            sampled_bytes += exact_sum(self.sizes(entry, numbers))
        return sampled_bytes

    def hold(self, entry: Entry, ranges: Ints) -> None:
        """Remember which extents of a file hold data, if there is room."""
        if self.held_ranges + len(ranges) < RANGES_HELD:
            self.held[_identity(entry)] = ranges
            self.held_ranges += FILE_RANGES + len(ranges)

    def numbers(self, entry: Entry) -> Iterator[Ints]:
        """The numbers of the extents of ``entry`` that hold data, so many at a time; where those
        were not remembered, as they are now."""
        if not may_have_holes(entry.size_bytes, entry.allocated_bytes, self.design.extent_bytes):
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

    def shared_by(self, entries: Entries) -> Shared:
        """What files must have in common with each of ``entries`` to share its ranks."""
        sizes, bits, names = _traits(entries)
        both = self.of_both.of(sizes ^ names)
        of_name, of_size = self.of_name.of(names ^ bits), self.of_size.of(sizes)
        most, versions = self.design.share_limit, self.design.version_limit
        rules = [
            (count >= 2) & (count <= limit)
            for count, limit in ((both, most), (of_name, versions), (of_size, most))
        ]
        alone = ~(rules[0] | rules[1] | rules[2])
        return Shared(
            key=np.select([*rules, alone], [names, names, np.zeros_like(names), entries.numbers()]),
            size=np.where(rules[1] & ~rules[0], bits, sizes),
            group_size=np.select([*rules, alone], [both, both, of_size, np.ones_like(both)]),
        )

    def select(
        self, found: Iterable[Entries], low: float, high: float, totals: Totals
    ) -> Iterator[Extents]:
        """The extents of the files ``found`` that rank in [low, high). Counts all extents in
        ``totals``."""
        extent_bytes = self.design.extent_bytes
        for entries in found:
            shared = self.shared_by(entries)
            sizes = entries.sizes
            unsure = may_have_holes(sizes, entries.allocated, extent_bytes)
            extents = np.where(unsure, 0, -(-sizes // extent_bytes))
            for rows, numbers in chain(_extents_of(extents), self._looked_into(entries, unsure)):
                yield self._selected(entries, rows, shared, numbers, (low, high), totals)

    def _looked_into(
        self, entries: Entries, unsure: npt.NDArray[np.bool_]
    ) -> Iterator[tuple[Ints, Ints]]:
        """As ``_extents_of``, of those of ``entries`` that may have holes (n,)."""
        rows: list[Ints] = []
        found: list[Ints] = []
        held = 0
        for i in np.flatnonzero(unsure).tolist():
            for numbers in self.numbers(entries[i]):
                rows.append(np.full(len(numbers), i))
                found.append(numbers)
                held += len(numbers)
                if held >= NUMBERS_AT_A_TIME:
                    yield np.concatenate(rows), np.concatenate(found)
                    rows, found, held = [], [], 0
        if held:
            yield np.concatenate(rows), np.concatenate(found)

    def _selected(
        self,
        entries: Entries,
        rows: Ints,
        shared: Shared,
        numbers: Ints,
        bounds: tuple[float, float],
        totals: Totals,
    ) -> Extents:
        """Of extents (n,), each with the row of its file, those that rank within ``bounds``."""
        shared = shared.of(rows)
        file_sizes = entries.sizes[rows]
        starts = numbers * self.design.extent_bytes
        sizes = np.minimum(self.design.extent_bytes, file_sizes - starts)
        is_last = starts + sizes == file_sizes
        padding_bytes = int((-file_sizes[is_last] % ALLOCATION_BYTES).sum())
        totals.count(bit_lengths(file_sizes), sizes, shared.group_size, padding_bytes)
        ranks = sampling_ranks(shared.size, numbers.astype(np.uint64), shared.key, self.design.seed)
        some = np.flatnonzero((bounds[0] <= ranks) & (ranks < bounds[1]))
        starts, sizes = starts[some], sizes[some]
        once_bytes = sizes // shared.group_size[some]
        return Extents.of(entries.take(rows[some]), ranks[some], starts, starts + sizes, once_bytes)


def sampling_ranks(size: U64, number: U64, key: U64, seed: int) -> Floats:
    """(n,) ranks of extents: numbers of the extents, and ``Shared`` of their files."""
    keys = np.column_stack((size, number * np.uint64(GOLDEN) ^ key))
    return _native.rank(keys, np.ones(len(keys), np.uint64), seed)


def _traits(entries: Entries) -> tuple[U64, U64, U64]:
    """(n,) sizes, how many bits these have, and hashes of the base names."""
    bits = bit_lengths(entries.sizes).astype(np.uint64)
    return entries.sizes.astype(np.uint64), bits, entries.name_hashes()


def object_number(entry: Entry) -> int:
    """64 bits of the position of a file's root and of its path from there."""
    return int.from_bytes(_native.fingerprint(entry.key)[:8], "big")


@overload
def may_have_holes(size_bytes: int, allocated_bytes: int, extent_bytes: int) -> bool: ...
@overload
def may_have_holes(
    size_bytes: Ints, allocated_bytes: Ints, extent_bytes: int
) -> npt.NDArray[np.bool_]: ...
def may_have_holes(
    size_bytes: int | Ints, allocated_bytes: int | Ints, extent_bytes: int
) -> bool | npt.NDArray[np.bool_]:
    """Whether files may have extents that hold no data: the file system stores an extent less than
    there is, or the file is large."""
    return (allocated_bytes <= size_bytes - extent_bytes) | (size_bytes >= BELIEVED_BYTES)


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


def _extents_of(counts: Ints) -> Iterator[tuple[Ints, Ints]]:
    """Of files with so many extents (n,), the row of the file and the number of each extent, about
    NUMBERS_AT_A_TIME together."""
    ends = np.cumsum(counts)
    start = 0
    while start < len(counts):
        before = int(ends[start - 1]) if start else 0
        end = max(start + 1, int(np.searchsorted(ends, before + NUMBERS_AT_A_TIME, side="right")))
        rows = np.repeat(np.arange(start, end), counts[start:end])
        first = ends[start:end] - counts[start:end] - before
        yield rows, np.arange(len(rows)) - np.repeat(first, counts[start:end])
        start = end


def numbers_in(ranges: Ints) -> Iterator[Ints]:
    """The numbers in (n, 2) ``ranges``, so many at a time."""
    ends = np.cumsum(ranges[:, 1] - ranges[:, 0])
    # What is added to a number's index to give the number, for each range.
    shifts = ranges[:, 1] - ends
    count = int(ends[-1]) if len(ends) else 0
    for begin in range(0, count, NUMBERS_AT_A_TIME):
        which = np.arange(begin, min(begin + NUMBERS_AT_A_TIME, count), dtype=np.int64)
        yield which + shifts[np.searchsorted(ends, which, side="right")]
