"""storeff guarantee: a vendor's promised data reduction beside what was measured."""

from fractions import Fraction
from pathlib import Path

import click

from storeff.commands import EXIT_OK
from storeff.commands.deliver import Delivery
from storeff.commands.options import delivering_options, layout_option
from storeff.commands.parameters import Promised
from storeff.scan.machine import check_address_space


@click.command(
    epilog="""\b
Examples:
  storeff guarantee report.json --promised 2:1
  storeff guarantee report.json --promised 4:1 --layout vast-146-4 -o g.json

\b
Exit codes:
  0 ok   1 error   2 usage"""
)
@click.argument("report", type=click.Path(path_type=Path))
@click.option(
    "--promised",
    type=Promised(),
    required=True,
    help="The data reduction that the vendor guarantees, such as 2:1.",
)
@layout_option
@delivering_options
def command(
    report: Path,
    promised: Fraction,
    layout: str | None,
    delivery: Delivery,
) -> int:
    """Say how likely a guaranteed data reduction is missed by what REPORT measured, by how much,
    and who pays for it under the usual remedies.

    The report that is written is REPORT with this added.
    """
    check_address_space()
    from storeff.report.guarantee import with_guarantee
    from storeff.report.model import read_report
    from storeff.report.sections_terms import guarantee_section

    delivery.check([report])
    made = with_guarantee(read_report(report), promised, layout=layout)
    assert made.guarantee is not None
    delivery.deliver(made, [guarantee_section(made.guarantee, made.currency)])
    return EXIT_OK
