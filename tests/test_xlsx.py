"""The workbook: numbers are the report's to the last digit, formulas compute what Python does."""

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from support.cli import storeff
from support.golden import GOLDEN, assert_golden
from support.scenarios import LAYOUTS
from support.sized import report_of
from support.workbook import bought, opened, opened_bytes, paid, rows, scenario_in

from storeff.economics.formulas import traced
from storeff.economics.written import sheet as written_sheet
from storeff.errors import StoreffError
from storeff.report.formats import xlsx
from storeff.report.model import Report, read_report, to_json

SAMPLES = Path(__file__).parent.parent / "samples" / "data"


def as_json(report: Report) -> Any:
    return json.loads(to_json(report))


@pytest.fixture(scope="module")
def sized() -> Report:
    return report_of("weka-16-2", "reference-10-4", "ceph-ec-8-3")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("reports")
    layouts = ("--layout", "reference-10-4", "--layout", "ceph-replica-3", "--layout", "vast-146-4")
    commands = {
        "scan": ("scan", SAMPLES, "--target", "50EB", *layouts),
        "bench": ("bench", SAMPLES, "--target", "50EB", "--drive", "qlc-122", *layouts),
        "kv": (
            *("kv", SAMPLES / "traces" / "chat.jsonl", "--model", "llama-3.1-70b"),
            *("--ttl", "10m,1d", "--target", "1PB"),
        ),
    }
    for name, words in commands.items():
        done = storeff(*words, "-q", "-o", folder / f"{name}.json")
        assert done.returncode == 0, done.stderr
    return {name: folder / f"{name}.json" for name in commands}


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


@pytest.fixture(scope="module")
def plain() -> Report:
    return report_of("reference-10-4")


@pytest.fixture(scope="module")
def own_formulas(plain: Report) -> set[str]:
    return {cell.formula for cell in written_sheet(traced(scenario_in(plain))).cells}


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_stays_text(text: str, plain: Report, own_formulas: set[str]) -> None:
    document = as_json(plain)
    document["currency"] = text[:30]
    document["warnings"] = [{"code": text, "message": text, "remedy": text}]
    for row in document["assumptions"][::9]:
        row |= {"source": text, "unit": text}
    document["assumptions"].append(document["assumptions"][0] | {"path": text})
    for layout in document["layouts"]:
        layout["title"] = layout["drive"] = text
        layout["waterfall"][1] |= {"label": text, "source": text}
    document["scenarios"]["parts"]["rack"][0]["title"] = text
    report = msgspec.convert(document, Report)
    written = xlsx.render(report)
    formulas, values = opened_bytes(written), opened_bytes(written, values=True)
    for sheet in formulas:
        for cells in sheet.iter_rows():
            for cell in cells:
                if cell.data_type == "f":
                    assert text not in cell.value or cell.value[1:] in own_formulas
                    assert values[sheet.title][cell.coordinate].data_type in ("n", "s", "b", "e")
                assert cell.hyperlink is None
    sources = {each["source"] for each in rows(formulas["Assumptions"])}
    shown = text if text.isprintable() and len(text) < 8000 else None
    assert shown is None or shown in sources


def test_a_layout_named_as_a_formula_names_no_cell_so(sized: Report) -> None:
    document = as_json(report_of("reference-10-4"))
    text = json.dumps(document).replace("layouts.reference-10-4.", "layouts.=A1&'x!\u00e9.")
    book = opened(msgspec.convert(json.loads(text), Report))
    assert all(name.isascii() and "=" not in name for name in book.defined_names)
    assert len(book.defined_names) > 100


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


def test_a_terminal_is_not_shown_a_workbook(made: dict[str, Path], tmp_path: Path) -> None:
    done = storeff("report", made["scan"], "--to", "xlsx", "-o", tmp_path / "r.xlsx")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "r.xlsx").read_bytes().startswith(b"PK")


def test_every_layout_can_be_written() -> None:
    for name in LAYOUTS:
        assert xlsx.render(report_of(name)).startswith(b"PK")
