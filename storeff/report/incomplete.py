"""Why an answer does not rest on all that was asked for."""

from collections.abc import Iterator, Sequence

from storeff.estimate.reduction import Reduction
from storeff.report.model import Kv, Report, Scan, Skipped, Warned
from storeff.units import counted, covered, format_bytes

INTERRUPTED = "interrupted"


def incomplete(scan: Scan | None, reduction: Reduction | None, kv: Kv | None) -> list[Warned]:
    """A warning for each reason. None if everything asked for was measured and gave a figure."""
    return [Warned(code=c, message=m, remedy=r) for c, m, r in _reasons(scan, reduction, kv)]


def coverage_shown(scan: Scan) -> str:
    """The share of the listed bytes that was measured: a bound where it is unknown how many more
    there are, and 100 % only if all were."""
    share = covered(scan.coverage)
    if _stopped(scan) == "listing" or any(each.bytes is None for each in scan.skipped):
        return f"less than {share}" if scan.coverage == 1.0 else f"at most {share}"
    missing = scan.coverage == 1.0 and any(each.bytes for each in scan.skipped)
    return covered(0.9999) if missing else share


def skipped_rows(report: Report) -> list[Skipped]:
    """What should have been measured and is not, by reason."""
    if report.scan is not None:
        return report.scan.skipped
    return report.kv.skipped if report.kv is not None else []


def _stopped(scan: Scan) -> str | None:
    """What an interrupt cut short. A report of before schema 1.5 has it among what was skipped."""
    skipped = any(each.reason == INTERRUPTED for each in scan.skipped)
    return scan.interrupted or ("reading" if skipped else None)


def _reasons(
    scan: Scan | None, reduction: Reduction | None, kv: Kv | None
) -> Iterator[tuple[str, str, str]]:
    if scan is not None:
        stopped = _stopped(scan)
        sampled = reduction is not None and reduction.method.sampling is not None
        if stopped is not None:
            yield INTERRUPTED, _cut_short(scan, stopped, sampled), "run it to the end"
        yield from _skipped(scan.skipped, "see scan.skipped for each reason and what to do")
        if reduction is None or (not reduction.data_bytes and stopped is None):
            yield (
                "no-data",
                "no data was read, so there is no data reduction ratio",
                "scan a directory that holds files",
            )
        elif sampled and reduction.data_bytes and reduction.scope.floor.value is None:
            yield (
                "too-little-read",
                "the sample is too small for any figure",
                "measure again and read more, or everything",
            )
        elif sampled and reduction.data_bytes and reduction.headline.ratio.value is None:
            known = "nothing" if reduction.headline.ratio.low is None else "only a range"
            yield (
                "no-dedup-point",
                f"the sample is too small for a single figure of deduplication: {known} is known",
                "measure again and read more, or everything",
            )
    if kv is not None:
        yield from _skipped(kv.skipped, "see kv.skipped for each reason and what to do")


def _cut_short(scan: Scan, stopped: str, sampled: bool) -> str:
    listed = format_bytes(scan.logical_bytes)
    if stopped == "listing":
        return (
            f"interrupted while files were listed, after {scan.files:,} with {listed}; none was "
            "read"
        )
    if stopped == "comparing":
        return (
            "interrupted while similar chunks were compared: what deltas save is of those that were"
        )
    if any(each.reason == INTERRUPTED and each.bytes is None for each in scan.skipped):
        measured = format_bytes(scan.read_bytes + scan.hole_bytes)
        return (
            f"interrupted before all was listed, when {measured} of the {listed} listed by then "
            "had been measured; how much more there is, is unknown"
        )
    data = format_bytes(scan.logical_bytes - scan.hole_bytes)
    read = f"interrupted when {coverage_shown(scan)} of the {data} listed had been measured"
    if sampled:
        return f"{read}, less than was asked for"
    return f"{read}, in directory order; figures with deduplication are for that part only"


def _skipped(skipped: Sequence[Skipped], remedy: str) -> Iterator[tuple[str, str, str]]:
    rows = [each for each in skipped if each.reason != INTERRUPTED]
    if not rows:
        return
    known = sum(each.bytes or 0 for each in rows)
    size = f" ({format_bytes(known)})" if known else ""
    if any(each.bytes is None for each in rows):
        size = f" ({format_bytes(known)} and more)" if known else " (of unknown size)"
    entries = sum(each.files for each in rows)
    yield (
        "not-covered",
        f"{counted(entries, 'entry was', 'entries were')} not measured{size}; no figure includes "
        f"{'it' if entries == 1 else 'them'}",
        remedy,
    )
