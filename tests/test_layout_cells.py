"""A deployment falls into clusters of a largest size, and spare enclosures make a reserve."""

from fractions import Fraction
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.data import Assumption, exact, map_numbers
from storeff.errors import StoreffError
from storeff.layout import Code, Data, Layout
from storeff.layout.cells import cells, fewest_domains, most_bytes, with_cells
from storeff.layout.waterfall import raw, report_steps, step_factors

TB = 10**12
EIB = 1 << 60
PLAIN = {"metadata": 0, "padding": 0, "rebuild_reserve": 0, "fill_limit": 1}


WIDE = Code("rs", 16, 2)


def layout(code: Code = WIDE, **numbers: Any) -> Layout[Assumption]:
    stated: dict[str, Any] = {
        name: Assumption(path=f"layout.{name}", value=Fraction(number), source="the maker")
        for name, number in (PLAIN | numbers).items()
    }
    return Layout(name="x", code=code, **stated)


def data(logical_bytes: Any) -> Data[Assumption]:
    return Data(
        logical_bytes=Assumption(value=Fraction(logical_bytes)),
        reduction_ratio=Assumption(value=Fraction(1)),
    )


def numbers(value: Any) -> Any:
    return map_numbers(value, exact)


def raw_of(lay: Layout[Assumption], logical_bytes: Any) -> Any:
    return raw(Fraction(logical_bytes), step_factors(numbers(data(logical_bytes)), numbers(lay)))


def test_the_smaller_of_both_limits_bounds_a_cell() -> None:
    lay = numbers(layout(cell_bytes=EIB, cell_domains=100))
    assert most_bytes(lay, 10**15) == 10**17
    assert most_bytes(lay, 10**18) == EIB
    assert most_bytes(numbers(layout(cell_domains=3)), 7) == 21


@pytest.mark.parametrize(
    ("raw_bytes", "expected"), [(1, 1), (EIB, 1), (EIB + 1, 2), (50 * EIB, 50)]
)
def test_cells_are_counted_whole(raw_bytes: int, expected: int) -> None:
    assert cells(numbers(layout(cell_bytes=EIB)), Fraction(raw_bytes), 10**15) == expected


def test_a_system_without_a_limit_is_one_cell() -> None:
    assert cells(numbers(layout()), Fraction(10**21), 10**15) == 1


# A cluster of one failure domain a server, of servers with 24 drives of 122.88 TB.
SERVER = Fraction(24 * 122_880 * 10**9)


def test_the_reserve_is_that_of_the_spare_enclosures_of_each_cell() -> None:
    wide = layout(spare_domains=2, cell_bytes=EIB, min_domains=19, rebuild_reserve="0.05")
    sized = with_cells(wide, data(29 * 10**18), SERVER)
    # 29 EB are 32.625 EB coded, in cells of 1.153 EB less two servers of 2.949 PB each.
    reserve = sized.rebuild_reserve
    assert reserve.value == 2 / (Fraction(32_625 * 10**15) / 29 / SERVER + 2)
    assert reserve.source == "2 of 384 enclosures of each of 29 cells: the maker"
    assert reserve.kind == "estimate"
    assert with_cells(sized, data(29 * 10**18), SERVER) == sized


@given(st.integers(1, 10**20), st.integers(1, 5), st.integers(20, 300), st.booleans())
def test_the_cells_of_the_bill_are_those_of_the_reserve(
    logical: int, spares: int, most: int, in_use: bool
) -> None:
    limits: dict[str, Any] = {"fill_limit": "0.85", "rebuild_fill_limit": "0.9"} if in_use else {}
    lay = layout(spare_domains=spares, cell_domains=most, min_domains=19, **limits)
    sized = with_cells(lay, data(logical), SERVER)
    of_raw = cells(numbers(sized), raw_of(sized, logical), SERVER)
    told = sized.rebuild_reserve.source or ""
    assert (f"of each of {of_raw} cells" in told) == (of_raw > 1)
    assert raw_of(sized, logical) <= of_raw * most * SERVER


@given(st.integers(1, 10**20), st.integers(1, 5))
def test_what_is_kept_free_is_the_spare_enclosures(logical: int, spares: int) -> None:
    lay = layout(spare_domains=spares, cell_bytes=EIB, min_domains=19, fill_limit="0.9")
    sized = with_cells(lay, data(logical), SERVER)
    found, without = raw_of(sized, logical), raw_of(lay, logical)
    count = cells(numbers(sized), found, SERVER)
    # Small clusters have 19 enclosures that are not full.
    assert found - without == min(count * spares * SERVER, without * spares / (19 - spares))


def test_a_cluster_has_no_fewer_enclosures_than_it_needs() -> None:
    few = with_cells(layout(spare_domains=2, min_domains=19), data(TB), SERVER)
    assert few.rebuild_reserve.value == Fraction(2, 19)
    assert (few.rebuild_reserve.source or "").startswith("2 of 19 enclosures:")
    unsaid = with_cells(layout(Code("rs", 4, 2), spare_domains=1), data(TB), SERVER)
    assert unsaid.rebuild_reserve.value == Fraction(1, 4)


@pytest.mark.parametrize(
    ("code", "fewest"), [(Code("rs", 8, 3), 4), (Code("replica", 1, 2), 2), (Code("rs", 4, 0), 4)]
)
def test_an_enclosure_holds_no_more_than_may_be_lost(code: Code, fewest: int) -> None:
    assert fewest_domains(code) == fewest


def test_a_reserve_stays_as_stated_where_the_spare_enclosures_are_unknown() -> None:
    stated = layout(cell_bytes=EIB, rebuild_reserve="0.03")
    assert with_cells(stated, data(10**20), SERVER) is stated


def test_a_cell_of_spare_enclosures_alone_is_refused() -> None:
    lay = layout(spare_domains=2, cell_bytes=10 * TB, min_domains=19)
    with pytest.raises(StoreffError, match=r"a cell of 10\.0 TB has no room beside its spare"):
        with_cells(lay, data(TB), Fraction(5 * TB))


def test_each_copy_has_cells_of_its_own() -> None:
    twice = layout(spare_domains=2, cell_bytes=EIB, min_domains=19, copies=2)
    once = layout(spare_domains=2, cell_bytes=EIB, min_domains=19)
    reserves = [with_cells(lay, data(29 * 10**18), SERVER).rebuild_reserve for lay in (twice, once)]
    assert reserves[0] == reserves[1]


def in_use(fill_limit: str, rebuild_fill_limit: str, domains: int) -> Any:
    """Raw per byte where one of ``domains`` enclosures of 1 TB may be lost."""
    lay = layout(
        Code("replica", 1, 0),
        fill_limit=fill_limit,
        rebuild_fill_limit=rebuild_fill_limit,
        spare_domains=1,
        min_domains=domains,
    )
    return raw_of(with_cells(lay, data(1), Fraction(TB)), TB) / TB


@pytest.mark.parametrize("domains", [4, 10, 18, 40])
def test_spare_enclosures_in_use_fill_up_to_the_lower_limit(domains: int) -> None:
    # At most 85 %, and at most 90 % of the enclosures but one.
    lower = min(Fraction("0.85"), Fraction("0.9") * (domains - 1) / domains)
    assert in_use("0.85", "0.9", domains) == 1 / lower


def test_the_report_says_which_limit_was_the_lower_one() -> None:
    def told(domains: int) -> str | None:
        lay = layout(spare_domains=1, min_domains=domains, fill_limit="0.85")
        limit = Assumption(value=Fraction("0.9"), source="while rebuilding")
        lay = msgspec.structs.replace(lay, rebuild_fill_limit=limit)
        lay = with_cells(lay, data(TB), Fraction(TB))
        steps = {step.step: step for step in report_steps(data(TB), lay, None)}
        assert steps["rebuild_reserve"].factor.origin == "derived"
        return steps["fill_limit"].source

    assert (told(10), told(40)) == ("while rebuilding", "the maker")


def test_a_stated_reserve_is_kept_free_beside_both_limits() -> None:
    lay = layout(rebuild_reserve="0.05", fill_limit="0.85", rebuild_fill_limit="0.8")
    assert raw_of(lay, 1) == Fraction(18, 16) / Fraction("0.95") / Fraction("0.8")
