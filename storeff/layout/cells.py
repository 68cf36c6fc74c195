"""Into how many clusters a deployment falls, and what each of them keeps free.

A system has a largest cluster. More data takes several, each with failure domains, spare enclosures
and metadata of its own, and none of them sees the duplicates of another.
"""

import math
from fractions import Fraction

import msgspec

from storeff.data import Assumption, exact, map_numbers
from storeff.errors import StoreffError
from storeff.layout.durability import tolerance
from storeff.layout.model import Code, Layout
from storeff.layout.number import Number, at_least, at_most, ceil, is_unknown
from storeff.layout.waterfall import Data, raw_for
from storeff.units import format_bytes


def most_bytes(layout: Layout[Number], enclosure_bytes: Number) -> Number:
    """Raw bytes of the largest cell, with enclosures of ``enclosure_bytes``; NaN if it has no known
    limit."""
    enclosures_bytes = layout.cell_domains * enclosure_bytes
    if is_unknown(layout.cell_bytes):
        return enclosures_bytes
    if is_unknown(enclosures_bytes):
        return layout.cell_bytes
    return at_most(layout.cell_bytes, enclosures_bytes)


def fewest_domains(code: Code) -> int:
    """The fewest failure domains of which one may be lost: each holds no more fragments of a stripe
    than may be."""
    return -(-code.fragments // max(1, tolerance(code)))


def cells(
    layout: Layout[Number], raw_bytes: Number, enclosure_bytes: Number, *, whole: bool = True
) -> Number:
    """How many cells the raw bytes of one copy take, 1 at least; parts of one if not ``whole``."""
    most = most_bytes(layout, enclosure_bytes)
    if is_unknown(most):
        return 1
    share = raw_bytes / most
    return at_least(ceil(share) if whole else share, 1)


def with_cells(
    layout: Layout[Assumption], data: Data[Assumption], enclosure_bytes: Fraction | float
) -> Layout[Assumption]:
    """``layout`` with the rebuild reserve that its spare enclosures make.

    A cell holds its part of what one copy takes, and as many enclosures more as are spare, in no
    more than the largest cell. The reserve is the part that they are of its enclosures, or of the
    fewest that a cluster has. Where there is a ``rebuild_fill_limit``, spare enclosures are in use:
    those that are left without them hold everything up to that limit.

    The layout is returned as it is where the number of spare enclosures is unknown, or what they
    are a part of. Raises StoreffError if the largest cell holds no more than the spare ones.
    """
    numbers: Layout[Number] = map_numbers(layout, exact)
    found = spared(numbers, map_numbers(data, exact), enclosure_bytes)
    if found is None:
        return layout
    domains, count = found
    spares, stated = numbers.spare_domains, layout.spare_domains
    told = f"{spares} of {ceil(domains):,} enclosures{f' of each of {count} cells' * (count > 1)}"
    reserve = Assumption(
        path=layout.rebuild_reserve.path,
        value=Fraction(spares / domains),
        unit="fraction of raw",
        source=f"{told}: {stated.source or stated.kind}",
        true_on=stated.true_on,
        read_on=stated.read_on,
        kind="estimate",
    )
    return msgspec.structs.replace(layout, rebuild_reserve=reserve)


def spared(
    layout: Layout[Number], data: Data[Number], enclosure_bytes: Number
) -> tuple[Number, Number] | None:
    """The enclosures of each cell, and how many cells there are; None as ``with_cells`` says."""
    spares, limit = layout.spare_domains, layout.rebuild_fill_limit
    if is_unknown(spares) or is_unknown(enclosure_bytes):
        return None
    in_all, beside = Fraction(0), _copy_bytes(data, layout, layout.fill_limit)
    if not is_unknown(limit):
        in_all, beside = beside, _copy_bytes(data, layout, limit)
    if is_unknown(in_all) or is_unknown(beside):
        return None
    most, spare_bytes, count = most_bytes(layout, enclosure_bytes), spares * enclosure_bytes, 1
    if not is_unknown(most):
        if most <= spare_bytes:
            raise StoreffError(
                f"layout {layout.name}: a cell of {format_bytes(float(most))} has no room beside "
                f"its spare enclosures, {spares} of {format_bytes(float(enclosure_bytes))}",
                "choose smaller drives or enclosures",
            )
        count = at_least(ceil(beside / (most - spare_bytes)), ceil(in_all / most))
    cell_bytes = at_least(beside / count + spare_bytes, in_all / count)
    domains = at_least(cell_bytes / enclosure_bytes, layout.min_domains)
    if is_unknown(layout.min_domains):
        domains = at_least(domains, fewest_domains(layout.code) + spares)
    return domains, count


def _copy_bytes(data: Data[Number], layout: Layout[Number], fill_limit: Number) -> Number:
    """Raw bytes of one copy without a rebuild reserve, filled up to ``fill_limit``."""
    full = msgspec.structs.replace(
        layout, rebuild_reserve=Fraction(0), fill_limit=fill_limit, rebuild_fill_limit=math.nan
    )
    return raw_for(data, full) / layout.copies
