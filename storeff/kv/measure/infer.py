"""What headerless KV pages hold: their dtype and the order of their axes, from the data alone.

A channel (one dimension of one head of one layer, of K or of V) keeps its scale and,
in K, much of its sign over the tokens (KIVI, arXiv 2402.02750; KVQuant, 2401.18079), and channels
differ. So the means of exponent and sign over the even tokens predict those over the odd ones, and
their covariance over the channels, as a share of the total variance, is the share that channels
explain, free of the noise of few tokens. An order that puts the tokens elsewhere averages over
different channels and explains less. Every order has as many tokens and channels, so the shares
compare. All eight distances that two neighbouring tokens may have are tried, possible or not.

The answer stands only if it wins by a margin that is far beyond chance in disjoint groups of
dimensions, if channels are the same at both ends of the page, if each axis by itself explains
something (in weights, whose columns differ too, one does not), and if signs persist, which keys
show and weights do not; MLA's latents must also show that neighbouring tokens are alike (CacheGen,
arXiv 2310.07240). Else it is unknown. The geometry is believed: with the heads and layers of
another model whose products are the same, the answer is another.
Only orders in which tokens lie at different distances can be told apart: which of two other axes
is the outer one leaves no trace.
"""

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any, Literal

import msgspec
import numpy as np
import numpy.typing as npt

from storeff.kv.dumps.dump import ITEM_BYTES, Axis, Dtype
from storeff.kv.measure.dtype import dtype_of, features_of, words

Floats = npt.NDArray[np.float64]

# SGLang's host layouts: layer_first and page_first_direct, page_first, page_head, unified-v1.
SGLANG_ORDERS: tuple[tuple[Axis, ...], ...] = (
    ("kv", "layer", "token", "head", "dim"),
    ("kv", "token", "layer", "head", "dim"),
    ("kv", "head", "token", "layer", "dim"),
    ("kv", "head", "layer", "token", "dim"),
)
SGLANG_MLA_ORDERS: tuple[tuple[Axis, ...], ...] = (
    ("layer", "token", "latent"),
    ("token", "layer", "latent"),
)

# The thresholds below were set on bench/accuracy/infer.py (2026-11-21), with room to both sides.
_ITEMS_MAX = 1 << 22
_TOKENS_MIN = 8
# Disjoint groups of dimensions whose agreement measures chance.
_GROUPS = 8
# Standard errors of eight groups: 5 is one in 600 by chance, and each answer has to pass six tests.
_MARGIN_MIN = 5.0
_AXIS_MARGIN_MIN = 4.0
_AXIS_SHARE_MIN = 0.03
_ENDS_SHARE_MIN = 0.7
_LOCALITY_MIN = 0.02
_SIGN_SHARE_MIN = 0.01
_OUTER: tuple[Axis, ...] = ("kv", "layer", "head")


class Geometry(msgspec.Struct, frozen=True):
    """What is known of the model: its layers in the page, and KV heads and their size.

    For MLA ``kv_heads`` is None and ``head_dim`` is the latent's size, RoPE part included.
    """

    layers: int
    kv_heads: int | None
    head_dim: int


class Inference(msgspec.Struct, frozen=True):
    """What the data show. ``axes`` and ``shape`` are set if ``confidence`` is "inferred".

    ``dtype`` is known by itself if not None. ``margin`` is how many standard errors the answer is
    ahead of the next distance by; None where no two were compared."""

    dtype: Dtype | None
    axes: tuple[Axis, ...] | None
    shape: tuple[int, ...] | None
    margin: float | None
    confidence: Literal["inferred", "unknown"]
    why: str


def infer(
    data: bytes | memoryview,
    geometry: Geometry,
    orders: Sequence[tuple[Axis, ...]] | None = None,
) -> Inference:
    """Dtype and order of axes of a whole page, out of ``orders``.

    ``orders`` are those that the system may have written, by default SGLang's.
    Time is some 0.2 s a page and memory some 100 MB, whatever its size.
    """
    raw = np.frombuffer(data, np.uint8)
    dtype, why = dtype_of(raw)
    if dtype is None:
        return _unknown(None, why)
    items = words(raw[: len(raw) // ITEM_BYTES[dtype] * ITEM_BYTES[dtype]], dtype)
    extents = _extents(geometry)
    if min(extents.values()) < 1:
        return _unknown(dtype, f"{why}; {geometry} is not a geometry")
    tokens, rest = divmod(len(items), math.prod(extents.values()))
    if rest or len(raw) % ITEM_BYTES[dtype] or tokens < _TOKENS_MIN:
        return _unknown(dtype, f"{why}; not a page of {_TOKENS_MIN} tokens or more of {geometry}")
    extents["token"] = tokens
    if orders is None:
        orders = SGLANG_ORDERS if geometry.kv_heads else SGLANG_MLA_ORDERS
    return _order(items, dtype, extents, orders, why)


def _unknown(dtype: Dtype | None, why: str, margin: float | None = None) -> Inference:
    return Inference(dtype, None, None, margin, "unknown", why)


def _extents(geometry: Geometry) -> dict[Axis, int]:
    if geometry.kv_heads is None:
        return {"layer": geometry.layers, "latent": geometry.head_dim}
    return {
        "kv": 2,
        "layer": geometry.layers,
        "head": geometry.kv_heads,
        "dim": geometry.head_dim,
    }


# Order


def _order(
    items: Any,
    dtype: Dtype,
    extents: dict[Axis, int],
    orders: Sequence[tuple[Axis, ...]],
    why: str,
) -> Inference:
    items, kept = _thinned(items, extents)
    if kept is None:
        return _unknown(dtype, f"{why}; {_inner(extents)} dimensions are not {_GROUPS} groups")
    features = features_of(items, dtype)
    tokens, dims = kept["token"], _inner(kept)
    shares = {
        stride: [_share(*_halves(feature, tokens, stride), dims) for feature in features]
        for stride in _strides(kept)
    }
    best = max(shares, key=lambda stride: float(np.sum(shares[stride])))
    total = shares[best][0] + shares[best][1]
    rivals = [_beyond(total - e - s) for stride, (e, s) in shares.items() if stride != best]
    margin = min(rivals, default=None)
    stride = best // dims * _inner(extents)
    what = f"{why}; channels explain {float(total.mean()):.3f} with tokens {stride} items apart"
    if (margin is not None and margin < _MARGIN_MIN) or float(total.mean()) <= 0:
        return _unknown(dtype, f"{what}, not decisively more than otherwise", margin)
    matching = _matching(orders, kept, best)
    if len(matching) != 1:
        reason = "several orders have" if matching else "none of the orders has"
        return _unknown(dtype, f"{what}, which {reason}", margin)
    (order,) = matching
    fault = _fault(order, kept, features, shares[best], best)
    if fault:
        return _unknown(dtype, f"{what}, but {fault}", margin)
    shape = tuple(extents[axis] for axis in order)
    return Inference(dtype, order, shape, margin, "inferred", what)


def _inner(extents: dict[Axis, int]) -> int:
    return extents["latent" if "latent" in extents else "dim"]


def _thinned(items: Any, extents: dict[Axis, int]) -> tuple[Any, dict[Axis, int] | None]:
    """Every n-th dimension, evenly, if there are more items than are needed."""
    dims = _inner(extents)
    step = max(1, -(-len(items) // _ITEMS_MAX))
    steps = [n for n in range(step, dims + 1) if dims % n == 0 and dims // n % _GROUPS == 0]
    # Two dimensions a group at least, so that dimensions can be told to matter.
    fits = [n for n in steps if dims // n >= 2 * _GROUPS]
    if not fits:
        fits = [
            n for n in range(dims, 0, -1) if dims % (n * _GROUPS) == 0 and dims >= 2 * _GROUPS * n
        ]
    if not fits:
        return items, None
    kept = dict(extents)
    kept["latent" if "latent" in extents else "dim"] = dims // fits[0]
    return items.reshape(-1, dims)[:, :: fits[0]].ravel(), kept


def _strides(extents: dict[Axis, int]) -> list[int]:
    """All distances of neighbouring tokens, whatever axes lie within them; the dimension does."""
    others = [n for axis, n in extents.items() if axis not in ("token", "dim", "latent")]
    inside = (
        math.prod(chosen) for n in range(len(others) + 1) for chosen in combinations(others, n)
    )
    return sorted({_inner(extents) * product for product in inside})


def _stride_of(order: tuple[Axis, ...], extents: dict[Axis, int]) -> int:
    return math.prod(extents[axis] for axis in order[order.index("token") + 1 :])


def _matching(
    orders: Sequence[tuple[Axis, ...]], extents: dict[Axis, int], stride: int
) -> list[tuple[Axis, ...]]:
    """The orders of that stride; of those that differ in axes of extent 1 only, the first."""
    matching: dict[tuple[Axis, ...], tuple[Axis, ...]] = {}
    for order in orders:
        if set(order) == set(extents) and _stride_of(order, extents) == stride:
            matching.setdefault(tuple(axis for axis in order if extents[axis] > 1), order)
    return list(matching.values())


def _halves(feature: Any, tokens: int, stride: int) -> tuple[Floats, Floats]:
    """Each channel's mean over the even tokens and over the odd ones."""
    blocks = feature.reshape(-1, tokens, stride)
    even = blocks[:, 0 : tokens // 2 * 2 : 2].mean(1, dtype=np.float64)
    odd = blocks[:, 1 : tokens // 2 * 2 : 2].mean(1, dtype=np.float64)
    return even.ravel(), odd.ravel()


def _share(even: Floats, odd: Floats, dims: int) -> Floats:
    """The share of the variance that channels explain, by group of dimensions."""
    product = (even * odd).reshape(-1, dims // _GROUPS, _GROUPS)
    shares: Floats = product.mean((0, 1))
    return shares


def _beyond(differences: Floats) -> float:
    """The mean over the groups in standard errors."""
    error = float(differences.std(ddof=1)) / math.sqrt(len(differences))
    return float(differences.mean()) / max(error, 1e-9)


def _fault(
    order: tuple[Axis, ...],
    extents: dict[Axis, int],
    features: tuple[Any, Any],
    shares: Sequence[Floats],
    stride: int,
) -> str | None:
    """Why the best order may not be one of keys and values; None if nothing speaks against it."""
    signs = shares[1]
    if float(signs.mean()) < _SIGN_SHARE_MIN or _beyond(signs) < _AXIS_MARGIN_MIN:
        return "signs do not persist over the tokens, as they do in keys"
    blocks = [feature.reshape(-1, extents["token"], stride) for feature in features]
    half = extents["token"] // 2
    ends = sum(
        _share(part[:, :half].mean(1).ravel(), part[:, half:].mean(1).ravel(), _inner(extents))
        for part in blocks
    )
    total = shares[0] + shares[1]
    if float(np.mean(ends)) < _ENDS_SHARE_MIN * float(total.mean()):
        return "channels change halfway, as if the page had more layers or heads and fewer tokens"
    if "kv" not in order:
        # Embeddings have columns with means too; only K and V side by side rule them out.
        local = _locality(blocks, _inner(extents))
        if float(local.mean()) < _LOCALITY_MIN or _beyond(local) < _AXIS_MARGIN_MIN:
            return "neighbouring tokens are no more alike than others"
    halves = [_halves(feature, extents["token"], stride) for feature in features]
    axes = [axis for axis in order if axis != "token"]
    full = (*(extents[axis] for axis in axes[:-1]), extents[axes[-1]] // _GROUPS, _GROUPS)
    for index, axis in enumerate(axes):
        for parts in _pairings(full[index]) if axis in _OUTER else [(full[index], 1)]:
            merged = sum(
                _merged(even.reshape(full), odd.reshape(full), index, parts) for even, odd in halves
            )
            lost = total - merged
            small = float(lost.mean()) < _AXIS_SHARE_MIN * float(total.mean())
            if small or _beyond(lost) < _AXIS_MARGIN_MIN:
                return f"the {axis} axis explains too little to be one"
    return None


def _locality(blocks: Sequence[Any], dims: int) -> Floats:
    """By how much neighbouring tokens are more alike than any two, channel means apart."""
    excess = []
    for part in blocks:
        rest = part - part.mean(1, keepdims=True)
        near = (rest[:, 1:] * rest[:, :-1]).mean((0, 1))
        # Deviations from a mean sum to zero, so all pairs together have this mean.
        pair = -(rest**2).mean((0, 1)) / (part.shape[1] - 1)
        excess.append((near - pair).reshape(-1, dims // _GROUPS, _GROUPS).mean((0, 1)))
    total: Floats = np.sum(excess, 0)
    return total


def _pairings(extent: int) -> list[tuple[int, ...]]:
    """Ways to split an axis in which channels would be paired if they were cut in two."""
    if extent % 2:
        return [(extent, 1)] if extent > 1 else []
    return [(2, extent // 2), (extent // 2, 2)] if extent > 2 else [(2, 1)]


def _merged(even: Floats, odd: Floats, axis: int, parts: tuple[int, ...]) -> Floats:
    """The share that is left to channels if they are the same in each pair along ``axis``."""
    shape = (*even.shape[:axis], *parts, *even.shape[axis + 1 :])
    pair = axis if parts[0] == 2 or parts[1] == 1 else axis + 1
    product = even.reshape(shape).mean(pair) * odd.reshape(shape).mean(pair)
    left: Floats = product.reshape(-1, _GROUPS).mean(0)
    return left
