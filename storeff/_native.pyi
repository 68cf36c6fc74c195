"""The native core: cut files into chunks, fingerprint them, keep a content sketch of each cutting.

Buffers are any C-contiguous buffer of bytes. Every call over a whole buffer releases the GIL. One
``Scanner`` is used by one thread at a time (a second one gets ValueError); any number of scanners
run at once. Misuse raises ValueError.
"""

from collections.abc import Sequence
from typing import TypedDict

import numpy as np
import numpy.typing as npt
from typing_extensions import Buffer

_UInt64s = npt.NDArray[np.uint64]

SKETCH_CODECS_MAX: int
"""How many compressed sizes an entry can hold."""
GROUPS_MAX: int
"""How many groups a scanner tells apart."""

def kernels() -> list[str]:
    """Names of the kernels that run on this machine, fastest first, the reference "scalar" last."""

def fingerprint(data: Buffer, kernel: str = "scalar") -> bytes:
    """XXH3-128 of ``data`` (seed 0, default secret) in canonical form: 16 bytes, big-endian.

    Raises StoreffError for a kernel that was not built or cannot run here; it never falls back.
    """

def cut(
    data: Buffer, min_bytes: int, max_bytes: int, kernel: str = "scalar"
) -> npt.NDArray[np.int64]:
    """The pieces of one whole stream, (n, 3): offset, length, 1 for a run of equal bytes, else 0.

    Fixed blocks if ``min_bytes == max_bytes``: the tail is short; a full block of equal bytes is a
    run. Else MinCDC (github.com/orlp/mincdc), ``min_bytes >= 4``: a chunk ends at the length in
    min_bytes..max_bytes whose last four bytes have the smallest hash, the shortest on a tie; a rest
    of at most min_bytes is the last chunk; where max_bytes equal bytes or more begin, all of them
    are one run.
    """

def rank(keys: _UInt64s, sizes: _UInt64s, seed: int) -> npt.NDArray[np.float64]:
    """The rank of entries in a sketch: keys (n, 2) as (high, low), sizes (n,) in bytes.

    u / size with u in (0, 1] = (m + 0.5) / 2^64 in double precision,
    m = mix(high ^ mix(low ^ mix(seed + 0x9E3779B97F4A7C15))), mix the finaliser of splitmix64.
    """

class Export(TypedDict):
    """One chunker's sketch and totals. Entries ascend by (rank, key, size)."""

    keys: _UInt64s
    """(n, 2): high and low half of the fingerprint."""
    sizes: _UInt64s
    """(n,) bytes."""
    counts: _UInt64s
    """(n,) references, exact."""
    groups: _UInt64s
    """(n,): bit g is set if the chunk was seen in group g."""
    compressed: npt.NDArray[np.uint32]
    """(n, codecs) bytes; 0 is not known."""
    tau: float
    """The smallest rank ever refused or evicted; infinity: none was, the sketch holds everything.
    Every entry ranks below it."""
    chunks: int
    """Chunks seen, a run being one."""
    bytes: int
    """Bytes in them."""
    run_count: _UInt64s
    """(256,) runs by byte value; they are not in the sketch."""
    run_bytes: _UInt64s
    """(256,) bytes in them."""

class Scanner:
    """Feeds files to chunkers, each with a sketch: priority sampling (Duffield, Lund, Thorup 2007)
    keyed by content. A sketch keeps the ``capacity`` entries (key, size) of smallest rank.

    For each file: ``begin``; for each segment (data between holes) ``span`` and ``carry`` in turn,
    the last span with ``last=True``; ``skip`` for a hole; ``end``. What is exported does not depend
    on how the segments were split into spans, nor on the order of the files.
    """

    def __init__(
        self,
        chunkers: Sequence[tuple[int, int, int, int]],
        seed: int,
        kernel: str = "scalar",
    ) -> None:
        """``chunkers``: (min_bytes, max_bytes, capacity, codecs); the sizes as in ``cut``.

        (0, 0, capacity, 0), at most once, takes each file as one chunk. Its key is chained over
        the 128 KiB blocks of each segment (shared with a fixed chunker of that size) and the holes:
        state = XXH3-128(state, fingerprint) or XXH3-128(state, "hole", n as 8 bytes little-endian),
        from 16 zero bytes; adjacent holes are one. Its size is the data without holes; a file
        without data is not added.
        """

    @property
    def buffer_bytes_min(self) -> int:
        """The smallest buffer for ``span``: the longest chunk. A multiple of it saves copying."""

    def begin(self, group: int) -> None:
        """Starts a file of ``group`` (0..63)."""

    def span(self, buffer: Buffer, length: int, last: bool) -> npt.NDArray[np.void]:
        """Takes ``buffer[:length]``: what ``carry`` left at its front, then new bytes.

        ``last``: the segment ends with them. Returns the chunks that sketches with codecs have
        newly kept, to be compressed from ``buffer[offset:offset + length]`` before ``carry``:
        a structured array of chunker, slot, offset, length, key (high, low).
        """

    def carry(self, buffer: Buffer) -> int:
        """Moves the bytes that are still needed to the front of the (writable) buffer of the last
        span; returns how many, 0 after a span with ``last=True``."""

    def skip(self, hole_bytes: int) -> None:
        """A hole between segments, or before the first or after the last one."""

    def end(self) -> None:
        """Finishes the file."""

    def abort(self) -> None:
        """Gives the file up, for instance after a read error: what was cut stays counted, what
        was carried and the whole-file entry are dropped."""

    def set_compressed(self, kept: npt.NDArray[np.void], sizes: npt.NDArray[np.uint32]) -> None:
        """Compressed bytes, (n, codecs), of the chunks that ``span`` returned. A chunker takes as
        many columns as it has codecs; a chunk that has been evicted since is passed over."""

    def add(self, chunker: int, keys: _UInt64s, sizes: _UInt64s, groups: _UInt64s) -> None:
        """Counts chunks that were cut elsewhere: keys (n, 2), sizes (n,) in bytes, the number of
        the group (n,) each was seen in."""

    def export(self, chunker: int) -> Export:
        """A copy of what the chunker of that index has seen."""

    def export_histogram(self) -> _UInt64s:
        """(64, 256): how often each byte value occurs in each group's data; holes do not count."""
