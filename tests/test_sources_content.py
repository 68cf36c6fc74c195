"""classify(): the content class of real and of hostile heads."""

import bz2
import gzip
import io
import json
import lzma
import math
import pickle
import random
import sqlite3
import struct
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import lz4.frame
import numpy as np
import pytest
import zstandard
from hypothesis import example, given
from hypothesis import strategies as st

from storeff.kv import dumps
from storeff.sources.content import CLASSES, ENTROPY_BYTES, PROBE_BYTES, classify

NOISE = random.Random(1).randbytes(PROBE_BYTES)


def class_of(content: bytes, name: bytes = b"file", size_bytes: int | None = None) -> str:
    size_bytes = len(content) if size_bytes is None else size_bytes
    return classify(content[:PROBE_BYTES], name, size_bytes, dumps.looks_like)


def safetensors(tensors: dict[str, list[int]], metadata: bool = True, pad: int = 0) -> bytes:
    """A file of bf16 tensors of the given shapes."""
    header: dict[str, object] = {"__metadata__": {"format": "pt"}} if metadata else {}
    end = 0
    for name, shape in tensors.items():
        start, end = end, end + 2 * int(np.prod(shape))
        header[name] = {"dtype": "BF16", "shape": shape, "data_offsets": [start, end]}
    text = json.dumps(header).encode().ljust(pad)
    return len(text).to_bytes(8, "little") + text + NOISE[:1] * end


def zip_of(member: str) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(member, b"content")
    return buffer.getvalue()


def numpy_bytes(*, archive: bool) -> bytes:
    buffer = io.BytesIO()
    if archive:
        np.savez(buffer, values=np.arange(10))
    else:
        np.save(buffer, np.arange(10))
    return buffer.getvalue()


def tar_bytes() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        archive.addfile(tarfile.TarInfo("name"))
    return buffer.getvalue()


def sqlite_bytes(path: Path) -> bytes:
    connection = sqlite3.connect(path)
    connection.execute("create table t(x)")
    connection.commit()
    connection.close()
    return path.read_bytes()


WRITTEN = {
    "gzip": (gzip.compress(NOISE), "compressed"),
    "bzip2": (bz2.compress(NOISE), "compressed"),
    "xz": (lzma.compress(NOISE), "compressed"),
    "zstd": (zstandard.compress(NOISE), "compressed"),
    "lz4": (lz4.frame.compress(NOISE), "compressed"),
    "zip": (zip_of("a.txt"), "compressed"),
    "word": (zip_of("[Content_Types].xml"), "document"),
    "torch": (zip_of("model/data.pkl"), "pickle"),
    "npz": (numpy_bytes(archive=True), "numpy"),
    "npy": (numpy_bytes(archive=False), "numpy"),
    **{f"pickle{p}": (pickle.dumps({"a": [1]}, p), "pickle") for p in range(2, 6)},
    "tar": (tar_bytes(), "tar"),
    "json": (json.dumps({"a": 1}).encode(), "json"),
    "json lines": (b'{"a": 1}\n{"a": 2}\n', "json"),
    "json array": (b"[1, 2]", "json"),
    "empty": (b"", "empty"),
    "zeros": (bytes(5000), "zero"),
    "noise": (NOISE, "high-entropy"),
    "short noise": (b"\x07\x00" + NOISE[:1000], "binary"),
    "sparse bytes": (b"\0\1\2\0" * 2000, "binary"),
    "ascii but for its last byte": (b"a" * 5000 + b"\x01", "binary"),
    "ascii": (b"#include <stdio.h>\n", "text"),
    "escapes": (b"\x1b[31mred\x1b[0m\n", "text"),
    "utf-8": ("日本語".encode() * 30000, "text"),
    "utf-8 cut off": ("日本語".encode()[:-1], "text"),
    "latin-1": ("Übergrößenträger sind hier".encode("latin-1") * 100, "text"),
    "iso-8859-7": ("Καλημέρα κόσμε, τι κάνεις".encode("iso-8859-7") * 9, "text"),
    "utf-16": ("plain text".encode("utf-16"), "text"),
    "noise like utf-16": (b"\xff\xfe" + NOISE[2:], "high-entropy"),
    "prose with magic letters": (b"ORC is a columnar format. GGUF too.", "text"),
    "ini, not json": (b"[section]\na = 1\n", "text"),
    "gpt": (b"G" * 1000, "text"),
    "elf": (b"\x7fELF\2\1\1" + bytes(57), "executable"),
    "parquet": (b"PAR1\x15\x04\x15" + bytes(50), "parquet"),
    "arrow file": (b"ARROW1\0\0" + bytes(10), "arrow"),
    "arrow stream": (struct.pack("<iiI", -1, 0x78, 0x10) + bytes(100), "arrow"),
    "hdf5 with a user block": (b"\1" * 512 + b"\x89HDF\r\n\x1a\n", "hdf5"),
    "gguf": (b"GGUF\3\0\0\0" + bytes(20), "gguf"),
    "png": (b"\x89PNG\r\n\x1a\n" + NOISE, "image"),
    "webp": (b"RIFF\0\0\0\0WEBPVP8 ", "image"),
    "wave": (b"RIFF\0\0\0\0WAVEfmt ", "audio-video"),
    "mp4": (b"\0\0\0\x20ftypisom" + NOISE, "audio-video"),
    "heic": (b"\0\0\0\x20ftypheic" + NOISE, "image"),
    "debian package": (b"!<arch>\ndebian-binary   ", "compressed"),
    "static library": (b"!<arch>\n/               ", "executable"),
    "pdf": (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "document"),
    "encrypted": (b"Salted__" + NOISE, "encrypted"),
}


@pytest.mark.parametrize("kind", WRITTEN)
def test_content_written_by_the_usual_programs(kind: str) -> None:
    content, expected = WRITTEN[kind]
    assert class_of(content) == expected


def test_sqlite_as_the_library_writes_it(tmp_path: Path) -> None:
    assert class_of(sqlite_bytes(tmp_path / "database")) == "sqlite"


@pytest.mark.parametrize("zeros", [0.0, 0.03, 0.045, 0.06, 0.5])
@pytest.mark.parametrize("head_bytes", [300, 1800, 1840, 1900, 6000, ENTROPY_BYTES])
def test_high_entropy_is_over_7_9_bits_a_byte(zeros: float, head_bytes: int) -> None:
    source = random.Random(head_bytes)
    head = b"\x02" + bytes(
        0 if source.random() < zeros else source.randrange(256) for _ in range(head_bytes - 1)
    )
    shares = [count / head_bytes for count in Counter(head).values()]
    bits = -sum(share * math.log2(share) for share in shares)
    assert class_of(head) == ("high-entropy" if bits > 7.9 else "binary")


# KV caches and what looks like them


def test_model_weights_are_not_kv() -> None:
    assert class_of(safetensors({"model.layers.0.mlp.weight": [4, 4]})) == "safetensors"
    assert class_of(safetensors({"kv_cache": [4], "lm_head": [4]})) == "safetensors"


@pytest.mark.parametrize("metadata", [True, False])
def test_vllm_shared_storage_is_kv(metadata: bool) -> None:
    assert class_of(safetensors({"kv_cache": [2, 16, 64]}, metadata)) == "kv"


def test_lmcache_gds_is_kv() -> None:
    assert class_of(safetensors({"kvcache": [2, 4, 16, 64]}, pad=4088)) == "kv"


@pytest.mark.parametrize(
    ("shape", "dtype", "item_bytes"), [((2, 4, 16, 8), 3, 2), ((16, 2, 8, 0), 7, 1)]
)
def test_lmcache_file_system_is_kv_if_consistent(
    shape: tuple[int, ...], dtype: int, item_bytes: int
) -> None:
    length = item_bytes * int(np.prod([n for n in shape if n]))
    content = struct.pack("<7i", length, 1, dtype, *shape) + bytes(length)
    assert class_of(content, b"dir/model@1@0@abc.data") == "kv"
    assert class_of(content, b"dir/model.bin") != "kv"
    assert class_of(content + b"x", b"dir/model@1@0@abc.data") != "kv"


@pytest.mark.parametrize("magic", [0x6767736E, 0x67677371])
def test_llama_cpp_state_is_kv(magic: int) -> None:
    assert class_of(struct.pack("<III", magic, 10, 1) + bytes(100)) == "kv"


# Hostile headers


def test_a_long_safetensors_header_is_not_parsed() -> None:
    tensors = {f"model.layers.{i}.weight": [1] for i in range(2000)}
    content = safetensors(tensors)
    assert int.from_bytes(content[:8], "little") > PROBE_BYTES
    assert class_of(content) == "safetensors"


@pytest.mark.parametrize(
    "content",
    [
        (1 << 63).to_bytes(8, "little") + b'{"a":1}',
        (1000).to_bytes(8, "little") + b'{"a":1}',
        (7).to_bytes(8, "little") + b'{"a":1}',
        (2).to_bytes(8, "little") + b"{}" + b"trailing",
        (60000).to_bytes(8, "little") + b'{"a":' + b"[" * 59995,
        (60000).to_bytes(8, "little") + b'{"a":' + b"9" * 59994 + b"}",
        safetensors({"kv_cache": [4, 4]}) + b"more than the header says",
        safetensors({"kv_cache": [4, 4]}).replace(b"[0, 32]", b'["", 1]'),
    ],
)
def test_a_lying_safetensors_header_is_not_believed(content: bytes) -> None:
    assert class_of(content) not in ("safetensors", "kv")


def test_only_the_probe_decides() -> None:
    content = b"a" * PROBE_BYTES
    assert classify(content + bytes(100), b"file", 1 << 20) == classify(content, b"file", 1 << 20)


@given(
    prefix=st.sampled_from([b"", *(content[:40] for content, _ in WRITTEN.values())]),
    rest=st.binary(max_size=600),
    name=st.sampled_from([b"x", b"x.data"]),
    size_bytes=st.integers(0, 1 << 62),
)
@example(prefix=b"MZ", rest=b"\xff" * 64, name=b"x", size_bytes=66)
@example(prefix=b"PK\3\4", rest=b"", name=b"x", size_bytes=4)
@example(prefix=b"\x80", rest=b"", name=b"x", size_bytes=1)
def test_any_bytes_have_a_class(prefix: bytes, rest: bytes, name: bytes, size_bytes: int) -> None:
    assert classify(prefix + rest, name, size_bytes, dumps.looks_like) in CLASSES


def test_the_classes_are_few_and_distinct() -> None:
    assert len(set(CLASSES)) == len(CLASSES) <= 32
    assert {expected for _, expected in WRITTEN.values()} <= set(CLASSES)
