"""Content-defined chunking alone, in memory: MinCDC beside gear hashing (FastCDC).

    python bench/speed/gear.py [--repeat 5] [-o bench/results/DATE-gear.json] [DIR...]

Speed: ``cut`` of every kernel, and each gear chunker that can be imported, at the same nominal
mean, over the first 256 MiB of a data set. Saving: what gear, at its own defaults, deduplicates and
the mean chunk size that it really gives, and what MinCDC saves with its bounds set so that its mean
is the same. DIRs, if given, hold files of yours whose saving is measured too: backups, say, or
releases. Run it on an otherwise idle machine.
"""

import json
import math
import os
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
import xxhash
from datasets import files_of, make_data
from timing import Missing, Row, Times, here, machine, take_rounds

from storeff import _native
from storeff.scan.run import kernels

SPEED_BYTES = 256 << 20
MEANS = {"8 KiB": 8 << 10, "64 KiB": 64 << 10}
# MinCDC's shortest chunk as a share of its mean: the profiles take the second.
MIN_SHARES = (1 / 2, 5 / 8, 3 / 4)
# Savings are compared at means that agree this closely; where cutting jumps, this is accepted.
MEAN_TOLERANCE, MEAN_TOLERANCE_MAX = 0.002, 0.02
FIT_ROUNDS = 16

Lengths = npt.NDArray[np.int64]
Chunks = Iterable[Any]


def pyfastcdc_cut(data: bytes, mean_bytes: int) -> Chunks:
    chunks: Chunks = import_module("pyfastcdc.cy").FastCDC(mean_bytes).cut_buf(data)
    return chunks


def xet_cut(data: bytes, mean_bytes: int) -> Chunks:
    """The cutting rule and the bounds of xet's published specification; its gear table differs."""
    chunker = import_module("pyfastcdc.cy").FastCDC(
        mean_bytes, min_size=mean_bytes // 8, max_size=mean_bytes * 2, normalized_chunking=0
    )
    chunks: Chunks = chunker.cut_buf(data)
    return chunks


def fastcdc_cut(data: bytes, mean_bytes: int) -> Chunks:
    cut = import_module("fastcdc.fastcdc_cy").fastcdc_cy
    chunks: Chunks = cut(data, avg_size=mean_bytes)
    return chunks


@dataclass(frozen=True)
class Gear:
    """A compiled gear chunker: ``cut`` gives objects with a length, and copies no data."""

    label: str
    package: str
    cut: Callable[[bytes, int], Chunks]

    @property
    def installed(self) -> bool:
        return find_spec(self.package) is not None


GEARS = (
    Gear("pyfastcdc", "pyfastcdc", pyfastcdc_cut),
    Gear("pyfastcdc as xet", "pyfastcdc", xet_cut),
    Gear("fastcdc", "fastcdc", fastcdc_cut),
)


def bounds(mean_bytes: float, min_share: float) -> tuple[int, int]:
    """MinCDC's shortest and longest chunk."""
    return round(mean_bytes * min_share), round(mean_bytes * (2 - min_share))


def gear_row(gear: Gear, data: bytes, mean_bytes: int, repeat: int) -> Row:
    def run() -> Times:
        if not gear.installed:
            raise Missing("not installed")
        return here(lambda: deque(gear.cut(data, mean_bytes), maxlen=0))

    return Row(gear.label, run, repeat)


def mincdc_label(kernel: str, min_share: float) -> str:
    return f"storeff {kernel}, min {min_share:g}"


def mincdc_row(kernel: str, min_share: float, data: bytes, mean_bytes: int, repeat: int) -> Row:
    run = partial(_native.cut, data, *bounds(mean_bytes, min_share), kernel)
    return Row(mincdc_label(kernel, min_share), partial(here, run), repeat)


def measure_speed(place: Path, repeat: int) -> dict[str, Any]:
    data = beginning(place)
    results = {}
    for mean, mean_bytes in MEANS.items():
        gears = [gear_row(gear, data, mean_bytes, repeat) for gear in GEARS]
        ours = {
            (kernel, share): mincdc_row(kernel, share, data, mean_bytes, repeat)
            for kernel in kernels()
            for share in MIN_SHARES
        }
        rows = [*gears, *ours.values()]
        take_rounds(rows)
        fastest = min((row.cpu_seconds for row in gears if row.times), default=None)
        show(mean, rows, len(data), fastest)
        results[mean] = {
            "bytes": len(data),
            "runs": {row.label: row.result() for row in rows},
            "storeff / fastest gear": {
                f"min {share:g}": fastest and fastest / ours[kernels()[0], share].cpu_seconds
                for share in MIN_SHARES
            },
        }
    return results


def show(mean: str, rows: list[Row], size_bytes: int, gear_seconds: float | None) -> None:
    click.echo(f"  {f'mean {mean}':32}{'GB/CPU s':>9}{'spread':>8}{'/ gear':>9}")
    for row in rows:
        if not row.times:
            click.echo(f"    {row.label:30} {row.missing}")
            continue
        to_gear = "missing" if gear_seconds is None else f"{gear_seconds / row.cpu_seconds:.2f}"
        click.echo(
            f"    {row.label:30}{size_bytes / 1e9 / row.cpu_seconds:9.2f}"
            f"{row.cpu_spread:8.0%}{to_gear:>9}"
        )


def beginning(place: Path) -> bytes:
    """The first SPEED_BYTES of the files below ``place``, one after the other."""
    data = bytearray()
    for path in files_of(place):
        with open(path, "rb") as file:
            data += file.read(SPEED_BYTES - len(data))
    return bytes(data)


@dataclass(frozen=True)
class Saving:
    """What deduplicating leaves: ``saved`` is the share of the bytes that need not be stored."""

    mean_bytes: float
    saved: float


def saving(files: list[bytes], cut: list[Lengths]) -> Saving:
    """Of every file cut into chunks of these lengths; equal chunks have equal XXH3-128."""
    unique: dict[bytes, int] = {}
    for data, lengths in zip(files, cut, strict=True):
        view = memoryview(data)
        starts = np.cumsum(lengths) - lengths
        for start, length in zip(starts.tolist(), lengths.tolist(), strict=True):
            unique[xxhash.xxh3_128_digest(view[start : start + length])] = length
    total = sum(map(len, files))
    return Saving(total / sum(map(len, cut)), 1 - sum(unique.values()) / total)


def mincdc_lengths(data: bytes, min_bytes: int, max_bytes: int) -> Lengths:
    """A run counts as chunks of the longest length and a rest, which is how gear stores one."""
    pieces = _native.cut(data, min_bytes, max_bytes, kernels()[0])
    lengths: list[int] = []
    for length, run in pieces[:, 1:].tolist():
        whole, rest = divmod(length, max_bytes) if run else (0, length)
        lengths += [max_bytes] * whole + [rest] * (rest > 0)
    return np.array(lengths, np.int64)


def fitted(files: list[bytes], mean_bytes: float, min_share: float) -> list[Lengths]:
    """MinCDC's chunks, with bounds that make their mean size ``mean_bytes``."""
    total = sum(map(len, files))
    middle = mean_bytes
    best, best_off = list[Lengths](), math.inf
    for _ in range(FIT_ROUNDS):
        cut = [mincdc_lengths(data, *bounds(middle, min_share)) for data in files]
        off = total / sum(map(len, cut)) / mean_bytes - 1
        if abs(off) < best_off:
            best, best_off = cut, abs(off)
        if best_off <= MEAN_TOLERANCE:
            break
        # The root damps: around a jump whole steps go to and fro between the same two points.
        middle /= math.sqrt(1 + off)
    if best_off > MEAN_TOLERANCE_MAX:
        raise click.ClickException(f"MinCDC misses a mean of {mean_bytes:.0f} by {best_off:.1%}")
    return best


def measure_savings(place: Path) -> dict[str, Any]:
    files = [path.read_bytes() for path in files_of(place)]
    results: dict[str, Any] = {}
    for gear in GEARS:
        if not gear.installed:
            click.echo(f"  {gear.label:18} not installed")
            results[gear.label] = {"missing": "not installed"}
            continue
        results[gear.label] = {
            mean: compare(files, gear, mean, mean_bytes) for mean, mean_bytes in MEANS.items()
        }
    return results


def compare(files: list[bytes], gear: Gear, mean: str, mean_bytes: int) -> dict[str, Any]:
    cut = [np.array([c.length for c in gear.cut(d, mean_bytes)], np.int64) for d in files]
    theirs = saving(files, cut)
    line = f"  {gear.label:18}{mean:>7}: {theirs.saved:7.2%} at {theirs.mean_bytes:8,.0f} bytes"
    result: dict[str, Any] = {"gear": vars(theirs)}
    for share in MIN_SHARES:
        ours = saving(files, fitted(files, theirs.mean_bytes, share))
        points = (ours.saved - theirs.saved) * 100
        line += f" | MinCDC min {share:g}: {ours.saved:7.2%} ({points:+.2f} points)"
        result[f"min {share:g}"] = {**vars(ours), "points": points}
    click.echo(line)
    return result


@click.command()
@click.argument("own", nargs=-1, metavar="[DIR]...", type=click.Path(exists=True, path_type=Path))
@click.option("--folder", type=click.Path(path_type=Path), default=Path("/tmp/storeff-bench"))
@click.option("--repeat", default=5, show_default=True)
@click.option("--scale", default=1.0, show_default=True, help="Size of the data sets.")
@click.option("-o", "output", type=click.Path(path_type=Path))
def main(
    own: tuple[Path, ...], folder: Path, repeat: int, scale: float, output: Path | None
) -> None:
    load_before = os.getloadavg()
    folder.mkdir(exist_ok=True, parents=True)
    data = make_data(folder.resolve(), scale, ("mixed-tar", "versions", "tensor-inserts"))
    made = machine(load_before, "xxhash", *{gear.package: None for gear in GEARS})
    made["scale"] = scale
    made["speed"], made["saving"] = {}, {}
    for name in ("mixed-tar", "versions"):
        click.echo(f"\nchunking alone, {name}")
        made["speed"][name] = measure_speed(data[name], repeat)
    places = {
        "versions: releases": data["versions"] / "releases",
        "versions: backups": data["versions"] / "backups",
        "tensor-inserts": data["tensor-inserts"],
        **{place.name: place for place in own},
    }
    for name, place in places.items():
        click.echo(f"\nsaved at equal mean chunk size, {name}")
        made["saving"][name] = measure_savings(place)
    if output:
        output.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
