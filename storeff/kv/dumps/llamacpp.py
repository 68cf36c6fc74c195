"""llama.cpp's saved states: whole sessions ('ggsn') and single sequences ('ggsq').

Layout as written by src/llama-context.cpp and src/llama-kv-cache.cpp of November 2026 (session 10,
sequence 3), little-endian throughout:

    u32 magic, u32 version, u32 n, i32 token[n]; sessions only: u32 n, arch[n]; then the memory:
    cache:   u32 streams, each: u32 cells, and if there are any: cell[cells], u32 v_trans,
             u32 layers, layers x K, and (unless V is kept in K, as MLA does) layers x V
    cell:    i32 position, u32 n, [8 or 12 bytes of M-RoPE position and token], i32 sequence[n]
    K, V:    i32 type, u64 row_bytes, rows[cells], a row being all heads of a token; V if v_trans:
             i32 type, u32 item_bytes, u32 channels, channels x items[cells]

Models with sliding windows write two such caches, hybrid models add a recurrent state (of
llama-memory-recurrent.cpp). The file does not list its parts: they are found as the only ones
that fill the file.
"""

import hashlib
import struct
from collections.abc import Iterator
from itertools import product

import numpy as np
from msgspec.structs import replace

from storeff.errors import ContradictionError
from storeff.kv.dumps.dump import Axis, Candidate, Cursor, Dtype, Dump, Tensor
from storeff.text import excerpt

ORDER = 20

# ggml.h: bytes of a block and elements in it, of the types that a cache may have.
_GGML_TYPES: dict[int, tuple[Dtype | None, int, int]] = {
    0: ("f32", 4, 1),
    1: ("f16", 2, 1),
    2: ("q4_0", 18, 32),
    3: (None, 20, 32),  # q4_1
    6: (None, 22, 32),  # q5_0
    7: (None, 24, 32),  # q5_1
    8: ("q8_0", 34, 32),
    20: (None, 18, 32),  # iq4_nl
    30: ("bf16", 2, 1),
}
# Versions whose layout is the one above, and the bytes a cell's extension may have in each.
_EXTENSION_BYTES = {
    (b"nsgg", 9): (0, 8),
    (b"qsgg", 2): (0, 8),
    (b"nsgg", 10): (0, 12),
    (b"qsgg", 3): (0, 12),
}
# Version 9 and 2 also name earlier layouts, without streams or with the last logits.
MAGICS = (b"nsgg", b"qsgg")
_AMBIGUOUS_VERSIONS = {(b"nsgg", 9), (b"qsgg", 2)}
# llama-cparams.h and llama-hparams.h: LLAMA_MAX_SEQ, LLAMA_MAX_LAYERS.
_SEQUENCES_MAX = 256
_LAYERS_MAX = 512
_CACHES_MAX = 4
# Sixteen million tokens, four times the longest context of 2026: what is read stays bounded,
# however large a file of holes is.
_TOKENS_MAX = _CELLS_MAX = 1 << 24
_CHUNK_BYTES = 65536
_DSV4_MAGIC = 0x34565344


def looks_like(head: bytes, path: bytes, size_bytes: int) -> bool:
    """Whether a file of ``size_bytes`` that begins ``head`` is a llama.cpp state."""
    if not head.startswith(MAGICS) or len(head) < 12:
        return False
    numbers: tuple[int, int] = struct.unpack("<II", head[4:12])
    version, tokens = numbers
    return 0 < version < 1000 and tokens <= _TOKENS_MAX and 12 + 4 * tokens <= size_bytes


def recognise(candidate: Candidate) -> Dump | None:
    """A session or sequence state; None if it is neither.

    ``key`` is the SHA-256 of the token ids, which llama.cpp writes but gives no name. Raises
    ContradictionError if the parts do not fill the file.
    """
    head = candidate.read(0, 12)
    if not head.startswith(MAGICS) or len(head) < 12:
        return None
    kind, (version, token_count) = head[:4], struct.unpack("<II", head[4:12])
    if not 0 < version < 1000:
        return None
    reader = Cursor(candidate, 12)
    try:
        key = _tokens_digest(reader, token_count)
        model = _arch(reader) if kind == b"nsgg" else None
    except ContradictionError as error:
        raise _cut_off(str(error)) from None
    name = f"a {'session' if kind == b'nsgg' else 'sequence'} state of version {version}"

    def dump(tensors: tuple[Tensor, ...], why: str, tokens: int | None) -> Dump:
        return Dump(
            system="llama.cpp",
            kind="kv" if tensors else "opaque",
            tensors=tensors,
            confidence="exact" if tensors else "unknown",
            why=f"{name}: {why}",
            key=key,
            tokens=token_count or tokens,
            model=model,
        )

    if (kind, version) not in _EXTENSION_BYTES:
        return dump((), "its layout is not known to this version of storeff", None)
    failures: list[tuple[int, str]] = []
    for caches, end in _caches(reader, _EXTENSION_BYTES[kind, version], failures):
        if end == candidate.size_bytes:
            return dump(*_tensors(caches))
        if _is_recurrent(Cursor(candidate, end)):
            tensors, why, tokens = _tensors(caches)
            tail = f"; {candidate.size_bytes - end} bytes at its end are recurrent state, not KV"
            return dump(tensors, why + tail, tokens)
    if _is_recurrent(Cursor(candidate, reader.offset)):
        return dump((), "a recurrent state, which has no keys and values", None)
    if _starts_with(reader, _DSV4_MAGIC):
        return dump((), "DeepSeek-V4's compressed cache, whose layout storeff does not read", None)
    if (kind, version) in _AMBIGUOUS_VERSIONS:
        return dump((), "one of the earlier layouts of this version number", None)
    raise _cut_off(max(failures)[1] if failures else "nothing after the tokens")


def _cut_off(what: str) -> ContradictionError:
    return ContradictionError(f"not a whole llama.cpp state: {what}")


def _tokens_digest(reader: Cursor, count: int) -> str | None:
    if 4 * count > reader.left():
        raise ContradictionError(f"{count} tokens, but only {reader.left()} bytes after the header")
    if count > _TOKENS_MAX:
        raise ContradictionError(f"{count} tokens, more than any context has")
    digest = hashlib.sha256()
    for start in range(0, 4 * count, _CHUNK_BYTES):
        digest.update(reader.take(min(_CHUNK_BYTES, 4 * count - start)))
    return digest.hexdigest() if count else None


def _arch(reader: Cursor) -> str:
    name = reader.take(reader.count(1, 128, "bytes in the name of the architecture"))
    try:
        return excerpt(name.decode("ascii"))
    except UnicodeDecodeError:
        raise ContradictionError("the name of the architecture is not text") from None


def _starts_with(reader: Cursor, magic: int) -> bool:
    start = Cursor(reader.candidate, reader.offset)
    return start.left() >= 4 and start.numbers("I") == (magic,)


def _caches(
    reader: Cursor,
    extensions: tuple[int, ...],
    failures: list[tuple[int, str]],
    before: tuple[tuple[Tensor, ...], ...] = (),
) -> Iterator[tuple[tuple[tuple[Tensor, ...], ...], int]]:
    """Every way to read one or more caches from here on, with where each ends."""
    ways = set()
    for extension_bytes, has_values in product(extensions, (True, False)):
        attempt = Cursor(reader.candidate, reader.offset)
        try:
            tensors = tuple(_cache(attempt, extension_bytes, has_values))
        except ContradictionError as error:
            failures.append((attempt.offset, str(error)))
            continue
        if (attempt.offset, tensors) in ways:
            continue
        ways.add((attempt.offset, tensors))
        caches = (*before, tensors)
        yield caches, attempt.offset
        if len(caches) < _CACHES_MAX and attempt.left():
            yield from _caches(attempt, extensions, failures, caches)
        elif attempt.left():
            failures.append((attempt.offset, f"{attempt.left()} bytes too many at its end"))


def _cache(reader: Cursor, extension_bytes: int, has_values: bool) -> Iterator[Tensor]:
    for _ in range(reader.count(1, _SEQUENCES_MAX, "streams")):
        cells = reader.count(0, min(_CELLS_MAX, reader.left() // 12), "cells")
        if not cells:
            continue
        _skip_cells(reader, cells, extension_bytes)
        transposed = reader.count(0, 1, "as the flag of a transposed V")
        layers = reader.count(1, _LAYERS_MAX, "layers")
        for layer in range(layers):
            yield _rows(reader, cells, layer, "k" if has_values else "latent")
        if has_values:
            for layer in range(layers):
                yield (
                    _columns(reader, cells, layer)
                    if transposed
                    else _rows(reader, cells, layer, "v")
                )


def _skip_cells(reader: Cursor, cells: int, extension_bytes: int) -> None:
    """Past the cells, each of which is checked: they are how a wrong layout shows itself."""
    while cells:
        length = min(_CHUNK_BYTES, reader.left())
        data = reader.candidate.read(reader.offset, length)
        used, seen = _cells_in(data, cells, extension_bytes)
        if not seen:
            raise ContradictionError(f"an impossible cell at {reader.offset}")
        reader.skip(used)
        cells -= seen


def _cells_in(data: bytes, cells: int, extension_bytes: int) -> tuple[int, int]:
    """How many bytes of ``data`` are how many good cells."""
    width = (12 + extension_bytes) // 4
    table = np.frombuffer(data, "<i4", len(data) // (4 * width) * width)
    table = table.reshape(-1, width)[:cells]
    # Nearly always each cell is in one sequence.
    good = (table[:, 0] >= 0) & (table[:, 1] == 1) & (table[:, -1] >= 0)
    good &= table[:, -1] < _SEQUENCES_MAX
    seen = len(good) if good.all() else int(good.argmin())
    offset = 4 * width * seen
    while seen < cells and offset + 8 + extension_bytes <= len(data):
        position, sequences = struct.unpack_from("<iI", data, offset)
        end = offset + 8 + extension_bytes + 4 * sequences
        if position < 0 or not 1 <= sequences <= _SEQUENCES_MAX or end > len(data):
            break
        ids = struct.unpack_from(f"<{sequences}I", data, end - 4 * sequences)
        if max(ids) >= _SEQUENCES_MAX:
            break
        offset, seen = end, seen + 1
    return offset, seen


def _ggml_type(reader: Cursor) -> tuple[Dtype | None, int, int]:
    (number,) = reader.numbers("i")
    if number not in _GGML_TYPES:
        raise ContradictionError(f"type {number} at {reader.offset - 4}")
    return _GGML_TYPES[number]


def _rows(reader: Cursor, cells: int, layer: int, holds: str) -> Tensor:
    dtype, block_bytes, block_items = _ggml_type(reader)
    (row_bytes,) = reader.numbers("Q")
    if not row_bytes or row_bytes % block_bytes:
        raise ContradictionError(f"rows of {row_bytes} bytes at {reader.offset - 8}")
    offset = reader.offset
    reader.skip(cells * row_bytes)
    return Tensor(
        offset=offset,
        length=cells * row_bytes,
        dtype=dtype,
        axes=("token", "latent" if holds == "latent" else "channel"),
        shape=(cells, row_bytes // block_bytes * block_items),
        holds="latent" if holds == "latent" else "k" if holds == "k" else "v",
        layer=layer,
    )


def _columns(reader: Cursor, cells: int, layer: int) -> Tensor:
    dtype, block_bytes, block_items = _ggml_type(reader)
    item_bytes, channels = reader.numbers("II")
    if block_items != 1 or item_bytes != block_bytes or not channels:
        raise ContradictionError(
            f"{channels} channels of {item_bytes} bytes at {reader.offset - 8}"
        )
    offset = reader.offset
    reader.skip(cells * channels * item_bytes)
    length = cells * channels * item_bytes
    axes: tuple[Axis, ...] = ("channel", "token")
    return Tensor(offset, length, dtype, axes, (channels, cells), "v", layer)


def _tensors(caches: tuple[tuple[Tensor, ...], ...]) -> tuple[tuple[Tensor, ...], str, int | None]:
    tensors = tuple(tensor for cache in caches for tensor in cache)
    if not tensors:
        return (), "no cell is in use", None
    tokens = max(t.shape[t.axes.index("token")] for t in tensors)
    why = f"{len(tensors)} arrays, located by its own counts, which add up to the file's size"
    if len(caches) > 1:
        # Which of the model's layers a cache holds is not written.
        tensors = tuple(replace(tensor, layer=None) for tensor in tensors)
        why += f"; {len(caches)} caches (a sliding window, an index), so layers are not numbered"
    return tensors, why, tokens


def _is_recurrent(reader: Cursor) -> bool:
    """Whether the rest of the file is the state of recurrent layers: rows R, then rows S."""
    try:
        cells = reader.count(1, _SEQUENCES_MAX, "cells")
        for _ in range(cells):
            position, sequences = reader.numbers("iI")
            if position < 0 or sequences > _SEQUENCES_MAX:
                return False
            reader.skip(4 * sequences)
        if reader.numbers("I") != (0,):
            return False
        layers = reader.count(1, _LAYERS_MAX, "layers")
        arrays = 0
        while reader.left() and arrays < 2 * layers:
            _rows(reader, cells, 0, "k")
            arrays += 1
    except ContradictionError:
        return False
    return arrays > 0 and not reader.left()
