"""What explaining a figure gives: the types that are its document too."""

from typing import Any, Literal

import msgspec

from storeff.quantity import Origin, Quantity


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """One input of a formula. ``path`` is its own in the report, null where that has none.

    ``where`` is the file and line of an assumption; ``source``, ``true_on`` and ``kind`` are what
    the report says of it. ``value`` null is unknown.
    """

    symbol: str
    path: str | None
    value: int | float | None
    unit: str
    origin: Origin
    source: str | None = None
    true_on: str | None = None
    kind: str | None = None
    where: str | None = None


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """A step between inputs and the figure, which the report does not have: ``symbol`` stands for
    ``formula`` there. ``value`` null is unknown."""

    symbol: str
    formula: str
    with_values: str
    value: int | float | None


class Explained(msgspec.Struct, frozen=True, kw_only=True):
    """How the figure at ``path`` came about: ``words``, the ``formula`` in symbols, the same
    ``with_values``, and what the figure comes to when it is computed again, ``recomputed``.
    ``agrees`` is whether that is the figure of the report; null where there is no formula, or the
    figure is unknown. ``steps`` stand in the order in which each can be computed.

    ``interval`` says where the interval comes from. ``notes`` are what was measured for it.
    """

    schema: Literal["storeff.explain/1"] = "storeff.explain/1"
    path: str
    figure: Quantity
    shown: str
    words: str
    formula: str | None
    with_values: str | None
    recomputed: float | None
    agrees: bool | None
    inputs: tuple[Given, ...]
    steps: tuple[Step, ...] = ()
    interval: str
    notes: tuple[str, ...]


def explain_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    made = msgspec.json.schema(Explained)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
