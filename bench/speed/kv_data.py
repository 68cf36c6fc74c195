"""Keys and values to measure on: synthetic ones of known character, and real ones where there
are."""

import os
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.signal import lfilter

# [kind, layer, token, channel] in bf16.
Items = npt.NDArray[np.uint16]
HEAD_DIM = 32


def bf16(values: npt.NDArray[np.floating]) -> Items:
    return (values.astype("<f4").view("<u4") >> 16).astype(np.uint16)


def synthetic(name: str, tokens: int, layers: int = 3, channels: int = 384) -> Items:
    """``steady``: normal numbers, all alike; ``drifting``: their scale wanders from token to token,
    by half an octave over some thirty of them, and channels have their own; ``patches``: one token
    in ten lies in a stretch of much smaller and half as many different numbers, as of a repeated
    prompt."""
    rng = np.random.default_rng([7, len(name)])
    shape = (2, layers, tokens, channels)
    values = rng.standard_normal(shape, np.float32)
    if name == "drifting":
        octaves = lfilter([0.25], [1, -0.97], rng.standard_normal(shape[:3]), axis=2) / 2
        values *= np.exp2(octaves[..., None] + rng.standard_normal((2, layers, 1, channels)))
    if name == "patches":
        stretch = 32
        quiet = np.repeat(rng.random((2, layers, tokens // stretch)) < 0.1, stretch, 2)
        values[quiet] = np.round(values[quiet]) / 64
    return bf16(values)


def real() -> Items | None:
    """K and V of an encoder of six layers over 256 tokens of text; None without STOREFF_SHARED."""
    shared = os.environ.get("STOREFF_SHARED")
    if shared is None:
        return None
    [path] = Path(shared, "data/kv/lmcache-fs").glob("*.data")
    return np.frombuffer(path.read_bytes(), "<u2", offset=28).reshape(2, 6, 256, 384).copy()
