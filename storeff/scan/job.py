"""What all workers of a scan share: what is read, how, and into which sketches."""

import threading
from dataclasses import dataclass, field

import numpy as np

from storeff.scan.classes import CLASS_NUMBERS, Classes, KnownClasses
from storeff.scan.extent import Extents
from storeff.scan.measurement import labels_of_roots
from storeff.scan.pace import Pace
from storeff.scan.part import Stop
from storeff.scan.plan import Plan
from storeff.scan.sampling import SamplingDesign
from storeff.scan.sketch import Limits
from storeff.sources.content import CLASSES, PROBE_BYTES, Recogniser
from storeff.sources.entry import U64, Entries, Entry
from storeff.sources.source import RANGE, Ranges, Source

# Files up to this size are read whole, many in one native call.
SMALL_BYTES = 1 << 20
# The labels of data by the number of its class; of none where that is not known.
_CLASS_LABELS = np.zeros(256, np.uint64)
_CLASS_LABELS[: len(CLASSES)] = np.uint64(1) << np.arange(len(CLASSES), dtype=np.uint64)

# What a worker takes when its sketches are full: 96 bytes for each entry that a sketch of chunks
# keeps, 400 for one of similar chunks with the names of its files, and the rest for its buffer and
# its thread.
ENTRY_BYTES = 96
SIMILAR_ENTRY_BYTES = 400
REST_BYTES = 16 << 20


@dataclass(eq=False)
class Job:
    """What all workers of a scan share. With a ``design`` they measure extents of a sample.
    ``is_kv`` recognises the content class "kv" (see ``content.classify``). ``limits`` are as for
    ``scan``.

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
    limits: Limits = field(default_factory=dict)
    turn: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.chunkers = [c for c in self.plan.chunkers if not (self.design and c.kind == "whole")]
        # The roots that are told apart, in the order of their names; none if they are too many.
        self.volumes, self.root_labels = labels_of_roots(self.source.roots)
        extent_bytes = self.design.extent_bytes if self.design is not None else None
        self.classes = KnownClasses(self.source, self.is_kv, extent_bytes)
        # How far a chunk that starts in an extent may reach beyond its end.
        self.tail_bytes = max(
            (c.max_bytes for c in self.chunkers if c.kind == "content-defined"), default=0
        )

    def labels(self, entry: Entry, content_class: str | None) -> int:
        """The labels of data of ``entry``, as in a Sketch."""
        labels = 0 if content_class is None else 1 << CLASS_NUMBERS[content_class]
        return labels | self.labels_of_roots(entry.roots)

    def labels_of(self, entries: Entries, classes: Classes) -> U64:
        """(n,) the labels of data of ``entries`` whose classes have these numbers."""
        of_roots = entries.by_folder(self.labels_of_roots(roots) for roots, _ in entries.folders)
        return _CLASS_LABELS[classes] | of_roots

    def labels_of_roots(self, roots: tuple[int, ...]) -> int:
        labels = 0
        for root in roots:
            labels |= self.root_labels[root]
        return labels

    def ranges_of(self, extents: Extents, numbers: U64) -> Ranges:
        """What is to be read for ``extents`` of the objects ``numbers`` (n,): in a sample, also
        what chunks need around them; and of a file of several extents the head, if its class is not
        known."""
        bounds = np.zeros(len(extents), RANGE)
        bounds["start"], bounds["end"] = extents.rows["start"], extents.rows["end"]
        if self.design is not None:
            sizes = extents.entries.sizes
            some = np.flatnonzero(sizes > self.design.extent_bytes)
            starts = bounds["start"][some]
            part_starts = starts // self.plan.part_bytes * self.plan.part_bytes
            # A file may end where 64 bits do.
            in_part = np.minimum(self.plan.part_bytes, sizes[some] - part_starts)
            ends = bounds["end"][some]
            tail = np.minimum(self.tail_bytes, in_part - (ends - part_starts))
            starts = np.maximum(starts - self.design.lead_bytes, part_starts)
            is_known = np.array([n in self.classes.held for n in numbers[some].tolist()], bool)
            bounds["start"][some] = starts
            bounds["end"][some] = ends + tail
            bounds["head_bytes"][some] = np.where(is_known | (starts == 0), 0, PROBE_BYTES)
        return Ranges(extents.entries, bounds)

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
