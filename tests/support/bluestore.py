"""What BlueStore keeps of files under an erasure code, over whole files and by definition: a slow
twin of storeff.scan.shards, which shares nothing with it, nor the library for the code.

Facts: Ceph, src/osd/ECTransaction.cc (stripes first, then each shard is an object of its own) and
src/os/bluestore/BlueStore.cc (_do_alloc_write: a blob stays compressed if that saves enough of its
allocation units).
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

import lz4.block
import numpy as np
import numpy.typing as npt
import zstandard

Bytes = npt.NDArray[np.uint8]

UNIT_BYTES = 4096
REQUIRED = Fraction(7, 8)

# ---- the field of 256 elements, of polynomials over GF(2) modulo x^8 + x^4 + x^3 + x^2 + 1 ----


def product(a: int, b: int) -> int:
    found = 0
    while b:
        if b & 1:
            found ^= a
        a <<= 1
        if a & 0x100:
            a ^= 0x11D
        b >>= 1
    return found


def power(a: int, exponent: int) -> int:
    found = 1
    for _ in range(exponent):
        found = product(found, a)
    return found


def inverse(a: int) -> int:
    return power(a, 254)


Matrix = list[list[int]]


def times(a: Matrix, b: Matrix) -> Matrix:
    def dot(row: Sequence[int], column: Iterable[int]) -> int:
        found = 0
        for x, y in zip(row, column, strict=True):
            found ^= product(x, y)
        return found

    return [[dot(row, column) for column in zip(*b, strict=True)] for row in a]


def inverted(matrix: Matrix) -> Matrix:
    n = len(matrix)
    rows = [[*row, *(int(i == j) for j in range(n))] for i, row in enumerate(matrix)]
    for i in range(n):
        pivot = next(j for j in range(i, n) if rows[j][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        scale = inverse(rows[i][i])
        rows[i] = [product(scale, x) for x in rows[i]]
        for j in range(n):
            if j != i and (factor := rows[j][i]):
                rows[j] = [x ^ product(factor, y) for x, y in zip(rows[j], rows[i], strict=True)]
    return [row[n:] for row in rows]


def parity_matrix(k: int, m: int) -> Matrix:
    """Rows of a Vandermonde matrix of the powers of 2, made systematic: (m, k)."""
    whole = [[power(power(2, i), j) for j in range(k)] for i in range(k + m)]
    return times(whole[k:], inverted(whole[:k]))


def local_matrix(k: int, m: int, groups: int) -> Matrix:
    """Of an LRC: the global rows, and for each group the next row of that matrix in its columns."""
    *globals_, row = parity_matrix(k, m + 1)
    size = k // groups
    locals_ = [
        [x if j // size == group else 0 for j, x in enumerate(row)] for group in range(groups)
    ]
    return [*globals_, *locals_]


# ---- what a file takes ----


def data_shards(content: bytes, k: int, unit_bytes: int = UNIT_BYTES) -> list[bytes]:
    units = [content[i : i + unit_bytes] for i in range(0, len(content), unit_bytes)]
    return [b"".join(units[i::k]) for i in range(k)]


def parity_shards(shards: Sequence[bytes], matrix: Matrix) -> list[bytes]:
    longest = max(map(len, shards))
    padded = [np.frombuffer(shard.ljust(longest, b"\0"), np.uint8) for shard in shards]
    made = []
    for row in matrix:
        total = np.zeros(longest, np.uint8)
        for coefficient, shard in zip(row, padded, strict=True):
            table = np.array([product(coefficient, x) for x in range(256)], np.uint8)
            total ^= table[shard]
        made.append(total.tobytes())
    return made


def rounded(size_bytes: int) -> int:
    return -(-size_bytes // UNIT_BYTES) * UNIT_BYTES


def compressed_bytes(blob: bytes, codec: str) -> int:
    if codec == "lz4":
        return len(lz4.block.compress(blob, store_size=False))
    return len(zstandard.ZstdCompressor(level=int(codec.removeprefix("zstd-"))).compress(blob))


def taken(shard: bytes, codec: str, blob_bytes: int) -> int:
    total = 0
    for start in range(0, len(shard), blob_bytes):
        blob = shard[start : start + blob_bytes]
        small = rounded(compressed_bytes(blob, codec))
        total += small if small <= REQUIRED * len(blob) else rounded(len(blob))
    return total


def kept(
    files: Iterable[bytes],
    k: int,
    matrix: Matrix,
    *,
    codec: str = "lz4",
    unit_bytes: int = UNIT_BYTES,
    blob_bytes: int = 64 << 10,
) -> tuple[int, int, int, int]:
    """Of all ``files``: their bytes, what data shards take, and the units of parity before and
    after compression."""
    data = left = parity = parity_left = 0
    for content in files:
        shards = data_shards(content, k, unit_bytes)
        coded = parity_shards(shards, matrix)
        data += len(content)
        left += sum(taken(shard, codec, blob_bytes) for shard in shards)
        parity += sum(rounded(len(shard)) for shard in coded)
        parity_left += sum(taken(shard, codec, blob_bytes) for shard in coded)
    return data, left, parity, parity_left
