"""storeff plan as users run it, and the page about it."""

import json
import re
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from support.cli import storeff
from support.golden import GOLDEN, assert_golden

from storeff.report.model import SCHEMA_VERSION, read_report
from storeff.report.plan import with_plan
from storeff.report.sections_plan import plan_sections
from storeff.report.terminal import laid_out

FILES = GOLDEN / "plan"
SCAN = GOLDEN / "reports" / "2.0" / "scan.json"
PAGE = Path(__file__).parent.parent / "docs" / "plan.md"
RICH = ("--demand", FILES / "demand.toml", "--offers", FILES / "offers.toml")
WORKED = ("--demand", FILES / "worked-demand.toml", "--offers", FILES / "worked-offers.toml")


@pytest.fixture(scope="module")
def ex50(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plan") / "ex50.json"
    storeff("size", "--scenario", GOLDEN / "ex50.toml", "-o", path, check=True)
    return path


def at_80_columns(monkeypatch: pytest.MonkeyPatch, *words: str | Path) -> str:
    monkeypatch.setenv("COLUMNS", "80")
    done = storeff("plan", *words)
    assert (done.returncode, done.stderr) == (0, "")
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    return done.stdout


def test_the_plan_says_what_it_said() -> None:
    day = date(2026, 11, 26)
    planned = with_plan(read_report(SCAN), FILES / "demand.toml", FILES / "offers.toml", today=day)
    lines = [line for part in plan_sections(planned) for line, _ in laid_out(part, 80)]
    assert_golden("plan/plan.txt", "".join(f"{line}\n" for line in lines))


def test_it_is_printed_in_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = at_80_columns(monkeypatch, SCAN, *RICH)
    assert shown.startswith("Delivery of 49.4 EB for vast-146-4, 2027Q3 to 2028Q4\n")


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.MULTILINE | re.DOTALL)


def test_the_files_of_the_page_are_those_that_are_planned_with() -> None:
    names = ("demand", "offers", "worked-demand", "worked-offers")
    assert blocks("toml") == [(FILES / f"{name}.toml").read_text() for name in names]


def test_the_page_shows_what_is_printed(monkeypatch: pytest.MonkeyPatch, ex50: Path) -> None:
    # The other block is held by tests/test_ranged_plan.py.
    shown, _ = blocks("text")
    assert at_80_columns(monkeypatch, ex50, *WORKED).startswith(shown)
    assert len(shown.splitlines()) > 20


def test_the_report_is_written_with_its_plan(tmp_path: Path, ex50: Path) -> None:
    path = tmp_path / "plan.json"
    done = storeff("plan", ex50, *WORKED, "-o", path)
    assert (done.returncode, done.stderr) == (0, f"JSON report: {path}\n")
    written, before = json.loads(path.read_bytes()), json.loads(ex50.read_bytes())
    assert written["run"].pop("sha256") != before["run"].pop("sha256")
    assert before.pop("plan") is None
    assert written.pop("plan")["delay_quarters"] == 1
    assert written == before


def test_an_older_report_is_written_in_the_schema_of_today(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    assert json.loads(SCAN.read_bytes())["schema_version"] == "2.0"
    storeff("plan", SCAN, *RICH, "-o", path, check=True)
    assert json.loads(path.read_bytes())["schema_version"] == SCHEMA_VERSION


def test_json_is_the_same_report_on_stdout(tmp_path: Path, ex50: Path) -> None:
    path = tmp_path / "plan.json"
    done = storeff("plan", ex50, *WORKED, "--json", "-o", path)
    assert done.stdout == path.read_text()
    assert storeff("plan", ex50, *WORKED, "-o", "-").stdout == done.stdout


@pytest.mark.parametrize("name", ["md", "html", "csv", "prom", "json"])
def test_every_format_draws_the_plan(name: str) -> None:
    done = storeff("report", GOLDEN / "reports" / "2.3" / "plan.json", "--to", name)
    assert done.returncode == 0
    assert "committed" in done.stdout


@pytest.mark.parametrize(
    ("change", "code", "message"),
    [
        ({"--layout": "weka"}, 2, "unknown layout 'weka'"),
        ({"--demand": "nowhere.toml"}, 1, "nowhere.toml"),
        ({"--offers": FILES / "demand.toml"}, 1, "demand.toml"),
        ({"-o": SCAN}, 1, "would replace"),
    ],
)
def test_what_cannot_be_planned_is_said(change: dict[str, Any], code: int, message: str) -> None:
    given = {"--demand": RICH[1], "--offers": RICH[3]} | change
    done = storeff("plan", SCAN, *(word for pair in given.items() for word in pair))
    assert (done.returncode, done.stdout) == (code, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr
