"""What the layouts need and cost, what drives the reference's cost, and what was assumed."""

from collections.abc import Iterator, Sequence

from storeff.economics import SizedLayout, is_below
from storeff.economics.lines import ON_DELIVERY
from storeff.economics.quarters import is_quarter
from storeff.quantity import Quantity
from storeff.report.figures import (
    amount,
    between,
    floored,
    format_number,
    interval,
    known,
    money,
    signed,
    times,
    with_unit,
)
from storeff.report.model import MoreReading, Report
from storeff.report.page import UNKNOWN, Column, Paragraph, Part, Section, shortened, table, tabled
from storeff.report.sections_bill import bill_section
from storeff.units import count, counted, format_bytes, format_power, format_size_both, percent

SHOWN_ASSUMPTIONS = 8
_NAME_WIDTH = 40
_IN_SERVERS = ("cpus", "dram", "scm", "nics")
# Inputs by the names that people give them; in the JSON they keep those of the formats.
_INPUTS = {
    "fill_limit": "maximum utilisation",
    "reduction_ratio": "data reduction ratio",
    "mtbf_hours": "MTBF",
    "afr": "AFR",
    "pue": "PUE",
    "support": "vendor support",
    "residual": "residual value",
    "change": "price change",
    "price_per_kwh": "price of a kWh",
    "colocation_per_kw_month": "price of a kW and month",
}


def layout_sections(report: Report) -> Iterator[Section]:
    """The layouts beside each other, the bill, where capacity and money go, what was assumed."""
    yield _layouts(report)
    yield bill_section(report, reference_layout(report))
    yield _contributions(report)
    yield _assumed(report)


def reference_layout(report: Report) -> SizedLayout:
    """The layout that sensitivity and uncertainty are about."""
    return next(each for each in report.layouts if each.name == report.reference_layout)


def logical_bytes(report: Report) -> int:
    """Application bytes that the layouts are for."""
    found = report.layouts[0].waterfall[0].before_bytes.value
    assert isinstance(found, int)
    return found


def years(layout: SizedLayout) -> int:
    """Of how many years the cost is."""
    return len(layout.bill.opex_by_year)


def cost_with_range(report: Report, layout: SizedLayout) -> str:
    """The cost, and between what it lies where anything that it rests on varies."""
    cost, currency = layout.bill.npv, report.currency
    found, by_price = layout.npv_range, report.uncertainty and report.uncertainty.price.npv
    if found is not None and cost.value is not None:
        ends = _ends(found.low, found.high, currency)
        level = f"{found.level * 100:g} %"
        return f"{amount(cost.value, currency)} (present value); {ends} ({level})"
    cost_shown = f"{money(cost, currency)} (present value)"
    # A report of before schema 2.0 has the range by prices alone, of this layout.
    if by_price and by_price.low != by_price.high and layout is reference_layout(report):
        return f"{cost_shown}; {_ends(by_price.low, by_price.high, currency)} by price (95 %)"
    return cost_shown


def _ends(low: float | None, high: float | None, currency: str) -> str:
    if low is None or high is None:
        return UNKNOWN
    return between(low, high, lambda value: amount(value, currency))


def input_name(name: str) -> str:
    """``maximum utilisation -1 pp`` of ``fill_limit -1 pp``."""
    first, _, rest = name.partition(" ")
    return f"{_INPUTS.get(first, first.replace('_', ' '))} {rest}".rstrip()


def assumption_name(path: str) -> str:
    """``price of qlc-122`` of ``drives.qlc-122.price``."""
    first, _, last = path.rpartition(".")
    if is_quarter(last):
        return f"{assumption_name(first)} in {last}"
    room, _, name = first.partition(".")
    if room == "price_path":
        room = "drive"
    # The layout is named beside it.
    if room == "layouts" or (room in ("finance", "purchase") and name == "default"):
        return input_name(last)
    if name == "default" or (not name and room not in ("data", "layout", "finance")):
        name = room
    return f"{input_name(last)} of {name}" if name else input_name(last)


def _short(name: str) -> str:
    return shortened(name, _NAME_WIDTH)


def _layouts(report: Report) -> Section:
    def cost(q: Quantity) -> str:
        return money(q, report.currency)

    def floor(layout: SizedLayout) -> str:
        return "" if layout.floor is None else interval(layout.floor.raw_bytes, format_bytes)

    def without_floor(layout: SizedLayout) -> str:
        at_floor = layout.at_floor
        return (
            "" if at_floor is None or at_floor.npv_without is None else cost(at_floor.npv_without)
        )

    made = tabled(
        report.layouts,
        {
            "layout": lambda each: each.name,
            "data reduction": lambda each: known(each.reduction_ratio.value, _times),
            "raw": lambda each: interval(each.raw_bytes, format_bytes),
            "drives": lambda each: interval(each.bill.drives, count),
            "racks": lambda each: interval(each.bill.racks, count),
            "power": lambda each: interval(each.bill.facility_mw_peak, format_power),
            f"{years(report.layouts[0])}-year cost": lambda each: cost(each.bill.npv),
            "nines": lambda each: known(each.durability.nines, floored),
            "parity added": _parity_added,
            "cost without": without_floor,
            "compression only, raw": floor,
            "capex": lambda each: cost(each.bill.capex.total),
            Column("reduces by", "text"): _credited,
        },
    )
    drive = _short(report.layouts[0].drive)
    title = f"What {format_size_both(logical_bytes(report))} would need, on {drive} drives"
    at_floor = report.layouts[0].at_floor
    if at_floor is not None:
        title += f", at {at_floor.nines:g} nines or more"
    return Section("layouts", title, (made, *map(Paragraph, _conditions(report.layouts))))


def _parity_added(layout: SizedLayout) -> str:
    at_floor = layout.at_floor
    if at_floor is None:
        return ""
    if is_below(at_floor):
        return "below"
    return f"+{at_floor.parities_added}" if at_floor.parities_added else "0"


def _credited(layout: SizedLayout) -> str:
    credit = layout.credit
    if credit is None:
        return ""
    return f"{credit.reduction}{', off as shipped' if credit.must_be_turned_on else ''}"


def _conditions(layouts: Sequence[SizedLayout]) -> Iterator[str]:
    """What it takes for systems to reduce as they are credited with, and why some stay below the
    floor."""
    for layout in layouts:
        credit, at_floor = layout.credit, layout.at_floor
        if credit is not None and credit.condition and credit.reduction != "nothing":
            yield f"{_short(layout.name)} reduces if: {credit.condition}"
        if at_floor is not None and at_floor.reason is not None:
            yield f"{_short(layout.name)}: {at_floor.reason}"


def _contributions(report: Report) -> Section:
    layout = reference_layout(report)
    title = f"Where capacity and money go ({_short(layout.name)})"
    return Section("contributions", title, tuple(_contribution_parts(report, layout)))


def less_demand_said(report: Report) -> Iterator[Paragraph]:
    """What is bought in vain if less data comes, where the report says it."""
    less = report.uncertainty.less_demand if report.uncertainty else None
    if less is None or less.idle_drives is None:
        return
    text = (
        f"If {percent(1 - less.demand_share)} less data comes, "
        f"{interval(less.raw_bytes, format_bytes)} and {interval(less.drives, count)} drives do; "
        f"{count(less.idle_drives)} drives"
    )
    if less.idle_npv is not None:
        text += f" and {amount(less.idle_npv, report.currency)} of the cost"
    yield Paragraph(f"{text} are for nothing.")


def _contribution_parts(report: Report, layout: SizedLayout) -> Iterator[Part]:
    first, *steps = layout.waterfall
    rows = [(first.label, "", known(first.after_bytes.value, format_bytes), "")]
    for step in steps:
        if step.factor.value != 1:
            factor = f"x {float(step.factor.value or 0):.4g}"
            share = signed(step.share_bytes.value or 0)
            rows.append((step.label, factor, known(step.after_bytes.value, format_bytes), share))
    yield table(("step", "factor", "after", "contribution"), rows)
    capex, npv = layout.bill.capex, layout.bill.npv.value
    if npv:
        bought = {name: getattr(capex, name).value or 0 for name in ON_DELIVERY}
        servers = sum(bought.pop(name) for name in _IN_SERVERS)
        network = bought.pop("network") + bought.pop("optics")
        parts = {name: bought.pop(name) for name in ("drives", "enclosures", "racks")}
        more = {"in the servers": servers, "network": network, "other": sum(bought.values())}
        parts |= {name: part for name, part in more.items() if part}
        parts["running cost"] = npv - (capex.total.value or 0)
        shares = ", ".join(f"{name} {percent((part or 0) / npv)}" for name, part in parts.items())
        yield Paragraph(f"Cost: {shares}. Racks are {layout.bill.rack_bound}-limited.")
    yield from less_demand_said(report)

    def cost(value: float) -> str:
        return amount(value, report.currency)

    points = report.sensitivity.per_point if report.sensitivity else ()
    worse = [each for each in points if each.raw_bytes or each.drives or each.npv]
    if worse:
        yield tabled(
            worse,
            {
                "if one point worse": lambda each: input_name(each.input),
                "raw": lambda each: format_bytes(each.raw_bytes),
                "drives": lambda each: count(each.drives),
                f"{years(layout)}-year cost": lambda each: known(each.npv, cost),
            },
        )
    if report.uncertainty is not None:
        risks = {"Cost range of what was measured (95 %)": report.uncertainty.quantity.npv}
        if report.uncertainty.simulation is None:
            risks["Price range (95 %)"] = report.uncertainty.price.npv
        for name, q in risks.items():
            if q.low != q.high:
                yield Paragraph(f"{name}: {_ends(q.low, q.high, report.currency)}")
        yield from _more_reading(report.uncertainty.more_reading, report.currency)


def _times(ratio: float) -> str:
    return f"{times(ratio)}x"


def _more_reading(widths: Sequence[MoreReading], currency: str) -> Iterator[Part]:
    """How much of the bill what was measured leaves open, and what more reading would."""
    left = [
        f"{amount(each.npv_width, currency)} and {counted(round(each.drives_width), 'drive')} "
        f"after reading {format_bytes(each.read_bytes)}"
        for each in widths
        if each.npv_width is not None and each.drives_width is not None
    ]
    if left:
        yield Paragraph(f"Left open: {', '.join(left)}.")


def _assumed(report: Report) -> Section:
    rows = {row.path: row for row in report.assumptions}
    swings = report.sensitivity.tornado if report.sensitivity else ()
    shown = [rows[each.path] for each in swings if each.path in rows][:SHOWN_ASSUMPTIONS]
    made = tabled(
        shown,
        {
            Column("assumed", "name", least=30): lambda row: row.path,
            "value": lambda row: known(row.value, lambda value: with_unit(value, row.unit)),
            "range": lambda row: f"{_end(row.low)}..{_end(row.high)}",
            "true on": lambda row: row.dated,
            Column("source", "name", most=40): lambda row: row.source or row.kind,
        },
    )
    note = Paragraph(f"{counted(len(rows), 'assumption')} in all, in the JSON report")
    title = "What was assumed, by effect on cost"
    return Section("assumptions", title, (*([made] if shown else []), note))


def _end(value: float | None) -> str:
    return "?" if value is None else format_number(value)
