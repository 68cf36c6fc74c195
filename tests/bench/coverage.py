"""How often the 95 % intervals hold the truth, on real data.

    python tests/bench/coverage.py DIRECTORY... [--entries 2048] [--seeds 300] [-o results.json]

Each directory is scanned once with sketches large enough to keep every chunk, which gives the exact
figures. The sketches that a scan of the same data would have kept under other seeds and a smaller
capacity are then cut out of the full ones, and every figure is estimated again from each.
"""

import json
import os
import platform
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np

from storeff import _native
from storeff.estimate.reduction import Reduction, reduce
from storeff.quantity import Quantity
from storeff.report.build import cpu_name
from storeff.scan.measurement import Measurement
from storeff.scan.plan import CHUNKERS, Chunker, Plan
from storeff.scan.run import scan
from storeff.scan.sketch import Sketch

KEEP_ALL = 1 << 24


def resized(entries: int, compressed_entries: int) -> tuple[Chunker, ...]:
    return tuple(
        msgspec.structs.replace(
            c, entries=entries, compressed_entries=compressed_entries if c.codecs else 0
        )
        for c in CHUNKERS
    )


def smaller(full: Sketch, chunker: Chunker, seed: int) -> Sketch:
    """The sketch that a scan with ``chunker``'s capacity and ``seed`` would have kept."""
    ranks = _native.rank(full.keys, full.sizes, seed)
    order = np.argsort(ranks)
    kept, rest = order[: chunker.entries], order[chunker.entries :]
    tau = float(ranks[rest[0]]) if len(rest) else np.inf
    compressed = full.compressed[kept].copy()
    compressed_tau = tau
    if chunker.codecs and len(kept) > chunker.compressed_entries:
        compressed_tau = float(ranks[kept[chunker.compressed_entries]])
        compressed[chunker.compressed_entries :] = 0
    return replace(
        full,
        keys=full.keys[kept],
        sizes=full.sizes[kept],
        counts=full.counts[kept],
        groups=full.groups[kept],
        compressed=compressed,
        tau=tau,
        compressed_tau=compressed_tau,
    )


def resampled(full: Measurement, entries: int, seed: int) -> Reduction:
    plan = Plan(seed=seed, chunkers=resized(entries, entries // 4))
    sketches = {c.name: smaller(full.sketches[c.name], c, seed) for c in plan.chunkers}
    return reduce(replace(full, plan=plan, sketches=sketches))


def figures(reduction: Reduction) -> dict[str, Quantity]:
    return (
        {f"dedup {d.chunker}": d.unique_bytes for d in reduction.dedup}
        | {
            f"compression {c.codec} {c.block_bytes >> 10} KiB": c.compressed_bytes
            for c in reduction.compression
        }
        | {f"combined {c.chunker} {c.codec}": c.physical_bytes for c in reduction.combined}
    )


def judged(truth: float, estimates: list[Quantity]) -> dict[str, float]:
    """Coverage, bias, RMSE, 95th percentile of the error and mean half width, all relative."""
    value, low, high = (
        np.array([getattr(q, field) for q in estimates], float)
        for field in ("value", "low", "high")
    )
    error = value / truth - 1
    return {
        "coverage": float(((low <= truth) & (truth <= high)).mean()),
        "bias": float(error.mean()),
        "rmse": float(np.sqrt((error**2).mean())),
        "p95_error": float(np.percentile(abs(error), 95)),
        "half_width": float(((high - low) / 2).mean() / truth),
    }


@click.command()
@click.argument("directories", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--entries", default=2048, show_default=True)
@click.option("--seeds", default=300, show_default=True)
@click.option("-o", "output", type=click.Path(path_type=Path))
def main(directories: tuple[Path, ...], entries: int, seeds: int, output: Path | None) -> None:
    results: dict[str, Any] = {}
    for directory in directories:
        keep_all = Plan(chunkers=resized(KEEP_ALL, KEEP_ALL))
        full = scan([directory], keep_all, threads=len(os.sched_getaffinity(0)))
        exact = figures(reduce(full))
        runs = [figures(resampled(full, entries, seed)) for seed in range(1, seeds + 1)]
        results[directory.name] = {}
        click.echo(f"\n{directory.name}: {full.data_bytes / 1e6:.0f} MB, {entries} entries")
        click.echo(f"{'':34}{'chunks':>9} coverage    bias    RMSE     p95  ±width")
        for name, truth in exact.items():
            chunks = len(full.sketches[_chunker(name)].sizes)
            row = judged(float(truth.value or 0), [run[name] for run in runs])
            results[directory.name][name] = {"unique_chunks": chunks, **row}
            click.echo(
                f"{name:34}{chunks:9,}{row['coverage']:8.1%}"
                + "".join(f"{row[key]:8.2%}" for key in ("bias", "rmse", "p95_error", "half_width"))
            )
    if output:
        made = {
            "date": date.today().isoformat(),
            "cpu": cpu_name(),
            "python": platform.python_version(),
            "entries": entries,
            "compressed_entries": entries // 4,
            "seeds": seeds,
            "results": results,
        }
        output.write_text(json.dumps(made, indent=1) + "\n")


def _chunker(figure: str) -> str:
    kind, name, *block = figure.split(" ")
    return f"fixed-{block[0]}KiB" if kind == "compression" else name


if __name__ == "__main__":
    main()
