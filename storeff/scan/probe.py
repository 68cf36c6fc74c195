"""Compressing samples of what was scanned: chunks are read again, and each is compressed once."""

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from storeff.scan.columns import Compressors, Table
from storeff.scan.glance import nothing_probed, probe_windows
from storeff.scan.measurement import Measurement
from storeff.scan.occurrences import Occurrences
from storeff.scan.plan import Chunker, Plan
from storeff.scan.reread import UNREAD, Batch, Job, Rereader, Stretches, content_keys
from storeff.scan.run import Shard
from storeff.scan.sketch import Sketch
from storeff.scan.whole import probe_everything
from storeff.scan.windows import Windows, draw_windows, with_bytes
from storeff.sources.entry import Entry
from storeff.sources.skipped import Skipped
from storeff.sources.source import HOLE_BYTES, Source

U64 = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

# Of what columns so many chunks, those of lowest rank, are to be probed: by chunker and column.
Wanted = Mapping[tuple[str, str], int]


class Prober:
    """Probes what ``plan`` says of ``source``, or of a ``shard`` of it, on ``threads``, which read
    no more than ``bytes_per_second`` together.

    A ``stop`` ends probing early: what was probed by then, of the lowest ranks without a gap, is
    returned. ``cpu_seconds`` are what it took so far, by the name of a chunker, and whether it was
    per occurrence.
    """

    def __init__(
        self,
        source: Source,
        plan: Plan,
        *,
        threads: int = 1,
        bytes_per_second: float | None = None,
        stop: threading.Event | None = None,
        shard: Shard | None = None,
    ) -> None:
        self.source = source
        self.plan = plan
        self.shard = shard
        self.stop = stop or threading.Event()
        self.rereader = Rereader(source, threads, bytes_per_second, self.stop)
        self.entries: dict[int, Entry] = {}
        self.unlisted: set[int] = set()

    @property
    def cpu_seconds(self) -> Mapping[tuple[str, bool], float]:
        return self.rereader.cpu_seconds

    def count_for(self, on_progress: Callable[[int, int], None]) -> None:
        """From now on tell ``on_progress`` of how many chunks, or windows, what is wanted was read
        again, and how many these are; the latter grows with each call."""
        self.rereader.count_for(on_progress)

    @property
    def skipped(self) -> list[Skipped]:
        """What could not be read again as it was scanned, or listed, one a chunk."""
        found = self.rereader.skipped
        return sorted(found, key=lambda each: (each.path, each.reason, each.size_bytes or 0))

    def distinct(self, measurement: Measurement, wanted: Wanted) -> Measurement:
        """``measurement`` with the first ``wanted`` distinct chunks by rank of each column probed,
        or all there are. What was probed before is not probed again.

        Raises ValueError for a column that the plan does not have.
        """
        probes = [
            _Distinct(self.plan, chunker, measurement.sketches[chunker.name], counts, self._changed)
            for chunker, counts in self._by_chunker(wanted, False)
        ]
        jobs = [probe.job() for probe in probes]
        self._resolve(
            np.concatenate([job.stretches.objects for job in jobs] or [np.empty(0, np.uint64)])
        )
        self.rereader.run(jobs, self.entries)
        sketches = {probe.chunker.name: probe.result() for probe in probes}
        return replace(measurement, sketches={**measurement.sketches, **sketches})

    def draw(self) -> Windows:
        """Windows of what ``source`` lists: see storeff.scan.windows."""
        windows, skipped = draw_windows(self.source, self.plan.seed, self.shard, self.stop)
        self.rereader.skipped += skipped
        return windows

    def occurrences(
        self, windows: Windows, wanted: Wanted, so_far: Occurrences | None = None
    ) -> Occurrences:
        """What is known of the first ``wanted`` of ``windows`` by rank, and what is ``so_far``,
        which was made of the same. If they are all windows, all chunks of each column that is
        wanted at all are probed.

        Raises ValueError for a column that the plan does not have.
        """
        so_far = so_far or nothing_probed(self.plan, windows)
        probe = probe_everything if windows.tau == np.inf else probe_windows
        counts = self._by_chunker(wanted, True)
        return probe(self.plan, windows, so_far, counts, self.rereader)

    def _by_chunker(
        self, wanted: Wanted, per_occurrence: bool
    ) -> list[tuple[Chunker, dict[str, int]]]:
        by_name: defaultdict[str, dict[str, int]] = defaultdict(dict)
        for (name, column), count in wanted.items():
            if column not in self.plan.columns(name, per_occurrence):
                raise ValueError(f"{column} of {name} is not probed under this plan")
            by_name[name][column] = count
        return [(c, by_name[c.name]) for c in self.plan.chunkers if c.name in by_name]

    def _changed(self, number: int, size_bytes: int) -> None:
        """Take note of a chunk that is not what was scanned."""
        name = self.source.name(self.entries[number])
        self.rereader.skip(Skipped("changed", name, size_bytes))

    def _resolve(self, objects: U64) -> None:
        """Find the entries of ``objects`` in the listing, as far as they are not known."""
        missing = {*objects.tolist()} - self.entries.keys() - self.unlisted
        if not missing:
            return
        sought = np.array(sorted(missing), np.uint64)
        for entries in with_bytes(self.source):
            numbers = entries.numbers()
            at = np.minimum(np.searchsorted(sought, numbers), len(sought) - 1)
            rows = np.flatnonzero(sought[at] == numbers)
            found = dict(zip(numbers[rows].tolist(), entries.take(rows), strict=True))
            self.entries.update(found)
            missing -= found.keys()
            if not missing:
                break
        self.unlisted |= missing


class _Distinct:
    """The chunks of one sketch, in the order of their rank, that are to be probed."""

    def __init__(
        self,
        plan: Plan,
        chunker: Chunker,
        sketch: Sketch,
        counts: Mapping[str, int],
        on_changed: Callable[[int, int], None],
    ) -> None:
        self.plan = plan
        self.counts = counts
        self.on_changed = on_changed
        self.chunker = chunker
        self.sketch = sketch
        self.first = sketch.first_rows()
        self.ranks = sketch.ranks(plan.seed)[self.first]
        self.before = np.searchsorted(self.ranks, sketch.taus)
        wanted = np.array([counts.get(name, 0) for name in sketch.columns], np.int64)
        most = min(len(self.first), int(np.maximum(wanted, self.before).max(initial=0)))
        number = np.arange(most)[:, None]
        self.table = Table(sketch.columns, (number < wanted) & (number >= self.before))
        self.table.done[:] = number < self.before
        rows = self.first[:most]
        self.table.values[:] = sketch.probed[rows]
        self.keys, self.sizes = sketch.keys[rows], sketch.sizes[rows].astype(np.int64)
        self.objects, self.offsets = sketch.objects[rows], sketch.offsets[rows].astype(np.int64)
        fixed = [c.max_bytes for c in plan.chunkers if c.kind == "fixed"]
        if sketch.extents is None and any(c.kind == "whole" for c in plan.chunkers):
            # Whole files are chained over such blocks, which larger ones are made of as well.
            fixed.append(HOLE_BYTES)
        self.fixed_bytes = fixed

    def job(self) -> Job:
        """What is to be read."""
        self.rows = np.flatnonzero(self.table.needed.any(axis=1))
        starts = self.offsets[self.rows]
        stretches = Stretches(self.objects[self.rows], starts, self.sizes[self.rows], starts)
        return Job((self.chunker.name, False), stretches, self.use)

    def use(self, batch: Batch, compressors: Compressors) -> None:
        """Probe what was read, if it is what was scanned."""
        rows = self.rows[batch.rows]
        sizes = self.sizes[rows]
        good = batch.lengths == sizes
        read = np.flatnonzero(good)
        keys = content_keys(batch, read, self.chunker.block_bytes, self.fixed_bytes)
        good[read] = (keys == self.keys[rows[read]]).all(axis=1)
        for i in np.flatnonzero(~good & (batch.lengths != UNREAD)).tolist():
            self.on_changed(int(self.objects[rows[i]]), int(sizes[i]))
        columns = (column.tolist() for column in (good, batch.offsets, sizes))
        chunks = [
            batch.buffer[offset : offset + size] if is_good else None
            for is_good, offset, size in zip(*columns, strict=True)
        ]
        self.table.fill(rows, chunks, compressors)

    def result(self) -> Sketch:
        sketch, table = self.sketch, self.table
        taus = sketch.taus.copy()
        for column, name in enumerate(sketch.columns):
            known = table.known(column)
            if known == len(self.first) and self.counts.get(name):
                taus[column] = sketch.tau
            elif known > self.before[column]:
                taus[column] = self.ranks[known]
        rows = np.diff(self.first, append=len(sketch.keys))[: len(table.values)]
        return sketch.with_probed(table.values.repeat(rows, axis=0), taus, self.plan.seed)
