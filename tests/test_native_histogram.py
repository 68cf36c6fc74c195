"""Byte values are counted in a window of every block, and the windows stand for the rest."""

import random

import numpy as np
import pytest
from support import oracle

from storeff._native import Scanner

RANDOM = random.Random(7).randbytes(1 << 20)


def histogram(data: bytes | memoryview) -> list[int]:
    scanner = Scanner([(1 << 16, 1 << 16, 1, False)], 0)
    scanner.begin(1 << 5 | 1 << 9)
    scanner.span(data, len(data), True)
    scanner.end()
    counts: list[int] = scanner.export_histogram()[5].tolist()
    return counts


def test_less_than_a_block_is_counted_whole() -> None:
    everything = bytes(range(256)) + RANDOM[:3839]
    view = memoryview(everything)
    for length in [*range(200), 4095]:
        data = view[:length]
        assert histogram(data) == np.bincount(np.frombuffer(data, "u1"), minlength=256).tolist()


@pytest.mark.parametrize("length", [4096, 4097, 12_288, 70_001, 1 << 20])
def test_every_byte_is_stood_for(length: int) -> None:
    counts = histogram(RANDOM[:length])
    assert sum(counts) == length
    told = oracle.histogram(RANDOM[:length])
    assert counts == [told[value] for value in range(256)]


def test_every_part_of_a_block_is_as_likely_to_be_met() -> None:
    met = np.zeros(64, int)
    block = bytearray(4096)
    for part in range(1, 63):
        block[part * 64] = part
    for seed in range(3200):
        ends = bytes(64 | byte for byte in random.Random(seed).randbytes(16))
        block[:8], block[-8:] = ends[:8], ends[8:]
        counts = histogram(bytes(block))
        met[[part for part in range(1, 63) if counts[part]]] += 1
    # 50 each, standard deviation 7.
    assert all(20 < n < 85 for n in met[1:63])
