"""Evidence of a full scan: exact while a sketch keeps all chunks, else from priority samples."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from typing import Self

import numpy as np
import numpy.typing as npt

from storeff.estimate.columns import Column, estimate_columns
from storeff.estimate.compression import IN_BYTES, Allocation, run_sizes
from storeff.estimate.consistency import is_interrupted
from storeff.estimate.every import EveryChunk
from storeff.estimate.evidence import Evidence
from storeff.estimate.sharing import Roots
from storeff.estimate.totals import (
    MISSED,
    SIZE,
    Control,
    Estimate,
    PrioritySample,
    Total,
    estimate_total,
    sample_of,
)
from storeff.quantity import UNKNOWN, Quantity
from storeff.scan.codecs import CODECS
from storeff.scan.measurement import VOLUME_BIT, Measurement
from storeff.scan.plan import Chunker
from storeff.scan.sketch import Sketch

U64 = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

# Two nested samples whose sizes a pilot chose hold the truth somewhat less often than one of a
# fixed size: intervals of what they say are so much wider (research of 2026-11-25).
TWO_STAGES = 1.1


# What is predicted of every chunk that is kept.
PREDICTED = ("literals", "coded")
# References to distinct chunks are a sample of all chunks where these have about as many: where as
# many chunks of equal references as this share of all would vary as much. Of a made-up stream with
# Zipf's law intervals held the truth in 79 %, as the chunk that has most was often in no sample and
# nothing showed of it (2026-11-26).
EVEN = 0.5


@dataclass(frozen=True, eq=False)
class Cut:
    """One chunker's sketch as the nested samples that it is: of all that is ``kept`` sizes and
    references are known, and each column of ``probed`` of the first rows by rank."""

    chunker: Chunker
    sketch: Sketch
    seed: int
    made: dict[tuple[object, ...], dict[str, Estimate]] = field(default_factory=dict)

    @cached_property
    def ranks(self) -> Floats:
        return self.sketch.ranks(self.seed)

    @cached_property
    def kept(self) -> PrioritySample:
        return sample_of(self.sketch, self.seed)

    @cached_property
    def probed(self) -> dict[str, tuple[PrioritySample, Floats, float]]:
        """By column: the sample of which it is known, its bytes (n,), and the share of these that
        could not be read again: they are taken to be like the others."""
        made: dict[str, tuple[PrioritySample, Floats, float]] = {}
        samples: dict[float, PrioritySample] = {}
        count = int(np.count_nonzero(self.sketch.predicted[:, 0]))
        if count:
            tau = float(self.ranks[count]) if count < len(self.ranks) else self.sketch.tau
            samples[tau] = sample_of(self.sketch.first(count, tau), self.seed)
            for index, name in enumerate(PREDICTED):
                values = self.sketch.predicted[:count, index].astype(np.float64)
                made[name] = samples[tau], values, 0.0
        for index, name in enumerate(self.sketch.columns):
            tau = min(float(self.sketch.taus[index]), self.sketch.tau)
            count = int(np.searchsorted(self.ranks, tau))
            values = self.sketch.probed[:count, index].astype(np.float64)
            if not tau or (not values.any() and len(self.ranks)):
                continue
            if tau not in samples:
                samples[tau] = sample_of(self.sketch.first(count, tau), self.seed)
            sizes, lost = samples[tau].sizes, values == 0
            if lost.any():
                values[lost] = sizes[lost] * (values.sum() / sizes[~lost].sum())
            made[name] = samples[tau], values, float(sizes[lost].sum() / max(1.0, sizes.sum()))
        return made

    def holds(self, codec: str) -> bool:
        """Whether anything is known of ``codec``."""
        return codec in self.probed

    def estimates(
        self,
        labels: int | None = None,
        scope: float = 1.0,
        *,
        every: bool = False,
        use_all: bool = False,
    ) -> dict[str, Estimate]:
        """By column, and SIZE, the bytes of distinct chunks: of those with any of ``labels``, a bit
        set; in a random share ``scope`` of all references; of ``every`` reference to them."""
        key = labels, scope, every, use_all
        if key not in self.made:
            weights = _weights(self.sketch, labels, scope, every=every)
            sizes = (self.sketch.sizes * weights).astype(np.float64)
            controls: list[Control] = []
            if every:
                of_size = self._referenced(sizes)
            else:
                of_size = estimate_total(self.kept, self.sketch.sizes * weights, name=SIZE)
                if math.isfinite(of_size.total.standard_error):
                    controls = [of_size.residual]
            columns = [
                Column(
                    name,
                    self._counted(sample, sizes, of_size.total) if every else sample,
                    values * weights[: len(values)],
                    sizes[: len(values)],
                    values / sample.sizes,
                )
                for name, (sample, values, _) in self.probed.items()
            ]
            found = estimate_columns(columns, controls, use_all=use_all)
            self.made[key] = {SIZE: of_size, **found}
        return self.made[key]

    def _referenced(self, sizes: Floats) -> Estimate:
        """The bytes of all references, which are counted."""
        counted = Total(self.sketch.bytes - int(self.sketch.run_bytes.sum()), 0.0)
        return Estimate(counted, Control(SIZE, sizes, counted))

    @staticmethod
    def _counted(sample: PrioritySample, sizes: Floats, counted: Total) -> PrioritySample:
        """``sample`` where every reference counts: a chunk with very many is one like any other,
        and their bytes are known of all."""
        count = len(sample.sizes)
        return replace(
            sample,
            light=np.ones(count, bool),
            referenced=sizes[:count],
            referenced_bytes=float(counted.value),
            heavy_share=0.0,
            unseen=0.0,
        )

    def distinct(
        self, most: int, codec: str | None = None, labels: int | None = None, scope: float = 1.0
    ) -> Quantity:
        """Bytes of the distinct chunks, ``most`` at most: compressed with ``codec``, if given.

        With ``labels``, a bit set, of the chunks that have any of them, and of no runs. With
        ``scope``, of the chunks in a random share of all references. Unknown if no chunk was
        compressed so.
        """
        if codec is not None and not self.holds(codec):
            return UNKNOWN
        found = self.estimates(labels, scope)
        weights = _weights(self.sketch, labels, scope)
        total, least = found[SIZE].total, float((self.sketch.sizes * weights).sum())
        if codec is not None:
            _, values, lost = self.probed[codec]
            whole, least = total, float((values * weights[: len(values)]).sum()) * (1 - lost)
            total = self._widened(found[codec].total, whole, lost)
        runs = self._runs_once(codec, scope) if labels is None else 0
        return total.plus(runs).quantity(int(least) + runs if scope == 1.0 else 0, most)

    def _widened(self, total: Total, whole: Total, lost: float) -> Total:
        """``total`` of what was chosen in two stages, of ``whole`` bytes, as much of which as
        ``lost`` says may have been anything."""
        less, more = lost * total.value, lost * max(0.0, whole.value - total.value)
        return replace(
            total,
            standard_error=TWO_STAGES * total.standard_error,
            missed_less=total.missed_less + less,
            missed_more=total.missed_more + more,
        )

    def _runs_once(self, codec: str | None, scope: float) -> int:
        observed = _observed(self.sketch.run_count, scope)
        sizes = run_sizes(self.sketch.run_count, self.chunker, codec)
        return round(sum(size * float(observed[byte]) for byte, size in sizes.items()))

    def every_reference(self, codec: str, whole_bytes: int) -> Quantity:
        """What compressing every chunk, as often as it occurs, leaves of ``whole_bytes``. Unknown
        where few chunks have most of the references.

        A chunk with very many references of which none was kept may compress to anything: as much
        as the buckets show of these is added to both ends.
        """
        sample, values, lost = self.probed[codec]
        if not sample.is_exact and not self._is_even():
            return UNKNOWN
        found = self.estimates(every=True)
        total = self._widened(found[codec].total, found[SIZE].total, lost)
        hidden = self._hidden_bytes()
        share = total.value / max(1, found[SIZE].total.value)
        total = replace(
            total,
            missed_less=total.missed_less + share * hidden,
            missed_more=total.missed_more + (1 - share) * hidden,
        )
        runs = self._every_run(codec)
        least = int((values * self.sketch.counts[: len(values)]).sum() * (1 - lost)) + runs
        return total.plus(runs).quantity(min(least, whole_bytes), whole_bytes)

    def _is_even(self) -> bool:
        """Whether most chunks have about as many references."""
        each = (self.sketch.counts * self.sketch.sizes).astype(np.float64)
        count, total, squares = (
            float((values / self.kept.chance).sum()) for values in (each**0, each, each**2)
        )
        return total**2 >= EVEN * count * squares

    def _hidden_bytes(self) -> float:
        """Bytes of references, in buckets that hold a heavy hitter, to chunks that were not kept,
        beyond what other buckets have on average."""
        if self.sketch.exact:
            return 0.0
        left = self.sketch.buckets[:, 1].astype(np.float64)
        kept_bytes = (self.sketch.counts * self.sketch.sizes).astype(np.float64)
        np.subtract.at(left, self.sketch.kept_buckets(self.seed), kept_bytes)
        is_heavy = self.kept.is_heavy
        usual = float(left[~is_heavy].mean()) if not is_heavy.all() else 0.0
        return float(np.maximum(left[is_heavy] - usual, 0.0).sum())

    def _every_run(self, codec: str) -> int:
        """Bytes that constant runs leave, cut in largest chunks."""
        largest = self.chunker.max_bytes
        sizes = run_sizes(self.sketch.run_bytes, self.chunker, codec)
        return sum(
            -(-int(self.sketch.run_bytes[byte]) * size // largest) for byte, size in sizes.items()
        )


def _weights(
    sketch: Sketch, labels: int | None, scope: float, *, every: bool = False
) -> U64 | Floats:
    """(n,) how much each kept chunk counts, as ``Cut.estimates`` says."""
    if every:
        return sketch.counts
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
        every: EveryChunk | None,
        precision: float,
        *,
        is_cut: bool = False,
    ) -> None:
        super().__init__([cut.chunker for cut in cuts], data_bytes, roots_bytes)
        self.cuts = {cut.chunker.name: cut for cut in cuts}
        self.of_class = class_bytes
        self.every = every
        self.precision = precision
        self.is_cut = is_cut

    @classmethod
    def of(cls, measurement: Measurement) -> Self:
        plan, sketches = measurement.plan, measurement.sketches
        return cls(
            [Cut(c, sketches[c.name], plan.seed) for c in plan.chunkers],
            measurement.data_bytes,
            measurement.volumes,
            measurement.class_bytes.tolist(),
            EveryChunk.of(measurement),
            plan.precision,
            is_cut=is_interrupted(measurement.census),
        )

    def counts(self, chunker: Chunker) -> tuple[int, int, int]:
        sketch = self.cuts[chunker.name].sketch
        return sketch.chunks, int(sketch.run_bytes.sum()), chunker.entries

    def compressed(self, chunker: Chunker, codec: str) -> tuple[int, int]:
        probed = self.cuts[chunker.name].probed
        return len(probed[codec][1]), max(len(probed[name][1]) for name in self.codecs(chunker))

    def codecs(self, chunker: Chunker) -> list[str]:
        return [name for name in self.cuts[chunker.name].probed if name in CODECS]

    def distinct(self, chunker: Chunker, codec: str | None = None) -> Quantity:
        return self.cuts[chunker.name].distinct(self.data_bytes, codec)

    def labelled(self, chunker: Chunker, codec: str | None, labels: int, of: Quantity) -> Quantity:
        assert isinstance(of.value, int)
        return self.cuts[chunker.name].distinct(of.value, codec, labels)

    def growth(self, chunker: Chunker, codec: str, shares: Sequence[float]) -> list[Quantity]:
        cut = self.cuts[chunker.name]
        return [cut.distinct(round(s * self.data_bytes), codec, scope=s) for s in shares]

    def without_dedup(self, chunker: Chunker, codec: str, space: Allocation) -> Quantity | None:
        """From the references to distinct chunks where these give it to twice the precision that
        was asked for, as windows are looked at for what they do not: else from windows."""
        whole_bytes = self.taken_bytes(space)
        if whole_bytes is None:
            return None
        cut, of_references = self.cuts[chunker.name], UNKNOWN
        if space == IN_BYTES and cut.holds(codec) and not self.is_cut:
            of_references = cut.every_reference(codec, self.data_bytes)
        width = of_references.relative_half_width
        if self.every is None or (width is not None and width <= 2 * self.precision):
            return None if of_references == UNKNOWN else of_references
        of_windows = self.every.left(chunker.name, codec, space, whole_bytes)
        return of_references if of_windows is None and of_references != UNKNOWN else of_windows

    def taken_bytes(self, space: Allocation) -> int | None:
        """Blocks of any multiple of a unit divide into units, which one chunker may count."""
        if space == IN_BYTES:
            return self.data_bytes
        unit = space.allocation_bytes
        counted = [c for c in self.cuts.values() if c.chunker.block_bytes == unit]
        return counted[0].sketch.chunks * unit if counted else None

    def class_bytes(self, label: int) -> Quantity | None:
        size_bytes = self.of_class[label.bit_length() - 1]
        return Quantity.exact(size_bytes) if size_bytes else None

    def roots(self, chunker: Chunker) -> Roots:
        cut, data_bytes = self.cuts[chunker.name], list(self.roots_bytes.values())
        labels, most = cut.sketch.labels, sum(data_bytes)
        holds = [
            (labels >> np.uint64(VOLUME_BIT + root)) & np.uint64(1)
            for root in range(len(data_bytes))
        ]
        holders = np.sum(holds, axis=0, dtype=np.uint64)
        both = {(a, b): holds[a] * holds[b] for a, b in combinations(range(len(holds)), 2)}
        return Roots(
            unique=[_bytes(cut, *each) for each in zip(holds, data_bytes, strict=True)],
            exclusive=[_bytes(cut, held * (holders == 1), most) for held in holds],
            shared={
                pair: _bytes(cut, times, cut.sketch.bytes)
                for pair, times in both.items()
                if times.any()
            },
            pooled=_bytes(cut, np.maximum(holders, np.uint64(1)) - np.uint64(1), most),
        )

    def estimator(self, is_exact: bool) -> str:
        if is_exact:
            return "exact count"
        return "priority sketch, regression on referenced bytes and on cheaper columns"

    def chunk_stream(self) -> str:
        return "per file; holes end a chunk and are not counted as data"


def _bytes(cut: Cut, times: U64, most: int) -> Quantity:
    """Bytes of all chunks, each as often as ``times`` (n,) counts the ones that ``cut`` kept."""
    sizes = cut.sketch.sizes * times
    if not sizes.any():
        # B bytes of chunks, each kept with probability size x tau or more, are all missed with one
        # of exp(-B x tau) or less, which is 2.5 % at this B.
        missed = 0.0 if cut.sketch.exact else MISSED / cut.sketch.tau
        return Quantity(0, 0, min(round(missed), most), "measured")
    return estimate_total(cut.kept, sizes).total.quantity(int(sizes.sum()), most)
