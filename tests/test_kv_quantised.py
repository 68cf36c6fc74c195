"""A checkpoint that says how its KV cache is quantised is believed; what is not known is noted."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.errors import StoreffError
from storeff.kv.models.config import read_config
from storeff.kv.models.model import Model, bytes_per_token

# Llama 3.1 70B: 327,680 bytes a token in bf16.
LLAMA: dict[str, Any] = {
    "model_type": "llama",
    "hidden_size": 8192,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "torch_dtype": "bfloat16",
}
ELEMENTS = 163_840
FLOAT8 = {"dynamic": False, "num_bits": 8, "type": "float"}
TENSOR = {"strategy": "tensor", "symmetric": True}


def read(folder: Path, beside: Any = None, **changed: Any) -> Model:
    (folder / "config.json").write_text(json.dumps(LLAMA | changed))
    if beside is not None:
        text = beside if isinstance(beside, str) else json.dumps(beside)
        (folder / "hf_quant_config.json").write_text(text)
    return read_config(folder / "config.json")


def scheme(**changed: Any) -> dict[str, Any]:
    return {"quantization_config": {"kv_cache_scheme": changed}}


STATED: dict[str, tuple[dict[str, Any], str, int]] = {
    "ModelOpt": (scheme(**FLOAT8), "fp8", ELEMENTS),
    "compressed-tensors": (scheme(**FLOAT8, **TENSOR), "fp8", ELEMENTS),
    "its older key": ({"compression_config": {"kv_cache_scheme": FLOAT8}}, "fp8", ELEMENTS),
    "an algorithm": ({"quantization_config": {"kv_cache_quant_algo": "FP8"}}, "fp8", ELEMENTS),
    "an algorithm, nested as in ModelOpt's own file": (
        {
            "quantization_config": {
                "quant_method": "modelopt",
                "quantization": {"quant_algo": "FP8", "kv_cache_quant_algo": "FP8"},
            }
        },
        "fp8",
        ELEMENTS,
    ),
    "NVFP4": (
        {"quantization_config": {"kv_cache_quant_algo": "NVFP4"}},
        "nvfp4",
        ELEMENTS // 2 + ELEMENTS // 16,
    ),
    "4-bit floats": (
        scheme(num_bits=4, type="float", group_size=16),
        "nvfp4",
        ELEMENTS // 2 + ELEMENTS // 16,
    ),
    "int8, a scale a tensor": (
        scheme(num_bits=8, type="int", **TENSOR),
        "int8-tensor",
        ELEMENTS,
    ),
    "int8 in groups": (
        scheme(num_bits=8, type="int", group_size=32),
        "int8",
        ELEMENTS + ELEMENTS // 8,
    ),
    "int4": (scheme(num_bits=4, type="int"), "int4", ELEMENTS // 2 + ELEMENTS // 8),
    "a dtype": ({"kv_cache_dtype": "fp8_e5m2"}, "fp8", ELEMENTS),
    "a dtype of torch": ({"kv_cache_dtype": "torch.float8_e4m3fn"}, "fp8", ELEMENTS),
    "no quantisation": ({"quantization_config": {"kv_cache_scheme": None}}, "bf16", 2 * ELEMENTS),
    "as the model": ({"kv_cache_dtype": "auto"}, "bf16", 2 * ELEMENTS),
}


@pytest.mark.parametrize("how", STATED)
def test_what_is_stated_is_counted(tmp_path: Path, how: str) -> None:
    changed, cache_format, per_token = STATED[how]
    model = read(tmp_path, **changed)
    assert (model.cache_format, bytes_per_token(model)) == (cache_format, per_token)


def test_what_says_so_is_noted(tmp_path: Path) -> None:
    model = read(tmp_path, quantization_config={"kv_cache_scheme": FLOAT8})
    assert model.notes == ("quantization_config.kv_cache_scheme says that the cache is fp8",)


def test_a_file_of_modelopt_beside_it_counts(tmp_path: Path) -> None:
    beside = {"producer": {"name": "modelopt"}, "quantization": {"kv_cache_quant_algo": "FP8"}}
    assert read(tmp_path, beside).cache_format == "fp8"


def test_a_file_beside_that_cannot_be_read_is_noted(tmp_path: Path) -> None:
    model = read(tmp_path, "{")
    assert model.cache_format == "bf16"
    assert "may say that the cache is quantised" in model.notes[0]


def test_statements_that_disagree_are_noted(tmp_path: Path) -> None:
    beside = {"quantization": {"kv_cache_quant_algo": "INT8"}}
    model = read(tmp_path, beside, quantization_config={"kv_cache_scheme": FLOAT8})
    assert model.cache_format == "fp8"
    assert "the first is taken" in model.notes[0]


def test_the_config_of_a_language_part_may_say_it_above_it(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text(
        json.dumps({"text_config": LLAMA, "quantization_config": {"kv_cache_scheme": FLOAT8}})
    )
    assert read_config(tmp_path / "config.json").cache_format == "fp8"


@pytest.mark.parametrize(
    "quantization",
    [
        {"kv_cache_scheme": {"num_bits": 6, "type": "float"}},
        {"kv_cache_scheme": {"num_bits": "8", "type": "float"}},
        {"kv_cache_scheme": "fancy"},
        {"kv_cache_scheme": ["fp8"]},
        {"kv_cache_quant_algo": "FP3"},
        {"kv_cache_dtype": "fp8_ds_mla"},
        {"quant_method": "quark", "export": {"kv_cache_group": ["*k_proj", "*v_proj"]}},
    ],
    ids=str,
)
def test_what_is_not_known_is_noted_and_not_counted(
    tmp_path: Path, quantization: dict[str, Any]
) -> None:
    model = read(tmp_path, quantization_config=quantization)
    assert model.cache_format == "bf16"
    assert any("not counted" in note for note in model.notes)


def test_scales_by_token_are_noted(tmp_path: Path) -> None:
    scheme = FLOAT8 | {"strategy": "token", "dynamic": True}
    model = read(tmp_path, quantization_config={"kv_cache_scheme": scheme})
    assert model.cache_format == "fp8"
    assert "strategy 'token': they are not counted" in model.notes[0]


def test_weights_that_are_quantised_say_nothing_of_the_cache(tmp_path: Path) -> None:
    quantization = {"quant_method": "gptq", "bits": 4, "group_size": 128}
    model = read(tmp_path, quantization_config=quantization)
    assert (model.cache_format, model.notes) == ("bf16", ())


def test_a_state_keeps_the_format_of_the_model(tmp_path: Path) -> None:
    hybrid = {
        "model_type": "lfm2", "layer_types": ["conv", "full_attention"], "num_hidden_layers": 2,
        "conv_L_cache": 3, "kv_cache_dtype": "fp8",
    }  # fmt: skip
    model = read(tmp_path, **hybrid)
    (state,) = (group for group in model.layers if hasattr(group, "state_format"))
    assert (model.cache_format, state.state_format) == ("fp8", "bf16")


def test_a_config_that_is_a_link_is_the_users_own(tmp_path: Path) -> None:
    blobs, snapshot = tmp_path / "blobs", tmp_path / "snapshot"
    for folder in (blobs, snapshot):
        folder.mkdir()
    for name, content in (
        ("config.json", LLAMA),
        ("hf_quant_config.json", {"quantization": {"kv_cache_quant_algo": "FP8"}}),
    ):
        (blobs / name[:2]).write_text(json.dumps(content))
        (snapshot / name).symlink_to(blobs / name[:2])
    model = read_config(snapshot / "config.json")
    assert (model.name, model.cache_format) == ("snapshot", "fp8")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9) | st.just(float("inf")),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["num_bits", "type", "strategy", "group_size", "kv_cache_scheme", "kv", "x"]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=8,
)


@given(
    _VALUES, _VALUES, st.sampled_from(["kv_cache_scheme", "kv_cache_quant_algo", "kv_cache_dtype"])
)
def test_whatever_is_said_is_read_or_noted_or_refused(
    tmp_path_factory: pytest.TempPathFactory, value: Any, beside: Any, name: str
) -> None:
    folder = tmp_path_factory.mktemp("said", numbered=True)
    try:
        model = read(folder, beside, quantization_config={name: value}, **{name: value})
    except StoreffError:
        return
    assert model.cache_format in (
        "bf16",
        "f16",
        "f32",
        "fp8",
        "int8-tensor",
        "int8",
        "int4",
        "nvfp4",
    )
