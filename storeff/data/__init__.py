"""Numbers of the world: each with its range, unit, source and date; none of them in code.

A catalogue is a TOML file of tables. Where a type says ``N``, the file gives a number as a table
``{value, low, high, unit, source, as_of, kind}``. Types are generic in the number:
``Drive[Assumption]`` is what the file says, ``Drive[Number]`` what arithmetic runs on
(``map_numbers``).
"""

import re
import tomllib
import typing
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from storeff.errors import StoreffError
from storeff.files import read_bounded
from storeff.units import parse_size

N = TypeVar("N")
T = TypeVar("T", bound=msgspec.Struct)

Kind = Literal["vendor_doc", "street", "survey", "paper", "estimate", "assumption", "measured"]

# Twenty times the largest catalogue.
TOML_BYTES_MAX = 1 << 20
_HERE = Path(__file__).parent
_PRICE_UNIT = re.compile(r"[A-Z]{3}(/.*)?")


class Assumption(msgspec.Struct, frozen=True, kw_only=True):
    """One number and where it comes from. ``value`` is None where nobody has said it."""

    path: str = ""
    value: Fraction | None = None
    low: Fraction | None = None
    high: Fraction | None = None
    unit: str = ""
    source: str | None = None
    as_of: date | None = None
    kind: Kind = "assumption"

    @property
    def is_price(self) -> bool:
        """Whether the unit is money (ISO 4217, ``USD`` or ``USD/kWh``): prices age fast."""
        return _PRICE_UNIT.fullmatch(self.unit) is not None


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


def unknown() -> Any:
    """Default of an optional number: unknown, which is not zero."""
    return Assumption()


def one() -> Any:
    """Default of an optional factor: 1."""
    return Assumption(value=Fraction(1))


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file, decimal fractions kept exactly as written."""
    try:
        text = read_bounded(path, TOML_BYTES_MAX, "TOML file").decode()
        return tomllib.loads(text, parse_float=Decimal)
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise StoreffError(f"{path} is not valid TOML: {error}") from error


def load(catalogue: str, entry: type[T], extra: Path | None = None) -> dict[str, T]:
    """Every entry of ``catalogue``.toml by name; those of the user's file ``extra`` win.

    ``entry`` is the concrete type, such as ``Drive[Assumption]``. Raises StoreffError, naming the
    key, on an unknown key, a wrong type, or a number without its source and date.
    """
    shipped = _HERE / f"{catalogue}.toml"
    return {
        name: decode(entry, {"name": name, **table}, f"{catalogue}.{name}", path)
        for path in (shipped, extra)
        if path is not None
        for name, table in _tables(path).items()
    }


def _tables(path: Path) -> dict[str, dict[str, Any]]:
    tables = read_toml(path)
    for name, table in tables.items():
        if not isinstance(table, dict):
            raise StoreffError(f"{path}: {name} is not a table", f"write it under [{name}]")
    return tables


def decode(
    struct: type[T], table: dict[str, Any], prefix: str, file: Path, *, bare: bool = False
) -> T:
    """``table`` of ``file`` as ``struct``; ``bare`` also takes numbers without provenance.

    A bare number is the reader's own and becomes an assumption. ``prefix`` starts its path.
    """
    try:
        return msgspec.convert(_with_numbers(struct, table, prefix, bare), struct)
    except msgspec.ValidationError as error:
        where = f" in {prefix}" if prefix else ""
        raise StoreffError(f"{file}: {error}{where}") from error
    except StoreffError as error:
        raise StoreffError(f"{file}: {error.message}", error.remedy) from error


def _with_numbers(struct: Any, table: dict[str, Any], prefix: str, bare: bool) -> dict[str, Any]:
    hints = typing.get_type_hints(typing.get_origin(struct) or struct)
    decoded: dict[str, Any] = {}
    for key, value in table.items():
        path = f"{prefix}.{key}" if prefix else key
        hint = hints.get(key)
        nested = _struct_in(hint)
        if hint is N:
            decoded[key] = _assumption(value, path, bare)
        elif nested is not None and isinstance(value, dict):
            decoded[key] = _with_numbers(nested, value, path, bare)
        else:
            decoded[key] = value
    return decoded


def _struct_in(hint: Any) -> Any:
    for candidate in (hint, *typing.get_args(hint)):
        plain = typing.get_origin(candidate) or candidate
        if isinstance(plain, type) and issubclass(plain, msgspec.Struct):
            return plain
    return None


def _assumption(given: Any, path: str, bare: bool) -> Assumption:
    if not isinstance(given, dict):
        if not bare:
            raise StoreffError(
                f"{path} is a bare {type(given).__name__}",
                "write {value = ..., unit = ..., source = ..., as_of = YYYY-MM-DD, kind = ...}",
            )
        return Assumption(path=path, value=_number(given, path))
    unknown_keys = given.keys() - set(Assumption.__struct_fields__) - {"path"}
    if unknown_keys:
        raise StoreffError(f"{path} has an unknown key {min(unknown_keys)!r}")
    if "value" not in given:
        raise StoreffError(f"{path} has no value", "leave the whole key out if it is unknown")
    numbers = {key: _number(given[key], f"{path}.{key}") for key in _NUMBERS if key in given}
    try:
        number = msgspec.convert({**given, **numbers, "path": path}, Assumption)
    except msgspec.ValidationError as error:
        raise StoreffError(f"{path}: {error}") from error
    if number.kind != "assumption" and (number.source is None or number.as_of is None):
        raise StoreffError(
            f"{path} is a {number.kind} without a source or an as_of date",
            'add both, or say kind = "assumption"',
        )
    value = numbers["value"]
    if not numbers.get("low", value) <= value <= numbers.get("high", value):
        raise StoreffError(f"{path}: value is not between low and high")
    return number


_NUMBERS = ("value", "low", "high")


def _number(given: Any, path: str) -> Fraction:
    if isinstance(given, str) and path.removesuffix(".value").endswith("_bytes"):
        return Fraction(parse_size(given))
    if isinstance(given, bool) or not isinstance(given, int | Decimal):
        raise StoreffError(f"{path} must be a number, not {given!r}")
    if not (Decimal(0) <= given < Decimal("inf")):
        raise StoreffError(f"{path} must be a finite number that is not negative, not {given}")
    return Fraction(given)


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


def rows(value: Any, today: date) -> list[AssumptionRow]:
    """What the report says of each known, unmeasured number in ``value``, in path order.

    Stale is older at ``today`` than the shelf life of its kind of unit (shelf_life.toml).
    """
    days = read_toml(_HERE / "shelf_life.toml")
    listed = []
    for number in sorted(numbers_in(value), key=lambda number: number.path):
        if number.value is None or number.kind == "measured" or not number.path:
            continue
        life = timedelta(days=days["price_days" if number.is_price else "other_days"])
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
                stale=None if number.as_of is None else today - number.as_of > life,
            )
        )
    return listed


def _plain(number: Fraction) -> int | float:
    return number.numerator if number.denominator == 1 else float(number)
