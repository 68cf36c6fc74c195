"""storeff merge: the report of a scan whose shards were measured apart."""

from pathlib import Path

import click

from storeff.commands import EXIT_NOT_COVERED, EXIT_OK
from storeff.commands.deliver import Delivery, report_on
from storeff.commands.options import SizingOptions, quiet_option, sizing_options

# Of shards that are missing so many are named.
NAMED = 20


@click.command(
    epilog="""\b
Examples:
  storeff scan /data --shard 1/2 -o one.part     (here)
  storeff scan /data --shard 2/2 -o two.part     (elsewhere, at any time)
  storeff merge one.part two.part --target 50EB -o report.json

\b
Exit codes:
  0 ok   1 error   2 usage
  3 merged, but a shard is missing, or not all was covered"""
)
@click.argument("parts", nargs=-1, required=True, type=click.Path(path_type=Path))
@sizing_options
@quiet_option
def command(parts: tuple[Path, ...], sizing: SizingOptions, delivery: Delivery, quiet: bool) -> int:
    """Give the report that one scan would have given of what PARTS are of.

    A part is what storeff scan --shard wrote. The order of PARTS does not matter, and one that is
    given twice counts once. Shards that are missing are named, with what they hold.
    """
    from storeff import parts as parted
    from storeff.commands.progress import shown_progress

    storage = sizing.storage() if sizing.given else None
    delivery.check((*parts, *(storage.files.values() if storage else ())))
    with shown_progress(quiet) as progress:
        progress.phase("reading parts")
        read = {str(path): parted.read_part(path) for path in parts}
        report = report_on(parted.merge(read, storage=storage), sizing, storage, progress)
    missing = parted.missing_shards(read.values())
    if missing:
        more = len(missing) - NAMED
        names = ", ".join(missing[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
        click.echo(f"missing shards: {names}", err=True)
    delivery.deliver(report)
    return EXIT_OK if report.complete else EXIT_NOT_COVERED
