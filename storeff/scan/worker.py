"""One thread's share of a scan: reads and feeds the native scanner."""

import errno
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from storeff import _native
from storeff.scan.job import CLASS_NUMBERS, Job
from storeff.scan.measurement import Measurement
from storeff.scan.part import Part, PartedFile
from storeff.scan.sample import ExtentTable
from storeff.scan.sampling import Extent, object_number
from storeff.scan.sketch import Sketch
from storeff.sources.census import Census
from storeff.sources.content import CLASSES, PROBE_BYTES, classify
from storeff.sources.entry import Entry
from storeff.sources.skipped import ChangedError, Skipped, skipped_for
from storeff.sources.source import Reader, fill, read_head

if TYPE_CHECKING:
    # Only where similar chunks are asked for is it needed.
    from storeff.scan.similar import SimilarChunks

# read() into a reused buffer of 256 KiB to 1 MiB is fastest (measured 2026-11-20, 7.8-11 GB/s).
READ_BYTES = 512 << 10
# One native call reads no more, so that a stop, a pace and the progress are looked at.
CALL_BYTES = 16 << 20
# Files of several extents whose class is remembered, about 100 bytes each.
CLASSES_HELD = 1 << 16

# Small files, or extents of a sample; or some parts of a large file.
Task = list[Extent] | tuple[PartedFile, list[Part]]
# What Scanner.scan_contents takes.
Content = tuple[int, int, int, int, int, int, int, float]


class Stopped(Exception):  # noqa: N818 - not an error: the person asked for it
    """The scan was interrupted while this file was being read."""


class Outcome(NamedTuple):
    """What became of an extent: the class of its data, if some was read, its bytes of data and in
    holes, and why something is missing."""

    extent: Extent
    content_class: str | None
    data_bytes: int
    hole_bytes: int = 0
    error: OSError | None = None


class Worker:
    """Measures tasks one after the other; owned by one thread at a time.

    ``undone_rank`` is the lowest sampling rank of an extent that a stop kept from being read.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.source = job.source
        self.scanner = _native.Scanner(
            [(c.min_bytes, c.max_bytes, c.entries, job.plan.predicts(c)) for c in job.chunkers],
            job.plan.seed,
            job.kernel,
            job.design is not None,
        )
        self.similar: SimilarChunks | None = None
        if job.plan.similarity:
            from storeff.scan import similar

            self.similar = similar.SimilarChunks(job.plan, self.scanner)
        self.view = memoryview(bytearray(job.buffer_bytes + self.scanner.buffer_bytes_min))
        self.carried = 0
        self.census = Census()
        self.class_bytes = [0] * len(CLASSES)
        self.volumes = dict.fromkeys(job.volumes, 0)
        self.extents = ExtentTable()
        self.undone_rank = float("inf")
        self.files_done = 0
        self.read_bytes = 0
        self.hole_bytes = 0
        self.cpu_seconds = 0.0

    def measure(self, task: Task) -> None:
        """Measure small files or extents, or some parts of a large file."""
        if isinstance(task, list):
            self.measure_extents(task)
        else:
            self.measure_stretch(*task)
        if self.similar is not None:
            entries = [e.entry for e in task] if isinstance(task, list) else [task[0].entry]
            self.similar.name_files({object_number(entry): entry for entry in entries})

    def count_data(self, entry: Entry, content_class: str, data_bytes: int) -> None:
        self.read_bytes += data_bytes
        self.class_bytes[CLASS_NUMBERS[content_class]] += data_bytes
        if self.volumes:
            for root in entry.roots:
                self.volumes[self.source.roots[root]] += data_bytes

    # ---- small files, and extents of a sample ----

    def measure_extents(self, extents: list[Extent]) -> None:
        """Measure what fits the buffer; what cannot be read costs only itself."""
        ranges = [self.job.range_of(extent) for extent in extents]
        done = 0
        while done < len(extents) and not self.job.stop.is_set():
            reads = self.source.read_ranges(ranges[done:], self.view)
            outcomes: list[Outcome] = []
            contents: list[Content] = []
            sparse: list[Extent] = []
            with self.job.turn:
                for i, read in enumerate(reads, done):
                    if read.has_holes:
                        sparse.append(extents[i])
                    else:
                        at = read.offset, read.head_length, read.length
                        outcomes.append(
                            self.look_at(extents[i], ranges[i].start, at, read.error, contents)
                        )
                self.count(outcomes)
            if contents:
                self.scanner.scan_contents(self.view, contents)
            for extent in sparse:
                self.measure_sparse(extent)
            done += len(reads)
            self.job.pace.wait(sum(read.length for read in reads))
        if done < len(extents):
            self.undone_rank = min(self.undone_rank, extents[done].rank)
            if self.job.design is None:
                self.refuse([extent.entry for extent in extents[done:]])

    def refuse(self, entries: Sequence[Entry]) -> None:
        """Count ``entries`` as interrupted."""
        for entry in entries:
            name = self.source.name(entry)
            self.census.add_left_out(Skipped("interrupted", name, entry.size_bytes))
        self.census.add_entries(entries, [None] * len(entries))
        self.files_done += len(entries)

    def look_at(
        self,
        extent: Extent,
        position: int,
        at: tuple[int, int, int],
        error: OSError | None,
        contents: list[Content],
    ) -> Outcome:
        """What became of an extent whose data from ``position`` on lies in the buffer ``at``, as
        a read says, and what of that is to be scanned."""
        offset, head_length, length = at
        entry = extent.entry
        data_bytes = min(position + length, extent.end) - extent.start
        if data_bytes <= 0:
            return Outcome(extent, None, 0, error=error)
        head_bytes = head_length or min(length, PROBE_BYTES)
        number = object_number(entry)
        content_class = self.class_of(entry, number, self.view[offset : offset + head_bytes])
        self.count_data(entry, content_class, data_bytes)
        end = extent.end if self.job.design is not None else length
        bounds = position, extent.start, end, extent.rank
        labels = self.job.labels(entry, content_class)
        contents.append((offset + head_length, length, labels, number, *bounds))
        return Outcome(extent, content_class, data_bytes, error=error)

    def class_of(self, entry: Entry, number: int, head: memoryview | bytes) -> str:
        """The content class of ``entry``, the object of that ``number``, which begins with ``head``
        if it is not known."""
        design = self.job.design
        is_kept = design is not None and entry.size_bytes > design.extent_bytes
        known = self.job.classes.get(number) if is_kept else None
        if known is not None:
            return known
        content_class = classify(
            bytes(head), self.source.name(entry), entry.size_bytes, self.job.is_kv
        )
        if is_kept:
            if len(self.job.classes) >= CLASSES_HELD:
                self.job.classes.clear()
            self.job.classes[number] = content_class
        return content_class

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Take note of whole small files, or of extents."""
        classes: list[str | None] = []
        for extent, content_class, data_bytes, hole_bytes, error in outcomes:
            entry = extent.entry
            if error is not None:
                missing_bytes = extent.end - extent.start - data_bytes - hole_bytes
                self.census.add_left_out(skipped_for(error, self.source.name(entry), missing_bytes))
            elif content_class is None and not entry.size_bytes:
                content_class = "empty"
            classes.append(content_class)
            if self.job.design is not None:
                labels, size_bits = self.job.labels(entry, content_class), entry.size_bytes
                bytes_of = data_bytes, hole_bytes, extent.end - extent.start, extent.once_bytes
                self.extents.add((extent.rank, labels, *bytes_of, size_bits.bit_length()))
        self.files_done += len(outcomes)
        if self.job.design is None:
            self.census.add_entries([o.extent.entry for o in outcomes], classes)

    def measure_sparse(self, extent: Extent) -> None:
        """Measure a small file or an extent that has holes."""
        if self.job.design is None:
            file = PartedFile(self.source, extent.entry, self.job.plan.part_bytes)
            for parts, _ in file.stretches(self.job.stop):
                self.measure_stretch(file, parts)
            return
        outcome = Outcome(extent, None, 0)
        try:
            with self.source.open(extent.entry) as reader:
                outcome = self.read_segments(reader, outcome)
                if not reader.is_unchanged():
                    raise ChangedError(errno.ESTALE, "written to while it was read")
        except OSError as error:
            outcome = outcome._replace(error=error)
        self.hole_bytes += outcome.hole_bytes
        self.count([outcome])

    def read_segments(self, reader: Reader, outcome: Outcome) -> Outcome:
        """Read the segments of data that reach into an extent, with what chunks need around it.
        Raises OSError."""
        extent, entry = outcome.extent, outcome.extent.entry
        wanted = self.job.range_of(extent)
        for offset, length, is_hole in reader.segments(wanted.start, wanted.end):
            inside = min(offset + length, extent.end) - max(offset, extent.start)
            if inside <= 0:
                continue
            if is_hole:
                outcome = outcome._replace(hole_bytes=outcome.hole_bytes + inside)
                continue
            number = object_number(entry)
            content_class = outcome.content_class or self.class_of(
                entry, number, read_head(reader, entry.size_bytes, PROBE_BYTES)
            )
            fill(reader, self.view[:length], offset)
            labels = self.job.labels(entry, content_class)
            bounds = offset, extent.start, extent.end, extent.rank
            self.scanner.scan_contents(self.view, [(0, length, labels, number, *bounds)])
            self.count_data(entry, content_class, inside)
            data_bytes = outcome.data_bytes + inside
            outcome = outcome._replace(content_class=content_class, data_bytes=data_bytes)
            self.job.pace.wait(length)
        return outcome

    # ---- large files ----

    def measure_stretch(self, file: PartedFile, parts: list[Part]) -> None:
        """Measure some parts of ``file``, and conclude the file if they are the last."""
        reason = None if parts else file.refused
        if reason is None:
            try:
                reason = self.measure_parts(file.entry, parts)
            except Stopped:
                reason = "interrupted"
            except OSError as error:
                reason = skipped_for(error, self.source.name(file.entry), None).reason
        for part in parts:
            part.reason = part.reason or reason
        if not parts:
            file.refused = reason
        if file.finish():
            self.conclude(file)

    def measure_parts(self, entry: Entry, parts: list[Part]) -> str | None:
        """Why ``parts`` are not what was listed, if they are not. One of which something cannot be
        read costs only itself, and has its own reason. Raises OSError, Stopped."""
        if self.job.stop.is_set():
            raise Stopped
        with self.source.open(entry) as reader:
            head = read_head(reader, entry.size_bytes, PROBE_BYTES) if parts else b""
            if parts and not head:
                raise ChangedError(errno.ESTALE, "written to while it was read")
            content_class = self.class_of(entry, object_number(entry), head)
            for part in parts:
                part.content_class = content_class
                part.reason = self.measure_part(reader, entry, part)
            return None if reader.is_unchanged() else "changed"

    def measure_part(self, reader: Reader, entry: Entry, part: Part) -> str | None:
        """Feed the data of ``part`` to the scanner and step over its holes; why not all of it."""
        reason = None
        assert part.content_class is not None
        self.scanner.begin(self.job.labels(entry, part.content_class))
        self.scanner.set_position(object_number(entry), part.start)
        try:
            for offset, length, is_hole in reader.segments(part.start, part.end):
                if is_hole:
                    part.hole_bytes += length
                    self.hole_bytes += length
                    self.scanner.skip(length)
                else:
                    self.feed(reader, entry, part.content_class, (offset, offset + length))
        except Stopped:
            reason = "interrupted"
        except OSError as error:
            reason = skipped_for(error, self.source.name(entry), None).reason
        part.key, part.data_bytes, part.zero_bytes = self.scanner.end_part()
        return reason

    def feed(
        self, reader: Reader, entry: Entry, content_class: str, segment: tuple[int, int]
    ) -> None:
        """Feed one segment of data. What was read before an error or a stop stays counted."""
        offset, end = segment
        self.carried = 0
        try:
            while offset < end:
                if self.job.stop.is_set():
                    raise Stopped
                begun, until = offset, min(end, offset + CALL_BYTES)
                offset, error = self.feed_some(reader, offset, until, until == end)
                self.count_data(entry, content_class, offset - begun)
                if error is not None:
                    raise error
                self.job.pace.wait(offset - begun)
        except (OSError, Stopped):
            self.feed_some(reader, offset, offset, True)
            raise

    def feed_some(
        self, reader: Reader, offset: int, end: int, is_last: bool
    ) -> tuple[int, OSError | None]:
        """Feed some of bytes [offset, end): how far it came, and what kept it from going on. The
        segment ends at ``end`` if ``is_last``."""
        if reader.descriptor is not None:
            offset, number = self.scanner.feed(
                reader.descriptor, offset, end, is_last, self.view, READ_BYTES
            )
            if number == _native.FILE_ENDED:
                return offset, ChangedError(errno.ESTALE, "shrank while it was read")
            return offset, OSError(number, os.strerror(number)) if number else None
        view = self.view[self.carried :][: min(READ_BYTES, end - offset)]
        got = 0
        if view:
            try:
                got = reader.read_into(view, offset)
            except OSError as error:
                return offset, error
            if not got:
                return offset, ChangedError(errno.ESTALE, "shrank while it was read")
        offset += got
        is_last = is_last and offset == end
        self.scanner.span(self.view, self.carried + got, is_last)
        self.carried = self.scanner.carry(self.view)
        return offset, None

    def conclude(self, file: PartedFile) -> None:
        """Count ``file``, all of whose parts are finished."""
        entry = file.entry
        content_class, reason, data_bytes = file.content_class, file.reason, file.data_bytes
        if content_class is None and reason is None:
            content_class = "zero" if entry.size_bytes else "empty"
        if reason is not None:
            name = self.source.name(entry)
            self.census.add_left_out(Skipped(reason, name, file.missing_bytes))
        self.hole_bytes += file.gap_bytes
        if content_class is not None:
            labels = self.job.labels(entry, content_class)
            number = object_number(entry)
            self.scanner.add_file(file.key, data_bytes, file.zero_bytes, labels, number)
        if self.similar is not None:
            self.similar.note_tensors(entry, content_class)
        self.census.add_entries([entry], [content_class])
        self.files_done += 1

    # ---- what was found ----

    def measured(self) -> Measurement:
        """Everything measured so far; in a sample without what only the listing knows."""
        job = self.job
        return Measurement(
            plan=job.plan,
            kernel=job.kernel,
            census=self.census,
            sketches={c.name: self.sketch(i) for i, c in enumerate(job.chunkers)},
            volumes=self.volumes,
            read_bytes=self.read_bytes,
            hole_bytes=self.hole_bytes,
            class_bytes=np.array(self.class_bytes, np.uint64),
            histogram=self.scanner.export_histogram()[: len(CLASSES)],
            cpu_seconds=self.cpu_seconds,
            similar=self.similar.finish() if self.similar is not None else None,
            sampling=None if job.design is None else self.extents.sample(job.design),
        )

    def sketch(self, index: int) -> Sketch:
        """What one chunker has counted so far."""
        columns = self.job.plan.columns(self.job.chunkers[index].name, False)
        return Sketch.counted(self.scanner.export(index), columns)

    def finish(self) -> Measurement:
        """``measured``. The worker gives its memory back: it can measure no more."""
        measured = self.measured()
        del self.scanner
        return measured
