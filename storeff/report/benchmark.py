"""Layouts compared: which to buy, what would flip that, and what a vendor's promise is worth."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import date
from fractions import Fraction
from functools import partial
from typing import Any

import msgspec

from storeff.data import Assumption, map_numbers
from storeff.economics import ParityOption, Scenario, bill_for, is_below, parity_options
from storeff.economics.guarantee import promise
from storeff.layout import measured_code
from storeff.layout.number import Number, inexact, is_unknown
from storeff.quantity import Quantity
from storeff.report.bench import Workload, chunking_of, rows_of, systems_of
from storeff.report.bench_model import Bench, Flip, Quoted, Recommendation, Row
from storeff.report.build import Benchmark, Candidate, MeasuredOf, assumptions_of, size_one
from storeff.report.sizing import Sized, sized_for
from storeff.report.storage import Storage
from storeff.report.subject import recommended_row


def benchmark(
    work: Workload,
    storages: Sequence[Storage],
    quote: Fraction | None = None,
    *,
    today: date,
    measure_again: bool = False,
    on_layout: Callable[[str], None] = lambda name: None,
) -> Benchmark:
    """Every layout of ``storages`` beside the others, and every way to cut and compress on the
    reference of the first; what a ``quote`` for the first layout is worth. ``today`` and
    ``measure_again`` are as in ``size_all``. Raises StoreffError for a layout that reduces in a way
    that was not measured."""
    first = storages[0]

    def sized(scenario: Scenario[Assumption]) -> Sized:
        return sized_for(work.reduction, work.logical_bytes, scenario, work.seed, work.scan)

    candidates: list[Candidate] = []
    measured = partial(measured_code, again=measure_again)
    for storage in storages:
        for scenario in storage.scenarios:
            on_layout(f"{scenario.layout.name} on {storage.drive}")
            candidates.append(
                size_one(
                    sized(scenario),
                    nines=storage.durability_nines,
                    policy=storage.reduction,
                    measured=measured,
                )
            )
    named = [each for each in first.scenarios if each.layout.name == first.reference]
    reference = (named or [*first.scenarios])[0]
    promised = None if quote is None else quoted(candidates[0], quote)
    made = compared(work, candidates, reference, first.durability_nines, promised)
    assumed = assumptions_of(made.scenarios, today, first.files.get("shelf_life"))
    return replace(made, assumptions=assumed)


def compared(
    work: Workload,
    candidates: Sequence[Candidate],
    reference: Scenario[Assumption],
    nines: float | None,
    promised: Quoted | None,
    *,
    measured: MeasuredOf = measured_code,
) -> Benchmark:
    """``candidates`` beside each other, and every way to cut and compress on ``reference`` with the
    parity that ``nines`` take; what it rests on is not listed."""
    variants = (
        msgspec.structs.replace(
            reference, layout=msgspec.structs.replace(reference.layout, reduction=system)
        )
        for system in systems_of(work.reduction)
    )
    chunked = (
        size_one(
            sized_for(work.reduction, work.logical_bytes, each, work.seed, work.scan),
            nines=nines,
            measured=measured,
        )
        for each in variants
    )
    rows = rows_of(candidates, work)
    by_name = {_name(each): each for each in candidates}
    bench = Bench(
        currency=reference.currency,
        logical_bytes=work.logical_bytes,
        durability_nines=nines,
        ingest_bytes_per_second=work.ingest_bytes_per_second,
        reference=reference.layout.name,
        reference_drive=reference.drive.name,
        rows=rows,
        chunking=chunking_of(chunked, work),
        recommendation=recommended(rows, candidates),
        quoted=promised,
        speeds=work.speeds,
        not_in_bill=tuple(
            dict.fromkeys(line for each in candidates for line in each.result.not_in_bill)
        ),
    )
    scenarios = tuple(by_name[row.layout, row.drive].scenario for row in rows)
    best = recommended_row(bench)
    options: list[ParityOption] = []
    if best is not None:
        added = best.floor.parities_added if best.floor else 0
        options = parity_options(by_name[best.layout, best.drive].scenario, added)
    return Benchmark(bench, scenarios, (), tuple(options))


def _name(each: Candidate) -> tuple[str, str]:
    return each.scenario.layout.name, each.scenario.drive.name


def recommended(rows: Sequence[Row], candidates: Sequence[Candidate]) -> Recommendation | None:
    """The cheapest row at the floor with a known cost; None if there is none."""
    priced = [row for row in rows if not is_below(row.floor) and row.npv.value is not None]
    if not priced:
        return None
    first = priced[0]
    second = next((row for row in priced if row.layout != first.layout), None)
    by_name = {_name(each): each for each in candidates}
    flips: tuple[Flip, ...] = ()
    if second is not None:
        flips = tuple(
            _flips(by_name[first.layout, first.drive], by_name[second.layout, second.drive])
        )
    result = by_name[first.layout, first.drive].result
    return Recommendation(
        title=result.title,
        site=result.site,
        bill=result.bill,
        not_in_bill=result.not_in_bill,
        unpriced=result.unpriced,
        layout=first.layout,
        drive=first.drive,
        runner_up=None if second is None else second.layout,
        runner_up_drive=None if second is None else second.drive,
        flips=flips,
    )


# How far an input is looked at in search of where two layouts cost the same.
_FARTHEST = 100.0
# Storage that is filled less than this is not built.
_LEAST_FILLED = 0.2


def _flips(first: Candidate, second: Candidate) -> Iterable[Flip]:
    """What of the two would have to be how for them to cost the same."""
    ours, theirs = (_central(each) for each in (first, second))
    cheaper, dearer = (bill_for(each, whole=False).npv for each in (ours, theirs))

    def ratio(scenario: Any, value: float) -> Any:
        data = msgspec.structs.replace(scenario.data, reduction_ratio=value)
        return msgspec.structs.replace(scenario, data=data)

    def price(scenario: Any, value: float) -> Any:
        drive = msgspec.structs.replace(scenario.drive, price=value)
        return msgspec.structs.replace(scenario, drive=drive)

    def filled(scenario: Any, value: float) -> Any:
        layout = msgspec.structs.replace(scenario.layout, fill_limit=value)
        return msgspec.structs.replace(scenario, layout=layout)

    now = theirs.data.reduction_ratio
    at = _crossing(lambda x: ratio(theirs, x), cheaper, now, now * _FARTHEST)
    yield _flip("reduction_ratio", second, now, at)
    now = ours.data.reduction_ratio
    at = _crossing(lambda x: ratio(ours, x), dearer, now / _FARTHEST, now)
    yield _flip("reduction_ratio", first, now, at)
    now = theirs.drive.price
    at = _crossing(lambda x: price(theirs, x), cheaper, 0.0, now)
    yield _flip("price", second, now, at)
    now = ours.layout.fill_limit
    at = _crossing(lambda x: filled(ours, x), dearer, min(_LEAST_FILLED, now), now)
    yield _flip("fill_limit", first, now, at)


def _flip(name: str, of: Candidate, now: float, at: float | None) -> Flip:
    measured = None
    q = of.result.reduction_ratio
    if name == "reduction_ratio" and q.low is not None and q.high is not None:
        measured = at is not None and q.low <= at <= q.high
    return Flip(
        input=name, layout=of.scenario.layout.name, now=float(now), at=at, is_measured_so=measured
    )


def _central(each: Candidate) -> Any:
    return map_numbers(each.scenario, inexact)


def _crossing(changed: Callable[[float], Any], npv: float, low: float, high: float) -> float | None:
    """Where from ``low`` to ``high`` the cost of what ``changed`` gives is ``npv``, if anywhere.
    Fractions of drives are bought, so that the cost has no steps."""
    from scipy.optimize import brentq

    def over(x: float) -> float:
        return float(bill_for(changed(x), whole=False).npv) - npv

    ends = over(low), over(high)
    if math.isnan(sum(ends)) or ends[0] * ends[1] > 0:
        return None
    return float(brentq(over, low, high, xtol=1e-9 * max(abs(high), 1.0), rtol=1e-9))


# ---- a vendor's promise ----


def quoted(each: Candidate, ratio: Fraction) -> Quoted:
    """What a promise of ``ratio`` is worth against what was measured."""
    found = promise(each.scenario, each.sized.draws, ratio)
    result, bill = each.result, found.promised.bill
    return Quoted(
        ratio=float(ratio),
        layout=each.scenario.layout.name,
        drive=each.scenario.drive.name,
        measured=result.reduction_ratio,
        drives=result.bill.drives,
        drives_quoted=_plain(bill.drives),
        npv=result.bill.npv,
        npv_quoted=_plain(bill.npv),
        probability=found.reached_probability,
    )


def _plain(x: Number) -> Quantity:
    if is_unknown(x):
        return Quantity(None, None, None, "derived")
    whole: Any = int(x) if x == int(x) else round(float(x), 2)
    return Quantity(whole, whole, whole, "derived")
