"""Figures say what is known of them: never closer, surer or better than they are."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.quantity import Quantity
from storeff.report.figures import (
    amount,
    bounds,
    counts,
    floored,
    half_width,
    interval,
    ratio,
    with_unit,
)
from storeff.units import format_bytes


def known(value: float | None, low: float | None, high: float | None) -> Quantity:
    return Quantity(value, low, high, "measured")


@pytest.mark.parametrize(
    ("q", "text"),
    [
        (known(2.054, 2.054, 2.054), "2.05x"),
        (known(2.054, 2.0149, 2.0951), "2.05x [2.01, 2.10]"),
        (known(3.1, 3.0999, 3.1001), "3.10x [3.09, 3.11]"),
        (known(2.054, None, None), "about 2.05x"),
        (known(None, 1.912, 5.178), "1.91x to 5.18x"),
        (known(None, None, None), "unknown"),
        (known(0.9996, 0.9996, 0.9996), "0.99x"),
        (known(1234.5, 1230.5, 1239.5), "1,230x [1,230, 1,240]"),
    ],
)
def test_a_ratio_with_its_bounds_rounded_outwards(q: Quantity, text: str) -> None:
    assert ratio(q) == text


@pytest.mark.parametrize(
    ("q", "text"),
    [
        (known(32.4e18, 32.4e18, 32.4e18), "32.4 EB"),
        (known(100, 97.7, 101), "100 B ±2.3 %"),
        (known(10_000, 9_999, 10_001), "10.0 kB ±0.1 %"),
        (known(100, 80, 100), "100 B ±20 %"),
        (known(100, 10, 400), "100 B [10 B, 400 B]"),
        (known(0, 0, 12), "0 B, at most 12 B"),
        (known(100, None, None), "about 100 B"),
        (known(None, 10, 20), "10 to 20 B"),
        (known(None, 900, 2000), "900 B to 2.00 kB"),
        (known(None, 20_001, 20_002), "20.0 kB"),
        (known(None, None, None), "unknown"),
    ],
)
def test_a_figure_with_the_further_of_its_bounds(q: Quantity, text: str) -> None:
    assert interval(q, format_bytes) == text


@given(st.floats(1e-9, 0.5))
def test_a_half_width_is_rounded_up_and_never_to_nothing(share: float) -> None:
    shown = float(half_width(share).removesuffix(" %")) / 100
    assert share <= shown * (1 + 1e-9)
    assert shown > 0


@given(st.floats(0.01, 50), st.floats(0, 1), st.floats(0, 10))
def test_a_shown_ratio_is_never_narrower_than_it_is(
    low: float, to_value: float, to_high: float
) -> None:
    q = known(low + to_value, low, low + to_value + to_high)
    if q.low == q.high:
        return
    shown_low, shown_high = ratio(q).split("[")[1].removesuffix("]").split(", ")
    assert float(shown_low) <= low
    assert float(shown_high) >= low + to_value + to_high
    assert shown_low != shown_high


@pytest.mark.parametrize(
    ("nines", "text"), [(9.96, "9.9"), (9.0, "9.0"), (11.13, "11.1"), (0.04, "0.0"), (10.1, "10.1")]
)
def test_nines_are_counted_not_rounded(nines: float, text: str) -> None:
    assert floored(nines) == text


def test_a_count_is_of_one_or_of_several() -> None:
    assert counts(known(1, 1, 1), "rack") == "1 rack"
    assert counts(known(264_100, 264_100, 264_100), "drive") == "264,000 drives"
    assert counts(known(1050, 1030, 1074.1), "rack") == "1,050 racks ±2.3 %"


@pytest.mark.parametrize(
    ("q", "text"),
    [
        (known(3, 3, 3), "3 B"),
        (known(3, 1, 3), "1 B..3 B"),
        (known(3, 1, 4), "3 B (1 B..4 B)"),
        (known(None, 1, 4), "unknown"),
        (known(30_001, 30_000, 30_002), "30.0 kB"),
    ],
)
def test_bounds_are_shown_as_bounds(q: Quantity, text: str) -> None:
    assert bounds(q, format_bytes) == text


def test_money_is_in_thousands_millions_or_billions() -> None:
    assert amount(8.8123e9, "USD") == "8.81 B USD"
    assert amount(999_600, "USD") == "1.00 M USD"
    assert amount(12.5, "USD") == "12.50 USD"


def test_a_long_unit_or_currency_takes_no_more_than_it_should() -> None:
    assert len(with_unit(27_000, "USD" * 100)) <= 23
    assert len(amount(1e9, "\u202e" * 100)) <= 23
    assert with_unit(0.0043, "fraction of raw") == "0.0043"
