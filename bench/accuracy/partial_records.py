"""Units of corpora, cut and compressed once, from which partial scans are replayed
(partial_replay.py).

The truth is of whole files cut from their start, whose chunks those of units are not all. So that a
corpus of 0.1 to 1.4 GB has at least 5,000 units, its units and chunks are smaller than the
product's where CORPORA says so.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import click
import numpy as np
import numpy.typing as npt
from extent_chunks import chunks_of

from storeff import _native
from storeff.scan.codecs import codec
from storeff.scan.plan import HEADLINE, Chunker
from storeff.scan.sampling import GOLDEN, SamplingDesign, object_number
from storeff.sources.entry import Entries
from storeff.sources.source import entries as listed
from storeff.sources.source import read_range
from storeff.sources.tree import LocalTree

Ints = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

# The codec that is judged, and a cheaper one, which more chunks of a part are compressed with.
CODEC, CHEAPER = HEADLINE.codec, "lz4"
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
    compressed with CODEC, ``cheaper`` with that; and whether the files have it when each is cut as
    a whole: what is to be estimated.
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
    cheaper: Ints
    whole: npt.NDArray[np.bool_]

    def truth(self, value: Ints) -> float:
        """Distinct bytes of the whole files, as ``value`` has them, per byte."""
        return float(value[self.whole].sum() / self.bytes.sum())


def record(folder: Path, kind: Kind, bytes_max: int) -> Record:
    """The units of the files in ``folder``, in order of path, up to ``bytes_max``."""
    kernel, compressors = _native.kernels()[0], [codec(name) for name in (CODEC, CHEAPER)]
    chunker = Chunker("recorded", kind.cut, kind.min_bytes, kind.max_bytes, 1)
    tree = LocalTree([folder], one_file_system=True)
    entries = sorted(listed(tree), key=lambda entry: entry.path)
    units: list[tuple[int, int, int, int, int]] = []
    rows: dict[int, int] = {}
    table: list[tuple[int, ...]] = []
    references: list[tuple[int, int]] = []
    whole: set[int] = set()
    left = bytes_max

    def rows_of(data: memoryview, begin: int, end: int) -> list[int]:
        found = chunks_of(data, begin, end, chunker, kernel)
        offsets, keys, sizes = (column.tolist() for column in found)
        for offset, key, size in zip(offsets, keys, sizes, strict=True):
            if rows.setdefault(key, len(rows)) == len(table):
                chunk = [data[offset : offset + size]]
                table.append((size, *(sizes_of(chunk)[0] for sizes_of in compressors)))
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
    sizes_, compressed, cheaper = np.array(table, np.int64).T
    file_bytes, number, name, path, unit_bytes = np.array(units, np.uint64).T
    in_whole = np.zeros(len(table), bool)
    in_whole[list(whole)] = True
    return Record(
        file_bytes, number, name, path, unit_bytes.astype(np.int64), unit, chunk, sizes_,
        compressed, cheaper, in_whole,
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
    compressed = rng.integers(100, 4096, len(sizes))
    return Record(
        np.full(files, chunks * 4096, np.uint64),
        np.zeros(files, np.uint64),
        content.astype(np.uint64) * np.uint64(GOLDEN),
        np.arange(files, dtype=np.uint64) * np.uint64(GOLDEN),
        np.full(files, chunks * 4096),
        np.repeat(np.arange(files), chunks),
        rows.ravel(),
        sizes,
        compressed,
        compressed + (rng.beta(2, 8, len(sizes)) * (sizes - compressed)).astype(np.int64),
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
    compressed = np.where(incompressible, chunk_bytes, rng.integers(240, 400, len(unit)))
    return Record(
        counts[file].astype(np.uint64) * np.uint64(MADE_UP_UNIT_BYTES),
        number.astype(np.uint64),
        names[file],
        np.arange(units, dtype=np.uint64)[file] * np.uint64(GOLDEN),
        np.full(len(file), MADE_UP_UNIT_BYTES),
        unit,
        np.arange(len(unit)),
        np.full(len(unit), chunk_bytes),
        compressed,
        np.minimum(chunk_bytes, compressed + rng.integers(0, 100, len(unit))),
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
    cut = f"{kind.unit_bytes}-{kind.min_bytes}-{kind.max_bytes}-{kind.lead_bytes}-{CODEC}-{CHEAPER}"
    path = cache / f"{name}-{cut}-{bytes_max}.npz"
    if not path.exists():
        made = record(corpora / name, kind, bytes_max)
        np.savez(path, allow_pickle=False, **asdict(made))
    with np.load(path) as kept:
        return Record(**{key: kept[key] for key in kept.files})


def options(command: Callable[..., None]) -> Callable[..., None]:
    """What says of which corpora, and of how many seeds."""
    folder = click.Path(file_okay=False, path_type=Path)
    for option in (
        click.option("-o", "output", type=click.Path(dir_okay=False, path_type=Path)),
        click.option("--corpus", "names", multiple=True, help="Only these; some are made up."),
        click.option("--seeds", default=100, show_default=True),
        click.option("--bytes-max", default=1_400_000_000, show_default=True, help="Of each."),
        click.option("--cache", type=folder),
        click.option("--corpora", type=click.Path(exists=True, file_okay=False, path_type=Path)),
    ):
        command = option(command)
    return command


def chosen(
    corpora: Path | None, cache: Path | None, bytes_max: int, names: tuple[str, ...]
) -> Iterator[tuple[str, Record, int]]:
    """Name, record and bytes of a unit of the corpora ``names``; of all, if there are none."""
    if (corpora is None) != (cache is None):
        raise click.UsageError("--corpora and --cache go together")
    for name in names or (*made_up(), *(CORPORA if corpora else ())):
        if name in made_up():
            yield name, made_up()[name](), MADE_UP_UNIT_BYTES
        elif name not in CORPORA or corpora is None or cache is None:
            raise click.UsageError(f"there is no corpus {name} without --corpora and --cache")
        else:
            cache.mkdir(parents=True, exist_ok=True)
            yield name, loaded(name, corpora, cache, bytes_max), CORPORA[name].unit_bytes


def save(output: Path | None, about: dict[str, Any], **rows: list[Any]) -> None:
    """Write ``rows``, by name, and what they are ``about``."""
    if output:
        found = {name: [asdict(row) for row in each] for name, each in rows.items()}
        output.write_text(json.dumps(about | found, indent=1) + "\n")
