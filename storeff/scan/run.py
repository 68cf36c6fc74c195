"""Scanning on threads: each takes the next files from the walk, measures them, and comes back."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_EXCEPTION, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from storeff import _native
from storeff.scan.compressed import new_samples
from storeff.scan.measurement import VOLUMES_MAX, Measurement
from storeff.scan.pace import Pace
from storeff.scan.part import PartedFile
from storeff.scan.plan import Plan
from storeff.scan.worker import SMALL_BYTES, Task, Worker
from storeff.sources.census import Census
from storeff.sources.piece import Piece
from storeff.sources.refusals import Refusal
from storeff.sources.tree import Found, resolved_roots, walk

# A batch is what one thread takes at a time: enough files to make taking turns cheap, few enough
# bytes that threads finish together.
BATCH_FILES = 512
BATCH_BYTES = 16 << 20
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
    all ``threads`` together. The result depends neither on it nor on
    ``threads`` nor on the order of files. Setting ``stop`` ends the scan early: what is in flight
    is cut short, and everything listed but not measured is refused as ``interrupted``.

    Raises StoreffError if a root cannot be found or ``kernel`` does not run on this machine.
    """
    stop = stop or threading.Event()
    pace = Pace(bytes_per_second, stop)
    found = walk(roots, one_file_system=one_file_system, exclude=exclude, follow_links=follow_links)
    resolved = resolved_roots(roots)
    volumes = resolved if len(resolved) <= VOLUMES_MAX else []
    samples, turn = new_samples(plan), threading.Lock()
    workers = [
        Worker(plan, kernel or kernels()[0], stop, pace, samples, turn, volumes)
        for _ in range(threads)
    ]
    return _Scan(plan, workers, turn, stop, on_progress).run(found).as_task(resolved)


def wait_for(
    running: Sequence[Future[None]], stop: threading.Event, show: Callable[[], None]
) -> None:
    """Wait for all of ``running``, calling ``show`` meanwhile. If one fails, or this is
    interrupted, ``stop`` is set, as leaving a pool waits for its threads; the error is raised."""
    try:
        while wait(running, PROGRESS_SECONDS, FIRST_EXCEPTION).not_done:
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
        workers: list[Worker],
        turn: threading.Lock,
        stop: threading.Event,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.plan = plan
        self.workers = workers
        self.turn = turn
        self.stop = stop
        self.on_progress = on_progress
        self.left_out = Census()
        self.listing = True
        self.listed_files = 0
        self.listed_bytes = 0

    def run(self, found: Iterator[Found]) -> Measurement:
        tasks = self.divided(found)
        with ThreadPoolExecutor(len(self.workers)) as pool:
            running = [pool.submit(self.drain, worker, tasks) for worker in self.workers]
            wait_for(running, self.stop, self.show)
            measured = self.united(pool).finish()
        measured.census.merge(self.left_out)
        self.show()
        return measured

    def drain(self, worker: Worker, tasks: Iterator[Task]) -> None:
        """Measure until there is nothing more to do. One thread walks while the others read: a
        thread of its own for the walk takes the interpreter from them at every file, and a fifth
        longer for 40,000 small ones (2026-11-21)."""
        started = time.thread_time()
        # A scan that has begun does not run out of memory after days.
        worker.scanner.reserve()
        while True:
            with self.turn:
                task = next(tasks, None)
            if task is None:
                break
            worker.measure(task)
        worker.cpu_seconds += time.thread_time() - started

    def united(self, pool: ThreadPoolExecutor) -> Worker:
        """One worker with what all have measured, pair by pair."""
        while len(self.workers) > 1:
            half = (len(self.workers) + 1) // 2
            absorbing, absorbed = self.workers[:half], self.workers[half:]
            list(pool.map(Worker.absorb, absorbing, absorbed))
            self.workers = absorbing
        return self.workers[0]

    def divided(self, found: Iterator[Found]) -> Iterator[Task]:
        """The pieces of ``found`` as tasks; everything else is counted here."""
        batch: list[Piece] = []
        batch_bytes = 0
        for item in found:
            if self.stop.is_set():
                self.left_out.add_left_out(Refusal("interrupted", item.path, None))
                break
            if not isinstance(item, Piece):
                self.left_out.add_left_out(item)
                continue
            self.listed_files += 1
            self.listed_bytes += item.size_bytes
            if item.size_bytes > SMALL_BYTES:
                file = PartedFile(item, self.plan.part_bytes)
                yield from ((file, index) for index in range(len(file.parts)))
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
