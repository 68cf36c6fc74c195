"""What storeff layouts and storeff drives have in common: the listing of a catalogue."""

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
        from storeff.economics import load_drives
        from storeff.economics.catalogues import own_catalogues
        from storeff.layout import load_layouts
        from storeff.report.catalogue import print_drives, print_json, print_layouts

        own = own_catalogues(data_dir).get(name)
        if as_json and as_toml:
            raise click.UsageError("give either --json or --toml")
        load: Any = load_layouts if name == "layouts" else load_drives
        show: Any = print_layouts if name == "layouts" else print_drives
        if as_toml:
            click.echo(to_toml(load(own)), nl=False)
        else:
            (print_json if as_json else show)(load(own))
        return EXIT_OK

    return command
