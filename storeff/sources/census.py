"""What a tree holds, counted exactly: files, bytes, classes, sizes, and what was left out."""

import heapq

import msgspec

from storeff.sources.content import CLASSES
from storeff.sources.piece import Piece
from storeff.sources.refusals import Aside, Refusal

EXAMPLES = 3


class Count(msgspec.Struct):
    """Some files and their apparent bytes."""

    files: int = 0
    size_bytes: int = 0

    def add(self, files: int, size_bytes: int) -> None:
        self.files += files
        self.size_bytes += size_bytes


class LeftOut(msgspec.Struct):
    """Entries left out for one reason; ``size_bytes`` sums known sizes, ``unknown`` counts others.

    ``examples`` are the smallest paths in byte order, so they do not depend on who met them when.
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
    """Exact counts of pieces, and of refusals and asides by reason. Merging is addition.

    ``classes`` counts by content class (the files whose head was read). ``histogram[k]`` counts
    files of size 2^(k-1) to 2^k - 1 bytes; k is 0 for empty files.
    """

    files: int = 0
    size_bytes: int = 0
    allocated_bytes: int = 0
    classes: dict[str, Count] = {}
    histogram: dict[int, Count] = {}
    refusals: dict[str, LeftOut] = {}
    asides: dict[str, LeftOut] = {}

    def add_piece(self, piece: Piece, content_class: str | None) -> None:
        """Count ``piece``, in ``content_class`` (one of CLASSES) unless None: not looked into.

        Raises ValueError if the class is unknown.
        """
        if content_class is not None:
            if content_class not in CLASSES:
                raise ValueError(f"{content_class!r} is not a content class")
            self.classes.setdefault(content_class, Count()).add(1, piece.size_bytes)
        self.files += 1
        self.size_bytes += piece.size_bytes
        self.allocated_bytes += piece.allocated_bytes
        self.histogram.setdefault(piece.size_bytes.bit_length(), Count()).add(1, piece.size_bytes)

    def add_left_out(self, item: Refusal | Aside) -> None:
        """Count a refusal or an aside under its reason."""
        table = self.refusals if isinstance(item, Refusal) else self.asides
        size_bytes = item.size_bytes or 0
        unknown = item.size_bytes is None
        table.setdefault(item.reason, LeftOut()).add(
            LeftOut(1, size_bytes, int(unknown), [item.path])
        )

    def merge(self, other: "Census") -> None:
        """Add ``other``, counted over other entries; associative and commutative."""
        self.files += other.files
        self.size_bytes += other.size_bytes
        self.allocated_bytes += other.allocated_bytes
        for name, count in other.classes.items():
            self.classes.setdefault(name, Count()).add(count.files, count.size_bytes)
        for exponent, count in other.histogram.items():
            self.histogram.setdefault(exponent, Count()).add(count.files, count.size_bytes)
        for reason, left_out in other.refusals.items():
            self.refusals.setdefault(reason, LeftOut()).add(left_out)
        for reason, left_out in other.asides.items():
            self.asides.setdefault(reason, LeftOut()).add(left_out)
