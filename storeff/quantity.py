"""A number of the report: a point, its 95 % interval, and where it comes from.

The point is exact arithmetic (integers, Fractions). The interval is what the same functions give
for seeded replicates (numpy arrays), so no formula for propagating errors exists anywhere.
"""

import math
from fractions import Fraction
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

Origin = Literal["measured", "derived", "assumed"]
Draws = npt.NDArray[np.float64]
Exact = int | float | Fraction

# Enough that a 2.5 % tail holds 50 replicates: its own sampling error is 3 % of the interval.
REPLICATES = 2000
# Two-sided 95 % of the normal distribution.
Z95 = 1.959964


class Quantity(msgspec.Struct, frozen=True):
    """``value`` with its 95 % interval ``low``..``high``; equal where exact, null where unknown."""

    value: int | float | None
    low: int | float | None
    high: int | float | None
    origin: Origin


def quantity(
    point: Exact, draws: Draws | None, origin: Origin, digits: int | None = None
) -> Quantity:
    """The quantity with ``point`` and the central 95 % of ``draws`` (None: exact).

    NaN is how arithmetic carries the unknown; it becomes null. ``digits=0`` rounds to an
    integer, ``digits=2`` money to cents. The interval is widened to hold the point.
    """
    value = _number(point, digits)
    if value is None:
        return Quantity(None, None, None, origin)
    if draws is None:
        return Quantity(value, value, value, origin)
    if np.isnan(draws).any():
        return Quantity(value, None, None, origin)
    low, high = (_number(float(x), digits) for x in np.percentile(draws, (2.5, 97.5)))
    assert low is not None
    assert high is not None
    return Quantity(value, min(low, value), max(high, value), origin)


def _number(x: Exact, digits: int | None) -> int | float | None:
    if isinstance(x, float) and not math.isfinite(x):
        return None
    if digits == 0:
        return round(x)
    return round(float(x), digits) if digits else float(x) if isinstance(x, Fraction) else x


def normal_draws(q: Quantity, seed: int) -> Draws | None:
    """Seeded replicates of ``q``, (REPLICATES,): normal on each side of the point, as wide as the
    interval says; None if ``q`` is exact. Held above half of ``low``, far in the tail, so that what
    divides by them stays finite."""
    if q.value is None or q.low is None or q.high is None:
        return np.full(REPLICATES, np.nan)
    if q.low == q.high:
        return None
    z = np.random.default_rng(seed).standard_normal(REPLICATES)
    below, above = (q.value - q.low) / Z95, (q.high - q.value) / Z95
    return np.maximum(q.value + z * np.where(z < 0, below, above), q.low / 2)
