"""Figures as a report shows them, with what is known of each: never surer than they are."""

import math
from collections.abc import Callable
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_EVEN, Decimal
from typing import TypeVar

from storeff.quantity import Quantity
from storeff.report.page import UNKNOWN, shortened
from storeff.units import count, format_bytes, significant

T = TypeVar("T")
# A unit or a currency of more cells than this is none; it must not take the table's width.
_UNIT_WIDTH = 16
_CURRENCY_WIDTH = 8
# Off by more than this of itself, a figure says less than its bounds do.
_WIDE = 0.5


def ratio(q: Quantity) -> str:
    """``2.05x [2.01, 2.10]``; one bare figure is exact, and ``about`` one is of unknown interval.

    Bounds are rounded outwards, so that none is closer than it is.
    """
    bounds = None
    if q.low is not None and q.high is not None:
        bounds = times(q.low, ROUND_FLOOR), times(q.high, ROUND_CEILING)
    if q.value is None:
        return UNKNOWN if bounds is None else f"{bounds[0]}x to {bounds[1]}x"
    if bounds is None:
        return f"about {times(q.value)}x"
    if q.low == q.high:
        return f"{times(q.value)}x"
    return f"{times(q.value)}x [{bounds[0]}, {bounds[1]}]"


def times(value: float, rounding: str = ROUND_HALF_EVEN) -> str:
    """A ratio to two decimals, or three digits from 100 on; what is below 1 is not shown as 1."""
    exactly = Decimal(str(value))
    step = Decimal("0.01") if abs(exactly) < 100 else Decimal(1).scaleb(exactly.adjusted() - 2)
    if value < 1 and rounding == ROUND_HALF_EVEN:
        rounding = ROUND_FLOOR
    return f"{exactly.quantize(step, rounding):,f}"


def interval(q: Quantity, show: Callable[[float], str]) -> str:
    """``32.4 EB ±2.3 %``, by the further bound and rounded up; the bounds themselves where they
    are far off, or there is no point. One bare figure is exact, ``about`` one of unknown
    interval."""
    if q.value is None:
        if q.low is None or q.high is None:
            return UNKNOWN
        return between(q.low, q.high, show)
    text = show(q.value)
    if q.low is None or q.high is None:
        return f"about {text}"
    if q.low == q.high:
        return text
    off = q.relative_half_width
    if off is None:
        return f"{text}, at most {show(q.high)}"
    if off > _WIDE:
        return f"{text} [{show(q.low)}, {show(q.high)}]"
    return f"{text} ±{half_width(off)}"


def between(low: float, high: float, show: Callable[[float], str]) -> str:
    """``5.09 to 11.5 B USD``; one figure where both look alike."""
    first, last = show(low), show(high)
    if first == last:
        return last
    number, _, unit = first.partition(" ")
    return f"{number if last.endswith(' ' + unit) else first} to {last}"


def bounds(q: Quantity, show: Callable[[float], str]) -> str:
    """Bounds, which are no interval around the point; the point too where it is neither."""
    if q.value is None or q.low is None or q.high is None:
        return UNKNOWN
    low, value, high = show(q.low), show(q.value), show(q.high)
    if low == high:
        return value
    return f"{low}..{high}" if value in (low, high) else f"{value} ({low}..{high})"


def with_bounds(q: Quantity | None, show: Callable[[float], str]) -> str:
    """``32.4 EB [31.9, 33.0 EB]``: the bounds themselves, however close they are."""
    if q is None or q.value is None or q.low is None or q.high is None or q.low == q.high:
        return UNKNOWN if q is None else interval(q, show)
    return f"{show(q.value)} [{between(q.low, q.high, show).replace(' to ', ', ')}]"


def half_width(share: float) -> str:
    """A half width as a percentage, rounded up: ``0.1 %``, ``7.3 %``, ``12 %``."""
    if share < 0.1:
        return f"{math.ceil(share * 1000) / 10:.1f} %"
    return f"{math.ceil(share * 100)} %"


def counts(q: Quantity, singular: str) -> str:
    """``1,050 racks ±2.3 %``, ``1 rack``."""
    return interval(q, lambda value: f"{count(value)} {singular}{'' if value == 1 else 's'}")


def floored(value: float) -> str:
    """``value`` to one decimal, never rounded up: nines are counted, not rounded."""
    return f"{Decimal(str(value)).quantize(Decimal('0.1'), ROUND_FLOOR):,f}"


def money(q: Quantity, currency: str) -> str:
    """An amount to three digits: ``8.81 B USD``."""
    return interval(q, lambda value: amount(value, currency))


def amount(value: float, currency: str) -> str:
    """``value`` to three digits in thousands, millions or billions of ``currency``."""
    name = shortened(currency, _CURRENCY_WIDTH)
    for size, letter in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size * 0.9995:
            return f"{significant(value / size)} {letter} {name}"
    return f"{value:,.2f} {name}"


def signed(size_bytes: float) -> str:
    """``+808 PB``."""
    return f"{'-' if size_bytes < 0 else '+'}{format_bytes(abs(size_bytes))}"


def known(value: T | None, show: Callable[[T], str]) -> str:
    """``value`` as ``show`` shows it; unknown is never shown as nothing."""
    return UNKNOWN if value is None else show(value)


def format_number(value: float) -> str:
    """A typed-in number as typed: 0.0043, 27,000."""
    return f"{value:,}" if isinstance(value, int) else f"{value:,.6g}"


def in_full(value: float | None) -> str:
    """All digits that mean something: ``17,359,172,913.2``, ``8.74e-20``."""
    if value is None:
        return UNKNOWN
    return f"{value:,}" if isinstance(value, int) else f"{value:,.12g}"


def with_unit(value: float, unit: str) -> str:
    """``27,000 USD``; a fraction has no unit."""
    number = format_number(value)
    return number if unit.startswith("fraction") else f"{number} {shortened(unit, _UNIT_WIDTH)}"
