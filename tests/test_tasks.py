"""Into how many tasks a scan is divided, and what several of them have given as one."""

from pathlib import Path

import pytest
from support.scans import SMALL, fill, same

from storeff.scan.measurement import Measurement
from storeff.scan.run import scan
from storeff.scan.tasks import TASKS_MOST, count_of, united
from storeff.sources.census import Census
from storeff.sources.object_client import Requests
from storeff.sources.tree import LocalTree

GIB = 1 << 30


def count(size_bytes: int, files: int, slots: int = 1, *, is_kept: bool = False) -> int:
    return count_of(Census(files=files, size_bytes=size_bytes), slots, is_kept=is_kept)


@pytest.mark.parametrize(
    ("size_bytes", "files", "slots", "tasks", "why"),
    [
        (0, 0, 64, 1, "one at least"),
        (GIB, 40_000, 64, 1, "of a second's work or more"),
        (100 * GIB, 10, 1, 7, "few large tasks for one worker"),
        (1000 * GIB, 10, 1, 63, "one for each 16 GiB begun"),
        (GIB, 10**6, 1, 11, "one for each 100,000 files begun"),
        (1000 * GIB, 10, 64, 256, "four for each that can run"),
        (10 * GIB, 10, 64, 6, "none of less than 2 GiB, even if some are idle"),
        (10 * GIB, 10**6, 64, 21, "or of fewer than 50,000 files"),
        (10 * GIB, 10, 2, 6, "as many for each"),
        (9 * GIB, 10, 2, 4, "as many for each, in larger tasks"),
        (10**18, 10, 64, TASKS_MOST, "not more than can be merged"),
    ],
)
def test_tasks_are_large_and_enough_for_all_workers(
    size_bytes: int, files: int, slots: int, tasks: int, why: str
) -> None:
    assert count(size_bytes, files, slots) == tasks, why


def test_whatever_there_is_a_kill_does_not_lose_all_of_what_is_kept() -> None:
    assert count(1000, 1, is_kept=True) == 8
    assert count(1000 * GIB, 10, is_kept=True) == 63


def test_what_several_tasks_gave_is_what_one_of_all_would(tmp_path: Path) -> None:
    source = LocalTree([fill(tmp_path / "data", files=30)])
    parts = [scan(source, SMALL, shard=(i, 3)) for i in range(3)]
    [(found, asked)] = united([(part.to_bytes(), None) for part in parts])
    assert same(Measurement.from_bytes(found), scan(source, SMALL))
    assert asked is None


def test_what_several_tasks_asked_of_stores_is_added(tmp_path: Path) -> None:
    source = LocalTree([fill(tmp_path / "data", files=4)])
    asked = [Requests(1, 20, 300), Requests(4, 50, 600)]
    given = [(scan(source, SMALL, shard=(i, 2)).to_bytes(), each) for i, each in enumerate(asked)]
    assert united(given)[0][1] == Requests(5, 70, 900)
