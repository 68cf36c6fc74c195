"""The dtype of keys and values without a header, and features that do not depend on their scale.

The bytes of a number differ by place: in sign and exponent they are concentrated, in the mantissa
nearly uniform. How alike the four byte lanes are tells 8, 16 and 32 bit apart. Between bf16 and
f16 the highest bits of f16's mantissa decide: uniform given the bits above them if they are
mantissa, and far from it if they are the low bits of bf16's exponent, since magnitudes pile up
around their scale (as in DFloat11, arXiv 2504.11651). Between the two fp8 formats the same bit is
looked at in small values: their density is flat, so that the two halves of an octave hold the
same, and of two octaves the upper holds twice as much. Signs balance, unlike in integers.
"""

from collections.abc import Mapping
from itertools import combinations
from typing import Any, NamedTuple

import numpy as np

from storeff.kv.dumps.dump import ITEM_BYTES, Dtype


class Field(NamedTuple):
    """Bits [shift, shift + bits) of a number."""

    name: str
    shift: int
    bits: int


FIELDS: Mapping[Dtype, tuple[Field, ...]] = {
    "bf16": (Field("sign", 15, 1), Field("exponent", 7, 8), Field("mantissa", 0, 7)),
    "f16": (Field("sign", 15, 1), Field("exponent", 10, 5), Field("mantissa", 0, 10)),
    "f32": (
        Field("sign", 31, 1),
        Field("exponent", 23, 8),
        Field("mantissa", 16, 7),
        Field("mantissa, byte 1", 8, 8),
        Field("mantissa, byte 0", 0, 8),
    ),
    "f64": tuple(Field(f"byte {k}", 8 * k, 8) for k in reversed(range(8))),
    "f8e4m3": (Field("sign", 7, 1), Field("exponent", 3, 4), Field("mantissa", 0, 3)),
    "f8e5m2": (Field("sign", 7, 1), Field("exponent", 2, 5), Field("mantissa", 0, 2)),
}
# The thresholds below were set on bench/accuracy/infer.py (2026-11-21), with room to both sides.
_SAMPLE_BYTES = 1 << 20
# Lanes of one number format are this alike, those of different parts of a number this different.
_ALIKE, _UNLIKE = 0.2, 0.3
_SIGN_BALANCE = 0.25


def words(raw: Any, dtype: Dtype) -> Any:
    """The numbers of ``raw`` (bytes as an array) as unsigned integers."""
    return raw.view({1: "u1", 2: "<u2", 4: "<u4"}[ITEM_BYTES[dtype]])


def dtype_of(raw: Any) -> tuple[Dtype | None, str]:
    """The dtype, or None, and what it rests on."""
    # Sixteen runs spread over the page, at multiples of four bytes.
    run = min(_SAMPLE_BYTES, len(raw)) // 64 * 4
    if run < 256:
        return None, "too few bytes to determine a dtype"
    starts = np.linspace(0, len(raw) - run, 16).astype(np.int64) // 4 * 4
    sample = np.concatenate([raw[start : start + run] for start in starts])
    if float((sample.view("<u4") == 0).mean()) > 0.2:
        return None, "mostly zeros"
    lanes = [np.bincount(sample[lane::4], minlength=256) * (4 / len(sample)) for lane in range(4)]
    unlike = {(i, j): abs(lanes[i] - lanes[j]).sum() / 2 for i, j in combinations(range(4), 2)}
    sign_bytes = lanes[3]
    if abs(sign_bytes - np.roll(sign_bytes, 128)).sum() / 2 > _SIGN_BALANCE:
        return None, "signs are not balanced, as those of keys and values are"
    if max(unlike.values()) <= _ALIKE:
        return _eight_bits(sample)
    if max(unlike[0, 2], unlike[1, 3]) <= _ALIKE and unlike[0, 1] >= _UNLIKE:
        return _sixteen_bits(sample.view("<u2"))
    if unlike[0, 1] <= _ALIKE and min(unlike[2, 3], unlike[1, 3]) >= _UNLIKE:
        dtype, why = _sixteen_bits(sample.view("<u2")[1::2])
        return ("f32", "an f32's exponents") if dtype == "bf16" else (None, why)
    return None, "not values of a known format"


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
        return None, "bytes without structure: random, compressed or encrypted"
    high = (counts[:128] + counts[128:]).reshape(16, 2, 4).sum(2)
    # Subnormals, whose high bits are 0, are linear in both formats and tell nothing.
    below = np.cumsum(high.sum(1)) / high.sum()
    flat = high[1:][(below[1:] <= 0.35) & (high[1:].sum(1) >= 100)].sum(0)
    if not flat.sum():
        return None, "8-bit values with too few small ones to determine their format"
    upper = float(flat[1] / flat.sum())
    said = f"of small values {upper:.2f} have bit 2 set"
    if abs(upper - 0.5) <= 0.05:
        return "f8e4m3", f"f8e4m3: {said}, as a mantissa has"
    if abs(upper - 0.667) <= 0.06:
        return "f8e5m2", f"f8e5m2: {said}, as the lowest bit of an exponent has"
    return None, f"8-bit values of an unknown format: {said}"


def _entropy(counts: Any) -> float:
    shares = counts[counts > 0] / counts.sum()
    return float(-(shares * np.log2(shares)).sum())


def features_of(items: Any, dtype: Dtype) -> tuple[Any, Any]:
    """Exponents, cut off eight octaves from their median, and signs, both of variance 1."""
    sign, exponent, *_ = FIELDS[dtype]
    exponents = (items >> exponent.shift & ((1 << exponent.bits) - 1)).astype(np.float32)
    middle = float(np.median(exponents))
    np.clip(exponents, middle - 8, middle + 8, out=exponents)
    signs = (items >> sign.shift).astype(np.float32)
    for feature in (exponents, signs):
        feature -= feature.mean(dtype=np.float64)
        feature /= max(float(feature.std(dtype=np.float64)), 1e-9)
    return exponents, signs
