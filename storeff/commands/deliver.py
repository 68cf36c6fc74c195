"""The finished report on stdout and in a file: what scan, kv and size share."""

import os
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storeff.commands.output import STDOUT, Output, is_writable
from storeff.errors import StoreffError

if TYPE_CHECKING:
    from storeff.report.model import Report


@dataclass(frozen=True)
class Delivery:
    """Where the report goes: to ``output``, and to stdout as JSON or for a person, the first screen
    or, with ``full``, all of it."""

    output: Output | None
    as_json: bool
    full: bool

    def check(
        self, inputs: Iterable[Path], *, exclude: Sequence[str] = (), one_file_system: bool = False
    ) -> None:
        """Raises StoreffError, before ``inputs`` are read, if the report would replace one of them
        or would have nowhere to go."""
        if self.output is not None:
            self.output.check(inputs, exclude=exclude, one_file_system=one_file_system)
        elif not is_writable(STDOUT):
            raise StoreffError("stdout is closed, so the report has nowhere to go", "give -o FILE")

    def deliver(self, report: "Report") -> None:
        """If one of the two fails the other is served all the same. Raises StoreffError for
        ``output``."""
        from storeff.report.model import to_json
        from storeff.report.terminal import print_report

        document = to_json(report)
        file = None if self.output is None or self.output.is_stdout else self.output
        failed = None
        if file is not None:
            try:
                file.write(document)
            except StoreffError as error:
                failed = error
        if self.as_json or self.output is not file:
            click.echo(document, nl=False)
        elif file is None or failed or is_writable(STDOUT):
            print_report(report, full=self.full)
        sys.stdout.flush()
        if failed:
            raise StoreffError(f"{failed.message}; the report is on stdout alone", failed.remedy)
        if file is not None:
            click.echo(f"JSON report: {file.shown}", err=True)


def command_line() -> list[str]:
    """The command as it was typed, for the report."""
    from storeff.sources.names import printable

    return ["storeff", *(printable(os.fsencode(word)) for word in sys.argv[1:])]
