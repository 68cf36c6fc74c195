"""Putting the report together: from what was measured, or typed in, to sized layouts."""

import math
import os
import platform
import resource
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from importlib.metadata import version
from pathlib import Path

import msgspec

import storeff
from storeff.data import AssumptionRow, load_shelf_life, rows
from storeff.economics import (
    QuantityRisk,
    SizedLayout,
    price_risk,
    quantity_risk,
    sensitivity,
    size,
    width_between,
)
from storeff.estimate.reduction import Reduction, Sampling
from storeff.layout import measure_code
from storeff.quantity import Quantity
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
from storeff.report.sizing import Sized
from storeff.report.warn import warn
from storeff.scan.codecs import PACKAGES, codec_versions
from storeff.units import format_size_both


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
        host=Host(cpu=cpu_name(), cores=os.cpu_count() or 1, os=platform.platform()),
        versions={
            "storeff": storeff.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in packages},
            **{f"lib{name}": number for name, number in codec_versions().items()},
        },
        kernel=kernel,
        plan_digest=plan_digest,
    )


def cpu_name() -> str:
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
        names = (line.split(":", 1)[1] for line in lines if line.startswith("model name"))
        return next(names, platform.machine()).strip()


def assemble(
    run: Run,
    *,
    today: date,
    sized: Sequence[Sized],
    reference: str | None = None,
    target_bytes: int | None = None,
    scan: Scan | None = None,
    reduction: Reduction | None = None,
    kv: Kv | None = None,
    shelf_life: Path | None = None,
    on_layout: Callable[[str], None] = lambda name: None,
) -> Report:
    """The report on every scenario in ``sized``, the cheapest first.

    ``reference`` names the layout that sensitivity and uncertainty are about; None takes the one
    of least npv, or of least raw bytes while a price is unknown. ``shelf_life`` is the user's own
    file for that catalogue.
    """
    layouts = []
    for each in sized:
        on_layout(each.scenario.layout.name)
        code = measure_code(each.scenario.layout.code, run.seed)
        layouts.append(size(each.scenario, each.draws, code, each.floor_ratio, each.floor_draws))
    layouts.sort(key=_cost)
    chosen = None
    if layouts:
        name = reference or layouts[0].name
        chosen = next(each for each in sized if each.scenario.layout.name == name)
    listed = _assumptions(sized, today, shelf_life)
    missing = incomplete(scan, reduction, kv)
    report = Report(
        schema_version=SCHEMA_VERSION,
        complete=not missing,
        incomplete_because=[each.message for each in missing],
        currency=sized[0].scenario.currency if sized else "USD",
        run=run,
        target=None
        if target_bytes is None
        else Target(bytes=target_bytes, display=format_size_both(target_bytes)),
        scan=scan,
        reduction=reduction,
        kv=kv,
        layouts=layouts,
        reference_layout=chosen.scenario.layout.name if chosen else None,
        sensitivity=sensitivity(chosen.scenario) if chosen else None,
        uncertainty=_uncertainty(chosen, reduction, run.seed) if chosen else None,
        delivery=None,
        commitment=None,
        services=None,
        carbon=None,
        policy=None,
        assumptions=listed,
        warnings=[],
    )
    return msgspec.structs.replace(report, warnings=[*missing, *warn(report)])


def _cost(layout: SizedLayout) -> tuple[bool, float]:
    npv = layout.bill.npv.value
    raw_bytes = layout.raw_bytes.value
    assert raw_bytes is not None
    return npv is None, raw_bytes if npv is None else npv


def _uncertainty(chosen: Sized, reduction: Reduction | None, seed: int) -> Uncertainty:
    quantity = quantity_risk(chosen.scenario, chosen.draws)
    sampling = reduction.method.sampling if reduction else None
    return Uncertainty(
        quantity=quantity,
        price=price_risk(chosen.scenario, seed),
        more_reading=_more_reading(sampling, quantity, chosen) if sampling else [],
    )


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


def _assumptions(
    sized: Sequence[Sized], today: date, shelf_life: Path | None
) -> list[AssumptionRow]:
    life = load_shelf_life(shelf_life)
    listed = {row.path: row for each in sized for row in rows(each.scenario, today, life)}
    return [listed[path] for path in sorted(listed)]
