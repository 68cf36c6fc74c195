"""What a reader must know before using the figures."""

from collections.abc import Iterator

from storeff.economics import SizedLayout, is_below
from storeff.estimate.reduction import Reduction
from storeff.report.incomplete import coverage_shown
from storeff.report.model import Report, Scan, Warned
from storeff.report.price_notes import price_warnings
from storeff.units import counted, format_bytes, percent

# Beyond this a repeated-domain assumption carries the answer more than the measurement does.
FAR_BEYOND_SCAN = 1000
NOTABLE_HOLES = 0.01
NOTABLE_AGAIN = 0.01
NOTABLE_PADDING = 0.1


def warn(report: Report) -> list[Warned]:
    """The warnings that ``report`` deserves beside those of what is incomplete, in fixed order."""
    return [Warned(code=c, message=m, remedy=r) for c, m, r in _warnings(report)]


def _warnings(report: Report) -> Iterator[tuple[str, str, str]]:
    scan, reduction = report.scan, report.reduction
    if scan is not None and reduction is not None:
        if scan.hole_bytes > NOTABLE_HOLES * max(1, scan.logical_bytes):
            yield (
                "holes",
                f"{format_bytes(scan.hole_bytes)} of {format_bytes(scan.logical_bytes)} are holes "
                "in sparse files; they are not counted as data, nor as savings",
                "size for them apart if the target will fill them",
            )
        for each in scan.ignored:
            if each.reason == "listed-again" and each.files > NOTABLE_AGAIN * scan.files:
                yield (
                    "listed-again",
                    f"{counted(each.files, 'listed name')} had come before, such as "
                    f"{each.examples[0]}; each is measured once",
                    "see what the list was made of: it names less than it seems to",
                )
        if reduction.method.sampling is not None:
            yield from _sampled(report, scan, reduction)
        yield from _imprecise(reduction)
        target_bytes = 0 if report.target is None else report.target.bytes
        far = target_bytes > FAR_BEYOND_SCAN * reduction.data_bytes
        if far and reduction.scope.measured.low is not None:
            yield (
                "beyond-scan",
                f"the target is {format_bytes(target_bytes)}, and "
                f"{format_bytes(reduction.data_bytes)} were measured: the reduction assumes "
                "that it repeats such data",
                "scan more, and data from every source that will be stored",
            )
    uncredited = [
        layout.name
        for layout in report.layouts
        for step in layout.waterfall
        if step.step == "data_reduction" and step.factor.origin == "assumed"
    ]
    if reduction is not None and uncredited:
        yield (
            "no-reduction",
            "the report has no measurement of the data as these layouts reduce it, so they are "
            f"sized without data reduction: {', '.join(uncredited)}",
            "scan again with this version; read more if only a part was",
        )
    padded = [
        f"{layout.name} {percent(step.factor.value - 1)}"
        for layout in report.layouts
        for step in layout.waterfall
        if step.step == "padding" and step.factor.origin == "derived"
        if step.factor.value is not None and step.factor.value > 1 + NOTABLE_PADDING
    ]
    if padded:
        yield (
            "small-objects",
            "files as small as those measured fill little of their last allocation unit; padding "
            "adds " + ", ".join(padded),
            "pack small files into large objects, and scan the data as it will be stored",
        )
    own = "put {} in a catalogue of your own"
    if scan is None and report.kv is None:
        own = "put {} in the scenario"
    yield from price_warnings(report, own)
    below = [x.name for x in report.layouts if is_below(x.at_floor)]
    if below:
        nines = next(f"{x.at_floor.nines:g}" for x in report.layouts if x.at_floor)
        yield (
            "below-floor",
            f"{counted(len(below), 'layout stays', 'layouts stay')} below {nines} nines: "
            f"{', '.join(below)}",
            "choose another, or ask for less durability",
        )
    parted = [
        f"{x.name} {x.bill.cells.value:,}"
        for x in report.layouts
        if x.floor is not None and x.bill.cells.value is not None and x.bill.cells.value > 1
    ]
    if parted:
        yield (
            "several-clusters",
            f"more clusters than one are needed of {', '.join(parted)}; none sees the duplicates "
            "of another, so the reduction holds if each has data like what was scanned",
            "keep data that repeats itself in one cluster, and scan it by cluster",
        )
    reference = report.reference
    credit = reference.credit if reference else None
    if reference and credit and credit.must_be_turned_on:
        yield (
            "off-as-shipped",
            f"{reference.name} is credited with {credit.reduction}, which is off as shipped"
            + (f": {credit.condition}" if credit.condition else ""),
            "turn it on, or credit what is on as shipped",
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
    named = [title for layout in report.layouts for title in layout.unpriced]
    if unpriced:
        yield (
            "unknown-price",
            f"a price is unknown, so there is no total for {', '.join(unpriced)}"
            + (f": {', '.join(dict.fromkeys(named))}" if named else ""),
            own.format("the price"),
        )
    missing = [each for layout in report.layouts for each in layout.not_in_bill]
    missing += [] if report.bench is None else report.bench.not_in_bill
    lacking = dict.fromkeys(each.title for each in missing)
    if lacking:
        yield (
            "not-in-bill",
            f"not in the bill: {', '.join(lacking)}",
            own.format("what you are asked for these") + " (docs/bill.md)",
        )


def _is_redundant(layout: SizedLayout) -> bool:
    """Whether it keeps more than one copy of the data, or it is not known what it keeps."""
    factors = {step.step: step.factor.value for step in layout.waterfall}
    return (factors["copies"], factors["erasure_coding"]) != (1, 1)


def _sampled(report: Report, scan: Scan, reduction: Reduction) -> Iterator[tuple[str, str, str]]:
    if reduction.scope.floor.value is None:
        return
    yield (
        "sampled",
        f"{coverage_shown(scan)} of the listed bytes were read; the figures are estimates for "
        "all of them",
        "read everything",
    )


def _imprecise(reduction: Reduction) -> Iterator[tuple[str, str, str]]:
    """Figures of wider intervals than was asked for. Those without one are told of elsewhere."""
    cells = reduction.method.cells
    missed = [(cell.reached, cell) for cell in cells if cell.reached and not cell.is_met]
    if not missed:
        return
    reached, worst = max(missed, key=lambda each: each[0] / each[1].target)
    yield (
        "imprecise",
        f"{len(missed)} of {counted(len(cells), 'figure')} are less precise than was asked for; "
        f"furthest off is {worst.name}, ±{reached * 100:.3g} % for ±{worst.target * 100:g} %",
        "go by the interval beside each figure; "
        + ("read more to narrow it" if reduction.method.sampling else "ask for more precision"),
    )
