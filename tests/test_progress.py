"""Progress is on stderr, live on a terminal, a line now and then elsewhere, and never a lie."""

import os
import pty
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from storeff.commands.progress import Meter, shown_progress
from storeff.scan.run import Progress

SAMPLES = Path(__file__).parent.parent / "samples" / "data"
HALFWAY = Progress(True, 1200, 5 * 10**9, 300, 10**9)


def at(listing: bool, total_bytes: int, done_bytes: int) -> Progress:
    return Progress(listing, 1200, total_bytes, 300, done_bytes)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_total_that_still_grows_is_not_shown_as_one() -> None:
    meter = Meter()
    assert meter.update(HALFWAY) == "listing: 1,200 files, 5.00 GB so far; measured 1.00 GB"
    assert meter.share is None


def test_a_final_total_gives_a_percentage_a_rate_and_the_time_left(clock: list[float]) -> None:
    meter = Meter()
    first = meter.update(at(False, 5 * 10**9, 10**9))
    assert first == "20 %, measured 1.00 GB of 1,200 files, 5.00 GB"
    clock[0] = 10
    later = meter.update(at(False, 5 * 10**9, 2 * 10**9))
    assert later == "40 %, measured 2.00 GB of 1,200 files, 5.00 GB, 100 MB/s, 30 s left"
    assert meter.share == 0.4


def test_the_rate_is_that_of_late(clock: list[float]) -> None:
    meter = Meter()
    for second in range(100):
        clock[0] = second
        speed = 10**6 if second < 50 else 10**8
        said = meter.update(at(False, 10**12, speed * second))
    assert "100 MB/s" in said


def test_all_is_said_only_of_all(clock: list[float]) -> None:
    assert Meter().update(at(False, 1000, 999)).startswith("99 %")
    assert Meter().update(at(False, 1000, 1000)).startswith("100 %")
    assert Meter().update(at(False, 0, 0)).startswith("0 %")


def test_no_count_goes_back_where_it_is_listed_or_read_again(clock: list[float]) -> None:
    meter = Meter()
    meter.update(at(False, 1000, 400))
    assert meter.update(at(True, 10, 0)).startswith("40 %, measured 400 B of 1,200 files, 1.00 kB")
    assert meter.update(at(False, 1000, 500)).startswith("50 %")
    # Files that are new since then.
    assert meter.update(at(False, 2000, 500)).startswith("25 %, measured 500 B of 1,200 files, 2.0")


def test_elsewhere_than_on_a_terminal_a_line_every_30_seconds(
    capsys: pytest.CaptureFixture[str], clock: list[float]
) -> None:
    with shown_progress(quiet=False) as shown:
        for seconds in (1, 29, 31, 32, 62):
            clock[0] = float(seconds)
            shown.scanning(HALFWAY)
        clock[0] = 95.0
        shown.phase("estimating")
    lines = capsys.readouterr().err.splitlines()
    assert [line.split(" ", 1)[1] for line in lines] == [Meter().update(HALFWAY)] * 2 + [
        "estimating"
    ]


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
