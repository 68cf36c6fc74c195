"""A partial scan: the tree is listed, and units of it are read in the order of their places."""

import contextlib
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from storeff.scan.machine import affordable_threads
from storeff.scan.measurement import VOLUMES_MAX
from storeff.scan.pace import Pace
from storeff.scan.plan import Plan
from storeff.scan.reader import Groups, Outcome, Reader
from storeff.scan.run import PROGRESS_SECONDS, Progress, kernels, wait_for
from storeff.scan.sampled import Collector, Sampled
from storeff.scan.units import Design, Places, Unit
from storeff.sources.census import Census
from storeff.sources.entry import Entry
from storeff.sources.skipped import Skipped, skipped_for
from storeff.sources.tree import Found, resolved_roots, walk

# What one thread takes at a time, and finishes even when told to stop.
BATCH_UNITS = 8
# What a thread takes for its buffer, its compressors and what it makes of a unit.
READER_BYTES = 32 << 20
# Units that are held at a time, about 400 bytes each: for more, the tree is listed again.
UNITS_HELD = 1 << 20
# Files that are remembered from the first listing, about 300 bytes each.
ENTRIES_HELD = 1 << 18
# Of paths that are thousands of directories deep, so much is held of either.
PATH_BYTES_HELD = 256 << 20
ENTRIES_COUNTED = 512


class Listing:
    """What is under some roots, counted, so that places are known; nothing is read."""

    def __init__(
        self,
        roots: Sequence[str | bytes | os.PathLike[str]],
        design: Design,
        *,
        one_file_system: bool,
        exclude: Sequence[str],
        follow_links: bool = False,
    ) -> None:
        self.roots = roots
        self.one_file_system = one_file_system
        self.exclude = exclude
        self.follow_links = follow_links
        self.places = Places(design)
        self.census = Census()
        self.unopened_bytes = 0
        resolved = resolved_roots(roots)
        self.volume_bytes = dict.fromkeys(resolved if len(resolved) <= VOLUMES_MAX else [], 0)
        self.path_bytes = 0
        self.held: list[Entry] | None = []

    @property
    def drawn_bytes(self) -> int:
        """Bytes of all units that may be drawn: not those that are in holes, or in files that may
        have some and cannot be opened."""
        return self.census.size_bytes - self.places.skipped_bytes - self.unopened_bytes

    @property
    def stored_bytes(self) -> int:
        """About what there is to read: holes are not. Some systems do not say what they store."""
        stored = self.census.allocated_bytes
        return min(stored, self.census.size_bytes) if stored else self.census.size_bytes

    def walk(self) -> Iterator[Found]:
        return walk(
            self.roots,
            one_file_system=self.one_file_system,
            exclude=self.exclude,
            follow_links=self.follow_links,
        )

    def count(
        self,
        stop: threading.Event,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> bool:
        """Whether all was counted: not if ``stop`` was set."""
        batch: list[Entry] = []
        shown_at = 0.0
        for found in self.walk():
            if stop.is_set():
                self.census.add_left_out(Skipped("interrupted", found.path, None))
                break
            if not isinstance(found, Entry):
                self.census.add_left_out(found)
                continue
            batch.append(found)
            try:
                drawn_bytes = self.places.count(found)
            except OSError as error:
                drawn_bytes = 0
                self.unopened_bytes += found.size_bytes
                self.census.add_left_out(skipped_for(error, found.path, found.size_bytes))
            for root in found.roots:
                if root in self.volume_bytes:
                    self.volume_bytes[root] += drawn_bytes
            self.path_bytes += len(found.path)
            if self.held is not None:
                self.held.append(found)
                if len(self.held) > ENTRIES_HELD or self.path_bytes > PATH_BYTES_HELD:
                    self.held = None
            if len(batch) == ENTRIES_COUNTED:
                self.census.add_entries(batch, [None] * len(batch))
                batch = []
                if time.monotonic() - shown_at >= PROGRESS_SECONDS:
                    shown_at = time.monotonic()
                    census = self.census
                    on_progress(Progress(True, census.files, census.size_bytes, 0, 0))
        self.census.add_entries(batch, [None] * len(batch))
        return "interrupted" not in self.census.skipped

    def slices(self, low: float, high: float) -> Iterator[tuple[float, list[Unit]]]:
        """The units with a place in [``low``, ``high``), in order, as many as may be held at a
        time; and before which place they end."""
        width = min(
            UNITS_HELD / max(1, self.places.units), PATH_BYTES_HELD / max(1, self.path_bytes)
        )
        while low < high:
            end = high if high - low <= width else low + width
            entries = self.held or (found for found in self.walk() if isinstance(found, Entry))
            yield end, sorted(self.places.select(entries, low, end), key=lambda unit: unit.order)
            low = end


class PartialScan:
    """Reads a counted tree at a growing ``rate``: all units with a place below it were read."""

    def __init__(
        self,
        listing: Listing,
        plan: Plan,
        *,
        threads: int = 1,
        kernel: str | None = None,
        bytes_per_second: float | None = None,
        stop: threading.Event | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> None:
        self.listing = listing
        self.plan = plan
        self.threads = affordable_threads(threads, READER_BYTES)
        self.kernel = kernel or kernels()[0]
        self.stop = stop or threading.Event()
        self.pace = Pace(bytes_per_second, self.stop)
        self.on_progress = on_progress
        self.collectors = [Collector(c, plan.seed) for c in plan.chunkers if c.kind != "whole"]
        self.rate = self.goal_rate = 0.0
        self.interrupted = False
        self.lock = threading.Lock()
        self.groups = Groups(listing.places.design, list(listing.volume_bytes))
        # Bytes of data, and in holes, by place and groups; listed bytes, those once, and exponent
        # by place.
        self.read: defaultdict[tuple[float, int], list[int]] = defaultdict(lambda: [0, 0])
        self.listed: defaultdict[float, list[int]] = defaultdict(lambda: [0, 0, 0])
        self.left_out = Census()
        self.units_done = 0
        self.read_bytes = 0
        self.hole_bytes = 0
        self.cpu_seconds = 0.0

    def read_speed(self, seconds: float) -> float:
        """Bytes a second that one thread reads, by the first units for so long at most; nothing is
        made of them. What cannot be read is passed over here."""
        reader = self.reader()
        started = time.monotonic()
        read_bytes = 0
        _, units = next(self.listing.slices(0.0, 1.0))
        for unit in units:
            if self.stop.is_set() or time.monotonic() - started >= seconds:
                break
            with contextlib.suppress(OSError):
                read_bytes += reader.read_only(unit)
        return max(read_bytes, 1) / (time.monotonic() - started)

    def extend(self, rate: float, until: float = float("inf")) -> None:
        """Read on up to ``rate``, or less: to the time ``until`` (monotonic), or to a stop."""
        self.goal_rate = max(self.goal_rate, min(rate, 1.0))
        # A place may be 1.
        high = float("inf") if rate >= 1.0 else rate
        listed = self.listing.slices(self.rate, min(high, np.nextafter(1.0, 2.0)))
        for end, units in listed:
            done = self.read_units(units, until)
            if done < len(units):
                # Of the place at which the reading ended only a part may have been read.
                self.rate = max(self.rate, units[done].place)
                self.interrupted = self.stop.is_set()
                return
            self.rate = min(end, 1.0)
        # Of few units all may have a place below the rate: nothing is left to estimate.
        if sum(of_place[0] for of_place in self.listed.values()) >= self.listing.drawn_bytes:
            self.rate = 1.0

    def read_units(self, units: list[Unit], until: float) -> int:
        """How many of ``units``, from the first on, were dealt with."""
        taken = 0

        def drain() -> None:
            nonlocal taken
            started = time.thread_time()
            reader = self.reader()
            while True:
                with self.lock:
                    begin = taken
                    late = self.stop.is_set() or time.monotonic() >= until
                    if late or begin >= len(units):
                        break
                    taken = min(begin + BATCH_UNITS, len(units))
                    end = taken
                for unit in units[begin:end]:
                    outcome = reader.read_unit(unit)
                    self.count(unit, outcome)
                    self.pace.wait(outcome.read_bytes)
            with self.lock:
                self.cpu_seconds += time.thread_time() - started

        threads = max(1, min(self.threads, -(-len(units) // BATCH_UNITS)))
        with ThreadPoolExecutor(threads) as pool:
            running = [pool.submit(drain) for _ in range(threads)]
            wait_for(running, self.stop, self.show)
        self.show()
        return taken

    def reader(self) -> Reader:
        return Reader(
            self.listing.places.design, self.plan, self.collectors, self.groups, self.kernel
        )

    def count(self, unit: Unit, outcome: Outcome) -> None:
        """Take note of a unit that was dealt with."""
        with self.lock:
            at = self.read[unit.place, outcome.groups]
            at[0] += outcome.data_bytes
            at[1] += outcome.hole_bytes
            listed = self.listed[unit.place]
            listed[0] += unit.end - unit.start
            listed[1] += unit.once_bytes
            listed[2] = unit.entry.size_bytes.bit_length()
            self.units_done += 1
            self.read_bytes += outcome.data_bytes
            self.hole_bytes += outcome.hole_bytes
            if outcome.reason is not None:
                missing_bytes = unit.end - unit.start - outcome.data_bytes - outcome.hole_bytes
                item = Skipped(outcome.reason, unit.entry.path, missing_bytes)
                self.left_out.add_left_out(item)

    def show(self) -> None:
        census = self.listing.census
        self.on_progress(
            Progress(
                False,
                census.files,
                census.size_bytes,
                self.units_done,
                self.read_bytes + self.hole_bytes + self.listing.places.skipped_bytes,
            )
        )

    def result(self) -> Sampled:
        """What was found at places below ``rate``."""
        # A place may be 1.
        rate = self.rate if self.rate < 1.0 else 2.0
        place, groups, data_bytes, hole_bytes = _columns(
            rate, ((*key, *sizes) for key, sizes in self.read.items())
        )
        places, listed_bytes, once_bytes, exponents = _columns(
            rate, ((place, *sizes) for place, sizes in self.listed.items())
        )
        census = Census()
        census.merge(self.listing.census)
        census.merge(self.left_out)
        return Sampled(
            plan=self.plan,
            design=self.listing.places.design,
            kernel=self.kernel,
            rate=self.rate,
            goal_rate=self.goal_rate,
            interrupted=self.interrupted,
            census=census,
            volumes=self.listing.volume_bytes,
            skipped_bytes=self.listing.places.skipped_bytes,
            unopened_bytes=self.listing.unopened_bytes,
            totals=self.listing.places.totals,
            places=np.array(places, np.float64),
            exponents=np.array(exponents, np.int64),
            listed=np.array(listed_bytes, np.uint64),
            once=np.array(once_bytes, np.uint64),
            at=np.searchsorted(places, place),
            groups=np.array(groups, np.uint64),
            data=np.array(data_bytes, np.uint64),
            holes=np.array(hole_bytes, np.uint64),
            tables={c.chunker.name: c.table(rate) for c in self.collectors},
            cpu_seconds=self.cpu_seconds,
        )


def _columns(rate: float, rows: Iterable[tuple[float, ...]]) -> tuple[Sequence[float], ...]:
    """The four columns of ``rows``, in order, whose first is a place below ``rate``."""
    found = sorted(row for row in rows if row[0] < rate)
    return tuple(zip(*found, strict=True)) if found else ((),) * 4
