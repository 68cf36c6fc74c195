"""Windows of objects: a sample by rank that is never enumerated, yet drawn as if it had been."""

from __future__ import annotations

import itertools
import math
import threading

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle

from storeff._native import rank, sample_windows

SEED = 13
WINDOW_BYTES = 64 << 10
LARGEST = 2**63 - 1

Rows = npt.NDArray[np.void]
Floats = npt.NDArray[np.float64]
seeds = st.sampled_from([0, SEED, 2**64 - 1])


def sampled(
    sizes: list[int], tau: float, window_bytes: int = WINDOW_BYTES, seed: int = SEED
) -> Rows:
    numbers = np.arange(len(sizes), dtype=np.uint64) * np.uint64(0x0123_4567_89AB_CDEF)
    return sample_windows(numbers, np.array(sizes, np.uint64), seed, tau, window_bytes)


def numbers_of(rows: Rows) -> Floats:
    """The u of each row."""
    numbers: Floats = rows["rank"] * rows["length"]
    return numbers


def assert_uniform(values: Floats) -> None:
    """Kolmogorov's test: a uniform sample goes this far from the diagonal once in 10,000 times."""
    ordered = np.sort(values)
    count = len(ordered)
    steps = np.arange(count + 1) / count
    distance = max((steps[1:] - ordered).max(), (ordered - steps[:-1]).max())
    assert distance * math.sqrt(count) < 2.23


# ---- what is found ----


@given(
    sizes=st.lists(st.integers(0, 400), max_size=6),
    window_bytes=st.sampled_from([1, 2, 7, 64, 1000]),
    tau=st.sampled_from([0.0, 1e-4, 0.01, 0.1, 0.7, 1.0, math.inf]),
    seed=seeds,
)
def test_finds_what_ranks_below_tau_of_all(
    sizes: list[int], window_bytes: int, tau: float, seed: int
) -> None:
    numbers = np.random.default_rng(len(sizes)).integers(0, 2**64, len(sizes), np.uint64)
    rows = sample_windows(numbers, np.array(sizes, np.uint64), seed, tau, window_bytes)
    every = [
        (index, each.start, each.length, each.point, each.rank)
        for index, (number, size) in enumerate(zip(numbers.tolist(), sizes, strict=True))
        for each in oracle.windows(number, size, seed, window_bytes)
    ]
    assert rows.tolist() == [row for row in every if row[4] < tau]


@given(
    sizes=st.lists(st.integers(0, LARGEST) | st.integers(0, 10**7), min_size=1, max_size=4),
    shares=st.lists(st.floats(0, 1), min_size=2, max_size=2),
    seed=seeds,
)
def test_a_sample_under_a_lower_tau_is_part_of_the_other(
    sizes: list[int], shares: list[float], seed: int
) -> None:
    least, most = sorted(200 * share / max(1, sum(sizes)) for share in shares)
    inner, outer = (sampled(sizes, tau, seed=seed) for tau in (least, most))
    assert inner.tolist() == outer[outer["rank"] < least].tolist()


def test_infinity_gives_all_windows() -> None:
    rows = sampled([0, 1, WINDOW_BYTES, WINDOW_BYTES + 5, 10 * WINDOW_BYTES], math.inf)
    assert np.bincount(rows["index"].astype(np.intp)).tolist() == [0, 1, 1, 2, 10]
    assert rows["start"][2:4].tolist() == [0, WINDOW_BYTES]
    assert rows["length"][:4].tolist() == [1, WINDOW_BYTES, WINDOW_BYTES, 5]
    assert rows["length"].sum() == 1 + WINDOW_BYTES + WINDOW_BYTES + 5 + 10 * WINDOW_BYTES


def test_what_is_appended_to_an_object_changes_none_of_its_whole_windows() -> None:
    before, after = sampled([999 * 64], math.inf, 64), sampled([5000 * 64 + 7], math.inf, 64)
    assert before.tolist() == after[:999].tolist()


def test_numbers_and_sizes_may_be_of_either_kind() -> None:
    numbers, sizes = np.array([3, 2**64 - 1], np.uint64), [10**9, 10**8]
    signed, unsigned = (
        sample_windows(numbers, np.array(sizes, kind), SEED, math.inf) for kind in ("i8", "u8")
    )
    assert signed.tolist() == unsigned.tolist()
    nothing = sample_windows(numbers[:0], np.array([], np.uint64), SEED, math.inf)
    assert (len(nothing), nothing.dtype) == (0, signed.dtype)


# ---- how it is drawn ----


@pytest.mark.parametrize("windows", [1, 2, 3, 8, 100_000])
def test_numbers_are_uniform(windows: int) -> None:
    rows = sampled([windows * 64] * (100_000 // windows), math.inf, 64)
    assert_uniform(numbers_of(rows))


def test_windows_of_an_object_are_independent() -> None:
    """Of each two of the first sixteen, which are in five trees: chi-square of 4 x 4 cells, whose
    9 degrees of freedom are above 40 once in 130,000 times."""
    objects, count = 20_000, 16
    cells = (numbers_of(sampled([count * 64] * objects, math.inf, 64)) * 4).astype(int)
    columns = cells.reshape(objects, count).T
    for a, b in itertools.combinations(columns, 2):
        found = np.bincount(4 * a + b, minlength=16)
        assert (((found - objects / 16) ** 2) / (objects / 16)).sum() < 40


def test_as_many_are_found_as_of_independent_ones() -> None:
    """Of objects of 37 windows, each found with probability 1 in 5: the mean and the variance."""
    objects, windows, share = 20_000, 37, 0.2
    rows = sampled([windows * 64] * objects, share / 64, 64)
    found = np.bincount(rows["index"].astype(np.intp), minlength=objects)
    mean, variance = windows * share, windows * share * (1 - share)
    assert abs(found.mean() - mean) < 4 * math.sqrt(variance / objects)
    assert abs(found.var() / variance - 1) < 4 * math.sqrt(2 / objects)


def test_numbers_have_nothing_to_do_with_objects_seeds_and_ranks_of_chunks() -> None:
    objects = np.arange(20_000, dtype=np.uint64)
    sizes = np.full(len(objects), 64, np.uint64)
    one, other = (numbers_of(sample_windows(objects, sizes, s, math.inf, 64)) for s in (1, 2))
    keys = np.stack((objects, np.zeros_like(objects)), axis=1)
    for beside in (other, np.roll(one, 1), rank(keys, np.ones_like(sizes), 1)):
        assert abs(np.corrcoef(one, beside)[0, 1]) < 4 / math.sqrt(len(objects))


def test_a_short_window_is_found_by_its_length() -> None:
    """A byte is as likely to be in the sample wherever it lies."""
    tau, objects = 0.01, 100_000
    for length in (3, 60, 100):
        share = len(sampled([length] * objects, tau, 100)) / objects
        expected = min(1, tau * length)
        assert abs(share - expected) <= 4 * math.sqrt(expected * (1 - expected) / objects)


@pytest.mark.parametrize("length", [1, 5, 1000, WINDOW_BYTES])
def test_every_byte_of_a_window_is_as_likely_to_be_the_point(length: int) -> None:
    rows = sampled([length] * 50_000, math.inf)
    points = rows["point"].astype(np.int64)
    assert points.min() >= 0
    assert points.max() < length
    assert_uniform((points + np.random.default_rng(1).random(len(points))) / length)
    if length > 1:
        assert abs(np.corrcoef(points, rows["rank"])[0, 1]) < 4 / math.sqrt(len(points))


@pytest.mark.parametrize("size", [10**15, LARGEST])
def test_of_the_largest_objects_few_windows_are_drawn_as_if_all_were(size: int) -> None:
    tau = 2000 / size
    counts = []
    for seed in range(20):
        rows = sampled([size], tau, seed=seed)
        counts.append(len(rows))
        starts = rows["start"].astype(float)
        assert_uniform(starts / size)
        assert_uniform(rows["rank"] / tau)
        # Gaps between independent places are exponential.
        assert_uniform(-np.expm1(-np.diff(starts) * len(rows) / size))
        assert (rows["start"] % WINDOW_BYTES == 0).all()
        assert ((rows["point"] - rows["start"]) < rows["length"]).all()
    assert abs(np.mean(counts) - 2000) < 4 * math.sqrt(2000 / 20)


# ---- misuse ----


@pytest.mark.parametrize(
    ("sizes", "tau", "window_bytes", "message"),
    [
        ([LARGEST + 1], 1e-30, 64, "at most 2\\^63 - 1"),
        ([5], -0.5, 64, "tau is not below 0"),
        ([5], math.nan, 64, "tau is not below 0"),
        ([5], 1.0, 0, "1 to 2\\^30 bytes"),
        ([5], 1.0, 2**30 + 1, "1 to 2\\^30 bytes"),
        ([5], 1.0, -1, "window_bytes"),
        ([LARGEST], math.inf, WINDOW_BYTES, "more than 2\\^24"),
        ([2**24, 1], math.inf, 1, "more than 2\\^24"),
        ([1] * 10 + [10**15], 2e7 / 10**15, WINDOW_BYTES, "more than 2\\^24"),
    ],
)
def test_what_makes_no_sense(sizes: list[int], tau: float, window_bytes: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        sampled(sizes, tau, window_bytes)


def test_arrays_that_make_no_sense() -> None:
    one, two = np.ones(1, np.uint64), np.ones(2, np.uint64)
    with pytest.raises(ValueError, match="a size for each"):
        sample_windows(one, two, SEED, 1.0)
    with pytest.raises(ValueError, match="64 bits, not float64"):
        sample_windows(one, np.ones(1), SEED, 1.0)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at most 2"):
        sample_windows(one, np.array([-1]), SEED, 1.0)
    with pytest.raises(ValueError, match="seed"):
        sample_windows(one, one, 2**64, 1.0)


def test_other_threads_run_meanwhile() -> None:
    """Only without the GIL can this thread count while the other one draws."""
    thread = threading.Thread(target=sampled, args=([LARGEST], 50_000 / LARGEST))
    thread.start()
    turns = 0
    while thread.is_alive():
        turns += 1
    assert turns > 1000
