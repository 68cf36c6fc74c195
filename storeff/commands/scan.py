"""storeff scan: the whole job, from files to drives, power and money."""

import os
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from storeff.commands import EXIT_INTERRUPTED, EXIT_NOT_COVERED, EXIT_OK
from storeff.commands.interrupt import stop_on_interrupt
from storeff.commands.options import Duration, Sample, Size, own_catalogues, sizing_options
from storeff.scan.machine import check_address_space, default_threads


@click.command(
    epilog="""\b
Examples:
  storeff scan /data --target 50EB
  storeff scan /data -x --exclude '*.tmp' --target 50EB -o report.json
  storeff scan /data --target 50EB --layout ceph-ec-8-3 --drive qlc-245 --json
  storeff scan /data --sample 1%          (or 64GiB, or ci=2%: until ±2 %)
  storeff scan /data --time-budget 20m    (whatever can be read in that time)
\b
Exit codes:
  0 ok   1 error   2 usage   3 finished, but something was not covered
  130 interrupted (Ctrl-C once): what was measured is reported; twice stops at once"""
)
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@sizing_options
@click.option("-x", "--one-file-system", is_flag=True, help="Do not leave the file system.")
@click.option(
    "--exclude",
    multiple=True,
    metavar="GLOB",
    help="Leave out matching names, or paths if it holds a slash; repeatable.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, 256),
    default=default_threads,
    show_default="all cores, or what the CPU quota pays for",
    help="Read and measure with up to this many; fewer where there is not the work or the memory.",
)
@click.option("--kernel", metavar="NAME", help="Native kernel to use, of those `doctor` lists.")
@click.option(
    "--read-rate",
    type=Size(),
    help="Read no more than this a second, all threads together, such as 500MB.",
)
@click.option(
    "--sample",
    type=Sample(),
    help="Read a part: 64GiB, 1%, or as much as an interval of ±2 % needs, ci=2%; 100% reads all "
    "[default: all if that takes a few minutes, else to ±5 % or for 10 minutes].",
)
@click.option(
    "--time-budget",
    type=Duration(),
    help="Read until 90s, 20m or 2h have passed; listing comes first.",
)
@click.option(
    "--similarity",
    is_flag=True,
    help="Also estimate what deltas between similar chunks, and XOR between checkpoints, would "
    "save. Measuring takes 1.3 times the CPU, and up to 3.6 GB are read again.",
)
@click.option("--seed", type=click.IntRange(0, 2**63 - 1), default=1, show_default=True)
@click.option("-q", "--quiet", is_flag=True, help="No progress on stderr.")
def command(
    sources: tuple[Path, ...],
    target: int | None,
    layouts: tuple[str, ...],
    drive: str,
    site: str,
    data_dir: Path | None,
    output: Path | None,
    as_json: bool,
    one_file_system: bool,
    exclude: tuple[str, ...],
    threads: int,
    kernel: str | None,
    read_rate: int | None,
    sample: Any,
    time_budget: float | None,
    similarity: bool,
    seed: int,
    quiet: bool,
) -> int:
    """Measure how far the files in SOURCES shrink and size storage for TARGET bytes like them.

    Every regular file is read once, or a sample of all if that would take long; nothing is written
    to SOURCES, no symbolic link followed, no device opened. Hard links and duplicate SOURCES are
    read once.
    """
    check_address_space()
    from datetime import UTC, datetime

    from storeff.commands.deliver import command_line, deliver, measured_layouts, today
    from storeff.commands.progress import shown_progress
    from storeff.estimate.reading import Goal, choose, read_towards
    from storeff.estimate.reduction import reduce
    from storeff.estimate.sampled import reduce_sampled
    from storeff.report.build import assemble, describe_run
    from storeff.report.scanned import describe_scan
    from storeff.scan.measurement import Measurement
    from storeff.scan.partial import Listing, PartialScan
    from storeff.scan.plan import Plan, Similarity
    from storeff.scan.run import scan
    from storeff.scan.sampled import Sampled
    from storeff.scan.units import Design

    started, clock = datetime.now(UTC), time.monotonic()
    plan = Plan(seed=seed, similarity=Similarity()) if similarity else Plan(seed=seed)
    stop = threading.Event()
    stop_on_interrupt(stop)
    extra = own_catalogues(data_dir)
    goal: Goal | None = sample
    if time_budget is not None:
        goal = replace(sample or Goal(), seconds=time_budget)
    if similarity:
        if goal not in (None, Goal(share=1.0)):
            raise click.UsageError("--similarity reads everything: no --sample or --time-budget")
        goal = Goal(share=1.0)
    choice: str | None = "read as far as was asked; --sample 100% reads everything"
    kernel = kernel or os.environ.get("STOREFF_KERNEL")
    measured: Measurement | Sampled
    with shown_progress(quiet) as progress:
        partial = PartialScan(
            Listing(sources, Design(seed=seed), one_file_system=one_file_system, exclude=exclude),
            plan,
            threads=threads,
            kernel=kernel,
            bytes_per_second=read_rate,
            stop=stop,
            on_progress=progress.scanning,
        )
        if goal == Goal(share=1.0):
            goal, choice = None, None
        else:
            if not partial.listing.count(stop, progress.scanning):
                choice = "interrupted while listing: this is about what had been listed by then"
            if goal is None:
                goal, choice = choose(partial)
        if goal is not None and not read_towards(partial, goal, clock):
            goal, choice = None, "everything was read: what was asked took more than half of it"
        if goal is None:
            # What it has listed would stay in memory beside the scan.
            del partial
            measured = scan(
                sources,
                plan,
                threads=threads,
                kernel=kernel,
                one_file_system=one_file_system,
                exclude=exclude,
                bytes_per_second=read_rate,
                stop=stop,
                on_progress=progress.scanning,
            )
            progress.phase("estimating")
            reduction = reduce(measured, target)
            if similarity and reduction.data_bytes:
                progress.phase("compressing similar chunks against each other")
                reduction = similar_measured(reduction, measured, threads, read_rate, stop)
        else:
            measured = partial.result()
            progress.phase("estimating")
            reduction = reduce_sampled(measured, target)
        seconds = time.monotonic() - clock
        logical_bytes = reduction.data_bytes if target is None else target
        sized: list[Any] = []
        if reduction.data_bytes and reduction.scope.floor.value is not None:
            sized = measured_layouts(
                reduction, logical_bytes, layouts, drive=drive, site=site, extra=extra, seed=seed
            )
        report = assemble(
            describe_run(command_line(), seed, started, measured.kernel, plan.digest()),
            today=today(),
            sized=sized,
            reference=layouts[0] if layouts and sized else None,
            target_bytes=target,
            scan=describe_scan(
                measured, [os.fspath(source) for source in sources], seconds, choice
            ),
            reduction=reduction,
            on_layout=lambda name: progress.phase(f"measuring the code of {name}"),
        )
    deliver(report, as_json=as_json, output=output)
    if stop.is_set():
        return EXIT_INTERRUPTED
    return EXIT_NOT_COVERED if measured.census.refusals else EXIT_OK


def similar_measured(
    reduction: Any, measurement: Any, threads: int, read_rate: int | None, stop: threading.Event
) -> Any:
    """``reduction`` with what deltas would save; reads what the measurement kept again."""
    from storeff.estimate.similarity import with_similarity
    from storeff.scan.siblings import measure_siblings
    from storeff.scan.similar import measure_deltas

    plan, similar = measurement.plan, measurement.similar
    deltas = measure_deltas(
        similar, plan.similarity, threads=threads, bytes_per_second=read_rate, stop=stop
    )
    siblings = measure_siblings(
        similar.tensors, plan.seed, threads=threads, bytes_per_second=read_rate, stop=stop
    )
    return with_similarity(reduction, measurement, deltas, siblings)
