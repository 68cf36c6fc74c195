"""A catalogue from its TOML file, with the user's file on top; every mistake of a file at once."""

import types
import typing
from collections.abc import Callable, Container, Iterable, Iterator
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from storeff.data.assumption import Assumption, ShelfLife
from storeff.data.field import Field
from storeff.data.toml import Extreme, is_decimal, read_toml, write_key, write_value
from storeff.errors import StoreffError, did_you_mean
from storeff.text import escaped
from storeff.units import parse_size

T = TypeVar("T", bound=msgspec.Struct)

# A file with more mistakes than this is of another kind.
MAX_MISTAKES = 50
MAX_NAME = 80
UNKNOWN = "unknown"

_HERE = Path(__file__).parent
_ENDS = ("value", "low", "high")
_NUMBER_KEYS = (
    *(name for name in Assumption.__struct_fields__ if name != "path"),
    "valid_days",
)
# Keys that files of earlier versions give, and what they are called now: the first that fits.
_EARLIER = {"as_of": ("true_on", "read_on")}
_QUOTED = ("basis", "from_units", "valid_until", "valid_days")
_DAYS_MOST = 3650
# Numbers of the reader's own need no source.
_OWN = ("assumption", "typed")


def _unchecked(entry: object) -> Iterable[str]:
    return ()


def load(
    catalogue: str,
    entry: type[T],
    extra: Path | None = None,
    check: Callable[[T], Iterable[str]] = _unchecked,
) -> dict[str, T]:
    """Every entry of ``catalogue``.toml by name, with the user's file ``extra`` on top.

    A key of an entry that is built in replaces that key alone; any other entry is a new one and
    must be whole. ``entry`` is the concrete type, such as ``Drive[Assumption]``; ``check`` gives
    what is wrong with one beyond its fields. Raises StoreffError with every mistake.
    """
    read = _read if extra else _read_once
    return dict(read(catalogue, entry, extra, check))


def _read(
    catalogue: str, entry: type[T], extra: Path | None, check: Callable[[T], Iterable[str]]
) -> dict[str, T]:
    shipped = _HERE / f"{catalogue}.toml"
    tables = read_toml(shipped)
    mistakes: list[str] = []
    built_in = set(tables)
    own = {} if extra is None else read_toml(extra)
    if extra is not None and not own:
        name = min(tables, default="NAME")
        mistakes.append(f"it has no entry, so nothing of it would be used: write [{name}]")
    for name, table in own.items():
        path = f"{catalogue}.{shown(name)}"
        if not isinstance(table, dict):
            mistakes.append(f"{path} is not a table: write it under [{shown(name)}]")
        elif not 0 < len(name) <= MAX_NAME or not name.isprintable():
            mistakes.append(f"{path} is not a name: give 1 to {MAX_NAME} letters that print")
        elif "name" in table:
            mistakes.append(f"{path}.name is not a key: the name is that of the table")
        else:
            tables[name] = _overlaid(tables.get(name, {}), table)
    entries = {}
    for name, table in tables.items():
        before, path = len(mistakes), f"{catalogue}.{shown(name)}"
        fields = _decoded(entry, {"name": name, **table}, path, "USD", mistakes)
        if len(mistakes) == before:
            entries[name] = msgspec.convert(fields, entry)
            mistakes += [f"{path} {mistake}" for mistake in check(entries[name])]
        elif name not in built_in and before < MAX_MISTAKES:
            # A name that was not meant to be new is the likeliest reason for what it lacks.
            mistakes[-1] += did_you_mean(name, built_in)
    refuse(extra or shipped, mistakes)
    return entries


# What is shipped stays as it is, and every scenario needs all of it.
_read_once = cache(_read)


def load_default(catalogue: str, entry: type[T], extra: Path | None = None) -> T:
    """The entry of a catalogue that has one only. Raises StoreffError as ``load``, and for more."""
    default, *others = (entries := load(catalogue, entry, extra)).keys()
    if others:
        raise StoreffError(
            f"{extra}: {catalogue}.{others[0]} would never be used: {catalogue} has one entry",
            f"write its keys under [{default}]",
        )
    return entries[default]


def load_shelf_life(extra: Path | None = None) -> ShelfLife[Assumption]:
    """How long numbers keep."""
    return load_default("shelf_life", ShelfLife[Assumption], extra)


def decode(
    struct: type[T], table: dict[str, Any], prefix: str, file: Path, currency: str = "USD"
) -> T:
    """``table`` of ``file`` as ``struct``. ``prefix`` starts the path of its numbers.

    A bare number is the reader's own: an assumption in the field's unit, money in ``currency``.
    Raises StoreffError with every mistake.
    """
    mistakes: list[str] = []
    fields = _decoded(struct, table, prefix, currency, mistakes)
    refuse(file, mistakes)
    return msgspec.convert(fields, struct)


def refuse(file: Path, mistakes: list[str]) -> None:
    """Raises StoreffError if there are ``mistakes`` in ``file``: one line each."""
    if len(mistakes) == 1:
        raise StoreffError(f"{file}: {mistakes[0]}")
    if mistakes:
        left_out = len(mistakes) - MAX_MISTAKES
        lines = [f"{file} has {len(mistakes):,} mistakes:", *mistakes[:MAX_MISTAKES]]
        raise StoreffError(
            "\n  ".join(lines + [f"and {left_out:,} more"] * (left_out > 0)),
        )


def _overlaid(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """``old`` with each key of ``new`` in its place; of a table, the keys that it gives.

    A table with a ``value`` or a ``kind`` replaces the old one whole: a number with its range, and
    a code of another kind.
    """
    merged = dict(old)
    for key, value in new.items():
        mine = old.get(key)
        partial = isinstance(value, dict) and not value.keys() & {"kind", "value"}
        if partial and isinstance(mine, dict) and "value" not in mine:
            merged[key] = _overlaid(mine, value)
        else:
            merged[key] = value
    return merged


def _decoded(
    struct: Any,
    table: dict[str, Any],
    prefix: str,
    currency: str,
    mistakes: list[str],
) -> dict[str, Any]:
    """``table`` ready to be converted to ``struct``; what is wrong with it goes to ``mistakes``."""
    fields = {f.name: f for f in msgspec.structs.fields(struct) if not _is_computed(f.type)}
    before = len(mistakes)
    decoded: dict[str, Any] = {}
    table = _in_present_words(table, fields)
    for key, value in table.items():
        path = f"{prefix}.{shown(key)}" if prefix else shown(key)
        if key not in fields:
            nearest = did_you_mean(key, fields) if len(mistakes) < MAX_MISTAKES else ""
            mistakes.append(f"{path} is not a key{nearest}")
            continue
        default = fields[key].default
        may_be_unknown = isinstance(default, Assumption) and default.value is None
        decoded[key] = decode_value(
            value, fields[key].type, path, currency, may_be_unknown, mistakes
        )
    missing = [name for name, field in fields.items() if field.required and name not in table]
    if missing:
        mistakes.append(f"{prefix or 'the file'} has no {', '.join(missing)}")
    if len(mistakes) == before:
        try:
            msgspec.convert(decoded, struct)
        except msgspec.ValidationError as error:
            mistakes.append(_validation(prefix, error))
    return decoded


def decode_value(
    value: Any, kind: Any, path: str, currency: str, may_be_unknown: bool, mistakes: list[str]
) -> Any:
    """``value`` ready to be converted to ``kind``; what is wrong with it goes to ``mistakes``.

    Where ``kind`` is a table of numbers by name, one number stands for all, under no name.
    """
    limits, each, nested = field_of(kind), by_name(kind), _struct_in(kind)
    try:
        if limits is not None:
            return _number(value, path, limits, currency, may_be_unknown)
        if each is not None:
            is_table = isinstance(value, dict) and "value" not in value
            if not is_table and field_of(each) is not None:
                return {"": decode_value(value, each, path, currency, False, mistakes)}
            if is_table:
                return {
                    name: decode_value(
                        item, each, f"{path}.{shown(name)}", currency, False, mistakes
                    )
                    for name, item in value.items()
                }
        elif nested is not None and isinstance(value, dict):
            return _decoded(nested, value, path, currency, mistakes)
        msgspec.convert(value, kind)
    except msgspec.ValidationError as error:
        mistakes.append(_validation(path, error))
    except StoreffError as error:
        mistakes.append(error.message + (f" ({error.remedy})" if error.remedy else ""))
    return value


def field_of(kind: Any) -> Field | None:
    """What a field of the type ``kind`` may be, if it is a number of the world."""
    if typing.get_origin(kind) is not typing.Annotated:
        return None
    return next((note for note in kind.__metadata__ if isinstance(note, Field)), None)


def _is_computed(kind: Any) -> bool:
    """Whether this is a number that no file gives: it has no Field."""
    optional = typing.get_origin(kind) in (typing.Union, types.UnionType)
    return Assumption in (typing.get_args(kind) if optional else (kind,))


def by_name(kind: Any) -> Any:
    """Of what each value of a table by name is; None if ``kind`` is no such table."""
    return typing.get_args(kind)[1] if typing.get_origin(kind) is dict else None


def _struct_in(kind: Any) -> Any:
    for candidate in (kind, *typing.get_args(kind)):
        plain = typing.get_origin(candidate) or candidate
        if isinstance(plain, type) and issubclass(plain, msgspec.Struct):
            return candidate
    return None


def _validation(path: str, error: msgspec.ValidationError) -> str:
    message, _, where = str(error).partition(" - at `$")
    return f"{path}{where.rstrip('`')}: {message}"


def _number(
    given: Any, path: str, limits: Field, currency: str, may_be_unknown: bool
) -> Assumption:
    if given == UNKNOWN:
        if not may_be_unknown:
            raise StoreffError(f"{path} cannot be unknown", f"give {limits.range()}")
        return Assumption()
    if not isinstance(given, dict):
        given = {"value": given, "kind": "typed"}
    given = _in_present_words(given, _NUMBER_KEYS)
    strange = given.keys() - set(_NUMBER_KEYS)
    if strange:
        key = min(strange)
        raise StoreffError(f"{path}.{shown(key)} is not a key{did_you_mean(key, _NUMBER_KEYS)}")
    if "value" not in given:
        raise StoreffError(f"{path} has no value", f'write "{UNKNOWN}" if nobody knows it')
    factor, unit = _unit(given, path, limits, currency)
    ends = {key: _end(given, key, path, factor, limits) for key in _ENDS if key in given}
    given = _until(given, path)
    try:
        number = msgspec.convert({**given, **ends, "unit": unit, "path": path}, Assumption)
    except msgspec.ValidationError as error:
        raise StoreffError(_validation(path, error)) from error
    _check_quote(number, given, path)
    undated = number.true_on is None and number.read_on is None
    if number.kind not in _OWN and (number.source is None or undated):
        raise StoreffError(
            f"{path} is a {number.kind} without a source or an true_on or read_on date",
            'add both, or say kind = "assumption"',
        )
    value = ends["value"]
    if not ends.get("low", value) <= value <= ends.get("high", value):
        raise StoreffError(f"{path}: value is not between low and high")
    return number


def _in_present_words(table: dict[str, Any], known: Container[str]) -> dict[str, Any]:
    """``table`` with keys of earlier versions as they are called now, if ``known`` has these."""
    present = dict(table)
    for old, names in _EARLIER.items():
        name = next((name for name in names if name in known), None)
        if old in present and old not in known and name is not None and name not in present:
            present[name] = present.pop(old)
    return present


def _until(given: dict[str, Any], path: str) -> dict[str, Any]:
    """``given`` with the day that its ``valid_days`` end on."""
    if "valid_days" not in given:
        return given
    days, since = given["valid_days"], given.get("true_on")
    if not isinstance(days, int) or isinstance(days, bool) or not 0 < days <= _DAYS_MOST:
        raise StoreffError(f"{path}.valid_days must be a whole number from 1 to {_DAYS_MOST:,}")
    if type(since) is not date or "valid_until" in given:
        raise StoreffError(
            f"{path}.valid_days counts from true_on, and needs no valid_until beside it",
            "give true_on and valid_days, or valid_until alone",
        )
    if (date.max - since).days < days:
        raise StoreffError(f"{path}.valid_days end after the year {date.max.year}")
    kept = {key: value for key, value in given.items() if key != "valid_days"}
    return {**kept, "valid_until": since + timedelta(days=days)}


def _check_quote(number: Assumption, given: dict[str, Any], path: str) -> None:
    """Raises StoreffError for what only a price has, or that no quote says."""
    quoted = [key for key in _QUOTED if key in given]
    if quoted and not number.is_price:
        raise StoreffError(f"{path}.{quoted[0]} is of prices, and this is none", "leave it out")
    if number.from_units is not None and number.from_units < 1:
        raise StoreffError(
            f"{path}.from_units must be a whole number from 1, not {number.from_units}"
        )
    if number.basis is not None and not number.basis.strip():
        raise StoreffError(f"{path}.basis is empty", "say who was asked and when, or leave it out")
    since, until = number.true_on, number.valid_until
    if since is not None and until is not None and until < since:
        raise StoreffError(f"{path} is valid until {until}, before it is true on {since}")


def _unit(given: dict[str, Any], path: str, limits: Field, currency: str) -> tuple[Fraction, str]:
    unit = given.get("unit", "")
    read = limits.read_unit(unit, currency) if isinstance(unit, str) else None
    if read is None:
        raise StoreffError(f"{path} cannot be in {brief(unit)}", f"units: {limits.accepted()}")
    return read


def _end(given: dict[str, Any], key: str, path: str, factor: Fraction, limits: Field) -> Fraction:
    """``given[key]`` in the unit of the field, if it is in range."""
    number, where = given[key], path if key == "value" else f"{path}.{key}"
    wrong = StoreffError(f"{where} must be {limits.range()}, not {brief(number)}")
    if isinstance(number, str) and limits.unit == "B":
        if factor != 1:
            raise StoreffError(f"{where} has a unit of its own, {brief(number)}", "give no other")
        try:
            value = Fraction(parse_size(number))
        except StoreffError as error:
            raise StoreffError(f"{where}: {error.message}", error.remedy) from error
    elif isinstance(number, Decimal) and number.is_finite():
        value = Fraction(number) * factor
    elif isinstance(number, int) and not isinstance(number, bool):
        value = number * factor
    else:
        raise wrong
    if not limits.holds(value):
        if given.get("unit"):
            wrong = StoreffError(f"{wrong.message} {shown(given['unit'])}")
        raise wrong
    return value


def brief(given: Any) -> str:
    """What a file gave, short enough for a message."""
    match given:
        case bool():
            text = "true" if given else "false"
        case int() if given.bit_length() > 128:
            text = f"a number of {given.bit_length()} bits"
        case Extreme():
            text = given.text
        case dict():
            text = "a table"
        case list():
            text = "an array"
        case str():
            text = repr(given)
        case _:
            text = str(given)
    return text if len(text) <= 40 else f"{text[:37]}..."


def shown(name: str) -> str:
    """A name of a file as one line of text without control characters."""
    text = escaped(name)
    return text if len(text) <= MAX_NAME else f"{text[: MAX_NAME - 3]}..."


def to_toml(entries: dict[str, Any]) -> str:
    """``entries`` as the file that gives them to ``load`` again, exactly."""
    return "\n".join(
        line for name, entry in entries.items() for line in (*_table(write_key(name), entry), "")
    )


def _table(header: str, entry: msgspec.Struct) -> Iterator[str]:
    yield f"[{header}]"
    nested = {}
    for field in msgspec.structs.fields(type(entry)):
        value = getattr(entry, field.name)
        if isinstance(value, Assumption):
            # A default that nobody wrote has no path. The unknown is written all the same: it may
            # take the place of a number that is built in.
            if value.path or value.value is None:
                limits = field_of(field.type)
                assert limits is not None
                yield f"{field.name} = {_written(value, limits)}"
        elif isinstance(value, msgspec.Struct):
            nested[field.name] = value
        elif value is not None and field.name != "name":
            yield f"{field.name} = {write_value(value)}"
    for name, table in nested.items():
        yield from _table(f"{header}.{name}", table)


def _written(number: Assumption, limits: Field) -> str:
    if number.value is None:
        return write_value(UNKNOWN)
    ends = {key: getattr(number, key) for key in _ENDS if getattr(number, key) is not None}
    currency = number.currency or "USD"
    for unit in limits.units():
        read = limits.read_unit(unit, currency)
        assert read is not None
        if all(is_decimal(end / read[0]) for end in ends.values()):
            break
    else:
        raise AssertionError(f"{number.path} was written in no unit of {limits}")
    table = {key: end / read[0] for key, end in ends.items()}
    table["unit"] = unit.replace("USD", currency)
    for key in ("source", "true_on", "read_on", "kind", *_QUOTED[:-1]):
        if getattr(number, key) is not None:
            table[key] = getattr(number, key)
    return write_value(table)
