"""Byte values are counted in a window of every block, and the windows stand for the rest."""

import random

import numpy as np
import oracle
import pytest

from storeff._native import Scanner

RANDOM = random.Random(7).randbytes(1 << 20)


def histogram(data: bytes | memoryview) -> list[int]:
    scanner = Scanner([(1 << 16, 1 << 16, 1, 0)], 0)
    scanner.begin(5)
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


def test_windows_lie_anywhere_in_a_block() -> None:
    """Each byte of a block is met as often as any other, but for its first and last 127."""
    places = np.zeros(4096)
    for seed in range(2000):
        mark = random.Random(seed)
        ends = mark.randbytes(8), mark.randbytes(8)
        for place in (300, 1500, 2700, 3700):
            block = bytearray(ends[0] + bytes(4080) + ends[1])
            block[place] = 0xAA
            places[place] += histogram(bytes(block))[0xAA] // 32 > ends[0].count(0xAA)
    # 128 of 3969 windows hold a byte: 64 of 2000, standard deviation 8.
    assert all(30 < places[place] < 100 for place in (300, 1500, 2700, 3700))
