"""What a KV-cache dump is known to hold, from its name, its header and the files beside it."""

import errno
import os
import stat
from typing import Literal

import msgspec

from storeff.errors import StoreffError
from storeff.sources.names import printable
from storeff.sources.skipped import ChangedError

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

    ``root`` is the directory, or the file itself, that the user named and it was found under.
    """

    def __init__(self, path: bytes, size_bytes: int, fd: int, root: bytes = b"/") -> None:
        self.path = path
        self.name = os.path.basename(path)
        self.size_bytes = size_bytes
        self.fd = fd
        self._root = os.path.dirname(path) if root == path else root

    def read(self, offset: int, length: int) -> bytes:
        """Bytes [offset, offset + length) of the file; fewer where its size ends.

        Raises OSError; ChangedError if the file has become shorter than ``size_bytes``.
        """
        length = min(length, self.size_bytes - offset)
        if length <= 0:
            return b""
        data = os.pread(self.fd, length, offset)
        if len(data) < length:
            raise ChangedError(errno.ESTALE, "shrank while it was read", self.path)
        return data

    def beside(self, relative: bytes, bytes_max: int) -> bytes | None:
        """The small regular file at ``relative`` to this one's folder; None if there is none.

        A special file, one longer than ``bytes_max`` and one outside ``root`` count as none, as
        does what only a symbolic link below ``root`` leads to.
        """
        path = os.path.normpath(os.path.join(os.path.dirname(self.path), relative))
        try:
            fd = open_below(self._root, os.path.relpath(path, self._root))
        except OSError:
            return None
        try:
            status = os.fstat(fd)
            if not stat.S_ISREG(status.st_mode) or status.st_size > bytes_max:
                return None
            return os.pread(fd, bytes_max, 0)
        finally:
            os.close(fd)


def open_below(root: bytes, relative: bytes) -> int:
    """A descriptor of the file at ``relative`` to the directory ``root``, for reading.

    No component of ``relative`` is followed if it is a symbolic link, and none may be "..": one
    component is opened at a time, from the descriptor of the one before. Raises OSError.
    """
    *folders, name = relative.split(b"/")
    if b".." in (*folders, name):
        raise OSError(errno.EXDEV, "is outside what was named", relative)
    above = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        for folder in folders:
            flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
            inner = os.open(folder, flags, dir_fd=above)
            os.close(above)
            above = inner
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        return os.open(name, flags, dir_fd=above)
    finally:
        os.close(above)


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
