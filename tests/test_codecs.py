"""Every codec of the catalogue passes the battery, and the battery fails what is no codec."""

import random
import zlib
from collections.abc import Callable, Sequence

import lz4.block
import pytest
import zstandard

from storeff.scan.codecs import CODECS, PACKAGES, SizesOf, codec, codec_versions
from storeff.testing import check_codec

Blocks = Sequence[bytes | memoryview]


def raw_or(compressed: Callable[[bytes | memoryview], int]) -> SizesOf:
    return lambda blocks: [min(len(b), compressed(b)) for b in blocks]


@pytest.mark.parametrize("name", CODECS)
def test_a_codec_of_the_catalogue_is_one(name: str) -> None:
    check_codec(lambda: codec(name))


def test_a_codec_of_any_library_can_pass() -> None:
    check_codec(lambda: raw_or(lambda b: len(zlib.compress(b, 6))))


def counting() -> SizesOf:
    """Says more at each call."""
    calls = [0]

    def sizes(blocks: Blocks) -> list[int]:
        calls[0] += 1
        return [min(len(b), len(zlib.compress(b)) + calls[0]) for b in blocks]

    return sizes


def streaming() -> SizesOf:
    """Compresses each block with what it knows of the ones before."""

    def sizes(blocks: Blocks) -> list[int]:
        stream = zlib.compressobj()
        sizes = [stream.compress(b) + stream.flush(zlib.Z_SYNC_FLUSH) for b in blocks]
        return [min(len(b), len(s)) for b, s in zip(blocks, sizes, strict=True)]

    return sizes


@pytest.mark.parametrize(
    ("make", "rule"),
    [
        (lambda: lambda blocks: [len(zlib.compress(b)) for b in blocks], "stored raw"),
        (lambda: raw_or(lambda b: len(zlib.compress(b)) // 2), "noise has no shorter form"),
        (lambda: raw_or(lambda b: len(b)), "a run has one"),
        (lambda: raw_or(lambda b: 0), "takes space"),
        (lambda: lambda blocks: [len(b) / 2 for b in blocks], "plain int"),
        (lambda: lambda blocks: [len(b) for b in blocks if b], "for each block"),
        (counting, "another call"),
        (streaming, "alone as among others"),
    ],
)
def test_what_is_no_codec_fails_the_battery(make: Callable[[], SizesOf], rule: str) -> None:
    with pytest.raises(AssertionError, match=rule):
        check_codec(make)


def test_sizes_are_those_of_the_libraries_own_formats() -> None:
    text = b" ".join(random.Random(3).choices([b"alpha", b"beta", b"gamma"], k=9000))
    frame = zstandard.ZstdCompressor(level=3, write_content_size=True).compress(text)
    assert zstandard.get_frame_parameters(frame).content_size == len(text)
    assert codec("zstd-3")([text]) == [len(frame)]
    assert codec("lz4")([text]) == [len(lz4.block.compress(text, store_size=False))]


def test_each_package_has_a_version_to_report() -> None:
    assert len(codec_versions()) == len(PACKAGES)
    assert all(number[0].isdigit() for number in codec_versions().values())
