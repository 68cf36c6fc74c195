"""How long to keep KV caches on flash: capacity, endurance and money for each time to live (TTL).

From a replayed trace to a deployment. The deployment's traffic is ``scale`` times that of the
trace. It is not the trace run faster, which would shorten the time between uses and raise the hit
rate of a TTL: it is ``scale`` populations like the trace's side by side, each at its own pace. So
hit rates stay those of the TTL, and live blocks, writes and reads grow by ``scale``. What the
populations would share (system prompts) is kept once for each: the capacity is an upper bound in
that, the hit rate a lower one.

What the trace does not show is bounded (see flows).

Endurance: drive writes a day (DWPD) are flash writes over raw capacity, and where the capacity is
what lives, live = write rate x residence (Little 1961), so DWPD = fill x WAF x 86400 / residence in
seconds. All misses are written (write-through), and evicting or rewriting for other reasons is the
WAF.
"""

import math
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Annotated, Generic, Literal

import msgspec

from storeff.data import NO_VALUE, Assumption, Field, N, load
from storeff.errors import StoreffError
from storeff.kv.retention.flows import (
    UNKNOWN,
    Exact,
    Flows,
    Range,
    as_written,
    exactly,
    flows_of,
    of,
)
from storeff.kv.trace.replay import Caches
from storeff.quantity import Quantity

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

    prefill_tokens_per_second: Annotated[N, Field("tokens/s", least=1, most=10**12)]
    price_per_hour: Annotated[N, Field("USD/h", most=10**9)] = NO_VALUE
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
    rated_dwpd: Exact
    drive_years: Exact = 5
    compression_ratio: Quantity | None = None
    fill_limit: Exact = Fraction(9, 10)
    raw_per_usable: Exact = 1
    waf: Exact = 1
    drive_price_usd: Exact | None = None


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """One TTL. ``measured`` is false where the trace is too short for it and bounds stand instead.

    ``live_tokens`` are kept at the peak, on ``capacity_raw_bytes``; ``raw_bytes`` are bought: more,
    by ``endurance_factor``, where the drives would not stand the writes.
    ``flash_bytes_per_day`` are written with parity and WAF. ``dwpd_asked`` are drive writes a day
    of the drives that the capacity needs, ``residence_dwpd`` what the residence alone implies (they
    differ by the peak over the mean of what lives). ``drives`` are in service, for the larger need;
    ``binds`` says which it is. Money to keep tokens is that of drives alone, over their life.
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
    # Of reports before schema 1.5 these two are unknown.
    capacity_raw_bytes: Quantity = UNKNOWN.quantity()
    endurance_factor: Quantity = UNKNOWN.quantity()
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


def load_gpus(extra: Path | None = None) -> dict[str, Gpu[Assumption]]:
    """The GPU catalogue by name, with the user's own file of the same form on top."""
    return load("gpus", Gpu[Assumption], extra, _gpu_mistakes)


def _gpu_mistakes(gpu: Gpu[Assumption]) -> Iterator[str]:
    if gpu.price_per_hour.currency not in (None, "USD"):
        yield f"has a price in {gpu.price_per_hour.currency}: retention is counted in USD"


def endurance_dwpd(residence_seconds: float, *, fill_limit: float = 1, waf: float = 1) -> float:
    """Drive writes a day of a store whose content stays ``residence_seconds``."""
    return fill_limit * waf * SECONDS_PER_DAY / residence_seconds


def scale_to(
    caches: Caches,
    *,
    requests_per_second: Exact | None = None,
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
                "the trace has no rate of requests: all of them came at one time",
                "scale by the GPUs of both",
                "gpus",
            )
        rate = Fraction(trace.requests - 1) / as_written(trace.span_seconds)
        scale = as_written(requests_per_second) / rate
    elif requests_per_second is None and gpus is not None and trace_gpus:
        scale = Fraction(gpus, trace_gpus)
    else:
        raise StoreffError(
            "scale either by a rate of requests, or by GPUs and the trace's GPUs together",
            "give one of the two",
            "scale",
        )
    if scale <= 0:
        raise StoreffError("the deployment's traffic must be above zero")
    return scale


def retention(
    caches: Caches,
    ttls_seconds: Sequence[float],
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
    rows = []
    for admission in admissions:
        for ttl_seconds in ttls_seconds:
            flows = flows_of(caches, ttl_seconds, admission)
            rows.append(_row(flows, flash, scale, gpu))
    return tuple(rows)


def _check(flash: Flash, scale: Fraction) -> None:
    positive: dict[str, Exact] = {
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


def live_tokens(flows: Flows, scale: Fraction) -> Range:
    """Tokens that the deployment keeps at the peak, in whole ones."""
    return of(lambda tokens: Fraction(math.ceil(tokens * scale)), flows.live_tokens)


def endurance_of(flows: Flows, scale: Fraction, flash: Flash) -> Fraction:
    """Drive writes a day that raw which is full would take, over those that are rated."""
    live, written = live_tokens(flows, scale).value, flows.written_per_second.value
    assert live is not None
    assert written is not None
    daily = written * scale * SECONDS_PER_DAY * as_written(flash.waf)
    return daily / (as_written(flash.rated_dwpd) * live) if live else Fraction(0)


def _row(flows: Flows, flash: Flash, scale: Fraction, gpu: Gpu[Assumption] | None) -> Retention:
    ratio = _range_of(flash.compression_ratio)
    rated = as_written(flash.rated_dwpd)
    live = live_tokens(flows, scale)
    stored = of(lambda tokens, r: tokens * flash.bytes_per_token / r, live, falling=ratio)
    room = of(lambda size: size * _raw_factor(flash), stored)
    daily = of(
        lambda tokens, r: (
            tokens
            * (scale * SECONDS_PER_DAY * flash.bytes_per_token)
            * as_written(flash.raw_per_usable)
            * as_written(flash.waf)
            / r
        ),
        flows.written_per_second,
        falling=ratio,
    )
    for_writes = of(lambda size: size / rated, daily)
    bought = of(max, room, for_writes)
    for_capacity, for_endurance, drives = (
        of(lambda size: Fraction(math.ceil(size / flash.drive_capacity_bytes)), raw)
        for raw in (room, for_writes, bought)
    )
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
        stored_bytes=_whole(stored),
        capacity_raw_bytes=_whole(room),
        endurance_factor=of(lambda dwpd: max(dwpd / rated, Fraction(1)), asked).quantity(),
        raw_bytes=_whole(bought),
        flash_bytes_per_day=daily.quantity(0),
        mean_residence_seconds=residence,
        residence_dwpd=endurance_dwpd(
            residence, fill_limit=float(flash.fill_limit), waf=float(flash.waf)
        )
        if residence
        else None,
        dwpd_asked=asked.quantity(),
        rated_dwpd=float(flash.rated_dwpd),
        drives_for_capacity=for_capacity.quantity(0),
        drives_for_endurance=for_endurance.quantity(0),
        drives=drives.quantity(0),
        binds="endurance" if _binds(for_writes, room) else "capacity",
        kept_usd_per_million_token_hours=kept.quantity(),
        recompute_usd_per_million_tokens=again.quantity(),
        break_even_hours=of(
            lambda usd, hourly: usd / hourly if hourly else None, again, falling=kept
        ).quantity(),
        spent_usd_per_hour=spent.quantity(),
        saved_usd_per_hour=of(
            lambda tokens, usd: tokens * scale * 3600 / MILLION * usd, flows.hit_per_second, again
        ).quantity(),
    )


def _whole(size: Range) -> Quantity:
    """Bytes, rounded up as those of a bill are."""
    return of(lambda exactly: Fraction(math.ceil(exactly)), size).quantity(0)


def _raw_factor(flash: Flash) -> Fraction:
    return as_written(flash.raw_per_usable) / as_written(flash.fill_limit)


def _binds(endurance: Range, capacity: Range) -> bool:
    assert endurance.value is not None
    assert capacity.value is not None
    return endurance.value > capacity.value


def _dwpd(flows: Flows, flash: Flash) -> Range:
    """Writes a day over the raw capacity that what lives takes up: parity and compression, which
    are in both, cancel. The most writes do not go with the least that lives: all that is written
    in a TTL lives."""
    factor = as_written(flash.fill_limit) * as_written(flash.waf) * SECONDS_PER_DAY
    asked = of(
        lambda written, live: written * factor / live if live else None,
        flows.written_per_second,
        falling=flows.live_tokens,
    )
    ttl_seconds = as_written(flows.point.ttl_seconds)
    if asked.high is None or not ttl_seconds:
        return asked
    return Range(asked.value, asked.low, min(asked.high, factor / ttl_seconds))


def _drive_hour_usd(flash: Flash) -> Fraction:
    return as_written(flash.drive_price_usd or 0) / (as_written(flash.drive_years) * HOURS_PER_YEAR)


def _spent(drives: Range, flash: Flash) -> Range:
    """USD an hour."""
    if flash.drive_price_usd is None:
        return UNKNOWN
    return of(lambda count: count * _drive_hour_usd(flash), drives)


def _kept(asked: Range, ratio: Range, flash: Flash) -> Range:
    """USD for a million live tokens an hour: the room they take, and as much more as their writes
    ask for than drives of that room stand."""
    if flash.drive_price_usd is None:
        return UNKNOWN
    raw_bytes = MILLION * flash.bytes_per_token * _raw_factor(flash)
    room_usd = raw_bytes / flash.drive_capacity_bytes * _drive_hour_usd(flash)
    rated = as_written(flash.rated_dwpd)
    return of(lambda dwpd, r: room_usd * max(1, dwpd / rated) / r, asked, falling=ratio)


def _recompute(gpu: Gpu[Assumption] | None) -> Range:
    """USD for a million tokens of prompts."""
    if gpu is None:
        return UNKNOWN
    return of(
        lambda usd, tokens: usd / 3600 * MILLION / tokens if tokens else None,
        _range_in(gpu.price_per_hour),
        falling=_range_in(gpu.prefill_tokens_per_second),
    )


def _range_in(number: Assumption) -> Range:
    value = number.value
    return Range(
        value,
        value if number.low is None else number.low,
        value if number.high is None else number.high,
    )


def _range_of(ratio: Quantity | None) -> Range:
    if ratio is None or ratio.value is None or ratio.low is None or ratio.high is None:
        return exactly(1)
    return Range(as_written(ratio.value), as_written(ratio.low), as_written(ratio.high))
