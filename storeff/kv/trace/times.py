"""What the times of a trace count: stated, shown by the times themselves, or refused.

A format that says milliseconds is believed only where its times can be such: the traces of Mooncake
have whole milliseconds, and a file of the same form in seconds is a thousand times as fast.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from storeff.errors import StoreffError
from storeff.units import significant

TimeUnit = Literal["s", "ms", "us", "ns"]
Unit = TimeUnit | Literal["iso"]
# "dates": the times are counted from 1970, or are ISO dates.
UnitFrom = Literal["given", "column", "format", "dates"]

TIME_UNITS: tuple[TimeUnit, ...] = ("s", "ms", "us", "ns")
STATE_UNIT = f"state the unit: {', '.join(TIME_UNITS[:-1])} or {TIME_UNITS[-1]}"

# Milliseconds are num / den units.
_MS: dict[TimeUnit, tuple[int, int]] = {
    "s": (1000, 1),
    "ms": (1, 1),
    "us": (1, 1000),
    "ns": (1, 1_000_000),
}
_NAMES: dict[TimeUnit, str] = {
    "s": "seconds",
    "ms": "milliseconds",
    "us": "microseconds",
    "ns": "nanoseconds",
}
_TIME_MS_MAX = 1 << 53
# Times since 1970 lie between 2001 and 2286 in one unit only; a trace that counts from its own
# beginning does not begin 11 days after it.
_DATES_S = (10**9, 10**10)
# Requests a second: published traces have 0.1 to 200, and a unit is a thousand times another. What
# would be more than 100 in milliseconds would be more than 0.1 in seconds: nothing tells which.
_RATE_MIN, _RATE_MAX, _RATE_MAX_IN_SECONDS = 0.01, 100.0, 1000.0
# So many show a rate to a factor of a few, and units are a thousand apart.
_REQUESTS_MIN = 10
FRACTIONS_MAX = 0.01


class BadLineError(Exception):
    """Why one line cannot be used."""


def to_ms(time: int | float, unit: TimeUnit) -> int:
    """Milliseconds. Raises BadLineError for what is infinite, no number, or beyond 2^53 ms."""
    num, den = _MS[unit]
    if isinstance(time, int):
        time_ms = time * num // den
    elif abs(time) < 2 * _TIME_MS_MAX * den / num:
        time_ms = round(time * num / den)
    else:  # infinite or NaN, too
        raise BadLineError(f"time {time!r} is out of range")
    if abs(time_ms) > _TIME_MS_MAX:
        raise BadLineError(f"time {time!r} is out of range")
    return time_ms


def is_date(text: str) -> bool:
    """Whether ``text`` is an ISO 8601 date; 20250218 is one, but more likely a number."""
    try:
        datetime.fromisoformat(text.strip())
    except ValueError:
        return False
    return not text.strip().isdecimal()


def date_ms(text: str) -> int:
    """Milliseconds since 1970 of an ISO 8601 date, in UTC if it names no zone.

    Raises BadLineError.
    """
    try:
        date = datetime.fromisoformat(text.strip())
    except ValueError as error:
        raise BadLineError(f"time {text[:40]!r} is not a date") from error
    zoned = date if date.tzinfo else date.replace(tzinfo=UTC)
    return to_ms(zoned.timestamp(), "s")


def unit_of_dates(times: Sequence[int | float]) -> TimeUnit | None:
    """The unit in which all of ``times`` are dates of our time; None if there is none."""
    if not times:
        return None
    least, most = _DATES_S
    for unit in TIME_UNITS:
        num, den = _MS[unit]
        each = 1000 * den // num  # in a second
        if least * each <= min(times) and max(times) < most * each:
            return unit
    return None


def is_fraction(time: int | float, unit: TimeUnit) -> bool:
    """Whether ``time`` is not a whole number of ``unit``; seconds may have fractions."""
    return unit != "s" and isinstance(time, float) and not time.is_integer()


def usual_unit(times: Sequence[int | float], usual: TimeUnit) -> tuple[TimeUnit, UnitFrom]:
    """The unit of the first ``times`` of a trace whose format has ``usual``, and where that comes
    from.

    Raises StoreffError where the times speak against it: then the unit is not known.
    """
    shown = unit_of_dates(times)
    if shown is not None:
        return shown, "dates"
    fractions = sum(is_fraction(time, usual) for time in times)
    if fractions > FRACTIONS_MAX * len(times):
        example = next(time for time in times if is_fraction(time, usual))
        raise StoreffError(
            f"its times are not whole {_NAMES[usual]}, as its format has them ({example!r})"
            + _rates(times),
            STATE_UNIT,
            "time-unit",
        )
    rate = _rate(times, usual)
    rate_max = _RATE_MAX_IN_SECONDS if usual == "s" else _RATE_MAX
    if len(times) >= _REQUESTS_MIN and rate is not None and not _RATE_MIN <= rate <= rate_max:
        raise StoreffError(
            f"its times are unlikely to be {_NAMES[usual]}, as its format has them{_rates(times)}",
            STATE_UNIT,
            "time-unit",
        )
    return usual, "format"


def _rate(times: Sequence[int | float], unit: TimeUnit) -> float | None:
    """Requests a second; None for one moment."""
    num, den = _MS[unit]
    span = max(times) - min(times)
    return (len(times) - 1) * 1000 * den / (span * num) if span else None


def _rates(times: Sequence[int | float]) -> str:
    """What each unit would mean."""
    told = [
        f"{significant(rate)} requests/s in {_NAMES[unit]}"
        for unit in TIME_UNITS
        if (rate := _rate(times, unit)) is not None and rate < 1e6
    ]
    return f": its first {len(times):,} are {' or '.join(told)}" if told else ""
