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
from storeff.sources.entry import Entries, Entry
from storeff.sources.skipped import Skipped, skipped_for
from storeff.sources.source import HOLE_BYTES, Source

U64 = npt.NDArray[np.uint64]
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
    ``labels`` as in Occurrences. ``entries`` are the objects. ``data_bytes`` were listed.

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


def listed(source: Source) -> Iterator[Entries]:
    """The objects that hold bytes, many at a time."""
    for found in source.list():
        if isinstance(found, Entries):
            with_bytes = np.flatnonzero(found.sizes)
            if len(with_bytes):
                yield found if len(with_bytes) == len(found) else found.take(with_bytes)


def draw_windows(
    source: Source, seed: int, shard: Shard | None, stop: threading.Event
) -> tuple[Windows, list[Skipped]]:
    """About WINDOWS_MAX windows of the objects of ``source``, or of ``shard``, in one listing; and
    what might have holes and cannot be looked into. After a stop, of what was listed by then."""
    drawing = _Drawing(source, seed, shard)
    for entries in listed(source):
        if stop.is_set():
            break
        drawing.add(entries)
    return drawing.windows(), drawing.skipped


class _Drawing:
    """Windows of the objects so far. The more there are, the lower is ``tau``."""

    def __init__(self, source: Source, seed: int, shard: Shard | None) -> None:
        self.source = source
        self.seed = seed
        self.shard = shard
        self.salt: np.uint64 | None = None
        self.tau = float("inf")
        self.data_bytes = 0
        self.window_count = 0
        self.path_bytes = 0
        self.rows = np.empty((0, 4), np.uint64)
        self.ranks = np.empty(0)
        self.entries: dict[int, Entry] = {}
        self.skipped: list[Skipped] = []

    def add(self, entries: Entries) -> None:
        if self.salt is None:
            # Machines with the same files have samples of their own; shards of a source share one.
            first = b"\0".join((*sorted(self.source.roots), repr(entries[0].version).encode()))
            self.salt = np.uint64(int.from_bytes(_native.fingerprint(first)[:8], "big"))
        entries = of_shard(self.shard, entries)
        numbers = entries.numbers()
        sizes, stored = (each.astype(np.uint64) for each in (entries.sizes, entries.allocated))
        sparse = (sizes > SPARSE_BYTES) & (stored < sizes // np.uint64(SPARSE_RATIO))
        if not sparse.any():
            self.draw(entries, numbers, np.zeros_like(sizes), sizes)
            return
        at = np.flatnonzero(~sparse)
        self.draw(entries.take(at), numbers[at], np.zeros_like(sizes[at]), sizes[at])
        for i in np.flatnonzero(sparse).tolist():
            self.add_sparse(entries[i], numbers[i])

    def add_sparse(self, entry: Entry, number: np.uint64) -> None:
        """Draw from the stretches of data of ``entry``."""
        try:
            ranges = data_extents(self.source, entry, HOLE_BYTES) * HOLE_BYTES
        except OSError as error:
            self.skipped.append(skipped_for(error, self.source.name(entry), entry.size_bytes))
            return
        starts, ends = np.minimum(ranges, entry.size_bytes).astype(np.uint64).T
        same = Entries.of([entry] * len(starts))
        self.draw(same, np.full(len(starts), number), starts, ends - starts)

    def draw(self, entries: Entries, numbers: U64, starts: U64, sizes: U64) -> None:
        """Draw from stretches of ``sizes`` (n,) of the objects ``numbers``, from ``starts`` on."""
        self.data_bytes += int(sizes.sum())
        self.window_count += int((-(-sizes.astype(np.int64) // WINDOW_BYTES)).sum())
        self.tau = min(self.tau, rank_limit(self.data_bytes, self.window_count))
        assert self.salt is not None
        # A stretch draws as an object of its own.
        names = numbers ^ self.salt ^ starts * np.uint64(GOLDEN)
        found = _native.sample_windows(names, sizes, self.seed, self.tau, WINDOW_BYTES)
        of = found["index"].astype(np.intp)
        shift = starts[of]
        rows = (numbers[of], found["start"] + shift, found["length"], found["point"] + shift)
        self.rows = np.concatenate((self.rows, np.column_stack(rows)))
        self.ranks = np.concatenate((self.ranks, found["rank"]))
        drawn = np.unique(of)
        kept = entries.take(drawn)
        self.entries.update(zip(numbers[drawn].tolist(), kept, strict=True))
        self.path_bytes += int(kept.path_bytes.sum())
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
        self.entries = {
            number: self.entries[number] for number in np.unique(self.rows[:, 0]).tolist()
        }
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
            data_bytes=self.data_bytes,
            tau=self.tau,
        )
