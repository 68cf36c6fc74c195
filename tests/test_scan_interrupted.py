"""A scan that is stopped, in whole or in part, says of what it is a part."""

import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from support.scans import SMALL, assert_same, fill, sample_of, scan

from storeff.scan import run, worker
from storeff.scan.extent import Extents
from storeff.scan.listing import Listing
from storeff.scan.measurement import Measurement
from storeff.scan.pace import Pace
from storeff.scan.partial import PartialScan, unlimited
from storeff.scan.plan import Plan
from storeff.scan.sampling import SamplingDesign
from storeff.scan.worker import Task
from storeff.sources import walk
from storeff.sources.census import Census
from storeff.sources.tree import LocalTree


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="module")
def whole(tree: Path) -> Measurement:
    return scan([tree], SMALL)


def stopped() -> threading.Event:
    stop = threading.Event()
    stop.set()
    return stop


def all_listed(census: Census) -> bool:
    """Whether nothing was refused of which nobody knows how large it is."""
    return not any(left_out.unknown for left_out in census.skipped.values())


def not_measured(found: Measurement) -> int:
    return found.census.skipped["interrupted"].size_bytes


def test_what_is_stopped_at_once_has_listed_all_and_measured_nothing(
    tree: Path, whole: Measurement
) -> None:
    found = scan([tree], SMALL, stop=stopped())
    assert (found.census.files, found.census.size_bytes) == (
        whole.census.files,
        whole.census.size_bytes,
    )
    assert (found.read_bytes, found.coverage) == (0, 0.0)
    assert not_measured(found) == whole.census.size_bytes
    assert all_listed(found.census)


def test_a_listing_that_does_not_come_to_its_end_is_known_to_be_incomplete(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "LIST_ON_SECONDS", 0.0)
    found = scan([tree], SMALL, stop=stopped())
    assert not all_listed(found.census)
    assert found.census.skipped["interrupted"].unknown == 1
    assert found.coverage == 0.0


def test_all_that_was_listed_is_not_all_there_is(
    tree: Path, whole: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything that was listed before the stop is measured, and still that is not 100 %."""
    stop = threading.Event()
    monkeypatch.setattr(run, "LIST_ON_SECONDS", 0.0)
    monkeypatch.setattr(walk, "FILES_TOGETHER", 1)
    measure = worker.Worker.measure

    def one_and_no_more(self: worker.Worker, task: Task) -> None:
        measure(self, task)
        stop.set()

    monkeypatch.setattr(worker.Worker, "measure", one_and_no_more)
    found = scan([tree], SMALL, stop=stop)
    assert 0 < found.census.files < whole.census.files
    assert not all_listed(found.census)
    assert found.coverage < 1.0


@pytest.mark.parametrize("threads", [1, 3])
@pytest.mark.parametrize("stop_after_bytes", [0, 1 << 20, 3 << 20, 6 << 20])
def test_parts_in_flight_are_counted_as_far_as_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, threads: int, stop_after_bytes: int
) -> None:
    source, stop = random.Random(2), threading.Event()
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(source.randbytes(5_500_000))
    (tmp_path / "small").write_bytes(source.randbytes(70_000))
    read = 0

    def count(self: Pace, read_bytes: int) -> None:
        nonlocal read
        read += read_bytes
        if read >= stop_after_bytes:
            stop.set()

    monkeypatch.setattr(Pace, "wait", count)
    monkeypatch.setattr(worker, "CALL_BYTES", 1 << 19)
    monkeypatch.setattr(run, "THREAD_BYTES", 1)
    plan = msgspec.structs.replace(SMALL, part_bytes=1 << 20)
    found = scan([tmp_path], plan, stop=stop, threads=threads)
    assert (found.census.files, found.census.size_bytes) == (3, 11_070_000)
    assert 0 < found.read_bytes < 11_070_000
    assert not_measured(found) == 11_070_000 - found.read_bytes
    assert {sketch.bytes for sketch in found.sketches.values()} == {found.read_bytes}
    assert all_listed(found.census)
    assert found.coverage == found.read_bytes / 11_070_000


def test_a_stop_when_all_is_measured_loses_nothing(
    tree: Path, whole: Measurement, monkeypatch: pytest.MonkeyPatch
) -> None:
    stop = threading.Event()
    finish = run.Crew.finish

    def stop_and_finish(self: run.Crew) -> Measurement:
        stop.set()
        return finish(self)

    monkeypatch.setattr(run.Crew, "finish", stop_and_finish)
    found = scan([tree], SMALL, stop=stop, threads=2)
    assert_same(found, whole)
    assert not found.census.skipped
    assert found.coverage == 1.0


def test_an_unlisted_directory_is_missing_from_the_coverage(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"text" * 1000)
    found = scan([tmp_path], SMALL)
    assert (all_listed(found.census), found.coverage) == (True, 1.0)
    found.census.skipped.update(scan([tmp_path], SMALL, stop=stopped()).census.skipped)
    found.census.skipped["interrupted"].unknown = 1
    assert not all_listed(found.census)
    assert 0.99 < found.coverage < 1.0


# ---- partial scans ----


def partly(
    tree: Path,
    rate: float,
    stop: threading.Event | None = None,
    until: Callable[[float], float] = unlimited,
    read_some: Callable[[PartialScan], None] = lambda partial: None,
) -> Measurement:
    listing = Listing(LocalTree([tree]), SamplingDesign(extent_bytes=128 << 10))
    listing.count(threading.Event())
    partial = PartialScan(listing, Plan(), stop=stop)
    read_some(partial)
    partial.extend(rate, until)
    return partial.result()


def test_a_sample_that_was_read_is_not_interrupted(tree: Path) -> None:
    found = partly(tree, 0.4)
    sample = sample_of(found)
    assert (sample.rate, sample.goal_rate, sample.interrupted) == (0.4, 0.4, False)
    assert all_listed(found.census)


def test_a_sample_that_was_stopped_says_how_far_it_was_to_read(tree: Path) -> None:
    stop = threading.Event()

    def stop_in_the_middle(partial: PartialScan) -> None:
        tasks = partial.tasks

        def some(extents: Extents) -> Iterator[tuple[Extents, int]]:
            yield from tasks(extents.part(0, len(extents) // 2))
            stop.set()
            yield from tasks(extents.part(len(extents) // 2, len(extents)))

        partial.tasks = some  # type: ignore[method-assign]

    found = partly(tree, 0.8, stop, read_some=stop_in_the_middle)
    assert sample_of(found).interrupted
    assert 0 < sample_of(found).rate < sample_of(found).goal_rate == 0.8
    assert 0 < found.coverage < 0.8


def test_a_sample_whose_time_is_up_is_not_interrupted(tree: Path) -> None:
    found = partly(tree, 1.0, until=lambda rate: 0.0)
    assert (sample_of(found).goal_rate, sample_of(found).interrupted) == (1.0, False)
    assert found.coverage < 1.0


def test_a_sample_of_a_listing_that_was_stopped_is_of_an_unknown_whole(tree: Path) -> None:
    listing = Listing(LocalTree([tree]), SamplingDesign())
    assert not listing.count(stopped())
    found = PartialScan(listing, Plan()).result()
    assert not all_listed(found.census)
    assert found.coverage == 0.0
