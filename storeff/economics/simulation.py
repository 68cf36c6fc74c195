"""What a build may come to if all that is known by a range varies: seeded Monte Carlo on the bill.

Quantities and prices are varied apart and together. What is bought does not depend on prices: a run
of the bill has two rows of them, central and drawn, and gives quantities alone and both at once.
"""

import math
from collections.abc import Container, Iterable, Mapping, Sequence

import msgspec
import numpy as np

from storeff.data import Assumption, exact, map_numbers, numbers_in
from storeff.economics.bill import bill, in_cells
from storeff.economics.draws import BLOCK, DISTRIBUTION, REDUCTION, blocks, with_draws
from storeff.economics.model import Scenario
from storeff.layout.number import Number, ceil, inexact, is_unknown
from storeff.layout.waterfall import raw_for
from storeff.quantity import Draws

# The 90th percentile of the cost then has a standard error of 0.3 % with the catalogue's ranges,
# for a tenth of a CPU second in each report. A hundred thousand take half a second.
DRAWS = 20_000
# Of so many draws the ranks are compared: a correlation has a standard error of 0.007 at most.
RANKED = 2 * BLOCK
# By more than doubles are off, a figure is above the estimate.
_ABOVE = 1 + 1e-12
_TENTHS = (0.1, 0.5, 0.9)


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """A figure: its central estimate, with every input at its own value, and what it stays below
    with a probability of 10, 50 and 90 %. ``exceeded_probability`` is that of its being above the
    central estimate. All are null where a price is unknown, and a percentile where so many draws
    cannot be built.
    """

    central: int | float | None
    p10: int | float | None
    p50: int | float | None
    p90: int | float | None
    exceeded_probability: float | None


class Varied(msgspec.Struct, frozen=True, kw_only=True):
    """Each figure where some inputs vary, and all others keep their values."""

    raw_bytes: Spread
    drives: Spread
    capex: Spread
    npv: Spread


class RankedInput(msgspec.Struct, frozen=True, kw_only=True):
    """An input that was varied, and Spearman's rank correlation of it with the cost: null where the
    cost is unknown, or one of them does not vary."""

    path: str
    is_price: bool
    rank_correlation: float | None


class KnownBetter(msgspec.Struct, frozen=True, kw_only=True):
    """What it is worth to know the data reduction better by half: by how much P10 to P90 of the
    cost gets narrower, and what that width is now; with prices as uncertain as they are, and with
    prices that are fixed. ``read_bytes`` is how much is to be read for it, null if that is unknown.
    """

    npv_width: float
    npv_narrowing: float
    npv_width_at_fixed_prices: float
    npv_narrowing_at_fixed_prices: float
    read_bytes: int | None = None


class Simulation(msgspec.Struct, frozen=True, kw_only=True):
    """The cost of so many ``draws`` of all inputs by ``distribution``. ``inputs`` come by their
    correlation, the strongest first. ``known_better`` is null where the reduction is exact, or the
    cost unknown."""

    draws: int
    distribution: str
    quantity: Varied
    price: Varied
    together: Varied
    inputs: tuple[RankedInput, ...]
    known_better: KnownBetter | None


def simulation(
    scenario: Scenario[Assumption],
    reduction_draws: Draws | None,
    seed: int,
    *,
    count: int = DRAWS,
    read_bytes: int | None = None,
) -> Simulation | None:
    """The simulation of ``scenario``; None if nothing varies.

    ``reduction_draws`` replicate its reduction ratio, and ``read_bytes`` read would leave half of
    what is unknown of that. With the same ``seed``, an input has the same draws whatever the others
    are.
    """
    drawn = blocks(scenario, reduction_draws, seed, count)
    return simulated(scenario, drawn, read_bytes=read_bytes)


def simulated(
    scenario: Scenario[Assumption],
    drawn: Iterable[Mapping[str, Draws]],
    distribution: str = DISTRIBUTION,
    read_bytes: int | None = None,
) -> Simulation | None:
    """The simulation with inputs ``drawn`` by anyone: draws by path, a block of them at a time.

    What spare enclosures keep free is that of the central estimate in all of them.
    """
    scenario = in_cells(scenario)
    prices = {each.path: each for each in numbers_in(scenario) if each.is_price}
    center = float(exact(scenario.data.reduction_ratio))
    inputs, both, by_price, nearer = [], [], [], []
    for block in drawn:
        if not block:
            return None
        size = len(next(iter(block.values())))
        rows = {path: _rows(prices.get(path), each) for path, each in block.items()}
        varied_prices = {path: each for path, each in rows.items() if path in prices}
        inputs.append(block)
        both.append(figures(scenario, rows, size))
        by_price.append(figures(scenario, varied_prices, size)[1])
        if REDUCTION in block:
            rows[REDUCTION] = center + (block[REDUCTION] - center) / 2
            nearer.append(figures(scenario, rows, size)[:, -1])
    quantity, together = np.concatenate(both, axis=-1)
    point = _point(scenario)
    return Simulation(
        draws=together.shape[-1],
        distribution=distribution,
        quantity=_varied(point, quantity),
        price=_varied(point, np.concatenate(by_price, axis=-1)),
        together=_varied(point, together),
        inputs=_ranked(inputs, together[-1], prices),
        known_better=_known_better(quantity[-1], together[-1], nearer, read_bytes),
    )


def _rows(price: Assumption | None, draws: Draws) -> Draws:
    """``draws`` of a ``price`` below its central value, (2, draws); those of a quantity as they
    are."""
    if price is None:
        return draws
    return np.stack([np.full(len(draws), inexact(price)), draws])


def figures(scenario: Scenario[Assumption], drawn: Mapping[str, Draws], size: int) -> Draws:
    """The figures of ``Varied`` of ``scenario``, in its cells, with ``drawn`` inputs: (2, 4, size),
    a row for each that the drawn prices have. What cannot be built costs more than anything."""
    run = with_draws(scenario, drawn)
    # Racks that hold no enclosure are divided by; they are without end then.
    with np.errstate(divide="ignore", invalid="ignore"):
        raw_bytes = raw_for(run.data, run.layout)
        made = bill(run, raw_bytes)
        costs = (np.where(np.isinf(made.racks), np.inf, x) for x in (made.capex.total, made.npv))
    figures = (ceil(raw_bytes), made.drives, *costs)
    return np.stack([np.broadcast_to(np.asarray(x, np.float64), (2, size)) for x in figures], 1)


def _point(scenario: Scenario[Assumption]) -> tuple[int | float | None, ...]:
    """The same figures of the central estimate, exact."""
    run: Scenario[Number] = map_numbers(scenario, exact)
    raw_bytes = raw_for(run.data, run.layout)
    made = bill(run, raw_bytes)
    costs = (None if is_unknown(x) else round(float(x), 2) for x in (made.capex.total, made.npv))
    return ceil(raw_bytes), made.drives, *costs


def _varied(point: tuple[int | float | None, ...], figures: Draws) -> Varied:
    raw_bytes, drives, capex, npv = map(_spread, point, figures)
    return Varied(raw_bytes=raw_bytes, drives=drives, capex=capex, npv=npv)


def _spread(central: int | float | None, draws: Draws) -> Spread:
    if central is None or np.isnan(draws).any():
        return Spread(central=central, p10=None, p50=None, p90=None, exceeded_probability=None)
    if draws.min() == draws.max():
        return Spread(
            central=central, p10=central, p50=central, p90=central, exceeded_probability=0.0
        )
    digits = None if isinstance(central, int) else 2
    p10, p50, p90 = (round(float(x), digits) if np.isfinite(x) else None for x in _quantiles(draws))
    exceeded = np.mean(draws > central * _ABOVE)
    return Spread(central=central, p10=p10, p50=p50, p90=p90, exceeded_probability=float(exceeded))


def _quantiles(draws: Draws) -> Draws:
    """Of draws themselves: what lies between one and an endless one is no figure."""
    return np.asarray(np.quantile(draws, _TENTHS, method="inverted_cdf"))


def _ranked(
    blocks_drawn: Sequence[Mapping[str, Draws]], npv: Draws, prices: Container[str]
) -> tuple[RankedInput, ...]:
    """By the first RANKED draws."""
    cost = _ranks(npv[:RANKED])
    found = []
    for path in blocks_drawn[0]:
        values = np.concatenate([block[path] for block in blocks_drawn])[:RANKED]
        is_known = np.isfinite(cost).all() and np.ptp(cost) > 0 and np.ptp(values) > 0
        rank = float(np.corrcoef(_ranks(values), cost)[0, 1]) if is_known else None
        found.append(RankedInput(path=path, is_price=path in prices, rank_correlation=rank))
    return tuple(sorted(found, key=lambda each: (-abs(each.rank_correlation or 0), each.path)))


def _ranks(values: Draws) -> Draws:
    """The rank of each, the mean one where several are equal; unknown if one is."""
    if np.isnan(values).any():
        return np.full(len(values), np.nan)
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    return (np.cumsum(counts) - (counts - 1) / 2)[where]


def _known_better(
    quantity: Draws, together: Draws, nearer: Sequence[Draws], read_bytes: int | None
) -> KnownBetter | None:
    """From the costs as they are, at central and at drawn prices, and those with the ratio
    ``nearer`` to its central value, a (2, draws) block each."""
    if not nearer:
        return None
    widths = [_width(each) for each in (quantity, together, *np.concatenate(nearer, axis=-1))]
    if not all(map(math.isfinite, widths)):
        return None
    fixed, now, fixed_then, then = widths
    return KnownBetter(
        npv_width=round(now, 2),
        npv_narrowing=round(max(0.0, now - then), 2),
        npv_width_at_fixed_prices=round(fixed, 2),
        npv_narrowing_at_fixed_prices=round(max(0.0, fixed - fixed_then), 2),
        read_bytes=read_bytes,
    )


def _width(costs: Draws) -> float:
    """From P10 to P90."""
    if not np.isfinite(costs).all():
        return math.nan
    low, _, high = _quantiles(costs)
    return float(high - low)
