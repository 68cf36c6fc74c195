"""Raw flash per logical byte, durability, and the cost of the code itself."""

from storeff.layout.allocation import ObjectSizes, SizeBin
from storeff.layout.code import MeasuredCode, measure_code
from storeff.layout.durability import Durability, durability
from storeff.layout.model import Code, Layout, Repair, SystemReduction, load_layouts
from storeff.layout.waterfall import Data, Step, usable_fraction, waterfall

__all__ = [
    "Code",
    "Data",
    "Durability",
    "Layout",
    "MeasuredCode",
    "ObjectSizes",
    "Repair",
    "SizeBin",
    "Step",
    "SystemReduction",
    "durability",
    "load_layouts",
    "measure_code",
    "usable_fraction",
    "waterfall",
]
