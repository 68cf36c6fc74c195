"""What a reader must know before using the figures."""

from collections.abc import Iterator

from storeff.economics import SizedLayout
from storeff.estimate.reduction import Reduction
from storeff.report.model import Report, Scan, Warned
from storeff.units import covered, format_bytes, significant

# Beyond this a repeated-domain assumption carries the answer more than the measurement does.
FAR_BEYOND_SCAN = 1000
NOTABLE_HOLES = 0.01


def warn(report: Report) -> list[Warned]:
    """Every warning that ``report`` deserves, in a fixed order."""
    return [Warned(code=c, message=m, remedy=r) for c, m, r in _warnings(report)]


def _warnings(report: Report) -> Iterator[tuple[str, str, str]]:
    scan, reduction = report.scan, report.reduction
    if scan is not None and reduction is not None:
        if any(s.reason == "interrupted" for s in scan.skipped):
            yield (
                "interrupted",
                f"the scan was cut short at {covered(scan.coverage)} of what had been listed; the "
                "figures describe what was read, in directory order, and no more than that",
                "run it to the end",
            )
        elif scan.skipped:
            yield (
                "not-covered",
                f"{sum(s.files for s in scan.skipped):,} entries were not measured; the figures "
                f"describe the {covered(scan.coverage)} of listed bytes that were",
                "see scan.skipped for each reason and what to do",
            )
        if scan.hole_bytes > NOTABLE_HOLES * max(1, scan.logical_bytes):
            yield (
                "holes",
                f"{format_bytes(scan.hole_bytes)} of {format_bytes(scan.logical_bytes)} are holes "
                "in sparse files; they are not counted as data, nor as savings",
                "size for them apart if the target will fill them",
            )
        if reduction.method.sampling is not None:
            yield from _sampled(scan, reduction)
        if not reduction.data_bytes:
            yield (
                "no-data",
                "no data was read, so nothing can be said of how it shrinks",
                "scan a directory that holds files",
            )
        elif report.target is not None:
            times = report.target.bytes / reduction.data_bytes
            if times > FAR_BEYOND_SCAN:
                yield (
                    "beyond-scan",
                    f"the target is {significant(times)} times what was read; the measured "
                    "reduction assumes that the target repeats data like it, the floor does not",
                    "scan more, and data from every source that will be stored",
                )
    stale = [row for row in report.assumptions if row.stale]
    if stale:
        yield (
            "stale-assumptions",
            f"{len(stale)} assumed figures are older than their shelf life: "
            + ", ".join(row.path for row in stale[:4])
            + (", ..." if len(stale) > 4 else ""),
            "put today's figures in a file of your own and pass it with --data",
        )
    bare = [layout.name for layout in report.layouts if not _is_redundant(layout)]
    if bare:
        yield (
            "no-redundancy",
            f"{', '.join(bare)} {'keeps' if len(bare) == 1 else 'keep'} one copy and no parity: "
            "losing any drive loses data",
            "give the code parity, or keep the data elsewhere too",
        )
    unpriced = [layout.name for layout in report.layouts if layout.bill.tco.value is None]
    if unpriced:
        yield (
            "unknown-price",
            f"a price is unknown, so there is no total for {', '.join(unpriced)}",
            "give the price in a file of your own and pass it with --data",
        )


def _is_redundant(layout: SizedLayout) -> bool:
    factors = {step.step: step.factor.value for step in layout.waterfall}
    return (factors["copies"], factors["erasure_coding"]) != (1, 1)


def _sampled(scan: Scan, reduction: Reduction) -> Iterator[tuple[str, str, str]]:
    yield (
        "sampled",
        f"{covered(scan.coverage)} of the listed bytes were read; the figures are estimates for "
        "all of them",
        "read everything with --sample 100%",
    )
    head, floor = reduction.headline, reduction.scope.floor
    if floor.value is None:
        yield (
            "too-little-read",
            "too few places were read to say how far the data shrinks",
            "read more: give a larger --sample or --time-budget",
        )
    elif head.ratio.value is None:
        yield (
            "no-dedup-point",
            f"the sample supports no point for {head.chunker} deduplication and {head.codec}, only "
            "the range shown; layouts that deduplicate so are sized without any duplicate",
            "read more: uncertainty.more_reading says what twice and four times as much would give",
        )
