"""How much of the data to read: what was asked for, or what a few minutes allow."""

import time
from dataclasses import dataclass

from storeff.estimate.sampled import headline_ratio
from storeff.quantity import Quantity
from storeff.scan.partial import PartialScan
from storeff.units import format_bytes, format_duration

# So much takes a few minutes on the slowest of disks: it is read without asking how fast they are.
SMALL_BYTES = 4 << 30
# How long the reading speed is measured, and what reading everything may take by it.
PROBE_SECONDS = 5.0
EVERYTHING_SECONDS = 300.0
# What one thread measures a second, and what compressing the samples takes on top whatever the size
# (2026-11-21, bench/speed/scan.py).
SCAN_BYTES_PER_SECOND = 1.5e9
COMPRESS_CPU_SECONDS = 60.0
# What a scan that is told nothing samples to: this half width, or as far as this time goes.
DEFAULT_HALF_WIDTH = 0.05
DEFAULT_SECONDS = 600.0
# A sample to an interval begins with so much, and is then doubled.
FIRST_BYTES = 1 << 30
# Reading more than this in units costs as much as reading everything, and leaves an interval.
EVERYTHING_RATE = 0.5


@dataclass(frozen=True)
class Goal:
    """When a partial scan has read enough: a share of the bytes, a number of them, the half width
    of the headline's interval relative to its point, or seconds; the first that is reached."""

    share: float | None = None
    size_bytes: int | None = None
    half_width: float | None = None
    seconds: float | None = None


def read_towards(scan: PartialScan, goal: Goal, started: float) -> bool:
    """Read until ``goal`` is reached, ``started`` (monotonic) being when the time began. False if
    more than half would have to be read, which a scan of everything does better.

    An interval that is looked at again and again until it is narrow enough may hold the truth less
    often than one looked at once; every look is at twice as much, so there are few, and 97 % of
    those it stopped at held it, 91 % at least (``looks`` in bench/accuracy/partial.py, 2026-11-21).
    """
    until = float("inf") if goal.seconds is None else started + goal.seconds
    total = max(1, scan.listing.sampled_bytes)
    rate = 1.0
    if goal.share is not None:
        rate = goal.share
    if goal.size_bytes is not None:
        rate = min(rate, goal.size_bytes / total)
    if goal.half_width is None:
        scan.extend(rate, until)
        return True
    step = min(rate, max(2 * scan.rate, FIRST_BYTES / total))
    while goal.seconds is not None or rate < 1.0 or step <= EVERYTHING_RATE:
        scan.extend(step, until)
        half = _half_width(headline_ratio(scan.result()))
        enough = half is not None and half <= goal.half_width
        if enough or scan.rate < step or step >= rate or time.monotonic() >= until:
            return True
        step = min(rate, 2 * step)
    return False


def _half_width(q: Quantity) -> float | None:
    """Half of the interval relative to the point; None without a point."""
    if q.value is None or q.low is None or q.high is None:
        return None
    return (q.high - q.low) / 2 / q.value


def choose(scan: PartialScan) -> tuple[Goal | None, str]:
    """What to do where nothing was asked: None to read everything; and why, for the reader.

    Reads for ``PROBE_SECONDS`` to know how fast that is, unless little is stored.
    """
    stored = scan.listing.stored_bytes
    if stored <= SMALL_BYTES:
        return None, (
            f"full scan, the default up to {format_bytes(SMALL_BYTES)}; "
            "--sample 1% or --time-budget 1m reads less"
        )
    speed = min(scan.read_speed(PROBE_SECONDS), scan.threads * SCAN_BYTES_PER_SECOND)
    seconds = stored / speed + COMPRESS_CPU_SECONDS / scan.threads
    what = f"{format_bytes(stored)} at {format_bytes(speed)}/s, as measured, take"
    if seconds <= EVERYTHING_SECONDS:
        return None, (
            f"full scan: {what} {format_duration(seconds)} or so; "
            "--sample 1% or --time-budget 1m reads less"
        )
    return Goal(half_width=DEFAULT_HALF_WIDTH, seconds=DEFAULT_SECONDS), (
        f"a sample was read, to an interval of ±{DEFAULT_HALF_WIDTH:.0%} or for "
        f"{DEFAULT_SECONDS / 60:.0f} minutes, whichever came first: {what} about "
        f"{format_duration(seconds)}; --sample 100% reads everything"
    )
