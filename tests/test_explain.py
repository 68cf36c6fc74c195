"""Figures explained: formulas give them, and inputs stand where they are said to."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from support.golden import GOLDEN

from storeff import analysis
from storeff.data import read_toml
from storeff.data.lines import BUILT_IN, line_of
from storeff.economics import Capex
from storeff.economics.catalogues import CATALOGUES
from storeff.errors import UsageError
from storeff.quantity import Quantity
from storeff.report import explain as explaining
from storeff.report.bench_model import BILLED
from storeff.report.changes import compare
from storeff.report.explain import NO_FILES, explain
from storeff.report.model import SCHEMA_VERSION, Report, read_report
from storeff.report.origins import Files
from storeff.report.paths import ALIASES, known_names
from storeff.report.ratios import RATIOS
from storeff.report.scenario import scenario_of

SAMPLES = Path(__file__).parent.parent / "samples" / "data"
REPORTS = sorted((GOLDEN / "reports").glob("*/*.json"))
CURRENT = [path for path in REPORTS if path.parent.name == SCHEMA_VERSION]
SCAN = read_report(GOLDEN / "reports" / "2.0" / "scan.json")
# It keeps what its bills were computed from.
SIZED = read_report(GOLDEN / "reports" / "2.3" / "scan.json")


NAMED = ("vast-146-4", "weka-16-2", "azure-lrc-12-2-2", "hdfs-replica-3", "storagegrid-6-3")
# Figures of a layout that its scenario gives; the others say where they come from in words.
COMPUTED = re.compile(
    r"layouts\[[^\]]*\]\.(raw_bytes|waterfall\[[^\]]*\]\.\w+|bill\..*|durability\.(rebuild_hours"
    r"|rebuild_read_bytes_per_day|groups))"
)


@pytest.fixture(scope="module")
def every_layout() -> Report:
    """Codes, packings and cells of every kind, so that every form of a formula is met."""
    reduced = analysis.Reduced.of_report(SCAN, target_bytes=50 * 10**18)
    storage = analysis.Storage(NAMED)
    return analysis.build_report(reduced, analysis.size(reduced, storage), command=["storeff"])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without looking up lines of catalogues, which is tested apart, and without reading the
    scenario of a layout again for each of its figures."""
    monkeypatch.setattr(explaining, "where_of", lambda row, files: "")
    # What is kept by identity must stay.
    kept: dict[tuple[int, int], tuple[Any, ...]] = {}

    def scenario_once(report: Report, sized: Any) -> Any:
        key = id(report), id(sized)
        if key not in kept:
            kept[key] = report, sized, scenario_of(report, sized)
        return kept[key][2]

    monkeypatch.setattr(explaining, "scenario_of", scenario_once)


def figures(report: Report) -> list[str]:
    return [name for name in known_names(report) if name not in ALIASES]


def assert_exact(report: Report, name: str) -> None:
    """The figure comes out again to its last digit, in terms of what is shown."""
    made = explain(report, name)
    assert made.agrees is not False, (made.path, made.recomputed, made.figure.value)
    assert made.recomputed == made.figure.value, made.path
    assert made.formula is not None, made.path
    symbols = [x.symbol for x in made.inputs] + [x.symbol for x in made.steps]
    assert len(set(symbols)) == len(symbols), made.path
    for symbol in symbols:
        assert symbol in " ".join((made.formula, *(step.formula for step in made.steps)))


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("path", CURRENT, ids=lambda path: path.name)
def test_every_figure_of_every_layout_comes_out_again_exactly(path: Path) -> None:
    report = read_report(path)
    computed = [name for name in figures(report) if COMPUTED.fullmatch(name)]
    assert bool(computed) == bool(report.layouts)
    for name in computed:
        if not name.endswith((".year", ".cells")):
            assert_exact(report, name)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("name", NAMED)
def test_every_kind_of_layout_is_explained(every_layout: Report, name: str) -> None:
    for figure in figures(every_layout):
        is_computed = COMPUTED.fullmatch(figure) and not figure.endswith(".year")
        if is_computed and figure.startswith(f"layouts[{name}]"):
            assert_exact(every_layout, figure)


@pytest.mark.usefixtures("quick")
@pytest.mark.parametrize("path", REPORTS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_figure_of_every_report_can_be_explained(path: Path) -> None:
    """Ratios are those of their two numbers; other figures are explained in words at least."""
    report = read_report(path)
    ratios = 0
    for name in figures(report):
        made = explain(report, name)
        assert made.words
        assert made.agrees is not False, made.path
        if re.sub(r"\[[^\]]*\]", "[]", name) in RATIOS:
            # A class of a sample has a ratio, and no data that was counted.
            known = [made.figure.value, *(each.value for each in made.inputs)]
            assert made.agrees or None in known or 0 in known, name
            ratios += 1
    assert ratios


@pytest.mark.usefixtures("quick")
def test_a_row_of_a_bench_is_explained_down_to_what_was_assumed() -> None:
    report = read_report(GOLDEN / "reports" / "2.3" / "bench.json")
    assert report.bench is not None
    for row in report.bench.rows:
        path = f"bench.rows[{row.layout},{row.drive}]"
        for name in (*BILLED, "raw_bytes", *(f"factors.{each}" for each in row.factors)):
            assert_exact(report, f"{path}.{name}")
        assert explain(report, f"{path}.raw_per_logical_byte").agrees
        # Of what is recommended the report has the bill.
        made = explain(report, f"{path}.npv")
        steps = {each.symbol for each in made.steps}
        assert "discount.1" in steps
        assert ("capex.total" in steps) == (row is not report.bench.rows[0])


def test_a_report_that_keeps_no_scenario_says_so() -> None:
    made = explain(SCAN, "cost")
    assert made.formula is None
    assert any("schema 2.0" in note for note in made.notes)


def test_a_line_of_the_bill_needs_no_formula_of_its_own(every_layout: Report) -> None:
    """Whatever ``bill`` adds to a cost is in the formula of that, and no line that is missing."""
    made = explain(every_layout, "layouts[reference].bill.capex.total")
    [layout] = [each for each in every_layout.layouts if each.name == every_layout.reference_layout]
    capex = layout.bill.capex
    lines = [name for name in Capex.__struct_fields__ if name != "total"]
    fields = [name for name in lines if getattr(capex, name).value is not None]
    assert 3 < len(fields) < len(lines)
    assert [each.path for each in made.inputs] == [
        f"layouts[{every_layout.reference_layout}].bill.capex.{name}" for name in fields
    ]


@pytest.mark.usefixtures("quick")
def test_parity_that_is_compressed_below_the_code_is_explained_by_its_shards() -> None:
    storage = analysis.Storage(("ceph-ec-8-3",), durability_nines=None)
    measured = analysis.measure([SAMPLES], storage=storage)
    reduced = analysis.reduce(measured, target_bytes=10**18)
    report = analysis.build_report(reduced, analysis.size(reduced, storage), command=["storeff"])
    made = explain(report, "layouts[reference].waterfall[erasure_coding].factor")
    assert made.agrees
    assert "parity_ratio" in (made.formula or "")
    ratio = explain(report, "layout_ratio")
    assert (ratio.inputs[0].path or "").startswith("reduction.shards")
    assert ratio.inputs[0].value == ratio.figure.value


@pytest.mark.usefixtures("quick")
def test_an_edited_figure_is_said_not_to_follow(every_layout: Report) -> None:
    layout = every_layout.layouts[0]
    bill = msgspec.structs.replace(layout.bill, racks=Quantity.exact(7, "derived"))
    layouts = [msgspec.structs.replace(layout, bill=bill), *every_layout.layouts[1:]]
    edited = msgspec.structs.replace(every_layout, layouts=layouts)
    made = explain(edited, f"layouts[{layout.name}].bill.racks")
    assert made.agrees is False
    assert made.recomputed == layout.bill.racks.value


def test_short_names_and_ends_of_intervals_are_explained() -> None:
    path = f"layouts[{SCAN.reference_layout}].bill.npv"
    assert explain(SCAN, "cost").path == path
    assert explain(SCAN, f"{path}.low").path == path
    assert explain(SCAN, "cost_range").notes


def test_what_was_measured_names_its_cell(every_layout: Report) -> None:
    assert SCAN.reduction is not None
    made = explain(SCAN, "ratio")
    assert any(note.startswith("estimator:") for note in made.notes)
    for cell in SCAN.reduction.method.cells:
        path = f"reduction.combined[{cell.chunker},{cell.codec}].physical_bytes"
        if cell.population == "distinct":
            notes = " ".join(explain(SCAN, path).notes)
            assert f"{cell.chunks:,} chunk" in notes


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("cosst", "did you mean 'cost'?"),
        ("drives.qlc-122.prise", "did you mean 'drives.qlc-122.price'?"),
        ("layouts[reference].bill.rack", "did you mean 'racks'?"),
        ("layouts[reference].bill", "not a number"),
        ("currency", "not a number"),
        ("\x1b[31m", "no path"),
    ],
)
def test_what_is_no_figure_names_the_nearest(name: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        explain(SCAN, name)
    assert said in f"{caught.value.message} {caught.value.remedy}"


def test_a_figure_that_the_report_does_not_hold_is_said_to_be_unknown() -> None:
    made = explain(SCAN, "kv.trace.blocks")
    assert (made.shown, made.words, made.agrees) == ("unknown", "the report has no kv", None)


# ---- lines ----


def test_an_assumption_leads_to_its_line_of_the_catalogue(every_layout: Report) -> None:
    lines: dict[str, list[str]] = {}
    checked = 0
    for row in every_layout.assumptions[::5]:
        [given_] = explain(every_layout, row.path).inputs
        where = re.fullmatch(r"storeff/(data/\w+\.toml):(\d+)(?: has .*)?", given_.where or "")
        assert where is not None, given_
        text = lines.setdefault(where[1], (BUILT_IN.parent / where[1]).read_text().split("\n"))
        line = text[int(where[2]) - 1]
        assert line.startswith(row.path.rpartition(".")[2])
        if " has " not in (given_.where or "") and row.source is not None:
            assert row.source.split('"')[0][:20] in line
        checked += 1
    assert checked > 10


@pytest.mark.parametrize("name", CATALOGUES)
def test_every_key_of_the_catalogues_is_found_on_its_line(name: str) -> None:
    path = BUILT_IN / f"{name}.toml"
    text = path.read_text().split("\n")
    # Of what drives cost later nothing is published.
    if name == "price_paths":
        assert read_toml(path) == {}
        return
    entry, table = next(reversed(read_toml(path).items()))
    for key in table:
        line = line_of(path, [entry, key])
        assert line is not None
        assert text[line - 1].startswith((f"{key} =", f"[{entry}.{key}", f"{key}."))


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (["a", "x"], 3),
        (["a", "y", "z"], 4),
        (["a", "inline", "value"], 5),
        (["b c", "x"], 7),
        (["d", "e"], 8),
        (["d", "e", "f"], 9),
        (["a", "none"], None),
        (["a", "x", "none"], None),
        (["none"], None),
    ],
)
def test_keys_in_every_form_of_toml(tmp_path: Path, keys: list[str], line: int | None) -> None:
    path = tmp_path / "x.toml"
    path.write_text(
        '# a comment with x = 1\n[a]\nx = 1  # y.z = 2\ny.z = "x = [5]"\ninline = { value = 3 }\n'
        '["b c"]\nx = 2\n[d.e]\nf = 1\n'
    )
    assert line_of(path, keys) == line


def where(path: str, files: Files, report: Report = SCAN) -> str:
    [found] = explain(report, path, files).inputs
    assert found.where is not None
    return found.where


def test_the_readers_own_file_comes_first(tmp_path: Path) -> None:
    (tmp_path / "drives.toml").write_text("# ours\n[qlc-122]\nprice = 27000\n")
    own = Files(catalogues=tmp_path)
    assert where("drives.qlc-122.price", own) == f"{tmp_path}/drives.toml:3"
    # What it does not say is built in.
    assert where("drives.qlc-122.duty", own).startswith("storeff/data/drives.toml:")
    assert where("sites.colocation-us.pue", own).startswith("storeff/data/sites.toml:")


@pytest.mark.parametrize(
    "folder", ["/no/such/folder", "/dev", "/proc/self", "\x1b[31m", "x" * 5000]
)
def test_a_report_cannot_make_this_read_what_is_no_catalogue(folder: str) -> None:
    said = where("drives.qlc-122.price", Files(catalogues=Path(folder)))
    assert "\x1b" not in said
    assert said.startswith("storeff/data/") or said.endswith(("is not here", "cannot be read"))


def test_a_scenario_leads_to_its_own_lines() -> None:
    path = GOLDEN / "ex50.toml"
    report = analysis.build_report(None, analysis.size_scenario(path), command=["storeff"])
    said = where("drive.price", Files(scenario=path), report)
    line = int(said.removeprefix(f"{path}:"))
    assert path.read_text().split("\n")[line - 1].startswith("price = 27000")
    assert explain(report, "capex").agrees
    assert explain(report, "layouts[0].bill.capex.drives").inputs[1].path == "drive.price"


def test_a_derived_assumption_says_what_the_catalogue_has(every_layout: Report) -> None:
    """A reserve that follows from spare enclosures (storeff.layout.cells)."""
    said = where("layouts.weka-16-2.rebuild_reserve", NO_FILES, every_layout)
    assert re.search(r"layouts\.toml:\d+ has ", said)


# ---- reports that somebody made up ----

# A bill is of so many years: without them there is none.
YEARS = [row.path for row in SIZED.assumptions].index("finance.default.years")
odd = st.sampled_from([None, 0, -1, 0.5, 1e29, 1e-29, 10**29, -(10**29), 1.0])


@pytest.mark.usefixtures("quick")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=15)
@example(changes=[(YEARS, None)])
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), odd), min_size=1, max_size=4))
def test_whatever_a_report_assumes_it_can_be_explained_and_compared(
    changes: list[tuple[int, float | None]],
) -> None:
    rows = [*SIZED.assumptions]
    for index, value in changes:
        at = index % len(rows)
        rows[at] = msgspec.structs.replace(rows[at], value=value)
    made_up = msgspec.structs.replace(SIZED, assumptions=rows)
    for name in ("cost", "racks", "nines", "rebuild_hours"):
        explain(made_up, name)
    layout = SIZED.layouts[0]
    npv = Quantity.exact(1.5, "derived")
    bill = msgspec.structs.replace(layout.bill, npv=npv)
    cheaper = [msgspec.structs.replace(layout, bill=bill), *SIZED.layouts[1:]]
    other = msgspec.structs.replace(made_up, layouts=cheaper)
    why = compare([("a", SIZED), ("b", other)]).comparisons[0].attribution
    assert why is not None
    assert why.causes or why.because
