"""States as llama.cpp saves them, part by part."""

import struct
from collections.abc import Sequence

import numpy as np

F32, F16, Q4_0, Q4_1, Q8_0, BF16 = 0, 1, 2, 3, 8, 30
BLOCKS = {F32: (4, 1), F16: (2, 1), Q4_0: (18, 32), Q4_1: (20, 32), Q8_0: (34, 32), BF16: (2, 1)}


def bytes_of(seed: int, length: int) -> bytes:
    return np.random.default_rng(seed).bytes(length)


def cells(count: int, extension: int, sequences: Sequence[int] = (0,)) -> bytes:
    """Cells at positions 0, 1, ... that all belong to ``sequences``."""
    return b"".join(
        struct.pack("<iI", position, len(sequences))
        + bytes(extension)
        + struct.pack(f"<{len(sequences)}i", *sequences)
        for position in range(count)
    )


def cache(
    streams: Sequence[int] = (5,),
    layers: int = 3,
    channels: int = 64,
    kind: int = F16,
    transposed: bool = False,
    extension: int = 0,
    values: bool = True,
    sequences: Sequence[int] = (0,),
) -> tuple[bytes, list[bytes]]:
    """A cache with so many cells a stream, and the bytes of its arrays in order."""
    block_bytes, block_items = BLOCKS[kind]
    row = channels // block_items * block_bytes
    out, arrays = struct.pack("<I", len(streams)), []
    for count in streams:
        out += struct.pack("<I", count)
        if not count:
            continue
        out += cells(count, extension, sequences) + struct.pack("<II", transposed, layers)
        for layer in range(layers):
            arrays.append(bytes_of(layer, count * row))
            out += struct.pack("<iQ", kind, row) + arrays[-1]
        for layer in range(layers if values else 0):
            arrays.append(bytes_of(100 + layer, count * row))
            shape = ("<iII", kind, block_bytes, channels) if transposed else ("<iQ", kind, row)
            out += struct.pack(*shape) + arrays[-1]
    return out, arrays


def session(memory: bytes, tokens: Sequence[int] = (), version: int = 10) -> bytes:
    head = b"nsgg" + struct.pack(f"<II{len(tokens)}i", version, len(tokens), *tokens)
    return head + struct.pack("<I", 5) + b"llama" + memory


def sequence(memory: bytes, tokens: Sequence[int] = (), version: int = 3) -> bytes:
    return b"qsgg" + struct.pack(f"<II{len(tokens)}i", version, len(tokens), *tokens) + memory


def recurrent(cell_count: int = 1) -> bytes:
    """The state of llama-memory-recurrent.cpp: cells without sequences, rows R, rows S."""
    out = struct.pack("<I", cell_count) + struct.pack("<iI", 7, 0) * cell_count
    out += struct.pack("<II", 0, 4)
    for seed, row in ((1, 256), (2, 256), (3, 512), (4, 512)):
        out += struct.pack("<iQ", F32, row) + bytes_of(seed, row * cell_count)
    return out
