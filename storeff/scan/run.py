"""Scanning on threads: each takes the next files from the walk, measures them, and comes back."""

import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from storeff import _native
from storeff.errors import StoreffError
from storeff.scan.compressed import new_samples
from storeff.scan.machine import affordable_threads
from storeff.scan.measurement import VOLUMES_MAX, Measurement
from storeff.scan.pace import Pace
from storeff.scan.part import PartedFile
from storeff.scan.plan import Plan
from storeff.scan.worker import SMALL_BYTES, Task, Worker, worker_bytes
from storeff.sources.census import Census
from storeff.sources.entry import Entry
from storeff.sources.skipped import Skipped
from storeff.sources.tree import Found, resolved_roots, walk

# A batch is what one thread takes at a time: enough files to make taking turns cheap, few enough
# bytes that threads finish together.
BATCH_FILES = 512
BATCH_BYTES = 16 << 20
# One more thread measures for every so many bytes that were handed out, a file counted as so many
# at least: what the threads take for themselves, some 6 MB each, grows with what there is to do.
THREAD_BYTES = 8 << 20
FILE_BYTES = THREAD_BYTES // BATCH_FILES
# What a worker reads before it takes all the memory that it will ever need: by then the sketch of
# the smallest blocks may be full. A scan that is long does not run out of memory after days.
RESERVE_BYTES = 256 << 20
# How long a scan that is stopped goes on listing, so as to know of how much it has measured a part.
LIST_ON_SECONDS = 2.0
PROGRESS_SECONDS = 0.1


@dataclass(frozen=True)
class Progress:
    """How far a scan is. The listed totals are final only when ``listing`` is False."""

    listing: bool
    listed_files: int
    listed_bytes: int
    done_files: int
    done_bytes: int


def kernels() -> list[str]:
    """The native kernels that run on this machine, fastest first."""
    return _native.kernels()


def scan(
    roots: Sequence[str | bytes | os.PathLike[str]],
    plan: Plan,
    *,
    threads: int = 1,
    kernel: str | None = None,
    one_file_system: bool = False,
    exclude: Sequence[str] = (),
    follow_links: bool = False,
    bytes_per_second: float | None = None,
    stop: threading.Event | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
) -> Measurement:
    """Measure every regular file under ``roots``.

    ``kernel`` is one of ``kernels()``, None the fastest. ``bytes_per_second`` caps the reading of
    all ``threads`` together; there are fewer where there is not the work or the memory for all. The
    result depends neither on that nor on ``threads`` nor on the order of files.

    Setting ``stop`` ends the scan early: what is in flight is cut short, and everything listed but
    not measured is skipped as ``interrupted``. Listing goes on for ``LIST_ON_SECONDS``; if it does
    not come to its end, that is one Skipped of unknown size, and the measurement's listing is not
    complete.

    Raises StoreffError if a root cannot be found, ``kernel`` does not run on this machine, or there
    is no memory for a single thread.
    """
    stop = stop or threading.Event()
    pace = Pace(bytes_per_second, stop)
    found = walk(roots, one_file_system=one_file_system, exclude=exclude, follow_links=follow_links)
    resolved = resolved_roots(roots)
    volumes = resolved if len(resolved) <= VOLUMES_MAX else []
    samples, turn = new_samples(plan), threading.Lock()

    def new_worker() -> Worker:
        return Worker(plan, kernel or kernels()[0], stop, pace, samples, turn, volumes)

    threads = affordable_threads(threads, worker_bytes(plan))
    scanning = _Scan(plan, new_worker, threads, turn, stop, on_progress)
    try:
        return scanning.run(found).as_task(resolved)
    except MemoryError as error:
        raise StoreffError(
            "there is not enough memory to scan", "free memory, raise its limit, or scan less"
        ) from error


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


class _Scan:
    def __init__(
        self,
        plan: Plan,
        new_worker: Callable[[], Worker],
        threads: int,
        turn: threading.Lock,
        stop: threading.Event,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.plan = plan
        self.new_worker = new_worker
        self.threads = threads
        self.threads_ran_out = False
        self.turn = turn
        self.stop = stop
        self.on_progress = on_progress
        self.workers: list[Worker] = []
        self.running: list[Future[None]] = []
        self.handed_out_bytes = 0
        self.left_out = Census()
        self.list_until = math.inf
        self.listing = True
        self.listed_files = 0
        self.listed_bytes = 0

    def run(self, found: Iterator[Found]) -> Measurement:
        tasks = self.divided(found)
        with ThreadPoolExecutor(self.threads) as pool:
            if not self.start(pool, tasks):
                raise StoreffError(
                    "this system starts no more threads", "raise the limit of processes (ulimit -u)"
                )
            try:
                wait_for(self.running, self.stop, self.show)
            finally:
                # Where this is an error, or a second interrupt, nobody waits for a listing.
                self.list_until = 0.0
            measured = self.united(pool).finish()
        measured.census.merge(self.left_out)
        self.show()
        return measured

    def start(self, pool: ThreadPoolExecutor, tasks: Iterator[Task]) -> bool:
        """Whether one more thread measures from now on."""
        try:
            self.running.append(pool.submit(self.drain, pool, tasks))
        except RuntimeError:
            # The system has no thread to give: those that there are do the work.
            self.threads = len(self.running)
            self.threads_ran_out = True
            return False
        return True

    def drain(self, pool: ThreadPoolExecutor, tasks: Iterator[Task]) -> None:
        """Measure until there is nothing more to do. One thread walks while the others read: a
        thread of its own for the walk takes the interpreter from them at every file, and a fifth
        longer for 40,000 small ones (2026-11-21)."""
        started = time.thread_time()
        worker: Worker | None = None
        reserved = False
        while True:
            with self.turn:
                task = next(tasks, None)
                if task is None:
                    break
                if worker is None:
                    worker = self.new_worker()
                    self.workers.append(worker)
                count = len(self.running)
                if count < self.threads and self.handed_out_bytes >= count * THREAD_BYTES:
                    self.start(pool, tasks)
            worker.measure(task)
            if not reserved and worker.read_bytes >= RESERVE_BYTES:
                worker.scanner.reserve()
                reserved = True
        if worker is not None:
            worker.cpu_seconds += time.thread_time() - started

    def united(self, pool: ThreadPoolExecutor) -> Worker:
        """One worker with what all have measured, pair by pair."""
        workers = self.workers or [self.new_worker()]
        while len(workers) > 1:
            half = (len(workers) + 1) // 2
            absorbing, absorbed = workers[:half], workers[half:]
            each = map if self.threads_ran_out else pool.map
            list(each(Worker.absorb, absorbing, absorbed))
            workers = absorbing
        self.workers = workers
        return workers[0]

    def divided(self, found: Iterator[Found]) -> Iterator[Task]:
        """The entries of ``found`` as tasks; everything else is counted here."""
        batch: list[Entry] = []
        batch_bytes = 0
        for item in found:
            if self.stop.is_set():
                self.list_until = min(self.list_until, time.monotonic() + LIST_ON_SECONDS)
                if time.monotonic() >= self.list_until:
                    self.left_out.add_left_out(Skipped("interrupted", item.path, None))
                    break
            if not isinstance(item, Entry):
                self.left_out.add_left_out(item)
                continue
            self.listed_files += 1
            self.listed_bytes += item.size_bytes
            if item.size_bytes > SMALL_BYTES:
                file = PartedFile(item, self.plan.part_bytes)
                for parts, data_bytes in file.stretches(self.stop):
                    self.handed_out_bytes += max(data_bytes, FILE_BYTES)
                    yield file, parts
                continue
            if batch and (
                len(batch) >= BATCH_FILES
                or batch_bytes >= BATCH_BYTES
                or batch[0].roots != item.roots
            ):
                yield batch
                batch, batch_bytes = [], 0
            batch.append(item)
            # A path that is thousands of directories deep takes more than a small file.
            batch_bytes += item.size_bytes + len(item.path)
            self.handed_out_bytes += max(item.size_bytes, FILE_BYTES)
        self.listing = False
        if batch:
            yield batch

    def show(self) -> None:
        self.on_progress(
            Progress(
                self.listing,
                self.listed_files,
                self.listed_bytes,
                sum(w.files_done for w in self.workers),
                sum(w.read_bytes + w.hole_bytes for w in self.workers),
            )
        )
