"""A quantity is a point, its interval and its origin; the unknown is null, never zero. Arithmetic
keeps all three in order, and holds the truth where its operands do."""

import operator
from collections.abc import Callable
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.special import stdtrit
from support.quantities import assert_at_most, assert_upright, ends, holds

from storeff.quantity import UNKNOWN, Quantity, normal_draws, quantity, student95


def test_an_exact_number_has_no_width() -> None:
    assert quantity(7, None, "measured") == Quantity(7, 7, 7, "measured")


def test_the_interval_is_the_central_95_percent_of_the_draws() -> None:
    draws = np.linspace(0, 1000, 100_001)
    q = quantity(500, draws, "derived")
    assert q.low == pytest.approx(25)
    assert q.high == pytest.approx(975)


def test_the_interval_always_holds_the_point() -> None:
    q = quantity(10, np.full(100, 5.0), "derived")
    assert (q.low, q.high) == (5, 10)


def test_unknown_is_null() -> None:
    assert quantity(float("nan"), None, "assumed") == Quantity(None, None, None, "assumed")
    assert quantity(1, np.array([1.0, np.nan]), "derived") == Quantity(1, None, None, "derived")


def test_integers_stay_exact_beyond_64_bits() -> None:
    assert quantity(Fraction(5 * 10**19), None, "derived", digits=0).value == 5 * 10**19


def test_money_is_rounded_to_cents() -> None:
    assert quantity(Fraction(1, 3), None, "derived", digits=2).value == 0.33


def test_draws_of_a_quantity_give_its_interval_back() -> None:
    q = Quantity(1000, 900, 1050, "measured")
    draws = normal_draws(q, seed=3)
    assert draws is not None
    again = quantity(1000, draws, "measured")
    assert again.low == pytest.approx(900, abs=8)
    assert again.high == pytest.approx(1050, abs=4)


def test_an_exact_quantity_needs_no_draws() -> None:
    assert normal_draws(Quantity(5, 5, 5, "measured"), seed=1) is None


# ---- arithmetic ----

numbers = st.integers(0, 10**6)
known = st.lists(numbers, min_size=3, max_size=3).map(
    lambda x: Quantity(sorted(x)[1], min(x), max(x), "measured")
)
partly_known = st.builds(
    lambda q, value, low, high: Quantity(
        q.value if value else None, q.low if low else None, q.high if high else None, "measured"
    ),
    known,
    st.booleans(),
    st.booleans(),
    st.booleans(),
)
Operation = Callable[[Quantity, Quantity], Quantity]
OPERATIONS: dict[str, Operation] = {
    "plus": operator.add,
    "less": operator.sub,
    "times": operator.mul,
    "no less than": Quantity.no_less_than,
    "no more than": Quantity.no_more_than,
}


def truth_in(q: Quantity, share: float) -> int:
    """A truth that the interval of ``q`` holds."""
    low, high = ends(q)
    return round(low + share * (high - low))


@pytest.mark.parametrize("name", OPERATIONS)
@given(a=partly_known, b=partly_known)
def test_low_value_and_high_stay_in_order(name: str, a: Quantity, b: Quantity) -> None:
    assert_upright(OPERATIONS[name](a, b))
    assert_upright(-a)
    assert_upright(a.rounded())
    assert_upright(7 / a)


@pytest.mark.parametrize("name", ["plus", "less", "times"])
@given(a=known, b=known, x=st.floats(0, 1), y=st.floats(0, 1))
def test_the_interval_of_the_result_holds_what_comes_of_any_truths(
    name: str, a: Quantity, b: Quantity, x: float, y: float
) -> None:
    exactly: Callable[[int, int], int] = {
        "plus": operator.add,
        "less": operator.sub,
        "times": operator.mul,
    }[name]
    assert holds(OPERATIONS[name](a, b), exactly(truth_in(a, x), truth_in(b, y)))


@given(known, st.integers(1, 10**9), st.floats(0, 1))
def test_a_ratio_holds_what_comes_of_any_truth(q: Quantity, data_bytes: int, x: float) -> None:
    assume(ends(q)[0] > 0)
    assert holds(data_bytes / q, data_bytes / truth_in(q, x))


@pytest.mark.parametrize("name", ["plus", "times", "no less than", "no more than"])
@given(a=known, b=known, more=known)
def test_what_is_more_gives_no_less(name: str, a: Quantity, b: Quantity, more: Quantity) -> None:
    assert_at_most(OPERATIONS[name](a, b), OPERATIONS[name](a + more, b))
    assert_at_most(OPERATIONS[name](a, b), OPERATIONS[name](a, b + more))
    assert_at_most(a - (b + more), a - b)


@given(numbers, numbers, st.integers(1, 100))
def test_exact_stays_exact(a: int, b: int, divisor: int) -> None:
    q = Quantity.exact(a)
    assert q + b == Quantity.exact(a + b)
    assert q - b == Quantity.exact(a - b)
    assert b - q == Quantity.exact(b - a)
    assert q * b == Quantity.exact(a * b)
    assert q / divisor == Quantity.exact(a / divisor)
    assert q.no_less_than(b) == Quantity.exact(max(a, b))
    assert q.no_more_than(b) == Quantity.exact(min(a, b))
    assert divisor / (q + 1) == Quantity.exact(divisor / (a + 1))


@pytest.mark.parametrize("name", ["plus", "less", "times"])
@given(q=known)
def test_what_rests_on_the_unknown_is_unknown(name: str, q: Quantity) -> None:
    assert OPERATIONS[name](q, UNKNOWN) == OPERATIONS[name](UNKNOWN, q) == UNKNOWN
    assert 7 / UNKNOWN == UNKNOWN


@given(known)
def test_the_unknown_bounds_nothing_and_stays_unknown(q: Quantity) -> None:
    assert q.no_less_than(UNKNOWN) == q.no_more_than(UNKNOWN) == q
    assert UNKNOWN.no_less_than(q) == UNKNOWN.no_more_than(q) == UNKNOWN
    only_range = Quantity(None, 1, 2, "measured")
    assert Quantity(5, 4, 6, "measured").no_more_than(only_range) == Quantity(2, 1, 2, "measured")


@given(known, known)
def test_no_figure_is_beyond_that_of_what_bounds_it(a: Quantity, b: Quantity) -> None:
    assert_at_most(b, a.no_less_than(b))
    assert_at_most(a, a.no_less_than(b))
    assert_at_most(a.no_more_than(b), a)
    assert_at_most(a.no_more_than(b), b)


def test_what_is_in_order_already_is_not_changed() -> None:
    few, many = Quantity(5, 4, 6, "measured"), Quantity(9, 8, 11, "measured")
    assert many.no_less_than(few) == many
    assert few.no_more_than(many) == few


def test_a_ratio_to_what_may_be_nothing_is_unknown() -> None:
    assert 7 / Quantity(3, 0, 4, "measured") == UNKNOWN
    assert 7 / Quantity(None, 2, 4, "measured") == Quantity(None, 1.75, 3.5, "measured")
    assert 8 / Quantity(4, None, 9, "measured") == Quantity(2.0, None, None, "measured")


def test_a_value_goes_without_its_interval_and_back() -> None:
    q = Quantity(3, 2, 4, "derived")
    assert q.without_value() == Quantity(None, 2, 4, "derived")
    assert q.without_interval() == Quantity(3, None, None, "derived")
    assert not q.is_exact
    assert not UNKNOWN.is_exact
    assert Quantity.exact(3).is_exact


def test_the_half_width_is_of_the_further_bound_as_a_part_of_the_value() -> None:
    assert Quantity(100, 99, 103, "measured").relative_half_width == pytest.approx(0.03)
    assert Quantity(100, 90, 103, "measured").relative_half_width == pytest.approx(0.10)
    assert Quantity.exact(0).relative_half_width == 0
    for value, low, high in ((None, 1, 2), (1, None, 2), (1, 1, None), (0, 0, 2)):
        assert Quantity(value, low, high, "measured").relative_half_width is None


@pytest.mark.parametrize("freedom", [1, 2, 2.5, 3, 4.7, 10, 100, 1e9])
def test_students_quantile_is_that_of_the_library(freedom: float) -> None:
    assert student95(freedom) == pytest.approx(float(stdtrit(freedom, 0.975)), rel=1.3e-3)
