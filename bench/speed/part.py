"""How fast a part is read, beside all of it: one core, nothing compressed.

    python bench/speed/part.py [--repeat 5] [--rate 0.5 --rate 0.2]
        [-o bench/results/DATE-part.json]

``taken in`` are the bytes that were read per CPU second, what content-defined cutting needs before
an extent included; ``data`` are those inside the sampled extents. A part's time includes counting
the listing, a full pass's the walk. Rounds run everything once; times are medians.
"""

import json
import os
import threading
from functools import partial
from pathlib import Path
from typing import Any

import click
from datasets import MAKERS, files_of, make_data
from timing import Row, here, machine, take_rounds
from uncompressed import plain

from storeff.scan.extent import Extents
from storeff.scan.listing import Listing
from storeff.scan.partial import PartialScan
from storeff.scan.run import scan
from storeff.scan.sampling import SamplingDesign
from storeff.sources.listed_once import ListedOnce
from storeff.sources.tree import LocalTree

PLAN = plain()


def read_part(place: Path, rate: float) -> PartialScan:
    listing = Listing(ListedOnce(LocalTree([place])), SamplingDesign())
    listing.count(threading.Event())
    part = PartialScan(listing, PLAN)
    part.extend(rate)
    part.result()
    return part


def read_all(place: Path) -> None:
    scan(LocalTree([place]), PLAN)


def amounts(place: Path, rate: float) -> dict[str, int]:
    """What a part at ``rate`` reads, by the design that it follows."""
    part = read_part(place, rate)
    part.job.classes.held.clear()
    extents = Extents.joined([some for _, some in part.listing.slices(0.0, rate)])
    numbers = extents.entries.numbers()
    bounds = part.job.ranges_of(extents, numbers).bounds
    return {
        "files": len({*numbers.tolist()}),
        "data_bytes": int(extents.sizes.sum()),
        "taken_in_bytes": int((bounds["end"] - bounds["start"]).sum()),
    }


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=Path("/tmp/storeff-bench"))
@click.option("--scale", default=1.0, show_default=True)
@click.option("--data", multiple=True, type=click.Choice(list(MAKERS)))
@click.option("--rate", "rates", multiple=True, type=float, default=(0.5, 0.2), show_default=True)
@click.option("--repeat", default=5, show_default=True)
@click.option("-o", "--output", type=click.Path(path_type=Path))
def main(
    folder: Path,
    scale: float,
    data: tuple[str, ...],
    rates: tuple[float, ...],
    repeat: int,
    output: Path | None,
) -> None:
    """Time full passes and parts of the same data in turn."""
    folder.mkdir(exist_ok=True, parents=True)
    load = os.getloadavg()
    found: dict[str, Any] = {}
    for name, place in make_data(folder, scale, data or tuple(MAKERS)).items():
        sizes = [path.stat().st_size for path in files_of(place)]
        whole = {"files": len(sizes), "data_bytes": sum(sizes), "taken_in_bytes": sum(sizes)}
        rows = [Row("all", partial(here, partial(read_all, place)), repeat)]
        rows += [
            Row(f"{rate:.0%}", partial(here, partial(read_part, place, rate)), repeat)
            for rate in rates
        ]
        take_rounds(rows)
        of_rate = [whole, *(amounts(place, rate) for rate in rates)]
        found[name] = [{**row.result(), **what} for row, what in zip(rows, of_rate, strict=True)]
        for row, what in zip(rows, of_rate, strict=True):
            seconds, all_seconds = row.cpu_seconds, rows[0].cpu_seconds
            taken_in = what["taken_in_bytes"] / seconds
            click.echo(
                f"{name:9} {row.label:4} {taken_in / 1e9:5.2f} GB taken in per CPU s "
                f"({taken_in / (whole['taken_in_bytes'] / all_seconds):.2f} of a full pass), "
                f"{what['data_bytes'] / seconds / 1e9:5.2f} GB of data, "
                f"{what['files'] / seconds:8,.0f} files, spread {row.cpu_spread:.0%}"
            )
    if output:
        document = {"machine": machine(load), "rates": rates, "found": found}
        output.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
