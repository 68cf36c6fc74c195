"""What an experiment with an estimator gave, and whether that is what was promised.

Over seeds, an interval of 95 % should hold the truth in 92 to 98 % of them, and the error should
fall with the root of the entries that a sketch keeps.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt

COVERAGE_LOW, COVERAGE_HIGH = 0.92, 0.98
SLOPE, SLOPE_TOLERANCE = -0.5, 0.07
# A slope is judged if chance moves it by less than this, one standard deviation.
SLOPE_NOISE_MAX = 0.03
# In a sketch of more of the chunks than this, those that are kept for sure tell more than a sample.
SLOPE_SHARE_MAX = 0.25
# What is known beforehand explains everything where this share of the error of a plain sample is
# left: what then is left is rounding and rare chance, and has no slope.
DETERMINED = 0.02
# Intervals leave room for rare chunks of which none was kept. Where there are none of them, the
# intervals hold the truth always, which is as it should be while they are narrower than this.
NARROW = 0.005
# Entries of a sketch of 1 and of 32 MiB: 64 bytes each.
ENTRIES_1_MIB, ENTRIES_32_MIB = 16_384, 524_288


@dataclass(frozen=True)
class Row:
    """One estimator of one quantity of one stream at one size, over all seeds.

    Errors are relative to the truth. ``share`` is that of the entries which the quantity is known
    of, on average. As many as ``effective`` of them would give the same error of the distinct bytes
    if all chunks were equally large and there were no end of them, None if they are sure to hold
    all, or where their number was chosen. ``coverage`` and ``width`` are None for what has no
    interval; ``unknown`` is the share of seeds that gave no estimate, which the other figures leave
    out. ``reached`` is the share in which the interval was as narrow as was asked for, if anything
    was.
    """

    stream: str
    quantity: str
    estimator: str
    distinct: int
    entries: int
    share: float
    effective: float | None
    truth: int
    seeds: int
    bias: float
    rmse: float
    p95: float
    unknown: float
    coverage: float | None = None
    width: float | None = None
    reached: float | None = None

    @property
    def held(self) -> bool:
        """Whether the intervals hold the truth as often as they say."""
        return self.coverage is not None and COVERAGE_LOW <= self.coverage <= COVERAGE_HIGH


def errors(value: npt.NDArray[np.float64], truth: float) -> tuple[float, float, float, float]:
    """Bias, RMSE and 95th percentile of the relative error; the share that is unknown."""
    known = ~np.isnan(value)
    if not known.any():
        return math.nan, math.nan, math.nan, 1.0
    error = value[known] / truth - 1
    return (
        float(error.mean()),
        float(np.sqrt((error**2).mean())),
        float(np.percentile(abs(error), 95)),
        1 - float(known.mean()),
    )


def effective(
    sizes: npt.NDArray[np.uint64], within: npt.NDArray[np.bool_], entries: float
) -> float | None:
    """Of ``entries`` kept by size, those of Row.effective, for the bytes ``within`` some chunks.

    The relative variance of the Horvitz-Thompson estimator, sum (1 - p) / p size^2 / (sum size)^2,
    is 1 / entries there. If all are equally large, that of n of N is 1 / n - 1 / N.
    """
    every = sizes.astype(np.float64)
    largest = np.sort(every)[::-1]
    smaller = largest.sum() - np.cumsum(largest) + largest
    # With the m largest certain to be kept, the others are with a chance of size x tau.
    tau = (entries - np.arange(len(largest))) / smaller
    certain = int(np.argmax(largest * tau <= 1))
    chance = np.minimum(1.0, every * tau[certain])[within]
    counted = every[within]
    variance = float(((1 - chance) / chance * counted**2).sum())
    return float(counted.sum()) ** 2 / variance if variance else None


def slope(rows: Sequence[Row]) -> tuple[float, float] | None:
    """Of log RMSE over log effective entries, and what chance moves it by, one standard deviation.

    None if that is too much, or if there is no error to speak of. The RMSE of n seeds is off by
    1 / sqrt(2 n) of it.
    """
    far = [
        r
        for r in rows
        if r.entries <= SLOPE_SHARE_MAX * r.distinct
        and r.effective
        and r.rmse * math.sqrt(r.effective) > DETERMINED
    ]
    if len(far) < 2:
        return None
    x, y = np.log(np.array([(r.effective, r.rmse) for r in far], np.float64)).T
    noise = 1 / math.sqrt(2 * far[0].seeds * float(((x - x.mean()) ** 2).sum()))
    return (float(np.polyfit(x, y, 1)[0]), noise) if noise <= SLOPE_NOISE_MAX else None


def series(rows: Sequence[Row]) -> list[list[Row]]:
    """The rows of each quantity and estimator of each stream, by quantity."""
    found: dict[tuple[str, str, str], list[Row]] = {}
    for row in rows:
        found.setdefault((row.stream, row.quantity, row.estimator), []).append(row)
    return sorted(found.values(), key=lambda same: same[0].quantity)


def show(rows: list[Row]) -> None:
    """Every row of one stream."""
    click.echo(f"\n{rows[0].stream}: {rows[0].distinct:,} distinct chunks")
    click.echo(
        f"{'':30}{'':16}{'entries':>8}{'known':>8}{'bias':>9}{'RMSE':>9}{'p95':>9}{'coverage':>10}"
        f"{'width':>8}{'slope':>15}"
    )
    for same in series(rows):
        for row in same:
            intervals = "" if row.coverage is None else f"{row.coverage:10.1%}{row.width:8.2%}"
            steep = slope(same) if row is same[-1] else None
            click.echo(
                f"{row.quantity:30}{row.estimator:16}{row.entries:8,}"
                f"{row.entries * row.share:8,.0f}{row.bias:9.2%}{row.rmse:9.2%}"
                f"{row.p95:9.2%}{intervals:18}"
                + ("" if steep is None else f"{steep[0]:8.3f} ± {steep[1]:.3f}")
                + ("" if row.reached is None else f" reached in {row.reached:.0%}")
            )


def show_summary(rows: list[Row]) -> None:
    """By stream: how often intervals hold, p95 of the bytes left, and which slopes are right."""
    judged = [r for r in rows if r.coverage is not None]
    click.echo(
        f"\nrows: all, with coverage in {COVERAGE_LOW:.0%} to {COVERAGE_HIGH:.0%}, below, above, "
        f"and of those the ones of a half width over {NARROW:.1%}\n"
        "p95: the greatest of combined bytes, with sketches of that size; - where exact\n"
        f"slopes: judged, and those within {SLOPE} ± {SLOPE_TOLERANCE}\n"
    )
    click.echo(
        f"{'':24}{'rows':>5}{'in':>5}{'below':>6}{'above':>6}{'wide':>5}{'least':>8}{'mean':>7}"
        f"{'p95, 1 MiB':>13}{'p95, 32 MiB':>13}{'slopes':>8}{'right':>6}"
    )
    for name in (*dict.fromkeys(r.stream for r in judged), ""):
        own = [r for r in judged if name in ("", r.stream)]
        steep = [s[0] for same in series(own) if (s := slope(same))]
        right = sum(abs(s - SLOPE) <= SLOPE_TOLERANCE for s in steep)
        coverage = [r.coverage or 0.0 for r in own]
        low, high = (
            sum(c < COVERAGE_LOW for c in coverage),
            sum(c > COVERAGE_HIGH for c in coverage),
        )
        wide = sum(map(_wide, own))
        at = [_p95(own, n) if name else "" for n in (ENTRIES_1_MIB, ENTRIES_32_MIB)]
        click.echo(
            f"{name or 'all':24}{len(own):5}{sum(r.held for r in own):5}{low:6}{high:6}{wide:5}"
            f"{min(coverage):8.1%}{np.mean(coverage):7.1%}{at[0]:>13}{at[1]:>13}{len(steep):8}{right:6}"
        )


def _wide(row: Row) -> bool:
    """Whether the intervals hold too often for their width."""
    return (row.coverage or 0.0) > COVERAGE_HIGH and (row.width or 0.0) > NARROW


def _p95(rows: Sequence[Row], entries: int) -> str:
    """The greatest of the stream's combined quantities, of all strata."""
    found = [
        r.p95
        for r in rows
        if (r.entries, r.estimator) == (entries, "storeff")
        and r.quantity.startswith("combined")
        and "stratum" not in r.quantity
    ]
    return f"{max(found):.2%}" if found else "-"


def show_gains(rows: list[Row]) -> None:
    """What the cheaper codecs are worth: RMSE with them to that without, by codec, and where it is
    larger by more than twice what chance moves it by."""
    by_key = {(r.stream, r.quantity, r.entries, r.estimator): r for r in rows}
    gains: dict[str, list[float]] = {}
    worse: list[str] = []
    for row in rows:
        nested = by_key.get((row.stream, row.quantity, row.entries, "storeff"))
        if row.estimator != "plain" or nested is None or not row.rmse:
            continue
        gain = nested.rmse / row.rmse
        gains.setdefault(row.quantity, []).append(gain)
        if gain > 1 + 2 / math.sqrt(row.seeds):
            worse.append(f"{gain:6.2f}  {row.stream}, {row.quantity}, {row.entries:,} entries")
    if gains:
        click.echo("\nRMSE with cheaper codecs / without:")
    for quantity, each in gains.items():
        click.echo(f"{quantity}: median {np.median(each):.2f}, {min(each):.2f} to {max(each):.2f}")
    click.echo("\n".join(worse))


def show_misses(rows: list[Row]) -> None:
    """Where the product's intervals do not hold the truth as often as they say."""
    click.echo(f"\noutside {COVERAGE_LOW:.0%} to {COVERAGE_HIGH:.0%} coverage:")
    for row in rows:
        if row.coverage is not None and not row.held:
            click.echo(
                f"{row.coverage:6.1%}  {row.stream}, {row.quantity}, {row.estimator}, "
                f"{row.entries:,} entries: RMSE {row.rmse:.3%}, width {row.width:.3%}"
                f"{', wide' if _wide(row) else ''}"
            )


def save(path: Path, made_by: dict[str, Any], rows: list[Row]) -> None:
    """A row a line, errors to seven digits behind the point."""
    rounded = [
        {key: round(x, 7) if isinstance(x, float) else x for key, x in asdict(row).items()}
        for row in rows
    ]
    lines = ",\n".join(json.dumps(row) for row in rounded)
    path.write_text(json.dumps(made_by)[:-1] + f', "rows": [\n{lines}\n]}}\n')
