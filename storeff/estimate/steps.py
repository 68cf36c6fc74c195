"""The steps of a measurement: list, decide how much to read, read that."""

import threading
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, Protocol

from storeff.estimate.answer import Answer, dedup_so_far
from storeff.estimate.reading import EVERYTHING, Decision, Sampling, decide, read_towards
from storeff.scan.listing import Listing
from storeff.scan.measurement import Measurement
from storeff.scan.partial import PartialScan
from storeff.scan.plan import HEADLINE, Plan
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
    and what an interrupt cut short."""

    data: Measurement
    decision: Decision | None
    interrupted: Interrupted | None


def read(
    source: Source,
    plan: Plan,
    sampling: Sampling,
    started: float,
    *,
    engine: dict[str, Any],
    on_answer: Callable[[Answer], None],
) -> Read:
    """List ``source``, decide how much of it to read, and read that; ``started`` (monotonic) is
    when the time that ``sampling`` gives began.

    ``engine`` is how it is read: the arguments that a scan of all and one of a part share. This is
    all that the pipeline knows of how scans are run.
    """
    stop: threading.Event = engine["stop"]
    if sampling != EVERYTHING:
        source = ListedOnce(source)
    partial = PartialScan(Listing(source, SamplingDesign(seed=plan.seed)), plan, **engine)
    if sampling != EVERYTHING and not partial.listing.count(stop, engine["on_progress"]):
        return Read(partial.result(), None, "listing")
    decision = decide(sampling, partial, started)
    if decision.sampling:
        decision = read_towards(partial, decision, started, on_answer)
    if decision.sampling or (sampling != EVERYTHING and stop.is_set()):
        return Read(partial.result(), decision, "reading" if stop.is_set() else None)
    # What it knows of the files would stay in memory beside the scan.
    del partial
    data = scan(source, plan, **engine, watch=watch_of(plan, on_answer))
    return Read(data, decision, "reading" if "interrupted" in data.census.skipped else None)


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
