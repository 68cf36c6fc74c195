"""Large files in parts: ranges that threads measure apart, and the file they make up again."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from storeff import _native
from storeff.sources.entry import Entry
from storeff.sources.skipped import skipped_for
from storeff.sources.source import Source

# Parts of little data are handed out together, until they have so much of it: a file of 100,000
# extents far from each other is not opened as often.
STRETCH_BYTES = 16 << 20


class Stop(Protocol):
    """What says that a scan is to end: an Event, or the end of its time."""

    def is_set(self) -> bool: ...


@dataclass(slots=True)
class Part:
    """Bytes [start, end) of a file, of which some are data, and what became of them.

    ``key`` is that of a whole file of just these bytes. Of the ``data_bytes``, ``zero_bytes`` are
    in blocks of zeros that the key takes for holes. ``reason`` says why something is missing.
    """

    start: int
    end: int
    content_class: str | None = None
    key: bytes = b""
    data_bytes: int = 0
    zero_bytes: int = 0
    hole_bytes: int = 0
    reason: str | None = None

    @property
    def is_blank(self) -> bool:
        """Whether all of it was measured and nothing but holes and blocks of zeros was found."""
        complete = self.data_bytes + self.hole_bytes == self.end - self.start
        return complete and self.data_bytes == self.zero_bytes


class PartedFile:
    """A file, and its parts of ``part_bytes`` that hold data, each measured by whichever thread
    takes it. ``gap_bytes`` are the parts that are known to be all hole: there is no Part of them,
    so time and memory are those of the extents of a file, whatever its size.
    """

    def __init__(self, source: Source, entry: Entry, part_bytes: int) -> None:
        self.source = source
        self.entry = entry
        self.part_bytes = part_bytes
        self.parts: list[Part] = []
        self.gap_bytes = 0
        self.lock = threading.Lock()
        self.unfinished = 0
        self.all_handed_out = False
        self.refused: str | None = None

    def stretches(self, stop: Stop) -> Iterator[tuple[list[Part], int]]:
        """The parts in order, one with much data or several with little at a time, and the bytes of
        data that they are to have. The last one may have none.

        Each must be given to ``finish`` when it has been measured. What keeps the file from being
        looked into, or a stop, is its reason, not an error.
        """
        stretch: list[Part] = []
        stretch_bytes = 0
        for part, data_bytes in self._listed(stop):
            if stretch and stretch_bytes + data_bytes > STRETCH_BYTES:
                with self.lock:
                    self.unfinished += 1
                yield stretch, stretch_bytes
                stretch, stretch_bytes = [], 0
            self.parts.append(part)
            stretch.append(part)
            stretch_bytes += data_bytes
        # The last one is held back until it is known to be that, so that there is always one whose
        # end is the end of the file.
        with self.lock:
            self.unfinished += 1
            self.all_handed_out = True
        yield stretch, stretch_bytes

    def _listed(self, stop: Stop) -> Iterator[tuple[Part, int]]:
        """Each part that holds data, and how much."""
        looked_to = 0
        if stop.is_set():
            self.refused = "interrupted"
            return
        try:
            for part, data_bytes in self._with_data():
                if stop.is_set():
                    self.refused = "interrupted"
                    return
                self.gap_bytes += part.start - looked_to
                looked_to = part.end
                yield part, data_bytes
            self.gap_bytes += self.entry.size_bytes - looked_to
        except OSError as error:
            self.refused = skipped_for(error, self.source.name(self.entry), None).reason

    def _with_data(self) -> Iterator[tuple[Part, int]]:
        size_bytes, part_bytes = self.entry.size_bytes, self.part_bytes
        part, data_bytes = Part(-1, -1), 0
        with self.source.open(self.entry) as reader:
            for offset, length, is_hole in reader.segments(0, size_bytes):
                end = offset if is_hole else offset + length
                while offset < end:
                    start = offset // part_bytes * part_bytes
                    if start != part.start:
                        if data_bytes:
                            yield part, data_bytes
                        part = Part(start, min(start + part_bytes, size_bytes))
                        data_bytes = 0
                    data_bytes += min(end, part.end) - offset
                    offset = part.end
        if data_bytes:
            yield part, data_bytes

    def finish(self) -> bool:
        """Whether the stretch that is finished now was the last one."""
        with self.lock:
            self.unfinished -= 1
            return self.all_handed_out and not self.unfinished

    @property
    def content_class(self) -> str | None:
        """By the file's first data; None if nothing could be read."""
        return next((p.content_class for p in self.parts if p.content_class), None)

    @property
    def reason(self) -> str | None:
        """Why the first part that is not complete is not, or not all were listed; None if all are
        complete."""
        return next((p.reason for p in self.parts if p.reason), self.refused)

    @property
    def data_bytes(self) -> int:
        return sum(p.data_bytes for p in self.parts)

    @property
    def zero_bytes(self) -> int:
        return sum(p.zero_bytes for p in self.parts)

    @property
    def missing_bytes(self) -> int:
        measured = self.data_bytes + self.gap_bytes + sum(p.hole_bytes for p in self.parts)
        return self.entry.size_bytes - measured

    @property
    def key(self) -> bytes:
        """The whole file's key: that of its only part, or the fingerprint of the keys of its parts,
        in which stretches of blank parts, whether holes or zeros that were read, are their length.
        """
        if self.entry.size_bytes <= self.part_bytes and self.parts:
            return self.parts[0].key
        keys: list[bytes] = []
        position = 0
        for part in self.parts:
            if not part.is_blank:
                keys += [*_gap(part.start - position), part.key]
                position = part.end
        return _native.fingerprint(b"".join([*keys, *_gap(self.entry.size_bytes - position)]))


def _gap(gap_bytes: int) -> list[bytes]:
    return [b"hole" + gap_bytes.to_bytes(12, "little")] if gap_bytes else []
