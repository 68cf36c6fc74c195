"""One thread's share of a scan: reads files, feeds the native scanner, compresses what it keeps."""

import errno
import heapq
import math
import os
import threading
from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.scan.codecs import SizeOf, codec
from storeff.scan.measurement import Measurement
from storeff.scan.plan import Plan
from storeff.scan.sketch import Sketch
from storeff.sources.census import Census
from storeff.sources.content import CLASSES, PROBE_BYTES, classify
from storeff.sources.piece import Piece, data_segments, open_piece
from storeff.sources.refusals import ChangedError, Refusal, refusal_for

# read() into a reused buffer of 256 KiB to 1 MiB is fastest (measured 2026-11-20, 7.8-11 GB/s).
READ_BYTES = 1 << 20

Key = tuple[int, ...]


class Stopped(Exception):  # noqa: N818 - not an error: the person asked for it
    """The scan was interrupted while this file was being read."""


class Worker:
    """Measures pieces one after the other; owned by one thread at a time."""

    def __init__(
        self,
        plan: Plan,
        kernel: str,
        stop: threading.Event,
        samples: "list[CompressedSample] | None" = None,
    ) -> None:
        self.plan = plan
        self.kernel = kernel
        self.stop = stop
        self.scanner = _native.Scanner(
            [(c.min_bytes, c.max_bytes, c.entries, len(c.codecs)) for c in plan.chunkers],
            plan.seed,
            kernel,
        )
        self.codecs: dict[str, SizeOf] = {n: codec(n) for c in plan.chunkers for n in c.codecs}
        self.samples = samples or new_samples(plan)
        carry_bytes = max(c.max_bytes for c in plan.chunkers)
        self.buffer = bytearray(READ_BYTES + carry_bytes)
        self.view = memoryview(self.buffer)
        self.census = Census()
        self.class_bytes = np.zeros(len(CLASSES), np.uint64)
        self.files_done = 0
        self.read_bytes = 0
        self.hole_bytes = 0

    def measure(self, pieces: Iterable[Piece]) -> None:
        """Measure every piece; what cannot be read costs only itself and is counted as refused."""
        for piece in pieces:
            before = self.read_bytes + self.hole_bytes
            self.content_class: str | None = None
            refusal = self.refusal(piece)
            if refusal is not None:
                missing = piece.size_bytes - (self.read_bytes + self.hole_bytes - before)
                self.census.add_left_out(Refusal(refusal.reason, piece.path, missing))
            self.census.add_piece(piece, self.content_class)
            self.files_done += 1

    def refusal(self, piece: Piece) -> Refusal | None:
        """Why ``piece`` was not measured in full, or None."""
        try:
            if self.stop.is_set():
                raise Stopped
            fd = open_piece(piece)
            try:
                self.measure_open(fd, piece)
                after = os.fstat(fd)
            finally:
                os.close(fd)
        except Stopped:
            return Refusal("interrupted", piece.path, None)
        except OSError as error:
            return refusal_for(error, piece.path, None)
        if (after.st_size, after.st_mtime_ns) != (piece.size_bytes, piece.mtime_ns):
            return Refusal("changed", piece.path, None)
        return None

    def measure_open(self, fd: int, piece: Piece) -> None:
        """Feed the data of ``fd`` to the scanner and step over its holes."""
        skipped_bytes = 0
        try:
            for offset, length, is_hole in data_segments(fd, piece.size_bytes):
                if is_hole:
                    self.hole_bytes += length
                    if self.content_class is None:
                        skipped_bytes += length
                    else:
                        self.scanner.skip(length)
                else:
                    self.measure_segment(fd, piece, offset, length, skipped_bytes)
        finally:
            if self.content_class is not None:
                self.scanner.end()
        if self.content_class is None:
            self.content_class = "zero" if piece.size_bytes else "empty"

    def measure_segment(
        self, fd: int, piece: Piece, offset: int, length: int, skipped_bytes: int
    ) -> None:
        """Feed one stretch of data. What was read before an error or a stop stays counted."""
        start, end = offset, offset + length
        kept_bytes = 0
        try:
            while offset < end:
                if self.stop.is_set():
                    raise Stopped
                space = self.view[kept_bytes : kept_bytes + min(READ_BYTES, end - offset)]
                got = os.preadv(fd, [space], offset)
                if not got:
                    raise ChangedError(errno.ESTALE, "shrank while it was read")
                if self.content_class is None:
                    self.begin(piece, got, skipped_bytes)
                offset += got
                self.read_bytes += got
                self.class_bytes[self.bit] += np.uint64(got)
                kept_bytes = self.span(kept_bytes + got, last=offset == end)
        except (OSError, Stopped):
            if offset > start:
                self.span(kept_bytes, last=True)
            raise

    def begin(self, piece: Piece, got: int, skipped_bytes: int) -> None:
        """Name the file's content class by its first data and start its chunk streams."""
        head = bytes(self.view[: min(got, PROBE_BYTES)])
        self.content_class = classify(head, piece.path, piece.size_bytes)
        self.bit = CLASSES.index(self.content_class)
        self.scanner.begin(self.bit)
        if skipped_bytes:
            self.scanner.skip(skipped_bytes)

    def span(self, length: int, last: bool) -> int:
        """Scan the first ``length`` bytes of the buffer; how many of them wait for more data."""
        kept = self.scanner.span(self.buffer, length, last)
        if len(kept):
            self.compress(kept)
        return self.scanner.carry(self.buffer)

    def compress(self, kept: npt.NDArray[np.void]) -> None:
        """Give the chunks that a sketch has just kept, and that rank low enough, their sizes."""
        sizes = np.zeros((len(kept), _native.SKETCH_CODECS_MAX), np.uint32)
        ranks = _native.rank(
            np.ascontiguousarray(kept["key"]), np.ascontiguousarray(kept["length"]), self.plan.seed
        )
        # A file smaller than a block is the same chunk to several chunkers.
        known: dict[tuple[int, int, str], int] = {}
        keys = map(tuple, kept["key"].tolist())
        rows = zip(kept.tolist(), ranks.tolist(), keys, strict=True)
        for row, ((index, _, offset, length, _), rank, key) in enumerate(rows):
            if self.samples[index].take(rank, key):
                for column, name in enumerate(self.plan.chunkers[index].codecs):
                    place = (offset, length, name)
                    if place not in known:
                        known[place] = self.codecs[name](self.view[offset : offset + length])
                    sizes[row, column] = known[place]
        self.scanner.set_compressed(kept, sizes)

    def finish(self) -> Measurement:
        """Everything measured so far."""
        return Measurement(
            plan=self.plan,
            kernel=self.kernel,
            census=self.census,
            sketches={c.name: self.sketch(i) for i, c in enumerate(self.plan.chunkers)},
            read_bytes=self.read_bytes,
            hole_bytes=self.hole_bytes,
            class_bytes=self.class_bytes,
            histogram=self.scanner.export_histogram()[: len(CLASSES)],
        )

    def sketch(self, index: int) -> Sketch:
        """The sketch of one chunker, with compressed sizes for nothing beyond the smaller sample.

        A chunk of the sample that another worker compressed has none here; merging brings it.
        """
        made = self.scanner.export(index)
        compressed_tau = min(self.samples[index].tau, made["tau"])
        ranks = _native.rank(made["keys"], made["sizes"], self.plan.seed)
        made["compressed"][ranks >= compressed_tau] = 0
        return Sketch(**made, compressed_tau=compressed_tau)


def new_samples(plan: Plan) -> "list[CompressedSample]":
    """An empty sample for each chunker of ``plan``, for workers to share."""
    return [CompressedSample(c.compressed_entries) for c in plan.chunkers]


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
