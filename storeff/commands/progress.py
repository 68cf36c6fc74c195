"""Progress on stderr: a live line on a terminal, else one plain line every 30 seconds."""

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from typing import Protocol

import click

from storeff.interrupts import undo
from storeff.scan.run import Progress
from storeff.text import escaped
from storeff.units import format_bytes

LINE_SECONDS = 30


class Shown(Protocol):
    """Where progress goes."""

    def scanning(self, progress: Progress) -> None:
        """The scan has come this far."""

    def phase(self, name: str) -> None:
        """What is being done now, where no amount is known."""


class _Quiet:
    def scanning(self, progress: Progress) -> None: ...

    def phase(self, name: str) -> None: ...


class _Lines:
    def __init__(self) -> None:
        self.said_at = time.monotonic()

    def say(self, text: str) -> None:
        if time.monotonic() - self.said_at >= LINE_SECONDS:
            self.said_at = time.monotonic()
            click.echo(f"{time.strftime('%H:%M:%S')} {escaped(text)}", err=True)

    def scanning(self, progress: Progress) -> None:
        self.say(describe(progress))

    def phase(self, name: str) -> None:
        self.say(name)


class _Live:
    def __init__(self) -> None:
        from rich.console import Console
        from rich.status import Status

        self.status = Status("starting", console=Console(stderr=True, markup=False))
        self.started = time.monotonic()

    def scanning(self, progress: Progress) -> None:
        seconds = max(time.monotonic() - self.started, 1e-3)
        speed = format_bytes(progress.done_bytes / seconds)
        self.phase(f"{describe(progress)}, {speed}/s")

    def phase(self, name: str) -> None:
        from rich.text import Text

        # A bare string would be read as markup, which the name of a layout may look like.
        self.status.update(Text(escaped(name)))


def describe(progress: Progress) -> str:
    """How far the scan is; the total is said to be still growing while files are listed."""
    listed = f"{progress.listed_files:,} files, {format_bytes(progress.listed_bytes)}"
    done = f"{progress.done_files:,} files, {format_bytes(progress.done_bytes)}"
    if progress.listing:
        return f"listing: {listed} so far; measured {done}"
    return f"measured {done} of {listed}"


def _restore_terminal() -> None:
    """Clear the live line and show the cursor, which hides while there is one."""
    with contextlib.suppress(OSError):
        os.write(2, b"\r\x1b[2K\x1b[?25h")


@contextlib.contextmanager
def shown_progress(quiet: bool) -> Iterator[Shown]:
    """Progress for the time of the block; it leaves nothing on a terminal."""
    if quiet:
        yield _Quiet()
    elif sys.stderr.isatty():
        live = _Live()
        undo.append(_restore_terminal)
        try:
            with live.status:
                yield live
        finally:
            undo.remove(_restore_terminal)
    else:
        yield _Lines()
