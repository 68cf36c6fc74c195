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
from storeff.layout.allocation import ObjectSizes, object_padding, redundancy
from storeff.layout.model import Layout
from storeff.layout.number import (
    Number,
    Whole,
    at_least,
    ceil,
    inexact,
    is_unknown,
    join,
    log,
    to_quantity,
)
from storeff.quantity import Draws, Origin, Quantity

LABELS = {
    "logical": "Logical data",
    "copies": "Full copies",
    "data_reduction": "Data reduction",
    "metadata": "Metadata",
    "erasure_coding": "Redundancy",
    "padding": "Padding",
    "rebuild_reserve": "Rebuild reserve",
    "fill_limit": "Maximum utilisation",
    "endurance": "Endurance",
}

RAIDZ_SOURCE = (
    "sectors that RAIDZ takes for a block, k of data a row: m parity a row, all rounded up to a "
    "multiple of m + 1; of compressed blocks, the most that blocks of their mean size can take"
)

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
    """

    logical_bytes: Annotated[N, Field("B", least=1, most=10**24, whole=True)]
    reduction_ratio: Annotated[N, Field("", least=Fraction(1, 1000), most=10**9)]
    copies: Annotated[N, Field("copies", ("",), least=1, most=1000)] = ONE
    endurance: Annotated[N, Field("", most=10**9)] = NO_VALUE
    growth: Annotated[N, Field("", least=1, most=1000)] = NO_VALUE
    snapshots: Annotated[N, Field("fraction", most=1000)] = NO_VALUE
    parity_ratio: Annotated[N, Field("", least=Fraction(1, 2), most=10**9)] = NO_VALUE
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
    """What each step multiplies by, in the order of the waterfall (``logical`` left out)."""
    ratio, counted_bytes = data.reduction_ratio, data.allocation_bytes
    of_objects = object_padding(layout, data.objects, ratio, counted_bytes)
    return {
        "copies": data.copies * layout.copies,
        "data_reduction": 1 / ratio,
        "metadata": 1 + layout.metadata,
        "erasure_coding": redundancy(layout.code, ratio, counted_bytes),
        "padding": at_least(1 + layout.padding, of_objects),
        "rebuild_reserve": 1 / (1 - layout.rebuild_reserve),
        "fill_limit": 1 / layout.fill_limit,
        **_endurance(data, layout),
    }


def _endurance(data: Data[Number], layout: Layout[Number]) -> dict[str, Number]:
    """The step for raw that is bought for its writes, and not for its capacity."""
    if is_unknown(data.endurance):
        return {}
    full = (1 - layout.rebuild_reserve) * layout.fill_limit
    return {"endurance": max(data.endurance * full, 1)}


def raw(logical_bytes: Number, factors: dict[str, Number]) -> Number:
    """Raw bytes before rounding up."""
    for factor in factors.values():
        logical_bytes = logical_bytes * factor
    return logical_bytes


def usable_fraction(layout: Layout[Assumption]) -> Fraction | float:
    """Writable bytes per raw byte of this layout, for data that does not reduce."""
    unit = Fraction(1)
    data = Data(logical_bytes=unit, reduction_ratio=unit, copies=unit, endurance=math.nan)
    fraction: Fraction | float = 1 / raw(1, step_factors(data, map_numbers(layout, exact)))
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
        before, after = after, after * factor
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
        "data_reduction": data.reduction_ratio,
        "metadata": layout.metadata,
        "rebuild_reserve": layout.rebuild_reserve,
        "fill_limit": layout.fill_limit,
        "endurance": data.endurance,
    }
    known = {step: _known(number) for step, number in given.items()}
    known["padding"] = _padding_known(points, layout, data.objects)
    if layout.code.kind == "raidz":
        known["erasure_coding"] = ("derived", RAIDZ_SOURCE)
    return tuple(
        _reported(point, spread, *known.get(point.step, ("assumed", None)))
        for point, spread in zip(points, spreads, strict=True)
    )


def _known(number: Assumption) -> tuple[Origin, str | None]:
    return "measured" if number.kind == "measured" else "assumed", number.source


def _padding_known(
    points: tuple[Step[Number], ...], layout: Layout[Assumption], objects: ObjectSizes | None
) -> tuple[Origin, str | None]:
    """Where the larger of the two figures for padding comes from."""
    factor = next(point.factor for point in points if point.step == "padding")
    unit_bytes = layout.object_unit_bytes
    if objects is None or unit_bytes.value is None or factor <= 1 + exact(layout.padding):
        return _known(layout.padding)
    files = sum(each.objects for each in objects.bins)
    return (
        "derived",
        f"sizes of {files:,} files in powers of two, each file padded to whole "
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
