"""What a listing of very many objects takes, in time and in memory, beside one of a million.

    python bench/speed/census.py [--entries 1e6 --entries 1e9] [-o bench/results/DATE-census.json]

The objects are made up as they are listed, in folders of 8,192 with the same names, of log-normal
sizes (median 1 MB, mean 7 MB): a billion are 7 PB. They go through all that a sampled scan does
with a listing, in a process for each number of them:

- ``census``: files, bytes, sizes, as every scan counts them.
- ``ranks``: which objects share their sampling ranks; those of 64 MiB and more are looked into.
- ``selection``: the extents of a sample of 64 GiB, of all extents.
- ``windows``: the windows that compression is measured on.
- ``shards``: the census counted by seven shards, and merged: it must be the same.

Peak memory is the process's own largest resident set. What a real listing takes comes on top: 0.3
to 1 us an entry of a local tree, a request for each 1,000 objects of a store.
"""

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import click
import numpy as np
from timing import machine

from storeff.scan.listing import Listing
from storeff.scan.run import of_shard
from storeff.scan.sampling import SamplingDesign
from storeff.scan.windows import draw_windows
from storeff.sources.census import Census
from storeff.sources.entry import LISTED, Entries, Entry
from storeff.sources.source import Ranges, RangesRead, Reader

FOLDER_FILES = 8192
SAMPLE_BYTES = 64 << 30
SHARDS = 7
MEDIAN_BYTES, SIGMA = 1e6, 2.0


class MadeUpSource:
    """``count`` objects that are nowhere, the same ones at every listing."""

    roots = (b"made-up:",)

    def __init__(self, count: int) -> None:
        self.count = count
        random = np.random.default_rng(1)
        self.pool = random.lognormal(np.log(MEDIAN_BYTES), SIGMA, FOLDER_FILES).astype(np.int64)
        names = [b"part-%05d.bin" % i for i in range(FOLDER_FILES)]
        self.names = b"\0".join(names) + b"\0"
        self.rows = np.zeros(FOLDER_FILES, LISTED)
        lengths = np.array([len(name) for name in names])
        self.rows["name_bytes"] = lengths
        self.rows["name_start"] = np.cumsum(lengths + 1) - lengths - 1

    def list(self) -> Iterator[Entries]:
        for folder, start in enumerate(range(0, self.count, FOLDER_FILES)):
            rows = self.rows[: min(FOLDER_FILES, self.count - start)].copy()
            # No two folders have the same sizes.
            sizes = self.pool[: len(rows)] + folder * 4099 % 1_000_003
            rows["size_bytes"] = rows["allocated_bytes"] = sizes
            yield Entries(rows, self.names, [((0,), b"%08d/" % folder)])

    def open(self, entry: Entry) -> AbstractContextManager[Reader]:
        return nullcontext(NoHoles())

    def read_ranges(self, ranges: Ranges, buffer: memoryview) -> RangesRead:
        raise NotImplementedError("nothing is read here")

    def read_beside(self, entry: Entry, relative: bytes, bytes_max: int) -> bytes | None:
        return None

    def name(self, entry: Entry) -> bytes:
        return self.roots[0] + entry.path


class NoHoles:
    """What knows that an object has no holes, without a request."""

    descriptor = None

    def segments(self, start: int, end: int) -> Iterator[tuple[int, int, bool]]:
        yield start, end - start, False

    def read_into(self, view: memoryview, offset: int) -> int:
        raise NotImplementedError("nothing is read here")

    def is_unchanged(self) -> bool:
        return True


def peak_bytes() -> int:
    """Not ru_maxrss, which would begin with that of the process that started this one."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))


def measured(count: int) -> dict[str, Any]:
    source = MadeUpSource(count)
    seconds: dict[str, float] = {}
    peaks: dict[str, int] = {}
    before_bytes = peak_bytes()
    started = time.process_time()

    def phase(name: str) -> None:
        nonlocal started
        seconds[name] = time.process_time() - started
        peaks[name] = peak_bytes()
        started = time.process_time()

    for _ in source.list():
        pass
    phase("making them up")
    listing = Listing(source, SamplingDesign())
    listing.count(threading.Event())
    phase("census")
    extents = listing.ranks.extents
    phase("ranks")
    rate = min(1.0, SAMPLE_BYTES / listing.sampled_bytes)
    selected = sum(len(each) for _, each in listing.slices(0.0, rate))
    phase("selection")
    windows, _ = draw_windows(source, 1, None, threading.Event())
    phase("windows")
    shards = [Census() for _ in range(SHARDS)]
    for found in source.list():
        for i, census in enumerate(shards):
            census.add_entries(of_shard((i, SHARDS), found))
    merged = Census()
    for census in shards:
        merged.merge(census)
    phase("shards")
    assert merged == listing.census, "the census of the shards is another"
    return {
        "entries": listing.census.files,
        "bytes": listing.census.size_bytes,
        "extents": extents,
        "selected_extents": selected,
        "windows": len(windows.ranks),
        "cpu_seconds": seconds,
        "before_bytes": before_bytes,
        "peak_bytes_after": peaks,
        "peak_bytes": peak_bytes(),
    }


@click.command(help=__doc__)
@click.option("--entries", "counts", multiple=True, type=float, default=(1e6, 1e9))
@click.option("--one", type=int, hidden=True)
@click.option("-o", "output", type=click.Path(path_type=Path))
def main(counts: tuple[float, ...], one: int | None, output: Path | None) -> None:
    if one is not None:
        json.dump(measured(one), sys.stdout)
        return
    load_before = os.getloadavg()
    runs = []
    for count in counts:
        words = [sys.executable, __file__, "--one", str(int(count))]
        run = json.loads(subprocess.run(words, check=True, capture_output=True).stdout)
        runs.append(run)
        each = {
            name: f"{seconds / run['entries'] * 1e6:.2f} us"
            for name, seconds in run["cpu_seconds"].items()
        }
        click.echo(
            f"{run['entries']:>13,} objects, {run['bytes'] / 1e15:.3g} PB, {run['extents']:,} "
            f"extents: peak {run['peak_bytes'] / 1e6:.0f} MB "
            f"({run['before_bytes'] / 1e6:.0f} MB before); CPU an object: {each}"
        )
    result = {"machine": machine(load_before), "runs": runs}
    if output is not None:
        output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
