"""Pages of keys and values for which the right answer is known: made up, or taken from a dump.

K has channel means and outlier channels and is turned by RoPE; its noise and V's persist a little
from token to token; V has heavy tails and a scale a token. Scales differ by layer, head and
dimension, by ``spread`` octaves; ``bias`` is K's mean in its own standard deviations.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

from storeff.kv.dumps.dump import Dtype

Array = np.ndarray[Any, Any]

ORDERS: dict[str, tuple[str, ...]] = {
    "layer_first": ("kv", "layer", "token", "head", "dim"),
    "page_first": ("kv", "token", "layer", "head", "dim"),
    "page_head": ("kv", "head", "token", "layer", "dim"),
    "unified": ("kv", "head", "layer", "token", "dim"),
}
MLA_ORDERS: dict[str, tuple[str, ...]] = {
    "mla layer_first": ("layer", "token", "latent"),
    "mla page_first": ("token", "layer", "latent"),
}
# Those that storeff.kv.measure.dtype can recognise.
DTYPES: tuple[Dtype, ...] = ("bf16", "f16", "f32", "f8e4m3", "f8e5m2")
_AXES = ("kv", "layer", "token", "head", "dim")
_MLA_AXES = ("layer", "token", "latent")
_FP8 = {"f8e4m3": (4, 3, 127), "f8e5m2": (5, 2, 124)}


def keys_and_values(
    seed: int,
    layers: int,
    heads: int,
    dims: int,
    tokens: int,
    bias: float = 1.0,
    spread: float = 0.5,
) -> Array:
    """f32 of [kv, layer, token, head, dim]."""
    rng = np.random.default_rng(seed)
    start = int(rng.integers(0, 8000))
    angles = (start + np.arange(tokens))[:, None] * 10000.0 ** (-np.arange(dims // 2) / (dims // 2))
    cos, sin = np.cos(angles)[:, None, :], np.sin(angles)[:, None, :]
    out = np.empty((2, layers, tokens, heads, dims), np.float32)
    for layer in range(layers):
        channel = (heads, dims)
        mean = rng.normal(0, bias, channel) * np.where(rng.random(channel) < 0.03, 6, 1)
        scale = 2 ** rng.normal(0, spread, channel)
        key = 2 ** rng.normal(0, 0.5) * (mean + scale * _persisting(rng, (tokens, *channel)))
        low, high = key[..., : dims // 2], key[..., dims // 2 :]
        out[0, layer] = np.concatenate([low * cos - high * sin, high * cos + low * sin], -1)
        scale = 0.3 * 2 ** rng.normal(0, 0.5) * 2 ** rng.normal(0, 0.7 * spread, channel)
        tails = rng.standard_t(6, (tokens, *channel)) + rng.normal(0, 0.15, channel)
        out[1, layer] = scale * 2 ** rng.normal(0, 0.3, (tokens, 1, 1)) * tails
    return out


def latents(seed: int, layers: int, dims: int, tokens: int) -> Array:
    """f32 of [layer, token, latent]: what MLA keeps, a normed latent and a turned key."""
    both = keys_and_values(seed, layers, 1, dims, tokens, 0.5)
    latent: Array = both[0, :, :, 0, :]
    return latent


def _persisting(rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    noise = rng.normal(size=shape)
    for token in range(1, shape[0]):
        noise[token] = 0.3 * noise[token - 1] + math.sqrt(1 - 0.09) * noise[token]
    return noise


def recorded(folder: str) -> Array:
    """f32 of [kv, layer, token, head, dim]: a 6-layer encoder's over real text (bf16, 12 x 32)."""
    (path,) = Path(folder, "data/kv/lmcache-fs").glob("minilm*.data")
    words = np.frombuffer(path.read_bytes(), "<u2", offset=28).astype("<u4") << 16
    numbers: Array = words.view("<f4").reshape(2, 6, 256, 12, 32)
    return numbers


def encoded(numbers: Array, dtype: str) -> Array:
    """The numbers as ``dtype`` has them, rounded to nearest; bf16 and fp8 as unsigned integers."""
    if dtype in ("f16", "f32"):
        return np.asarray(numbers, {"f16": "<f2", "f32": "<f4"}[dtype])
    if dtype == "bf16":
        bits = np.ascontiguousarray(numbers, "<f4").view("<u4")
        return np.asarray((bits + 0x7FFF + (bits >> 16 & 1)) >> 16, "<u2")
    exponent_bits, mantissa_bits, count = _FP8[dtype]
    codes = np.arange(count)
    exponents, mantissas = codes >> mantissa_bits, codes & ((1 << mantissa_bits) - 1)
    bias = (1 << (exponent_bits - 1)) - 1
    least = 2.0 ** (1 - bias - mantissa_bits)
    values = np.where(
        exponents == 0,
        mantissas * least,
        (1 + mantissas / 2**mantissa_bits) * 2.0 ** (exponents - bias),
    )
    nearest = np.searchsorted((values[1:] + values[:-1]) / 2, abs(numbers))
    coded: Array = (nearest | np.signbit(numbers) << 7).astype("u1")
    return coded


def laid(numbers: Array, order: str) -> bytes:
    """Bytes with the axes in that order."""
    if order in ORDERS:
        axes = tuple(_AXES.index(axis) for axis in ORDERS[order])
    else:
        axes = tuple(_MLA_AXES.index(axis) for axis in MLA_ORDERS[order])
    return np.ascontiguousarray(numbers.transpose(axes)).tobytes()


def weights(seed: int, rows: int, columns: int, spread: float = 0.5) -> Array:
    """f32: matrices as training leaves them, columns and rows of unequal scale, no signs."""
    rng = np.random.default_rng(seed)
    matrix = rng.normal(0, 0.02, (rows, columns))
    matrix *= 2 ** rng.normal(0, spread, columns) * 2 ** rng.normal(0, spread / 2, (rows, 1))
    return np.asarray(matrix, "<f4")


def embeddings(seed: int, rows: int, columns: int) -> Array:
    """f32: as ``weights``, but the columns have means, as those of embeddings do."""
    rng = np.random.default_rng(seed)
    means = rng.normal(0, 0.01, columns).astype("<f4")
    return np.asarray(weights(seed, rows, columns) + means)
