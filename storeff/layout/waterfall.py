"""From logical bytes to raw bytes, step by step, closing to zero bytes.

Shares follow the additive logarithmic mean Divisia index (LMDI-I, Ang 2005): they do not depend
on the order of the steps and leave no residual.
"""

import decimal
import math
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Generic

import msgspec
import numpy as np

from storeff.data import NO_VALUE, ONE, Assumption, Field, N, exact, map_numbers
from storeff.layout.allocation import ObjectSizes, object_padding, parity_ratio, redundancy
from storeff.layout.model import Layout
from storeff.layout.number import (
    Number,
    Whole,
    at_least,
    at_most,
    ceil,
    inexact,
    is_unknown,
    join,
    log,
    named,
    to_quantity,
)
from storeff.quantity import Draws, Origin, Quantity

LABELS = {
    "logical": "Logical data",
    "copies": "Full copies",
    "snapshots": "Snapshots",
    "growth": "Growth",
    "data_reduction": "Data reduction",
    "metadata": "Metadata",
    "object_metadata": "Object metadata",
    "erasure_coding": "Redundancy",
    "padding": "Padding",
    "checksums": "Checksums",
    "rebuild_reserve": "Rebuild reserve",
    "file_system_reserve": "File-system reserve",
    "gc_reserve": "Garbage collection",
    "fill_limit": "Maximum utilisation",
    "imbalance": "Uneven filling",
    "endurance": "Endurance",
}

_MOST = "; of compressed blocks, the most that blocks of their mean size can take"
SECTOR_SOURCES = {
    "raidz": "sectors that RAIDZ takes for a block, k of data a row: m parity a row, all rounded "
    f"up to a multiple of m + 1{_MOST}",
    "draid": f"sectors that dRAID takes for a block, in whole rows of k data and m parity{_MOST}",
}
PARITY_UNMEASURED = (
    "compressed below the code, each fragment by itself: how far parity shrinks was not measured, "
    "and it is taken not to"
)
# What each kind of packing does with an object.
_PADDED = {
    "padded": "padded to whole",
    "unpadded": "striped without padding, each fragment in whole",
    "file-striped": "striped by itself, each fragment in whole",
}

# Shares of 1e19 bytes to far below one byte.
_DECIMALS = decimal.Context(prec=80)


class Data(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be stored: application bytes, the application's own copies, the data reduction.

    ``reduction_ratio`` counts what is left in units of ``allocation_bytes``. ``objects`` are sizes
    of objects like those to be stored, null where unknown.
    ``endurance`` is for data that is rewritten all the time: drive writes a day if raw were full,
    over the drive writes a day that the drives are rated for. If it is unknown, capacity alone
    decides.

    ``growth`` is how much larger the data is when the storage is full, ``snapshots`` what older
    states of it add, as a part of it. Where a system compresses below its code, ``parity_ratio`` is
    what the bytes of a parity fragment are divided by; unknown is taken as not at all.
    ``chunk_bytes`` are bytes of the data for each distinct chunk that deduplication indexes.
    """

    logical_bytes: Annotated[N, Field("B", least=1, most=10**24, whole=True)]
    reduction_ratio: Annotated[N, Field("", least=Fraction(1, 1000), most=10**9)]
    copies: Annotated[N, Field("copies", ("",), least=1, most=1000)] = ONE
    endurance: Annotated[N, Field("", most=10**9)] = NO_VALUE
    growth: Annotated[N, Field("", least=1, most=1000)] = NO_VALUE
    snapshots: Annotated[N, Field("fraction", most=1000)] = NO_VALUE
    parity_ratio: Annotated[N, Field("", least=Fraction(1, 2), most=10**9)] = NO_VALUE
    chunk_bytes: Annotated[N, Field("B/chunk", ("B",), least=1, most=10**24)] = NO_VALUE
    allocation_bytes: int = 1
    objects: ObjectSizes | None = None


class Step(msgspec.Struct, Generic[N], frozen=True, kw_only=True):
    """One step of the waterfall; ``share_bytes`` is its part of raw minus logical."""

    step: str
    label: str
    factor: N
    before_bytes: Whole[N]
    after_bytes: Whole[N]
    share_bytes: Whole[N]
    source: str | None


def step_factors(data: Data[Number], layout: Layout[Number]) -> dict[str, Number]:
    """What each step multiplies by, in the order of the waterfall (``logical`` left out).

    Steps for what few layouts or data state are there only where it is known.
    """
    ratio, counted_bytes = data.reduction_ratio, data.allocation_bytes
    parity = parity_ratio(layout, ratio, data.parity_ratio)
    of_objects = object_padding(layout, data.objects, ratio, counted_bytes, parity)
    empty = reserves(layout)
    return {
        **_left(data, layout),
        "metadata": 1 + layout.metadata,
        **_known(object_metadata=_object_metadata(data, layout)),
        "erasure_coding": redundancy(layout.code, ratio, counted_bytes, parity),
        "padding": at_least(1 + layout.padding, of_objects),
        **_known(checksums=1 + layout.checksum),
        **empty,
        **_endurance(data, empty),
    }


def stored_share(data: Data[Number], layout: Layout[Number]) -> Number:
    """What is left of the application's bytes after the reduction, with copies, older states and
    growth."""
    return math.prod(_left(data, layout).values())


def _left(data: Data[Number], layout: Layout[Number]) -> dict[str, Number]:
    """The steps up to the reduction."""
    return {
        "copies": data.copies * layout.copies,
        **_known(snapshots=1 + data.snapshots, growth=data.growth),
        "data_reduction": 1 / data.reduction_ratio,
    }


def _known(**factors: Number) -> dict[str, Number]:
    return {step: factor for step, factor in factors.items() if not is_unknown(factor)}


def _object_metadata(data: Data[Number], layout: Layout[Number]) -> Number:
    """The bytes that are stored for each object, over those stored before; 1 if no sizes of objects
    are known, from which their number follows."""
    if is_unknown(layout.object_metadata_bytes):
        return math.nan
    if data.objects is None:
        return 1
    per_byte = layout.object_metadata_bytes * data.objects.objects / data.objects.data_bytes
    return 1 + per_byte * data.reduction_ratio / (1 + layout.metadata)


def reserves(layout: Layout[Number]) -> dict[str, Number]:
    """The steps for raw bytes that stay empty."""
    reserve, limit = layout.rebuild_reserve, layout.fill_limit
    if not is_unknown(layout.rebuild_fill_limit):
        # Spare enclosures are in use: all together are filled up to one limit, and those that are
        # left when the spare ones are lost up to the other.
        spare = 0 if is_unknown(layout.spare_domains) else reserve
        limit = at_most(limit / (1 - spare), layout.rebuild_fill_limit)
    return {
        "rebuild_reserve": 1 / (1 - reserve),
        **_known(
            file_system_reserve=1 / (1 - layout.file_system_reserve),
            gc_reserve=1 / (1 - layout.gc_reserve),
        ),
        "fill_limit": 1 / limit,
        **_known(imbalance=layout.imbalance),
    }


def _endurance(data: Data[Number], empty: dict[str, Number]) -> dict[str, Number]:
    """The step for raw that is bought for its writes, and not for its capacity."""
    if is_unknown(data.endurance):
        return {}
    return {"endurance": at_least(data.endurance / raw(1, empty), 1)}


def raw(logical_bytes: Number, factors: dict[str, Number]) -> Number:
    """Raw bytes before rounding up."""
    for factor in factors.values():
        logical_bytes = logical_bytes * factor
    return logical_bytes


def raw_for(data: Data[Number], layout: Layout[Number]) -> Number:
    """Raw bytes that ``layout`` takes for ``data``, before rounding up."""
    return raw(data.logical_bytes, step_factors(data, layout))


def usable_fraction(layout: Layout[Assumption]) -> Fraction | float:
    """Writable bytes per raw byte of this layout, for data that does not reduce."""
    unit = Fraction(1)
    data = map_numbers(Data(logical_bytes=unit, reduction_ratio=unit), exact)
    fraction: Fraction | float = 1 / raw_for(data, map_numbers(layout, exact))
    return fraction


def waterfall(data: Data[Number], layout: Layout[Number]) -> tuple[Step[Number], ...]:
    """The steps, rounded up to whole bytes where the numbers are exact.

    The exact shares are whole bytes too and sum to raw minus logical bytes exactly.
    """
    factors = step_factors(data, layout)
    total = raw(data.logical_bytes, factors)
    shares = {"logical": 0} | _shares(data.logical_bytes, total, factors)
    after = data.logical_bytes
    steps = []
    for name, factor in ({"logical": data.copies**0} | factors).items():
        before, after = after, named(f"after.{name}", after * factor)
        steps.append(
            Step(
                step=name,
                label=f"{LABELS[name]}, {layout.code}"
                if name == "erasure_coding"
                else LABELS[name],
                factor=factor,
                before_bytes=ceil(before),
                after_bytes=ceil(after),
                share_bytes=shares[name],
                source=None,
            )
        )
    return tuple(steps)


def _shares(before: Number, after: Number, factors: dict[str, Number]) -> dict[str, Number]:
    if not isinstance(after, Fraction):
        return _lmdi(before, after, factors)
    with decimal.localcontext(_DECIMALS):
        decimals = {name: _decimal(factor) for name, factor in factors.items()}
        shares = _lmdi(_decimal(before), _decimal(after), decimals)
        return _whole(shares, ceil(after) - ceil(before))


def _lmdi(before: Number, after: Number, factors: dict[str, Number]) -> dict[str, Number]:
    change = log(after) - log(before)
    if np.ndim(change):
        mean = np.divide(after - before, change, out=before + 0 * change, where=change != 0)
    else:
        mean = (after - before) / change if change else before
    return {name: mean * log(factor) for name, factor in factors.items()}


def _decimal(x: Fraction | int) -> Decimal:
    return Decimal(x.numerator) / Decimal(x.denominator)


def _whole(shares: dict[str, Decimal], total: int) -> dict[str, int]:
    """``shares`` as integers that sum to ``total``: the largest remainders are rounded up."""
    whole = {
        name: int(share.to_integral_value(decimal.ROUND_FLOOR)) for name, share in shares.items()
    }
    by_remainder = sorted(shares, key=lambda name: whole[name] - shares[name])
    for name in by_remainder[: total - sum(whole.values())]:
        whole[name] += 1
    return whole


def drawn_data(data: Data[Assumption], draws: Draws | None) -> Data[Number]:
    """``data`` for the replicate run, with ``draws``, if any, for the reduction ratio.

    A replicate that is not above zero is no ratio: it makes the interval unknown.
    """
    drawn: Data[Number] = map_numbers(data, inexact)
    if draws is None:
        return drawn
    return msgspec.structs.replace(drawn, reduction_ratio=np.where(draws > 0, draws, np.nan))


def report_steps(
    data: Data[Assumption], layout: Layout[Assumption], draws: Draws | None
) -> tuple[Step[Quantity], ...]:
    """The waterfall as the report carries it; ``draws`` are replicates of the reduction ratio."""
    points = waterfall(map_numbers(data, exact), map_numbers(layout, exact))
    spreads = waterfall(drawn_data(data, draws), map_numbers(layout, inexact))
    given = {
        "logical": data.logical_bytes,
        "copies": data.copies,
        "snapshots": data.snapshots,
        "growth": data.growth,
        "data_reduction": data.reduction_ratio,
        "metadata": layout.metadata,
        "checksums": layout.checksum,
        "rebuild_reserve": layout.rebuild_reserve,
        "file_system_reserve": layout.file_system_reserve,
        "gc_reserve": layout.gc_reserve,
        "fill_limit": layout.fill_limit,
        "imbalance": layout.imbalance,
        "endurance": data.endurance,
    }
    known = {step: _stated(number) for step, number in given.items()}
    known["padding"] = _padding_known(points, layout, data.objects)
    known["object_metadata"] = _objects_known(layout, data.objects)
    known["erasure_coding"] = _code_known(data, layout)
    # Spares of whole enclosures make a reserve that nobody stated (layout.cells).
    if layout.spare_domains.value is not None and layout.rebuild_reserve.kind == "estimate":
        known["rebuild_reserve"] = ("derived", layout.rebuild_reserve.source)
    if _factor_of("fill_limit", points) * exact(layout.rebuild_fill_limit) == 1:
        known["fill_limit"] = _stated(layout.rebuild_fill_limit)
    return tuple(
        _reported(point, spread, *known[point.step])
        for point, spread in zip(points, spreads, strict=True)
    )


def _stated(number: Assumption) -> tuple[Origin, str | None]:
    """Where a step comes from that is a number of the data or layout."""
    return "measured" if number.kind == "measured" else "assumed", number.source


def _factor_of(name: str, points: tuple[Step[Number], ...]) -> Number:
    return next(point.factor for point in points if point.step == name)


def _code_known(data: Data[Assumption], layout: Layout[Assumption]) -> tuple[Origin, str | None]:
    if layout.code.kind in SECTOR_SOURCES:
        return "derived", SECTOR_SOURCES[layout.code.kind]
    ratio = exact(data.reduction_ratio)
    if parity_ratio(layout, ratio, 1) is None or ratio == 1:
        return "assumed", None
    if data.parity_ratio.value is None:
        return "assumed", PARITY_UNMEASURED
    return _stated(data.parity_ratio)


def _objects_known(
    layout: Layout[Assumption], objects: ObjectSizes | None
) -> tuple[Origin, str | None]:
    each = layout.object_metadata_bytes
    if objects is None:
        return "assumed", "nothing: how many objects there are is not known"
    return "derived", (
        f"{objects.objects:,} files in {objects.data_bytes:,} B, each with "
        f"{float(each.value or 0):g} B ({each.source or each.kind})"
    )


def _padding_known(
    points: tuple[Step[Number], ...], layout: Layout[Assumption], objects: ObjectSizes | None
) -> tuple[Origin, str | None]:
    """Where the larger of the two figures for padding comes from."""
    factor, unit_bytes = _factor_of("padding", points), layout.object_unit_bytes
    if objects is None or unit_bytes.value is None or factor <= 1 + exact(layout.padding):
        return _stated(layout.padding)
    return (
        "derived",
        f"sizes of {objects.objects:,} files in powers of two, each file "
        f"{_PADDED[layout.packing]} "
        f"{float(unit_bytes.value / 1024):g} KiB ({unit_bytes.source or unit_bytes.kind}); "
        "above that, as if all in a power of two were of their mean size or spread evenly, "
        "whichever takes more",
    )


def _reported(
    point: Step[Number], spread: Step[Number], origin: Origin, source: str | None
) -> Step[Quantity]:
    step: Step[Quantity] = join(point, spread)
    factor = to_quantity(point.factor, spread.factor, origin, None)
    return msgspec.structs.replace(step, factor=factor, source=source)
