"""What was asked of a report about purchases and services, made again from what it keeps."""

from collections.abc import Iterable
from fractions import Fraction
from typing import Any

import msgspec

from storeff.data import Assumption, AssumptionRow
from storeff.economics.agreements import Terms
from storeff.economics.services import Infrastructure, Service
from storeff.report.commitment import with_commitment
from storeff.report.guarantee import with_guarantee
from storeff.report.model import Report
from storeff.report.plan import planned_again
from storeff.report.scenario import assumption_of
from storeff.report.services import services_of


def agreed(report: Report) -> tuple[Report, tuple[str, ...]]:
    """``report`` with its commitment, guarantee, delivery plan and services made again, and the
    patterns of their paths."""
    derived = []
    if report.guarantee is not None:
        promised = Fraction(str(report.guarantee.promised_ratio))
        report = with_guarantee(report, promised, layout=report.guarantee.layout)
        derived.append("guarantee")
    if report.commitment is not None:
        report = _commitment(report)
        derived.append("commitment")
    plan = planned_again(report)
    if plan is not None:
        report = msgspec.structs.replace(report, plan=plan)
        derived.append("plan")
    if report.services is not None:
        report = _services(report)
        derived.append("services")
    return report, tuple(derived)


def _commitment(report: Report) -> Report:
    given = report.commitment
    assert given is not None
    # Without a price of their own, that of the drive is theirs.
    own = [row for row in given.assumptions if row.path.startswith("agreements.")]
    terms = Terms[Assumption](name=given.terms, **_numbers(own))
    made = with_commitment(
        report, terms, layout=given.layout, commitment_bytes=given.committed_bytes
    ).commitment
    assert made is not None
    # How old they are was judged when they were read.
    made = msgspec.structs.replace(made, assumptions=given.assumptions)
    return msgspec.structs.replace(report, commitment=made)


def _services(report: Report) -> Report:
    given = report.services
    assert given is not None
    rows = {row.path: row for row in given.assumptions}
    infrastructure = [row for path, row in rows.items() if path.startswith("infrastructure.")]
    known = {}
    for each in given.services:
        layouts = [margin.layout for margin in each.margins if margin.layout is not None]
        stands_on = layouts[0] if len(layouts) == 1 < len(report.layouts) else ""
        own = [row for path, row in rows.items() if path.startswith(f"services.{each.name}.")]
        known[each.name] = Service[Assumption](
            name=each.name, title=each.title, layout=stands_on, **_numbers(own)
        )
    made = services_of(
        report,
        known,
        Infrastructure[Assumption](name="default", **_numbers(infrastructure)),
        stated_cost=Fraction(str(given.stated_cost_per_gb_month)),
        target_margin=Fraction(str(given.target_margin)),
    )
    made = msgspec.structs.replace(made, assumptions=given.assumptions)
    return msgspec.structs.replace(report, services=made)


def _numbers(rows: Iterable[AssumptionRow]) -> dict[str, Any]:
    """The numbers of an entry by the last name of their paths."""
    return {row.path.rpartition(".")[2]: assumption_of(row) for row in rows}
