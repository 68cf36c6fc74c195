"""What a KV-cache dump is known to hold, from its name, its header and the files beside it."""

import os
import struct
from collections.abc import Callable
from typing import Literal

import msgspec

from storeff.errors import ContradictionError
from storeff.sources.source import Reader, read_range

Confidence = Literal["exact", "config-assisted", "inferred", "unknown"]
# "opaque": KV bytes of which not even the dtype is known; "unwritten": a slab that was allocated
# and never filled; "temporary": a file still being written.
Kind = Literal["kv", "opaque", "encrypted", "unwritten", "temporary"]
Dtype = Literal["f64", "f32", "bf16", "f16", "f8e4m3", "f8e5m2", "i8", "u8", "q8_0", "q4_0"]
# "channel" is head x dim not distinguished, "latent" what MLA keeps instead of K and V, "unknown"
# an axis whose extent is written and whose meaning is not.
Axis = Literal[
    "kv", "layer", "block", "batch", "token", "head", "dim", "channel", "latent", "unknown"
]

ITEM_BYTES: dict[Dtype, int] = {
    "f64": 8,
    "f32": 4,
    "bf16": 2,
    "f16": 2,
    "f8e4m3": 1,
    "f8e5m2": 1,
    "i8": 1,
    "u8": 1,
}
# The names that systems give them: safetensors, torch, its storages, vLLM, LMCache.
DTYPE_OF_NAME: dict[str, Dtype] = {
    **dict.fromkeys(("F64", "float64", "double", "DoubleStorage"), "f64"),
    **dict.fromkeys(("F32", "float32", "float", "FloatStorage"), "f32"),
    **dict.fromkeys(("BF16", "bfloat16", "BFloat16Storage"), "bf16"),
    **dict.fromkeys(("F16", "float16", "half", "HalfStorage"), "f16"),
    **dict.fromkeys(("F8_E4M3", "F8E4M3FN", "fp8", "fp8_e4m3", "fp8_e4m3fn"), "f8e4m3"),
    **dict.fromkeys(("F8_E5M2", "F8E5M2", "fp8_e5m2", "float8_e5m2"), "f8e5m2"),
    **dict.fromkeys(("I8", "int8", "CharStorage"), "i8"),
    **dict.fromkeys(("U8", "uint8", "ByteStorage"), "u8"),
    "float8_e4m3fn": "f8e4m3",
}


class Tensor(msgspec.Struct, frozen=True):
    """One array in the file: bytes [offset, offset + length), row-major, slowest axis first.

    ``axes`` and ``shape`` are empty where the order of its elements is not known. ``holds`` says
    what lies in it; a "kv" axis has K first, then V; None is not known. ``layer`` is its number
    where ``axes`` has no "layer" axis; None is not known.
    """

    offset: int
    length: int
    dtype: Dtype | None
    axes: tuple[Axis, ...]
    shape: tuple[int, ...]
    holds: Literal["kv", "k", "v", "latent"] | None
    layer: int | None = None


class Dump(msgspec.Struct, frozen=True):
    """A recognised file. ``tensors`` is empty where the layout is not known.

    ``key`` names the tokens (a prefix hash, or whatever the system uses as one): files of the same
    key hold the same tokens. ``tokens`` is how many, None if unknown. ``why`` says, for a person,
    what the confidence rests on and what would raise it. ``ranks`` is how many tensor-parallel
    ranks the model's heads were divided over, this file being one's; None where nobody says.
    """

    system: str
    kind: Kind
    tensors: tuple[Tensor, ...]
    confidence: Confidence
    why: str
    key: str | None = None
    tokens: int | None = None
    model: str | None = None
    ranks: int | None = None


class Candidate:
    """A regular file to be recognised. All of it is hostile; reads are bounded by the caller.

    ``path`` is its full name. ``beside`` reads the small file at a path relative to the folder of
    this one, of up to so many bytes: see Source.read_beside.
    """

    def __init__(
        self,
        path: bytes,
        size_bytes: int,
        reader: Reader,
        beside: Callable[[bytes, int], bytes | None] = lambda relative, bytes_max: None,
    ) -> None:
        self.path = path
        self.name = os.path.basename(path)
        self.size_bytes = size_bytes
        self.reader = reader
        self.beside = beside

    def read(self, offset: int, length: int) -> bytes:
        """Bytes [offset, offset + length) of the file; fewer where its size ends.

        Raises OSError; ChangedError if the file has become shorter than ``size_bytes``.
        """
        return read_range(self.reader, offset, max(0, min(length, self.size_bytes - offset)))


class Cursor:
    """Little-endian numbers from a place in the file on, never past its end.

    Every method raises ContradictionError where the file has fewer bytes.
    """

    def __init__(self, candidate: Candidate, offset: int) -> None:
        self.candidate = candidate
        self.offset = offset

    def left(self) -> int:
        return self.candidate.size_bytes - self.offset

    def take(self, length: int) -> bytes:
        self.skip(length)
        return self.candidate.read(self.offset - length, length)

    def skip(self, length: int) -> None:
        if length > self.left():
            raise ContradictionError(
                f"{length} bytes are needed at {self.offset}, {self.left()} are left"
            )
        self.offset += length

    def numbers(self, form: str) -> tuple[int, ...]:
        """Numbers of a struct format."""
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def count(self, least: int, most: int, what: str, form: str = "I") -> int:
        """A number of ``what`` from ``least`` to ``most``. Raises ContradictionError."""
        (value,) = self.numbers(form)
        if not least <= value <= most:
            raise ContradictionError(f"{value} {what} at {self.offset - struct.calcsize(form)}")
        return value


def opaque(
    system: str,
    why: str,
    key: str | None = None,
    *,
    kind: Kind = "opaque",
    model: str | None = None,
    ranks: int | None = None,
) -> Dump:
    """A dump whose layout is not known."""
    return Dump(system, kind, (), "unknown", why, key, None, model, ranks)
