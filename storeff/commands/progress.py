"""Progress on stderr: a live bar on a terminal, else one plain line every 30 seconds. Beside it
stands what is known of the answer by then."""

import contextlib
import os
import sys
import time
from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

import click

from storeff.estimate.answer import COMPRESSION_ONLY, SAMPLED, SO_FAR, Answer
from storeff.interrupts import undo
from storeff.quantity import Quantity
from storeff.report.figures import ratio
from storeff.scan.run import Progress
from storeff.text import escaped
from storeff.units import format_bytes, format_duration

LINE_SECONDS = 30
# The rate is measured over so long: reading changes its speed with the kind of files.
RATE_SECONDS = 15
# Cells of the bar, on a terminal of fewer and of more columns than this; and beside it.
NARROW_COLUMNS, NARROW_BAR, WIDE_BAR, BESIDE = 100, 10, 20, 3
# What a line is made of, in the order in which it goes where there is no room for all.
_LEAST = ("files", "more answers", "amount", "rate", "left", "answer")
# The most telling first.
_ANSWERS = (SAMPLED, COMPRESSION_ONLY, SO_FAR)


class Shown(Protocol):
    """Where progress goes."""

    def scanning(self, progress: Progress) -> None:
        """The scan has come this far."""

    def phase(self, name: str, done: int = 0, wanted: int = 0) -> None:
        """What is being done now, and how much of what is wanted is done, where that is known."""

    def answer(self, answer: Answer) -> None:
        """What is known of the answer by now."""


class _Quiet:
    def scanning(self, progress: Progress) -> None: ...

    def phase(self, name: str, done: int = 0, wanted: int = 0) -> None: ...

    def answer(self, answer: Answer) -> None: ...


class Meter:
    """How far a scan is, of what is known of its size, and what it has found.

    Files may be listed, and bytes read, a second time: no count goes back for that. ``share`` is
    None while the whole is not known.
    """

    def __init__(self) -> None:
        self.files = self.total_bytes = self.done_bytes = 0
        self.share: float | None = None
        self.reached = 0.0
        self.is_whole = False
        self.seen: deque[tuple[float, int]] = deque()
        self.parts: list[tuple[str, str]] = []
        self.answers: dict[str, Quantity] = {}

    def update(self, progress: Progress) -> None:
        """The scan has come as far as ``progress`` says."""
        # It was listed whole before: no other listing begins with less.
        self.is_whole |= progress.listed_bytes < self.total_bytes or not progress.listing
        self.files = max(self.files, progress.listed_files)
        self.total_bytes = max(self.total_bytes, progress.listed_bytes)
        self.done_bytes = max(self.done_bytes, progress.done_bytes)
        files, total = f"{self.files:,} files", format_bytes(self.total_bytes)
        measured = f"measured {format_bytes(self.done_bytes)}"
        if not self.is_whole:
            self.parts = [("", f"listing: {files}, {total} so far")]
            if self.done_bytes:
                self.parts.append(("amount", measured))
            return
        goal_bytes = self.total_bytes if progress.goal_bytes is None else progress.goal_bytes
        share = min(1.0, self.done_bytes / max(1, goal_bytes))
        rate = self._rate()
        left = max(0, goal_bytes - self.done_bytes) / rate if rate else None
        whole = f"in {files}"
        if progress.seconds is not None:
            # How much will be read is not known where a time is given.
            passed, given = progress.seconds
            share = max(share, min(1.0, passed / max(given, 1e-9)))
            left = max(0.0, given - passed) if left is None else min(left, max(0.0, given - passed))
            whole = f"of {total} in {files}"
        elif progress.goal_bytes is None:
            measured += f" of {total}"
        else:
            measured += f" of {format_bytes(goal_bytes)}"
            whole = f"({total} in {files})"
        self.share = self.reached = max(share, self.reached)
        self.parts = [("", f"{int(self.share * 100)} %"), ("amount", measured), ("files", whole)]
        if rate:
            self.parts.append(("rate", f"{format_bytes(rate)}/s"))
        if left is not None:
            self.parts.append(("left", f"{format_duration(round(left))} left"))

    def phase(self, name: str, done: int, wanted: int) -> None:
        """``done`` of ``wanted`` (0: not known) things are done of what is called ``name``. What is
        wanted may grow: no bar is filled by it."""
        self.share = None
        # What is read meanwhile is no measure of how fast the scan is.
        self.seen.clear()
        self.parts = [("", name)]
        if wanted:
            self.parts.append(("amount", f"{done:,} of {wanted:,}"))

    def text(self, cells: int | None = None) -> str:
        """All of it in words; in no more than ``cells``, if given, without what matters least."""
        parts = [*self.parts]
        kind = "answer"
        for label in _ANSWERS:
            if label in self.answers:
                parts.append((kind, f"{label} {ratio(self.answers[label])}"))
                kind = "more answers"
        for least in (None, *_LEAST):
            parts = [part for part in parts if part[0] != least]
            text = _joined(parts)
            if cells is None or len(text) <= cells:
                break
        return text

    def _rate(self) -> float:
        """Bytes a second of late; 0 where too little is known."""
        now = time.monotonic()
        self.seen.append((now, self.done_bytes))
        while now - self.seen[0][0] > RATE_SECONDS and len(self.seen) > 2:
            self.seen.popleft()
        began, before = self.seen[0]
        return (self.done_bytes - before) / (now - began) if now > began else 0.0


def _joined(parts: Sequence[tuple[str, str]]) -> str:
    """``40 %, measured 2 GB of 5 GB in 12 files, 100 MB/s; compression only 1.74x``."""
    text = ""
    for kind, each in parts:
        if not text:
            text = each
        elif kind == "files":
            text += f" {each}"
        elif "answer" in kind and "; " not in text:
            text += f"; {each}"
        else:
            text += f", {each}"
    return text


class _Lines:
    def __init__(self) -> None:
        self.said_at = time.monotonic()
        self.meter = Meter()

    def scanning(self, progress: Progress) -> None:
        self.meter.update(progress)
        self.say()

    def phase(self, name: str, done: int = 0, wanted: int = 0) -> None:
        self.meter.phase(name, done, wanted)
        self.say()

    def answer(self, answer: Answer) -> None:
        self.meter.answers[answer.label] = answer.ratio

    def say(self) -> None:
        if time.monotonic() - self.said_at >= LINE_SECONDS:
            self.said_at = time.monotonic()
            click.echo(f"{time.strftime('%H:%M:%S')} {escaped(self.meter.text())}", err=True)


class _Live:
    def __init__(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, SpinnerColumn, TextColumn
        from rich.progress import Progress as Bars
        from rich.table import Column

        self.console = Console(stderr=True)
        self.bar = NARROW_BAR if self.console.width < NARROW_COLUMNS else WIDE_BAR
        # A name is no markup, though that of a layout may look like it.
        column = Column(no_wrap=True, overflow="ellipsis")
        text = TextColumn("{task.description}", markup=False, table_column=column)
        columns = (SpinnerColumn(), BarColumn(self.bar), text)
        self.bars = Bars(*columns, console=self.console, transient=True)
        self.task = self.bars.add_task("starting", total=None)
        self.meter = Meter()

    def scanning(self, progress: Progress) -> None:
        self.meter.update(progress)
        self.show()

    def phase(self, name: str, done: int = 0, wanted: int = 0) -> None:
        self.meter.phase(name, done, wanted)
        self.show()

    def answer(self, answer: Answer) -> None:
        self.meter.answers[answer.label] = answer.ratio
        self.show()

    def show(self) -> None:
        share, cells = self.meter.share, self.console.width - self.bar - BESIDE
        self.bars.update(
            self.task,
            description=escaped(self.meter.text(cells)),
            completed=share or 0.0,
            total=None if share is None else 1.0,
        )


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
