"""The lines of a bill: which are in it, which are missing, and what each would need.

A line is in the bill if any input that decides it is known. With all of them known it has an
amount; with one of them unknown its amount is unknown, and so is every total. With none of them
known the line is missing: it is null and named, and totals are without it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from storeff.economics.model import Scenario
from storeff.economics.servers import dram_is_known
from storeff.layout.number import Number, is_unknown

Run: TypeAlias = Scenario[Number]


def _always(scenario: Run) -> bool:
    return True


@dataclass(frozen=True)
class Line:
    """``inputs`` decide it, by their paths in a scenario; a line that is in every bill has none,
    but ``prices``. ``applies`` is whether there is anything of the kind to pay for;
    ``can_be_missing`` whether a bill without it lacks something."""

    title: str
    inputs: tuple[str, ...] = ()
    prices: tuple[str, ...] = ()
    applies: Callable[[Run], bool] = _always
    can_be_missing: Callable[[Run], bool] = _always


class NotInBill(msgspec.Struct, frozen=True, kw_only=True):
    """A line that is missing: what it is called, and what it ``needs``, by paths of a scenario.
    ``line`` is a key of LINES, but in a report of a later schema."""

    line: str
    title: str
    needs: tuple[str, ...]


def _known(scenario: Run, path: str) -> bool:
    part_name, _, field = path.partition(".")
    part = getattr(scenario, part_name)
    return part is not None and not is_unknown(getattr(part, field))


def _has_scm(scenario: Run) -> bool:
    memory = scenario.layout.memory
    return memory is not None and not is_unknown(memory.scm_per_raw_byte)


def _is_owned(scenario: Run) -> bool:
    return _known(scenario, "site.build_per_watt")


def _is_rented(scenario: Run) -> bool:
    return not _is_owned(scenario)


def _grows(scenario: Run) -> bool:
    return _known(scenario, "purchase.yearly_growth")


def _outlives_drives(scenario: Run) -> bool:
    return bool(scenario.finance.years > scenario.drive.warranty_years)


def _has_no_software(scenario: Run) -> bool:
    return not any(_known(scenario, path) for path in _SOFTWARE)


def _never(scenario: Run) -> bool:
    return False


_SOFTWARE = ("software.subscription_per_stored_tb_month", "software.licence_per_stored_tb")
_PORTS = ("network.ports_per_enclosure", "network.oversubscription")

# Lines without inputs are in every bill. They stand in the order of the bill.
ON_DELIVERY: Mapping[str, Line] = {
    "drives": Line("drives", prices=("drive.price",)),
    "enclosures": Line("enclosures", prices=("enclosure.price",)),
    "racks": Line("racks with switches", prices=("rack.price", "rack.switch_price")),
    "cpus": Line("processors", ("enclosure.cpus", "enclosure.cpu_price")),
    "dram": Line("memory (DRAM)", ("memory.module_price", "memory.module_bytes")),
    "scm": Line(
        "storage-class memory",
        ("memory.scm_drive_price", "memory.scm_drive_bytes"),
        applies=_has_scm,
    ),
    "nics": Line("network adapters", ("enclosure.nics", "enclosure.nic_price")),
    "network": Line(
        "network ports", (*_PORTS, "network.leaf_port_price", "network.spine_port_price")
    ),
    "optics": Line("cables and optics", (*_PORTS, "network.cable_price", "network.optic_price")),
    "licences": Line("software licences", _SOFTWARE[1:], can_be_missing=_never),
    "installation": Line("installation", ("purchase.installation_per_rack",)),
    "freight": Line("freight", ("purchase.freight",)),
    "tariff": Line("import tariff", ("purchase.tariff",)),
    "tax": Line("tax", ("purchase.tax",)),
}
BY_YEAR: Mapping[str, Line] = {
    "energy": Line("energy", prices=("site.price_per_kwh",)),
    "colocation": Line("colocation", prices=("site.colocation_per_kw_month",), applies=_is_rented),
    "owned_power": Line(
        "building of one's own", ("site.build_per_watt", "site.build_years"), applies=_is_owned
    ),
    "water": Line("water", ("site.water_litres_per_kwh", "site.water_price_per_m3")),
    "support": Line("support after warranty"),
    "vendor_support": Line("vendor support", ("purchase.support",)),
    "subscription": Line("software", _SOFTWARE[:1], can_be_missing=_has_no_software),
    "replacement": Line("drive replacement"),
    "refresh": Line(
        "drive refresh", ("purchase.drive_life_years",), can_be_missing=_outlives_drives
    ),
    "expansion": Line("growth", ("purchase.yearly_growth",), applies=_grows),
    "destruction": Line("destruction of data", ("purchase.destruction_per_drive",)),
    "decommissioning": Line("decommissioning", ("purchase.decommissioning_per_rack",)),
}
AT_THE_END: Mapping[str, Line] = {"residual_value": Line("residual value", ("purchase.residual",))}
LINES: Mapping[str, Line] = {**ON_DELIVERY, **BY_YEAR, **AT_THE_END}


def is_in_bill(scenario: Run, name: str) -> bool:
    """Whether the line ``name`` is in the bill of ``scenario``."""
    line = LINES[name]
    if not line.applies(scenario):
        return False
    if name == "dram" and not dram_is_known(scenario):
        return False
    return not line.inputs or any(_known(scenario, path) for path in line.inputs)


def not_in_bill(scenario: Run) -> tuple[NotInBill, ...]:
    """The lines that the bill of ``scenario`` lacks, in the order of the bill."""
    return tuple(
        NotInBill(line=name, title=line.title, needs=line.inputs)
        for name, line in LINES.items()
        if line.applies(scenario) and not is_in_bill(scenario, name)
        if line.can_be_missing(scenario)
    )


def unpriced(scenario: Run, bill: Any) -> tuple[str, ...]:
    """Titles of the lines that are in ``bill`` with an unknown amount, because of an input of their
    own; where none is unknown, of all of them."""
    first_year = bill.opex_by_year[0]
    amounts = {name: getattr(bill.capex, name) for name in ON_DELIVERY}
    amounts |= {name: getattr(first_year, name) for name in BY_YEAR}
    amounts |= {name: getattr(bill, name) for name in AT_THE_END}
    lines = [LINES[x] for x, y in amounts.items() if is_unknown(y) and is_in_bill(scenario, x)]
    own = [x for x in lines if unknown_inputs(scenario, x)]
    return tuple(line.title for line in own or lines)


def unknown_inputs(scenario: Run, line: Line) -> tuple[str, ...]:
    """The inputs and prices of ``line`` that are unknown, by their paths in a scenario."""
    return tuple(path for path in line.inputs + line.prices if not _known(scenario, path))


def present(scenario: Run, lines: Mapping[str, Number]) -> dict[str, Number]:
    """Those of ``lines`` that are in the bill."""
    return {name: x for name, x in lines.items() if is_in_bill(scenario, name)}


def absent_as_unknown(lines: Mapping[str, Number], names: Mapping[str, Line]) -> dict[str, Number]:
    """``lines`` with NaN for each of ``names`` that they lack."""
    return {name: lines.get(name, math.nan) for name in names}
