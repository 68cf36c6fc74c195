"""Compressed sizes, from the codecs' own libraries, which release the GIL."""

from collections.abc import Callable

import lz4.block
import zstandard

# Compressed bytes of a block; a block that does not shrink costs its own size (stored raw).
SizeOf = Callable[[bytes | memoryview], int]


def codec(name: str) -> SizeOf:
    """The compressor called ``name``: ``lz4`` or ``zstd-LEVEL``. Not to be shared by threads.

    A block is an independent LZ4 block without a size prefix, or a zstd frame that holds its
    content size and no checksum: what block storage writes.
    """
    if name == "lz4":

        def lz4_size(block: bytes | memoryview) -> int:
            return min(len(block), len(lz4.block.compress(block, store_size=False)))

        return lz4_size
    compressor = zstandard.ZstdCompressor(
        level=int(name.removeprefix("zstd-")), write_content_size=True, write_checksum=False
    )

    def zstd_size(block: bytes | memoryview) -> int:
        return min(len(block), len(compressor.compress(block)))

    return zstd_size


def codec_versions() -> dict[str, str]:
    """Versions of the libraries that do the compressing."""
    return {
        "lz4": lz4.library_version_string(),
        "zstd": ".".join(map(str, zstandard.ZSTD_VERSION)),
    }
