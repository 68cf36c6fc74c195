"""Files of tensors: of what types their numbers are.

safetensors: see storeff.sources.safetensors. GGUF: https://github.com/ggml-org/ggml/blob/master/
docs/gguf.md. NumPy: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
"""

import io
import struct
from collections import Counter
from tokenize import TokenError
from typing import Any, Final

import numpy as np

from storeff.errors import ContradictionError
from storeff.sources import safetensors
from storeff.sources.formats import HEADER_BYTES_MAX, NONE, UNTOLD, Inside, Read, named
from storeff.sources.formats.archives import zipped

# The header of a model of 256,000 tokens, names of all included, takes some 6 MB.
_GGUF_HEADER_BYTES_MAX: Final = 16 << 20
_GGUF_ITEMS_MAX = 1 << 21
# The names of ggml_type, in its order.
_GGUF_TYPES = dict(enumerate(("F32", "F16", "Q4_0", "Q4_1")))
_GGUF_TYPES |= dict(enumerate(("Q5_0", "Q5_1", "Q8_0", "Q8_1"), 6))
_GGUF_TYPES |= dict(enumerate(("Q2_K", "Q3_K", "Q4_K", "Q5_K", "Q6_K", "Q8_K"), 10))
_GGUF_TYPES |= dict(enumerate(("IQ2_XXS", "IQ2_XS", "IQ3_XXS", "IQ1_S", "IQ4_NL", "IQ3_S"), 16))
_GGUF_TYPES |= dict(enumerate(("IQ2_S", "IQ4_XS", "I8", "I16", "I32", "I64", "F64", "IQ1_M"), 22))
_GGUF_TYPES |= {30: "BF16", 34: "TQ1_0", 35: "TQ2_0", 39: "MXFP4"}
# Of metadata values by their type, in struct's letters; 8 is a string, 9 an array.
_GGUF_VALUES = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q"}
_GGUF_VALUES[12] = "d"
_GGUF_STRING, _GGUF_ARRAY = 8, 9
_ALIGNMENT = b"general.alignment"


def of_safetensors(read: Read, size_bytes: int) -> Inside:
    """Raises ContradictionError if the header is not true of the file."""
    try:
        found = safetensors.layout(read, size_bytes, HEADER_BYTES_MAX, safetensors.VALUES_MAX)
    except safetensors.LongHeaderError:
        return UNTOLD
    if found is None:
        raise ContradictionError("it does not begin as safetensors do")
    parts: Counter[str] = Counter()
    for fields in found[1].values():
        start, end = fields["data_offsets"]
        parts[named(str(fields.get("dtype")))] += end - start
    return Inside(NONE, 1.0, dict(parts))


def numpy(read: Read, size_bytes: int) -> Inside:
    """An array, or a zip archive of some. Raises ContradictionError if it is neither."""
    head = read(0, min(size_bytes, 1 << 16))
    if head.startswith(b"PK"):
        return zipped(read, size_bytes)
    file = io.BytesIO(head)
    try:
        major, _ = np.lib.format.read_magic(file)
        reader = {1: np.lib.format.read_array_header_1_0, 2: np.lib.format.read_array_header_2_0}
        dtype = reader[min(major, 2)](file)[2]
    except (ValueError, SyntaxError, TypeError, struct.error, TokenError) as error:
        raise ContradictionError("it has no header of an array") from error
    return Inside(NONE, 1.0, {dtype.name[:20]: max(0, size_bytes - file.tell())})


def gguf(read: Read, size_bytes: int) -> Inside:
    """Raises ContradictionError if the header is none."""
    head = _Gguf(read, size_bytes)
    if head.take(4) != b"GGUF":
        raise ContradictionError("it does not begin as GGUF does")
    version, tensors, pairs = head.unpack("<IQQ")
    if version < 2:
        return UNTOLD
    if max(tensors, pairs) > _GGUF_ITEMS_MAX:
        raise ContradictionError(f"its header has {max(tensors, pairs):,} entries")
    try:
        alignment = 32
        for _ in range(pairs):
            name = head.string()
            value = head.value(head.unpack("<I")[0])
            if name == _ALIGNMENT and isinstance(value, int) and 0 < value <= 1 << 20:
                alignment = value
        places = []
        for _ in range(tensors):
            head.string()
            [dimensions] = head.unpack("<I")
            head.take(8 * dimensions)
            kind, offset = head.unpack("<IQ")
            places.append((offset, kind))
    except _TooLongError:
        return UNTOLD
    begin = -(-head.at // alignment) * alignment
    places.sort()
    ends = [offset for offset, _ in places[1:]] + [size_bytes - begin]
    parts: Counter[str] = Counter()
    for (offset, kind), end in zip(places, ends, strict=True):
        if not offset <= end <= size_bytes - begin:
            raise ContradictionError("a tensor is beyond the end of the file")
        parts[_GGUF_TYPES.get(kind, f"type {kind}")] += end - offset
    return Inside(NONE, 1.0, dict(parts))


class _TooLongError(Exception):
    """The header has more than is looked at."""


class _Gguf:
    """What is read of the header so far, a piece at a time."""

    def __init__(self, read: Read, size_bytes: int) -> None:
        self.read = read
        self.size_bytes = size_bytes
        self.data = b""
        self.at = 0
        self.items = 0

    def take(self, length: int) -> bytes:
        end = self.at + length
        if end > self.size_bytes:
            raise ContradictionError("its header ends too soon")
        if end > _GGUF_HEADER_BYTES_MAX:
            raise _TooLongError
        if end > len(self.data):
            more = min(max(end, 2 * len(self.data), 1 << 16), self.size_bytes) - len(self.data)
            self.data += self.read(len(self.data), more)
        self.at = end
        return self.data[end - length : end]

    def unpack(self, form: str) -> tuple[Any, ...]:
        return struct.unpack(form, self.take(struct.calcsize(form)))

    def string(self) -> bytes:
        return self.take(self.unpack("<Q")[0])

    def value(self, kind: int, depth: int = 0) -> object:
        self.items += 1
        if self.items > _GGUF_ITEMS_MAX:
            raise _TooLongError
        if kind == _GGUF_STRING:
            return self.string()
        if kind == _GGUF_ARRAY:
            of, count = self.unpack("<IQ")
            if of in _GGUF_VALUES:
                self.take(count * struct.calcsize("<" + _GGUF_VALUES[of]))
                return None
            if depth > 4 or count > _GGUF_ITEMS_MAX:
                raise ContradictionError("its header holds an impossible array")
            for _ in range(count):
                self.value(of, depth + 1)
            return None
        if kind not in _GGUF_VALUES:
            raise ContradictionError(f"its header holds a value of type {kind}")
        return self.unpack("<" + _GGUF_VALUES[kind])[0]
