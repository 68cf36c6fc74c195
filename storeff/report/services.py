"""Services on the layouts of a report, or at one stated cost of infrastructure."""

from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec

from storeff.data import Assumption, exact, load_shelf_life, map_numbers, numbers_in, rows
from storeff.economics.services import (
    BILLION,
    FEW_POINTS,
    GB_PER_TB,
    Infrastructure,
    Margin,
    Service,
    ServiceMargins,
    Services,
    blended,
    load_infrastructure,
    load_services,
    margins_on,
    revenue,
    threshold,
)
from storeff.errors import StoreffError, did_you_mean
from storeff.layout.number import Number, is_unknown
from storeff.quantity import Quantity
from storeff.report.build import assemble, describe_run
from storeff.report.held import check_currency
from storeff.report.model import Report
from storeff.report.scenario import scenario_of
from storeff.report.sections_layouts import logical_bytes


def with_services(
    report: Report | None,
    own_services: Path | None = None,
    *,
    stated_cost: Fraction | None = None,
    target_margin: Fraction = Fraction(0),
    today: date | None = None,
) -> Report:
    """``report`` with what services earn on each of its layouts; a report of services alone, where
    there is none. ``own_services`` is the reader's own file: only its services are looked at then.

    ``stated_cost`` is what a logical gigabyte-month costs where no layout is sized, by default that
    of the catalogue. ``target_margin``, below 1, is what prices and costs are solved for. Raises
    StoreffError for another currency or a layout that ``report`` does not hold.
    """
    if report is None:
        report = assemble(describe_run([], 1, datetime.now(UTC)))
    infrastructure = load_infrastructure()
    if stated_cost is None:
        stated_cost = Fraction(exact(infrastructure.cost_per_gb_month))
    made = services_of(
        report,
        load_services(own_services),
        infrastructure,
        stated_cost=stated_cost,
        target_margin=target_margin,
        today=today,
    )
    return msgspec.structs.replace(report, services=made)


def services_of(
    report: Report,
    known: dict[str, Service[Assumption]],
    infrastructure: Infrastructure[Assumption],
    *,
    stated_cost: Fraction,
    target_margin: Fraction,
    today: date | None = None,
) -> Services:
    """What the services ``known`` earn on ``report``; all else is as in ``with_services``."""
    stated = [number.currency for each in known.values() for number in numbers_in(each)]
    check_currency("services are priced", stated, report)
    _check_layouts(known, report)
    numbers: dict[str, Service[Number]] = {
        name: map_numbers(each, exact) for name, each in known.items()
    }
    found: dict[str, dict[str | None, Margin]] = {
        name: _margins(each, stated_cost, target_margin, report) for name, each in numbers.items()
    }
    names = [None, *(layout.name for layout in report.layouts)]
    blends = (
        blended(
            numbers,
            {name: margins[layout] for name, margins in found.items() if layout in margins},
            layout,
            logical_bytes(report),
        )
        for layout in names
        if report.layouts
    )
    reference = report.reference
    scenario = None if reference is None else scenario_of(report, reference)
    return Services(
        currency=report.currency,
        stated_cost_per_gb_month=float(stated_cost),
        target_margin=float(target_margin),
        services=tuple(
            _described(each, tuple(found[name].values())) for name, each in numbers.items()
        ),
        blends=tuple(each for each in blends if each is not None),
        threshold=None if scenario is None else threshold(scenario, FEW_POINTS, BILLION),
        assumptions=tuple(
            row
            for each in (infrastructure, *known.values())
            for row in rows(each, today or date.today(), load_shelf_life())
        ),
    )


def _check_layouts(known: dict[str, Service[Assumption]], report: Report) -> None:
    held = [layout.name for layout in report.layouts]
    for name, each in known.items():
        if held and each.layout and each.layout not in held:
            raise StoreffError(
                f"services.{name} stands on {each.layout!r}, which the report does not hold"
                f"{did_you_mean(each.layout, held)}",
                "size the report with that layout, or leave layout out to look at all of them",
            )


def _margins(
    service: Service[Number], stated: Any, target: Fraction, report: Report
) -> dict[str | None, Margin]:
    """By layout; at the stated cost under None."""
    one = Quantity.exact(float(stated), "assumed")
    made: dict[str | None, Margin] = {None: margins_on(service, one, target)}
    for layout in report.layouts:
        if service.layout in ("", layout.name):
            cost = layout.bill.levelised_per_logical_tb_month / GB_PER_TB
            made[layout.name] = margins_on(
                service, cost, target, layout.name, layout.reduction_ratio
            )
    return made


def _described(service: Service[Number], margins: tuple[Margin, ...]) -> ServiceMargins:
    published = service.published_margin
    brought = revenue(service)
    left = (1 - published) * brought - service.software_per_gb_month
    return ServiceMargins(
        name=service.name,
        title=service.title,
        price_per_gb_month=float(service.price_per_gb_month),
        revenue_per_gb_month=float(brought),
        share_of_logical=_known(service.share_of_logical),
        published_margin=_known(published),
        implied_cost=_known(left * service.utilisation),
        margins=margins,
    )


def _known(x: Number) -> float | None:
    return None if is_unknown(x) else float(x)
