"""A report as sections: all that is said of it, once, for every format to lay out.

Built from the report alone. What is chosen, how it is worded and how figures are rounded is decided
here and in the modules that this one calls; a format decides none of it.
"""

from collections.abc import Iterator

from storeff.report.figures import known
from storeff.report.incomplete import coverage_shown, skipped_rows
from storeff.report.model import Report, Scan
from storeff.report.page import Column, Paragraph, Part, Section, shortened, tabled
from storeff.report.sections_bench import bench_sections
from storeff.report.sections_inside import inside_section
from storeff.report.sections_kv import kv_sections
from storeff.report.sections_layouts import layout_sections
from storeff.report.sections_plan import plan_sections
from storeff.report.sections_reduction import has_figures, reduction_sections, source_labels
from storeff.report.sections_risk import risk_sections
from storeff.report.sections_services import service_sections
from storeff.report.sections_terms import commitment_sections, guarantee_section
from storeff.report.summary import FULL_TABLE, after_bench, summary
from storeff.units import counted, format_bytes

SHOWN_SOURCES = 8
_SOURCE_WIDTH = 70


def sections(report: Report, *, full: bool = True) -> list[Section]:
    """What there is to say of ``report``, the answer first: that alone unless ``full``."""
    if report.bench is not None:
        shown = list(bench_sections(report, full=full))
        return [*shown, *_details(report)] if full else [*shown, after_bench()]
    return [*summary(report, full=full), *(_details(report) if full else ())]


def _details(report: Report) -> Iterator[Section]:
    reduction = report.reduction
    if report.scan is not None:
        yield _read(report.scan, report.complete)
    if reduction is not None and reduction.data_bytes and has_figures(reduction):
        yield from reduction_sections(reduction, report.scan, FULL_TABLE)
        yield from inside_section(reduction)
    if report.kv is not None:
        yield from kv_sections(report.kv)
    if report.layouts:
        yield from layout_sections(report)
        yield from risk_sections(report)
    yield from plan_sections(report)
    yield from asked_sections(report)
    reliance = list(_reliance(report))
    if reliance:
        yield Section("reliance", "Before you rely on it", tuple(reliance))


def asked_sections(report: Report, *, full: bool = True) -> Iterator[Section]:
    """What was asked of a finished report: commitments, guarantees and services."""
    if report.commitment is not None:
        yield from commitment_sections(report.commitment, report.currency, full=full)
    if report.guarantee is not None:
        yield guarantee_section(report.guarantee, report.currency)
    if report.services is not None:
        yield from service_sections(report.services, report.reference_layout, full=full)


def _read(scan: Scan, complete: bool) -> Section:
    shared, labels = source_labels(scan.sources)
    lines = [f"below {shortened(shared, _SOURCE_WIDTH)}"] if shared else []
    lines += [shortened(label, _SOURCE_WIDTH) for label in labels[:SHOWN_SOURCES]]
    if len(labels) > SHOWN_SOURCES:
        lines.append(f"and {counted(len(labels) - SHOWN_SOURCES, 'more source')}")
    # What a store keeps of an object is not known.
    of_files = scan.requests is None
    on_disk = f" ({format_bytes(scan.allocated_bytes)} on disk)" if of_files else ""
    text = (
        f"{counted(scan.files, 'file' if of_files else 'object')}, "
        f"{format_bytes(scan.logical_bytes)}{on_disk}; read {format_bytes(scan.read_bytes)}"
    )
    if scan.coverage < 1:
        text += f", {coverage_shown(scan)} of the listed bytes"
    if scan.hole_bytes:
        text += f"; {format_bytes(scan.hole_bytes)} are holes, not counted as data"
    lines.append(text)
    if scan.requests is not None:
        asked = scan.requests
        lines.append(
            f"{counted(asked.get, 'request')} for objects and {counted(asked.list, 'request')} to "
            f"list them; {format_bytes(asked.fetched_bytes)} came from the store"
        )
    for each in scan.ignored:
        size = "" if each.bytes is None else f", {format_bytes(each.bytes)}"
        entries = counted(each.files, "entry", "entries")
        lines.append(f"ignored: {entries} ({each.reason}{size}): {each.meaning}")
    # Why as much was read as was asked for is no longer true of a scan that did not get there.
    if scan.choice is not None and complete:
        lines.append(scan.choice)
    return Section("read", "Read", tuple(map(Paragraph, lines)))


def _reliance(report: Report) -> Iterator[Part]:
    """What was not covered, and every warning."""
    skipped = skipped_rows(report)
    if skipped:
        yield tabled(
            skipped,
            {
                "skipped": lambda row: row.reason,
                "entries": lambda row: f"{row.files:,}",
                "bytes": lambda row: known(row.bytes, format_bytes),
                Column("what to do", "text", least=26, most=50): lambda row: row.remedy,
                Column("for example", "name", least=24): lambda row: "".join(row.examples[:1]),
            },
        )
    elif report.scan is not None and report.complete:
        of = "" if report.scan.coverage == 1 else " (of what was chosen to be read)"
        yield Paragraph(f"Coverage: complete{of}.")
    yield from (Paragraph(f"! {w.message} -> {w.remedy}", "warning") for w in report.warnings)
