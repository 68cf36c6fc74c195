"""What a number of a struct may be: its unit, the units it may be given in, and its range.

A unit is a product: words of one table, divided by others (``USD/kW/month``). A unit given fits a
field if each word of it measures the same thing as one of the field's; the value is then converted
by a ratio of integers, never by a double.
"""

import itertools
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import NamedTuple

from storeff.units import IEC_BYTES, SI_BYTES

_GAS = ("", "CO2", "CO2e", "CO2eq", " CO2", " CO2e", " CO2eq")

# What each word measures, and its size. The first word of a size is the one that errors list.
_WORDS: dict[str, dict[str, Fraction]] = {
    measured: {word: Fraction(size) for word, size in words.items()}
    for measured, words in {
        "number": {"": 1, "1": 1, "fraction": 1, "probability": 1, "ratio": 1, "x": 1}
        | {"%": Fraction(1, 100), "percent": Fraction(1, 100)},
        "bytes": SI_BYTES | IEC_BYTES | {"KB": 1000},
        "time": {"s": 1, "second": 1, "min": 60, "minute": 60, "h": 3600, "hour": 3600}
        | {"d": 86_400, "day": 86_400, "week": 604_800, "quarter": 7_884_000}
        # A year is 365 days wherever storeff counts hours; a month is its twelfth, a quarter three.
        | {"month": 2_628_000, "year": 31_536_000},
        "power": {"W": 1, "kW": 10**3, "MW": 10**6},
        "energy": {"Wh": 1, "kWh": 10**3, "MWh": 10**6, "GWh": 10**9},
        "mass": {
            word + gas: size
            for gas in _GAS
            for word, size in {"g": 1, "kg": 10**3, "t": 10**6, "tonne": 10**6}.items()
        },
        "area": {"m2": 1, "m²": 1, "m^2": 1, "ft2": Fraction(9_290_304, 10**8)},
        "volume": {"L": 1, "l": 1, "litre": 1, "m3": 1000, "m³": 1000, "m^3": 1000}
        | {"gal": Fraction(3_785_411_784, 10**9), "kgal": Fraction(3_785_411_784, 10**6)},
        "height": {"U": 1, "RU": 1, "rack unit": 1},
        "requests": {"request": 1, "thousand request": 1000},
        "drive writes": {"drive write": 1, "write": 1},
        # Things counted: every word of a line names the same.
        **{
            nouns[0]: dict.fromkeys(nouns, 1)
            for nouns in (
                ("drive", "disk", "slot", "bay"),
                ("enclosure", "domain", "failure domain", "host", "node", "server"),
                ("copy", "copies", "site"),
                ("fragment", "shard"),
                ("chunk", "block"),
                ("object", "file"),
                ("core",),
                ("parity", "parities"),
                ("rack",),
                ("switch",),
                ("failure",),
                ("token",),
                ("DWPD",),
                ("error",),
                ("bit",),
                ("processor",),
                ("adapter", "NIC"),
                ("module", "DIMM"),
                ("port",),
                ("cable",),
                ("optic", "transceiver"),
            )
        },
    }.items()
}
_CURRENCY = re.compile(r"[A-Z]{3}")
_DIVIDED = re.compile(r"\s*/\s*|\s+(?:per|an?|and)\s+")


class _Unit(NamedTuple):
    over: Fraction
    under: Fraction
    measures: tuple[str, ...]
    currency: str | None


def _word(word: str) -> tuple[str, Fraction]:
    """What ``word`` measures, and its size; raises KeyError if it is in no table."""
    word, of, whole = word.partition(" of ")
    singular = word[:-1] if len(word) > 3 and word.endswith("s") else word
    for measured, words in _WORDS.items():
        for spelling in (word, singular):
            if spelling in words:
                return measured + of + whole, words[spelling]
    if _CURRENCY.fullmatch(word) and not of:
        return "money", Fraction(1)
    raise KeyError(word)


@cache
def _unit(text: str) -> _Unit | None:
    """``text`` read; None if a word of it is unknown."""
    first, *others = _DIVIDED.split(text.strip())
    try:
        measured, over = _word(first)
        divisors = [_word(word) for word in others]
    except KeyError:
        return None
    under = math.prod((size for _, size in divisors), start=Fraction(1))
    measures = (measured, *sorted(name for name, _ in divisors))
    return _Unit(over, under, measures, first if measured == "money" else None)


@dataclass(frozen=True)
class Field:
    """What a number may be: it is kept in ``unit`` and between ``least`` and ``most``.

    ``also`` are other names of the unit. ``above``: ``least`` itself is out of range. ``whole``:
    an integer. ``compounds``: a rate that does not grow in proportion to its period, which is then
    not converted. A unit of money is written in USD and stands for any one currency.
    """

    unit: str
    also: tuple[str, ...] = ()
    least: Fraction | int = 0
    most: Fraction | int = 1
    above: bool = False
    whole: bool = False
    compounds: bool = False

    def in_currency(self, currency: str) -> str:
        """The unit with money in ``currency``."""
        return self.unit.replace("USD", currency)

    def read_unit(self, given: str, currency: str) -> tuple[Fraction, str] | None:
        """What to multiply a number in the unit ``given`` by, and the unit that it is then in.

        None if the unit is not one of this field's. Without a unit the number is in the field's
        own, money in ``currency``.
        """
        if not given:
            return Fraction(1), self.in_currency(currency)
        theirs = _unit(given)
        for name in (self.unit, *self.also):
            mine = _unit(name)
            assert mine is not None, f"{name} is in no table of units"
            if theirs is None or theirs.measures != mine.measures:
                continue
            if not self.compounds or theirs.under == mine.under:
                factor = theirs.over / mine.over * mine.under / theirs.under
                return factor, self.in_currency(theirs.currency or currency)
        return None

    def units(self) -> Iterator[str]:
        """Every unit a number may be given in, the field's own first."""
        yield self.unit
        for name in (self.unit, *self.also):
            for words in itertools.product(*map(_alike, _DIVIDED.split(name))):
                unit = "/".join(words)
                if self.read_unit(unit, "USD"):
                    yield unit

    def accepted(self) -> str:
        """Units for people: those that differ from the field's own in the first word or, where
        that has no other size, in another."""
        names = []
        for name in (self.unit, *self.also):
            words = _DIVIDED.split(name)
            alike = [_alike(word) for word in words]
            varied = range(1) if len(alike[0]) > 1 else range(len(words))
            names += [
                "/".join([*words[:place], other, *words[place + 1 :]])
                for place in varied
                for other in alike[place]
            ]
        fitting = (name for name in names if name and self.read_unit(name, "USD"))
        return ", ".join(dict.fromkeys(fitting))

    def holds(self, value: Fraction) -> bool:
        """Whether ``value``, in the field's unit, is in range."""
        from_least = value > self.least if self.above else value >= self.least
        return from_least and value <= self.most and not (self.whole and value.denominator != 1)

    def range(self) -> str:
        """The range for people: ``a whole number from 1 to 100 years``."""
        least, most = (f"{float(number):g}" for number in (self.least, self.most))
        bounds = f"above {least} and up to {most}" if self.above else f"from {least} to {most}"
        if self.unit.startswith(("fraction", "probability")):
            return f"a {self.unit} {bounds}"
        unit = self.unit.replace("1/", "a ")
        return f"a {'whole ' * self.whole}number {bounds} {unit}".rstrip()


def _alike(word: str) -> list[str]:
    """``word``, and the first word of each other size that measures the same."""
    head, of, whole = word.partition(" of ")
    if _CURRENCY.fullmatch(head):
        return [word]
    measured, size = _word(head)
    by_size = {size: head}
    for other, other_size in _WORDS[measured].items():
        by_size.setdefault(other_size, other)
    return [other + of + whole for other in by_size.values()]
