"""storeff scan: the whole job, from files to drives, power and money."""

import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storeff.commands import EXIT_NOT_COVERED, EXIT_OK, importing
from storeff.commands.deliver import Delivery, report_on
from storeff.commands.interrupt import stop_on_interrupt
from storeff.commands.options import (
    SizingOptions,
    objects_options,
    quiet_option,
    seed_option,
    sizing_options,
)
from storeff.commands.output import Output
from storeff.commands.parameters import (
    TABLES,
    Choice,
    Duration,
    Glob,
    Percentage,
    Sample,
    Shard,
    Size,
)
from storeff.errors import UsageError
from storeff.interrupts import EXIT_INTERRUPTED
from storeff.scan.machine import THREADS_MAX, check_address_space

if TYPE_CHECKING:
    from storeff.sources.source import Source


@click.command(
    epilog="""\b
Examples:
  storeff scan /data                   (how far it reduces, what that saves)
  storeff scan /data --target 50EB     (and what 50 EB like it would need)
  storeff scan /data -x --exclude '*.tmp' --target 50EB -o report.json
  storeff scan /data -o - | jq .reduction.headline
  storeff scan /data --target 50EB --layout ceph-ec-8-3 --drive qlc-245 --json
  storeff scan /data --sample 1%          (or 64GiB, or ci=2%: until ±2 %)
  storeff scan /data --time-budget 20m    (whatever can be read in that time)
  storeff scan /data --table full --precision 0.5%  (all figures, surer)
  storeff scan /data --shard 3/7 -o three.part    (see storeff merge)
  storeff scan /data --checkpoint state --resume  (goes on where it ended)
  storeff scan /data --executor dask:tcp://host:8786
  storeff scan s3://bucket/prefix --target 50EB  (or gs://, az://)
  storeff scan s3://bucket/prefix --dry-run      (what it would take and cost)
  find /data -size +1G -print0 | storeff scan --files-from - --from0
  storeff scan s3://bucket --inventory s3://lists/daily/manifest.json

\b
Exit codes:
  0 ok   1 error   2 usage
  3 finished, but not all was covered, or too little for a figure
  130 interrupted: what was measured is reported; a second one stops at once"""
)
@click.argument("sources", nargs=-1, type=click.Path())
@click.option(
    "--files-from",
    metavar="FILE",
    help="Scan the files that FILE names, one a line, or the objects, by their URLs, in place of "
    "SOURCES; - is stdin. Directories in it are not entered.",
)
@click.option(
    "-0",
    "--from0",
    is_flag=True,
    help="Names in --files-from end at a NUL, as find -print0 writes them.",
)
@click.option(
    "--inventory",
    metavar="MANIFEST",
    help="List nothing: take what there is of SOURCES from an S3 Inventory, of which this is the "
    "manifest.json, a file or a URL. It may be in CSV, Parquet or ORC.",
)
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
    help="Read and measure with up to this many; fewer where there is not the work or the memory "
    "[default: all cores, or what the CPU quota pays for].",
)
@click.option(
    "--kernel",
    metavar="NAME",
    envvar="STOREFF_KERNEL",
    help="Native kernel to use, of those `doctor` lists.",
)
@click.option(
    "--read-rate",
    "bytes_per_second",
    type=Size(),
    help="Read no more than this a second, all threads together, such as 500MB.",
)
@objects_options
@click.option(
    "--sample",
    type=Sample(),
    help="Read a part, if that takes less time than everything: 64GiB, 1%, or as much as an "
    "interval of ±2 % needs, ci=2%; 100% reads all [default: all if that takes a few minutes, else "
    "to ±5 % or for 10 minutes].",
)
@click.option(
    "--time-budget",
    type=Duration(),
    help="Answer when 90s, 20m or 2h have passed, by what can be read until then; listing comes "
    "first.",
)
@click.option(
    "--table",
    type=Choice(TABLES),
    default="default",
    show_default=True,
    help="What to compress chunks for: default is what the built-in layouts and those that are "
    "sized need, full every chunker with every codec. Duplicates are counted for every chunker.",
)
@click.option(
    "--precision",
    type=Percentage(),
    default="1%",
    show_default=True,
    help="Compress as many chunks as the 95 % interval of the headline needs to be ± this, and "
    "that of every other figure ± twice this.",
)
@click.option(
    "--similarity",
    is_flag=True,
    help="Also estimate what deltas between similar chunks, and XOR between checkpoints, would "
    "save. Measuring takes 1.3 times the CPU, and up to 3.6 GB are read again.",
)
@click.option(
    "--rewrites",
    is_flag=True,
    help="Also measure what a sample of tables and tensors would take if their application wrote "
    "them otherwise (CSV as Parquet, floats in byte planes). A scenario: no other figure changes.",
)
@click.option(
    "--shard",
    type=Shard(),
    help="Measure shard i of N and write its part to -o, to be merged with those of all others by "
    "storeff merge. Count i from 1, or from 0.",
)
@click.option(
    "--checkpoint",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    help="Keep in DIR what is measured, so that a scan that was killed can be resumed.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with what stands in the --checkpoint, if there is something yet.",
)
@click.option(
    "--executor",
    metavar="NAME",
    help="Where to measure: threads:N, processes:N, dask:ADDRESS or dask:FILE (that the scheduler "
    "wrote), or module:factory, which returns a concurrent.futures.Executor [default: threads].",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Say what the scan would read, how long it would take and what a cloud would ask for it, "
    "and read nothing but the listing and a little to see how fast that is.",
)
@seed_option
@quiet_option
def command(
    sources: tuple[str, ...],
    files_from: str | None,
    from0: bool,
    inventory: str | None,
    sizing: SizingOptions,
    delivery: Delivery,
    sample: dict[str, Any] | None,
    time_budget: float | None,
    shard: tuple[int, int] | None,
    dry_run: bool,
    quiet: bool,
    **reading: Any,
) -> int:
    """Measure how far the files in SOURCES reduce, and size storage for TARGET bytes like them.

    SOURCES are files, directories, or URLs of object stores; --files-from names single files in
    their place. Every regular file or object is read once, or a sample of all if that would take
    long; nothing is written to SOURCES, no symbolic link followed, no device opened. Hard links,
    duplicate SOURCES and what is mounted at several places are read once, and belong to every
    source that names them.
    """
    # ``reading`` are arguments of measure(), by their own names.
    check_address_space()
    with importing():
        from storeff import analysis
        from storeff.commands.progress import shown_progress
        from storeff.sources.object_url import is_url

    # What was asked for is looked at before anything is read.
    storage = sizing.storage() if sizing.given else None
    local = [Path(source) for source in sources if not is_url(source)]
    listed: Source | None = None
    lists: list[Path] = []
    if files_from is not None or inventory is not None or from0 or not sources:
        with shown_progress(quiet) as progress:
            progress.phase("reading the list")
            listed, lists = _listed(sources, files_from, from0, inventory, delivery, reading)
    delivery.check(
        (*local, *lists, *(storage.files.values() if storage else ())),
        exclude=reading["exclude"],
        one_file_system=reading["one_file_system"],
    )
    if reading["checkpoint"] is not None:
        kept = Output(str(reading["checkpoint"] / "scan.part"), "--checkpoint")
        for each in local:
            kept.check_is_not_read(each, reading["exclude"], reading["one_file_system"])
    sampling = analysis.Sampling(**(sample or {}), seconds=time_budget)
    stop = threading.Event()
    stop_on_interrupt(stop)
    if shard is not None:
        from storeff.commands.sharded import write_shard

        given = [reading.pop(name) for name in ("checkpoint", "executor", "resume")]
        if dry_run:
            raise UsageError("a dry run is of everything", "leave --shard out")
        if any(given):
            raise UsageError(
                "a shard is measured here, and at once",
                "divide it into more shards; or use an executor and a checkpoint without --shard",
            )
        return write_shard(
            listed or sources, shard, delivery, storage, stop, quiet, sampling=sampling, **reading
        )
    if dry_run:
        return _foresee(
            listed or sources,
            delivery,
            quiet,
            sampling=sampling,
            storage=storage,
            stop=stop,
            **reading,
        )
    with shown_progress(quiet) as progress:
        measured = analysis.measure(
            listed or sources,
            sampling=sampling,
            **reading,
            storage=storage,
            stop=stop,
            on_progress=progress.scanning,
            on_phase=progress.phase,
            on_answer=None if quiet else progress.answer,
        )
        report = report_on(measured, sizing, storage, progress)
    delivery.deliver(report)
    if stop.is_set():
        return EXIT_INTERRUPTED
    return EXIT_OK if report.complete else EXIT_NOT_COVERED


def _listed(
    sources: tuple[str, ...],
    files_from: str | None,
    from0: bool,
    inventory: str | None,
    delivery: Delivery,
    reading: dict[str, Any],
) -> "tuple[Source, list[Path]]":
    """The source that a list makes, and files that are read for it or by it and may be no output.

    A list is of whole names, so that SOURCES beside it could only mean other data, or folders that
    names are relative to, as other tools have it: neither is guessed at.
    """
    from storeff.sources.name_list import NameList
    from storeff.sources.named import inventoried_source, listed_source
    from storeff.sources.object_url import is_url

    asked = {
        name: reading[name] for name in ("access", "exclude", "one_file_system", "follow_links")
    }
    if files_from is None and from0:
        raise UsageError("there is no list whose names could end at a NUL", "give --files-from")
    if files_from is not None and inventory is not None:
        raise UsageError("--files-from and --inventory are two lists", "give one of them")
    if inventory is not None:
        made = inventoried_source(sources, inventory, **asked)
        return made, [] if is_url(inventory) else [Path(inventory)]
    if files_from is None:
        raise UsageError("nothing is named to be scanned", "name SOURCES, or give --files-from")
    if sources:
        raise UsageError(
            "--files-from is given, and SOURCES as well",
            "scan one of them; names in the list are taken from the current directory",
        )
    names = NameList(files_from, nul_separated=from0)
    outputs = [each for each in (delivery.output, *delivery.others.values()) if each is not None]
    lists = [] if files_from == "-" else [Path(files_from)]
    there = [each.path for each in outputs if os.path.isfile(each.path)]
    lists += [Path(each) for each in there if names.holds(os.fsencode(each))]
    return listed_source(names, **asked), lists


def _foresee(
    sources: "tuple[str, ...] | Source", delivery: Delivery, quiet: bool, **asked: Any
) -> int:
    """What the scan would do; the exit code."""
    import msgspec

    from storeff.commands.progress import shown_progress
    from storeff.dry_run import foresee
    from storeff.errors import UsageError
    from storeff.report.foreseen import parts
    from storeff.report.terminal import show
    from storeff.text import escaped_json

    if delivery.output or delivery.others:
        raise UsageError("a dry run makes no report to be written", "give --json, or neither")
    with shown_progress(quiet) as progress:
        found = foresee(sources, on_progress=progress.scanning, **asked)
    if delivery.as_json:
        document = msgspec.json.format(msgspec.json.encode(found), indent=2)
        click.echo(escaped_json(document))
    else:
        show(*parts(found))
    return EXIT_NOT_COVERED if found.skipped else EXIT_OK
