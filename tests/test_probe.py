"""Chunks of a sketch are read again by rank and compressed once, and what changed is noticed."""

import os
import random
import threading
import tracemalloc
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import lz4.block
import numpy as np
import pytest
import xxhash
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from support import oracle
from support.scans import SMALL, assert_same, columns_of, count, fill, probed, scan

from storeff import _native
from storeff.errors import StoreffError
from storeff.scan import reread, run
from storeff.scan.columns import Compressors
from storeff.scan.measurement import Measurement, merged
from storeff.scan.pace import Pace
from storeff.scan.partial import PartialScan
from storeff.scan.plan import Chunker, Plan, Probed, table
from storeff.scan.probe import Prober
from storeff.scan.sampling import SamplingDesign
from storeff.scan.sketch import Sketch
from storeff.sources.source import Found
from storeff.sources.tree import LocalTree
from storeff.testing import MemorySource

FULL = Plan(probed=table("full"))
CDC = ("cdc-64KiB", "zstd-3")
EVERY = 1 << 30


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("tree"))


@cache
def chunks_of(root: Path, chunker: Chunker) -> dict[tuple[int, int], bytes]:
    """The contents of all chunks but runs by the halves of their keys in a scan."""
    fixed = {c.max_bytes for c in FULL.chunkers if c.kind == "fixed"}
    found = {}
    for path in root.rglob("*"):
        content = path.read_bytes() if path.is_file() else b""
        for each in oracle.cut(content, chunker.min_bytes, chunker.max_bytes):
            chunk = content[each.offset : each.offset + each.length]
            key = (
                oracle.block_key(chunk, chunker.max_bytes, fixed)
                if chunker.kind == "fixed"
                else xxhash.xxh3_128_digest(chunk)
            )
            found[oracle.key_of(key)] = chunk
    return found


def compressed(chunk: bytes, name: str) -> int:
    """What the codec ``name`` leaves of ``chunk``."""
    if name == "lz4":
        return min(len(chunk), len(lz4.block.compress(chunk, store_size=False)))
    level = int(name.removeprefix("zstd-"))
    return min(len(chunk), len(zstandard.ZstdCompressor(level=level).compress(chunk)))


@pytest.mark.parametrize("chunker", FULL.chunkers[1:], ids=lambda c: c.name)
def test_the_first_chunks_by_rank_have_what_each_column_leaves_of_them(
    tree: Path, chunker: Chunker
) -> None:
    prober = Prober(LocalTree([tree]), FULL)
    columns = FULL.columns(chunker.name, False)
    wanted = {(chunker.name, column): 5 + 3 * i for i, column in enumerate(columns)}
    sketch = prober.distinct(scan([tree], FULL), wanted).sketches[chunker.name]
    contents = chunks_of(tree, chunker)
    keys = [(high, low) for high, low in sketch.keys.tolist()]
    for column, name in enumerate(columns):
        known = min(5 + 3 * column, len(keys))
        values = [compressed(contents[key], name) for key in keys[:known]]
        assert sketch.probed[:known, column].tolist() == values
        assert not sketch.probed[known:, column].any()
        ranks = sketch.ranks(FULL.seed)
        assert sketch.taus[column] == (ranks[known] if known < len(ranks) else sketch.tau)
    assert not prober.skipped


def test_a_large_block_is_made_of_the_blocks_of_whole_files(tmp_path: Path) -> None:
    """Whole files are chained over blocks of 128 KiB, which one of 256 KiB is then made of."""
    plan = Plan(
        chunkers=(Chunker("whole", "whole", 0, 0, 9), Chunker("b", "fixed", 1 << 18, 1 << 18, 9)),
        probed=(Probed("b", False, ("lz4",)),),
    )
    (tmp_path / "a").write_bytes(random.Random(1).randbytes(700_000))
    measured = probed(LocalTree([tmp_path]), plan)
    assert measured.sketches["b"].probed.tolist() == measured.sketches["b"].sizes[:, None].tolist()
    assert len(measured.sketches["b"].sizes) == 3


def test_more_is_probed_later_and_nothing_twice(tree: Path, compressed: list[str]) -> None:
    measured = scan([tree], Plan())
    prober = Prober(LocalTree([tree]), Plan())
    columns = [c for c in columns_of(Plan(), per_occurrence=False) if c[0] == "cdc-64KiB"]
    at_once = prober.distinct(measured, dict.fromkeys(columns, 30))
    compressed.clear()
    for chunks in (7, 30, 12):
        measured = prober.distinct(measured, dict.fromkeys(columns, chunks))
    assert_same(measured, at_once)
    assert sorted(compressed) == sorted(["lz4", "zstd-1", "zstd-3"] * 30)


def test_all_chunks_are_probed_if_more_are_wanted(tree: Path) -> None:
    for sketch in probed(LocalTree([tree]), Plan()).sketches.values():
        assert (sketch.taus == np.inf).all()
        assert (sketch.probed > 0).all()
        assert (sketch.probed <= sketch.sizes[:, None]).all()


def test_a_column_that_the_plan_does_not_have_is_refused(tree: Path) -> None:
    with pytest.raises(ValueError, match="zstd-3 of fixed-4KiB is not probed"):
        Prober(LocalTree([tree]), Plan()).distinct(
            scan([tree], Plan()), {("fixed-4KiB", "zstd-3"): 1}
        )


def test_only_what_was_probed_has_taken_time(tree: Path) -> None:
    prober = Prober(LocalTree([tree]), Plan())
    prober.distinct(scan([tree], Plan()), {CDC: 9, ("fixed-4KiB", "lz4"): 0})
    assert set(prober.cpu_seconds) == {("cdc-64KiB", False)}
    assert all(seconds > 0 for seconds in prober.cpu_seconds.values())


# ---- what is predicted ----


@pytest.mark.parametrize("chunker", FULL.chunkers[1:], ids=lambda c: c.name)
def test_what_codecs_leave_of_large_chunks_is_predicted(tree: Path, chunker: Chunker) -> None:
    contents = chunks_of(tree, chunker)
    sketch = scan([tree], FULL).sketches[chunker.name]
    assert FULL.predicts(chunker) == (chunker.max_bytes >= 64 << 10)
    for (high, low), predicted in zip(sketch.keys.tolist(), sketch.predicted.tolist(), strict=True):
        is_large = chunker.max_bytes >= 64 << 10
        expected = _native.predict(contents[high, low]) if is_large else (0, 0)
        assert tuple(predicted) == expected


def test_nothing_is_predicted_of_what_is_not_compressed(tree: Path) -> None:
    for sketch in scan([tree], Plan(probed=())).sketches.values():
        assert not sketch.predicted.any()


# ---- samples of extents ----


def sample(tree: Path, rate: float = 0.7) -> Measurement:
    listing = count(LocalTree([tree]), SamplingDesign(seed=3, extent_bytes=128 << 10))
    partial = PartialScan(listing, SMALL)
    partial.extend(rate)
    return partial.result()


def test_in_a_sample_every_row_of_a_chunk_has_its_value(tree: Path) -> None:
    measured = Prober(LocalTree([tree]), SMALL).distinct(sample(tree), {("cdc-8KiB", "lz4"): 6})
    sketch = measured.sketches["cdc-8KiB"]
    numbers = sketch.chunk_numbers()
    known = sketch.probed[:, sketch.columns.index("lz4")]
    assert len(numbers) > numbers.max()
    assert (known[numbers <= 6] > 0).all()
    assert not known[numbers > 6].any()
    for number in range(1, 7):
        assert len({*known[numbers == number].tolist()}) == 1
    assert sketch.taus[sketch.columns.index("lz4")] == sketch.ranks(1)[numbers == 7][0]


def test_in_a_sample_every_row_of_a_chunk_has_its_prediction(tree: Path) -> None:
    listing = count(LocalTree([tree]), SamplingDesign(seed=3, extent_bytes=128 << 10))
    partial = PartialScan(listing, Plan())
    partial.extend(0.9)
    found = partial.result().sketches["cdc-64KiB"]
    whole = scan([tree], Plan()).sketches["cdc-64KiB"]
    assert len(found.keys) > len(found.first_rows())
    by_key = dict(zip(map(tuple, whole.keys.tolist()), whole.predicted.tolist(), strict=True))
    assert found.predicted.tolist() == [by_key[tuple(key)] for key in found.keys.tolist()]


def test_the_sample_at_a_lower_rate_keeps_what_was_probed(tree: Path) -> None:
    prober, wanted = Prober(LocalTree([tree]), SMALL), {("cdc-8KiB", "lz4"): EVERY}
    less = prober.distinct(sample(tree, 0.7), wanted).within(0.4).sketches["cdc-8KiB"]
    column = less.columns.index("lz4")
    assert (less.probed[:, column] > 0).all()
    assert less.taus[column] == less.tau


# ---- merging ----


def limited(
    sketch: Sketch, taus: np.ndarray[tuple[int], np.dtype[np.float64]], seed: int
) -> Sketch:
    return sketch.with_probed(sketch.probed, np.minimum(sketch.taus, taus), seed)


@settings(max_examples=15)
@given(
    counts=st.lists(st.integers(0, 40), min_size=1, max_size=5),
    order=st.randoms(use_true_random=False),
    in_sample=st.booleans(),
)
def test_probed_shards_are_the_whole_as_far_as_all_are_probed(
    tree: Path, counts: list[int], order: random.Random, in_sample: bool
) -> None:
    source, wanted = LocalTree([tree]), columns_of(SMALL, per_occurrence=False)
    design = SamplingDesign(seed=3, extent_bytes=128 << 10)

    def measured(shard: run.Shard | None, chunks: int) -> Measurement:
        if in_sample:
            partial = PartialScan(count(source, design, shard), SMALL)
            partial.extend(0.7)
            found = partial.result()
        else:
            found = run.scan(source, SMALL, shard=shard)
        return Prober(source, SMALL).distinct(found, dict.fromkeys(wanted, chunks))

    parts = [measured((i, len(counts)), chunks) for i, chunks in enumerate(counts)]
    order.shuffle(parts)
    while len(parts) > 1:
        one, other = (parts.pop(order.randrange(len(parts))) for _ in range(2))
        parts.append(one.merge(other))
    whole = measured(None, EVERY)
    for name, sketch in parts[0].sketches.items():
        expected = limited(whole.sketches[name], sketch.taus, SMALL.seed)
        assert np.array_equal(sketch.probed, expected.probed)
        assert np.array_equal(sketch.taus, expected.taus)
        assert np.array_equal(sketch.keys, expected.keys)


def test_of_the_same_scan_the_one_that_knows_more_is_taken(tree: Path) -> None:
    less = scan([tree], SMALL)
    more = Prober(LocalTree([tree]), SMALL).distinct(less, {("cdc-8KiB", "lz4"): 5})
    for both in (less.merge(more), more.merge(less), merged([more, less, more])):
        assert_same(both, more)


# ---- what is not as it was scanned ----


def write(root: Path, names: str) -> None:
    for i, name in enumerate(names):
        (root / name).write_bytes(random.Random(i).randbytes(300_000))


@pytest.mark.parametrize("chunker", ["fixed-4KiB", "cdc-64KiB"])
def test_a_chunk_that_has_other_bytes_now_is_not_probed(tmp_path: Path, chunker: str) -> None:
    """Even if the file says that it was not written to."""
    write(tmp_path, "abc")
    plan = Plan(probed=(Probed(chunker, False, ("lz4",)),))
    source = LocalTree([tmp_path])
    measured = run.scan(source, plan)
    status = os.stat(tmp_path / "b")
    with open(tmp_path / "b", "r+b") as file:
        file.seek(100_000)
        file.write(b"other")
    os.utime(tmp_path / "b", ns=(status.st_atime_ns, status.st_mtime_ns))
    prober = Prober(source, plan)
    sketch = prober.distinct(measured, {(chunker, "lz4"): EVERY}).sketches[chunker]
    [skipped] = prober.skipped
    assert (skipped.reason, skipped.path) == ("changed", os.fsencode(tmp_path / "b"))
    assert sketch.sizes[sketch.probed[:, 0] == 0].tolist() == [skipped.size_bytes]
    assert sketch.taus.tolist() == [np.inf]


class Listed(LocalTree):
    """Lists what there was when it was made."""

    def __init__(self, root: Path) -> None:
        super().__init__([root])
        self.found = [*super().list()]

    def list(self) -> Iterator[Found]:
        yield from self.found


def test_a_file_that_is_gone_or_written_to_costs_its_chunks_only(tmp_path: Path) -> None:
    write(tmp_path, "abcd")
    source = Listed(tmp_path)
    measured = run.scan(source, Plan())
    (tmp_path / "a").unlink()
    (tmp_path / "b").write_bytes(b"x" * 300_000)
    os.truncate(tmp_path / "c", 100_000)
    prober = Prober(source, Plan())
    found = prober.distinct(measured, {("cdc-64KiB", "lz4"): EVERY, CDC: 3})
    sketch = found.sketches["cdc-64KiB"]
    known = sketch.probed[:, sketch.columns.index("lz4")] > 0
    assert {each.reason for each in prober.skipped} == {"vanished", "changed"}
    assert len(prober.skipped) == np.count_nonzero(~known)
    assert int(sketch.sizes[known].sum()) == 300_000


def test_an_object_that_is_no_longer_listed_is_skipped(tmp_path: Path) -> None:
    write(tmp_path, "ab")
    measured = scan([tmp_path], Plan())
    (tmp_path / "a").unlink()
    prober = Prober(LocalTree([tmp_path]), Plan())
    sketch = prober.distinct(measured, {CDC: EVERY}).sketches["cdc-64KiB"]
    assert {each.reason for each in prober.skipped} == {"vanished"}
    known = sketch.probed[:, sketch.columns.index("zstd-3")] > 0
    assert int(sketch.sizes[known].sum()) == 300_000


def test_chunks_of_sparse_files_are_read_between_holes(tmp_path: Path) -> None:
    with open(tmp_path / "sparse", "wb") as file:
        for i in range(4):
            # Small holes, which are data to a scan, and large ones.
            file.seek(3 * i << 20)
            file.write(random.Random(i).randbytes(200_000))
            file.seek(20_000, os.SEEK_CUR)
            file.write(b"y" * 50_000)
    prober = Prober(LocalTree([tmp_path]), FULL)
    found = prober.distinct(
        scan([tmp_path], FULL), dict.fromkeys(columns_of(FULL, per_occurrence=False), EVERY)
    )
    assert found.hole_bytes > 0
    assert not prober.skipped
    assert all((sketch.probed > 0).all() for sketch in found.sketches.values())


def test_a_source_without_descriptors_is_probed_alike(tree: Path) -> None:
    memory = MemorySource([os.fsencode(tree)])
    for path in tree.rglob("*"):
        if path.is_file():
            memory.put(os.fsencode(path.relative_to(tree)), path.read_bytes())
    ours, theirs = (probed(source, SMALL) for source in (memory, LocalTree([tree])))
    for name, sketch in ours.sketches.items():
        assert np.array_equal(sketch.probed, theirs.sketches[name].probed)


# ---- threads, pace, stop, memory ----


def test_threads_do_not_change_a_byte(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reread, "BATCH_BYTES", 100_000)
    one, four = (probed(LocalTree([tree]), FULL, 50, threads=threads) for threads in (1, 4))
    assert_same(one, four)


def test_all_threads_together_are_paced(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    measured = scan([tree], Plan())
    read: list[int] = []
    monkeypatch.setattr(Pace, "wait", lambda self, read_bytes: read.append(read_bytes))
    Prober(LocalTree([tree]), Plan(), threads=3).distinct(
        measured, {CDC: 20, ("cdc-64KiB", "lz4"): 30}
    )
    assert sum(read) == measured.sketches["cdc-64KiB"].sizes[:30].sum()


def test_a_stop_leaves_what_was_probed_without_a_gap(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    batches: list[int] = []

    def wait(self: Pace, read_bytes: int) -> None:
        batches.append(read_bytes)
        if len(batches) == 3:
            stop.set()

    measured = scan([tree], Plan())
    monkeypatch.setattr(reread, "WAVE", 8)
    monkeypatch.setattr(Pace, "wait", wait)
    prober = Prober(LocalTree([tree]), Plan(), stop=stop)
    sketch = prober.distinct(measured, {CDC: EVERY}).sketches["cdc-64KiB"]
    column = sketch.columns.index("zstd-3")
    known = int(np.count_nonzero(sketch.probed[:, column]))
    assert 8 <= known < len(sketch.keys)
    assert sketch.probed[:known, column].all()
    assert sketch.taus[column] == sketch.ranks(1)[known]
    # What is probed later goes on from there.
    again = Prober(LocalTree([tree]), Plan()).distinct(
        prober.distinct(measured, {CDC: EVERY}), {CDC: EVERY}
    )
    assert (again.sketches["cdc-64KiB"].probed[:, column] > 0).all()


def test_memory_is_that_of_a_batch(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(random.Random(1).randbytes(48 << 20))
    measured = scan([tmp_path], Plan())
    prober = Prober(LocalTree([tmp_path]), Plan())
    tracemalloc.start()
    try:
        prober.distinct(measured, dict.fromkeys([("cdc-64KiB", "lz4"), CDC], EVERY))
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 12 << 20


def test_a_file_that_was_listed_again_when_it_was_shorter(tmp_path: Path) -> None:
    write(tmp_path, "ab")
    measured = scan([tmp_path], Plan())
    (tmp_path / "a").write_bytes(b"x" * 1000)
    prober = Prober(LocalTree([tmp_path]), Plan())
    found = prober.distinct(measured, {CDC: EVERY, ("fixed-4KiB", "lz4"): EVERY})
    assert {each.reason for each in prober.skipped} == {"changed"}
    sketch = found.sketches["fixed-4KiB"]
    known = sketch.probed[:, sketch.columns.index("lz4")] > 0
    assert int(sketch.sizes[known].sum()) == 300_000


class NoThreads(ThreadPoolExecutor):
    """A system that gives one thread, and no more; or none."""

    given = 1

    def submit(self, *work: Any, **how: Any) -> Future[Any]:
        if type(self).given < 1:
            raise RuntimeError("can't start new thread")
        type(self).given -= 1
        return super().submit(*work, **how)


@pytest.mark.parametrize("given", [0, 1])
def test_the_threads_that_there_are_do_the_work(
    tree: Path, monkeypatch: pytest.MonkeyPatch, given: int
) -> None:
    measured = scan([tree], Plan())
    monkeypatch.setattr(NoThreads, "given", given)
    monkeypatch.setattr(reread, "ThreadPoolExecutor", NoThreads)
    found = Prober(LocalTree([tree]), Plan(), threads=4).distinct(measured, {CDC: EVERY})
    assert NoThreads.given == 0
    assert_same(found, Prober(LocalTree([tree]), Plan()).distinct(measured, {CDC: EVERY}))


@pytest.mark.parametrize("threads", [1, 3])
def test_no_memory_is_said(tree: Path, monkeypatch: pytest.MonkeyPatch, threads: int) -> None:
    def short(self: Compressors, name: str, blocks: list[memoryview]) -> list[int]:
        raise MemoryError

    measured = scan([tree], Plan())
    monkeypatch.setattr(Compressors, "sizes", short)
    with pytest.raises(StoreffError, match="not enough memory to compress samples"):
        Prober(LocalTree([tree]), Plan(), threads=threads).distinct(measured, {CDC: EVERY})
