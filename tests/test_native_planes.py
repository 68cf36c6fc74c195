"""Byte planes and fields against numpy."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff import _native

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


@pytest.mark.parametrize("item_bytes", [1, 2, 4, 8])
def test_planes_longer_than_any_register_and_with_a_tail(item_bytes: int) -> None:
    data = RANDOM[3 : 3 + 99_991 * item_bytes]
    planes = _native.split_planes(data.data, item_bytes)
    assert (planes == data.reshape(-1, item_bytes).T).all()


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
    def work(item_bytes: int) -> tuple[bytes, list[int]]:
        planes = _native.split_planes(RANDOM.data, item_bytes)
        counts = _native.count_field(RANDOM.data, item_bytes, 0, 8)
        return planes.tobytes(), counts.tolist()

    sizes = [1, 2, 4, 8] * 4
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(work, sizes)) == [work(n) for n in sizes]


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
