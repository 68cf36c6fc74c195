"""Files as vLLM's connectors and its file-system tier write them."""

import hashlib
import json
from pathlib import Path

from support.dump_files import (
    write,
)

KEY = hashlib.md5(b"tokens").hexdigest()
LAYER = "model.layers.{}.self_attn.attn.safetensors"
LAYERS, TOKENS, CHANNELS = 4, 16, 64


def run_config(**changed: object) -> dict[str, object]:
    layer_names = [f"model.layers.{i}.self_attn.attn" for i in range(LAYERS)]
    return {
        "model_name": "meta-llama/Llama-3.1-8B",
        "tokens_per_hash": TOKENS,
        "blocks_per_file": 1,
        "tp_size": 1,
        "pp_size": 1,
        "pcp_size": 1,
        "dcp_size": 1,
        "dtype": "bfloat16",
        "kv_cache_groups": [{"tokens_per_block": TOKENS, "layer_names": layer_names}],
        "inference_engine": "vllm",
    } | changed


def block_file(
    root: Path, content: bytes, config: dict[str, object], group: int = 0, suffix: str = ""
) -> Path:
    """A block under the name that vLLM's FileMapper gives it, and the config.json beside."""
    canonical = json.dumps(config, sort_keys=True, separators=(",", ":"))
    digest = hashlib.sha256(canonical.encode()).hexdigest()[:12]
    base = root / f"{str(config['model_name']).replace('/', '_')}_{digest}"
    write(base / "config.json", json.dumps(config, indent=2, sort_keys=True).encode())
    block = hashlib.sha256(b"block").hexdigest()
    folder = base.with_name(f"{base.name}_r0") / block[:3] / f"{block[3:5]}_g{group}"
    return write(folder / f"{block}.bin{suffix}", content)
