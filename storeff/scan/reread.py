"""Reading parts of a source again, in batches, on threads: what was scanned, or is to be."""

import contextlib
import errno
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.errors import StoreffError
from storeff.scan.columns import Compressors
from storeff.scan.machine import affordable_threads
from storeff.scan.pace import Pace
from storeff.scan.run import wait_for
from storeff.sources.entry import Entry
from storeff.sources.skipped import ChangedError, Skipped, skipped_for
from storeff.sources.source import Range, Ranges, Source, fill

U64 = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.intp]

# What a thread reads before it compresses that, and how many stretches at most.
BATCH_BYTES = 2 << 20
BATCH_STRETCHES = 256
# Stretches are read in the order of their rank, so many at a time, and those in the order of their
# place: what was read when a stop comes is a sample.
WAVE = 2048
# What the compressors of a thread take.
COMPRESSOR_BYTES = 8 << 20

# In place of the length of what was read: it could not be, or is a hole.
UNREAD = -1
HOLE = -2


class Stretches(NamedTuple):
    """What is to be read: bytes [``starts``, ``starts`` + ``lengths``) (n,) of ``objects``, by
    number. Of one with holes only the stretch of data is read in which its byte at ``points`` is.
    """

    objects: U64
    starts: Ints
    lengths: Ints
    points: Ints


@dataclass(frozen=True, eq=False)
class Batch:
    """What was read of ``rows`` (k,) of some Stretches: ``lengths`` bytes from ``begins`` on in
    their objects, which lie in ``buffer`` from ``offsets`` on. A length may be UNREAD or HOLE."""

    rows: Rows
    buffer: memoryview
    begins: Ints
    offsets: Ints
    lengths: Ints


class Job(NamedTuple):
    """``stretches``, in the order of their rank, and what is done with each batch of them. ``name``
    is what the time is counted for."""

    name: tuple[str, bool]
    stretches: Stretches
    use: Callable[[Batch, Compressors], None]


class Rereader:
    """Reads from ``source``, on ``threads``, all of them together held to ``bytes_per_second``.

    ``cpu_seconds`` are what reading and using took, by the name of a job. ``skipped`` say what
    could not be read, or not as it was listed, one a range.
    """

    def __init__(
        self,
        source: Source,
        threads: int,
        bytes_per_second: float | None,
        stop: threading.Event,
    ) -> None:
        self.source = source
        self.threads = threads
        self.stop = stop
        self.pace = Pace(bytes_per_second, stop)
        self.cpu_seconds: defaultdict[tuple[str, bool], float] = defaultdict(float)
        self.skipped: list[Skipped] = []
        self.lock = threading.Lock()
        self.count_for(lambda done, wanted: None)

    def count_for(self, on_progress: Callable[[int, int], None]) -> None:
        """From now on tell ``on_progress`` how many stretches are dealt with, of how many."""
        self.on_progress = on_progress
        self.done = self.wanted = 0

    def show(self) -> None:
        self.on_progress(self.done, self.wanted)

    def run(self, jobs: Sequence[Job], entries: Mapping[int, Entry]) -> None:
        """Read all of ``jobs``, of the objects ``entries`` by number, until a stop.

        Raises StoreffError if there is no memory for it.
        """
        batches = [
            (wave, i, rows) for i, job in enumerate(jobs) for wave, rows in _batches(job.stretches)
        ]
        batches.sort(key=lambda batch: batch[:2])
        sizes = [int(jobs[i].stretches.lengths[rows].sum()) for _, i, rows in batches]
        buffer_bytes = max(sizes, default=0)
        left = iter([(jobs[i], rows) for _, i, rows in batches])
        self.wanted += sum(len(rows) for _, _, rows in batches)

        def drain() -> None:
            buffer, compressors = memoryview(bytearray(buffer_bytes)), Compressors()
            while not self.stop.is_set():
                with self.lock:
                    job, rows = next(left, (None, None))
                if job is None or rows is None:
                    break
                started = time.thread_time()
                batch = self.read(job.stretches, rows, entries, buffer)
                job.use(batch, compressors)
                with self.lock:
                    self.cpu_seconds[job.name] += time.thread_time() - started
                    self.done += len(rows)
                if is_alone:
                    self.show()
                self.pace.wait(int(batch.lengths[batch.lengths > 0].sum()))

        threads = affordable_threads(
            min(self.threads, len(batches)), buffer_bytes + COMPRESSOR_BYTES
        )
        is_alone = threads <= 1
        try:
            self.drain_on(threads, drain)
        except MemoryError as error:
            raise StoreffError(
                "there is not enough memory to compress samples",
                "free memory, raise its limit, or scan less",
            ) from error

    def drain_on(self, threads: int, drain: Callable[[], None]) -> None:
        if threads <= 1:
            drain()
            return
        with ThreadPoolExecutor(threads) as pool:
            running: list[Future[None]] = []
            # The system may have fewer threads to give: those that there are do the work.
            with contextlib.suppress(RuntimeError):
                for _ in range(threads):
                    running.append(pool.submit(drain))
            if not running:
                drain()
            wait_for(running, self.stop, self.show)

    def read(
        self, stretches: Stretches, rows: Rows, entries: Mapping[int, Entry], buffer: memoryview
    ) -> Batch:
        """Read ``rows`` of ``stretches`` into ``buffer``, in which all of them have room."""
        objects, starts = stretches.objects[rows], stretches.starts[rows]
        lengths, points = stretches.lengths[rows], stretches.points[rows]
        begins, offsets, got = starts.copy(), np.zeros_like(starts), np.full_like(starts, UNREAD)
        wanted: list[Range] = []
        known: list[int] = []
        bounds = zip(objects.tolist(), starts.tolist(), (starts + lengths).tolist(), strict=True)
        for i, (number, start, end) in enumerate(bounds):
            entry = entries.get(number)
            if entry is None:
                self.skip(Skipped("vanished", b"object %016x" % number, end - start))
            else:
                known.append(i)
                wanted.append(Range(entry, start, end))
        sparse: list[tuple[int, Range]] = []
        ranges, places = Ranges.of(wanted), np.array(known, np.int64)
        used = done = 0
        while done < len(wanted):
            reads = self.source.read_ranges(ranges.part(done, len(ranges)), buffer[used:])
            for row, error in reads.errors.items():
                self.skip_range(wanted[done + row], error)
            sparse += [(known[done + row], wanted[done + row]) for row in sorted(reads.with_holes)]
            is_read = np.ones(len(reads), np.bool_)
            is_read[[*reads.errors, *reads.with_holes]] = False
            rows_read, at = reads.rows[is_read], places[done : done + len(reads)][is_read]
            offsets[at], got[at] = used + rows_read["offset"], rows_read["length"]
            used = int((offsets[at] + got[at]).max(initial=used))
            done += len(reads)
        for i, each in sparse:
            offsets[i] = used
            begins[i], got[i] = self.read_sparse(each, int(points[i]), buffer[used:])
            used += max(0, int(got[i]))
        return Batch(rows, buffer, begins, offsets, got)

    def read_sparse(self, wanted: Range, point: int, buffer: memoryview) -> tuple[int, int]:
        """Read the stretch of data around ``point`` in ``wanted``: where it begins, and its length,
        UNREAD or HOLE."""
        entry, start, end, _ = wanted
        try:
            with self.source.open(entry) as reader:
                for offset, length, is_hole in reader.segments(start, end):
                    if not offset <= point < offset + length:
                        continue
                    if not is_hole:
                        fill(reader, buffer[:length], offset)
                    if not reader.is_unchanged():
                        raise ChangedError(errno.ESTALE, "written to since it was listed")
                    return offset, HOLE if is_hole else length
            raise ChangedError(errno.ESTALE, "shrank since it was listed")
        except OSError as error:
            self.skip_range(wanted, error)
            return start, UNREAD

    def skip(self, skipped: Skipped) -> None:
        with self.lock:
            self.skipped.append(skipped)

    def skip_range(self, wanted: Range, error: OSError) -> None:
        name = self.source.name(wanted.entry)
        self.skip(skipped_for(error, name, wanted.end - wanted.start))


def _batches(stretches: Stretches) -> Iterator[tuple[int, Rows]]:
    """The rows of ``stretches`` as each batch has them, and the number of its wave."""
    for wave, first in enumerate(range(0, len(stretches.starts), WAVE)):
        rows = slice(first, first + WAVE)
        order = first + np.lexsort((stretches.starts[rows], stretches.objects[rows]))
        lengths = stretches.lengths[order]
        # A batch ends where its stretches, or their bytes, are as many as it may have.
        group = np.arange(len(order)) // BATCH_STRETCHES
        group += (np.cumsum(lengths) - lengths) // BATCH_BYTES * len(order)
        for batch in np.split(order, np.flatnonzero(np.diff(group)) + 1):
            yield wave, batch


def content_keys(
    batch: Batch, rows: Rows, block_bytes: int | None, fixed_bytes: Iterable[int]
) -> U64:
    """(m, 2) the keys that a scan with blocks of ``fixed_bytes`` gives to the chunks in ``rows`` of
    ``batch``: blocks of ``block_bytes``, or content-defined chunks if that is None.

    Blocks that are made of smaller ones have keys made of theirs (_native.Scanner).
    """
    steps: list[int] = []
    step = block_bytes or 0
    while step:
        parts = [each for each in fixed_bytes if each < step <= 64 * each and step % each == 0]
        step = max(parts, default=0)
        steps += [step] if step else []
    offsets, lengths = batch.offsets[rows], batch.lengths[rows]
    return _block_keys(batch.buffer, offsets, lengths, steps, _native.kernels()[0])


def _block_keys(
    buffer: memoryview, offsets: Ints, lengths: Ints, steps: Sequence[int], kernel: str
) -> U64:
    if not steps:
        return _native.fingerprints(buffer, np.column_stack((offsets, lengths)), kernel)
    step = steps[0]
    counts = -(-lengths // step)
    firsts = np.cumsum(counts) - counts
    within = (np.arange(counts.sum()) - firsts.repeat(counts)) * step
    of_parts = np.minimum(step, lengths.repeat(counts) - within)
    parts = _block_keys(buffer, offsets.repeat(counts) + within, of_parts, steps[1:], kernel)
    digests = parts.astype(">u8").tobytes()
    keys = _native.fingerprints(digests, np.column_stack((16 * firsts, 16 * counts)), kernel)
    single = counts == 1
    keys[single] = parts[firsts[single]]
    return keys
