"""Partial scans: which units are read, in which order, and what is reported of the rest."""

import errno
import os
import random
import shutil
import threading
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from support.scans import listed, sample_of, scan

from storeff.errors import StoreffError
from storeff.estimate.probing import compress, glance
from storeff.estimate.reduction import Reduction, reduce
from storeff.scan import run
from storeff.scan.extent import Extent
from storeff.scan.listing import Listing
from storeff.scan.measurement import Measurement
from storeff.scan.pace import Pace
from storeff.scan.partial import PartialScan
from storeff.scan.plan import CUTTINGS, Chunker, Plan
from storeff.scan.probe import Prober
from storeff.scan.sampling import SamplingDesign, SamplingRanks, Totals
from storeff.scan.sketch import Sketch
from storeff.sources.entry import Entries, Entry
from storeff.sources.listed_once import ListedOnce
from storeff.sources.local_file import FileReader
from storeff.sources.tree import LocalTree

UNIT = 128 << 10
DESIGN = SamplingDesign(seed=7, extent_bytes=UNIT)


def listing(root: Path, design: SamplingDesign = DESIGN) -> Listing:
    made = Listing(ListedOnce(LocalTree([root])), design)
    assert made.count(threading.Event())
    return made


def extents(root: Path, low: float, high: float, design: SamplingDesign = DESIGN) -> list[Extent]:
    found = listing(root, design).ranks.select([listed(root)], low, high, Totals())
    return [extent for extents in found for extent in extents]


def ids(found: list[Extent]) -> set[tuple[bytes, int, int]]:
    return {(extent.entry.path, extent.start, extent.end) for extent in found}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Some noise in files of many sizes, twice, and text."""
    source = random.Random(5)
    root = tmp_path / "tree"
    (root / "a").mkdir(parents=True)
    for i in range(60):
        (root / "a" / f"f{i}").write_bytes(source.randbytes(1000 + 8123 * i))
    shutil.copytree(root / "a", root / "b")
    (root / "text").write_bytes(b"".join(b"line %d of text\n" % i for i in range(50_000)))
    return root


def test_units_of_all_places_are_every_byte_once(tree: Path) -> None:
    found = extents(tree, 0.0, 2.0)
    assert len(ids(found)) == len(found)
    assert sum(extent.end - extent.start for extent in found) == listing(tree).census.size_bytes
    assert all(extent.start % UNIT == 0 and extent.end - extent.start <= UNIT for extent in found)


def test_a_larger_sample_holds_a_smaller_one(tree: Path) -> None:
    few, more = ids(extents(tree, 0.0, 0.1)), ids(extents(tree, 0.0, 0.4))
    assert few < more
    assert ids(extents(tree, 0.1, 0.4)) == more - few


def test_copies_are_read_together_whatever_their_names(tree: Path) -> None:
    (tree / "b").rename(tree / "elsewhere")
    for path in (tree / "elsewhere").iterdir():
        path.rename(path.with_name(f"copy of {path.name}"))
    found = extents(tree, 0.0, 0.5)
    in_a = {(u.entry.size_bytes, u.start) for u in found if u.entry.path.startswith(b"a/")}
    in_b = {(u.entry.size_bytes, u.start) for u in found if b"elsewhere/" in u.entry.path}
    assert in_a == in_b
    assert in_a


def test_versions_of_a_file_are_read_together_whatever_their_sizes(tmp_path: Path) -> None:
    for version in range(3):
        for i in range(40):
            path = tmp_path / f"v{version}" / f"{i}.py"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(b"x" * (1000 + 3 * i + version))
    found = extents(tmp_path, 0.0, 0.5)
    assert 0 < len(found) < 120
    assert all(len([v for v in found if v.rank == u.rank]) == 3 for u in found)
    assert {u.once_bytes / (u.end - u.start) for u in found} == {1}


def test_many_files_share_their_ranks_with_fewer_or_with_none(tmp_path: Path) -> None:
    for i in range(100):
        for folder in ("a", "b"):
            (tmp_path / folder / f"{i}").mkdir(parents=True)
            (tmp_path / folder / f"{i}" / f"file{i}").write_bytes(b"x" * 100)
            (tmp_path / folder / f"{i}" / "same").write_bytes(b"x" * 101)
    found = extents(tmp_path, 0.0, 2.0)
    named = [u for u in found if u.entry.size_bytes == 100]
    same = [u for u in found if u.entry.size_bytes == 101]
    assert len({u.rank for u in named}) == 100
    assert len({u.rank for u in same}) == 200
    assert {u.once_bytes for u in named} == {50}
    assert {u.once_bytes for u in same} == {101}
    larger = extents(tmp_path, 0.0, 2.0, SamplingDesign(share_limit=200))
    assert len({u.rank for u in larger if u.entry.size_bytes == 101}) == 1


def test_the_listing_tells_of_all_extents_what_is_then_read_of_some(tree: Path) -> None:
    (tree / "c").mkdir()
    for i in range(0, 60, 2):
        (tree / "c" / f"f{i}").write_bytes(b"y" * 40_000)
    counted, totals = listing(tree), Totals()
    selected = counted.ranks.select([listed(tree)], 0.0, 2.0, totals)
    found = [extent for some in selected for extent in some]
    assert totals.once_bytes == sum(extent.once_bytes for extent in found)
    assert totals.once_bytes < 0.7 * counted.census.size_bytes
    assert totals.by_exponent.total() == counted.census.size_bytes
    by_exponent: Counter[int] = Counter()
    for extent in found:
        by_exponent[extent.entry.size_bytes.bit_length()] += extent.end - extent.start
    assert totals.by_exponent == by_exponent
    assert totals.extents.total() == len(found)
    assert len({(u.rank, u.entry.size_bytes.bit_length()) for u in found}) == len(
        {extent.rank for extent in found}
    )
    some = sample_of(scanned(tree, 0.5))
    assert some.totals == totals
    assert some.listed.sum() < totals.by_exponent.total()
    whole = sample_of(scanned(tree, 1.0))
    assert (int(whole.listed.sum()), int(whole.once.sum())) == (
        totals.by_exponent.total(),
        totals.once_bytes,
    )


def test_few_of_many_files_are_taken_to_be_alike_that_are_not() -> None:
    ranks = SamplingRanks(LocalTree([]), DESIGN)
    entries = Entries.of(
        Entry(b"f%d" % i, (0,), 1000 + i, 1000 + i, (1, i, 0)) for i in range(50_000)
    )
    ranks.count(entries)
    assert (ranks.shared_by(entries).group_size > 1).sum() < 50


def test_files_are_looked_into_only_when_ranks_are_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "small").write_bytes(b"small")
    with open(tmp_path / "sparse", "wb") as file:
        file.seek(100 * UNIT)
        file.write(b"end")
    opened: list[bytes] = []
    tree = LocalTree([tmp_path])
    open_entry = tree.open

    def noted(entry: Entry) -> FileReader:
        opened.append(entry.path)
        return open_entry(entry)

    monkeypatch.setattr(tree, "open", noted)
    counted = Listing(tree, DESIGN)
    assert counted.count(threading.Event())
    assert counted.root_bytes == [counted.census.size_bytes] == [100 * UNIT + 8]
    assert counted.stored_bytes < 10 * UNIT
    assert not opened
    assert (counted.sampled_bytes, counted.skipped_bytes) == (8, 100 * UNIT)
    assert counted.root_bytes == [8]
    assert counted.ranks.extents == 2
    assert opened == [b"sparse"]


def test_another_seed_reads_other_units(tree: Path) -> None:
    other = SamplingDesign(seed=8, extent_bytes=UNIT)
    assert ids(extents(tree, 0.0, 0.3)) != ids(extents(tree, 0.0, 0.3, other))


def scanned(root: Path, rate: float, threads: int = 1, steps: int = 1) -> Measurement:
    partial = PartialScan(listing(root), Plan(seed=7), threads=threads)
    for step in range(1, steps + 1):
        partial.extend(rate * step / steps)
    return partial.result()


def reduced(root: Path, found: Measurement) -> Reduction:
    """What ``found`` of ``root`` says, when samples of it have been compressed."""
    prober = Prober(LocalTree([root]), found.plan)
    windows, every = glance(prober)
    return reduce(compress(prober, replace(found, occurrences=every), windows))


def assert_same_sample(one: Measurement, other: Measurement) -> None:
    assert one.sketches.keys() == other.sketches.keys()
    for name, sketch in one.sketches.items():
        theirs = other.sketches[name]
        assert sketch.tau == theirs.tau
        for column in ("keys", "sizes", "counts", "labels", "extents", "objects", "offsets"):
            assert np.array_equal(getattr(sketch, column), getattr(theirs, column)), column
    ours, others = sample_of(one), sample_of(other)
    for column in ("ranks", "listed", "once", "exponents", "at", "labels", "data", "holes"):
        assert np.array_equal(getattr(ours, column), getattr(others, column)), column
    assert (ours.rate, ours.totals) == (others.rate, others.totals)


def test_neither_threads_nor_steps_change_what_is_found(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "THREAD_BYTES", 1)
    monkeypatch.setattr(run, "EXTENTS_BYTES", 1 << 18)
    once = scanned(tree, 0.4)
    assert_same_sample(once, scanned(tree, 0.4, threads=3))
    assert_same_sample(once, scanned(tree, 0.4, steps=4))
    assert 0 < once.coverage < 1


def test_looking_at_what_was_found_loses_nothing(tree: Path) -> None:
    partial = PartialScan(listing(tree), Plan(seed=7))
    for rate in (0.1, 0.2, 0.4):
        partial.extend(rate)
        looked = partial.result()
        assert_same_sample(looked, scanned(tree, rate))


@pytest.mark.parametrize("threads", [1, 3])
def test_what_was_read_before_a_stop_is_the_sample_of_a_lower_rate(
    tree: Path, monkeypatch: pytest.MonkeyPatch, threads: int
) -> None:
    stop = threading.Event()
    read = 0

    def count(self: Pace, read_bytes: int) -> None:
        nonlocal read
        read += read_bytes
        if read > 5_000_000:
            stop.set()

    partial = PartialScan(listing(tree), Plan(seed=7), stop=stop, threads=threads)
    with monkeypatch.context() as patched:
        patched.setattr(Pace, "wait", count)
        patched.setattr(run, "THREAD_BYTES", 1)
        patched.setattr(run, "EXTENTS_BYTES", 1 << 20)
        partial.extend(1.0)
    stopped = partial.result()
    assert 0 < sample_of(stopped).rate < 1
    assert sample_of(stopped).interrupted
    assert not stopped.census.skipped
    whole = scanned(tree, sample_of(stopped).rate)
    ours, theirs = stopped.sketches["cdc-64KiB"], whole.sketches["cdc-64KiB"]
    assert np.array_equal(ours.keys, theirs.keys)
    assert np.array_equal(sample_of(stopped).data, sample_of(whole).data)
    partial.extend(1.0)
    assert partial.rate == sample_of(stopped).rate, "nothing more is read"


def test_no_time_reads_nothing_and_says_nothing(tree: Path) -> None:
    partial = PartialScan(listing(tree), Plan(seed=7))
    partial.extend(1.0, until=lambda rate: 0.0)
    found = partial.result()
    assert found.read_bytes == 0
    reduction = reduce(found)
    assert reduction.headline.ratio.value is None
    assert reduction.headline.ratio.low is None
    assert reduction.scope.floor.value is None


def test_reading_all_units_counts_exactly(tree: Path) -> None:
    found = scanned(tree, 1.0)
    reduction = reduced(tree, found)
    assert found.coverage == 1.0
    content = [p.read_bytes() for p in tree.rglob("*") if p.is_file()]
    blocks = {d[i : i + 4096] for d in content for i in range(0, len(d), 4096)}
    fixed = next(d for d in reduction.dedup if d.chunker == "fixed-4KiB")
    assert fixed.unique_bytes.value == sum(map(len, blocks))
    assert fixed.unique_bytes.low == fixed.unique_bytes.high == fixed.unique_bytes.value


def test_a_sample_that_came_to_be_everything_counts_exactly(tmp_path: Path) -> None:
    content = random.Random(1).randbytes(30_000)
    for name in ("one", "copy"):
        (tmp_path / name).write_bytes(content)
    some, every = scanned(tmp_path, 0.999), scanned(tmp_path, 1.0)
    assert sample_of(some).rate == 1.0
    assert reduced(tmp_path, some).headline == reduced(tmp_path, every).headline
    assert reduced(tmp_path, some).headline.ratio.value is not None
    assert sample_of(scanned(tmp_path, 1e-9)).rate < 1.0


def test_where_all_units_were_read_there_is_no_more_to_read(tmp_path: Path) -> None:
    # More chunks than are compressed: the headline has an interval even so.
    for i in range(2100):
        (tmp_path / f"f{i}").write_bytes(b"%d" % i * 30)
    reduction = reduced(tmp_path, scanned(tmp_path, 1.0))
    assert reduction.headline.ratio.low != reduction.headline.ratio.high
    assert reduction.method.sampling is not None
    assert reduction.method.sampling.more_reading == []


def test_units_are_cut_where_the_whole_file_is(tmp_path: Path) -> None:
    source = random.Random(9)
    content = source.randbytes(6 << 20)
    (tmp_path / "one").write_bytes(content)
    (tmp_path / "shifted").write_bytes(source.randbytes(12_345) + content)
    design = SamplingDesign(seed=7)
    partial = PartialScan(listing(tmp_path, design), Plan(seed=7))
    partial.extend(1.0)
    name = "cdc-64KiB"
    in_units = reduced(tmp_path, partial.result())
    whole = reduced(tmp_path, scan([tmp_path], Plan(seed=7)))
    ours, theirs = (
        next(d.unique_bytes.value for d in each.dedup if d.chunker == name)
        for each in (in_units, whole)
    )
    assert ours is not None
    assert theirs is not None
    assert theirs < 0.55 * whole.data_bytes
    # Of what is after each start of a unit a little is cut otherwise: here a twentieth at most.
    assert ours == pytest.approx(theirs, rel=0.05)


def test_a_chunk_at_the_end_of_a_unit_is_whole(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(random.Random(9).randbytes(2 * UNIT))
    found = scanned(tmp_path, 1.0).sketches["cdc-64KiB"]
    # The last chunk of the file alone may be shorter than the least of them.
    assert np.count_nonzero(found.sizes < 40 << 10) <= 1


def test_a_hole_behind_a_unit_ends_its_last_chunk(tmp_path: Path) -> None:
    data = random.Random(9).randbytes(UNIT)
    for name, size in (("sparse", 3 * UNIT), ("dense", UNIT)):
        with open(tmp_path / name, "wb") as file:
            file.write(data)
            file.truncate(size)
    found = scanned(tmp_path, 1.0)
    unique = next(
        d for d in reduced(tmp_path, found).dedup if d.chunker == "cdc-64KiB"
    ).unique_bytes
    assert (found.hole_bytes, unique.value) == (2 * UNIT, UNIT)


def test_below_a_twentieth_deduplication_has_no_point(tmp_path: Path) -> None:
    source = random.Random(3)
    for i in range(3000):
        (tmp_path / f"f{i}").write_bytes(source.randbytes(3000 + i))
    reduction = reduced(tmp_path, scanned(tmp_path, 0.04))
    for dedup in reduction.dedup:
        assert dedup.ratio.value is None
        assert dedup.ratio.low is not None
        assert dedup.ratio.low <= 1.0 + 1e-9
    # Compression needs no duplicates: it has one.
    assert reduction.scope.floor.value == pytest.approx(1.0)


def test_a_file_that_shrinks_costs_what_is_missing_of_it(tree: Path) -> None:
    counted = listing(tree)
    size_bytes = (tree / "text").stat().st_size
    os.truncate(tree / "text", 5)
    partial = PartialScan(counted, Plan(seed=7))
    partial.extend(1.0)
    found = partial.result()
    skipped_bytes = found.census.skipped["changed"].size_bytes
    assert skipped_bytes in (size_bytes - 5, size_bytes)
    assert found.read_bytes + skipped_bytes == found.census.size_bytes


def test_holes_are_neither_read_nor_data(tmp_path: Path) -> None:
    with open(tmp_path / "sparse", "wb") as file:
        file.write(b"x" * UNIT)
        file.truncate(8 * UNIT)
    found = scanned(tmp_path, 1.0)
    assert (found.read_bytes, found.hole_bytes) == (UNIT, 7 * UNIT)
    assert found.data_bytes == UNIT


def test_units_in_holes_are_not_drawn_and_count_as_holes_at_any_rate(tmp_path: Path) -> None:
    source = random.Random(15)
    for i in range(90):
        (tmp_path / f"text{i}").write_bytes(b"%d of a kind\n" % i * (1000 + 40 * i))
    with open(tmp_path / "sparse", "wb") as file:
        for at in (3, 700_000, 8_000_000):
            file.seek(at * UNIT)
            file.write(source.randbytes(UNIT))
        file.truncate(1 << 40)
    counted = listing(tmp_path)
    assert counted.ranks.extents < 300
    found = scanned(tmp_path, 0.5)
    dense_bytes = sum(p.stat().st_size for p in tmp_path.glob("text*")) + 3 * UNIT
    assert found.hole_bytes == (1 << 40) - 3 * UNIT
    assert found.data_bytes == counted.sampled_bytes == dense_bytes
    assert found.coverage == found.read_bytes / dense_bytes
    # The sparse file is the largest, but little of the data.
    compressed = reduced(tmp_path, found).compression[0].compressed_bytes
    assert compressed.value is not None
    assert compressed.value < dense_bytes / 4


def test_a_sparse_file_that_cannot_be_opened_is_refused_with_all_its_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "text").write_bytes(b"a line\n" * 30_000)
    with open(tmp_path / "sparse", "wb") as file:
        file.truncate(1 << 43)

    open_file = LocalTree.open

    def locked(tree: LocalTree, entry: Entry) -> FileReader:
        if entry.path == b"sparse":
            raise PermissionError(errno.EACCES, "locked")
        return open_file(tree, entry)

    monkeypatch.setattr(LocalTree, "open", locked)
    found = scanned(tmp_path, 1.0)
    refused = found.census.skipped["permission"]
    assert (refused.entries, refused.size_bytes) == (1, 1 << 43)
    assert (found.hole_bytes, found.read_bytes, found.data_bytes) == (0, 210_000, 210_000)
    assert 0 < found.coverage < 1e-7


def test_a_full_sketch_keeps_a_share_of_the_chunks_by_content(tree: Path) -> None:
    def sketch_of(entries: int) -> Sketch:
        chunker = Chunker("c", "fixed", 4096, 4096, entries)
        partial = PartialScan(listing(tree), Plan(seed=7, chunkers=(chunker,), probed=()))
        partial.extend(1.0)
        return partial.result().sketches["c"]

    sketch, every = sketch_of(300), sketch_of(10_000)
    assert len(sketch.keys) <= 300
    assert sketch.tau < 1
    assert len(sketch.keys) / sketch.tau == pytest.approx(len(every.keys), rel=0.2)
    assert np.array_equal(sketch.keys, every.keys[every.ranks(7) < sketch.tau])
    assert (sketch.ranks(7) < sketch.tau).all()


def test_a_listing_stops_at_a_root_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(StoreffError):
        listing(tmp_path / "no")


def test_every_chunker_that_cuts_has_a_sketch(tree: Path) -> None:
    assert set(scanned(tree, 0.5).sketches) == {c.name for c in CUTTINGS if c.max_bytes}


def test_compression_weighs_files_of_each_size_by_their_bytes(tmp_path: Path) -> None:
    # Small files shrink to nothing, large ones not at all, the largest are too few for a stratum.
    source = random.Random(6)
    for i in range(600):
        (tmp_path / f"s{i}").write_bytes(b"%d" % i * 1000)
    for i in range(200):
        (tmp_path / f"l{i}").write_bytes(source.randbytes(20_000 + i))
    for i in range(3):
        (tmp_path / f"x{i}").write_bytes(source.randbytes(70_000 + i))
    found = scanned(tmp_path, 0.5)
    only = reduced(tmp_path, found).scope.floor
    incompressible = sum(p.stat().st_size for p in tmp_path.glob("[lx]*"))
    assert only.value == pytest.approx(found.census.size_bytes / incompressible, rel=0.03)
