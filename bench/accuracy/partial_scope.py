"""What a partial scan says beyond its headline: how often those 95 % intervals hold the truth.

    python bench/accuracy/partial_scope.py --corpora DIR --cache DIR [--seeds 100]
        [--corpus NAME]... [-o results.json]

Parts of 15 % are replayed from the records of partial_records.py, each file in one of two volumes
by its path and in one of four classes by its name, and given to storeff.estimate as a scan gives
them. Judged are the growth of the ratio with the scope, the distinct bytes of each volume, what the
two share, what only one holds, and the data and distinct bytes of each class. The truth is of all
units. ``point`` is the share of seeds that give a point: bias and RMSE are of those. ``width`` is
the median of (high - low) / truth, ``unknown`` the share of seeds that say nothing.
"""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

import click
import numpy as np
from partial_records import (
    CORPORA,
    MADE_UP_UNIT_BYTES,
    U64,
    Record,
    drawn,
    loaded,
    replayed,
    same_size,
)

from storeff.estimate.extents import ChunkTable, ExtentSample
from storeff.estimate.reduction import SHARES, sharing_of, strata
from storeff.estimate.sampled import SampleEvidence
from storeff.quantity import Quantity
from storeff.scan.measurement import VOLUME_BIT
from storeff.scan.plan import HEADLINE, deduplicating
from storeff.scan.sampling import SamplingDesign
from storeff.sources.content import CLASSES

RATE = 0.15
VOLUMES = (b"one", b"two")
CLASS_BITS = 4


def groups_of(record: Record) -> U64:
    """(units,) the bits of each unit's class and volume."""
    of_class = (record.name >> np.uint64(7)) % np.uint64(CLASS_BITS)
    volume = (record.path >> np.uint64(7)) & np.uint64(1)
    return (np.uint64(1) << of_class) | (np.uint64(1) << (volume + np.uint64(VOLUME_BIT)))


def sampled(record: Record, groups: U64, unit_bytes: int, seed: int, rate: float) -> ExtentSample:
    """What a scan of ``record`` at ``rate`` finds; all chunks are kept and compressed."""
    at = drawn(record, SamplingDesign().share_limit).places(record, seed)
    taken = at < rate
    hashes, row = np.unique(at[taken], return_inverse=True)
    met = taken[record.unit]
    key, pair = np.unique(
        row[np.cumsum(taken) - 1][record.unit[met]] * len(record.sizes) + record.chunk[met],
        return_inverse=True,
    )
    place, chunk = np.divmod(key, len(record.sizes))
    united = np.zeros(len(key), np.uint64)
    np.bitwise_or.at(united, pair, groups[record.unit[met]])
    chunker = deduplicating()[HEADLINE.chunker]
    compressed = np.repeat(record.compressed[chunk].astype(np.uint64)[:, np.newaxis], 3, axis=1)
    table = ChunkTable(
        chunker, chunk.astype(np.uint64), record.sizes[chunk].astype(np.uint64), hashes[place],
        united, 1.0, compressed, 1.0, int(met.sum()), np.zeros(256, np.uint64),
    )  # fmt: skip
    volumes = {
        name: int(record.bytes[(groups >> np.uint64(VOLUME_BIT + bit)) & np.uint64(1) == 1].sum())
        for bit, name in enumerate(VOLUMES)
    }
    return replayed(record, unit_bytes, seed, rate, {chunker.name: table}, groups, volumes)


def figures(found: ExtentSample) -> Iterator[tuple[str, Quantity]]:
    """What is judged, by name."""
    evidence = SampleEvidence(found)
    chunker = evidence.chunkers[HEADLINE.chunker]
    left = evidence.growth(chunker, HEADLINE.codec, SHARES)
    for share, q in zip(SHARES, left, strict=True):
        yield f"ratio of {share:.3g} of the units", round(share * found.data_bytes) / q
    shared = sharing_of(evidence, chunker)
    assert shared is not None
    yield "needless bytes", shared.needless_bytes
    for volume in shared.volumes:
        yield f"distinct in {volume.name}", volume.unique_bytes
        yield f"only in {volume.name}", volume.only_here_bytes
    for pair in shared.pairs:
        yield "shared", pair.shared_bytes
    for stratum in strata(evidence, chunker):
        assert stratum.data_share is not None
        yield f"share of class {CLASSES.index(stratum.name)}", stratum.data_share
        yield f"ratio of class {CLASSES.index(stratum.name)}", stratum.ratio


@dataclass(frozen=True)
class Row:
    """One quantity of one corpus, over all seeds."""

    corpus: str
    quantity: str
    truth: float
    unknown: float
    point: float
    bias: float | None
    rmse: float | None
    coverage: float | None
    width: float | None


def experiment(name: str, record: Record, unit_bytes: int, seeds: int) -> Iterator[Row]:
    groups = groups_of(record)
    found: defaultdict[str, list[tuple[Quantity, float]]] = defaultdict(list)
    for seed in range(1, seeds + 1):
        # Which units share a place depends a little on the seed.
        truth = dict(figures(sampled(record, groups, unit_bytes, seed, 1.0)))
        for quantity, figure in figures(sampled(record, groups, unit_bytes, seed, RATE)):
            right = truth[quantity].value
            assert right is not None
            found[quantity].append((figure, float(right)))
    for quantity, pairs in found.items():
        rights = np.array([right for _, right in pairs])
        value, low, high = (
            np.array([getattr(figure, field) for figure, _ in pairs], np.float64)
            for field in ("value", "low", "high")
        )
        known, point = ~np.isnan(low), ~np.isnan(value)
        error = value[point] / rights[point] - 1
        covered = (low <= rights * (1 + 1e-9)) & (rights <= high * (1 + 1e-9))
        yield Row(
            corpus=name,
            quantity=quantity,
            truth=float(rights.mean()),
            unknown=1 - float(known.mean()),
            point=float(point.mean()),
            bias=float(error.mean()) if point.any() else None,
            rmse=float((error**2).mean() ** 0.5) if point.any() else None,
            coverage=float(covered[known].mean()) if known.any() else None,
            width=float(np.median((high - low)[known] / rights[known])) if known.any() else None,
        )


def shown(row: Row) -> str:
    text = f"{row.corpus:10}{row.quantity:30} unknown {row.unknown:4.0%} point {row.point:4.0%}"
    if row.coverage is not None:
        text += f" coverage {row.coverage:5.1%} width {row.width:7.1%}"
    if row.bias is not None:
        text += f" bias {row.bias:+6.1%} RMSE {row.rmse:6.1%}"
    return text


@click.command(help=__doc__, context_settings={"max_content_width": 100})
@click.option("--corpora", type=click.Path(exists=True, file_okay=False, path_type=Path))
@click.option("--cache", type=click.Path(file_okay=False, path_type=Path))
@click.option("--bytes-max", default=1_400_000_000, show_default=True, help="Of each corpus.")
@click.option("--seeds", default=100, show_default=True)
@click.option("--corpus", "names", multiple=True, help="Only these; 'same size' is made up.")
@click.option("-o", "output", type=click.Path(dir_okay=False, path_type=Path))
def main(
    corpora: Path | None,
    cache: Path | None,
    bytes_max: int,
    seeds: int,
    names: tuple[str, ...],
    output: Path | None,
) -> None:
    if (corpora is None) != (cache is None):
        raise click.UsageError("--corpora and --cache go together")
    rows: list[Row] = []
    for name in names or ("same size", *(CORPORA if corpora else ())):
        if name == "same size":
            record, unit_bytes = same_size(), MADE_UP_UNIT_BYTES
        else:
            assert corpora is not None
            assert cache is not None
            record, unit_bytes = loaded(name, corpora, cache, bytes_max), CORPORA[name].unit_bytes
        for row in experiment(name, record, unit_bytes, seeds):
            rows.append(row)
            click.echo(shown(row))
    if output:
        about = {"date": date.today().isoformat(), "seeds": seeds, "rate": RATE}
        output.write_text(
            json.dumps({**about, "rows": [asdict(row) for row in rows]}, indent=1) + "\n"
        )


if __name__ == "__main__":
    main()
