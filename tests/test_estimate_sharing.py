"""Cross-source duplicates between the scanned roots, counted while the sketch holds all chunks."""

import os
import random
import threading
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.scans import assert_same, measured, scan

from storeff.estimate.reduction import evidence_of, reduce
from storeff.estimate.reduction import sharing_of as sharing_by
from storeff.estimate.sharing import Sharing
from storeff.scan.listing import Listing
from storeff.scan.measurement import VOLUMES_MAX, Measurement
from storeff.scan.plan import Chunker, Plan
from storeff.scan.sampling import SamplingDesign
from storeff.sources.tree import LocalTree

BLOCK = 4096
BLOCKS = Plan(chunkers=(Chunker("fixed-4KiB", "fixed", BLOCK, BLOCK, 4096),), probed=())
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
    evidence = evidence_of(measurement)
    return sharing_by(evidence, evidence.chunkers["fixed-4KiB"])


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


@pytest.mark.parametrize("order", list(permutations("abc")))
def test_a_file_with_names_in_several_roots_belongs_to_each_and_counts_once(
    tmp_path: Path, order: tuple[str, ...]
) -> None:
    """Block 0 has names in a and b, twice there, block 1 in all; a 2 MB file in b and c."""
    fill(tmp_path, {"a": [0, 1, 2], "b": [3], "c": [4]})
    for source, name in (("a/0", "b/x"), ("a/0", "b/y"), ("a/1", "b/z"), ("a/1", "c/z")):
        os.link(tmp_path / source, tmp_path / name)
    large = NOISE[BLOCK * 100 : BLOCK * 600]
    (tmp_path / "b" / "large").write_bytes(large)
    os.link(tmp_path / "b" / "large", tmp_path / "c" / "large")
    measured = scan([tmp_path / name for name in order], BLOCKS, threads=2)
    found = shared(measured)
    assert [v.data_bytes // BLOCK for v in found.volumes] == [3, 503, 502]
    assert [v.only_here_bytes.value for v in found.volumes] == [BLOCK, BLOCK, BLOCK]
    assert found.needless_bytes.value == BLOCK * (1 + 2 + 500)
    assert (measured.census.files, measured.read_bytes) == (6, BLOCK * 505)
    assert measured.census.ignored["hard-link"].entries == 5


def test_a_file_with_a_name_outside_belongs_to_the_roots_inside(tmp_path: Path) -> None:
    roots = fill(tmp_path, {"a": [0], "b": [1]})
    os.link(tmp_path / "a" / "0", tmp_path / "outside")
    found = shared(scan(roots, BLOCKS))
    assert [v.only_here_bytes.value for v in found.volumes] == [BLOCK, BLOCK]


def test_a_name_in_a_nested_root_is_of_that_root(tmp_path: Path) -> None:
    fill(tmp_path, {"a": [0, 1]})
    (tmp_path / "a" / "in").mkdir()
    os.link(tmp_path / "a" / "0", tmp_path / "a" / "in" / "0")
    found = shared(scan([tmp_path / "a", tmp_path / "a" / "in"], BLOCKS))
    assert [v.data_bytes // BLOCK for v in found.volumes] == [2, 1]
    assert found.needless_bytes.value == BLOCK


def test_a_part_tells_the_roots_of_files_with_several_names_too(tmp_path: Path) -> None:
    fill(tmp_path, {"a": [*range(50)], "b": [50]})
    for i in range(50):
        os.link(tmp_path / "a" / f"{i}", tmp_path / "b" / f"x{i}")
    for order in (("a", "b"), ("b", "a")):
        made = Listing(LocalTree([tmp_path / name for name in order]), SamplingDesign())
        assert made.count(threading.Event())
        assert {n: b // BLOCK for n, b in zip(order, made.root_bytes, strict=True)} == {
            "a": 50,
            "b": 51,
        }
        assert (made.census.files, made.census.size_bytes) == (51, 51 * BLOCK)
        roots = [tmp_path / name for name in order]
        sharing = reduce(measured(roots, Plan(), rate=1.0)).sharing
        assert sharing is not None
        assert [v.data_bytes // BLOCK for v in sharing.volumes] == [50, 51]
        assert sharing.needless_bytes.high is not None
        assert sharing.needless_bytes.high >= 50 * BLOCK


def test_too_many_roots_are_not_told_apart(tmp_path: Path) -> None:
    roots = fill(tmp_path, {f"{i}": [i] for i in range(VOLUMES_MAX + 1)})
    assert sharing_of(scan(roots, BLOCKS)) is None
    assert sharing_of(scan(roots[1:], BLOCKS)) is not None


@settings(max_examples=10)
@given(st.permutations(range(3)))
def test_merging_measurements_of_different_roots_keeps_them_apart(
    tmp_path_factory: pytest.TempPathFactory, order: list[int]
) -> None:
    place = tmp_path_factory.mktemp("roots")
    roots = fill(place, {"a": [0, 1, 2], "b": [2, 1], "c": [2, 5]})
    parts = [scan([roots[i]], BLOCKS) for i in order]
    together = parts[0].merge(parts[1]).merge(parts[2])
    assert_same(together, scan(roots, BLOCKS), in_same_places=False)
