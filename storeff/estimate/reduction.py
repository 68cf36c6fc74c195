"""Data reduction of what was scanned: deduplication, compression, and both together."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Self

import msgspec

from storeff.estimate.compression import IN_BYTES, IN_UNITS, Compression
from storeff.estimate.consistency import is_interrupted, without_intervals
from storeff.estimate.delta import Similarity
from storeff.estimate.evidence import Evidence
from storeff.estimate.inside import Inside
from storeff.estimate.probing import Population, cells
from storeff.estimate.sampled import SampleEvidence
from storeff.estimate.shards import ShardCompression, shard_compression
from storeff.estimate.sharing import Sharing, sharing
from storeff.estimate.sketched import SketchEvidence
from storeff.quantity import UNKNOWN, Quantity
from storeff.scan.codecs import CODECS
from storeff.scan.measurement import Measurement
from storeff.scan.plan import CUTTINGS, HEADLINE, Chunker, Plan
from storeff.scan.shards import Shards
from storeff.sources.census import Census
from storeff.sources.content import CLASSES

# Shares of the scanned data at which the headline is reported, each double the one before.
SHARES = (1 / 32, 1 / 16, 1 / 8, 1 / 4, 1 / 2, 1.0)


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


class Combined(msgspec.Struct, frozen=True):
    """Bytes left when each distinct chunk is stored once, compressed: measured, not multiplied.

    There is a row for each pair that was measured: those of the table that was asked for, and what
    the chosen layouts name. ``compression_only_bytes`` is what is left when the same chunks are
    compressed as well, and none is found again: never less. Null in a report of before schema 1.5.
    """

    chunker: str
    codec: str
    physical_bytes: Quantity
    ratio: Quantity
    compression_only_bytes: Quantity | None = None
    compression_only_ratio: Quantity | None = None


class Growth(msgspec.Struct, frozen=True):
    """The headline ratio of a random ``share`` of the chunks that were scanned; of the extents,
    where not everything was read."""

    share: float
    ratio: Quantity


class Scope(msgspec.Struct, frozen=True):
    """What the headline rests on.

    ``floor`` is compression only: the headline's chunks compressed, no duplicate needed. It is
    never above ``measured``, the headline, which assumes that the target repeats the scanned
    domain. ``growth`` is how that ratio came about as the scope doubled: a history of the scanned
    data, and no bound of what more data does. In 21 of 24 trials on nested parts of four corpora
    the truth was above a continuation of it (2026-11-25): the copies that scanned data holds say
    nothing of copies to come.
    """

    floor: Quantity
    measured: Quantity
    growth: list[Growth] = []


class StratumReduction(msgspec.Struct, frozen=True):
    """The headline reduction within one content class; a chunk shared by two counts in both, and
    constant runs, each one chunk in all, in none.

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
    """How the extents of a partial scan were sampled and judged.

    Extents of ``unit_bytes`` with a sampling rank below ``rate`` were read, ``places`` distinct
    ranks in all; up to ``crowd_files`` files of one name or size share their ranks.
    ``standard_errors`` is how much further off than the closest an explanation of the sample may be
    to lie in the interval of each figure. ``more_reading``: bytes read in all, and what is then
    left of the headline's interval, as a share of the data.
    """

    rate: float
    unit_bytes: int
    crowd_files: int
    places: int
    standard_errors: dict[str, float]
    more_reading: list[tuple[int, float]]


class Cell(msgspec.Struct, frozen=True):
    """How much of the chunks of ``chunker`` was compressed with ``codec`` for the figures that rest
    on it, and how sure these became.

    ``target`` is the half width that was asked for of their 95 % intervals, relative to the bytes
    left. ``reached`` is the widest half width among them: 0 if all are exact, null if one has no
    interval. ``chunks`` were compressed with ``codec``, ``auxiliary_chunks`` looked at with
    something cheaper that predicts what it leaves.
    """

    chunker: str
    codec: str
    population: Population
    target: float
    reached: float | None
    chunks: int
    auxiliary_chunks: int
    is_met: bool

    @classmethod
    def of(
        cls,
        chunker: str,
        codec: str,
        population: Population,
        figures: Iterable[Quantity],
        *,
        target: float,
        chunks: int,
        auxiliary_chunks: int,
    ) -> Self:
        """The cell on which ``figures`` rest, bytes left as they are reported (``resting_on``)."""
        reached = widest(figures)
        is_met = reached is not None and reached <= target
        return cls(chunker, codec, population, target, reached, chunks, auxiliary_chunks, is_met)

    @property
    def name(self) -> str:
        """``cdc-64KiB dedup + zstd-3``, ``cdc-64KiB, zstd-3 only``."""
        if self.population == "distinct":
            return f"{self.chunker} dedup + {self.codec}"
        return f"{self.chunker}, {self.codec} only"


class Method(msgspec.Struct, frozen=True):
    """How the figures were obtained. ``sampling`` is null where everything was read. ``cells`` is
    what was compressed; it is empty in a report of before schema 2.1."""

    estimator: str
    sketch_entries: dict[str, int]
    sampled_fraction: float
    chunk_stream: str
    sampling: Sampling | None = None
    cells: list[Cell] = []


class Reduction(msgspec.Struct, frozen=True):
    """Everything measured about how far the data reduces. Ratios are data bytes / bytes left.

    ``shards`` is empty where no layout was to be sized that compresses below its erasure code.
    ``inside`` is null where no object was looked into, and in a report of before schema 2.3.
    """

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
    shards: list[ShardCompression] = []
    inside: Inside | None = None


def resting_on(
    combined: Sequence[Combined],
    compression: Sequence[Compression],
    chunker: str,
    codec: str,
    population: Population,
) -> list[Quantity]:
    """The bytes left, of the rows of a report, that rest on the chunks of one cell."""
    rows = [row for row in combined if (row.chunker, row.codec) == (chunker, codec)]
    if population == "distinct":
        return [row.physical_bytes for row in rows]
    blocks = [c.max_bytes for c in CUTTINGS if c.name == chunker and c.kind == "fixed"]
    alone = [row.compression_only_bytes for row in rows]
    alone += [
        row.compressed_bytes
        for row in compression
        if row.codec == codec and row.block_bytes in blocks
    ]
    return [figure for figure in alone if figure is not None]


def widest(figures: Iterable[Quantity]) -> float | None:
    """The widest half width of ``figures``, relative to each. None if one of them has no interval,
    and of none."""
    widths = [figure.relative_half_width for figure in figures]
    known = [width for width in widths if width is not None]
    return max(known) if known and len(known) == len(widths) else None


def reduce(measurement: Measurement, shards: Sequence[Shards] = ()) -> Reduction:
    """Every figure that ``measurement`` supports, and ``shards`` of the same data, with its
    interval; without one if the scan was interrupted. Where a sample supports only a range, a
    figure has no value; where nothing is known, no bounds either.
    """
    evidence = evidence_of(measurement)
    data_bytes = evidence.data_bytes
    dedup: list[Dedup] = []
    combined: list[Combined] = []
    for chunker in evidence.chunkers.values():
        unique = evidence.distinct(chunker)
        dedup.append(_dedup(evidence, chunker, unique))
        codecs = evidence.codecs(chunker)
        combined += (_combined(evidence, chunker, codec, unique) for codec in codecs)
    compression = list(_compression(evidence, combined))
    nothing = Combined(*HEADLINE, UNKNOWN, UNKNOWN)
    headline = next((c for c in combined if (c.chunker, c.codec) == HEADLINE), nothing)
    chunker = evidence.chunkers[HEADLINE.chunker]
    growth = _growth(evidence, chunker, headline)
    reduction = Reduction(
        data_bytes=data_bytes,
        headline=Headline(headline.chunker, headline.codec, headline.ratio),
        dedup=dedup,
        compression=compression,
        combined=combined,
        similarity=None,
        scope=Scope(headline.compression_only_ratio or UNKNOWN, headline.ratio, growth),
        by_stratum=list(strata(evidence, chunker)),
        method=Method(
            estimator=_estimator(evidence, measurement.census, [*dedup, *compression, *combined]),
            sketch_entries={name: evidence.counts(c)[2] for name, c in evidence.chunkers.items()},
            sampled_fraction=measurement.coverage,
            chunk_stream=evidence.chunk_stream(),
            sampling=_sampling(evidence, chunker),
            cells=list(_cells(measurement.plan, evidence, combined, compression)),
        ),
        sharing=sharing_of(evidence, chunker),
        shards=list(shard_compression(evidence, shards)),
    )
    return _of_a_part(reduction) if is_interrupted(measurement.census) else reduction


def _of_a_part(reduction: Reduction) -> Reduction:
    """``reduction`` of a scan that was cut short: nothing is known of what it did not read but what
    compression alone leaves, whose windows were drawn from all the data."""
    bare = without_intervals(reduction)
    combined = [
        msgspec.structs.replace(
            row,
            compression_only_bytes=whole.compression_only_bytes,
            compression_only_ratio=whole.compression_only_ratio,
        )
        for row, whole in zip(bare.combined, reduction.combined, strict=True)
    ]
    scope = msgspec.structs.replace(bare.scope, floor=reduction.scope.floor)
    return msgspec.structs.replace(
        bare,
        combined=combined,
        compression=reduction.compression,
        scope=scope,
        shards=reduction.shards,
    )


def evidence_of(measurement: Measurement) -> Evidence:
    """The estimator that ``measurement`` allows."""
    if measurement.sampling is not None:
        return SampleEvidence.of(measurement)
    return SketchEvidence.of(measurement)


def _dedup(evidence: Evidence, chunker: Chunker, unique: Quantity) -> Dedup:
    chunks, run_bytes, _ = evidence.counts(chunker)
    return Dedup(chunker.name, chunks, unique, evidence.data_bytes / unique, run_bytes)


def _combined(evidence: Evidence, chunker: Chunker, codec: str, unique: Quantity) -> Combined:
    """The row of ``chunker`` and ``codec``. What is left is no more than the ``unique`` bytes, nor
    than what compression alone leaves: the surer of the two bounds the other."""
    left = evidence.distinct(chunker, codec).no_more_than(unique)
    only = evidence.without_dedup(chunker, codec, IN_BYTES)
    if only is not None and evidence.compression_is_surer:
        left = left.no_more_than(only)
    elif only is not None and not evidence.is_cut:
        only = only.no_less_than(left)
    return Combined(
        chunker=chunker.name,
        codec=codec,
        physical_bytes=left,
        ratio=evidence.data_bytes / left,
        compression_only_bytes=only,
        compression_only_ratio=None if only is None else evidence.data_bytes / only,
    )


def _compression(evidence: Evidence, combined: list[Combined]) -> Iterator[Compression]:
    """What compressing every fixed block leaves: in bytes, as beside deduplication in blocks of
    that size, and as allocated in units of which a block has several."""
    data_bytes = evidence.data_bytes
    beside = {(row.chunker, row.codec): row.compression_only_bytes for row in combined}
    for chunker in evidence.chunkers.values():
        for codec in CODECS:
            block_bytes, every = chunker.block_bytes, evidence.every
            if block_bytes is None or every is None or not every.holds(chunker.name, codec):
                continue
            plain = beside.get((chunker.name, codec))
            plain = plain or evidence.without_dedup(chunker, codec, IN_BYTES)
            assert plain is not None
            yield Compression(codec, block_bytes, plain, data_bytes / plain)
            allocated = evidence.without_dedup(chunker, codec, IN_UNITS)
            if allocated is not None and block_bytes > IN_UNITS.allocation_bytes:
                left = allocated.no_less_than(plain)
                yield Compression(codec, block_bytes, left, data_bytes / left, *IN_UNITS)


def _cells(
    plan: Plan, evidence: Evidence, combined: list[Combined], compression: list[Compression]
) -> Iterator[Cell]:
    """What was compressed for the figures. How many distinct chunks of a part were is not for the
    precision: its extents differ more than its chunks do."""
    every = evidence.every
    for cell in cells(plan):
        chunker = evidence.chunkers[cell.chunker]
        if cell.population == "distinct":
            if (
                evidence.sample is not None
                or evidence.is_cut
                or cell.codec not in evidence.codecs(chunker)
            ):
                continue
            chunks, looked_at = evidence.compressed(chunker, cell.codec)
        elif every is not None and every.holds(cell.chunker, cell.codec):
            chunks = every.windows(cell.chunker, cell.codec)
            looked_at = max(every.windows(*column) for column in every.found.columns)
            if evidence.sample is None and cell.codec in evidence.codecs(chunker):
                # References to distinct chunks are a sample of all occurrences too.
                distinct = evidence.compressed(chunker, cell.codec)
                chunks, looked_at = max((chunks, looked_at), distinct)
        else:
            continue
        figures = resting_on(combined, compression, cell.chunker, cell.codec, cell.population)
        yield Cell.of(
            cell.chunker,
            cell.codec,
            cell.population,
            figures,
            target=cell.target,
            chunks=chunks,
            auxiliary_chunks=looked_at,
        )


def _growth(evidence: Evidence, chunker: Chunker, headline: Combined) -> list[Growth]:
    shares = SHARES[:-1]
    left = evidence.growth(chunker, headline.codec, shares)
    ratios = [round(s * evidence.data_bytes) / q for s, q in zip(shares, left, strict=True)]
    return [*map(Growth, shares, ratios), Growth(SHARES[-1], headline.ratio)]


def strata(evidence: Evidence, chunker: Chunker) -> Iterator[StratumReduction]:
    """The reduction within each content class that was observed, in chunks of ``chunker``."""
    for bit, name in enumerate(CLASSES):
        held = evidence.class_bytes(1 << bit)
        if held is None:
            continue
        assert held.value is not None
        within_bytes = round(held.value)
        # The ratio is per byte of the class: how sure its bytes are does not matter to it.
        (unique, unique_within), (left, left_within) = (
            [
                evidence.labelled(chunker, codec, 1 << bit, of)
                for of in (held, Quantity.exact(within_bytes))
            ]
            for codec in (None, HEADLINE.codec)
        )
        yield StratumReduction(
            name=name,
            data_bytes=within_bytes if held.is_exact else None,
            unique_bytes=unique,
            physical_bytes=left.no_more_than(unique),
            ratio=within_bytes / left_within.no_more_than(unique_within),
            data_share=held / evidence.data_bytes,
        )


def sharing_of(evidence: Evidence, chunker: Chunker) -> Sharing | None:
    """What the source roots share, in chunks of ``chunker``. None of fewer than two roots."""
    if len(evidence.roots_bytes) < 2:
        return None
    return sharing(chunker.name, evidence.roots_bytes, evidence.roots(chunker))


def _estimator(
    evidence: Evidence, census: Census, rows: list[Dedup | Compression | Combined]
) -> str:
    """How the figures were obtained, and of what, where that is not all."""
    ratios = [row.ratio for row in rows]
    only = (c.compression_only_ratio for c in rows if isinstance(c, Combined))
    ratios += [ratio for ratio in only if ratio is not None]
    how = evidence.estimator(all(each.low == each.high for each in ratios))
    if is_interrupted(census):
        return f"{how.removeprefix('exact ')} of the part that was read"
    return f"{how}, of what was covered" if census.skipped else how


def _sampling(evidence: Evidence, chunker: Chunker) -> Sampling | None:
    sample = evidence.sample
    if sample is None:
        return None
    return Sampling(
        rate=sample.rate,
        unit_bytes=sample.extent_bytes,
        crowd_files=sample.share_limit,
        places=len(sample.ranks),
        standard_errors=evidence.standard_errors(),
        more_reading=evidence.more_reading(chunker, HEADLINE.codec),
    )
