"""Parity for a floor of nines: the fewest further ones, and nothing else changes."""

from collections.abc import Callable
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.data import Assumption
from storeff.layout import Code, Layout, load_layouts, parity_for_floor

NONE = Assumption()


def some(value: float | None) -> Assumption:
    return NONE if value is None else Assumption(value=Fraction(value))


def layout(
    code: Code, parity_most: float | None, min_domains: float | None = 10
) -> Layout[Assumption]:
    plain = load_layouts()["weka-16-2"]
    return msgspec.structs.replace(
        plain, code=code, parity_most=some(parity_most), min_domains=some(min_domains)
    )


def three_a_parity(asked: Layout[Assumption]) -> float:
    return 3.5 * (asked.code.m + asked.code.l)


def constant(nines: float | None) -> Callable[[Layout[Assumption]], float | None]:
    return lambda _: nines


def test_a_layout_at_the_floor_is_the_same_one() -> None:
    enough = layout(Code("rs", 16, 4), 4)
    found = parity_for_floor(enough, 14, three_a_parity)
    assert found.layout is enough
    assert (found.added, found.reason) == (0, None)


def test_it_takes_the_fewest_parities_and_as_many_enclosures() -> None:
    two = layout(Code("rs", 16, 2), 4)
    found = parity_for_floor(two, 10, three_a_parity)
    assert found.added == 1
    assert found.layout is not None
    assert found.layout.code == Code("rs", 16, 3)
    assert found.layout.min_domains.value == 11
    changed = {"code", "min_domains"}
    for name in two.__struct_fields__:
        assert (getattr(found.layout, name) == getattr(two, name)) == (name not in changed)


def test_the_range_of_the_enclosures_moves_with_them() -> None:
    domains = Assumption(value=Fraction(4), low=Fraction(4), high=Fraction(16))
    two = msgspec.structs.replace(layout(Code("rs", 16, 2), 4), min_domains=domains)
    found = parity_for_floor(two, 14, three_a_parity).layout
    assert found is not None
    wider = found.min_domains
    assert [wider.value, wider.low, wider.high] == [6, 6, 18]


def test_a_replica_takes_further_copies() -> None:
    found = parity_for_floor(layout(Code("replica", 1, 1), 3, None), 10, three_a_parity)
    assert found.layout is not None
    assert str(found.layout.code) == "4 copies"
    assert found.layout.min_domains.value is None


def test_local_parities_count_among_the_most() -> None:
    assert parity_for_floor(layout(Code("lrc", 12, 2, 2), 4), 15, three_a_parity).layout is None
    found = parity_for_floor(layout(Code("lrc", 12, 2, 2), 5), 15, three_a_parity)
    assert found.layout is not None
    assert found.layout.code == Code("lrc", 12, 3, 2)


@pytest.mark.parametrize(
    "code", [Code("raidz", 8, 2, 0, 131072, 4096), Code("draid", 8, 2, 0, 131072, 4096)]
)
def test_a_raidz_and_a_draid_have_three_parities_at_most(code: Code) -> None:
    zfs = layout(code, 10)
    assert parity_for_floor(zfs, 10, three_a_parity).added == 1
    assert parity_for_floor(zfs, 11, three_a_parity).layout is None


@pytest.mark.parametrize(
    ("parity_most", "floor", "reason"),
    [
        (3, 11, "16+3 reaches 10.5 nines, not 11, and is what it can be configured with at most"),
        (2, 11, "16+2 reaches 7.0 nines, not 11, and cannot be configured with more parity"),
        (
            None,
            11,
            "16+2 reaches 7.0 nines, not 11, and whether it can have more parity is unknown",
        ),
    ],
)
def test_what_cannot_reach_the_floor_says_why(
    parity_most: float | None, floor: float, reason: str
) -> None:
    found = parity_for_floor(layout(Code("rs", 16, 2), parity_most), floor, three_a_parity)
    assert (found.layout, found.reason) == (None, reason)


@pytest.mark.parametrize("nines", [None, float("nan")])
def test_unknown_nines_reach_no_floor(nines: float | None) -> None:
    found = parity_for_floor(layout(Code("rs", 16, 2), 4), 5, constant(nines))
    assert found.layout is None
    assert found.reason is not None
    assert found.reason.startswith("the nines of 16+2 are unknown")


def test_nines_just_below_the_floor_do_not_reach_it_whatever_is_printed() -> None:
    found = parity_for_floor(layout(Code("rs", 16, 2), 2), 11, constant(10.9999))
    assert found.reason is not None
    assert found.reason.startswith("16+2 reaches 10.9 nines, not 11")


@given(st.integers(0, 4), st.integers(0, 8), st.floats(0.1, 30))
def test_one_parity_fewer_would_miss_the_floor(m: int, parity_most: int, floor: float) -> None:
    found = parity_for_floor(layout(Code("rs", 8, m), parity_most), floor, three_a_parity)
    if found.layout is None:
        assert 3.5 * max(m, parity_most) < floor
    else:
        assert three_a_parity(found.layout) >= floor
        assert found.added == 0 or 3.5 * (found.layout.code.m - 1) < floor
