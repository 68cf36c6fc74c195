"""storeff scan: the whole job, from files to drives, power and money."""

import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click

from storeff.commands import EXIT_INTERRUPTED, EXIT_NOT_COVERED, EXIT_OK
from storeff.commands.interrupt import stop_on_interrupt
from storeff.commands.options import (
    Duration,
    Glob,
    Sample,
    Size,
    own_catalogues,
    pick,
    sizing_options,
)
from storeff.commands.output import Output
from storeff.scan.machine import check_address_space, default_threads

THREADS_MAX = 256


@click.command(
    epilog="""\b
Examples:
  storeff scan /data                   (how far it shrinks, what that saves)
  storeff scan /data --target 50EB     (and what 50 EB like it would need)
  storeff scan /data -x --exclude '*.tmp' --target 50EB -o report.json
  storeff scan /data -o - | jq .reduction.headline
  storeff scan /data --target 50EB --layout ceph-ec-8-3 --drive qlc-245 --json
  storeff scan /data --sample 1%          (or 64GiB, or ci=2%: until ±2 %)
  storeff scan /data --time-budget 20m    (whatever can be read in that time)

\b
Exit codes:
  0 ok   1 error   2 usage
  3 finished, but not all was covered, or too little for any figure
  130 interrupted: what was measured is reported; a second one stops at once"""
)
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@sizing_options
@click.option("-x", "--one-file-system", is_flag=True, help="Do not leave the file system.")
@click.option(
    "--exclude",
    multiple=True,
    type=Glob(),
    help="Leave out matching names, or paths if it holds a slash; repeatable.",
)
@click.option(
    "--follow-links",
    is_flag=True,
    help="Let a symbolic link count as a name of the file or directory under SOURCES that it leads "
    "to; one that leads elsewhere is not covered.",
)
@click.option(
    "--threads",
    type=click.IntRange(1, THREADS_MAX),
    default=lambda: min(THREADS_MAX, default_threads()),
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
    output: Output | None,
    as_json: bool,
    one_file_system: bool,
    exclude: tuple[str, ...],
    follow_links: bool,
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
    to SOURCES, no symbolic link followed, no device opened. Hard links, duplicate SOURCES and what
    is mounted at several places are read once, and belong to every source that names them.
    """
    check_address_space()
    from storeff.commands.deliver import check_output, chosen_scenarios

    # What was asked for is looked at before anything is read, or slow to import.
    started, clock = datetime.now(UTC), time.monotonic()
    extra = own_catalogues(data_dir)
    check_output(
        output, (*sources, *extra.values()), exclude=exclude, one_file_system=one_file_system
    )
    scenarios = chosen_scenarios(layouts, drive=drive, site=site, extra=extra)
    kernel = chosen_kernel(kernel)
    reads_everything = time_budget is None and sample in (None, {"share": 1.0})
    if similarity and not reads_everything:
        raise click.UsageError("--similarity reads everything: no --sample or --time-budget")

    from storeff.commands.deliver import command_line, deliver, today
    from storeff.commands.progress import shown_progress
    from storeff.estimate.reading import Goal, choose, read_towards
    from storeff.estimate.reduction import reduce
    from storeff.estimate.sampled import reduce_sampled
    from storeff.report.build import assemble, describe_run
    from storeff.report.scanned import describe_scan
    from storeff.report.sizing import sized_for, supports_sizing
    from storeff.scan.partial import Listing, PartialScan
    from storeff.scan.plan import Plan, Similarity
    from storeff.scan.run import scan
    from storeff.scan.sampling import SamplingDesign
    from storeff.sources.listed_once import ListedOnce
    from storeff.sources.tree import LocalTree

    plan = Plan(seed=seed, similarity=Similarity()) if similarity else Plan(seed=seed)
    goal: Goal | None = None
    if similarity or sample or time_budget:
        goal = Goal(**({"share": 1.0} if similarity else sample or {}), seconds=time_budget)
    choice: str | None = "read as far as was asked; --sample 100% reads everything"
    stop = threading.Event()
    stop_on_interrupt(stop)
    interrupted: Any = None
    source: Any = LocalTree(
        sources, one_file_system=one_file_system, exclude=exclude, follow_links=follow_links
    )
    if goal != Goal(share=1.0):
        source = ListedOnce(source)
    with shown_progress(quiet) as progress:
        partial = PartialScan(
            Listing(source, SamplingDesign(seed=seed)),
            plan,
            threads=threads,
            kernel=kernel,
            bytes_per_second=read_rate,
            stop=stop,
            on_progress=progress.scanning,
        )
        if goal == Goal(share=1.0):
            goal, choice = None, None
        elif not partial.listing.count(stop, progress.scanning):
            interrupted = "listing"
        else:
            if goal is None:
                goal, choice = choose(partial)
            if goal is not None and not read_towards(partial, goal, clock):
                goal, choice = None, "everything was read: what was asked took more than half of it"
            # What a scan of everything would begin with now, the interrupt has forbidden.
            interrupted = "reading" if stop.is_set() else None
        if goal is None and interrupted is None:
            # What it knows of the files would stay in memory beside the scan.
            del partial
            measured = scan(
                source,
                plan,
                threads=threads,
                kernel=kernel,
                bytes_per_second=read_rate,
                stop=stop,
                on_progress=progress.scanning,
            )
            if "interrupted" in measured.census.skipped:
                interrupted = "reading"
            progress.phase("estimating")
            reduction = reduce(measured, target)
            if similarity and reduction.data_bytes and interrupted is None:
                progress.phase("compressing similar chunks against each other")
                reduction = similar_measured(source, reduction, measured, threads, read_rate, stop)
                interrupted = "comparing" if stop.is_set() else None
        else:
            measured = partial.result()
            progress.phase("estimating")
            reduction = reduce_sampled(measured, target)
        if interrupted in ("listing", "reading"):
            choice = f"interrupted while {interrupted}; less was read than was to be"
        seconds = time.monotonic() - clock
        scanned = describe_scan(
            measured, [os.fspath(source) for source in sources], seconds, choice, interrupted
        )
        sized: list[Any] = []
        if (layouts or target is not None) and supports_sizing(reduction):
            logical_bytes = reduction.data_bytes if target is None else target
            sized = [sized_for(reduction, logical_bytes, each, seed, scanned) for each in scenarios]
        report = assemble(
            describe_run(command_line(), seed, started, measured.kernel, plan.digest()),
            today=today(),
            sized=sized,
            reference=layouts[0] if layouts and sized else None,
            target_bytes=target,
            scan=scanned,
            reduction=reduction,
            shelf_life=extra.get("shelf_life"),
            on_layout=lambda name: progress.phase(f"measuring the code of {name}"),
        )
    deliver(report, as_json=as_json, output=output)
    if stop.is_set():
        return EXIT_INTERRUPTED
    return EXIT_OK if report.complete else EXIT_NOT_COVERED


def chosen_kernel(name: str | None) -> str | None:
    """The native kernel that is asked for, by --kernel or else the environment; None: any."""
    from storeff.scan.run import kernels

    option = "--kernel" if name else "STOREFF_KERNEL"
    name = name or os.environ.get("STOREFF_KERNEL")
    return pick({known: known for known in kernels()}, name, option) if name else None


def similar_measured(
    source: Any,
    reduction: Any,
    measurement: Any,
    threads: int,
    read_rate: int | None,
    stop: threading.Event,
) -> Any:
    """``reduction`` with what deltas would save; reads what the measurement kept again."""
    from storeff.estimate.similarity import with_similarity
    from storeff.scan.siblings import measure_siblings
    from storeff.scan.similar import measure_deltas

    plan, similar = measurement.plan, measurement.similar
    deltas = measure_deltas(
        source, similar, plan.similarity, threads=threads, bytes_per_second=read_rate, stop=stop
    )
    siblings = measure_siblings(
        source, similar.tensors, plan.seed, threads=threads, bytes_per_second=read_rate, stop=stop
    )
    return with_similarity(reduction, measurement, deltas, siblings)
