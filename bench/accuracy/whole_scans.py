"""How often the intervals of partial scans hold what a full scan of the same files finds.

    python bench/accuracy/whole_scans.py FOLDER... [--seeds 40] [--sample 15%] [--storeff PATH]
        [-o results.json]

Every scan is the command as users run it, so that listing, sampling, cutting and compressing are
all in it; partial.py and partial_scope.py replay recorded extents instead, under many more seeds.
A figure that a full scan gives with an interval counts as the middle of that. RMSE is relative.
"""

import json
import math
import os
import subprocess
from collections import defaultdict
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import click

Figures = dict[str, dict[str, Any]]


def scanned(storeff: str, folder: Path, *options: str) -> Figures:
    """The figures of one scan of ``folder``."""
    done = subprocess.run(
        [storeff, "scan", os.fspath(folder), "-q", "--json", *options],
        capture_output=True,
        check=False,
        text=True,
    )
    if done.returncode not in (0, 3):
        raise click.ClickException(done.stderr)
    return dict(figures(json.loads(done.stdout)["reduction"]))


def figures(reduction: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every quantity that full and partial scans both give, by name."""
    for row in reduction["dedup"]:
        yield f"dedup {row['chunker']}", row["ratio"]
    for row in reduction["combined"]:
        yield f"combined {row['chunker']} {row['codec']}", row["ratio"]
        if row["compression_only_ratio"]:
            yield f"only {row['chunker']} {row['codec']}", row["compression_only_ratio"]
    for row in reduction["compression"]:
        units = row.get("allocation_bytes", 1)
        yield f"blocks {row['block_bytes']} {row['codec']} {units}", row["ratio"]
    for row in reduction["by_stratum"]:
        yield f"class {row['name']}", row["ratio"]


@click.command()
@click.argument("folders", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--seeds", default=40, show_default=True)
@click.option("--sample", default="15%", show_default=True)
@click.option("--storeff", default="storeff", show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path))
def main(
    folders: tuple[Path, ...], seeds: int, sample: str, storeff: str, output: Path | None
) -> None:
    """Scan each folder in full, and a part of it under each seed."""
    rows = []
    for folder in folders:
        truth = scanned(storeff, folder, "--sample", "100%")
        held: defaultdict[str, list[bool]] = defaultdict(list)
        errors: defaultdict[str, list[float]] = defaultdict(list)
        for seed in range(1, seeds + 1):
            part = scanned(storeff, folder, "--sample", sample, "--seed", str(seed))
            for name, found in part.items():
                right = truth[name]["value"] if name in truth else None
                if right is None or found["low"] is None:
                    continue
                held[name].append(found["low"] <= right <= found["high"])
                if found["value"] is not None:
                    errors[name].append(found["value"] / right - 1)
        for name, each in sorted(held.items()):
            squares = [error**2 for error in errors[name]]
            rows.append(
                {
                    "folder": folder.name,
                    "figure": name,
                    "truth": truth[name]["value"],
                    "intervals": len(each),
                    "coverage": sum(each) / len(each),
                    "points": len(squares),
                    "rmse": math.sqrt(sum(squares) / len(squares)) if squares else None,
                }
            )
        of_folder = [row for row in rows if row["folder"] == folder.name]
        mean = sum(row["coverage"] for row in of_folder) / len(of_folder)
        worst = min(of_folder, key=lambda row: row["coverage"])
        click.echo(
            f"{folder.name}: mean coverage {mean:.1%}, least {worst['coverage']:.1%} "
            f"({worst['figure']}), {len(of_folder)} figures, {seeds} seeds"
        )
    if output:
        document = {
            "date": date.today().isoformat(),
            "sample": sample,
            "seeds": seeds,
            "rows": rows,
        }
        output.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
