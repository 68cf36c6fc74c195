"""TOML in and out: bounded in time and memory, decimal fractions exactly as written."""

import json
import re
import tomllib
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any

from storeff.errors import StoreffError
from storeff.files import read_bounded

# The largest catalogue that comes with storeff has 25 kB, its deepest key 4 parts.
MAX_BYTES = 1 << 20
# tomllib takes the square of a key's parts in time; a text of so many sentences is no line.
MAX_DOTS = 200
# Python converts at most 4,300 digits; no quantity has a tenth of them.
MAX_DIGITS = 400
# Nothing that storeff counts, in any unit, is as large or, unless it is zero, as small.
MAX_EXPONENT = 60

_LONG_NUMBER = re.compile(rf"[0-9][0-9_]{{{MAX_DIGITS}}}")


@dataclass(frozen=True)
class Extreme:
    """A number too long, too large or too small to be one, as it was written."""

    text: str


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file; a decimal fraction is a Decimal, or Extreme.

    Raises StoreffError naming the line if it is not TOML, or is no file that a person wrote.
    """
    content = read_bounded(path, MAX_BYTES, "TOML file")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise StoreffError(f"{path} is not UTF-8 in line {line}", "save it as UTF-8") from error
    _check_lines(path, text)
    try:
        return tomllib.loads(text, parse_float=_exactly)
    except tomllib.TOMLDecodeError as error:
        raise StoreffError(f"{path} is not valid TOML: {error}") from error
    except RecursionError as error:
        raise StoreffError(f"{path} nests arrays or tables too deeply") from error


def _check_lines(path: Path, text: str) -> None:
    for number, line in enumerate(text.split("\n"), 1):
        if line.count(".") > MAX_DOTS and not line.lstrip().startswith("#"):
            raise StoreffError(f"{path} nests keys too deeply in line {number}")
        if _LONG_NUMBER.search(line):
            start = "".join(c if c.isprintable() else "?" for c in line[:24])
            raise StoreffError(f"{path} has over {MAX_DIGITS} digits in line {number}: {start}...")


def _exactly(text: str) -> Decimal | Extreme:
    try:
        number = Decimal(text.replace("_", ""))
    except InvalidOperation:
        return Extreme(text)
    if number.is_finite() and number and abs(number.adjusted()) > MAX_EXPONENT:
        return Extreme(text)
    return number


def is_decimal(number: Fraction) -> bool:
    """Whether ``number`` has finitely many decimals."""
    denominator = number.denominator
    for prime in (2, 5):
        while denominator % prime == 0:
            denominator //= prime
    return denominator == 1


def write_value(value: Any) -> str:
    """``value`` as TOML. A Fraction must be a decimal; a dict becomes an inline table."""
    match value:
        case bool():
            return "true" if value else "false"
        case Fraction():
            return _decimals(value)
        case int() | float():
            return repr(value)
        case date():
            return value.isoformat()
        case str():
            # JSON's escapes are TOML's; the one control character that JSON leaves alone is DEL.
            return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
        case list() | tuple():
            return f"[{', '.join(map(write_value, value))}]"
        case dict():
            inside = ", ".join(f"{write_key(k)} = {write_value(v)}" for k, v in value.items())
            return f"{{ {inside} }}"
    raise TypeError(f"{type(value)} in a catalogue")


def write_key(key: str) -> str:
    """``key``, quoted if it must be."""
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else write_value(key)


def _decimals(number: Fraction) -> str:
    """All digits of ``number``."""
    places = 0
    while number.denominator != 1:
        number *= 10
        places += 1
    digits = str(number.numerator).rjust(places + 1, "0")
    return f"{digits[:-places]}.{digits[-places:]}" if places else digits
