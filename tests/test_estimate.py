"""Estimates are exact while everything is kept; beyond that they are unbiased, with intervals
that cover as often as they say, and beat the ratio inside a sample."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from support.scans import scan

from storeff import _native
from storeff.estimate.reduction import Scope, reduce
from storeff.estimate.totals import Total, estimate_total, sample_of
from storeff.quantity import Quantity
from storeff.scan.plan import Plan
from storeff.scan.sketch import Sketch

CHUNKS = 10_000
ENTRIES = 600
COMPRESSED = 200
SEEDS = 100
Counts = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Trials = dict[str, tuple[Floats, float]]
"""By quantity: (3, seeds) values, low and high ends; and the truth."""


def zipf(rng: np.random.Generator) -> Counts:
    return np.minimum(rng.zipf(1.6, CHUNKS), 10_000).astype(np.uint64)


def hot(share: float, chunks: int = 1) -> Callable[[np.random.Generator], Counts]:
    """``chunks`` that have ``share`` of all references between them; the others one to three."""

    def draw(rng: np.random.Generator) -> Counts:
        counts = rng.integers(1, 4, CHUNKS).astype(np.uint64)
        others = int(counts[chunks:].sum())
        counts[:chunks] = round(others * share / (1 - share) / chunks)
        return counts

    return draw


# References a chunk has, one a name: the shapes that data reduction meets.
POPULATIONS = {
    "all unique": lambda rng: np.ones(CHUNKS, np.uint64),
    "all doubled": lambda rng: np.full(CHUNKS, 2, np.uint64),
    "uniform 1 to 3": lambda rng: rng.integers(1, 4, CHUNKS).astype(np.uint64),
    "zipf 1.6": zipf,
    "one chunk has a tenth": hot(0.1),
    "one chunk has half": hot(0.5),
    "thirty chunks have a third": hot(1 / 3, 30),
}
# Here the known bytes of all references tell exactly how many chunks there are.
DETERMINED = ("all unique", "all doubled")


def ascending_keys(rng: np.random.Generator) -> Counts:
    """(CHUNKS, 2) keys in the order of their low halves."""
    keys = rng.integers(0, 2**64, (CHUNKS, 2), np.uint64)
    return keys[np.argsort(keys[:, 1])]


def population(name: str) -> tuple[Counts, Counts, Counts, Counts]:
    """Keys, sizes (6 to 10 KiB), counts, and compressed sizes of a synthetic data set."""
    rng = np.random.default_rng(11)
    keys = ascending_keys(rng)
    sizes = rng.integers(6144, 10241, CHUNKS).astype(np.uint64)
    compressed = np.maximum(1, (sizes * rng.beta(2, 2, CHUNKS))).astype(np.uint64)
    return keys, sizes, POPULATIONS[name](rng), compressed


def sketch_of(
    keys: Counts, sizes: Counts, counts: Counts, compressed: Counts, seed: int, entries: int
) -> Sketch:
    """What the native core keeps of the population, each chunk fed as often as it occurs."""
    scanner = _native.Scanner([(6144, 10240, entries, 0)], seed)
    repeats = np.repeat(np.arange(len(keys)), counts.astype(np.int64))
    scanner.add(0, keys[repeats], sizes[repeats], np.ones(len(repeats), np.uint64))
    made = scanner.export(0)
    kept = np.searchsorted(keys[:, 1], made["keys"][:, 1])
    made["compressed"] = compressed[kept].astype(np.uint32).reshape(-1, 1)
    return Sketch(**made, compressed_tau=made["tau"])


def less_compressed(sketch: Sketch, entries: int, seed: int) -> Sketch:
    """``sketch`` as it is if only its first ``entries`` are compressed."""
    compressed = sketch.compressed.copy()
    compressed[entries:] = 0
    [tau] = _native.rank(
        sketch.keys[entries : entries + 1], sketch.sizes[entries : entries + 1], seed
    )
    return replace(sketch, compressed=compressed, compressed_tau=float(tau))


def figures(sketch: Sketch, seed: int) -> dict[str, Total]:
    """Distinct bytes, and distinct chunks each compressed, as a reduction estimates them."""
    kept, compressed = sample_of(sketch, seed), sample_of(sketch.compressed_sample(), seed)
    distinct = estimate_total(kept, sketch.sizes)
    sizes = compressed.sketch.compressed[:, 0].astype(np.uint64)
    combined = estimate_total(compressed, sizes, (compressed.sketch.sizes, distinct))
    return {"distinct": distinct, "combined": combined}


@pytest.mark.parametrize("name", ["all unique", "uniform 1 to 3", "one chunk has a tenth"])
def test_everything_kept_is_an_exact_sum(name: str) -> None:
    keys, sizes, counts, compressed = population(name)
    sketch = sketch_of(keys, sizes, counts, compressed, seed=1, entries=CHUNKS)
    assert sketch.exact
    assert figures(sketch, 1) == {
        "distinct": Total(int(sizes.sum()), 0.0),
        "combined": Total(int(compressed.sum()), 0.0),
    }


@pytest.fixture(scope="module")
def trials() -> dict[str, Trials]:
    """For each population and quantity: estimates, low and high ends, and the truth."""
    made: dict[str, Trials] = {}
    for name in POPULATIONS:
        keys, sizes, counts, compressed = population(name)
        rows: dict[str, list[Quantity]] = {"distinct": [], "combined": []}
        for seed in range(SEEDS):
            sketch = sketch_of(keys, sizes, counts, compressed, seed, ENTRIES)
            found = figures(less_compressed(sketch, COMPRESSED, seed), seed)
            for quantity, total in found.items():
                rows[quantity].append(total.quantity(0, 2**62))
        truths = {"distinct": sizes, "combined": compressed}
        made[name] = {
            quantity: (
                np.array([(q.value, q.low, q.high) for q in found], np.float64).T,
                float(truths[quantity].sum()),
            )
            for quantity, found in rows.items()
        }
    return made


@pytest.mark.parametrize("quantity", ["distinct", "combined"])
@pytest.mark.parametrize("name", POPULATIONS)
def test_the_estimate_is_unbiased(name: str, quantity: str, trials: dict[str, Trials]) -> None:
    (values, _, _), truth = trials[name][quantity]
    assert abs(values.mean() - truth) <= 3.5 * values.std() / np.sqrt(SEEDS) + 0.5


@pytest.mark.parametrize("quantity", ["distinct", "combined"])
@pytest.mark.parametrize("name", POPULATIONS)
def test_a_95_percent_interval_covers_about_95_percent(
    name: str, quantity: str, trials: dict[str, Trials]
) -> None:
    (_, low, high), truth = trials[name][quantity]
    covered = ((low <= truth) & (truth <= high)).mean()
    # 100 trials at 95 %: the binomial's own 99.9 % range is 0.86 to 1.
    assert covered >= 0.86
    if name not in DETERMINED or quantity != "distinct":
        assert covered < 1 or (high - low).mean() < 0.2 * truth


@pytest.mark.parametrize("name", DETERMINED)
def test_what_the_references_determine_is_hit_and_still_not_called_exact(
    name: str, trials: dict[str, Trials]
) -> None:
    (values, low, high), truth = trials[name]["distinct"]
    # That ordinary chunks meet in a bucket by chance does not make it pass for a heavy one.
    assert (values == truth).mean() > 0.98
    # What one kept chunk stands for, 1.96 standard deviations of it.
    assert np.median(high - low) / 2 == pytest.approx(1.96 * truth / ENTRIES, rel=0.01)
    assert (high > low).all()


@pytest.mark.parametrize("name", [n for n in POPULATIONS if n not in (*DETERMINED, "zipf 1.6")])
def test_chunks_with_very_many_references_cost_no_accuracy(
    name: str, trials: dict[str, Trials]
) -> None:
    (values, _, _), truth = trials[name]["distinct"]
    # The Horvitz-Thompson estimator alone is off by 1 / sqrt(entries), 4.1 %.
    assert np.sqrt(((values / truth - 1) ** 2).mean()) < 0.5 / np.sqrt(ENTRIES)


@pytest.mark.parametrize("name", ["all doubled", "uniform 1 to 3", "one chunk has a tenth"])
def test_it_beats_the_ratio_inside_a_sample(name: str, trials: dict[str, Trials]) -> None:
    (values, _, _), truth = trials[name]["distinct"]
    _, sizes, counts, _ = population(name)
    references = np.repeat(np.arange(CHUNKS), counts.astype(np.int64))
    logical = float((sizes * counts).sum())
    inside = []
    for seed in range(20):
        drawn = np.random.default_rng(seed).choice(references, ENTRIES, replace=False)
        inside.append(logical * sizes[np.unique(drawn)].sum() / sizes[drawn].sum())
    rmse = np.sqrt(((values - truth) ** 2).mean())
    assert rmse < np.sqrt(((np.array(inside) - truth) ** 2).mean()) / 3


def test_hidden_repeats_widen_the_interval_even_where_no_bucket_stands_out() -> None:
    """Of 100,000 chunks 400 have 20 references each; two of them are kept, if any."""
    rng = np.random.default_rng(12)
    keys = rng.integers(0, 2**64, (100_000, 2), np.uint64)
    sizes = np.full(len(keys), 8192, np.uint64)
    repeats = np.concatenate((np.arange(len(keys)), np.repeat(np.arange(400), 19)))
    labels = np.ones(len(repeats), np.uint64)
    covered = []
    for seed in range(SEEDS):
        scanner = _native.Scanner([(8192, 8192, 500, 0)], seed)
        scanner.add(0, keys[repeats], sizes[repeats], labels)
        made = scanner.export(0)
        sketch = Sketch(**made, compressed_tau=made["tau"])
        total = estimate_total(sample_of(sketch, seed), sketch.sizes).quantity(0, 2**62)
        assert total.low is not None
        assert total.high is not None
        covered.append(total.low <= int(sizes.sum()) <= total.high)
    assert np.mean(covered) >= 0.86


def test_what_no_kept_chunk_has_is_unknown_not_zero() -> None:
    keys, sizes, counts, compressed = population("all unique")
    sketch = sketch_of(keys, sizes, counts, compressed, seed=5, entries=ENTRIES)
    nothing = estimate_total(sample_of(sketch, 5), np.zeros(ENTRIES, np.uint64))
    assert nothing.quantity(0, 10) == Quantity(None, None, None, "measured")


def test_an_interval_stays_within_what_is_possible() -> None:
    assert Total(100.0, 80.0).quantity(least=50, most=150) == Quantity(100, 50, 150, "measured")


def test_an_exact_total_is_its_own_interval() -> None:
    assert Total(100, 0.0).plus(11).quantity(0, 999) == Quantity(111, 111, 111, "measured")


def test_few_observations_take_the_quantile_of_student() -> None:
    # Two-sided 95 % at four degrees of freedom: 2.776.
    assert Total(1000.0, 100.0, 4.0).quantity(0, 9999) == Quantity(1000, 722, 1278, "measured")


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


def test_the_growth_scenario_adds_what_the_last_doubling_did_for_each_one_to_the_target(
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
        scenario = counted([tmp_path], target_bytes).ceiling
        assert scenario is not None
        assert scenario.value == pytest.approx(2, rel=1e-3)
