"""Scanning on threads: one walks, the others read; their measurements are merged at the end."""

import contextlib
import os
import queue
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass

from storeff import _native
from storeff.scan.compressed import new_samples
from storeff.scan.measurement import Measurement, merge_all
from storeff.scan.pace import Pace
from storeff.scan.part import PartedFile
from storeff.scan.plan import Plan
from storeff.scan.worker import SMALL_BYTES, Worker
from storeff.sources.census import Census
from storeff.sources.piece import Piece
from storeff.sources.refusals import Refusal
from storeff.sources.tree import Found, walk

# A batch is what one thread takes at a time: enough files to make the queue cheap, few enough
# bytes that threads finish together.
BATCH_FILES = 512
BATCH_BYTES = 16 << 20
BATCHES_AHEAD = 4
PROGRESS_SECONDS = 0.1


# Small files, or a part of a large one.
Task = list[Piece] | tuple[PartedFile, int]


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
    return _Scan(plan, kernel or kernels()[0], threads, stop, pace, on_progress).run(
        walk(roots, one_file_system=one_file_system, exclude=exclude)
    )


class _Scan:
    def __init__(
        self,
        plan: Plan,
        kernel: str,
        threads: int,
        stop: threading.Event,
        pace: Pace,
        on_progress: Callable[[Progress], None],
    ) -> None:
        self.plan = plan
        self.stop = stop
        self.on_progress = on_progress
        samples = new_samples(plan)
        self.workers = [Worker(plan, kernel, stop, pace, samples) for _ in range(threads)]
        self.tasks: queue.Queue[Task | None] = queue.Queue(BATCHES_AHEAD * threads)
        self.left_out = Census()
        self.listed_files = 0
        self.listed_bytes = 0
        self.shown_at = 0.0

    def run(self, found: Iterator[Found]) -> Measurement:
        with ThreadPoolExecutor(len(self.workers)) as pool:
            running = {pool.submit(self.drain, worker) for worker in self.workers}
            try:
                for task in self.divided(found):
                    self.put(task, running)
                for _ in self.workers:
                    self.put(None, running)
                while wait(running, PROGRESS_SECONDS).not_done:
                    self.show(listing=False)
            finally:
                if not all(future.done() for future in running):
                    self.release()
            for future in running:
                future.result()
        measured = merge_all(worker.finish() for worker in self.workers)
        measured.census.merge(self.left_out)
        self.show(listing=False, now=True)
        return measured

    def release(self) -> None:
        """Let every thread end: leaving the pool waits for them."""
        self.stop.set()
        with contextlib.suppress(queue.Empty):
            while True:
                self.tasks.get_nowait()
        for _ in self.workers:
            self.tasks.put(None)

    def drain(self, worker: Worker) -> None:
        """Measure until there is nothing more to do."""
        started = time.thread_time()
        while (task := self.tasks.get()) is not None:
            if isinstance(task, list):
                worker.measure(task)
            else:
                worker.measure_part(*task)
        worker.cpu_seconds += time.thread_time() - started

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
            self.show(listing=True)
            if item.size_bytes > SMALL_BYTES:
                file = PartedFile(item, self.plan.part_bytes)
                yield from ((file, index) for index in range(len(file.parts)))
                continue
            batch.append(item)
            batch_bytes += item.size_bytes
            if len(batch) >= BATCH_FILES or batch_bytes >= BATCH_BYTES:
                yield batch
                batch, batch_bytes = [], 0
        yield batch

    def put(self, task: Task | None, running: set[Future[None]]) -> None:
        """Queue ``task``, showing progress while the queue is full."""
        while True:
            for future in running:
                if future.done():
                    future.result()
            try:
                return self.tasks.put(task, timeout=PROGRESS_SECONDS)
            except queue.Full:
                self.show(listing=task is not None)

    def show(self, listing: bool, now: bool = False) -> None:
        if now or time.monotonic() - self.shown_at >= PROGRESS_SECONDS:
            self.shown_at = time.monotonic()
            self.on_progress(
                Progress(
                    listing,
                    self.listed_files,
                    self.listed_bytes,
                    sum(w.files_done for w in self.workers),
                    sum(w.read_bytes + w.hole_bytes for w in self.workers),
                )
            )
