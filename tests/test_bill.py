"""The whole bill: what is in it, what is missing and named, and what each line comes to."""

import math
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.bills import everything, stated
from support.scenarios import changed, figures_of, scenario

from storeff.data import Assumption, exact, map_numbers, numbers_in
from storeff.economics import (
    Bill,
    Capex,
    Opex,
    Scenario,
    bill_for,
    in_cells,
    load_scenario,
    sensitivity,
    size,
)
from storeff.economics.formulas import traced
from storeff.economics.lines import AT_THE_END, BY_YEAR, LINES, ON_DELIVERY, not_in_bill
from storeff.economics.purchase import HARDWARE
from storeff.economics.uncertainty import replicates
from storeff.layout.number import Number
from storeff.report.charges import ITEMS

GOLDEN = Path(__file__).parent / "golden"
# Present value of a dollar in each of five years at 8 %.
ANNUITY = sum(1 / 1.08**year for year in range(1, 6))


def ex50() -> Scenario[Assumption]:
    return load_scenario(GOLDEN / "ex50.toml")


def billed(given: Scenario[Assumption]) -> Bill[Number]:
    return bill_for(map_numbers(in_cells(given), exact))


def known(struct: Any, names: Any) -> dict[str, Any]:
    amounts = {name: getattr(struct, name) for name in names}
    return {k: v for k, v in amounts.items() if not (isinstance(v, float) and math.isnan(v))}


# ---- what is in it ----


def test_every_amount_of_a_bill_is_a_line_and_every_line_is_an_amount() -> None:
    def amounts(kind: Any) -> set[str]:
        return {field.name for field in msgspec.structs.fields(kind)} - {"total", "year"}

    assert amounts(Capex) == {*ON_DELIVERY}
    assert amounts(Opex) == {*BY_YEAR}
    assert {*AT_THE_END} <= amounts(Bill)
    assert {*ITEMS} == {*LINES}
    assert set(HARDWARE) < {*ON_DELIVERY}


def test_a_scenario_of_before_has_the_same_bill_and_says_what_it_lacks() -> None:
    sized = size(ex50())
    assert sized.bill.npv.value == pytest.approx(8_812_591_826.76)
    assert [each.title for each in sized.not_in_bill] == [
        *("processors", "memory (DRAM)", "network adapters", "network ports"),
        *("cables and optics", "installation", "freight", "import tariff", "tax", "water"),
        *("vendor support", "software", "destruction of data", "decommissioning"),
        "residual value",
    ]
    assert sized.not_in_bill[0].needs == ("enclosure.cpus", "enclosure.cpu_price")
    assert sized.unpriced == ()


def test_of_the_catalogue_what_depends_on_the_buyer_is_missing() -> None:
    lacking = [each.line for each in size(scenario()).not_in_bill]
    assert lacking == ["tariff", "tax", "water", "subscription"]
    assert size(scenario()).bill.npv.value is not None


def test_a_bill_that_lacks_nothing_has_every_line() -> None:
    made = everything(purchase__yearly_growth="0.1", finance__years="9")
    assert size(made).not_in_bill == ()
    bill = billed(made)
    assert known(bill.capex, ON_DELIVERY).keys() == ON_DELIVERY.keys()
    # A site is rented, or one's own.
    assert known(bill.opex_by_year[0], BY_YEAR).keys() == BY_YEAR.keys() - {"owned_power"}


@pytest.mark.parametrize(
    ("path", "title"),
    [
        ("drive.price", "drives"),
        ("rack.switch_price", "racks with switches"),
        ("enclosure.cpu_price", "processors"),
        ("enclosure.nics", "network adapters"),
        ("memory.module_bytes", "memory (DRAM)"),
        ("memory.scm_drive_price", "storage-class memory"),
        ("network.oversubscription", "network ports"),
        ("network.optic_price", "cables and optics"),
        ("site.water_price_per_m3", "water"),
        ("site.price_per_kwh", "energy"),
    ],
)
def test_one_unknown_input_makes_every_total_unknown_and_is_named(path: str, title: str) -> None:
    sized = size(stated(everything(), **{path.replace(".", "__"): None}))
    assert title in sized.unpriced
    assert title not in [each.title for each in sized.not_in_bill]
    for total in (sized.bill.npv, sized.bill.tco):
        assert total.value is None


@pytest.mark.parametrize("name", [name for name, line in LINES.items() if line.inputs])
def test_a_line_without_any_input_is_missing_and_the_totals_are_without(name: str) -> None:
    made = everything(purchase__yearly_growth="0.1")
    inputs = LINES[name].inputs
    if name in ("network", "optics"):
        # Both count the same ports.
        inputs = LINES["network"].inputs + LINES["optics"].inputs
    without = stated(made, **{path.replace(".", "__"): None for path in inputs})
    bill = billed(without)
    assert not math.isnan(bill.npv)
    assert name not in {
        *known(bill.capex, ON_DELIVERY),
        *known(bill.opex_by_year[0], BY_YEAR),
        *known(bill, AT_THE_END),
    }


# ---- it closes ----


GROWTHS = st.sampled_from([None, "0", "0.07", "0.5"])


@given(st.integers(10**9, 10**20), GROWTHS, st.sampled_from([None, "3", "4.5"]), st.booleans())
def test_totals_are_the_sum_of_their_lines_to_no_cent(
    logical: int, growth: str | None, life: str | None, owned: bool
) -> None:
    own = {"site__build_per_watt": "11.7", "site__build_years": "15"} if owned else {}
    made = everything(
        purchase__yearly_growth=growth, purchase__drive_life_years=life, finance__years="7"
    )
    made = stated(made, data__logical_bytes=logical, **own)
    bill = billed(made)
    assert bill.capex.total == sum(known(bill.capex, ON_DELIVERY).values())
    for year in bill.opex_by_year:
        assert year.total == sum(known(year, BY_YEAR).values())
    assert bill.opex_total == sum(year.total for year in bill.opex_by_year)
    assert bill.tco == bill.capex.total + bill.opex_total - bill.residual_value
    rate = 1 + Fraction("0.08")
    worth = [year.total / rate**year.year for year in bill.opex_by_year]
    assert bill.npv == bill.capex.total + sum(worth) - bill.residual_value / rate**7


@given(st.integers(10**9, 10**20), st.integers(0, 10**20), GROWTHS)
def test_more_demand_never_costs_less(logical: int, more: int, growth: str | None) -> None:
    made = everything(purchase__yearly_growth=growth)
    less, larger = (
        billed(stated(made, data__logical_bytes=each)) for each in (logical, logical + more)
    )
    assert larger.capex.total >= less.capex.total
    assert larger.tco >= less.tco
    assert larger.npv >= less.npv


def test_replicates_and_formulas_are_the_same_arithmetic() -> None:
    made = in_cells(
        everything(
            purchase__yearly_growth="0.2",
            purchase__yearly_price_change="-0.1",
            purchase__drive_life_years="3",
        )
    )
    point = billed(made)
    drawn = bill_for(replicates(made, np.full(2000, float(exact(made.data.reduction_ratio)))))
    assert np.ptp(drawn.npv) == 0
    assert float(point.npv) == pytest.approx(drawn.npv[0], rel=1e-12)
    found, expected = traced(made).evaluate({}), figures_of(made)
    assert found["bill.npv"] == expected["bill.npv"]
    years = [f"bill.opex_by_year.{year}.{name}" for year in (1, 5) for name in BY_YEAR]
    for path in ["bill.growth_by_year.5.drives", "bill.residual_value", *years]:
        assert repr(found[path]) == repr(expected[path])
    # And at other values of inputs that are in no bill of a year alone.
    values = {"purchase.yearly_growth": Fraction(1, 3), "purchase.tax": Fraction(1, 7)}
    assert traced(made).evaluate(values)["bill.npv"] == billed(changed(made, values)).npv


# ---- what each line comes to ----


def test_ports_follow_from_enclosures_and_oversubscription() -> None:
    network = {
        "network__ports_per_enclosure": 2,
        "network__oversubscription": 3,
        "network__leaf_port_price": 500,
        "network__spine_port_price": 700,
        "network__cable_price": 80,
        "network__optic_price": 250,
        "network__spine_watts_per_port": 12,
    }
    bare, bill = billed(ex50()), billed(stated(ex50(), **network))
    # 12 enclosures a rack have 24 ports, which 8 to the spine serve.
    assert (bare.enclosures, bare.racks) == (12_648, 1_054)
    assert (bill.leaf_ports, bill.spine_ports) == (25_296, 8_432)
    assert (bill.switch_ports, bill.links) == (25_296 + 2 * 8_432, 33_728)
    assert bill.capex.network == (25_296 + 8_432) * 500 + 8_432 * 700
    assert bill.capex.optics == 25_296 * 80 + 2 * 8_432 * 250
    assert float(bill.it_mw_peak - bare.it_mw_peak) == pytest.approx(8_432 * 12 / 1e6)


def test_memory_is_what_the_rule_of_the_system_asks_for_in_whole_modules() -> None:
    """Ceph hardware recommendations: 8 GiB for each OSD; 24 drives take 192 GiB."""
    made = stated(
        scenario("ceph-ec-8-3"), enclosure__dram_bytes=None, memory__module_bytes=64 * 2**30
    )
    bill = billed(made)
    assert bill.dram_bytes == bill.drives_in_service * 8 * 2**30
    assert bill.dram_modules == 3 * bill.enclosures
    assert bill.capex.dram == bill.dram_modules * 700
    # No server has less than it has anyway.
    assert billed(scenario("ceph-ec-8-3")).dram_modules == 4 * bill.enclosures


def test_memory_by_objects_is_missing_where_nothing_is_known_of_these() -> None:
    """WEKA counts 20 B for a file, HDFS 900 B."""
    for name in ("weka-16-2", "hdfs-rs-6-3"):
        assert "dram" not in [each.line for each in size(scenario(name)).not_in_bill]
        lacking = size(scenario(name, objects=None))
        assert "dram" in [each.line for each in lacking.not_in_bill]
        assert lacking.bill.npv.value is not None


def test_chunks_that_deduplication_indexes_take_memory() -> None:
    made = scenario("hdfs-rs-6-3", objects=None)
    assert made.layout.memory is not None
    rule = msgspec.structs.replace(
        made.layout.memory,
        per_object_bytes=Assumption(),
        per_chunk_bytes=Assumption(path="x", value=Fraction(40)),
    )
    made = msgspec.structs.replace(made, layout=msgspec.structs.replace(made.layout, memory=rule))
    made = stated(made, data__chunk_bytes=1 << 16)
    made = stated(made, enclosure__dram_bytes=0)
    assert billed(made).dram_bytes == Fraction(50 * 10**18 * 40, 1 << 16)


def test_storage_class_memory_is_about_eight_drives_for_each_22_of_vast() -> None:
    """Ceres: 22 QLC drives and 8 of storage-class memory a box (linfocr.com)."""
    bill = billed(scenario("vast-146-4"))
    assert float(bill.scm_drives / bill.drives_in_service) == pytest.approx(8 / 22, rel=0.1)
    assert bill.capex.scm == bill.scm_drives * 2500
    # A system without any has nothing missing.
    assert math.isnan(billed(scenario("ceph-ec-8-3")).capex.scm)


def test_a_dollar_a_stored_terabyte_and_month_is_over_a_billion_at_50_exabytes() -> None:
    """24.4 million stored terabytes, over five years at 8 %."""
    made = stated(ex50(), data__reduction_ratio="2.05")
    software = stated(made, software__subscription_per_stored_tb_month=1)
    assert float(billed(software).npv - billed(made).npv) == pytest.approx(1.17e9, rel=2e-3)
    once = stated(made, software__licence_per_stored_tb=12)
    five_years = billed(software).opex_total - billed(made).opex_total
    assert float(billed(once).capex.licences * 5) == pytest.approx(five_years)


def test_software_is_paid_for_more_data_if_it_reduces_less() -> None:
    bare = stated(ex50(), software__subscription_per_stored_tb_month=None)
    paid = stated(ex50(), software__subscription_per_stored_tb_month=1)

    def point(given: Scenario[Assumption]) -> float:
        points = {each.input: each.npv for each in sensitivity(given).per_point}
        return points["reduction_ratio -1 %"] or 0

    # A hundredth of 25 million terabytes, at 12 dollars a year.
    assert point(paid) - point(bare) == pytest.approx(25e6 / 99 * 12 * ANNUITY, rel=1e-6)


def test_support_from_the_first_year_is_a_part_of_what_the_hardware_cost() -> None:
    bill = billed(stated(ex50(), purchase__support="0.1", purchase__freight="0.05"))
    paid = [year.vendor_support for year in bill.opex_by_year]
    # Freight is not supported.
    assert paid == [8_568_164_000 / Fraction(10)] * 5
    assert bill.capex.freight == 8_568_164_000 / Fraction(20)


def test_tax_is_on_all_that_is_paid_on_delivery() -> None:
    bill = billed(
        stated(
            ex50(),
            purchase__tax="0.1",
            purchase__tariff="0.25",
            purchase__installation_per_rack=1000,
        )
    )
    hardware = 8_568_164_000
    assert bill.capex.tariff == hardware / 4
    assert bill.capex.installation == 1_054_000
    assert bill.capex.tax == (hardware + hardware / Fraction(4) + 1_054_000) / 10


def test_a_building_is_paid_over_its_life_as_hamilton_does() -> None:
    """Fifteen years at 5 %: a yearly 9.63 % (capital recovery factor)."""
    own = stated(
        ex50(),
        finance__discount_rate="0.05",
        site__build_per_watt=12,
        site__build_years=15,
    )
    bill = billed(own)
    factor = 0.05 / (1 - 1.05**-15)
    first = bill.opex_by_year[0]
    assert float(first.owned_power) == pytest.approx(16_969_100 * 12 * factor)
    assert math.isnan(first.colocation)
    assert "colocation" not in [each.line for each in size(own).not_in_bill]


def test_water_follows_the_energy_of_it() -> None:
    bill = billed(stated(ex50(), site__water_litres_per_kwh="1.8", site__water_price_per_m3="2.5"))
    litres = bill.it_mw_average * 1000 * 8760 * Fraction("1.8")
    assert bill.water_m3_per_year == litres / 1000
    assert bill.opex_by_year[2].water == litres / 1000 * Fraction("2.5")


def test_the_end_is_paid_in_the_last_year_and_brings_something_back() -> None:
    bill = billed(
        stated(
            ex50(),
            purchase__decommissioning_per_rack=1500,
            purchase__destruction_per_drive=10,
            purchase__residual="0.05",
        )
    )
    removed = [year.decommissioning for year in bill.opex_by_year]
    assert removed == [0, 0, 0, 0, 1_054 * 1500]
    first, *_, last = (year.destruction for year in bill.opex_by_year)
    # What fails is destroyed too.
    assert float(first) == pytest.approx(1326.5978 * 10, abs=0.1)
    assert last - first == pytest.approx(304_262 * 10)
    assert bill.residual_value == 8_568_164_000 / Fraction(20)


def test_drives_are_replaced_at_their_end_but_not_with_the_last_year() -> None:
    made = stated(ex50(), finance__years=8, purchase__drive_life_years=4)
    bill = billed(made)
    refreshed = [year.refresh for year in bill.opex_by_year]
    assert refreshed == [0, 0, 0, 303_540 * 27_000, 0, 0, 0, 0]
    assert bill.refreshed_drives == 303_540
    # New drives have a warranty again: labour alone is paid for the fifth year.
    replaced = [float(year.replacement) for year in bill.opex_by_year]
    assert replaced == pytest.approx([132_659.78] * 8, abs=0.01)
    assert billed(stated(ex50(), purchase__drive_life_years=7)).refreshed_drives == 0


def test_drives_that_are_bought_again_are_paid_with_freight_tariff_and_tax() -> None:
    terms = {"freight": "0.01", "tariff": "0.04", "tax": "0.2"}
    stating = {f"purchase__{name}": value for name, value in terms.items()}
    renewed = billed(stated(ex50(), purchase__drive_life_years=4, **stating))
    landed = Fraction("1.05") * Fraction("1.2")
    assert renewed.opex_by_year[3].refresh == 303_540 * 27_000 * landed
    worn = billed(stated(ex50(), drive__warranty_years=3, **stating))
    third, fourth = (worn.opex_by_year[at].replacement for at in (2, 3))
    assert fourth - third == worn.failures_per_year * 27_000 * landed


def test_without_a_life_of_drives_their_refresh_is_missing_beyond_their_warranty() -> None:
    longer = [each.line for each in size(stated(ex50(), finance__years=8)).not_in_bill]
    assert "refresh" in longer
    assert "refresh" not in [each.line for each in size(ex50()).not_in_bill]


def test_growth_is_bought_in_the_year_before_it_is_needed() -> None:
    made = stated(ex50(), purchase__yearly_growth="0.5", finance__years=3)
    bill = billed(made)
    for year in bill.growth_by_year:
        logical = 50 * 10**18 * Fraction(3, 2) ** (year.year - 1)
        alone = billed(stated(ex50(), data__logical_bytes=logical))
        assert (year.drives, year.racks) == (alone.drives, alone.racks)
        paid = bill.opex_by_year[year.year - 1]
        assert paid.energy == alone.opex_by_year[year.year - 1].energy
        more = billed(stated(ex50(), data__logical_bytes=logical * Fraction(3, 2)))
        added = more.capex.total - alone.capex.total if year.year < 3 else 0
        assert paid.expansion == added
    assert bill.capex == billed(ex50()).capex or repr(bill.capex) == repr(billed(ex50()).capex)
    falling = billed(stated(made, purchase__yearly_price_change="-0.2"))
    ratio = falling.opex_by_year[1].expansion / bill.opex_by_year[1].expansion
    assert ratio == Fraction(4, 5) ** 2


def test_no_growth_is_what_a_bill_without_growth_is() -> None:
    plain, none = billed(everything()), billed(everything(purchase__yearly_growth=0))
    assert (plain.npv, plain.tco) == (none.npv, none.tco)
    assert plain.levelised_per_logical_tb_month == none.levelised_per_logical_tb_month
    assert (len(plain.growth_by_year), len(none.growth_by_year)) == (0, 5)


def test_the_levelised_cost_is_over_the_data_of_each_year() -> None:
    made = stated(ex50(), purchase__yearly_growth=1, finance__years=2, finance__discount_rate=0)
    bill = billed(made)
    assert bill.levelised_per_logical_tb_month == bill.npv / (50_000_000 * 12 * (1 + 2))


def test_both_published_factors_of_making_drives_are_reported() -> None:
    """55 kg/TB (DigitalPebble spruce) and 160 kg/TB (Tannu & Nair): 2.9 times as much."""
    bill = billed(scenario())
    assert bill.other_embodied_tonnes / bill.embodied_tonnes == Fraction(160, 55)


def test_every_number_of_the_new_catalogues_says_where_it_comes_from() -> None:
    made = scenario()
    for part in (made.memory, made.network, made.purchase):
        for number in numbers_in(part):
            if number.value is not None:
                assert number.kind != "assumption" or number.range or number.source or number.unit
                assert number.low is None or number.low <= number.value <= (number.high or 0)


def test_what_is_missing_is_told_without_a_bill() -> None:
    run: Scenario[Any] = map_numbers(ex50(), exact)
    assert not_in_bill(run)[-1].needs == ("purchase.residual",)
