"""What a scan on workers of dask takes: two workers beside one, and one beside threads alone.

    python bench/speed/executors.py [--size 10GB] [--threads 1] [--repeat 3] [--data DIR]
        [-o bench/results/DATE-executors.json]

Workers of ``--threads`` threads each run the tasks that ``storeff scan --executor dask:...`` hands
out: the files of ``--size`` are read, cut, fingerprinted and sketched, without what a scan does on
the client alone before and after (listing once for windows, compressing samples), and what starting
takes: workers have imported storeff. The CPU time is that of client, scheduler and workers
together. ``engine_overhead`` is that of one worker over that of threads in one process, less one;
``engine_floor`` is what one worker takes of that, as long, for as many tasks that only sleep, and
so no program can take less with dask. ``speedup`` is the time of one worker over that of two, and
``threads_speedup`` what as many threads in one process gain, the limit of the machine. Each is the
median of the rounds' ratios. Only a machine of at least twice ``--threads`` cores, and one more for
client and scheduler, shows what two workers can do: it should be idle otherwise, and hold the data
in its page cache.
"""

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import contextmanager
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import click
import numpy as np
from datasets import files_of
from timing import Row, Times, here, machine, take_rounds

from storeff.commands.parameters import Size
from storeff.scan.divided import DividedScan
from storeff.scan.executor import workers_of
from storeff.scan.plan import Plan
from storeff.scan.run import scan
from storeff.scan.tasks import count_of
from storeff.sources.census import Census
from storeff.sources.tree import LocalTree

FILE_BYTES = 16 << 20
# One file in so many is a copy of an earlier one.
COPIES = 4
WORDS = 5000
START_SECONDS = 120


def make(folder: Path, size_bytes: int) -> Path:
    """Files of FILE_BYTES, half noise and half words, some of them twice: made if not there yet."""
    place = folder / f"executors-{size_bytes}"
    count = max(1, size_bytes // FILE_BYTES)
    if place.exists() and len(files_of(place)) == count:
        return place
    place.mkdir(exist_ok=True)
    words = np.random.default_rng(0).integers(97, 123, (WORDS, 8), np.uint8)
    for i in range(count):
        source = np.random.default_rng(i - COPIES + 1 if i % COPIES == COPIES - 1 else i)
        chosen = words[source.integers(0, WORDS, FILE_BYTES // 16)]
        (place / f"{i:05}").write_bytes(source.bytes(FILE_BYTES // 2) + chosen.tobytes())
    return place


@contextmanager
def cluster(folder: Path, workers: int, threads: int) -> Iterator[tuple[str, list[Any]]]:
    """A scheduler and ``workers``: the name of the executor, and the processes that run."""
    distributed: Any = import_module("distributed")
    psutil: Any = import_module("psutil")
    file = folder / f"scheduler-{workers}.json"
    dask = [sys.executable, "-m", "dask"]
    scheduler = ("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard")
    worker = ("worker", "--host", "127.0.0.1", "--no-dashboard", "--no-nanny")
    rest = ("--nthreads", str(threads), "--local-directory", str(folder))
    words = [(*scheduler,), *[(*worker, *rest)] * workers]
    with open(folder / "log", "ab") as log:
        made = [
            subprocess.Popen([*dask, *each, "--scheduler-file", str(file)], stdout=log, stderr=log)
            for each in words
        ]
    try:
        ends_at = time.monotonic() + START_SECONDS
        while not file.exists():
            if time.monotonic() > ends_at:
                raise click.ClickException((folder / "log").read_text())
            time.sleep(0.1)
        with distributed.Client(scheduler_file=str(file), set_as_default=False) as client:
            client.wait_for_workers(workers, START_SECONDS)
            client.run(import_module, "storeff.scan.tasks")
        yield f"dask:{file}", [psutil.Process(each.pid) for each in made]
    finally:
        # They have nothing to save, and a worker that is asked to end may wait for its scheduler.
        for each in made:
            each.kill()
            each.wait()


def cpu_seconds(processes: list[Any]) -> float:
    times = [each.cpu_times() for each in processes]
    return float(sum(each.user + each.system for each in times))


def on_threads(place: Path, threads: int) -> Times:
    return here(lambda: scan(LocalTree([place]), Plan(), threads=threads))


def on_dask(place: Path, workers: int, threads: int) -> Times:
    """Without what starting takes."""
    with tempfile.TemporaryDirectory() as temp, cluster(Path(temp), workers, threads) as made:
        name, processes = made
        before = cpu_seconds(processes)
        took = here(lambda: DividedScan(workers_of(name))(LocalTree([place]), Plan()))
        return Times(took.cpu_seconds + cpu_seconds(processes) - before, took.wall_seconds)


def on_dask_asleep(seconds: float, count: int) -> Times:
    """``count`` tasks that do nothing for ``seconds`` together."""
    with tempfile.TemporaryDirectory() as temp, cluster(Path(temp), 1, 1) as (name, processes):
        workers = workers_of(name)
        executor = workers.open()
        before = cpu_seconds(processes)
        each = [seconds / count] * count
        took = here(lambda: wait([executor.submit(time.sleep, one) for one in each]))
        used = cpu_seconds(processes) - before
        workers.close(executor)
    return Times(took.cpu_seconds + used, took.wall_seconds)


@click.command()
@click.option("--size", "size_bytes", type=Size(), default="10GB", show_default=True)
@click.option("--threads", default=1, show_default=True, help="Of each worker.")
@click.option("--repeat", default=3, show_default=True)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(tempfile.gettempdir()) / "storeff-bench",
    show_default=True,
)
@click.option("-o", "output", type=click.Path(dir_okay=False, path_type=Path))
def main(size_bytes: int, threads: int, repeat: int, data: Path, output: Path | None) -> None:
    if importlib.util.find_spec("distributed") is None:
        raise click.ClickException("this needs dask: pip install 'storeff[dask]'")
    load = os.getloadavg()
    data.mkdir(parents=True, exist_ok=True)
    place = make(data, size_bytes)
    files = files_of(place)
    size_bytes = sum(path.stat().st_size for path in files)
    count = count_of(Census(files=len(files), size_bytes=size_bytes), threads)
    alone = Row("threads", partial(on_threads, place, threads), repeat)
    rows = [
        alone,
        Row("a worker asleep", lambda: on_dask_asleep(alone.times[-1].wall_seconds, count), repeat),
        Row("one worker", partial(on_dask, place, 1, threads), repeat),
        Row("two workers", partial(on_dask, place, 2, threads), repeat),
        Row("twice the threads", partial(on_threads, place, 2 * threads), repeat),
    ]
    take_rounds(rows)
    _, asleep, one, two, twice = rows
    result = machine(load, "distributed", "numpy")
    result |= {
        "size_bytes": size_bytes,
        "tasks_of_one_worker": count,
        "threads_each": threads,
        "engine_overhead": one.ratio(alone) - 1,
        "engine_floor": asleep.ratio(alone),
        "speedup": one.ratio(two, "wall_seconds"),
        "threads_speedup": alone.ratio(twice, "wall_seconds"),
        "runs": {row.label: row.result() for row in rows},
    }
    for row in rows:
        click.echo(f"{row.label:18} {row.wall_seconds:8.2f} s, {row.cpu_seconds:8.2f} CPU s")
    click.echo(
        f"two workers are {result['speedup']:.2f} times as fast as one, and twice the threads "
        f"{result['threads_speedup']:.2f} times; dask takes "
        f"{result['engine_overhead'] * 100:.1f} % more CPU than threads, "
        f"{result['engine_floor'] * 100:.1f} % asleep"
    )
    if output is not None:
        output.write_text(json.dumps(result, indent=1) + "\n")


if __name__ == "__main__":
    main()
