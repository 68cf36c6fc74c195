"""A quantity is a point, its interval and its origin; the unknown is null, never zero."""

from fractions import Fraction

import numpy as np
import pytest

from storeff.quantity import Quantity, normal_draws, quantity


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
