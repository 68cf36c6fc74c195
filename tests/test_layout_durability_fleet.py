"""Durability of a fleet: rebuilds, what they read, and what is expected to be lost."""

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import Any

import msgspec
import pytest

from storeff.data import Assumption, exact, map_numbers
from storeff.economics import Scenario, bill_for, build_scenario, durability_of
from storeff.layout import (
    Code,
    Data,
    Layout,
    Repair,
    durability,
    load_layouts,
    parity_for_floor,
)
from storeff.layout.durability import any_of, markov_loss, window_loss
from storeff.layout.fleet import Durability
from storeff.layout.number import inexact
from storeff.layout.outages import outage_loss

NOTHING: Mapping[str, float] = {}


def fleet(layout: Layout[float], **changes: Any) -> Any:
    inputs: dict[str, Any] = {
        "logical_bytes": 1e18,
        "drives": 1000.0,
        "enclosures": 50.0,
        "capacity_bytes": 122.88e12,
        "annual_failure_rate": 0.01,
        "read_bytes_per_second": 7.4e9,
        "write_bytes_per_second": 3.2e9,
    }
    return durability(layout, **(inputs | changes))


def layout(code: Code, changes: Mapping[str, float] = NOTHING, **repair: float) -> Layout[float]:
    plain = {"detection_hours": 0.0, "bandwidth_share": 1.0, "drives": 1.0}
    given = {"metadata": 0.0, "padding": 0.0, "rebuild_reserve": 0.0, "fill_limit": 1.0}
    numbers: dict[str, Any] = {
        name: Assumption(value=Fraction(x)) for name, x in {**given, **changes}.items()
    }
    of_repair = {name: Assumption(value=Fraction(x)) for name, x in {**plain, **repair}.items()}
    built = Layout(name="x", code=code, repair=Repair(**of_repair), **numbers)
    found: Layout[float] = map_numbers(built, inexact)
    return found


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
    found = fleet(layout(Code("replica", 1, 2), NOTHING, **repair)).rebuild_hours
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
    plain = msgspec.structs.replace(layout(Code("rs", 8, 3)), repair=None)
    found = fleet(plain)
    assert {getattr(found, name) for name in found.__struct_fields__} == {None}


def test_nines_have_a_range_if_the_failure_rate_has_one() -> None:
    found = fleet(layout(Code("rs", 8, 3)), annual_failure_rate_range=(0.002, 0.02))
    assert found.nines_low == fleet(layout(Code("rs", 8, 3)), annual_failure_rate=0.02).nines
    assert found.nines_high == fleet(layout(Code("rs", 8, 3)), annual_failure_rate=0.002).nines
    assert found.nines_low < found.nines < found.nines_high
    alone = fleet(layout(Code("rs", 8, 3)))
    assert (alone.nines_low, alone.nines_high) == (None, None)


def test_stripes_in_danger_are_rebuilt_in_the_critical_hours() -> None:
    code = Code("rs", 8, 3)
    plain = fleet(layout(code))
    first = fleet(layout(code, critical_hours=0.5))
    assert plain.critical_rebuild_hours == plain.rebuild_hours
    assert first.critical_rebuild_hours == 0.5
    assert first.rebuild_hours == plain.rebuild_hours
    assert first.annual_loss_probability_markov < plain.annual_loss_probability_markov
    assert first.annual_loss_probability_window == plain.annual_loss_probability_window


def test_a_drive_is_in_as_many_groups_as_drives_share_its_rebuild() -> None:
    """1,000 drives in groups of 11: each in one; or each in 50, which a rebuild writes to."""
    assert fleet(layout(Code("rs", 8, 3))).groups == pytest.approx(1000 / 11)
    assert fleet(layout(Code("rs", 8, 3), drives=50.0)).groups == pytest.approx(50 * 1000 / 11)
    two_sites = fleet(layout(Code("rs", 8, 3), {"copies": 2}))
    assert two_sites.groups == pytest.approx(500 / 11)


def test_any_loss_of_the_fleet_is_one_of_its_groups() -> None:
    found = fleet(layout(Code("rs", 4, 1)), annual_failure_rate=0.5)
    worse = max(found.annual_loss_probability_window, found.annual_loss_probability_markov)
    assert found.group_losses_per_year == pytest.approx(200 * worse)
    assert found.fleet_loss_probability_per_year == pytest.approx(any_of(worse, 200))
    assert found.fleet_loss_probability_per_year < found.group_losses_per_year


def test_an_unreadable_sector_loses_a_stripe_of_a_group() -> None:
    """All of a drive is read for the group, a sector of each fragment for a given stripe."""
    code = Code("rs", 8, 3)
    without = fleet(layout(code))
    found = fleet(layout(code), bit_error_rate=1e-17)
    of_group = any_of(1e-17, 8 * 8 * 122.88e12)
    assert without.unreadable_probability is None
    assert found.unreadable_probability == pytest.approx(of_group)
    hours = found.rebuild_hours
    per_group = max(
        window_loss(code, 0.01, hours, of_group), markov_loss(code, 0.01, hours, math.nan, of_group)
    )
    assert found.group_losses_per_year == pytest.approx(1000 / 11 * per_group)
    assert found.group_losses_per_year > 10 * without.group_losses_per_year
    assert without.nines - 0.001 < found.nines < without.nines


def test_longer_stripe_units_hold_more_unreadable_sectors() -> None:
    code = Code("replica", 1, 1)
    sector = fleet(layout(code), bit_error_rate=1e-14)
    unit = fleet(layout(code, {"stripe_unit_bytes": 1 << 30}), bit_error_rate=1e-14)
    assert unit.nines < sector.nines
    assert unit.group_losses_per_year == sector.group_losses_per_year


# MinIO's documentation: EC:4 of 16 on four servers survives one of them. WEKA: two of N+2.
@pytest.mark.parametrize(
    ("code", "enclosures_least", "survived"),
    [
        (Code("rs", 12, 4), 4, 1),
        (Code("rs", 12, 4), 16, 4),
        (Code("rs", 16, 2), 19, 2),
        (Code("replica", 1, 2), 3, 2),
        (Code("lrc", 12, 2, 2), 16, 3),
        (Code("rs", 8, 2), 1, 0),
    ],
)
def test_enclosures_that_may_be_down(code: Code, enclosures_least: int, survived: int) -> None:
    found = fleet(layout(code, {"min_domains": enclosures_least}))
    assert found.enclosures_survived == survived
    assert 0 < found.outage_loss_probability <= 1


def test_one_enclosure_more_is_a_risk_of_every_group() -> None:
    found = fleet(layout(Code("rs", 8, 3), {"min_domains": 11}, drives=20.0))
    assert found.outage_loss_probability == outage_loss(Code("rs", 8, 3), 50, 4, 1000 * 20 / 11)


def test_an_outage_is_of_one_cluster() -> None:
    changes = {"min_domains": 11.0, "cell_domains": 25.0}
    found = fleet(layout(Code("rs", 8, 3), changes, drives=20.0))
    assert found.outage_loss_probability == pytest.approx(
        outage_loss(Code("rs", 8, 3), 25, 4, 1000 * 20 / 11 / 2)
    )


def test_a_stripe_within_one_enclosure_is_lost_with_it() -> None:
    assert fleet(layout(Code("rs", 8, 2), {"min_domains": 1})).outage_loss_probability == 1.0


@pytest.mark.parametrize("name", sorted(load_layouts()))
def test_every_catalogued_layout_has_its_durability(name: str) -> None:
    found = fleet(map_numbers(load_layouts()[name], inexact), bit_error_rate=1e-17)
    assert found.nines > 0
    assert 0 < found.fleet_loss_probability_per_year < 1


def scenario(drive: Mapping[str, Assumption], layout: str = "weka-16-2") -> Scenario[Assumption]:
    data = Data(
        logical_bytes=Assumption(value=Fraction(10**18)),
        reduction_ratio=Assumption(value=Fraction(2)),
    )
    built = build_scenario(data, load_layouts()[layout])
    changed = msgspec.structs.replace(built.drive, **drive)
    return msgspec.structs.replace(built, drive=changed)


def between(value: str, low: str, high: str) -> Assumption:
    return Assumption(value=Fraction(value), low=Fraction(low), high=Fraction(high))


def durability_in(found: Scenario[Assumption]) -> Durability:
    bill = bill_for(map_numbers(found, exact))
    return durability_of(found, bill.drives_in_service, bill.enclosures)


@pytest.mark.parametrize(
    "rate",
    [
        {"afr": between("0.01", "0.002", "0.02"), "mtbf_hours": Assumption()},
        {"afr": Assumption(), "mtbf_hours": between("2e6", "4e5", "2.5e6")},
    ],
)
def test_the_range_of_a_drive_is_that_of_the_nines(rate: dict[str, Assumption]) -> None:
    found = durability_in(scenario(rate))
    assert found.nines is not None
    assert found.nines_low is not None
    assert found.nines_high is not None
    assert found.nines_low < found.nines < found.nines_high
    name, number = next((name, x) for name, x in rate.items() if x.value is not None)
    ends = [
        durability_in(scenario({**rate, name: Assumption(value=end)})).nines
        for end in (number.low, number.high)
    ]
    assert sorted((found.nines_low, found.nines_high)) == sorted(x or 0 for x in ends)


def test_the_error_rate_of_a_drive_counts() -> None:
    rate = Assumption(value=Fraction(1, 10**17))
    found = durability_in(scenario({"bit_error_rate": rate}))
    assert found.unreadable_probability is not None
    assert found.unreadable_probability > 0


def test_a_floor_of_eleven_nines_is_met_with_a_parity_more() -> None:
    """16+2 misses it at a failure rate of 1 % a year, and 16+3 does not."""
    plain = scenario({"afr": between("0.01", "0.002", "0.02"), "mtbf_hours": Assumption()})

    def nines(layout: Layout[Assumption]) -> float | None:
        return durability_in(msgspec.structs.replace(plain, layout=layout)).nines

    wider = msgspec.structs.replace(plain.layout, parity_most=Assumption(value=Fraction(4)))
    found = parity_for_floor(wider, 11, nines)
    assert found.layout is not None
    assert found.layout.code == Code("rs", 16, 3)
    assert (nines(plain.layout) or 0) < 11 <= (nines(found.layout) or 0)
