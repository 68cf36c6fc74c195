"""Which units of which files a partial scan reads, and in what order.

A unit is an aligned stretch of a file, or a small file whole. It has a place in (0, 1], a hash of
the file's size and the unit's number; a scan at rate p reads the units whose place is below p, in
ascending order. So a larger sample holds a smaller one; what was read when the time ran out is the
sample at the first place that was not; and aligned copies, which are in files of equal size, are
read together or not at all: coordinated sampling by permanent random numbers (Brewer, Early, Joyce,
"Selecting several samples from a single population", Australian Journal of Statistics 14, 1972).
"""

import array
import os
from collections.abc import Iterable, Iterator
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

# 2^22 counts take 16 MB.
COUNT_BITS = 22


class Design(msgspec.Struct, frozen=True):
    """How a tree is divided into units.

    ``unit_bytes`` and ``lead_bytes`` are multiples of every fixed block. Files of one size share
    their places as long as there are no more than ``crowd_files`` of them, else files of one size
    and base name do, and where there are too many of those too, none: thousands of different files
    of one size would be read all or not at all.

    Content-defined cutting begins ``lead_bytes`` before a unit, to have found the cuts of the whole
    file when it comes to the unit: 96 % of the bytes of units of 1 MiB are then in chunks of 64 KiB
    that the whole file has too, without it 86 %; with chunks cut off at the unit's end as well,
    copies that are shifted against each other would share a fifth less than they do (1.1 GB of
    archives, 2026-11-21).
    """

    seed: int = 1
    unit_bytes: int = 1 << 20
    lead_bytes: int = 128 << 10
    crowd_files: int = 64


class Unit(NamedTuple):
    """Bytes [start, end) of ``piece``, and its place."""

    place: float
    piece: Piece
    start: int
    end: int

    @property
    def order(self) -> tuple[float, bytes, int]:
        return self.place, self.piece.path, self.start


class Places:
    """The places of the units of a tree whose files have been counted."""

    def __init__(self, design: Design) -> None:
        self.design = design
        self.units = 0
        # Files by a hash of their size, and of size and name. Where two collide their files are
        # told apart earlier than need be, which costs some coordination and nothing else.
        self.of_size = array.array("I", bytes(4 << COUNT_BITS))
        self.of_name = array.array("I", bytes(4 << COUNT_BITS))

    def count(self, piece: Piece) -> None:
        """Take note of a file; all must have been before a place is asked for."""
        self.of_size[_bin(piece.size_bytes)] += 1
        self.of_name[_bin(piece.size_bytes ^ name_hash(piece))] += 1
        self.units += -(-piece.size_bytes // self.design.unit_bytes)

    def shared_by(self, piece: Piece) -> int:
        """What files must have in common with ``piece``, beside its size, to share its places: 0
        for nothing, or a hash of its name, or of its path."""
        if self.of_size[_bin(piece.size_bytes)] <= self.design.crowd_files:
            return 0
        name = name_hash(piece)
        if self.of_name[_bin(piece.size_bytes ^ name)] <= self.design.crowd_files:
            return name
        return path_hash(piece)

    def of(self, piece: Piece) -> Floats:
        """(units,) the places of all units of ``piece``; none for an empty file."""
        units = -(-piece.size_bytes // self.design.unit_bytes)
        return places(
            np.full(units, piece.size_bytes, np.uint64),
            np.arange(units, dtype=np.uint64),
            np.full(units, self.shared_by(piece), np.uint64),
            self.design.seed,
        )

    def select(self, pieces: Iterable[Piece], low: float, high: float) -> Iterator[Unit]:
        """The units of ``pieces`` with a place in [low, high), in the order of the pieces."""
        unit_bytes = self.design.unit_bytes
        for piece in pieces:
            places = self.of(piece)
            for index in np.flatnonzero((low <= places) & (places < high)).tolist():
                start = index * unit_bytes
                yield Unit(
                    float(places[index]), piece, start, min(start + unit_bytes, piece.size_bytes)
                )


def places(file_bytes: U64, number: U64, shared: U64, seed: int) -> Floats:
    """(n,) places of units: sizes of their files, their numbers, and ``Places.shared_by``."""
    keys = np.column_stack((file_bytes, number * np.uint64(GOLDEN) ^ shared))
    return _native.rank(keys, np.ones(len(keys), np.uint64), seed)


def name_hash(piece: Piece) -> int:
    """64 bits of a file's base name."""
    return int.from_bytes(_native.fingerprint(os.path.basename(piece.path))[:8], "big")


def path_hash(piece: Piece) -> int:
    """64 bits of a file's path."""
    return int.from_bytes(_native.fingerprint(piece.path)[:8], "big")


def _bin(key: int) -> int:
    return (key * GOLDEN & 0xFFFF_FFFF_FFFF_FFFF) >> (64 - COUNT_BITS)
