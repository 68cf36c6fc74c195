"""The report keeps the scenario of each of its layouts, exactly, and what they share once."""

import json
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.golden import GOLDEN
from support.scenarios import LAYOUTS, scenario

from storeff.data import Assumption, AssumptionRow, exact, map_numbers, numbers_in
from storeff.economics import Scenario, bill_for, in_cells
from storeff.economics.size import central
from storeff.errors import StoreffError
from storeff.report.build import assumptions_of
from storeff.report.model import read_report
from storeff.report.scenario import kept, read, scenario_of


def document_of(*scenarios: Scenario[Assumption]) -> tuple[dict[str, Any], list[AssumptionRow]]:
    """What is kept, as JSON, and what is assumed."""
    assumed = [*assumptions_of(scenarios, date(2026, 11, 26), None)]
    written = msgspec.json.encode(kept(scenarios, (), assumed))
    document: dict[str, Any] = msgspec.json.decode(written)
    return document, assumed


def again_of(given: Scenario[Assumption]) -> Scenario[Assumption]:
    document, assumed = document_of(given)
    return read(document["parts"], document["layouts"][0], assumed)


def billed(given: Scenario[Assumption]) -> str:
    """The exact bill, written out: its lines that are missing are NaN, which no NaN is equal to."""
    return repr(bill_for(map_numbers(given, exact)))


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_kept_gives_the_same_bill(name: str) -> None:
    given = in_cells(scenario(name, reduction_ratio=Fraction(10**15 + 1, 3 * 10**14)))
    again = again_of(given)
    assert billed(again) == billed(given)
    assert [x.path for x in numbers_in(again)] == [x.path for x in numbers_in(given)]


def test_what_is_assumed_is_kept_with_its_source_and_said_once() -> None:
    given = in_cells(scenario("weka-16-2"))
    again = again_of(given)
    assert again.drive == given.drive
    assert again.layout.fill_limit == given.layout.fill_limit
    document, _ = document_of(given)
    assert document["parts"]["drive"][0]["price"] == {"path": "drives.qlc-122.price"}


def test_what_layouts_share_is_kept_once() -> None:
    given = [in_cells(scenario(name)) for name in LAYOUTS]
    document, assumed = document_of(*given)
    parts = document["parts"]
    assert len(parts["layout"]) == len(LAYOUTS)
    for name in ("data", "objects", "drive", "enclosure", "rack", "site", "finance", "spares"):
        assert len(parts[name]) == 1
    for indices, each in zip(document["layouts"], given, strict=True):
        again = read(parts, indices, assumed)
        assert again.layout.name == each.layout.name
        assert billed(again) == billed(each)


def test_the_unknown_stays_unknown() -> None:
    given = scenario()
    drive = msgspec.structs.replace(given.drive, price=Assumption(path="drives.qlc-122.price"))
    again = again_of(msgspec.structs.replace(given, drive=drive))
    assert again.drive.price == drive.price


@pytest.mark.parametrize(
    ("where", "value", "said"),
    [
        ("finance.years.value", "1000000000", "finance.years must be a whole number from 1 to 100"),
        ("drive.capacity_bytes.value", "0", "drive.capacity_bytes must be"),
        ("drive.capacity_bytes.value", "1/0", "a value is an integer"),
        ("layout.fill_limit.value", "1e999999999", "a value is an integer"),
        ("layout.fill_limit.value", 0.9, "a value is an integer"),
        ("layout.fill_limit.value", "9" * 3000, "a value is an integer"),
        ("layout.code.k", 10**9, "at most 512 fragments"),
        ("layout.flavour", "sweet", "flavour"),
        ("objects.data_bytes", 0, "no sizes of objects"),
        ("layout", [], "Expected `object`"),
    ],
)
def test_an_edited_one_is_refused_in_one_line(where: str, value: Any, said: str) -> None:
    document, assumed = document_of(scenario())
    *path, last = where.split(".")
    part: Any = document["parts"]
    for key in path:
        part = part[key] if part is not document["parts"] else part[key][0]
    if path:
        part[last] = value
    else:
        part[last][0] = value
    with pytest.raises(StoreffError, match="a scenario that the report keeps") as refused:
        read(document["parts"], document["layouts"][0], assumed)
    assert said in refused.value.message


def test_a_part_that_is_not_there_is_said_to_be_missing() -> None:
    document, assumed = document_of(scenario())
    for index in (-1, 1):
        with pytest.raises(StoreffError, match=f"it has no drive {index}"):
            read(document["parts"], document["layouts"][0] | {"drive": index}, assumed)


def test_an_assumption_that_cannot_be_is_refused() -> None:
    document, assumed = document_of(scenario())
    wrong = [
        msgspec.structs.replace(row, value=-1) if row.path.endswith(".fill_limit") else row
        for row in assumed
    ]
    with pytest.raises(StoreffError, match=r"layout\.fill_limit must be"):
        read(document["parts"], document["layouts"][0], wrong)


def test_a_scenario_without_a_horizon_is_refused() -> None:
    document, assumed = document_of(scenario())
    without = [
        msgspec.structs.replace(row, value=None) if row.path == "finance.default.years" else row
        for row in assumed
    ]
    with pytest.raises(StoreffError, match=r"finance\.years is unknown"):
        read(document["parts"], document["layouts"][0], without)


def test_the_scenario_that_schema_2_2_kept_is_read_as_that_of_its_layout(tmp_path: Path) -> None:
    path = GOLDEN / "reports" / "2.3" / "scan.json"
    report = read_report(path)
    reference = next(x for x in report.layouts if x.name == report.reference_layout)
    given = scenario_of(report, reference)
    assert given is not None
    older = json.loads(path.read_text())
    older |= {"schema_version": "2.2", "scenarios": None}

    def whole(number: Assumption) -> dict[str, str | None]:
        value = None if number.value is None else str(number.value)
        return {"path": number.path, "value": value, "unit": number.unit}

    older["reference_scenario"] = msgspec.to_builtins(map_numbers(given, whole))
    (tmp_path / "r.json").write_text(json.dumps(older))
    again = read_report(tmp_path / "r.json")
    found = [scenario_of(again, each) for each in again.layouts]
    assert [each is not None for each in found] == [x is reference for x in report.layouts]
    (one,) = (each for each in found if each is not None)
    assert billed(one) == billed(given)


@pytest.mark.parametrize("name", ["scan", "kv-trace", "bench"])
def test_every_layout_and_row_of_a_report_has_its_scenario(name: str) -> None:
    report = read_report(GOLDEN / "reports" / "2.3" / f"{name}.json")
    rows = () if report.bench is None else report.bench.rows
    assert report.layouts or rows
    for layout in report.layouts:
        found = scenario_of(report, layout)
        assert found is not None
        again = central(found)
        assert again.bill.npv.value == layout.bill.npv.value
        assert again.durability == layout.durability
    for row in rows:
        found = scenario_of(report, row)
        assert found is not None
        assert central(found).bill.npv.value == row.npv.value
