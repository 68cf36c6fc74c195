"""What compression alone leaves: at every chunk size, in bytes and as block storage allocates."""

import random
from collections.abc import Iterator
from pathlib import Path

import lz4.block
import msgspec
import numpy as np
import pytest
import zstandard
from support.quantities import holds
from support.scans import blocks, measured

from storeff import _native
from storeff.estimate.compression import IN_UNITS, Allocation, Compression
from storeff.estimate.reduction import Combined, Reduction, reduce
from storeff.quantity import Quantity
from storeff.scan.plan import ALLOCATION_BYTES, CUTTINGS, REQUIRED_RATIO, Plan, table

KIB = 1 << 10
# Every chunk is compressed with every codec.
FULL = Plan(probed=table("full"))


def zstd_bytes(block: bytes) -> int:
    return min(len(block), len(zstandard.ZstdCompressor(level=3).compress(block)))


def lz4_bytes(block: bytes) -> int:
    return min(len(block), len(lz4.block.compress(block, store_size=False)))


def rounded(size: int) -> int:
    return -(-size // ALLOCATION_BYTES) * ALLOCATION_BYTES


def allocated(block: bytes) -> int:
    """What a block takes that is kept compressed only if that saves enough whole units."""
    small = rounded(lz4_bytes(block))
    return small if small <= REQUIRED_RATIO * len(block) else rounded(len(block))


def contents(root: Path) -> Iterator[bytes]:
    return (path.read_bytes() for path in sorted(root.rglob("*")) if path.is_file())


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Text, noise, zeros, tiny files and tails of every kind, some of them twice."""
    root = tmp_path_factory.mktemp("tree")
    source = random.Random(2)
    words = [source.randbytes(4).hex().encode() for _ in range(3000)]
    for i in range(60):
        text = b" ".join(source.choice(words) for _ in range(source.randrange(40_000)))
        content = [
            text,
            source.randbytes(source.randrange(200_000)),
            bytes(source.randrange(400_000)),
            source.randbytes(source.randrange(1, 5000)),
            text[:70_000] + source.randbytes(90_000),
        ][i % 5]
        (root / f"f{i}").write_bytes(content)
        if i % 3 == 0:
            (root / f"copy{i}").write_bytes(content)
    return root


@pytest.fixture(scope="module")
def counted(tree: Path) -> Reduction:
    return reduce(measured([tree], FULL))


def compressed_so(
    reduction: Reduction, codec: str, block_bytes: int, allocation_bytes: int = 1
) -> Compression:
    wanted = (codec, block_bytes, allocation_bytes)
    [found] = [
        c for c in reduction.compression if (c.codec, c.block_bytes, c.allocation_bytes) == wanted
    ]
    return found


def combined_so(reduction: Reduction, chunker: str, codec: str) -> Combined:
    [found] = [c for c in reduction.combined if (c.chunker, c.codec) == (chunker, codec)]
    return found


# ---- everything is counted ----


@pytest.mark.parametrize("block_bytes", [4 * KIB, 8 * KIB, 64 * KIB, 128 * KIB])
def test_every_block_is_compressed_at_the_size_that_is_deduplicated(
    tree: Path, counted: Reduction, block_bytes: int
) -> None:
    left = sum(zstd_bytes(b) for data in contents(tree) for b in blocks(data, block_bytes))
    beside = combined_so(counted, f"fixed-{block_bytes >> 10}KiB", "zstd-3")
    assert beside.compression_only_bytes == Quantity.exact(left)
    assert compressed_so(counted, "zstd-3", block_bytes).compressed_bytes == Quantity.exact(left)


@pytest.mark.parametrize("name", ["cdc-8KiB", "cdc-64KiB"])
def test_every_content_defined_chunk_is_compressed(
    tree: Path, counted: Reduction, name: str
) -> None:
    chunker = next(c for c in CUTTINGS if c.name == name)
    left = 0
    for data in contents(tree):
        cut = _native.cut(data, chunker.min_bytes, chunker.max_bytes, "scalar")
        for offset, length, is_run in cut.tolist():
            # A run is cut in largest chunks, the last of which may be a part of one.
            whole = zstd_bytes(data[offset : offset + 1] * chunker.max_bytes)
            shares = length / chunker.max_bytes
            left += whole * shares if is_run else zstd_bytes(data[offset : offset + length])
    only = combined_so(counted, name, "zstd-3").compression_only_bytes
    assert only is not None
    assert only.low == only.value == only.high
    assert only.value == pytest.approx(left, abs=2)


def test_without_duplicates_compression_alone_leaves_what_both_leave(tmp_path: Path) -> None:
    source = random.Random(3)
    for i in range(8):
        (tmp_path / f"{i}").write_bytes(source.randbytes(50_000).hex().encode())
    for row in reduce(measured([tmp_path], FULL)).combined:
        assert row.compression_only_bytes == row.physical_bytes
        assert row.compression_only_ratio == row.ratio


def test_the_headlines_compression_only_is_the_scopes(counted: Reduction) -> None:
    head, scope = counted.headline, counted.scope
    row = combined_so(counted, head.chunker, head.codec)
    assert scope.floor == row.compression_only_ratio
    assert scope.measured == row.ratio == head.ratio == scope.growth[-1].ratio


# ---- as block storage allocates ----


@pytest.mark.parametrize("block_bytes", [8 * KIB, 64 * KIB, 128 * KIB])
def test_blocks_take_whole_units_and_stay_compressed_only_if_that_saves_enough(
    tree: Path, counted: Reduction, block_bytes: int
) -> None:
    left = sum(allocated(b) for data in contents(tree) for b in blocks(data, block_bytes))
    row = compressed_so(counted, "lz4", block_bytes, ALLOCATION_BYTES)
    assert row.compressed_bytes == Quantity.exact(left)
    assert row.required_ratio == REQUIRED_RATIO


def test_zeros_take_a_unit_for_each_block(tmp_path: Path) -> None:
    (tmp_path / "zeros").write_bytes(bytes(1600 * KIB))
    reduction = reduce(measured([tmp_path], FULL))
    for codec in ("lz4", "zstd-1", "zstd-3"):
        assert compressed_so(reduction, codec, 64 * KIB, ALLOCATION_BYTES).ratio.value == 16
        assert compressed_so(reduction, codec, 128 * KIB, ALLOCATION_BYTES).ratio.value == 1600 / 52


def test_small_files_take_more_than_their_bytes(tmp_path: Path) -> None:
    for i in range(50):
        (tmp_path / f"{i}").write_bytes(b"%d" % i * 300)
    reduction = reduce(measured([tmp_path], FULL))
    row = compressed_so(reduction, "zstd-3", 64 * KIB, ALLOCATION_BYTES)
    assert row.compressed_bytes == Quantity.exact(50 * ALLOCATION_BYTES)
    assert row.ratio.value is not None
    assert row.ratio.value < 0.2


def test_incompressible_blocks_are_kept_as_they_are(tmp_path: Path) -> None:
    (tmp_path / "noise").write_bytes(random.Random(4).randbytes(640 * KIB + 10))
    row = compressed_so(reduce(measured([tmp_path], FULL)), "lz4", 64 * KIB, ALLOCATION_BYTES)
    assert row.compressed_bytes == Quantity.exact(640 * KIB + ALLOCATION_BYTES)


def test_what_takes_just_the_required_ratio_is_kept() -> None:
    sizes = np.array([65536, 65536, 65536, 100, 10_000, 9_000], np.uint64)
    compressed = np.array([57344, 57345, 1, 1, 8192, 4097], np.uint64)
    assert IN_UNITS.taken(sizes, compressed).tolist() == [57344, 65536, 4096, 4096, 8192, 12288]
    assert Allocation(1, 1.0).taken(sizes, compressed).tolist() == compressed.tolist()


# ---- from a sample ----


def sampled(root: Path, rate: float, seed: int = 7) -> Reduction:
    chunkers = tuple(c for c in CUTTINGS if c.name in ("fixed-4KiB", "fixed-64KiB", "cdc-64KiB"))
    probed = tuple(each for each in table("full") if each.chunker in {c.name for c in chunkers[1:]})
    return reduce(measured([root], Plan(seed=seed, chunkers=chunkers, probed=probed), rate))


def test_a_part_that_is_all_gives_what_a_whole_scan_gives(tree: Path, counted: Reduction) -> None:
    ours, theirs = sampled(tree, 1.0), counted
    blocks_of = [
        [c for c in each.compression if c.block_bytes == 64 * KIB] for each in (ours, theirs)
    ]
    assert blocks_of[0] == blocks_of[1]
    for row in ours.combined:
        theirs_ = combined_so(theirs, row.chunker, row.codec).compression_only_bytes
        assert row.compression_only_bytes is not None
        assert theirs_ is not None
        # The end of a run is a chunk of its own here, and a part of one there.
        assert row.compression_only_bytes.value == pytest.approx(theirs_.value, rel=1e-3)


def test_a_part_knows_by_the_listing_what_small_files_take(tmp_path: Path) -> None:
    """Tiny files are little of the data, and most of what is allocated."""
    source = random.Random(7)
    for i in range(3000):
        (tmp_path / f"tiny{i}").write_bytes(b"%04d" % i)
    for i in range(120):
        (tmp_path / f"large{i}").write_bytes(source.randbytes(40_000 + i))
    truth = compressed_so(reduce(measured([tmp_path], FULL)), "lz4", 64 * KIB, ALLOCATION_BYTES)
    found = compressed_so(sampled(tmp_path, 0.3), "lz4", 64 * KIB, ALLOCATION_BYTES)
    assert holds(found.compressed_bytes, truth.compressed_bytes)
    assert found.compressed_bytes.value == pytest.approx(truth.compressed_bytes.value, rel=0.01)


def test_zeros_are_chunks_like_any_other_to_a_part(tmp_path: Path) -> None:
    source = random.Random(8)
    for i in range(60):
        (tmp_path / f"{i}").write_bytes(source.randbytes(25_000 + i) + bytes(225_000))
    found = sampled(tmp_path, 0.6).scope.floor
    truth = reduce(measured([tmp_path], FULL)).scope.floor
    # The end of a run is a chunk of its own here, and a part of one there.
    assert found.value == pytest.approx(truth.value, rel=1e-3)


def test_a_report_of_before_has_no_compression_beside_deduplication() -> None:
    exact = {"value": 1, "low": 1, "high": 1, "origin": "measured"}
    row = {"chunker": "cdc-64KiB", "codec": "lz4", "physical_bytes": exact, "ratio": exact}
    assert msgspec.convert(row, Combined).compression_only_bytes is None
    plain = {"codec": "lz4", "block_bytes": 65536, "compressed_bytes": exact, "ratio": exact}
    assert msgspec.convert(plain, Compression).allocation_bytes == 1
