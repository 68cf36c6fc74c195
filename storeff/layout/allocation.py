"""What whole units add: RAIDZ stripes each block in sectors, objects take whole units of space.

For a block or object of known size both are exact. Of many blocks only the mean size is known, and
of objects how many have a size between two powers of two. The estimate for those is never the least
that they could take.
"""

import itertools
from functools import cache

import msgspec
import numpy as np

from storeff.layout.model import Code, Layout
from storeff.layout.number import Number, at_least, at_most, ceil, floor, is_unknown


class SizeBin(msgspec.Struct, frozen=True):
    """Objects of at least half of ``below_bytes`` and less than it, ``size_bytes`` in all."""

    below_bytes: int
    objects: int
    size_bytes: int


class ObjectSizes(msgspec.Struct, frozen=True):
    """Sizes of the objects that hold ``data_bytes``: less than their sizes, if some have holes."""

    data_bytes: int
    bins: tuple[SizeBin, ...]


def redundancy(code: Code, reduction_ratio: Number, counted_bytes: int = 1) -> Number:
    """Coded bytes for each stored byte.

    RAIDZ codes what compression leaves of each block, and a smaller block takes more parity and
    skip sectors for its size. The result is the most that blocks can take whose mean size is what
    ``reduction_ratio`` leaves. The ratio counts units of ``counted_bytes``: if these are not whole
    sectors, the blocks are rounded up to sectors.
    """
    one = reduction_ratio**0
    if code.kind != "raidz":
        return one * code.fragments / code.k
    assert code.sector_bytes is not None
    whole = one * code.block_sectors
    left = at_most(whole / reduction_ratio, whole)
    sectors = at_least(left, one)
    if counted_bytes % code.sector_bytes:
        sectors = at_most(sectors + one - one / code.sector_bytes, whole)
    return _most_sectors(code, sectors) / left


def _most_sectors(code: Code, mean_sectors: Number) -> Number:
    """The most sectors that blocks of ``mean_sectors`` on average take, on average: the least
    concave function above what a block of each size takes."""
    corners = _corners(code)
    most = corners[-1][1] * mean_sectors**0
    for (x0, y0), (x1, y1) in itertools.pairwise(corners):
        most = at_most(most, y0 + (mean_sectors - x0) * (y1 - y0) / (x1 - x0))
    return most


@cache
def _corners(code: Code) -> tuple[tuple[int, int], ...]:
    """Corners of the upper hull of (data sectors, allocated sectors)."""
    hull: list[tuple[int, int]] = []
    for x in range(1, code.block_sectors + 1):
        y = code.stripe_sectors(x)
        while len(hull) > 1:
            (x0, y0), (x1, y1) = hull[-2:]
            if (y1 - y0) * (x - x1) > (y - y1) * (x1 - x0):
                break
            hull.pop()
        hull.append((x, y))
    return tuple(hull)


def object_padding(
    layout: Layout[Number],
    objects: ObjectSizes | None,
    reduction_ratio: Number,
    counted_bytes: int = 1,
) -> Number:
    """What the objects take in whole units over what they hold, both coded; 1 if none are known.

    Compression makes each object smaller before it is padded; deduplication leaves fewer objects.
    A ratio that counts units of ``counted_bytes`` includes the padding to those already.
    """
    one = reduction_ratio**0
    code, system, unit_bytes = layout.code, layout.reduction, layout.object_unit_bytes
    if objects is None or is_unknown(unit_bytes):
        return one
    if code.kind != "raidz" and 1 < counted_bytes >= unit_bytes:
        return one
    coded = redundancy(code, reduction_ratio, counted_bytes)
    shrunk = one if system is None or system.dedup != "none" else reduction_ratio
    # Sizes that are whole units of counted_bytes lack that much less of a unit, on average half.
    lacking = at_least(one - one * counted_bytes / unit_bytes, 0 * one) / 2
    added = 0 * one
    for each in objects.bins:
        # An empty object is metadata alone.
        if each.objects and each.below_bytes > 1:
            mean_bytes = each.size_bytes / shrunk / each.objects
            if code.block_bytes is not None and each.below_bytes > code.block_bytes:
                taken = mean_bytes * coded + _last_block_bytes(layout, each, lacking, coded)
            else:
                taken = unit_bytes * _units(code, each, unit_bytes, shrunk, lacking, coded)
            added = added + each.objects * (taken - mean_bytes * coded)
    return 1 + added * shrunk / (objects.data_bytes * coded)


def _units(
    code: Code, each: SizeBin, unit_bytes: Number, shrunk: Number, lacking: Number, coded: Number
) -> Number:
    """Units that an object of this bin takes on average, coded.

    This is exact if all objects are below one unit or all of one size. Otherwise it is the larger
    of two estimates: all objects have their mean size, or their sizes are spread evenly over the
    units. It is no more than the largest takes uncompressed, as some objects may not compress.
    """

    def taken(units: Number) -> Number:
        whole = at_least(ceil(units), 1)
        return code.stripe_sectors(whole) if code.kind == "raidz" else whole * coded

    mean = each.size_bytes / shrunk / unit_bytes / each.objects
    of_mean_size = taken(mean)
    if _one_size(each):
        return of_mean_size
    spread = (mean + lacking) * coded
    if code.kind == "raidz":
        spread = (mean + lacking) * code.fragments / code.k + _half_rounded(code, mean)
        # Means of whole sectors are of the whole numbers around them.
        below = floor(mean)
        between = taken(below) + (mean - below) * (of_mean_size - taken(below))
        of_mean_size = between if np.all(lacking == 0) else of_mean_size
    largest = (each.below_bytes - 1) / at_most(shrunk, 1 * shrunk**0) / unit_bytes
    return at_most(at_least(spread, of_mean_size), taken(largest))


def _last_block_bytes(
    layout: Layout[Number], each: SizeBin, lacking: Number, coded: Number
) -> Number:
    """What the last block of an object of several RAIDZ blocks takes beyond its share.

    Compression removes the zeros that fill it. Without compression they take half a block.
    """
    code, system = layout.code, layout.reduction
    assert code.block_bytes is not None
    if _one_size(each) and each.size_bytes // each.objects % code.block_bytes == 0:
        return 0 * lacking
    sectors = lacking * code.fragments / code.k + _half_rounded(code, lacking)
    if system is None or system.codec == "none":
        sectors = sectors + code.block_sectors * coded / 2
    return code.sector_bytes * sectors


def _half_rounded(code: Code, like: Number) -> Number:
    """Half of what RAIDZ rounds up: parity to whole rows, and the sum to a multiple of m + 1."""
    return like**0 * code.m * (2 * code.k - 1) / (2 * code.k)


def _one_size(each: SizeBin) -> bool:
    return each.objects == 1 or 2 * each.size_bytes == each.objects * each.below_bytes
