"""storeff commit: how much to commit to, and who bears what, for a layout of a report."""

from pathlib import Path

import click

from storeff.commands import EXIT_OK
from storeff.commands.deliver import Delivery
from storeff.commands.options import delivering_options, layout_option
from storeff.commands.parameters import Size
from storeff.scan.machine import check_address_space


@click.command(
    epilog="""\b
Examples:
  storeff commit report.json
  storeff commit report.json --terms micron-2026 --layout vast-146-4
  storeff commit report.json --terms ours.toml --commit 40EB -o committed.json

\b
Terms of your own, of which what is left out is as in the catalogue:
  [ours]
  price_per_tb = 220
  shortfall_per_tb = 330
  surplus_per_tb = 90
  demand = { value = 1, low = 0.8, high = 1.2 }
  term_years = 5
  make_up_years = 2

\b
Exit codes:
  0 ok   1 error   2 usage"""
)
@click.argument("report", type=click.Path(path_type=Path))
@click.option(
    "--terms",
    metavar="NAME|FILE",
    help="Terms of a public agreement (micron-2026, sandisk-2026, hpe-2026), or a TOML file of "
    "your own [default: what is assumed of the market, at the report's price of a drive].",
)
@click.option(
    "--commit",
    "commitment",
    type=Size(),
    help="Raw bytes of drives to commit to, such as 40EB [default: those of least expected cost].",
)
@layout_option
@delivering_options
def command(
    report: Path,
    terms: str | None,
    commitment: int | None,
    layout: str | None,
    delivery: Delivery,
) -> int:
    """Say how much of what REPORT sizes to commit to, under which form of contract, and who loses
    what if less or more is needed.

    The report that is written is REPORT with this added.
    """
    check_address_space()
    from storeff.economics.agreements import choose_terms
    from storeff.report.commitment import with_commitment
    from storeff.report.model import read_report
    from storeff.report.sections_terms import commitment_sections

    delivery.check([report])
    made = with_commitment(
        read_report(report), choose_terms(terms), layout=layout, commitment_bytes=commitment
    )
    assert made.commitment is not None
    delivery.deliver(made, commitment_sections(made.commitment, made.currency, full=delivery.full))
    return EXIT_OK
