"""How often the intervals of a full scan hold the truth, and how wide they are: every cell.

    python bench/accuracy/cells.py FOLDER... [--seeds 60] [--cache DIR] [--with table='"full"']
        [-o results.json]

A folder is a corpus, a cell a figure of its scan in bytes: ``unique`` distinct chunks, ``combined``
with compression, ``only`` compression of all chunks, and ``units``, the same in units of 4 KiB. The
truth is what the same files have with every chunk compressed (cell_truth.py), computed once per
corpus and kept in ``--cache``. ``--seeds 0`` computes that and no more; ``--with`` is an argument
of storeff.analysis.measure, its value JSON.

Scans run in this process, through storeff.analysis. What a codec makes of a chunk is remembered
for the other seeds, so that each chunk is compressed once per corpus: the figures are those of the
command, its times are not.

``coverage`` is the share of seeds whose interval holds the truth, ``half`` the mean half width,
``narrow`` the share of seeds in which that is within the target: 1 % for the headline, 2 % for all
others. Errors and widths are relative to the truth. Cells that are exact under every seed say
nothing of intervals: they are counted apart. Of 60 seeds at 95 %, one cell in 100 has fewer than
88 % by chance, one in 1,000 fewer than 85 %.

Before anything else the truth of ``samples/data`` is compared to a scan of it, to the byte.
"""

import json
import math
import os
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from cell_truth import truth

from storeff import _native, analysis
from storeff.estimate.reduction import Reduction
from storeff.quantity import Quantity
from storeff.scan import codecs
from storeff.scan.codecs import SizesOf
from storeff.scan.machine import cpu_name
from storeff.scan.plan import CUTTINGS, HEADLINE

SAMPLES = Path(__file__).parents[2] / "samples" / "data"
HEADLINE_CELL = f"combined {HEADLINE.chunker} {HEADLINE.codec}"
HEADLINE_TARGET, TARGET = 0.01, 0.02
# Of the seeds, how many must reach the target.
NARROW_SHARE = 0.9
BLOCKS = {cutting.max_bytes: cutting.name for cutting in CUTTINGS if cutting.kind == "fixed"}

Row = dict[str, Any]


def figures(reduction: Reduction) -> Iterator[tuple[str, Quantity]]:
    """Every cell of ``reduction``, by the name that cell_truth.py gives it."""
    for dedup in reduction.dedup:
        if dedup.chunker != "whole-file":
            yield f"unique {dedup.chunker}", dedup.unique_bytes
    for both in reduction.combined:
        yield f"combined {both.chunker} {both.codec}", both.physical_bytes
        if both.compression_only_bytes is not None:
            yield f"only {both.chunker} {both.codec}", both.compression_only_bytes
    for blocks in reduction.compression:
        kind = "only" if blocks.allocation_bytes == 1 else "units"
        yield f"{kind} {BLOCKS[blocks.block_bytes]} {blocks.codec}", blocks.compressed_bytes


def scanned(folder: Path, seed: int, further: dict[str, Any]) -> dict[str, Quantity]:
    everything = analysis.Sampling(share=1.0)
    measured = analysis.measure(folder, sampling=everything, seed=seed, **further)
    return dict(figures(analysis.reduce(measured).reduction))


# ---- a chunk is compressed once ----


def remembering(make: Callable[[], SizesOf], known: dict[bytes, int]) -> SizesOf:
    """The codec of ``make``, which asks it only for blocks that are not ``known``."""
    sizes_of, kernel = make(), _native.kernels()[0]

    def sizes(blocks: Sequence[bytes | memoryview]) -> list[int]:
        keys = [_native.fingerprint(block, kernel) for block in blocks]
        new = {key: block for key, block in zip(keys, blocks, strict=True) if key not in known}
        known.update(zip(new, sizes_of([*new.values()]), strict=True))
        return [known[key] for key in keys]

    return sizes


def remember_sizes() -> list[dict[bytes, int]]:
    """Have every codec of storeff remember what it is asked; what they know, to be cleared."""
    known: list[dict[bytes, int]] = []
    for name, make in [*codecs.CODECS.items()]:
        known.append({})
        codecs.CODECS[name] = partial(remembering, make, known[-1])
    return known


# ---- judgement ----


def judged(name: str, found: Sequence[Quantity], right: int) -> Row:
    """How the figures of one cell, a seed each, stand to the ``right`` one."""
    target = HEADLINE_TARGET if name == HEADLINE_CELL else TARGET
    held: list[bool] = []
    halves: list[float] = []
    errors: list[float] = []
    for each in found:
        if each.low is not None and each.high is not None:
            held.append(each.low <= right <= each.high)
            halves.append((each.high - each.low) / 2 / right)
        if each.value is not None:
            errors.append(each.value / right - 1)
    return {
        "cell": name,
        "truth_bytes": right,
        "seeds": len(found),
        "intervals": len(held),
        "exact": sum(each.is_exact for each in found),
        "coverage": float(np.mean(held)) if held else None,
        "half_width": float(np.mean(halves)) if halves else None,
        "target": target,
        # A figure without an interval has not reached it.
        "narrow": sum(half <= target for half in halves) / len(found),
        "bias": float(np.mean(errors)) if errors else None,
        "rmse": math.sqrt(float(np.mean(np.square(errors)))) if errors else None,
        "missed_seeds": [seed for seed, holds in enumerate(held, 1) if not holds],
    }


def is_sampled(row: Row) -> bool:
    """Whether the cell is estimated under some seed, or an exact figure is wrong."""
    return bool(row["exact"] < row["seeds"] or row["coverage"] < 1)


def summary(rows: Sequence[Row]) -> Row:
    """What the intervals of ``rows`` come to."""
    sampled = [row for row in rows if is_sampled(row)]
    with_interval = [row for row in sampled if row["coverage"] is not None]
    worst = min(with_interval, key=lambda row: row["coverage"], default=None)
    narrow = [row["narrow"] >= NARROW_SHARE for row in sampled]
    headlines = [row["narrow"] for row in rows if row["cell"] == HEADLINE_CELL]
    return {
        "cells": len(rows),
        "exact_cells": len(rows) - len(sampled),
        "cells_without_interval": len(sampled) - len(with_interval),
        "mean_coverage": float(np.mean([r["coverage"] for r in with_interval])) if worst else None,
        "least_coverage": worst["coverage"] if worst else None,
        "least_covered": f"{worst['corpus']}: {worst['cell']}" if worst else None,
        "headline_narrow": min(headlines),
        "cells_narrow": float(np.mean(narrow)) if narrow else None,
    }


def share(value: float | None, digits: int = 1) -> str:
    return "-" if value is None else f"{value:.{digits}%}"


def show(name: str, rows: Sequence[Row]) -> None:
    sampled = [row for row in rows if is_sampled(row)]
    if sampled:
        click.echo(f"{name:34}{'coverage':>9}{'half':>8}{'narrow':>8}{'bias':>9}{'RMSE':>8}")
    for row in sampled:
        click.echo(
            f"  {row['cell']:32}{share(row['coverage']):>9}{share(row['half_width'], 2):>8}"
            f"{share(row['narrow'], 0):>8}{share(row['bias'], 3):>9}{share(row['rmse'], 2):>8}"
        )
    show_summary(name, summary(rows))


def show_summary(name: str, made: Row) -> None:
    click.echo(
        f"{name}: {made['cells']} cells, {made['exact_cells']} exact, "
        f"{made['cells_without_interval']} without an interval; of the others mean coverage "
        f"{share(made['mean_coverage'])}, least {share(made['least_coverage'])} "
        f"({made['least_covered']}); {share(made['cells_narrow'], 0)} of the cells within their "
        f"target in {NARROW_SHARE:.0%} of seeds, the headline in {share(made['headline_narrow'])}"
    )


def check_truth(kept_in: Path) -> int:
    """Raises ClickException unless what a scan of the samples counts exactly is the truth."""
    right = truth(SAMPLES, kept_in)
    exact = {name: q.value for name, q in scanned(SAMPLES, 1, {}).items() if q.is_exact}
    for name, value in exact.items():
        if value != right[name]:
            raise click.ClickException(f"{name} of the samples: {value}, the truth: {right[name]}")
    if HEADLINE_CELL not in exact:
        raise click.ClickException("a scan of the samples gives no exact headline")
    return len(exact)


def argument(word: str) -> tuple[str, Any]:
    """NAME=JSON as the two that it is."""
    name, _, value = word.partition("=")
    try:
        return name, json.loads(value)
    except json.JSONDecodeError as error:
        raise click.BadParameter(f"{word}: what follows = must be JSON: {error}") from error


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--seeds", default=60, show_default=True)
@click.option("--cache", type=click.Path(path_type=Path), default=Path("/tmp/storeff-bench/truth"))
@click.option("--with", "further", multiple=True, metavar="NAME=JSON")
@click.option("-o", "--output", type=click.Path(path_type=Path))
def main(
    folders: tuple[Path, ...],
    seeds: int,
    cache: Path,
    further: tuple[str, ...],
    output: Path | None,
) -> None:
    """Scan each folder under every seed, and compare all cells to the truth."""
    arguments = dict(map(argument, further))
    load = os.getloadavg()
    click.echo(f"{check_truth(cache)} exact cells of the samples equal the truth")
    known = remember_sizes()
    rows: list[Row] = []
    summaries: dict[str, Row] = {}
    for folder in folders:
        right = truth(folder, cache)
        if not right["data"]:
            raise click.ClickException(f"{folder} holds no data")
        click.echo(f"{folder.name}: {right['data'] / 1e6:,.0f} MB, {len(right) - 1} cells known")
        found: defaultdict[str, list[Quantity]] = defaultdict(list)
        for seed in range(1, seeds + 1):
            for name, quantity in scanned(folder, seed, arguments).items():
                found[name].append(quantity)
        for sizes in known:
            sizes.clear()
        of_folder = [
            {"corpus": folder.name, **judged(name, each, right[name])}
            for name, each in found.items()
        ]
        if of_folder:
            summaries[folder.name] = summary(of_folder)
            show(folder.name, of_folder)
        rows += of_folder
    if rows:
        summaries["all"] = summary(rows)
        show_summary("all", summaries["all"])
    if output:
        document = {
            "date": date.today().isoformat(),
            "cpu": cpu_name(),
            "load_before": load,
            "seeds": seeds,
            "with": arguments,
            "summaries": summaries,
            "rows": rows,
        }
        output.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
