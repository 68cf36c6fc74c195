"""The cost where all that is known by a range varies: how inputs are drawn, what comes of it."""

import itertools
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.scenarios import LAYOUTS, scenario

from storeff.data import Assumption, map_numbers
from storeff.economics import (
    Scenario,
    Simulation,
    bill_for,
    in_cells,
    load_scenario,
    sensitivity,
    simulation,
    size,
)
from storeff.economics.draws import BLOCK, REDUCTION, Ranged, blocks, ranged, with_draws
from storeff.economics.simulation import simulated
from storeff.quantity import Draws

GOLDEN = Path(__file__).parent / "golden"
PRICE = "drives.qlc-122.price"
MEASURED = np.random.default_rng(1).normal(1.3, 0.05, 2000)


def ex50() -> Scenario[Assumption]:
    return load_scenario(GOLDEN / "ex50.toml")


def some(**ranges: tuple[Any, Any]) -> Scenario[Assumption]:
    """ex50 with a range for some numbers, by the part and name: ``drive__price=(1, 2)``."""

    def number(each: Assumption) -> Assumption:
        ends = ranges.get(each.path.replace(".", "__"))
        if ends is None:
            return each
        low, high = map(Fraction, ends)
        return msgspec.structs.replace(each, low=low, high=high)

    made: Scenario[Assumption] = map_numbers(ex50(), number)
    return made


def run(given: Scenario[Assumption], draws: Draws | None = None, **options: Any) -> Simulation:
    found = simulation(given, draws, options.pop("seed", 1), **{"count": 4000} | options)
    assert found is not None
    return found


def pert(random: np.random.Generator, low: float, mode: float, high: float, count: int) -> Draws:
    width = high - low
    a, b = 1 + 4 * (mode - low) / width, 1 + 4 * (high - mode) / width
    return low + width * random.beta(a, b, count)


def test_ex50_monte_carlo_of_the_worked_example() -> None:
    """PERT quantities and a lognormal price: NPV P10/P50/P90 5.89/8.97/13.84 B USD, drives
    282k/308k/340k, rank correlations 0.975 of the price and -0.19 of the data reduction. Each is
    within three standard errors of the published figure and of ours, and their rounding."""
    count, random = 100_000, np.random.default_rng(50)
    drawn = {
        REDUCTION: pert(random, 1.6, 2, 2.3, count),
        "layout.metadata": pert(random, 0.01, 0.02, 0.05, count),
        "layout.fill_limit": pert(random, 0.80, 0.85, 0.90, count),
        "layout.rebuild_reserve": pert(random, 0.02, 0.03, 0.06, count),
        "drive.price": 27000 * np.exp(random.normal(0, 0.35, count)),
    }
    found = simulated(ex50(), [drawn], "PERT, and lognormal prices")
    assert found is not None
    npv, spares = found.together.npv, 722
    assert npv.p10 == pytest.approx(5.89e9, abs=0.04e9)
    assert npv.p50 == pytest.approx(8.97e9, abs=0.05e9)
    assert npv.p90 == pytest.approx(13.84e9, abs=0.09e9)
    drives = found.together.drives
    published = (282_000, 308_000, 340_000)
    for mine, theirs in zip((drives.p10, drives.p50, drives.p90), published, strict=True):
        assert mine is not None
        assert mine - spares == pytest.approx(theirs, abs=1000)
    ranks = {each.path: each.rank_correlation for each in found.inputs}
    assert ranks["drive.price"] == pytest.approx(0.975, abs=0.005)
    assert ranks[REDUCTION] == pytest.approx(-0.19, abs=0.02)
    assert [each.path for each in found.inputs[:2]] == ["drive.price", REDUCTION]


def test_the_same_seed_gives_the_same_simulation() -> None:
    assert run(scenario(), MEASURED) == run(scenario(), MEASURED)
    assert run(scenario(), MEASURED).together != run(scenario(), MEASURED, seed=2).together


def test_another_range_does_not_shift_the_draws_of_an_input() -> None:
    alone = some(drive__price=(20000, 40000))
    beside = some(drive__price=(20000, 40000), layout__metadata=("0.01", "0.05"))
    [one], [two] = (list(blocks(each, None, 3, 100)) for each in (alone, beside))
    assert np.array_equal(one["drive.price"], two["drive.price"])
    assert run(alone).price == run(beside).price


def test_more_draws_begin_with_the_same_ones() -> None:
    [few] = blocks(scenario(), MEASURED, 1, 100)
    first, second = blocks(scenario(), MEASURED, 1, BLOCK + 50)
    assert {len(draws) for draws in first.values()} == {BLOCK}
    assert {len(draws) for draws in second.values()} == {50}
    assert all(np.array_equal(draws, first[path][:100]) for path, draws in few.items())


def test_every_replicate_of_the_measurement_counts_as_often() -> None:
    drawn = [block[REDUCTION] for block in blocks(scenario(), MEASURED, 1, 2 * BLOCK)]
    _, counts = np.unique(np.concatenate(drawn), return_counts=True)
    assert set(counts) == {2 * BLOCK // len(MEASURED)}


@pytest.mark.parametrize("name", ["reference-10-4", "ceph-ec-8-3", "zfs-raidz2-8-2"])
def test_two_halves_of_the_draws_agree(name: str) -> None:
    """Within four standard errors of a percentile, from the density around it."""
    given, count = scenario(name), 2 * BLOCK
    whole = list(blocks(given, MEASURED, 7, count))
    first, second = (simulated(given, [half]) for half in whole)
    assert first is not None
    assert second is not None
    for a, b in (
        (first.together.npv, second.together.npv),
        (first.quantity.npv, second.quantity.npv),
    ):
        assert a.p10 is not None and a.p50 is not None and a.p90 is not None  # noqa: PT018
        assert b.p10 is not None and b.p50 is not None and b.p90 is not None  # noqa: PT018
        # Between the 10th and the 90th lies 0.8: nowhere in it is the density a fifth of the mean.
        error = 0.5 / BLOCK**0.5 / (0.8 / (a.p90 - a.p10) / 5)
        for one, other in ((a.p10, b.p10), (a.p50, b.p50), (a.p90, b.p90)):
            assert abs(one - other) < 4 * error
        assert a.exceeded_probability == pytest.approx(b.exceeded_probability, abs=0.03)


def test_the_order_of_the_inputs_does_not_matter() -> None:
    given = scenario()
    [block] = blocks(given, MEASURED, 1, 2000)
    turned = {path: block[path] for path in reversed(list(block))}
    assert list(turned) != list(block)
    assert simulated(given, [turned]) == simulated(given, [block])


def test_an_input_without_a_range_contributes_nothing() -> None:
    found = run(some(drive__price=(20000, 40000)))
    assert [each.path for each in found.inputs] == ["drive.price"]
    quantity = found.quantity.npv
    assert quantity.p10 == quantity.p50 == quantity.p90 == quantity.central
    assert quantity.exceeded_probability == 0
    assert found.price == found.together


def test_where_nothing_varies_there_is_no_simulation() -> None:
    assert simulation(ex50(), None, 1) is None


def test_prices_change_no_quantity() -> None:
    found = run(scenario())
    assert found.price.drives.p10 == found.price.drives.p90 == found.price.drives.central
    assert found.together.drives == found.quantity.drives
    assert found.together.raw_bytes == found.quantity.raw_bytes


def test_an_unknown_price_leaves_money_unknown_and_quantities_known() -> None:
    given = scenario()
    drive = msgspec.structs.replace(given.drive, price=Assumption(path=PRICE, unit="USD"))
    found = run(msgspec.structs.replace(given, drive=drive), MEASURED)
    npv, raw = found.together.npv, found.together.raw_bytes
    assert (npv.central, npv.p10, npv.p50, npv.p90, npv.exceeded_probability) == (None,) * 5
    assert None not in (raw.central, raw.p10, raw.p50, raw.p90, raw.exceeded_probability)
    assert {each.rank_correlation for each in found.inputs} == {None}
    assert found.known_better is None


def test_the_central_estimate_is_that_of_the_bill() -> None:
    sized, found = size(in_cells(scenario())), run(scenario())
    assert found.together.npv.central == sized.bill.npv.value
    assert found.together.drives.central == sized.bill.drives.value
    assert found.together.raw_bytes.central == sized.raw_bytes.value
    assert found.together.capex.central == sized.bill.capex.total.value


def test_a_range_that_reaches_further_up_is_exceeded_more_often_than_not() -> None:
    found = run(some(drive__price=(26000, 60000)))
    npv = found.together.npv
    assert npv.exceeded_probability == pytest.approx(33 / 34, abs=0.01)
    assert npv.p50 is not None
    assert npv.p50 > (npv.central or 0)


def test_whole_numbers_stay_whole_and_in_range() -> None:
    slots = Ranged("enclosure.drive_slots", 20, 24, 26, is_price=False, is_whole=True)
    draws = slots.drawn(1, 10_000)
    assert set(draws) == {20, 21, 22, 23, 24, 25, 26}
    [found] = ranged(some(enclosure__drive_slots=(20, 26)))
    assert found == slots


@given(
    ends=st.lists(st.integers(0, 1000), min_size=3, max_size=3).map(sorted),
    seed=st.integers(0, 1000),
    is_whole=st.booleans(),
)
def test_draws_stay_in_the_range(ends: list[int], seed: int, is_whole: bool) -> None:
    low, value, high = map(float, ends)
    high += low == high
    number = Ranged("x", low, value, high, is_price=False, is_whole=is_whole)
    draws = number.drawn(seed, 200)
    assert low <= draws.min() <= draws.max() <= high


def test_the_mean_of_draws_is_that_of_the_triangular_distribution() -> None:
    number = Ranged("x", 8, 10, 20, is_price=True, is_whole=False)
    assert number.drawn(3, 20_000).mean() == pytest.approx(38 / 3, rel=0.01)


def test_the_horizon_is_not_drawn() -> None:
    assert ranged(some(finance__years=(3, 7))) == ()


@pytest.mark.parametrize("name", LAYOUTS)
def test_every_number_of_a_scenario_can_vary(name: str) -> None:
    """Arithmetic that is not written for arrays would raise here; each bill of the replicates is
    that of its own numbers."""

    def nearly(each: Assumption) -> Assumption:
        if each.value is None:
            return each
        # Service levels and utilisations reach no further up.
        low, high = each.value * Fraction(99, 100), each.value * Fraction(100_001, 100_000)
        return msgspec.structs.replace(each, low=low, high=high)

    given = in_cells(map_numbers(scenario(name), nearly))
    [drawn] = blocks(given, None, 1, 20)
    assert len(drawn) > 40
    bills = bill_for(with_draws(given, drawn))
    for index in (0, 7, 19):
        one: Mapping[str, Any] = {path: float(draws[index]) for path, draws in drawn.items()}
        alone = bill_for(with_draws(given, one))
        assert bills.npv[index] == pytest.approx(float(alone.npv), rel=1e-9)
        assert np.broadcast_to(bills.drives, 20)[index] == alone.drives
        assert np.broadcast_to(bills.racks, 20)[index] == alone.racks


def test_what_cannot_be_built_costs_more_than_anything() -> None:
    """Of a rack of 1 to 31 kW, with the mode at 17, 0.8 % of draws feed no enclosure of 1.3 kW and
    the switch of 0.5 kW."""
    found = run(some(rack__kilowatts=(1, 31)))
    assert found.together.npv.p90 is not None
    never = run(some(enclosure__watts=(699, 10**5)))
    npv = never.together.npv
    assert (npv.p50, npv.p90) == (None, None)
    assert npv.exceeded_probability is not None
    assert npv.exceeded_probability > 0.99
    assert never.together.drives.p90 is not None


def test_a_cost_range_has_no_end_where_too_much_cannot_be_built() -> None:
    assert size(some(enclosure__watts=(699, 10**5))).npv_range is None
    assert size(some(rack__kilowatts=(1, 31))).npv_range is not None


def test_the_cost_range_is_of_the_same_draws() -> None:
    """2,000 draws and 20,000 give the same ends, within their sampling error."""
    ends = size(scenario(), MEASURED).npv_range
    found = run(scenario(), MEASURED, count=20_000).together.npv
    assert ends is not None
    assert found.p10 is not None
    assert found.p90 is not None
    assert ends.low < found.p10 < found.p90 < ends.high
    assert run(scenario(), MEASURED).together.npv.central == found.central


def test_the_tornado_and_the_ranks_agree_on_what_matters_most() -> None:
    given = in_cells(scenario())
    found = run(given)
    both = {PRICE, "purchase.default.support"}
    assert {each.path for each in found.inputs[:2]} == both
    assert {each.path for each in sensitivity(given).tornado[:2]} == both
    for one, other in itertools.pairwise(found.inputs):
        assert abs(one.rank_correlation or 0) >= abs(other.rank_correlation or 0)


def test_ranks_have_the_sign_of_the_effect() -> None:
    """Of quantities and prices whose effect is known."""
    ranks = {each.path: each.rank_correlation or 0 for each in run(scenario(), MEASURED).inputs}
    assert ranks[PRICE] > 0.5
    assert ranks[REDUCTION] < 0
    assert ranks["layouts.reference-10-4.fill_limit"] < 0


def test_knowing_the_reduction_better_by_half_halves_what_comes_from_it() -> None:
    """Alone, the cost is as good as linear in a ratio this well known, so its width halves."""
    known = run(ex50(), np.random.default_rng(2).normal(2, 0.02, 2000)).known_better
    assert known is not None
    half = known.npv_width_at_fixed_prices / 2
    assert known.npv_narrowing_at_fixed_prices == pytest.approx(half, rel=0.01)
    assert known.npv_narrowing == known.npv_narrowing_at_fixed_prices


def test_uncertain_prices_hide_some_of_what_is_learnt_of_the_reduction() -> None:
    known = run(scenario(), MEASURED, count=20_000, read_bytes=10**9).known_better
    assert known is not None
    part = known.npv_narrowing / known.npv_width
    part_at_fixed_prices = known.npv_narrowing_at_fixed_prices / known.npv_width_at_fixed_prices
    assert 0 <= part < part_at_fixed_prices
    assert known.read_bytes == 10**9


def test_an_exact_reduction_cannot_be_known_better() -> None:
    assert run(scenario()).known_better is None


def test_a_replicate_that_is_no_ratio_leaves_the_figures_unknown() -> None:
    found = run(scenario(), np.append(MEASURED, -1.0))
    assert found.together.npv.p50 is None
    assert found.together.drives.p50 is None
    assert found.price.npv.p50 is not None
    assert found.known_better is None
