"""What a KV-cache dump is known to hold, from its name, its header and the files beside it."""

import os
from collections.abc import Callable
from typing import Literal

import msgspec

from storeff.errors import StoreffError
from storeff.sources.names import printable
from storeff.sources.source import Reader, read_range

Confidence = Literal["exact", "config-assisted", "inferred", "unknown"]
# "opaque": KV bytes of which not even the dtype is known; "unwritten": a slab that was allocated
# and never filled; "temporary": a file still being written.
Kind = Literal["kv", "opaque", "encrypted", "unwritten", "temporary"]
Dtype = Literal["f64", "f32", "bf16", "f16", "f8e4m3", "f8e5m2", "i8", "u8", "q8_0", "q4_0"]
# "channel" is head x dim not told apart, "latent" what MLA keeps instead of K and V, "unknown" an
# axis whose extent is written and whose meaning is not.
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
# What direct I/O pads a dump to.
PAGE_BYTES = 4096


class MalformedError(StoreffError):
    """A dump that contradicts itself: shorter or longer than it says, or impossible."""


class ContradictionError(ValueError):
    """What is wrong, said by a function that does not know the file; see malformed()."""


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


def malformed(
    candidate: Candidate,
    wrong: str,
    remedy: str = "The file was cut off or overwritten: write it again or leave it out of the "
    "measurement.",
) -> MalformedError:
    """The error that ``candidate``, its path escaped, contradicts itself, and what to do then."""
    return MalformedError(f"{printable(candidate.path)}: {wrong}", remedy)


def shown(text: str) -> str:
    """A short, printable form of a text from the file."""
    return printable(text[:200].encode("utf-8", "surrogatepass"))
