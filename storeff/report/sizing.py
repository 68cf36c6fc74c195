"""What each layout makes of the measured data: its own reduction, never another system's."""

from dataclasses import dataclass
from fractions import Fraction

import msgspec
import numpy as np

from storeff.data import Assumption
from storeff.economics import Scenario
from storeff.errors import StoreffError
from storeff.estimate.reduction import Reduction
from storeff.layout import Data, SystemReduction
from storeff.quantity import Draws, Quantity, normal_draws

# What a layout that does not say what it removes is credited with: the headline of the estimate.
HEADLINE_SYSTEM = SystemReduction(dedup="cdc-64KiB", codec="zstd-3", source="the headline")


@dataclass(frozen=True)
class Sized:
    """A layout ready to be sized: ``draws`` replicate its reduction ratio (None: exact),
    ``floor_ratio`` is what is left of it if no duplicate is found (None: it looks for none, or is
    sized without). ``bounds`` (2,) are then the ratios between which its own lies, if known."""

    scenario: Scenario[Assumption]
    draws: Draws | None = None
    floor_ratio: Fraction | None = None
    bounds: Draws | None = None


def supports_sizing(reduction: Reduction) -> bool:
    """Whether it is known what compression leaves of the data, on which every layout rests."""
    return bool(reduction.data_bytes) and all(
        each.compressed_bytes.value for each in reduction.compression
    )


def sized_for(
    reduction: Reduction, logical_bytes: int, scenario: Scenario[Assumption], seed: int
) -> Sized:
    """``scenario`` with ``logical_bytes`` of data like what was measured in place of its own.

    ``reduction`` must support sizing. Raises StoreffError if the layout reduces in a way that was
    not measured, or nothing is said to be left by it.
    """
    layout = scenario.layout
    system = layout.reduction or HEADLINE_SYSTEM
    left = bytes_left(reduction, system.dedup, system.codec, system.block_bytes)
    source = f"measured: {describe(system)}"
    local = bytes_left(reduction, "none", system.codec, system.block_bytes)
    refused = left.value is None
    bounds = None
    if refused:
        if left.low and left.high:
            bounds = reduction.data_bytes / np.array([left.high, left.low], np.float64)
        # Only a part was read, too little for a point: what is left without any duplicate.
        left = local
        source = f"measured without duplicates, of which too little was read for {describe(system)}"
    ratio = Assumption(
        path="data.reduction_ratio",
        value=_ratio(reduction, left),
        kind="measured",
        source=source,
    )
    target = Assumption(path="data.logical_bytes", value=Fraction(logical_bytes), kind="measured")
    data = Data(logical_bytes=target, reduction_ratio=ratio)
    scenario = msgspec.structs.replace(scenario, data=data)
    draws = normal_draws(left, seed)
    floor_ratio = None
    if system.dedup != "none" and not refused:
        floor_ratio = _ratio(reduction, local)
    ratios = None if draws is None else reduction.data_bytes / draws
    return Sized(scenario, ratios, floor_ratio, bounds)


def describe(system: SystemReduction) -> str:
    """The system's own reduction in the terms of the measurement."""
    if system.dedup == "none" and system.codec != "none":
        return f"{system.codec} on {system.block_bytes >> 10} KiB"
    return " + ".join(part for part in (system.dedup, system.codec) if part != "none") or "nothing"


def bytes_left(reduction: Reduction, dedup: str, codec: str, block_bytes: int) -> Quantity:
    """What is left of the data after ``dedup`` and ``codec``, each of which may be "none".

    Raises StoreffError if the two were not measured together.
    """
    if dedup == codec == "none":
        whole = reduction.data_bytes
        return Quantity(whole, whole, whole, "measured")
    if dedup == "none":
        found = [
            c.compressed_bytes
            for c in reduction.compression
            if (c.codec, c.block_bytes) == (codec, block_bytes)
        ]
    elif codec == "none":
        found = [d.unique_bytes for d in reduction.dedup if d.chunker == dedup]
    else:
        found = [
            c.physical_bytes for c in reduction.combined if (c.chunker, c.codec) == (dedup, codec)
        ]
    if not found:
        raise StoreffError(
            f"{dedup} deduplication with {codec} compression was not measured",
            "choose a layout whose reduction names what `storeff scan` measures",
        )
    return found[0]


def _ratio(reduction: Reduction, left: Quantity) -> Fraction:
    if not isinstance(left.value, int) or left.value <= 0:
        raise StoreffError(
            f"{left.value} bytes are said to be left of {reduction.data_bytes:,}",
            "measure again: no data shrinks to that",
        )
    return Fraction(reduction.data_bytes, left.value)
