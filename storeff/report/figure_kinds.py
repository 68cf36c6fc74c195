"""What kind of figure stands at a path: how a limit for it is written, and how it is shown."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from storeff.errors import StoreffError
from storeff.report.check import IMPOSSIBLE, SHARES
from storeff.report.figures import amount, floored, format_number, times
from storeff.text import excerpt
from storeff.units import (
    SIZE_CHARACTERS_MAX,
    count,
    format_bytes,
    format_power,
    parse_size,
    percent,
    significant,
)

_NUMBER = r"(-?[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?(?:[eE][+-]?[0-9]{1,2})?)"
_TIMES = {"": 1, "k": 10**3, "M": 10**6, "B": 10**9, "T": 10**12}
_WATTS = {"W": Fraction(1, 10**6), "kW": Fraction(1, 1000), "MW": Fraction(1), "GW": Fraction(1000)}
_HOURS = {"s": Fraction(1, 3600), "m": Fraction(1, 60), "h": Fraction(1), "d": Fraction(24)}
_SECONDS = {unit: hours * 3600 for unit, hours in _HOURS.items()}
_MONEY_ENDS = ("npv", "tco", "opex_total", "npv_range", "npv_without", "npv_quoted", "price")
_MONEY = re.compile(
    r"\.(capex|opex_by_year\[[^\]]*\])\.|\.npv_(range\.|at_|width|narrowing)|\.capex$"
    r"|^plan\.(.*\.)?(cost|cash|deposits|on_delivery|not_taken|high_plan_costs_more)\b"
    r"|^commitment\.term\.(.*\.)?(\w*cost\w*|without_rights|paid|buyer|seller)$"
)


@dataclass(frozen=True)
class Kind:
    """``units`` are what a limit may be written in, with what one of each is of the figure;
    ``bare`` is whether it may have none, ``example`` one that is right."""

    units: dict[str, Fraction]
    bare: bool
    example: str
    show: Callable[[float], str]

    def read(self, given: Any) -> Fraction:
        """The limit that a policy gives. Raises StoreffError for what is none."""
        limit = self._limit(given)
        if not abs(limit) < IMPOSSIBLE:
            raise StoreffError("no figure is as large as this limit", f'write "{self.example}"')
        return limit

    def _limit(self, given: Any) -> Fraction:
        if self.units is _SIZES:
            if isinstance(given, str):
                return Fraction(parse_size(given))
            raise StoreffError(f"{excerpt(str(given))} has no unit", f'write "{self.example}"')
        if isinstance(given, int | Decimal) and not isinstance(given, bool) and self.bare:
            return Fraction(given)
        if isinstance(given, str) and len(given) > SIZE_CHARACTERS_MAX:
            raise StoreffError(f"{excerpt(given, 20)!r}... has {len(given):,} characters")
        match = re.fullmatch(rf"\s*{_NUMBER}\s*(.*?)\s*", given) if isinstance(given, str) else None
        unit = "" if match is None else re.sub(r"\s+", " ", match[2])
        if match is None or not (unit in self.units or (not unit and self.bare)):
            raise StoreffError(
                f"{excerpt(str(given), 60)!r} is no limit", f'write "{self.example}"'
            )
        return Fraction(match[1].replace("_", "")) * self.units.get(unit, Fraction(1))


# Strict sizes: storeff.units reads them, and none goes without a unit.
_SIZES: dict[str, Fraction] = {"B": Fraction(1)}


def kind_of(path: str, currency: str) -> Kind:
    """The kind of the figure at ``path`` of a report in ``currency``."""
    # The ends of an interval are what the interval is, and so are percentiles.
    whole = re.sub(r"\.(value|low|high|central|p10|p50|p90)$", "", path)
    name = re.sub(r"\[[^\]]*\]$", "", whole).rpartition(".")[2]
    if name in _MONEY_ENDS or _MONEY.search(whole):
        units = {f"{letter} {currency}".strip(): Fraction(n) for letter, n in _TIMES.items()}
        glued = {f"{letter}{currency}": Fraction(n) for letter, n in _TIMES.items()}
        return Kind(units | glued, True, f"9.5 B {currency}", lambda x: amount(x, currency))
    if name in SHARES or name.endswith(("_share", "_fraction", "_probability")):
        return Kind({"%": Fraction(1, 100)}, True, "99%", percent)
    if name == "bytes" or name.endswith("_bytes"):
        return Kind(_SIZES, False, "40EB", format_bytes)
    if name.endswith("ratio") or name in ("factor", "floor", "measured", "raw_per_logical_byte"):
        return Kind({"x": Fraction(1)}, True, "2.0x", lambda x: f"{times(x)}x")
    if "_mw" in name:
        return Kind(_WATTS, False, "20 MW", format_power)
    if name.endswith("hours"):
        return Kind(_HOURS, False, "12 h", lambda x: f"{significant(x)} h")
    if name.endswith("seconds"):
        return Kind(_SECONDS, False, "10 m", lambda x: f"{significant(x)} s")
    if name.startswith("nines"):
        return Kind({"nines": Fraction(1)}, True, "11 nines", floored)
    return Kind({}, True, "100", _number)


def _number(value: float) -> str:
    if float(value).is_integer():
        return count(value)
    return format_number(value)
