"""A number of the report: a point, its 95 % interval, and where it comes from.

The point is exact arithmetic (integers, Fractions). The interval of what is derived comes from
seeded replicates (numpy arrays) carried through the same functions, so no formula propagates
errors. The interval of what is measured comes from an estimator; a Quantity's own arithmetic
carries it on, end by end.
"""

import math
import operator
from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Literal, Self

import msgspec
import numpy as np
import numpy.typing as npt

Origin = Literal["measured", "derived", "assumed"]
Draws = npt.NDArray[np.float64]
Exact = int | float | Fraction
Number = int | float

# Enough that a 2.5 % tail holds 50 replicates: its own sampling error is 3 % of the interval.
REPLICATES = 2000
# Two-sided 95 % of the normal distribution.
Z95 = 1.959964


def student95(freedom: float) -> float:
    """The two-sided 95 % quantile of Student's distribution with so many degrees of freedom, one at
    least: at most 0.12 % off. The library that has it takes a quarter of a second to load.

    From three on it is the expansion of M. Abramowitz, I. A. Stegun, Handbook of Mathematical
    Functions, 1964, 26.7.5. Below, the integral of 26.7.1 over the angle whose tangent is
    t / sqrt(freedom).
    """
    z = Z95
    if freedom < 3:
        angle = np.linspace(0, np.pi / 2, 10_001)
        density = np.cos(angle) ** (freedom - 1)
        below = np.cumsum(density[1:] + density[:-1])
        at = np.interp(0.95 * below[-1], below, angle[1:])
        return math.sqrt(freedom) * math.tan(float(at))
    terms = (
        (z**3 + z) / 4,
        (5 * z**5 + 16 * z**3 + 3 * z) / 96,
        (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384,
        (79 * z**9 + 776 * z**7 + 1482 * z**5 - 1920 * z**3 - 945 * z) / 92160,
    )
    return z + sum(term / freedom**power for power, term in enumerate(terms, 1))


class Span(msgspec.Struct, frozen=True):
    """The least and the most of what is not known yet: a range, without a confidence."""

    low: float
    high: float

    def plus(self, other: "Span") -> "Span":
        return Span(self.low + other.low, self.high + other.high)


class Quantity(msgspec.Struct, frozen=True):
    """``value`` with its 95 % interval ``low``..``high``; equal where exact, null where unknown.

    Arithmetic takes a Quantity or an exact number. Each end of the result is the furthest that the
    ends of the operands allow: the result's interval holds the truth where theirs do. Whatever
    rests on an unknown end is unknown. The origin stays that of the left operand.
    """

    value: Number | None
    low: Number | None
    high: Number | None
    origin: Origin

    @classmethod
    def exact(cls, value: Number, origin: Origin = "measured") -> Self:
        return cls(value, value, value, origin)

    @property
    def is_exact(self) -> bool:
        return self.value is not None and self.low == self.value == self.high

    @property
    def relative_half_width(self) -> float | None:
        """How far the further bound is from the value, as a part of it: 0 if exact. None where one
        of them is unknown, and where the value is 0 but not exact."""
        if self.is_exact:
            return 0.0
        if not self.value or self.low is None or self.high is None:
            return None
        return max(self.high - self.value, self.value - self.low) / abs(self.value)

    def __add__(self, other: "Quantity | Number") -> "Quantity":
        return self._by_end(other, operator.add)

    def __sub__(self, other: "Quantity | Number") -> "Quantity":
        return self + -other

    def __rsub__(self, other: Number) -> "Quantity":
        return -self + other

    def __neg__(self) -> "Quantity":
        return Quantity(self.value, self.high, self.low, self.origin)._each(operator.neg)

    def __mul__(self, other: "Quantity | Number") -> "Quantity":
        """The product; neither factor may be negative."""
        return self._by_end(other, operator.mul)

    def __truediv__(self, divisor: Number) -> "Quantity":
        """This / ``divisor``, which is not negative."""
        return self._each(lambda x: x / divisor)

    def __rtruediv__(self, dividend: Number) -> "Quantity":
        """``dividend`` / this; no bounds without both, unknown where this may be nothing."""
        value = dividend / self.value if self.value else None
        if self.low is None or self.high is None:
            return Quantity(value, None, None, self.origin)
        if not self.low:
            return Quantity(None, None, None, self.origin)
        return Quantity(value, dividend / self.high, dividend / self.low, self.origin)

    def no_less_than(self, least: "Quantity | Number") -> "Quantity":
        """This, whose truth is at least that of ``least``: no figure of it is below the other's.

        Where both truths are equal, two independent 95 % intervals give one of 95 % this way: the
        lower end fails where either does, the upper one only where both do. An unknown figure
        stays unknown, and bounds nothing.
        """
        return self._bounded(least, max)

    def no_more_than(self, most: "Quantity | Number") -> "Quantity":
        """This, whose truth is at most that of ``most``: no figure of it is above the other's."""
        return self._bounded(most, min)

    def rounded(self) -> "Quantity":
        """This in whole units."""
        return self._each(round)

    def without_value(self) -> "Quantity":
        """The interval alone."""
        return Quantity(None, self.low, self.high, self.origin)

    def without_interval(self) -> "Quantity":
        """The value alone."""
        return Quantity(self.value, None, None, self.origin)

    def _each(self, changed: Callable[[Number], Number]) -> "Quantity":
        value, low, high = (
            None if x is None else changed(x) for x in (self.value, self.low, self.high)
        )
        return Quantity(value, low, high, self.origin)

    def _beside(self, other: "Quantity | Number") -> Iterator[tuple[Number | None, Number | None]]:
        """The value and ends of both, value first."""
        q = other if isinstance(other, Quantity) else Quantity.exact(other)
        return zip((self.value, self.low, self.high), (q.value, q.low, q.high), strict=True)

    def _by_end(
        self, other: "Quantity | Number", combined: Callable[[Number, Number], Number]
    ) -> "Quantity":
        value, low, high = (
            None if a is None or b is None else combined(a, b) for a, b in self._beside(other)
        )
        return Quantity(value, low, high, self.origin)

    def _bounded(
        self, bound: "Quantity | Number", chosen: Callable[[Number, Number], Number]
    ) -> "Quantity":
        value, low, high = (
            a if a is None or b is None else chosen(a, b) for a, b in self._beside(bound)
        )
        # A bound of which not all is known moves what else is known along.
        ends = [low, value, high] if chosen is max else [high, value, low]
        for i in (1, 2):
            nearer = [x for x in ends[:i] if x is not None]
            here = ends[i]
            if here is not None and nearer:
                ends[i] = chosen(here, nearer[-1])
        low, value, high = ends if chosen is max else ends[::-1]
        return Quantity(value, low, high, self.origin)


UNKNOWN = Quantity(None, None, None, "measured")


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
        return Quantity.exact(value, origin)
    if np.isnan(draws).any():
        return Quantity(value, None, None, origin)
    low, high = (_number(float(x), digits) for x in np.percentile(draws, (2.5, 97.5)))
    assert low is not None
    assert high is not None
    return Quantity(value, min(low, value), max(high, value), origin)


def _number(x: Exact, digits: int | None) -> Number | None:
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
