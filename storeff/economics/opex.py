"""What is paid year by year, line by line, and what is left at the end."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic

import msgspec

from storeff.data import N
from storeff.economics.built import Built
from storeff.economics.later_prices import price_after
from storeff.economics.lines import BY_YEAR, absent_as_unknown, is_in_bill, present
from storeff.economics.model import Scenario
from storeff.economics.purchase import NOT_SAID, landed, paid_on_delivery, stored_tb
from storeff.layout.durability import HOURS_PER_YEAR
from storeff.layout.number import Money, Number, at_least, floor, is_unknown, named, where


class Opex(msgspec.Struct, Generic[N], frozen=True, kw_only=True):
    """Money of one year. A line that is null is not in the total, as in ``Capex``. ``expansion`` is
    what is bought at the end of the year for the data of the next, ``refresh`` drives in the place
    of those that have come to their end."""

    year: int
    energy: Money[N]
    colocation: Money[N]
    support: Money[N]
    replacement: Money[N]
    total: Money[N]
    owned_power: Money[N] = NOT_SAID
    water: Money[N] = NOT_SAID
    vendor_support: Money[N] = NOT_SAID
    subscription: Money[N] = NOT_SAID
    refresh: Money[N] = NOT_SAID
    expansion: Money[N] = NOT_SAID
    destruction: Money[N] = NOT_SAID
    decommissioning: Money[N] = NOT_SAID


@dataclass(frozen=True)
class Stage:
    """What is in use in a year. ``hardware`` is the price of the things among that, and
    ``other_hardware`` of those that are no drives, at the prices of the first delivery."""

    built: Built
    stored_bytes: Number
    hardware: Number
    other_hardware: Number


def opex(scenario: Scenario[Number], stages: Sequence[Stage]) -> tuple[Opex[Number], ...]:
    """The payments of each year, of which ``stages`` has one each."""
    made = []
    for year in range(1, len(stages) + 1):
        lines = _of_year(scenario, stages, year)
        shown = absent_as_unknown(lines, BY_YEAR)
        made.append(Opex(year=year, total=sum(lines.values()), **shown))
    return tuple(made)


def _of_year(scenario: Scenario[Number], stages: Sequence[Stage], year: int) -> dict[str, Number]:
    site, software, terms = scenario.site, scenario.software, scenario.purchase
    stage = stages[year - 1]
    peak_kw = stage.built.peak_watts / 1000
    it_kwh = stage.built.average_watts * HOURS_PER_YEAR / 1000
    tariff = site.price_per_kwh * (1 + site.price_per_kwh_escalation) ** (year - 1)
    lines = {
        "energy": mwh_per_year(scenario, stage.built)
        * 1000
        * named(f"price_per_kwh.{year}", tariff),
        "colocation": peak_kw * 12 * site.colocation_per_kw_month,
        "water": it_kwh * site.water_litres_per_kwh / 1000 * site.water_price_per_m3,
        "support": _support(scenario, stages, year),
        "replacement": _replacement(scenario, stages, year),
    }
    if is_in_bill(scenario, "owned_power"):
        lines["owned_power"] = peak_kw * 1000 * site.build_per_watt * recovery(scenario)
    if software is not None:
        monthly = software.subscription_per_stored_tb_month
        lines["subscription"] = stored_tb(scenario, stage.stored_bytes) * 12 * monthly
    if terms is not None:
        is_last = year == len(stages)
        refreshed = refreshed_drives(scenario, stages, year)
        lines["vendor_support"] = stage.hardware * terms.support
        then = _at_end_of(scenario, year)
        price = landed(scenario, then.drive.price)
        lines["refresh"] = refreshed * price * price_change(scenario, year)
        if is_in_bill(scenario, "expansion"):
            paid = _paid(then, stage)
            # Cells that are rounded up one by one may come to a little less: nothing is given back.
            # In the last year not left out: an unknown price keeps every year unknown.
            added = paid * 0 if is_last else at_least(_paid(then, stages[year]) - paid, 0)
            lines["expansion"] = added * price_change(scenario, year)
        discarded = stage.built.failures + (refreshed if is_in_bill(scenario, "refresh") else 0)
        if is_last:
            discarded = discarded + stage.built.drives
        lines["destruction"] = discarded * terms.destruction_per_drive
        removed = stage.built.racks if is_last else 0
        lines["decommissioning"] = removed * terms.decommissioning_per_rack
    return present(scenario, lines)


def mwh_per_year(scenario: Scenario[Number], what: Built) -> Number:
    """Energy of the site in a year."""
    return what.average_watts * scenario.site.pue * HOURS_PER_YEAR / 10**6


def price_change(scenario: Scenario[Number], year: int) -> Number:
    """What prices are at the end of ``year``, over those of the delivery."""
    terms = scenario.purchase
    if terms is None or is_unknown(terms.yearly_price_change):
        return 1
    return (1 + terms.yearly_price_change) ** year


def _at_end_of(scenario: Scenario[Number], year: int) -> Scenario[Number]:
    """``scenario`` with a price of drives that, times ``price_change``, is that of their path at
    the end of ``year``."""
    if scenario.price_path is None:
        return scenario
    price = price_after(scenario.price_path, scenario.drive.price, year)
    price = named(f"drive_price.{year}", price) / price_change(scenario, year)
    return msgspec.structs.replace(
        scenario, drive=msgspec.structs.replace(scenario.drive, price=price)
    )


def _paid(scenario: Scenario[Number], stage: Stage) -> Number:
    """What buying all of ``stage`` costs."""
    return sum(paid_on_delivery(scenario, stage.built, stage.stored_bytes).values())


def recovery(scenario: Scenario[Number]) -> Number:
    """What of a building is paid each year of its life: the capital recovery factor."""
    rate, years = scenario.finance.discount_rate, scenario.site.build_years
    if is_unknown(years):
        return years
    return 1 / sum(1 / (1 + rate) ** year for year in range(1, int(years) + 1))


def _added(values: Sequence[Number], cohort: int) -> Number:
    """What came with the delivery before year ``cohort``, counted from 1."""
    return values[cohort - 1] - values[cohort - 2] if cohort > 1 else values[0]


def _cohorts(stages: Sequence[Stage], year: int) -> range:
    """The deliveries before the end of ``year``: one, unless the data grows."""
    grows = len(stages) > 1 and stages[1] is not stages[0]
    return range(1, year + 1 if grows else 2)


def _support(scenario: Scenario[Number], stages: Sequence[Stage], year: int) -> Number:
    """Of what is not a drive, after its warranty."""
    finance = scenario.finance
    prices = [stage.other_hardware for stage in stages]
    # Multiplying by 0, not leaving out: an unknown price keeps every year unknown.
    return sum(
        _added(prices, cohort)
        * finance.hardware_support
        * where(year - cohort + 1 > finance.hardware_warranty_years, 1, 0)
        for cohort in _cohorts(stages, year)
    )


def _replacement(scenario: Scenario[Number], stages: Sequence[Stage], year: int) -> Number:
    """Of drives that fail: the labour, and after their warranty the drive."""
    drive, labour = scenario.drive, scenario.finance.drive_swap_labour
    bought = landed(scenario, _at_end_of(scenario, year).drive.price)
    failures = [stage.built.failures for stage in stages]
    paid: Number = 0
    for cohort in _cohorts(stages, year):
        years_old = year - cohort + 1
        if is_in_bill(scenario, "refresh"):
            assert scenario.purchase is not None
            life = scenario.purchase.drive_life_years
            years_old = years_old - life * floor((years_old - 1) / life)
        after_warranty = where(years_old > drive.warranty_years, 1, 0)
        price = bought * price_change(scenario, year) * after_warranty
        paid = paid + _added(failures, cohort) * (labour + price)
    return paid


def refreshed_drives(scenario: Scenario[Number], stages: Sequence[Stage], year: int) -> Number:
    """Drives that come to their end with ``year``, none in the last; NaN if their life is unknown.

    A delivery ends with the year in which it has been in use for as long as drives live.
    """
    terms = scenario.purchase
    assert terms is not None
    life, in_service = terms.drive_life_years, [stage.built.in_service for stage in stages]
    if year == len(stages):
        return 0 * life
    return sum(
        _added(in_service, cohort)
        * (floor((year - cohort + 1) / life) - floor((year - cohort) / life))
        for cohort in _cohorts(stages, year)
    )
