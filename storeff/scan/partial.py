"""A partial scan: the tree is listed, and units of it are read in the order of their places."""

import contextlib
import errno
import os
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from storeff import _native
from storeff.scan.codecs import SizesOf, codec
from storeff.scan.pace import Pace
from storeff.scan.plan import WHOLE_FILE, Chunker, Plan
from storeff.scan.run import PROGRESS_SECONDS, Progress, kernels, wait_for
from storeff.scan.sampled import Collector, Sampled, cut_unit
from storeff.scan.units import GOLDEN, Design, Places, Unit
from storeff.sources.census import Census
from storeff.sources.piece import HOLE_BYTES, Piece, data_segments, open_piece
from storeff.sources.refusals import ChangedError, Refusal, refusal_for
from storeff.sources.tree import Found, walk

# What one thread takes at a time, and finishes even when told to stop.
BATCH_UNITS = 8
# Units that are held at a time, about 400 bytes each: for more, the tree is listed again.
UNITS_HELD = 1 << 20
# Files that are remembered from the first listing, about 300 bytes each.
PIECES_HELD = 1 << 18
PIECES_COUNTED = 512


class Listing:
    """What is under some roots, counted, so that places are known; nothing is read."""

    def __init__(
        self,
        roots: Sequence[str | bytes | os.PathLike[str]],
        design: Design,
        *,
        one_file_system: bool,
        exclude: Sequence[str],
    ) -> None:
        self.roots = roots
        self.one_file_system = one_file_system
        self.exclude = exclude
        self.places = Places(design)
        self.census = Census()
        self.held: list[Piece] | None = []

    @property
    def stored_bytes(self) -> int:
        """About what there is to read: holes are not. Some systems do not say what they store."""
        stored = self.census.allocated_bytes
        return min(stored, self.census.size_bytes) if stored else self.census.size_bytes

    def walk(self) -> Iterator[Found]:
        return walk(self.roots, one_file_system=self.one_file_system, exclude=self.exclude)

    def count(
        self,
        stop: threading.Event,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> bool:
        """Whether all was counted: not if ``stop`` was set."""
        batch: list[Piece] = []
        shown_at = 0.0
        for found in self.walk():
            if stop.is_set():
                break
            if not isinstance(found, Piece):
                self.census.add_left_out(found)
                continue
            batch.append(found)
            self.places.count(found)
            if self.held is not None:
                self.held.append(found)
                if len(self.held) > PIECES_HELD:
                    self.held = None
            if len(batch) == PIECES_COUNTED:
                self.census.add_pieces(batch, [None] * len(batch))
                batch = []
                if time.monotonic() - shown_at >= PROGRESS_SECONDS:
                    shown_at = time.monotonic()
                    census = self.census
                    on_progress(Progress(True, census.files, census.size_bytes, 0, 0))
        self.census.add_pieces(batch, [None] * len(batch))
        return not stop.is_set()

    def slices(self, low: float, high: float) -> Iterator[tuple[float, list[Unit]]]:
        """The units with a place in [``low``, ``high``), in order, as many as may be held at a
        time; and before which place they end."""
        width = UNITS_HELD / max(1, self.places.units)
        while low < high:
            end = high if high - low <= width else low + width
            pieces = self.held or (found for found in self.walk() if isinstance(found, Piece))
            yield end, sorted(self.places.select(pieces, low, end), key=lambda unit: unit.order)
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
        self.threads = threads
        self.kernel = kernel or kernels()[0]
        self.stop = stop or threading.Event()
        self.pace = Pace(bytes_per_second, self.stop)
        self.on_progress = on_progress
        self.chunkers = [c for c in plan.chunkers if c.name != WHOLE_FILE]
        self.collectors = [Collector(c, plan.seed) for c in self.chunkers]
        self.rate = 0.0
        self.lock = threading.Lock()
        self.read: defaultdict[float, list[int]] = defaultdict(lambda: [0, 0])
        self.left_out = Census()
        self.units_done = 0
        self.read_bytes = 0
        self.hole_bytes = 0
        self.cpu_seconds = 0.0

    def read_speed(self, seconds: float) -> float:
        """Bytes a second that one thread reads, by the first units for so long at most; nothing is
        made of them. What cannot be read is passed over here."""
        reader = Reader(self)
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
        # A place may be 1.
        high = float("inf") if rate >= 1.0 else rate
        listed = self.listing.slices(self.rate, min(high, np.nextafter(1.0, 2.0)))
        for end, units in listed:
            done = self.read_units(units, until)
            if done < len(units):
                # Of the place at which the reading ended only a part may have been read.
                self.rate = max(self.rate, units[done].place)
                return
            self.rate = min(end, 1.0)

    def read_units(self, units: list[Unit], until: float) -> int:
        """How many of ``units``, from the first on, were dealt with."""
        taken = 0

        def drain() -> None:
            nonlocal taken
            started = time.thread_time()
            reader = Reader(self)
            while True:
                with self.lock:
                    begin = taken
                    late = self.stop.is_set() or time.monotonic() >= until
                    if late or begin >= len(units):
                        break
                    taken = min(begin + BATCH_UNITS, len(units))
                    end = taken
                for unit in units[begin:end]:
                    reader.read_unit(unit)
            with self.lock:
                self.cpu_seconds += time.thread_time() - started

        with ThreadPoolExecutor(self.threads) as pool:
            running = [pool.submit(drain) for _ in range(self.threads)]
            wait_for(running, self.stop, self.show)
        self.show()
        return taken

    def show(self) -> None:
        census = self.listing.census
        self.on_progress(
            Progress(
                False,
                census.files,
                census.size_bytes,
                self.units_done,
                self.read_bytes + self.hole_bytes,
            )
        )

    def result(self) -> Sampled:
        """What was found at places below ``rate``."""
        below = sorted(place for place in self.read if place < self.rate or self.rate >= 1.0)
        rate = self.rate if self.rate < 1.0 else 2.0
        census = Census()
        census.merge(self.listing.census)
        census.merge(self.left_out)
        return Sampled(
            plan=self.plan,
            design=self.listing.places.design,
            kernel=self.kernel,
            rate=self.rate,
            census=census,
            places=np.array(below, np.float64),
            read=np.array([self.read[place][0] for place in below], np.uint64),
            exponents=np.array([self.read[place][1] for place in below], np.int64),
            tables={c.chunker.name: c.table(rate) for c in self.collectors},
            hole_bytes=self.hole_bytes,
            cpu_seconds=self.cpu_seconds,
        )


class Reader:
    """One thread's way of reading units: its buffer and its compressors."""

    def __init__(self, scan: PartialScan) -> None:
        self.scan = scan
        self.design = scan.listing.places.design
        # What a chunk that starts in a unit may reach beyond its end.
        self.tail_bytes = max(c.max_bytes for c in scan.chunkers)
        self.view = memoryview(
            bytearray(self.design.lead_bytes + self.design.unit_bytes + self.tail_bytes)
        )
        by_name: dict[str, SizesOf] = {n: codec(n) for c in scan.chunkers for n in c.codecs}
        self.codecs = [[by_name[n] for n in c.codecs] for c in scan.chunkers]

    def read_unit(self, unit: Unit) -> None:
        """Read, cut and hand over one unit; what cannot be read costs that unit only."""
        part_bytes = self.scan.plan.part_bytes
        part_start = unit.start // part_bytes * part_bytes
        start = max(unit.start - self.design.lead_bytes, part_start)
        end = min(unit.end + self.tail_bytes, part_start + part_bytes, unit.piece.size_bytes)
        # Holes are told in whole granules only, so also that at the end has to be looked at whole.
        told_to = min(-(-end // HOLE_BYTES) * HOLE_BYTES, unit.piece.size_bytes)
        counted = {False: 0, True: 0}
        read_bytes = 0
        reason: str | None = None
        try:
            fd = open_piece(unit.piece)
            try:
                for offset, length, is_hole in data_segments(fd, told_to, start=start):
                    inside = min(offset + length, unit.end) - max(offset, unit.start)
                    if inside <= 0:
                        continue
                    if not is_hole:
                        needed = min(length, end - offset)
                        self.fill(fd, offset, needed)
                        read_bytes += needed
                        self.cut(unit, offset, needed)
                    counted[is_hole] += inside
                after = os.fstat(fd)
            finally:
                os.close(fd)
            if (after.st_size, after.st_mtime_ns) != (unit.piece.size_bytes, unit.piece.mtime_ns):
                reason = "changed"
        except OSError as error:
            reason = refusal_for(error, unit.piece.path, None).reason
        scan, data_bytes, hole_bytes = self.scan, counted[False], counted[True]
        with scan.lock:
            at = scan.read[unit.place]
            at[0] += data_bytes
            at[1] = unit.piece.size_bytes.bit_length()
            scan.units_done += 1
            scan.read_bytes += data_bytes
            scan.hole_bytes += hole_bytes
            if reason is not None:
                missing_bytes = unit.end - unit.start - data_bytes - hole_bytes
                scan.left_out.add_left_out(Refusal(reason, unit.piece.path, missing_bytes))
        scan.pace.wait(read_bytes)

    def read_only(self, unit: Unit) -> int:
        """Read one unit, and say how much data it has. Raises OSError."""
        data_bytes = 0
        fd = open_piece(unit.piece)
        try:
            for offset, length, is_hole in data_segments(fd, unit.end, start=unit.start):
                if not is_hole:
                    self.fill(fd, offset, length)
                    data_bytes += length
        finally:
            os.close(fd)
        return data_bytes

    def fill(self, fd: int, offset: int, length: int) -> None:
        """Read ``length`` bytes at ``offset`` into the buffer."""
        got = 0
        while got < length:
            count = os.preadv(fd, [self.view[got:length]], offset + got)
            if not count:
                raise ChangedError(errno.ESTALE, "shrank while it was read")
            got += count

    def cut(self, unit: Unit, offset: int, length: int) -> None:
        """Hand over the chunks of ``unit`` in data at ``offset`` of the file, now in the buffer."""
        data = self.view[:length]
        begin, end = max(unit.start - offset, 0), min(unit.end - offset, length)
        for collector, codecs in zip(self.scan.collectors, self.codecs, strict=True):
            chunker: Chunker = collector.chunker
            offsets, keys, sizes, runs = cut_unit(data, begin, end, chunker, self.scan.kernel)
            if chunker.by_place:
                file = int.from_bytes(_native.fingerprint(unit.piece.path)[:8], "big")
                where = np.array(offsets, np.uint64) + np.uint64(offset)
                keys = np.uint64(file) ^ (where * np.uint64(GOLDEN))
            blocks = [data[o : o + s] for o, s in zip(offsets, sizes.tolist(), strict=True)]
            collector.add(unit.place, keys, sizes, runs, blocks, codecs)
