"""The shape of a dump, completed by the geometry of its model or by its data."""

import math
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np

from storeff.kv.dumps.dump import ITEM_BYTES, Axis, Candidate, Dump, Tensor
from storeff.kv.measure.dtype import dtype_of
from storeff.kv.measure.infer import Geometry, infer
from storeff.kv.models.model import Attention, Latent, Model

# What is read of a page to infer its layout; no page of a token block is larger.
PAGE_BYTES_MAX = 64 << 20
DTYPE_PROBE_BYTES = 1 << 20


@dataclass(frozen=True)
class Width:
    """What every layer of a model keeps of a token: K and V of ``heads`` x ``dim``, or, with None
    ``heads``, one latent of ``dim``."""

    layers: int
    heads: int | None
    dim: int

    def on_rank(self, ranks: int) -> "Width | None":
        """What one of ``ranks`` tensor-parallel ranks keeps; None if they do not divide evenly. A
        latent is on each, and so is a head where there are more ranks than heads."""
        if self.heads is None:
            return self
        if self.heads % ranks and ranks % self.heads:
            return None
        return Width(self.layers, max(1, self.heads // ranks), self.dim)


def width_of(model: Model) -> Width | None:
    """The width of ``model``'s layers; None if they are not all alike."""
    found = {
        (group.kv_heads, group.head_dim) if isinstance(group, Attention) else (None, _latent(group))
        for group in model.layers
        if isinstance(group, Attention | Latent)
    }
    if len(found) != 1 or any(isinstance(g, Attention) and g.value_dim for g in model.layers):
        return None
    ((heads, dim),) = found
    layers = sum(g.count for g in model.layers if isinstance(g, Attention | Latent))
    return Width(layers, heads, dim)


def _latent(group: Latent) -> int:
    return group.latent_dim + group.rope_dim


def with_model(dump: Dump, candidate: Candidate, model: Width) -> Dump:
    """``dump`` with what ``model`` adds: heads split from dims, and layouts that no header gives.

    A layout that the system fixes is taken if the size fits it; that of an SGLang page is inferred
    from the data, or stays unknown. Neither is tried where it is not known over how many ranks the
    model was divided: half the heads and twice the tokens are as many bytes.
    """
    width = model.on_rank(dump.ranks) if dump.ranks else None
    if dump.kind == "opaque" and dump.system == "LMCache L2 adapter":
        return _with_dtype(dump, candidate)
    if dump.kind == "opaque" and dump.system == "sglang" and width is not None:
        return _inferred_page(dump, candidate, width)
    if dump.kind != "kv":
        return dump
    whole = dump.tensors
    if width is not None:
        whole = tuple(_whole(tensor, dump.system, width) or tensor for tensor in whole)
    tensors = tuple(_split(tensor, model) for tensor in whole)
    if tensors == dump.tensors:
        return dump
    completed = any(a.axes and not b.axes for a, b in zip(tensors, dump.tensors, strict=True))
    return msgspec.structs.replace(
        dump,
        tensors=tensors,
        tokens=_tokens(tensors) if dump.tokens is None else dump.tokens,
        confidence="config-assisted" if completed else dump.confidence,
        why=f"{dump.why} The model gives {_told(model)}.",
    )


def _told(width: Width) -> str:
    each = f"{width.heads} heads of {width.dim}" if width.heads else f"latents of {width.dim}"
    return f"{width.layers} layers, {each}"


def _with_dtype(dump: Dump, candidate: Candidate) -> Dump:
    probe = candidate.read(0, DTYPE_PROBE_BYTES)
    dtype, why = dtype_of(np.frombuffer(probe, np.uint8))
    if dtype is None:
        return _as_bytes(dump, candidate, f"{dump.why} {why[:1].upper()}{why[1:]}")
    tensor = Tensor(0, candidate.size_bytes, dtype, (), (), None)
    return msgspec.structs.replace(
        dump, kind="kv", tensors=(tensor,), confidence="inferred", why=f"{dump.why} {why}."
    )


def _as_bytes(dump: Dump, candidate: Candidate, why: str) -> Dump:
    """``dump`` to be measured as bytes: the format of its values is not known."""
    tensor = Tensor(0, candidate.size_bytes, None, (), (), None)
    text = f"{why}: measured as bytes."
    return msgspec.structs.replace(dump, kind="kv", tensors=(tensor,), why=text)


def _whole(tensor: Tensor, system: str, width: Width) -> Tensor | None:
    """LMCache's only tensor of a file without a header: [2, layers, tokens, channels], of one layer
    [tokens, 2, channels], of MLA [layers, tokens, latent] (memory_management.py, 0.5.6)."""
    if tensor.axes or not system.startswith("LMCache") or tensor.dtype not in ITEM_BYTES:
        return None
    items = tensor.length // ITEM_BYTES[tensor.dtype]
    layers = width.layers if tensor.layer is None else 1
    if width.heads is None:
        return _filled(tensor, items, ("layer", "token", "latent"), (layers, 0, width.dim))
    axes: tuple[Axis, ...] = ("kv", "layer", "token", "channel")
    channels = width.heads * width.dim
    if tensor.layer is not None:
        return _filled(tensor, items, ("token", "kv", "channel"), (0, 2, channels))
    return _filled(tensor, items, axes, (2, layers, 0, channels))


def _filled(
    tensor: Tensor, items: int, axes: tuple[Axis, ...], shape: tuple[int, ...]
) -> Tensor | None:
    """``tensor`` with the tokens that fill it in place of the 0 in ``shape``, if they are whole."""
    tokens, rest = divmod(items, math.prod(n for n in shape if n))
    if rest or not tokens:
        return None
    holds: Literal["kv", "latent"] = "latent" if "latent" in axes else "kv"
    full = tuple(n or tokens for n in shape)
    return Tensor(tensor.offset, tensor.length, tensor.dtype, axes, full, holds, tensor.layer)


def _split(tensor: Tensor, width: Width) -> Tensor:
    """``tensor`` with its channels as heads and dims, where they are whole heads of the model."""
    if "channel" not in tensor.axes or width.heads is None:
        return tensor
    at = tensor.axes.index("channel")
    heads, rest = divmod(tensor.shape[at], width.dim)
    if rest or not heads or width.heads % heads:
        return tensor
    return msgspec.structs.replace(
        tensor,
        axes=(*tensor.axes[:at], "head", "dim", *tensor.axes[at + 1 :]),
        shape=(*tensor.shape[:at], heads, width.dim, *tensor.shape[at + 1 :]),
    )


def _tokens(tensors: tuple[Tensor, ...]) -> int | None:
    counts = {t.shape[t.axes.index("token")] if "token" in t.axes else None for t in tensors}
    return counts.pop() if len(counts) == 1 else None


def _inferred_page(dump: Dump, candidate: Candidate, width: Width) -> Dump:
    if candidate.size_bytes > PAGE_BYTES_MAX:
        return dump
    page = candidate.read(0, candidate.size_bytes)
    found = infer(page, geometry=Geometry(width.layers, width.heads, width.dim))
    why = f"{dump.why}; {found.why}"
    if found.axes and found.shape:
        holds: Literal["kv", "latent"] = "latent" if "latent" in found.axes else "kv"
        tensor = Tensor(0, len(page), found.dtype, found.axes, found.shape, holds)
        return msgspec.structs.replace(
            dump,
            kind="kv",
            tensors=(tensor,),
            confidence="inferred",
            why=f"{why}; {_told(width)}",
            tokens=_tokens((tensor,)),
        )
    if found.dtype is None:
        return _as_bytes(dump, candidate, why)
    tensor = Tensor(0, len(page), found.dtype, (), (), None)
    return msgspec.structs.replace(dump, kind="kv", tensors=(tensor,), why=why)
