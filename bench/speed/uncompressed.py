"""A scan that compresses nothing: what the default one is compared to.

    python bench/speed/uncompressed.py PLACE [--threads 2]

Prints the CPU and the wall seconds of scan() alone, listing included and start-up not.
"""

from functools import partial
from pathlib import Path

import click
from timing import here

from storeff.scan.machine import default_threads
from storeff.scan.plan import CUTTINGS, Plan
from storeff.scan.run import scan
from storeff.sources.tree import LocalTree


def plain(*names: str) -> Plan:
    """The default plan without compression, or only the named chunkers of it."""
    return Plan(chunkers=tuple(c for c in CUTTINGS if not names or c.name in names), probed=())


@click.command()
@click.argument("place", type=click.Path(exists=True, path_type=Path))
@click.option("--threads", type=int, default=default_threads(), show_default=True)
def main(place: Path, threads: int) -> None:
    """Scan PLACE with nothing compressed."""
    times = here(partial(scan, LocalTree([place]), plain(), threads=threads))
    click.echo(f"{times.cpu_seconds:.6f} {times.wall_seconds:.6f}")


if __name__ == "__main__":
    main()
