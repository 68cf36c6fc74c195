"""Codecs: compressed sizes, from the compressors' own libraries, which release the GIL."""

from collections.abc import Callable, Sequence
from functools import partial

# Compressed bytes of each block; a block that does not shrink costs its own size (stored raw).
SizesOf = Callable[[Sequence[bytes | memoryview]], list[int]]
# What compresses a block to a frame, and what makes the block of it, whose size it is given.
RoundTrip = tuple[Callable[[bytes], bytes], Callable[[bytes, int], bytes]]


def _lz4() -> SizesOf:
    """Independent LZ4 blocks without a size prefix: what block storage writes."""
    import lz4.block

    def sizes(blocks: Sequence[bytes | memoryview]) -> list[int]:
        return [min(len(b), len(lz4.block.compress(b, store_size=False))) for b in blocks]

    return sizes


def _zstd(level: int) -> SizesOf:
    """Zstandard frames that hold their content size and no checksum."""
    import zstandard

    compressor = zstandard.ZstdCompressor(
        level=level, write_content_size=True, write_checksum=False
    )

    def sizes(blocks: Sequence[bytes | memoryview]) -> list[int]:
        if not any(map(len, blocks)):
            # zstandard raises an error if all blocks are empty.
            return [0] * len(blocks)
        # One call for all: threads that compress small blocks one by one only hand each other the
        # interpreter.
        frames = compressor.multi_compress_to_buffer(list(blocks))
        return [min(len(block), len(frames[i])) for i, block in enumerate(blocks)]

    return sizes


# Every codec by its name. A default scan measures them all, and a layout may name each.
CODECS: dict[str, Callable[[], SizesOf]] = {
    "lz4": _lz4,
    "zstd-1": partial(_zstd, 1),
    "zstd-3": partial(_zstd, 3),
}


def _lz4_round_trip() -> RoundTrip:
    import lz4.block

    return (
        partial(lz4.block.compress, store_size=False),
        lambda frame, size_bytes: lz4.block.decompress(frame, uncompressed_size=size_bytes),
    )


def _zstd_round_trip(level: int) -> RoundTrip:
    import zstandard

    compressor = zstandard.ZstdCompressor(level=level, write_checksum=False)
    decompressor = zstandard.ZstdDecompressor()
    return compressor.compress, decompressor.decompress


# Those of CODECS whose decompression can be timed.
DECOMPRESSED: dict[str, Callable[[], RoundTrip]] = {
    "lz4": _lz4_round_trip,
    "zstd-1": partial(_zstd_round_trip, 1),
    "zstd-3": partial(_zstd_round_trip, 3),
}
# The packages that they are in.
PACKAGES = ("zstandard", "lz4")


def codec(name: str) -> SizesOf:
    """The compressor called ``name``, one of CODECS. Not to be shared by threads."""
    return CODECS[name]()


def codec_versions() -> dict[str, str]:
    """Versions of the libraries that do the compressing."""
    import lz4
    import zstandard

    return {
        "lz4": lz4.library_version_string(),
        "zstd": ".".join(map(str, zstandard.ZSTD_VERSION)),
    }
