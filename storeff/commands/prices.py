"""storeff prices: what everything costs that is bought, of when, and what rests on it."""

from pathlib import Path

import click

from storeff.commands import EXIT_OK
from storeff.commands.options import data_option
from storeff.scan.machine import check_address_space


@click.command(
    epilog="""\b
Examples:
  storeff prices
  storeff prices report.json      (those of a report, their part of its cost)
  storeff prices --data ./ours    (with your own drives.toml, sites.toml, ...)
  storeff prices report.json --json

\b
Exit codes:
  0 ok   1 error   2 usage"""
)
@click.argument("report", required=False, type=click.Path(path_type=Path))
@data_option
@click.option("--json", "as_json", is_flag=True, help="JSON on stdout.")
def command(report: Path | None, data_dir: Path | None, as_json: bool) -> int:
    """List the prices of the catalogues, or those that REPORT rests on, with range, basis and age.

    Of a report, each with its part of the 5-year cost of the reference layout: by how many per cent
    that rises with 1 % of the price.
    """
    check_address_space()
    from datetime import date

    from storeff.data import load_shelf_life
    from storeff.economics.catalogues import PRICED, load_named, own_catalogues
    from storeff.report.catalogue import print_json
    from storeff.report.model import read_report
    from storeff.report.page import Paragraph
    from storeff.report.prices import price_table, prices_in, prices_of, report_parts, standing
    from storeff.report.terminal import show

    files = own_catalogues(data_dir)
    today, life = date.today(), load_shelf_life(files.get("shelf_life"))
    if report is not None:
        document = read_report(report)
        found = prices_in(document, today, life)
        parts = list(report_parts(document, found))
    else:
        loaded = [load_named(name, files.get(name)) for name in PRICED]
        entries = [entry for catalogue in loaded for entry in catalogue.values()]
        found = list(prices_of(entries, today, life))
        parts = [price_table(found), standing(found)]
    if as_json:
        print_json({each.path: each for each in found})
    else:
        show(*parts, Paragraph("Sources: --json. Your own prices: --data."))
    return EXIT_OK
