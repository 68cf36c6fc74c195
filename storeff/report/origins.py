"""Where an assumption of a report stands: the file and the line."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from storeff.data import AssumptionRow, numbers_in
from storeff.data.lines import BUILT_IN, line_of
from storeff.economics.catalogues import CATALOGUES
from storeff.economics.model import load_catalogue, load_drives
from storeff.errors import StoreffError
from storeff.layout import load_layouts
from storeff.text import excerpt


@dataclass(frozen=True)
class Files:
    """What the reader of a report has: ``catalogues``, a directory with files of their own, and the
    ``scenario`` that the report was made from."""

    catalogues: Path | None = None
    scenario: Path | None = None


def where_of(row: AssumptionRow, files: Files) -> str:
    """The file and line that ``row`` was read from: of the reader's own ``files`` where they have
    it, else of what comes with storeff."""
    room, _, rest = row.path.partition(".")
    if room not in CATALOGUES:
        return _in_scenario(row.path, files.scenario)
    if files.catalogues is not None:
        own = files.catalogues / f"{room}.toml"
        keys = _keys(own, rest)
        if isinstance(keys, str):
            return keys
        if keys is not None:
            return f"{excerpt(os.fspath(own))}:{keys}"
    built_in = BUILT_IN / f"{room}.toml"
    line = _keys(built_in, rest)
    if not isinstance(line, int):
        return "in no catalogue of this version"
    here = f"storeff/data/{room}.toml:{line}"
    value = _catalogued(room, row.path)
    if value is None or row.value is None or value == row.value:
        return here
    return f"{here} has {value:,.6g}, from which it was derived, or another version had this"


def _in_scenario(path: str, scenario: Path | None) -> str:
    if scenario is None:
        return "in no catalogue of this version"
    line = _line(scenario, path.split("."))
    shown = excerpt(os.fspath(scenario))
    if isinstance(line, int):
        return f"{shown}:{line}"
    return line or f"not in {shown}"


def _keys(file: Path, rest: str) -> int | str | None:
    """The line of ``name.key.key``, where a name may have points itself."""
    parts = rest.split(".")
    for size in range(len(parts) - 1, 0, -1):
        line = _line(file, [".".join(parts[:size]), *parts[size:]])
        if line is not None:
            return line
    return None


def _line(file: Path, keys: Sequence[str]) -> int | str | None:
    """The line; why there is none, where the file cannot be read; None if it has no such key."""
    if file.suffix != ".toml":
        return f"{excerpt(os.fspath(file))} is no TOML file"
    shown = excerpt(os.fspath(file))
    if not os.path.exists(file):
        # Of a directory of one's own, most catalogues are not there.
        return None if os.path.isdir(file.parent) else f"{shown} is not here"
    try:
        return line_of(file, keys)
    except StoreffError:
        return f"{shown} cannot be read"


def _catalogued(room: str, path: str) -> float | None:
    """What the catalogue that comes with storeff says today."""
    return _numbers(room).get(path)


@cache
def _numbers(room: str) -> dict[str, float]:
    """Every known number of a catalogue that comes with storeff, by path."""
    if room == "layouts":
        entries: Any = load_layouts()
    elif room == "drives":
        entries = load_drives()
    elif room in ("models", "gpus", "shelf_life", "indices", "supply", "price_paths"):
        return {}
    else:
        entries = load_catalogue(room)
    numbers = (number for entry in entries.values() for number in numbers_in(entry))
    return {number.path: float(number.value) for number in numbers if number.value is not None}
