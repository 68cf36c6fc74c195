"""Unseen species by least squares: what holds for any sample, and how often its intervals do."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storeff.estimate.unseen import (
    PLACES_MIN,
    Z_MAX,
    Z_MIN,
    Program,
    Sample,
    calibrate,
    estimate,
)

Ints = npt.NDArray[np.int64]
CHUNK_BYTES = 4096
UNIT_CHUNKS = 8


def population(units: int, copies: int, seed: int) -> tuple[Ints, Ints]:
    """Chunks and places of the pairs of a made-up whole: each chunk in ``copies`` random places."""
    rng = np.random.default_rng(seed)
    distinct = units * UNIT_CHUNKS // copies
    chunk = rng.permutation(np.repeat(np.arange(distinct), copies))
    place = np.arange(len(chunk)) // UNIT_CHUNKS
    pairs = np.unique(chunk * units + place)
    return pairs // units, pairs % units


def whole(units: int, copies: int, seed: int) -> Sample:
    """All of it, as one sample."""
    chunk, place = population(units, copies, seed)
    rows, chunk = np.unique(chunk, return_inverse=True)
    hashes = np.random.default_rng(seed + 1).random(units)
    read = np.bincount(place, minlength=units).astype(np.float64) * CHUNK_BYTES
    return Sample(
        np.full(len(rows), float(CHUNK_BYTES)), chunk, place, hashes, read, read, read, 1.0
    )


@given(st.integers(40, 200), st.integers(1, 5), st.integers(0, 99))
@settings(max_examples=20)
def test_all_that_is_read_is_counted_exactly(units: int, copies: int, seed: int) -> None:
    sample = whole(units, copies, seed)
    share = estimate(sample, 1.0, Z_MAX)
    assert share is not None
    assert share.value == share.low == share.high == sample.distinct_share


@given(
    st.integers(300, 600), st.integers(1, 6), st.sampled_from([0.2, 0.5, 0.8]), st.integers(0, 9)
)
@settings(max_examples=15)
def test_the_point_lies_in_the_interval_and_both_in_what_is_possible(
    units: int, copies: int, p: float, seed: int
) -> None:
    everything = whole(units, copies, seed)
    sample = everything.thinned(everything.hashes < p)
    share = estimate(sample, p, Z_MAX)
    assert share is not None
    seen = p * sample.distinct_share
    assert seen - 1e-9 <= share.low <= share.value <= share.high <= seen + 1 - p + 1e-9


@given(st.integers(300, 600), st.integers(1, 6), st.integers(0, 9))
@settings(max_examples=15)
def test_more_standard_errors_never_narrow_the_interval(units: int, copies: int, seed: int) -> None:
    everything = whole(units, copies, seed)
    sample = everything.thinned(everything.hashes < 0.3)
    narrow, wide = (estimate(sample, 0.3, z) for z in (1.0, 3.0))
    assert narrow is not None
    assert wide is not None
    assert wide.low <= narrow.low + 1e-9
    assert narrow.high <= wide.high + 1e-9


def test_a_histogram_that_explains_the_sample_holds_all_bytes() -> None:
    # A histogram at the distance of the truth exists, and its pairs are all bytes: sum g x = N.
    everything = whole(2000, 2, 1)
    program = Program.of(everything.thinned(everything.hashes < 0.4), 0.4)
    assert program is not None
    truth = everything.distinct_share
    assert program.distance(truth) < 3.0
    assert program.distance(float(program.closest @ program.distinct(1.0))) < 1e-3
    # No histogram of these pairs has more distinct bytes than pairs, or far fewer.
    assert program.distance(2.0) > 10.0
    assert program.distance(truth / 50) > 10.0


@pytest.mark.parametrize("copies", [1, 2, 4])
def test_the_interval_holds_the_truth(copies: int) -> None:
    held = 0
    for seed in range(20):
        everything = whole(2000, copies, seed)
        sample = everything.thinned(everything.hashes < 0.25)
        share = estimate(sample, 0.25, Z_MAX)
        assert share is not None
        held += share.low <= everything.distinct_share <= share.high
    assert held >= 18


def test_duplicates_that_a_sample_hardly_shows_are_estimated() -> None:
    # Every chunk twice, an eighth read: the ratio inside the sample is 1.07, the truth 2.
    everything = whole(6000, 2, 3)
    sample = everything.thinned(everything.hashes < 0.125)
    share = estimate(sample, 0.125, Z_MAX)
    assert share is not None
    assert sample.distinct_share > 0.9
    assert share.value == pytest.approx(everything.distinct_share, abs=0.08)


def test_a_share_of_the_chunks_tells_as_much_about_all() -> None:
    everything = whole(6000, 2, 5)
    kept = np.random.default_rng(6).random(len(everything.value)) < 0.5
    pairs = kept[everything.chunk]
    rows, chunk = np.unique(everything.chunk[pairs], return_inverse=True)
    half = Sample(
        everything.value[rows],
        chunk,
        everything.place[pairs],
        everything.hashes,
        everything.read,
        everything.listed,
        everything.once,
        everything.once_share,
        kept=0.5,
    )
    share = estimate(half.thinned(half.hashes < 0.25), 0.25, Z_MAX)
    assert share is not None
    assert share.low <= everything.distinct_share <= share.high


def test_too_few_places_say_nothing() -> None:
    sample = whole(PLACES_MIN - 1, 1, 0)
    assert estimate(sample, 0.5, Z_MAX) is None
    assert calibrate(whole(2 * PLACES_MIN, 1, 0), 0.1, seed=1, thinnings=5) is None


def test_calibration_is_the_same_for_the_same_seed() -> None:
    sample = whole(1500, 2, 8)
    again = [calibrate(sample, 0.3, seed=1, thinnings=20) for _ in range(2)]
    assert again[0] == again[1]
    assert again[0] is not None
    assert Z_MIN <= again[0] <= Z_MAX


def copied(units: int, seed: int) -> Sample:
    """Noise in files of one unit, of which some are the same in as many places as their listing
    lets one think: a share of one to ten copies, all of them read together."""
    rng = np.random.default_rng(seed)
    copies = rng.integers(1, 11, units)
    chunk = np.arange(units * UNIT_CHUNKS)
    once = np.full(units, float(UNIT_CHUNKS * CHUNK_BYTES))
    return Sample(
        np.full(len(chunk), float(CHUNK_BYTES)),
        chunk,
        chunk // UNIT_CHUNKS,
        rng.random(units),
        copies * once,
        copies * once,
        once,
        float(1 / copies.mean()),
    )


def test_what_the_listing_tells_of_all_units_takes_off_what_the_drawn_ones_differ_by() -> None:
    errors: list[float] = []
    unaware_errors: list[float] = []
    for seed in range(20):
        everything = copied(1500, seed)
        sample = everything.thinned(everything.hashes < 0.2)
        unaware = replace(sample, listed=sample.read, once=sample.read, once_share=1.0)
        for found, made in ((errors, sample), (unaware_errors, unaware)):
            share = estimate(made, 0.2, Z_MAX)
            assert share is not None
            found.append(share.value / everything.distinct_share - 1)
    assert np.std(errors) < 0.5 * np.std(unaware_errors)
    assert abs(np.mean(errors)) < 0.02


def test_a_listing_that_tells_nothing_changes_nothing() -> None:
    everything = whole(2000, 2, 3)
    sample = everything.thinned(everything.hashes < 0.3)
    half = replace(sample, once=sample.listed / 2, once_share=0.5)
    one, other = estimate(sample, 0.3, Z_MAX), estimate(half, 0.3, Z_MAX)
    assert one is not None
    assert other == pytest.approx(one, abs=1e-4)


def test_one_place_that_the_listing_tells_apart_corrects_nothing() -> None:
    everything = whole(2000, 1, 3)
    sample = everything.thinned(everything.hashes < 0.3)
    once, value = sample.listed / 2, sample.value.copy()
    once[0] *= 2
    value[sample.chunk[sample.place == 0]] *= 20
    unaware = replace(sample, value=value)
    odd = replace(unaware, once=once, once_share=0.5)
    one, other = estimate(unaware, 0.3, Z_MAX), estimate(odd, 0.3, Z_MAX)
    assert one is not None
    assert other == pytest.approx(one, abs=1e-4)


def test_where_little_was_read_a_sample_is_thinned_less() -> None:
    sample = whole(1500, 2, 8)
    assert calibrate(sample.thinned(sample.hashes < 0.1), 0.05, seed=1, thinnings=20) is not None
