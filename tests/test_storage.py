"""How fast storage is, found by reading a little of it."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from storeff.scan import storage
from storeff.scan.listing import Listing
from storeff.scan.pace import Pace
from storeff.scan.sampling import SamplingDesign
from storeff.scan.storage import measure_storage
from storeff.sources.source import READ, Ranges, RangesRead
from storeff.sources.tree import LocalTree

OPEN_SECONDS, BYTE_SECONDS = 0.004, 2e-8


class Slow(LocalTree):
    """Takes its time by the clock ``now``; or ``refuses`` to read anything."""

    now = 0.0
    refuses = False

    def read_ranges(self, ranges: Ranges, buffer: memoryview) -> RangesRead:
        if self.refuses:
            errors: dict[int, OSError] = {row: PermissionError() for row in range(len(ranges))}
            return RangesRead(np.zeros(len(ranges), READ), errors, frozenset())
        made = super().read_ranges(ranges, buffer)
        self.now += sum(OPEN_SECONDS + each.length * BYTE_SECONDS for each in made)
        return made


@pytest.fixture
def slow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Slow:
    for i in range(40):
        (tmp_path / f"small{i}").write_bytes(b"s" * (1000 + i))
    (tmp_path / "large").write_bytes(b"l" * (100 << 20))
    tree = Slow([tmp_path])
    monkeypatch.setattr(time, "monotonic", lambda: tree.now)
    return tree


def listed(tree: LocalTree) -> Listing:
    listing = Listing(tree, SamplingDesign())
    assert listing.count(threading.Event())
    return listing


def test_opening_and_reading_are_told_apart(slow: Slow) -> None:
    never = threading.Event()
    found = measure_storage(listed(slow), 1, Pace(None, never), never)
    assert found.open_seconds == pytest.approx(OPEN_SECONDS, rel=0.03)
    assert found.byte_seconds == pytest.approx(BYTE_SECONDS, rel=0.01)


def test_what_slow_storage_is_asked_for_is_little(
    slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(storage, "PROBE_SECONDS", 0.1)
    never = threading.Event()
    measure_storage(listed(slow), 1, Pace(None, never), never)
    call_seconds = storage.PROBES_AT_A_TIME * (OPEN_SECONDS + (1 << 20) * BYTE_SECONDS)
    assert slow.now <= 2 * (0.1 + call_seconds)


def test_nothing_is_known_of_what_holds_nothing_or_cannot_be_read(
    slow: Slow, tmp_path: Path
) -> None:
    never, stopped = threading.Event(), threading.Event()
    stopped.set()
    assert measure_storage(listed(slow), 1, Pace(None, never), stopped) == (0.0, 0.0)
    (tmp_path / "empty").mkdir()
    empty = LocalTree([tmp_path / "empty"])
    assert measure_storage(listed(empty), 3, Pace(None, never), never) == (0.0, 0.0)
    slow.refuses = True
    assert measure_storage(listed(slow), 1, Pace(None, never), never) == (0.0, 0.0)


def test_a_system_without_threads_to_give_is_measured_by_the_one_there_is(
    slow: Slow, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_thread(pool: ThreadPoolExecutor, task: object) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(ThreadPoolExecutor, "submit", no_thread)
    never = threading.Event()
    found = measure_storage(listed(slow), 1, Pace(None, never), never)
    assert found.open_seconds == pytest.approx(OPEN_SECONDS, rel=0.03)
