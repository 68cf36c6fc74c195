"""What a partial scan says of content classes, and of what the scanned roots share.

Distinct bytes within a group, or within several together, are estimated as those of everything are
(storeff.estimate.unseen): from the chunks and the data of that group alone.
"""

from functools import reduce
from itertools import combinations
from typing import NamedTuple

import numpy as np

from storeff.estimate.compression import ratio
from storeff.estimate.consistency import no_more
from storeff.estimate.reduction import StratumReduction
from storeff.estimate.sampled_shares import (
    data_share,
    distinct,
    headline_cut,
    range_is_narrow,
    supported,
)
from storeff.estimate.sampled_view import Sampled
from storeff.estimate.sharing import SharedPair, Sharing, VolumeShare
from storeff.estimate.unseen import Z_MAX, Share, estimate
from storeff.quantity import Quantity
from storeff.scan.measurement import VOLUME_BIT
from storeff.scan.plan import HEADLINE
from storeff.sources.content import CLASSES
from storeff.sources.names import printable


def strata_of(sampled: Sampled) -> list[StratumReduction]:
    """The headline reduction within each content class that was met, and its part of the data."""
    chunker, codec = headline_cut(sampled)
    table = sampled.tables[chunker.name]
    strata = []
    for bit, name in enumerate(CLASSES):
        part = data_share(sampled, 1 << bit)
        if part is None or not part.value:
            continue
        unique, left = (
            estimate(distinct(sampled, table, of, 1 << bit), sampled.rate, Z_MAX)
            for of in (None, codec)
        )
        within_bytes = round(part.value * sampled.data_bytes)
        distinct_bytes = _of_part(sampled, part, unique)
        within = no_more(
            *(supported(share, sampled.rate, within_bytes, 0) for share in (left, unique))
        )
        strata.append(
            StratumReduction(
                name=name,
                data_bytes=within_bytes if sampled.rate >= 1.0 else None,
                unique_bytes=distinct_bytes,
                physical_bytes=no_more(_of_part(sampled, part, left), distinct_bytes),
                ratio=ratio(within_bytes, within),
                data_share=Quantity(*part, "measured"),
            )
        )
    return strata


def _of_part(sampled: Sampled, part: Share, share: Share | None) -> Quantity:
    """Bytes that are ``share`` of a ``part`` of the data; both may be at their bounds."""
    if share is not None:
        share = Share(*(a * b for a, b in zip(part, share, strict=True)))
    return supported(share, sampled.rate, sampled.data_bytes, 0)


class Bytes(NamedTuple):
    """An estimate and the interval around it."""

    value: float
    low: float
    high: float

    def plus(self, other: "Bytes") -> "Bytes":
        """This and ``other``, both of which may be at their bounds."""
        return Bytes(*(a + b for a, b in zip(self, other, strict=True)))

    def less(self, other: "Bytes") -> "Bytes":
        """This without ``other``, both of which may be at their bounds."""
        return Bytes(self.value - other.value, self.low - other.high, self.high - other.low)

    def within(self, low: float, high: float) -> "Bytes":
        """This, known to be between ``low`` and ``high`` as well."""
        top = max(low, min(self.high, high))
        bottom = min(max(self.low, low), top)
        return Bytes(min(max(self.value, bottom), top), bottom, top)


NOTHING = Bytes(0.0, 0.0, 0.0)
# By two volumes: what they share, None where unknown.
Shared = dict[tuple[int, int], Bytes | None]


def sharing_of(sampled: Sampled) -> Sharing | None:
    """What the volumes share, in the headline's chunks: the difference between the distinct bytes
    of each and of both together, within what copies at equal places alone amount to and the
    distinct bytes of either. Unknown of a volume of which too few places were read.

    None if there are not at least two volumes.
    """
    names = [printable(name) for name in sampled.volumes]
    volumes = range(len(names))
    if len(names) < 2:
        return None
    of = [_distinct(sampled, {v}) for v in volumes]
    together = _distinct(sampled, set(volumes))
    shared = {
        (a, b): _shared(sampled, a, b, of[a], of[b])
        for a, b in combinations(volumes, 2)
        if _meet(sampled, a, b)
    }
    pairs = sorted(shared, key=lambda pair: -(shared[pair] or NOTHING).value)
    return Sharing(
        chunker=HEADLINE.chunker,
        needless_bytes=_quantity(sampled, _needless(of, together, shared)),
        volumes=[
            VolumeShare(
                name=names[v],
                data_bytes=sampled.volume_data_bytes(v),
                unique_bytes=_quantity(sampled, of[v]),
                only_here_bytes=_quantity(sampled, _only_in(sampled, v, of[v], together, shared)),
            )
            for v in volumes
        ],
        pairs=[SharedPair(names[a], names[b], _quantity(sampled, shared[a, b])) for a, b in pairs],
    )


def _quantity(sampled: Sampled, bytes_: Bytes | None) -> Quantity:
    """Without a point where ``sampled`` supports only a range, unknown where there is nothing."""
    if bytes_ is None:
        return Quantity(None, None, None, "measured")
    value, low, high = (round(x) for x in bytes_)
    narrow = range_is_narrow(low, high, sampled.rate)
    return Quantity(value if narrow else None, low, high, "measured")


def _shared(
    sampled: Sampled, a: int, b: int, of_a: Bytes | None, of_b: Bytes | None
) -> Bytes | None:
    """Bytes of the distinct chunks that both volumes hold."""
    together = _distinct(sampled, {a, b})
    if not of_a or not of_b or not together:
        return None
    aligned = _distinct(sampled, {a, b}, both=True) or NOTHING
    return of_a.plus(of_b).less(together).within(aligned.low, min(of_a.high, of_b.high))


def _needless(of: list[Bytes | None], together: Bytes | None, shared: Shared) -> Bytes | None:
    """What one store for all volumes saves over one for each."""
    known = [each for each in of if each]
    if len(known) < len(of) or not together:
        return None
    apart = reduce(Bytes.plus, known)
    least = max((each.low for each in shared.values() if each), default=0.0)
    return apart.less(together).within(least, apart.high - max(each.low for each in known))


def _only_in(
    sampled: Sampled, volume: int, of: Bytes | None, together: Bytes | None, shared: Shared
) -> Bytes | None:
    """Distinct bytes that only ``volume`` holds."""
    others = _distinct(sampled, set(range(len(sampled.volumes))) - {volume})
    if not of or not together or not others:
        return None
    elsewhere = [each.low for pair, each in shared.items() if each and volume in pair]
    return together.less(others).within(0.0, of.high - max(elsewhere, default=0.0))


def _meet(sampled: Sampled, a: int, b: int) -> bool:
    """Whether any chunk was read in both volumes."""
    table = sampled.tables[HEADLINE.chunker]
    in_a, in_b = (
        table.keys[(table.groups & np.uint64(1 << VOLUME_BIT + volume)) != 0] for volume in (a, b)
    )
    return bool(np.isin(in_a, in_b).any())


def _distinct(sampled: Sampled, volumes: set[int], both: bool = False) -> Bytes | None:
    """Distinct bytes of ``volumes`` together; with ``both``, only of what two of them hold at the
    same places. None if too few places were read."""
    groups = sum(1 << VOLUME_BIT + volume for volume in volumes)
    sample = distinct(sampled, sampled.tables[HEADLINE.chunker], None, groups, every=both)
    share = estimate(sample, sampled.rate, Z_MAX)
    if share is None:
        return None
    # A file that several volumes name is in each of them, and once in all the data.
    held = sum(sampled.volume_data_bytes(volume) for volume in volumes)
    data_bytes = min(held, sampled.data_bytes)
    return Bytes(*(x * data_bytes for x in share))
