"""storeff size: the later stages again, from a report or from typed-in figures."""

from datetime import date
from pathlib import Path

import click

from storeff.commands import EXIT_NOT_COVERED, EXIT_OK
from storeff.commands.deliver import Delivery, command_line
from storeff.commands.options import SizingOptions, sizing_options
from storeff.scan.machine import check_address_space


@click.command(
    epilog="""\b
Examples:
  storeff size report.json --target 80EB --layout rs-20-4 --drive qlc-245
  storeff size --scenario ex50.toml --json
  storeff size report.json --scenario cheaper.toml -o cheaper.json

\b
Of a REPORT, the scenario holds only the numbers that change:
  [drive]
  price = 19_000
  [layout]
  fill_limit = 0.8

\b
Exit codes:
  0 ok   1 error   2 usage   3 the scan did not cover everything"""
)
@click.argument("report", required=False, type=click.Path(path_type=Path))
@click.option(
    "--scenario",
    type=click.Path(path_type=Path),
    help="TOML file with every input typed in; with a REPORT, the numbers that change. Takes no "
    "other choice; with a REPORT, one --layout of it [default: its reference layout].",
)
@sizing_options
def command(
    report: Path | None, scenario: Path | None, sizing: SizingOptions, delivery: Delivery
) -> int:
    """Size storage from a REPORT that `scan` wrote, without reading the data again."""
    check_address_space()
    from storeff import analysis

    if report is None and scenario is None:
        raise click.UsageError("give a REPORT, --scenario FILE, or both")
    if report is not None and scenario is not None:
        return _changed(report, scenario, sizing, delivery)
    if scenario is not None:
        if sizing.given:
            raise click.UsageError(
                "--scenario holds everything: no --target, --layout, --drive, --site or --data"
            )
        delivery.check([scenario])
        reduced = None
        sized = analysis.size_scenario(scenario, measure_codes=sizing.measure_codes)
    else:
        assert report is not None
        storage = sizing.storage()
        delivery.check((report, *storage.files.values()))
        earlier = analysis.read_report(report)
        reduced = analysis.Reduced.of_report(earlier, target_bytes=sizing.target)
        if reduced.target_bytes is None and not sizing.layouts:
            raise click.UsageError(
                "the report has no target: give --target, or --layout to size the scanned bytes"
            )
        sized = analysis.size(reduced, storage, measure_codes=sizing.measure_codes)
    made = analysis.build_report(reduced, sized, command=command_line())
    delivery.deliver(made)
    return EXIT_OK if made.complete else EXIT_NOT_COVERED


def _changed(report: Path, changes: Path, sizing: SizingOptions, delivery: Delivery) -> int:
    """A layout of ``report`` beside what it becomes with the numbers of ``changes``."""
    from storeff.report.model import read_report
    from storeff.report.resized import resized
    from storeff.report.sections_resized import resized_sections

    if set(sizing.given) - {"layouts"} or len(sizing.layouts) > 1:
        raise click.UsageError(
            "with a REPORT, --scenario holds all that changes: give no more than one --layout of it"
        )
    delivery.check((report, changes))
    past, now = resized(
        read_report(report),
        changes,
        layout=next(iter(sizing.layouts), None),
        today=date.today(),
        command=command_line(),
    )
    delivery.deliver(now, resized_sections(past, now, full=delivery.full))
    return EXIT_OK if now.complete else EXIT_NOT_COVERED
