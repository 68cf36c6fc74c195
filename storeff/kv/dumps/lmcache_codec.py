"""LMCache's encoding of K in 16 bits and V in 8, and its raw block device: both have a magic.

Read in LMCache 0.5.6: lmcache/v1/kv_codec/encoded_kv.py and
lmcache/v1/storage_backend/raw_block/core.py.
"""

import struct
from typing import Literal

from storeff.errors import ContradictionError
from storeff.kv.dumps.dump import ITEM_BYTES, Axis, Candidate, Dump, Tensor, malformed
from storeff.kv.dumps.lmcache import DTYPE_OF_NUMBER, key_of
from storeff.sources.safetensors import PAGE_BYTES
from storeff.text import excerpt

_CODEC_MAGIC = b"LMCKV\x01\x00\x01"
_DEVICE_MAGIC = b"LMCIDX01"
MAGICS = (_CODEC_MAGIC, _DEVICE_MAGIC)
# Six short strings follow the fixed header.
_HEADER_BYTES_MAX = 1 << 16
_CODEC = struct.Struct("<8s6H7q")
_DEVICE = struct.Struct("<8sIQQI")
_AXES: tuple[Axis, ...] = ("layer", "token", "head", "dim")


def looks_like(head: bytes, name: bytes, size_bytes: int) -> bool:
    """Whether a file begins with one of the two magics."""
    return head.startswith(MAGICS)


def recognise(candidate: Candidate) -> Dump | None:
    """A chunk or layer of encoded KV, or a whole device; raises MalformedError."""
    magic = candidate.read(0, 8)
    try:
        if magic == _CODEC_MAGIC:
            return _encoded(candidate)
        return _device(candidate) if magic == _DEVICE_MAGIC else None
    except ContradictionError as error:
        raise malformed(candidate, str(error)) from None


def _device(candidate: Candidate) -> Dump:
    head = candidate.read(0, _DEVICE.size)
    if len(head) < _DEVICE.size:
        raise ContradictionError("its header is cut off")
    _, _, _, index_bytes, _ = _DEVICE.unpack_from(head)
    if index_bytes > candidate.size_bytes:
        raise ContradictionError(f"its index is {index_bytes} bytes, the file is shorter")
    why = "The index of its slots is not read; slots never written, and evicted ones, count too."
    return Dump("LMCache raw block device", "opaque", (), "unknown", why)


def _encoded(candidate: Candidate) -> Dump | None:
    """K in 16 bits, V in 8, and scales, in LMCache's own encoding."""
    system = "LMCache K16/V8 codec"
    name_key = key_of(candidate.name)
    key = name_key.hash if name_key is not None else None
    head = candidate.read(0, _HEADER_BYTES_MAX)
    try:
        _, version, _, k_number, v_number, _, _, *fixed = _CODEC.unpack_from(head)
        layer, _, tokens, _, heads, dim, scale_axes = fixed
        if version != 1:
            why = f"Version {version} of the encoding is not known."
            return Dump(system, "opaque", (), "unknown", why, key)
        if not 0 <= scale_axes <= 8:
            raise ContradictionError(f"its scales have {scale_axes} axes")
        at = _CODEC.size + 8 * scale_axes
        k_bytes, v_bytes, scale_bytes = struct.unpack_from("<3q", head, at)
        hashes, end = _strings(head, at + 24)
    except struct.error:
        raise ContradictionError("its header is cut off") from None
    start, stored_bytes = end + 4, k_bytes + v_bytes + scale_bytes
    if candidate.size_bytes == start < start + stored_bytes:
        # The header that is kept apart where K and V are.
        return None
    excess_bytes = candidate.size_bytes - start - stored_bytes
    if min(k_bytes, v_bytes, scale_bytes) < 0 or not 0 <= excess_bytes < PAGE_BYTES:
        raise ContradictionError(
            f"its header says that K, V and scales are {k_bytes}, {v_bytes} and {scale_bytes}"
            f" bytes, {candidate.size_bytes - start} follow"
        )
    tensors: list[Tensor] = []
    holds: Literal["k", "v"]
    for holds, number, offset, length in (
        ("k", k_number, start, k_bytes),
        ("v", v_number, start + k_bytes, v_bytes),
    ):
        dtype = DTYPE_OF_NUMBER.get(number)
        if dtype is None or length % ITEM_BYTES[dtype]:
            raise ContradictionError(f"its {holds.upper()} of {length} bytes has dtype {number}")
        axes: tuple[Axis, ...] = ()
        shape: tuple[int, ...] = ()
        layer_bytes = tokens * heads * dim * ITEM_BYTES[dtype]
        is_ordered = hashes.get(b"kv_layout") == b"lmcache_kv_2ltd" and min(tokens, heads, dim) > 0
        if is_ordered and layer < 0 and length % layer_bytes == 0:
            axes, shape = _AXES, (length // layer_bytes, tokens, heads, dim)
        elif is_ordered and length == layer_bytes:
            axes, shape = _AXES[1:], (tokens, heads, dim)
        tensors.append(
            Tensor(offset, length, dtype, axes, shape, holds, layer if layer >= 0 else None)
        )
    model = hashes.get(b"model_id")
    return Dump(
        system,
        "kv",
        tuple(tensors),
        "exact" if tensors[0].axes and tensors[1].axes else "unknown",
        "The header gives dtypes and lengths. V is already reduced to 8 bits and has scales.",
        key,
        tokens if tokens > 0 else None,
        excerpt(model.decode("utf-8", "replace")) if model else None,
    )


def _strings(head: bytes, at: int) -> tuple[dict[bytes, bytes], int]:
    """Pairs of strings, each after its length in 16 bits; and their end. Raises struct.error."""
    (count,) = struct.unpack_from("<H", head, at)
    at += 2
    strings = []
    for _ in range(2 * count):
        (length,) = struct.unpack_from("<H", head, at)
        strings.append(head[at + 2 : at + 2 + length])
        at += 2 + length
    return dict(zip(strings[::2], strings[1::2], strict=True)), at
