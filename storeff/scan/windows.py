"""Drawing windows of the data from its listing, before anything is read."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.scan.measurement import labels_of_roots
from storeff.scan.occurrences import WINDOW_BYTES, WINDOWS_MAX, rank_limit
from storeff.scan.run import Shard, of_shard
from storeff.scan.sampling import GOLDEN, data_extents
from storeff.sources.entry import U64, Entries, Entry
from storeff.sources.skipped import Skipped, skipped_for
from storeff.sources.source import HOLE_BYTES, Found, Source
from storeff.sources.sums import Ints, exact_sum

Floats = npt.NDArray[np.float64]

# Of the paths of the objects that windows were drawn of so many bytes are held: for more, fewer
# windows are drawn. Some are thousands of directories deep.
PATH_BYTES_HELD = 64 << 20
# A file that stores less than one byte in so many of more than SPARSE_BYTES is asked where its data
# is: of a terabyte of nothing no window need be drawn. Where less of it is missing, windows that
# fall into holes are left out.
SPARSE_RATIO = 4
SPARSE_BYTES = 1 << 20


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of the listed data: bytes [``starts``, ``starts`` + ``lengths``) (n,) of ``objects``
    by number, one random byte of each at ``points``; ``ranks``, ascending, all below ``tau``, and
    ``labels`` as in Occurrences. ``entries`` are the objects. ``data_bytes`` were listed of them.

    ``tau`` is infinite if they are all windows, few enough to look at all that is in them.
    """

    objects: U64
    starts: U64
    lengths: U64
    points: U64
    ranks: Floats
    labels: U64
    entries: Mapping[int, Entry]
    data_bytes: int
    tau: float


def with_bytes(source: Source) -> Iterator[Entries]:
    """The objects that hold bytes."""
    for found in source.list():
        if isinstance(found, Entries) and found.sizes.any():
            yield _with_bytes(found)


def _with_bytes(entries: Entries) -> Entries:
    return entries if entries.sizes.all() else entries.take(np.flatnonzero(entries.sizes))


def draw_windows(
    source: Source, seed: int, shard: Shard | None, stop: threading.Event
) -> tuple[Windows, list[Skipped]]:
    """About WINDOWS_MAX windows of the objects of ``source`` in one listing, or those of them that
    are of ``shard``; and what might have holes and cannot be looked into. After a stop, of what was
    listed by then."""
    drawing = Drawing(source, seed, shard)
    for entries in with_bytes(source):
        if stop.is_set():
            break
        drawing.add(entries)
    return drawing.windows(), drawing.skipped


class Drawing:
    """Windows of the objects so far. The more there are, the lower is ``tau``."""

    def __init__(self, source: Source, seed: int, shard: Shard | None) -> None:
        self.source = source
        self.seed = seed
        self.shard = shard
        self.tau = float("inf")
        # Of all objects, and of those of the shard.
        self.data_bytes = self.own_bytes = 0
        self.window_count = 0
        self.path_bytes = 0
        self.rows = np.empty((0, 4), np.uint64)
        self.ranks = np.empty(0)
        self.entries: dict[int, Entry] = {}
        self.skipped: list[Skipped] = []

    def add(self, found: Found) -> None:
        if not isinstance(found, Entries) or not found.sizes.any():
            return
        entries = _with_bytes(found)
        numbers, sizes = entries.numbers(), entries.sizes.astype(np.uint64)
        sparse = (entries.sizes > SPARSE_BYTES) & (
            entries.allocated < entries.sizes // SPARSE_RATIO
        )
        for i in np.flatnonzero(sparse).tolist():
            self.add_sparse(entries.part(i, i + 1), numbers[i])
        if sparse.any():
            dense = np.flatnonzero(~sparse)
            entries, numbers, sizes = entries.take(dense), numbers[dense], sizes[dense]
        self.draw(entries, np.arange(len(entries)), numbers, np.zeros_like(sizes), sizes)

    def add_sparse(self, entries: Entries, number: np.uint64) -> None:
        """Draw from the stretches of data of the only one of ``entries``."""
        entry = entries[0]
        try:
            ranges = data_extents(self.source, entry, HOLE_BYTES) * HOLE_BYTES
        except OSError as error:
            if len(of_shard(self.shard, entries)):
                self.skipped.append(skipped_for(error, self.source.name(entry), entry.size_bytes))
            return
        starts, ends = np.minimum(ranges, entry.size_bytes).astype(np.uint64).T
        rows = np.zeros(len(starts), np.int64)
        self.draw(entries, rows, np.full(len(starts), number), starts, ends - starts)

    def draw(self, entries: Entries, rows: Ints, numbers: U64, starts: U64, sizes: U64) -> None:
        """Draw from stretches of ``sizes`` (n,), from ``starts`` on, of the objects ``numbers``,
        which are in ``rows`` of ``entries``. All count; those of other shards are left to these."""
        self.data_bytes += exact_sum(sizes.astype(np.int64))
        self.window_count += exact_sum(-(-sizes.astype(np.int64) // WINDOW_BYTES))
        self.tau = min(self.tau, rank_limit(self.data_bytes, self.window_count))
        if self.shard is not None:
            own = np.flatnonzero(numbers % self.shard[1] == self.shard[0])
            rows, numbers, starts, sizes = rows[own], numbers[own], starts[own], sizes[own]
        self.own_bytes += exact_sum(sizes.astype(np.int64))
        # A stretch draws as an object of its own.
        names = numbers ^ starts * np.uint64(GOLDEN)
        found = _native.sample_windows(names, sizes, self.seed, self.tau, WINDOW_BYTES)
        of = found["index"].astype(np.intp)
        shift = starts[of]
        drawn = (numbers[of], found["start"] + shift, found["length"], found["point"] + shift)
        self.rows = np.concatenate((self.rows, np.column_stack(drawn)))
        self.ranks = np.concatenate((self.ranks, found["rank"]))
        stretches = of[np.flatnonzero(np.diff(of, prepend=-1))]
        for number, entry in zip(
            numbers[stretches].tolist(), entries.take(rows[stretches]), strict=True
        ):
            self.entries[number] = entry
            self.path_bytes += len(entry.path)
        if len(self.ranks) > 2 * WINDOWS_MAX:
            self.drop()
        while self.path_bytes > PATH_BYTES_HELD and len(self.entries) > 1:
            self.tau = min(self.tau, float(self.ranks.max()))
            self.tau /= 2
            self.drop()

    def drop(self) -> None:
        """Keep no more than what ranks below ``tau``."""
        kept = self.ranks < self.tau
        self.rows, self.ranks = self.rows[kept], self.ranks[kept]
        objects = sorted({*self.rows[:, 0].tolist()})
        self.entries = {number: self.entries[number] for number in objects}
        self.path_bytes = sum(len(entry.path) for entry in self.entries.values())

    def windows(self) -> Windows:
        self.drop()
        order = np.lexsort((self.rows[:, 1], self.rows[:, 0], self.ranks))
        objects, starts, lengths, points = (np.ascontiguousarray(c) for c in self.rows[order].T)
        _, bits = labels_of_roots(self.source.roots)
        labels = [sum(bits[r] for r in self.entries[o].roots) for o in objects.tolist()]
        return Windows(
            objects=objects,
            starts=starts,
            lengths=lengths,
            points=points,
            ranks=self.ranks[order],
            labels=np.array(labels, np.uint64),
            entries=self.entries,
            data_bytes=self.own_bytes,
            tau=self.tau,
        )
