"""Which chunks an extent has: the slow form of what the native scanner does in a sample."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.scan.plan import Chunker


class Chunks(NamedTuple):
    """Chunks of some data: ``offsets``, ``keys`` and ``sizes`` (n,)."""

    offsets: npt.NDArray[np.int64]
    keys: npt.NDArray[np.uint64]
    sizes: npt.NDArray[np.int64]


def chunks_of(data: memoryview, begin: int, end: int, chunker: Chunker, kernel: str) -> Chunks:
    """The chunks, but those in constant runs, that start in [begin, end) of ``data``: cut from its
    start if by content, else from ``begin`` to ``end``."""
    cuts = _cuts(data, begin, end, chunker, kernel)
    inside = (cuts[:, 2] == 0) & (begin <= cuts[:, 0]) & (cuts[:, 0] < end)
    cuts = np.ascontiguousarray(cuts[inside])
    return Chunks(cuts[:, 0], _native.fingerprints(data, cuts, kernel)[:, 0], cuts[:, 1])


def _cuts(
    data: memoryview, begin: int, end: int, chunker: Chunker, kernel: str
) -> npt.NDArray[np.int64]:
    """(n, 3) offset, length, and whether it is a run."""
    origin, stop = (begin, end) if chunker.kind == "fixed" else (0, len(data))
    cuts = _native.cut(data[origin:stop], chunker.min_bytes, chunker.max_bytes, kernel)
    cuts[:, 0] += origin
    return cuts
