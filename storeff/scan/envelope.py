"""What all of storeff's binary forms have around them: a version, a head, and a digest.

All numbers are little-endian: a magic word, the version of the format (4 bytes), the length of the
head (8 bytes), the head, what follows it, and the SHA-256 digest of all that. What follows are
columns of arrays, as long as the head says.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from storeff.errors import StoreffError

DIGEST_BYTES = 32

Array = npt.NDArray[Any]


class Column(NamedTuple):
    """An array, as it lies in the bytes."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]

    @property
    def size_bytes(self) -> int:
        size = self.dtype.itemsize
        for length in self.shape:
            size *= length
        return size


def written(arrays: Iterable[Array], columns: Iterable[Column]) -> Iterator[memoryview]:
    """The bytes of ``arrays``, which lie as ``columns``."""
    for array, column in zip(arrays, columns, strict=True):
        assert array.shape == column.shape
        if array.size:
            yield np.ascontiguousarray(array, column.dtype).reshape(-1).view(np.uint8).data


def arrays_in(body: memoryview, at: int, columns: Sequence[Column]) -> Iterator[Array]:
    """The arrays from ``at`` on, copied. Raises ValueError unless they end where ``body`` does."""
    if min((length for column in columns for length in column.shape), default=0) < 0:
        raise ValueError("an array of less than nothing")
    if sum(column.size_bytes for column in columns) != len(body) - at:
        raise ValueError("its arrays are not as long as it says")
    for column in columns:
        raw = np.frombuffer(body, column.dtype, int(np.prod(column.shape)), at)
        at += column.size_bytes
        yield raw.reshape(column.shape).astype(column.dtype.newbyteorder("="))


def wrap(magic: bytes, version: int, head: bytes, rest: Iterable[bytes | memoryview]) -> bytes:
    """``head`` and ``rest`` under ``magic`` and ``version``."""
    start = [magic, version.to_bytes(4, "little"), len(head).to_bytes(8, "little"), head]
    digest = hashlib.sha256()
    pieces = [*start, *rest]
    for piece in pieces:
        digest.update(piece)
    return b"".join([*pieces, digest.digest()])


def version_of(data: bytes, magic: bytes, what: str) -> int:
    """The version of ``data``, which is to be a ``what``. Raises StoreffError if it is none."""
    if data[: len(magic)] != magic:
        raise refusal(f"this is no {what} of storeff")
    return int.from_bytes(data[len(magic) : len(magic) + 4], "little")


def unwrap(
    data: bytes, magic: bytes, version: int, what: str
) -> tuple[memoryview, memoryview, int]:
    """The head of ``data``, all but its digest, and where in that the rest begins.

    Raises StoreffError if it is no ``what``, of another version, cut short, with something behind
    it, or changed since it was written.
    """
    found = version_of(data, magic, what)
    if found != version:
        raise refusal(f"the {what} has format {found}, and this storeff reads {version}")
    body, digest = memoryview(data)[:-DIGEST_BYTES], data[-DIGEST_BYTES:]
    at = len(magic) + 4
    head_bytes = int.from_bytes(data[at : at + 8], "little")
    rest_at = at + 8 + head_bytes
    if rest_at > len(body) or hashlib.sha256(body).digest() != digest:
        raise refusal(f"the {what} was cut short, or changed since it was written")
    return body[at + 8 : rest_at], body, rest_at


def refusal(what: str) -> StoreffError:
    """An error that says ``what`` is wrong with a file."""
    return StoreffError(what, "scan again, or copy the file again")
