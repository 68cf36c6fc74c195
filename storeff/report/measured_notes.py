"""What was measured for a figure: the cell of chunks that were compressed, windows, samples."""

from collections.abc import Iterator, Sequence
from typing import Any

from storeff.economics import SizedLayout
from storeff.estimate.compression import Compression
from storeff.estimate.reduction import Cell, Combined, Dedup, Headline, Reduction, Scope
from storeff.estimate.shards import ShardCompression
from storeff.layout import Step, SystemReduction
from storeff.quantity import Quantity
from storeff.report.bench_model import Row
from storeff.report.model import Report
from storeff.report.paths import Found
from storeff.report.sizing import describe
from storeff.scan.plan import CUTTINGS, REQUIRED_RATIO
from storeff.units import counted, format_bytes


def notes_on(report: Report, found: Found) -> Iterator[str]:
    """What ``found`` rests on in the measurement, and what its row says of itself."""
    reduction = report.reduction
    rows = [step for step in found.steps if not isinstance(step, Report)]
    for row in rows:
        if isinstance(row, Step) and row.source:
            yield f"source: {row.source}"
        if isinstance(row, SizedLayout) and found.path.endswith(".reduction_ratio"):
            yield from _credited(row)
    if found.path.startswith("kv.model.") and report.kv is not None and report.kv.model is not None:
        yield from report.kv.model.formula
    if found.path.endswith(("npv_range", "npv_range.low", "npv_range.high")):
        yield from _priced(report)
    if reduction is None:
        return
    about = [row for row in rows if isinstance(row, _MEASURED)]
    if about or found.path.startswith("reduction."):
        yield from _estimated(reduction)
    for row in about:
        yield from _row(reduction, row)


def measured_by(report: Report, sized: SizedLayout | Row) -> str | None:
    """The path of the ratio that the data reduction of ``sized`` was measured as; None if that is
    not known."""
    if report.reduction is None:
        return None
    named = sized.credit.reduction if sized.credit else ""
    if isinstance(sized, SizedLayout):
        step = next((s for s in sized.waterfall if s.step == "data_reduction"), None)
        source = (step.source if step else None) or ""
        named = source.removeprefix("measured: ").removeprefix("without duplicates: ")
    for text, path, ratio in _rows(report.reduction):
        if named.startswith(text) and ratio.value == sized.reduction_ratio.value:
            return path
    return None


def _rows(reduction: Reduction) -> Iterator[tuple[str, str, Quantity]]:
    """Every way to reduce, as sources call it, with its ratio and the path of that."""
    for i, shard in enumerate(reduction.shards):
        path = f"reduction.shards[{i}].ratio"
        yield _blocks(shard.codec, shard.block_bytes, shard.allocation_bytes), path, shard.ratio
    for i, row in enumerate(reduction.compression):
        path = f"reduction.compression[{i}].ratio"
        yield _blocks(row.codec, row.block_bytes, row.allocation_bytes), path, row.ratio
    for i, both in enumerate(reduction.combined):
        path = f"reduction.combined[{i}].ratio"
        yield f"{both.chunker} + {both.codec}", path, both.ratio
        if both.compression_only_ratio is not None:
            path = f"reduction.combined[{i}].compression_only_ratio"
            yield "too little was read", path, both.compression_only_ratio
    for i, alone in enumerate(reduction.dedup):
        yield alone.chunker, f"reduction.dedup[{i}].ratio", alone.ratio


def _blocks(codec: str, block_bytes: int, allocation_bytes: int) -> str:
    system = SystemReduction(
        dedup="none",
        codec=codec,
        block_bytes=block_bytes,
        allocation_bytes=allocation_bytes,
        required_ratio=1.0 if allocation_bytes == 1 else REQUIRED_RATIO,
        source="",
    )
    return describe(system)


_MEASURED = Dedup | Combined | Compression | ShardCompression | Headline | Scope


def _estimated(reduction: Reduction) -> Iterator[str]:
    method = reduction.method
    yield f"estimator: {method.estimator}"
    sampling = method.sampling
    if sampling is not None:
        yield (
            f"a sample: extents of {format_bytes(sampling.unit_bytes)}, "
            f"{counted(sampling.places, 'sampling rank')} below {sampling.rate:g}"
        )


def _row(reduction: Reduction, row: Any) -> Iterator[str]:
    head = reduction.headline
    match row:
        case Dedup(chunker=chunker, chunks=chunks):
            entries = reduction.method.sketch_entries.get(chunker)
            kept = "" if entries is None else f"; a sketch of up to {entries:,}"
            yield f"{counted(chunks, 'chunk')} of {chunker}{kept}"
        case Combined(chunker=chunker, codec=codec):
            yield from _cells(reduction.method.cells, [chunker], codec)
        case Headline() | Scope():
            yield from _cells(reduction.method.cells, [head.chunker], head.codec)
        case Compression(codec=codec, block_bytes=block):
            named = [c.name for c in CUTTINGS if c.kind == "fixed" and c.max_bytes == block]
            yield from _cells(reduction.method.cells, named, codec, "occurrences")
        case ShardCompression(windows=windows):
            yield f"{counted(windows, 'window')}: random places whose shards were compressed"


def _cells(
    cells: Sequence[Cell], chunkers: Sequence[str], codec: str, population: str | None = None
) -> Iterator[str]:
    for cell in cells:
        if cell.chunker not in chunkers or cell.codec != codec:
            continue
        if population not in (None, cell.population):
            continue
        reached = "no interval" if cell.reached is None else f"±{cell.reached * 100:.3g} % reached"
        looked = f", {cell.auxiliary_chunks:,} looked at" if cell.auxiliary_chunks else ""
        yield (
            f"cell {cell.name}: {counted(cell.chunks, 'chunk')} compressed{looked}; {reached}, "
            f"±{cell.target * 100:g} % asked for"
        )


def _credited(layout: SizedLayout) -> Iterator[str]:
    step = next((s for s in layout.waterfall if s.step == "data_reduction"), None)
    if step is not None and step.source:
        yield step.source
    if layout.credit is not None:
        yield f"credited with {layout.credit.reduction}, as {layout.credit.policy}"


def _priced(report: Report) -> Iterator[str]:
    yield "95 % of replicates of prices, each within its range, and of what was measured"
    if report.uncertainty is not None:
        price = report.uncertainty.price
        yield f"prices: {price.distribution}"
        yield f"varied: {', '.join(price.varied)}"
