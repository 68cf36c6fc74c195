"""The catalogues of layouts and drives, for a person or a program."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import click
import msgspec

from storeff.data import Assumption
from storeff.economics import Drive
from storeff.layout import Layout, usable_fraction
from storeff.report.page import Column, show
from storeff.report.render import UNKNOWN, format_number, simple_table
from storeff.report.sizing import describe
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
    table = simple_table(
        "layout",
        Column("code", "left"),
        "raw : data",
        "metadata",
        "padding",
        "rebuild reserve",
        "maximum utilisation",
        Column("data reduction", "left"),
    )
    for layout in layouts.values():
        removes = layout.reduction
        table.add_row(
            layout.name,
            str(layout.code),
            f"{1 / float(usable_fraction(layout)):.3f}",
            *(
                percent(number)
                for number in (
                    layout.metadata,
                    layout.padding,
                    layout.rebuild_reserve,
                    layout.fill_limit,
                )
            ),
            "headline" if removes is None else describe(removes),
        )
    show(table)


def print_drives(drives: Mapping[str, Drive[Assumption]]) -> None:
    """One line a drive; an unknown price is said to be unknown."""
    table = simple_table(
        "drive",
        "capacity",
        "watts",
        "price",
        "per TB",
        "as of",
        Column("source", "left", least=24),
    )
    for drive in drives.values():
        price, capacity = drive.price.value, drive.capacity_bytes.value
        assert capacity is not None
        table.add_row(
            drive.name,
            format_bytes(float(capacity)),
            f"{number(drive.watts_idle)}..{number(drive.watts_active)}",
            UNKNOWN if price is None else f"{float(price):,.0f} {drive.price.unit[:3]}",
            UNKNOWN if price is None else f"{float(price / (capacity / 10**12)):,.0f}",
            str(drive.price.as_of or ""),
            drive.price.source or "",
        )
    show(table)


def percent(assumption: Assumption) -> str:
    """A fraction as a percentage."""
    return UNKNOWN if assumption.value is None else f"{float(assumption.value * 100):.3g} %"


def number(assumption: Assumption) -> str:
    """A plain figure."""
    return UNKNOWN if assumption.value is None else format_number(float(assumption.value))
