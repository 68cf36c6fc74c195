"""The catalogues of layouts and drives, for a person or a program."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any

import click
import msgspec

from storeff.data import Assumption
from storeff.economics import Drive
from storeff.layout import Layout, usable_fraction
from storeff.report.figures import format_number
from storeff.report.page import UNKNOWN, Column, table, tabled
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


def print_drives(drives: Mapping[str, Drive[Assumption]]) -> None:
    """One line a drive."""
    media, source = Column("media", "text"), Column("source of the price", "text", least=24)
    heads = ("drive", media, "capacity", "watts", "fail a year", "price", "per TB", "as of")
    show(table([*heads, source], map(_drive, drives.values())))


def _drive(drive: Drive[Assumption]) -> tuple[str, ...]:
    price, capacity = drive.price.value, drive.capacity_bytes.value
    assert capacity is not None
    return (
        drive.name,
        drive.media,
        format_bytes(float(capacity)),
        f"{_number(drive.watts_idle)}..{_number(drive.watts_active)}",
        _percent(drive.afr) if drive.mtbf_hours.value is None else _mtbf(drive.mtbf_hours),
        UNKNOWN if price is None else f"{float(price):,.0f} {drive.price.unit[:3]}",
        UNKNOWN if price is None else f"{float(price / (capacity / 10**12)):,.0f}",
        str(drive.price.as_of or ""),
        drive.price.source or "",
    )


def _percent(assumption: Assumption) -> str:
    return UNKNOWN if assumption.value is None else f"{float(assumption.value * 100):.3g} %"


def _mtbf(assumption: Assumption) -> str:
    return f"{_number(assumption)} h"


def _number(assumption: Assumption) -> str:
    return UNKNOWN if assumption.value is None else format_number(float(assumption.value))
