"""A hostile config.json is refused with an error that names the file and what is wrong."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.model_configs import FAMILIES, FULL, LINEAR, LLAMA, SLIDING, Config, read

from storeff.errors import StoreffError
from storeff.kv.models.config import read_config
from storeff.kv.models.model import NoCache, bytes_per_token, cache_bytes


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"num_hidden_layers": None}, "has no num_hidden_layers"),
        ({"num_attention_heads": None}, "has no num_attention_heads"),
        ({"hidden_size": None}, "has no hidden_size"),
        ({"hidden_size": 8191}, "do not divide a hidden size of 8,191"),
        ({"num_hidden_layers": "80"}, "num_hidden_layers is '80', not a whole number"),
        ({"num_hidden_layers": True}, "num_hidden_layers is True"),
        ({"num_hidden_layers": 0}, "not a whole number from 1"),
        ({"num_hidden_layers": 10**30}, "not a whole number from 1 to 4,096"),
        ({"num_key_value_heads": -8}, "num_key_value_heads is -8"),
        ({"num_key_value_heads": 65}, "at most the 64 attention heads"),
        ({"num_key_value_heads": 8.0}, "num_key_value_heads is 8.0"),
        ({"head_dim": 10**9}, "head_dim is 1000000000"),
        ({"torch_dtype": 16}, "torch_dtype is 16, not a string"),
        ({"model_type": None}, "no model_type"),
        ({"model_type": "\x1b[31m"}, "no model_type that is a name"),
        ({"sliding\x1b[31m_window": 3}, r"has 'sliding.x1b\[31m_window', which may change"),
        ({"model_type": "bert"}, "not a decoder"),
        ({"is_encoder_decoder": True}, "not a decoder"),
        ({"layer_types": [FULL]}, "1 entries for 80 layers"),
        ({"layer_types": ["dream_attention"] * 80}, "kind 'dream_attention'"),
        ({"layer_types": [[]] * 80}, "kind a list of 0"),
        ({"layer_types": {"a": 1}}, "not a list with one entry a layer"),
        ({"layer_types": [SLIDING] * 80}, "has no sliding_window"),
        ({"sliding_window": 4096}, "window of 4,096 tokens and layer_types does not say where"),
        ({"kv_lora_rank": 512}, "has no qk_rope_head_dim"),
        ({"kv_lora_rank": 512, "qk_rope_head_dim": 64, "index_topk_freq": 2}, "shares indexers"),
        ({"attention_types": [[["global"], 10**12]]}, "attention_types is"),
        ({"linear_attn_config": {"full_attn_layers": [1], "kda_layers": [2]}}, "all layers from 1"),
        ({"linear_attn_config": 3}, "linear_attn_config is 3, not an object"),
        ({"attn_layer_indices": [80]}, "a layer number is 80"),
        ({"attn_layer_period": 8, "attn_layer_offset": 8}, "attn_layer_offset is 8"),
        ({"num_kv_heads": [8], "head_dim": 64}, "KV heads for 1 of 80 layers"),
        ({"block_configs": [3] * 80}, "a list of objects with attention"),
        ({"compress_ratios": [0, 4, 128]}, "llama has 'compress_ratios', which may change"),
        ({"cla_share_factor": 2}, "'cla_share_factor', which may change"),
        ({"local_attention": 128, "global_attn_every_n_layers": 3}, "local_attention"),
        ({"cross_attention_layers": [3, 8]}, "cross_attention_layers"),
        ({"model_type": "xlstm", "num_attention_heads": None, "num_heads": 8}, "has no num_att"),
        ({"text_config": {}, "llm_config": {}}, "several language models"),
    ],
)
def test_a_config_that_does_not_tell_is_refused(tmp_path: Path, change: Config, says: str) -> None:
    with pytest.raises(StoreffError, match=says) as caught:
        read(tmp_path, LLAMA | change)
    assert str(tmp_path) in caught.value.message


@pytest.mark.parametrize(
    "text",
    ["", "[]", "null", "{", '{"a":' * 100_000, '{"num_hidden_layers": ' + "9" * 5000 + "}", "\xff"],
)
def test_what_is_no_json_object_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_bytes(text.encode("latin-1"))
    with pytest.raises(StoreffError, match=r"config\.json"):
        read_config(tmp_path / "config.json")


def test_a_file_longer_than_any_config_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    with pytest.raises(StoreffError, match="larger than"):
        read_config(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreffError, match=r"cannot read .*No such file"):
        read_config(tmp_path / "config.json")


def test_a_hostile_value_is_shown_in_part(tmp_path: Path) -> None:
    with pytest.raises(StoreffError) as caught:
        read(tmp_path, LLAMA | {"head_dim": "x" * 10_000})
    assert len(caught.value.message) < 500


words = st.sampled_from(["", "M*-E", "LG", FULL, SLIDING, LINEAR, "auto", "float32", "a" * 99])
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 9) | st.integers() | st.floats() | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner),
    max_leaves=5,
)
known_keys = sorted({key for config, _ in FAMILIES.values() for key in config})


@given(
    family=st.sampled_from(sorted(FAMILIES)),
    changes=st.dictionaries(st.sampled_from(known_keys), anything, max_size=3),
)
def test_whatever_the_values_a_config_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, family: str, changes: Config
) -> None:
    folder = tmp_path_factory.getbasetemp()
    try:
        model = read(folder, FAMILIES[family][0] | changes)
    except StoreffError:
        return
    assert 0 <= bytes_per_token(model) < 1 << 60
    assert cache_bytes(model, 1) > 0 or all(isinstance(g, NoCache) for g in model.layers)
