"""Compressing all of a little data: every chunk of every cutting, each once."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.scan.columns import Compressors, Table
from storeff.scan.glance import Counts
from storeff.scan.occurrences import Occurrences
from storeff.scan.plan import Chunker, Plan
from storeff.scan.reread import Batch, Job, Rereader, Stretches
from storeff.scan.windows import Windows
from storeff.sources.entry import Entry
from storeff.sources.skipped import skipped_for
from storeff.sources.source import HOLE_BYTES

Ints = npt.NDArray[np.int64]
U32 = npt.NDArray[np.uint32]
U64 = npt.NDArray[np.uint64]


def probe_everything(
    plan: Plan, windows: Windows, so_far: Occurrences, counts: Counts, rereader: Rereader
) -> Occurrences:
    """All chunks of the columns that ``counts`` name, and what is ``so_far``; nothing new after a
    stop. ``windows`` are all there are, and become rows as in a sample, so that this merges with
    one."""
    asked = {(chunker.name, c) for chunker, wanted in counts for c, n in wanted.items() if n}
    exact = {c for i, c in enumerate(so_far.columns) if so_far.is_exact(i)}
    if asked <= exact:
        return so_far
    columns = [i for i, c in enumerate(so_far.columns) if c in asked | exact]
    stretches, unread = _stretches(plan, windows.entries, rereader)
    labels = dict(zip(windows.objects.tolist(), windows.labels.tolist(), strict=True))
    chunkers = {c.name: c for c in plan.chunkers}
    named: dict[str, list[int]] = {}
    for i in columns:
        named.setdefault(so_far.columns[i][0], []).append(i)
    every = [
        _Every(chunkers[name], [so_far.columns[i][1] for i in at], stretches, at)
        for name, at in named.items()
    ]
    rereader.run([each.job() for each in every], windows.entries)
    if not all(each.is_done for each in every):
        return so_far
    unread.update(*(each.unread for each in every))
    taus = so_far.taus.copy()
    taus[columns] = np.inf
    parts = [each.chunks(len(so_far.columns)) for each in every]
    points = [_around_points(part, windows) for part in parts]
    sizes, values = (np.maximum.reduce([p[k] for p in points]) for k in (0, 1))
    is_unread = np.isin(windows.objects, np.array(sorted(unread), np.uint64))
    data = sizes.any(axis=1) | is_unread
    objects, starts, lengths, of_chunks, values_of_chunks = _united(parts)
    return replace(
        so_far,
        taus=taus,
        objects=np.concatenate((windows.objects[data], objects)),
        starts=np.concatenate((windows.starts[data], starts)),
        lengths=np.concatenate((windows.lengths[data], lengths)),
        ranks=np.concatenate((windows.ranks[data], np.full(len(objects), np.inf))),
        labels=np.concatenate(
            (windows.labels[data], np.array([labels[o] for o in objects.tolist()], np.uint64))
        ),
        sizes=np.concatenate((sizes[data], of_chunks)),
        probed=np.concatenate((values[data], values_of_chunks)),
        hole_ranks=windows.ranks[~data],
        hole_lengths=windows.lengths[~data],
    ).in_order()


def _stretches(
    plan: Plan, entries: Mapping[int, Entry], rereader: Rereader
) -> tuple[Stretches, set[int]]:
    """The stretches of data of ``entries`` that a scan cuts by themselves: between holes, and
    within a part; and the objects that cannot be looked into."""
    rows: list[tuple[int, int, int]] = []
    unread: set[int] = set()
    for number, entry in sorted(entries.items()):
        size_bytes = entry.size_bytes
        if size_bytes < HOLE_BYTES:
            rows.append((number, 0, size_bytes))
            continue
        try:
            with rereader.source.open(entry) as reader:
                for at, length, is_hole in reader.segments(0, size_bytes):
                    if not is_hole:
                        parts = _in_parts(at, at + length, plan.part_bytes)
                        rows += [(number, start, end - start) for start, end in parts]
        except OSError as error:
            rereader.skip(skipped_for(error, rereader.source.name(entry), size_bytes))
            unread.add(number)
    objects = np.array([row[0] for row in rows], np.uint64)
    starts, lengths = (np.array([row[i] for row in rows], np.int64) for i in (1, 2))
    return Stretches(objects, starts, lengths, starts), unread


def _in_parts(start: int, end: int, part_bytes: int) -> Iterator[tuple[int, int]]:
    """Bytes [start, end), as they lie in parts."""
    while start < end:
        until = min(end, (start // part_bytes + 1) * part_bytes)
        yield start, until
        start = until


# Of chunks (m,): their objects, starts and lengths, and (m, columns) sizes and values.
Chunks = tuple[U64, U64, U64, U32, U32]


class _Every:
    """All chunks of ``chunker`` in ``stretches``, whose columns ``names`` stand at ``at``."""

    def __init__(
        self, chunker: Chunker, names: Sequence[str], stretches: Stretches, at: Sequence[int]
    ) -> None:
        self.chunker = chunker
        self.names = names
        self.stretches = stretches
        self.at = at
        self.found: list[tuple[U64, U64, U64, U32]] = []
        self.unread: set[int] = set()
        self.done: list[int] = []

    @property
    def is_done(self) -> bool:
        return sum(self.done) == len(self.stretches.starts)

    def job(self) -> Job:
        return Job((self.chunker.name, True), self.stretches, self.use)

    def use(self, batch: Batch, compressors: Compressors) -> None:
        """Cut and probe what was read."""
        objects, lengths = self.stretches.objects[batch.rows], self.stretches.lengths[batch.rows]
        good = batch.lengths == lengths
        self.unread.update(objects[~good].tolist())
        cuts = [
            self.cut(batch.buffer[offset : offset + length]) + np.array((offset, 0))
            for offset, length in zip(
                batch.offsets[good].tolist(), lengths[good].tolist(), strict=True
            )
        ]
        self.done.append(len(good))
        if not cuts:
            return
        counts = [len(each) for each in cuts]
        offsets, sizes = np.concatenate(cuts).T
        bounds = list(zip(offsets.tolist(), sizes.tolist(), strict=True))
        chunks = [batch.buffer[offset : offset + size] for offset, size in bounds]
        table = Table(self.names, np.ones((len(chunks), len(self.names)), bool))
        table.fill(np.arange(len(chunks)), chunks, compressors)
        starts = offsets + (batch.begins - batch.offsets)[good].repeat(counts)
        columns = objects[good].repeat(counts), starts.astype(np.uint64), sizes.astype(np.uint64)
        self.found.append((*columns, table.values))

    def cut(self, data: memoryview) -> Ints:
        """(k, 2) offset and length of each chunk. A constant run is many."""
        max_bytes = self.chunker.max_bytes
        if self.chunker.kind == "fixed":
            cuts = np.array([(0, len(data), 1)])
        else:
            cuts = _native.cut(data, self.chunker.min_bytes, max_bytes, _native.kernels()[0])
        counts = np.where(cuts[:, 2] > 0, -(-cuts[:, 1] // max_bytes), 1)
        within = np.arange(counts.sum()) - (np.cumsum(counts) - counts).repeat(counts)
        starts = cuts[:, 0].repeat(counts) + within * max_bytes
        ends = np.minimum(starts + max_bytes, (cuts[:, 0] + cuts[:, 1]).repeat(counts))
        return np.column_stack((starts, ends - starts))

    def chunks(self, columns: int) -> Chunks:
        """All that were found, by object and start."""
        if not self.found:
            none, no_values = np.empty(0, np.uint64), np.empty((0, columns), np.uint32)
            return none, none, none, no_values, no_values
        objects, starts, lengths, found = map(np.concatenate, zip(*self.found, strict=True))
        order = np.lexsort((starts, objects))
        sizes, values = (np.zeros((len(order), columns), np.uint32) for _ in range(2))
        sizes[:, self.at] = lengths[order, None]
        values[:, self.at] = found[order]
        return objects[order], starts[order], lengths[order], sizes, values


def _united(parts: Sequence[Chunks]) -> Chunks:
    """The chunks of all chunkers, with those that several cut alike as one."""
    objects, starts, lengths, sizes, values = map(np.concatenate, zip(*parts, strict=True))
    order = np.lexsort((lengths, starts, objects))
    where = np.column_stack((objects, starts, lengths))[order]
    new = np.ones(len(order), bool)
    new[1:] = (where[1:] != where[:-1]).any(axis=1)
    first = np.flatnonzero(new)
    if not len(first):
        return parts[0]
    united = (np.maximum.reduceat(each[order], first, axis=0) for each in (sizes, values))
    return (*where[first].T, *united)


def _around_points(chunks: Chunks, windows: Windows) -> tuple[U32, U32]:
    """Sizes and values of the chunks around the random bytes of ``windows``; 0 where there is none,
    in a hole."""
    objects, starts, lengths, *of_chunks = chunks
    count = len(objects)
    order = np.lexsort(
        (
            np.arange(count + len(windows.points)) >= count,
            np.concatenate((starts, windows.points)),
            np.concatenate((objects, windows.objects)),
        )
    )
    # In this order, the chunk that begins last before a point.
    last = np.empty(len(order), np.intp)
    last[order] = np.maximum.accumulate(np.where(order < count, order, -1))
    chunk = last[count:]
    covers = chunk >= 0
    if count:
        covers &= objects[chunk] == windows.objects
        covers &= windows.points < starts[chunk] + lengths[chunk]
    found = tuple(np.zeros((len(chunk), each.shape[1]), np.uint32) for each in of_chunks)
    for made, each in zip(found, of_chunks, strict=True):
        made[covers] = each[chunk[covers]]
    sizes, values = found
    return sizes, values
