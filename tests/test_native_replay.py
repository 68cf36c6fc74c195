"""Every cache figure of a trace is what a simulator counts that keeps the cache itself."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff._native import PrefixKeys, Replay

Prefix = tuple[int, ...]
BLOCK_TOKENS = 10


@dataclass
class Request:
    time_ms: int
    ids: Prefix
    last_tokens: int

    @property
    def blocks(self) -> list[Prefix]:
        return [self.ids[: i + 1] for i in range(len(self.ids))]

    def tokens(self, block: Prefix) -> int:
        return self.last_tokens if len(block) == len(self.ids) else BLOCK_TOKENS


@dataclass
class Counted:
    hit_blocks: int = 0
    hit_tokens: int = 0
    written_blocks: int = 0
    written_tokens: int = 0
    peak_blocks: int = 0
    peak_tokens: int = 0
    uses: dict[Prefix, int] = field(default_factory=dict)

    def hit(self, request: Request, cached: Sequence[Prefix]) -> None:
        self.hit_blocks += len(cached)
        self.hit_tokens += sum(map(request.tokens, cached))

    def write(self, request: Request, block: Prefix) -> None:
        self.written_blocks += 1
        self.written_tokens += request.tokens(block)

    def admitted(self, request: Request, admission: int) -> list[Prefix]:
        """The blocks that are cached after the request, the last one first."""
        for block in request.blocks:
            self.uses[block] = self.uses.get(block, 0) + 1
        return [block for block in reversed(request.blocks) if self.uses[block] >= admission]


def leading(request: Request, cache: "OrderedDict[Prefix, tuple[int, int]]") -> list[Prefix]:
    found = []
    for block in request.blocks:
        if block not in cache:
            break
        found.append(block)
    return found


def lru_oracle(trace: list[Request], capacity: int, admission: int) -> Counted:
    counted, cache = Counted(), OrderedDict[Prefix, tuple[int, int]]()
    for request in trace:
        counted.hit(request, leading(request, cache))
        for block in counted.admitted(request, admission):
            if block in cache:
                cache.move_to_end(block)
                continue
            counted.write(request, block)
            cache[block] = (0, 0)
            if len(cache) > capacity:
                cache.popitem(last=False)
    return counted


def ttl_oracle(trace: list[Request], ttl_ms: int, admission: int) -> Counted:
    counted, cache = Counted(), OrderedDict[Prefix, tuple[int, int]]()
    for request in trace:
        for block in [b for b, (touch, _) in cache.items() if request.time_ms - touch > ttl_ms]:
            del cache[block]
        counted.hit(request, leading(request, cache))
        for block in counted.admitted(request, admission):
            if block not in cache:
                counted.write(request, block)
            cache[block] = (request.time_ms, request.tokens(block))
        counted.peak_blocks = max(counted.peak_blocks, len(cache))
        counted.peak_tokens = max(counted.peak_tokens, sum(t for _, t in cache.values()))
    return counted


def fifo_oracle(trace: list[Request], capacity: int) -> Counted:
    counted, cache = Counted(), OrderedDict[Prefix, tuple[int, int]]()
    for request in trace:
        counted.hit(request, leading(request, cache))
        for block in request.blocks:
            if block in cache:
                continue
            counted.write(request, block)
            cache[block] = (0, 0)
            if len(cache) > capacity:
                cache.popitem(last=False)
    return counted


def native(trace: list[Request]) -> Replay:
    ids = np.array([i for request in trace for i in request.ids], np.uint64)
    offsets = np.cumsum([0] + [len(request.ids) for request in trace], dtype=np.int64)
    prefixes = PrefixKeys()
    keys = prefixes.add(ids, offsets)
    return Replay(
        np.array([request.time_ms for request in trace], np.int64),
        offsets,
        keys,
        np.array([request.last_tokens for request in trace], np.uint32),
        len(prefixes),
        BLOCK_TOKENS,
    )


@st.composite
def traces(draw: st.DrawFn) -> list[Request]:
    """Requests that share prefixes: few ids, and continuations of earlier requests."""
    trace: list[Request] = []
    time_ms = draw(st.integers(-50, 50))
    for _ in range(draw(st.integers(0, 14))):
        time_ms += draw(st.integers(0, 5))
        tail = draw(st.lists(st.integers(0, 2), max_size=5))
        base = draw(st.sampled_from([(), *(request.ids for request in trace)]))
        head = base[: draw(st.integers(0, len(base)))]
        trace.append(Request(time_ms, (*head, *tail)[:9], draw(st.integers(1, BLOCK_TOKENS))))
    return trace


admissions = st.integers(1, 3)


@given(traces(), admissions)
def test_one_pass_gives_the_lru_cache_of_every_capacity(
    trace: list[Request], admission: int
) -> None:
    replay = native(trace)
    reuses, touched = replay.reuses(admission)
    hit_blocks, hit_tokens, kept_blocks, kept_tokens = replay.lru(reuses, touched).tolist()
    told = [lru_oracle(trace, c, admission) for c in range(len(hit_blocks))]
    assert hit_blocks == [each.hit_blocks for each in told]
    assert hit_tokens == [each.hit_tokens for each in told]
    tokens = sum(
        request.tokens(block)
        for request, n in zip(trace, touched.tolist(), strict=True)
        for block in request.blocks[:n]
    )
    assert [int(touched.sum()) - n for n in kept_blocks] == [e.written_blocks for e in told]
    assert [tokens - n for n in kept_tokens] == [each.written_tokens for each in told]


@given(traces(), admissions, st.integers(0, 40))
def test_reuses_within_the_ttl_are_its_hits(
    trace: list[Request], admission: int, ttl_ms: int
) -> None:
    replay = native(trace)
    reuses, touched = replay.reuses(admission)
    told = ttl_oracle(trace, ttl_ms, admission)
    times = np.array([request.time_ms for request in trace], np.int64)
    kept = times[reuses["request"]] - times[reuses["previous"]] <= ttl_ms
    hits = int(reuses["blocks"][kept].sum())
    assert hits == told.hit_blocks
    assert int(touched.sum()) - hits == told.written_blocks


@given(traces(), admissions, st.integers(0, 40))
def test_the_live_peak_is_the_largest_cache_of_a_ttl(
    trace: list[Request], admission: int, ttl_ms: int
) -> None:
    replay = native(trace)
    told = ttl_oracle(trace, ttl_ms, admission)
    peak = replay.live_peak(*replay.reuses(admission), ttl_ms)
    assert peak == (told.peak_blocks, told.peak_tokens)


@given(traces(), st.integers(0, 20))
def test_fifo_is_what_a_queue_does(trace: list[Request], capacity: int) -> None:
    told = fifo_oracle(trace, capacity)
    assert native(trace).fifo(capacity) == (
        told.hit_blocks,
        told.hit_tokens,
        told.written_blocks,
        told.written_tokens,
    )


@given(traces())
def test_a_key_stands_for_a_prefix(trace: list[Request]) -> None:
    keys = PrefixKeys()
    seen: dict[Prefix, int] = {}
    for request in trace:
        got = keys.add(np.array(request.ids, np.uint64), np.array([0, len(request.ids)]))
        want = [seen.setdefault(block, len(seen)) for block in request.blocks]
        assert got.tolist() == want
    assert keys.ids().tolist() == [block[-1] for block in seen]
    assert len(keys) == len(seen)


def test_keys_are_the_same_in_any_number_of_calls() -> None:
    random = np.random.default_rng(1)
    ids = random.integers(0, 50, 20_000).astype(np.uint64)
    offsets = np.arange(0, 20_001, 5)
    whole, parts = PrefixKeys(), PrefixKeys()
    split = [parts.add(ids[i : i + 5000], offsets[:1001]) for i in range(0, 20_000, 5000)]
    assert (whole.add(ids, offsets) == np.concatenate(split)).all()


def test_an_empty_trace_has_no_reuses() -> None:
    replay = native([])
    reuses, touched = replay.reuses()
    assert (len(reuses), len(touched)) == (0, 0)
    assert replay.lru(reuses, touched).tolist() == [[0]] * 4
    assert replay.live_peak(reuses, touched, 5) == (0, 0)
    assert replay.fifo(3) == (0, 0, 0, 0)


def test_two_threads_may_replay_one_trace() -> None:
    random = np.random.default_rng(2)
    trace = [Request(t, tuple(random.integers(0, 3, 6).tolist()), 4) for t in range(500)]
    replay = native(trace)
    curves: list[npt.NDArray[np.uint64]] = []
    threads = [
        threading.Thread(target=lambda: curves.append(replay.lru(*replay.reuses())))
        for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (curves[0] == curves[1]).all()


# What is wrong with a trace of two requests of two blocks.
GOOD = {
    "times_ms": [0, 1],
    "offsets": [0, 2, 4],
    "keys": [0, 1, 0, 2],
    "last_tokens": [1, 10],
    "unique": 3,
    "block_tokens": 10,
}


def built(**changes: object) -> Replay:
    given = {**GOOD, **changes}
    return Replay(
        np.array(given["times_ms"], np.int64),
        np.array(given["offsets"], np.int64),
        np.array(given["keys"], np.uint32),
        np.array(given["last_tokens"], np.uint32),
        given["unique"],  # type: ignore[arg-type]
        given["block_tokens"],  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"times_ms": [1, 0]}, "times must ascend"),
        ({"times_ms": [0, 1 << 62]}, "within 2\\^61"),
        ({"offsets": [1, 2, 4]}, "offsets must ascend"),
        ({"offsets": [0, 3, 2]}, "offsets must ascend"),
        ({"offsets": [0, 2, 5]}, "offsets must ascend"),
        ({"offsets": [0, -2, 4]}, "offsets must ascend"),
        ({"offsets": [0, 0, 4]}, "more blocks than there are distinct"),
        ({"last_tokens": [0, 10]}, "1 to block_tokens"),
        ({"last_tokens": [1, 11]}, "1 to block_tokens"),
        ({"keys": [0, 1, 0, 3]}, "below their number"),
        ({"keys": [0, 1, 1, 2]}, "one parent"),
        ({"keys": [0, 0, 0, 2]}, "one parent"),
        ({"block_tokens": 1 << 32}, "block_tokens must be in"),
        ({"unique": (1 << 32) - 1}, "at most 2\\^32 - 2"),
    ],
)
def test_a_trace_that_contradicts_itself_is_refused(
    changes: dict[str, object], message: str
) -> None:
    built().reuses()
    with pytest.raises(ValueError, match=message):
        built(**changes).reuses()


def test_lengths_that_differ_are_refused() -> None:
    with pytest.raises(ValueError, match="one time and one last block"):
        built(times_ms=[0])
    with pytest.raises(ValueError, match="one entry more"):
        built(offsets=[])


@pytest.mark.parametrize(
    ("row", "touched"),
    [
        ((1, 0, 3), [2, 2]),  # more than the earlier request left
        ((1, 1, 1), [2, 2]),  # of itself
        ((0, 0, 1), [2, 2]),
        ((5, 0, 1), [2, 2]),
        ((1, 0, 0), [2, 2]),
        ((1, 0, 1), [2, 0]),  # reused but not touched
        ((1, 0, 1), [3, 2]),  # more than it has
        ((1, 0, 1), [2, 3]),
    ],
)
def test_reuses_of_another_trace_are_refused(row: tuple[int, int, int], touched: list[int]) -> None:
    replay = built()
    reuses, _ = replay.reuses()
    assert reuses.tolist() == [(1, 0, 1)]
    wrong = np.array([row], reuses.dtype)
    for call in (replay.lru, lambda a, b: replay.live_peak(a, b, 3)):
        with pytest.raises(ValueError, match="not those of this trace"):
            call(wrong, np.array(touched, np.uint32))


def test_misuse_is_refused() -> None:
    replay = built()
    reuses, touched = replay.reuses()
    with pytest.raises(ValueError, match="admission must be 1 or more"):
        replay.reuses(0)
    with pytest.raises(ValueError, match="times must ascend"):
        replay.live_peak(reuses, touched, -1)
    with pytest.raises(ValueError, match="what reuses"):
        replay.lru(np.zeros(1, np.uint64), touched)
    with pytest.raises(ValueError, match="what reuses"):
        replay.lru(reuses, touched[:1])
    with pytest.raises(ValueError, match="offsets must ascend"):
        PrefixKeys().add(np.zeros(3, np.uint64), np.array([0, 4]))


small = st.integers(0, 6)


@given(
    st.lists(st.tuples(small, small, small), max_size=6),
    st.lists(small, max_size=12),
    st.lists(st.tuples(small, small, small), max_size=8),
    small,
)
def test_any_arrays_are_replayed_or_refused(
    requests: list[tuple[int, int, int]],
    keys: list[int],
    rows: list[tuple[int, int, int]],
    unique: int,
) -> None:
    offsets = np.cumsum([0] + [n for _, n, _ in requests], dtype=np.int64)
    offsets[-1] = min(int(offsets[-1]), len(keys))
    replay = Replay(
        np.sort(np.array([t for t, _, _ in requests], np.int64)),
        offsets,
        np.array(keys, np.uint32),
        np.array([tokens for _, _, tokens in requests], np.uint32),
        unique,
        5,
    )
    reuses = np.array(rows, [("request", "u4"), ("previous", "u4"), ("blocks", "u4")])
    touched = np.array([n for _, n, _ in requests], np.uint32)
    for call in (
        replay.reuses,
        lambda: replay.lru(reuses, touched),
        lambda: replay.live_peak(reuses, touched, 2),
        lambda: replay.fifo(2),
    ):
        with suppress(ValueError):
            call()
