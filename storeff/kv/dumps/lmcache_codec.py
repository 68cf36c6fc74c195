"""LMCache's encoding of K in 16 bits and V in 8, and its raw block device: both have a magic.

Read in LMCache 0.5.6: lmcache/v1/kv_codec/encoded_kv.py and
lmcache/v1/storage_backend/raw_block/core.py.
"""

from typing import Literal

from storeff.errors import ContradictionError
from storeff.kv.dumps.dump import ITEM_BYTES, Axis, Candidate, Cursor, Dump, Tensor, opaque
from storeff.kv.dumps.lmcache import DTYPE_OF_NUMBER, key_of
from storeff.sources.safetensors import PAGE_BYTES
from storeff.text import excerpt

ORDER = 10

_CODEC_MAGIC = b"LMCKV\x01\x00\x01"
_DEVICE_MAGIC = b"LMCIDX01"
MAGICS = (_CODEC_MAGIC, _DEVICE_MAGIC)
# Three pairs of short strings follow the fixed header.
_STRINGS_MAX, _STRING_BYTES_MAX = 32, 1 << 12
_AXES: tuple[Axis, ...] = ("layer", "token", "head", "dim")


def looks_like(head: bytes, name: bytes, size_bytes: int) -> bool:
    """Whether a file begins with one of the two magics."""
    return head.startswith(MAGICS)


def recognise(candidate: Candidate) -> Dump | None:
    """A chunk or layer of encoded KV, or a whole device; raises ContradictionError."""
    magic = candidate.read(0, 8)
    if magic == _CODEC_MAGIC:
        return _encoded(candidate)
    return _device(candidate) if magic == _DEVICE_MAGIC else None


def _device(candidate: Candidate) -> Dump:
    _, _, index_bytes, _ = Cursor(candidate, len(_DEVICE_MAGIC)).numbers("IQQI")
    if index_bytes > candidate.size_bytes:
        raise ContradictionError(f"its index is {index_bytes} bytes, the file is shorter")
    why = "The index of its slots is not read; slots never written, and evicted ones, count too."
    return opaque("LMCache raw block device", why)


def _encoded(candidate: Candidate) -> Dump | None:
    """K in 16 bits, V in 8, and scales, in LMCache's own encoding."""
    system = "LMCache K16/V8 codec"
    name = key_of(candidate.name)
    key = name and name.hash
    header = Cursor(candidate, len(_CODEC_MAGIC))
    version, _, k_number, v_number, _, _ = header.numbers("6H")
    layer, _, tokens, _, heads, dim = header.numbers("6q")
    if version != 1:
        return opaque(system, f"Version {version} of the encoding is not known.", key)
    header.skip(8 * header.count(0, 8, "axes of scales", "q"))
    k_bytes, v_bytes, scale_bytes = header.numbers("3q")
    strings = [
        header.take(header.count(0, _STRING_BYTES_MAX, "bytes of a string", "H"))
        for _ in range(2 * header.count(0, _STRINGS_MAX, "pairs of strings", "H"))
    ]
    hashes = dict(zip(strings[::2], strings[1::2], strict=True))
    header.skip(4)
    start, stored_bytes = header.offset, k_bytes + v_bytes + scale_bytes
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
