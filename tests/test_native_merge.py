"""Scanners that merge hold what one would that had been given what all were."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.native import RANDOM, SEED, WHOLE, contents, plain, profiles

from storeff._native import Scanner

Plan = list[tuple[int, int, int, bool]]


def scanned(plan: Plan, files: list[tuple[int, int, bytes]]) -> Scanner:
    """A scanner that was given files: number, labels, data."""
    scanner = Scanner(plan, SEED)
    for number, labels, data in files:
        give(scanner, number, labels, data)
    return scanner


def give(scanner: Scanner, number: int, labels: int, data: bytes) -> None:
    scanner.begin(labels)
    scanner.set_position(number, 0)
    scanner.span(data, len(data), True)
    scanner.end()


FILES = st.lists(st.tuples(st.sampled_from([1, 2, 1 << 63]), contents(), st.integers(0, 2)))


@given(plan=st.lists(profiles().map(lambda p: (*p, 6, True)), min_size=1, max_size=3), files=FILES)
def test_merged_scanners_are_one_that_was_given_everything(
    plan: Plan, files: list[tuple[int, bytes, int]]
) -> None:
    plan = [*plan, WHOLE]
    numbered = [(i, labels, data) for i, (labels, data, _) in enumerate(files)]
    parts = [
        scanned(plan, [file for file, (*_, part) in zip(numbered, files, strict=True) if part == i])
        for i in range(3)
    ]
    before = [plain(parts[1].export(i)) for i in range(len(plan))]
    parts[0].merge(parts[1])
    assert [plain(parts[1].export(i)) for i in range(len(plan))] == before
    parts[2].merge(parts[0])
    whole = scanned(plan, numbered)
    for index in range(len(plan)):
        assert plain(parts[2].export(index)) == plain(whole.export(index))
    assert (parts[2].export_histogram() == whole.export_histogram()).all()


def test_a_scanner_goes_on_after_it_was_merged() -> None:
    plan: Plan = [(4096, 4096, 20, False), WHOLE]
    files = [(1, 1, RANDOM[:50_000]), (2, 1, RANDOM[40_000:]), (3, 1, RANDOM)]
    first, second = scanned(plan, files[:1]), scanned(plan, files[1:2])
    first.merge(second)
    give(first, *files[2])
    every = scanned(plan, files)
    for index in range(len(plan)):
        assert plain(first.export(index)) == plain(every.export(index))


@pytest.mark.parametrize(
    "other",
    [
        Scanner([(4, 4, 10, False)], SEED + 1),
        Scanner([(5, 5, 10, False)], SEED),
        Scanner([(4, 5, 10, False)], SEED),
        Scanner([(4, 4, 11, False)], SEED),
        Scanner([(4, 4, 10, False)] * 2, SEED),
        Scanner([(4, 4, 10, False)], SEED, is_sample=True),
    ],
)
def test_scanners_of_other_plans_are_refused(other: Scanner) -> None:
    scanner = Scanner([(4, 4, 10, False)], SEED)
    with pytest.raises(ValueError, match="same plan"):
        scanner.merge(other)


def test_neither_may_have_an_open_file_nor_be_the_same() -> None:
    one, other = (Scanner([(4, 4, 10, False)], SEED) for _ in range(2))
    other.begin(1)
    for a, b in ((one, other), (other, one)):
        with pytest.raises(ValueError, match="a file is open"):
            a.merge(b)
    with pytest.raises(ValueError, match="two scanners"):
        one.merge(one)


def test_totals_that_do_not_fit_are_refused() -> None:
    one, other = (Scanner([(4, 4, 10, False)], SEED) for _ in range(2))
    for scanner in (one, other):
        key = np.ones((1, 2), np.uint64)
        scanner.add(0, key, np.full(1, 2**63, np.uint64), np.ones(1, np.uint64), key)
    with pytest.raises(ValueError, match="64 bits"):
        one.merge(other)
