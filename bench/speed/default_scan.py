"""What the default command costs, beside what it is to cost at most: all in one run.

    python bench/speed/default_scan.py [--repeat 3] [-o bench/results/DATE-default_scan.json]
    python bench/speed/default_scan.py --only archive --archive FILE
    python bench/speed/default_scan.py --scale 0.05 --large 2        (to try it)

Every scan is a process of its own, ``storeff scan PLACE -q --json``. CPU is user and system time of
the whole process; *without start-up* is less what the same command takes for one file of a line.

- ``large``: 100 GB that are made as they are read (noise.c), in sparse files, no chunk twice, of 1
  to 8 random bits a byte. All is read (``--sample=100%``), by default and with nothing compressed;
  what it takes to make the data is taken off both. Peak memory is of the same runs.
- ``answer``: the first interval of the compression-only ratio of these, from the start of the
  process, by the clock.
- ``archive``: a tar of 1 GiB of this machine's /usr, beside zstd-1 of each 64 KiB of it (CPU of the
  compressor alone, in one call or one by one, whichever is cheaper) and other tools (peers.py).
- ``tree``: the same files unpacked, with one thread and with two, by the clock.
- ``small``: 100,000 files of 200 to 6,000 bytes of noise.

Makes its data under --folder once, 3 GB. Times are medians over rounds. The tools are hf_xet of
PyPI and Debian's borgbackup, restic and xxhash; one that is not installed is said to be missing.
Run it on an otherwise idle machine.
"""

import json
import os
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import click
from datasets import files_of, make_data, regular_files
from memory import (
    FILE_BYTES,
    FILES_PER_GB,
    compiled_noise,
    make_files,
    run_child,
    run_tool,
    verify,
    with_noise,
)
from peers import BACKUPS, HF_XET_LABEL, PEERS, peer_version, run_peer
from scan import read_natively
from timing import Row, Times, child, compiled, machine, take_rounds

from storeff.scan.machine import default_threads

ARCHIVE_BYTES = 1 << 30
BLOCK_BYTES = 64 << 10
PIECE_BYTES = 16 << 20
# 40,000 files each.
SMALL_SCALE = 2.5
TIMEOUT_SECONDS = 900.0
STOREFF = (sys.executable, "-m", "storeff")
HERE = Path(__file__).parent
XXHSUM_LABEL = "xxhsum -H2"
TOOLS = (*(peer for peer in PEERS if peer.label in (HF_XET_LABEL, XXHSUM_LABEL)), *BACKUPS)
ZSTD_LABELS = ("zstd-1, one call", "zstd-1, one by one")
COMPRESSIBLE = {"NOISE_COMPRESSIBLE": "1"}

# By label what a figure must be and what it is to be: no more, or no less where more is better.
TARGETS: dict[str, tuple[float, float]] = {
    "archive: default / zstd-1": (1.0, 0.4),
    f"archive: default / {HF_XET_LABEL}": (3.0, 1.0),
    "archive: default / borg create": (0.7, 0.25),
    "archive: default / restic backup": (0.25, 0.1),
    "large: default / uncompressed": (1.15, 1.05),
    "large: peak memory / of 1 GB": (1.05, 1.0),
    "small: files a CPU second, default": (40_000, 80_000),
    "small: files a CPU second, uncompressed": (100_000, 150_000),
    "tree: wall of one thread / of two": (1.7, 1.85),
    "answer: seconds to the first interval": (10.0, 5.0),
    "start: CPU seconds of the smallest scan": (0.4, 0.25),
}


@dataclass
class Bench:
    """What the parts share: where things are, the cost of ``start``, and what was found so far."""

    folder: Path
    temp: Path
    scale: float
    repeat: int
    large_gb: int
    archive: Path
    limits: Path
    start: Row
    rows: dict[str, Any] = field(default_factory=dict)
    figures: dict[str, float | str] = field(default_factory=dict)
    """By label; why it is missing if it is."""

    def scan_row(self, label: str, place: Path, *options: str) -> Row:
        words = [*STOREFF, "scan", os.fspath(place), "-q", "--json", *options]
        return Row(label, partial(child, words, timeout_seconds=TIMEOUT_SECONDS), self.repeat)

    def uncompressed_row(self, place: Path, env: Mapping[str, str] | None = None) -> Row:
        words = [sys.executable, os.fspath(HERE / "uncompressed.py"), os.fspath(place)]
        times = partial(child, timeout_seconds=TIMEOUT_SECONDS, env=env, prints_times=True)
        return Row("uncompressed", partial(times, words), self.repeat)

    def take(self, part: str, rows: Sequence[Row], place: Path) -> None:
        """Time ``rows``, each with the files of ``place`` in the page cache."""
        files = files_of(place) if place.is_dir() else [place]
        base = place if place.is_dir() else place.parent
        take_rounds(rows, partial(read_natively, self.limits, base, files))
        self.rows[part] = {row.label: row.result() for row in rows}

    def add(self, label: str, needs: Sequence[Row], figure: Callable[[], float]) -> None:
        """The ``figure``, unless one of the rows that it ``needs`` is missing."""
        missing = [f"{row.label}: {row.missing}" for row in needs if not row.times]
        self.figures[label] = "; ".join(missing) or figure()

    def without_start(self, row: Row) -> float:
        return row.cpu_seconds - self.start.cpu_seconds

    def ratio(self, row: Row, other: Row) -> float:
        """CPU of a scan without start-up to that of ``other``."""
        return self.without_start(row) / other.cpu_seconds


# ---- parts ----


def measure_start(bench: Bench) -> None:
    asks_help = partial(child, [*STOREFF, "--help"], timeout_seconds=TIMEOUT_SECONDS)
    helped = Row("help", asks_help, bench.start.rounds)
    take_rounds([bench.start, helped])
    bench.rows["start"] = {row.label: row.result() for row in (bench.start, helped)}
    if not bench.start.times:
        raise click.ClickException(f"storeff scan: {bench.start.missing}")
    bench.figures["start: CPU seconds of the smallest scan"] = bench.start.cpu_seconds
    bench.add("start: CPU seconds of --help", [helped], lambda: helped.cpu_seconds)


def large_files(bench: Bench, gigabytes: int) -> tuple[Path, dict[str, str]]:
    """Files that are made as they are read, and the environment in which they are."""
    shim = bench.temp / "noise.so"
    if not shim.exists():
        shim = compiled_noise(bench.temp)
    place = bench.temp / f"{gigabytes}GB"
    if not place.exists():
        make_files(bench.temp, gigabytes)
    return place, with_noise(shim, place) | COMPRESSIBLE


def scan_large(place: Path, noise: Mapping[str, str], peaks: list[int]) -> Times:
    """A default scan that is seen to have read everything; its peak memory goes to ``peaks``."""
    started = time.perf_counter()
    found = run_tool(place, default_threads(), noise)
    verify(found, len(files_of(place)) * FILE_BYTES)
    peaks.append(found["peak_bytes"])
    return Times(found["cpu_seconds"], time.perf_counter() - started)


def measure_large(bench: Bench) -> None:
    place, noise = large_files(bench, bench.large_gb)
    peaks: list[int] = []
    small_peaks: list[int] = []
    names = b"".join(os.fsencode(path) + b"\0" for path in files_of(place))
    making = partial(child, [os.fspath(bench.limits)], timeout_seconds=TIMEOUT_SECONDS)
    made = Row("made", partial(making, stdin=names, env=noise, prints_times=True), bench.repeat)
    default = Row("default", partial(scan_large, place, noise, peaks), bench.repeat)
    of_1_gb = partial(scan_large, *large_files(bench, 1), small_peaks)
    small = Row("default, 1 GB", of_1_gb, bench.repeat)
    plain = bench.uncompressed_row(place, noise)
    rows = [made, small, default, plain]
    take_rounds(rows)
    bench.rows["large"] = {row.label: row.result() for row in rows} | {
        "bytes": bench.large_gb * FILES_PER_GB * FILE_BYTES,
        "peak_bytes": peaks,
        "peak_bytes_1_gb": small_peaks,
    }
    bench.add(
        "large: default / uncompressed",
        rows,
        lambda: (
            (bench.without_start(default) - made.cpu_seconds)
            / (plain.cpu_seconds - made.cpu_seconds)
        ),
    )
    # Of the highest, as memory that is needed once must be there.
    bench.add("large: peak memory / of 1 GB", [default], lambda: max(peaks) / max(small_peaks))
    bench.add("large: peak memory, MB", [default], lambda: max(peaks) / 1e6)


def measure_answer(bench: Bench) -> None:
    place, noise = large_files(bench, bench.large_gb)
    words = [sys.executable, os.fspath(HERE / "first_answer.py"), os.fspath(place)]
    runs = [run_child([*words, repr(time.monotonic())], noise)[0] for _ in range(bench.repeat)]
    bench.rows["answer"] = runs
    firsts = [run["answers"][-1] for run in runs if run["answers"]]
    seconds = [first["seconds"] for first in firsts if first["is_wanted"]]
    # The slowest: a person waits for each of them.
    bench.figures["answer: seconds to the first interval"] = (
        max(seconds) if len(seconds) == len(runs) else "no answer"
    )


def make_archive(bench: Bench) -> None:
    """The archive, of this machine's own files, if it is not there."""
    if bench.archive.exists():
        return
    left = round(ARCHIVE_BYTES * bench.scale)
    part = bench.temp / "part.tar"
    with tarfile.open(part, "w") as tar:
        for path, size_bytes in regular_files(Path("/usr")):
            if size_bytes <= left:
                tar.add(path, recursive=False)
                left -= size_bytes
    part.rename(bench.archive)


def compress(file: Path, in_one_call: bool) -> Times:
    """zstd-1 of each block of ``file``, apart from reading it."""
    import zstandard

    compressor = zstandard.ZstdCompressor(level=1)
    cpu = wall = 0.0
    with open(file, "rb", buffering=0) as opened:
        while piece := opened.read(PIECE_BYTES):
            blocks = [piece[at : at + BLOCK_BYTES] for at in range(0, len(piece), BLOCK_BYTES)]
            wall, cpu = wall - time.perf_counter(), cpu - time.process_time()
            if in_one_call:
                compressor.multi_compress_to_buffer(blocks)
            else:
                for block in blocks:
                    compressor.compress(block)
            wall, cpu = wall + time.perf_counter(), cpu + time.process_time()
    return Times(cpu, wall)


def measure_archive(bench: Bench) -> None:
    make_archive(bench)
    archive = bench.archive
    default, plain = bench.scan_row("default", archive), bench.uncompressed_row(archive)
    zstd = [
        Row(label, partial(compress, archive, label == ZSTD_LABELS[0]), bench.repeat)
        for label in ZSTD_LABELS
    ]
    tools = [
        Row(
            tool.label,
            partial(run_peer, tool, archive, [archive], bench.folder, TIMEOUT_SECONDS),
            bench.repeat,
        )
        for tool in TOOLS
    ]
    bench.take("archive", [default, plain, *zstd, *tools], archive)
    bench.rows["archive"]["bytes"] = archive.stat().st_size
    bench.add(
        "archive: default / zstd-1",
        [default, *zstd],
        lambda: bench.without_start(default) / min(row.cpu_seconds for row in zstd),
    )
    for row in (*tools, plain):
        ratio = partial(bench.ratio, default, row)
        bench.add(f"archive: default / {row.label}", [default, row], ratio)


def measure_tree(bench: Bench) -> None:
    make_archive(bench)
    tree = bench.folder / f"{bench.archive.name}.tree"
    if not tree.exists():
        part = bench.temp / "tree"
        with tarfile.open(bench.archive) as tar:
            tar.extractall(part, filter="tar")
        part.rename(tree)
    one, two = (bench.scan_row(f"{n} threads", tree, f"--threads={n}") for n in (1, 2))
    bench.take("tree", [one, two], tree)
    bench.add(
        "tree: wall of one thread / of two", [one, two], lambda: one.wall_seconds / two.wall_seconds
    )
    bench.add(
        "tree: the same without start-up",
        [one, two],
        lambda: (
            (one.wall_seconds - bench.start.wall_seconds)
            / (two.wall_seconds - bench.start.wall_seconds)
        ),
    )


def measure_small(bench: Bench) -> None:
    name = "small-files"
    place = make_data(bench.folder, SMALL_SCALE * bench.scale, [name])[name]
    default, plain = bench.scan_row("default", place), bench.uncompressed_row(place)
    bench.take("small", [default, plain], place)
    files = bench.rows["small"]["files"] = len(files_of(place))
    bench.add(
        "small: files a CPU second, default",
        [default],
        lambda: files / bench.without_start(default),
    )
    bench.add("small: files a CPU second, uncompressed", [plain], lambda: files / plain.cpu_seconds)


PARTS: dict[str, Callable[[Bench], None]] = {
    # First, while this process is small: the peak of a child counts what its parent had.
    "large": measure_large,
    "answer": measure_answer,
    "archive": measure_archive,
    "tree": measure_tree,
    "small": measure_small,
}


# ---- the table ----


def verdict(value: float, must: float, aim: float) -> str:
    more_is_better = aim > must
    if value >= aim if more_is_better else value <= aim:
        return "aim"
    return "must" if (value >= must if more_is_better else value <= must) else "missed"


def show(figures: Mapping[str, float | str]) -> None:
    click.echo(f"{'':46}{'measured':>12}{'must':>10}{'aim':>10}")
    for label, value in figures.items():
        if isinstance(value, str):
            click.echo(f"{label:46}     missing: {value}")
            continue
        line = f"{label:46}{amount(value):>12}"
        if label in TARGETS:
            must, aim = TARGETS[label]
            line += f"{amount(must):>10}{amount(aim):>10}  {verdict(value, must, aim)}"
        click.echo(line)


def amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=Path("/tmp/storeff-bench"))
@click.option("--repeat", default=3, show_default=True, help="Rounds.")
@click.option("--scale", default=1.0, show_default=True, help="Of all data but the large.")
@click.option("--large", "large_gb", default=100, show_default=True, help="Gigabytes.")
@click.option("--archive", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--only", multiple=True, type=click.Choice([*PARTS]), help="Only these parts.")
@click.option("-o", "--output", type=click.Path(path_type=Path))
def main(
    folder: Path,
    repeat: int,
    scale: float,
    large_gb: int,
    archive: Path | None,
    only: tuple[str, ...],
    output: Path | None,
) -> None:
    load = os.getloadavg()
    folder.mkdir(exist_ok=True, parents=True)
    folder = folder.resolve()
    with tempfile.TemporaryDirectory(prefix="default_scan.", dir=folder) as temp:
        line = Path(temp) / "line"
        line.write_text("one line\n")
        words = [*STOREFF, "scan", os.fspath(line), "-q", "--json"]
        smallest = partial(child, words, timeout_seconds=TIMEOUT_SECONDS)
        bench = Bench(
            folder=folder,
            temp=Path(temp),
            scale=scale,
            repeat=repeat,
            large_gb=large_gb,
            archive=archive or folder / ("usr.tar" if scale == 1 else f"usr-{scale:g}.tar"),
            limits=compiled(HERE / "limits.c", Path(temp) / "limits"),
            # It is short, and taken off much.
            start=Row("smallest scan", smallest, max(repeat, 5)),
        )
        measure_start(bench)
        for part in only or PARTS:
            click.echo(f"measuring {part}", err=True)
            PARTS[part](bench)
    show(bench.figures)
    if output:
        document = machine(load, "xxhash", "zstandard", "lz4") | {
            "tools": {tool.label: peer_version(tool) for tool in TOOLS},
            "scale": scale,
            "targets": TARGETS,
            "figures": bench.figures,
            "runs": bench.rows,
        }
        output.write_text(json.dumps(document, indent=1) + "\n")


if __name__ == "__main__":
    main()
