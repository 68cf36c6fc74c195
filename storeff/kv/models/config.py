"""The attention geometry of any model from its Hugging Face config.json.

Names and defaults are those of the configuration classes of transformers 5.23. What is not
known is an error; what is a convention is a note of the model.
"""

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec

from storeff.errors import StoreffError
from storeff.kv.models.fields import DESCRIBE, Fields, read_json, shown
from storeff.kv.models.model import (
    WINDOW_MAX,
    Attention,
    Latent,
    Layers,
    Model,
    NoCache,
    StateFormat,
)
from storeff.kv.models.pattern import LayerKind, layer_kinds, window_tokens
from storeff.kv.models.quantised import stated_format
from storeff.kv.models.states import FORMATS, state_of
from storeff.sources.names import printable

# What ModelOpt writes beside a config.json.
QUANT_CONFIG = "hf_quant_config.json"
_NESTED = ("text_config", "llm_config", "language_config", "thinker_config")

# What a published config.json may leave out because the architecture has it as default.
_DEFAULTS: dict[str, dict[str, Any]] = {
    "gemma": {"head_dim": 256},
    "gemma2": {"head_dim": 256, "sliding_window": 4096, "sliding_window_pattern": 2},
    "gemma3_text": {
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "sliding_window": 4096,
        "sliding_window_pattern": 6,
    },
    "gemma4_text": {"head_dim": 256, "global_head_dim": 512},
    "cohere2": {"sliding_window": 4096, "sliding_window_pattern": 4},
    "llama4_text": {"attention_chunk_size": 8192, "head_dim": 128},
    "mistral": {"num_key_value_heads": 8},
    "mixtral": {"num_key_value_heads": 8},
    "gpt_bigcode": {"multi_query": True},
    "qwen3_next": {"full_attention_interval": 4},
    "recurrent_gemma": {
        "attention_window_size": 2048,
        "block_types": ["recurrent", "recurrent", "attention"],
        "conv1d_width": 4,
    },
}
_FALCON = {"falcon", "RefinedWeb", "RefinedWebModel"}
# Architectures whose caches follow these rules; any other is read by them too, and says so.
_KNOWN = frozenset(
    """
    afmoe apertus arcee baichuan bamba bitnet bloom chatglm codegen cohere cohere2 dbrx
    deepseek deepseek_v2 deepseek_v3 deepseek_v32 dots1 ernie4_5 ernie4_5_moe exaone exaone4
    falcon falcon_h1 falcon_mamba gemma gemma2 gemma3_text gemma3n_text gemma4_text glm glm4
    glm4_moe glm_moe_dsa gpt2 gpt_bigcode gpt_neo gpt_neox gpt_oss gptj granite granitemoe
    granitemoehybrid internlm internlm2 internlm3 jamba kimi_k2 kimi_linear lfm2 lfm2_moe
    llama llama4_text longcat_flash mamba mamba2 mimo mimo_v2_flash minimax minimax_m2
    minimax_text_01 ministral ministral3 mistral mixtral mpt nemotron nemotron-nas nemotron_h
    olmo olmo2 olmo3 olmoe openelm opt phi phi3 phimoe qwen qwen2 qwen2_5_vl qwen2_5_vl_text
    qwen2_moe qwen2_vl qwen2_vl_text qwen3 qwen3_5_moe_text qwen3_5_text qwen3_moe qwen3_next
    qwen3_vl_moe_text qwen3_vl_text recurrent_gemma seed_oss smollm3 stablelm starcoder2
    step3p7 xverse
    """.split()  # noqa: SIM905
)
_NOT_DECODERS = frozenset(
    """
    albert bert deberta deberta-v2 distilbert electra modernbert nomic_bert roberta xlm-roberta
    """.split()  # noqa: SIM905
)

# A key that was not taken and has one of these words may change what is cached.
_TELLING = re.compile(
    r"(?:^|_)(?:kv|key_value|mamba|ssm|conv1d|conv_kernel|lru|recurrent|rwkv|linear|lightning|kda|"
    r"compress\w*|window|windows|chunk|sliding|swa|cla|latent|lora_rank|index|indexer|sparse|"
    r"state_size|layer_types?|block_types?|block_type|block_configs|attn_type\w*|hybrid|"
    r"global_attn|local_attn|local_attention|cross_attention)(?:_|$)"
)
# Such keys that do not: they shape queries, outputs, scores, training or kernels.
_HARMLESS = re.compile(
    r"[qo]_lora_rank|chunk_size_feed_forward|dual_chunk_attention_config|max_\w*window\w*|"
    r"use_sliding_window|ignore_index|index_n_heads|index_topk\w*|index_skip_topk_offset|"
    r"index_share_for_mtp_iteration|indexer_rope_interleave|"
    r"use_mamba\w*|mamba_(chunk_size|expand|d_ssm|intermediate_size|rms_norm|norm_before_gate)|"
    r"mamba_(\w+_)?(bias|act|rank|limit)|mamba_dt_\w+|"
    r"(use_)?linear_(bias|\w*factor|a_log_\w+|dt_\w+)|activation_\w+|"
    r"decoder_sparse_step|mlp_layer_types|mtp_\w+|(latent_)?moe_\w+|"
    r"swa_num_attention_heads|add_swa_attention_sink_bias|\w+_theta"
)
_NAME = re.compile(r"[\w.-]{1,60}", re.ASCII)


def read_config(path: Path) -> Model:
    """The model that the config.json at ``path`` describes, with the hf_quant_config.json beside it
    if there is one.

    Raises StoreffError, saying what is missing and what to do, on a file that is no config.json
    of a decoder, on numbers no model has, and wherever the size of the KV cache is not known.
    """
    document = read_json(path)
    values = _language_part(document, path)
    model_type = _model_type(values, document, path)
    where = printable(os.fsencode(path))
    fields = Fields(values, where, _DEFAULTS.get(model_type, {}))
    if fields.flag("is_encoder_decoder") or model_type in _NOT_DECODERS:
        raise StoreffError(
            f"{path}: {model_type} is not a decoder: its cache is none, or grows with two lengths",
            "give the config.json of a decoder-only model",
        )
    if model_type not in _KNOWN | _FALCON:
        fields.note(f"{model_type!r} is not an architecture known here: read by the usual keys")
    model_format = _model_format(fields, document)
    kinds = layer_kinds(fields, model_type)
    layers = _grouped(_layers(fields, model_type, kinds, model_format))
    cache_format = stated_format(fields, document, _quant_config(fields, path))
    _refuse_untold(fields, model_type)
    # Of a config.json that is a link, the folder that it was named in.
    name = path.absolute().parent.name if path.name == "config.json" else path.stem
    return Model(
        name=printable(os.fsencode(name)),
        title=model_type,
        layers=layers,
        cache_format=cache_format or model_format,
        context_tokens=fields.integer(
            "max_position_embeddings",
            "n_positions",
            "max_seq_len",
            "seq_length",
            "model_max_length",
            most=WINDOW_MAX,
        ),
        notes=tuple(fields.notes),
        source=where,
        kind="config",
    )


def _language_part(document: dict[str, Any], path: Path) -> dict[str, Any]:
    """The object that describes the language model of a multimodal one."""
    values = document
    for _ in range(3):
        inner = [values[key] for key in _NESTED if isinstance(values.get(key), dict)]
        if not inner:
            return values
        if len(inner) > 1:
            raise StoreffError(f"{path} describes several language models", "give one of them")
        values = inner[0]
    raise StoreffError(f"{path} nests language models", "give the innermost as a file of its own")


def _model_type(values: dict[str, Any], document: dict[str, Any], path: Path) -> str:
    given = values.get("model_type") or document.get("model_type")
    if isinstance(given, str) and _NAME.fullmatch(given):
        return given
    raise StoreffError(
        f"{path} has no model_type that is a name: it does not say which architecture it is of",
        "give the config.json of a model",
    )


def _quant_config(fields: Fields, path: Path) -> dict[str, Any] | None:
    """What ModelOpt writes beside a config.json; a note if it cannot be read."""
    beside = path.with_name(QUANT_CONFIG)
    if path.name != "config.json" or not os.path.lexists(beside):
        return None
    try:
        return read_json(beside)
    except StoreffError as error:
        fields.note(f"{error.message}: it may say that the cache is quantised")
        return None


def _model_format(fields: Fields, document: dict[str, Any]) -> StateFormat:
    dtype = fields.text("torch_dtype", "dtype")
    dtype = dtype or Fields(document, fields.where, {}).text("torch_dtype", "dtype")
    if dtype is None:
        fields.note("torch_dtype is not in the file: bf16")
    elif dtype.removeprefix("torch.") not in FORMATS:
        fields.note(f"torch_dtype is {dtype[:40]!r}, of the weights: the cache is taken as bf16")
    return FORMATS.get((dtype or "").removeprefix("torch."), "bf16")


def _layers(
    fields: Fields, model_type: str, kinds: list[LayerKind], cache_format: StateFormat
) -> list[Layers]:
    """Every layer as a group of one; a layer of both kinds gives two."""
    attention = (
        _attention(fields, model_type)
        if _has(kinds, "full", "sliding", "chunked", "both")
        else None
    )
    state = state_of(fields, model_type, cache_format) if _has(kinds, "state", "both") else None
    window = chunk = None
    if "sliding" in kinds:
        window = window_tokens(fields) or fields.needed("sliding_window", most=WINDOW_MAX)
    if "chunked" in kinds:
        chunk = fields.needed("attention_chunk_size", most=WINDOW_MAX)
    indexed = _indexed(fields, len(kinds))
    heads = _heads_by_layer(fields, len(kinds))
    layers: list[Layers] = []
    for number, kind in enumerate(kinds):
        if kind in ("state", "both") and state is not None:
            layers.append(state)
        if kind == "none" or (heads is not None and heads[number] == 0):
            layers.append(NoCache(count=1))
        elif kind != "state":
            one = _of_kind(fields, attention, kind, window, chunk)
            if heads is not None and isinstance(one, Attention):
                one = msgspec.structs.replace(one, kv_heads=heads[number])
            if isinstance(one, Latent) and not indexed[number]:
                one = msgspec.structs.replace(one, index_dim=0)
            layers.append(one)
    return layers


def _has(kinds: list[LayerKind], *wanted: LayerKind) -> bool:
    return any(kind in wanted for kind in kinds)


def _grouped(layers: list[Layers]) -> tuple[Layers, ...]:
    counted = Counter(layers)
    return tuple(msgspec.structs.replace(one, count=count) for one, count in counted.items())


def _of_kind(
    fields: Fields,
    attention: Attention | Latent | None,
    kind: LayerKind,
    window: int | None,
    chunk: int | None,
) -> Attention | Latent:
    """``attention`` as it is in a layer of ``kind``: some models have other heads there."""
    assert attention is not None
    if isinstance(attention, Latent):
        if kind in ("sliding", "chunked"):
            raise StoreffError(
                f"{fields.where}: latent attention in a window is not known here",
                DESCRIBE,
            )
        return attention
    if kind == "chunked":
        return msgspec.structs.replace(attention, window=chunk, chunked=True)
    if kind == "sliding":  # MiMo-V2
        return Attention(
            count=1,
            kv_heads=fields.integer("swa_num_key_value_heads") or attention.kv_heads,
            head_dim=fields.integer("swa_head_dim") or attention.head_dim,
            value_dim=fields.integer("swa_v_head_dim") or attention.value_dim,
            window=window,
        )
    wide = fields.integer("global_head_dim")  # Gemma 4
    few = fields.integer("num_global_key_value_heads") if fields.flag("attention_k_eq_v") else None
    return msgspec.structs.replace(
        attention, head_dim=wide or attention.head_dim, kv_heads=few or attention.kv_heads
    )


def _attention(fields: Fields, model_type: str) -> Attention | Latent:
    latent = fields.integer("kv_lora_rank")
    if latent is not None:
        fields.taken.update(("num_key_value_heads", "head_dim", "v_head_dim"))
        return Latent(
            count=1,
            latent_dim=latent,
            rope_dim=fields.needed("qk_rope_head_dim", least=0),
            index_dim=fields.integer("index_head_dim") or 0,
        )
    if isinstance(fields.values.get("num_kv_heads"), list):  # OpenELM: heads by layer
        return Attention(count=1, kv_heads=1, head_dim=fields.needed("head_dim"))
    other = ("num_heads",) if model_type == "gpt_neo" else ()
    heads = fields.needed("num_attention_heads", "n_head", "n_heads", *other)
    kv_heads = _kv_heads(fields, model_type, heads)
    if kv_heads > heads:
        raise fields.wrong("num_key_value_heads", kv_heads, f"at most the {heads} attention heads")
    head_dim = fields.integer("head_dim", "attention_head_dim", "kv_channels")
    if head_dim is None:
        hidden = fields.needed("hidden_size", "n_embd", "d_model", "n_embed")
        if hidden % heads:
            raise StoreffError(
                f"{fields.where} has no head_dim, and {heads} heads do not divide a hidden size "
                f"of {hidden:,}",
                "add head_dim from the model's card",
            )
        head_dim = hidden // heads
    return Attention(
        count=1, kv_heads=kv_heads, head_dim=head_dim, value_dim=fields.integer("v_head_dim")
    )


def _kv_heads(fields: Fields, model_type: str, heads: int) -> int:
    if model_type in _FALCON:
        multi = fields.flag("multi_query")
        if fields.flag("new_decoder_architecture") or not multi:
            return fields.integer("num_kv_heads", "n_head_kv") or heads
        fields.taken.update(("num_kv_heads", "n_head_kv"))
        return 1
    if model_type == "chatglm":
        multi = fields.flag("multi_query_attention")
        return fields.needed("multi_query_group_num") if multi else heads
    inner = fields.table("attn_config")
    if inner is not None:  # MPT, DBRX
        one = inner.text("attn_type") == "multiquery_attention"
        return 1 if one else inner.integer("kv_n_heads") or heads
    if fields.flag("multi_query"):
        return 1
    if fields.values.get("block_configs") is not None:
        fields.taken.add("num_key_value_heads")
        return 1  # Nemotron-NAS: by layer
    kv_heads = fields.integer(
        "num_key_value_heads",
        "num_kv_heads",
        "n_head_kv",
        "num_attention_groups",  # Step 3
        "num_query_groups",
    )
    if kv_heads is None:
        fields.note(f"num_key_value_heads is not in the file: one for each of {heads} heads")
    return kv_heads or heads


def _heads_by_layer(fields: Fields, count: int) -> list[int] | None:
    """KV heads of each layer where they differ, 0 for a layer without attention."""
    listed = fields.values.get("num_kv_heads")
    if isinstance(listed, list):  # OpenELM
        fields.taken.add("num_kv_heads")
        found = [
            Fields({"num_kv_heads": n}, fields.where, {}).needed("num_kv_heads") for n in listed
        ]
    else:
        blocks = fields.list("block_configs")
        if blocks is None:
            return None
        found = [_block_heads(fields, block) for block in blocks]  # Nemotron-NAS
    if len(found) != count:
        raise StoreffError(f"{fields.where} has KV heads for {len(found)} of {count} layers")
    return found


def _block_heads(fields: Fields, block: Any) -> int:
    attention = block.get("attention") if isinstance(block, dict) else None
    if not isinstance(attention, dict):
        raise fields.wrong("block_configs", block, "a list of objects with attention")
    inner = Fields(attention, f"{fields.where}: block_configs", {})
    if inner.flag("no_op") or inner.flag("replace_with_linear"):
        return 0
    if inner.integer("window_length", most=WINDOW_MAX) is not None:
        raise StoreffError(
            f"{fields.where}: block_configs has windows, which are not known here",
            DESCRIBE,
        )
    heads = fields.needed("num_attention_heads")
    group = inner.needed("n_heads_in_group", most=heads)
    if heads % group:
        raise inner.wrong("n_heads_in_group", group, f"a divisor of {heads} heads")
    return heads // group


def _indexed(fields: Fields, count: int) -> list[bool]:
    """Whether each layer keeps keys for the indexer of sparse attention (GLM-5.2 shares some)."""
    listed = fields.list("indexer_types")
    if listed is not None:
        if len(listed) != count or not all(entry in ("full", "shared") for entry in listed):
            raise fields.wrong("indexer_types", listed, f"{count} times full or shared")
        return [entry == "full" for entry in listed]
    pattern = fields.values.get("index_topk_pattern")
    if pattern is not None or (fields.integer("index_topk_freq") or 1) > 1:
        raise StoreffError(
            f"{fields.where} shares indexers between layers without indexer_types",
            "add indexer_types, full or shared for each layer",
        )
    return [True] * count


def _refuse_untold(fields: Fields, model_type: str) -> None:
    """Raises StoreffError if a key that may change what is cached was not understood."""
    untold = [
        key
        for key, value in fields.values.items()
        if key not in fields.taken
        and value not in (None, False, 0, "")
        and value != []
        and value != {}
        and _TELLING.search(key)
        and not _HARMLESS.fullmatch(key)
    ]
    if untold:
        raise StoreffError(
            f"{fields.where}: {model_type} has {', '.join(map(shown, untold[:5]))}, which may "
            "change what is cached and is not known here",
            DESCRIBE,
        )
