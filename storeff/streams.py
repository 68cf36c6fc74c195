"""Stdout and stderr that may be full, closed, or gone with their terminal."""

import io
import os
import select
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class StdoutError(Exception):
    """Stdout takes no more; ``number`` is the system's error. It is no OSError: no library shall
    take it for one of its own."""

    def __init__(self, error: OSError) -> None:
        super().__init__(error.strerror)
        self.number = error.errno


class _Raw(io.FileIO):
    def write(self, data: "ReadableBuffer", /) -> int:
        # Whoever made the pipe may have made it one that does not wait.
        while (written := super().write(data)) is None:
            select.select([], [self.fileno()], [])
        return written


class _Stdout(_Raw):
    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError as error:
            raise StdoutError(error) from error


class _Stderr(_Raw):
    def write(self, data: "ReadableBuffer", /) -> int:
        try:
            return super().write(data)
        except OSError:
            # There is nobody to tell.
            return memoryview(data).nbytes


def replace_streams() -> None:
    """Make every failure to write to ``sys.stdout`` a StdoutError, and none to ``sys.stderr``.

    Where one of the three standard descriptors is closed, something takes its number that cannot
    be used: the next file to be opened would get it, and what is printed with it.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDONLY if number else os.O_WRONLY)
    sys.stdout = _text(_Stdout(1, "wb", closefd=False), sys.stdout)
    sys.stderr = _text(_Stderr(2, "wb", closefd=False), sys.stderr)


def _text(raw: _Raw, replaced: TextIO | None) -> io.TextIOWrapper:
    # Python has None for a descriptor that was closed when it began.
    encoding = "utf-8" if replaced is None else replaced.encoding
    # A name that was not UTF-8 is no reason to lose the line that it stands in.
    return io.TextIOWrapper(
        io.BufferedWriter(raw), encoding, "backslashreplace", line_buffering=True
    )


def abandon_stdout() -> None:
    """Let nothing more be written to stdout, whatever its buffers still hold."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)
