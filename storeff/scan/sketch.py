"""What a chunker saw: exact totals, runs, and a bounded priority sample of its unique chunks.

Priority sampling (Duffield, Lund, Thorup, J. ACM 54(6), 2007) keyed by content: every chunk has a
rank u(fingerprint) / size, the sketch keeps the lowest ranks, and because a chunk that ranks below
the final threshold was never refused, the count of every kept chunk is exact.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.scan.plan import Chunker
from storeff.scan.united import united

U64 = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
# Of each chunker, by its name, the ranks that need be kept, and predicted, of what is merged.
Limits = Mapping[str, tuple[float, float]]
Rows = slice | npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sketch:
    """State of one chunker after a scan, in canonical order (ascending rank, then key).

    Arrays have one row per kept chunk: ``keys`` (n, 2) 128-bit fingerprints, ``sizes`` bytes,
    ``counts`` references, ``labels`` bit set of content classes and source roots, ``objects`` and
    ``offsets`` the least place among the references, where it can be read again. ``predicted``
    (n, 2) are two numbers of bytes that explain what codecs leave of it (_native.predict): its
    literals, and these coded. Only the first 32,768 rows have them, and those only if
    ``Plan.predicts`` is true of the chunker: else they are 0.
    ``tau`` is the lowest rank ever refused: infinite while nothing was, and then all is exact.
    ``chunks`` and ``bytes`` count everything seen; ``run_count`` and ``run_bytes`` (256,) count,
    by byte value, the constant runs, which are kept outside the sample. ``buckets`` (BUCKETS, 2)
    are the references and bytes of all chunks, kept or not, by bucket of their keys.

    What is probed of the chunks stands in ``probed`` (n, columns), by ``columns``: bytes that
    codecs leave of them. Every row that ranks below ``taus`` (columns,) was probed for that column,
    and 0 there means that it could not be read again as it was scanned; from there
    on all are 0. No tau is above ``tau``. Of what was only counted all ``taus`` are 0.

    In a sample a row is a chunk and the sampling rank of an extent that it starts in, ``extents``
    (n,), and counts and labels are those of the chunk there. All rows of a chunk rank by u of its
    fingerprint alone, so that they stay or go together: the chunks are a random share of all, tau,
    or all if that is infinite. What is probed of a chunk stands in each of its rows.
    """

    keys: U64
    sizes: U64
    counts: U64
    labels: U64
    extents: Floats | None
    objects: U64
    offsets: U64
    predicted: npt.NDArray[np.uint32]
    tau: float
    chunks: int
    bytes: int
    run_count: U64
    run_bytes: U64
    buckets: U64
    columns: tuple[str, ...]
    probed: npt.NDArray[np.uint32]
    taus: Floats

    @classmethod
    def counted(cls, counts: "_native.Export", columns: tuple[str, ...]) -> "Sketch":
        """What was counted, of which ``columns`` may be probed."""
        return cls(
            **counts,
            columns=columns,
            probed=np.zeros((len(counts["keys"]), len(columns)), np.uint32),
            taus=np.zeros(len(columns)),
        )

    @property
    def exact(self) -> bool:
        """Whether every unique chunk was kept, so that estimates are plain sums."""
        return self.tau == np.inf

    def kept_buckets(self, seed: int) -> npt.NDArray[np.intp]:
        """The row in ``buckets`` of each kept chunk, after a scan under ``seed``."""
        return _native.bucket(self.keys, seed)

    def ranks(self, seed: int) -> Floats:
        """(n,) ranks, after a scan under ``seed``; they ascend."""
        return _native.rank(
            self.keys, self.sizes if self.extents is None else np.ones_like(self.sizes), seed
        )

    def limit(self, seed: int) -> tuple[float, float]:
        """The ranks from which on nothing that is merged into this is kept, or predicted."""
        at = _native.PREDICTED_MAX
        last = slice(at, at + 1)
        [predicted_below] = self._at(last).ranks(seed) if len(self.keys) > at else [self.tau]
        return self.tau, float(predicted_below)

    def with_labels_moved(self, moves: Mapping[int, int | None]) -> "Sketch":
        """With each bit that ``moves`` names at its new place in ``labels``; None drops it."""
        return replace(self, labels=moved(self.labels, moves))

    def within(self, rate: float) -> "Sketch":
        """Of a sample, the rows of extents whose sampling rank is below ``rate``."""
        assert self.extents is not None
        return self._at(self.extents < rate)

    def _at(self, rows: Rows) -> "Sketch":
        return replace(
            self,
            keys=self.keys[rows],
            sizes=self.sizes[rows],
            counts=self.counts[rows],
            labels=self.labels[rows],
            extents=None if self.extents is None else self.extents[rows],
            objects=self.objects[rows],
            offsets=self.offsets[rows],
            predicted=self.predicted[rows],
            probed=self.probed[rows],
        )

    def merge(self, others: "Sequence[Sketch]", chunker: Chunker, seed: int) -> "Sketch":
        """The sketch of all inputs' data, bit for bit what one pass over all would give.

        All must come from ``chunker`` under ``seed``. Raises ValueError if only some are of a
        sample.
        """
        every = [self, *others]
        counts: _native.Export = {
            **united(every, chunker.entries, seed),
            "chunks": sum(each.chunks for each in every),
            "bytes": sum(each.bytes for each in every),
            "run_count": np.sum([each.run_count for each in every], axis=0),
            "run_bytes": np.sum([each.run_bytes for each in every], axis=0),
            "buckets": np.sum([each.buckets for each in every], axis=0),
        }
        return Sketch.counted(counts, self.columns)._probed_as(every, seed)

    def _probed_as(self, every: "Sequence[Sketch]", seed: int) -> "Sketch":
        """This, which was merged of ``every``, with what was probed of the chunks of any."""
        taus = np.minimum(np.min([each.taus for each in every], axis=0), self.tau)
        highest = float(taus.max(initial=0.0))
        if not highest:
            return self
        mine, *parts = [each._at(slice(each._below(highest, seed))) for each in (self, *every)]
        chunks = np.concatenate([np.column_stack((p.keys, p.sizes)) for p in (mine, *parts)])
        _, number = np.unique(chunks, axis=0, return_inverse=True)
        number = number.reshape(-1)
        count = len(mine.keys)
        known = np.zeros((len(chunks), len(self.columns)), np.uint32)
        np.maximum.at(known, number[count:], np.concatenate([p.probed for p in parts]))
        return self.with_probed(known[number[:count]], taus, seed)

    def with_probed(self, known: npt.NDArray[np.uint32], taus: Floats, seed: int) -> "Sketch":
        """With ``known`` as what was probed of the first rows, and nothing from ``taus`` on."""
        probed = np.zeros_like(self.probed)
        probed[: len(known)] = known
        # Ranks are above 0, and nothing is probed of what was only counted.
        ends = np.searchsorted(self.ranks(seed), taus) if taus.any() else np.zeros(len(taus), int)
        for column, end in enumerate(ends.tolist()):
            probed[end:, column] = 0
        return replace(self, probed=probed, taus=taus)

    def _below(self, rank: float, seed: int) -> int:
        """How many rows rank below ``rank``: they are the first ones."""
        return int(np.searchsorted(self.ranks(seed), rank))

    def first(self, count: int, tau: float) -> "Sketch":
        """The ``count`` first rows as a sketch of their own, which refused what ranks ``tau`` or
        higher."""
        return replace(self._at(slice(count)), tau=tau)

    def first_rows(self) -> npt.NDArray[np.intp]:
        """(m,) the first row of each chunk: all, but in a sample."""
        return (
            np.arange(len(self.keys)) if self.extents is None else np.flatnonzero(self._is_first())
        )

    def chunk_numbers(self) -> U64:
        """(n,) a number for each chunk: equal in all of its rows in a sample."""
        return np.cumsum(self._is_first()).astype(np.uint64)

    def _is_first(self) -> npt.NDArray[np.bool_]:
        """(n,) whether a row is the first of its chunk."""
        first = np.ones(len(self.keys), bool)
        first[1:] = (self.keys[1:] != self.keys[:-1]).any(axis=1)
        first[1:] |= self.sizes[1:] != self.sizes[:-1]
        return first


def moved(labels: U64, moves: Mapping[int, int | None]) -> U64:
    """``labels`` with each bit that ``moves`` names at its new place; None drops it."""
    if all(old == new for old, new in moves.items()):
        return labels
    result = labels & ~np.uint64(sum(1 << old for old in moves))
    for old, new in moves.items():
        if new is not None:
            result |= (labels >> np.uint64(old) & np.uint64(1)) << np.uint64(new)
    return result
