"""How a vector of the KV cache is stored: bits an element, and what quantisation adds to them."""

from fractions import Fraction
from typing import Literal

import msgspec

CacheFormat = Literal[
    "f32", "bf16", "f16", "fp8", "int8-tensor", "int8", "int4", "nvfp4", "q8_0", "q4_0"
]


class Storage(msgspec.Struct, frozen=True):
    """``bits`` an element; each ``group`` of elements (a part counts whole) adds metadata."""

    bits: int
    group: int = 1
    metadata_bytes: int = 0
    metadata: str = ""


# int8 and int4 as in KIVI (arXiv 2402.02750): an f16 scale and zero point each 32 elements.
# q8_0 and q4_0 are the blocks of ggml (ggml-common.h): an f16 scale each 32 elements.
# fp8 and int8-tensor have one scale a tensor (vLLM, TensorRT-LLM), which is nothing beside the
# tokens; nvfp4 has an fp8 scale each 16 elements (NVIDIA ModelOpt).
STORAGE: dict[CacheFormat, Storage] = {
    "f32": Storage(32),
    "bf16": Storage(16),
    "f16": Storage(16),
    "fp8": Storage(8),
    "int8-tensor": Storage(8),
    "int8": Storage(8, 32, 4, "an f16 scale and zero point"),
    "int4": Storage(4, 32, 4, "an f16 scale and zero point"),
    "nvfp4": Storage(4, 16, 1, "an fp8 scale"),
    "q8_0": Storage(8, 32, 2, "an f16 scale"),
    "q4_0": Storage(4, 32, 2, "an f16 scale"),
}


def vector_bytes(elements: int, cache_format: CacheFormat) -> int:
    """Bytes of one stored vector (one head of one token), its scales and zero points included."""
    storage = STORAGE[cache_format]
    groups = -(-elements // storage.group)
    return -(-elements * storage.bits // 8) + groups * storage.metadata_bytes


def bits_per_element(cache_format: CacheFormat) -> Fraction:
    """Bits an element takes in whole groups, metadata included: int4 is 5, not 4."""
    storage = STORAGE[cache_format]
    return storage.bits + Fraction(8 * storage.metadata_bytes, storage.group)
