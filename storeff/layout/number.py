"""Arithmetic written once for two kinds of number.

A ``Number`` is an int or Fraction (the exact answer), a float64 array of replicates (the
interval), or a float (an input of the replicate run; NaN is the unknown in both). Python's type
system has no common arithmetic for these, hence the alias to Any.
"""

import math
import typing
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec
import numpy as np

from storeff.data import Assumption, N
from storeff.quantity import Origin, Quantity, quantity

Number: TypeAlias = Any

# Annotations for fields of a report type: how many digits the report keeps.
Whole = typing.Annotated[N, msgspec.Meta(extra={"digits": 0})]
Money = typing.Annotated[N, msgspec.Meta(extra={"digits": 2})]


def ceil(x: Number) -> Number:
    """The smallest integer >= x: never through a double when x is exact."""
    if isinstance(x, np.ndarray):
        return np.ceil(x)
    return x if is_unknown(x) else math.ceil(x)


def floor(x: Number) -> Number:
    """The largest integer <= x."""
    return -ceil(-x)


def at_least(x: Number, least: Number) -> Number:
    """The larger of the two; x where ``least`` is unknown."""
    if is_unknown(least):
        return x
    return _one_of(np.maximum, x, least) if np.ndim(x) or np.ndim(least) else max(x, least)


def at_most(x: Number, most: Number) -> Number:
    """The smaller of the two."""
    return _one_of(np.minimum, x, most) if np.ndim(x) or np.ndim(most) else min(x, most)


def _one_of(choose: np.ufunc, *numbers: Number) -> Number:
    return choose(*(x if np.ndim(x) else float(x) for x in numbers))


def log(x: Number) -> Number:
    """Natural logarithm, to the context's precision for Decimal."""
    return x.ln() if isinstance(x, Decimal) else np.log(x)


def inexact(number: Assumption) -> float:
    """The central value as a double, for the replicate run; NaN where unknown."""
    return math.nan if number.value is None else float(number.value)


def is_unknown(x: Number) -> bool:
    """Whether x is the NaN that stands for an unknown input."""
    return isinstance(x, float) and math.isnan(x)


def join(point: Any, draws: Any) -> Any:
    """The report's form of ``point``: its struct with a Quantity wherever the type has ``N``.

    ``draws`` is what the same function gave for replicates, or for plain doubles if none vary.
    """
    if not isinstance(point, msgspec.Struct):
        return point
    fields: dict[str, Any] = {}
    hints = typing.get_type_hints(type(point), include_extras=True)
    for name, hint in hints.items():
        mine, theirs = getattr(point, name), getattr(draws, name)
        if _is_number(hint):
            fields[name] = to_quantity(mine, theirs, "derived", _digits(hint))
        elif isinstance(mine, tuple):
            fields[name] = tuple(map(join, mine, theirs))
        else:
            fields[name] = join(mine, theirs)
    return type(point)(**fields)


def to_quantity(point: Number, draws: Number, origin: Origin, digits: int | None) -> Quantity:
    """A Quantity; exact if ``draws`` is no array, since nothing that it depends on was varied."""
    return quantity(point, draws if np.ndim(draws) else None, origin, digits)


def _is_number(hint: Any) -> bool:
    return hint is N or (typing.get_origin(hint) is typing.Annotated and hint.__origin__ is N)


def _digits(hint: Any) -> int | None:
    if hint is N:
        return None
    digits: int = hint.__metadata__[0].extra["digits"]
    return digits
