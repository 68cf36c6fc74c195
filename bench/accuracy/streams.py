"""Chunk streams to judge estimators on: recorded from real files, and made up with a known shape.

A constant run is left out: the product counts it exactly and outside its sketch, and so is a hole.
Both show as a gap between offsets.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property, partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.kv.dumps import looks_like
from storeff.scan.codecs import CODECS, codec
from storeff.scan.plan import CUTTINGS, Chunker, Plan
from storeff.sources.content import CLASSES, PROBE_BYTES, classify
from storeff.sources.entry import Entry
from storeff.sources.source import Source, read_range
from storeff.sources.source import entries as listed
from storeff.sources.tree import LocalTree

U64 = npt.NDArray[np.uint64]
U32 = npt.NDArray[np.uint32]
Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Rng = np.random.Generator

RECORDED = ("whole-file", "fixed-4KiB", "fixed-64KiB", "cdc-8KiB", "cdc-64KiB")
PART_BYTES = Plan().part_bytes
SYNTHETIC_SEED = 20261121
# One chunk has at most this share of the references of a Zipf stream.
ZIPF_CAP = 10_000
FILE_CHUNKS = 32
# References of made-up streams, such that each has 5.4 million distinct chunks.
LARGE = {
    "all unique, variable": 5_400_000,
    "uniform 1-3, variable": 10_800_000,
    "zipf 2.0, variable": 54_000_000,
    "hot 10 %, variable": 12_000_000,
    "skewed compression": 10_800_000,
    "file sizes": 10_800_000,
}


@dataclass(frozen=True, eq=False)
class Stream:
    """References to chunks in reading order, and the table of the distinct chunks they name.

    A row per distinct chunk: ``keys`` (u, 2) fingerprints, ``sizes`` (u,) bytes, ``compressed``
    (u, codecs) bytes, by ``codecs``: all of the product's, the cheapest first, or none of whole
    files; ``predicted`` (u, 2) as in a Sketch. A row per reference: ``chunk`` (n,) its row in the
    table, ``in_file`` (n,) the number of its file. ``stratum`` (files,) is the number of each
    file's content class.
    """

    keys: U64
    sizes: U64
    compressed: U32
    predicted: U32
    chunk: U32
    in_file: U32
    stratum: npt.NDArray[np.uint8]
    codecs: tuple[str, ...]

    @cached_property
    def counts(self) -> U64:
        """(u,) references to each distinct chunk."""
        return np.bincount(self.chunk, minlength=len(self.sizes)).astype(np.uint64)

    @cached_property
    def groups(self) -> U64:
        """(u,) bit set of the strata in which each distinct chunk occurs."""
        groups = np.zeros(len(self.sizes), np.uint64)
        stratum = self.stratum[self.in_file]
        for bit in np.unique(stratum):
            groups[self.chunk[stratum == bit]] |= np.uint64(1 << int(bit))
        return groups

    @cached_property
    def bytes(self) -> int:
        """Bytes of all references."""
        return int((self.sizes * self.counts).sum())

    def stratum_bytes(self) -> dict[int, int]:
        """Bytes of the references in each stratum that has any."""
        totals = np.bincount(self.stratum[self.in_file], self.sizes[self.chunk].astype(np.float64))
        return {bit: int(total) for bit, total in enumerate(totals) if total}


# ---- real files ----


def recorded(corpora: Path, cache: Path) -> Iterator[tuple[str, Callable[[], Stream]]]:
    """Name and stream of each corpus, a folder in ``corpora``, under each of RECORDED.

    A stream is recorded once and kept in ``cache`` under a name that changes with the files.
    """
    cache.mkdir(parents=True, exist_ok=True)
    chunkers = {c.name: c for c in CUTTINGS}
    for folder in sorted(f for f in corpora.iterdir() if f.is_dir() and f.name[0] != "."):
        tree = LocalTree([folder], one_file_system=True)
        entries = sorted(listed(tree), key=lambda entry: entry.path)
        for name in RECORDED:
            load = partial(_cached, folder.name, tree, entries, chunkers[name], cache)
            yield f"{folder.name} {name}", load


def _cached(
    corpus: str, source: Source, entries: list[Entry], chunker: Chunker, cache: Path
) -> Stream:
    what = [(p.path, p.size_bytes, p.version) for p in entries]
    cut = (chunker.name, *chunker.cut, PART_BYTES, *CODECS)
    digest = hashlib.sha256(repr((what, cut)).encode()).hexdigest()[:16]
    path = cache / f"{corpus}-{chunker.name}-{digest}.npz"
    if not path.exists():
        made = record(source, entries, chunker)
        part = path.with_suffix(".part.npz")
        arrays = {f.name: np.asarray(getattr(made, f.name)) for f in fields(made)}
        np.savez(part, allow_pickle=False, **arrays)
        os.replace(part, path)
    with np.load(path) as kept:
        columns = {key: kept[key] for key in kept.files}
    return Stream(**{**columns, "codecs": tuple(columns["codecs"].tolist())})


def record(source: Source, entries: list[Entry], chunker: Chunker) -> Stream:
    """The stream of ``entries`` of ``source`` under ``chunker``. A whole file is not compressed."""
    names = () if chunker.kind == "whole" else tuple(CODECS)
    compressors = [codec(name) for name in names]
    rows: dict[tuple[bytes, int], int] = {}
    compressed: list[tuple[int, ...]] = []
    predicted: list[tuple[int, int]] = []
    references: list[tuple[int, int]] = []
    strata: list[int] = []
    for entry in entries:
        segments = list(_segments(source, entry))
        head = segments[0][1][:PROBE_BYTES] if segments else b""
        new: list[memoryview] = []
        for key, size, content in _chunks(segments, chunker):
            row = rows.setdefault((key, size), len(rows))
            if row == len(compressed) + len(new):
                new.append(content)
            references.append((row, len(strata)))
        name = source.name(entry)
        strata.append(CLASSES.index(classify(head, name, entry.size_bytes, looks_like)))
        columns = [sizes_of(new) for sizes_of in compressors] if new else []
        compressed += zip(*columns, strict=True) if columns else [()] * len(new)
        predicted += [_native.predict(content) if names else (0, 0) for content in new]
    digests = np.frombuffer(b"".join(key for key, _ in rows), ">u8").reshape(-1, 2)
    table = np.array(references, np.uint32).reshape(-1, 2)
    return Stream(
        keys=digests.astype(np.uint64),
        sizes=np.array([size for _, size in rows], np.uint64),
        compressed=np.array(compressed, np.uint32).reshape(len(rows), len(names)),
        predicted=np.array(predicted, np.uint32).reshape(len(rows), 2),
        chunk=table[:, 0].copy(),
        in_file=table[:, 1].copy(),
        stratum=np.array(strata, np.uint8),
        codecs=names,
    )


def _segments(source: Source, entry: Entry) -> Iterator[tuple[int, bytes]]:
    """Offset and content of each stretch of data between holes and ends of parts."""
    with source.open(entry) as reader:
        for start in range(0, entry.size_bytes, PART_BYTES):
            end = min(start + PART_BYTES, entry.size_bytes)
            for offset, length, is_hole in reader.segments(start, end):
                if not is_hole:
                    yield offset, read_range(reader, offset, length)


def _chunks(
    segments: list[tuple[int, bytes]], chunker: Chunker
) -> Iterator[tuple[bytes, int, memoryview]]:
    """Fingerprint, size and content of each chunk that is not a run."""
    kernel = _native.kernels()[0]
    if chunker.kind == "whole":
        parts = [(offset, _native.fingerprint(data, kernel)) for offset, data in segments]
        if parts:
            size = sum(len(data) for _, data in segments)
            yield _native.fingerprint(repr(parts).encode(), kernel), size, memoryview(b"")
        return
    for _, data in segments:
        pieces = _native.cut(data, chunker.min_bytes, chunker.max_bytes, kernel)
        for offset, length, is_run in pieces.tolist():
            if not is_run:
                content = memoryview(data)[offset : offset + length]
                yield _native.fingerprint(content, kernel), length, content


# ---- made up ----


def synthetic(references: int) -> Iterator[tuple[str, Callable[[], Stream]]]:
    """Name and stream of each made-up shape, of about ``references`` references.

    Each with chunks of 8 KiB and of 6 to 10 KiB, except where the sizes are the shape. Zipf
    streams have a tenth as many distinct chunks instead, however many references that gives.
    """
    many, few = references, references // 10
    counts: dict[str, Callable[[Rng], U64]] = {
        "all unique": lambda _: np.ones(many, np.uint64),
        "all doubled": lambda _: np.full(many // 2, 2, np.uint64),
        "uniform 1-3": lambda rng: rng.integers(1, 4, many // 2).astype(np.uint64),
        "all x10": lambda _: np.full(few, 10, np.uint64),
        "zipf 1.2": lambda rng: _zipf(1.2, few, rng),
        "zipf 1.6": lambda rng: _zipf(1.6, few, rng),
        "zipf 2.0": lambda rng: _zipf(2.0, few, rng),
        "hot 10 %": lambda rng: _hot(0.1, many, rng),
        "hot 50 %": lambda rng: _hot(0.5, many, rng),
    }
    for name, draw in counts.items():
        for kind, sizes in (("fixed", fixed_sizes), ("variable", variable_sizes)):
            yield f"{name}, {kind}", partial(_shuffled, draw, sizes, mixed_ratios)
    uniform = counts["uniform 1-3"]
    yield "skewed compression", partial(_shuffled, uniform, variable_sizes, skewed_ratios)
    yield "rare incompressible", partial(_shuffled, uniform, variable_sizes, rare_incompressible)
    yield "rare compressible", partial(_shuffled, uniform, variable_sizes, rare_compressible)
    yield "hidden from lz4", partial(_shuffled, uniform, variable_sizes, mixed_ratios, 0.5)
    yield "blocks and tails", partial(_shuffled, uniform, block_sizes, mixed_ratios)
    yield "file sizes", partial(_shuffled, uniform, file_sizes, mixed_ratios)
    yield "one giant file", partial(_shuffled, uniform, giant_sizes, mixed_ratios)
    yield "shifted copies", partial(_copies, many, copies=4, strata=1, changed=0.05)
    yield "two strata share all", partial(_copies, many, copies=2, strata=2, changed=0.0)


def large() -> Iterator[tuple[str, Callable[[], Stream]]]:
    """Name and stream of each shape in LARGE."""
    for name, references in LARGE.items():
        yield name, dict(synthetic(references))[name]


def _zipf(exponent: float, distinct: int, rng: Rng) -> U64:
    """References to each chunk: c of them with a probability in proportion to c^-exponent."""
    return np.minimum(rng.zipf(exponent, distinct), ZIPF_CAP).astype(np.uint64)


def _hot(share: float, references: int, rng: Rng) -> U64:
    """One chunk with ``share`` of the references, the others with one to three."""
    counts = rng.integers(1, 4, int(references * (1 - share) / 2)).astype(np.uint64)
    counts[0] = int(counts[1:].sum() * share / (1 - share))
    return counts


def fixed_sizes(distinct: int, _: Rng) -> U64:
    return np.full(distinct, 8192, np.uint64)


def variable_sizes(distinct: int, rng: Rng) -> U64:
    """What cdc-8KiB gives on noise."""
    return rng.integers(6144, 10241, distinct).astype(np.uint64)


def file_sizes(distinct: int, rng: Rng) -> U64:
    """Log-normal with a median of 4 KiB: half of the bytes are in one file of fifty."""
    return np.ceil(4096 * rng.lognormal(0, 2, distinct)).astype(np.uint64)


def block_sizes(distinct: int, rng: Rng) -> U64:
    """Blocks of 64 KiB, and twice as many last blocks of files: half of these below 4 KiB."""
    tails = np.minimum(np.ceil(4096 * rng.lognormal(0, 2, distinct)), 65536)
    return np.where(rng.random(distinct) < 1 / 3, 65536, tails).astype(np.uint64)


def giant_sizes(distinct: int, rng: Rng) -> U64:
    """``file_sizes``, and one file as large as all others together."""
    sizes = file_sizes(distinct, rng)
    sizes[0] = sizes[1:].sum()
    return sizes


def mixed_ratios(sizes: U64, rng: Rng) -> Floats:
    """What zstd-3 leaves / original: 30 % incompressible, 10 % nearly empty, the rest about 0.4.

    Small chunks shrink less.
    """
    kind = rng.choice(3, len(sizes), p=(0.3, 0.1, 0.6))
    ratios = np.where(kind == 1, 0.02, rng.beta(2, 3, len(sizes)))
    by_size = (float(np.median(sizes)) / sizes) ** 0.2
    return np.where(kind == 0, 1.0, ratios * by_size)


def skewed_ratios(sizes: U64, rng: Rng) -> Floats:
    """3 % of the chunks hold three quarters of the compressed bytes."""
    return np.where(rng.random(len(sizes)) < 0.03, 1.0, 0.01)


def rare_incompressible(sizes: U64, rng: Rng) -> Floats:
    """One chunk in 1,000 is incompressible and holds 5 % of the compressed bytes."""
    return np.where(rng.random(len(sizes)) < 0.001, 1.0, 0.02)


def rare_compressible(sizes: U64, rng: Rng) -> Floats:
    """One chunk in 1,000 is nearly empty, all others are incompressible."""
    return np.where(rng.random(len(sizes)) < 0.001, 0.01, 1.0)


def _shuffled(
    draw: Callable[[Rng], U64],
    sizes: Callable[[int, Rng], U64],
    ratios: Callable[[U64, Rng], Floats],
    hidden: float = 0.0,
) -> Stream:
    """Chunks with the drawn counts in random order, a share ``hidden`` of which lz4 leaves as they
    are, whatever zstd does."""
    rng = np.random.default_rng(SYNTHETIC_SEED)
    counts = draw(rng)
    chunk = rng.permutation(np.repeat(np.arange(len(counts)), counts.astype(np.int64)))
    file = np.cumsum(rng.random(len(chunk)) < 1 / FILE_CHUNKS, dtype=np.int64)
    return _assemble(
        chunk, file, np.zeros(file[-1] + 1, np.int64), sizes(len(counts), rng), ratios, rng, hidden
    )


def _copies(references: int, copies: int, strata: int, changed: float) -> Stream:
    """Copies of a set of files, each file of a later copy with a share ``changed`` of its chunks
    replaced and, if any is, a new chunk at its start, which shifts the rest. The copies take
    turns at ``strata`` content classes.
    """
    rng = np.random.default_rng(SYNTHETIC_SEED)
    distinct = references // copies
    file = np.cumsum(rng.random(distinct) < 1 / FILE_CHUNKS, dtype=np.int64)
    first = np.diff(file, prepend=-1) > 0
    files = int(file[-1]) + 1
    chunk: list[Ints] = [np.arange(distinct)]
    files_of: list[Ints] = [file]
    next_new = distinct
    for copy in range(1, copies):
        ids: Ints = np.arange(distinct)
        of = file
        if changed:
            new = rng.random(distinct) < changed
            ids[new] = next_new + np.arange(new.sum())
            next_new += int(new.sum())
            ids = np.insert(ids, np.flatnonzero(first), next_new + np.arange(first.sum()))
            of = np.insert(file, np.flatnonzero(first), file[first])
            next_new += int(first.sum())
        chunk.append(ids)
        files_of.append(of + copy * files)
    # A chunk that no copy kept would be a row without references.
    rows, ids = np.unique(np.concatenate(chunk), return_inverse=True)
    return _assemble(
        ids,
        np.concatenate(files_of),
        np.repeat(np.arange(copies) % strata, files),
        variable_sizes(len(rows), rng),
        mixed_ratios,
        rng,
    )


def _assemble(
    chunk: Ints,
    file: Ints,
    stratum: Ints,
    sizes: U64,
    ratios: Callable[[U64, Rng], Floats],
    rng: Rng,
    hidden: float = 0.0,
) -> Stream:
    shares = _by_all(ratios(sizes, rng), rng)
    shares[rng.random(len(sizes)) < hidden, 0] = 1.0
    # Predictions of about the two fastest, by a tenth too much or too little.
    about = shares[:, :2] * rng.lognormal(0, 0.1, (len(sizes), 2))
    compressed, predicted = (
        np.clip(np.round(sizes[:, np.newaxis] * each), 1, sizes[:, np.newaxis]).astype(np.uint32)
        for each in (shares, about)
    )
    return Stream(
        keys=rng.integers(0, 2**64, (len(sizes), 2), np.uint64),
        sizes=sizes,
        compressed=compressed,
        predicted=predicted,
        chunk=chunk.astype(np.uint32),
        in_file=file.astype(np.uint32),
        stratum=stratum.astype(np.uint8),
        codecs=tuple(CODECS),
    )


def _by_all(least: Floats, rng: Rng) -> Floats:
    """(n, 3) what the codecs leave per byte of chunks of which the best leaves ``least`` (n,).

    On average the fastest leaves more by a fifth of what that saves, of chunks that hardly are
    there any more by four fifths of what it leaves; the one between a twentieth of that.
    """
    more = rng.beta(2, 8, len(least)) * np.clip(4 * least, 0.0, np.maximum(1 - least, 0.0))
    between = rng.beta(1, 19, len(least)) * more
    return np.column_stack((least + more, least + between, least))
