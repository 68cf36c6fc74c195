"""How much is read: as was asked, if that costs less than everything, and in the time given."""

import itertools
import math
import random
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.errors import StoreffError
from storeff.estimate import cost, reading
from storeff.estimate.answer import Answer
from storeff.estimate.cost import Work
from storeff.estimate.probing import wanted_of_part
from storeff.estimate.reading import (
    DEFAULT,
    NOTHING_ASKED,
    Decision,
    Sampling,
    decide,
    half_width,
    rate_needed,
    read_towards,
)
from storeff.estimate.sampled import POINT_RATE_MIN, headline_ratio
from storeff.quantity import UNKNOWN, Quantity
from storeff.report.choice import describe_choice
from storeff.scan import partial as partial_scan
from storeff.scan import run
from storeff.scan.listing import Listing
from storeff.scan.measurement import Measurement
from storeff.scan.pace import Pace
from storeff.scan.partial import PartialScan
from storeff.scan.plan import Plan
from storeff.scan.probe import Prober
from storeff.scan.sampling import SamplingDesign
from storeff.scan.storage import Storage
from storeff.sources.listed_once import ListedOnce
from storeff.sources.source import Source
from storeff.sources.tree import LocalTree
from storeff.units import format_duration

FREE = Storage()
# 10 ms to open a file and 100 MB/s.
DISK = Storage(0.01, 1e-8)


def scan_of(source: Source, storage: Storage = FREE, **how: Any) -> PartialScan:
    listing = Listing(source, SamplingDesign(seed=7, extent_bytes=128 << 10))
    assert listing.count(threading.Event())
    scan = PartialScan(listing, Plan(seed=7), **how)
    # As it would have been measured.
    scan.storage = storage
    return scan


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """10 MB of noise in 1,500 files."""
    root = tmp_path_factory.mktemp("tree")
    source = random.Random(3)
    for i in range(1500):
        (root / f"f{i}").write_bytes(source.randbytes(3000 + 5 * i))
    return root


@pytest.fixture
def scan(tree: Path) -> PartialScan:
    return scan_of(ListedOnce(LocalTree([tree])))


@pytest.fixture
def dear(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if opening a file for a full scan took so long that any part is cheaper."""
    monkeypatch.setattr(cost, "FILE_SECONDS", 1e3)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """A clock that stands still but for what is read, at 100 kB/s."""
    now = [1000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    def wait(self: Pace, read_bytes: int) -> None:
        now[0] += read_bytes * 1e-5

    monkeypatch.setattr(Pace, "wait", wait)
    monkeypatch.setattr(run, "EXTENTS_BYTES", 1 << 16)
    monkeypatch.setattr(run, "BATCH_FILES", 4)
    return now


# ---- what it costs ----


def work(**changed: Any) -> Work:
    """100,000 files of 20 kB, and 8 GB in large ones, on two threads."""
    made = Work(
        files=100_000,
        extents=108_000,
        small_bytes=2 * 10**9,
        large_bytes=8 * 10**9,
        more_share=0.34,
        sketches=((1 << 16, 4096), (1 << 16, 65536)),
        threads=2,
        is_held=True,
        storage=FREE,
    )
    return replace(made, **changed)


def test_a_part_costs_more_the_more_is_read_and_less_if_some_has_been() -> None:
    rates = np.linspace(0.0, 1.0, 11)
    seconds = [work().part_seconds(rate) for rate in rates]
    assert seconds == sorted(seconds)
    assert work().part_seconds(0.5, since=0.4) < work().part_seconds(0.5)


def test_most_of_many_small_files_costs_more_than_all_of_them() -> None:
    many = work(files=10**6, extents=10**6, small_bytes=10**9, large_bytes=0)
    assert many.part_seconds(0.6) > many.everything_seconds
    assert many.part_seconds(0.01) < many.everything_seconds


@given(rate=st.floats(0.0, 1.0), threads=st.integers(1, 64))
def test_everything_in_extents_never_costs_less_than_everything(rate: float, threads: int) -> None:
    for storage in (FREE, DISK):
        each = work(threads=threads, storage=storage)
        assert each.part_seconds(1.0) > each.everything_seconds
        assert each.reading_part_seconds(rate) >= rate * each.reading_everything_seconds * 0.99


def test_storage_that_is_slower_than_the_processor_decides() -> None:
    slow = work(storage=DISK)
    assert slow.reading_everything_seconds == pytest.approx(100_000 * 0.01 + 10**10 * 1e-8)
    assert slow.reading_part_seconds(0.1) == replace(slow, threads=64).reading_part_seconds(0.1)
    assert slow.part_seconds(0.1) < 0.2 * slow.everything_seconds


def test_a_listing_that_is_not_held_is_made_again_each_time() -> None:
    again = work(is_held=False)
    listing = 100_000 * cost.LIST_SECONDS
    assert again.part_seconds(0.1) - work().part_seconds(0.1) == pytest.approx(listing)
    assert again.everything_seconds - work().everything_seconds == pytest.approx(listing)


@pytest.mark.parametrize("storage", [FREE, DISK])
@pytest.mark.parametrize("since", [0.0, 0.3])
def test_what_a_time_allows_takes_no_longer_and_hardly_less(storage: Storage, since: float) -> None:
    each = work(storage=storage)

    def seconds_of(rate: float) -> float:
        return each.reading_part_seconds(rate, since) + each.estimate_seconds(rate)

    for seconds in (10.0, 100.0, 1000.0):
        rate = each.rate_within(seconds, since)
        if rate > since:
            assert seconds_of(rate) <= seconds
        if rate < 1.0:
            assert seconds_of(1.01 * max(rate, 1e-3)) > seconds
    assert each.rate_within(0.1, since) == since
    assert each.rate_within(1e9, since) == 1.0


def test_what_there_is_to_do_is_what_was_listed(tmp_path: Path) -> None:
    for i in range(10):
        (tmp_path / f"small{i}").write_bytes(b"x" * 1000)
    (tmp_path / "large").write_bytes(b"y" * 300_000)
    held = Work.of(scan_of(ListedOnce(LocalTree([tmp_path])), threads=1), DISK)
    assert (held.files, held.extents) == (11, 13)
    assert (held.small_bytes, held.large_bytes) == (10_000, 300_000)
    assert held.more_share == pytest.approx(((256 + 88) << 10) / (128 << 10))
    assert (held.is_held, held.storage) == (True, DISK)
    assert not Work.of(scan_of(LocalTree([tmp_path])), DISK).is_held


# ---- what is decided ----


def test_where_nothing_is_asked_little_is_read_whole(
    scan: PartialScan, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nothing is tried out for it.
    monkeypatch.setattr(partial_scan, "measure_storage", None)
    del scan.storage
    decision = decide(NOTHING_ASKED, scan, time.monotonic())
    assert (decision.sampling, decision.reason) == (None, "little-data")
    assert decision.stored_bytes == scan.listing.stored_bytes
    assert scan.crew.done() == (0, 0)


def test_a_large_file_that_is_almost_all_hole_is_little(tmp_path: Path) -> None:
    with open(tmp_path / "sparse", "wb") as file:
        file.write(b"data" * 1000)
        file.truncate(1 << 40)
    decision = decide(NOTHING_ASKED, scan_of(LocalTree([tmp_path])), time.monotonic())
    assert decision.reason == "little-data"


@pytest.mark.parametrize("little", ["LITTLE_BYTES", "LITTLE_FILES"])
def test_where_nothing_is_asked_the_time_that_all_takes_decides(
    scan: PartialScan, monkeypatch: pytest.MonkeyPatch, little: str
) -> None:
    monkeypatch.setattr(reading, little, 0)
    decision = decide(NOTHING_ASKED, scan, time.monotonic())
    assert (decision.sampling, decision.reason) == (None, "fast-enough")
    assert decision.seconds == Work.of(scan, FREE).everything_seconds
    scan.storage = Storage(1.0, 0.0)
    decision = decide(NOTHING_ASKED, scan, time.monotonic())
    assert (decision.sampling, decision.reason) == (DEFAULT, "too-slow")
    assert decision.seconds is not None
    takes = f"10.1 MB take about {format_duration(decision.seconds)}, as a look at the storage says"
    assert takes in str(describe_choice(decision, None))


@pytest.mark.usefixtures("dear")
@pytest.mark.parametrize(
    "asked",
    [Sampling(share=0.25, seconds=60.0), Sampling(size_bytes=10**6), Sampling(half_width=0.02)],
)
def test_what_was_asked_is_read_where_it_is_cheaper(scan: PartialScan, asked: Sampling) -> None:
    decision = decide(asked, scan, time.monotonic())
    assert (decision.asked, decision.sampling, decision.reason) == (asked, asked, "asked")


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (Sampling(share=0.6), "the 60 % asked for"),
        (Sampling(size_bytes=10**12), "the 1.00 TB asked for"),
        (Sampling(half_width=0.025), "the ±2.5 % asked for"),
    ],
)
def test_what_would_take_as_long_as_everything_is_everything(
    scan: PartialScan, asked: Sampling, named: str
) -> None:
    decision = decide(asked, scan, time.monotonic())
    assert (decision.sampling, decision.reason) == (None, "no-cheaper")
    assert describe_choice(decision, None) == f"full scan: {named} would take as long"


def test_a_time_in_which_everything_can_be_read_reads_everything(scan: PartialScan) -> None:
    everything = Work.of(scan, FREE).everything_seconds
    asked = Sampling(seconds=2 * everything)
    decision = decide(asked, scan, time.monotonic())
    assert (decision.sampling, decision.reason) == (None, "in-time")
    # The time that listing has taken is gone.
    late = decide(asked, scan, time.monotonic() - everything)
    assert (late.sampling, late.reason) == (asked, "asked")


def test_the_time_that_listing_took_is_known(scan: PartialScan, clock: list[float]) -> None:
    assert decide(Sampling(seconds=20.0), scan, clock[0] - 25.0).listing_seconds == 25.0


def test_the_time_gone_for_listing_is_told() -> None:
    for seconds, told in (
        (1.2, ""),
        (12.02, "; listing took 12.0 s of the 20 s given"),
        (24.96, "; listing took 25.0 s of the 20 s given"),
    ):
        decision = Decision(Sampling(seconds=20.0), Sampling(seconds=20.0), "asked", 1, 1, seconds)
        assert describe_choice(decision, None) == "a sample, as was asked" + told


@pytest.mark.parametrize(
    "goals",
    [
        {"share": 0.0},
        {"share": 1.1},
        {"half_width": -0.1},
        {"size_bytes": 0},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
    ],
)
def test_a_goal_that_no_sample_can_reach_is_refused(goals: dict[str, Any]) -> None:
    with pytest.raises(StoreffError, match=next(iter(goals))):
        Sampling(**goals)


# ---- towards an interval ----


def headline_of(scan: PartialScan) -> Callable[[Measurement], Quantity]:
    """The headline of what ``scan`` reads, compressed as far as a part is."""
    prober = Prober(scan.listing.source, scan.job.plan)
    wanted = wanted_of_part(scan.job.plan)
    return lambda found: headline_ratio(prober.distinct(found, wanted))


def nothing_known(found: Measurement) -> Quantity:
    return UNKNOWN


def towards(goals: Sampling) -> Decision:
    return Decision(goals, goals, "asked")


@pytest.mark.usefixtures("dear")
def test_reading_towards_an_interval_ends_when_it_is_narrow_enough(
    scan: PartialScan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "FIRST_BYTES", scan.listing.sampled_bytes // 50)
    rates: list[float] = []
    answers: list[Answer] = []

    def look(answer: Answer) -> None:
        rates.append(scan.rate)
        answers.append(answer)

    decision = towards(Sampling(half_width=0.2))
    headline = headline_of(scan)
    assert read_towards(scan, decision, time.monotonic(), headline, look) == decision
    ratio = headline(scan.result())
    assert ratio.value is not None
    half = half_width(ratio)
    assert half is not None
    assert half <= 0.2
    assert scan.rate < 1.0
    assert answers[-1] == Answer("dedup + compression", ratio)
    assert rates[0] == pytest.approx(0.02)
    assert len(rates) > 1
    assert all(later >= 2 * before for before, later in itertools.pairwise(rates))


def test_an_interval_that_turns_out_to_need_as_much_as_everything_is_left_to_a_full_scan(
    scan: PartialScan, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A twentieth costs less than everything, most of it does not.
    monkeypatch.setattr(cost, "FILE_SECONDS", 0.1)
    monkeypatch.setattr(cost, "EXTENT_SECONDS", 0.2)
    monkeypatch.setattr(reading, "FIRST_BYTES", scan.listing.sampled_bytes // 20)
    asked = Sampling(half_width=1e-4)
    assert decide(asked, scan, time.monotonic()).sampling == asked
    decision = read_towards(scan, towards(asked), time.monotonic(), headline_of(scan))
    assert (decision.sampling, decision.reason) == (None, "no-cheaper")
    read_bytes = scan.result().read_bytes
    assert 0 < read_bytes < scan.listing.sampled_bytes / 2
    assert decision.unused_bytes == read_bytes
    assert str(describe_choice(decision, None)).endswith("as 500 kB read for it have shown")


@pytest.mark.parametrize("power", [0.3, 0.5, 0.8])
@pytest.mark.parametrize("goal", [0.05, 0.02])
def test_the_rate_needed_is_that_at_which_the_width_is_reached(power: float, goal: float) -> None:
    def width(rate: float) -> float:
        return 0.02 * math.exp(power * math.log((1 - rate) / rate))

    looks = [(rate, width(rate)) for rate in (0.02, 0.04, 0.08)]
    needed = rate_needed(looks, goal)
    assert needed is not None
    assert needed > POINT_RATE_MIN or width(POINT_RATE_MIN) <= goal
    if needed > POINT_RATE_MIN:
        assert width(needed) == pytest.approx(goal)


def test_one_look_is_taken_to_shrink_as_standard_errors_do() -> None:
    needed = rate_needed([(0.1, 0.09)], 0.03)
    # 81 times the odds of being read at nine times the width, which is what 0.5 is.
    assert needed == pytest.approx(1 / (1 + 9 / 9))
    assert rate_needed([], 0.02) is None
    assert rate_needed([(0.01, 0.02)], 0.5) == POINT_RATE_MIN


def test_the_half_width_is_that_of_a_range_too() -> None:
    assert half_width(Quantity(2.0, 1.8, 2.4, "measured")) == pytest.approx(0.15)
    assert half_width(Quantity(None, 1.0, 3.0, "measured")) == pytest.approx(0.5)
    assert half_width(Quantity(None, None, None, "measured")) is None


# ---- in the time given ----


@pytest.mark.parametrize("seconds", [10.0, 30.0])
@pytest.mark.parametrize("byte_seconds", [1e-5, 3e-6, 1e-4])
def test_what_a_time_is_given_for_is_done_in_it(
    scan: PartialScan, clock: list[float], seconds: float, byte_seconds: float
) -> None:
    """Whether the storage was measured right, or too fast, or too slow."""
    scan.storage = Storage(0.0, byte_seconds)
    started = clock[0]
    clock[0] += 1.0
    decision = decide(Sampling(seconds=seconds), scan, started)
    assert decision.reason == "asked"
    assert read_towards(scan, decision, started, nothing_known) == decision
    each = Work.of(scan, scan.storage)
    probing_seconds = min(each.probing_seconds, reading.PROBING_SHARE * (seconds - 1.0))
    done_at = clock[0] + probing_seconds + cost.REST_SECONDS + each.estimate_seconds(scan.rate)
    assert 0 < scan.rate < 1
    # A batch in flight is finished.
    assert done_at <= started + seconds + 4 * 11_000 * 1e-5
    if byte_seconds == 1e-5:
        assert done_at >= started + seconds - 1.0


def test_where_no_time_is_left_nothing_is_read(scan: PartialScan, clock: list[float]) -> None:
    goals = Sampling(seconds=5.0)
    read_towards(scan, towards(goals), clock[0] - 5.0, nothing_known)
    assert (scan.rate, scan.result().read_bytes) == (0.0, 0)


@pytest.mark.usefixtures("dear")
def test_a_look_ends_in_time_too(scan: PartialScan, clock: list[float]) -> None:
    goals, started = Sampling(half_width=1e-6, seconds=30.0), clock[0]
    scan.storage = Storage(0.0, 1e-5)
    decision = read_towards(scan, towards(goals), started, nothing_known)
    assert decision.sampling == goals
    assert 0 < scan.rate < 0.5
    assert clock[0] <= started + 30.0
