"""Entries as columns: the same entries, whatever is done with the columns."""

import re
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.kv import dumps
from storeff.scan.extent import Extents
from storeff.scan.sampling import object_number
from storeff.sources import entry as columns
from storeff.sources.content import Recogniser
from storeff.sources.entry import Entries, Entry
from storeff.sources.sums import bit_lengths, counts_and_sums, exact_sum

NAMES = st.binary(min_size=1, max_size=5).filter(lambda name: not {*b"/\0"} & {*name})
PATHS = st.lists(NAMES, min_size=1, max_size=3).map(b"/".join)
ROOTS = st.sampled_from([(0,), (1,), (1, 0), (0, 2, 3)])
SIZES = st.integers(0, (1 << 63) - 1) | st.integers(0, 9000)
LOCAL = st.tuples(
    st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1), st.integers(-(2**63), 2**63 - 1)
).map(lambda v: (v[0], v[1], v[2] * 10**9 + v[1] % 10**9))


def listings(versions: st.SearchStrategy[columns.Version]) -> st.SearchStrategy[list[Entry]]:
    return st.lists(st.builds(Entry, PATHS, ROOTS, SIZES, SIZES, versions), max_size=12)


LISTINGS = listings(LOCAL) | listings(st.text(min_size=1, max_size=3))


@given(LISTINGS)
def test_columns_hold_the_entries(entries: list[Entry]) -> None:
    made = Entries.of(entries)
    assert list(made) == entries
    assert [made[row] for row in range(len(made))] == entries
    assert len(made) == len(entries)
    assert made.sizes.tolist() == [entry.size_bytes for entry in entries]
    assert made.allocated.tolist() == [entry.allocated_bytes for entry in entries]
    assert made.path_bytes.tolist() == [len(entry.path) for entry in entries]
    assert made.numbers().tolist() == [object_number(entry) for entry in entries]
    for row in (-1, len(entries)):
        with pytest.raises(IndexError):
            made[row]


@given(LISTINGS, st.data())
def test_parts_and_rows_are_the_same_entries(entries: list[Entry], data: st.DataObject) -> None:
    made = Entries.of(entries)
    start = data.draw(st.integers(0, len(entries)))
    end = data.draw(st.integers(start, len(entries)))
    part = made.part(start, end)
    assert list(part) == entries[start:end]
    assert list(Entries.joined([part, made, part])) == entries[start:end] + entries + list(part)
    which = data.draw(st.lists(st.integers(0, len(entries) - 1))) if entries else []
    taken = made.take(np.array(which, np.int64))
    assert list(taken) == [entries[row] for row in which]
    assert {*taken.folders} == {made.folders[int(made.rows["folder"][row])] for row in which}
    assert len(taken.names) == sum(len(entries[row].path.rpartition(b"/")[2]) + 1 for row in which)


@given(LISTINGS)
def test_sums_by_root_are_of_all_roots_of_an_entry(entries: list[Entry]) -> None:
    made = Entries.of(entries)
    expected: dict[int, int] = {}
    for entry in entries:
        for root in entry.roots:
            expected[root] = expected.get(root, 0) + entry.size_bytes
    assert made.sums_by_root(made.sizes) == expected


def test_names_that_no_row_can_point_to_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(columns, "NAMES_BYTES_MAX", 9)
    made = Entries.of([Entry(b"folder/name", (0,), 0, 0, (0, 0, 0))])
    assert len(made.names) == 5
    with pytest.raises(OverflowError, match="too many bytes"):
        Entries.joined([made, made])


@given(LISTINGS, st.lists(st.tuples(st.just(b"a"), st.just(rb"[^a]*a")), max_size=1))
def test_rows_are_found_by_their_base_names(
    entries: list[Entry], names: list[tuple[bytes, bytes]]
) -> None:
    asked = Recogniser(lambda head, name, size_bytes: True, names=names)
    expected = [
        row
        for row, entry in enumerate(entries)
        if names and re.fullmatch(rb"[^a]*a", entry.path.rpartition(b"/")[2])
    ]
    made = Entries.of(entries)
    assert made.rows_named(asked.parts, asked.names) == expected
    assert made.part(1, len(made)).rows_named(asked.parts, asked.names) == [
        row - 1 for row in expected if row
    ]


@given(LISTINGS, st.integers(1, 4), st.integers(1, 20_000), st.integers(0, 5000))
def test_batches_are_all_extents_in_order(
    entries: list[Entry], extents_max: int, bytes_max: int, least_bytes: int
) -> None:
    small = Entries.of(entry for entry in entries if entry.size_bytes < 1 << 20)
    batches = list(Extents.whole(small).batches(extents_max, bytes_max, least_bytes))
    assert [extent.entry for batch, _ in batches for extent in batch] == list(small)
    for batch, work_bytes in batches:
        work = [max(e.end - e.start, least_bytes) + len(e.entry.path) for e in batch]
        assert 0 < len(batch) <= extents_max
        assert work_bytes == sum(work)
        assert sum(work[:-1]) < bytes_max, "a batch ends with what fills it"
    for (batch, work_bytes), _ in pairwise(batches):
        assert len(batch) == extents_max or work_bytes >= bytes_max, "and not before"


# ---- sums ----


@given(st.lists(st.tuples(st.integers(0, 60), SIZES), max_size=30))
def test_sums_are_exact_whatever_the_sizes(rows: list[tuple[int, int]]) -> None:
    groups, sizes = (np.array([row[i] for row in rows], np.int64) for i in (0, 1))
    assert exact_sum(sizes) == sum(size for _, size in rows)
    assert bit_lengths(sizes).tolist() == [size.bit_length() for _, size in rows]
    assert counts_and_sums(groups, sizes) == {
        group: (
            sum(1 for each, _ in rows if each == group),
            sum(size for each, size in rows if each == group),
        )
        for group in {group for group, _ in rows}
    }


@pytest.mark.parametrize("exponent", [52, 53, 54, 62])
def test_sums_round_nowhere(exponent: int) -> None:
    sizes = np.array([(1 << exponent) + 1, 1, (1 << exponent) - 1], np.int64)
    groups = np.array([1, 0, 1])
    assert counts_and_sums(groups, sizes) == {0: (1, 1), 1: (2, 2 << exponent)}
    assert bit_lengths(sizes).tolist() == [exponent + 1, 1, exponent]


# ---- names of dumps ----

PIECES = [
    *(b"a" * 64, b"0f" * 32, b"0f1a2b", b"_", b".", b"_g3", b"_0_8", b".bin", b"_7.tmp", b".pt"),
    *(b".data", b".tmp", b".tmp0f", b"model", b"@", b"%40", b"8@0@0f1a@half", b"@0x0000000a@1@"),
    *(b"dynamo-kvbm-disk-cache-", b"aB3dE6", b"\n", b"\xff"),
]


@given(st.lists(st.sampled_from(PIECES), min_size=1, max_size=6).map(b"".join))
def test_a_scan_asks_about_every_name_that_a_dump_may_have(name: bytes) -> None:
    path = b"/kv/llama_0123456789ab_r0/0f1/a2_g0/" + name
    is_dump = any(module.looks_like(bytes(64), path, 1 << 20) for module in dumps._NOTICED)
    known = dumps.looks_like.names.fullmatch(name) is not None
    # Only names that end as files of these formats do are those of dumps to a scan.
    if is_dump and name.endswith((b".pt", b".data", b".tmp", b".bin")):
        assert known
    if known:
        assert dumps.looks_like.parts.search(name + b"\0") is not None
