"""What a system leaves that compresses below its erasure code: measured and estimated."""

import math
import os
import random
import threading
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support import bluestore
from support.quantities import ends, holds
from support.shards import (
    BLOB,
    KIB,
    LRC,
    RS42,
    RS83,
    assert_is,
    corpus,
    in_units,
    log_lines,
    matrix_of,
    tensors,
)

from storeff.estimate import shards as estimate
from storeff.estimate.compression import IN_BYTES, IN_UNITS
from storeff.estimate.evidence import Evidence
from storeff.estimate.shards import ShardCompression, begin_shards, finish_shards
from storeff.estimate.shards import shard_compression as compression_of
from storeff.quantity import UNKNOWN, Quantity
from storeff.scan import occurrences
from storeff.scan.plan import Plan
from storeff.scan.probe import Prober
from storeff.scan.shards import Coder, ShardCode, Shards
from storeff.scan.windows import draw_windows
from storeff.sources.source import Source
from storeff.sources.tree import LocalTree
from storeff.testing import MemorySource


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


def estimated(files: Sequence[bytes], shards: Shards) -> ShardCompression:
    data_bytes = sum(map(len, files))
    taken_bytes = sum(bluestore.rounded(len(content)) for content in files)
    return in_units([*compression_of(evidence(data_bytes, taken_bytes), [shards])], shards.code)


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


@settings(max_examples=25)
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
