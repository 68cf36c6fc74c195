"""What a chunker saw: exact totals, runs, and a bounded priority sample of its unique chunks.

Priority sampling (Duffield, Lund, Thorup, J. ACM 54(6), 2007) keyed by content: every chunk has a
rank u(fingerprint) / size, the sketch keeps the lowest ranks, and because a chunk that ranks below
the final threshold was never refused, the count of every kept chunk is exact.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from storeff import _native

U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Sketch:
    """State of one chunker after a scan, in canonical order (ascending rank, then key).

    Arrays have one row per kept chunk: ``keys`` (n, 2) 128-bit fingerprints, ``sizes`` bytes,
    ``counts`` references, ``groups`` bit set of content classes, ``compressed`` (n, codecs) bytes.
    ``tau`` is the lowest rank ever refused: infinite while nothing was, and then all is exact.
    ``chunks`` and ``bytes`` count everything seen; ``run_count`` and ``run_bytes`` (256,) count,
    by byte value, the constant runs, which are kept outside the sample.
    """

    keys: U64
    sizes: U64
    counts: U64
    groups: U64
    compressed: npt.NDArray[np.uint32]
    tau: float
    chunks: int
    bytes: int
    run_count: U64
    run_bytes: U64

    @property
    def exact(self) -> bool:
        """Whether every unique chunk was kept, so that estimates are plain sums."""
        return self.tau == np.inf

    def merge(self, other: "Sketch", entries: int, seed: int) -> "Sketch":
        """The sketch of both inputs' data, bit for bit what one pass over both would give.

        Both must come from the same chunker, ``seed`` and capacity of ``entries``.
        """
        keys = np.concatenate((self.keys, other.keys))
        unique, first, inverse = np.unique(keys, axis=0, return_index=True, return_inverse=True)
        inverse = inverse.reshape(-1)
        counts = np.zeros(len(unique), np.uint64)
        np.add.at(counts, inverse, np.concatenate((self.counts, other.counts)))
        groups = np.zeros(len(unique), np.uint64)
        np.bitwise_or.at(groups, inverse, np.concatenate((self.groups, other.groups)))
        sizes = np.concatenate((self.sizes, other.sizes))[first]
        compressed = np.concatenate((self.compressed, other.compressed))[first]

        ranks = _native.rank(unique, sizes, seed)
        order = np.lexsort((unique[:, 1], unique[:, 0], ranks))
        tau = min(self.tau, other.tau)
        order = order[ranks[order] < tau]
        if len(order) > entries:
            tau = float(ranks[order[entries]])
            order = order[:entries]
        return Sketch(
            keys=unique[order],
            sizes=sizes[order],
            counts=counts[order],
            groups=groups[order],
            compressed=compressed[order],
            tau=tau,
            chunks=self.chunks + other.chunks,
            bytes=self.bytes + other.bytes,
            run_count=self.run_count + other.run_count,
            run_bytes=self.run_bytes + other.run_bytes,
        )
