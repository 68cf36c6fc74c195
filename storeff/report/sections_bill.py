"""The whole bill of a layout: every line with its quantity and cost, and what is not in it."""

from collections.abc import Iterable, Iterator

from storeff.data import exact, map_numbers
from storeff.economics import SizedLayout
from storeff.economics.later_prices import price_after, quarter_of_year
from storeff.economics.lines import BY_YEAR, LINES, ON_DELIVERY
from storeff.layout.number import is_unknown
from storeff.quantity import Quantity
from storeff.report.charges import ITEMS, Charge, Purchase, charges, purchase_of
from storeff.report.figures import format_number, interval, money
from storeff.report.model import Report
from storeff.report.page import (
    UNKNOWN,
    Column,
    Facts,
    Paragraph,
    Part,
    Section,
    Table,
    shortened,
    table,
)
from storeff.report.scenario import scenario_of
from storeff.units import count, format_power, percent, significant

_NAME_WIDTH = 40
# Lines that are called as what is counted.
_NAMED_BY_LINE = ("drives", "enclosures", "racks", "cpus", "scm", "nics")


def bill_section(report: Report, layout: SizedLayout) -> Section:
    """What is bought and paid for ``layout``, line by line."""
    title = f"The bill ({shortened(layout.name, _NAME_WIDTH)})"
    bought = purchase_of(report, layout)
    parts: list[Part] = [bill_table(report, bought), *missing_said(bought)]
    if layout.bill.growth_by_year:
        parts.append(_growth(layout))
    parts += _drive_prices(report, layout)
    carbon = tuple(_carbon(report, layout))
    if carbon:
        parts.append(Facts(carbon))
    return Section("bill", title, tuple(parts))


def bill_table(report: Report, layout: Purchase) -> Table:
    """Lines on delivery and their sum, lines of all years together, and what all of it comes to."""
    bill, years = layout.bill, len(layout.bill.opex_by_year)

    def cost(q: Quantity) -> str:
        return money(q, report.currency)

    made = [each for each in charges(layout) if not each.is_missing]
    rows: list[tuple[str, str, str]] = []
    for charge in made:
        if charge.item in ON_DELIVERY:
            title = ON_DELIVERY[charge.item].title
            rows.append((title, _quantity(charge), cost(charge.cost)))
        if charge.item == "drives":
            rows.append(("of these, spares", _units(bill.spares), ""))
    rows.append(("on delivery", "", cost(bill.capex.total)))
    for name, line in BY_YEAR.items():
        paid = [getattr(year, name) for year in bill.opex_by_year]
        if any(each.value is not None for each in paid) or name in layout.unknown:
            first = next((each for each in made if each.item == name), None)
            quantity = _quantity(first) if first is not None and _is_yearly(name) else ""
            rows.append((line.title, quantity, cost(_sum(paid))))
    rows.append((f"running, {years} years", "", cost(bill.opex_total)))
    if bill.residual_value.value is not None or "residual_value" in layout.unknown:
        rows.append(("residual value, at the end", "", cost(-bill.residual_value)))
    rows += [
        (f"in all, {years} years", "", cost(bill.tco)),
        (f"{years}-year cost (present value)", "", cost(bill.npv)),
    ]
    return table((Column("line", "text"), "quantity", "cost"), rows)


def missing_said(layout: Purchase) -> Iterator[Paragraph]:
    """What the bill lacks, and what is needed for it."""
    lacking = layout.not_in_bill
    if lacking:
        names = ", ".join(each.title for each in lacking)
        yield Paragraph(f"Not in the bill, and not in its totals: {names}.", "warning")
    reasons: dict[str, list[str]] = {}
    for name, because in layout.unknown.items():
        reasons.setdefault(because, []).append(LINES[name].title)
    if reasons:
        said = "; ".join(f"{', '.join(titles)} ({why})" for why, titles in reasons.items())
        yield Paragraph(f"Of unknown amount, so that no total is known: {said}.", "warning")


def _is_yearly(name: str) -> bool:
    """Whether the quantity of a line means something where all years are added up."""
    return name in ("energy", "colocation", "owned_power", "water", "subscription", "replacement")


def _quantity(charge: Charge) -> str:
    unit = ITEMS[charge.item].unit
    if charge.quantity.value is None or unit in ("Orders", "Years"):
        return ""
    # What is no thing that is counted; of TB-Years, a year of each.
    measured = {"TB": "TB", "TB-Years": "TB", "MWh": "MWh/year", "m3": "m3/year"}
    if charge.item == "replacement":
        return f"{interval(charge.quantity, _small)} drives/year"
    if unit == "MW-Years":
        return interval(charge.quantity, format_power)
    if unit in measured:
        return f"{_units(charge.quantity)} {measured[unit]}"
    if charge.item in _NAMED_BY_LINE:
        return _units(charge.quantity)
    name = unit.lower()
    is_one = charge.quantity.is_exact and charge.quantity.value == 1
    return f"{_units(charge.quantity)} {name.removesuffix('s') if is_one else name}"


def _small(value: float) -> str:
    return f"{value:,.1f}" if value < 100 else f"{value:,.0f}"


def _units(q: Quantity) -> str:
    """To the last one: what is ordered is not rounded."""
    return interval(q, lambda value: f"{value:,.0f}")


def _sum(costs: Iterable[Quantity]) -> Quantity:
    first, *others = costs
    for each in others:
        first = first + each
    return first


def _growth(layout: SizedLayout) -> Table:
    """What is in use in each year."""
    rows = [
        (
            f"year {each.year}",
            interval(each.drives, count),
            interval(each.enclosures, count),
            interval(each.racks, count),
            interval(each.it_mw_peak, format_power),
        )
        for each in layout.bill.growth_by_year
    ]
    return table(("in use", "drives", "enclosures", "racks", "power of IT, peak"), rows)


def _drive_prices(report: Report, layout: SizedLayout) -> Iterator[Table]:
    """What a drive costs at the end of each year, where a price path says it."""
    scenario = scenario_of(report, layout)
    if scenario is None or scenario.price_path is None:
        return
    later = map_numbers(scenario.price_path, exact)
    first = exact(scenario.drive.price)
    years = range(1, len(layout.bill.opex_by_year) + 1)
    prices = [("delivery", 0, first)]
    prices += [(f"end of year {year}", year, price_after(later, first, year)) for year in years]
    rows = [
        (when, quarter_of_year(later, year), UNKNOWN if is_unknown(x) else f"{float(x):,.2f}")
        for when, year, x in prices
    ]
    yield table((Column("drives bought at", "text"), "quarter", f"{report.currency} a drive"), rows)


def _carbon(report: Report, layout: SizedLayout) -> Iterator[tuple[str, str]]:
    """Greenhouse gas, of making the drives by each published factor."""
    bill = layout.bill
    made = [
        (bill.embodied_tonnes, "embodied_kg_co2e_per_tb"),
        (bill.other_embodied_tonnes, "other_embodied_kg_co2e_per_tb"),
    ]
    said = []
    for tonnes, field in made:
        factors = [
            row.value
            for row in report.assumptions
            if row.path.startswith("carbon.") and row.path.rpartition(".")[2] == field
        ]
        if tonnes.value is not None:
            [factor] = factors if len(factors) == 1 else [None]
            by = "" if factor is None else f" by {format_number(factor)} kg/TB"
            said.append(f"{interval(tonnes, _tonnes)} CO2e{by}")
    if said:
        yield "Making the drives", " or ".join(said)
    running = bill.operational_tonnes_per_year
    if running.value is not None:
        years = len(bill.opex_by_year)
        text = f"{interval(running, _tonnes)} CO2e a year"
        embodied = [t.value for t in (bill.embodied_tonnes, bill.other_embodied_tonnes) if t.value]
        # Of a bill that grows, what runs is that of the first year.
        if embodied and running.value and not bill.growth_by_year:
            share = [percent(x / (x + years * running.value)) for x in embodied]
            text += f"; making them is {' or '.join(share)} of {years} years"
        yield "Running", text


def _tonnes(value: float) -> str:
    for size, unit in ((1e6, "Mt"), (1e3, "kt")):
        if value >= size:
            return f"{significant(value / size)} {unit}"
    return f"{significant(value)} t"
