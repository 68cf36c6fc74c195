"""storeff check: a report against a policy, for a pipeline to stop at."""

from pathlib import Path
from typing import Literal

import click

from storeff.commands import EXIT_INCONCLUSIVE, EXIT_OK, EXIT_POLICY_FAILED
from storeff.commands.parameters import Choice
from storeff.scan.machine import check_address_space

_CODES = {"pass": EXIT_OK, "fail": EXIT_POLICY_FAILED, "inconclusive": EXIT_INCONCLUSIVE}


@click.command(
    epilog="""\b
Example:
  storeff check report.json --policy policy.toml

\b
A policy:
  [cost]
  figure = "cost"
  at_most = "9.5 B USD"

\b
Exit codes:
  0 every rule holds   1 error   2 usage   4 a rule failed
  5 inconclusive: a limit lies within the interval of its figure, or a figure
  is unknown (--inconclusive pass makes it 0, fail 4)"""
)
@click.argument("report", type=click.Path(path_type=Path))
@click.option(
    "--policy",
    type=click.Path(path_type=Path),
    required=True,
    metavar="FILE",
    help="TOML file of rules: a figure, and at_most, at_least or is.",
)
@click.option(
    "--inconclusive",
    type=Choice(("pass", "fail")),
    help="What the exit code says of an inconclusive result [default: 5, neither].",
)
@click.option("--json", "as_json", is_flag=True, help="Result as JSON on stdout.")
def command(
    report: Path, policy: Path, inconclusive: Literal["pass", "fail"] | None, as_json: bool
) -> int:
    """Check REPORT, which `scan`, `size`, `bench` or `kv` wrote, against a policy."""
    check_address_space()
    from storeff.report.model import document_json, read_report
    from storeff.report.policy import check
    from storeff.report.sections_policy import checked_sections
    from storeff.report.terminal import show

    checked = check(read_report(report), policy)
    if as_json:
        click.echo(document_json(checked), nl=False)
    else:
        show(*checked_sections(checked))
    if checked.status == "inconclusive" and inconclusive is not None:
        return _CODES[inconclusive]
    return _CODES[checked.status]
