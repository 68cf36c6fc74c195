"""How long to keep caches: capacity and endurance together, and nothing the trace cannot tell."""

import json
from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from storeff.data import numbers_in
from storeff.errors import StoreffError
from storeff.kv.retention.flash import (
    Flash,
    Retention,
    endurance_dwpd,
    load_gpus,
    retention,
    scale_to,
)
from storeff.kv.trace.read import read_trace
from storeff.kv.trace.replay import Caches
from storeff.quantity import Quantity

TOKENS = 100
PLAIN = Flash(bytes_per_token=1000, drive_capacity_bytes=10**6, rated_dwpd=1.0, fill_limit=1.0)
DAY = 86_400


def caches(folder: Path, requests: Iterable[tuple[int, list[int]]]) -> Caches:
    """Requests of (time in ms, block ids), a hundred tokens a block."""
    path = folder / "trace.jsonl"
    path.write_text(
        "".join(json.dumps({"timestamp": t, "hash_ids": ids}) + "\n" for t, ids in requests)
    )
    return Caches(read_trace(path, block_tokens=TOKENS))


@pytest.fixture
def fresh(tmp_path: Path) -> Caches:
    """A new block each second for 1,000 s: what is written lives a TTL, and is never used again."""
    return caches(tmp_path, ((1000 * t, [t]) for t in range(1001)))


@pytest.fixture
def steady(tmp_path: Path) -> Caches:
    """Each second a new block and one that was new 10.5 s ago, for 1,000 s."""
    return caches(tmp_path, ((500 * t, [t // 2 - 10 * (t % 2)]) for t in range(40, 2040)))


def one(given: Caches, ttl_seconds: float, flash: Flash = PLAIN, **options: Any) -> Retention:
    (row,) = retention(given, [ttl_seconds], flash, **options)
    return row


def exact(number: Quantity) -> float | None:
    assert number.low == number.value == number.high
    return number.value


@pytest.mark.parametrize(("residence_seconds", "dwpd"), [(3600, 24), (DAY, 1), (7 * DAY, 1 / 7)])
def test_endurance_by_residence(residence_seconds: float, dwpd: float) -> None:
    assert endurance_dwpd(residence_seconds) == pytest.approx(dwpd)
    assert endurance_dwpd(residence_seconds, fill_limit=0.5, waf=2) == pytest.approx(dwpd)
    assert endurance_dwpd(residence_seconds, waf=3) == pytest.approx(3 * dwpd)


def test_capacity_and_writes_of_blocks_used_once(fresh: Caches) -> None:
    row = one(fresh, 100)
    assert row.measured
    assert exact(row.token_hit_rate) == 0
    # Those of now, and of the 100 seconds before.
    assert exact(row.live_tokens) == 101 * TOKENS
    assert exact(row.stored_bytes) == exact(row.capacity_raw_bytes) == 101 * TOKENS * 1000
    assert exact(row.flash_bytes_per_day) == DAY * TOKENS * 1000
    assert exact(row.drives_for_capacity) == 11
    assert exact(row.drives_for_endurance) == 8640
    assert exact(row.drives) == 8640
    assert row.binds == "endurance"


def test_raw_is_bought_for_its_writes_where_they_limit_it(fresh: Caches) -> None:
    row = one(fresh, 100)
    assert exact(row.endurance_factor) == pytest.approx(864 * 100 / 101)
    assert exact(row.raw_bytes) == DAY * TOKENS * 1000
    long = one(fresh, 499, Flash(**(_fields(PLAIN) | {"rated_dwpd": 200.0})))
    assert exact(long.endurance_factor) == 1
    assert exact(long.raw_bytes) == exact(long.capacity_raw_bytes)


@pytest.mark.parametrize("admissions", [(1,), (2,)])
@pytest.mark.parametrize("ttl_seconds", [5, 100, 600, DAY, 7 * DAY])
def test_no_drive_writes_more_a_day_than_what_lives_a_ttl_allows(
    tmp_path: Path, ttl_seconds: int, admissions: tuple[int, ...]
) -> None:
    flash = Flash(**(_fields(PLAIN) | {"fill_limit": 0.8, "waf": 2.5}))
    for seed in range(4):
        given = caches(tmp_path, sessions(seed, 1000))
        (row,) = retention(given, [ttl_seconds], flash, admissions=admissions)
        asked = row.dwpd_asked
        most = 0.8 * 2.5 * DAY / ttl_seconds * (1 + 1e-12)
        assert asked.low is not None
        assert asked.value is not None
        assert asked.high is not None
        assert 0 <= asked.low <= asked.value <= asked.high <= most
        for each in (row.live_tokens, row.flash_bytes_per_day, row.raw_bytes, row.drives):
            assert each.low is not None
            assert each.low <= (each.value or 0) <= (each.high or 0)


def test_drive_writes_agree_with_the_residence(fresh: Caches) -> None:
    row = one(fresh, 100)
    assert row.mean_residence_seconds == 100
    assert row.residence_dwpd == 864
    # The peak is one block over the mean of 100.
    assert exact(row.dwpd_asked) == pytest.approx(864 * 100 / 101)


def test_hits_prolong_the_residence(steady: Caches) -> None:
    row = one(steady, 20)
    assert row.measured
    assert row.block_hit_rate.value == pytest.approx(0.5, abs=0.001)
    # Written once, used again 10.5 s later, gone 20 s after that.
    assert row.mean_residence_seconds == pytest.approx(30.5, rel=0.002)
    assert row.residence_dwpd is not None
    assert row.dwpd_asked.value == pytest.approx(row.residence_dwpd, rel=0.05)
    shorter = one(steady, 9)
    assert shorter.token_hit_rate.value == 0
    assert shorter.mean_residence_seconds == 9


def test_admission_at_the_second_use_is_no_use_where_nothing_is_used_thrice(
    steady: Caches,
) -> None:
    first, second = retention(steady, [20], PLAIN, admissions=(1, 2))
    assert (first.admission, second.admission) == (1, 2)
    assert second.flash_bytes_per_day.value == pytest.approx(
        first.flash_bytes_per_day.value, rel=0.01
    )
    assert second.token_hit_rate.value == 0
    assert second.mean_residence_seconds == 20


def test_uses_before_the_trace_bound_what_later_admission_does(steady: Caches) -> None:
    first, second = retention(steady, [20], PLAIN, admissions=(1, 2))
    assert not second.measured
    # Each block might be one that was used before, and then does as it would at first use.
    assert (second.token_hit_rate.low, second.token_hit_rate.high) == (
        0,
        first.token_hit_rate.value,
    )
    assert second.live_tokens.high == first.live_tokens.value
    assert second.live_tokens.value == second.live_tokens.low


def test_a_ttl_past_half_the_trace_is_bounded_and_past_the_trace_extrapolated(
    fresh: Caches,
) -> None:
    half, past, whole, day = retention(fresh, [500, 501, 1000, DAY], PLAIN)
    assert [row.measured for row in (half, past, whole, day)] == [True, False, False, False]
    assert exact(whole.live_tokens) == 1001 * TOKENS
    # Every block might have been used before the trace began.
    assert (day.token_hit_rate.low, day.token_hit_rate.high) == (0, 1)
    assert day.token_hit_rate.value == 0
    assert (day.live_tokens.low, day.live_tokens.high) == (1001 * TOKENS, (DAY + 1) * TOKENS)
    assert day.live_tokens.value == day.live_tokens.high
    assert day.flash_bytes_per_day.low == 0
    assert day.flash_bytes_per_day.value == DAY * TOKENS * 1000
    assert day.dwpd_asked.value == pytest.approx(1, rel=1e-4)
    assert half.drives.low == half.drives.high
    assert day.drives.low is not None
    assert day.drives.high is not None
    assert day.drives.low < day.drives.high


def sessions(seed: int, seconds: int) -> list[tuple[int, list[int]]]:
    """Conversations of several turns at random times, of which each repeats all before."""
    random = np.random.default_rng(seed)
    found = []
    for start in np.cumsum(random.exponential(2, seconds // 2)):
        turns = int(random.geometric(0.4))
        times = start + np.cumsum(random.lognormal(3.5, 1.2, turns))
        base = int(start * 1e6) * 100
        found += [(int(1000 * t), list(range(base, base + 2 * n))) for n, t in enumerate(times, 1)]
    return sorted(found)


def hit_share(
    requests: list[tuple[int, list[int]]], ttl_ms: int, window_ms: tuple[int, int]
) -> float:
    """Of the blocks asked for in the window, those that hit with all the history there is."""
    touched: dict[int, int] = {}
    asked = hit = 0
    for time_ms, ids in requests:
        kept = [time_ms - touched.get(i, -ttl_ms * 10) <= ttl_ms for i in ids]
        if window_ms[0] < time_ms <= window_ms[1]:
            asked += len(ids)
            hit += kept.index(False) if False in kept else len(ids)
        touched |= dict.fromkeys(ids, time_ms)
    return hit / asked


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize(("ttl_seconds", "span"), [(60, 0.9), (300, 1.8), (300, 0.4), (100, 3)])
def test_what_a_trace_says_of_its_hits_holds_with_the_history_before_it(
    tmp_path: Path, seed: int, ttl_seconds: int, span: float
) -> None:
    requests = sessions(seed, 3000)
    begin, end = 2_000_000, 2_000_000 + int(span * ttl_seconds * 1000)
    window = [r for r in requests if begin <= r[0] < end]
    row = one(caches(tmp_path, window), ttl_seconds)
    first, last = window[0][0], window[-1][0]
    warm_ms = first + min(ttl_seconds * 1000, (last - first) // 2)
    truth = hit_share(requests, ttl_seconds * 1000, (warm_ms, last))
    rate = row.block_hit_rate
    assert row.measured == (span > 2)
    assert rate.low is not None
    assert rate.high is not None
    assert rate.low <= truth <= rate.high
    if row.measured:
        assert exact(rate) == pytest.approx(truth)


def test_scaling_keeps_hit_rates_and_multiplies_the_rest(steady: Caches) -> None:
    small, large = one(steady, 20), one(steady, 20, scale=Fraction(1000))
    assert small.token_hit_rate == large.token_hit_rate
    assert small.mean_residence_seconds == large.mean_residence_seconds
    assert small.dwpd_asked == large.dwpd_asked
    assert small.live_tokens.value is not None
    assert large.live_tokens.value == 1000 * small.live_tokens.value
    assert small.flash_bytes_per_day.value is not None
    assert large.flash_bytes_per_day.value == pytest.approx(1000 * small.flash_bytes_per_day.value)


def test_the_scale_is_a_ratio_of_rates_or_of_gpus(fresh: Caches) -> None:
    assert scale_to(fresh, requests_per_second=50) == 50
    assert scale_to(fresh, gpus=72, trace_gpus=16) == Fraction(9, 2)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"gpus": 8},
        {"requests_per_second": 5, "gpus": 8, "trace_gpus": 8},
        {"requests_per_second": 0},
        {"gpus": 0, "trace_gpus": 8},
    ],
)
def test_half_a_scale_or_none_is_refused(fresh: Caches, given: dict[str, int]) -> None:
    with pytest.raises(StoreffError, match=r"scale either|above zero"):
        scale_to(fresh, **given)


def test_parity_fill_and_waf_are_in_drives_and_writes(fresh: Caches) -> None:
    flash = Flash(
        bytes_per_token=1000,
        drive_capacity_bytes=10**6,
        rated_dwpd=0.5,
        fill_limit=0.8,
        raw_per_usable=1.25,
        waf=2,
    )
    row, plain = one(fresh, 100, flash), one(fresh, 100)
    assert exact(row.capacity_raw_bytes) == 101 * TOKENS * 1000 * 1.25 / 0.8
    assert exact(row.flash_bytes_per_day) == DAY * TOKENS * 1000 * 1.25 * 2
    # Parity is in writes and in room.
    asked, before = exact(row.dwpd_asked), exact(plain.dwpd_asked)
    assert before is not None
    assert asked == pytest.approx(before * 0.8 * 2)


def test_compression_shrinks_room_and_writes_with_its_interval(fresh: Caches) -> None:
    ratio = Quantity(2.0, 1.6, 2.5, "measured")
    row = one(fresh, 100, Flash(**(_fields(PLAIN) | {"compression_ratio": ratio})))
    stored = 101 * TOKENS * 1000
    assert row.stored_bytes == Quantity(stored / 2, stored / 2.5, stored / 1.6, "derived")
    assert row.flash_bytes_per_day.value == DAY * TOKENS * 1000 / 2
    assert row.dwpd_asked == one(fresh, 100).dwpd_asked


def _fields(flash: Flash) -> dict[str, Any]:
    return {name: getattr(flash, name) for name in Flash.__struct_fields__}


def test_long_retention_is_bound_by_capacity(fresh: Caches) -> None:
    endurance, capacity = retention(fresh, [100, 2 * DAY], PLAIN)
    assert (endurance.binds, capacity.binds) == ("endurance", "capacity")


def test_keeping_pays_until_it_costs_what_computing_does(fresh: Caches) -> None:
    flash = Flash(**(_fields(PLAIN) | {"drive_price_usd": 43.8, "drive_years": 5.0}))
    gpu = load_gpus()["h100-deepseek-v3"]
    row = one(fresh, 2 * DAY, flash, gpu=gpu)
    # A million tokens fill 1,000 drives at a thousandth of a dollar an hour each.
    assert row.kept_usd_per_million_token_hours.value == pytest.approx(1)
    again = 2.95 / 3600 * 1e6 / 6537.5
    assert row.recompute_usd_per_million_tokens.value == pytest.approx(again)
    assert row.break_even_hours.value == pytest.approx(again)
    assert row.recompute_usd_per_million_tokens.low == pytest.approx(1.99 / 3600 * 1e6 / 7000)
    assert row.recompute_usd_per_million_tokens.high == pytest.approx(6.88 / 3600 * 1e6 / 3000)
    assert row.spent_usd_per_hour.value == pytest.approx((row.drives.value or 0) / 1000)
    # Writing 864 times a day what may be written once buys that many more drives.
    short = one(fresh, 100, flash, gpu=gpu)
    assert short.kept_usd_per_million_token_hours.value == pytest.approx(864 * 100 / 101)


def test_hits_save_what_computing_them_costs(steady: Caches) -> None:
    row = one(steady, 20, gpu=load_gpus()["h100-llama-70b"])
    hourly = 1 * TOKENS * 3600 / 1e6
    assert row.recompute_usd_per_million_tokens.value is not None
    assert row.saved_usd_per_hour.value == pytest.approx(
        hourly * row.recompute_usd_per_million_tokens.value, rel=0.01
    )


def test_unknown_prices_stay_unknown(fresh: Caches) -> None:
    nothing = Quantity(None, None, None, "derived")
    row = one(fresh, 100, gpu=load_gpus()["gb200-deepseek-v3"])
    assert row.kept_usd_per_million_token_hours == nothing
    assert row.recompute_usd_per_million_tokens == nothing
    assert row.break_even_hours == row.spent_usd_per_hour == row.saved_usd_per_hour == nothing
    assert row.drives.value == 8640


def test_each_gpu_says_where_its_numbers_come_from() -> None:
    for gpu in load_gpus().values():
        for number in numbers_in(gpu):
            assert number.value is None or (
                number.source and (number.true_on or number.read_on) and number.unit
            )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"bytes_per_token": 0}, "bytes_per_token must be above zero"),
        ({"rated_dwpd": 0}, "rated_dwpd must be above zero"),
        ({"drive_years": float("inf")}, "drive_years"),
        ({"waf": float("nan")}, "waf"),
        ({"fill_limit": 1.5}, "fill_limit must be in"),
        ({"raw_per_usable": 0.9}, "raw_per_usable must be 1 or more"),
        ({"compression_ratio": Quantity(None, None, None, "measured")}, "compression ratio"),
        ({"compression_ratio": Quantity(1.5, 0, 2, "measured")}, "compression ratio"),
    ],
)
def test_a_store_that_cannot_be_is_refused(
    fresh: Caches, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(StoreffError, match=message):
        one(fresh, 100, Flash(**(_fields(PLAIN) | change)))


def test_a_trace_of_one_moment_has_no_rates(tmp_path: Path) -> None:
    moment = caches(tmp_path, [(5, [1]), (5, [2])])
    with pytest.raises(StoreffError, match="no duration"):
        one(moment, 100)
    with pytest.raises(StoreffError, match="at one time"):
        scale_to(moment, requests_per_second=5)


def test_requests_without_blocks_ask_for_nothing(tmp_path: Path) -> None:
    idle = caches(tmp_path, [(0, [1]), (10_000, []), (20_000, [])])
    row = one(idle, 5)
    assert row.token_hit_rate.value is None
    assert row.saved_usd_per_hour.value is None
    assert row.flash_bytes_per_day.value == 0
    assert row.drives.value == 1
