"""From a reduction to the finished report on stdout and in a file: what scan and size share."""

import os
import sys
import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import click

from storeff.commands.options import pick
from storeff.errors import StoreffError


def measured_layouts(
    reduction: Any,
    logical_bytes: int,
    names: tuple[str, ...],
    *,
    drive: str,
    site: str,
    extra: dict[str, Path],
    seed: int,
    scan: Any,
) -> list[Any]:
    """Every layout in ``names`` (all, if none) ready to be sized for data like ``reduction``, in
    files as ``scan`` counted them."""
    from storeff.report.sizing import sized_for

    return [
        sized_for(
            reduction,
            logical_bytes,
            layout,
            drive=drive,
            site=site,
            extra=extra,
            seed=seed,
            scan=scan,
        )
        for layout in named_layouts(names, extra)
    ]


def named_layouts(names: tuple[str, ...], extra: dict[str, Path]) -> list[Any]:
    """The layouts in ``names``, each once; all that there are, if none is named."""
    from storeff.layout import load_layouts

    known = load_layouts(extra.get("layouts"))
    return [pick(known, name, "--layout") for name in dict.fromkeys(names or known)]


def deliver(report: Any, *, as_json: bool, output: Path | None) -> None:
    """The report in ``output``, and on stdout as JSON or for a person."""
    from storeff.report.model import to_json
    from storeff.report.terminal import print_report

    document = to_json(report)
    if output is not None:
        write_whole(output, document)
    if as_json:
        click.echo(document, nl=False)
    else:
        print_report(report)
    if output is not None:
        click.echo(f"JSON report: {output}", err=True)


def write_whole(path: Path, content: bytes) -> None:
    """Write ``content`` so that ``path`` holds the old or the new file, never a part."""
    try:
        fd, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with open(fd, "wb") as file:
                file.write(content)
                os.fchmod(file.fileno(), 0o666 & ~_umask())
            os.replace(name, path)
        except OSError:
            os.unlink(name)
            raise
    except OSError as error:
        raise StoreffError(f"cannot write {path}: {error.strerror}") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask


def today() -> date:
    """The day against which assumptions are judged stale."""
    return date.today()


def command_line() -> list[str]:
    """The command as it was typed, for the report."""
    from storeff.sources.names import printable

    return ["storeff", *(printable(os.fsencode(word)) for word in sys.argv[1:])]
