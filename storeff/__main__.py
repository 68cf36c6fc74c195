"""Entry point: runs the command and turns what people can mend into one clear message."""

import sys

import click

from storeff.commands import cli
from storeff.errors import StoreffError


def main() -> None:
    """Run ``storeff``; see ``storeff --help`` for the exit codes."""
    try:
        # Commands return their exit code; click returns it from main when not standalone.
        code = cli.main(standalone_mode=False)
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except StoreffError as error:
        click.echo(f"storeff: {error.message}", err=True)
        if error.remedy:
            click.echo(f"  -> {error.remedy}", err=True)
        code = 1
    except (KeyboardInterrupt, click.Abort):
        click.echo("storeff: interrupted", err=True)
        code = 130
    sys.exit(code)


if __name__ == "__main__":
    main()
