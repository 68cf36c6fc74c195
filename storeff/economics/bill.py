"""From raw bytes to drives, racks, megawatts and money. Every formula once (see layout.number)."""

from collections.abc import Callable
from typing import Any, Generic, Literal

import msgspec
import numpy as np

from storeff.data import Assumption, N, exact
from storeff.economics.model import Drive, Enclosure, Rack, Scenario
from storeff.errors import StoreffError
from storeff.layout.cells import cells, with_cells
from storeff.layout.durability import HOURS_PER_YEAR
from storeff.layout.number import (
    Money,
    Number,
    Whole,
    at_least,
    at_most,
    ceil,
    expm1,
    floor,
    is_unknown,
    named,
    recorded,
    where,
)
from storeff.layout.waterfall import raw, step_factors
from storeff.quantity import Quantity

TB = 10**12
# What a report of before bills told of cells was sized as.
_ONE_CELL: Any = Quantity.exact(1, "derived")


class Capex(msgspec.Struct, Generic[N], frozen=True, kw_only=True):
    """Money on delivery; racks with their switches."""

    drives: Money[N]
    enclosures: Money[N]
    racks: Money[N]
    total: Money[N]


class Opex(msgspec.Struct, Generic[N], frozen=True, kw_only=True):
    """Money of one year."""

    year: int
    energy: Money[N]
    colocation: Money[N]
    support: Money[N]
    replacement: Money[N]
    total: Money[N]


class Bill(msgspec.Struct, Generic[N], frozen=True, kw_only=True):
    """What is bought and what it costs; ``drives`` include the spares. ``cells`` are the clusters
    that all copies take.

    ``npv`` is the present value of all payments over the horizon.
    ``levelised_per_logical_tb_month`` is that over the equally discounted terabyte-months.
    """

    drive: str
    drives_in_service: Whole[N]
    spares: Whole[N]
    drives: Whole[N]
    failures_per_year: N
    enclosures: Whole[N]
    enclosures_per_rack: Whole[N]
    racks: Whole[N]
    rack_bound: Literal["power", "space"]
    floor_m2: N
    it_mw_average: N
    it_mw_peak: N
    facility_mw_peak: N
    mwh_per_year: N
    capex: Capex[N]
    opex_by_year: tuple[Opex[N], ...]
    opex_total: Money[N]
    tco: Money[N]
    npv: Money[N]
    levelised_per_logical_tb_month: N
    embodied_tonnes: N
    operational_tonnes_per_year: N
    cells: Whole[N] = _ONE_CELL


def annual_failure_rate(drive: Drive[Number]) -> Number:
    """Failures a drive and year: as observed, or 1 - exp(-8760 / MTBF)."""
    if is_unknown(drive.afr):
        return -expm1(-HOURS_PER_YEAR / drive.mtbf_hours)
    return drive.afr


def enclosures_per_rack(
    rack: Rack[Number], enclosure: Enclosure[Number], drive: Drive[Number]
) -> tuple[Number, Literal["power", "space"]]:
    """How many fit, and whether power or space limits them."""
    by_space = floor((rack.height_u - rack.reserved_u) / enclosure.height_u)
    full_watts = enclosure.watts + enclosure.drive_slots * drive.watts_active
    by_power = floor((rack.kilowatts * 1000 - rack.switch_watts) / full_watts)
    per_rack = at_most(
        named("enclosures_by_space", by_space), named("enclosures_by_power", by_power)
    )
    named("full_enclosure_watts", full_watts)
    if per_rack < 1:
        raise StoreffError(
            f"a rack of {float(rack.kilowatts):g} kW and {float(rack.height_u):g} U cannot hold "
            f"one enclosure of {float(full_watts):g} W and {float(enclosure.height_u):g} U",
            "raise the rack's kilowatts or height, or choose a smaller enclosure",
        )
    return per_rack, where(by_power < by_space, "power", "space")


@recorded
def spares_needed(mean_failures: Number, service_level: Number) -> Number:
    """The continuous Poisson quantile: rounded up, the least s with P(failures <= s) >= level."""
    from scipy.special import pdtrik

    if np.ndim(mean_failures):
        return np.maximum(pdtrik(float(service_level), mean_failures), 0)
    return max(float(pdtrik(float(service_level), float(mean_failures))), 0.0)


def in_cells(scenario: Scenario[Assumption]) -> Scenario[Assumption]:
    """``scenario`` with what the spare enclosures of its layout's cells keep free."""
    slots, capacity_bytes = scenario.enclosure.drive_slots, scenario.drive.capacity_bytes
    layout = with_cells(scenario.layout, scenario.data, exact(slots) * exact(capacity_bytes))
    return msgspec.structs.replace(scenario, layout=layout)


def bill_for(scenario: Scenario[Number], *, whole: bool = True) -> Bill[Number]:
    """The bill for what the scenario's layout makes of its data."""
    factors = step_factors(scenario.data, scenario.layout)
    return bill(scenario, raw(scenario.data.logical_bytes, factors), whole=whole)


def bill(scenario: Scenario[Number], raw_bytes: Number, *, whole: bool = True) -> Bill[Number]:
    """The bill for ``raw_bytes``.

    Each whole copy that the layout keeps is at a site of its own, and falls into as many cells as
    its system needs. Each of these has drives, enclosures and racks of its own: a drive for each
    fragment and in each failure domain, whole groups of drives, and no less than one rack. Where
    the least number of domains is unknown, replicas are in enclosures of their own.
    ``whole=False`` buys fractions of drives, enclosures and racks: the continuous model whose
    derivatives mean something. Raises StoreffError if a rack cannot hold one enclosure.
    """
    drive, enclosure, rack = scenario.drive, scenario.enclosure, scenario.rack
    site, finance, layout = scenario.site, scenario.finance, scenario.layout
    count: Callable[[Number], Number] = ceil if whole else lambda x: x

    copies, domains = count(layout.copies), count(layout.min_domains)
    if is_unknown(domains) and layout.code.kind == "replica":
        domains = layout.code.fragments
    enclosure_bytes = named("enclosure_bytes", enclosure.drive_slots * drive.capacity_bytes)
    clusters = copies * cells(layout, raw_bytes / copies, enclosure_bytes, whole=whole)
    held_drives = at_least(count(raw_bytes / clusters / drive.capacity_bytes), domains)
    cell_drives = at_least(held_drives, layout.code.fragments)
    if not is_unknown(layout.group_drives):
        cell_drives = count(layout.group_drives) * count(cell_drives / layout.group_drives)
    in_service = clusters * named("drives_of_a_cell", cell_drives)
    failures = in_service * annual_failure_rate(drive)
    awaited = named("failures_awaited", failures * scenario.spares.lead_weeks * 7 / 365)
    spares = count(spares_needed(awaited, scenario.spares.service_level))
    drives = in_service + spares
    enclosures = clusters * at_least(count(cell_drives / enclosure.drive_slots), domains)
    per_rack, bound = enclosures_per_rack(rack, enclosure, drive)
    racks = clusters * count(enclosures / clusters / per_rack)

    chassis_watts = enclosures * enclosure.watts + racks * rack.switch_watts
    mean_drive_watts = drive.duty * drive.watts_active + (1 - drive.duty) * drive.watts_idle
    average_watts = in_service * named("mean_drive_watts", mean_drive_watts) + chassis_watts
    peak_watts = in_service * drive.watts_active + named("chassis_watts", chassis_watts)
    mwh_per_year = average_watts * site.pue * HOURS_PER_YEAR / 10**6

    drive_capex = drives * drive.price
    enclosure_capex = enclosures * enclosure.price
    rack_capex = racks * (rack.price + rack.switch_price)
    capex = Capex(
        drives=drive_capex,
        enclosures=enclosure_capex,
        racks=rack_capex,
        total=drive_capex + enclosure_capex + rack_capex,
    )
    opex = tuple(
        _opex(scenario, year, mwh_per_year, peak_watts, failures, enclosure_capex + rack_capex)
        for year in range(1, int(finance.years) + 1)
    )
    opex_total = sum(year.total for year in opex)
    discounts = [
        named(f"discount.{year.year}", 1 / (1 + finance.discount_rate) ** year.year)
        for year in opex
    ]
    npv = capex.total + sum(
        year.total * discount for year, discount in zip(opex, discounts, strict=True)
    )
    tb_months = scenario.data.logical_bytes / TB * 12 * sum(discounts)
    return Bill(
        drive=drive.name,
        drives_in_service=in_service,
        spares=spares,
        drives=drives,
        failures_per_year=failures,
        enclosures=enclosures,
        enclosures_per_rack=per_rack,
        racks=racks,
        rack_bound=bound,
        floor_m2=racks * rack.floor_m2,
        it_mw_average=average_watts / 10**6,
        it_mw_peak=peak_watts / 10**6,
        facility_mw_peak=peak_watts * site.pue / 10**6,
        mwh_per_year=mwh_per_year,
        capex=capex,
        opex_by_year=opex,
        opex_total=opex_total,
        tco=capex.total + opex_total,
        npv=npv,
        levelised_per_logical_tb_month=npv / tb_months,
        embodied_tonnes=drives
        * (drive.capacity_bytes / TB)
        * scenario.carbon.embodied_kg_co2e_per_tb
        / 1000,
        operational_tonnes_per_year=mwh_per_year * site.grid_g_co2e_per_kwh / 1000,
        cells=clusters,
    )


def _opex(
    scenario: Scenario[Number],
    year: int,
    mwh: Number,
    peak_watts: Number,
    failures: Number,
    supported_capex: Number,
) -> Opex[Number]:
    drive, site, finance = scenario.drive, scenario.site, scenario.finance
    tariff = site.price_per_kwh * (1 + site.price_per_kwh_escalation) ** (year - 1)
    energy = mwh * 1000 * named(f"price_per_kwh.{year}", tariff)
    colocation = peak_watts / 1000 * 12 * site.colocation_per_kw_month
    # Multiplying by 0, not leaving out: an unknown price keeps every year unknown.
    supported = where(year > finance.hardware_warranty_years, 1, 0)
    support = supported_capex * finance.hardware_support * supported
    paid_drive = drive.price * where(year > drive.warranty_years, 1, 0)
    replacement = failures * (finance.drive_swap_labour + paid_drive)
    return Opex(
        year=year,
        energy=energy,
        colocation=colocation,
        support=support,
        replacement=replacement,
        total=energy + colocation + support + replacement,
    )
