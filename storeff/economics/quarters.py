"""Quarters of a year as whole numbers that can be added to: ``2027Q1`` is 8108."""

import re
from collections.abc import Mapping
from datetime import date
from typing import TypeVar

from storeff.errors import StoreffError
from storeff.text import excerpt

T = TypeVar("T")

# A quotation gives lead times in weeks; a quarter has 13 of them.
WEEKS = 13
_WRITTEN = re.compile(r"([0-9]{4})Q([1-4])")
# What plans are made for.
_PLANNED = re.compile(r"2[01]\d\dQ[1-4]")


def is_quarter(text: str) -> bool:
    """Whether ``text`` is written as a quarter."""
    return _WRITTEN.fullmatch(text) is not None


def number_of(quarter: str) -> int:
    """The quarter of any year that is written so. Raises StoreffError for what is no quarter."""
    match = _WRITTEN.fullmatch(quarter)
    if match is None:
        raise StoreffError(f"{quarter!r} is no quarter", "write 2027Q1")
    return 4 * int(match[1]) + int(match[2]) - 1


def quarter_of(text: str) -> int:
    """The quarter that a plan names as ``text``. Raises StoreffError if it is none, or of another
    century than this and the next."""
    if not _PLANNED.fullmatch(text):
        raise StoreffError(f"{excerpt(text, 40)!r} is not a quarter", 'write it as "2027Q1"')
    return number_of(text)


def given_in(table: Mapping[str, T], quarter: str) -> T | None:
    """What ``table`` says of ``quarter``: the last value given at or before it, None before the
    first. One value for all quarters stands under no name."""
    if "" in table:
        return table[""]
    given = [key for key in table if number_of(key) <= number_of(quarter)]
    return table[max(given, key=number_of)] if given else None


def quarter_name(quarter: int) -> str:
    """``quarter`` as it is written."""
    return f"{quarter // 4:04}Q{quarter % 4 + 1}"


def quarter_on(day: date) -> str:
    """The quarter that ``day`` is in."""
    return quarter_name(4 * day.year + (day.month - 1) // 3)
