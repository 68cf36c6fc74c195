"""A full scan as tasks: each a shard of it, which any process may measure, at any time, twice.

A task is a function of the plan, the source, the objects of one shard and their versions, and gives
a measurement. Merging these is idempotent, so a task may run again, here or elsewhere.

The source is listed once, by whoever hands out the tasks, and each is sent the entries that it is
to read. To list it in every task would be as many listings as there are tasks, most of the work for
small files; and to make tasks of directories would leave them as unequal as directories are, and a
bucket has none. An entry is some 100 bytes; of very many objects only those of some tasks are held
at a time, and the source is listed again for the next.
"""

import random
import threading
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from typing import Protocol, Self

import numpy as np

from storeff.scan.measurement import Measurement, merged
from storeff.scan.plan import Plan
from storeff.scan.run import Progress, Shard, scan
from storeff.scan.sketch import Limits
from storeff.sources.census import Census
from storeff.sources.content import Recogniser
from storeff.sources.entry import Entries, Entry
from storeff.sources.object_client import Requests, meter_of
from storeff.sources.source import Found, Ranges, RangesRead, Reader, Source

# What a task reads where there is much: seconds of work, beside which handing it out and merging
# what it has found costs little (bench/results/2026-11-27-executors.json).
TASK_BYTES, TASK_FILES = 16 << 30, 100_000
# Where there is less, all workers still get some, so that few are idle at the end, but of no fewer
# bytes or files than these: a second of work.
LEAST_BYTES, LEAST_FILES = 2 << 30, 50_000
TASKS_PER_SLOT = 4
# More would be more to merge, each up to 30 MB.
TASKS_MOST = 4096
# With fewer a kill would lose much of what a checkpoint is for, where reading is slow.
KEPT_LEAST = 8
# Of a listing so much is held, about ten million files; and so many are looked at together.
HELD_BYTES = 1 << 30
ROWS_TOGETHER = 1 << 18
# Into so many a task is split that cannot be measured.
SPLIT = 8


# The binary form of what was measured, and what was asked of object stores.
Done = tuple[bytes, Requests | None]


class Portion:
    """Some objects of ``source``, as a source of its own."""

    def __init__(self, source: Source, entries: Entries) -> None:
        self.source = source
        self.entries = entries

    @property
    def roots(self) -> Sequence[bytes]:
        return self.source.roots

    def list(self) -> Iterator[Found]:
        if len(self.entries):
            yield self.entries

    def open(self, entry: Entry) -> AbstractContextManager[Reader]:
        return self.source.open(entry)

    def read_ranges(self, ranges: Ranges, buffer: memoryview) -> RangesRead:
        return self.source.read_ranges(ranges, buffer)

    def read_beside(self, entry: Entry, relative: bytes, bytes_max: int) -> bytes | None:
        return self.source.read_beside(entry, relative, bytes_max)

    def name(self, entry: Entry) -> bytes:
        return self.source.name(entry)


class AnyTask(Protocol):
    """Some work on the ``entries`` of ``source`` that may be done anywhere, and again. No two that
    are not the same have one ``key``."""

    @property
    def key(self) -> Hashable: ...
    @property
    def source(self) -> Source: ...
    @property
    def entries(self) -> Entries: ...
    @property
    def together(self) -> int: ...
    @property
    def is_one_object(self) -> bool: ...

    def measure(self) -> Measurement:
        """What was found."""

    def split(self) -> "list[Self]":
        """The same work in several tasks, if it is of several objects."""

    def among(self, together: int) -> "Self":
        """This, for so many tasks that run together."""


@dataclass(frozen=True, eq=False)
class Task:
    """``shard`` of a scan of ``source`` under ``plan``, whose objects are ``entries``. The rest is
    as for ``scan``; so many tasks run ``together``, and share what may be read and asked in a
    second. What it gives is to be merged with what ``limits`` are of. It can be sent to
    another process."""

    source: Source
    plan: Plan
    shard: Shard
    entries: Entries
    kernel: str | None = None
    is_kv: Recogniser | None = None
    bytes_per_second: float | None = None
    together: int = 1
    limits: Limits = field(default_factory=dict)

    @property
    def key(self) -> Shard:
        return self.shard

    @property
    def is_one_object(self) -> bool:
        return len(self.entries) == 1

    def among(self, together: int) -> "Task":
        return replace(self, together=together)

    def measure(
        self,
        threads: int = 1,
        stop: threading.Event | None = None,
        on_progress: Callable[[Progress], None] = lambda progress: None,
    ) -> Measurement:
        """What the objects hold."""
        return scan(
            Portion(self.source, self.entries),
            self.plan,
            threads=threads,
            kernel=self.kernel,
            is_kv=self.is_kv,
            bytes_per_second=self.bytes_per_second and self.bytes_per_second / self.together,
            stop=stop,
            on_progress=on_progress,
            shard=self.shard,
            limits=self.limits,
        )

    def split(self) -> list["Task"]:
        """The same objects in several tasks, if they are several."""
        i, count = self.shard
        parts = []
        for k in range(SPLIT):
            shard = i + k * count, SPLIT * count
            rows = np.flatnonzero(self.entries.numbers() % np.uint64(shard[1]) == shard[0])
            if len(rows):
                parts.append(replace(self, shard=shard, entries=self.entries.take(rows)))
        return parts


def measured(task: AnyTask) -> Done:
    """What a worker does with ``task``. What it asked of object stores is None if who has sent the
    task counts that too."""
    meter = meter_of(task.source)
    if meter is None or not meter.is_sent:
        return task.measure().to_bytes(), None
    if meter.requests_per_second is not None:
        meter.requests_per_second /= task.together
    return task.measure().to_bytes(), meter.asked


def united(every: Sequence[Done]) -> list[Done]:
    """What several tasks have given, as if it were of one."""
    asked = [each for _, each in every if each is not None]
    total = Requests(*map(sum, zip(*asked, strict=True))) if asked else None
    return [(merged(Measurement.from_bytes(found) for found, _ in every).to_bytes(), total)]


def count_of(census: Census, slots: int = 1, *, is_kept: bool = False) -> int:
    """Into how many tasks a scan of so much is divided, of which so many can run at a time. What is
    done is in a checkpoint if it ``is_kept``."""
    needed, useful = (
        max(census.size_bytes // size_bytes, census.files // files) + 1
        for size_bytes, files in ((TASK_BYTES, TASK_FILES), (LEAST_BYTES, LEAST_FILES))
    )
    if useful > slots:
        # As many for each.
        useful -= useful % slots
    least = KEPT_LEAST if is_kept else 1
    return min(TASKS_MOST, max(least, needed, min(useful, TASKS_PER_SLOT * slots)))


def portions(
    source: Source, count: int, wanted: Sequence[Shard], listing_bytes: int
) -> Iterator[tuple[Shard, Entries]]:
    """The objects of each of the ``wanted`` of ``count`` shards, but of those that have none, in
    that order. ``listing_bytes`` are what all entries take in memory: where that is too much the
    source is listed several times."""
    together = max(1, count * HELD_BYTES // max(1, listing_bytes))
    for first in range(0, len(wanted), together):
        some = wanted[first : first + together]
        held: dict[int, list[Entries]] = {i: [] for i, _ in some}
        for entries in _batches(source):
            of_rows = (entries.numbers() % np.uint64(count)).astype(np.int64)
            order = np.argsort(of_rows, kind="stable")
            bounds = np.flatnonzero(np.diff(of_rows[order])) + 1
            for rows in np.split(order, bounds):
                if len(rows) and (shard := int(of_rows[rows[0]])) in held:
                    held[shard].append(entries.take(rows))
        for i, _ in some:
            parts = held.pop(i)
            if parts:
                yield (i, count), Entries.joined(parts)


def _batches(source: Source) -> Iterator[Entries]:
    """The objects of ``source``, many at a time."""
    held: list[Entries] = []
    rows = 0
    for some in source.list():
        if isinstance(some, Entries) and len(some):
            held.append(some)
            rows += len(some)
            if rows >= ROWS_TOGETHER:
                yield Entries.joined(held)
                held, rows = [], 0
    if held:
        yield Entries.joined(held)


def in_random_order(count: int, seed: int) -> list[Shard]:
    """All of ``count`` shards: whatever is done of them by a time is a sample of all."""
    shards = [(i, count) for i in range(count)]
    random.Random(seed).shuffle(shards)
    return shards
