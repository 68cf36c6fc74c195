"""Threads share the walk and large files, and change nothing by it."""

import json
import os
import random
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.scans import (
    SMALL,
    assert_same,
    assert_same_sketch,
    blocks,
    fill,
    listed,
    new_worker,
    scan,
)

import storeff
from storeff.errors import StoreffError
from storeff.scan import job, machine, run, worker
from storeff.scan.pace import Pace
from storeff.scan.part import PartedFile
from storeff.scan.plan import Plan
from storeff.sources.tree import LocalTree


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("tree"))


@pytest.mark.parametrize("plan", [Plan(), SMALL], ids=["exact", "sampled"])
def test_threads_do_not_change_a_bit(tree: Path, plan: Plan) -> None:
    one = scan([tree], plan, threads=1)
    assert one.sketches["cdc-8KiB"].exact == (plan is not SMALL)
    assert_same(one, scan([tree], plan, threads=4))


def in_parts(plan: Plan) -> Plan:
    return msgspec.structs.replace(plan, part_bytes=1 << 20)


def fill_large(root: Path) -> list[bytes]:
    """Files of several MiB, two of them alike, one with holes across the ends of parts."""
    source = random.Random(8)
    first, second = source.randbytes(3_500_000), source.randbytes(2 << 20)
    (root / "a").write_bytes(first)
    (root / "b").write_bytes(first)
    (root / "c").write_bytes(second)
    with open(root / "sparse", "wb") as file:
        file.write(second[:200_000])
        file.seek(2_500_000)
        file.write(second[200_000:300_000])
        file.truncate(5 << 20)
    return [first, second]


def test_threads_do_not_change_a_bit_of_parts(tmp_path: Path) -> None:
    fill_large(tmp_path)
    one = scan([tmp_path], in_parts(Plan()))
    assert_same(one, scan([tmp_path], in_parts(Plan()), threads=4))
    assert one.census.files == 4
    assert not one.census.skipped
    assert one.read_bytes + one.hole_bytes == one.census.size_bytes


def test_fixed_blocks_and_whole_files_know_nothing_of_parts(tmp_path: Path) -> None:
    fill_large(tmp_path)
    whole, parts = scan([tmp_path], Plan()), scan([tmp_path], in_parts(Plan()))
    for name, sketch in whole.sketches.items():
        if name.startswith("fixed"):
            assert_same_sketch(sketch, parts.sketches[name])
    for measured in (whole, parts):
        sketch = measured.sketches["whole-file"]
        assert sorted(sketch.sizes.tolist()) == sorted([3_500_000, 2 << 20, sketch.sizes.min()])
        assert sketch.counts[sketch.sizes == 3_500_000] == 2


def test_a_part_is_cut_as_if_it_were_a_file(tmp_path: Path) -> None:
    first, second = fill_large(tmp_path)
    (tmp_path / "sparse").unlink()
    (tmp_path / "pieces").mkdir()
    for name, content in (("a", first), ("b", first), ("c", second)):
        for i, part in enumerate(blocks(content, 1 << 20)):
            (tmp_path / "pieces" / f"{name}{i}").write_bytes(part)
    parts = scan([tmp_path], in_parts(Plan()), exclude=["pieces/"])
    apart = scan([tmp_path / "pieces"], Plan())
    for name in ("cdc-8KiB", "cdc-64KiB"):
        assert_same_sketch(parts.sketches[name], apart.sketches[name], in_same_places=False)


def test_a_large_file_that_cannot_be_opened_is_one_skipped_file(tmp_path: Path) -> None:
    fill_large(tmp_path)
    (entry,) = [p for p in listed(tmp_path) if p.path == b"a"]
    (tmp_path / "a").unlink()
    file = PartedFile(LocalTree([tmp_path]), entry, 1 << 20)
    one = new_worker(tmp_path, in_parts(SMALL))
    for parts, _ in file.stretches(threading.Event()):
        one.measure_stretch(file, parts)
    census = one.measured().census
    assert (census.files, census.skipped["vanished"].entries) == (1, 1)
    assert census.skipped["vanished"].size_bytes == 3_500_000


def workers_made(monkeypatch: pytest.MonkeyPatch) -> list[worker.Worker]:
    """All the workers that are made from now on."""
    made: list[worker.Worker] = []
    init = worker.Worker.__init__

    def counted(self: worker.Worker, *args: Any) -> None:
        made.append(self)
        init(self, *args)

    monkeypatch.setattr(worker.Worker, "__init__", counted)
    return made


def test_a_small_scan_has_one_worker_whatever_the_threads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = workers_made(monkeypatch)
    (tmp_path / "file").write_bytes(b"text" * 50_000)
    scan([tmp_path], Plan(), threads=64)
    assert len(made) == 1
    scan([tmp_path / "file"], Plan(), threads=64, exclude=["*"])
    assert len(made) == 2


def test_workers_are_no_more_than_there_is_work_for(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = workers_made(monkeypatch)
    monkeypatch.setattr(run, "BATCH_FILES", 1)
    monkeypatch.setattr(run, "THREAD_BYTES", 1 << 20)
    measured = scan([tree], SMALL, threads=64)
    work_bytes = measured.census.size_bytes + measured.census.files * run.FILE_BYTES
    assert 1 < len(made) <= 1 + work_bytes / run.THREAD_BYTES
    assert_same(measured, scan([tree], SMALL, threads=1))


def test_workers_are_no_more_than_memory_allows(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = workers_made(monkeypatch)
    monkeypatch.setattr(run, "BATCH_FILES", 1)
    monkeypatch.setattr(run, "THREAD_BYTES", 1)
    free_bytes = 6 * job.worker_bytes(SMALL)
    monkeypatch.setattr(machine, "available_bytes", lambda root: free_bytes)
    measured = scan([tree], SMALL, threads=64)
    assert 1 <= len(made) <= 3
    assert_same(measured, scan([tree], SMALL, threads=1))


def test_a_system_that_starts_no_further_thread_has_the_others_do_the_work(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = scan([tree], SMALL)
    monkeypatch.setattr(run, "BATCH_FILES", 1)
    monkeypatch.setattr(run, "THREAD_BYTES", 1)
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def limited(self: threading.Thread) -> None:
        if len(started) == 2:
            raise RuntimeError("can't start new thread")
        started.append(self)
        start(self)

    monkeypatch.setattr(threading.Thread, "start", limited)
    assert_same(whole, scan([tree], SMALL, threads=8))
    assert len(started) == 2
    with pytest.raises(StoreffError, match="no more threads"):
        scan([tree], SMALL, threads=8)


def test_memory_that_runs_out_is_one_clear_error(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(self: worker.Worker, task: object) -> None:
        raise MemoryError

    monkeypatch.setattr(worker.Worker, "measure", exhausted)
    with pytest.raises(StoreffError, match="not enough memory"):
        scan([tree], SMALL, threads=2)


def test_a_worker_that_has_measured_much_has_all_the_memory_that_it_will_need(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = scan([tree], SMALL)
    monkeypatch.setattr(run, "RESERVE_BYTES", 1000)
    assert_same(whole, scan([tree], SMALL))


def test_one_small_file_takes_as_much_memory_with_64_threads_as_with_2(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(random.Random(1).randbytes(200_000))
    peaks = []
    for threads in ("2", "64"):
        done = subprocess.run(
            [
                sys.executable,
                "-P",
                "-m",
                "storeff",
                "scan",
                "-q",
                "--json",
                "--threads",
                threads,
                ".",
            ],
            cwd=tmp_path,
            env=os.environ | {"PYTHONPATH": str(Path(storeff.__file__).parents[1])},
            capture_output=True,
            check=True,
        )
        peaks.append(json.loads(done.stdout)["run"]["peak_rss_bytes"])
    assert peaks[1] < 1.1 * peaks[0]


def test_parts_must_hold_whole_blocks() -> None:
    with pytest.raises(ValueError, match="fixed-128KiB"):
        Plan(part_bytes=(1 << 20) + 65536)


def test_a_pace_is_kept_by_all_readers_together(tmp_path: Path) -> None:
    pace = Pace(1e6, threading.Event())
    started = time.monotonic()
    readers = [threading.Thread(target=pace.wait, args=(100_000,)) for _ in range(3)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert time.monotonic() - started >= 0.3


def test_a_stop_ends_the_wait_of_a_pace() -> None:
    stop = threading.Event()
    stop.set()
    Pace(1, stop).wait(10**9)


def test_a_bug_in_a_worker_reaches_the_caller(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: worker.Worker, entries: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(worker.Worker, "measure", broken)
    with pytest.raises(ZeroDivisionError):
        scan([tree] * 1, Plan(), threads=2)
