"""How fast the kernels for planes and fields are.

    python bench/speed/kv_planes.py [--rounds 9] [-o bench/results/DATE-kv_planes.json]

Speeds are of the calling thread's CPU time, as medians over rounds in which everything runs once;
``to_memcpy`` is by a copy of the same buffer in the same round, ``to_numpy`` by what numpy takes
for the same result. Buffers are half the L2 cache and beyond it, of real data if STOREFF_SHARED
says where it is.
"""

import json
import os
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import click
import numpy as np
import numpy.typing as npt
from kv_data import real, synthetic
from timing import machine

from storeff import _native
from storeff.kv.measure.dtype import FIELDS, Field

Bytes = npt.NDArray[np.uint8]
CHANNELS = 384
# Long enough for the clock.
SAMPLE_SECONDS = 0.005


@dataclass
class Case:
    """``call`` goes over ``size_bytes`` once; ``base`` names the case that it is compared to."""

    name: str
    size_bytes: int
    call: Callable[[], object]
    base: str | None = None
    seconds: list[float] = field(default_factory=list)
    calls: int = 1

    def sample(self) -> float:
        start = time.thread_time()
        for _ in range(self.calls):
            self.call()
        return (time.thread_time() - start) / self.calls

    @property
    def median(self) -> float:
        return statistics.median(self.seconds)


def measure(cases: list[Case], rounds: int) -> None:
    for case in cases:
        case.sample()
        case.calls = max(1, round(SAMPLE_SECONDS / max(case.sample(), 1e-7)))
    for _ in range(rounds):
        for case in cases:
            case.seconds.append(case.sample())


def numpy_counts(items: npt.NDArray[np.uint16], of: Field) -> npt.NDArray[np.intp]:
    mask = (1 << of.bits) - 1
    return np.bincount(items >> of.shift & mask, minlength=mask + 1)


def kernel_cases(data: Bytes) -> list[Case]:
    """Every kernel on one buffer, each beside numpy."""
    copy = np.empty_like(data)
    size, raw = data.nbytes, data.data
    cases = [Case("memcpy", size, lambda: np.copyto(copy, data))]
    for width in (2, 4, 8):
        numpy_split = partial(np.ascontiguousarray, data.reshape(-1, width).T)
        split = f"split {width} bytes"
        cases += [
            Case(f"numpy {split}", size, numpy_split),
            Case(split, size, partial(_native.split_planes, raw, width), f"numpy {split}"),
        ]
    items = data.view("<u2")
    for of in (*FIELDS["bf16"][1:], Field("upper byte", 8, 8)):
        name = f"count bf16 {of.name}"
        native = partial(_native.count_field, raw, 2, of.shift, of.bits)
        cases += [
            Case(f"numpy {name}", size, partial(numpy_counts, items, of)),
            Case(name, size, native, f"numpy {name}"),
        ]
    whole = data[: size // (2 * CHANNELS) * 2 * CHANNELS]
    rows16, offsets = whole.view("<u2").reshape(-1, CHANNELS), np.arange(CHANNELS) << 8
    cases += [
        Case(
            "numpy count bf16 exponent by channel",
            whole.nbytes,
            lambda: np.bincount(((rows16 >> 7 & 255) + offsets).ravel(), minlength=CHANNELS << 8),
        ),
        Case(
            "count bf16 exponent by channel",
            whole.nbytes,
            lambda: _native.count_field_by_channel(whole.data, CHANNELS, 2, 7, 8),
            "numpy count bf16 exponent by channel",
        ),
    ]
    return cases


def kernel_rows(buffer: str, data: Bytes, rounds: int) -> list[dict[str, Any]]:
    cases = kernel_cases(data)
    measure(cases, rounds)
    seconds = {case.name: case.median / case.size_bytes for case in cases}
    return [
        {
            "buffer": buffer,
            "function": case.name,
            "gb_per_s": round(1e-9 / seconds[case.name], 3),
            "to_memcpy": round(seconds["memcpy"] / seconds[case.name], 3),
            "to_numpy": round(seconds[case.base] / seconds[case.name], 2) if case.base else None,
        }
        for case in cases
    ]


@click.command()
@click.option("--rounds", default=9, show_default=True)
@click.option("-o", "output", type=click.Path(path_type=Path))
def main(rounds: int, output: Path | None) -> None:
    load = os.getloadavg()
    encoder = real()
    source = synthetic("drifting", 240) if encoder is None else encoder
    data = np.resize(source.reshape(-1), 8 << 20).view(np.uint8)
    kernels = [
        *kernel_rows("1 MiB", data[: 1 << 20], rounds),
        *kernel_rows("16 MiB", data, rounds),
    ]
    for row in kernels:
        to_numpy = f"{row['to_numpy']:8.2f}" if row["to_numpy"] else ""
        click.echo(
            f"{row['buffer']:6}{row['function']:40}{row['gb_per_s']:8.2f}{row['to_memcpy']:8.2f}"
            + to_numpy
        )
    if output:
        made = {
            "machine": machine(load, "numpy", "zstandard"),
            "unit": "1e9 bytes per second of the thread's CPU time; ratios of medians",
            "rounds": rounds,
            "kernels": kernels,
        }
        output.write_text(json.dumps(made, indent=1) + "\n")


if __name__ == "__main__":
    main()
