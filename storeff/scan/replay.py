"""Asking of merged parts what a Prober would find out by reading: nothing is read.

How much is compressed is decided step by step, by what was found so far (storeff.estimate.probing).
Every step asks for the chunks, or windows, of lowest rank among all. Ranks are hashes, so these are
the same whoever holds them, and each is among the lowest of its own shard: a shard that has probed
as many as any step may ask for has probed what this one asks of it. So the steps can be taken
again, after all shards were merged, and come to the same figures, bit for bit.

Of a full scan a step may ask for all that a sketch keeps: that is the price of deciding later. It
is at most 65,536 chunks of each chunker that is probed, 5 GB and 25 CPU seconds with the default
table (2 vCPU EPYC, by the seconds in storeff.estimate.probing), whatever the size of the shard; of
one of a gigabyte it is ten times what counting takes. Of a sample it is no more than one scan
needs. Windows are drawn from the listing of everything, which every shard makes: of these all
shards together look at 16,384.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from storeff.scan.measurement import Measurement
from storeff.scan.occurrences import Occurrences
from storeff.scan.plan import Plan
from storeff.scan.scan_part import Coded
from storeff.scan.shards import Shards
from storeff.scan.sketch import Sketch
from storeff.scan.windows import Windows

Floats = npt.NDArray[np.float64]
Wanted = Mapping[tuple[str, str], int]


class Replay:
    """Knows what was probed of ``probed``, all parts of a scan merged. The methods are those of a
    Prober. Where more is asked for than all parts have looked at, all that is known is given, as if
    a stop had come."""

    def __init__(self, probed: Measurement) -> None:
        assert probed.occurrences is not None
        self.probed = probed
        self.every: Occurrences = probed.occurrences

    @property
    def plan(self) -> Plan:
        return self.probed.plan

    def counted(self) -> Measurement:
        """What was scanned, before anything is probed."""
        seed = self.plan.seed
        none = {
            name: s.with_probed(s.probed[:0], np.zeros(len(s.columns)), seed)
            for name, s in self.probed.sketches.items()
        }
        return replace(self.probed, sketches=none, occurrences=None)

    def draw(self) -> Windows:
        """The windows of all parts, by their ranks: where they are no longer matters."""
        every = self.every
        is_window = np.isfinite(every.ranks)
        ranks = np.concatenate((every.ranks[is_window], every.hole_ranks))
        lengths = np.concatenate((every.lengths[is_window], every.hole_lengths))
        order = np.argsort(ranks, kind="stable")
        nowhere = np.zeros(len(ranks), np.uint64)
        return Windows(
            objects=nowhere,
            starts=nowhere,
            lengths=lengths[order],
            points=nowhere,
            ranks=ranks[order],
            labels=nowhere,
            entries={},
            data_bytes=every.data_bytes,
            tau=every.tau,
        )

    def distinct(self, measurement: Measurement, wanted: Wanted) -> Measurement:
        """As Prober.distinct."""
        sketches = dict(measurement.sketches)
        for name in {chunker for chunker, _ in wanted}:
            counts = [wanted.get((name, column), 0) for column in sketches[name].columns]
            sketches[name] = self._first(sketches[name], self.probed.sketches[name], counts)
        return replace(measurement, sketches=sketches)

    def _first(self, sketch: Sketch, probed: Sketch, counts: Sequence[int]) -> Sketch:
        """``sketch`` with the first ``counts`` of its chunks as they are in ``probed``."""
        ranks = sketch.ranks(self.plan.seed)[sketch.first_rows()]
        taus = [
            max(before, self._limit(count, ranks, sketch.tau, known))
            for count, before, known in zip(
                counts, sketch.taus.tolist(), probed.taus.tolist(), strict=True
            )
        ]
        return sketch.with_probed(probed.probed, np.array(taus), self.plan.seed)

    def occurrences(
        self, windows: Windows, wanted: Wanted, so_far: Occurrences | None = None
    ) -> Occurrences:
        """As Prober.occurrences."""
        every = self.every
        before = [0.0] * len(every.columns) if so_far is None else so_far.taus.tolist()
        taus = []
        for column, reached, known in zip(every.columns, before, every.taus.tolist(), strict=True):
            count = wanted.get(column, 0)
            if windows.tau == np.inf and count:
                count = max(1, len(windows.ranks))
            taus.append(max(reached, self._limit(count, windows.ranks, windows.tau, known)))
        found = every.below(np.array(taus))
        # A chunk that only other columns have.
        is_other = np.isinf(found.ranks) & ~found.sizes.any(axis=1)
        if not is_other.any():
            return found
        names = ("objects", "starts", "lengths", "ranks", "labels", "sizes", "probed")
        return replace(found, **{name: getattr(found, name)[~is_other] for name in names})

    def _limit(self, count: int, ranks: Floats, tau: float, known: float) -> float:
        """Below which rank the first ``count`` of ``ranks`` are, of which those below ``tau`` are
        all there are; no more than ``known``."""
        if not count:
            return 0.0
        limit = tau if count >= len(ranks) else float(ranks[count])
        return min(limit, known)


class ShardReplay:
    """As ShardProbe, of ``coded``: what all parts found of the first of ``windows``, of which
    ``most`` are looked at at most."""

    def __init__(self, coded: Coded, windows: Windows, most: int) -> None:
        count = len(windows.ranks)
        self.windows = windows
        # The windows of both in their order, as far as they are the same.
        most_known = min(count, len(coded.ranks))
        differs = coded.ranks[:most_known] != windows.ranks[:most_known]
        self.coded = coded
        self.most_known = int(np.argmax(differs)) if differs.any() else most_known
        self.most = count if windows.tau == np.inf else min(most, count)
        self.known = 0

    def look(self, wanted: int) -> None:
        """Look at the first ``wanted`` windows; at all, where these are few enough to give an exact
        figure."""
        wanted = self.most if self.windows.tau == np.inf else min(wanted, self.most)
        self.known = max(self.known, min(wanted, self.most_known))

    def found(self) -> Shards:
        """What is known by now."""
        windows, coded = self.windows, self.coded
        is_all = self.known == len(windows.ranks)
        data = np.flatnonzero(~coded.is_hole[: self.known])
        return Shards(
            code=coded.code,
            tau=windows.tau if is_all else float(windows.ranks[self.known]),
            lengths=coded.lengths[data],
            pieces=coded.pieces[data],
            sizes=coded.sizes[data],
            compressed=coded.compressed[data],
        )
