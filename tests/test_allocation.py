"""How many chunks each column of nested samples gets for the precision that is asked for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.estimate.allocation import NEAR, Need, Supply, allocate, half_width

POPULATION = 1e6
CHEAP = Supply("cheap", 256, 65_536, POPULATION, 1.0)
DEAR = Supply("dear", 256, 65_536, POPULATION, 10.0)


def need(target: float, missed: float = 0.0, **variances: float) -> Need:
    """A figure of 1 whose error has so much variance by column at the pilot, and so much that may
    be missed."""
    return Need(1.0, target, {name: (v, missed, missed) for name, v in variances.items()}, 2.0)


def test_a_pilot_that_is_enough_stays_as_it_is() -> None:
    assert allocate([CHEAP, DEAR], [need(0.1, cheap=1e-4, dear=1e-4)]) == {
        "cheap": 256,
        "dear": 256,
    }


def test_a_column_grows_as_one_over_the_square_of_the_target() -> None:
    asked = [need(target, cheap=1e-3) for target in (0.02, 0.01)]
    sizes = [allocate([CHEAP], [each])["cheap"] for each in asked]
    assert sizes[1] / sizes[0] == pytest.approx(4, rel=0.2)


def test_what_may_be_missed_shrinks_as_one_over_the_size() -> None:
    sizes = [
        allocate([CHEAP], [need(target, missed=0.04, cheap=0.0)])["cheap"]
        for target in (0.02, 0.01)
    ]
    assert sizes[1] / sizes[0] == pytest.approx(2, rel=0.2)


def test_the_column_that_the_error_comes_from_grows() -> None:
    sizes = allocate([CHEAP, DEAR], [need(0.01, cheap=1e-3, dear=1e-6)])
    assert sizes["cheap"] > 1000
    assert sizes["dear"] == 256


def test_no_column_has_more_than_one_that_explains_it() -> None:
    sizes = allocate([CHEAP, DEAR], [need(0.01, cheap=1e-6, dear=1e-3)])
    assert sizes["cheap"] >= sizes["dear"] > 1000


def test_columns_that_explain_nothing_of_each_other_grow_alone() -> None:
    sizes = allocate([CHEAP, DEAR], [need(0.1, cheap=1e-6), need(0.01, dear=1e-3)])
    assert sizes["cheap"] == 256 < sizes["dear"]


def test_of_all_chunks_nothing_is_left_to_estimate() -> None:
    few = Supply("cheap", 256, 1000, 1000.0, 1.0)
    assert half_width(need(0.01, missed=1.0, cheap=1.0), [few], {"cheap": 1000}) == 0


def test_an_error_that_no_column_shrinks_asks_for_no_end() -> None:
    sizes = allocate([CHEAP], [need(0.01, other=1.0, cheap=1e-9)])
    assert sizes["cheap"] <= CHEAP.most


@given(
    st.floats(1e-3, 0.5),
    st.lists(st.floats(0, 0.1), min_size=2, max_size=2),
    st.floats(0, 0.1),
    st.integers(300, 10_000),
)
def test_targets_are_met_where_they_can_be(
    target: float, variances: list[float], missed: float, most: int
) -> None:
    supplies = [Supply(s.name, s.pilot, most, POPULATION, s.cost_seconds) for s in (CHEAP, DEAR)]
    asked = need(target, missed, cheap=variances[0], dear=variances[1])
    sizes = allocate(supplies, [asked])
    best = half_width(asked, supplies, {"cheap": most, "dear": most})
    reached = half_width(asked, supplies, sizes)
    assert all(s.pilot <= sizes[s.name] <= most for s in supplies)
    assert reached <= max(target, NEAR * best) * 1.0001
