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
_COLUMNS = ("keys", "sizes", "counts", "groups", "compressed")


@dataclass(frozen=True, eq=False)
class Sketch:
    """State of one chunker after a scan, in canonical order (ascending rank, then key).

    Arrays have one row per kept chunk: ``keys`` (n, 2) 128-bit fingerprints, ``sizes`` bytes,
    ``counts`` references, ``groups`` bit set of content classes and volumes, ``compressed``
    (n, codecs) bytes.
    ``tau`` is the lowest rank ever refused: infinite while nothing was, and then all is exact.
    ``compressed_tau`` is that of the smaller sample that is compressed; rows at or beyond it are 0.
    ``chunks`` and ``bytes`` count everything seen; ``run_count`` and ``run_bytes`` (256,) count,
    by byte value, the constant runs, which are kept outside the sample. ``buckets`` (BUCKETS, 2)
    are the references and bytes of all chunks, kept or not, by bucket of their keys.
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
    buckets: U64

    @property
    def exact(self) -> bool:
        """Whether every unique chunk was kept, so that estimates are plain sums."""
        return self.tau == np.inf

    def kept_buckets(self, seed: int) -> npt.NDArray[np.intp]:
        """The row in ``buckets`` of each kept chunk, after a scan under ``seed``."""
        return _native.bucket(self.keys, seed)

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

    def with_groups_moved(self, moves: dict[int, int | None]) -> "Sketch":
        """With each bit that ``moves`` names at its new place in ``groups``; None drops it."""
        if all(old == new for old, new in moves.items()):
            return self
        groups = self.groups & ~np.uint64(sum(1 << old for old in moves))
        for old, new in moves.items():
            if new is not None:
                groups |= (self.groups >> np.uint64(old) & np.uint64(1)) << np.uint64(new)
        return replace(self, groups=groups)

    def merge(self, other: "Sketch", chunker: Chunker, seed: int) -> "Sketch":
        """The sketch of both inputs' data, bit for bit what one pass over both would give.

        Both must come from ``chunker`` under ``seed``.
        """
        tau = min(self.tau, other.tau)
        keys, sizes, counts, groups, compressed = (
            np.concatenate((getattr(self, field), getattr(other, field))) for field in _COLUMNS
        )
        ranks = _native.rank(keys, sizes, seed)
        below = np.flatnonzero(ranks < tau)
        order = below[_native.order(ranks[below], keys[below], sizes[below])]
        keys, sizes, ranks = keys[order], sizes[order], ranks[order]
        # Rows of one chunk are neighbours now.
        new = np.ones(len(order), bool)
        new[1:] = (keys[1:] != keys[:-1]).any(axis=1) | (sizes[1:] != sizes[:-1])
        first = np.flatnonzero(new)
        keys, sizes, ranks = keys[first], sizes[first], ranks[first]
        counts = np.add.reduceat(counts[order], first)
        groups = np.bitwise_or.reduceat(groups[order], first)
        # Where both sides know a compressed size, it is the same; 0 is not known.
        compressed = np.maximum.reduceat(compressed[order], first)
        kept, tau = _lowest(ranks, tau, chunker.entries)
        compressed_tau = min(self.compressed_tau, other.compressed_tau, tau)
        if chunker.codecs:
            sampled, compressed_tau = _lowest(ranks, compressed_tau, chunker.compressed_entries)
            compressed[sampled:] = 0
        return Sketch(
            keys=keys[:kept],
            sizes=sizes[:kept],
            counts=counts[:kept],
            groups=groups[:kept],
            compressed=compressed[:kept],
            tau=tau,
            compressed_tau=compressed_tau,
            chunks=self.chunks + other.chunks,
            bytes=self.bytes + other.bytes,
            run_count=self.run_count + other.run_count,
            run_bytes=self.run_bytes + other.run_bytes,
            buckets=self.buckets + other.buckets,
        )


def _lowest(ranks: npt.NDArray[np.float64], tau: float, entries: int) -> tuple[int, float]:
    """How many of the ascending ``ranks`` a sketch of ``entries`` keeps, and its tau."""
    if np.searchsorted(ranks, tau) > entries:
        tau = float(ranks[entries])
    return int(np.searchsorted(ranks, tau)), tau
