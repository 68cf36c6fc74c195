"""HDF5: of the chunks of its datasets, the filters and the sizes before and after.

https://support.hdfgroup.org/documentation/hdf5/latest/_f_m_t3.html is read by libhdf5 (h5py), which
a hostile file can crash, hang or lead to other files. So it runs in a process of its own
(``hdf5_child``), which can open no file, gets its bytes from here, and is ended when it is silent
or asks for too much: that costs the look into one file.
"""

import contextlib
import os
import select
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import Final

import msgspec

from storeff.errors import ContradictionError
from storeff.sources.formats import UNTOLD, Inside, Read, of_codecs
from storeff.sources.formats.archives import EXPANSION_MAX

# What may be read of a file: the headers of some dozen datasets, wherever they are in it.
READ_BYTES_MAX: Final = 4 << 20
# What is read at once.
PAGE_BYTES: Final = 1 << 16
# What libhdf5 may take for a file, of which it needs some milliseconds, and to be loaded; and the
# files on which it may fail so, before no more is asked of it.
LOOK_SECONDS = 5.0
START_SECONDS = 60.0
FAILURES_MAX = 8
_ANSWER_BYTES_MAX = 1 << 20
_CHILD = Path(__file__).with_name("hdf5_child.py")


class _Answer(msgspec.Struct):
    """``hdf5_child.Seen``, or why nothing was."""

    error: str | None = None
    stored: dict[str, int] = {}
    plain: dict[str, int] = {}
    before: int = 0
    datasets: int = 0
    is_all: bool = False


class _EndedError(Exception):
    """The process has ended, asks for too much, or takes too long."""


def pages_most(size_bytes: int) -> int:
    """Reads of a file of that size, READ_BYTES_MAX in all, of which the last page may be less."""
    return min(-(-size_bytes // PAGE_BYTES), READ_BYTES_MAX // PAGE_BYTES + 1)


class Hdf5:
    """Looks into HDF5 files, one after the other, by one process as long as it lives. ``close``
    ends it. Nothing is told without h5py, nor after FAILURES_MAX files on which it ended."""

    def __init__(self) -> None:
        self.failures = 0
        self.left_seconds = 0.0
        self.child: subprocess.Popen[bytes] | None = None

    def inside(self, read: Read, size_bytes: int) -> Inside:
        """Raises ContradictionError if it is no HDF5, and what ``read`` raises."""
        if self.failures >= FAILURES_MAX:
            return UNTOLD
        with contextlib.ExitStack() as failed:
            # Else the process waits for bytes that it will not get.
            failed.callback(self.close)
            if self.child is None:
                try:
                    self._start()
                except _EndedError:
                    self.failures = FAILURES_MAX
                    return UNTOLD
            self.left_seconds = LOOK_SECONDS
            try:
                answer = self._asked(read, size_bytes)
            except (_EndedError, msgspec.DecodeError) as error:
                self.failures += 1
                raise ContradictionError("libhdf5 fails on it") from error
            failed.pop_all()
        if answer.error is not None:
            raise ContradictionError(f"libhdf5 cannot read it: {answer.error}")
        return _told(answer, size_bytes)

    def close(self) -> None:
        if self.child is not None:
            self.child.kill()
            self.child.communicate()
            self.child = None

    def _start(self) -> None:
        environment = {k: v for k, v in os.environ.items() if not k.startswith("HDF5_")}
        self.child = subprocess.Popen(
            [sys.executable, "-P", _CHILD, str(READ_BYTES_MAX), str(PAGE_BYTES)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment | {"OPENBLAS_NUM_THREADS": "1", "HDF5_PLUGIN_PRELOAD": "::"},
            bufsize=0,
        )
        assert self.child.stdin is not None
        os.set_blocking(self.child.stdin.fileno(), False)
        self.left_seconds = START_SECONDS
        # Without h5py it ends instead.
        self._received(1)

    def _asked(self, read: Read, size_bytes: int) -> _Answer:
        self._send(struct.pack("<Q", size_bytes))
        left = READ_BYTES_MAX
        while (kind := self._received(1)) == b"?":
            offset, length = struct.unpack("<QQ", self._received(16))
            left -= length
            if left < 0:
                raise _EndedError
            self._send(read(offset, length))
        [length] = struct.unpack("<Q", self._received(8))
        if kind != b"=" or length > _ANSWER_BYTES_MAX:
            raise _EndedError
        return msgspec.json.decode(self._received(length), type=_Answer)

    def _send(self, data: bytes) -> None:
        assert self.child is not None
        assert self.child.stdin is not None
        view = memoryview(data)
        while view:
            self._wait(self.child.stdin.fileno(), select.POLLOUT)
            try:
                view = view[os.write(self.child.stdin.fileno(), view) :]
            except BrokenPipeError as error:
                raise _EndedError from error

    def _received(self, length: int) -> bytes:
        assert self.child is not None
        assert self.child.stdout is not None
        data = b""
        while len(data) < length:
            self._wait(self.child.stdout.fileno(), select.POLLIN)
            part = os.read(self.child.stdout.fileno(), length - len(data))
            if not part:
                raise _EndedError
            data += part
        return data

    def _wait(self, descriptor: int, event: int) -> None:
        """Until ``descriptor`` is ready. What that takes is what the process takes."""
        waiting = select.poll()
        waiting.register(descriptor, event)
        begun = time.monotonic()
        is_ready = waiting.poll(1000 * self.left_seconds)
        self.left_seconds = max(0.0, self.left_seconds - (time.monotonic() - begun))
        if not is_ready:
            raise _EndedError


def _told(answer: _Answer, size_bytes: int) -> Inside:
    sizes = [answer.before, *answer.stored.values(), *answer.plain.values()]
    stored, after = sum(answer.stored.values()), sum(sizes[1:])
    if min(sizes) < 0 or (answer.is_all and after > size_bytes):
        raise ContradictionError("its datasets have impossible sizes")
    if not after:
        return UNTOLD
    parts = {name: size for name, size in answer.plain.items() if size}
    if stored:
        parts["compressed"] = stored
    if answer.is_all and after < size_bytes:
        # Strings of any length, attributes, indexes of chunks, free space.
        parts["other"] = size_bytes - after
    if after > size_bytes:
        parts = {name: size * size_bytes // after for name, size in parts.items()}
    before = min(answer.before, EXPANSION_MAX * after + 1)
    found = of_codecs(answer.stored, before, after)._replace(parts=parts)
    return found if before <= EXPANSION_MAX * after else found._replace(expansion=None)
