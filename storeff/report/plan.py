"""A report with a delivery plan for one of its layouts."""

from collections.abc import Mapping
from datetime import date
from fractions import Fraction
from pathlib import Path

import msgspec

from storeff.data import Assumption, AssumptionRow, load_shelf_life, rows
from storeff.economics import SizedLayout, load_drives
from storeff.economics.catalogues import own_catalogues
from storeff.economics.demand import Demand, load_demand
from storeff.economics.offers import Offers, load_offers
from storeff.economics.plan_model import Plan, PlanAsked
from storeff.economics.planned import planned
from storeff.economics.supply import Supply, load_supply
from storeff.economics.timeline import Build
from storeff.errors import StoreffError
from storeff.quantity import Quantity
from storeff.report.held import check_currency, layout_of
from storeff.report.model import SCHEMA_VERSION, Report
from storeff.report.scenario import exact_number, scenario_of, without_nothing


def with_plan(
    report: Report,
    demand: Path,
    offers: Path,
    *,
    layout: str | None = None,
    catalogues: Path | None = None,
    today: date,
) -> Report:
    """``report`` with a plan of how what ``layout`` needs is delivered, or its reference layout.

    ``catalogues`` is a directory with files of the caller's own, ``today`` the day against which
    prices are out of date. Raises UsageError for an unknown layout, and StoreffError with the
    mistakes of a file, and for prices in another currency than those of the report.
    """
    files = own_catalogues(catalogues)
    sized = layout_of(report, layout)
    build = _build(report, sized, files)
    needed, offered = load_demand(demand), load_offers(offers)
    check_currency(f"{offers} is", [offered.currency], report)
    supplies = load_supply(files.get("supply"))
    listed = _assumptions(needed, offered, supplies, build, today, files.get("shelf_life"))
    used = {name: each for name, each in supplies.items() if each.media == build.media}
    made = planned(build, needed, offered, used, listed)
    made = msgspec.structs.replace(made, asked=_asked(needed, offered, used))
    return msgspec.structs.replace(report, schema_version=SCHEMA_VERSION, plan=made)


def planned_again(report: Report) -> Plan | None:
    """The plan of ``report`` made again from what was asked for; None where it does not say that.

    Raises StoreffError for a layout that it does not hold, and for what is no demand and no offers.
    """
    given = report.plan
    if given is None or given.asked is None:
        return None
    try:
        demand = msgspec.convert(given.asked.demand, Demand, dec_hook=exact_number)
        offers = msgspec.convert(given.asked.offers, Offers, dec_hook=exact_number)
        kind = dict[str, Supply[Assumption]]
        supplies = msgspec.convert(given.asked.supply, kind, dec_hook=exact_number)
    except msgspec.ValidationError as error:
        raise StoreffError(f"what the plan was asked for cannot be read: {error}") from error
    build = _build(report, layout_of(report, given.layout), {})
    made = planned(build, demand, offers, supplies, given.assumptions)
    return msgspec.structs.replace(made, asked=given.asked)


def _asked(demand: Demand, offers: Offers, supplies: Mapping[str, Supply[Assumption]]) -> PlanAsked:
    made = (
        without_nothing(msgspec.to_builtins(x, enc_hook=str)) for x in (demand, offers, supplies)
    )
    # As it is read again: tuples are lists in JSON.
    needed, offered, supply = (msgspec.json.decode(msgspec.json.encode(x)) for x in made)
    return PlanAsked(demand=needed, offers=offered, supply=supply)


def _build(report: Report, sized: SizedLayout, files: Mapping[str, Path]) -> Build:
    """What is bought for. The drive is that of the scenario which the report keeps or, in one that
    keeps none, of the catalogue."""
    scenario = scenario_of(report, sized)
    drive = None if scenario is None else scenario.drive
    if drive is None:
        drive = load_drives(files.get("drives")).get(sized.drive)
    bill = sized.bill
    raw_bytes = sized.raw_bytes.value
    return Build(
        layout=sized.name,
        drive=sized.drive,
        raw_bytes=None if raw_bytes is None else int(raw_bytes),
        drive_bytes=None if drive is None else drive.capacity_bytes.value,
        media=None if drive is None else drive.media,
        facility_mw=_exactly(bill.facility_mw_peak),
        racks=_exactly(bill.racks),
        floor_m2=_exactly(bill.floor_m2),
    )


def _exactly(figure: Quantity) -> Fraction | None:
    return None if figure.value is None else Fraction(str(figure.value))


def _assumptions(
    demand: Demand,
    offers: Offers,
    supplies: Mapping[str, Supply[Assumption]],
    build: Build,
    today: date,
    shelf_life: Path | None,
) -> list[AssumptionRow]:
    """What the plan rests on, by path."""
    life = load_shelf_life(shelf_life)
    used = [each for each in supplies.values() if each.media == build.media]
    listed = [row for each in (demand, offers, *used) for row in rows(each, today, life)]
    return sorted(listed, key=lambda row: row.path)
