"""Codes, corpora whose shards are known, and what was found of these."""

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from storeff.estimate.compression import IN_UNITS
from storeff.estimate.shards import ShardCompression
from storeff.scan.shards import ShardCode
from support import bluestore

SAMPLES = Path(__file__).parents[2] / "samples" / "data"
KIB = 1 << 10
BLOB = 64 * KIB

RS42 = ShardCode(4, 2, 0, 4 * KIB, "lz4", BLOB)
RS83 = ShardCode(8, 3, 0, 4 * KIB, "lz4", BLOB)
LRC = ShardCode(12, 2, 2, 4 * KIB, "lz4", BLOB)


def matrix_of(code: ShardCode) -> bluestore.Matrix:
    if code.l:
        return bluestore.local_matrix(code.k, code.m, code.l)
    return bluestore.parity_matrix(code.k, code.m)


def log_lines(seed: int, size_bytes: int) -> bytes:
    """Lines of a log: few hosts and messages, and numbers."""
    draw = random.Random(seed)
    words = [bytes(draw.choices(b"abcdefghijklmnop", k=draw.randrange(3, 12))) for _ in range(400)]
    lines: list[bytes] = []
    size = 0
    while size < size_bytes:
        message = b" ".join(draw.choices(words[:60], k=3) + draw.choices(words, k=3))
        line = b"2026-11-26T%06d host-%d %s\n" % (len(lines), draw.randrange(9), message)
        lines.append(line)
        size += len(line)
    return b"".join(lines)[:size_bytes]


def tensors(seed: int, size_bytes: int) -> bytes:
    """Weights, sorted positions and sparse gradients, one after the other."""
    rng = np.random.default_rng(seed)
    third = size_bytes // 24
    weights = rng.normal(0, 0.02, 2 * third).astype("<f4").tobytes()
    positions = np.cumsum(rng.integers(0, 50, third)).astype("<i8").tobytes()
    sparse = (rng.normal(0, 1, third) * (rng.random(third) < 0.1)).astype("<f8").tobytes()
    return weights + positions + sparse


def corpus(name: str) -> list[bytes]:
    if name == "samples":
        paths = sorted(path for path in SAMPLES.rglob("*") if path.is_file())
        return [path.read_bytes() for path in paths]
    draw = random.Random(7)
    small = [draw.randrange(100_000) for _ in range(20)]
    if name == "text":
        return [log_lines(i, size) for i, size in enumerate([1_700_000, 300_001, *small])]
    return [tensors(i, size) for i, size in enumerate([2_500_000, 600_000, *small])]


def in_units(found: Sequence[ShardCompression], code: ShardCode) -> ShardCompression:
    [row] = [row for row in found if (row.code, row.space) == (code, IN_UNITS)]
    return row


def assert_is(found: ShardCompression, truth: tuple[int, int, int, int], rel: float = 1e-9) -> None:
    data, left, parity, parity_left = truth
    assert found.data_left_bytes.value == pytest.approx(left, rel=rel)
    assert found.ratio.value == pytest.approx(data / left, rel=rel)
    assert found.parity_ratio.value == pytest.approx(parity / parity_left, rel=rel)
