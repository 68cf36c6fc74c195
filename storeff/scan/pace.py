"""A cap on how fast a scan reads, for storage that others use too."""

import threading
import time


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
