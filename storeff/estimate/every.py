"""What compression alone leaves of every chunk, from windows drawn at random from all the data.

A window is up to 64 KiB of an object, drawn with a chance in proportion to its bytes, and a point
in it is drawn at random: so every byte of the data is a point with the same chance, whatever the
chunk that covers it. What is saved per byte of that chunk is saved per byte of the window.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from storeff.estimate.columns import Column, estimate_columns
from storeff.estimate.compression import IN_BYTES, Allocation
from storeff.estimate.totals import Estimate, PrioritySample
from storeff.quantity import UNKNOWN, Quantity
from storeff.scan.measurement import Measurement
from storeff.scan.occurrences import Occurrences

Floats = npt.NDArray[np.float64]

# As for distinct chunks (storeff.estimate.sketched).
TWO_STAGES = 1.1
# Fewer windows than this say nothing about how much windows differ.
WINDOWS_MIN = 30


@dataclass(frozen=True, eq=False)
class EveryChunk:
    """The windows of ``found``, of which ``data_bytes`` are data."""

    found: Occurrences
    data_bytes: int

    @classmethod
    def of(cls, measurement: Measurement) -> Self | None:
        """Those of ``measurement``; None if none were drawn."""
        if measurement.occurrences is None:
            return None
        return cls(measurement.occurrences, measurement.data_bytes)

    def holds(self, chunker: str, codec: str) -> bool:
        """Whether chunks of ``chunker`` were compressed with ``codec``."""
        return (chunker, codec) in self.found.columns

    def windows(self, chunker: str, codec: str) -> int:
        """In how many windows; all chunks of them, where all are compressed."""
        index = self.found.columns.index((chunker, codec))
        if self.found.is_exact(index):
            return int(np.count_nonzero(self.found.rows(index)))
        return self._known(index)

    @property
    def population(self) -> float:
        """About how many windows there are."""
        chance = np.minimum(1.0, self.found.lengths * self.found.tau)
        return float((1 / chance[np.isfinite(self.found.ranks)]).sum())

    def left(
        self, chunker: str, codec: str, space: Allocation, whole_bytes: int
    ) -> Quantity | None:
        """What compressing every chunk leaves of the ``whole_bytes`` that all take without it in
        ``space``. None if that was not looked at, unknown if too few windows were.

        Estimated is what is saved, which is part of each chunk's size; what a small chunk takes may
        be many times that.
        """
        if not self.holds(chunker, codec):
            return None
        index = self.found.columns.index((chunker, codec))
        if self.found.is_exact(index):
            rows = self.found.rows(index)
            sizes, values = (
                each[rows, index].astype(np.uint64)
                for each in (self.found.sizes, self.found.probed)
            )
            saved = int(space.saved(sizes, values).sum())
            seen_bytes = int(sizes.sum())
            if seen_bytes != self.data_bytes:
                # A scan that was cut short has read less than the windows are of.
                saved = saved * self.data_bytes // max(1, seen_bytes)
            return Quantity.exact(whole_bytes - saved)
        if self._known(index) < WINDOWS_MIN:
            return UNKNOWN
        total = self.saved(space)[_name(chunker, codec)].total
        # What could not be read may have been anything.
        lost = self._lost(index)
        total = replace(
            total,
            standard_error=TWO_STAGES * total.standard_error,
            missed_less=total.missed_less + lost * total.value,
            missed_more=total.missed_more + lost * max(0.0, self.data_bytes - total.value),
        )
        return whole_bytes - total.quantity(0, whole_bytes)

    def saved(self, space: Allocation = IN_BYTES, *, use_all: bool = False) -> dict[str, Estimate]:
        """By column, a chunker and a codec, the bytes that compressing every chunk saves."""
        made = self._plain(use_all=use_all)
        if space == IN_BYTES:
            return made
        columns = []
        for index, each in enumerate(self.found.columns):
            name = _name(*each)
            if name in made:
                controls = [
                    other.residual
                    for column, other in made.items()
                    if column != name and self._precedes(column, index, use_all=use_all)
                ]
                columns.append((self._column(index, space), controls))
        return {
            column.name: estimate_columns([column], controls, use_all=use_all)[column.name]
            for column, controls in columns
        }

    def _precedes(self, column: str, index: int, *, use_all: bool) -> bool:
        """Whether ``column`` explains that at ``index``: it comes before it, and is known of
        more."""
        names = [_name(*each) for each in self.found.columns]
        other = names.index(column)
        if other >= index:
            return False
        return use_all or self._known(other) > self._known(index)

    def _plain(self, *, use_all: bool) -> dict[str, Estimate]:
        columns = [self._column(index, IN_BYTES) for index in self._usable]
        return estimate_columns(columns, use_all=use_all)

    @cached_property
    def _usable(self) -> list[int]:
        """Columns that are known of enough windows, but not of all chunks."""
        return [
            index
            for index in range(len(self.found.columns))
            if self._known(index) >= WINDOWS_MIN and not self.found.is_exact(index)
        ]

    def _known(self, index: int) -> int:
        """How many windows the column is known of, by rank."""
        # Whole chunks of what is exact rank infinitely high.
        return int(np.searchsorted(self.found.ranks, self.found.taus[index]))

    def _lost(self, index: int) -> float:
        """The share of those that could not be read."""
        count = self._known(index)
        lengths, values = self.found.lengths[:count], self.found.probed[:count, index]
        return float(lengths[values == 0].sum() / lengths.sum())

    def _column(self, index: int, space: Allocation) -> Column:
        """What is saved of each window, by the chunk at its point. A window that could not be read
        saves what the others do."""
        count, tau = self._known(index), float(self.found.taus[index])
        sizes, values = (
            each[:count, index].astype(np.uint64) for each in (self.found.sizes, self.found.probed)
        )
        lengths = self.found.lengths[:count].astype(np.float64)
        is_known = values > 0
        saved = np.zeros(count)
        per_byte = space.saved(sizes, values)[is_known] / sizes[is_known]
        saved[is_known] = lengths[is_known] * per_byte
        if not is_known.all() and is_known.any():
            saved[~is_known] = lengths[~is_known] * float(
                np.average(per_byte, weights=lengths[is_known])
            )
        chance = np.minimum(1.0, lengths * tau)
        # Where chunks are smaller than windows, that all windows are looked at is not everything.
        of_chunks = np.minimum(1.0, np.minimum(lengths, np.maximum(sizes, 1)) * tau)
        sample = PrioritySample(
            tau=tau,
            sizes=lengths,
            chance=chance,
            weight=(1 - of_chunks) / chance**2,
            light=np.ones(count, bool),
            referenced=lengths,
            referenced_bytes=float(self.data_bytes),
        )
        name = _name(*self.found.columns[index])
        return Column(
            name, sample, saved, lengths, np.where(is_known, values / np.maximum(sizes, 1), 1.0)
        )


def _name(chunker: str, codec: str) -> str:
    return f"{chunker} {codec}"
