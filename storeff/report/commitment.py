"""What a commitment comes to for a layout of a report: its capacity with an uncertain demand."""

from datetime import date
from fractions import Fraction

import msgspec
import numpy as np

from storeff.data import Assumption, exact, load_shelf_life, map_numbers, rows
from storeff.economics import Scenario
from storeff.economics.agreements import Commitment, Terms
from storeff.economics.bill import TB
from storeff.economics.commitment import (
    Prices,
    best_commitment,
    critical_ratio,
    expected,
    form_costs,
    forms_of,
    in_bytes,
    needs,
    outright,
    regrets,
    steadiest,
)
from storeff.economics.term import term_of
from storeff.errors import StoreffError
from storeff.layout.number import is_unknown
from storeff.quantity import normal_draws, quantity
from storeff.report.held import check_currency, layout_of, scenario_for
from storeff.report.model import Report

# Of what is planned for: the commitments whose regret is shown.
SHARES = tuple(n / 20 for n in range(12, 29))


def with_commitment(
    report: Report,
    terms: Terms[Assumption],
    *,
    layout: str | None = None,
    commitment_bytes: int | None = None,
    today: date | None = None,
) -> Report:
    """``report`` with what committing to ``commitment_bytes`` for a layout of it comes to under
    ``terms``; None is what has the least expected cost, and the reference layout. ``today`` is the
    day against which assumptions are judged stale.

    The price is that of the terms, or else of the report's drive. Raises StoreffError if a price or
    the reduction is not known, or the terms are in another currency.
    """
    sized = layout_of(report, layout)
    scenario = scenario_for(report, sized)
    terms = _priced(terms, scenario, report)
    numbers: Terms[Fraction] = map_numbers(terms, exact)
    prices = _prices(numbers)
    ratio = critical_ratio(prices)
    planned_bytes = sized.raw_bytes.value
    draws = normal_draws(sized.raw_bytes, report.run.seed)
    if planned_bytes is None or (draws is not None and np.isnan(draws).any()):
        raise StoreffError(
            f"the raw bytes of {sized.name} are not known well enough to judge a commitment",
            "measure again and read more, or everything",
            "sampling",
        )
    planned_tb = Fraction(planned_bytes) / TB
    raw_tb = np.array([float(planned_tb)]) if draws is None else draws / TB
    need_tb = needs(raw_tb, terms.demand)
    low_tb, high_tb = (float(end) for end in np.percentile(need_tb, (2.5, 97.5)))
    plain = outright(prices)
    best_tb = best_commitment(plain, prices.shortfall, need_tb)
    steady_tb = steadiest(prices, low_tb, high_tb)
    commitment_tb = Fraction(
        in_bytes(best_tb) if commitment_bytes is None else commitment_bytes, TB
    )
    found = Commitment(
        layout=sized.name,
        drive=sized.drive,
        terms=terms.name,
        usage_bytes=int(exact(scenario.data.logical_bytes)),
        capacity_bytes=sized.raw_bytes,
        need_bytes=quantity(planned_bytes * exact(terms.demand), need_tb * TB, "derived", 0),
        price_per_tb=float(prices.committed),
        shortfall_per_tb=float(prices.shortfall),
        surplus_per_tb=float(prices.surplus),
        critical_ratio=float(ratio),
        best_bytes=in_bytes(best_tb),
        best_expected_cost=expected(plain, prices.shortfall, best_tb, need_tb),
        steadiest_bytes=in_bytes(steady_tb),
        committed_bytes=in_bytes(commitment_tb),
        committed_value=round(float(prices.committed * commitment_tb), 2),
        expected_cost=expected(plain, prices.shortfall, commitment_tb, need_tb),
        quote_valid_days=None
        if is_unknown(numbers.quote_valid_days)
        else float(numbers.quote_valid_days),
        curve=regrets(prices, need_tb, (low_tb, high_tb), float(planned_tb), SHARES),
        forms=form_costs(
            forms_of(numbers, prices, exact(scenario.finance.discount_rate)),
            numbers,
            prices,
            need_tb,
            commitment_tb,
            planned_tb,
        ),
        assumptions=tuple(rows(terms, today or date.today(), load_shelf_life())),
        # Reports made before there were terms of several years know no period.
        term=None
        if is_unknown(numbers.term_years) or is_unknown(numbers.period_months)
        else term_of(
            numbers,
            terms.demand,
            prices,
            committed_bytes=in_bytes(commitment_tb),
            planned_bytes=planned_bytes,
            raw_tb=raw_tb,
            seed=report.run.seed,
        ),
    )
    return msgspec.structs.replace(report, commitment=found)


def _priced(
    terms: Terms[Assumption], scenario: Scenario[Assumption], report: Report
) -> Terms[Assumption]:
    """``terms`` with a price: that of the drive, where they state none."""
    stated = {
        number.currency
        for number in (getattr(terms, name) for name in terms.__struct_fields__)
        if isinstance(number, Assumption) and number.unit.endswith("/TB") and number.currency
    }
    check_currency(f"the terms {terms.name} are", stated, report)
    if terms.price_per_tb.value is not None:
        return terms
    drive = scenario.drive
    if drive.price.value is None:
        raise StoreffError(
            f"neither the terms {terms.name} nor the report has a price",
            "write price_per_tb into a file of terms",
            "terms",
        )
    row = next((row for row in report.assumptions if row.path == drive.price.path), None)
    price = Assumption(
        path=f"{drive.price.path}_per_tb",
        value=drive.price.value * TB / Fraction(exact(drive.capacity_bytes)),
        unit=f"{scenario.currency}/TB",
        source=f"price of {drive.name} in the report: {row.source or row.kind}" if row else None,
        true_on=row.true_on if row else None,
        kind=row.kind if row else "assumption",
    )
    return msgspec.structs.replace(terms, price_per_tb=price)


def _prices(terms: Terms[Fraction]) -> Prices:
    """The three prices, those that are stated as a part of the first one among them."""
    price, shortfall, surplus = terms.price_per_tb, terms.shortfall_per_tb, terms.surplus_per_tb
    if is_unknown(shortfall):
        shortfall = price * (1 + terms.shortfall_premium)
    if is_unknown(surplus):
        surplus = price * terms.surplus_share
    return Prices(price, shortfall, surplus)
