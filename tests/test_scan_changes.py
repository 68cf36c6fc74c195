"""A file that changes between the listing and the end of its reading costs itself, and says so."""

import os
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest
from support.scans import SMALL, scan

from storeff.scan import worker
from storeff.scan.listing import Listing
from storeff.scan.pace import Pace
from storeff.scan.partial import PartialScan
from storeff.scan.plan import Plan
from storeff.scan.sampling import SamplingDesign
from storeff.sources.census import Census
from storeff.sources.listed_once import ListedOnce
from storeff.sources.source import Found
from storeff.sources.tree import LocalTree

RANDOM = random.Random(12).randbytes(5 << 20)
KEPT = RANDOM[:300_000]


def shrink(path: Path) -> None:
    os.truncate(path, 70_000)


def empty(path: Path) -> None:
    os.truncate(path, 0)


def grow(path: Path) -> None:
    with open(path, "ab") as file:
        file.write(b"more" * 1000)


def grow_sparse(path: Path) -> None:
    os.truncate(path, 1 << 43)


def rewrite(path: Path) -> None:
    with open(path, "r+b") as file:
        file.write(b"other" * 20_000)
    os.utime(path, (1, 1))


def replace(path: Path) -> None:
    path.with_name("new").write_bytes(b"new" * 100_000)
    path.with_name("new").rename(path)


def delete(path: Path) -> None:
    path.unlink()


def fifo(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def link(path: Path) -> None:
    path.unlink()
    path.symlink_to("kept")


CHANGES = [shrink, empty, grow, grow_sparse, rewrite, replace, delete, fifo, folder, link]


def small(path: Path) -> None:
    path.write_bytes(RANDOM[:200_000])


def large(path: Path) -> None:
    path.write_bytes(RANDOM)


def sparse(path: Path) -> None:
    with open(path, "wb") as file:
        for at in (0, 1 << 38, 1 << 39):
            file.seek(at)
            file.write(RANDOM[:200_000])
        file.truncate(1 << 40)


def small_sparse(path: Path) -> None:
    with open(path, "wb") as file:
        file.write(RANDOM[:100])
        file.truncate(900_000)


KINDS = [small, large, sparse, small_sparse]


def assert_costs_itself(census: Census, victim: Path, measured_bytes: int) -> None:
    """Of two files only ``victim`` is refused, with what was not measured of it."""
    assert census.files == 2
    assert census.skipped
    assert set(census.skipped) <= {"changed", "vanished"}
    assert {e for each in census.skipped.values() for e in each.examples} == {bytes(victim)}
    refused_bytes = sum(each.size_bytes for each in census.skipped.values())
    assert measured_bytes + refused_bytes == census.size_bytes
    assert measured_bytes >= len(KEPT)


def two_files(root: Path, make: Callable[[Path], None]) -> Path:
    (root / "kept").write_bytes(KEPT)
    make(root / "victim")
    # So that being written to shows.
    os.utime(root / "victim", (1000, 1000))
    return root / "victim"


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("threads", [1, 3])
def test_a_change_after_the_listing_in_a_scan_of_everything(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], None],
    change: Callable[[Path], None],
    threads: int,
) -> None:
    victim = two_files(tmp_path, make)

    list_tree = LocalTree.list

    def list_and_change(tree: LocalTree) -> Iterator[Found]:
        found = list(list_tree(tree))
        change(victim)
        return iter(found)

    monkeypatch.setattr(LocalTree, "list", list_and_change)
    plan = msgspec.structs.replace(SMALL, part_bytes=1 << 20)
    measured = scan([tmp_path], plan, threads=threads)
    assert_costs_itself(measured.census, victim, measured.read_bytes + measured.hole_bytes)
    assert {sketch.bytes for sketch in measured.sketches.values()} == {measured.read_bytes}


@pytest.mark.parametrize("make", [large, sparse])
@pytest.mark.parametrize("change", [shrink, empty, grow, grow_sparse, rewrite])
def test_a_change_while_a_file_is_read(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], None],
    change: Callable[[Path], None],
) -> None:
    victim = two_files(tmp_path, make)
    monkeypatch.setattr(worker, "CALL_BYTES", 1 << 19)
    monkeypatch.setattr(Pace, "wait", lambda self, read_bytes: change(victim))
    plan = msgspec.structs.replace(SMALL, part_bytes=1 << 20)
    measured = scan([tmp_path], plan)
    assert_costs_itself(measured.census, victim, measured.read_bytes + measured.hole_bytes)


@pytest.mark.parametrize("make", KINDS)
@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("again", [False, True], ids=["listed once", "listed again"])
def test_a_change_after_the_listing_in_a_partial_scan(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    make: Callable[[Path], None],
    change: Callable[[Path], None],
    again: bool,
) -> None:
    victim = two_files(tmp_path, make)
    tree = LocalTree([tmp_path])
    listing = Listing(tree if again else ListedOnce(tree), SamplingDesign())
    assert listing.count(threading.Event())
    change(victim)
    partial = PartialScan(listing, Plan())
    partial.extend(1.0)
    found = partial.result()
    if not again:
        assert_costs_itself(found.census, victim, found.read_bytes + found.hole_bytes)
    assert found.census.files == 2
    assert found.read_bytes >= len(KEPT)
