"""Windows are drawn from the listing, and the chunks around a random byte of each are probed."""

import os
import random
import threading
from dataclasses import replace
from pathlib import Path

import lz4.block
import numpy as np
import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from support.scans import (
    SMALL,
    assert_same,
    assert_same_occurrences,
    columns_of,
    fill,
    probed,
    scan,
)

from storeff import _native
from storeff.scan import glance, occurrences, reread, windows
from storeff.scan.measurement import VOLUME_BIT, Measurement
from storeff.scan.occurrences import WINDOW_BYTES, Occurrences
from storeff.scan.pace import Pace
from storeff.scan.plan import Plan, table
from storeff.scan.probe import Prober
from storeff.scan.sampling import object_number
from storeff.sources.entry import Entries
from storeff.sources.source import Source, entries
from storeff.sources.tree import LocalTree
from storeff.testing import MemorySource

FULL = Plan(probed=table("full"))
EVERY = 1 << 30
KIB = 1 << 10


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fill(tmp_path_factory.mktemp("tree"))


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is small enough to be looked at whole, and about 100 windows are drawn."""
    monkeypatch.setattr(occurrences, "EXACT_BYTES", 1)
    monkeypatch.setattr(occurrences, "WINDOWS_MAX", 100)


def every(source: Source, plan: Plan = FULL, count: int = EVERY) -> Occurrences:
    prober = Prober(source, plan)
    found = prober.occurrences(
        prober.draw(), dict.fromkeys(columns_of(plan, per_occurrence=True), count)
    )
    assert not prober.skipped
    return found


def in_memory(root: Path) -> MemorySource:
    """The files under ``root``, of which always the same windows are drawn."""
    source = MemorySource(read_bytes=1 << 20)
    for path in sorted(root.rglob("*")):
        if path.is_file():
            source.put(os.fsencode(path.relative_to(root)), path.read_bytes())
    return source


def contents(source: Source) -> dict[int, bytes]:
    """What is in each object, by number."""
    found = {}
    for entry in entries(source):
        data = bytearray(entry.size_bytes)
        with source.open(entry) as reader:
            view, at = memoryview(data), 0
            while at < len(data):
                at += reader.read_into(view[at:], at)
        found[object_number(entry)] = bytes(data)
    return found


def compressed(chunk: bytes, codec: str) -> int:
    if codec == "lz4":
        return min(len(chunk), len(lz4.block.compress(chunk, store_size=False)))
    level = int(codec.removeprefix("zstd-"))
    return min(len(chunk), len(zstandard.ZstdCompressor(level=level).compress(chunk)))


def chunks(data: bytes, min_bytes: int, max_bytes: int) -> list[tuple[int, int]]:
    """(start, end) of every chunk of ``data``, with each constant run as several."""
    return [
        (start, min(start + max_bytes, offset + length))
        for offset, length, _ in _native.cut(data, min_bytes, max_bytes).tolist()
        for start in range(offset, offset + length, max_bytes)
    ]


# ---- a little data: everything ----


def test_of_a_little_data_every_chunk_is_probed(tree: Path) -> None:
    source = LocalTree([tree])
    found, files = every(source), contents(source)
    assert found.tau == np.inf
    for index, (name, column) in enumerate(found.columns):
        assert found.is_exact(index)
        rows = found.rows(index)
        chunker = next(c for c in FULL.chunkers if c.name == name)
        expected = sorted(
            (number, start, end - start)
            for number, data in files.items()
            for start, end in chunks(data, chunker.min_bytes, chunker.max_bytes)
        )
        places = [each[rows].tolist() for each in (found.objects, found.starts, found.lengths)]
        assert sorted(zip(*places, strict=True)) == expected
        assert found.sizes[rows, index].tolist() == found.lengths[rows].tolist()
        values = [
            compressed(files[number][start : start + length], column)
            for number, start, length in zip(*places, strict=True)
        ]
        assert found.probed[rows, index].tolist() == values


def test_what_is_cut_alike_by_several_chunkers_is_one_row(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"small " * 100)
    found = every(LocalTree([tmp_path]))
    # The only window, and the only chunk.
    assert found.ranks.tolist() == [found.ranks[0], np.inf]
    assert (found.sizes == 600).all()


def test_a_column_that_is_not_asked_for_is_not_probed(tree: Path) -> None:
    prober = Prober(LocalTree([tree]), FULL)
    drawn = prober.draw()
    found = prober.occurrences(drawn, {("cdc-64KiB", "lz4"): 1, ("fixed-4KiB", "lz4"): 0})
    exact = [column for i, column in enumerate(found.columns) if found.is_exact(i)]
    assert exact == [("cdc-64KiB", "lz4")]
    assert set(prober.cpu_seconds) == {("cdc-64KiB", True)}
    # One more is added to it, and what is there is as if they had been probed together.
    more = prober.occurrences(drawn, {("fixed-8KiB", "zstd-1"): 1}, found)
    both = {("cdc-64KiB", "lz4"): 5, ("fixed-8KiB", "zstd-1"): 5}
    assert_same_occurrences(more, prober.occurrences(drawn, both))
    assert prober.occurrences(drawn, both, more) is more


def test_a_measurement_with_everything_has_every_byte_in_each_column(tree: Path) -> None:
    measured = probed(LocalTree([tree]), Plan())
    found = measured.occurrences
    assert found is not None
    for index in range(len(found.columns)):
        assert found.sizes[found.rows(index), index].sum() == measured.read_bytes


def test_no_data_is_nothing_to_probe(tmp_path: Path) -> None:
    (tmp_path / "empty").write_bytes(b"")
    found = every(LocalTree([tmp_path]))
    assert (found.data_bytes, found.tau, len(found.ranks)) == (0, np.inf, 0)
    assert all(map(found.is_exact, range(len(found.columns))))


def test_a_file_that_is_cut_in_parts_is_so_here(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(random.Random(1).randbytes(3 << 20))
    plan = replace_parts(SMALL)
    measured = probed(LocalTree([tmp_path]), plan)
    found = measured.occurrences
    assert found is not None
    rows = found.rows(found.columns.index(("cdc-8KiB", "lz4")))
    sketch = measured.sketches["cdc-8KiB"]
    assert np.count_nonzero(rows) == sketch.chunks
    assert {0, 1 << 20, 2 << 20} <= {*found.starts[rows].tolist()}


def replace_parts(plan: Plan) -> Plan:
    return Plan(chunkers=plan.chunkers, probed=plan.probed, part_bytes=1 << 20)


# ---- a sample ----


@pytest.mark.usefixtures("few")
def test_the_chunk_around_the_point_is_the_one_that_a_scan_cuts(tree: Path) -> None:
    source = in_memory(tree)
    prober = Prober(source, FULL)
    drawn, found, files = prober.draw(), every(source), contents(source)
    assert found.ranks.tolist() == drawn.ranks.tolist()
    for index, (name, column) in enumerate(found.columns):
        chunker = next(c for c in FULL.chunkers if c.name == name)
        cuts = {n: chunks(d, chunker.min_bytes, chunker.max_bytes) for n, d in files.items()}
        resumed = 0
        for row, (number, point) in enumerate(
            zip(drawn.objects.tolist(), drawn.points.tolist(), strict=True)
        ):
            data = files[number]
            start, end = next(each for each in cuts[number] if each[0] <= point < each[1])
            size, value = int(found.sizes[row, index]), int(found.probed[row, index])
            if (
                chunker.kind == "content-defined"
                and point >= glance.LEAD_BYTES
                and (size != end - start)
            ):
                # Cutting begins shortly before the point, and may not have come to the same cuts.
                resumed += 1
                continue
            assert size == end - start
            assert value == compressed(data[start:end], column)
        assert resumed <= len(drawn.points) // 6


@pytest.mark.usefixtures("few")
def test_every_byte_is_as_likely(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the windows of many seeds say, weighted by their chances, is what is so on average."""
    source, draw = MemorySource(read_bytes=1 << 20), random.Random(3)
    for i in range(60):
        words = draw.choices([b"alpha", b"beta", draw.randbytes(7)], k=draw.randrange(20_000))
        source.put(b"%d" % i, b"".join(words))
    truth = every(source, SMALL)
    monkeypatch.setattr(occurrences, "WINDOWS_MAX", 20)
    index = truth.columns.index(("cdc-8KiB", "lz4"))
    expected = sum(
        compressed(data[start:end], "lz4")
        for data in contents(source).values()
        for start, end in chunks(data, 6 << 10, 10 << 10)
    )
    estimates = []
    for seed in range(150):
        plan = Plan(seed=seed, chunkers=SMALL.chunkers, probed=SMALL.probed)
        found = every(source, plan)
        chance = np.minimum(1.0, found.lengths * found.tau)
        share = found.probed[:, index] / found.sizes[:, index]
        estimates.append(float((found.lengths * share / chance).sum()))
    error = np.std(estimates) / np.sqrt(len(estimates))
    assert abs(np.mean(estimates) - expected) < 3.5 * error
    assert error < expected / 20


@pytest.mark.usefixtures("few")
def test_more_windows_are_probed_later_and_none_twice(tree: Path, compressed: list[str]) -> None:
    prober = Prober(LocalTree([tree]), Plan())
    drawn, columns = prober.draw(), columns_of(Plan(), per_occurrence=True)
    at_once = prober.occurrences(drawn, dict.fromkeys(columns, 40))
    compressed.clear()
    found: Occurrences | None = None
    for windows_wanted in (10, 40, 20):
        found = prober.occurrences(drawn, dict.fromkeys(columns, windows_wanted), found)
    assert found is not None
    assert_same_occurrences(found, at_once)
    assert len(compressed) == 40 * len(columns)


@pytest.mark.usefixtures("few")
def test_columns_are_nested_by_rank(tree: Path) -> None:
    wanted = {("cdc-64KiB", "lz4"): 30, ("cdc-64KiB", "zstd-3"): 10, ("fixed-4KiB", "zstd-1"): 20}
    prober = Prober(LocalTree([tree]), Plan())
    drawn = prober.draw()
    found = prober.occurrences(drawn, wanted)
    assert found.ranks.tolist() == drawn.ranks[:30].tolist()
    for index, column in enumerate(found.columns):
        known = wanted.get(column, 0)
        assert np.flatnonzero(found.rows(index)).tolist() == list(range(known))
        assert found.taus[index] == (drawn.ranks[known] if known else 0)
        assert not found.sizes[known:, index].any()


def test_a_constant_run_is_as_many_chunks_as_its_length_gives(few: None) -> None:
    source = MemorySource(read_bytes=1 << 20)
    source.put(b"run", random.Random(1).randbytes(50_000), b"\xff" * (1 << 20))
    found = every(source, SMALL)
    index = found.columns.index(("cdc-8KiB", "lz4"))
    inside = found.starts >= WINDOW_BYTES
    assert {*found.sizes[inside, index].tolist()} <= {10 << 10, *range(1, 10 << 10)}
    assert np.count_nonzero(found.sizes[inside, index] == 10 << 10) >= np.count_nonzero(inside) - 1
    assert (found.probed[inside, index] < 200).all()


# ---- holes ----


def write_sparse(path: Path, data: list[tuple[int, bytes]], size_bytes: int) -> None:
    with open(path, "wb") as file:
        for at, content in data:
            file.seek(at)
            file.write(content)
        file.truncate(size_bytes)


@pytest.mark.usefixtures("few")
def test_windows_whose_point_is_in_a_hole_are_counted_apart(tmp_path: Path) -> None:
    """Half of the file is a hole: too little to ask where its data is before windows are drawn."""
    content = random.Random(1).randbytes(2 << 20)
    write_sparse(tmp_path / "half", [(0, content)], 4 << 20)
    found = every(LocalTree([tmp_path]))
    assert found.data_bytes == 4 << 20
    assert found.lengths.tolist() == [WINDOW_BYTES] * 32
    assert found.hole_lengths.tolist() == [WINDOW_BYTES] * 32
    assert (found.starts < 2 << 20).all()
    assert (found.probed > 0).all()


@pytest.mark.parametrize("exact_bytes", [1, 16 << 20])
def test_of_a_file_of_holes_only_data_is_drawn_from(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exact_bytes: int
) -> None:
    monkeypatch.setattr(occurrences, "EXACT_BYTES", exact_bytes)
    islands = [(i << 38, random.Random(i).randbytes(300_000)) for i in range(3)]
    write_sparse(tmp_path / "terabyte", islands, 1 << 40)
    source = LocalTree([tmp_path])
    found = every(source, Plan())
    # Whole granules of 128 KiB are data.
    assert found.data_bytes == 3 * (384 << 10)
    assert found.starts.max() >= 2 << 38
    assert (found.starts % (1 << 38) < 384 << 10).all()
    if exact_bytes > 1:
        measured = scan([tmp_path], Plan())
        for index in range(len(found.columns)):
            assert found.sizes[found.rows(index), index].sum() == measured.read_bytes
    else:
        assert len(found.ranks) + len(found.hole_ranks) == 3 * 6


def test_holes_are_no_data_of_a_little(tmp_path: Path) -> None:
    content = random.Random(1).randbytes(1 << 20)
    write_sparse(tmp_path / "half", [(0, content), (2 << 20, content)], 4 << 20)
    found = every(LocalTree([tmp_path]))
    assert found.hole_lengths.sum() == 2 << 20
    for index in range(len(found.columns)):
        assert found.sizes[found.rows(index), index].sum() == 2 << 20


# ---- merging ----


def by_shards(source: Source, plan: Plan, counts: list[int]) -> list[Occurrences]:
    found = []
    for i, windows_wanted in enumerate(counts):
        prober = Prober(source, plan, shard=(i, len(counts)))
        wanted = dict.fromkeys(columns_of(plan, per_occurrence=True), windows_wanted)
        found.append(prober.occurrences(prober.draw(), wanted))
    return found


@pytest.fixture(scope="module")
def small_files() -> MemorySource:
    """None is larger than what is cut before a point: a sample has the very chunks of a scan."""
    source, draw = MemorySource(read_bytes=1 << 20), random.Random(5)
    for i in range(60):
        size_bytes = draw.choice([0, 3000, 70_000, 250_000])
        source.put(b"%d" % i, draw.randbytes(size_bytes // 2), bytes(size_bytes // 2))
    return source


@given(
    counts=st.lists(st.integers(1, 60), min_size=1, max_size=5),
    exact_bytes=st.sampled_from([1, 2 << 20, 16 << 20]),
    windows_max=st.sampled_from([40, 100, 1 << 14]),
    order=st.randoms(use_true_random=False),
)
def test_shards_are_the_whole_as_far_as_all_are_probed(
    small_files: MemorySource,
    counts: list[int],
    exact_bytes: int,
    windows_max: int,
    order: random.Random,
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(occurrences, "EXACT_BYTES", exact_bytes)
        patch.setattr(occurrences, "WINDOWS_MAX", windows_max)
        parts = by_shards(small_files, SMALL, counts)
        [whole] = by_shards(small_files, SMALL, [EVERY])
        order.shuffle(parts)
        while len(parts) > 1:
            one, other = (parts.pop(order.randrange(len(parts))) for _ in range(2))
            parts.append(one.merge(other))
        assert_same_occurrences(parts[0], whole.below(parts[0].taus))
        if exact_bytes == 16 << 20 and windows_max == 1 << 14:
            assert parts[0].tau == np.inf


def test_objects_of_the_same_name_on_two_machines_are_two(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name / "data").mkdir(parents=True)
        (tmp_path / name / "data" / "a").write_bytes(b"the same " * 10_000)
    one, two = (probed(LocalTree([tmp_path / name / "data"]), SMALL) for name in ("one", "two"))
    found = one.merge(two).occurrences
    assert found is not None
    for index in range(len(found.columns)):
        assert found.sizes[found.rows(index), index].sum() == 2 * 90_000


def test_the_roots_keep_their_labels_when_others_come_between(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_bytes(name.encode() * 70_000)
    outer = probed(LocalTree([tmp_path / "a", tmp_path / "c"]), SMALL)
    both = outer.merge(probed(LocalTree([tmp_path / "b"]), SMALL))
    assert [os.path.basename(name) for name in both.volumes] == [b"a", b"b", b"c"]
    found = both.occurrences
    assert found is not None
    assert {*found.labels.tolist()} == {1 << VOLUME_BIT + i for i in range(3)}
    codes = {b"a": 0, b"b": 1, b"c": 2}
    alone = outer.occurrences
    assert alone is not None
    for bit in (0, 1):
        moved = np.count_nonzero(alone.labels == 1 << VOLUME_BIT + bit)
        where = [codes[b"a"], codes[b"c"]][bit]
        assert np.count_nonzero(found.labels == 1 << VOLUME_BIT + where) == moved


def test_what_was_not_probed_in_one_is_not_known_of_both(tree: Path) -> None:
    source = LocalTree([tree])
    one, other = (
        replace(scan([tree], SMALL, shard=(i, 2)), occurrences=found)
        for i, found in enumerate(by_shards(source, SMALL, [30, 30]))
    )
    assert one.merge(other).occurrences is not None
    assert one.merge(replace(other, occurrences=None)).occurrences is None


# ---- failures, threads, stops ----


@pytest.mark.parametrize("exact_bytes", [1, 16 << 20])
def test_what_cannot_be_read_is_a_window_without_values(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, exact_bytes: int
) -> None:
    monkeypatch.setattr(occurrences, "EXACT_BYTES", exact_bytes)
    source = MemorySource(read_bytes=1 << 20)
    for name in (b"good", b"bad"):
        source.put(name, random.Random(1).randbytes(1 << 20))
    source.objects[0, b"bad"].error = OSError(5, "no")
    prober = Prober(source, SMALL)
    found = prober.occurrences(
        prober.draw(), dict.fromkeys(columns_of(SMALL, per_occurrence=True), EVERY)
    )
    assert {(each.reason, each.path) for each in prober.skipped} == {("io-error", b"memory:/bad")}
    for index in range(len(found.columns)):
        rows = found.rows(index)
        assert {*found.sizes[rows, index].tolist()} != {0}
    windows_read = np.isfinite(found.ranks)
    assert np.count_nonzero(windows_read) == 32
    assert np.count_nonzero(found.probed[windows_read].any(axis=1)) == 16
    assert not len(found.hole_ranks)


def test_threads_do_not_change_a_byte(tree: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reread, "BATCH_BYTES", 100_000)
    for exact_bytes in (1, 16 << 20):
        monkeypatch.setattr(occurrences, "EXACT_BYTES", exact_bytes)
        one, four = (probed(LocalTree([tree]), FULL, 0, threads=threads) for threads in (1, 4))
        assert_same(one, four)


@pytest.mark.parametrize("exact_bytes", [1, 16 << 20])
def test_a_stop_leaves_what_was_probed_without_a_gap(
    tree: Path, monkeypatch: pytest.MonkeyPatch, exact_bytes: int
) -> None:
    monkeypatch.setattr(occurrences, "EXACT_BYTES", exact_bytes)
    monkeypatch.setattr(reread, "WAVE", 8)
    monkeypatch.setattr(reread, "BATCH_BYTES", 100_000)
    stop = threading.Event()
    batches: list[int] = []

    def wait(self: Pace, read_bytes: int) -> None:
        batches.append(read_bytes)
        if len(batches) == 20:
            stop.set()

    monkeypatch.setattr(Pace, "wait", wait)
    prober = Prober(LocalTree([tree]), Plan(), stop=stop)
    drawn = prober.draw()
    column = ("cdc-64KiB", "zstd-3")
    found = prober.occurrences(drawn, {column: EVERY})
    index = found.columns.index(column)
    known = int(np.count_nonzero(found.rows(index)))
    assert len(batches) == 20
    if exact_bytes > 1:
        # A part of everything is no sample.
        assert (known, len(found.ranks)) == (0, 0)
        assert not found.taus.any()
        return
    assert 8 <= known < len(drawn.ranks)
    assert found.ranks[:known].tolist() == drawn.ranks[:known].tolist()
    assert found.taus[index] == drawn.ranks[known]


def test_a_stop_ends_the_drawing(tree: Path) -> None:
    stop = threading.Event()
    stop.set()
    assert not len(Prober(LocalTree([tree]), Plan(), stop=stop).draw().ranks)


# ---- drawing ----


def files(count: int, size_bytes: int = 1000) -> MemorySource:
    source = MemorySource()
    for i in range(count):
        source.put(b"%d" % i, bytes(size_bytes))
    return source


def test_a_draw_holds_no_more_than_the_windows_and_their_files(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(occurrences, "WINDOWS_MAX", 50)
    monkeypatch.setattr(windows, "WINDOWS_MAX", 50)
    listed = Entries.of(entries(files(3000)))
    source = files(3000)
    some = (listed.part(start, start + 64) for start in range(0, len(listed), 64))
    monkeypatch.setattr(source, "list", lambda: some)
    drawn = Prober(source, Plan()).draw()
    assert drawn.data_bytes == 3_000_000
    assert drawn.tau == 50 / 3_000_000
    assert 25 < len(drawn.ranks) < 90
    assert drawn.entries.keys() == {*drawn.objects.tolist()}
    assert (drawn.ranks < drawn.tau).all()
    assert (np.diff(drawn.ranks) >= 0).all()


def test_very_long_paths_make_fewer_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(windows, "PATH_BYTES_HELD", 100_000)
    source = MemorySource()
    for i in range(200):
        source.put(b"%d" % i + b"/x" * 2000, bytes(1000))
    drawn = Prober(source, Plan()).draw()
    assert 3 <= len(drawn.ranks) <= 25
    assert np.isfinite(drawn.tau)


def test_many_small_files_are_a_sample_however_few_bytes_they_have(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(occurrences, "WINDOWS_MAX", 500)
    assert Prober(files(400, 10), Plan()).draw().tau == np.inf
    assert Prober(files(600, 10), Plan()).draw().tau == 500 / 6000


def test_a_measurement_keeps_what_was_probed(tree: Path) -> None:
    measured = probed(LocalTree([tree]), FULL, 50)
    again = Measurement.from_bytes(measured.to_bytes())
    assert_same(again, measured)
