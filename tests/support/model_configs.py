"""The config.json of families of models, and the layers that each describes."""

import json
from pathlib import Path
from typing import Any

from storeff.kv.models.config import read_config
from storeff.kv.models.model import (
    Attention,
    Latent,
    Layers,
    Model,
    NoCache,
    State,
    load_models,
)

Config = dict[str, Any]
LLAMA: Config = {
    "model_type": "llama",
    "hidden_size": 8192,
    "num_hidden_layers": 80,
    "num_attention_heads": 64,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131072,
    "torch_dtype": "bfloat16",
}
SLIDING, FULL, LINEAR = "sliding_attention", "full_attention", "linear_attention"
KDA = {
    "kda_layers": [n for n in range(1, 28) if n % 4 and n != 27],
    "full_attn_layers": [4, 8, 12, 16, 20, 24, 27],
    "num_heads": 32,
    "head_dim": 128,
    "short_conv_kernel_size": 4,
}


def read(folder: Path, config: Any) -> Model:
    path = folder / "config.json"
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return read_config(path)


def kv(count: int, heads: int, width: int, **rest: Any) -> Attention:
    return Attention(count=count, kv_heads=heads, head_dim=width, **rest)


# Public values of the configs of each family, cut to the keys that tell the cache.
FAMILIES: dict[str, tuple[Config, list[Layers]]] = {
    "gpt2": (
        {"model_type": "gpt2", "n_layer": 12, "n_head": 12, "n_embd": 768, "n_positions": 1024},
        [kv(12, 12, 64)],
    ),
    "bloom": (
        {"model_type": "bloom", "n_layer": 70, "n_head": 112, "hidden_size": 14336},
        [kv(70, 112, 128)],
    ),
    "falcon-7b": (
        {
            "model_type": "falcon",
            "num_hidden_layers": 32,
            "num_attention_heads": 71,
            "hidden_size": 4544,
            "multi_query": True,
            "new_decoder_architecture": False,
        },
        [kv(32, 1, 64)],
    ),
    "falcon-40b": (
        {
            "model_type": "falcon",
            "num_hidden_layers": 60,
            "num_attention_heads": 128,
            "hidden_size": 8192,
            "num_kv_heads": 8,
            "multi_query": True,
            "new_decoder_architecture": True,
        },
        [kv(60, 8, 64)],
    ),
    "starcoder (gpt_bigcode)": (
        {"model_type": "gpt_bigcode", "n_layer": 40, "n_head": 48, "n_embd": 6144},
        [kv(40, 1, 128)],
    ),
    "mpt-7b": (
        {
            "model_type": "mpt",
            "n_layers": 32,
            "n_heads": 32,
            "d_model": 4096,
            "attn_config": {"attn_type": "multihead_attention"},
        },
        [kv(32, 32, 128)],
    ),
    "dbrx": (
        {
            "model_type": "dbrx",
            "n_layers": 40,
            "n_heads": 48,
            "d_model": 6144,
            "attn_config": {"kv_n_heads": 8, "clip_qkv": 8},
        },
        [kv(40, 8, 128)],
    ),
    "chatglm3-6b": (
        {
            "model_type": "chatglm",
            "num_layers": 28,
            "num_attention_heads": 32,
            "hidden_size": 4096,
            "kv_channels": 128,
            "multi_query_attention": True,
            "multi_query_group_num": 2,
        },
        [kv(28, 2, 128)],
    ),
    "openelm has other heads in each layer": (
        {"model_type": "openelm", "num_transformer_layers": 3, "model_dim": 1280, "head_dim": 64}
        | {"num_query_heads": [12, 12, 16], "num_kv_heads": [3, 3, 4]},
        [kv(2, 3, 64), kv(1, 4, 64)],
    ),
    "mistral-7b-v0.1": (
        {**LLAMA, "model_type": "mistral", "hidden_size": 4096, "num_hidden_layers": 32}
        | {"num_attention_heads": 32, "sliding_window": 4096},
        [kv(32, 8, 128, window=4096)],
    ),
    "qwen2.5-7b": (
        {**LLAMA, "model_type": "qwen2", "hidden_size": 3584, "num_hidden_layers": 28}
        | {"num_attention_heads": 28, "num_key_value_heads": 4, "sliding_window": 131072}
        | {"max_window_layers": 28, "use_sliding_window": False},
        [kv(28, 4, 128)],
    ),
    "qwen2 with its window on": (
        {**LLAMA, "model_type": "qwen2", "num_hidden_layers": 6, "sliding_window": 512}
        | {"max_window_layers": 4, "use_sliding_window": True},
        [kv(4, 8, 128), kv(2, 8, 128, window=512)],
    ),
    "gemma-2-9b": (
        {"model_type": "gemma2", "num_hidden_layers": 42, "num_attention_heads": 16}
        | {"num_key_value_heads": 8, "head_dim": 256, "hidden_size": 3584, "sliding_window": 4096},
        [kv(21, 8, 256, window=4096), kv(21, 8, 256)],
    ),
    "gemma-3-12b": (
        {
            "model_type": "gemma3",
            "text_config": {
                "model_type": "gemma3_text",
                "hidden_size": 3840,
                "num_attention_heads": 16,
                "num_hidden_layers": 48,
                "num_key_value_heads": 8,
                "sliding_window": 1024,
            },
            "vision_config": {"num_hidden_layers": 27},
        },
        [kv(40, 8, 256, window=1024), kv(8, 8, 256)],
    ),
    "gemma 4 with wide global heads": (
        {
            "model_type": "gemma4_text",
            "num_hidden_layers": 6,
            "num_attention_heads": 16,
            "num_key_value_heads": 8,
            "head_dim": 256,
            "global_head_dim": 512,
            "num_global_key_value_heads": 2,
            "attention_k_eq_v": True,
            "sliding_window": 1024,
            "layer_types": [SLIDING] * 5 + [FULL],
        },
        [kv(5, 8, 256, window=1024), kv(1, 2, 512)],
    ),
    "layers that share the KV of others": (
        {**LLAMA, "model_type": "gemma3n_text", "num_hidden_layers": 10, "sliding_window": 512}
        | {"layer_types": ([SLIDING] * 4 + [FULL]) * 2, "num_kv_shared_layers": 5},
        [kv(4, 8, 128, window=512), kv(1, 8, 128), NoCache(count=5)],
    ),
    "exaone 4 spells its pattern": (
        {**LLAMA, "model_type": "exaone4", "num_hidden_layers": 8, "sliding_window": 4096}
        | {"sliding_window_pattern": "LLLG"},
        [kv(6, 8, 128, window=4096), kv(2, 8, 128)],
    ),
    "gpt-neo": (
        {"model_type": "gpt_neo", "num_layers": 24, "num_heads": 16, "hidden_size": 2048}
        | {"attention_types": [[["global", "local"], 12]], "window_size": 256},
        [kv(12, 16, 128), kv(12, 16, 128, window=256)],
    ),
    "gpt-oss-120b": (
        {"model_type": "gpt_oss", "num_hidden_layers": 36, "num_attention_heads": 64}
        | {"num_key_value_heads": 8, "head_dim": 64, "hidden_size": 2880, "sliding_window": 128}
        | {"layer_types": [SLIDING, FULL] * 18},
        [kv(18, 8, 64, window=128), kv(18, 8, 64)],
    ),
    "llama-4-scout": (
        {
            "model_type": "llama4",
            "text_config": {
                "model_type": "llama4_text",
                "num_hidden_layers": 48,
                "num_attention_heads": 40,
                "num_key_value_heads": 8,
                "head_dim": 128,
                "hidden_size": 5120,
                "attention_chunk_size": 8192,
                "no_rope_layers": [],
            },
        },
        [kv(36, 8, 128, window=8192, chunked=True), kv(12, 8, 128)],
    ),
    "mimo-v2 with other heads in its windows": (
        {
            "model_type": "mimo_v2_flash",
            "num_hidden_layers": 6,
            "num_attention_heads": 64,
            "num_key_value_heads": 4,
            "head_dim": 192,
            "v_head_dim": 128,
            "sliding_window": 128,
            "attention_chunk_size": 128,
            "swa_num_attention_heads": 64,
            "swa_num_key_value_heads": 8,
            "swa_head_dim": 192,
            "swa_v_head_dim": 128,
            "hybrid_layer_pattern": [0, 1, 1, 1, 1, 0],
        },
        [kv(2, 4, 192, value_dim=128), kv(4, 8, 192, value_dim=128, window=128)],
    ),
    "deepseek-v3": (
        {**LLAMA, "model_type": "deepseek_v3", "num_hidden_layers": 61, "kv_lora_rank": 512}
        | {"q_lora_rank": 1536, "qk_rope_head_dim": 64, "v_head_dim": 128},
        [Latent(count=61, latent_dim=512, rope_dim=64)],
    ),
    "glm-5.2 shares indexers": (
        {**LLAMA, "model_type": "glm_moe_dsa", "num_hidden_layers": 4, "kv_lora_rank": 512}
        | {"qk_rope_head_dim": 64, "index_head_dim": 128, "index_n_heads": 32, "index_topk": 2048}
        | {"indexer_types": ["full", "full", "shared", "shared"], "index_topk_freq": 4},
        [
            Latent(count=2, latent_dim=512, rope_dim=64, index_dim=128),
            Latent(count=2, latent_dim=512, rope_dim=64),
        ],
    ),
    "longcat-flash has two attentions in a layer": (
        {**LLAMA, "model_type": "longcat_flash", "num_hidden_layers": None, "num_layers": 28}
        | {"kv_lora_rank": 512, "q_lora_rank": 1536, "qk_rope_head_dim": 64},
        [Latent(count=56, latent_dim=512, rope_dim=64)],
    ),
    "kimi-linear": (
        {**LLAMA, "model_type": "kimi_linear", "num_hidden_layers": 27, "kv_lora_rank": 512}
        | {"qk_rope_head_dim": 64, "linear_attn_config": KDA, "head_dim": 72},
        list(load_models()["kimi-linear-48b-a3b"].layers),
    ),
    "qwen3-next": (
        {**LLAMA, "model_type": "qwen3_next", "num_hidden_layers": 48, "num_attention_heads": 16}
        | {"num_key_value_heads": 2, "head_dim": 256, "full_attention_interval": 4}
        | {"linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_num_key_heads": 16}
        | {"linear_num_value_heads": 32, "linear_value_head_dim": 128},
        list(load_models()["qwen3-next-80b-a3b"].layers),
    ),
    "minimax-text-01": (
        {**LLAMA, "model_type": "minimax_text_01", "num_hidden_layers": 80, "head_dim": 128}
        | {"attn_type_list": ([0] * 7 + [1]) * 10},
        [State(count=70, heads=64, head_dim=128, state_dim=128), kv(10, 8, 128)],
    ),
    "minimax-m2": (
        {**LLAMA, "model_type": "minimax_m2", "num_hidden_layers": 62, "num_attention_heads": 48}
        | {"head_dim": 128, "hidden_size": 3072, "sliding_window": None},
        [kv(62, 8, 128)],
    ),
    "jamba": (
        {**LLAMA, "model_type": "jamba", "num_hidden_layers": 32, "hidden_size": 4096}
        | {"num_attention_heads": 32, "attn_layer_period": 8, "attn_layer_offset": 4}
        | {"mamba_d_state": 16, "mamba_d_conv": 4, "mamba_expand": 2, "mamba_dt_rank": 256},
        [State(count=28, heads=8192, head_dim=1, state_dim=16, conv_tokens=3), kv(4, 8, 128)],
    ),
    "bamba": (
        {**LLAMA, "model_type": "bamba", "num_hidden_layers": 32, "hidden_size": 4096}
        | {"num_attention_heads": 32, "attn_layer_indices": [9, 18, 27], "mamba_n_heads": 128}
        | {"mamba_d_head": "auto", "mamba_n_groups": 1, "mamba_d_state": 128, "mamba_d_conv": 4}
        | {"mamba_expand": 2, "mamba_chunk_size": 256},
        [
            State(count=29, heads=128, head_dim=64, state_dim=128, groups=1, conv_tokens=3),
            kv(3, 8, 128),
        ],
    ),
    "granite 4 without its mamba layers": (
        {**LLAMA, "model_type": "granitemoehybrid", "num_hidden_layers": 40, "head_dim": 64}
        | {"layer_types": ["attention"] * 40, "mamba_n_heads": 128, "mamba_d_state": 256},
        [kv(40, 8, 64)],
    ),
    "falcon-h1 has both in a layer": (
        {**LLAMA, "model_type": "falcon_h1", "num_hidden_layers": 66, "hidden_size": 5120}
        | {"num_attention_heads": 20, "num_key_value_heads": 4, "head_dim": 128}
        | {"mamba_n_heads": 32, "mamba_d_head": 128, "mamba_n_groups": 2, "mamba_d_state": 256}
        | {"mamba_d_conv": 4, "mamba_d_ssm": 4096},
        [
            State(count=66, heads=32, head_dim=128, state_dim=256, groups=2, conv_tokens=3),
            kv(66, 4, 128),
        ],
    ),
    "mamba2": (
        {"model_type": "mamba2", "num_hidden_layers": 64, "hidden_size": 4096, "num_heads": 128}
        | {"head_dim": 64, "state_size": 128, "n_groups": 8, "conv_kernel": 4, "expand": 2},
        [State(count=64, heads=128, head_dim=64, state_dim=128, groups=8, conv_tokens=3)],
    ),
    "recurrent-gemma": (
        {**LLAMA, "model_type": "recurrent_gemma", "num_hidden_layers": 26, "hidden_size": 2560}
        | {"num_attention_heads": 10, "num_key_value_heads": 1, "lru_width": 2560},
        [
            State(count=18, heads=2560, head_dim=1, state_dim=1, conv_tokens=3, state_format="f32"),
            kv(8, 1, 256, window=2048),
        ],
    ),
    "lfm2": (
        {**LLAMA, "model_type": "lfm2", "num_hidden_layers": 3, "hidden_size": 2048}
        | {"num_attention_heads": 32, "conv_L_cache": 3, "layer_types": ["conv", "conv", FULL]},
        [State(count=2, heads=2048, head_dim=1, state_dim=0, conv_tokens=2), kv(1, 8, 64)],
    ),
    "nemotron-nas": (
        {**LLAMA, "model_type": "nemotron-nas", "num_hidden_layers": 2}
        | {"num_key_value_heads": None}
        | {
            "block_configs": [
                {"attention": {"n_heads_in_group": 8, "no_op": False}},
                {"attention": {"n_heads_in_group": None, "no_op": True}},
            ]
        },
        [kv(1, 8, 128), NoCache(count=1)],
    ),
}
