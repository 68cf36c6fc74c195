"""Data reduction of what was scanned: deduplication, compression, and both together."""

import math
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from storeff.estimate.delta import Similarity
from storeff.estimate.sharing import Sharing, sharing
from storeff.estimate.totals import Sample, Total, estimate_total, sample_of
from storeff.quantity import Quantity, quantity
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
    allocation_bytes: int = 1
    required_ratio: float = 1.0


class Combined(msgspec.Struct, frozen=True):
    """Bytes left when each distinct chunk is stored once, compressed: measured, not multiplied."""

    chunker: str
    codec: str
    physical_bytes: Quantity
    ratio: Quantity
    compression_only_bytes: Quantity | None = None
    compression_only_ratio: Quantity | None = None


class Growth(msgspec.Struct, frozen=True):
    """The headline ratio of a random ``share`` of the chunks that were scanned; of the units, where
    not everything was read."""

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
    """The headline reduction within one content class; a chunk shared by two counts in both.

    ``data_share`` is the class's part of the data (null in a report of before schema 1.4),
    ``data_bytes`` its bytes: null where they are not counted but estimated.
    """

    name: str
    data_bytes: int | None
    unique_bytes: Quantity
    physical_bytes: Quantity
    ratio: Quantity
    data_share: Quantity | None = None


class Sampling(msgspec.Struct, frozen=True):
    """How the units of a partial scan were drawn and judged.

    Units of ``unit_bytes`` whose hash is below ``rate`` were read; up to ``crowd_files`` files of
    one name or size share their hashes. ``places`` distinct ones were. ``standard_errors`` is how
    much further off than the closest an explanation of the sample may be to lie in the interval of
    each figure. ``more_reading``: bytes read in all, and what is then left of the headline's
    interval, as a share of the data.
    """

    rate: float
    unit_bytes: int
    crowd_files: int
    places: int
    standard_errors: dict[str, float]
    more_reading: list[tuple[int, float]]


class Method(msgspec.Struct, frozen=True):
    """How the figures were obtained. ``sampling`` is null where everything was read."""

    estimator: str
    sketch_entries: dict[str, int]
    sampled_fraction: float
    chunk_stream: str
    sampling: Sampling | None = None


class Reduction(msgspec.Struct, frozen=True):
    """Everything measured about how the data shrinks. Ratios are data bytes / bytes left."""

    data_bytes: int
    headline: Headline
    dedup: list[Dedup]
    compression: list[Compression]
    combined: list[Combined]
    similarity: Similarity | None
    scope: Scope
    by_stratum: list[StratumReduction]
    method: Method
    sharing: Sharing | None = None


@dataclass(frozen=True, eq=False)
class _Cut:
    """One chunker's sketch as the two samples that it is, and the compressed sizes of its runs.

    ``kept`` is all that is kept, ``compressed`` the part of it whose compressed sizes are known.
    ``run_sizes`` are by codec the bytes of one largest chunk of each byte value that occurred as a
    run.
    """

    chunker: Chunker
    sketch: Sketch
    kept: Sample
    compressed: Sample
    run_sizes: dict[str, dict[int, int]]

    def sizes(self, codec_name: str) -> npt.NDArray[np.uint64]:
        """Compressed bytes of each chunk of ``compressed``."""
        index = self.chunker.codecs.index(codec_name)
        return self.compressed.sketch.compressed[:, index].astype(np.uint64)


def _cut(measurement: Measurement, chunker: Chunker) -> _Cut:
    sketch = measurement.sketches[chunker.name]
    kept = sample_of(sketch, measurement.plan.seed)
    compressed = kept
    if chunker.codecs:
        compressed = sample_of(sketch.compressed_sample(), measurement.plan.seed)
    of_runs = {name: run_sizes(sketch.run_count, chunker, name) for name in chunker.codecs}
    return _Cut(chunker, sketch, kept, compressed, of_runs)


def reduce(measurement: Measurement, target_bytes: int | None = None) -> Reduction:
    """Every figure that ``measurement`` supports, with its interval.

    ``target_bytes`` are the logical bytes that the ceiling is for.
    """
    data_bytes = measurement.data_bytes
    cuts = {c.name: _cut(measurement, c) for c in measurement.plan.chunkers}
    dedup, compression, combined = [], [], []
    for cut in cuts.values():
        if cut.chunker.by_place:
            compression += [_compression(cut, name, data_bytes) for name in cut.chunker.codecs]
            continue
        distinct = estimate_total(cut.kept, cut.sketch.sizes)
        dedup.append(_dedup(cut, distinct, data_bytes))
        combined += [_combined(cut, name, distinct, data_bytes) for name in cut.chunker.codecs]
    headline = next(c for c in combined if (c.chunker, c.codec) == HEADLINE)
    floor = next(c for c in compression if (c.codec, c.block_bytes) == FLOOR)
    growth = [_at_share(cuts[HEADLINE[0]], share, data_bytes) for share in SHARES]
    ratios = [d.ratio for d in dedup] + [c.ratio for c in compression] + [c.ratio for c in combined]
    exact = all(each.low == each.high for each in ratios)
    return Reduction(
        data_bytes=data_bytes,
        headline=Headline(headline.chunker, headline.codec, headline.ratio),
        dedup=dedup,
        compression=compression,
        combined=combined,
        similarity=None,
        scope=scope_of(floor.ratio, headline.ratio, growth, data_bytes, target_bytes or data_bytes),
        by_stratum=_by_stratum(cuts[HEADLINE[0]], measurement),
        method=Method(
            estimator="exact count" if exact else "priority sketch, regression on referenced bytes",
            sketch_entries={c.name: c.entries for c in measurement.plan.chunkers},
            sampled_fraction=measurement.coverage,
            chunk_stream="per file; holes end a chunk and are not counted as data",
        ),
        sharing=sharing(measurement, HEADLINE[0], cuts[HEADLINE[0]].kept),
    )


def _dedup(cut: _Cut, distinct: Total, data_bytes: int) -> Dedup:
    """What storing each of the ``distinct`` bytes once leaves."""
    # A run of a byte value costs one chunk of the largest size, once, however long it is.
    runs_once = int(np.count_nonzero(cut.sketch.run_count)) * cut.chunker.max_bytes
    unique = distinct.plus(runs_once).quantity(int(cut.sketch.sizes.sum()), data_bytes)
    return Dedup(
        chunker=cut.chunker.name,
        chunks=cut.sketch.chunks,
        unique_bytes=unique,
        ratio=ratio(data_bytes, unique),
        run_bytes=int(cut.sketch.run_bytes.sum()),
    )


def _combined(cut: _Cut, codec_name: str, distinct: Total, data_bytes: int) -> Combined:
    """What storing each distinct chunk once, compressed, leaves."""
    sizes = cut.sizes(codec_name)
    once = estimate_total(cut.compressed, sizes, (cut.compressed.sketch.sizes, distinct))
    runs_once = sum(cut.run_sizes[codec_name].values())
    left = once.plus(runs_once).quantity(int(sizes.sum()), data_bytes)
    return Combined(
        chunker=cut.chunker.name,
        codec=codec_name,
        physical_bytes=left,
        ratio=ratio(data_bytes, left),
    )


def _compression(cut: _Cut, codec_name: str, data_bytes: int) -> Compression:
    """What compressing every block leaves, from a sample of all blocks."""
    sizes = cut.sizes(codec_name)
    runs = sum(int(cut.sketch.run_count[b]) * s for b, s in cut.run_sizes[codec_name].items())
    every = estimate_total(cut.compressed, sizes).plus(runs)
    left = every.quantity(int(sizes.sum()), data_bytes)
    return Compression(
        codec=codec_name,
        block_bytes=cut.chunker.max_bytes,
        compressed_bytes=left,
        ratio=ratio(data_bytes, left),
    )


def scope_of(
    floor: Quantity, measured: Quantity, growth: list[Growth], data_bytes: int, target_bytes: int
) -> Scope:
    """The scope of a ``target_bytes`` target, measured on ``data_bytes``."""
    half, whole = growth[-2].ratio.value, growth[-1].ratio.value
    ceiling = None
    if half is not None and whole is not None:
        doublings = max(0.0, math.log2(target_bytes / data_bytes))
        ceiling = Quantity(whole + doublings * max(0.0, whole - half), None, None, "assumed")
    return Scope(floor, measured, ceiling, growth)


def _at_share(cut: _Cut, share: float, data_bytes: int) -> Growth:
    """The headline ratio if each chunk had been met with probability ``share``.

    A chunk of c references is then met at all with probability 1 - (1 - share)^c: rarefaction (H.
    L. Sanders, American Naturalist 102, 1968), here of a population that the sketch estimates.
    """
    sample = cut.compressed.sketch
    distinct = estimate_total(cut.kept, cut.sketch.sizes * _met(cut.sketch.counts, share))
    met = _met(sample.counts, share)
    once = estimate_total(
        cut.compressed, cut.sizes(HEADLINE[1]) * met, (sample.sizes * met, distinct)
    )
    run_met = _met(cut.sketch.run_count, share)
    runs = cut.run_sizes[HEADLINE[1]]
    left = once.plus(round(sum(size * float(run_met[byte]) for byte, size in runs.items())))
    share_bytes = round(share * data_bytes)
    return Growth(share, ratio(share_bytes, left.quantity(0, share_bytes)))


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


def run_sizes(runs: npt.NDArray[np.uint64], chunker: Chunker, codec_name: str) -> dict[int, int]:
    """Compressed bytes of one largest chunk of each byte value of which ``runs`` (256,) has any."""
    values = [int(byte) for byte in np.flatnonzero(runs)]
    if not values:
        return {}
    sizes = codec(codec_name)([bytes([value]) * chunker.max_bytes for value in values])
    return dict(zip(values, sizes, strict=True))


def _by_stratum(cut: _Cut, measurement: Measurement) -> list[StratumReduction]:
    sizes = cut.sizes(HEADLINE[1])
    strata = []
    for bit, name in enumerate(CLASSES):
        data_bytes = int(measurement.class_bytes[bit])
        if data_bytes:
            seen, seen_compressed = _seen(cut.sketch, bit), _seen(cut.compressed.sketch, bit)
            unique = estimate_total(cut.kept, cut.sketch.sizes * seen)
            known = (cut.compressed.sketch.sizes * seen_compressed, unique)
            values = sizes * seen_compressed
            left = estimate_total(cut.compressed, values, known).quantity(
                int(values.sum()), data_bytes
            )
            strata.append(
                StratumReduction(
                    name=name,
                    data_bytes=data_bytes,
                    unique_bytes=unique.quantity(int((cut.sketch.sizes * seen).sum()), data_bytes),
                    physical_bytes=left,
                    ratio=ratio(data_bytes, left),
                    data_share=quantity(data_bytes / measurement.data_bytes, None, "measured"),
                )
            )
    return strata


def _seen(sketch: Sketch, bit: int) -> npt.NDArray[np.uint64]:
    """1 for each kept chunk that occurs in the content class of ``bit``, else 0."""
    return (sketch.groups >> np.uint64(bit)) & np.uint64(1)
