"""Data reduction of what was scanned: deduplication, compression, and both together."""

import math

import msgspec
import numpy as np
import numpy.typing as npt

from storeff.estimate.sharing import Sharing, sharing
from storeff.estimate.totals import estimate_total, referenced
from storeff.quantity import Quantity
from storeff.scan.codecs import codec
from storeff.scan.measurement import Measurement
from storeff.scan.plan import Chunker
from storeff.scan.sketch import Sketch
from storeff.sources.content import CLASSES

# What stands for "how far it shrinks" where one figure is asked for: chunks that survive inserts,
# at the size and level that present all-flash systems use.
HEADLINE = ("cdc-64KiB", "zstd-3")
# Shares of the scanned chunks at which the headline is told, each double the one before.
SHARES = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)
# The floor needs no duplicate to be found again at scale: independent blocks, compressed.
FLOOR = ("zstd-3", 128 << 10)


class Headline(msgspec.Struct, frozen=True):
    """The one figure, and what it is the figure of."""

    chunker: str
    codec: str
    ratio: Quantity


class Dedup(msgspec.Struct, frozen=True):
    """Bytes left when every distinct chunk is stored once. Constant runs are in ``run_bytes``."""

    chunker: str
    chunks: int
    unique_bytes: Quantity
    ratio: Quantity
    run_bytes: int


class Compression(msgspec.Struct, frozen=True):
    """Bytes left when independent blocks are compressed and nothing is deduplicated."""

    codec: str
    block_bytes: int
    compressed_bytes: Quantity
    ratio: Quantity


class Combined(msgspec.Struct, frozen=True):
    """Bytes left when each distinct chunk is stored once, compressed: measured, not multiplied."""

    chunker: str
    codec: str
    physical_bytes: Quantity
    ratio: Quantity


class Growth(msgspec.Struct, frozen=True):
    """The headline ratio of a random ``share`` of the chunks that were scanned."""

    share: float
    ratio: Quantity


class Scope(msgspec.Struct, frozen=True):
    """The ratio to expect beyond the scanned data.

    ``floor`` needs no duplicates, ``measured`` assumes the target repeats the scanned domain.
    ``growth`` is how the measured ratio came about as the scope doubled, and ``ceiling`` assumes
    that every further doubling up to the target adds what the last one did: a scenario, which
    nothing in the scanned data can confirm. Without a target it is the measured ratio.
    """

    floor: Quantity
    measured: Quantity
    ceiling: Quantity | None
    growth: list[Growth] = []


class StratumReduction(msgspec.Struct, frozen=True):
    """The headline reduction within one content class; a chunk shared by two counts in both."""

    name: str
    data_bytes: int
    unique_bytes: Quantity
    physical_bytes: Quantity
    ratio: Quantity


class Method(msgspec.Struct, frozen=True):
    """How the figures were obtained."""

    estimator: str
    sketch_entries: dict[str, int]
    sampled_fraction: float
    chunk_stream: str


class Reduction(msgspec.Struct, frozen=True):
    """Everything measured about how the data shrinks. Ratios are data bytes / bytes left."""

    data_bytes: int
    headline: Headline
    dedup: list[Dedup]
    compression: list[Compression]
    combined: list[Combined]
    similarity: None
    scope: Scope
    by_stratum: list[StratumReduction]
    method: Method
    sharing: Sharing | None = None


def reduce(measurement: Measurement, target_bytes: int | None = None) -> Reduction:
    """Every figure that ``measurement`` supports, with its interval.

    ``target_bytes`` are the logical bytes that the ceiling is for.
    """
    data_bytes = measurement.data_bytes
    dedup, compression, combined = [], [], []
    for chunker in measurement.plan.chunkers:
        sketch = measurement.sketches[chunker.name]
        if chunker.by_place:
            compression += _compression(sketch, chunker, data_bytes)
            continue
        distinct = estimate_total(sketch, sketch.sizes, referenced(sketch))
        # A run of a byte value costs one chunk of the largest size, once, however long it is.
        runs_once = int(np.count_nonzero(sketch.run_count)) * chunker.max_bytes
        unique = distinct.plus(runs_once).quantity(int(sketch.sizes.sum()), data_bytes)
        dedup.append(
            Dedup(
                chunker=chunker.name,
                chunks=sketch.chunks,
                unique_bytes=unique,
                ratio=ratio(data_bytes, unique),
                run_bytes=int(sketch.run_bytes.sum()),
            )
        )
        sample = sketch.compressed_sample() if chunker.codecs else sketch
        for index, name in enumerate(chunker.codecs):
            sizes = sample.compressed[:, index].astype(np.uint64)
            runs = _run_sizes(sketch, chunker, name)
            once = estimate_total(sample, sizes, (sample.sizes, distinct))
            left = once.plus(sum(runs.values())).quantity(int(sizes.sum()), data_bytes)
            combined.append(
                Combined(
                    chunker=chunker.name,
                    codec=name,
                    physical_bytes=left,
                    ratio=ratio(data_bytes, left),
                )
            )
    headline = next(c for c in combined if (c.chunker, c.codec) == HEADLINE)
    floor = next(c for c in compression if (c.codec, c.block_bytes) == FLOOR)
    ratios = [d.ratio for d in dedup] + [c.ratio for c in compression] + [c.ratio for c in combined]
    exact = all(each.low == each.high for each in ratios)
    return Reduction(
        data_bytes=data_bytes,
        headline=Headline(headline.chunker, headline.codec, headline.ratio),
        dedup=dedup,
        compression=compression,
        combined=combined,
        similarity=None,
        scope=_scope(measurement, floor.ratio, headline.ratio, target_bytes or data_bytes),
        by_stratum=_by_stratum(measurement),
        method=Method(
            estimator="exact count" if exact else "priority sketch, regression on referenced bytes",
            sketch_entries={c.name: c.entries for c in measurement.plan.chunkers},
            sampled_fraction=measurement.coverage,
            chunk_stream="per file; holes end a chunk and are not counted as data",
        ),
        sharing=sharing(measurement, HEADLINE[0]),
    )


def _compression(sketch: Sketch, chunker: Chunker, data_bytes: int) -> list[Compression]:
    """What compressing every block leaves, from a sample of all blocks."""
    sample = sketch.compressed_sample()
    made = []
    for index, name in enumerate(chunker.codecs):
        sizes = sample.compressed[:, index].astype(np.uint64)
        runs = _run_sizes(sketch, chunker, name)
        run_total = sum(int(sketch.run_count[byte]) * size for byte, size in runs.items())
        every = estimate_total(sample, sizes, referenced(sample)).plus(run_total)
        left = every.quantity(int(sizes.sum()), data_bytes)
        made.append(
            Compression(
                codec=name,
                block_bytes=chunker.max_bytes,
                compressed_bytes=left,
                ratio=ratio(data_bytes, left),
            )
        )
    return made


def _scope(
    measurement: Measurement, floor: Quantity, measured: Quantity, target_bytes: int
) -> Scope:
    growth = [_at_share(measurement, share) for share in SHARES]
    half, whole = growth[-2].ratio.value, growth[-1].ratio.value
    ceiling = None
    if half is not None and whole is not None:
        doublings = max(0.0, math.log2(target_bytes / measurement.data_bytes))
        ceiling = Quantity(whole + doublings * max(0.0, whole - half), None, None, "assumed")
    return Scope(floor, measured, ceiling, growth)


def _at_share(measurement: Measurement, share: float) -> Growth:
    """The headline ratio if each chunk had been met with probability ``share``.

    A chunk of c references is then met at all with probability 1 - (1 - share)^c: rarefaction (H.
    L. Sanders, American Naturalist 102, 1968), here of a population that the sketch estimates.
    """
    chunker = next(c for c in measurement.plan.chunkers if c.name == HEADLINE[0])
    sketch = measurement.sketches[chunker.name]
    sample = sketch.compressed_sample()
    distinct = estimate_total(sketch, sketch.sizes * _met(sketch.counts, share), referenced(sketch))
    met = _met(sample.counts, share)
    compressed = sample.compressed[:, chunker.codecs.index(HEADLINE[1])] * met
    once = estimate_total(sample, compressed, (sample.sizes * met, distinct))
    run_met = _met(sketch.run_count, share)
    runs = _run_sizes(sketch, chunker, HEADLINE[1])
    left = once.plus(round(sum(size * float(run_met[byte]) for byte, size in runs.items())))
    data_bytes = round(share * measurement.data_bytes)
    return Growth(share, ratio(data_bytes, left.quantity(0, data_bytes)))


def _met(counts: npt.NDArray[np.uint64], share: float) -> npt.NDArray[np.float64]:
    """Probability that at least one of ``counts`` references is among a random ``share``."""
    return 1.0 - (1.0 - share) ** counts.astype(np.float64)


def ratio(data_bytes: int, left: Quantity) -> Quantity:
    """``data_bytes`` / ``left``; unknown where nothing is left to divide by."""
    if not left.value or not left.low or not left.high:
        return Quantity(None, None, None, "measured")
    return Quantity(
        data_bytes / left.value, data_bytes / left.high, data_bytes / left.low, "measured"
    )


def _run_sizes(sketch: Sketch, chunker: Chunker, codec_name: str) -> dict[int, int]:
    """Compressed bytes of one largest chunk of each byte value that occurred as a run."""
    values = [int(byte) for byte in np.flatnonzero(sketch.run_count)]
    if not values:
        return {}
    sizes = codec(codec_name)([bytes([value]) * chunker.max_bytes for value in values])
    return dict(zip(values, sizes, strict=True))


def _by_stratum(measurement: Measurement) -> list[StratumReduction]:
    chunker = next(c for c in measurement.plan.chunkers if c.name == HEADLINE[0])
    sketch = measurement.sketches[chunker.name]
    sample = sketch.compressed_sample()
    compressed = sample.compressed[:, chunker.codecs.index(HEADLINE[1])].astype(np.uint64)
    strata = []
    for bit, name in enumerate(CLASSES):
        data_bytes = int(measurement.class_bytes[bit])
        if data_bytes:
            sizes = sketch.sizes * _seen(sketch, bit)
            unique = estimate_total(sketch, sizes, referenced(sketch))
            values = compressed * _seen(sample, bit)
            known = (sample.sizes * _seen(sample, bit), unique)
            physical = estimate_total(sample, values, known)
            left = physical.quantity(int(values.sum()), data_bytes)
            strata.append(
                StratumReduction(
                    name=name,
                    data_bytes=data_bytes,
                    unique_bytes=unique.quantity(int(sizes.sum()), data_bytes),
                    physical_bytes=left,
                    ratio=ratio(data_bytes, left),
                )
            )
    return strata


def _seen(sketch: Sketch, bit: int) -> npt.NDArray[np.uint64]:
    """1 for each kept chunk that occurs in the content class of ``bit``, else 0."""
    return (sketch.groups >> np.uint64(bit)) & np.uint64(1)
