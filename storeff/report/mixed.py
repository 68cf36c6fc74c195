"""Scenarios between two others: some of their numbers from one, some from the other.

A key is the names that lead to an input in a scenario, with points between them: ``drive.price``.
Inputs are numbers, and whatever else a part holds that is no part itself, such as a code.
"""

from collections.abc import Iterator, Set
from typing import Any

import msgspec

from storeff.data import Assumption, exact, map_numbers
from storeff.economics import Scenario
from storeff.economics.bill import bill
from storeff.economics.later_prices import LaterPrices
from storeff.layout import Code, ObjectSizes
from storeff.layout.symbol import Trace
from storeff.layout.waterfall import raw_for

# What nothing is computed from.
_WORDS = ("name", "title", "schema", "currency")
_OPAQUE = (Code, ObjectSizes)
_WHOLE = (Assumption, LaterPrices, *_OPAQUE)


def _are_parts(a: Any, b: Any) -> bool:
    """Whether what they hold is mixed, and not they themselves."""
    return type(a) is type(b) and isinstance(a, msgspec.Struct) and not isinstance(a, _WHOLE)


def differing(a: Any, b: Any, key: str = "") -> Iterator[str]:
    """The keys of the inputs in which two scenarios differ."""
    if _are_parts(a, b):
        for name in a.__struct_fields__:
            if name not in _WORDS:
                yield from differing(
                    getattr(a, name), getattr(b, name), f"{key}.{name}" if key else name
                )
    elif _worth(a) != _worth(b):
        yield key


def _worth(value: Any) -> Any:
    return value.value if isinstance(value, Assumption) else value


def mixed(a: Any, b: Any, keys: Set[str], key: str = "") -> Any:
    """``a`` with the inputs at ``keys`` as they are in ``b``."""
    if key in keys:
        return b
    if not _are_parts(a, b):
        return a
    fields = {
        name: mixed(getattr(a, name), getattr(b, name), keys, f"{key}.{name}" if key else name)
        for name in a.__struct_fields__
    }
    return type(a)(**fields)


def leaf(scenario: Any, key: str) -> Any:
    """The input at ``key``."""
    value = scenario
    for name in key.split("."):
        value = getattr(value, name, None)
    return value


def billed_numbers(scenario: Scenario[Assumption]) -> set[str]:
    """The keys of the numbers that the bill rests on once its raw bytes are known: it is run on
    symbols of them."""
    trace = Trace()

    def recorded(value: Any, key: str) -> Any:
        if isinstance(value, Assumption):
            return trace.input(key, exact(value))
        if isinstance(value, dict):
            return {name: recorded(each, f"{key}.{name}") for name, each in value.items()}
        if not isinstance(value, msgspec.Struct) or isinstance(value, _OPAQUE):
            return value
        names = value.__struct_fields__
        fields = {
            name: recorded(getattr(value, name), f"{key}.{name}" if key else name) for name in names
        }
        return type(value)(**fields)

    run = map_numbers(scenario, exact)
    raw_bytes = raw_for(run.data, run.layout)
    bill(recorded(scenario, ""), trace.input("raw_bytes", raw_bytes))
    return trace.used()
