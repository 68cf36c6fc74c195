"""Data reduction of what was read in part: points where the sample supports them, else ranges."""

from collections.abc import Iterator, Sequence

import numpy as np

from storeff.estimate.compression import (
    IN_BYTES,
    IN_UNITS,
    Allocation,
    Compression,
    less,
    ratio,
    run_sizes,
)
from storeff.estimate.consistency import is_interrupted, no_less, no_more, without_intervals
from storeff.estimate.reduction import (
    SHARES,
    Combined,
    Dedup,
    Growth,
    Headline,
    Method,
    Reduction,
    Sampling,
    scope_of,
)
from storeff.estimate.sampled_groups import sharing_of, strata_of
from storeff.estimate.sampled_shares import (
    distinct,
    headline_cut,
    saved_share,
    share_bytes,
    supported,
)
from storeff.estimate.sampled_view import Sampled
from storeff.estimate.unseen import Z_MAX, Share, calibrate, estimate
from storeff.quantity import Quantity
from storeff.scan.measurement import Measurement
from storeff.scan.plan import HEADLINE, Chunker
from storeff.scan.sampling import SamplingDesign

# How often the sample is thinned to calibrate one interval.
THINNINGS = 100


def reduce_sampled(measured: Measurement, target_bytes: int | None = None) -> Reduction:
    """Every figure that ``measured`` supports. A quantity has no value where it supports only a
    range, and no bounds either where it says nothing.

    ``target_bytes`` are the logical bytes that the growth scenario is for.
    """
    sampled = Sampled(measured)
    data_bytes = sampled.data_bytes
    dedup: list[Dedup] = []
    combined: list[Combined] = []
    used: dict[str, float] = {}
    for chunker in _cutting(sampled):
        if chunker.per_occurrence:
            continue
        used[chunker.name] = calibrated(sampled, chunker.name)
        dedup.append(_dedup(sampled, chunker, used[chunker.name]))
        z = calibrated(sampled, chunker.name, len(chunker.codecs) - 1)
        for index, name in enumerate(chunker.codecs):
            used[f"{chunker.name} {name}"] = z
            left = _combined(sampled, chunker, index, z)
            combined.append(_beside(sampled, chunker, index, left, dedup[-1].unique_bytes))
    headline = next(c for c in combined if (c.chunker, c.codec) == HEADLINE)
    growth = growth_of(sampled, used[" ".join(HEADLINE)])
    growth[-1] = Growth(growth[-1].share, headline.ratio)
    reduction = Reduction(
        data_bytes=data_bytes,
        headline=Headline(headline.chunker, headline.codec, headline.ratio),
        dedup=dedup,
        compression=[
            row for c in _cutting(sampled) if c.per_occurrence for row in _compression(sampled, c)
        ],
        combined=combined,
        similarity=None,
        scope=scope_of(headline, growth, data_bytes, target_bytes or data_bytes),
        by_stratum=strata_of(sampled),
        method=Method(
            estimator="unseen species by least squares, calibrated by re-thinning"
            if sampled.rate < 1.0
            else "count of all units",
            sketch_entries={name: len(table.keys) for name, table in sampled.tables.items()},
            sampled_fraction=sampled.coverage,
            chunk_stream=_chunk_stream(sampled.design),
            sampling=Sampling(
                rate=sampled.rate,
                unit_bytes=sampled.design.extent_bytes,
                crowd_files=sampled.design.share_limit,
                places=len(sampled.places),
                standard_errors=used,
                more_reading=_more_reading(sampled, used[" ".join(HEADLINE)]),
            ),
        ),
        sharing=sharing_of(sampled),
    )
    return without_intervals(reduction) if is_interrupted(sampled.census) else reduction


def _cutting(sampled: Sampled) -> list[Chunker]:
    return [c for c in sampled.plan.chunkers if c.name in sampled.tables]


def headline_ratio(measured: Measurement) -> Quantity:
    """The headline of ``reduce_sampled``, before other figures bound it."""
    sampled = Sampled(measured)
    chunker, codec = headline_cut(sampled)
    left = _combined(sampled, chunker, codec, calibrated(sampled, chunker.name, codec))
    return ratio(sampled.data_bytes, left)


def _dedup(sampled: Sampled, chunker: Chunker, z: float) -> Dedup:
    table = sampled.tables[chunker.name]
    once = int(np.count_nonzero(table.runs)) * chunker.max_bytes
    share = estimate(distinct(sampled, table), sampled.rate, z)
    unique = supported(share, sampled.rate, sampled.data_bytes, once)
    return Dedup(
        chunker=chunker.name,
        chunks=table.chunks,
        unique_bytes=unique,
        ratio=ratio(sampled.data_bytes, unique),
        run_bytes=int(table.runs.sum()),
    )


def _combined(sampled: Sampled, chunker: Chunker, codec: int, z: float) -> Quantity:
    """Bytes of the distinct chunks, compressed."""
    table = sampled.tables[chunker.name]
    share = estimate(distinct(sampled, table, codec), sampled.rate, z)
    runs = sum(run_sizes(table.runs, chunker, chunker.codecs[codec]).values())
    return supported(share, sampled.rate, sampled.data_bytes, runs)


def _beside(
    sampled: Sampled, chunker: Chunker, codec: int, left: Quantity, unique: Quantity
) -> Combined:
    """The row of what is ``left`` of the ``unique`` bytes, beside what compression alone leaves:
    that is told better by a part, and as much as what both leave at least."""
    data_bytes = sampled.data_bytes
    left = no_more(left, unique)
    only = _every(sampled, chunker, codec, IN_BYTES)
    if only is not None:
        left = no_more(left, only)
    return Combined(
        chunker.name,
        chunker.codecs[codec],
        left,
        ratio(data_bytes, left),
        only,
        None if only is None else ratio(data_bytes, only),
    )


def _every(sampled: Sampled, like: Chunker, codec: int, allocation: Allocation) -> Quantity | None:
    """What compressing every chunk that is cut as ``like`` cuts leaves, as often as it occurs. None
    if no sample by place tells."""
    for chunker in _cutting(sampled):
        same = (chunker.cut, chunker.codecs) == (like.cut, like.codecs)
        if chunker.per_occurrence and same:
            share = saved_share(sampled, sampled.tables[chunker.name], codec, allocation)
            whole_bytes = sampled.data_bytes
            if allocation == IN_UNITS:
                whole_bytes = _allocated_bytes(sampled)
            return less(whole_bytes, share_bytes(share, sampled.data_bytes))
    return None


def _allocated_bytes(sampled: Sampled) -> int:
    """What all data takes in units of IN_UNITS without compression."""
    unit = IN_UNITS.allocation_bytes
    counted = [c for c in _cutting(sampled) if c.per_occurrence and c.block_bytes == unit]
    if sampled.rate >= 1.0 and counted:
        return sampled.tables[counted[0].name].chunks * unit
    return sampled.data_bytes + sampled.totals.padding_bytes


def _compression(sampled: Sampled, chunker: Chunker) -> Iterator[Compression]:
    """The rows of what compressing every fixed block leaves, in bytes and as allocated."""
    block_bytes = chunker.block_bytes
    if block_bytes is None:
        return
    for index, name in enumerate(chunker.codecs):
        plain = _every(sampled, chunker, index, IN_BYTES)
        assert plain is not None
        yield Compression(name, block_bytes, plain, ratio(sampled.data_bytes, plain))
        if block_bytes > IN_UNITS.allocation_bytes:
            allocated = _every(sampled, chunker, index, IN_UNITS)
            assert allocated is not None
            left = no_less(allocated, plain)
            yield Compression(name, block_bytes, left, ratio(sampled.data_bytes, left), *IN_UNITS)


def growth_of(sampled: Sampled, z: float) -> list[Growth]:
    """The headline ratio as the scope doubles, units being in it or not as a whole."""
    chunker, codec = headline_cut(sampled)
    table = sampled.tables[chunker.name]
    sample = distinct(sampled, table, codec)
    shares = _never_growing([estimate(sample, sampled.rate, z, scope) for scope in SHARES])
    runs = sum(run_sizes(table.runs, chunker, HEADLINE.codec).values())
    made = []
    for scope, share in zip(SHARES, shares, strict=True):
        scope_bytes = round(scope * sampled.data_bytes)
        left = supported(share, sampled.rate, scope_bytes, runs)
        made.append(Growth(scope, ratio(scope_bytes, left)))
    return made


def _never_growing(shares: Sequence[Share | None]) -> Sequence[Share | None]:
    """What is left per byte does not grow with the scope, so neither bound can. That of all, which
    is the headline's, is left as it is."""
    known = [share for share in shares if share]
    if len(known) < len(shares):
        return shares
    lows, highs = (
        np.maximum.accumulate([getattr(share, end) for share in known[::-1]])[::-1]
        for end in ("low", "high")
    )
    values = np.clip([share.value for share in known], lows, highs)
    return [
        Share(*each) for each in zip(*map(np.ndarray.tolist, (values, lows, highs)), strict=True)
    ]


def _chunk_stream(design: SamplingDesign) -> str:
    return (
        f"per file, by content from {design.lead_bytes >> 10} KiB before each unit of "
        f"{design.extent_bytes >> 10} KiB; holes end a chunk and are not counted as data"
    )


def _interval_width(sampled: Sampled, rate: float, z: float) -> float | None:
    """Width, per byte of data, of the headline's interval, had the scan been at ``rate``."""
    chunker, codec = headline_cut(sampled)
    sample = distinct(sampled, sampled.tables[chunker.name], codec)
    share = estimate(sample.thinned(sampled.places < rate), rate, z)
    return None if share is None else share.high - share.low


def _more_reading(sampled: Sampled, z: float) -> list[tuple[int, float]]:
    """(bytes read in all, width of the headline's interval per byte of data) now, at twice and at
    four times the rate: told from what half and a quarter of the sample gave, which lie inside it.

    The width goes as a power of (1 - rate) / rate, which is 0 when everything is read.
    """
    rates = [sampled.rate / 4, sampled.rate / 2, sampled.rate]
    widths = [_interval_width(sampled, rate, z) for rate in rates]
    now = widths[-1]
    known = [(r, w) for r, w in zip(rates, widths, strict=True) if w and r < 1.0]
    if not now or sampled.rate >= 1.0 or len(known) < 2:
        return []
    odds = np.log([(1 - r) / r for r, _ in known])
    power = max(0.0, float(np.polyfit(odds, np.log([w for _, w in known]), 1)[0]))
    made = [(sampled.read_bytes, now)]
    for times in (2, 4):
        rate = min(1.0, times * sampled.rate)
        width = now * ((1 - rate) / rate / ((1 - sampled.rate) / sampled.rate)) ** power
        made.append((round(sampled.data_bytes * rate), width if rate < 1.0 else 0.0))
        if rate == 1.0:
            break
    return made


def calibrated(sampled: Sampled, chunker: str, codec: int | None = None) -> float:
    """The standard errors that intervals of distinct bytes, or compressed ones, are wide."""
    if sampled.rate >= 1.0:
        return Z_MAX
    sample = distinct(sampled, sampled.tables[chunker], codec)
    z = calibrate(sample, sampled.rate, sampled.design.seed, THINNINGS)
    return Z_MAX if z is None else z
