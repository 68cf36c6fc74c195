"""Which chunks are compressed: a sample that the threads of a scan share."""

import heapq
import math
import threading

# High and low half of the fingerprint, and the size.
Key = tuple[int, ...]


class CompressedSample:
    """Which chunks of one chunker are compressed: the ``entries`` of lowest rank.

    Shared by the threads of a scan, so that a chunk is compressed once, and not by each of them.
    ``tau`` is the lowest rank that is not in the sample.
    """

    def __init__(self, entries: int) -> None:
        self.entries = entries
        self.tau = math.inf
        self.lock = threading.Lock()
        self.highest_first: list[tuple[float, Key]] = []
        self.members: set[Key] = set()

    def take(self, rank: float, key: Key) -> bool:
        """Whether the chunk ``key`` of ``rank`` is new and belongs to the sample so far."""
        if rank >= self.tau:
            return False
        with self.lock:
            if key in self.members:
                return False
            self.members.add(key)
            heapq.heappush(self.highest_first, (-rank, key))
            if len(self.highest_first) <= self.entries:
                return True
            negated, dropped = heapq.heappop(self.highest_first)
            self.members.remove(dropped)
            self.tau = min(self.tau, -negated)
            return dropped != key
