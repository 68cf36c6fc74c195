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
from storeff.units import format_bytes


def print_json(entries: Mapping[str, Any]) -> None:
    """Every entry with the value, range, unit, source and date of each of its numbers."""
    encoded = msgspec.json.encode(dict(entries), enc_hook=_plain)
    click.echo(escaped_json(msgspec.json.format(encoded, indent=2)).decode())


def _plain(number: object) -> int | float:
    if not isinstance(number, Fraction):
        raise TypeError(f"{type(number)} in a catalogue")
    return number.numerator if number.denominator == 1 else float(number)


def print_layouts(layouts: Mapping[str, Layout[Assumption]]) -> None:
    """One line a layout: code, what is left for data, and what the system removes by itself."""
    cells: dict[str | Column, Callable[[Layout[Assumption]], str]] = {
        "layout": lambda each: each.name,
        Column("code", "text"): lambda each: str(each.code),
        "raw : data": lambda each: f"{1 / float(usable_fraction(each)):.3f}",
        "metadata": lambda each: _percent(each.metadata),
        "padding": lambda each: _percent(each.padding),
        "rebuild reserve": lambda each: _percent(each.rebuild_reserve),
        "maximum utilisation": lambda each: _percent(each.fill_limit),
        Column("data reduction", "text"): lambda each: (
            "headline" if each.reduction is None else describe(each.reduction)
        ),
    }
    show(tabled(layouts.values(), cells))


def print_drives(drives: Mapping[str, Drive[Assumption]]) -> None:
    """One line a drive."""
    heads = ("drive", "capacity", "watts", "price", "per TB", "as of")
    source = Column("source", "text", least=24)
    show(table([*heads, source], map(_drive, drives.values())))


def _drive(drive: Drive[Assumption]) -> tuple[str, ...]:
    price, capacity = drive.price.value, drive.capacity_bytes.value
    assert capacity is not None
    return (
        drive.name,
        format_bytes(float(capacity)),
        f"{_number(drive.watts_idle)}..{_number(drive.watts_active)}",
        UNKNOWN if price is None else f"{float(price):,.0f} {drive.price.unit[:3]}",
        UNKNOWN if price is None else f"{float(price / (capacity / 10**12)):,.0f}",
        str(drive.price.as_of or ""),
        drive.price.source or "",
    )


def _percent(assumption: Assumption) -> str:
    return UNKNOWN if assumption.value is None else f"{float(assumption.value * 100):.3g} %"


def _number(assumption: Assumption) -> str:
    return UNKNOWN if assumption.value is None else format_number(float(assumption.value))
