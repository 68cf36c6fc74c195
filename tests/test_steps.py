"""The steps of a measurement: what each is told of, and what is left of each that is cut short."""

import random
import threading
import time
from pathlib import Path

import pytest

import storeff
from storeff.estimate import cost, reading
from storeff.estimate.answer import Answer
from storeff.scan.pace import Deadline, Pace
from storeff.testing import MemorySource

GLANCE, LOOK, LAST = (
    "looking at samples of all the data",
    "estimating from what was read so far",
    "compressing samples of what was read",
)
INSIDE = "looking into objects"
ONE = storeff.Storage(["ceph-ec-8-3"])


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """40 MB in 2,000 files, half of which is noise."""
    root = tmp_path_factory.mktemp("tree")
    source = random.Random(5)
    for i in range(2000):
        noise = source.randbytes(10_000)
        (root / f"{i}").write_bytes(noise + b"%d of a kind" % i * 1000)
    return root


@pytest.fixture
def dear(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if reading everything took for ever."""
    monkeypatch.setattr(cost, "FILE_SECONDS", 1e3)


def test_each_step_is_told_with_how_much_of_it_is_done(tree: Path) -> None:
    told: list[tuple[str, int, int]] = []
    answers: list[Answer] = []
    storeff.measure(
        tree,
        on_phase=lambda name, done=0, wanted=0: told.append((name, done, wanted)),
        on_answer=answers.append,
        threads=1,
    )
    assert [*dict.fromkeys(name for name, _, _ in told)] == [GLANCE, LAST, INSIDE]
    for phase in (GLANCE, LAST):
        counts = [(done, wanted) for name, done, wanted in told if name == phase and wanted]
        assert counts
        assert counts == sorted(counts)
        assert all(done <= wanted for done, wanted in counts)
        assert counts[-1][0] == counts[-1][1]
    first, last = (answer.ratio for answer in (answers[0], answers[-1]))
    assert {answer.label for answer in (answers[0], answers[-1])} == {"compression only"}
    assert first.value is not None
    assert last.value is not None
    assert last.value == pytest.approx(first.value, rel=0.1)


@pytest.mark.usefixtures("dear")
def test_every_look_is_told(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "FIRST_BYTES", 4_000_000)
    told: list[str] = []
    answers: list[Answer] = []
    measured = storeff.measure(
        tree,
        sampling=storeff.Sampling(half_width=0.05),
        on_phase=lambda name, done=0, wanted=0: told.append(name),
        on_answer=answers.append,
    )
    assert [*dict.fromkeys(told)] == [GLANCE, LOOK, LAST, INSIDE]
    looks = [answer.ratio for answer in answers if answer.label == "dedup + compression"]
    assert looks
    # The last look is what is reported: nothing was read or compressed after it.
    assert looks[-1].value == storeff.reduce(measured).reduction.headline.ratio.value


@pytest.mark.usefixtures("dear")
def test_where_listing_took_all_the_time_a_glance_is_left(tree: Path) -> None:
    measured = storeff.measure(tree, sampling=storeff.Sampling(seconds=1e-6))
    assert measured.scan.read_bytes == 0
    assert "listing took" in str(measured.scan.choice)
    reduced = storeff.reduce(measured)
    only = reduced.reduction.scope.floor
    assert only.value is not None
    assert only.low is not None
    assert only.low < only.value
    assert reduced.reduction.headline.ratio.value is None
    report = storeff.build_report(reduced, storeff.size(reduced, ONE))
    assert not report.complete
    assert report.warnings[0].code == "no-dedup-point"
    [step] = [s for s in report.layouts[0].waterfall if s.step == "data_reduction"]
    assert step.factor.value is not None
    # Half of it is noise; this one compresses in blocks of its own.
    assert 0.4 < step.factor.value < 0.6


def test_a_stop_while_samples_are_looked_at_is_one_before_reading(tree: Path) -> None:
    stop = threading.Event()
    measured = storeff.measure(
        tree, stop=stop, on_phase=lambda name, done=0, wanted=0: stop.set() if done else None
    )
    assert measured.scan.interrupted == "reading"
    assert measured.scan.read_bytes == 0
    reduced = storeff.reduce(measured)
    assert reduced.reduction.scope.floor.value is not None
    assert not storeff.build_report(reduced).complete


@pytest.mark.parametrize("seconds", [None, 1e-6])
def test_a_tree_without_data_is_measured_all_the_same(seconds: float | None) -> None:
    measured = storeff.measure(MemorySource(), sampling=storeff.Sampling(seconds=seconds))
    assert measured.scan.files == 0
    assert not storeff.build_report(storeff.reduce(measured)).complete


def test_a_deadline_is_a_stop_that_comes_of_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    stop = threading.Event()
    deadline = Deadline(stop, 101.0)
    assert not deadline.is_set()
    now[0] = 101.0
    assert deadline.is_set()
    assert deadline.wait()
    assert not stop.is_set()
    deadline.ends_at = 105.0
    assert not deadline.is_set()
    stop.set()
    assert deadline.is_set()
    deadline.stop = threading.Event()
    assert not deadline.is_set()
    deadline.set()
    assert deadline.is_set()


def test_no_pace_is_kept_beyond_the_end() -> None:
    pace = Pace(1.0, Deadline(threading.Event(), time.monotonic() - 1.0))
    # A million seconds, at this pace.
    pace.wait(10**6)
