"""What is measured and how: everything that two measurements must share to be comparable."""

import hashlib
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import msgspec

from storeff.scan.codecs import CODECS

# A chunk is the whole file, a block of fixed size, or ends where the content says.
Kind = Literal["whole", "fixed", "content-defined"]


class Chunker(msgspec.Struct, frozen=True):
    """One way of cutting a file, and the sketch of the chunks it gives.

    ``min_bytes`` and ``max_bytes`` bound the length of a chunk: equal for fixed blocks, both 0 for
    the whole file; content-defined lengths (MinCDC) lie between the two. The sketch keeps
    ``entries`` chunks: up to that many unique chunks every count is exact. The first
    ``compressed_entries`` of them by rank, a smaller sample of the same kind, are compressed with
    each of ``codecs``. ``per_occurrence`` samples all chunks, not the distinct ones: what
    compression alone leaves depends on how often a chunk occurs, and one that occurs often need
    not be in a sample of distinct ones.

    Holes are not data, and a whole file is the same whichever of its aligned 128 KiB blocks of
    zeros are holes: a sparse and a dense copy are duplicates, kept once with the zeros that one
    stores. Fixed blocks of zeros are runs, which cost one block. A hole ends a content-defined
    chunk, so a sparse and a dense copy differ by about one of these at each.
    """

    name: str
    kind: Kind
    min_bytes: int
    max_bytes: int
    entries: int
    codecs: tuple[str, ...] = ()
    compressed_entries: int = 0
    per_occurrence: bool = False

    def __post_init__(self) -> None:
        if bool(self.codecs) != bool(self.compressed_entries):
            raise ValueError(f"{self.name}: codecs and compressed_entries go together")
        if self.compressed_entries > self.entries:
            raise ValueError(f"{self.name}: more compressed_entries than entries")
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


class Cutting(NamedTuple):
    """One line of the catalogue: a way of cutting and how many of its chunks are compressed, of
    the ``distinct`` ones and of all ``occurrences``. Nothing is compressed of a whole file."""

    name: str
    kind: Kind
    min_bytes: int
    max_bytes: int
    distinct: int = 0
    occurrences: int = 0


# Every chunker of a default scan, which are those that a layout may name: a new size is one line.
#
# Content-defined lengths reach from 5/8 to 11/8 of the mean: at equal means that saved 1.5 points
# more on average, and 0.4 less at worst, than three gear chunkers on successive versions of five
# Python packages. 3/4 to 5/4 was up to 1.0 below them; 1/2 to 3/2 saved the same and has a third
# more to hash (2026-11-21, bench/speed/gear.py).
# Compressing costs a hundred times the scan, so it gets by with fewer chunks than counting: 0.25 to
# 0.5 GiB of chunks of 64 KiB and more, whose regression on size leaves 0.5 to 1 % (5.1 GB of /usr
# and Python, 2026-11-20). The samples of all occurrences take 0.83 GiB at most, all together.
CUTTINGS = (
    Cutting("whole-file", "whole", 0, 0),
    Cutting("fixed-4KiB", "fixed", 4 << 10, 4 << 10, 1 << 14, 1 << 12),
    Cutting("fixed-8KiB", "fixed", 8 << 10, 8 << 10, 1 << 14, 1 << 12),
    Cutting("fixed-64KiB", "fixed", 64 << 10, 64 << 10, 1 << 13, 1 << 12),
    Cutting("fixed-128KiB", "fixed", 128 << 10, 128 << 10, 1 << 12, 1 << 11),
    Cutting("cdc-8KiB", "content-defined", 5 << 10, 11 << 10, 1 << 14, 1 << 12),
    Cutting("cdc-64KiB", "content-defined", 40 << 10, 88 << 10, 1 << 13, 1 << 12),
)
# n entries leave a relative standard error of about 1 / sqrt(n): 0.4 % for counting.
_ENTRIES = 1 << 16


def chunkers_of(cuttings: Iterable[Cutting]) -> Iterator[Chunker]:
    """The chunkers of a plan: each of ``cuttings`` for the distinct chunks."""
    for c in cuttings:
        codecs = tuple(CODECS) if c.distinct else ()
        yield Chunker(*c[:4], _ENTRIES, codecs, c.distinct)


CHUNKERS = tuple(chunkers_of(CUTTINGS))


class Pair(NamedTuple):
    """Deduplication of what ``chunker`` cuts, and then compression with ``codec``."""

    chunker: str
    codec: str


# What a reduction is summed up by, and what a layout is credited with that does not say its own:
# chunks that survive inserts, at the size and level that present all-flash systems use.
HEADLINE = Pair("cdc-64KiB", "zstd-3")


def deduplicating() -> dict[str, Chunker]:
    """By name the chunkers whose distinct chunks a default scan counts."""
    return {c.name: c for c in CHUNKERS if not c.per_occurrence}


def compressed_blocks() -> list[int]:
    """Sizes of the fixed blocks of which a default scan measures compression alone."""
    return [c.max_bytes for c in CUTTINGS if c.occurrences and c.kind == "fixed"]


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
    """The chunkers, their codecs and the seed that decides which chunks a sketch keeps.

    A file is cut in parts of ``part_bytes``, whatever the threads, as if each were a file: only so
    can several threads measure it. A chunk of at most max_bytes ends early at the end of a part.
    """

    seed: int = 1
    chunkers: tuple[Chunker, ...] = CHUNKERS
    part_bytes: int = 128 << 20
    version: int = 5
    # Unset, it is not in the JSON that the digest is of: a measurement without it is as before.
    similarity: Similarity | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        if self.similarity:
            codecs = {c.name: c.codecs for c in self.chunkers}
            if self.similarity.chunker not in codecs:
                raise ValueError(f"there is no chunker {self.similarity.chunker}")
            # Deltas are taken off what the codec leaves of the chunker's chunks.
            if self.similarity.codec not in codecs[self.similarity.chunker]:
                raise ValueError(f"there is no codec {self.similarity.codec} of its chunks")
            if not self.similarity.codec.startswith("zstd-"):
                raise ValueError(f"{self.similarity.codec} makes no deltas: only zstd does")
        for c in self.chunkers:
            if c.kind == "fixed" and self.part_bytes % c.max_bytes:
                raise ValueError(f"part_bytes must be a multiple of the blocks of {c.name}")

    def digest(self) -> str:
        """Sixteen hex digits that two comparable measurements share."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]
