"""What a storage layout is: its code, reserves, limits and repair, as catalogued or typed in."""

from fractions import Fraction
from pathlib import Path
from typing import Generic, Literal

import msgspec

from storeff.data import Assumption, N, load, one, unknown
from storeff.errors import StoreffError

# One percentage point, the step in which sensitivity is told.
ONE_POINT = Fraction(1, 100)


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Redundancy of one stripe: ``k`` data, ``m`` global and ``l`` local parity fragments.

    A replica is k = 1 with m further copies. In an LRC (Huang et al., USENIX ATC 2012) the data
    fragments form ``l`` equal groups with one local parity each.
    """

    kind: Literal["replica", "rs", "lrc"]
    k: int
    m: int
    l: int = 0  # noqa: E741 - the letter of the LRC literature

    def __post_init__(self) -> None:
        if self.k < 1 or self.m < 0 or self.l < 0:
            raise ValueError("a code needs k >= 1, m >= 0, l >= 0")
        if self.kind == "replica" and self.k != 1:
            raise ValueError("a replica has k = 1; its m is the number of further copies")
        if (self.kind == "lrc") != (self.l > 0):
            raise ValueError(
                "l, the number of local parities, belongs to kind = 'lrc' and only there"
            )
        if self.l and self.k % self.l:
            raise ValueError("the k data fragments of an lrc form l equal groups")

    @property
    def fragments(self) -> int:
        """Fragments in a stripe, each on a drive of its own."""
        return self.k + self.m + self.l

    def __str__(self) -> str:
        if self.kind == "replica":
            return f"{self.fragments} copies"
        if self.kind == "rs":
            return f"{self.k}+{self.m}"
        return f"LRC({self.k},{self.l},{self.m})"


class Repair(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a lost drive is rebuilt.

    ``drives`` share the writing of one lost drive (1: a single replacement; more: declustered),
    each giving ``bandwidth_share`` of its speed. ``read_fragments`` are read for each one
    rebuilt, where that is not what the code needs.
    """

    detection_hours: N
    bandwidth_share: N
    drives: N
    read_fragments: N = msgspec.field(default_factory=unknown)


class SystemReduction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the system itself can remove, as the nearest thing that storeff measures."""

    dedup: Literal[
        "none", "fixed-4KiB", "fixed-8KiB", "fixed-64KiB", "fixed-128KiB", "cdc-8KiB", "cdc-64KiB"
    ]
    codec: Literal["none", "lz4", "zstd-1", "zstd-3"]
    block_bytes: Literal[65536, 131072] = 65536
    source: str


class Layout(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A way to lay data on drives.

    ``metadata`` and ``padding`` are added to what is stored; ``rebuild_reserve`` is the part of
    raw kept free for rebuild; ``fill_limit`` the part of the rest that may be written.
    ``copies`` are whole copies the system keeps (sites); ``min_domains`` enclosures at least.
    """

    name: str
    code: Code
    metadata: N
    padding: N
    rebuild_reserve: N
    fill_limit: N
    title: str = ""
    copies: N = msgspec.field(default_factory=one)
    min_domains: N = msgspec.field(default_factory=unknown)
    repair: Repair[N] | None = None
    reduction: SystemReduction | None = None


def load_layouts(extra: Path | None = None) -> dict[str, Layout[Assumption]]:
    """The catalogue by name, with the user's own file of the same form on top."""
    layouts = load("layouts", Layout[Assumption], extra)
    for layout in layouts.values():
        check_layout(layout)
    return layouts


def check_layout(layout: Layout[Assumption]) -> None:
    """Raises StoreffError where less than a point of raw could be written."""
    fill, reserve = layout.fill_limit, layout.rebuild_reserve
    if fill.value is None or not ONE_POINT < fill.value <= 1:
        raise StoreffError(f"{fill.path} must be above 0.01 and at most 1")
    if reserve.value is None or reserve.value >= 1 - ONE_POINT:
        raise StoreffError(f"{reserve.path} must be below 0.99: it is a part of raw")
