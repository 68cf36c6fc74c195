"""A scan that is looked at while it goes on: the answer by then, and the same in the end."""

from pathlib import Path

import pytest
from support.scans import SMALL, assert_same, fill, scan

import storeff
from storeff.estimate.answer import Answer, dedup_so_far
from storeff.scan import run, watch
from storeff.scan.plan import Plan
from storeff.scan.sketch import Sketch
from storeff.scan.watch import Watch

CHUNKER = SMALL.chunkers[2]


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small tasks, and a look after each."""
    monkeypatch.setattr(watch, "FIRST_SECONDS", 0.0)
    monkeypatch.setattr(watch, "EVERY_SECONDS", 0.0)
    monkeypatch.setattr(watch, "SHARE", float("inf"))
    monkeypatch.setattr(run, "PROGRESS_SECONDS", 0.0)
    monkeypatch.setattr(run, "BATCH_FILES", 2)
    monkeypatch.setattr(run, "THREAD_BYTES", 1)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("threads", [1, 3])
def test_looking_changes_nothing_and_ends_near_what_is_found(tmp_path: Path, threads: int) -> None:
    fill(tmp_path, files=200)
    seen: list[Sketch] = []
    found = scan([tmp_path], SMALL, threads=threads, watch=Watch(CHUNKER, seen.append))
    assert_same(found, scan([tmp_path], SMALL))
    assert seen
    whole = found.sketches[CHUNKER.name]
    read_bytes = [sketch.bytes for sketch in seen]
    assert read_bytes == sorted(read_bytes)
    assert 0 < read_bytes[-1] <= whole.bytes
    last = seen[-1]
    if last.bytes == whole.bytes:
        assert dedup_so_far(last, CHUNKER, SMALL.seed) == dedup_so_far(whole, CHUNKER, SMALL.seed)


@pytest.mark.usefixtures("always")
def test_a_full_scan_tells_what_it_has_found_by_then(tmp_path: Path) -> None:
    for copy in range(6):
        (tmp_path / f"{copy}").mkdir()
        fill(tmp_path / f"{copy}", files=20)
    answers: list[Answer] = []
    measured = storeff.measure(tmp_path, on_answer=answers.append)
    # What compression alone leaves is known before anything is read, and better in the end.
    labels = [answer.label for answer in answers]
    assert labels[0] == labels[-1] == "compression only"
    assert {*labels[1:-1]} == {"dedup so far"}
    ratios = [answer.ratio.value for answer in answers[1:-1]]
    final = storeff.reduce(measured).reduction.dedup
    [whole] = [each.ratio.value for each in final if each.chunker == "cdc-64KiB"]
    assert whole is not None
    assert all(ratio is not None and 1.0 <= ratio <= 1.01 * whole for ratio in ratios)


def test_nothing_found_yet_is_no_answer_and_no_error(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    sketch = scan([tmp_path], SMALL).sketches[CHUNKER.name]
    assert not dedup_so_far(sketch, CHUNKER, SMALL.seed).is_known


def test_a_plan_without_the_headline_is_not_looked_at(tmp_path: Path) -> None:
    from storeff.estimate.steps import watch_of

    assert watch_of(SMALL, lambda answer: None) is None
    assert watch_of(Plan(), lambda answer: None) is not None
