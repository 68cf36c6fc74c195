"""Totals from a priority sketch, and how the ratio grows with the scope. How sure the figures are
is judged in test_estimators.py."""

from pathlib import Path

import numpy as np
import pytest
from support.populations import sketch_of
from support.scans import measured

from storeff.estimate.reduction import Scope, reduce
from storeff.estimate.totals import Total, estimate_total, sample_of
from storeff.quantity import UNKNOWN, Quantity
from storeff.scan.plan import Plan


def test_what_no_kept_chunk_has_is_unknown_not_zero() -> None:
    keys = np.random.default_rng(5).integers(0, 2**64, (1000, 2), np.uint64)
    ones = np.ones(1000, np.uint64)
    sketch = sketch_of(keys, ones * 8192, ones, ones, {}, seed=5, entries=100, probed={})
    nothing = estimate_total(sample_of(sketch, 5), np.zeros(100, np.uint64)).total
    assert nothing.quantity(0, 10) == UNKNOWN


def test_an_interval_stays_within_what_is_possible() -> None:
    assert Total(100.0, 80.0).quantity(least=50, most=150) == Quantity(100, 50, 150, "measured")


def test_an_exact_total_is_its_own_interval() -> None:
    assert Total(100, 0.0).plus(11).quantity(0, 999) == Quantity(111, 111, 111, "measured")


def test_few_observations_take_the_quantile_of_student() -> None:
    # Two-sided 95 % at four degrees of freedom: 2.776.
    assert Total(1000.0, 100.0, 4.0).quantity(0, 9999) == Quantity(1000, 722, 1278, "measured")


# ---- how the ratio grows with the scope ----


def counted(roots: list[Path]) -> Scope:
    return reduce(measured(roots, Plan())).scope


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


def test_compression_only_is_never_above_the_headline(tmp_path: Path) -> None:
    noise = np.random.default_rng(5).bytes(4 << 20)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(noise)
    scope = counted([tmp_path])
    assert scope.floor.value == pytest.approx(1, rel=1e-3)
    assert scope.measured.value == pytest.approx(2, rel=1e-3)
