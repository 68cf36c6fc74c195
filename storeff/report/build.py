"""Putting the report together: from what was measured, or a scenario, to sized layouts."""

import math
import os
import platform
import resource
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path

import msgspec

import storeff
from storeff.data import Assumption, AssumptionRow, load_shelf_life, rows
from storeff.economics import (
    CostBasis,
    ParityOption,
    QuantityRisk,
    Scenario,
    Sensitivity,
    SizedLayout,
    cost_basis,
    in_cells,
    is_below,
    less_demand,
    parity_options,
    price_risk,
    quantity_risk,
    raised_to,
    sensitivity,
    simulation,
    size,
    width_between,
)
from storeff.estimate.reduction import Reduction, Sampling
from storeff.layout import Code, Credit, Policy, measured_code
from storeff.layout.code import MeasuredCode
from storeff.layout.credit import POLICY
from storeff.quantity import Quantity
from storeff.report.bench_model import Bench
from storeff.report.incomplete import incomplete
from storeff.report.model import (
    SCHEMA_VERSION,
    Host,
    Kv,
    MoreReading,
    Report,
    Run,
    Scan,
    Target,
    Uncertainty,
)
from storeff.report.scenario import kept
from storeff.report.sizing import HEADLINE_SYSTEM, Sized, describe
from storeff.report.warn import warn
from storeff.scan.codecs import PACKAGES, codec_versions
from storeff.scan.machine import cpu_name, system_name
from storeff.units import format_size_both

# What an erasure code costs; None where it cannot be measured.
MeasuredOf = Callable[[Code], MeasuredCode | None]


def describe_run(
    command: list[str],
    seed: int,
    started: datetime,
    kernel: str | None = None,
    plan_digest: str | None = None,
) -> Run:
    """How and where this report is being made; ``started`` is in UTC."""
    packages = ("numpy", "scipy", *PACKAGES, "pyeclib", "msgspec")
    return Run(
        command=command,
        seed=seed,
        started=started.isoformat(timespec="seconds"),
        seconds=round((datetime.now(UTC) - started).total_seconds(), 3),
        peak_rss_bytes=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        host=Host(cpu=cpu_name(), cores=os.cpu_count() or 1, os=system_name()),
        versions={
            "storeff": storeff.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in packages},
            **{f"lib{name}": number for name, number in codec_versions().items()},
        },
        kernel=kernel,
        plan_digest=plan_digest,
    )


@dataclass(frozen=True)
class Sizing:
    """Layouts sized, those at the durability asked for first, of these the cheapest: that of least
    npv, or of least raw bytes while a price is unknown. Each was sized for the one of ``scenarios``
    in its place. ``sensitivity``, ``uncertainty`` and ``parity_options`` are about the layout named
    ``reference``.
    """

    layouts: tuple[SizedLayout, ...]
    reference: str
    scenarios: tuple[Scenario[Assumption], ...]
    currency: str
    sensitivity: Sensitivity
    uncertainty: Uncertainty
    parity_options: tuple[ParityOption, ...]
    assumptions: tuple[AssumptionRow, ...]


@dataclass(frozen=True)
class Candidate:
    """A layout on a kind of drive: what it rests on, and what it comes to."""

    sized: Sized
    result: SizedLayout

    @property
    def scenario(self) -> Scenario[Assumption]:
        return self.sized.scenario


@dataclass(frozen=True)
class Benchmark:
    """Layouts beside each other: each row of ``bench`` was sized for the one of ``scenarios`` in
    its place, and these rest on ``assumptions``. ``parity_options`` are those of the layout that is
    recommended."""

    bench: Bench
    scenarios: tuple[Scenario[Assumption], ...]
    assumptions: tuple[AssumptionRow, ...]
    parity_options: tuple[ParityOption, ...]


def size_one(
    sized: Sized,
    *,
    nines: float | None = None,
    policy: Policy = POLICY,
    measured: MeasuredOf = measured_code,
) -> Candidate:
    """``sized`` with the parity that ``nines`` take. ``policy`` is what it was credited under,
    ``measured`` says what its code costs."""
    scenario, at_floor = sized.scenario, None
    if nines is not None:
        scenario, at_floor = raised_to(scenario, nines, sized.draws)
    scenario = in_cells(scenario)
    system = scenario.layout.reduction or HEADLINE_SYSTEM
    code = measured(scenario.layout.code)
    result = size(scenario, sized.draws, code, sized.floor_ratio, sized.floor_draws)
    credit = Credit(
        policy=policy,
        reduction=describe(system),
        as_shipped=system.as_shipped,
        condition=system.condition,
    )
    return Candidate(
        replace(sized, scenario=scenario),
        msgspec.structs.replace(result, credit=credit, at_floor=at_floor),
    )


def size_all(
    sized: Sequence[Sized],
    seed: int,
    *,
    today: date,
    reference: str | None = None,
    nines: float | None = None,
    policy: Policy = POLICY,
    reduction: Reduction | None = None,
    shelf_life: Path | None = None,
    measure_again: bool = False,
    on_layout: Callable[[str], None] = lambda name: None,
) -> Sizing:
    """Size every scenario in ``sized``, of which there is one at least.

    ``reference`` None is the cheapest. ``nines`` is the durability that each is given the parity
    for, as far as it can be; those that reach it come first. ``policy`` is what the layouts were
    credited under. ``reduction`` is what the data was measured to reduce to.
    ``shelf_life`` is the user's own file for that catalogue, ``today`` the day against which
    assumptions are judged stale. ``measure_again`` measures erasure codes whose figures are kept
    from before. Raises StoreffError if an erasure code does not give its data back.
    """
    candidates, measured = [], partial(measured_code, again=measure_again)
    for each in sized:
        on_layout(each.scenario.layout.name)
        candidates.append(size_one(each, nines=nines, policy=policy, measured=measured))
    assumptions = assumptions_of((each.scenario for each in candidates), today, shelf_life)
    return sizing_of(candidates, seed, assumptions, today, reference, reduction)


def sizing_of(
    candidates: Sequence[Candidate],
    seed: int,
    assumptions: tuple[AssumptionRow, ...],
    today: date,
    reference: str | None = None,
    reduction: Reduction | None = None,
) -> Sizing:
    """What ``size_all`` gives, of layouts that are sized and rest on ``assumptions``."""
    candidates = sorted(candidates, key=lambda each: cost_order(each.result))
    layouts = [each.result for each in candidates]
    name = reference or layouts[0].name
    chosen, at_floor = next(
        (each.sized, each.result.at_floor) for each in candidates if each.result.name == name
    )
    added = at_floor.parities_added if at_floor else 0
    moves = sensitivity(chosen.scenario)
    listed = {row.path: row for row in assumptions}
    basis = cost_basis(chosen.scenario, moves.elasticity, listed, today)
    return Sizing(
        layouts=tuple(layouts),
        reference=name,
        scenarios=tuple(each.scenario for each in candidates),
        currency=chosen.scenario.currency,
        sensitivity=moves,
        uncertainty=_uncertainty(chosen, reduction, seed, basis),
        parity_options=tuple(parity_options(chosen.scenario, added)),
        assumptions=assumptions,
    )


def assemble(
    run: Run,
    *,
    sizing: Sizing | None = None,
    target_bytes: int | None = None,
    scan: Scan | None = None,
    reduction: Reduction | None = None,
    kv: Kv | None = None,
    benchmark: Benchmark | None = None,
) -> Report:
    """The report on what was measured, and on what was sized or compared, if anything was."""
    missing = incomplete(scan, reduction, kv)
    bench, about = benchmark.bench if benchmark else None, sizing or benchmark
    sized = (sizing.scenarios if sizing else (), benchmark.scenarios if benchmark else ())
    listed = {row.path: row for each in (benchmark, sizing) if each for row in each.assumptions}
    assumptions = [listed[path] for path in sorted(listed)]
    report = Report(
        schema_version=SCHEMA_VERSION,
        complete=not missing,
        incomplete_because=[each.message for each in missing],
        currency=sizing.currency if sizing else bench.currency if bench else "USD",
        run=run,
        target=None
        if target_bytes is None
        else Target(bytes=target_bytes, display=format_size_both(target_bytes)),
        scan=scan,
        reduction=reduction,
        kv=kv,
        layouts=list(sizing.layouts) if sizing else [],
        reference_layout=sizing.reference if sizing else None,
        scenarios=kept(*sized, assumptions) if any(sized) else None,
        parity_options=[*about.parity_options] if about else [],
        sensitivity=sizing.sensitivity if sizing else None,
        uncertainty=sizing.uncertainty if sizing else None,
        assumptions=assumptions,
        warnings=[],
        bench=bench,
    )
    return msgspec.structs.replace(report, warnings=[*missing, *warn(report)])


def cost_order(layout: SizedLayout) -> tuple[bool, bool, float, str]:
    """What layouts are ordered by; those that cost the same, by name."""
    npv = layout.bill.npv.value
    raw_bytes = layout.raw_bytes.value
    assert raw_bytes is not None
    return is_below(layout.at_floor), npv is None, raw_bytes if npv is None else npv, layout.name


def _uncertainty(
    chosen: Sized, reduction: Reduction | None, seed: int, basis: CostBasis | None
) -> Uncertainty:
    quantity = quantity_risk(chosen.scenario, chosen.draws)
    sampling = reduction.method.sampling if reduction else None
    more_reading = _more_reading(sampling, quantity, chosen) if sampling else []
    simulated = simulation(chosen.scenario, chosen.draws, seed, read_bytes=_halves(more_reading))
    if simulated is not None and chosen.bounds is not None:
        # What is not known of the duplicates is more than its ratio says, which is without them.
        simulated = msgspec.structs.replace(simulated, known_better=None)
    return Uncertainty(
        quantity=quantity,
        price=price_risk(chosen.scenario, seed),
        more_reading=more_reading,
        less_demand=less_demand(chosen.scenario, chosen.draws),
        simulation=simulated,
        basis=basis,
    )


def _halves(more_reading: Sequence[MoreReading]) -> int | None:
    """How much must be read for half the width that there is now; None if that is not known, or
    the layout does not rest on it."""
    for each in more_reading[1:]:
        if each.npv_width is not None and each.interval_width <= more_reading[0].interval_width / 2:
            return each.read_bytes
    return None


def _more_reading(sampling: Sampling, risk: QuantityRisk, chosen: Sized) -> list[MoreReading]:
    """The widths that more reading would leave; those of the NPV and the drives shrink as the
    headline's does. Unknown of a layout that does not deduplicate, and does not rest on it."""
    npv_width = drives_width = None
    if chosen.bounds is not None:
        npv_width, drives_width = map(_known, width_between(chosen.scenario, chosen.bounds))
    elif chosen.floor_ratio is not None:
        npv_width, drives_width = _width(risk.npv), _width(risk.drives)
    made = []
    for read_bytes, width in sampling.more_reading:
        left = width / sampling.more_reading[0][1]
        made.append(
            MoreReading(
                read_bytes=read_bytes,
                interval_width=width,
                npv_width=None if npv_width is None else round(npv_width * left, 2),
                drives_width=None if drives_width is None else round(drives_width * left),
            )
        )
    return made


def _width(q: Quantity) -> float | None:
    return None if q.low is None or q.high is None else q.high - q.low


def _known(x: float) -> float | None:
    return None if math.isnan(x) else x


def assumptions_of(
    scenarios: Iterable[Scenario[Assumption]], today: date, shelf_life: Path | None
) -> tuple[AssumptionRow, ...]:
    """What ``scenarios`` assume, each once, by path; ``today`` and ``shelf_life`` as in
    ``size_all``. What follows from their drives, and so is another in each, is in none."""
    life = load_shelf_life(shelf_life)
    listed: dict[str, AssumptionRow] = {}
    several = set()
    for each in scenarios:
        for row in rows(each, today, life):
            if listed.setdefault(row.path, row).value != row.value:
                several.add(row.path)
    return tuple(listed[path] for path in sorted(listed) if path not in several)
