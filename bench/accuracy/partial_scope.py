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

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import click
import numpy as np
from partial_records import U64, Record, chosen, options, save
from partial_replay import CHUNKER, scanned

from storeff.estimate.extents import ExtentSample
from storeff.estimate.reduction import SHARES, sharing_of, strata
from storeff.estimate.sampled import SampleEvidence
from storeff.quantity import Quantity
from storeff.scan.measurement import VOLUME_BIT
from storeff.scan.plan import HEADLINE
from storeff.sources.content import CLASSES

RATE = 0.15
VOLUMES = (b"one", b"two")
CLASS_BITS = 4


def groups_of(record: Record) -> U64:
    """(units,) the bits of each unit's class and volume."""
    of_class = (record.name >> np.uint64(7)) % np.uint64(CLASS_BITS)
    volume = (record.path >> np.uint64(7)) & np.uint64(1)
    return (np.uint64(1) << of_class) | (np.uint64(1) << (volume + np.uint64(VOLUME_BIT)))


def volumes_of(record: Record, groups: U64) -> dict[bytes, int]:
    """The bytes of each volume."""
    return {
        name: int(record.bytes[(groups >> np.uint64(VOLUME_BIT + bit)) & np.uint64(1) == 1].sum())
        for bit, name in enumerate(VOLUMES)
    }


def figures(found: ExtentSample) -> Iterator[tuple[str, Quantity]]:
    """What is judged, by name."""
    evidence = SampleEvidence(found, None)
    left = evidence.growth(CHUNKER, HEADLINE.codec, SHARES)
    for share, q in zip(SHARES, left, strict=True):
        yield f"ratio of {share:.3g} of the units", round(share * found.data_bytes) / q
    shared = sharing_of(evidence, CHUNKER)
    assert shared is not None
    yield "needless bytes", shared.needless_bytes
    for volume in shared.volumes:
        yield f"distinct in {volume.name}", volume.unique_bytes
        yield f"only in {volume.name}", volume.only_here_bytes
    for pair in shared.pairs:
        yield "shared", pair.shared_bytes
    for stratum in strata(evidence, CHUNKER):
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
    volumes = volumes_of(record, groups)
    found: defaultdict[str, list[tuple[Quantity, float]]] = defaultdict(list)
    for seed in range(1, seeds + 1):
        # Which units share a place depends a little on the seed.
        whole, part = (
            scanned(record, unit_bytes, seed, rate, groups, volumes) for rate in (1.0, RATE)
        )
        truth = dict(figures(whole))
        for quantity, figure in figures(part):
            right = truth[quantity].value
            assert right is not None
            found[quantity].append((figure, float(right)))
    for quantity, pairs in found.items():
        rights = np.array([right for _, right in pairs])
        value, low, high = (
            np.array([getattr(figure, field) for figure, _ in pairs], np.float64)
            for field in ("value", "low", "high")
        )
        known = ~np.isnan(low)
        # Of nothing there is no share.
        point, wide = (~np.isnan(each) & (rights > 0) for each in (value, low))
        error = value[point] / rights[point] - 1
        covered = (low <= rights * (1 + 1e-9)) & (rights <= high * (1 + 1e-9))
        yield Row(
            corpus=name,
            quantity=quantity,
            truth=float(rights.mean()),
            unknown=1 - float(known.mean()),
            point=1 - float(np.isnan(value).mean()),
            bias=float(error.mean()) if point.any() else None,
            rmse=float((error**2).mean() ** 0.5) if point.any() else None,
            coverage=float(covered[known].mean()) if known.any() else None,
            width=float(np.median((high - low)[wide] / rights[wide])) if wide.any() else None,
        )


def shown(row: Row) -> str:
    text = f"{row.corpus:16}{row.quantity:30} unknown {row.unknown:4.0%} point {row.point:4.0%}"
    if row.coverage is not None:
        text += f" coverage {row.coverage:5.1%}"
    if row.width is not None:
        text += f" width {row.width:7.1%}"
    if row.bias is not None:
        text += f" bias {row.bias:+6.1%} RMSE {row.rmse:6.1%}"
    return text


@click.command(help=__doc__, context_settings={"max_content_width": 100})
@options
def main(output: Path | None, seeds: int, **which: Any) -> None:
    rows: list[Row] = []
    for name, record, unit_bytes in chosen(**which):
        for row in experiment(name, record, unit_bytes, seeds):
            rows.append(row)
            click.echo(shown(row))
    about = {"date": date.today().isoformat(), "seeds": seeds, "rate": RATE}
    save(output, about, rows=rows)


if __name__ == "__main__":
    main()
