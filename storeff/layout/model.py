"""What a storage layout is: its code, reserves, limits and repair, as catalogued or typed in."""

from fractions import Fraction
from pathlib import Path
from typing import Annotated, Generic, Literal

import msgspec

from storeff.data import Assumption, Field, N, load, one, unknown

# One percentage point, the step in which sensitivity is told.
ONE_POINT = Fraction(1, 100)
# Every pattern of losses of a code is counted: half a second at this many fragments.
MAX_FRAGMENTS = 512

_SHARE = Field("fraction of drive bandwidth", ("fraction",), above=True)
_ADDED = Field("fraction", ("fraction of data", "fraction of stored data"))


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
        if self.fragments > MAX_FRAGMENTS:
            raise ValueError(f"a code has at most {MAX_FRAGMENTS} fragments in all")

    @property
    def fragments(self) -> int:
        """Fragments in a stripe, each on a drive of its own."""
        return self.k + self.m + self.l

    def __str__(self) -> str:
        if self.kind == "replica":
            return "1 copy" if self.fragments == 1 else f"{self.fragments} copies"
        if self.kind == "rs":
            return f"{self.k}+{self.m}"
        return f"LRC({self.k},{self.l},{self.m})"


class Repair(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a lost drive is rebuilt.

    ``drives`` share the writing of one lost drive (1: a single replacement; more: declustered),
    each giving ``bandwidth_share`` of its speed. ``read_fragments`` are read for each one
    rebuilt, where that is not what the code needs.
    """

    detection_hours: Annotated[N, Field("h", most=8760)]
    bandwidth_share: Annotated[N, _SHARE]
    drives: Annotated[N, Field("drives", least=1, most=10**6)]
    read_fragments: Annotated[N, Field("fragments", least=1, most=MAX_FRAGMENTS)] = msgspec.field(
        default_factory=unknown
    )


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
    metadata: Annotated[N, _ADDED]
    padding: Annotated[N, _ADDED]
    # A point less must leave something to write: sensitivity takes one.
    rebuild_reserve: Annotated[N, Field("fraction of raw", ("fraction",), most=Fraction(98, 100))]
    fill_limit: Annotated[N, Field("fraction", least=ONE_POINT, above=True)]
    title: str = ""
    copies: Annotated[N, Field("copies", ("",), least=1, most=100, whole=True)] = msgspec.field(
        default_factory=one
    )
    min_domains: Annotated[N, Field("enclosures", least=1, most=10_000, whole=True)] = (
        msgspec.field(default_factory=unknown)
    )
    repair: Repair[N] | None = None
    reduction: SystemReduction | None = None


def load_layouts(extra: Path | None = None) -> dict[str, Layout[Assumption]]:
    """The catalogue by name, with the user's own file of the same form on top."""
    return load("layouts", Layout[Assumption], extra)
