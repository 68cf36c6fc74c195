"""Peak memory of a scan as the data grows a hundredfold, all of it unique.

    python bench/speed/memory.py [--small 1] [--large 100] [-o bench/results/DATE-memory.json]

The data are sparse files of 125 MB, 8 to a gigabyte (1e9), that read as noise without a hole
(noise.c, preloaded), so no room is needed on disk. Measured with the default plan: the whole tool,
``storeff scan``, and scan() alone, which counts and compresses nothing. A peak is the process's own
largest resident set; what stood there before scan() began is reported beside it.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click
from timing import compiled, machine

FILE_BYTES = 125_000_000
FILES_PER_GB = 8
# Stamps of 64 bits do not collide; what an estimate from samples may miss by.
UNIQUE_SHARE_MIN = 0.97

TOOL = "storeff scan"
FUNCTION = "scan() alone"
SCAN = """
import json, sys
from storeff.estimate.sketched import SketchEvidence
from storeff.scan.plan import Plan
from storeff.scan.run import scan
from storeff.sources.tree import LocalTree

def peak_bytes():
    # ru_maxrss would begin with that of the process that started this one.
    lines = open("/proc/self/status").read().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("VmHWM"))

before = peak_bytes()
measured = scan(LocalTree([sys.argv[1]]), Plan(), threads=int(sys.argv[2]))
after = peak_bytes()
found = SketchEvidence.of(measured)
json.dump({
    "before_bytes": before,
    "peak_bytes": after,
    "read_bytes": measured.read_bytes,
    "hole_bytes": measured.hole_bytes,
    "unique": [
        [c.name, found.distinct(c).value, found.counts(c)[1]] for c in measured.plan.chunkers
    ],
}, sys.stdout)
"""


def make_files(folder: Path, gigabytes: int) -> Path:
    place = folder / f"{gigabytes}GB"
    place.mkdir()
    for i in range(gigabytes * FILES_PER_GB):
        with open(place / f"{i}", "wb") as file:
            file.truncate(FILE_BYTES)
    return place


def compiled_noise(folder: Path) -> Path:
    source = Path(__file__).with_name("noise.c")
    return compiled(source, folder / "noise.so", "-shared", "-fPIC", "-ldl")


def with_noise(shim: Path, folder: Path) -> dict[str, str]:
    """The environment in which files below ``folder`` read as noise."""
    return {"LD_PRELOAD": str(shim), "NOISE_FOLDER": str(folder)}


def run_child(
    words: list[str], noise: Mapping[str, str]
) -> tuple[dict[str, Any], resource.struct_rusage]:
    """The JSON that a command prints, and what it used."""
    env = {**os.environ, **noise}
    with subprocess.Popen(words, stdout=subprocess.PIPE, env=env) as running:
        assert running.stdout is not None
        printed = running.stdout.read()
        _, status, used = os.wait4(running.pid, 0)
        running.returncode = os.waitstatus_to_exitcode(status)
    if running.returncode:
        raise click.ClickException(f"{words[0]} ended with exit code {running.returncode}")
    result: dict[str, Any] = json.loads(printed)
    return result, used


def run_tool(place: Path, threads: int, noise: Mapping[str, str]) -> dict[str, Any]:
    words = [sys.executable, "-m", "storeff", "scan", str(place), "--sample=100%", "--json", "-q"]
    report, used = run_child([*words, f"--threads={threads}"], noise)
    return {
        "peak_bytes": used.ru_maxrss * 1024,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "reported_peak_bytes": report["run"]["peak_rss_bytes"],
        "read_bytes": report["scan"]["read_bytes"],
        "hole_bytes": report["scan"]["hole_bytes"],
        "unique": [
            [d["chunker"], d["unique_bytes"]["value"], d["run_bytes"]]
            for d in report["reduction"]["dedup"]
        ],
    }


def run_function(place: Path, threads: int, noise: Mapping[str, str]) -> dict[str, Any]:
    return run_child([sys.executable, "-c", SCAN, str(place), str(threads)], noise)[0]


def verify(result: dict[str, Any], total_bytes: int) -> None:
    """Raises ClickException unless all of the data was read, and was unique."""
    if (result["read_bytes"], result["hole_bytes"]) != (total_bytes, 0):
        raise click.ClickException(
            f"read {result['read_bytes']} of {total_bytes} bytes and {result['hole_bytes']} of"
            " holes: the scan reads in a way that noise.c does not know"
        )
    for chunker, unique_bytes, run_bytes in result["unique"]:
        if run_bytes or unique_bytes < total_bytes * UNIQUE_SHARE_MIN:
            raise click.ClickException(
                f"{chunker}: {unique_bytes:.4g} of {total_bytes:.4g} bytes unique, {run_bytes} in"
                " runs: the scan reads in a way that noise.c does not know"
            )


@click.command()
@click.option("--folder", type=click.Path(path_type=Path), default=Path("/tmp/storeff-bench"))
@click.option("--small", default=1, show_default=True, help="Gigabytes.")
@click.option("--large", default=100, show_default=True, help="Gigabytes.")
@click.option("--threads", default=2, show_default=True)
@click.option("-o", "output", type=click.Path(path_type=Path))
def main(folder: Path, small: int, large: int, threads: int, output: Path | None) -> None:
    made = machine(os.getloadavg())
    made |= {"threads": threads, "small_gb": small, "large_gb": large, "results": {}}
    folder.mkdir(exist_ok=True, parents=True)
    with tempfile.TemporaryDirectory(prefix="noise.", dir=folder.resolve()) as temp:
        shim = compiled_noise(Path(temp))
        places = {gigabytes: make_files(Path(temp), gigabytes) for gigabytes in (small, large)}
        for label, run in ((TOOL, run_tool), (FUNCTION, run_function)):
            rows: dict[str, Any] = {}
            for gigabytes, place in places.items():
                start = time.monotonic()
                result = run(place, threads, with_noise(shim, place))
                result["wall_seconds"] = time.monotonic() - start
                verify(result, gigabytes * FILES_PER_GB * FILE_BYTES)
                rows[f"{gigabytes} GB"] = result
                before = result.get("before_bytes")
                click.echo(
                    f"{label:14}{gigabytes:6} GB: peak {result['peak_bytes'] / 1e6:8.1f} MB"
                    + (f", {before / 1e6:.1f} MB before it" if before else "")
                    + f", {result['wall_seconds']:.1f} s"
                )
            first, last = (rows[f"{gigabytes} GB"]["peak_bytes"] for gigabytes in places)
            click.echo(f"{label:14} ratio {last / first:.3f}")
            made["results"][label] = {"runs": rows, "ratio": last / first}
    if output:
        output.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
