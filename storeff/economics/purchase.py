"""What is paid on delivery, line by line."""

import math
from typing import Any, Generic

import msgspec

from storeff.data import N
from storeff.economics.built import Built
from storeff.economics.lines import ON_DELIVERY, absent_as_unknown, is_in_bill, present
from storeff.economics.model import Scenario
from storeff.economics.network import links_price, ports_price
from storeff.layout.number import Money, Number
from storeff.quantity import Quantity

# What a report of before the bill had this line says of it.
NOT_SAID: Any = Quantity(None, None, None, "derived")
# Lines of things that are delivered: freight, tariffs and support are parts of their price.
HARDWARE = (*("drives", "enclosures", "racks", "cpus", "dram", "scm", "nics", "network", "optics"),)


class Capex(msgspec.Struct, Generic[N], frozen=True, kw_only=True):
    """Money on delivery; racks with their switches. A line that is null is not in the total: it is
    missing, or there is nothing of the kind (``not_in_bill`` of the layout says which)."""

    drives: Money[N]
    enclosures: Money[N]
    racks: Money[N]
    total: Money[N]
    cpus: Money[N] = NOT_SAID
    dram: Money[N] = NOT_SAID
    scm: Money[N] = NOT_SAID
    nics: Money[N] = NOT_SAID
    network: Money[N] = NOT_SAID
    optics: Money[N] = NOT_SAID
    licences: Money[N] = NOT_SAID
    installation: Money[N] = NOT_SAID
    freight: Money[N] = NOT_SAID
    tariff: Money[N] = NOT_SAID
    tax: Money[N] = NOT_SAID


def hardware(scenario: Scenario[Number], what: Built) -> dict[str, Number]:
    """The price of each kind of thing in ``what`` that is in the bill."""
    rack, enclosure, memory, network = (
        scenario.rack,
        scenario.enclosure,
        scenario.memory,
        scenario.network,
    )
    prices = {
        "drives": what.drives * scenario.drive.price,
        "enclosures": what.enclosures * enclosure.price,
        "racks": what.racks * (rack.price + rack.switch_price),
        "cpus": what.cpus * enclosure.cpu_price,
        "nics": what.nics * enclosure.nic_price,
    }
    if memory is not None:
        prices["dram"] = what.dram_modules * memory.module_price
        prices["scm"] = what.scm_drives * memory.scm_drive_price
    if network is not None:
        prices["network"] = ports_price(network, what.ports)
        prices["optics"] = links_price(network, what.ports)
    return {name: prices[name] for name in HARDWARE if is_in_bill(scenario, name)}


def stored_tb(scenario: Scenario[Number], stored_bytes: Number) -> Number:
    """Terabytes that software is paid for; NaN where there is none to pay for."""
    return math.nan if scenario.software is None else stored_bytes / 10**12


def landed(scenario: Scenario[Number], price: Number) -> Number:
    """What things of ``price`` cost with the freight, tariff and tax on them."""
    terms = scenario.purchase
    if terms is None:
        return price
    parts = present(scenario, {"freight": terms.freight, "tariff": terms.tariff})
    tax = present(scenario, {"tax": terms.tax})
    return price * (1 + sum(parts.values())) * (1 + sum(tax.values()))


def paid_on_delivery(
    scenario: Scenario[Number], what: Built, stored_bytes: Number
) -> dict[str, Number]:
    """What ``what`` costs on delivery: those of the lines that are in the bill."""
    lines = hardware(scenario, what)
    goods = sum(lines.values())
    software, terms = scenario.software, scenario.purchase
    if software is not None:
        licences = stored_tb(scenario, stored_bytes) * software.licence_per_stored_tb
        lines |= present(scenario, {"licences": licences})
    if terms is not None:
        lines |= present(
            scenario,
            {
                "installation": what.racks * terms.installation_per_rack,
                "freight": goods * terms.freight,
                "tariff": goods * terms.tariff,
            },
        )
        lines |= present(scenario, {"tax": sum(lines.values()) * terms.tax})
    return lines


def capex(lines: dict[str, Number]) -> Capex[Number]:
    """``lines`` and their total; NaN for those that are not in the bill."""
    return Capex(**absent_as_unknown(lines, ON_DELIVERY), total=sum(lines.values()))
