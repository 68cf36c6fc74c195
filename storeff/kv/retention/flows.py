"""What a time to live (TTL) keeps and moves, at the rate of the trace, and what is not known of it.

A trace of an hour does not show the hit rate of a day. Up to half its span a TTL is measured: by
the requests whose history of a TTL is in the trace. Past that the point is the cautious end of a
bound on what the second half would have hit with all its history: at least what is seen to hit, at
most all but what certainly missed. Live tokens are the peak, for a TTL past the span at most so
much more as the second half would write, at its rate, until the TTL. Admission at the second use
is always a bound, as uses before the trace are not known; its point counts the trace's alone. Low
and high are these bounds, with those of the compression ratio, prices and rates: no 95 % intervals,
and another hour's traffic is not in them.
"""

from collections.abc import Callable
from fractions import Fraction
from typing import Literal

import msgspec

from storeff.errors import StoreffError
from storeff.kv.trace.replay import Caches, Traffic, TtlPoint
from storeff.quantity import Quantity, quantity

Exact = int | float | Fraction


def as_written(number: Exact) -> Fraction:
    """A float as the decimal it was written as: 0.9 is nine tenths."""
    return Fraction(repr(float(number))) if isinstance(number, float) else Fraction(number)


class Range(msgspec.Struct, frozen=True):
    """A point within its bounds, exact. ``None`` is unknown."""

    value: Fraction | None
    low: Fraction | None
    high: Fraction | None

    def quantity(self, digits: int | None = None) -> Quantity:
        def number(x: Fraction | None) -> int | float | None:
            return None if x is None else quantity(x, None, "derived", digits).value

        return Quantity(number(self.value), number(self.low), number(self.high), "derived")


UNKNOWN = Range(None, None, None)


def exactly(x: float) -> Range:
    """``x``, without doubt."""
    return Range(Fraction(x), Fraction(x), Fraction(x))


def of(
    function: Callable[..., Fraction | None], *rising: Range, falling: Range | None = None
) -> Range:
    """``function`` of ranges, which rises in each and falls in the last one, ``falling``."""
    other = (falling,) if falling else ()

    def at(
        mine: Literal["value", "low", "high"], theirs: Literal["value", "low", "high"]
    ) -> Fraction | None:
        numbers = [getattr(x, mine) for x in rising] + [getattr(x, theirs) for x in other]
        return None if any(n is None for n in numbers) else function(*numbers)

    return Range(at("value", "value"), at("low", "high"), at("high", "low"))


class Flows(msgspec.Struct, frozen=True):
    """What a TTL keeps and moves at the trace's own rate, in tokens and seconds."""

    point: TtlPoint
    measured: bool
    block_hit_rate: Range
    token_hit_rate: Range
    live_tokens: Range
    written_per_second: Range
    hit_per_second: Range


def _growth(caches: Caches, admission: int) -> Fraction:
    """Tokens a second that the second half of the trace wrote to a cache that forgets nothing."""
    late = caches.ttl_point(caches.trace.span_seconds, admission)
    if late.warm is None:
        return Fraction(0)
    return late.warm.written_tokens / as_written(late.warm_seconds)


def flows_of(caches: Caches, ttl_seconds: float, admission: int) -> Flows:
    """The flows of one TTL. Raises StoreffError if the trace has no duration."""
    span_seconds = caches.trace.span_seconds
    if span_seconds <= 0:
        raise StoreffError(
            "the trace has no duration, and so no rate of writes", "use a longer trace"
        )
    point = caches.ttl_point(ttl_seconds, admission)
    window = point.warm or point.traffic
    seconds = as_written(point.warm_seconds or span_seconds)

    def rate(hit: int, missed: int, asked: int) -> Range:
        if not asked:
            return UNKNOWN
        least = Fraction(hit, asked)
        most = least if point.history_complete else 1 - Fraction(missed, asked)
        return Range(least, least, most)

    tokens = rate(window.hit_tokens, point.certainly_missed_tokens, window.tokens)
    written, live = _written(window, tokens, seconds), _live(caches, point)
    if admission > 1:
        written, live = _at_later_use(flows_of(caches, ttl_seconds, 1), written, live)
    return Flows(
        point=point,
        measured=point.history_complete,
        block_hit_rate=rate(window.hit_blocks, point.certainly_missed_blocks, window.blocks),
        token_hit_rate=tokens,
        live_tokens=_at_least_written(live, written, as_written(point.ttl_seconds)),
        written_per_second=written,
        hit_per_second=of(lambda hit: hit * window.tokens / seconds, tokens),
    )


def _live(caches: Caches, point: TtlPoint) -> Range:
    beyond = max(as_written(point.ttl_seconds) - as_written(caches.trace.span_seconds), Fraction(0))
    most = point.live_peak_tokens + _growth(caches, point.admission) * beyond
    return Range(most, Fraction(point.live_peak_tokens), most)


def _written(window: Traffic, hits: Range, seconds: Fraction) -> Range:
    """Each token that turns out to hit is one not written."""
    seen = least = Fraction(window.written_tokens)
    if hits.low is not None and hits.high is not None:
        least = max(seen - (hits.high - hits.low) * window.tokens, Fraction(0))
    return Range(seen / seconds, least / seconds, seen / seconds)


def _at_later_use(first: Flows, written: Range, live: Range) -> tuple[Range, Range]:
    """Bounds where a block that is used once in the trace may have been used before it: a cache
    that admits at a later use writes and holds no more of it than one that admits at the
    ``first``."""

    def up_to(seen: Range, most: Range) -> Range:
        assert seen.value is not None
        assert most.high is not None
        return Range(seen.value, seen.low, max(seen.value, most.high))

    return up_to(written, first.written_per_second), up_to(live, first.live_tokens)


def _at_least_written(live: Range, written: Range, ttl_seconds: Fraction) -> Range:
    """``live``, which is at least what is written in a TTL: each token lives that long or longer.

    So drive writes a day never exceed fill x WAF / days of TTL, at either end of the bounds.
    """

    def held(tokens: Fraction | None, rate: Fraction | None) -> Fraction | None:
        return None if tokens is None or rate is None else max(tokens, rate * ttl_seconds)

    return Range(
        held(live.value, written.value), held(live.low, written.low), held(live.high, written.high)
    )
