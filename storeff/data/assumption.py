"""One number of the world, and what structs generic in the number do with theirs."""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec

from storeff.data.field import Field

N = TypeVar("N")

Kind = Literal["vendor_doc", "street", "survey", "paper", "estimate", "assumption", "measured"]

_PRICE_UNIT = re.compile(r"[A-Z]{3}(/.*)?")


class Assumption(msgspec.Struct, frozen=True, kw_only=True):
    """One number and where it comes from. ``value`` is None where nobody knows it. ``as_of`` is the
    day that the source says it is true of, ``read_on`` the day that the source was read."""

    path: str = ""
    value: Fraction | None = None
    low: Fraction | None = None
    high: Fraction | None = None
    unit: str = ""
    source: str | None = None
    as_of: date | None = None
    read_on: date | None = None
    kind: Kind = "assumption"

    @property
    def is_price(self) -> bool:
        """Whether the unit is money (ISO 4217, ``USD`` or ``USD/kWh``): prices age fast."""
        return _PRICE_UNIT.fullmatch(self.unit) is not None

    @property
    def range(self) -> tuple[Fraction, Fraction] | None:
        """From low to high, or to the value where one of them is not given; None if there is no
        range."""
        if self.value is None or self.low == self.high:
            return None
        low = self.value if self.low is None else self.low
        return low, self.value if self.high is None else self.high

    @property
    def currency(self) -> str | None:
        """What a known price is in; None for what is no price."""
        return self.unit[:3] if self.is_price and self.value is not None else None


class AssumptionRow(msgspec.Struct, frozen=True):
    """An assumption as the report lists it; ``stale`` is null where it carries no date."""

    path: str
    value: int | float | None
    low: int | float | None
    high: int | float | None
    unit: str
    source: str | None
    as_of: date | None
    kind: Kind
    stale: bool | None
    read_on: date | None = None


# Defaults of optional numbers: unknown, which is not zero, and an optional factor.
NO_VALUE: Any = Assumption()
ONE: Any = Assumption(value=Fraction(1))


class Entry(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every entry of a catalogue has: the name of its table, and one for people."""

    name: str = ""
    title: str = ""


class ShelfLife(Entry[N], Generic[N], frozen=True, kw_only=True):
    """Days after its ``as_of`` date at which a number counts as stale."""

    price_days: Annotated[N, Field("d", most=36_500)]
    other_days: Annotated[N, Field("d", most=36_500)]


def map_numbers(value: Any, function: Callable[[Assumption], Any]) -> Any:
    """``value`` (a struct generic in the number) with ``function`` applied to each Assumption."""
    if isinstance(value, Assumption):
        return function(value)
    if isinstance(value, msgspec.Struct):
        fields = {name: map_numbers(getattr(value, name), function) for name in _names(value)}
        return type(value)(**fields)
    return value


def numbers_in(value: Any) -> Iterator[Assumption]:
    """Every Assumption in ``value``, in the order of its fields."""
    if isinstance(value, Assumption):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in _names(value):
            yield from numbers_in(getattr(value, name))


def _names(value: msgspec.Struct) -> tuple[str, ...]:
    return value.__struct_fields__


def exact(number: Assumption) -> Fraction | float:
    """The central value for exact arithmetic; NaN is how arithmetic carries the unknown."""
    return float("nan") if number.value is None else number.value


def rows(value: Any, today: date, life: ShelfLife[Assumption]) -> list[AssumptionRow]:
    """A row of the report for each known number in ``value`` that was not measured, by path.

    A number is stale if it is older at ``today`` than the shelf life of its kind of unit.
    """
    listed = []
    for number in sorted(numbers_in(value), key=lambda number: number.path):
        if number.value is None or number.kind == "measured" or not number.path:
            continue
        days = exact(life.price_days if number.is_price else life.other_days)
        low, high = number.low, number.high
        listed.append(
            AssumptionRow(
                path=number.path,
                value=_plain(number.value),
                low=None if low is None else _plain(low),
                high=None if high is None else _plain(high),
                unit=number.unit,
                source=number.source,
                as_of=number.as_of,
                kind=number.kind,
                stale=None
                if number.as_of is None
                else today - number.as_of > timedelta(days=float(days)),
                read_on=number.read_on,
            )
        )
    return listed


def _plain(number: Fraction) -> int | float:
    return number.numerator if number.denominator == 1 else float(number)
