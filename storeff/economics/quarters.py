"""Quarters of a year as whole numbers that can be added to: ``2027Q1`` is 8108."""

import re

from storeff.errors import StoreffError
from storeff.text import excerpt

# A quotation gives lead times in weeks; a quarter has 13 of them.
WEEKS = 13
_WRITTEN = re.compile(r"(20\d\d|21\d\d)Q([1-4])")


def quarter_of(text: str) -> int:
    """The quarter written as ``text``. Raises StoreffError if it is none."""
    match = _WRITTEN.fullmatch(text)
    if match is None:
        raise StoreffError(f"{excerpt(text, 40)!r} is not a quarter", 'write it as "2027Q1"')
    return 4 * int(match[1]) + int(match[2]) - 1


def quarter_name(quarter: int) -> str:
    """``quarter`` as it is written."""
    return f"{quarter // 4}Q{quarter % 4 + 1}"
