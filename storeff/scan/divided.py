"""A full scan that is divided into tasks: kept in a checkpoint, run on executors, or both."""

import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from storeff.errors import UsageError
from storeff.scan.checkpoint import Checkpoint, kept_in
from storeff.scan.executor import Workers, workers_of
from storeff.scan.measurement import Measurement
from storeff.scan.plan import Plan
from storeff.scan.remote import run_tasks
from storeff.scan.run import Progress, Shard
from storeff.scan.scan_part import Tree
from storeff.scan.tasks import Task, count_of, in_random_order, portions
from storeff.scan.watch import Watch
from storeff.sources.census import Census, LeftOut
from storeff.sources.content import Recogniser
from storeff.sources.entry import Entries
from storeff.sources.skipped import Skipped
from storeff.sources.source import Source


@dataclass
class DividedScan:
    """As ``scan``, in tasks, on ``workers``, or None: one after the other on the threads of this
    process. What is done stands in ``checkpoint``.

    A task that a stop cuts short is measured again when the scan is resumed. One that ends its
    worker is split until it is one object, which is skipped as "killed-worker".
    """

    workers: Workers | None = None
    checkpoint: Checkpoint = field(default_factory=Checkpoint)

    @property
    def is_kept(self) -> bool:
        """Whether there is a directory for what is done."""
        return self.checkpoint.path is not None

    def __call__(
        self,
        source: Source,
        plan: Plan,
        *,
        threads: int = 1,
        kernel: str | None = None,
        is_kv: Recogniser | None = None,
        bytes_per_second: float | None = None,
        stop: threading.Event | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        watch: Watch | None = None,
    ) -> Measurement:
        """Measure every object of ``source``; the arguments are those of ``scan``. ``watch`` is
        shown nothing.

        Raises StoreffError as ``scan`` does, if no worker can do anything, and if all are lost:
        what is done by then is in the checkpoint.
        """
        stop = stop or threading.Event()
        task = Task(source, plan, (0, 1), Entries.of([]), kernel, is_kv, bytes_per_second)
        run = _Run(self.checkpoint, task, on_progress)
        run.list(stop)
        try:
            if self.workers is None:
                run.measure_here(threads, stop)
            else:
                run_tasks(run.tasks, self.workers, run.done, run.quarantine, stop, run.show)
        finally:
            self.checkpoint.write()
        return run.result("interrupted" if stop.is_set() else "changed")


@contextmanager
def opened(
    executor: str | None,
    folder: str | os.PathLike[str] | None,
    resume: bool,
    tree: Tree,
    plan: Plan,
) -> Iterator[DividedScan | None]:
    """The scan of ``tree`` on the ``executor`` of that name, with its checkpoint in ``folder``;
    None without either. Raises StoreffError if one of them cannot be used."""
    if executor is None and folder is None:
        if resume:
            raise UsageError(
                "there is nothing to resume without a checkpoint",
                "name the directory of the checkpoint",
                "checkpoint",
            )
        yield None
        return
    workers = None if executor is None else workers_of(executor)
    if folder is None:
        yield DividedScan(workers)
        return
    with kept_in(Path(folder), tree, plan, resume=resume) as checkpoint:
        yield DividedScan(workers, checkpoint)


class _Run:
    """Tasks like ``task``, each with its own shard and entries, and what became of them."""

    def __init__(
        self, checkpoint: Checkpoint, task: Task, on_progress: Callable[[Progress], None]
    ) -> None:
        self.checkpoint = checkpoint
        self.task = task
        self.on_progress = on_progress
        self.listed, self.left_out = Census(), Census()
        self.listing_bytes = 0
        self.is_listed = False
        # Of a task that was cut short.
        self.cut: Measurement | None = None
        done = checkpoint.measurement
        self.done_files = done.census.files if done else 0
        self.done_bytes = done.read_bytes + done.hole_bytes if done else 0

    def list(self, stop: threading.Event) -> None:
        """Count what there is to do; what is no object is counted here."""
        for found in self.task.source.list():
            if stop.is_set():
                return
            if isinstance(found, Entries):
                self.listed.add_entries(found)
                self.listing_bytes += found.held_bytes
            else:
                self.left_out.add_left_out(found)
        self.is_listed = True
        self.show()

    def tasks(self, slots: int) -> Iterator[Task]:
        """What is not done yet, in random order, for so many as can run at a time."""
        if not self.is_listed:
            return
        is_kept = self.checkpoint.path is not None
        count = self.checkpoint.divide(count_of(self.listed, slots, is_kept=is_kept))
        done = self.checkpoint.shards
        wanted = [s for s in in_random_order(count, self.task.plan.seed) if s not in done]
        source = self.task.source
        for shard, entries in portions(source, count, wanted, self.listing_bytes):
            rest = _without(entries, [s for s in done if s[0] % count == shard[0]])
            if len(rest):
                yield replace(self.task, shard=shard, entries=rest, limits=self.checkpoint.limits)

    def measure_here(self, threads: int, stop: threading.Event) -> None:
        """Measure all tasks, one after the other, until a stop."""
        for task in self.tasks(1):
            if stop.is_set():
                break
            found = task.measure(threads, stop, lambda p: self.show(p.done_files, p.done_bytes))
            if "interrupted" in found.census.skipped:
                self.cut = found
                break
            self.done([task], found)

    def done(self, tasks: Sequence[Task], found: Measurement) -> None:
        """Take note of what was ``found`` by ``tasks``."""
        self.checkpoint.add([task.shard for task in tasks], found)
        self.done_files += found.census.files
        self.done_bytes += found.read_bytes + found.hole_bytes
        self.show()

    def quarantine(self, task: Task, reason: str) -> None:
        """Leave out the only object of ``task``."""
        [entry] = task.entries
        self.left_out.add_left_out(Skipped(reason, task.source.name(entry), entry.size_bytes))
        self.left_out.add_entries(task.entries)

    def show(self, files: int = 0, size_bytes: int = 0) -> None:
        """Show how far all is, with so much more of a task that is not done."""
        done = self.done_files + files, self.done_bytes + size_bytes
        listed = self.listed.files, self.listed.size_bytes
        self.on_progress(Progress(not self.is_listed, *listed, *done))

    def result(self, reason: str) -> Measurement:
        """All that was found; what is left of what was listed is skipped for that ``reason``: what
        was not come to, or has come since the task was done that it is of."""
        found = self.checkpoint.measurement
        if self.cut is not None:
            found = self.cut if found is None else found.merge(self.cut)
        if found is None:
            found = self.task.measure()
        census = Census()
        for each in (found.census, self.left_out):
            census.merge(each)
        rest = self.listed.less(census)
        examples = [*self.task.source.roots[:1]]
        if not self.is_listed:
            census.skipped.setdefault("interrupted", LeftOut()).add(LeftOut(1, 0, 1, examples))
        elif rest.files:
            left = LeftOut(rest.files, rest.size_bytes, 0, examples)
            census.skipped.setdefault(reason, LeftOut()).add(left)
            census.merge(rest)
        return replace(found, census=census)


def _without(entries: Entries, shards: list[Shard]) -> Entries:
    """Those of ``entries`` that are in none of ``shards``."""
    if not shards:
        return entries
    numbers = entries.numbers()
    is_in = np.zeros(len(entries), bool)
    for i, count in shards:
        is_in |= numbers % np.uint64(count) == i
    return entries.take(np.flatnonzero(~is_in))
