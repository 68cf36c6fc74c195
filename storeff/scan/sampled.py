"""What a partial scan found: chunks of the units that were read, and the place each was read at."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.scan.codecs import SizesOf
from storeff.scan.measurement import VOLUME_BIT
from storeff.scan.plan import Chunker, Plan
from storeff.scan.units import Design, Totals
from storeff.sources.census import Census

U64 = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

# Rows that the table of one chunker keeps: 24 bytes each, and a relative standard error of 0.2 %.
ROWS_MAX = 1 << 18
# Of the chunks that a whole scan compresses, one in so many: what units differ by outweighs the
# rest, and compressing is nearly all of the time of a small sample.
COMPRESSED_SHARE = 4
# Rows by place for each one that is compressed: as many are kept when half are let go.
SPARE_ROWS = 4
# Which chunks are kept is decided by other hashes than which units are read.
CHUNK_SEED_SALT = 0x5AD


@dataclass(frozen=True, eq=False)
class Table:
    """Chunks of one chunker, of which a random share ``kept``, by content, is in the table.

    A row per chunk and place that met, if not more often: ``keys`` (n,) 64-bit fingerprints,
    ``sizes`` (n,) bytes, ``places`` (n,), ``groups`` (n,) as in a Sketch, of the chunk at that
    place. Of a share ``compressed_kept`` of all chunks
    ``compressed`` holds the bytes with each codec. ``chunks`` counts everything cut; ``runs``
    (256,) are bytes in constant runs by byte value, which are not in the table.
    """

    keys: U64
    sizes: U64
    places: Floats
    groups: U64
    kept: float
    compressed: dict[int, tuple[int, ...]]
    compressed_kept: float
    chunks: int
    runs: U64

    @cached_property
    def compressed_rows(self) -> npt.NDArray[np.bool_]:
        """(n,) whether ``compressed`` has the chunk of a row."""
        return np.isin(self.keys, np.fromiter(self.compressed, np.uint64, len(self.compressed)))


@dataclass(frozen=True, eq=False)
class Sampled:
    """A partial scan at ``rate``: every unit with a place below it was read, if it could be.

    ``goal_rate`` is how far it was to read, unless the time given to it ended before; if a stop
    ended it before, it was ``interrupted``.
    ``census`` counts everything listed. Of that ``skipped_bytes`` are in units that are known to be
    in holes, and ``unopened_bytes`` in files of which it cannot be told whether they have some.
    Neither were to be read, and nothing else here is about them: ``volumes`` are the other bytes
    under each root, in the order of the bits in groups, ``totals`` what else the listing tells of
    all units. A row per place: ``places`` (m,), ``exponents`` (m,), the bits of the size of the
    files read there, ``listed`` (m,) bytes of the units, ``once`` (m,) as in Unit. A row per place
    and groups: ``at`` (r,) the row of the place, ``groups`` (r,) as in a Sketch, ``data`` (r,)
    bytes read and ``holes`` (r,) bytes.
    """

    plan: Plan
    design: Design
    kernel: str
    rate: float
    goal_rate: float
    interrupted: bool
    census: Census
    skipped_bytes: int
    unopened_bytes: int
    volumes: dict[bytes, int]
    totals: Totals
    places: Floats
    exponents: npt.NDArray[np.int64]
    listed: U64
    once: U64
    at: npt.NDArray[np.intp]
    groups: U64
    data: U64
    holes: U64
    tables: dict[str, Table]
    cpu_seconds: float

    @property
    def read_bytes(self) -> int:
        """Bytes of data read."""
        return int(self.data.sum())

    @property
    def hole_bytes(self) -> int:
        """Bytes known to be in holes."""
        return int(self.holes.sum()) + self.skipped_bytes

    def read_at(self, groups: int | None = None) -> Floats:
        """(m,) bytes of data read at each place, in any of ``groups``, a bit set, if given."""
        data = self.data if groups is None else self.data * self.met(groups)
        return np.bincount(self.at, data, len(self.places)).astype(np.float64)

    def met(self, groups: int) -> npt.NDArray[np.bool_]:
        """(r,) whether a row is in any of ``groups``, a bit set."""
        met: npt.NDArray[np.bool_] = (self.groups & np.uint64(groups)) != 0
        return met

    @property
    def coverage(self) -> float:
        """Share of the listed bytes, but those known to be in holes, that was read; less than 1 if
        anything was refused."""
        return self.census.coverage(self.read_bytes, self.hole_bytes)

    @property
    def data_bytes(self) -> int:
        """Bytes that the reduction figures are about: all listed but the share that is holes."""
        drawn_bytes = self.census.size_bytes - self.skipped_bytes - self.unopened_bytes
        return self._data_of(drawn_bytes, np.full(len(self.at), True))

    def volume_data_bytes(self, volume: int) -> int:
        """The same of the volume of that number."""
        drawn_bytes = list(self.volumes.values())[volume]
        return self._data_of(drawn_bytes, self.met(1 << VOLUME_BIT + volume))

    def _data_of(self, drawn_bytes: int, rows: npt.NDArray[np.bool_]) -> int:
        read_bytes, hole_bytes = int(self.data[rows].sum()), int(self.holes[rows].sum())
        if self.rate >= 1.0:
            return read_bytes
        return drawn_bytes * read_bytes // (read_bytes + hole_bytes) if hole_bytes else drawn_bytes


class Chunks(NamedTuple):
    """Chunks of some data: ``offsets``, ``keys`` and ``sizes`` (n,); ``runs`` (256,), bytes in
    constant runs by byte value, are not among them."""

    offsets: npt.NDArray[np.int64]
    keys: U64
    sizes: U64
    runs: U64


def pieces_of(
    data: memoryview, begin: int, end: int, chunker: Chunker, kernel: str
) -> npt.NDArray[np.int64]:
    """(n, 3) offset, length and whether it is a run of each piece that ``chunker`` cuts of
    ``data`` for [begin, end): of all from its start if by content."""
    if _is_one_chunk(data, begin, end, chunker):
        return np.array([[begin, end - begin, 0]], np.int64)
    origin, cut_end = (begin, end) if chunker.kind == "fixed" else (0, len(data))
    cut = _native.cut(data[origin:cut_end], chunker.min_bytes, chunker.max_bytes, kernel)
    cut[:, 0] += origin
    return cut


def chunks_of(
    data: memoryview,
    begin: int,
    end: int,
    pieces: npt.NDArray[np.int64],
    chunker: Chunker,
    kernel: str,
) -> Chunks:
    """The chunks that start in [begin, end) of ``data``, which ``chunker`` cuts in ``pieces``.

    If each occurrence counts for itself, what of a run is inside is chunks of the largest size, and
    keys are offsets.
    """
    runs = np.zeros(256, np.uint64)
    of_runs: list[tuple[int, int]] = []
    for offset, length, _ in pieces[pieces[:, 2] == 1].tolist():
        start, stop = max(offset, begin), min(offset + length, end)
        if chunker.per_occurrence:
            starts = range(start, stop, chunker.max_bytes)
            of_runs += ((at, min(chunker.max_bytes, stop - at)) for at in starts)
        elif start < stop:
            runs[data[offset]] += np.uint64(stop - start)
    inside = (pieces[:, 2] == 0) & (begin <= pieces[:, 0]) & (pieces[:, 0] < end)
    pieces = pieces[inside]
    if chunker.per_occurrence:
        cut = np.concatenate((pieces[:, :2], np.array(of_runs, np.int64).reshape(-1, 2)))
        keys = cut[:, 0].astype(np.uint64)
        return Chunks(cut[:, 0], keys, cut[:, 1].astype(np.uint64), runs)
    keys = _native.fingerprints(data, pieces, kernel)[:, 0]
    return Chunks(pieces[:, 0], keys, pieces[:, 1].astype(np.uint64), runs)


def _is_one_chunk(data: memoryview, begin: int, end: int, chunker: Chunker) -> bool:
    """Whether all of [begin, end) is one chunk, as most files are of most chunkers; no run is."""
    if chunker.kind == "fixed":
        return begin < end and end - begin < chunker.max_bytes
    return begin == 0 and 0 < end == len(data) <= chunker.min_bytes


class Collector:
    """Fills the table of one chunker, for all threads; its size is bounded.

    Half of what it holds is let go, by content, whenever it is full.
    """

    def __init__(self, chunker: Chunker, seed: int, rows_max: int = ROWS_MAX) -> None:
        self.chunker = chunker
        self.seed = seed ^ CHUNK_SEED_SALT
        self.compressed_max = chunker.compressed_entries // COMPRESSED_SHARE
        # By place nothing is told but of what is compressed.
        few = SPARE_ROWS * self.compressed_max
        self.rows_max = min(rows_max, few) if chunker.per_occurrence else rows_max
        self.lock = threading.Lock()
        self.rows: list[tuple[U64, U64, Floats, U64]] = []
        self.count = 0
        self.kept = 1.0
        self.compressed: dict[int, tuple[int, ...]] = {}
        self.compressed_kept = 1.0
        self.chunks = 0
        self.runs = np.zeros(256, np.uint64)

    def add(
        self,
        place: float,
        groups: int,
        chunks: Chunks,
        data: memoryview,
        codecs: Sequence[SizesOf],
        compressed: dict[tuple[int, int], tuple[int, ...]],
    ) -> None:
        """Take the ``chunks`` of ``data``, from one unit; those not compressed yet are, with
        ``codecs``, unless ``compressed`` has them by offset and size, where they are added."""
        keys, sizes, runs = chunks.keys, chunks.sizes, chunks.runs
        ranks = self.ranks(keys)
        wanted: dict[int, tuple[int, int]] = {}
        if codecs:
            for row in np.flatnonzero(ranks < self.compressed_kept).tolist():
                wanted.setdefault(int(keys[row]), (int(chunks.offsets[row]), int(sizes[row])))
            wanted = {key: at for key, at in wanted.items() if key not in self.compressed}
        missing = [at for at in wanted.values() if at not in compressed]
        if missing:
            chosen = [data[offset : offset + size] for offset, size in missing]
            found = zip(*(sizes_of(chosen) for sizes_of in codecs), strict=True)
            compressed.update(zip(missing, found, strict=True))
        news = {key: compressed[at] for key, at in wanted.items()}
        with self.lock:
            self.chunks += len(keys) + int(np.count_nonzero(runs))
            self.runs += runs
            keep = ranks < self.kept
            count = int(keep.sum())
            self.rows.append(
                (keys[keep], sizes[keep], np.full(count, place), np.full(count, groups, np.uint64))
            )
            self.count += count
            self.compressed.update(news)
            while self.count > self.rows_max:
                self.prune()
            while len(self.compressed) > self.compressed_max:
                self.compressed_kept /= 2
                self.compressed = self.within(self.compressed_kept)

    def ranks(self, keys: U64) -> Floats:
        return _native.rank(np.column_stack((keys, keys)), np.ones(len(keys), np.uint64), self.seed)

    def within(self, share: float) -> dict[int, tuple[int, ...]]:
        known = np.fromiter(self.compressed, np.uint64, len(self.compressed))
        keys = known[self.ranks(known) < share].tolist()
        return {key: self.compressed[key] for key in keys}

    def prune(self) -> None:
        rows = self.merged()
        if len(rows[0]) > self.rows_max // 2:
            self.kept /= 2
            rows = _rows(rows, self.ranks(rows[0]) < self.kept)
        self.rows = [rows]
        self.count = len(rows[0])

    def merged(self) -> tuple[U64, U64, Floats, U64]:
        """Each chunk once per place, with the groups of all that met there."""
        if not self.rows:
            none = np.empty(0, np.uint64)
            return none, none, np.empty(0), none
        keys, sizes, places, groups = (
            np.concatenate(column) for column in zip(*self.rows, strict=True)
        )
        order = np.lexsort((keys, places))
        keys, sizes, places, groups = keys[order], sizes[order], places[order], groups[order]
        new = np.ones(len(keys), bool)
        new[1:] = (keys[1:] != keys[:-1]) | (places[1:] != places[:-1])
        united = np.bitwise_or.reduceat(groups, np.flatnonzero(new)) if len(keys) else groups
        return keys[new], sizes[new], places[new], united

    def table(self, rate: float) -> Table:
        """The table of what was read at places below ``rate``."""
        rows = self.merged()
        keys, sizes, places, groups = _rows(rows, rows[2] < rate)
        # A chunk that was met at other places only is compressed, but not of the sample.
        share = min(self.compressed_kept, self.kept)
        within = self.within(share)
        known = {key: within[key] for key in np.unique(keys).tolist() if key in within}
        return Table(
            keys, sizes, places, groups, self.kept, known, share, self.chunks, self.runs.copy()
        )


def _rows(
    columns: tuple[U64, U64, Floats, U64], keep: npt.NDArray[np.bool_]
) -> tuple[U64, U64, Floats, U64]:
    keys, sizes, places, groups = columns
    return keys[keep], sizes[keep], places[keep], groups[keep]
