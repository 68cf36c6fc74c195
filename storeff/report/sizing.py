"""What each layout makes of the measured data: its own reduction, never another system's."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from storeff.data import Assumption
from storeff.economics import Scenario, build_scenario
from storeff.errors import StoreffError
from storeff.estimate.reduction import Reduction
from storeff.layout import Data, Layout, SystemReduction
from storeff.quantity import Draws, Quantity, normal_draws

# What a layout that does not say what it removes is credited with: the headline of the estimate.
HEADLINE_SYSTEM = SystemReduction(dedup="cdc-64KiB", codec="zstd-3", source="the headline")


@dataclass(frozen=True)
class Sized:
    """A layout ready to be sized: ``draws`` replicate its reduction ratio (None: exact),
    ``floor_ratio`` is what is left of it if no duplicate is found (None: it looks for none, or is
    sized without, or that was not measured), ``floor_draws`` replicates of that. ``bounds`` (2,)
    are then the ratios between which its own lies, if known."""

    scenario: Scenario[Assumption]
    draws: Draws | None = None
    floor_ratio: Fraction | None = None
    bounds: Draws | None = None
    floor_draws: Draws | None = None


def sized_for(
    reduction: Reduction,
    logical_bytes: int,
    layout: Layout[Assumption],
    *,
    drive: str,
    site: str,
    extra: dict[str, Path],
    seed: int,
) -> Sized:
    """``layout`` holding ``logical_bytes`` of data like what was measured.

    Raises StoreffError if the layout reduces in a way that was not measured.
    """
    system = layout.reduction or HEADLINE_SYSTEM
    left = bytes_left(reduction, system.dedup, system.codec, system.block_bytes)
    source = f"measured: {describe(system)}"
    local = compression_only(reduction, system)
    refused = left.value is None
    bounds = None
    if refused:
        if left.low and left.high:
            bounds = reduction.data_bytes / np.array([left.high, left.low], np.float64)
        # Only a part was read, too little for a point: what is left without any duplicate.
        if local is None or local.value is None:
            raise StoreffError(
                f"too little was read to say what {describe(system)} leaves",
                "scan again, and read more: give a larger --sample or --time-budget",
            )
        left = local
        source = f"measured without duplicates, of which too little was read for {describe(system)}"
    ratio = Assumption(
        path="data.reduction_ratio",
        value=_ratio(reduction, left),
        kind="measured",
        source=source,
    )
    target = Assumption(path="data.logical_bytes", value=Fraction(logical_bytes), kind="measured")
    scenario = build_scenario(
        Data(logical_bytes=target, reduction_ratio=ratio),
        layout,
        drive=drive,
        site=site,
        extra=extra,
    )
    floor_ratio = floor_draws = None
    if system.dedup != "none" and not refused and local is not None and local.value is not None:
        floor_ratio, floor_draws = _ratio(reduction, local), _ratio_draws(reduction, local, seed)
    return Sized(scenario, _ratio_draws(reduction, left, seed), floor_ratio, bounds, floor_draws)


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
            and (c.allocation_bytes, c.required_ratio) == (1, 1.0)
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


def compression_only(reduction: Reduction, system: SystemReduction) -> Quantity | None:
    """What ``system`` leaves if no duplicate is found: the chunks that it deduplicates, compressed.
    None if that was not measured, as in a report of before schema 1.5."""
    if "none" in (system.dedup, system.codec):
        return bytes_left(reduction, "none", system.codec, system.block_bytes)
    wanted = system.dedup, system.codec
    rows = [c for c in reduction.combined if (c.chunker, c.codec) == wanted]
    return rows[0].compression_only_bytes if rows else None


def _ratio_draws(reduction: Reduction, left: Quantity, seed: int) -> Draws | None:
    draws = normal_draws(left, seed)
    return None if draws is None else reduction.data_bytes / draws


def _ratio(reduction: Reduction, left: Quantity) -> Fraction:
    assert isinstance(left.value, int)
    return Fraction(reduction.data_bytes, left.value)
