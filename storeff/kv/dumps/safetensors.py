"""KV caches that are plain tensors of a safetensors file, recognised by the tensors' names."""

import re
from collections.abc import Iterable
from typing import Literal

from storeff.errors import ContradictionError
from storeff.kv.dumps.dump import DTYPE_OF_NAME, Axis, Candidate, Dump, Tensor
from storeff.sources import safetensors
from storeff.sources.safetensors import Header, TensorEntry

ORDER = 50

# A cache of 126 layers, K and V apart, has a header of 30 kB; weights that need more are not KV.
HEADER_BYTES_MAX = 1 << 20
# A cache's tensor has a name of these words and numbers only, such as "past_key_values.0.key",
# "layers.3.self_attn.v_cache" or "present.1.value"; a weight's has others ("weight", "proj").
_PLACE_WORD = re.compile(
    "attention|attn|blocks?|decoder|h|layers?|model|self|states?|transformer|[0-9]+"
)
_CACHE_WORD = re.compile("caches?|past|present")
_K_WORDS = frozenset(("k", "key", "keys"))
_V_WORDS = frozenset(("v", "value", "values"))
_WORD = re.compile(r"[a-z]+|[0-9]{1,6}(?![0-9])|[^._/-]")
_BOTH = re.compile(r"past_key_values?")
# mlx-lm numbers its tensors by layer, then 0 for K and 1 for V.
_MLX_NAME = re.compile(r"[0-9]{1,6}\.[01]")


def header_of(candidate: Candidate, header_bytes_max: int = HEADER_BYTES_MAX) -> Header | None:
    """The header; None if there is none, or it is longer than ``header_bytes_max``."""
    length = safetensors.header_bytes(candidate.read(0, 9), candidate.size_bytes)
    if length is None or length > header_bytes_max:
        return None
    return safetensors.parse(candidate.read(8, length))


def looks_like(head: bytes, path: bytes, size_bytes: int) -> bool:
    """Whether a file that begins ``head`` has a true header, in ``head``, of a cache's tensors."""
    length = safetensors.header_bytes(head, size_bytes)
    if length is None or 8 + length > len(head):
        return False
    header = safetensors.parse(head[8 : 8 + length])
    if header is None:
        return False
    try:
        if set(header.tensors) == {"kv_cache"}:
            return len(header.entries(size_bytes)["kv_cache"].shape) > 1
        if set(header.tensors) == {"kvcache"}:
            return header.is_padded(size_bytes)
        is_named = bool(header.tensors) and are_kv_names(header.tensors)
        return is_named and bool(kv_tensors(header.entries(size_bytes)))
    except ContradictionError:
        return False


def kv_tensors(found: dict[str, TensorEntry]) -> tuple[Tensor, ...]:
    """``found`` as K and V if the names and shapes of all say that they are, otherwise none.

    Transformers and mlx-lm have [batch, head, token, dim]; other conventions differ.
    """
    if not are_kv_names(found) or any(len(e.shape) < 3 for e in found.values()):
        return ()
    is_mlx = _is_mlx(found)
    if is_mlx and any(len(e.shape) != 4 for e in found.values()):
        return ()
    tensors = []
    for name, e in found.items():
        words = _words(name)
        numbers = [int(word) for word in words if word.isdigit()]
        axes: tuple[Axis, ...] = ()
        if len(e.shape) == 4 and (is_mlx or not {"cache", "caches", "kv"} & set(words)):
            axes = ("batch", "head", "token", "dim")
        tensors.append(
            Tensor(
                e.start,
                e.end - e.start,
                DTYPE_OF_NAME.get(e.tag),
                axes,
                e.shape if axes else (),
                _held(words, numbers),
                numbers[0] if numbers else None,
            )
        )
    return tuple(tensors)


def are_kv_names(names: Iterable[str]) -> bool:
    """Whether every one of ``names`` says that it is a cache's."""
    return _is_mlx(names) or all(_are_kv(_words(name)) for name in names)


def _is_mlx(names: Iterable[str]) -> bool:
    return all(map(_MLX_NAME.fullmatch, names))


def _words(name: str) -> list[str]:
    return _WORD.findall(_BOTH.sub("past", name.lower())) if len(name) <= 200 else []


def _are_kv(words: list[str]) -> bool:
    rest = {word for word in words if not _PLACE_WORD.fullmatch(word)}
    kv = rest & (_K_WORDS | _V_WORDS | {"kv"})
    caches = {word for word in rest - kv if _CACHE_WORD.fullmatch(word)}
    # A table of vectors too may have "keys" and "values", but not one a layer.
    return rest == kv | caches and bool(caches or (kv and any(map(str.isdigit, words))))


def _held(words: list[str], numbers: list[int]) -> Literal["kv", "k", "v"] | None:
    for word in reversed(words):
        if word in _K_WORDS:
            return "k"
        if word in _V_WORDS:
            return "v"
    if "kv" in words:
        return "kv"
    # "past_key_values.3.0" and mlx-lm's "3.0": the layer, then K or V.
    return ("k", "v")[numbers[1]] if len(numbers) == 2 and numbers[1] < 2 else None


def recognise(candidate: Candidate) -> Dump | None:
    """A cache saved tensor by tensor under names that say so; raises ContradictionError."""
    header = header_of(candidate)
    if header is None or not header.tensors or not are_kv_names(header.tensors):
        return None
    found = header.entries(candidate.size_bytes)
    tensors = kv_tensors(found)
    if not tensors:
        return None
    tokens = {t.shape[2] if t.axes else None for t in tensors}
    known = None not in tokens
    return Dump(
        "mlx-lm prompt cache" if _is_mlx(found) else "safetensors",
        "kv",
        tensors,
        "inferred" if known else "unknown",
        "The tensors' names say that they are keys and values; their axes are taken to be batch,"
        " head, token, dim, as Transformers and mlx-lm have them."
        if known
        else "The tensors' names say that they are keys and values, but not what their axes are.",
        tokens=tokens.pop() if len(tokens) == 1 else None,
    )
