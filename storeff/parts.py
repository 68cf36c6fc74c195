"""A scan beyond one machine: shards are measured apart, and their parts merged.

    part = storeff.measure_shard(["/data"], (0, 7))
    measured = storeff.merge({"first": part, ...})

Merged, they are what ``storeff.measure`` would have found in one go. See docs/cluster.md.
"""

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from storeff.analysis import Measured
from storeff.errors import StoreffError
from storeff.estimate import parts as estimate
from storeff.estimate.reading import NOTHING_ASKED, Sampling
from storeff.estimate.steps import OnPhase
from storeff.files import read_bounded
from storeff.kv.dumps import looks_like
from storeff.report.choice import describe_choice
from storeff.report.scanned import describe_scan
from storeff.report.sizing import shard_codes
from storeff.report.storage import Storage, plan_of
from storeff.scan.machine import THREADS_MAX, default_threads
from storeff.scan.run import Progress, Shard
from storeff.scan.scan_part import PART_BYTES_MAX, WHAT, ScanPart, Tree
from storeff.sources.named import Name, source_of
from storeff.sources.object_client import Access, Requests
from storeff.sources.source import Source
from storeff.text import escaped

__all__ = ["measure_shard", "merge", "read_part"]


def measure_shard(
    sources: Name | Iterable[Name] | Source,
    shard: Shard,
    *,
    sampling: Sampling = NOTHING_ASKED,
    table: str = "default",
    precision: float = 0.01,
    storage: Storage | None = None,
    seed: int = 1,
    threads: int | None = None,
    kernel: str | None = None,
    one_file_system: bool = False,
    exclude: Sequence[str] = (),
    follow_links: bool = False,
    access: Access | None = None,
    bytes_per_second: float | None = None,
    stop: threading.Event | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_phase: OnPhase = lambda name, done=0, wanted=0: None,
) -> ScanPart | None:
    """Measure ``shard`` (i, n) of ``sources``: those of its files whose number, a hash of the path,
    leaves i when divided by n. None if ``stop`` was set before it was finished.

    The arguments are those of ``measure``, and must be the same for all shards. Without
    ``sampling`` everything is read; an interval or a time cannot be asked for. What built-in
    layouts leave that compress below their code is measured as well as what those of ``storage``
    do. A shard takes up to 25 CPU seconds more than its share of a whole scan: see
    storeff.scan.replay.

    Raises StoreffError as ``measure`` does.
    """
    count = shard[1]
    if count < 1:
        raise StoreffError(f"there are no {count} shards", "give a number of shards of 1 or more")
    plan = plan_of(seed, False, table, precision, storage)
    links = {"one_file_system": one_file_system, "follow_links": follow_links}
    names, source = source_of(sources, access, exclude, **links)
    layouts = [
        each.layout for made in (Storage(), storage) if made is not None for each in made.scenarios
    ]
    return estimate.measure_shard(
        source,
        plan,
        (shard[0] % count, count),
        Tree.of(names, source, sampling.goals, exclude=exclude, **links),
        sampling,
        codes=shard_codes(layouts),
        engine={
            "threads": threads or min(THREADS_MAX, default_threads()),
            "kernel": kernel,
            "is_kv": looks_like,
            "bytes_per_second": bytes_per_second,
            "stop": stop or threading.Event(),
            "on_progress": on_progress,
        },
        on_phase=on_phase,
    )


def read_part(path: str | os.PathLike[str]) -> ScanPart:
    """The part in the file ``path``. Raises StoreffError if it is none."""
    path = Path(path)
    data = read_bounded(path, PART_BYTES_MAX, WHAT)
    try:
        return ScanPart.from_bytes(data)
    except StoreffError as error:
        raise StoreffError(f"{escaped(os.fspath(path))}: {error.message}", error.remedy) from error


def missing_shards(parts: Iterable[ScanPart]) -> list[str]:
    """Which shards none of ``parts`` is of, counted from 1: 3/7."""
    return [estimate.shown(shard) for shard in estimate.missing([*parts])]


def merge(parts: Mapping[str, ScanPart], *, storage: Storage | None = None) -> Measured:
    """What ``measure`` would have found in all that ``parts`` are of, by the name that errors call
    each by, in any order. Shards that are missing are skipped, with what they were listed to hold.

    What layouts of ``storage`` leave that compress below their code is known if that was measured.
    Raises StoreffError if the parts are not of one scan.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    codes = shard_codes(each.layout for each in storage.scenarios) if storage else ()
    found = estimate.merge_parts([*parts.items()], codes)
    used = {f"shards of {code}" for code in codes}
    seconds = {
        name: taken
        for name, taken in found.probe_seconds.items()
        if name[0] in used or not name[0].startswith("shards of ")
    }
    scanned = describe_scan(
        found.data,
        next(iter(parts.values())).tree.names,
        _seconds(parts.values()) + time.monotonic() - clock,
        describe_choice(found.decision, None),
        None,
        seconds,
        _requests(parts.values()),
    )
    return Measured(
        found.data, scanned, found.decision, started, None, found.shards, looks=found.looks
    )


def _requests(parts: Iterable[ScanPart]) -> Requests | None:
    """What all ``parts`` together have asked of object stores."""
    found = [part.requests for part in parts if part.requests is not None]
    return Requests(*map(sum, zip(*found, strict=True))) if found else None


def _seconds(parts: Iterable[ScanPart]) -> float:
    """From when the first of ``parts`` was begun until the last was finished."""
    begun = [(part.started, part.seconds) for part in parts if part.started is not None]
    ends = [start + timedelta(seconds=seconds) for start, seconds in begun]
    return max(0.0, (max(ends) - min(start for start, _ in begun)).total_seconds())
