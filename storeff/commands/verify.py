"""storeff verify: a report against its own inputs."""

from pathlib import Path

import click

from storeff.commands import EXIT_ERROR, EXIT_OK
from storeff.scan.machine import check_address_space


@click.command(
    epilog="""\b
Examples:
  storeff verify report.json
  storeff verify report.json --json

\b
Exit codes:
  0 all agrees   1 a figure does not follow, the seal is broken, or an error
  2 usage"""
)
@click.argument("report", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Result as JSON on stdout.")
def command(report: Path, as_json: bool) -> int:
    """Make every derived figure of REPORT again from the inputs that it holds, and name the first
    that differs.

    Neither data nor catalogues are read. The seal says whether anything was changed, measured
    inputs too."""
    check_address_space()
    from storeff.report.model import document_json
    from storeff.report.sections_verify import verified_sections
    from storeff.report.terminal import show
    from storeff.report.verify import verify

    found = verify(report)
    if as_json:
        click.echo(document_json(found), nl=False)
    else:
        show(*verified_sections(found))
    return EXIT_OK if found.agrees else EXIT_ERROR
