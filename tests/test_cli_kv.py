"""storeff kv as users run it."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from support.cli import everything
from support.dump_files import kv_bits, needs_shared, safetensors, write
from support.kv_cli import CONFIG, SAMPLES, TRACE, report, run

from storeff.commands.kv import BLOCK_TOKENS_MAX, CACHE_FORMATS, TIME_UNITS
from storeff.kv.models.formats import STORAGE
from storeff.kv.trace import read as kv_trace
from storeff.kv.trace import times as trace_time


@pytest.fixture
def trace(tmp_path: Path) -> Path:
    return write(tmp_path / "trace.jsonl", TRACE.encode())


def test_a_model_shows_its_formula() -> None:
    shown = everything("kv", "--model", "llama-3.1-70b", columns=120)
    assert "80 layers x 8 KV heads x 128 x 2 bytes = 327,680 bytes a token (320 KiB)" in shown


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
    shown = everything("kv", SAMPLES)
    assert "vLLM SharedStorageConnector" in shown
    assert "errors of values, not of quality" in shown


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


def test_one_of_a_thing_is_singular(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text('{"timestamp": 0, "input_length": 500, "output_length": 1, "hash_ids": [7]}\n')
    name = "0123456789abcdef0123456789abcdef/model.layers.0.self_attn.attn.safetensors"
    write(tmp_path / name, safetensors({"kv_cache": kv_bits(2, 64, 64)}))
    shown = everything("kv", path, (tmp_path / name).parent, "--block-tokens", "512")
    assert "1 of 1 file, " in shown
    assert "1 block has 1 distinct key: nothing is stored again. " in shown
    assert "1 request in 0 s, 500 input tokens (500 each); 1 block of 512 tokens" in shown
    assert "LRU        1 block, 512 tokens" in shown
    assert not re.search(r"\b1 (requests|blocks|tokens|drives|files|keys|chunks)\b", shown)


def test_a_share_of_hits_is_said_to_be_all_only_where_it_is(tmp_path: Path) -> None:
    row = {"timestamp": 0, "input_length": 512, "output_length": 1, "hash_ids": [7]}
    lines = [json.dumps(row | {"timestamp": 1000 * i}) + "\n" for i in range(4000)]
    path = tmp_path / "same.jsonl"
    path.write_text("".join(lines))
    shown = everything("kv", path)
    assert re.search(r"unlimited +everything +99\.97 % +99\.97 % +100 % ", shown)


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
        (("--model", SAMPLES), "is a directory: name the config.json in it"),
        (("--model", "llama-3.1-70b", "--ttl", "1 fortnight"), "is not a time"),
    ],
)
def test_words_that_make_no_sense_are_a_usage_error(
    words: tuple[str | Path, ...], message: str
) -> None:
    done = run(*words)
    assert done.returncode == 2
    assert message in done.stderr


# ---- one fault costs itself ----


def test_a_dump_of_unknown_dtype_ends_no_run(tmp_path: Path) -> None:
    name = "org-SEP-model@0x01000100@0@" + "ab" * 16 + ".data"
    write(tmp_path / name, bytes(np.random.default_rng(1).bytes(1 << 16)))
    made = report(tmp_path, "--model", "llama-3.1-70b")["kv"]
    assert [(row["system"], row["dtype"]) for row in made["dumps"]] == [
        ("LMCache L2 adapter", None)
    ]


def test_bad_lines_of_a_trace_are_exit_3_and_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "trace.jsonl", b"nonsense\n" + TRACE.encode())
    done = run(path, "--json")
    assert done.returncode == 3
    made = json.loads(done.stdout)
    assert made["kv"]["trace"]["requests"] == 40
    assert (made["complete"], "line 1: " in made["incomplete_because"][0]) == (False, True)
    assert "1 line of the trace could not be used" in run(path).stdout


@pytest.mark.parametrize("path", ["fifo", "/dev/zero", "missing"])
@pytest.mark.parametrize("option", [(), ("--model",)])
def test_what_is_no_file_is_one_clear_line(tmp_path: Path, path: str, option: tuple[str]) -> None:
    os.mkfifo(tmp_path / "fifo")
    done = run(*option, tmp_path / path)
    assert done.returncode in (1, 2)
    assert path.strip("/") in done.stderr
    assert "Traceback" not in done.stderr


# ---- choices are checked before anything is read ----


@pytest.mark.parametrize(
    "words",
    [
        ("--layout", "nowhere"),
        ("--drive", "nothing"),
        ("--site", "nowhere"),
        ("--gpu", "abacus"),
        ("--model", "no-such-model"),
        ("--drive", "hdd-30"),
        ("--waf", "nan"),
        ("--waf", "inf"),
        ("--requests-per-second", "inf"),
        ("--requests-per-second", "nan"),
        ("--gpus", "8"),
        ("--trace-gpus", "8"),
        ("--gpus", "8", "--trace-gpus", "8", "--requests-per-second", "5"),
        ("--block-tokens", "2000000"),
        ("--time-unit", "days"),
        ("--data", "nowhere"),
        ("--lossless",),
    ],
)
def test_choices_are_checked_before_anything_is_read(tmp_path: Path, words: tuple[str]) -> None:
    unread = write(tmp_path / "trace.jsonl", b"this is no trace")
    done = run(unread, "--model", "llama-3.1-70b", "--ttl", "1h", *words)
    assert done.returncode in (1, 2)
    assert "no trace" not in done.stderr
    assert "trace.jsonl" not in done.stderr
    assert "Traceback" not in done.stderr


def test_time_units_that_can_be_chosen_are_those_that_are_read() -> None:
    assert (TIME_UNITS, BLOCK_TOKENS_MAX) == (trace_time.TIME_UNITS, kv_trace.BLOCK_TOKENS_MAX)


# ---- times ----


def in_seconds(tmp_path: Path) -> Path:
    rows = [json.loads(line) for line in TRACE.splitlines()]
    text = "".join(
        json.dumps(row | {"timestamp": row["timestamp"] / 1000 + 0.25}) + "\n" for row in rows
    )
    return write(tmp_path / "seconds.jsonl", text.encode())


def test_a_trace_in_seconds_is_refused_until_its_unit_is_stated(
    tmp_path: Path, trace: Path
) -> None:
    words = ("--model", "llama-3.1-70b", "--ttl", "10s", "--layout", "rs-20-4")
    seconds = in_seconds(tmp_path)
    done = run(seconds, *words)
    assert done.returncode == 1
    assert "--time-unit" in done.stderr
    stated, whole = report(seconds, *words, "--time-unit", "s"), report(trace, *words)
    assert stated["kv"]["retention"]["rows"] == whole["kv"]["retention"]["rows"]


def test_a_packed_trace_is_a_trace(tmp_path: Path) -> None:
    path = write(tmp_path / "trace.jsonl.gz", gzip.compress(TRACE.encode()))
    assert report(path)["kv"]["trace"]["requests"] == 40


# ---- what two places say is the same ----


def test_every_column_of_what_is_lossless_is_of_one_chunk_size() -> None:
    made = report(SAMPLES)["kv"]["survey"]["measured"]
    part = made["overall"][0]
    rows = {(row["scheme"], row["chunk_bytes"]): row["ratio"]["value"] for row in part["lossless"]}
    lines = everything("kv", SAMPLES, columns=120).split("entropy, order 0")[1].splitlines()
    line = next(line for line in lines if "keys and values" in line)
    chunk_bytes = made["plan"]["chunk_bytes"]
    for scheme in ("zstd-1", "planes, zstd-1", part["winner"]["scheme"]):
        assert f"{rows[scheme, chunk_bytes]:.2f}x" in line
    # No keys or values of a layer here fill a chunk of 1 MiB.
    assert {size for _, size in rows} == {4 << 10, 64 << 10}


def test_a_method_beyond_the_order_0_entropy_is_explained() -> None:
    part = report(SAMPLES)["kv"]["survey"]["measured"]["overall"][0]
    assert part["winner"]["ratio"]["value"] > part["order0_ratio"]["value"]
    assert "entropy, order 0" in (shown := everything("kv", SAMPLES, columns=120))
    assert "as the best one does" in shown


# ---- interrupts ----


def interrupted(*words: str | Path, after: str) -> subprocess.CompletedProcess[str]:
    """The command, interrupted once it has opened a file whose name ends in ``after``."""
    script = (
        "import os, signal, sys\n"
        "def hook(event, args):\n"
        "    path = args[0] if event == 'open' and isinstance(args[0], (str, bytes)) else ''\n"
        f"    if os.fsencode(path).endswith({after.encode()!r}):\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "sys.addaudithook(hook)\n"
        "from storeff.__main__ import main\n"
        "main()\n"
    )
    return subprocess.run(
        [sys.executable, "-P", "-c", script, "kv", *map(str, words), "-q", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_interrupt_reports_what_was_found(tmp_path: Path) -> None:
    for number in range(4):
        content = safetensors({"kv_cache": kv_bits(2, 64, 64, seed=number)})
        write(tmp_path / f"{number:032x}" / "model.layers.0.self_attn.attn.safetensors", content)
    done = interrupted(tmp_path, after="attn.safetensors")
    assert done.returncode == 130, done.stderr
    made = json.loads(done.stdout)
    assert not made["complete"]
    assert made["incomplete_because"][0].startswith("interrupted when 1 dumps had been found")
    assert made["kv"]["survey"]["interrupted"]


def test_an_interrupt_while_a_trace_is_read_reports_no_part_of_it(trace: Path) -> None:
    done = interrupted(trace, "--model", "llama-3.1-70b", "--ttl", "10s", after="trace.jsonl")
    assert done.returncode == 130, done.stderr
    made = json.loads(done.stdout)
    assert made["incomplete_because"] == ["interrupted before the trace was replayed"]
    assert (made["kv"]["trace"], made["layouts"]) == (None, [])


def test_dumps_of_several_dtypes_keep_their_measurement(tmp_path: Path, trace: Path) -> None:
    for name, bits in (("a", np.uint16), ("b", np.uint32)):
        content = safetensors(
            {"0.key": np.zeros((1, 2, 64, 8), bits), "0.value": np.zeros((1, 2, 64, 8), bits)}
        )
        write(tmp_path / "dumps" / f"{name}.safetensors", content)
    words = (tmp_path / "dumps", trace, "--model", "llama-3.1-70b", "--ttl", "10s", "--lossless")
    done = run(*words, "--json")
    assert done.returncode == 1
    assert "of one dtype" in done.stderr
    assert json.loads(done.stdout)["kv"]["survey"]["measured_files"] == 2


# ---- text from outside ----


def test_no_name_steers_the_terminal(tmp_path: Path) -> None:
    folder = tmp_path / "a\x1b[31m\u202eb\udcff"
    write(folder / "config.json", json.dumps(CONFIG).encode())
    name = "org\x1b[2J@1@0@aa@bfloat16.pt"
    write(tmp_path / "dumps" / name, kv_bits(2, 4, 16, 128).tobytes())
    header = "timestamp_ms,hash_ids,\x1b[31m\n"
    csv = write(tmp_path / "trace.csv", header.encode() + b"0,1,2\n" * 3)
    for words in (
        ("--model", folder / "config.json"),
        (tmp_path / "dumps",),
        (tmp_path / "dumps", "--json"),
        (csv,),
        (write(tmp_path / "x.csv", b"a,\x1b[31m\n1,2\n"),),
    ):
        done = run(*words)
        assert not {"\x1b", "\u202e"} & set(done.stdout + done.stderr)
        assert "Traceback" not in done.stderr


@needs_shared
def test_the_published_trace_and_dumps() -> None:
    import os

    root = Path(os.environ["STOREFF_SHARED"]) / "data"
    made = report(root / "mooncake_synthetic_trace.jsonl", root / "kv")["kv"]
    assert made["trace"]["unlimited"]["block_hit_rate"] == pytest.approx(0.6396, abs=5e-5)
    assert sum(row["files"] for row in made["dumps"]) == 8
    assert {row["confidence"] for row in made["dumps"]} == {"exact"}
