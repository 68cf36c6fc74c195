"""Byte planes, fields and the estimate of entropy coding against numpy and a real Huffman coder."""

import heapq
import math
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff import _native

BLOCK_BYTES = 128 << 10
ITEM_BYTES = st.sampled_from([1, 2, 4, 8])
RANDOM = np.random.default_rng(11).integers(0, 256, 1 << 20, np.uint8)


@st.composite
def misaligned_items(draw: st.DrawFn) -> tuple[npt.NDArray[np.uint8], int]:
    """Whole items that begin at any address."""
    item_bytes = draw(ITEM_BYTES)
    start, items = draw(st.integers(0, 40)), draw(st.integers(0, 700))
    return RANDOM[start : start + items * item_bytes], item_bytes


def fields_of(item_bytes: int) -> st.SearchStrategy[tuple[int, int]]:
    return st.integers(1, min(10, 8 * item_bytes)).flatmap(
        lambda bits: st.tuples(st.integers(0, 8 * item_bytes - bits), st.just(bits))
    )


def field_of(
    data: npt.NDArray[np.uint8], item_bytes: int, shift: int, bits: int
) -> npt.NDArray[np.int64]:
    items = np.frombuffer(data.tobytes(), f"<u{item_bytes}").astype(np.uint64)
    return (items >> np.uint64(shift) & np.uint64((1 << bits) - 1)).astype(np.int64)


# ---- planes ----


@given(misaligned_items())
def test_planes_are_the_columns_of_bytes(items: tuple[npt.NDArray[np.uint8], int]) -> None:
    data, item_bytes = items
    planes = _native.split_planes(data.data, item_bytes)
    assert (planes == data.reshape(-1, item_bytes).T).all()


@given(misaligned_items())
def test_joining_undoes_splitting(items: tuple[npt.NDArray[np.uint8], int]) -> None:
    data, item_bytes = items
    joined = _native.join_planes(_native.split_planes(data.data, item_bytes))
    assert joined.tobytes() == data.tobytes()


@pytest.mark.parametrize("item_bytes", [1, 2, 4, 8])
def test_planes_longer_than_any_register_and_with_a_tail(item_bytes: int) -> None:
    data = RANDOM[3 : 3 + 99_991 * item_bytes]
    planes = _native.split_planes(data.data, item_bytes)
    assert (planes == data.reshape(-1, item_bytes).T).all()
    assert (_native.join_planes(planes) == data).all()


# ---- fields ----


@given(misaligned_items(), st.data())
def test_a_field_is_counted_exactly(
    items: tuple[npt.NDArray[np.uint8], int], choice: st.DataObject
) -> None:
    data, item_bytes = items
    shift, bits = choice.draw(fields_of(item_bytes))
    counts = _native.count_field(data.data, item_bytes, shift, bits)
    told = np.bincount(field_of(data, item_bytes, shift, bits), minlength=1 << bits)
    assert counts.tolist() == told.tolist()


@given(misaligned_items(), st.integers(1, 70), st.data())
def test_a_field_is_counted_exactly_for_each_channel(
    items: tuple[npt.NDArray[np.uint8], int], channels: int, choice: st.DataObject
) -> None:
    data, item_bytes = items
    data = data[: len(data) // (channels * item_bytes) * channels * item_bytes]
    shift, bits = choice.draw(fields_of(item_bytes))
    counts = _native.count_field_by_channel(data.data, channels, item_bytes, shift, bits)
    rows = field_of(data, item_bytes, shift, bits).reshape(-1, channels)
    told = [np.bincount(rows[:, c], minlength=1 << bits) for c in range(channels)]
    assert counts.tolist() == np.array(told).tolist()


def test_threads_count_and_split_the_same_buffer_at_once() -> None:
    def work(item_bytes: int) -> tuple[bytes, list[int], int]:
        planes = _native.split_planes(RANDOM.data, item_bytes)
        counts = _native.count_field(RANDOM.data, item_bytes, 0, 8)
        return (
            planes.tobytes(),
            counts.tolist(),
            _native.estimate_literals(RANDOM.data, item_bytes, 0, BLOCK_BYTES),
        )

    sizes = [1, 2, 4, 8] * 4
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, sizes)) == [work(n) for n in sizes]


# ---- the estimate ----


def huffman_bytes(data: bytes) -> int:
    """The bits that a real Huffman coder writes for ``data``, in bytes, without its table."""
    counts = Counter(data)
    heap = [(count, n, [symbol]) for n, (symbol, count) in enumerate(counts.items())]
    heapq.heapify(heap)
    lengths = dict.fromkeys(counts, 0)
    while len(heap) > 1:
        (a, n, left), (b, _, right) = heapq.heappop(heap), heapq.heappop(heap)
        for symbol in left + right:
            lengths[symbol] += 1
        heapq.heappush(heap, (a + b, n, left + right))
    return -(-sum(counts[s] * lengths[s] for s in counts) // 8)


def bf16_high_bytes(count: int) -> npt.NDArray[np.uint8]:
    values = np.random.default_rng(5).standard_normal(count).astype("<f4") * 2.5
    return (values.view("<u4") >> 24).astype(np.uint8)


DISTRIBUTIONS = {
    "bf16 high bytes": bf16_high_bytes(1 << 20),
    "geometric": np.minimum(np.random.default_rng(6).geometric(0.3, 1 << 20), 255).astype("u1"),
    "normal": (np.random.default_rng(7).standard_normal(1 << 20) * 20 + 128).astype("u1"),
    "sixty alike": np.random.default_rng(8).integers(0, 60, 1 << 20).astype("u1"),
}


@pytest.mark.parametrize("name", DISTRIBUTIONS)
def test_full_blocks_are_estimated_within_1_percent_of_a_huffman_coder(name: str) -> None:
    data = DISTRIBUTIONS[name]
    blocks = [data[i : i + BLOCK_BYTES].tobytes() for i in range(0, len(data), BLOCK_BYTES)]
    coded = sum(map(huffman_bytes, blocks))
    estimated = _native.estimate_literals(data.data, 1, 0, BLOCK_BYTES)
    assert estimated == pytest.approx(coded, rel=0.01)


@given(st.binary(min_size=1, max_size=3000), st.integers(1, 4000))
def test_the_estimate_lies_between_shannons_bound_and_the_size(data: bytes, frame: int) -> None:
    estimated = _native.estimate_literals(data, 1, 0, frame)
    assert 0 < estimated <= len(data)
    frames = [data[i : i + frame] for i in range(0, len(data), frame)]
    assert estimated >= sum(map(entropy_bytes, frames))


def entropy_bytes(data: bytes) -> float:
    return -sum(n * math.log2(n / len(data)) for n in Counter(data).values()) / 8


def test_what_does_not_shrink_is_stored() -> None:
    assert _native.estimate_literals(RANDOM.data, 1, 0, BLOCK_BYTES) == len(RANDOM)


@pytest.mark.parametrize("item_bytes", [2, 4, 8])
def test_a_plane_is_estimated_in_place_as_if_it_were_split(item_bytes: int) -> None:
    data = np.repeat(DISTRIBUTIONS["geometric"], 2)[1 : 1 + 8 * 40_001]
    for plane, split in enumerate(_native.split_planes(data.data, item_bytes)):
        in_place = _native.estimate_literals(data.data, item_bytes, plane, 10_000)
        assert in_place == _native.estimate_literals(split.data, 1, 0, 10_000)


def test_a_block_is_sampled_in_every_part() -> None:
    """A value that only one channel of a row holds weighs what it should."""
    for row in (64, 128, 256, 512, 768, 1024):
        data = np.zeros(BLOCK_BYTES, np.uint8)
        data[::row] = RANDOM[: len(data[::row])] & 3 | 128
        data[1::2] = RANDOM[: BLOCK_BYTES // 2] & 15
        estimated = _native.estimate_literals(data.data, 1, 0, BLOCK_BYTES)
        assert estimated == pytest.approx(huffman_bytes(data.tobytes()), rel=0.02)


# ---- misuse ----


@pytest.mark.parametrize("item_bytes", [0, 3, 16, -1])
def test_items_have_1_2_4_or_8_bytes(item_bytes: int) -> None:
    with pytest.raises(ValueError, match="1, 2, 4 or 8 bytes"):
        _native.split_planes(bytes(48), item_bytes)


def test_half_an_item_is_refused() -> None:
    with pytest.raises(ValueError, match="whole number of items"):
        _native.count_field(bytes(5), 2, 0, 8)
    with pytest.raises(ValueError, match="whole number of rows"):
        _native.count_field_by_channel(bytes(6), 2, 2, 0, 8)
    with pytest.raises(ValueError, match="whole number of rows"):
        _native.count_field_by_channel(b"", 0, 2, 0, 8)


@pytest.mark.parametrize(("shift", "bits"), [(0, 0), (7, 10), (16, 1), (0, 11), (63, 1), (0, -1)])
def test_a_field_lies_within_its_item(shift: int, bits: int) -> None:
    with pytest.raises(ValueError, match=r"field|bits"):
        _native.count_field(bytes(4), 2, shift, bits)
    with pytest.raises(ValueError, match=r"field|bits"):
        _native.count_field_by_channel(bytes(4), 2, 2, shift, bits)


def test_a_plane_and_a_frame_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="plane"):
        _native.estimate_literals(bytes(4), 2, 2, 10)
    with pytest.raises(ValueError, match="frame"):
        _native.estimate_literals(bytes(4), 2, 1, 0)
