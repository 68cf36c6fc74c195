"""What comparing reports gives: the types that are its document too."""

from typing import Any, Literal

import msgspec

from storeff.quantity import Quantity

# What can be said of a figure in two reports. "within" is an apparent change that is no larger than
# what the measurements leave open.
Verdict = Literal["same", "changed", "within", "unknown"]


def verdict(before: Quantity | None, after: Quantity | None, same_measurement: bool) -> Verdict:
    """What can be said of two figures: by their intervals, unless their error is the same."""
    if before is None or after is None:
        return "same" if before is after else "unknown"
    if (before.low, before.value, before.high) == (after.low, after.value, after.high):
        return "same"
    if same_measurement and before.value is not None and after.value is not None:
        return "same" if before.value == after.value else "changed"
    if before.low is None or before.high is None or after.low is None or after.high is None:
        return "unknown"
    return "changed" if before.high < after.low or after.high < before.low else "within"


class Figure(msgspec.Struct, frozen=True, kw_only=True):
    """One figure of both reports; null where one has none. ``path`` is that in the second report,
    or in the first where the second has none; ``name`` is for people."""

    name: str
    path: str
    before: Quantity | None
    after: Quantity | None
    verdict: Verdict


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """What is no figure and differs: the target, the drive, the version of storeff..."""

    name: str
    before: str | None
    after: str | None


class Input(msgspec.Struct, frozen=True, kw_only=True):
    """An assumption that differs; null where a report lists no such, or it is unknown there.
    ``path_before`` is another than ``path`` where one drive, site or enclosure took the place of
    another."""

    path: str
    path_before: str | None
    unit: str
    before: int | float | None
    after: int | float | None
    source_before: str | None
    source_after: str | None


class LayoutChange(msgspec.Struct, frozen=True, kw_only=True):
    """A layout, on ``drive``, that is in both reports."""

    layout: str
    drive: str
    raw_bytes: Figure
    drives: Figure
    npv: Figure


class Cause(msgspec.Struct, frozen=True, kw_only=True):
    """What one cause added to the reference layout's needs. ``changed`` is what differs, from what
    to what. ``verdict`` of the data reduction is that of its measurement; of all else, which is
    exact, it is ``changed``."""

    name: str
    changed: str
    raw_bytes: int
    drives: int
    npv: float | None
    verdict: Verdict


class Attribution(msgspec.Struct, frozen=True, kw_only=True):
    """Why the reference layout's needs changed: ``causes`` sum to the change, to the byte, the
    drive and the cent. What of it is not shared out, and so is null or not there, is ``because``
    of that."""

    before: str
    after: str
    raw_bytes: int | None
    drives: int | None
    npv: float | None
    causes: tuple[Cause, ...]
    because: str | None


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """``report`` beside ``baseline``. ``is_same_measurement`` is whether both rest on one
    measurement of the data: figures then differ by what was assumed, and not by chance.
    ``differs`` is whether anything is called a change."""

    baseline: str
    report: str
    currency: str
    is_same_measurement: bool
    differs: bool
    facts: tuple[Fact, ...]
    figures: tuple[Figure, ...]
    layouts: tuple[LayoutChange, ...]
    layouts_gone: tuple[str, ...]
    layouts_new: tuple[str, ...]
    inputs: tuple[Input, ...]
    attribution: Attribution | None


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """Every report beside the first."""

    schema: Literal["storeff.compare/1"] = "storeff.compare/1"
    comparisons: tuple[Comparison, ...]


def compare_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    made = msgspec.json.schema(Compared)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
