"""LMCache's dumps: its local disk, file-system connector, GDS back end and L2 adapter.

Read in LMCache 0.5.6 and earlier: lmcache/utils.py (keys), lmcache/v1/protocol.py (headers),
lmcache/v1/memory_management.py (formats), lmcache/v1/storage_backend/ and
lmcache/v1/distributed/l2_adapters/fs_l2_adapter.py.
"""

import math
import re
import struct
import urllib.parse
from typing import NamedTuple

from storeff.errors import ContradictionError
from storeff.kv.dumps.dump import (
    DTYPE_OF_NAME,
    ITEM_BYTES,
    Axis,
    Candidate,
    Dtype,
    Dump,
    Tensor,
    opaque,
)
from storeff.kv.dumps.safetensors import header_of
from storeff.sources.safetensors import PAGE_BYTES, described
from storeff.text import excerpt

ORDER = 40

# A file of another name is not for looks_like().
NAMES = (
    (rb"\.data", rb".*\.data"),
    (rb"\.pt", rb".*(?:@|%40).*\.pt"),
    (rb"\.tmp", rb".*(?:@|%40).*\.tmp"),
)
# Holds a connector's header of every number of groups.
_HEAD_BYTES = 1024
_GROUPS_MAX = 32
_GDS_HEADER_BYTES_MAX = 1 << 16

DTYPE_OF_NUMBER: dict[int, Dtype] = {
    1: "f16",
    2: "f16",
    3: "bf16",
    4: "f32",
    5: "f64",
    6: "u8",
    7: "f8e4m3",
    8: "f8e5m2",
}
_KEY = re.compile(
    rb"(?P<model>[^/]+)@(?P<world>[0-9]{1,6})@[0-9]{1,6}@(?P<hash>-?[0-9a-f]{1,64})"
    rb"@(?P<dtype>half|bfloat16|float|double|u?int(?:8|16|32|64)|bool|fp8_e[0-9]m[0-9][a-z]*)"
    rb"(?:@(?P<layer>[0-9]{1,6}))?(?:@[^/@%]+%[^/@]*)*",
    re.DOTALL,
)
_L2_KEY = re.compile(
    rb"(?P<model>[^/@]+)@0x[0-9a-f]{8}@[0-9a-f]{1,8}@(?P<hash>(?:[0-9a-f]{2}){4,64})(?:@[^/@]+)?",
    re.DOTALL,
)
_FILE = re.compile(
    rb"(?P<key>.+?)(?P<extension>\.pt|\.data|\.kvcache\.safetensors|\.weka1)?"
    rb"(?P<temporary>\.tmp[0-9a-f]*)?",
    re.DOTALL,
)
_ARCHIVES = (b"PK\x03\x04", b"\x80\x02", b"\x80\x04", b"\x80\x05")


class Key(NamedTuple):
    """What the name of a file holds."""

    hash: str
    model: str
    dtype: Dtype | None
    layer: int | None
    ranks: int | None
    is_l2: bool
    extension: bytes
    is_temporary: bool


class _Group(NamedTuple):
    """The tensor of one group of layers, and the bytes that it takes."""

    dtype: Dtype | None
    shape: tuple[int, ...]
    length: int


class _Header(NamedTuple):
    """The connector's header: the bytes after it, its end, its format number and its groups."""

    length: int
    end: int
    format: int
    groups: tuple["_Group", ...]


def looks_like(head: bytes, name: bytes, size_bytes: int) -> bool:
    """Whether a file is a dump by the connector's header, or by its name.

    GDS's are safetensors, and recognised by their header.
    """
    header = _header(head) if name.endswith(b".data") else None
    if header is not None and header.end + header.length == size_bytes:
        return True
    if b"@" not in name:
        return False
    key = key_of(name[name.rfind(b"/") + 1 :])
    if key is None or head.startswith(_ARCHIVES):
        return False
    return not (key.is_l2 and _is_encrypted(head, size_bytes))


def recognise(candidate: Candidate) -> Dump | None:
    """A chunk of KV, or a layer of one; raises ContradictionError."""
    head = candidate.read(0, _HEAD_BYTES)
    key = key_of(candidate.name)
    if key is not None and key.is_temporary:
        why = "LMCache was still writing this file, or stopped: it renames a complete file."
        return opaque("LMCache", why, key.hash, kind="temporary", model=key.model)
    if head[8:9] == b"{" and (dump := _gds(candidate, key)):
        return dump
    if candidate.name.endswith(b".data") and (header := _header(head)):
        follow_bytes = candidate.size_bytes - header.end
        if follow_bytes == header.length:
            return _connector(header, key)
        if key is not None:
            raise ContradictionError(
                f"its header says that {header.length} bytes follow, {follow_bytes} do"
            )
    return _raw(candidate, key, head) if key is not None else None


def key_of(name: bytes) -> Key | None:
    """The key that a file is named by; None if it is not one of LMCache's."""
    if b"@" not in name and b"%40" in name:
        # GDS quotes all that is not a letter or number.
        name = urllib.parse.unquote_to_bytes(name)
    file = _FILE.fullmatch(name)
    if file is None or not (file["extension"] or file["temporary"]):
        return None
    extension, is_temporary = file["extension"] or b"", file["temporary"] is not None
    if match := _KEY.fullmatch(file["key"]):
        dtype, layer = DTYPE_OF_NAME.get(match["dtype"].decode()), match["layer"]
        # The size of the world is that of all parallel ranks: of tensor-parallel ones, as a rule.
        ranks = int(match["world"]) or None
    elif (match := _L2_KEY.fullmatch(file["key"])) and extension in (b"", b".data"):
        dtype = layer = ranks = None
    else:
        return None
    return Key(
        match["hash"].decode(),
        excerpt(match["model"].replace(b"-SEP-", b"/").decode("utf-8", "replace")),
        dtype,
        None if layer is None else int(layer),
        ranks,
        match.re is _L2_KEY,
        extension,
        is_temporary,
    )


def _header(head: bytes) -> _Header | None:
    """int32 length and format, then dtype and 4-axis shape of each group that add up to length."""
    if len(head) < 28:
        return None
    length, number = struct.unpack_from("<2i", head)
    if length <= 0 or not 1 <= number <= 15:
        return None
    groups: list[_Group] = []
    total_bytes = 0
    for at in range(8, min(len(head) - 19, 8 + 20 * _GROUPS_MAX), 20):
        dtype_number, *padded = struct.unpack_from("<5i", head, at)
        dtype = None if number in (4, 5) else DTYPE_OF_NUMBER.get(dtype_number)
        # Missing axes are zeros at the end, in some versions ones at the beginning.
        shape = tuple(padded[: 4 - next((i for i, n in enumerate(reversed(padded)) if n), 4)])
        if (dtype is None and number not in (4, 5)) or not shape or min(shape) <= 0:
            return None
        group_bytes = (1 if dtype is None else ITEM_BYTES[dtype]) * math.prod(shape)
        groups.append(_Group(dtype, shape, group_bytes))
        total_bytes += group_bytes
        if total_bytes >= length:
            break
    if total_bytes != length:
        return None
    return _Header(length, 8 + 20 * len(groups), number, tuple(groups))


def _tensor(number: int, group: _Group, offset: int, layer: int | None) -> Tensor:
    """A tensor in memory format ``number``. Raises ContradictionError if it cannot be."""
    dtype, shape, length = group
    axes: tuple[Axis, ...]
    if number not in (1, 2, 3, 6):
        # A format of a version to come.
        return Tensor(offset, length, dtype, (), (), None, layer)
    if number in (2, 3):
        rest = shape[1:] if len(shape) == 4 and shape[0] == 1 else shape
        axes = ("token", "kv", "channel") if number == 2 else ("kv", "token", "channel")
        if len(rest) == 3 and rest[axes.index("kv")] == 2:
            return Tensor(offset, length, dtype, axes, rest, "kv", layer)
        rest = rest[1:] if len(rest) == 3 and rest[0] == 1 else rest
        if len(rest) == 2:
            return Tensor(offset, length, dtype, ("token", "latent"), rest, "latent", layer)
    elif number == 6 and (len(shape) == 1 or set(shape[:-1]) == {1}):
        # Planes one after the other, whose widths only the model says.
        return Tensor(offset, length, dtype, (), (), "latent", layer)
    elif number in (1, 6) and len(shape) == 4 and shape[0] == 1:
        axes = ("layer", "token", "latent")
        return Tensor(offset, length, dtype, axes, shape[1:], "latent")
    elif number == 1 and len(shape) == 4 and shape[0] == 2:
        axes = ("kv", "layer", "token", "channel")
        return Tensor(offset, length, dtype, axes, shape, "kv")
    raise ContradictionError(f"its memory format {number} cannot have the shape {list(shape)}")


def _dump(
    system: str,
    number: int,
    groups: tuple[_Group, ...],
    offset: int,
    key: Key | None,
) -> Dump:
    """A file of one tensor a group of layers, one after the other."""
    tensors = []
    for group in groups:
        tensors.append(_tensor(number, group, offset, key and key.layer))
        offset += tensors[-1].length
    tokens = {t.shape[t.axes.index("token")] if t.axes else None for t in tensors}
    why = "The header gives dtype and shape; the model's config.json has the number of heads."
    return Dump(
        system,
        "kv",
        tuple(tensors),
        "exact" if None not in tokens else "unknown",
        why,
        key and key.hash,
        tokens.pop() if len(tokens) == 1 else None,
        key and key.model,
        key and key.ranks,
    )


def _connector(header: _Header, key: Key | None) -> Dump:
    system = "LMCache file-system connector"
    if header.format not in (4, 5):
        return _dump(system, header.format, header.groups, header.end, key)
    why = "A serializer (CacheGen or another) wrote these bytes; the header does not name it."
    return opaque(system, why, key and key.hash, model=key and key.model)


def _gds(candidate: Candidate, key: Key | None) -> Dump | None:
    # The file beside each, of its header alone, holds no KV.
    if candidate.name.endswith(b".metadata"):
        return None
    header = header_of(candidate, _GDS_HEADER_BYTES_MAX)
    if header is None or set(header.tensors) != {"kvcache"}:
        return None
    start, fields = header.data_start, header.tensors["kvcache"]
    number, shapes, tags = fields.get("fmt", 1), fields.get("shapes"), fields.get("dtypes")
    if not isinstance(shapes, list) or not isinstance(tags, list):
        shapes, tags = [fields.get("shape")], [fields.get("dtype")]
    if type(number) is not int or len(shapes) != len(tags) or not 1 <= len(tags) <= _GROUPS_MAX:
        raise ContradictionError("its header has no possible fmt, shapes or dtypes")
    end, groups = start, []
    for name, shape in zip(tags, shapes, strict=True):
        tag, sizes, length = described("kvcache", name, shape)
        if length is None:
            raise ContradictionError(f"its tensor has the unknown dtype {excerpt(tag)}")
        end += length
        groups.append(_Group(DTYPE_OF_NAME.get(tag), sizes, length))
    if fields.get("data_offsets") != [0, end - start]:
        raise ContradictionError(
            f"its tensor is {end - start} bytes, but its data_offsets say otherwise"
        )
    if not end <= candidate.size_bytes < end + PAGE_BYTES:
        raise ContradictionError(
            f"its tensor ends at {end} bytes, the file at {candidate.size_bytes}"
        )
    return _dump("LMCache GDS", number, tuple(groups), start, key)


def _raw(candidate: Candidate, key: Key, head: bytes) -> Dump | None:
    """A file without a header, of which only the name speaks."""
    size_bytes = candidate.size_bytes
    if key.is_l2:
        system = "LMCache L2 adapter"
        if _is_encrypted(head, size_bytes):
            why = (
                "It begins as LMCache's AES-GCM frame does and is as much longer than whole KV:"
                " it cannot be compressed, and equal blocks have different bytes."
            )
            return Dump(system, "encrypted", (), "inferred", why, key.hash, model=key.model)
        why = "Neither dtype nor shape is in the name: give the model's config.json."
        return opaque(system, why, key.hash, model=key.model)
    if head.startswith(_ARCHIVES):
        return None
    if key.extension not in (b".pt", b".data"):
        raise ContradictionError("it is named as LMCache's GDS back end does, but has no header")
    system = "LMCache local disk" if key.extension == b".pt" else "LMCache file-system connector"
    if not size_bytes or (key.dtype and size_bytes % ITEM_BYTES[key.dtype]):
        raise ContradictionError(
            f"its {size_bytes} bytes are not a whole number of {key.dtype} values"
        )
    if key.dtype is None:
        why = "The name has a dtype that is not known for KV caches."
        return opaque(system, why, key.hash, model=key.model)
    why = "Only the dtype is in the name; the model's config.json has the layers and heads."
    tensor = Tensor(0, size_bytes, key.dtype, (), (), None, key.layer)
    return Dump(system, "kv", (tensor,), "unknown", why, key.hash, model=key.model, ranks=key.ranks)


def _is_encrypted(head: bytes, size_bytes: int) -> bool:
    """Whether an L2 object is an AES-GCM frame: a version, 12 bytes, ciphertext, 16 bytes.

    KV of whole chunks is a multiple of 256 bytes, as tokens times heads times dim are.
    """
    return head[:1] == b"\x01" and size_bytes % 256 == 13 + 16 and size_bytes > 256
