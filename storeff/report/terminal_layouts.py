"""What the layouts need and cost, for a person at a terminal."""

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from storeff.economics import SizedLayout
from storeff.quantity import Quantity
from storeff.report.model import MoreReading, Report
from storeff.report.page import Column, Section, shortened
from storeff.report.render import (
    UNKNOWN,
    amount,
    counts,
    floored,
    format_number,
    interval,
    money,
    paragraph,
    section,
    simple_table,
    times,
    with_unit,
)
from storeff.units import (
    count,
    counted,
    format_bytes,
    format_power,
    format_size_both,
    percent,
)

SHOWN_ASSUMPTIONS = 8
# Of names in titles and lines; those in tables are as long as the table allows.
_NAME_WIDTH = 40
# Inputs by the names that people give them; in the JSON they keep those of the formats.
_INPUTS = {"fill_limit": "maximum utilisation", "reduction_ratio": "data reduction ratio"}


def verdict(report: Report) -> Section:
    """The answer for the reference layout."""
    layout, bill = _reference(report), _reference(report).bill
    lines = [
        f"{interval(layout.raw_bytes, format_bytes)} of raw storage: "
        f"{counts(bill.drives, 'drive')}, {counts(bill.racks, 'rack')}, "
        f"{interval(bill.facility_mw_peak, format_power)}",
        f"{_years(layout)}-year cost (present value): {money(bill.npv, report.currency)}",
    ]
    known = bill.npv.value is not None
    if known and report.uncertainty is not None and report.uncertainty.price.varied:
        prices = _range(report.uncertainty.price.npv, report.currency)
        lines[-1] += f"; price range (95 %): {prices}"
    if layout.floor is not None and layout.floor.raw_bytes.value is not None:
        cost = f", {money(layout.floor.npv, report.currency)}" if known else ""
        lines.append(
            f"Compression only: {interval(layout.floor.raw_bytes, format_bytes)} of raw storage"
            f"{cost}, if no duplicate is found"
        )
    what = "from scenario"
    if report.reduction is not None:
        what = "of this data" if report.target is None else "of data like this"
    if report.kv is not None:
        what = "of KV cache"
    title = (
        f"{format_size_both(_logical_bytes(report))} {what}, on {_short(layout.name)} with "
        f"{_short(bill.drive)} drives"
    )
    return section(title, *map(paragraph, lines))


def layout_sections(report: Report) -> Iterator[Section]:
    """The layouts beside each other, what drives the reference's cost, and what was assumed."""
    yield _layouts(report)
    yield _contributions(report)
    yield _assumed(report)


def _reference(report: Report) -> SizedLayout:
    return next(item for item in report.layouts if item.name == report.reference_layout)


def _logical_bytes(report: Report) -> int:
    logical_bytes = report.layouts[0].waterfall[0].before_bytes.value
    assert isinstance(logical_bytes, int)
    return logical_bytes


def _years(layout: SizedLayout) -> int:
    return len(layout.bill.opex_by_year)


def _short(name: str) -> str:
    return shortened(name, _NAME_WIDTH)


def _layouts(report: Report) -> Section:
    table = simple_table(
        "layout",
        "data reduction",
        "raw",
        "drives",
        "racks",
        "power",
        f"{_years(report.layouts[0])}-year cost",
        "compression only, raw",
        "capex",
        "nines",
    )
    for layout in report.layouts:
        bill = layout.bill
        nines = layout.durability.nines
        table.add_row(
            layout.name,
            f"{times(_reduction_ratio(layout))}x",
            interval(layout.raw_bytes, format_bytes),
            interval(bill.drives, count),
            interval(bill.racks, count),
            interval(bill.facility_mw_peak, format_power),
            money(bill.npv, report.currency),
            "" if layout.floor is None else interval(layout.floor.raw_bytes, format_bytes),
            money(bill.capex.total, report.currency),
            UNKNOWN if nines is None else floored(nines),
        )
    drive = _short(report.layouts[0].bill.drive)
    title = f"What {format_size_both(_logical_bytes(report))} would need, on {drive} drives"
    return section(title, table)


def _contributions(report: Report) -> Section:
    layout = _reference(report)
    steps = simple_table("step", "factor", "after", "contribution")
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
        shares = ", ".join(f"{name} {percent((part or 0) / npv)}" for name, part in parts.items())
        body.append(paragraph(f"Cost: {shares}. Racks are {layout.bill.rack_bound}-limited."))
    if report.sensitivity is not None:
        points = simple_table("if one point worse", "raw", "drives", f"{_years(layout)}-year cost")
        for point in report.sensitivity.per_point:
            cost = UNKNOWN if point.npv is None else amount(point.npv, report.currency)
            raw = format_bytes(point.raw_bytes)
            points.add_row(_input(point.input), raw, f"{point.drives:,}", cost)
        body.append(points)
    if report.uncertainty is not None:
        risks = {
            "Cost range of what was measured (95 %)": report.uncertainty.quantity.npv,
            "Price range (95 %)": report.uncertainty.price.npv,
        }
        body += [
            paragraph(f"{name}: {_range(npv, report.currency)}")
            for name, npv in risks.items()
            if npv.low != npv.high
        ]
        more = _more_reading(report.uncertainty.more_reading, report.currency)
        if more:
            body.append(paragraph(more))
    return section(f"Where capacity and money go ({_short(layout.name)})", *body)


def _input(name: str) -> str:
    words = name.split(" ")
    words[0] = _INPUTS.get(words[0], words[0].replace("_", " "))
    return " ".join(words)


def _more_reading(widths: Sequence[MoreReading], currency: str) -> str:
    """How much of the bill what was measured leaves open, and what more reading would."""
    left = [
        f"{amount(each.npv_width, currency)} and {counted(round(each.drives_width), 'drive')} "
        f"after reading {format_bytes(each.read_bytes)}"
        for each in widths
        if each.npv_width is not None and each.drives_width is not None
    ]
    return f"Left open: {', '.join(left)}." if left else ""


def _assumed(report: Report) -> Section:
    swings = report.sensitivity.tornado if report.sensitivity else ()
    first = [swing.path for swing in swings]
    rows = {row.path: row for row in report.assumptions}
    shown = [path for path in first if path in rows][:SHOWN_ASSUMPTIONS]
    table = simple_table(
        Column("assumed", "left", shortened=True, least=30),
        "value",
        "range",
        "as of",
        Column("source", "left", shortened=True, most=40),
    )
    for path in shown:
        row = rows[path]
        as_of = "undated" if row.as_of is None else str(row.as_of)
        table.add_row(
            path,
            UNKNOWN if row.value is None else with_unit(row.value, row.unit),
            f"{_plain(row.low)}..{_plain(row.high)}",
            f"{as_of}, out of date" if row.stale else as_of,
            row.source or row.kind,
        )
    note = paragraph(f"{counted(len(rows), 'assumption')} in all, in the JSON report")
    return section("What was assumed, by effect on cost", *([table] if shown else []), note)


def _reduction_ratio(layout: SizedLayout) -> float:
    factor = next(s.factor.value for s in layout.waterfall if s.step == "data_reduction")
    assert factor is not None
    return 1 / factor


def _range(q: Quantity, currency: str) -> str:
    if q.value is None or q.low is None or q.high is None:
        return UNKNOWN
    return f"{amount(q.low, currency)} to {amount(q.high, currency)}"


def _signed(size_bytes: float) -> str:
    return f"{'-' if size_bytes < 0 else '+'}{format_bytes(abs(size_bytes))}"


def _plain(value: float | None) -> str:
    return "?" if value is None else format_number(value)
