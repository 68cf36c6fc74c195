"""Headers and files as LMCache writes them."""

import json
import struct
import zlib
from typing import Any

KEY = "meta-llama-Llama-3.1-8B@1@0@2d2504741ed317b1@bfloat16"
L2_KEY = "org-SEP-model@0x01000100@0@" + "ab" * 16


def fs_header(length: int, number: int, *groups: tuple[int, ...]) -> bytes:
    """The connector's header; a group is its dtype's number and its shape."""
    ints = [length, number]
    for dtype, *shape in groups:
        ints += [dtype, *shape, *[0] * (4 - len(shape))]
    return struct.pack(f"<{len(ints)}i", *ints)


def gds_entry(**changed: object) -> bytes:
    entry = {"dtype": "BF16", "shape": [2, 3, 16, 8], "data_offsets": [0, 1536], "fmt": 1}
    return json.dumps({"kvcache": {**entry, "__metadata__": {}, **changed}}).encode().ljust(4088)


def encoded(k: bytes, v: bytes, scales: bytes = b"", **changed: Any) -> bytes:
    f: dict[str, Any] = {
        "version": 1, "k_dtype": 3, "v_dtype": 7, "layer": -1, "tokens": 16, "heads": 2, "dim": 4,
        "scale_axes": 0, "k_bytes": len(k), "layout": b"lmcache_kv_2ltd", "count": 2,
    } | changed  # fmt: skip
    payload = k + v + scales
    fixed = (f["version"], 2, f["k_dtype"], f["v_dtype"], 4, 0, f["layer"], -1, f["tokens"], 16)
    header = b"LMCKV\x01\x00\x01" + struct.pack(
        "<6H7q", *fixed, f["heads"], f["dim"], f["scale_axes"]
    )
    header += struct.pack("<3q", f["k_bytes"], len(v), len(scales))
    header += struct.pack("<H", f["count"])
    for text in (b"model_id", b"org/model", b"kv_layout", f["layout"]):
        header += struct.pack("<H", len(text)) + text
    return header + struct.pack("<I", zlib.crc32(payload)) + payload
