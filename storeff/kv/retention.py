"""How long to keep KV caches on flash: capacity, endurance and money for each time to live (TTL).

From a replayed trace to a deployment. The deployment's traffic is ``scale`` times that of the
trace. It is not the trace run faster, which would shorten the time between uses and raise the hit
rate of a TTL: it is ``scale`` populations like the trace's side by side, each at its own pace. So
hit rates stay those of the TTL, and live blocks, writes and reads grow by ``scale``. What the
populations would share (system prompts) is kept once for each: the capacity is an upper bound in
that, the hit rate a lower one.

A trace of an hour cannot tell the hit rate of a day. Up to half its span a TTL is measured: by
the requests whose history of a TTL is in the trace. Past that the point is the cautious end of a
bound on what the second half would have hit with all its history: at least what is seen to hit, at
most all but what certainly missed. Live tokens are the peak, for a TTL past the span at most so
much more as the second half would write, at its rate, until the TTL. Low and high are these bounds,
with those of the compression ratio, prices and rates: no 95 % intervals, and another hour's traffic
is not in them.

Endurance: drive writes a day (DWPD) are flash writes over raw capacity, and where the capacity is
what lives, live = write rate x residence (Little 1961), so DWPD = fill x WAF x 86400 / residence in
seconds. All misses are written (write-through), and evicting or rewriting for other reasons is the
WAF.
"""

import math
from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Generic, Literal

import msgspec

from storeff.data import Assumption, N, load, unknown
from storeff.errors import StoreffError
from storeff.kv.replay import Caches, Traffic, TtlPoint
from storeff.quantity import Quantity, quantity

SECONDS_PER_DAY = 86_400
HOURS_PER_YEAR = 8_760
MILLION = 1_000_000

ASSUMPTIONS = (
    "traffic grows by as many populations like the trace's, each at its own pace: the same mix, "
    "the same time between uses, nothing shared between them",
    "every token that misses is written once, in full, and expires a TTL after its last use",
    "TTLs past half the trace's span are bounds: its second half stands for what comes after it",
)


class Gpu(msgspec.Struct, Generic[N], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What computes a prompt again, for one model."""

    prefill_tokens_per_second: N
    price_per_hour: N = msgspec.field(default_factory=unknown)
    name: str = ""
    title: str = ""


class Flash(msgspec.Struct, frozen=True, kw_only=True):
    """The store. ``rated_dwpd`` is what its drives stand for ``drive_years``.

    ``bytes_per_token`` is uncompressed, ``compression_ratio`` uncompressed over stored (None: not
    compressed). ``fill_limit`` is how full raw capacity may be, ``raw_per_usable`` what erasure
    coding writes for each byte, ``waf`` flash writes for each write to a drive over those its
    rating assumes. Prices may be unknown.
    """

    bytes_per_token: int
    drive_capacity_bytes: int
    rated_dwpd: float
    drive_years: float = 5.0
    compression_ratio: Quantity | None = None
    fill_limit: float = 0.9
    raw_per_usable: float = 1.0
    waf: float = 1.0
    drive_price_usd: float | None = None


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """One TTL. ``measured`` is false where the trace is too short for it and bounds stand instead.

    ``live_tokens`` are kept at the peak; ``flash_bytes_per_day`` are written with parity and WAF.
    ``dwpd_asked`` is of the drives that the capacity needs, ``residence_dwpd`` what the residence
    alone implies (they differ by the peak over the mean of what lives). ``drives`` is the larger
    need, ``binds`` which it is. Money to keep tokens is that of drives alone, over their life.
    ``break_even_hours``: how long keeping them costs less than computing them once more.
    ``saved_usd_per_hour`` is what hits save in computing. Null is unknown.
    """

    ttl_seconds: float
    admission: int
    measured: bool
    block_hit_rate: Quantity
    token_hit_rate: Quantity
    live_tokens: Quantity
    stored_bytes: Quantity
    raw_bytes: Quantity
    flash_bytes_per_day: Quantity
    mean_residence_seconds: float | None
    residence_dwpd: float | None
    dwpd_asked: Quantity
    rated_dwpd: float
    drives_for_capacity: Quantity
    drives_for_endurance: Quantity
    drives: Quantity
    binds: Literal["capacity", "endurance"]
    kept_usd_per_million_token_hours: Quantity
    recompute_usd_per_million_tokens: Quantity
    break_even_hours: Quantity
    spent_usd_per_hour: Quantity
    saved_usd_per_hour: Quantity


def load_gpus() -> dict[str, Gpu[Assumption]]:
    """The GPU catalogue by name."""
    return load("gpus", Gpu[Assumption])


def endurance_dwpd(residence_seconds: float, *, fill_limit: float = 1, waf: float = 1) -> float:
    """Drive writes a day of a store whose content stays ``residence_seconds``."""
    return fill_limit * waf * SECONDS_PER_DAY / residence_seconds


def scale_to(
    caches: Caches,
    *,
    requests_per_second: float | None = None,
    gpus: int | None = None,
    trace_gpus: int | None = None,
) -> Fraction:
    """How many times the trace's traffic the deployment has.

    Either by its rate of requests, or by its GPUs over those that served the trace. Raises
    StoreffError unless it is one of the two, and above zero.
    """
    trace = caches.trace
    if requests_per_second is not None and gpus is None and trace_gpus is None:
        if trace.requests < 2 or not trace.span_seconds:
            raise StoreffError(
                "the trace has no rate of requests: it shows one moment", "scale by GPUs"
            )
        rate = Fraction(trace.requests - 1) / Fraction(trace.span_seconds)
        scale = Fraction(requests_per_second) / rate
    elif requests_per_second is None and gpus is not None and trace_gpus:
        scale = Fraction(gpus, trace_gpus)
    else:
        raise StoreffError(
            "scale either by requests_per_second, or by gpus and trace_gpus together"
        )
    if scale <= 0:
        raise StoreffError("the deployment's traffic must be above zero")
    return scale


def retention(
    caches: Caches,
    ttls_seconds: Iterable[float],
    flash: Flash,
    *,
    scale: Fraction = Fraction(1),
    gpu: Gpu[Assumption] | None = None,
    admissions: tuple[int, ...] = (1,),
) -> tuple[Retention, ...]:
    """What each TTL takes and saves, at every one of ``admissions`` (the use that is written).

    Raises StoreffError for a store that cannot be, or a trace without any duration.
    """
    _check(flash, scale)
    if caches.trace.span_seconds <= 0:
        raise StoreffError(
            "the trace has no duration, and so no rate of writes", "use a longer trace"
        )
    rows = []
    for admission in admissions:
        growth = _growth(caches, admission)
        for ttl_seconds in ttls_seconds:
            point = caches.ttl_point(ttl_seconds, admission)
            rows.append(_row(_flows(point, growth, caches.trace.span_seconds), flash, scale, gpu))
    return tuple(rows)


def _check(flash: Flash, scale: Fraction) -> None:
    positive: dict[str, float | Fraction] = {
        "bytes_per_token": flash.bytes_per_token,
        "drive_capacity_bytes": flash.drive_capacity_bytes,
        "rated_dwpd": flash.rated_dwpd,
        "drive_years": flash.drive_years,
        "waf": flash.waf,
        "scale": scale,
    }
    for name, number in positive.items():
        if not 0 < number < math.inf:
            raise StoreffError(f"{name} must be above zero, not {number}")
    if not 0 < flash.fill_limit <= 1:
        raise StoreffError(f"fill_limit must be in 0..1, above 0, not {flash.fill_limit}")
    if not 1 <= flash.raw_per_usable < math.inf:
        raise StoreffError(f"raw_per_usable must be 1 or more, not {flash.raw_per_usable}")
    ratio = flash.compression_ratio
    if ratio is not None and any(not x or x <= 0 for x in (ratio.value, ratio.low, ratio.high)):
        raise StoreffError("the compression ratio must be known and above zero")


class _Range(msgspec.Struct, frozen=True):
    """A point within its bounds, exact. ``None`` is unknown."""

    value: Fraction | None
    low: Fraction | None
    high: Fraction | None

    def quantity(self, digits: int | None = None) -> Quantity:
        def number(x: Fraction | None) -> int | float | None:
            return None if x is None else quantity(x, None, "derived", digits).value

        return Quantity(number(self.value), number(self.low), number(self.high), "derived")


_UNKNOWN = _Range(None, None, None)


def _exactly(x: float) -> _Range:
    return _Range(Fraction(x), Fraction(x), Fraction(x))


def _of(
    function: Callable[..., Fraction | None], *rising: _Range, falling: _Range | None = None
) -> _Range:
    """``function`` of ranges, which rises in each and falls in the last one, ``falling``."""
    other = (falling,) if falling else ()

    def at(
        mine: Literal["value", "low", "high"], theirs: Literal["value", "low", "high"]
    ) -> Fraction | None:
        numbers = [getattr(x, mine) for x in rising] + [getattr(x, theirs) for x in other]
        return None if any(n is None for n in numbers) else function(*numbers)

    return _Range(at("value", "value"), at("low", "high"), at("high", "low"))


class _Flows(msgspec.Struct, frozen=True):
    """What a TTL keeps and moves at the trace's own rate, in tokens and seconds."""

    point: TtlPoint
    measured: bool
    block_hit_rate: _Range
    token_hit_rate: _Range
    live_tokens: _Range
    written_per_second: _Range
    hit_per_second: _Range


def _growth(caches: Caches, admission: int) -> Fraction:
    """Tokens a second that the second half of the trace wrote to a cache that forgets nothing."""
    late = caches.ttl_point(caches.trace.span_seconds, admission)
    if late.warm is None:
        return Fraction(0)
    return late.warm.written_tokens / Fraction(late.warm_seconds)


def _flows(point: TtlPoint, growth: Fraction, span_seconds: float) -> _Flows:
    window = point.warm or point.traffic
    seconds = Fraction(point.warm_seconds or span_seconds)
    beyond = max(Fraction(point.ttl_seconds) - Fraction(span_seconds), Fraction(0))
    live = Fraction(point.live_peak_tokens)
    live_high = live + growth * beyond

    def rate(hit: int, missed: int, asked: int) -> _Range:
        least = Fraction(hit, asked) if asked else None
        most = least if point.history_complete else (1 - Fraction(missed, asked) if asked else None)
        return _Range(least, least, most)

    tokens = rate(window.hit_tokens, point.certainly_missed_tokens, window.tokens)
    return _Flows(
        point=point,
        measured=point.history_complete,
        block_hit_rate=rate(window.hit_blocks, point.certainly_missed_blocks, window.blocks),
        token_hit_rate=tokens,
        live_tokens=_Range(live_high, live, live_high),
        written_per_second=_written(window, tokens, seconds),
        hit_per_second=_of(lambda hit: hit * window.tokens / seconds, tokens),
    )


def _written(window: Traffic, hits: _Range, seconds: Fraction) -> _Range:
    """Each token that turns out to hit is one not written."""
    most = Fraction(window.written_tokens)
    assert hits.low is not None
    assert hits.high is not None
    least = max(most - (hits.high - hits.low) * window.tokens, Fraction(0))
    return _Range(most / seconds, least / seconds, most / seconds)


def _row(flows: _Flows, flash: Flash, scale: Fraction, gpu: Gpu[Assumption] | None) -> Retention:
    ratio = _range_of(flash.compression_ratio)
    rated = Fraction(flash.rated_dwpd)
    live = _of(lambda tokens: tokens * scale, flows.live_tokens)
    stored = _of(lambda tokens, r: tokens * flash.bytes_per_token / r, live, falling=ratio)
    raw = _of(lambda size: size * _raw_factor(flash), stored)
    daily = _of(
        lambda tokens, r: (
            tokens
            * (scale * SECONDS_PER_DAY * flash.bytes_per_token)
            * Fraction(flash.raw_per_usable)
            * Fraction(flash.waf)
            / r
        ),
        flows.written_per_second,
        falling=ratio,
    )
    for_capacity = _of(lambda size: Fraction(math.ceil(size / flash.drive_capacity_bytes)), raw)
    for_endurance = _of(
        lambda size: Fraction(math.ceil(size / (rated * flash.drive_capacity_bytes))), daily
    )
    drives = _of(max, for_capacity, for_endurance)
    spent = _spent(drives, flash)
    asked = _dwpd(flows, flash)
    kept = _kept(asked, ratio, flash)
    again = _recompute(gpu)
    residence = flows.point.mean_residence_seconds
    return Retention(
        ttl_seconds=flows.point.ttl_seconds,
        admission=flows.point.admission,
        measured=flows.measured,
        block_hit_rate=flows.block_hit_rate.quantity(),
        token_hit_rate=flows.token_hit_rate.quantity(),
        live_tokens=live.quantity(0),
        stored_bytes=stored.quantity(0),
        raw_bytes=raw.quantity(0),
        flash_bytes_per_day=daily.quantity(0),
        mean_residence_seconds=residence,
        residence_dwpd=endurance_dwpd(residence, fill_limit=flash.fill_limit, waf=flash.waf)
        if residence
        else None,
        dwpd_asked=asked.quantity(),
        rated_dwpd=flash.rated_dwpd,
        drives_for_capacity=for_capacity.quantity(0),
        drives_for_endurance=for_endurance.quantity(0),
        drives=drives.quantity(0),
        binds="endurance" if _binds(for_endurance, for_capacity) else "capacity",
        kept_usd_per_million_token_hours=kept.quantity(),
        recompute_usd_per_million_tokens=again.quantity(),
        break_even_hours=_of(
            lambda usd, hourly: usd / hourly if hourly else None, again, falling=kept
        ).quantity(),
        spent_usd_per_hour=spent.quantity(),
        saved_usd_per_hour=_of(
            lambda tokens, usd: tokens * scale * 3600 / MILLION * usd, flows.hit_per_second, again
        ).quantity(),
    )


def _raw_factor(flash: Flash) -> Fraction:
    return Fraction(flash.raw_per_usable) / Fraction(flash.fill_limit)


def _binds(endurance: _Range, capacity: _Range) -> bool:
    assert endurance.value is not None
    assert capacity.value is not None
    return endurance.value > capacity.value


def _dwpd(flows: _Flows, flash: Flash) -> _Range:
    """Writes a day over the raw capacity that what lives takes up: parity and compression, which
    are in both, cancel."""
    factor = Fraction(flash.fill_limit) * Fraction(flash.waf) * SECONDS_PER_DAY
    return _of(
        lambda written, live: written * factor / live if live else None,
        flows.written_per_second,
        falling=flows.live_tokens,
    )


def _drive_hour_usd(flash: Flash) -> Fraction:
    return Fraction(flash.drive_price_usd or 0) / (Fraction(flash.drive_years) * HOURS_PER_YEAR)


def _spent(drives: _Range, flash: Flash) -> _Range:
    """USD an hour."""
    if flash.drive_price_usd is None:
        return _UNKNOWN
    return _of(lambda count: count * _drive_hour_usd(flash), drives)


def _kept(asked: _Range, ratio: _Range, flash: Flash) -> _Range:
    """USD for a million live tokens an hour: the room they take, and as much more as their writes
    ask for than drives of that room stand."""
    if flash.drive_price_usd is None:
        return _UNKNOWN
    raw_bytes = MILLION * flash.bytes_per_token * _raw_factor(flash)
    room_usd = raw_bytes / flash.drive_capacity_bytes * _drive_hour_usd(flash)
    rated = Fraction(flash.rated_dwpd)
    return _of(lambda dwpd, r: room_usd * max(1, dwpd / rated) / r, asked, falling=ratio)


def _recompute(gpu: Gpu[Assumption] | None) -> _Range:
    """USD for a million tokens of prompts."""
    if gpu is None:
        return _UNKNOWN
    return _of(
        lambda usd, tokens: usd / 3600 * MILLION / tokens,
        _range_in(gpu.price_per_hour),
        falling=_range_in(gpu.prefill_tokens_per_second),
    )


def _range_in(number: Assumption) -> _Range:
    value = number.value
    return _Range(
        value,
        value if number.low is None else number.low,
        value if number.high is None else number.high,
    )


def _range_of(ratio: Quantity | None) -> _Range:
    if ratio is None or ratio.value is None or ratio.low is None or ratio.high is None:
        return _exactly(1)
    return _Range(Fraction(ratio.value), Fraction(ratio.low), Fraction(ratio.high))
