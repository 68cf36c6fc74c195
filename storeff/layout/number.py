"""Arithmetic written once for every kind of number.

A ``Number`` is an int or Fraction (the exact answer), a float64 array of replicates (the
interval), a float (an input of the replicate run; NaN is the unknown in both), or a Symbol, which
records the arithmetic to write it out (``economics.formulas``). Python's type system has no common
arithmetic for these, hence the alias to Any.

What chooses between numbers does so by ``where``, ``at_least`` and ``at_most``: an ``if`` on a
number is fixed in the formulas that are written out.
"""

import functools
import math
import typing
from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction
from typing import Any, ParamSpec, TypeAlias

import msgspec
import numpy as np

from storeff.data import Assumption, N
from storeff.layout.symbol import Symbol, record
from storeff.quantity import Origin, Quantity, quantity

Number: TypeAlias = Any
P = ParamSpec("P")

# Annotations for fields of a report type: how many digits the report keeps.
Whole = typing.Annotated[N, msgspec.Meta(extra={"digits": 0})]
Money = typing.Annotated[N, msgspec.Meta(extra={"digits": 2})]


def recorded(function: Callable[P, Number]) -> Callable[P, Number]:
    """``function`` of positional numbers, which of a Symbol is the record of what is to be done."""

    @functools.wraps(function)
    def either(*operands: P.args, **named: P.kwargs) -> Number:
        if any(isinstance(x, Symbol) for x in operands):
            return record(either, *operands)
        return function(*operands, **named)

    return either


def named(name: str, x: Number) -> Number:
    """``x``, which is called ``name`` where the arithmetic is written out."""
    if isinstance(x, Symbol):
        x.trace.names.setdefault(name, x)
    return x


@recorded
def ceil(x: Number) -> Number:
    """The smallest integer >= x: never through a double when x is exact."""
    if isinstance(x, np.ndarray):
        return np.ceil(x)
    return x if is_unknown(x) else math.ceil(x)


@recorded
def floor(x: Number) -> Number:
    """The largest integer <= x."""
    return -ceil(-x)


def at_least(x: Number, least: Number) -> Number:
    """The larger of the two; x where ``least`` is unknown."""
    return x if is_unknown(least) else larger(x, least)


@recorded
def larger(x: Number, y: Number) -> Number:
    """``at_least`` of what is known."""
    return _one_of(np.maximum, x, y) if np.ndim(x) or np.ndim(y) else max(x, y)


@recorded
def at_most(x: Number, most: Number) -> Number:
    """The smaller of the two."""
    return _one_of(np.minimum, x, most) if np.ndim(x) or np.ndim(most) else min(x, most)


def _one_of(choose: np.ufunc, *numbers: Number) -> Number:
    return choose(*(x if np.ndim(x) else float(x) for x in numbers))


@recorded
def where(condition: Number, x: Number, otherwise: Number) -> Number:
    """``x`` where the condition holds."""
    if np.ndim(condition):
        plain = (y if np.ndim(y) or isinstance(y, str) else float(y) for y in (x, otherwise))
        return np.where(condition, *plain)
    return x if condition else otherwise


@recorded
def log(x: Number) -> Number:
    """Natural logarithm, to the context's precision for Decimal."""
    if isinstance(x, Decimal):
        return x.ln()
    if isinstance(x, Fraction):
        return math.log(x)
    return np.log(x) if np.ndim(x) else float(np.log(x))


@recorded
def expm1(x: Number) -> Number:
    """The exponential of x, less one."""
    return np.expm1(x) if np.ndim(x) else math.expm1(x)


def inexact(number: Assumption) -> float:
    """The central value as a double, for the replicate run; NaN where unknown."""
    return math.nan if number.value is None else float(number.value)


def is_unknown(x: Number) -> bool:
    """Whether x is the NaN that stands for an unknown input, or comes from it in all replicates."""
    if isinstance(x, Symbol):
        return not x.is_known
    if isinstance(x, np.ndarray):
        return x.dtype != object and bool(np.isnan(x).all())
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
