"""The steps of a measurement: list, decide how much to read, glance at all of it, read that much,
compress as much of it as the precision needs."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, NamedTuple, Protocol

from storeff.estimate.answer import COMPRESSION_ONLY, Answer, dedup_so_far
from storeff.estimate.probing import compress, compression_only, glance, wanted_of_part
from storeff.estimate.reading import EVERYTHING, Decision, Sampling, decide, read_towards
from storeff.estimate.sampled import headline_ratio
from storeff.quantity import Quantity
from storeff.scan.listing import Listing
from storeff.scan.measurement import Measurement
from storeff.scan.partial import PartialScan
from storeff.scan.plan import HEADLINE, Plan
from storeff.scan.probe import Prober
from storeff.scan.run import scan
from storeff.scan.sampling import SamplingDesign
from storeff.scan.sketch import Sketch
from storeff.scan.watch import Watch
from storeff.sources.listed_once import ListedOnce
from storeff.sources.source import Source

Interrupted = Literal["listing", "reading"]


class OnPhase(Protocol):
    """Is told the ``name`` of what is being done; and how much of it is ``done`` of what is
    ``wanted``, where that is known."""

    def __call__(self, name: str, done: int = 0, wanted: int = 0) -> None: ...


class Read(NamedTuple):
    """What was measured; what was decided to be read, None where an interrupt ended the listing;
    what an interrupt cut short; and the CPU seconds of compressing, by chunker and whether that was
    of all occurrences."""

    data: Measurement
    decision: Decision | None
    interrupted: Interrupted | None
    probe_seconds: Mapping[tuple[str, bool], float]


def read(
    source: Source,
    plan: Plan,
    sampling: Sampling,
    started: float,
    *,
    engine: dict[str, Any],
    on_answer: Callable[[Answer], None],
    on_phase: OnPhase,
) -> Read:
    """List ``source``, decide how much of it to read, and read that; ``started`` (monotonic) is
    when the time that ``sampling`` gives began.

    ``engine`` is how it is read: the arguments that a scan of all and one of a part share. This is
    all that the pipeline knows of how scans are run.
    """
    stop: threading.Event = engine["stop"]
    source = ListedOnce(source)
    partial = PartialScan(Listing(source, SamplingDesign(seed=plan.seed)), plan, **engine)
    if sampling != EVERYTHING and not partial.listing.count(stop, engine["on_progress"]):
        return Read(partial.result(), None, "listing", {})
    decision = decide(sampling, partial, started)
    on_phase("looking at samples of all the data")
    prober = _prober(source, plan, engine, stop)
    windows, every = glance(prober)
    on_answer(Answer(COMPRESSION_ONLY, compression_only(every)))

    def headline(found: Measurement) -> Quantity:
        return headline_ratio(prober.distinct(found, wanted_of_part(plan)))

    if decision.sampling:
        decision = read_towards(partial, decision, started, headline, on_answer)
    if decision.sampling or (sampling != EVERYTHING and stop.is_set()):
        data = partial.result()
    else:
        # What it knows of the files would stay in memory beside the scan.
        del partial
        data = scan(source, plan, **engine, watch=watch_of(plan, on_answer))
    is_cut = "interrupted" in data.census.skipped or (data.sampling is not None and stop.is_set())
    on_phase("compressing samples of what was read")
    if is_cut:
        # What was read is still to be answered for: a second interrupt ends that too.
        prober = _prober(source, plan, engine, threading.Event())
    data = compress(prober, replace(data, occurrences=every), windows, is_cut=is_cut)
    on_answer(Answer(COMPRESSION_ONLY, compression_only(data.occurrences or every)))
    return Read(data, decision, "reading" if is_cut else None, prober.cpu_seconds)


def _prober(source: Source, plan: Plan, engine: Mapping[str, Any], stop: threading.Event) -> Prober:
    return Prober(
        source,
        plan,
        threads=engine["threads"],
        bytes_per_second=engine["bytes_per_second"],
        stop=stop,
    )


def watch_of(plan: Plan, on_answer: Callable[[Answer], None]) -> Watch | None:
    """Tells ``on_answer`` of duplicates while everything is read, if the headline's are counted."""
    counted = [chunker for chunker in plan.chunkers if chunker.name == HEADLINE.chunker]
    if not counted:
        return None
    [chunker] = counted

    def tell(sketch: Sketch) -> None:
        answer = dedup_so_far(sketch, chunker, plan.seed)
        if answer.is_known:
            on_answer(answer)

    return Watch(chunker, tell)
