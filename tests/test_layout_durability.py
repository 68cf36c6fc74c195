"""Durability: the published figures that these models give, and what every model must obey."""

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyeclib.ec_iface import ECDriver, ECDriverError

from storeff.layout import Code, Layout, Repair, durability
from storeff.layout.durability import (
    decodable_fraction,
    markov_loss,
    mean_hours_to_loss,
    rebuild_reads,
    tolerance,
    window_loss,
)

DAY = 24.0
YEAR_HOURS = 8760


def fleet(layout: Layout[float], **changes: float) -> Any:
    inputs = {
        "logical_bytes": 1e18,
        "drives": 1000.0,
        "capacity_bytes": 122.88e12,
        "annual_failure_rate": 0.01,
        "read_bytes_per_second": 7.4e9,
        "write_bytes_per_second": 3.2e9,
    }
    return durability(layout, **(inputs | changes))


def layout(code: Code, **repair: float) -> Layout[float]:
    plain = {
        "detection_hours": 0.0,
        "bandwidth_share": 1.0,
        "drives": 1.0,
        "read_fragments": math.nan,
    }
    return Layout(
        name="x",
        code=code,
        metadata=0.0,
        padding=0.0,
        rebuild_reserve=0.0,
        fill_limit=1.0,
        repair=Repair(**(plain | repair)),
    )


# Backblaze, Cloud Storage Durability: AFR 0.405 %, 6.5 days to rebuild, 20 shards.
@pytest.mark.parametrize(
    ("code", "annual"),
    [
        (Code("rs", 17, 3), 7.354e-12),
        (Code("rs", 20, 0), 7.781e-02),
        (Code("rs", 19, 1), 5.545e-05),
        (Code("rs", 18, 2), 2.399e-08),
    ],
)
def test_published_backblaze_annual_loss(code: Code, annual: float) -> None:
    assert window_loss(code, 0.00405, 6.5 * DAY) == pytest.approx(annual, rel=5e-4)


def test_published_backblaze_is_eleven_nines() -> None:
    assert int(-math.log10(window_loss(Code("rs", 17, 3), 0.00405, 6.5 * DAY))) == 11


# Patterson, Gibson, Katz, SIGMOD 1988: MTTF 30,000 h, MTTR 1 h, 100 data disks.
@pytest.mark.parametrize(
    ("code", "groups", "hours"),
    [
        (Code("rs", 10, 1), 10, 818_182),  # printed as 820,000
        (Code("rs", 25, 1), 4, 346_154),  # printed as 346,000
        (Code("replica", 1, 1), 100, 4_500_000),
    ],
)
def test_published_raid_mean_time_to_loss(code: Code, groups: int, hours: float) -> None:
    mean = mean_hours_to_loss(code, Fraction(1, 30_000), Fraction(1))
    assert float(mean / groups) == pytest.approx(hours, rel=2e-3)


def test_published_xoring_elephants_three_replicas() -> None:
    """Sathiamoorthy et al., VLDB 2013, table 1: 2.3079E+10 days."""
    stripes = Fraction(30 * 2**50, 3 * 2**28)
    repair_hours = Fraction(2**28 * 8, 2**30) / 3600
    mean = mean_hours_to_loss(Code("replica", 1, 2), Fraction(1, 4 * 365 * 24), 1 / repair_hours)
    assert float(mean / 24 / stripes) == pytest.approx(2.3079e10, rel=1e-4)


# Both at 1 % a year and a day to repair: the models differ, which is why both are printed.
@pytest.mark.parametrize(
    ("code", "window", "markov"),
    [(Code("rs", 8, 3), 6.8e-14, 1.7e-12), (Code("rs", 146, 4), 3.3e-12, 4.1e-10)],
)
def test_the_two_models_disagree(code: Code, window: float, markov: float) -> None:
    assert window_loss(code, 0.01, DAY) == pytest.approx(window, rel=0.04)
    assert markov_loss(code, 0.01, DAY) == pytest.approx(markov, rel=0.05)


@pytest.mark.parametrize(
    ("code", "lost", "decodable", "patterns"),
    [
        (Code("lrc", 6, 2, 2), 4, 180, 210),  # 86 % in Huang et al., USENIX ATC 2012
        (Code("lrc", 12, 2, 2), 3, 560, 560),
        (Code("lrc", 12, 2, 2), 4, 1568, 1820),
        (Code("lrc", 12, 2, 2), 5, 0, 4368),
        (Code("rs", 8, 3), 3, 165, 165),
        (Code("rs", 8, 3), 4, 0, 330),
    ],
)
def test_decodable_patterns_are_counted(
    code: Code, lost: int, decodable: int, patterns: int
) -> None:
    assert decodable_fraction(code, lost) == Fraction(decodable, patterns)


def test_the_real_code_decodes_as_many_patterns_as_counted() -> None:
    code = Code("lrc", 6, 2, 2)
    driver = ECDriver(ec_type="isa_l_rs_lrc", k=6, m=4, local_parity=2)
    segment = bytes(range(256))
    fragments = driver.encode(segment)
    good = 0
    for kept in itertools.combinations(fragments, 6):
        try:
            good += driver.decode(list(kept)) == segment
        except ECDriverError:
            continue
    assert Fraction(good, 210) == decodable_fraction(code, 4)


@given(st.integers(1, 30), st.integers(0, 6))
def test_reed_solomon_survives_exactly_m_losses(k: int, m: int) -> None:
    assert tolerance(Code("rs", k, m)) == m


@given(st.sampled_from([Code("lrc", 6, 2, 2), Code("lrc", 4, 1, 2), Code("rs", 5, 2)]),
       st.floats(0.01, 1), st.floats(0.1, 10))  # fmt: skip
def test_the_exact_mean_time_solves_the_chain(code: Code, failure: float, repair: float) -> None:
    n = code.fragments
    alive = [i for i in range(n + 1) if decodable_fraction(code, i) > 0]
    rates = np.zeros((len(alive), len(alive)))
    for i in alive:
        rates[i, i] = (n - i) * failure + (repair if i else 0)
        if i:
            rates[i, i - 1] = -repair
        if i + 1 in alive:
            survives = decodable_fraction(code, i + 1) / decodable_fraction(code, i)
            rates[i, i + 1] = -(n - i) * failure * float(survives)
    expected = np.linalg.solve(rates, np.ones(len(alive)))[0]
    mean = mean_hours_to_loss(code, Fraction(failure), Fraction(repair))
    assert float(mean) == pytest.approx(expected, rel=1e-6)


@given(st.floats(1e-4, 0.2), st.floats(0.1, 1000))
def test_more_parity_never_hurts(afr: float, hours: float) -> None:
    for model in (window_loss, markov_loss):
        assert model(Code("rs", 12, 3), afr, hours) <= model(Code("rs", 12, 2), afr, hours)


def test_a_local_code_reads_its_group() -> None:
    assert rebuild_reads(Code("lrc", 12, 2, 2)) == Fraction(14 * 6 + 2 * 12, 16)
    assert rebuild_reads(Code("rs", 8, 3)) == 8
    assert rebuild_reads(Code("replica", 1, 2)) == 1


# 122.88 TB at 3.2 GB/s: 10.7 h on one drive, 53 h with a fifth of it, 1.1 h over 100 at a tenth.
@pytest.mark.parametrize(
    ("repair", "hours"),
    [
        ({}, 10.7),
        ({"bandwidth_share": 0.2}, 53.3),
        ({"bandwidth_share": 0.1, "drives": 100.0}, 1.07),
        ({"detection_hours": 2.0}, 12.7),
    ],
)
def test_rebuild_time(repair: dict[str, float], hours: float) -> None:
    found = fleet(layout(Code("replica", 1, 2), **repair)).rebuild_hours
    assert found == pytest.approx(hours, abs=0.05)


def test_declustered_rebuild_of_a_wide_stripe_is_limited_by_reading() -> None:
    found = fleet(layout(Code("rs", 146, 4), drives=200.0)).rebuild_hours
    assert found == pytest.approx(122.88e12 * 146 / (7.4e9 * 200) / 3600)


# Failures a day at 50 EB and 1 % a year, full drives.
@pytest.mark.parametrize(
    ("code", "failures_per_day", "petabytes_per_day"),
    [(Code("rs", 8, 3), 18.8, 18.5), (Code("rs", 146, 4), 13.2, 237)],
)
def test_rebuild_traffic(code: Code, failures_per_day: float, petabytes_per_day: float) -> None:
    found = fleet(layout(code), drives=failures_per_day * 365 / 0.01)
    assert found.rebuild_read_bytes_per_day == pytest.approx(petabytes_per_day * 1e15, rel=2e-3)


def test_a_locally_decodable_code_reads_what_its_maker_publishes() -> None:
    all_of_it = fleet(layout(Code("rs", 146, 4)))
    quarter = fleet(layout(Code("rs", 146, 4), read_fragments=36.5))
    assert quarter.rebuild_read_bytes_per_day == pytest.approx(
        all_of_it.rebuild_read_bytes_per_day / 4
    )


def test_nines_and_lost_bytes_follow_the_worse_model() -> None:
    found = fleet(layout(Code("rs", 8, 3)))
    worse = max(found.annual_loss_probability_window, found.annual_loss_probability_markov)
    assert found.nines == pytest.approx(-math.log10(worse))
    assert found.fleet_bytes_lost_per_year == pytest.approx(worse * 1e18)


def test_an_unknown_write_speed_leaves_unknown_only_what_needs_it() -> None:
    found = fleet(layout(Code("rs", 8, 3)), write_bytes_per_second=math.nan)
    assert found.rebuild_hours is None
    assert found.annual_loss_probability_window is None
    assert found.nines is None
    assert found.rebuild_read_bytes_per_day > 0


def test_without_repair_assumptions_nothing_is_claimed() -> None:
    plain: Layout[float] = Layout(
        name="x",
        code=Code("rs", 8, 3),
        metadata=0.0,
        padding=0.0,
        rebuild_reserve=0.0,
        fill_limit=1.0,
    )
    found = fleet(plain)
    assert {getattr(found, name) for name in found.__struct_fields__} == {None}
