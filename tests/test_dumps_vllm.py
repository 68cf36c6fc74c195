"""vLLM's dumps: what each version's connector and the native file-system tier write."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
from support.dump_files import (
    bits,
    dump_of,
    kv_bits,
    needs_shared,
    recognised,
    safetensors,
    shared,
    with_header,
    write,
)
from support.vllm_files import CHANNELS, KEY, LAYER, LAYERS, TOKENS, block_file, run_config

from storeff.errors import ContradictionError

SAMPLES = Path(__file__).parents[1] / "samples" / "data" / "kv"


def layer_file(tmp_path: Path, content: bytes, layer: int = 3) -> Path:
    return write(tmp_path / KEY / LAYER.format(layer), content)


# The connectors


@needs_shared
def test_real_kv_of_the_shared_storage_connector() -> None:
    found = {p: dump_of(p) for p in shared("vllm-shared-storage/*/*")}
    assert sorted(d.tensors[0].layer or 0 for d in found.values()) == list(range(6))
    for path, dump in found.items():
        assert (dump.system, dump.kind, dump.confidence, dump.tokens, dump.key) == (
            "vLLM SharedStorageConnector",
            "kv",
            "exact",
            256,
            path.parent.name,
        )
        [tensor] = dump.tensors
        assert (tensor.dtype, tensor.holds) == ("bf16", "kv")
        assert tensor.axes == ("kv", "token", "channel")
        assert tensor.shape == (2, 256, 384)


@pytest.mark.parametrize("path", sorted(SAMPLES.glob("*/*")), ids=lambda p: p.name[:14])
def test_the_samples(path: Path) -> None:
    dump = dump_of(path)
    assert dump.key == path.parent.name
    assert dump.tokens in (160, 192)
    [tensor] = dump.tensors
    assert tensor.shape == (2, dump.tokens, 128)
    assert tensor.layer == int(path.name.split(".")[2])
    assert tensor.offset + tensor.length == path.stat().st_size


def test_the_shared_storage_connector_has_k_then_v(tmp_path: Path) -> None:
    kv = kv_bits(2, 16, 64)
    path = layer_file(tmp_path, safetensors({"kv_cache": kv}))
    dump = dump_of(path)
    assert (dump.confidence, dump.tokens, dump.key) == ("exact", 16, KEY)
    [tensor] = dump.tensors
    assert (tensor.axes, tensor.layer) == (("kv", "token", "channel"), 3)
    assert np.array_equal(bits(path, tensor), kv)


def test_the_example_connector_has_k_then_v_in_each_head_of_a_token(tmp_path: Path) -> None:
    k, v = kv_bits(16, 4, 8), kv_bits(16, 4, 8, seed=2)
    path = layer_file(tmp_path, safetensors({"kv_cache": np.concatenate([k, v], axis=2)}))
    dump = dump_of(path)
    assert (dump.system, dump.confidence) == ("vLLM ExampleConnector", "inferred")
    [tensor] = dump.tensors
    assert tensor.axes == ("token", "head", "kv", "dim")
    assert tensor.shape == (16, 4, 2, 8)
    assert np.array_equal(bits(path, tensor)[:, :, 0], k)
    assert np.array_equal(bits(path, tensor)[:, :, 1], v)


@pytest.mark.parametrize("width", [7, 15])
def test_rows_that_may_hold_scales_are_not_split(tmp_path: Path, width: int) -> None:
    quantised = np.zeros((16, 4, width + width % 2), np.uint8)
    for array in (kv_bits(16, 4, width), quantised):
        [tensor] = dump_of(layer_file(tmp_path, safetensors({"kv_cache": array}))).tensors
        assert tensor.axes == ("token", "head", "channel")
        assert tensor.shape == array.shape


def test_the_triton_back_end_had_k_and_v_after_the_token(tmp_path: Path) -> None:
    path = layer_file(tmp_path, safetensors({"kv_cache": kv_bits(16, 2, 4, 8)}))
    [tensor] = dump_of(path).tensors
    assert tensor.axes == ("token", "kv", "head", "dim")


def test_two_axes_are_latents(tmp_path: Path) -> None:
    [tensor] = dump_of(layer_file(tmp_path, safetensors({"kv_cache": kv_bits(16, 576)}))).tensors
    assert (tensor.axes, tensor.holds) == (("token", "latent"), "latent")


def test_an_unknown_shape_is_said_to_be_unknown(tmp_path: Path) -> None:
    path = layer_file(tmp_path, safetensors({"kv_cache": kv_bits(4, 3, 2, 2)}))
    dump = dump_of(path)
    assert (dump.confidence, dump.tokens) == ("unknown", None)
    assert (dump.tensors[0].axes, dump.tensors[0].dtype) == ((), "bf16")


def test_the_key_and_the_layer_come_from_the_path(tmp_path: Path) -> None:
    path = write(tmp_path / "copied" / "a.safetensors", safetensors({"kv_cache": kv_bits(2, 4, 4)}))
    dump = dump_of(path)
    assert (dump.key, dump.tensors[0].layer) == (None, None)


def test_weights_are_none_of_it(tmp_path: Path) -> None:
    with_weights = safetensors({"kv_cache": kv_bits(2, 4, 4), "lm_head": kv_bits(4)})
    assert recognised(layer_file(tmp_path, with_weights)) is None
    assert recognised(layer_file(tmp_path, safetensors({"weight": kv_bits(2, 4, 4)}))) is None


def test_a_cut_off_dump_is_malformed(tmp_path: Path) -> None:
    content = safetensors({"kv_cache": kv_bits(2, 16, 64)})
    for length in (3, 40, len(content) - 1):
        path = layer_file(tmp_path, content[:length])
        with pytest.raises(ContradictionError):
            dump_of(path)


@pytest.mark.parametrize(
    ("entry", "wrong"),
    [
        ({"shape": [2, 16, 65]}, "is 4160 bytes, but its data_offsets span 4096"),
        ({"shape": [2, 1 << 62, 1 << 62]}, "data_offsets span 4096"),
        ({"shape": [2, 16, -64]}, "no possible dtype or shape"),
        ({"shape": [2, 16, 64.0]}, "no possible dtype or shape"),
        ({"shape": [True, 16, 64]}, "no possible dtype or shape"),
        ({"shape": [1] * 9}, "no possible dtype or shape"),
        ({"dtype": None}, "no possible dtype or shape"),
        ({"data_offsets": [4096, 0]}, "no possible data_offsets"),
        ({"data_offsets": [0]}, "no possible data_offsets"),
        ({"data_offsets": [1, 4097]}, "leaves a hole before it"),
        ({"shape": [2, 16, 128], "data_offsets": [0, 8192]}, "its tensors end at"),
    ],
)
def test_a_lying_header_is_malformed(tmp_path: Path, entry: dict[str, object], wrong: str) -> None:
    fields = {"dtype": "BF16", "shape": [2, 16, 64], "data_offsets": [0, 4096]} | entry
    text = json.dumps({"kv_cache": fields}).encode()
    with pytest.raises(ContradictionError, match=wrong):
        dump_of(layer_file(tmp_path, with_header(text, bytes(4096))))


# The native file-system tier


def test_a_block_has_a_page_a_layer(tmp_path: Path) -> None:
    pages = kv_bits(LAYERS, 1, TOKENS, CHANNELS)
    path = block_file(tmp_path, pages.tobytes(), run_config())
    dump = dump_of(path)
    assert (dump.kind, dump.confidence) == ("kv", "inferred")
    assert (dump.tokens, dump.model) == (TOKENS, "meta-llama/Llama-3.1-8B")
    assert dump.key == path.stem
    assert "K and V of 32 channels" in dump.why
    assert [t.layer for t in dump.tensors] == list(range(LAYERS))
    for tensor, page in zip(dump.tensors, pages, strict=True):
        assert (tensor.axes, tensor.holds) == (("block", "token", "channel"), "kv")
        assert np.array_equal(bits(path, tensor), page)


def test_blocks_of_a_file_are_counted_in_its_tokens(tmp_path: Path) -> None:
    content = kv_bits(LAYERS, 4, TOKENS, CHANNELS).tobytes()
    dump = dump_of(block_file(tmp_path, content, run_config(blocks_per_file=4)))
    assert dump.tokens == 4 * TOKENS
    assert dump.tensors[0].shape == (4, TOKENS, CHANNELS)


def test_each_worker_of_a_tensor_parallel_run_has_a_page_a_layer(tmp_path: Path) -> None:
    content = kv_bits(2, LAYERS, 1, TOKENS, CHANNELS // 2).tobytes()
    config = run_config(tp_size=2, parallel_agnostic=False)
    dump = dump_of(block_file(tmp_path, content, config))
    assert [t.layer for t in dump.tensors] == [*range(LAYERS), *range(LAYERS)]
    assert {t.holds for t in dump.tensors} == {None}


def test_a_replicated_layout_is_latents(tmp_path: Path) -> None:
    content = kv_bits(LAYERS, 1, TOKENS, CHANNELS).tobytes()
    dump = dump_of(block_file(tmp_path, content, run_config(replicated_layout=True)))
    assert {t.holds for t in dump.tensors} == {"latent"}


@pytest.mark.parametrize(
    "changed",
    [
        {"canonical_format": "v2-hnd"},
        {"pp_size": 2, "parallel_agnostic": False},
        {
            "kv_cache_groups": [
                {"tokens_per_block": TOKENS, "layer_names": ["layers.0.attn"]},
                {"tokens_per_block": TOKENS, "layer_names": []},
            ]
        },
    ],
)
def test_an_order_that_is_not_known_leaves_the_dtype(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    content = kv_bits(LAYERS, 1, TOKENS, CHANNELS).tobytes()
    dump = dump_of(block_file(tmp_path, content, run_config(**changed)))
    assert dump.confidence == "config-assisted"
    [tensor] = dump.tensors
    assert (tensor.offset, tensor.length) == (0, len(content))
    assert (tensor.dtype, tensor.axes, tensor.shape) == ("bf16", (), ())


def test_a_block_padded_to_pages_is_not_divided(tmp_path: Path) -> None:
    config = run_config(
        kv_cache_groups=[{"tokens_per_block": 3, "layer_names": ["layers.0", "layers.1"]}]
    )
    [tensor] = dump_of(block_file(tmp_path, bytes(4096), config)).tensors
    assert tensor.axes == ()


def test_a_cut_off_block_is_malformed(tmp_path: Path) -> None:
    content = kv_bits(LAYERS, 1, TOKENS, CHANNELS).tobytes()
    for length in (0, 1, len(content) - 1):
        with pytest.raises(ContradictionError, match="do not divide"):
            dump_of(block_file(tmp_path, content[:length], run_config()))


@pytest.mark.parametrize(
    "changed",
    [
        {"kv_cache_groups": []},
        {"kv_cache_groups": [{"tokens_per_block": 0, "layer_names": ["layers.0"]}]},
        {"blocks_per_file": -1},
        {"tp_size": "2"},
    ],
)
def test_a_config_of_another_kind_leaves_the_block_opaque(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    dump = dump_of(block_file(tmp_path, bytes(4096), run_config(**changed)))
    assert (dump.kind, dump.tensors) == ("opaque", ())


def test_a_config_of_another_folder_leaves_the_block_opaque(tmp_path: Path) -> None:
    path = block_file(tmp_path, bytes(4096), run_config())
    config = path.parents[2].with_name(path.parents[2].name.removesuffix("_r0")) / "config.json"
    config.write_text(json.dumps(run_config(dtype="float32")))
    assert "digest" in dump_of(path).why
    config.unlink()
    dump = dump_of(path)
    assert (dump.kind, dump.key) == ("opaque", path.stem)
    assert "config.json" in dump.why


@pytest.mark.parametrize(
    "changed",
    [
        {"kv_cache_groups": [{"tokens_per_block": 1, "layer_names": [""] * ((1 << 14) + 1)}]},
        {"tp_size": 1 << 32, "parallel_agnostic": False},
    ],
)
def test_more_pages_than_a_model_has_are_not_made(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    assert len(dump_of(block_file(tmp_path, bytes(4096), run_config(**changed))).tensors) == 1


def test_a_block_being_written_is_temporary(tmp_path: Path) -> None:
    path = block_file(tmp_path, bytes(10), run_config(), suffix="_8203491.tmp")
    assert dump_of(path).kind == "temporary"


def test_other_bin_files_are_none_of_it(tmp_path: Path) -> None:
    block = hashlib.sha256(b"block").hexdigest()
    for name in (
        f"{block}.bin",
        f"model_r0/{block[:3]}/{block[3:5]}_g0/{block}.bin",
        f"model_0123456789ab_r0/000/00_g0/{block}.bin",
        f"model_0123456789ab_r0_old/{block[:3]}/{block[3:5]}_g0/{block}.bin",
    ):
        assert recognised(write(tmp_path / name, bytes(4096))) is None
