"""A scan counts every byte once, whatever the threads, the order, holes, links or failures."""

import json
import os
import random
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import lz4.block
import numpy as np
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scans import SMALL, assert_same, blocks, fill, listed, new_worker, probed, scan

from storeff.errors import StoreffError
from storeff.estimate.reduction import reduce
from storeff.scan import worker
from storeff.scan.extent import Extents
from storeff.scan.measurement import entropy_bits_per_byte
from storeff.scan.pace import Pace
from storeff.scan.plan import CUTTINGS, Chunker, Plan, Probed, table
from storeff.scan.run import Progress
from storeff.sources.tree import LocalTree


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("tree"))


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
    reduction = reduce(probed(LocalTree([tree]), Plan(probed=table("full"))))
    alone = {
        c.codec: c.compressed_bytes.value
        for c in reduction.compression
        if (c.block_bytes, c.allocation_bytes) == (65536, 1)
    }
    combined = {
        c.codec: c.physical_bytes.value for c in reduction.combined if c.chunker == "fixed-64KiB"
    }
    assert {codec: alone[codec] for codec in stored} == stored
    assert combined["lz4"] == sum(sizes[0] for sizes in unique.values())
    assert combined["zstd-1"] == sum(sizes[1] for sizes in unique.values())


def test_a_report_says_exact_only_if_every_figure_is(tree: Path) -> None:
    plan = Plan(
        chunkers=(
            Chunker("fixed-128KiB", "fixed", 128 << 10, 128 << 10, 4096),
            Chunker("cdc-64KiB", "content-defined", 48 << 10, 80 << 10, 4096),
        ),
        probed=(
            Probed("fixed-128KiB", False, ("zstd-3",)),
            Probed("cdc-64KiB", False, ("zstd-3",)),
            Probed("fixed-128KiB", True, ("zstd-3",)),
        ),
    )
    source = LocalTree([tree])
    assert reduce(probed(source, plan)).method.estimator == "exact count"
    sampled = reduce(probed(source, plan, chunks=4))
    assert sampled.method.estimator != "exact count"
    assert sampled.dedup[1].unique_bytes.low == sampled.dedup[1].unique_bytes.high
    assert sampled.headline.ratio.low != sampled.headline.ratio.high


def test_whole_file_dedup_counts_equal_files_once(tree: Path) -> None:
    contents = {p.read_bytes() for p in tree.rglob("*") if p.is_file()}
    whole = next(d for d in reduce(scan([tree], Plan())).dedup if d.chunker == "whole-file")
    assert whole.unique_bytes.value == sum(map(len, contents))


@settings(max_examples=8)
@given(st.permutations(range(5)), st.integers(1, 4))
def test_merging_parts_is_scanning_the_whole(tree: Path, order: list[int], cut: int) -> None:
    parts = [scan([tree / f"d{i}"], SMALL) for i in order]
    left, right = parts[0], parts[-1]
    for part in parts[1:cut]:
        left = left.merge(part)
    for part in reversed(parts[cut:-1]):
        right = part.merge(right)
    merged = left.merge(right) if cut < 5 else left
    assert_same(merged, scan([tree / f"d{i}" for i in range(5)], SMALL), in_same_places=False)


@settings(max_examples=8)
@given(st.lists(st.integers(0, 4), min_size=1, max_size=9))
def test_a_scan_merged_again_counts_once(tree: Path, order: list[int]) -> None:
    merged = scan([tree / f"d{order[0]}"], SMALL)
    for i in order[1:]:
        merged = merged.merge(scan([tree / f"d{i}"], SMALL))
    whole = scan([tree / f"d{i}" for i in sorted(set(order))], SMALL)
    assert_same(merged, whole, in_same_places=False)


def test_scans_that_overlap_in_part_do_not_merge(tree: Path) -> None:
    a, b, c = (scan([tree / f"d{i}"], SMALL) for i in range(3))
    with pytest.raises(ValueError, match="in both"):
        a.merge(b).merge(b.merge(c))


def test_a_changed_tree_is_another_scan(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x" * 5000)
    before = scan([tmp_path], SMALL)
    (tmp_path / "file").write_bytes(b"y" * 5000)
    assert before.tasks != scan([tmp_path], SMALL).tasks
    assert before.tasks.isdisjoint(scan([tmp_path], Plan()).tasks)


def test_measurements_under_different_plans_do_not_merge(tree: Path) -> None:
    a = scan([tree / "d0"], Plan(seed=1))
    b = scan([tree / "d0"], Plan(seed=2))
    with pytest.raises(ValueError, match="differ"):
        a.merge(b)


def test_every_chunker_covers_every_byte(tree: Path) -> None:
    measured = scan([tree], Plan())
    for chunker in CUTTINGS:
        assert measured.sketches[chunker.name].bytes == measured.read_bytes
    assert int(measured.histogram.sum()) == measured.read_bytes
    assert int(measured.class_bytes.sum()) == measured.read_bytes


def test_a_hard_link_is_read_once_and_reported_apart(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(os.urandom(10_000))
    os.link(tmp_path / "a", tmp_path / "b")
    measured = scan([tmp_path], Plan())
    assert measured.read_bytes == 10_000
    assert measured.census.ignored["hard-link"].size_bytes == 10_000


def test_a_hole_is_neither_read_nor_data(tmp_path: Path) -> None:
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(1 << 40)
        file.seek(1 << 39)
        file.write(b"island" * 1000)
    measured = scan([tmp_path], Plan())
    assert measured.hole_bytes + measured.read_bytes == 1 << 40
    assert measured.read_bytes < 1 << 20
    assert measured.coverage == 1
    assert not measured.census.skipped


def test_a_file_of_nothing_but_hole_is_zero(tmp_path: Path) -> None:
    with open(tmp_path / "hole", "wb") as file:
        file.truncate(1 << 30)
    measured = scan([tmp_path], Plan())
    assert (measured.read_bytes, measured.hole_bytes) == (0, 1 << 30)
    assert measured.census.classes["zero"].size_bytes == 1 << 30


FAULTY = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

ssize_t preadv64v2(int fd, const struct iovec *space, int count, off_t offset, int flags)
{
    char link[64], path[4096] = "";
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    if (readlink(link, path, sizeof path - 1) > 0 && strstr(path, "/bad") && offset >= 1 << 20) {
        errno = EIO;
        return -1;
    }
    ssize_t (*real)(int, const struct iovec *, int, off_t, int) = dlsym(RTLD_NEXT, "preadv64v2");
    return real(fd, space, count, offset, flags);
}
"""


def test_an_unreadable_byte_costs_the_rest_of_its_file_only(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    content = random.Random(3).randbytes(3 << 20)
    (data / "bad").write_bytes(content)
    (data / "good").write_bytes(content)
    (tmp_path / "faulty.c").write_text(FAULTY)
    command = ["cc", "-shared", "-fPIC", "faulty.c", "-o", "faulty.so", "-ldl"]
    subprocess.run(command, cwd=tmp_path, check=True)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "storeff", "scan", str(data), "--json", "-q"],
        env=os.environ | {"LD_PRELOAD": str(tmp_path / "faulty.so")},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 3
    report = json.loads(done.stdout)
    (skipped,) = report["scan"]["skipped"]
    assert (skipped["reason"], skipped["files"], skipped["bytes"]) == ("io-error", 1, 2 << 20)
    assert report["scan"]["read_bytes"] == 4 << 20
    whole = next(d for d in report["reduction"]["dedup"] if d["chunker"] == "whole-file")
    assert whole["unique_bytes"]["value"] == 4 << 20


def between_reads(monkeypatch: pytest.MonkeyPatch, act: Callable[[], object]) -> None:
    """Do ``act`` after each MiB that is read of a large file."""
    monkeypatch.setattr(worker, "CALL_BYTES", 1 << 20)
    monkeypatch.setattr(Pace, "wait", lambda self, read_bytes: act())


def test_a_file_that_shrinks_is_reported_with_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "log"
    path.write_bytes(b"x" * 3_000_000)
    between_reads(monkeypatch, lambda: os.truncate(path, 1_500_000))
    measured = scan([tmp_path], Plan())
    assert measured.read_bytes == 1_500_000
    assert measured.census.skipped["changed"].size_bytes == 1_500_000
    assert {s.bytes for s in measured.sketches.values()} == {1_500_000}


def test_a_file_rewritten_while_it_is_read_is_reported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "db"
    path.write_bytes(b"x" * 3_000_000)
    between_reads(monkeypatch, lambda: os.utime(path, (1, 1)))
    measured = scan([tmp_path], Plan())
    assert measured.census.skipped["changed"].entries == 1
    assert measured.read_bytes == 3_000_000


def test_a_stop_keeps_what_was_read_and_counts_the_rest(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    between_reads(monkeypatch, stop.set)
    measured = scan([tree], Plan(), stop=stop)
    left_out = measured.census.skipped["interrupted"]
    assert 0 < measured.read_bytes < measured.census.size_bytes
    assert left_out.size_bytes == measured.census.size_bytes - measured.read_bytes
    assert {s.bytes for s in measured.sketches.values()} == {measured.read_bytes}


def test_small_files_that_changed_since_they_were_listed(tmp_path: Path) -> None:
    for name in ("kept", "shrunk", "replaced", "gone"):
        (tmp_path / name).write_bytes(b"text " * 100)
    entries = listed(tmp_path)
    os.truncate(tmp_path / "shrunk", 200)
    (tmp_path / "gone").rename(tmp_path / "replaced")
    one = new_worker(tmp_path, SMALL)
    one.measure(Extents.whole(entries))
    measured = one.measured()
    assert measured.census.skipped["changed"].size_bytes == 300 + 500
    assert measured.census.skipped["vanished"].size_bytes == 500
    assert measured.census.classes["text"].files == 2
    assert (measured.census.files, measured.read_bytes) == (4, 700)
    assert {s.bytes for s in measured.sketches.values()} == {700}


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
