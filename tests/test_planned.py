"""A report with a delivery plan: what it says follows from the files and from the report."""

import copy
import json
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.golden import GOLDEN

from storeff import analysis
from storeff.economics import planned as planning
from storeff.economics.demand import load_demand
from storeff.economics.offers import load_offers
from storeff.economics.plan_model import Plan
from storeff.economics.quarters import quarter_of
from storeff.economics.supply import load_supply
from storeff.economics.timeline import Build
from storeff.errors import StoreffError, UsageError
from storeff.report.check import contradictions
from storeff.report.model import Report, read_report
from storeff.report.plan import with_plan
from storeff.report.policy import check

FILES = GOLDEN / "plan"
RECORDED = GOLDEN / "reports" / "2.3" / "plan.json"
EB, PB, TB = 10**18, 10**15, 10**12
BUILD = Build("ours", "qlc", raw_bytes=32_400 * PB, media="flash", facility_mw=Fraction(20))


@pytest.fixture(scope="module")
def worked_report() -> Report:
    sized = analysis.size_scenario(GOLDEN / "ex50.toml")
    return analysis.build_report(None, sized, command=["storeff"])


def plan_of(folder: Path, demand: str, offers: str, build: Build = BUILD) -> Plan:
    (folder / "d.toml").write_text(demand)
    (folder / "o.toml").write_text(offers)
    return planning.planned(
        build, load_demand(folder / "d.toml"), load_offers(folder / "o.toml"), load_supply()
    )


ONE = '[by_quarter]\n2027Q3 = "1EB"\n'


def offer(name: str = "a", **keys: Any) -> str:
    given = {"kind": '"spot"', "cap_bytes": '"1EB"', "price_per_tb": 200} | keys
    return "\n".join([f"[offers.{name}]", *(f"{key} = {value}" for key, value in given.items())])


def test_the_worked_example_is_planned_from_its_files(worked_report: Report) -> None:
    demand, offers = FILES / "worked-demand.toml", FILES / "worked-offers.toml"
    planned = with_plan(worked_report, demand, offers, today=date(2026, 11, 26))
    plan = planned.plan
    assert plan is not None
    assert plan.layout_raw_bytes == 37_298_969_072_164_948_454
    assert plan.gap is not None
    assert (plan.gap.missing_bytes, plan.gap.quarter) == (1_298_969 * TB, "2028Q4")
    assert plan.gap.limited_by == "cap"
    assert plan.delay_quarters == 1
    costs = [None if each.cost is None else each.cost.purchase for each in plan.waits]
    assert costs == [None, 8_858_659_770.0, 8_405_257_715.0, 8_360_257_715.0]
    assert {each.name: each.bytes for each in plan.offers} == {
        "lta-a": 21 * EB,
        "lta-b": 12 * EB,
        "spot": 4_298_969 * TB,
    }
    assert sum(each.bytes for each in plan.deliveries) == plan.need_bytes
    assert list(contradictions(planned)) == []


def test_what_is_needed_is_9_4_weeks_of_the_worlds_enterprise_pcie_output(tmp_path: Path) -> None:
    """32.4 EB of Trendfocus's 44.6 EB in 2Q24."""
    demand = '[growth]\nfirst = "2027Q1"\nquarters = 4\nrate_per_quarter = 0.1\n'
    plan = plan_of(tmp_path, demand, offer(cap_bytes='"20EB"'))
    weeks = {each.name: each.weeks for each in plan.supply}
    assert round(weeks["enterprise-pcie-2q24"], 1) == 9.4
    assert round(weeks["nand-2q24"], 1) == 2.0


def test_flash_is_not_compared_with_hard_disks(tmp_path: Path) -> None:
    build = Build("ours", "hdd", raw_bytes=EB, media="hdd")
    assert plan_of(tmp_path, ONE, offer(), build).supply == ()


def test_a_deposit_is_paid_with_the_order_and_the_rest_on_delivery(tmp_path: Path) -> None:
    text = "holding_rate = 0.08\n" + offer(lead_weeks=26, deposit=0.25)
    plan = plan_of(tmp_path, ONE, text)
    cash = {each.quarter: each.cash for each in plan.quarters}
    assert cash == {"2027Q1": 50e6, "2027Q2": 0, "2027Q3": 150e6}
    assert plan.cost is not None
    # Half a year of 8 % on the deposit.
    assert plan.cost.deposits == 2e6
    assert plan.cost.total == 202e6


def test_money_is_to_the_cent_and_sums(tmp_path: Path) -> None:
    text = "holding_rate = 0.07\n" + "\n".join(
        offer(name, cap_bytes='"333333333333333333"'.replace('"', ""), price_per_tb=price)
        for name, price in (("a", 199.99), ("b", 201.37), ("c", 333.33), ("d", 400.01))
    )
    plan = plan_of(tmp_path, ONE, text)
    assert plan.cost is not None
    cents = [round(each.cost * 100) for each in plan.deliveries]
    assert [each.cost for each in plan.deliveries] == [n / 100 for n in cents]
    assert sum(cents) == round(plan.cost.purchase * 100)
    assert sum(round(each.cash * 100) for each in plan.quarters) == sum(cents)
    assert [each.bytes for each in plan.deliveries] == [333333333333333333] * 3 + [1]


def test_nothing_is_delivered_before_it_can_be_ordered(tmp_path: Path) -> None:
    late = 'order_from = "2027Q2"\n' + offer(lead_weeks=26)
    plan = plan_of(tmp_path, ONE, late)
    assert not plan.is_in_time
    assert plan.delay_quarters == 1
    assert plan_of(tmp_path, ONE, late.replace("26", "13")).is_in_time


def test_a_take_or_pay_is_paid_after_the_last_need_too(tmp_path: Path) -> None:
    text = offer(
        kind='"take-or-pay"',
        committed_bytes='"500PB"',
        available_from='"2027Q3"',
        available_to='"2027Q4"',
    )
    plan = plan_of(tmp_path, ONE, text)
    assert plan.cost is not None
    assert (plan.cost.purchase, plan.cost.not_taken) == (200e6, 100e6)
    assert [(each.quarter, each.cash) for each in plan.quarters][-1] == ("2027Q4", 100e6)


def test_one_that_is_not_signed_is_left_where_that_costs_less(tmp_path: Path) -> None:
    text = offer(
        kind='"take-or-pay"',
        committed_bytes='"1EB"',
        available_from='"2027Q3"',
        available_to='"2028Q4"',
        signed="false",
    )
    plan = plan_of(tmp_path, ONE, text + "\n" + offer("b", price_per_tb=900))
    assert {each.name: (each.is_signed, each.bytes) for each in plan.offers} == {
        "a": (False, 0),
        "b": (True, EB),
    }


SITE = "[site.facility_mw]\n2027Q1 = 10\n2027Q4 = 20\n"
STEADY = '[by_quarter]\n2027Q2 = "10EB"\n2027Q3 = "10EB"\n2027Q4 = "10EB"\n'


def test_the_power_of_the_site_is_named_where_it_is_too_little(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, STEADY + SITE, offer(cap_bytes='"50EB"'))
    assert plan.gap is not None
    # 20 MW for 32.4 EB: 10 MW are 16.2 EB.
    assert plan.gap.missing_bytes == 20 * EB - 16_200 * PB
    assert (plan.gap.limited_by, plan.gap.limited_in) == ("power", "2027Q3")
    assert plan.delay_quarters == 1
    assert all(each.used <= each.limit for each in plan.site)


def test_what_power_would_save_is_its_shadow_price(tmp_path: Path) -> None:
    text = offer(cap_bytes='"50EB"', price_per_tb="{ 2027Q2 = 100, 2027Q4 = 150 }")
    demand = '[by_quarter]\n2027Q2 = "0EB"\n2027Q4 = "30EB"\n' + SITE
    plan = plan_of(tmp_path, demand, text)
    [binding] = [each for each in plan.site if each.shadow_price > 1]
    assert (binding.kind, binding.quarter, binding.used) == ("power", "2027Q3", 10)
    assert binding.shadow_price == pytest.approx(50 * 32_400_000 / 20)


def test_a_share_that_no_number_of_suppliers_can_keep_is_refused(tmp_path: Path) -> None:
    text = "largest_share = 0.4\n" + offer() + "\n" + offer("b")
    with pytest.raises(StoreffError, match="needs 3 suppliers, and the offers name 2"):
        plan_of(tmp_path, ONE, text)


def test_the_largest_share_brings_in_a_second_source(tmp_path: Path) -> None:
    both = offer(supplier='"A"') + "\n" + offer("b", supplier='"B"', price_per_tb=300)
    plan = plan_of(tmp_path, ONE, "largest_share = 0.7\n" + both)
    shares = {each.supplier: each.share for each in plan.suppliers}
    assert shares == pytest.approx({"A": 0.7, "B": 0.3})
    assert plan.suppliers[0].shadow_price_per_point == pytest.approx(1e6)


def test_what_no_wait_makes_possible_has_no_plan(tmp_path: Path) -> None:
    plan = plan_of(tmp_path, ONE, offer(cap_bytes='"100PB"', available_to='"2028Q1"'))
    assert plan.delay_quarters is None
    assert (plan.cost, plan.quarters, plan.deliveries) == (None, (), ())
    assert [each.missing_bytes for each in plan.waits] == [900 * PB, 800 * PB, 700 * PB, 700 * PB]


@pytest.mark.parametrize(
    ("demand", "offers", "message"),
    [
        ('[growth]\nfirst = "2027Q1"\nquarters = 2', offer(), "nothing to share out"),
        (ONE + SITE, offer(), "the site limits MW, and how many ours takes is unknown"),
        (ONE, offer(price_per_drive=1).replace("price_per_tb = 200\n", ""), "size of the drive"),
    ],
)
def test_what_the_report_does_not_say_is_asked_for(
    tmp_path: Path, demand: str, offers: str, message: str
) -> None:
    with pytest.raises(StoreffError, match=message):
        plan_of(tmp_path, demand, offers, Build("ours", "qlc"))


def planned(report: Report, **options: Any) -> Report:
    files = (FILES / "demand.toml", FILES / "offers.toml")
    return with_plan(report, *files, today=date(2026, 11, 26), **options)


def test_another_layout_may_be_planned_for(worked_report: Report) -> None:
    scan = read_report(GOLDEN / "reports" / "2.0" / "scan.json")
    plan = planned(scan, layout="weka-16-2").plan
    assert plan is not None
    by_name = {each.name: each.raw_bytes.value for each in scan.layouts}
    assert plan.need_bytes == by_name["weka-16-2"]
    with pytest.raises(UsageError, match="unknown layout 'weka-16-3'"):
        planned(scan, layout="weka-16-3")


def test_a_report_that_sizes_nothing_is_refused() -> None:
    bench = read_report(GOLDEN / "reports" / "2.2" / "bench.json")
    with pytest.raises(StoreffError, match="the report holds no sized layout"):
        planned(bench)


def test_offers_in_another_currency_are_refused(tmp_path: Path, worked_report: Report) -> None:
    (tmp_path / "o.toml").write_text('currency = "EUR"\n' + offer())
    with pytest.raises(StoreffError, match="is in EUR, the report in USD"):
        with_plan(worked_report, FILES / "demand.toml", tmp_path / "o.toml", today=date.today())


def test_a_supply_of_ones_own_is_compared_with(tmp_path: Path, worked_report: Report) -> None:
    (tmp_path / "supply.toml").write_text(
        '[mine]\ntitle = "one maker"\nmedia = "flash"\nbytes_per_quarter = "10EB"\n'
    )
    plan = planned(worked_report, catalogues=tmp_path).plan
    assert plan is not None
    [mine] = [each for each in plan.supply if each.name == "mine"]
    assert mine.weeks == pytest.approx(plan.need_bytes / (10 * EB) * 13)


def test_the_recorded_plan_can_be_made_again() -> None:
    recorded = read_report(RECORDED)
    again = planned(read_report(GOLDEN / "reports" / "2.3" / "scan.json"))
    assert recorded.plan is not None
    assert again.plan is not None
    assert again.plan.waits == recorded.plan.waits
    assert again.plan.deliveries == recorded.plan.deliveries
    assert again.plan.quarters == recorded.plan.quarters


def changes() -> list[tuple[list[str | int], Any, str]]:
    return [
        (["layout"], "another", "plan.layout is none of layouts"),
        (["currency"], "EUR", "plan.currency is not currency"),
        (["quarters", 0, "quarter"], "soon", "plan has 'soon' for a quarter"),
        (["is_in_time"], True, "say different things"),
        (["delay_quarters"], None, "but not both"),
        (["cost", "total"], 1.0, "plan.cost.total is 1.00, its parts sum to"),
        (["quarters", 1, "cash"], 7.0, "plan.quarters[1].cash is 7.00"),
        (["quarters", 3, "need_bytes"], 7, "plan.quarters do not need plan.need_bytes"),
        (["quarters", 2, "early_bytes"], 7, "plan.quarters[2].early_bytes are not"),
        (["deliveries", 0, "cap_bytes"], 7, "plan.deliveries[0] takes more than its cap"),
        (["offers", 0, "bytes"], 7, "plan.offers do not take what plan.deliveries deliver"),
        (["offers", 0, "cost"], 7.0, "plan.offers is"),
    ]


@pytest.mark.parametrize(("keys", "value", "message"), changes())
def test_a_plan_that_cannot_be_true_is_refused(
    tmp_path: Path, keys: list[str | int], value: Any, message: str
) -> None:
    document = copy.deepcopy(json.loads(RECORDED.read_bytes()))
    inside = document["plan"]
    for key in keys[:-1]:
        inside = inside[key]
    inside[keys[-1]] = value
    found = list(contradictions(msgspec.convert(document, Report)))
    assert any(message in each for each in found), found


def test_a_policy_can_ask_for_a_plan_in_time_and_at_what_cost(tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text(
        '[in-time]\nfigure = "plan.is_in_time"\nis = true\n'
        '[cost]\nfigure = "plan.cost.total"\nat_most = "11 B USD"\n'
        '[first]\nfigure = "plan.offers[lta].cost"\nat_most = "1 B USD"\n'
    )
    rules = {rule.name: rule.status for rule in check(read_report(RECORDED), policy).rules}
    assert rules == {"in-time": "fail", "cost": "pass", "first": "fail"}


def test_quarters_of_the_plan_are_in_order() -> None:
    plan = read_report(RECORDED).plan
    assert plan is not None
    numbers = [quarter_of(each.quarter) for each in plan.quarters]
    assert numbers == [*range(numbers[0], numbers[0] + len(numbers))]
