"""What a scan of a stream of chunks would count, and what it would compress of them.

The sketch of a stream under some seed is made directly from the population. What is compressed is
known beforehand: to probe a chunk is to look it up.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from streams import Stream

from storeff import _native
from storeff.estimate.probing import compress, glance
from storeff.scan.glance import nothing_probed
from storeff.scan.measurement import Measurement
from storeff.scan.occurrences import WINDOWS_MAX, Occurrences
from storeff.scan.plan import HEADLINE, Plan, Probed, deduplicating
from storeff.scan.probe import Prober, Wanted
from storeff.scan.sketch import Sketch
from storeff.scan.windows import Windows
from storeff.sources.census import Census
from storeff.sources.content import CLASSES

Floats = npt.NDArray[np.float64]

# Whatever cut a stream, its chunks are taken for those of the headline.
CHUNKER = deduplicating()[HEADLINE.chunker]


def plan_of(stream: Stream, seed: int) -> Plan:
    """The plan of a scan that finds ``stream``: every codec, on distinct chunks and on all."""
    probed = [Probed(CHUNKER.name, every, stream.codecs) for every in (False, True)]
    return Plan(seed=seed, chunkers=(CHUNKER,), probed=tuple(probed if stream.codecs else ()))


def sketches(stream: Stream, seed: int, entries: Iterable[int]) -> Iterator[tuple[int, Sketch]]:
    """The sketches of each capacity that a scan of ``stream`` under ``seed`` would have kept,
    with everything compressed.
    """
    sizes = sorted(entries)
    if not sizes:
        return
    ranks = _native.rank(stream.keys, stream.sizes, seed)
    buckets = np.column_stack(
        [
            np.bincount(_native.bucket(stream.keys, seed), total, _native.BUCKETS)
            for total in (stream.counts, stream.counts * stream.sizes)
        ]
    ).astype(np.uint64)
    most = min(sizes[-1] + 1, len(ranks))
    lowest = np.argpartition(ranks, most - 1)[:most]
    lowest = lowest[np.argsort(ranks[lowest])]
    for capacity in sizes:
        kept = lowest[:capacity]
        tau = float(ranks[lowest[capacity]]) if capacity < len(lowest) else np.inf
        nowhere = np.zeros(len(kept), np.uint64)
        yield (
            capacity,
            Sketch(
                keys=stream.keys[kept],
                sizes=stream.sizes[kept],
                counts=stream.counts[kept],
                labels=stream.groups[kept],
                extents=None,
                objects=nowhere,
                offsets=nowhere,
                tau=tau,
                chunks=len(stream.chunk),
                bytes=stream.bytes,
                run_count=np.zeros(256, np.uint64),
                run_bytes=np.zeros(256, np.uint64),
                buckets=buckets,
                predicted=stream.predicted[kept],
                columns=stream.codecs,
                probed=stream.compressed[kept],
                taus=np.full(len(stream.codecs), tau),
            ),
        )


def check_sketch(name: str, stream: Stream, entries: int, seed: int) -> None:
    """Raises ClickException unless the native core keeps what ``sketches`` says it keeps."""
    [(_, ours)] = sketches(stream, seed, [entries])
    scanner = _native.Scanner([(0, 0, entries, False)], seed)
    scanner.add(
        0,
        stream.keys[stream.chunk],
        stream.sizes[stream.chunk],
        np.uint64(1) << stream.stratum[stream.in_file].astype(np.uint64),
        np.zeros((len(stream.chunk), 2), np.uint64),
    )
    native: dict[str, Any] = {**scanner.export(0)}
    fields = ("keys", "sizes", "counts", "labels", "tau", "chunks", "bytes", "buckets")
    if not all(np.array_equal(getattr(ours, field), native[field]) for field in fields):
        raise click.ClickException(f"{name}: the sketch is not the one that a scan keeps")


def ends(ranks: Floats, counts: Iterable[int], tau: float) -> Floats:
    """The rank at which each of ``counts`` of the first of ``ranks`` ends, ``tau`` of them all."""
    return np.array([ranks[count] if count < len(ranks) else tau for count in counts])


def less_compressed(sketch: Sketch, counts: Mapping[str, int], seed: int) -> Sketch:
    """``sketch`` as it is if of each column only the first ``counts`` of its chunks are known, and
    no other column."""
    columns = [sketch.columns.index(name) for name in counts]
    probed = sketch.probed[:, columns]
    taus = ends(sketch.ranks(seed), counts.values(), sketch.tau)
    return replace(sketch, columns=tuple(counts), probed=probed).with_probed(probed, taus, seed)


def measured(stream: Stream, sketch: Sketch, seed: int) -> Measurement:
    """A full scan of ``stream`` that kept ``sketch``."""
    class_bytes = np.zeros(len(CLASSES), np.uint64)
    for stratum, size_bytes in stream.stratum_bytes().items():
        class_bytes[stratum] = size_bytes
    return Measurement(
        plan=plan_of(stream, seed),
        kernel="scalar",
        census=Census(),
        sketches={CHUNKER.name: sketch},
        volumes={},
        read_bytes=stream.bytes,
        hole_bytes=0,
        class_bytes=class_bytes,
        histogram=np.zeros((len(CLASSES), 256), np.uint64),
        cpu_seconds=0.0,
    )


class Known(Prober):
    """Probes the chunks of ``sketch``, of which everything is compressed, and windows of
    ``stream``, each of them one of its chunks."""

    def __init__(self, stream: Stream, sketch: Sketch, seed: int) -> None:
        self.plan = plan_of(stream, seed)
        self.sketch = sketch
        self.every = _windows(stream, self.plan)

    def distinct(self, measurement: Measurement, wanted: Wanted) -> Measurement:
        before = measurement.sketches[CHUNKER.name].taus
        ranks = self.sketch.ranks(self.plan.seed)
        counts = [wanted.get((CHUNKER.name, column), 0) for column in self.sketch.columns]
        taus = np.maximum(before, ends(ranks, counts, self.sketch.tau))
        sketch = self.sketch.with_probed(self.sketch.probed, taus, self.plan.seed)
        return replace(measurement, sketches={CHUNKER.name: sketch})

    def draw(self) -> Windows:
        every = self.every
        return Windows(
            objects=every.objects,
            starts=every.starts,
            lengths=every.lengths,
            points=every.starts,
            ranks=every.ranks,
            labels=every.labels,
            entries={},
            data_bytes=every.data_bytes,
            tau=every.tau,
        )

    def occurrences(
        self, windows: Windows, wanted: Wanted, so_far: Occurrences | None = None
    ) -> Occurrences:
        before = so_far or nothing_probed(self.plan, windows)
        counts = [wanted.get(column, 0) for column in self.every.columns]
        return self.every.below(
            np.maximum(before.taus, ends(self.every.ranks, counts, self.every.tau))
        )


def _windows(stream: Stream, plan: Plan) -> Occurrences:
    """About as many windows as a scan draws, all of them compressed."""
    sizes = stream.sizes[stream.chunk]
    ranks = np.random.default_rng(plan.seed).random(len(sizes)) / sizes
    tau = WINDOWS_MAX / stream.bytes
    drawn = np.flatnonzero(ranks < tau)
    drawn = drawn[np.argsort(ranks[drawn])]
    columns = plan.occurrence_columns
    nowhere = np.zeros(len(drawn), np.uint64)
    return Occurrences(
        columns=columns,
        data_bytes=stream.bytes,
        tau=tau,
        taus=np.full(len(columns), tau),
        objects=drawn.astype(np.uint64),
        starts=nowhere,
        lengths=sizes[drawn],
        ranks=ranks[drawn],
        labels=nowhere,
        sizes=np.repeat(sizes[drawn, np.newaxis], len(columns), axis=1).astype(np.uint32),
        probed=stream.compressed[stream.chunk[drawn]],
        hole_ranks=np.empty(0),
        hole_lengths=np.empty(0, np.uint64),
    )


def in_stages(stream: Stream, sketch: Sketch, seed: int) -> Measurement:
    """A full scan of ``stream`` that kept ``sketch``, with as much compressed as it chooses to."""
    prober = Known(stream, sketch, seed)
    nothing = less_compressed(sketch, dict.fromkeys(sketch.columns, 0), seed)
    windows, every = glance(prober)
    return compress(prober, replace(measured(stream, nothing, seed), occurrences=every), windows)
