"""Zips as torch.save writes them, without torch: Python's own pickler is given the names,
arguments and persistent references that torch/serialization.py and torch/_utils.py give it.
"""

import io
import pickle
import struct
import zipfile
from collections import OrderedDict
from typing import Any, ClassVar, NoReturn

import numpy as np

STORAGES = {
    "f4": "FloatStorage",
    "f2": "HalfStorage",
    "u2": "BFloat16Storage",
    "f8": "DoubleStorage",
}


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
