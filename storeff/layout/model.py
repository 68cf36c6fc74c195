"""What a storage layout is: its code, reserves, limits and repair, as catalogued or typed in."""

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Generic, Literal

import msgspec

from storeff.data import NO_VALUE, ONE, Assumption, Entry, Field, N, load
from storeff.errors import did_you_mean
from storeff.layout.number import Number
from storeff.scan.codecs import CODECS
from storeff.scan.plan import (
    ALLOCATION_BYTES,
    NONE,
    REQUIRED_RATIO,
    compressed_blocks,
    deduplicating,
)

# What drives a system can run on.
Media = Literal["flash", "hdd"]
# How objects take space: packed into large extents; each padded to whole stripes; each in units of
# its fragments, which are not padded to a stripe; each striped as wide as it is long, and mirrored
# below one stripe unit.
Packing = Literal["packed", "padded", "unpadded", "file-striped"]

# Which kinds of code each packing is of.
_PACKED_AS: dict[Packing, tuple[str, ...]] = {
    "packed": ("replica", "rs", "lrc", "opaque"),
    "padded": ("replica", "rs", "lrc", "raidz", "draid", "opaque"),
    "unpadded": ("rs", "lrc"),
    "file-striped": ("rs", "lrc"),
}

# One percentage point, the step of the sensitivity.
ONE_POINT = Fraction(1, 100)
# Every pattern of losses of a code is counted: half a second at this many fragments.
MAX_FRAGMENTS = 512
# OpenZFS has no RAIDZ or dRAID of more parities.
ZFS_PARITY_MOST = 3

# One point less, as the sensitivity takes, must leave something to write.
_MOST_RESERVED = Fraction(98, 100)
_SHARE = Field("fraction of drive bandwidth", ("fraction",), above=True)
_ADDED = Field("fraction", ("fraction of data", "fraction of stored data"))


class Code(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Redundancy of one stripe: ``k`` data, ``m`` global and ``l`` local parity fragments.

    A replica is k = 1 with m further copies. In an LRC (Huang et al., USENIX ATC 2012) the data
    fragments form ``l`` equal groups with one local parity each. A RAIDZ group of k + m drives
    stripes each block of ``block_bytes`` (recordsize or volblocksize) by itself, in sectors; a
    dRAID group fills whole rows of k + m sectors. An opaque one is a service that bills what it is
    given, and keeps its code to itself.
    """

    kind: Literal["replica", "rs", "lrc", "raidz", "draid", "opaque"]
    k: int
    m: int
    l: int = 0  # noqa: E741 - the letter of the LRC literature
    block_bytes: int | None = None
    sector_bytes: int | None = None

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
        if self.kind == "opaque" and (self.k, self.m) != (1, 0):
            raise ValueError("of an opaque code nothing is known: it has k = 1 and m = 0")
        block_bytes, sector_bytes = self.block_bytes, self.sector_bytes
        if self.kind not in ("raidz", "draid"):
            if block_bytes is not None or sector_bytes is not None:
                raise ValueError(
                    "block_bytes and sector_bytes belong to kind = 'raidz' and 'draid'"
                )
            return
        if block_bytes is None or sector_bytes is None:
            raise ValueError(f"a {self.kind} needs block_bytes and sector_bytes")
        if not 1 <= self.m <= ZFS_PARITY_MOST:
            raise ValueError(f"a {self.kind} has m = 1, 2 or 3 parities")
        if not 1 <= sector_bytes <= block_bytes <= 1 << 24 or block_bytes % sector_bytes:
            raise ValueError(
                f"the block_bytes of a {self.kind} are a multiple of its sector_bytes, "
                "at most 16 MiB"
            )

    @property
    def fragments(self) -> int:
        """Fragments in a stripe, each on a drive of its own."""
        return self.k + self.m + self.l

    @property
    def block_sectors(self) -> int:
        """Data sectors of a whole block of a RAIDZ or dRAID."""
        assert self.block_bytes is not None
        assert self.sector_bytes is not None
        return self.block_bytes // self.sector_bytes

    def stripe_sectors(self, data_sectors: Number) -> Number:
        """What a RAIDZ or dRAID allocates for a block of ``data_sectors``, a whole number.

        A RAIDZ takes m parity sectors for each row of k, and skip sectors up to a multiple of m + 1
        (vdev_raidz_psize_to_asize in OpenZFS, module/zfs/vdev_raidz.c); a dRAID takes whole rows of
        k + m (vdev_draid_psize_to_asize, module/zfs/vdev_draid.c).
        """
        rows = -(-data_sectors // self.k)
        if self.kind == "draid":
            return rows * self.fragments
        coded = data_sectors + self.m * rows
        return -(self.m + 1) * (-coded // (self.m + 1))

    def __str__(self) -> str:
        if self.kind == "replica":
            return "1 copy" if self.fragments == 1 else f"{self.fragments} copies"
        if self.kind == "rs":
            return f"{self.k}+{self.m}"
        if self.kind == "opaque":
            return "as billed"
        if self.block_bytes is not None:
            name = "RAIDZ" if self.kind == "raidz" else "dRAID"
            return f"{name}{self.m} {self.k}+{self.m}, {self.block_bytes / 1024:g} KiB"
        return f"LRC({self.k},{self.l},{self.m})"


class Repair(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a lost drive is rebuilt.

    ``drives`` share the writing of one lost drive (1: a single replacement; more: declustered),
    each giving ``bandwidth_share`` of its speed. ``read_fragments`` are read for each one
    rebuilt, where that is not what the code needs. Stripes that lost more than one fragment are
    few, and rebuilt first: in ``critical_hours``, or as slowly as the others where that is unknown.
    """

    detection_hours: Annotated[N, Field("h", most=8760)]
    bandwidth_share: Annotated[N, _SHARE]
    drives: Annotated[N, Field("drives", least=1, most=10**6)]
    read_fragments: Annotated[N, Field("fragments", least=1, most=MAX_FRAGMENTS)] = NO_VALUE
    critical_hours: Annotated[N, Field("h", most=8760, above=True)] = NO_VALUE


class Memory(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """DRAM that a system asks for, and storage-class memory where it has some: the sum of what is
    known. ``per_chunk_bytes`` is for each chunk that deduplication indexes."""

    per_enclosure_bytes: Annotated[N, Field("B/enclosure", most=1 << 50)] = NO_VALUE
    per_core_bytes: Annotated[N, Field("B/core", most=1 << 40)] = NO_VALUE
    per_drive_bytes: Annotated[N, Field("B/drive", most=1 << 50)] = NO_VALUE
    per_raw_byte: Annotated[N, Field("fraction of raw", ("fraction",))] = NO_VALUE
    per_object_bytes: Annotated[N, Field("B/object", most=1 << 30)] = NO_VALUE
    per_chunk_bytes: Annotated[N, Field("B/chunk", most=1 << 30)] = NO_VALUE
    scm_per_raw_byte: Annotated[N, Field("fraction of raw", ("fraction",))] = NO_VALUE


class SystemReduction(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the system itself removes, as the nearest thing that storeff measures.

    ``dedup`` is a chunker and ``codec`` a compressor of the catalogue (storeff.scan.plan), or NONE.
    A system that does not pack compressed blocks gives each block whole units of
    ``allocation_bytes``, and keeps it compressed only if those are at most ``required_ratio`` of
    it. ``below_code`` is whether it compresses each fragment, parity too, after coding.
    ``as_shipped`` is whether it does so unless somebody turns it off, ``condition`` what it takes.
    Raises ValueError for what is not measured, with the nearest name that is.
    """

    dedup: str
    codec: str
    block_bytes: int = 1 << 16
    allocation_bytes: int = 1
    required_ratio: float = 1.0
    below_code: bool = False
    as_shipped: bool = True
    condition: str = ""
    source: str

    def __post_init__(self) -> None:
        chunkers = deduplicating()
        _check_name("dedup", self.dedup, chunkers)
        _check_name("codec", self.codec, CODECS)
        if NONE not in (self.dedup, self.codec) and chunkers[self.dedup].kind == "whole":
            raise ValueError(f"codec of {self.dedup} chunks must be {NONE}")
        if self.block_bytes not in compressed_blocks():
            sizes = ", ".join(map(str, compressed_blocks()))
            raise ValueError(f"block_bytes must be one of {sizes}, not {self.block_bytes}")
        space = (self.allocation_bytes, self.required_ratio)
        if space not in ((1, 1.0), (ALLOCATION_BYTES, REQUIRED_RATIO)):
            raise ValueError(
                "measured are allocation_bytes = 1 with required_ratio = 1 and "
                f"{ALLOCATION_BYTES} with {REQUIRED_RATIO}"
            )
        if self.allocation_bytes > 1 and (self.dedup != "none" or self.codec == "none"):
            raise ValueError("allocation_bytes are for compressed blocks without deduplication")


def _check_name(key: str, name: str, known: Iterable[str]) -> None:
    names = (NONE, *known)
    if name not in names:
        nearest = did_you_mean(name, names)
        raise ValueError(f"unknown {key} {name!r}{nearest}: choose one of {', '.join(names)}")


class Layout(Entry[N], Generic[N], frozen=True, kw_only=True):
    """A way to lay data on drives.

    ``metadata`` and ``padding`` are added to what is stored. ``rebuild_reserve`` is the part of raw
    that is kept free for rebuilds; ``fill_limit``, the maximum utilisation, the part of the rest
    that may be written. ``copies`` are whole copies that the system keeps (sites), each with its
    own drives, racks and at least ``min_domains`` enclosures. Every object takes whole units of
    ``object_unit_bytes`` before coding: unknown where the system packs objects into large extents.

    ``media`` are the drives that the system runs on. ``parity_most`` is how many parities it can be
    configured with. A cluster has at most ``cell_bytes`` raw and ``cell_domains`` enclosures: more
    takes several. ``spare_domains`` enclosures of each are kept free, ``rebuild_reserve`` then
    follows from their number. Drives come in groups of ``group_drives``.
    ``object_metadata_bytes`` are stored for each object, ``checksum`` for each coded byte.
    ``rebuild_fill_limit`` may be reached with the spare enclosures lost, by drives that
    ``imbalance`` fills above the mean. ``file_system_reserve`` and ``gc_reserve`` are kept free.
    """

    name: str
    code: Code
    metadata: Annotated[N, _ADDED]
    padding: Annotated[N, _ADDED]
    rebuild_reserve: Annotated[N, Field("fraction of raw", ("fraction",), most=_MOST_RESERVED)]
    fill_limit: Annotated[N, Field("fraction", least=ONE_POINT, above=True)]
    copies: Annotated[N, Field("copies", ("",), least=1, most=100, whole=True)] = ONE
    min_domains: Annotated[N, Field("enclosures", least=1, most=10_000, whole=True)] = NO_VALUE
    object_unit_bytes: Annotated[N, Field("B", least=1, most=1 << 40, whole=True)] = NO_VALUE
    media: tuple[Media, ...] = ("flash", "hdd")
    packing: Packing = "padded"
    stripe_unit_bytes: Annotated[N, Field("B", least=1, most=1 << 40, whole=True)] = NO_VALUE
    parity_most: Annotated[N, Field("parities", most=MAX_FRAGMENTS, whole=True)] = NO_VALUE
    cell_bytes: Annotated[N, Field("B", least=10**12, most=10**24)] = NO_VALUE
    cell_domains: Annotated[N, Field("enclosures", least=1, most=10**6, whole=True)] = NO_VALUE
    spare_domains: Annotated[N, Field("enclosures", most=1000, whole=True)] = NO_VALUE
    group_drives: Annotated[N, Field("drives", least=1, most=10_000, whole=True)] = NO_VALUE
    object_metadata_bytes: Annotated[N, Field("B/object", most=1 << 30)] = NO_VALUE
    checksum: Annotated[N, _ADDED] = NO_VALUE
    rebuild_fill_limit: Annotated[N, Field("fraction", least=ONE_POINT, above=True)] = NO_VALUE
    imbalance: Annotated[N, Field("", least=1, most=10)] = NO_VALUE
    file_system_reserve: Annotated[N, Field("fraction", most=_MOST_RESERVED)] = NO_VALUE
    gc_reserve: Annotated[N, Field("fraction", most=_MOST_RESERVED)] = NO_VALUE
    repair: Repair[N] | None = None
    memory: Memory[N] | None = None
    reduction: SystemReduction | None = None


def load_layouts(extra: Path | None = None) -> dict[str, Layout[Assumption]]:
    """The catalogue by name, with the user's own file of the same form on top."""
    return load("layouts", Layout[Assumption], extra, layout_mistakes)


def layout_mistakes(layout: Layout[Assumption]) -> Iterator[str]:
    """What is wrong with ``layout`` beyond its fields."""
    code, system = layout.code, layout.reduction
    unit_bytes, sector_bytes = layout.object_unit_bytes.value, code.sector_bytes
    if sector_bytes is not None and unit_bytes not in (None, sector_bytes):
        yield f"object_unit_bytes must be the sector_bytes of its code, {sector_bytes:,} B"
    yield from _packing_mistakes(layout)
    if system is not None and system.below_code:
        if code.kind not in ("replica", "rs", "lrc"):
            yield f"reduction.below_code is for replicas, rs and lrc, not {code.kind}"
        if system.dedup != NONE:
            yield f"reduction.dedup must be {NONE} with below_code: equal data has equal parity"
    spares = layout.spare_domains.value
    if spares is not None:
        domains = layout.min_domains.value or spares + 1
        if spares > _MOST_RESERVED * domains:
            yield f"of {domains} enclosures nothing is left to write beside spare_domains"


def _packing_mistakes(layout: Layout[Assumption]) -> Iterator[str]:
    code, packing = layout.code, layout.packing
    both = [number.value for number in (layout.object_unit_bytes, layout.stripe_unit_bytes)]
    unit_bytes, stripe_unit_bytes = (0 if value is None else int(value) for value in both)
    if code.kind not in _PACKED_AS[packing]:
        yield f"packing {packing} is not how {code.kind} takes space"
    if packing == "packed" and unit_bytes:
        yield "object_unit_bytes must be left out where packing is packed"
    if packing in ("unpadded", "file-striped"):
        if None in both:
            yield f"packing {packing} needs object_unit_bytes and stripe_unit_bytes"
        elif stripe_unit_bytes % unit_bytes:
            yield f"stripe_unit_bytes must be a multiple of object_unit_bytes, {unit_bytes:,} B"
    elif None not in both and code.kind in ("rs", "lrc"):
        stripe_bytes = code.k * stripe_unit_bytes
        if unit_bytes % stripe_bytes:
            yield (
                f"object_unit_bytes must be a multiple of {stripe_bytes:,} B, the data of a "
                "stripe, to which objects are padded"
            )
