"""Partial scans: content classes, what the roots share, and how the ratio grows with the scope."""

import os
import random
import threading
from itertools import pairwise
from pathlib import Path

import pytest
from support.quantities import assert_upright, ends, point
from support.scans import measured

from storeff.estimate.reduction import Reduction, reduce
from storeff.quantity import UNKNOWN
from storeff.scan.listing import Listing
from storeff.scan.measurement import Measurement
from storeff.scan.partial import PartialScan
from storeff.scan.plan import CUTTINGS, HEADLINE, Plan, table
from storeff.scan.sampling import SamplingDesign
from storeff.sources.tree import LocalTree

KIB = 1 << 10
CHUNKERS = tuple(c for c in CUTTINGS if c.name == HEADLINE.chunker)
PROBED = tuple(p for p in table("default") if p.chunker == HEADLINE.chunker)


def whole(roots: list[Path]) -> Reduction:
    return reduce(measured(roots, Plan(seed=7)))


def sampled(roots: list[Path], rate: float, seed: int = 7) -> Measurement:
    return measured(roots, Plan(seed=seed, chunkers=CHUNKERS, probed=PROBED), rate)


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Three roots: two with 300 files in common and 300 of their own, one with 300 of text."""
    source = random.Random(11)
    top = tmp_path_factory.mktemp("roots")
    for name in ("a", "b", "text"):
        (top / name).mkdir()
    for i in range(300):
        common = source.randbytes(20 * KIB + 37 * i)
        (top / "a" / f"common{i}").write_bytes(common)
        (top / "b" / f"renamed{i}").write_bytes(common)
        (top / "a" / f"own{i}").write_bytes(source.randbytes(15 * KIB + 41 * i))
        (top / "b" / f"own{i}").write_bytes(source.randbytes(15 * KIB + 43 * i))
        words = (b"%d words of the file" % source.randrange(10**9) for _ in range(500 + 2 * i))
        (top / "text" / f"t{i}").write_bytes(b"\n".join(words))
    return [top / "a", top / "b", top / "text"]


def test_reading_all_units_finds_the_classes_and_the_sharing_of_a_whole_scan(
    roots: list[Path],
) -> None:
    ours, theirs = reduce(sampled(roots, 1.0)), whole(roots)
    assert ours.sharing == theirs.sharing
    assert theirs.sharing is not None
    assert len(theirs.sharing.pairs) == 1
    # Of a part fewer chunks are compressed.
    for mine, other in zip(ours.by_stratum, theirs.by_stratum, strict=True):
        assert (mine.name, mine.data_bytes) == (other.name, other.data_bytes)
        assert mine.unique_bytes == other.unique_bytes
    assert {s.name for s in ours.by_stratum} == {"text", "high-entropy"}


def test_the_ratio_of_all_units_is_that_at_the_end_of_its_growth(roots: list[Path]) -> None:
    reduction = reduce(sampled(roots[:2], 1.0))
    ratios = [growth.ratio.value or 0.0 for growth in reduction.scope.growth]
    assert ratios[-1] == pytest.approx(reduction.headline.ratio.value)
    # Copies are of files of equal size, which are in a part of the extents together or not at all.
    assert ratios[0] == pytest.approx(ratios[-1])


def test_copies_at_other_ranks_are_observed_as_the_scope_grows(tmp_path: Path) -> None:
    source = random.Random(12)
    for i in range(300):
        block = source.randbytes(88 * KIB)
        # The first chunk of both is the same, the files are not of one size.
        (tmp_path / f"a{i}").write_bytes(block + source.randbytes(40 * KIB + i))
        (tmp_path / f"b{i}").write_bytes(block + source.randbytes(45 * KIB + i))
    ratios = [g.ratio.value or 0.0 for g in reduce(sampled([tmp_path], 1.0)).scope.growth]
    assert ratios[0] < 1.05
    assert all(b > a + 0.005 for a, b in pairwise(ratios))


def test_no_bound_of_the_ratio_shrinks_as_the_scope_grows(roots: list[Path]) -> None:
    for rate in (0.1, 0.3):
        growth = [each.ratio for each in reduce(sampled(roots, rate)).scope.growth]
        for low, high in pairwise(growth):
            # Each is of a whole number of bytes.
            assert (low.low or 0) <= (high.low or 0) + 1e-5
            assert (low.high or 0) <= (high.high or 0) + 1e-5


def test_a_part_says_what_the_roots_share(roots: list[Path]) -> None:
    truth, sharing = whole(roots).sharing, reduce(sampled(roots, 0.4)).sharing
    assert truth is not None
    assert sharing is not None
    assert [v.data_bytes for v in sharing.volumes] == [v.data_bytes for v in truth.volumes]
    # The text is in one root alone.
    assert [(p.a, p.b) for p in sharing.pairs] == [(p.a, p.b) for p in truth.pairs]
    # Of what both roots hold the sample has read some 0.4, and that is there.
    assert ends(sharing.pairs[0].shared_bytes)[0] > 0.2 * point(truth.pairs[0].shared_bytes)


def test_of_roots_of_which_too_little_was_read_nothing_is_known(roots: list[Path]) -> None:
    sharing = reduce(sampled(roots, 0.02)).sharing
    assert sharing is not None
    assert sharing.needless_bytes == UNKNOWN
    assert {v.only_here_bytes for v in sharing.volumes} == {UNKNOWN}
    assert reduce(sampled(roots[:1], 0.4)).sharing is None


def test_of_a_root_too_small_for_the_sample_nothing_is_known(
    roots: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "few").write_bytes(random.Random(3).randbytes(20 * KIB))
    sharing = reduce(sampled([roots[0], tmp_path], 0.4)).sharing
    assert sharing is not None
    few = next(v for v in sharing.volumes if v.name == str(tmp_path))
    assert (few.unique_bytes, few.only_here_bytes) == (UNKNOWN, UNKNOWN)
    assert sharing.needless_bytes == UNKNOWN
    others = next(v for v in sharing.volumes if v is not few)
    assert point(others.unique_bytes) > 0


def test_a_part_says_how_much_of_the_data_is_of_each_class(roots: list[Path]) -> None:
    truth = {s.name: s for s in whole(roots).by_stratum}
    strata = reduce(sampled(roots, 0.4)).by_stratum
    assert {s.name for s in strata} == truth.keys()
    for stratum in strata:
        share, exact = stratum.data_share, truth[stratum.name].data_share
        assert stratum.data_bytes is None
        assert share is not None
        assert exact is not None
        # Four standard deviations of a share of 0.4 of some 300 extents of the class.
        assert point(share) == pytest.approx(point(exact), rel=0.3)


def test_a_volume_of_holes_counts_by_its_data(tmp_path: Path) -> None:
    source = random.Random(13)
    for name in ("dense", "sparse"):
        (tmp_path / name).mkdir()
        for i in range(80):
            with open(tmp_path / name / f"f{i}", "wb") as file:
                file.write(source.randbytes(130 * KIB + i))
                if name == "sparse":
                    file.truncate(640 * KIB + i)
    sharing = reduce(sampled([tmp_path / "dense", tmp_path / "sparse"], 1.0)).sharing
    assert sharing is not None
    truth = whole([tmp_path / "dense", tmp_path / "sparse"]).sharing
    assert truth is not None
    assert [v.data_bytes for v in sharing.volumes] == [v.data_bytes for v in truth.volumes]


def test_files_that_several_sources_name_keep_every_interval_upright(tmp_path: Path) -> None:
    source = random.Random(3)
    for name in ("h1", "h2", "big"):
        (tmp_path / name).mkdir()
    for i in range(300):
        path = tmp_path / "big" / f"{i}"
        path.write_bytes(source.randbytes(60_000))
        if i % 5 == 0:
            os.link(path, tmp_path / "h1" / f"{i}")
            os.link(path, tmp_path / "h2" / f"{i}")
    roots = [tmp_path / name for name in ("h1", "h2", "big")]
    for seed in (1, 2, 3):
        listing = Listing(LocalTree(roots), SamplingDesign(seed=seed))
        assert listing.count(threading.Event())
        reading = PartialScan(listing, Plan(seed=seed))
        reading.extend(0.4)
        sharing = reduce(reading.result()).sharing
        assert sharing is not None
        figures = [sharing.needless_bytes, *(p.shared_bytes for p in sharing.pairs)]
        for volume in sharing.volumes:
            figures += [volume.unique_bytes, volume.only_here_bytes]
        for q in figures:
            assert_upright(q)
