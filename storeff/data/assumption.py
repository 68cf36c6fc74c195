"""One number of the world, and what structs generic in the number do with theirs."""

import re
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from fractions import Fraction
from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec

from storeff.data.field import Field

N = TypeVar("N")

# Of prices: what a seller is bound to, asked or paid somewhere, a price list, derived, and what the
# reader typed. The others are of any number.
Kind = Literal[
    "contract",
    "street",
    "list",
    "estimate",
    "typed",
    "vendor_doc",
    "survey",
    "paper",
    "measured",
    "assumption",
]

_PRICE_UNIT = re.compile(r"[A-Z]{3}(/.*)?")


class Assumption(msgspec.Struct, frozen=True, kw_only=True):
    """One number and where it comes from. ``value`` is None where nobody knows it. ``true_on`` is
    the day that the source says it is true of, ``read_on`` the day that the source was read.

    A price is a quote: it holds from ``from_units`` bought, until ``valid_until``, and can be
    compared with prices of the same ``basis``: who asked whom, when.
    """

    path: str = ""
    value: Fraction | None = None
    low: Fraction | None = None
    high: Fraction | None = None
    unit: str = ""
    source: str | None = None
    true_on: date | None = None
    read_on: date | None = None
    kind: Kind = "assumption"
    basis: str | None = None
    from_units: int | None = None
    valid_until: date | None = None

    @property
    def is_price(self) -> bool:
        """Whether the unit is money (ISO 4217, ``USD`` or ``USD/kWh``): prices age fast."""
        return is_price(self.unit)

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
    """An assumption as the report lists it. ``stale`` is true of a price that has no date, and null
    of any other number without one. ``basis``, ``from_units`` and ``valid_until`` are of quotes,
    and null where nothing is said."""

    path: str
    value: int | float | None
    low: int | float | None
    high: int | float | None
    unit: str
    source: str | None
    true_on: date | None
    kind: Kind
    stale: bool | None
    read_on: date | None = None
    basis: str | None = None
    from_units: int | None = None
    valid_until: date | None = None

    @property
    def dated(self) -> str:
        """When it was true, for people."""
        if self.true_on is None:
            return "undated"
        return f"{self.true_on.isoformat()}{', out of date' if self.stale else ''}"

    @property
    def why_stale(self) -> str:
        """Why it is out of date, if it is."""
        if self.valid_until is not None:
            return f"it was valid until {self.valid_until.isoformat()}"
        if self.true_on is None:
            return "a price without a date counts as old"
        return "older than the shelf life of such figures"

    @property
    def named_basis(self) -> str:
        """What prices must share to be compared: what their quotes say, or else kind and month."""
        if self.basis is not None:
            return self.basis
        return f"{self.kind}, {f'{self.true_on:%B %Y}' if self.true_on else 'undated'}"


def is_price(unit: str) -> bool:
    """Whether ``unit`` is money, alone or for something."""
    return _PRICE_UNIT.fullmatch(unit) is not None


# Defaults of optional numbers: unknown, which is not zero, and an optional factor.
NO_VALUE: Any = Assumption()
ONE: Any = Assumption(value=Fraction(1))


class Entry(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every entry of a catalogue has: the name of its table, and one for people."""

    name: str = ""
    title: str = ""


class ShelfLife(Entry[N], Generic[N], frozen=True, kw_only=True):
    """Days after its ``true_on`` at which a number counts as stale."""

    price_days: Annotated[N, Field("d", most=36_500)]
    other_days: Annotated[N, Field("d", most=36_500)]


def map_numbers(value: Any, function: Callable[[Assumption], Any]) -> Any:
    """``value`` (a struct generic in the number, or a table by name) with ``function`` applied to
    each Assumption."""
    if isinstance(value, Assumption):
        return function(value)
    if isinstance(value, msgspec.Struct):
        fields = {name: map_numbers(getattr(value, name), function) for name in _names(value)}
        return type(value)(**fields)
    if isinstance(value, dict):
        return {name: map_numbers(each, function) for name, each in value.items()}
    return value


def numbers_in(value: Any) -> Iterator[Assumption]:
    """Every Assumption in ``value``, in the order of its fields."""
    if isinstance(value, Assumption):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in _names(value):
            yield from numbers_in(getattr(value, name))
    elif isinstance(value, dict):
        for each in value.values():
            yield from numbers_in(each)


def _names(value: msgspec.Struct) -> tuple[str, ...]:
    return value.__struct_fields__


def exact(number: Assumption) -> Fraction | float:
    """The central value for exact arithmetic; NaN is how arithmetic carries the unknown."""
    return float("nan") if number.value is None else number.value


def rows(value: Any, today: date, life: ShelfLife[Assumption]) -> list[AssumptionRow]:
    """A row of the report for each known number in ``value`` that was not measured, by path."""
    return [
        row_of(number, today, life)
        for number in sorted(numbers_in(value), key=lambda number: number.path)
        if number.value is not None and number.kind != "measured" and number.path
    ]


def row_of(number: Assumption, today: date, life: ShelfLife[Assumption]) -> AssumptionRow:
    """``number`` as a report lists it on the day ``today``."""
    return AssumptionRow(
        path=number.path,
        value=_plain(number.value),
        low=_plain(number.low),
        high=_plain(number.high),
        unit=number.unit,
        source=number.source,
        true_on=number.true_on,
        kind=number.kind,
        stale=is_stale(number, today, life),
        read_on=number.read_on,
        basis=number.basis,
        from_units=number.from_units,
        valid_until=number.valid_until,
    )


def is_stale(
    number: Assumption | AssumptionRow, today: date, life: ShelfLife[Assumption]
) -> bool | None:
    """Whether ``number`` no longer holds at ``today``: it is past its ``valid_until`` or, without
    one, older than the shelf life of its kind of unit. A price without a date is stale; of another
    number without one it is not known: None."""
    if number.valid_until is not None:
        return today > number.valid_until
    priced = is_price(number.unit)
    if number.true_on is None:
        return True if priced else None
    days = exact(life.price_days if priced else life.other_days)
    return today - number.true_on > timedelta(days=float(days))


def _plain(number: Fraction | None) -> int | float | None:
    if number is None:
        return None
    return number.numerator if number.denominator == 1 else float(number)
