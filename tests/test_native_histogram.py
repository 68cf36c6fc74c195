"""Byte values are counted exactly, however equal bytes lie in the data."""

import random

import numpy as np
import pytest

from storeff._native import Scanner, kernels

RANDOM = random.Random(7).randbytes(1 << 16)


def histogram(data: bytes | memoryview, kernel: str) -> list[int]:
    scanner = Scanner([(1 << 16, 1 << 16, 1, 0)], 0, kernel)
    scanner.begin(5)
    scanner.span(data, len(data), True)
    scanner.end()
    counts: list[int] = scanner.export_histogram()[5].tolist()
    return counts


def counted(data: bytes | memoryview) -> list[int]:
    counts: list[int] = np.bincount(np.frombuffer(data, np.uint8), minlength=256).tolist()
    return counts


@pytest.mark.parametrize("kernel", kernels())
def test_every_value_and_every_length(kernel: str) -> None:
    everything = bytes(range(256)) + RANDOM
    assert histogram(everything, kernel) == counted(everything)
    view = memoryview(everything)
    for length in range(200):
        assert histogram(view[length : 2 * length], kernel) == counted(view[length : 2 * length])


@pytest.mark.parametrize("kernel", kernels())
@pytest.mark.parametrize("run_bytes", [7, 8, 63, 64, 65, 127, 128, 300])
def test_equal_bytes_anywhere(kernel: str, run_bytes: int) -> None:
    for start in range(70):
        data = RANDOM[:start] + b"\xff" * run_bytes + RANDOM[start : start + 70]
        assert histogram(data, kernel) == counted(data)


@pytest.mark.parametrize("kernel", kernels())
def test_equal_bytes_but_one(kernel: str) -> None:
    for at in range(128):
        data = bytes(at) + b"\1" + bytes(127 - at)
        assert histogram(data, kernel)[:2] == [127, 1]
