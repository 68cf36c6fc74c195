"""What is measured and how: everything that two measurements must share to be comparable."""

import hashlib
from collections.abc import Iterable
from typing import Literal, NamedTuple

import msgspec

from storeff.scan.codecs import CODECS

# A chunk is the whole file, a block of fixed size, or ends where the content says.
Kind = Literal["whole", "fixed", "content-defined"]


class Chunker(msgspec.Struct, frozen=True):
    """One way of cutting a file, and the sketch of the chunks it gives.

    ``min_bytes`` and ``max_bytes`` bound the length of a chunk: equal for fixed blocks, both 0 for
    the whole file; content-defined lengths (MinCDC) lie between the two. The sketch keeps
    ``entries`` chunks: up to that many unique chunks every count is exact. n entries leave a
    relative standard error of about 1 / sqrt(n): 0.4 %.

    Holes are not data, and a whole file is the same whichever of its aligned 128 KiB blocks of
    zeros are holes: a sparse and a dense copy are duplicates, kept once with the zeros that one
    stores. Fixed blocks of zeros are runs, which cost one block. A hole ends a content-defined
    chunk, so a sparse and a dense copy differ by about one of these at each.
    """

    name: str
    kind: Kind
    min_bytes: int
    max_bytes: int
    entries: int = 1 << 16

    def __post_init__(self) -> None:
        least, most = self.min_bytes, self.max_bytes
        if not {
            "whole": least == most == 0,
            "fixed": 0 < least == most,
            "content-defined": 0 < least < most,
        }[self.kind]:
            raise ValueError(f"{self.name}: no {self.kind} chunks are of {least} to {most} bytes")

    @property
    def cut(self) -> tuple[Kind, int, int]:
        """How it cuts: two chunkers of equal ``cut`` give the same chunks."""
        return self.kind, self.min_bytes, self.max_bytes

    @property
    def block_bytes(self) -> int | None:
        """Size of fixed blocks; None if it cuts otherwise."""
        return self.max_bytes if self.kind == "fixed" else None


# Every chunker of a scan, which are those that a layout may name: a new size is one line.
#
# Content-defined lengths reach from 5/8 to 11/8 of the mean: at equal means that saved 1.5 points
# more on average, and 0.4 less at worst, than three gear chunkers on successive versions of five
# Python packages. 3/4 to 5/4 was up to 1.0 below them; 1/2 to 3/2 saved the same and has a third
# more to hash (2026-11-21, bench/speed/gear.py).
CUTTINGS = (
    Chunker("whole-file", "whole", 0, 0),
    Chunker("fixed-4KiB", "fixed", 4 << 10, 4 << 10),
    Chunker("fixed-8KiB", "fixed", 8 << 10, 8 << 10),
    Chunker("fixed-64KiB", "fixed", 64 << 10, 64 << 10),
    Chunker("fixed-128KiB", "fixed", 128 << 10, 128 << 10),
    Chunker("cdc-8KiB", "content-defined", 5 << 10, 11 << 10),
    Chunker("cdc-64KiB", "content-defined", 40 << 10, 88 << 10),
)


class Pair(NamedTuple):
    """Deduplication of what ``chunker`` cuts, and then compression with ``codec``."""

    chunker: str
    codec: str


# What a reduction is summed up by, and what a layout is credited with that does not say its own:
# chunks that survive inserts, at the size and level that present all-flash systems use.
HEADLINE = Pair("cdc-64KiB", "zstd-3")


# In place of the name of a chunker or codec: a system does not deduplicate, or not compress.
NONE = "none"


def deduplicating() -> dict[str, Chunker]:
    """By name the chunkers whose distinct chunks can be counted. All but those of kind "whole" can
    be compressed, with every codec."""
    return {c.name: c for c in CUTTINGS}


def compressed_blocks() -> list[int]:
    """Sizes of the fixed blocks of which compression alone can be measured."""
    return [c.max_bytes for c in CUTTINGS if c.kind == "fixed"]


class Cell(NamedTuple):
    """A figure of the table: what ``codec`` leaves of the chunks that ``chunker`` cuts, of the
    distinct ones or, ``per_occurrence``, of each as often as it occurs: compression alone."""

    chunker: str
    per_occurrence: bool
    codec: str


def cells_of(dedup: str, codec: str, block_bytes: int) -> list[Cell]:
    """What must be compressed to say what a system leaves that deduplicates the chunks of ``dedup``
    and compresses with ``codec``: nothing, if that is NONE. If ``dedup`` is NONE it compresses
    blocks of ``block_bytes``; else compression alone stands beside it at its own chunk size."""
    if codec == NONE:
        return []
    if dedup == NONE:
        blocks = next(c for c in CUTTINGS if c.kind == "fixed" and c.max_bytes == block_bytes)
        return [Cell(blocks.name, True, codec)]
    return [Cell(dedup, False, codec), Cell(dedup, True, codec)]


# Of what cuts chunks of about this size and more, what codecs leave is predicted when a sketch
# admits a chunk (_native.predict): that explains more than lz4 of the whole chunk does, in a tenth
# of its time. Counting 1 GiB of programs and libraries took 0.56 CPU s with cdc-64KiB predicted and
# 0.43 without (2026-11-26): 6.5 us for each chunk admitted, which are few of very much data. Of
# smaller chunks that would look at a large part, and there are many.
PREDICTED_CHUNK_BYTES = 64 << 10


class Probed(msgspec.Struct, frozen=True):
    """What is compressed of the chunks of ``chunker``: of the distinct ones, or of all occurrences.

    ``columns`` are codecs, in the order in which they are probed: one that is cheap is known of
    more chunks, and explains a dear one behind it.
    """

    chunker: str
    per_occurrence: bool
    columns: tuple[str, ...]


TableName = Literal["default", "full"]

# The cells that the layouts of the catalogue and the headline rest on, and lz4, which explains most
# of what zstd leaves.
_DEFAULT = (
    Probed("fixed-4KiB", False, ("lz4", "zstd-1")),
    Probed("cdc-64KiB", False, ("lz4", "zstd-1", "zstd-3")),
    Probed("fixed-4KiB", True, ("lz4", "zstd-1")),
    Probed("fixed-64KiB", True, ("lz4",)),
    Probed("fixed-128KiB", True, ("lz4",)),
    Probed("cdc-64KiB", True, ("lz4", "zstd-1", "zstd-3")),
)


def table(name: TableName, wanted: Iterable[Cell] = ()) -> tuple[Probed, ...]:
    """What is compressed: the ``default`` table, or the ``full`` one of every cell that can be
    measured; and the cells of ``wanted``, with what explains them."""
    wanted = [*wanted]
    if name == "full":
        both = [(c.name, o) for c in CUTTINGS if c.kind != "whole" for o in (False, True)]
        wanted += [Cell(*each, codec) for each in both for codec in CODECS]
    columns = {(p.chunker, p.per_occurrence): {*p.columns} for p in _DEFAULT}
    for chunker, per_occurrence, codec in wanted:
        columns.setdefault((chunker, per_occurrence), set()).update((next(iter(CODECS)), codec))
    return tuple(
        Probed(c.name, o, tuple(name for name in CODECS if name in columns[c.name, o]))
        for o in (False, True)
        for c in CUTTINGS
        if (c.name, o) in columns
    )


# Block storage gives space in units, and keeps a block compressed only if that takes at most a part
# of it. BlueStore: bluestore_min_alloc_size 4096, bluestore_compression_required_ratio 0.875 (Ceph
# documentation, BlueStore configuration reference). OpenZFS keeps a block compressed if that saves
# an eighth (module/zfs/zio_compress.c), in sectors, of 4 KiB with ashift=12.
ALLOCATION_BYTES = 4096
REQUIRED_RATIO = 0.875


class Similarity(msgspec.Struct, frozen=True):
    """What is kept of similar chunks: of those that ``chunker`` cuts, whole groups of at most
    ``entries`` chunks together. ``codec``, a level of zstd, is what deltas are made with.

    All the groups of 16,384 chunks are 1 GiB of data; those of more than one are read again.
    """

    chunker: str = HEADLINE.chunker
    entries: int = 1 << 14
    codec: str = HEADLINE.codec


class Plan(msgspec.Struct, frozen=True):
    """The chunkers, what is compressed, and the seed that decides which chunks a sketch keeps.

    ``precision`` is the relative half width that the headline is to have; as many chunks of each
    of ``probed`` are compressed as that needs.
    A file is cut in parts of ``part_bytes``, whatever the threads, as if each were a file: only so
    can several threads measure it. A chunk of at most max_bytes ends early at the end of a part.
    """

    seed: int = 1
    chunkers: tuple[Chunker, ...] = CUTTINGS
    probed: tuple[Probed, ...] = table("default")
    precision: float = 0.01
    part_bytes: int = 128 << 20
    version: int = 6
    # Unset, it is not in the JSON that the digest is of: a measurement without it is as before.
    similarity: Similarity | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        chunkers = {c.name: c for c in self.chunkers}
        if not 0 < self.precision < 1:
            raise ValueError(f"precision must be above 0 and below 1, not {self.precision}")
        if len({p[:2] for p in map(msgspec.structs.astuple, self.probed)}) < len(self.probed):
            raise ValueError("the chunks of a chunker are to be compressed twice")
        for p in self.probed:
            _check_probed(p, chunkers.get(p.chunker))
        if self.similarity:
            if self.similarity.chunker not in chunkers:
                raise ValueError(f"there is no chunker {self.similarity.chunker}")
            # Deltas are taken off what the codec leaves of the chunker's chunks.
            if self.similarity.codec not in self.columns(self.similarity.chunker, False):
                raise ValueError(f"there is no codec {self.similarity.codec} of its chunks")
            if not self.similarity.codec.startswith("zstd-"):
                raise ValueError(f"{self.similarity.codec} makes no deltas: only zstd does")
        for c in self.chunkers:
            if c.kind == "fixed" and self.part_bytes % c.max_bytes:
                raise ValueError(f"part_bytes must be a multiple of the blocks of {c.name}")

    def predicts(self, chunker: Chunker) -> bool:
        """Whether it is predicted what codecs leave of each distinct chunk of ``chunker`` that is
        kept."""
        return chunker.max_bytes >= PREDICTED_CHUNK_BYTES and bool(
            self.columns(chunker.name, False)
        )

    def columns(self, chunker: str, per_occurrence: bool) -> tuple[str, ...]:
        """What is probed of the chunks of ``chunker``, in the order of its phases."""
        found = (
            p for p in self.probed if (p.chunker, p.per_occurrence) == (chunker, per_occurrence)
        )
        return next((p.columns for p in found), ())

    @property
    def occurrence_columns(self) -> tuple[tuple[str, str], ...]:
        """What is probed of all occurrences: pairs of a chunker and a column."""
        return tuple((p.chunker, c) for p in self.probed if p.per_occurrence for c in p.columns)

    def digest(self) -> str:
        """Sixteen hex digits that two comparable measurements share."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]


def _check_probed(probed: Probed, chunker: Chunker | None) -> None:
    """Raises ValueError if ``chunker`` is none of which ``probed`` can be measured."""
    if chunker is None:
        raise ValueError(f"there is no chunker {probed.chunker} to compress the chunks of")
    if chunker.kind == "whole":
        raise ValueError(f"nothing is compressed of a whole file: {probed.chunker}")
    unknown = [name for name in probed.columns if name not in CODECS]
    if unknown or len({*probed.columns}) < len(probed.columns) or not probed.columns:
        raise ValueError(
            f"columns of {probed.chunker} must be some of {', '.join(CODECS)}, each once, not "
            f"{', '.join(probed.columns)}"
        )
