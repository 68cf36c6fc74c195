"""What pages without a header hold: right where the data say it, unknown where they do not."""

import os
import zlib
from functools import cache
from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.kvpages import (
    DTYPES,
    MLA_ORDERS,
    ORDERS,
    embeddings,
    encoded,
    keys_and_values,
    laid,
    latents,
    recorded,
    weights,
)

from storeff.kv.dumps.dump import Dtype
from storeff.kv.measure.infer import Geometry, Inference, infer

# Layers, KV heads, head size, tokens.
SHAPES = [(4, 2, 64, 16), (12, 4, 64, 64), (8, 2, 128, 16), (6, 8, 64, 256), (32, 8, 128, 16)]
AXES = ("kv", "layer", "token", "head", "dim")
NOISE = np.random.default_rng(1).bytes(1 << 21)


@cache
def page(shape: tuple[int, int, int, int]) -> Any:
    layers, heads, dims, tokens = shape
    return keys_and_values(7, layers, heads, dims, tokens, 0.7, 0.4)


def geometry(shape: tuple[int, int, int, int]) -> Geometry:
    return Geometry(*shape[:3])


def is_right(found: Inference, dtype: str, order: str, sizes: tuple[int, ...]) -> bool:
    """Whether it is; an answer that is given and is not right fails here and now."""
    assert found.dtype in (dtype, None)
    if found.confidence == "unknown":
        assert (found.axes, found.shape) == (None, None)
        return False
    extents = dict(zip(AXES, sizes, strict=True))
    assert found.axes == ORDERS[order]
    assert found.shape == tuple(extents[axis] for axis in ORDERS[order])
    return True


# What is right


@pytest.mark.parametrize("shape", SHAPES)
def test_dtype_and_order_are_found(shape: tuple[int, int, int, int]) -> None:
    dtypes = DTYPES if shape in SHAPES[:2] else DTYPES[:1]
    for dtype, order in product(dtypes, ORDERS):
        content = encoded(page(shape), dtype)
        found = infer(laid(content, order), geometry=geometry(shape))
        assert is_right(found, dtype, order, content.shape), found.why


def test_the_latents_of_mla_are_found() -> None:
    content = encoded(latents(1, 8, 576, 64), "bf16")
    for order, axes in MLA_ORDERS.items():
        found = infer(laid(content, order), geometry=Geometry(8, None, 576))
        assert (found.confidence, found.axes) == ("inferred", axes)


def test_real_keys_and_values_are_found() -> None:
    if "STOREFF_SHARED" not in os.environ:
        pytest.skip("STOREFF_SHARED does not name the folder of fixtures")
    numbers = recorded(os.environ["STOREFF_SHARED"])
    right = []
    for tokens, dtype in ((16, "bf16"), (64, "bf16"), (256, "bf16"), (64, "f8e4m3")):
        for start in range(0, 256, max(tokens, 64)):
            content = encoded(numbers[:, :, start : start + tokens], dtype)
            for order in ORDERS:
                found = infer(laid(content, order), geometry=Geometry(6, 12, 32))
                right.append(is_right(found, dtype, order, content.shape))
    assert sum(right) >= 0.95 * len(right)


def test_with_one_head_orders_that_are_the_same_bytes_are_one() -> None:
    content = encoded(keys_and_values(3, 8, 1, 128, 64), "bf16")
    found = infer(laid(content, "unified"), geometry=Geometry(8, 1, 128))
    assert found.axes == ORDERS["layer_first"]


def test_a_large_page_is_thinned_and_keeps_its_shape() -> None:
    content = np.tile(encoded(page(SHAPES[-1]), "bf16"), (1, 1, 5, 1, 1))
    assert content.size > 1 << 22
    found = infer(laid(content, "page_first"), geometry=geometry(SHAPES[-1]))
    assert (found.axes, found.shape) == (ORDERS["page_first"], (2, 80, 32, 8, 128))


# What is unknown


def test_as_many_layers_as_heads_leave_two_orders() -> None:
    content = encoded(keys_and_values(3, 8, 8, 64, 16), "bf16")
    for order in ("layer_first", "page_head"):
        found = infer(laid(content, order), geometry=Geometry(8, 8, 64))
        assert found.confidence == "unknown"
        assert "several orders" in found.why
    only = infer(laid(content, "page_head"), geometry=Geometry(8, 8, 64), orders=[_page_head()])
    assert only.axes == ORDERS["page_head"]


def _page_head() -> tuple[Any, ...]:
    return ORDERS["page_head"]


def test_an_order_that_was_not_asked_for_is_not_replaced_by_the_next_best() -> None:
    content = encoded(page(SHAPES[1]), "bf16")
    found = infer(laid(content, "page_first"), geometry=geometry(SHAPES[1]), orders=[_page_head()])
    assert (found.confidence, "none of the orders" in found.why) == ("unknown", True)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"abc",
        NOISE,
        bytes(1 << 20),
        zlib.compress(os.urandom(1) * 9) + NOISE[: 1 << 20],
        b"".join(zlib.compress(b"%d and so on" % n * 50) for n in range(20000)),
        b"the quick brown fox jumps over the lazy dog. " * 20000,
        np.random.default_rng(2).normal(0, 20, 1 << 20).astype("i1").tobytes(),
        np.random.default_rng(2).integers(0, 50000, 1 << 18, "<i4").tobytes(),
        np.random.default_rng(2).normal(size=1 << 17).tobytes(),
    ],
    ids=["none", "three", "noise", "zeros", "random", "zlib", "text", "int8", "int32", "f64"],
)
def test_bytes_that_are_no_such_numbers_have_no_dtype(content: bytes) -> None:
    for known in (Geometry(8, 4, 64), Geometry(4, None, 512)):
        found = infer(content, geometry=known)
        assert (found.dtype, found.axes, found.confidence) == (None, None, "unknown")


@pytest.mark.parametrize("dtype", ["bf16", "f16", "f8e4m3"])
@pytest.mark.parametrize("columns", [512, 1024, 4096])
def test_weights_are_unknown(columns: int, dtype: Dtype) -> None:
    rows = (1 << 19) // columns
    for matrix in (weights(1, rows, columns), embeddings(2, rows, columns)):
        # Weights of 8 bits come with a scale, without which they would all be tiny.
        content = encoded(matrix * (32 if dtype == "f8e4m3" else 1), dtype).tobytes()
        for known in (Geometry(8, 4, 128), Geometry(4, 2, 64), Geometry(8, None, 512)):
            found = infer(content, geometry=known)
            assert (found.confidence, found.dtype) == ("unknown", dtype), found.why


def test_keys_and_values_in_disorder_are_unknown() -> None:
    content = encoded(page(SHAPES[1]), "bf16").ravel()
    shuffled = np.random.default_rng(1).permutation(content).tobytes()
    found = infer(shuffled, geometry=geometry(SHAPES[1]))
    assert (found.confidence, found.dtype) == ("unknown", "bf16")


def test_a_page_of_twice_as_many_layers_is_not_one_of_twice_as_many_tokens() -> None:
    if "STOREFF_SHARED" not in os.environ:
        pytest.skip("STOREFF_SHARED does not name the folder of fixtures")
    content = encoded(recorded(os.environ["STOREFF_SHARED"])[:, :, :64], "bf16")
    found = infer(laid(content, "layer_first"), geometry=Geometry(3, 12, 32))
    assert (found.confidence, "halfway" in found.why) == ("unknown", True)


def test_a_page_of_another_size_or_of_few_tokens_has_no_shape() -> None:
    content = laid(encoded(page(SHAPES[0]), "bf16"), "layer_first")
    for known in (Geometry(5, 2, 64), Geometry(64, 2, 64)):
        found = infer(content, geometry=known)
        assert (found.dtype, found.confidence) == ("bf16", "unknown")
    assert infer(content, geometry=Geometry(0, 2, 64)).confidence == "unknown"
    assert infer(content[:-1], geometry=geometry(SHAPES[0])).confidence == "unknown"


@given(
    st.integers(0, 3000),
    st.integers(0, 255),
    st.integers(1, 5),
    st.sampled_from([None, 1, 2, 3]),
    st.sampled_from([1, 8, 16, 33]),
)
def test_small_and_odd_pages_are_unknown_whatever_is_asked(
    length: int, mask: int, layers: int, heads: int | None, dims: int
) -> None:
    content = (np.frombuffer(NOISE[:length], np.uint8) & mask).tobytes()
    found = infer(content, geometry=Geometry(layers, heads, dims))
    assert found.confidence == "unknown"
