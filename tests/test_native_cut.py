"""Where a stream is cut: fixed blocks, MinCDC, and runs of equal bytes."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import oracle
from support.native import contents, profiles

from storeff._native import cut, kernels

PROFILES = [(6144, 10240), (49152, 81920)]
RANDOM = random.Random(2).randbytes(1 << 18)
# A vector kernel works on up to 128 positions at a time, in lanes of 4 to 64 bytes.
LANES = (4, 8, 16, 32, 64, 128)
AROUND_LANES = sorted({n + d for lane in LANES for n in (lane, 2 * lane) for d in (-1, 0, 1)})
# The word before the cut whose hash no other is below: h(v) = v * a + b = 0.
SMALLEST = (-(2**31) * pow(0xA4AF40AF, -1, 2**32) % 2**32).to_bytes(4, "little")


def native(data: bytes, min_bytes: int, max_bytes: int, kernel: str) -> list[oracle.Cut]:
    pieces = cut(data, min_bytes, max_bytes, kernel).tolist()
    return [oracle.Cut(offset, length, bool(is_run)) for offset, length, is_run in pieces]


@pytest.mark.parametrize("kernel", kernels())
@given(data=contents(), profile=profiles())
def test_pieces_are_the_oracles(kernel: str, data: bytes, profile: tuple[int, int]) -> None:
    assert native(data, *profile, kernel) == oracle.cut(data, *profile)


@pytest.mark.parametrize("kernel", kernels())
@pytest.mark.parametrize(("min_bytes", "max_bytes"), PROFILES)
@pytest.mark.parametrize("byte", [None, 0, 255])
def test_profiles_around_their_edges(
    kernel: str, min_bytes: int, max_bytes: int, byte: int | None
) -> None:
    whole = RANDOM if byte is None else bytes([byte]) * len(RANDOM)
    for length in (0, 1, 3, min_bytes, max_bytes, min_bytes + max_bytes, 2 * max_bytes):
        for data in (whole[:length], whole[: length + 1], whole[: max(length - 1, 0)] + b"\1"):
            assert native(data, min_bytes, max_bytes, kernel) == oracle.cut(
                data, min_bytes, max_bytes
            )


@given(st.binary(min_size=4, max_size=40))
def test_the_oracles_two_ways_to_hash_are_one(data: bytes) -> None:
    hashes = [oracle.cut_hash(data[i : i + 4]) for i in range(len(data) - 3)]
    assert oracle.cut_hashes(data).tolist() == hashes


@pytest.mark.parametrize("kernel", kernels())
def test_the_smallest_hash_is_found_wherever_it_is_and_the_first_of_several(kernel: str) -> None:
    assert oracle.cut_hashes(SMALLEST).tolist() == [0]
    min_bytes, positions = 8, 4 * 128 + 37
    max_bytes = min_bytes + positions - 1
    for at in range(positions):
        start = at % 67
        for gap in (0, 4, *AROUND_LANES[3:], positions - 1 - at):
            buffer = bytearray(RANDOM[: start + max_bytes])
            for place in (at, at + gap):
                if place < positions:
                    end = start + min_bytes + place
                    buffer[end - 4 : end] = SMALLEST
            found = cut(memoryview(buffer)[start:], min_bytes, max_bytes, kernel)[0].tolist()
            # A gap under four bytes overwrites part of the first word.
            first = at if gap == 0 or gap >= 4 else at + gap
            assert found == [0, min_bytes + first, 0], (at, gap)


@pytest.mark.parametrize("kernel", kernels())
@pytest.mark.parametrize("values", [1, 2, 3, 256])
def test_every_number_of_positions(kernel: str, values: int) -> None:
    """The fewer values bytes have, the more hashes tie."""
    content = bytes(byte % values for byte in RANDOM[:1000])
    for positions in range(1, 400):
        start, max_bytes = positions % 67, 4 + positions
        data = content[start : start + 4 + positions - 1]
        first = int(oracle.cut_hashes(data).argmin())
        found = cut(memoryview(content)[start : start + len(data)], 4, max_bytes, kernel)[0]
        assert found.tolist() == [0, 4 + first, 0], positions


@pytest.mark.parametrize("kernel", kernels())
@pytest.mark.parametrize("start", [0, 1, 15, 33, 63])
def test_a_run_ends_where_it_ends(kernel: str, start: int) -> None:
    """At another byte in any lane, or where the data ends although equal bytes lie beyond."""
    zeros = memoryview(bytes(1000))
    for length in range(8, 8 + 3 * 128):
        for other in (b"\1", b"\x80", b"\xff" * 100):
            data = memoryview(bytes(start + length) + other + bytes(200))[start:]
            assert cut(data, 4, 8, kernel)[0].tolist() == [0, length, 1]
        assert cut(zeros[start : start + length], 4, 8, kernel).tolist() == [[0, length, 1]]


@pytest.mark.parametrize("kernel", kernels())
@pytest.mark.parametrize("block_bytes", AROUND_LANES)
def test_one_other_byte_makes_a_block_no_run(kernel: str, block_bytes: int) -> None:
    for at in range(block_bytes):
        buffer = bytearray(b"\xa5" * (2 * block_bytes))
        buffer[block_bytes + at] ^= 1 << at % 8
        pieces = cut(buffer, block_bytes, block_bytes, kernel)
        expected = [True, block_bytes == 1]
        assert pieces[:, 2].tolist() == expected, at


@pytest.mark.parametrize(("min_bytes", "max_bytes"), PROFILES)
def test_the_mean_chunk_is_midway(min_bytes: int, max_bytes: int) -> None:
    data = random.Random(3).randbytes(4 << 20)
    pieces = cut(data, min_bytes, max_bytes)
    assert len(data) / len(pieces) == pytest.approx((min_bytes + max_bytes) / 2, rel=0.05)


def test_streams_meet_again_after_an_insert() -> None:
    before = {p.length + p.offset for p in native(RANDOM, 6144, 10240, "scalar")}
    after = native(RANDOM[:1000] + b"x" + RANDOM[1000:], 6144, 10240, "scalar")
    assert len({p.length + p.offset - 1 for p in after} & before) > len(before) // 2


def test_equal_hashes_cut_at_the_shortest_length() -> None:
    assert native(b"abababababababab" * 2, 6, 11, "scalar")[0].length in (6, 7)
    assert native(b"\0" * 10, 6, 11, "scalar")[0] == oracle.Cut(0, 6, False)


def test_a_run_is_one_piece_however_long() -> None:
    data = b"x" + b"\0" * 100_000 + b"y"
    pieces = native(data, 6, 11, "scalar")
    assert [p.is_run for p in pieces].count(True) == 1
    assert max(p.length for p in pieces) > 100_000 - 11


def test_equal_bytes_short_of_the_longest_chunk_are_no_run() -> None:
    assert [p.is_run for p in native(b"\0" * 11, 6, 11, "scalar")] == [True]
    assert [p.is_run for p in native(b"\0" * 10, 6, 11, "scalar")] == [False, False]


def test_each_full_constant_block_is_a_run_and_a_short_tail_is_a_chunk() -> None:
    assert native(b"\0" * 20, 8, 8, "scalar") == [
        oracle.Cut(0, 8, True),
        oracle.Cut(8, 8, True),
        oracle.Cut(16, 4, False),
    ]


@pytest.mark.parametrize(
    ("min_bytes", "max_bytes"),
    [(0, 8), (3, 8), (9, 8), (-1, 8), (8, -8), (0, 0), (8, (1 << 30) + 1), (8, 1 << 64)],
)
def test_sizes_that_make_no_sense(min_bytes: int, max_bytes: int) -> None:
    with pytest.raises(ValueError, match=r"min_bytes|max_bytes|whole file"):
        cut(b"data", min_bytes, max_bytes)
