"""How often the 95 % intervals of a KV measurement hold what reading everything gives.

    python bench/speed/kv_measure.py [--seeds 1000] [-o bench/results/DATE-kv_measure.json]

Every cluster of every stratum (the keys or values of one layer) is measured once; then each seed
draws clusters as ``storeff.kv.measure`` does and estimates from those alone. ``coverage`` is the
share of seeds whose interval holds the truth, ``width`` the mean width of the interval by the
truth. The real data is included if STOREFF_SHARED says where it is.
"""

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np
import numpy.typing as npt
from kv_data import HEAD_DIM, Items, real, synthetic
from timing import machine

from storeff.kv.measure import lossless, lossy
from storeff.kv.measure.extract import Block
from storeff.kv.measure.measurement import draw
from storeff.kv.measure.totals import Totals
from storeff.quantity import Quantity

CLUSTER_TOKENS = 16
SCHEMES = (
    lossless.Scheme("zstd-3"),
    lossless.Scheme("zstd-1", planes=True),
    lossless.Scheme("huffman", planes=True),
)
ROUNDED = "int4, groups of 32 channels"
AT = {name: 1 + len(SCHEMES) + i for i, name in enumerate(lossy.Loss.__struct_fields__)}
FIGURES: dict[str, Callable[[Totals], Quantity]] = {
    **{s.name: partial(Totals.ratio, over=i, under=0) for i, s in enumerate(SCHEMES, 1)},
    "relative L2 squared, int4": partial(Totals.ratio, over=AT["error"], under=AT["power"]),
    "logit error squared, int4": partial(
        Totals.ratio, over=AT["logit_error"], under=AT["logit_power"]
    ),
    "cosine, int4": partial(
        Totals.cosine, product=AT["product"], power=AT["power"], other=AT["rounded_power"]
    ),
}

Rows = npt.NDArray[np.float64]


def measures(items: Items) -> list[Rows]:
    """For each stratum a row for each cluster: bytes, bytes stored by each scheme, losses."""
    strata = []
    for kind in range(2):
        for layer in range(items.shape[1]):
            rows = []
            for start in range(0, items.shape[2], CLUSTER_TOKENS):
                part = np.ascontiguousarray(items[kind, layer, start : start + CLUSTER_TOKENS])
                block = Block("v" if kind else "k", layer, "bf16", part, HEAD_DIM)
                stored = lossless.stored_bytes(block, part.nbytes, SCHEMES)
                found = lossy.losses(block, 1)
                assert found is not None
                loss = msgspec.structs.astuple(found[ROUNDED])
                rows.append([part.nbytes, *(stored[s] for s in SCHEMES), *loss])
            strata.append(np.array(rows, float))
    return strata


def total(parts: list[Totals]) -> Totals:
    return sum(parts[1:], parts[0])


def estimate(strata: list[Rows], seed: int, count: int) -> Totals:
    rng = np.random.default_rng([1, seed])
    return total([Totals.of(r[draw(rng, len(r), count)], len(r)) for r in strata])


def coverage(strata: list[Rows], count: int, seeds: int) -> dict[str, dict[str, float]]:
    every = total([Totals.of(rows, len(rows)) for rows in strata])
    truths = {name: figure(every).value for name, figure in FIGURES.items()}
    held = dict.fromkeys(FIGURES, 0)
    widths = dict.fromkeys(FIGURES, 0.0)
    for seed in range(seeds):
        totals = estimate(strata, seed, count)
        for name, figure in FIGURES.items():
            q, truth = figure(totals), truths[name]
            assert truth is not None
            assert q.low is not None
            assert q.high is not None
            held[name] += q.low <= truth <= q.high
            widths[name] += float(q.high - q.low) / abs(truth)
    return {
        name: {"coverage": held[name] / seeds, "width": round(widths[name] / seeds, 5)}
        for name in FIGURES
    }


@click.command()
@click.option("--seeds", default=1000, show_default=True)
@click.option("-o", "output", type=click.Path(path_type=Path))
def main(seeds: int, output: Path | None) -> None:
    load = os.getloadavg()
    sets = {name: synthetic(name, 1024) for name in ("steady", "drifting", "patches")}
    found = real()
    if found is not None:
        sets["encoder"] = found
    results: list[dict[str, Any]] = []
    for name, items in sets.items():
        strata = measures(items)
        layers = items.shape[1]
        scopes = {"one layer's keys": strata[:1], "all keys": strata[:layers], "all": strata}
        for scope, part in scopes.items():
            for count in (3, 4, 8):
                figures = coverage(part, count, seeds)
                results.append(
                    {
                        "data": name,
                        "scope": scope,
                        "strata": len(part),
                        "clusters": len(part[0]),
                        "drawn": count,
                        "seeds": seeds,
                        "figures": figures,
                    }
                )
                shares = " ".join(f"{figure['coverage']:.3f}" for figure in figures.values())
                click.echo(f"{name:9} {scope:17} {count} of {len(part[0])}: {shares}")
    if output:
        made = {
            "machine": machine(load, "numpy", "scipy", "zstandard"),
            "cluster_tokens": CLUSTER_TOKENS,
            "results": results,
        }
        output.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
