"""ORC and Avro: what their files are compressed with. How far that came is not told by either.

https://orc.apache.org/specification/ORCv1/ (the postscript is a Protocol Buffers message of numbers
and strings); https://avro.apache.org/docs/1.12.0/specification/#object-container-files
"""

from collections.abc import Iterator

from storeff.errors import ContradictionError
from storeff.sources.formats import HEADER_BYTES_MAX, NONE, Inside, Read

_ORC_CODECS = (NONE, "zlib", "snappy", "lzo", "lz4", "zstd")
_ORC_COMPRESSION = 2
_AVRO_MAGIC = b"Obj\x01"
_AVRO_ENTRIES_MAX = 1000


def orc(read: Read, size_bytes: int) -> Inside:
    """Raises ContradictionError if the postscript is none."""
    length = read(size_bytes - 1, 1)[0] if size_bytes else 0
    if not 0 < length < size_bytes:
        raise ContradictionError("it does not end in a postscript")
    numbers = dict(_fields(read(size_bytes - 1 - length, length)))
    number = numbers.get(_ORC_COMPRESSION, 0)
    codec = _ORC_CODECS[number] if number < len(_ORC_CODECS) else f"codec {number}"
    return _told(codec)


def avro(read: Read, size_bytes: int) -> Inside:
    """Raises ContradictionError if the header is none."""
    head = _Bytes(read(0, min(size_bytes, HEADER_BYTES_MAX)))
    if head.take(4) != _AVRO_MAGIC:
        raise ContradictionError("it does not begin as Avro does")
    codec, entries = "null", 0
    while count := head.signed():
        if count < 0:
            head.signed()
        entries += abs(count)
        if entries > _AVRO_ENTRIES_MAX:
            raise ContradictionError(f"its header has {entries:,} entries")
        for _ in range(abs(count)):
            name, value = head.take(head.signed()), head.take(head.signed())
            if name == b"avro.codec":
                codec = value[:20].decode("ascii", "replace")
    return _told(NONE if codec == "null" else codec)


def _told(codec: str) -> Inside:
    return Inside(codec, 1.0 if codec == NONE else None)


class _Bytes:
    """Numbers of seven bits a byte, and strings. Raises ContradictionError beyond the end."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    @property
    def is_done(self) -> bool:
        return self.at >= len(self.data)

    def take(self, length: int) -> bytes:
        if not 0 <= length <= len(self.data) - self.at:
            raise ContradictionError("its header ends too soon")
        self.at += length
        return self.data[self.at - length : self.at]

    def unsigned(self) -> int:
        value = shift = 0
        while shift <= 63:
            [byte] = self.take(1)
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return value
            shift += 7
        raise ContradictionError("its header holds a number of more than 64 bits")

    def signed(self) -> int:
        value = self.unsigned()
        return value >> 1 ^ -(value & 1)


def _fields(message: bytes) -> Iterator[tuple[int, int]]:
    """The numbers in a Protocol Buffers message, by their fields."""
    data = _Bytes(message)
    while not data.is_done:
        field, wire = divmod(data.unsigned(), 8)
        if wire == 0:
            yield field, data.unsigned()
        elif wire == 2:
            data.take(data.unsigned())
        elif wire in (1, 5):
            data.take(8 if wire == 1 else 4)
        else:
            raise ContradictionError("its postscript is no message")
