"""Scanning on threads: each takes the next task, measures it, and comes back."""

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from types import MappingProxyType
from typing import TypeVar

import numpy as np

from storeff import _native
from storeff.errors import StoreffError
from storeff.scan.extent import Extents
from storeff.scan.job import SMALL_BYTES, Job, worker_bytes
from storeff.scan.machine import affordable_threads
from storeff.scan.measurement import Measurement
from storeff.scan.pace import Pace
from storeff.scan.part import PartedFile
from storeff.scan.plan import Plan
from storeff.scan.sketch import Limits
from storeff.scan.watch import Watch
from storeff.scan.worker import Task, Worker
from storeff.sources.census import Census
from storeff.sources.content import Recogniser
from storeff.sources.entry import Entries
from storeff.sources.skipped import Skipped
from storeff.sources.source import Found, Source
from storeff.sources.sums import exact_sum

# A batch is what one thread takes at a time: enough files to make taking turns cheap, few enough
# bytes that threads finish together.
BATCH_FILES = 512
BATCH_BYTES = 16 << 20
# Of a sample, which may end after any batch.
EXTENTS_BYTES = 8 << 20
# One more thread measures for every so many bytes that were handed out, a file counted as so many
# at least: what the threads take for themselves, some 6 MB each, grows with what there is to do.
THREAD_BYTES = 8 << 20
FILE_BYTES = THREAD_BYTES // BATCH_FILES
# What a worker reads before it takes all the memory that it will ever need. A scan that
# is long does not run out of memory after days; and tasks, which read less, do not take for each
# what it costs to touch 40 MB (30 ms, 2026-11-27).
RESERVE_BYTES = 8 << 30
# How long a scan that is stopped goes on listing, so as to know of how much it has measured a part.
LIST_ON_SECONDS = 2.0
PROGRESS_SECONDS = 0.1

T = TypeVar("T")

# Shard i of n: the objects of which it measures one in n, by a hash.
Shard = tuple[int, int]
NO_LIMITS: Limits = MappingProxyType({})


@dataclass(frozen=True)
class Progress:
    """How far a scan is. The listed totals are final only when ``listing`` is False.

    A part is read to ``goal_bytes`` (None: all), or until so many ``seconds`` have passed, of so
    many, if it is given a time.
    """

    listing: bool
    listed_files: int
    listed_bytes: int
    done_files: int
    done_bytes: int
    goal_bytes: int | None = None
    seconds: tuple[float, float] | None = None


def kernels() -> list[str]:
    """The native kernels that run on this machine, fastest first."""
    return _native.kernels()


def scan(
    source: Source,
    plan: Plan,
    *,
    threads: int = 1,
    kernel: str | None = None,
    is_kv: Recogniser | None = None,
    bytes_per_second: float | None = None,
    stop: threading.Event | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    shard: Shard | None = None,
    limits: Limits = NO_LIMITS,
    watch: Watch | None = None,
) -> Measurement:
    """Measure every object of ``source``, or those of one ``shard``; ``watch`` is shown what has
    been found by then.

    ``is_kv`` recognises the content class "kv" (see ``content.classify``). ``kernel`` is one of
    ``kernels()``, None the fastest. ``bytes_per_second`` caps the reading of all ``threads``
    together; there are fewer where there is not the work or the memory for all. The result depends
    neither on that nor on ``threads`` nor on the order of files. All shards merged are the scan of
    everything. Who merges a shard with others gives the ``limits`` of these: what would not be kept
    there is not kept here.

    Setting ``stop`` ends the scan early: what is in flight is cut short, and everything listed but
    not measured is skipped as ``interrupted``. Listing goes on for ``LIST_ON_SECONDS``; if it does
    not come to its end, that is skipped with an unknown size, and the measurement's listing is not
    complete.

    Raises StoreffError if ``kernel`` does not run on this machine, or there is no memory for a
    single thread.
    """
    stop = stop or threading.Event()
    pace = Pace(bytes_per_second, stop)
    job = Job(source, plan, kernel or kernels()[0], stop, pace, is_kv=is_kv, limits=limits)
    full_scan = _FullScan(job, threads, stop, on_progress, shard, watch)
    return full_scan.run().as_task(source.roots, shard)


def of_shard(shard: Shard | None, entries: Entries) -> Entries:
    """Those of ``entries`` that ``shard`` measures."""
    if shard is None:
        return entries
    return entries.take(np.flatnonzero(entries.numbers() % shard[1] == shard[0]))


def interrupted_at(source: Source, found: Found) -> Skipped:
    """What says that the listing did not go on after ``found``."""
    name = source.name(found[0]) if isinstance(found, Entries) else found.path
    return Skipped("interrupted", name, None)


def wait_for(
    running: Sequence[Future[None]], stop: threading.Event, show: Callable[[], None]
) -> None:
    """Wait for all of ``running``, which may become more, calling ``show`` meanwhile. If one fails,
    or this is interrupted, ``stop`` is set, as leaving a pool waits for its threads; the error is
    raised."""
    try:
        while unfinished := [future for future in running if not future.done()]:
            wait(unfinished, PROGRESS_SECONDS, FIRST_EXCEPTION)
            for future in running:
                if future.done():
                    future.result()
            show()
    finally:
        if not all(future.done() for future in running):
            stop.set()
    for future in running:
        future.result()


class Crew:
    """The workers of a scan, each on a thread of its own while there are tasks."""

    def __init__(
        self,
        job: Job,
        threads: int,
        stop: threading.Event,
        show: Callable[[], None],
        after_task: Callable[[Worker], None] = lambda worker: None,
    ) -> None:
        self.job = job
        self.after_task = after_task
        self.threads = affordable_threads(threads, worker_bytes(job.plan))
        self.threads_ran_out = False
        self.stop = stop
        self.show = show
        self.workers: list[Worker] = []
        self.idle: list[Worker] = []
        self.running: list[Future[None]] = []
        self.handed_out_bytes = 0

    def measure(self, tasks: Iterator[tuple[Task, int]]) -> None:
        """Measure all of ``tasks``, each with about the bytes of work that it is.

        Raises StoreffError if there is no thread or no memory for it.
        """
        self.running = []
        try:
            with ThreadPoolExecutor(self.threads) as pool:
                if not self.start(pool, tasks):
                    raise StoreffError(
                        "this system starts no more threads",
                        "raise the limit of processes (ulimit -u)",
                    )
                wait_for(self.running, self.stop, self.show)
        except MemoryError as error:
            raise _out_of_memory() from error
        self.show()

    def start(self, pool: ThreadPoolExecutor, tasks: Iterator[tuple[Task, int]]) -> bool:
        """Whether one more thread measures from now on."""
        try:
            self.running.append(pool.submit(self.drain, pool, tasks))
        except RuntimeError:
            # The system has no thread to give: those that there are do the work.
            self.threads = len(self.running)
            self.threads_ran_out = True
            return False
        return True

    def drain(self, pool: ThreadPoolExecutor, tasks: Iterator[tuple[Task, int]]) -> None:
        """Measure until there is nothing more to do. One thread lists while the others read: a
        thread of its own for the listing takes the interpreter from them at every file, and a fifth
        longer for 40,000 small ones (2026-11-21)."""
        started = time.thread_time()
        worker: Worker | None = None
        reserved = False
        while True:
            with self.job.turn:
                task, work_bytes = next(tasks, (None, 0))
                if task is None:
                    break
                if worker is None:
                    worker = self.worker()
                self.handed_out_bytes += work_bytes
                count = len(self.running)
                if count < self.threads and self.handed_out_bytes >= count * THREAD_BYTES:
                    self.start(pool, tasks)
            worker.measure(task)
            self.after_task(worker)
            if not reserved and worker.read_bytes >= RESERVE_BYTES:
                worker.scanner.reserve()
                reserved = True
        if worker is not None:
            worker.cpu_seconds += time.thread_time() - started
            with self.job.turn:
                self.idle.append(worker)

    def worker(self) -> Worker:
        if self.idle:
            return self.idle.pop()
        worker = Worker(self.job)
        self.workers.append(worker)
        return worker

    def measured(self) -> Measurement:
        """What all workers together have measured so far."""
        try:
            workers = self.workers or [Worker(self.job)]
            return self.united([worker.measured() for worker in workers], Measurement.merge)
        except MemoryError as error:
            raise _out_of_memory() from error

    def finish(self) -> Measurement:
        """What all workers together have measured in a full scan; they can measure no more."""
        try:
            workers = self.workers or [Worker(self.job)]
            self.workers = [self.united([*workers], Worker.take_over)]
            return self.workers[0].measured()
        except MemoryError as error:
            raise _out_of_memory() from error

    def united(self, found: list[T], both: Callable[[T, T], T]) -> T:
        """All of ``found`` as one, two at a time, on threads if there are some."""
        with ThreadPoolExecutor(len(found)) as pool:
            while len(found) > 1:
                half = len(found) // 2
                each = map if self.threads_ran_out else pool.map
                found[:half] = each(both, found[:half], found[-half:])
                del found[-half:]
        return found[0]

    @property
    def undone_rank(self) -> float:
        """The lowest sampling rank of an extent that a stop kept from being read."""
        return min((w.undone_rank for w in self.workers), default=math.inf)

    @property
    def listed_bytes(self) -> int:
        """Of the extents of a sample that were dealt with."""
        return sum(w.extents.listed_bytes for w in self.workers)

    @property
    def read_bytes(self) -> int:
        """Data that was read."""
        return sum(w.read_bytes for w in self.workers)

    def batches(self, extents: Extents) -> Iterator[tuple[Extents, int]]:
        """``extents`` as one thread takes them at a time, and the bytes of work that they are."""
        return extents.batches(BATCH_FILES, EXTENTS_BYTES, FILE_BYTES)

    def done(self) -> tuple[int, int]:
        """Files, or extents, and bytes that were dealt with."""
        return (
            sum(w.files_done for w in self.workers),
            sum(w.read_bytes + w.hole_bytes for w in self.workers),
        )


def _out_of_memory() -> StoreffError:
    return StoreffError(
        "there is not enough memory to scan", "free memory, raise its limit, or scan less"
    )


class _FullScan:
    def __init__(
        self,
        job: Job,
        threads: int,
        stop: threading.Event,
        on_progress: Callable[[Progress], None],
        shard: Shard | None,
        watch: Watch | None,
    ) -> None:
        self.job = job
        self.watch = watch
        after_task = watch.look if watch else lambda worker: None
        self.crew = Crew(job, threads, stop, self.show, after_task)
        self.stop = stop
        self.on_progress = on_progress
        self.shard = shard
        self.left_out = Census()
        self.list_until = math.inf
        self.listing = True
        self.listed_files = 0
        self.listed_bytes = 0

    def run(self) -> Measurement:
        try:
            self.crew.measure(self.tasks(self.job.source.list()))
        finally:
            # Where this is an error, or a second interrupt, nobody waits for a listing.
            self.list_until = 0.0
        measured = self.crew.finish()
        measured.census.merge(self.left_out)
        return measured

    def tasks(self, found: Iterator[Found]) -> Iterator[tuple[Task, int]]:
        """The objects of ``found`` as tasks; everything else is counted here."""
        for item in found:
            if self.stop.is_set():
                self.list_until = min(self.list_until, time.monotonic() + LIST_ON_SECONDS)
                if time.monotonic() >= self.list_until:
                    self.left_out.add_left_out(interrupted_at(self.job.source, item))
                    break
            if not isinstance(item, Entries):
                # What is no object is in the first shard.
                if self.shard is None or self.shard[0] == 0:
                    self.left_out.add_left_out(item)
                continue
            entries = of_shard(self.shard, item)
            self.listed_files += len(entries)
            self.listed_bytes += exact_sum(entries.sizes)
            is_large = entries.sizes > SMALL_BYTES
            for row in np.flatnonzero(is_large).tolist():
                file = PartedFile(self.job.source, entries[row], self.job.plan.part_bytes)
                for parts, data_bytes in file.stretches(self.stop):
                    yield (file, parts), max(data_bytes, FILE_BYTES)
            if is_large.any():
                entries = entries.take(np.flatnonzero(~is_large))
            yield from Extents.whole(entries).batches(BATCH_FILES, BATCH_BYTES, FILE_BYTES)
        self.listing = False

    def show(self) -> None:
        self.on_progress(
            Progress(self.listing, self.listed_files, self.listed_bytes, *self.crew.done())
        )
        if self.watch is not None:
            self.watch.show(self.job.plan.seed)
