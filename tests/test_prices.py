"""Prices as they stand: their age, what they are compared by, and what rests on them."""

import json
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.cli import storeff
from support.golden import GOLDEN

from storeff.data import Assumption, AssumptionRow, load_shelf_life, row_of
from storeff.economics import load_drives
from storeff.economics.catalogues import PRICED, load_named
from storeff.errors import StoreffError
from storeff.quantity import Quantity
from storeff.report.catalogue import print_drives, print_indices, print_numbers
from storeff.report.model import Report, read_report
from storeff.report.price_notes import price_warnings
from storeff.report.prices import Price, age, price_table, prices_in, prices_of, standing
from storeff.report.terminal import show

TODAY, LIFE = date(2026, 11, 26), load_shelf_life()
SCAN = read_report(GOLDEN / "reports" / "2.0" / "scan.json")
BENCH = read_report(GOLDEN / "reports" / "2.2" / "bench.json")
PUT = "put {} in a catalogue of your own"


def every_price() -> list[Price]:
    entries = [entry for name in PRICED for entry in load_named(name).values()]
    return list(prices_of(entries, TODAY, LIFE))


def row(path: str, **said: Any) -> AssumptionRow:
    known: dict[str, Any] = {"unit": "USD", "kind": "street", "true_on": date(2026, 11, 1)}
    number = Assumption(path=path, value=Fraction(100), **(known | said))
    return row_of(number, TODAY, LIFE)


def warned(*assumptions: AssumptionRow, of: Report = SCAN) -> dict[str, tuple[str, str]]:
    report = msgspec.structs.replace(of, assumptions=list(assumptions))
    return {code: (message, remedy) for code, message, remedy in price_warnings(report, PUT)}


# ---- what stands in the catalogues ----


def test_drives_of_one_kind_of_flash_stand_on_one_basis_and_day() -> None:
    """At 220 and 346 USD a TB by two pages, the comparison of drives was one of pages."""
    drives = load_drives()
    prices = [drives[name].price for name in ("qlc-61", "qlc-122", "qlc-245")]
    assert {price.basis for price in prices} == {"byteiota.com, May 2026"}
    assert len({price.true_on for price in prices}) == 1
    per_tb = [each.per_tb or 0 for each in every_price() if each.path.startswith("drives.qlc")]
    assert max(per_tb) / min(per_tb) < 1.1


def test_the_price_of_a_drive_is_also_one_of_a_terabyte() -> None:
    prices = {each.path: each for each in every_price()}
    assert prices["drives.qlc-122.price"].per_tb == pytest.approx(40_000 / 122.88)
    assert prices["drives.qlc-245.price"].per_tb == pytest.approx(346, abs=0.5)  # byteiota.com
    assert prices["drives.hdd-30.price"].per_tb == pytest.approx(14.87, abs=0.01)  # Seagate
    assert prices["enclosures.flash-2u-24.price"].per_tb is None


def test_no_price_of_a_catalogue_passes_for_a_makers_own_or_for_fresh_without_a_date() -> None:
    for each in every_price():
        assert each.kind in ("street", "survey", "estimate", "assumption")
        assert each.stale or each.true_on is not None
        assert (each.age_days is None) == (each.true_on is None)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, "25 d"),
        ({"true_on": date(2026, 1, 1)}, "329 d, out of date"),
        ({"true_on": None}, "undated"),
        ({"valid_until": date(2026, 12, 1)}, "25 d, valid until 2026-12-01"),
        ({"valid_until": date(2026, 11, 20)}, "25 d, valid until 2026-11-20, out of date"),
        ({"from_units": 1000}, "25 d, from 1,000 on"),
    ],
)
def test_the_age_of_a_price_in_words(said: dict[str, Any], expected: str) -> None:
    given = {"true_on": date(2026, 11, 1), **said}
    number = Assumption(path="x.price", value=Fraction(1), unit="USD", kind="street", **given)
    [found] = prices_of(
        [msgspec.structs.replace(load_drives()["hdd-30"], price=number)], TODAY, LIFE
    )
    assert age(found) == expected


def test_prices_are_counted_by_whether_they_hold() -> None:
    text = standing(every_price()).text
    prices = every_price()
    undated = sum(each.age_days is None for each in prices)
    old = sum(each.stale for each in prices) - undated
    assert text.startswith(f"{len(prices)} prices: {old} out of date, {undated} undated")


# ---- what rests on them ----


def test_the_part_of_the_cost_is_what_the_report_says_of_the_price() -> None:
    assert SCAN.sensitivity is not None
    slopes = {each.input: each.npv for each in SCAN.sensitivity.elasticity}
    found = prices_in(SCAN, TODAY, LIFE)
    assert {each.path: each.share_of_cost for each in found} == {
        each.path: slopes.get(each.path) for each in found
    }
    shares = [each.share_of_cost or 0 for each in found]
    assert shares == sorted(shares, reverse=True)
    # The cost is linear in its prices: their parts are all of it.
    assert sum(shares) == pytest.approx(1, abs=1e-3)


def test_prices_of_a_report_are_judged_by_the_day_they_are_looked_at() -> None:
    price = "drives.qlc-122.price"
    early, late = date(2026, 7, 30), date(2026, 11, 26)
    stale = [
        next(each.stale for each in prices_in(SCAN, day, LIFE) if each.path == price)
        for day in (early, late)
    ]
    assert stale == [False, True]


def test_a_report_that_rests_on_no_price_is_refused() -> None:
    bare = msgspec.structs.replace(SCAN, assumptions=[])
    with pytest.raises(StoreffError, match="rests on no price"):
        prices_in(bare, TODAY, LIFE)


# ---- what a reader is warned of ----


def test_drives_on_different_bases_are_named_with_these() -> None:
    """qlc-122 of May 2026, street, and tlc-30 of March 2026, survey."""
    found = warned(
        row("drives.qlc-122.price", true_on=date(2026, 5, 5)),
        row("drives.qlc-245.price", true_on=date(2026, 5, 20)),
        row("drives.tlc-30.price", true_on=date(2026, 3, 31), kind="survey"),
    )
    assert found["price-bases"][0] == (
        "prices of qlc-122 and qlc-245 (street, May 2026) and tlc-30 (survey, March 2026) are on "
        "different bases"
    )


def test_drives_on_one_basis_are_not_warned_of() -> None:
    one = {"basis": "vendor A, November 2026"}
    same = [row("drives.a.price", **one), row("drives.b.price", kind="contract", **one)]
    assert "price-bases" not in warned(*same)
    assert "price-bases" not in warned(
        row("drives.a.price"), row("enclosures.b.price", kind="list")
    )


def test_a_comparison_of_drives_is_warned_of_by_what_it_compared() -> None:
    prices = (row("drives.qlc-122.price"), row("drives.tlc-30.price", kind="survey"))
    found = warned(*prices, of=BENCH)
    assert "qlc-122 (street, November 2026) and tlc-30" in found["price-bases"][0]


def test_undated_prices_count_as_out_of_date_and_other_numbers_are_said_to_be_undated() -> None:
    found = warned(
        row("drives.a.price", true_on=date(2026, 1, 1)),
        row("enclosures.b.price", true_on=None),
        row("drives.a.duty", unit="fraction", true_on=None),
    )
    message, remedy = found["stale-assumptions"]
    assert message == (
        "1 assumed figure out of date: drives.a.price; 1 price undated, which counts as out of "
        "date: enclosures.b.price; 1 other assumption undated"
    )
    assert remedy == "put today's figures and their dates in a catalogue of your own"


def test_what_holds_and_is_no_price_is_not_warned_of() -> None:
    assert warned(row("drives.a.price"), row("drives.a.duty", unit="fraction", true_on=None)) == {}
    valid = row("drives.a.price", true_on=None, valid_until=date(2027, 1, 1))
    assert warned(valid) == {}


def test_a_price_for_more_drives_than_are_bought_is_warned_of() -> None:
    layout = SCAN.layouts[0]
    bought = layout.bill.drives.value
    assert bought is not None
    path = f"drives.{layout.drive}.price"
    assert "price-break" not in warned(row(path, from_units=1))
    message, remedy = warned(row(path, from_units=10**7))["price-break"]
    assert message.startswith(f"{path} holds from 10,000,000 drives; fewer are bought for ")
    assert f"{layout.name} {bought:,}" in message
    assert remedy == "put the price of fewer in a catalogue of your own"
    unknown = msgspec.structs.replace(layout.bill, drives=Quantity(None, None, None, "derived"))
    few = msgspec.structs.replace(SCAN, layouts=[msgspec.structs.replace(layout, bill=unknown)])
    assert "price-break" not in warned(row(path, from_units=10**7), of=few)


# ---- as they are listed ----


@pytest.mark.parametrize("columns", [80, 120])
def test_listings_fit_their_terminal_and_name_every_entry(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    print_drives(load_drives())
    print_numbers(load_named("sites"), "sites.")
    print_indices(load_named("indices"))
    show(price_table(every_price()))
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= columns
    for name in ("colocation-us.pue", "nand-contract", "enclosures."):
        assert any(line.startswith(name) for line in lines), name


def test_prices_at_the_command_line() -> None:
    done = storeff("prices")
    assert done.returncode == 0
    assert "drives.qlc-122" in done.stdout
    listed = json.loads(storeff("prices", "--json").stdout)
    assert set(listed) == {each.path for each in every_price()}
    assert listed["drives.qlc-122.price"]["basis"] == "byteiota.com, May 2026"


def test_prices_of_a_report_at_the_command_line(tmp_path: Path) -> None:
    report = GOLDEN / "reports" / "2.0" / "scan.json"
    done = storeff("prices", report)
    assert done.stdout.startswith("5-year cost of ")
    assert "of cost" in done.stdout
    listed = json.loads(storeff("prices", report, "--json").stdout)
    assert {name: each["share_of_cost"] for name, each in listed.items()} == {
        each.path: each.share_of_cost for each in prices_in(SCAN, date.today(), LIFE)
    }
    (tmp_path / "shelf_life.toml").write_text("[default]\nprice_days = 36500\nother_days = 36500\n")
    fresh = json.loads(storeff("prices", report, "--json", "--data", tmp_path).stdout)
    assert {each["stale"] for each in fresh.values() if each["true_on"]} == {False}
    assert {each["stale"] for each in fresh.values() if not each["true_on"]} == {True}


@pytest.mark.parametrize("name", ["sites", "indices"])
def test_what_is_printed_as_toml_is_what_data_takes(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.toml").write_text(storeff(name, "--toml").stdout)
    for form in ("--toml", "--json"):
        own = storeff(name, form, "--data", tmp_path)
        assert own.returncode == 0, own.stderr
        assert own.stdout == storeff(name, form).stdout
