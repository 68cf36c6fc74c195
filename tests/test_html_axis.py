"""Axes of charts: where values stand, and which are labelled."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from storeff.report.formats.html.axis import Axis

# From a byte to twenty billion times 50 EB, and what a share or a ratio may be.
FIGURES = st.lists(st.floats(1e-6, 1e30), min_size=1, max_size=8)


def show(value: float) -> str:
    return f"{value:.12g}"


@given(FIGURES, st.booleans(), st.booleans())
def test_every_figure_stands_on_the_axis_in_its_order(
    values: list[float], from_zero: bool, may_log: bool
) -> None:
    axis = Axis(values, show, from_zero=from_zero, may_log=may_log)
    places = [axis.at(value) for value in sorted(values)]
    assert all(0 <= place <= 100 for place in places)
    assert places == sorted(places)


@given(FIGURES, st.booleans(), st.booleans())
def test_labels_are_few_differ_and_stand_where_their_figure_does(
    values: list[float], from_zero: bool, may_log: bool
) -> None:
    axis = Axis(values, show, from_zero=from_zero, may_log=may_log)
    ticks = axis.ticks()
    assert len(ticks) <= 6
    places = [at for at, _, _ in ticks]
    assert all(b > a for a, b in itertools.pairwise(places))
    for at, label, anchor in ticks:
        assert abs(axis.at(float(label)) - at) < 0.1
        assert anchor in ("start", "middle", "end")
        assert 12 <= at <= 88 or anchor != "middle", "a label stays inside"


@given(st.floats(1e-3, 1e30))
def test_a_bar_of_a_figure_is_as_long_as_its_share_of_the_longest(value: float) -> None:
    axis = Axis([value, value / 4], show)
    assert (axis.at(0), axis.at(value / 4), axis.at(value)) == (0, 25, 100)


def test_figures_far_apart_stand_at_their_powers_of_ten() -> None:
    axis = Axis([1, 10, 1000], show, from_zero=False, may_log=True)
    assert [axis.at(value) for value in (1, 10, 100, 1000)] == [0, 33.33, 66.67, 100]
    assert [label for _, label, _ in axis.ticks()] == ["1", "10", "100", "1000"]


def test_an_amount_begins_at_nothing_however_large_it_is() -> None:
    axis = Axis([1e15, 1e18], show)
    assert axis.at(0) == 0
    assert not axis.is_log


def test_figures_that_are_all_the_same_stand_in_the_middle() -> None:
    assert Axis([7.0, 7.0], show, from_zero=False).at(7.0) == 50
    assert Axis([0.0], show).at(0.0) == 50
