"""Trees to scan, measurements compared bit for bit, and scenarios to size them by."""

import random
import threading
from pathlib import Path

import numpy as np

from storeff.data import Assumption, one
from storeff.economics import Scenario, build_scenario
from storeff.layout import Data, Layout
from storeff.scan import worker
from storeff.scan.compressed import CompressedSample, new_samples
from storeff.scan.measurement import Measurement
from storeff.scan.pace import Pace
from storeff.scan.plan import Chunker, Plan
from storeff.scan.sketch import Sketch
from storeff.sources.entry import Entry
from storeff.sources.tree import walk

SMALL = Plan(
    chunkers=(
        Chunker("whole-file", "whole", 0, 0, 8),
        Chunker("fixed-128KiB", "fixed", 128 << 10, 128 << 10, 8, ("lz4",), 4),
        Chunker("cdc-8KiB", "content-defined", 6 << 10, 10 << 10, 32, ("lz4", "zstd-1"), 8),
    )
)


def fill(root: Path, seed: int = 1, files: int = 40) -> Path:
    """A tree with unique, repeated, empty and constant files, some larger than the read buffer."""
    source = random.Random(seed)
    shared = source.randbytes(300_000)
    for i in range(files):
        folder = root / f"d{i % 5}"
        folder.mkdir(exist_ok=True, parents=True)
        content = [
            shared,
            source.randbytes(source.randrange(200_000)),
            b"",
            b"\0" * source.randrange(300_000),
            shared[: source.randrange(300_000)] + source.randbytes(70_000),
        ][i % 5]
        (folder / f"f{i}").write_bytes(content)
    (root / "large").write_bytes(source.randbytes(2_500_000) + b"\xff" * 500_000 + shared)
    return root


def assert_same(a: Measurement, b: Measurement) -> None:
    assert (a.read_bytes, a.hole_bytes, a.census) == (b.read_bytes, b.hole_bytes, b.census)
    assert a.volumes == b.volumes
    assert np.array_equal(a.class_bytes, b.class_bytes)
    assert np.array_equal(a.histogram, b.histogram)
    for name, sketch in a.sketches.items():
        assert_same_sketch(sketch, b.sketches[name])


def assert_same_sketch(a: Sketch, b: Sketch) -> None:
    assert (a.tau, a.compressed_tau) == (b.tau, b.compressed_tau)
    assert (a.chunks, a.bytes) == (b.chunks, b.bytes)
    rows = ("keys", "sizes", "counts", "groups", "compressed")
    for field in (*rows, "run_count", "run_bytes", "buckets"):
        assert np.array_equal(getattr(a, field), getattr(b, field)), field


def listed(root: Path) -> list[Entry]:
    return [p for p in walk([root], one_file_system=False, exclude=()) if isinstance(p, Entry)]


def new_worker(plan: Plan, samples: list[CompressedSample] | None = None) -> worker.Worker:
    stop = threading.Event()
    shared = samples or new_samples(plan)
    return worker.Worker(plan, "scalar", stop, Pace(None, stop), shared, threading.Lock())


def blocks(content: bytes, block_bytes: int) -> list[bytes]:
    return [content[i : i + block_bytes] for i in range(0, len(content), block_bytes)]


def scenario_of(layout: Layout[Assumption]) -> Scenario[Assumption]:
    """``layout`` on the default drive and site, its data still to be measured."""
    return build_scenario(Data(logical_bytes=one(), reduction_ratio=one()), layout)
