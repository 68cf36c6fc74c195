"""What a scan would take, before it is made: ``storeff.foresee``."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from storeff.estimate.reading import EVERYTHING, NOTHING_ASKED, Sampling
from storeff.report.foreseen import Foreseen, foreseen
from storeff.report.storage import Storage, plan_of
from storeff.scan.machine import THREADS_MAX, default_threads
from storeff.scan.run import Progress
from storeff.sources.named import Name, source_of
from storeff.sources.source import Source


def foresee(
    sources: Name | Iterable[Name] | Source,
    *,
    sampling: Sampling = NOTHING_ASKED,
    table: str = "default",
    precision: float = 0.01,
    storage: Storage | None = None,
    similarity: bool = False,
    seed: int = 1,
    stop: threading.Event | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    **reading: Any,
) -> Foreseen:
    """What ``measure`` would read of the same, how long it would take, and what a cloud asks for
    it. Nothing is read but the listing, and for a second or two some data, to see how fast that is.

    ``reading`` are further arguments of ``measure``. Raises StoreffError and UsageError as that.
    """
    sampling = EVERYTHING if similarity else sampling
    plan = plan_of(seed, similarity, table, precision, storage)
    names, source = source_of(
        sources,
        reading.pop("access", None),
        reading.pop("exclude", ()),
        **{name: reading.pop(name, False) for name in ("one_file_system", "follow_links")},
    )
    # Neither where it runs nor what is made of samples afterwards is looked at.
    for name in ("executor", "checkpoint", "resume", "rewrites"):
        reading.pop(name, None)
    reading["threads"] = reading.get("threads") or min(THREADS_MAX, default_threads())
    prices = storage.files.get("requests") if storage else None
    limits = {**reading, "stop": stop or threading.Event(), "on_progress": on_progress}
    return foreseen(names, source, plan, sampling, prices, **limits)
