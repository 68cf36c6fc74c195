"""Prices by quarter: tables, rates, Wright's law, and indices that bring a dated price further."""

import math
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.data import Assumption, exact
from storeff.economics import load_drives
from storeff.economics.indices import indexed, load_indices, said
from storeff.economics.price_path import (
    Compounding,
    Indexed,
    Learning,
    Table,
    price_at,
    quarters_between,
    range_at,
)
from storeff.economics.quarters import number_of, quarter_on
from storeff.errors import StoreffError

OBSERVED = load_indices()
QUARTERS = st.integers(2020, 2030).flatmap(
    lambda year: st.integers(1, 4).map(lambda quarter: f"{year}Q{quarter}")
)
CHANGES = st.fractions(Fraction(-9, 10), 3, max_denominator=100)


def number(value: Any, low: Any = None, high: Any = None) -> Assumption:
    low, value, high = (None if end is None else Fraction(str(end)) for end in (low, value, high))
    return Assumption(low=low, value=value, high=high)


# ---- published examples ----


def test_three_quarters_of_contract_prices_compound_to_four_times() -> None:
    """TrendForce: 4Q25 above +25 %, 1Q26 +85 to 90 %, 2Q26 +70 to 75 %; "4-4.5x in nine months"
    (cryptogramplatform)."""
    path = Indexed(
        price=number(1),
        quarter="2025Q3",
        changes={
            "2025Q4": number("0.25"),
            "2026Q1": number("0.875", "0.85", "0.90"),
            "2026Q2": number("0.725", "0.70", "0.75"),
        },
    )
    found = range_at(path, "2026Q2")
    assert found.low == Fraction("1.25") * Fraction("1.85") * Fraction("1.70")
    assert found.high == Fraction("1.25") * Fraction("1.90") * Fraction("1.75")
    assert (round(float(found.low), 1), round(float(found.high), 1)) == (3.9, 4.2)


def test_vdura_tlc_rose_by_257_6_percent() -> None:
    """VDURA Flash Volatility Index: 3,062 to 10,950 USD, printed as +257 %."""
    before, after = (exact(said(OBSERVED[f"vdura-tlc-30-{q}"])) for q in ("2025q2", "2026q1"))
    assert float(after / before - 1) == pytest.approx(2.576, abs=5e-4)


def test_vdura_ratios_mean_that_disks_rose_by_35_2_percent() -> None:
    """The same: flash over disk from 6.2 to 16.4 times, disks printed as +35 %."""
    disks = []
    for quarter in ("2025q2", "2026q1"):
        flash = exact(said(OBSERVED[f"vdura-tlc-30-{quarter}"]))
        disks.append(flash / exact(said(OBSERVED[f"vdura-ratio-{quarter}"])))
    assert float(disks[1] / disks[0] - 1) == pytest.approx(0.352, abs=5e-4)


def test_wright_a_doubling_of_the_volume_takes_the_learning_rate_off() -> None:
    """Wright, 1936: 80 % of the cost, 20 % less, with each doubling."""
    volumes = {"2026Q1": 100, "2026Q2": 200, "2026Q3": 400}
    path = Learning(price=1000.0, quarter="2026Q1", rate=0.2, volumes=volumes)
    assert [price_at(path, quarter) for quarter in volumes] == pytest.approx([1000, 800, 640])


def test_bare_nand_by_what_a_die_costs() -> None:
    """Phison: a die of 1 Tbit from 4.80 to 10.70 USD, +123 %, 37.5 to 83.6 USD for 1.024 Tbit/8."""
    before, after = (exact(said(OBSERVED[f"nand-die-{q}"])) for q in ("2025q3", "2025q4"))
    assert float(after / before - 1) == pytest.approx(1.23, abs=5e-3)
    assert [round(float(each) / 0.128, 1) for each in (before, after)] == [37.5, 83.6]


# ---- paths ----


def test_a_price_of_a_table_holds_until_the_next_one_and_the_last_in_its_own_quarter() -> None:
    path = Table({"2027Q1": 100, "2027Q3": 90})
    assert [price_at(path, quarter) for quarter in ("2027Q1", "2027Q2", "2027Q3")] == [100, 100, 90]
    assert math.isnan(price_at(path, "2026Q4"))
    assert math.isnan(price_at(path, "2027Q4"))
    assert price_at(Table(path.prices, goes_on=True), "2031Q4") == 90
    assert price_at(Table({"": 80}), "2031Q4") == 80
    assert math.isnan(price_at(Table({}), "2027Q1"))


@given(QUARTERS, QUARTERS, CHANGES)
def test_a_rate_compounds_exactly_and_back_again(since: str, to: str, change: Fraction) -> None:
    there = price_at(Compounding(Fraction(1000), since, change), to)
    assert price_at(Compounding(there, to, change), since) == 1000
    steps = number_of(to) - number_of(since)
    assert there == 1000 * (1 + change) ** steps


@given(QUARTERS, QUARTERS, CHANGES)
def test_an_index_of_one_change_is_that_rate(since: str, to: str, change: Fraction) -> None:
    changes = dict.fromkeys(quarters_between(since, to), change)
    by_index = price_at(Indexed(Fraction(7), since, changes), to)
    assert by_index == price_at(Compounding(Fraction(7), since, change), to)


@given(QUARTERS, QUARTERS, st.data())
def test_where_an_index_has_a_gap_the_price_is_unknown(since: str, to: str, data: Any) -> None:
    between = quarters_between(since, to)
    path: Indexed[Any] = Indexed(Fraction(7), since, dict.fromkeys(between, Fraction(1, 10)))
    assert not math.isnan(price_at(path, to))
    if between:
        missing = data.draw(st.sampled_from(between))
        gap = {quarter: path.changes[quarter] for quarter in between if quarter != missing}
        assert math.isnan(price_at(Indexed(Fraction(7), since, gap), to))


def test_replicates_and_floats_go_the_same_way() -> None:
    prices = np.array([100.0, 200.0])
    path = Indexed(prices, "2026Q1", {"2026Q2": np.array([0.1, 0.2])})
    assert price_at(path, "2026Q2") == pytest.approx([110, 240])
    learned = Learning(prices, "2026Q1", 0.2, {"2026Q1": 1.0, "2026Q2": 2.0})
    assert price_at(learned, "2026Q2") == pytest.approx([80, 160])


# ---- ranges ----


@given(
    QUARTERS,
    QUARTERS,
    st.lists(st.fractions(1, 1000, max_denominator=10), min_size=3, max_size=3).map(sorted),
    st.lists(CHANGES, min_size=3, max_size=3).map(sorted),
)
def test_a_range_holds_what_any_numbers_within_give(
    since: str, to: str, prices: list[Fraction], changes: list[Fraction]
) -> None:
    path = Compounding(number(*_middle(prices)), since, number(*_middle(changes)))
    low, value, high = range_at(path, to)
    every = [price_at(Compounding(p, since, c), to) for p in prices for c in changes]
    assert (low, high) == (min(every), max(every))
    assert value == price_at(Compounding(prices[1], since, changes[1]), to)


def _middle(three: list[Fraction]) -> tuple[Fraction, Fraction, Fraction]:
    return three[1], three[0], three[2]


def test_a_rate_of_learning_may_be_the_better_or_the_worse_end() -> None:
    """With less volume than now, the faster learner was the dearer."""
    volumes = {"2025Q1": number(50), "2026Q1": number(100), "2027Q1": number(200)}
    path = Learning(number(100), "2026Q1", number("0.2", "0.1", "0.3"), volumes)
    assert range_at(path, "2027Q1") == pytest.approx((70, 80, 90))
    assert range_at(path, "2025Q1") == pytest.approx((100 / 0.9, 125, 100 / 0.7))


def test_a_change_that_is_only_known_from_below_leaves_the_price_open_above() -> None:
    path = Indexed(
        number(100), "2025Q3", {"2025Q4": number("0.25")}, at_least=frozenset({"2025Q4"})
    )
    assert range_at(path, "2025Q4") == (125, 125, None)
    before = Indexed(
        number(125), "2025Q4", {"2025Q4": number("0.25")}, at_least=frozenset({"2025Q4"})
    )
    assert range_at(before, "2025Q3") == (None, 100, 100)
    assert range_at(before, "2025Q4") == (125, 125, 125)


def test_of_an_unknown_price_no_end_is_known() -> None:
    path = Indexed(number(100, 90, 110), "2026Q1", {})
    assert range_at(path, "2026Q2") == (None, None, None)
    assert range_at(Table({"2026Q1": Assumption()}), "2026Q1") == (None, None, None)


# ---- the catalogue ----


def test_a_dated_price_is_brought_to_another_quarter_by_an_index() -> None:
    price = load_drives()["tlc-30"].price
    path = indexed(price, "nand-contract", OBSERVED)
    assert path is not None
    assert path.quarter == "2026Q1"
    found = range_at(path, "2026Q2")
    assert found == (10138 * Fraction("1.70"), 10950 * Fraction("1.725"), 15089 * Fraction("1.75"))


@pytest.mark.parametrize("quarter", ["2026Q3", "2025Q4", "2025Q3"])
def test_beyond_what_an_index_covers_the_price_is_unknown(quarter: str) -> None:
    """Nothing is published of 3Q26 and 4Q26, and of 4Q25 only of enterprise SSDs."""
    price = load_drives()["tlc-30"].price
    path = indexed(price, "nand-contract", OBSERVED)
    assert path is not None
    known = range_at(path, quarter).value is not None
    assert known == (quarter == "2025Q4")


def test_a_price_without_a_date_is_brought_nowhere() -> None:
    assert indexed(number(100), "nand-contract", OBSERVED) is None


def test_the_least_rise_of_4q25_stays_open_above() -> None:
    price = Assumption(value=Fraction(100), true_on=date(2025, 8, 1))
    path = indexed(price, "enterprise-ssd-contract", OBSERVED)
    assert path is not None
    low, value, high = range_at(path, "2026Q1")
    assert (low, value, high) == (
        100 * Fraction("1.25") * Fraction("1.53"),
        100 * Fraction("1.25") * Fraction("1.555"),
        None,
    )


def test_every_observation_is_of_a_quarter_that_had_begun_when_it_was_read() -> None:
    for name, each in OBSERVED.items():
        number_ = said(each)
        assert number_.source
        assert number_.read_on
        assert number_of(each.quarter) <= number_of(quarter_on(number_.read_on)), name
        assert name.endswith(each.quarter.lower())


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("product = 'a'\nquarter = '2026Q1'", "needs one of change, price"),
        ("product = 'a'\nquarter = '2026Q1'\nprice = 1\nratio = 2", "and has 2"),
        ("product = 'a'\nquarter = '2026-1'\nprice = 1", "'2026-1' is no quarter"),
        ("product = 'a'\nquarter = '2026Q1'\nchange = -1", "change must be a number above -1"),
        (
            "product = 'a'\nquarter = '2026Q1'\nprice = 1\nis_least = true",
            "is_least is of a change",
        ),
        ("product = 'a'\nprice = 1", "has no quarter"),
    ],
)
def test_an_observation_that_says_nothing_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    mine = tmp_path / "indices.toml"
    mine.write_text(f"[mine]\n{text}\n")
    with pytest.raises(StoreffError, match=message):
        load_indices(mine)


# ---- quarters ----


@pytest.mark.parametrize("wrong", ["2027", "2027Q5", "27Q1", "2027q1", "2027Q1 ", ""])
def test_what_is_no_quarter_is_refused(wrong: str) -> None:
    with pytest.raises(StoreffError, match="is no quarter"):
        price_at(Table({}), wrong)


@given(st.dates(date(1000, 1, 1), date(9000, 1, 1)))
def test_a_day_is_in_its_quarter(day: date) -> None:
    quarter = quarter_on(day)
    assert quarter == f"{day.year}Q{(day.month + 2) // 3}"
    assert number_of(quarter) == 4 * day.year + (day.month - 1) // 3


def test_changes_between_quarters_are_those_after_the_earlier() -> None:
    assert quarters_between("2025Q3", "2026Q1") == ["2025Q4", "2026Q1"]
    assert quarters_between("2026Q1", "2025Q3") == ["2025Q4", "2026Q1"]
    assert quarters_between("2026Q1", "2026Q1") == []
