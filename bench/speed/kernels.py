"""How fast each function of each native kernel is, beside the scalar one and beside read().

    python bench/speed/kernels.py [--rounds 15] [-o bench/results/DATE-kernels.json]

Every function is called alone, through the kernel table of the built extension, on a buffer half
the size of the L2 cache and on one beyond the L3 cache. Speeds are bytes per second of the calling
thread's CPU time, best and median over the rounds; a round measures everything once, and does not
begin before the machine is idle. ``read`` is read() of a file in the page cache into one reused
1 MiB buffer. ``min_cut`` counts the positions it hashes: three quarters of the bytes of a stream
that is cut from 5/8 to 11/8 of the mean, which is what ``cut`` counts.
"""

import ctypes
import json
import mmap
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np

from storeff import _native
from storeff.scan.machine import cpu_name
from storeff.scan.plan import CUTTINGS, Plan

READ_BYTES = 1 << 20
# Long enough that the clock and the call from Python (0.5 us) do not show.
SAMPLE_SECONDS = 0.005
WARM_UP_SECONDS = 0.1
IDLE_CHECKS, IDLE_CHECK_SECONDS, IDLE_WAIT_SECONDS = 10, 0.05, 600

Pointer, Size, Byte = ctypes.c_void_p, ctypes.c_size_t, ctypes.c_uint8


class Kernel(ctypes.Structure):
    """sf_kernel of csrc/storeff.h."""

    _fields_ = (
        ("name", ctypes.c_char_p),
        ("runs_here", ctypes.CFUNCTYPE(ctypes.c_int)),
        ("accumulate", ctypes.CFUNCTYPE(None, Pointer, Pointer, Size)),
        ("run_length", ctypes.CFUNCTYPE(Size, Pointer, Size, Byte)),
        ("min_cut", ctypes.CFUNCTYPE(Size, Pointer, Size, Size)),
    )


def kernel_table() -> dict[str, Kernel]:
    """The kernels of the build that run here, by name."""
    at = ctypes.CDLL(_native.__file__).sf_kernel_at
    at.argtypes, at.restype = [Size], ctypes.POINTER(Kernel)
    every = {}
    index = 0
    while row := at(index):
        every[row.contents.name.decode()] = row.contents
        index += 1
    return {name: every[name] for name in _native.kernels()}


@dataclass
class Case:
    """One thing to measure: ``call`` goes over ``size_bytes`` bytes once."""

    function: str
    kernel: str | None
    buffer: str
    size_bytes: int
    call: Callable[[], object]
    calls: int = 1
    seconds: list[float] = field(default_factory=list)

    def sample(self) -> float:
        start = time.thread_time()
        for _ in range(self.calls):
            self.call()
        return (time.thread_time() - start) / self.calls

    def calibrate(self) -> None:
        """Set how many calls a sample takes."""
        self.sample()
        self.calls = max(1, round(SAMPLE_SECONDS / max(self.sample(), 1e-7)))

    def speed(self, of: Callable[[list[float]], float]) -> float:
        """Gigabytes (1e9) per second of CPU time."""
        return self.size_bytes / of(self.seconds) / 1e9


def cache_bytes(level: int) -> int:
    text = Path(f"/sys/devices/system/cpu/cpu0/cache/index{level}/size").read_text()
    return int(text.strip().removesuffix("K")) << 10


def contents(size_bytes: int) -> dict[str, np.ndarray[Any, np.dtype[np.uint8]]]:
    draw = np.random.default_rng(1)
    return {
        "random": draw.integers(0, 1 << 63, size_bytes // 8, np.uint64).view(np.uint8),
        "constant": np.full(size_bytes, 0xA5, np.uint8),
    }


def kernel_cases(name: str, kernel: Kernel, buffer: str, size_bytes: int, data: Any) -> list[Case]:
    state = np.zeros(256, np.uint64)
    noise, constant = (data[content].ctypes for content in ("random", "constant"))
    calls: dict[str, Callable[[], object]] = {
        "accumulate": partial(kernel.accumulate, state.ctypes, noise, size_bytes),
        "min_cut": partial(kernel.min_cut, noise, 4, size_bytes),
        "run_length": partial(kernel.run_length, constant, size_bytes, 0xA5),
    }
    return [Case(function, name, buffer, size_bytes, call) for function, call in calls.items()]


def stream_cases(name: str, buffer: str, data: Any) -> list[Case]:
    """Whole calls as a scan makes them: these are what the kernels are for."""
    noise = data["random"]
    cases = []
    for profile in ("cdc-8KiB", "cdc-64KiB"):
        chunker = next(c for c in CUTTINGS if c.name == profile)
        call = partial(_native.cut, noise, chunker.min_bytes, chunker.max_bytes, name)
        cases.append(Case(f"cut {profile}", name, buffer, len(noise), call))
    plans = {c.name: [c] for c in CUTTINGS if c.name == "cdc-8KiB"} | {"default plan": [*CUTTINGS]}
    for plan, chunkers in plans.items():
        # There is room for the chunks of one span: those of the next are the same.
        sizes = [(c.min_bytes, c.max_bytes, c.entries, Plan().predicts(c)) for c in chunkers]
        scanner = _native.Scanner(sizes, 1, name)
        span = noise[: READ_BYTES // 2]
        cases.append(Case(f"span {plan}", name, "512 KiB", len(span), partial(scan, scanner, span)))
    return cases


def scan(scanner: _native.Scanner, span: Any) -> None:
    scanner.begin(1)
    scanner.span(span, len(span), True)
    scanner.end()


def read_all(file: int, buffer: mmap.mmap, size_bytes: int) -> None:
    for offset in range(0, size_bytes, READ_BYTES):
        os.preadv(file, [buffer], offset)


def wait_until_idle() -> None:
    """Return once no other process has run for half a second."""
    deadline = time.monotonic() + IDLE_WAIT_SECONDS
    quiet = 0
    while quiet < IDLE_CHECKS:
        if time.monotonic() > deadline:
            raise click.ClickException("the machine is not idle: stop what runs beside, try again")
        time.sleep(IDLE_CHECK_SECONDS)
        running = int(Path("/proc/loadavg").read_text().split()[3].split("/")[0])
        quiet = quiet + 1 if running <= 1 else 0


def spin(seconds: float) -> None:
    """Bring the core back to its working clock speed."""
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        pass


def measure(cases: list[Case], rounds: int) -> None:
    for case in cases:
        case.calibrate()
    order = random.Random(1)
    for round_ in range(rounds):
        wait_until_idle()
        spin(WARM_UP_SECONDS)
        # Else the same case would always meet the clock speed or the cache that another one left.
        for case in order.sample(cases, len(cases)):
            case.seconds.append(case.sample())
        click.echo(f"round {round_ + 1} of {rounds}", err=True)


def results(cases: list[Case]) -> list[dict[str, Any]]:
    medians = {(c.function, c.kernel, c.buffer): c.speed(statistics.median) for c in cases}
    rows = []
    for case in cases:
        median = case.speed(statistics.median)
        scalar = medians.get((case.function, "scalar", case.buffer))
        rows.append(
            {
                "function": case.function,
                "buffer": case.buffer,
                "kernel": case.kernel,
                "bytes": case.size_bytes,
                "best_gb_per_s": round(case.speed(min), 3),
                "median_gb_per_s": round(median, 3),
                "to_scalar": round(median / scalar, 3) if scalar else None,
                "to_read": round(median / medians["read", None, "page cache"], 3),
            }
        )
    return sorted(rows, key=lambda r: (r["buffer"], r["function"]))


@click.command()
@click.option("--rounds", default=15, show_default=True)
@click.option("-o", "output", type=click.Path(path_type=Path))
def main(rounds: int, output: Path | None) -> None:
    sizes = {"L2": cache_bytes(2) // 2, "DRAM": min(2 * cache_bytes(3), 1 << 30)}
    data = {buffer: contents(size_bytes) for buffer, size_bytes in sizes.items()}
    cases = []
    for name, kernel in kernel_table().items():
        for buffer, size_bytes in sizes.items():
            cases += kernel_cases(name, kernel, buffer, size_bytes, data[buffer])
        cases += stream_cases(name, "DRAM", data["DRAM"])
    with tempfile.TemporaryFile() as file, mmap.mmap(-1, READ_BYTES) as target:
        page_cache = data["DRAM"]["random"][: 256 << 20]
        file.write(page_cache.tobytes())
        file.flush()
        read = partial(read_all, file.fileno(), target, len(page_cache))
        cases.append(Case("read", None, "page cache", len(page_cache), read))
        measure(cases, rounds)
    rows = results(cases)
    for row in rows:
        scalar = f"{row['to_scalar']:8.2f}" if row["to_scalar"] else " " * 8
        click.echo(
            f"{row['buffer']:11}{row['function']:20}{row['kernel'] or '':8}"
            f"{row['best_gb_per_s']:9.2f}{row['median_gb_per_s']:9.2f}{scalar}{row['to_read']:8.2f}"
        )
    if output:
        made = {
            "date": date.today().isoformat(),
            "cpu": cpu_name(),
            "cache_bytes": {f"L{level}": cache_bytes(level) for level in (2, 3)},
            "unit": "1e9 bytes per second of the thread's CPU time; ratios of medians",
            "machine": "no other process running for 0.5 s before each round (/proc/loadavg)",
            "rounds": rounds,
            "results": rows,
        }
        output.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
