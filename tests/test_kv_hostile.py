"""Files and traces made to end a run: each costs itself, with its reason, and nothing else."""

import io
import json
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.dump_files import kv_bits, recognised, safetensors, with_header, write
from support.llamacpp_files import cache, recurrent, sequence, session
from support.lmcache_files import KEY, L2_KEY, fs_header, gds_entry
from support.lmcache_files import encoded as k16v8
from support.torch_files import Torch, saved
from support.vllm_files import LAYER, block_file, run_config

from storeff.kv.dumps.dump import Candidate
from storeff.kv.measure.measurement import Plan
from storeff.kv.measure.survey import survey
from storeff.kv.models.model import Attention, Latent, Model
from storeff.sources.names import printable
from storeff.sources.tree import LocalTree

SMALL = Plan(cluster_bytes=4096, chunk_bytes=1024, other_chunk_bytes=())
MODEL = Model(name="m", layers=(Attention(count=2, kv_heads=2, head_dim=16),))
LATENTS = Model(name="m", layers=(Latent(count=2, latent_dim=32, rope_dim=8),))
DTYPES = [
    "half",
    "bfloat16",
    "float",
    "double",
    "uint8",
    "int8",
    "int16",
    "int64",
    "bool",
    "fp8_e4m3fn",
    "fp8_e5m2",
    "fp8_e8m0",
]


def npy(array: np.ndarray[Any, Any]) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def npz(**arrays: np.ndarray[Any, Any]) -> bytes:
    out = io.BytesIO()
    save: Any = np.savez
    save(out, **arrays)
    return out.getvalue()


_KV = kv_bits(2, 2, 16, 32).tobytes()
_F16 = np.random.default_rng(1).normal(size=(2, 3, 16, 8)).astype(np.float16)
_MEMORY = cache(layers=2)[0]
# Every format that is read, and a name that it goes by.
WHOLE: list[tuple[str, bytes]] = [
    (f"{KEY}.data", fs_header(len(_KV), 1, (3, 2, 2, 16, 32)) + _KV),
    (f"{L2_KEY}.data", _KV),
    ("org@1@0@aa@bfloat16.kvcache.safetensors", with_header(gds_entry(), _KV[:1536])),
    ("chunk", k16v8(bytes(256), bytes(128))),
    (f"{'ab' * 16}/{LAYER.format(3)}", safetensors({"kv_cache": kv_bits(2, 16, 32)})),
    (f"{'ab' * 16}/{LAYER.format(3)}", safetensors({"kv_cache": kv_bits(16, 2, 32)})),
    ("cache.safetensors", safetensors(dict.fromkeys(["0.key", "0.value"], kv_bits(1, 2, 4, 16)))),
    (f"{'ab' * 32}_org-model_0_1.bin", _KV),
    ("slot.bin", session(_MEMORY, range(9))),
    ("slot.bin", sequence(_MEMORY + recurrent(), range(9))),
    ("past_key_values.npz", npz(key_0=_F16, value_0=_F16)),
    ("key_cache.npy", npy(_F16)),
    ("cache.pt", saved(((Torch(_F16), Torch(_F16)),) * 2)),
    ("dynamo-kvbm-disk-cache-abcdef", _KV),
    *((f"org-model@1@0@aa@{dtype}.pt", _KV) for dtype in DTYPES),
]  # fmt: skip


def surveyed(root: Path, model: Model | None) -> None:
    """Every file under ``root`` is a dump, is none, or is skipped with a reason."""
    files = sum(len(names) for _, _, names in os.walk(root))
    rows, found, census = survey(LocalTree([root]), model=model, plan=SMALL)
    skipped = census.skipped.values()
    assert found.dump_files + found.other_files + sum(each.entries for each in skipped) >= files
    assert sum(row.files for row in rows) == found.dump_files
    assert all(row.why and row.example == printable(row.example.encode()) for row in rows)


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=150)
@given(
    whole=st.sampled_from(WHOLE),
    cuts=st.lists(
        st.tuples(st.integers(0, 400), st.integers(0, 8), st.binary(max_size=8)), max_size=3
    ),
    length=st.none() | st.integers(0, 5000),
    model=st.sampled_from([None, MODEL, LATENTS]),
)
def test_a_changed_dump_costs_at_most_itself(
    tmp_path_factory: pytest.TempPathFactory,
    whole: tuple[str, bytes],
    cuts: list[tuple[int, int, bytes]],
    length: int | None,
    model: Model | None,
) -> None:
    name, content = whole
    for at, removed, added in cuts:
        content = content[:at] + added + content[at + removed :]
    root = tmp_path_factory.mktemp("dumps", numbered=True)
    write(root / name, content[:length])
    write(root / "other" / "cache.safetensors", WHOLE[6][1])
    surveyed(root, model)


_NUMBERS = st.integers(0, 70) | st.sampled_from([1 << 31, 1 << 62, 1 << 63, -1])


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    dtype=st.sampled_from(["BF16", "F8E4M3FN", "F8_E8M0", "I64", "BOOL", "C64", "X", ""]),
    shape=st.lists(_NUMBERS, max_size=5),
    fmt=st.integers(0, 9),
    kind=st.sampled_from(["kvcache", "kv_cache", "layers.0.key"]),
    model=st.sampled_from([None, MODEL, LATENTS]),
)
def test_any_dtype_and_shape_of_a_header_cost_at_most_their_file(
    tmp_path_factory: pytest.TempPathFactory,
    dtype: str,
    shape: list[int],
    fmt: int,
    kind: str,
    model: Model | None,
) -> None:
    width = {"I64": 8, "C64": 8, "BF16": 2}.get(dtype, 1)
    length = int(np.prod(shape, dtype=object)) * width
    length = length if 0 <= length < 1 << 20 else 64
    entry = {"dtype": dtype, "shape": shape, "data_offsets": [0, length], "fmt": fmt}
    names = {"kvcache": "org@1@0@aa@bfloat16.kvcache.safetensors"}
    root = tmp_path_factory.mktemp("header", numbered=True)
    content = with_header(json.dumps({kind: entry}).encode(), bytes(length))
    write(root / names.get(kind, f"{'ab' * 16}/{LAYER.format(0)}"), content)
    surveyed(root, model)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(
    dtype=st.sampled_from(["torch.bfloat16", "float16", "fp8_e5m2", "fp8_ds_mla", "auto", ""]),
    sizes=st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("blocks_per_file", "tp_size", "pp_size", "pcp_size"), _NUMBERS)
    ),
    group=st.sampled_from([0, 1, 999_999]),
    size_bytes=st.integers(0, 3 * 4096),
)
def test_any_numbers_of_a_run_cost_at_most_their_block(
    tmp_path_factory: pytest.TempPathFactory,
    dtype: str,
    sizes: dict[str, int],
    group: int,
    size_bytes: int,
) -> None:
    root = tmp_path_factory.mktemp("run", numbered=True)
    block_file(root, bytes(size_bytes), run_config(dtype=dtype, **sizes), group)
    surveyed(root, MODEL)


@pytest.mark.parametrize("dtype", DTYPES)
def test_every_dtype_in_a_name_is_a_dump(tmp_path: Path, dtype: str) -> None:
    write(tmp_path / f"org-model@1@0@aa@{dtype}.pt", _KV)
    ((row,), found, census) = survey(LocalTree([tmp_path]), model=MODEL, plan=SMALL)
    assert (row.files, found.dump_files, census.skipped) == (1, 1, {})


def test_a_dump_of_unknown_dtype_is_measured_as_bytes(tmp_path: Path) -> None:
    write(tmp_path / f"{L2_KEY}.data", np.random.default_rng(1).bytes(1 << 16))
    ((row,), found, _) = survey(LocalTree([tmp_path]), model=MODEL, plan=SMALL)
    assert (row.kind, row.dtype, row.confidence) == ("kv", None, "unknown")
    assert row.why.endswith("measured as bytes.")
    assert found.measured is not None
    assert found.measured.overall[0].winner.ratio.value == pytest.approx(1, abs=0.01)


def test_less_than_one_number_is_a_dump_without_numbers(tmp_path: Path) -> None:
    block_file(tmp_path, b"\1", run_config(pcp_size=2))
    _, found, census = survey(LocalTree([tmp_path]), plan=SMALL)
    assert (found.dump_files, found.measured, census.skipped) == (1, None, {})


def test_arrays_whose_axes_have_no_meaning_are_measured(tmp_path: Path) -> None:
    write(tmp_path / "key_cache.npy", npy(_F16))
    ((row,), found, census) = survey(LocalTree([tmp_path]), plan=SMALL)
    assert (row.dtype, census.skipped) == ("f16", {})
    assert found.measured is not None
    assert found.measured.overall[0].data_bytes == _F16.nbytes


def test_any_seed_draws(tmp_path: Path) -> None:
    write(tmp_path / WHOLE[0][0], WHOLE[0][1])
    for seed in (0, 2**63 - 1):
        assert survey(LocalTree([tmp_path]), plan=Plan(seed=seed))[1].measured_files == 1


# ---- what changes while it is read ----


@pytest.mark.parametrize(
    ("name", "content"), WHOLE[:14], ids=[name[-24:] for name, _ in WHOLE[:14]]
)
def test_a_file_that_shrinks_while_it_is_looked_at_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
) -> None:
    path = write(tmp_path / name, content)
    write(tmp_path / "whole.safetensors", WHOLE[6][1])
    read = Candidate.read
    calls = 0

    def shrinking(self: Candidate, offset: int, length: int) -> bytes:
        nonlocal calls
        if self.path == os.fsencode(path):
            calls += 1
            if calls == 2:
                os.truncate(path, 20)
        return read(self, offset, length)

    monkeypatch.setattr(Candidate, "read", shrinking)
    _, found, census = survey(LocalTree([tmp_path]), model=MODEL, plan=SMALL)
    assert set(census.skipped) <= {"changed"}
    assert found.measured_files >= 1


def test_a_file_that_shrinks_before_it_is_measured_has_changed(tmp_path: Path) -> None:
    path = write(tmp_path / WHOLE[0][0], WHOLE[0][1])
    seen = 0

    def cut(looked_at: bytes) -> None:
        nonlocal seen
        seen += 1
        if seen == 2:  # once when it is found, once when it is measured
            os.truncate(path, 100)

    _, found, census = survey(LocalTree([tmp_path]), plan=SMALL, on_file=cut)
    assert (found.measured, census.skipped["changed"].entries) == (None, 1)


def test_an_interrupt_leaves_what_was_measured(tmp_path: Path) -> None:
    for number in range(6):
        write(tmp_path / f"{number}.safetensors", WHOLE[6][1])
    stop = threading.Event()
    seen = 0

    def ninth(looked_at: bytes) -> None:
        nonlocal seen
        seen += 1
        if seen == 9:
            stop.set()

    _, found, _ = survey(LocalTree([tmp_path]), plan=SMALL, stop=stop, on_file=ninth)
    assert found.interrupted
    assert (found.dump_files, found.measured_files) == (6, 2)


# ---- cost by data, not by appearance ----


def test_no_more_tokens_are_read_than_a_context_can_have(tmp_path: Path) -> None:
    path = write(tmp_path / "slot.bin", b"nsgg" + (10).to_bytes(4, "little") + b"\xff" * 4)
    os.truncate(path, 17 << 30)
    read_bytes = 0
    read = os.pread

    def counting(fd: int, length: int, offset: int) -> bytes:
        nonlocal read_bytes
        read_bytes += length
        return read(fd, length, offset)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "pread", counting)
        _, found, _ = survey(LocalTree([tmp_path]))
    assert "more than any context has" in found.malformed[0].message
    assert read_bytes < 1 << 16


@pytest.mark.parametrize(
    ("name", "content"), WHOLE[:14], ids=[name[-24:] for name, _ in WHOLE[:14]]
)
def test_a_file_of_holes_costs_what_is_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, content: bytes
) -> None:
    path = write(tmp_path / name, content)
    os.truncate(path, 1 << 40)
    read_bytes = 0
    read = os.pread

    def counting(fd: int, length: int, offset: int) -> bytes:
        nonlocal read_bytes
        read_bytes += length
        return read(fd, length, offset)

    monkeypatch.setattr(os, "pread", counting)
    survey(LocalTree([tmp_path]), model=MODEL, plan=SMALL, budget_bytes=1 << 16)
    assert read_bytes < 1 << 28


def test_one_state_given_over_and_over_is_no_cache(tmp_path: Path) -> None:
    big = b"}q\x00(" + b"NN" * 100_000 + b"ub"
    made = b"\x80\x02ctransformers.cache_utils\nDynamicCache\n)\x81"
    pkl = made + big + b"h\x00b" * 200_000 + b"."
    assert recognised(write(tmp_path / "cache.pt", saved(None, pkl=pkl))) is None


# ---- what lies outside what was named ----


@pytest.fixture
def run_of(tmp_path: Path) -> Callable[[Path], Path]:
    """A block under a root, and the folder that its config.json lies in."""

    def made(root: Path) -> Path:
        block_file(root, kv_bits(3, 1, 16, 64).tobytes(), run_config())
        (config,) = root.glob("*/config.json")
        return config

    return made


def confidence(root: Path) -> str:
    ((row,), *_) = survey(LocalTree([root]), plan=SMALL)
    return row.confidence


def test_a_config_within_what_was_named_is_read(tmp_path: Path, run_of: Any) -> None:
    run_of(tmp_path / "root")
    assert confidence(tmp_path / "root") == "inferred"
    (tmp_path / "link").symlink_to(tmp_path / "root")
    assert confidence(tmp_path / "link") == "inferred"


def test_a_folder_that_is_a_link_leads_to_no_config(tmp_path: Path, run_of: Any) -> None:
    config = run_of(tmp_path / "root")
    outside = config.parent.rename(tmp_path / "outside")
    config.parent.symlink_to(outside)
    assert confidence(tmp_path / "root") == "unknown"


def test_a_config_that_is_a_link_is_not_read(tmp_path: Path, run_of: Any) -> None:
    config = run_of(tmp_path / "root")
    config.symlink_to(config.rename(tmp_path / "config.json"))
    assert confidence(tmp_path / "root") == "unknown"


def test_a_config_beyond_what_was_named_is_not_read(tmp_path: Path, run_of: Any) -> None:
    run_of(tmp_path / "root")
    (blocks,) = (tmp_path / "root").glob("*_r0")
    assert confidence(blocks) == "unknown"
