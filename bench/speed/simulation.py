"""CPU time of simulating one build, on one core, medians of five.

    OMP_NUM_THREADS=1 python bench/speed/simulation.py [LAYOUT] [--draws 100000]

What the libraries take to load is not in it.
"""

import statistics
import time
from fractions import Fraction

import click
import numpy as np

from storeff.data import Assumption
from storeff.economics import build_scenario
from storeff.economics.simulation import simulation
from storeff.layout import Data, load_layouts
from storeff.report.storage import REFERENCE_LAYOUT

RUNS = 5


@click.command()
@click.argument("layout", default=REFERENCE_LAYOUT)
@click.option("--draws", type=click.IntRange(1), default=100_000, show_default=True)
def main(layout: str, draws: int) -> None:
    """Print the medians, with a measured reduction and with an exact one."""
    data = Data(
        logical_bytes=Assumption(path="data.logical_bytes", value=Fraction(50 * 10**18)),
        reduction_ratio=Assumption(path="data.reduction_ratio", value=Fraction(2)),
    )
    scenario = build_scenario(data, load_layouts()[layout])
    measured = np.random.default_rng(1).normal(2, 0.05, 2000)
    for name, ratios in (("measured reduction", measured), ("exact reduction", None)):
        simulation(scenario, ratios, 1, count=1)
        seconds = []
        for _ in range(RUNS):
            begun = time.process_time()
            simulation(scenario, ratios, 1, count=draws)
            seconds.append(time.process_time() - begun)
        took = statistics.median(seconds)
        click.echo(f"{layout}, {name}: {draws:,} draws in {took:.2f} s")


if __name__ == "__main__":
    main()
