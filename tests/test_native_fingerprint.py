"""Fingerprints are XXH3-128 to the bit; the kernel that computes them is the one that was named."""

import array
import mmap
import random

import numpy as np
import pytest
import xxhash
from hypothesis import given
from hypothesis import strategies as st

from storeff._native import cut, fingerprint, fingerprints, kernels
from storeff.errors import StoreffError

RANDOM = random.Random(1).randbytes(1 << 20)


@pytest.mark.parametrize("kernel", kernels())
def test_every_short_length(kernel: str) -> None:
    for length in range(4097):
        data = RANDOM[length : 2 * length]
        assert fingerprint(data, kernel) == xxhash.xxh3_128_digest(data), length


@pytest.mark.parametrize("kernel", kernels())
@pytest.mark.parametrize("content", [b"\0", b"\xff", b"\x80\0\0\0"])
def test_every_short_length_of_repeated_bytes(kernel: str, content: bytes) -> None:
    for length in range(2100):
        data = (content * (length // len(content) + 1))[:length]
        assert fingerprint(data, kernel) == xxhash.xxh3_128_digest(data), length


@pytest.mark.parametrize("kernel", kernels())
@pytest.mark.parametrize("length", [6144, 8191, 8192, 10240, 65536, 81919, 131072, 1 << 20])
def test_long_lengths(kernel: str, length: int) -> None:
    assert fingerprint(RANDOM[:length], kernel) == xxhash.xxh3_128_digest(RANDOM[:length])


@pytest.mark.parametrize("kernel", kernels())
def test_any_alignment(kernel: str) -> None:
    view = memoryview(RANDOM)
    for start in range(65):
        for length in (3, 8, 16, 100, 240, 241, 256, 257, 1023, 1024, 1025, 1088, 1089, 5000):
            part = view[start : start + length]
            assert fingerprint(part, kernel) == xxhash.xxh3_128_digest(part), (start, length)


@pytest.mark.parametrize("kernel", kernels())
@given(data=st.binary(max_size=3000))
def test_any_content(kernel: str, data: bytes) -> None:
    assert fingerprint(data, kernel) == xxhash.xxh3_128_digest(data)


def test_any_contiguous_buffer_of_bytes() -> None:
    expected = fingerprint(b"storeff")
    assert fingerprint(bytearray(b"storeff")) == expected
    assert fingerprint(memoryview(b"-storeff-")[1:-1]) == expected
    assert fingerprint(array.array("B", b"storeff")) == expected
    with mmap.mmap(-1, 7) as mapped:
        mapped[:] = b"storeff"
        assert fingerprint(mapped) == expected


def test_other_buffers_are_refused() -> None:
    with pytest.raises((ValueError, BufferError)):
        fingerprint(memoryview(b"storeff")[::2])
    with pytest.raises(ValueError, match="mismatch"):
        fingerprint(array.array("I", [1]))


def processor_flags() -> set[str]:
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as lines:
        flags = (line.split(":", 1)[1].split() for line in lines if line.startswith("flags"))
        return set(next(flags, []))


def test_every_kernel_that_this_processor_can_run_is_there_and_the_reference_last() -> None:
    flags = processor_flags()
    expected = ["avx512"] if flags >= {"avx512f", "avx512bw"} else []
    expected += ["avx2"] if "avx2" in flags else []
    assert kernels() == [*expected, "scalar"]


@pytest.mark.parametrize("call", [lambda k: fingerprint(b"", k), lambda k: cut(b"", 8, 8, k)])
def test_a_kernel_that_is_not_there_is_an_error(call) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(StoreffError, match="'fastest' is not part of this build") as error:
        call("fastest")
    assert "scalar" in error.value.remedy


@given(st.lists(st.tuples(st.integers(0, 4000), st.integers(0, 96)), max_size=20))
def test_ranges_have_the_fingerprints_of_their_bytes(ranges: list[tuple[int, int]]) -> None:
    data = RANDOM[:4096]
    keys = fingerprints(data, np.array(ranges, np.int64).reshape(-1, 2), kernels()[0])
    digests = [high.to_bytes(8, "big") + low.to_bytes(8, "big") for high, low in keys.tolist()]
    assert digests == [fingerprint(data[start : start + length]) for start, length in ranges]


@pytest.mark.parametrize(
    "bad", [(-1, 2), (0, 11), (10, 1), (5, -1), (2, 2**63 - 1), (2**63 - 1, 1)]
)
def test_a_range_that_is_not_within_the_data_is_refused(bad: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="range 1 is not within the 10 bytes"):
        fingerprints(b"0123456789", np.array([(0, 10), bad], np.int64))
    with pytest.raises(ValueError, match="shape"):
        fingerprints(b"0123456789", np.array([[0], [10]], np.int64))
