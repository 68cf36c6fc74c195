"""The sampling policy: how much of the data to read, as asked for, or as a few minutes allow."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from storeff.errors import StoreffError
from storeff.estimate.answer import SAMPLED, Answer
from storeff.estimate.cost import MARGIN, REST_SECONDS, Work
from storeff.estimate.sampled import POINT_RATE_MIN
from storeff.quantity import Quantity
from storeff.scan.measurement import Measurement
from storeff.scan.partial import PartialScan

# So much takes a few minutes on the slowest of disks: it is read without asking how fast they are.
LITTLE_BYTES = 4 << 30
LITTLE_FILES = 1 << 16
# What reading everything may take where nothing was asked.
EVERYTHING_SECONDS = 300.0
# What is read before the first look at an interval: cheap everywhere, and ranks enough for one.
FIRST_BYTES = 64 << 20
# It is not worth its while where it costs more than this share of reading everything.
LOOK_SHARE = 0.2
# Of the time left compressing has this share at most: it is worth as much without a part.
PROBING_SHARE = 1 / 3
# A look is at twice as much as the one before, or at what the width seen asks for, up to so much.
STEP_MAX = 8.0
# Of what a width asks for, a look is at a fifth more, as widths scatter.
MORE = 1.2
# By how much a width shrinks with the odds of not being read, where only one was seen: as standard
# errors do.
POWER = 0.5


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

    @property
    def goals(self) -> dict[str, int | float]:
        """Those there are, by their names."""
        return {name: goal for name, goal in vars(self).items() if goal is not None}

    def rate_of(self, total_bytes: int) -> float:
        """The largest rate that the goals allow of ``total_bytes``."""
        rate = 1.0 if self.share is None else self.share
        if self.size_bytes is not None:
            rate = min(rate, self.size_bytes / max(1, total_bytes))
        return rate

    def ends_at(self, started: float) -> float:
        """When the time is over, where it began at ``started``."""
        return math.inf if self.seconds is None else started + self.seconds


NOTHING_ASKED = Sampling()
EVERYTHING = Sampling(share=1.0)
# Where nothing is asked and reading everything would take long.
DEFAULT = Sampling(half_width=0.05, seconds=600.0)

Reason = Literal["asked", "little-data", "fast-enough", "too-slow", "no-cheaper", "in-time"]


@dataclass(frozen=True)
class Decision:
    """What a scan reads, and why.

    ``asked`` is the caller's policy, ``sampling`` the goals that a sample is read to: None is a
    full scan. ``reason``: "asked" for it; there is "little-data"; a full scan is "fast-enough", or
    "too-slow"; what was asked for is "no-cheaper" than everything; or everything can be read
    "in-time". ``stored_bytes`` is what a full scan reads, ``seconds`` what it would take: None
    where that decided nothing. ``listing_seconds`` is what listing took; ``unused_bytes`` were read
    before a full scan was found to be no dearer, and again by that.
    """

    asked: Sampling
    sampling: Sampling | None
    reason: Reason
    stored_bytes: int | None = None
    seconds: float | None = None
    listing_seconds: float = 0.0
    unused_bytes: int = 0


def decide(asked: Sampling, scan: PartialScan, started: float) -> Decision:
    """What to read of the tree that ``scan`` has listed since ``started`` (monotonic).

    Reads a little, to measure how fast the storage is, unless all is asked for or there is little.
    """
    if asked == EVERYTHING:
        return Decision(asked, None, "asked")
    listing_seconds = time.monotonic() - started
    stored, files = scan.listing.stored_bytes, scan.listing.census.files
    if asked == NOTHING_ASKED and is_little(stored, files):
        return Decision(asked, None, "little-data", stored, None, listing_seconds)
    work = Work.of(scan, scan.storage)
    everything = work.everything_seconds

    def decided(sampling: Sampling | None, reason: Reason) -> Decision:
        return Decision(asked, sampling, reason, stored, everything, listing_seconds)

    if asked == NOTHING_ASKED:
        if everything <= EVERYTHING_SECONDS:
            return decided(None, "fast-enough")
        return decided(DEFAULT, "too-slow")
    left = asked.ends_at(started) - time.monotonic()
    if _fits(everything, left):
        rate = asked.rate_of(scan.listing.sampled_bytes)
        if asked.half_width is not None:
            look = min(rate, first_rate(scan))
            look_seconds = work.part_seconds(look) - work.after_seconds
            if look_seconds > LOOK_SHARE * everything:
                return decided(None, "no-cheaper")
        elif rate >= 1.0 and asked.seconds is not None:
            return decided(None, "in-time")
        elif work.part_seconds(rate) >= everything:
            return decided(None, "no-cheaper")
    return decided(asked, "asked")


def is_little(stored_bytes: int, files: int) -> bool:
    """Whether so much is read without asking how fast it can be."""
    return stored_bytes <= LITTLE_BYTES and files <= LITTLE_FILES


def everything(asked: Sampling, stored_bytes: int, files: int) -> Decision:
    """The decision for a full scan where ``asked`` is that, or nothing, and the scan is divided:
    no look at the storage says how long it would take."""
    if asked == NOTHING_ASKED and is_little(stored_bytes, files):
        return Decision(asked, None, "little-data", stored_bytes)
    return Decision(EVERYTHING, None, "asked")


def read_towards(
    scan: PartialScan,
    decision: Decision,
    started: float,
    headline: Callable[[Measurement], Quantity],
    on_answer: Callable[[Answer], None] = lambda answer: None,
) -> Decision:
    """Read until a goal of ``decision`` is reached, ``started`` (monotonic) being when the time
    began: ``decision``, or one for a full scan, if it has turned out to take no longer.
    ``headline`` is the ratio that what was read so far gives.

    An interval that is looked at again and again until it is narrow enough may hold the truth less
    often than one looked at once. Every look is at twice as much or more, so there are few, and
    those below POINT_RATE_MIN end nothing: of four corpora 95 to 100 % of those it stopped at held
    it, after 2 to 4 looks, where doubling alone takes 4 to 6 and stopped early in 7 of 60 seeds of
    one, at none that did (60 seeds, ``looks`` in bench/accuracy/partial.py, 2026-11-26).
    """
    goals = decision.sampling
    assert goals is not None
    work = Work.of(scan, scan.storage)
    ends_at = goals.ends_at(started)
    left = ends_at - time.monotonic()
    after_seconds = min(work.probing_seconds, PROBING_SHARE * max(0.0, left)) + REST_SECONDS
    # At twice the speed predicted: it is the clock that ends the reading.
    most = min(
        goals.rate_of(scan.listing.sampled_bytes),
        1.0 if left == math.inf else work.rate_within(2 * (left - after_seconds), scan.rate),
    )

    def until(rate: float) -> float:
        """When reading must end for all that follows to be done in time."""
        return ends_at - after_seconds - work.estimate_seconds(rate)

    if goals.half_width is None:
        scan.extend(most, until, began=started)
        return decision
    looks: list[tuple[float, float]] = []
    step = min(most, first_rate(scan))
    towards: float | None = None
    while True:
        # Until it is known how much is needed, that may be all.
        scan.extend(step, until, towards=min(most, towards or 1.0), began=started)
        ratio = headline(scan.result())
        on_answer(Answer(SAMPLED, ratio))
        half = half_width(ratio)
        if half is not None and scan.rate < 1.0:
            looks.append((scan.rate, half))
        reached = ratio.value is not None and half is not None and half <= goals.half_width
        if reached or scan.rate < step or step >= most:
            return decision
        towards = rate_needed(looks, goals.half_width)
        step = min(most, max(2 * scan.rate, min(MORE * (towards or 0.0), STEP_MAX * scan.rate)))
        everything = work.everything_seconds
        dearer = work.part_seconds(min(most, towards or step), scan.rate) >= everything
        if dearer and _fits(everything, ends_at - time.monotonic()):
            unused_bytes = scan.crew.read_bytes
            return replace(
                decision,
                sampling=None,
                reason="no-cheaper",
                seconds=everything,
                unused_bytes=unused_bytes,
            )


def rate_needed(looks: Sequence[tuple[float, float]], half_width: float) -> float | None:
    """The rate at which an interval is about as wide as ``half_width``, by the rates and half
    widths seen; None of none. The width goes as a power of (1 - rate) / rate (``more_reading`` in
    storeff.estimate.sampled). No less is needed than supports a point.
    """
    if not looks:
        return None
    rates, widths = np.array(looks).T
    odds = (1 - rates) / rates
    power = POWER
    if len(looks) > 1:
        power = float(np.polyfit(np.log(odds), np.log(np.maximum(widths, 1e-12)), 1)[0])
    # Looks that are few and wide may show no shrinking at all, or too much.
    power = min(max(power, POWER / 2), 2 * POWER)
    wanted = odds[-1] * (half_width / max(widths[-1], 1e-12)) ** (1 / power)
    return max(float(1 / (1 + wanted)), POINT_RATE_MIN)


def half_width(q: Quantity) -> float | None:
    """Half of the interval relative to the point, or to its middle without one; None without an
    interval."""
    if q.low is None or q.high is None:
        return None
    middle = (q.low + q.high) / 2 if q.value is None else q.value
    return (q.high - q.low) / 2 / middle


def first_rate(scan: PartialScan) -> float:
    """What is read before the first look at an interval."""
    return min(1.0, FIRST_BYTES / max(1, scan.listing.sampled_bytes))


def _fits(seconds: float, left: float) -> bool:
    """Whether what is predicted to take ``seconds`` is done in the time that is ``left``."""
    return seconds * MARGIN <= left
