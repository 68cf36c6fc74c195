"""What changing numbers of a layout comes to, for people: past, now and the difference."""

from collections.abc import Iterator

from storeff.quantity import Quantity
from storeff.report.changes import compare
from storeff.report.figure_kinds import Kind, kind_of
from storeff.report.figures import interval, known
from storeff.report.held import layout_of
from storeff.report.model import Report
from storeff.report.page import Column, Paragraph, Part, Section, tabled
from storeff.report.sections_changes import NO_CHANGE, changed_inputs, relative, why
from storeff.report.subject import stated

# What is shown, by its path in a layout.
_FIGURES = {
    "raw storage": "raw_bytes",
    "drives": "bill.drives",
    "racks": "bill.racks",
    "power, peak": "bill.facility_mw_peak",
    "capex": "bill.capex.total",
    "cost": "bill.npv",
}


def resized_sections(past: Report, now: Report, *, full: bool = False) -> Iterator[Section]:
    """The reference layout of ``past`` beside that of ``now``, what was changed, and why."""
    before, after = layout_of(past, None), layout_of(now, None)
    rows = [
        (name, path, stated(before, path), stated(after, path)) for name, path in _FIGURES.items()
    ]

    def shown(path: str, q: Quantity) -> str:
        return interval(q, kind_of(path, past.currency).show)

    table = tabled(
        rows,
        {
            Column("figure", "text", least=11): lambda row: row[0],
            "past": lambda row: shown(row[1], row[2]),
            "now": lambda row: shown(row[1], row[3]),
            "difference": lambda row: _difference(row[2], row[3], kind_of(row[1], past.currency)),
        },
    )
    parts: list[Part] = [table]
    (compared,) = compare([("past", past), ("now", now)]).comparisons
    if not compared.inputs and compared.attribution is None:
        parts.append(Paragraph(f"{NO_CHANGE[0].upper()}{NO_CHANGE[1:]}."))
    yield Section("resized", f"{before.name}: past, now and difference", tuple(parts))
    if compared.inputs:
        yield changed_inputs(compared.inputs, full)
    if compared.attribution is not None:
        yield why(compared.attribution, past.currency)


def _difference(before: Quantity, after: Quantity, kind: Kind) -> str:
    """Of the two figures, whatever they share of what is not known: ``+1.2 B USD (+3.2 %)``."""
    if before.value is None or after.value is None:
        return known(None, str)
    more = after.value - before.value
    if not more:
        return "none"
    part = f" ({relative(after.value / before.value)})" if before.value else ""
    return f"{'-' if more < 0 else '+'}{kind.show(abs(more))}{part}"
