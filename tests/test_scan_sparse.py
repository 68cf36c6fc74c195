"""Sparse files cost what they hold, and are the same as their dense copies."""

import os
import random
import threading
from collections.abc import Iterable, Sequence
from itertools import chain
from pathlib import Path

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scans import SMALL, assert_same, listed, sample_of, scan

from storeff.estimate.reduction import reduce
from storeff.scan import sampling
from storeff.scan.listing import Listing
from storeff.scan.measurement import Measurement
from storeff.scan.part import PartedFile
from storeff.scan.partial import PartialScan
from storeff.scan.plan import Plan
from storeff.scan.sampling import SamplingDesign
from storeff.sources.census import Census
from storeff.sources.tree import LocalTree

GRANULE = 128 << 10
PART = 1 << 20
IN_PARTS = msgspec.structs.replace(SMALL, part_bytes=PART)
RANDOM = random.Random(11).randbytes(4 << 20)


def write(path: Path, size_bytes: int, extents: Iterable[tuple[int, bytes]] = ()) -> Path:
    """A file that holds ``extents`` and else only hole."""
    with open(path, "wb") as file:
        try:
            file.truncate(size_bytes)
        except OSError:
            pytest.skip(f"this file system holds no files of {size_bytes} bytes")
        for offset, content in extents:
            file.seek(offset)
            file.write(content)
    if size_bytes > 4 * PART and os.stat(path).st_blocks * 512 >= size_bytes:
        pytest.skip("this file system stores holes")
    return path


def partly(root: Path, rate: float) -> Measurement:
    listing = Listing(LocalTree([root]), SamplingDesign())
    assert listing.count(threading.Event())
    partial = PartialScan(listing, Plan())
    partial.extend(rate)
    return partial.result()


def parts_of(path: Path, part_bytes: int) -> PartedFile:
    (entry,) = listed(path)
    file = PartedFile(LocalTree([path]), entry, part_bytes)
    assert [p for parts, _ in file.stretches(threading.Event()) for p in parts] == file.parts
    return file


# ---- what a sparse file costs ----


def test_there_are_parts_only_where_there_is_data(tmp_path: Path) -> None:
    at = [0, 5 * PART - 4096, 6 * PART, (1 << 42) - 5]
    path = write(tmp_path / "x", 1 << 42, ((offset, b"data") for offset in at))
    file = parts_of(path, PART)
    assert [part.start for part in file.parts] == [offset // PART * PART for offset in at]
    assert all(part.end - part.start == PART for part in file.parts)
    assert file.gap_bytes == (1 << 42) - 4 * PART


def test_data_that_ends_at_the_border_of_a_part_makes_no_part_behind_it(tmp_path: Path) -> None:
    extents = [(PART - GRANULE, RANDOM[:GRANULE]), (3 * PART, RANDOM[: 2 * PART])]
    file = parts_of(write(tmp_path / "x", 9 * PART, extents), PART)
    assert [part.start // PART for part in file.parts] == [0, 3, 4]
    assert file.gap_bytes == 6 * PART


def test_a_file_without_data_has_no_parts_and_one_empty_stretch(tmp_path: Path) -> None:
    path = write(tmp_path / "x", 1 << 42)
    (entry,) = listed(path)
    file = PartedFile(LocalTree([path]), entry, PART)
    assert list(file.stretches(threading.Event())) == [([], 0)]
    assert file.finish()
    assert (file.gap_bytes, file.missing_bytes, file.reason) == (1 << 42, 0, None)


def test_parts_of_little_data_are_handed_out_together(tmp_path: Path) -> None:
    path = write(tmp_path / "x", 4000 * PART, ((i * 4 * PART, b"data") for i in range(1000)))
    (entry,) = listed(path)
    stretches = list(PartedFile(LocalTree([path]), entry, PART).stretches(threading.Event()))
    assert sum(len(parts) for parts, _ in stretches) == 1000
    assert sum(data_bytes for _, data_bytes in stretches) == 1000 * GRANULE
    assert len(stretches) == 8


def sparse_tree(root: Path) -> int:
    """Files of which hardly anything is data; returns the bytes of the granules that hold some."""
    ends = (1 << 43) - 3
    write(root / "start", 1 << 43, [(1000, b"x")])
    write(root / "both ends", 1 << 43, [(0, RANDOM[:5000]), (ends, b"end")])
    write(root / "borders", 1 << 40, [((1 << 39) - 4096, RANDOM[:4096]), (1 << 39, b"y")])
    write(root / "hole", 1 << 43)
    write(root / "extents", 1 << 42, ((i << 30, b"%d" % i * 99) for i in range(500)))
    for i in range(50):
        write(root / f"one of many {i}", 1 << 41, [(i << 30, b"%d" % i)])
    return (1 + 2 + 2 + 500 + 50) * GRANULE


def test_a_scan_reads_what_is_there_and_counts_the_holes_exactly(tmp_path: Path) -> None:
    data_bytes = sparse_tree(tmp_path)
    measured = scan([tmp_path], SMALL)
    assert measured.read_bytes == data_bytes
    assert measured.hole_bytes == measured.census.size_bytes - data_bytes
    assert measured.coverage == 1.0
    assert {sketch.bytes for sketch in measured.sketches.values()} == {data_bytes}
    assert_same(measured, scan([tmp_path], SMALL, threads=4))


def test_a_partial_scan_draws_from_what_is_there(tmp_path: Path) -> None:
    data_bytes = sparse_tree(tmp_path)
    every = partly(tmp_path, 1.0)
    assert every.read_bytes == every.data_bytes == data_bytes
    assert every.hole_bytes == every.census.size_bytes - data_bytes
    assert every.coverage == 1.0
    some = partly(tmp_path, 0.3)
    assert 0 < some.read_bytes < data_bytes
    assert some.coverage < 1.0
    ratio = next(d.ratio for d in reduce(every).dedup if d.chunker == "fixed-128KiB")
    assert ratio.value is not None
    assert ratio.value >= 1


def test_a_partial_scan_is_the_same_when_it_cannot_remember_where_the_data_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sparse_tree(tmp_path)
    remembered = partly(tmp_path, 0.3)
    monkeypatch.setattr(sampling, "RANGES_HELD", 10)
    monkeypatch.setattr(sampling, "NUMBERS_AT_A_TIME", 7)
    asked_again = partly(tmp_path, 0.3)
    ours, theirs = sample_of(remembered), sample_of(asked_again)
    assert np.array_equal(ours.ranks, theirs.ranks)
    assert (remembered.read_bytes, remembered.hole_bytes, ours.totals) == (
        asked_again.read_bytes,
        asked_again.hole_bytes,
        theirs.totals,
    )


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(1, 9)), max_size=20), st.integers(1, 9))
def test_numbers_in_ranges_are_counted_out_in_blocks(
    gaps: list[tuple[int, int]], at_a_time: int
) -> None:
    ranges, position = [], 0
    for gap, length in gaps:
        ranges.append((position + gap, position + gap + length))
        position += gap + length
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sampling, "NUMBERS_AT_A_TIME", at_a_time)
        table = np.array(ranges, np.int64).reshape(-1, 2)
        numbers = [block.tolist() for block in sampling.numbers_in(table)]
    assert all(len(block) <= at_a_time for block in numbers)
    assert list(chain(*numbers)) == [n for first, end in ranges for n in range(first, end)]


def test_files_of_exbibytes(tmp_path: Path) -> None:
    size = (1 << 63) - 1
    shared_memory = Path("/dev/shm")
    if not os.access(shared_memory, os.W_OK):
        pytest.skip("there is no /dev/shm, whose files may be of any size")
    root = shared_memory / f"storeff-test-{os.getpid()}"
    root.mkdir()
    try:
        for name in ("a", "b", "c"):
            write(root / name, size, [(1 << 62, b"x"), (size - 2, b"yz")])
        measured, sampled = scan([root], SMALL), partly(root, 1.0)
        data_bytes = 3 * (GRANULE + GRANULE - 1)
        for found in (measured, sampled):
            assert found.read_bytes == data_bytes
            assert found.hole_bytes == 3 * size - data_bytes
            assert found.coverage == 1.0
        assert measured.sketches["whole-file"].counts.tolist() == [3]
    finally:
        for path in root.iterdir():
            path.unlink()
        root.rmdir()


def test_a_byte_that_is_missing_of_exbibytes_shows_in_the_coverage() -> None:
    census = Census(size_bytes=1 << 62)
    assert census.coverage((1 << 62) - 1, 0) < 1.0
    assert census.coverage((1 << 61) - 1, 1 << 61) < 1.0
    assert census.coverage(1 << 62, 0) == 1.0
    assert census.coverage(0, 0) == 0.0


def test_a_hole_of_terabytes_covers_no_data_that_was_not_read(tmp_path: Path) -> None:
    write(tmp_path / "hole", 1 << 43)
    write(tmp_path / "data", 40 * GRANULE, [(0, RANDOM[:1] * 40 * GRANULE)])
    some = partly(tmp_path, 0.3)
    assert some.coverage == some.read_bytes / (40 * GRANULE) < 0.6
    stop = threading.Event()
    stop.set()
    assert scan([tmp_path], SMALL, stop=stop).coverage == 0.0


def test_a_sample_that_came_to_be_everything_counts_exactly(tmp_path: Path) -> None:
    for name in ("one", "copy"):
        write(tmp_path / name, 30_000, [(0, RANDOM[:30_000])])
    some, every = partly(tmp_path, 0.999), partly(tmp_path, 1.0)
    assert sample_of(some).rate == 1.0
    assert reduce(some).dedup == reduce(every).dedup
    assert all(d.ratio.value == 2 for d in reduce(some).dedup)
    assert sample_of(partly(tmp_path, 1e-9)).rate < 1.0


# ---- a sparse and a dense copy ----


def copies(root: Path, granules: Sequence[bytes], tail: bytes) -> list[Path]:
    """The same file dense, with a hole for each granule of zeros, and with one for every other."""
    content = b"".join(granules) + tail
    dense = root / "dense"
    dense.write_bytes(content)
    made = [dense]
    for name, step in (("sparse", 1), ("partly", 2)):
        stored = [
            (i * GRANULE, granule) for i, granule in enumerate(granules) if any(granule) or i % step
        ]
        made.append(write(root / name, len(content), [*stored, (len(content) - len(tail), tail)]))
    return made


def whole_files(measured: Measurement) -> list[tuple[int, int]]:
    """(bytes, references) of what is kept of whole files."""
    sketch = measured.sketches["whole-file"]
    return sorted(zip(sketch.sizes.tolist(), sketch.counts.tolist(), strict=True))


@settings(max_examples=25)
@given(st.lists(st.booleans(), min_size=9, max_size=20), st.integers(0, 1000))
@pytest.mark.parametrize("plan", [SMALL, IN_PARTS], ids=["one part", "several parts"])
def test_copies_are_equal_whichever_of_their_zeros_are_holes(
    tmp_path_factory: pytest.TempPathFactory, plan: Plan, is_data: list[bool], tail_bytes: int
) -> None:
    root = tmp_path_factory.mktemp("copies")
    granules = [
        RANDOM[i * GRANULE : (i + 1) * GRANULE] if data else bytes(GRANULE)
        for i, data in enumerate(is_data)
    ]
    copies(root, granules, b"\0" * tail_bytes)
    data_bytes = sum(is_data) * GRANULE + tail_bytes
    read = {name: scan([root / name], plan).read_bytes for name in ("dense", "sparse", "partly")}
    if read["sparse"] > data_bytes:
        pytest.skip("this file system stores holes")
    zeros = [read["dense"] - data_bytes, read["partly"] - data_bytes]
    stored = {size: zeros.count(size) for size in zeros if size}
    expected = [(data_bytes, 3)] * bool(data_bytes) + list(stored.items())
    measured = scan([root], plan, threads=3)
    assert whole_files(measured) == sorted(expected)
    assert measured.sketches["whole-file"].bytes == measured.read_bytes == sum(read.values())
    assert measured.sketches["whole-file"].chunks == sum(n > 0 for n in read.values())


@pytest.mark.parametrize("plan", [SMALL, IN_PARTS], ids=["one part", "several parts"])
def test_files_that_differ_in_where_or_how_many_their_zeros_are_differ(
    tmp_path: Path, plan: Plan
) -> None:
    for i, (first, second, size) in enumerate(
        [(0, 9, 30), (0, 10, 30), (1, 10, 30), (0, 9, 31), (8, 17, 30), (0, 17, 30)]
    ):
        extents = [
            (first * GRANULE, RANDOM[:GRANULE]),
            (second * GRANULE, RANDOM[GRANULE:][:GRANULE]),
        ]
        write(tmp_path / f"sparse{i}", size * GRANULE, extents)
        dense = bytearray(size * GRANULE)
        for offset, data in extents:
            dense[offset : offset + len(data)] = data
        (tmp_path / f"dense{i}").write_bytes(dense)
    counts = scan(
        [tmp_path],
        msgspec.structs.replace(
            plan,
            chunkers=tuple(msgspec.structs.replace(c, entries=99) for c in plan.chunkers),
        ),
    ).sketches["whole-file"]
    assert counts.counts[counts.sizes == 2 * GRANULE].tolist() == [2] * 6


def test_a_dense_and_a_sparse_copy_are_stored_once(tmp_path: Path) -> None:
    granules = [RANDOM[:GRANULE], *[bytes(GRANULE)] * 64, RANDOM[GRANULE : 2 * GRANULE]]
    copies(tmp_path, granules, b"")
    (tmp_path / "partly").unlink()
    reduction = reduce(scan([tmp_path], Plan()))
    unique = {d.chunker: d.unique_bytes.value for d in reduction.dedup}
    # The dense copy is kept; blocks of zeros are one block.
    assert unique["whole-file"] == 66 * GRANULE
    for name, block_bytes in (("fixed-4KiB", 4096), ("fixed-128KiB", GRANULE)):
        assert unique[name] == 2 * GRANULE + block_bytes
    assert reduction.data_bytes == 68 * GRANULE
