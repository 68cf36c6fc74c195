"""Figures as people write and read them. SI and IEC are kept apart: 1 EiB is 15 % over 1 EB."""

import math
import re
from fractions import Fraction

from storeff.errors import StoreffError

SI_BYTES = {"B": 1} | {f"{p}B": 1000 ** (i + 1) for i, p in enumerate("kMGTPEZ")}
IEC_BYTES = {f"{p}iB": 1024 ** (i + 1) for i, p in enumerate("KMGTPEZ")}
SIZE_CHARACTERS_MAX = 80
_UNIT_BYTES = SI_BYTES | IEC_BYTES | {"KB": 1000}
_UNIT_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([smhdw])\s*")
# Enough for any size in bytes, and for Python to read it as a number.
_SIZE_LETTERS = 60
_SIZE = re.compile(r"\s*([0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?)\s*([A-Za-z]+)\s*")


def parse_size(text: str) -> int:
    """Bytes in ``text``: a number and a unit (``50EB``, ``64 GiB``, ``1.5TB``), exactly.

    Raises StoreffError without a unit, with half a unit (``50e``), or if it is not a whole
    number of bytes, or too long for one that anybody means.
    """
    if len(text) > SIZE_CHARACTERS_MAX:
        raise StoreffError(f"size {text[:20]!r}... has {len(text):,} characters")
    match = _SIZE.fullmatch(text)
    unit_bytes = _UNIT_BYTES.get(match[2]) if match else None
    if match is None or unit_bytes is None:
        raise StoreffError(
            f"size {text[:_SIZE_LETTERS]!r} is not a number with a unit",
            "write the unit in full: 50EB is 1e18 based, 50EiB is 2^60 based "
            f"({', '.join([*SI_BYTES, *IEC_BYTES])})",
        )
    size: Fraction = Fraction(match[1].replace("_", "")) * unit_bytes
    if size.denominator != 1:
        raise StoreffError(f"size {text!r} is not a whole number of bytes")
    return int(size)


def parse_duration(text: str) -> float:
    """Seconds in ``text``: a number and one of s, m, h, d, w (``10m``, ``1.5h``, ``7d``).

    Raises StoreffError otherwise, or if it is no time at all.
    """
    match = _DURATION.fullmatch(text)
    seconds = float(match[1]) * _UNIT_SECONDS[match[2]] if match else 0.0
    if not 0 < seconds < math.inf:
        raise StoreffError(
            f"{text!r} is not a time", "write a number and s, m, h, d or w, such as 10m or 7d"
        )
    return seconds


def format_duration(seconds: float) -> str:
    """``seconds`` in the largest unit of which there is a whole one: ``10 min``, ``36 h``.

    A whole number of it is shown as one, as times are chosen; others have three digits.
    """
    for unit_seconds, name in ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s")):
        if seconds >= 2 * unit_seconds or seconds == unit_seconds:
            number = seconds / unit_seconds
            shown = f"{number:,.0f}" if number.is_integer() else significant(number)
            return f"{shown} {name}"
    return f"{significant(seconds)} s"


def _scaled(value: float, steps: dict[str, int]) -> str:
    names = list(steps)
    index = 0
    while index + 1 < len(names) and abs(value) >= steps[names[index + 1]] * 0.9995:
        index += 1
    if index == 0 and names[0] == "B" and float(value).is_integer():
        return f"{value:.0f} B"
    return f"{significant(value / steps[names[index]])} {names[index]}"


def significant(value: float, digits: int = 3) -> str:
    """``value`` with ``digits`` significant digits and no exponent: 0.0123, 1.23, 12.3, 1,230."""
    if value == 0:
        return "0"
    rounded = float(f"{value:.{digits - 1}e}")
    decimals = max(0, digits - 1 - int(f"{rounded:e}".split("e")[1]))
    return f"{rounded:,.{decimals}f}"


def format_bytes(size_bytes: float) -> str:
    """``size_bytes`` to three digits in SI units, in which drives are sold: ``37.3 EB``."""
    return _scaled(size_bytes, SI_BYTES)


def format_bytes_iec(size_bytes: float) -> str:
    """``size_bytes`` to three digits in IEC units, in which memory is told: ``320 KiB``."""
    return _scaled(size_bytes, {"B": 1} | IEC_BYTES)


def format_size_both(size_bytes: int) -> str:
    """``size_bytes`` in both systems, for echoing what was asked: ``50.0 EB (43.4 EiB)``."""
    return f"{format_bytes(size_bytes)} ({format_bytes_iec(size_bytes)})"


def format_power(megawatts: float) -> str:
    """``megawatts`` to three digits in the unit that suits: ``3.21 kW``, ``17.7 MW``."""
    return _scaled(megawatts * 1e6, {"W": 1, "kW": 1000, "MW": 1000**2, "GW": 1000**3})


def counted(number: float, singular: str, plural: str | None = None) -> str:
    """``1 rack``, ``915 racks``; ``plural`` where it is not made with an s."""
    return f"{number:,} {singular if number == 1 else plural or singular + 's'}"


def count(number: float) -> str:
    """A whole number; from a thousand on to three digits."""
    return f"{number:,.0f}" if abs(number) < 1000 else significant(number)


def percent(share: float) -> str:
    """``17.3 %``; neither none nor all is said of what is only nearly so."""
    if share in (0, 1):
        return f"{share:.0%}".replace("%", " %")
    if abs(share) < 0.0005:
        return f"{significant(share * 100, 1)} %"
    if 0.9995 <= share < 1:
        return covered(share)
    return f"{share * 100:,.1f} %"


def covered(share: float) -> str:
    """A share as a percentage, rounded down: only of all is it said to be 100 %."""
    if share >= 1:
        return "100 %"
    if 0 < share < 0.0001:
        return "less than 0.01 %"
    return f"{math.floor(share * 10_000) / 100:.2f} %"
