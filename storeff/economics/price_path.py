"""What something costs in a quarter, by what is said of its price: a table, a rate of change, a
learning curve, or an index that brings a dated price to another quarter.

A path is generic in its numbers, as a catalogue's entry is: ``price_at`` runs on exact fractions,
floats or arrays of replicates, ``range_at`` on what files say. Quarters are written ``2027Q1``.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any, Generic, NamedTuple, TypeAlias

from storeff.data import Assumption, N, exact
from storeff.economics.quarters import given_in, number_of, quarter_name
from storeff.layout.number import Number, is_unknown, log


@dataclass(frozen=True)
class Table(Generic[N]):
    """``prices`` by quarter, each until the next one given. They are unknown before the first and,
    unless the last ``goes_on``, after that. One price for all quarters stands under no name."""

    prices: Mapping[str, N]
    goes_on: bool = False


@dataclass(frozen=True)
class Compounding(Generic[N]):
    """``price`` in ``quarter``, and from each quarter to the next ``change`` of it more: 0.1 for
    10 %, and above -1."""

    price: N
    quarter: str
    change: N


@dataclass(frozen=True)
class Learning(Generic[N]):
    """``price`` in ``quarter``, which falls by ``rate`` of itself, below 1, whenever the cumulative
    volume doubles; ``volumes`` are that at the end of each quarter, above 0 and in any one unit. By
    the volume V it is p = p0 (V / V0)^log2(1 - rate) (T. P. Wright, "Factors affecting the cost of
    airplanes", Journal of the Aeronautical Sciences 3(4), 1936)."""

    price: N
    quarter: str
    rate: N
    volumes: Mapping[str, N]


@dataclass(frozen=True)
class Indexed(Generic[N]):
    """``price`` in ``quarter``, brought to another by the index whose ``changes`` are those of each
    quarter against the one before. Where it does not cover all quarters between, the price there is
    unknown. ``at_least`` are the quarters whose change is only known from below."""

    price: N
    quarter: str
    changes: Mapping[str, N]
    at_least: frozenset[str] = field(default=frozenset())


PricePath: TypeAlias = Table[N] | Compounding[N] | Learning[N] | Indexed[N]


class Price(NamedTuple):
    """A price and its range; None is unknown."""

    low: Number | None
    value: Number | None
    high: Number | None


def price_at(path: PricePath[Number], quarter: str) -> Number:
    """The price in ``quarter``, NaN where ``path`` does not tell it. Raises StoreffError for what
    is no quarter."""
    number_of(quarter)
    match path:
        case Table(prices, goes_on):
            price = given_in(prices, quarter)
            has_end = not goes_on and "" not in prices
            is_over = has_end and number_of(quarter) > max(map(number_of, prices), default=0)
            return math.nan if price is None or is_over else price
        case Compounding(price, since, change):
            return price * (1 + change) ** (number_of(quarter) - number_of(since))
        case Learning(price, since, rate, volumes):
            made, before = volumes.get(quarter, math.nan), volumes.get(since, math.nan)
            return price * (made / before) ** (log(1 - rate) / math.log(2))
        case Indexed(price, since, changes):
            between = quarters_between(since, quarter)
            factor = math.prod(1 + changes.get(each, math.nan) for each in between)
            return price * factor if number_of(quarter) > number_of(since) else price / factor


def range_at(path: PricePath[Assumption], quarter: str) -> Price:
    """``price_at`` of the central numbers and at both ends of their ranges: the price goes one way
    with each number, so that it is least where each is at the end that makes it so."""
    value = price_at(_mapped(path, exact), quarter)
    if is_unknown(value):
        return Price(None, None, None)
    ends = [
        price_at(_mapped(path, _end_towards(path, quarter, lower=lower)), quarter)
        for lower in (True, False)
    ]
    low, high = (None if is_unknown(end) else end for end in ends)
    match path:
        case Indexed(_, since, _, at_least) if at_least.intersection(
            quarters_between(since, quarter)
        ):
            # What rose by at least so much costs as much later, and may have cost less before.
            later = number_of(quarter) > number_of(since)
            low, high = (low, None) if later else (None, high)
    return Price(low, value, high)


def _end_towards(
    path: PricePath[Assumption], quarter: str, *, lower: bool
) -> Callable[[Assumption], Number]:
    """Of each number the end of its range at which the price in ``quarter`` is ``lower``, with the
    others central."""

    def at(number: Assumption, end: Number) -> Number:
        changed = _mapped(path, lambda each: end if each is number else exact(each))
        return price_at(changed, quarter)

    def chosen(number: Assumption) -> Number:
        if number.range is None:
            return exact(number)
        least, most = sorted(number.range, key=lambda end: at(number, end))
        return least if lower else most

    return chosen


def _mapped(path: PricePath[Assumption], function: Callable[[Assumption], Number]) -> Any:
    """``path`` with ``function`` applied to each of its numbers."""
    changed: dict[str, Any] = {}
    for each in fields(path):
        given = getattr(path, each.name)
        if isinstance(given, Assumption):
            changed[each.name] = function(given)
        elif isinstance(given, Mapping):
            changed[each.name] = {quarter: function(number) for quarter, number in given.items()}
    return replace(path, **changed)


def quarters_between(one: str, other: str) -> list[str]:
    """The quarters whose changes lead from the earlier of the two to the later: without the
    earlier, with the later."""
    first, last = sorted((number_of(one), number_of(other)))
    return [quarter_name(number) for number in range(first + 1, last + 1)]
