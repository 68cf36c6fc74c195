"""--html: the page beside the report, from every command that makes one."""

import os
import shlex
from pathlib import Path

import pytest
from support.cli import storeff
from support.golden import GOLDEN
from support.html_page import read_page

SAMPLES = Path(__file__).parent.parent / "samples" / "data"
SCAN = GOLDEN / "reports" / "2.0" / "scan.json"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A directory to scan, of one file."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "data").write_bytes(b"some data" * 10_000)
    return tmp_path / "tree"


@pytest.mark.parametrize(
    "words",
    [
        ("scan", SAMPLES / "kv", "--target", "1PB", "--layout", "rs-20-4", "-q"),
        ("size", SCAN, "--target", "80EB", "--layout", "vast-146-4"),
        ("bench", SCAN, "--target", "1PB", "--layout", "vast-146-4", "--drive", "qlc-122", "-q"),
        ("kv", SAMPLES / "kv", "-q"),
    ],
    ids=lambda words: str(words[0]),
)
def test_a_command_writes_the_page_of_its_report(
    words: tuple[str | Path, ...], tmp_path: Path
) -> None:
    report, page = tmp_path / "r.json", tmp_path / "r.html"
    done = storeff(*words, "-o", report, "--html", page)
    assert done.returncode == 0, done.stderr
    assert done.stdout, "the first screen is shown as ever"
    assert f"HTML report: {page}" in done.stderr
    again = storeff("report", report, "--to", "html", "-o", tmp_path / "again.html")
    assert again.returncode == 0, again.stderr
    assert page.read_bytes() == (tmp_path / "again.html").read_bytes()
    assert list(read_page(page.read_bytes()).all("section"))


def test_a_page_can_be_shown_by_a_pipe() -> None:
    done = storeff("report", SCAN, "--to", "html")
    assert done.returncode == 0
    assert done.stdout.startswith("<!doctype html>")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("--html -", "--html takes a file"),
        ("--html /dev/stdout", "--html takes a file"),
        ("--html ''", "--html is given an empty name"),
        ("--html tree/r.html", "--html tree/r.html is in tree, all of which is read"),
        ("--html none/r.html", "make the directory"),
        ("--html tree", "cannot write tree"),
        ("-o r --html r", "-o and --html are both r"),
        ("-o r --html ./r", "-o and --html are both ./r"),
    ],
)
def test_where_no_page_can_go_is_said_before_anything_is_read(
    words: str, said: str, tree: Path
) -> None:
    done = storeff("scan", "tree", *shlex.split(words), cwd=tree.parent)
    assert done.returncode == 1
    assert said in done.stderr
    assert done.stdout == ""
    assert sorted(os.listdir(tree.parent)) == ["tree"]
    assert os.listdir(tree) == ["data"]


def test_a_page_that_is_in_the_tree_may_be_left_out_of_the_scan(tree: Path) -> None:
    done = storeff(
        "scan", "tree", "-q", "--html", "tree/r.html", "--exclude", "r.html", cwd=tree.parent
    )
    assert done.returncode == 0, done.stderr
    assert (tree / "r.html").read_bytes().startswith(b"<!doctype html>")


def test_a_page_that_cannot_be_written_loses_no_report(tree: Path) -> None:
    done = storeff("scan", "tree", "-q", "-o", "r.json", "--html", "/dev/full", cwd=tree.parent)
    assert done.returncode == 1
    assert "cannot write /dev/full" in done.stderr
    assert "name another file with --html" in done.stderr
    assert "data reduction" in done.stdout.lower()
    assert (tree.parent / "r.json").exists()


def test_a_report_that_cannot_be_written_loses_no_page(tree: Path) -> None:
    done = storeff("scan", "tree", "-q", "-o", "/dev/full", "--html", "r.html", cwd=tree.parent)
    assert done.returncode == 1
    assert "cannot write /dev/full" in done.stderr
    assert (tree.parent / "r.html").read_bytes().startswith(b"<!doctype html>")


def test_a_workbook_is_written_along_with_it(tree: Path, tmp_path: Path) -> None:
    report, book, page = (tmp_path / name for name in ("r.json", "r.xlsx", "r.html"))
    words = ("scan", tree, "--target", "1PB", "--layout", "rs-20-4", "-q")
    done = storeff(*words, "-o", report, "--html", page, "--xlsx", book)
    assert done.returncode == 0, done.stderr
    assert f"XLSX report: {book}" in done.stderr
    assert page.exists()
    again = tmp_path / "again.xlsx"
    assert storeff("report", report, "--to", "xlsx", "-o", again).returncode == 0
    assert again.read_bytes() == book.read_bytes()


def test_two_formats_cannot_be_one_file(tree: Path, tmp_path: Path) -> None:
    one = tmp_path / "r"
    done = storeff("scan", tree, "--html", one, "--xlsx", one)
    assert done.returncode == 1
    assert "--html and --xlsx are both" in done.stderr
    assert not one.exists()
