"""Quantity risk (the reduction, measured) apart from price risk (assumed ranges), and together."""

import math
from fractions import Fraction
from operator import attrgetter
from typing import TypeAlias

import msgspec
import numpy as np

from storeff.data import Assumption, exact, map_numbers
from storeff.economics.bill import Bill, bill, bill_for, in_cells
from storeff.economics.draws import DISTRIBUTION, REDUCTION, blocks, ranged, with_draws
from storeff.economics.model import Scenario
from storeff.economics.simulation import figures
from storeff.layout.number import Number, ceil, to_quantity
from storeff.layout.waterfall import raw_for
from storeff.quantity import REPLICATES, Draws, Quantity

Numbers: TypeAlias = Scenario[Number]


class QuantityRisk(msgspec.Struct, frozen=True, kw_only=True):
    """Intervals from the measured reduction alone, at central prices."""

    raw_bytes: Quantity
    drives: Quantity
    capex: Quantity
    npv: Quantity


class PriceRisk(msgspec.Struct, frozen=True, kw_only=True):
    """Intervals from the ranges of the ``varied`` prices alone, at the central quantity."""

    distribution: str
    varied: tuple[str, ...]
    capex: Quantity
    npv: Quantity


class CostRange(msgspec.Struct, frozen=True, kw_only=True):
    """Where the cost lies with a probability of ``level``, where all that has a range varies and
    the reduction as far as it was measured. Reports of before schema 2.3 varied prices and the
    reduction alone."""

    low: float
    high: float
    level: float = 0.95


# Demand that falls so far short is what a buyer asks of first (take-or-pay pays for all of it).
LESS_DEMAND = Fraction(4, 5)


class LessDemand(msgspec.Struct, frozen=True, kw_only=True):
    """If only ``demand_share`` of the data comes: what would have been enough for it, and how many
    drives (with spares) and how much money were bought beyond that."""

    demand_share: float
    raw_bytes: Quantity
    drives: Quantity
    npv: Quantity
    idle_drives: float | None
    idle_npv: float | None


def quantity_risk(scenario: Scenario[Assumption], reduction_draws: Draws | None) -> QuantityRisk:
    """What not knowing the reduction better costs; exact quantities where nothing was drawn."""
    scenario = in_cells(scenario)
    raw_bytes, point = drawn_bytes, drawn = _bought(map_numbers(scenario, exact))
    if reduction_draws is not None:
        drawn_bytes, drawn = _bought(replicates(scenario, reduction_draws))
    bills = point, drawn
    return QuantityRisk(
        raw_bytes=to_quantity(raw_bytes, drawn_bytes, "derived", 0),
        drives=_figure(bills, "drives", 0),
        capex=_figure(bills, "capex.total"),
        npv=_figure(bills, "npv"),
    )


def _bought(run: Numbers) -> tuple[Number, Bill[Number]]:
    """The raw bytes and the bill."""
    raw_bytes = raw_for(run.data, run.layout)
    return ceil(raw_bytes), bill(run, raw_bytes)


def less_demand(scenario: Scenario[Assumption], reduction_draws: Draws | None) -> LessDemand:
    """What storage for LESS_DEMAND of the data would need, and what is bought in vain if no more
    comes."""
    data = scenario.data
    fewer = msgspec.structs.replace(
        data.logical_bytes, value=exact(data.logical_bytes) * LESS_DEMAND
    )
    less = msgspec.structs.replace(
        scenario, data=msgspec.structs.replace(data, logical_bytes=fewer)
    )
    risk, bought = quantity_risk(less, reduction_draws), quantity_risk(scenario, reduction_draws)
    return LessDemand(
        demand_share=float(LESS_DEMAND),
        raw_bytes=risk.raw_bytes,
        drives=risk.drives,
        npv=risk.npv,
        idle_drives=_beyond(bought.drives, risk.drives),
        idle_npv=_beyond(bought.npv, risk.npv),
    )


def _beyond(bought: Quantity, needed: Quantity) -> float | None:
    """How much more was bought than needed, to the cent; None where unknown."""
    if bought.value is None or needed.value is None:
        return None
    return round(float(bought.value) - float(needed.value), 2)


def price_risk(scenario: Scenario[Assumption], seed: int) -> PriceRisk:
    """What not knowing the prices costs: each within its range, on its own."""
    scenario = in_cells(scenario)
    prices = {each.path for each in ranged(scenario) if each.is_price}
    [drawn] = blocks(scenario, None, seed, REPLICATES)
    of_prices = {path: draws for path, draws in drawn.items() if path in prices}
    bills = bill_for(map_numbers(scenario, exact)), bill_for(with_draws(scenario, of_prices))
    return PriceRisk(
        distribution=DISTRIBUTION,
        varied=tuple(of_prices),
        capex=_figure(bills, "capex.total"),
        npv=_figure(bills, "npv"),
    )


def cost_range(
    scenario: Scenario[Assumption], npv: Quantity, reduction_draws: Draws | None, seed: int
) -> CostRange | None:
    """The range of the cost, ``npv`` in the centre, where everything that has a range varies, and
    the reduction too. None if the cost is unknown, if nothing varies, or if so much cannot be built
    that there is no end.
    """
    [drawn] = blocks(scenario, reduction_draws, seed, REPLICATES)
    if npv.value is None or not drawn:
        return None
    *_, draws = figures(scenario, drawn, REPLICATES)[-1]
    low, high = map(float, np.quantile(draws, (0.025, 0.975), method="inverted_cdf"))
    if not math.isfinite(high) or low == high:
        return None
    return CostRange(low=min(round(low, 2), npv.value), high=max(round(high, 2), npv.value))


def width_between(scenario: Scenario[Assumption], reduction_ratios: Draws) -> tuple[float, float]:
    """How far the cost and the drives are apart between these ratios; NaN where unknown."""
    made = bill_for(replicates(in_cells(scenario), reduction_ratios))
    npv, drives = (np.ptp(np.asarray(x, np.float64)) for x in (made.npv, made.drives))
    return float(npv), float(drives)


def replicates(scenario: Scenario[Assumption], reduction_draws: Draws | None) -> Numbers:
    """The replicate run: doubles everywhere, and ``reduction_draws`` for the reduction ratio."""
    return with_draws(scenario, {} if reduction_draws is None else {REDUCTION: reduction_draws})


def _figure(bills: tuple[Bill[Number], Bill[Number]], name: str, digits: int = 2) -> Quantity:
    """One figure of the exact bill, with its interval from that of replicates."""
    point, draws = map(attrgetter(name), bills)
    return to_quantity(point, draws, "derived", digits)
