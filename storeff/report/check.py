"""Whether a report can be true: one that was edited or damaged must not be sized as if it were."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from storeff.economics import Capex, Opex, SizedLayout, Spread
from storeff.economics.uncertainty import CostRange
from storeff.estimate.reduction import Reduction, resting_on, widest
from storeff.layout import Step
from storeff.quantity import Quantity
from storeff.report.bench_model import BILLED, Bench
from storeff.report.check_plan import plan_contradictions
from storeff.report.ratios import Ratio, ratios_in

if TYPE_CHECKING:
    from storeff.report.model import Kv, Report, Scan

# A ratio is one division of doubles, and other programs may write fewer digits.
RELATIVE = 1e-6
# Money is rounded to cents before it is added up, and CPU time to milliseconds.
CENTS = 0.01
MILLISECONDS = 0.001
# A thousand billion times the 50 EB that people plan for: no count, no size, no sum of money.
IMPOSSIBLE = 1e30
# Parts of a whole, by the name that they have wherever they are.
SHARES = (
    *("share", "sampled_fraction", "rate", "coverage", "usable_fraction", "share_of_max"),
    *("used_once_share", "block_hit_rate", "token_hit_rate", "whole_token_hit_rate"),
    *("annual_loss_probability_window", "annual_loss_probability_markov"),
    *("fleet_loss_probability_per_year", "unreadable_probability", "outage_loss_probability"),
    "exceeded_probability",
)


def contradictions(report: "Report") -> Iterator[str]:
    """What in ``report`` cannot be true, each naming the path in the document.

    Intervals hold their point, parts sum to their wholes, and ratios agree with bytes.
    """
    impossible = list(_figures(report, ""))
    yield from impossible
    if any(each.endswith("large") for each in impossible):
        return
    if report.target is not None and report.target.bytes < 1:
        yield "target.bytes is not above zero"
    if report.complete == bool(report.incomplete_because):
        yield "complete and incomplete_because say different things"
    if report.scan is not None:
        yield from _scan(report.scan)
    if report.reduction is not None:
        yield from _reduction(report.reduction)
        sampled = report.reduction.method.sampling is not None
        if report.scan is not None and not sampled:
            yield from _sum(
                "scan.read_bytes",
                report.scan.read_bytes,
                "reduction.data_bytes",
                report.reduction.data_bytes,
            )
    if report.kv is not None:
        yield from _kv(report.kv)
    for path, ratio, told, over, under in ratios_in(report):
        yield from _ratio(path, ratio, told, over, under)
    names = {layout.name for layout in report.layouts}
    if (report.reference_layout is not None or names) and report.reference_layout not in names:
        yield "reference_layout is none of layouts"
    for asked in ("commitment", "guarantee"):
        found = getattr(report, asked)
        if found is not None and found.layout not in names:
            yield f"{asked}.layout is none of layouts"
    yield from _once("layouts", report.layouts, "name")
    if report.bench is not None:
        yield from _bench(report.bench)
    if report.plan is not None:
        yield from plan_contradictions(report)
    yield from _once("assumptions", report.assumptions, "path")
    for index, layout in enumerate(report.layouts):
        yield from _layout(layout, f"layouts[{index}]")
        if layout.waterfall:
            yield from _sized_for(report, layout.waterfall[0], f"layouts[{index}].waterfall")


def _bench(bench: Bench) -> Iterator[str]:
    yield from _once("bench.rows", bench.rows, "layout", "drive")
    chosen, rows = bench.recommendation, {(row.layout, row.drive): row for row in bench.rows}
    if chosen is not None:
        if (chosen.layout, chosen.drive) not in rows:
            yield "bench.recommendation is none of bench.rows"
        best = rows.get((chosen.layout, chosen.drive))
        for name in BILLED if best and chosen.bill else ():
            if _bounds(getattr(best, name)) != _bounds(getattr(chosen.bill, name)):
                yield f"bench.recommendation.bill.{name} is not that of its row"
        runner_up = (chosen.runner_up, chosen.runner_up_drive)
        if None not in runner_up and runner_up not in rows:
            yield "bench.recommendation.runner_up is none of bench.rows"


def _once(path: str, rows: Sequence[msgspec.Struct], *names: str) -> Iterator[str]:
    """No two of ``rows`` are about the same: the values of ``names``."""
    about = Counter(tuple(getattr(row, name) for name in names) for row in rows)
    for key, times in about.items():
        if times > 1:
            yield f"{path} has {' with '.join(map(str, key))} {times} times"


def _sized_for(report: "Report", first: Step[Quantity], path: str) -> Iterator[str]:
    """Layouts are for the target; without one for what was scanned."""
    if report.target is not None:
        wanted, name = report.target.bytes, "target.bytes"
    elif report.reduction is not None:
        wanted, name = report.reduction.data_bytes, "reduction.data_bytes"
    else:
        return
    if first.before_bytes.value != wanted:
        yield f"{path} does not begin with {name}"


def _figures(value: Any, path: str) -> Iterator[str]:
    """Intervals that do not hold their point, and counts below zero, anywhere in ``value``."""
    if isinstance(value, Quantity):
        yield from _interval(value, path)
    elif isinstance(value, msgspec.Struct):
        if isinstance(value, Spread):
            yield from _ordered(value, path)
        for name in value.__struct_fields__:
            yield from _figures(getattr(value, name), f"{path}.{name}" if path else name)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            yield from _figures(item, f"{path}[{index}]")
    elif isinstance(value, int | float):
        yield from _possible(path, value)
        if value < 0 and _counts(path):
            yield f"{path} is below zero"
        if value > 1 and path.rsplit(".", 1)[-1] in SHARES:
            yield f"{path} is above one"


def _ordered(spread: Spread, path: str) -> Iterator[str]:
    known = [x for x in (spread.p10, spread.p50, spread.p90) if x is not None]
    if known != sorted(known):
        yield f"{path} does not hold p10 <= p50 <= p90"


def _possible(path: str, value: float) -> Iterator[str]:
    if not abs(value) < IMPOSSIBLE:
        yield f"{path} is impossibly large"


def _counts(path: str) -> bool:
    """Whether no number at ``path`` is below zero: what was measured, and every count of bytes."""
    name = path.rsplit(".", 1)[-1]
    measured = path.startswith(("run.", "scan.", "reduction."))
    return measured or name in ("bytes", *SHARES) or name.endswith("_bytes")


def _interval(q: Quantity, path: str) -> Iterator[str]:
    known = [x for x in (q.low, q.value, q.high) if x is not None]
    for x in known:
        yield from _possible(path, x)
    if known != sorted(known):
        yield f"{path} does not hold low <= value <= high"
    # A share may be negative: what reduction takes off. So may a margin.
    if known and known[0] < 0 and not path.endswith((".share_bytes", ".margin")):
        yield f"{path} is below zero"
    if known and known[-1] > 1 and path.rsplit(".", 1)[-1] in SHARES:
        yield f"{path} is above one"


def _scan(scan: "Scan") -> Iterator[str]:
    covered = scan.read_bytes + scan.hole_bytes
    if covered > scan.logical_bytes:
        yield "scan.read_bytes and scan.hole_bytes are more than scan.logical_bytes"
    if not 0 <= scan.coverage <= 1:
        yield "scan.coverage is not between 0 and 1"
    # Entries whose size is unknown lower the coverage of what was listed, and nothing raises it.
    elif scan.coverage > covered / max(1, scan.logical_bytes) + RELATIVE and scan.logical_bytes:
        yield "scan.coverage is more than scan.read_bytes and scan.hole_bytes cover"
    if scan.file_sizes:
        sizes = scan.file_sizes
        yield from _sum("scan.file_sizes", sum(s.files for s in sizes), "scan.files", scan.files)
        listed = sum(s.logical_bytes for s in sizes)
        yield from _sum("scan.file_sizes", listed, "scan.logical_bytes", scan.logical_bytes)
    yield from _once("scan.strata", scan.strata, "name")
    yield from _once("scan.file_sizes", scan.file_sizes, "below_bytes")
    yield from _once("scan.skipped", scan.skipped, "reason")
    yield from _once("scan.probe_cpu_seconds", scan.probe_cpu_seconds, "chunker", "population")
    if scan.probe_cpu_seconds:
        parts = [each.seconds for each in scan.probe_cpu_seconds]
        rounded = MILLISECONDS * (len(parts) + 1)
        if not math.isclose(sum(parts), scan.compress_cpu_seconds or 0, abs_tol=rounded):
            yield "scan.probe_cpu_seconds do not sum to scan.compress_cpu_seconds"
    if sum(s.files for s in scan.strata) > scan.files:
        yield "scan.strata have more files than scan.files"
    if sum(s.logical_bytes for s in scan.strata) > scan.logical_bytes:
        yield "scan.strata have more bytes than scan.logical_bytes"


def _reduction(reduction: Reduction) -> Iterator[str]:
    data_bytes = reduction.data_bytes
    yield from _once("reduction.dedup", reduction.dedup, "chunker")
    yield from _once("reduction.combined", reduction.combined, "chunker", "codec")
    blocks = ("codec", "block_bytes", "allocation_bytes", "required_ratio")
    yield from _once("reduction.compression", reduction.compression, *blocks)
    code = ("k", "m", "l", "stripe_unit_bytes")
    yield from _once("reduction.shards", reduction.shards, *code, *blocks)
    # What is stored whole is never more than the data; whole allocation units may be.
    whole = [(f"dedup[{i}]", d.unique_bytes) for i, d in enumerate(reduction.dedup)]
    whole += [(f"combined[{i}]", c.physical_bytes) for i, c in enumerate(reduction.combined)]
    for path, left in whole:
        if left.value is not None and left.value > data_bytes:
            yield f"reduction.{path} leaves more than reduction.data_bytes"
    alone = {d.chunker: d.unique_bytes.value for d in reduction.dedup}
    for i, row in enumerate(reduction.combined):
        unique, physical = alone.get(row.chunker), row.physical_bytes.value
        if unique is not None and physical is not None and physical > unique:
            yield f"reduction.combined[{i}] is more than its chunks before compression"
        local = row.compression_only_bytes
        if local is not None:
            path = f"reduction.combined[{i}].compression_only_bytes"
            yield from _no_better(path, local, "physical_bytes", row.physical_bytes)
    head, scope = reduction.headline, reduction.scope
    same = [c for c in reduction.combined if (c.chunker, c.codec) == (head.chunker, head.codec)]
    if not same or not _alike(same[0].ratio, head.ratio):
        yield "reduction.headline is not the row of reduction.combined that it names"
    if not _alike(scope.measured, head.ratio):
        yield "reduction.scope.measured is not reduction.headline"
    alone_ratio = same[0].compression_only_ratio if same else None
    if alone_ratio is not None and not _alike(scope.floor, alone_ratio):
        yield "reduction.scope.floor is not compression only of the chunks of the headline"
    yield from _cells(reduction)
    yield from _strata(reduction)


def _cells(reduction: Reduction) -> Iterator[str]:
    """What was compressed is for figures that are there, and reached what these say."""
    cells = reduction.method.cells
    yield from _once("reduction.method.cells", cells, "chunker", "codec", "population")
    for i, cell in enumerate(cells):
        path = f"reduction.method.cells[{i}]"
        about = (cell.chunker, cell.codec, cell.population)
        figures = resting_on(reduction.combined, reduction.compression, *about)
        if not figures:
            yield f"{path} is for no row of reduction.combined or reduction.compression"
        elif not _close(cell.reached, widest(figures)):
            yield f"{path}.reached is not the half width of the figures that rest on it"
        if cell.is_met != (cell.reached is not None and cell.reached <= cell.target):
            yield f"{path}.is_met is not whether reached is at most target"


def _strata(reduction: Reduction) -> Iterator[str]:
    strata, data_bytes = reduction.by_stratum, reduction.data_bytes
    yield from _once("reduction.by_stratum", strata, "name")
    for i, stratum in enumerate(strata):
        path = f"reduction.by_stratum[{i}]"
        unique, physical = stratum.unique_bytes, stratum.physical_bytes
        if stratum.data_bytes is not None and (unique.value or 0) > stratum.data_bytes:
            yield f"{path} leaves more than its data"
        if (physical.value or 0) > (math.inf if unique.value is None else unique.value):
            yield f"{path} is more than its chunks before compression"
    sizes = [s.data_bytes for s in strata]
    if sizes and None not in sizes:
        total = sum(size for size in sizes if size is not None)
        yield from _sum("reduction.by_stratum", total, "reduction.data_bytes", data_bytes)


def _kv(kv: "Kv") -> Iterator[str]:
    """What dumps, a trace and retention say of themselves."""
    survey, trace, retention = kv.survey, kv.trace, kv.retention
    if survey is not None:
        for name in ("files", "bytes"):
            total = sum(getattr(found, name) for found in kv.dumps)
            whole = f"dump_{name}"
            yield from _sum("kv.dumps", total, f"kv.survey.{whole}", getattr(survey, whole))
        if survey.measured_files > survey.dump_files:
            yield "kv.survey.measured_files are more than its dump_files"
        if survey.sharing is not None and survey.sharing.unique_blocks > survey.sharing.blocks:
            yield "kv.survey.sharing has more unique blocks than blocks"
    for i, part in enumerate(survey.measured.overall if survey and survey.measured else ()):
        path = f"kv.survey.measured.overall[{i}]"
        if part.read_bytes > part.data_bytes:
            yield f"{path} has read more than its data"
    if trace is not None and trace.unique_blocks > trace.blocks:
        yield "kv.trace has more unique blocks than blocks"
    if retention is not None:
        if len(retention.requests_per_second_at_target) != len(retention.rows):
            yield "kv.retention.requests_per_second_at_target is not one for each of its rows"
        if (retention.billed_ttl_seconds, 1) not in [
            (row.ttl_seconds, row.admission) for row in retention.rows
        ]:
            yield "kv.retention.billed_ttl_seconds is of none of its rows"
        for i, row in enumerate(retention.rows):
            path = f"kv.retention.rows[{i}].raw_bytes"
            yield from _no_better(path, row.raw_bytes, "capacity_raw_bytes", row.capacity_raw_bytes)


def _ratio(path: str, ratio: Ratio, told: Any, over: Any, under: Any) -> Iterator[str]:
    """What is ``told`` at ``path`` is ``over`` over ``under``, whose bounds are the other way
    round."""
    ends, wholes, parts = (
        _bounds(each) if isinstance(each, Quantity) else (each,) * 3 for each in (told, over, under)
    )
    whole, part = wholes[1], parts[1]
    if whole and part == 0:
        yield f"{path.rpartition('.')[0]} leaves no byte of {whole:,}"
    elif whole and (part is None) != (ends[1] is None):
        yield f"{path} is known, or {ratio.under.lstrip('.')} is, but not both"
    else:
        # A ratio is null where a bound of what is left is zero.
        pairs = zip(ends, wholes, reversed(parts), strict=True)
        if any(a is not None and b is not None and c and not _close(a, b / c) for a, b, c in pairs):
            names = (each.lstrip(".") for each in (ratio.over, ratio.under))
            yield f"{path} is not {' over '.join(names)}"


def _no_better(path: str, local: Quantity, name: str, found: Quantity) -> Iterator[str]:
    """What is needed where no duplicate is found is never less than where they are."""
    pairs = zip(_bounds(local), _bounds(found), strict=True)
    if any(a is not None and b is not None and a < b for a, b in pairs):
        yield f"{path} is less than {name}, which it can never be"


def _layout(layout: SizedLayout, path: str) -> Iterator[str]:
    steps, bill = layout.waterfall, layout.bill
    if not steps:
        yield f"{path}.waterfall has no step"
        return
    for before, after in itertools.pairwise(steps):
        if _bounds(before.after_bytes) != _bounds(after.before_bytes):
            yield f"{path}.waterfall: {after.step} does not begin where {before.step} ends"
    for step in steps:
        yield from _factor(f"{path}.waterfall: {step.step}", step)
    first, last = steps[0].before_bytes.value, steps[-1].after_bytes.value
    if _bounds(steps[-1].after_bytes) != _bounds(layout.raw_bytes):
        yield f"{path}.raw_bytes is not what {path}.waterfall ends with"
    for name in ("logical", "data_reduction"):
        if name not in [step.step for step in steps]:
            yield f"{path}.waterfall has no step {name}"
    reduced, factor = layout.reduction_ratio.value, _reduction_factor(steps)
    if reduced is not None and factor is not None and not _close(reduced * factor, 1):
        yield f"{path}.reduction_ratio is not one over the factor of data_reduction"
    if layout.drive != bill.drive:
        yield f"{path}.drive is not that of {path}.bill"
    yield from _cost_range(path, layout.npv_range, bill.npv)
    if layout.floor is not None:
        local = layout.floor
        yield from _no_better(
            f"{path}.floor.raw_bytes", local.raw_bytes, "raw_bytes", layout.raw_bytes
        )
        yield from _cost_range(f"{path}.floor", local.npv_range, local.npv)
        if reduced is not None and (local.reduction_ratio or 0) > reduced * (1 + RELATIVE):
            yield f"{path}.floor.reduction_ratio is more than {path}.reduction_ratio"
    if first is not None and last is not None:
        shares = [step.share_bytes.value for step in steps]
        if None not in shares and sum(s for s in shares if s is not None) != last - first:
            yield f"{path}.waterfall: its shares do not sum to raw minus logical bytes"
    lost = layout.durability
    worse = max(lost.annual_loss_probability_window or 0, lost.annual_loss_probability_markov or 0)
    if worse > 0 and not _close(lost.nines, -math.log10(worse)):
        yield f"{path}.durability.nines are not those of the likelier loss"
    nines = [n for n in (lost.nines_low, lost.nines, lost.nines_high) if n is not None]
    if nines != sorted(nines):
        yield f"{path}.durability does not hold nines_low <= nines <= nines_high"
    whole = (bill.drives_in_service.value, bill.spares.value)
    if None not in whole:
        drives = sum(n for n in whole if n is not None)
        yield from _sum(f"{path}.bill.spares", drives, f"{path}.bill.drives", bill.drives.value)
    capex = bill.capex
    yield from _lines(f"{path}.bill.capex", capex, bool(layout.unpriced))
    if [year.year for year in bill.opex_by_year] != [*range(1, len(bill.opex_by_year) + 1)]:
        yield f"{path}.bill.opex_by_year is not of each year once, in order"
    for index, year in enumerate(bill.opex_by_year):
        yield from _lines(f"{path}.bill.opex_by_year[{index}]", year, bool(layout.unpriced))
    spent = [capex.total.value, bill.opex_total.value]
    if bill.residual_value.value is not None:
        spent.append(-bill.residual_value.value)
    yield from _money(f"{path}.bill.tco", bill.tco.value, spent)


def _lines(path: str, paid: Capex[Quantity] | Opex[Quantity], unpriced: bool) -> Iterator[str]:
    """The total is that of the lines. Of those that were in every bill none is missing; any other
    may be, and is unknown with the total if it is ``unpriced``."""
    names = parts_of(type(paid))
    fields = [f for f in msgspec.structs.fields(type(paid)) if f.name in names]
    amounts = {field.name: getattr(paid, field.name).value for field in fields}
    required = {field.name for field in fields if field.required}
    if amounts.get("owned_power") is not None:
        required -= {"colocation"}
    parts = [x for name, x in amounts.items() if name in required or x is not None]
    if unpriced and paid.total.value is None:
        parts.append(None)
    yield from _money(f"{path}.total", paid.total.value, parts)


def parts_of(kind: type[msgspec.Struct]) -> list[str]:
    """The parts that the total of what is paid sums."""
    return [name for name in kind.__struct_fields__ if name not in ("year", "total")]


def _reduction_factor(steps: Sequence[Step[Quantity]]) -> float | None:
    return next((step.factor.value for step in steps if step.step == "data_reduction"), None)


def _cost_range(path: str, found: CostRange | None, npv: Quantity) -> Iterator[str]:
    if found is not None and (npv.value is None or not found.low <= npv.value <= found.high):
        yield f"{path}.npv_range does not hold the present value of cost"


def _factor(path: str, step: Step[Quantity]) -> Iterator[str]:
    """Both sides of a step are rounded up to whole bytes; its factor is not."""
    before, factor, after = step.before_bytes.value, step.factor.value, step.after_bytes.value
    if before is None or factor is None or after is None:
        return
    if not math.isclose(before * factor, after, rel_tol=RELATIVE, abs_tol=1 + factor):
        yield f"{path} does not multiply its bytes by its factor"


def _alike(a: Quantity, b: Quantity) -> bool:
    return all(_close(x, y) for x, y in zip(_bounds(a), _bounds(b), strict=True))


def _bounds(q: Quantity) -> tuple[float | None, ...]:
    return q.low, q.value, q.high


def _sum(parts: str, total: float | None, whole: str, value: float | None) -> Iterator[str]:
    if total is not None and value is not None and total != value:
        yield f"{parts} sums to {total:,}, {whole} is {value:,}"


def _money(path: str, total: float | None, parts: list[float | None]) -> Iterator[str]:
    known = [part for part in parts if part is not None]
    if (total is None) != (len(known) < len(parts)):
        yield f"{path} is known, or a part of it is, but not both"
    if total is None or len(known) < len(parts):
        return
    if not math.isclose(total, sum(known), rel_tol=RELATIVE, abs_tol=CENTS * (len(parts) + 1)):
        yield f"{path} is {total:,.2f}, its parts sum to {sum(known):,.2f}"


def _close(a: float | None, b: float | None) -> bool:
    if a is None or b is None:
        return a is b
    return math.isclose(a, b, rel_tol=RELATIVE)
