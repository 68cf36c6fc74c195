"""The lines of a trace file: plain, or packed by gzip or Zstandard; what lies in holes is none."""

import io
import os
import stat
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import zstandard

from storeff.errors import StoreffError
from storeff.sources.local_file import FileReader

# A million ids of 20 digits fit in a quarter of it.
LINE_BYTES_MAX = 64 << 20
_READ_BYTES = 1 << 20
# So few that what they unpack to stays small: at most 128 MiB, of nothing but repeated bytes.
_PACKED_BYTES = 4096
# What each kind of packed file begins with.
_UNPACKERS: dict[bytes, Callable[[], Any]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(zlib.MAX_WBITS | 16),
    b"\x28\xb5\x2f\xfd": lambda: zstandard.ZstdDecompressor().decompressobj(),
}
_BOM = b"\xef\xbb\xbf"
_UTF16 = (b"\xff\xfe", b"\xfe\xff")


class _Data(io.RawIOBase):
    """The data of a regular file; each hole is a line's end, whatever its size."""

    def __init__(self, reader: FileReader) -> None:
        self._reader = reader
        self._segments = reader.segments(0, reader.size_bytes)
        self._at = self._end = 0
        self.hole_bytes = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while self._at >= self._end:
            segment = next(self._segments, None)
            if segment is None:
                return 0
            offset, length, is_hole = segment
            if is_hole:
                self.hole_bytes += length
                buffer[:1] = b"\n"
                return 1
            self._at, self._end = offset, offset + length
        count = self._reader.read_into(memoryview(buffer)[: self._end - self._at], self._at)
        # Nothing is there any more if the file became shorter.
        self._at = self._at + count if count else self._end
        return count or self.readinto(buffer)


class _Unpacked(io.RawIOBase):
    """What packed frames hold, one after the other. Raises EOFError if the last is cut short."""

    def __init__(self, packed: "io.BufferedReader[Any]", unpacker: Callable[[], Any]) -> None:
        self._packed = packed
        self._unpacker = unpacker
        self._frame: Any = None
        self._rest = b""
        self._ready = memoryview(b"")

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._ready:
            data = self._rest or self._packed.read1(_PACKED_BYTES)
            self._rest = b""
            if self._frame is None:
                # gzip files may be padded with zeros.
                data = data.lstrip(b"\0") if data else b""
                if not data and not (data := self._packed.read1(_PACKED_BYTES)):
                    return 0
                self._frame = self._unpacker()
            elif not data:
                raise EOFError("the last frame has no end")
            self._ready = memoryview(self._frame.decompress(data))
            if self._frame.eof:
                self._rest, self._frame = self._frame.unused_data, None
        count = min(len(buffer), len(self._ready))
        buffer[:count], self._ready = self._ready[:count], self._ready[count:]
        return count


class TraceFile:
    """An open trace; ``hole_bytes`` were passed over so far."""

    def __init__(self, data: _Data) -> None:
        self._data = data
        self._file: io.BufferedReader[Any] = io.BufferedReader(data, _READ_BYTES)
        head = self._file.peek(4)[:4]
        for magic, unpacker in _UNPACKERS.items():
            if head.startswith(magic):
                self._file = io.BufferedReader(_Unpacked(self._file, unpacker), _READ_BYTES)
        if head.startswith(_UTF16):
            raise StoreffError("the trace is UTF-16 text", "save it as UTF-8")

    @property
    def hole_bytes(self) -> int:
        return self._data.hole_bytes

    def lines(self) -> Iterator[bytes | None]:
        """Every line, without the mark that a text may begin with; None for one longer than
        LINE_BYTES_MAX. Raises StoreffError if what is packed is cut short or damaged, OSError."""
        try:
            while line := self._file.readline(LINE_BYTES_MAX):
                if len(line) < LINE_BYTES_MAX or line.endswith(b"\n"):
                    if b"\0" in line:
                        # What was not written of a block that was reads as zeros.
                        line = line.strip(b"\0\n") + b"\n"
                    yield line.removeprefix(_BOM)
                    continue
                while rest := self._file.readline(LINE_BYTES_MAX):
                    if rest.endswith(b"\n"):
                        break
                yield None
        except (EOFError, zlib.error, zstandard.ZstdError) as error:
            raise StoreffError(
                f"its packed data are cut short or damaged ({error})", "pack or copy it again"
            ) from error


@contextmanager
def open_trace(path: str | Path) -> Iterator[TraceFile]:
    """The trace at ``path``. Raises OSError, and StoreffError if it is no regular file."""
    # A FIFO would be waited for.
    fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        status = os.fstat(fd)
        if not stat.S_ISREG(status.st_mode):
            raise StoreffError("it is no regular file", "write the trace to a file, and give that")
        yield TraceFile(_Data(FileReader(fd, status.st_size, status.st_mtime_ns)))
    finally:
        os.close(fd)
