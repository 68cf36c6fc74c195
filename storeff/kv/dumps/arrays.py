"""Keys and values saved as NumPy arrays, .npy or .npz, recognised by their names.

Format: numpy.lib.format, versions 1 to 3. Nothing says what an array's axes mean, so only an axis
of K and V itself is named; the rest is "unknown", which is enough to read the elements. Most .npz
files are not KV: each array must be named as a key, a value or a cache is, and have 3 to 5 axes.
"""

import math
import re
from typing import Literal, NamedTuple

from storeff.errors import ContradictionError
from storeff.kv.dumps import zipped
from storeff.kv.dumps.dump import Axis, Candidate, Dtype, Dump, Tensor, opaque

ORDER = 70

MAGICS = (b"\x93NUMPY", b"PK\x03\x04")
_HEADER_BYTES_MAX = 4096
_ARRAYS_MAX = 4096
_DTYPES: dict[str, Dtype] = {"f8": "f64", "f4": "f32", "f2": "f16", "i1": "i8", "u1": "u8"}
_DESCR = re.compile(rb"['\"]descr['\"] *: *['\"]([<>|=])([a-zA-Z])(\d{1,2})['\"]")
_FORTRAN = re.compile(rb"['\"]fortran_order['\"] *: *(True|False)")
_SHAPE = re.compile(rb"['\"]shape['\"] *: *\(([\d, ]{0,128})\)")
_EXTENT = re.compile(rb" *(\d{1,15}) *")
_WORDS = re.compile(r"[a-z]+|\d+")
_HOLDS: dict[str, Literal["k", "v", "kv"]] = {
    "k": "k",
    "key": "k",
    "keys": "k",
    "v": "v",
    "value": "v",
    "values": "v",
    "kv": "kv",
}
# What else such a name is made of, besides one number.
_FILLERS = {
    *("attention", "attn", "block", "blocks", "cache", "caches", "cached", "decoder", "h", "layer"),
    *(
        "layers",
        "model",
        "past",
        "present",
        "proj",
        "rope",
        "self",
        "state",
        "states",
        "transformer",
    ),
}


class _Name(NamedTuple):
    holds: Literal["k", "v", "kv"]
    layer: int | None


class _Header(NamedTuple):
    header_bytes: int
    dtype: Dtype | None
    item_bytes: int
    shape: tuple[int, ...]
    fortran: bool


def looks_like(head: bytes, path: bytes, size_bytes: int) -> bool:
    """Whether the head is that of an array, or of an archive whose first member is one, of three
    axes or more and with a name of KV."""
    member = path
    if head[:4] == b"PK\x03\x04":
        member = head[30 : 30 + int.from_bytes(head[26:28], "little")]
        if not member.endswith(b".npy"):
            return False
    elif head[:6] != b"\x93NUMPY":
        return False
    shape = _SHAPE.search(head, 0, _HEADER_BYTES_MAX)
    # A tuple of one has a comma too.
    return shape is not None and shape[1].count(b",") >= 2 and _name(_stem(member)) is not None


def recognise(candidate: Candidate) -> Dump | None:
    """Arrays of keys and values; None if the file is none of NumPy's or its names are others.

    Raises ContradictionError if the names are those of KV and the arrays contradict themselves.
    """
    head = candidate.read(0, 512)
    if head[:6] == b"\x93NUMPY":
        name = _name(_stem(candidate.name))
        if name is None:
            return None
        tensor = _tensor(candidate, 0, candidate.size_bytes, name)
        return _dump((tensor,) if tensor else (), "an array named as KV is")
    if head[:4] != b"PK\x03\x04":
        return None
    first = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    if not first.endswith(b".npy"):
        return None
    try:
        found = zipped.members(candidate)
    except ContradictionError:
        # A broken archive is only ours to complain of if what can be seen of it is KV.
        if _name(_stem(first)) is None:
            return None
        raise
    return _archive(candidate, found)


def _archive(candidate: Candidate, found: dict[str, zipped.Member]) -> Dump | None:
    names = {member: _name(_stem(member.encode("utf-8", "replace"))) for member in found}
    kv = {member: name for member, name in names.items() if name}
    if not kv or len(kv) > _ARRAYS_MAX or {name.holds for name in kv.values()} in ({"k"}, {"v"}):
        return None
    if any(not found[member].stored for member in kv):
        why = "arrays named as KV are, but packed (savez_compressed): they are not read in place"
        return opaque("numpy", why)
    tensors = []
    for member, name in kv.items():
        tensor = _tensor(candidate, found[member].offset, found[member].length, name)
        if tensor is None:
            return None
        tensors.append(tensor)
    others = len(found) - len(kv)
    why = f"{len(kv)} arrays named as KV is"
    return _dump(tuple(tensors), why + (f", and {others} of other names" if others else ""))


def _dump(tensors: tuple[Tensor, ...], why: str) -> Dump | None:
    if not tensors:
        return None
    text = f"{why}; types and shapes are NumPy's own, what the axes mean is not written"
    return Dump("numpy", "kv", tensors, "inferred", text)


def _stem(path: bytes) -> str:
    name = path[path.rfind(b"/") + 1 :] if not path.endswith(b".npy") else path
    name = name[name.rfind(b"/") + 1 :]
    return name.decode("utf-8", "replace").removesuffix(".npy")


def _name(stem: str) -> _Name | None:
    """What an array of this name holds, if it is made of such words and one number at most."""
    if len(stem) > 128:
        return None
    words = _WORDS.findall(stem.lower())
    numbers = [int(word) for word in words if word.isdigit()]
    rest = [word for word in words if not word.isdigit() and word not in _FILLERS]
    if rest[:2] == ["key", "values"]:
        # "past_key_values" is both, and may be followed by which.
        rest = rest[2:] or ["kv"]
    if len(rest) != 1 or len(numbers) > 1 or rest[0] not in _HOLDS:
        return None
    return _Name(_HOLDS[rest[0]], numbers[0] if numbers else None)


def _tensor(candidate: Candidate, offset: int, length: int, name: _Name) -> Tensor | None:
    """The array whose .npy is bytes [offset, offset + length); None if it cannot be KV."""
    header = _header(candidate, offset, length)
    if header is None or not 3 <= len(header.shape) <= 5 or 0 in header.shape:
        return None
    data_bytes = math.prod(header.shape) * header.item_bytes
    if data_bytes != length - header.header_bytes:
        held = length - header.header_bytes
        raise _unsound(f"{header.shape} needs {data_bytes} bytes, {held} are there")
    axes: list[Axis] = ["unknown"] * len(header.shape)
    twos = [index for index, extent in enumerate(header.shape) if extent == 2]
    if name.holds == "kv" and len(twos) == 1:
        axes[twos[0]] = "kv"
    step = -1 if header.fortran else 1
    return Tensor(
        offset=offset + header.header_bytes,
        length=data_bytes,
        dtype=header.dtype,
        axes=tuple(axes[::step]),
        shape=header.shape[::step],
        holds=name.holds,
        layer=name.layer,
    )


def _header(candidate: Candidate, offset: int, length: int) -> _Header | None:
    """None for arrays of text, objects, structures: not numbers."""
    start = candidate.read(offset, min(_HEADER_BYTES_MAX, length))
    if start[:6] != b"\x93NUMPY" or len(start) < 12 or start[6] not in (1, 2, 3):
        raise _unsound("an array without a header")
    width = 2 if start[6] == 1 else 4
    text_bytes = int.from_bytes(start[8 : 8 + width], "little")
    if 8 + width + text_bytes > len(start):
        raise _unsound(f"a header of {text_bytes} bytes")
    text = start[8 + width : 8 + width + text_bytes]
    descr, fortran, shape = _DESCR.search(text), _FORTRAN.search(text), _SHAPE.search(text)
    if not descr:
        return None
    if not fortran or not shape:
        raise _unsound("a header without a shape")
    order, kind, item_bytes = descr[1], descr[2].decode(), int(descr[3])
    # V is how ml_dtypes' bfloat16 is written; u may be the bits of one.
    if kind not in "fiuV" or item_bytes not in (1, 2, 4, 8):
        return None
    dtype = _DTYPES.get(f"{kind}{item_bytes}") if order != b">" or item_bytes == 1 else None
    parts = [_EXTENT.fullmatch(part) for part in shape[1].split(b",") if part.strip()]
    extents = tuple(int(part[1]) for part in parts if part)
    if len(extents) != len(parts):
        raise _unsound("a shape that is not made of numbers")
    return _Header(8 + width + text_bytes, dtype, item_bytes, extents, fortran[1] == b"True")


def _unsound(what: str) -> ContradictionError:
    return ContradictionError(f"not a sound NumPy array: {what}")
