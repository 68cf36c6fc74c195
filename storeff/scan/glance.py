"""Probing windows of the data before it is scanned: the chunk around a random byte of each."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from storeff import _native
from storeff.scan.columns import Compressors, Table
from storeff.scan.occurrences import Occurrences
from storeff.scan.plan import Chunker, Plan
from storeff.scan.reread import HOLE, Batch, Job, Rereader, Stretches
from storeff.scan.windows import Windows

# Content-defined cutting begins so far before the byte. It has then found the cuts of the whole
# file for all but 0.6 % of chunks of 8 KiB, and 11 % of 64 KiB; these are others of the same data,
# on average as large within 0.3 % (1,500 bytes of 256 MiB of programs, 2026-11-26).
LEAD_BYTES = 256 << 10

# A chunker, and how many windows of each column are to be probed.
Counts = Sequence[tuple[Chunker, Mapping[str, int]]]


def nothing_probed(plan: Plan, windows: Windows) -> Occurrences:
    """What is known of ``windows`` before any is looked at."""
    columns, none = plan.occurrence_columns, np.empty(0, np.uint64)
    return Occurrences(
        columns=columns,
        data_bytes=windows.data_bytes,
        tau=windows.tau,
        taus=np.zeros(len(columns)),
        objects=none,
        starts=none,
        lengths=none,
        ranks=np.empty(0),
        labels=none,
        sizes=np.empty((0, len(columns)), np.uint32),
        probed=np.empty((0, len(columns)), np.uint32),
        hole_ranks=np.empty(0),
        hole_lengths=none,
    )


def probe_windows(
    plan: Plan, windows: Windows, so_far: Occurrences, counts: Counts, rereader: Rereader
) -> Occurrences:
    """``so_far`` with the first windows by rank of each column probed, as many as ``counts``."""
    known = _Known(windows, so_far)
    probes = []
    for chunker, wanted in counts:
        at = [i for i, (name, _) in enumerate(so_far.columns) if name == chunker.name]
        names = [so_far.columns[i][1] for i in at]
        probes.append(_Around(plan, chunker, windows, known, at, names, wanted))
    rereader.run([probe.job() for probe in probes], windows.entries)
    for probe in probes:
        probe.add_to(known)
    return known.occurrences(so_far)


class _Known:
    """What is known of windows, a row each: ``sizes`` and ``values`` as in Occurrences, whether the
    byte of one is in a hole, and by column how many, the first ones, are probed."""

    def __init__(self, windows: Windows, so_far: Occurrences) -> None:
        self.windows = windows
        shape = len(windows.ranks), len(so_far.columns)
        self.sizes, self.values = np.zeros(shape, np.uint32), np.zeros(shape, np.uint32)
        self.taus = so_far.taus.copy()
        self.probed = np.searchsorted(windows.ranks, so_far.taus)
        self.is_hole = np.isin(windows.ranks, so_far.hole_ranks)
        # The rows of so_far are windows in the same order, without those in holes.
        rows = np.flatnonzero(~self.is_hole)[: len(so_far.ranks)]
        self.sizes[rows], self.values[rows] = so_far.sizes, so_far.probed

    def occurrences(self, so_far: Occurrences) -> Occurrences:
        w, data, holes = self.windows, ~self.is_hole, self.is_hole
        return replace(
            so_far,
            taus=self.taus,
            objects=w.objects[data],
            starts=w.starts[data],
            lengths=w.lengths[data],
            ranks=w.ranks[data],
            labels=w.labels[data],
            sizes=self.sizes[data],
            probed=self.values[data],
            hole_ranks=w.ranks[holes],
            hole_lengths=w.lengths[holes],
        ).in_order()


class _Around:
    """The chunks of ``chunker`` around the random bytes of windows."""

    def __init__(
        self,
        plan: Plan,
        chunker: Chunker,
        windows: Windows,
        known: _Known,
        at: Sequence[int],
        names: Sequence[str],
        counts: Mapping[str, int],
    ) -> None:
        self.plan = plan
        self.chunker = chunker
        self.windows = windows
        self.at = at
        self.counts = [counts.get(name, 0) for name in names]
        self.before = known.probed[at]
        most = min(len(windows.ranks), max([*self.counts, *self.before.tolist()], default=0))
        number = np.arange(most)[:, None]
        self.table = Table(names, (number < self.counts) & (number >= self.before))
        self.table.done[:] = number < self.before
        self.table.values[:] = known.values[:most, at]
        self.sizes = known.sizes[:most, at].max(axis=1, initial=0)
        self.is_hole = known.is_hole[:most].copy()
        self.points = windows.points[:most].astype(np.int64)
        # What is known to be a hole need not be looked at again.
        self.table.done |= self.is_hole[:, None] & self.table.needed
        self.table.needed[self.is_hole] = False
        self.rows = np.flatnonzero(self.table.needed.any(axis=1))

    def job(self) -> Job:
        """What is to be read: blocks, or what content-defined chunks are cut from."""
        objects, points = self.windows.objects[self.rows], self.points[self.rows]
        entries = self.windows.entries
        ends = np.array([entries[number].size_bytes for number in objects.tolist()], np.int64)
        max_bytes, part_bytes = self.chunker.max_bytes, self.plan.part_bytes
        if self.chunker.kind == "fixed":
            starts = points // max_bytes * max_bytes
            ends = np.minimum(ends, starts + max_bytes)
        else:
            part_starts = points // part_bytes * part_bytes
            starts = np.maximum(part_starts, points - LEAD_BYTES)
            ends = np.minimum.reduce([ends, part_starts + part_bytes, points + max_bytes])
        stretches = Stretches(objects, starts, ends - starts, points)
        return Job((self.chunker.name, True), stretches, self.use)

    def use(self, batch: Batch, compressors: Compressors) -> None:
        """Find the chunks in what was read, and probe them."""
        rows = self.rows[batch.rows]
        self.is_hole[rows[batch.lengths == HOLE]] = True
        chunks: list[memoryview | None] = []
        sizes = np.zeros(len(rows), np.int64)
        columns = batch.begins, batch.offsets, batch.lengths, self.points[rows]
        for i, (begin, offset, length, point) in enumerate(
            zip(*(c.tolist() for c in columns), strict=True)
        ):
            if length <= 0:
                chunks.append(None)
                continue
            read = batch.buffer[offset : offset + length]
            start, size = 0, length
            if self.chunker.kind != "fixed":
                start, size = chunk_around(read, point - begin, self.chunker)
            chunks.append(read[start : start + size])
            sizes[i] = size
        self.sizes[rows] = np.maximum(self.sizes[rows], sizes)
        self.table.fill(rows, chunks, compressors)

    def add_to(self, known: _Known) -> None:
        """Take over what was found."""
        most = len(self.points)
        known.is_hole[:most] |= self.is_hole
        known.values[:most, self.at] = self.table.values
        known.sizes[:most, self.at] = self.sizes[:, None]
        for column, at in enumerate(self.at):
            reached = self.table.known(column)
            if reached == len(known.windows.ranks) and self.counts[column]:
                known.taus[at] = known.windows.tau
            elif reached > self.before[column]:
                known.taus[at] = known.windows.ranks[reached]


def chunk_around(data: memoryview, at: int, chunker: Chunker) -> tuple[int, int]:
    """Where in ``data`` the content-defined chunk begins that its byte ``at`` is in, and its
    length. A constant run is cut into chunks of max_bytes."""
    cuts = _native.cut(data, chunker.min_bytes, chunker.max_bytes, _native.kernels()[0])
    index = int(np.searchsorted(cuts[:, 0], at, side="right")) - 1
    start, length, is_run = cuts[index].tolist()
    if is_run:
        before = (at - start) // chunker.max_bytes * chunker.max_bytes
        start, length = start + before, min(length - before, chunker.max_bytes)
    return start, length
