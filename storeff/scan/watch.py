"""Looking at what a scan of everything has found while it goes on."""

import threading
import time
from collections.abc import Callable

from storeff.scan.plan import Chunker
from storeff.scan.sketch import Sketch
from storeff.scan.worker import Worker

# A first look so soon, and then one in so many seconds; less often where looking itself takes more
# than a hundredth of the time.
FIRST_SECONDS = 1.0
EVERY_SECONDS = 5.0
SHARE = 0.01


class Watch:
    """Calls ``on_sketch`` now and then with what all workers of a scan have found by then of the
    chunks of ``chunker``. Each hands in its sketch between two tasks: nobody waits."""

    def __init__(self, chunker: Chunker, on_sketch: Callable[[Sketch], None]) -> None:
        self.chunker = chunker
        self.on_sketch = on_sketch
        self.due_at = time.monotonic() + FIRST_SECONDS
        self.lock = threading.Lock()
        self.found: dict[int, tuple[float, Sketch]] = {}

    def look(self, worker: Worker) -> None:
        """On the thread of ``worker``, after a task: take its sketch, if it is time."""
        now = time.monotonic()
        taken_at, _ = self.found.get(id(worker), (0.0, None))
        if taken_at < self.due_at <= now:
            sketch = worker.sketch(worker.job.chunkers.index(self.chunker))
            with self.lock:
                self.found[id(worker)] = now, sketch

    def show(self, seed: int) -> None:
        """On the thread that waits for the workers: merge what they have handed in, if it is time,
        after a scan under ``seed``."""
        started = time.monotonic()
        with self.lock:
            sketches = [sketch for _, sketch in self.found.values()]
            is_new = any(taken_at >= self.due_at for taken_at, _ in self.found.values())
        if not is_new:
            return
        first, *others = sketches
        self.on_sketch(first.merge(others, self.chunker, seed) if others else first)
        now = time.monotonic()
        self.due_at = now + max(EVERY_SECONDS, (now - started) / SHARE)
