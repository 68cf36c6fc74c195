"""The contract of sources: what keeps it passes the battery, and each way to break it fails."""

import errno
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.listings import each

from storeff.sources import listed_once, spool
from storeff.sources.entry import Entries, Entry
from storeff.sources.listed_once import ListedOnce
from storeff.sources.skipped import ChangedError, Ignored, Skipped
from storeff.sources.source import HOLE_BYTES, Found, Ranges, RangesRead, Reader, entries
from storeff.sources.tree import LocalTree
from storeff.testing import Key, MemoryReader, MemorySource, Segment, check_change, check_source

# What objects hold: data that tell where they are from, and holes of about some granules.
pieces = st.one_of(
    st.integers(0, 3).map(lambda n: b"data" * n),
    st.integers(0, 5 * HOLE_BYTES // 2),
    st.just(bytes(2 * HOLE_BYTES)),
    st.just(HOLE_BYTES),
)
names = st.sampled_from([b"a", b"b", b"\xff\n", b"dir/a", b"dir/in/c", b"other/a"])
objects = st.dictionaries(
    st.tuples(st.integers(0, 1), names), st.lists(pieces, max_size=4), max_size=6
)


def content_of(segments: Sequence[Segment]) -> bytes:
    return b"".join(bytes(s) if isinstance(s, int) else s for s in segments)


def memory_of(made: dict[Key, list[Segment]]) -> MemorySource:
    source = MemorySource([b"memory:one", b"memory:two"])
    for (root, path), segments in made.items():
        source.put(path, *segments, roots=(root,))
    return source


def tree_of(folder: Path, made: dict[Key, list[Segment]]) -> LocalTree:
    roots = [folder / "one", folder / "two"]
    for made_here in roots:
        made_here.mkdir()
    for (root, path), segments in made.items():
        file_path = os.path.join(os.fsencode(roots[root]), path)
        os.makedirs(os.path.dirname(file_path), exist_ok=True)
        with open(file_path, "wb") as file:
            for segment in segments:
                if isinstance(segment, int):
                    file.seek(segment, os.SEEK_CUR)
                else:
                    file.write(segment)
            file.truncate(file.tell())
    return LocalTree(roots)


@given(objects)
@settings(max_examples=30)
def test_objects_in_memory_keep_the_contract(made: dict[Key, list[Segment]]) -> None:
    contents = {key: content_of(segments) for key, segments in made.items()}
    check_source(memory_of(made), contents)
    check_source(ListedOnce(memory_of(made)), contents)


@given(objects)
@settings(max_examples=30)
def test_local_trees_keep_the_contract(
    tmp_path_factory: pytest.TempPathFactory, made: dict[Key, list[Segment]]
) -> None:
    contents = {key: content_of(segments) for key, segments in made.items()}
    tree = tree_of(tmp_path_factory.mktemp("tree"), made)
    check_source(tree, contents)
    check_source(ListedOnce(tree), contents)


def test_roots_that_are_files_keep_the_contract(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").write_text(name)
    files = [tmp_path / "two" / "file", tmp_path / "one" / "file", tmp_path / "two" / "file"]
    tree = LocalTree(files)
    check_source(tree, {(0, b"file"): b"two", (1, b"file"): b"one"})
    assert tree.roots == (bytes(files[0]), bytes(files[1]))


# ---- changes ----

VICTIM = (0, b"dir/a")
OBJECTS: dict[Key, list[Segment]] = {
    VICTIM: [b"victim" * 100],
    (0, b"b"): [b"b" * 300],
    (0, b"dir/in/c"): [b"x" * 5000, 3 * HOLE_BYTES, b"y"],
    (1, b"dir/a"): [b"another" * 100],
}
CONTENTS = {key: content_of(segments) for key, segments in OBJECTS.items()}


def replace(path: Path) -> None:
    path.rename(path.with_name("still-there-so-that-its-inode-is-not-reused"))
    path.write_bytes(CONTENTS[VICTIM])


def become_a_link(path: Path) -> None:
    path.rename(path.with_name("moved"))
    path.symlink_to("moved")


def become_a_fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


@pytest.mark.parametrize(
    "change",
    [
        Path.unlink,
        replace,
        become_a_link,
        lambda path: path.write_bytes(b"short"),
        lambda path: path.write_bytes(CONTENTS[VICTIM] + b"longer"),
        lambda path: (path.unlink(), path.mkdir()),
        become_a_fifo,
        lambda path: os.utime(path, ns=(0, 12345)),
    ],
)
def test_a_changed_file_is_noticed(tmp_path: Path, change: Callable[[Path], object]) -> None:
    tree = tree_of(tmp_path, OBJECTS)
    check_change(tree, CONTENTS, VICTIM, lambda: change(tmp_path / "one" / "dir" / "a"))


def break_at(source: MemorySource, offset: int) -> None:
    source.objects[VICTIM].error = OSError(errno.EIO, "broken")
    source.objects[VICTIM].error_at = offset


@pytest.mark.parametrize(
    "change",
    [
        lambda source: source.objects.pop(VICTIM),
        lambda source: source.put(VICTIM[1], *OBJECTS[VICTIM]),
        lambda source: break_at(source, -1),
        lambda source: break_at(source, 300),
    ],
)
def test_a_changed_object_is_noticed(change: Callable[[MemorySource], object]) -> None:
    source = memory_of(OBJECTS)
    check_change(source, CONTENTS, VICTIM, lambda: change(source))


def test_a_reader_in_memory_gives_what_was_there_when_it_was_opened() -> None:
    source = memory_of(OBJECTS)
    [entry] = [entry for entry in entries(source) if entry.key == b"0/dir/a"]
    with source.open(entry) as reader:
        source.put(b"dir/a", b"other")
        view = memoryview(bytearray(6))
        assert (reader.read_into(view, 0), bytes(view)) == (6, b"victim")
    with pytest.raises(ChangedError), source.open(entry):
        pass


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


# ---- paths and roots ----


def entries_of(tree: LocalTree) -> dict[bytes, Entry]:
    return {tree.name(entry): entry for entry in entries(tree)}


def test_the_same_data_elsewhere_has_the_same_keys(tmp_path: Path) -> None:
    keys = []
    for place in ("here", "somewhere/else"):
        (tmp_path / place).mkdir(parents=True)
        tree = tree_of(tmp_path / place, OBJECTS)
        keys.append(sorted(entry.key for entry in entries_of(tree).values()))
    assert keys[0] == keys[1] == [b"0/b", b"0/dir/a", b"0/dir/in/c", b"1/dir/a"]


@given(
    links=st.lists(st.tuples(st.integers(0, 2), st.sampled_from("abcdef")), min_size=1, unique=True)
)
@settings(max_examples=30)
def test_of_several_names_the_smallest_of_the_first_root_counts(
    tmp_path_factory: pytest.TempPathFactory, links: list[tuple[int, str]]
) -> None:
    folder = tmp_path_factory.mktemp("links")
    roots = [folder / name for name in ("z", "y", "x")]
    for made_here in roots:
        made_here.mkdir()
    (folder / "file").write_bytes(b"content")
    for root, name in links:
        os.link(folder / "file", roots[root] / name)
    tree = LocalTree(roots)
    found = list(each(tree.list()))
    [entry] = [item for item in found if isinstance(item, Entry)]
    first, name = min(links)
    assert entry.path == name.encode()
    assert entry.roots == (first, *sorted({root for root, _ in links} - {first}))
    ignored = sorted(item.path for item in found if isinstance(item, Ignored))
    assert ignored == sorted(bytes(roots[root] / n) for root, n in links if (root, n) != min(links))


# ---- one listing ----


class Counting(MemorySource):
    listings = 0

    def list(self) -> Iterator[Found]:
        self.listings += 1
        return super().list()


@pytest.mark.parametrize(
    ("files", "share", "listings"), [(1, 0.25, 1), (1000, 0.25, 1), (1, 0.0, 1), (1000, 0.0, 2)]
)
def test_a_listing_is_held_in_memory_or_in_a_file_if_there_is_room(
    monkeypatch: pytest.MonkeyPatch, files: int, share: float, listings: int
) -> None:
    monkeypatch.setattr(listed_once, "HELD_BYTES", 10_000)
    monkeypatch.setattr(spool, "FREE_SHARE", share)
    source = Counting()
    source.left_out.append(Ignored("fifo", b"pipe", 0))
    for i in range(files):
        source.put(b"%d" % i, b"content")
    held = ListedOnce(source)
    expected = list(each(MemorySource.list(source)))
    assert list(each(held.list())) == list(each(held.list())) == expected
    assert source.listings == listings


def test_what_is_not_wanted_is_shown_once_and_neither_listed_nor_held() -> None:
    source = Counting()
    source.left_out.append(Ignored("fifo", b"pipe", 0))
    for i in range(50):
        source.put(b"%d" % i, b"content")
    seen: list[Found] = []
    held = ListedOnce(
        source, seen.append, lambda found: found.take(np.flatnonzero(found.numbers() % 5 == 0))
    )
    first, again = list(each(held.list())), list(each(held.list()))
    assert first == again
    assert list(each(iter(seen))) == list(each(MemorySource.list(source)))
    assert 1 < len(first) < 51
    assert source.listings == 1


def test_a_file_that_holds_a_listing_has_no_name_and_ends_with_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(listed_once, "HELD_BYTES", 1)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    source = Counting()
    source.put(b"name", b"content")
    held = ListedOnce(source)
    list(held.list())
    assert isinstance(held.held, spool.Spool)
    assert not [*tmp_path.iterdir()]
    descriptor = held.held.file.fileno()
    assert os.fstat(descriptor).st_dev == tmp_path.stat().st_dev
    del held
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)


def test_a_place_that_cannot_be_written_is_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(listed_once, "HELD_BYTES", 1)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "none"))
    source = Counting()
    source.put(b"name", b"content")
    held = ListedOnce(source)
    assert len(list(held.list())) == len(list(held.list())) == 1
    assert source.listings == 2


def test_left_out_items_count_in_what_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listed_once, "HELD_BYTES", 10_000)
    monkeypatch.setattr(spool, "FREE_SHARE", 0.0)
    source = Counting()
    source.left_out += [Ignored("fifo", b"pipe", 0)] * 1000
    held = ListedOnce(source)
    assert len(list(held.list())) == len(list(held.list())) == 1000
    assert source.listings == 2


def test_a_listing_that_was_given_up_is_not_held() -> None:
    source = Counting()
    source.left_out.append(Ignored("fifo", b"pipe", 0))
    source.put(b"a", b"content")
    held = ListedOnce(source)
    next(held.list())
    assert len(list(held.list())) == len(list(held.list())) == 2
    assert source.listings == 2
