"""The catalogues, for a person or a program."""

from collections.abc import Callable, Mapping
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import click
import msgspec

from storeff.data import Assumption, AssumptionRow, load_shelf_life, rows
from storeff.economics import Drive
from storeff.economics.indices import Observation, said
from storeff.layout import Layout, usable_fraction
from storeff.report.figures import format_number, known, with_unit
from storeff.report.page import UNKNOWN, Column, Section, tabled
from storeff.report.prices import price_table, prices_of, ranged, without_price
from storeff.report.sizing import describe
from storeff.report.terminal import show
from storeff.text import escaped_json
from storeff.units import counted, format_bytes


def print_json(entries: Mapping[str, Any]) -> None:
    """Every entry with the value, range, unit, source and date of each of its numbers."""
    encoded = msgspec.json.encode(dict(entries), enc_hook=_plain)
    click.echo(escaped_json(msgspec.json.format(encoded, indent=2)).decode())


def _plain(number: object) -> int | float:
    if not isinstance(number, Fraction):
        raise TypeError(f"{type(number)} in a catalogue")
    return number.numerator if number.denominator == 1 else float(number)


def print_layouts(layouts: Mapping[str, Layout[Assumption]]) -> None:
    """One line a layout: code, raw bytes for each byte of data, what it runs on, how large a
    cluster may get, and what it removes by itself, if it is configured to."""
    cells: dict[str | Column, Callable[[Layout[Assumption]], str]] = {
        "layout": lambda each: each.name,
        Column("code", "text", least=12): lambda each: str(each.code),
        "raw : data": lambda each: f"{1 / float(usable_fraction(each)):.3f}",
        Column("media", "text"): lambda each: ", ".join(each.media),
        "largest": _largest,
        Column("data reduction", "text", least=46): _reduction,
        Column("as shipped", "text"): _as_shipped,
        Column("condition", "text", least=40): lambda each: (
            "" if each.reduction is None else each.reduction.condition
        ),
    }
    show(tabled(layouts.values(), cells))


def _largest(layout: Layout[Assumption]) -> str:
    """What a cluster can hold or consist of at most; nothing where that is unknown."""
    cell_bytes, domains = layout.cell_bytes.value, layout.cell_domains.value
    limits = [
        "" if cell_bytes is None else format_bytes(float(cell_bytes)),
        "" if domains is None else counted(int(domains), "node"),
    ]
    return ", ".join(filter(None, limits))


def _reduction(layout: Layout[Assumption]) -> str:
    """What the system removes if all that it has is switched on."""
    system = layout.reduction
    if system is None:
        return "headline"
    return describe(system) + ", each fragment" * system.below_code


def _as_shipped(layout: Layout[Assumption]) -> str:
    """Whether it does so unless somebody turns it off; nothing where there is nothing to turn."""
    system = layout.reduction
    if system is None or {system.dedup, system.codec} == {"none"}:
        return ""
    return "on" if system.as_shipped else "off"


def print_drives(drives: Mapping[str, Drive[Assumption]], shelf_life: Path | None = None) -> None:
    """One line a drive, and one for each price; ``shelf_life`` is the user's own file of that."""
    cells: dict[str | Column, Callable[[Drive[Assumption]], str]] = {
        "drive": lambda each: each.name,
        Column("media", "text"): lambda each: each.media,
        "capacity": lambda each: _known(each.capacity_bytes, format_bytes),
        "watts": lambda each: f"{_number(each.watts_idle)}..{_number(each.watts_active)}",
        "fail a year": lambda each: (
            _percent(each.afr) if each.mtbf_hours.value is None else _mtbf(each.mtbf_hours)
        ),
        "reads GB/s": lambda each: _known(each.read_bytes_per_second, _gigabytes),
        "writes GB/s": lambda each: _known(each.write_bytes_per_second, _gigabytes),
        "DWPD": lambda each: _number(each.rated_dwpd),
    }
    today, life = date.today(), load_shelf_life(shelf_life)
    prices = list(prices_of(drives.values(), today, life))
    show(
        tabled(drives.values(), cells),
        Section(
            "prices", "What they cost", (price_table(prices, prefix="drives.", with_sources=True),)
        ),
        *without_price(drives),
    )


def print_numbers(entries: Mapping[str, Any], prefix: str, shelf_life: Path | None = None) -> None:
    """One line for each number of ``entries``, whose path is shown without ``prefix``."""
    today, life = date.today(), load_shelf_life(shelf_life)
    numbers = [row for entry in entries.values() for row in rows(entry, today, life)]
    cells: dict[str | Column, Callable[[AssumptionRow], str]] = {
        Column("number", "name", least=26, most=50): lambda each: each.path.removeprefix(prefix),
        "value": lambda each: known(each.value, lambda value: with_unit(value, each.unit)),
        "range": ranged,
        Column("kind", "text", least=10): lambda each: each.kind,
        Column("true on", "text", least=10): lambda each: each.dated,
        Column("source", "text", least=30): lambda each: each.source or "",
    }
    show(tabled(numbers, cells))


def print_indices(observed: Mapping[str, Observation[Assumption]]) -> None:
    """One line for each observation, those of a product together."""
    cells: dict[str | Column, Callable[[Observation[Assumption]], str]] = {
        Column("product", "name", least=20, most=30): lambda each: each.product,
        Column("quarter", "text"): lambda each: each.quarter,
        "change": lambda each: _change(each),
        "price": lambda each: "" if each.price.value is None else _amount(each.price),
        "per TB": lambda each: "" if each.price_per_tb.value is None else _span(each.price_per_tb),
        "ratio": lambda each: "" if each.ratio.value is None else f"{_number(each.ratio)}x",
        Column("true on", "text"): lambda each: str(said(each).true_on or "undated"),
        Column("source", "text", least=30): lambda each: said(each).source or "",
    }
    show(tabled(sorted(observed.values(), key=lambda each: (each.product, each.quarter)), cells))


def _change(observed: Observation[Assumption]) -> str:
    number = observed.change
    if number.value is None:
        return ""
    if observed.is_least:
        return f"above {float(number.value * 100):+.3g} %"
    ends = number.range or (number.value,)
    return " to ".join(f"{float(end * 100):+.3g}" for end in ends) + " %"


def _amount(number: Assumption) -> str:
    return f"{_number(number)} {number.unit[:3]}"


def _span(number: Assumption) -> str:
    ends = number.range
    return _number(number) if ends is None else "..".join(f"{float(end):,.4g}" for end in ends)


def _known(assumption: Assumption, shown: Callable[[float], str]) -> str:
    return UNKNOWN if assumption.value is None else shown(float(assumption.value))


def _gigabytes(bytes_per_second: float) -> str:
    return f"{bytes_per_second / 1e9:.3g}"


def _percent(assumption: Assumption) -> str:
    return UNKNOWN if assumption.value is None else f"{float(assumption.value * 100):.3g} %"


def _mtbf(assumption: Assumption) -> str:
    return f"{_number(assumption)} h"


def _number(assumption: Assumption) -> str:
    return UNKNOWN if assumption.value is None else format_number(float(assumption.value))
