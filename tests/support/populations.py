"""Made-up data of which everything is known, and what a scan of it would give to an estimator."""

from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.estimate.compression import IN_UNITS
from storeff.estimate.extents import ChunkTable, ExtentSample, root_labels
from storeff.estimate.sampled import SampleEvidence
from storeff.estimate.sketched import Cut, SketchEvidence
from storeff.scan.plan import Chunker
from storeff.scan.sketch import Sketch

U64 = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]

CODEC = "zstd-3"
EXTENTS, PER_EXTENT = 500, 6
# Bits of content classes: the first is that of a third of the extents.
CLASSES = (1, 2)
ROOTS = (b"one", b"two")


@dataclass(frozen=True, eq=False)
class Population:
    """A row per distinct chunk: ``keys`` (u, 2), ``sizes``, ``compressed`` (u,) bytes. A row per
    reference: the ``chunk`` and its ``extent`` (n,). A row per extent: ``labels`` (m,), one content
    class and one source root."""

    keys: U64
    sizes: U64
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
    return Population(
        keys=rng.integers(0, 2**64, (distinct, 2), np.uint64),
        sizes=sizes,
        compressed=compressed(rng, sizes),
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
    compressed: U64,
    *,
    seed: int,
    entries: int,
    compressed_entries: int,
) -> Sketch:
    """What a scan under ``seed`` keeps of distinct chunks (u,) and their references."""
    ranks = _native.rank(keys, sizes, seed)
    lowest = np.argsort(ranks)
    taus = [
        float(ranks[lowest[n]]) if n < len(lowest) else np.inf
        for n in (entries, compressed_entries)
    ]
    kept = lowest[:entries]
    known = compressed[kept].astype(np.uint32).reshape(-1, 1)
    known[compressed_entries:] = 0
    buckets = np.zeros((_native.BUCKETS, 2), np.uint64)
    np.add.at(buckets, _native.bucket(keys, seed), np.column_stack((counts, counts * sizes)))
    none = np.zeros(256, np.uint64)
    return Sketch(
        keys=keys[kept],
        sizes=sizes[kept],
        counts=counts[kept],
        extents=None,
        labels=labels[kept],
        compressed=known,
        tau=taus[0],
        compressed_tau=taus[1],
        chunks=int(counts.sum()),
        bytes=int((counts * sizes).sum()),
        run_count=none,
        run_bytes=none,
        buckets=buckets,
    )


def chunkers(entries: int, compressed_entries: int) -> tuple[Chunker, Chunker, Chunker]:
    """One for the distinct chunks, one for all occurrences, one that counts units of allocation."""
    unit = IN_UNITS.allocation_bytes
    chunks = Chunker(
        "chunks", "content-defined", 40 << 10, 88 << 10, entries, (CODEC,), compressed_entries
    )
    every = msgspec.structs.replace(chunks, name="occurrences", per_occurrence=True)
    return chunks, every, Chunker("units", "fixed", unit, unit, 1)


def full_scan(p: Population, seed: int, entries: int, compressed_entries: int) -> SketchEvidence:
    """A full scan that keeps so many ``entries`` of each chunker."""
    few = {"seed": seed, "entries": entries, "compressed_entries": compressed_entries}
    each = np.random.default_rng(2).integers(0, 2**64, (len(p.chunk), 2), np.uint64)
    sketches = (
        sketch_of(p.keys, p.sizes, p.counts, p.chunk_labels, p.compressed, **few),
        sketch_of(
            each,
            p.sizes[p.chunk],
            np.ones(len(p.chunk), np.uint64),
            p.labels[p.extent],
            p.compressed[p.chunk],
            **few,
        ),
        sketch_of(*_units(p), seed=seed, entries=1, compressed_entries=1),
    )
    cuts = map(Cut.of, sketches, chunkers(entries, compressed_entries), [seed] * 3)
    return SketchEvidence(
        list(cuts),
        int(p.extent_bytes.sum()),
        {name: _bytes_with(p, root_labels([root])) for root, name in enumerate(ROOTS)},
        [_bytes_with(p, label) for label in CLASSES],
    )


def _units(p: Population) -> tuple[U64, U64, U64, U64, U64]:
    """As many references of one unit as all chunks take whole units."""
    unit = IN_UNITS.allocation_bytes
    count = int(IN_UNITS.rounded(p.sizes[p.chunk]).sum()) // unit
    size, counts, none = (np.array([n], np.uint64) for n in (unit, count, 0))
    return np.zeros((1, 2), np.uint64), size, counts, none, none


def _bytes_with(p: Population, labels: int) -> int:
    return int(p.extent_bytes[(p.labels & np.uint64(labels)) != 0].sum())


# ---- partial scans ----


def partial_scan(p: Population, seed: int, rate: float, compressed_share: float) -> SampleEvidence:
    """The extents with a random rank below ``rate``, and of their chunks, by content, so many
    compressed."""
    rng = np.random.default_rng(seed)
    rank_of = 1.0 - rng.random(EXTENTS)
    read = np.flatnonzero(rank_of < rate) if rate < 1.0 else np.arange(EXTENTS)
    read = read[np.argsort(rank_of[read])]
    once = np.unique(p.chunk * EXTENTS + p.extent)
    cuts = (
        (np.arange(len(p.sizes)), *np.divmod(once, EXTENTS)),
        (np.arange(len(p.chunk)), np.arange(len(p.chunk)), p.extent),
    )
    tables = {}
    for chunker, (ids, row, extent) in zip(chunkers(1, 1), cuts, strict=False):
        inside = np.isin(extent, read)
        row, extent = row[inside], extent[inside]
        chunk = p.chunk[row] if chunker.per_occurrence else row
        is_known = rng.random(len(ids)) < compressed_share
        tables[chunker.name] = ChunkTable(
            chunker=chunker,
            keys=row.astype(np.uint64),
            sizes=p.sizes[chunk],
            ranks=rank_of[extent],
            labels=p.labels[extent],
            kept=1.0,
            compressed=np.where(is_known[row], p.compressed[chunk], 0)[:, np.newaxis],
            compressed_kept=compressed_share,
            chunks=len(row),
            run_bytes=np.zeros(256, np.uint64),
        )
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
            data_bytes=int(p.extent_bytes.sum()),
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
            tables=tables,
        )
    )


def _totals(exponents: Ints, values: npt.NDArray[np.generic]) -> list[tuple[int, int]]:
    sums = np.bincount(exponents, values)
    return [(int(i), int(sums[i])) for i in np.flatnonzero(sums)]
