"""safetensors files: the header, checked against the file.

Format: u64 header length, JSON header, tensors without holes. The reference reader takes headers
of up to 100 MB; https://github.com/huggingface/safetensors#format
"""

import json
import math
import re
from collections.abc import Callable
from typing import Any, NamedTuple

from storeff.errors import ContradictionError
from storeff.text import excerpt

# What the reference reader takes.
REFERENCE_HEADER_BYTES_MAX = 100_000_000
# The JSON values of 3,000 tensors: parsed, the worst header of this many takes about 10 MB.
VALUES_MAX = 1 << 16
RANK_MAX = 8
# What direct I/O pads a file to.
PAGE_BYTES = 4096

# Bytes of an item by its tag; "F8E4M3FN" and "F8E5M2" are LMCache's.
ITEM_BYTES = {
    **dict.fromkeys(("F64", "I64", "U64", "C64"), 8),
    **dict.fromkeys(("F32", "I32", "U32"), 4),
    **dict.fromkeys(("BF16", "F16", "I16", "U16"), 2),
    **dict.fromkeys(("F8_E4M3", "F8E4M3FN", "F8_E5M2", "F8E5M2", "I8", "U8", "BOOL"), 1),
}
_JSON_START = re.compile(rb"\s*\{\s*[\"}]")


class LongHeaderError(ValueError):
    """A header that may be true, and is longer than the caller reads."""


class TensorEntry(NamedTuple):
    """One tensor of the header, consistent in itself; ``start`` and ``end`` are file offsets."""

    tag: str
    shape: tuple[int, ...]
    start: int
    end: int


class Header(NamedTuple):
    """The tensors that a header describes, unchecked, and the offset where the first begins."""

    tensors: dict[str, dict[str, Any]]
    data_start: int
    names_twice: bool

    def entries(self, size_bytes: int) -> dict[str, TensorEntry]:
        """The tensors, in their order in a file of ``size_bytes``.

        Raises ContradictionError unless they are possible and fill the file without hole or
        overlap.
        """
        if self.names_twice:
            raise ContradictionError("its header names a tensor twice")
        found = {name: self._entry(name, fields) for name, fields in self.tensors.items()}
        in_order = dict(sorted(found.items(), key=lambda item: (item[1].start, item[1].end)))
        end = self.data_start
        for name, entry in in_order.items():
            if entry.start != end:
                wrong = (
                    "overlaps the one before it" if entry.start < end else "leaves a hole before it"
                )
                raise ContradictionError(f"tensor {excerpt(name)} at byte {entry.start} {wrong}")
            end = entry.end
        if end != size_bytes:
            raise ContradictionError(f"its tensors end at {end} bytes, the file at {size_bytes}")
        return in_order

    def is_padded(self, size_bytes: int) -> bool:
        """Whether the last tensor ends in the last page of the file, as direct I/O leaves it.

        Raises ContradictionError if a tensor has no possible offsets.
        """
        ends = [_offsets(name, fields)[1] for name, fields in self.tensors.items()]
        return 0 <= size_bytes - self.data_start - max(ends, default=0) < PAGE_BYTES

    def _entry(self, name: str, fields: dict[str, Any]) -> TensorEntry:
        start, end = _offsets(name, fields)
        tag, shape, length = described(name, fields.get("dtype"), fields.get("shape"))
        if length is not None and length != end - start:
            raise ContradictionError(
                f"tensor {excerpt(name)} of {excerpt(tag)} {list(shape)} is {length} bytes,"
                f" but its data_offsets span {end - start}"
            )
        return TensorEntry(tag, shape, self.data_start + start, self.data_start + end)


def header_bytes(head: bytes, size_bytes: int) -> int | None:
    """The length of the JSON header of a file that begins ``head``; None if it can have none."""
    if head[8:9] != b"{":
        return None
    length = int.from_bytes(head[:8], "little")
    return length if 2 <= length <= min(REFERENCE_HEADER_BYTES_MAX, size_bytes - 8) else None


def parse(text: bytes, values_max: int = VALUES_MAX) -> Header | None:
    """What the JSON header ``text`` describes; None if it is not such a header, or may have more
    than ``values_max`` values.
    """
    if _values(text) > values_max:
        return None
    try:
        tensors = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(tensors, dict):
        return None
    tensors.pop("__metadata__", None)
    if not all(isinstance(fields, dict) for fields in tensors.values()):
        return None
    # With both its quotes it is no part of another string, which would have to escape them.
    return Header(tensors, 8 + len(text), text.count(b'"data_offsets"') > len(tensors))


def layout(
    read: Callable[[int, int], bytes], size_bytes: int, header_bytes_max: int, values_max: int
) -> tuple[int, dict[str, dict[str, Any]]] | None:
    """Where the first tensor of a file begins, and the tensors that its header describes.

    ``read(offset, length)`` gives its bytes. None if the file does not begin as safetensors do.
    Raises ContradictionError unless the header is true of the file, LongHeaderError if it has more
    bytes or values than is allowed; what ``read`` raises.
    """
    length = header_bytes(read(0, min(9, size_bytes)), size_bytes)
    if length is None:
        return None
    if length > header_bytes_max:
        raise LongHeaderError(f"its header has {length} bytes")
    text = read(8, length)
    if _values(text) > values_max:
        raise LongHeaderError(f"its header may have {_values(text)} values")
    header = parse(text, values_max)
    if header is None or len(text) != length:
        raise ContradictionError("its header does not describe tensors")
    # LMCache's GDS back end names all its groups of layers so, whatever the shape that is written.
    if set(header.tensors) != {"kvcache"}:
        header.entries(size_bytes)
    elif not header.is_padded(size_bytes):
        raise ContradictionError("its tensor does not end in the last page of the file")
    return header.data_start, header.tensors


def described(name: str, tag: object, shape: object) -> tuple[str, tuple[int, ...], int | None]:
    """A dtype's tag and a shape of a header, and the bytes they take; None for an unknown dtype.

    Raises ContradictionError if they are not such.
    """
    sizes = checked_shape(shape)
    if not isinstance(tag, str) or sizes is None:
        raise ContradictionError(f"tensor {excerpt(name)} has no possible dtype or shape")
    item_bytes = ITEM_BYTES.get(tag)
    return tag, sizes, None if item_bytes is None else item_bytes * math.prod(sizes)


def checked_shape(value: object) -> tuple[int, ...] | None:
    """A list of at most RANK_MAX numbers from 0 to 2^62; None for anything else."""
    if not isinstance(value, list) or len(value) > RANK_MAX:
        return None
    for n in value:
        if type(n) is not int or not 0 <= n <= 1 << 62:
            return None
    return tuple(value)


def content_class(head: bytes, size_bytes: int) -> str | None:
    """ "safetensors" for a file that begins ``head``; None if the header is a lie.

    A header that goes beyond ``head`` is not checked.
    """
    length = header_bytes(head, size_bytes)
    if length is None:
        return None
    if 8 + length > len(head):
        return "safetensors" if _JSON_START.match(head, 8) else None
    header = parse(head[8 : 8 + length])
    if header is None:
        return None
    try:
        header.entries(size_bytes)
    except ContradictionError:
        return None
    return "safetensors"


def _values(text: bytes) -> int:
    """A bound of the JSON values in ``text``, from which follows what parsing it takes."""
    return text.count(b",") + text.count(b":") + text.count(b"[")


def _offsets(name: str, fields: dict[str, Any]) -> tuple[int, int]:
    bounds = checked_shape(fields.get("data_offsets"))
    if bounds is None or len(bounds) != 2 or bounds[0] > bounds[1]:
        raise ContradictionError(f"tensor {excerpt(name)} has no possible data_offsets")
    return bounds[0], bounds[1]
