"""What ``storeff scan --shard`` does: measures a shard, and writes its part."""

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from storeff.commands import EXIT_NOT_COVERED, EXIT_OK
from storeff.commands.deliver import Delivery
from storeff.errors import UsageError
from storeff.interrupts import EXIT_INTERRUPTED

if TYPE_CHECKING:
    from storeff.analysis import Storage
    from storeff.sources.source import Source


def write_shard(
    sources: "Sequence[str] | Source",
    shard: tuple[int, int],
    delivery: Delivery,
    storage: "Storage | None",
    stop: threading.Event,
    quiet: bool,
    **reading: Any,
) -> int:
    """Measure ``shard`` of ``sources`` and write its part where ``delivery`` puts a report.

    ``reading`` are arguments of measure_shard(), by their own names. Raises UsageError for what
    only a report can have.
    """
    from storeff.commands.progress import shown_progress
    from storeff.parts import measure_shard

    output = delivery.output
    if output is None or delivery.others or delivery.as_json or delivery.full:
        raise UsageError(
            "a shard gives a part, and no report",
            "name one file for it with -o; storeff merge makes the report of all parts",
        )
    if reading.pop("similarity"):
        raise UsageError(
            "similar chunks are compared with those of all shards, which none has at hand",
            "ask for similarity without shards",
        )
    if reading.pop("rewrites"):
        raise UsageError(
            "what rewriting leaves is kept in no part", "ask for rewrites without shards"
        )
    with shown_progress(quiet) as progress:
        part = measure_shard(
            sources,
            shard,
            storage=storage,
            stop=stop,
            on_progress=progress.scanning,
            on_phase=progress.phase,
            **reading,
        )
    if part is None:
        click.echo("storeff: interrupted: no part is written, run this shard again", err=True)
        return EXIT_INTERRUPTED
    output.write(part.to_bytes())
    click.echo(f"part: {output.shown}", err=True)
    return EXIT_NOT_COVERED if part.measurement.census.skipped else EXIT_OK
