"""From raw bytes to drives, racks, megawatts and money, and what a point of anything costs."""

from storeff.economics.bill import Bill as Bill
from storeff.economics.bill import bill_for as bill_for
from storeff.economics.bill import in_cells as in_cells
from storeff.economics.floor import AtFloor as AtFloor
from storeff.economics.floor import ParityOption as ParityOption
from storeff.economics.floor import durability_of as durability_of
from storeff.economics.floor import is_below as is_below
from storeff.economics.floor import parity_options as parity_options
from storeff.economics.floor import raised_to as raised_to
from storeff.economics.model import Drive as Drive
from storeff.economics.model import Scenario as Scenario
from storeff.economics.model import build_scenario as build_scenario
from storeff.economics.model import load_catalogue as load_catalogue
from storeff.economics.model import load_drives as load_drives
from storeff.economics.model import load_scenario as load_scenario
from storeff.economics.sensitivity import Sensitivity as Sensitivity
from storeff.economics.sensitivity import sensitivity as sensitivity
from storeff.economics.size import SizedLayout as SizedLayout
from storeff.economics.size import size as size
from storeff.economics.uncertainty import LessDemand as LessDemand
from storeff.economics.uncertainty import PriceRisk as PriceRisk
from storeff.economics.uncertainty import QuantityRisk as QuantityRisk
from storeff.economics.uncertainty import less_demand as less_demand
from storeff.economics.uncertainty import price_risk as price_risk
from storeff.economics.uncertainty import quantity_risk as quantity_risk
from storeff.economics.uncertainty import width_between as width_between
