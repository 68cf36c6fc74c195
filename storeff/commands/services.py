"""storeff services: what storage services earn, by list price and measured infrastructure."""

from decimal import Decimal, InvalidOperation
from fractions import Fraction
from pathlib import Path
from typing import Any

import click

from storeff.commands import EXIT_OK
from storeff.commands.deliver import Delivery
from storeff.commands.options import delivering_options
from storeff.commands.parameters import Percentage
from storeff.scan.machine import check_address_space

# Of a gigabyte-month; what is less or more was meant in another unit.
LEAST_COST, MOST_COST = Decimal("0.000001"), Decimal(1000)


class Cost(click.ParamType[Fraction]):
    """Money for a gigabyte-month: ``0.0207``."""

    name = "cost"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Fraction:
        try:
            cost = Decimal(str(value))
        except InvalidOperation:
            self.fail(f"{value!r} is not a cost; write 0.0207, of a GB and month", param, ctx)
        if not (cost.is_finite() and LEAST_COST <= cost <= MOST_COST):
            self.fail(f"{value!r} is not from {LEAST_COST} to {MOST_COST}", param, ctx)
        return Fraction(cost)


@click.command(
    epilog="""\b
Examples:
  storeff services
  storeff services report.json --margin 40%
  storeff services report.json --services ours.toml -o services.json

\b
Services of your own; utilisation is what is sold of what is provisioned:
  [archive]
  price_per_gb_month = 0.012
  share_of_logical = 0.6
  utilisation = 0.8
  software_per_gb_month = 0.001

\b
Exit codes:
  0 ok   1 error   2 usage"""
)
@click.argument("report", required=False, type=click.Path(path_type=Path))
@click.option(
    "--services",
    "own_services",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Services of your own in place of the catalogue; of one that has the name of a "
    "catalogued one, what is left out is as there.",
)
@click.option(
    "--cost",
    type=Cost(),
    help="What storing a logical GB for a month costs where no layout is sized [default: 0.0207].",
)
@click.option(
    "--margin",
    type=Percentage(),
    default="0%",
    show_default=True,
    help="The margin that prices and costs are solved for.",
)
@delivering_options
def command(
    report: Path | None,
    own_services: Path | None,
    cost: Fraction | None,
    margin: float,
    delivery: Delivery,
) -> int:
    """Say what storage services earn at their prices: at one stated cost of infrastructure, and
    with REPORT on each layout that it sizes for the measured data.

    The report that is written is REPORT with this added.
    """
    check_address_space()
    from storeff.report.model import read_report
    from storeff.report.sections_services import service_sections
    from storeff.report.services import with_services

    if not 0 <= margin < 1:
        raise click.BadParameter("give 0% or more, and less than 100%", param_hint="--margin")
    delivery.check([each for each in (report, own_services) if each is not None])
    made = with_services(
        None if report is None else read_report(report),
        own_services,
        stated_cost=cost,
        target_margin=Fraction(str(margin)),
    )
    assert made.services is not None
    delivery.deliver(
        made, service_sections(made.services, made.reference_layout, full=delivery.full)
    )
    return EXIT_OK
