"""What the model of costs in storeff/estimate/cost.py goes by, measured on this machine.

    python bench/speed/costs.py [--repeat 5] [-o bench/results/DATE-costs.json]

CPU seconds of one thread, everything in the page cache, medians: of a full scan for a small file
and for a byte; of a part for ranking a file, for an extent and for a byte with its lead; of listing
a file again; of estimating from a part for each row of its sketches, times its rate. What the
libraries take that estimating loads is not in it. The last lines are the constants.
"""

import json
import os
import threading
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from datasets import make_data
from timing import Row, here, machine, take_rounds
from uncompressed import plain

from storeff.estimate.cost import Work
from storeff.estimate.probing import wanted_of_part
from storeff.estimate.reduction import reduce
from storeff.scan.listing import Listing
from storeff.scan.measurement import Measurement
from storeff.scan.partial import PartialScan
from storeff.scan.plan import Plan
from storeff.scan.probe import Prober
from storeff.scan.run import scan
from storeff.scan.sampling import SamplingDesign
from storeff.scan.storage import Storage
from storeff.sources.listed_once import ListedOnce
from storeff.sources.tree import LocalTree

PLAN = plain()
RATE = 0.5
# Of the data that is estimated from.
RATES = (0.05, 0.1, 0.2, 0.4)


def listed(place: Path) -> Listing:
    listing = Listing(ListedOnce(LocalTree([place])), SamplingDesign())
    listing.count(threading.Event())
    return listing


def part_of(listing: Listing, rate: float, plan: Plan = PLAN) -> Measurement:
    part = PartialScan(listing, plan)
    part.extend(rate)
    return part.result()


def compressed_part(listing: Listing, rate: float) -> Measurement:
    plan = Plan()
    return Prober(listing.source, plan).distinct(part_of(listing, rate, plan), wanted_of_part(plan))


def list_again(place: Path) -> None:
    deque(LocalTree([place]).list(), maxlen=0)


def rank(listing: Listing) -> None:
    """All, to find that nothing is read."""
    deque(listing.slices(0.0, 1e-12), maxlen=0)


@click.command(help=__doc__)
@click.option("--folder", type=click.Path(path_type=Path), default=Path("/tmp/storeff-bench"))
@click.option(
    "--tree",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=Path("/usr"),
    show_default=True,
    help="Real files, whose order on the disk is not that of their ranks.",
)
@click.option("--scale", default=1.0, show_default=True)
@click.option("--repeat", default=5, show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path))
def main(folder: Path, tree: Path, scale: float, repeat: int, output: Path | None) -> None:
    folder.mkdir(exist_ok=True, parents=True)
    load = os.getloadavg()
    small, (large,) = tree, make_data(folder, scale, ("mixed-tar",)).values()
    of_small, of_large = listed(small), listed(large)
    files = of_small.census.files
    extents = sum(len(some) for _, some in of_small.slices(0.0, RATE))

    rows: dict[str, Row] = {}

    def timed(label: str, run: Callable[..., object], *of: object) -> None:
        rows[label] = Row(label, partial(here, partial(run, *of)), repeat)

    timed("list", list_again, small)
    timed("rank", rank, of_small)
    for name, place, listing in (("small", small, of_small), ("large", large, of_large)):
        timed(f"all of {name}", scan, LocalTree([place]), PLAN)
        timed(f"part of {name}", part_of, listing, RATE)
    samples = [compressed_part(each, rate) for each in (of_small, of_large) for rate in RATES]
    for index, sample in enumerate(samples):
        timed(f"estimate {index}", reduce, sample)
    take_rounds([*rows.values()])

    took = {label: row.cpu_seconds for label, row in rows.items()}
    list_seconds, rank_seconds = took["list"] / files, took["rank"] / files
    byte_seconds = took["all of large"] / of_large.sampled_bytes
    file_seconds = (took["all of small"] - of_small.sampled_bytes * byte_seconds) / files
    work = Work.of(PartialScan(of_small, PLAN), Storage())
    part_bytes = RATE * (work.small_bytes + work.large_bytes * (1 + work.more_share))
    part_seconds = took["part of small"] - took["rank"]
    extent_seconds = (part_seconds - part_bytes * byte_seconds) / extents
    sketch_rows = [sum(len(each.keys) for each in s.sketches.values()) for s in samples]
    estimates = [took[f"estimate {index}"] for index in range(len(samples))]
    # The intervals are calibrated by thinning the sample by its own rate.
    thinned = [rate * count for rate, count in zip(2 * RATES, sketch_rows, strict=True)]
    row_seconds = float(np.dot(thinned, estimates) / np.dot(thinned, thinned))
    constants = {
        "FILE_SECONDS": file_seconds - list_seconds,
        "LIST_SECONDS": list_seconds,
        "BYTE_SECONDS": byte_seconds,
        "RANK_SECONDS": rank_seconds,
        "EXTENT_SECONDS": extent_seconds,
        "ROW_SECONDS": row_seconds,
    }
    for name, each in (("small", of_small), ("large", of_large)):
        work = Work.of(PartialScan(each, PLAN), Storage())
        modelled = work.reading_part_seconds(RATE)
        click.echo(
            f"{name}: a part of {RATE:.0%} took {took[f'part of {name}']:.3f} s, by the constants "
            f"in use {modelled:.3f} s; all {took[f'all of {name}']:.3f} s, "
            f"{work.reading_everything_seconds:.3f} s"
        )
    for name, seconds in constants.items():
        click.echo(f"{name} = {seconds:.2g}")
    for rows_of, seconds in zip(sketch_rows, estimates, strict=True):
        click.echo(f"estimating from {rows_of:,} rows took {seconds:.2f} s")
    if output:
        found: dict[str, Any] = {"machine": machine(load), "constants": constants}
        found |= {"rows": {label: row.result() for label, row in rows.items()}}
        found |= {"sketch_rows": sketch_rows}
        output.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
