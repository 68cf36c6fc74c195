"""storeff kv as users run it."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dump_files import kv_bits, needs_shared, safetensors, write

from storeff.commands.kv import CACHE_FORMATS
from storeff.kv.formats import STORAGE

SAMPLES = Path(__file__).parent.parent / "samples" / "data" / "kv"
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
    return subprocess.run(
        [sys.executable, "-P", "-m", "storeff", "kv", *map(str, words), "-q"],
        capture_output=True,
        text=True,
        check=False,
    )


def report(*words: str | Path) -> dict[str, Any]:
    done = run(*words, "--json")
    assert done.returncode == 0, done.stderr
    document: dict[str, Any] = json.loads(done.stdout)
    return document


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return write(tmp_path / "trace.jsonl", TRACE.encode())


def test_a_model_shows_its_formula() -> None:
    done = run("--model", "llama-3.1-70b")
    assert done.returncode == 0
    assert "80 layers x 8 KV heads x 128 x 2 bytes = 327,680 bytes a token (320 KiB)" in done.stdout


def test_every_format_of_a_cache_can_be_chosen() -> None:
    assert set(CACHE_FORMATS) == set(STORAGE)


def test_a_config_is_a_model(tmp_path: Path) -> None:
    config = write(tmp_path / "config.json", json.dumps(CONFIG).encode())
    made = report("--model", config)["kv"]["model"]
    assert made["bytes_per_token"] == 2 * 4 * 2 * 64 * 2


def test_dumps_are_recognised_and_measured() -> None:
    made = report(SAMPLES)["kv"]
    (row,) = made["dumps"]
    assert (row["files"], row["dtype"], row["shape"]) == (8, "bf16", [2, None, 128])
    overall = made["survey"]["measured"]["overall"]
    assert [part["kind"] for part in overall] == ["all", "k", "v"]
    assert overall[0]["winner"]["ratio"]["value"] > 1.3
    assert {row["label"] for row in overall[0]["lossy"]} == {"error, not quality"}


def test_the_terminal_names_losses_for_what_they_are() -> None:
    done = run(SAMPLES)
    assert "vLLM SharedStorageConnector" in done.stdout
    assert "errors of numbers, not of quality" in done.stdout


def test_a_lying_dump_ends_in_exit_3_and_says_what_to_do(tmp_path: Path) -> None:
    name = "0123456789abcdef0123456789abcdef/model.layers.0.self_attn.attn.safetensors"
    whole = safetensors({"kv_cache": kv_bits(2, 64, 64)})
    write(tmp_path / name, whole[:-100])
    done = run(tmp_path)
    assert done.returncode == 3
    assert "malformed" in done.stdout
    assert "Traceback" not in done.stderr


def test_a_trace_is_replayed(trace: Path) -> None:
    made = report(trace)["kv"]["trace"]
    assert (made["requests"], made["blocks"], made["unique_blocks"]) == (40, 120, 42)
    assert made["unlimited"]["hit_blocks"] == 78


def test_retention_goes_through_to_drives_and_money(trace: Path) -> None:
    made = report(
        trace, "--model", "llama-3.1-70b", "--ttl", "5s,10s", "--requests-per-second", "100"
    )
    rows = made["kv"]["retention"]["rows"]
    assert [(row["ttl_seconds"], row["admission"]) for row in rows] == [
        (5, 1),
        (10, 1),
        (5, 2),
        (10, 2),
    ]
    assert {row["binds"] for row in rows} <= {"capacity", "endurance"}
    assert made["kv"]["retention"]["billed_ttl_seconds"] == 10


def test_the_bill_is_for_the_target(trace: Path) -> None:
    made = report(
        trace,
        *("--model", "llama-3.1-70b", "--ttl", "7d", "--target", "50EB", "--layout", "rs-20-4"),
    )
    (layout,) = made["layouts"]
    assert layout["waterfall"][0]["before_bytes"]["value"] == 50 * 10**18
    assert layout["bill"]["drives"]["value"] > 400_000
    (rate, _) = made["kv"]["retention"]["requests_per_second_at_target"]
    assert rate > 1e5


def test_capacities_are_sizes_of_a_model(trace: Path) -> None:
    made = report(trace, "--model", "llama-3.1-70b", "--capacity", "1GB")["kv"]["trace"]
    (point,) = made["caches"][:1]
    assert point["capacity_blocks"] == 10**9 // (512 * 327_680)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "give PATHS"),
        ((SAMPLES, "--ttl", "1h"), "replay a trace"),
        (("--model", "no-such-model"), "neither a file nor one of"),
        (("--model", "llama-3.1-70b", "--ttl", "1 fortnight"), "is not a time"),
    ],
)
def test_words_that_make_no_sense_are_a_usage_error(
    words: tuple[str | Path, ...], message: str
) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert message in done.stderr


def test_retention_needs_the_bytes_of_a_token(trace: Path) -> None:
    done = run(trace, "--ttl", "1h")
    assert done.returncode == 2
    assert "give --model" in done.stderr


def test_a_drive_without_a_rating_is_refused_for_retention(trace: Path) -> None:
    done = run(trace, "--model", "llama-3.1-70b", "--ttl", "10s", "--drive", "hdd-30")
    assert done.returncode == 1
    assert "rated_dwpd" in done.stderr


def test_lossless_needs_dumps_to_measure(trace: Path) -> None:
    done = run(trace, "--model", "llama-3.1-70b", "--ttl", "10s", "--lossless")
    assert done.returncode == 1
    assert "dumps" in done.stderr


def test_lossless_counts_on_what_was_measured(trace: Path) -> None:
    words = ("--model", "llama-3.1-70b", "--ttl", "10s", "--layout", "rs-20-4")
    plain, shrunk = report(trace, *words), report(trace, SAMPLES, *words, "--lossless")
    ratio = shrunk["kv"]["survey"]["measured"]["overall"][0]["winner"]["ratio"]["value"]
    stored = [
        made["kv"]["retention"]["rows"][0]["stored_bytes"]["value"] for made in (plain, shrunk)
    ]
    assert stored[0] / stored[1] == pytest.approx(ratio, rel=1e-6)


@needs_shared
def test_the_published_trace_and_dumps() -> None:
    import os

    root = Path(os.environ["STOREFF_SHARED"]) / "data"
    made = report(root / "mooncake_synthetic_trace.jsonl", root / "kv")["kv"]
    assert made["trace"]["unlimited"]["block_hit_rate"] == pytest.approx(0.6396, abs=5e-5)
    assert sum(row["files"] for row in made["dumps"]) == 8
    assert {row["confidence"] for row in made["dumps"]} == {"exact"}
