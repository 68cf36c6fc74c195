"""LMCache's dumps: each back end's layout, and the names they go by."""

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.dump_files import (
    bits,
    dump_of,
    kv_bits,
    needs_shared,
    recognised,
    safetensors,
    shared,
    with_header,
    write,
)
from support.lmcache_files import KEY, L2_KEY, encoded, fs_header, gds_entry

from storeff.errors import ContradictionError
from storeff.kv.dumps.dump import Dump


def fs_file(tmp_path: Path, number: int, *shape: int, name: str = f"{KEY}.data") -> Path:
    """A file of one bf16 tensor in memory format ``number``."""
    content = kv_bits(*shape).tobytes()
    return write(tmp_path / name, fs_header(len(content), number, (3, *shape)) + content)


# What real caches look like


@needs_shared
def test_the_same_real_kv_is_found_in_three_layouts() -> None:
    [fs_path], [gds_path] = shared("lmcache-fs/*"), shared("lmcache-gds/*")
    fs, gds = dump_of(fs_path), dump_of(gds_path)
    for dump in (fs, gds):
        assert (dump.confidence, dump.tokens, dump.model) == ("exact", 256, "minilm")
        assert dump.key == "2d2504741ed317b1"
        [tensor] = dump.tensors
        assert tensor.axes == ("kv", "layer", "token", "channel")
        assert (tensor.dtype, tensor.shape) == ("bf16", (2, 6, 256, 12 * 32))
    layers = {}
    for path in shared("vllm-shared-storage/*/*"):
        [tensor] = dump_of(path).tensors
        layers[tensor.layer] = bits(path, tensor)
    by_vllm = np.stack([layers[n] for n in range(6)], axis=1)
    assert np.array_equal(bits(fs_path, fs.tensors[0]), by_vllm)
    assert np.array_equal(bits(gds_path, gds.tensors[0]), by_vllm)


# The file-system connector


@pytest.mark.parametrize(
    ("number", "shape", "axes", "found"),
    [
        (1, (2, 3, 16, 8), ("kv", "layer", "token", "channel"), (2, 3, 16, 8)),
        (1, (1, 3, 16, 8), ("layer", "token", "latent"), (3, 16, 8)),
        (2, (16, 2, 8), ("token", "kv", "channel"), (16, 2, 8)),
        (2, (1, 16, 2, 8), ("token", "kv", "channel"), (16, 2, 8)),
        (2, (16, 8), ("token", "latent"), (16, 8)),
        (2, (1, 1, 16, 8), ("token", "latent"), (16, 8)),
        (3, (2, 16, 8), ("kv", "token", "channel"), (2, 16, 8)),
        (6, (1, 3, 16, 8), ("layer", "token", "latent"), (3, 16, 8)),
        (6, (384,), (), ()),
        (7, (16, 8), (), ()),
    ],
)
def test_each_memory_format_has_its_axes(
    tmp_path: Path, number: int, shape: tuple[int, ...], axes: tuple[str, ...], found: object
) -> None:
    path = fs_file(tmp_path, number, *shape)
    dump = dump_of(path)
    [tensor] = dump.tensors
    assert (tensor.axes, tensor.shape, tensor.dtype) == (axes, found, "bf16")
    assert (tensor.offset, tensor.length) == (28, path.stat().st_size - 28)
    assert dump.tokens == (16 if axes else None)
    assert dump.confidence == ("exact" if axes else "unknown")
    if axes:
        assert np.array_equal(bits(path, tensor).ravel(), kv_bits(*shape).ravel())


def test_groups_of_layers_lie_one_after_the_other(tmp_path: Path) -> None:
    first, second = kv_bits(2, 3, 16, 8), kv_bits(1, 2, 16, 4, seed=2)
    content = first.tobytes() + second.tobytes()
    header = fs_header(len(content), 1, (3, 2, 3, 16, 8), (2, 1, 2, 16, 4))
    assert len(header) == 4 * (2 + 5 * 2)
    path = write(tmp_path / f"{KEY}.data", header + content)
    dump = dump_of(path)
    assert [t.dtype for t in dump.tensors] == ["bf16", "f16"]
    assert np.array_equal(bits(path, dump.tensors[0]), first)
    assert np.array_equal(bits(path, dump.tensors[1]), second[0])
    assert dump.tokens == 16


def test_serialized_bytes_are_opaque(tmp_path: Path) -> None:
    for number in (4, 5):
        path = write(tmp_path / f"{KEY}.data", fs_header(100, number, (0, 100)) + bytes(100))
        dump = dump_of(path)
        assert (dump.kind, dump.tensors, dump.key) == ("opaque", (), "2d2504741ed317b1")


def test_a_header_needs_no_name_that_is_known(tmp_path: Path) -> None:
    dump = dump_of(fs_file(tmp_path, 1, 2, 3, 16, 8, name="renamed.data"))
    assert (dump.confidence, dump.key, dump.model) == ("exact", None, None)


def test_a_name_gives_layer_tags_and_model(tmp_path: Path) -> None:
    name = "org-SEP-model@8@7@-1f@half@31@user%eve@tier%a.data"
    dump = dump_of(fs_file(tmp_path, 2, 16, 2, 8, name=name))
    assert (dump.key, dump.model, dump.tensors[0].layer) == ("-1f", "org/model", 31)


def test_a_dump_shorter_or_longer_than_its_header_says_is_malformed(tmp_path: Path) -> None:
    path = fs_file(tmp_path, 1, 2, 3, 16, 8)
    content = path.read_bytes()
    for changed in (content[:-1], content[:100], content + b"x"):
        with pytest.raises(ContradictionError, match="its header says that 1536 bytes follow"):
            dump_of(write(path, changed))


def test_a_format_that_its_shape_cannot_have_is_malformed(tmp_path: Path) -> None:
    for number, shape in ((1, (3, 3, 16, 8)), (2, (16, 3, 8)), (3, (3, 16, 8))):
        with pytest.raises(ContradictionError, match="cannot have the shape"):
            dump_of(fs_file(tmp_path, number, *shape))


@pytest.mark.parametrize(
    "header",
    [
        fs_header(1 << 30, 1, (3, 2, 1 << 30, 1 << 30, 1 << 30)),
        fs_header(-1, 1, (3, 2, 3, 16, 8)),
        fs_header(1536, 1, (3, 2, -3, 16, -8)),
        fs_header(1536, 1, (9, 2, 3, 16, 8)),
        fs_header(1536, 0, (3, 2, 3, 16, 8)),
        fs_header(1536, 1, (3, 0, 3, 16, 8)),
        fs_header(1536, 1, (3, 0, 3, 16, 8), (3, 2, 3, 16, 8)),
        fs_header(1536, 1, (3, 2, 3, 16, 9)),
        bytes(28),
    ],
)
def test_what_is_no_header_is_not_one(tmp_path: Path, header: bytes) -> None:
    assert recognised(write(tmp_path / "x.data", header + bytes(1536))) is None


# Without a header


@pytest.mark.parametrize("extension", [".pt", ".data"])
def test_a_raw_file_has_only_the_dtype_of_its_name(tmp_path: Path, extension: str) -> None:
    content = kv_bits(2, 3, 16, 8).tobytes()
    dump = dump_of(write(tmp_path / (KEY + extension), content))
    assert (dump.kind, dump.confidence, dump.tokens) == ("kv", "unknown", None)
    assert (dump.key, dump.model) == ("2d2504741ed317b1", "meta-llama-Llama-3.1-8B")
    [tensor] = dump.tensors
    assert (tensor.offset, tensor.length) == (0, len(content))
    assert (tensor.dtype, tensor.axes, tensor.shape, tensor.holds) == ("bf16", (), (), None)


@pytest.mark.parametrize(
    ("name", "dtype"), [("half", "f16"), ("fp8_e4m3fn", "f8e4m3"), ("float", "f32")]
)
def test_the_name_has_the_dtype(tmp_path: Path, name: str, dtype: str) -> None:
    path = write(tmp_path / f"m@1@0@ff@{name}.pt", bytes(range(64)))
    assert dump_of(path).tensors[0].dtype == dtype


def test_a_layerwise_name_has_the_layer(tmp_path: Path) -> None:
    assert dump_of(write(tmp_path / f"{KEY}@5.pt", bytes(64))).tensors[0].layer == 5


def test_a_dtype_that_no_cache_has_is_opaque(tmp_path: Path) -> None:
    assert dump_of(write(tmp_path / "m@1@0@ff@int64.pt", bytes(64))).kind == "opaque"


def test_half_an_element_is_malformed(tmp_path: Path) -> None:
    for content in (b"", bytes(63)):
        with pytest.raises(ContradictionError, match="not a whole number of bf16"):
            dump_of(write(tmp_path / f"{KEY}.pt", content))


@pytest.mark.parametrize(
    ("name", "content"),
    [
        (f"{KEY}.pt", b"PK\x03\x04" + bytes(60)),
        (f"{KEY}.txt", bytes(64)),
        ("model@1@0@bfloat16.pt", bytes(64)),
        ("model@x@0@ff@bfloat16.pt", bytes(64)),
        ("model@1@0@ff@bfloat16@a.pt", bytes(64)),
        ("checkpoint.pt", bytes(64)),
        ("user@example.com.data", bytes(64)),
    ],
)
def test_other_names_and_archives_are_none_of_it(tmp_path: Path, name: str, content: bytes) -> None:
    assert recognised(write(tmp_path / name, content)) is None


@pytest.mark.parametrize(
    "name",
    [f"{KEY}.tmp", f"{L2_KEY}.tmp", f"{KEY}.kvcache.safetensors.tmp1a2b3c4d", f"{KEY}.weka1.tmp0"],
)
def test_a_file_being_written_is_temporary(tmp_path: Path, name: str) -> None:
    dump = dump_of(write(tmp_path / name, bytes(10)))
    assert (dump.kind, dump.tensors) == ("temporary", ())


def test_an_l2_object_is_opaque(tmp_path: Path) -> None:
    for name in (f"{L2_KEY}.data", f"{L2_KEY}@tenant.data"):
        dump = dump_of(write(tmp_path / name, b"\x01" + bytes(4095)))
        assert (dump.kind, dump.model, dump.key) == ("opaque", "org/model", "ab" * 16)


def test_an_l2_object_framed_as_aes_gcm_is_taken_for_encrypted(tmp_path: Path) -> None:
    frame = b"\x01" + bytes(12) + bytes(4096) + bytes(16)
    dump = dump_of(write(tmp_path / f"{L2_KEY}@tenant.data", frame))
    assert (dump.kind, dump.confidence) == ("encrypted", "inferred")
    for other in (b"\x02" + frame[1:], frame + b"x"):
        assert dump_of(write(tmp_path / f"{L2_KEY}@tenant.data", other)).kind == "opaque"


# GPU direct storage


def gds_file(tmp_path: Path, shape: tuple[int, ...], number: int, name: str) -> Path:
    content = safetensors({"kvcache": kv_bits(*shape)}, pad=4088, fmt=number)
    return write(tmp_path / "12" / "34" / name, content)


@pytest.mark.parametrize(
    "name",
    [
        f"{KEY}.kvcache.safetensors",
        f"{KEY.replace('@', '%40')}.kvcache.safetensors",
        f"{KEY}.weka1",
    ],
)
def test_gds_has_a_header_of_a_page(tmp_path: Path, name: str) -> None:
    path = gds_file(tmp_path, (2, 3, 16, 8), 1, name)
    dump = dump_of(path)
    assert (dump.system, dump.confidence, dump.tokens) == ("LMCache GDS", "exact", 16)
    assert dump.key == "2d2504741ed317b1"
    [tensor] = dump.tensors
    assert tensor.offset == 4096
    assert np.array_equal(bits(path, tensor), kv_bits(2, 3, 16, 8))


def test_gds_has_a_tag_of_its_own_for_fp8(tmp_path: Path) -> None:
    text = gds_entry(dtype="F8E4M3FN", data_offsets=[0, 768])
    path = write(tmp_path / f"{KEY}.kvcache.safetensors", with_header(text, bytes(768)))
    assert dump_of(path).tensors[0].dtype == "f8e4m3"


def test_gds_has_groups_of_layers_in_one_entry(tmp_path: Path) -> None:
    shapes = [[2, 3, 16, 8], [1, 2, 16, 4]]
    text = gds_entry(shapes=shapes, dtypes=["BF16", "U8"], data_offsets=[0, 1536 + 128])
    path = write(tmp_path / f"{KEY}.kvcache.safetensors", with_header(text, bytes(1536 + 128)))
    first, second = dump_of(path).tensors
    assert (second.offset, second.length, second.dtype) == (first.offset + 1536, 128, "u8")


def test_gds_may_be_padded_to_a_page(tmp_path: Path) -> None:
    path = write(tmp_path / f"{KEY}.weka1", with_header(gds_entry(), bytes(4096)))
    assert dump_of(path).tensors[0].length == 1536


@pytest.mark.parametrize(
    ("changed", "length"),
    [
        ({}, 1535),
        ({}, 1536 + 4096),
        ({"data_offsets": [0, 1535]}, 1536),
        ({"data_offsets": [2, 1538]}, 1538),
        ({"data_offsets": None}, 1536),
        ({"shape": [2, 3, 16, -8]}, 1536),
        ({"shape": [2, 3, 1 << 60, 1 << 60]}, 1536),
        ({"shape": [3, 2, 16, 8]}, 1536),
        ({"dtype": "I4"}, 1536),
        ({"fmt": "KV_2LTD"}, 1536),
        ({"shapes": [], "dtypes": []}, 1536),
        ({"shapes": [[1]] * 1000, "dtypes": ["U8"] * 1000}, 1536),
    ],
)
def test_a_lying_gds_header_is_malformed(
    tmp_path: Path, changed: dict[str, object], length: int
) -> None:
    content = with_header(gds_entry(**changed), bytes(length))
    with pytest.raises(ContradictionError, match=r"^its |^tensor kvcache"):
        dump_of(write(tmp_path / f"{KEY}.weka1", content))


def test_a_gds_file_without_its_header_is_malformed(tmp_path: Path) -> None:
    with pytest.raises(ContradictionError, match="has no header"):
        dump_of(write(tmp_path / f"{KEY}.kvcache.safetensors", bytes(4000)))


def test_the_header_beside_a_gds_file_holds_no_kv(tmp_path: Path) -> None:
    path = tmp_path / f"{KEY}.kvcache.safetensors.metadata"
    assert recognised(write(path, with_header(gds_entry(), b""))) is None


# Encoded KV and the raw device


def test_encoded_kv_has_k_then_v_then_scales(tmp_path: Path) -> None:
    k = kv_bits(3, 16, 2, 4)
    v = kv_bits(3, 16, 2, 4, seed=2).astype(np.uint8)
    path = write(tmp_path / f"{L2_KEY}.data", encoded(k.tobytes(), v.tobytes(), bytes(24)))
    dump = dump_of(path)
    assert (dump.system, dump.confidence) == ("LMCache K16/V8 codec", "exact")
    assert (dump.model, dump.tokens, dump.key) == ("org/model", 16, "ab" * 16)
    assert [(t.holds, t.dtype) for t in dump.tensors] == [("k", "bf16"), ("v", "f8e4m3")]
    assert {t.axes for t in dump.tensors} == {("layer", "token", "head", "dim")}
    assert np.array_equal(bits(path, dump.tensors[0]), k)
    assert np.array_equal(bits(path, dump.tensors[1]), v)


def test_one_layer_of_encoded_kv(tmp_path: Path) -> None:
    path = write(tmp_path / "payload.bin", encoded(bytes(256), bytes(128), layer=9))
    assert [(t.axes, t.layer) for t in dump_of(path).tensors] == [(("token", "head", "dim"), 9)] * 2


@pytest.mark.parametrize(
    "changed", [{"layout": b""}, {"tokens": -1}, {"heads": 1 << 40}, {"tokens": 15}]
)
def test_encoded_kv_whose_order_is_not_said(tmp_path: Path, changed: dict[str, Any]) -> None:
    dump = dump_of(write(tmp_path / "x", encoded(bytes(256), bytes(128), **changed)))
    assert dump.confidence == "unknown"
    assert [t.length for t in dump.tensors] == [256, 128]


def encoded_dump(tmp_path: Path, content: bytes) -> Dump | None:
    return recognised(write(tmp_path / "x", content))


def test_encoded_kv_that_contradicts_itself_is_malformed(tmp_path: Path) -> None:
    whole = encoded(bytes(256), bytes(128))
    lies = [
        whole[:-1],
        whole[:8],
        whole[:80],
        whole[:110],
        whole + bytes(4096),
        encoded(bytes(256), bytes(128), k_bytes=1 << 62),
        encoded(bytes(256), bytes(128), k_bytes=-(1 << 62)),
        encoded(b"", bytes(128), k_bytes=-2),
        encoded(bytes(256), bytes(128), scale_axes=9),
        encoded(bytes(256), bytes(128), scale_axes=-1),
        encoded(bytes(256), bytes(128), k_dtype=99),
        encoded(bytes(255), bytes(129)),
        encoded(bytes(256), bytes(128), count=65535),
    ]
    for content in lies:
        with pytest.raises(ContradictionError):
            encoded_dump(tmp_path, content)


def test_an_encoding_to_come_is_opaque(tmp_path: Path) -> None:
    dump = encoded_dump(tmp_path, encoded(b"", b"", version=2))
    assert dump is not None
    assert dump.kind == "opaque"


def test_a_codec_header_alone_holds_no_kv(tmp_path: Path) -> None:
    whole = encoded(bytes(256), bytes(128))
    assert encoded_dump(tmp_path, whole[: -256 - 128]) is None


def test_a_raw_device_is_opaque(tmp_path: Path) -> None:
    header = struct.pack("<8sIQQI", b"LMCIDX01", 1, 7, 1000, 0)
    dump = dump_of(write(tmp_path / "device.img", header.ljust(8192, b"\0")))
    assert (dump.system, dump.kind) == ("LMCache raw block device", "opaque")
    for content in (header, header[:20]):
        with pytest.raises(ContradictionError):
            dump_of(write(tmp_path / "device.img", content))
