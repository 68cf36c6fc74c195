"""What the bill of a layout is made of, charge by charge, and the prices that each rests on."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import msgspec

from storeff.data import Assumption, AssumptionRow, exact, map_numbers, numbers_in
from storeff.economics import Bill, Opex, Scenario, SizedLayout
from storeff.economics.lines import (
    BY_YEAR,
    LINES,
    ON_DELIVERY,
    NotInBill,
    is_in_bill,
    unknown_inputs,
)
from storeff.layout import Credit
from storeff.layout.number import Number
from storeff.quantity import Quantity
from storeff.report.model import Report
from storeff.report.scenario import scenario_of
from storeff.report.subject import recommended_row

Rows: TypeAlias = dict[tuple[str, str], dict[str, AssumptionRow]]

_UNSAID = Quantity(None, None, None, "derived")
# Where a number of a layout, or of its drive or site, is found; all else has one entry.
_OWN = {"drives": "drive", "sites": "site", "layouts": "name"}


@dataclass(frozen=True)
class Item:
    """A line of the bill as it is bought: its ``name`` for people, its quantity by the name of a
    field of the bill (none: it is one), the unit of that as FOCUS writes units, and the assumptions
    that are its price. What is not ``bought`` is paid as it is used."""

    name: str
    unit: str
    prices: tuple[str, ...]
    quantity: str = ""
    bought: bool = True


_HARDWARE = ("enclosures.price", "racks.price", "racks.switch_price")
ITEMS: Mapping[str, Item] = {
    "drives": Item("Drives", "Drives", ("drives.price",), "drives"),
    "enclosures": Item("Enclosures", "Enclosures", ("enclosures.price",), "enclosures"),
    "racks": Item("Racks and switches", "Racks", _HARDWARE[1:], "racks"),
    "cpus": Item("Processors", "Processors", ("enclosures.cpu_price",), "cpus"),
    "dram": Item("Memory modules", "Modules", ("memory.module_price",), "dram_modules"),
    "scm": Item("Storage-class memory", "Drives", ("memory.scm_drive_price",), "scm_drives"),
    "nics": Item("Network adapters", "Adapters", ("enclosures.nic_price",), "nics"),
    "network": Item(
        "Network ports",
        "Ports",
        ("network.leaf_port_price", "network.spine_port_price"),
        "switch_ports",
    ),
    "optics": Item(
        "Cables and optics", "Links", ("network.cable_price", "network.optic_price"), "links"
    ),
    "licences": Item("Software licences", "TB", ("software.licence_per_stored_tb",), "stored_tb"),
    "installation": Item("Installation", "Racks", ("purchase.installation_per_rack",), "racks"),
    "freight": Item("Freight", "Orders", ("purchase.freight",)),
    "tariff": Item("Import tariff", "Orders", ("purchase.tariff",)),
    "tax": Item("Tax", "Orders", ("purchase.tax",)),
    "energy": Item(
        "Energy",
        "MWh",
        ("sites.price_per_kwh", "sites.price_per_kwh_escalation"),
        "mwh_per_year",
        bought=False,
    ),
    "colocation": Item("Colocation", "MW-Years", ("sites.colocation_per_kw_month",), "it_mw_peak"),
    "owned_power": Item("Building", "MW-Years", ("sites.build_per_watt",), "it_mw_peak"),
    "water": Item("Water", "m3", ("sites.water_price_per_m3",), "water_m3_per_year", bought=False),
    "support": Item("Hardware support", "Years", ("finance.hardware_support", *_HARDWARE)),
    "vendor_support": Item("Vendor support", "Years", ("purchase.support",)),
    "subscription": Item(
        "Software", "TB-Years", ("software.subscription_per_stored_tb_month",), "stored_tb"
    ),
    "replacement": Item(
        "Drive replacement",
        "Drives",
        ("finance.drive_swap_labour", "drives.price"),
        "failures_per_year",
        bought=False,
    ),
    "refresh": Item("Drive refresh", "Years", ("drives.price", "purchase.drive_life_years")),
    "expansion": Item("Growth", "Years", ("purchase.yearly_growth",)),
    "destruction": Item("Destruction of data", "Years", ("purchase.destruction_per_drive",)),
    "decommissioning": Item(
        "Decommissioning", "Racks", ("purchase.decommissioning_per_rack",), "racks"
    ),
    "residual_value": Item("Residual value", "Orders", ("purchase.residual",)),
}
# What drives are bought for after the first delivery.
_LATER = ("replacement", "refresh", "expansion")
# In every bill, and in each of its years, also where nothing is paid.
_IN_EVERY_BILL = ("drives", "enclosures", "racks")
_EVERY_YEAR = ("energy", "colocation", "support", "replacement")


@dataclass(frozen=True)
class Charge:
    """``cost`` of ``item``, a name of ITEMS: on delivery, or of ``year``, counted from 1.

    It is for ``quantity`` in ``unit``, as FOCUS writes units; where the data grows, that is known
    of the first year. ``prices`` are the rows of
    the report's assumptions that it rests on, without those that the report does not hold.
    ``is_missing``: it is not in the bill, and nothing is known of it. ``because`` says why the cost
    of one that is in the bill is unknown. A missing one has the ``title`` that the report gives it,
    as a report of a later schema may name one that is not in ITEMS.
    """

    item: str
    cost: Quantity
    quantity: Quantity
    unit: str
    prices: tuple[AssumptionRow, ...]
    year: int | None = None
    is_missing: bool = False
    because: str | None = None
    title: str = ""

    @property
    def sold(self) -> Item:
        """As what it is bought."""
        return ITEMS.get(self.item) or Item(self.title, self.unit, ())


class Purchase(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be bought, with its bill: what ``SizedLayout`` and the row that a bench recommends
    both know. ``assumptions`` are those that it rests on. ``unknown`` are the lines that are in the
    bill with an unknown amount, and why."""

    name: str
    title: str
    drive: str
    site: str | None
    credit: Credit | None
    bill: Bill[Quantity]
    assumptions: tuple[AssumptionRow, ...]
    not_in_bill: tuple[NotInBill, ...]
    unknown: dict[str, str]


def purchase_of(report: Report, layout: SizedLayout) -> Purchase:
    """``layout`` of ``report``, to be bought."""
    return Purchase(
        name=layout.name,
        title=layout.title,
        drive=layout.drive,
        site=layout.site,
        credit=layout.credit,
        bill=layout.bill,
        assumptions=tuple(report.assumptions),
        not_in_bill=layout.not_in_bill,
        unknown=_unknown(layout.bill, layout.unpriced, scenario_of(report, layout)),
    )


def recommended_purchase(report: Report) -> Purchase | None:
    """What the bench of ``report`` recommends; None if it recommends nothing, or has no bill."""
    bench = report.bench
    row = None if bench is None else recommended_row(bench)
    if bench is None or row is None or bench.recommendation is None:
        return None
    best, scenario = bench.recommendation, scenario_of(report, row)
    if best.bill is None or scenario is None:
        return None
    paths = {number.path for number in numbers_in(scenario)}
    return Purchase(
        name=row.layout,
        title=best.title or "",
        drive=row.drive,
        site=best.site,
        credit=row.credit,
        bill=best.bill,
        assumptions=tuple(each for each in report.assumptions if each.path in paths),
        not_in_bill=best.not_in_bill,
        unknown=_unknown(best.bill, best.unpriced, scenario),
    )


def _unknown(
    bill: Bill[Quantity], unpriced: tuple[str, ...], scenario: Scenario[Assumption] | None
) -> dict[str, str]:
    """The lines in ``bill`` whose amount is unknown, and why. Without a ``scenario``, which tells
    what is in the bill, those that are ``unpriced``."""
    found = {}
    run: Scenario[Number] | None = None if scenario is None else map_numbers(scenario, exact)
    own = " or ".join(unpriced)
    for name, line in LINES.items():
        if None not in (each.value for each in _amounts(bill, name)):
            continue
        if run is None:
            if line.title in unpriced:
                found[name] = "its price is unknown"
        elif is_in_bill(run, name):
            needs, quantity = " and ".join(unknown_inputs(run, line)), "its quantity is unknown"
            rests = quantity if line.title in unpriced else f"rests on {own}"
            found[name] = f"needs {needs}" if needs else rests
    return found


def _amounts(bill: Bill[Quantity], name: str) -> list[Quantity]:
    """What the line ``name`` comes to: on delivery, in each year, or at the end."""
    if name in ON_DELIVERY:
        return [getattr(bill.capex, name)]
    if name in BY_YEAR:
        return [getattr(year, name) for year in bill.opex_by_year]
    return [getattr(bill, name)]


def price_of(report: Report, drive: str) -> tuple[AssumptionRow, ...]:
    """The price of a kind of drive, if the report holds it."""
    found = _assumed(_by_room(report.assumptions), "drives", drive, "price")
    return () if found is None else (found,)


def charges(layout: Purchase) -> Iterator[Charge]:
    """Every charge of ``layout``: what is paid on delivery, then each year of its horizon, what
    comes back at the end, and those that are missing."""
    bill, rows = layout.bill, _by_room(layout.assumptions)
    of_path = ("price_path.", f"price_paths.{layout.drive}.")
    later = tuple(row for row in layout.assumptions if row.path.startswith(of_path))

    def charge(name: str, cost: Quantity, year: int | None = None) -> Charge:
        item = ITEMS[name]
        wanted = (price.split(".") for price in item.prices)
        found = (
            _assumed(rows, room, getattr(layout, _OWN[room]) if room in _OWN else None, field)
            for room, field in wanted
        )
        quantity = _UNSAID if bill.growth_by_year and (year or 1) > 1 else _quantity(bill, item)
        prices = tuple(row for row in found if row is not None)
        prices += later if name in _LATER else ()
        because = layout.unknown.get(name) if cost.value is None else None
        return Charge(name, cost, quantity, item.unit, prices, year, because=because)

    unknown = layout.unknown
    for name in ON_DELIVERY:
        cost = getattr(bill.capex, name)
        if cost.value is not None or name in unknown or name in _IN_EVERY_BILL:
            yield charge(name, cost)
    for opex in bill.opex_by_year:
        for name in _in_order(opex):
            cost = getattr(opex, name)
            # Of lines that are not in every year, zero is paid in those that they are not in.
            is_due = bool(cost.value) or cost.high not in (None, 0)
            is_unknown = name in unknown and cost.value is None
            if is_due or is_unknown or name in _EVERY_YEAR:
                yield charge(name, cost, opex.year)
    if bill.residual_value.value is not None or "residual_value" in unknown:
        yield charge("residual_value", -bill.residual_value, len(bill.opex_by_year))
    for each in layout.not_in_bill:
        unit = ITEMS[each.line].unit if each.line in ITEMS else ""
        yield Charge(each.line, _UNSAID, _UNSAID, unit, (), is_missing=True, title=each.title)


def _in_order(opex: Opex[Quantity]) -> list[str]:
    """The lines of a year, those of every bill first."""
    is_owned = opex.owned_power.value is not None
    every = [name for name in _EVERY_YEAR if name != "colocation" or not is_owned]
    return [*every, *(name for name in BY_YEAR if name not in _EVERY_YEAR)]


def _quantity(bill: Bill[Quantity], item: Item) -> Quantity:
    if not item.quantity:
        return Quantity.exact(1, "derived")
    found: Quantity = getattr(bill, item.quantity)
    return found


def _by_room(assumptions: Iterable[AssumptionRow]) -> Rows:
    """Rows by the name of their entry, for each room and field."""
    found: Rows = {}
    for row in assumptions:
        room, _, rest = row.path.partition(".")
        name, _, field = rest.rpartition(".")
        found.setdefault((room, field), {})[name] = row
    return found


def _assumed(rows: Rows, room: str, name: str | None, field: str) -> AssumptionRow | None:
    """The assumption ``room.name.field``. Without a name it is that of the one entry of the room:
    None where there are several. A scenario that was typed in has it as ``drive.price``."""
    found = rows.get((room, field), {})
    if name is None and len(found) == 1:
        [name] = found
    row = None if name is None else found.get(name)
    return row or rows.get((room.removesuffix("s"), field), {}).get("")
