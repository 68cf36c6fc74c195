"""What one point worse costs, on the worked example of 50 EB."""

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from storeff.data import Assumption, exact, map_numbers
from storeff.economics import (
    Scenario,
    bill_for,
    build_scenario,
    load_scenario,
    price_risk,
    quantity_risk,
    sensitivity,
    size,
    width_between,
)
from storeff.layout import Code, Data, load_layouts

GOLDEN = Path(__file__).parent / "golden"


def ex50() -> Scenario[Assumption]:
    return load_scenario(GOLDEN / "ex50.toml")


def ex50_with(**parts: dict[str, Any]) -> Any:
    """The bill of ex50 with some fields of some parts replaced by exact numbers."""
    scenario: Scenario[Any] = map_numbers(ex50(), exact)
    changed = {
        part: msgspec.structs.replace(getattr(scenario, part), **fields)
        for part, fields in parts.items()
    }
    return bill_for(msgspec.structs.replace(scenario, **changed))


def catalogued(drive: str = "qlc-122") -> Scenario[Assumption]:
    data = Data(
        logical_bytes=Assumption(path="data.logical_bytes", value=Fraction(50 * 10**18)),
        reduction_ratio=Assumption(path="data.reduction_ratio", value=Fraction(2)),
    )
    return build_scenario(data, load_layouts()["rs-20-4"], drive=drive)


@pytest.mark.parametrize(
    ("name", "npv_millions", "drives"),
    [
        ("erasure_coding +1 pp", 73.4, 2530),
        ("metadata +1 pp", 86.4, 2976),
        ("padding +1 pp", 87.7, 3021),
        ("rebuild_reserve +1 pp", 91.8, 3162),
        ("fill_limit -1 pp", 104.9, 3614),
        ("reduction_ratio -1 %", 89.0, 3066),
    ],
)
def test_ex50_cost_of_a_point(name: str, npv_millions: float, drives: int) -> None:
    point = next(each for each in sensitivity(ex50()).per_point if each.input == name)
    assert point.npv == pytest.approx(npv_millions * 1e6, abs=0.05e6)
    assert point.drives == drives


def test_ex50_one_percent_of_reduction_is_377_petabytes() -> None:
    point = next(each for each in sensitivity(ex50()).per_point if "reduction" in each.input)
    assert point.raw_bytes == pytest.approx(377e15, abs=0.5e15)


@pytest.mark.parametrize(
    ("path", "slope", "digits"),
    [
        ("data.reduction_ratio", -0.990, 3),
        ("layout.fill_limit", -0.990, 3),
        ("drive.price", 0.932, 3),
        ("enclosure.price", 0.041, 3),
        ("site.colocation_per_kw_month", 0.017, 3),
        ("enclosure.watts", 0.012, 3),
        ("drive.watts_active", 0.0085, 4),
        ("site.price_per_kwh", 0.0050, 4),
        ("site.pue", 0.0050, 4),
        ("drive.mtbf_hours", -0.0022, 4),
    ],
)
def test_ex50_elasticity(path: str, slope: float, digits: int) -> None:
    found = {each.input: each.npv for each in sensitivity(ex50()).elasticity}
    assert found[path] == pytest.approx(slope, abs=0.51 * 10**-digits)


def test_elasticities_come_largest_first() -> None:
    slopes = [abs(each.npv) for each in sensitivity(ex50()).elasticity]
    assert slopes == sorted(slopes, reverse=True)


@pytest.mark.parametrize(
    ("code", "npv_billions", "drives"),
    [
        (Code("replica", 1, 2), 22.03, 758_850),
        (Code("rs", 4, 2), 11.02, 379_425),
        (Code("rs", 8, 3), 10.10, 347_807),
        (Code("rs", 10, 4), 10.28, 354_130),
        (Code("rs", 20, 4), 8.81, 303_540),
        (Code("rs", 36, 4), 8.16, 281_056),
        (Code("rs", 146, 4), 7.55, 259_880),
    ],
)
def test_ex50_under_other_codes(code: Code, npv_billions: float, drives: int) -> None:
    bill = ex50_with(layout={"code": code})
    assert float(bill.npv) == pytest.approx(npv_billions * 1e9, abs=0.0051e9)
    assert bill.drives_in_service == drives


def test_ex50_most_of_the_gain_of_wide_stripes_is_given_back_by_the_reserve() -> None:
    bill = ex50_with(layout={"code": Code("rs", 146, 4), "rebuild_reserve": Fraction(8, 100)})
    assert (bill.drives_in_service, bill.racks) == (274_004, 952)
    assert float(bill.npv) == pytest.approx(7.955e9, abs=0.0005e9)


@pytest.mark.parametrize(
    ("capacity_tb", "watts", "npv_billions", "racks"),
    [("30.72", 25, 10.60, 4216), ("61.44", 25, 9.41, 2108), ("245.76", 25, 8.51, 527)],
)
def test_ex50_with_other_drives_at_the_same_price_a_terabyte(
    capacity_tb: str, watts: int, npv_billions: float, racks: int
) -> None:
    capacity = Fraction(capacity_tb)
    bill = ex50_with(
        drive={
            "capacity_bytes": capacity * 10**12,
            "price": 27000 * capacity / Fraction("122.88"),
            "watts_active": Fraction(watts),
        }
    )
    assert float(bill.npv) == pytest.approx(npv_billions * 1e9, abs=0.0051e9)
    assert bill.racks == racks


@pytest.mark.parametrize(
    ("price", "npv_billions"),
    [
        ("7372.8", 2.84),
        (13500, 4.71),
        (27000, 8.81),
        (40000, 12.77),
        (54000, 17.03),
        (81000, 25.24),
    ],
)
def test_ex50_at_other_drive_prices(price: int | str, npv_billions: float) -> None:
    bill = ex50_with(drive={"price": Fraction(price)})
    assert float(bill.npv) == pytest.approx(npv_billions * 1e9, abs=0.0051e9)


def test_the_tornado_turns_ranges_into_money() -> None:
    swings = sensitivity(catalogued()).tornado
    price = next(each for each in swings if each.path == "drives.qlc-122.price")
    assert price.npv_at_low is not None
    assert price.npv_at_high is not None
    # 45466 against 27000 dollars for each of 305,145 drives, with a hundredth of freight, a tenth
    # of support in each of five years at 8 %, and less the twentieth that they are sold for then.
    each = 1 + 0.01 + sum(0.1 / 1.08**year for year in range(1, 6)) - 0.05 / 1.08**5
    wide = price.npv_at_high - price.npv_at_low
    assert wide == pytest.approx(18_466 * 305_145 * each)
    assert all(each.npv_at_low != each.npv_at_high for each in swings)


def test_the_tornado_reaches_a_range_that_starts_at_zero() -> None:
    scenario = catalogued()
    padding = Assumption(path="p", value=Fraction(1, 100), low=Fraction(0), high=Fraction(1, 50))
    layout = msgspec.structs.replace(scenario.layout, padding=padding)
    found = sensitivity(msgspec.structs.replace(scenario, layout=layout)).tornado
    assert next(each.low for each in found if each.path == "p") == 0


def test_an_end_that_cannot_be_built_is_null() -> None:
    scenario = catalogued()
    watts = Assumption(path="w", value=Fraction(700), high=Fraction(10**6))
    enclosure = msgspec.structs.replace(scenario.enclosure, watts=watts)
    found = sensitivity(msgspec.structs.replace(scenario, enclosure=enclosure)).tornado
    assert (found[0].path, found[0].npv_at_high) == ("w", None)


def test_without_a_drive_price_only_quantities_are_reported() -> None:
    found = sensitivity(catalogued("qlc-122-kioxia"))
    assert {each.npv for each in found.per_point} == {None}
    assert all(each.drives > 0 for each in found.per_point)
    assert (found.elasticity, found.tornado) == ((), ())


def test_price_risk_varies_prices_and_leaves_quantities_alone() -> None:
    risk = price_risk(catalogued(), seed=1)
    assert "drives.qlc-122.price" in risk.varied
    assert "layouts.rs-20-4.fill_limit" not in risk.varied
    assert risk.npv.value == size(catalogued()).bill.npv.value
    assert risk.npv.low is not None
    assert risk.npv.high is not None
    assert risk.npv.low < 1.5e10 < 1.8e10 < risk.npv.high


def test_a_scenario_without_ranges_has_no_price_risk() -> None:
    risk = price_risk(ex50(), seed=1)
    assert risk.varied == ()
    assert risk.npv.low == risk.npv.high == risk.npv.value


def test_the_range_of_the_cost_takes_prices_and_quantities_together() -> None:
    draws = np.random.default_rng(1).normal(2, 0.4, 2000).clip(1)
    # As likely to be dearer as cheaper: where it is not, the mean of the price is not its value.
    price = Assumption(
        path="p", value=Fraction(40_000), low=Fraction(20_000), high=Fraction(60_000), unit="USD"
    )
    drive = msgspec.structs.replace(catalogued().drive, price=price)
    scenario = msgspec.structs.replace(catalogued(), drive=drive)
    alone = [price_risk(scenario, 1).npv, quantity_risk(scenario, draws).npv]
    both = size(scenario, draws).npv_range
    assert both is not None
    assert both.level == 0.95
    assert both.low < min(q.low or 0 for q in alone)
    assert both.high > max(q.high or 0 for q in alone)
    without_measurement = size(catalogued()).npv_range
    assert without_measurement is not None
    assert both.low < without_measurement.low
    assert both.high > without_measurement.high


def test_a_cost_that_is_unknown_or_certain_has_no_range() -> None:
    assert size(catalogued("qlc-122-kioxia")).npv_range is None
    assert size(ex50()).npv_range is None


def test_a_sized_layout_names_its_drive_and_site() -> None:
    sized = size(catalogued(), np.linspace(1.9, 2.1, 2000))
    assert (sized.drive, sized.site) == ("qlc-122", "colocation-us")
    [reduced] = [each for each in sized.waterfall if each.step == "data_reduction"]
    assert sized.reduction_ratio.value == pytest.approx(1 / float(reduced.factor.value or 0))
    assert sized.reduction_ratio.low == pytest.approx(1.905, abs=1e-3)
    assert sized.reduction_ratio.high == pytest.approx(2.095, abs=1e-3)


def test_quantity_risk_comes_from_the_reduction_alone() -> None:
    draws = np.random.default_rng(1).normal(2, 0.02, 2000)
    risk = quantity_risk(catalogued(), draws)
    sized = size(catalogued(), draws)
    assert risk.npv == sized.bill.npv
    assert risk.raw_bytes == sized.raw_bytes
    exactly = quantity_risk(catalogued(), None)
    assert exactly.npv.low == exactly.npv.high == exactly.npv.value


def test_the_width_between_two_ratios_is_that_of_their_bills() -> None:
    npv, drives = width_between(catalogued(), np.array([1.5, 3.0]))
    low, high = (quantity_risk(catalogued(), np.full(2, ratio)) for ratio in (3.0, 1.5))
    assert npv == pytest.approx((high.npv.high or 0) - (low.npv.low or 0))
    assert drives == (high.drives.high or 0) - (low.drives.low or 0)


def test_price_swamps_the_sampling_error_of_a_good_scan() -> None:
    draws = np.random.default_rng(1).normal(2, 0.02, 2000)
    width: Callable[[Any], float] = lambda q: q.high - q.low  # noqa: E731
    prices = width(price_risk(catalogued(), 1).npv)
    assert prices > 5 * width(quantity_risk(catalogued(), draws).npv)
