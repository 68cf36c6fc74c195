"""An interrupt: what was measured is reported, as the part that it is, and nothing is a crash."""

import json
import os
import pty
import random
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from support.cli import COMMAND, shell, started, storeff

import storeff.commands.scan as scanning
from storeff.commands import cli

FILES, FILE_BYTES = 40, 1_000_000
SLOWLY = ("--sample", "100%", "--read-rate", "30MB", "--threads", "1")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
# It gets signals when it has measured the first files that one thread takes at a time.
INTERRUPTED = """
import os, sys, time
from storeff.scan.worker import Worker
measure, signals = Worker.measure, [int(number) for number in sys.argv.pop(1).split(",")]
def measure_and_get_signals(self, task):
    measure(self, task)
    while signals:
        os.kill(os.getpid(), signals.pop(0))
        time.sleep(0.2)
Worker.measure = measure_and_get_signals
from storeff.__main__ import main
main()
"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """More than one thread takes at a time, and more than is read in seconds by SLOWLY."""
    root = tmp_path_factory.mktemp("tree")
    source = random.Random(1)
    for i in range(FILES):
        # No two are of one size, and sampled together.
        (root / f"f{i}").write_bytes(source.randbytes(FILE_BYTES + i))
    return root


def interrupted(
    *words: str | Path, signals: Sequence[int] = (signal.SIGINT,), before: str = ""
) -> "subprocess.CompletedProcess[str]":
    """``storeff`` with ``words``, sent ``signals`` when it has measured some of the tree;
    ``before`` is run first."""
    numbers = ",".join(str(int(number)) for number in signals)
    command = (sys.executable, "-P", "-c", before + INTERRUPTED, numbers)
    return storeff(*words, "--threads", "1", command=command)


@pytest.mark.parametrize("number", SIGNALS)
def test_what_was_measured_is_reported_as_the_part_that_it_is(tree: Path, number: int) -> None:
    done = interrupted("scan", tree, "--sample", "100%", "--json", signals=[number])
    assert done.returncode == 130
    assert done.stderr == ("storeff: finishing what is in flight; interrupt again to stop now\n")
    report = json.loads(done.stdout)
    assert 0 < report["scan"]["read_bytes"] < FILES * FILE_BYTES
    assert report["scan"]["interrupted"] == "reading"
    assert "full scan" not in report["scan"]["choice"]
    assert report["complete"] is False
    assert report["warnings"][0]["code"] == "interrupted"
    assert report["incomplete_because"] == [report["warnings"][0]["message"]]


def test_a_sample_that_was_cut_short_says_so(tree: Path) -> None:
    # As if opening a file took so long that a part is cheaper than everything.
    dear = "from storeff.estimate import cost; cost.FILE_SECONDS = 1e3"
    done = interrupted("scan", tree, "--sample", "90%", "--json", before=dear)
    assert done.returncode == 130
    report = json.loads(done.stdout)
    assert 0 < report["scan"]["coverage"] < 0.8
    assert report["complete"] is False
    assert "interrupted" in report["scan"]["choice"]
    assert "less than was asked for" in report["incomplete_because"][0]


def test_the_terminal_does_not_call_a_part_everything(tree: Path) -> None:
    words = ("--sample", "100%", "--target", "1EB", "--layout", "vast-146-4")
    done = interrupted("scan", tree, *words)
    assert done.returncode == 130
    assert "full scan" not in done.stdout
    assert "Everything" not in done.stdout
    assert "Coverage: complete" not in done.stdout
    assert "interrupted" in done.stdout


@pytest.mark.parametrize(
    ("words", "what"),
    [((), "listing"), (("--sample", "30%"), "listing"), (("--sample", "100%"), "reading")],
)
def test_an_interrupt_before_anything_was_read(
    tree: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], what: str
) -> None:
    monkeypatch.setattr(scanning, "stop_on_interrupt", lambda stop: stop.set())
    done = CliRunner().invoke(
        cli, ["scan", str(tree), "-q", "--json", "--target", "1EB", *words], standalone_mode=False
    )
    assert done.exception is None
    assert done.return_value == 130
    report: Any = json.loads(done.stdout)
    assert report["scan"]["interrupted"] == what
    assert report["scan"]["read_bytes"] == 0
    assert report["complete"] is False
    assert report["layouts"] == []
    assert report["reduction"]["headline"]["ratio"]["value"] is None
    assert "full scan" not in done.stdout


# What is in flight here takes longer than any test.
IN_FLIGHT = """
import threading, time
from storeff.commands.interrupt import stop_on_interrupt
from storeff.commands.progress import shown_progress
with shown_progress(quiet=False) as progress:
    stop_on_interrupt(threading.Event())
    progress.phase("working")
    print("ready", flush=True)
    for _ in range(600):
        time.sleep(0.1)
"""


def test_a_second_interrupt_stops_at_once() -> None:
    running = subprocess.Popen(
        [sys.executable, "-P", "-c", IN_FLIGHT],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert running.stdout is not None
    assert running.stdout.readline() == "ready\n"
    for _ in range(2):
        running.send_signal(signal.SIGINT)
        time.sleep(0.2)
    _, stderr = running.communicate(timeout=60)
    assert running.returncode == 130
    assert stderr.splitlines()[-1] == "storeff: interrupted"
    assert "Traceback" not in stderr


def test_a_hangup_said_twice_is_one(tree: Path) -> None:
    words = ("scan", tree, "--sample", "100%", "--json")
    done = interrupted(*words, signals=[signal.SIGHUP, signal.SIGHUP])
    assert done.returncode == 130
    assert json.loads(done.stdout)["complete"] is False


def test_timeout_asks_once_though_it_signals_the_group_too(tree: Path) -> None:
    done = shell(
        f"export -f storeff; timeout 4 bash -c 'storeff scan {tree} -q {' '.join(SLOWLY)} --json'",
        tree.parent,
    )
    assert json.loads(done.stdout)["complete"] is False


def test_nohup_outlives_a_hangup(tree: Path) -> None:
    hangup = str(int(signal.SIGHUP))
    command = ("nohup", sys.executable, "-P", "-c", INTERRUPTED, hangup)
    done = storeff("scan", tree, "--sample", "100%", "--json", command=command)
    assert done.returncode == 0
    assert json.loads(done.stdout)["complete"] is True


def test_a_terminal_that_closes_leaves_the_report_in_its_file(tree: Path, tmp_path: Path) -> None:
    output = tmp_path / "r.json"
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(COMMAND[0], [*COMMAND, "scan", str(tree), *SLOWLY, "-o", str(output)])
    read_until(terminal, rb"measured")
    time.sleep(0.5)
    os.close(terminal)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert json.loads(output.read_text())["complete"] is False


def test_the_cursor_comes_back_when_it_is_stopped_at_once() -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        os.execv(sys.executable, [sys.executable, "-P", "-c", IN_FLIGHT])
    read_until(terminal, rb"ready")
    os.write(terminal, b"\x03")
    said = read_until(terminal, rb"interrupt again")
    time.sleep(0.2)
    os.write(terminal, b"\x03")
    said += read_until(terminal, rb"storeff: interrupted")
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 130
    assert b"\x1b[?25h" in said
    os.close(terminal)


def read_until(terminal: int, pattern: bytes) -> bytes:
    """What a pseudo-terminal shows until ``pattern`` is in it."""
    said = b""
    deadline = time.monotonic() + 60
    while not re.search(pattern, said):
        assert select.select([terminal], [], [], deadline - time.monotonic())[0], said
        said += os.read(terminal, 65536)
    return said


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize("words", [("scan", "."), ("layouts",), ("size", "/dev/stdin")])
def test_an_interrupt_while_it_begins_is_a_line(words: tuple[str, ...], number: int) -> None:
    """Whatever is being imported, parsed or waited for: sent as soon as the signal is handled, and
    at some moments after."""
    for later in (0.0, 0.03, 0.1):
        reading, writing = os.pipe()
        running = started(*words, stdin=reading)
        wait_until_handled(running.pid, number)
        time.sleep(later)
        running.send_signal(number)
        _, stderr = running.communicate(timeout=60)
        os.close(reading)
        os.close(writing)
        assert running.returncode in (0, 130)
        assert "Traceback" not in stderr
        if running.returncode == 130:
            assert len(stderr.splitlines()) == 1


def wait_until_handled(pid: int, number: int) -> None:
    """Until the process does something of its own at the signal."""
    caught = re.compile(r"^SigCgt:\s*(\w+)$", re.MULTILINE)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        found = caught.search(Path(f"/proc/{pid}/status").read_text())
        # Python's own for SIGINT is there before: it is passed by with that of SIGHUP.
        mask = 1 << (number - 1) | 1 << (signal.SIGHUP - 1)
        if found and int(found[1], 16) & mask == mask:
            return
        time.sleep(0.002)
    raise AssertionError("no signal was handled within a minute")
