"""Real schedulers and workers of dask on this machine, and sources that misbehave in them."""

import importlib.util
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from storeff.scan.executor import Workers
from storeff.sources.entry import Entry
from storeff.sources.source import Ranges, RangesRead
from storeff.sources.tree import LocalTree

needs_dask = pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="dask.distributed is not installed"
)

# For all of what is waited for: a loaded machine takes its time.
PATIENCE_SECONDS = 120

# A scheduler has no storeff: it is not needed there, and the images of many have none.
_SCHEDULER = "import sys; sys.modules['storeff'] = None; from dask.__main__ import main; main()"


def threads(count: int = 3) -> Workers:
    """An executor of threads."""
    return Workers(
        "threads",
        lambda: ThreadPoolExecutor(count),
        lambda executor: count,
        lambda executor: executor.shutdown(wait=True, cancel_futures=True),
    )


class MarkedTree(LocalTree):
    """A tree of which every process that reads leaves its number in ``marks``. All but the first
    read waits there for a file "go"."""

    def __init__(self, root: Path, marks: Path) -> None:
        super().__init__([root])
        self.marks = marks

    def read_ranges(self, ranges: Ranges, buffer: memoryview) -> RangesRead:
        (self.marks / str(os.getpid())).touch()
        try:
            (self.marks / "first").touch(exist_ok=False)
        except FileExistsError:
            wait_until((self.marks / "go").exists, "nobody says go")
        return super().read_ranges(ranges, buffer)


class PoisonedTree(LocalTree):
    """A tree with files that end the process which reads them, or fail in it, by their name: but
    not the process that made this."""

    def __init__(self, root: Path) -> None:
        super().__init__([root])
        self.home = os.getpid()

    def read_ranges(self, ranges: Ranges, buffer: memoryview) -> RangesRead:
        for entry in ranges.entries:
            self.suffer(entry)
        return super().read_ranges(ranges, buffer)

    def suffer(self, entry: Entry) -> None:
        if os.getpid() != self.home and b"kills" in entry.path:
            os.kill(os.getpid(), signal.SIGKILL)
        if os.getpid() != self.home and b"raises" in entry.path:
            raise RuntimeError("a library that is wrong")


def wait_until(is_so: Callable[[], object], what: str) -> None:
    """Until ``is_so``. Raises AssertionError if that takes far too long."""
    ends_at = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < ends_at, what
        time.sleep(0.1)


class Cluster:
    """A scheduler, whose file is ``file``, and its workers."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self.start(
            *("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"),
            *("--scheduler-file", str(self.file)),
        )
        wait_until(self.file.exists, "no scheduler")

    def worker(self, *words: str) -> "subprocess.Popen[bytes]":
        """One more worker, which may not be there yet."""
        return self.start(
            *("worker", "--scheduler-file", str(self.file), "--nthreads", "1", "--no-dashboard"),
            *("--host", "127.0.0.1", "--local-directory", str(self.folder), *words),
        )

    def start(self, *words: str) -> "subprocess.Popen[bytes]":
        """``dask`` with ``words``. A task that kills one worker is not tried on another."""
        run = ("-c", _SCHEDULER) if words[0] == "scheduler" else ("-m", "dask")
        # The storeff that is tested, and not what lies where the tests were started.
        given = [os.environ["PYTHONPATH"]] if os.environ.get("PYTHONPATH") else []
        here = os.pathsep.join([str(Path(__file__).parent.parent), *given])
        with open(self.folder / f"{words[0]}.log", "ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-P", *run, *words],
                cwd=self.folder,
                stdout=log,
                stderr=log,
                env=os.environ
                | {"PYTHONPATH": here, "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0"},
            )
        self.processes.append(process)
        return process


@contextmanager
def cluster(folder: Path) -> Iterator[Cluster]:
    """A cluster without workers, which is gone after the block."""
    made = Cluster(folder)
    try:
        yield made
    finally:
        # They have nothing to save, and a worker that is asked to end may wait for its scheduler.
        # What a nanny has started ends with it.
        for process in made.processes:
            process.kill()
            process.wait()
