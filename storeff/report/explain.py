"""A figure of a report explained: its formula, the inputs, and where each of these comes from.

The formula is evaluated from the inputs as they are shown. Where that does not give the figure of
the report, this is said: the report is of another version, or was edited.
"""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from storeff.data import AssumptionRow
from storeff.economics import SizedLayout
from storeff.economics.uncertainty import CostRange
from storeff.errors import UsageError, did_you_mean
from storeff.layout import Step
from storeff.quantity import REPLICATES, Quantity
from storeff.report.explained_model import Explained, Given
from storeff.report.expression import evaluate, with_values
from storeff.report.figure_kinds import kind_of
from storeff.report.figures import in_full, with_bounds, with_unit
from storeff.report.formulas import Formula
from storeff.report.formulas_layout import formula_for
from storeff.report.measured_notes import notes_on, parity_of, reduction_of
from storeff.report.model import Report
from storeff.report.origins import Files, where_of
from storeff.report.page import UNKNOWN
from storeff.report.paths import Found, find, known_names
from storeff.report.rebuilt import code_numbers, roles_of

# Bytes and money are rounded in the report, so that sums of many may be off by so much of itself.
_AGREES = 1e-9
_ROUNDED = 1.0
NO_FILES = Files()


@dataclass(frozen=True)
class _About:
    """A figure, the layout that it is of, and that layout's assumptions by role."""

    report: Report
    found: Found
    layout: SizedLayout | None
    roles: Mapping[str, AssumptionRow]
    files: Files

    @property
    def pattern(self) -> str:
        return re.sub(r"\[[^\[\]]*\]", "[]", self.found.path)


def explain(report: Report, name: str, files: Files = NO_FILES) -> Explained:
    """How the figure ``name`` of ``report``, a path or a short name, came about. Its assumptions
    are looked up in ``files`` first.

    Raises UsageError, with the nearest right names, for what is no figure.
    """
    rows = {row.path: row for row in report.assumptions}
    found = _found(report, name, rows)
    if isinstance(found.value, AssumptionRow):
        return _assumption(found.value, found.path, files)
    if found.path.startswith("assumptions[") and len(found.steps) > 2:
        return _assumption(cast(AssumptionRow, found.steps[2]), found.path, files)
    q, why = found.interval()
    if q is None and not isinstance(found.value, Quantity | bool | None):
        raise UsageError(why or f"{found.path} is no figure", _below(report, found.path))
    layout = next((each for each in found.steps if isinstance(each, SizedLayout)), None)
    paths = {} if layout is None else {role: path for path, role in roles_of(report, layout)}
    roles = {role: rows[path] for role, path in paths.items()}
    return _explained(_About(report, found, layout, roles, files), q or _UNKNOWN, why)


_UNKNOWN = Quantity(None, None, None, "derived")


def _found(report: Report, name: str, rows: Mapping[str, AssumptionRow]) -> Found:
    # The path of an assumption is not that of the JSON, and is how everybody calls it.
    if name in rows:
        return find(report, f"assumptions[{name}]")
    try:
        found = find(report, name)
        whole = found.steps[-2] if len(found.steps) > 1 else None
        if isinstance(whole, Quantity | CostRange) and not found.missing:
            # An end of an interval is explained with it.
            return find(report, found.path.rpartition(".")[0])
        return found
    except UsageError as error:
        nearest = did_you_mean(name, [*rows, *known_names(report)])
        if nearest and nearest not in error.message:
            raise UsageError(f"{error.message}{nearest}", error.remedy) from error
        raise


def _below(report: Report, path: str) -> str:
    below = [name for name in known_names(report) if name.startswith((f"{path}.", f"{path}["))]
    return f"name a figure below it, such as {', '.join(below[:3])}" if below else ""


def _explained(about: _About, q: Quantity, unknown: str | None) -> Explained:
    report, found = about.report, about.found
    kind = kind_of(found.path, report.currency)
    step = next((each.step for each in found.steps if isinstance(each, Step)), "")
    formula = formula_for(about.pattern, about.layout, step, frozenset(about.roles))
    if formula is None and about.layout is not None:
        if about.pattern == "layouts[].reduction_ratio":
            formula = reduction_of(report, about.layout)
        elif step == "erasure_coding" and about.pattern.endswith(".factor"):
            formula = parity_of(report, about.layout)
    inputs = () if formula is None else tuple(_inputs(about, formula))
    expression = formula.expression if formula is not None and formula.expression else None
    values = {each.symbol: each.value for each in inputs}
    recomputed = None if expression is None else _recomputed(expression, values)
    shown = {each.symbol: in_full(each.value) for each in inputs}
    return Explained(
        path=found.path,
        figure=q,
        shown=_truth(found.value) if unknown else with_bounds(q, kind.show),
        words=_words(about, formula, unknown),
        formula=expression,
        with_values=None if expression is None else with_values(expression, shown),
        recomputed=recomputed,
        agrees=_agrees(recomputed, q.value),
        inputs=inputs,
        interval=_interval(report, q),
        notes=tuple(notes_on(report, found)),
    )


def _truth(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else UNKNOWN


def _words(about: _About, formula: Formula | None, unknown: str | None) -> str:
    if formula is not None:
        return formula.words
    if unknown is not None and not isinstance(about.found.value, bool):
        return unknown
    source = getattr(about.found.steps[-2], "source", None)
    if source and about.found.path.endswith(".factor"):
        return str(source)
    # What the types of the report say of themselves.
    doc = type(about.found.steps[-2]).__doc__ or ""
    return " ".join(doc.replace("``", "").split()) or "no formula is kept for this figure"


def _recomputed(expression: str, values: Mapping[str, int | float | None]) -> float | None:
    if None in values.values():
        return None
    try:
        result = evaluate(expression, cast(dict[str, int | float], values))
    except (ArithmeticError, ValueError):
        return None
    return result if math.isfinite(result) else None


def _agrees(recomputed: float | None, value: float | None) -> bool | None:
    if recomputed is None or value is None:
        return None
    return math.isclose(recomputed, value, rel_tol=_AGREES, abs_tol=0 if value < 1 else _ROUNDED)


def _inputs(about: _About, formula: Formula) -> Iterator[Given]:
    for symbol, origin in formula.inputs.items():
        if origin.startswith("@"):
            role, _, default = origin[1:].partition("?")
            yield _given(about, symbol, role, default)
        elif origin.startswith("="):
            yield _of_code(about, symbol, origin[1:])
        else:
            yield _at_path(about, symbol, origin)


def _given(about: _About, symbol: str, role: str, default: str) -> Given:
    row = about.roles.get(role)
    if row is None:
        return Given(
            symbol=symbol,
            path=None,
            value=int(default) if default else None,
            unit="",
            origin="assumed",
            source=f"the report lists no {role}" + (", so it is the default" if default else ""),
        )
    return _row(row, symbol, about.files)


def _row(row: AssumptionRow, symbol: str, files: Files) -> Given:
    return Given(
        symbol=symbol,
        path=row.path,
        value=row.value,
        unit=row.unit,
        origin="assumed",
        source=row.source,
        true_on=None if row.true_on is None else row.true_on.isoformat(),
        kind=row.kind,
        where=where_of(row, files),
    )


def _of_code(about: _About, symbol: str, name: str) -> Given:
    layout = about.layout
    assert layout is not None
    code = code_numbers(layout)
    value: float = code.get(name, code["k"])
    if name == "reads" and code["l"]:
        local = code["k"] + code["l"]
        value = (local * (code["k"] // code["l"]) + code["m"] * code["k"]) / code["fragments"]
    label = next(s.label for s in layout.waterfall if s.step == "erasure_coding")
    return Given(
        symbol=symbol, path=None, value=value, unit="fragments", origin="assumed", source=label
    )


def _at_path(about: _About, symbol: str, template: str) -> Given:
    path = about.found.path
    row = re.match(r"[^\[]*\[[^\[\]]*\]", path)
    before = path.rpartition(".")[0]
    parts = {"{L}": row[0] if row else "", "{S}": before, "{P}": before.rpartition(".")[0]}
    for mark, text in parts.items():
        template = template.replace(mark, text)
    found = find(about.report, template)
    q, _ = found.interval()
    return Given(
        symbol=symbol,
        path=found.path,
        value=None if q is None else q.value,
        unit="",
        origin=_origin(found, q),
    )


def _origin(found: Found, q: Quantity | None) -> Any:
    if isinstance(found.value, Quantity) and q is not None:
        return q.origin
    return "measured" if found.path.startswith(("scan.", "reduction.", "kv.")) else "derived"


def _assumption(row: AssumptionRow, path: str, files: Files) -> Explained:
    """An assumption is what its source says."""
    value = row.value
    low = value if row.low is None else row.low
    high = value if row.high is None else row.high
    given = _row(row, "value", files)
    read = "" if row.read_on is None else f", read on {row.read_on.isoformat()}"
    dated = f"true on {row.true_on.isoformat()}{read}" if row.true_on else f"undated{read}"
    stale = [f"It is out of date: {row.why_stale}."] * (row.stale is True)
    ranged = "nothing is known of its range"
    if row.low is not None or row.high is not None:
        ranged = f"its range is {in_full(low)} to {in_full(high)}"
    return Explained(
        path=path,
        figure=Quantity(value, low, high, "assumed"),
        shown="unknown" if value is None else with_unit(value, row.unit),
        words=f"assumed ({row.kind}, {dated}): {row.source or 'no source is given'}",
        formula=None,
        with_values=None,
        recomputed=None,
        agrees=None,
        inputs=(given,),
        interval=ranged,
        notes=tuple(stale),
    )


def _interval(report: Report, q: Quantity) -> str:
    if q.value is None and q.low is None:
        return "unknown"
    if q.low is None or q.high is None:
        return "unknown: nothing bounds it"
    if q.low == q.high:
        return "none: nothing that it rests on was sampled" if q.origin != "assumed" else "none"
    if q.origin == "measured":
        return "95 %, of the estimator that reduction.method names"
    return (
        f"95 %: {REPLICATES:,} replicates of what was measured (seed {report.run.seed}), carried "
        "through the same formulas"
    )
