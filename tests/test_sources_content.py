"""classify(): the content class of real and of hostile heads."""

import math
import random
import sqlite3
import struct
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.contents import WRITTEN, safetensors

from storeff.kv import dumps
from storeff.sources.content import CLASSES, ENTROPY_BYTES, PROBE_BYTES, Classifier, classify
from storeff.sources.entry import Entries, Entry

CLASSIFIER = Classifier(dumps.looks_like)


def class_of(content: bytes, name: bytes = b"file", size_bytes: int | None = None) -> str:
    """By the slow definition and natively, which are the same."""
    size_bytes = len(content) if size_bytes is None else size_bytes
    head = content[:PROBE_BYTES]
    found = classify(head, name, size_bytes, dumps.looks_like)
    entries = Entries.of([Entry(name, (0,), size_bytes, 0, (0, 0, 0))])
    at = np.zeros(1, np.int64), np.array([len(head)])
    [number] = CLASSIFIER.classify(memoryview(head), *at, entries, lambda row: name)
    assert CLASSES[number] == found
    return found


def sqlite_bytes(path: Path) -> bytes:
    connection = sqlite3.connect(path)
    connection.execute("create table t(x)")
    connection.commit()
    connection.close()
    return path.read_bytes()


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
    assert class_of(prefix + rest, name, size_bytes) in CLASSES


def test_the_classes_are_few_and_distinct() -> None:
    assert len(set(CLASSES)) == len(CLASSES) <= 32
    assert {expected for _, expected in WRITTEN.values()} <= set(CLASSES)
