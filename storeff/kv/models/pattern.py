"""Which layers of a model attend to everything, to a window, or keep a state: from its config.

Rules are those of the configuration classes of transformers 5.23.
"""

import re
from collections.abc import Callable
from typing import Any, Literal, TypeAlias

from storeff.errors import StoreffError
from storeff.kv.models.fields import DESCRIBE, Fields, shown
from storeff.kv.models.model import LAYERS_MAX, WINDOW_MAX

# "both": attention and a state side by side in one layer.
LayerKind: TypeAlias = Literal["full", "sliding", "chunked", "state", "both", "none"]

_NAMED: dict[str, LayerKind] = {
    "full_attention": "full",
    "indexed_attention": "full",
    "deepseek_sparse_attention": "full",
    "attention": "full",
    "global": "full",
    "sliding_attention": "sliding",
    "local": "sliding",
    "chunked_attention": "chunked",
    "linear_attention": "state",
    "mamba": "state",
    "recurrent": "state",
    "conv": "state",
    "mlp": "none",
    "moe": "none",
}
# Nemotron-H: Mamba, attention, feed-forward, mixture of experts.
_LETTERS: dict[str, LayerKind] = {"M": "state", "*": "full", "-": "none", "E": "none"}
# EXAONE 4 spells its period.
_SPELLED: dict[str, LayerKind] = {"L": "sliding", "G": "full"}
# Where every layer is listed, keys of kinds that are not in the list say nothing: Granite 4 without
# Mamba layers still has their shape.
_OF_OTHER_LAYERS = re.compile(
    "(mamba|ssm|linear|conv|sliding_window|full_attention_interval|attention_chunk_size)"
)
_ONLY_STATE = {"mamba", "mamba2", "falcon_mamba"}
_WINDOW_EVERYWHERE = {"mistral", "mixtral", "phi3", "phimoe", "starcoder2", "ministral"}


def window_tokens(fields: Fields) -> int | None:
    """The length of the sliding window, None without one."""
    return fields.integer(
        "sliding_window",
        "sliding_window_size",
        "attention_window_size",
        "window_size",
        most=WINDOW_MAX,
    )


def layer_kinds(fields: Fields, model_type: str) -> list[LayerKind]:
    """The kind of every layer, first to last. Raises StoreffError where it is not known."""
    given = fields.integer(
        "num_hidden_layers",
        "n_layer",
        "n_layers",
        "num_layers",
        "num_transformer_layers",
        most=LAYERS_MAX,
    )
    kinds = _listed(fields, given)
    if kinds is not None:
        fields.taken.update(key for key in fields.values if _OF_OTHER_LAYERS.match(key))
    else:
        count = given or fields.needed("num_hidden_layers")
        if model_type.startswith("longcat_flash"):
            count *= 2  # two attentions in each of its layers
        kinds = _by_number(fields, count) or _periodic(fields, model_type, count)
        kinds = kinds or _everywhere(fields, model_type, count)
    shared = fields.integer("num_kv_shared_layers", least=0, most=len(kinds)) or 0
    if shared:
        fields.note(f"the last {shared} layers use the KV of layers before them")
        kinds[-shared:] = ["none"] * shared
    return kinds


def _listed(fields: Fields, count: int | None) -> list[LayerKind] | None:
    """Kinds from a list with one entry a layer."""
    name, entries = fields.take("layer_types", "layers_block_type")
    if entries:
        return _translated(fields, name, entries, _NAMED, count)
    name, entries = fields.take("hybrid_override_pattern")
    if entries:
        return _translated(fields, name, entries, _LETTERS, count)
    name, entries = fields.take("hybrid_layer_pattern")
    if entries:  # MiMo-V2
        return _translated(fields, name, entries, {0: "full", 1: "sliding"}, count)
    name, entries = fields.take("attn_type_list")
    if entries:  # MiniMax
        return _translated(fields, name, entries, {0: "state", 1: "full"}, count)
    name, entries = fields.take("attention_types")
    if entries:  # GPT-Neo: [[["global", "local"], 12]]
        return _translated(fields, name, _repeated(fields, name, entries), _NAMED, count)
    return None


def _repeated(fields: Fields, name: str, entries: Any) -> list[Any]:
    flat: list[Any] = []
    for entry in entries if isinstance(entries, list) else [entries]:
        match entry:
            case [list(names), int(times)] if 0 < times * len(names) <= LAYERS_MAX - len(flat):
                flat += names * times
            case _:
                raise fields.wrong(name, entries, "a list of [[kinds], times]")
    return flat


def _translated(
    fields: Fields, name: str, entries: Any, words: dict[Any, LayerKind], count: int | None
) -> list[LayerKind]:
    if not isinstance(entries, list | str) or len(entries) > LAYERS_MAX:
        raise fields.wrong(name, entries, "a list with one entry a layer")
    if count is not None and len(entries) != count:
        raise StoreffError(
            f"{fields.where}: {name} has {len(entries)} entries for {count} layers",
            "check that the file is whole",
        )
    for entry in entries:
        if isinstance(entry, bool) or not isinstance(entry, str | int) or entry not in words:
            raise StoreffError(
                f"{fields.where}: {name} has a layer of kind {shown(entry)}, whose KV cache is "
                "not known",
                DESCRIBE,
            )
    return [words[entry] for entry in entries]


def _by_number(fields: Fields, count: int) -> list[LayerKind] | None:
    """Kinds from the numbers of the layers with full attention; the others keep a state."""
    kda = fields.table("linear_attn_config")
    if kda is not None:  # Kimi Linear counts from 1
        full = kda.list("full_attn_layers") or []
        states = kda.list("kda_layers") or []
        if _numbers(kda, full, 1, count) | _numbers(kda, states, 1, count) != set(
            range(1, count + 1)
        ):
            raise kda.wrong("full_attn_layers", full, "with kda_layers all layers from 1")
        return _placed(count, lambda i: i + 1 in set(full), "full", "state")
    listed = fields.list("attn_layer_indices", "full_attn_idxs")
    if listed is None:
        return None
    full_at = _numbers(fields, listed, 0, count - 1)
    return _placed(count, lambda i: i in full_at, "full", "state")


def _numbers(fields: Fields, entries: list[Any], least: int, most: int) -> set[int]:
    for entry in entries:
        if isinstance(entry, bool) or not isinstance(entry, int) or not least <= entry <= most:
            raise fields.wrong("a layer number", entry, f"from {least} to {most}")
    return set(entries)


def _placed(
    count: int, here: Callable[[int], bool], then: LayerKind, otherwise: LayerKind
) -> list[LayerKind]:
    return [then if here(layer) else otherwise for layer in range(count)]


def _periodic(fields: Fields, model_type: str, count: int) -> list[LayerKind] | None:
    """Kinds that repeat with a period."""
    period = fields.integer("attn_layer_period", most=LAYERS_MAX)
    if period is not None:  # Jamba
        offset = fields.needed("attn_layer_offset", least=0, most=period - 1)
        return _placed(count, lambda i: i % period == offset, "full", "state")
    interval = fields.integer("full_attention_interval", most=LAYERS_MAX)
    if interval is not None:  # Qwen3-Next
        return _placed(count, lambda i: (i + 1) % interval == 0, "full", "state")
    blocks = fields.list("block_types")
    if blocks is not None:  # RecurrentGemma: its attention has a window
        words = {**_NAMED, "attention": "sliding"}
        once = _translated(fields, "block_types", blocks, words, None)
        return [once[i % len(once)] for i in range(count)]
    llama4 = model_type.startswith("llama4")
    if llama4 and fields.integer("attention_chunk_size", most=WINDOW_MAX) is not None:
        every = fields.integer("no_rope_layer_interval", most=LAYERS_MAX) or 4
        rope = fields.list("no_rope_layers") or [int((i + 1) % every != 0) for i in range(count)]
        return _translated(fields, "no_rope_layers", rope, {0: "full", 1: "chunked"}, count)
    if window_tokens(fields) is None:
        fields.taken.add("sliding_window_pattern")
        return None
    name, pattern = fields.take("sliding_window_pattern", "_sliding_window_pattern")
    if isinstance(pattern, str) and pattern:
        spelled = _translated(fields, name, pattern, _SPELLED, None)
        return [spelled[i % len(spelled)] for i in range(count)]
    every_nth = fields.integer(name or "global_attn_every_n_layers", most=LAYERS_MAX)
    if every_nth is None:
        return None
    return _placed(count, lambda i: (i + 1) % every_nth == 0, "full", "sliding")


def _everywhere(fields: Fields, model_type: str, count: int) -> list[LayerKind]:
    """One kind in all layers, or Qwen2's window from some layer on."""
    if model_type in _ONLY_STATE:
        return ["state"] * count
    if model_type == "falcon_h1":
        return ["both"] * count
    window = window_tokens(fields)
    first = fields.integer("max_window_layers", least=0, most=LAYERS_MAX)
    if "use_sliding_window" in fields.values:
        if not fields.flag("use_sliding_window") or window is None:
            return ["full"] * count
        if first is None:
            raise StoreffError(
                f"{fields.where} has no max_window_layers: which layers have the window?",
                "add max_window_layers, the first layer with the window",
            )
        return _placed(count, lambda i: i >= first, "sliding", "full")
    if window is None:
        return ["full"] * count
    if model_type in _WINDOW_EVERYWHERE:
        return ["sliding"] * count
    raise StoreffError(
        f"{fields.where}: {model_type} has a window of {window:,} tokens and layer_types does not "
        "say where",
        DESCRIBE,
    )
