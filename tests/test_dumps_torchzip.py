"""Transformers caches in torch.save's zips: read opcode by opcode, never unpickled.

torch is not needed: the pickler here gives Python's own pickler the same names, arguments and
persistent references as torch/serialization.py and torch/_utils.py do.
"""

import io
import os
import pickle
import re
import struct
import sys
import types
import zipfile
from collections import OrderedDict
from pathlib import Path
from typing import Any, ClassVar, NoReturn

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from storeff.sources.dumps.dump import Candidate, Dump, MalformedError, Tensor
from storeff.sources.dumps.torchzip import looks_like, recognise
from storeff.sources.local_file import FileReader

STORAGES = {
    "f4": "FloatStorage",
    "f2": "HalfStorage",
    "u2": "BFloat16Storage",
    "f8": "DoubleStorage",
}
DTYPES = {"f4": "f32", "f2": "f16", "u2": "bf16", "f8": "f64"}


class Named:
    """Pickled as a reference to a global of that name."""

    def __init__(self, module: str, name: str) -> None:
        self.module, self.name = module, name

    def __call__(self) -> NoReturn:
        raise AssertionError("called")


class Storage:
    def __init__(self, data: np.ndarray[Any, Any], kind: str) -> None:
        self.data, self.kind = data, kind


class Torch:
    """A tensor over ``data``, whose strides are kept; fp8 is one of bytes with a dtype's name."""

    def __init__(self, data: np.ndarray[Any, Any], dtype: str | None = None) -> None:
        self.data, self.dtype = data, dtype
        base = data
        while isinstance(base.base, np.ndarray):
            base = base.base
        kind = "UntypedStorage" if dtype else STORAGES[data.dtype.str[1:]]
        self.storage = Storage(base, kind)

    def reduced(self) -> tuple[Named, tuple[Any, ...]]:
        item = self.data.dtype.itemsize
        offset = (self.data.ctypes.data - self.storage.data.ctypes.data) // item
        strides = tuple(step // item for step in self.data.strides)
        arguments: tuple[Any, ...] = (self.storage, offset, self.data.shape, strides, False)
        if self.dtype:
            rest: tuple[Any, ...] = (OrderedDict(), Named("torch", self.dtype))
            return Named("torch._utils", "_rebuild_tensor_v3"), (*arguments, *rest)
        return Named("torch._utils", "_rebuild_tensor_v2"), (*arguments, OrderedDict())


class Cache:
    """An object of a class of transformers.cache_utils, as protocol 2 writes one."""

    def __init__(self, name: str, **state: Any) -> None:
        self.name, self.state = name, state


# The pickler that is written in Python: its dispatch by class can be added to.
Pickler: Any = vars(pickle)["_Pickler"]


class TorchPickler(Pickler):  # type: ignore[misc]
    dispatch: ClassVar[dict[Any, Any]] = dict(Pickler.dispatch)

    def __init__(self, file: io.BytesIO, protocol: int) -> None:
        super().__init__(file, protocol)
        self.storages: list[Storage] = []
        self.keys: dict[int, str] = {}

    def persistent_id(self, item: Any) -> Any:
        if not isinstance(item, Storage):
            return None
        if id(item.data) not in self.keys:
            self.keys[id(item.data)] = str(len(self.keys))
            self.storages.append(item)
        module = "torch.storage" if item.kind == "UntypedStorage" else "torch"
        count = item.data.nbytes if item.kind == "UntypedStorage" else item.data.size
        return ("storage", Named(module, item.kind), self.keys[id(item.data)], "cpu", count)

    def save_named(self, item: Named) -> None:
        if self.proto >= 4:
            self.save(item.module)
            self.save(item.name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{item.module}\n{item.name}\n".encode())
        self.memoize(item)

    def save_tensor(self, item: Torch) -> None:
        function, arguments = item.reduced()
        self.save(function)
        self.save(arguments)
        self.write(pickle.REDUCE)
        self.memoize(item)

    def save_cache(self, item: Cache) -> None:
        self.save(Named("transformers.cache_utils", item.name))
        self.save(())
        self.write(pickle.NEWOBJ)
        self.memoize(item)
        self.save(item.state)
        self.write(pickle.BUILD)

    dispatch |= {Named: save_named, Torch: save_tensor, Cache: save_cache}


def saved(thing: Any, protocol: int = 2, byteorder: bytes = b"little", pkl: bytes = b"") -> bytes:
    """The zip that torch.save(thing) makes: data.pkl first, storages at multiples of 64 bytes."""
    stream = io.BytesIO()
    pickler = TorchPickler(stream, protocol)
    pickler.dump(thing)
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("archive/data.pkl", pkl or stream.getvalue())
        archive.writestr("archive/byteorder", byteorder)
        for storage in pickler.storages:
            entry = zipfile.ZipInfo(f"archive/data/{pickler.keys[id(storage.data)]}")
            pad = -(out.tell() + 30 + len(entry.filename) + 4) % 64
            entry.extra = b"FB" + struct.pack("<H", pad) + bytes(pad)
            archive.writestr(entry, storage.data.tobytes())
        archive.writestr("archive/version", b"3\n")
    return out.getvalue()


def array(
    seed: int, shape: tuple[int, ...] = (1, 2, 5, 8), kind: str = "f2"
) -> np.ndarray[Any, Any]:
    raw = np.random.default_rng(seed).integers(0, 255, (*shape, np.dtype(kind).itemsize), np.uint8)
    # A copy of its own, so that the storage is this array and no more.
    return raw.view(kind)[..., 0].copy()


def dump_of(content: bytes) -> Dump | None:
    fd = os.memfd_create("archive")
    try:
        os.write(fd, content)
        return recognise(Candidate(b"dir/cache.pt", len(content), FileReader(fd, len(content), 0)))
    finally:
        os.close(fd)


def found(content: bytes) -> Dump:
    dump = dump_of(content)
    assert dump is not None
    return dump


def held(content: bytes, tensor: Tensor) -> bytes:
    return content[tensor.offset : tensor.offset + tensor.length]


def pairs(
    layers: int = 3, **options: Any
) -> list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]:
    return [(array(2 * n, **options), array(2 * n + 1, **options)) for n in range(layers)]


def forms(layers: list[tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]]) -> dict[str, Any]:
    tensors = [(Torch(key), Torch(value)) for key, value in layers]
    keys, values = [k for k, _ in tensors], [v for _, v in tensors]
    kept = [
        Cache("DynamicLayer", is_initialized=True, keys=k, values=v, dtype=Named("torch", "half"))
        for k, v in tensors
    ]
    return {
        "tuple": tuple(tensors),
        "list": tensors,
        "lists": Cache("DynamicCache", _seen_tokens=5, key_cache=keys, value_cache=values),
        "layers": Cache("DynamicCache", layers=kept, offloading=False),
        "named": {"past_key_values": tuple(tensors), "logits": None},
        "ordered": OrderedDict(past_key_values=tuple(tensors)),
        "dict": {"key_cache": keys, "value_cache": values},
    }


# What is recognised


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
@pytest.mark.parametrize("form", forms(pairs()))
def test_every_form_of_a_cache_is_found_bit_exact(form: str, protocol: int) -> None:
    layers = pairs()
    content = saved(forms(layers)[form], protocol)
    dump = found(content)
    assert (dump.system, dump.kind, dump.confidence, dump.tokens) == (
        *("transformers", "kv", "exact"),
        5,
    )
    expected = [(holds, n) for n in range(3) for holds in "kv"]
    assert [(tensor.holds, tensor.layer) for tensor in dump.tensors] == expected
    for tensor in dump.tensors:
        source = layers[tensor.layer or 0][tensor.holds == "v"]
        assert held(content, tensor) == source.tobytes()
        assert tensor.axes == ("batch", "head", "token", "dim")
        assert (tensor.shape, tensor.dtype) == ((1, 2, 5, 8), "f16")


@pytest.mark.parametrize("kind", STORAGES)
def test_the_storage_class_is_the_dtype(kind: str) -> None:
    dump = found(saved(forms(pairs(kind=kind))["tuple"]))
    assert {tensor.dtype for tensor in dump.tensors} == {DTYPES[kind]}


def test_eight_bit_floats_have_untyped_storage() -> None:
    key, value = (Torch(array(n, kind="u1"), "float8_e4m3fn") for n in (1, 2))
    dump = found(saved(((key, value),)))
    assert {tensor.dtype for tensor in dump.tensors} == {"f8e4m3"}


def test_layers_without_a_cache_are_counted_and_left_out() -> None:
    (key, value), *_ = pairs(1)
    empty = Torch(np.zeros((0,), "f4"))
    cache = Cache("DynamicCache", key_cache=[empty, Torch(key)], value_cache=[empty, Torch(value)])
    assert [(t.length, t.layer) for t in found(saved(cache)).tensors] == [(160, 1), (160, 1)]


def test_a_transposed_view_is_dense_in_other_axes() -> None:
    key, value = (array(n, (2, 5, 3, 8)) for n in (1, 2))
    content = saved(((Torch(key.transpose(0, 2, 1, 3)), Torch(value.transpose(0, 2, 1, 3))),))
    tensors = found(content).tensors
    assert {(t.axes, t.shape) for t in tensors} == {
        (("batch", "token", "head", "dim"), (2, 5, 3, 8))
    }
    assert [held(content, t) for t in tensors] == [key.tobytes(), value.tobytes()]


def test_views_of_one_storage_have_their_own_offsets() -> None:
    both = array(1, (2, 1, 2, 5, 8))
    content = saved(((Torch(both[0]), Torch(both[1])),))
    assert [held(content, t) for t in found(content).tensors] == [
        both[0].tobytes(),
        both[1].tobytes(),
    ]


def test_strided_views_are_left_out_and_said() -> None:
    key, value = array(1), array(2, (1, 2, 9, 8))
    dump = found(saved(((Torch(key), Torch(value[:, :, :5])),)))
    assert [tensor.holds for tensor in dump.tensors] == ["k"]
    assert "1 of its tensors are strided" in dump.why


def test_shared_bytes_and_foreign_byte_order_are_not_guessed_at() -> None:
    key = Torch(array(1))
    assert found(saved(((key, key),))).kind == "opaque"
    dump = found(saved(forms(pairs())["tuple"], byteorder=b"big"))
    assert (dump.kind, dump.tensors) == ("opaque", ())
    assert "big-endian" in dump.why


def test_the_head_shows_a_cache_of_transformers() -> None:
    content = saved(forms(pairs())["layers"])
    assert looks_like(content[:65536], b"any", len(content))
    weights = saved({"weight": Torch(array(1, (4, 4)))})
    assert not looks_like(weights[:65536], b"any", len(weights))


# What is not KV


@pytest.mark.parametrize(
    "thing",
    [
        OrderedDict({"model.layers.0.self_attn.k_proj.weight": Torch(array(1, (4, 4)))}),
        {"state_dict": {"conv.weight": Torch(array(1))}, "epoch": 3},
        Torch(array(1)),
        (Torch(array(1)), Torch(array(2))),
        ((Torch(array(1, (4, 4))), Torch(array(2, (4, 4)))),),
        ((Torch(array(1)), Torch(array(2, (1, 2, 6, 8)))),),
        ((Torch(array(1)), Torch(array(2, (1, 2, 5)))),),
        ((Torch(array(1)), Torch(array(2, (1, 2, 5, 8, 1)))),),
        (),
        [[], []],
        None,
    ],
)
def test_weights_and_other_tensors_are_not_kv(thing: Any) -> None:
    assert dump_of(saved(thing)) is None


def test_other_zips_are_not_kv() -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        archive.writestr("notes/readme.txt", "text")
    assert dump_of(out.getvalue()) is None
    assert dump_of(b"PK\x03\x04") is None


# What is refused


class Attack:
    def __init__(self, call: Any, *arguments: Any) -> None:
        self.call, self.arguments = call, arguments

    def __reduce__(self) -> tuple[Any, tuple[Any, ...]]:
        return self.call, self.arguments


@pytest.mark.parametrize("protocol", [2, 4])
def test_a_pickle_that_would_run_a_command_is_refused_by_name(
    tmp_path: Path, protocol: int
) -> None:
    mark = tmp_path / "executed"
    thing = (Attack(os.system, f"touch {mark}"), forms(pairs())["tuple"])
    with pytest.raises(MalformedError, match=r"posix\.system"):
        dump_of(saved(thing, protocol))
    assert not mark.exists()


@pytest.mark.parametrize("call", [eval, exec, getattr, __import__, print])
def test_no_built_in_is_let_through(call: Any) -> None:
    with pytest.raises(MalformedError, match="which no tensor or cache needs"):
        dump_of(saved(Attack(call, "1")))


def test_nothing_is_imported_for_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", types.ModuleType("transformers"))
    cache = Cache("Exploit", key_cache=[], value_cache=[])
    assert dump_of(saved(cache)) is None
    assert "transformers.cache_utils" not in sys.modules


@pytest.mark.parametrize(
    "pkl",
    [
        b"",
        b"\x80\x02",
        b"\x80\x02X\xff\xff\xff\x7fabc.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\xffabc.",
        b"\x80\x02\x8b\xff\xff\xff\x7f.",
        b"\x80\x02h\x05.",
        b"\x80\x02t.",
        b"\x80\x02(.",
        b"\x80\x02}(K\x01u.",
        b"\x80\x02K\x01b.",
        b"\x80\x02c" + b"x" * 5000 + b".",
        b"I1\n.",
        b"S'\\q'\n.",
        b"\x80\x02(" + b"(" * 100000,
    ],
)
def test_a_broken_pickle_is_refused(pkl: bytes) -> None:
    with pytest.raises(MalformedError):
        dump_of(saved(None, pkl=pkl) if pkl else saved(None)[:-30])


@pytest.mark.parametrize(
    "pkl",
    [
        b"\x80\x02" + b")" + b"\x85" * 1_000_000 + b".",
        b"\x80\x02" + b"}" + b")" + b"\x85" * 1_000_000 + b"K\x01s.",
        b"\x80\x02]q\x00h\x00a.",
        b"\x80\x02}q\x00X\x0f\x00\x00\x00past_key_valuesh\x00s.",
        b"\x80\x02" + b"}X\x0f\x00\x00\x00past_key_values" * 50000 + b"N" + b"s" * 50000 + b".",
    ],
    ids=["deep tuple", "deep key", "cycle", "cycle of dicts", "deep dicts"],
)
def test_deep_and_cyclic_objects_are_not_followed(pkl: bytes) -> None:
    assert dump_of(saved(None, pkl=pkl)) is None


def test_a_tensor_that_reaches_past_its_storage_is_refused() -> None:
    tensor = Torch(array(1))
    tensor.data = np.lib.stride_tricks.as_strided(tensor.data, (1, 2, 1 << 40, 8))
    with pytest.raises(MalformedError, match="reaches past"):
        dump_of(saved(((tensor, tensor),)))


def test_a_storage_of_another_length_is_refused() -> None:
    content = saved(forms(pairs())["tuple"])
    changed = re.sub(rb"(cpuq.)KP", rb"\1KQ", content, count=1, flags=re.DOTALL)
    assert changed != content
    with pytest.raises(MalformedError, match="not as long as it says"):
        dump_of(changed)


def test_a_truncated_archive_is_refused() -> None:
    content = saved(forms(pairs())["tuple"])
    for kept in (200, len(content) // 2, len(content) - 1):
        with pytest.raises(MalformedError):
            dump_of(content[:kept])


def test_headers_that_disagree_with_the_directory_are_refused() -> None:
    content = saved(forms(pairs())["tuple"])
    directory = content.rindex(b"archive/data/0") - 46
    moved = content[: directory + 42] + struct.pack("<I", 7) + content[directory + 46 :]
    with pytest.raises(MalformedError, match="no header"):
        dump_of(moved)
    twice = content.replace(b"archive/data/1", b"archive/data/0")
    with pytest.raises(MalformedError, match="two members"):
        dump_of(twice)


def test_a_huge_directory_is_refused_unread() -> None:
    content = bytearray(saved(None))
    end = content.rindex(b"PK\x05\x06")
    content = content[:end] + bytes(16 << 20) + content[end:]
    end = content.rindex(b"PK\x05\x06")
    content[end + 12 : end + 16] = struct.pack("<I", 16 << 20)
    with pytest.raises(MalformedError, match="directory of"):
        dump_of(bytes(content))


@settings(max_examples=200)
@given(st.data())
def test_any_mutation_is_read_within_the_file_or_refused(data: st.DataObject) -> None:
    form = data.draw(st.sampled_from(["tuple", "lists", "layers"]))
    content = bytearray(saved(forms(pairs(2))[form]))
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    check_bounds(bytes(content))


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_pickle_is_walked_or_refused(pkl: bytes) -> None:
    check_bounds(saved(None, pkl=b"\x80\x02" + pkl))


def check_bounds(content: bytes) -> None:
    try:
        dump = dump_of(content)
    except MalformedError:
        return
    for tensor in dump.tensors if dump else ():
        assert 0 <= tensor.offset <= tensor.offset + tensor.length <= len(content)
