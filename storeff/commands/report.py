"""storeff report: a report in another format."""

import sys
from pathlib import Path

import click

from storeff.commands import EXIT_OK
from storeff.commands.output import Output
from storeff.commands.parameters import Choice
from storeff.errors import StoreffError
from storeff.scan.machine import check_address_space

# Those of storeff.report.formats, which --help would be slower to import; a test holds them equal.
FORMATS = ("csv", "cyclonedx", "html", "json", "md", "prom", "xlsx")


@click.command(
    epilog="""\b
Examples:
  storeff report report.json --to html -o report.html    (charts, to send on)
  storeff report report.json --to xlsx -o bill.xlsx      (live formulas)
  storeff report report.json --to md -o purchase.md      (to justify it)
  storeff report report.json --to csv -o costs.csv       (like FOCUS 1.2)
  storeff report report.json --to cyclonedx -o bom.json  (what to buy)
  storeff report report.json --to prom -o storeff.prom   (for node_exporter)
  storeff report report.json --to json -o latest.json    (today's schema)

\b
Exit codes:
  0 ok   1 error   2 usage"""
)
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--to", "name", type=Choice(FORMATS), required=True, help="The format.")
@click.option(
    "-o",
    "output",
    type=Output,
    metavar="FILE",
    help="Write it here [default: stdout, unless that is a terminal and cannot show it].",
)
def command(report: Path, name: str, output: Output | None) -> int:
    """Turn REPORT, which `scan`, `size`, `bench` or `kv` wrote, into another format."""
    check_address_space()
    from storeff.report import formats
    from storeff.report.model import read_report

    made = formats.load(name)
    if output is not None:
        output.check([report])
    elif not made.IS_TEXT and sys.stdout.isatty():
        raise StoreffError(f"a terminal cannot show {name}", "give -o FILE, or redirect stdout")
    document = made.render(read_report(report))
    if output is not None:
        output.write(document)
    else:
        click.echo(document, nl=False)
    return EXIT_OK
