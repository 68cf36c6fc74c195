"""What each layout makes of the measured data: its own reduction, never another system's."""

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import msgspec
import numpy as np

from storeff.data import NO_VALUE, Assumption
from storeff.economics import Scenario
from storeff.errors import StoreffError
from storeff.estimate.compression import Allocation
from storeff.estimate.reduction import Reduction
from storeff.estimate.shards import ShardCompression
from storeff.layout import Data, Layout, ObjectSizes, SizeBin, SystemReduction
from storeff.layout.code import can_be_measured
from storeff.layout.number import at_least
from storeff.quantity import Draws, Quantity, normal_draws
from storeff.report.model import Scan
from storeff.scan.plan import HEADLINE, NONE
from storeff.scan.shards import ShardCode

# What a layout that does not say what it removes is credited with: the headline of the estimate.
HEADLINE_SYSTEM = SystemReduction(
    dedup=HEADLINE.chunker, codec=HEADLINE.codec, source="the headline"
)

# Larger pieces of an object, a blob of every data shard, are not encoded.
PIECE_BYTES_MAX = 16 << 20


@dataclass(frozen=True)
class Sized:
    """A layout ready to be sized: ``draws`` replicate its reduction ratio (None: exact).

    ``floor_ratio`` is what is left of it if no duplicate is found, with its own replicates
    ``floor_draws`` (None: it looks for none, or is sized without). ``bounds`` (2,) are the ratios
    between which its own lies, if known, where it is sized without.
    """

    scenario: Scenario[Assumption]
    draws: Draws | None = None
    floor_ratio: Assumption | None = None
    floor_draws: Draws | None = None
    bounds: Draws | None = None


def supports_sizing(reduction: Reduction) -> bool:
    """Whether it is known what compression leaves of the data, on which every layout rests."""
    return bool(reduction.data_bytes and reduction.scope.floor.value)


def sized_for(
    reduction: Reduction,
    logical_bytes: int,
    scenario: Scenario[Assumption],
    seed: int,
    scan: Scan | None = None,
) -> Sized:
    """``scenario`` with ``logical_bytes`` of data like what was measured in place of its own.

    ``reduction`` must support sizing. Objects are padded as the file sizes of ``scan`` say, if it
    is given. A layout that compresses below its erasure code is sized by its shards; if the report
    does not hold these, by contiguous blocks of the data, and parity is taken not to shrink. Raises
    StoreffError if the layout reduces in a way that was not measured.
    """
    layout = scenario.layout
    system = layout.reduction or HEADLINE_SYSTEM
    whole = Quantity(reduction.data_bytes, reduction.data_bytes, reduction.data_bytes, "assumed")
    try:
        found = bytes_left(reduction, system)
    except StoreffError as error:
        told = f"layout {layout.name}: {error.message}"
        raise StoreffError(told, error.remedy, error.code) from error
    left, source = found, f"measured: {describe(system)}"
    shards = _measured_shards(reduction, layout)
    if shards is not None:
        left = found = shards.data_left_bytes
        source = f"measured: {describe(system)}, on the data shards of {layout.code}"
    local = compression_only(reduction, system)
    bounds = None
    if found is None:
        left, source = whole, f"no reduction: this report does not hold {describe(system)}"
    elif found.value is None:
        # Only a part was read, too little for a point: what is left without any duplicate.
        if found.low and found.high:
            bounds = reduction.data_bytes / np.array([found.high, found.low], np.float64)
        if local is None or local.value is None:
            left, source = whole, f"no reduction: too little was read for {describe(system)}"
        else:
            left = local
            source = f"without duplicates: too little was read for {describe(system)}"
    assert left is not None
    data = Data(
        logical_bytes=Assumption(
            path="data.logical_bytes", value=Fraction(logical_bytes), kind="measured"
        ),
        reduction_ratio=Assumption(
            path="data.reduction_ratio",
            value=_ratio(reduction, left),
            source=source,
            kind="assumption" if left is whole else "measured",
        ),
        parity_ratio=NO_VALUE if shards is None else _parity_ratio(shards, source),
        growth=scenario.data.growth,
        snapshots=scenario.data.snapshots,
        chunk_bytes=_chunk_bytes(reduction, layout),
        allocation_bytes=1 if left is whole else system.allocation_bytes,
        objects=None if scan is None else object_sizes(scan, reduction),
    )
    scenario = msgspec.structs.replace(scenario, data=data)
    draws = normal_draws(left, seed)
    ratios = None if draws is None else reduction.data_bytes / draws
    if system.dedup == "none" or left is not found:
        return Sized(scenario, ratios, bounds=bounds)
    return Sized(scenario, ratios, *_floor(reduction, left, draws, local, seed))


def _chunk_bytes(reduction: Reduction, layout: Layout[Assumption]) -> Assumption:
    """Bytes of the data for each distinct chunk, where the layout's memory is counted by these."""
    if layout.memory is None or layout.memory.per_chunk_bytes.value is None:
        return Assumption()
    system = layout.reduction or HEADLINE_SYSTEM
    for each in reduction.dedup:
        unique = each.unique_bytes.value
        if each.chunker == system.dedup and unique and each.chunks:
            # As many chunks are distinct as bytes are.
            value = Fraction(reduction.data_bytes**2, each.chunks * int(unique))
            return Assumption(path="data.chunk_bytes", value=value, unit="B", kind="measured")
    return Assumption()


def shard_codes(layouts: Iterable[Layout[Assumption]]) -> tuple[ShardCode, ...]:
    """What must be encoded and compressed for those of ``layouts`` that compress below their code,
    each once."""
    found = (_shard_code(layout) for layout in layouts)
    return tuple(dict.fromkeys(code for code in found if code is not None))


def _shard_code(layout: Layout[Assumption]) -> ShardCode | None:
    """How ``layout`` makes the shards that it compresses; None if it compresses none, or they are
    not measured: if its stripe unit is unknown, or not as many whole blobs or allocation units; or
    if stripes are as wide as files are long."""
    code, system, unit = layout.code, layout.reduction, layout.stripe_unit_bytes.value
    if system is None or not system.below_code or NONE not in (system.dedup, system.codec):
        return None
    if layout.packing == "file-striped":
        return None
    if system.codec == NONE or unit is None or not can_be_measured(code):
        return None
    unit_bytes, block_bytes = int(unit), system.block_bytes
    smaller, larger = sorted((unit_bytes, block_bytes))
    is_whole = larger % smaller == 0 and unit_bytes % system.allocation_bytes == 0
    if not is_whole or code.k * larger > PIECE_BYTES_MAX:
        return None
    return ShardCode(code.k, code.m, code.l, unit_bytes, system.codec, block_bytes)


def _measured_shards(reduction: Reduction, layout: Layout[Assumption]) -> ShardCompression | None:
    """The row of ``reduction`` that ``layout`` is sized by, if it has one with a figure."""
    code, system = _shard_code(layout), layout.reduction
    if code is None or system is None:
        return None
    space = Allocation(system.allocation_bytes, system.required_ratio)
    rows = (row for row in reduction.shards if (row.code, row.space) == (code, space))
    return next(
        (row for row in rows if None not in (row.ratio.value, row.parity_ratio.value)), None
    )


def _parity_ratio(shards: ShardCompression, source: str) -> Assumption:
    value = shards.parity_ratio.value
    assert value is not None
    return Assumption(
        path="data.parity_ratio",
        value=Fraction(value),
        source=source.replace("data shards", "parity shards"),
        kind="measured",
    )


def _floor(
    reduction: Reduction, left: Quantity, draws: Draws | None, local: Quantity | None, seed: int
) -> tuple[Assumption, Draws | None]:
    """The ratio without duplicates, and its replicates, from what is ``left`` with and ``local``
    without. Both are estimates: of what is left without duplicates there is no less than with."""
    path = "floor.reduction_ratio"
    if local is None or local.value is None:
        return Assumption(path=path), None
    ratio = min(_ratio(reduction, local), _ratio(reduction, left))
    floor = Assumption(path=path, value=ratio, kind="measured")
    local_draws = normal_draws(local, seed)
    if draws is None and local_draws is None:
        return floor, None
    more = at_least(
        left.value if draws is None else draws, local.value if local_draws is None else local_draws
    )
    return floor, reduction.data_bytes / more


def describe(system: SystemReduction) -> str:
    """The system's own reduction in the terms of the measurement."""
    if system.dedup == "none" and system.codec != "none":
        blocks = f"{system.codec} on {system.block_bytes >> 10} KiB"
        if system.allocation_bytes == 1:
            return blocks
        return f"{blocks} in units of {system.allocation_bytes >> 10} KiB"
    return " + ".join(part for part in (system.dedup, system.codec) if part != "none") or "nothing"


def bytes_left(reduction: Reduction, system: SystemReduction) -> Quantity | None:
    """What is left of the data after what ``system`` removes.

    None if blocks were measured as it compresses them, but not as it allocates them. Raises
    StoreffError, with the code ``full-table``, if what it removes was not measured at all.
    """
    dedup, codec = system.dedup, system.codec
    if dedup == codec == "none":
        whole = reduction.data_bytes
        return Quantity(whole, whole, whole, "measured")
    if dedup == "none":
        blocks = (codec, system.block_bytes)
        measured = [c for c in reduction.compression if (c.codec, c.block_bytes) == blocks]
        space = (system.allocation_bytes, system.required_ratio)
        found = [
            c.compressed_bytes for c in measured if (c.allocation_bytes, c.required_ratio) == space
        ]
        if measured and not found:
            return None
    elif codec == "none":
        found = [d.unique_bytes for d in reduction.dedup if d.chunker == dedup]
    else:
        found = [
            c.physical_bytes for c in reduction.combined if (c.chunker, c.codec) == (dedup, codec)
        ]
    if not found:
        raise StoreffError(
            f"the report does not hold {describe(system)}, which was not measured",
            "measure again, with the full table or for this layout",
            "full-table",
        )
    return found[0]


def compression_only(reduction: Reduction, system: SystemReduction) -> Quantity | None:
    """What is left where ``system`` finds no duplicate, and compresses what it cuts; None if that
    was not measured."""
    if system.dedup == "none" or system.codec == "none":
        return bytes_left(reduction, msgspec.structs.replace(system, dedup="none"))
    return next(
        c.compression_only_bytes
        for c in reduction.combined
        if (c.chunker, c.codec) == (system.dedup, system.codec)
    )


def object_sizes(scan: Scan, reduction: Reduction) -> ObjectSizes | None:
    """Sizes of the files listed by ``scan``, and the data that they hold; None if it has none."""
    data_bytes = reduction.data_bytes
    if reduction.method.sampling is None:
        # What was not covered is listed too, and taken to have as many holes as what was.
        covered_bytes = scan.read_bytes + scan.hole_bytes
        data_bytes = scan.logical_bytes * scan.read_bytes // max(1, covered_bytes)
    if not scan.file_sizes or not data_bytes:
        return None
    return ObjectSizes(
        data_bytes=data_bytes,
        bins=tuple(SizeBin(s.below_bytes, s.files, s.logical_bytes) for s in scan.file_sizes),
    )


def _ratio(reduction: Reduction, left: Quantity) -> Fraction:
    if not isinstance(left.value, int) or left.value <= 0:
        raise StoreffError(
            f"{left.value} bytes are said to be left of {reduction.data_bytes:,}",
            "measure again: no data reduces to that",
        )
    return Fraction(reduction.data_bytes, left.value)
