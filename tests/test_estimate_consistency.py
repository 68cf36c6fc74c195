"""Figures that owe each other an order keep it, however little they rest on; and a scan that was
cut short gives no interval to any."""

import random
import threading
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from support.quantities import assert_at_most, assert_upright, quantities
from support.scans import measured, scenario_of

from storeff.economics import size
from storeff.estimate.consistency import without_intervals
from storeff.estimate.reduction import Reduction, reduce
from storeff.layout import SystemReduction, load_layouts
from storeff.quantity import UNKNOWN
from storeff.report.sizing import bytes_left, sized_for
from storeff.scan.measurement import Measurement
from storeff.scan.plan import ALLOCATION_BYTES, CUTTINGS, Chunker, Plan, table
from storeff.scan.run import Progress
from storeff.sources.skipped import Skipped

# So few chunks are kept that every figure of these is estimated.
FEW = tuple(msgspec.structs.replace(c, entries=48) for c in CUTTINGS)
PARTLY_CALIBRATED = ("fixed-64KiB", "fixed-4KiB", "cdc-64KiB")


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Two roots with text, noise and zeros, some of it in both, some of it incompressible."""
    top = tmp_path_factory.mktemp("top")
    source = random.Random(21)
    for name in ("a", "b"):
        (top / name).mkdir()
    for i in range(150):
        noise = source.randbytes(source.randrange(150_000))
        text = b"".join(b"%d of the lines\n" % source.randrange(10**6) for _ in range(3000))
        for name, content in (("a", [noise, text, text + bytes(90_000)][i % 3]), ("b", noise)):
            (top / name / f"{i}").write_bytes(content)
    return [top / "a", top / "b"]


def part(roots: list[Path], rate: float, seed: int) -> Reduction:
    chunkers = tuple(c for c in CUTTINGS if c.name in PARTLY_CALIBRATED)
    probed = tuple(p for p in table("default") if p.chunker in PARTLY_CALIBRATED)
    return reduce(measured(roots, Plan(seed=seed, chunkers=chunkers, probed=probed), rate))


def assert_consistent(reduction: Reduction) -> None:
    """Everything that is so whatever the data, by what the figures mean."""
    for q in quantities(reduction):
        assert_upright(q)
    unique = {d.chunker: d.unique_bytes for d in reduction.dedup}
    plain = {(c.block_bytes, c.codec): c for c in reduction.compression if c.allocation_bytes == 1}
    for row in reduction.combined:
        only = row.compression_only_bytes
        assert only is not None
        assert row.compression_only_ratio is not None
        assert_at_most(row.physical_bytes, unique[row.chunker])
        assert_at_most(row.physical_bytes, only)
        assert_at_most(row.compression_only_ratio, row.ratio)
        kind, size_kib = row.chunker.removesuffix("KiB").split("-")
        if kind == "fixed" and (int(size_kib) << 10, row.codec) in plain:
            assert plain[int(size_kib) << 10, row.codec].compressed_bytes == only
    for allocated in reduction.compression:
        if allocated.allocation_bytes > 1:
            beside = plain[allocated.block_bytes, allocated.codec].compressed_bytes
            assert_at_most(beside, allocated.compressed_bytes)
    head, scope = reduction.headline, reduction.scope
    [row] = [c for c in reduction.combined if (c.chunker, c.codec) == (head.chunker, head.codec)]
    assert scope.measured == head.ratio == row.ratio == scope.growth[-1].ratio
    assert scope.floor == row.compression_only_ratio
    assert_at_most(scope.floor, scope.measured)
    for stratum in reduction.by_stratum:
        assert_at_most(stratum.physical_bytes, stratum.unique_bytes)
    if all(s.data_bytes is not None for s in reduction.by_stratum):
        assert sum(s.data_bytes or 0 for s in reduction.by_stratum) == reduction.data_bytes
    assert sum(s.data_share.value or 0 for s in reduction.by_stratum if s.data_share) == (
        pytest.approx(1, abs=0.01)
    )
    assert reduction.sharing is not None
    of = {v.name: v for v in reduction.sharing.volumes}
    for volume in of.values():
        assert_at_most(volume.only_here_bytes, volume.unique_bytes)
    for pair in reduction.sharing.pairs:
        assert_at_most(pair.shared_bytes, of[pair.a].unique_bytes)
        assert_at_most(pair.shared_bytes, of[pair.b].unique_bytes)


def test_counted_figures_are_consistent(roots: list[Path]) -> None:
    reduction = reduce(measured(roots, Plan()))
    assert_consistent(reduction)
    strata = sum(s.unique_bytes.value or 0 for s in reduction.by_stratum)
    runs = 88 << 10
    headline = next(d for d in reduction.dedup if d.chunker == reduction.headline.chunker)
    assert headline.unique_bytes.value is not None
    assert strata >= headline.unique_bytes.value - runs
    ratios = [growth.ratio.value or 0 for growth in reduction.scope.growth]
    assert all(a <= b for a, b in pairwise(ratios))


def test_figures_from_samples_of_their_own_are_consistent(roots: list[Path]) -> None:
    for seed in range(5):
        reduction = reduce(measured(roots, Plan(seed=seed, chunkers=FEW)))
        assert reduction.headline.ratio.low != reduction.headline.ratio.high
        assert_consistent(reduction)


@pytest.mark.parametrize("rate", [0.2, 0.5, 1.0])
def test_figures_of_a_part_are_consistent(roots: list[Path], rate: float) -> None:
    assert_consistent(part(roots, rate, seed=1))


def test_no_layout_needs_less_without_duplicates_than_with_them(roots: list[Path]) -> None:
    for reduction in (
        reduce(measured(roots, Plan())),
        reduce(measured(roots, Plan(chunkers=FEW))),
    ):
        for layout in load_layouts().values():
            made = sized_for(reduction, 10**18, scenario_of(layout), seed=1)
            sized = size(made.scenario, made.draws, None, made.floor_ratio, made.floor_draws)
            if sized.floor is not None:
                for with_, without in (
                    (sized.raw_bytes, sized.floor.raw_bytes),
                    (sized.bill.drives, sized.floor.drives),
                ):
                    assert_at_most(with_, without)


PLAIN_LZ4 = SystemReduction(dedup="none", codec="lz4", source="packs what it compresses")


def test_a_system_that_counts_bytes_is_sized_by_the_plain_row(roots: list[Path]) -> None:
    reduction = reduce(measured(roots[:1], Plan()))
    [plain, allocated] = [
        c for c in reduction.compression if (c.codec, c.block_bytes) == ("lz4", 65536)
    ]
    assert (plain.allocation_bytes, allocated.allocation_bytes) == (1, ALLOCATION_BYTES)
    assert plain.compressed_bytes != allocated.compressed_bytes
    assert bytes_left(reduction, PLAIN_LZ4) == plain.compressed_bytes


# ---- cut short ----


def cut_short(roots: list[Path], chunkers: tuple[Chunker, ...] = CUTTINGS) -> Measurement:
    """A scan that was stopped when some of the files had been read."""
    stop = threading.Event()

    def on_progress(progress: Progress) -> None:
        if progress.done_files:
            stop.set()

    rate = sum(p.stat().st_size for root in roots for p in root.iterdir())
    found = measured(
        roots, Plan(chunkers=chunkers), stop=stop, on_progress=on_progress, bytes_per_second=rate
    )
    assert found.census.skipped["interrupted"].entries
    assert found.read_bytes
    return found


@pytest.mark.parametrize("chunkers", [CUTTINGS, FEW])
def test_of_a_scan_cut_short_only_what_compression_alone_leaves_has_an_interval(
    many: list[Path], chunkers: tuple[Chunker, ...]
) -> None:
    reduction = reduce(cut_short(many, chunkers))
    bare = msgspec.structs.replace(
        reduction,
        compression=[],
        combined=[
            msgspec.structs.replace(row, compression_only_bytes=None, compression_only_ratio=None)
            for row in reduction.combined
        ],
        scope=msgspec.structs.replace(reduction.scope, floor=UNKNOWN),
    )
    for q in quantities(bare):
        assert (q.low, q.high) == (None, None)
    # Windows are of all the data, whatever was read of it.
    assert reduction.scope.floor.low is not None
    assert reduction.headline.ratio.value is not None
    assert all(d.unique_bytes.value is not None for d in reduction.dedup)
    assert "exact" not in reduction.method.estimator
    assert reduction.method.estimator.endswith("of the part that was read")


def test_what_deduplicates_is_sized_by_a_scan_cut_short_without_an_interval(
    many: list[Path],
) -> None:
    reduction = reduce(cut_short(many))
    for name, layout in load_layouts().items():
        made = sized_for(reduction, 10**18, scenario_of(layout), seed=1)
        sized = size(made.scenario, made.draws, None, made.floor_ratio, made.floor_draws)
        assert sized.raw_bytes.value is not None
        deduplicates = layout.reduction is None or layout.reduction.dedup != "none"
        for q in (sized.raw_bytes, sized.bill.drives):
            assert (q.low is None) == (q.high is None) == deduplicates, name


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """More files than one thread takes at a time."""
    root = tmp_path_factory.mktemp("many")
    source = random.Random(22)
    for i in range(1500):
        (root / f"{i:04}").write_bytes(source.randbytes(3000) + b"text " * 500)
    return [root]


def test_a_scan_that_could_not_read_a_file_says_what_it_counted(
    tmp_path: Path,
) -> None:
    (tmp_path / "kept").write_bytes(b"text " * 1000)
    assert reduce(measured([tmp_path], Plan())).method.estimator == "exact count"
    some = measured([tmp_path], Plan())
    some.census.add_left_out(Skipped("permission", b"/not/read", 100))
    found = reduce(some)
    assert found.method.estimator == "exact count, of what was covered"
    assert found.headline.ratio.low == found.headline.ratio.high


def test_nothing_but_quantities_is_changed_by_taking_intervals_away(roots: list[Path]) -> None:
    reduction = reduce(measured(roots, Plan()))
    bare = without_intervals(reduction)
    assert bare.data_bytes == reduction.data_bytes
    assert bare.method == reduction.method
    assert [q.value for q in quantities(bare)] == [q.value for q in quantities(reduction)]
