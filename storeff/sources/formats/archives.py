"""Archives and compressed streams: what their members are, and what they were before.

tar: POSIX.1-2017, pax, and GNU tar's numbers of 256 bits a digit. zip: read by the standard
library. gzip: RFC 1952, Zstandard: RFC 8878.
"""

import io
import struct
import zipfile
from collections import Counter
from typing import Final

from storeff.errors import ContradictionError
from storeff.sources.content import classify
from storeff.sources.formats import HEADER_BYTES_MAX, NONE, UNTOLD, Inside, Read, of_codecs

_BLOCK: Final = 512
# Members that are looked at, from the first on, and what is read of each: its class needs no more.
MEMBERS_MAX: Final = 128
_HEAD_BYTES = 4096
_ZIP_CODECS = {0: NONE, 8: "deflate", 9: "deflate64", 12: "bzip2", 14: "lzma", 93: "zstd", 95: "xz"}
# DEFLATE makes no more of a byte (RFC 1951); the others that are claimed to are not believed.
EXPANSION_MAX = 1032
_MAGICS = {
    b"\x1f\x8b\x08": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"\xfd7zXZ\0": "xz",
    b"BZh": "bzip2",
    b"\x04\x22\x4d\x18": "lz4",
    b"\xff\x06\0\0sNaPpY": "snappy",
    b"LZIP\x01": "lzip",
    b"7z\xbc\xaf\x27\x1c": "7z",
    b"Rar!\x1a\x07": "rar",
    b"\x1f\x9d": "compress",
}


def tar(read: Read, size_bytes: int) -> Inside:
    """Classes of the first MEMBERS_MAX members. Raises ContradictionError for a wrong header."""
    parts: Counter[str] = Counter()
    at = members = 0
    pax_bytes: int | None = None
    for _ in range(4 * MEMBERS_MAX):
        if members == MEMBERS_MAX:
            break
        block = read(at, min(_BLOCK + _HEAD_BYTES, size_bytes - at)) if at < size_bytes else b""
        header = block[:_BLOCK]
        if len(header) < _BLOCK or not header.strip(b"\0"):
            break
        length = _tar_number(header[124:136])
        kind = header[156:157]
        if kind == b"x":
            pax_bytes = _pax_size(read(at + _BLOCK, min(length, 1 << 16, size_bytes - at - _BLOCK)))
        elif kind not in b"gLK" or not kind:
            length = length if pax_bytes is None else pax_bytes
            pax_bytes = None
            if length > size_bytes - at - _BLOCK:
                raise ContradictionError(f"its member at byte {at} is longer than itself")
            if length and kind in (b"0", b"\0", b"7", b""):
                head = block[_BLOCK : _BLOCK + min(length, _HEAD_BYTES)]
                parts[classify(head, header[:100].rstrip(b"\0"), length)] += length
                members += 1
        at += _BLOCK + -(-length // _BLOCK) * _BLOCK
    return Inside(NONE, 1.0, dict(parts))


def _tar_number(field: bytes) -> int:
    if field[:1] in (b"\x80", b"\xff"):
        return int.from_bytes(field[1:], "big")
    digits = field.strip(b" \0")
    if not digits:
        return 0
    if not digits.isdigit() or b"8" in digits or b"9" in digits:
        raise ContradictionError("the length of a member is no number")
    return int(digits, 8)


def _pax_size(records: bytes) -> int | None:
    for line in records.split(b"\n"):
        _, _, record = line.partition(b" ")
        if record.startswith(b"size=") and record[5:].isdigit():
            return int(record[5:25])
    return None


def compressed(read: Read, size_bytes: int) -> Inside:
    """A zip archive, or a stream of one codec. Raises ContradictionError if it is no such."""
    head = read(0, min(size_bytes, 18))
    if head.startswith(b"PK"):
        return zipped(read, size_bytes)
    codec = next((name for magic, name in _MAGICS.items() if head.startswith(magic)), None)
    before: int | None = None
    if codec == "gzip" and size_bytes >= 18:
        # Of the last member alone, and modulo 2^32: only where that cannot be it is believed.
        (last,) = struct.unpack("<I", read(size_bytes - 4, 4))
        before = last if size_bytes <= last and size_bytes < 1 << 22 else None
    elif codec == "zstd":
        before = zstd_bytes(head)
    if before is None or not size_bytes <= before <= EXPANSION_MAX * size_bytes:
        return Inside(codec, None)
    return Inside(codec, before / size_bytes)


def zstd_bytes(head: bytes) -> int | None:
    """What the first frame says that it holds; a stream of several holds more."""
    import zstandard

    try:
        size = zstandard.get_frame_parameters(head).content_size
    except zstandard.ZstdError as error:
        raise ContradictionError("its first frame has no header") from error
    return None if size in (zstandard.CONTENTSIZE_UNKNOWN, zstandard.CONTENTSIZE_ERROR) else size


def zipped(read: Read, size_bytes: int) -> Inside:
    """By the central directory. Raises ContradictionError if there is none."""
    try:
        with zipfile.ZipFile(Window(read, size_bytes, HEADER_BYTES_MAX)) as archive:
            members = archive.infolist()
    except TooLongError:
        return UNTOLD
    except (zipfile.BadZipFile, NotImplementedError, ValueError, EOFError) as error:
        raise ContradictionError("it has no directory of members") from error
    stored: Counter[str] = Counter()
    before = after = 0
    for member in members:
        if not 0 <= member.compress_size <= size_bytes:
            raise ContradictionError("a member has an impossible size")
        if member.file_size > EXPANSION_MAX * max(1, member.compress_size):
            continue
        codec = _ZIP_CODECS.get(member.compress_type, f"method {member.compress_type}")
        if codec != NONE:
            stored[codec] += member.compress_size
        before += member.file_size
        after += member.compress_size
    return of_codecs(stored, before, after)


class TooLongError(Exception):
    """More is asked for at once than may be read; the message says how much."""


class Window(io.RawIOBase):
    """An object as the file that zipfile wants; one read has ``most_bytes`` at most, or raises
    TooLongError."""

    def __init__(self, read_at: Read, size_bytes: int, most_bytes: int) -> None:
        self._read_at = read_at
        self._size_bytes = size_bytes
        self._most_bytes = most_bytes
        self._at = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size_bytes}
        if base[whence] + offset < 0:
            raise io.UnsupportedOperation("before the start")
        self._at = base[whence] + offset
        return self._at

    def read(self, length: int = -1) -> bytes:
        left = max(self._size_bytes - self._at, 0)
        length = left if length is None or length < 0 else min(length, left)
        if length > self._most_bytes:
            raise TooLongError(f"{length} bytes")
        data = self._read_at(self._at, length) if length else b""
        self._at += len(data)
        return data
