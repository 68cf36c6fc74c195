"""Where a stream is cut: fixed blocks, MinCDC, and runs of equal bytes."""

import random

import oracle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storeff._native import cut, kernels

PROFILES = [(6144, 10240), (49152, 81920)]
RANDOM = random.Random(2).randbytes(1 << 18)


def contents(max_parts: int = 6) -> st.SearchStrategy[bytes]:
    """Runs, few-valued and arbitrary bytes in turn: every rule of the cut is near its edge."""
    run = st.builds(
        lambda byte, n: byte * n, st.sampled_from([b"\0", b"\1", b"\xff"]), st.integers(0, 45)
    )
    few = st.lists(st.sampled_from([0, 1]), max_size=30).map(bytes)
    return st.lists(run | few | st.binary(max_size=30), max_size=max_parts).map(b"".join)


@st.composite
def profiles(draw: st.DrawFn) -> tuple[int, int]:
    """Smallest and largest length: fixed or MinCDC."""
    if draw(st.booleans()):
        block_bytes = draw(st.integers(1, 20))
        return block_bytes, block_bytes
    min_bytes = draw(st.integers(4, 20))
    return min_bytes, min_bytes + draw(st.integers(1, 20))


def native(data: bytes, min_bytes: int, max_bytes: int, kernel: str) -> list[oracle.Piece]:
    pieces = cut(data, min_bytes, max_bytes, kernel).tolist()
    return [oracle.Piece(offset, length, bool(is_run)) for offset, length, is_run in pieces]


@pytest.mark.parametrize("kernel", kernels())
@settings(deadline=None)
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
    assert native(b"\0" * 10, 6, 11, "scalar")[0] == oracle.Piece(0, 6, False)


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
        oracle.Piece(0, 8, True),
        oracle.Piece(8, 8, True),
        oracle.Piece(16, 4, False),
    ]


@pytest.mark.parametrize(
    ("min_bytes", "max_bytes"),
    [(0, 8), (3, 8), (9, 8), (-1, 8), (8, -8), (0, 0), (8, (1 << 30) + 1), (8, 1 << 64)],
)
def test_sizes_that_make_no_sense(min_bytes: int, max_bytes: int) -> None:
    with pytest.raises(ValueError, match=r"min_bytes|max_bytes|whole file"):
        cut(b"data", min_bytes, max_bytes)
