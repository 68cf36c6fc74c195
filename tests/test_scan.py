"""A scan counts every byte once, whatever the threads, the order, holes, links or failures."""

import os
import random
import threading
from pathlib import Path

import lz4.block
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from storeff.errors import StoreffError
from storeff.estimate.reduction import reduce
from storeff.scan import worker
from storeff.scan.measurement import Measurement, entropy_bits_per_byte
from storeff.scan.plan import CHUNKERS, Chunker, Plan
from storeff.scan.run import Progress, scan
from storeff.scan.sketch import Sketch
from storeff.sources.piece import Piece
from storeff.sources.tree import walk

SMALL = Plan(
    chunkers=(
        Chunker("whole-file", 0, 0, 8),
        Chunker("fixed-128KiB", 128 << 10, 128 << 10, 8, ("lz4",), 4),
        Chunker("cdc-8KiB", 6 << 10, 10 << 10, 32, ("lz4", "zstd-1"), 8),
    )
)


def fill(root: Path, seed: int = 1, files: int = 40) -> Path:
    """A tree with unique, repeated, empty and constant files, some larger than the read buffer."""
    source = random.Random(seed)
    shared = source.randbytes(300_000)
    for i in range(files):
        folder = root / f"d{i % 5}"
        folder.mkdir(exist_ok=True, parents=True)
        content = [
            shared,
            source.randbytes(source.randrange(200_000)),
            b"",
            b"\0" * source.randrange(300_000),
            shared[: source.randrange(300_000)] + source.randbytes(70_000),
        ][i % 5]
        (folder / f"f{i}").write_bytes(content)
    (root / "large").write_bytes(source.randbytes(2_500_000) + b"\xff" * 500_000 + shared)
    return root


def assert_same(a: Measurement, b: Measurement) -> None:
    assert (a.read_bytes, a.hole_bytes, a.census) == (b.read_bytes, b.hole_bytes, b.census)
    assert np.array_equal(a.class_bytes, b.class_bytes)
    assert np.array_equal(a.histogram, b.histogram)
    for name, sketch in a.sketches.items():
        assert_same_sketch(sketch, b.sketches[name])


def assert_same_sketch(a: Sketch, b: Sketch) -> None:
    assert (a.tau, a.compressed_tau) == (b.tau, b.compressed_tau)
    assert (a.chunks, a.bytes) == (b.chunks, b.bytes)
    for field in ("keys", "sizes", "counts", "groups", "compressed", "run_count", "run_bytes"):
        assert np.array_equal(getattr(a, field), getattr(b, field)), field


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("tree"))


def blocks(content: bytes, block_bytes: int) -> list[bytes]:
    return [content[i : i + block_bytes] for i in range(0, len(content), block_bytes)]


@pytest.mark.parametrize("block_bytes", [4096, 8192, 65536, 131072])
def test_fixed_block_dedup_is_that_of_a_set_of_blocks(tree: Path, block_bytes: int) -> None:
    contents = [p.read_bytes() for p in tree.rglob("*") if p.is_file()]
    unique = {b for content in contents for b in blocks(content, block_bytes)}
    dedup = next(
        d
        for d in reduce(scan([tree], Plan())).dedup
        if d.chunker == f"fixed-{block_bytes >> 10}KiB"
    )
    assert dedup.unique_bytes.value == sum(map(len, unique))


def test_compression_keeps_a_block_that_does_not_shrink_raw(tree: Path) -> None:
    zstd = zstandard.ZstdCompressor(level=1)
    stored = {"lz4": 0, "zstd-1": 0}
    unique: dict[bytes, tuple[int, int]] = {}
    for path in tree.rglob("*"):
        for block in blocks(path.read_bytes(), 65536) if path.is_file() else []:
            sizes = (
                min(len(block), len(lz4.block.compress(block, store_size=False))),
                min(len(block), len(zstd.compress(block))),
            )
            unique[block] = sizes
            stored["lz4"] += sizes[0]
            stored["zstd-1"] += sizes[1]
    reduction = reduce(scan([tree], Plan()))
    alone = {
        c.codec: c.compressed_bytes.value for c in reduction.compression if c.block_bytes == 65536
    }
    combined = {
        c.codec: c.physical_bytes.value for c in reduction.combined if c.chunker == "fixed-64KiB"
    }
    assert {codec: alone[codec] for codec in stored} == stored
    assert combined["lz4"] == sum(sizes[0] for sizes in unique.values())
    assert combined["zstd-1"] == sum(sizes[1] for sizes in unique.values())


def test_a_report_says_exact_only_if_every_figure_is(tree: Path) -> None:
    all_kept = (
        Chunker("fixed-128KiB", 128 << 10, 128 << 10, 4096, ("zstd-3",), 4096),
        Chunker("cdc-64KiB", 48 << 10, 80 << 10, 4096, ("zstd-3",), 4096),
    )
    few_compressed = (all_kept[0], Chunker("cdc-64KiB", 48 << 10, 80 << 10, 4096, ("zstd-3",), 4))
    assert reduce(scan([tree], Plan(chunkers=all_kept))).method.estimator == "exact count"
    sampled = reduce(scan([tree], Plan(chunkers=few_compressed)))
    assert sampled.method.estimator != "exact count"
    assert sampled.dedup[1].unique_bytes.low == sampled.dedup[1].unique_bytes.high
    assert sampled.headline.ratio.low != sampled.headline.ratio.high


def test_whole_file_dedup_counts_equal_files_once(tree: Path) -> None:
    contents = {p.read_bytes() for p in tree.rglob("*") if p.is_file()}
    whole = next(d for d in reduce(scan([tree], Plan())).dedup if d.chunker == "whole-file")
    assert whole.unique_bytes.value == sum(map(len, contents))


@pytest.mark.parametrize("plan", [Plan(), SMALL], ids=["exact", "sampled"])
def test_threads_do_not_change_a_bit(tree: Path, plan: Plan) -> None:
    one = scan([tree], plan, threads=1)
    assert one.sketches["cdc-8KiB"].exact == (plan is not SMALL)
    assert_same(one, scan([tree], plan, threads=4))


@settings(max_examples=8, deadline=None)
@given(st.permutations(range(5)), st.integers(1, 4))
def test_merging_parts_is_scanning_the_whole(tree: Path, order: list[int], cut: int) -> None:
    parts = [scan([tree / f"d{i}"], SMALL) for i in order]
    left, right = parts[0], parts[-1]
    for part in parts[1:cut]:
        left = left.merge(part)
    for part in reversed(parts[cut:-1]):
        right = part.merge(right)
    merged = left.merge(right) if cut < 5 else left
    assert_same(merged, scan([tree / f"d{i}" for i in range(5)], SMALL))


def test_measurements_under_different_plans_do_not_merge(tree: Path) -> None:
    a = scan([tree / "d0"], Plan(seed=1))
    b = scan([tree / "d0"], Plan(seed=2))
    with pytest.raises(ValueError, match="differ"):
        a.merge(b)


def test_every_chunker_covers_every_byte(tree: Path) -> None:
    measured = scan([tree], Plan())
    for chunker in CHUNKERS:
        assert measured.sketches[chunker.name].bytes == measured.read_bytes
    assert int(measured.histogram.sum()) == measured.read_bytes
    assert int(measured.class_bytes.sum()) == measured.read_bytes


def test_a_hard_link_is_read_once_and_reported_apart(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(os.urandom(10_000))
    os.link(tmp_path / "a", tmp_path / "b")
    measured = scan([tmp_path], Plan())
    assert measured.read_bytes == 10_000
    assert measured.census.asides["hard-link"].size_bytes == 10_000


def test_a_hole_is_neither_read_nor_data(tmp_path: Path) -> None:
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(1 << 40)
        file.seek(1 << 39)
        file.write(b"island" * 1000)
    measured = scan([tmp_path], Plan())
    assert measured.hole_bytes + measured.read_bytes == 1 << 40
    assert measured.read_bytes < 1 << 20
    assert measured.coverage == 1
    assert not measured.census.refusals


def test_a_file_of_nothing_but_hole_is_zero(tmp_path: Path) -> None:
    with open(tmp_path / "hole", "wb") as file:
        file.truncate(1 << 30)
    measured = scan([tmp_path], Plan())
    assert (measured.read_bytes, measured.hole_bytes) == (0, 1 << 30)
    assert measured.census.classes["zero"].size_bytes == 1 << 30


def test_an_unreadable_byte_costs_the_rest_of_its_file_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = random.Random(3).randbytes(3 << 20)
    (tmp_path / "bad").write_bytes(content)
    (tmp_path / "good").write_bytes(content)
    real = os.preadv
    bad_inode = (tmp_path / "bad").stat().st_ino

    def failing(fd: int, buffers: list[memoryview], offset: int) -> int:
        if os.fstat(fd).st_ino == bad_inode and offset >= 1 << 20:
            raise OSError(5, "Input/output error")
        return real(fd, buffers, offset)

    monkeypatch.setattr(os, "preadv", failing)
    measured = scan([tmp_path], Plan())
    left_out = measured.census.refusals["io-error"]
    assert (left_out.entries, left_out.size_bytes) == (1, 2 << 20)
    assert measured.read_bytes == 4 << 20
    assert {s.bytes for s in measured.sketches.values()} == {4 << 20}


def test_a_file_that_shrinks_is_reported_with_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 3_000_000)
    real = os.preadv

    def shrinking(fd: int, buffers: list[memoryview], offset: int) -> int:
        if offset:
            os.truncate(path, offset)
        return real(fd, buffers, offset)

    monkeypatch.setattr(os, "preadv", shrinking)
    measured = scan([tmp_path], Plan())
    left_out = measured.census.refusals["changed"]
    assert left_out.size_bytes == 3_000_000 - measured.read_bytes > 0


def test_a_file_rewritten_while_it_is_read_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "db"
    path.write_bytes(b"x" * 3_000_000)
    real = os.preadv

    def touching(fd: int, buffers: list[memoryview], offset: int) -> int:
        os.utime(path, (1, 1))
        return real(fd, buffers, offset)

    monkeypatch.setattr(os, "preadv", touching)
    measured = scan([tmp_path], Plan())
    assert measured.census.refusals["changed"].entries == 1
    assert measured.read_bytes == 3_000_000


def test_a_stop_keeps_what_was_read_and_counts_the_rest(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    real = os.preadv

    def stopping(fd: int, buffers: list[memoryview], offset: int) -> int:
        if offset:
            stop.set()
        return real(fd, buffers, offset)

    monkeypatch.setattr(os, "preadv", stopping)
    measured = scan([tree], Plan(), stop=stop)
    left_out = measured.census.refusals["interrupted"]
    assert 0 < measured.read_bytes < measured.census.size_bytes
    assert left_out.size_bytes == measured.census.size_bytes - measured.read_bytes
    assert {s.bytes for s in measured.sketches.values()} == {measured.read_bytes}


def test_a_bug_in_a_worker_reaches_the_caller(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: worker.Worker, pieces: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(worker.Worker, "measure", broken)
    with pytest.raises(ZeroDivisionError):
        scan([tree] * 1, Plan(), threads=2)


def test_an_unknown_kernel_is_an_error_not_another_kernel(tree: Path) -> None:
    with pytest.raises(StoreffError, match="no-such"):
        scan([tree], Plan(), kernel="no-such")


def test_the_last_progress_is_the_whole(tree: Path) -> None:
    seen: list[Progress] = []
    measured = scan([tree], Plan(), on_progress=seen.append)
    assert seen[-1].done_files == seen[-1].listed_files == measured.census.files
    assert seen[-1].done_bytes == seen[-1].listed_bytes == measured.census.size_bytes
    assert not seen[-1].listing


def test_entropy_of_bytes() -> None:
    one = np.zeros(256, np.uint64)
    assert entropy_bits_per_byte(one) is None
    one[7] = 9
    assert entropy_bits_per_byte(one) == 0
    assert entropy_bits_per_byte(np.full(256, 3, np.uint64)) == 8


def test_threads_compress_a_chunk_once_between_them(tmp_path: Path) -> None:
    content = random.Random(4).randbytes(64 << 10)
    for i in range(64):
        (tmp_path / f"{i}").write_bytes(content)
    plan = Plan(chunkers=(Chunker("fixed-64KiB", 65536, 65536, 16, ("lz4",), 4),))
    samples = worker.new_samples(plan)
    stop = threading.Event()
    pieces = [
        p for p in walk([tmp_path], one_file_system=False, exclude=()) if isinstance(p, Piece)
    ]
    both = [worker.Worker(plan, "scalar", stop, samples) for _ in range(2)]
    for each in both:
        each.measure(pieces)
    sketches = [each.finish().sketches["fixed-64KiB"] for each in both]
    assert [int(s.compressed[0, 0]) > 0 for s in sketches] == [True, False]
    merged = sketches[0].merge(sketches[1], plan.chunkers[0], plan.seed)
    assert int(merged.counts[0]) == 128
    assert int(merged.compressed[0, 0]) == int(sketches[0].compressed[0, 0])


@given(st.lists(st.integers(0, 60), max_size=120), st.integers(1, 9))
def test_the_compressed_sample_is_the_lowest_ranks_met(seen: list[int], entries: int) -> None:
    sample = worker.CompressedSample(entries)
    taken = {n for n in seen if sample.take(n / 64, (n, n))}
    lowest = sorted(set(seen))[:entries]
    assert set(lowest) <= taken
    assert {key[0] for key in sample.members} == set(lowest)
    rest = sorted(set(seen))[entries:]
    assert sample.tau == (rest[0] / 64 if rest else np.inf)
