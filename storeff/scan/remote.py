"""Running tasks on executors: few at a time, each until it is done or cannot be.

A task may run more than once: what is measured twice is taken once. So one whose worker has died is
handed out again, and so is one that takes far longer than others, near the end.
"""

import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np

from storeff.errors import StoreffError
from storeff.scan.executor import Workers
from storeff.scan.measurement import Measurement
from storeff.scan.tasks import AnyTask, measured
from storeff.sources.object_client import Requests
from storeff.sources.object_store import meter_of

T = TypeVar("T", bound=AnyTask)
Done = tuple[bytes, Requests | None]

# In flight are so many tasks for each slot: the next is there when one is done.
TASKS_PER_SLOT = 2
WAIT_SECONDS = 0.2
# A task that raises is tried so often.
TRIES = 3
# If no task succeeds and so many have failed for good, none will.
HOPELESS = 3
# At the end a task that takes this many times what 95 % of all took is handed out again.
SLOW_TIMES = 3.0
SLOW_KNOWN = 5


@dataclass(eq=False)
class _Attempt(Generic[T]):
    task: T
    is_alone: bool = False
    since: float = field(default_factory=time.monotonic)


def run_tasks(
    tasks: Iterator[T],
    workers: Workers,
    done: Callable[[T, Measurement], None],
    quarantine: Callable[[T, str], None],
    stop: threading.Event,
    show: Callable[[], None] = lambda: None,
) -> None:
    """Run ``tasks`` on ``workers``, and tell ``done`` of each what it has found, once; or
    ``quarantine`` of one object that cannot be measured, and why. After a ``stop`` only what is
    in flight is finished. ``show`` is called meanwhile.

    Raises StoreffError if all fail, or the workers are lost.
    """
    run = _Running(tasks, workers, done, quarantine)
    try:
        while run.go_on(stop.is_set()):
            show()
    finally:
        workers.close(run.executor)


class _Running(Generic[T]):
    def __init__(
        self,
        tasks: Iterator[T],
        workers: Workers,
        done: Callable[[T, Measurement], None],
        quarantine: Callable[[T, str], None],
    ) -> None:
        self.tasks = tasks
        self.workers = workers
        self.done = done
        self.quarantine = quarantine
        self.executor = workers.open()
        self.in_flight: dict[Future[Done], _Attempt[T]] = {}
        # What is to run again; and alone, as it may be what ended the process of others.
        self.again: deque[T] = deque()
        self.suspects: deque[T] = deque()
        # Tries that failed, by the shards that are not dealt with; and those that are.
        self.open: dict[Hashable, int] = {}
        self.closed: set[Hashable] = set()
        self.seconds: list[float] = []
        self.failed: list[BaseException] = []
        self.is_broken = False

    def go_on(self, is_stopped: bool) -> bool:
        """Hand out what there is room for, and wait a little; whether there is more to do."""
        if not is_stopped:
            self.fill()
        if not self.in_flight:
            return False
        finished, _ = wait(self.in_flight, WAIT_SECONDS, FIRST_COMPLETED)
        for future in finished:
            attempt = self.in_flight.pop(future, None)
            if attempt is not None and attempt.task.key in self.open:
                self.settle(future, attempt)
        if self.is_broken and not self.in_flight:
            self.workers.close(self.executor)
            self.executor, self.is_broken = self.workers.open(), False
        return True

    def fill(self) -> None:
        """Hand out tasks until enough are in flight."""
        if self.is_broken:
            return
        if self.suspects:
            if not self.in_flight:
                self.submit(self.suspects.popleft(), is_alone=True)
            return
        # What is handed out before anything is known of the others keeps more than it need.
        per_slot = TASKS_PER_SLOT if self.seconds else 1
        room = max(1, per_slot * self.workers.slots(self.executor)) - len(self.in_flight)
        for _ in range(room):
            task = self.again.popleft() if self.again else next(self.tasks, None)
            if task is None:
                self.hand_out_again()
                return
            self.submit(task)

    def submit(self, task: T, *, is_alone: bool = False) -> None:
        if task.key in self.closed:
            return
        self.open.setdefault(task.key, 0)
        sent = task.among(max(1, self.workers.slots(self.executor)))
        try:
            self.in_flight[self.executor.submit(measured, sent)] = _Attempt(task, is_alone)
        except BrokenExecutor:
            self.is_broken = True
            self.again.append(task)

    def hand_out_again(self) -> None:
        """Where nothing else is left, have what is slow done by another as well."""
        if len(self.seconds) < SLOW_KNOWN:
            return
        late = SLOW_TIMES * float(np.quantile(self.seconds, 0.95))
        now = time.monotonic()
        counts: dict[Hashable, int] = {}
        for attempt in self.in_flight.values():
            counts[attempt.task.key] = counts.get(attempt.task.key, 0) + 1
        for attempt in [*self.in_flight.values()]:
            if counts[attempt.task.key] == 1 and now - attempt.since > late:
                self.submit(attempt.task)

    def settle(self, future: "Future[Done]", attempt: _Attempt[T]) -> None:
        """Deal with what has become of a task that is still open."""
        task = attempt.task
        if future.cancelled():
            raise StoreffError(
                f"the connection to {self.workers.name} is lost",
                "start it again, and resume with the same checkpoint; without one, scan again",
                "resume",
            )
        error = future.exception()
        if error is None:
            self.seconds.append(time.monotonic() - attempt.since)
            self.close(task)
            found, asked = future.result()
            meter = meter_of(task.source)
            if meter is not None and asked is not None:
                meter.add(asked)
            self.done(task, Measurement.from_bytes(found))
        elif isinstance(error, BrokenExecutor):
            # With one process of a pool all tasks in flight end, whichever it was.
            self.is_broken = True
            self.after_death(attempt, is_known=False)
        elif type(error).__name__ == "KilledWorker":
            # Dask says so of each task that was assigned to a worker that died, several times.
            self.after_death(attempt, is_known=True)
        else:
            self.after_error(task, error)

    def close(self, task: T) -> None:
        """Nothing more is to come of ``task``."""
        del self.open[task.key]
        self.closed.add(task.key)
        for future, other in [*self.in_flight.items()]:
            if other.task.key == task.key:
                future.cancel()
                del self.in_flight[future]

    def after_death(self, attempt: _Attempt[T], *, is_known: bool) -> None:
        """A worker has died with a task, if it ``is_known``, or with one of several. One that may
        not be it, or is of one object, is to run alone before it is blamed; others are split."""
        task = attempt.task
        if attempt.is_alone:
            self.give_up(task, "killed-worker", self.suspects)
        elif task.is_one_object or not is_known:
            self.suspects.append(task)
        else:
            self.give_up(task, "killed-worker", self.again)

    def after_error(self, task: T, error: BaseException) -> None:
        self.open[task.key] += 1
        if self.open[task.key] < TRIES:
            self.again.append(task)
            return
        self.failed.append(error)
        if not self.seconds and len(self.failed) >= HOPELESS:
            raise StoreffError(
                f"no task succeeds on {self.workers.name}: {type(error).__name__}: {error}",
                "see that the same storeff is installed there, and that the sources can be read",
            ) from error
        self.give_up(task, "task-failed", self.again)

    def give_up(self, task: T, reason: str, queue: "deque[T]") -> None:
        """Have what ``task`` is split into run from ``queue``, or leave its only object out."""
        self.close(task)
        if task.is_one_object:
            self.quarantine(task, reason)
        else:
            queue.extend(task.split())
