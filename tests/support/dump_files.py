"""KV-cache dumps written and read back by the tests."""

import json
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from storeff.kv import dumps
from storeff.kv.dumps.dump import ITEM_BYTES, Candidate, Dump, Tensor
from storeff.sources.source import entries
from storeff.sources.tree import LocalTree

TAGS = {1: "U8", 2: "BF16", 4: "F32", 8: "F64"}
SHARED = os.environ.get("STOREFF_SHARED")
needs_shared = pytest.mark.skipif(
    SHARED is None, reason="STOREFF_SHARED does not name the folder of measured KV caches"
)


def shared(pattern: str) -> list[Path]:
    """The files of real KV that match ``pattern``, in order."""
    assert SHARED is not None
    found = sorted((Path(SHARED) / "data" / "kv").glob(pattern))
    assert found
    return found


def recognised(
    path: Path, recognise: Callable[[Candidate], Dump | None] = dumps.recognise
) -> Dump | None:
    tree = LocalTree([path])
    (entry,) = entries(tree)
    above = LocalTree(["/"])
    at = msgspec.structs.replace(entry, path=tree.name(entry)[1:])
    with tree.open(entry) as reader:
        beside = partial(above.read_beside, at)
        return recognise(Candidate(os.fsencode(path), entry.size_bytes, reader, beside))


def dump_of(path: Path) -> Dump:
    dump = recognised(path)
    assert dump is not None
    return dump


def write(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def bits(path: Path, tensor: Tensor) -> npt.NDArray[np.unsignedinteger]:
    """The tensor's elements as unsigned integers, in its shape."""
    assert tensor.dtype is not None
    with path.open("rb") as file:
        file.seek(tensor.offset)
        content = file.read(tensor.length)
    return np.frombuffer(content, f"<u{ITEM_BYTES[tensor.dtype]}").reshape(tensor.shape)


def kv_bits(*shape: int, seed: int = 1) -> npt.NDArray[np.uint16]:
    """Sixteen-bit elements, all of one file different from those of another seed."""
    return np.random.default_rng(seed).integers(0, 1 << 16, shape, dtype=np.uint16)


def safetensors(
    tensors: dict[str, npt.NDArray[np.generic]], pad: int = 0, **fields: object
) -> bytes:
    """A file of ``tensors``, integers of 16 bits as bf16; ``fields`` are for each entry."""
    header: dict[str, object] = {}
    end = 0
    for name, array in tensors.items():
        start, end = end, end + array.nbytes
        header[name] = {
            "dtype": TAGS[array.itemsize],
            "shape": list(array.shape),
            "data_offsets": [start, end],
            **fields,
        }
    content = b"".join(array.tobytes() for array in tensors.values())
    return with_header(json.dumps(header).encode().ljust(pad), content)


def with_header(text: bytes, content: bytes) -> bytes:
    return len(text).to_bytes(8, "little") + text + content
