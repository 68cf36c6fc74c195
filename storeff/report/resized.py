"""A layout of a report sized again with some of its numbers changed: past, now and why."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

import msgspec

from storeff.data import Assumption
from storeff.economics import Scenario, SizedLayout
from storeff.economics.model import with_changes
from storeff.layout import Code, measured_code
from storeff.layout.code import MeasuredCode
from storeff.layout.credit import POLICY
from storeff.layout.floor import with_parity
from storeff.report.build import (
    assemble,
    assumptions_of,
    describe_run,
    size_one,
    sizing_of,
)
from storeff.report.held import layout_of, scenario_for
from storeff.report.mixed import differing
from storeff.report.model import Report
from storeff.report.sizing import Sized, sized_for

# Numbers of the data that a reader asks for. Any other is measured, and is not once it is typed in.
_ASKED = ("data.logical_bytes", "data.growth", "data.snapshots")


def resized(
    report: Report,
    changes: Path,
    *,
    layout: str | None = None,
    today: date,
    command: Sequence[str] = (),
) -> tuple[Report, Report]:
    """``report`` about ``layout``, by default about its reference, and a report on that layout with
    the numbers that the file ``changes`` holds in the form of a scenario file.

    It is given the parity that the durability takes which was asked for, unless its code is
    changed. ``today`` is the day against which assumptions are judged stale. Raises StoreffError if
    the report does not keep what the layout rests on, with every mistake of the file, and if it
    changes nothing.
    """
    started = datetime.now(UTC)
    past = layout_of(report, layout)
    kept = scenario_for(report, past)
    changed = with_changes(kept, changes)
    keys = set(differing(kept, changed))
    floor = past.at_floor if "layout.code" not in keys else None
    if floor is not None:
        lower = with_parity(changed.layout, -floor.parities_added)
        changed = msgspec.structs.replace(changed, layout=lower)
    sized, is_measured = _sized(report, changed, keys)
    candidate = size_one(
        sized,
        nines=None if floor is None else floor.nines,
        policy=POLICY if past.credit is None else past.credit.policy,
        measured=lambda code: _code_of(past, kept, code),
    )
    reduction = report.reduction if is_measured else None
    assumptions = assumptions_of([candidate.scenario], today, None)
    sizing = sizing_of([candidate], report.run.seed, assumptions, today, past.name, reduction)
    target = None if report.target is None else report.target.bytes
    if "data.logical_bytes" in keys:
        size_bytes = changed.data.logical_bytes.value
        target = None if size_bytes is None else int(size_bytes)
    run = report.run
    now = assemble(
        describe_run([*command], run.seed, started, run.kernel, run.plan_digest),
        sizing=sizing,
        target_bytes=target,
        scan=report.scan if is_measured else None,
        reduction=reduction,
        kv=report.kv,
    )
    return msgspec.structs.replace(report, reference_layout=past.name), now


def _sized(report: Report, scenario: Scenario[Assumption], keys: set[str]) -> tuple[Sized, bool]:
    """``scenario`` ready to be sized, and whether by what was measured."""
    typed = [key for key in keys if key.startswith("data.") and key not in _ASKED]
    if report.reduction is None or typed:
        return Sized(scenario), report.reduction is not None and not typed
    size_bytes = scenario.data.logical_bytes.value
    assert size_bytes is not None
    sized = sized_for(report.reduction, int(size_bytes), scenario, report.run.seed, report.scan)
    return sized, True


def _code_of(past: SizedLayout, kept: Scenario[Assumption], code: Code) -> MeasuredCode | None:
    """What ``code`` costs: what the report says, where it is the same."""
    return past.code if code == kept.layout.code else measured_code(code)
