"""storeff report --to csv: rows of planned costs, shaped like FOCUS 1.2."""

import csv
import io
import json
import re
from pathlib import Path

import msgspec
import pytest
from support.formats import HOSTILE, document, every_kept, every_report, hostile, numbers, recorded
from support.golden import assert_golden

from storeff.quantity import Quantity
from storeff.report.formats.csv import FOCUS_COLUMNS, OWN_COLUMNS, render
from storeff.report.model import Report, read_report

# FOCUS 1.2, "Feature level: Mandatory" of each column; ordered as its list of columns is.
MANDATORY = [
    *("BilledCost", "BillingAccountId", "BillingAccountName", "BillingCurrency"),
    *("BillingPeriodEnd", "BillingPeriodStart", "ChargeCategory", "ChargeClass"),
    *("ChargeDescription", "ChargePeriodEnd", "ChargePeriodStart", "ContractedCost"),
    *("EffectiveCost", "InvoiceIssuerName", "ListCost", "PricingQuantity", "PricingUnit"),
    *("ProviderName", "PublisherName", "ServiceCategory", "ServiceName"),
]
COSTS = ("BilledCost", "ContractedCost", "EffectiveCost", "ListCost")
# FOCUS 1.2, NumericFormat: no plus sign, no separator of thousands.
NUMBER = re.compile(r"-?\d+(\.\d+)?(E-?\d+)?")
NUMERIC = {*COSTS, "PricingQuantity", "x_CostHigh", "x_CostLow", "x_LayoutPresentValue"} | {
    *("x_QuantityHigh", "x_QuantityLow", "x_SpareDrives", "x_UnitPrice", "x_Year")
}


def rows(report: Report) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(render(report).decode(), newline=""), strict=True))


def reference(report: Report) -> list[dict[str, str]]:
    return [row for row in rows(report) if row["x_IsReference"] == "true"]


@every_kept
def test_the_rows_are_as_they_were(path: Path) -> None:
    name = f"formats/{path.parent.name}-{path.stem}.csv"
    assert_golden(name, render(read_report(path)).decode().replace("\r\n", "\n"))


def test_the_mandatory_columns_come_first_and_in_order() -> None:
    assert [each for each in FOCUS_COLUMNS if each in MANDATORY] == MANDATORY
    assert set(FOCUS_COLUMNS) - set(MANDATORY) == {"ChargeFrequency"}
    assert all(re.fullmatch(r"x_[A-Z][A-Za-z]+", each) for each in OWN_COLUMNS)
    first = render(recorded("2.0/scan.json")).decode().partition("\r\n")[0]
    assert first == ",".join((*FOCUS_COLUMNS, *OWN_COLUMNS))


@every_report
def test_values_are_those_that_focus_allows(path: Path) -> None:
    for row in rows(read_report(path)):
        assert (row["ChargeCategory"], row["ChargeFrequency"]) in (
            *(("Purchase", "One-Time"), ("Purchase", "Recurring"), ("Usage", "Usage-Based")),
            *(("Tax", "One-Time"), ("Credit", "One-Time")),
        )
        if row["ChargeCategory"] == "Tax":
            assert not row["PricingQuantity"], "FOCUS 1.2: MUST be null"
        is_below_zero = any(row[each].startswith("-") for each in COSTS)
        assert is_below_zero == (row["ChargeCategory"] == "Credit"), "what comes back is not paid"
        assert row["ServiceCategory"] == "Storage"
        assert not row["ChargeClass"]
        assert row["x_IsEstimate"] == "true"
        assert all(NUMBER.fullmatch(row[each]) for each in NUMERIC if row[each])
        for each in ("BillingPeriodEnd", "ChargePeriodStart"):
            assert re.fullmatch(r"\d{4}-\d\d-\d\dT00:00:00Z", row[each])
        assert row["BillingPeriodStart"] <= row["ChargePeriodStart"]
        assert row["ChargePeriodStart"] < row["ChargePeriodEnd"] <= row["BillingPeriodEnd"]
        assert bool(row["PricingQuantity"]) == bool(row["PricingUnit"])


@every_report
def test_every_number_is_one_of_the_report(path: Path) -> None:
    known = set(numbers(document(path)))
    for row in rows(read_report(path)):
        shown = {each: json.loads(row[each].replace("E", "e")) for each in NUMERIC if row[each]}
        # What is bought as a whole: one order, or a service for one year.
        if row["PricingUnit"] in ("Orders", "Years"):
            one = [shown.pop(each) for each in ("PricingQuantity", "x_QuantityLow")]
            assert {*one, shown.pop("x_QuantityHigh")} == {1}
        # What the report says to come back is a cost below zero, with the ends of its interval.
        if row["ChargeCategory"] == "Credit":
            costs = [each for each in (*COSTS, "x_CostHigh", "x_CostLow") if each in shown]
            shown |= {each: -shown[each] for each in costs}
        assert {*shown.values()} <= known


@pytest.mark.parametrize("name", ["2.0/scan.json", "2.0/part.json", "2.0/kv-trace.json"])
def test_the_charges_of_the_reference_are_its_bill(name: str) -> None:
    report = recorded(name)
    bill = next(each.bill for each in report.layouts if each.name == report.reference_layout)
    found = reference(report)
    assert found == rows(report)[: len(found)]
    for cost in COSTS:
        assert sum(float(row[cost]) for row in found) == pytest.approx(bill.tco.value, abs=0.05)
    once = [row for row in found if row["ChargeFrequency"] == "One-Time"]
    assert [(row["ServiceName"], row["PricingQuantity"]) for row in once] == [
        ("Drives", str(bill.drives.value)),
        ("Enclosures", str(bill.enclosures.value)),
        ("Racks and switches", str(bill.racks.value)),
    ]
    assert once[0]["x_SpareDrives"] == str(bill.spares.value)
    yearly = found[len(once) :]
    assert [row["x_Year"] for row in yearly[::4]] == ["1", "2", "3", "4", "5"]
    assert {row["x_Layout"] for row in rows(report)} == {each.name for each in report.layouts}


def test_a_unit_price_times_its_quantity_is_the_cost() -> None:
    """FOCUS validators compare both with no tolerance."""
    drives, enclosures, racks = reference(recorded("2.0/scan.json"))[:3]
    for row in (drives, enclosures):
        assert float(row["x_UnitPrice"]) * float(row["PricingQuantity"]) == float(row["ListCost"])
    assert racks["x_PricePath"] == "racks.default.price; racks.default.switch_price"
    assert not racks["x_UnitPrice"]


def test_a_price_of_which_there_are_several_is_not_chosen() -> None:
    """A layout does not name its enclosure: it is the one that the report assumes something of."""
    report = recorded("2.0/scan.json")
    [price] = [row for row in report.assumptions if row.path == "enclosures.flash-2u-24.price"]
    other = msgspec.structs.replace(price, path="enclosures.other.price")
    found = reference(msgspec.structs.replace(report, assumptions=[*report.assumptions, other]))
    assert not found[1]["x_PricePath"]
    assert found[1]["BilledCost"] == reference(report)[1]["BilledCost"]


def test_an_unpriced_charge_of_a_layout_is_null_and_never_nothing() -> None:
    report = recorded("2.0/scan.json")
    unknown = Quantity(None, None, None, "derived")
    first, *others = report.layouts
    assert first.name == report.reference_layout
    capex = msgspec.structs.replace(first.bill.capex, enclosures=unknown)
    bill = msgspec.structs.replace(first.bill, capex=capex)
    layouts = [msgspec.structs.replace(first, bill=bill), *others]
    enclosures = reference(msgspec.structs.replace(report, layouts=layouts))[1]
    assert {enclosures[each] for each in COSTS} == {""}
    assert enclosures["PricingQuantity"] == str(bill.enclosures.value)


def test_what_has_no_price_has_no_cost() -> None:
    report = recorded("2.2/bench.json")
    assert report.bench is not None
    assert [row["x_IsReference"] for row in rows(report)] == ["true", "true", "false", "false"]
    for row in rows(report):
        assert not any(row[each] for each in (*COSTS, "x_UnitPrice", "x_CostLow"))
        assert row["PricingQuantity"]
    assert rows(report)[0]["x_LayoutPresentValue"] == str(report.bench.rows[0].npv.value)


def test_what_a_bench_recommends_has_every_charge_and_the_others_their_price() -> None:
    report = recorded("2.3/bench.json")
    assert report.bench is not None
    assert report.bench.recommendation is not None
    bill = report.bench.recommendation.bill
    assert bill is not None
    found = rows(report)
    bought = [row for row in found if row["x_IsReference"] == "true"]
    assert {row["x_Layout"] for row in bought} == {report.bench.recommendation.layout}
    missing = [row for row in bought if row["ChargeDescription"].endswith("(not in this bill)")]
    assert len(missing) == len(report.bench.recommendation.not_in_bill) > 0
    assert {row[each] for row in missing for each in COSTS} == {""}
    paid = sum(float(row["BilledCost"]) for row in bought if row not in missing)
    assert bill.tco.value is not None
    assert paid == pytest.approx(bill.tco.value, abs=1)
    others = [row for row in found if row["x_IsReference"] == "false"]
    assert len(others) == 2 * (len(report.bench.rows) - 1)
    prices = {row["x_PricePath"] for row in others if row["ServiceName"] == "Drives"}
    assert prices == {"drives.qlc-122.price", "drives.tlc-30.price"}


def test_nothing_is_charged_where_nothing_was_sized() -> None:
    assert rows(recorded("2.0/kv-dumps.json")) == []


def started(moment: str) -> list[dict[str, str]]:
    report = recorded("2.0/scan.json")
    run = msgspec.structs.replace(report.run, started=moment)
    return reference(msgspec.structs.replace(report, run=run))


def test_years_begin_on_the_day_of_the_report() -> None:
    found = started("2028-02-29T23:30:00-02:00")
    assert found[0]["ChargePeriodStart"] == "2028-03-01T00:00:00Z"
    found = started("2028-02-29T12:00:00+00:00")
    assert [row["BillingPeriodStart"][:10] for row in found[3::4]] == [
        *("2028-02-29", "2029-03-01", "2030-03-01", "2031-03-01", "2032-02-29"),
    ]
    assert found[0]["ChargePeriodEnd"] == "2028-03-01T00:00:00Z"


def test_a_report_of_no_date_has_no_periods() -> None:
    assert {row["BillingPeriodStart"] for row in started("yesterday")} == {""}


def test_no_text_is_a_formula_or_another_cell() -> None:
    for name in ("2.0/scan.json", "2.2/bench.json"):
        report = hostile(name)
        found = rows(report)
        assert len(found) == len(rows(recorded(name)))
        for row in found:
            assert None not in row
            for column in set(row) - NUMERIC:
                assert not row[column].startswith(("=", "+", "-", "@", "\t", "\r"))
                assert row[column].isprintable()
            assert row["BillingCurrency"].startswith("'=1+1,\"|x'\\u000a# *b* <b>")
        assert HOSTILE not in render(report).decode()


def test_a_negative_number_stays_a_number() -> None:
    report = recorded("2.2/bench.json")
    assert report.bench is not None
    first, *others = report.bench.rows
    paid = msgspec.structs.replace(first.npv, value=-1e22)
    changed = (msgspec.structs.replace(first, npv=paid), *others)
    bench = msgspec.structs.replace(report.bench, rows=changed)
    assert rows(msgspec.structs.replace(report, bench=bench))[0]["x_LayoutPresentValue"] == "-1E22"
