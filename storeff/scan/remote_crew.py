"""Reading a sample on workers: what a crew of threads does, in tasks of an executor."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from storeff import _native
from storeff.scan.executor import Workers
from storeff.scan.extent import Extents
from storeff.scan.job import Job
from storeff.scan.measurement import Measurement
from storeff.scan.pace import Pace
from storeff.scan.plan import Plan
from storeff.scan.remote import run_tasks
from storeff.scan.run import BATCH_FILES, EXTENTS_BYTES, FILE_BYTES
from storeff.scan.sampling import SamplingDesign
from storeff.scan.tasks import SPLIT, TASKS_PER_SLOT
from storeff.scan.worker import Worker
from storeff.sources.content import Recogniser
from storeff.sources.entry import Entries
from storeff.sources.skipped import Skipped
from storeff.sources.source import Source
from storeff.sources.sums import exact_sum

# What a task reads at most, of how many files. Less is read where that would leave workers idle:
# each is to have some.
TASK_BYTES, TASK_FILES = 256 << 20, 10_000


@dataclass(frozen=True, eq=False)
class SampleTask:
    """``extents`` of a sample of ``source`` by ``design``. ``key`` tells it from all others of the
    sample. The rest is as for storeff.scan.tasks.Task."""

    source: Source
    plan: Plan
    design: SamplingDesign
    key: tuple[int, ...]
    extents: Extents
    kernel: str | None = None
    is_kv: Recogniser | None = None
    bytes_per_second: float | None = None
    together: int = 1

    @property
    def entries(self) -> Entries:
        return self.extents.entries

    @property
    def is_one_object(self) -> bool:
        return len(np.unique(self.entries.numbers())) == 1

    def measure(self) -> Measurement:
        """What the extents hold."""
        started, stop = time.thread_time(), threading.Event()
        pace = Pace(self.bytes_per_second and self.bytes_per_second / self.together, stop)
        kernel = self.kernel or _native.kernels()[0]
        worker = Worker(
            Job(self.source, self.plan, kernel, stop, pace, self.design, is_kv=self.is_kv)
        )
        for batch, _ in self.extents.batches(BATCH_FILES, EXTENTS_BYTES, FILE_BYTES):
            worker.measure(batch)
        worker.cpu_seconds = time.thread_time() - started
        return worker.measured()

    def split(self) -> "list[SampleTask]":
        """The same extents in several tasks, those of an object in one."""
        numbers = self.entries.numbers()
        of_parts = np.unique(numbers, return_inverse=True)[1].reshape(-1) % SPLIT
        parts = [(k, np.flatnonzero(of_parts == k)) for k in np.unique(of_parts).tolist()]
        return [
            replace(self, key=(*self.key, k), extents=self.extents.take(rows)) for k, rows in parts
        ]

    def among(self, together: int) -> "SampleTask":
        return replace(self, together=together)


class RemoteCrew:
    """What ``Crew`` is for a sample, on ``workers``. ``bytes_per_second`` is for all of them
    together; ``show`` is called meanwhile.

    Raises StoreffError if the workers cannot be reached.
    """

    # Every task that was handed out is finished.
    undone_rank = float("inf")

    def __init__(
        self, job: Job, workers: Workers, bytes_per_second: float | None, show: Callable[[], None]
    ) -> None:
        assert job.design is not None
        self.design = job.design
        self.job = job
        self.remote = workers
        self.bytes_per_second = bytes_per_second
        self.show = show
        executor = workers.open()
        self.threads = max(1, workers.slots(executor))
        workers.close(executor)
        self.handed_out = 0
        self.extents_done = 0
        # What could be read nowhere is counted here.
        self.home = Worker(job)
        self.found = self.home.measured()

    def batches(self, extents: Extents) -> Iterator[tuple[Extents, int]]:
        """``extents`` as tasks, and the bytes of work that they are."""
        share_bytes = exact_sum(extents.sizes) // (TASKS_PER_SLOT * self.threads)
        task_bytes = min(TASK_BYTES, max(EXTENTS_BYTES, share_bytes))
        return extents.batches(TASK_FILES, task_bytes, FILE_BYTES)

    def measure(self, tasks: Iterator[tuple[Extents, int]]) -> None:
        """Measure all of ``tasks``. Raises StoreffError if all fail, or the workers are lost."""
        # A sample that is to end hands out no more; what is in flight is in it.
        never = threading.Event()
        named = self.named(tasks)
        run_tasks(lambda _: named, self.remote, self.done_with, self.leave_out, never, self.show)
        self.show()

    def named(self, tasks: Iterator[tuple[Extents, int]]) -> Iterator[SampleTask]:
        job = self.job
        for extents, _ in tasks:
            self.handed_out += 1
            yield SampleTask(
                job.source,
                job.plan,
                self.design,
                (self.handed_out,),
                extents,
                job.kernel,
                job.is_kv,
                self.bytes_per_second,
            )

    def done_with(self, tasks: Sequence[SampleTask], found: Measurement) -> None:
        self.found = self.found.merge(found)
        self.extents_done += sum(len(task.extents) for task in tasks)

    def leave_out(self, task: SampleTask, reason: str) -> None:
        """Count the extents of the only object of ``task`` as read in vain."""
        extents = task.extents
        missing_bytes = exact_sum(extents.sizes)
        name = task.source.name(extents.entries[0])
        nothing = np.zeros(len(extents), np.int64)
        unknown = np.full(len(extents), _native.UNKNOWN, np.uint8)
        self.home.count(extents, unknown, nothing, nothing, {})
        self.home.census.add_left_out(Skipped(reason, name, missing_bytes))

    @property
    def listed_bytes(self) -> int:
        """As of a Crew."""
        assert self.found.sampling is not None
        return int(self.found.sampling.listed.sum()) + self.home.extents.listed_bytes

    @property
    def read_bytes(self) -> int:
        """As of a Crew."""
        return self.found.read_bytes

    def done(self) -> tuple[int, int]:
        """As of a Crew."""
        return self.extents_done, self.found.read_bytes + self.found.hole_bytes

    def measured(self) -> Measurement:
        """As of a Crew."""
        return self.found.merge(self.home.measured())
