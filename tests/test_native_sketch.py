"""The content sketch: what is kept is a function of what was added, not of how."""

from __future__ import annotations

import math
import random
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle

from storeff._native import BUCKETS, LABELS_MAX, Scanner, bucket, rank
from storeff.scan.united import united

if TYPE_CHECKING:
    from storeff._native import Export, Merged

Added = tuple[int, int, int, int]
"""High, low, size, labels."""
Entries = tuple[list[tuple[oracle.Chunk, int, int, oracle.Place]], float]

SEED = 11

few = st.integers(0, 5)
added = st.lists(
    st.tuples(few, few, st.integers(1, 5), st.sampled_from([1, 2, 1 << 63])), max_size=120
)
capacities = st.sampled_from([1, 2, 3, 7, 30, 1000])


def sketch(chunks: list[Added], capacity: int, seed: int = SEED) -> Export:
    scanner = Scanner([(8, 8, capacity, False)], seed)
    add(scanner, chunks)
    return scanner.export(0)


def add(scanner: Scanner, chunks: list[Added]) -> None:
    columns = np.array(chunks, dtype=np.uint64).reshape(-1, 4)
    places = np.array([place_of(chunk) for chunk in chunks], np.uint64).reshape(-1, 2)
    scanner.add(0, columns[:, :2].copy(), columns[:, 2].copy(), columns[:, 3].copy(), places)


def place_of(chunk: Added) -> oracle.Place:
    """Equal chunks of different labels are at different places, in no order."""
    high, low, size, labels = chunk
    mixed = oracle.mix64(labels + size)
    return (high ^ mixed) % 3, mixed >> 3 ^ low


def entries(export: Merged) -> Entries:
    rows = zip(export["keys"].tolist(), export["sizes"].tolist(), strict=True)
    chunks = [((high, low), size) for (high, low), size in rows]
    places = zip(export["objects"].tolist(), export["offsets"].tolist(), strict=True)
    counts, labels = export["counts"].tolist(), export["labels"].tolist()
    return list(zip(chunks, counts, labels, places, strict=True)), export["tau"]


def twin(chunks: list[Added], capacity: int, seed: int = SEED) -> Entries:
    expected = oracle.Sketch(capacity, seed)
    for high, low, size, labels in chunks:
        expected.add((high, low), size, labels, place_of((high, low, size, labels)))
    return expected.kept()


@given(added, capacities, st.sampled_from([0, 1, SEED, 2**64 - 1]))
def test_keeps_what_the_oracle_keeps(chunks: list[Added], capacity: int, seed: int) -> None:
    assert entries(sketch(chunks, capacity, seed)) == twin(chunks, capacity, seed)


@given(added, capacities, st.randoms(use_true_random=False))
def test_order_does_not_matter(chunks: list[Added], capacity: int, order: random.Random) -> None:
    shuffled = list(chunks)
    order.shuffle(shuffled)
    assert entries(sketch(shuffled, capacity)) == entries(sketch(chunks, capacity))


@given(added, st.integers(0, 120), st.sampled_from([0, SEED, 2**64 - 1]))
def test_buckets_count_every_reference_kept_or_not(
    chunks: list[Added], split: int, seed: int
) -> None:
    everything = oracle.Sketch(3, seed)
    for high, low, size, labels in chunks:
        everything.add((high, low), size, labels, (0, 0))
    whole = sketch(chunks, 3, seed)
    assert whole["buckets"].tolist() == everything.buckets(BUCKETS)
    parts = [sketch(part, 3, seed)["buckets"] for part in (chunks[:split], chunks[split:])]
    assert np.array_equal(parts[0] + parts[1], whole["buckets"])


def test_kept_chunks_are_found_in_their_buckets() -> None:
    export = sketch([(1, k, 8, 1) for k in range(200)], 100)
    of = bucket(export["keys"], SEED)
    assert of.tolist() == [
        oracle.mixed((h, lo), SEED) % BUCKETS for h, lo in export["keys"].tolist()
    ]
    assert (export["buckets"][of, 0] >= 1).all()


def part(chunks: list[Added], capacity: int) -> SimpleNamespace:
    return SimpleNamespace(**sketch(chunks, capacity))


def merged(parts: list[list[Added]], capacity: int) -> Entries:
    return entries(united([part(chunks, capacity) for chunks in parts], capacity, SEED))


@given(st.lists(added, min_size=1, max_size=4), capacities)
def test_merged_sketches_are_the_sketch_of_everything(
    parts: list[list[Added]], capacity: int
) -> None:
    everything = sketch([chunk for chunks in parts for chunk in chunks], capacity)
    assert merged(parts, capacity) == entries(everything)


@given(st.lists(added, min_size=1, max_size=4), capacities)
def test_a_part_that_keeps_what_the_others_would_keep_changes_nothing(
    parts: list[list[Added]], capacity: int
) -> None:
    so_far = part([], capacity)
    for chunks in parts:
        scanner = Scanner([(8, 8, capacity, False)], SEED)
        scanner.limit(0, so_far.tau, math.inf)
        add(scanner, chunks)
        limited = scanner.export(0)
        assert (rank(limited["keys"], limited["sizes"], SEED) < so_far.tau).all()
        so_far = SimpleNamespace(**united([so_far, SimpleNamespace(**limited)], capacity, SEED))
    everything = sketch([chunk for chunks in parts for chunk in chunks], capacity)
    assert entries(vars(so_far)) == entries(everything)  # type: ignore[arg-type]


@pytest.mark.parametrize("limits", [(0.0, 1.0), (1.0, 0.0), (math.nan, 1.0), (1.0, math.nan)])
def test_a_limit_is_above_all_ranks_that_there_are(limits: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="ranks are above 0"):
        Scanner([(8, 8, 3, False)], SEED).limit(0, *limits)


def test_many_chunks_merged_are_those_of_one_pass() -> None:
    source = np.random.default_rng(4)
    parts = [source.integers(0, 3000, (5000, 4)).astype(np.uint64) for _ in range(3)]
    for rows in parts:
        rows[:, 1:] = np.array([0, 8, 1])
    lists = [[tuple(row) for row in rows.tolist()] for rows in parts]
    for capacity in (1, 700, 1100, 1500, 5000):
        together = sketch([row for rows in lists for row in rows], capacity)
        assert merged(lists, capacity) == entries(together)


def test_a_sample_and_a_full_scan_do_not_merge() -> None:
    whole = part([(1, 1, 8, 1)], 10)
    sample = SimpleNamespace(**Scanner([(8, 8, 10, False)], SEED, is_sample=True).export(0))
    with pytest.raises(ValueError, match="do not merge"):
        united([whole, sample], 10, SEED)


def with_equal_rank(low: int, mixed: int = 1 << 60) -> oracle.Key:
    """Keys that all mix to the same value."""
    return mixed ^ oracle.mix64(low ^ oracle.seed_mix(SEED)), low


@given(st.permutations(range(6)), st.integers(1, 7), st.integers(0, 6))
def test_equal_ranks(order: list[int], capacity: int, split: int) -> None:
    tied = [(*with_equal_rank(low), 8, 1) for low in order]
    smaller = (*with_equal_rank(0, 1), 8, 1)
    chunks = [*tied[:3], smaller, *tied[3:]]
    whole = entries(sketch(chunks, capacity))
    assert whole == twin(chunks, capacity)
    assert merged([chunks[:split], chunks[split:]], capacity) == whole


@pytest.mark.parametrize("capacity", [1, 1000, 1023, 1024, 1025, 3000, 30_000])
def test_many_chunks(capacity: int) -> None:
    draw = np.random.default_rng(5)
    pool = draw.integers(0, 2**64, (4500, 2), dtype=np.uint64)
    chunks = [
        (int(pool[i, 0]), int(pool[i, 1]), 1 + int(i), 1 << int(i) % LABELS_MAX)
        for i in draw.integers(0, len(pool), 10_000)
    ]
    assert entries(sketch(chunks, capacity)) == twin(chunks, capacity)


def test_counts_exactly_until_something_must_be_refused() -> None:
    assert sketch([(1, k, 8, 1) for k in range(5)], 5)["tau"] == math.inf
    assert sketch([(1, k, 8, 1) for k in range(6)], 5)["tau"] < 1 / 8


def test_totals_hold_what_was_refused() -> None:
    export = sketch([(1, k, 8, 1) for k in range(100)], 5)
    assert (len(export["sizes"]), export["chunks"], export["bytes"]) == (5, 100, 800)


def test_an_empty_sketch() -> None:
    export = sketch([], 5)
    assert export["keys"].shape == (0, 2)
    assert (export["tau"], export["chunks"], export["bytes"]) == (math.inf, 0, 0)


def test_the_weight_of_what_is_kept_estimates_the_bytes() -> None:
    """Szegedy 2006: the variance is at most total^2 / (capacity - 1)."""
    sizes = np.random.default_rng(6).integers(1, 10_000, 20_000).astype(np.uint64)
    keys = np.arange(2 * len(sizes), dtype=np.uint64).reshape(-1, 2)
    estimates = []
    for seed in range(30):
        scanner = Scanner([(8, 8, 401, False)], seed)
        scanner.add(0, keys, sizes, np.ones_like(sizes), keys)
        export = scanner.export(0)
        estimates.append(np.maximum(export["sizes"], 1 / export["tau"]).sum() / sizes.sum())
    assert np.mean(estimates) == pytest.approx(1, abs=4 * 0.05 / math.sqrt(30))
    assert np.std(estimates) < 1.5 * 0.05


@given(
    st.lists(st.tuples(*[st.integers(0, 2**64 - 1)] * 2, st.integers(1, 2**64 - 1)), max_size=20),
    st.integers(0, 2**64 - 1),
)
def test_rank(rows: list[tuple[int, int, int]], seed: int) -> None:
    columns = np.array(rows, dtype=np.uint64).reshape(-1, 3)
    ranks = rank(columns[:, :2].copy(), columns[:, 2].copy(), seed)
    assert ranks.tolist() == [oracle.rank((h, lo), size, seed) for h, lo, size in rows]


def test_exported_entries_ascend_by_rank() -> None:
    export = sketch([(1, k, 1 + k % 7, 1) for k in range(100)], 50)
    ranks = rank(export["keys"], export["sizes"], SEED)
    assert (np.diff(ranks) > 0).all()
    assert ranks[-1] < export["tau"]


def column(*values: int) -> npt.NDArray[np.uint64]:
    return np.array(values, dtype=np.uint64)


def pair(high: int, low: int) -> npt.NDArray[np.uint64]:
    return column(high, low).reshape(1, 2)


def test_a_total_that_does_not_fit_is_refused() -> None:
    scanner = Scanner([(8, 8, 5, False)], SEED)
    scanner.add(0, pair(1, 1), column(2**64 - 1), column(1), pair(1, 1))
    with pytest.raises(ValueError, match="64 bits"):
        scanner.add(0, pair(1, 2), column(1), column(1), pair(1, 1))
    export = scanner.export(0)
    assert (export["chunks"], export["bytes"], len(export["sizes"])) == (1, 2**64 - 1, 1)


@pytest.mark.parametrize(
    ("chunker", "keys", "sizes", "labels", "message"),
    [
        (1, [[1, 1]], [8], [1], "chunker"),
        (-1, [[1, 1]], [8], [1], "chunker"),
        (0, [[1, 1]], [0], [1], "at least one byte"),
        (0, [[1, 1]], [8], [0], "at least one label"),
        (0, [[1, 1]], [8, 8], [1, 1], "keys must have the shape"),
        (0, [[1, 1, 1]], [8], [1], "keys must have the shape"),
        (0, [[1, 1]], [8], [1, 1], "labels for each"),
        (0, [[1, 1], [1, 2]], [8, 8], [1, 1], "places must have the shape"),
    ],
)
def test_chunks_that_make_no_sense(
    chunker: int, keys: list[list[int]], sizes: list[int], labels: list[int], message: str
) -> None:
    scanner = Scanner([(8, 8, 5, False)], SEED)
    with pytest.raises(ValueError, match=message):
        scanner.add(
            chunker, np.array(keys, dtype=np.uint64), column(*sizes), column(*labels), pair(1, 1)
        )
    assert scanner.export(0)["chunks"] == 0


@pytest.mark.parametrize("seed", [-1, 2**64])
def test_seeds_are_64_bits(seed: int) -> None:
    with pytest.raises(ValueError, match="seed"):
        Scanner([(8, 8, 5, False)], seed)
    with pytest.raises(ValueError, match="seed"):
        rank(np.empty((0, 2), np.uint64), np.empty(0, np.uint64), seed)


def test_what_is_reserved_changes_nothing() -> None:
    data = random.Random(6).randbytes(100_000)
    exports = []
    for reserve_after in (None, 0, 50_000):
        scanner = Scanner([(16, 16, 300, False)], SEED)
        for start in (0, 50_000):
            if reserve_after == start:
                scanner.reserve()
            scanner.scan_contents(data, [(start, 50_000, 1, 0, 0, 0, 50_000, 0.0)])
        exports.append({k: np.asarray(v).tolist() for k, v in scanner.export(0).items()})
    assert exports[0] == exports[1] == exports[2]
