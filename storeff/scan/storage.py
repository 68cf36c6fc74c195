"""How fast the storage under a listed tree gives what is read."""

import contextlib
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import NamedTuple

import numpy as np

from storeff.scan.listing import Listing
from storeff.scan.pace import Pace
from storeff.scan.part import Stop
from storeff.sources.source import Range, Ranges

# Of so many extents a head is read, and as many others whole, so many in a call and for so long at
# most: enough to tell a disk that seeks from one that does not, and nothing where all is cached.
PROBES = 64
HEAD_BYTES = 4096
PROBES_AT_A_TIME = 4
PROBE_SECONDS = 1.0


class Storage(NamedTuple):
    """Seconds that opening a file and coming to its data takes, and that a byte takes then, all
    threads together. Nothing is known where both are 0: the storage is not what takes time."""

    open_seconds: float = 0.0
    byte_seconds: float = 0.0


def measure_storage(listing: Listing, threads: int, pace: Pace, stop: Stop) -> Storage:
    """The storage under ``listing``, read by ``threads`` at ``pace`` until ``stop``. What cannot be
    read is passed over."""
    width = min(1.0, 2 * PROBES / max(1, listing.ranks.extents))
    # Not by the seed: an earlier scan has read the extents of lowest rank, which may be in memory.
    low = random.uniform(0.0, 1.0 - width)
    _, extents = next(listing.slices(low, float(np.nextafter(low + width, 2.0))))
    some = extents.part(0, min(len(extents), 2 * PROBES))
    ranges = [Range(extent.entry, extent.start, extent.end) for extent in some]
    heads = [each._replace(end=min(each.start + HEAD_BYTES, each.end)) for each in ranges[::2]]
    # Medians: the first call of a thread takes longer, and so does one that had to wait.
    opening = [seconds / opens for seconds, opens, _ in _calls(listing, heads, threads, pace, stop)]
    open_seconds = float(np.median(opening)) if opening else 0.0
    reading = [
        max(0.0, seconds - opens * open_seconds) / read_bytes
        for seconds, opens, read_bytes in _calls(listing, ranges[1::2], threads, pace, stop)
        if read_bytes
    ]
    byte_seconds = float(np.median(reading)) if reading else 0.0
    return Storage(open_seconds / threads, byte_seconds / threads)


def _calls(
    listing: Listing, ranges: Sequence[Range], threads: int, pace: Pace, stop: Stop
) -> list[tuple[float, int, int]]:
    """Seconds, ranges and bytes of each call that reads some of ``ranges``, as far as there is
    time."""
    remaining, turn = iter(ranges), threading.Lock()
    until = time.monotonic() + PROBE_SECONDS
    calls: list[tuple[float, int, int]] = []

    def read() -> None:
        view = memoryview(bytearray(PROBES_AT_A_TIME * listing.design.extent_bytes))
        while not stop.is_set() and time.monotonic() < until:
            with turn:
                some = [*islice(remaining, PROBES_AT_A_TIME)]
            if not some:
                break
            started = time.monotonic()
            reads = listing.source.read_ranges(Ranges.of(some), view)
            read_bytes = int(reads.rows["length"].sum())
            pace.wait(read_bytes)
            calls.append((time.monotonic() - started, len(reads), read_bytes))

    with ThreadPoolExecutor(threads) as pool:
        running: list[Future[None]] = []
        # The system may have fewer threads to give.
        with contextlib.suppress(RuntimeError):
            for _ in range(threads):
                running.append(pool.submit(read))
        if not running:
            read()
        for each in running:
            each.result()
    return calls
