"""A figure of a report explained: its formula, the inputs, and where each of these comes from.

The formula is recorded from the code that computes the figure, which is run again on the scenario
that the report keeps. Where that does not give the figure of the report, this is said: the report
is of another version, or was edited.
"""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, cast

import msgspec

from storeff.data import AssumptionRow
from storeff.economics import SizedLayout
from storeff.economics.uncertainty import CostRange
from storeff.errors import StoreffError, UsageError, did_you_mean
from storeff.quantity import REPLICATES, Quantity
from storeff.report.derived import Derivation, Derived, Input
from storeff.report.explained_model import Explained, Given
from storeff.report.figure_kinds import kind_of
from storeff.report.figures import in_full, with_bounds, with_unit
from storeff.report.meanings import COVERAGE, HEADLINE, MEANINGS, RESTS_ON, SAME
from storeff.report.measured_notes import measured_by, notes_on
from storeff.report.model import Report
from storeff.report.origins import Files, where_of
from storeff.report.page import UNKNOWN
from storeff.report.paths import Found, find, known_names
from storeff.report.ratios import RATIOS
from storeff.report.scenario import scenario_of
from storeff.report.subject import Subject, pattern_of, subject_of

# Doubles that were divided in another order are off by so much of themselves.
_AGREES = 1e-12
NO_FILES = Files()


@dataclass(frozen=True)
class _Why:
    """What is said of a figure beside its value."""

    words: str
    formula: str | None = None
    with_values: str | None = None
    recomputed: float | None = None
    inputs: tuple[Given, ...] = ()
    derivation: Derivation | None = None
    notes: tuple[str, ...] = ()


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
    q, unknown = found.interval()
    if q is None and not isinstance(found.value, Quantity | bool | None):
        raise UsageError(unknown or f"{found.path} is no figure", _below(report, found.path))
    why, figure = _why(report, found, unknown, files), q or _UNKNOWN
    kind = kind_of(found.path, report.currency)
    is_known = why.recomputed is not None and figure.value is not None
    return Explained(
        path=found.path,
        figure=figure,
        shown=_truth(found.value) if unknown else with_bounds(figure, kind.show),
        words=why.words,
        formula=why.formula,
        with_values=why.with_values,
        recomputed=why.recomputed,
        agrees=_agrees(why, figure.value) if is_known else None,
        inputs=why.inputs,
        steps=why.derivation.steps if why.derivation else (),
        interval=_interval(report, figure),
        notes=(*why.notes, *notes_on(report, found)),
    )


def _agrees(why: _Why, value: float | None) -> bool:
    """Exactly; a ratio may have been divided in another order."""
    assert why.recomputed is not None
    assert value is not None
    if why.derivation is not None:
        return why.recomputed == value
    return math.isclose(why.recomputed, value, rel_tol=_AGREES)


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


def _why(report: Report, found: Found, unknown: str | None, files: Files) -> _Why:
    """By the arithmetic of the layout that the figure is of; by the two numbers that it is a ratio
    of; or in words alone."""
    pattern, subject = pattern_of(found.path), subject_of(report, found)
    if found.missing is None and pattern in RATIOS:
        return _ratio(report, found, pattern)
    said = _Why(_said(found, unknown, subject))
    if subject is None:
        return replace(said, inputs=tuple(_beside(report, found)))
    if subject.figure == "reduction_ratio":
        return replace(said, inputs=tuple(_measured(report, subject)))
    try:
        scenario = scenario_of(report, subject.sized)
        derived = None if scenario is None else Derived.of_scenario(scenario)
    except StoreffError as error:
        return replace(said, notes=(f"no formula: {error.message}",))
    if derived is not None and subject.figure in derived:
        made = derived.of(subject.figure, subject.stated)
        if not made.inputs:
            said = replace(said, notes=("it rests on no number: the layout fixes it",))
        inputs = tuple(_given(report, subject, each, files) for each in made.inputs)
        return replace(
            said,
            formula=made.formula,
            with_values=made.with_values,
            recomputed=made.recomputed,
            inputs=inputs,
            derivation=made,
        )
    rests = RESTS_ON.get(subject.figure, ()) if isinstance(subject.sized, SizedLayout) else ()
    paths = (f"{found.path.rpartition('.')[0]}.{name}" for name in rests)
    said = replace(said, inputs=tuple(_at(report, path) for path in paths))
    if scenario is None and subject.is_arithmetic:
        return replace(
            said,
            notes=(
                f"no formula: a report of schema {report.schema_version} does not keep what it was "
                "computed from. Make it again with this version to have it",
            ),
        )
    return said


def _ratio(report: Report, found: Found, pattern: str) -> _Why:
    ratio = RATIOS[pattern]
    inputs = [_at(report, _from(found.path, path)) for path in (ratio.over, ratio.under)]
    over, under = (each.value for each in inputs)
    names = [each.path.rpartition(".")[2] for each in inputs if each.path]
    return _Why(
        words=ratio.words,
        formula=" / ".join(names),
        with_values=" / ".join(in_full(each) for each in (over, under)),
        recomputed=None if over is None or not under else over / under,
        inputs=tuple(_called(each, name) for each, name in zip(inputs, names, strict=True)),
    )


def _from(path: str, other: str) -> str:
    """The path ``other`` of the table of ratios, from the figure at ``path``."""
    dots = len(other) - len(other.lstrip("."))
    for _ in range(dots):
        path = path.rpartition(".")[0]
    return f"{path}.{other.lstrip('.')}" if dots else other


def _beside(report: Report, found: Found) -> Iterator[Given]:
    """What a figure of the measurement rests on that is no ratio."""
    if found.path in HEADLINE and found.missing is None:
        yield _at(report, HEADLINE[found.path])
    if found.path == "scan.coverage" and found.missing is None:
        for name in ("read_bytes", "logical_bytes", "hole_bytes"):
            yield _at(report, f"scan.{name}")


def _measured(report: Report, subject: Subject) -> Iterator[Given]:
    path = measured_by(report, subject.sized)
    if path is not None:
        yield _at(report, path)


def _said(found: Found, unknown: str | None, subject: Subject | None) -> str:
    if unknown is not None and not isinstance(found.value, bool):
        return unknown
    if subject is not None and subject.meaning in MEANINGS:
        return MEANINGS[subject.meaning]
    if found.path in HEADLINE:
        return SAME
    if found.path == "scan.coverage":
        return COVERAGE
    # What the types of the report say of themselves.
    doc = type(found.steps[-2]).__doc__ or ""
    return " ".join(doc.replace("``", "").split()) or "no formula is kept for this figure"


def _given(report: Report, subject: Subject, each: Input, files: Files) -> Given:
    if each.figure is not None:
        return _called(_at(report, subject.path_of(each.figure)), each.symbol)
    number = each.number or ""
    row = next((row for row in report.assumptions if row.path == number), None)
    if row is not None and row.value == each.value:
        return _row(row, each.symbol, files)
    path = subject.data_path(number)
    if path is not None:
        return _called(_at(report, path), each.symbol)
    return Given(
        symbol=each.symbol,
        path=None,
        value=each.value,
        unit="",
        origin="assumed" if each.value is None else subject.origin_of(number),
        source=f"nobody knows {number}" if each.value is None else subject.source_of(number),
    )


def _called(given: Given, symbol: str) -> Given:
    return msgspec.structs.replace(given, symbol=symbol)


def _truth(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else UNKNOWN


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


def _at(report: Report, path: str) -> Given:
    """The figure at ``path``, under its last key."""
    found = find(report, path)
    q, _ = found.interval()
    return Given(
        symbol=found.path.rpartition(".")[2],
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
