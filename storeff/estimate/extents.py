"""The extents that a partial scan read, as its estimators take them.

The only module of this room that knows how storeff.scan holds a partial scan.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from storeff.scan.measurement import VOLUME_BIT, Measurement
from storeff.scan.plan import Chunker
from storeff.scan.sketch import Sketch

U64 = npt.NDArray[np.uint64]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ChunkTable:
    """Chunks of one ``chunker``, of which a random share ``kept``, by content, is in the table.

    A row per chunk and sampling rank: ``keys`` (n,) numbers of the chunks, ``sizes`` (n,) bytes,
    ``ranks`` (n,) of the extents that hold the chunk, ``labels`` (n,) it has there. By codec,
    ``compressed`` (n,) are bytes, known of a share ``compressed_kept`` of all chunks, else 0.
    ``chunks`` counts everything that was cut; ``run_bytes`` (256,) are in constant runs, which have
    no rows.
    """

    chunker: Chunker
    keys: U64 | Ints
    sizes: U64
    ranks: Floats
    labels: U64
    kept: float
    compressed: Mapping[str, npt.NDArray[np.uint32]]
    compressed_kept: Mapping[str, float]
    chunks: int
    run_bytes: U64


@dataclass(frozen=True, eq=False)
class ExtentSample:
    """A sample of the data: all extents with a sampling rank below ``rate``.

    Extents are ``extent_bytes`` long, at most; content-defined cutting begins ``lead_bytes`` before
    one. Up to ``share_limit`` files of one name or size share their ranks, which ``seed`` decides.

    ``data_bytes`` are all, read or not, ``roots`` those of each source root. Of all extents the
    listing says ``nominal_share``, the nominal unique bytes per byte; by the bits of the size of
    their files, ``bytes_by_exponent`` and about how many ranks they have, ``ranks_by_exponent``;
    and ``padding_bytes``, what fills the last block of each file.

    A row per rank: ``ranks`` (m,) in (0, 1]; ``exponents`` (m,), the bits of the size of the files
    with extents there; ``listed`` (m,) bytes of these extents; ``nominal`` (m,), their nominal
    unique bytes: those left if files of one size that share the rank were copies. A row per rank
    and labels: ``at`` (r,), the row of the rank; ``labels`` (r,); ``data`` (r,) bytes read.
    ``tables`` has the chunks by chunker.
    """

    seed: int
    extent_bytes: int
    lead_bytes: int
    share_limit: int
    rate: float
    data_bytes: int
    read_bytes: int
    roots: dict[bytes, int]
    nominal_share: float
    bytes_by_exponent: Mapping[int, int]
    ranks_by_exponent: Mapping[int, float]
    padding_bytes: int
    ranks: Floats
    exponents: Ints
    listed: U64
    nominal: U64
    at: npt.NDArray[np.intp]
    labels: U64
    data: U64
    tables: dict[str, ChunkTable]

    def read_at(self, labels: int | None = None) -> Floats:
        """(m,) bytes read at each rank, with any of ``labels``, a bit set, if given."""
        data = self.data
        if labels is not None:
            data = data * ((self.labels & np.uint64(labels)) != 0)
        return np.bincount(self.at, data, len(self.ranks)).astype(np.float64)

    def bytes_in(self, roots: Iterable[int]) -> int:
        """Data bytes of source roots together, at most: a file that several name counts in each,
        as the listing does not say how much they name in common."""
        of_root = list(self.roots.values())
        return min(sum(of_root[root] for root in roots), self.data_bytes)


def root_labels(roots: Iterable[int]) -> int:
    """The bit set of the source roots with these numbers."""
    return sum(1 << VOLUME_BIT + root for root in roots)


def extent_sample(measurement: Measurement, only: str | None = None) -> ExtentSample:
    """What ``measurement``, of a sample, has of extents; of all chunkers or of one ``only``."""
    sample = measurement.sampling
    assert sample is not None
    totals = sample.totals
    return ExtentSample(
        seed=sample.design.seed,
        extent_bytes=sample.design.extent_bytes,
        lead_bytes=sample.design.lead_bytes,
        share_limit=sample.design.share_limit,
        rate=sample.rate,
        data_bytes=measurement.data_bytes,
        read_bytes=measurement.read_bytes,
        roots={
            name: measurement.volume_data_bytes(root)
            for root, name in enumerate(measurement.volumes)
        },
        nominal_share=totals.once_bytes / max(1, totals.by_exponent.total()),
        bytes_by_exponent=totals.by_exponent,
        ranks_by_exponent=totals.ranks_by_exponent,
        padding_bytes=totals.padding_bytes,
        ranks=sample.ranks,
        exponents=sample.exponents,
        listed=sample.listed,
        nominal=sample.once,
        at=sample.at,
        labels=sample.labels,
        data=sample.data,
        tables={
            c.name: _chunk_table(measurement.sketches[c.name], c)
            for c in measurement.plan.chunkers
            if c.name in measurement.sketches and only in (None, c.name)
        },
    )


def _chunk_table(sketch: Sketch, chunker: Chunker) -> ChunkTable:
    assert sketch.extents is not None
    return ChunkTable(
        chunker=chunker,
        keys=sketch.chunk_numbers(),
        sizes=sketch.sizes,
        ranks=sketch.extents,
        labels=sketch.labels,
        kept=min(1.0, sketch.tau),
        compressed={name: sketch.probed[:, i] for i, name in enumerate(sketch.columns)},
        compressed_kept={
            name: min(1.0, float(tau), sketch.tau)
            for name, tau in zip(sketch.columns, sketch.taus, strict=True)
        },
        chunks=sketch.chunks,
        run_bytes=sketch.run_bytes,
    )
