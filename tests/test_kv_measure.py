"""Estimates from clusters of tokens, their intervals, their sums over files, and the report."""

import itertools
import math
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from storeff.errors import StoreffError
from storeff.kv import lossless, lossy
from storeff.kv.extract import sections
from storeff.kv.measure import (
    CLUSTERS_MIN,
    KvReport,
    Measurement,
    Part,
    Plan,
    draw,
    measure,
    report,
)
from storeff.kv.totals import UNKNOWN, Totals, mapped, measured
from storeff.quantity import Quantity
from storeff.sources.dumps.dump import Axis, Dtype, Dump, Tensor
from storeff.sources.local_file import FileReader

SHAPE = (2, 3, 240, 4, 16)
ROW_BYTES = 128
SMALL = Plan(
    sample_bytes=40_000,
    cluster_bytes=16 * ROW_BYTES,
    chunk_bytes=16 * ROW_BYTES,
    other_chunk_bytes=(4 * ROW_BYTES,),
)
ALL = msgspec.structs.replace(SMALL, sample_bytes=1 << 30)


def keys_and_values(seed: int) -> npt.NDArray[np.uint16]:
    """Tokens of changing scale, so that clusters differ, in bf16."""
    rng = np.random.default_rng(seed)
    scales = np.exp2(np.cumsum(rng.integers(-1, 2, (*SHAPE[:3], 1, 1)), 2) / 4)
    values = (rng.standard_normal(SHAPE) * scales).astype("<f4")
    return (values.view("<u4") >> 16).astype(np.uint16)


class File:
    """A dump on disk, in the layout of LMCache with a header of 28 bytes."""

    def __init__(self, path: Path, items: npt.NDArray[np.uint16], dtype: Dtype = "bf16") -> None:
        path.write_bytes(bytes(28) + items.tobytes())
        self.path, self.items, self.size_bytes = path, items, 28 + items.nbytes
        axes: tuple[Axis, ...] = ("kv", "layer", "token", "head", "dim")
        tensor = Tensor(28, items.nbytes, dtype, axes, items.shape, "kv")
        self.dump = Dump("LMCache", "kv", (tensor,), "exact", "")

    def measured(self, plan: Plan, name: bytes | None = None) -> Measurement:
        fd = os.open(self.path, os.O_RDONLY)
        try:
            return measure(
                self.dump,
                FileReader(fd, self.size_bytes, 0),
                name or bytes(self.path),
                self.size_bytes,
                plan,
            )
        finally:
            os.close(fd)


@pytest.fixture(scope="module")
def files() -> Iterator[list[File]]:
    with tempfile.TemporaryDirectory() as directory:
        yield [File(Path(directory, f"{n}.data"), keys_and_values(n)) for n in range(3)]


def part(of: KvReport, kind: str, layer: int | str = "all") -> Part:
    [found] = [p for p in [*of.overall, *of.by_layer] if (p.kind, p.layer) == (kind, layer)]
    return found


def quantities(value: object) -> Iterator[Quantity]:
    """Every quantity in a report."""
    if isinstance(value, Quantity):
        yield value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from quantities(getattr(value, name))
    elif isinstance(value, list):
        for each in value:
            yield from quantities(each)


# ---- totals ----


def every_sample(population: npt.NDArray[np.float64], count: int) -> list[Totals]:
    samples = itertools.combinations(range(len(population)), count)
    return [Totals.of(population[list(chosen)], len(population)) for chosen in samples]


@pytest.mark.parametrize("count", [2, 3, 5, 7])
def test_over_all_samples_totals_and_their_variances_are_unbiased(count: int) -> None:
    """Cochran, theorems 2.1 to 2.4."""
    population = np.random.default_rng(1).exponential(3, (7, 2))
    found = every_sample(population, count)
    totals = np.array([t.totals for t in found])
    covariance = np.mean([t.covariance for t in found], 0)
    assert totals.mean(0) == pytest.approx(population.sum(0))
    assert covariance == pytest.approx(np.cov(totals.T, ddof=0), abs=1e-9)


def test_a_census_is_exact() -> None:
    totals = Totals.of([[10, 4], [20, 9], [5, 2]], 3)
    assert totals.ratio(1, 0) == Quantity(15 / 35, 15 / 35, 15 / 35, "measured")


def test_one_cluster_of_several_says_nothing_of_how_sure_it_is() -> None:
    assert Totals.of([[10, 4]], 2).ratio(1, 0) == Quantity(0.4, None, None, "measured")


def test_a_ratio_of_nothing_is_unknown() -> None:
    assert Totals.of([[0, 0], [0, 0]], 5).ratio(1, 0) == UNKNOWN
    assert Totals.of([[0, 0, 0], [0, 0, 0]], 5).cosine(0, 1, 2) == UNKNOWN


def test_the_interval_is_students() -> None:
    """Four of ten clusters of one size: t(3) = 3.182."""
    stored = np.array([3.0, 5, 4, 8])
    found = Totals.of(np.stack([np.full(4, 10.0), stored], 1), 10).ratio(1, 0)
    half = 3.182446 * np.sqrt(0.6 / 4 * stored.var(ddof=1)) / 10
    assert found.value == 0.5
    assert found.high == pytest.approx(0.5 + half)
    # What was seen is 20 of 100.
    assert found.low == pytest.approx(max(0.5 - half, 0.2))


def test_strata_add_up() -> None:
    parts = [Totals.of(np.random.default_rng(n).random((4, 2)) + 1, 9) for n in range(3)]
    together = parts[0] + parts[1] + parts[2]
    assert together.degrees == 9
    assert together.totals == pytest.approx(sum(np.array(p.totals) for p in parts))
    assert (parts[2] + parts[0] + parts[1]).totals == pytest.approx(together.totals)


def test_the_cosine_of_a_census_is_exact_and_of_a_sample_has_an_interval() -> None:
    rng = np.random.default_rng(2)
    a = rng.standard_normal((20, 50))
    b = a + 0.1 * rng.standard_normal((20, 50))
    rows = np.stack([(a * b).sum(1), (a * a).sum(1), (b * b).sum(1)], 1)
    told = float((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
    assert Totals.of(rows, 20).cosine(0, 1, 2).value == pytest.approx(told)
    sampled = Totals.of(rows[:10], 20).cosine(0, 1, 2)
    assert sampled.low is not None
    assert sampled.high is not None
    assert sampled.low < told < sampled.high <= 1


def test_a_falling_function_turns_the_interval_round() -> None:
    q = mapped(measured(0.5, 0.4, 0.8), lambda x: 1 / x)
    assert q == Quantity(2.0, 1.25, 2.5, "measured")
    assert mapped(measured(4.0, math.nan, math.nan), math.sqrt) == Quantity(
        2.0, None, None, "measured"
    )


# ---- drawing ----


def test_every_cluster_is_as_likely() -> None:
    counts = np.zeros(12)
    for seed in range(3000):
        chosen = draw(np.random.default_rng(seed), 12, 3)
        assert chosen == sorted(set(chosen))
        counts[chosen] += 1
    # 750 each, standard deviation 24.
    assert (abs(counts - 750) < 110).all()


def test_a_population_beyond_memory_can_be_drawn_from() -> None:
    assert len(draw(np.random.default_rng(1), 1 << 50, 5)) == 5


# ---- measuring ----


def test_a_census_is_what_the_parts_say(files: list[File]) -> None:
    found = report(files[0].measured(ALL))
    scheme = lossless.Scheme("zstd-1", planes=True)
    stored = {"k": 0, "v": 0}
    fd = os.open(files[0].path, os.O_RDONLY)
    for section in sections(files[0].dump.tensors[0], files[0].size_bytes):
        block = section.read(FileReader(fd, files[0].size_bytes, 0), 1 << 30, 0)
        stored[str(block.kind)] += lossless.stored_bytes(block, 2048, [scheme])[scheme]
    os.close(fd)
    for kind in ("k", "v"):
        of_kind = part(found, kind)
        [row] = [r for r in of_kind.lossless if (r.scheme, r.chunk_bytes) == (scheme.name, 2048)]
        assert row.stored_bytes == Quantity(stored[kind], stored[kind], stored[kind], "measured")
        assert of_kind.read_bytes == of_kind.data_bytes == files[0].items.nbytes // 2
    assert all(q.low == q.value == q.high for q in quantities(found))


def test_keys_and_values_are_told_apart_by_layer_and_overall(files: list[File]) -> None:
    found = report(files[0].measured(SMALL))
    assert [(p.kind, p.layer) for p in found.overall] == [
        ("all", "all"),
        ("k", "all"),
        ("v", "all"),
    ]
    assert [(p.kind, p.layer) for p in found.by_layer] == list(
        itertools.product("kv", range(SHAPE[1]))
    )
    assert sum(p.data_bytes for p in found.by_layer) == files[0].items.nbytes


def test_a_sample_reads_about_what_it_may_and_gives_intervals(files: list[File]) -> None:
    found = report(files[0].measured(SMALL))
    whole = found.overall[0]
    assert 40_000 <= whole.read_bytes <= 40_000 + 6 * SMALL.cluster_bytes
    assert whole.clusters == 24
    for row in whole.lossless:
        low, value, high = row.ratio.low, row.ratio.value, row.ratio.high
        assert low is not None
        assert value is not None
        assert high is not None
        assert low <= value <= high
        # Sizes that are the same for every cluster, as of stored ones, leave nothing open.
        assert low < high or row.scheme.endswith("lz4")


def test_every_stratum_has_clusters_enough(files: list[File]) -> None:
    plan = msgspec.structs.replace(SMALL, sample_bytes=1)
    assert {t.clusters for t in files[0].measured(plan).tallies} == {CLUSTERS_MIN}


def test_a_seed_and_a_name_give_the_same_sample(files: list[File]) -> None:
    again = [files[0].measured(SMALL, b"a") for _ in range(2)]
    assert again[0] == again[1]
    assert again[0] != files[0].measured(SMALL, b"b")
    other = msgspec.structs.replace(SMALL, seed=2)
    assert again[0].tallies != files[0].measured(other, b"a").tallies


def test_files_add_up_in_any_order(files: list[File]) -> None:
    a, b, c = (file.measured(SMALL) for file in files)
    one, other = report(a + b + c), report(c + (a + b))
    assert [p.data_bytes for p in one.overall] == [p.data_bytes for p in other.overall]
    pairs = zip(quantities(one), quantities(other), strict=True)
    assert all(
        (x.value, x.low, x.high) == pytest.approx((y.value, y.low, y.high)) for x, y in pairs
    )
    assert part(one, "k").data_bytes == sum(f.items.nbytes for f in files) // 2


def test_a_sum_of_censuses_is_the_census_of_all(files: list[File]) -> None:
    parts = [report(f.measured(ALL)).overall[0].winner.stored_bytes.value or 0 for f in files]
    total = report(sum((f.measured(ALL) for f in files[1:]), files[0].measured(ALL)))
    assert total.overall[0].winner.stored_bytes.value == sum(parts)


def test_more_files_leave_narrower_intervals(files: list[File]) -> None:
    def width(of: Measurement) -> float:
        q = part(report(of), "k", 0).winner.ratio
        assert q.low is not None
        assert q.high is not None
        return float(q.high - q.low)

    a, b, c = (file.measured(SMALL) for file in files)
    assert width(a + b + c) < width(a)


def test_measurements_of_different_plans_do_not_add_up(files: list[File]) -> None:
    with pytest.raises(StoreffError, match="different plans"):
        files[0].measured(SMALL) + files[1].measured(ALL)


def test_the_winner_is_the_smallest(files: list[File]) -> None:
    for p in report(files[0].measured(ALL)).overall:
        rows = [r for r in p.lossless if r.chunk_bytes == ALL.chunk_bytes]
        assert p.winner.ratio.value == max(r.ratio.value or 0 for r in rows)
        assert p.winner.scheme.endswith("planes, huffman")
        assert (p.winner.ratio.value or 0) < (p.order0_ratio.value or 0)


def test_lossy_rows_are_errors_and_never_touch_the_lossless_ones(files: list[File]) -> None:
    found = part(report(files[0].measured(ALL)), "k")
    assert [row.scheme for row in found.lossy] == list(lossy.SCHEMES)
    assert {row.label for row in found.lossy} == {"error, not quality"}
    by_name = {row.scheme: row for row in found.lossy}
    four_bits = by_name["int4, groups of 32 channels"]
    assert four_bits.ratio.value == pytest.approx(3.2)
    assert 0 < (four_bits.relative_l2.value or 0) < 0.2
    assert 0.9 < (four_bits.cosine.value or 0) < 1
    assert 0 < (four_bits.logit_error.value or 0) < 0.2
    assert max(row.ratio.value or 0 for row in found.lossless) < 2


def test_values_have_no_logits(files: list[File]) -> None:
    found = part(report(files[0].measured(SMALL)), "v")
    assert {row.logit_error for row in found.lossy} == {UNKNOWN}


def test_one_infinity_leaves_the_errors_of_its_layer_and_kind_unknown(tmp_path: Path) -> None:
    items = keys_and_values(9)
    items[0, 1, 7] = 0x7F80
    found = report(File(tmp_path / "x.data", items).measured(ALL))
    assert part(found, "k", 1).lossy == part(found, "k").lossy == []
    assert part(found, "k", 0).lossy
    assert part(found, "v").lossy
    assert part(found, "k").lossless


def test_quantised_dumps_are_measured_as_bytes(tmp_path: Path) -> None:
    content = np.random.default_rng(3).integers(0, 256, (2, 100, 68), np.uint8)
    path = tmp_path / "q"
    path.write_bytes(content.tobytes())
    tensor = Tensor(0, content.nbytes, "q8_0", ("layer", "token", "channel"), (2, 100, 64), "v")
    dump = Dump("llama.cpp", "kv", (tensor,), "exact", "")
    fd = os.open(path, os.O_RDONLY)
    found = report(measure(dump, FileReader(fd, content.nbytes, 0), b"q", content.nbytes, ALL))
    os.close(fd)
    [of_v] = found.overall
    assert of_v.lossy == []
    assert {row.scheme for row in of_v.lossless} == {"lz4", "zstd-1", "zstd-3", "huffman"}
    # Noise: each chunk of 30 tokens costs its size and a header.
    rows = [r for r in of_v.lossless if r.chunk_bytes == ALL.chunk_bytes]
    chunks = 2 * math.ceil(100 / 30)
    assert {r.stored_bytes.value for r in rows} == {content.nbytes + 4 * chunks}


def test_a_dump_without_tensors_says_nothing(files: list[File]) -> None:
    fd = os.open(files[0].path, os.O_RDONLY)
    dump = Dump("Mooncake", "opaque", (), "unknown", "")
    found = report(
        measure(dump, FileReader(fd, files[0].size_bytes, 0), b"x", files[0].size_bytes, SMALL)
    )
    os.close(fd)
    assert found.overall == found.by_layer == []


@pytest.mark.parametrize("changes", [{"sample_bytes": 0}, {"chunk_bytes": 1 << 20}])
def test_a_plan_that_cannot_be_is_refused(changes: dict[str, int]) -> None:
    with pytest.raises(StoreffError):
        msgspec.structs.replace(SMALL, **changes)


def test_a_measurement_survives_its_encoding(files: list[File]) -> None:
    found = files[0].measured(SMALL)
    encoded = msgspec.msgpack.encode(found)
    assert msgspec.msgpack.decode(encoded, type=Measurement) == found
    assert msgspec.json.decode(msgspec.json.encode(report(found)), type=KvReport) == report(found)


def test_a_block_of_one_token_is_measured(tmp_path: Path) -> None:
    items = keys_and_values(4)[:, :1, :1]
    found = report(File(tmp_path / "one.data", items).measured(ALL))
    assert found.overall[0].data_bytes == 2 * ROW_BYTES
