"""A take-or-pay over its term: minimums by period, make-up and carry-forward."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.sparse.csgraph import maximum_flow

from storeff.data import Assumption, exact, map_numbers
from storeff.economics.agreements import (
    DEFAULT,
    OF_A_TERM,
    Term,
    Terms,
    choose_terms,
    load_terms,
)
from storeff.economics.bill import TB
from storeff.economics.commitment import Prices, forms_of
from storeff.economics.commitment import paid as paid_at_once
from storeff.economics.term import (
    PATHS,
    Minimum,
    Rights,
    Settled,
    minimums,
    need_paths,
    paid,
    settle,
    term_case,
    term_of,
)
from storeff.errors import StoreffError

PRICES = Prices(Fraction(220), Fraction(330), Fraction(90))
DEMAND = Assumption(value=Fraction(1), low=Fraction(8, 10), high=Fraction(12, 10))
NOTHING = Fraction(0)


def terms_of(**values: Any) -> Terms[Fraction]:
    """Terms over five years, and of what is given."""
    base = {"term_years": 5, "period_months": 12, "demand_correlation": 0.5, "minimum_share": 0.9}
    default = load_terms()[DEFAULT]
    numbers = {
        name: Assumption(value=Fraction(str(value)))
        for name, value in (dict.fromkeys(OF_A_TERM, 0) | base | values).items()
    }
    made: Terms[Fraction] = map_numbers(msgspec.structs.replace(default, **numbers), exact)
    return made


def term(committed: int = 10**18, planned: int = 10**18, **values: Any) -> Term:
    return term_of(
        terms_of(**values),
        DEMAND,
        PRICES,
        committed_bytes=committed,
        planned_bytes=planned,
        raw_tb=np.array([planned / TB]),
        seed=1,
    )


def cost(settled: tuple[Settled, ...], share: Fraction = NOTHING) -> Fraction:
    total: Fraction = sum((paid(each, PRICES, share) for each in settled), Fraction(0))
    return total


def columns(settled: tuple[Settled, ...], *names: str) -> list[list[int]]:
    return [[getattr(each, name) for each in settled] for name in names]


# ---- by hand ----

# A commitment of 10 TB a year, of which 8 are paid, taken or not.
YEARLY = Minimum(10, 8, 2)


def test_what_is_paid_and_not_taken_is_made_up_above_a_later_minimum() -> None:
    settled = settle([YEARLY] * 3, [5, 9, 12], Rights(make_up_periods=2))
    taken, made_up, short, lapsed, left = columns(
        settled, "taken", "made_up", "short", "lapsed", "open"
    )
    # 3 short in the first year; 1 is above the minimum in the second, 2 in the third.
    assert taken == [5, 9, 10]
    assert short == [3, 0, 0]
    assert made_up == [0, 1, 2]
    assert lapsed == [0, 0, 0]
    assert left == [3, 2, 0]
    # 5 + 3, then 8, then 8 at 220; 2 elsewhere at 330.
    assert [paid(each, PRICES, NOTHING) for each in settled] == [1760, 1760, 1760 + 660]


def test_what_is_not_made_up_in_its_window_lapses_and_is_sold() -> None:
    settled = settle([YEARLY] * 3, [5, 9, 12], Rights(make_up_periods=1))
    made_up, lapsed, left = columns(settled, "made_up", "lapsed", "open")
    assert made_up == [0, 1, 0]
    assert lapsed == [0, 2, 0]
    assert left == [3, 0, 0]
    # In the third year 10 at 220 and 2 at 330; in the second 2 are sold at 90.
    assert [paid(each, PRICES, NOTHING) for each in settled] == [1760, 1760 - 180, 2200 + 660]


def test_what_is_above_a_minimum_lowers_a_later_one_up_to_its_cap() -> None:
    settled = settle([YEARLY] * 3, [10, 5, 7], Rights(carried_periods=1))
    carried, short = columns(settled, "carried", "short")
    # 2 above in the first year count in the second; nothing is left for the third.
    assert carried == [0, 2, 0]
    assert short == [0, 1, 1]
    one_at_most = settle([Minimum(10, 8, 1)] * 3, [10, 5, 7], Rights(carried_periods=2))
    assert columns(one_at_most, "carried", "short") == [[0, 1, 1], [0, 2, 0]]


def test_what_is_above_a_minimum_makes_up_before_it_is_carried_forward() -> None:
    both = Rights(make_up_periods=1, carried_periods=1)
    settled = settle([YEARLY] * 3, [7, 10, 5], both)
    made_up, carried, short = columns(settled, "made_up", "carried", "short")
    assert made_up == [0, 1, 0]
    assert carried == [0, 0, 1]
    assert short == [1, 0, 2]


def test_a_part_of_the_price_is_due_only_when_it_is_made_up() -> None:
    settled = settle([YEARLY] * 2, [5, 9], Rights(make_up_periods=1))
    quarter = Fraction(1, 4)
    # 5 at 220 and 3 at 165; then 8 at 220 and 1 at 55, and 2 lapse: 90 - 55 each for what is sold.
    assert [paid(each, PRICES, quarter) for each in settled] == [1100 + 495, 1760 + 55 - 70]
    # Where more is due than it sells for, it is left.
    assert paid(settled[1], PRICES, Fraction(1, 2)) == 1760 + 110


def test_what_is_short_of_a_minimum_of_all_is_made_up_beyond_the_commitment() -> None:
    rights = Rights(make_up_periods=1)
    assert columns(settle([Minimum(10, 10)] * 2, [7, 14], rights), "made_up") == [[0, 0]]
    settled = settle([Minimum(10, 10, upside=2)] * 2, [7, 14], rights)
    # Of 14 the commitment and 2 more come, these paid before, and 2 are bought elsewhere.
    assert columns(settled, "taken", "made_up", "lapsed") == [[7, 12], [0, 2], [0, 1]]
    assert paid(settled[1], PRICES, NOTHING) == 2200 + 660 - 90


def test_what_comes_beyond_the_commitment_could_have_been_sold_for_more() -> None:
    case = term_case(
        "c", [Minimum(10 * TB, 8 * TB, 0, 2 * TB)], [13 * TB], Rights(), PRICES, NOTHING
    )
    assert (case.buyer, case.seller) == (110, 220)


def test_a_case_is_in_whole_bytes_and_cents_and_says_who_loses_what() -> None:
    agreed_on = [Minimum(10 * TB, 8 * TB, 2 * TB)] * 3
    case = term_case("c", agreed_on, [5 * TB, 9 * TB, 12 * TB], Rights(2), PRICES, NOTHING)
    assert [each.paid for each in case.periods] == [1760, 1760, 2420]
    assert case.paid == 5940
    # 26 TB needed at 220 are 5720: 2 elsewhere at 110 more.
    assert case.buyer == 220
    # Of 30 made 6 were never taken, at 130 of worth each; nothing of them was paid for.
    assert case.seller == 6 * 130


def test_parts_of_a_commitment_sum_to_it_and_minimums_are_rounded_up() -> None:
    made = minimums(terms_of(minimum_share="0.5", carry_forward_share="0.5"), 11, 3)
    assert [each.commitment for each in made] == [4, 3, 4]
    assert [each.least for each in made] == [2, 2, 2]
    assert [each.carried_most for each in made] == [1, 1, 1]


# ---- what always holds ----

windows = st.integers(0, 4)


@st.composite
def a_period(draw: Callable[[st.SearchStrategy[int]], int]) -> tuple[Minimum, int]:
    """What is agreed of a period, and its need."""
    commitment = draw(st.integers(0, 12))
    least = draw(st.integers(0, commitment))
    carried, upside = draw(st.integers(0, least)), draw(st.integers(0, 4))
    return Minimum(commitment, least, carried, upside), draw(st.integers(0, 20))


periods = st.lists(a_period(), min_size=1, max_size=7)
shares = st.fractions(0, 1, max_denominator=20)


@given(periods, windows, windows, shares)
def test_a_settlement_closes(
    path: list[tuple[Minimum, int]], make_up: int, carried: int, share: Fraction
) -> None:
    agreed_on, needs = [each for each, _ in path], [need for _, need in path]
    settled = settle(agreed_on, needs, Rights(make_up, carried))
    short = made_up = lapsed = 0
    for each, minimum, need in zip(settled, agreed_on, needs, strict=True):
        short, made_up, lapsed = short + each.short, made_up + each.made_up, lapsed + each.lapsed
        assert each.open == short - made_up - lapsed >= 0
        assert each.taken + each.elsewhere == need
        assert each.taken + each.short + each.carried >= minimum.least
        assert each.carried <= minimum.carried_most
        assert 0 <= each.made_up <= max(0, each.taken - minimum.least)
    assert settled[-1].open == 0
    # Paid is what is taken at the price and what lapsed at its part of it, less what that sells
    # for, and what is bought elsewhere.
    price, shortfall, surplus = PRICES
    worth = max(surplus - share * price, Fraction(0))
    assert cost(settled, share) == (
        price * sum(each.taken for each in settled)
        + ((1 - share) * price - worth) * lapsed
        + shortfall * sum(each.elsewhere for each in settled)
    )


def least_lapsed(path: list[tuple[Minimum, int]], rights: Rights) -> int:
    """By the largest flow from what is above minimums to what is below others, all known ahead."""
    number = len(path)
    source, sink = 0, 3 * number + 1
    edges: dict[tuple[int, int], int] = {}
    short = 0
    for at, (minimum, need) in enumerate(path):
        taken = min(need, minimum.commitment + minimum.upside)
        above, below = max(0, taken - minimum.least), max(0, minimum.least - taken)
        short += below
        hill, hole, capped = 1 + at, 1 + number + at, 1 + 2 * number + at
        edges[source, hill], edges[hole, sink] = above, below
        edges[capped, hole] = minimum.carried_most
        for other in range(number):
            if 0 < other - at <= rights.carried_periods:
                edges[hill, 1 + 2 * number + other] = above
            if 0 < at - other <= rights.make_up_periods:
                edges[hill, 1 + number + other] = above
    rows, ends = zip(*edges, strict=True)
    graph = csr_array(
        (np.array(list(edges.values()), np.int32), (rows, ends)), shape=(sink + 1, sink + 1)
    )
    return short - int(maximum_flow(graph, source, sink).flow_value)


@given(periods, windows, windows)
def test_no_use_of_the_rights_with_foresight_leaves_less_to_lapse(
    path: list[tuple[Minimum, int]], make_up: int, carried: int
) -> None:
    rights = Rights(make_up, carried)
    settled = settle([each for each, _ in path], [need for _, need in path], rights)
    assert sum(each.lapsed for each in settled) == least_lapsed(path, rights)


@given(periods, windows, windows, shares)
def test_more_make_up_or_carry_forward_never_costs_more(
    path: list[tuple[Minimum, int]], make_up: int, carried: int, share: Fraction
) -> None:
    agreed_on, needs = [each for each, _ in path], [need for _, need in path]
    rights = Rights(make_up, carried)
    mine = cost(settle(agreed_on, needs, rights), share)
    larger_cap = [each._replace(carried_most=each.carried_most + 1) for each in agreed_on]
    assert cost(settle(agreed_on, needs, Rights(make_up + 1, carried)), share) <= mine
    assert cost(settle(agreed_on, needs, Rights(make_up, carried + 1)), share) <= mine
    assert cost(settle(larger_cap, needs, rights), share) <= mine


@given(periods, windows, windows)
def test_without_a_minimum_just_what_is_taken_is_paid(
    path: list[tuple[Minimum, int]], make_up: int, carried: int
) -> None:
    agreed_on = [Minimum(each.commitment, 0) for each, _ in path]
    settled = settle(agreed_on, [need for _, need in path], Rights(make_up, carried))
    assert cost(settled) == sum(
        220 * min(each.commitment, need) + 330 * max(0, need - each.commitment)
        for each, need in path
    )


@given(periods, windows, windows)
def test_without_a_commitment_all_is_bought_elsewhere(
    path: list[tuple[Minimum, int]], make_up: int, carried: int
) -> None:
    needs = [need for _, need in path]
    assert cost(settle([Minimum(0, 0)] * len(path), needs, Rights(make_up, carried))) == 330 * sum(
        needs
    )


@given(st.integers(0, 100), st.integers(0, 150), shares)
def test_a_term_of_one_period_is_the_take_or_pay_of_one_decision(
    commitment: int, need: int, share: Fraction
) -> None:
    terms = terms_of(minimum_share=share)
    form = next(each for each in forms_of(terms, PRICES, NOTHING) if each.name == "take-or-pay")
    settled = settle([Minimum(commitment, share * commitment)], [need], Rights())
    assert cost(settled) == paid_at_once(form, PRICES.shortfall, commitment, need)


@given(periods, windows, windows)
def test_many_paths_are_settled_as_each_of_them(
    path: list[tuple[Minimum, int]], make_up: int, carried: int
) -> None:
    agreed_on, needs = [each for each, _ in path], [need for _, need in path]
    rights = Rights(make_up, carried)
    paths = [np.array([float(need), need + 1.0, need / 2]) for need in needs]
    together = settle(agreed_on, paths, rights)
    for number, column in enumerate(zip(*paths, strict=True)):
        alone = settle(agreed_on, [Fraction(float(each)) for each in column], rights)
        for one, both in zip(alone, together, strict=True):
            spread = [float(np.broadcast_to(each, 3)[number]) for each in both]
            assert spread == pytest.approx([float(each) for each in one])


# ---- over paths of demand ----


def test_every_year_of_a_path_has_the_range_of_demand_and_years_are_correlated() -> None:
    paths = need_paths(np.array([100.0]), DEMAND, 4, 0.5, 1)
    assert paths.shape == (4, PATHS)
    assert paths.min() > 20
    assert paths.max() < 30
    assert paths.mean(axis=1) == pytest.approx([25] * 4, rel=5e-3)
    assert np.std(paths, axis=1) == pytest.approx([25 * 0.2 / 6**0.5] * 4, rel=0.03)
    found = np.asarray(np.corrcoef(paths))
    # Of a triangle nearly that of the normal scores.
    assert found[0, 1] == pytest.approx(0.5, abs=0.04)
    assert found[0, 2] == pytest.approx(0.25, abs=0.04)


def test_years_of_a_path_are_alike_where_they_are_wholly_correlated() -> None:
    paths = need_paths(np.array([100.0, 200.0]), DEMAND, 3, 1.0, 1)
    assert np.array_equal(paths[0], paths[2])
    assert np.array_equal(paths, need_paths(np.array([100.0, 200.0]), DEMAND, 3, 1.0, 1))
    assert not np.array_equal(paths, need_paths(np.array([100.0, 200.0]), DEMAND, 3, 1.0, 2))


def test_a_known_demand_costs_what_it_is_taken_for() -> None:
    sure = term_of(
        terms_of(),
        Assumption(value=Fraction(1)),
        PRICES,
        committed_bytes=10**18,
        planned_bytes=10**18,
        raw_tb=np.array([1e6]),
        seed=1,
    )
    costs = {sure.expected_cost, sure.cost_p10, sure.cost_p50, sure.cost_p90}
    assert costs == {220e6}
    assert sure.best_bytes == pytest.approx(10**18, rel=1e-5)


def test_rights_are_worth_something_and_nothing_where_all_years_are_alike() -> None:
    loose = term(make_up_years=2, carry_forward_years=2, carry_forward_share=1)
    assert loose.cost_p10 < loose.cost_p50 < loose.cost_p90
    assert loose.expected_cost < loose.without_rights
    assert loose.lapsed_bytes < loose.short_bytes
    alike = term(
        make_up_years=2, carry_forward_years=2, carry_forward_share=1, demand_correlation=1
    )
    assert alike.expected_cost == alike.without_rights
    assert alike.expected_cost > loose.expected_cost


def test_without_rights_a_term_costs_what_it_costs_whatever_the_correlation() -> None:
    costs = [term(demand_correlation=x).expected_cost for x in (0, 0.5, 1)]
    assert costs == pytest.approx([costs[0]] * 3, rel=3e-3)


def test_no_other_commitment_over_the_term_is_expected_to_cost_less() -> None:
    found = term(make_up_years=1, carry_forward_years=1, carry_forward_share=0.2)
    others = [
        term(
            int(share * found.best_bytes),
            10**18,
            make_up_years=1,
            carry_forward_years=1,
            carry_forward_share=0.2,
        ).expected_cost
        for share in (0.5, 0.9, 0.97, 0.999, 1.001, 1.03, 1.1, 1.5)
    ]
    assert found.best_expected_cost <= min(others)


def test_a_demand_that_comes_later_is_made_up_and_one_that_comes_earlier_carried() -> None:
    rights = {"make_up_years": 4, "carry_forward_years": 4, "carry_forward_share": 1}
    found = term(8 * 10**17, **rights)
    by_name = {each.case: each for each in found.cases}
    assert list(by_name) == ["-20 %", "+20 %", "-20 %, then +20 %", "+20 %, then -20 %"]
    less, more, later, earlier = found.cases
    # 160 PB a year are needed at least, 144 paid for: nothing is short.
    assert sum(each.short_bytes for each in less.periods) == 0
    found = term(10**18, **rights)
    less, more, later, earlier = found.cases
    assert sum(each.made_up_bytes for each in later.periods) == 40 * 10**15
    assert sum(each.carried_bytes for each in earlier.periods) == 40 * 10**15
    assert less.buyer == pytest.approx(5 * 20 * 1000 * 130)
    assert less.seller == pytest.approx(5 * 20 * 1000 * 130)
    assert (more.buyer, more.seller) == pytest.approx((5 * 40 * 1000 * 110, 0))


def test_a_minimum_each_quarter_is_the_same_in_all() -> None:
    yearly, quarterly = term(demand_correlation=0.2), term(period_months=3, demand_correlation=0.2)
    assert quarterly.periods == 20
    assert quarterly.minimum_bytes == yearly.minimum_bytes


# ---- terms ----


def test_an_agreement_of_several_years_has_what_is_public_of_its_term() -> None:
    known = load_terms()
    micron, sandisk = known["micron-2026"], known["sandisk-2026"]
    assert [micron.term_years.value, sandisk.term_years.value] == [5, 5]
    assert [micron.period_months.value, sandisk.period_months.value] == [12, 3]
    # What is not public is assumed, and neither make-up nor carry-forward.
    for each in (micron, sandisk):
        assert [each.make_up_years.value, each.carry_forward_share.value] == [0, 0]
        assert each.make_up_years.kind == "assumption"


def test_terms_without_a_term_have_nothing_of_one() -> None:
    known = load_terms()
    for name in (DEFAULT, "hpe-2026"):
        assert all(getattr(known[name], each).value is None for each in OF_A_TERM)


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ("make_up_years = 2", "gives make_up_years, which is of a term: give term_years too"),
        ("term_years = 5\nperiod_months = 5", "period_months must divide a year"),
        ("term_years = 4.5", "term_years must be whole periods of 12 months"),
        ("term_years = 20\nperiod_months = 1", "120 at most"),
        ("term_years = 5\nmake_up_years = 0.5", "make_up_years must be whole periods of 12"),
        (
            "term_years = 5\nperiod_months = 6\ncarry_forward_years = 1.75",
            "carry_forward_years must be whole periods of 6",
        ),
        ("term_years = 5\ncarry_forward_share = 2", "a fraction from 0 to 1"),
        ("term_years = 5\nmakeup_years = 2", "did you mean 'make_up_years'"),
    ],
)
def test_a_wrong_term_is_refused_by_name(tmp_path: Path, text: str, wrong: str) -> None:
    (tmp_path / "t.toml").write_text(f"[ours]\n{text}\n")
    with pytest.raises(StoreffError, match=wrong):
        choose_terms(str(tmp_path / "t.toml"))
