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
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.sources.piece import Piece

U64 = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

# 2^64 / golden ratio, odd: multiplying by it spreads consecutive numbers.
GOLDEN = 0x9E3779B97F4A7C15

# 2^23 counts take 8 MB. They end at COUNT_MAX.
COUNT_BITS = 23
COUNT_MAX = 255


class Design(msgspec.Struct, frozen=True):
    """How a tree is divided into units.

    ``unit_bytes`` and ``lead_bytes`` are multiples of every fixed block. A file shares its places
    with those of its size and base name; if there are none, of its name; if none, of its size. More
    than ``crowd_files``, less than 255, do not share them: thousands of different files would be
    read all or not at all. Against sharing by size alone, the RMSE at 15 % is a third on folders of
    scripts, and two thirds on versions of packages (tests/bench/partial.py, 2026-11-21).

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


class Shared(NamedTuple):
    """What the files that share places have in common, as 64 bits and beside it the size of the
    file or 0; how many of one size there are among them, and the bits of the size of the largest.
    """

    key: int
    file_bytes: int
    alike: int
    exponent: int


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
    """What the listing tells of all units, read or not: the sum of ``Unit.once_bytes``, and bytes
    by ``Shared.exponent``."""

    once_bytes: int = 0
    by_exponent: Counter[int] = field(default_factory=Counter)


class Places:
    """The places of the units of a tree whose files have been counted.

    ``totals`` are those of what units were last selected from.
    """

    def __init__(self, design: Design) -> None:
        self.design = design
        self.units = 0
        self.totals = Totals()
        # Files by a hash of their size, of their name and of both. Where two collide their files
        # may be told apart that need not be, which costs some coordination and nothing else.
        self.of_size, self.of_name, self.of_both = (bytearray(1 << COUNT_BITS) for _ in range(3))
        # Bits of the largest size of a name.
        self.largest = bytearray(1 << COUNT_BITS)

    def count(self, piece: Piece) -> None:
        """Take note of a file; all must have been before a place is asked for."""
        name = name_hash(piece)
        for counts, at in (
            (self.of_size, _bin(piece.size_bytes)),
            (self.of_name, _bin(name)),
            (self.of_both, _bin(piece.size_bytes ^ name)),
        ):
            counts[at] = min(counts[at] + 1, COUNT_MAX)
        self.largest[_bin(name)] = max(self.largest[_bin(name)], piece.size_bytes.bit_length())
        self.units += -(-piece.size_bytes // self.design.unit_bytes)

    def shared_by(self, piece: Piece) -> Shared:
        """What files must have in common with ``piece`` to share its places."""
        crowd = self.design.crowd_files
        name = name_hash(piece)
        exponent = piece.size_bytes.bit_length()
        both = self.of_both[_bin(piece.size_bytes ^ name)]
        if 2 <= both <= crowd:
            return Shared(name, piece.size_bytes, both, exponent)
        if 2 <= self.of_name[_bin(name)] <= crowd:
            return Shared(name, 0, both, self.largest[_bin(name)])
        of_size = self.of_size[_bin(piece.size_bytes)]
        if 2 <= of_size <= crowd:
            return Shared(0, piece.size_bytes, of_size, exponent)
        return Shared(path_hash(piece), piece.size_bytes, 1, exponent)

    def of(self, piece: Piece, shared: Shared) -> Floats:
        """(units,) the places of all units of ``piece``; none for an empty file."""
        units = -(-piece.size_bytes // self.design.unit_bytes)
        return places(
            np.full(units, shared.file_bytes, np.uint64),
            np.arange(units, dtype=np.uint64),
            np.full(units, shared.key, np.uint64),
            self.design.seed,
        )

    def select(self, pieces: Iterable[Piece], low: float, high: float) -> Iterator[Unit]:
        """The units of ``pieces`` with a place in [low, high), in the order of the pieces."""
        unit_bytes = self.design.unit_bytes
        totals = Totals()
        for piece in pieces:
            shared = self.shared_by(piece)
            whole, rest = divmod(piece.size_bytes, unit_bytes)
            totals.by_exponent[shared.exponent] += piece.size_bytes
            totals.once_bytes += whole * (unit_bytes // shared.alike) + rest // shared.alike
            places = self.of(piece, shared)
            for index in np.flatnonzero((low <= places) & (places < high)).tolist():
                start = index * unit_bytes
                end = min(start + unit_bytes, piece.size_bytes)
                yield Unit(float(places[index]), piece, start, end, shared)
        self.totals = totals


def places(file_bytes: U64, number: U64, key: U64, seed: int) -> Floats:
    """(n,) places of units: numbers of the units, and ``Shared`` of their files."""
    keys = np.column_stack((file_bytes, number * np.uint64(GOLDEN) ^ key))
    return _native.rank(keys, np.ones(len(keys), np.uint64), seed)


def name_hash(piece: Piece) -> int:
    """64 bits of a file's base name."""
    return int.from_bytes(_native.fingerprint(os.path.basename(piece.path))[:8], "big")


def path_hash(piece: Piece) -> int:
    """64 bits of a file's path."""
    return int.from_bytes(_native.fingerprint(piece.path)[:8], "big")


def _bin(key: int) -> int:
    return (key * GOLDEN & 0xFFFF_FFFF_FFFF_FFFF) >> (64 - COUNT_BITS)
