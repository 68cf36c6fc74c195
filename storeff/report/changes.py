"""Reports beside a baseline: what changed, and what only looks so.

Two figures whose 95 % intervals overlap are not called a change, as another measurement of the same
data could give either. Exact figures that differ are. Figures that rest on one and the same
measurement are as exact beside each other: its error is in both.
"""

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Any

from storeff.economics.catalogues import CATALOGUES
from storeff.quantity import Quantity
from storeff.report.changes_model import (
    Compared,
    Comparison,
    Fact,
    Figure,
    Input,
    LayoutChange,
    Verdict,
    verdict,
)
from storeff.report.model import Report
from storeff.report.paths import Found, find
from storeff.report.why import attribution

# What is looked at, in the order in which people read it.
_FIGURES = {
    "files": "scan.files",
    "scanned": "scan.logical_bytes",
    "coverage": "coverage",
    "data reduction": "ratio",
    "compression only": "compression_only",
    "requests of the trace": "kv.trace.requests",
    "token hit rate": "hit_rate",
    "KV dumps": "kv.survey.dump_bytes",
    "layout's data reduction": "layout_ratio",
    "raw storage": "raw",
    "drives": "drives",
    "racks": "racks",
    "power": "power",
    "capex": "capex",
    "cost": "cost",
    "nines": "nines",
}
_MONEY = ("capex", "cost")


def compare(named: Sequence[tuple[str, Report]]) -> Compared:
    """Every report after the first beside the first, each with its name."""
    (first, baseline), *others = named
    return Compared(
        comparisons=tuple(_compared(first, baseline, name, report) for name, report in others)
    )


def _compared(first: str, baseline: Report, name: str, report: Report) -> Comparison:
    same = is_same_measurement(baseline, report)
    facts = tuple(_facts(baseline, report))
    figures = tuple(_figures(baseline, report, same))
    layouts = tuple(_layouts(baseline, report, same))
    gone, new = _layout_sets(baseline, report)
    inputs = tuple(_inputs(baseline, report))
    within = (each.verdict for each in figures)
    beside = ((x.raw_bytes, x.drives, x.npv) for x in layouts)
    verdicts = [*within, *(each.verdict for each in chain.from_iterable(beside))]
    return Comparison(
        baseline=first,
        report=name,
        currency=report.currency,
        is_same_measurement=same,
        differs=bool("changed" in verdicts or facts or gone or new or inputs),
        facts=facts,
        figures=figures,
        layouts=layouts,
        layouts_gone=gone,
        layouts_new=new,
        inputs=inputs,
        attribution=attribution(baseline, report, same),
    )


def is_same_measurement(a: Report, b: Report) -> bool:
    """Whether both rest on one measurement: times, which vary by run, are not in these parts."""
    if a.reduction is None and a.kv is None:
        return b.reduction is None and b.kv is None
    return a.reduction == b.reduction and a.kv == b.kv


def _figures(a: Report, b: Report, same: bool) -> Iterator[Figure]:
    for name, path in _FIGURES.items():
        found = [find(report, path) for report in (a, b)]
        before, after = map(_exactly, found)
        if before is None and after is None:
            continue
        rooms = {each.path.partition(".")[0].partition("[")[0] for each in found}
        if len(rooms) > 1:
            # A short name is of something else in another kind of report.
            continue
        if name in _MONEY and a.currency != b.currency:
            answer: Verdict = "unknown"
        else:
            answer = verdict(before, after, same)
        where = found[1] if found[1].missing is None else found[0]
        yield Figure(name=name, path=where.path, before=before, after=after, verdict=answer)


def _exactly(found: Found) -> Quantity | None:
    """A figure; a bare number has no interval of measurement, whatever stands beside it."""
    value = found.value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Quantity.exact(value, "derived")
    return value if isinstance(value, Quantity) else None


def _rows(report: Report) -> dict[tuple[str, str], tuple[str, Quantity, Quantity, Quantity]]:
    """Raw bytes, drives and cost of each layout on a drive, and their path."""
    made = {
        (x.name, x.drive): (f"layouts[{x.name}]", x.raw_bytes, x.bill.drives, x.bill.npv)
        for x in report.layouts
    }
    if report.bench is not None:
        made |= {
            (x.layout, x.drive): (
                f"bench.rows[{x.layout},{x.drive}]",
                x.raw_bytes,
                x.drives,
                x.npv,
            )
            for x in report.bench.rows
        }
    return made


def _layouts(a: Report, b: Report, same: bool) -> Iterator[LayoutChange]:
    before, after = _rows(a), _rows(b)
    currencies = a.currency == b.currency
    for key in before:
        if key not in after:
            continue
        path = after[key][0]
        bill = "" if path.startswith("bench") else ".bill"
        made = {}
        for i, (name, where) in enumerate(
            (("raw_bytes", ".raw_bytes"), ("drives", f"{bill}.drives"), ("npv", f"{bill}.npv")), 1
        ):
            old: Any = before[key][i]
            new: Any = after[key][i]
            answer = verdict(old, new, same) if name != "npv" or currencies else "unknown"
            made[name] = Figure(
                name=name, path=f"{path}{where}", before=old, after=new, verdict=answer
            )
        yield LayoutChange(layout=key[0], drive=key[1], **made)


def _layout_sets(a: Report, b: Report) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names = [list(dict.fromkeys(layout for layout, _ in _rows(each))) for each in (a, b)]
    before, after = names
    gone = tuple(name for name in before if name not in after)
    return gone, tuple(name for name in after if name not in before)


def _inputs(a: Report, b: Report) -> Iterator[Input]:
    """Assumptions that differ. Of two drives, sites or enclosures that took each other's place,
    those that say the same of each are one."""
    if not (a.assumptions and b.assumptions):
        return
    single = _single(a) & _single(b)
    before, after = ({_about(row.path, single): row for row in x.assumptions} for x in (a, b))
    # A layout that one report does not have is no changed assumption.
    only = {layout for layout, _ in _rows(a)} ^ {layout for layout, _ in _rows(b)}
    for about in dict.fromkeys([*before, *after]):
        old, new = before.get(about), after.get(about)
        values = [None if row is None else row.value for row in (old, new)]
        known = new or old
        if known is None or values[0] == values[1]:
            continue
        if any(known.path.startswith(f"layouts.{name}.") for name in only):
            continue
        # Nor is a drive that only one of them has beside others, or what follows from drives.
        room = known.path.partition(".")[0]
        if None in (old, new) and ("drives" if room == "layouts" else room) not in single:
            continue
        yield Input(
            path=known.path,
            path_before=None if old is None else old.path,
            unit=known.unit,
            before=values[0],
            after=values[1],
            source_before=None if old is None else old.source,
            source_after=None if new is None else new.source,
        )


# Catalogues of which a build has one entry, if it is no comparison.
_ENTRIES = tuple(room for room in CATALOGUES if room != "layouts")


def _single(report: Report) -> set[str]:
    """The catalogues of which ``report`` has one entry."""
    names: dict[str, set[str]] = {}
    for row in report.assumptions:
        room, _, rest = row.path.partition(".")
        names.setdefault(room, set()).add(rest.rpartition(".")[0])
    return {room for room, those in names.items() if len(those) == 1}


def _about(path: str, single: set[str]) -> str:
    """What an assumption is of, without the name of the drive, the site... if there is one."""
    room, _, rest = path.partition(".")
    if room not in _ENTRIES or room not in single:
        return path
    return f"{room}.{rest.rpartition('.')[2]}"


def _facts(a: Report, b: Report) -> Iterator[Fact]:
    rows = [dict(_known_facts(each)) for each in (a, b)]
    for name in dict.fromkeys([*rows[0], *rows[1]]):
        before, after = rows[0].get(name), rows[1].get(name)
        if before != after:
            yield Fact(name=name, before=before, after=after)


def _known_facts(report: Report) -> Iterator[tuple[str, str]]:
    yield "storeff", report.run.versions.get("storeff", "unknown")
    yield "currency", report.currency
    yield "seed", str(report.run.seed)
    if report.target is not None:
        yield "target", report.target.display
    if report.scan is not None:
        yield "sources", ", ".join(report.scan.sources)
    yield "assumptions listed", "yes" if report.assumptions else "no"
    yield "complete", "yes" if report.complete else "no"
    if report.run.plan_digest is not None:
        yield "plan", report.run.plan_digest
    if report.reduction is not None:
        sampling = report.reduction.method.sampling
        yield "read", "everything" if sampling is None else "a sample"
    if report.reference_layout is not None:
        yield "reference layout", report.reference_layout
    drives = dict.fromkeys(drive for _, drive in _rows(report))
    if drives:
        yield "drive", ", ".join(drives)
    sites = dict.fromkeys(layout.site for layout in report.layouts if layout.site)
    if sites:
        yield "site", ", ".join(sites)
    floors = {x.at_floor.nines for x in report.layouts if x.at_floor is not None}
    if floors:
        yield "durability asked for", f"{max(floors):g} nines"
    credits_ = dict.fromkeys(x.credit.policy for x in report.layouts if x.credit is not None)
    if credits_:
        yield "data reduction credited", ", ".join(credits_)
    if report.bench is not None and report.bench.recommendation is not None:
        best = report.bench.recommendation
        yield "recommended", f"{best.layout} on {best.drive}"
