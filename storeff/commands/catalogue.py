"""What storeff layouts, drives, sites and indices have in common: the listing of a catalogue."""

from pathlib import Path
from typing import Any

import click

from storeff.commands import EXIT_OK
from storeff.commands.options import data_option, json_option


def listing(name: str, what: str) -> click.Command:
    """The command that lists the catalogue ``name``, which holds ``what``."""

    @click.command(
        name,
        help=f"List {what}.",
        epilog=f"""\b
Examples:
  storeff {name}
  storeff {name} --json
  storeff {name} --toml > ours/{name}.toml   # the form that --data takes
  storeff {name} --data ./ours      # with your own {name}.toml""",
    )
    @data_option
    @json_option
    @click.option("--toml", "as_toml", is_flag=True, help="TOML on stdout, as --data takes it.")
    def command(data_dir: Path | None, as_json: bool, as_toml: bool) -> int:
        from storeff.data import to_toml
        from storeff.economics.catalogues import load_named, own_catalogues
        from storeff.report import catalogue

        files = own_catalogues(data_dir)
        if as_json and as_toml:
            raise click.UsageError("give either --json or --toml")
        entries: Any = load_named(name, files.get(name))
        life = files.get("shelf_life")
        if as_toml:
            click.echo(to_toml(entries), nl=False)
        elif as_json:
            catalogue.print_json(entries)
        elif name == "layouts":
            catalogue.print_layouts(entries)
        elif name == "drives":
            catalogue.print_drives(entries, life)
        elif name == "indices":
            catalogue.print_indices(entries)
        else:
            catalogue.print_numbers(entries, f"{name}.", life)
        return EXIT_OK

    return command
