"""Why the needs of a layout changed from one report to another.

Both reports keep the scenario that their bill is computed from. So the bill is computed with every
set of the inputs that changed, by the code that made it, and each of these is answerable for its
Shapley value: ``storeff.economics.attribution`` says why not for its logarithmic mean, as in the
waterfall. The bills of both ends come out as they are in the reports. What they are off is a cause
of its own, never spread over others: it comes from the formulas of another version, or somebody
edited a report.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import msgspec

from storeff.data import Assumption, exact, map_numbers
from storeff.economics import Scenario, SizedLayout
from storeff.economics.attribution import CAUSES_MAX, Figures, rounded_to, shared_out
from storeff.economics.bill import bill
from storeff.economics.later_prices import LaterPrices
from storeff.errors import StoreffError
from storeff.layout.number import ceil
from storeff.layout.waterfall import LABELS, raw, step_factors
from storeff.quantity import Quantity
from storeff.report.bench_model import Row
from storeff.report.changes_model import Attribution, Cause, Verdict, verdict
from storeff.report.figures import format_number, times
from storeff.report.held import scenario_for
from storeff.report.mixed import billed_numbers, differing, leaf, mixed
from storeff.report.model import Report
from storeff.report.subject import chosen, stated
from storeff.units import format_bytes

REDUCTION = "data reduction"
TARGET = "target"
OTHERS = "other inputs"
REMAINDER = "not in the reports"
_CENT = Fraction(1, 100)
# What another drive brings with it.
_OF_DRIVE = ("drive", "enclosure", "carbon")
# Inputs of a bill that make a step of the waterfall too.
_OF_STEPS = {
    "data.reduction_ratio": "data_reduction",
    "layout.code": "erasure_coding",
    "layout.copies": "copies",
    "data.copies": "copies",
}


@dataclass(frozen=True)
class _Group:
    """Inputs that changed together, and what people read of them: ``keys`` are those of the
    scenario, ``steps`` those of the waterfall."""

    name: str
    changed: str
    keys: frozenset[str]
    steps: frozenset[str] = frozenset()

    def __or__(self, other: "_Group") -> "_Group":
        return _Group("", "", self.keys | other.keys, self.steps | other.steps)


_NOTHING = _Group("", "", frozenset())


@dataclass(frozen=True)
class _End:
    """A layout of a report, with what it was sized for and its steps as exact factors."""

    sized: SizedLayout | Row
    scenario: Scenario[Assumption]
    factors: dict[str, Any]

    @property
    def logical_bytes(self) -> Fraction:
        value = self.scenario.data.logical_bytes.value
        assert value is not None
        return value


def attribution(before: Report, after: Report, same_measurement: bool) -> Attribution | None:
    """Why the needs of the reference layout changed, or of the row that a bench recommends. None if
    one of the reports has none, or if they did not change."""
    a, b = map(chosen, (before, after))
    if a is None or b is None:
        return None
    raw_bytes, drives, npv = (
        None if old is None or new is None else new - old
        for old, new in zip(_needs(a), _needs(b), strict=True)
    )
    if not any(each is None or each for each in (raw_bytes, drives, npv)):
        return None
    because = None if npv is not None else "the cost is unknown in one of the reports"
    if before.currency != after.currency:
        npv, because = None, f"costs are in {before.currency} and in {after.currency}"
    made = Attribution(
        before=_name(a),
        after=_name(b),
        raw_bytes=None if raw_bytes is None else int(raw_bytes),
        drives=None if drives is None else int(drives),
        npv=None if npv is None else float(npv),
        causes=(),
        because=because,
    )
    if raw_bytes is None or drives is None:
        return msgspec.structs.replace(made, because="a report has no point for its raw bytes")
    try:
        ends = [_end(report, sized) for report, sized in ((before, a), (after, b))]
        shares, reckoned = _shares(ends[0], ends[1], npv is not None)
    except StoreffError as error:
        return msgspec.structs.replace(made, because=error.message)
    of_ratio = verdict(a.reduction_ratio, b.reduction_ratio, same_measurement)
    total = (raw_bytes, drives, Fraction(0) if npv is None else npv)
    remainder = _remainder_name(before, after)
    causes = _causes(shares, reckoned, total, npv is not None, of_ratio, remainder)
    return msgspec.structs.replace(made, causes=tuple(causes))


def _name(sized: SizedLayout | Row) -> str:
    return sized.name if isinstance(sized, SizedLayout) else sized.layout


def _needs(sized: SizedLayout | Row) -> tuple[Fraction | None, ...]:
    """Raw bytes, drives and cost, which is in cents."""
    needs: list[Quantity] = [
        stated(sized, path) for path in ("raw_bytes", "bill.drives", "bill.npv")
    ]
    return tuple(None if each.value is None else Fraction(str(each.value)) for each in needs)


def _end(report: Report, sized: SizedLayout | Row) -> _End:
    scenario = scenario_for(report, sized)
    run = map_numbers(scenario, exact)
    return _End(sized, scenario, step_factors(run.data, run.layout))


def _shares(
    a: _End, b: _End, is_priced: bool
) -> tuple[list[tuple[_Group, Figures]], tuple[Figures, Figures]]:
    """What each group of changed inputs is answerable for of raw bytes, drives and cost, and these
    themselves, computed again and rounded as in a report."""
    groups = list(_groups(a, b))

    def with_group(group: _Group) -> Figures:
        run = map_numbers(mixed(a.scenario, b.scenario, group.keys), exact)
        factors = {
            step: (b if step in group.steps else a).factors.get(step, Fraction(1))
            for step in LABELS
            if step in a.factors or step in b.factors
        }
        raw_bytes = raw(run.data.logical_bytes, factors)
        made = bill(run, raw_bytes)
        if math.isnan(made.drives) or (is_priced and math.isnan(made.npv)):
            raise StoreffError("a number that the drives or their cost rest on is unknown")
        npv = Fraction(made.npv) if is_priced else Fraction(0)
        return Fraction(ceil(raw_bytes)), Fraction(made.drives), npv

    if len(groups) > CAUSES_MAX:
        groups = _fewer(groups, with_group)
    by_name = {group.name: group for group in groups}

    def figures_with(names: frozenset[str]) -> Figures:
        whole = _NOTHING
        for name in names:
            whole |= by_name[name]
        return with_group(whole)

    shares = shared_out(list(by_name), figures_with)
    ends = (_rounded(figures_with(frozenset())), _rounded(figures_with(frozenset(by_name))))
    return [(by_name[name], figures) for name, figures in shares.items()], ends


def _rounded(figures: Figures) -> Figures:
    raw_bytes, drives, npv = figures
    return raw_bytes, drives, Fraction(str(round(float(npv), 2)))


def _fewer(groups: list[_Group], with_group: Callable[[_Group], Figures]) -> list[_Group]:
    """At most CAUSES_MAX groups: those that change the cost least by themselves are one."""
    base = with_group(_NOTHING)

    def effect(group: _Group) -> tuple[bool, Fraction, Fraction]:
        alone = with_group(group)
        kept = group.name in (TARGET, REDUCTION)
        return kept, abs(alone[2] - base[2]), abs(alone[0] - base[0])

    ordered = sorted(groups, key=effect, reverse=True)
    kept, rest = ordered[: CAUSES_MAX - 1], ordered[CAUSES_MAX - 1 :]
    whole = _NOTHING
    for group in rest:
        whole |= group
    others = _Group(OTHERS, ", ".join(group.name for group in rest), whole.keys, whole.steps)
    return [*(group for group in groups if group in kept), others]


def _groups(a: _End, b: _End) -> Iterator[_Group]:
    """What changed: the target, steps of the waterfall, and other inputs of the bill, those of
    another drive, site or layout together."""
    billed = billed_numbers(a.scenario) | billed_numbers(b.scenario)
    # A part that one of them lacks differs as a whole.
    billed |= {key.rpartition(".")[0] for key in billed}
    found = [
        key
        for key in differing(a.scenario, b.scenario)
        # Of what layout and data are, the steps tell all that the bill does not rest on itself.
        if key in billed or key == "layout.code" or not key.startswith(("layout.", "data."))
    ]
    if "data.logical_bytes" in found:
        sizes = (format_bytes(int(each.logical_bytes)) for each in (a, b))
        yield _Group(TARGET, _to(*sizes), frozenset({"data.logical_bytes"}))
        found.remove("data.logical_bytes")
    for step in LABELS:
        old, new = (each.factors.get(step, Fraction(1)) for each in (a, b))
        mine = frozenset(key for key in found if _OF_STEPS.get(key) == step)
        if old == new and not mine:
            continue
        found = [key for key in found if key not in mine]
        if step == "data_reduction":
            yield _Group(REDUCTION, _ratios(old, new), mine, frozenset({step}))
        else:
            changed = f"x {float(old):.4g} -> {float(new):.4g}"
            yield _Group(LABELS[step].lower(), changed, mine, frozenset({step}))
    for part in type(a.scenario).__struct_fields__:
        parts = _OF_DRIVE if part == "drive" else (part,)
        names = [getattr(getattr(each.scenario, part), "name", "") for each in (a, b)]
        mine = frozenset(key for key in found if key.partition(".")[0] in parts)
        if names[0] != names[1] and mine:
            yield _Group("clusters" if part == "layout" else part, _to(*names), mine)
            found = [key for key in found if key not in mine]
    for key in found:
        each = [leaf(end.scenario, key) for end in (a, b)]
        path = next((x.path for x in reversed(each) if isinstance(x, Assumption) and x.path), key)
        yield _Group(path, _to(*map(_shown, each)), frozenset({key}))


def _shown(value: Any) -> str:
    if isinstance(value, Assumption):
        value = None if value.value is None else float(value.value)
        return (
            "unknown"
            if value is None
            else format_number(int(value) if value == int(value) else value)
        )
    if value is None or isinstance(value, LaterPrices):
        return "none" if value is None else str(value)
    return str(getattr(value, "name", value))


def _ratios(old: Fraction, new: Fraction) -> str:
    return _to(*(f"{times(float(1 / factor))}x" for factor in (old, new)))


def _to(old: str, new: str) -> str:
    return f"{old} -> {new}"


def _causes(
    shares: list[tuple[_Group, Figures]],
    ends: tuple[Figures, Figures],
    total: tuple[Fraction, Fraction, Fraction],
    is_priced: bool,
    of_ratio: Verdict,
    remainder: str,
) -> Iterator[Cause]:
    """Each cause in whole bytes, drives and cents, the largest first, the remainder last."""
    groups = [group for group, _ in shares]
    units = (Fraction(1), Fraction(1), _CENT)
    columns, missing = [], []
    for i, unit in enumerate(units):
        parts = [figures[i] / unit for _, figures in shares]
        # Both ends are rounded in their reports, which a difference of them is not.
        reckoned = round((ends[1][i] - ends[0][i]) / unit)
        columns.append(rounded_to(parts, reckoned))
        missing.append(round(total[i] / unit) - reckoned)
    rows = [*zip(groups, *columns, strict=True)]
    rows.sort(key=lambda row: (-abs(row[3]), -abs(row[1]), row[0].name))
    if not is_priced:
        missing[2] = 0
    if any(missing):
        rows.append((_Group(remainder, "", frozenset()), missing[0], missing[1], missing[2]))
    for group, raw_bytes, drives, cents in rows:
        if not (raw_bytes or drives or cents):
            continue
        yield Cause(
            name=group.name,
            changed=group.changed,
            raw_bytes=raw_bytes,
            drives=drives,
            npv=cents / 100 if is_priced else None,
            verdict=of_ratio if group.name == REDUCTION else "changed",
        )


def _remainder_name(before: Report, after: Report) -> str:
    versions = [report.run.versions.get("storeff", "unknown") for report in (before, after)]
    if versions[0] != versions[1]:
        return f"storeff {_to(*versions)}"
    return REMAINDER
