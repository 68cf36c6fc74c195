"""Commitments and guarantees for people: how much, and who bears what."""

from collections.abc import Callable, Iterator, Sequence

from storeff.data import AssumptionRow
from storeff.economics.agreements import (
    MONTHS,
    Commitment,
    FormCost,
    FormName,
    Term,
    TermCase,
)
from storeff.economics.guarantee import Guarantee, Missed, Remedy
from storeff.report.figures import (
    amount,
    format_number,
    known,
    ratio,
    times,
    with_bounds,
    with_unit,
)
from storeff.report.page import (
    UNKNOWN,
    Column,
    Facts,
    Section,
    Table,
    shortened,
    tabled,
)
from storeff.units import count, counted, format_bytes, format_size_both, percent, significant

_NAME_WIDTH = 24
_FORMS: dict[FormName, str] = {
    "outright": "buy outright",
    "deposit": "deposit + long-term agreement",
    "take-or-pay": "take-or-pay",
    "lease": "lease",
}
_REMEDIES: dict[Remedy, str] = {
    "free-drives": "free drives up to the promise",
    "credit": "credit for capacity not had",
    "nothing": "nothing",
}
# Of another demand is the title; what else changes is named in the column.
_DEMAND = "demand "
# Of the regret curve: every second point is enough beside the figures above it.
_CURVE_STEP = 2
# A minimum is every so many months.
_PERIODS = {12: "each year", 3: "each quarter", 1: "each month"}
# One of two replicates of two thousand is no probability.
_SURE = 0.001


def _short(name: str) -> str:
    return shortened(name, _NAME_WIDTH)


def sourced(name: str, title: str, rows: Sequence[AssumptionRow]) -> Section:
    """Numbers of the world that figures rest on, each with its source and date."""
    made = tabled(
        rows,
        {
            Column("number", "text", least=20): lambda row: _named(row, rows),
            "value": lambda row: known(row.value, lambda value: with_unit(value, row.unit)),
            "range": _range,
            "true on": lambda row: row.dated,
            Column("source", "text", least=20, most=60): lambda row: row.source or row.kind,
        },
    )
    return Section(name, title, (made,))


def _named(row: AssumptionRow, rows: Sequence[AssumptionRow]) -> str:
    """What the number is, and of which entry, where there are several."""
    _, _, entry = row.path.rpartition(".")[0].rpartition(".")
    name = row.path.rpartition(".")[2].partition("_per_")[0].replace("_", " ")
    entries = {each.path.rpartition(".")[0] for each in rows}
    return f"{entry}: {name}" if len(entries) > 2 else name


def _range(row: AssumptionRow) -> str:
    if row.low is None and row.high is None:
        return ""
    low, high = (known(end, format_number) for end in (row.low, row.high))
    return f"{low}..{high}"


# ---- commitments ----


def commitment_sections(found: Commitment, currency: str, *, full: bool) -> Iterator[Section]:
    """How much to commit to, and who bears what; ``full`` adds the regret curve, each period of a
    term and the terms."""

    def cost(value: float) -> str:
        return amount(value, currency)

    title = f"Committing to drives for {_short(found.layout)}, on {_short(found.terms)} terms"
    yield Section(
        "commitment", title, (Facts(tuple(_four_numbers(found, cost))), _forms(found, cost))
    )
    yield Section(
        "burdens",
        f"Who loses what by another demand, committed to {format_bytes(found.committed_bytes)}",
        (_burdens(found.forms, cost),),
    )
    if found.term is not None:
        yield _term(found.term, cost)
    if not full:
        return
    yield _curve(found, cost)
    if found.term is not None:
        yield from _settlements(found.term, cost)
    yield sourced("terms", f"The terms: {_short(found.terms)}", found.assumptions)


def _four_numbers(found: Commitment, cost: Callable[[float], str]) -> Iterator[tuple[str, str]]:
    yield "Usage", f"{format_size_both(found.usage_bytes)} that applications store"
    capacity = with_bounds(found.capacity_bytes, format_bytes)
    yield "Capacity", f"{capacity} of raw drives, as measured"
    yield "Capacity", f"{with_bounds(found.need_bytes, format_bytes)} with the demand"
    value = cost(found.committed_value)
    committed = f"{format_bytes(found.committed_bytes)} for {value}"
    best = (
        f"expected cost {cost(found.best_expected_cost)}; enough with a probability of "
        f"{percent(found.critical_ratio)}"
    )
    if found.committed_bytes == found.best_bytes:
        yield "Commitment", f"{committed}, the least {best}"
    else:
        yield "Commitment", f"{committed}, expected cost {cost(found.expected_cost)}"
        yield "Best", f"{format_bytes(found.best_bytes)}, {best}"
    yield "Steadiest", f"{format_bytes(found.steadiest_bytes)} has the least worst regret"
    prices = (found.price_per_tb, found.shortfall_per_tb, found.surplus_per_tb)
    paid, short, left = (significant(price) for price in prices)
    text = f"{paid} a raw TB; what is short {short}, what is left over {left}"
    if found.quote_valid_days is not None:
        text += f"; a quote holds {counted(round(found.quote_valid_days), 'day')}"
    yield "Prices", text


def _forms(found: Commitment, cost: Callable[[float], str]) -> Table:
    return tabled(
        found.forms,
        {
            Column("form", "text", least=16): lambda each: _FORMS[each.form],
            "best": lambda each: format_bytes(each.best_bytes),
            "expected cost": lambda each: cost(each.expected_cost),
            "paid ahead": lambda each: cost(each.paid_ahead) if each.paid_ahead else "",
            "revenue, certain": lambda each: cost(each.certain_revenue),
        },
    )


def _burdens(forms: Sequence[FormCost], cost: Callable[[float], str]) -> Table:
    cases = [each.case for each in forms[0].burdens] if forms else []

    def cell(case: str, who: str) -> Callable[[FormCost], str]:
        def shown(form: FormCost) -> str:
            losses = [getattr(each, who) for each in form.burdens if each.case == case]
            return cost(losses[0]) if losses and losses[0] else "0" if losses else UNKNOWN

        return shown

    cells: dict[str | Column, Callable[[FormCost], str]] = {
        Column("form", "text", least=16): lambda each: _FORMS[each.form]
    }
    for case in dict.fromkeys(cases):
        for who in ("buyer", "seller"):
            cells[f"{who}, {case.removeprefix(_DEMAND)}"] = cell(case, who)
    return tabled(forms, cells)


def _curve(found: Commitment, cost: Callable[[float], str]) -> Section:
    made = tabled(
        found.curve[::_CURVE_STEP],
        {
            "of the capacity": lambda each: percent(each.of_capacity),
            "commitment": lambda each: format_bytes(each.bytes),
            "expected cost": lambda each: cost(each.expected_cost),
            "above the least": lambda each: cost(each.expected_regret),
            "worst regret (95 %)": lambda each: cost(each.worst_regret),
        },
    )
    title = "What too small or too large a commitment costs, bought outright"
    return Section("regret", title, (made,))


def _term(term: Term, cost: Callable[[float], str]) -> Section:
    committed, least = (format_bytes(x) for x in (term.committed_bytes, term.minimum_bytes))
    low, middle, high = (cost(x) for x in (term.cost_p10, term.cost_p50, term.cost_p90))
    best = f"{format_bytes(term.best_bytes)}, expected cost {cost(term.best_expected_cost)}"
    facts = [
        ("Commitment", f"{committed} in all, of which {least} are paid, taken or not"),
        ("Cost", f"{cost(term.expected_cost)} expected; P10 {low}, P50 {middle}, P90 {high}"),
        ("Best", best),
        *(("Rights", text) for text in _rights(term, cost)),
        ("Demand", f"{percent(term.demand_correlation)} correlated from one year to the next"),
        ("On average", ", ".join(_on_average(term))),
    ]
    cells: dict[str | Column, Callable[[TermCase], str]] = {
        Column("demand", "text", least=14): lambda each: each.case,
        "buyer loses": lambda each: cost(each.buyer) if each.buyer else "0",
        "seller loses": lambda each: cost(each.seller) if each.seller else "0",
    }
    for heading, name in (
        ("not taken", "short_bytes"),
        ("made up", "made_up_bytes"),
        ("carried", "carried_bytes"),
        ("lapsed", "lapsed_bytes"),
    ):
        cells[heading] = _in_all(name)
    title = f"Take-or-pay over {_years(term.periods * term.period_months / MONTHS)}"
    title += f", a minimum {_PERIODS.get(term.period_months, _every(term.period_months))}"
    return Section("term", title, (Facts(tuple(facts)), tabled(term.cases, cells)))


def _in_all(name: str) -> Callable[[TermCase], str]:
    def shown(case: TermCase) -> str:
        return _size(sum(getattr(each, name) for each in case.periods))

    return shown


def _size(size_bytes: int) -> str:
    return format_bytes(size_bytes) if size_bytes else ""


def _every(months: int) -> str:
    return f"every {counted(months, 'month')}"


def _years(years: float) -> str:
    return "1 year" if years == 1 else f"{years:g} years"


def _rights(term: Term, cost: Callable[[float], str]) -> Iterator[str]:
    made_up = bool(term.make_up_years)
    carried = bool(term.carry_forward_years and term.carry_forward_share)
    if made_up:
        text = f"what is not taken can be made up for {_years(term.make_up_years)}"
        if term.make_up_share:
            text += f", {percent(term.make_up_share)} of the price due then"
        yield text
    if carried:
        share, years = percent(term.carry_forward_share), _years(term.carry_forward_years)
        yield f"what is above a minimum counts for {years}, up to {share} of another"
    if made_up or carried:
        yield f"these save {cost(max(0.0, term.without_rights - term.expected_cost))} on average"
    else:
        yield "neither make-up nor carry-forward"


def _on_average(term: Term) -> Iterator[str]:
    yield f"{format_bytes(term.short_bytes)} not taken"
    if term.carried_bytes:
        yield f"{format_bytes(term.carried_bytes)} carried forward"
    if term.made_up_bytes:
        yield f"{format_bytes(term.made_up_bytes)} made up"
    yield f"{format_bytes(term.lapsed_bytes)} lapsed"


def _settlements(term: Term, cost: Callable[[float], str]) -> Iterator[Section]:
    """Each period of each case."""
    for number, case in enumerate(term.cases, 1):
        made = tabled(
            case.periods,
            {
                "period": lambda each: str(each.number),
                "needed": lambda each: format_bytes(each.need_bytes),
                "taken": lambda each: format_bytes(each.taken_bytes),
                "made up": lambda each: _size(each.made_up_bytes),
                "elsewhere": lambda each: _size(each.elsewhere_bytes),
                "carried": lambda each: _size(each.carried_bytes),
                "not taken": lambda each: _size(each.short_bytes),
                "lapsed": lambda each: _size(each.lapsed_bytes),
                "paid": lambda each: cost(each.paid),
            },
        )
        yield Section(f"term-{number}", f"The term with a demand of {case.case}", (made,))


# ---- guarantees ----


def guarantee_section(found: Guarantee, currency: str) -> Section:
    """A promise beside the measurement, and who pays for what is missing."""

    def cost(value: float) -> str:
        return amount(value, currency) if value else "0"

    def missing(of: Missed, show: Callable[[float], str], what: str) -> str:
        text = f"{with_bounds(of.missing, show)} {what}"
        if of.expected is None or of.missing.is_exact:
            return text
        return f"{text}; {show(of.expected)} on average"

    facts = [("Measured", f"{ratio(found.measured_ratio)}: the promise is {_likely(found)}")]
    if not found.measured_ratio.is_exact:
        facts.append(("Measured", f"{times(found.cautious_ratio)}x is reached with 95 %"))
    title = (
        f"{times(found.promised_ratio)}:1 guaranteed for {_short(found.layout)} on "
        f"{_short(found.drive)} drives"
    )
    if not found.missed_probability:
        return Section("guarantee", title, (Facts(tuple(facts)),))
    facts += [
        ("Missing", missing(found.raw_bytes, format_bytes, "of raw storage")),
        ("Missing", missing(found.drives, count, "drives")),
        ("Missing", missing(found.npv, cost, "of the cost (present value)")),
    ]
    table = tabled(
        found.remedies,
        {
            Column("remedy", "text", least=20): lambda each: _REMEDIES[each.remedy],
            "vendor pays": lambda each: with_bounds(each.vendor.missing, cost),
            "vendor, average": lambda each: _average(each.vendor, cost),
            "buyer pays": lambda each: with_bounds(each.buyer.missing, cost),
            "buyer, average": lambda each: _average(each.buyer, cost),
        },
    )
    return Section("guarantee", title, (Facts(tuple(facts)), table))


def _likely(found: Guarantee) -> str:
    """How sure it is that the promise is missed: never surer than replicates can tell."""
    missed = found.missed_probability
    if found.measured_ratio.is_exact:
        return "missed" if missed else "kept"
    if min(missed, 1 - missed) < _SURE:
        than = f"{'more' if missed else 'less'} than {percent(1 - _SURE if missed else _SURE)}"
        return f"missed with a probability of {than}"
    return f"missed with a probability of {percent(missed)}"


def _average(of: Missed, cost: Callable[[float], str]) -> str:
    """The mean, where it says more than the figure beside it."""
    return "" if of.missing.is_exact else known(of.expected, cost)
