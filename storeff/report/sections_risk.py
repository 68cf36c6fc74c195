"""How far the cost may be off, what decides that, and what kind of figures it rests on."""

from collections.abc import Callable, Iterator

from storeff.economics import CostBasis, PriceBasis, Simulation, Spread
from storeff.economics.simulation import KnownBetter
from storeff.report.figures import amount, format_number, known, with_unit
from storeff.report.model import Report
from storeff.report.page import UNKNOWN, Column, Paragraph, Part, Section, shortened, table, tabled
from storeff.report.sections_layouts import assumption_name, reference_layout, years
from storeff.units import count, counted, format_bytes, percent

_SHOWN_INPUTS = 8
_SHOWN_PATHS = 3
_SHOWN_KINDS = 3
_NAME_WIDTH = 40
# Three standard errors of a rank correlation (economics.simulation.RANKED): below, it may be none.
_NOTABLE = 0.02
_DAYS_PER_MONTH = 365 / 12
# Kinds of figures as adjectives. One that is not here is called by its own name.
_KINDS = {
    "vendor_doc": "vendors'",
    "survey": "surveyed",
    "paper": "published",
    "estimate": "estimated",
    "assumption": "assumed",
    "quote": "quoted",
    "typed": "typed-in",
}

Show = Callable[[float], str]


def risk_sections(report: Report) -> Iterator[Section]:
    """What varying everything comes to, and what the cost rests on, where the report holds it."""
    parts = [*_simulated(report), *_rests_on(report)]
    if parts:
        name = shortened(reference_layout(report).name, _NAME_WIDTH)
        yield Section("uncertainty", f"How far the cost may be off ({name})", tuple(parts))


def budget_said(report: Report) -> Iterator[Paragraph]:
    """Which budget holds with which probability, where it is known."""
    simulated = _simulation(report)
    if simulated is None:
        return
    npv, capex = simulated.together.npv, simulated.together.capex
    if None in (npv.central, npv.p50, npv.p90, npv.exceeded_probability, capex.p90):
        return
    span, cost = f"{years(reference_layout(report))}-year cost", _money(report)
    assert npv.exceeded_probability is not None
    assert npv.central is not None
    text = (
        f"With a probability of 90 % the {span} stays below {known(npv.p90, cost)} and capex below "
        f"{known(capex.p90, cost)} (P90); with 50 %, the cost stays below {known(npv.p50, cost)}. "
        f"The estimate of {cost(npv.central)} takes every input at its likeliest; it is exceeded "
        f"with a probability of {percent(npv.exceeded_probability)}"
    )
    higher = npv.exceeded_probability > 0.5
    yield Paragraph(f"{text}{', as ranges reach further up than down' if higher else ''}.")


def rests_on(report: Report) -> str | None:
    """``93 % on street prices 5 months old (out of date), ...``; None where it is not known."""
    basis = _basis(report)
    if basis is None or not basis.prices:
        return None
    shown = [f"{percent(each.npv_share)} on {_prices(each)}" for each in basis.prices]
    text = ", ".join(shown[:_SHOWN_KINDS])
    left = sum(each.npv_share for each in basis.prices[_SHOWN_KINDS:]) + basis.other_share
    if left > 0:
        text += f", {percent(left)} on others"
    if not any(each.footing == "quoted" for each in basis.prices):
        text += "; nothing is quoted"
    return text


def _simulation(report: Report) -> Simulation | None:
    return report.uncertainty.simulation if report.uncertainty else None


def _basis(report: Report) -> CostBasis | None:
    return report.uncertainty.basis if report.uncertainty else None


def _money(report: Report) -> Show:
    return lambda value: amount(value, report.currency)


def _simulated(report: Report) -> Iterator[Part]:
    simulated = _simulation(report)
    if simulated is None:
        return
    yield from budget_said(report)
    yield _spreads(report, simulated)
    rows = {row.path: row for row in report.assumptions}

    def over(path: str) -> str:
        row = rows.get(path)
        if row is None or (row.low is None and row.high is None):
            return "as measured"
        low, high = (row.value if end is None else end for end in (row.low, row.high))
        return f"{known(low, format_number)} to {known(high, lambda x: with_unit(x, row.unit))}"

    notable = [x for x in simulated.inputs if abs(x.rank_correlation or 0) >= _NOTABLE]
    if notable:
        yield tabled(
            notable[:_SHOWN_INPUTS],
            {
                Column("decides the cost", "text"): lambda each: assumption_name(each.path),
                Column("over", "text"): lambda each: over(each.path),
                "rank correlation": lambda each: f"{each.rank_correlation:+.2f}",
            },
        )
    if simulated.known_better is not None:
        yield _better(report, simulated.known_better)
    yield Paragraph(
        f"{counted(simulated.draws, 'draw')} of {counted(len(simulated.inputs), 'input')}; "
        f"each {simulated.distribution}."
    )


def _spreads(report: Report, simulated: Simulation) -> Part:
    """The figures by what was varied; the bytes and drives that prices do not change, once."""
    quantity, price, both = simulated.quantity, simulated.price, simulated.together
    span, cost = f"{years(reference_layout(report))}-year cost", _money(report)
    shown: list[tuple[str, str, Spread, Show]] = [
        ("raw", "quantity", quantity.raw_bytes, format_bytes),
        ("drives", "quantity", quantity.drives, count),
        ("capex", "quantity", quantity.capex, cost),
        ("capex", "price", price.capex, cost),
        ("capex", "both", both.capex, cost),
        (span, "quantity", quantity.npv, cost),
        (span, "price", price.npv, cost),
        (span, "both", both.npv, cost),
    ]
    rows = [
        (
            *(name, varied, known(each.central, show)),
            *(known(x, show) for x in (each.p10, each.p50, each.p90)),
            known(each.exceeded_probability, percent),
        )
        for name, varied, each, show in shown
    ]
    return table(
        ("figure", Column("varied", "text"), "estimate", "P10", "P50", "P90", "above"), rows
    )


def _better(report: Report, better: KnownBetter) -> Paragraph:
    cost = _money(report)
    text = (
        "Knowing the data reduction better by half narrows P10 to P90 of the cost by "
        f"{cost(better.npv_narrowing)} of {cost(better.npv_width)}; with prices that are fixed, by "
        f"{cost(better.npv_narrowing_at_fixed_prices)} of {cost(better.npv_width_at_fixed_prices)}"
    )
    if better.read_bytes is not None:
        text += f". Reading {format_bytes(better.read_bytes)} in all does that"
    return Paragraph(f"{text}.")


def _rests_on(report: Report) -> Iterator[Part]:
    basis = _basis(report)
    if basis is None:
        return
    cost = _money(report)
    yield tabled(
        basis.prices,
        {
            Column("the cost rests on", "text", least=24): _prices,
            "share": lambda each: percent(each.npv_share),
            "of it": lambda each: cost(each.npv),
            Column("which", "text"): lambda each: _named(each.paths),
        },
    )
    if basis.other_share:
        yield Paragraph(f"{percent(basis.other_share)} of the cost rests on no single price.")
    if basis.quantities:
        yield tabled(
            basis.quantities,
            {
                Column("quantities, each 1 % off", "text"): lambda each: (
                    f"{_kind(each.kind)}{_stale(each.stale)}"
                ),
                "effect": lambda each: percent(each.moved_share),
                Column("which", "text"): lambda each: _named(each.paths),
            },
        )


def _prices(each: PriceBasis) -> str:
    """``street prices 5 months old (out of date)``."""
    age = "" if each.age_days is None else f" {'up to ' * (len(each.paths) > 1)}{_age(each)} old"
    return f"{_kind(each.kind)} prices{age}{_stale(each.stale)}"


def _age(each: PriceBasis) -> str:
    days = max(0, each.age_days or 0)
    if days < 2 * _DAYS_PER_MONTH:
        return counted(days, "day")
    return counted(round(days / _DAYS_PER_MONTH), "month")


def _stale(stale: bool | None) -> str:
    return " (out of date)" if stale else ""


def _kind(kind: str) -> str:
    return _KINDS.get(kind, kind.replace("_", " "))


def _named(paths: tuple[str, ...]) -> str:
    names = ", ".join(assumption_name(path) for path in paths[:_SHOWN_PATHS])
    left = len(paths) - _SHOWN_PATHS
    return f"{names} and {left:,} more" if left > 0 else names or UNKNOWN
