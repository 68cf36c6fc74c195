"""Made-up data of which everything is known, and what a scan of it would give to an estimator."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.estimate.compression import IN_UNITS
from storeff.estimate.every import EveryChunk
from storeff.estimate.extents import ChunkTable, ExtentSample, root_labels
from storeff.estimate.sampled import SampleEvidence
from storeff.estimate.sketched import Cut, SketchEvidence
from storeff.scan.occurrences import Occurrences
from storeff.scan.plan import Chunker
from storeff.scan.sketch import Sketch

U64 = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

# What is cheap to know of a chunk, and explains most of what is not.
CHEAP, CODEC = "lz4", "zstd-3"
EXTENTS, PER_EXTENT = 500, 6
# Windows that a partial scan draws from all the data.
WINDOWS = 80
# Bits of content classes: the first is that of a third of the extents.
CLASSES = (1, 2)
ROOTS = (b"one", b"two")


@dataclass(frozen=True, eq=False)
class Population:
    """A row per distinct chunk: ``keys`` (u, 2), ``sizes``, ``cheap`` and ``compressed`` (u,) bytes
    by CHEAP and CODEC. A row per reference: the ``chunk`` and its ``extent`` (n,). A row per
    extent: ``labels`` (m,), one content class and one source root."""

    keys: U64
    sizes: U64
    cheap: U64
    compressed: U64
    chunk: Ints
    extent: Ints
    labels: U64

    @property
    def counts(self) -> U64:
        """(u,) references of each chunk."""
        return np.bincount(self.chunk, minlength=len(self.sizes)).astype(np.uint64)

    @property
    def chunk_labels(self) -> U64:
        """(u,) labels of all extents that hold the chunk."""
        united = np.zeros(len(self.sizes), np.uint64)
        np.bitwise_or.at(united, self.chunk, self.labels[self.extent])
        return united

    @property
    def extent_bytes(self) -> U64:
        """(m,) bytes of each extent."""
        return np.bincount(self.extent, self.sizes[self.chunk]).astype(np.uint64)


References = Callable[[np.random.Generator, int], Ints]


def anything(rng: np.random.Generator, sizes: U64) -> U64:
    """Chunks that compress to anything between nothing and all of it."""
    return np.maximum(1, sizes * rng.beta(2, 2, len(sizes))).astype(np.uint64)


def rarely_random(rng: np.random.Generator, sizes: U64) -> U64:
    """Chunks that compress to a hundredth, but for one in 300 that is incompressible."""
    return np.where(np.arange(len(sizes)) % 300, sizes // np.uint64(100), sizes)


def population(
    references: References, compressed: Callable[[np.random.Generator, U64], U64] = anything
) -> Population:
    """Chunks of 40 to 88 KiB: ``references`` gives the chunk of so many references, of which each
    extent has PER_EXTENT at random."""
    rng = np.random.default_rng(1)
    count = EXTENTS * PER_EXTENT
    _, chunk = np.unique(rng.permutation(references(rng, count)), return_inverse=True)
    distinct = int(chunk.max()) + 1
    sizes = rng.integers(40 << 10, 88 << 10, distinct).astype(np.uint64)
    of_class = np.where(np.arange(EXTENTS) % 3 == 0, *CLASSES).astype(np.uint64)
    root = np.array([root_labels([each]) for each in range(len(ROOTS))], np.uint64)
    left = compressed(rng, sizes)
    more = (rng.beta(2, 8, distinct) * (sizes - left)).astype(np.uint64)
    return Population(
        keys=rng.integers(0, 2**64, (distinct, 2), np.uint64),
        sizes=sizes,
        cheap=left + more,
        compressed=left,
        chunk=chunk,
        extent=np.arange(count) // PER_EXTENT,
        labels=of_class | root[rng.integers(0, len(ROOTS), EXTENTS)],
    )


# ---- full scans ----


def sketch_of(
    keys: U64,
    sizes: U64,
    counts: U64,
    labels: U64,
    columns: Mapping[str, U64],
    *,
    seed: int,
    entries: int,
    probed: Mapping[str, int],
) -> Sketch:
    """What a scan under ``seed`` keeps of distinct chunks (u,) and their references, with the first
    ``probed`` of each of ``columns``."""
    ranks = _native.rank(keys, sizes, seed)
    lowest = np.argsort(ranks)

    def tau_of(count: int) -> float:
        return float(ranks[lowest[count]]) if count < len(lowest) else np.inf

    kept = lowest[:entries]
    known = np.zeros((len(kept), len(columns)), np.uint32)
    for column, (name, values) in enumerate(columns.items()):
        known[: probed[name], column] = values[kept[: probed[name]]]
    buckets = np.zeros((_native.BUCKETS, 2), np.uint64)
    np.add.at(buckets, _native.bucket(keys, seed), np.column_stack((counts, counts * sizes)))
    none = np.zeros(256, np.uint64)
    return Sketch(
        keys=keys[kept],
        sizes=sizes[kept],
        counts=counts[kept],
        labels=labels[kept],
        extents=None,
        objects=np.zeros(len(kept), np.uint64),
        offsets=np.zeros(len(kept), np.uint64),
        tau=tau_of(entries),
        chunks=int(counts.sum()),
        bytes=int((counts * sizes).sum()),
        run_count=none,
        run_bytes=none,
        buckets=buckets,
        predicted=np.zeros((len(kept), 2), np.uint32),
        columns=tuple(columns),
        probed=known,
        taus=np.array([tau_of(min(entries, probed[name])) for name in columns]),
    )


UNIT_BYTES = IN_UNITS.allocation_bytes
CHUNKS = Chunker("chunks", "content-defined", 40 << 10, 88 << 10)
UNITS = Chunker("units", "fixed", UNIT_BYTES, UNIT_BYTES)


def windows_of(p: Population, seed: int, probed: Mapping[str, int]) -> Occurrences:
    """What a scan under ``seed`` draws of all references, each a window of its own, with the first
    ``probed`` of each codec; all of them, if there are no more."""
    sizes = p.sizes[p.chunk]
    ranks = np.random.default_rng(seed).random(len(sizes)) / sizes
    order = np.argsort(ranks)
    count = max(probed.values())
    exact = count >= len(order)
    kept = order[:count]

    def tau_of(count: int) -> float:
        return float(ranks[order[count]]) if count < len(order) else np.inf

    columns = {CHEAP: p.cheap, CODEC: p.compressed}
    known = np.zeros((len(kept), len(columns)), np.uint32)
    for column, (name, values) in enumerate(columns.items()):
        known[: probed[name], column] = values[p.chunk[kept[: probed[name]]]]
    return Occurrences(
        columns=tuple((CHUNKS.name, name) for name in columns),
        data_bytes=int(sizes.sum()),
        objects=kept.astype(np.uint64),
        starts=np.zeros(len(kept), np.uint64),
        lengths=sizes[kept],
        ranks=np.full(len(kept), np.inf) if exact else ranks[kept],
        labels=p.labels[p.extent[kept]],
        sizes=np.repeat(sizes[kept, np.newaxis], len(columns), axis=1).astype(np.uint32),
        probed=known,
        taus=np.array([np.inf if exact else tau_of(probed[name]) for name in columns]),
        tau=np.inf if exact else tau_of(count),
        hole_ranks=np.empty(0),
        hole_lengths=np.empty(0, np.uint64),
    )


def full_scan(p: Population, seed: int, entries: int, probed: Mapping[str, int]) -> SketchEvidence:
    """A full scan that keeps so many ``entries``, and so many of them ``probed`` by codec; and as
    many windows."""
    columns = {CHEAP: p.cheap, CODEC: p.compressed}
    chunks = sketch_of(
        p.keys,
        p.sizes,
        p.counts,
        p.chunk_labels,
        columns,
        seed=seed,
        entries=entries,
        probed=probed,
    )
    units = sketch_of(*_units(p), {}, seed=seed, entries=1, probed={})
    data_bytes = int(p.extent_bytes.sum())
    return SketchEvidence(
        [Cut(CHUNKS, chunks, seed), Cut(UNITS, units, seed)],
        data_bytes,
        {name: _bytes_with(p, root_labels([root])) for root, name in enumerate(ROOTS)},
        [_bytes_with(p, label) for label in CLASSES],
        EveryChunk(windows_of(p, seed, probed), data_bytes),
        precision=0.01,
    )


def _units(p: Population) -> tuple[U64, U64, U64, U64]:
    """As many references of one unit as all chunks take whole units."""
    unit = IN_UNITS.allocation_bytes
    count = int(IN_UNITS.rounded(p.sizes[p.chunk]).sum()) // unit
    size, counts, none = (np.array([n], np.uint64) for n in (unit, count, 0))
    return np.zeros((1, 2), np.uint64), size, counts, none


def _bytes_with(p: Population, labels: int) -> int:
    return int(p.extent_bytes[(p.labels & np.uint64(labels)) != 0].sum())


# ---- partial scans ----


def partial_scan(
    p: Population, seed: int, rate: float, shares: Mapping[str, float]
) -> SampleEvidence:
    """The extents with a random rank below ``rate``, and of their chunks, by content, such
    ``shares`` compressed by codec."""
    rng = np.random.default_rng(seed)
    rank_of = 1.0 - rng.random(EXTENTS)
    read = np.flatnonzero(rank_of < rate) if rate < 1.0 else np.arange(EXTENTS)
    read = read[np.argsort(rank_of[read])]
    row, extent = np.divmod(np.unique(p.chunk * EXTENTS + p.extent), EXTENTS)
    inside = np.isin(extent, read)
    row, extent = row[inside], extent[inside]
    drawn = rng.random(len(p.sizes))
    table = ChunkTable(
        chunker=CHUNKS,
        keys=row.astype(np.uint64),
        sizes=p.sizes[row],
        ranks=rank_of[extent],
        labels=p.labels[extent],
        kept=1.0,
        compressed={
            name: np.where(drawn[row] < shares[name], values[row], 0).astype(np.uint32)
            for name, values in ((CHEAP, p.cheap), (CODEC, p.compressed))
        },
        compressed_kept=shares,
        chunks=len(row),
        run_bytes=np.zeros(256, np.uint64),
    )
    data_bytes = int(p.extent_bytes.sum())
    windows = dict.fromkeys(shares, len(p.chunk) if rate >= 1.0 else WINDOWS)
    exponents = np.frexp(p.extent_bytes.astype(np.float64))[1].astype(np.int64)
    sizes = p.extent_bytes[read]
    padding_bytes = int((IN_UNITS.rounded(p.sizes) - p.sizes)[p.chunk].sum())
    return SampleEvidence(
        ExtentSample(
            seed=seed,
            extent_bytes=1 << 20,
            lead_bytes=0,
            share_limit=1,
            rate=rate,
            data_bytes=data_bytes,
            read_bytes=int(sizes.sum()),
            roots={name: _bytes_with(p, root_labels([root])) for root, name in enumerate(ROOTS)},
            nominal_share=1.0,
            bytes_by_exponent=dict(_totals(exponents, p.extent_bytes)),
            ranks_by_exponent=dict(_totals(exponents, np.ones(EXTENTS))),
            padding_bytes=padding_bytes,
            ranks=rank_of[read],
            exponents=exponents[read],
            listed=sizes,
            nominal=sizes,
            at=np.arange(len(read)),
            labels=p.labels[read],
            data=sizes,
            tables={CHUNKS.name: table},
        ),
        EveryChunk(windows_of(p, seed, windows), data_bytes),
    )


def _totals(exponents: Ints, values: npt.NDArray[np.generic]) -> list[tuple[int, int]]:
    sums = np.bincount(exponents, values)
    return [(int(i), int(sums[i])) for i in np.flatnonzero(sums)]
