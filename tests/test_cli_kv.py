"""storeff kv as users run it."""

import gzip
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.dump_files import kv_bits, needs_shared, safetensors, write

from storeff.commands.kv import BLOCK_TOKENS_MAX, CACHE_FORMATS, TIME_UNITS
from storeff.kv import trace as kv_trace
from storeff.kv import trace_time
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


def test_one_of_a_thing_is_singular(tmp_path: Path) -> None:
    path = tmp_path / "one.jsonl"
    path.write_text('{"timestamp": 0, "input_length": 500, "output_length": 1, "hash_ids": [7]}\n')
    name = "0123456789abcdef0123456789abcdef/model.layers.0.self_attn.attn.safetensors"
    write(tmp_path / name, safetensors({"kv_cache": kv_bits(2, 64, 64)}))
    shown = run(path, (tmp_path / name).parent, "--block-tokens", "512").stdout
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
    shown = run(path).stdout
    assert re.search(r"unlimited +everything +99\.97 % +99\.97 % +100 % ", shown)


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


@pytest.mark.parametrize(
    "words", [("--gpu", "h100-llama-70b"), ("--requests-per-second", "5"), ("--lossless",)]
)
def test_what_is_for_retention_only_needs_a_ttl(trace: Path, words: tuple[str]) -> None:
    done = run(trace, "--model", "llama-3.1-70b", *words)
    assert (done.returncode, "give --ttl" in done.stderr) == (2, True)


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
    words = ("--model", "llama-3.1-70b", "--ttl", "10s")
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


@pytest.mark.parametrize("ttl", ["5s", "7d"])
def test_the_bill_is_of_the_row_that_it_names(trace: Path, ttl: str) -> None:
    made = report(trace, "--model", "llama-3.1-70b", "--ttl", f"1h,{ttl}")
    retention = made["kv"]["retention"]
    reference = next(each for each in made["layouts"] if each["name"] == retention["layout"])
    assert made["reference_layout"] == retention["layout"]
    raws = [each["raw_bytes"]["value"] for each in made["layouts"]]
    assert reference["raw_bytes"]["value"] == min(raws)
    row = retention["rows"][1]
    steps = {step["step"]: step for step in reference["waterfall"]}
    assert list(steps)[-1] == "endurance"
    assert row["ttl_seconds"] == retention["billed_ttl_seconds"]
    assert steps["data_reduction"]["after_bytes"]["value"] == row["stored_bytes"]["value"]
    assert steps["fill_limit"]["after_bytes"]["value"] == row["capacity_raw_bytes"]["value"]
    assert steps["endurance"]["factor"]["value"] == row["endurance_factor"]["value"]
    assert reference["raw_bytes"]["value"] == row["raw_bytes"]["value"]
    # Of fewer drives than a stripe has fragments, there are as many as fragments.
    assert reference["bill"]["drives_in_service"]["value"] >= row["drives"]["value"]


def test_a_fleet_has_the_drives_of_its_row(trace: Path) -> None:
    words = ("--model", "llama-3.1-70b", "--ttl", "10s", "--requests-per-second", "1000")
    for layout in ("rs-20-4", "ceph-ec-8-3"):
        made = report(trace, *words, "--layout", layout)
        row, bill = made["kv"]["retention"]["rows"][0], made["layouts"][0]["bill"]
        assert row["binds"] == "endurance"
        assert row["drives"]["value"] == bill["drives_in_service"]["value"] > 24


def test_emptier_raw_costs_nothing_where_raw_is_bought_for_writes(trace: Path) -> None:
    words = ("--model", "llama-3.1-70b", "--ttl", "10s", "--requests-per-second", "1000")
    points = report(trace, *words)["sensitivity"]["per_point"]
    by_input = {point["input"]: point["raw_bytes"] for point in points}
    assert by_input["fill_limit -1 pp"] == by_input["rebuild_reserve +1 pp"] == 0
    assert by_input["metadata +1 pp"] > 0


def test_drive_writes_a_day_are_those_that_the_ttl_allows(trace: Path) -> None:
    made = report(trace, "--model", "llama-3.1-70b", "--ttl", "1d", "--waf", "2")
    for row in made["kv"]["retention"]["rows"]:
        assert 0 < row["dwpd_asked"]["high"] <= 2


def test_every_column_of_what_is_lossless_is_of_one_chunk_size() -> None:
    made = report(SAMPLES)["kv"]["survey"]["measured"]
    part = made["overall"][0]
    rows = {(row["scheme"], row["chunk_bytes"]): row["ratio"]["value"] for row in part["lossless"]}
    line = next(line for line in run(SAMPLES).stdout.splitlines() if "keys and values" in line)
    chunk_bytes = made["plan"]["chunk_bytes"]
    for scheme in ("zstd-1", "planes, zstd-1", part["winner"]["scheme"]):
        assert f"{rows[scheme, chunk_bytes]:.2f}x" in line
    # No keys or values of a layer here fill a chunk of 1 MiB.
    assert {size for _, size in rows} == {4 << 10, 64 << 10}


def test_a_method_beyond_the_order_0_entropy_is_explained() -> None:
    part = report(SAMPLES)["kv"]["survey"]["measured"]["overall"][0]
    assert part["winner"]["ratio"]["value"] > part["order0_ratio"]["value"]
    assert "entropy, order 0" in (shown := run(SAMPLES).stdout)
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
