"""What is said of how far the cost may be off, and of what it rests on."""

from datetime import UTC, datetime
from fractions import Fraction
from functools import cache
from typing import Any

import msgspec
import numpy as np
import pytest
from support.golden import GOLDEN, assert_golden
from support.sized import TODAY

from storeff.data import Assumption, map_numbers
from storeff.economics import load_scenario
from storeff.report.build import assemble, describe_run, size_all
from storeff.report.check import contradictions
from storeff.report.figure_kinds import kind_of
from storeff.report.formats import html, md
from storeff.report.model import Report, to_json
from storeff.report.page import Paragraph
from storeff.report.paths import find
from storeff.report.sections import sections
from storeff.report.sections_risk import budget_said, rests_on, risk_sections
from storeff.report.sizing import Sized
from storeff.report.terminal import laid_out

RANGES = {
    "drive.price": (13500, 45000),
    "enclosure.price": (12000, 45000),
    "layout.fill_limit": ("0.80", "0.90"),
    "site.pue": ("1.09", "1.54"),
}


@cache
def report(ranged: bool = True, measured: bool = True) -> Report:
    """The worked example with ranges, on street prices of June."""

    def number(each: Assumption) -> Assumption:
        ends = RANGES.get(each.path) if ranged else None
        if each.path == "drive.price":
            street = {"kind": "street", "source": "a page", "true_on": TODAY.replace(month=6)}
            each = msgspec.structs.replace(each, **street)
        if ends is None:
            return each
        low, high = (Fraction(str(end)) for end in ends)
        return msgspec.structs.replace(each, low=low, high=high)

    scenario = map_numbers(load_scenario(GOLDEN / "ex50.toml"), number)
    draws = np.random.default_rng(1).normal(2, 0.03, 2000) if measured else None
    sizing = size_all([Sized(scenario, draws)], 1, today=TODAY)
    return assemble(describe_run(["test"], 1, datetime.now(UTC)), sizing=sizing)


def text_of(found: Report, width: int) -> str:
    return "".join(
        f"{line}\n" for part in risk_sections(found) for line, _ in laid_out(part, width)
    )


def without(found: Report, **fields: Any) -> Report:
    assert found.uncertainty is not None
    uncertainty = msgspec.structs.replace(found.uncertainty, **fields)
    return msgspec.structs.replace(found, uncertainty=uncertainty)


def test_the_section_says_what_it_said() -> None:
    assert_golden("sections/uncertainty.txt", text_of(report(), 80))


def test_the_section_fits_a_terminal() -> None:
    assert max(map(len, text_of(report(), 80).splitlines())) <= 80


def test_the_budget_is_that_of_the_report() -> None:
    found = report()
    [said] = budget_said(found)
    assert "P90" in said.text
    assert "further up than down" in said.text
    budget = find(found, "budget")
    assert budget.value == found.uncertainty.simulation.together.npv.p90  # type: ignore[union-attr]
    assert kind_of(budget.path, "USD").show(budget.value) in said.text


@pytest.mark.parametrize(
    ("path", "value", "shown"),
    [
        ("uncertainty.simulation.together.npv.p90", 11.9e9, "11.9 B USD"),
        ("uncertainty.simulation.price.capex.p10", 5e9, "5.00 B USD"),
        ("uncertainty.simulation.together.raw_bytes.p50", 37e18, "37.0 EB"),
        ("uncertainty.simulation.together.drives.p50", 304_262, "304,000"),
        ("uncertainty.simulation.together.npv.exceeded_probability", 0.52, "52.0 %"),
        ("uncertainty.simulation.known_better.npv_narrowing", 1e6, "1.00 M USD"),
        ("uncertainty.basis.prices[0].npv_share", 0.93, "93.0 %"),
    ],
)
def test_figures_are_shown_in_their_units(path: str, value: float, shown: str) -> None:
    assert kind_of(path, "USD").show(value) == shown


def test_the_full_answer_says_what_the_cost_rests_on() -> None:
    found = report()
    said = rests_on(found)
    assert said is not None
    assert "on street prices 5 months old (out of date)" in said
    assert said.endswith("nothing is quoted")
    [answer] = [each for each in sections(found, full=True) if each.name == "answer"]
    assert said in str(answer.body)
    [brief] = [each for each in sections(found, full=False) if each.name == "answer"]
    assert said not in str(brief.body)


def test_an_exact_reduction_has_nothing_to_say_of_more_scanning() -> None:
    assert "Knowing the data reduction better" in text_of(report(), 80)
    assert "Knowing the data reduction better" not in text_of(report(measured=False), 80)


def test_without_ranges_only_what_the_cost_rests_on_is_said() -> None:
    found = report(ranged=False, measured=False)
    assert found.uncertainty is not None
    assert found.uncertainty.simulation is None
    text = text_of(found, 80)
    assert "the cost rests on" in text
    assert "P90" not in text
    assert list(budget_said(found)) == []


def test_a_report_of_before_has_no_section() -> None:
    before = without(report(), simulation=None, basis=None)
    assert list(risk_sections(before)) == []
    assert rests_on(before) is None
    said = [part for each in sections(before) for part in each.body if isinstance(part, Paragraph)]
    assert any("Price range (95 %)" in each.text for each in said)


def test_every_format_says_the_budget() -> None:
    found = report()
    [said] = budget_said(found)
    assert said.text[:60] in md.render(found).decode()
    page = html.render(found).decode()
    assert "Price against quantity risk (P10 to P90)" in page
    assert "How far the cost may be off" in page


def test_the_document_is_read_as_it_was_written() -> None:
    found = report()
    again = msgspec.json.decode(to_json(found), type=Report)
    assert msgspec.structs.replace(again, run=found.run) == found
    assert list(contradictions(found)) == []


@pytest.mark.parametrize(
    ("edit", "wrong"),
    [
        (lambda npv: npv.update(p10=npv["p90"] * 2), "does not hold p10 <= p50 <= p90"),
        (lambda npv: npv.update(exceeded_probability=1.5), "exceeded_probability is above one"),
    ],
)
def test_percentiles_that_cannot_be_true_are_found(edit: Any, wrong: str) -> None:
    document = msgspec.json.decode(to_json(report()))
    edit(document["uncertainty"]["simulation"]["together"]["npv"])
    found = list(contradictions(msgspec.convert(document, Report)))
    assert found
    assert all(wrong in each for each in found)
