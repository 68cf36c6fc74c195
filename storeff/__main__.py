"""Entry point: runs the command and turns what people can mend into one clear message."""

import signal
import sys


def main() -> None:
    """Run ``storeff``; see ``storeff --help`` for the exit codes."""
    try:
        from storeff.interrupts import handle, ignore, stop_at_once

        handle(stop_at_once)
    except KeyboardInterrupt:
        sys.stderr.write("storeff: interrupted\n")
        sys.exit(128 + signal.SIGINT)
    code = _run()
    ignore()
    sys.exit(code)


def _run() -> int:
    from storeff.streams import StdoutError, replace_streams

    replace_streams()
    try:
        code = _command()
        sys.stdout.flush()
    except StdoutError as error:
        return _without_stdout(error.number)
    return code


def _command() -> int:
    import click

    from storeff.commands import cli, explained
    from storeff.errors import StoreffError

    try:
        # Commands return their exit code; click returns it from main when not standalone.
        code: int = cli.main(standalone_mode=False)
    except click.ClickException as error:
        if isinstance(error, click.UsageError) and error.ctx is not None:
            usage = f"{error.ctx.get_usage()}\nTry '{error.ctx.command_path} --help' for help.\n"
            click.echo(usage, err=True)
        click.echo(f"Error: {_shown(error.format_message())}", err=True)
        code = error.exit_code
    except StoreffError as error:
        message, remedy, code = explained(error)
        click.echo(f"storeff: {_shown(message)}", err=True)
        if remedy:
            click.echo(f"  -> {_shown(remedy)}", err=True)
    return code


def _shown(message: str) -> str:
    """``message`` without what a name in it could do to a terminal; its lines are kept, indented
    by spaces so that none passes for another message."""
    from storeff.text import escaped

    return "\n  ".join(escaped(line.lstrip("\t")) for line in message.split("\n"))


def _without_stdout(number: int | None) -> int:
    """What ends the process after stdout took no more: SIGPIPE if its reader has gone, as it ends
    any program that was writing to a pipe; else a line that says why."""
    import errno
    import os

    from storeff.commands import EXIT_ERROR
    from storeff.interrupts import EXIT_INTERRUPTED, received
    from storeff.streams import abandon_stdout

    abandon_stdout()
    if received:
        # The terminal that hung up takes nothing more.
        return EXIT_INTERRUPTED
    if number == errno.EPIPE:
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGPIPE)
    sys.stderr.write(f"storeff: cannot write to stdout: {os.strerror(number or 0)}\n")
    return EXIT_ERROR


if __name__ == "__main__":
    main()
