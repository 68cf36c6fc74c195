"""A partial scan: the tree is listed, and extents of it are read in the order of their ranks."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from storeff.scan.extent import Extents
from storeff.scan.job import Job
from storeff.scan.listing import Listing
from storeff.scan.measurement import Measurement
from storeff.scan.pace import Deadline, Pace
from storeff.scan.plan import Plan
from storeff.scan.run import Crew, Progress, kernels
from storeff.scan.storage import Storage, measure_storage
from storeff.sources.census import Census
from storeff.sources.content import Recogniser

if TYPE_CHECKING:
    # Only where an executor is asked for are they needed.
    from storeff.scan.executor import Workers
    from storeff.scan.remote_crew import RemoteCrew


def unlimited(rate: float) -> float:
    """When a time is over that is not limited, whatever was read by then."""
    return float("inf")


class PartialScan:
    """Reads a counted tree at a growing ``rate``: all extents that rank below it were read, on
    ``workers``, or on threads where there are none."""

    def __init__(
        self,
        listing: Listing,
        plan: Plan,
        *,
        threads: int = 1,
        kernel: str | None = None,
        is_kv: Recogniser | None = None,
        bytes_per_second: float | None = None,
        stop: threading.Event | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
        workers: "Workers | None" = None,
    ) -> None:
        self.listing = listing
        self.stop = stop or threading.Event()
        self.ends = Deadline(self.stop)
        self.job = Job(
            listing.source,
            plan,
            kernel or kernels()[0],
            self.ends,
            Pace(bytes_per_second, self.ends),
            listing.design,
            is_kv,
        )
        self.crew: Crew | RemoteCrew
        if workers is None:
            self.crew = Crew(self.job, threads, self.stop, self.show)
        else:
            from storeff.scan import remote_crew

            self.crew = remote_crew.RemoteCrew(self.job, workers, bytes_per_second, self.show)
        self.on_progress = on_progress
        self.rate = self.goal_rate = self.towards = 0.0
        self.until: Callable[[float], float] = unlimited
        self.began: float | None = None
        self.interrupted = False
        # Of the first extent that was not read when the scan ended.
        self.undone_rank = float("inf")

    @property
    def threads(self) -> int:
        return self.crew.threads

    @cached_property
    def storage(self) -> Storage:
        """How fast what is listed can be read, which this tries; nothing is made of that."""
        return measure_storage(self.listing, self.threads, self.job.pace, self.stop)

    def extend(
        self,
        rate: float,
        until: Callable[[float], float] = unlimited,
        *,
        towards: float = 0.0,
        began: float | None = None,
    ) -> None:
        """Read on up to ``rate``, or less: to the time (monotonic) that ``until`` says of the rate
        reached by then, as more takes more time afterwards; or to a stop. Nothing more is read
        after either.

        Progress is shown ``towards`` a larger rate, if there is to be one, and of the time since
        it ``began``.
        Raises StoreffError if there is no memory for a single thread.
        """
        if self.undone_rank < float("inf"):
            return
        self.goal_rate = max(self.goal_rate, min(rate, 1.0))
        self.towards = max(self.goal_rate, towards)
        self.began = began
        self.until = until
        self.see_how_long()
        # A rank may be 1.
        high = float("inf") if rate >= 1.0 else rate
        for end, extents in self.listing.slices(self.rate, min(high, np.nextafter(1.0, 2.0))):
            self.crew.measure(self.tasks(extents))
            self.undone_rank = min(self.undone_rank, self.crew.undone_rank)
            if self.undone_rank < float("inf"):
                # Of the extents that have this rank only some may have been read.
                self.rate = max(self.rate, min(self.undone_rank, 1.0))
                self.interrupted = self.stop.is_set()
                return
            self.rate = min(end, 1.0)
        # Of few extents all may rank below the rate: nothing is left to estimate.
        if self.crew.listed_bytes >= self.listing.sampled_bytes:
            self.rate = 1.0

    def see_how_long(self) -> None:
        """Set when the time is over, by what has been read by now."""
        _, done_bytes = self.crew.done()
        self.ends.ends_at = self.until(min(1.0, done_bytes / max(1, self.listing.sampled_bytes)))

    def tasks(self, extents: Extents) -> Iterator[tuple[Extents, int]]:
        """``extents`` as tasks, until the scan is to end."""
        for batch, batch_bytes in self.crew.batches(extents):
            self.see_how_long()
            if self.ends.is_set():
                self.undone_rank = min(self.undone_rank, float(batch.ranks[0]))
                return
            # In the order of ranks files lie in any of all folders: a batch has its own alone.
            yield batch.take(np.arange(len(batch))), batch_bytes

    def show(self) -> None:
        census = self.listing.census
        done, done_bytes = self.crew.done()
        done_bytes += self.listing.skipped_bytes
        seconds = None
        self.see_how_long()
        if self.began is not None and self.ends.ends_at < float("inf"):
            seconds = time.monotonic() - self.began, self.ends.ends_at - self.began
        goal_bytes = round(self.towards * self.listing.sampled_bytes) + self.listing.skipped_bytes
        self.on_progress(
            Progress(False, census.files, census.size_bytes, done, done_bytes, goal_bytes, seconds)
        )

    def result(self) -> Measurement:
        """What was found in the extents that rank below ``rate``."""
        listing = self.listing
        found = self.crew.measured()
        assert found.sampling is not None
        census = Census()
        census.merge(listing.census)
        census.merge(found.census)
        sampling = replace(
            found.sampling,
            goal_rate=self.goal_rate,
            interrupted=self.interrupted,
            skipped_bytes=listing.skipped_bytes,
            unopened_bytes=listing.unopened_bytes,
            totals=listing.totals,
        )
        roots = dict(zip(listing.source.roots, listing.root_bytes, strict=True))
        measured = replace(
            found,
            census=census,
            volumes={name: roots[name] for name in self.job.volumes},
            hole_bytes=found.hole_bytes + listing.skipped_bytes,
            sampling=sampling,
        )
        # A rank may be 1.
        measured = measured.within(self.rate if self.rate < 1.0 else 2.0)
        return measured.as_task(listing.source.roots, listing.shard)
