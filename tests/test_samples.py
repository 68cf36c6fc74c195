"""samples/data is what samples/make_samples.py writes, and what its README says."""

import hashlib
import json
import os
import runpy
import zlib
from pathlib import Path

import numpy as np
import pytest

from storeff.kv.dumps import looks_like
from storeff.sources.content import classify

SAMPLES = Path(__file__).parents[1] / "samples"
DATA = SAMPLES / "data"


def contents(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in root.rglob("*") if p.is_file()}


def tensor(path: Path) -> np.ndarray[tuple[int, ...], np.dtype[np.uint16]]:
    """The only tensor of a safetensors file, as bf16 bit patterns."""
    content = path.read_bytes()
    start = 8 + int.from_bytes(content[:8], "little")
    [described] = (v for k, v in json.loads(content[8:start]).items() if k != "__metadata__")
    assert described["data_offsets"] == [0, len(content) - start]
    return np.frombuffer(content, "<u2", offset=start).reshape(described["shape"])


def test_the_generator_writes_the_committed_bytes(tmp_path: Path) -> None:
    runpy.run_path(str(SAMPLES / "make_samples.py"))["make_samples"](tmp_path)
    assert contents(tmp_path) == contents(DATA)


def test_the_samples_are_small() -> None:
    assert sum(map(len, contents(DATA).values())) < 4_000_000


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("source/**/*.py", "text"),
        ("logs/*", "json"),
        ("images/*", "image"),
        ("models/*", "safetensors"),
        ("kv/*/*", "kv"),
        ("traces/*", "json"),
    ],
)
def test_every_sample_has_its_class(pattern: str, expected: str) -> None:
    files = list(DATA.glob(pattern))
    assert files
    for path in files:
        content = path.read_bytes()
        assert classify(content, os.fsencode(path), len(content), looks_like) == expected


def test_the_source_compiles_and_shares_files_between_releases() -> None:
    old, new = (contents(DATA / "source" / release) for release in ("reef-1.4", "reef-1.5"))
    for name, content in (old | new).items():
        compile(content, name, "exec")
    renamed = set(old.values()) & {new[name] for name in new.keys() - old.keys()}
    edited = [name for name in old.keys() & new.keys() if old[name] != new[name]]
    assert renamed
    assert 10 < len(edited) < len(set(old.values()) & set(new.values()))


def test_the_image_is_a_valid_png() -> None:
    content = (DATA / "images" / "noise.png").read_bytes()
    position, pixels = 8, b""
    while position < len(content):
        length = int.from_bytes(content[position : position + 4], "big")
        kind = content[position + 4 : position + 8]
        body = content[position + 8 : position + 8 + length]
        checksum = content[position + 8 + length : position + 12 + length]
        assert int.from_bytes(checksum, "big") == zlib.crc32(kind + body)
        pixels += zlib.decompress(body) if kind == b"IDAT" else b""
        position += 12 + length
    assert len(pixels) == 368 * (1 + 3 * 368)


def test_the_kv_dumps_share_exactly_their_prefix() -> None:
    lines = (DATA / "kv" / "requests.jsonl").read_text().splitlines()
    first, second = map(json.loads, lines)
    for request in (first, second):
        tokens = np.array(request["token_ids"], "<i8").tobytes()
        assert hashlib.md5(tokens, usedforsecurity=False).hexdigest() == request["directory"]
    assert first["token_ids"][:128] == second["token_ids"][:128]
    assert first["token_ids"][128] != second["token_ids"][128]
    for layer in range(4):
        name = f"model.layers.{layer}.self_attn.attn.safetensors"
        a, b = (tensor(DATA / "kv" / request["directory"] / name) for request in (first, second))
        assert a.shape == (2, 192, 128)
        assert b.shape == (2, 160, 128)
        assert (a[:, :128] == b[:, :128]).all()
        assert (a[:, 128:160] != b[:, 128:160]).mean() > 0.9


def test_turns_of_a_chat_repeat_the_prompt_before_them() -> None:
    lines = (DATA / "traces" / "chat.jsonl").read_text().splitlines()
    requests = [json.loads(line) for line in lines]
    assert [r["timestamp"] for r in requests] == sorted(r["timestamp"] for r in requests)
    seen: set[int] = set()
    repeated = 0
    for request in requests:
        blocks = request["hash_ids"]
        assert len(blocks) == -(-request["input_length"] // 512)
        repeated += len(seen.intersection(blocks))
        seen.update(blocks)
    assert 0.3 < repeated / sum(len(r["hash_ids"]) for r in requests) < 0.9


def test_keys_have_outlier_channels_and_are_smoother_than_values() -> None:
    path = next((DATA / "kv").glob("*/model.layers.0.*"))
    keys, values = (tensor(path).astype("<u4") << 16).view("<f4")
    magnitudes = np.sort(np.abs(keys).mean(axis=0))
    assert magnitudes[-1] > 5 * np.median(magnitudes)

    def step(x: np.ndarray[tuple[int, ...], np.dtype[np.float32]]) -> float:
        return float(np.median(np.diff(x, axis=0).std(axis=0) / x.std(axis=0)))

    assert step(keys) < 0.6 * step(values)
