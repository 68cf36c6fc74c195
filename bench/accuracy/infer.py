"""How often the inference of page layouts is right, unknown or wrong.

    PYTHONPATH=tests python bench/accuracy/infer.py [--seeds 3] [--shared DIR] [-o results.json]

Pages are those of tests/kvpages.py, whose orders and dtypes are known: layers 4 to 32, 1 to 8 KV
heads, head sizes 64 and 128, 16 to 256 tokens, in every dtype and order; with ``--shared`` also
windows of real keys and values laid out anew. A page counts as right if dtype, axes and shape are;
"unknown" is no error, "wrong" is. Pages of which two orders have tokens equally far apart (as
many layers as heads) cannot be told and are counted apart, as "alike". What is not KV has no right
answer but "unknown".
"""

import json
import os
from collections import Counter
from collections.abc import Iterator
from datetime import date
from itertools import product
from pathlib import Path
from typing import Any

import click
import numpy as np
from support.kvpages import (
    DTYPES,
    MLA_ORDERS,
    ORDERS,
    embeddings,
    encoded,
    keys_and_values,
    laid,
    latents,
    recorded,
    weights,
)

from storeff.kv.measure.infer import Geometry, Inference, infer

# Layers, KV heads, head size, tokens.
SHAPES = (
    (4, 1, 64, 16),
    (4, 2, 128, 64),
    (8, 2, 64, 16),
    (8, 4, 128, 16),
    (12, 8, 64, 256),
    (16, 8, 128, 64),
    (28, 4, 128, 16),
    (32, 8, 128, 16),
    (32, 8, 64, 64),
    (8, 8, 64, 16),
)
# K's means and the spread of scales: hard, usual, easy.
TEMPERS = ((0.3, 0.2), (0.7, 0.4), (1.5, 0.7))


def synthetic(seeds: int) -> Iterator[tuple[dict[str, Any], Any, Geometry]]:
    for shape, (bias, spread), seed in product(SHAPES, TEMPERS, range(seeds)):
        layers, heads, dims, tokens = shape
        tags = {"source": "synthetic", "tokens": tokens, "bias": bias}
        numbers = keys_and_values(seed, layers, heads, dims, tokens, bias, spread)
        yield tags, numbers, Geometry(layers, heads, dims)


def real(folder: str) -> Iterator[tuple[dict[str, Any], Any, Geometry]]:
    numbers = recorded(folder)
    for tokens in (16, 64, 128, 256):
        for start in range(0, 256, max(tokens, 64)):
            tags = {"source": "recorded", "tokens": tokens, "bias": None}
            yield tags, numbers[:, :, start : start + tokens], Geometry(6, 12, 32)


def mla(seeds: int) -> Iterator[tuple[dict[str, Any], Any, Geometry]]:
    for (layers, tokens), seed in product(((4, 16), (16, 64), (27, 64)), range(seeds)):
        tags = {"source": "mla", "tokens": tokens, "bias": 0.5}
        yield tags, latents(seed, layers, 576, tokens), Geometry(layers, None, 576)


def verdict(found: Inference, dtype: str, order: tuple[str, ...], shape: tuple[int, ...]) -> str:
    if found.dtype not in (dtype, None):
        return "wrong"
    if found.confidence == "unknown":
        return "alike" if "several orders" in found.why else "unknown"

    def bare(axes: tuple[str, ...], extents: tuple[int, ...]) -> list[tuple[str, int]]:
        return [pair for pair in zip(axes, extents, strict=True) if pair[1] > 1]

    assert found.axes is not None
    assert found.shape is not None
    same = found.dtype == dtype and bare(found.axes, found.shape) == bare(order, shape)
    return "right" if same else "wrong"


def judged(pages: Iterator[tuple[dict[str, Any], Any, Geometry]]) -> Iterator[dict[str, Any]]:
    for tags, numbers, geometry in pages:
        orders = ORDERS if geometry.kv_heads else MLA_ORDERS
        for dtype in DTYPES:
            items = encoded(numbers, dtype)
            sizes = dict(
                zip(
                    ("kv", "layer", "token", "head", "dim")
                    if geometry.kv_heads
                    else ("layer", "token", "latent"),
                    items.shape,
                    strict=True,
                )
            )
            for name, order in orders.items():
                page = laid(items, name)
                found = infer(page, geometry=geometry)
                shape = tuple(sizes[axis] for axis in order)
                yield {
                    **tags,
                    "order": name,
                    "dtype": dtype,
                    "verdict": verdict(found, dtype, order, shape),
                    "margin": found.margin,
                    "why": found.why,
                }


def others(seeds: int) -> Iterator[tuple[str, bytes]]:
    size = 1 << 21
    for seed in range(seeds):
        rng = np.random.default_rng(seed)
        yield "noise", rng.bytes(size)
        yield "zeros", bytes(size)
        yield "int8", rng.normal(0, 20, size).astype("i1").tobytes()
        yield "int32", rng.integers(0, 50000, size // 4, "<i4").tobytes()
        yield "f64", rng.normal(size=size // 8).tobytes()
        yield "text", (b"the quick brown fox jumps over %d dogs. " * 60000)[:size]
        for dtype in DTYPES:
            for columns in (1024, 4096):
                count = size // (columns * encoded(np.zeros(1, "<f4"), dtype).itemsize)
                # Weights of 8 bits come with a scale, without which they would all be tiny.
                scale = 32 if dtype.startswith("f8") else 1
                for name, make in (("weights", weights), ("embeddings", embeddings)):
                    matrix = make(seed, count, columns) * scale
                    yield f"{dtype} {name}", encoded(matrix, dtype).tobytes()


def share(rows: list[dict[str, Any]], key: str) -> dict[str, float]:
    counts = Counter(row[key] for row in rows)
    return {name: round(count / len(rows), 4) for name, count in sorted(counts.items())}


@click.command()
@click.option("--seeds", default=3, show_default=True)
@click.option("--shared", default=os.environ.get("STOREFF_SHARED"), help="Folder of fixtures.")
@click.option("-o", "--output", type=click.Path(path_type=Path))
def main(seeds: int, shared: str | None, output: Path | None) -> None:
    rows = [*judged(synthetic(seeds)), *judged(mla(seeds))]
    rows += judged(real(shared)) if shared else ()
    strange = Counter(
        (name, infer(data, geometry=geometry).confidence)
        for name, data in others(seeds)
        for geometry in (Geometry(8, 4, 128), Geometry(16, 8, 64), Geometry(8, None, 512))
    )
    result = {
        "date": date.today().isoformat(),
        "seeds": seeds,
        "pages": len(rows),
        "all": {"verdict": share(rows, "verdict")},
        "by": {
            tag: {
                str(value): share([row for row in rows if row[tag] == value], "verdict")
                for value in sorted({row[tag] for row in rows}, key=str)
            }
            for tag in ("source", "order", "dtype", "tokens", "bias")
        },
        "smallest margin of a right answer": min(
            row["margin"] for row in rows if row["verdict"] == "right"
        ),
        "not KV": {f"{name}: {verdict}": n for (name, verdict), n in sorted(strange.items())},
        "unknown or wrong": Counter(
            f"{row['verdict']}: {row['source']} {row['order']} {row['why'].rpartition(', ')[2]}"
            for row in rows
            if row["verdict"] in ("unknown", "wrong")
        ),
    }
    text = json.dumps(result, indent=1)
    click.echo(text)
    if output:
        output.write_text(text + "\n")


if __name__ == "__main__":
    main()
