"""Raw flash per logical byte, durability, and the cost of the code itself."""

from storeff.layout.allocation import ObjectSizes as ObjectSizes
from storeff.layout.allocation import SizeBin as SizeBin
from storeff.layout.code import measure_code as measure_code
from storeff.layout.credit import Credit as Credit
from storeff.layout.credit import Policy as Policy
from storeff.layout.credit import credited as credited
from storeff.layout.fleet import durability as durability
from storeff.layout.floor import parity_for_floor as parity_for_floor
from storeff.layout.measured_codes import measured_code as measured_code
from storeff.layout.model import Code as Code
from storeff.layout.model import Layout as Layout
from storeff.layout.model import Memory as Memory
from storeff.layout.model import Repair as Repair
from storeff.layout.model import SystemReduction as SystemReduction
from storeff.layout.model import load_layouts as load_layouts
from storeff.layout.waterfall import Data as Data
from storeff.layout.waterfall import Step as Step
from storeff.layout.waterfall import usable_fraction as usable_fraction
from storeff.layout.waterfall import waterfall as waterfall
