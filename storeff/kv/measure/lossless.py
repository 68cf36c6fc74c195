"""Lossless reduction of keys and values: sizes that were coded, and bounds.

Chunks are independent, as blocks of a store are: whole tokens, as many as fit (a longer token is
cut by channels), each arranged and coded by itself. A part that coding does not make smaller is
stored as it is."""

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt
import zstandard

from storeff import _native
from storeff.kv.measure.dtype import FIELDS, Field
from storeff.kv.measure.extract import Block, Items
from storeff.scan.codecs import SizesOf, codec

# A store must know where a part ends, and whether it is coded: 31 bits and one.
PART_HEADER_BYTES = 4
# Channels whose counts are made at once: 32 MiB of them for the widest field.
CHANNELS_AT_ONCE = 4096

Order = Literal["token", "channel"]
Delta = Literal["none", "xor", "subtract"]


class Scheme(msgspec.Struct, frozen=True):
    """How a chunk is arranged, then coded; each step can be undone bit for bit.

    ``delta`` takes the difference of each token's elements, in their bits or as unsigned integers,
    from those of the token before; ``order`` "channel" puts all elements of a channel together;
    ``planes`` all lowest bytes, and so on, each plane a part of its own. ``codec`` is one of
    ``storeff.scan.codecs`` or "huffman": Zstandard's entropy coding without its matches."""

    codec: str
    planes: bool = False
    order: Order = "token"
    delta: Delta = "none"

    @property
    def name(self) -> str:
        """For instance "zstd-3" or "channel order, xor, planes, zstd-1"."""
        words = [
            "channel order" * (self.order == "channel"),
            self.delta * (self.delta != "none"),
            "planes" * self.planes,
            self.codec,
        ]
        return ", ".join(word for word in words if word)


RAW = tuple(Scheme(name) for name in ("lz4", "zstd-1", "zstd-3"))
ORDERS: tuple[Order, ...] = ("token", "channel")
DELTAS: tuple[Delta, ...] = ("none", "xor", "subtract")


def schemes(block: Block) -> list[Scheme]:
    """Every scheme that differs from the others on what ``block`` holds: only codecs on mere bytes,
    no planes of single bytes."""
    found = [*RAW, Scheme("huffman")]
    if block.bytes_only:
        return found
    splits = (False, True) if block.items.itemsize > 1 else (False,)
    found += [Scheme("huffman", splits[-1], delta=delta) for delta in DELTAS]
    found += [Scheme(name, planes) for planes in splits for name in ("lz4", "zstd-3")]
    found += [
        Scheme("zstd-1", planes, order, delta)
        for planes in splits
        for order in ORDERS
        for delta in DELTAS
    ]
    return list(dict.fromkeys(found))


def chunks(items: Items, chunk_bytes: int) -> list[Items]:
    """``items`` [tokens, channels] in pieces of at most ``chunk_bytes``, but of an item at
    least."""
    row_bytes = items.shape[1] * items.itemsize
    tokens = max(1, chunk_bytes // row_bytes)
    channels = items.shape[1] if row_bytes <= chunk_bytes else chunk_bytes // items.itemsize or 1
    return [
        items[i : i + tokens, j : j + channels]
        for i in range(0, items.shape[0], tokens)
        for j in range(0, items.shape[1], channels)
    ]


def fills(block: Block, chunk_bytes: int) -> bool:
    """Whether ``block`` has a chunk of ``chunk_bytes``, as far as whole tokens make one."""
    tokens, channels = block.items.shape
    return bool(tokens >= max(1, chunk_bytes // (channels * block.items.itemsize)))


def arranged(chunk: Items, scheme: Scheme) -> list[memoryview]:
    """The parts of ``chunk`` [tokens, channels] that ``scheme`` codes one by one."""
    if scheme.delta != "none":
        before, chunk = chunk, chunk.copy()
        if scheme.delta == "xor":
            chunk[1:] ^= before[:-1]
        else:
            chunk[1:] -= before[:-1]
    if scheme.order == "channel":
        chunk = chunk.T
    data = _bytes(chunk)
    if not scheme.planes:
        return [data]
    return [plane.data for plane in _native.split_planes(data, chunk.itemsize)]


def _bytes(items: Items) -> memoryview:
    return np.ascontiguousarray(items).reshape(-1).view(np.uint8).data


def stored_bytes(block: Block, chunk_bytes: int, wanted: Iterable[Scheme]) -> dict[Scheme, int]:
    """Bytes of ``block`` in chunks of ``chunk_bytes`` under each scheme, headers of parts
    included."""
    pieces = chunks(block.items, chunk_bytes)
    arrangements: dict[Scheme, list[memoryview]] = {}
    sizes = {}
    for scheme in wanted:
        arrangement = msgspec.structs.replace(scheme, codec="")
        if arrangement not in arrangements:
            arrangements[arrangement] = [p for piece in pieces for p in arranged(piece, scheme)]
        parts = arrangements[arrangement]
        sizes[scheme] = sum(_coder(scheme.codec)(parts)) + PART_HEADER_BYTES * len(parts)
    return sizes


def _coder(name: str) -> SizesOf:
    return _huffman_sizes if name == "huffman" else codec(name)


def _huffman_sizes(parts: Sequence[bytes | memoryview]) -> list[int]:
    """Zstandard with a table of matches so small, for matches so long, that it hardly finds one:
    what is left is its Huffman coding, in blocks of 128 KiB."""
    parameters = zstandard.ZstdCompressionParameters(
        strategy=zstandard.STRATEGY_FAST,
        window_log=17,
        hash_log=6,
        chain_log=6,
        search_log=1,
        min_match=7,
        target_length=0,
        write_content_size=True,
        write_checksum=False,
    )
    frames = zstandard.ZstdCompressor(compression_params=parameters).multi_compress_to_buffer(
        list(parts)
    )
    return [min(len(part), len(frames[i])) for i, part in enumerate(parts)]


# ---- order-0 entropy ----


BYTE = (Field("byte", 0, 8),)


def fields(block: Block) -> tuple[Field, ...]:
    """The fields that make up a number of ``block``; the byte where it is an integer or unknown."""
    return FIELDS.get(block.dtype, BYTE) if block.dtype else BYTE


def counts(block: Block, field: Field) -> npt.NDArray[np.uint64]:
    """How often each value of ``field`` occurs in ``block``."""
    data = _bytes(block.items)
    return _native.count_field(data, block.items.itemsize, field.shift, field.bits)


def surprise_bits(found: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """-log2 of the share of each value; 0 where there is none. ``found @ surprise_bits(found)`` is
    the order-0 entropy of all, in bits (Shannon, 1948): no code of one value at a time takes
    less."""
    shares = found / max(1, int(found.sum()))
    return -np.log2(shares, out=np.zeros_like(shares), where=shares > 0)


def channel_bits(block: Block, field: Field) -> float:
    """Bits for ``field`` of all numbers with an adaptive code for each channel, what it takes to
    learn it included: the Krichevsky-Trofimov estimator (1981), over the values that occur in
    ``block``, a bitmap of which comes first."""
    from scipy.special import gammaln

    tokens, width = block.items.shape
    met = counts(block, field) > 0
    alphabet = int(met.sum())
    nats = 0.0
    for start in range(0, width, CHANNELS_AT_ONCE):
        columns = block.items[:, start : start + CHANNELS_AT_ONCE]
        found = _native.count_field_by_channel(
            _bytes(columns),
            columns.shape[1],
            columns.itemsize,
            field.shift,
            field.bits,
        )[:, met]
        nats += columns.shape[1] * (gammaln(tokens + alphabet / 2) - gammaln(alphabet / 2))
        nats -= float((gammaln(found + 0.5) - gammaln(0.5)).sum())
    return nats / float(np.log(2)) + float(1 << field.bits)
