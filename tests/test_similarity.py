"""What deltas between similar chunks would save: found, read again, estimated, and reported."""

import json
import os
import random
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import msgspec
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.cli import storeff
from support.scans import fill, probed, scan

from storeff.estimate.delta import Similarity as Estimated
from storeff.estimate.reduction import reduce
from storeff.estimate.similarity import saved_bytes, with_similarity
from storeff.quantity import Quantity
from storeff.scan import run
from storeff.scan.measurement import Measurement
from storeff.scan.plan import Plan, Similarity
from storeff.scan.siblings import Siblings
from storeff.scan.similar import Deltas, GroupDelta, SimilarSketch, delta_bytes, measure_deltas
from storeff.sources.entry import Entries
from storeff.sources.source import Found
from storeff.sources.tree import LocalTree

FILE_BYTES = 40_000


def edited(content: bytes, at: int) -> bytes:
    """``content`` with 16 other bytes at ``at``."""
    return content[:at] + bytes(b ^ 0x55 for b in content[at : at + 16]) + content[at + 16 :]


def plan(entries: int = 1 << 14, seed: int = 1) -> Plan:
    return Plan(seed=seed, similarity=Similarity(entries=entries))


def measured(root: Path, entries: int = 1 << 14, seed: int = 1) -> tuple[Measurement, Deltas]:
    measurement = probed(LocalTree([root]), plan(entries, seed))
    assert measurement.similar is not None
    deltas = measure_deltas(LocalTree([root]), measurement.similar, Similarity(entries=entries))
    return measurement, deltas


def estimated(root: Path, entries: int = 1 << 14, seed: int = 1) -> Estimated:
    measurement, deltas = measured(root, entries, seed)
    made = with_similarity(reduce(measurement), measurement, deltas, Siblings([], [], 0))
    assert made.similarity is not None
    return made.similarity


def write_versions(root: Path, files: int, versions: int, seed: int = 3) -> None:
    draw = random.Random(seed)
    for i in range(files):
        content = draw.randbytes(FILE_BYTES)
        for version in range(versions):
            (root / f"{i}-{version}").write_bytes(edited(content, 1000 * version))


# ---- small cases that are known exactly ----


def test_a_near_copy_is_a_delta_of_the_other(tmp_path: Path) -> None:
    write_versions(tmp_path, 1, 2)
    chunks = [path.read_bytes() for path in sorted(tmp_path.iterdir())]
    found = estimated(tmp_path)
    best = max(FILE_BYTES - delta_bytes(a, b, "zstd-3") for a in chunks for b in chunks if a != b)
    assert found.interval == "exact"
    assert (found.deltas, found.similar_groups, found.groups) == (1, 1, 1)
    assert abs(float(found.saved_bytes.value or 0) - best) < 30
    assert found.gain.value == pytest.approx(2, rel=0.01)


def test_of_three_versions_two_are_deltas_of_the_same_base(tmp_path: Path) -> None:
    write_versions(tmp_path, 1, 3)
    found = estimated(tmp_path)
    assert (found.deltas, found.similar_groups) == (2, 1)
    assert found.gain.value == pytest.approx(3, rel=0.01)


def test_identical_files_are_left_to_deduplication(tmp_path: Path) -> None:
    content = random.Random(1).randbytes(FILE_BYTES)
    for name in ("a", "b"):
        (tmp_path / name).write_bytes(content)
    found = estimated(tmp_path)
    assert (found.chunks, found.saved_bytes) == (1, Quantity(0, 0, 0, "measured"))


def test_distinct_files_save_nothing_and_all_groups_prove_it(tmp_path: Path) -> None:
    write_versions(tmp_path, 60, 1)
    found = estimated(tmp_path)
    assert found.saved_bytes == Quantity(0, 0, 0, "measured")
    assert found.interval == "exact"
    assert found.gain.value == 1


def test_distinct_files_save_nothing_and_a_sample_bounds_it(tmp_path: Path) -> None:
    write_versions(tmp_path, 400, 1)
    saved = estimated(tmp_path, entries=200).saved_bytes
    assert (saved.value, saved.low) == (0, 0)
    assert saved.high is not None
    # As many groups as are all missed in 2.5 %: log(40) over a half, each saving a chunk.
    assert 4 * FILE_BYTES < saved.high < 15 * FILE_BYTES


def test_an_empty_tree_saves_nothing(tmp_path: Path) -> None:
    measurement, deltas = measured(tmp_path)
    assert (deltas.chunks, deltas.groups, measurement.data_bytes) == (0, [], 0)


# ---- the sketch of a scan ----


def assert_same_sketch(a: SimilarSketch | None, b: SimilarSketch | None) -> None:
    assert a is not None
    assert b is not None
    assert (a.tau, a.files, a.tensors) == (b.tau, b.files, b.tensors)
    assert np.array_equal(a.members, b.members)


class Shard(LocalTree):
    """Each of ``count`` shards lists other files of the same roots."""

    def __init__(self, roots: list[Path], number: int, count: int) -> None:
        super().__init__(roots)
        self.number = number
        self.count = count

    def list(self) -> Iterator[Found]:
        for found in super().list():
            if isinstance(found, Entries):
                rows = [i for i, e in enumerate(found) if crc32(e.key) % self.count == self.number]
                yield found.take(np.array(rows, np.int64))
            else:
                yield found


@pytest.mark.parametrize("entries", [7, 1000])
@pytest.mark.parametrize("threads", [1, 3])
def test_merged_shards_are_bit_for_bit_one_pass(tmp_path: Path, entries: int, threads: int) -> None:
    fill(tmp_path, files=40)
    roots = sorted(tmp_path.iterdir())
    whole = scan(roots, plan(entries))
    shards = [Shard(roots, i, 3) for i in range(3)]
    parts = [run.scan(shard, plan(entries), threads=threads) for shard in shards]
    for a, b, c in ((0, 1, 2), (2, 0, 1)):
        assert_same_sketch(parts[a].merge(parts[b]).merge(parts[c]).similar, whole.similar)
        assert_same_sketch(parts[a].merge(parts[b].merge(parts[c])).similar, whole.similar)


@settings(max_examples=8, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**63 - 1), entries=st.integers(1, 40), threads=st.integers(1, 4))
def test_threads_do_not_change_what_is_kept(
    tmp_path_factory: pytest.TempPathFactory, seed: int, entries: int, threads: int
) -> None:
    root = fill(tmp_path_factory.mktemp("tree"), seed=seed % 100, files=15)
    one, several = (scan([root], plan(entries, seed), threads=n) for n in (1, threads))
    assert_same_sketch(one.similar, several.similar)


def test_a_plan_without_similarity_has_the_digest_it_always_had() -> None:
    assert b"similarity" not in msgspec.json.encode(Plan())
    assert Plan().digest() != plan().digest()


def test_similarity_changes_nothing_else_that_is_measured(tmp_path: Path) -> None:
    fill(tmp_path, files=20)
    plain, similar = (reduce(scan([tmp_path], p)) for p in (Plan(), plan()))
    assert plain == similar


def test_a_chunker_that_is_not_in_the_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="no chunker"):
        Plan(similarity=Similarity(chunker="cdc-1MiB"))


def test_a_codec_that_is_not_measured_or_makes_no_deltas_is_refused() -> None:
    with pytest.raises(ValueError, match="no codec zstd-19"):
        Plan(similarity=Similarity(codec="zstd-19"))
    with pytest.raises(ValueError, match="lz4 makes no deltas"):
        Plan(similarity=Similarity(codec="lz4"))


# ---- reading again ----


def test_a_file_changed_meanwhile_is_reported_and_never_a_zero(tmp_path: Path) -> None:
    write_versions(tmp_path, 3, 2)
    measurement = probed(LocalTree([tmp_path]), plan())
    assert measurement.similar is not None
    (tmp_path / "0-1").write_bytes(bytes(FILE_BYTES))
    os.unlink(tmp_path / "1-1")
    deltas = measure_deltas(LocalTree([tmp_path]), measurement.similar, Similarity())
    made = with_similarity(reduce(measurement), measurement, deltas, Siblings([], [], 0)).similarity
    assert made is not None
    assert [(lost.reason, lost.count, lost.bytes) for lost in made.not_reread] == [
        ("changed", 1, FILE_BYTES),
        ("vanished", 1, FILE_BYTES),
    ]
    assert made.interval == "range"
    assert made.saved_bytes.value is not None
    assert made.saved_bytes.high == made.saved_bytes.value + 2 * FILE_BYTES


def test_chunks_of_large_and_sparse_files_and_of_later_parts_are_found_again(
    tmp_path: Path,
) -> None:
    draw = random.Random(8)
    first, second = (draw.randbytes(1_500_000) for _ in range(2))
    for name in range(2):
        with open(tmp_path / str(name), "wb") as file:
            file.write(edited(first, 700_000 + name))
            file.seek(2_200_000 + 300_000 * name)
            file.write(edited(second, 400_000 + name))
    parts = msgspec.structs.replace(plan(), part_bytes=1 << 20)
    measurement = scan([tmp_path], parts, threads=2)
    assert measurement.similar is not None
    deltas = measure_deltas(LocalTree([tmp_path]), measurement.similar, Similarity(), threads=2)
    assert deltas.skipped == []
    assert sum(saved > 0 for group in deltas.groups for saved in group.saved_bytes) >= 2


def test_if_nothing_can_be_read_again_the_saving_is_unknown(tmp_path: Path) -> None:
    write_versions(tmp_path, 3, 2)
    measurement = probed(LocalTree([tmp_path]), plan())
    assert measurement.similar is not None
    stop = threading.Event()
    stop.set()
    deltas = measure_deltas(LocalTree([tmp_path]), measurement.similar, Similarity(), stop=stop)
    made = with_similarity(reduce(measurement), measurement, deltas, Siblings([], [], 0)).similarity
    assert made is not None
    unknown = Quantity(None, None, None, "measured")
    assert (made.saved_bytes, made.ratio, made.gain) == (unknown,) * 3
    assert [lost.reason for lost in made.not_reread] == ["interrupted"]
    assert made.interval == "range"


# ---- the estimate ----


def exactly(value: int) -> Quantity:
    return Quantity(value, value, value, "measured")


def groups_of(count: int, seed: int) -> list[GroupDelta]:
    """Groups whose savings are skewed: one in three saves something, a few save much."""
    draw = np.random.default_rng(seed)
    saved = draw.lognormal(9, 1, count).astype(int) * (draw.random(count) < 1 / 3)
    return [GroupDelta(2, 0, 2, [0, int(each)]) for each in saved]


def deltas_of(groups: list[GroupDelta], inclusion: float) -> Deltas:
    size = 100_000
    return Deltas(Similarity(), inclusion, 0, 0, size * len(groups), size, groups, [])


def test_the_estimate_is_unbiased_and_its_interval_holds_the_truth() -> None:
    whole = groups_of(2000, 1)
    truth = sum(sum(group.saved_bytes) for group in whole)
    plain = exactly(10 * truth)
    values, held = [], 0
    for seed in range(300):
        ranks = np.random.default_rng(seed).random(len(whole))
        order = np.argsort(ranks)
        kept = [whole[i] for i in order[:300]]
        found, effective = saved_bytes(deltas_of(kept, ranks[order[300]]), 2e8, plain)
        assert effective is not None
        values.append(found.value)
        held += float(found.low or 0) <= truth <= float(found.high or 0)
    errors = np.array(values, float) / truth - 1
    assert abs(errors.mean()) < 3 * errors.std() / len(errors) ** 0.5
    assert 0.92 <= held / 300 <= 0.99


def test_all_groups_give_the_sum_exactly() -> None:
    whole = groups_of(100, 2)
    truth = sum(sum(group.saved_bytes) for group in whole)
    plain = exactly(10 * truth)
    assert saved_bytes(deltas_of(whole, 1.0), 1e7, plain) == (
        Quantity(truth, truth, truth, "measured"),
        None,
    )


def test_a_group_kept_in_part_counts_for_all_of_its_chunks() -> None:
    plain = exactly(10**9)
    group = GroupDelta(kept=64, beyond=900, distinct=640, saved_bytes=[0, 2000] * 32)
    found, _ = saved_bytes(deltas_of([group], 1.0), 1e5, plain)
    assert found.value == 640_000
    assert found.low is not None
    assert found.high is not None
    assert found.low < 520_000
    assert found.high > 780_000


def test_chunks_left_out_of_a_group_that_saves_nothing_are_not_known_to_save_nothing() -> None:
    plain = exactly(10**9)
    whole = GroupDelta(kept=64, beyond=0, distinct=64, saved_bytes=[0] * 64)
    part = GroupDelta(kept=64, beyond=900, distinct=640, saved_bytes=[0] * 64)
    assert saved_bytes(deltas_of([whole], 1.0), 1e5, plain)[0] == exactly(0)
    found, _ = saved_bytes(deltas_of([part], 1.0), 1e5, plain)
    assert (found.value, found.low) == (0, 0)
    # Of 576 chunks of 100,000 bytes as many as are all missed in 2.5 %.
    assert found.high is not None
    assert 3e6 < found.high < 4e6


def test_chunks_left_out_of_a_group_that_is_not_read_again_may_save_all_they_are() -> None:
    group = GroupDelta(kept=64, beyond=900, distinct=640, saved_bytes=[0])
    other = GroupDelta(kept=2, beyond=0, distinct=2, saved_bytes=[0, 2000])
    found, _ = saved_bytes(deltas_of([group, other], 1.0), 1e5, exactly(10**9))
    assert found == Quantity(2000, 2000, 2000 + 576 * 100_000, "measured")


def test_few_groups_give_a_range_that_is_wider_where_they_miss_known_bytes() -> None:
    plain = exactly(10**9)
    few = deltas_of([GroupDelta(2, 0, 2, [0, 50_000])] * 5, 0.1)
    near, far = (saved_bytes(few, distinct, plain)[0] for distinct in (5e6, 15e6))
    assert near.value == far.value
    assert far.high is not None
    assert near.high is not None
    assert far.high > near.high


# ---- the command ----


def similarity_in(*words: str | Path) -> dict[str, Any] | None:
    done = storeff(*words, "--json", "--layout", "ceph-ec-8-3")
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] | None = json.loads(done.stdout)["reduction"]["similarity"]
    return found


def test_the_scan_command_reports_it_only_when_asked(tmp_path: Path) -> None:
    write_versions(tmp_path, 4, 3)
    assert similarity_in("scan", tmp_path) is None
    found = similarity_in("scan", tmp_path, "--similarity")
    assert found is not None
    assert (found["deltas"], found["interval"]) == (8, "exact")
    text = storeff(
        "scan", tmp_path, "--similarity", "-q", "--full", "--layout", "ceph-ec-8-3"
    ).stdout
    assert "with deltas between similar cdc-64KiB chunks" in text
    assert "8 of 12 chunks" in text


def test_the_report_can_be_read_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    write_versions(data, 2, 2)
    report = tmp_path / "report.json"
    found = similarity_in("scan", data, "--similarity", "-o", report)
    assert similarity_in("size", report) == found
