"""A report of which every text is hostile to whatever shows it."""

import itertools
import re
from collections.abc import Iterator
from typing import Any

import msgspec

from storeff.report.model import Report, schema

# What would retitle, clear and rewrite a terminal that was shown it.
STEERING = "a\x1b]0;owned\x07b\u202ec\x9b2J\r\n\tx\x00[bold]y[/nope]"
HOSTILE = "<script>alert(1)</script>&\"'\x1b[2J\u202e\u2028{{ 7*7 }}</style></title>]]>"
# What code decides by beside the words of the schema.
_STRUCTURE = {"schema_version", "step"}

_DATE = re.compile(r"\d{4}-\d\d-\d\d$")


def _words(found: Any) -> Iterator[str]:
    """All that a JSON Schema allows to be said where not just anything may be."""
    if isinstance(found, dict):
        yield from (each for each in found.get("enum", ()) if isinstance(each, str))
        yield from itertools.chain.from_iterable(map(_words, found.values()))
    elif isinstance(found, list):
        yield from itertools.chain.from_iterable(map(_words, found))


def hostile(report: Report) -> Report:
    """``report`` with something hostile at the end of every string that may be any string. It keeps
    no scenario: that could not be read."""
    report = msgspec.structs.replace(report, scenarios=None)
    kept = set(_words(schema()))

    def attacked(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            return {name: attacked(each, name) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [attacked(each, key) for each in value]
        if not isinstance(value, str) or key in _STRUCTURE or value in kept or _DATE.match(value):
            return value
        return f"{value}{HOSTILE}"

    return msgspec.convert(attacked(msgspec.to_builtins(report)), Report)
