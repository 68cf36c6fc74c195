"""What is built for raw bytes: drives, enclosures and what is in them, racks, ports, watts."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from storeff.economics.model import Drive, Enclosure, Rack, Scenario
from storeff.economics.network import Ports, ports, spine_watts
from storeff.economics.servers import Held, dram_bytes, scm_bytes
from storeff.errors import StoreffError
from storeff.layout.cells import cells
from storeff.layout.durability import HOURS_PER_YEAR
from storeff.layout.number import (
    Number,
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


@dataclass(frozen=True)
class Built:
    """Quantities of everything; NaN for what nothing is said of. ``drives`` are with the spares,
    ``failures`` of a year."""

    raw_bytes: Number
    cells: Number
    in_service: Number
    spares: Number
    drives: Number
    failures: Number
    enclosures: Number
    per_rack: Number
    rack_bound: Literal["power", "space"]
    racks: Number
    cpus: Number
    dram_bytes: Number
    dram_modules: Number
    scm_bytes: Number
    scm_drives: Number
    nics: Number
    ports: Ports
    average_watts: Number
    peak_watts: Number


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
    if np.ndim(per_rack):
        # What cannot be built takes racks without end; the others are what they are.
        per_rack = np.where(per_rack < 1, 0, per_rack)
    elif per_rack < 1:
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

    if np.ndim(mean_failures) or np.ndim(service_level):
        levels, means = (np.asarray(x, np.float64) for x in (service_level, mean_failures))
        return np.maximum(pdtrik(levels, means), 0)
    return max(float(pdtrik(float(service_level), float(mean_failures))), 0.0)


def built(
    scenario: Scenario[Number], raw_bytes: Number, logical_bytes: Number, *, whole: bool = True
) -> Built:
    """What holds ``raw_bytes``, that ``logical_bytes`` of the application come to.

    Each whole copy that the layout keeps is at a site of its own, and falls into as many cells as
    its system needs. Each of these has drives, enclosures and racks of its own: a drive for each
    fragment and in each failure domain, whole groups of drives, and no less than one rack. Where
    the least number of domains is unknown, replicas are in enclosures of their own.
    ``whole=False`` builds fractions of everything. Raises StoreffError if a rack cannot hold one
    enclosure.
    """
    drive, enclosure, rack, layout = (
        scenario.drive,
        scenario.enclosure,
        scenario.rack,
        scenario.layout,
    )
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
    enclosures = clusters * at_least(count(cell_drives / enclosure.drive_slots), domains)
    per_rack, bound = enclosures_per_rack(rack, enclosure, drive)
    racks = clusters * count(enclosures / clusters / per_rack)

    found = Ports(math.nan, math.nan)
    spine = 0
    if scenario.network is not None:
        found = ports(scenario.network, enclosures, racks, count)
        spine = spine_watts(scenario.network, found)
    chassis_watts = enclosures * enclosure.watts + racks * rack.switch_watts + spine
    mean_drive_watts = drive.duty * drive.watts_active + (1 - drive.duty) * drive.watts_idle
    average_watts = in_service * named("mean_drive_watts", mean_drive_watts) + chassis_watts
    peak_watts = in_service * drive.watts_active + named("chassis_watts", chassis_watts)

    dram = dram_bytes(scenario, Held(enclosures, in_service, raw_bytes, logical_bytes))
    scm = scm_bytes(scenario, raw_bytes)
    modules = scm_drives = math.nan
    if scenario.memory is not None:
        modules = enclosures * count(dram / enclosures / scenario.memory.module_bytes)
        scm_drives = count(scm / scenario.memory.scm_drive_bytes)
    return Built(
        raw_bytes=raw_bytes,
        cells=clusters,
        in_service=in_service,
        spares=spares,
        drives=in_service + spares,
        failures=failures,
        enclosures=enclosures,
        per_rack=per_rack,
        rack_bound=bound,
        racks=racks,
        cpus=enclosures * enclosure.cpus,
        dram_bytes=dram,
        dram_modules=modules,
        scm_bytes=scm,
        scm_drives=scm_drives,
        nics=enclosures * enclosure.nics,
        ports=found,
        average_watts=average_watts,
        peak_watts=peak_watts,
    )
