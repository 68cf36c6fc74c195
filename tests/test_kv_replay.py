"""The figures of traces: one reckoned by hand, and the published ones of Mooncake's."""

import json
import os
from pathlib import Path

import pytest

from storeff.errors import StoreffError
from storeff.kv.trace.read import Trace, read_trace
from storeff.kv.trace.replay import Caches, Replayed, Traffic, replay

# Blocks of four tokens; request 1 ends in two tokens, request 3 in three.
HANDMADE = [
    (0, 10, "ABC"),
    (1000, 12, "ABD"),
    (3000, 3, "E"),
    (4000, 10, "ABC"),
    (9000, 12, "ABD"),
]


@pytest.fixture
def handmade(tmp_path: Path) -> Trace:
    path = tmp_path / "handmade.jsonl"
    lines = [
        json.dumps(
            {"timestamp": t, "input_length": n, "output_length": 2, "hash_ids": list(blocks)}
        )
        for t, n, blocks in HANDMADE
    ]
    path.write_text("\n".join(lines))
    return read_trace(path, block_tokens=4)


def counts(traffic: Traffic) -> tuple[int, int, int, int]:
    return (
        traffic.hit_blocks,
        traffic.hit_tokens,
        traffic.written_blocks,
        traffic.written_tokens,
    )


def test_the_handmade_trace_as_a_whole(handmade: Trace) -> None:
    made = replay(Caches(handmade))
    assert (made.requests, made.blocks, made.unique_blocks) == (5, 13, 5)
    assert (made.input_tokens, made.input_tokens_mean, made.output_tokens_mean) == (47, 9.4, 2)
    assert (made.dedup_ratio, made.used_once_share) == (2.6, 0.2)
    assert counts(made.unlimited) == (8, 30, 5, 17)
    assert made.unlimited.block_hit_rate == 8 / 13
    assert made.unlimited.token_hit_rate == 30 / 47
    # 1 1 3 3 4 5 5 8 seconds.
    assert made.reuse_intervals is not None
    assert made.reuse_intervals.p50_seconds == 3
    assert made.reuse_intervals.p80_seconds == 5
    assert made.reuse_intervals.p90_seconds == 8


def test_lru_caches_of_the_handmade_trace(handmade: Trace) -> None:
    curve = Caches(handmade).lru()
    assert curve.hit_blocks.tolist() == [0, 2, 5, 6, 6, 8]
    assert curve.hit_tokens.tolist() == [0, 8, 20, 24, 24, 30]
    # With room for two, the head of each request was pushed out by its own tail.
    assert curve.written_blocks.tolist()[2] == 13
    assert curve.written_blocks.tolist()[5] == 5


def test_a_fifo_cache_of_the_handmade_trace(handmade: Trace) -> None:
    assert counts(Caches(handmade).fifo_point(3).traffic) == (4, 16, 9, 31)


def test_a_ttl_on_the_handmade_trace(handmade: Trace) -> None:
    point = Caches(handmade).ttl_point(3)
    assert counts(point.traffic) == (4, 16, 9, 31)
    assert (point.live_peak_blocks, point.live_peak_tokens) == (5, 17)
    # The last two requests come later than a TTL after the first; two blocks waited 3 s.
    assert point.warm is not None
    assert (point.warm.blocks, point.warm.tokens) == (6, 22)
    assert counts(point.warm) == (2, 8, 4, 14)
    assert (point.warm_seconds, point.history_complete) == (6, True)
    assert (point.certainly_missed_blocks, point.certainly_missed_tokens) == (4, 14)
    assert point.mean_residence_seconds == 3 + 2 * 3 / 4
    assert point.share_of_max == 4 / 8


def test_admission_at_the_second_use_writes_what_is_used_again(handmade: Trace) -> None:
    point = Caches(handmade).ttl_point(100, admission=2)
    assert counts(point.traffic) == (4, 16, 4, 14)
    assert point.live_peak_blocks == 4
    assert point.share_of_max == 4 / 8


def test_a_ttl_past_half_the_trace_bounds_what_would_hit(handmade: Trace) -> None:
    point = Caches(handmade).ttl_point(7)
    # The last request, 4.5 s or more after the first; its D was last used 8 s before.
    assert (point.warm_seconds, point.history_complete) == (4.5, False)
    assert point.warm is not None
    assert counts(point.warm) == (2, 8, 1, 4)
    assert (point.certainly_missed_blocks, point.certainly_missed_tokens) == (1, 4)
    longer = Caches(handmade).ttl_point(50)
    assert longer.warm is not None
    assert longer.warm.hit_blocks == 3
    assert longer.certainly_missed_blocks == 0


def test_one_moment_has_no_warm_traffic(tmp_path: Path) -> None:
    path = tmp_path / "moment.jsonl"
    path.write_text('{"timestamp": 5, "hash_ids": [1, 2]}\n' * 2)
    point = Caches(read_trace(path, block_tokens=4)).ttl_point(1)
    assert (point.warm, point.history_complete) == (None, False)
    assert counts(point.traffic) == (2, 8, 2, 8)


def test_a_capacity_beyond_all_blocks_hits_all_there_is(handmade: Trace) -> None:
    point = Caches(handmade).lru_point(10**12)
    assert counts(point.traffic) == (8, 30, 5, 17)
    assert point.share_of_max == 1


@pytest.mark.parametrize("ttl_seconds", [-1, 1e18, float("nan")])
def test_an_impossible_ttl_is_refused(handmade: Trace, ttl_seconds: float) -> None:
    with pytest.raises(StoreffError, match="out of range"):
        Caches(handmade).ttl_point(ttl_seconds)


def test_a_negative_capacity_is_refused(handmade: Trace) -> None:
    with pytest.raises(StoreffError, match="-1 blocks"):
        Caches(handmade).lru_point(-1)


LRU = {
    1_000: 0.0841,
    3_000: 0.1906,
    10_000: 0.4239,
    30_000: 0.6242,
    5_859: 0.3094,
    97_656: 0.6396,
}
TTL = {30: 0.2153, 60: 0.3217, 300: 0.5844, 600: 0.6340, 1200: 0.6396}


@pytest.fixture(scope="module")
def mooncake() -> Replayed:
    folder = os.environ.get("STOREFF_SHARED")
    if folder is None:
        pytest.skip("STOREFF_SHARED does not name the folder with Mooncake's trace")
    trace = read_trace(Path(folder) / "data" / "mooncake_synthetic_trace.jsonl")
    return replay(
        Caches(trace), capacities_blocks=LRU, fifo_capacities_blocks=[5_859], ttls_seconds=TTL
    )


def test_mooncake_sizes(mooncake: Replayed) -> None:
    assert mooncake.requests == 3_993
    assert mooncake.block_tokens == 512
    assert mooncake.input_tokens == 61_194_628
    assert (mooncake.blocks, mooncake.unique_blocks) == (121_877, 43_924)
    assert mooncake.input_tokens_mean == pytest.approx(15_325, abs=0.5)
    assert mooncake.output_tokens_mean == pytest.approx(149, abs=0.5)
    assert mooncake.dedup_ratio == pytest.approx(2.775, abs=5e-4)
    assert mooncake.used_once_share == pytest.approx(0.585, abs=6e-4)
    assert mooncake.notes.ids_name_prefix


def test_mooncake_unlimited_cache(mooncake: Replayed) -> None:
    assert mooncake.unlimited.block_hit_rate == pytest.approx(0.6396, abs=5e-5)
    assert mooncake.unlimited.token_hit_rate == pytest.approx(0.6512, abs=5e-5)


def test_mooncake_lru_and_fifo(mooncake: Replayed) -> None:
    rates = {c.capacity_blocks: c.traffic.block_hit_rate for c in mooncake.caches[:-1]}
    assert rates == pytest.approx(LRU, abs=5e-5)
    assert mooncake.caches[-1].policy == "fifo"
    assert mooncake.caches[-1].traffic.block_hit_rate == pytest.approx(0.3007, abs=5e-5)


def test_mooncake_shares_published_at_fast_25(mooncake: Replayed) -> None:
    shares = {c.capacity_blocks: c.share_of_max for c in mooncake.caches[:-1]}
    # "3M tokens reach 48 % of max", "50M tokens nearly reach the maximum".
    assert shares[3_000_000 // 512] == pytest.approx(0.48, abs=0.005)
    assert shares[50_000_000 // 512] == 1


def test_mooncake_ttls(mooncake: Replayed) -> None:
    rates = {t.ttl_seconds: t.traffic.block_hit_rate for t in mooncake.ttls}
    assert rates == pytest.approx(TTL, abs=5e-5)
    assert [t.live_peak_blocks for t in mooncake.ttls if t.ttl_seconds == 600] == [36_426]


def test_mooncake_reuse_intervals(mooncake: Replayed) -> None:
    found = mooncake.reuse_intervals
    assert found is not None
    seconds = (found.p50_seconds, found.p80_seconds, found.p90_seconds, found.p99_seconds)
    assert tuple(round(s) for s in seconds) == (59, 187, 282, 583)
