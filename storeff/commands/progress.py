"""Progress on stderr: a live bar on a terminal, else one plain line every 30 seconds."""

import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Iterator
from typing import Protocol

import click

from storeff.interrupts import undo
from storeff.scan.run import Progress
from storeff.text import escaped
from storeff.units import format_bytes, format_duration

LINE_SECONDS = 30
# The rate is measured over so long: reading changes its speed with the kind of files.
RATE_SECONDS = 15
_BAR_WIDTH = 20


class Shown(Protocol):
    """Where progress goes."""

    def scanning(self, progress: Progress) -> None:
        """The scan has come this far."""

    def phase(self, name: str) -> None:
        """What is being done now, where no amount is known."""


class _Quiet:
    def scanning(self, progress: Progress) -> None: ...

    def phase(self, name: str) -> None: ...


class Meter:
    """How far a scan is, of what is known of its size.

    Files may be listed, and bytes read, a second time: no count goes back for that.
    """

    def __init__(self) -> None:
        self.files = self.total_bytes = self.done_bytes = 0
        self.share: float | None = None
        self.seen: deque[tuple[float, int]] = deque()

    def update(self, progress: Progress) -> str:
        """``progress`` in words; ``share`` is None while the whole is not known."""
        again = progress.listed_bytes < self.total_bytes
        self.files = max(self.files, progress.listed_files)
        self.total_bytes = max(self.total_bytes, progress.listed_bytes)
        self.done_bytes = max(self.done_bytes, progress.done_bytes)
        listed = f"{self.files:,} files, {format_bytes(self.total_bytes)}"
        if progress.listing and not again:
            return f"listing: {listed} so far; measured {format_bytes(self.done_bytes)}"
        self.share = min(1.0, self.done_bytes / max(1, self.total_bytes))
        done = f"{int(self.share * 100)} %, measured {format_bytes(self.done_bytes)} of {listed}"
        rate = self._rate()
        if not rate:
            return done
        left = format_duration(round(max(0, self.total_bytes - self.done_bytes) / rate))
        return f"{done}, {format_bytes(rate)}/s, {left} left"

    def _rate(self) -> float:
        """Bytes a second of late; 0 where too little is known."""
        now = time.monotonic()
        self.seen.append((now, self.done_bytes))
        while now - self.seen[0][0] > RATE_SECONDS and len(self.seen) > 2:
            self.seen.popleft()
        began, before = self.seen[0]
        return (self.done_bytes - before) / (now - began) if now > began else 0.0


class _Lines:
    def __init__(self) -> None:
        self.said_at = time.monotonic()
        self.meter = Meter()

    def say(self, text: str) -> None:
        if time.monotonic() - self.said_at >= LINE_SECONDS:
            self.said_at = time.monotonic()
            click.echo(f"{time.strftime('%H:%M:%S')} {escaped(text)}", err=True)

    def scanning(self, progress: Progress) -> None:
        self.say(self.meter.update(progress))

    def phase(self, name: str) -> None:
        self.say(name)


class _Live:
    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as Bars

        # A name is no markup, though that of a layout may look like it.
        text = TextColumn("{task.description}", markup=False)
        columns = (SpinnerColumn(), BarColumn(_BAR_WIDTH), text)
        self.bars = Bars(*columns, console=Console(stderr=True), transient=True)
        self.task = self.bars.add_task("starting", total=None)
        self.meter = Meter()

    def scanning(self, progress: Progress) -> None:
        self.show(self.meter.update(progress), self.meter.share)

    def phase(self, name: str) -> None:
        self.show(name, None)

    def show(self, text: str, share: float | None) -> None:
        total = None if share is None else 1.0
        self.bars.update(self.task, description=escaped(text), completed=share or 0.0, total=total)


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
            with live.bars:
                yield live
        finally:
            undo.remove(_restore_terminal)
    else:
        yield _Lines()
