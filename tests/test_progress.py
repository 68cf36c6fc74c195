"""Progress is on stderr, live on a terminal, a line now and then elsewhere, and never a lie."""

import os
import pty
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from storeff.commands.progress import describe, shown_progress
from storeff.scan.run import Progress

SAMPLES = Path(__file__).parent.parent / "samples" / "data"
HALFWAY = Progress(True, 1200, 5 * 10**9, 300, 10**9)


def test_a_total_that_still_grows_is_not_shown_as_one() -> None:
    assert describe(HALFWAY) == (
        "listing: 1,200 files, 5.00 GB so far; measured 300 files, 1.00 GB"
    )


def test_a_final_total_is() -> None:
    done = Progress(False, 1200, 5 * 10**9, 300, 10**9)
    assert describe(done) == "measured 300 files, 1.00 GB of 1,200 files, 5.00 GB"


def test_elsewhere_than_on_a_terminal_a_line_every_30_seconds(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    with shown_progress(quiet=False) as shown:
        for seconds in (1, 29, 31, 32, 62):
            clock[0] = float(seconds)
            shown.scanning(HALFWAY)
        clock[0] = 95.0
        shown.phase("estimating")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [describe(HALFWAY)] * 2 + ["estimating"]


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(quiet=True) as shown:
        shown.scanning(HALFWAY)
        shown.phase("estimating")
    assert capsys.readouterr().err == ""


def test_on_a_terminal_it_is_live_and_leaves_stdout_alone() -> None:
    ours, theirs = pty.openpty()
    running = subprocess.Popen(
        [sys.executable, "-P", "-m", "storeff", "scan", SAMPLES, "--json", "--layout", "rs-20-4"],
        stdout=subprocess.PIPE,
        stderr=theirs,
        env=os.environ | {"TERM": "xterm"},
    )
    os.close(theirs)
    said: list[bytes] = []
    reader = threading.Thread(target=drain, args=(ours, said))
    reader.start()
    document, _ = running.communicate(timeout=60)
    reader.join(timeout=60)
    os.close(ours)
    assert running.returncode == 0
    assert document.startswith(b"{")
    assert b"sizing rs-20-4" in b"".join(said)


def drain(fd: int, said: list[bytes]) -> None:
    """Read a pseudo-terminal until its other end is closed, which Linux reports as EIO."""
    while True:
        try:
            said.append(os.read(fd, 65536))
        except OSError:
            return
