"""storeff schema: the JSON Schema of the report."""

import click

from storeff.commands import EXIT_OK


@click.command(
    epilog="""\b
Example:
  storeff schema > storeff-report.schema.json"""
)
def command() -> int:
    """Print the JSON Schema (2020-12) of the report."""
    import msgspec

    from storeff.report.model import schema

    click.echo(msgspec.json.format(msgspec.json.encode(schema()), indent=2).decode())
    return EXIT_OK
