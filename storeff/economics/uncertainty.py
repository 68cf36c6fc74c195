"""Quantity risk (how far the data shrinks, measured) apart from price risk (assumed ranges)."""

import zlib

import msgspec
import numpy as np

from storeff.data import Assumption, exact, map_numbers
from storeff.economics.bill import Bill, bill_for
from storeff.economics.model import Scenario
from storeff.layout.number import Number, ceil, inexact, to_quantity
from storeff.layout.waterfall import drawn_data, raw, step_factors
from storeff.quantity import REPLICATES, Draws, Quantity


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
    """Where the cost lies with a probability of ``level``, prices and quantity varied together."""

    low: float
    high: float
    level: float = 0.95


def quantity_risk(scenario: Scenario[Assumption], reduction_draws: Draws | None) -> QuantityRisk:
    """What not knowing the reduction better costs; exact quantities where nothing was drawn."""
    point: Scenario[Number] = map_numbers(scenario, exact)
    drawn = point if reduction_draws is None else with_reduction(scenario, reduction_draws)
    raws = [
        ceil(raw(each.data.logical_bytes, step_factors(each.data, each.layout)))
        for each in (point, drawn)
    ]
    bills = [bill_for(each) for each in (point, drawn)]
    return QuantityRisk(
        raw_bytes=to_quantity(raws[0], raws[1], "derived", 0),
        drives=to_quantity(bills[0].drives, bills[1].drives, "derived", 0),
        capex=_money(bills[0].capex.total, bills[1].capex.total),
        npv=_money(bills[0].npv, bills[1].npv),
    )


def price_risk(scenario: Scenario[Assumption], seed: int) -> PriceRisk:
    """What not knowing the prices costs: each within its range, on its own."""
    drawn, varied = _with_prices(scenario, seed)
    spread: Bill[Number] = bill_for(drawn)
    point: Bill[Number] = bill_for(map_numbers(scenario, exact))
    return PriceRisk(
        distribution="triangular over low..high with its mode at the value, each independent",
        varied=varied,
        capex=_money(point.capex.total, spread.capex.total),
        npv=_money(point.npv, spread.npv),
    )


def cost_range(
    scenario: Scenario[Assumption], reduction_draws: Draws | None, seed: int
) -> CostRange | None:
    """The range of the NPV if neither the prices nor the reduction are known better; None where
    it is unknown, or nothing varies."""
    drawn, _ = _with_prices(scenario, seed)
    if reduction_draws is not None:
        data = drawn_data(scenario.data, reduction_draws)
        drawn = msgspec.structs.replace(drawn, data=data)
    npv = _money(bill_for(map_numbers(scenario, exact)).npv, bill_for(drawn).npv)
    if npv.low is None or npv.high is None or npv.low == npv.high:
        return None
    return CostRange(low=npv.low, high=npv.high)


def _with_prices(
    scenario: Scenario[Assumption], seed: int
) -> tuple[Scenario[Number], tuple[str, ...]]:
    """The replicate run with prices drawn from their ranges, and the paths of these."""
    varied: list[str] = []

    def draw(number: Assumption) -> Number:
        draws = price_draws(number, seed)
        if draws is None:
            return inexact(number)
        varied.append(number.path)
        return draws

    drawn: Scenario[Number] = map_numbers(scenario, draw)
    return drawn, tuple(varied)


def width_between(scenario: Scenario[Assumption], reduction_ratios: Draws) -> tuple[float, float]:
    """How far the NPV and the drives are apart between these ratios; NaN where unknown."""
    bill: Bill[Number] = bill_for(with_reduction(scenario, reduction_ratios))
    npv, drives = (np.ptp(np.asarray(x, np.float64)) for x in (bill.npv, bill.drives))
    return float(npv), float(drives)


def price_draws(number: Assumption, seed: int) -> Draws | None:
    """Replicates of a price within its range; None for what is no price or has no range.

    Drawn from the seed and the number's path, so that another price does not shift them.
    """
    if not number.is_price or number.value is None:
        return None
    low = number.value if number.low is None else number.low
    high = number.value if number.high is None else number.high
    if low == high:
        return None
    random = np.random.default_rng([seed, zlib.crc32(number.path.encode())])
    return random.triangular(float(low), float(number.value), float(high), REPLICATES)


def with_reduction(scenario: Scenario[Assumption], reduction_draws: Draws) -> Scenario[Number]:
    """The replicate run: doubles everywhere, and ``reduction_draws`` for the reduction ratio."""
    drawn: Scenario[Number] = map_numbers(scenario, inexact)
    return msgspec.structs.replace(drawn, data=drawn_data(scenario.data, reduction_draws))


def _money(point: Number, draws: Number) -> Quantity:
    return to_quantity(point, draws, "derived", 2)
