"""Shards of a full scan or of a sample, merged in any order, are the scan of everything."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scans import SMALL, assert_same, count, fill, probed, sample_of

from storeff.scan import run
from storeff.scan.measurement import Measurement, merged
from storeff.scan.partial import PartialScan
from storeff.scan.run import Crew, Shard, scan
from storeff.scan.sampling import SamplingDesign
from storeff.sources.source import Source, entries
from storeff.sources.tree import LocalTree
from storeff.testing import MemorySource

DESIGN = SamplingDesign(seed=3, extent_bytes=128 << 10)


def sample(
    source: Source, rate: float, shard: Shard | None = None, design: SamplingDesign = DESIGN
) -> Measurement:
    scanning = PartialScan(count(source, design, shard), SMALL)
    scanning.extend(rate)
    return scanning.result()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> LocalTree:
    """Two roots, files of which belong to both, an entry that is no object, and a sparse file."""
    top = tmp_path_factory.mktemp("trees")
    fill(top / "one")
    fill(top / "two", seed=2, files=15)
    for i in range(3):
        (top / "two" / f"link{i}").hardlink_to(top / "one" / f"d0/f{i * 5}")
    (top / "two" / "symlink").symlink_to("large")
    with open(top / "one" / "sparse", "wb") as file:
        file.write(b"x" * 300_000)
        file.truncate(9 << 20)
    return LocalTree([top / "one", top / "two"])


def timeless(measured: Measurement) -> bytes:
    """The bytes of a measurement but for what differs between runs."""
    same = replace(measured, cpu_seconds=0.0, tasks=frozenset())
    return same.to_bytes()


def reduced(parts: list[Measurement], choose: random.Random) -> Measurement:
    """All of ``parts``, merged in random pairs."""
    parts = [*parts]
    while len(parts) > 1:
        one, other = (parts.pop(choose.randrange(len(parts))) for _ in range(2))
        parts.append(one.merge(other))
    return parts[0]


@settings(max_examples=12)
@given(shards=st.integers(1, 6), rate=st.sampled_from([None, 0.4, 1.0]), seed=st.integers(0, 999))
def test_merged_shards_are_the_scan_of_everything(
    source: LocalTree, shards: int, rate: float | None, seed: int
) -> None:
    def measured(shard: Shard | None) -> Measurement:
        return scan(source, SMALL, shard=shard) if rate is None else sample(source, rate, shard)

    parts = [measured((i, shards)) for i in range(shards)]
    whole = measured(None)
    assert sum(part.census.files for part in parts) == whole.census.files
    assert timeless(reduced(parts, random.Random(seed))) == timeless(whole)
    # What was written and read again merges as well, and what is in it twice counts once.
    read = [Measurement.from_bytes(part.to_bytes()) for part in (*parts, parts[0])]
    assert timeless(merged(read[:-1])) == timeless(whole)
    assert timeless(read[0].merge(read[-1])) == timeless(parts[0])


@settings(max_examples=6)
@given(shards=st.integers(2, 5))
def test_a_shard_that_keeps_what_the_others_would_keep_changes_nothing(
    source: LocalTree, shards: int
) -> None:
    so_far = scan(source, SMALL, shard=(0, shards))
    for i in range(1, shards):
        limits = {name: sketch.limit(SMALL.seed) for name, sketch in so_far.sketches.items()}
        so_far = so_far.merge(scan(source, SMALL, shard=(i, shards), limits=limits))
    assert timeless(so_far) == timeless(scan(source, SMALL))


@settings(max_examples=6)
@given(shards=st.integers(1, 5), seed=st.integers(0, 999))
def test_shards_that_were_probed_whole_are_everything_probed(
    source: LocalTree, shards: int, seed: int
) -> None:
    parts = [probed(source, SMALL, shard=(i, shards)) for i in range(shards)]
    whole = probed(source, SMALL)
    assert timeless(reduced(parts, random.Random(seed))) == timeless(whole)
    read = [Measurement.from_bytes(part.to_bytes()) for part in parts]
    assert timeless(merged(read)) == timeless(whole)


def test_threads_do_not_change_a_byte(source: LocalTree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "THREAD_BYTES", 1)
    monkeypatch.setattr(run, "BATCH_FILES", 3)
    one, four = (scan(source, SMALL, threads=threads) for threads in (1, 4))
    assert timeless(one) == timeless(four)
    samples = []
    for threads in (1, 4):
        scanning = PartialScan(count(source, DESIGN), SMALL, threads=threads)
        scanning.extend(0.5)
        samples.append(scanning.result())
    assert isinstance(scanning.crew, Crew)
    assert len(scanning.crew.workers) > 1
    assert timeless(samples[0]) == timeless(samples[1])


@settings(max_examples=6)
@given(st.permutations([0.2, 0.5, 0.9]))
def test_samples_merge_at_the_lowest_rate_in_any_order(
    source: LocalTree, rates: list[float]
) -> None:
    parts = [sample(source, rate, (i, 3)) for i, rate in enumerate(rates)]
    together = merged(parts)
    lowest = [sample(source, 0.2, (i, 3)) for i in range(3)]
    assert sample_of(together).rate == 0.2
    for column in ("ranks", "listed", "once", "at", "labels", "data", "holes"):
        theirs = getattr(sample_of(merged(lowest)), column)
        assert np.array_equal(getattr(sample_of(together), column), theirs), column
    assert together.read_bytes == sum(part.read_bytes for part in lowest)
    backwards = merged(parts[::-1])
    assert timeless(backwards) == timeless(together)
    for sketch in together.sketches.values():
        assert sketch.extents is not None
        assert (sketch.extents < 0.2).all()


def test_what_was_measured_otherwise_does_not_merge(source: LocalTree) -> None:
    part = sample(source, 0.5)
    with pytest.raises(ValueError, match="a sample and a full scan"):
        part.merge(scan(source, SMALL))
    with pytest.raises(ValueError, match="different designs"):
        part.merge(sample(source, 0.5, design=SamplingDesign(seed=4, extent_bytes=128 << 10)))


def test_shards_of_equal_content_are_two_scans(tmp_path: Path) -> None:
    """They find the same, and still one is not the other again."""
    for i in range(40):
        (tmp_path / f"{i}").write_bytes(b"the same content " * 100)
    parts = [scan(LocalTree([tmp_path]), SMALL, shard=(i, 2)) for i in range(2)]
    assert merged(parts).census.files == 40


def test_what_is_no_object_is_in_one_shard(source: LocalTree) -> None:
    every = scan(source, SMALL).census
    parts = [scan(source, SMALL, shard=(i, 3)).census for i in range(3)]
    assert every.ignored
    assert [bool(part.ignored) for part in parts] == [True, False, False]


@pytest.mark.parametrize("rate", [None, 0.5, 1.0])
def test_a_source_without_descriptors_is_measured_alike(
    source: LocalTree, rate: float | None
) -> None:
    memory = MemorySource(source.roots, read_bytes=100_000)
    for entry in entries(source):
        with source.open(entry) as reader:
            segments = [
                length if is_hole else bytearray(length)
                for _, length, is_hole in reader.segments(0, entry.size_bytes)
            ]
            position = 0
            for segment in segments:
                if isinstance(segment, bytearray):
                    reader.read_into(memoryview(segment), position)
                position += segment if isinstance(segment, int) else len(segment)
        contents = [s if isinstance(s, int) else bytes(s) for s in segments]
        memory.put(entry.path, *contents, roots=entry.roots)
    if rate is None:
        ours, theirs = scan(memory, SMALL), scan(source, SMALL)
    else:
        ours, theirs = sample(memory, rate), sample(source, rate)
    ours = replace(ours, census=theirs.census)
    assert_same(ours, theirs)
    assert timeless(ours) == timeless(theirs)
