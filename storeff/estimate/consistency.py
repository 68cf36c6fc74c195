"""What figures owe each other: an order that holds whatever chance says, and no interval where
nothing is known of what was not read."""

from collections.abc import Callable
from typing import TypeVar, cast

import msgspec

from storeff.quantity import Quantity
from storeff.sources.census import Census

T = TypeVar("T")
Number = int | float


def no_less(q: Quantity, least: Quantity) -> Quantity:
    """``q``, whose truth is at least that of ``least``: no figure of it is below the other's.

    Where both truths are equal, two independent 95 % intervals give one of 95 % this way: the lower
    end fails where either does, the upper one only where both do.
    """
    return _ordered(q, least, max)


def no_more(q: Quantity, most: Quantity) -> Quantity:
    """``q``, whose truth is at most that of ``most``: no figure of it is above the other's."""
    return _ordered(q, most, min)


def _ordered(q: Quantity, bound: Quantity, chosen: Callable[[Number, Number], Number]) -> Quantity:
    value, low, high = (
        mine if mine is None or other is None else chosen(mine, other)
        for mine, other in ((q.value, bound.value), (q.low, bound.low), (q.high, bound.high))
    )
    if value is not None and low is not None and high is not None:
        value = min(max(value, low), high)
    return Quantity(value, low, high, q.origin)


def is_interrupted(census: Census) -> bool:
    """Whether what was not read is whatever came later, in the order of directories."""
    return "interrupted" in census.skipped


def without_intervals(figures: T) -> T:
    """``figures``, a struct or a list of them, whose quantities have no intervals.

    Their values are of the part that was read. The rest was left out in the order of directories,
    not at random, so the part says nothing of it.
    """
    made: object = figures
    if isinstance(figures, Quantity):
        made = Quantity(figures.value, None, None, figures.origin)
    elif isinstance(figures, list):
        made = [without_intervals(each) for each in figures]
    elif isinstance(figures, msgspec.Struct):
        names = figures.__struct_fields__
        fields = {name: without_intervals(getattr(figures, name)) for name in names}
        made = msgspec.structs.replace(figures, **fields)
    return cast(T, made)
