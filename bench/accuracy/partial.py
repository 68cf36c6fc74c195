"""How far estimates from a partial read are off, and how often their 95 % intervals hold the truth.

    python bench/accuracy/partial.py [--corpora DIR --cache DIR] [--seeds 100] [--corpus NAME]...
        [-o results.json]

Every unit of a corpus is cut and compressed once and recorded (partial_records.py); a partial scan
under some seed is then replayed from the record (partial_replay.py).

``storeff`` is the product: coordinated units, the calibrated estimator, corrected by the listing;
some chunks of the part compressed, with a cheap codec more than with the other, which is known by
its ratio to that. In all else every chunk of the part is compressed, as in ``all compressed``.
``by size alone`` is that where only files of one size share their places, with no correction.
From as many bytes read in uncoordinated units: the same estimator, with the correction and without;
the plain unseen program, GEE and Chao1 on the chunks' frequencies; and the ratio inside the sample.
Errors are relative to the truth, ``ratio`` is the median of high / low of the intervals.

``looks`` are scans that go on, twice as far each time, until the interval is narrow enough.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import baselines
import click
import numpy as np
from partial_records import (
    CODEC,
    CORPORA,
    Floats,
    Ints,
    Record,
    chosen,
    options,
    save,
)
from partial_replay import CHUNKER, alone, by_size, check_places, drawn, sampled, scanned

from storeff.estimate.reading import MORE, STEP_MAX, half_width, rate_needed
from storeff.estimate.sampled import THINNINGS, SampleEvidence
from storeff.estimate.unseen import Z_MAX, calibrate, estimate
from storeff.quantity import Quantity
from storeff.scan.sampling import SamplingDesign

RATES = (0.01, 0.05, 0.15)
UNDIVIDED = 1 << 40
# Where a scan towards an interval begins, and how narrow that is to be.
FIRST_RATE, GOALS = 1 / 64, (0.05, 0.02)


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


def interval(
    record: Record, at: Floats, rate: float, value: Ints, alike: Ints, seed: int
) -> tuple[float, float, float, float]:
    """Point, bounds and standard errors that the product gives; no number where it gives none."""
    pairs = sampled(record, at, rate, value, alike)
    z = calibrate(pairs, rate, seed, THINNINGS)
    return *numbers(estimate(pairs, rate, z)), z


def numbers(q: Quantity) -> tuple[float, float, float]:
    """Point and bounds, NaN where unknown."""
    value, low, high = (np.nan if x is None else float(x) for x in (q.value, q.low, q.high))
    return value, low, high


@dataclass(frozen=True)
class Looked:
    """Scans of a corpus towards a half width of the ratio, relative to its point: the mean share
    read, the share of seeds that stopped before everything was, and how often those intervals held
    the truth at the look at which they stopped."""

    corpus: str
    quantity: str
    half_width: float
    read: float
    stopped: float
    coverage: float | None


def looks(name: str, record: Record, unit_bytes: int, seeds: int) -> Iterator[Looked]:
    """As storeff.estimate.reading.read_towards does, if reading everything is much dearer."""
    right = 1 / record.truth(record.compressed)
    found: dict[float, list[tuple[float, bool]]] = {goal: [] for goal in GOALS}
    for seed in range(1, seeds + 1):
        for goal, stops in found.items():
            rate = FIRST_RATE
            seen: list[tuple[float, float]] = []
            while rate < 1.0:
                evidence = SampleEvidence(scanned(record, unit_bytes, seed, rate), None)
                ratio = evidence.data_bytes / evidence.distinct(CHUNKER, CODEC)
                half, low, high = half_width(ratio), ratio.low, ratio.high
                if half is not None and low is not None and high is not None:
                    seen.append((rate, half))
                    if ratio.value is not None and half <= goal:
                        stops.append((rate, low <= right <= high))
                        break
                needed = rate_needed(seen, goal) or 0.0
                rate = max(2 * rate, min(MORE * needed, STEP_MAX * rate))
            else:
                stops.append((1.0, True))
    for goal, stops in found.items():
        early = [held for rate, held in stops if rate < 1.0]
        yield Looked(
            name,
            f"combined {CODEC}",
            goal,
            float(np.mean([rate for rate, _ in stops])),
            len(early) / seeds,
            float(np.mean(early)) if early else None,
        )


def experiment(
    name: str, unit_bytes: int, record: Record, seeds: int, rate: float
) -> Iterator[Row]:
    units = float(record.bytes.sum()) / unit_bytes
    coordinated = drawn(record, SamplingDesign().share_limit)
    designs = {"storeff, all compressed": coordinated}
    if name == "same size":
        designs["storeff, crowds undivided"] = drawn(record, UNDIVIDED)
    earlier = by_size(record, SamplingDesign().share_limit)
    parts = [
        SampleEvidence(scanned(record, unit_bytes, seed, rate), None)
        for seed in range(1, seeds + 1)
    ]
    for quantity, codec, value in (
        ("unique", None, record.sizes),
        (f"combined {CODEC}", CODEC, record.compressed),
    ):
        truth = record.truth(value)
        found: dict[str, list[tuple[float, ...]]] = {}

        def add(
            label: str, *figures: float, found: dict[str, list[tuple[float, ...]]] = found
        ) -> None:
            found.setdefault(label, []).append(figures)

        for seed, part in enumerate(parts, 1):
            share = part.share(CHUNKER, codec)
            add("storeff", *numbers(share), part.calibrated(CHUNKER, codec))
            for label, how in designs.items():
                if codec is None and how is coordinated:
                    continue
                at = how.places(record, seed)
                add(label, *interval(record, at, rate, value, how.alike, seed))
            sample = sampled(record, earlier.places(record, seed), rate, value)
            add("by size alone", numbers(estimate(sample, rate, Z_MAX))[0])
            at = alone(record, seed)
            sample = sampled(record, at, rate, value)
            aware = sampled(record, at, rate, value, coordinated.alike)
            for label, each in (("program", sample), ("program and listing", aware)):
                value_of = numbers(estimate(each, rate, Z_MAX))[0]
                add(f"uncoordinated, same {label}", value_of)
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
                # What is computed as 1 may be a little less.
                covered = (low <= truth * (1 + 1e-9)) & (truth <= high * (1 + 1e-9))
                intervals = {
                    "coverage": float(covered.mean()),
                    "ratio": float(np.median(high / low)),
                    "z": float(columns[known, 3].mean()),
                }
            yield Row(
                name, quantity, rate, label, round(units), truth,
                float(error[known].mean()), float(np.sqrt((error[known] ** 2).mean())),
                1 - float(known.mean()), **intervals,
            )  # fmt: skip


@click.command(help=__doc__, context_settings={"max_content_width": 100})
@options
def main(output: Path | None, seeds: int, **which: Any) -> None:
    rows: list[Row] = []
    looked: list[Looked] = []
    for name, record, unit_bytes in chosen(**which):
        if name in CORPORA:
            check_places(which["corpora"] / name, CORPORA[name])
        for each in looks(name, record, unit_bytes, seeds):
            looked.append(each)
            click.echo(str(each))
        for rate in RATES:
            for row in experiment(name, unit_bytes, record, seeds, rate):
                rows.append(row)
                click.echo(shown(row))
    about = {
        "date": date.today().isoformat(),
        "seeds": seeds,
        "thinnings": THINNINGS,
        "corpora": {name: asdict(kind) for name, kind in CORPORA.items()},
    }
    save(output, about, rows=rows, looks=looked)


def shown(row: Row) -> str:
    text = f"{row.corpus:15}{row.rate:5.0%} {row.quantity:18}{row.estimator:31}"
    if row.bias is None:
        return f"{text} -"
    text += f" bias {row.bias:+7.1%} RMSE {row.rmse:7.1%}"
    if row.coverage is not None:
        text += f" coverage {row.coverage:.2f} high/low {row.ratio:.2f}"
    return text


if __name__ == "__main__":
    main()
