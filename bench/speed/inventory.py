"""What it takes to list the objects of an S3 Inventory: CPU time an object, and memory.

    python bench/speed/inventory.py [--objects 2000000] [--rounds 3]
        [-o bench/results/DATE-inventory.json]

One file, in Parquet of one row group and in ORC of one stripe, whatever these take. The times are
CPU microseconds an object, medians over rounds, with the reading of all keys before. Memory is what
the peak of a process grows by while it lists them. ``twice`` is CSV of which the manifest names the
file twice: so many objects are listed again.
"""

import gzip
import json
import os
import random
import statistics
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import click
import pyarrow
from census import peak_bytes
from pyarrow import orc, parquet
from timing import machine

from storeff.sources.entry import Entries
from storeff.sources.object_client import Access, Bucket, Meter
from storeff.sources.object_inventory import Inventory
from storeff.sources.object_listing import Root, Walk
from storeff.sources.object_url import parse_url

FIELDS = ("bucket", "key", "size", "e_tag", "storage_class")
KINDS = {"csv": "CSV", "parquet": "Parquet", "orc": "ORC", "twice": "CSV"}


def make_inventory(folder: Path, kind: str, objects: int) -> None:
    folder.mkdir()
    source = random.Random(1)
    rows = [
        (
            "bucket",
            f"data/set-{i // 5000:05}/part-{i:09}-{source.getrandbits(64):016x}.parquet",
            source.randrange(1 << 24),
            f"{source.getrandbits(128):032x}",
            "STANDARD",
        )
        for i in range(objects)
    ]
    source.shuffle(rows)
    if KINDS[kind] == "CSV":
        with gzip.open(folder / "0", "wt") as file:
            file.writelines('"{}","{}","{}","{}","{}"\n'.format(*row) for row in rows)
    else:
        table = pyarrow.table(dict(zip(FIELDS, zip(*rows, strict=True), strict=True)))
        if kind == "parquet":
            parquet.write_table(table, folder / "0", row_group_size=objects)
        else:
            orc.write_table(table, folder / "0", stripe_size=1 << 36, compression="zlib")
    manifest = {
        "sourceBucket": "bucket",
        "fileFormat": KINDS[kind],
        "fileSchema": "Bucket, Key, Size, ETag, StorageClass",
        "files": [{"key": "0"}] * (2 if kind == "twice" else 1),
    }
    (folder / "manifest.json").write_text(json.dumps(manifest))


def listed(folder: Path) -> tuple[int, float, int]:
    """The objects of the inventory in ``folder``, and the CPU time and the memory they took."""
    access, meter = Access(), Meter(None)
    root = Root(0, parse_url("s3://bucket"), Bucket("s3", "bucket", access, meter))
    inventory, walk = Inventory(str(folder / "manifest.json"), access, meter), Walk([root], None)
    before_bytes, started, objects = peak_bytes(), time.process_time(), 0
    for found in inventory.found([root]):
        if isinstance(found, tuple):
            parts = walk.sorted_out(*found)
            objects += sum(len(part) for part in parts if isinstance(part, Entries))
    return objects, time.process_time() - started, peak_bytes() - before_bytes


@click.command()
@click.option("--objects", default=2_000_000, show_default=True)
@click.option("--rounds", default=3, show_default=True)
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path))
def main(objects: int, rounds: int, output: Path | None) -> None:
    result: dict[str, Any] = {**machine(os.getloadavg(), "pyarrow"), "objects": objects, "rows": {}}
    with tempfile.TemporaryDirectory() as scratch:
        for kind in KINDS:
            make_inventory(Path(scratch, kind), kind, objects)
        runs: dict[str, list[tuple[int, float, int]]] = {kind: [] for kind in KINDS}
        for _ in range(rounds):
            for kind in KINDS:
                # Only of a process of its own the peak is its own.
                with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
                    runs[kind].append(pool.submit(listed, Path(scratch, kind)).result())
    for kind, of_kind in runs.items():
        if any(run[0] != objects for run in of_kind):
            raise click.ClickException(f"not {objects:,} objects were listed from {kind}")
        each = statistics.median(run[1] for run in of_kind) / objects * 1e6
        grown_bytes = max(run[2] for run in of_kind)
        result["rows"][kind] = {"microseconds": round(each, 2), "peak_growth_bytes": grown_bytes}
        click.echo(f"{kind:8} {each:6.2f} us an object, {grown_bytes / 1e6:,.0f} MB")
    if output:
        output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
