"""What all workers of a scan share: what is read, how, and into which sketches."""

import threading
from dataclasses import dataclass, field

from storeff.scan.measurement import labels_of_roots
from storeff.scan.pace import Pace
from storeff.scan.part import Stop
from storeff.scan.plan import Plan
from storeff.scan.sampling import Extent, SamplingDesign, object_number
from storeff.sources.content import CLASSES, PROBE_BYTES, Recogniser
from storeff.sources.entry import Entry
from storeff.sources.source import Range, Source

# Files up to this size are read whole, many in one native call.
SMALL_BYTES = 1 << 20
CLASS_NUMBERS = {name: number for number, name in enumerate(CLASSES)}

# What a worker takes when its sketches are full: 96 bytes for each entry that a sketch of chunks
# keeps, 400 for one of similar chunks with the names of its files, and the rest for its buffer and
# its thread.
ENTRY_BYTES = 96
SIMILAR_ENTRY_BYTES = 400
REST_BYTES = 16 << 20


@dataclass(eq=False)
class Job:
    """What all workers of a scan share. With a ``design`` they measure extents of a sample.
    ``is_kv`` recognises the content class "kv" (see ``content.classify``).

    ``turn`` is held where a worker has much to do in the interpreter alone. Threads that get in
    each other's way there instead hand it over at every system call: two took 1.3 times as long as
    one for 40,000 small files (2026-11-21).
    """

    source: Source
    plan: Plan
    kernel: str
    stop: Stop
    pace: Pace
    design: SamplingDesign | None = None
    is_kv: Recogniser | None = None
    turn: threading.Lock = field(default_factory=threading.Lock)
    # The content classes of files of several extents, by the numbers of both.
    classes: dict[int, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.chunkers = [c for c in self.plan.chunkers if not (self.design and c.kind == "whole")]
        # The roots that are told apart, in the order of their names; none if they are too many.
        self.volumes, self.root_labels = labels_of_roots(self.source.roots)
        # How far a chunk that starts in an extent may reach beyond its end.
        self.tail_bytes = max(
            (c.max_bytes for c in self.chunkers if c.kind == "content-defined"), default=0
        )

    def labels(self, entry: Entry, content_class: str | None) -> int:
        """The labels of data of ``entry``, as in a Sketch."""
        labels = 0 if content_class is None else 1 << CLASS_NUMBERS[content_class]
        for root in entry.roots:
            labels |= self.root_labels[root]
        return labels

    def range_of(self, extent: Extent) -> Range:
        """What is to be read for ``extent``: in a sample, also what chunks need around it; and of
        a file of several extents the head, if its class is not known."""
        entry, start, end = extent.entry, extent.start, extent.end
        if self.design is None or entry.size_bytes <= self.design.extent_bytes:
            return Range(entry, start, end)
        part_start = start // self.plan.part_bytes * self.plan.part_bytes
        part_end = min(part_start + self.plan.part_bytes, entry.size_bytes)
        start = max(start - self.design.lead_bytes, part_start)
        knows_class = start == 0 or object_number(entry) in self.classes
        return Range(
            entry, start, min(end + self.tail_bytes, part_end), 0 if knows_class else PROBE_BYTES
        )

    @property
    def buffer_bytes(self) -> int:
        """The longest range, or a small file."""
        if self.design is None:
            return SMALL_BYTES
        return PROBE_BYTES + self.design.lead_bytes + self.design.extent_bytes + self.tail_bytes


def worker_bytes(plan: Plan) -> int:
    """About what memory one worker under ``plan`` takes when it has measured much."""
    similar_entries = plan.similarity.entries if plan.similarity else 0
    entries = sum(c.entries for c in plan.chunkers)
    return REST_BYTES + ENTRY_BYTES * entries + SIMILAR_ENTRY_BYTES * similar_entries
