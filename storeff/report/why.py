"""Why the needs of the reference layout changed from one report to another.

Both reports hold all that their bills rest on: the factors of the waterfall, and every assumption
by its path. So the bill is reckoned again (``rebuilt``) with every set of the inputs that changed,
and each of these is answerable for its Shapley value: ``storeff.economics.attribution`` says why
not for its logarithmic mean, as in the waterfall. The bills of both ends come out as they are in
the reports. What they are off is a cause of its own, never spread over others: it comes from what a
report does not hold, or from the formulas of another version.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from fractions import Fraction

import msgspec

from storeff.economics import SizedLayout
from storeff.economics.attribution import CAUSES_MAX, Figures, rounded_to, shared_out
from storeff.errors import StoreffError
from storeff.layout.waterfall import LABELS
from storeff.report.changes_model import Attribution, Cause, Verdict, verdict
from storeff.report.figures import format_number, times
from storeff.report.model import Report
from storeff.report.rebuilt import CLUSTERS, ROLES, Inputs, NotHeldError, bill_of, inputs_of
from storeff.units import format_bytes

REDUCTION = "data reduction"
TARGET = "target"
OTHERS = "other inputs"
REMAINDER = "not in the reports"
_CENT = Fraction(1, 100)


@dataclass(frozen=True)
class _Group:
    """Inputs that changed together, by ``keys`` of ``_mixed``, and what people read of them."""

    name: str
    changed: str
    keys: frozenset[str]


def attribution(before: Report, after: Report, same_measurement: bool) -> Attribution | None:
    """Why the needs of the reference layout changed. None if one of the reports has none, or if
    they did not change."""
    a, b = map(_reference, (before, after))
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
        before=a.name,
        after=b.name,
        raw_bytes=None if raw_bytes is None else int(raw_bytes),
        drives=None if drives is None else int(drives),
        npv=None if npv is None else float(npv),
        causes=(),
        because=because,
    )
    if raw_bytes is None or drives is None:
        return msgspec.structs.replace(made, because="a report has no point for its raw bytes")
    try:
        shares, ends = _shares((before, after), (a, b), npv is not None)
    except NotHeldError as error:
        return msgspec.structs.replace(made, because=str(error))
    except StoreffError as error:
        return msgspec.structs.replace(made, because=error.message)
    of_ratio = verdict(a.reduction_ratio, b.reduction_ratio, same_measurement)
    total = (raw_bytes, drives, Fraction(0) if npv is None else npv)
    causes = _causes(shares, ends, total, npv is not None, of_ratio, _remainder_name(before, after))
    return msgspec.structs.replace(made, causes=tuple(causes))


def _reference(report: Report) -> SizedLayout | None:
    return next((x for x in report.layouts if x.name == report.reference_layout), None)


def _needs(layout: SizedLayout) -> tuple[Fraction | None, ...]:
    """Raw bytes, drives and cost, which is in cents."""
    needs = (layout.raw_bytes.value, layout.bill.drives.value, layout.bill.npv.value)
    return tuple(None if each is None else Fraction(str(each)) for each in needs)


def _shares(
    reports: tuple[Report, Report], layouts: tuple[SizedLayout, SizedLayout], is_priced: bool
) -> tuple[list[tuple[_Group, Figures]], tuple[Figures, Figures]]:
    """What each group of changed inputs is answerable for of raw bytes, drives and cost, and these
    themselves, reckoned again and rounded as in a report."""
    a, b = (inputs_of(*each) for each in zip(reports, layouts, strict=True))
    groups = list(_groups(a, b, layouts))

    def with_keys(keys: frozenset[str]) -> Figures:
        mixed = _mixed(a, b, keys)
        bill = bill_of(mixed, exactly=True)
        if math.isnan(bill.drives) or (is_priced and math.isnan(bill.npv)):
            raise NotHeldError("a report lists too few assumptions for its drives or its cost")
        npv = Fraction(bill.npv) if is_priced else Fraction(0)
        return Fraction(mixed.raw_bytes), Fraction(bill.drives), npv

    if len(groups) > CAUSES_MAX:
        groups = _fewer(groups, with_keys)
    by_name = {group.name: group for group in groups}

    def figures_with(names: frozenset[str]) -> Figures:
        return with_keys(frozenset().union(*(by_name[name].keys for name in names)))

    shares = shared_out(list(by_name), figures_with)
    ends = (_rounded(figures_with(frozenset())), _rounded(figures_with(frozenset(by_name))))
    return [(by_name[name], figures) for name, figures in shares.items()], ends


def _rounded(figures: Figures) -> Figures:
    raw_bytes, drives, npv = figures
    return raw_bytes, drives, Fraction(str(round(float(npv), 2)))


def _fewer(groups: list[_Group], with_keys: Callable[[frozenset[str]], Figures]) -> list[_Group]:
    """At most CAUSES_MAX groups: those that change the cost least by themselves are one."""
    base = with_keys(frozenset())

    def effect(group: _Group) -> tuple[bool, Fraction, Fraction]:
        alone = with_keys(group.keys)
        kept = group.name in (TARGET, REDUCTION)
        return kept, abs(alone[2] - base[2]), abs(alone[0] - base[0])

    ordered = sorted(groups, key=effect, reverse=True)
    kept, rest = ordered[: CAUSES_MAX - 1], ordered[CAUSES_MAX - 1 :]
    names = ", ".join(group.name for group in rest)
    others = _Group(OTHERS, names, frozenset().union(*(group.keys for group in rest)))
    return [*(group for group in groups if group in kept), others]


def _mixed(a: Inputs, b: Inputs, keys: frozenset[str]) -> Inputs:
    """``a`` with what ``keys`` name as it is in ``b``."""
    steps = [key.removeprefix("step.") for key in keys if key.startswith("step.")]
    factors = dict(a.factors) | {step: b.factors.get(step, 1.0) for step in steps}
    logical = b.logical_bytes if TARGET in keys else a.logical_bytes
    changed = {
        key for key in (TARGET, *map(_step, {*a.factors, *b.factors})) if _differs(a, b, key)
    }
    raw_bytes = a.raw_bytes
    if changed and changed <= keys:
        raw_bytes = b.raw_bytes
    elif changed & keys:
        grown = Fraction(logical, a.logical_bytes)
        for step in steps:
            grown *= Fraction(str(factors[step])) / Fraction(str(a.factors.get(step, 1.0)))
        raw_bytes = math.ceil(a.raw_bytes * grown)
    numbers = {role: value for role, value in a.numbers.items() if role not in keys}
    numbers |= {role: value for role, value in b.numbers.items() if role in keys}
    code = b if _step("erasure_coding") in keys else a
    return Inputs(
        logical_bytes=logical,
        raw_bytes=raw_bytes,
        factors=factors,
        fragments=code.fragments,
        is_replica=code.is_replica,
        numbers=numbers,
        paths={},
    )


def _step(name: str) -> str:
    return f"step.{name}"


def _differs(a: Inputs, b: Inputs, key: str) -> bool:
    if key == TARGET:
        return a.logical_bytes != b.logical_bytes
    step = key.removeprefix("step.")
    return a.factors.get(step, 1.0) != b.factors.get(step, 1.0)


def _groups(a: Inputs, b: Inputs, layouts: tuple[SizedLayout, SizedLayout]) -> Iterator[_Group]:
    """What changed: the target, steps of the waterfall, and assumptions, those of another drive,
    site or layout together."""
    first, second = layouts
    if _differs(a, b, TARGET):
        sizes = map(format_bytes, (a.logical_bytes, b.logical_bytes))
        yield _Group(TARGET, _to(*sizes), frozenset({TARGET}))
    codes = (a.fragments, a.is_replica) != (b.fragments, b.is_replica)
    for step in LABELS:
        if _differs(a, b, _step(step)) or (step == "erasure_coding" and codes):
            old, new = a.factors.get(step, 1.0), b.factors.get(step, 1.0)
            if step == "data_reduction":
                yield _Group(REDUCTION, _ratios(old, new), frozenset({_step(step)}))
                continue
            changed = f"x {old:.4g} -> {new:.4g}"
            yield _Group(LABELS[step].lower(), changed, frozenset({_step(step)}))
    roles = dict.fromkeys([*a.numbers, *b.numbers])
    differing = [role for role in roles if a.numbers.get(role) != b.numbers.get(role)]
    replaced = {
        "drive": (("drive", "enclosure", "carbon"), first.drive, second.drive),
        "site": (("site",), first.site or "", second.site or ""),
        "clusters": (("layout",), first.name, second.name),
    }
    for name, (parts, old_name, new_name) in replaced.items():
        mine = [r for r in differing if r.partition(".")[0] in parts and _is_billed(r)]
        if old_name != new_name and mine:
            yield _Group(name, _to(old_name, new_name), frozenset(mine))
            differing = [role for role in differing if role not in mine]
    for role in filter(_is_billed, differing):
        values = (each.numbers.get(role) for each in (a, b))
        shown = ("unknown" if value is None else format_number(value) for value in values)
        path = b.paths.get(role) or a.paths[role]
        yield _Group(path, _to(*shown), frozenset({role}))


def _is_billed(role: str) -> bool:
    """Whether a bill rests on it beside the waterfall."""
    part, _, field = role.partition(".")
    return part in ROLES.values() and (part != "layout" or field in CLUSTERS)


def _ratios(old: float, new: float) -> str:
    return _to(*(f"{times(1 / factor)}x" for factor in (old, new)))


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
