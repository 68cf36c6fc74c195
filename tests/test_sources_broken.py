"""Each way to break the contract of sources fails the battery."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import msgspec
import numpy as np
import pytest
from support.contract import CONTENTS, OBJECTS, VICTIM

from storeff.sources.entry import Entries, Entry
from storeff.sources.skipped import Skipped
from storeff.sources.source import Found, Ranges, RangesRead, Reader
from storeff.testing import MemoryReader, MemorySource, check_change, check_source

# ---- each way to break the contract fails ----


class Broken(MemorySource):
    """A source and what is wrong with it."""

    def __init__(self) -> None:
        super().__init__([b"memory:one", b"memory:two"])
        for (root, path), segments in OBJECTS.items():
            self.put(path, *segments, roots=(root,))
        self.listings = 0


class ListsOtherEntries(Broken):
    """``listed`` says what is listed instead of the entries that there are."""

    def list(self) -> Iterator[Found]:
        self.listings += 1
        for found in super().list():
            yield Entries.of(self.listed([*found])) if isinstance(found, Entries) else found

    def listed(self, there: Sequence[Entry]) -> Sequence[Entry]:
        raise NotImplementedError


class ListsOneLess(ListsOtherEntries):
    def listed(self, there: Sequence[Entry]) -> Sequence[Entry]:
        return there[1:]


class ListsOneTwice(ListsOtherEntries):
    def listed(self, there: Sequence[Entry]) -> Sequence[Entry]:
        return [*there, there[0]]


class ListsOtherVersionsAgain(ListsOtherEntries):
    def listed(self, there: Sequence[Entry]) -> Sequence[Entry]:
        version = f"listing {self.listings}"
        return [msgspec.structs.replace(entry, version=version) for entry in there]


class ListsAnotherSize(ListsOtherEntries):
    def listed(self, there: Sequence[Entry]) -> Sequence[Entry]:
        return [msgspec.structs.replace(entry, size_bytes=entry.size_bytes + 1) for entry in there]


class ListsAbsolutePaths(ListsOtherEntries):
    def listed(self, there: Sequence[Entry]) -> Sequence[Entry]:
        return [msgspec.structs.replace(entry, path=b"/" + entry.path) for entry in there]


class ListsRootsInAnyOrder(ListsOtherEntries):
    def listed(self, there: Sequence[Entry]) -> Sequence[Entry]:
        return [
            msgspec.structs.replace(entry, roots=(entry.roots[0], *entry.roots)) for entry in there
        ]


class GivesAnUnknownReason(Broken):
    def list(self) -> Iterator[Found]:
        yield Skipped("because", b"path", None)
        yield from super().list()


class NamesAllAlike(Broken):
    def name(self, entry: Entry) -> bytes:
        return b"object"


class OpensChanged(Broken):
    """Whatever is there now is taken for what was listed."""

    @contextmanager
    def open(self, entry: Entry) -> Iterator[Reader]:
        yield MemoryReader(self.objects[entry.roots[0], entry.path], self.read_bytes)


class GivesReadersOf(Broken):
    reader: type[MemoryReader] = MemoryReader

    @contextmanager
    def open(self, entry: Entry) -> Iterator[Reader]:
        with super().open(entry):
            yield self.reader(self.objects[entry.roots[0], entry.path], self.read_bytes)


class LeavesGaps(GivesReadersOf):
    class reader(MemoryReader):  # noqa: N801
        def segments(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
            return iter([*super().segments(start, end)][1:])


class GoesBeyond(GivesReadersOf):
    class reader(MemoryReader):  # noqa: N801
        def segments(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
            return super().segments(start, self.item.size_bytes)


class CallsDataHoles(GivesReadersOf):
    class reader(MemoryReader):  # noqa: N801
        def segments(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
            for offset, length, _ in super().segments(start, end):
                yield offset, length, True


class CutsHolesAnywhere(GivesReadersOf):
    class reader(MemoryReader):  # noqa: N801
        def segments(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
            for offset, length, is_hole in super().segments(start, end):
                if is_hole and length > 1:
                    yield offset, length - 1, True
                    yield offset + length - 1, 1, False
                else:
                    yield offset, length, is_hole


class ReadsElsewhere(GivesReadersOf):
    class reader(MemoryReader):  # noqa: N801
        def read_into(self, view: memoryview, offset: int) -> int:
            return super().read_into(view, max(0, offset - 1))


class DoubtsAll(GivesReadersOf):
    class reader(MemoryReader):  # noqa: N801
        def is_unchanged(self) -> bool:
            return False


class ReadsWholesOneByteOff(Broken):
    def read_ranges(self, ranges: Ranges, buffer: memoryview) -> RangesRead:
        wholes = super().read_ranges(ranges, buffer)
        wholes.rows["length"] = np.maximum(0, wholes.rows["length"] - 1)
        return wholes


class ReadsNoWholes(Broken):
    def read_ranges(self, ranges: Ranges, buffer: memoryview) -> RangesRead:
        return super().read_ranges(ranges.part(0, 0), buffer)


class ReadsOutOfItsRoot(Broken):
    def read_beside(self, entry: Entry, relative: bytes, bytes_max: int) -> bytes | None:
        return super().read_beside(entry, os.path.basename(relative), bytes_max)


class ReadsBesideAtAnySize(Broken):
    def read_beside(self, entry: Entry, relative: bytes, bytes_max: int) -> bytes | None:
        return super().read_beside(entry, relative, 1 << 30)


BREAKS: dict[type[Broken], str] = {
    ListsOneLess: "lists the objects that there are",
    ListsOneTwice: "lists an object once",
    ListsOtherVersionsAgain: "lists the same again",
    ListsAnotherSize: "lists the size",
    ListsAbsolutePaths: "gives a path relative to the root",
    ListsRootsInAnyOrder: "names the other roots once",
    GivesAnUnknownReason: "gives a known reason",
    NamesAllAlike: "names differ",
    LeavesGaps: "without gaps|cover",
    GoesBeyond: "cover",
    CallsDataHoles: "holes are (zeros|whole granules)",
    CutsHolesAnywhere: "holes are whole granules",
    ReadsElsewhere: "reads the content|ends where it ends",
    DoubtsAll: "what was listed",
    ReadsWholesOneByteOff: "reads whole objects",
    ReadsNoWholes: "reads one object that fits",
    ReadsOutOfItsRoot: "stays below its root",
    ReadsBesideAtAnySize: "reads what is small",
}


def test_the_source_that_is_then_broken_keeps_the_contract() -> None:
    check_source(Broken(), CONTENTS)


@pytest.mark.parametrize(("broken", "message"), BREAKS.items())
def test_what_breaks_the_contract_fails(broken: type[Broken], message: str) -> None:
    with pytest.raises(AssertionError, match=message):
        check_source(broken(), CONTENTS)


def test_a_source_that_notices_no_change_fails() -> None:
    source = OpensChanged()
    check_source(source, CONTENTS)
    with pytest.raises(AssertionError, match="as if it were not"):
        check_change(source, CONTENTS, VICTIM, lambda: source.put(VICTIM[1], *OBJECTS[VICTIM]))


def test_an_error_that_costs_other_objects_fails() -> None:
    class StopsAtErrors(Broken):
        def read_ranges(self, ranges: Ranges, buffer: memoryview) -> RangesRead:
            wholes = super().read_ranges(ranges, buffer)
            if not wholes.errors:
                return wholes
            return super().read_ranges(ranges.part(0, min(wholes.errors) + 1), buffer)

    source = StopsAtErrors()
    with pytest.raises(AssertionError, match="goes on"):
        check_change(source, CONTENTS, VICTIM, lambda: source.objects.pop(VICTIM))
