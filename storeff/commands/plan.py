"""storeff plan: what to take from whom in which quarter."""

from datetime import date
from pathlib import Path

import click

from storeff.commands import EXIT_OK
from storeff.commands.options import layout_option
from storeff.commands.output import Output
from storeff.scan.machine import check_address_space


@click.command(
    epilog="""\b
Examples:
  storeff plan report.json --demand demand.toml --offers offers.toml
  storeff plan report.json --demand d.toml --offers o.toml -o plan.json
  storeff report plan.json --to html -o plan.html

\b
Exit codes:
  0 ok, in time or not   1 error   2 usage"""
)
@click.argument("report", type=click.Path(path_type=Path))
@click.option(
    "--demand",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="TOML file: raw bytes needed by quarter, or growth, and their range; power and space.",
)
@click.option(
    "--offers",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="TOML file: offers with caps and prices by quarter, lead times, deposits.",
)
@layout_option
@click.option(
    "--data",
    "data_dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory with your own catalogues, such as supply.toml.",
)
@click.option(
    "-o",
    "output",
    type=Output,
    metavar="FILE",
    help="Write the report with its plan here, as JSON.",
)
@click.option("--json", "as_json", is_flag=True, help="The same on stdout.")
def command(
    report: Path,
    demand: Path,
    offers: Path,
    layout: str | None,
    data_dir: Path | None,
    output: Output | None,
    as_json: bool,
) -> int:
    """Plan the deliveries of least cost for what REPORT sizes, quarter by quarter.

    Where no plan is in time, it is made for the first quarter in which there is one."""
    check_address_space()
    from storeff.report.model import read_report, to_json
    from storeff.report.plan import with_plan
    from storeff.report.sections_plan import plan_sections
    from storeff.report.terminal import show

    if output is not None:
        output.check([report, demand, offers])
    planned = with_plan(
        read_report(report),
        demand,
        offers,
        layout=layout,
        catalogues=data_dir,
        today=date.today(),
    )
    document = to_json(planned)
    file = None if output is None or output.is_stdout else output
    if file is not None:
        file.write(document)
    if as_json or output is not file:
        click.echo(document, nl=False)
    else:
        show(*plan_sections(planned))
    if file is not None:
        click.echo(f"JSON report: {file.shown}", err=True)
    return EXIT_OK
