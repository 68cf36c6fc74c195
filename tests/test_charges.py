"""The whole bill as people and programs get it: charges, CSV, bill of materials, sections."""

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest
from support.bills import everything, stated
from support.cli import storeff
from support.golden import GOLDEN
from support.scenarios import scenario
from support.sized import report_on

from storeff.economics import Scenario, load_scenario
from storeff.economics.purchase import HARDWARE
from storeff.errors import StoreffError
from storeff.report.charges import charges, purchase_of
from storeff.report.formats.csv import render as to_csv
from storeff.report.formats.cyclonedx import render as to_cyclonedx
from storeff.report.model import Report, read_report, to_json
from storeff.report.page import Paragraph, Table
from storeff.report.sections_bill import bill_section

OWNED = {"site__build_per_watt": "11.7", "site__build_years": "15"}


def again(report: Report, tmp_path: Path) -> Report:
    path = tmp_path / "report.json"
    path.write_bytes(to_json(report))
    return read_report(path)


@pytest.mark.parametrize(
    "made",
    [
        scenario(),
        everything(),
        everything(purchase__yearly_growth="0.3", purchase__drive_life_years=3),
        everything(**OWNED),
        everything(enclosure__cpu_price=None),
    ],
    ids=["default", "everything", "growth and refresh", "owned", "unpriced"],
)
def test_a_report_of_any_bill_can_be_read_again_and_its_charges_are_all(
    made: Scenario[Any], tmp_path: Path
) -> None:
    report = again(report_on(made), tmp_path)
    [layout] = report.layouts
    costs = [
        each.cost.value for each in charges(purchase_of(report, layout)) if not each.is_missing
    ]
    if layout.unpriced:
        assert None in costs
        assert layout.bill.tco.value is None
        return
    total = sum(cost for cost in costs if cost is not None)
    assert total == pytest.approx(layout.bill.tco.value, abs=0.01 * len(costs))


def test_what_is_missing_has_a_row_without_a_cost() -> None:
    rows = list(csv.DictReader(io.StringIO(to_csv(report_on(scenario())).decode(), newline="")))
    missing = [row for row in rows if "not in this bill" in row["ChargeDescription"]]
    assert [row["ServiceName"] for row in missing] == ["Import tariff", "Tax", "Water", "Software"]
    assert {row["BilledCost"] for row in missing} == {""}
    back = [row for row in rows if row["ChargeCategory"] == "Credit"]
    assert [row["ServiceName"] for row in back] == ["Residual value"]
    assert float(back[0]["BilledCost"]) < 0


def test_tax_has_no_quantity_and_what_is_paid_in_one_year_does_not_recur() -> None:
    """FOCUS 1.2: PricingQuantity MUST be null when ChargeCategory is "Tax"."""
    rows = list(csv.DictReader(io.StringIO(to_csv(report_on(everything())).decode(), newline="")))
    [tax] = [row for row in rows if row["ChargeCategory"] == "Tax"]
    assert float(tax["BilledCost"]) > 0
    assert {tax[each] for each in ("PricingQuantity", "PricingUnit", "x_QuantityLow")} == {""}
    often = {row["ServiceName"]: row["ChargeFrequency"] for row in rows}
    assert often["Decommissioning"] == "One-Time"
    assert often["Software"] == often["Destruction of data"] == "Recurring"


def test_the_bill_of_materials_has_all_that_is_delivered() -> None:
    bom = json.loads(to_cyclonedx(report_on(everything())))
    groups = [part["group"] for part in bom["components"]]
    assert groups[:2] == ["drives", "drives"]
    assert groups[1:] == list(HARDWARE)
    [cpus] = [part for part in bom["components"] if part["group"] == "cpus"]
    about = {each["name"]: each["value"] for each in cpus["properties"]}
    assert about["storeff:cpu_price"] == "4000"


def test_the_section_names_what_is_missing_and_what_has_no_price() -> None:
    report = report_on(scenario())
    table, missing, *_ = bill_section(report, report.layouts[0]).body
    assert isinstance(table, Table)
    lines = {row[0]: row[1:] for row in table.rows}
    assert lines["vendor support"][1].endswith("USD")
    assert lines["network ports"][0].endswith("ports")
    assert lines["residual value, at the end"][1].startswith("-")
    assert isinstance(missing, Paragraph)
    assert missing.text.endswith("totals: import tariff, tax, water, software.")
    warned = {each.code: each.message for each in report.warnings}
    assert warned["not-in-bill"] == "not in the bill: import tariff, tax, water, software"
    unpriced = report_on(stated(scenario(), enclosure__cpu_price=None))
    [said] = [each.message for each in unpriced.warnings if each.code == "unknown-price"]
    assert said.endswith("no total for reference-10-4: processors")


def test_a_line_that_was_changed_does_not_add_up(tmp_path: Path) -> None:
    document = json.loads(to_json(report_on(scenario())))
    bill = document["layouts"][0]["bill"]
    for where, name in ((bill["capex"], "dram"), (bill["opex_by_year"][2], "vendor_support")):
        old, where[name] = where[name], {**where[name], "value": 1, "low": 1, "high": 1}
        path = tmp_path / "report.json"
        path.write_bytes(msgspec.json.encode(document))
        with pytest.raises(StoreffError, match="its parts sum to"):
            read_report(path)
        where[name] = old


def test_a_report_of_a_line_that_no_bill_has_is_refused(tmp_path: Path) -> None:
    document = json.loads(to_json(report_on(scenario())))
    document["layouts"][0]["not_in_bill"][0]["line"] = "tarif"
    path = tmp_path / "report.json"
    path.write_bytes(msgspec.json.encode(document))
    with pytest.raises(StoreffError, match="'tarif' - at `") as refused:
        read_report(path)
    assert "tariff" in refused.value.message


def test_charges_of_a_typed_scenario_rest_on_the_prices_in_it() -> None:
    report = report_on(load_scenario(GOLDEN / "ex50.toml"))
    [layout] = report.layouts
    rests_on = {
        each.item: [row.path for row in each.prices]
        for each in charges(purchase_of(report, layout))
        if each.year in (None, 1)
    }
    assert rests_on["drives"] == ["drive.price"]
    assert rests_on["enclosures"] == ["enclosure.price"]
    assert rests_on["racks"] == ["rack.price", "rack.switch_price"]
    assert rests_on["colocation"] == ["site.colocation_per_kw_month"]


@pytest.mark.parametrize("version", ["2.99", "2.100"])
def test_a_line_that_a_later_schema_has_is_read_and_listed_by_its_title(
    version: str, tmp_path: Path
) -> None:
    document = json.loads(to_json(report_on(scenario())))
    document["schema_version"] = version
    later = {"line": "insurance", "title": "insurance", "needs": ["purchase.insurance"]}
    document["layouts"][0]["not_in_bill"].append(later)
    path = tmp_path / "report.json"
    path.write_bytes(msgspec.json.encode(document))
    report = read_report(path)
    rows = list(csv.DictReader(io.StringIO(to_csv(report).decode(), newline="")))
    assert rows[-1]["ChargeDescription"] == "insurance (not in this bill)"
    assert rows[-1]["BilledCost"] == rows[-1]["PricingUnit"] == ""
    texts = list(bill_section(report, report.layouts[0]).body)
    assert any("insurance" in each.text for each in texts if isinstance(each, Paragraph))


@pytest.mark.parametrize("version", ["2.0", "2.3", "2", "2.x"])
def test_a_report_of_this_schema_or_an_earlier_one_has_known_lines_alone(
    version: str, tmp_path: Path
) -> None:
    document = json.loads(to_json(report_on(scenario())))
    document["schema_version"] = version
    document["layouts"][0]["not_in_bill"][1]["line"] = "insurance"
    path = tmp_path / "report.json"
    path.write_bytes(msgspec.json.encode(document))
    with pytest.raises(StoreffError, match="no bill has a line 'insurance'"):
        read_report(path)


def test_what_is_one_is_told_as_one() -> None:
    few = report_on(everything(data__logical_bytes="1e12"))
    table = bill_section(few, few.layouts[0]).body[0]
    assert isinstance(table, Table)
    assert few.layouts[0].bill.racks.value == 1
    lines = {row[0]: row[1] for row in table.rows}
    assert (lines["racks with switches"], lines["installation"]) == ("1", "1 rack")
    assert lines["software licences"].endswith(" TB")


def test_every_line_of_unknown_amount_is_listed_in_all_formats_with_why(tmp_path: Path) -> None:
    """A drive without a price leaves unknown what rests on it, and that alone."""
    data = tmp_path / "data"
    data.mkdir()
    own = (GOLDEN / "own-drive.toml").read_text().splitlines(keepends=True)
    (data / "drives.toml").write_text("".join(line for line in own if not line.startswith("price")))
    sized, scan = tmp_path / "report.json", GOLDEN / "reports" / "2.3" / "scan.json"
    words = ("--data", data, "--drive", "ours", "--layout", "ceph-ec-8-3", "-o", sized)
    screen = storeff("size", scan, *words, "--full")
    assert screen.returncode == 0, screen.stderr
    for kind in ("csv", "md", "html", "xlsx"):
        done = storeff("report", sized, "--to", kind, "-o", tmp_path / f"bill.{kind}")
        assert done.returncode == 0, done.stderr

    resting = ["freight", "vendor support", "drive replacement", "drive refresh", "residual value"]
    said = f"drives (needs drive.price); {', '.join(resting)} (rests on drives)"
    for text in (screen.stdout, (tmp_path / "bill.md").read_text()):
        plain = re.sub(r"[\s|]+", " ", text)
        assert f"unknown amount, so that no total is known: {said}" in plain.replace("\\", "")
        for line in ("drives", *resting):
            assert re.search(rf"\b{line}\b.* unknown", plain), line
    page = re.sub(r"<[^>]+>|\s+", " ", (tmp_path / "bill.html").read_text())
    for line in ("drives", *resting):
        assert re.search(rf"\b{line}[^.]* unknown", page), line
    assert said in re.sub(" +", " ", page)

    rows = [*csv.DictReader(io.StringIO((tmp_path / "bill.csv").read_text()))]
    unknown = [row["ChargeDescription"] for row in rows if "(unknown" in row["ChargeDescription"]]
    yearly = [
        f"{name}, year {year} (unknown: rests on drives)"
        for year in range(1, 6)
        for name in ("Drive replacement", "Vendor support", "Drive refresh")
    ]
    assert unknown == [
        "Drives (unknown: needs drive.price)",
        "Freight (unknown: rests on drives)",
        *yearly,
        "Residual value, year 5 (unknown: rests on drives)",
    ]
    assert {row["BilledCost"] for row in rows if row["ChargeDescription"] in unknown} == {""}

    book = openpyxl.load_workbook(tmp_path / "bill.xlsx", data_only=True)
    cells = {
        sheet: [[cell.value for cell in row] for row in book[sheet].iter_rows()]
        for sheet in ("Bill of materials", "Cash by year")
    }
    freight = next(row for row in cells["Bill of materials"] if row[0] == "Freight")
    assert freight[8] == "#N/A"
    for line in ("Freight", "Vendor support", "Drive replacement", "Residual value, at the end"):
        [paid] = [row for row in cells["Cash by year"] if row[0] == line]
        assert "#N/A" in paid
    for sheet in cells.values():
        assert any(said in str(cell) for row in sheet for cell in row)


def test_a_line_whose_own_input_is_unknown_says_which_and_others_what_they_rest_on() -> None:
    made = everything(enclosure__cpu_price=None, drive__price=None)
    report = report_on(made)
    found = purchase_of(report, report.layouts[0]).unknown
    assert (found["cpus"], found["drives"]) == ("needs enclosure.cpu_price", "needs drive.price")
    assert found["tax"] == "rests on drives or processors"
    assert not {"energy", "enclosures", "installation"} & {*found}
    listed = {each.item for each in charges(purchase_of(report, report.layouts[0]))}
    assert {*found} <= listed


def test_a_report_that_kept_no_scenario_lists_what_it_says_is_unpriced() -> None:
    report = report_on(stated(scenario(), drive__price=None))
    bare = msgspec.structs.replace(report, scenarios=None)
    assert purchase_of(bare, bare.layouts[0]).unknown == {"drives": "its price is unknown"}
