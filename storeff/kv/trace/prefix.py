"""How much is shared by block key: the same tokens behind the same prefix.

This is not deduplication of bytes: keys may be equal where bytes are not (another run, another
GPU), and equal bytes behind different prefixes do not occur. The two are never added.
"""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace

import msgspec
import numpy as np

from storeff._native import PrefixKeys
from storeff.errors import StoreffError
from storeff.kv.trace.read import Trace
from storeff.kv.trace.replay import Caches


class ChunkSharing(msgspec.Struct, frozen=True, kw_only=True):
    """A trace cut into chunks of ``chunk_tokens``, in a cache that forgets nothing.

    ``partial_tokens`` are in last chunks that are not full, all uses counted; ``padding_tokens``
    is what such chunks would waste were each stored in the room of a full one, each unique one
    once. ``whole_token_hit_rate`` is where only full chunks are stored, as in vLLM. Rates are of
    all input tokens, None of none.
    """

    chunk_tokens: int
    chunks: int
    unique_chunks: int
    tokens: int
    unique_tokens: int
    dedup_ratio: float | None
    partial_tokens: int
    padding_tokens: int
    token_hit_rate: float | None
    whole_token_hit_rate: float | None


class KeySharing(msgspec.Struct, frozen=True, kw_only=True):
    """Stored blocks by key. ``tokens`` are None if any is unknown.

    ``size_disagrees`` counts keys that have blocks of more than one size, by their largest.
    """

    blocks: int
    unique_blocks: int
    bytes: int
    unique_bytes: int
    tokens: int | None
    unique_tokens: int | None
    byte_dedup_ratio: float | None
    size_disagrees: int


def rechunk(trace: Trace, blocks_per_chunk: int, *, whole_only: bool = False) -> Trace:
    """``trace`` with chunks of so many of its blocks; a request's last chunk may be shorter.

    A chunk is the same where its last block and all before it are. ``whole_only`` leaves out
    chunks that are not full: their tokens are still asked for, but never cached.
    """
    if blocks_per_chunk < 1:
        raise StoreffError(f"a chunk cannot have {blocks_per_chunk} blocks")
    blocks = np.diff(trace.offsets)
    chunk_tokens = trace.block_tokens * blocks_per_chunk
    chunks = -(-blocks // blocks_per_chunk)
    last_tokens = (blocks - (chunks - 1) * blocks_per_chunk - 1) * trace.block_tokens
    last_tokens = np.where(blocks > 0, last_tokens + trace.last_tokens, 0)
    place = np.arange(trace.blocks) - np.repeat(trace.offsets[:-1], blocks)
    ends_chunk = (place + 1) % blocks_per_chunk == 0
    if whole_only:
        partial = last_tokens < chunk_tokens
        chunks = chunks - (partial & (blocks > 0))
        ends_chunk &= (place + 1 < np.repeat(blocks, blocks)) | np.repeat(~partial, blocks)
        last_tokens = np.full_like(last_tokens, chunk_tokens)
    else:
        ends_chunk |= place + 1 == np.repeat(blocks, blocks)
    offsets = np.concatenate(([0], np.cumsum(chunks))).astype(np.int64)
    prefixes = PrefixKeys()
    keys = prefixes.add(trace.keys[ends_chunk].astype(np.uint64), offsets)
    return replace(
        trace,
        offsets=offsets,
        keys=keys,
        unique=len(prefixes),
        last_tokens=last_tokens.astype(np.uint32),
        block_tokens=chunk_tokens,
    )


def chunk_sharing(trace: Trace, blocks_per_chunk: Sequence[int] = (1,)) -> tuple[ChunkSharing, ...]:
    """The sharing in ``trace`` by the size of chunks, in multiples of its blocks."""
    return tuple(_sharing(trace, factor) for factor in blocks_per_chunk)


def _sharing(trace: Trace, blocks_per_chunk: int) -> ChunkSharing:
    chunked = rechunk(trace, blocks_per_chunk)
    whole = rechunk(trace, blocks_per_chunk, whole_only=True)
    unlimited = Caches(chunked).unlimited()
    tokens = unlimited.hit_tokens + unlimited.written_tokens
    last_tokens = chunked.last_tokens.astype(np.int64)
    partial = (last_tokens < chunked.block_tokens) & (np.diff(chunked.offsets) > 0)
    return ChunkSharing(
        chunk_tokens=chunked.block_tokens,
        chunks=chunked.blocks,
        unique_chunks=chunked.unique,
        tokens=tokens,
        unique_tokens=unlimited.written_tokens,
        dedup_ratio=tokens / unlimited.written_tokens if unlimited.written_tokens else None,
        partial_tokens=int(last_tokens[partial].sum()),
        padding_tokens=chunked.unique * chunked.block_tokens - unlimited.written_tokens,
        token_hit_rate=unlimited.token_hit_rate,
        whole_token_hit_rate=Caches(whole).unlimited().token_hit_rate,
    )


def key_sharing(blocks: Iterable[tuple[Hashable, int | None, int]]) -> KeySharing:
    """The sharing among stored blocks, each (key, tokens, bytes); tokens None if unknown.

    A key names all that makes the bytes: the prefix, and the layer, rank or group where a file
    holds one of several. Bytes are as stored.
    """
    largest: dict[Hashable, tuple[int, int | None]] = {}
    disagree: set[Hashable] = set()
    count = total_bytes = 0
    total_tokens: int | None = 0
    for key, tokens, size_bytes in blocks:
        count += 1
        total_bytes += size_bytes
        total_tokens = _sum(total_tokens, tokens)
        before = largest.get(key)
        if before is not None and before[0] != size_bytes:
            disagree.add(key)
        if before is None or size_bytes > before[0]:
            largest[key] = (size_bytes, tokens)
    unique_bytes = sum(size for size, _ in largest.values())
    unique_tokens: int | None = 0
    for _, tokens in largest.values():
        unique_tokens = _sum(unique_tokens, tokens)
    return KeySharing(
        blocks=count,
        unique_blocks=len(largest),
        bytes=total_bytes,
        unique_bytes=unique_bytes,
        tokens=total_tokens,
        unique_tokens=unique_tokens,
        byte_dedup_ratio=total_bytes / unique_bytes if unique_bytes else None,
        size_disagrees=len(disagree),
    )


def _sum(total: int | None, more: int | None) -> int | None:
    return None if total is None or more is None else total + more
