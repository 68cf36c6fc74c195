"""Samples on executors: what threads of one process would read, whatever becomes of workers."""

import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from support.cli import storeff
from support.cluster import PoisonedTree, cluster, needs_dask, threads
from support.reports import timeless
from support.scans import SMALL, count, fill, same, sample_of

from storeff.analysis import Sampling, measure
from storeff.errors import UsageError
from storeff.scan import remote, remote_crew
from storeff.scan.executor import Workers, workers_of
from storeff.scan.measurement import Measurement
from storeff.scan.partial import PartialScan, unlimited
from storeff.scan.sampling import SamplingDesign
from storeff.sources.source import Source
from storeff.sources.tree import LocalTree

DESIGN = SamplingDesign(seed=5, extent_bytes=128 << 10)
# Looks at more and more, as for an interval that is to be so narrow.
RATES = (0.2, 0.5, 0.8)


@pytest.fixture(autouse=True)
def small_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remote_crew, "TASK_FILES", 7)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = fill(tmp_path_factory.mktemp("tree") / "data", files=100)
    (root / "large").write_bytes(random.Random(9).randbytes(3 << 20))
    return root


def samples(
    source: Source,
    workers: Workers | None,
    until: Callable[[float], float] = unlimited,
) -> list[Measurement]:
    """What a sample has found at each of RATES."""
    scanning = PartialScan(count(source, DESIGN), SMALL, workers=workers)
    found = []
    for rate in RATES:
        scanning.extend(rate, until)
        found.append(scanning.result())
    return found


def test_a_sample_in_tasks_is_the_sample(tree: Path) -> None:
    source = LocalTree([tree])
    for one, other in zip(samples(source, threads()), samples(source, None), strict=True):
        assert same(one, other)


def test_all_as_a_sample_is_all(tree: Path) -> None:
    scanning = PartialScan(count(LocalTree([tree]), DESIGN), SMALL, workers=threads())
    scanning.extend(0.999)
    scanning.extend(1.0)
    found = scanning.result()
    assert sample_of(found).rate == 1.0
    assert found.coverage == 1.0


def test_a_time_that_is_over_ends_it_with_what_is_in_flight(
    tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever was handed out by then is in it, and all that ranks below its rate."""
    monkeypatch.setattr(remote, "GATHER_SECONDS", 0.0)
    source = LocalTree([tree])
    cut = samples(source, threads(1), lambda read: 0.0 if read > 0.1 else time.monotonic() + 60)[-1]
    rate = sample_of(cut).rate
    assert 0 < rate < sample_of(cut).goal_rate == RATES[0]
    whole = samples(source, None)[0].within(rate)
    assert cut.read_bytes == whole.read_bytes
    assert (sample_of(cut).ranks == sample_of(whole).ranks).all()
    assert (sample_of(cut).data == sample_of(whole).data).all()


def test_what_may_be_read_in_a_second_is_shared(tree: Path) -> None:
    scanning = PartialScan(
        count(LocalTree([tree]), DESIGN), SMALL, workers=threads(2), bytes_per_second=40e6
    )
    started = time.monotonic()
    scanning.extend(0.9)
    assert scanning.result().read_bytes <= 1.1 * 40e6 * (time.monotonic() - started) + 1e6


def poisoned(folder: Path) -> tuple[PoisonedTree, Measurement]:
    """A tree with objects that cannot be measured in a process of their own, the first of several
    extents; and a sample of it here, where they can."""
    root = fill(folder / "data", files=20)
    (root / "d1" / "kills").write_bytes(random.Random(1).randbytes(500_000))
    (root / "d2" / "raises").write_bytes(b"wrong" * 1000)
    source = PoisonedTree(root)
    return source, samples(source, None)[-1]


def check_poisoned(found: Measurement, others: Measurement) -> None:
    assert {*found.census.skipped} == {"killed-worker", "task-failed"}
    [example] = found.census.skipped["killed-worker"].examples
    assert example.endswith(b"/d1/kills")
    left_out_bytes = sum(left.size_bytes for left in found.census.skipped.values())
    assert found.read_bytes == others.read_bytes - left_out_bytes
    assert (sample_of(found).ranks == sample_of(others).ranks).all()
    assert (sample_of(found).listed == sample_of(others).listed).all()
    assert sample_of(found).rate == sample_of(others).rate


def test_what_kills_a_process_is_found_and_named(tmp_path: Path) -> None:
    source, others = poisoned(tmp_path)
    check_poisoned(samples(source, workers_of("processes:2"))[-1], others)


@needs_dask
def test_what_kills_workers_of_dask_is_found_and_named(tmp_path: Path) -> None:
    source, others = poisoned(tmp_path)
    with cluster(tmp_path) as made:
        made.worker("--nworkers", "2", "--nanny")
        check_poisoned(samples(source, workers_of(f"dask:{made.file}"))[-1], others)


@pytest.mark.parametrize("goal", ["40%", "ci=20%"])
def test_a_sample_on_an_executor_is_reported_as_one_that_is_not(
    tree: Path, tmp_path: Path, goal: str
) -> None:
    words = ("scan", tree, "-q", "--sample", goal)
    storeff(*words, "-o", tmp_path / "one")
    done = storeff(*words, "--executor", "processes:2", "-o", tmp_path / "two")
    assert done.returncode == 0, done.stderr
    assert timeless(tmp_path / "two") == timeless(tmp_path / "one")


def test_a_sample_is_not_kept_even_on_an_executor(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="a sample is not kept in a checkpoint"):
        measure(
            [tree],
            executor="processes:2",
            checkpoint=tmp_path / "state",
            sampling=Sampling(share=0.5),
        )
