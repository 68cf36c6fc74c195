"""What is said of a report, section by section, and that a format takes nothing else."""

import re
from pathlib import Path

import msgspec
import pytest
from support.golden import GOLDEN, assert_golden

from storeff.report.formats import md
from storeff.report.model import Kv, Report, read_report
from storeff.report.page import Facts, Part, Section, Table
from storeff.report.sections import sections
from storeff.report.terminal import laid_out

RECORDED = sorted((GOLDEN / "reports").glob("*/*.json"))
SHOWN = [path for path in RECORDED if path.stem in ("scan", "part", "kv-dumps", "kv-trace")]
BY_SECTION = [
    (path, section.name) for path in SHOWN for section in sections(read_report(path), full=True)
]


def recorded(name: str) -> Report:
    return read_report(GOLDEN / "reports" / name)


def text_of(parts: list[Section], width: int) -> str:
    return "".join(f"{line}\n" for part in parts for line, _ in laid_out(part, width))


@pytest.mark.parametrize(
    ("path", "name"), BY_SECTION, ids=[f"{path.stem}-{name}" for path, name in BY_SECTION]
)
def test_a_section_says_what_it_said(path: Path, name: str) -> None:
    found = [each for each in sections(read_report(path), full=True) if each.name == name]
    assert len(found) == 1, "names of sections are anchors"
    folder = f"sections/{path.parent.name}-{path.stem}"
    assert_golden(f"{folder}/{name}.txt", text_of(found, 100))


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_the_first_screen_says_what_it_said(path: Path) -> None:
    shown = text_of(sections(read_report(path), full=False), 80)
    assert_golden(f"sections/{path.parent.name}-{path.stem}/first-screen.txt", shown)


@pytest.mark.parametrize("path", SHOWN, ids=lambda path: path.stem)
def test_the_answer_is_the_same_on_both_screens(path: Path) -> None:
    def said(full: bool) -> list[tuple[str, str]]:
        answer = next(s for s in sections(read_report(path), full=full) if s.name == "answer")
        [facts] = answer.body
        assert isinstance(facts, Facts)
        return [row for row in facts.rows if row[0] not in ("Warning", "Next", "Cost rests")]

    assert said(full=False) == said(full=True)


def cells(part: Part) -> list[str]:
    return [cell for row in part.rows for cell in row] if isinstance(part, Table) else []


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: path.stem)
def test_nothing_is_shown_that_says_nothing(path: Path) -> None:
    for section in sections(read_report(path), full=True):
        for part in section.body:
            assert not {"+0 B", "x 1"} & set(cells(part))
            if isinstance(part, Table):
                columns = list(zip(*part.rows, strict=True))
                assert all(any(each not in ("", "unknown") for each in c) for c in columns)
    shown = text_of(sections(read_report(path), full=True), 100)
    assert not re.search(r"±0(\.0)? %", shown)
    assert all(low != high for low, high in re.findall(r"\[([\d.]+), ([\d.]+)\]", shown))
    assert not re.search(r"(?<![\d.,])1 (files|drives|racks|layouts|chunks|entries)\b", shown)


@pytest.mark.parametrize("full", [False, True])
def test_a_report_of_nothing_has_an_answer(full: bool) -> None:
    nothing = msgspec.structs.replace(
        recorded("1.5/kv-trace.json"), kv=Kv(), target=None, layouts=[], warnings=[]
    )
    [answer] = sections(nothing, full=full)
    assert text_of([answer], 80).splitlines()[0] == "KV cache"


def test_a_hostile_name_is_no_syntax_of_a_format() -> None:
    report = recorded("1.5/scan.json")
    assert report.scan is not None
    sources = ["|<b>`a`\n# *x*\u202e", "/b"]
    scan = msgspec.structs.replace(report.scan, sources=sources)
    made = md.render(msgspec.structs.replace(report, scan=scan)).decode()
    assert "a\\`\\\\u000a\\# \\*x\\*" in made
    assert "<b>" not in re.sub(r"\\.", "", made)
    assert "\n# *" not in made
    assert "\u202e" not in made
