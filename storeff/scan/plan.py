"""What is measured and how: everything that two measurements must share to be comparable."""

import hashlib

import msgspec

WHOLE_FILE = "whole-file"


class Chunker(msgspec.Struct, frozen=True):
    """One way of cutting a file, and the sketch of the chunks it gives.

    ``min_bytes == max_bytes`` are fixed blocks, both 0 the whole file, else content-defined
    lengths between the two (MinCDC). The sketch keeps ``entries`` chunks: up to that many unique
    chunks every count is exact. The first ``compressed_entries`` of them by rank, a smaller sample
    of the same kind, are compressed with each of ``codecs``. ``by_place`` samples all chunks, not
    the distinct ones: what compression alone leaves depends on how often a chunk occurs, and one
    that occurs often need not be in a sample of distinct ones.

    Holes are not data, and a whole file is the same whichever of its aligned 128 KiB blocks of
    zeros are holes: a sparse and a dense copy are duplicates, kept once with the zeros that one
    stores. Fixed blocks of zeros are runs, which cost one block. A hole ends a content-defined
    chunk, so a sparse and a dense copy differ by about one of these at each.
    """

    name: str
    min_bytes: int
    max_bytes: int
    entries: int
    codecs: tuple[str, ...] = ()
    compressed_entries: int = 0
    by_place: bool = False

    def __post_init__(self) -> None:
        if bool(self.codecs) != bool(self.compressed_entries):
            raise ValueError(f"{self.name}: codecs and compressed_entries go together")
        if self.compressed_entries > self.entries:
            raise ValueError(f"{self.name}: more compressed_entries than entries")


# Content-defined lengths reach from 5/8 to 11/8 of the mean: at equal means that saved 1.5 points
# more on average, and 0.4 less at worst, than three gear chunkers on successive versions of five
# Python packages. 3/4 to 5/4 was up to 1.0 below them; 1/2 to 3/2 saved the same and has a third
# more to hash (2026-11-21, bench/speed/gear.py).
# n entries leave a relative standard error of about 1 / sqrt(n): 0.4 % for counting. Compressing
# costs a hundred times the scan, so it gets by with fewer: 0.25 to 0.5 GiB of chunks of 64 KiB and
# more, whose regression on size leaves 0.5 to 1 % (5.1 GB of /usr and Python, 2026-11-20). For each
# cutting that deduplicates there is a sample by place of the same: compression alone stands at the
# chunk size of what it stands beside. They take 0.83 GiB at most, all together.
CODECS = ("lz4", "zstd-1", "zstd-3")
CHUNKERS = (
    Chunker(WHOLE_FILE, 0, 0, 1 << 16),
    Chunker("fixed-4KiB", 4 << 10, 4 << 10, 1 << 16, CODECS, 1 << 14),
    Chunker("fixed-8KiB", 8 << 10, 8 << 10, 1 << 16, CODECS, 1 << 14),
    Chunker("fixed-64KiB", 64 << 10, 64 << 10, 1 << 16, CODECS, 1 << 13),
    Chunker("fixed-128KiB", 128 << 10, 128 << 10, 1 << 16, CODECS, 1 << 12),
    Chunker("cdc-8KiB", 5 << 10, 11 << 10, 1 << 16, CODECS, 1 << 14),
    Chunker("cdc-64KiB", 40 << 10, 88 << 10, 1 << 16, CODECS, 1 << 13),
    Chunker("blocks-4KiB", 4 << 10, 4 << 10, 1 << 12, CODECS, 1 << 12, by_place=True),
    Chunker("blocks-8KiB", 8 << 10, 8 << 10, 1 << 12, CODECS, 1 << 12, by_place=True),
    Chunker("blocks-64KiB", 64 << 10, 64 << 10, 1 << 12, CODECS, 1 << 12, by_place=True),
    Chunker("blocks-128KiB", 128 << 10, 128 << 10, 1 << 11, CODECS, 1 << 11, by_place=True),
    Chunker("chunks-8KiB", 5 << 10, 11 << 10, 1 << 12, CODECS, 1 << 12, by_place=True),
    Chunker("chunks-64KiB", 40 << 10, 88 << 10, 1 << 12, CODECS, 1 << 12, by_place=True),
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

    chunker: str = "cdc-64KiB"
    entries: int = 1 << 14
    codec: str = "zstd-3"


class Plan(msgspec.Struct, frozen=True):
    """The chunkers, their codecs and the seed that decides which chunks a sketch keeps.

    A file is cut in parts of ``part_bytes``, whatever the threads, as if each were a file: only so
    can several threads measure it. A chunk of at most max_bytes ends early at the end of a part.
    """

    seed: int = 1
    chunkers: tuple[Chunker, ...] = CHUNKERS
    part_bytes: int = 128 << 20
    version: int = 4
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
            if c.min_bytes == c.max_bytes > 0 and self.part_bytes % c.max_bytes:
                raise ValueError(f"part_bytes must be a multiple of the blocks of {c.name}")

    def digest(self) -> str:
        """Sixteen hex digits that two comparable measurements share."""
        return hashlib.sha256(msgspec.json.encode(self)).hexdigest()[:16]
