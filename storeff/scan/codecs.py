"""Compressed sizes, from the codecs' own libraries, which release the GIL."""

from collections.abc import Callable, Sequence

import lz4.block
import zstandard

# Compressed bytes of each block; a block that does not shrink costs its own size (stored raw).
SizesOf = Callable[[Sequence[bytes | memoryview]], list[int]]


def codec(name: str) -> SizesOf:
    """The compressor called ``name``: ``lz4`` or ``zstd-LEVEL``. Not to be shared by threads.

    A block is an independent LZ4 block without a size prefix, or a zstd frame that holds its
    content size and no checksum: what block storage writes.
    """
    if name == "lz4":

        def lz4_sizes(blocks: Sequence[bytes | memoryview]) -> list[int]:
            return [min(len(b), len(lz4.block.compress(b, store_size=False))) for b in blocks]

        return lz4_sizes
    compressor = zstandard.ZstdCompressor(
        level=int(name.removeprefix("zstd-")), write_content_size=True, write_checksum=False
    )

    def zstd_sizes(blocks: Sequence[bytes | memoryview]) -> list[int]:
        # One call for all: threads that compress small blocks one by one only hand each other the
        # interpreter.
        frames = compressor.multi_compress_to_buffer(list(blocks))
        return [min(len(block), len(frames[i])) for i, block in enumerate(blocks)]

    return zstd_sizes


def codec_versions() -> dict[str, str]:
    """Versions of the libraries that do the compressing."""
    return {
        "lz4": lz4.library_version_string(),
        "zstd": ".".join(map(str, zstandard.ZSTD_VERSION)),
    }
