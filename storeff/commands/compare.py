"""storeff compare: what changed between reports, and why."""

import os
from pathlib import Path

import click

from storeff.commands import EXIT_OK
from storeff.scan.machine import check_address_space


@click.command(
    epilog="""\b
Examples:
  storeff compare last-month.json today.json
  storeff compare today.json with-qlc-245.json with-own-prices.json --json

\b
Exit codes:
  0 ok, whatever changed   1 error   2 usage"""
)
@click.argument("baseline", type=click.Path(path_type=Path))
@click.argument("reports", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Result as JSON on stdout.")
@click.option("--full", is_flag=True, help="Show every row, not the first of each table only.")
def command(baseline: Path, reports: tuple[Path, ...], as_json: bool, full: bool) -> int:
    """Say what changed from BASELINE to each of REPORTS, and why, in bytes, drives and money.

    Figures whose 95 % intervals overlap are not called changes."""
    check_address_space()
    from storeff.report.changes import compare
    from storeff.report.model import document_json, read_report
    from storeff.report.sections_changes import compared_sections
    from storeff.report.terminal import show
    from storeff.sources.names import printable

    named = [(printable(os.fsencode(path)), read_report(path)) for path in (baseline, *reports)]
    compared = compare(named)
    if as_json:
        click.echo(document_json(compared), nl=False)
    else:
        show(*compared_sections(compared, full=full))
    return EXIT_OK
