"""Units of corpora, cut and compressed once, from which partial scans are replayed.

The truth is of whole files cut from their start, whose chunks those of units are not all. So that a
corpus of 0.1 to 1.4 GB has at least 5,000 units, its units and chunks are smaller than the
product's where CORPORA says so.
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import click
import numpy as np
import numpy.typing as npt
from extent_chunks import chunks_of

from storeff import _native
from storeff.estimate.extents import ChunkTable, ExtentSample
from storeff.estimate.unseen import Pairs
from storeff.scan import sampling
from storeff.scan.codecs import codec
from storeff.scan.extent import Extents
from storeff.scan.plan import ALLOCATION_BYTES, Chunker
from storeff.scan.sampling import (
    SamplingDesign,
    SamplingRanks,
    Totals,
    object_number,
)
from storeff.sources.entry import Entries
from storeff.sources.source import entries as listed
from storeff.sources.source import read_range
from storeff.sources.tree import LocalTree

Ints = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

CODEC = "zstd-1"
SAME_SIZE_SEED = 20261121
MADE_UP_UNIT_BYTES = 16 * 4096


Cut = Literal["fixed", "content-defined"]


@dataclass(frozen=True)
class Kind:
    """How a corpus is divided and cut."""

    unit_bytes: int
    cut: Cut
    min_bytes: int
    max_bytes: int

    @property
    def lead_bytes(self) -> int:
        """As many chunks of mean size as the product cuts before a unit, if by content."""
        if self.cut == "fixed":
            return 0
        mean_bytes = (self.min_bytes + self.max_bytes) // 2
        return SamplingDesign().lead_bytes * mean_bytes // (64 << 10)


FIXED_4K: tuple[Cut, int, int] = ("fixed", 4 << 10, 4 << 10)
CDC_8K: tuple[Cut, int, int] = ("content-defined", 5 << 10, 11 << 10)
CORPORA = {
    "wheels": Kind(128 << 10, *CDC_8K),
    "tars": Kind(128 << 10, *CDC_8K),
    "js": Kind(16 << 10, *FIXED_4K),
    "weights": Kind(32 << 10, *FIXED_4K),
    "usr": Kind(128 << 10, *CDC_8K),
}


@dataclass(frozen=True, eq=False)
class Record:
    """A row per unit: the size of its file, its number, hashes of the file's name and path, bytes.
    A row per reference of a unit: the unit and the chunk. A row per distinct chunk: bytes,
    compressed, and whether the files have it when each is cut as a whole: what is to be estimated.
    """

    file_bytes: U64
    number: U64
    name: U64
    path: U64
    bytes: Ints
    unit: Ints
    chunk: Ints
    sizes: Ints
    compressed: Ints
    whole: npt.NDArray[np.bool_]

    def truth(self, value: Ints) -> float:
        """Distinct bytes of the whole files, as ``value`` has them, per byte."""
        return float(value[self.whole].sum() / self.bytes.sum())


def record(folder: Path, kind: Kind, bytes_max: int) -> Record:
    """The units of the files in ``folder``, in order of path, up to ``bytes_max``."""
    kernel, compressor = _native.kernels()[0], codec(CODEC)
    chunker = Chunker("recorded", kind.cut, kind.min_bytes, kind.max_bytes, 1)
    tree = LocalTree([folder], one_file_system=True)
    entries = sorted(listed(tree), key=lambda entry: entry.path)
    units: list[tuple[int, int, int, int, int]] = []
    rows: dict[int, int] = {}
    table: list[tuple[int, int]] = []
    references: list[tuple[int, int]] = []
    whole: set[int] = set()
    left = bytes_max

    def rows_of(data: memoryview, begin: int, end: int) -> list[int]:
        found = chunks_of(data, begin, end, chunker, kernel)
        offsets, keys, sizes = (column.tolist() for column in found)
        for offset, key, size in zip(offsets, keys, sizes, strict=True):
            if rows.setdefault(key, len(rows)) == len(table):
                table.append((size, compressor([data[offset : offset + size]])[0]))
        return [rows[key] for key in keys]

    names = Entries.of(entries).name_hashes().tolist()
    for entry, name_hash in zip(entries, names, strict=True):
        if entry.size_bytes > left:
            continue
        left -= entry.size_bytes
        with tree.open(entry) as reader:
            content = memoryview(read_range(reader, 0, entry.size_bytes))
        whole.update(rows_of(content, 0, len(content)))
        for number, start in enumerate(range(0, len(content), kind.unit_bytes)):
            end = min(start + kind.unit_bytes, len(content))
            begin = max(0, start - kind.lead_bytes)
            data = content[begin : end + kind.max_bytes]
            references += ((len(units), row) for row in rows_of(data, start - begin, end - begin))
            units.append((entry.size_bytes, number, name_hash, object_number(entry), end - start))
    unit, chunk = np.array(references, np.int64).T
    sizes_, compressed = np.array(table, np.int64).T
    file_bytes, number, name, path, unit_bytes = np.array(units, np.uint64).T
    in_whole = np.zeros(len(table), bool)
    in_whole[list(whole)] = True
    return Record(
        file_bytes, number, name, path, unit_bytes.astype(np.int64), unit, chunk, sizes_,
        compressed, in_whole,
    )  # fmt: skip


def same_size(files: int = 20_000, chunks: int = 16) -> Record:
    """Files of one size and one unit each: half of them noise, half of them pairs of copies that
    have the same name, and a few chunks that any file may hold."""
    rng = np.random.default_rng(SAME_SIZE_SEED)
    distinct = files // 4
    content = np.concatenate((np.repeat(np.arange(distinct), 2), np.arange(distinct, 3 * distinct)))
    chunk = content[:, np.newaxis] * chunks + np.arange(chunks)
    common = rng.random(chunk.shape) < 0.2
    chunk[common] = 10**9 + rng.zipf(1.5, int(common.sum())) % 5000
    _, rows = np.unique(chunk, return_inverse=True)
    sizes = np.full(int(rows.max()) + 1, 4096)
    return Record(
        np.full(files, chunks * 4096, np.uint64),
        np.zeros(files, np.uint64),
        content.astype(np.uint64) * np.uint64(sampling.GOLDEN),
        np.arange(files, dtype=np.uint64) * np.uint64(sampling.GOLDEN),
        np.full(files, chunks * 4096),
        np.repeat(np.arange(files), chunks),
        rows.ravel(),
        sizes,
        rng.integers(100, 4096, len(sizes)),
        np.ones(len(sizes), bool),
    )


def rare_files(units: int, rare: int, in_units: int) -> Record:
    """Files of one unit that compress to a fiftieth, and one in ``rare`` of ``in_units`` units that
    is incompressible. No two chunks are the same."""
    rng = np.random.default_rng(SAME_SIZE_SEED)
    chunk_bytes = 16384
    counts = np.where(np.arange(units) % rare == rare - 1, in_units, 1)
    file = np.repeat(np.arange(units), counts)
    number = np.arange(len(file)) - np.repeat(np.cumsum(counts) - counts, counts)
    chunks = MADE_UP_UNIT_BYTES // chunk_bytes
    unit = np.repeat(np.arange(len(file)), chunks)
    incompressible = (file % rare == rare - 1)[unit]
    names = rng.integers(0, 1 << 63, units).astype(np.uint64)
    return Record(
        counts[file].astype(np.uint64) * np.uint64(MADE_UP_UNIT_BYTES),
        number.astype(np.uint64),
        names[file],
        np.arange(units, dtype=np.uint64)[file] * np.uint64(sampling.GOLDEN),
        np.full(len(file), MADE_UP_UNIT_BYTES),
        unit,
        np.arange(len(unit)),
        np.full(len(unit), chunk_bytes),
        np.where(incompressible, chunk_bytes, rng.integers(240, 400, len(unit))),
        np.ones(len(unit), bool),
    )


def made_up() -> dict[str, Callable[[], Record]]:
    """Name and record of each corpus that is made up. Of the first every second file has a copy;
    of the others all files compress well but for a few: one in 500, one of 40 units in 3,000, and
    one in 25 where there are only 700."""
    return {
        "same size": same_size,
        "rare files": lambda: rare_files(6_000, 500, 1),
        "rare large file": lambda: rare_files(6_000, 3_000, 40),
        "few units": lambda: rare_files(700, 25, 1),
    }


def loaded(name: str, corpora: Path, cache: Path, bytes_max: int) -> Record:
    """The record of a corpus, made once."""
    kind = CORPORA[name]
    cut = f"{kind.unit_bytes}-{kind.min_bytes}-{kind.max_bytes}-{kind.lead_bytes}"
    path = cache / f"{name}-{cut}-{bytes_max}.npz"
    if not path.exists():
        made = record(corpora / name, kind, bytes_max)
        np.savez(path, allow_pickle=False, **asdict(made))
    with np.load(path) as kept:
        return Record(**{key: kept[key] for key in kept.files})


@dataclass(frozen=True, eq=False)
class Drawn:
    """How the units of a record are drawn: what places are hashes of beside the units' numbers, and
    how many files are alike, as ``storeff.scan.sampling.Shared``."""

    size: U64
    key: U64
    alike: Ints

    def places(self, record: Record, seed: int) -> Floats:
        """(units,) the places of the units."""
        return sampling.sampling_ranks(self.size, record.number, self.key, seed)


def drawn(record: Record, crowd_files: int) -> Drawn:
    """As the product draws, which has no more than ``crowd_files`` files share their places."""
    version_files = min(SamplingDesign().version_limit, crowd_files)
    bits = exponents(record).astype(np.uint64)
    both = _files(record, record.file_bytes * np.uint64(sampling.GOLDEN) ^ record.name)
    named = _files(record, record.name ^ bits)
    of_size = _files(record, record.file_bytes)
    rules = [
        (count >= 2) & (count <= most)
        for count, most in ((both, crowd_files), (named, version_files), (of_size, crowd_files))
    ]
    none = np.zeros(len(both), np.uint64)
    return Drawn(
        size=np.select(rules, [record.file_bytes, bits, record.file_bytes], record.file_bytes),
        key=np.select(rules, [record.name, record.name, none], record.path),
        alike=np.select(rules, [both, both, of_size], 1),
    )


def exponents(record: Record) -> Ints:
    """(units,) bits of the size of each unit's file."""
    return np.frexp(record.file_bytes.astype(np.float64))[1].astype(np.int64)


def _files(record: Record, key: U64) -> Ints:
    """(units,) how many files have the ``key`` of each unit's file."""
    keys, counts = np.unique(key[record.number == 0], return_counts=True)
    return counts[np.searchsorted(keys, key)]


def by_size(record: Record, crowd_files: int) -> Drawn:
    """Files of one size share their places, in a crowd those of one size and name, else none."""
    crowded = _files(record, record.file_bytes ^ record.name) > crowd_files
    named = np.where(crowded, record.path, record.name)
    key = np.where(_files(record, record.file_bytes) > crowd_files, named, np.uint64(0))
    return Drawn(record.file_bytes, key, np.ones(len(key), np.int64))


def alone(record: Record, seed: int) -> Floats:
    """(units,) places that no two units share."""
    keys = np.column_stack((np.arange(len(record.bytes)), np.full(len(record.bytes), 1 << 60)))
    return _native.rank(keys.astype(np.uint64), np.ones(len(keys), np.uint64), seed)


def check_places(folder: Path, kind: Kind) -> None:
    """Raises ClickException unless ``drawn`` is what the product does."""
    tree = LocalTree([folder], one_file_system=True)
    found = Entries.of(entry for entry in listed(tree) if entry.size_bytes)
    design = SamplingDesign(seed=3, extent_bytes=kind.unit_bytes, share_limit=8, version_limit=8)
    product = SamplingRanks(tree, design)
    product.count(found)
    rows = [
        (p.size_bytes, n, name_hash, object_number(p))
        for p, name_hash in zip(found, found.name_hashes().tolist(), strict=True)
        for n in range(-(-p.size_bytes // kind.unit_bytes))
    ]
    none = np.empty(0, np.int64)
    sizes, numbers, names, paths = np.array(rows, np.uint64).T
    ours = Record(sizes, numbers, names, paths, none, none, none, none, none, none > 0)
    units = Extents.joined(list(product.select([found], 0.0, 2.0, Totals())))
    how = drawn(ours, 8)
    told = np.column_stack((units.ranks, product.shared_by(units.entries).group_size))
    same = told == np.column_stack((how.places(ours, 3), how.alike))
    # What collides in the product's tables is told apart there.
    if same.all(axis=1).mean() < 0.98:
        raise click.ClickException("the places are not those of the product")


def sampled(
    record: Record, at: Floats, rate: float, value: Ints, alike: Ints | None = None
) -> Pairs:
    """What reading the units at places below ``rate`` would have given, the listing telling that
    files share their units with ``alike`` ones of their size, if given."""
    taken = at < rate
    hashes, place_of_unit = np.unique(at[taken], return_inverse=True)
    once = record.bytes if alike is None else record.bytes // alike
    read, left = (
        np.bincount(place_of_unit, column[taken], len(hashes)).astype(float)
        for column in (record.bytes, once)
    )
    met = taken[record.unit]
    rows, chunk = np.unique(record.chunk[met], return_inverse=True)
    place = np.searchsorted(hashes, at[record.unit[met]])
    pairs = np.unique(chunk * len(hashes) + place)
    once_share = float(once.sum() / record.bytes.sum())
    return Pairs(
        value[rows].astype(float), pairs // len(hashes), pairs % len(hashes), hashes, read, read,
        left, once_share,
    )  # fmt: skip


def replayed(
    record: Record,
    unit_bytes: int,
    seed: int,
    rate: float,
    tables: dict[str, ChunkTable],
    labels: U64 | None = None,
    roots: dict[bytes, int] | None = None,
) -> ExtentSample:
    """What a scan of ``record`` at ``rate`` finds, beside the ``tables`` of its chunks: ``labels``
    (units,) as in a Sketch, and the bytes of the ``roots`` that they name."""
    how, bits = drawn(record, SamplingDesign().share_limit), exponents(record)
    data_bytes = record.bytes.astype(np.uint64)
    nominal_bytes = data_bytes // how.alike.astype(np.uint64)
    last = (record.number + np.uint64(1)) * np.uint64(unit_bytes) >= record.file_bytes
    at = how.places(record, seed)
    taken = at < rate
    ranks, first, row = np.unique(at[taken], return_index=True, return_inverse=True)
    listed, nominal = (
        np.bincount(row, column[taken], len(ranks)).astype(np.uint64)
        for column in (data_bytes, nominal_bytes)
    )
    all_bytes = int(record.bytes.sum())
    present = np.unique(bits).tolist()
    return ExtentSample(
        seed=seed,
        extent_bytes=unit_bytes,
        lead_bytes=SamplingDesign().lead_bytes,
        share_limit=SamplingDesign().share_limit,
        rate=rate,
        data_bytes=int(data_bytes[taken].sum()) if rate >= 1.0 else all_bytes,
        read_bytes=int(data_bytes[taken].sum()),
        roots=roots or {},
        nominal_share=float(nominal_bytes.sum()) / all_bytes,
        bytes_by_exponent={each: int(record.bytes[bits == each].sum()) for each in present},
        ranks_by_exponent={each: float((1 / how.alike[bits == each]).sum()) for each in present},
        padding_bytes=int((-record.bytes[last] % ALLOCATION_BYTES).sum()),
        ranks=ranks,
        exponents=bits[taken][first],
        listed=listed,
        nominal=nominal,
        at=row,
        labels=np.zeros(len(row), np.uint64) if labels is None else labels[taken],
        data=data_bytes[taken],
        tables=tables,
    )
