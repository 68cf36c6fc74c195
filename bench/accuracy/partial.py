"""How far estimates from a partial read are off, and how often their 95 % intervals hold the truth.

    python bench/accuracy/partial.py --corpora DIR --cache DIR [--seeds 100] [--corpus NAME]...
        [-o results.json]

Every unit of a corpus is cut and compressed once and recorded (partial_records.py); a partial scan
under some seed is then replayed from the record.

``storeff`` is the product: coordinated units, the calibrated estimator, corrected by the listing.
``by size alone`` is the same where only files of one size share their places, with no correction.
From as many bytes read in uncoordinated units: the same estimator, with the correction and without;
the plain unseen program, GEE and Chao1 on the chunks' frequencies; and the ratio inside the sample.
Errors are relative to the truth, ``ratio`` is the median of high / low of the intervals.

``looks`` are scans that go on, twice as far each time, until the interval is narrow enough.
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
from partial_records import (
    CODEC,
    CORPORA,
    MADE_UP_UNIT_BYTES,
    Floats,
    Ints,
    Record,
    alone,
    by_size,
    check_places,
    drawn,
    loaded,
    made_up,
    replayed,
    sampled,
)  # fmt: skip

from storeff.estimate.compression import IN_BYTES, IN_UNITS, Allocation
from storeff.estimate.extents import ChunkTable
from storeff.estimate.per_byte import saved_share
from storeff.estimate.sampled import range_is_narrow
from storeff.estimate.unseen import Z_MAX, calibrate, estimate
from storeff.quantity import Quantity
from storeff.scan.plan import Chunker
from storeff.scan.sampling import SamplingDesign

RATES = (0.01, 0.05, 0.15)
THINNINGS = 60
TENTH = 0.1
UNDIVIDED = 1 << 40
PER_OCCURRENCE = Chunker(
    "recorded", "content-defined", 1, 1 << 30, 1, (CODEC,), 1, per_occurrence=True
)
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


def looks(name: str, record: Record, seeds: int) -> Iterator[Looked]:
    """As storeff.estimate.reading.read_towards does, on the headline's quantity."""
    how = drawn(record, SamplingDesign().share_limit)
    truth = record.truth(record.compressed)
    found: dict[float, list[tuple[float, bool]]] = {goal: [] for goal in GOALS}
    for seed in range(1, seeds + 1):
        at = how.places(record, seed)
        rate, open_goals = FIRST_RATE, list(GOALS)
        while open_goals and rate < 1.0:
            value, low, high, _ = interval(record, at, rate, record.compressed, how.alike, seed)
            narrow = low > 0 and range_is_narrow(low, high, rate)
            half = (1 / low - 1 / high) / 2 * value if narrow else np.inf
            for goal in [goal for goal in open_goals if half <= goal]:
                found[goal].append((rate, low <= truth <= high))
                open_goals.remove(goal)
            rate *= 2
        for goal in open_goals:
            found[goal].append((1.0, True))
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
    designs = {"storeff": drawn(record, SamplingDesign().share_limit)}
    if name == "same size":
        designs["storeff, crowds undivided"] = drawn(record, UNDIVIDED)
    earlier = by_size(record, SamplingDesign().share_limit)
    for quantity, value in (("unique", record.sizes), (f"combined {CODEC}", record.compressed)):
        truth = record.truth(value)
        found: dict[str, list[tuple[float, ...]]] = {}

        def add(
            label: str, *figures: float, found: dict[str, list[tuple[float, ...]]] = found
        ) -> None:
            found.setdefault(label, []).append(figures)

        for seed in range(1, seeds + 1):
            for label, how in designs.items():
                at = how.places(record, seed)
                add(label, *interval(record, at, rate, value, how.alike, seed))
            sample = sampled(record, earlier.places(record, seed), rate, value)
            add("by size alone", numbers(estimate(sample, rate, Z_MAX))[0])
            at = alone(record, seed)
            sample = sampled(record, at, rate, value)
            aware = sampled(record, at, rate, value, designs["storeff"].alike)
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
    """What is left when every chunk is compressed, in bytes and as allocated, and the interval of
    that: from all chunks of what was read, and from one in TENTH."""
    how = drawn(record, SamplingDesign().share_limit)
    chunk_bytes = record.sizes[record.chunk].astype(np.uint64)
    compressed = record.compressed[record.chunk].astype(np.uint64)
    data_bytes = float(chunk_bytes.sum())
    keys = np.arange(len(record.chunk), dtype=np.uint64)
    cases = tuple(itertools.product((IN_BYTES, IN_UNITS), (1.0, TENTH)))
    found: dict[tuple[Allocation, float], list[tuple[float, ...]]] = {case: [] for case in cases}
    for seed in range(1, seeds + 1):
        at = how.places(record, seed)
        read = np.flatnonzero(at[record.unit] < rate)
        lot = np.random.default_rng(seed).random(len(read))
        scan = replayed(record, unit_bytes, seed, rate, {})
        for kept in (1.0, TENTH):
            rows = read[lot < kept]
            table = ChunkTable(
                PER_OCCURRENCE,
                keys[rows],
                chunk_bytes[rows],
                at[record.unit[rows]],
                np.zeros(len(rows), np.uint64),
                kept,
                compressed[rows][:, np.newaxis],
                kept,
                len(read),
                np.zeros(256, np.uint64),
            )
            for allocation in (IN_BYTES, IN_UNITS):
                share = numbers(saved_share(scan, table, 0, allocation))
                found[allocation, kept].append(share)
    for (allocation, kept), shares in found.items():
        whole = float(allocation.rounded(chunk_bytes).sum()) / data_bytes
        truth = float(allocation.taken(chunk_bytes, compressed).sum()) / data_bytes
        value, high, low = (whole - np.array(shares)).T
        known = ~np.isnan(value)
        if known.any():
            error = value[known] / truth - 1
            covered = (low[known] <= truth + 1e-9) & (truth <= high[known] + 1e-9)
            yield Row(
                name,
                f"compression {CODEC}" + (", as allocated" if allocation == IN_UNITS else ""),
                rate,
                "storeff" if kept == 1.0 else "storeff, one chunk in ten",
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
@click.option("--corpus", "names", multiple=True, help="Only these, some of which are made up.")
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
    looked: list[Looked] = []
    for name in names or (*made_up(), *(CORPORA if corpora else ())):
        if name in made_up():
            made, unit_bytes = made_up()[name](), MADE_UP_UNIT_BYTES
        else:
            assert corpora is not None
            assert cache is not None
            cache.mkdir(parents=True, exist_ok=True)
            check_places(corpora / name, CORPORA[name])
            made = loaded(name, corpora, cache, bytes_max)
            unit_bytes = CORPORA[name].unit_bytes
        if not compression_only:
            for each in looks(name, made, seeds):
                looked.append(each)
                click.echo(str(each))
        for rate in RATES:
            rows_of = [compression(name, unit_bytes, made, seeds, rate)]
            if not compression_only:
                rows_of.append(experiment(name, unit_bytes, made, seeds, rate))
            for row in itertools.chain(*rows_of):
                rows.append(row)
                bounds = ""
                if row.coverage is not None:
                    bounds = f" coverage {row.coverage:.2f} high/low {row.ratio:.2f}"
                if row.bias is None:
                    click.echo(f"{row.corpus:10}{rate:5.0%} {row.quantity:33}{row.estimator:30} -")
                    continue
                click.echo(
                    f"{row.corpus:10}{row.rate:5.0%} {row.quantity:33}{row.estimator:30}"
                    f" bias {row.bias:+7.1%} RMSE {row.rmse:7.1%}{bounds}"
                )
    if output:
        about = {
            "date": date.today().isoformat(),
            "seeds": seeds,
            "thinnings": THINNINGS,
            "corpora": {name: asdict(kind) for name, kind in CORPORA.items()},
        }
        output.write_text(
            json.dumps(
                {
                    **about,
                    "rows": [asdict(row) for row in rows],
                    "looks": [asdict(each) for each in looked],
                },
                indent=1,
            )
            + "\n"
        )


if __name__ == "__main__":
    main()
