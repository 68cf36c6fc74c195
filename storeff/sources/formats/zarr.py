"""Zarr: a chunk is an object of its own, and what it holds is told by its array's metadata beside.

https://zarr-specs.readthedocs.io: version 2 (.zarray), version 3 (zarr.json) and its codec
sharding_indexed. What a chunk says of itself is checked against that: the headers of Blosc
(https://github.com/Blosc/c-blosc/blob/main/README_CHUNK_FORMAT.rst), Zstandard and gzip, and the
length that numcodecs writes before LZ4. Chunks that were never written are no objects.
"""

import json
import math
import re
import struct
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Annotated, Final, Literal, NamedTuple

import msgspec
import numpy as np

from storeff.errors import ContradictionError
from storeff.sources.entry import Entry
from storeff.sources.formats import HEADER_BYTES_MAX, NONE, UNTOLD, Inside, Read, named, of_codecs
from storeff.sources.formats.archives import EXPANSION_MAX, zstd_bytes
from storeff.sources.source import Source

# Chunks of a shard whose headers are looked at; the index tells the lengths of all.
_CHUNKS_MAX = 8
# Reads of an object at most: the index, and of each chunk the first bytes and the last.
READS_MAX: Final = 1 + 2 * _CHUNKS_MAX
_RANK_MAX = 32
_BYTES_MAX = 1 << 62
# Base names of chunks: "0.0", "c.0.0", "c" of one without dimensions; "0" in folders "0" and "c".
_DOTTED = re.compile(rb"c|c(\.\d+)+|\d+(\.\d+)+")
_DIGITS = re.compile(rb"\d+")
_SHARDING = "sharding_indexed"
# Codecs that compress nothing, first those that leave as many bytes as they find.
_SAME_BYTES: Final = frozenset(("bytes", "transpose", "shuffle", "bitround"))
_PLAIN: Final = _SAME_BYTES | {
    *("adler32", "crc32", "crc32c", "fletcher32", "jenkins_lookup3"),
    *("astype", "cast_value", "delta", "fixedscaleoffset", "quantize", "scale_offset"),
    *("base64", "categorize", "json2", "msgpack2", "packbits", "pickle"),
    *("vlen-array", "vlen-bytes", "vlen-utf8"),
}
_CRC_BYTES = 4
_BLOSC_CODECS = ("blosclz", "lz4", "snappy", "zlib", "zstd")
_BLOSC_COPIED = 2
_ABSENT = (1 << 64) - 1
# Of version 2, as numpy writes them; of "|O" each item has its own size.
_SIMPLE_TYPE = re.compile(r"[<>|=][biufcmMSUV]\d{1,6}(\[[a-zA-Z0-9]{1,6}\])?")
# Of version 3; another may tell in its configuration how many bytes it has.
_NUMBER_TYPE = re.compile(r"(?:u?int|b?float|complex|r)(\d{1,4})")
_TYPE_BYTES = {"bool": 1, "numpy.datetime64": 8, "numpy.timedelta64": 8}


class Pipeline(NamedTuple):
    """How a chunk is stored: ``codecs`` in the order in which they were applied to its items of
    ``dtype``, which are ``chunk_bytes``; None where an item has no size of its own."""

    chunk_bytes: int | None
    dtype: str
    codecs: tuple[str, ...]


class Array(NamedTuple):
    """``rank`` dimensions, in objects of one chunk each; or in shards of ``shard_chunks`` at most
    and an index of ``index_bytes`` at the start or at the end."""

    rank: int
    pipeline: Pipeline
    shard_chunks: int = 0
    index_bytes: int = 0
    index_is_first: bool = False


class Arrays:
    """The arrays of ``source``: the metadata of each is read once."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.known: dict[tuple[int, bytes], Array | None] = {}

    def inside(self, entry: Entry, read: Read) -> Inside | None:
        """What is inside ``entry``; None if it is no chunk of an array.

        Raises ContradictionError if it is not what its array says, and what ``read`` raises.
        """
        for folder, rank in _folders(entry.path):
            array = self._array(entry, folder)
            # A chunk of an array without dimensions is called "0" in version 2.
            if array is not None and rank in (array.rank, array.rank or 1):
                return inside(array, read, entry.size_bytes)
        return None

    def _array(self, entry: Entry, folder: bytes) -> Array | None:
        key = entry.roots[0], folder
        if key not in self.known:
            levels = entry.path.count(b"/") - (folder.count(b"/") + 1 if folder else 0)
            found = None
            for name, version in _METADATA:
                at = b"../" * levels + name
                text = self.source.read_beside(entry, at, HEADER_BYTES_MAX)
                found = None if text is None else _array_of(text, version)
                if found is not None:
                    break
            self.known[key] = found
        return self.known[key]


def most_beside(entries: Iterable[Entry]) -> tuple[int, int]:
    """Requests for metadata that an object store is asked at most if ``entries`` are looked into,
    and the bytes of these: each is looked for, and fetched if it is there."""
    folders = {(each.roots[0], folder) for each in entries for folder, _ in _folders(each.path)}
    count = len(folders) * len(_METADATA)
    return 2 * count, HEADER_BYTES_MAX * count


def inside(array: Array, read: Read, size_bytes: int) -> Inside:
    """What is inside a chunk or a shard of ``array``. Raises as Arrays.inside does."""
    chunks = [(0, size_bytes)] if not array.shard_chunks else _in_shard(array, read, size_bytes)
    if not chunks:
        return UNTOLD
    pipeline = array.pipeline
    stored: Counter[str] = Counter()
    before = after = 0
    is_known = True
    for offset, length in chunks[:: -(-len(chunks) // _CHUNKS_MAX)]:
        codec, chunk_bytes = _chunk(pipeline, read, offset, length)
        if codec != NONE:
            stored[codec] += length
        is_known = is_known and chunk_bytes is not None
        before += chunk_bytes or 0
        after += length
    if pipeline.chunk_bytes is not None:
        before, after = len(chunks) * pipeline.chunk_bytes, size_bytes
    found = of_codecs(stored, before, after)
    if not is_known or before > EXPANSION_MAX * after:
        found = found._replace(expansion=None)
    return found._replace(parts={} if stored else {pipeline.dtype: size_bytes})


def _folders(path: bytes) -> Iterator[tuple[bytes, int]]:
    """Where the array may be of which ``path`` is a chunk, and the dimensions it then has: the
    highest first, so that chunks of one array ask for the same."""
    parts = path.split(b"/")
    if _DOTTED.fullmatch(parts[-1]):
        yield b"/".join(parts[:-1]), len(_DIGITS.findall(parts[-1]))
        return
    rank = 0
    while rank < min(len(parts), _RANK_MAX) and _DIGITS.fullmatch(parts[-1 - rank]):
        rank += 1
    if 0 < rank < len(parts) and parts[-1 - rank] == b"c":
        yield b"/".join(parts[: -1 - rank]), rank
    for each in range(rank, 0, -1):
        yield b"/".join(parts[:-each]), each


def _chunk(pipeline: Pipeline, read: Read, offset: int, length: int) -> tuple[str, int | None]:
    """The codec of a chunk, and its bytes before all codecs; None where these are not told."""
    expected, codecs = pipeline.chunk_bytes, pipeline.codecs
    if codecs[-1:] == ("crc32c",):
        codecs, length = codecs[:-1], length - _CRC_BYTES
        if length < 0:
            raise ContradictionError("a chunk is shorter than its checksum")
    name = next((each for each in reversed(codecs) if each not in _PLAIN), NONE)
    said = None
    if name == NONE:
        said, before = length, codecs
    elif name == codecs[-1]:
        before = codecs[:-1]
        name, said = _said(name, read, offset, length, expected)
    else:
        # What is done to a chunk after it was compressed hides its header.
        before = codecs
    if said is None or expected is None:
        return name, expected if said is None else said
    if said != expected and _SAME_BYTES.issuperset(before):
        raise ContradictionError(f"a chunk holds {said} bytes, and its array says {expected}")
    return name, expected


def _said(
    name: str, read: Read, offset: int, length: int, expected: int | None
) -> tuple[str, int | None]:
    """What a chunk says of its codec, and of its bytes before that."""
    head = read(offset, min(length, 18))
    if name == "zstd":
        return name, zstd_bytes(head)
    if name == "blosc":
        if length < 16:
            raise ContradictionError("a chunk is shorter than the header of Blosc")
        flags, before, after = struct.unpack("<2xBxI4xI", head[:16])
        if after != length:
            raise ContradictionError(f"a chunk of {length} bytes has {after} by its header")
        if flags & _BLOSC_COPIED:
            return NONE, before
        number = flags >> 5
        of = _BLOSC_CODECS[number] if number < len(_BLOSC_CODECS) else str(number)
        return f"blosc-{of}", before
    if name == "lz4":
        return name, int.from_bytes(head[:4], "little") if length >= 4 else None
    if name == "gzip":
        if length < 18 or not head.startswith(b"\x1f\x8b\x08"):
            raise ContradictionError("a chunk does not begin as gzip does")
        before = int.from_bytes(read(offset + length - 4, 4), "little")
        # Of which gzip keeps 32 bits.
        is_so = expected is not None and expected % (1 << 32) == before
        return name, expected if is_so else before
    return name, None


def _in_shard(array: Array, read: Read, size_bytes: int) -> list[tuple[int, int]]:
    """Where the chunks of a shard are, by its index."""
    if array.index_bytes > size_bytes:
        raise ContradictionError("a shard is shorter than its index")
    at = 0 if array.index_is_first else size_bytes - array.index_bytes
    index = np.frombuffer(read(at, 16 * array.shard_chunks), "<u8").reshape(-1, 2)
    chunks = [(start, length) for start, length in index.tolist() if start != _ABSENT]
    if any(start + length > size_bytes for start, length in chunks):
        raise ContradictionError("a chunk of a shard is beyond its end")
    if sum(length for _, length in chunks) > size_bytes - array.index_bytes:
        raise ContradictionError("the chunks of a shard are larger than itself")
    return [(start, length) for start, length in chunks if length]


class _NoArrayError(Exception):
    """The metadata are of no array, or of one that is not known here."""


Size = Annotated[int, msgspec.Meta(ge=0, le=_BYTES_MAX)]
Shape = Annotated[list[Size], msgspec.Meta(max_length=_RANK_MAX)]


class _Codec(msgspec.Struct):
    id: str


class _Version2(msgspec.Struct):
    chunks: Shape
    dtype: str | list[object]
    compressor: _Codec | None = None
    filters: list[_Codec] | None = None

    def array(self) -> Array:
        steps = [*(self.filters or []), *([self.compressor] if self.compressor else [])]
        dtype, item_bytes = _type_2(self.dtype)
        pipeline = _pipeline(self.chunks, dtype, item_bytes, [step.id for step in steps])
        return Array(len(self.chunks), pipeline)


class _Configuration(msgspec.Struct, frozen=True):
    """What is known of the configurations of all extensions."""

    chunk_shape: Shape | None = None
    codecs: "list[_Named | str]" = []
    index_codecs: "list[_Named | str]" = []
    index_location: str = "end"
    length_bytes: Size | None = None


class _Named(msgspec.Struct):
    name: str
    configuration: _Configuration = _Configuration()


class _Version3(msgspec.Struct):
    node_type: Literal["array"]
    shape: Shape
    data_type: _Named | str
    chunk_grid: _Named
    codecs: list[_Named | str]

    def array(self) -> Array:
        dtype, item_bytes = _type_3(self.data_type)
        shape = self.chunk_grid.configuration.chunk_shape
        chunks = shape if self.chunk_grid.name == "regular" else None
        names = _names(self.codecs)
        if _SHARDING not in names:
            return Array(len(self.shape), _pipeline(chunks, dtype, item_bytes, names))
        last = self.codecs[-1]
        if isinstance(last, str) or last.name != _SHARDING or chunks is None:
            raise _NoArrayError
        inner = last.configuration.chunk_shape or []
        index, names = _names(last.configuration.index_codecs), _names(last.configuration.codecs)
        if index not in (["bytes"], ["bytes", "crc32c"]) or _SHARDING in names:
            raise _NoArrayError
        if not len(inner) == len(chunks) == len(self.shape) or 0 in inner:
            raise _NoArrayError
        count = math.prod(of // by for of, by in zip(chunks, inner, strict=True))
        index_bytes = 16 * count + _CRC_BYTES * (len(index) - 1)
        if not 0 < count <= index_bytes <= HEADER_BYTES_MAX:
            raise _NoArrayError
        pipeline = _pipeline(inner, dtype, item_bytes, names)
        is_first = last.configuration.index_location == "start"
        return Array(len(chunks), pipeline, count, index_bytes, is_first)


_METADATA: Final = ((b".zarray", _Version2), (b"zarr.json", _Version3))


def _array_of(text: bytes, version: type[_Version2] | type[_Version3]) -> Array | None:
    try:
        # Attributes may be what only Python takes for JSON, such as NaN.
        return msgspec.convert(json.loads(text), version).array()
    except (ValueError, RecursionError, msgspec.ValidationError, _NoArrayError):
        return None


def _names(steps: "list[_Named | str]") -> list[str]:
    return [step if isinstance(step, str) else step.name for step in steps]


def _pipeline(
    chunks: list[int] | None, dtype: str, item_bytes: int | None, names: list[str]
) -> Pipeline:
    chunk_bytes = None if chunks is None else _product(chunks, item_bytes)
    plain = (name.removeprefix("numcodecs.") for name in names)
    codecs = tuple("bzip2" if name == "bz2" else named(name) for name in plain)
    return Pipeline(chunk_bytes, named(dtype), codecs)


def _product(sizes: list[int], item_bytes: int | None) -> int | None:
    if item_bytes is None:
        return None
    product = item_bytes * math.prod(sizes)
    if not 0 < product <= _BYTES_MAX:
        raise _NoArrayError
    return product


def _type_2(dtype: object) -> tuple[str, int | None]:
    if not isinstance(dtype, str):
        return "struct", None
    if not _SIMPLE_TYPE.fullmatch(dtype):
        return dtype, None
    try:
        found = np.dtype(dtype)
    except (TypeError, ValueError) as error:
        raise _NoArrayError from error
    return found.name, found.itemsize


def _type_3(data_type: "_Named | str") -> tuple[str, int | None]:
    name = data_type if isinstance(data_type, str) else data_type.name
    if number := _NUMBER_TYPE.fullmatch(name):
        return name, -(-int(number[1]) // 8)
    if name in _TYPE_BYTES:
        return name, _TYPE_BYTES[name]
    return name, None if isinstance(data_type, str) else data_type.configuration.length_bytes
