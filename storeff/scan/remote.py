"""Running tasks on executors: few at a time, each until it is done or cannot be.

A task may run more than once: what is measured twice is taken once. So one whose worker has died is
handed out again, and so is one that takes far longer than others, near the end. What tasks have
found is gathered of several together.
"""

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Hashable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, CancelledError, Future, wait
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from storeff.errors import StoreffError
from storeff.scan.executor import Workers
from storeff.scan.measurement import Measurement, merged
from storeff.scan.tasks import AnyTask, Done, measured
from storeff.sources.object_client import meter_of

T = TypeVar("T", bound=AnyTask)

# In flight are so many tasks for each slot: the next is there when one is done.
IN_FLIGHT_PER_SLOT = 2
WAIT_SECONDS = 0.2
# A task that raises is tried so often.
TRIES = 3
# So many are gathered at most, and all that there are after so much time. Later tasks keep less the
# more is known, so at first fewer are: half as many as are known.
GATHER_TASKS, GATHER_SECONDS = 8, 2.0
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
    # What it gave, once it is done.
    result: Any = None


def run_tasks(
    tasks: Callable[[int], Iterator[T]],
    workers: Workers,
    done: Callable[[Sequence[T], Measurement], None],
    quarantine: Callable[[T, str], None],
    stop: threading.Event,
    show: Callable[[], None] = lambda: None,
) -> None:
    """Run ``tasks``, for so many as can run at a time, on ``workers``. Tell ``done`` of each once,
    and what some have found; or ``quarantine`` of one object that cannot be measured, and why.
    After a ``stop`` only what is in flight is finished. ``show`` is called meanwhile.

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
        tasks: Callable[[int], Iterator[T]],
        workers: Workers,
        done: Callable[[Sequence[T], Measurement], None],
        quarantine: Callable[[T, str], None],
    ) -> None:
        self.workers = workers
        self.done = done
        self.quarantine = quarantine
        self.executor = workers.open()
        self.tasks = tasks(self.slots)
        self.in_flight: dict[Future[Any], _Attempt[T]] = {}
        # What has been measured, and is to be gathered; what is being gathered; how much has been.
        self.measured: list[_Attempt[T]] = []
        self.gathering: dict[Future[list[Done]], list[_Attempt[T]]] = {}
        self.gathered = 0
        self.gather_at = 0.0
        # What is to run again; and alone, as it may be what ended the process of others.
        self.again: deque[T] = deque()
        self.suspects: deque[T] = deque()
        # The tasks that were handed out and not dealt with; those that are; and tries that failed.
        self.open: set[Hashable] = set()
        self.closed: set[Hashable] = set()
        self.failures: Counter[Hashable] = Counter()
        self.seconds: list[float] = []
        self.failed: list[BaseException] = []
        self.is_broken = False

    @property
    def slots(self) -> int:
        """How many tasks can run at a time, at least one."""
        return max(1, self.workers.slots(self.executor))

    def go_on(self, is_stopped: bool) -> bool:
        """Hand out what there is room for, and wait a little; whether there is more to do."""
        if self.is_broken and not self.in_flight:
            self.workers.close(self.executor)
            self.executor, self.is_broken = self.workers.open(), False
        self.gather()
        if not is_stopped:
            self.fill()
        if not self.in_flight and not self.gathering:
            return self.is_broken
        finished, _ = wait([*self.in_flight, *self.gathering], WAIT_SECONDS, FIRST_COMPLETED)
        for future in finished:
            if future in self.gathering:
                self.settle_gathered(future, self.gathering.pop(future))
                continue
            attempt = self.in_flight.pop(future, None)
            if attempt is not None and attempt.task.key in self.open:
                self.settle(future, attempt)
        return True

    def fill(self) -> None:
        """Hand out tasks until enough are in flight; what may have ended others, alone."""
        while self.suspects and not self.in_flight and not self.is_broken:
            self.submit(self.suspects.popleft(), is_alone=True)
        if self.suspects or any(attempt.is_alone for attempt in self.in_flight.values()):
            return
        # What is handed out before anything is known of the others keeps more than it need.
        room = self.slots * (IN_FLIGHT_PER_SLOT if self.gathered else 1)
        while len(self.in_flight) < room and not self.is_broken:
            task = self.again.popleft() if self.again else next(self.tasks, None)
            if task is None:
                self.hand_out_again()
                return
            self.submit(task)

    def submit(self, task: T, *, is_alone: bool = False) -> None:
        if task.key in self.closed:
            return
        self.open.add(task.key)
        try:
            future = self.executor.submit(measured, task.among(self.slots))
            self.in_flight[future] = _Attempt(task, is_alone)
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

    def settle(self, future: Future[Any], attempt: _Attempt[T]) -> None:
        """Deal with what has become of a task that is still open."""
        error = self.error_of(future)
        if error is None:
            self.seconds.append(time.monotonic() - attempt.since)
            self.close(attempt.task)
            attempt.result = future.result()
            self.measured.append(attempt)
        else:
            self.after(error, attempt)

    def error_of(self, future: Future[Any]) -> BaseException | None:
        """Raises StoreffError if nothing will be known of ``future``."""
        if future.cancelled() or isinstance(future.exception(), CancelledError):
            raise StoreffError(
                f"the connection to {self.workers.name} is lost",
                "start it again, and resume with the same checkpoint; without one, scan again",
                "resume",
            )
        return future.exception()

    def gather(self) -> None:
        """Bring what was measured here, if it is much, or time, or nothing else is due."""
        now = time.monotonic()
        while self.measured and (
            len(self.measured) >= min(GATHER_TASKS, self.gathered / 2)
            or now >= self.gather_at
            or not self.in_flight
        ):
            some, self.measured = self.measured[:GATHER_TASKS], self.measured[GATHER_TASKS:]
            self.gather_at = now + GATHER_SECONDS
            self.gather_these(some)

    def gather_these(self, some: list[_Attempt[T]]) -> None:
        results = [attempt.result for attempt in some]
        if self.workers.gather is None:
            self.take(some, results)
        else:
            self.gathering[self.workers.gather(self.executor, results)] = some

    def settle_gathered(self, future: Future[list[Done]], some: list[_Attempt[T]]) -> None:
        """Take what ``some`` tasks have given; where it is lost, they are to run again."""
        error = self.error_of(future)
        if error is None:
            self.take(some, future.result())
        elif len(some) > 1:
            for attempt in some:
                self.gather_these([attempt])
        else:
            [attempt] = some
            self.closed.remove(attempt.task.key)
            self.open.add(attempt.task.key)
            self.after(error, attempt)

    def take(self, some: list[_Attempt[T]], results: Sequence[Done]) -> None:
        """Tell of what ``some`` tasks have found: ``results``, all together."""
        tasks = [attempt.task for attempt in some]
        meter = meter_of(tasks[0].source)
        for _, asked in results:
            if meter is not None and asked is not None:
                meter.add(asked)
        self.done(tasks, merged(Measurement.from_bytes(found) for found, _ in results))
        self.gathered += len(tasks)

    def after(self, error: BaseException, attempt: _Attempt[T]) -> None:
        """Deal with a task that could not be measured."""
        if isinstance(error, BrokenExecutor):
            # With one process of a pool all tasks in flight end, whichever it was.
            self.is_broken = True
            self.after_death(attempt, is_known=False)
        elif type(error).__name__ == "KilledWorker":
            # Dask says so of each task that was assigned to a worker that died, several times.
            self.after_death(attempt, is_known=True)
        else:
            self.after_error(attempt.task, error)

    def close(self, task: T) -> None:
        """Nothing more is to come of ``task``."""
        self.open.remove(task.key)
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
        self.failures[task.key] += 1
        if self.failures[task.key] < TRIES:
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
