"""The scenario of the reference layout, as the report keeps it: its bill can be computed again.

It has the form of a scenario file (``economics.model.Scenario``), with each number as its ``path``,
its exact ``value`` (an integer, or a fraction ``"13/10"``) and its ``unit``; a number without a
value is unknown. Where a number comes from stands beside its path in ``assumptions``.
"""

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import msgspec

from storeff.data import Assumption, map_numbers
from storeff.data.catalogue import field_of
from storeff.economics import Scenario
from storeff.errors import StoreffError
from storeff.layout import ObjectSizes

# Larger than any: what spare enclosures keep free is a fraction of some hundred digits.
DIGITS_MOST = 2000
# Sizes in powers of two, of 64 bits.
BINS_MOST = 65

_EXACT = re.compile(rf"-?\d{{1,{DIGITS_MOST}}}(/[1-9]\d{{0,{DIGITS_MOST - 1}}})?")


def kept(scenario: Scenario[Assumption]) -> dict[str, Any]:
    """``scenario`` as the report keeps it."""

    def number(each: Assumption) -> dict[str, str | None]:
        value = None if each.value is None else str(each.value)
        return {"path": each.path or None, "value": value, "unit": each.unit or None}

    # As it is read again: tuples are lists in JSON.
    written = msgspec.json.decode(msgspec.json.encode(map_numbers(scenario, number)))
    made: dict[str, Any] = _without_nothing(written)
    return made


def _without_nothing(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    cleaned = {key: _without_nothing(each) for key, each in value.items()}
    return {key: each for key, each in cleaned.items() if each not in (None, {}, "")}


def scenario_of(document: dict[str, Any]) -> Scenario[Assumption]:
    """What ``kept`` was given. Raises StoreffError if it is none, or out of range."""
    try:
        scenario = msgspec.convert(document, Scenario[Assumption], dec_hook=_number)
    except msgspec.ValidationError as error:
        raise _wrong(str(error)) from error
    for wrong in (*_out_of_range(scenario, ""), *_sizes(scenario.data.objects)):
        raise _wrong(wrong)
    return scenario


def _wrong(why: str) -> StoreffError:
    return StoreffError(
        f"reference_scenario of the report cannot be read: {why}",
        "make the report again, or use the storeff that made it",
    )


def _number(kind: type, given: Any) -> Fraction:
    if kind is not Fraction or not isinstance(given, str) or not _EXACT.fullmatch(given):
        raise ValueError("a value is an integer, or two of them around a slash, in a string")
    return Fraction(given)


def _out_of_range(value: msgspec.Struct, path: str) -> Iterator[str]:
    for field in msgspec.structs.fields(type(value)):
        each, limits = getattr(value, field.name), field_of(field.type)
        where = f"{path}{field.name}"
        if isinstance(each, Assumption):
            if each.value is not None and limits is not None and not limits.holds(each.value):
                yield f"{where} must be {limits.range()}"
        elif isinstance(each, msgspec.Struct):
            yield from _out_of_range(each, f"{where}.")


def _sizes(objects: ObjectSizes | None) -> Iterator[str]:
    if objects is None:
        return
    counts = [x for each in objects.bins for x in (each.below_bytes, each.objects, each.size_bytes)]
    if len(objects.bins) > BINS_MOST or objects.data_bytes < 1 or min(counts, default=0) < 0:
        yield "data.objects are no sizes of objects"
