"""Evidence of a partial scan: points where the sample supports them, else ranges."""

import math
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from functools import reduce
from itertools import combinations
from operator import add
from typing import Self

import numpy as np
import numpy.typing as npt

from storeff.estimate.compression import IN_BYTES, Allocation, run_sizes
from storeff.estimate.every import EveryChunk
from storeff.estimate.evidence import Evidence
from storeff.estimate.extents import ChunkTable, ExtentSample, extent_sample, root_labels
from storeff.estimate.per_byte import data_share
from storeff.estimate.sharing import Roots
from storeff.estimate.totals import MISSED, seldom
from storeff.estimate.unseen import RANKS_MIN, Z_MAX, Pairs, calibrate, estimate
from storeff.quantity import UNKNOWN, Quantity, student95
from storeff.scan.codecs import CODECS
from storeff.scan.measurement import Measurement
from storeff.scan.plan import HEADLINE, Chunker

# How often the sample is thinned to calibrate one interval.
THINNINGS = 100
# Below this rate no point is given for deduplication: any estimator may be off by more than sqrt(1
# / rate) there (Charikar et al., PODS 2000), and a wider interval is a range, not a measurement.
POINT_RATE_MIN = 0.05
RANGE_MAX = 1.5


def headline_ratio(measurement: Measurement) -> Quantity:
    """The headline of what was sampled, before other figures bound it."""
    evidence = SampleEvidence.of(measurement, HEADLINE.chunker)
    chunker = evidence.chunkers[HEADLINE.chunker]
    return evidence.data_bytes / evidence.distinct(chunker, HEADLINE.codec)


def range_is_narrow(low: float, high: float, rate: float) -> bool:
    """Whether a sample read at ``rate`` supports a point between ``low`` and ``high``."""
    return low == high or (rate >= POINT_RATE_MIN and high <= RANGE_MAX * low)


class SampleEvidence(Evidence):
    """What a partial scan measured. Shares are per byte of data."""

    compression_is_surer = True

    def __init__(self, sample: ExtentSample, every: EveryChunk | None) -> None:
        super().__init__(
            [table.chunker for table in sample.tables.values()], sample.data_bytes, sample.roots
        )
        self.sample: ExtentSample = sample
        self.every = every
        self._shares: dict[tuple[object, ...], Quantity] = {}
        self._calibrated: dict[tuple[str, str | None], float] = {}

    @classmethod
    def of(cls, measurement: Measurement, only: str | None = None) -> Self:
        """What ``measurement``, of a sample, has; of all chunkers or of one ``only``."""
        return cls(extent_sample(measurement, only), EveryChunk.of(measurement))

    def counts(self, chunker: Chunker) -> tuple[int, int, int]:
        table = self.sample.tables[chunker.name]
        return table.chunks, int(table.run_bytes.sum()), len(table.keys)

    def distinct(self, chunker: Chunker, codec: str | None = None) -> Quantity:
        share = self.share(chunker, codec)
        return self.figure(share, Quantity.exact(self.data_bytes), self._runs_once(chunker, codec))

    def labelled(self, chunker: Chunker, codec: str | None, labels: int, of: Quantity) -> Quantity:
        return self.figure(self.share(chunker, codec, labels), of)

    def figure(self, share: Quantity, of: Quantity, more: int = 0) -> Quantity:
        """``share`` of some bytes, and ``more``, but no more than these; without a point where the
        sample supports only a range."""
        return self.supported(((share * of).rounded() + more).no_more_than(of.rounded()))

    def supported(self, q: Quantity) -> Quantity:
        """``q``, without a point where the sample supports only a range."""
        if q.low is None or q.high is None or range_is_narrow(q.low, q.high, self.sample.rate):
            return q
        return q.without_value()

    def share(
        self,
        chunker: Chunker,
        codec: str | None = None,
        labels: int | None = None,
        scope: float = 1.0,
        *,
        all_labels: bool = False,
    ) -> Quantity:
        """Distinct bytes per byte: see ``pairs``; in a random share ``scope`` of all ranks.

        Thinning calibrates the interval of everything. With that, intervals of an eighth to a half
        held the truth in 75 to 80 %, with Z_MAX in 95 to 100 % (40 seeds of files of one size,
        bench/accuracy/partial_scope.py, 2026-11-26).
        """
        if codec is not None and codec not in self.codecs(chunker):
            return UNKNOWN
        key = chunker.name, codec, labels, scope, all_labels
        if key not in self._shares:
            base = None if codec is None else self.base(chunker, codec)
            if base == codec:
                pairs = self.pairs(chunker, codec, labels, all_labels=all_labels)
                is_whole = labels is None and scope == 1.0
                z = self.calibrated(chunker, codec) if is_whole else Z_MAX
                self._shares[key] = estimate(pairs, self.sample.rate, z, scope)
            else:
                of_base = self.share(chunker, base, labels, scope, all_labels=all_labels)
                table = self.sample.tables[chunker.name]
                self._shares[key] = of_base * ratio_of(table, str(codec), str(base), labels)
        return self._shares[key]

    def base(self, chunker: Chunker, codec: str) -> str:
        """The codec that more chunks of ``chunker`` were compressed with than any other: what
        another leaves is that, times how they compare where both are known."""
        kept = self.sample.tables[chunker.name].compressed_kept
        of_codecs = {name: kept[name] for name in kept if name in CODECS}
        best = max(of_codecs, key=lambda name: of_codecs[name])
        return codec if of_codecs[codec] == of_codecs[best] else best

    def pairs(
        self,
        chunker: Chunker,
        codec: str | None = None,
        labels: int | None = None,
        *,
        all_labels: bool = False,
    ) -> Pairs:
        """The chunks with their bytes, or compressed bytes with a codec; only chunks and data with
        any of ``labels``, a bit set, if given, or chunks with ``all_labels`` of them."""
        sample, table = self.sample, self.sample.tables[chunker.name]
        rows, kept = np.full(len(table.keys), True), table.kept
        values: npt.NDArray[np.unsignedinteger] = table.sizes
        if codec is not None:
            values = table.compressed[codec]
            rows, kept = values > 0, table.compressed_kept[codec]
        read = sample.read_at(labels)
        # Of a part of the data the listing says nothing.
        listed, nominal, nominal_share = read, read, 1.0
        if labels is None:
            listed, nominal = (each.astype(np.float64) for each in (sample.listed, sample.nominal))
            nominal_share = sample.nominal_share
        else:
            observed = table.labels & np.uint64(labels)
            rows = rows & (observed == labels if all_labels else observed != 0)
        _, first, chunk = np.unique(table.keys[rows], return_index=True, return_inverse=True)
        value = values[rows][first].astype(np.float64)
        rank = np.searchsorted(sample.ranks, table.ranks[rows])
        return Pairs(value, chunk, rank, sample.ranks, read, listed, nominal, nominal_share, kept)

    def calibrated(self, chunker: Chunker, codec: str | None) -> float:
        """How many standard errors wide intervals of the chunks' bytes are, or of those compressed
        with ``codec``."""
        if self.sample.rate >= 1.0:
            return Z_MAX
        codec = None if codec is None else self.base(chunker, codec)
        key = chunker.name, codec
        if key not in self._calibrated:
            pairs = self.pairs(chunker, codec)
            rate, seed = self.sample.rate, self.sample.seed
            self._calibrated[key] = calibrate(pairs, rate, seed, THINNINGS)
        return self._calibrated[key]

    def _runs_once(self, chunker: Chunker, codec: str | None) -> int:
        runs = self.sample.tables[chunker.name].run_bytes
        return sum(run_sizes(runs, chunker, codec).values())

    def growth(self, chunker: Chunker, codec: str, shares: Sequence[float]) -> list[Quantity]:
        """As Evidence says, extents being in a share or not as a whole. What is left per byte does
        not grow with the scope."""
        found = [self.share(chunker, codec, scope=scope) for scope in (*shares, 1.0)]
        for i in reversed(range(len(shares))):
            found[i] = found[i].no_less_than(found[i + 1])
        runs = self._runs_once(chunker, codec)
        return [
            self.figure(share, Quantity.exact(round(scope * self.data_bytes)), runs)
            for share, scope in zip(found, shares, strict=False)
        ]

    def without_dedup(self, chunker: Chunker, codec: str, space: Allocation) -> Quantity | None:
        whole_bytes = self.taken_bytes(space)
        if self.every is None:
            return None
        return self.every.left(chunker.name, codec, space, whole_bytes)

    def taken_bytes(self, space: Allocation) -> int:
        if space == IN_BYTES:
            return self.data_bytes
        unit = space.allocation_bytes
        for chunker in self.chunkers.values():
            if self.sample.rate >= 1.0 and chunker.block_bytes == unit:
                return self.sample.tables[chunker.name].chunks * unit
        return self.data_bytes + self.sample.padding_bytes

    def class_bytes(self, label: int) -> Quantity | None:
        held = data_share(self.sample, label) * self.data_bytes
        if not held.value:
            return None
        return held.rounded() if held.is_exact else held

    def roots(self, chunker: Chunker) -> Roots:
        """Differences between the distinct bytes of roots and of several together, within what
        copies at equal ranks alone amount to and the distinct bytes of either. Unknown of a root of
        which too few ranks were read."""
        every = set(range(len(self.roots_bytes)))
        of = [self._held({root}, chunker) for root in every]
        together, apart = self._held(every, chunker), reduce(add, of)
        shared = {
            pair: self._shared(*pair, of, chunker)
            for pair in combinations(every, 2)
            if self._meet(*pair, chunker)
        }
        exclusive = []
        for root in every:
            elsewhere = [_low(q) for pair, q in shared.items() if root in pair]
            alone, held = together - self._held(every - {root}, chunker), of[root].high
            most = None if held is None else held - max(elsewhere, default=0)
            exclusive.append(UNKNOWN if most is None else alone.no_more_than(most).no_less_than(0))
        most = _high(apart) - max(map(_low, of))
        least = max(map(_low, shared.values()), default=0)
        pooled = (apart - together).no_more_than(most).no_less_than(least)
        return Roots(
            [self.supported(q.rounded()) for q in of],
            [self.supported(q.rounded()) for q in exclusive],
            {pair: self.supported(q.rounded()) for pair, q in shared.items()},
            self.supported(pooled.rounded()),
        )

    def _held(self, roots: AbstractSet[int], chunker: Chunker, *, by_all: bool = False) -> Quantity:
        """Distinct bytes of ``roots`` together; ``by_all``, only of what all of them hold at the
        same ranks."""
        share = self.share(chunker, labels=root_labels(roots), all_labels=by_all)
        return share * self.sample.bytes_in(roots)

    def _shared(self, a: int, b: int, of: Sequence[Quantity], chunker: Chunker) -> Quantity:
        """Bytes of the distinct chunks that both roots hold."""
        both = of[a] + of[b] - self._held({a, b}, chunker)
        aligned = self._held({a, b}, chunker, by_all=True)
        return both.no_more_than(min(_high(of[a]), _high(of[b]))).no_less_than(_low(aligned))

    def _meet(self, a: int, b: int, chunker: Chunker) -> bool:
        """Whether any chunk was read in both roots."""
        table = self.sample.tables[chunker.name]
        in_a, in_b = (
            table.keys[table.labels & np.uint64(root_labels({root})) != 0] for root in (a, b)
        )
        return bool(np.isin(in_a, in_b).any())

    def estimator(self, is_exact: bool) -> str:
        if self.sample.rate >= 1.0:
            return "count of all extents"
        return "unseen species by least squares, calibrated by re-thinning"

    def chunk_stream(self) -> str:
        return (
            f"per file, by content from {self.sample.lead_bytes >> 10} KiB before each extent of "
            f"{self.sample.extent_bytes >> 10} KiB; holes end a chunk and are not counted as data"
        )

    def standard_errors(self) -> dict[str, float]:
        made = {}
        for name, chunker in self.chunkers.items():
            made[name] = self.calibrated(chunker, None)
            for codec in self.codecs(chunker):
                made[f"{name} {codec}"] = self.calibrated(chunker, codec)
        return made

    def codecs(self, chunker: Chunker) -> list[str]:
        kept = self.sample.tables[chunker.name].compressed_kept
        return [name for name in kept if name in CODECS and kept[name] > 0]

    def compressed(self, chunker: Chunker, codec: str) -> tuple[int, int]:
        table = self.sample.tables[chunker.name]
        known = {
            name: len(np.unique(table.keys[values > 0]))
            for name, values in table.compressed.items()
        }
        return known[codec], max(known.values())

    def more_reading(self, chunker: Chunker, codec: str) -> list[tuple[int, float]]:
        """Now, at twice and at four times the rate: extrapolated from the widths at half and a
        quarter of the rate, whose samples lie inside this one.

        The width goes as a power of (1 - rate) / rate, which is 0 when everything is read. Nothing
        where no chunk was compressed.
        """
        if codec not in self.codecs(chunker):
            return []
        now_rate = self.sample.rate
        rates = [now_rate / 4, now_rate / 2, now_rate]
        widths = [self._width_at(rate, chunker, codec) for rate in rates]
        now = widths[-1]
        known = [(r, w) for r, w in zip(rates, widths, strict=True) if w and r < 1.0]
        if not now or now_rate >= 1.0 or len(known) < 2:
            return []
        odds = np.log([(1 - r) / r for r, _ in known])
        power = max(0.0, float(np.polyfit(odds, np.log([w for _, w in known]), 1)[0]))
        made = [(self.sample.read_bytes, now)]
        for times in (2, 4):
            rate = min(1.0, times * now_rate)
            width = now * ((1 - rate) / rate / ((1 - now_rate) / now_rate)) ** power
            made.append((round(self.data_bytes * rate), width if rate < 1.0 else 0.0))
            if rate == 1.0:
                break
        return made

    def _width_at(self, rate: float, chunker: Chunker, codec: str) -> float | None:
        """Width of the interval per byte of data, had the scan been at ``rate``, of what the codec
        leaves that stands for ``codec``."""
        codec = self.base(chunker, codec)
        pairs = self.pairs(chunker, codec).thinned(self.sample.ranks < rate)
        share = estimate(pairs, rate, self.calibrated(chunker, codec))
        return None if share.low is None or share.high is None else share.high - share.low


def ratio_of(table: ChunkTable, codec: str, base: str, labels: int | None = None) -> Quantity:
    """What ``codec`` leaves of distinct chunks over what ``base`` leaves, from those of which both
    are known; of those with any of ``labels``, a bit set, if given. A ratio estimator with a
    Student interval (W. G. Cochran, Sampling Techniques, 3rd ed., 1977, ch. 6), which allows for a
    kind of chunk of which none is known, as far off as any that is. Unknown if too few are."""
    known = (table.compressed[codec] > 0) & (table.compressed[base] > 0)
    if labels is not None:
        known &= (table.labels & np.uint64(labels)) != 0
    first = np.unique(table.keys[known], return_index=True)[1]
    y, x = (table.compressed[name][known][first].astype(np.float64) for name in (codec, base))
    count = len(first)
    if count < RANKS_MIN:
        return UNKNOWN
    ratio = float(y.sum() / x.sum())
    residual = y - ratio * x
    seen = table.compressed_kept[codec]
    variance = (1 - seen) * count / (count - 1) * float((residual**2).sum())
    half = student95(count - 1) * math.sqrt(variance) / float(x.sum())
    missed = MISSED * seldom(seen) / count
    below, above = -missed * float((residual / x).min()), missed * float((residual / x).max())
    return Quantity(
        ratio, ratio - math.hypot(half, below), ratio + math.hypot(half, above), "measured"
    )


def _low(q: Quantity) -> float:
    return q.low or 0


def _high(q: Quantity) -> float:
    return q.high or 0
