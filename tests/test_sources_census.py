"""Census: exact, mergeable counts; and paths as text."""

import unicodedata
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff import _native
from storeff.sources.census import Census
from storeff.sources.content import CLASSES
from storeff.sources.entry import Entries, Entry
from storeff.sources.names import printable
from storeff.sources.skipped import Ignored, Skipped

Classes = npt.NDArray[np.uint8]
Item = tuple[Entry, str | None] | Skipped | Ignored

sizes = st.integers(0, 1 << 60)
paths = st.binary(min_size=1, max_size=3)
entries = st.builds(Entry, paths, st.just((0,)), sizes, sizes, st.just((1, 1, 0)))
items: st.SearchStrategy[Item] = st.one_of(
    st.tuples(entries, st.sampled_from(["text", "kv", None])),
    st.builds(Skipped, st.sampled_from(["permission", "fifo"]), paths, st.none() | sizes),
    st.builds(Ignored, st.sampled_from(["hard-link", "symlink"]), paths, st.none() | sizes),
)


def numbers_of(names: Sequence[str | None]) -> Classes:
    """The numbers of content classes; None is not looked into."""
    numbers = [_native.UNKNOWN if name is None else CLASSES.index(name) for name in names]
    return np.array(numbers, np.uint8)


def census_of(found: list[Item]) -> Census:
    census = Census()
    for item in found:
        if isinstance(item, tuple):
            census.add_entries(Entries.of([item[0]]), numbers_of([item[1]]))
        else:
            census.add_left_out(item)
    return census


def merged(*parts: Census) -> Census:
    total = Census()
    for part in parts:
        total.merge(part)
    return total


def entry(size_bytes: int) -> Entry:
    return Entry(b"path", (0,), size_bytes, 4096, (1, 1, 0))


@given(st.lists(items), st.lists(items), st.lists(items))
def test_merging_equals_counting_together_in_any_order(
    a: list[Item], b: list[Item], c: list[Item]
) -> None:
    together = census_of(a + b + c)
    assert merged(census_of(c), census_of(a), census_of(b)) == together
    assert merged(merged(census_of(a), census_of(b)), census_of(c)) == together


@given(st.lists(items))
def test_a_census_survives_serialisation(found: list[Item]) -> None:
    census = census_of(found)
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(census), type=Census) == census


def test_merging_leaves_the_other_census_alone() -> None:
    first = census_of([(entry(1), "text"), Skipped("fifo", b"a", 0)])
    total = merged(first)
    total.merge(first)
    assert first == census_of([(entry(1), "text"), Skipped("fifo", b"a", 0)])


def test_sizes_are_counted_by_power_of_two() -> None:
    census = census_of([(entry(size), "text") for size in (0, 1, 2, 3, 4, 4095, 4096)])
    assert {k: (c.files, c.size_bytes) for k, c in census.histogram.items()} == {
        0: (1, 0),
        1: (1, 1),
        2: (2, 5),
        3: (1, 4),
        12: (1, 4095),
        13: (1, 4096),
    }


def test_a_file_not_looked_into_counts_in_the_totals_only() -> None:
    census = census_of([(entry(10), None), (entry(5), "kv")])
    assert (census.files, census.size_bytes, census.allocated_bytes) == (2, 15, 8192)
    assert {k: (c.files, c.size_bytes) for k, c in census.classes.items()} == {"kv": (1, 5)}


@given(st.lists(st.tuples(entries, st.sampled_from([*CLASSES, None]))))
def test_entries_counted_at_once_are_each_counted(found: list[tuple[Entry, str | None]]) -> None:
    census = Census()
    names = numbers_of([name for _, name in found])
    census.add_entries(Entries.of(item for item, _ in found), names)
    assert census == census_of([*found])
    assert (census.files, census.size_bytes, census.allocated_bytes) == (
        len(found),
        sum(item.size_bytes for item, _ in found),
        sum(item.allocated_bytes for item, _ in found),
    )
    for name, count in census.classes.items():
        sizes = [item.size_bytes for item, of in found if of == name]
        assert (count.files, count.size_bytes) == (len(sizes), sum(sizes))


@pytest.mark.parametrize("classes", [[0, len(CLASSES)], [0, _native.ASK], [0], [0, 0, 0]])
def test_unknown_or_missing_classes_are_an_error_and_count_nothing(classes: list[int]) -> None:
    census = Census()
    with pytest.raises(ValueError, match=r"content class"):
        census.add_entries(Entries.of([entry(1), entry(2)]), np.array(classes, np.uint8))
    assert census == Census()


def test_examples_are_the_three_smallest_paths() -> None:
    census = census_of([Skipped("permission", path, 1) for path in (b"d", b"b", b"a", b"c", b"a")])
    assert census.skipped["permission"].examples == [b"a", b"b", b"c"]
    assert census.skipped["permission"].entries == 5


def test_unknown_bytes_are_not_zero_bytes() -> None:
    lost = census_of([Skipped("permission", b"a", None), Skipped("permission", b"b", 7)])
    assert (lost.skipped["permission"].size_bytes, lost.skipped["permission"].unknown) == (7, 1)


# Names


@pytest.mark.parametrize(
    ("path", "text"),
    [
        (b"/plain/path", "/plain/path"),
        ("/日本/é".encode(), "/日本/é"),
        (b"new\nline", r"new\u000aline"),
        (b"\xff", r"\xff"),
        (b"\\xff", r"\\xff"),
        (b"\x1b[31m", r"\u001b[31m"),
        ("\u202egnp".encode(), r"\u202egnp"),
        ("\U000e0001".encode(), r"\U000e0001"),
        (b"\xed\xa0\x80", r"\xed\xa0\x80"),
    ],
)
def test_paths_as_text(path: bytes, text: str) -> None:
    assert printable(path) == text


@given(st.binary(max_size=40), st.binary(max_size=40))
def test_printable_is_safe_and_tells_paths_apart(a: bytes, b: bytes) -> None:
    text = printable(a)
    text.encode("utf-8")
    assert not any(unicodedata.category(c) in ("Cc", "Cf", "Cs", "Zl", "Zp") for c in text)
    assert (text == printable(b)) == (a == b)
