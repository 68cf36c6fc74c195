"""How fast a scan is, beside the machine's own limits and other tools, all in one run.

    python bench/speed/scan.py [--repeat 5] [-o bench/results/DATE-scan.json]

Makes its data sets under --folder once (datasets.py) and reads one before each run, so that it is
in the page cache. Times are medians over rounds that each run everything once; ``spread`` is how
far apart the CPU times of the rounds are. ``/ read`` compares CPU time with ``read``: a native loop
that opens, reads and closes the same files (limits.c). A scan's times are of the whole process and
include the walk, listing included. ``default`` is all that a full scan measures, the others are
scan() alone, which compresses nothing. Run it on an otherwise idle machine.
"""

import json
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
from datasets import MAKERS, files_of, make_data
from peers import HF_XET_LABEL, PEERS, peer_version, run_peer
from timing import Missing, Row, Times, child, compiled, here, machine, take_rounds
from uncompressed import plain

from storeff import _native, analysis
from storeff.scan.run import kernels, scan
from storeff.sources.tree import LocalTree

BUFFER_BYTES = 1 << 20
MEMORY_BYTES = 256 << 20
TIMEOUT_SECONDS = 120.0
# A peer is here for a factor, not for a percentage: few rounds do, one if it takes long.
PEER_ROUNDS = 3
PEER_SLOW_SECONDS = 20.0


def read_natively(program: Path, place: Path, files: Sequence[Path]) -> Times:
    """The limit, by names relative to ``place``: the kernel has fewer directories to look up."""
    names = b"".join(os.fsencode(path.relative_to(place)) + b"\0" for path in files)
    try:
        return child(
            [str(program)],
            stdin=names,
            cwd=place,
            timeout_seconds=TIMEOUT_SECONDS,
            prints_times=True,
        )
    except Missing as missing:
        raise click.ClickException(f"reading {place}: {missing}") from missing


def hash_files(files: Sequence[Path]) -> None:
    """read() and XXH3-128 of the xxhash package over every buffer."""
    import xxhash

    buffer = bytearray(BUFFER_BYTES)
    view = memoryview(buffer)
    for path in files:
        state = xxhash.xxh3_128()
        fd = os.open(path, os.O_RDONLY)
        while got := os.readv(fd, [buffer]):
            state.update(view[:got])
        os.close(fd)


PLANS = {
    "cdc-8KiB": plain("cdc-8KiB"),
    "cdc-64KiB": plain("cdc-64KiB"),
    "default, uncompressed": plain(),
}
THREADED = ("default, uncompressed", "default")
EVERYTHING = analysis.Sampling(share=1.0)


def scan_label(kernel: str, plan: str, threads: int = 1) -> str:
    return f"storeff {kernel}, {plan}" + (f", {threads} threads" if threads > 1 else "")


def scan_rows(place: Path, repeat: int) -> Iterator[Row]:
    def row(kernel: str, name: str, threads: int) -> Row:
        run: Callable[[], object]
        if name == "default":
            run = partial(
                analysis.measure, place, sampling=EVERYTHING, threads=threads, kernel=kernel
            )
        else:
            run = partial(scan, LocalTree([place]), PLANS[name], threads=threads, kernel=kernel)
        return Row(scan_label(kernel, name, threads), partial(here, run), repeat)

    for kernel in kernels():
        for name in PLANS:
            yield row(kernel, name, 1)
    # Compressing takes the same time whatever the kernel.
    yield row(kernels()[0], "default", 1)
    for name in THREADED:
        yield row(kernels()[0], name, 2)


def peer_rows(place: Path, files: Sequence[Path], folder: Path, repeat: int) -> Iterator[Row]:
    for peer in PEERS:
        run = partial(run_peer, peer, place, files, folder, TIMEOUT_SECONDS)
        yield Row(peer.label, run, min(repeat, PEER_ROUNDS))


def take_peers(rows: Sequence[Row], warm: Callable[[], object]) -> None:
    """Each in turn, so that a slow one can be left at its first run."""
    for row in rows:
        while len(row.times) < row.rounds and row.missing is None:
            warm()
            row.take()
            if row.times and row.wall_seconds > PEER_SLOW_SECONDS:
                break


def ratios(rows: dict[str, Row]) -> dict[str, float | None]:
    """Speeds against each other; None where one of the two is missing."""

    def faster(label: str, than: str, clock: str) -> float | None:
        fast, slow = rows[label], rows[than]
        if not fast.times or not slow.times:
            return None
        ratio: float = getattr(slow, clock) / getattr(fast, clock)
        return ratio

    best = kernels()[0]
    made: dict[str, float | None] = {}
    for name in THREADED:
        one, two = scan_label(best, name), scan_label(best, name, 2)
        made[f"{name}: 2 threads / 1 thread, wall"] = faster(two, one, "wall_seconds")
    for name in ("cdc-64KiB", *THREADED):
        label = f"storeff {name} / {HF_XET_LABEL}, CPU"
        made[label] = faster(scan_label(best, name), HF_XET_LABEL, "cpu_seconds")
    return made


def show(rows: Sequence[Row], total_bytes: int, files: int) -> None:
    click.echo(f"{'':50}{'GB/CPU s':>9}{'spread':>8}{'GB/s':>8}{'/ read':>8}{'files/CPU s':>13}")
    for row in rows:
        if not row.times:
            click.echo(f"{row.label:50} {row.missing}")
            continue
        click.echo(
            f"{row.label:50}{total_bytes / 1e9 / row.cpu_seconds:9.2f}{row.cpu_spread:8.0%}"
            f"{total_bytes / 1e9 / row.wall_seconds:8.2f}"
            f"{rows[0].cpu_seconds / row.cpu_seconds:8.3f}{files / row.cpu_seconds:13,.0f}"
        )


def measure(name: str, place: Path, limits: Path, folder: Path, repeat: int) -> dict[str, Any]:
    files = files_of(place)
    total_bytes = sum(path.stat().st_size for path in files)
    rows = [
        Row("read", partial(read_natively, limits, place, files), repeat),
        Row("read + xxh3_128, Python", partial(here, partial(hash_files, files)), repeat),
        *scan_rows(place, repeat),
    ]
    peers = [*peer_rows(place, files, folder, repeat)]
    warm = partial(read_natively, limits, place, files)
    take_rounds(rows, warm)
    take_peers(peers, warm)
    every = {row.label: row for row in [*rows, *peers]}
    compared = ratios(every)
    click.echo(f"\n{name}: {len(files):,} files, {total_bytes / 1e6:,.0f} MB")
    show([*every.values()], total_bytes, len(files))
    for label, ratio in compared.items():
        click.echo(f"{label:60} {'missing' if ratio is None else f'{ratio:.2f}'}")
    return {
        "files": len(files),
        "bytes": total_bytes,
        "runs": {label: row.result() for label, row in every.items()},
        "ratios": compared,
    }


def measure_memory(repeat: int) -> dict[str, Any]:
    """XXH3-128 alone, over a buffer in memory."""
    import xxhash

    buffer = np.random.default_rng(1).bytes(MEMORY_BYTES)
    rows = [Row("xxhash package", partial(here, partial(xxhash.xxh3_128_digest, buffer)), repeat)]
    for kernel in kernels():
        run = partial(_native.fingerprint, buffer, kernel)
        rows.append(Row(f"storeff {kernel}", partial(here, run), repeat))
    take_rounds(rows)
    click.echo(f"XXH3-128 of {MEMORY_BYTES / 1e6:,.0f} MB in memory, GB/CPU s")
    for row in rows:
        click.echo(
            f"{row.label:50}{MEMORY_BYTES / 1e9 / row.cpu_seconds:9.2f}{row.cpu_spread:8.0%}"
        )
    return {"bytes": MEMORY_BYTES, "runs": {row.label: row.result() for row in rows}}


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=Path("/tmp/storeff-bench"))
@click.option("--repeat", default=5, show_default=True, help="Rounds; other tools at most 3.")
@click.option("--scale", default=1.0, show_default=True, help="Size of the data sets.")
@click.option("--only", multiple=True, type=click.Choice([*MAKERS]), help="Only these data sets.")
@click.option("-o", "output", type=click.Path(path_type=Path))
def main(
    folder: Path, repeat: int, scale: float, only: tuple[str, ...], output: Path | None
) -> None:
    load_before = os.getloadavg()
    folder.mkdir(exist_ok=True, parents=True)
    folder = folder.resolve()
    data = make_data(folder, scale, only or [*MAKERS])
    made = machine(load_before, "xxhash", "zstandard", "lz4")
    made["peers"] = {peer.label: peer_version(peer) for peer in PEERS}
    made["scale"] = scale
    made["xxh3_128 in memory"] = measure_memory(repeat)
    with tempfile.TemporaryDirectory(prefix="limits.", dir=folder) as temp:
        limits = compiled(Path(__file__).with_name("limits.c"), Path(temp) / "limits")
        made["results"] = {
            name: measure(name, place, limits, folder, repeat) for name, place in data.items()
        }
    if output:
        output.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
