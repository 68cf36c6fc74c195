"""Cross-source duplicates: which source roots hold the same chunks, and how much of them."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec

from storeff.quantity import Quantity
from storeff.sources.names import printable


class VolumeShare(msgspec.Struct, frozen=True):
    """One source root: its data, its distinct chunks, and its exclusive bytes.

    ``only_here_bytes`` is what deleting the root would free in a store that all share.
    """

    name: str
    data_bytes: int
    unique_bytes: Quantity
    only_here_bytes: Quantity


class SharedPair(msgspec.Struct, frozen=True):
    """Bytes of the distinct chunks that both ``a`` and ``b`` hold."""

    a: str
    b: str
    shared_bytes: Quantity


class Sharing(msgspec.Struct, frozen=True):
    """What the source roots have in common, in chunks of ``chunker``.

    ``needless_bytes`` are cross-source duplicates: what pooling saves, one store for all roots over
    one for each, every store without duplicates of its own. Pairs that share nothing are left out;
    constant runs are not counted.
    """

    chunker: str
    needless_bytes: Quantity
    volumes: list[VolumeShare]
    pairs: list[SharedPair]


class Roots(NamedTuple):
    """Bytes of distinct chunks by the numbers of source roots: ``unique`` that each holds,
    ``exclusive`` that no other does, ``shared`` by a pair if any chunk was observed in both, and
    what pooling all roots saves."""

    unique: list[Quantity]
    exclusive: list[Quantity]
    shared: dict[tuple[int, int], Quantity]
    pooled: Quantity


def sharing(chunker: str, roots_bytes: Mapping[bytes, int], roots: Roots) -> Sharing:
    """What roots of ``roots_bytes`` data share, in chunks of ``chunker``. The pairs that share most
    come first, by the upper end where there is only a range."""
    names = [printable(name) for name in roots_bytes]
    exclusive = map(Quantity.no_more_than, roots.exclusive, roots.unique)
    pairs = [
        SharedPair(
            names[a], names[b], q.no_more_than(roots.unique[a]).no_more_than(roots.unique[b])
        )
        for (a, b), q in roots.shared.items()
    ]
    return Sharing(
        chunker=chunker,
        needless_bytes=roots.pooled,
        volumes=list(map(VolumeShare, names, roots_bytes.values(), roots.unique, exclusive)),
        pairs=sorted(pairs, key=lambda p: -(p.shared_bytes.value or p.shared_bytes.high or 0)),
    )
