"""The scenarios of the layouts of a report, as it keeps them: their bills can be computed again.

A scenario has the form of a scenario file (``economics.model.Scenario``). Its parts are kept once
each, however many layouts share them. Of a number stands the ``path`` alone where ``assumptions``
list it, with its value and where that comes from. Any other has its exact ``value`` (an integer, or
a fraction ``"13/10"``) and its ``unit`` too, its range, ``source`` and ``kind`` where it has
those; one without a value that nobody lists is unknown.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Any, cast

import msgspec

from storeff.data import NO_VALUE, ONE, Assumption, AssumptionRow, map_numbers
from storeff.data.catalogue import by_name, field_of
from storeff.economics import Scenario, SizedLayout
from storeff.errors import StoreffError
from storeff.layout import ObjectSizes
from storeff.report.bench_model import Row

if TYPE_CHECKING:
    from storeff.report.model import Report

# Larger than any: what spare enclosures keep free is a fraction of some hundred digits.
DIGITS_MOST = 2000
# What a number is that says nothing of itself.
UNSAID = Assumption()
# Sizes in powers of two, of 64 bits.
BINS_MOST = 65
# Sizes of objects, which most layouts share, though not all else of their data.
OBJECTS = "objects"

_EXACT = re.compile(rf"-?\d{{1,{DIGITS_MOST}}}(/[1-9]\d{{0,{DIGITS_MOST - 1}}})?")
Indices = dict[str, int]


class Scenarios(msgspec.Struct, frozen=True, kw_only=True):
    """What the bills of ``layouts`` and of the rows of ``bench`` rest on, in their order.

    ``parts`` are the different parts of scenarios, under the names that they have in a scenario
    file; sizes of objects are a part of their own. ``layouts`` and ``rows`` say for each layout and
    row which it has of each part, counted from 0; null where its scenario was not kept.
    """

    parts: dict[str, list[Any]]
    layouts: list[Indices | None]
    rows: list[Indices | None] = []


def kept(
    layouts: Sequence[Scenario[Assumption]],
    rows: Sequence[Scenario[Assumption]],
    assumptions: Sequence[AssumptionRow],
) -> Scenarios:
    """The scenarios of a report's layouts and of the rows of its bench, as it keeps them beside its
    ``assumptions``."""
    listed = {row.path: assumption_of(row) for row in assumptions}
    parts: dict[str, list[Any]] = {}
    places: dict[tuple[str, bytes], int] = {}

    def place(name: str, part: Any) -> int:
        text = msgspec.json.encode(part)
        if (name, text) not in places:
            those = parts.setdefault(name, [])
            places[name, text] = len(those)
            # As it is read again: tuples are lists in JSON.
            those.append(msgspec.json.decode(text))
        return places[name, text]

    def number(each: Assumption) -> dict[str, str | None] | None:
        if each in (ONE, NO_VALUE):
            return None
        if each.path in listed and _same(each, listed[each.path]):
            return {"path": each.path}
        numbers = {name: getattr(each, name) for name in ("value", "low", "high")}
        return {
            "path": each.path or None,
            **{name: None if x is None else str(x) for name, x in numbers.items()},
            "unit": each.unit or None,
            "source": each.source,
            "kind": None if each.kind == UNSAID.kind else each.kind,
        }

    def indices(scenario: Scenario[Assumption]) -> Indices:
        written = without_nothing(msgspec.to_builtins(map_numbers(scenario, number)))
        objects = written["data"].pop(OBJECTS, None)
        if objects is not None:
            written[OBJECTS] = objects
        return {name: place(name, part) for name, part in written.items()}

    made = [[indices(each) for each in some] for some in (layouts, rows)]
    return Scenarios(parts=parts, layouts=[*made[0]], rows=[*made[1]])


def without_nothing(value: Any) -> Any:
    """``value``, of JSON, without what says nothing."""
    if not isinstance(value, dict):
        return value
    cleaned = {key: without_nothing(each) for key, each in value.items()}
    return {key: each for key, each in cleaned.items() if each not in (None, {}, "")}


def assumption_of(row: AssumptionRow) -> Assumption:
    """The number that a report lists as ``row``."""

    def exactly(value: float | None) -> Fraction | None:
        return None if value is None else Fraction(str(value))

    return Assumption(
        path=row.path,
        value=exactly(row.value),
        low=exactly(row.low),
        high=exactly(row.high),
        unit=row.unit,
        source=row.source,
        true_on=row.true_on,
        read_on=row.read_on,
        kind=row.kind,
        basis=row.basis,
        from_units=row.from_units,
        valid_until=row.valid_until,
    )


def _same(a: Assumption, b: Assumption) -> bool:
    return (a.value, a.unit, a.range) == (b.value, b.unit, b.range)


def scenario_of(report: "Report", sized: SizedLayout | Row) -> Scenario[Assumption] | None:
    """What ``sized``, a layout of ``report`` or a row of its bench, was sized for; None if the
    report does not keep it.

    Raises StoreffError if what it keeps is no scenario, or out of range.
    """
    found = report.scenarios
    if found is None:
        return None
    if isinstance(sized, SizedLayout):
        named: list[tuple[str, ...]] = [(each.name,) for each in report.layouts]
        wanted: tuple[str, ...] = (sized.name,)
        chosen = found.layouts
    else:
        named = [(each.layout, each.drive) for each in report.bench.rows] if report.bench else []
        wanted = (sized.layout, sized.drive)
        chosen = found.rows
    indices = dict(zip(named, chosen, strict=False)).get(wanted)
    return None if indices is None else read(found.parts, indices, report.assumptions)


def read(
    parts: Mapping[str, Sequence[Any]], indices: Indices, assumptions: Sequence[AssumptionRow]
) -> Scenario[Assumption]:
    """The scenario of the ``parts`` that ``indices`` choose. Raises StoreffError if it is none."""
    document = {name: _chosen(parts, name, index) for name, index in indices.items()}
    objects, data = document.pop(OBJECTS, None), document.get("data")
    if objects is not None and isinstance(data, dict):
        document["data"] = {**data, OBJECTS: objects}
    try:
        scenario = msgspec.convert(document, Scenario[Assumption], dec_hook=exact_number)
    except msgspec.ValidationError as error:
        raise _wrong(str(error)) from error
    rows = {row.path: row for row in assumptions}

    def number(each: Assumption) -> Assumption:
        row = rows.get(each.path)
        return each if each.value is not None or row is None else assumption_of(row)

    try:
        scenario = cast(Scenario[Assumption], map_numbers(scenario, number))
    except ValueError as error:
        raise _wrong("a number of assumptions is none") from error
    if scenario.finance.years.value is None:
        raise _wrong("finance.years is unknown")
    for wrong in (*_out_of_range(scenario, ""), *_sizes(scenario.data.objects)):
        raise _wrong(wrong)
    return scenario


def _chosen(parts: Mapping[str, Sequence[Any]], name: str, index: int) -> Any:
    those = parts.get(name, ())
    if not 0 <= index < len(those):
        raise _wrong(f"it has no {name} {index}")
    return those[index]


def _wrong(why: str) -> StoreffError:
    return StoreffError(
        f"a scenario that the report keeps cannot be read: {why}",
        "make the report again, or use the storeff that made it",
    )


def exact_number(kind: type, given: Any) -> Fraction:
    """A number as reports keep it. Raises ValueError if it is none."""
    if kind is not Fraction or not isinstance(given, str) or not _EXACT.fullmatch(given):
        raise ValueError("a value is an integer, or two of them around a slash, in a string")
    return Fraction(given)


def _out_of_range(value: msgspec.Struct, path: str) -> Iterator[str]:
    for field in msgspec.structs.fields(type(value)):
        own, limits = getattr(value, field.name), field_of(by_name(field.type) or field.type)
        where = f"{path}{field.name}"
        if isinstance(own, msgspec.Struct) and not isinstance(own, Assumption):
            yield from _out_of_range(own, f"{where}.")
            continue
        for each in own.values() if isinstance(own, dict) else (own,):
            if not isinstance(each, Assumption) or each.value is None or limits is None:
                continue
            if not limits.holds(each.value):
                yield f"{where} must be {limits.range()}"


def _sizes(objects: ObjectSizes | None) -> Iterator[str]:
    if objects is None:
        return
    counts = [x for each in objects.bins for x in (each.below_bytes, each.objects, each.size_bytes)]
    if len(objects.bins) > BINS_MOST or objects.data_bytes < 1 or min(counts, default=0) < 0:
        yield "data.objects are no sizes of objects"
