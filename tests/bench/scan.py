"""How fast a scan is, beside the machine's own limits and other tools, all in one run.

    python tests/bench/scan.py [--folder DIR] [--repeat 5] [-o tests/bench/results/DATE-scan.json]

Makes its data sets under --folder once (about 1.7 GB, from this machine's own files and seeded
noise), reads each once so that it is in the page cache, then takes medians of CPU and wall time.
Ratios are to ``read``: read() of the same files into one reused 1 MiB buffer. Run it on an
otherwise idle machine.
"""

import contextlib
import json
import os
import platform
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import click
import msgspec
import numpy as np

from storeff.report.build import cpu_name
from storeff.scan.plan import CHUNKERS, Plan
from storeff.scan.run import kernels, scan
from storeff.scan.worker import Worker
from storeff.sources.piece import Piece
from storeff.sources.tree import walk

MIXED_BYTES = 768 << 20
RANDOM_BYTES = 256 << 20
TENSOR_BYTES = 256 << 20
INSERT_EVERY_BYTES = 256 << 10
SMALL_FILES = 40_000
BUFFER_BYTES = 1 << 20


def make_data(folder: Path) -> dict[str, Path]:
    """The data sets by name, made if they are not there yet."""
    makers: dict[str, Callable[[Path], None]] = {
        "mixed-tar": make_mixed,
        "random": make_random,
        "tensor-inserts": make_tensors,
        "small-files": make_small,
    }
    for name, make in makers.items():
        if not (folder / name).exists():
            part = Path(tempfile.mkdtemp(dir=folder))
            make(part)
            part.rename(folder / name)
    return {name: folder / name for name in makers}


def make_mixed(folder: Path) -> None:
    """Programs, libraries and text of this machine, in one tar."""
    left = MIXED_BYTES
    with tarfile.open(folder / "mixed.tar", "w", format=tarfile.PAX_FORMAT) as tar:
        for root in (Path(sys.prefix), Path("/usr/lib"), Path("/usr/share")):
            for path in sorted(p for p in root.rglob("*") if p.is_file() and not p.is_symlink()):
                with contextlib.suppress(OSError):
                    left -= path.stat().st_size
                    tar.add(path, recursive=False)
                if left <= 0:
                    return


def make_random(folder: Path) -> None:
    (folder / "noise").write_bytes(np.random.default_rng(1).bytes(RANDOM_BYTES))


def make_tensors(folder: Path) -> None:
    """bf16 normals, and a copy with a few bytes inserted every 256 KiB."""
    floats = np.random.default_rng(1).standard_normal(TENSOR_BYTES // 2, np.float32)
    tensor = (floats.view(np.uint32) >> 16).astype("<u2").tobytes()
    (folder / "a.bin").write_bytes(tensor)
    with open(folder / "b.bin", "wb") as file:
        for start in range(0, len(tensor), INSERT_EVERY_BYTES):
            file.write(b"insert" + tensor[start : start + INSERT_EVERY_BYTES])


def make_small(folder: Path) -> None:
    source = random.Random(2)
    for i in range(SMALL_FILES):
        parent = folder / f"{i // 200:03}"
        parent.mkdir(exist_ok=True)
        (parent / f"{i}").write_bytes(source.randbytes(source.randrange(200, 6000)))


def read_all(pieces: list[Piece]) -> None:
    """The limit: read() into one buffer that is used again and again."""
    buffer = bytearray(BUFFER_BYTES)
    for piece in pieces:
        fd = os.open(piece.path, os.O_RDONLY)
        while os.readv(fd, [buffer]):
            pass
        os.close(fd)


def hash_all(pieces: list[Piece]) -> None:
    """read() and XXH3-128 of the xxhash package over every buffer."""
    import xxhash

    buffer = bytearray(BUFFER_BYTES)
    view = memoryview(buffer)
    for piece in pieces:
        state = xxhash.xxh3_128()
        fd = os.open(piece.path, os.O_RDONLY)
        while got := os.readv(fd, [buffer]):
            state.update(view[:got])
        os.close(fd)


def plan_of(*names: str, compress: bool = False) -> Plan:
    """The named chunkers (all, if none), compressing only if asked."""
    chosen = (c for c in CHUNKERS if not names or c.name in names)
    return Plan(
        chunkers=tuple(
            c if compress else msgspec.structs.replace(c, codecs=(), compressed_entries=0)
            for c in chosen
        )
    )


def storeff_runs() -> Iterator[tuple[str, Callable[[list[Piece]], None]]]:
    """One worker on this thread: the hot path without the walk."""
    for kernel in kernels():
        for label, plan in (
            ("cdc-8KiB", plan_of("cdc-8KiB")),
            ("cdc-64KiB", plan_of("cdc-64KiB")),
            ("all chunkers", plan_of()),
        ):

            def run(pieces: list[Piece], plan: Plan = plan, kernel: str = kernel) -> None:
                Worker(plan, kernel, threading.Event()).measure(pieces)

            yield f"storeff {kernel}, {label}", run

    def compressing(pieces: list[Piece]) -> None:
        Worker(plan_of(compress=True), kernels()[0], threading.Event()).measure(pieces)

    yield "storeff default plan", compressing


def peers(folder: Path) -> dict[str, list[str]]:
    """Commands of other tools that are installed, reading every file below ``folder``."""
    path = str(folder)
    known = {
        "xxhsum -H2": ["sh", "-c", f"find '{path}' -type f -print0 | xargs -0 xxhsum -H2"],
        "b3sum": ["sh", "-c", f"find '{path}' -type f -print0 | xargs -0 b3sum --num-threads 1"],
        "jdupes": ["jdupes", "-r", "-q", "-m", path],
        "duperemove": ["duperemove", "-r", "-q", path],
        "rdfind": ["rdfind", "-dryrun", "true", path],
    }
    return {name: words for name, words in known.items() if shutil.which(name.split(" ")[0])}


def timed(run: Callable[[], object], repeat: int) -> dict[str, Any]:
    """Median CPU and wall seconds of this process and its children, and every run."""
    cpu, wall = [], []
    for _ in range(repeat):
        start, before = time.perf_counter(), os.times()
        run()
        after = os.times()
        wall.append(time.perf_counter() - start)
        cpu.append(sum(after[:4]) - sum(before[:4]))
    return {
        "cpu_seconds": statistics.median(cpu),
        "wall_seconds": statistics.median(wall),
        "cpu_runs": cpu,
        "wall_runs": wall,
    }


def run_peer(words: list[str]) -> None:
    subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False)


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=Path("/tmp/storeff-bench"))
@click.option("--repeat", default=5, show_default=True)
@click.option("-o", "output", type=click.Path(path_type=Path))
def main(folder: Path, repeat: int, output: Path | None) -> None:
    folder.mkdir(exist_ok=True, parents=True)
    results: dict[str, Any] = {}
    for name, place in make_data(folder).items():
        found = walk([place], one_file_system=False, exclude=())
        pieces = [item for item in found if isinstance(item, Piece)]
        total = sum(piece.size_bytes for piece in pieces)
        runs: dict[str, Callable[[], object]] = {
            "read": partial(read_all, pieces),
            "read + xxhash": partial(hash_all, pieces),
        }
        runs |= {label: partial(run, pieces) for label, run in storeff_runs()}
        for threads in (1, 2):
            label = f"storeff scan, {threads} threads, all chunkers"
            runs[label] = partial(scan, [place], plan_of(), threads=threads)
        runs |= {label: partial(run_peer, words) for label, words in peers(place).items()}
        read_all(pieces)
        click.echo(f"\n{name}: {len(pieces):,} files, {total / 1e6:,.0f} MB")
        click.echo(f"{'':44}{'GB/CPU s':>9}{'GB/s':>8}{'/ read':>8}{'files/CPU s':>13}")
        rows: dict[str, Any] = {}
        for label, run in runs.items():
            rows[label] = row = timed(run, repeat)
            ratio = rows["read"]["cpu_seconds"] / row["cpu_seconds"]
            click.echo(
                f"{label:44}{total / 1e9 / row['cpu_seconds']:9.2f}"
                f"{total / 1e9 / row['wall_seconds']:8.2f}{ratio:8.3f}"
                f"{len(pieces) / row['cpu_seconds']:13,.0f}"
            )
        results[name] = {"files": len(pieces), "bytes": total, "runs": rows}
    if output:
        made = {
            "date": date.today().isoformat(),
            "cpu": cpu_name(),
            "cores": os.cpu_count(),
            "load_before": os.getloadavg(),
            "python": platform.python_version(),
            "kernels": kernels(),
            "results": results,
        }
        output.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
