"""storeff kv as users run it, on a small model and a small trace."""

import json
import subprocess
from pathlib import Path
from typing import Any

from support.cli import storeff

SAMPLES = Path(__file__).parents[2] / "samples" / "data" / "kv"
CONFIG = {
    "model_type": "llama",
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 64,
    "hidden_size": 256,
    "torch_dtype": "bfloat16",
}
# 40 requests of one prompt of two blocks and a block of their own, one a second.
TRACE = "".join(
    json.dumps(
        {
            "timestamp": 1000 * i,
            "input_length": 1500,
            "output_length": 10,
            "hash_ids": [0, 1, 100 + i],
        }
    )
    + "\n"
    for i in range(40)
)


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return storeff("kv", *words, "-q")


def report(*words: str | Path) -> dict[str, Any]:
    done = run(*words, "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document
