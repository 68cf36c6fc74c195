"""Reports on layouts of the catalogue, which keep the scenario of their reference layout."""

from datetime import UTC, date, datetime
from typing import Any

from storeff.data import Assumption
from storeff.economics import Scenario
from storeff.report.build import assemble, describe_run, size_all
from storeff.report.model import Report
from storeff.report.sizing import Sized
from support.scenarios import changed, scenario

TODAY = date(2026, 11, 26)
# Tests ask for the same reports again and again, and change none.
_MADE: dict[str, Report] = {}


def report_of(*names: str, **changes: Any) -> Report:
    """A report on layouts of the catalogue for 50 EB, the first one the reference."""
    return report_on(*(changed(scenario(name), changes) for name in names))


def report_on(*scenarios: Scenario[Assumption], nines: float | None = None) -> Report:
    """A report on scenarios, the first one the reference, at the parity that ``nines`` take."""
    key = repr((scenarios, nines))
    if key not in _MADE:
        sized = [Sized(each) for each in scenarios]
        name = scenarios[0].layout.name
        sizing = size_all(sized, 1, today=TODAY, reference=name, nines=nines)
        _MADE[key] = assemble(describe_run(["test"], 1, datetime.now(UTC)), sizing=sizing)
    return _MADE[key]
