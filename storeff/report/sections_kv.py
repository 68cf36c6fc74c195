"""KV caches: a model's bytes a token, dumps, a trace, and retention."""

from collections.abc import Iterator

from storeff.kv.measure.lossless import Scheme
from storeff.kv.measure.measurement import KvReport, Part
from storeff.kv.measure.survey import Found, Survey
from storeff.kv.retention.flash import Retention
from storeff.kv.trace.prefix import ChunkSharing, KeySharing
from storeff.kv.trace.read import TraceNotes
from storeff.kv.trace.replay import Replayed, Traffic
from storeff.quantity import Quantity
from storeff.report.figures import amount, bounds, known, ratio
from storeff.report.model import Kv, KvRetention
from storeff.report.page import UNKNOWN, Column, Paragraph, Section, table, tabled
from storeff.report.page import Part as PagePart
from storeff.units import (
    count,
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


def kv_sections(kv: Kv) -> Iterator[Section]:
    """Everything that ``kv`` holds, in the order of the way of a byte."""
    if kv.model is not None:
        lines = (*kv.model.formula, f"from {kv.model.source}")
        yield _section("model", f"KV cache of {kv.model.name}", map(Paragraph, lines))
    survey = kv.survey
    if survey is not None:
        size = format_bytes(survey.dump_bytes)
        title = f"KV caches in {counted(survey.dump_files, 'file')}, {size}"
        yield _section("dumps", title, _dumps(kv.dumps, survey))
        if survey.measured is not None:
            title = "Data reduction ratio (bytes : bytes stored)"
            yield _section("reduction", title, _measured(survey, survey.measured))
        if survey.sharing is not None:
            title = "What they share by block key"
            yield _section("sharing", title, iter([_shared(survey.sharing)]))
    if kv.trace is not None:
        yield _section("trace", "The trace, replayed exactly", _trace(kv.trace, kv.chunks))
    if kv.retention is not None:
        yield _section("retention", "Retention", _retention(kv.retention))


def _section(name: str, title: str, body: Iterator[PagePart]) -> Section:
    return Section(f"kv-{name}", title, tuple(body))


def _dumps(dumps: list[Found], survey: Survey) -> Iterator[PagePart]:
    if dumps:
        yield tabled(
            dumps,
            {
                "written by": lambda d: d.system if d.kind == "kv" else f"{d.system} ({d.kind})",
                Column("dtype", "text"): lambda d: d.dtype or UNKNOWN,
                Column("shape", "text"): _shape,
                Column("confidence", "text"): lambda d: d.confidence,
                "files": lambda d: f"{d.files:,}",
                "bytes": lambda d: format_bytes(d.bytes),
                "tokens": lambda d: known(d.tokens, lambda n: f"{n:,}"),
            },
        )
    whys = [f"{found.system}: {found.why}" for found in dumps if found.confidence != "exact"]
    yield from map(Paragraph, whys[:SHOWN_WHYS])
    if len(whys) > SHOWN_WHYS:
        more = counted(len(whys) - SHOWN_WHYS, "more note is", "more notes are")
        yield Paragraph(f"{more} in the JSON report")
    yield from (Paragraph(f"! {each.message}", "warning") for each in survey.malformed)
    if survey.other_files:
        size = format_bytes(survey.other_bytes)
        files = counted(survey.other_files, "other file")
        are = "is not recognised as a KV dump"
        if survey.other_files > 1:
            are = "are not recognised as KV dumps"
        yield Paragraph(f"{files}, {size}, {are}")


def _shape(found: Found) -> str:
    axes = zip(found.axes, found.shape, strict=True)
    shape = " x ".join(f"{'*' if size is None else size} {axis}" for axis, size in axes)
    if not shape:
        return UNKNOWN
    return shape if found.tensors == 1 else f"{found.tensors} of {shape}"


def _measured(survey: Survey, measured: KvReport) -> Iterator[PagePart]:
    chunk_bytes = measured.plan.chunk_bytes
    lossless, lossy = [], []
    beyond_order0 = False
    for part in measured.overall:
        name = f"{KINDS[part.kind]}, {part.dtype or 'bytes'}"
        best, order0 = part.winner.ratio, part.order0_ratio
        figures = [_scheme(part, scheme, chunk_bytes) for scheme in (RAW, PLANES)]
        lossless.append((name, *figures, ratio(best), part.winner.scheme, ratio(order0)))
        if best.value is not None and order0.value is not None:
            beyond_order0 |= best.value > order0.value
        lossy += [
            (name, row.scheme, ratio(row.ratio), _loss(row.relative_l2), _loss(row.logit_error))
            for row in (part.lossy if part.kind != "all" else ())
        ]
    read = format_bytes(sum(part.read_bytes for part in measured.by_layer))
    yield Paragraph(
        f"{survey.measured_files:,} of {counted(survey.dump_files, 'file')}, {read} of them read, "
        f"in independent chunks of up to {format_bytes_iec(chunk_bytes)}; {measured.caveat}."
    )
    method = Column("best method", "text")
    yield table(["lossless", RAW.name, PLANES.name, "best", method, "entropy, order 0"], lossless)
    if beyond_order0:
        yield Paragraph(
            "Entropy of order 0 is the least that one code for each field of a number takes. "
            "Methods that see the numbers before, as the best one does, can take less."
        )
    if lossy:
        method = Column("method", "text")
        yield table(["lossy", method, "ratio", "RMS error of values", "of logits"], lossy)
        yield Paragraph("Losses are errors of values, not of quality; scales and zeros counted.")


def _scheme(part: Part, scheme: Scheme, chunk_bytes: int) -> str:
    """Its ratio in chunks of that size; empty where it was not measured, as planes of bytes."""
    wanted = (scheme.name, chunk_bytes)
    found = [row.ratio for row in part.lossless if (row.scheme, row.chunk_bytes) == wanted]
    return ratio(found[0]) if found else ""


def _loss(q: Quantity) -> str:
    return "" if q.value is None else f"{q.value:.3%}".replace("%", " %")


def _shared(sharing: KeySharing) -> Paragraph:
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
    return Paragraph(text)


def _trace(trace: Replayed, chunks: list[ChunkSharing]) -> Iterator[PagePart]:
    mean = "" if trace.input_tokens_mean is None else f" ({trace.input_tokens_mean:,.0f} each)"
    text = (
        f"{counted(trace.requests, 'request')} in {format_duration(trace.span_seconds)}, "
        f"{counted(trace.input_tokens, 'input token')}{mean}; {counted(trace.blocks, 'block')} of "
        f"{counted(trace.block_tokens, 'token')}, {trace.unique_blocks:,} distinct, "
        f"{known(trace.used_once_share, percent)} of those used once"
    )
    if trace.reuse_intervals is not None:
        reuse = trace.reuse_intervals
        text += (
            f"; used again after {format_duration(reuse.p50_seconds)} (half of uses), "
            f"{format_duration(reuse.p90_seconds)} (90 %)"
        )
    yield Paragraph(text)
    yield Paragraph(_unit(trace.notes))
    most = 1.0 if trace.unlimited.hit_blocks else None
    rows = [("unlimited", "everything", *_rates(trace.unlimited, most))]
    for point in (p for p in trace.caches if p.admission == 1):
        tokens = counted(point.capacity_tokens, "token")
        holds = f"{counted(point.capacity_blocks, 'block')}, {tokens}"
        rows.append((point.policy.upper(), holds, *_rates(point.traffic, point.share_of_max)))
    for ttl in (t for t in trace.ttls if t.admission == 1):
        holds = f"at most {counted(ttl.live_peak_blocks, 'block')}"
        name = f"TTL {format_duration(ttl.ttl_seconds)}"
        rows.append((name, holds, *_rates(ttl.traffic, ttl.share_of_max)))
    heads = ("block hits", "token hits", "% of maximum", "tokens written")
    yield table(["cache", Column("holds", "text"), *heads], rows)
    if trace.notes.hole_bytes:
        holes = format_bytes(trace.notes.hole_bytes)
        yield Paragraph(f"! {holes} of the file were never written (holes)", "warning")
    if chunks:
        yield tabled(
            chunks,
            {
                "chunk": lambda c: counted(c.chunk_tokens, "token"),
                "chunks": lambda c: f"{c.chunks:,}",
                "distinct": lambda c: f"{c.unique_chunks:,}",
                "token hits": lambda c: known(c.token_hit_rate, percent),
                "full chunks only": lambda c: known(c.whole_token_hit_rate, percent),
                "padding tokens": lambda c: f"{c.padding_tokens:,}",
            },
        )


def _unit(notes: TraceNotes) -> str:
    said = {
        "given": "as given",
        "column": "as the column's name says",
        "format": f"as traces of {notes.format.title()} have them",
        "dates": "as dates show",
    }[notes.time_unit_from]
    return f"Times in {'dates' if notes.time_unit == 'iso' else notes.time_unit}, {said}"


def _rates(traffic: Traffic, share_of_max: float | None) -> tuple[str, str, str, str]:
    block, token = known(traffic.block_hit_rate, percent), known(traffic.token_hit_rate, percent)
    return block, token, known(share_of_max, percent), f"{traffic.written_tokens:,}"


def _retention(retention: KvRetention) -> Iterator[PagePart]:
    rated = retention.rows[0].rated_dwpd
    yield Paragraph(
        f"{significant(retention.requests_per_second)} requests/s, "
        f"{significant(retention.scale)} times the trace's; on {retention.drive}, rated "
        f"{rated:g} drive writes a day (DWPD), under {retention.layout}."
    )
    yield tabled(
        retention.rows,
        {
            "evict if idle": _evicted,
            "token hits": lambda row: bounds(row.token_hit_rate, percent),
            "stored": lambda row: bounds(row.stored_bytes, format_bytes),
            "raw bought": lambda row: bounds(row.raw_bytes, format_bytes),
            "drives": lambda row: bounds(row.drives, count),
            Column("limited by", "text"): lambda row: row.binds,
            "endurance factor": lambda row: bounds(row.endurance_factor, significant),
            "written a day": lambda row: bounds(row.flash_bytes_per_day, format_bytes),
            "DWPD required": lambda row: bounds(row.dwpd_asked, significant),
            "break-even": lambda row: known(row.break_even_hours.value, _hours),
            "saved an hour": lambda row: known(row.saved_usd_per_hour.value, _usd),
        },
    )
    yield Paragraph(_sized_for(retention))
    if not all(row.measured for row in retention.rows):
        yield Paragraph(
            "* Bounds, not measured: longer than half the trace, or admitted at the second use "
            "only. Layouts are sized for the cautious end."
        )
    yield from (Paragraph(f"assumed: {each}") for each in retention.assumptions)


def _evicted(row: Retention) -> str:
    again = ", 2nd use" if row.admission == 2 else ""
    return f"{format_duration(row.ttl_seconds)}{again}{'' if row.measured else ' *'}"


def _hours(hours: float) -> str:
    return format_duration(hours * 3600)


def _usd(usd: float) -> str:
    return amount(usd, "USD")


def sized_retention(retention: KvRetention) -> Retention:
    """The row that the report's layouts are sized for."""
    return next(
        row
        for row in retention.rows
        if row.admission == 1 and row.ttl_seconds == retention.billed_ttl_seconds
    )


def _sized_for(retention: KvRetention) -> str:
    """What the report's layouts are sized for."""
    idle = format_duration(retention.billed_ttl_seconds)
    filled = [
        f"{significant(rate)} requests/s at {format_duration(row.ttl_seconds)}"
        for row, rate in zip(retention.rows, retention.requests_per_second_at_target, strict=True)
        if row.admission == 1 and rate is not None
    ]
    if filled:
        return f"Layouts are sized for {idle}. The target is filled by {', '.join(filled)}."
    row = sized_retention(retention)
    drives = counted(round(row.drives.value or 0), "drive")
    return (
        f"Layouts are sized for {idle}: {bounds(row.raw_bytes, format_bytes)} of raw, {drives} in "
        "service, or one for each fragment of a stripe if these are more, and spares."
    )
