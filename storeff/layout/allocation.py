"""What whole units add: RAIDZ stripes each block in sectors, objects take whole units of space.

For a block or object of known size both are exact. Of many blocks only the mean size is known, and
of objects how many have a size between two powers of two. The estimate for those is never the least
that they could take.
"""

import itertools
from fractions import Fraction
from functools import cache

import msgspec
import numpy as np

from storeff.layout.model import Code, Layout
from storeff.layout.number import Number, at_least, at_most, ceil, floor, is_unknown, where

# Sizes that differ by a smaller part than this are as good as one: less is lost in doubles.
_ALIKE = 1 << 20


class SizeBin(msgspec.Struct, frozen=True):
    """Objects of at least half of ``below_bytes`` and less than it, ``size_bytes`` in all."""

    below_bytes: int
    objects: int
    size_bytes: int

    @property
    def is_one_size(self) -> bool:
        """Whether the size of each object is known: that of all."""
        return self.objects == 1 or 2 * self.size_bytes == self.objects * self.below_bytes


class ObjectSizes(msgspec.Struct, frozen=True):
    """Sizes of the objects that hold ``data_bytes``: less than their sizes, if some have holes."""

    data_bytes: int
    bins: tuple[SizeBin, ...]

    @property
    def objects(self) -> int:
        """How many there are, empty ones too."""
        return sum(each.objects for each in self.bins)


def parity_ratio(layout: Layout[Number], reduction_ratio: Number, measured: Number) -> Number:
    """What parity is divided by where the system compresses below its code, None where it does not.

    Every fragment is compressed by itself then, and parity hardly is: ``measured`` is what was
    found, and unknown is taken as not at all. Where the data is not compressed, parity is not.
    """
    system = layout.reduction
    if system is None or not system.below_code or layout.code.kind not in ("rs", "lrc"):
        return None
    one = reduction_ratio**0
    if is_unknown(measured):
        return one
    return where(reduction_ratio > 1, measured, one)


def redundancy(
    code: Code, reduction_ratio: Number, counted_bytes: int = 1, parity: Number = None
) -> Number:
    """Coded bytes for each stored byte; ``parity`` is what ``parity_ratio`` gives.

    RAIDZ and dRAID code what compression leaves of each block, and a smaller block takes more
    parity and skip sectors for its size. The result is the most that blocks can take whose mean
    size is what ``reduction_ratio`` leaves. The ratio counts units of ``counted_bytes``: if these
    are not whole sectors, the blocks are rounded up to sectors.
    """
    one = reduction_ratio**0
    if parity is not None:
        return one + one * (code.m + code.l) / code.k * reduction_ratio / parity
    if code.sector_bytes is None:
        return one * code.fragments / code.k
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
    parity: Number = None,
) -> Number:
    """What the objects take in whole units over what they hold, both coded; 1 if none are known.

    Compression makes each object smaller before it is padded; deduplication leaves fewer objects.
    A ratio that counts units of ``counted_bytes`` includes the padding to those already.
    ``parity`` is what ``parity_ratio`` gives.
    """
    one = reduction_ratio**0
    code, system, unit_bytes = layout.code, layout.reduction, layout.object_unit_bytes
    if objects is None or is_unknown(unit_bytes):
        return one
    is_padded = layout.packing == "padded" and code.sector_bytes is None
    if is_padded and parity is None and 1 < counted_bytes >= unit_bytes:
        return one
    coded = redundancy(code, reduction_ratio, counted_bytes, parity)
    shrunk = one if system is None or system.dedup != "none" else reduction_ratio
    # Sizes that are whole units of counted_bytes lack that much less of a unit, on average half.
    lacking = at_least(one - one * counted_bytes / unit_bytes, 0 * one) / 2
    added = 0 * one
    for each in objects.bins:
        # An empty object is metadata alone.
        if each.objects and each.below_bytes > 1:
            mean_bytes = each.size_bytes / shrunk / each.objects
            if layout.packing != "padded":
                taken = _striped_bytes(layout, each, shrunk, lacking, parity)
            elif code.block_bytes is not None and each.below_bytes > code.block_bytes:
                taken = mean_bytes * coded + _last_block_bytes(layout, each, lacking, coded)
            elif parity is None:
                taken = unit_bytes * _units(code, each, unit_bytes, shrunk, lacking, coded)
            else:
                of_data = _units(code, each, unit_bytes, shrunk, lacking, one)
                of_parity = _units(code, each, unit_bytes, parity, one / 2, one)
                taken = unit_bytes * (of_data + of_parity * (code.m + code.l) / code.k)
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
        return whole * coded if code.sector_bytes is None else code.stripe_sectors(whole)

    mean = each.size_bytes / shrunk / unit_bytes / each.objects
    of_mean_size = taken(mean)
    if each.is_one_size:
        return of_mean_size
    spread = (mean + lacking) * coded
    if code.sector_bytes is not None:
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
    if each.is_one_size and each.size_bytes // each.objects % code.block_bytes == 0:
        return 0 * lacking
    sectors = lacking * code.fragments / code.k + _half_rounded(code, lacking)
    if system is None or system.codec == "none":
        sectors = sectors + code.block_sectors * coded / 2
    return code.sector_bytes * sectors


def _half_rounded(code: Code, like: Number) -> Number:
    """Half of what is rounded up: RAIDZ rounds parity to whole rows and the sum to a multiple of
    m + 1, dRAID the data to whole rows, which are coded."""
    one = like**0
    if code.kind == "draid":
        return one * (code.k - 1) * code.fragments / (2 * code.k)
    return one * code.m * (2 * code.k - 1) / (2 * code.k)


def _striped_bytes(
    layout: Layout[Number], each: SizeBin, shrunk: Number, lacking: Number, parity: Number
) -> Number:
    """Bytes that an object of this bin takes on average, striped over its data fragments in stripe
    units and not padded to a whole stripe.

    Each fragment takes whole units, and parity is as long as the first data fragment, which is the
    longest. Ceph does so with optimised pools, and OneFS with each file, of which one up to a
    stripe unit is mirrored that way. As in ``_units``, it is the larger of two estimates.
    """
    code, one, unit_bytes = layout.code, shrunk**0, layout.object_unit_bytes
    stripe_units = layout.stripe_unit_bytes / unit_bytes

    def striping(ratio: Number) -> _Striping:
        """Above its code a system cuts what is left of an object into stripe units; below it, it
        makes each of them smaller."""
        return _Striping(code.k, unit_bytes * ratio, stripe_units / (one if above else ratio))

    above = parity is None
    largest = striping(at_most(shrunk, one)).units(each.below_bytes - 1)
    data_units = at_most(striping(shrunk).mean_units(each, lacking), largest)
    parity_units = striping(shrunk if above else parity).mean_first_units(
        each, lacking if above else one / 2
    )
    return unit_bytes * (data_units + (code.m + code.l) * parity_units)


class _Striping(msgspec.Struct, frozen=True):
    """Objects striped over ``k`` fragments that take whole units: one for ``bytes_per_unit`` of an
    object, and ``stripe_units``, not always a whole number, in a stripe unit."""

    k: int
    bytes_per_unit: Number
    stripe_units: Number

    def mean_units(self, each: SizeBin, lacking: Number) -> Number:
        """Units of all fragments: the last one lacks a part of a unit, and so do the others where
        their stripe units are not whole units."""
        mean_bytes = Fraction(each.size_bytes, each.objects)
        if each.is_one_size and not np.all(lacking == 0):
            return self.units(mean_bytes)
        size = _over(mean_bytes, self.bytes_per_unit)
        fragments = at_most(ceil(size / self.stripe_units), self.k)
        # Of sizes spread over a stripe unit, the last fragment holds half of one.
        ended = at_most(at_least(size / self.stripe_units - size**0 / 2, 0), self.k - 1)
        rows = floor(size / (self.k * self.stripe_units))
        spread = size + lacking + ended * (self._rounded(rows + 1) - self._rounded(rows))
        least = fragments if np.all(lacking == 0) else self.units(mean_bytes)
        return at_least(spread, least)

    def mean_first_units(self, each: SizeBin, lacking: Number) -> Number:
        """Units of the first fragment, those of sizes spread evenly around the mean of the bin."""
        is_rounded = not np.all(lacking == 0)
        mean_bytes = Fraction(each.size_bytes, each.objects)
        first = self._first(_over(mean_bytes, self.bytes_per_unit))
        of_mean_size = at_least(ceil(first) if is_rounded else first, 1)
        apart = min(mean_bytes - Fraction(each.below_bytes, 2), each.below_bytes - mean_bytes)
        if each.is_one_size or apart * _ALIKE < each.below_bytes:
            return of_mean_size
        low, high = (_over(mean_bytes + x, self.bytes_per_unit) for x in (-apart, apart))
        area = self._first_area(high, is_rounded) - self._first_area(low, is_rounded)
        return at_least(area / (high - low), of_mean_size)

    def units(self, size_bytes: Fraction | int) -> Number:
        """Units of all fragments of one object."""
        size = _over(size_bytes, self.bytes_per_unit)
        rows = floor(size / (self.k * self.stripe_units))
        rest = size - rows * self.k * self.stripe_units
        ended = floor(rest / self.stripe_units)
        before, after = ceil(rows * self.stripe_units), ceil((rows + 1) * self.stripe_units)
        last = ceil(rows * self.stripe_units + rest - ended * self.stripe_units)
        return at_least(ended * after + last + (self.k - 1 - ended) * before, 1)

    def _first(self, size: Number) -> Number:
        """How much of ``size`` units lands on the first fragment."""
        rows = floor(size / (self.k * self.stripe_units))
        rest = size - rows * self.k * self.stripe_units
        return rows * self.stripe_units + at_most(rest, self.stripe_units)

    def _first_area(self, size: Number, is_rounded: bool) -> Number:
        """The integral of the first fragment's units over sizes up to ``size``.

        It grows while it is written, and stays for the k - 1 others of each row.
        """
        rows = floor(size / (self.k * self.stripe_units))
        rest = size - rows * self.k * self.stripe_units
        first, next_row = self._first(size), (rows + 1) * self.stripe_units
        ended_rows = self.stripe_units * rows * (rows + 1) / 2
        if not is_rounded:
            growing = first * first / 2
        else:
            growing = ceil(first) * (2 * first - ceil(first) + 1) / 2
            ended_rows = ended_rows + self._rounded(rows)
            next_row = ceil(next_row)
        waiting = at_least(rest - self.stripe_units, 0 * rest)
        return growing + (self.k - 1) * self.stripe_units * ended_rows + waiting * next_row

    def _rounded(self, rows: Number) -> Number:
        """What one fragment's stripe units lack of whole units, summed over the ends of ``rows``.

        Of the first row it is known. Of others it is half a unit, or nothing if they are whole.
        """
        lacking = ceil(self.stripe_units) - self.stripe_units
        first = at_most(rows, 1)
        return first * lacking + (rows - first) * (lacking > 0) * self.stripe_units**0 / 2


def _over(size_bytes: Fraction | int, bytes_per_unit: Number) -> Number:
    """How many units ``size_bytes`` are, by the arithmetic of ``bytes_per_unit``."""
    is_double = isinstance(bytes_per_unit, float | np.ndarray)
    return (float(size_bytes) if is_double else size_bytes) / bytes_per_unit
