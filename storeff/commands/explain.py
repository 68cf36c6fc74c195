"""storeff explain: how a figure of a report came about."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from storeff.commands import EXIT_OK
from storeff.scan.machine import check_address_space

if TYPE_CHECKING:
    from storeff.report.model import Report


@click.command(
    epilog="""\b
Examples:
  storeff explain cost report.json
  storeff explain 'layouts[reference].bill.racks' report.json
  storeff explain drives.qlc-122.price report.json

\b
Exit codes:
  0 ok   1 error   2 usage"""
)
@click.argument("field", metavar="FIELD")
@click.argument("report", type=click.Path(path_type=Path))
@click.option(
    "--data",
    "data_dir",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="Directory with your own catalogues [default: that of the report's command].",
)
@click.option("--json", "as_json", is_flag=True, help="Result as JSON on stdout.")
def command(field: str, report: Path, data_dir: Path | None, as_json: bool) -> int:
    """Explain FIELD of REPORT: its formula, its inputs, and where each of them comes from.

    FIELD is a path in the JSON of the report, an assumption, or a short name such as cost, ratio,
    drives or nines."""
    check_address_space()
    from storeff.report.explain import explain
    from storeff.report.model import document_json, read_report
    from storeff.report.origins import Files
    from storeff.report.sections_explained import explained_sections
    from storeff.report.terminal import show

    document = read_report(report)
    files = Files(data_dir or _named(document, "--data"), _named(document, "--scenario"))
    made = explain(document, field, files)
    if as_json:
        click.echo(document_json(made), nl=False)
    else:
        show(*explained_sections(made))
    return EXIT_OK


def _named(report: "Report", flag: str) -> Path | None:
    """What the command that made ``report`` named with ``flag``."""
    words = report.run.command
    for word, after in zip(words, [*words[1:], ""], strict=True):
        if word == flag and after:
            return Path(after)
        if word.startswith(f"{flag}="):
            return Path(word.partition("=")[2])
    return None
