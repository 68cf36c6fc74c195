"""safetensors files: the header, checked against the file; and KV caches that are plain tensors.

Format: u64 header length, JSON header, tensors without holes. The reference reader takes headers
of up to 100 MB; https://github.com/huggingface/safetensors#format
"""

import json
import math
import re
from collections.abc import Iterable
from typing import Any, Literal, NamedTuple

from storeff.sources.dumps.dump import (
    ITEM_BYTES,
    PAGE_BYTES,
    Axis,
    Candidate,
    ContradictionError,
    Dtype,
    Dump,
    Tensor,
    malformed,
    shown,
)

# What the reference reader takes.
REFERENCE_HEADER_BYTES_MAX = 100_000_000
# A cache of 126 layers, K and V apart, has a header of 30 kB; weights that need more are not KV.
HEADER_BYTES_MAX = 1 << 20
# The JSON values of 3,000 tensors: parsed, the worst header of this many takes about 10 MB.
VALUES_MAX = 1 << 16
RANK_MAX = 8

# Tags of the format; "F8E4M3FN" and "F8E5M2" are LMCache's.
DTYPE_OF_TAG: dict[str, Dtype] = {
    "F64": "f64",
    "F32": "f32",
    "BF16": "bf16",
    "F16": "f16",
    "F8_E4M3": "f8e4m3",
    "F8E4M3FN": "f8e4m3",
    "F8_E5M2": "f8e5m2",
    "F8E5M2": "f8e5m2",
    "I8": "i8",
    "U8": "u8",
}
_ITEM_BYTES_OF_TAG = {tag: ITEM_BYTES[dtype] for tag, dtype in DTYPE_OF_TAG.items()} | {
    "BOOL": 1,
    "I16": 2,
    "U16": 2,
    "I32": 4,
    "U32": 4,
    "I64": 8,
    "U64": 8,
    "C64": 8,
}

_JSON_START = re.compile(rb"\s*\{\s*[\"}]")
# A cache's tensor has a name of these words and numbers only, such as "past_key_values.0.key",
# "layers.3.self_attn.v_cache" or "present.1.value"; a weight's has others ("weight", "proj").
_PLACE_WORD = re.compile(
    "attention|attn|blocks?|decoder|h|layers?|model|self|states?|transformer|[0-9]+"
)
_CACHE_WORD = re.compile("caches?|past|present")
_K_WORDS = frozenset(("k", "key", "keys"))
_V_WORDS = frozenset(("v", "value", "values"))
_WORD = re.compile(r"[a-z]+|[0-9]{1,6}(?![0-9])|[^._/-]")
_BOTH = re.compile(r"past_key_values?")
# mlx-lm numbers its tensors by layer, then 0 for K and 1 for V.
_MLX_NAME = re.compile(r"[0-9]{1,6}\.[01]")


class LongHeaderError(ValueError):
    """A header that may be true, and is longer than the caller reads."""


class Entry(NamedTuple):
    """One tensor of the header, consistent in itself; ``start`` and ``end`` are file offsets."""

    tag: str
    shape: tuple[int, ...]
    start: int
    end: int

    @property
    def dtype(self) -> Dtype | None:
        return DTYPE_OF_TAG.get(self.tag)


def header_bytes(head: bytes, size_bytes: int) -> int | None:
    """The length of the JSON header of a file that begins ``head``; None if it can have none."""
    if head[8:9] != b"{":
        return None
    length = int.from_bytes(head[:8], "little")
    return length if 2 <= length <= min(REFERENCE_HEADER_BYTES_MAX, size_bytes - 8) else None


def read(candidate: Candidate, header_bytes_max: int = HEADER_BYTES_MAX) -> bytes | None:
    """The JSON header; None if there is none, or it is longer than ``header_bytes_max``."""
    length = header_bytes(candidate.read(0, 9), candidate.size_bytes)
    if length is None or length > header_bytes_max:
        return None
    text = candidate.read(8, length)
    return text if len(text) == length else None


def values(text: bytes) -> int:
    """A bound of the JSON values in ``text``, from which follows what parsing it takes."""
    return text.count(b",") + text.count(b":") + text.count(b"[")


def parse(text: bytes, values_max: int = VALUES_MAX) -> dict[str, dict[str, Any]] | None:
    """The tensors that a JSON header describes, unchecked; None if it is not such a header, or
    has more than ``values_max`` values.
    """
    if values(text) > values_max:
        return None
    try:
        header = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if not isinstance(header, dict):
        return None
    header.pop("__metadata__", None)
    return header if all(isinstance(fields, dict) for fields in header.values()) else None


def layout(
    candidate: Candidate, header_bytes_max: int, values_max: int
) -> tuple[int, dict[str, dict[str, Any]]] | None:
    """Where the first tensor begins, and the tensors that the header describes.

    None if the file does not begin as safetensors do. Raises ContradictionError unless the header
    is true of the file, LongHeaderError if it has more bytes or values than is allowed; OSError.
    """
    length = header_bytes(candidate.read(0, 9), candidate.size_bytes)
    if length is None:
        return None
    if length > header_bytes_max:
        raise LongHeaderError(f"its header has {length} bytes")
    text = candidate.read(8, length)
    if values(text) > values_max:
        raise LongHeaderError(f"its header may have {values(text)} values")
    header = parse(text, values_max)
    if header is None or len(text) != length:
        raise ContradictionError("its header does not describe tensors")
    data_start = 8 + length
    if set(header) != {"kvcache"}:
        entries(header, text, candidate.size_bytes)
    elif not _is_padded(header, data_start, candidate.size_bytes):
        raise ContradictionError("its tensor does not end in the last page of the file")
    return data_start, header


def entries(header: dict[str, dict[str, Any]], text: bytes, size_bytes: int) -> dict[str, Entry]:
    """The tensors of ``text``, parsed as ``header``, in the order of a file of ``size_bytes``.

    Raises ContradictionError unless they are possible and fill the file without hole or overlap.
    """
    # With both its quotes it is no part of another string, which would have to escape them.
    if text.count(b'"data_offsets"') > len(header):
        raise ContradictionError("its header names a tensor twice")
    end = data_start = 8 + len(text)
    found = {name: entry(name, fields, data_start) for name, fields in header.items()}
    in_order = dict(sorted(found.items(), key=lambda item: (item[1].start, item[1].end)))
    for name, e in in_order.items():
        if e.start != end:
            wrong = "overlaps the one before it" if e.start < end else "leaves a hole before it"
            raise ContradictionError(f"tensor {shown(name)} at byte {e.start} {wrong}")
        end = e.end
    if end != size_bytes:
        raise ContradictionError(f"its tensors end at {end} bytes, the file at {size_bytes}")
    return in_order


def entry(name: str, fields: dict[str, Any], data_start: int) -> Entry:
    """One tensor of a parsed header. Raises ContradictionError."""
    start, end = _offsets(name, fields)
    tag, shape, length = described(name, fields.get("dtype"), fields.get("shape"))
    if length is not None and length != end - start:
        raise ContradictionError(
            f"tensor {shown(name)} of {shown(tag)} {list(shape)} is {length} bytes,"
            f" but its data_offsets span {end - start}"
        )
    return Entry(tag, shape, data_start + start, data_start + end)


def _offsets(name: str, fields: dict[str, Any]) -> tuple[int, int]:
    bounds = checked_shape(fields.get("data_offsets"))
    if bounds is None or len(bounds) != 2 or bounds[0] > bounds[1]:
        raise ContradictionError(f"tensor {shown(name)} has no possible data_offsets")
    return bounds[0], bounds[1]


def _excess_bytes(header: dict[str, dict[str, Any]], data_start: int, size_bytes: int) -> int:
    """How much longer than its last tensor the file is. Raises ContradictionError."""
    ends = [_offsets(name, fields)[1] for name, fields in header.items()]
    return size_bytes - data_start - max(ends, default=0)


def _is_padded(header: dict[str, dict[str, Any]], data_start: int, size_bytes: int) -> bool:
    """Whether LMCache's entry, which is for all groups of layers whatever its own shape, ends in
    the last page of the file. Raises ContradictionError.
    """
    return 0 <= _excess_bytes(header, data_start, size_bytes) < PAGE_BYTES


def described(name: str, tag: object, shape: object) -> tuple[str, tuple[int, ...], int | None]:
    """A dtype's tag and a shape of a header, and the bytes they take; None for an unknown dtype.

    Raises ContradictionError if they are not such.
    """
    sizes = checked_shape(shape)
    if not isinstance(tag, str) or sizes is None:
        raise ContradictionError(f"tensor {shown(name)} has no possible dtype or shape")
    item_bytes = _ITEM_BYTES_OF_TAG.get(tag)
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
    """ "kv" or "safetensors" for a file that begins ``head``; None if the header is a lie.

    A header that goes beyond ``head`` is that of model weights.
    """
    length = header_bytes(head, size_bytes)
    if length is None:
        return None
    if 8 + length > len(head):
        return "safetensors" if _JSON_START.match(head, 8) else None
    try:
        text = head[8 : 8 + length]
        header = parse(text)
        if header is None:
            return None
        if set(header) == {"kv_cache"}:
            [found] = entries(header, text, size_bytes).values()
            return "kv" if len(found.shape) > 1 else "safetensors"
        if header and are_kv_names(header):
            return "kv" if kv_tensors(entries(header, text, size_bytes)) else "safetensors"
        if set(header) == {"kvcache"}:
            return "kv" if _is_padded(header, 8 + length, size_bytes) else None
        return "safetensors" if _excess_bytes(header, 8 + length, size_bytes) == 0 else None
    except ContradictionError:
        return None


def kv_tensors(found: dict[str, Entry]) -> tuple[Tensor, ...]:
    """``found`` as K and V if the names and shapes of all say that they are, otherwise none.

    Transformers and mlx-lm have [batch, head, token, dim]; other conventions differ.
    """
    if not are_kv_names(found) or any(len(e.shape) < 3 for e in found.values()):
        return ()
    is_mlx = _is_mlx(found)
    if is_mlx and any(len(e.shape) != 4 for e in found.values()):
        return ()
    tensors = []
    for name, e in found.items():
        words = _words(name)
        numbers = [int(word) for word in words if word.isdigit()]
        axes: tuple[Axis, ...] = ()
        if len(e.shape) == 4 and (is_mlx or not {"cache", "caches", "kv"} & set(words)):
            axes = ("batch", "head", "token", "dim")
        tensors.append(
            Tensor(
                e.start,
                e.end - e.start,
                e.dtype,
                axes,
                e.shape if axes else (),
                _held(words, numbers),
                numbers[0] if numbers else None,
            )
        )
    return tuple(tensors)


def are_kv_names(names: Iterable[str]) -> bool:
    """Whether every one of ``names`` says that it is a cache's."""
    return _is_mlx(names) or all(_are_kv(_words(name)) for name in names)


def _is_mlx(names: Iterable[str]) -> bool:
    return all(map(_MLX_NAME.fullmatch, names))


def _words(name: str) -> list[str]:
    return _WORD.findall(_BOTH.sub("past", name.lower())) if len(name) <= 200 else []


def _are_kv(words: list[str]) -> bool:
    rest = {word for word in words if not _PLACE_WORD.fullmatch(word)}
    kv = rest & (_K_WORDS | _V_WORDS | {"kv"})
    caches = {word for word in rest - kv if _CACHE_WORD.fullmatch(word)}
    # A table of vectors too may have "keys" and "values", but not one a layer.
    return rest == kv | caches and bool(caches or (kv and any(map(str.isdigit, words))))


def _held(words: list[str], numbers: list[int]) -> Literal["kv", "k", "v"] | None:
    for word in reversed(words):
        if word in _K_WORDS:
            return "k"
        if word in _V_WORDS:
            return "v"
    if "kv" in words:
        return "kv"
    # "past_key_values.3.0" and mlx-lm's "3.0": the layer, then K or V.
    return ("k", "v")[numbers[1]] if len(numbers) == 2 and numbers[1] < 2 else None


def recognise(candidate: Candidate) -> Dump | None:
    """A cache saved tensor by tensor under names that say so; raises MalformedError if it lies."""
    text = read(candidate)
    try:
        header = parse(text) if text is not None else None
        if text is None or not header or not are_kv_names(header):
            return None
        found = entries(header, text, candidate.size_bytes)
    except ContradictionError as error:
        raise malformed(candidate, str(error)) from None
    tensors = kv_tensors(found)
    if not tensors:
        return None
    tokens = {t.shape[2] if t.axes else None for t in tensors}
    known = None not in tokens
    return Dump(
        "mlx-lm prompt cache" if _is_mlx(found) else "safetensors",
        "kv",
        tensors,
        "inferred" if known else "unknown",
        "The tensors' names say that they are keys and values; their axes are taken to be batch,"
        " head, token, dim, as Transformers and mlx-lm have them."
        if known
        else "The tensors' names say that they are keys and values, but not what their axes are.",
        tokens=tokens.pop() if len(tokens) == 1 else None,
    )
