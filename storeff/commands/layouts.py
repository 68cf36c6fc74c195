"""storeff layouts: the layouts that can be sized."""

from pathlib import Path

import click

from storeff.commands import EXIT_OK
from storeff.commands.options import data_option, json_option, toml_option


@click.command(
    epilog="""\b
Examples:
  storeff layouts
  storeff layouts --json
  storeff layouts --toml > ours/layouts.toml   # the form that --data takes
  storeff layouts --data ./ours      # with your own layouts.toml"""
)
@data_option
@json_option
@toml_option
def command(data_dir: Path | None, as_json: bool, as_toml: bool) -> int:
    """List the storage layouts with their code, reserves and what they can remove themselves."""
    from storeff.data import to_toml
    from storeff.economics.catalogues import own_catalogues
    from storeff.layout import load_layouts
    from storeff.report.catalogue import print_json, print_layouts

    layouts = load_layouts(own_catalogues(data_dir).get("layouts"))
    if as_json and as_toml:
        raise click.UsageError("give either --json or --toml")
    if as_json:
        print_json(layouts)
    elif as_toml:
        click.echo(to_toml(layouts), nl=False)
    else:
        print_layouts(layouts)
    return EXIT_OK
