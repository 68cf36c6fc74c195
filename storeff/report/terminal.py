"""The report for a person at a terminal: what was read, how far it shrinks, what that forces."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.text import Text

from storeff.economics import SizedLayout
from storeff.quantity import Quantity
from storeff.report.incomplete import coverage_shown
from storeff.report.model import MoreReading, Report, Scan, Skipped
from storeff.report.render import (
    UNKNOWN,
    format_number,
    interval,
    paragraph,
    plain_console,
    section,
    shortened,
    simple_table,
)
from storeff.report.terminal_kv import kv_sections
from storeff.report.terminal_reduction import reduction_sections
from storeff.units import format_bytes, format_size_both, significant

SHOWN_ASSUMPTIONS = 8
SOURCE_WIDTH = 34


def print_report(report: Report) -> None:
    """Write ``report`` to stdout; coloured on a terminal only, and never under NO_COLOR."""
    console = plain_console()
    for each in _sections(report):
        console.print(each)


def _sections(report: Report) -> Iterator[RenderableType]:
    if report.layouts:
        yield _verdict(report)
    if report.scan is not None:
        yield _scanned(report.scan)
    if report.reduction is not None and report.reduction.data_bytes:
        yield from reduction_sections(report.reduction)
    if report.kv is not None:
        yield from kv_sections(report.kv)
    if report.layouts:
        yield _layouts(report)
        yield _dominates(report)
        yield _assumed(report)
    if report.scan is not None or report.warnings or _skipped(report):
        yield _not_covered(report)


def _scanned(scan: Scan) -> Group:
    text = (
        f"{', '.join(scan.sources)}\n"
        f"{scan.files:,} files, {format_bytes(scan.logical_bytes)} "
        f"({format_bytes(scan.allocated_bytes)} on disk); "
        f"read {format_bytes(scan.read_bytes)}, {coverage_shown(scan)} covered"
    )
    if scan.hole_bytes:
        text += f"; {format_bytes(scan.hole_bytes)} are holes, not counted as data"
    for aside in scan.set_aside:
        size = "" if aside.bytes is None else f", {format_bytes(aside.bytes)}"
        text += f"\n{aside.files:,} x {aside.reason}{size}: {aside.meaning}"
    if scan.choice is not None:
        text += f"\n{scan.choice}"
    return section("Read", paragraph(text))


def _reference(report: Report) -> SizedLayout:
    return next(item for item in report.layouts if item.name == report.reference_layout)


def _logical_bytes(report: Report) -> int:
    logical_bytes = report.layouts[0].waterfall[0].before_bytes.value
    assert isinstance(logical_bytes, int)
    return logical_bytes


def _verdict(report: Report) -> Group:
    layout = _reference(report)
    bill = layout.bill
    text = (
        f"{interval(layout.raw_bytes, format_bytes)} of raw storage: "
        f"{interval(bill.drives, _count)} drives, "
        f"{interval(bill.racks, _count)} racks, "
        f"{interval(bill.facility_mw_peak, significant)} MW, "
        f"{_money(bill.npv, report.currency)} NPV over {len(bill.opex_by_year)} years"
    )
    known = bill.npv.value is not None
    if known and report.uncertainty is not None and report.uncertainty.price.varied:
        text += f" ({_range(report.uncertainty.price.npv, report.currency)} by the assumed prices)"
    if layout.floor is not None:
        text += (
            f"\n{interval(layout.floor.raw_bytes, format_bytes)} and "
            f"{_money(layout.floor.npv, report.currency)} if no duplicate is found at that scale"
        )
    what = "of data like this" if report.reduction is not None else "as typed in"
    if report.kv is not None:
        what = "of KV cache"
    title = (
        f"{format_size_both(_logical_bytes(report))} {what}, on {layout.name} "
        f"with {bill.drive} drives"
    )
    return section(title, paragraph(text))


def _layouts(report: Report) -> Group:
    years = len(report.layouts[0].bill.opex_by_year)
    table = simple_table(
        "layout",
        "shrinks",
        "raw flash",
        "(no duplicates)",
        "drives",
        "racks",
        "MW",
        "capex",
        f"{years}-year NPV",
        "nines",
    )
    for layout in sorted(report.layouts, key=_npv_order):
        bill = layout.bill
        nines = layout.durability.nines
        table.add_row(
            layout.name,
            f"{_reduction_ratio(layout):.2f}x",
            interval(layout.raw_bytes, format_bytes),
            "" if layout.floor is None else interval(layout.floor.raw_bytes, format_bytes),
            interval(bill.drives, _count),
            interval(bill.racks, _count),
            interval(bill.facility_mw_peak, significant),
            _money(bill.capex.total, report.currency),
            _money(bill.npv, report.currency),
            UNKNOWN if nines is None else f"{nines:.0f}",
        )
    drive = report.layouts[0].bill.drive
    title = f"What {format_size_both(_logical_bytes(report))} would need, on {drive} drives"
    return section(title, table)


def _dominates(report: Report) -> Group:
    layout = _reference(report)
    steps = simple_table("step", "factor", "after", "share of the difference")
    for step in layout.waterfall:
        after, share = step.after_bytes.value, step.share_bytes.value
        assert after is not None
        assert share is not None
        factor = float(step.factor.value or 0)
        steps.add_row(step.label, f"x {factor:.4g}", format_bytes(after), _signed(share))
    body: list[RenderableType] = [steps]
    capex, npv = layout.bill.capex, layout.bill.npv.value
    if npv:
        parts = {
            "drives": capex.drives.value,
            "enclosures": capex.enclosures.value,
            "racks": capex.racks.value,
            "running cost": npv - (capex.total.value or 0),
        }
        shares = ", ".join(f"{name} {(part or 0) / npv:.1%}" for name, part in parts.items())
        body.append(Text(f"Money: {shares}; racks are filled by {layout.bill.rack_bound}"))
    if report.sensitivity is not None:
        points = simple_table("one point more", "raw", "drives", "NPV")
        for point in report.sensitivity.per_point:
            cost = UNKNOWN if point.npv is None else _amount(point.npv, report.currency)
            points.add_row(point.input, format_bytes(point.raw_bytes), f"{point.drives:,}", cost)
        body.append(points)
    if report.uncertainty is not None:
        risks = {
            "what was measured": report.uncertainty.quantity.npv,
            "assumed prices": report.uncertainty.price.npv,
        }
        ranges = [
            f"from {name} {_range(npv, report.currency)}"
            for name, npv in risks.items()
            if npv.low != npv.high
        ]
        if ranges:
            body.append(Text(f"Interval of the NPV: {'; '.join(ranges)}"))
        more = _more_reading(report.uncertainty.more_reading, report.currency)
        if more:
            body.append(paragraph(more))
    return section(f"What dominates ({layout.name})", *body)


def _more_reading(widths: Sequence[MoreReading], currency: str) -> str:
    """How much of the bill what was measured leaves open, and what more reading would."""
    told = [
        f"{_amount(each.npv_width, currency)} and {_count(each.drives_width)} drives with "
        f"{format_bytes(each.read_bytes)} read"
        for each in widths
        if each.npv_width is not None and each.drives_width is not None
    ]
    return f"What was measured leaves open {', '.join(told)}" if told else ""


def _assumed(report: Report) -> Group:
    swings = report.sensitivity.tornado if report.sensitivity else ()
    first = [swing.path for swing in swings]
    rows = {row.path: row for row in report.assumptions}
    shown = [path for path in first if path in rows][:SHOWN_ASSUMPTIONS]
    table = simple_table("assumed", "value", "range", "as of", "source")
    table.columns[4].justify = "left"
    for path in shown:
        row = rows[path]
        as_of = "undated" if row.as_of is None else str(row.as_of)
        table.add_row(
            path,
            _with_unit(row.value, row.unit),
            f"{_plain(row.low)}..{_plain(row.high)}",
            f"{as_of} (stale)" if row.stale else as_of,
            shortened(row.source or row.kind, SOURCE_WIDTH),
        )
    note = Text(f"{len(rows)} assumptions in all, in the JSON report")
    return section("What was assumed, by effect on NPV", *([table] if shown else []), note)


def _skipped(report: Report) -> list[Skipped]:
    if report.scan is not None:
        return report.scan.skipped
    return report.kv.skipped if report.kv is not None else []


def _not_covered(report: Report) -> Group:
    body: list[RenderableType] = []
    if _skipped(report):
        table = simple_table("not covered", "entries", "bytes", "what to do", "for example")
        for column in table.columns[3:]:
            column.justify = "left"
        for skipped in _skipped(report):
            size = UNKNOWN if skipped.bytes is None else format_bytes(skipped.bytes)
            example = skipped.examples[0] if skipped.examples else ""
            table.add_row(skipped.reason, f"{skipped.files:,}", size, skipped.remedy, example)
        body.append(table)
    elif report.scan is not None and report.complete:
        whole = report.scan.coverage == 1.0
        body.append(Text(f"Everything {'listed' if whole else 'chosen'} was covered."))
    body += [paragraph(f"! {w.message} -> {w.remedy}", "yellow") for w in report.warnings]
    return section("Before you rely on it", *body)


def _npv_order(layout: SizedLayout) -> tuple[bool, float]:
    npv = layout.bill.npv.value
    return npv is None, float(layout.raw_bytes.value or 0) if npv is None else npv


def _reduction_ratio(layout: SizedLayout) -> float:
    factor = next(s.factor.value for s in layout.waterfall if s.step == "data_reduction")
    assert factor is not None
    return 1 / factor


def _count(value: float) -> str:
    return f"{value:,.0f}" if value < 1000 else significant(value)


def _money(q: Quantity, currency: str) -> str:
    return UNKNOWN if q.value is None else _amount(q.value, currency)


def _range(q: Quantity, currency: str) -> str:
    if q.value is None or q.low is None or q.high is None:
        return UNKNOWN
    return f"{_amount(q.low, currency)} to {_amount(q.high, currency)}"


def _amount(value: float, currency: str) -> str:
    for size, name in ((1e9, " B"), (1e6, " M"), (1e3, " k")):
        if abs(value) >= size * 0.9995:
            return f"{significant(value / size)}{name} {currency}"
    return f"{value:,.2f} {currency}"


def _signed(size_bytes: float) -> str:
    return f"{'-' if size_bytes < 0 else '+'}{format_bytes(abs(size_bytes))}"


def _plain(value: float | None) -> str:
    if value is None:
        return "?"
    return format_number(value)


def _with_unit(value: float | None, unit: str) -> str:
    return _plain(value) if unit.startswith("fraction") else f"{_plain(value)} {unit}"
