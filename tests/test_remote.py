"""Tasks on executors: whatever happens to a worker, each object is measured once, or named."""

import random
import signal
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from support.cli import storeff
from support.cluster import (
    PATIENCE_SECONDS,
    MarkedTree,
    PoisonedTree,
    cluster,
    needs_dask,
    threads,
)
from support.reports import timeless
from support.scans import SMALL, fill, same

from storeff.analysis import measure
from storeff.errors import StoreffError
from storeff.scan import dask_workers, remote, tasks
from storeff.scan.checkpoint import kept_in
from storeff.scan.divided import DividedScan
from storeff.scan.executor import workers_of
from storeff.scan.measurement import Measurement, merged
from storeff.scan.run import Progress, scan
from storeff.scan.scan_part import Tree
from storeff.scan.tasks import Done, Task, measured
from storeff.sources.tree import LocalTree

# For each that can run.
TASKS = 16


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So small that what they read fits one call."""
    monkeypatch.setattr(tasks, "LEAST_BYTES", 1 << 16)
    monkeypatch.setattr(tasks, "TASKS_PER_SLOT", TASKS)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = fill(tmp_path_factory.mktemp("tree") / "data", files=100)
    (root / "large").write_bytes(random.Random(9).randbytes(3 << 20))
    return root


@pytest.fixture(scope="module")
def whole(tree: Path) -> Measurement:
    return scan(LocalTree([tree]), SMALL)


def made_here() -> ThreadPoolExecutor:
    """What module:factory names."""
    return ThreadPoolExecutor(2)


def no_executor() -> str:
    return "none"


# ---- any executor ----


def test_tasks_on_an_executor_are_the_scan(tree: Path, whole: Measurement) -> None:
    assert same(DividedScan(threads())(LocalTree([tree]), SMALL), whole)


def test_an_executor_of_ones_own_is_named_by_its_module(tree: Path, whole: Measurement) -> None:
    workers = workers_of(f"{__name__}:made_here")
    assert same(DividedScan(workers)(LocalTree([tree]), SMALL), whole)


def test_few_tasks_are_in_flight_at_a_time(
    tree: Path, whole: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    waiting, most = [0], [0]

    class Counting(ThreadPoolExecutor):
        def submit(self, function: Any, *words: Any) -> Any:  # type: ignore[override]
            waiting[0] += 1
            most[0] = max(most[0], waiting[0])
            future = super().submit(function, *words)
            future.add_done_callback(lambda _: waiting.__setitem__(0, waiting[0] - 1))
            return future

    # None is so slow that it is handed out again.
    monkeypatch.setattr(remote, "SLOW_KNOWN", 1000)
    workers = replace(threads(), open=lambda: Counting(1), slots=lambda executor: 1)
    assert same(DividedScan(workers)(LocalTree([tree]), SMALL), whole)
    assert most[0] == remote.IN_FLIGHT_PER_SLOT


def flaky(failures: Callable[[Task, int], None]) -> Callable[[Task], Done]:
    """``measured``, but ``failures`` may raise or wait, told of how often a task has come."""
    seen: dict[Any, int] = {}
    lock = threading.Lock()

    def run(task: Task) -> Done:
        with lock:
            seen[task.shard] = seen.get(task.shard, 0) + 1
            times = seen[task.shard]
        failures(task, times)
        return measured(task)

    return run


def test_a_task_that_raises_is_tried_again(
    tree: Path, whole: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    def once(task: Task, times: int) -> None:
        if times < remote.TRIES:
            raise ConnectionError("for now")

    monkeypatch.setattr(remote, "measured", flaky(once))
    assert same(DividedScan(threads())(LocalTree([tree]), SMALL), whole)


def test_a_task_that_hangs_is_handed_out_again(
    tree: Path, whole: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, hung = threading.Event(), list[Any]()

    def slow(task: Task, times: int) -> None:
        if not hung:
            hung.append(task.shard)
            assert released.wait(120)
        elif task.shard == hung[0]:
            hung.append(task.shard)
            released.set()

    monkeypatch.setattr(remote, "measured", flaky(slow))
    assert same(DividedScan(threads())(LocalTree([tree]), SMALL), whole)
    assert len(hung) == 2


def test_what_was_handed_out_twice_and_lost_twice_ends_nothing_else(
    tree: Path, whole: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two tasks are handed out again at the end: the executor breaks with both tries of the first,
    and then with those of the other."""
    tries: dict[Any, list[Future[Any]]] = {}

    class Breaking(Executor):
        def submit(self, function: Any, *words: Any) -> Any:  # type: ignore[override]
            future: Future[Any] = Future()
            [task] = words
            if len(tries) < 2 or (task.shard in tries and len(tries[task.shard]) < 2):
                tries.setdefault(task.shard, []).append(future)
            else:
                future.set_result(function(task))
            return future

    def show(progress: Progress) -> None:
        pending = [each for each in tries.values() if not each[0].done()]
        if pending and len(pending[-1]) == 2:
            for future in pending[0]:
                future.set_exception(BrokenExecutor("all are gone"))

    monkeypatch.setattr(remote, "SLOW_TIMES", 0.0)
    workers = replace(threads(), open=Breaking, slots=lambda executor: 3)
    assert same(DividedScan(workers)(LocalTree([tree]), SMALL, on_progress=show), whole)
    assert [len(each) for each in tries.values()] == [2, 2]


def test_where_no_task_succeeds_the_error_is_said(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(task: Task, times: int) -> None:
        raise ModuleNotFoundError("No module named 'storeff'")

    monkeypatch.setattr(remote, "measured", flaky(never))
    with pytest.raises(StoreffError, match="no task succeeds on threads: ModuleNotFoundError"):
        DividedScan(threads())(LocalTree([tree]), SMALL)


def test_a_stop_finishes_what_is_in_flight(tree: Path, whole: Measurement) -> None:
    stop = threading.Event()

    def show(progress: Progress) -> None:
        if progress.done_files:
            stop.set()

    found = DividedScan(threads())(LocalTree([tree]), SMALL, stop=stop, on_progress=show)
    assert 0 < found.read_bytes < whole.read_bytes
    assert found.census.files == whole.census.files
    assert found.census.skipped.keys() == {"interrupted"}


def test_what_all_may_read_together_is_shared_among_the_tasks_in_flight(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rates = set()

    def noted(task: Task, times: int) -> None:
        assert task.bytes_per_second is not None
        rates.add(task.bytes_per_second / task.together)

    monkeypatch.setattr(remote, "measured", flaky(noted))
    DividedScan(threads(3))(LocalTree([tree]), SMALL, bytes_per_second=3e12)
    assert rates == {1e12}


# ---- processes ----


def test_processes_give_the_report_of_one(tree: Path, tmp_path: Path) -> None:
    words = ("scan", tree, "--exclude", "*.none", "-q")
    storeff(*words, "-o", tmp_path / "one")
    done = storeff(*words, "--executor", "processes:2", "-o", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    assert timeless(tmp_path / "two") == timeless(tmp_path / "one")


def poisoned(folder: Path, files: int) -> tuple[PoisonedTree, Measurement]:
    """A tree with files that cannot be measured in a process of their own; and without them."""
    root = fill(folder / "data", files=files)
    others = scan(LocalTree([root]), SMALL)
    (root / "d1" / "kills").write_bytes(b"poison" * 1000)
    (root / "d2" / "raises").write_bytes(b"wrong" * 1000)
    return PoisonedTree(root), others


def check_poisoned(found: Measurement, others: Measurement) -> None:
    assert found.read_bytes == others.read_bytes
    assert found.census.files == others.census.files + 2
    assert {
        reason: (left.entries, left.size_bytes) for reason, left in found.census.skipped.items()
    } == {
        "killed-worker": (1, 6000),
        "task-failed": (1, 5000),
    }
    [example] = found.census.skipped["killed-worker"].examples
    assert example.endswith(b"/d1/kills")
    assert found.coverage < 1
    for name, sketch in found.sketches.items():
        assert sketch.chunks == others.sketches[name].chunks


def test_what_kills_a_process_is_found_and_named(tmp_path: Path) -> None:
    source, others = poisoned(tmp_path, 60)
    check_poisoned(DividedScan(workers_of("processes:2"))(source, SMALL), others)


# ---- dask ----


@needs_dask
def test_a_worker_that_is_killed_and_one_that_comes_late_change_nothing(
    tree: Path, whole: Measurement, tmp_path: Path
) -> None:
    marks = tmp_path / "marks"
    marks.mkdir()
    with cluster(tmp_path) as made:
        first = made.worker("--no-nanny")
        second: list[Any] = []

        def show(progress: Progress) -> None:
            if progress.done_files and not second:
                second.append(made.worker("--no-nanny"))
            if second and first.poll() is None and (marks / str(second[0].pid)).exists():
                # Both are in the middle of a task.
                first.send_signal(signal.SIGKILL)
                first.wait()
                (marks / "go").touch()

        source = MarkedTree(tree, marks)
        found = DividedScan(workers_of(f"dask:{made.file}"))(source, SMALL, on_progress=show)
    assert same(found, whole)
    assert first.returncode == -signal.SIGKILL
    assert {str(first.pid), str(second[0].pid)} <= {path.name for path in marks.iterdir()}


@needs_dask
def test_workers_of_dask_merge_what_comes_quickly_and_work_again_for_what_is_lost(
    tree: Path, whole: Measurement, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What one worker has measured is lost with it before it was brought here."""
    monkeypatch.setattr(remote, "GATHER_TASKS", 4)
    monkeypatch.setattr(dask_workers, "GATHER_TASKS", 4)
    monkeypatch.setattr(remote, "GATHER_SECONDS", float(PATIENCE_SECONDS))
    brought: list[int] = []

    def noted(found: Iterable[Measurement]) -> Measurement:
        every = [*found]
        brought.append(len(every))
        return merged(every)

    monkeypatch.setattr(remote, "merged", noted)
    with cluster(tmp_path) as made:
        workers = workers_of(f"dask:{made.file}")
        first = made.worker("--no-nanny")

        def show(progress: Progress) -> None:
            if progress.done_files and first.poll() is None:
                made.worker("--no-nanny")
                first.send_signal(signal.SIGKILL)
                first.wait()

        found = DividedScan(workers)(LocalTree([tree]), SMALL, on_progress=show)
    assert same(found, whole)
    assert sum(brought) < TASKS


@needs_dask
def test_what_kills_workers_of_dask_is_found_and_named(tmp_path: Path) -> None:
    source, others = poisoned(tmp_path, 8)
    with cluster(tmp_path) as made:
        made.worker("--nworkers", "2", "--nanny")
        check_poisoned(DividedScan(workers_of(f"dask:{made.file}"))(source, SMALL), others)


@needs_dask
def test_a_scan_whose_scheduler_is_killed_says_so_and_is_resumed(
    tree: Path, whole: Measurement, tmp_path: Path
) -> None:
    marks, state = tmp_path / "marks", tmp_path / "state"
    marks.mkdir()
    source = MarkedTree(tree, marks)
    named = Tree.of([b"tree"], source, {})
    with cluster(tmp_path) as made:
        worker = made.worker("--no-nanny")

        def show(progress: Progress) -> None:
            if progress.done_files:
                made.scheduler.kill()
                worker.kill()

        with (
            kept_in(state, named, SMALL, resume=False) as kept,
            pytest.raises(StoreffError, match=r"the connection to dask at .* is lost") as raised,
        ):
            DividedScan(workers_of(f"dask:{made.file}"), kept)(source, SMALL, on_progress=show)
    assert "resume with the same checkpoint" in raised.value.remedy
    with kept_in(state, named, SMALL, resume=True) as kept:
        assert 0 < len(kept.shards) < TASKS
        assert same(DividedScan(checkpoint=kept)(LocalTree([tree]), SMALL), whole)


@needs_dask
def test_a_scheduler_that_is_not_there_is_named(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("storeff.scan.dask_workers.CONNECT_SECONDS", 1)
    with pytest.raises(StoreffError, match=r"no scheduler of dask answers at tcp://127\.0\.0\.1:9"):
        measure([tree], executor="dask:tcp://127.0.0.1:9")


# ---- what is no executor ----


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("cluster", "names no executor"),
        ("processes:", "names no executor"),
        ("processes:many", "is no number of processes"),
        ("threads:0", "is no number of threads"),
        ("no_such_module:it", "there is no it in a module no_such_module"),
        ("concurrent.futures:it", "there is no it in a module concurrent.futures"),
        (f"{__name__}:no_executor", "gives a str, which is no Executor"),
    ],
)
def test_what_is_no_executor_is_refused(tree: Path, name: str, what: str) -> None:
    with pytest.raises(StoreffError, match=what):
        measure([tree], executor=name)


def test_threads_are_what_a_scan_runs_on_by_itself(tree: Path, tmp_path: Path) -> None:
    for name, words in (("one", ()), ("two", ("--executor", "threads:2"))):
        done = storeff("scan", tree, "-q", *words, "-o", tmp_path / name)
        assert done.returncode == 0, done.stderr
    assert timeless(tmp_path / "two") == timeless(tmp_path / "one")
