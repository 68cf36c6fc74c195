"""Where in a TOML file a key stands: what a report assumed is read off at its line."""

import re
import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from storeff.data.toml import read_toml

BUILT_IN = Path(__file__).parent


def line_of(path: Path, keys: Sequence[str]) -> int | None:
    """The line, from 1, of the TOML file ``path`` at which the value of ``keys`` stands: of its own
    key, of the inline table that holds it, or of its header. None if the file has no such key.

    Raises StoreffError if it cannot be read or is no TOML.
    """
    table: Any = read_toml(path)
    for key in keys:
        if not isinstance(table, dict) or key not in table:
            return None
        table = table[key]
    at: list[str] = []
    for number, line in enumerate(path.read_text("utf-8-sig").split("\n"), 1):
        header = re.match(r"\s*\[[^\[]", line)
        if header:
            at = _keys(line)
            if at == [*keys]:
                return number
        elif "=" in line:
            found = [*at, *_keys(line)]
            if len(found) > len(at) and [*keys][: len(found)] == found:
                return number
    return None


def _keys(line: str) -> list[str]:
    """The keys that a line leads to: of a header, or before the value. None of what is neither."""
    named = re.match(r"""\s*((?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*'|\s*\.\s*)+)\s*=""", line)
    text = line if line.lstrip().startswith("[") else f"{named[1]} = 0" if named else ""
    try:
        table: Any = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return []
    found = []
    while isinstance(table, dict) and table:
        [key] = table
        found.append(key)
        table = table[key]
    return found
