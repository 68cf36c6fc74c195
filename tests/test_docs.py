"""What the documentation shows works: Python runs, and commands have the flags that are shown."""

import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from support.cli import storeff

from storeff.commands import COMMANDS, cli

ROOT = Path(__file__).parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
# A block, its language, and the comment before it, if any: <!-- not run: the reason -->.
BLOCK = re.compile(
    r"(?:<!--\s*(?P<comment>[^>]*?)\s*-->\n)?^```(?P<language>\w*)\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)
NOT_RUN = re.compile(r"not run: \S+")
INLINE = re.compile(r"`(storeff [^`\n]+)`")
SHELL = {"sh", "shell", "bash", "console"}
JOINS = {"&&", "||", "|", ";", ">", "<", ">>", "&"}


def blocks(page: Path, languages: set[str]) -> list[str]:
    """The blocks of ``page`` in ``languages``, but for those that are not to be run."""
    return [
        match["text"]
        for match in BLOCK.finditer(page.read_text())
        if match["language"] in languages and not NOT_RUN.match(match["comment"] or "")
    ]


def calls(text: str) -> Iterator[list[str]]:
    """The words after ``storeff`` of every call of it in ``text``, lines of a shell."""
    for line in text.replace("\\\n", " ").splitlines():
        lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
        lexer.whitespace_split = True
        call: list[str] | None = None
        for word in [*lexer, ";"]:
            if word in JOINS:
                if call is not None:
                    yield call
                call = None
            elif call is not None:
                call.append(word)
            elif word == "storeff":
                call = []


def unknown_flags(words: list[str]) -> list[str]:
    """The words of a call that look like a command or a flag of storeff and are none."""
    context = click.Context(cli)
    if not words or words[0].startswith("-"):
        known = {option for each in cli.get_params(context) for option in each.opts}
    elif words[0] not in COMMANDS:
        return words[:1]
    else:
        command = cli.get_command(context, words[0])
        assert command is not None
        own = click.Context(command, parent=context, help_option_names=["-h", "--help"])
        known = {option for each in command.get_params(own) for option in each.opts}
    flags = [word.split("=")[0] for word in words if re.match(r"--?[a-z]", word)]
    return [flag for flag in flags if flag not in known]


@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page, {"python"})], ids=lambda page: page.name
)
def test_python_in_the_documentation_runs(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    names: dict[str, Any] = {}
    # As a reader types them: one after the other.
    for number, block in enumerate(blocks(page, {"python"}), 1):
        exec(compile(block, f"{page.name}, block {number}", "exec"), names)


@pytest.fixture(scope="module")
def sized(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report on the samples that the documentation shows answers from."""
    path = tmp_path_factory.mktemp("docs") / "report.json"
    assert not storeff("scan", ROOT / "samples/data", "--target", "50EB", "-o", path).returncode
    return path


@pytest.mark.parametrize(
    ("page", "words"),
    [
        ("README.md", "scan samples --target 50EB"),
        ("docs/commitment.md", "commit {report} --layout vast-146-4 --terms micron-2026"),
        ("docs/commitment.md", "guarantee {report} --layout vast-146-4 --promised 2:1"),
        ("docs/services.md", "services {report}"),
    ],
)
def test_answers_in_the_documentation_are_those_that_are_given(
    page: str, words: str, sized: Path
) -> None:
    done = storeff(
        *words.format(report=sized).split(), cwd=ROOT, env=os.environ | {"COLUMNS": "90"}
    )
    # The folder is called by its whole path, and lines end where there is no more room.
    said = " ".join(done.stdout.replace(f"{ROOT}/", "").split())
    shown = [" ".join(block.split()) for block in blocks(ROOT / page, {"text"})]
    assert any(said.startswith(each) for each in shown)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_in_the_documentation_have_the_flags_that_are_shown(page: Path) -> None:
    shown = [*blocks(page, SHELL), *INLINE.findall(page.read_text())]
    found = [call for text in shown for call in calls(text)]
    assert [(call, wrong) for call in found if (wrong := unknown_flags(call))] == []


@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_help_fits_a_terminal_of_80_columns(name: str | None) -> None:
    command = cli.get_command(click.Context(cli), name) if name else cli
    assert command is not None
    shown = command.get_help(click.Context(command, terminal_width=80))
    assert max(map(len, shown.splitlines())) <= 80


@pytest.mark.parametrize("name", [None, *COMMANDS])
def test_examples_in_the_help_have_the_flags_that_are_shown(name: str | None) -> None:
    command = cli.get_command(click.Context(cli), name) if name else cli
    assert command is not None
    # Two spaces before what a line says of itself.
    lines = [line.split("  (")[0] for line in (command.epilog or "").splitlines()]
    found = [call for line in lines for call in calls(line)]
    assert found
    assert [(call, wrong) for call in found if (wrong := unknown_flags(call))] == []


def test_a_block_is_left_out_only_with_a_reason(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "<!-- not run: needs a bucket -->\n```python\na\n```\n\n<!-- tests -->\n```python\nb\n```\n"
        "<!-- not run: -->\n```python\nc\n```\n"
    )
    assert blocks(page, {"python"}) == ["b\n", "c\n"]


def test_calls_are_found_and_their_flags_looked_at() -> None:
    text = (
        "pip install . && storeff scan a --target 1EB -o r # --x\nstoreff size r --nope | storeff x"
    )
    found = list(calls(text))
    assert found == [["scan", "a", "--target", "1EB", "-o", "r"], ["size", "r", "--nope"], ["x"]]
    assert [unknown_flags(call) for call in found] == [[], ["--nope"], ["x"]]
