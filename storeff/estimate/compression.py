"""Compression without deduplication, and the space that a system gives to blocks."""

from functools import cache
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from storeff.quantity import Quantity
from storeff.scan.codecs import codec
from storeff.scan.plan import ALLOCATION_BYTES, REQUIRED_RATIO, Chunker

U64 = npt.NDArray[np.uint64]


class Compression(msgspec.Struct, frozen=True):
    """Bytes left when independent blocks are compressed and nothing is deduplicated, of the sizes
    and codecs that were measured.

    ``allocation_bytes`` and ``required_ratio`` are as in Allocation. Where they are not 1, what is
    left may be more than the data: every block takes whole units.
    """

    codec: str
    block_bytes: int
    compressed_bytes: Quantity
    ratio: Quantity
    allocation_bytes: int = 1
    required_ratio: float = 1.0


class Allocation(NamedTuple):
    """How much space a system gives a block: whole units of ``allocation_bytes``, and to its
    compressed form only if that takes at most ``required_ratio`` of the block's bytes."""

    allocation_bytes: int
    required_ratio: float

    def taken(self, sizes: U64, compressed: U64) -> U64:
        """(n,) bytes that blocks of ``sizes`` take which compress to ``compressed``."""
        small = self.rounded(compressed)
        taken: U64 = np.where(small <= self.required_ratio * sizes, small, self.rounded(sizes))
        return taken

    def saved(self, sizes: U64, compressed: U64) -> U64:
        """(n,) bytes that compressing saves of what the blocks would take without."""
        return self.rounded(sizes) - self.taken(sizes, compressed)

    def rounded(self, sizes: U64) -> U64:
        """(n,) ``sizes`` in whole units."""
        unit = np.uint64(self.allocation_bytes)
        return (sizes + unit - np.uint64(1)) // unit * unit


# Counted in bytes, and as block storage allocates.
IN_BYTES = Allocation(1, 1.0)
IN_UNITS = Allocation(ALLOCATION_BYTES, REQUIRED_RATIO)


def run_sizes(runs: U64, chunker: Chunker, codec_name: str | None) -> dict[int, int]:
    """Bytes of one largest chunk of each byte value of which ``runs`` (256,) has any, compressed if
    a codec is given. That is what a constant run costs, once, however long it is."""
    length = chunker.max_bytes
    return {byte: _run_size(byte, length, codec_name) for byte in np.flatnonzero(runs).tolist()}


@cache
def _run_size(byte: int, length: int, codec_name: str | None) -> int:
    return codec(codec_name)([bytes([byte]) * length])[0] if codec_name else length
