"""The pipeline: measure, reduce, size, report. Four calls, with a frozen value between each two.

The command line and a notebook make the same calls; `docs/library.md` shows them. Everything that
can be wrong with a name or a catalogue is refused when the value that holds it is made, so before
any data is read. All errors are StoreffError.
"""

import importlib.util
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from storeff.data import Assumption
from storeff.economics import Scenario, load_scenario
from storeff.errors import StoreffError, UsageError, pick
from storeff.estimate.answer import Answer
from storeff.estimate.inside import inside_of
from storeff.estimate.reading import EVERYTHING, NOTHING_ASKED, Decision, Sampling
from storeff.estimate.reduction import Reduction
from storeff.estimate.reduction import reduce as reduction_of
from storeff.estimate.steps import OnPhase, read
from storeff.kv.dumps import looks_like
from storeff.report.build import Benchmark, Sizing, assemble, describe_run, size_all
from storeff.report.choice import describe_choice
from storeff.report.model import Interrupted, Report, Scan, read_report, to_json
from storeff.report.scanned import describe_scan
from storeff.report.sizing import Sized, shard_codes, sized_for, supports_sizing
from storeff.report.storage import DURABILITY_NINES as DURABILITY_NINES
from storeff.report.storage import POLICIES as POLICIES
from storeff.report.storage import Storage, plan_of
from storeff.scan.machine import THREADS_MAX, default_threads, threads_of
from storeff.scan.measurement import Measurement
from storeff.scan.run import Progress, kernels
from storeff.scan.scan_part import Tree
from storeff.scan.shards import Shards
from storeff.sources.named import Name, source_of
from storeff.sources.object_client import Access, meter_of
from storeff.sources.source import Source

if TYPE_CHECKING:
    from storeff.scan.divided import DividedScan
    from storeff.scan.inside import Looks
    from storeff.scan.rewrites import Rewritten
    from storeff.scan.siblings import Siblings
    from storeff.scan.similar import Deltas
    from storeff.scan.speeds import Speed

__all__ = [
    "Measured",
    "Reduced",
    "Sampling",
    "Sizing",
    "Storage",
    "bench",
    "build_report",
    "measure",
    "read_report",
    "reduce",
    "size",
    "size_scenario",
    "to_json",
]


@dataclass(frozen=True, eq=False)
class Measured:
    """What was found in some files. ``decision`` is how much was read and why: None if an interrupt
    ended the listing. ``similarity`` is what deltas save, if that was asked for and measured,
    ``shards`` what is left below the erasure codes of the layouts to be sized, ``speeds`` how fast
    codecs are on the data, by name: empty unless that was asked for. ``looks`` is what is inside
    some of the objects, ``rewritten`` what some of these take in another form."""

    data: Measurement
    scan: Scan
    decision: Decision | None
    started: datetime
    similarity: "tuple[Deltas, Siblings] | None" = None
    shards: Sequence[Shards] = ()
    speeds: "Mapping[str, Speed]" = field(default_factory=dict)
    looks: "Looks | None" = None
    rewritten: "Mapping[str, Mapping[int, Rewritten | None]]" = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Reduced:
    """How far the data reduces: ``reduction``, measured on what ``scan`` lists, for a target of
    ``target_bytes`` (None: the scanned data itself)."""

    reduction: Reduction
    scan: Scan | None
    target_bytes: int | None
    seed: int
    kernel: str | None
    plan_digest: str | None
    started: datetime

    @classmethod
    def of_report(cls, report: Report, *, target_bytes: int | None = None) -> "Reduced":
        """What ``report`` holds, for another target if one is given. Raises StoreffError if the
        report is not of a scan."""
        if report.reduction is None:
            of_scenario = report.kv is None and report.layouts
            raise StoreffError(
                "the report holds no measured reduction",
                "it was made from a scenario: change that, and size it again"
                if of_scenario
                else "size a report of a scan",
                "scenario" if of_scenario else "",
            )
        if target_bytes is None and report.target is not None:
            target_bytes = report.target.bytes
        run = report.run
        return cls(
            report.reduction,
            report.scan,
            target_bytes,
            run.seed,
            run.kernel,
            run.plan_digest,
            datetime.now(UTC),
        )

    @property
    def can_be_sized(self) -> bool:
        """Whether it is known what compression leaves of the data, on which every layout rests."""
        return supports_sizing(self.reduction)


def measure(
    sources: Name | Iterable[Name] | Source,
    *,
    sampling: Sampling = NOTHING_ASKED,
    table: str = "default",
    precision: float = 0.01,
    storage: Storage | None = None,
    similarity: bool = False,
    speeds: bool = False,
    rewrites: bool = False,
    seed: int = 1,
    threads: int | None = None,
    kernel: str | None = None,
    one_file_system: bool = False,
    exclude: Sequence[str] = (),
    follow_links: bool = False,
    access: Access | None = None,
    bytes_per_second: float | None = None,
    executor: str | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    resume: bool = False,
    stop: threading.Event | None = None,
    on_progress: Callable[[Progress], None] = lambda progress: None,
    on_phase: OnPhase = lambda name, done=0, wanted=0: None,
    on_answer: Callable[[Answer], None] | None = None,
) -> Measured:
    """Measure the regular files under ``sources``, or the objects at them where they are URLs of
    object stores, reached as ``access`` says, or those of a Source: all, or the sample that
    ``sampling`` asks for. What follows links and stays on one file system is for files; a Source
    has all of that of its own.

    Duplicates are counted for every chunker. ``table`` is what chunks are compressed for: "default"
    is what the catalogued layouts need, to which comes what those of ``storage`` need, "full" every
    chunker with every codec. ``precision`` is the half width, relative to the bytes left, that the
    95 % interval of the headline should have, 0.001 to 0.2; every other figure is to have twice
    that. More chunks are compressed for less. What was reached is in ``reduction.method.cells``.

    ``similarity`` also measures what deltas between similar chunks would save; it needs a full
    scan. ``speeds`` times every codec on the data. ``rewrites`` measures what objects would take if
    their application wrote them otherwise, which needs pyarrow.

    ``threads`` None is one for each processor that this process may use, ``kernel`` None the
    fastest of ``storeff.scan.run.kernels()``. ``exclude`` leaves out files by name, or by path
    where a pattern holds a slash. Setting ``stop`` ends the reading early: what was measured by
    then is returned, and says that it was interrupted.

    ``executor`` names where the data is read (storeff.scan.executor), ``checkpoint`` a directory in
    which a full scan is kept, so that one that came to no end can be ``resume``d.

    ``on_progress`` is told how far the reading is, ``on_phase`` what is done before and after, and
    ``on_answer`` what is known of the answer by then.

    Raises StoreffError if a source cannot be found or memory is short, UsageError for arguments
    that do not go together and an unknown kernel.
    """
    started, clock = datetime.now(UTC), time.monotonic()
    if kernel is not None:
        pick({name: name for name in kernels()}, kernel, "kernel")
    if similarity:
        if sampling not in (NOTHING_ASKED, EVERYTHING):
            raise UsageError("similarity needs a full scan", "ask for no sample", "similarity")
        sampling = EVERYTHING
    if rewrites and importlib.util.find_spec("pyarrow") is None:
        raise UsageError(
            "rewriting tables needs pyarrow, which is not installed",
            "install it: pip install 'storeff[formats]'",
        )
    plan = plan_of(seed, similarity, table, precision, storage)
    stop = stop or threading.Event()
    on_threads = threads_of(executor)
    threads = on_threads or threads or min(THREADS_MAX, default_threads())
    links = {"one_file_system": one_file_system, "follow_links": follow_links}
    names, source = source_of(sources, access, exclude, **links)
    tree = Tree.of(names, source, sampling.goals, exclude=exclude, **links)
    dividing: AbstractContextManager[DividedScan | None] = nullcontext()
    if (executor and not on_threads) or checkpoint or resume:
        from storeff.scan.divided import opened

        dividing = opened(None if on_threads else executor, checkpoint, resume, tree, plan)
    with dividing as divided:
        found = read(
            source,
            plan,
            sampling,
            clock,
            codes=shard_codes(each.layout for each in storage.scenarios) if storage else (),
            rewrites=rewrites,
            on_answer=on_answer,
            on_phase=on_phase,
            divided=divided,
            engine={
                "threads": threads,
                "kernel": kernel,
                "is_kv": looks_like,
                "bytes_per_second": bytes_per_second,
                "stop": stop,
                "on_progress": on_progress,
            },
        )
    data, decision = found.data, found.decision
    interrupted: Interrupted | None = found.interrupted
    deltas = None
    if similarity and data.data_bytes and interrupted is None:
        on_phase("compressing similar chunks against each other")
        deltas = _similarity(source, data, threads, bytes_per_second, stop)
        interrupted = "comparing" if stop.is_set() else None
    timed: Mapping[str, Speed] = {}
    if speeds and found.windows is not None and interrupted is None:
        from storeff.scan.speeds import measure_speeds

        on_phase("timing codecs")
        timed = measure_speeds(source, found.windows, bytes_per_second=bytes_per_second, stop=stop)
    scanned = describe_scan(
        data,
        names,
        time.monotonic() - clock,
        describe_choice(decision, interrupted),
        interrupted,
        found.probe_seconds,
        meter.asked if (meter := meter_of(source)) else None,
    )
    return Measured(
        data, scanned, decision, started, deltas, found.shards, timed, found.looks, found.rewritten
    )


def _similarity(
    source: Source,
    data: Measurement,
    threads: int,
    bytes_per_second: float | None,
    stop: threading.Event,
) -> "tuple[Deltas, Siblings]":
    """What deltas between similar chunks, and between siblings, leave; reads those again."""
    from storeff.scan.siblings import measure_siblings
    from storeff.scan.similar import measure_deltas

    plan, similar = data.plan, data.similar
    assert plan.similarity
    assert similar is not None
    limits: dict[str, Any] = {"threads": threads, "bytes_per_second": bytes_per_second}
    deltas = measure_deltas(source, similar, plan.similarity, stop=stop, **limits)
    return deltas, measure_siblings(source, similar.tensors, plan.seed, stop=stop, **limits)


def reduce(measured: Measured, *, target_bytes: int | None = None) -> Reduced:
    """Every figure of data reduction that ``measured`` supports, with its interval.

    ``target_bytes`` are the application bytes, of data like what was measured, to size storage for.
    """
    data = measured.data
    reduction = reduction_of(data, measured.shards)
    if measured.looks is not None:
        reduction = msgspec.structs.replace(
            reduction, inside=inside_of(measured.looks, measured.rewritten)
        )
    if measured.similarity is not None:
        from storeff.estimate.similarity import with_similarity

        reduction = with_similarity(reduction, data, *measured.similarity)
    return Reduced(
        reduction,
        measured.scan,
        target_bytes,
        data.plan.seed,
        data.kernel,
        data.plan.digest(),
        measured.started,
    )


def size(
    reduced: Reduced,
    storage: Storage | None = None,
    *,
    measure_codes: bool = False,
    on_layout: Callable[[str], None] = lambda name: None,
) -> Sizing:
    """The layouts of ``storage`` (by default all) for the target of ``reduced``, or for the scanned
    bytes where it has none. The reference is the first that ``storage`` names; else the neutral
    REFERENCE_LAYOUT.

    Erasure codes are measured once on a machine; ``measure_codes`` measures them again. Raises
    StoreffError if too little was read to know how far the data reduces.
    """
    logical_bytes = _sizable_bytes(reduced)
    storage = storage or Storage()
    return size_all(
        _sized(reduced, logical_bytes, storage.scenarios),
        reduced.seed,
        today=date.today(),
        reference=storage.reference,
        nines=storage.durability_nines,
        policy=storage.reduction,
        reduction=reduced.reduction,
        shelf_life=storage.files.get("shelf_life"),
        measure_again=measure_codes,
        on_layout=on_layout,
    )


def _sizable_bytes(reduced: Reduced) -> int:
    """What is sized for. Raises StoreffError if nothing can be."""
    reduction = reduced.reduction
    if not reduction.data_bytes:
        raise StoreffError(
            "no data was measured, so there is nothing to size", "measure files that hold data"
        )
    if not reduced.can_be_sized:
        raise StoreffError(
            "how far the data reduces is not known: too little of it was read",
            "measure again and read more, or everything",
            "sampling",
        )
    return reduction.data_bytes if reduced.target_bytes is None else reduced.target_bytes


def _sized(
    reduced: Reduced, logical_bytes: int, scenarios: Iterable[Scenario[Assumption]]
) -> list[Sized]:
    return [
        sized_for(reduced.reduction, logical_bytes, each, reduced.seed, reduced.scan)
        for each in scenarios
    ]


def bench(
    reduced: Reduced,
    storages: Sequence[Storage],
    *,
    ingest_bytes_per_second: int | None = None,
    quote: Fraction | None = None,
    speeds: "Mapping[str, Speed] | None" = None,
    measure_codes: bool = False,
    on_layout: Callable[[str], None] = lambda name: None,
) -> Benchmark:
    """Every layout of ``storages``, one for each kind of drive, beside the others, for the target
    of ``reduced`` or for the scanned bytes; and every way to cut and compress on the reference.

    ``ingest_bytes_per_second`` come in all the time, before reduction. ``quote`` is a data
    reduction ratio that a vendor promises for the first layout. ``speeds`` are those of codecs on
    the data. Raises StoreffError as ``size``.
    """
    from storeff.report.bench import Workload
    from storeff.report.benchmark import benchmark

    work = Workload(
        logical_bytes=_sizable_bytes(reduced),
        reduction=reduced.reduction,
        scan=reduced.scan,
        seed=reduced.seed,
        speeds=dict(speeds or {}),
        ingest_bytes_per_second=ingest_bytes_per_second,
    )
    return benchmark(
        work,
        storages,
        quote,
        today=date.today(),
        measure_again=measure_codes,
        on_layout=on_layout,
    )


def size_scenario(path: Path, *, measure_codes: bool = False) -> Sizing:
    """The one layout of the scenario in ``path``, a file that holds every input."""

    typed = Sized(load_scenario(path))
    return size_all([typed], 1, today=date.today(), measure_again=measure_codes)


def build_report(
    reduced: Reduced | None,
    sizing: Sizing | None = None,
    *,
    compared: Benchmark | None = None,
    command: Iterable[str] = (),
) -> Report:
    """The one document on all of it; ``reduced`` is None where a scenario was sized, ``compared``
    what ``bench`` gave. ``command`` is what the report names as the command that made it."""
    if reduced is None:
        return assemble(describe_run([*command], 1, datetime.now(UTC)), sizing=sizing)
    return assemble(
        describe_run(
            [*command], reduced.seed, reduced.started, reduced.kernel, reduced.plan_digest
        ),
        sizing=sizing,
        target_bytes=reduced.target_bytes,
        scan=reduced.scan,
        reduction=reduced.reduction,
        benchmark=compared,
    )
