"""What a measurement would take, before anything is read but the listing and a look at the storage.

All is given from the least to the most. How much a width of an interval needs is known only when
some of it has been read, and how much is compressed again only when duplicates have been counted.
"""

import threading
import time
from collections.abc import Callable
from operator import sub
from typing import Any, NamedTuple

from storeff.errors import StoreffError
from storeff.estimate.cost import PROBE_BYTES as AGAIN_BYTES
from storeff.estimate.cost import PROBE_OPENS as AGAIN_OPENS
from storeff.estimate.cost import Work
from storeff.estimate.reading import Decision, Sampling, decide, first_rate
from storeff.quantity import Span
from storeff.scan.inside import most_asked
from storeff.scan.job import SMALL_BYTES, worker_bytes
from storeff.scan.listing import Listing
from storeff.scan.partial import PartialScan
from storeff.scan.plan import Plan
from storeff.scan.run import Progress
from storeff.scan.sampling import SamplingDesign
from storeff.scan.windows import draw_windows
from storeff.sources.census import Census
from storeff.sources.content import PROBE_BYTES as HEAD_BYTES
from storeff.sources.listed_once import HELD_BYTES, ListedOnce
from storeff.sources.object_client import Meter, Requests
from storeff.sources.object_listing import PAGES_TOGETHER
from storeff.sources.object_reading import BLOCK_BYTES
from storeff.sources.source import Source

# Samples are read again to be compressed: 4,000 to 17,000 ranges of 100 to 700 MB of two corpora
# (storeff.estimate.cost), and of little data up to ten times all of it: nine times for 3 MB of 144
# objects that were sized for every layout (2026-11-26). If a width is asked for, after each look.
AGAIN_LEAST, AGAIN_MOST = 0.4, 3.5
AGAIN_TIMES = 10
LOOKS_MOST = 3
# How often a listing that is not held is made again: to draw windows and to read; of a part for
# its ranks, and for each look too.
LISTINGS_ALL, LISTINGS_PART = 3, 8
# How far off the requests of a listing by several streams may be: which is free when decides
# where it is cut. Of eight listings of 500 pages they were 577 to 585 (2026-11-27).
LISTING_MARGIN = 1.1
# Requests for a part of a large object beside those for its blocks: its head and its beginning.
MORE_REQUESTS = 3
# A prediction of seconds may be so far off on storage that others use too.
SECONDS_MARGIN = 1.5
# What a small scan takes (120 MB with the client of a store, 2026-11-26), and a row of a listing.
BASE_BYTES, ROW_BYTES = 130 << 20, 70
_NOTHING = Requests(0, 0, 0)


class Foresight(NamedTuple):
    """What there is, what would be read of it and why, and what that takes: bytes read, requests
    for them, seconds from now on, and memory at most. ``fetched_bytes`` are what comes, some of it
    again; ``list_requests`` is None where nothing is listed by requests."""

    census: Census
    decision: Decision
    read_bytes: Span
    fetched_bytes: Span
    get_requests: Span
    list_requests: Span | None
    seconds: Span
    memory_bytes: int


def foresee(
    source: Source,
    plan: Plan,
    sampling: Sampling,
    started: float,
    *,
    meter: Meter | None,
    stop: threading.Event,
    on_progress: Callable[[Progress], None],
    **engine: Any,
) -> Foresight:
    """What measuring ``source`` would take, listing it and trying how fast it is.

    ``meter`` counts the requests of an object store. Raises StoreffError if ``stop`` is set before
    the listing ends.
    """
    source = ListedOnce(source)
    listing = Listing(source, SamplingDesign(seed=plan.seed))
    partial = PartialScan(listing, plan, stop=stop, on_progress=on_progress, **engine)
    before = meter.asked if meter else _NOTHING
    if not listing.count(stop, on_progress):
        raise StoreffError(
            "interrupted while listing: it is not known what there is", "let it list all"
        )
    # Of a list every object is looked at, and of an inventory files are fetched.
    listing_asks = Requests(*map(sub, meter.asked, before)) if meter else _NOTHING
    decision = decide(sampling, partial, started)
    work = Work.of(partial, partial.storage)
    low, high = _rates(decision, partial, work, started)
    times = 1 if work.is_held else LISTINGS_ALL if low == 1 else LISTINGS_PART
    if low < 1:
        read, fetched, gets, seconds = (
            Span(of(low), of(high))
            for of in (
                lambda rate: rate * (work.small_bytes + work.large_bytes),
                lambda rate: _part_bytes(rate, work),
                lambda rate: _part_requests(rate, work, listing),
                work.part_seconds,
            )
        )
    else:
        stored, requests = listing.stored_bytes, _requests(listing.census, plan)
        read = fetched = Span(stored, stored)
        gets = Span(requests, requests)
        seconds = Span(work.everything_seconds, work.everything_seconds)
    listed = [Span(each, each * times) for each in listing_asks]
    if listing_asks.list > PAGES_TOGETHER:
        listed[0] = Span(listed[0].low / LISTING_MARGIN, listed[0].high * LISTING_MARGIN)
    goals = decision.sampling
    looks = LOOKS_MOST if goals is not None and goals.half_width is not None else 1
    again, ranges = _again(work, listing.census, looks)
    inside = 0, 0
    if meter and work.is_held:
        # Of more objects than are held, it is next to nothing of what all else takes.
        windows, _ = draw_windows(source, plan.seed, None, stop)
        inside = most_asked(windows)
    if goals is not None and goals.seconds is not None:
        given = goals.seconds
        seconds = Span(min(seconds.low, given), min(seconds.high, given))
    return Foresight(
        census=listing.census,
        decision=decision,
        read_bytes=_whole(read),
        fetched_bytes=_whole(fetched.plus(again).plus(listed[2]).plus(Span(0, inside[1]))),
        get_requests=_whole(gets.plus(ranges).plus(listed[1]).plus(Span(0, inside[0]))),
        list_requests=Span(before.list, before.list).plus(listed[0]) if meter else None,
        seconds=Span(seconds.low / SECONDS_MARGIN, seconds.high * SECONDS_MARGIN),
        memory_bytes=BASE_BYTES
        + partial.threads * worker_bytes(plan)
        + min(listing.census.files * ROW_BYTES + listing.path_bytes, HELD_BYTES),
    )


def _rates(
    decision: Decision, partial: PartialScan, work: Work, started: float
) -> tuple[float, float]:
    """The least and the largest part that is read; 1 is everything."""
    goals = decision.sampling
    if goals is None:
        return 1.0, 1.0
    most = goals.rate_of(partial.listing.sampled_bytes)
    if goals.seconds is not None:
        left = goals.ends_at(started) - time.monotonic() - work.after_seconds
        most = min(most, work.rate_within(SECONDS_MARGIN * max(0.0, left)))
    most = min(most, 1.0)
    if goals.half_width is not None:
        return min(most, first_rate(partial)), most
    return (most / SECONDS_MARGIN if goals.seconds is not None else most), most


def _whole(span: Span) -> Span:
    return Span(round(span.low), round(span.high))


def _part_bytes(rate: float, work: Work) -> float:
    """With what chunks need around extents."""
    return rate * (work.small_bytes + work.large_bytes * (1 + work.more_share))


def _part_requests(rate: float, work: Work, listing: Listing) -> float:
    """One for each extent, and one for the head of each object of several."""
    large = sum(c.files for bits, c in listing.census.histogram.items() if 1 << bits > SMALL_BYTES)
    return rate * work.extents + min(large, rate * work.large_bytes / listing.design.extent_bytes)


def _requests(census: Census, plan: Plan) -> float:
    """One for each small object that holds something, and some for each part of a large one."""
    small = sum(c.files for bits, c in census.histogram.items() if 1 < 1 << bits <= SMALL_BYTES)
    large = [c for bits, c in census.histogram.items() if 1 << bits > SMALL_BYTES]
    parts = sum(c.files + c.size_bytes // plan.part_bytes for c in large)
    return small + parts * MORE_REQUESTS + sum(c.size_bytes for c in large) / BLOCK_BYTES


def _again(work: Work, census: Census, looks: int) -> tuple[Span, Span]:
    """Bytes of samples that are read again, and in how many ranges, if it is looked at an interval
    up to so often."""
    data_bytes = work.small_bytes + work.large_bytes
    most_ranges = AGAIN_TIMES * (census.files + data_bytes / HEAD_BYTES)
    return (
        Span(
            min(AGAIN_LEAST * AGAIN_BYTES, data_bytes),
            looks * min(AGAIN_MOST * AGAIN_BYTES, AGAIN_TIMES * data_bytes),
        ),
        Span(
            min(AGAIN_LEAST * AGAIN_OPENS, census.files),
            looks * min(AGAIN_MOST * AGAIN_OPENS, most_ranges),
        ),
    )
