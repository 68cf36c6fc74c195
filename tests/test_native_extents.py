"""Extents of a sample: what counts of data that is cut from before an extent to beyond its end."""

from __future__ import annotations

import math
from itertools import pairwise
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle
from support.native import (
    RANDOM,
    SEED,
    WHOLE,
    Plan,
    contents,
    expected,
    place_of,
    plain,
    profiles,
)

from storeff._native import Scanner, kernels
from storeff.scan.united import united

if TYPE_CHECKING:
    from storeff._native import Content

plans = st.lists(
    st.tuples(profiles(), st.sampled_from([1, 3, 100]), st.booleans()).map(
        lambda p: (*p[0], *p[1:])
    ),
    min_size=1,
    max_size=3,
)


@st.composite
def extents(draw: st.DrawFn) -> tuple[bytes, int, int, int, float]:
    """Data, its position, and an extent that it reaches into."""
    data = draw(contents()) + draw(st.binary(min_size=1, max_size=3))
    position = draw(st.sampled_from([0, 1, 12_345, 1 << 40]))
    start = draw(st.integers(max(0, position - 9), position + len(data) - 1))
    end = draw(st.integers(max(start, position) + 1, position + len(data) + 9))
    return data, position, start, end, draw(st.sampled_from([0.25, 0.5, 1.0]))


def scanned(plan: Plan, of: list[Content], arena: bytes, kernel: str = "scalar") -> Scanner:
    scanner = Scanner(plan, SEED, kernel, is_sample=True)
    scanner.scan_contents(arena, of)
    return scanner


@pytest.mark.parametrize("kernel", kernels())
@given(plan=plans, each=st.lists(st.tuples(st.sampled_from([1, 2, 6]), extents()), max_size=4))
def test_a_sample_is_what_the_oracle_counts(
    kernel: str, plan: Plan, each: list[tuple[int, tuple[bytes, int, int, int, float]]]
) -> None:
    twin = oracle.Scanner(plan, SEED, is_sample=True)
    arena, of = bytearray(), []
    for i, (labels, (data, position, start, end, rank)) in enumerate(each):
        number = place_of(i)[0]
        of.append((len(arena), len(data), labels, number, position, start, end, rank))
        arena += data
        twin.scan_extent(labels, data, number, position, (start, end, rank))
    scanner = scanned(plan, of, bytes(arena), kernel)
    for index, chunker in enumerate(twin.chunkers):
        assert plain(scanner.export(index)) == expected(chunker)
    assert scanner.export_histogram().tolist() == twin.histogram


def test_turns_of_chunkers_do_not_show() -> None:
    """Chunkers take turns in data larger than a cache; constant stretches cross their ends."""
    data = RANDOM[:200_000] + bytes(300_000) + RANDOM[200_000:]
    plan = [(4096, 4096, 900, False), (6144, 10240, 900, True), (16384, 16384, 900, True)]
    start, end = 40_960, 819_200
    twin = oracle.Scanner(plan, SEED, is_sample=True)
    twin.scan_extent(1, data, 7, 0, (start, end, 0.5))
    scanner = scanned(plan, [(0, len(data), 1, 7, 0, start, end, 0.5)], data)
    for index, chunker in enumerate(twin.chunkers):
        assert plain(scanner.export(index)) == expected(chunker)


def test_extents_side_by_side_hold_every_chunk_of_the_whole_once() -> None:
    plan = [(6144, 10240, 900, False), (4096, 4096, 900, False)]
    bounds = [*range(0, len(RANDOM), 131_072), len(RANDOM)]
    of: list[Content] = [
        (0, len(RANDOM), 1, 1, 0, start, end, (i + 1) / 8)
        for i, (start, end) in enumerate(pairwise(bounds))
    ]
    sample = scanned(plan, of, RANDOM)
    whole = Scanner(plan, SEED)
    whole.scan_contents(RANDOM, [(0, len(RANDOM), 1, 1, 0, 0, len(RANDOM), 0.0)])
    for index in range(len(plan)):
        ours, theirs = sample.export(index), whole.export(index)
        assert sorted(ours["keys"].tolist()) == sorted(theirs["keys"].tolist())
        assert ours["bytes"] == theirs["bytes"] == len(RANDOM)


def test_all_entries_of_a_chunk_stay_or_go_together() -> None:
    blocks = [RANDOM[i : i + 8] for i in range(0, 800, 8)]
    of: list[Content] = []
    arena = b"".join(blocks)
    for rank in range(1, 6):
        of += [(0, len(arena), 1, rank, 0, 0, len(arena), rank / 8)]
    export = scanned([(8, 8, 203, True)], of, arena).export(0)
    keys = [tuple(key) for key in export["keys"].tolist()]
    assert len(keys) == 200
    assert all(keys.count(key) == 5 for key in keys)
    assert export["tau"] < 1
    assert export["extents"] is not None
    assert export["extents"][:5].tolist() == [1 / 8, 2 / 8, 3 / 8, 4 / 8, 5 / 8]


@given(
    st.lists(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 4)), max_size=30), min_size=1),
    st.sampled_from([1, 3, 8, 100]),
)
def test_merged_samples_are_the_sample_of_everything(
    parts: list[list[tuple[int, int]]], capacity: int
) -> None:
    def part(rows: list[tuple[int, int]]) -> SimpleNamespace:
        of: list[Content] = [
            (8 * i, 8, 1 << e, 9 - i % 3, 8 * e, 8 * e, 8 * e + 8, e / 8) for i, e in rows
        ]
        export = scanned([(8, 8, capacity, True)], of, RANDOM).export(0)
        return SimpleNamespace(**export)

    together = part([row for rows in parts for row in rows])
    merged = united([part(rows) for rows in parts], capacity, SEED)
    for name in merged:
        assert np.array_equal(merged[name], getattr(together, name)), name  # type: ignore[literal-required]


@pytest.mark.parametrize(
    ("position", "start", "end", "rank"),
    [
        *[(0, 8, 9, 0.5), (9, 0, 9, 0.5), (0, 4, 4, 0.5), (0, 5, 4, 0.5), (0, 0, 8, 0.0)],
        *[(0, 0, 8, -1.0), (0, 0, 8, math.nan), (2**64 - 4, 2**64 - 4, 2**64 - 1, 0.5)],
    ],
)
def test_extents_that_make_no_sense(position: int, start: int, end: int, rank: float) -> None:
    scanner = Scanner([(8, 8, 9, False)], SEED, is_sample=True)
    with pytest.raises(ValueError, match=r"reach into it|64 bits"):
        scanner.scan_contents(RANDOM, [(0, 8, 1, 1, position, start, end, rank)])
    assert scanner.export(0)["chunks"] == 0


def test_a_whole_file_is_no_extent() -> None:
    scanner = Scanner([(8, 8, 9, False)], SEED)
    for position, start, end, rank in (
        (1, 0, 8, 0.0),
        (0, 1, 8, 0.0),
        (0, 0, 7, 0.0),
        (0, 0, 8, 1),
    ):
        with pytest.raises(ValueError, match="a whole file"):
            scanner.scan_contents(RANDOM, [(0, 8, 1, 1, position, start, end, rank)])


def test_a_scanner_of_a_sample_takes_nothing_but_extents() -> None:
    scanner = Scanner([(8, 8, 9, False)], SEED, is_sample=True)
    ones = np.ones(1, np.uint64)
    with pytest.raises(ValueError, match="sample"):
        scanner.begin(1)
    with pytest.raises(ValueError, match="sample"):
        scanner.add(0, np.ones((1, 2), np.uint64), ones, ones, np.ones((1, 2), np.uint64))
    with pytest.raises(ValueError, match="sample"):
        Scanner([WHOLE], SEED, is_sample=True)
