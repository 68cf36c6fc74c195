"""Needless copies between the scanned roots: exact while the sketch holds all, bounded beyond."""

import random
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scans import assert_same

from storeff.estimate.reduction import reduce
from storeff.estimate.sharing import Sharing, sharing
from storeff.estimate.totals import sample_of
from storeff.scan.measurement import VOLUMES_MAX, Measurement
from storeff.scan.plan import Chunker, Plan
from storeff.scan.run import scan

BLOCK = 4096
BLOCKS = Plan(chunkers=(Chunker("fixed-4KiB", BLOCK, BLOCK, 4096),))
NOISE = random.Random(5).randbytes(BLOCK * 2000)


def fill(root: Path, holdings: dict[str, list[int]]) -> list[Path]:
    """Folders of small files, each of one block of NOISE by its number."""
    for name, numbers in holdings.items():
        (root / name).mkdir()
        for i, number in enumerate(numbers):
            start = number * BLOCK
            (root / name / f"{i}").write_bytes(NOISE[start : start + BLOCK])
    return [root / name for name in holdings]


def sharing_of(measurement: Measurement) -> Sharing | None:
    kept = sample_of(measurement.sketches["fixed-4KiB"], measurement.plan.seed)
    return sharing(measurement, "fixed-4KiB", kept)


def shared(measurement: Measurement) -> Sharing:
    found = sharing_of(measurement)
    assert found is not None
    return found


def test_what_two_of_three_roots_share_is_counted_once_a_pair(tmp_path: Path) -> None:
    roots = fill(tmp_path, {"a": [0, 1, 1, 2], "b": [2, 1, 3], "c": [2, 9]})
    found = shared(scan(roots, BLOCKS, threads=2))
    assert [v.data_bytes // BLOCK for v in found.volumes] == [4, 3, 2]
    assert [v.unique_bytes.value for v in found.volumes] == [3 * BLOCK, 3 * BLOCK, 2 * BLOCK]
    assert [v.only_here_bytes.value for v in found.volumes] == [BLOCK, BLOCK, BLOCK]
    names = {(Path(p.a).name, Path(p.b).name): p.shared_bytes.value for p in found.pairs}
    assert names == {("a", "b"): 2 * BLOCK, ("a", "c"): BLOCK, ("b", "c"): BLOCK}
    # Block 2 is stored thrice and block 1 twice where once would do.
    assert found.needless_bytes.value == 3 * BLOCK
    assert found.needless_bytes.low == found.needless_bytes.high


def test_roots_that_share_nothing_have_no_pair(tmp_path: Path) -> None:
    found = shared(scan(fill(tmp_path, {"a": [0], "b": [1]}), BLOCKS))
    assert (found.pairs, found.needless_bytes.high) == ([], 0)


def test_one_root_shares_with_nobody(tmp_path: Path) -> None:
    assert reduce(scan(fill(tmp_path, {"a": [0]}), Plan())).sharing is None


def test_too_many_roots_are_not_told_apart(tmp_path: Path) -> None:
    roots = fill(tmp_path, {f"{i}": [i] for i in range(VOLUMES_MAX + 1)})
    assert sharing_of(scan(roots, BLOCKS)) is None
    assert sharing_of(scan(roots[1:], BLOCKS)) is not None


@settings(max_examples=10, deadline=None)
@given(st.permutations(range(3)))
def test_merging_measurements_of_different_roots_keeps_them_apart(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    place = tmp_path_factory.mktemp("roots")
    roots = fill(place, {"a": [0, 1, 2], "b": [2, 1], "c": [2, 5]})
    parts = [scan([roots[i]], BLOCKS) for i in order]
    assert_same(parts[0].merge(parts[1]).merge(parts[2]), scan(roots, BLOCKS))


def test_a_sample_bounds_what_it_does_not_hold(tmp_path: Path) -> None:
    """One block in 1,000 is shared: most samples of 100 miss it, and none may say there is none."""
    roots = fill(tmp_path, {"a": [*range(1000)], "b": [0, *range(1001, 1100)]})
    held = 0
    for seed in range(20):
        plan = Plan(seed=seed, chunkers=(Chunker("fixed-4KiB", BLOCK, BLOCK, 100),))
        found = shared(scan(roots, plan)).needless_bytes
        assert found.low is not None
        assert found.high is not None
        held += found.low <= BLOCK <= found.high
    assert held >= 18
