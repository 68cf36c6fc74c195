"""How far estimates from a partial read are off, and how often their 95 % intervals hold the truth.

    python tests/bench/partial.py --corpora DIR --cache DIR [--seeds 100] [--corpus NAME]...
        [-o results.json]

Every unit of a corpus is cut and compressed once and recorded; a partial scan under some seed is
then replayed from the record. The truth is of whole files cut from their start, whose chunks those
of units are not all. So that a corpus of 0.1 to 1.4 GB has at least 5,000 units, its units
and chunks are smaller than the product's where CORPORA says so.

``storeff`` is the product: coordinated units, the calibrated linear program. Beside it, from as
many bytes read in uncoordinated units: the same estimator; the plain unseen program, GEE and Chao1
on the chunks' frequencies; and the ratio inside the sample. Errors are relative to the truth,
``ratio`` is the median of high / low of the intervals.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import baselines
import click
import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.estimate.sampled_shares import compressed_share
from storeff.estimate.unseen import DEFAULT_Z, Sample, calibrate, estimate
from storeff.scan import units as scan_units
from storeff.scan.codecs import codec
from storeff.scan.plan import Chunker, Plan
from storeff.scan.sampled import Sampled, Table, cut_unit
from storeff.scan.units import Design, Places, name_hash, path_hash
from storeff.sources.census import Census, Count
from storeff.sources.piece import Piece, open_piece
from storeff.sources.tree import walk

Ints = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]

RATES = (0.01, 0.05, 0.15)
THINNINGS = 60
CODEC = "zstd-1"
UNDIVIDED = 1 << 40
SAME_SIZE_SEED = 20261121


@dataclass(frozen=True)
class Kind:
    """How a corpus is divided and cut."""

    unit_bytes: int
    min_bytes: int
    max_bytes: int

    @property
    def lead_bytes(self) -> int:
        """As many chunks of mean size as the product cuts before a unit, if by content."""
        mean_bytes = (self.min_bytes + self.max_bytes) // 2
        return Design().lead_bytes * mean_bytes // (64 << 10) if mean_bytes < self.max_bytes else 0


FIXED_4K, CDC_8K = (4 << 10, 4 << 10), (5 << 10, 11 << 10)
CORPORA = {
    "wheels": Kind(128 << 10, *CDC_8K),
    "tars": Kind(64 << 10, *CDC_8K),
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
    chunker = Chunker("recorded", kind.min_bytes, kind.max_bytes, 1)
    pieces = sorted(
        (f for f in walk([folder], one_file_system=True, exclude=[]) if isinstance(f, Piece)),
        key=lambda piece: piece.path,
    )
    units: list[tuple[int, int, int, int, int]] = []
    rows: dict[int, int] = {}
    table: list[tuple[int, int]] = []
    references: list[tuple[int, int]] = []
    whole: set[int] = set()
    left = bytes_max

    def rows_of(data: memoryview, begin: int, end: int) -> list[int]:
        offsets, keys, sizes, _ = (c.tolist() for c in cut_unit(data, begin, end, chunker, kernel))
        for offset, key, size in zip(offsets, keys, sizes, strict=True):
            if rows.setdefault(key, len(rows)) == len(table):
                table.append((size, compressor([data[offset : offset + size]])[0]))
        return [rows[key] for key in keys]

    for piece in pieces:
        if piece.size_bytes > left:
            continue
        left -= piece.size_bytes
        with open(open_piece(piece), "rb") as file:
            content = memoryview(file.read())
        whole.update(rows_of(content, 0, len(content)))
        for number, start in enumerate(range(0, len(content), kind.unit_bytes)):
            end = min(start + kind.unit_bytes, len(content))
            begin = max(0, start - kind.lead_bytes)
            data = content[begin : end + kind.max_bytes]
            references += ((len(units), row) for row in rows_of(data, start - begin, end - begin))
            units.append(
                (piece.size_bytes, number, name_hash(piece), path_hash(piece), end - start)
            )
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
        content.astype(np.uint64) * np.uint64(scan_units.GOLDEN),
        np.arange(files, dtype=np.uint64) * np.uint64(scan_units.GOLDEN),
        np.full(files, chunks * 4096),
        np.repeat(np.arange(files), chunks),
        rows.ravel(),
        sizes,
        rng.integers(100, 4096, len(sizes)),
        np.ones(len(sizes), bool),
    )


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


def places(record: Record, seed: int, crowd_files: int) -> Floats:
    """(units,) the places that storeff.scan.units gives the units of ``record``."""
    first = record.number == 0

    def crowded(key: U64) -> npt.NDArray[np.bool_]:
        keys, files = np.unique(key[first], return_counts=True)
        return files[np.searchsorted(keys, key)] > crowd_files

    named = np.where(crowded(record.file_bytes ^ record.name), record.path, record.name)
    shared = np.where(crowded(record.file_bytes), named, np.uint64(0))
    return scan_units.places(record.file_bytes, record.number, shared, seed)


def alone(record: Record, seed: int) -> Floats:
    """(units,) places that no two units share."""
    keys = np.column_stack((np.arange(len(record.bytes)), np.full(len(record.bytes), 1 << 60)))
    return _native.rank(keys.astype(np.uint64), np.ones(len(keys), np.uint64), seed)


def check_places(folder: Path, kind: Kind) -> None:
    """Raises ClickException unless ``places`` are those of the product."""
    found = [f for f in walk([folder], one_file_system=True, exclude=[]) if isinstance(f, Piece)]
    design = Design(seed=3, unit_bytes=kind.unit_bytes, crowd_files=8)
    product = Places(design)
    for piece in found:
        product.count(piece)
    rows = [
        (p.size_bytes, n, name_hash(p), path_hash(p))
        for p in found
        for n in range(-(-p.size_bytes // kind.unit_bytes))
    ]
    none = np.empty(0, np.int64)
    sizes, numbers, names, paths = np.array(rows, np.uint64).T
    ours = Record(sizes, numbers, names, paths, none, none, none, none, none, none > 0)
    theirs = np.concatenate([product.of(piece) for piece in found])
    # Sizes that collide in the product's table are divided more finely there.
    if np.mean(places(ours, 3, 8) == theirs) < 0.98:
        raise click.ClickException("the places are not those of the product")


def sampled(record: Record, at: Floats, rate: float, value: Ints) -> Sample:
    """What reading the units at places below ``rate`` would have given."""
    taken = at < rate
    hashes, place_of_unit = np.unique(at[taken], return_inverse=True)
    read: Floats = np.bincount(place_of_unit, record.bytes[taken], len(hashes)).astype(float)
    met = taken[record.unit]
    rows, chunk = np.unique(record.chunk[met], return_inverse=True)
    place = np.searchsorted(hashes, at[record.unit[met]])
    pairs = np.unique(chunk * len(hashes) + place)
    return Sample(
        value[rows].astype(float), pairs // len(hashes), pairs % len(hashes), hashes, read
    )


@dataclass(frozen=True)
class Row:
    """One estimator of one quantity of one corpus at one rate, over all seeds.

    ``units`` is the bytes of the corpus in units; ``unknown`` the share of seeds without estimate.
    """

    corpus: str
    quantity: str
    rate: float
    estimator: str
    units: float
    truth: float
    bias: float | None
    rmse: float | None
    unknown: float
    coverage: float | None = None
    ratio: float | None = None
    z: float | None = None


Frequencies = Callable[[baselines.Ints, int, int], float]
BY_FREQUENCY: dict[str, Frequencies] = {
    "plain unseen": baselines.unseen,
    "GEE": baselines.gee,
    "Chao1": baselines.chao1,
}


def experiment(
    name: str, unit_bytes: int, record: Record, seeds: int, rate: float
) -> Iterator[Row]:
    units = float(record.bytes.sum()) / unit_bytes
    for quantity, value in (("unique", record.sizes), (f"combined {CODEC}", record.compressed)):
        truth = record.truth(value)
        found: dict[str, list[tuple[float, ...]]] = {}

        def add(
            label: str, *figures: float, found: dict[str, list[tuple[float, ...]]] = found
        ) -> None:
            found.setdefault(label, []).append(figures)

        for seed in range(1, seeds + 1):
            crowds = [("storeff", Design().crowd_files)]
            if name == "same size":
                crowds.append(("storeff, crowds undivided", UNDIVIDED))
            for label, crowd_files in crowds:
                sample = sampled(record, places(record, seed, crowd_files), rate, value)
                z = calibrate(sample, rate, seed, THINNINGS)
                made = estimate(sample, rate, DEFAULT_Z if z is None else z)
                add(label, *(made or (np.nan,) * 3), DEFAULT_Z if z is None else z)
            at = alone(record, seed)
            sample = sampled(record, at, rate, value)
            made = estimate(sample, rate, DEFAULT_Z)
            add("uncoordinated, same program", made.value if made else np.nan)
            add("in-sample ratio", sample.distinct_share)
            met = record.chunk[(at < rate)[record.unit]]
            rows, times = np.unique(met, return_counts=True)
            seen = np.bincount(times)[1:]
            once = rows[times == 1] if (times == 1).any() else rows
            for label, run in BY_FREQUENCY.items():
                unseen = run(seen, len(met), len(record.chunk)) - len(rows)
                total = value[rows].sum() + max(unseen, 0.0) * value[once].mean()
                add(f"uncoordinated, {label}", total / record.bytes.sum())
        for label, rows_ in found.items():
            columns = np.array(rows_, np.float64)
            error = columns[:, 0] / truth - 1
            known = ~np.isnan(error)
            if not known.any():
                yield Row(name, quantity, rate, label, round(units), truth, None, None, 1.0)
                continue
            intervals: dict[str, float] = {}
            if columns.shape[1] > 1:
                low, high = columns[known, 1], columns[known, 2]
                intervals = {
                    "coverage": float(((low <= truth) & (truth <= high)).mean()),
                    "ratio": float(np.median(high / low)),
                    "z": float(columns[known, 3].mean()),
                }
            yield Row(
                name, quantity, rate, label, round(units), truth,
                float(error[known].mean()), float(np.sqrt((error[known] ** 2).mean())),
                1 - float(known.mean()), **intervals,
            )  # fmt: skip


def compression(
    name: str, unit_bytes: int, record: Record, seeds: int, rate: float
) -> Iterator[Row]:
    """What is left when every chunk is compressed, and the interval of that."""
    census = Census()
    first = record.number == 0
    for bits in range(1, 64):
        sizes = record.file_bytes[first & (record.file_bytes >> np.uint64(bits - 1) == 1)]
        if len(sizes):
            census.histogram[bits] = Count(len(sizes), int(sizes.sum()))
    census.size_bytes = int(record.file_bytes[first].sum())
    chunk_bytes = record.sizes[record.chunk]
    left = record.compressed[record.chunk]
    truth = float(left.sum() / chunk_bytes.sum())
    keys = np.arange(len(record.chunk), dtype=np.uint64)
    exponents = np.array([int(size).bit_length() for size in record.file_bytes.tolist()])
    found = []
    for seed in range(1, seeds + 1):
        at = places(record, seed, Design().crowd_files)
        hashes, unit = np.unique(at[at < rate], return_index=True)
        met = at[record.unit] < rate
        rows = np.flatnonzero(met)
        table = Table(
            keys[rows],
            chunk_bytes[rows].astype(np.uint64),
            at[record.unit[rows]],
            np.zeros(len(rows), np.uint64),
            1.0,
            dict(zip(rows.tolist(), ((size,) for size in left[rows].tolist()), strict=True)),
            1.0,
            len(rows),
            np.zeros(256, np.uint64),
        )
        read = np.bincount(np.searchsorted(hashes, at[record.unit[rows]]), chunk_bytes[rows])
        scan = Sampled(
            plan=Plan(),
            design=Design(seed=seed, unit_bytes=unit_bytes),
            kernel="scalar",
            rate=rate,
            census=census,
            volumes={},
            places=hashes,
            exponents=exponents[at < rate][unit],
            at=np.arange(len(hashes)),
            groups=np.zeros(len(hashes), np.uint64),
            data=read.astype(np.uint64),
            holes=np.zeros(len(hashes), np.uint64),
            tables={},
            cpu_seconds=0.0,
        )
        found.append(compressed_share(scan, table, 0) or (np.nan,) * 3)
    value, low, high = np.array(found).T
    known = ~np.isnan(value)
    if known.any():
        error = value[known] / truth - 1
        covered = (low[known] <= truth) & (truth <= high[known])
        yield Row(
            name,
            f"compression {CODEC}",
            rate,
            "storeff",
            round(float(record.bytes.sum()) / unit_bytes),
            truth,
            float(error.mean()),
            float(np.sqrt((error**2).mean())),
            1 - float(known.mean()),
            float(covered.mean()),
            float(np.median(high[known] / low[known])),
        )


@click.command(help=__doc__, context_settings={"max_content_width": 100})
@click.option("--corpora", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path))
@click.option("--bytes-max", default=1_400_000_000, show_default=True, help="Of each corpus.")
@click.option("--seeds", default=100, show_default=True)
@click.option("--corpus", "names", multiple=True, help="Only these; 'same size' is made up.")
@click.option("--compression-only", is_flag=True)
@click.option("-o", "output", type=click.Path(dir_okay=False, path_type=Path))
def main(
    corpora: Path | None,
    cache: Path | None,
    bytes_max: int,
    seeds: int,
    names: tuple[str, ...],
    compression_only: bool,
    output: Path | None,
) -> None:
    if (corpora is None) != (cache is None):
        raise click.UsageError("--corpora and --cache go together")
    rows: list[Row] = []
    for name in names or ("same size", *(CORPORA if corpora else ())):
        if name == "same size":
            made, unit_bytes = same_size(), 16 * 4096
        else:
            assert corpora is not None
            assert cache is not None
            cache.mkdir(parents=True, exist_ok=True)
            check_places(corpora / name, CORPORA[name])
            made = loaded(name, corpora, cache, bytes_max)
            unit_bytes = CORPORA[name].unit_bytes
        for rate in RATES:
            rows_of = [compression(name, unit_bytes, made, seeds, rate)]
            if not compression_only:
                rows_of.append(experiment(name, unit_bytes, made, seeds, rate))
            for row in itertools.chain(*rows_of):
                rows.append(row)
                interval = ""
                if row.coverage is not None:
                    interval = f" coverage {row.coverage:.2f} high/low {row.ratio:.2f}"
                if row.bias is None:
                    click.echo(f"{row.corpus:10}{rate:5.0%} {row.quantity:16}{row.estimator:30} -")
                    continue
                click.echo(
                    f"{row.corpus:10}{row.rate:5.0%} {row.quantity:16}{row.estimator:30}"
                    f" bias {row.bias:+7.1%} RMSE {row.rmse:7.1%}{interval}"
                )
    if output:
        about = {
            "date": date.today().isoformat(),
            "seeds": seeds,
            "thinnings": THINNINGS,
            "corpora": {name: asdict(kind) for name, kind in CORPORA.items()},
        }
        output.write_text(
            json.dumps({**about, "rows": [asdict(row) for row in rows]}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
