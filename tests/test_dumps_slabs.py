"""Slabs, buckets and arrays: what can be said of KV bytes that no header explains."""

import io
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.dump_files import recognised

from storeff.sources.dumps import arrays, dynamo, mooncake
from storeff.sources.dumps.dump import Candidate, Dump, MalformedError, Tensor
from storeff.sources.local_file import FileReader

SLAB = "dynamo-kvbm-disk-cache-aB3xYz"


def opened(path: Path, module: Any) -> Dump | None:
    return recognised(path, module.recognise)


# Dynamo


def slab(path: Path, size_bytes: int, parts: dict[int, bytes]) -> Dump:
    with open(path / SLAB, "wb") as file:
        file.truncate(size_bytes)
        for offset, data in parts.items():
            file.seek(offset)
            file.write(data)
    dump = opened(path / SLAB, dynamo)
    assert dump is not None
    return dump


NOISE = np.random.default_rng(1).bytes(1 << 20)


def test_a_slab_that_was_never_written_is_unwritten(tmp_path: Path) -> None:
    dump = slab(tmp_path, 1 << 40, {})
    assert (dump.system, dump.kind, dump.tensors) == ("dynamo", "unwritten", ())
    assert f"{1 << 40} of {1 << 40} bytes are holes" in dump.why


def test_a_slab_that_was_filled_with_zeros_is_unwritten(tmp_path: Path) -> None:
    dump = slab(tmp_path, 1 << 20, {0: bytes(1 << 20)})
    assert dump.kind == "unwritten"
    assert "256 of 256 samples of 4096 bytes" in dump.why


def test_a_slab_that_is_partly_written_says_which_share_was_looked_at(tmp_path: Path) -> None:
    dump = slab(tmp_path, 1 << 30, {0: NOISE, 512 << 20: NOISE + bytes(1 << 20)})
    assert dump.kind == "opaque"
    assert f"{(1 << 30) - (3 << 20)} of {1 << 30} bytes are holes" in dump.why
    zeros = int(dump.why.split("and ")[1].split(" of")[0])
    assert abs(zeros - 256 / 3) <= 2


def test_a_small_slab_is_looked_at_in_whole(tmp_path: Path) -> None:
    assert slab(tmp_path, 5000, {4999: b"x"}).kind == "opaque"
    assert slab(tmp_path, 0, {}).kind == "unwritten"


def test_only_the_name_makes_a_slab(tmp_path: Path) -> None:
    (tmp_path / "dynamo-kvbm-disk-cache-aB3xYz.bak").write_bytes(NOISE)
    assert opened(tmp_path / "dynamo-kvbm-disk-cache-aB3xYz.bak", dynamo) is None
    assert dynamo.looks_like(b"", b"dir/" + SLAB.encode(), 9)
    assert not dynamo.looks_like(b"", b"dir/" + SLAB.encode() + b"/x", 9)


# Mooncake


def test_a_bucket_has_its_metadata_beside_it(tmp_path: Path) -> None:
    (tmp_path / "17.bucket").write_bytes(b"values")
    assert opened(tmp_path / "17.bucket", mooncake) is None
    (tmp_path / "17.meta").write_bytes(b"keys")
    dump = opened(tmp_path / "17.bucket", mooncake)
    assert dump is not None
    assert (dump.system, dump.kind, dump.tensors) == ("mooncake", "opaque", ())
    assert opened(tmp_path / "17.meta", mooncake) is None


def test_a_bucket_without_sound_metadata_is_not_claimed(tmp_path: Path) -> None:
    for name in ("17.bucket", "x.bucket", "x.meta"):
        (tmp_path / name).write_bytes(b"values")
    (tmp_path / "17.meta").symlink_to(tmp_path / "x.meta")
    assert opened(tmp_path / "17.bucket", mooncake) is None
    assert opened(tmp_path / "x.bucket", mooncake) is None


# NumPy


def array(seed: int, shape: tuple[int, ...] = (5, 2, 8), dtype: str = "f2") -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).normal(size=shape).astype(dtype)


def npz(members: dict[str, np.ndarray[Any, Any]], packed: bool = False) -> bytes:
    out = io.BytesIO()
    save: Any = np.savez_compressed if packed else np.savez
    save(out, **members)
    return out.getvalue()


def npy(content: np.ndarray[Any, Any]) -> bytes:
    out = io.BytesIO()
    np.save(out, content)
    return out.getvalue()


def dump_of(content: bytes, name: bytes = b"dump.npz") -> Dump | None:
    fd = os.memfd_create("array")
    try:
        os.write(fd, content)
        return arrays.recognise(
            Candidate(b"dir/" + name, len(content), FileReader(fd, len(content), 0))
        )
    finally:
        os.close(fd)


def found(content: bytes, name: bytes = b"dump.npz") -> Dump:
    dump = dump_of(content, name)
    assert dump is not None
    return dump


def held(content: bytes, tensor: Tensor) -> bytes:
    return content[tensor.offset : tensor.offset + tensor.length]


@pytest.mark.parametrize(
    "names",
    [
        ("k", "v"),
        ("keys", "values"),
        ("key_cache", "value_cache"),
        ("layer_3_k", "layer_3_v"),
        ("past_key_values.3.key", "past_key_values.3.value"),
        ("layers.3.self_attn.k_cache", "layers.3.self_attn.v_cache"),
    ],
)
def test_arrays_named_as_keys_and_values_are_found_bit_exact(names: tuple[str, str]) -> None:
    key, value = array(1), array(2)
    content = npz({names[0]: key, names[1]: value})
    dump = found(content)
    assert (dump.system, dump.kind, dump.confidence) == ("numpy", "kv", "inferred")
    assert [held(content, tensor) for tensor in dump.tensors] == [key.tobytes(), value.tobytes()]
    assert [tensor.holds for tensor in dump.tensors] == ["k", "v"]
    assert {tensor.layer for tensor in dump.tensors} == {3 if "3" in names[0] else None}
    assert {(t.dtype, t.axes, t.shape) for t in dump.tensors} == {
        ("f16", ("unknown",) * 3, (5, 2, 8))
    }


def test_an_array_of_both_has_an_axis_of_them() -> None:
    content = npy(array(1, (2, 4, 5, 3, 8), "f4"))
    (tensor,) = found(content, b"past_key_values.npy").tensors
    assert tensor.axes == ("kv", "unknown", "unknown", "unknown", "unknown")
    assert held(content, tensor) == array(1, (2, 4, 5, 3, 8), "f4").tobytes()
    (unsure,) = found(npy(array(1, (2, 4, 2, 8))), b"kv_cache.npy").tensors
    assert unsure.axes == ("unknown",) * 4


def test_fortran_order_is_turned_to_row_major() -> None:
    both = np.asfortranarray(array(1, (2, 4, 5, 3)))
    content = npy(both)
    (tensor,) = found(content, b"kv.npy").tensors
    assert (tensor.axes[-1], tensor.shape) == ("kv", (3, 5, 4, 2))
    assert held(content, tensor) == both.tobytes("F")


@pytest.mark.parametrize(
    ("dtype", "expected"),
    [("<f8", "f64"), ("<f4", "f32"), (">f4", None), ("<u2", None), ("i1", "i8")],
)
def test_dtypes_are_those_of_numpy_or_not_known(dtype: str, expected: str | None) -> None:
    (tensor,) = found(npy(array(1, dtype=dtype)), b"kv.npy").tensors
    assert tensor.dtype == expected


def test_packed_arrays_are_opaque() -> None:
    dump = found(npz({"k": array(1), "v": array(2)}, packed=True))
    assert (dump.kind, dump.tensors) == ("opaque", ())
    assert "packed" in dump.why


def test_other_arrays_beside_them_are_counted() -> None:
    assert "1 of other names" in found(npz({"k": array(1), "v": array(2), "tokens": array(3)})).why


@pytest.mark.parametrize(
    "members",
    [
        {"weights": array(1), "bias": array(2)},
        {"keys": array(1)},
        {"x_train": array(1), "value_loss": array(2)},
        {"k": array(1, (4,)), "v": array(2, (4,))},
        {"k": np.array([["a"]]), "v": np.array([["b"]])},
    ],
)
def test_other_arrays_are_not_kv(members: dict[str, np.ndarray[Any, Any]]) -> None:
    assert dump_of(npz(members)) is None
    assert dump_of(npy(array(1)), b"embeddings.npy") is None
    assert dump_of(b"text", b"kv.npy") is None


def test_arrays_of_objects_are_never_unpickled() -> None:
    assert dump_of(npy(np.array([[[print]]], object)), b"kv.npy") is None


def test_the_head_shows_the_name() -> None:
    content = npz({"k": array(1), "v": array(2)})
    assert arrays.looks_like(content, b"any", len(content))
    assert arrays.looks_like(npy(array(1)), b"dir/kv_cache.npy", 9)
    assert not arrays.looks_like(npy(array(1)), b"dir/weights.npy", 9)


@pytest.mark.parametrize(
    "change",
    [
        (b"(5, 2, 8)", b"(5, 2, 9)"),
        (b"(5, 2, 8)", b"(9999999)"),
        (b"(5, 2, 8)", b"(5  2, 8)"),
        (b"'shape'", b"'shap' "),
        (b"\x93NUMPY\x01\x00v", b"\x93NUMPY\x01\x00\xff"),
    ],
)
def test_headers_that_lie_are_refused_or_not_taken(change: tuple[bytes, bytes]) -> None:
    content = npy(array(1))
    assert change[0] in content
    try:
        assert dump_of(content.replace(*change), b"kv.npy") is None
    except MalformedError:
        return


def test_a_truncated_array_is_refused() -> None:
    for content, name in (
        (npy(array(1)), b"kv.npy"),
        (npz({"k": array(1), "v": array(2)}), b"kv.npz"),
    ):
        with pytest.raises(MalformedError):
            dump_of(content[:-1], name)


def test_a_truncated_archive_of_something_else_is_not_ours() -> None:
    assert dump_of(npz({"weights": array(1), "k": array(1)})[:-1]) is None


def test_a_packed_header_is_not_mistaken_for_a_stored_one() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("k.npy", npy(array(1)))
        archive.writestr("v.npy", npy(array(2)), zipfile.ZIP_DEFLATED)
    assert found(out.getvalue()).kind == "opaque"


@settings(max_examples=200)
@given(st.data())
def test_any_mutation_is_read_within_the_file_or_refused(data: st.DataObject) -> None:
    whole = data.draw(st.sampled_from([npz({"k": array(1), "v": array(2)}), npy(array(1))]))
    content = bytearray(whole)
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    check_bounds(bytes(content))


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_header_is_read_or_refused(rest: bytes) -> None:
    check_bounds(b"\x93NUMPY\x01\x00" + rest)


def check_bounds(content: bytes) -> None:
    try:
        dump = dump_of(content, b"kv.npy")
    except MalformedError:
        return
    for tensor in dump.tensors if dump else ():
        assert 0 <= tensor.offset <= tensor.offset + tensor.length <= len(content)
