"""storeff report: what another format is written to, and what is refused."""

import json
from pathlib import Path

import pytest
from support.cli import storeff
from support.golden import GOLDEN

from storeff.commands.report import FORMATS
from storeff.report import formats
from storeff.report.model import read_report

REPORT = GOLDEN / "reports" / "2.0" / "scan.json"


def test_the_words_of_the_command_line_are_the_formats() -> None:
    assert list(FORMATS) == formats.names()


@pytest.mark.parametrize("name", ["csv", "cyclonedx", "json", "md", "prom"])
def test_a_file_and_stdout_hold_the_same_document(name: str, tmp_path: Path) -> None:
    expected = formats.load(name).render(read_report(REPORT))
    done = storeff("report", REPORT, "--to", name, "-o", tmp_path / "made")
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "made").read_bytes() == expected
    printed = storeff("report", REPORT, "--to", name)
    assert printed.stdout.encode() == expected.replace(b"\r\n", b"\n")


def test_who_reads_a_file_meanwhile_reads_the_old_or_the_new_one(tmp_path: Path) -> None:
    """A collector may read metrics at any time."""
    made = tmp_path / "storeff.prom"
    made.write_text("old")
    with made.open() as reader:
        done = storeff("report", REPORT, "--to", "prom", "-o", made)
        assert done.returncode == 0, done.stderr
        assert reader.read() == "old"
    assert made.read_text().startswith("# HELP storeff_info")
    assert [path.name for path in tmp_path.iterdir()] == ["storeff.prom"]


def test_a_report_is_turned_into_the_schema_of_today(tmp_path: Path) -> None:
    old = GOLDEN / "reports" / "1.5" / "scan.json"
    done = storeff("report", old, "--to", "json", "-o", tmp_path / "new.json")
    assert done.returncode == 0, done.stderr
    again = storeff("report", tmp_path / "new.json", "--to", "json")
    assert again.stdout == (tmp_path / "new.json").read_text()
    assert json.loads(again.stdout)["reduction"] is not None


def test_the_report_is_not_replaced_by_what_is_made_of_it(tmp_path: Path) -> None:
    report = tmp_path / "r.json"
    report.write_bytes(REPORT.read_bytes())
    done = storeff("report", report, "--to", "json", "-o", report)
    assert done.returncode == 1
    assert "would replace" in done.stderr
    assert report.read_bytes() == REPORT.read_bytes()


def test_an_unknown_format_names_the_nearest() -> None:
    done = storeff("report", REPORT, "--to", "jsn")
    assert done.returncode == 2
    assert "did you mean 'json'" in done.stderr
