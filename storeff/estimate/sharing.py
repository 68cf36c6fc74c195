"""Cross-source duplicates: the report's types of what source roots have in common."""

import msgspec

from storeff.quantity import Quantity


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
