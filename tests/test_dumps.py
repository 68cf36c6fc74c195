"""KV-cache dumps of every kind: what is told from what, and what hostile files can do."""

import json
import os
import pkgutil
import tracemalloc
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import cast

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.cli import PARTLY, storeff
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
from support.vllm_files import KEY as VLLM_KEY
from support.vllm_files import LAYER, block_file, run_config

from storeff.errors import ContradictionError
from storeff.kv import dumps
from storeff.kv.dumps.dump import ITEM_BYTES, Candidate, Dump
from storeff.kv.dumps.safetensors import HEADER_BYTES_MAX
from storeff.sources.content import PROBE_BYTES, classify
from storeff.sources.local_file import FileReader
from storeff.sources.safetensors import VALUES_MAX, LongHeaderError, layout
from storeff.sources.source import read_range


def class_of(path: Path) -> str:
    content = path.read_bytes()
    return classify(content[:PROBE_BYTES], os.fsencode(path), len(content), dumps.looks_like)


def test_every_module_of_formats_is_asked_in_an_order_of_its_own() -> None:
    names = {module.name for module in pkgutil.iter_modules(dumps.__path__)} - {
        "dump",
        "opcodes",
        "zipped",
    }
    asked = [cast(ModuleType, module).__name__.rpartition(".")[2] for module in dumps.FORMATS]
    assert sorted(asked) == sorted(names)
    assert len({module.ORDER for module in dumps.FORMATS}) == len(names)
    assert asked[0] == "lmcache_codec"
    assert asked[-1] == "mooncake"


# Caches saved tensor by tensor


@pytest.mark.parametrize(
    ("k_name", "v_name", "layer"),
    [
        ("past_key_values.3.key", "past_key_values.3.value", 3),
        ("past_key_values.3.0", "past_key_values.3.1", 3),
        ("present.3.key", "present.3.value", 3),
        ("layers.3.key", "layers.3.value", 3),
        ("model.layers.3.self_attn.k", "model.layers.3.self_attn.v", 3),
        ("3.0", "3.1", 3),
        ("past_keys", "past_values", None),
    ],
)
def test_k_and_v_by_name(tmp_path: Path, k_name: str, v_name: str, layer: int | None) -> None:
    k, v = kv_bits(1, 4, 16, 8), kv_bits(1, 4, 16, 8, seed=2)
    path = write(tmp_path / "cache.safetensors", safetensors({k_name: k, v_name: v}))
    dump = dump_of(path)
    assert (dump.kind, dump.confidence, dump.tokens) == ("kv", "inferred", 16)
    assert class_of(path) == "kv"
    for tensor, holds, array in zip(dump.tensors, "kv", (k, v), strict=True):
        assert (tensor.holds, tensor.layer) == (holds, layer)
        assert tensor.axes == ("batch", "head", "token", "dim")
        assert np.array_equal(bits(path, tensor), array)


@pytest.mark.parametrize(
    "names", [["k_cache.0", "v_cache.0"], ["key_cache.0", "value_cache.0"], ["kv_cache.0"]]
)
def test_a_paged_cache_by_name_has_unknown_axes(tmp_path: Path, names: list[str]) -> None:
    content = safetensors({name: kv_bits(5, 16, 4, 8) for name in names})
    dump = dump_of(write(tmp_path / "cache.safetensors", content))
    assert (dump.confidence, dump.tokens) == ("unknown", None)
    assert {t.axes for t in dump.tensors} == {()}
    assert [t.holds for t in dump.tensors] == (["k", "v"] if len(names) == 2 else ["kv"])


@pytest.mark.parametrize(
    ("names", "shape"),
    [
        (["model.layers.0.self_attn.k_proj.weight"], (4, 8, 8)),
        (["blk.0.attn_k.weight", "blk.0.attn_v.weight"], (4, 8, 8)),
        (["encoder.layer.0.attention.self.key.bias"], (4, 8, 8)),
        (["layers.0.key", "layers.0.value"], (8, 8)),
        (["keys", "values"], (4, 8, 8)),
        (["0.0", "0.1"], (4, 8, 8)),
        (["past_key_values.0.key", "lm_head.weight"], (4, 8, 8)),
        (["k" * 300], (4, 8, 8)),
        ([], ()),
    ],
)
def test_weights_are_not_kv(tmp_path: Path, names: list[str], shape: tuple[int, ...]) -> None:
    content = safetensors({name: kv_bits(*shape) for name in names})
    path = write(tmp_path / "model.safetensors", content)
    assert recognised(path) is None
    assert class_of(path) == "safetensors"


def test_a_long_header_is_not_read(tmp_path: Path) -> None:
    content = safetensors({"kv_cache": kv_bits(2, 16, 64)}, pad=HEADER_BYTES_MAX + 1)
    assert recognised(write(tmp_path / "x.safetensors", content)) is None


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        ('{"layers.0.key": %s, "layers.0.value": %s}', "overlaps"),
        ('{"layers.0.key": %s, "layers.0.key": %s}', "names a tensor twice"),
        ('{"layers.0.key": %s}', "the file at"),
        ('{"layers.0.key": {}}', "no possible data_offsets"),
    ],
)
def test_a_cache_that_contradicts_itself_is_malformed(
    tmp_path: Path, text: str, wrong: str
) -> None:
    entry = json.dumps({"dtype": "BF16", "shape": [2, 4, 4], "data_offsets": [0, 64]})
    header = text.replace("%s", entry).encode()
    path = write(tmp_path / "x.safetensors", with_header(header, bytes(65)))
    with pytest.raises(ContradictionError, match=wrong):
        dump_of(path)
    assert class_of(path) != "kv"


# What a scan sees, and what is read of the file


def test_dumps_without_a_header_are_kv_by_their_path(tmp_path: Path) -> None:
    content = kv_bits(4, 1, 16, 64).tobytes()
    block = block_file(tmp_path, content, run_config())
    assert class_of(block) == "kv"
    assert class_of(block_file(tmp_path, content, run_config(), suffix="_12.tmp")) == "kv"
    for name in (f"{KEY}.pt", f"{KEY}.data", f"{KEY}@3.pt", f"{KEY}.tmp", f"{L2_KEY}.data"):
        assert class_of(write(tmp_path / name, content)) == "kv"
        assert class_of(write(tmp_path / f"{name}.txt", content)) != "kv"
    assert class_of(block.rename(tmp_path / block.name)) != "kv"
    assert class_of(write(tmp_path / f"{KEY}.pt", b"PK\x03\x04" + content)) == "compressed"


def test_dumps_with_a_header_are_kv_under_any_path(tmp_path: Path) -> None:
    content = kv_bits(2, 3, 16, 8).tobytes()
    for name, whole in {
        "x.data": fs_header(len(content), 1, (3, 2, 3, 16, 8)) + content,
        "y.data": fs_header(2 * len(content), 3, *[(3, 2, 48, 8)] * 2) + 2 * content,
        "a": with_header(gds_entry(), content),
        "b": safetensors({"kv_cache": kv_bits(2, 16, 8)}),
        "c": encoded(bytes(256), bytes(128)),
    }.items():
        path = write(tmp_path / name, whole)
        assert class_of(path) == "kv"
        assert dump_of(path).kind == "kv"


def test_an_encrypted_object_is_not_kv_to_a_scan(tmp_path: Path) -> None:
    frame = b"\x01" + np.random.default_rng(1).bytes(12 + 65536 + 16)
    assert class_of(write(tmp_path / f"{L2_KEY}.data", frame)) == "high-entropy"


@needs_shared
def test_every_real_dump_is_kv_to_a_scan() -> None:
    assert {class_of(path) for path in shared("*/**/*.*") if path.is_file()} == {"kv"}


def test_other_files_are_no_dumps(tmp_path: Path) -> None:
    for name in ("a.bin", "a.pt", "a.data", "a.tmp", "a.safetensors"):
        for content in (b"", b"{", b"text", bytes(5000), kv_bits(5000).tobytes()):
            path = write(tmp_path / name, content)
            assert recognised(path) is None
            assert class_of(path) != "kv"


# Hostile files

NAMES = [
    b"x.safetensors",
    f"{VLLM_KEY}/{LAYER.format(0)}".encode(),
    f"{KEY}.data".encode(),
    f"{KEY}.pt".encode(),
    f"{KEY}.kvcache.safetensors".encode(),
    f"{L2_KEY}.data".encode(),
]
_CONTENT = kv_bits(2, 3, 16, 8).tobytes()
VALID = [
    safetensors({"kv_cache": kv_bits(2, 16, 8)}),
    safetensors({"layers.0.key": kv_bits(1, 2, 4, 4), "layers.0.value": kv_bits(1, 2, 4, 4)}),
    with_header(gds_entry(), _CONTENT),
    fs_header(len(_CONTENT), 1, (3, 2, 3, 16, 8)) + _CONTENT,
    encoded(bytes(256), bytes(128)),
    b"LMCIDX01" + bytes(100),
]


def outcome(content: bytes, name: bytes) -> Dump | ContradictionError | None:
    """What recognise() makes of a file; anything but a ContradictionError fails the test."""
    fd = os.memfd_create("dump")
    try:
        os.write(fd, content)
        return dumps.recognise(Candidate(name, len(content), FileReader(fd, len(content), 0)))
    except ContradictionError as error:
        return error
    finally:
        os.close(fd)


def check(content: bytes, name: bytes) -> None:
    """Whatever is found lies in the file and has the elements its shape says."""
    found = outcome(content, name)
    if isinstance(found, ContradictionError):
        assert str(found)
    elif found is not None:
        assert found.why
        for t in found.tensors:
            assert 0 <= t.offset <= t.offset + t.length <= len(content)
            assert len(t.axes) == len(t.shape)
            if t.axes and t.dtype:
                assert ITEM_BYTES[t.dtype] * int(np.prod(t.shape, dtype=object)) == t.length
    assert classify(content[:PROBE_BYTES] or b"x", name, len(content), dumps.looks_like)
    data_start = layout_start(content)
    assert data_start is None or 0 < data_start <= len(content)


def layout_start(content: bytes) -> int | None:
    """Where layout() sees the first tensor; anything but what it says it raises fails the test."""
    fd = os.memfd_create("tensors")
    try:
        os.write(fd, content)
        read = partial(read_range, FileReader(fd, len(content), 0))
        found = layout(read, len(content), 1 << 12, 20)
    except (ContradictionError, LongHeaderError):
        return None
    finally:
        os.close(fd)
    return found[0] if found else None


@given(name=st.sampled_from(NAMES), content=st.binary(max_size=300))
def test_any_bytes_are_a_dump_or_none_or_malformed(name: bytes, content: bytes) -> None:
    check(content, name)


@given(
    name=st.sampled_from(NAMES),
    valid=st.sampled_from(VALID),
    cuts=st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 40), st.binary(max_size=40)), max_size=3
    ),
    length=st.none() | st.integers(0, 5000),
)
@example(name=NAMES[0], valid=VALID[0], cuts=[], length=None)
def test_changed_dumps_are_dumps_or_none_or_malformed(
    name: bytes, valid: bytes, cuts: list[tuple[int, int, bytes]], length: int | None
) -> None:
    for at, removed, added in cuts:
        valid = valid[:at] + added + valid[at + removed :]
    check(valid[:length], name)


_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["BF16", "U8", "X", "", "\ud800", "0.0", "kv_cache"]),
    lambda inner: (
        st.lists(inner, max_size=5)
        | st.dictionaries(
            st.sampled_from(["dtype", "shape", "data_offsets", "fmt", "shapes", "dtypes", "x"]),
            inner,
            max_size=6,
        )
    ),
    max_leaves=12,
)


@given(
    name=st.sampled_from(NAMES),
    tensor_name=st.sampled_from(["kv_cache", "kvcache", "layers.0.key", "0.0", "w"]),
    entry=_JSON,
    base=st.sampled_from([{}, {"dtype": "BF16", "shape": [2, 3, 1], "data_offsets": [0, 12]}]),
)
def test_any_json_header_is_a_dump_or_none_or_malformed(
    name: bytes, tensor_name: str, entry: object, base: dict[str, object]
) -> None:
    fields = base | entry if isinstance(entry, dict) else entry
    check(with_header(json.dumps({tensor_name: fields}).encode(), bytes(12)), name)


@given(entry=_JSON, key=st.sampled_from(list(run_config())))
def test_any_run_config_leaves_a_dump_or_malformed(
    tmp_path_factory: pytest.TempPathFactory, entry: object, key: str
) -> None:
    root = tmp_path_factory.mktemp("tier", numbered=True)
    config = run_config() | {key: entry if key != "model_name" else "m"}
    path = block_file(root, bytes(8192), config)
    try:
        dump = recognised(path)
    except ContradictionError:
        return
    assert dump is not None
    assert sum(t.length for t in dump.tensors) in (0, 8192)


HOSTILE = {
    "nested": b'{"kv_cache":' + b"[" * (1 << 20),
    "nested in an unread field": b'{"kv_cache":{"x":' + b'{"a":' * 5000 + b"0" + b"}" * 5002,
    "many numbers": b'{"kv_cache":{"shape":[' + b"0," * (1 << 19) + b"0]}}",
    "many tensors": b"{" + b",".join(b'"%d":{}' % i for i in range(1 << 17)) + b"}",
    "as many tensors as are read": b"{"
    + b",".join(b'"%d":{}' % i for i in range(VALUES_MAX // 2))
    + b"}",
    "many lists": b'{"kv_cache":[' + b"[]," * 300_000 + b"0]}",
    "many digits": b'{"kv_cache":{"shape":[' + b"9" * (1 << 20) + b"]}}",
    "a long name": b'{"' + b"k" * (1 << 19) + b'":{}}',
}


@pytest.mark.parametrize("kind", HOSTILE)
@pytest.mark.parametrize("name", NAMES[:2] + NAMES[4:5])
def test_a_hostile_header_takes_little_memory(kind: str, name: bytes) -> None:
    content = with_header(HOSTILE[kind][: HEADER_BYTES_MAX - 1], b"")
    tracemalloc.start()
    try:
        check(content, name)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 12_000_000


@pytest.mark.parametrize("stated", [1 << 63, (1 << 64) - 1, 100_000_000, 1 << 20])
def test_a_stated_length_is_not_allocated(stated: int) -> None:
    content = stated.to_bytes(8, "little") + b'{"kv_cache":{}}'
    tracemalloc.start()
    try:
        assert outcome(content, NAMES[0]) is None
        assert isinstance(outcome(content, NAMES[1]), ContradictionError)
        _, peak_bytes = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak_bytes < 1_000_000


# The scan's hook


@pytest.mark.parametrize("words", [("--sample", "100%"), ("--sample", "40%")], ids=["all", "part"])
def test_a_scan_tells_dumps_from_weights(tmp_path: Path, words: tuple[str, ...]) -> None:
    for n in range(200):
        write(tmp_path / f"{n}.safetensors", safetensors({"kv_cache": kv_bits(2, 8, 256, seed=n)}))
        write(tmp_path / f"w{n}.safetensors", safetensors({"weight": kv_bits(16, 256, seed=n)}))
    done = storeff("scan", tmp_path, "--json", "-q", *words, before=PARTLY)
    strata = json.loads(done.stdout)["reduction"]["by_stratum"]
    assert {each["name"] for each in strata} == {"kv", "safetensors"}
