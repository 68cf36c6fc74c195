"""Arrow's IPC formats: the codec of record batches, and what their buffers are uncompressed.

Both formats are a sequence of messages, the file format with a magic number before it.
https://arrow.apache.org/docs/format/Columnar.html#serialization-and-interprocess-communication-ipc
Metadata are Flatbuffers: a table begins with the distance back to its vtable, which holds for each
field how far from the table's begin it is, 0 if it is left out.
"""

import struct
from collections import Counter
from typing import Final

from storeff.errors import ContradictionError
from storeff.sources.formats import HEADER_BYTES_MAX, UNTOLD, Inside, Read, of_codecs

MAGIC: Final = b"ARROW1\0\0"
_CODECS = ("lz4", "zstd")
# Record batches that are looked at, and buffers of each: of a wide table there are thousands.
_BATCHES_MAX = 8
_BUFFERS_MAX = 64
_MESSAGES_MAX = 64
# Of Message.header (Message.fbs), and fields: of Message and RecordBatch.
_RECORD_BATCH = 3
_HEADER_TYPE, _HEADER, _BODY_LENGTH = 1, 2, 3
_BUFFERS, _COMPRESSION = 2, 3


def inside(read: Read, size_bytes: int) -> Inside:
    """Raises ContradictionError if the messages are none."""
    at = len(MAGIC) if read(0, min(8, size_bytes)) == MAGIC else 0
    stored: Counter[str] = Counter()
    before = after = batches = 0
    for _ in range(_MESSAGES_MAX):
        if batches == _BATCHES_MAX or at + 8 > size_bytes:
            break
        marker, length = struct.unpack("<Ii", read(at, 8))
        if marker != 0xFFFFFFFF or length == 0:
            break
        if not 0 < length <= min(HEADER_BYTES_MAX, size_bytes - at - 8):
            raise ContradictionError(f"the message at byte {at} has an impossible length")
        try:
            message = _Table.root(read(at + 8, length))
            kind, header = message.number(_HEADER_TYPE, "B"), message.table(_HEADER)
            body_bytes = message.number(_BODY_LENGTH, "q")
        except (struct.error, IndexError) as error:
            raise ContradictionError(f"the message at byte {at} points beyond itself") from error
        body = at + 8 + length
        if not 0 <= body_bytes <= size_bytes - body:
            raise ContradictionError(f"the message at byte {at} has an impossible body")
        if kind == _RECORD_BATCH and header is not None:
            batches += 1
            codec, sizes = _buffers(header, read, body, body_bytes)
            before += sum(size for size, _ in sizes)
            after += sum(size for _, size in sizes)
            if codec is not None:
                stored[codec] += sum(size for _, size in sizes)
        at = body + body_bytes
    return of_codecs(stored, before, after) if batches else UNTOLD


def _buffers(
    batch: "_Table", read: Read, body: int, body_bytes: int
) -> tuple[str | None, list[tuple[int, int]]]:
    """The codec, and of each buffer the bytes uncompressed and as they are."""
    try:
        compression = batch.table(_COMPRESSION)
        number = None if compression is None else compression.number(0, "b")
        spans = batch.spans(_BUFFERS)[:_BUFFERS_MAX]
    except (struct.error, IndexError) as error:
        raise ContradictionError("a record batch points beyond itself") from error
    if number is None:
        return None, [(length, length) for _, length in spans]
    codec = _CODECS[number] if 0 <= number < len(_CODECS) else f"codec {number}"
    sizes = []
    for offset, length in spans:
        if not (offset >= 0 and 0 <= length <= body_bytes - offset):
            raise ContradictionError("a buffer of a record batch is beyond its body")
        if length < 8:
            continue
        # Before each compressed buffer; -1 where it is not compressed after all.
        (uncompressed,) = struct.unpack("<q", read(body + offset, 8))
        if uncompressed < -1 or uncompressed > 1 << 48:
            raise ContradictionError("a buffer of a record batch has an impossible size")
        sizes.append((length - 8 if uncompressed == -1 else uncompressed, length))
    return codec, sizes


class _Table:
    """A Flatbuffers table at ``at`` of ``data``. Raises struct.error or IndexError beyond it."""

    def __init__(self, data: bytes, at: int) -> None:
        if not 0 <= at <= len(data) - 4:
            raise IndexError(at)
        self.data = data
        self.at = at
        self.vtable = at - self.int_at(at, "i")

    @classmethod
    def root(cls, data: bytes) -> "_Table":
        return cls(data, struct.unpack_from("<I", data)[0])

    def int_at(self, at: int, form: str) -> int:
        if at < 0:
            raise IndexError(at)
        value: int = struct.unpack_from("<" + form, self.data, at)[0]
        return value

    def place(self, field: int) -> int | None:
        if 4 + 2 * field >= self.int_at(self.vtable, "H"):
            return None
        distance = self.int_at(self.vtable + 4 + 2 * field, "H")
        return self.at + distance if distance else None

    def number(self, field: int, form: str) -> int:
        place = self.place(field)
        return 0 if place is None else self.int_at(place, form)

    def table(self, field: int) -> "_Table | None":
        place = self.place(field)
        return None if place is None else _Table(self.data, place + self.int_at(place, "I"))

    def spans(self, field: int) -> list[tuple[int, int]]:
        """A vector of structs of two 64-bit numbers."""
        place = self.place(field)
        if place is None:
            return []
        vector = place + self.int_at(place, "I")
        count = self.int_at(vector, "I")
        if vector + 4 + 16 * count > len(self.data):
            raise IndexError(vector)
        return [struct.unpack_from("<qq", self.data, vector + 4 + 16 * i) for i in range(count)]
