"""The report for a person at a terminal: the answer first, then what it rests on."""

from collections.abc import Iterator

from rich.console import RenderableType

from storeff.report.incomplete import coverage_shown
from storeff.report.model import Report, Scan, Skipped
from storeff.report.page import Column, Paragraph, Section, shortened, show
from storeff.report.render import UNKNOWN, paragraph, section, simple_table
from storeff.report.terminal_kv import kv_sections
from storeff.report.terminal_layouts import layout_sections, verdict
from storeff.report.terminal_reduction import (
    answer,
    has_figures,
    reduction_sections,
    source_labels,
)
from storeff.units import counted, format_bytes

SHOWN_SOURCES = 8
_SOURCE_WIDTH = 70


def print_report(report: Report, *, full: bool = False) -> None:
    """Write ``report`` to stdout, no wider than the terminal; with bold and colour on one only."""
    show(*_sections(report))


def _sections(report: Report) -> Iterator[RenderableType]:
    if not report.complete:
        yield _incomplete(report)
    reduction = report.reduction
    measured = reduction is not None and bool(reduction.data_bytes)
    answered = measured and report.target is None
    if reduction is not None and answered:
        yield answer(reduction, report.complete, sized=bool(report.layouts))
    if report.layouts:
        yield verdict(report)
    if report.scan is not None:
        yield _scanned(report.scan, report.complete)
    if reduction is not None and measured and has_figures(reduction):
        yield from reduction_sections(reduction, report.complete, answered)
    if report.kv is not None:
        yield from kv_sections(report.kv)
    if report.layouts:
        yield from layout_sections(report)
    if report.scan is not None or report.warnings or _skipped(report):
        yield _reliance(report)


def _incomplete(report: Report) -> Paragraph:
    """The first line where not all that was asked for was read."""
    because = "; ".join(report.incomplete_because) or "see what was skipped"
    if report.scan is not None and report.scan.coverage < 1:
        because = f"rests on {coverage_shown(report.scan)} of the listed bytes; {because}"
    return paragraph(f"INCOMPLETE: {because}", "bold yellow")


def _scanned(scan: Scan, complete: bool) -> Section:
    shared, labels = source_labels(scan.sources)
    lines = [f"below {shortened(shared, _SOURCE_WIDTH)}"] if shared else []
    lines += [shortened(label, _SOURCE_WIDTH) for label in labels[:SHOWN_SOURCES]]
    if len(labels) > SHOWN_SOURCES:
        lines.append(f"and {counted(len(labels) - SHOWN_SOURCES, 'more source')}")
    text = (
        f"{counted(scan.files, 'file')}, {format_bytes(scan.logical_bytes)} "
        f"({format_bytes(scan.allocated_bytes)} on disk); read {format_bytes(scan.read_bytes)}"
    )
    if scan.coverage < 1:
        text += f", {coverage_shown(scan)} of the listed bytes"
    if scan.hole_bytes:
        text += f"; {format_bytes(scan.hole_bytes)} are holes, not counted as data"
    lines.append(text)
    for aside in scan.set_aside:
        size = "" if aside.bytes is None else f", {format_bytes(aside.bytes)}"
        lines.append(
            f"ignored: {counted(aside.files, 'entry', 'entries')} ({aside.reason}{size}): "
            f"{aside.meaning}"
        )
    # Why as much was read as was asked for is no longer true of a scan that did not get there.
    if scan.choice is not None and complete:
        lines.append(scan.choice)
    return section("Read", *map(paragraph, lines))


def _skipped(report: Report) -> list[Skipped]:
    if report.scan is not None:
        return report.scan.skipped
    return report.kv.skipped if report.kv is not None else []


def _reliance(report: Report) -> Section:
    """What was not covered, and every warning."""
    body: list[RenderableType] = []
    if _skipped(report):
        table = simple_table(
            "skipped",
            "entries",
            "bytes",
            Column("what to do", "left", least=26, most=50),
            Column("for example", "left", shortened=True, least=24),
        )
        for skipped in _skipped(report):
            table.add_row(
                skipped.reason,
                f"{skipped.files:,}",
                UNKNOWN if skipped.bytes is None else format_bytes(skipped.bytes),
                skipped.remedy,
                skipped.examples[0] if skipped.examples else "",
            )
        body.append(table)
    elif report.scan is not None and report.complete:
        of = "" if report.scan.coverage == 1 else " (of what was chosen to be read)"
        body.append(paragraph(f"Coverage: complete{of}."))
    body += [paragraph(f"! {w.message} -> {w.remedy}", "yellow") for w in report.warnings]
    return section("Before you rely on it", *body)
