"""A delivery plan for people: whether it is in time, what it costs, what binds, what waiting does.

What is planned for a later quarter than asked says so wherever its figures stand.
"""

from collections import Counter
from collections.abc import Callable, Iterator

from storeff.data import AssumptionRow
from storeff.economics.demand import DemandCase
from storeff.economics.plan_model import (
    LimitKind,
    Plan,
    PlanCost,
    PlannedDelivery,
    PlannedQuarter,
    PlannedRange,
    PlanOutcome,
    Wait,
)
from storeff.report.figures import amount, format_number, known, with_unit
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
from storeff.units import counted, format_bytes, percent, significant

TB = 10**12
SHOWN_BINDING = 3
_CASES: dict[DemandCase, str] = {"low": "P10", "middle": "P50", "high": "P90"}
_NAME_WIDTH = 24
# A price of more is shown without cents, and a shadow price of less is none.
_PENNIES, _NOTHING = 1000, 0.005
_NEVER = "There is no plan after any wait of up to ten years"
_LIMITED: dict[LimitKind, str] = {
    "cap": "by the caps of all offers together",
    "power": "by the power of the site",
    "racks": "by the racks of the site",
    "floor": "by the floor of the site",
    "supplier": "by the largest share of one supplier",
    "least": "by the smallest deliveries",
}


def plan_sections(report: Report) -> Iterator[Section]:
    """All that is said of the plan of ``report``, the answer first; nothing if it has none."""
    plan = report.plan
    if plan is None:
        return
    yield Section("plan", _title(plan), (Facts(tuple(_answer(plan))),))
    yield Section("plan-waits", "What waiting changes", tuple(_waits(plan)))
    if isinstance(plan.demand_range, PlannedRange):
        title = f"If less or more is needed{_later(plan)}"
        yield Section("plan-range", title, tuple(_range(plan.demand_range, plan.currency)))
    if plan.quarters:
        yield Section("plan-quarters", f"What comes when{_later(plan)}", (_quarters(plan),))
        yield Section("plan-cash", f"What is paid when{_later(plan)}", (_cash(plan),))
        yield Section("plan-offers", "What is taken of each offer", tuple(_offers(plan)))
        yield Section("plan-limits", "What binds", tuple(_binding(plan)))
    if plan.site:
        yield Section("plan-site", "What the site has room for", (_site(plan),))
    if plan.supply:
        yield Section("plan-supply", "Beside what the world delivers", (_supply(plan),))
    if plan.assumptions:
        yield Section("plan-assumptions", "What the plan rests on", tuple(_assumed(plan)))


def _title(plan: Plan) -> str:
    when = f"{plan.first_quarter} to {plan.last_quarter}"
    return f"Delivery of {format_bytes(plan.need_bytes)} for {_short(plan.layout)}, {when}"


def _short(name: str) -> str:
    return shortened(name, _NAME_WIDTH)


def _later(plan: Plan) -> str:
    """What a heading adds where the plan is not for the time that was asked for."""
    if not plan.delay_quarters:
        return ""
    return f", {counted(plan.delay_quarters, 'quarter')} later than needed"


def _answer(plan: Plan) -> Iterator[tuple[str, str]]:
    yield "In time", _in_time(plan)
    if plan.cost is not None:
        yield "Cost", _cost(plan.cost, plan)
        taken = (each for each in plan.offers if each.bytes)
        for offer in sorted(taken, key=lambda each: -each.bytes):
            price = known(offer.price_per_tb, lambda x: _per_tb(x, plan.currency))
            yield "From", f"{_short(offer.name)}: {format_bytes(offer.bytes)} at {price}"
        first = list(_limits(plan))[:SHOWN_BINDING]
        yield from (("Binds", f"{what}: {saves}") for what, _, saves, _ in first)
        if not first:
            yield "Binds", "no limit: more of any would save nothing"
    for share in plan.suppliers:
        if share.limit is not None and share.bytes == max(s.bytes for s in plan.suppliers):
            of = f"{percent(share.share)} of at most {percent(share.limit)}"
            yield "Largest supplier", f"{_short(share.supplier)}: {of}"
    for supply in plan.supply:
        yield "Market", f"{supply.weeks:,.1f} weeks of {supply.title or supply.name}"
    prices = [row for row in plan.assumptions if row.unit.startswith(plan.currency)]
    old = Counter(
        "undated" if row.true_on is None and row.valid_until is None else "out of date"
        for row in prices
        if row.stale is not False
    )
    said = [f"{number} of {len(prices)} {name}" for name, number in sorted(old.items())]
    if said:
        yield "Prices", ", ".join(said)
    if plan.layout_raw_bytes is not None:
        need, layout = format_bytes(plan.need_bytes), format_bytes(plan.layout_raw_bytes)
        if need != layout:
            yield "Need", f"{need}, where {_short(plan.layout)} takes {layout} in all"


def _in_time(plan: Plan) -> str:
    found = plan.gap
    if found is None:
        return "yes"
    missing = format_bytes(found.missing_bytes)
    where = f" in {found.limited_in}" if found.limited_in else ""
    text = f"no: {missing} of what is needed up to {found.quarter} cannot be there, limited "
    text += f"{_LIMITED[found.limited_by]}{where}"
    if found.first_quarter != found.quarter:
        text += f"; it is short from {found.first_quarter} on"
    if plan.delay_quarters is None:
        return f"{text}. {_NEVER}"
    return f"{text}. There is a plan {counted(plan.delay_quarters, 'quarter')} later"


def _cost(cost: PlanCost, plan: Plan) -> str:
    parts = {
        "for what is taken": cost.purchase,
        "for what is paid and not taken": cost.not_taken,
        "for orders": cost.orders,
        "of capital in what comes early": cost.holding,
        "of capital in deposits": cost.deposits,
    }
    said = [f"{amount(value, plan.currency)} {name}" for name, value in parts.items() if value]
    later = counted(plan.delay_quarters or 0, "quarter")
    begin = f"{later} later, " if plan.delay_quarters else ""
    return f"{begin}{amount(cost.total, plan.currency)}: {', '.join(said)}"


def _per_tb(price: float, currency: str) -> str:
    shown = f"{price:,.2f}" if abs(price) < _PENNIES else f"{price:,.0f}"
    return f"{shown} {shortened(currency, 8)}/TB"


def _waits(plan: Plan) -> Iterator[Part]:
    first = next((each.cost for each in plan.waits if each.cost is not None), None)

    def money(show: Callable[[PlanCost], float]) -> Callable[[Wait], str]:
        return lambda each: "" if each.cost is None else amount(show(each.cost), plan.currency)

    def change(each: Wait) -> str:
        if each.cost is None or first is None or each.cost is first:
            return ""
        differ = each.cost.total - first.total
        sign = "-" if differ < 0 else "+"
        return f"{sign}{amount(abs(differ), plan.currency)}"

    yield tabled(
        plan.waits,
        {
            "wait": lambda each: counted(each.quarters, "quarter") if each.quarters else "none",
            "missing": lambda each: format_bytes(each.missing_bytes) if each.missing_bytes else "",
            "paid": money(lambda cost: cost.purchase + cost.not_taken + cost.orders),
            "capital": money(lambda cost: cost.holding + cost.deposits),
            "cost": money(lambda cost: cost.total),
            "change": change,
        },
    )
    if first is None:
        yield Paragraph(f"{_NEVER}.")


def _range(found: PlannedRange, currency: str) -> Iterator[Part]:
    def late(each: PlanOutcome) -> str:
        if each.missing_bytes:
            return f"{format_bytes(each.missing_bytes)} never"
        return counted(each.late_quarters, "quarter") if each.late_quarters else ""

    yield tabled(
        found.outcomes,
        {
            Column("plan for", "text", least=8): lambda each: _CASES[each.made_for],
            Column("demand", "text", least=6): lambda each: _CASES[each.demand],
            "needed": lambda each: format_bytes(each.need_bytes),
            "cost": lambda each: known(each.cost, lambda cost: amount(cost.total, currency)),
            "other offers": lambda each: known(each.free_bytes, _size),
            "left over": lambda each: known(each.surplus_bytes, _size),
            "short": lambda each: _size(each.short_bytes),
            "late": late,
        },
    )
    if found.high_plan_costs_more is None:
        yield Paragraph("There is no plan for P90.")
        return
    more = amount(abs(found.high_plan_costs_more), currency)
    than = "less" if found.high_plan_costs_more < 0 else "more"
    yield Paragraph(f"The plan for P90 costs {more} {than} than the one for P50 if P50 comes.")


def _quarters(plan: Plan) -> Table:
    """Needed and delivered by quarter, a column for each offer of which anything is taken."""
    taken = {(each.offer, each.quarter): each.bytes for each in plan.deliveries}
    names = [each.name for each in plan.offers if each.bytes]

    def of(name: str) -> Callable[[PlannedQuarter], str]:
        return lambda each: _size(taken.get((name, each.quarter), 0))

    # Two offers may have names that look alike.
    columns: dict[str | Column, Callable[[PlannedQuarter], str]] = {
        "quarter": lambda each: each.quarter,
        "needed": lambda each: _size(each.need_bytes),
    }
    columns |= {Column(_short(name)): of(name) for name in names}
    columns |= {
        "early": lambda each: _size(each.early_bytes),
        "TB more costs": lambda each: (
            "" if each.need_price_per_tb is None else _price(each.need_price_per_tb)
        ),
    }
    dated = [q for q in plan.quarters if q.need_bytes or q.delivered_bytes or q.early_bytes]
    return tabled(dated, columns)


def _size(size_bytes: int) -> str:
    return format_bytes(size_bytes) if size_bytes else ""


def _price(price: float) -> str:
    return f"{price:,.2f}" if abs(price) < _PENNIES else f"{price:,.0f}"


def _cash(plan: Plan) -> Table:
    def money(value: float) -> str:
        return f"{value:,.2f}" if value else ""

    rows, so_far = [], 0
    for each in plan.quarters:
        so_far += round(each.cash * 100)
        if each.cash:
            parts = (each.deposits, each.on_delivery, each.not_taken, each.cash, so_far / 100)
            rows.append((each.quarter, *map(money, parts)))
    currency = shortened(plan.currency, 8)
    headings = ("deposits", "on delivery", "not taken", f"cash, {currency}", "so far")
    return table(("quarter", *headings), rows)


def _offers(plan: Plan) -> Iterator[Part]:
    yield tabled(
        plan.offers,
        {
            Column("offer", "name", least=12): lambda each: each.name,
            Column("kind", "text", least=11): lambda each: (
                each.kind if each.is_signed else f"{each.kind}, not signed"
            ),
            Column("supplier", "name", least=10): lambda each: each.supplier,
            "taken": lambda each: format_bytes(each.bytes),
            "share": lambda each: percent(each.share),
            "not taken": lambda each: _size(each.not_taken_bytes),
            "paid": lambda each: amount(each.cost, plan.currency),
            "per TB": lambda each: known(each.price_per_tb, _price),
        },
    )
    for each in plan.suppliers:
        if each.limit is not None and each.shadow_price_per_point > 0:
            saves = amount(each.shadow_price_per_point, plan.currency)
            yield Paragraph(
                f"A point more than {percent(each.limit)} from {_short(each.supplier)} saves "
                f"{saves}."
            )


def _limits(plan: Plan) -> Iterator[tuple[str, str, str, float]]:
    """Every limit that binds: what it is, how many quarters it is of, what more of it saves, and
    for the order what all of it is worth. Of the quarters of a cap the dearest stands for all."""
    found = []
    by_offer: dict[str, list[PlannedDelivery]] = {}
    for each in plan.deliveries:
        if each.shadow_price_per_tb > _NOTHING:
            by_offer.setdefault(each.offer, []).append(each)
    for name, rows in by_offer.items():
        most = max(rows, key=lambda each: each.shadow_price_per_tb)
        worth = sum(each.shadow_price_per_tb * each.cap_bytes / TB for each in rows)
        price = _price(most.shadow_price_per_tb)
        saves = f"a TB more in {most.quarter} saves {price} {plan.currency}"
        found.append((f"cap of {_short(name)}", counted(len(rows), "quarter"), saves, worth))
    for limit in plan.site:
        if limit.shadow_price > _NOTHING:
            worth = limit.shadow_price * limit.limit
            saves = f"one more {_one(limit.unit)} saves {amount(limit.shadow_price, plan.currency)}"
            found.append(
                (f"{limit.kind} of the site in {limit.quarter}", "1 quarter", saves, worth)
            )
    for share in plan.suppliers:
        if share.shadow_price_per_point > _NOTHING and share.limit is not None:
            worth = share.shadow_price_per_point * share.limit * 100
            saves = f"a point more saves {amount(share.shadow_price_per_point, plan.currency)}"
            found.append((f"share of {_short(share.supplier)}", "all quarters", saves, worth))
    yield from sorted(found, key=lambda row: -row[3])


def _one(unit: str) -> str:
    return "rack" if unit == "racks" else unit


def _binding(plan: Plan) -> Iterator[Part]:
    rows = [(what, span, saves) for what, span, saves, _ in _limits(plan)]
    if rows:
        yield table((Column("limit", "name", least=20), "binds in", Column("more", "text")), rows)
    else:
        yield Paragraph("No limit binds: more of any would save nothing.")


def _site(plan: Plan) -> Table:
    return tabled(
        plan.site,
        {
            "quarter": lambda each: each.quarter,
            Column("limit", "text", least=5): lambda each: each.kind,
            "used": lambda each: f"{significant(each.used)} {each.unit}",
            "of": lambda each: f"{format_number(each.limit)} {each.unit}",
            "one more saves": lambda each: (
                amount(each.shadow_price, plan.currency) if each.shadow_price > _NOTHING else ""
            ),
        },
    )


def _supply(plan: Plan) -> Table:
    return tabled(
        plan.supply,
        {
            Column("supply", "text", least=24): lambda each: each.title or each.name,
            "a quarter": lambda each: format_bytes(each.bytes_per_quarter),
            "this takes": lambda each: f"{each.weeks:,.1f} weeks",
            "at most": lambda each: f"{percent(each.largest_share)} in {each.largest_quarter}",
            "true on": lambda each: known(each.true_on, str),
        },
    )


def _assumed(plan: Plan) -> Iterator[Part]:
    """Prices, and what has a source; the rest is typed in by whoever plans."""
    shown = [each for each in plan.assumptions if each.source or each.unit[:3] == plan.currency]
    yield tabled(
        shown,
        {
            Column("assumed", "name", least=30): lambda row: row.path,
            "value": _value,
            "true on": lambda row: row.dated,
            Column("source", "name", least=20, most=40): lambda row: row.source or row.kind,
        },
    )
    yield Paragraph(f"{counted(len(plan.assumptions), 'number')} in all, in the JSON report")


def _value(row: AssumptionRow) -> str:
    if row.value is None or row.unit != "B":
        return known(row.value, lambda value: with_unit(value, row.unit))
    return format_bytes(row.value)
