"""The bytes of a KV cache are exact, and equal the published figures of named models."""

from datetime import date
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from storeff.errors import StoreffError
from storeff.kv.models.explain import explain
from storeff.kv.models.formats import STORAGE, CacheFormat, bits_per_element, vector_bytes
from storeff.kv.models.model import (
    Attention,
    Latent,
    Layers,
    Model,
    NoCache,
    State,
    bytes_per_token,
    cache_bytes,
    group_bytes,
    load_models,
    written_bytes_per_token,
)

KIB = 1024
MODELS = load_models()
FORMATS: list[CacheFormat] = list(STORAGE)
GQA = Model(name="gqa", layers=(Attention(count=80, kv_heads=8, head_dim=128),))


def of(*layers: Layers) -> Model:
    return Model(name="made up", layers=layers)


# Bytes a token in bf16, as published for each model.
@pytest.mark.parametrize(
    ("name", "kib"),
    [
        ("llama-3.1-8b", 128),
        ("llama-3.1-70b", 320),  # also in the Mooncake paper (FAST 2025)
        ("llama-3.1-405b", 504),
        ("llama-3.3-70b", 320),
        ("qwen2.5-7b", 56),
        ("qwen2.5-72b", 320),
        ("qwen3-8b", 144),
        ("qwen3-32b", 256),
        ("qwen3-235b-a22b", 188),
        ("mistral-7b-v0.3", 128),
        ("qwen3-next-80b-a3b", 24),
        ("minimax-m2", 248),
        ("deepseek-v2", Fraction("67.5")),
        ("yi-34b", 240),
    ],
)
def test_a_token_takes_what_is_published_for_the_model(name: str, kib: int | Fraction) -> None:
    assert bytes_per_token(MODELS[name], "bf16") == kib * KIB


def test_deepseek_v3_and_r1_keep_576_elements_in_61_layers() -> None:
    assert bytes_per_token(MODELS["deepseek-v3"]) == 61 * (512 + 64) * 2 == 70_272
    assert bytes_per_token(MODELS["deepseek-r1"]) == 70_272


def test_glm_5_keeps_keys_for_its_indexer_too() -> None:
    assert bytes_per_token(MODELS["glm-5"]) == 78 * (512 + 64 + 128) * 2 == 109_824


def test_a_qwen3_next_layer_keeps_the_published_state() -> None:
    [state] = [g for g in MODELS["qwen3-next-80b-a3b"].layers if isinstance(g, State)]
    assert state.count == 36
    assert state.conv_channels == 8192
    assert state.constant_bytes() == 1_097_728


def test_llama_70b_with_128k_of_context_takes_40_gib() -> None:
    assert cache_bytes(MODELS["llama-3.1-70b"], 128 * KIB) == 40 * KIB**3


def test_50_eb_hold_the_published_tokens() -> None:
    assert 50 * 10**18 // bytes_per_token(MODELS["llama-3.1-70b"]) == 152_587_890_625_000
    assert f"{50e18 / bytes_per_token(MODELS['deepseek-v3']):.1e}" == "7.1e+14"


@pytest.mark.parametrize("name", MODELS)
def test_each_model_says_what_was_read_for_it(name: str) -> None:
    model = MODELS[name]
    assert model.title
    assert model.source
    if model.kind == "assumption":
        assert "unverified" in model.source
    else:
        assert model.read_on is not None
        assert model.read_on <= date(2026, 11, 21)


def test_most_models_rest_on_their_config() -> None:
    kinds = [model.kind for model in MODELS.values()]
    assert len(kinds) >= 50
    assert kinds.count("config") >= 30
    assert kinds.count("assumption") <= 2


@pytest.mark.parametrize(
    ("name", "layers"),
    [
        ("gemma-2-9b", 42),
        ("gemma-3-27b", 62),
        ("gpt-oss-120b", 36),
        ("kimi-linear-48b-a3b", 27),
        ("llama-4-scout", 48),
        ("nemotron-h-56b", 118),
        ("nemotron-super-49b", 80),
        ("qwen3-next-80b-a3b", 48),
    ],
)
def test_the_groups_of_a_hybrid_are_all_its_layers(name: str, layers: int) -> None:
    assert sum(group.count for group in MODELS[name].layers) == layers


def test_a_model_of_the_user_joins_the_catalogue(tmp_path: Path) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(
        '[mine]\nlayers = [{ kind = "mla", count = 2, latent_dim = 8, rope_dim = 0 }]\n'
    )
    assert bytes_per_token(load_models(mine)["mine"]) == 32
    assert "llama-3.1-8b" in load_models(mine)


@pytest.mark.parametrize(
    ("layers", "says"),
    [
        ('[{ kind = "kv", count = 2, heads = 8, head_dim = 4 }]', "kv_heads|heads"),
        ('[{ kind = "sliding", count = 2 }]', "Invalid value 'sliding'"),
        ('[{ kind = "kv", count = 0, kv_heads = 8, head_dim = 4 }]', ">= 1"),
        (
            '[{ kind = "kv", count = 1, kv_heads = 8, head_dim = 4, chunked = true }]',
            "chunk length",
        ),
        ("[]", "length >= 1"),
    ],
)
def test_a_wrong_layer_in_the_users_file_is_named(tmp_path: Path, layers: str, says: str) -> None:
    mine = tmp_path / "mine.toml"
    mine.write_text(f"[mine]\nlayers = {layers}\n")
    with pytest.raises(StoreffError, match=says):
        load_models(mine)


def test_a_source_is_demanded_of_what_is_no_assumption() -> None:
    with pytest.raises(ValueError, match="needs a source"):
        Model(name="m", layers=GQA.layers, kind="config")


@pytest.mark.parametrize(
    ("cache_format", "bits"),
    [
        ("f32", 32),
        ("bf16", 16),
        ("f16", 16),
        ("fp8", 8),
        ("int8", 9),
        ("int4", 5),
        ("q8_0", Fraction("8.5")),
        ("q4_0", Fraction("4.5")),
    ],
)
def test_bits_hold_the_metadata_of_the_format(cache_format: CacheFormat, bits: int) -> None:
    assert bits_per_element(cache_format) == bits
    assert bytes_per_token(GQA, cache_format) == 2 * 80 * 8 * 128 * bits / 8


def test_int4_with_its_scales_shrinks_bf16_by_3_2_not_4() -> None:
    assert Fraction(bytes_per_token(GQA, "bf16"), bytes_per_token(GQA, "int4")) == Fraction("3.2")


def test_a_part_of_a_group_has_whole_metadata() -> None:
    assert vector_bytes(33, "int4") == 17 + 2 * 4


def test_a_window_holds_no_more_than_its_length() -> None:
    model = of(Attention(count=2, kv_heads=1, head_dim=4, window=100))
    assert cache_bytes(model, 99) == 99 * 32
    assert cache_bytes(model, 100) == cache_bytes(model, 10**9) == 100 * 32
    assert bytes_per_token(model) == 0
    assert written_bytes_per_token(model) == 32


def test_a_value_of_another_width_is_counted_so() -> None:
    model = of(Attention(count=1, kv_heads=2, head_dim=192, value_dim=128))
    assert bytes_per_token(model) == 2 * (192 + 128) * 2


def test_a_constant_state_is_there_from_the_first_token_in_its_own_format() -> None:
    state = State(count=3, heads=2, head_dim=4, state_dim=8, groups=1, conv_tokens=3)
    assert state.constant_bytes() == (2 * 4 * 8 + 3 * (2 * 4 + 2 * 8)) * 2
    for tokens in (1, 10**6):
        assert cache_bytes(of(state), tokens, "int4") == 3 * state.constant_bytes()


def test_a_negative_number_of_tokens_is_refused() -> None:
    with pytest.raises(StoreffError, match="-1 tokens"):
        cache_bytes(GQA, -1)


def test_the_explanation_is_the_formula_with_its_numbers() -> None:
    assert explain(MODELS["llama-3.1-70b"], 128 * KIB) == [
        "bf16: 16 bits an element",
        "full attention: 2 (K and V) x 80 layers x 8 KV heads x 128 x 2 bytes = 327,680 bytes a "
        "token (320 KiB)",
        "together: 327,680 bytes a token (320 KiB)",
        "one sequence of 131,072 tokens: 42,949,672,960 bytes (40.0 GiB)",
        "not included: the last, partly filled block of each sequence; the one scale a tensor of "
        "fp8; copies of KV heads or latents on several ranks; draft and multi-token-prediction "
        "layers",
    ]


def test_quantisation_is_explained_with_its_metadata() -> None:
    bits, formula, *_ = explain(GQA, 1, "int4")
    assert bits == (
        "int4: 4 bits an element and an f16 scale and zero point each 32 elements: "
        "5 bits an element"
    )
    assert "x 128 x 0.625 byte = 102,400 bytes a token (100 KiB)" in formula


def test_a_latent_is_explained_by_its_parts() -> None:
    text = "\n".join(explain(MODELS["glm-5"], 1))
    parts = "512 x 2 bytes of latent + 64 x 2 bytes of rope + 128 x 2 bytes of index key"
    assert f"K and V in one: 78 layers x ({parts}) = 109,824 bytes a token (107 KiB)" in text
    assert "note: index keys" in text


def test_a_window_and_what_a_store_keeps_are_explained() -> None:
    text = "\n".join(explain(MODELS["gpt-oss-120b"], 10_000))
    assert "sliding window of 128 tokens: 2 (K and V) x 18 layers" in text
    assert "= 36,864 bytes a token (36.0 KiB), at most 4,718,592 bytes (4.50 MiB)" in text
    assert "together: 36,864 bytes a token (36.0 KiB), beyond the window of 128 tokens" in text
    assert "written in all layers: 73,728 bytes a token (72.0 KiB)" in text
    assert "10,000 tokens: 4,718,592 + 368,640,000 = 373,358,592 bytes (356 MiB)" in text
    assert "note: torch_dtype is not in the file: bf16" in text


def test_a_state_and_layers_without_cache_are_explained() -> None:
    text = "\n".join(explain(MODELS["nemotron-3-nano-30b-a3b"], 0))
    formula = "64 x 64 x 128 of state x 4 bytes + 3 x 6144 of convolution x 2 bytes"
    assert f"constant state: 23 layers x ({formula}) = 49,082,368 bytes (46.8 MiB)" in text
    assert "no cache of their own: 23 layers" in text


widths = st.integers(1, 300)
counts = st.integers(1, 100)
attentions = st.builds(
    Attention,
    count=counts,
    kv_heads=st.integers(1, 64),
    head_dim=widths,
    value_dim=st.none() | widths,
    window=st.none() | st.integers(1, 10_000),
)
latents = st.builds(Latent, count=counts, latent_dim=widths, rope_dim=widths, index_dim=widths)
states = st.builds(
    State,
    count=counts,
    heads=widths,
    head_dim=widths,
    state_dim=widths,
    groups=st.integers(0, 16),
    conv_tokens=st.integers(0, 4),
)
models = st.lists(attentions | latents | states | st.builds(NoCache, count=counts), min_size=1).map(
    lambda groups: of(*groups)
)
formats = st.sampled_from(FORMATS)


@given(models, formats, st.integers(0, 10**7), st.integers(0, 10**7))
def test_a_cache_never_shrinks_with_tokens(
    model: Model, cache_format: CacheFormat, tokens: int, more: int
) -> None:
    before = cache_bytes(model, tokens, cache_format)
    assert before <= cache_bytes(model, tokens + more, cache_format)


@given(models, formats, st.integers(0, 10**7))
def test_beyond_every_window_a_cache_grows_by_its_bytes_a_token(
    model: Model, cache_format: CacheFormat, more: int
) -> None:
    grown = cache_bytes(model, 10_000 + more, cache_format) - cache_bytes(
        model, 10_000, cache_format
    )
    assert grown == more * bytes_per_token(model, cache_format)


@given(models, formats)
def test_the_first_token_writes_in_every_layer(model: Model, cache_format: CacheFormat) -> None:
    first = cache_bytes(model, 1, cache_format) - cache_bytes(model, 0, cache_format)
    assert first == written_bytes_per_token(model, cache_format)


@given(models, formats, st.integers(0, 10**6))
def test_the_groups_sum_to_the_cache(model: Model, cache_format: CacheFormat, tokens: int) -> None:
    parts = [group_bytes(group, tokens, cache_format) for group in model.layers]
    assert sum(parts) == cache_bytes(model, tokens, cache_format)


@given(models, formats, st.integers(0, 10**6))
def test_every_model_can_be_explained(model: Model, cache_format: CacheFormat, tokens: int) -> None:
    total = f"{cache_bytes(model, tokens, cache_format):,} bytes"
    assert any(total in line for line in explain(model, tokens, cache_format))
