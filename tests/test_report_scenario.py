"""The report keeps the scenario of its reference layout, exactly."""

import copy
import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.scenarios import LAYOUTS, scenario

from storeff.data import Assumption, exact, map_numbers, numbers_in
from storeff.economics import bill_for, in_cells
from storeff.errors import StoreffError
from storeff.report.scenario import kept, scenario_of


@pytest.mark.parametrize("name", LAYOUTS)
def test_what_is_kept_gives_the_same_bill(name: str) -> None:
    given = in_cells(scenario(name, reduction_ratio=Fraction(10**15 + 1, 3 * 10**14)))
    again = scenario_of(json.loads(json.dumps(kept(given))))
    # Lines that are not in the bill are NaN, which no NaN is equal to.
    found, expected = (repr(bill_for(map_numbers(each, exact))) for each in (again, given))
    assert found == expected
    assert [x.path for x in numbers_in(again)] == [x.path for x in numbers_in(given)]


def test_the_unknown_stays_unknown() -> None:
    given = scenario()
    drive = msgspec.structs.replace(given.drive, price=Assumption(path="drives.qlc-122.price"))
    again = scenario_of(kept(msgspec.structs.replace(given, drive=drive)))
    assert again.drive.price == drive.price


def _edited(document: Any, where: str, value: Any) -> Any:
    *path, last = where.split(".")
    inner = document = copy.deepcopy(document)
    for key in path:
        inner = inner[key]
    inner[last] = value
    return document


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
        ("data.objects.data_bytes", 0, "no sizes of objects"),
        ("layout", [], "Expected `object`"),
    ],
)
def test_an_edited_one_is_refused_in_one_line(where: str, value: Any, said: str) -> None:
    with pytest.raises(StoreffError, match="reference_scenario") as refused:
        scenario_of(_edited(kept(scenario()), where, value))
    assert said in refused.value.message


def test_a_report_of_a_scan_keeps_it(tmp_path: Path) -> None:
    from support.cli import storeff

    samples = Path(__file__).parent.parent / "samples" / "data"
    path = tmp_path / "r.json"
    done = storeff("scan", samples, "--target", "1EB", "--layout", "weka-16-2", "-q", "-o", path)
    assert done.returncode == 0, done.stderr
    report = json.loads(path.read_text())
    again = bill_for(map_numbers(scenario_of(report["reference_scenario"]), exact))
    (layout,) = report["layouts"]
    assert again.drives == layout["bill"]["drives"]["value"]
    assert float(again.npv) == pytest.approx(layout["bill"]["npv"]["value"], abs=0.005)
