"""storeff bench: storage layouts beside each other, on the buyer's own data."""

import threading
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from storeff.commands import EXIT_NOT_COVERED, EXIT_OK, importing
from storeff.commands.deliver import Delivery, command_line
from storeff.commands.interrupt import stop_on_interrupt
from storeff.commands.options import SizingOptions, comparing_options, quiet_option, seed_option
from storeff.commands.parameters import TABLES, Choice, Promised, Sample, Size
from storeff.errors import StoreffError
from storeff.interrupts import EXIT_INTERRUPTED
from storeff.scan.machine import check_address_space

if TYPE_CHECKING:
    from storeff.analysis import Reduced, Storage

# What tells a report from data, near its beginning.
REPORT_MARK = b'"schema_version"'


class Rate(Size):
    """Bytes a second: ``1TB/s``."""

    name = "rate"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        if isinstance(value, str):
            value = value.strip().removesuffix("/s")
        return super().convert(value, param, ctx)


@click.command(
    epilog="""\b
Examples:
  storeff bench /data --target 50EB            (scans, then compares)
  storeff bench report.json --target 50EB      (without reading the data)
  storeff bench report.json --durability 13nines --reduction shipped
  storeff bench report.json --layout vast-146-4 --quote ratio=2.5
  storeff bench report.json --layouts ours.toml --drive qlc-122 --full

\b
Exit codes:
  0 ok   1 error   2 usage   3 the scan did not cover everything"""
)
@click.argument("sources", nargs=-1, required=True, type=click.Path(path_type=Path))
@comparing_options
@click.option(
    "--ingest",
    type=Rate(),
    help="What comes in all the time, before reduction, such as 1TB/s: for CPU cores, and drive "
    "writes against what drives are rated for.",
)
@click.option(
    "--quote",
    type=Promised(),
    help="A vendor's promise for the first --layout, such as ratio=2.5: how far from what was "
    "measured, in drives and money, and how likely.",
)
@click.option(
    "--table",
    type=Choice(TABLES),
    default="full",
    show_default=True,
    help="What to compress chunks for, where data is scanned.",
)
@click.option(
    "--sample", type=Sample(), help="Read a part, where data is scanned: as of storeff scan."
)
@seed_option
@quiet_option
def command(
    sources: tuple[Path, ...],
    sizing: SizingOptions,
    delivery: Delivery,
    ingest: int | None,
    quote: Fraction | None,
    quiet: bool,
    **reading: Any,
) -> int:
    """Compare storage layouts on kinds of drives, at equal durability, on your own data.

    SOURCES are files and directories to scan, or one report that scan wrote.
    """
    check_address_space()
    with importing():
        from storeff import analysis
        from storeff.commands.progress import shown_progress

    storages = _storages(sizing)
    files = list(storages[0].files.values())
    delivery.check((*sources, *files))
    stop = threading.Event()
    stop_on_interrupt(stop)
    with shown_progress(quiet) as progress:
        speeds = None
        if len(sources) == 1 and is_report(sources[0]):
            earlier = analysis.read_report(sources[0])
            reduced = analysis.Reduced.of_report(earlier, target_bytes=sizing.target)
            speeds = None if earlier.bench is None else earlier.bench.speeds
        else:
            reduced, speeds = _scanned(sources, sizing, storages, reading, stop, progress)
        compared = None
        if not stop.is_set():
            compared = analysis.bench(
                reduced,
                storages,
                ingest_bytes_per_second=ingest,
                quote=quote,
                speeds=speeds,
                measure_codes=sizing.measure_codes,
                on_layout=lambda name: progress.phase(f"sizing {name}"),
            )
        made = analysis.build_report(reduced, compared=compared, command=command_line())
    delivery.deliver(made)
    if stop.is_set():
        return EXIT_INTERRUPTED
    return EXIT_OK if made.complete else EXIT_NOT_COVERED


def is_report(path: Path) -> bool:
    """Whether ``path`` is a report and no data to scan."""
    try:
        with path.open("rb") as file:
            return REPORT_MARK in file.read(200)
    except IsADirectoryError:
        return False
    except OSError as error:
        raise StoreffError(f"cannot read {path}: {error.strerror}") from error


def _storages(sizing: SizingOptions) -> "list[Storage]":
    """What to size on each kind of drive that was named, or on all flash that has a price."""
    from storeff.economics import load_drives
    from storeff.economics.catalogues import own_catalogues

    drives = sizing.drives
    if not drives:
        known = load_drives(own_catalogues(sizing.data_dir).get("drives"))
        drives = tuple(
            name
            for name, drive in known.items()
            if drive.media == "flash" and drive.price.value is not None
        )
    return [sizing.storage(drive) for drive in dict.fromkeys(drives)]


def _scanned(
    sources: tuple[Path, ...],
    sizing: SizingOptions,
    storages: "list[Storage]",
    reading: dict[str, Any],
    stop: threading.Event,
    progress: Any,
) -> "tuple[Reduced, Any]":
    """The reduction of what is in ``sources``, and how fast codecs are on it."""
    from storeff import analysis

    measured = analysis.measure(
        sources,
        sampling=analysis.Sampling(**(reading.pop("sample") or {})),
        **reading,
        storage=storages[0],
        speeds=True,
        stop=stop,
        on_progress=progress.scanning,
        on_phase=progress.phase,
    )
    progress.phase("estimating")
    return analysis.reduce(measured, target_bytes=sizing.target), measured.speeds
