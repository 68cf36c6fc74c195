"""Reading the units of a partial scan: their data, what kind it is, and where it is cut."""

import errno
import os
import threading
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from storeff.scan.codecs import SizesOf, codec
from storeff.scan.measurement import VOLUME_BIT
from storeff.scan.plan import Plan
from storeff.scan.sampled import Collector, chunks_of, pieces_of
from storeff.scan.units import GOLDEN, Design, Unit, path_hash
from storeff.scan.worker import GROUPS
from storeff.sources.content import PROBE_BYTES, classify
from storeff.sources.entry import HOLE_BYTES, Entry, data_segments, open_entry, read_head
from storeff.sources.skipped import ChangedError, skipped_for

# Files of more than one unit whose class is remembered, about 150 bytes each.
CLASSES_HELD = 1 << 16


@dataclass
class Outcome:
    """What became of a unit: the groups of its chunks (Sketch.groups), its bytes of data and in
    holes, what was read for it, and why something is missing."""

    groups: int
    data_bytes: int = 0
    hole_bytes: int = 0
    read_bytes: int = 0
    reason: str | None = None


class Groups:
    """The content class and the volume of each unit, for all threads."""

    def __init__(self, design: Design, volumes: Sequence[bytes]) -> None:
        self.design = design
        self.volume_bits = {name: 1 << VOLUME_BIT + bit for bit, name in enumerate(volumes)}
        self.lock = threading.Lock()
        self.class_bits: dict[tuple[int, int], int] = {}

    def volume_of(self, entry: Entry) -> int:
        """The groups of the volumes of ``entry``."""
        return sum(self.volume_bits.get(root, 0) for root in entry.roots)

    def class_of(self, entry: Entry, fd: int) -> int:
        """The group of the class of ``entry``, open as ``fd``; reads its head. Raises OSError."""
        file = entry.device, entry.inode
        class_bit = self.class_bits.get(file)
        if class_bit is None:
            head = read_head(fd, entry.size_bytes, PROBE_BYTES)
            if not head:
                raise ChangedError(errno.ESTALE, "written to while it was read")
            class_bit = 1 << GROUPS[classify(head, entry.path, entry.size_bytes)]
            if entry.size_bytes > self.design.unit_bytes:
                with self.lock:
                    if len(self.class_bits) >= CLASSES_HELD:
                        self.class_bits.clear()
                    self.class_bits[file] = class_bit
        return class_bit


class Reader:
    """One thread's way of reading units: its buffer and its compressors."""

    def __init__(
        self,
        design: Design,
        plan: Plan,
        collectors: Sequence[Collector],
        groups: Groups,
        kernel: str,
    ) -> None:
        self.design = design
        self.part_bytes = plan.part_bytes
        self.collectors = collectors
        self.groups = groups
        self.kernel = kernel
        # What a chunk that starts in a unit may reach beyond its end.
        self.tail_bytes = max(c.chunker.max_bytes for c in collectors)
        self.view = memoryview(bytearray(design.lead_bytes + design.unit_bytes + self.tail_bytes))
        by_name: dict[str, SizesOf] = {
            name: codec(name) for c in collectors for name in c.chunker.codecs
        }
        self.codecs = [[by_name[name] for name in c.chunker.codecs] for c in collectors]

    def read_unit(self, unit: Unit) -> Outcome:
        """Read, cut and hand over one unit; what cannot be read costs that unit only."""
        outcome = Outcome(groups=self.groups.volume_of(unit.entry))
        entry = unit.entry
        try:
            fd = open_entry(entry)
            try:
                self.read_open(fd, unit, outcome)
                after = os.fstat(fd)
            finally:
                os.close(fd)
            if (after.st_size, after.st_mtime_ns) != (entry.size_bytes, entry.mtime_ns):
                outcome.reason = "changed"
        except OSError as error:
            outcome.reason = skipped_for(error, entry.path, None).reason
        return outcome

    def read_open(self, fd: int, unit: Unit, outcome: Outcome) -> None:
        """Read the segments of data that reach into ``unit``, with what chunks need around it."""
        part_start = unit.start // self.part_bytes * self.part_bytes
        start = max(unit.start - self.design.lead_bytes, part_start)
        end = min(unit.end + self.tail_bytes, part_start + self.part_bytes, unit.entry.size_bytes)
        # Holes are told in whole granules only, so also that at the end has to be looked at whole.
        told_to = min(-(-end // HOLE_BYTES) * HOLE_BYTES, unit.entry.size_bytes)
        for offset, length, is_hole in data_segments(fd, told_to, start=start):
            inside = min(offset + length, unit.end) - max(offset, unit.start)
            if inside <= 0:
                continue
            if is_hole:
                outcome.hole_bytes += inside
                continue
            outcome.groups |= self.groups.class_of(unit.entry, fd)
            needed = min(length, end - offset)
            self.fill(fd, offset, needed)
            outcome.read_bytes += needed
            self.cut(unit, offset, needed, outcome.groups)
            outcome.data_bytes += inside

    def read_only(self, unit: Unit) -> int:
        """Read one unit, and say how much data it has. Raises OSError."""
        data_bytes = 0
        fd = open_entry(unit.entry)
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

    def cut(self, unit: Unit, offset: int, length: int, groups: int) -> None:
        """Hand over the chunks of ``unit`` in data at ``offset`` of the file, now in the buffer."""
        data = self.view[:length]
        begin, end = max(unit.start - offset, 0), min(unit.end - offset, length)
        # A small file is one chunk of several chunkers, and compressed once.
        compressed: dict[tuple[str, ...], dict[tuple[int, int], tuple[int, ...]]] = {}
        pieces: dict[tuple[str, int, int], npt.NDArray[np.int64]] = {}
        for collector, codecs in zip(self.collectors, self.codecs, strict=True):
            chunker = collector.chunker
            if chunker.cut not in pieces:
                pieces[chunker.cut] = pieces_of(data, begin, end, chunker, self.kernel)
            chunks = chunks_of(data, begin, end, pieces[chunker.cut], chunker, self.kernel)
            if chunker.per_occurrence:
                where = chunks.keys + np.uint64(offset)
                of_file = np.uint64(path_hash(unit.entry))
                chunks = chunks._replace(keys=of_file ^ (where * np.uint64(GOLDEN)))
            known = compressed.setdefault(chunker.codecs, {})
            collector.add(unit.place, groups, chunks, data, codecs, known)
