"""What a terminal decides: the width, bold, the encoding; and nothing that is listed steers it."""

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest
from rich.cells import cell_len
from support import cli
from support.hostile_report import STEERING

SAMPLES = Path(__file__).parent.parent / "samples" / "data"
WIDTHS = (60, 80, 100, 120)


def storeff(*words: str | Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    return cli.storeff(*words, env=os.environ | environment)


@pytest.mark.parametrize("words", [("layouts",), ("drives",), ("doctor",)])
@pytest.mark.parametrize("columns", WIDTHS)
def test_every_list_fits(words: tuple[str, ...], columns: int) -> None:
    shown = storeff(*words, COLUMNS=str(columns)).stdout
    assert max(map(cell_len, shown.splitlines())) <= columns


def test_a_terminal_is_believed_before_columns() -> None:
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 70, 0, 0))
    running = subprocess.Popen(
        [sys.executable, "-P", "-m", "storeff", "layouts"],
        stdout=theirs,
        env=os.environ | {"COLUMNS": "200", "TERM": "dumb"},
    )
    os.close(theirs)
    shown = b"".join(iter(lambda: _read(ours), b"")).decode()
    os.close(ours)
    assert running.wait(60) == 0
    assert 60 < max(map(cell_len, shown.splitlines())) <= 70


@pytest.mark.parametrize(
    ("environment", "bold"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)]
)
def test_headings_are_bold_on_a_terminal_that_shows_it(
    environment: dict[str, str], bold: bool
) -> None:
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-P", "-m", "storeff", "drives"],
        stdout=theirs,
        env=os.environ | {"TERM": "xterm"} | environment,
    )
    os.close(theirs)
    shown = b"".join(iter(lambda: _read(ours), b"")).decode()
    os.close(ours)
    assert running.wait(60) == 0
    assert ("\x1b[1m" in shown) is bold
    assert "\x1b" not in re.sub(r"\x1b\[[01]m", "", shown)


def _read(fd: int) -> bytes:
    """What a pseudo-terminal holds; nothing once its other end is closed, which is EIO."""
    try:
        return os.read(fd, 65536)
    except OSError:
        return b""


@pytest.mark.parametrize("said", ["", "0", "-5", "wide", "1" * 5000])
def test_columns_that_are_no_number_are_no_width(said: str) -> None:
    lines = storeff("layouts", COLUMNS=said).stdout.splitlines()
    assert 100 < max(map(cell_len, lines)) <= 120


def test_without_a_utf8_terminal_it_is_all_ascii() -> None:
    done = storeff("layouts", PYTHONIOENCODING="ascii", COLUMNS="60")
    assert done.returncode == 0
    assert done.stdout.isascii()
    assert "146+4" in done.stdout


@pytest.mark.parametrize("catalogue", ["layouts", "drives"])
def test_own_entries_are_listed_escaped(catalogue: str, tmp_path: Path) -> None:
    golden = Path(__file__).parent / "golden" / "own-drive.toml"
    entries = {
        "drives": golden.read_text().split("[ours]")[1],
        "layouts": 'code = {kind = "rs", k = 4, m = 2}\n'
        + "".join(
            f'{key} = {{value = {value}, kind = "assumption"}}\n'
            for key, value in {
                "metadata": 0.02,
                "padding": 0.0,
                "rebuild_reserve": 0.0,
                "fill_limit": 0.85,
            }.items()
        ),
    }
    own = tmp_path / f"{catalogue}.toml"
    own.write_text(f"[{json.dumps(STEERING)}]\n{entries[catalogue]}")
    refused = storeff(catalogue, "--data", tmp_path)
    assert refused.returncode == 1
    assert "owned" in refused.stderr
    assert all(c == "\n" or c.isprintable() for c in refused.stderr)
    own.write_text(f"[ours]\ntitle = {json.dumps(STEERING)}\n{entries[catalogue]}")
    shown = storeff(catalogue, "--data", tmp_path).stdout
    assert "ours" in shown
    assert all(c == "\n" or c.isprintable() for c in shown)
    listed = storeff(catalogue, "--data", tmp_path, "--json").stdout
    assert json.loads(listed)["ours"]["title"] == STEERING
    assert all(c == "\n" or c.isprintable() for c in listed)


def test_a_layout_named_like_markup_does_not_stop_a_scan_on_a_terminal(tmp_path: Path) -> None:
    entry = (
        'code = {kind = "rs", k = 4, m = 2}\nmetadata = {value = 0.0, kind = "assumption"}\n'
        'padding = {value = 0.0, kind = "assumption"}\n'
        'rebuild_reserve = {value = 0.0, kind = "assumption"}\n'
        'fill_limit = {value = 0.85, kind = "assumption"}\n'
    )
    (tmp_path / "layouts.toml").write_text(f'["[/nope]"]\n{entry}')
    words = ("scan", SAMPLES, "--target", "1EB", "--data", tmp_path, "--layout", "[/nope]")
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-P", "-m", "storeff", *map(str, words)],
        stdout=subprocess.DEVNULL,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(theirs)
    said = b"".join(iter(lambda: _read(ours), b"")).decode()
    os.close(ours)
    assert running.wait(60) == 0, said
    assert "[/nope]" in said
