"""A take-or-pay over its term, as a report keeps and shows it."""

import json
from pathlib import Path

import jsonschema
import msgspec
import pytest
from rich.cells import cell_len
from support.golden import assert_golden
from support.sized import TODAY, report_of

from storeff.economics.agreements import (
    OF_A_TERM,
    Commitment,
    choose_terms,
)
from storeff.report import formats
from storeff.report.agreed import agreed
from storeff.report.commitment import with_commitment
from storeff.report.model import Report, read_report, schema, to_json
from storeff.report.sections_terms import commitment_sections
from storeff.report.terminal import laid_out

# ---- of a report ----

OURS = """[ours]
price_per_tb = 220
shortfall_per_tb = 330
surplus_per_tb = 90
minimum_share = 0.9
term_years = 5
make_up_years = 2
make_up_share = 0.2
carry_forward_share = 0.1
"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Report:
    path = tmp_path_factory.mktemp("terms") / "ours.toml"
    path.write_text(OURS)
    return with_commitment(report_of("vast-146-4"), choose_terms(str(path)), today=TODAY)


def commitment_of(report: Report) -> Commitment:
    assert report.commitment is not None
    return report.commitment


def test_a_term_is_left_out_of_the_report_where_the_terms_have_none() -> None:
    made = with_commitment(report_of("vast-146-4"), choose_terms("hpe-2026"), today=TODAY)
    assert commitment_of(made).term is None
    document = msgspec.json.decode(to_json(made))
    assert "term" not in document["commitment"]
    rows = [each["path"] for each in document["commitment"]["assumptions"]]
    assert not [path for path in rows if path.rpartition(".")[2] in OF_A_TERM]


def test_a_term_is_kept_by_the_report_and_made_again_from_it(
    report: Report, tmp_path: Path
) -> None:
    path = tmp_path / "r.json"
    path.write_bytes(to_json(report))
    again = read_report(path)
    assert to_json(again) == to_json(report)
    jsonschema.validate(json.loads(path.read_bytes()), schema())
    remade, _ = agreed(again)
    assert commitment_of(remade) == commitment_of(report)


def test_a_report_from_before_there_were_terms_of_years_is_made_again_without() -> None:
    made = with_commitment(report_of("vast-146-4"), choose_terms("micron-2026"), today=TODAY)
    found = commitment_of(made)
    rows = [each for each in found.assumptions if each.path.rpartition(".")[2] not in OF_A_TERM]
    old = msgspec.structs.replace(found, term=None, assumptions=tuple(rows))
    again, _ = agreed(msgspec.structs.replace(made, commitment=old))
    assert commitment_of(again) == old


def test_what_is_due_only_when_it_is_made_up_is_no_certain_revenue(report: Report) -> None:
    found = commitment_of(report)
    [certain] = [each.certain_revenue for each in found.forms if each.form == "take-or-pay"]
    assert certain == pytest.approx(0.9 * 0.8 * found.committed_value, abs=0.01)


def test_the_commitment_of_the_term_is_that_of_the_report(report: Report) -> None:
    found = commitment_of(report)
    assert found.term is not None
    assert found.term.cases[1].seller == 0
    assert found.term.committed_bytes == found.committed_bytes
    for case in found.term.cases:
        assert case.paid == pytest.approx(sum(each.paid for each in case.periods), abs=0.005)
        assert case.periods[-1].open_bytes == 0


def test_the_term_is_shown_in_80_columns(report: Report) -> None:
    found = commitment_of(report)
    shown = {each.name: each for each in commitment_sections(found, "USD", full=True)}
    assert {"term", "term-1", "term-4"} <= set(shown)
    assert "term-1" not in [e.name for e in commitment_sections(found, "USD", full=False)]
    lines = [line for name in ("term", "term-3") for line, _ in laid_out(shown[name], 80)]
    assert max(map(cell_len, lines)) <= 80
    text = "".join(f"{line}\n" for line in lines)
    assert_golden("terms/term.txt", text)
    assert text in (Path(__file__).parent.parent / "docs" / "commitment.md").read_text()


def test_the_workbook_has_every_figure_of_the_term(report: Report, tmp_path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "r.xlsx"
    path.write_bytes(formats.load("xlsx").render(report))
    rows = [[c.value for c in row] for row in openpyxl.load_workbook(path)["Commitment"].rows]
    by_name = {row[0]: row[1:] for row in rows}
    term = commitment_of(report).term
    assert term is not None
    assert by_name["P90"][0] == term.cost_p90
    assert by_name["lapsed, on average"][0] == term.lapsed_bytes
    for case in term.cases:
        for each in case.periods:
            assert each.paid in by_name[f"{case.case}: {each.number}"]
