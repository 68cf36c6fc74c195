"""What a tree holds, counted exactly: files, bytes, classes, sizes, and what was left out."""

import heapq
import math

import msgspec
import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.sources.content import CLASSES
from storeff.sources.entry import Entries
from storeff.sources.skipped import Ignored, Skipped
from storeff.sources.sums import bit_lengths, counts_and_sums, exact_sum

EXAMPLES = 3


class Count(msgspec.Struct):
    """Some files and their apparent bytes."""

    files: int = 0
    size_bytes: int = 0

    def add(self, other: "Count") -> None:
        self.files += other.files
        self.size_bytes += other.size_bytes


class LeftOut(msgspec.Struct):
    """Entries left out for one reason; ``size_bytes`` sums known sizes, ``unknown`` counts others.

    ``examples`` are the smallest paths in byte order, whatever the order in which they are added.
    """

    entries: int = 0
    size_bytes: int = 0
    unknown: int = 0
    examples: list[bytes] = []

    def add(self, other: "LeftOut") -> None:
        self.entries += other.entries
        self.size_bytes += other.size_bytes
        self.unknown += other.unknown
        self.examples = heapq.nsmallest(EXAMPLES, {*self.examples, *other.examples})


class Census(msgspec.Struct):
    """Exact counts of entries, and by reason of what was skipped and ignored. Merging is addition.

    ``classes`` counts by content class (the files whose head was read). ``histogram[k]`` counts
    files of size 2^(k-1) to 2^k - 1 bytes; k is 0 for empty files.
    """

    files: int = 0
    size_bytes: int = 0
    allocated_bytes: int = 0
    classes: dict[str, Count] = {}
    histogram: dict[int, Count] = {}
    skipped: dict[str, LeftOut] = {}
    ignored: dict[str, LeftOut] = {}

    def add_entries(
        self, entries: Entries, content_classes: npt.NDArray[np.uint8] | None = None
    ) -> None:
        """Count ``entries``, each in its class (n,), a number in CLASSES or UNKNOWN: not looked
        into, as all are without classes.

        Raises ValueError, and counts nothing, if a class is none or there are not as many.
        """
        sizes = entries.sizes
        by_class: dict[int, tuple[int, int]] = {}
        if content_classes is not None:
            if len(content_classes) != len(sizes):
                raise ValueError("there must be a content class for each entry")
            known = content_classes != _native.UNKNOWN
            by_class = counts_and_sums(content_classes[known].astype(np.int64), sizes[known])
            if max(by_class, default=0) >= len(CLASSES):
                raise ValueError(f"content classes are below {len(CLASSES)}, or UNKNOWN")
        self.files += len(sizes)
        self.size_bytes += exact_sum(sizes)
        self.allocated_bytes += exact_sum(entries.allocated)
        for number, count in by_class.items():
            self.classes.setdefault(CLASSES[number], Count()).add(Count(*count))
        for exponent, count in counts_and_sums(bit_lengths(sizes), sizes).items():
            self.histogram.setdefault(exponent, Count()).add(Count(*count))

    def add_left_out(self, item: Skipped | Ignored) -> None:
        """Count what was skipped or ignored under its reason."""
        table = self.skipped if isinstance(item, Skipped) else self.ignored
        one = LeftOut(1, item.size_bytes or 0, int(item.size_bytes is None), [item.path])
        table.setdefault(item.reason, LeftOut()).add(one)

    def coverage(self, read_bytes: int, hole_bytes: int) -> float:
        """The share that ``read_bytes`` are of the listed bytes but ``hole_bytes``, known to be in
        holes: a hole of terabytes is no data that was read. Less than 1 if anything
        was skipped: what a directory holds that was not entered is not among the listed bytes."""
        listed_bytes = self.size_bytes - hole_bytes
        if not self.skipped and read_bytes >= listed_bytes:
            return 1.0
        share = read_bytes / listed_bytes if listed_bytes > 0 else 0.0
        return min(share, math.nextafter(1.0, 0.0))

    def less(self, part: "Census") -> "Census":
        """What this counts, by its size alone, beside ``part``: as much as there is."""
        histogram = {}
        for exponent, count in self.histogram.items():
            less = part.histogram.get(exponent, Count())
            files, size_bytes = count.files - less.files, count.size_bytes - less.size_bytes
            if files > 0 and size_bytes >= 0:
                histogram[exponent] = Count(files, size_bytes)
        return Census(
            sum(count.files for count in histogram.values()),
            sum(count.size_bytes for count in histogram.values()),
            max(0, self.allocated_bytes - part.allocated_bytes),
            histogram=histogram,
        )

    def merge(self, other: "Census") -> None:
        """Add ``other``, counted over other entries; associative and commutative."""
        self.files += other.files
        self.size_bytes += other.size_bytes
        self.allocated_bytes += other.allocated_bytes
        for name, count in other.classes.items():
            self.classes.setdefault(name, Count()).add(count)
        for exponent, count in other.histogram.items():
            self.histogram.setdefault(exponent, Count()).add(count)
        for reason, left_out in other.skipped.items():
            self.skipped.setdefault(reason, LeftOut()).add(left_out)
        for reason, left_out in other.ignored.items():
            self.ignored.setdefault(reason, LeftOut()).add(left_out)
