"""What drives cost after the first delivery, and what that makes of the bill."""

import json
import math
import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.bills import everything, stated
from support.golden import GOLDEN
from support.scenarios import changed, figures_of, scenario
from support.sized import report_on

from storeff.data import Assumption, exact, map_numbers
from storeff.economics import (
    Bill,
    Scenario,
    bill_for,
    build_scenario,
    in_cells,
    load_scenario,
    sensitivity,
    size,
)
from storeff.economics.formulas import traced
from storeff.economics.later_prices import LaterPrices
from storeff.economics.model import with_changes
from storeff.economics.uncertainty import price_risk, replicates
from storeff.errors import StoreffError
from storeff.layout import load_layouts
from storeff.layout.number import Number
from storeff.report.changes import compare
from storeff.report.charges import charges, purchase_of
from storeff.report.model import read_report, to_json
from storeff.report.page import Table
from storeff.report.scenario import scenario_of
from storeff.report.sections_bill import bill_section
from storeff.report.sections_layouts import assumption_name
from storeff.report.verify import verify

ENDS = ("2028Q1", "2029Q1", "2030Q1", "2031Q1", "2032Q1")
FIRST = 27_000


def number(path: str, value: Any, **more: Any) -> Assumption:
    return Assumption(path=f"price_path.{path}", value=Fraction(value), **more)


def later(**tables: Any) -> LaterPrices[Assumption]:
    """A path from 2027Q1 on: tables by quarter, or a number."""
    made: dict[str, Any] = {}
    for key, given_ in tables.items():
        if key == "learning_rate":
            made[key] = number(key, given_)
        else:
            table = given_ if isinstance(given_, dict) else {"": given_}
            made[key] = {at: number(f"{key}.{at}", value) for at, value in table.items()}
    return LaterPrices(delivery="2027Q1", **made)


def along(given_: Scenario[Assumption], **tables: Any) -> Scenario[Assumption]:
    return msgspec.structs.replace(given_, price_path=later(**tables))


def growing(**more: Any) -> Scenario[Assumption]:
    """The worked example, of which a fifth more is bought each year and all drives after four; a
    failed drive is paid after two."""
    terms = {
        "purchase__yearly_growth": "0.2",
        "purchase__drive_life_years": "4",
        "drive__warranty_years": "2",
        "drive__price": FIRST,
    }
    return stated(load_scenario(GOLDEN / "ex50.toml"), **(terms | more))


def billed(given_: Scenario[Assumption]) -> Bill[Number]:
    return bill_for(map_numbers(in_cells(given_), exact))


# ---- what is paid ----


def test_each_purchase_is_paid_at_the_price_of_its_own_quarter() -> None:
    prices = dict(zip(ENDS, (24_000, 22_000, 19_000, 18_000, 15_000), strict=True))
    plain, bill = billed(growing()), billed(along(growing(), price=prices))
    assert bill.capex.total == plain.capex.total
    in_use = [each.drives for each in bill.growth_by_year]
    for year, price in enumerate(prices.values(), 1):
        paid, before = bill.opex_by_year[year - 1], plain.opex_by_year[year - 1]
        added = in_use[year] - in_use[year - 1] if year < 5 else 0
        assert paid.expansion - before.expansion == added * (price - FIRST)
        assert paid.refresh * FIRST == before.refresh * price
    assert bill.opex_by_year[3].refresh == 303_540 * 18_000
    # The failures of the third year are of drives of the first delivery out of their warranty.
    failures = bill.failures_per_year
    third, before = bill.opex_by_year[2].replacement, plain.opex_by_year[2].replacement
    assert float(third - before) == pytest.approx(failures * (19_000 - FIRST))


@given(st.lists(st.integers(0, 90_000), min_size=5, max_size=5))
@settings(max_examples=25)
def test_the_cost_moves_by_the_purchases_times_what_their_prices_differ_by(
    prices: list[int],
) -> None:
    """To the cent, with all that is a part of the price: freight, tariff and tax."""
    made = everything(purchase__yearly_growth="0.3", drive__price=FIRST, drive__warranty_years=9)
    made = stated(made, purchase__drive_life_years=2)
    plain = billed(made)
    bill = billed(along(made, price=dict(zip(ENDS, prices, strict=True))))
    run = map_numbers(made, exact)
    terms, rate = run.purchase, 1 + run.finance.discount_rate
    landed = (1 + terms.freight + terms.tariff) * (1 + terms.tax)
    in_use = [each.drives for each in plain.growth_by_year]
    moved = Fraction(0)
    for year, price in enumerate(prices, 1):
        added = (in_use[year] - in_use[year - 1]) * landed if year < 5 else 0
        refreshed = plain.opex_by_year[year - 1].refresh / FIRST
        moved += (added + refreshed) * (price - FIRST) / rate**year
    assert bill.npv - plain.npv == moved


FLAT = [
    {"change": 0},
    {"change": dict.fromkeys((f"{y}Q{q}" for y in range(2027, 2033) for q in range(1, 5)), 0)},
    {"price": FIRST},
    {"price": {"2032Q1": FIRST}},
    {"learning_rate": 0, "volumes": {"2027Q1": 10**21} | dict.fromkeys(ENDS, 10**22)},
    {"learning_rate": "0.2", "volumes": dict.fromkeys(("2027Q1", *ENDS), 10**21)},
]


@pytest.mark.parametrize("tables", FLAT, ids=lambda tables: "-".join(tables))
def test_a_flat_path_is_no_path(tables: dict[str, Any]) -> None:
    made = everything(
        purchase__yearly_growth="0.2", purchase__drive_life_years=3, drive__price=FIRST
    )
    plain, flat = figures_of(made), figures_of(along(made, **tables))
    if "learning_rate" in tables:
        # A power is a double.
        rough = {path: x for path, x in plain.items() if not isinstance(x, str | None)}
        assert {path: flat[path] for path in rough} == pytest.approx(rough, rel=1e-13, nan_ok=True)
    else:
        assert repr(flat) == repr(plain)
        assert size(along(made, **tables)).npv_range == size(made).npv_range


@given(st.lists(st.fractions(Fraction(-1, 2), 0, max_denominator=50), min_size=20, max_size=20))
@settings(max_examples=25)
def test_a_path_that_falls_never_makes_the_bill_dearer(changes: list[Fraction]) -> None:
    quarters = [f"{year}Q{q}" for year in range(2027, 2033) for q in range(1, 5)][1:21]
    made = everything(purchase__yearly_growth="0.2", purchase__drive_life_years=3)
    falling = billed(along(made, change=dict(zip(quarters, changes, strict=True))))
    assert falling.capex.total == billed(made).capex.total
    assert falling.npv <= billed(made).npv
    for paid, before in zip(falling.opex_by_year, billed(made).opex_by_year, strict=True):
        assert paid.total <= before.total


def test_a_change_of_all_prices_is_then_one_of_all_but_drives() -> None:
    made = growing(purchase__yearly_price_change="-0.1")
    bill = billed(along(made, price=FIRST))
    in_use = bill.growth_by_year
    drives, enclosures, racks = (
        getattr(in_use[1], name) - getattr(in_use[0], name)
        for name in ("drives", "enclosures", "racks")
    )
    others = enclosures * 25_000 + racks * 35_000
    assert bill.opex_by_year[0].expansion == drives * FIRST + others * Fraction(9, 10)
    # A path of the same change is the change.
    yearly = {end: FIRST * Fraction(9, 10) ** year for year, end in enumerate(ENDS, 1)}
    assert billed(along(made, price=yearly)).npv == billed(made).npv


def test_wright_each_doubling_takes_the_learning_rate_off() -> None:
    volumes = {at: 10**21 * 2**n for n, at in enumerate(("2027Q1", *ENDS))}
    bill = billed(along(growing(), learning_rate="0.2", volumes=volumes))
    by_table = dict(zip(ENDS, (FIRST * 0.8**year for year in range(1, 6)), strict=True))
    assert float(bill.npv) == pytest.approx(float(billed(along(growing(), price=by_table)).npv))


# ---- what is unknown stays so ----


def test_an_unknown_price_stays_unknown() -> None:
    for tables in ({"change": "-0.03"}, {"price": FIRST}):
        bill = billed(along(growing(drive__price=None), **tables))
        assert math.isnan(bill.npv)
        assert math.isnan(bill.capex.drives)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("price = { 2028Q1 = 1, 2030Q4 = 2 }", "price_path.price says nothing of 2031Q1, and "),
        ("change = { 2027Q2 = 0.1, 2027Q4 = 0 }", "price_path.change says nothing of 2027Q3, a"),
        (
            'learning_rate = 0.2\nvolumes = { 2027Q1 = "1ZB", 2029Q1 = "2ZB" }',
            "price_path.volumes says nothing of 2028Q1",
        ),
        ("change = 0.1\nprice = 1", "price_path needs one of price, change, learning_rate, index,"),
        ("", "and has none"),
        ("learning_rate = 0.2", "price_path needs volumes and learning_rate together"),
        ('change = 0\nvolumes = { 2027Q1 = "1EB" }', "needs volumes and learning_rate together"),
        ('learning_rate = 0.2\nvolumes = "1EB"', "price_path volumes are by quarter"),
        ("price = { 2028Q5 = 1 }", "price_path price: '2028Q5' is not a quarter"),
        ("change = -1", "price_path.change must be a number above -1"),
        ('index = "nand-contract"', "price_path.index can only be in a price_paths.toml"),
        ("chance = 1", "price_path.chance is not a key (did you mean"),
    ],
)
def test_a_path_that_does_not_tell_every_price_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    path = tmp_path / "s.toml"
    added = f'[price_path]\ndelivery = "2027Q1"\n{text}\n'
    path.write_text((GOLDEN / "ex50.toml").read_text() + added)
    with pytest.raises(StoreffError, match=re.escape(message)):
        load_scenario(path)
    path.write_text(added)
    with pytest.raises(StoreffError, match=re.escape(message)):
        with_changes(growing(), path)


def test_a_longer_horizon_asks_for_a_longer_path(tmp_path: Path) -> None:
    path = tmp_path / "s.toml"
    path.write_text("[finance]\nyears = 7\n")
    with pytest.raises(StoreffError, match="says nothing of 2033Q1") as raised:
        with_changes(along(growing(), price=dict.fromkeys(ENDS, 1)), path)
    assert "2034Q1, the end of year 7" in raised.value.message
    assert raised.value.remedy == "add 2033Q1 to it, or let the horizon (finance.years) end before"


# ---- of the catalogues ----


def from_catalogues(folder: Path, **texts: str) -> Scenario[Assumption]:
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text)
    files = {name: folder / f"{name}.toml" for name in texts}
    return build_scenario(scenario().data, load_layouts()["reference-10-4"], extra=files)


def test_a_path_is_of_the_drive_whose_name_it_has(tmp_path: Path) -> None:
    text = '[qlc-122]\ndelivery = "2027Q1"\nchange = -0.02\n'
    made = from_catalogues(tmp_path, price_paths=text)
    assert made.price_path is not None
    assert made.price_path.change[""].path == "price_paths.qlc-122.change"
    assert from_catalogues(tmp_path, price_paths=text.replace("122", "245")).price_path is None
    with pytest.raises(StoreffError, match="unknown drive 'qlc-12'"):
        from_catalogues(tmp_path, price_paths=text.replace("qlc-122", "qlc-12"))


def test_an_index_brings_a_price_as_far_as_it_was_observed(tmp_path: Path) -> None:
    """NAND: 1Q26 +85 to 90 %, 2Q26 +70 to 75 % (research of November 2026)."""
    path = '[qlc-122]\ndelivery = "2025Q2"\nindex = "nand-contract"\n'
    with pytest.raises(StoreffError, match=r"change says nothing of 2025Q3"):
        from_catalogues(tmp_path, price_paths=path)
    mine = "".join(
        f'[mine-{quarter}]\nproduct = "nand-contract"\nquarter = "{quarter}"\nchange = 0.25\n'
        for quarter in ("2025Q3", "2025Q4")
    )
    purchase = "[default]\nyearly_growth = 1\nyearly_price_change = 0\n"
    made = from_catalogues(
        tmp_path,
        price_paths=path,
        indices=mine,
        finance="[default]\nyears = 1\n",
        drives=f"[qlc-122]\nprice = {FIRST}\nwarranty_years = 0\n",
        purchase=purchase,
    )
    bill = billed(made)
    assert made.purchase is not None
    labour = exact(made.finance.drive_swap_labour)
    price = FIRST * Fraction("1.25") ** 2 * Fraction("1.875") * Fraction("1.725")
    landed = price * (1 + exact(made.purchase.freight))
    expected = float(bill.failures_per_year) * float(labour + landed)
    assert float(bill.opex_by_year[0].replacement) == pytest.approx(expected)
    with pytest.raises(StoreffError, match="no change of 'nand' is known"):
        from_catalogues(tmp_path, price_paths=path.replace("-contract", ""))


# ---- who uses it ----


def quoted() -> Scenario[Assumption]:
    """With a range, a source and a date."""
    number_ = number("change", "-0.03", low=Fraction("-0.05"), high=Fraction(0))
    quote = msgspec.structs.replace(number_, unit="1/quarter", source="quotation 7", kind="survey")
    path = LaterPrices(delivery="2027Q1", change={"": quote})
    return msgspec.structs.replace(growing(), price_path=path)


def test_formulas_and_replicates_are_the_same_arithmetic() -> None:
    for made in (
        along(growing(purchase__yearly_price_change="-0.1"), change="-0.03"),
        along(growing(), price={"2029Q1": 20_000, "2032Q1": 15_000}),
    ):
        drawn = bill_for(replicates(made, np.full(1000, 2.0)))
        assert float(billed(made).npv) == pytest.approx(drawn.npv[0], rel=1e-12)
        values = {"drive.price": Fraction(30_000), "price_path.change.": Fraction(1, 50)}
        values["price_path.price.2029Q1"] = Fraction(21_000)
        assert traced(made).evaluate(values)["bill.npv"] == billed(changed(made, values)).npv


def test_what_moves_the_cost_names_the_path() -> None:
    moved = sensitivity(quoted())
    assert "price_path.change" in {each.input for each in moved.elasticity}
    [swing] = [each for each in moved.tornado if each.path == "price_path.change"]
    assert swing.npv_at_low is not None
    assert swing.npv_at_high is not None
    assert swing.npv_at_low < float(billed(quoted()).npv) < swing.npv_at_high
    sized = size(quoted())
    assert sized.npv_range is not None
    assert sized.npv_range.low < sized.npv_range.high
    assert price_risk(along(growing(), price=1), 1).varied == ()


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("price_path.price.2029Q1", "price of drive in 2029Q1"),
        ("price_path.change", "price change of drive"),
        ("price_paths.qlc-122.price.2029Q1", "price of qlc-122 in 2029Q1"),
        ("price_paths.qlc-122.volumes.2029Q1", "volumes of qlc-122 in 2029Q1"),
    ],
)
def test_people_read_of_which_price_a_path_is(path: str, said: str) -> None:
    assert assumption_name(path) == said


def test_a_report_keeps_its_path_and_can_be_verified(tmp_path: Path) -> None:
    report, path = report_on(quoted()), tmp_path / "r.json"
    path.write_bytes(to_json(report))
    assert verify(path).differences == 0
    kept = scenario_of(read_report(path), report.layouts[0])
    assert kept is not None
    assert kept.price_path == quoted().price_path
    # Whoever writes another path into it is found out.
    document = json.loads(path.read_bytes())
    [row] = [row for row in document["assumptions"] if row["path"] == "price_path.change"]
    row["value"] = -0.04
    path.write_text(json.dumps(document))
    assert verify(path).differences > 0
    assert [row.source for row in report.assumptions if row.path == "price_path.change"] == [
        "quotation 7"
    ]
    assert b"price_path" not in to_json(report_on(growing()))


def test_what_is_bought_later_names_the_path_among_its_prices() -> None:
    report = report_on(quoted())
    purchase = purchase_of(report, report.layouts[0])
    named = {
        charge.item: [row.path for row in charge.prices]
        for charge in charges(purchase)
        if "price_path.change" in [row.path for row in charge.prices]
    }
    assert {*named} == {"replacement", "refresh", "expansion"}


def test_a_path_of_doubles_is_written_and_verified(tmp_path: Path) -> None:
    volumes = {at: 10**21 * 2**n for n, at in enumerate(("2027Q1", *ENDS))}
    path = tmp_path / "r.json"
    path.write_bytes(to_json(report_on(along(growing(), learning_rate="0.2", volumes=volumes))))
    assert verify(path).differences == 0


def test_a_changed_path_is_a_cause_of_a_changed_cost() -> None:
    before, after = report_on(growing()), report_on(along(growing(), change="-0.03"))
    [comparison] = compare([("before", before), ("after", after)]).comparisons
    cause = comparison.attribution
    assert cause is not None
    [only] = cause.causes
    assert (only.name, only.changed) == ("price_path", "none -> change from 2027Q1")
    assert only.npv == cause.npv


def test_a_report_says_what_a_drive_costs_in_each_year() -> None:
    report = report_on(along(growing(), price={"2029Q1": 20_000, "2032Q1": "15000.5"}))
    section = bill_section(report, report.layouts[0])
    [table] = [
        part
        for part in section.body
        if isinstance(part, Table) and part.columns[0].header == "drives bought at"
    ]
    assert table.rows == (
        ("delivery", "2027Q1", "27,000.00"),
        ("end of year 1", "2028Q1", "27,000.00"),
        ("end of year 2", "2029Q1", "20,000.00"),
        ("end of year 3", "2030Q1", "20,000.00"),
        ("end of year 4", "2031Q1", "20,000.00"),
        ("end of year 5", "2032Q1", "15,000.50"),
    )
