"""Writes samples/data: a small AI data lake of our own making, the same bytes on every machine.

    python samples/make_samples.py [DIRECTORY]

Only operations that are exact everywhere are used: integers, IEEE sums and products, and the
random streams that Python (``Random.random``) and numpy (``PCG64.random_raw``) promise to keep.
"""

import binascii
import hashlib
import json
import sys
import zlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Item = TypeVar("Item")
Floats = npt.NDArray[np.float64]

KV_LAYERS, KV_HEADS, KV_HEAD_WIDTH, KV_BLOCK_TOKENS = 4, 2, 64, 16


def pick(rng: Random, items: Sequence[Item]) -> Item:
    return items[int(rng.random() * len(items))]


def normal(seed: int, *shape: int) -> Floats:
    """Nearly standard normal: sums of twelve uniform 16-bit integers (Irwin-Hall)."""
    count = int(np.prod(shape))
    raw = np.random.PCG64(seed).random_raw(3 * count).astype("<u8").view("<u2")
    sums = raw.reshape(count, 12).sum(axis=1, dtype=np.int64)
    values: Floats = (sums - 6 * 65535) / 65536.0
    return values.reshape(shape)


def bf16_bytes(values: Floats) -> bytes:
    """``values`` rounded to the nearest bfloat16, ties to even, little-endian."""
    bits = values.astype("<f4").view("<u4")
    rounded: npt.NDArray[np.uint32] = (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16
    return rounded.astype("<u2").tobytes()


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


# Source code: two releases of a made-up project

# fmt: off
NOUNS = [
    "bucket", "cursor", "digest", "extent", "frame", "gauge", "header", "index", "journal",
    "kernel", "lease", "manifest", "node", "offset", "packet", "quota", "record", "segment",
    "ticket", "upload", "vector", "window", "batch", "channel", "deadline", "epoch", "fence",
]
VERBS = [
    "append", "build", "check", "drain", "emit", "fetch", "group", "hold", "join", "load", "merge",
    "open", "pack", "read", "sort",
]
ADJECTIVES = [
    "active", "bounded", "cached", "dirty", "early", "final", "global", "hidden", "idle", "latest",
    "pending", "stale",
]
# fmt: on


def function(rng: Random, name: str) -> str:
    """One plausible Python function."""
    items, limit, total = (pick(rng, NOUNS) for _ in range(3))
    state, verb = pick(rng, ADJECTIVES), pick(rng, VERBS)
    bound = int(rng.random() * 4096)
    body = [
        f"def {name}({items}s, {limit}_limit={bound}):",
        f'    """{verb.capitalize()} every {state} {items} within the {limit} limit."""',
        f"    {state}_{total} = {pick(rng, ('0', '[]', '{}', 'None'))}",
        f"    for position, {items} in enumerate({items}s):",
    ]
    for _ in range(2 + int(rng.random() * 5)):
        left, right, word = pick(rng, NOUNS), pick(rng, VERBS), pick(rng, ADJECTIVES)
        number = int(rng.random() * 1000)
        body += pick(
            rng,
            (
                [f"        if {items}.{left}_count > {number}:", "            continue"],
                [f"        {left} = {right}_{word}({items}, position % {number + 1})"],
                [
                    f"        # The {left} is {word} until the next {right}.",
                    f"        {right}_{left}()",
                ],
                [f'        log.debug("{right} {left} %d: {word}", position + {number})'],
                [f"        {items}.{left} = max({items}.{left}, {limit}_limit // {number + 1})"],
            ),
        )
    return "\n".join([*body, f"    return {state}_{total}", ""])


def module(rng: Random, title: str) -> list[str]:
    """The top-level blocks of one Python module of about 8 kB."""
    imports = sorted({f"from reef.{pick(rng, NOUNS)} import {pick(rng, VERBS)}" for _ in range(5)})
    head = "\n".join([f'"""The {title} of reef."""', "", "import logging", "", *imports, ""])
    names = [f"{pick(rng, VERBS)}_{pick(rng, ADJECTIVES)}_{pick(rng, NOUNS)}" for _ in range(14)]
    return [head, "log = logging.getLogger(__name__)\n", *(function(rng, name) for name in names)]


def edited(rng: Random, blocks: list[str]) -> list[str]:
    """The next release of a module: a function inserted, one removed, some numbers changed."""
    blocks = blocks.copy()
    blocks.insert(2 + int(rng.random() * 10), function(rng, f"retry_{pick(rng, NOUNS)}"))
    del blocks[3 + int(rng.random() * 10)]
    place = 2 + int(rng.random() * 10)
    blocks[place] = blocks[place].replace("_limit=", "_limit=1", 1)
    return blocks


def make_source(directory: Path) -> None:
    """reef-1.4, and reef-1.5 in which a third is edited, a tenth renamed, and some is new."""
    rng = Random(1)
    for number in range(64):
        title = f"{pick(rng, ADJECTIVES)}_{pick(rng, NOUNS)}_{number:02d}"
        package = pick(rng, ("core", "net", "store", "tools"))
        blocks = module(rng, title)
        write(directory / "reef-1.4" / package / f"{title}.py", "\n\n".join(blocks).encode())
        if rng.random() < 0.33:
            blocks = edited(rng, blocks)
        if rng.random() < 0.1:
            title = f"{title}_v2"
        if rng.random() < 0.95:
            write(directory / "reef-1.5" / package / f"{title}.py", "\n\n".join(blocks).encode())
    for number in range(5):
        title = f"new_{pick(rng, NOUNS)}_{number}"
        text = "\n\n".join(module(rng, title))
        write(directory / "reef-1.5" / "core" / f"{title}.py", text.encode())


# Logs of an inference gateway


def make_logs(path: Path) -> None:
    rng = Random(2)
    hosts = [f"gw-{zone}-{number:02d}" for zone in ("a", "b", "c") for number in range(8)]
    routes = ("/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/healthz")
    time = datetime(2026, 3, 2, 8)
    lines = []
    for _ in range(2300):
        time += timedelta(microseconds=int(rng.random() * 900_000))
        failed = rng.random() < 0.03
        prompt_tokens = 50 + int(rng.random() * rng.random() * rng.random() * 30_000)
        output_tokens = 0 if failed else 1 + int(rng.random() * rng.random() * 900)
        record = {
            "time": time.isoformat(timespec="microseconds") + "Z",
            "level": "error" if failed else "info",
            "host": pick(rng, hosts),
            "route": routes[int(rng.random() * rng.random() * len(routes))],
            "status": pick(rng, (429, 500, 503)) if failed else 200,
            "request_id": f"{int(rng.random() * 2**52):013x}",
            "tenant": f"tenant-{int(rng.random() * rng.random() * 200):03d}",
            "model": pick(rng, ("reef-7b-chat", "reef-7b-chat", "reef-70b", "reef-embed")),
            "prompt_tokens": prompt_tokens,
            "output_tokens": output_tokens,
            "latency_ms": round(12 + output_tokens * 18.5 + rng.random() * 400, 3),
            "message": "upstream closed the connection" if failed else "completed",
        }
        lines.append(json.dumps(record, separators=(",", ":")))
    write(path, ("\n".join(lines) + "\n").encode())


# An image of noise


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return (
        len(body).to_bytes(4, "big") + kind + body + binascii.crc32(kind + body).to_bytes(4, "big")
    )


def stored_zlib(content: bytes) -> bytes:
    """zlib's format with stored blocks only (RFC 1950, 1951): the same from any zlib version."""
    blocks = []
    for start in range(0, len(content), 65535):
        block = content[start : start + 65535]
        length = len(block)
        last = start + length == len(content)
        blocks.append(
            bytes([last])
            + length.to_bytes(2, "little")
            + (length ^ 0xFFFF).to_bytes(2, "little")
            + block
        )
    return b"\x78\x01" + b"".join(blocks) + zlib.adler32(content).to_bytes(4, "big")


def make_image(path: Path, side: int = 368) -> None:
    noise = np.random.PCG64(3).random_raw(side * side * 3 // 8).astype("<u8").tobytes()
    row_bytes = side * 3
    rows = b"".join(b"\0" + noise[at : at + row_bytes] for at in range(0, len(noise), row_bytes))
    size = side.to_bytes(4, "big")
    write(
        path,
        b"\x89PNG\r\n\x1a\n"
        + png_chunk(b"IHDR", size + size + b"\x08\x02\0\0\0")
        + png_chunk(b"IDAT", stored_zlib(rows))
        + png_chunk(b"IEND", b""),
    )


# Tensors


def safetensors(tensors: dict[str, Floats]) -> bytes:
    """The safetensors format with every tensor in bf16."""
    header: dict[str, Any] = {"__metadata__": {"format": "pt"}}
    end = 0
    for name, values in tensors.items():
        start, end = end, end + 2 * values.size
        header[name] = {"dtype": "BF16", "shape": list(values.shape), "data_offsets": [start, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text + b"".join(map(bf16_bytes, tensors.values()))


def weight(seed: int, rows: int, columns: int) -> Floats:
    """Normal values of sd about 0.02, each output channel with a scale of its own."""
    scales = 0.012 + 0.012 * np.abs(normal(seed + 1000, rows, 1))
    return normal(seed, rows, columns) * scales


def make_model(path: Path) -> None:
    """The weights of a two-layer decoder with grouped-query attention."""
    width, kv_width, mlp_width = 128, 32, 192
    tensors = {"model.embed_tokens.weight": weight(10, 256, width)}
    for layer in range(2):
        seed = 20 + 10 * layer
        shapes = {
            "mlp.down_proj": (width, mlp_width),
            "mlp.gate_proj": (mlp_width, width),
            "mlp.up_proj": (mlp_width, width),
            "self_attn.k_proj": (kv_width, width),
            "self_attn.o_proj": (width, width),
            "self_attn.q_proj": (width, width),
            "self_attn.v_proj": (kv_width, width),
        }
        for number, (name, shape) in enumerate(shapes.items()):
            tensors[f"model.layers.{layer}.{name}.weight"] = weight(seed + number, *shape)
        norm = 1.0 + 0.1 * normal(seed + 9, width)
        tensors[f"model.layers.{layer}.input_layernorm.weight"] = norm
    write(path, safetensors(dict(sorted(tensors.items()))))


# KV caches: what vLLM's shared-storage connector writes


def kv_layer(layer: int, tokens: npt.NDArray[np.int64]) -> Floats:
    """[2, T, H*D]: keys and values of one layer, each token's a function of all tokens up to it.

    Keys drift slowly from token to token and a few of their channels are outliers; values are
    small and mostly the token's own.
    """
    width = KV_HEADS * KV_HEAD_WIDTH
    embeddings = normal(100 + layer, 1000, width)[tokens]
    channel_scale = 0.5 + np.abs(normal(200 + layer, width))
    channel_scale[np.random.PCG64(300 + layer).random_raw(6) % width] *= 12.0
    channel_mean = normal(400 + layer, width)
    keys = np.empty((len(tokens), width))
    state = np.zeros(width)
    for position, embedding in enumerate(embeddings):
        state = 0.9375 * state + 0.25 * embedding
        keys[position] = (channel_mean + state) * channel_scale
    values = 0.25 * (embeddings + 0.125 * keys / channel_scale)
    return np.stack([keys, values])


def make_kv(directory: Path) -> None:
    """The caches of two requests that begin with the same 128 tokens, and their token ids."""
    rng = Random(4)
    prefix, *rests = ([int(rng.random() * 1000) for _ in range(n)] for n in (128, 64, 32))
    records = []
    for rest in rests:
        tokens = np.array(prefix + rest, np.int64)
        assert len(tokens) % KV_BLOCK_TOKENS == 0
        name = hashlib.md5(tokens.astype("<i8").tobytes(), usedforsecurity=False).hexdigest()
        for layer in range(KV_LAYERS):
            content = safetensors({"kv_cache": kv_layer(layer, tokens)})
            write(directory / name / f"model.layers.{layer}.self_attn.attn.safetensors", content)
        records.append(json.dumps({"directory": name, "token_ids": tokens.tolist()}))
    write(directory / "requests.jsonl", ("\n".join(records) + "\n").encode())


# A trace: two hours of chats with three assistants

TRACE_SECONDS, TRACE_BLOCK_TOKENS = 7200, 512


def make_trace(path: Path) -> None:
    """Requests as Mooncake publishes them: a hash for each block of 512 tokens of the prompt.

    A chat begins with its assistant's system prompt, and each turn repeats all before it. Half of
    the next turns come within a minute and a half, the others up to twenty minutes later.
    """
    rng = Random(6)
    hashes = iter(range(1, 1 << 20))
    system_prompts = [[next(hashes) for _ in range(blocks)] for blocks in (1, 3, 6)]
    requests = []
    for _ in range(160):
        blocks = list(pick(rng, system_prompts))
        at_ms = int(rng.random() * TRACE_SECONDS * 1000)
        while at_ms < TRACE_SECONDS * 1000:
            blocks += [next(hashes) for _ in range(1 + int(rng.random() * 3))]
            last_tokens = 1 + int(rng.random() * TRACE_BLOCK_TOKENS)
            request = {
                "timestamp": at_ms,
                "input_length": (len(blocks) - 1) * TRACE_BLOCK_TOKENS + last_tokens,
                "output_length": 20 + int(rng.random() * 400),
                "hash_ids": list(blocks),
            }
            requests.append(request)
            if rng.random() < 0.25:
                break
            # The block that was not full is another one once the answer stands in it.
            if last_tokens < TRACE_BLOCK_TOKENS:
                blocks.pop()
            slow = rng.random() < 0.5
            at_ms += 10_000 + int(rng.random() * (1_200_000 if slow else 80_000))
    requests.sort(key=lambda request: (request["timestamp"], request["hash_ids"]))
    write(path, "".join(json.dumps(request) + "\n" for request in requests).encode())


def make_samples(directory: Path) -> None:
    """Write all samples into ``directory``."""
    make_source(directory / "source")
    make_logs(directory / "logs" / "gateway.jsonl")
    make_image(directory / "images" / "noise.png")
    make_model(directory / "models" / "model.safetensors")
    make_kv(directory / "kv")
    make_trace(directory / "traces" / "chat.jsonl")


if __name__ == "__main__":
    make_samples(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "data")
