"""The report's section on KV caches, for a person at a terminal."""

from collections.abc import Callable, Iterator

from rich.console import RenderableType
from rich.text import Text

from storeff.kv.measure import KvReport, Part
from storeff.kv.prefix import ChunkSharing, KeySharing
from storeff.kv.replay import Replayed, Traffic
from storeff.kv.survey import Found, Survey
from storeff.quantity import Quantity
from storeff.report.model import Kv, KvModel, KvRetention
from storeff.report.render import UNKNOWN, paragraph, ratio, section, simple_table
from storeff.units import format_bytes, format_duration, significant

SHOWN_WHYS = 6
KINDS = {"all": "keys and values", "k": "keys", "v": "values", "latent": "latents", None: "unknown"}


def kv_sections(kv: Kv) -> Iterator[RenderableType]:
    """Everything that ``kv`` holds, in the order of the way of a byte."""
    if kv.model is not None:
        yield _model(kv.model)
    if kv.survey is not None:
        yield _dumps(kv.dumps, kv.survey)
        if kv.survey.measured is not None:
            yield _measured(kv.survey, kv.survey.measured)
        if kv.survey.sharing is not None:
            yield _shared(kv.survey.sharing)
    if kv.trace is not None:
        yield _trace(kv.trace, kv.chunks)
    if kv.retention is not None:
        yield _retention(kv.retention)


def _model(model: KvModel) -> RenderableType:
    lines = [paragraph(line) for line in model.formula]
    return section(f"KV cache of {model.name}", *lines, Text(f"from {model.source}"))


def _dumps(dumps: list[Found], survey: Survey) -> RenderableType:
    table = simple_table("written by", "dtype", "shape", "confidence", "files", "bytes", "tokens")
    for column in table.columns[1:4]:
        column.justify = "left"
    for found in dumps:
        table.add_row(
            found.system if found.kind == "kv" else f"{found.system} ({found.kind})",
            found.dtype or UNKNOWN,
            _shape(found),
            found.confidence,
            f"{found.files:,}",
            format_bytes(found.bytes),
            UNKNOWN if found.tokens is None else f"{found.tokens:,}",
        )
    notes = [
        paragraph(f"{found.system}: {found.why}") for found in dumps if found.confidence != "exact"
    ]
    notes += [paragraph(f"! {each.message}", "yellow") for each in survey.malformed]
    if survey.other_files:
        other = f"{survey.other_files:,} other files, {format_bytes(survey.other_bytes)}, are no"
        notes.append(paragraph(f"{other} dumps that are known"))
    title = f"KV caches in {survey.dump_files:,} files, {format_bytes(survey.dump_bytes)}"
    return section(title, *([table] if dumps else []), *notes[:SHOWN_WHYS])


def _shape(found: Found) -> str:
    axes = zip(found.axes, found.shape, strict=True)
    shape = " x ".join(f"{'*' if size is None else size} {axis}" for axis, size in axes)
    if not shape:
        return UNKNOWN
    return shape if found.tensors == 1 else f"{found.tensors} of {shape}"


def _measured(survey: Survey, measured: KvReport) -> RenderableType:
    lossless = simple_table(
        "without loss", "raw zstd-1", "planes, zstd-1", "best", "is", "order-0 bound"
    )
    lossless.columns[4].justify = "left"
    lossy = simple_table("with loss", "scheme", "shrinks", "error of numbers", "of logits")
    lossy.columns[1].justify = "left"
    for part in measured.overall:
        name = f"{KINDS[part.kind]}, {part.dtype or 'bytes'}"
        lossless.add_row(
            name,
            _scheme(part, "zstd-1"),
            _scheme(part, "planes zstd-1"),
            ratio(part.winner.ratio),
            part.winner.scheme,
            ratio(part.order0_ratio),
        )
        for row in part.lossy if part.kind != "all" else ():
            lossy.add_row(
                name,
                row.scheme,
                ratio(row.ratio),
                _percent(row.relative_l2),
                _percent(row.logit_error),
            )
    chunk = format_bytes(measured.plan.chunk_bytes)
    read = sum(part.read_bytes for part in measured.by_layer)
    text = f"{survey.measured_files:,} of {survey.dump_files:,} files, {format_bytes(read)} of them"
    body: list[RenderableType] = [
        paragraph(f"{text} read, in independent chunks of {chunk}; {measured.caveat}."),
        lossless,
    ]
    if lossy.row_count:
        body += [lossy, paragraph("Losses are errors of numbers, not of quality; scales counted.")]
    return section("How far they shrink (bytes / bytes left)", *body)


def _scheme(part: Part, name: str) -> str:
    found = [row.ratio for row in part.lossless if row.scheme == name]
    return ratio(found[0]) if found else ""


def _percent(q: Quantity) -> str:
    return "" if q.value is None else f"{q.value:.3%}"


def _shared(sharing: KeySharing) -> RenderableType:
    saved = sharing.bytes - sharing.unique_bytes
    text = (
        f"{sharing.blocks:,} blocks have {sharing.unique_blocks:,} distinct keys: "
        f"{format_bytes(saved)} are stored again. Equal keys are the same tokens, not the same "
        "bytes, and this is no byte deduplication (storeff scan measures that)."
    )
    if sharing.size_disagrees:
        text += f" {sharing.size_disagrees:,} keys have blocks of more than one size."
    return section("What they share by block key", paragraph(text))


def _trace(trace: Replayed, chunks: list[ChunkSharing]) -> RenderableType:
    mean = "" if trace.input_tokens_mean is None else f" ({trace.input_tokens_mean:,.0f} each)"
    text = (
        f"{trace.requests:,} requests in {format_duration(trace.span_seconds)}, "
        f"{trace.input_tokens:,} input tokens{mean}; {trace.blocks:,} blocks of "
        f"{trace.block_tokens} tokens, {trace.unique_blocks:,} distinct, "
        f"{_share(trace.used_once_share)} of those used once"
    )
    if trace.reuse_intervals is not None:
        reuse = trace.reuse_intervals
        text += (
            f"; used again after {format_duration(reuse.p50_seconds)} (half of uses), "
            f"{format_duration(reuse.p90_seconds)} (90 %)"
        )
    bad: list[RenderableType] = []
    if trace.notes.bad_lines:
        lines = f"! {trace.notes.bad_lines:,} bad lines: {trace.notes.bad_line_example}"
        bad.append(paragraph(lines, "yellow"))
    table = simple_table("cache", "holds", "hits, blocks", "tokens", "of the most", "writes")
    table.columns[1].justify = "left"
    table.add_row(
        "unlimited", "everything", *_rates(trace.unlimited), "100.0%", _written(trace.unlimited)
    )
    for point in (p for p in trace.caches if p.admission == 1):
        table.add_row(
            point.policy.upper(),
            f"{point.capacity_blocks:,} blocks, {significant(point.capacity_tokens)} tokens",
            *_rates(point.traffic),
            _share(point.share_of_max),
            _written(point.traffic),
        )
    for ttl in (t for t in trace.ttls if t.admission == 1):
        table.add_row(
            f"TTL {format_duration(ttl.ttl_seconds)}",
            f"at most {ttl.live_peak_blocks:,} blocks",
            *_rates(ttl.traffic),
            _share(ttl.share_of_max),
            _written(ttl.traffic),
        )
    body: list[RenderableType] = [paragraph(text), *bad, table]
    if chunks:
        body.append(_chunks(chunks))
    return section("The trace, replayed exactly", *body)


def _chunks(chunks: list[ChunkSharing]) -> RenderableType:
    table = simple_table(
        "chunk", "chunks", "distinct", "hits, tokens", "full chunks only", "padding"
    )
    for each in chunks:
        table.add_row(
            f"{each.chunk_tokens} tokens",
            f"{each.chunks:,}",
            f"{each.unique_chunks:,}",
            _share(each.token_hit_rate),
            _share(each.whole_token_hit_rate),
            f"{each.padding_tokens:,} tokens",
        )
    return table


def _rates(traffic: Traffic) -> tuple[str, str]:
    return _share(traffic.block_hit_rate), _share(traffic.token_hit_rate)


def _written(traffic: Traffic) -> str:
    return f"{traffic.written_tokens:,} tokens"


def _share(rate: float | None) -> str:
    return UNKNOWN if rate is None else f"{rate:.1%}"


def _retention(retention: KvRetention) -> RenderableType:
    table = simple_table(
        "kept for",
        "hits, tokens",
        "stored",
        "raw",
        "writes/day",
        "DWPD asked",
        "drives",
        "binds",
        "break-even",
        "saves/hour",
    )
    for row in retention.rows:
        again = " (2nd use)" if row.admission == 2 else ""
        table.add_row(
            f"{format_duration(row.ttl_seconds)}{again}{'' if row.measured else ' *'}",
            _bounds(row.token_hit_rate, lambda share: f"{share:.1%}"),
            _bounds(row.stored_bytes, format_bytes),
            _bounds(row.raw_bytes, format_bytes),
            _bounds(row.flash_bytes_per_day, format_bytes),
            _bounds(row.dwpd_asked, significant),
            _bounds(row.drives, lambda count: f"{count:,.0f}"),
            row.binds,
            _hours(row.break_even_hours.value),
            _usd(row.saved_usd_per_hour.value),
        )
    rated = retention.rows[0].rated_dwpd
    text = (
        f"{significant(retention.requests_per_second)} requests/s, {significant(retention.scale)} "
        f"times the trace's; on {retention.drive}, rated {rated:g} drive writes a day, under "
        f"{retention.layout}. The bill below is for {format_duration(retention.billed_ttl_seconds)}"
        " of retention."
    )
    body: list[RenderableType] = [paragraph(text), table]
    at_target = retention.requests_per_second_at_target
    if any(at_target):
        pairs = zip(retention.rows, at_target, strict=True)
        filled = [
            f"{significant(rate)} requests/s for {format_duration(row.ttl_seconds)}"
            for row, rate in pairs
            if rate is not None and row.admission == 1
        ]
        body.append(paragraph(f"The target is filled by {', '.join(filled)}."))
    if not all(row.measured for row in retention.rows):
        body.append(paragraph("* longer than half the trace: bounds, not measured"))
    body += [paragraph(f"assumed: {each}") for each in retention.assumptions]
    return section("How long to keep them", *body)


def _bounds(q: Quantity, show: Callable[[float], str]) -> str:
    """Bounds, which are not an interval around the point."""
    if q.value is None or q.low is None or q.high is None:
        return UNKNOWN
    return show(q.value) if q.low == q.high else f"{show(q.low)}..{show(q.high)}"


def _hours(hours: float | None) -> str:
    return UNKNOWN if hours is None else format_duration(hours * 3600)


def _usd(usd: float | None) -> str:
    return UNKNOWN if usd is None else f"{usd:,.2f} USD"
