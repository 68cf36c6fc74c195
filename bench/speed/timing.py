"""Times of this process and of others, medians with their spread, and the machine they are of."""

import gc
import os
import platform
import resource
import signal
import statistics
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import click

import storeff
from storeff.scan.machine import cpu_name
from storeff.scan.run import kernels


class Missing(Exception):  # noqa: N818 - a row of the result, not an error
    """Why there is no time to give: not installed, too slow, failed."""


@dataclass(frozen=True)
class Times:
    """What one run took; CPU time is of all threads, user and system."""

    cpu_seconds: float
    wall_seconds: float


@dataclass
class Row:
    """One thing to time, and its times so far; ``missing`` says why there are none (any more)."""

    label: str
    run: Callable[[], Times]
    rounds: int
    times: list[Times] = field(default_factory=list)
    missing: str | None = None

    @property
    def cpu_seconds(self) -> float:
        return statistics.median(t.cpu_seconds for t in self.times)

    @property
    def wall_seconds(self) -> float:
        return statistics.median(t.wall_seconds for t in self.times)

    @property
    def cpu_spread(self) -> float:
        """(largest - smallest) / median of the CPU times."""
        runs = [t.cpu_seconds for t in self.times]
        return (max(runs) - min(runs)) / self.cpu_seconds

    def ratio(self, other: "Row", of: str = "cpu_seconds") -> float:
        """To ``other``: the median of the rounds' ratios."""
        pairs = zip(self.times, other.times, strict=True)
        ratios: list[float] = [getattr(a, of) / getattr(b, of) for a, b in pairs]
        return statistics.median(ratios)

    def take(self) -> None:
        try:
            self.times.append(self.run())
        except Missing as missing:
            self.missing = str(missing)
            self.times = []

    def result(self) -> dict[str, Any]:
        if not self.times:
            return {"missing": self.missing}
        return {
            "cpu_seconds": self.cpu_seconds,
            "wall_seconds": self.wall_seconds,
            "cpu_runs": [t.cpu_seconds for t in self.times],
            "wall_runs": [t.wall_seconds for t in self.times],
        }


def take_rounds(rows: Sequence[Row], warm: Callable[[], object] = lambda: None) -> None:
    """Run everything once a round, so that what disturbs the machine disturbs all rows alike.

    ``warm`` comes before each: a page cache forgets what a long run of another row did not touch.
    """
    for round_ in range(max(row.rounds for row in rows)):
        for row in rows:
            if round_ < row.rounds and row.missing is None:
                warm()
                row.take()


def here(run: Callable[[], object]) -> Times:
    """The times of ``run`` in this process, other threads included."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return Times(time.process_time() - cpu, time.perf_counter() - wall)


def child(
    words: Sequence[str],
    *,
    timeout_seconds: float,
    stdin: bytes = b"",
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    prints_times: bool = False,
) -> Times:
    """The times of a command and the children it waits for, or those it prints as its last line.

    Raises Missing if it is not installed, fails, or runs into the time limit.
    """
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        running = subprocess.Popen(
            words,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE if prints_times else subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=cwd,
            env={**os.environ, **(env or {})},
            start_new_session=True,
        )
    except FileNotFoundError:
        raise Missing("not installed") from None
    with running:
        try:
            out, errors = running.communicate(stdin, timeout_seconds)
        except subprocess.TimeoutExpired:
            os.killpg(running.pid, signal.SIGKILL)
            raise Missing(f"skipped: not done after {timeout_seconds:.0f} s") from None
    took, after = time.perf_counter() - wall, resource.getrusage(resource.RUSAGE_CHILDREN)
    if running.returncode:
        said = errors.decode(errors="replace").strip().splitlines() or ["nothing said"]
        raise Missing(f"failed with exit code {running.returncode}: {said[-1][:200]}")
    if prints_times:
        cpu_seconds, wall_seconds = map(float, out.decode().splitlines()[-1].split())
        return Times(cpu_seconds, wall_seconds)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Times(cpu, took)


def compiled(source: Path, target: Path, *options: str) -> Path:
    """``target``, built from one C file."""
    words = ["cc", "-O2", "-Wall", "-Wextra", *options, str(source), "-o", str(target)]
    try:
        subprocess.run(words, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        raise click.ClickException(f"a C compiler is needed: {error}") from error
    return target


def machine(load_before: tuple[float, float, float], *packages: str) -> dict[str, Any]:
    """Where and with what the result was made; None for a package that is not installed."""
    found: dict[str, str | None] = {"storeff": storeff.__version__}
    for name in packages:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = None
    return {
        "date": date.today().isoformat(),
        "cpu": cpu_name(),
        "cores": os.cpu_count(),
        "load_before": load_before,
        "python": platform.python_version(),
        "kernels": kernels(),
        "versions": found,
    }
