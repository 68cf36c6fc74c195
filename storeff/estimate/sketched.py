"""Evidence of a full scan: exact while a sketch keeps all chunks, else from priority samples."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import Self

import numpy as np
import numpy.typing as npt

from storeff.estimate.compression import IN_BYTES, IN_UNITS, Allocation, run_sizes
from storeff.estimate.evidence import Evidence
from storeff.estimate.sharing import Roots
from storeff.estimate.totals import MISSED, PrioritySample, Total, estimate_total, sample_of
from storeff.quantity import Quantity
from storeff.scan.measurement import VOLUME_BIT, Measurement
from storeff.scan.plan import Chunker
from storeff.scan.sketch import Sketch

U64 = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Cut:
    """One chunker's sketch as the two samples that it is: ``kept`` is all that is kept,
    ``compressed`` the part of it whose compressed sizes are known."""

    chunker: Chunker
    sketch: Sketch
    kept: PrioritySample
    compressed: PrioritySample
    totals: dict[tuple[int | None, float], Total] = field(default_factory=dict)

    @classmethod
    def of(cls, sketch: Sketch, chunker: Chunker, seed: int) -> Self:
        """The ``sketch`` of a scan under ``seed``."""
        kept = compressed = sample_of(sketch, seed)
        if chunker.codecs:
            compressed = sample_of(sketch.compressed_sample(), seed)
        return cls(chunker, sketch, kept, compressed)

    def sizes(self, codec: str) -> U64:
        """Compressed bytes of each chunk of ``compressed``."""
        index = self.chunker.codecs.index(codec)
        return self.compressed.sketch.compressed[:, index].astype(np.uint64)

    def distinct(
        self, most: int, codec: str | None = None, labels: int | None = None, scope: float = 1.0
    ) -> Quantity:
        """Bytes of the distinct chunks, ``most`` at most: compressed with ``codec``, if given.

        With ``labels``, a bit set, of the chunks that have any of them, and of no runs. With
        ``scope``, of the chunks in a random share of all references.
        """
        total = self._unique(labels, scope)
        values = self.sketch.sizes * _weights(self.sketch, labels, scope)
        if codec is not None:
            weights = _weights(self.compressed.sketch, labels, scope)
            whole, values = self.compressed.sketch.sizes * weights, self.sizes(codec) * weights
            total = estimate_total(self.compressed, values, (whole, total), part_of=whole)
        runs = self._runs_once(codec, scope) if labels is None else 0
        least = int(values.sum()) + runs if scope == 1.0 else 0
        return total.plus(runs).quantity(least, most)

    def _unique(self, labels: int | None, scope: float) -> Total:
        """The estimate of the distinct chunks' bytes, uncompressed."""
        if (labels, scope) not in self.totals:
            values = self.sketch.sizes * _weights(self.sketch, labels, scope)
            self.totals[labels, scope] = estimate_total(self.kept, values)
        return self.totals[labels, scope]

    def _runs_once(self, codec: str | None, scope: float) -> int:
        observed = _observed(self.sketch.run_count, scope)
        sizes = run_sizes(self.sketch.run_count, self.chunker, codec)
        return round(sum(size * float(observed[byte]) for byte, size in sizes.items()))

    def without_dedup(self, codec: str, allocation: Allocation, whole_bytes: int) -> Quantity:
        """What compressing every chunk, as often as it occurs, leaves of the ``whole_bytes`` that
        all take without.

        Estimated is what is saved, which is part of each chunk's size; what a small chunk takes may
        be many times that.
        """
        sample = self.compressed.sketch
        sizes = self.sizes(codec)
        # Each occurrence counts. Of distinct chunks that is known only if all are compressed.
        saved = sample.counts * allocation.saved(sample.sizes, sizes)
        taken = sample.counts * allocation.taken(sample.sizes, sizes)
        runs = self._saved_of_runs(codec, allocation)
        total = estimate_total(self.compressed, saved, part_of=sample.sizes).plus(runs)
        others = max(0, self.sketch.chunks - int(sample.counts.sum()))
        least_left = int(taken.sum()) + others * allocation.allocation_bytes
        return whole_bytes - total.quantity(
            int(saved.sum()) + runs, max(whole_bytes - least_left, runs)
        )

    def _saved_of_runs(self, codec: str, allocation: Allocation) -> int:
        """Bytes that runs save, cut in largest chunks."""
        largest = self.chunker.max_bytes
        saved = 0
        for byte, size in run_sizes(self.sketch.run_bytes, self.chunker, codec).items():
            each = allocation.saved(*np.array([[largest], [size]], np.uint64))
            saved += int(self.sketch.run_bytes[byte]) * int(each[0]) // largest
        return saved


def _weights(sketch: Sketch, labels: int | None, scope: float) -> U64 | Floats:
    """(n,) how much each kept chunk counts, as ``Cut.distinct`` says."""
    if labels is not None:
        has: U64 = (sketch.labels & np.uint64(labels) != 0).astype(np.uint64)
        return has
    return _observed(sketch.counts, scope) if scope < 1.0 else np.ones_like(sketch.sizes)


def _observed(counts: U64, share: float) -> Floats:
    """Probability that at least one of ``counts`` references is among a random ``share``:
    rarefaction (H. L. Sanders, American Naturalist 102, 1968)."""
    return 1.0 - (1.0 - share) ** counts.astype(np.float64)


class SketchEvidence(Evidence):
    """What a full scan measured."""

    def __init__(
        self,
        cuts: Sequence[Cut],
        data_bytes: int,
        roots_bytes: Mapping[bytes, int],
        class_bytes: Sequence[int],
    ) -> None:
        super().__init__([cut.chunker for cut in cuts], data_bytes, roots_bytes)
        self.cuts = {cut.chunker.name: cut for cut in cuts}
        self.of_class = class_bytes

    @classmethod
    def of(cls, measurement: Measurement) -> Self:
        plan, sketches = measurement.plan, measurement.sketches
        cuts = [Cut.of(sketches[c.name], c, plan.seed) for c in plan.chunkers]
        class_bytes = measurement.class_bytes.tolist()
        return cls(cuts, measurement.data_bytes, measurement.volumes, class_bytes)

    def counts(self, chunker: Chunker) -> tuple[int, int, int]:
        sketch = self.cuts[chunker.name].sketch
        return sketch.chunks, int(sketch.run_bytes.sum()), chunker.entries

    def distinct(self, chunker: Chunker, codec: str | None = None) -> Quantity:
        return self.cuts[chunker.name].distinct(self.data_bytes, codec)

    def labelled(self, chunker: Chunker, codec: str | None, labels: int, of: Quantity) -> Quantity:
        assert isinstance(of.value, int)
        return self.cuts[chunker.name].distinct(of.value, codec, labels)

    def growth(self, chunker: Chunker, codec: str, shares: Sequence[float]) -> list[Quantity]:
        cut = self.cuts[chunker.name]
        return [cut.distinct(round(s * self.data_bytes), codec, scope=s) for s in shares]

    def without_dedup(self, cut_like: Chunker, codec: str, space: Allocation) -> Quantity | None:
        whole_bytes = self.data_bytes if space == IN_BYTES else self._allocated_bytes()
        every = self._occurrences(cut_like)
        if every is None or whole_bytes is None:
            return None
        return every.without_dedup(codec, space, whole_bytes)

    def _occurrences(self, cut_like: Chunker) -> Cut | None:
        """The chunks ``cut_like`` these with all compressed, else a per-occurrence sample."""
        alike = [
            cut
            for cut in self.cuts.values()
            if cut.chunker.cut == cut_like.cut and cut.chunker.codecs
        ]
        counted = [cut for cut in alike if cut.compressed.sketch.exact]
        sampled = [cut for cut in alike if cut.chunker.per_occurrence]
        return next(iter(counted + sampled), None)

    def _allocated_bytes(self) -> int | None:
        """What all blocks take in units of IN_UNITS, uncompressed: blocks of any multiple of the
        unit divide into these, which one chunker may count."""
        unit = IN_UNITS.allocation_bytes
        counted = [c for c in self.cuts.values() if c.chunker.block_bytes == unit]
        return counted[0].sketch.chunks * unit if counted else None

    def class_bytes(self, label: int) -> Quantity | None:
        size_bytes = self.of_class[label.bit_length() - 1]
        return Quantity.exact(size_bytes) if size_bytes else None

    def roots(self, chunker: Chunker) -> Roots:
        kept, data_bytes = self.cuts[chunker.name].kept, list(self.roots_bytes.values())
        labels, most = kept.sketch.labels, sum(data_bytes)
        holds = [
            (labels >> np.uint64(VOLUME_BIT + root)) & np.uint64(1)
            for root in range(len(data_bytes))
        ]
        holders = np.sum(holds, axis=0, dtype=np.uint64)
        both = {(a, b): holds[a] * holds[b] for a, b in combinations(range(len(holds)), 2)}
        return Roots(
            unique=[_bytes(kept, *each) for each in zip(holds, data_bytes, strict=True)],
            exclusive=[_bytes(kept, held * (holders == 1), most) for held in holds],
            shared={
                pair: _bytes(kept, times, kept.sketch.bytes)
                for pair, times in both.items()
                if times.any()
            },
            pooled=_bytes(kept, np.maximum(holders, np.uint64(1)) - np.uint64(1), most),
        )

    def estimator(self, is_exact: bool) -> str:
        return "exact count" if is_exact else "priority sketch, regression on referenced bytes"

    def chunk_stream(self) -> str:
        return "per file; holes end a chunk and are not counted as data"


def _bytes(kept: PrioritySample, times: U64, most: int) -> Quantity:
    """Bytes of all chunks, each as often as ``times`` (n,) counts the ``kept`` ones."""
    sketch = kept.sketch
    sizes = sketch.sizes * times
    if not sizes.any():
        # B bytes of chunks, each kept with probability size x tau or more, are all missed with one
        # of exp(-B x tau) or less, which is 2.5 % at this B.
        missed = 0.0 if sketch.exact else MISSED / sketch.tau
        return Quantity(0, 0, min(round(missed), most), "measured")
    return estimate_total(kept, sizes).quantity(int(sizes.sum()), most)
