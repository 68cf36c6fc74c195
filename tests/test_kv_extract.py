"""Every order of axes gives the same tokens by channels, and a hostile shape an error."""

import itertools
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.kv.extract import Section, sections
from storeff.sources.dumps.dump import Axis, Dtype, MalformedError, Tensor
from storeff.sources.local_file import FileReader
from storeff.sources.skipped import ChangedError
from storeff.sources.source import Reader

Array = npt.NDArray[np.uint16]
SIZES: dict[Axis, int] = {
    "kv": 2,
    "layer": 3,
    "block": 5,
    "batch": 2,
    "token": 4,
    "head": 3,
    "dim": 6,
    "channel": 7,
    "latent": 9,
}
KV_2LTD: tuple[Axis, ...] = ("kv", "layer", "token", "channel")


@contextmanager
def file_of(content: bytes) -> Iterator[Reader]:
    with tempfile.TemporaryFile() as file:
        file.write(content)
        file.flush()
        yield FileReader(file.fileno(), len(content), 0)


def numbered(axes: tuple[Axis, ...]) -> Array:
    shape = [SIZES[axis] for axis in axes]
    return np.arange(np.prod(shape), dtype=np.uint16).reshape(shape)


def tensor_of(
    axes: tuple[Axis, ...], array: Array, *, offset: int = 28, dtype: Dtype | None = "bf16"
) -> Tensor:
    return Tensor(offset, array.nbytes, dtype, axes, array.shape, "kv")


def read_all(found: Section, reader: Reader, cluster_bytes: int) -> Array:
    clusters = found.clusters(cluster_bytes)
    return np.concatenate([found.read(reader, cluster_bytes, n).items for n in range(clusters)])


def told(axes: tuple[Axis, ...], array: Array, kind: int, layer: int) -> Array:
    """[tokens, channels] by numpy alone."""
    index = [{"kv": kind, "layer": layer}.get(axis, slice(None)) for axis in axes]
    rest = [axis for axis in axes if axis not in ("kv", "layer")]
    tokens = [rest.index(a) for a in rest if a in ("block", "batch", "token")]
    channels = [rest.index(a) for a in ("head", "dim", "channel", "latent") if a in rest]
    one: Array = array[tuple(index)].transpose(tokens + channels)
    return one.reshape(np.prod([SIZES[rest[i]] for i in tokens], dtype=int), -1)


LAYOUTS: dict[str, tuple[Axis, ...]] = {
    "LMCache KV_2LTD": KV_2LTD,
    "LMCache KV_T2D": ("token", "kv", "channel"),
    "vLLM shared storage": ("kv", "token", "channel"),
    "vLLM blocks": ("block", "kv", "token", "head", "dim"),
    "SGLang layer_first": ("kv", "layer", "token", "head", "dim"),
    "SGLang page_first": ("kv", "token", "layer", "head", "dim"),
    "SGLang page_head": ("kv", "block", "head", "token", "layer", "dim"),
    "llama.cpp transposed V": ("layer", "channel", "token"),
    "Hugging Face": ("batch", "head", "token", "dim"),
    "MLA": ("layer", "token", "latent"),
}


@pytest.mark.parametrize("cluster_bytes", [1, 100, 1 << 20])
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_known_layout_gives_tokens_by_channels(layout: str, cluster_bytes: int) -> None:
    axes = LAYOUTS[layout]
    check(axes, cluster_bytes)


@given(
    st.sets(st.sampled_from(list(SIZES)), max_size=6).flatmap(
        lambda axes: st.permutations(sorted(axes))
    ),
    st.sampled_from([1, 30, 64, 500, 1 << 20]),
)
def test_any_order_of_axes_gives_tokens_by_channels(axes: list[Axis], cluster_bytes: int) -> None:
    check(tuple(axes), cluster_bytes)


def check(axes: tuple[Axis, ...], cluster_bytes: int) -> None:
    array = numbered(axes)
    kinds = SIZES["kv"] if "kv" in axes else 1
    layers = SIZES["layer"] if "layer" in axes else 1
    with file_of(bytes(28) + array.tobytes()) as reader:
        found = sections(tensor_of(axes, array), 28 + array.nbytes)
        assert len(found) == kinds * layers
        for section, (kind, layer) in zip(
            found, itertools.product(range(kinds), range(layers)), strict=True
        ):
            assert section.kind == ("kv"[kind] if kinds == 2 else None)
            assert section.layer == (layer if "layer" in axes else None)
            assert section.head_dim == (SIZES["dim"] if "dim" in axes else None)
            expected = told(axes, array, kind, layer)
            assert section.tokens * section.row_bytes == expected.nbytes
            assert (read_all(section, reader, cluster_bytes) == expected).all()


def test_a_cluster_is_as_many_whole_tokens_as_fit() -> None:
    array = numbered(KV_2LTD)
    [section, *_] = sections(tensor_of(KV_2LTD, array), 28 + array.nbytes)
    assert section.row_bytes == 14
    assert [section.clusters(n) for n in (1, 27, 28, 42, 55, 56)] == [4, 4, 2, 2, 2, 1]


def test_short_sequences_share_a_cluster() -> None:
    axes: tuple[Axis, ...] = ("block", "token", "channel")
    array = numbered(axes)
    [section] = sections(tensor_of(axes, array), 28 + array.nbytes)
    with file_of(bytes(28) + array.tobytes()) as reader:
        assert section.clusters(2 * 4 * 14) == 3
        assert section.read(reader, 2 * 4 * 14, 2).items.shape == (4, 7)
        assert section.read(reader, 2 * 4 * 14, 1).items.shape == (8, 7)
        with pytest.raises(IndexError):
            section.read(reader, 2 * 4 * 14, 3)


@pytest.mark.parametrize("dtype", ["f64", "f32", "f16", "f8e4m3", "i8"])
def test_the_width_of_an_item_is_that_of_its_dtype(dtype: Dtype) -> None:
    width = {"f64": 8, "f32": 4, "f16": 2}.get(dtype, 1)
    array = np.arange(24, dtype=f"<u{width}").reshape(4, 6)
    tensor = Tensor(0, array.nbytes, dtype, ("token", "channel"), array.shape, "k", 9)
    with file_of(array.tobytes()) as reader:
        [section] = sections(tensor, array.nbytes)
        block = section.read(reader, 1 << 20, 0)
    assert (block.items == array).all()
    assert block.items.itemsize == width
    assert (block.kind, block.layer, block.dtype, block.bytes_only) == ("k", 9, dtype, False)


def test_quantised_rows_are_rows_of_bytes() -> None:
    """q8_0: 34 bytes for each 32 channels."""
    content = os.urandom(2 * 10 * 68)
    axes: tuple[Axis, ...] = ("layer", "token", "channel")
    tensor = Tensor(0, len(content), "q8_0", axes, (2, 10, 64), "k")
    with file_of(content) as reader:
        found = sections(tensor, len(content))
        blocks = [section.read(reader, 1 << 20, 0) for section in found]
    assert [block.items.shape for block in blocks] == [(10, 68), (10, 68)]
    assert b"".join(block.items.tobytes() for block in blocks) == content
    assert all(block.bytes_only for block in blocks)


@pytest.mark.parametrize(
    ("axes", "shape"), [((), ()), (("channel", "token"), (7, 9)), (("token", "channel"), (9, 0))]
)
def test_unknown_rows_are_a_string_of_bytes(axes: tuple[Axis, ...], shape: tuple[int, ...]) -> None:
    content = os.urandom(1000)
    with file_of(content) as reader:
        [section] = sections(Tensor(0, 1000, None, axes, shape, None), 1000)
        assert read_all(section, reader, 300).tobytes() == content


def test_an_empty_tensor_has_no_sections() -> None:
    assert sections(Tensor(8, 0, "bf16", ("token", "channel"), (0, 4), "k"), 8) == []


HUGE = 1 << 62


@pytest.mark.parametrize(
    "tensor",
    [
        Tensor(0, 64, "bf16", ("token", "channel"), (4, 9), "k"),
        Tensor(0, 64, "bf16", ("token",), (4, 8), "k"),
        Tensor(0, 64, "bf16", ("token", "token"), (4, 8), "k"),
        Tensor(0, 64, "bf16", ("token", "channel"), (-4, -8), "k"),
        Tensor(-1, 64, "bf16", ("token", "channel"), (4, 8), "k"),
        Tensor(1, 64, "bf16", ("token", "channel"), (4, 8), "k"),
        Tensor(0, 2 * HUGE, "bf16", ("token", "channel"), (HUGE, 1), "k"),
        Tensor(0, 64, "bf16", ("kv", "token", "channel"), (4, 2, 4), "k"),
    ],
)
def test_a_contradiction_is_refused(tensor: Tensor) -> None:
    with pytest.raises(MalformedError):
        sections(tensor, 64)


@pytest.mark.parametrize("axes", [("layer", "token"), ("token", "channel"), ("channel", "token")])
def test_what_is_beyond_any_model_is_refused_before_it_is_read(axes: tuple[Axis, ...]) -> None:
    size = 1 << 50
    shape = (size >> 2, 4) if axes != ("token", "channel") else (4, size >> 2)
    with pytest.raises(MalformedError, match="beyond any model"):
        sections(Tensor(0, size, "i8", axes, shape, "k"), size)


def test_a_file_that_became_shorter_has_changed() -> None:
    array = numbered(KV_2LTD)
    with file_of(array.tobytes()[:-1]) as reader:
        *_, last = sections(tensor_of(KV_2LTD, array, offset=0), array.nbytes)
        with pytest.raises(ChangedError, match="shrank"):
            last.read(reader, 1 << 20, 0)
