"""storeff schema: the JSON Schema of the report, and of what other commands print as JSON."""

import click

from storeff.commands import EXIT_OK
from storeff.commands.parameters import Choice

DOCUMENTS = ("report", "compare", "check", "explain", "verify")


@click.command(
    epilog="""\b
Examples:
  storeff schema > storeff-report.schema.json
  storeff schema check"""
)
@click.argument("document", type=Choice(DOCUMENTS), default="report")
def command(document: str) -> int:
    """Print the JSON Schema (2020-12) of the report, or of the --json of another command."""
    import msgspec

    from storeff.report.changes_model import compare_schema
    from storeff.report.explained_model import explain_schema
    from storeff.report.model import schema
    from storeff.report.policy_model import check_schema
    from storeff.report.verify import verify_schema

    made = {
        "report": schema,
        "compare": compare_schema,
        "check": check_schema,
        "explain": explain_schema,
        "verify": verify_schema,
    }[document]()
    click.echo(msgspec.json.format(msgspec.json.encode(made), indent=2).decode())
    return EXIT_OK
