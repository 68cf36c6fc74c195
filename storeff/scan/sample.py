"""What a partial scan knows of the extents that it read, and of those that it did not."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from storeff.scan.sampling import SamplingDesign, Totals
from storeff.scan.sketch import moved

U64 = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# Extents of which a row each is held until they are added up by rank.
ROWS_HELD = 1 << 16


class ExtentRows(NamedTuple):
    """Extents (n,): ranks, labels, bytes of data and in holes, listed bytes, those once, bits of
    the sizes of their files."""

    ranks: Floats
    labels: U64
    data: U64
    holes: U64
    listed: U64
    once: U64
    exponents: Ints


@dataclass(frozen=True, eq=False)
class Sample:
    """A partial scan at ``rate``: every extent that ranks below it was read, if it could be.

    ``goal_rate`` is how far it was to read, unless the time given to it ended before; if a stop
    ended it before, it was ``interrupted``.
    Of what the census counts, ``skipped_bytes`` are in extents that are known to be in holes, and
    ``unopened_bytes`` in files of which it cannot be told whether they have some. Neither were to
    be read, and nothing else here is about them: ``totals`` is what the listing says of all other
    extents. A row per sampling rank: ``ranks`` (m,), ascending; ``exponents`` (m,), the bits of the
    size of the files read there; ``listed`` (m,) bytes of the extents; ``once`` (m,) as in Extent.
    A row per rank and labels: ``at`` (r,) the row of the rank; ``labels`` (r,) as in a Sketch;
    ``data`` (r,) bytes read and ``holes`` (r,) bytes.
    """

    design: SamplingDesign
    rate: float
    goal_rate: float
    interrupted: bool
    skipped_bytes: int
    unopened_bytes: int
    totals: Totals
    ranks: Floats
    exponents: Ints
    listed: U64
    once: U64
    at: npt.NDArray[np.intp]
    labels: U64
    data: U64
    holes: U64

    def observed(self, labels: int) -> npt.NDArray[np.bool_]:
        """(r,) whether a row has any of ``labels``, a bit set."""
        observed: npt.NDArray[np.bool_] = (self.labels & np.uint64(labels)) != 0
        return observed

    def data_of(self, sampled_bytes: int, rows: npt.NDArray[np.bool_]) -> int:
        """How much of ``sampled_bytes`` is data, by the share that it is in ``rows``."""
        read_bytes, hole_bytes = int(self.data[rows].sum()), int(self.holes[rows].sum())
        if self.rate >= 1.0:
            return read_bytes
        if not hole_bytes:
            return sampled_bytes
        return sampled_bytes * read_bytes // (read_bytes + hole_bytes)

    def within(self, rate: float) -> "Sample":
        """The sample at ``rate``, which is not above that of this."""
        if rate >= min(self.rate, 1.0):
            return self
        known = int(np.searchsorted(self.ranks, rate))
        rows = self.at < known
        return replace(
            self,
            rate=rate,
            ranks=self.ranks[:known],
            exponents=self.exponents[:known],
            listed=self.listed[:known],
            once=self.once[:known],
            at=self.at[rows],
            labels=self.labels[rows],
            data=self.data[rows],
            holes=self.holes[rows],
        )

    def with_labels_moved(self, moves: Mapping[int, int | None]) -> "Sample":
        """With each bit that ``moves`` names at its new place in ``labels``; None drops it."""
        one = ExtentTable.of(self)
        one.labels = moved(one.labels, moves)
        return one.sample_like(self)

    def merge(self, other: "Sample") -> "Sample":
        """The sample of both inputs' extents, which were drawn by one design and have one rate."""
        return (
            ExtentTable.of(self)
            .plus(ExtentTable.of(other))
            .sample_like(
                replace(
                    self,
                    goal_rate=max(self.goal_rate, other.goal_rate),
                    interrupted=self.interrupted or other.interrupted,
                    skipped_bytes=self.skipped_bytes + other.skipped_bytes,
                    unopened_bytes=self.unopened_bytes + other.unopened_bytes,
                    totals=self.totals.merged(other.totals),
                )
            )
        )


class ExtentTable:
    """The extents that were read, added up by rank, and by rank and labels."""

    def __init__(self) -> None:
        self.ranks, self.row_ranks = np.empty(0), np.empty(0)
        self.exponents = np.empty(0, np.int64)
        self.listed, self.once, self.labels, self.data, self.holes = (
            np.empty(0, np.uint64) for _ in range(5)
        )
        self.rows: list[ExtentRows] = []
        self.rows_held = 0
        self.listed_bytes = 0

    @classmethod
    def of(cls, sample: Sample) -> "ExtentTable":
        made = cls()
        for name in ("ranks", "exponents", "listed", "once", "labels", "data", "holes"):
            setattr(made, name, getattr(sample, name))
        made.row_ranks = sample.ranks[sample.at]
        return made

    def add(self, rows: ExtentRows) -> None:
        self.rows.append(rows)
        self.rows_held += len(rows.ranks)
        self.listed_bytes += int(rows.listed.sum())
        if self.rows_held >= ROWS_HELD:
            self.fold()

    def plus(self, other: "ExtentTable") -> "ExtentTable":
        """Both together; they have at most one exponent at a rank."""
        self.fold()
        other.fold()
        both = ExtentTable()
        for name in (*("ranks", "exponents", "listed", "once"), *("row_ranks", "labels")):
            setattr(both, name, np.concatenate((getattr(self, name), getattr(other, name))))
        both.data = np.concatenate((self.data, other.data))
        both.holes = np.concatenate((self.holes, other.holes))
        both.unite()
        return both

    def fold(self) -> None:
        """Add up the rows that are held."""
        if not self.rows:
            return
        held = ExtentRows(*(np.concatenate(column) for column in zip(*self.rows, strict=True)))
        self.rows, self.rows_held = [], 0
        self.ranks = np.append(self.ranks, held.ranks)
        self.row_ranks = np.append(self.row_ranks, held.ranks)
        for name in ("exponents", "listed", "once", "labels", "data", "holes"):
            setattr(self, name, np.append(getattr(self, name), getattr(held, name)))
        self.unite()

    def unite(self) -> None:
        """One row for each rank, and for each rank and labels."""
        order = np.argsort(self.ranks, kind="stable")
        first = _starts(self.ranks[order])
        self.ranks, self.exponents = self.ranks[order][first], self.exponents[order][first]
        self.listed, self.once = _sums(first, self.listed[order], self.once[order])
        order = np.lexsort((self.labels, self.row_ranks))
        first = _starts(self.row_ranks[order], self.labels[order])
        self.row_ranks, self.labels = self.row_ranks[order][first], self.labels[order][first]
        self.data, self.holes = _sums(first, self.data[order], self.holes[order])

    def sample(self, design: SamplingDesign) -> Sample:
        """What is here, as a sample of which no more is known."""
        nothing = np.empty(0, np.uint64)
        return self.sample_like(
            Sample(
                design=design,
                rate=1.0,
                goal_rate=0.0,
                interrupted=False,
                skipped_bytes=0,
                unopened_bytes=0,
                totals=Totals(),
                ranks=self.ranks,
                exponents=self.exponents,
                listed=nothing,
                once=nothing,
                at=np.empty(0, np.intp),
                labels=nothing,
                data=nothing,
                holes=nothing,
            )
        )

    def sample_like(self, sample: Sample) -> Sample:
        """``sample`` with what is here."""
        self.fold()
        return replace(
            sample,
            ranks=self.ranks,
            exponents=self.exponents,
            listed=self.listed,
            once=self.once,
            at=np.searchsorted(self.ranks, self.row_ranks),
            labels=self.labels,
            data=self.data,
            holes=self.holes,
        )


def _starts(*columns: Floats | U64) -> npt.NDArray[np.intp]:
    """Where in sorted ``columns`` (n,) a row differs from the one before."""
    new = np.ones(len(columns[0]), bool)
    new[1:] = np.logical_or.reduce([column[1:] != column[:-1] for column in columns])
    return np.flatnonzero(new)


def _sums(starts: npt.NDArray[np.intp], *columns: U64) -> list[U64]:
    """The sums of ``columns`` from each start to the next."""
    return [np.add.reduceat(c, starts) if len(starts) else c for c in columns]
