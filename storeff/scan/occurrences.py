"""What compression alone leaves: a sample of all the data, as often as it occurs.

Windows of the data are drawn from the listing by a random rank, whatever is in them, and one
random byte in each. The chunk around that byte, of every cutting, is compressed. So a chunk is met
as often as its bytes are, with no need to read anything else: 100 GB are looked at in the time of
1 GB.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from storeff.scan.sketch import moved

U64 = npt.NDArray[np.uint64]
U32 = npt.NDArray[np.uint32]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

WINDOW_BYTES = 64 << 10
# About how many windows are drawn. +-1 % took up to 4,000 chunks of six corpora (2026-11-25).
WINDOWS_MAX = 1 << 14
# So little data is compressed whole: 0.2 s for the default table (2026-11-26).
EXACT_BYTES = 16 << 20


def rank_limit(data_bytes: int, windows: int) -> float:
    """The rank below which those of ``windows`` in ``data_bytes`` are drawn: infinite if these are
    so few that all chunks are compressed. It falls with both."""
    if data_bytes <= EXACT_BYTES and windows <= WINDOWS_MAX:
        return math.inf
    return WINDOWS_MAX / data_bytes


@dataclass(frozen=True, eq=False)
class Occurrences:
    """Windows of the data, and what was probed of the chunks around a random byte of each.

    ``columns`` (c,) are pairs of a chunker and what is probed. ``data_bytes`` are the listed bytes
    that windows were drawn from. A row is a window: ``objects``, ``starts`` and ``lengths`` (n,)
    say where it is, ``labels`` (n,) which roots it belongs to, as in a Sketch, but no content
    class.
    ``sizes`` and ``probed`` (n, c) are the bytes of the chunk, and what was probed of it; 0 if it
    could not be read. A window of ``ranks`` (n,), ascending, was drawn with probability
    min(1, length x tau). Every one that ranks below ``taus`` (c,) was probed for that column; from
    there on all is 0. There are rows below the highest of ``taus`` only.
    Windows whose byte is in a hole are no rows: ``hole_ranks`` and ``hole_lengths`` (h,).

    Where ``tau`` is infinite all windows were drawn. Then rows of infinite rank follow: all chunks
    of each column whose tau is infinite as well, each once, where it is. Their ``sizes`` are 0 in
    the columns of other chunkers.
    """

    columns: tuple[tuple[str, str], ...]
    data_bytes: int
    tau: float
    taus: Floats
    objects: U64
    starts: U64
    lengths: U64
    ranks: Floats
    labels: U64
    sizes: U32
    probed: U32
    hole_ranks: Floats
    hole_lengths: U64

    def is_exact(self, column: int) -> bool:
        """Whether all chunks of ``column`` are here."""
        return bool(self.taus[column] == np.inf)

    def rows(self, column: int) -> Bools:
        """(n,) the rows that tell of ``column`` and could be read: windows, or all its chunks."""
        here: Bools = self.probed[:, column] > 0
        here &= np.isinf(self.ranks) if self.is_exact(column) else self.ranks < self.taus[column]
        return here

    def merge(self, other: "Occurrences") -> "Occurrences":
        """What drawing from the objects of both, which are of different sources or shards and have
        the same columns, would give, with as many windows probed as both have."""
        assert self.columns == other.columns
        data_bytes = self.data_bytes + other.data_bytes
        tau = min(self.tau, other.tau)
        if math.isinf(tau):
            windows = sum(
                int(np.count_nonzero(np.isfinite(each.ranks))) + len(each.hole_ranks)
                for each in (self, other)
            )
            tau = rank_limit(data_bytes, windows)
        else:
            tau = min(tau, WINDOWS_MAX / data_bytes)
        rows = ("objects", "starts", "lengths", "ranks", "labels", "sizes", "probed")
        both = {
            name: np.concatenate((getattr(self, name), getattr(other, name)))
            for name in (*rows, "hole_ranks", "hole_lengths")
        }
        return Occurrences(
            columns=self.columns,
            data_bytes=data_bytes,
            tau=tau,
            taus=np.minimum(np.minimum(self.taus, other.taus), tau),
            **both,
        ).in_order()

    def below(self, taus: Floats) -> "Occurrences":
        """This as if no more had been probed than what ranks below ``taus``."""
        return replace(self, taus=np.minimum(self.taus, taus)).in_order()

    def with_labels_moved(self, moves: Mapping[int, int | None]) -> "Occurrences":
        """With each bit that ``moves`` names at its new place in ``labels``; None drops it."""
        return replace(self, labels=moved(self.labels, moves))

    def in_order(self) -> "Occurrences":
        """The same in canonical form, whatever the order of the rows, and without what is not below
        ``taus``."""
        # What is at an infinite rank stays while all is exact.
        limit = self.taus.max(initial=0.0)
        kept = np.flatnonzero((self.ranks < limit) | (limit == np.inf))
        where = self.lengths, self.starts, self.objects, self.ranks
        order = kept[np.lexsort([column[kept] for column in where])]
        if not np.logical_or.reduce([c[order[1:]] != c[order[:-1]] for c in where]).all():
            # Other sources may have objects of the same names.
            columns = *self.probed.T, *self.sizes.T, self.labels, *where
            order = kept[np.lexsort([column[kept] for column in columns])]
        known = (self.ranks[order, None] < self.taus) | (self.taus == np.inf)
        holes = np.lexsort((self.hole_lengths, self.hole_ranks))
        holes = holes[self.hole_ranks[holes] < limit]
        return replace(
            self,
            objects=self.objects[order],
            starts=self.starts[order],
            lengths=self.lengths[order],
            ranks=self.ranks[order],
            labels=self.labels[order],
            sizes=self.sizes[order] * known,
            probed=self.probed[order] * known,
            hole_ranks=self.hole_ranks[holes],
            hole_lengths=self.hole_lengths[holes],
        )
