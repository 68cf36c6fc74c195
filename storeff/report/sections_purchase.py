"""One page for whoever signs a purchase: what, for how much, what else, how sure."""

from collections.abc import Callable, Iterable, Iterator

from storeff.data import AssumptionRow
from storeff.economics import SizedLayout, is_below
from storeff.quantity import Quantity
from storeff.report.bench_model import Bench, Quoted, Row
from storeff.report.charges import Purchase, charges, purchase_of, recommended_purchase
from storeff.report.figures import (
    amount,
    between,
    floored,
    format_number,
    interval,
    known,
    money,
    times,
    with_unit,
)
from storeff.report.model import Report
from storeff.report.page import (
    Column,
    Facts,
    Paragraph,
    Part,
    Section,
    Table,
    shortened,
    table,
    tabled,
)
from storeff.report.sections_bench import bench_sections, best_by_layout
from storeff.report.sections_bill import bill_table, missing_said
from storeff.report.sections_layouts import (
    assumption_name,
    less_demand_said,
    reference_layout,
    years,
)
from storeff.report.sections_plan import plan_sections
from storeff.report.sections_risk import budget_said
from storeff.report.subject import recommended_row
from storeff.report.summary import summary
from storeff.units import count, counted, format_bytes, format_power, percent

_SHOWN_LAYOUTS = 8
_SHOWN_SWINGS = 5
_NAME_WIDTH = 40
# What the answer says of the measurement, where all else is about the purchase.
_MEASURED = ("Read", "Data reduction", "Saves", "Model", "Written by", "Trace", "Retention")


def purchase_sections(report: Report) -> Iterator[Section]:
    """The page, the answer first. Of what the report holds nothing about, there is no section."""
    *before, answer = summary(report, full=True)
    facts = [row for part in answer.body if isinstance(part, Facts) for row in part.rows]
    yield from before
    if report.bench is not None:
        yield from (s for s in bench_sections(report, full=False) if s.name == "recommendation")
        yield from _bench(report, report.bench)
    else:
        bought = tuple(row for row in facts if row[0] not in _MEASURED)
        yield Section(answer.name, answer.title, (Facts(bought),) if bought else ())
    if report.layouts:
        layout = reference_layout(report)
        what = _bought(report, purchase_of(report, layout))
        yield Section("buy", "What is to be bought", tuple(what))
        yield _alternatives(report, layout)
        risk = _risk(report, layout)
        if risk.rows:
            parts: tuple[Part, ...] = (*budget_said(report), risk, *less_demand_said(report))
            yield Section("risk", "What the cost depends on", parts)
    yield from (section for section in plan_sections(report) if section.name == "plan")
    measured = tuple(row for row in facts if row[0] in _MEASURED)
    made = Facts((*measured, *_provenance(report)))
    yield Section("measured", "What was measured, and how sure it is", (made,))
    warned = tuple((each.code, f"{each.message} -> {each.remedy}") for each in report.warnings)
    yield Section("warnings", "Warnings", (Facts(warned) if warned else Paragraph("None."),))


def _provenance(report: Report) -> Iterator[tuple[str, str]]:
    """By what the figures can be had again."""
    run = report.run
    moment = "at an unknown time" if run.started_at is None else f"{run.started_at:%Y-%m-%d}"
    plan = "" if run.plan_digest is None else f", plan {run.plan_digest}"
    version = run.versions.get("storeff", "of an unknown version")
    yield "Measured", f"{moment}, by storeff {version}, seed {run.seed}{plan}"
    # Why as much was read as was asked for is no longer true of a scan that did not get there.
    if report.scan is not None and report.scan.choice is not None and report.complete:
        yield "How much", report.scan.choice


def _bought(report: Report, layout: Purchase) -> Iterator[Part]:
    prices = {row.path: row for charge in charges(layout) for row in charge.prices}
    what = f"{_short(layout.name)} with {_short(layout.drive)} drives"
    where = "" if layout.site is None else f", at {_short(layout.site)}"
    yield Paragraph(f"{layout.title or layout.name}: {what}{where}.")
    credit = layout.credit
    if credit is not None and credit.condition and credit.reduction != "nothing":
        yield Paragraph(f"It reduces if: {credit.condition}")
    yield bill_table(report, layout)
    yield from missing_said(layout)
    if prices:
        yield _priced(prices.values())


def _priced(prices: Iterable[AssumptionRow]) -> Table:
    """What was paid with, of when, and by whom."""
    return tabled(
        prices,
        {
            Column("price of", "name"): lambda row: row.path,
            "price": lambda row: known(row.value, lambda value: with_unit(value, row.unit)),
            "range": _range,
            "true on": lambda row: row.dated,
            Column("kind", "text"): lambda row: row.kind,
            Column("basis", "text"): lambda row: row.basis or "",
            Column("source", "text"): lambda row: row.source or "",
        },
    )


def _units(q: Quantity) -> str:
    """To the last one: what is ordered is not rounded."""
    return interval(q, lambda value: f"{value:,.0f}")


def _range(row: AssumptionRow) -> str:
    return "" if row.low is None or row.high is None else between(row.low, row.high, format_number)


def _short(name: str) -> str:
    return shortened(name, _NAME_WIDTH)


def _alternatives(report: Report, reference: SizedLayout) -> Section:
    """The reference layout beside the cheapest others that are as durable as was asked for."""
    held = reference.at_floor
    equal = [each for each in report.layouts if not is_below(each.at_floor)]
    others = [each for each in equal if each is not reference]
    shown = [reference, *others[: _SHOWN_LAYOUTS - 1]]

    def ends(layout: SizedLayout) -> str:
        found = layout.npv_range
        return "" if found is None else _between(found.low, found.high, report.currency)

    made = tabled(
        shown,
        {
            "layout": lambda each: each.name + (" (this purchase)" if each is reference else ""),
            Column("drive", "name"): lambda each: each.drive,
            "nines": lambda each: known(each.durability.nines, floored),
            "data reduction": lambda each: known(each.reduction_ratio.value, _ratio),
            "raw": lambda each: interval(each.raw_bytes, format_bytes),
            "drives": lambda each: interval(each.bill.drives, count),
            "racks": lambda each: interval(each.bill.racks, count),
            "power": lambda each: interval(each.bill.facility_mw_peak, format_power),
            f"{years(reference)}-year cost": lambda each: money(each.bill.npv, report.currency),
            "cost range (95 %)": ends,
        },
    )
    below = [_short(each.name) for each in report.layouts if each not in equal]
    title = "Alternatives, each with its usual parity"
    if held is not None:
        title = f"Alternatives at equal durability, {held.nines:g} nines or more"
    return Section("alternatives", title, (made, *_left_out(len(equal) - len(shown), below)))


def _left_out(more: int, below: list[str]) -> Iterator[Paragraph]:
    if more > 0:
        yield Paragraph(f"{counted(more, 'more layout')} in the report below.")
    if below:
        yield Paragraph(f"Not as durable: {', '.join(below)}.")


def _ratio(ratio: float) -> str:
    return f"{times(ratio)}x"


def _between(low: float | None, high: float | None, currency: str) -> str:
    """``5.09 to 11.5 B USD``; nothing where an end is unknown."""
    if low is None or high is None:
        return ""
    return between(min(low, high), max(low, high), lambda value: amount(value, currency))


def _risk(report: Report, layout: SizedLayout) -> Table:
    """Between what the cost lies if one thing varies or all do."""
    rows: list[tuple[str, str, str]] = []

    def add(what: str, over: str, low: float | None, high: float | None) -> None:
        cost = _between(low, high, report.currency)
        if cost and low != high:
            rows.append((what, over, cost))

    if layout.npv_range is not None:
        add("all of it (95 %)", "", layout.npv_range.low, layout.npv_range.high)
    if report.uncertainty is not None:
        found, price = report.uncertainty.quantity, report.uncertainty.price.npv
        drives = interval(found.drives, count)
        add("what was measured (95 %)", f"{drives} drives", found.npv.low, found.npv.high)
        add("prices (95 %)", "", price.low, price.high)
    units = {row.path: row.unit for row in report.assumptions}
    for swing in (report.sensitivity.tornado if report.sensitivity else ())[:_SHOWN_SWINGS]:
        over = f"{format_number(swing.low)} to {with_unit(swing.high, units.get(swing.path, ''))}"
        add(assumption_name(swing.path), over, swing.npv_at_low, swing.npv_at_high)
    if layout.floor is not None and layout.floor.npv.value is not None:
        raw = interval(layout.floor.raw_bytes, format_bytes)
        cost = money(layout.floor.npv, report.currency)
        rows.append(("no duplicate is found", f"{raw} raw", cost))
    heads = (Column("what varies", "text"), Column("over", "text"))
    return table((*heads, f"{years(layout)}-year cost"), rows)


def _bench(report: Report, bench: Bench) -> Iterator[Section]:
    chosen = recommended_row(bench)
    if chosen is not None:
        purchase = recommended_purchase(report)
        bought = _bought_row(report, chosen) if purchase is None else _bought(report, purchase)
        yield Section("buy", "What is to be bought", tuple(bought))
    reached = [row for row in bench.rows if not is_below(row.floor)]
    shown = best_by_layout(reached)
    made = tabled(
        shown[:_SHOWN_LAYOUTS],
        {
            "layout": lambda row: row.layout + (" (this purchase)" if row is chosen else ""),
            Column("drive", "name"): lambda row: row.drive,
            Column("code", "text"): lambda row: row.code,
            "nines": lambda row: known(row.nines, floored),
            "data reduction": lambda row: known(row.reduction_ratio.value, _ratio),
            "raw": lambda row: interval(row.raw_bytes, format_bytes),
            "drives": lambda row: interval(row.drives, count),
            "racks": lambda row: interval(row.racks, count),
            "power": lambda row: interval(row.facility_mw_peak, format_power),
            "cost": lambda row: money(row.npv, report.currency),
        },
    )
    equal = {row.layout for row in reached}
    names = dict.fromkeys(row.layout for row in bench.rows if row.layout not in equal)
    below = [_short(name) for name in names]
    title = "Alternatives, each with its usual parity"
    if bench.durability_nines is not None:
        title = f"Alternatives at equal durability, {bench.durability_nines:g} nines or more"
    body: tuple[Part, ...] = (made, *_left_out(len(shown) - _SHOWN_LAYOUTS, below))
    yield Section("alternatives", title, body)
    if bench.quoted is not None:
        yield _quote(report, bench.quoted)


def _bought_row(report: Report, row: Row) -> Iterator[Part]:
    rows = [
        ("drives, with spares", _units(row.drives), ""),
        ("racks with switches", _units(row.racks), ""),
        ("in all (present value)", "", money(row.npv, report.currency)),
    ]
    yield Paragraph(f"{_short(row.layout)} as {row.code}, with {_short(row.drive)} drives.")
    yield table((Column("to buy", "text"), "units", "cost"), rows)
    yield Paragraph(
        "A comparison of before schema 2.3 does not hold what each of them costs, nor of when the "
        "prices are: make it again, or storeff size for this layout."
    )


def _quote(report: Report, quoted: Quoted) -> Section:
    def cost(q: Quantity) -> str:
        return money(q, report.currency)

    def drives(q: Quantity) -> str:
        return interval(q, count)

    measured = interval(quoted.measured, _ratio)
    rows: list[tuple[str, str, str]] = [
        ("data reduction", _ratio(quoted.ratio), measured),
        ("drives", *_each(drives, quoted.drives_quoted, quoted.drives)),
        ("cost", *_each(cost, quoted.npv_quoted, quoted.npv)),
    ]
    chance = percent(quoted.probability)
    likely = Paragraph(f"Probability that the data reduces as far as promised: {chance}.")
    title = f"The vendor's quote for {_short(quoted.layout)} on {_short(quoted.drive)}"
    return Section("quote", title, (table(("", "quoted", "measured"), rows), likely))


def _each(show: Callable[[Quantity], str], one: Quantity, other: Quantity) -> tuple[str, str]:
    return show(one), show(other)
