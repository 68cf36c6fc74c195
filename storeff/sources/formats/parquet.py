"""Parquet: the codec and the sizes of every column chunk, from the footer.

Format: https://github.com/apache/parquet-format (parquet.thrift), in Thrift's compact protocol:
https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from collections import Counter
from collections.abc import Iterator

from storeff.errors import ContradictionError
from storeff.sources.formats import HEADER_BYTES_MAX, UNTOLD, Inside, Read, of_codecs

MAGIC = b"PAR1"
# CompressionCodec of parquet.thrift.
_CODECS = ("none", "snappy", "gzip", "lzo", "brotli", "lz4", "zstd", "lz4")
_DEPTH_MAX = 16
# Types of the compact protocol.
_STOP, _TRUE, _FALSE, _BYTE, _I16, _I32, _I64, _DOUBLE, _BINARY, _LIST, _SET, _MAP, _STRUCT = range(
    13
)
# Fields: of FileMetaData, RowGroup, ColumnChunk and ColumnMetaData.
_ROW_GROUPS, _COLUMNS, _META_DATA = 4, 1, 3
_CODEC, _UNCOMPRESSED, _COMPRESSED = 4, 6, 7


def inside(read: Read, size_bytes: int) -> Inside:
    """Raises ContradictionError if the footer is none."""
    if size_bytes < 12:
        raise ContradictionError("it is too short for a footer")
    tail = read(size_bytes - 8, 8)
    if tail[4:] == b"PARE":
        return UNTOLD
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != MAGIC or not 0 < length <= size_bytes - 12:
        raise ContradictionError("it does not end in a footer")
    if length > HEADER_BYTES_MAX:
        return UNTOLD
    footer = _Compact(read(size_bytes - 8 - length, length))
    stored: Counter[str] = Counter()
    before = after = 0
    for codec, uncompressed, compressed in _column_chunks(footer):
        if min(uncompressed, compressed) < 0 or compressed > size_bytes:
            raise ContradictionError("a column chunk has an impossible size")
        name = _CODECS[codec] if 0 <= codec < len(_CODECS) else f"codec {codec}"
        if name != "none":
            stored[name] += compressed
        before += uncompressed
        after += compressed
    if after > size_bytes:
        raise ContradictionError("its column chunks are larger than the file")
    return of_codecs(stored, before, after)


def _column_chunks(footer: "_Compact") -> Iterator[tuple[int, int, int]]:
    for name, kind in footer.fields():
        if name != _ROW_GROUPS or kind != _LIST:
            footer.skip(kind)
            continue
        for _ in footer.structs():
            for name, kind in footer.fields():
                if name != _COLUMNS or kind != _LIST:
                    footer.skip(kind)
                    continue
                for _ in footer.structs():
                    yield from _meta_data(footer)


def _meta_data(footer: "_Compact") -> Iterator[tuple[int, int, int]]:
    for name, kind in footer.fields():
        if name != _META_DATA or kind != _STRUCT:
            footer.skip(kind)
            continue
        found = {_CODEC: 0, _UNCOMPRESSED: 0, _COMPRESSED: 0}
        for name, kind in footer.fields():
            if name in found and kind in (_I32, _I64):
                found[name] = footer.zigzag()
            else:
                footer.skip(kind)
        yield found[_CODEC], found[_UNCOMPRESSED], found[_COMPRESSED]


class _Compact:
    """A reader of the compact protocol. Raises ContradictionError beyond the end of ``data``."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def byte(self) -> int:
        if self.at >= len(self.data):
            raise ContradictionError("its footer ends too soon")
        self.at += 1
        return self.data[self.at - 1]

    def varint(self) -> int:
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value
            if shift > 63:
                raise ContradictionError("its footer holds a number of more than 64 bits")

    def zigzag(self) -> int:
        value = self.varint()
        return value >> 1 ^ -(value & 1)

    def fields(self) -> Iterator[tuple[int, int]]:
        """The number and type of each field of a struct: its value is to be read, or skipped."""
        number = 0
        while (head := self.byte()) != _STOP:
            kind = head & 0x0F
            number = number + (head >> 4) if head >> 4 else self.zigzag()
            yield number, kind

    def structs(self) -> Iterator[None]:
        """Once for each struct of a list."""
        count, kind = self.list_head()
        if kind != _STRUCT:
            raise ContradictionError("its footer holds no list of structs where one must be")
        for _ in range(count):
            yield None

    def list_head(self) -> tuple[int, int]:
        head = self.byte()
        count = head >> 4 if head >> 4 < 15 else self.varint()
        # Of anything but truth values an item takes a byte at least, and those take one too.
        if count > len(self.data) - self.at:
            raise ContradictionError("its footer holds a list that is longer than itself")
        return count, head & 0x0F

    def skip(self, kind: int, depth: int = 0) -> None:
        if depth > _DEPTH_MAX:
            raise ContradictionError("its footer is nested too deeply")
        if kind in (_TRUE, _FALSE):
            return
        if kind == _BYTE:
            self.byte()
        elif kind in (_I16, _I32, _I64):
            self.varint()
        elif kind == _DOUBLE:
            self.advance(8)
        elif kind == _BINARY:
            self.advance(self.varint())
        elif kind in (_LIST, _SET):
            count, of = self.list_head()
            for _ in range(count):
                self.skip(_BYTE if of in (_TRUE, _FALSE) else of, depth + 1)
        elif kind == _MAP:
            if count := self.varint():
                kinds = self.byte()
                for _ in range(count):
                    self.skip(kinds >> 4, depth + 1)
                    self.skip(kinds & 0x0F, depth + 1)
        elif kind == _STRUCT:
            for _, of in self.fields():
                self.skip(of, depth + 1)
        else:
            raise ContradictionError(f"its footer holds a value of type {kind}")

    def advance(self, length: int) -> None:
        if length > len(self.data) - self.at:
            raise ContradictionError("its footer ends too soon")
        self.at += length
