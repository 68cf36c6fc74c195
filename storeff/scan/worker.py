"""One thread's share of a scan: reads files, feeds the native scanner, compresses what it keeps."""

import errno
import os
import threading
import time
from collections import defaultdict
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.scan.codecs import SizesOf, codec
from storeff.scan.compressed import CompressedSample
from storeff.scan.measurement import VOLUME_BIT, Measurement
from storeff.scan.pace import Pace
from storeff.scan.part import Part, PartedFile
from storeff.scan.plan import Plan
from storeff.scan.similar import SimilarChunks
from storeff.scan.sketch import Sketch
from storeff.sources.census import Census
from storeff.sources.content import CLASSES, PROBE_BYTES, classify
from storeff.sources.entry import HOLE_BYTES, Entry, data_segments, open_entry, read_head
from storeff.sources.skipped import ChangedError, Skipped, skipped_for

# read() into a reused buffer of 256 KiB to 1 MiB is fastest (measured 2026-11-20, 7.8-11 GB/s).
READ_BYTES = 512 << 10
# One native call reads no more, so that a stop, a pace and the progress are looked at.
CALL_BYTES = 16 << 20
# Files up to this size are read whole, many in one native call.
SMALL_BYTES = 1 << 20

GROUPS = {name: group for group, name in enumerate(CLASSES)}


# Small files of the same roots, or some parts of a large file.
Task = list[Entry] | tuple[PartedFile, list[Part]]
# Where a file lies in the buffer, its group and its number: as Scanner.scan_contents takes it.
Content = tuple[int, int, int, int]


# What a worker takes when its sketches are full: 96 bytes for each entry that a sketch of chunks
# keeps, 400 for one of similar chunks with the names of its files, and the rest for its buffer, its
# compressors and its thread.
ENTRY_BYTES = 96
SIMILAR_ENTRY_BYTES = 400
REST_BYTES = 16 << 20


class Stopped(Exception):  # noqa: N818 - not an error: the person asked for it
    """The scan was interrupted while this file was being read."""


class Worker:
    """Measures files one after the other; owned by one thread at a time.

    Workers of one scan share ``turn``, held where one of them has much to do in the interpreter
    alone. Threads that get in each other's way there instead hand it over at every system call:
    two took 1.3 times as long as one for 40,000 small files (2026-11-21).
    """

    def __init__(
        self,
        plan: Plan,
        kernel: str,
        stop: threading.Event,
        pace: Pace,
        samples: list[CompressedSample],
        turn: threading.Lock,
        volumes: Sequence[bytes] = (),
    ) -> None:
        self.plan = plan
        self.kernel = kernel
        self.stop = stop
        self.pace = pace
        self.samples = samples
        self.turn = turn
        self.scanner = _native.Scanner(
            [(c.min_bytes, c.max_bytes, c.entries, len(c.codecs)) for c in plan.chunkers],
            plan.seed,
            kernel,
            [index for index, c in enumerate(plan.chunkers) if c.per_occurrence],
        )
        self.similar = SimilarChunks(plan, self.scanner) if plan.similarity else None
        self.codecs: dict[str, SizesOf] = {n: codec(n) for c in plan.chunkers for n in c.codecs}
        self.view = memoryview(bytearray(SMALL_BYTES + self.scanner.buffer_bytes_min))
        self.census = Census()
        self.class_bytes = [0] * len(CLASSES)
        self.volumes = dict.fromkeys(volumes, 0)
        self.marks = {name: 1 << VOLUME_BIT + bit for bit, name in enumerate(volumes)}
        self.files_done = 0
        self.read_bytes = 0
        self.hole_bytes = 0
        self.cpu_seconds = 0.0
        self.compress_seconds = 0.0

    def measure(self, task: Task) -> None:
        """Measure small files, or some parts of a large one."""
        before = self.read_bytes
        roots = task[0].roots if isinstance(task, list) else task[0].entry.roots
        self.scanner.mark(sum(self.marks.get(root, 0) for root in roots))
        if isinstance(task, list):
            self.measure_small(task)
        else:
            self.measure_stretch(*task)
        if self.similar is not None:
            entries = task if isinstance(task, list) else [task[0].entry]
            self.similar.name_files({file_number(entry): entry for entry in entries})
        for root in roots:
            if root in self.volumes:
                self.volumes[root] += self.read_bytes - before

    def measure_small(self, entries: list[Entry]) -> None:
        """Measure files of at most SMALL_BYTES; one that cannot be read costs only itself."""
        done = 0
        while done < len(entries) and not self.stop.is_set():
            reads = _native.read_files(entries[done:], HOLE_BYTES, self.view)
            with self.turn:
                contents, sparse = self.look_into(entries[done : done + len(reads)], reads)
            if contents:
                self.compress(self.scanner.scan_contents(self.view, contents))
            for entry in sparse:
                file = PartedFile(entry, self.plan.part_bytes)
                for parts, _ in file.stretches(self.stop):
                    self.measure_stretch(file, parts)
            done += len(reads)
            self.pace.wait(sum(length for _, _, length, _ in reads))
        for entry in entries[done:]:
            self.census.add_left_out(Skipped("interrupted", entry.path, entry.size_bytes))
        self.census.add_entries(entries[done:], [None] * (len(entries) - done))
        self.files_done += len(entries) - done

    def look_into(
        self, entries: list[Entry], reads: list[tuple[int, int, int, int]]
    ) -> tuple[list[Content], list[Entry]]:
        """Count files that lie in the buffer, as ``reads`` says; what of them is to be scanned, and
        those that were not read because they have holes."""
        measured: list[Entry] = []
        classes: list[str | None] = []
        contents: list[Content] = []
        sparse: list[Entry] = []
        for entry, (outcome, offset, length, error_number) in zip(entries, reads, strict=True):
            if outcome == _native.SPARSE:
                sparse.append(entry)
                continue
            content_class = None if entry.size_bytes else "empty"
            if length:
                head = bytes(self.view[offset : offset + min(length, PROBE_BYTES)])
                content_class = classify(head, entry.path, entry.size_bytes)
                contents.append((offset, length, GROUPS[content_class], file_number(entry)))
                self.class_bytes[GROUPS[content_class]] += length
                self.read_bytes += length
            if outcome != _native.READ:
                missing_bytes = entry.size_bytes - length
                if outcome == _native.UNREADABLE:
                    error = OSError(error_number, os.strerror(error_number))
                    content_class = content_class if length else None
                    self.census.add_left_out(skipped_for(error, entry.path, missing_bytes))
                else:
                    self.census.add_left_out(Skipped("changed", entry.path, missing_bytes))
            measured.append(entry)
            classes.append(content_class)
        self.census.add_entries(measured, classes)
        self.files_done += len(measured)
        return contents, sparse

    def measure_stretch(self, file: PartedFile, parts: list[Part]) -> None:
        """Measure some parts of ``file``, and conclude the file if they are the last."""
        reason = None if parts else file.refused
        if reason is None:
            try:
                reason = self.measure_parts(file.entry, parts)
            except Stopped:
                reason = "interrupted"
            except OSError as error:
                reason = skipped_for(error, file.entry.path, None).reason
        for part in parts:
            part.reason = part.reason or reason
        if not parts:
            file.refused = reason
        if file.finish():
            self.conclude(file)

    def measure_parts(self, entry: Entry, parts: list[Part]) -> str | None:
        """Why ``parts`` are not what was listed, if they are not. One of which something cannot be
        read costs only itself, and has its own reason. Raises OSError, Stopped."""
        if self.stop.is_set():
            raise Stopped
        fd = open_entry(entry)
        try:
            head = read_head(fd, entry.size_bytes, PROBE_BYTES) if parts else b""
            if parts and not head:
                raise ChangedError(errno.ESTALE, "written to while it was read")
            content_class = classify(head, entry.path, entry.size_bytes)
            for part in parts:
                part.content_class = content_class
                part.reason = self.measure_part(fd, entry, part, GROUPS[content_class])
            after = os.fstat(fd)
        finally:
            os.close(fd)
        same = (after.st_size, after.st_mtime_ns) == (entry.size_bytes, entry.mtime_ns)
        return None if same else "changed"

    def measure_part(self, fd: int, entry: Entry, part: Part, group: int) -> str | None:
        """Feed the data of ``part`` to the scanner and step over its holes; why not all of it."""
        reason = None
        self.scanner.begin(group)
        self.scanner.set_place(file_number(entry), part.start)
        try:
            for offset, length, is_hole in data_segments(fd, part.end, start=part.start):
                if is_hole:
                    part.hole_bytes += length
                    self.hole_bytes += length
                    self.scanner.skip(length)
                else:
                    self.feed(fd, offset, offset + length, group)
        except Stopped:
            reason = "interrupted"
        except OSError as error:
            reason = skipped_for(error, entry.path, None).reason
        part.key, part.data_bytes, part.zero_bytes = self.scanner.end_part()
        return reason

    def feed(self, fd: int, offset: int, end: int, group: int) -> None:
        """Feed one stretch of data. What was read before an error or a stop stays counted."""
        try:
            while offset < end:
                if self.stop.is_set():
                    raise Stopped
                begun, until = offset, min(end, offset + CALL_BYTES)
                offset, kept, error_number = self.scanner.feed(
                    fd, offset, until, until == end, self.view, READ_BYTES
                )
                self.read_bytes += offset - begun
                self.class_bytes[group] += offset - begun
                self.compress(kept)
                if error_number == _native.FILE_ENDED:
                    raise ChangedError(errno.ESTALE, "shrank while it was read")
                if error_number:
                    raise OSError(error_number, os.strerror(error_number))
                self.pace.wait(offset - begun)
        except (OSError, Stopped):
            _, kept, _ = self.scanner.feed(fd, offset, offset, True, self.view, READ_BYTES)
            self.compress(kept)
            raise

    def conclude(self, file: PartedFile) -> None:
        """Count ``file``, all of whose parts are finished."""
        entry = file.entry
        content_class, reason, data_bytes = file.content_class, file.reason, file.data_bytes
        if content_class is None and reason is None:
            content_class = "zero" if entry.size_bytes else "empty"
        if reason is not None:
            self.census.add_left_out(Skipped(reason, entry.path, file.missing_bytes))
        self.hole_bytes += file.gap_bytes
        if content_class is not None:
            self.scanner.add_file(file.key, data_bytes, file.zero_bytes, GROUPS[content_class])
        if self.similar is not None:
            self.similar.note_tensors(entry, content_class)
        self.census.add_entries([entry], [content_class])
        self.files_done += 1

    def compress(self, kept: npt.NDArray[np.void]) -> None:
        """Give the chunks that a sketch has just kept, and that rank low enough, their sizes."""
        if not len(kept):
            return
        started = time.thread_time()
        sizes = np.zeros((len(kept), _native.SKETCH_CODECS_MAX), np.uint32)
        # A file smaller than a block is the same chunk to several chunkers.
        wanted: defaultdict[str, defaultdict[tuple[int, int], list[tuple[int, int]]]]
        wanted = defaultdict(lambda: defaultdict(list))
        for row, (index, offset, length, key, rank) in enumerate(kept.tolist()):
            if self.samples[index].take(rank, tuple(key)):
                for column, name in enumerate(self.plan.chunkers[index].codecs):
                    wanted[name][offset, offset + length].append((row, column))
        for name, cells_of_block in wanted.items():
            blocks = [self.view[start:end] for start, end in cells_of_block]
            for size, cells in zip(self.codecs[name](blocks), cells_of_block.values(), strict=True):
                for row, column in cells:
                    sizes[row, column] = size
        self.scanner.set_compressed(kept, sizes)
        for index, sample in enumerate(self.samples):
            self.scanner.limit_kept(index, sample.tau)
        self.compress_seconds += time.thread_time() - started

    def absorb(self, other: "Worker") -> None:
        """Take over all that ``other`` measured, and its memory: it can measure no more."""
        self.scanner.absorb(other.scanner)
        if self.similar is not None and other.similar is not None:
            self.similar.absorb(other.similar)
        del other.scanner
        self.census.merge(other.census)
        self.class_bytes = [
            sum(pair) for pair in zip(self.class_bytes, other.class_bytes, strict=True)
        ]
        self.read_bytes += other.read_bytes
        self.hole_bytes += other.hole_bytes
        self.volumes = {name: n + other.volumes[name] for name, n in self.volumes.items()}
        self.cpu_seconds += other.cpu_seconds
        self.compress_seconds += other.compress_seconds

    def finish(self) -> Measurement:
        """Everything measured. The worker gives its memory back: it can measure no more."""
        measured = Measurement(
            plan=self.plan,
            kernel=self.kernel,
            census=self.census,
            sketches={c.name: self.sketch(i) for i, c in enumerate(self.plan.chunkers)},
            volumes=self.volumes,
            read_bytes=self.read_bytes,
            hole_bytes=self.hole_bytes,
            class_bytes=np.array(self.class_bytes, np.uint64),
            histogram=self.scanner.export_histogram()[: len(CLASSES)],
            cpu_seconds=self.cpu_seconds,
            compress_seconds=self.compress_seconds,
            similar=self.similar.finish() if self.similar is not None else None,
        )
        del self.scanner
        return measured

    def sketch(self, index: int) -> Sketch:
        """The sketch of one chunker; compressed sizes only within the smaller sample."""
        made = self.scanner.export(index)
        compressed_tau = min(self.samples[index].tau, made["tau"])
        ranks = _native.rank(made["keys"], made["sizes"], self.plan.seed)
        made["compressed"][ranks >= compressed_tau] = 0
        return Sketch(**made, compressed_tau=compressed_tau)


def worker_bytes(plan: Plan) -> int:
    """About what memory one worker under ``plan`` takes when it has measured much."""
    similar_entries = plan.similarity.entries if plan.similarity else 0
    entries = sum(c.entries for c in plan.chunkers)
    return REST_BYTES + ENTRY_BYTES * entries + SIMILAR_ENTRY_BYTES * similar_entries


def file_number(entry: Entry) -> int:
    """What stands for the file's name in keys by place."""
    return int.from_bytes(_native.fingerprint(entry.path)[:8], "big")
