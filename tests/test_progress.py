"""Progress is on stderr, live on a terminal, a line now and then elsewhere, and never a lie."""

import os
import pty
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest

from storeff.commands.progress import Meter, shown_progress
from storeff.estimate.answer import Answer
from storeff.quantity import Quantity
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


def said(meter: Meter, progress: Progress, cells: int | None = None) -> str:
    meter.update(progress)
    return meter.text(cells)


def test_a_total_that_still_grows_is_not_shown_as_one() -> None:
    meter = Meter()
    text = said(meter, HALFWAY)
    assert text == "listing: 1,200 files, 5.00 GB so far, measured 1.00 GB"
    assert meter.share is None


def test_a_final_total_gives_a_percentage_a_rate_and_the_time_left(clock: list[float]) -> None:
    meter = Meter()
    first = said(meter, at(False, 5 * 10**9, 10**9))
    assert first == "20 %, measured 1.00 GB of 5.00 GB in 1,200 files"
    clock[0] = 10
    later = said(meter, at(False, 5 * 10**9, 2 * 10**9))
    assert later == "40 %, measured 2.00 GB of 5.00 GB in 1,200 files, 100 MB/s, 30 s left"
    assert meter.share == 0.4


def test_the_rate_is_that_of_late(clock: list[float]) -> None:
    meter = Meter()
    for second in range(100):
        clock[0] = second
        speed = 10**6 if second < 50 else 10**8
        text = said(meter, at(False, 10**12, speed * second))
    assert "100 MB/s" in text


def test_a_phase_between_is_no_time_in_which_nothing_was_read(clock: list[float]) -> None:
    meter = Meter()
    said(meter, at(False, 10**9, 0))
    clock[0] = 9.0
    meter.phase("looking", 0, 0)
    said(meter, at(False, 10**9, 0))
    clock[0] = 10.0
    assert "100 MB/s, 9 s left" in said(meter, at(False, 10**9, 10**8))


def test_all_is_said_only_of_all(clock: list[float]) -> None:
    assert said(Meter(), at(False, 1000, 999)).startswith("99 %")
    assert said(Meter(), at(False, 1000, 1000)).startswith("100 %")
    assert said(Meter(), at(False, 0, 0)).startswith("0 %")


def test_no_count_goes_back_where_it_is_listed_or_read_again(clock: list[float]) -> None:
    meter = Meter()
    said(meter, at(False, 1000, 400))
    assert said(meter, at(True, 10, 0)).startswith("40 %, measured 400 B of 1.00 kB in 1,200 files")
    assert said(meter, at(True, 1000, 450)).startswith("45 %")
    assert said(meter, at(False, 1000, 500)).startswith("50 %")
    # Files that are new since then.
    assert said(meter, at(False, 2000, 500)).startswith("50 %, measured 500 B of 2.00 kB in 1,200")
    assert said(meter, at(False, 2000, 1500)).startswith("75 %")


def test_a_part_is_measured_by_what_is_to_be_read_of_it(clock: list[float]) -> None:
    meter = Meter()
    part = replace(at(False, 10**10, 10**8), goal_bytes=10**9)
    assert said(meter, part) == "10 %, measured 100 MB of 1.00 GB (10.0 GB in 1,200 files)"
    clock[0] = 1.0
    # A look has found that half as much will do, and then that it will not.
    part = replace(part, done_bytes=2 * 10**8, goal_bytes=5 * 10**8)
    assert said(meter, part).startswith("40 %, measured 200 MB of 500 MB")
    part = replace(part, goal_bytes=4 * 10**9)
    assert said(meter, part).startswith("40 %, measured 200 MB of 4.00 GB")
    assert said(meter, part).endswith("100 MB/s, 38 s left")


def test_where_a_time_is_given_the_time_left_is_of_that(clock: list[float]) -> None:
    meter = Meter()
    part = replace(at(False, 10**10, 10**8), goal_bytes=10**9, seconds=(6.0, 20.0))
    assert said(meter, part) == "30 %, measured 100 MB of 10.0 GB in 1,200 files, 14 s left"


FOUND = Quantity(1.7412, 1.699, 1.7801, "measured")


def test_the_answer_so_far_stands_beside_it_and_narrows(clock: list[float]) -> None:
    meter = Meter()
    meter.answers = {"dedup so far": Quantity(1.25, 1.25, 1.25, "measured")}
    assert said(meter, HALFWAY).endswith("measured 1.00 GB; dedup so far 1.25x")
    meter.answers["compression only"] = Quantity(None, 1.2, 2.31, "measured")
    text = "; compression only 1.20x to 2.31x, dedup so far 1.25x"
    assert said(meter, HALFWAY).endswith(text)
    meter.answers["compression only"] = FOUND
    meter.phase("probing", 1200, 5000)
    assert meter.text() == (
        "probing, 1,200 of 5,000; compression only 1.74x [1.69, 1.79], dedup so far 1.25x"
    )
    meter.phase("estimating", 0, 0)
    assert meter.text(50) == "estimating; compression only 1.74x [1.69, 1.79]"
    assert meter.share is None
    # What a phase has done is not what the scan has.
    assert said(meter, at(False, 5 * 10**9, 10**9)).startswith("20 %")


@pytest.mark.parametrize(
    ("cells", "text"),
    [
        (
            200,
            "40 %, measured 2.00 TB of 5.00 TB in 1,200 files, 100 GB/s, 30 s left; "
            "compression only 1.74x [1.69, 1.79], dedup so far 1.25x",
        ),
        (
            120,
            "40 %, measured 2.00 TB of 5.00 TB, 100 GB/s, 30 s left; "
            "compression only 1.74x [1.69, 1.79], dedup so far 1.25x",
        ),
        (
            100,
            "40 %, measured 2.00 TB of 5.00 TB, 100 GB/s, 30 s left; "
            "compression only 1.74x [1.69, 1.79]",
        ),
        (67, "40 %, 100 GB/s, 30 s left; compression only 1.74x [1.69, 1.79]"),
        (55, "40 %, 30 s left; compression only 1.74x [1.69, 1.79]"),
        (45, "40 %; compression only 1.74x [1.69, 1.79]"),
        (30, "40 %"),
        (1, "40 %"),
    ],
)
def test_what_matters_least_goes_first_where_there_is_no_room(
    clock: list[float], cells: int, text: str
) -> None:
    meter = Meter()
    meter.answers = {
        "dedup so far": Quantity(1.25, 1.25, 1.25, "measured"),
        "compression only": FOUND,
    }
    said(meter, at(False, 5 * 10**12, 10**12))
    clock[0] = 10
    assert said(meter, at(False, 5 * 10**12, 2 * 10**12), cells) == text


def test_elsewhere_than_on_a_terminal_a_line_every_30_seconds(
    capsys: pytest.CaptureFixture[str], clock: list[float]
) -> None:
    with shown_progress(quiet=False) as shown:
        shown.answer(Answer("compression only", FOUND))
        for seconds in (1, 29, 31, 32, 62):
            clock[0] = float(seconds)
            shown.scanning(HALFWAY)
        clock[0] = 95.0
        shown.phase("estimating")
    lines = capsys.readouterr().err.splitlines()
    answer = "; compression only 1.74x [1.69, 1.79]"
    listing = said(Meter(), HALFWAY) + answer
    assert [line.split(" ", 1)[1] for line in lines] == [listing] * 2 + ["estimating" + answer]


def test_quiet_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with shown_progress(quiet=True) as shown:
        shown.scanning(HALFWAY)
        shown.answer(Answer("compression only", FOUND))
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
