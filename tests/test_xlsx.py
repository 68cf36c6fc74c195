"""The workbook: numbers are the report's to the last digit, formulas compute what Python does."""

import copy
import io
import json
import math
import random
import re
from collections.abc import Iterator
from datetime import date
from fractions import Fraction
from pathlib import Path
from typing import Any

import msgspec
import openpyxl
import pytest
from support.bills import everything, stated
from support.cli import storeff
from support.golden import GOLDEN, assert_golden
from support.office import cell_of, computed
from support.scenarios import LAYOUTS, by_mtbf, changed, figures_of, scenario, somewhere
from support.sized import report_of, report_on

from storeff.data import numbers_in
from storeff.economics.bill import spares_needed
from storeff.economics.formulas import Formulas, Line, traced
from storeff.economics.lines import LINES
from storeff.economics.written import sheet as written_sheet
from storeff.errors import StoreffError
from storeff.layout.symbol import Trace
from storeff.report.formats import xlsx
from storeff.report.model import Report, read_report, to_json

SAMPLES = Path(__file__).parent.parent / "samples" / "data"
TODAY = date(2026, 11, 26)
CENT = 0.01
GROWS = {
    "purchase__yearly_growth": "0.3",
    "purchase__yearly_price_change": "-0.1",
    "purchase__drive_life_years": "3",
}
OWNED = {"site__build_per_watt": "11.7", "site__build_years": "15"}


def as_json(report: Report) -> Any:
    return json.loads(to_json(report))


def opened(report: Report, *, values: bool = False) -> Any:
    return openpyxl.load_workbook(io.BytesIO(xlsx.render(report)), data_only=values)


@pytest.fixture(scope="module")
def sized() -> Report:
    return report_of("weka-16-2", "reference-10-4", "ceph-ec-8-3")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    commands = {
        "scan": ("scan", SAMPLES, "--target", "50EB"),
        "bench": ("bench", SAMPLES, "--target", "50EB"),
        "kv": (
            *("kv", SAMPLES / "traces" / "chat.jsonl", "--model", "llama-3.1-70b"),
            *("--ttl", "10m,1d", "--target", "1PB"),
        ),
    }
    for name, words in commands.items():
        done = storeff(*words, "-q", "-o", folder / f"{name}.json")
        assert done.returncode == 0, done.stderr
    return {name: folder / f"{name}.json" for name in commands}


def rows(sheet: Any) -> Iterator[dict[str, Any]]:
    """Rows below the first, by their headers."""
    headers, *others = sheet.iter_rows(values_only=True)
    return (dict(zip(headers, cells, strict=True)) for cells in others)


def bought(book: Any) -> dict[str, dict[str, Any]]:
    """The first rows of the items that are bought, by what they are called."""
    found = [each for each in rows(book["Bill of materials"]) if each["item"]]
    return {each["item"]: each for each in reversed(found)}


def paid(book: Any) -> dict[str, dict[str, Any]]:
    """What is paid, by what it is for."""
    return {each["payment (USD)"]: each for each in rows(book["Cash by year"])}


def quantity_at(document: Any, path: str) -> Any:
    for name in path.split("."):
        if isinstance(document, list):
            document = next(x for x in document if name in (x.get("step"), str(x.get("year"))))
        else:
            document = document[name]
    return document


@pytest.mark.parametrize("name", ["scan", "kv"])
def test_every_figure_of_the_reference_layout_is_the_reports(
    name: str, made: dict[str, Path]
) -> None:
    report = json.loads(made[name].read_text())
    layout = next(x for x in report["layouts"] if x["name"] == report["reference_layout"])
    book = opened(read_report(made[name]), values=True)
    summary = list(book["Summary"].iter_rows(values_only=True))
    first = next(i for i, cells in enumerate(summary) if cells[0] == "figure")
    by_label = {cells[0]: cells for cells in summary[first + 1 : first + 18]}
    for label, path in {
        "Raw capacity": "raw_bytes",
        "Drives in service": "bill.drives_in_service",
        "Racks": "bill.racks",
        "Power of the site, peak": "bill.facility_mw_peak",
        "Capital cost": "bill.capex.total",
        "Present value of all payments": "bill.npv",
        "Present value by capacity": "bill.levelised_per_logical_tb_month",
    }.items():
        stated = quantity_at(layout, path)
        expected = [stated[key] for key in ("value", "value", "low", "high")]
        assert list(by_label[label][2:6]) == [float(x) for x in expected], label
    for each in rows(book["Waterfall"]):
        step = next((x for x in layout["waterfall"] if x["label"] == each["step"]), None)
        if step is None:
            break
        assert each["factor"] == step["factor"]["value"]
        assert each["before (B)"] == float(step["before_bytes"]["value"])
        assert each["after (B)"] == float(step["after_bytes"]["value"])
        assert each["share of raw minus logical (B)"] == float(step["share_bytes"]["value"])
    cash = paid(book)
    for label, part in (
        ("Energy", "energy"),
        ("Colocation", "colocation"),
        ("Support after warranty", "support"),
    ):
        for year in layout["bill"]["opex_by_year"]:
            assert cash[label][f"year {year['year']}"] == float(year[part]["value"])
    assert cash["All payments"]["sum"] == layout["bill"]["tco"]["value"]
    assert cash["Present value"]["sum"] == layout["bill"]["npv"]["value"]
    materials = list(rows(book["Bill of materials"]))
    assert materials[0]["quantity"] == layout["bill"]["drives_in_service"]["value"]
    assert materials[1]["quantity"] == layout["bill"]["spares"]["value"]
    assert bought(book)["Capital cost"]["amount (USD)"] == layout["bill"]["capex"]["total"]["value"]


def flat(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Numbers and words of one row of the JSON, as the sheets name them."""
    if isinstance(value, dict) and value.keys() == {"value", "low", "high", "origin"}:
        yield path, value["value"]
        if not value["value"] == value["low"] == value["high"]:
            yield f"{path}, low (95 %)", value["low"]
            yield f"{path}, high (95 %)", value["high"]
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from flat(each, f"{path}.{name}".strip("."))
    elif not isinstance(value, list):
        yield path, value


def assert_rows(sheet: Any, expected: list[Any]) -> None:
    found = list(rows(sheet))
    assert len(found) == len(expected)
    for cells, row in zip(found, expected, strict=True):
        by_path = {
            header.partition(" (USD")[0].removesuffix(" (B)"): x for header, x in cells.items()
        }
        for path, value in flat(row):
            header = path.replace("_", " ").replace(".", ": ")
            cell = by_path.get(header)
            if isinstance(value, bool):
                assert cell == ("yes" if value else "no"), header
            elif isinstance(value, int | float):
                assert cell == float(value), header
            elif value is None:
                assert cell in (None, "unknown"), header
            else:
                assert cell == value or not value, header


def test_every_row_of_the_wide_sheets_is_the_reports(made: dict[str, Path]) -> None:
    scan, bench, kv = (json.loads(made[name].read_text()) for name in ("scan", "bench", "kv"))
    assert_rows(opened(read_report(made["scan"]), values=True)["Layouts"], scan["layouts"])
    book = opened(read_report(made["bench"]), values=True)
    assert_rows(book["Benchmark"], bench["bench"]["rows"])
    assert_rows(book["Chunk sizes"], bench["bench"]["chunking"])
    book = opened(read_report(made["kv"]), values=True)
    assert_rows(book["KV retention"], kv["kv"]["retention"]["rows"])


def test_every_assumption_is_listed_with_its_origin(made: dict[str, Path]) -> None:
    report = json.loads(made["scan"].read_text())
    book = opened(read_report(made["scan"]), values=True)
    listed = {each["number"]: each for each in rows(book["Assumptions"])}
    for row in report["assumptions"]:
        found = listed[row["path"]]
        for key in ("value", "low", "high"):
            assert found[key] == (None if row[key] is None else float(row[key])), row["path"]
        for key, header in (("true_on", "true on"), ("read_on", "read on")):
            assert (found[header] and found[header].date().isoformat()) == row[key], row["path"]
        assert (found["unit"] or "") == row["unit"]
        assert found["kind"] == row["kind"]
        assert (found["source"] or None) == row["source"]
        assert found["out of date"] == {True: "yes", False: "no", None: None}[row["stale"]]
    assert listed["data.logical_bytes"]["value"] == 50e18
    assert listed["data.reduction_ratio"]["moves the reference layout"] == "yes"


def test_the_formulas_of_the_sheets_are_as_recorded(sized: Report) -> None:
    book = opened(sized)
    lines = [
        f"{sheet.title}!{cell.coordinate} {cell.value}"
        for sheet in book
        if sheet.title != "Calculation"
        for cells in sheet.iter_rows()
        for cell in cells
        if cell.data_type == "f"
    ]
    assert_golden("workbook-weka-16-2.txt", "\n".join(lines) + "\n")


def test_a_reserve_of_spare_enclosures_follows_and_is_no_input(sized: Report) -> None:
    listed = {each["number"]: each for each in rows(opened(sized)["Assumptions"])}
    reserve = listed["layouts.weka-16-2.rebuild_reserve"]
    assert reserve["value"] == "=step.rebuild_reserve"
    assert reserve["moves the reference layout"] == "no"


def test_the_same_report_gives_the_same_bytes(sized: Report) -> None:
    assert xlsx.render(sized) == xlsx.render(read_again(sized))


def read_again(report: Report) -> Report:
    return msgspec.json.decode(to_json(report), type=Report)


def test_headers_stay_and_pages_are_wide(sized: Report) -> None:
    for sheet in opened(sized):
        assert sheet.page_setup.orientation == "landscape"
        assert sheet.sheet_properties.pageSetUpPr.fitToPage
        assert sheet.freeze_panes == (None if sheet.title == "Summary" else "B2")


HOSTILE = [
    *('=HYPERLINK("http://x","y")', "+1+1", "-2+3", "@SUM(1)", "=cmd|' /C calc'!A0", "{=1}"),
    *("\t=1", "\r=1", "\x1b[31m", "a\x00b", "\u202eevil", "http://x.example", "_x0041_", "0123"),
    *("</t></is><c><f>1</f></c>", "x" * 40_000),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_stays_text(text: str, sized: Report) -> None:
    document = as_json(sized)
    document["currency"] = text[:30]
    document["warnings"] = [{"code": text, "message": text, "remedy": text}]
    for row in document["assumptions"]:
        row |= {"source": text, "unit": text}
    document["assumptions"].append(document["assumptions"][0] | {"path": text})
    for layout in document["layouts"]:
        layout["title"] = layout["drive"] = text
        layout["waterfall"][1] |= {"label": text, "source": text}
    document["scenarios"]["parts"]["rack"][0]["title"] = text
    report = msgspec.convert(document, Report)
    formulas, values = opened(report), opened(report, values=True)
    own = {cell.formula for cell in written_sheet(traced(_scenario(sized))).cells}
    for sheet in formulas:
        for cells in sheet.iter_rows():
            for cell in cells:
                if cell.data_type == "f":
                    assert text not in cell.value or cell.value[1:] in own
                    assert values[sheet.title][cell.coordinate].data_type in ("n", "s", "b", "e")
                assert cell.hyperlink is None
    sources = {each["source"] for each in rows(formulas["Assumptions"])}
    shown = text if text.isprintable() and len(text) < 8000 else None
    assert shown is None or shown in sources


def _scenario(report: Report) -> Any:
    from storeff.report.scenario import scenario_of

    found = scenario_of(report, report.layouts[0])
    assert found is not None
    return found


def test_a_layout_named_as_a_formula_names_no_cell_so(sized: Report) -> None:
    document = as_json(report_of("reference-10-4"))
    text = json.dumps(document).replace("layouts.reference-10-4.", "layouts.=A1&'x!\u00e9.")
    book = opened(msgspec.convert(json.loads(text), Report))
    assert all(name.isascii() and "=" not in name for name in book.defined_names)
    assert len(book.defined_names) > 100


def test_an_unknown_price_is_unknown_in_every_sum() -> None:
    report = report_of("reference-10-4", **{"drives.qlc-122.price": None})
    book = opened(report, values=True)
    materials = bought(book)
    assert materials["Drives in service"]["amount (USD)"] == "#N/A"
    assert materials["Freight"]["amount (USD)"] == "#N/A"
    assert materials["Capital cost"]["amount (USD)"] == "#N/A"
    cash = paid(book)
    for line in ("Drives, spares included", "Residual value, at the end", "All payments"):
        assert cash[line]["sum"] == "#N/A", line
    assert cash["Present value"]["sum"] == "#N/A"
    assert isinstance(cash["Energy"]["sum"], float | int)
    listed = {each["number"]: each for each in rows(opened(report)["Assumptions"])}
    assert listed["drives.qlc-122.price"]["value"] == "=NA()"


BEFORE = [
    path
    for path in sorted((GOLDEN / "reports").glob("*/*.json"))
    if path.parent.name in ("1.5", "2.0", "2.2")
]


@pytest.mark.parametrize("path", BEFORE, ids=str)
def test_a_report_of_before_the_scenario_was_kept_has_values_and_says_so(path: Path) -> None:
    report = read_report(path)
    book = opened(report, values=True)
    formulas = opened(report)
    if not report.layouts:
        assert book.sheetnames[0] == "Summary"
        return
    told = [cells[0] for cells in book["Summary"].iter_rows(values_only=True)]
    assert any(str(line).startswith("Values only:") for line in told)
    assert "Calculation" not in book.sheetnames
    kept = [c for s in formulas for cells in s.iter_rows() for c in cells if c.data_type == "f"]
    assert not kept


def test_a_report_that_does_not_follow_from_its_scenario_is_refused(sized: Report) -> None:
    document = copy.deepcopy(as_json(sized))
    document["scenarios"]["parts"]["layout"][0]["code"]["m"] += 1
    with pytest.raises(StoreffError, match=r"itself: waterfall\.erasure_coding\.factor of weka"):
        xlsx.render(msgspec.convert(document, Report))


def test_an_assumption_that_does_not_give_the_bill_is_refused(sized: Report) -> None:
    document = copy.deepcopy(as_json(sized))
    (row,) = (x for x in document["assumptions"] if x["path"] == "drives.qlc-122.price")
    row["value"] = 1
    with pytest.raises(StoreffError, match=r"bill\.capex\.drives of weka-16-2 is"):
        xlsx.render(msgspec.convert(document, Report))


def in_sheets(given: Any) -> tuple[Any, Any]:
    """What is bought and what is paid for a scenario."""
    book = opened(report_on(given), values=True)
    return bought(book), paid(book)


def test_every_line_that_is_in_the_bill_is_listed_and_no_other() -> None:
    materials, cash = in_sheets(everything(**GROWS))
    titles = {line.title for name, line in LINES.items() if name != "owned_power"}
    shown = {line.lower() for line in cash} | {"drives", "residual value"}
    assert {title.lower() for title in titles} <= shown
    assert {"Freight", "Import tariff", "Tax", "Software licences"} <= materials.keys()
    materials, cash = in_sheets(scenario())
    for line in ("Import tariff", "Tax", "Storage-class memory", "Software licences"):
        assert line not in materials
        assert line not in cash
    for line in ("Water", "Growth", "Software", "Building of one's own"):
        assert line not in cash
    said = [text for text in cash if text and text.startswith("Not in the bill")]
    assert said == ["Not in the bill, and not in its totals: import tariff, tax, water, software."]


def test_a_quantity_at_one_price_is_their_product() -> None:
    materials, _ = in_sheets(everything())
    lines = ("Processors", "Memory (DRAM)", "Storage-class memory", "Network adapters")
    for line in (*lines, "Software licences", "Installation", "Enclosures", "Racks"):
        row = materials[line]
        assert row["amount (USD)"] == row["quantity"] * row["price of one (USD)"] > 0, line
    # Of several prices, or of the price of other things.
    for line in ("Network ports", "Cables and optics", "Freight", "Import tariff", "Tax"):
        assert materials[line]["price of one (USD)"] is None
        assert materials[line]["amount (USD)"] > 0
    assert materials["Network ports"]["quantity"] > 0


def test_what_comes_back_is_taken_off_the_last_year() -> None:
    _, cash = in_sheets(scenario())
    back = cash["Residual value, at the end"]
    assert [x for x in back.values() if isinstance(x, float | int)] == [back["sum"]] * 2
    assert back["year 5"] == back["sum"] < 0
    _, without = in_sheets(stated(scenario(), purchase__residual=None))
    assert "Residual value, at the end" not in without
    more = cash["All payments"]["sum"] - without["All payments"]["sum"]
    assert more == pytest.approx(back["sum"], abs=CENT)
    factor = cash["Discount factor"]["year 5"]
    more = cash["Present value"]["sum"] - without["Present value"]["sum"]
    assert more == pytest.approx(back["sum"] * factor, abs=CENT)


def test_where_the_data_grows_each_year_has_its_own_quantities() -> None:
    report = report_on(everything(**GROWS))
    table = [*opened(report, values=True)["Bill of materials"].iter_rows(values_only=True)]
    drives = {row[0]: row[1] for row in table if str(row[0]).startswith("year ")}
    grown = report.layouts[0].bill.growth_by_year
    assert drives == {f"year {each.year}": each.drives.value for each in grown}
    assert len(drives) == 5


def test_a_horizon_of_more_years_than_letters_adds_up() -> None:
    book = opened(report_of("reference-10-4", **{"finance.default.years": 60}))
    cash = paid(book)
    first, *_, last = (row for row in (cash["Energy"], cash["All payments"]))
    assert re.fullmatch(r"=SUM\(B(\d+):BJ\1\)", first["sum"])
    assert re.fullmatch(r"=SUM\(B(\d+):BJ\1\)", last["sum"])
    assert re.fullmatch(r"=BJ\d+\*BJ\d+", cash["Present value"]["year 60"])


def test_a_terminal_is_not_shown_a_workbook(made: dict[str, Path], tmp_path: Path) -> None:
    done = storeff("report", made["scan"], "--to", "xlsx", "-o", tmp_path / "r.xlsx")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "r.xlsx").read_bytes().startswith(b"PK")


def inputs_of(report: Report) -> dict[str, Any]:
    formulas = traced(_scenario(report))
    numbers = {number.path: number for number in numbers_in(_scenario(report))}
    return {path: numbers[path] for path in formulas.inputs}


def with_inputs(report: Report, values: dict[str, Fraction]) -> Any:
    """The workbook in which somebody typed other numbers over inputs."""
    book, names = opened(report), written_sheet(traced(_scenario(report))).inputs
    for path, value in values.items():
        cell_of(book, names[path]).value = float(value)
    return book


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
    books = {key: with_inputs(report, each) for key, each in cases.items()}
    for key, book in computed(books, tmp_path).items():
        assert_computes(book, report, cases[key])


def test_libreoffice_sums_up_to_the_unknown_until_it_is_typed(tmp_path: Path) -> None:
    unknown = {"drives.qlc-122.price": None, "enclosures.flash-2u-24.cpu_price": None}
    report = report_on(changed(scenario(), unknown))
    prices = {path: Fraction(4000) for path in unknown}
    books = {"unknown": with_inputs(report, {}), "typed": with_inputs(report, prices)}
    found = computed(books, tmp_path)
    for line in ("Drives in service", "Processors", "Freight", "Capital cost"):
        assert bought(found["unknown"])[line]["amount (USD)"] == "#N/A", line
    cash = paid(found["unknown"])
    for line in ("Vendor support", "Residual value, at the end", "All payments", "Present value"):
        assert cash[line]["sum"] == "#N/A", line
    assert cash["Energy"]["sum"] > 0
    assert_computes(found["typed"], report, prices)


def assert_computes(book: Any, report: Report, values: dict[str, Fraction]) -> None:
    given = changed(_scenario(report), {path: float(value) for path, value in values.items()})
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
    named = written_sheet(traced(_scenario(report))).names
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


def test_every_layout_can_be_written() -> None:
    for name in LAYOUTS:
        assert xlsx.render(report_of(name)).startswith(b"PK")
