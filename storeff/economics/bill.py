"""From raw bytes to drives, racks, megawatts and money. Every formula once (see layout.number)."""

import math
from collections.abc import Iterator, Sequence
from typing import Any, Generic, Literal

import msgspec

from storeff.data import Assumption, N, exact
from storeff.economics.built import Built as Built
from storeff.economics.built import annual_failure_rate as annual_failure_rate
from storeff.economics.built import built
from storeff.economics.built import enclosures_per_rack as enclosures_per_rack
from storeff.economics.built import spares_needed as spares_needed
from storeff.economics.lines import is_in_bill
from storeff.economics.model import Scenario
from storeff.economics.opex import Opex, Stage, mwh_per_year, opex, refreshed_drives
from storeff.economics.purchase import (
    NOT_SAID,
    Capex,
    capex,
    hardware,
    paid_on_delivery,
    stored_tb,
)
from storeff.layout.cells import with_cells
from storeff.layout.durability import HOURS_PER_YEAR
from storeff.layout.number import Money, Number, Whole, is_unknown, named
from storeff.layout.waterfall import raw_for, stored_share
from storeff.quantity import Quantity

TB = 10**12
# What a report of before bills told of cells was sized as.
_ONE_CELL: Any = Quantity.exact(1, "derived")


class Grown(msgspec.Struct, Generic[N], frozen=True, kw_only=True):
    """What is in use in one year, where the data grows. ``drives`` are with the spares."""

    year: int
    drives: Whole[N]
    enclosures: Whole[N]
    racks: Whole[N]
    it_mw_peak: N


class Bill(msgspec.Struct, Generic[N], frozen=True, kw_only=True):
    """What is bought and what it costs; ``drives`` include the spares. ``cells`` are the clusters
    that all copies take. Quantities are of the first year; ``growth_by_year`` is empty unless the
    data grows. A quantity that nothing is said of is null. ``leaf_ports`` are those that enclosures
    take, ``spine_ports`` those of the spine, ``switch_ports`` all of both kinds of switches.

    ``tco`` is all that is paid, less ``residual_value``, which comes back at the end. ``npv`` is
    the present value of cost: of all these payments over the horizon, discounted.
    ``levelised_per_logical_tb_month`` is that over the equally discounted terabyte-months.
    ``stored_tb`` are left of the data after its reduction. ``embodied_tonnes`` are of all drives
    made over the horizon, ``other_embodied_tonnes`` the same as another study has it.
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
    cpus: Whole[N] = NOT_SAID
    dram_bytes: Whole[N] = NOT_SAID
    dram_modules: Whole[N] = NOT_SAID
    scm_bytes: Whole[N] = NOT_SAID
    scm_drives: Whole[N] = NOT_SAID
    nics: Whole[N] = NOT_SAID
    leaf_ports: Whole[N] = NOT_SAID
    spine_ports: Whole[N] = NOT_SAID
    switch_ports: Whole[N] = NOT_SAID
    links: Whole[N] = NOT_SAID
    stored_tb: N = NOT_SAID
    water_m3_per_year: N = NOT_SAID
    refreshed_drives: Whole[N] = NOT_SAID
    residual_value: Money[N] = NOT_SAID
    other_embodied_tonnes: N = NOT_SAID
    growth_by_year: tuple[Grown[N], ...] = ()


def in_cells(scenario: Scenario[Assumption]) -> Scenario[Assumption]:
    """``scenario`` with what the spare enclosures of its layout's cells keep free."""
    slots, capacity_bytes = scenario.enclosure.drive_slots, scenario.drive.capacity_bytes
    layout = with_cells(scenario.layout, scenario.data, exact(slots) * exact(capacity_bytes))
    return msgspec.structs.replace(scenario, layout=layout)


def bill_for(scenario: Scenario[Number], *, whole: bool = True) -> Bill[Number]:
    """The bill for what the scenario's layout makes of its data."""
    return bill(scenario, raw_for(scenario.data, scenario.layout), whole=whole)


def bill(scenario: Scenario[Number], raw_bytes: Number, *, whole: bool = True) -> Bill[Number]:
    """The bill for ``raw_bytes`` (``economics.built`` says what is built for them).

    Payments of a year are at its end. ``whole=False`` buys fractions of drives, enclosures and
    racks: the continuous model whose derivatives mean something. Raises StoreffError if a rack
    cannot hold one enclosure.
    """
    finance, site, drive = scenario.finance, scenario.site, scenario.drive
    years = range(1, int(finance.years) + 1)
    stages = list(_stages(scenario, raw_bytes, years, whole))
    first, last = stages[0], stages[-1]
    what = first.built
    lines = capex(paid_on_delivery(scenario, what, first.stored_bytes))
    running = opex(scenario, stages)
    opex_total = sum(year.total for year in running)
    discounts = [
        named(f"discount.{year.year}", 1 / (1 + finance.discount_rate) ** year.year)
        for year in running
    ]
    tco = lines.total + opex_total
    npv = lines.total + sum(
        year.total * discount for year, discount in zip(running, discounts, strict=True)
    )
    residual = math.nan
    if scenario.purchase is not None and is_in_bill(scenario, "residual_value"):
        residual = last.hardware * scenario.purchase.residual
        tco, npv = tco - residual, npv - residual * discounts[-1]
    tb_months = sum(
        scenario.data.logical_bytes / TB * 12 * grown(scenario, year) * discount
        for year, discount in zip(years, discounts, strict=True)
    )
    refreshed: Number = math.nan
    made = last.built.drives
    if is_in_bill(scenario, "refresh"):
        refreshed = sum(refreshed_drives(scenario, stages, year) for year in years)
        made = made + refreshed
    made_tb = made * (drive.capacity_bytes / TB)
    mwh = mwh_per_year(scenario, what)
    it_kwh = what.average_watts * HOURS_PER_YEAR / 1000
    return Bill(
        drive=drive.name,
        drives_in_service=what.in_service,
        spares=what.spares,
        drives=what.drives,
        failures_per_year=what.failures,
        enclosures=what.enclosures,
        enclosures_per_rack=what.per_rack,
        racks=what.racks,
        rack_bound=what.rack_bound,
        floor_m2=what.racks * scenario.rack.floor_m2,
        it_mw_average=what.average_watts / 10**6,
        it_mw_peak=what.peak_watts / 10**6,
        facility_mw_peak=what.peak_watts * site.pue / 10**6,
        mwh_per_year=mwh,
        capex=lines,
        opex_by_year=running,
        opex_total=opex_total,
        tco=tco,
        npv=npv,
        levelised_per_logical_tb_month=npv / tb_months,
        embodied_tonnes=made_tb * scenario.carbon.embodied_kg_co2e_per_tb / 1000,
        operational_tonnes_per_year=mwh * site.grid_g_co2e_per_kwh / 1000,
        cells=what.cells,
        cpus=what.cpus,
        dram_bytes=what.dram_bytes,
        dram_modules=what.dram_modules,
        scm_bytes=what.scm_bytes,
        scm_drives=what.scm_drives,
        nics=what.nics,
        leaf_ports=what.ports.leaf,
        spine_ports=what.ports.spine,
        switch_ports=what.ports.of_switches,
        links=what.ports.links,
        stored_tb=stored_tb(scenario, first.stored_bytes),
        water_m3_per_year=it_kwh * site.water_litres_per_kwh / 1000,
        refreshed_drives=refreshed,
        residual_value=residual,
        other_embodied_tonnes=made_tb * scenario.carbon.other_embodied_kg_co2e_per_tb / 1000,
        growth_by_year=tuple(_growth(scenario, stages)),
    )


def grown(scenario: Scenario[Number], year: int) -> Number:
    """How much data there is in ``year``, over that of the first."""
    terms = scenario.purchase
    if terms is None or is_unknown(terms.yearly_growth):
        return 1
    return (1 + terms.yearly_growth) ** (year - 1)


def _stages(
    scenario: Scenario[Number], raw_bytes: Number, years: Sequence[int], whole: bool
) -> Iterator[Stage]:
    """What is in use in each year: one and the same thing, unless the data grows."""
    made: Stage | None = None
    for year in years:
        if made is None or is_in_bill(scenario, "expansion"):
            made = _stage(scenario, raw_bytes, grown(scenario, year), whole)
        yield made


def _stage(scenario: Scenario[Number], raw_bytes: Number, more: Number, whole: bool) -> Stage:
    logical_bytes = scenario.data.logical_bytes
    what = built(scenario, raw_bytes * more, logical_bytes * more, whole=whole)
    stored_bytes: Number = math.nan
    if scenario.software is not None:
        stored_bytes = logical_bytes * more * stored_share(scenario.data, scenario.layout)
    goods = hardware(scenario, what)
    return Stage(
        built=what,
        stored_bytes=stored_bytes,
        hardware=sum(goods.values()),
        other_hardware=sum(price for name, price in goods.items() if name != "drives"),
    )


def _growth(scenario: Scenario[Number], stages: Sequence[Stage]) -> Iterator[Grown[Number]]:
    if not is_in_bill(scenario, "expansion"):
        return
    for year, stage in enumerate(stages, 1):
        yield Grown(
            year=year,
            drives=stage.built.drives,
            enclosures=stage.built.enclosures,
            racks=stage.built.racks,
            it_mw_peak=stage.built.peak_watts / 10**6,
        )
