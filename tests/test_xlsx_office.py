"""A spreadsheet computes what storeff does, where somebody types other numbers into a workbook."""

import math
import random
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from support.bills import everything
from support.office import cell_of, computed, needs_office
from support.scenarios import by_mtbf, changed, figures_of, scenario, somewhere
from support.sized import report_on
from support.workbook import bought, opened_bytes, paid, rows, scenario_in

from storeff.data import numbers_in
from storeff.economics.bill import spares_needed
from storeff.economics.formulas import Formulas, Line, traced
from storeff.economics.written import sheet as written_sheet
from storeff.errors import StoreffError
from storeff.layout.symbol import Trace
from storeff.report.formats import xlsx
from storeff.report.model import Report

pytestmark = needs_office

CENT = 0.01
GROWS = {
    "purchase__yearly_growth": "0.3",
    "purchase__yearly_price_change": "-0.1",
    "purchase__drive_life_years": "3",
}
OWNED = {"site__build_per_watt": "11.7", "site__build_years": "15"}


def inputs_of(report: Report) -> dict[str, Any]:
    formulas = traced(scenario_in(report))
    numbers = {number.path: number for number in numbers_in(scenario_in(report))}
    return {path: numbers[path] for path in formulas.inputs}


def with_inputs(report: Report, cases: Mapping[str, dict[str, Fraction]]) -> dict[str, Any]:
    """By case the workbook in which somebody typed other numbers over inputs."""
    written, names = xlsx.render(report), written_sheet(traced(scenario_in(report))).inputs
    books = {key: opened_bytes(written) for key in cases}
    for key, values in cases.items():
        for path, value in values.items():
            cell_of(books[key], names[path]).value = float(value)
    return books


TYPED = {
    "weka-16-2": scenario("weka-16-2"),
    "ceph-ec-8-3-fast": scenario("ceph-ec-8-3-fast"),
    "zfs-raidz2-8-2": by_mtbf(scenario("zfs-raidz2-8-2")),
    "every line": everything(),
    "growth": everything(**GROWS, **OWNED),
}


@pytest.mark.parametrize("name", TYPED)
def test_libreoffice_computes_the_bill_of_what_is_typed(name: str, tmp_path: Path) -> None:
    given = TYPED[name]
    report = report_on(given)
    chance = random.Random(name)
    # Their number makes the formulas.
    inputs = {path: x for path, x in inputs_of(report).items() if path != "site.build_years"}
    limit = f"layouts.{given.layout.name}.fill_limit"
    cases: dict[str, dict[str, Fraction]] = {
        "unchanged": {},
        "price": {"drives.qlc-122.price": Fraction(19_999)},
        "fill": {limit: Fraction("0.777")},
        "ratio": {"data.reduction_ratio": Fraction("2.71")},
        "warranty": {"drives.qlc-122.warranty_years": Fraction(2)},
        "years": {"finance.default.years": Fraction(7)},
    }
    assert all(each.keys() <= inputs.keys() for each in cases.values())
    for number in range(4):
        cases[f"random{number}"] = {path: somewhere(x, chance) for path, x in inputs.items()}
    for key, book in computed(with_inputs(report, cases), tmp_path).items():
        assert_computes(book, report, cases[key])


def test_libreoffice_sums_up_to_the_unknown_until_it_is_typed(tmp_path: Path) -> None:
    unknown = {"drives.qlc-122.price": None, "enclosures.flash-2u-24.cpu_price": None}
    report = report_on(changed(scenario(), unknown))
    prices = {path: Fraction(4000) for path in unknown}
    found = computed(with_inputs(report, {"unknown": {}, "typed": prices}), tmp_path)
    for line in ("Drives in service", "Processors", "Freight", "Capital cost"):
        assert bought(found["unknown"])[line]["amount (USD)"] == "#N/A", line
    cash = paid(found["unknown"])
    for line in ("Vendor support", "Residual value, at the end", "All payments", "Present value"):
        assert cash[line]["sum"] == "#N/A", line
    assert cash["Energy"]["sum"] > 0
    assert_computes(found["typed"], report, prices)


def assert_computes(book: Any, report: Report, values: dict[str, Fraction]) -> None:
    given = changed(scenario_in(report), {path: float(value) for path, value in values.items()})
    holds = cell_of(book, "step.conditions").value
    try:
        expected = figures_of(given)
    except StoreffError:
        assert holds is False
        return
    # Another number of years is another table.
    assert holds is ("finance.default.years" not in values or len(values) > 1)
    if not holds:
        return
    named = written_sheet(traced(scenario_in(report))).names
    for path in ("bill.drives", "bill.spares", "bill.racks", "bill.enclosures", "bill.cells"):
        if path in named:
            assert cell_of(book, named[path]).value == expected[path], path
    for path in ("bill.capex.total", "bill.opex_total", "bill.npv", "bill.tco"):
        assert cell_of(book, named[path]).value == pytest.approx(float(expected[path]), abs=CENT)
    assert bought(book)["Capital cost"]["amount (USD)"] == pytest.approx(
        float(expected["bill.capex.total"]), abs=CENT
    )
    cash = paid(book)
    assert cash["All payments"]["sum"] == pytest.approx(float(expected["bill.tco"]), abs=CENT)
    worth = [x for key, x in cash["Present value"].items() if key.startswith(("on", "year"))]
    assert sum(worth) == pytest.approx(float(expected["bill.npv"]), abs=CENT)
    steps = list(rows(book["Waterfall"]))
    raw_bytes = float(expected["raw_bytes"])
    last = len([path for path in expected if path.endswith(".after_bytes")]) - 1
    assert steps[last]["after (B)"] == pytest.approx(raw_bytes, rel=1e-12)
    shares = sum(each["share of raw minus logical (B)"] for each in steps[: last + 1])
    logical = float(given.data.logical_bytes.value or 0)
    assert shares == pytest.approx(raw_bytes - logical, abs=1e-9 * raw_bytes)


MEANS = [0.0, 1e-9, 0.02, 0.7, 1.0, 3.5, 17.0, 100.25, 2345.6, 1e5, 654321.0, 1e6]
LEVELS = [0.0, 1e-6, 0.001, 0.3, 0.5, 0.9, 0.95, 0.99, 0.999, 0.999999]


def test_libreoffice_keeps_as_many_spares(tmp_path: Path) -> None:
    trace = Trace()
    mean, level = trace.input("a.mean", Fraction(10)), trace.input("a.level", Fraction(9, 10))
    node: Any = spares_needed(mean, level)
    made = written_sheet(Formulas({"spares": node}, (), (Line("a.spares", node),), trace.inputs))
    books: dict[str, Any] = {}
    for index, (m, p) in enumerate((m, p) for m in MEANS for p in LEVELS):
        book = books.setdefault("all", openpyxl.Workbook())
        sheet = book.create_sheet(f"s{index}")
        # Names are of the whole workbook; here each sheet stands for one.
        where = {made.inputs["a.mean"]: "A1", made.inputs["a.level"]: "A2"}
        where |= {cell.name: f"A{row}" for row, cell in enumerate(made.cells, 3)}
        sheet["A1"], sheet["A2"] = m, p
        for cell in made.cells:
            text = cell.formula
            for name in sorted(where, key=len, reverse=True):
                text = text.replace(name, where[name])
            sheet[where[cell.name]] = f"={text}"
    found = computed(books, tmp_path)["all"]
    spares, holds = (f"A{row}" for row in (len(made.cells) + 1, len(made.cells) + 2))
    for index, (m, p) in enumerate((m, p) for m in MEANS for p in LEVELS):
        expected = math.ceil(spares_needed(m, p)) if p else 0
        assert found[f"s{index}"][spares].value == expected, (m, p)
        assert found[f"s{index}"][holds].value is True, (m, p)
