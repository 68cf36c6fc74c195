"""Trees to scan, measurements compared bit for bit, and scenarios to size them by."""

import random
import threading
from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from storeff.data import ONE, Assumption
from storeff.economics import Scenario, build_scenario
from storeff.estimate.probing import compress, glance
from storeff.layout import Data, Layout
from storeff.scan import run
from storeff.scan.job import Job
from storeff.scan.listing import Listing
from storeff.scan.measurement import Measurement
from storeff.scan.occurrences import Occurrences
from storeff.scan.pace import Pace
from storeff.scan.part import Stop
from storeff.scan.partial import PartialScan
from storeff.scan.plan import Chunker, Plan, Probed
from storeff.scan.probe import Prober
from storeff.scan.run import Shard
from storeff.scan.sample import Sample
from storeff.scan.sampling import SamplingDesign
from storeff.scan.sketch import Sketch
from storeff.scan.worker import Worker
from storeff.sources.entry import Entries
from storeff.sources.source import Source, entries
from storeff.sources.tree import LocalTree

SMALL = Plan(
    chunkers=(
        Chunker("whole-file", "whole", 0, 0, 8),
        Chunker("fixed-128KiB", "fixed", 128 << 10, 128 << 10, 8),
        Chunker("cdc-8KiB", "content-defined", 6 << 10, 10 << 10, 32),
    ),
    probed=(
        Probed("fixed-128KiB", False, ("lz4",)),
        Probed("cdc-8KiB", False, ("lz4", "zstd-1")),
        Probed("fixed-128KiB", True, ("lz4",)),
        Probed("cdc-8KiB", True, ("lz4", "zstd-1")),
    ),
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


def same(one: Measurement, other: Measurement) -> bool:
    """Whether both are the same but for the time they took and the tasks they are of."""
    bare = [replace(each, cpu_seconds=0.0, tasks=frozenset()).to_bytes() for each in (one, other)]
    return bare[0] == bare[1]


def assert_same(a: Measurement, b: Measurement, *, in_same_places: bool = True) -> None:
    """Both found the same; ``in_same_places``: and the same numbers for the objects, which are
    others where a root is another one of the source."""
    assert (a.read_bytes, a.hole_bytes, a.census) == (b.read_bytes, b.hole_bytes, b.census)
    assert a.volumes == b.volumes
    assert np.array_equal(a.class_bytes, b.class_bytes)
    assert np.array_equal(a.histogram, b.histogram)
    for name, sketch in a.sketches.items():
        assert_same_sketch(sketch, b.sketches[name], in_same_places=in_same_places)
    assert (a.occurrences is None) == (b.occurrences is None)
    if a.occurrences is not None and b.occurrences is not None:
        assert_same_occurrences(a.occurrences, b.occurrences)


def assert_same_occurrences(a: Occurrences, b: Occurrences) -> None:
    for field in fields(a):
        assert np.array_equal(getattr(a, field.name), getattr(b, field.name)), field.name


def assert_same_sketch(a: Sketch, b: Sketch, *, in_same_places: bool = True) -> None:
    assert (a.tau, a.chunks, a.bytes, a.columns) == (b.tau, b.chunks, b.bytes, b.columns)
    places = ("objects", "offsets") if in_same_places else ()
    rows = ("keys", "sizes", "counts", "labels", "extents", "predicted", *places)
    for field in (*rows, "run_count", "run_bytes", "buckets", "probed", "taus"):
        assert np.array_equal(getattr(a, field), getattr(b, field)), field


def scan(
    roots: Sequence[Path], plan: Plan, *, exclude: Sequence[str] = (), **how: Any
) -> Measurement:
    """run.scan() of the local trees under ``roots``."""
    return run.scan(LocalTree(roots, exclude=exclude), plan, **how)


def columns_of(plan: Plan, *, per_occurrence: bool) -> list[tuple[str, str]]:
    """What ``plan`` says is probed: pairs of a chunker and a column."""
    return [
        (each.chunker, column)
        for each in plan.probed
        if each.per_occurrence == per_occurrence
        for column in each.columns
    ]


def probed(
    source: Source, plan: Plan, chunks: int = 1 << 30, windows: int = 1 << 30, **how: Any
) -> Measurement:
    """A scan of ``source``, with as many chunks and windows of every column probed."""
    prober = Prober(source, plan, **how)
    measured = run.scan(source, plan, shard=how.get("shard"))
    measured = prober.distinct(
        measured, dict.fromkeys(columns_of(plan, per_occurrence=False), chunks)
    )
    wanted = dict.fromkeys(columns_of(plan, per_occurrence=True), windows)
    return replace(measured, occurrences=prober.occurrences(prober.draw(), wanted))


def measured(
    roots: Sequence[Path], plan: Plan, rate: float | None = None, **how: Any
) -> Measurement:
    """All that is measured of the local trees under ``roots``, as a scan of them does; of a part at
    ``rate``, if one is given."""
    source = LocalTree(roots)
    prober = Prober(source, plan)
    windows, every = glance(prober)
    if rate is None:
        found = run.scan(source, plan, **how)
    else:
        partial = PartialScan(count(source, SamplingDesign(seed=plan.seed)), plan)
        partial.extend(rate)
        found = partial.result()
    return compress(prober, replace(found, occurrences=every), windows)


def listed(root: Path) -> Entries:
    return Entries.of(entries(LocalTree([root])))


def new_job(source: Source, plan: Plan, stop: Stop | None = None) -> Job:
    never = threading.Event()
    return Job(source, plan, "scalar", stop or never, Pace(None, never))


def new_worker(root: Path, plan: Plan, job: Job | None = None) -> Worker:
    return Worker(job or new_job(LocalTree([root]), plan))


def count(source: Source, design: SamplingDesign, shard: Shard | None = None) -> Listing:
    """The listing of ``source``, counted."""
    listing = Listing(source, design, shard)
    assert listing.count(threading.Event())
    return listing


def sample_of(measured: Measurement) -> Sample:
    assert measured.sampling is not None
    return measured.sampling


def blocks(content: bytes, block_bytes: int) -> list[bytes]:
    return [content[i : i + block_bytes] for i in range(0, len(content), block_bytes)]


def scenario_of(layout: Layout[Assumption]) -> Scenario[Assumption]:
    """``layout`` on the default drive and site, its data still to be measured."""
    return build_scenario(Data(logical_bytes=ONE, reduction_ratio=ONE), layout)
