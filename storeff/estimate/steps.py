"""The steps of a measurement: list, decide how much to read, glance at all of it, read that much,
compress as much of it as the precision needs."""

import math
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from storeff.errors import UsageError
from storeff.estimate.answer import COMPRESSION_ONLY, Answer, dedup_so_far
from storeff.estimate.cost import ESTIMATE_ALL_SECONDS, ESTIMATE_SECONDS, REST_SECONDS, Work
from storeff.estimate.probing import compress, compression_only, glance, wanted_of_part
from storeff.estimate.reading import (
    EVERYTHING,
    NOTHING_ASKED,
    Decision,
    Sampling,
    decide,
    everything,
    read_towards,
)
from storeff.estimate.sampled import headline_ratio
from storeff.estimate.shards import begin_shards, finish_shards
from storeff.quantity import Quantity
from storeff.scan.inside import Looks, look_into
from storeff.scan.listing import Listing
from storeff.scan.measurement import Measurement
from storeff.scan.pace import Deadline
from storeff.scan.partial import PartialScan
from storeff.scan.plan import HEADLINE, Plan
from storeff.scan.probe import Prober
from storeff.scan.rewrites import Rewritten, rewritten
from storeff.scan.run import Progress, scan
from storeff.scan.sampling import SamplingDesign
from storeff.scan.shards import ShardCode, Shards
from storeff.scan.storage import Storage
from storeff.scan.watch import Watch
from storeff.scan.windows import Windows
from storeff.sources.listed_once import ListedOnce
from storeff.sources.source import Source

if TYPE_CHECKING:
    # Only where tasks are asked for is it needed.
    from storeff.scan.divided import DividedScan

# What a glance at samples of all the data is given at least, whatever time there is.
GLANCE_SECONDS = 3.0

Interrupted = Literal["listing", "reading"]


class OnPhase(Protocol):
    """Is told the ``name`` of what is being done; and how much of it is ``done`` of what is
    ``wanted``, where that is known."""

    def __call__(self, name: str, done: int = 0, wanted: int = 0) -> None: ...


class Read(NamedTuple):
    """What was measured; what was decided to be read, None where an interrupt ended the listing;
    what an interrupt cut short; the CPU seconds of compressing, by chunker and whether that was of
    all occurrences; the shards of codes; the windows that were drawn of all the data; what is
    inside the objects of some of them, and what some of these take rewritten."""

    data: Measurement
    decision: Decision | None
    interrupted: Interrupted | None
    probe_seconds: Mapping[tuple[str, bool], float]
    shards: Sequence[Shards] = ()
    windows: Windows | None = None
    looks: Looks | None = None
    rewritten: Mapping[str, Mapping[int, Rewritten | None]] = {}


def read(
    source: Source,
    plan: Plan,
    sampling: Sampling,
    started: float,
    *,
    codes: Sequence[ShardCode] = (),
    rewrites: bool = False,
    engine: dict[str, Any],
    divided: "DividedScan | None" = None,
    on_answer: Callable[[Answer], None] | None,
    on_phase: OnPhase,
) -> Read:
    """List ``source``, decide how much of it to read, and read that; ``started`` (monotonic) is
    when the time that ``sampling`` gives began. What ``codes`` leave of
    their shards is measured as well.

    ``engine`` is how it is read: the arguments that a scan of all and one of a part share. This is
    all that the pipeline knows of how scans are run. A ``divided`` scan reads everything, and a
    sample on its workers. Raises UsageError if a sample is to be kept.
    """
    is_sample = sampling not in (NOTHING_ASKED, EVERYTHING)
    if divided is not None and divided.is_kept and is_sample:
        raise UsageError(
            "a sample is not kept in a checkpoint",
            "read everything, or divide the sample in shards",
            "divided-sample",
        )
    stop: threading.Event = engine["stop"]
    source = ListedOnce(source)
    workers = divided.workers if divided is not None and is_sample else None
    listing = Listing(source, SamplingDesign(seed=plan.seed))
    partial = PartialScan(listing, plan, **engine, workers=workers)
    if sampling != EVERYTHING and not partial.listing.count(stop, engine["on_progress"]):
        return Read(partial.result(), None, "listing", {})
    census = partial.listing.census
    if sampling != EVERYTHING:
        # How much there is to read is known from here on.
        engine["on_progress"](Progress(False, census.files, census.size_bytes, 0, 0))
    decision = (
        decide(sampling, partial, started)
        if divided is None or is_sample
        else everything(sampling, partial.listing.stored_bytes, census.files)
    )
    ends_at = (decision.sampling or sampling).ends_at(started) - REST_SECONDS
    # A glance is answer enough to wait for, even where listing took all the time.
    deadline = Deadline(stop, max(ends_at - ESTIMATE_SECONDS, time.monotonic() + GLANCE_SECONDS))
    prober = Prober(
        source,
        plan,
        threads=engine["threads"],
        bytes_per_second=engine["bytes_per_second"],
        stop=deadline,
    )

    def begin(phase: str) -> None:
        on_phase(phase)
        prober.count_for(lambda done, wanted: on_phase(phase, done, wanted))

    def tell(answer: Answer) -> None:
        if on_answer is not None and answer.is_known:
            on_answer(answer)

    begin("looking at samples of all the data")
    windows, every = glance(prober)
    tell(Answer(COMPRESSION_ONLY, compression_only(every)))
    probes = begin_shards(prober, windows, codes)
    deadline.ends_at = ends_at - ESTIMATE_SECONDS
    data: Measurement | None = None

    def headline(found: Measurement) -> Quantity:
        nonlocal data
        begin("estimating from what was read so far")
        data = prober.distinct(found, wanted_of_part(plan))
        return headline_ratio(data)

    if decision.sampling:
        decision = read_towards(partial, decision, started, headline, tell)
    if decision.sampling or (sampling != EVERYTHING and stop.is_set()):
        data = partial.result() if data is None else data
        deadline.ends_at = ends_at - Work.of(partial, Storage()).estimate_seconds(partial.rate)
    else:
        # What it knows of the files would stay in memory beside the scan.
        del partial
        watch = None if on_answer is None else watch_of(plan, tell)
        data = (divided or scan)(source, plan, **engine, watch=watch)
        deadline.ends_at = ends_at - ESTIMATE_ALL_SECONDS
    is_cut = "interrupted" in data.census.skipped or (data.sampling is not None and stop.is_set())
    if is_cut:
        # What was read is still to be answered for: a second interrupt ends that too.
        deadline.stop, deadline.ends_at = threading.Event(), math.inf
    begin("compressing samples of what was read")
    data = compress(prober, replace(data, occurrences=every), windows, is_cut=is_cut)
    tell(Answer(COMPRESSION_ONLY, compression_only(data.occurrences or every)))
    shards = finish_shards(prober, probes)
    begin("looking into objects")
    looks = look_into(
        source,
        windows,
        is_kv=engine["is_kv"],
        bytes_per_second=engine["bytes_per_second"],
        stop=stop,
    )
    others: Mapping[str, Mapping[int, Rewritten | None]] = {}
    if rewrites and not is_cut:
        begin("rewriting samples of objects")
        others = rewritten(
            source, windows, looks, bytes_per_second=engine["bytes_per_second"], stop=stop
        )
    cut: Interrupted | None = "reading" if is_cut else None
    return Read(data, decision, cut, prober.cpu_seconds, shards, windows, looks, others)


def watch_of(plan: Plan, tell: Callable[[Answer], None]) -> Watch | None:
    """Lets ``tell`` know of duplicates while everything is read, if the headline's are counted."""
    counted = [chunker for chunker in plan.chunkers if chunker.name == HEADLINE.chunker]
    if not counted:
        return None
    [chunker] = counted
    return Watch(chunker, lambda sketch: tell(dedup_so_far(sketch, chunker, plan.seed)))
