"""What headerless KV pages hold: their dtype and the order of their axes, from the data alone.

**dtype.** The bytes of a number differ by place: in sign and exponent they are concentrated, in
the mantissa nearly uniform. Entropies of the four byte lanes tell 8, 16 and 32 bit apart. Between
two formats of one width it is the highest mantissa bits of the wider-mantissa format that decide:
they are uniform given the exponent if they are mantissa, and far from it if they are the low bits
of the other's exponent, since magnitudes pile up around their scale (as in DFloat11, 2504.11651).

**Order.** A channel (one dimension of one head of one layer, of K or of V) keeps its scale and,
in K, much of its sign over the tokens (KIVI, arXiv 2402.02750; KVQuant, 2401.18079), and channels
differ. So the means of exponent and sign over the even tokens predict those over the odd ones, and
their covariance over the channels, as a share of the total variance, is the share that channels
explain, free of the noise of few tokens. An order that puts the tokens elsewhere averages over
different channels and explains less. Every order has as many tokens and channels, so the shares
compare. All eight distances that two neighbouring tokens may have are tried, possible or not.

The answer stands only if it wins by a margin that is far beyond chance in disjoint groups of
dimensions, if each axis by itself explains something (in weights, whose columns differ too, layers
or heads do not), and if signs persist, which keys show and weights do not. Else it is unknown.
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

from storeff.sources.dumps.dump import ITEM_BYTES, Axis, Dtype

Floats = npt.NDArray[np.float64]

DTYPES: tuple[Dtype, ...] = ("bf16", "f16", "f32", "f8e4m3", "f8e5m2")
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

# The thresholds below were set on tests/bench/infer.py (2026-11-21), with room to both sides.
_SAMPLE_BYTES = 1 << 20
_ITEMS_MAX = 1 << 22
_TOKENS_MIN = 8
# Disjoint groups of dimensions whose agreement measures chance.
_GROUPS = 8
# Standard errors of eight groups: 5 is one in 600 by chance, and each answer has to pass six tests.
_MARGIN_MIN = 5.0
_AXIS_MARGIN_MIN = 4.0
_AXIS_SHARE_MIN = 0.03
_SIGN_SHARE_MIN = 0.01
# Lanes of one number format are this alike, those of different parts of a number this different.
_ALIKE, _UNLIKE = 0.2, 0.3
_SIGN_BALANCE = 0.25
_RIVAL_SHARE_MAX = 0.8
_SHORTEST_STRIDE = 32


class Geometry(msgspec.Struct, frozen=True):
    """What is known of the model: its layers in the page, and KV heads and their size.

    For MLA ``kv_heads`` is None and ``head_dim`` is the latent's size, RoPE part included.
    """

    layers: int
    kv_heads: int | None
    head_dim: int


class Inference(msgspec.Struct, frozen=True):
    """What the data say. ``axes`` and ``shape`` are set if ``confidence`` is "inferred".

    ``dtype`` and ``token_stride`` (items between a channel's values of neighbouring tokens) are
    known by themselves if not None. ``margin`` is how many standard errors the answer is ahead of
    the next order by; None where no orders were compared.
    """

    dtype: Dtype | None
    axes: tuple[Axis, ...] | None
    shape: tuple[int, ...] | None
    token_stride: int | None
    margin: float | None
    confidence: Literal["inferred", "unknown"]
    why: str


def infer(
    data: bytes | memoryview,
    dtypes: Sequence[Dtype] = DTYPES,
    geometry: Geometry | None = None,
    orders: Sequence[tuple[Axis, ...]] | None = None,
) -> Inference:
    """Dtype and order of axes of a whole page, out of ``dtypes`` and ``orders``.

    ``orders`` are those that the system may have written, by default SGLang's. Without ``geometry``
    the shape cannot be known: the dtype is told and, if it shows, the distance of two tokens.
    Time is some 0.2 s a page and memory some 100 MB, whatever its size.
    """
    raw = np.frombuffer(data, np.uint8)
    dtype, why = _dtype(raw)
    if dtype is None or dtype not in dtypes:
        return _unknown(None, why if dtype is None else f"{dtype}, which was ruled out")
    items = _words(raw[: len(raw) // ITEM_BYTES[dtype] * ITEM_BYTES[dtype]], dtype)
    if geometry is None:
        stride = _token_stride(items, dtype)
        seen = f"tokens {stride} items apart" if stride else "no distance of tokens stands out"
        return _unknown(dtype, f"{why}; {seen}; the shape needs the model's geometry", stride)
    extents = _extents(geometry)
    tokens, rest = divmod(len(items), math.prod(extents.values()))
    if rest or len(raw) % ITEM_BYTES[dtype] or tokens < _TOKENS_MIN:
        return _unknown(dtype, f"{why}; not a page of {_TOKENS_MIN} tokens or more of {geometry}")
    extents["token"] = tokens
    if orders is None:
        orders = SGLANG_ORDERS if geometry.kv_heads else SGLANG_MLA_ORDERS
    return _order(items, dtype, extents, orders, why)


def _unknown(
    dtype: Dtype | None, why: str, stride: int | None = None, margin: float | None = None
) -> Inference:
    return Inference(dtype, None, None, stride, margin, "unknown", why)


def _extents(geometry: Geometry) -> dict[Axis, int]:
    if geometry.kv_heads is None:
        return {"layer": geometry.layers, "latent": geometry.head_dim}
    return {
        "kv": 2,
        "layer": geometry.layers,
        "head": geometry.kv_heads,
        "dim": geometry.head_dim,
    }


# dtype


def _words(raw: Any, dtype: Dtype) -> Any:
    return raw.view({1: "u1", 2: "<u2", 4: "<u4"}[ITEM_BYTES[dtype]])


def _dtype(raw: Any) -> tuple[Dtype | None, str]:
    """The dtype, or None, and what it rests on."""
    # Sixteen runs spread over the page, at multiples of four bytes.
    run = min(_SAMPLE_BYTES, len(raw)) // 64 * 4
    if run < 256:
        return None, "too few bytes to tell a dtype"
    starts = np.linspace(0, len(raw) - run, 16).astype(np.int64) // 4 * 4
    sample = np.concatenate([raw[start : start + run] for start in starts])
    if float((sample.view("<u2") == 0).mean()) > 0.2:
        return None, "mostly zeros"
    lanes = [np.bincount(sample[lane::4], minlength=256) * (4 / len(sample)) for lane in range(4)]
    unlike = {(i, j): abs(lanes[i] - lanes[j]).sum() / 2 for i, j in combinations(range(4), 2)}
    sign_bytes = lanes[3]
    if abs(sign_bytes - np.roll(sign_bytes, 128)).sum() / 2 > _SIGN_BALANCE:
        return None, "no balance of signs, as numbers of keys and values have it"
    if max(unlike.values()) <= _ALIKE:
        return _eight_bits(sample)
    if max(unlike[0, 2], unlike[1, 3]) <= _ALIKE and unlike[0, 1] >= _UNLIKE:
        return _sixteen_bits(sample.view("<u2"))
    if unlike[0, 1] <= _ALIKE and min(unlike[2, 3], unlike[1, 3]) >= _UNLIKE:
        dtype, why = _sixteen_bits(sample.view("<u2")[1::2])
        return ("f32", "an f32's exponents") if dtype == "bf16" else (None, why)
    return None, "bytes of no known number format"


def _sixteen_bits(words: Any) -> tuple[Dtype | None, str]:
    exponents = words >> 7 & 255
    high, low = words >> 10 & 31, words >> 7 & 7
    spread = _entropy(np.bincount(high * 8 + low, minlength=256)) - _entropy(np.bincount(high))
    said = f"bits 7 to 9 have {spread:.2f} bits given those above them"
    plausible = float(((exponents >= 87) & (exponents <= 157) | (exponents == 0)).mean())
    if spread <= 2.65 and plausible >= 0.999:
        return "bf16", f"bf16: {said}, as low bits of an exponent have"
    if spread >= 2.85 and float((high == 31).mean()) < 0.001 and _entropy(np.bincount(high)) < 4.2:
        return "f16", f"f16: {said}, as a mantissa has"
    return None, f"neither bf16 nor f16: {said}"


def _eight_bits(sample: Any) -> tuple[Dtype | None, str]:
    counts = np.bincount(sample, minlength=256)
    if _entropy(counts) > 7.5:
        return None, "bytes without structure: noise, compressed or encrypted"
    high = (counts[:128] + counts[128:]).reshape(16, 2, 4).sum(2)
    # Near zero the density is flat: the two halves of an octave hold the same, of two octaves the
    # upper holds twice as much. Subnormals (high bits 0) are linear in both formats.
    below = np.cumsum(high.sum(1)) / high.sum()
    flat = high[1:][(below[1:] <= 0.35) & (high[1:].sum(1) >= 100)].sum(0)
    if not flat.sum():
        return None, "8-bit numbers whose small values are too few to tell their format"
    upper = float(flat[1] / flat.sum())
    said = f"of small values {upper:.2f} have bit 2 set"
    if abs(upper - 0.5) <= 0.05:
        return "f8e4m3", f"f8e4m3: {said}, as a mantissa has"
    if abs(upper - 0.667) <= 0.06:
        return "f8e5m2", f"f8e5m2: {said}, as the lowest bit of an exponent has"
    return None, f"8-bit numbers of an unknown format: {said}"


def _entropy(counts: Any) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


# Order


def _features(items: Any, dtype: Dtype) -> tuple[Any, Any]:
    """Exponents, cut off eight octaves from their median, and signs, both of variance 1."""
    top, mantissa = {
        "bf16": (15, 7),
        "f16": (15, 10),
        "f32": (31, 23),
        "f8e4m3": (7, 3),
        "f8e5m2": (7, 2),
    }[dtype]
    exponents = (items >> mantissa & ((1 << top - mantissa) - 1)).astype(np.float32)
    middle = float(np.median(exponents))
    np.clip(exponents, middle - 8, middle + 8, out=exponents)
    signs = (items >> top).astype(np.float32)
    for feature in (exponents, signs):
        feature -= feature.mean(dtype=np.float64)
        feature /= max(float(feature.std(dtype=np.float64)), 1e-9)
    return exponents, signs


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
    features = _features(items, dtype)
    tokens, dims = kept["token"], _inner(kept)
    shares = {
        stride: [_share(*_halves(feature, tokens, stride), dims) for feature in features]
        for stride in _strides(kept)
    }
    best = max(shares, key=lambda stride: float(np.sum(shares[stride])))
    total = shares[best][0] + shares[best][1]
    rivals = [_beyond(total - e - s) for stride, (e, s) in shares.items() if stride != best]
    margin = min(rivals, default=math.inf)
    what = f"{why}; channels explain {float(total.mean()):.3f} with tokens {{}} items apart"
    stride = best // dims * _inner(extents)
    what = what.format(stride)
    if margin < _MARGIN_MIN or float(total.mean()) <= 0:
        return _unknown(dtype, f"{what}, not decisively more than otherwise", margin=margin)
    matching = _matching(orders, kept, best)
    if len(matching) != 1:
        reason = "several orders have" if matching else "none of the orders has"
        return _unknown(dtype, f"{what}, which {reason}", margin=margin)
    (order,) = matching
    fault = _fault(order, kept, features, shares[best], best)
    if fault:
        return _unknown(dtype, f"{what}, but {fault}", margin=margin)
    shape = tuple(extents[axis] for axis in order)
    return Inference(dtype, order, shape, stride, margin, "inferred", what)


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
    halves = [_halves(feature, extents["token"], stride) for feature in features]
    total = shares[0] + shares[1]
    axes = [axis for axis in order if axis != "token"]
    shape = [extents[axis] for axis in axes[:-1]]
    for index, axis in enumerate(axes):
        if extents[axis] == 1:
            continue
        full = (*shape, extents[axes[-1]] // _GROUPS, _GROUPS)
        merged = sum(
            (even.reshape(full).mean(index) * odd.reshape(full).mean(index))
            .reshape(-1, _GROUPS)
            .mean(0)
            for even, odd in halves
        )
        lost = total - merged
        small = float(lost.mean()) < _AXIS_SHARE_MIN * float(total.mean())
        if small or _beyond(lost) < _AXIS_MARGIN_MIN:
            return f"the {axis} axis explains nothing"
    return None


# Without geometry


def _token_stride(items: Any, dtype: Dtype) -> int | None:
    """The distance at which exponents and signs repeat, if one stands out; else None."""
    count = min(len(items), 1 << 20)
    if count < 4096:
        return None
    repeat = np.zeros(count // 4)
    for feature in _features(items[:count], dtype):
        spectrum = np.fft.rfft(feature, 2 * count)
        together = np.fft.irfft(abs(spectrum) ** 2)[: count // 4]
        repeat += together / (count - np.arange(count // 4))
    repeat[:_SHORTEST_STRIDE] = 0
    highest = float(repeat.max())
    if highest < 16 / math.sqrt(count):
        return None
    stride = int(np.flatnonzero(repeat >= 0.9 * highest)[0])
    others = repeat.copy()
    others[::stride] = 0
    return stride if float(others.max()) <= _RIVAL_SHARE_MAX * highest else None
