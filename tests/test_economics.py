"""The bill: the worked example to the last integer, and what any bill must obey."""

import json
import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import poisson

from storeff.data import Assumption, exact, map_numbers
from storeff.economics import (
    Scenario,
    SizedLayout,
    bill_for,
    build_scenario,
    less_demand,
    load_drives,
    load_scenario,
    price_risk,
    quantity_risk,
    sensitivity,
    size,
)
from storeff.economics.bill import annual_failure_rate, enclosures_per_rack, spares_needed
from storeff.errors import StoreffError
from storeff.layout import Code, Data, Layout, load_layouts, waterfall
from storeff.quantity import Quantity

GOLDEN = Path(__file__).parent / "golden"
EX50: dict[str, Any] = json.loads((GOLDEN / "ex50.json").read_text())
LAYOUTS = load_layouts()
# Money of the golden figures; everything else in the bill that is a float is a physical figure.
MONEY = {"capex", "opex_by_year", "opex_total", "tco", "npv"}


def ex50() -> Scenario[Assumption]:
    return load_scenario(GOLDEN / "ex50.toml")


def flat(value: Any, path: str = "") -> dict[str, Any]:
    """Leaves by path, of a report struct or of the golden JSON."""
    if isinstance(value, Quantity):
        return {path: value.value}
    if isinstance(value, msgspec.Struct):
        value = {name: getattr(value, name) for name in value.__struct_fields__}
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list | tuple):
        items = list(enumerate(value))
    else:
        return {path: value}
    return {k: v for key, each in items for k, v in flat(each, f"{path}.{key}".strip(".")).items()}


def data(logical_bytes: int = 50 * 10**18, ratio: int = 2) -> Data[Assumption]:
    return Data(
        logical_bytes=Assumption(path="data.logical_bytes", value=Fraction(logical_bytes)),
        reduction_ratio=Assumption(
            path="data.reduction_ratio", value=Fraction(ratio), kind="measured"
        ),
    )


def with_line(tmp_path: Path, old: str, new: str) -> Path:
    text = (GOLDEN / "ex50.toml").read_text()
    assert old in text
    path = tmp_path / "scenario.toml"
    path.write_text(text.replace(old, new, 1))
    return path


@pytest.mark.parametrize("path", flat(EX50["bill"]))
def test_ex50_bill(path: str) -> None:
    expected, found = flat(EX50["bill"])[path], flat(size(ex50()).bill)[path]
    if path.split(".")[0] in MONEY:
        assert found == pytest.approx(expected, abs=0.005001)
    elif isinstance(expected, float):
        assert found == pytest.approx(expected, rel=1e-9)
    else:
        assert found == expected


def test_ex50_bill_has_every_golden_figure_and_knows_no_other() -> None:
    found = flat(size(ex50()).bill)
    known = {path for path, value in found.items() if value is not None}
    assert flat(EX50["bill"]).keys() == known - {"drive", "cells"}
    lines = {path.rpartition(".")[2] for path in found.keys() - known}
    assert {"cpus", "dram", "network", "tax", "vendor_support", "residual_value"} <= lines


def test_ex50_raw_bytes() -> None:
    raw = EX50["raw_bytes"]
    assert size(ex50()).raw_bytes == Quantity(raw, raw, raw, "derived")


def test_ex50_waterfall() -> None:
    steps = size(ex50()).waterfall
    assert [step.step for step in steps] == [each["step"] for each in EX50["waterfall"]]
    for step, expected in zip(steps, EX50["waterfall"], strict=True):
        assert step.after_bytes.value == pytest.approx(expected["after_bytes_float"], rel=1e-9)
        share = EX50["shares_bytes_lmdi"].get(step.step, 0)
        assert step.share_bytes.value == pytest.approx(share, rel=1e-9)


def test_ex50_waterfall_closes_to_zero_bytes() -> None:
    sized = size(ex50())
    shares = [step.share_bytes.value for step in sized.waterfall]
    assert sum(share for share in shares if share is not None) == EX50["raw_bytes"] - 50 * 10**18


def test_published_afr_of_two_million_hours() -> None:
    """A data sheet prints 0.44 % for an MTBF of 2,000,000 h."""
    drive = map_numbers(ex50().drive, exact)
    assert annual_failure_rate(drive) == pytest.approx(0.0043704217892903685, rel=1e-12)


def test_an_observed_failure_rate_is_used_as_it_is() -> None:
    assert annual_failure_rate(map_numbers(load_drives()["hdd-30"], exact)) == Fraction(136, 10000)


@given(st.floats(1e-3, 5e3), st.floats(0.5, 0.9999))
def test_spares_are_the_poisson_quantile(mean: float, level: float) -> None:
    assert math.ceil(spares_needed(mean, level)) == poisson.ppf(level, mean)


@given(st.integers(1, 10**6))
def test_data_that_fills_drives_exactly_needs_not_one_more(drives: int) -> None:
    scenario: Scenario[Any] = map_numbers(ex50(), exact)
    factor = waterfall(scenario.data, scenario.layout)
    one = math.prod((step.factor for step in factor), start=Fraction(1))
    logical = drives * scenario.drive.capacity_bytes / one
    filled = msgspec.structs.replace(
        scenario, data=msgspec.structs.replace(scenario.data, logical_bytes=logical)
    )
    assert bill_for(filled).drives_in_service == max(drives, 24)


def test_a_stripe_needs_a_drive_for_each_fragment() -> None:
    tiny = build_scenario(data(10**9), LAYOUTS["vast-146-4"])
    assert size(tiny).bill.drives_in_service.value == 150


def test_a_layout_needs_its_failure_domains() -> None:
    tiny = build_scenario(data(10**9), LAYOUTS["ceph-ec-8-3"])
    assert size(tiny).bill.enclosures.value == 11


def two_sites(logical_bytes: int, copies: int = 2, **changes: Any) -> Any:
    """The bill of 8+3 with some fields replaced, ``copies`` of it whole."""
    shipped = LAYOUTS["ceph-ec-8-3"]
    kept = Assumption(path="layout.copies", value=Fraction(copies))
    layout = msgspec.structs.replace(shipped, copies=kept, **changes)
    return size(build_scenario(data(logical_bytes, 1), layout)).bill


def test_each_site_has_drives_enclosures_and_a_rack_of_its_own() -> None:
    bill = two_sites(10**12)
    built = (bill.drives_in_service.value, bill.enclosures.value, bill.racks.value)
    assert built == (22, 22, 2 * two_sites(10**12, 1).racks.value)


@given(st.integers(1, 10**19), st.integers(2, 4))
@settings(max_examples=25)
def test_sites_are_rounded_up_one_by_one(logical: int, copies: int) -> None:
    one, all_of_them = two_sites(logical, 1), two_sites(logical, copies)
    for name in ("drives_in_service", "enclosures", "racks"):
        assert getattr(all_of_them, name).value == copies * getattr(one, name).value


def stated(**numbers: Any) -> dict[str, Any]:
    return {
        name: Assumption(path=f"layout.{name}", value=Fraction(number))
        for name, number in numbers.items()
    }


def wide(**numbers: Any) -> Layout[Assumption]:
    """16+2 of which 5 % are kept free, with ``numbers`` besides."""
    plain = {"metadata": "0.01", "padding": 0, "rebuild_reserve": "0.05", "fill_limit": "0.9"}
    return Layout(name="x", code=Code("rs", 16, 2), **stated(**(plain | numbers)))


def celled(logical_bytes: int, **numbers: Any) -> SizedLayout:
    return size(build_scenario(data(logical_bytes, 1), wide(**numbers)))


def test_a_deployment_of_one_cluster_is_one_cell() -> None:
    assert size(ex50()).bill.cells == Quantity(1, 1, 1, "derived")
    assert celled(10**19).bill.cells.value == 1


def test_more_than_the_largest_cluster_is_several() -> None:
    sized = celled(50 * 10**18, cell_bytes=1 << 60)
    assert isinstance(sized.raw_bytes.value, int)
    assert sized.bill.cells.value == -(-sized.raw_bytes.value // (1 << 60))


@given(st.integers(1, 10**20), st.integers(1, 3), st.integers(30, 400))
@example(10**19, 2, 37)
@settings(max_examples=25)
def test_each_cell_is_rounded_up_by_itself(logical: int, copies: int, most: int) -> None:
    limits = {"cell_domains": most, "spare_domains": 2, "min_domains": 19}
    bill = celled(logical, copies=copies, **limits).bill
    cells = bill.cells.value
    assert isinstance(cells, int)
    for built in (bill.drives_in_service, bill.enclosures, bill.racks):
        assert isinstance(built.value, int)
        assert built.value % cells == 0
        assert built.value >= cells
    assert cells % copies == 0
    assert 19 * cells <= (bill.enclosures.value or 0) <= most * cells


def test_the_reserve_of_a_sized_layout_is_that_of_its_spare_enclosures() -> None:
    sized = celled(50 * 10**18, cell_bytes=1 << 60, spare_domains=2)
    step = next(step for step in sized.waterfall if step.step == "rebuild_reserve")
    assert step.factor.origin == "derived"
    assert step.source is not None
    assert f"of each of {sized.bill.cells.value} cells" in step.source
    # Two of some 390 enclosures, and not the 5 % that were stated.
    assert 1.004 < (step.factor.value or 0) < 1.006


def test_drives_are_bought_in_whole_groups() -> None:
    by_drive, by_group = celled(10**18), celled(10**18, group_drives=20)
    assert by_drive.bill.drives_in_service.value == 10_816
    assert by_group.bill.drives_in_service.value == 10_820


def test_every_view_of_the_cost_is_of_the_same_reserve() -> None:
    scenario = build_scenario(data(50 * 10**18, 1), wide(cell_bytes=1 << 60, spare_domains=2))
    npv = size(scenario).bill.npv.value
    assert price_risk(scenario, 1).npv.value == npv
    assert quantity_risk(scenario, None).npv.value == npv
    swing = sensitivity(scenario).tornado[0]
    assert swing.npv_at_low is not None
    assert swing.npv_at_high is not None
    assert swing.npv_at_low < (npv or 0) < swing.npv_at_high


def test_each_stated_step_has_its_price_of_a_point() -> None:
    numbers = {"gc_reserve": "0.1", "imbalance": "1.1", "checksum": "0.01"}
    grown = msgspec.structs.replace(data(10**18, 1), **stated(growth="1.5", snapshots="0.1"))
    points = sensitivity(build_scenario(grown, wide(**numbers))).per_point
    added = {point.input: point.raw_bytes for point in points}
    names = [f"{n} +1 pp" for n in ("gc_reserve", "imbalance", "checksums", "growth", "snapshots")]
    assert set(names) <= added.keys()
    # A point of 90 % that may be written costs more than one of 110 %, or of 150 %.
    assert added["gc_reserve +1 pp"] > added["imbalance +1 pp"] > added["growth +1 pp"] > 0


def test_a_report_of_before_cells_has_one() -> None:
    encoded = json.loads(msgspec.json.encode(size(ex50())))
    del encoded["bill"]["cells"]
    assert msgspec.convert(encoded, SizedLayout).bill.cells.value == 1


def test_the_applications_own_copies_are_data_and_need_no_site() -> None:
    twice = msgspec.structs.replace(
        data(10**12, 1), copies=Assumption(path="data.copies", value=Fraction(3, 2))
    )
    bill = size(build_scenario(twice, LAYOUTS["ceph-ec-8-3"])).bill
    assert (bill.drives_in_service.value, bill.enclosures.value) == (11, 11)


def test_a_part_of_a_copy_is_no_site(tmp_path: Path) -> None:
    own = tmp_path / "layouts.toml"
    own.write_text("[ceph-ec-8-3]\ncopies = 1.5\n")
    with pytest.raises(StoreffError, match="copies must be a whole number from 1 to 100"):
        load_layouts(own)


def test_replicates_of_two_sites_are_the_same_arithmetic() -> None:
    kept = Assumption(path="layout.copies", value=Fraction(2))
    layout = msgspec.structs.replace(LAYOUTS["ceph-ec-8-3"], copies=kept)
    drawn = size(build_scenario(data(10**15, 2), layout), np.full(2000, 2.0)).bill
    for name in ("drives_in_service", "enclosures", "racks", "spares"):
        found = getattr(drawn, name)
        assert found.low == found.value == found.high


def test_a_failure_domain_without_a_drive_is_none() -> None:
    tiny = build_scenario(data(10**9), LAYOUTS["weka-16-2"])
    bill = size(tiny).bill
    assert (bill.drives_in_service.value, bill.enclosures.value) == (19, 19)


def test_replicas_are_in_enclosures_of_their_own_by_default() -> None:
    unsaid: Any = Assumption()
    mirror = msgspec.structs.replace(LAYOUTS["ceph-replica-3"], min_domains=unsaid)
    assert size(build_scenario(data(10**9), mirror)).bill.enclosures.value == 3
    wide = build_scenario(data(10**9), LAYOUTS["vast-146-4"])
    assert size(wide).bill.enclosures.value == 7


def test_racks_are_power_limited_or_space_limited(tmp_path: Path) -> None:
    plenty = load_scenario(with_line(tmp_path, "kilowatts = 17", "kilowatts = 100"))
    bill = size(plenty).bill
    assert (bill.rack_bound, bill.enclosures_per_rack.value) == ("space", 20)
    assert size(ex50()).bill.rack_bound == "power"


def test_a_rack_that_cannot_hold_one_enclosure_is_refused(tmp_path: Path) -> None:
    starved = load_scenario(with_line(tmp_path, "kilowatts = 17", "kilowatts = 1"))
    with pytest.raises(StoreffError, match="cannot hold one enclosure"):
        size(starved)
    whole: Scenario[Any] = map_numbers(starved, exact)
    with pytest.raises(StoreffError):
        enclosures_per_rack(whole.rack, whole.enclosure, whole.drive)


def test_an_unknown_price_makes_the_totals_unknown_and_nothing_else(tmp_path: Path) -> None:
    found = flat(size(load_scenario(with_line(tmp_path, "price = 27000", ""))).bill)
    unknown = {path for path, value in found.items() if value is None}
    assert {"npv", "tco", "opex_total", "capex.drives", "capex.total"} <= unknown
    assert "levelised_per_logical_tb_month" in unknown
    assert found["drives"] == EX50["bill"]["drives"]
    assert found["capex.enclosures"] == EX50["bill"]["capex"]["enclosures"]
    assert found["embodied_tonnes"] == pytest.approx(EX50["bill"]["embodied_tonnes"])


def test_a_drive_that_fails_after_its_warranty_is_paid_for(tmp_path: Path) -> None:
    short = load_scenario(with_line(tmp_path, "warranty_years = 5", "warranty_years = 4"))
    years = [each.replacement.value for each in size(short).bill.opex_by_year]
    failures = EX50["bill"]["failures_per_year"]
    assert years[3] == pytest.approx(failures * 100, abs=0.01)
    assert years[4] == pytest.approx(failures * 27100, abs=0.01)


def test_reduction_draws_give_every_derived_figure_an_interval() -> None:
    draws = np.random.default_rng(7).normal(2, 0.02, 2000)
    sized = size(ex50(), draws)
    assert sized.bill.drives.value == EX50["bill"]["drives"]
    for quantity in (sized.raw_bytes, sized.bill.npv, sized.bill.racks, sized.bill.spares):
        assert quantity.low is not None
        assert quantity.value is not None
        assert quantity.high is not None
        assert quantity.low < quantity.value < quantity.high
    per_rack = sized.bill.enclosures_per_rack
    assert per_rack.low == per_rack.value == per_rack.high


def test_an_interval_that_reaches_zero_reduction_is_unknown() -> None:
    sized = size(ex50(), np.linspace(0, 4, 2000))
    assert sized.bill.npv.value is not None
    assert (sized.bill.npv.low, sized.raw_bytes.high) == (None, None)


def test_one_percent_of_standard_error_costs_what_the_model_predicts() -> None:
    """economics.md, EX50: +-5,950 drives and +-$0.17 B (95 %)."""
    draws = np.random.default_rng(7).normal(2, 0.02, 200_000)
    bill = size(ex50(), draws).bill
    assert bill.drives_in_service.low is not None
    assert bill.drives_in_service.high is not None
    width = bill.drives_in_service.high - bill.drives_in_service.low
    assert width / 2 == pytest.approx(5950, rel=0.01)
    assert bill.npv.low is not None
    assert bill.npv.high is not None
    assert (bill.npv.high - bill.npv.low) / 2 == pytest.approx(0.17e9, abs=0.005e9)


def test_usable_fraction_of_ex50() -> None:
    assert size(ex50()).usable_fraction == pytest.approx(25e18 / 37298969072164948454)


@pytest.mark.parametrize("drive", sorted(load_drives()))
def test_every_catalogued_drive_can_be_sized(drive: str) -> None:
    sized = size(build_scenario(data(), LAYOUTS["ceph-ec-8-3"], drive=drive))
    assert sized.durability.nines is not None
    assert (sized.bill.npv.value is None) == (load_drives()[drive].price.value is None)


@pytest.mark.parametrize("site", ["colocation-us", "average-site"])
def test_every_catalogued_site_can_be_sized(site: str) -> None:
    sized = size(build_scenario(data(), LAYOUTS["rs-20-4"], site=site))
    assert sized.bill.npv.value is not None


def test_an_unknown_name_is_refused_with_the_choices() -> None:
    with pytest.raises(
        StoreffError, match=r"unknown drive 'qlc122' \(did you mean 'qlc-122'\?\)"
    ) as refused:
        build_scenario(data(), LAYOUTS["rs-20-4"], drive="qlc122")
    assert "qlc-122" in refused.value.remedy


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("watts_idle = 5", "watts_idel = 5", "watts_idel"),
        ("\nwatts = 700\n", "\n", "enclosure has no watts"),
        ("k = 20", "k = 2.5", r"layout\.code\.k"),
        ("price = 25000", 'price = "cheap"', r"enclosure\.price"),
        ("pue = 1.20", "pue = true", r"site\.pue"),
        ('logical_bytes = "50EB"', 'logical_bytes = "50e"', "'50e'"),
        ('logical_bytes = "50EB"', "logical_bytes = 0.5", "logical_bytes"),
        (
            'logical_bytes = "50EB"',
            'logical_bytes = "0B"',
            "logical_bytes must be a whole number from 1",
        ),
        ("copies = 1", "copies = 0", "data.copies must be a number from 1"),
        ("reduction_ratio = 2.0", "reduction_ratio = 0", "reduction_ratio"),
        ("fill_limit = 0.85", "fill_limit = 85", r"layout\.fill_limit"),
        ("mtbf_hours = 2_000_000", "", "mtbf_hours and afr"),
        ("\nyears = 5", "\nyears = 2.5", r"finance\.years"),
        ("storeff.scenario/1", "storeff.scenario/9", "scenario/9"),
        ("[carbon]", "[carbon", "TOML"),
    ],
)
def test_a_wrong_scenario_is_refused_by_name(
    tmp_path: Path, old: str, new: str, named: str
) -> None:
    with pytest.raises(StoreffError, match=named):
        load_scenario(with_line(tmp_path, old, new))


def test_a_scenario_number_may_carry_its_range_and_source(tmp_path: Path) -> None:
    ranged = "price = {value = 27000, low = 20000, high = 40000, unit = 'USD'}"
    price = load_scenario(with_line(tmp_path, "price = 27000", ranged)).drive.price
    assert price.low == 20000
    assert price.high == 40000
    assert price.is_price


def test_the_report_type_has_a_schema_and_encodes() -> None:
    assert "Bill_Quantity_" in msgspec.json.schema(SizedLayout)["$defs"]
    encoded = json.loads(msgspec.json.encode(size(ex50())))
    assert encoded["raw_bytes"]["value"] == EX50["raw_bytes"]


# ---- if less data comes ----


def test_storage_for_a_fifth_less_is_what_a_target_of_four_fifths_needs() -> None:
    scenario = build_scenario(data(), LAYOUTS["ceph-ec-8-3"])
    less = less_demand(scenario, None)
    logical = msgspec.structs.replace(
        scenario.data.logical_bytes, value=exact(scenario.data.logical_bytes) * Fraction(4, 5)
    )
    smaller = msgspec.structs.replace(
        scenario, data=msgspec.structs.replace(scenario.data, logical_bytes=logical)
    )
    needed, bought = (bill_for(map_numbers(each, exact)) for each in (smaller, scenario))
    assert less.drives.value == needed.drives
    assert less.idle_drives == bought.drives - needed.drives
    assert less.idle_npv == pytest.approx(float(bought.npv - needed.npv), abs=0.02)


def test_without_a_price_what_is_bought_in_vain_is_drives_alone() -> None:
    unpriced = build_scenario(data(), LAYOUTS["ceph-ec-8-3"], drive="qlc-122-kioxia")
    less = less_demand(unpriced, None)
    assert less.idle_drives is not None
    assert less.idle_npv is None
