"""From a reduction to the finished report on stdout and in a file: what scan and size share."""

import fcntl
import os
import sys
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import click

from storeff.commands.options import pick
from storeff.commands.output import STDOUT, Output
from storeff.errors import StoreffError


def chosen_scenarios(
    names: tuple[str, ...], *, drive: str, site: str, extra: dict[str, Path]
) -> list[Any]:
    """A scenario of every layout in ``names`` (all, if none), its data still to be measured.

    Raises StoreffError, or a usage error, for a name that is unknown and a catalogue that cannot
    be read: nothing of it is left to be noticed after the data was read.
    """
    import msgspec

    from storeff.data import ONE, exact, map_numbers
    from storeff.economics import build_scenario
    from storeff.economics.bill import enclosures_per_rack
    from storeff.layout import Data

    layouts = named_layouts(names, extra)
    unmeasured = Data(logical_bytes=ONE, reduction_ratio=ONE)
    first = build_scenario(unmeasured, layouts[0], drive=drive, site=site, extra=extra)
    priced = map_numbers(first, exact)
    enclosures_per_rack(priced.rack, priced.enclosure, priced.drive)
    return [msgspec.structs.replace(first, layout=layout) for layout in layouts]


def named_layouts(names: tuple[str, ...], extra: dict[str, Path]) -> list[Any]:
    """The layouts in ``names``, each once; all that there are, if none is named."""
    from storeff.layout import load_layouts

    known = load_layouts(extra.get("layouts"))
    return [pick(known, name, "--layout") for name in dict.fromkeys(names or known)]


def check_output(
    output: Output | None,
    inputs: Iterable[Path],
    *,
    exclude: Sequence[str] = (),
    one_file_system: bool = False,
) -> None:
    """Raises StoreffError, before ``inputs`` are read, if the report would replace one of them or
    would have nowhere to go."""
    if output is not None:
        output.refuse_if_read(inputs, exclude=exclude, one_file_system=one_file_system)
        output.try_name()
    elif not stdout_is_open():
        raise StoreffError("stdout is closed, so the report has nowhere to go", "give -o FILE")


def deliver(report: Any, *, as_json: bool, output: Output | None) -> None:
    """The report in ``output``, and on stdout as JSON or for a person.

    If one of the two fails the other is served all the same. Raises StoreffError for ``output``.
    """
    from storeff.report.model import to_json
    from storeff.report.terminal import print_report

    document = to_json(report)
    file = None if output is None or output.is_stdout else output
    failed = None
    if file is not None:
        try:
            file.write(document)
        except StoreffError as error:
            failed = error
    if as_json or output is not file:
        click.echo(document, nl=False)
    elif file is None or failed or stdout_is_open():
        print_report(report)
    sys.stdout.flush()
    if failed:
        raise StoreffError(f"{failed.message}; the report is on stdout alone", failed.remedy)
    if file is not None:
        click.echo(f"JSON report: {file.shown}", err=True)


def stdout_is_open() -> bool:
    """Whether stdout was given to be written to: who closes it wants nothing there."""
    return fcntl.fcntl(STDOUT, fcntl.F_GETFL) & os.O_ACCMODE != os.O_RDONLY


def today() -> date:
    """The day against which assumptions are judged stale."""
    return date.today()


def command_line() -> list[str]:
    """The command as it was typed, for the report."""
    from storeff.sources.names import printable

    return ["storeff", *(printable(os.fsencode(word)) for word in sys.argv[1:])]
