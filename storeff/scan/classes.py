"""The content classes of what is scanned, remembered where a file is read in several extents."""

import numpy as np
import numpy.typing as npt

from storeff.scan.sampling import object_number
from storeff.sources.content import CLASSES, PROBE_BYTES, Classifier, Recogniser, classify
from storeff.sources.entry import U64, Entries, Entry
from storeff.sources.source import Reader, Source, read_head
from storeff.sources.sums import Ints

# Numbers of content classes in CLASSES, or _native.UNKNOWN.
Classes = npt.NDArray[np.uint8]

CLASS_NUMBERS = {name: number for number, name in enumerate(CLASSES)}
# Files whose class is remembered, about 100 bytes each.
CLASSES_HELD = 1 << 16


class KnownClasses:
    """Tells the content classes of the objects of ``source``. Those of more than ``extent_bytes``
    are remembered, as not every extent holds the beginning; None: no extents are read."""

    def __init__(self, source: Source, is_kv: Recogniser | None, extent_bytes: int | None) -> None:
        self.source = source
        self.is_kv = is_kv
        self.classifier = Classifier(is_kv)
        self.extent_bytes = extent_bytes
        # Numbers of classes by object number.
        self.held: dict[int, int] = {}

    def of(
        self, entries: Entries, numbers: U64, buffer: memoryview, offsets: Ints, lengths: Ints
    ) -> Classes:
        """(n,) the classes of ``entries``, the objects ``numbers``, whose heads lie in ``buffer``
        unless they are known."""
        large: list[int] = []
        if self.extent_bytes is not None:
            large = np.flatnonzero(entries.sizes > self.extent_bytes).tolist()
        held = {row: self.held.get(int(numbers[row])) for row in large}
        known = {row: number for row, number in held.items() if number is not None}
        lengths[list(known)] = 0
        classes = self.classifier.classify(
            buffer, offsets, lengths, entries, lambda row: self.source.name(entries[row])
        )
        for row in large:
            if row in known:
                classes[row] = known[row]
            elif lengths[row]:
                self.hold(int(numbers[row]), int(classes[row]))
        return classes

    def of_open(self, entry: Entry, reader: Reader) -> str:
        """The class of ``entry``, which is open: "empty" if it has no data. Raises OSError."""
        number = object_number(entry)
        if number in self.held:
            return CLASSES[self.held[number]]
        head = read_head(reader, entry.size_bytes, PROBE_BYTES)
        content_class = classify(head, self.source.name(entry), entry.size_bytes, self.is_kv)
        if self.extent_bytes is not None and entry.size_bytes > self.extent_bytes:
            self.hold(number, CLASS_NUMBERS[content_class])
        return content_class

    def hold(self, number: int, class_number: int) -> None:
        if len(self.held) >= CLASSES_HELD:
            self.held.clear()
        self.held[number] = class_number
