"""What the bill of a layout is made of, charge by charge, and the prices that each rests on."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from storeff.data import AssumptionRow
from storeff.economics import SizedLayout
from storeff.quantity import Quantity
from storeff.report.model import Report

Item = Literal["drives", "enclosures", "racks", "energy", "colocation", "support", "replacement"]
Rows: TypeAlias = dict[tuple[str, str], dict[str, AssumptionRow]]

# The fee of a year.
_ONE = Quantity.exact(1, "derived")


@dataclass(frozen=True)
class Charge:
    """``cost`` of ``item``: on delivery, or of ``year``, counted from 1.

    It is for ``quantity`` in ``unit``, as FOCUS writes units. ``prices`` are the rows of
    the report's assumptions that it rests on, without those that the report does not hold.
    """

    item: Item
    cost: Quantity
    quantity: Quantity
    unit: str
    prices: tuple[AssumptionRow, ...]
    year: int | None = None


def charges(report: Report, layout: SizedLayout) -> Iterator[Charge]:
    """Every charge of ``layout``: what is paid on delivery, then each year of its horizon."""
    bill, capex = layout.bill, layout.bill.capex
    rows = _by_room(report.assumptions)

    def prices(*wanted: tuple[str, str | None, str]) -> tuple[AssumptionRow, ...]:
        found = (_assumed(rows, room, name, field) for room, name, field in wanted)
        return tuple(row for row in found if row is not None)

    drive = ("drives", layout.drive, "price")
    enclosure = ("enclosures", None, "price")
    rack, switch = ("racks", None, "price"), ("racks", None, "switch_price")
    yield Charge("drives", capex.drives, bill.drives, "Drives", prices(drive))
    yield Charge("enclosures", capex.enclosures, bill.enclosures, "Enclosures", prices(enclosure))
    yield Charge("racks", capex.racks, bill.racks, "Racks", prices(rack, switch))
    tariff = prices(
        ("sites", layout.site, "price_per_kwh"),
        ("sites", layout.site, "price_per_kwh_escalation"),
    )
    space = prices(("sites", layout.site, "colocation_per_kw_month"))
    service = prices(("finance", None, "hardware_support"), enclosure, rack, switch)
    swap = prices(("finance", None, "drive_swap_labour"), drive)
    for opex in bill.opex_by_year:
        year, failures = opex.year, bill.failures_per_year
        yield Charge("energy", opex.energy, bill.mwh_per_year, "MWh", tariff, year)
        yield Charge("colocation", opex.colocation, bill.it_mw_peak, "MW-Years", space, year)
        yield Charge("support", opex.support, _ONE, "Years", service, year)
        yield Charge("replacement", opex.replacement, failures, "Drives", swap, year)


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
    None where there are several."""
    found = rows.get((room, field), {})
    if name is None and len(found) == 1:
        [name] = found
    return None if name is None else found.get(name)
