"""From raw bytes to drives, racks, megawatts and money, and what a point of anything costs."""

from storeff.economics.bill import Bill, bill, bill_for
from storeff.economics.model import (
    Carbon,
    Drive,
    Enclosure,
    Finance,
    Rack,
    Scenario,
    Site,
    Spares,
    build_scenario,
    load_catalogue,
    load_drives,
    load_scenario,
)
from storeff.economics.sensitivity import Sensitivity, sensitivity
from storeff.economics.size import SizedLayout, size
from storeff.economics.uncertainty import (
    PriceRisk,
    QuantityRisk,
    price_risk,
    quantity_risk,
    width_between,
)

__all__ = [
    "Bill",
    "Carbon",
    "Drive",
    "Enclosure",
    "Finance",
    "PriceRisk",
    "QuantityRisk",
    "Rack",
    "Scenario",
    "Sensitivity",
    "Site",
    "SizedLayout",
    "Spares",
    "bill",
    "bill_for",
    "build_scenario",
    "load_catalogue",
    "load_drives",
    "load_scenario",
    "price_risk",
    "quantity_risk",
    "sensitivity",
    "size",
    "width_between",
]
