"""storeff drives: the drives that can be sized with."""

from pathlib import Path

import click

from storeff.commands import EXIT_OK
from storeff.commands.options import data_option, json_option, toml_option


@click.command(
    epilog="""\b
Examples:
  storeff drives
  storeff drives --json
  storeff drives --toml > ours/drives.toml   # the form that --data takes
  storeff drives --data ./ours       # with your own drives.toml"""
)
@data_option
@json_option
@toml_option
def command(data_dir: Path | None, as_json: bool, as_toml: bool) -> int:
    """List the drives with capacity, power, and price with its date and source."""
    from storeff.data import to_toml
    from storeff.economics import load_drives
    from storeff.economics.catalogues import own_catalogues
    from storeff.report.catalogue import print_drives, print_json

    drives = load_drives(own_catalogues(data_dir).get("drives"))
    if as_json and as_toml:
        raise click.UsageError("give either --json or --toml")
    if as_json:
        print_json(drives)
    elif as_toml:
        click.echo(to_toml(drives), nl=False)
    else:
        print_drives(drives)
    return EXIT_OK
