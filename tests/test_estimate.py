"""Estimates are exact while everything is kept; beyond that they are unbiased, with intervals
that cover as often as they say, and beat the ratio inside a sample."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from storeff import _native
from storeff.estimate.reduction import Scope, reduce
from storeff.estimate.totals import Total, estimate_total, referenced
from storeff.quantity import Quantity
from storeff.scan.plan import Plan
from storeff.scan.run import scan
from storeff.scan.sketch import Sketch

CHUNKS = 20_000
ENTRIES = 1_000
SEEDS = 200
Counts = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Trials = dict[str, tuple[Floats, Floats, float]]


def zipf(rng: np.random.Generator) -> Counts:
    return np.minimum(rng.zipf(1.6, CHUNKS), 10_000).astype(np.uint64)


# References a chunk has, one a name: the shapes that data reduction meets.
POPULATIONS = {
    "all unique": lambda rng: np.ones(CHUNKS, np.uint64),
    "all doubled": lambda rng: np.full(CHUNKS, 2, np.uint64),
    "uniform 1 to 3": lambda rng: rng.integers(1, 4, CHUNKS).astype(np.uint64),
    "zipf 1.6": zipf,
}


def population(name: str) -> tuple[Counts, Counts, Counts, Counts]:
    """Keys, sizes (6 to 10 KiB), counts, and compressed sizes of a synthetic data set."""
    rng = np.random.default_rng(11)
    keys = rng.integers(0, 2**64, (CHUNKS, 2), np.uint64)
    sizes = rng.integers(6144, 10241, CHUNKS).astype(np.uint64)
    compressed = np.maximum(1, (sizes * rng.beta(2, 2, CHUNKS))).astype(np.uint64)
    return keys, sizes, POPULATIONS[name](rng), compressed


def sketch_of(
    keys: Counts, sizes: Counts, counts: Counts, compressed: Counts, seed: int, entries: int
) -> Sketch:
    """What the native core keeps of the population, each chunk fed as often as it occurs."""
    scanner = _native.Scanner([(6144, 10240, entries, 0)], seed)
    repeats = np.repeat(np.arange(len(keys)), np.minimum(counts, 3).astype(np.int64))
    scanner.add(0, keys[repeats], sizes[repeats], np.zeros(len(repeats), np.uint64))
    made = scanner.export(0)
    row = {tuple(key): i for i, key in enumerate(keys.tolist())}
    kept = np.array([row[tuple(key)] for key in made["keys"].tolist()], np.int64)
    made["counts"] = counts[kept]
    made["compressed"] = compressed[kept].astype(np.uint32).reshape(-1, 1)
    made["bytes"] = int((counts * sizes).sum())
    return Sketch(**made, compressed_tau=made["tau"])


def combined(sketch: Sketch) -> Total:
    """Distinct chunks, each compressed, as a reduction estimates them."""
    distinct = estimate_total(sketch, sketch.sizes, referenced(sketch))
    compressed = sketch.compressed[:, 0].astype(np.uint64)
    return estimate_total(sketch, compressed, (sketch.sizes, distinct))


@pytest.mark.parametrize("name", POPULATIONS)
def test_everything_kept_is_an_exact_sum(name: str) -> None:
    keys, sizes, counts, compressed = population(name)
    sketch = sketch_of(keys, sizes, counts, compressed, seed=1, entries=CHUNKS)
    assert sketch.exact
    assert combined(sketch) == Total(int(compressed.sum()), 0.0)


@pytest.fixture(scope="module")
def trials() -> Trials:
    """For each population: estimates and standard errors of combined bytes, and the truth."""
    made = {}
    for name in POPULATIONS:
        keys, sizes, counts, compressed = population(name)
        totals = []
        for seed in range(SEEDS):
            sketch = sketch_of(keys, sizes, counts, compressed, seed, ENTRIES)
            totals.append(combined(sketch))
        values = np.array([t.value for t in totals])
        errors = np.array([t.standard_error for t in totals])
        made[name] = (values, errors, float(compressed.sum()))
    return made


@pytest.mark.parametrize("name", POPULATIONS)
def test_the_estimate_is_unbiased(name: str, trials: Trials) -> None:
    values, _, truth = trials[name]
    assert abs(values.mean() - truth) < 3.5 * values.std() / np.sqrt(SEEDS)


@pytest.mark.parametrize("name", POPULATIONS)
def test_a_95_percent_interval_covers_about_95_percent(name: str, trials: Trials) -> None:
    values, errors, truth = trials[name]
    covered = (abs(values - truth) <= 1.96 * errors).mean()
    # 200 trials at 95 %: the binomial's own 99.9 % range is 0.895 to 0.99.
    assert 0.895 <= covered <= 0.995


@pytest.mark.parametrize("name", ["all doubled", "uniform 1 to 3", "zipf 1.6"])
def test_it_beats_the_ratio_inside_a_sample(name: str, trials: Trials) -> None:
    values, _, truth = trials[name]
    _, sizes, counts, compressed = population(name)
    references = np.repeat(np.arange(CHUNKS), counts.astype(np.int64))
    logical = float((sizes * counts).sum())
    inside = []
    for seed in range(20):
        drawn = np.random.default_rng(seed).choice(references, ENTRIES, replace=False)
        distinct = np.unique(drawn)
        inside.append(logical * compressed[distinct].sum() / sizes[drawn].sum())
    rmse = np.sqrt(((values - truth) ** 2).mean())
    assert rmse < np.sqrt(((np.array(inside) - truth) ** 2).mean()) / 3


def test_one_dominant_chunk_turns_the_regression_off() -> None:
    keys, sizes, counts, compressed = population("all unique")
    counts = counts.copy()
    counts[0] = 10**7
    sketch = sketch_of(keys, sizes, counts, compressed, seed=5, entries=ENTRIES)
    total = estimate_total(sketch, sketch.sizes, referenced(sketch))
    assert total.value == pytest.approx(float(sizes.sum()), rel=5 / np.sqrt(ENTRIES))


def test_what_no_kept_chunk_has_is_unknown_not_zero() -> None:
    keys, sizes, counts, compressed = population("all unique")
    sketch = sketch_of(keys, sizes, counts, compressed, seed=5, entries=ENTRIES)
    nothing = estimate_total(sketch, np.zeros(ENTRIES, np.uint64))
    assert nothing.quantity(0, 10) == Quantity(None, None, None, "measured")


def test_an_interval_stays_within_what_is_possible() -> None:
    assert Total(100.0, 80.0).quantity(least=50, most=150) == Quantity(100, 50, 150, "measured")


def test_an_exact_total_is_its_own_interval() -> None:
    assert Total(100, 0.0).plus(11).quantity(0, 999) == Quantity(111, 111, 111, "measured")


# ---- how the ratio grows with the scope ----


def counted(roots: list[Path], target_bytes: int | None = None) -> Scope:
    return reduce(scan(roots, Plan()), target_bytes).scope


def test_of_noise_stored_twice_half_the_chunks_hold_a_quarter_of_the_duplicates(
    tmp_path: Path,
) -> None:
    noise = np.random.default_rng(3).bytes(8 << 20)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(noise)
    ratios = {growth.share: growth.ratio.value for growth in counted([tmp_path]).growth}
    assert ratios[1.0] == pytest.approx(2, rel=1e-4)
    # 1 - (1 - 1/2)^2 of the distinct chunks are met in half of all references.
    assert ratios[0.5] == pytest.approx(0.5 * 2 / 0.75, rel=1e-4)
    assert ratios[0.25] == pytest.approx(0.25 * 2 / (1 - 0.75**2), rel=1e-4)


def test_the_last_share_is_the_headline_and_none_is_below_the_one_before(tmp_path: Path) -> None:
    source = np.random.default_rng(4)
    shared = source.bytes(1 << 20)
    for i in range(6):
        (tmp_path / f"{i}").write_bytes(shared[: i << 17] + source.bytes(300_000) + bytes(200_000))
    scope = counted([tmp_path])
    ratios = [growth.ratio.value or 0 for growth in scope.growth]
    assert ratios[-1] == pytest.approx(scope.measured.value, rel=1e-4)
    assert ratios == sorted(ratios)


def test_the_ceiling_adds_what_the_last_doubling_did_for_each_one_to_the_target(
    tmp_path: Path,
) -> None:
    noise = np.random.default_rng(5).bytes(4 << 20)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(noise)
    scope = counted([tmp_path], 8 * (8 << 20))
    assert scope.ceiling is not None
    assert scope.ceiling.value == pytest.approx(2 + 3 * (2 - 4 / 3), rel=1e-3)
    assert scope.ceiling.origin == "assumed"
    for target_bytes in (None, 1, 8 << 20):
        ceiling = counted([tmp_path], target_bytes).ceiling
        assert ceiling is not None
        assert ceiling.value == pytest.approx(2, rel=1e-3)
