"""What a chunker saw: exact totals, runs, and a bounded priority sample of its unique chunks.

Priority sampling (Duffield, Lund, Thorup, J. ACM 54(6), 2007) keyed by content: every chunk has a
rank u(fingerprint) / size, the sketch keeps the lowest ranks, and because a chunk that ranks below
the final threshold was never refused, the count of every kept chunk is exact.
"""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.scan.plan import Chunker

U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Sketch:
    """State of one chunker after a scan, in canonical order (ascending rank, then key).

    Arrays have one row per kept chunk: ``keys`` (n, 2) 128-bit fingerprints, ``sizes`` bytes,
    ``counts`` references, ``groups`` bit set of content classes, ``compressed`` (n, codecs) bytes.
    ``tau`` is the lowest rank ever refused: infinite while nothing was, and then all is exact.
    ``compressed_tau`` is that of the smaller sample that is compressed; rows at or beyond it are 0.
    ``chunks`` and ``bytes`` count everything seen; ``run_count`` and ``run_bytes`` (256,) count,
    by byte value, the constant runs, which are kept outside the sample.
    """

    keys: U64
    sizes: U64
    counts: U64
    groups: U64
    compressed: npt.NDArray[np.uint32]
    tau: float
    compressed_tau: float
    chunks: int
    bytes: int
    run_count: U64
    run_bytes: U64

    @property
    def exact(self) -> bool:
        """Whether every unique chunk was kept, so that estimates are plain sums."""
        return self.tau == np.inf

    def compressed_sample(self) -> "Sketch":
        """The kept chunks whose compressed sizes are known, as the smaller sketch they are."""
        known = int(np.count_nonzero(self.compressed[:, 0]))
        return replace(
            self,
            keys=self.keys[:known],
            sizes=self.sizes[:known],
            counts=self.counts[:known],
            groups=self.groups[:known],
            compressed=self.compressed[:known],
            tau=self.compressed_tau,
        )

    def merge(self, other: "Sketch", chunker: Chunker, seed: int) -> "Sketch":
        """The sketch of both inputs' data, bit for bit what one pass over both would give.

        Both must come from ``chunker`` under ``seed``.
        """
        keys = np.concatenate((self.keys, other.keys))
        sizes = np.concatenate((self.sizes, other.sizes))
        chunks = np.column_stack((keys, sizes))
        unique, inverse = np.unique(chunks, axis=0, return_inverse=True)
        inverse = inverse.reshape(-1)
        counts = np.zeros(len(unique), np.uint64)
        np.add.at(counts, inverse, np.concatenate((self.counts, other.counts)))
        groups = np.zeros(len(unique), np.uint64)
        np.bitwise_or.at(groups, inverse, np.concatenate((self.groups, other.groups)))
        # Where both sides know a compressed size, it is the same; 0 is not known.
        compressed = np.zeros((len(unique), self.compressed.shape[1]), np.uint32)
        np.maximum.at(compressed, inverse, np.concatenate((self.compressed, other.compressed)))

        keys, sizes = np.ascontiguousarray(unique[:, :2]), np.ascontiguousarray(unique[:, 2])
        ranks = _native.rank(keys, sizes, seed)
        order = np.lexsort((sizes, keys[:, 1], keys[:, 0], ranks))
        order, tau = _lowest(order, ranks, min(self.tau, other.tau), chunker.entries)
        compressed = compressed[order]
        compressed_tau = min(self.compressed_tau, other.compressed_tau, tau)
        if chunker.codecs:
            sample, compressed_tau = _lowest(
                order, ranks, compressed_tau, chunker.compressed_entries
            )
            compressed[len(sample) :] = 0
        return Sketch(
            keys=keys[order],
            sizes=sizes[order],
            counts=counts[order],
            groups=groups[order],
            compressed=compressed,
            tau=tau,
            compressed_tau=compressed_tau,
            chunks=self.chunks + other.chunks,
            bytes=self.bytes + other.bytes,
            run_count=self.run_count + other.run_count,
            run_bytes=self.run_bytes + other.run_bytes,
        )


def _lowest(
    order: npt.NDArray[np.intp], ranks: npt.NDArray[np.float64], tau: float, entries: int
) -> tuple[npt.NDArray[np.intp], float]:
    """The rows of ``order`` (ascending rank) that a sketch of ``entries`` keeps, and its tau."""
    order = order[ranks[order] < tau]
    if len(order) > entries:
        tau = float(ranks[order[entries]])
        order = order[:entries]
    return order[ranks[order] < tau], tau
