"""Unseen species by least squares: what holds for any sample. How often intervals hold the truth is
judged in test_estimators.py."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.quantities import ends, holds, point

from storeff.estimate.unseen import (
    RANKS_MIN,
    Z_MAX,
    Z_MIN,
    Pairs,
    Program,
    calibrate,
    estimate,
)
from storeff.quantity import UNKNOWN, Quantity

Ints = npt.NDArray[np.int64]
CHUNK_BYTES = 4096
UNIT_CHUNKS = 8


def population(units: int, copies: int, seed: int) -> tuple[Ints, Ints]:
    """Chunks and ranks of the pairs of a made-up whole: each chunk at ``copies`` random ranks."""
    rng = np.random.default_rng(seed)
    distinct = units * UNIT_CHUNKS // copies
    chunk = rng.permutation(np.repeat(np.arange(distinct), copies))
    rank = np.arange(len(chunk)) // UNIT_CHUNKS
    pairs = np.unique(chunk * units + rank)
    return pairs // units, pairs % units


def whole(units: int, copies: int, seed: int) -> Pairs:
    """All of it, as one sample."""
    chunk, rank = population(units, copies, seed)
    rows, chunk = np.unique(chunk, return_inverse=True)
    ranks = np.random.default_rng(seed + 1).random(units)
    read = np.bincount(rank, minlength=units).astype(np.float64) * CHUNK_BYTES
    return Pairs(np.full(len(rows), float(CHUNK_BYTES)), chunk, rank, ranks, read, read, read, 1.0)


@given(st.integers(40, 200), st.integers(1, 5), st.integers(0, 99))
@settings(max_examples=20)
def test_all_that_is_read_is_counted_exactly(units: int, copies: int, seed: int) -> None:
    sample = whole(units, copies, seed)
    assert estimate(sample, 1.0, Z_MAX) == Quantity.exact(sample.distinct_share)


@given(
    st.integers(300, 600), st.integers(1, 6), st.sampled_from([0.2, 0.5, 0.8]), st.integers(0, 9)
)
@settings(max_examples=15)
def test_the_point_lies_in_the_interval_and_both_in_what_is_possible(
    units: int, copies: int, p: float, seed: int
) -> None:
    everything = whole(units, copies, seed)
    sample = everything.thinned(everything.ranks < p)
    share = estimate(sample, p, Z_MAX)
    seen = p * sample.distinct_share
    low, high = ends(share)
    assert seen - 1e-9 <= low <= point(share) <= high <= seen + 1 - p + 1e-9


@given(st.integers(300, 600), st.integers(1, 6), st.integers(0, 9))
@settings(max_examples=15)
def test_more_standard_errors_never_narrow_the_interval(units: int, copies: int, seed: int) -> None:
    everything = whole(units, copies, seed)
    sample = everything.thinned(everything.ranks < 0.3)
    narrow, wide = (ends(estimate(sample, 0.3, z)) for z in (1.0, 3.0))
    assert wide[0] <= narrow[0] + 1e-9
    assert narrow[1] <= wide[1] + 1e-9


def test_a_histogram_that_explains_the_sample_holds_all_bytes() -> None:
    # A histogram at the distance of the truth exists, and its pairs are all bytes: sum g x = N.
    everything = whole(2000, 2, 1)
    program = Program.of(everything.thinned(everything.ranks < 0.4), 0.4)
    assert program is not None
    truth = everything.distinct_share
    assert program.distance(truth) < 3.0
    assert program.distance(float(program.closest @ program.distinct(1.0))) < 1e-3
    # No histogram of these pairs has more distinct bytes than pairs, or far fewer.
    assert program.distance(2.0) > 10.0
    assert program.distance(truth / 50) > 10.0


def test_duplicates_that_a_sample_hardly_shows_are_estimated() -> None:
    # Every chunk twice, an eighth read: the ratio inside the sample is 1.07, the truth 2.
    everything = whole(6000, 2, 3)
    sample = everything.thinned(everything.ranks < 0.125)
    share = estimate(sample, 0.125, Z_MAX)
    assert share.value is not None
    assert sample.distinct_share > 0.9
    assert share.value == pytest.approx(everything.distinct_share, abs=0.08)


def test_a_share_of_the_chunks_tells_as_much_about_all() -> None:
    everything = whole(6000, 2, 5)
    kept = np.random.default_rng(6).random(len(everything.value)) < 0.5
    pairs = kept[everything.chunk]
    rows, chunk = np.unique(everything.chunk[pairs], return_inverse=True)
    half = Pairs(
        everything.value[rows],
        chunk,
        everything.rank[pairs],
        everything.ranks,
        everything.read,
        everything.listed,
        everything.nominal,
        everything.nominal_share,
        kept=0.5,
    )
    share = estimate(half.thinned(half.ranks < 0.25), 0.25, Z_MAX)
    assert holds(share, everything.distinct_share)


def test_too_few_ranks_say_nothing() -> None:
    assert estimate(whole(RANKS_MIN - 1, 1, 0), 0.5, Z_MAX) == UNKNOWN
    assert calibrate(whole(2 * RANKS_MIN, 1, 0), 0.1, seed=1, thinnings=5) == Z_MAX


def test_calibration_is_the_same_for_the_same_seed() -> None:
    sample = whole(1500, 2, 8)
    again = [calibrate(sample, 0.3, seed=1, thinnings=20) for _ in range(2)]
    assert again[0] == again[1]
    assert Z_MIN <= again[0] < Z_MAX


def copied(units: int, seed: int) -> Pairs:
    """Noise in files of one extent, one to ten of which are copies, as their listing suggests; all
    copies are read together."""
    rng = np.random.default_rng(seed)
    copies = rng.integers(1, 11, units)
    chunk = np.arange(units * UNIT_CHUNKS)
    nominal = np.full(units, float(UNIT_CHUNKS * CHUNK_BYTES))
    return Pairs(
        np.full(len(chunk), float(CHUNK_BYTES)),
        chunk,
        chunk // UNIT_CHUNKS,
        rng.random(units),
        copies * nominal,
        copies * nominal,
        nominal,
        float(1 / copies.mean()),
    )


def test_what_the_listing_says_of_all_extents_takes_off_what_the_sampled_ones_differ_by() -> None:
    errors: list[float] = []
    unaware_errors: list[float] = []
    for seed in range(20):
        everything = copied(1500, seed)
        sample = everything.thinned(everything.ranks < 0.2)
        unaware = replace(sample, listed=sample.read, nominal=sample.read, nominal_share=1.0)
        for found, made in ((errors, sample), (unaware_errors, unaware)):
            share = point(estimate(made, 0.2, Z_MAX))
            found.append(share / everything.distinct_share - 1)
    assert np.std(errors) < 0.5 * np.std(unaware_errors)
    assert abs(np.mean(errors)) < 0.02


def assert_alike(one: Quantity, other: Quantity) -> None:
    assert (point(one), *ends(one)) == pytest.approx((point(other), *ends(other)), abs=1e-4)


def test_a_listing_that_says_nothing_changes_nothing() -> None:
    everything = whole(2000, 2, 3)
    sample = everything.thinned(everything.ranks < 0.3)
    half = replace(sample, nominal=sample.listed / 2, nominal_share=0.5)
    assert_alike(estimate(sample, 0.3, Z_MAX), estimate(half, 0.3, Z_MAX))


def test_one_rank_that_the_listing_sets_apart_corrects_nothing() -> None:
    everything = whole(2000, 1, 3)
    sample = everything.thinned(everything.ranks < 0.3)
    nominal, value = sample.listed / 2, sample.value.copy()
    nominal[0] *= 2
    value[sample.chunk[sample.rank == 0]] *= 20
    unaware = replace(sample, value=value)
    odd = replace(unaware, nominal=nominal, nominal_share=0.5)
    assert_alike(estimate(unaware, 0.3, Z_MAX), estimate(odd, 0.3, Z_MAX))


def test_where_little_was_read_a_sample_is_thinned_less() -> None:
    sample = whole(1500, 2, 8)
    assert calibrate(sample.thinned(sample.ranks < 0.1), 0.05, seed=1, thinnings=20) < Z_MAX
