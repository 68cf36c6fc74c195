"""The first screen: the answer, what it rests on, what decides it, and what to do next.

It fits 80 x 24 whatever is in the report: names are short, of lists the first stand here, and where
figures are so long that there is still no room, what decides least is left out.
"""

from collections.abc import Iterator

from storeff.report.figures import (
    amount,
    between,
    bounds,
    counts,
    floored,
    format_number,
    interval,
    known,
    money,
    ratio,
    times,
    with_unit,
)
from storeff.report.incomplete import INTERRUPTED, coverage_shown, skipped_rows
from storeff.report.model import Kv, Report, Scan
from storeff.report.page import UNKNOWN, Facts, Section, brief, fold, shortened
from storeff.report.sections_kv import KINDS, sized_retention
from storeff.report.sections_layouts import (
    assumption_name,
    cost_with_range,
    input_name,
    logical_bytes,
    reference_layout,
    years,
)
from storeff.report.sections_reduction import (
    compression_only,
    has_figures,
    headline,
    saved,
    taken,
)
from storeff.report.sections_risk import rests_on
from storeff.units import (
    counted,
    covered,
    format_bytes,
    format_bytes_iec,
    format_duration,
    format_power,
    format_size_both,
    percent,
    significant,
)

# How a person measures every row of a table.
FULL_TABLE = "storeff scan --table full"
_NAME_WIDTH = 20
_SOURCE_WIDTH = 36
_REASON_WIDTH = 140
_WARNING_WIDTH = 110
# The most important first; those of what is incomplete are in the first line.
_IMPORTANCE = (
    *("no-redundancy", "unknown-price", "no-dedup-point", "no-reduction", "beyond-scan"),
    *("below-floor", "several-clusters", "off-as-shipped", "not-in-bill", "imprecise"),
    *("listed-again", "small-objects", "price-bases", "price-break", "stale-assumptions"),
    *("sampled", "holes"),
)

# Lines for facts: the title takes two, what is incomplete four, and the next prompt one.
_LINES = 21
_INCOMPLETE_LINES = 4
# What a line of 80 leaves for them beside the longest label.
_LINE_CELLS = 62
# What goes first, from the end of its rows, where not all fits.
_LEAST = ("Decided by", "Runner-up", "Cheapest", "Written by", "Trace", "Warning", "5-year cost")

Rows = Iterator[tuple[str, str]]


def summary(report: Report, *, full: bool) -> Iterator[Section]:
    """The answer; ``full`` is whether everything else follows."""
    if not report.complete:
        because = "; ".join(report.incomplete_because) or "see what was skipped"
        if report.scan is not None and report.scan.coverage < 1:
            because = f"rests on {coverage_shown(report.scan)} of the listed bytes; {because}"
        shown = because if full else brief(because, _REASON_WIDTH)
        yield Section("incomplete", f"INCOMPLETE: {shown}", style="warning")
    rows = list(_facts(report, full))
    if not full:
        rows = _fitting(rows, _LINES if report.complete else _LINES - _INCOMPLETE_LINES)
    yield Section("answer", _title(report), (Facts(tuple(rows)),) if rows else ())


def after_bench() -> Section:
    """What to do next after a comparison of layouts."""
    return Section(
        "next", "Next: --full shows every row and its arithmetic; -o FILE keeps it", style=""
    )


def _fitting(rows: list[tuple[str, str]], lines: int) -> list[tuple[str, str]]:
    """``rows`` without the last of what matters least, until they take no more than ``lines``."""
    goes = (row for label in _LEAST for row in reversed(rows) if row[0] == label)
    while sum(len(fold(text, _LINE_CELLS)) for _, text in rows) > lines:
        gone = next(goes, None)
        if gone is None:
            break
        rows = [row for row in rows if row is not gone]
    return rows


def _title(report: Report) -> str:
    reduction, kv = report.reduction, report.kv
    if report.layouts:
        layout = reference_layout(report)
        what = "from scenario"
        if reduction is not None:
            what = "of this data" if report.target is None else "of data like this"
        if kv is not None:
            what = "of KV cache"
        size = format_size_both(logical_bytes(report))
        if report.target is None:
            size = _most(report) + size
        return f"{size} {what}, on {_short(layout.name)} with {_short(layout.drive)} drives"
    if kv is not None:
        return _kv_title(kv)
    if reduction is None and report.services is not None:
        return "Services, at a stated cost of infrastructure"
    if reduction is None or not reduction.data_bytes:
        return "No data was measured"
    return taken(reduction)


def _kv_title(kv: Kv) -> str:
    if kv.trace is not None:
        return f"A trace of {counted(kv.trace.requests, 'request')} to KV caches"
    if kv.survey is not None:
        size = format_bytes(kv.survey.dump_bytes)
        return f"KV caches in {counted(kv.survey.dump_files, 'file')}, {size}"
    return "KV cache" if kv.model is None else f"KV cache of {_short(kv.model.name)}"


def _short(name: str) -> str:
    return shortened(name, _NAME_WIDTH)


def _facts(report: Report, full: bool) -> Rows:
    reduction = report.reduction
    if report.scan is not None:
        yield "Read", _read(report.scan, report.complete)
    if reduction is not None and reduction.data_bytes and has_figures(reduction):
        yield "Data reduction", headline(reduction, report.complete)
        yield "Data reduction", compression_only(reduction)
        if not report.layouts:
            yield "Saves", saved(reduction)
    if report.kv is not None:
        yield from _kv(report.kv)
    if report.layouts:
        yield from _layout(report)
        yield from _runner_up(report)
        yield from _decided(report)
        basis = rests_on(report) if full else None
        if basis is not None:
            yield "Cost rests", basis
    if not full:
        if report.complete and report.warnings:
            yield "Warning", _warning(report)
        yield "Next", _next(report)


def _read(scan: Scan, complete: bool) -> str:
    files = f"{counted(scan.files, 'file')}, {format_bytes(scan.logical_bytes)}, in "
    of = shortened(scan.sources[0], _SOURCE_WIDTH) if len(scan.sources) == 1 else ""
    files += of or counted(len(scan.sources), "source")
    if not complete:
        measured = f"; measured {coverage_shown(scan)} of the listed bytes"
        return files + (measured if scan.coverage < 1 else "")
    if scan.coverage < 1:
        return f"{files}; a sample of {covered(scan.coverage)}"
    return f"{files}; coverage: complete"


def _layout(report: Report) -> Rows:
    """What the reference layout needs, costs and loses; each beside compression only."""
    layout, bill = reference_layout(report), reference_layout(report).bill
    most = _most(report)
    needs = [
        interval(layout.raw_bytes, format_bytes),
        *(counts(bill.drives, "drive"), counts(bill.racks, "rack")),
        interval(bill.facility_mw_peak, format_power),
    ]
    # Said once where it is the same for all.
    spread = {need.partition(" ±")[2] for need in needs}
    if len(spread) == 1 and spread != {""}:
        needs = [need.partition(" ±")[0] for need in needs]
        needs[-1] += f" (each ±{spread.pop()})"
    reduced = layout.reduction_ratio.value
    head = report.reduction.headline.ratio.value if report.reduction else None
    if reduced is not None and times(reduced) != times(head or 1):
        needs[0] += f" at {times(reduced)}x"
    yield "Raw storage", most + ", ".join(needs)
    step = next(each for each in layout.waterfall if each.step == "data_reduction")
    if report.reduction is not None and not (step.source or "").startswith("measured"):
        yield "Raw storage", brief(step.source or "", 3 * _NAME_WIDTH)
    floor = layout.floor
    if floor is not None and floor.raw_bytes.value is not None:
        raw = interval(floor.raw_bytes, format_bytes)
        yield "Raw storage", f"compression only: {raw}, if no duplicate is found"
    cost = f"{UNKNOWN}, as a price is"
    if bill.npv.value is not None:
        cost = f"{most}{cost_with_range(report, layout)}"
    yield f"{years(layout)}-year cost", cost
    if floor is not None and floor.npv.value is not None:
        yield f"{years(layout)}-year cost", f"compression only: {money(floor.npv, report.currency)}"
    durability = layout.durability
    lost, nines = durability.fleet_bytes_lost_per_year, durability.nines
    if lost is None or nines is None:
        yield "Expected loss", UNKNOWN
    else:
        size = "less than 1 B" if lost < 1 else format_bytes(lost)
        # The B of the cost above it is that of billions.
        size = f"{size.removesuffix('B')}bytes" if size.endswith(" B") else size
        asked = "" if layout.at_floor is None else f", {layout.at_floor.nines:g} asked for"
        told = f"{floored(nines)} nines{asked}"
        yield "Expected loss", f"{size} a year, by drive failures alone ({told})"


def _most(report: Report) -> str:
    """Where a trace only bounds what is kept, layouts are sized for the cautious end."""
    retention = report.kv.retention if report.kv else None
    return "" if retention is None or sized_retention(retention).measured else "at most "


def _runner_up(report: Report) -> Rows:
    """The cheapest other layout, or the smallest where costs are not known."""
    layout = reference_layout(report)
    others = [each for each in report.layouts if each.name != layout.name]
    if not others:
        return
    other = others[0]
    label = "Runner-up" if report.layouts[0].name == layout.name else "Cheapest"
    text = f"{_short(other.name)}: {interval(other.raw_bytes, format_bytes)}"
    ours, theirs = layout.bill.npv.value, other.bill.npv.value
    if theirs is not None:
        text += f", {money(other.bill.npv, report.currency)}"
        if ours and theirs != ours:
            more = "more" if theirs > ours else "less"
            text += f" ({percent(abs(theirs / ours - 1))} {more})"
    yield label, text


def _decided(report: Report) -> Rows:
    """The one or two inputs that move the cost most, within what is known of them."""
    found: list[tuple[float, str]] = []

    def add(low: float | None, high: float | None, text: str) -> None:
        if low is not None and high is not None and low != high:
            ends = between(min(low, high), max(low, high), lambda x: amount(x, report.currency))
            found.append((abs(high - low), f"{text}: {ends}"))

    rows = {row.path: row for row in report.assumptions}
    if report.uncertainty is not None:
        measured = report.uncertainty.quantity.npv
        add(measured.low, measured.high, "data reduction, as far as measured")
    for swing in report.sensitivity.tornado if report.sensitivity else ():
        row = rows.get(swing.path)
        unit = "" if row is None else row.unit
        ends = f"{format_number(swing.low)} to {with_unit(swing.high, unit)}"
        name = brief(assumption_name(swing.path), 2 * _NAME_WIDTH)
        add(swing.npv_at_low, swing.npv_at_high, f"{name}, {ends}")
    found.sort(key=lambda each: -each[0])
    points = report.sensitivity.per_point if report.sensitivity else ()
    if points and not found:
        worst = max(points, key=lambda each: (each.npv or 0, each.raw_bytes))
        cost = "" if worst.npv is None else f", {amount(worst.npv, report.currency)}"
        more = f"{format_bytes(worst.raw_bytes)} of raw storage{cost} more"
        found.append((0, f"{input_name(worst.input)}: {more}"))
    yield from (("Decided by", text) for _, text in found[:2])


def _warning(report: Report) -> str:
    def importance(code: str) -> int:
        return _IMPORTANCE.index(code) if code in _IMPORTANCE else -1

    first, *others = sorted(report.warnings, key=lambda each: importance(each.code))
    more = f" (and {counted(len(others), 'more warning')}: --full)" if others else ""
    return brief(first.message, _WARNING_WIDTH) + more


def _next(report: Report) -> str:
    reduction, kv = report.reduction, report.kv
    if not report.complete:
        remedy = report.warnings[0].remedy if report.warnings else "read it again"
        skipped = skipped_rows(report)
        if skipped and report.warnings and report.warnings[0].code != INTERRUPTED:
            most = max(skipped, key=lambda each: each.files)
            remedy = f"{most.reason}: {most.remedy}"
        return f"{brief(remedy, 80)}; --full shows what is missing"
    if report.layouts:
        layouts = f"{counted(len(report.layouts), 'layout')}, each step and "
        return (
            f"--full shows {layouts}{counted(len(report.assumptions), 'assumption')}; "
            "-o FILE keeps the report, for storeff size FILE --layout NAME"
        )
    if reduction is not None:
        return "to size storage for more data like this, add --target 50EB; --full shows all"
    if kv is not None and kv.trace is not None:
        return "to size how long caches can be kept, add --model NAME --ttl 10m,1d"
    return "to size how long caches can be kept, add a trace and --ttl 10m,1d; --full shows all"


def _kv(kv: Kv) -> Rows:
    if kv.model is not None:
        token = format_bytes_iec(kv.model.bytes_per_token)
        yield "Model", f"{_short(kv.model.name)}, {kv.model.cache_format}: {token} a token"
    if kv.survey is not None and kv.dumps:
        systems = dict.fromkeys(found.system for found in kv.dumps)
        first, more = next(iter(systems)), len(systems) - 1
        yield "Written by", brief(first, 48) + (f" and {more:,} more" if more else "")
    if kv.survey is not None and kv.survey.measured is not None:
        parts = kv.survey.measured.overall
        for part in parts[:1]:
            name = f"{KINDS[part.kind]}, {part.dtype or 'bytes'}"
            yield "Data reduction", f"{ratio(part.winner.ratio)} lossless, {name}"
            yield "Data reduction", f"by {brief(part.winner.scheme, 50)}"
    if kv.trace is not None:
        hits = known(kv.trace.unlimited.token_hit_rate, percent)
        yield (
            "Trace",
            f"{counted(kv.trace.requests, 'request')} in {format_duration(kv.trace.span_seconds)}; "
            f"at most {hits} of tokens are hits",
        )
    if kv.retention is not None:
        row = sized_retention(kv.retention)
        idle = format_duration(row.ttl_seconds)
        hit = bounds(row.token_hit_rate, percent)
        yield "Retention", f"evict if idle longer than {idle}: {hit} of tokens hit"
        rate = kv.retention.requests_per_second_at_target[kv.retention.rows.index(row)]
        text = f"{significant(rate or kv.retention.requests_per_second)} requests/s"
        if rate is None:
            yield "Retention", f"{bounds(row.raw_bytes, format_bytes)} of raw storage for {text}"
        else:
            yield "Retention", f"the target is filled by {text}"
