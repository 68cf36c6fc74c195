"""storeff report --to cyclonedx: a bill of materials that the official schema accepts."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from support.formats import HOSTILE, document, every_kept, every_report, hostile, numbers, recorded
from support.golden import assert_golden

from storeff.economics.purchase import HARDWARE
from storeff.quantity import Quantity
from storeff.report.formats.cyclonedx import render
from storeff.report.model import Report, read_report

NUMBER = re.compile(r"-?\d+(\.\d+)?(e[+-]\d+)?")


def made(report: Report) -> Any:
    return json.loads(render(report))


def properties(part: Any) -> dict[str, str]:
    return {each["name"].removeprefix("storeff:"): each["value"] for each in part["properties"]}


def refused(report: Report) -> str:
    """What the official schema says against the document; empty if nothing."""
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(render(report).decode())
    return "" if error is None else str(error)


@every_kept
def test_the_bill_of_materials_is_as_it_was(path: Path) -> None:
    name = f"formats/{path.parent.name}-{path.stem}.cdx.json"
    assert_golden(name, render(read_report(path)).decode())


@every_report
def test_the_schema_of_cyclonedx_accepts_it(path: Path) -> None:
    assert refused(read_report(path)) == ""


def test_the_schema_would_refuse_another_document() -> None:
    report = recorded("2.0/scan.json")
    changed = render(report).decode().replace('"type": "device"', '"type": "drive"')
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(changed) is not None


@every_report
def test_every_number_is_one_of_the_report(path: Path) -> None:
    known = set(numbers(document(path)))
    parts = made(read_report(path))
    for part in (parts["metadata"], parts["metadata"].get("component"), *parts["components"]):
        for name, value in () if part is None else properties(part).items():
            if name != "schema_version" and NUMBER.fullmatch(value):
                assert json.loads(value) in known


@pytest.mark.parametrize("name", ["2.0/scan.json", "2.0/part.json", "2.0/kv-trace.json"])
def test_components_are_what_the_reference_layout_needs(name: str) -> None:
    report = recorded(name)
    layout = next(each for each in report.layouts if each.name == report.reference_layout)
    bill, bom = layout.bill, made(report)
    assert [
        (part["type"], part["group"], properties(part)["role"], properties(part)["quantity"])
        for part in bom["components"]
    ] == [
        ("device", "drives", "in service", str(bill.drives_in_service.value)),
        ("device", "drives", "spare", str(bill.spares.value)),
        ("device", "enclosures", "in service", str(bill.enclosures.value)),
        ("device", "racks", "in service", str(bill.racks.value)),
    ]
    assert bom["metadata"]["component"]["name"] == layout.name
    assert properties(bom["metadata"]["component"])["capex:total"] == str(bill.capex.total.value)


def test_an_interval_has_its_ends_and_an_exact_figure_none() -> None:
    [drives, *_] = made(recorded("2.0/part.json"))["components"]
    q = recorded("2.0/part.json").layouts[0].bill.drives_in_service
    assert properties(drives)["quantity:low"] == str(q.low)
    assert properties(drives)["quantity:high"] == str(q.high)
    [drives, *_] = made(recorded("2.0/scan.json"))["components"]
    assert "quantity:low" not in properties(drives)


def test_a_component_has_every_assumption_about_it_with_its_source() -> None:
    report = recorded("2.0/scan.json")
    for part in made(report)["components"]:
        entry = f"{part['group']}.{part['name']}."
        rows = [row for row in report.assumptions if row.path.startswith(entry)]
        assert any(row.path.endswith(".price") for row in rows)
        found = properties(part)
        for row in rows:
            field = row.path.removeprefix(entry)
            assert found.get(field) == (None if row.value is None else str(row.value))
            assert found.get(f"{field}:source") == row.source
            assert found.get(f"{field}:true_on") == (row.true_on and row.true_on.isoformat())
            assert found[f"{field}:kind"] == row.kind


def test_a_bench_buys_what_it_recommends() -> None:
    report = recorded("2.2/bench.json")
    assert report.bench is not None
    row, bom = report.bench.rows[0], made(report)
    found = {part["group"]: properties(part)["quantity"] for part in bom["components"]}
    assert found == {"drives": str(row.drives.value), "racks": str(row.racks.value)}
    undecided = msgspec.structs.replace(report.bench, recommendation=None)
    bom = made(msgspec.structs.replace(report, bench=undecided))
    assert bom["components"] == []
    assert "component" not in bom["metadata"]


def test_the_serial_number_is_that_of_the_purchase() -> None:
    """What is bought, for what and when; nothing else that a later schema may say."""
    report = recorded("2.0/scan.json")
    assert render(report) == render(report)
    assert report.target is not None
    number = made(report)["serialNumber"]
    layouts = report.layouts[:1]
    unchanged: tuple[dict[str, Any], ...] = (
        {"schema_version": "2.9", "warnings": [], "sensitivity": None, "uncertainty": None},
        {"reduction": None, "layouts": layouts},
    )
    for same in unchanged:
        assert made(msgspec.structs.replace(report, **same))["serialNumber"] == number
    racks = Quantity.exact(7, "derived")
    bill = msgspec.structs.replace(layouts[0].bill, racks=racks)
    assumed = [
        msgspec.structs.replace(row, value=1) if row.path == "drives.qlc-122.price" else row
        for row in report.assumptions
    ]
    for other in (
        {"layouts": [msgspec.structs.replace(layouts[0], bill=bill)]},
        {"target": msgspec.structs.replace(report.target, bytes=1)},
        {"assumptions": assumed},
        {"run": msgspec.structs.replace(report.run, started="2027-01-01T00:00:00+00:00")},
    ):
        assert made(msgspec.structs.replace(report, **other))["serialNumber"] != number


def test_a_bench_buys_all_that_the_bill_of_its_recommendation_counts() -> None:
    report = recorded("2.3/bench.json")
    assert report.bench is not None
    assert report.bench.recommendation is not None
    bill = report.bench.recommendation.bill
    assert bill is not None
    found = [(part["group"], properties(part)["quantity"]) for part in made(report)["components"]]
    counted = [
        ("drives", bill.drives_in_service),
        ("drives", bill.spares),
        ("enclosures", bill.enclosures),
        ("racks", bill.racks),
        ("cpus", bill.cpus),
        ("dram", bill.dram_modules),
        ("scm", bill.scm_drives),
        ("nics", bill.nics),
        ("network", bill.switch_ports),
        ("optics", bill.links),
    ]
    assert found == [(group, str(each.value)) for group, each in counted]
    in_bill = [name for name in HARDWARE if getattr(bill.capex, name).value is not None]
    assert list(dict.fromkeys(group for group, _ in counted)) == in_bill


def test_it_names_its_tool_and_that_all_is_yet_to_be_bought() -> None:
    metadata = made(recorded("2.0/scan.json"))["metadata"]
    tool = {"type": "application", "name": "storeff", "version": "0.1.0"}
    assert metadata["tools"] == {"components": [tool]}
    assert metadata["lifecycles"] == [{"phase": "design"}]
    assert metadata["timestamp"] == "2026-11-26T12:00:42+00:00"


@pytest.mark.parametrize("name", ["2.0/scan.json", "2.2/bench.json"])
def test_a_hostile_text_is_a_value_and_cannot_be_seen_wrong(name: str) -> None:
    report = hostile(name)
    assert refused(report) == ""
    bom = made(report)
    assert bom["components"][0]["name"] == HOSTILE
    assert properties(bom["metadata"]["component"])["currency"] == HOSTILE
    assert all(line.isprintable() for line in render(report).decode().splitlines())
    assert len(bom["components"]) == len(made(recorded(name))["components"])
