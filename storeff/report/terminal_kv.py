"""The report's section on KV caches, for a person at a terminal."""

from collections.abc import Callable, Iterator

from rich.console import RenderableType

from storeff.kv.lossless import Scheme
from storeff.kv.measure import KvReport, Part
from storeff.kv.prefix import ChunkSharing, KeySharing
from storeff.kv.replay import Replayed, Traffic
from storeff.kv.survey import Found, Survey
from storeff.kv.trace import TraceNotes
from storeff.quantity import Quantity
from storeff.report.model import Kv, KvModel, KvRetention
from storeff.report.render import UNKNOWN, amount, paragraph, ratio, section, simple_table
from storeff.units import (
    counted,
    format_bytes,
    format_bytes_iec,
    format_duration,
    percent,
    significant,
)

SHOWN_WHYS = 6
# Shown beside the best one, to see what each step of it gives.
RAW, PLANES = Scheme("zstd-1"), Scheme("zstd-1", planes=True)
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
    lines = [paragraph(line) for line in (*model.formula, f"from {model.source}")]
    return section(f"KV cache of {model.name}", *lines)


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
    whys = [f"{found.system}: {found.why}" for found in dumps if found.confidence != "exact"]
    notes = [paragraph(why) for why in whys[:SHOWN_WHYS]]
    if len(whys) > SHOWN_WHYS:
        notes.append(paragraph(f"{len(whys) - SHOWN_WHYS:,} more notes are in the JSON report"))
    notes += [paragraph(f"! {each.message}", "yellow") for each in survey.malformed]
    if survey.other_files:
        size = format_bytes(survey.other_bytes)
        other = f"1 other file, {size}, is not recognised as a KV dump"
        if survey.other_files > 1:
            other = f"{survey.other_files:,} other files, {size}, are not recognised as KV dumps"
        notes.append(paragraph(other))
    title = f"KV caches in {counted(survey.dump_files, 'file')}, {format_bytes(survey.dump_bytes)}"
    return section(title, *([table] if dumps else []), *notes)


def _shape(found: Found) -> str:
    axes = zip(found.axes, found.shape, strict=True)
    shape = " x ".join(f"{'*' if size is None else size} {axis}" for axis, size in axes)
    if not shape:
        return UNKNOWN
    return shape if found.tensors == 1 else f"{found.tensors} of {shape}"


def _measured(survey: Survey, measured: KvReport) -> RenderableType:
    lossless = simple_table(
        "lossless", RAW.name, PLANES.name, "best", "best method", "entropy, order 0"
    )
    lossless.columns[4].justify = "left"
    lossy = simple_table("lossy", "method", "ratio", "RMS error of values", "of logits")
    lossy.columns[1].justify = "left"
    beyond_order0 = False
    chunk_bytes = measured.plan.chunk_bytes
    for part in measured.overall:
        name = f"{KINDS[part.kind]}, {part.dtype or 'bytes'}"
        lossless.add_row(
            name,
            _scheme(part, RAW, chunk_bytes),
            _scheme(part, PLANES, chunk_bytes),
            ratio(part.winner.ratio),
            part.winner.scheme,
            ratio(part.order0_ratio),
        )
        best, order0 = part.winner.ratio.value, part.order0_ratio.value
        beyond_order0 |= best is not None and order0 is not None and best > order0
        for row in part.lossy if part.kind != "all" else ():
            lossy.add_row(
                name,
                row.scheme,
                ratio(row.ratio),
                _percent(row.relative_l2),
                _percent(row.logit_error),
            )
    chunk = format_bytes_iec(chunk_bytes)
    read = sum(part.read_bytes for part in measured.by_layer)
    files = f"{survey.measured_files:,} of {counted(survey.dump_files, 'file')}"
    body: list[RenderableType] = [
        paragraph(
            f"{files}, {format_bytes(read)} of them read, in independent chunks of up to {chunk}; "
            f"{measured.caveat}."
        ),
        lossless,
    ]
    if beyond_order0:
        body.append(
            paragraph(
                "Entropy of order 0 is the least that one code for each field of a number takes. "
                "Methods that see the numbers before, as the best one does, can take less."
            )
        )
    if lossy.row_count:
        body += [
            lossy,
            paragraph("Losses are errors of numbers, not of quality; scales and zeros counted."),
        ]
    return section("Data reduction ratio (bytes : bytes stored)", *body)


def _scheme(part: Part, scheme: Scheme, chunk_bytes: int) -> str:
    """Its ratio in chunks of that size; empty where it was not measured, as planes of bytes."""
    wanted = (scheme.name, chunk_bytes)
    found = [row.ratio for row in part.lossless if (row.scheme, row.chunk_bytes) == wanted]
    return ratio(found[0]) if found else ""


def _percent(q: Quantity) -> str:
    return "" if q.value is None else f"{q.value:.3%}".replace("%", " %")


def _shared(sharing: KeySharing) -> RenderableType:
    saved = sharing.bytes - sharing.unique_bytes
    again = f"{format_bytes(saved)} are" if saved else "nothing is"
    text = (
        f"{counted(sharing.blocks, 'block has', 'blocks have')} "
        f"{counted(sharing.unique_blocks, 'distinct key')}: "
        f"{again} stored again. Equal keys are the same tokens, not the same bytes, and "
        "this is no byte deduplication (storeff scan measures that)."
    )
    if sharing.size_disagrees:
        keys = counted(sharing.size_disagrees, "key has", "keys have")
        text += f" {keys} blocks of more than one size."
    return section("What they share by block key", paragraph(text))


def _trace(trace: Replayed, chunks: list[ChunkSharing]) -> RenderableType:
    mean = "" if trace.input_tokens_mean is None else f" ({trace.input_tokens_mean:,.0f} each)"
    text = (
        f"{counted(trace.requests, 'request')} in {format_duration(trace.span_seconds)}, "
        f"{counted(trace.input_tokens, 'input token')}{mean}; {counted(trace.blocks, 'block')} of "
        f"{counted(trace.block_tokens, 'token')}, {trace.unique_blocks:,} distinct, "
        f"{_share(trace.used_once_share)} of those used once"
    )
    if trace.reuse_intervals is not None:
        reuse = trace.reuse_intervals
        text += (
            f"; used again after {format_duration(reuse.p50_seconds)} (half of uses), "
            f"{format_duration(reuse.p90_seconds)} (90 %)"
        )
    table = simple_table(
        "cache", "holds", "block hits", "token hits", "% of maximum", "tokens written"
    )
    table.columns[1].justify = "left"
    most = 1.0 if trace.unlimited.hit_blocks else None
    table.add_row("unlimited", "everything", *_rates(trace.unlimited, most))
    for point in (p for p in trace.caches if p.admission == 1):
        table.add_row(
            point.policy.upper(),
            f"{counted(point.capacity_blocks, 'block')}, {counted(point.capacity_tokens, 'token')}",
            *_rates(point.traffic, point.share_of_max),
        )
    for ttl in (t for t in trace.ttls if t.admission == 1):
        table.add_row(
            f"TTL {format_duration(ttl.ttl_seconds)}",
            f"at most {counted(ttl.live_peak_blocks, 'block')}",
            *_rates(ttl.traffic, ttl.share_of_max),
        )
    body: list[RenderableType] = [paragraph(text), paragraph(_unit(trace.notes)), table]
    if trace.notes.hole_bytes:
        holes = format_bytes(trace.notes.hole_bytes)
        body.append(paragraph(f"! {holes} of the file were never written (holes)", "yellow"))
    if chunks:
        body.append(_chunks(chunks))
    return section("The trace, replayed exactly", *body)


def _unit(notes: TraceNotes) -> str:
    said = {
        "given": "as was stated",
        "column": "as the column's name says",
        "format": f"as traces of {notes.format.title()} have them",
        "dates": "as dates show",
    }[notes.time_unit_from]
    return f"Times in {'dates' if notes.time_unit == 'iso' else notes.time_unit}, {said}"


def _chunks(chunks: list[ChunkSharing]) -> RenderableType:
    table = simple_table(
        "chunk", "chunks", "distinct", "token hits", "full chunks only", "padding tokens"
    )
    for each in chunks:
        table.add_row(
            counted(each.chunk_tokens, "token"),
            f"{each.chunks:,}",
            f"{each.unique_chunks:,}",
            _share(each.token_hit_rate),
            _share(each.whole_token_hit_rate),
            f"{each.padding_tokens:,}",
        )
    return table


def _rates(traffic: Traffic, share_of_max: float | None) -> tuple[str, str, str, str]:
    return (
        _share(traffic.block_hit_rate),
        _share(traffic.token_hit_rate),
        _share(share_of_max),
        f"{traffic.written_tokens:,}",
    )


def _share(rate: float | None) -> str:
    return UNKNOWN if rate is None else percent(rate)


def _retention(retention: KvRetention) -> RenderableType:
    table = simple_table(
        "evict if idle",
        "token hits",
        "stored",
        "raw bought",
        "drives",
        "limited by",
        "endurance factor",
        "written a day",
        "DWPD required",
        "break-even",
        "saved an hour",
    )
    table.columns[5].justify = "left"
    for row in retention.rows:
        again = ", 2nd use" if row.admission == 2 else ""
        table.add_row(
            f"{format_duration(row.ttl_seconds)}{again}{'' if row.measured else ' *'}",
            _bounds(row.token_hit_rate, percent),
            _bounds(row.stored_bytes, format_bytes),
            _bounds(row.raw_bytes, format_bytes),
            _bounds(row.drives, lambda count: f"{count:,.0f}"),
            row.binds,
            _bounds(row.endurance_factor, significant),
            _bounds(row.flash_bytes_per_day, format_bytes),
            _bounds(row.dwpd_asked, significant),
            _hours(row.break_even_hours.value),
            _usd(row.saved_usd_per_hour.value),
        )
    rated = retention.rows[0].rated_dwpd
    body: list[RenderableType] = [
        paragraph(
            f"{significant(retention.requests_per_second)} requests/s, "
            f"{significant(retention.scale)} times the trace's; on {retention.drive}, rated "
            f"{rated:g} drive writes a day (DWPD), under {retention.layout}."
        ),
        table,
        paragraph(_billed(retention)),
    ]
    if not all(row.measured for row in retention.rows):
        body.append(
            paragraph(
                "* Bounds, not measured: longer than half the trace, or admitted at the second use "
                "only. What is sized is the cautious end."
            )
        )
    body += [paragraph(f"assumed: {each}") for each in retention.assumptions]
    return section("Retention", *body)


def _billed(retention: KvRetention) -> str:
    """What the report's layouts are sized for."""
    idle = format_duration(retention.billed_ttl_seconds)
    pairs = [
        (row, rate)
        for row, rate in zip(retention.rows, retention.requests_per_second_at_target, strict=True)
        if row.admission == 1
    ]
    row, _ = next(pair for pair in pairs if pair[0].ttl_seconds == retention.billed_ttl_seconds)
    filled = [
        f"{significant(rate)} requests/s at {format_duration(row.ttl_seconds)}"
        for row, rate in pairs
        if rate is not None
    ]
    if filled:
        return f"The bill is for {idle}. The target is filled by {', '.join(filled)}."
    raw, drives = row.raw_bytes.value or 0, row.drives.value or 0
    return (
        f"The bill is for {idle}: {format_bytes(raw)} of raw, "
        f"{counted(round(drives), 'drive')} in service, or one for each fragment of a stripe if "
        "these are more, and spares."
    )


def _bounds(q: Quantity, show: Callable[[float], str]) -> str:
    """Bounds, which are not an interval around the point; the point too where it is neither."""
    if q.value is None or q.low is None or q.high is None:
        return UNKNOWN
    low, value, high = show(q.low), show(q.value), show(q.high)
    if low == high:
        return value
    return f"{low}..{high}" if value in (low, high) else f"{value} ({low}..{high})"


def _hours(hours: float | None) -> str:
    return UNKNOWN if hours is None else format_duration(hours * 3600)


def _usd(usd: float | None) -> str:
    return UNKNOWN if usd is None else amount(usd, "USD")
