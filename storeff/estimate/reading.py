"""The sampling policy: how much of the data to read, as asked for, or as a few minutes allow."""

import math
import time
from dataclasses import dataclass
from typing import Literal

from storeff.errors import StoreffError
from storeff.estimate.sampled import headline_ratio
from storeff.quantity import Quantity
from storeff.scan.partial import PartialScan

# So much takes a few minutes on the slowest of disks: it is read without asking how fast they are.
SMALL_BYTES = 4 << 30
# How long the reading speed is measured, and what reading everything may take by it.
PROBE_SECONDS = 5.0
EVERYTHING_SECONDS = 300.0
# What one thread measures a second, and what compressing the samples takes on top whatever the size
# (2026-11-21, bench/speed/scan.py).
SCAN_BYTES_PER_SECOND = 1.5e9
COMPRESS_CPU_SECONDS = 60.0
# A sample to an interval begins with so much, and is then doubled.
FIRST_BYTES = 1 << 30
# Reading more than this in extents costs as much as reading everything, and leaves an interval.
EVERYTHING_RATE = 0.5


@dataclass(frozen=True, kw_only=True)
class Sampling:
    """How much to read: until the first of these goals is reached.

    ``share`` of the bytes (1.0 is everything), ``size_bytes``, ``half_width`` of the headline's
    95 % interval relative to its point, or ``seconds``. Without any goal everything is read where
    that takes a few minutes; else a sample, to DEFAULT.
    """

    share: float | None = None
    size_bytes: int | None = None
    half_width: float | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        for name in ("share", "half_width"):
            goal = getattr(self, name)
            if goal is not None and not 0 < goal <= 1:
                raise StoreffError(f"sampling: {name} must be above 0 and at most 1, not {goal}")
        for name in ("size_bytes", "seconds"):
            goal = getattr(self, name)
            if goal is not None and not 0 < goal < math.inf:
                raise StoreffError(f"sampling: {name} must be a positive number, not {goal}")


NOTHING_ASKED = Sampling()
EVERYTHING = Sampling(share=1.0)
# Where nothing is asked and reading everything would take long.
DEFAULT = Sampling(half_width=0.05, seconds=600.0)

Reason = Literal["asked", "little-data", "fast-enough", "too-slow", "more-than-half"]


@dataclass(frozen=True)
class Decision:
    """What a scan reads, and why.

    ``asked`` is the caller's policy, ``sampling`` the goals that a sample is read to: None is a
    full scan. ``reason``: "asked" for it; there is "little-data"; a full scan is "fast-enough", or
    "too-slow"; or the interval asked for takes "more-than-half" of the data. ``stored_bytes`` is
    what a full scan reads, ``bytes_per_second`` the measured speed, ``seconds`` what it would take:
    None where that decided nothing.
    """

    asked: Sampling
    sampling: Sampling | None
    reason: Reason
    stored_bytes: int | None = None
    bytes_per_second: float | None = None
    seconds: float | None = None


def decide(asked: Sampling, scan: PartialScan) -> Decision:
    """What to read of the tree that ``scan`` has listed.

    Where nothing was asked and more than ``SMALL_BYTES`` are stored, this reads for
    ``PROBE_SECONDS`` to measure the speed.
    """
    if asked == EVERYTHING:
        return Decision(asked, None, "asked")
    if asked != NOTHING_ASKED:
        return Decision(asked, asked, "asked")
    stored = scan.listing.stored_bytes
    if stored <= SMALL_BYTES:
        return Decision(asked, None, "little-data", stored)
    speed = min(scan.read_speed(PROBE_SECONDS), scan.threads * SCAN_BYTES_PER_SECOND)
    seconds = stored / speed + COMPRESS_CPU_SECONDS / scan.threads
    if seconds <= EVERYTHING_SECONDS:
        return Decision(asked, None, "fast-enough", stored, speed, seconds)
    return Decision(asked, DEFAULT, "too-slow", stored, speed, seconds)


def read_towards(scan: PartialScan, sampling: Sampling, started: float) -> bool:
    """Read until a goal of ``sampling`` is reached, ``started`` (monotonic) being when the time
    began. False if more than half would have to be read, which a full scan does better.

    An interval that is looked at again and again until it is narrow enough may hold the truth less
    often than one looked at once; every look is at twice as much, so there are few, and 97 % of
    those it stopped at held it, 91 % at least (``looks`` in bench/accuracy/partial.py, 2026-11-21).
    """
    until = math.inf if sampling.seconds is None else started + sampling.seconds
    total = max(1, scan.listing.sampled_bytes)
    rate = 1.0 if sampling.share is None else sampling.share
    if sampling.size_bytes is not None:
        rate = min(rate, sampling.size_bytes / total)
    if sampling.half_width is None:
        scan.extend(rate, until)
        return True
    step = min(rate, max(2 * scan.rate, FIRST_BYTES / total))
    while sampling.seconds is not None or rate < 1.0 or step <= EVERYTHING_RATE:
        scan.extend(step, until)
        half = _half_width(headline_ratio(scan.result()))
        enough = half is not None and half <= sampling.half_width
        if enough or scan.rate < step or step >= rate or time.monotonic() >= until:
            return True
        step = min(rate, 2 * step)
    return False


def _half_width(q: Quantity) -> float | None:
    """Half of the interval relative to the point; None without a point."""
    if q.value is None or q.low is None or q.high is None:
        return None
    return (q.high - q.low) / 2 / q.value
