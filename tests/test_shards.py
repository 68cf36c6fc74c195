"""What a system leaves that compresses below its erasure code: measured, estimated, and sized."""

import math
import os
import random
import threading
from collections.abc import Sequence
from dataclasses import fields
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import bluestore
from support.quantities import ends, holds
from support.scans import scenario_of

import storeff
from storeff.data import Assumption
from storeff.estimate import shards as estimate
from storeff.estimate.compression import IN_BYTES, IN_UNITS
from storeff.estimate.evidence import Evidence
from storeff.estimate.reduction import Reduction
from storeff.estimate.shards import ShardCompression, begin_shards, finish_shards
from storeff.estimate.shards import shard_compression as compression_of
from storeff.layout import Code, Layout, load_layouts
from storeff.quantity import UNKNOWN, Quantity
from storeff.report.sizing import shard_codes, sized_for
from storeff.scan import occurrences
from storeff.scan.plan import Plan
from storeff.scan.probe import Prober
from storeff.scan.shards import Coder, ShardCode, Shards
from storeff.scan.windows import draw_windows
from storeff.sources.source import Source
from storeff.sources.tree import LocalTree
from storeff.testing import MemorySource

SAMPLES = Path(__file__).parent.parent / "samples" / "data"
KIB = 1 << 10
BLOB = 64 * KIB

RS42 = ShardCode(4, 2, 0, 4 * KIB, "lz4", BLOB)
RS83 = ShardCode(8, 3, 0, 4 * KIB, "lz4", BLOB)
LRC = ShardCode(12, 2, 2, 4 * KIB, "lz4", BLOB)


def matrix_of(code: ShardCode) -> bluestore.Matrix:
    if code.l:
        return bluestore.local_matrix(code.k, code.m, code.l)
    return bluestore.parity_matrix(code.k, code.m)


# ---- corpora ----


def log_lines(seed: int, size_bytes: int) -> bytes:
    """Lines of a log: few hosts and messages, and numbers."""
    draw = random.Random(seed)
    words = [bytes(draw.choices(b"abcdefghijklmnop", k=draw.randrange(3, 12))) for _ in range(400)]
    lines: list[bytes] = []
    size = 0
    while size < size_bytes:
        message = b" ".join(draw.choices(words[:60], k=3) + draw.choices(words, k=3))
        line = b"2026-11-26T%06d host-%d %s\n" % (len(lines), draw.randrange(9), message)
        lines.append(line)
        size += len(line)
    return b"".join(lines)[:size_bytes]


def tensors(seed: int, size_bytes: int) -> bytes:
    """Weights, sorted positions and sparse gradients, one after the other."""
    rng = np.random.default_rng(seed)
    third = size_bytes // 24
    weights = rng.normal(0, 0.02, 2 * third).astype("<f4").tobytes()
    positions = np.cumsum(rng.integers(0, 50, third)).astype("<i8").tobytes()
    sparse = (rng.normal(0, 1, third) * (rng.random(third) < 0.1)).astype("<f8").tobytes()
    return weights + positions + sparse


def corpus(name: str) -> list[bytes]:
    if name == "samples":
        paths = sorted(path for path in SAMPLES.rglob("*") if path.is_file())
        return [path.read_bytes() for path in paths]
    draw = random.Random(7)
    small = [draw.randrange(100_000) for _ in range(20)]
    if name == "text":
        return [log_lines(i, size) for i, size in enumerate([1_700_000, 300_001, *small])]
    return [tensors(i, size) for i, size in enumerate([2_500_000, 600_000, *small])]


def source_of(files: Sequence[bytes]) -> MemorySource:
    source = MemorySource(read_bytes=1 << 30)
    for i, content in enumerate(files):
        source.put(b"f%06d" % i, content)
    return source


# ---- measuring ----


def looked_at(
    source: Source, codes: Sequence[ShardCode], seed: int = 1, **how: Any
) -> list[Shards]:
    prober = Prober(source, Plan(seed=seed), **how)
    return finish_shards(prober, begin_shards(prober, prober.draw(), codes))


def evidence(data_bytes: int, taken_bytes: int) -> Evidence:
    made = SimpleNamespace(
        data_bytes=data_bytes,
        taken_bytes=lambda space: data_bytes if space == IN_BYTES else taken_bytes,
    )
    return cast(Evidence, made)


def in_units(found: Sequence[ShardCompression], code: ShardCode) -> ShardCompression:
    [row] = [row for row in found if (row.code, row.space) == (code, IN_UNITS)]
    return row


def estimated(files: Sequence[bytes], shards: Shards) -> ShardCompression:
    data_bytes = sum(map(len, files))
    taken_bytes = sum(bluestore.rounded(len(content)) for content in files)
    return in_units([*compression_of(evidence(data_bytes, taken_bytes), [shards])], shards.code)


def assert_is(found: ShardCompression, truth: tuple[int, int, int, int], rel: float = 1e-9) -> None:
    data, left, parity, parity_left = truth
    assert found.data_left_bytes.value == pytest.approx(left, rel=rel)
    assert found.ratio.value == pytest.approx(data / left, rel=rel)
    assert found.parity_ratio.value == pytest.approx(parity / parity_left, rel=rel)


@pytest.mark.parametrize("code", [RS42, RS83, LRC], ids=str)
def test_data_shards_hold_every_kth_unit_and_parity_is_that_of_the_code(code: ShardCode) -> None:
    draw = random.Random(1)
    for size in (1, 4095, 4096, 4097, 20_000, 32_768, code.piece_bytes - 1, code.piece_bytes):
        piece = draw.randbytes(size)
        found = [bytes(shard) for shard in Coder(code).shards(memoryview(piece))]
        data = bluestore.data_shards(piece, code.k)
        assert found == [*data, *bluestore.parity_shards(data, matrix_of(code))]


@pytest.mark.parametrize("name", ["samples", "text", "tensors"])
@pytest.mark.parametrize("code", [RS42, RS83], ids=str)
def test_all_windows_give_what_bluestore_keeps_of_whole_files(name: str, code: ShardCode) -> None:
    files = corpus(name)
    [shards] = looked_at(source_of(files), [code])
    assert shards.tau == math.inf
    found = estimated(files, shards)
    assert_is(found, bluestore.kept(files, code.k, matrix_of(code)))
    assert found.ratio.is_exact
    assert found.parity_ratio.is_exact


@pytest.mark.parametrize(
    "code",
    [
        LRC,
        ShardCode(4, 2, 0, 16 * KIB, "zstd-1", BLOB),
        ShardCode(5, 1, 0, 4 * KIB, "lz4", 8 * KIB),
        ShardCode(3, 1, 0, 128 * KIB, "lz4", BLOB),
    ],
    ids=str,
)
def test_other_codes_stripe_units_and_blobs_are_kept_the_same_way(code: ShardCode) -> None:
    files = [log_lines(1, 900_000), tensors(2, 700_000), b"x" * 5000, random.Random(1).randbytes(1)]
    [shards] = looked_at(source_of(files), [code])
    truth = bluestore.kept(
        files,
        code.k,
        matrix_of(code),
        codec=code.codec,
        unit_bytes=code.stripe_unit_bytes,
        blob_bytes=code.block_bytes,
    )
    assert_is(estimated(files, shards), truth)


def test_parity_of_data_that_compresses_does_not_shrink() -> None:
    files = corpus("text")
    found = estimated(files, looked_at(source_of(files), [RS83])[0])
    assert found.ratio.value is not None
    assert found.ratio.value > 1.5
    assert found.parity_ratio.value == pytest.approx(1, abs=0.01)


def test_zeros_shrink_in_data_and_in_parity() -> None:
    files = [bytes(4 << 20)]
    found = estimated(files, looked_at(source_of(files), [RS42])[0])
    assert (found.ratio.value, found.parity_ratio.value) == (16, 16)


def test_small_objects_take_whole_units_of_data_and_of_parity() -> None:
    files = [random.Random(i).randbytes(5000) for i in range(50)]
    [shards] = looked_at(source_of(files), [RS42])
    found = estimated(files, shards)
    # Two units of data; parity is as long as the first shard, one unit each.
    assert found.data_left_bytes == Quantity.exact(50 * 8192)
    assert found.parity_ratio == Quantity.exact(1)


# ---- sampling ----


@pytest.fixture
def few_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that little data is sampled too."""
    monkeypatch.setattr(occurrences, "EXACT_BYTES", 1 << 20)


def mixed() -> list[bytes]:
    return [
        *(log_lines(i, 700_000) for i in range(4)),
        *(tensors(i, 800_000) for i in range(4)),
        *(random.Random(i).randbytes(600_000) for i in range(3)),
    ]


def assert_same(a: Shards, b: Shards) -> None:
    for field in fields(a):
        assert np.array_equal(getattr(a, field.name), getattr(b, field.name)), field.name


@pytest.mark.usefixtures("few_windows")
def test_threads_and_the_order_of_files_do_not_change_what_is_found(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(estimate, "WINDOWS_MOST", 60)
    monkeypatch.setattr(estimate, "PILOT_WINDOWS", 40)
    files = mixed()
    codes = [RS42, RS83]
    one = looked_at(source_of(files), codes)
    for again in (
        looked_at(source_of(files), codes, threads=3),
        *([looked_at(source_of(files), [code])[0] for code in codes],),
    ):
        for a, b in zip(one, again, strict=True):
            assert_same(a, b)
    assert {len(each.pieces) for each in one} <= set(range(40, 61))


@pytest.mark.usefixtures("few_windows")
def test_a_sample_of_windows_holds_the_truth(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(estimate, "WINDOWS_MOST", 60)
    files = mixed()
    data, left, parity, parity_left = bluestore.kept(files, 4, matrix_of(RS42))
    held = 0
    for seed in range(20):
        [shards] = looked_at(source_of(files), [RS42], seed)
        found = estimated(files, shards)
        assert 40 <= found.windows <= 60
        assert not found.ratio.is_exact
        held += holds(found.ratio, data / left) and holds(found.parity_ratio, parity / parity_left)
    assert held >= 18


@pytest.mark.usefixtures("few_windows")
def test_as_many_windows_are_looked_at_as_the_precision_needs() -> None:
    """Of data that is all alike few, and of data that differs all up to the most."""
    alike = [random.Random(i).randbytes(3_000_000) for i in range(8)]
    differing = [*alike[:4], *(log_lines(i, 3_000_000) for i in range(4))]
    counts = []
    for files in (alike, differing):
        prober = Prober(source_of(files), Plan(precision=0.02))
        [shards] = finish_shards(prober, begin_shards(prober, prober.draw(), [RS42]))
        counts.append(len(shards.pieces))
    assert estimate.PILOT_WINDOWS <= counts[0] < counts[1]


class Population:
    """Windows of a made-up tree: of each what its piece leaves of data and of parity. Some are
    short, at the ends of objects."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        pieces, per_piece = 1500, RS42.piece_bytes // occurrences.WINDOW_BYTES
        blobs = RS42.k + RS42.m
        kinds = rng.beta(0.6, 0.6, (pieces, 1))
        share = np.clip(kinds + rng.normal(0, 0.1, (pieces, blobs)), 0.02, 1)
        share[:, RS42.k :] = np.where(rng.random((pieces, 1)) < 0.1, share[:, RS42.k :], 1)
        self.sizes = np.full((pieces, blobs), BLOB, np.int64)
        short = rng.random(pieces) < 0.3
        self.sizes[short] = rng.integers(1, BLOB, (int(short.sum()), 1))
        self.compressed = np.maximum(1, self.sizes * share).astype(np.int64)
        self.pieces = self.sizes[:, : RS42.k].sum(axis=1)
        self.piece = np.repeat(np.arange(pieces), per_piece)
        within = np.tile(np.arange(per_piece), pieces) * occurrences.WINDOW_BYTES
        lengths = np.clip(self.pieces[self.piece] - within, 0, occurrences.WINDOW_BYTES)
        self.piece, self.lengths = self.piece[lengths > 0], lengths[lengths > 0]
        self.data_bytes = int(self.pieces.sum())

    def drawn(self, seed: int, count: int) -> Shards:
        ranks = np.random.default_rng(seed).random(len(self.lengths)) / self.lengths
        order = np.argsort(ranks)
        rows = order[:count]
        piece = self.piece[rows]
        return Shards(
            code=RS42,
            tau=float(ranks[order[count]]),
            lengths=self.lengths[rows].astype(np.uint64),
            pieces=self.pieces[piece],
            sizes=self.sizes[piece].astype(np.uint32),
            compressed=self.compressed[piece].astype(np.uint32),
        )

    def taken(self, columns: slice) -> tuple[int, int]:
        """In units, without and with compression."""
        sizes, compressed = (
            each[:, columns].astype(np.uint64) for each in (self.sizes, self.compressed)
        )
        return int(IN_UNITS.rounded(sizes).sum()), int(IN_UNITS.taken(sizes, compressed).sum())


@pytest.mark.parametrize("count", [128, 600])
def test_intervals_hold_the_truth_in_95_percent_of_samples(count: int) -> None:
    population = Population()
    whole, left = population.taken(slice(RS42.k))
    parity, parity_left = population.taken(slice(RS42.k, None))
    about = evidence(population.data_bytes, whole)
    held, errors = np.zeros(2), []
    for seed in range(300):
        [*rows] = compression_of(about, [population.drawn(seed, count)])
        found = in_units(rows, RS42)
        held += holds(found.data_left_bytes, left), holds(found.parity_ratio, parity / parity_left)
        assert found.data_left_bytes.value is not None
        errors.append(found.data_left_bytes.value / left - 1)
    assert abs(np.mean(errors)) < 3 * np.std(errors) / len(errors) ** 0.5
    assert (held >= 0.92 * 300).all()


def test_too_few_windows_say_nothing() -> None:
    population = Population()
    [*rows] = compression_of(evidence(1, 1), [population.drawn(1, 20)])
    assert {(row.ratio, row.parity_ratio) for row in rows} == {(UNKNOWN, UNKNOWN)}


# ---- holes, and what cannot be read ----


def test_a_hole_is_no_data_and_stretches_between_holes_are_pieces() -> None:
    granule = 128 * KIB
    first, second = log_lines(1, 3 * granule), log_lines(2, granule + 1000)
    source = MemorySource(read_bytes=1 << 30)
    source.put(b"a", first, granule, second)
    source.put(b"b", 40 * granule, second)
    stretches = [first[: 3 * granule], second, second]
    [shards] = looked_at(source, [RS83])
    assert_is(estimated(stretches, shards), bluestore.kept(stretches, 8, matrix_of(RS83)))
    assert sum(shards.lengths.tolist()) == sum(map(len, stretches))


def test_what_cannot_be_read_may_have_been_anything() -> None:
    files = [log_lines(1, 1_000_000), log_lines(2, 1_000_000)]
    source = source_of(files)
    source.objects[0, b"f000001"].error = OSError(5, "broken")
    [shards] = looked_at(source, [RS42])
    assert 0 < np.count_nonzero(shards.pieces) < len(shards.pieces)
    found = estimated(files, shards)
    whole = estimated(files, looked_at(source_of(files), [RS42])[0])
    assert found.ratio.value == pytest.approx(whole.ratio.value, rel=0.1)
    low, high = ends(found.ratio)
    assert low < 0.8 * high


def test_an_object_that_changed_is_not_taken_for_what_was_listed() -> None:
    source = source_of([log_lines(1, 1_000_000), log_lines(2, 1_000_000)])
    prober = Prober(source, Plan())
    windows = prober.draw()
    source.put(b"f000001", bytes(1_000_000))
    [shards] = finish_shards(prober, begin_shards(prober, windows, [RS42]))
    assert not shards.pieces.all()
    assert {each.reason for each in prober.skipped} == {"changed"}


@pytest.mark.usefixtures("few_windows")
def test_a_stop_leaves_what_was_known_by_rank() -> None:
    source = source_of(mixed())
    stop = threading.Event()
    prober = Prober(source, Plan(), stop=stop)
    windows = prober.draw()
    probes = begin_shards(prober, windows, [RS42])
    stop.set()
    [shards] = finish_shards(prober, probes)
    full = looked_at(source, [RS42])[0]
    assert 0 < len(shards.pieces) <= len(full.pieces)
    assert np.array_equal(shards.compressed, full.compressed[: len(shards.pieces)])


def test_nothing_is_known_of_no_data() -> None:
    [shards] = looked_at(source_of([b""]), [RS42])
    assert len(shards.pieces) == 0
    [*rows] = compression_of(evidence(0, 0), [shards])
    assert {row.ratio for row in rows} == {UNKNOWN}
    assert draw_windows(source_of([]), 1, None, threading.Event())[0].data_bytes == 0


# ---- from layouts to the report and back ----


LAYOUTS = load_layouts()


def below(name: str, unit_bytes: int | None = 4 * KIB, **system: Any) -> Layout[Assumption]:
    """The catalogued layout ``name``, as one that compresses below its code."""
    layout = LAYOUTS[name]
    assert layout.reduction is not None
    unit = Assumption(value=None if unit_bytes is None else Fraction(unit_bytes), unit="B")
    return msgspec.structs.replace(
        layout,
        stripe_unit_bytes=unit,
        reduction=msgspec.structs.replace(layout.reduction, below_code=True, **system),
    )


def test_each_code_is_measured_once() -> None:
    twice = [below("ceph-ec-4-2"), below("ceph-ec-8-3"), below("ceph-ec-8-3")]
    assert shard_codes(twice) == (RS42, RS83)


@pytest.mark.parametrize(
    "layout",
    [
        msgspec.structs.replace(
            LAYOUTS["ceph-ec-8-3"],
            stripe_unit_bytes=Assumption(value=Fraction(4096), unit="B"),
            reduction=msgspec.structs.replace(
                cast(Any, LAYOUTS["ceph-ec-8-3"].reduction), below_code=False
            ),
        ),
        below("ceph-replica-3"),
        below("ceph-ec-8-3", unit_bytes=None),
        below("ceph-ec-8-3", unit_bytes=6000),
        below("ceph-ec-8-3", unit_bytes=1 << 30),
        LAYOUTS["onefs-16-2"],
        below("ceph-ec-8-3", codec="none", allocation_bytes=1, required_ratio=1.0),
        msgspec.structs.replace(below("ceph-ec-8-3"), code=Code("rs", 250, 20)),
    ],
)
def test_what_keeps_no_shards_apart_is_not_measured(layout: Layout[Assumption]) -> None:
    assert shard_codes([layout]) == ()


def with_shards(**figures: Quantity) -> ShardCompression:
    ratio = figures.pop("ratio", Quantity(2.0, 1.9, 2.1, "measured"))
    parity_ratio = figures.pop("parity_ratio", Quantity(1.01, 1.0, 1.02, "measured"))
    left = Quantity(None, None, None, "measured")
    if ratio.value is not None:
        left = (10**6 / ratio).rounded()
    return ShardCompression(*RS83, *IN_UNITS, 500, left, ratio, parity_ratio)


@pytest.fixture(scope="module")
def reduction() -> Reduction:
    found = storeff.reduce(storeff.measure(SAMPLES)).reduction
    assert found.shards == []
    return msgspec.structs.replace(found, data_bytes=10**6)


def test_a_layout_below_its_code_is_sized_by_its_shards(reduction: Reduction) -> None:
    found = msgspec.structs.replace(reduction, shards=[with_shards()])
    sized = sized_for(found, 10**15, scenario_of(below("ceph-ec-8-3")), 1)
    data = sized.scenario.data
    assert data.reduction_ratio.value == 2
    assert data.allocation_bytes == 4096
    assert data.parity_ratio.value == Fraction(1.01)
    assert data.parity_ratio.kind == "measured"
    assert "on the data shards of 8+3" in (data.reduction_ratio.source or "")
    assert "on the parity shards of 8+3" in (data.parity_ratio.source or "")
    assert sized.draws is not None
    assert np.percentile(sized.draws, [2.5, 97.5]) == pytest.approx([1.9, 2.1], rel=0.01)


@pytest.mark.parametrize(
    "shards",
    [
        [],
        [msgspec.structs.replace(with_shards(), m=2)],
        [with_shards(ratio=UNKNOWN)],
        [with_shards(parity_ratio=UNKNOWN)],
    ],
)
def test_without_its_shards_a_layout_has_blocks_and_parity_that_is_not_known(
    reduction: Reduction, shards: list[ShardCompression]
) -> None:
    found = msgspec.structs.replace(reduction, shards=shards)
    data = sized_for(found, 10**15, scenario_of(below("ceph-ec-8-3")), 1).scenario.data
    plain = sized_for(reduction, 10**15, scenario_of(LAYOUTS["ceph-ec-8-3"]), 1).scenario.data
    assert data == plain
    assert data.parity_ratio.value is None


CATALOGUE = """
[below]
title = "Compressed below its code"
code = {{ kind = "rs", k = {k}, m = {m} }}
metadata = {{ value = 0, kind = "assumption" }}
padding = {{ value = 0, kind = "assumption" }}
rebuild_reserve = {{ value = 0, kind = "assumption" }}
fill_limit = {{ value = 1, kind = "assumption" }}
stripe_unit_bytes = {{ value = 4096, unit = "B", kind = "assumption" }}
[below.reduction]
dedup = "none"
codec = "lz4"
allocation_bytes = 4096
required_ratio = 0.875
below_code = true
source = "made up"
"""


@pytest.fixture
def catalogue(tmp_path: Path) -> Path:
    directory = tmp_path / "catalogue"
    directory.mkdir()
    (directory / "layouts.toml").write_text(CATALOGUE.format(k=4, m=2))
    return directory


def test_what_is_sized_is_measured_with_it_and_read_again(catalogue: Path, tmp_path: Path) -> None:
    storage = storeff.Storage(["below"], catalogues=catalogue)
    reduced = storeff.reduce(storeff.measure(SAMPLES, storage=storage))
    row = in_units(reduced.reduction.shards, RS42)
    files = corpus("samples")
    assert_is(row, bluestore.kept(files, 4, matrix_of(RS42)))
    path = tmp_path / "r.json"
    path.write_bytes(storeff.to_json(storeff.build_report(reduced, storeff.size(reduced, storage))))
    again = storeff.read_report(path)
    assert again.reduction is not None
    assert again.reduction.shards == reduced.reduction.shards
    assert storeff.size(storeff.Reduced.of_report(again), storage).layouts == tuple(again.layouts)


def test_a_sample_of_the_data_has_its_shards_of_all(
    catalogue: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from storeff.estimate import cost

    monkeypatch.setattr(cost, "FILE_SECONDS", 1e3)
    storage = storeff.Storage(["below"], catalogues=catalogue)
    measured = storeff.measure(SAMPLES, storage=storage, sampling=storeff.Sampling(share=0.5))
    assert measured.data.sampling is not None
    row = in_units(storeff.reduce(measured).reduction.shards, RS42)
    assert_is(row, bluestore.kept(corpus("samples"), 4, matrix_of(RS42)))


def test_the_default_storage_measures_what_is_catalogued_below_its_code() -> None:
    storage = storeff.Storage()
    measured = storeff.measure(SAMPLES / "logs", storage=storage)
    wanted = shard_codes(each.layout for each in storage.scenarios)
    assert tuple(each.code for each in measured.shards) == wanted


def test_a_report_of_before_has_no_shards(reduction: Reduction) -> None:
    document = msgspec.to_builtins(reduction)
    del document["shards"]
    assert msgspec.convert(document, Reduction) == reduction


def test_a_report_whose_shards_contradict_themselves_is_refused(
    catalogue: Path, tmp_path: Path
) -> None:
    storage = storeff.Storage(["below"], catalogues=catalogue)
    reduced = storeff.reduce(storeff.measure(SAMPLES / "logs", storage=storage))
    report = storeff.build_report(reduced)
    assert report.reduction is not None
    row = report.reduction.shards[0]
    for wrong, message in (
        ([row, row], "2 times"),
        ([msgspec.structs.replace(row, ratio=row.ratio * 2)], "ratio"),
    ):
        made = msgspec.structs.replace(report.reduction, shards=wrong)
        path = tmp_path / "r.json"
        path.write_bytes(storeff.to_json(msgspec.structs.replace(report, reduction=made)))
        with pytest.raises(storeff.StoreffError, match=message):
            storeff.read_report(path)


@settings(max_examples=25, deadline=None)
@given(sizes=st.lists(st.integers(1, 300_000), min_size=1, max_size=4), seed=st.integers(0, 99))
def test_any_sizes_of_files_are_kept_as_bluestore_keeps_them(sizes: list[int], seed: int) -> None:
    files = [log_lines(seed + i, size) for i, size in enumerate(sizes)]
    [shards] = looked_at(source_of(files), [RS42], seed)
    assert_is(estimated(files, shards), bluestore.kept(files, 4, matrix_of(RS42)))


def test_local_trees_and_objects_give_the_same(tmp_path: Path) -> None:
    files = corpus("text")[:6]
    for i, content in enumerate(files):
        (tmp_path / f"f{i:06}").write_bytes(content)
    [in_files] = looked_at(LocalTree([os.fsencode(tmp_path)]), [RS42])
    assert_is(estimated(files, in_files), bluestore.kept(files, 4, matrix_of(RS42)))
