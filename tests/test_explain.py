"""Figures explained: formulas give them, and inputs stand where they are said to."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.golden import GOLDEN

from storeff import analysis
from storeff.data import read_toml
from storeff.data.lines import BUILT_IN, line_of
from storeff.economics.catalogues import CATALOGUES
from storeff.errors import StoreffError, UsageError
from storeff.quantity import Quantity
from storeff.report import explain as explaining
from storeff.report.changes import compare
from storeff.report.explain import NO_FILES, explain
from storeff.report.expression import FUNCTIONS, evaluate, with_values
from storeff.report.formulas import FORMULAS
from storeff.report.model import Report, read_report
from storeff.report.origins import Files
from storeff.report.paths import ALIASES, find, known_names

SAMPLES = Path(__file__).parent.parent / "samples" / "data"
REPORTS = sorted((GOLDEN / "reports").glob("*/*.json"))
SCAN = read_report(GOLDEN / "reports" / "2.0" / "scan.json")


@pytest.fixture(scope="module")
def every_layout() -> Report:
    """All layouts of the catalogue, so that every form of a formula is met."""
    reduced = analysis.Reduced.of_report(SCAN, target_bytes=50 * 10**18)
    named = ("vast-146-4", "weka-16-2", "azure-lrc-12-2-2", "hdfs-replica-3", "storagegrid-6-3")
    storage = analysis.Storage(named)
    return analysis.build_report(reduced, analysis.size(reduced, storage), command=["storeff"])


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without looking up lines of catalogues, which is tested apart."""
    monkeypatch.setattr(explaining, "where_of", lambda row, files: "")


def patterns(report: Report) -> set[str]:
    """Explains every figure, and gives the patterns of those whose formula gives it."""
    found = set()
    for name in known_names(report):
        if name in ALIASES:
            continue
        made = explain(report, name)
        assert made.agrees is not False, (made.path, made.recomputed, made.figure.value)
        if made.formula is not None:
            symbols = {each.symbol: each.value for each in made.inputs}
            known = [value for value in symbols.values() if value is not None]
            if len(known) == len(symbols) and made.figure.value is not None:
                # What is shown is enough to give the number again.
                again = evaluate(made.formula, {k: v for k, v in symbols.items() if v is not None})
                close = pytest.approx(made.figure.value, rel=1e-9, abs=1 if again > 1 else 0)
                assert again == close
                found.add(re.sub(r"\[[^\[\]]*\]", "[]", made.path))
    return found


@pytest.mark.usefixtures("quick")
def test_every_formula_gives_the_figure_of_every_report(every_layout: Report) -> None:
    found = set().union(patterns(every_layout), *(patterns(read_report(path)) for path in REPORTS))
    arithmetic = {pattern for pattern, formula in FORMULAS.items() if formula.expression}
    unmet = {p for p in arithmetic - found if not p.startswith(("bench", "reduction.shards"))}
    assert unmet == set()
    for name in (
        "raw_bytes",
        "bill.drives_in_service",
        "bill.npv",
        "bill.cells",
        "bill.enclosures",
    ):
        assert f"layouts[].{name}" in found
    for name in ("factor", "before_bytes", "after_bytes", "share_bytes"):
        assert f"layouts[].waterfall[].{name}" in found
    assert {"layouts[].durability.rebuild_hours", "layouts[].reduction_ratio"} <= found


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
    assert ratio.agrees
    assert (ratio.inputs[1].path or "").startswith("reduction.shards")


@pytest.mark.usefixtures("quick")
def test_an_edited_figure_is_said_not_to_follow() -> None:
    layout = SCAN.layouts[0]
    bill = msgspec.structs.replace(layout.bill, racks=Quantity.exact(7, "derived"))
    layouts = [msgspec.structs.replace(layout, bill=bill), *SCAN.layouts[1:]]
    made = explain(
        msgspec.structs.replace(SCAN, layouts=layouts), f"layouts[{layout.name}].bill.racks"
    )
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


def test_a_derived_assumption_says_what_the_catalogue_has(every_layout: Report) -> None:
    """A reserve that follows from spare enclosures (storeff.layout.cells)."""
    said = where("layouts.weka-16-2.rebuild_reserve", NO_FILES, every_layout)
    assert re.search(r"layouts\.toml:\d+ has ", said)


# ---- expressions ----


@given(a=st.integers(1, 1000), b=st.integers(1, 1000))
def test_expressions_are_arithmetic(a: int, b: int) -> None:
    symbols: dict[str, int | float] = {"a": a, "b": b}
    assert evaluate("a + b * 2 - a / b", symbols) == a + b * 2 - a / b
    assert evaluate("-max(a, b) ** 2", symbols) == -(max(a, b) ** 2)
    assert evaluate("ceil(a / b) - floor(a / b)", symbols) in (0, 1)
    assert evaluate("after(a, b)", symbols) == int(a > b)


@pytest.mark.parametrize("text", ["__import__('os')", "a.b", "[a]", "a if a else a", "'a'"])
def test_an_expression_is_nothing_but_arithmetic(text: str) -> None:
    with pytest.raises((AssertionError, KeyError)):
        evaluate(text, {"a": 1})


def test_symbols_are_replaced_whole() -> None:
    shown = with_values("rack * racks / ceil(rack_2)", {"rack": "1", "racks": "2", "rack_2": "3"})
    assert shown == "1 * 2 / ceil(3)"


def test_no_symbol_is_called_as_a_function(every_layout: Report) -> None:
    names: set[str] = set()
    for formula in FORMULAS.values():
        names |= {*formula.inputs}
    assert not names & {*FUNCTIONS}


def test_a_formula_refers_to_what_reports_have() -> None:
    """Every path of the table is one of the schema, though a report may not hold it."""
    for formula in FORMULAS.values():
        for origin in formula.inputs.values():
            if not origin.startswith(("@", "=", "{S}", "{P}")):
                path = origin.replace("{L}", f"layouts[{SCAN.layouts[0].name}]")
                assert _found(path)


def _found(path: str) -> Any:
    try:
        return find(SCAN, path)
    except StoreffError as error:
        raise AssertionError(f"{path}: {error.message}") from error


# ---- reports that somebody made up ----

odd = st.sampled_from([None, 0, -1, 0.5, 1e29, 1e-29, 10**29, -(10**29), 1.0])


@pytest.mark.usefixtures("quick")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(changes=st.lists(st.tuples(st.integers(0, 10**6), odd), min_size=1, max_size=4))
def test_whatever_a_report_assumes_it_can_be_explained_and_compared(
    changes: list[tuple[int, float | None]],
) -> None:
    rows = [*SCAN.assumptions]
    for index, value in changes:
        at = index % len(rows)
        rows[at] = msgspec.structs.replace(rows[at], value=value)
    made_up = msgspec.structs.replace(SCAN, assumptions=rows)
    for name in ("cost", "racks", "drives", "nines", "rebuild_hours", "capex", "opex"):
        explain(made_up, name)
    explain(made_up, "layouts[reference].bill.levelised_per_logical_tb_month")
    layout = SCAN.layouts[0]
    npv = Quantity.exact(1.5, "derived")
    bill = msgspec.structs.replace(layout.bill, npv=npv)
    cheaper = [msgspec.structs.replace(layout, bill=bill), *SCAN.layouts[1:]]
    other = msgspec.structs.replace(made_up, layouts=cheaper)
    why = compare([("a", SCAN), ("b", other)]).comparisons[0].attribution
    assert why is not None
    assert why.causes or why.because
