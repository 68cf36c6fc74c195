"""A config.json of any family gives its attention geometry, or an error that says what to do."""

from pathlib import Path

import pytest
from support.model_configs import FAMILIES, LLAMA, kv, read

from storeff.kv.models.model import (
    NoCache,
    State,
    load_models,
)


def test_llama_is_read_as_the_catalogue_has_it(tmp_path: Path) -> None:
    model = read(tmp_path, LLAMA)
    assert model.layers == load_models()["llama-3.1-70b"].layers
    assert (model.cache_format, model.context_tokens) == ("bf16", 131072)
    assert (model.name, model.title, model.kind) == (tmp_path.name, "llama", "config")
    assert model.notes == ()


# Written as the vendor does: JSON has no Infinity.
NEMOTRON_H = """{"model_type": "nemotron_h", "num_hidden_layers": 5, "hidden_size": 8192,
"hybrid_override_pattern": "M-M*E", "attention_head_dim": 128, "num_attention_heads": 64,
"num_key_value_heads": 8, "ssm_state_size": 256, "mamba_num_heads": 256, "mamba_head_dim": 64,
"n_groups": 8, "conv_kernel": 4, "mamba_ssm_cache_dtype": "float32", "sliding_window": null,
"time_step_limit": [0.0, Infinity], "torch_dtype": "bfloat16"}"""


@pytest.mark.parametrize("family", FAMILIES)
def test_the_layers_of_a_family_are_read(tmp_path: Path, family: str) -> None:
    config, layers = FAMILIES[family]
    assert list(read(tmp_path, config).layers) == layers


def test_nemotron_h_is_read_with_its_infinity(tmp_path: Path) -> None:
    state, none, attention = read(tmp_path, NEMOTRON_H).layers
    assert isinstance(state, State)
    assert (state.count, state.state_format, state.conv_format) == (2, "f32", "bf16")
    assert none == NoCache(count=2)
    assert attention == kv(1, 8, 128)


def test_a_default_of_the_architecture_is_told(tmp_path: Path) -> None:
    notes = read(tmp_path, FAMILIES["gemma-3-12b"][0]).notes
    assert "head_dim is not in the file: 256, the default of the architecture" in notes


def test_an_architecture_not_known_here_is_told(tmp_path: Path) -> None:
    model = read(tmp_path, LLAMA | {"model_type": "llama9"})
    assert model.notes == ("'llama9' is not an architecture known here: read by the usual keys",)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_family_is_known(tmp_path: Path, family: str) -> None:
    notes = read(tmp_path, FAMILIES[family][0]).notes
    assert not any("not an architecture" in note for note in notes)


@pytest.mark.parametrize(
    ("without", "note"),
    [("num_key_value_heads", "one for each of 64 heads"), ("torch_dtype", "not in the file: bf16")],
)
def test_a_convention_is_told(tmp_path: Path, without: str, note: str) -> None:
    model = read(tmp_path, {key: value for key, value in LLAMA.items() if key != without})
    assert any(note in told for told in model.notes)


def test_the_dtype_of_quantised_weights_is_not_that_of_the_cache(tmp_path: Path) -> None:
    model = read(tmp_path, LLAMA | {"torch_dtype": "float8_e4m3fn"})
    assert model.cache_format == "bf16"
    assert any("of the weights" in note for note in model.notes)
