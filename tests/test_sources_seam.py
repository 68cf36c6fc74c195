"""The contract of sources: what keeps it passes the battery."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.contract import CONTENTS, OBJECTS, VICTIM, content_of
from support.listings import each

from storeff.sources import listed_once, spool
from storeff.sources.entry import Entry
from storeff.sources.listed_once import ListedOnce
from storeff.sources.skipped import ChangedError, Ignored
from storeff.sources.source import HOLE_BYTES, Found, entries
from storeff.sources.tree import LocalTree
from storeff.testing import Key, MemorySource, Segment, check_change, check_source

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
def test_objects_in_memory_keep_the_contract(made: dict[Key, list[Segment]]) -> None:
    contents = {key: content_of(segments) for key, segments in made.items()}
    check_source(memory_of(made), contents)
    check_source(ListedOnce(memory_of(made)), contents)


@given(objects)
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
