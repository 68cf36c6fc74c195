"""A scan that is killed at any moment is resumed, and gives the report of one that was not."""

import os
import random
import signal
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from support.cli import started, storeff
from support.reports import timeless
from support.scans import SMALL, fill

from storeff.analysis import Sampling, measure, reduce
from storeff.errors import StoreffError, UsageError
from storeff.parts import read_part
from storeff.scan import checkpoint, tasks
from storeff.scan.divided import DividedScan
from storeff.scan.measurement import Measurement
from storeff.scan.run import Progress, scan
from storeff.scan.tasks import Task
from storeff.sources.tree import LocalTree


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = fill(tmp_path_factory.mktemp("tree") / "data", files=120)
    for i in range(12):
        (root / f"noise{i}").write_bytes(random.Random(i).randbytes(700_000))
    (root / "link").symlink_to("noise1")
    (root / "again").hardlink_to(root / "noise2")
    with open(root / "sparse", "wb") as file:
        file.write(b"x" * 300_000)
        file.truncate(9 << 20)
    return root


def same(one: Measurement, other: Measurement) -> bool:
    from dataclasses import replace

    bare = [replace(each, cpu_seconds=0.0, tasks=frozenset()).to_bytes() for each in (one, other)]
    return bare[0] == bare[1]


def test_a_divided_scan_is_the_scan(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = LocalTree([tree, tree / "d1"])
    whole = scan(source, SMALL)
    assert same(DividedScan()(source, SMALL), whole)
    # As if the listing were too large to be held.
    monkeypatch.setattr(tasks, "HELD_BYTES", 1)
    monkeypatch.setattr(tasks, "ROWS_TOGETHER", 10)
    assert same(DividedScan()(source, SMALL, threads=2), whole)


def test_a_scan_of_nothing_can_be_divided(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    source = LocalTree([tmp_path])
    assert same(DividedScan()(source, SMALL), scan(source, SMALL))


def test_what_is_done_is_not_measured_again(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "SECONDS", 0.0)
    monkeypatch.setattr(checkpoint, "TIMES", 0.0)
    done: list[Any] = []
    measured = Task.measure

    def failing(task: Task, *words: Any) -> Measurement:
        if len(done) == 5:
            raise KeyboardInterrupt
        done.append(task.shard)
        return measured(task, *words)

    monkeypatch.setattr(Task, "measure", failing)
    with pytest.raises(KeyboardInterrupt):
        measure([tree], checkpoint=tmp_path)
    part = read_part(tmp_path / checkpoint.NAME)
    assert {*part.shards} == {*done}
    assert part.divided == tasks.KEPT_LEAST

    def noted(task: Task, *words: Any) -> Measurement:
        done.append(task.shard)
        return measured(task, *words)

    monkeypatch.setattr(Task, "measure", noted)
    found = measure([tree], checkpoint=tmp_path, resume=True)
    assert len({*done}) == len(done)
    whole = measure([tree])
    assert reduce(found).reduction == reduce(whole).reduction
    assert found.scan.files == whole.scan.files


def test_a_scan_that_is_killed_again_and_again_gives_the_report_of_one_that_was_not(
    tree: Path, tmp_path: Path
) -> None:
    storeff("scan", tree, "-q", "-o", tmp_path / "whole")
    words = ("scan", tree, "-q", "--checkpoint", tmp_path / "state", "--resume")
    slow = ("--read-rate", "20MB", "--threads", "1")
    often = "from storeff.scan import checkpoint; checkpoint.SECONDS = checkpoint.TIMES = 0.0"
    start = "from storeff.__main__ import main; main()"
    command = (sys.executable, "-P", "-c", f"{often}\n{start}")
    choose, reached = random.Random(1), list[int]()
    state = tmp_path / "state" / checkpoint.NAME
    for number in range(4):
        with started(*words, *slow, command=command, start_new_session=True) as process:
            # It may be starting, listing, measuring, writing the checkpoint, or at the end of it.
            for _ in range(600):
                if number < 2 or state.exists() or process.poll() is not None:
                    break
                time.sleep(0.1)
            time.sleep(choose.random())
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
        reached.append(len(read_part(state).shards) if state.exists() else 0)
    assert max(reached) > 0
    assert reached == sorted(reached)
    (tmp_path / "state" / ".storeff-0123456789abcdef").write_bytes(b"half written")
    done = storeff(*words, "-o", tmp_path / "resumed")
    assert done.returncode == 0, done.stderr
    assert timeless(tmp_path / "resumed") == timeless(tmp_path / "whole")
    assert [path.name for path in (tmp_path / "state").iterdir()] == [checkpoint.NAME]


def test_an_interrupt_keeps_what_is_done_and_reports_it(tree: Path, tmp_path: Path) -> None:
    stop = threading.Event()

    def show(progress: Progress) -> None:
        if progress.done_bytes > 4 << 20:
            stop.set()

    cut = measure([tree], checkpoint=tmp_path, threads=1, stop=stop, on_progress=show)
    whole = measure([tree])
    assert cut.scan.interrupted == "reading"
    assert (cut.scan.files, cut.scan.logical_bytes) == (whole.scan.files, whole.scan.logical_bytes)
    assert cut.scan.file_sizes == whole.scan.file_sizes
    assert 0 < cut.data.read_bytes < whole.data.read_bytes
    [skipped] = cut.scan.skipped
    assert skipped.reason == "interrupted"
    kept = read_part(tmp_path / checkpoint.NAME)
    assert 0 < kept.measurement.read_bytes <= cut.data.read_bytes
    found = measure([tree], checkpoint=tmp_path, resume=True)
    assert reduce(found).reduction == reduce(whole).reduction


def test_what_has_come_since_its_task_was_done_is_said_to_have_changed(tmp_path: Path) -> None:
    root = fill(tmp_path / "data")
    measure([root], checkpoint=tmp_path / "state")
    found = measure([root], checkpoint=tmp_path / "state", resume=True)
    assert found.scan.coverage == 1.0
    (root / "late").write_bytes(b"late" * 10_000)
    found = measure([root], checkpoint=tmp_path / "state", resume=True)
    assert [(row.reason, row.bytes) for row in found.scan.skipped] == [("changed", 40_000)]
    assert found.scan.interrupted is None


# ---- what cannot be resumed ----


def test_a_checkpoint_is_not_overwritten_unasked(tree: Path, tmp_path: Path) -> None:
    measure([tree], checkpoint=tmp_path)
    with pytest.raises(UsageError, match="holds a checkpoint"):
        measure([tree], checkpoint=tmp_path)


def test_a_checkpoint_among_what_is_read_is_refused(tree: Path) -> None:
    done = storeff("scan", tree, "--checkpoint", tree / "state")
    assert done.returncode == 1
    assert f"{tree}, all of which is read" in done.stderr
    assert not (tree / "state").exists()


@pytest.mark.parametrize(
    ("other", "what"),
    [
        ({"seed": 2}, "its plan is not that of this scan"),
        ({"precision": 0.02}, "its plan"),
        ({"exclude": ["x"]}, "its source"),
        ({"sources": "d1"}, "its source"),
    ],
)
def test_a_checkpoint_of_another_scan_is_refused(
    tree: Path, tmp_path: Path, other: dict[str, Any], what: str
) -> None:
    measure([tree], checkpoint=tmp_path)
    sources = [tree / other.pop("sources", "")]
    with pytest.raises(StoreffError, match=what):
        measure(sources, checkpoint=tmp_path, resume=True, **other)


def test_a_spoilt_checkpoint_is_refused(tree: Path, tmp_path: Path) -> None:
    (tmp_path / checkpoint.NAME).write_bytes(b"storeff scanpart" + bytes(100))
    with pytest.raises(StoreffError, match="format 0"):
        measure([tree], checkpoint=tmp_path, resume=True)


def test_two_scans_do_not_share_a_checkpoint(tree: Path, tmp_path: Path) -> None:
    source = LocalTree([tree])
    with (
        checkpoint.kept_in(tmp_path, tree_of(source), SMALL, resume=False),
        pytest.raises(StoreffError, match="another scan keeps its checkpoint"),
        checkpoint.kept_in(tmp_path, tree_of(source), SMALL, resume=True),
    ):
        raise AssertionError("both have it")


def tree_of(source: LocalTree) -> Any:
    from storeff.scan.scan_part import Tree

    return Tree.of([b"tree"], source, {})


def test_there_is_nothing_to_resume_without_a_checkpoint(tree: Path) -> None:
    with pytest.raises(UsageError, match="nothing to resume without a checkpoint"):
        measure([tree], resume=True)


def test_a_sample_is_kept_in_no_checkpoint(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a sample is not kept in a checkpoint"):
        measure([tree], checkpoint=tmp_path, sampling=Sampling(share=0.5))


def test_a_checkpoint_is_no_part_to_be_merged(tree: Path, tmp_path: Path) -> None:
    measure([tree], checkpoint=tmp_path / "state")
    done = storeff("merge", tmp_path / "state" / checkpoint.NAME)
    assert done.returncode == 1
    assert "is of a checkpoint, and only counts" in done.stderr
    assert "resume the scan that made it" in done.stderr
