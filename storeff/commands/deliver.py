"""The finished report on stdout and in a file: what scan, kv and size share."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING

import click

from storeff.commands.output import STDOUT, Output, is_writable
from storeff.errors import StoreffError

if TYPE_CHECKING:
    from storeff.analysis import Measured, Storage
    from storeff.commands.options import SizingOptions
    from storeff.commands.progress import Shown
    from storeff.report.model import Report
    from storeff.report.page import Section


@dataclass(frozen=True)
class Delivery:
    """Where the report goes: to ``output``, to ``others`` by the name of their format, and
    to stdout as JSON or for a person, the first screen or, with ``full``, all of it."""

    output: Output | None
    others: Mapping[str, Output]
    as_json: bool
    full: bool

    def check(
        self, inputs: Iterable[Path], *, exclude: Sequence[str] = (), one_file_system: bool = False
    ) -> None:
        """Raises StoreffError, before ``inputs`` are read, if the report would replace one of them
        or would have nowhere to go."""
        inputs = list(inputs)
        files = [each for each in (self.output, *self.others.values()) if each is not None]
        for each in files:
            each.check(inputs, exclude=exclude, one_file_system=one_file_system)
        if self.output is None and not is_writable(STDOUT):
            raise StoreffError("stdout is closed, so the report has nowhere to go", "give -o FILE")
        for one, other in combinations(files, 2):
            if one.path == other.path:
                message = f"{one.option} and {other.option} are both {other.shown}"
                raise StoreffError(message, "name two files")

    def deliver(self, report: "Report", shown: "Iterable[Section] | None" = None) -> None:
        """If one of them fails the others are served all the same. A person is shown ``report``, or
        of it what was asked for: ``shown``. Raises StoreffError for the first of the files that
        failed, at the end."""
        from storeff.report.model import to_json
        from storeff.report.terminal import print_report, show

        document = to_json(report)
        file = None if self.output is None or self.output.is_stdout else self.output
        failed = []
        if file is not None:
            try:
                file.write(document)
            except StoreffError as error:
                kept = "the report is on stdout" + ("" if self.others else " alone")
                failed.append(StoreffError(f"{error.message}; {kept}", error.remedy))
        if self.as_json or self.output is not file:
            click.echo(document, nl=False)
        elif file is None or failed or is_writable(STDOUT):
            if shown is None:
                print_report(report, full=self.full)
            else:
                show(*shown)
        sys.stdout.flush()
        if file is not None and not failed:
            click.echo(f"JSON report: {file.shown}", err=True)
        for name, other in self.others.items():
            from storeff.report import formats

            try:
                other.write(formats.load(name).render(report))
                click.echo(f"{name.upper()} report: {other.shown}", err=True)
            except StoreffError as error:
                failed.append(error)
        if failed:
            raise failed[0]


def report_on(
    measured: "Measured", sizing: "SizingOptions", storage: "Storage | None", progress: "Shown"
) -> "Report":
    """The report on what was measured, and on layouts for it if ``sizing`` asks for some."""
    from storeff import analysis

    progress.phase("estimating")
    reduced = analysis.reduce(measured, target_bytes=sizing.target)
    sized = None
    if (sizing.layouts or sizing.target is not None) and reduced.can_be_sized:
        sized = analysis.size(
            reduced,
            storage,
            measure_codes=sizing.measure_codes,
            on_layout=lambda name: progress.phase(f"sizing {name}"),
        )
    return analysis.build_report(reduced, sized, command=command_line())


def command_line() -> list[str]:
    """The command as it was typed, for the report."""
    from storeff.sources.names import printable

    return ["storeff", *(printable(os.fsencode(word)) for word in sys.argv[1:])]
