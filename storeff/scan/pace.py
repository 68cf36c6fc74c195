"""A cap on how fast a scan reads, for storage that others use too; and how long."""

import math
import threading
import time


class Deadline(threading.Event):
    """A ``stop`` that comes of itself at ``ends_at`` (monotonic). Both may be changed."""

    def __init__(self, stop: threading.Event, ends_at: float = math.inf) -> None:
        super().__init__()
        self.stop = stop
        self.ends_at = ends_at

    def is_set(self) -> bool:
        return super().is_set() or self.stop.is_set() or time.monotonic() >= self.ends_at

    def wait(self, timeout: float | None = None) -> bool:
        """Wait for it, for ``timeout`` at most."""
        left = max(0.0, self.ends_at - time.monotonic())
        waits = [each for each in (timeout, left) if each is not None and each < math.inf]
        self.stop.wait(min(waits, default=None))
        return self.is_set()


class Pace:
    """Holds all readers of a scan together to ``bytes_per_second``; None leaves them free."""

    def __init__(self, bytes_per_second: float | None, stop: threading.Event) -> None:
        self.bytes_per_second = bytes_per_second
        self.stop = stop
        self.lock = threading.Lock()
        self.free_at = 0.0

    def wait(self, read_bytes: int) -> None:
        """After ``read_bytes`` were read, return when more may be, or at a stop."""
        if self.bytes_per_second is None:
            return
        with self.lock:
            now = time.monotonic()
            self.free_at = max(self.free_at, now) + read_bytes / self.bytes_per_second
            delay = self.free_at - now
        self.stop.wait(delay)
