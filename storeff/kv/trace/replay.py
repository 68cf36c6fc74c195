"""Exact replay of a trace against caches of blocks: what is hit, what is written, what is live.

A hit is a block in the longest cached prefix of its request. After each request all its blocks are
touched, the last one first, so that the head of a prefix is the most recent. All blocks that are
touched and not in the cache are written.

LRU evicts the block touched least recently; a request's touches evict one by one. All capacities
come from one pass over stack distances (Mattson et al., IBM Systems Journal 9(2), 1970). FIFO
evicts the block inserted first; a request inserts what it does not find, in the order of its
prompt, and being found moves nothing. A block with a time to live (TTL) is there until its last
touch is more than that ago. ``admission`` is the use at which a block is cached: 1, or 2 to leave
out what is used once only; all uses are remembered. Times are those of arrival: what is computed
is there at once.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.errors import StoreffError
from storeff.kv.trace.read import I64, U32, Trace, TraceNotes

U64 = npt.NDArray[np.uint64]
# Past this a TTL is no TTL: 2^61 ms.
_TTL_MS_MAX = 1 << 61


class Traffic(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked of a cache, hit and written. Rates are of all blocks, of all input tokens;
    None of nothing."""

    blocks: int
    tokens: int
    hit_blocks: int
    hit_tokens: int
    written_blocks: int
    written_tokens: int
    block_hit_rate: float | None
    token_hit_rate: float | None


class CachePoint(msgspec.Struct, frozen=True, kw_only=True):
    """A cache of ``capacity_blocks``; ``share_of_max`` is its hit blocks over those of an unlimited
    cache that admits everything, None if there are none."""

    policy: Literal["lru", "fifo"]
    admission: int
    capacity_blocks: int
    capacity_tokens: int
    traffic: Traffic
    share_of_max: float | None


class TtlPoint(msgspec.Struct, frozen=True, kw_only=True):
    """A cache of unlimited room with a time to live.

    ``traffic`` is that of the whole trace, which begins with an empty cache. ``warm`` is that of
    the requests later than a TTL after the first, or than half the trace if that is less; None if
    there are none. Where ``history_complete``, the trace shows all that a warm request could hit;
    else what is seen to hit is the least that would, and only ``certainly_missed`` the least that
    would not. It never is for later admission: uses before the trace are not known. The peaks are
    the largest live set, taken after each request. ``mean_residence_seconds`` is from write to
    expiry, by warm traffic where there is some: the TTL plus the time between touches that hit,
    over the writes; None if nothing is written.
    """

    ttl_seconds: float
    admission: int
    traffic: Traffic
    warm: Traffic | None
    warm_seconds: float
    history_complete: bool
    certainly_missed_blocks: int
    certainly_missed_tokens: int
    live_peak_blocks: int
    live_peak_tokens: int
    mean_residence_seconds: float | None
    share_of_max: float | None


class ReuseIntervals(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds since the last use of a block, by percentile of all uses but first ones."""

    p50_seconds: float
    p80_seconds: float
    p90_seconds: float
    p99_seconds: float


class Replayed(msgspec.Struct, frozen=True, kw_only=True):
    """The figures of a trace. ``dedup_ratio`` is blocks over unique blocks, by block key;
    ``used_once_share`` is of the unique blocks. None where there is nothing to divide by."""

    requests: int
    span_seconds: float
    block_tokens: int
    input_tokens: int
    input_tokens_mean: float | None
    output_tokens_mean: float | None
    blocks: int
    unique_blocks: int
    dedup_ratio: float | None
    used_once_share: float | None
    reuse_intervals: ReuseIntervals | None
    unlimited: Traffic
    caches: tuple[CachePoint, ...]
    ttls: tuple[TtlPoint, ...]
    notes: TraceNotes


@dataclass(frozen=True, eq=False)
class LruCurve:
    """LRU caches of every capacity: arrays indexed by capacity in blocks, 0..unique.

    Written are touches that find the block gone, so the curves of what is written fall.
    """

    hit_blocks: U64
    hit_tokens: U64
    written_blocks: U64
    written_tokens: U64


@dataclass(frozen=True, eq=False)
class _Reuses:
    """Stretches of blocks used again (_native.Replay.reuses), with their interval and tokens."""

    native: npt.NDArray[np.void]
    touched: U32
    request: U32
    gap_ms: I64
    blocks: I64
    tokens: I64
    # By request: tokens of the leading blocks that it touched.
    touched_tokens: I64


class Caches:
    """Any cache on one trace. What two of them share is computed once."""

    def __init__(self, trace: Trace) -> None:
        self.trace = trace
        self._native = _native.Replay(
            trace.times_ms,
            trace.offsets,
            trace.keys,
            trace.last_tokens,
            trace.unique,
            trace.block_tokens,
        )
        self._reuses = cache(self._find_reuses)
        self.lru = cache(self._lru)
        self.unlimited = cache(self._unlimited)
        self.ttl_point = cache(self._ttl_point)

    def _find_reuses(self, admission: int) -> _Reuses:
        trace = self.trace
        native, touched = self._native.reuses(admission)
        request = native["request"]
        blocks = native["blocks"].astype(np.int64)
        ends = np.cumsum(blocks)
        # A reuse ends so many blocks into its request.
        begins = np.searchsorted(request, request, "left")
        in_request = ends - (ends - blocks)[begins]
        return _Reuses(
            native=native,
            touched=touched,
            request=request,
            gap_ms=trace.times_ms[request] - trace.times_ms[native["previous"]],
            blocks=blocks,
            tokens=self._tokens(request, blocks, in_request),
            touched_tokens=self._tokens(np.arange(trace.requests), touched, touched),
        )

    def _tokens(self, request: npt.NDArray[np.integer], blocks: I64 | U32, end: I64 | U32) -> I64:
        """Tokens of ``blocks`` blocks of each request, the last of which is its ``end``th."""
        trace = self.trace
        last = (end == np.diff(trace.offsets)[request]) & (blocks > 0)
        missing = trace.block_tokens - trace.last_tokens[request].astype(np.int64)
        return blocks.astype(np.int64) * trace.block_tokens - np.where(last, missing, 0)

    def _lru(self, admission: int = 1) -> LruCurve:
        """All capacities at once."""
        reuses = self._reuses(admission)
        hit_blocks, hit_tokens, kept_blocks, kept_tokens = self._native.lru(
            reuses.native, reuses.touched
        )
        return LruCurve(
            hit_blocks=hit_blocks,
            hit_tokens=hit_tokens,
            written_blocks=np.uint64(reuses.touched.sum()) - kept_blocks,
            written_tokens=np.uint64(reuses.touched_tokens.sum()) - kept_tokens,
        )

    def _unlimited(self, admission: int = 1) -> Traffic:
        """A cache that forgets nothing."""
        return self._within(self._reuses(admission), _TTL_MS_MAX, 0)

    def lru_point(self, capacity_blocks: int, admission: int = 1) -> CachePoint:
        """One capacity of the LRU curve."""
        curve = self.lru(admission)
        c = min(_positive(capacity_blocks), self.trace.unique)
        columns = (
            curve.hit_blocks,
            curve.hit_tokens,
            curve.written_blocks,
            curve.written_tokens,
        )
        return self._point("lru", admission, capacity_blocks, tuple(int(x[c]) for x in columns))

    def fifo_point(self, capacity_blocks: int) -> CachePoint:
        """A FIFO cache."""
        counted = self._native.fifo(_positive(capacity_blocks))
        return self._point("fifo", 1, capacity_blocks, counted)

    def _point(
        self,
        policy: Literal["lru", "fifo"],
        admission: int,
        capacity_blocks: int,
        counted: tuple[int, ...],
    ) -> CachePoint:
        return CachePoint(
            policy=policy,
            admission=admission,
            capacity_blocks=capacity_blocks,
            capacity_tokens=capacity_blocks * self.trace.block_tokens,
            traffic=self._traffic(0, counted),
            share_of_max=_ratio(counted[0], self.unlimited().hit_blocks),
        )

    def _ttl_point(self, ttl_seconds: float, admission: int = 1) -> TtlPoint:
        """A time to live. Raises StoreffError unless it is in 0..2^61 ms."""
        if not 0 <= ttl_seconds * 1000 <= _TTL_MS_MAX:
            raise StoreffError(f"a TTL of {ttl_seconds:g} s is out of range")
        ttl_ms = round(ttl_seconds * 1000)
        trace, reuses = self.trace, self._reuses(admission)
        traffic = self._within(reuses, ttl_ms, 0)
        span_ms = int(trace.times_ms[-1] - trace.times_ms[0]) if trace.requests else 0
        history_ms = min(ttl_ms, span_ms // 2)
        warm_from = self._later_than(history_ms)
        is_warm = warm_from < trace.requests
        warm = self._within(reuses, ttl_ms, warm_from) if is_warm else None
        since = slice(np.searchsorted(reuses.request, warm_from if is_warm else 0), None)
        gap_ms = reuses.gap_ms[since]
        waited_ms = int((gap_ms * reuses.blocks[since]).sum(where=gap_ms <= ttl_ms))
        written = (warm or traffic).written_blocks
        certain = self._within(self._reuses(1), ttl_ms, self._later_than(ttl_ms))
        peak_blocks, peak_tokens = self._native.live_peak(reuses.native, reuses.touched, ttl_ms)
        return TtlPoint(
            ttl_seconds=ttl_seconds,
            admission=admission,
            traffic=traffic,
            warm=warm,
            warm_seconds=(span_ms - history_ms) / 1000 if is_warm else 0.0,
            history_complete=is_warm and history_ms == ttl_ms and admission == 1,
            certainly_missed_blocks=certain.blocks - certain.hit_blocks,
            certainly_missed_tokens=certain.tokens - certain.hit_tokens,
            live_peak_blocks=peak_blocks,
            live_peak_tokens=peak_tokens,
            mean_residence_seconds=(ttl_ms + waited_ms / written) / 1000 if written else None,
            share_of_max=_ratio(traffic.hit_blocks, self.unlimited().hit_blocks),
        )

    def _later_than(self, after_ms: int) -> int:
        """The first request later than that after the first one."""
        trace = self.trace
        if not trace.requests:
            return 0
        return int(np.searchsorted(trace.times_ms, int(trace.times_ms[0]) + after_ms, "right"))

    def _within(self, reuses: _Reuses, ttl_ms: int, from_request: int) -> Traffic:
        since = slice(np.searchsorted(reuses.request, from_request), None)
        hit = reuses.gap_ms[since] <= ttl_ms
        hit_blocks = int(reuses.blocks[since].sum(where=hit))
        hit_tokens = int(reuses.tokens[since].sum(where=hit))
        touched = int(reuses.touched[from_request:].sum())
        touched_tokens = int(reuses.touched_tokens[from_request:].sum())
        counted = (hit_blocks, hit_tokens, touched - hit_blocks, touched_tokens - hit_tokens)
        return self._traffic(from_request, counted)

    def _traffic(self, from_request: int, counted: tuple[int, ...]) -> Traffic:
        blocks = self.trace.blocks - int(self.trace.offsets[from_request])
        tokens = int(self.trace.input_tokens[from_request:].sum())
        return Traffic(
            blocks=blocks,
            tokens=tokens,
            hit_blocks=counted[0],
            hit_tokens=counted[1],
            written_blocks=counted[2],
            written_tokens=counted[3],
            block_hit_rate=_ratio(counted[0], blocks),
            token_hit_rate=_ratio(counted[1], tokens),
        )

    def reuse_intervals(self) -> ReuseIntervals | None:
        """None if no block is used twice."""
        reuses = self._reuses(1)
        if not len(reuses.gap_ms):
            return None
        order = np.argsort(reuses.gap_ms)
        uses = np.cumsum(reuses.blocks[order])

        def at(percent: int) -> float:
            rank = -(-percent * int(uses[-1]) // 100)
            return float(reuses.gap_ms[order[np.searchsorted(uses, rank)]]) / 1000

        return ReuseIntervals(
            p50_seconds=at(50), p80_seconds=at(80), p90_seconds=at(90), p99_seconds=at(99)
        )


def replay(
    caches: Caches,
    *,
    capacities_blocks: Iterable[int] = (),
    fifo_capacities_blocks: Iterable[int] = (),
    ttls_seconds: Iterable[float] = (),
    admissions: tuple[int, ...] = (1,),
) -> Replayed:
    """The figures of the trace of ``caches``, LRU and TTLs at every one of ``admissions``."""
    trace = caches.trace
    uses = np.bincount(trace.keys, minlength=trace.unique)
    outputs = trace.output_tokens
    input_tokens = int(trace.input_tokens.sum())
    return Replayed(
        requests=trace.requests,
        span_seconds=trace.span_seconds,
        block_tokens=trace.block_tokens,
        input_tokens=input_tokens,
        input_tokens_mean=_ratio(input_tokens, trace.requests),
        output_tokens_mean=None if outputs is None else _ratio(int(outputs.sum()), trace.requests),
        blocks=trace.blocks,
        unique_blocks=trace.unique,
        dedup_ratio=_ratio(trace.blocks, trace.unique),
        used_once_share=_ratio(int(np.count_nonzero(uses == 1)), trace.unique),
        reuse_intervals=caches.reuse_intervals(),
        unlimited=caches.unlimited(),
        caches=(
            *(caches.lru_point(c, k) for k in admissions for c in capacities_blocks),
            *(caches.fifo_point(c) for c in fifo_capacities_blocks),
        ),
        ttls=tuple(caches.ttl_point(ttl, k) for k in admissions for ttl in ttls_seconds),
        notes=trace.notes,
    )


def _positive(capacity_blocks: int) -> int:
    if capacity_blocks < 0:
        raise StoreffError(f"a cache cannot hold {capacity_blocks} blocks")
    return capacity_blocks


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
