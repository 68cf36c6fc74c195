"""One thread's share of a scan: reads and feeds the native scanner."""

import errno
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from storeff import _native
from storeff.scan.classes import CLASS_NUMBERS, Classes
from storeff.scan.extent import Extents
from storeff.scan.job import Job
from storeff.scan.measurement import Measurement
from storeff.scan.part import Part, PartedFile
from storeff.scan.sample import ExtentRows, ExtentTable
from storeff.scan.sampling import object_number
from storeff.scan.sketch import Sketch
from storeff.sources.census import Census
from storeff.sources.content import CLASSES, PROBE_BYTES
from storeff.sources.entry import U64, Entries, Entry, Rows
from storeff.sources.skipped import ChangedError, Skipped, skipped_for
from storeff.sources.source import RangesRead, Reader, fill
from storeff.sources.sums import Ints, bit_lengths, counts_and_sums

if TYPE_CHECKING:
    # Only where similar chunks are asked for is it needed.
    from storeff.scan.similar import SimilarChunks

# read() into a reused buffer of 256 KiB to 1 MiB is fastest (measured 2026-11-20, 7.8-11 GB/s).
READ_BYTES = 512 << 10
# One native call reads no more, so that a stop, a pace and the progress are looked at.
CALL_BYTES = 16 << 20
# Small files, or extents of a sample; or some parts of a large file.
Task = Extents | tuple[PartedFile, list[Part]]
# What Scanner.scan_contents takes.
CONTENT: np.dtype[np.void] = np.dtype(_native.CONTENT_FIELDS)


class Stopped(Exception):  # noqa: N818 - not an error: the person asked for it
    """The scan was interrupted while this file was being read."""


@dataclass(slots=True)
class Outcome:
    """What became of an extent with holes: the class of its data, if some was read, and its bytes
    of data and in holes."""

    content_class: str = ""
    data_bytes: int = 0
    hole_bytes: int = 0


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
        for i, chunker in enumerate(job.chunkers):
            if chunker.name in job.limits:
                self.scanner.limit(i, *job.limits[chunker.name])
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
        if isinstance(task, Extents):
            self.measure_extents(task)
        else:
            self.measure_stretch(*task)
        if self.similar is not None:
            entries = task.entries if isinstance(task, Extents) else Entries.of([task[0].entry])
            self.similar.name_files(entries.numbers(), entries)

    def count_data(self, entry: Entry, content_class: str, data_bytes: int) -> None:
        self.read_bytes += data_bytes
        self.class_bytes[CLASS_NUMBERS[content_class]] += data_bytes
        self.count_roots(dict.fromkeys(entry.roots, data_bytes))

    def count_roots(self, bytes_of: Mapping[int, int]) -> None:
        if self.volumes:
            for root, data_bytes in bytes_of.items():
                self.volumes[self.source.roots[root]] += data_bytes

    # ---- small files, and extents of a sample ----

    def measure_extents(self, extents: Extents) -> None:
        """Measure what fits the buffer; what cannot be read costs only itself."""
        numbers = extents.entries.numbers()
        ranges = self.job.ranges_of(extents, numbers)
        done, count = 0, len(extents)
        while done < count and not self.job.stop.is_set():
            reads = self.source.read_ranges(ranges.part(done, count), self.view)
            until = done + len(reads)
            some = extents.part(done, until), numbers[done:until], ranges.bounds[done:until]
            with self.job.turn:
                contents = self.look_at(*some, reads)
            if len(contents):
                self.scanner.scan_contents(self.view, contents)
            for row in sorted(reads.with_holes):
                self.measure_sparse(extents.part(done + row, done + row + 1))
            done = until
            self.job.pace.wait(int(reads.rows["length"].sum()))
        if done < count:
            self.undone_rank = min(self.undone_rank, float(extents.ranks[done]))
            if self.job.design is None:
                self.refuse(extents.entries.part(done, count))

    def refuse(self, entries: Entries) -> None:
        """Count ``entries`` as interrupted."""
        for entry in entries:
            name = self.source.name(entry)
            self.census.add_left_out(Skipped("interrupted", name, entry.size_bytes))
        self.census.add_entries(entries)
        self.files_done += len(entries)

    def look_at(self, extents: Extents, numbers: U64, bounds: Rows, reads: RangesRead) -> Rows:
        """Take note of ``extents`` of the objects ``numbers`` (n,), of which ``bounds`` were to be
        read and ``reads`` lie in the buffer; what of that is to be scanned."""
        rows, entries = reads.rows, extents.entries
        lengths, heads, starts = rows["length"], rows["head_length"], bounds["start"]
        begin, end = extents.rows["start"], extents.rows["end"]
        data_bytes = np.minimum(starts + lengths, end) - begin
        has_data = data_bytes > 0
        data_bytes[~has_data] = 0
        heads = np.where(heads > 0, heads, np.minimum(lengths, PROBE_BYTES))
        heads = np.where(has_data, heads, 0)
        classes = self.job.classes.of(entries, numbers, self.view, rows["offset"], heads)
        classes[~has_data] = _native.UNKNOWN
        of_class = counts_and_sums(classes[has_data].astype(np.int64), data_bytes[has_data])
        for number, (_, class_bytes) in of_class.items():
            self.read_bytes += class_bytes
            self.class_bytes[number] += class_bytes
        self.count_roots(entries.sums_by_root(data_bytes))
        contents = np.empty(len(rows), CONTENT)
        contents["offset"] = rows["offset"] + rows["head_length"]
        contents["length"] = lengths
        contents["labels"] = self.job.labels_of(entries, classes)
        contents["object"], contents["rank"] = numbers, extents.ranks
        contents["position"], contents["start"] = starts, begin
        contents["end"] = lengths if self.job.design is None else end
        if not reads.with_holes:
            self.count(extents, classes, data_bytes, np.zeros_like(data_bytes), reads.errors)
        else:
            kept = np.array([row not in reads.with_holes for row in range(len(rows))])
            place = {row: i for i, row in enumerate(np.flatnonzero(kept).tolist())}
            errors = {place[row]: error for row, error in reads.errors.items()}
            some, of_data = extents.take(np.flatnonzero(kept)), data_bytes[kept]
            self.count(some, classes[kept], of_data, np.zeros_like(of_data), errors)
        wanted: Rows = contents[has_data]
        return wanted

    def count(
        self,
        extents: Extents,
        classes: Classes,
        data_bytes: Ints,
        hole_bytes: Ints,
        errors: Mapping[int, OSError],
    ) -> None:
        """Take note of whole small files, or of extents, and why something of them is missing."""
        entries = extents.entries
        is_empty = (entries.sizes == 0) & (classes == _native.UNKNOWN)
        classes = np.where(is_empty, CLASS_NUMBERS["empty"], classes).astype(np.uint8)
        for row, error in errors.items():
            if is_empty[row]:
                classes[row] = _native.UNKNOWN
            missing_bytes = int(extents.sizes[row] - data_bytes[row] - hole_bytes[row])
            name = self.source.name(entries[row])
            self.census.add_left_out(skipped_for(error, name, missing_bytes))
        self.files_done += len(extents)
        if self.job.design is None:
            self.census.add_entries(entries, classes)
            return
        self.extents.add(
            ExtentRows(
                ranks=extents.ranks,
                labels=self.job.labels_of(entries, classes),
                data=data_bytes.astype(np.uint64),
                holes=hole_bytes.astype(np.uint64),
                listed=extents.sizes.astype(np.uint64),
                once=extents.rows["once_bytes"].astype(np.uint64),
                exponents=bit_lengths(entries.sizes),
            )
        )

    def measure_sparse(self, extents: Extents) -> None:
        """Measure the only one of ``extents``, a small file or an extent that has holes."""
        extent = extents[0]
        if self.job.design is None:
            file = PartedFile(self.source, extent.entry, self.job.plan.part_bytes)
            for parts, _ in file.stretches(self.job.stop):
                self.measure_stretch(file, parts)
            return
        outcome, errors = Outcome(), dict[int, OSError]()
        try:
            with self.source.open(extent.entry) as reader:
                self.read_segments(reader, extents, outcome)
                if not reader.is_unchanged():
                    raise ChangedError(errno.ESTALE, "written to while it was read")
        except OSError as error:
            errors = {0: error}
        self.hole_bytes += outcome.hole_bytes
        number = CLASS_NUMBERS.get(outcome.content_class, _native.UNKNOWN)
        sizes = np.array([outcome.data_bytes]), np.array([outcome.hole_bytes])
        self.count(extents, np.array([number], np.uint8), *sizes, errors)

    def read_segments(self, reader: Reader, extents: Extents, outcome: Outcome) -> None:
        """Read the segments of data that reach into an extent, with what chunks need around it.
        Raises OSError."""
        extent = extents[0]
        entry, number = extent.entry, object_number(extent.entry)
        bounds = self.job.ranges_of(extents, np.array([number], np.uint64)).bounds[0]
        for offset, length, is_hole in reader.segments(int(bounds["start"]), int(bounds["end"])):
            inside = min(offset + length, extent.end) - max(offset, extent.start)
            if inside <= 0:
                continue
            if is_hole:
                outcome.hole_bytes += inside
                continue
            if not outcome.content_class:
                outcome.content_class = self.job.classes.of_open(entry, reader)
            fill(reader, self.view[:length], offset)
            labels = self.job.labels(entry, outcome.content_class)
            at = 0, length, labels, number, offset, extent.start, extent.end, extent.rank
            self.scanner.scan_contents(self.view, np.array([at], CONTENT))
            self.count_data(entry, outcome.content_class, inside)
            outcome.data_bytes += inside
            self.job.pace.wait(length)

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
            content_class = self.job.classes.of_open(entry, reader) if parts else None
            if content_class == "empty":
                raise ChangedError(errno.ESTALE, "written to while it was read")
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
        class_number = _native.UNKNOWN if content_class is None else CLASS_NUMBERS[content_class]
        self.census.add_entries(Entries.of([entry]), np.array([class_number], np.uint8))
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

    def take_over(self, other: "Worker") -> "Worker":
        """Let all that ``other`` has measured be measured by this one. Both are of a full scan, and
        the other gives its memory back: it can measure no more."""
        self.scanner.merge(other.scanner)
        if self.similar is not None and other.similar is not None:
            self.similar.take_over(other.similar)
        del other.scanner
        self.census.merge(other.census)
        self.class_bytes = [a + b for a, b in zip(self.class_bytes, other.class_bytes, strict=True)]
        for name, data_bytes in other.volumes.items():
            self.volumes[name] += data_bytes
        self.read_bytes += other.read_bytes
        self.hole_bytes += other.hole_bytes
        self.files_done += other.files_done
        self.cpu_seconds += other.cpu_seconds
        return self
