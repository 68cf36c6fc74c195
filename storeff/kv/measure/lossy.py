"""What keys and values cost with fewer bits each, scales and zeros included, and how far the
values then are from the original ones: an error, not a quality, which only tasks of the model
show."""

from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from storeff.kv.dumps.dump import Dtype
from storeff.kv.measure.extract import Block

LABEL = "error, not quality"

Floats = npt.NDArray[np.floating[Any]]

# A group of this many channels of a token shares a scale and a zero (GGML's blocks; KIVI,
# arXiv 2402.02750).
GROUP_CHANNELS = 32
SCALE_AND_ZERO_BYTES = 4  # f16 each
TENSOR_SCALE_BYTES = 4  # f32
QUERIES = 32


class Fp8(NamedTuple):
    """An 8-bit floating-point format of the OCP specification (OFP8, revision 1.0, 2023)."""

    mantissa_bits: int
    exponent_min: int
    largest: float


E4M3 = Fp8(mantissa_bits=3, exponent_min=-6, largest=448.0)
E5M2 = Fp8(mantissa_bits=2, exponent_min=-14, largest=57344.0)


def round_fp8(x: Floats, form: Fp8) -> Floats:
    """The nearest value of the format, to even on a tie, saturating; NaN stays NaN."""
    # First, because the next multiple of a step may not be a float any more.
    x = np.clip(x, -form.largest, form.largest)
    # |x| in [2^e, 2^(e+1)); below the smallest normal number the steps are its own.
    exponent = np.maximum(np.frexp(x)[1] - 1, form.exponent_min)
    step = np.ldexp(np.float32(1), exponent - form.mantissa_bits)
    rounded: Floats = (np.rint(x / step) * step).astype(np.float32)
    return rounded


def fp8_values(form: Fp8) -> Floats:
    """The values of the 128 codes with a clear sign bit, (128,): NaN and infinity as the format
    says (e4m3fn has one NaN and no infinity)."""
    code = np.arange(128)
    mantissa, exponent = code % (1 << form.mantissa_bits), code >> form.mantissa_bits
    scale = np.maximum(exponent, 1) - 1 + form.exponent_min - form.mantissa_bits
    values = np.ldexp((mantissa + (exponent > 0) * (1 << form.mantissa_bits)).astype(float), scale)
    values[values > form.largest] = np.nan
    if form is E5M2:
        values[0x7C] = np.inf
    found: Floats = values.astype(np.float32)
    return found


def numbers(block: Block) -> Floats | None:
    """The values of ``block`` [tokens, channels]; None where they are integers or mere bytes, whose
    scale is elsewhere."""
    items, dtype = block.items, block.dtype
    decode: dict[Dtype, Callable[[], Floats]] = {
        "f64": lambda: items.view("<f8"),
        "f32": lambda: items.view("<f4"),
        "f16": lambda: items.view("<f2"),
        "bf16": lambda: (items.astype("<u4") << 16).view("<f4"),
        "f8e4m3": lambda: _from_fp8(items, E4M3),
        "f8e5m2": lambda: _from_fp8(items, E5M2),
    }
    if dtype not in decode:
        return None
    with np.errstate(over="ignore"):
        return decode[dtype]().astype(np.float32)


def _from_fp8(codes: npt.NDArray[np.unsignedinteger], form: Fp8) -> Floats:
    positive = fp8_values(form)
    found: Floats = np.concatenate([positive, -positive])[codes]
    return found


# ---- schemes: the values after a round trip, and the bytes stored ----


def _fp8(x: Floats, form: Fp8) -> tuple[Floats, int]:
    scale = np.float32(np.abs(x).max() / form.largest) or np.float32(1)
    return round_fp8(x / scale, form) * scale, x.size + TENSOR_SCALE_BYTES


def _affine(x: Floats, bits: int) -> Floats:
    """x [..., n], each group of n by its own scale and zero in f16: unsigned integers of
    ``bits``."""
    top = (1 << bits) - 1
    # Beyond the range of f16 the group is cut off, which shows as its error.
    reach = np.finfo(np.float16).max
    low = np.clip(x.min(-1, keepdims=True), -reach, reach).astype(np.float16).astype(np.float32)
    steps = np.clip((x.max(-1, keepdims=True) - low) / top, 0, reach)
    scale = steps.astype(np.float16).astype(np.float32)
    codes = np.rint((x - low) / np.where(scale > 0, scale, 1))
    rounded: Floats = np.clip(codes, 0, top) * scale + low
    return rounded


def _by_group(x: Floats, bits: int) -> tuple[Floats, int]:
    """Groups of GROUP_CHANNELS channels of a token; the last one of a token may be smaller."""
    tokens, channels = x.shape
    groups = -(-channels // GROUP_CHANNELS)
    padded = np.pad(x, ((0, 0), (0, groups * GROUP_CHANNELS - channels)), mode="edge")
    rounded = _affine(padded.reshape(tokens, groups, GROUP_CHANNELS), bits)
    row_bytes = -(-channels * bits // 8) + groups * SCALE_AND_ZERO_BYTES
    return rounded.reshape(tokens, -1)[:, :channels], tokens * row_bytes


def _by_channel(x: Floats, bits: int) -> tuple[Floats, int]:
    """All tokens of the block are one group of each channel."""
    tokens, channels = x.shape
    column_bytes = -(-tokens * bits // 8) + SCALE_AND_ZERO_BYTES
    return _affine(np.ascontiguousarray(x.T), bits).T, channels * column_bytes


SCHEMES: dict[str, Callable[[Floats], tuple[Floats, int]]] = {
    "fp8 e4m3": lambda x: _fp8(x, E4M3),
    "fp8 e5m2": lambda x: _fp8(x, E5M2),
    "int8, groups of 32 channels": lambda x: _by_group(x, 8),
    "int8, per channel": lambda x: _by_channel(x, 8),
    "int4, groups of 32 channels": lambda x: _by_group(x, 4),
    "int4, per channel": lambda x: _by_channel(x, 4),
}


class Loss(msgspec.Struct, frozen=True):
    """What one scheme makes of a block. Sums that add up over blocks, so that
    relative L2 error = sqrt(error / power), cosine = product / sqrt(power * rounded_power) and
    relative error of the logits = sqrt(logit_error / logit_power); 0 / 0 where there are no
    logits."""

    stored_bytes: int
    power: float
    rounded_power: float
    product: float
    error: float
    logit_power: float
    logit_error: float


def losses(block: Block, seed: int) -> dict[str, Loss] | None:
    """Every scheme on ``block``; None where it holds no floating-point numbers, or infinities or
    NaNs.

    Keys of known ``head_dim`` also meet QUERIES seeded queries for each head, drawn from a normal
    distribution of the head's own covariance, but for its scale: a logit is q.k / sqrt(head_dim),
    less the query's mean over the tokens, which softmax does not see.
    """
    x = numbers(block)
    if x is None or not np.isfinite(x).all():
        return None
    # What overflows on the way shows as a sum that is not finite.
    with np.errstate(over="ignore", invalid="ignore"):
        queries = None
        if block.kind == "k" and block.head_dim and len(x) > 1:
            queries = _queries(x, block.head_dim, seed)
        return {name: _loss(x, *scheme(x), queries) for name, scheme in SCHEMES.items()}


def _loss(x: Floats, rounded: Floats, stored_bytes: int, queries: Floats | None) -> Loss:
    error = rounded - x
    return Loss(
        stored_bytes=stored_bytes,
        power=_dot(x, x),
        rounded_power=_dot(rounded, rounded),
        product=_dot(x, rounded),
        error=_dot(error, error),
        logit_power=0.0 if queries is None else _logit_power(queries, x),
        logit_error=0.0 if queries is None else _logit_power(queries, error),
    )


def _dot(a: Floats, b: Floats) -> float:
    return float(np.einsum("ij,ij->", a, b, dtype=np.float64))


def _heads(x: Floats, head_dim: int) -> Floats:
    """[heads, tokens, head_dim]."""
    return x.reshape(len(x), -1, head_dim).transpose(1, 0, 2)


def _queries(x: Floats, head_dim: int, seed: int) -> Floats:
    """[heads, QUERIES, head_dim]: mixtures of the centred keys have their covariance; here it is
    scaled to a mean variance of 1, which changes no relative error, and keeps clusters of large
    keys from outweighing the others by the fourth power of their size."""
    keys = _heads(x, head_dim)
    centred = keys - keys.mean(1, keepdims=True)
    power = (centred**2).sum((1, 2), keepdims=True) / head_dim
    draws = np.random.default_rng(seed).standard_normal((len(keys), QUERIES, len(x)), np.float32)
    queries: Floats = np.einsum("hqt,htd->hqd", draws, centred)
    return queries / np.sqrt(np.where(power > 0, power, 1))


def _logit_power(queries: Floats, keys: Floats) -> float:
    """The sum of the squared logits."""
    # Not matmul: its threads, on matrices so small, only wait for each other (a tenth of the speed
    # on two busy cores, 2026-11-21).
    logits = np.einsum("hqd,htd->hqt", queries, _heads(keys, queries.shape[-1]))
    logits -= logits.mean(-1, keepdims=True)
    power = float(np.einsum("hqt,hqt->", logits, logits, dtype=np.float64))
    return power / int(queries.shape[-1])
