"""What checking a report against a policy gives: the types that are its document too."""

from typing import Any, Literal

import msgspec

Status = Literal["pass", "fail", "inconclusive"]
Severity = Literal["fail", "warn"]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """How one rule of a policy came out.

    ``path`` is the figure in the report's JSON, null for a rule on warnings. ``value``, ``low`` and
    ``high`` are what the report says of it. ``limit`` is in the unit of the figure there;
    ``wanted`` and ``figure`` are limit and figure as people read them. ``because`` says why a rule
    is inconclusive. A rule of the severity ``warn`` changes no exit code.
    """

    name: str
    severity: Severity
    status: Status
    path: str | None
    direction: Literal["at_most", "at_least", "is", "forbid_warnings"]
    limit: float | bool | tuple[str, ...]
    wanted: str
    value: Any
    low: float | None
    high: float | None
    figure: str
    because: str | None


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """``status`` is that of the worst rule that is no warning: ``fail`` before ``inconclusive``."""

    schema: Literal["storeff.check/1"] = "storeff.check/1"
    status: Status
    rules: tuple[Rule, ...]


def check_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of the document."""
    made = msgspec.json.schema(Checked)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **made}
