"""The constant state of a layer without attention: from the config of its model.

Shapes are those of vLLM (model_executor/layers/mamba/mamba_utils.py): a convolution keeps its
kernel less one.
"""

from storeff.kv.models.fields import Fields
from storeff.kv.models.model import WIDTH_MAX, State, StateFormat

FORMATS: dict[str, StateFormat] = {"bfloat16": "bf16", "float16": "f16", "float32": "f32"}


def state_of(fields: Fields, model_type: str, cache_format: StateFormat) -> State:
    """The state of one layer without attention, or beside it."""
    state_format: StateFormat | None = None
    kda = fields.table("linear_attn_config")
    if kda is not None:  # Kimi delta attention
        heads, dim = kda.needed("num_heads"), kda.needed("head_dim")
        kernel = kda.needed("short_conv_kernel_size")
        shape = (heads, dim, dim, heads, kernel)
    elif fields.integer("linear_num_value_heads") is not None:  # gated delta net
        shape = (
            fields.needed("linear_num_value_heads"),
            fields.needed("linear_value_head_dim"),
            fields.needed("linear_key_head_dim"),
            fields.needed("linear_num_key_heads"),
            fields.needed("linear_conv_kernel_dim"),
        )
    elif model_type.startswith("minimax"):  # lightning attention
        heads = fields.needed("num_attention_heads")
        dim = fields.needed("head_dim")
        shape = (heads, dim, dim, 0, 1)
    elif model_type == "recurrent_gemma":
        width = fields.integer("lru_width") or fields.needed("hidden_size")
        shape = (width, 1, 1, 0, fields.needed("conv1d_width"))
        state_format = "f32"
    elif fields.integer("conv_L_cache") is not None:  # LFM2
        shape = (fields.needed("hidden_size"), 1, 0, 0, fields.needed("conv_L_cache"))
        state_format = cache_format
    else:
        shape = _mamba(fields, model_type)
    heads, head_dim, state_dim, groups, kernel = shape
    return State(
        count=1,
        heads=heads,
        head_dim=head_dim,
        state_dim=state_dim,
        groups=groups,
        conv_tokens=kernel - 1,
        state_format=state_format or _state_format(fields, cache_format),
        conv_format=cache_format,
    )


def _mamba(fields: Fields, model_type: str) -> tuple[int, int, int, int, int]:
    """Heads, head width, state width, groups and kernel of a Mamba layer, 1 or 2."""
    fields.taken.add("chunk_size")
    names = ("mamba_num_heads", "mamba_n_heads")
    heads = fields.integer(*names, *(["num_heads"] if model_type == "mamba2" else []))
    state = fields.needed("mamba_d_state", "ssm_state_size", "state_size")
    kernel = fields.needed("mamba_d_conv", "conv_kernel", most=1024)
    if heads is not None:
        groups = fields.needed("mamba_n_groups", "n_groups")
        if fields.values.get("mamba_d_head") == "auto":
            fields.taken.add("mamba_d_head")
            width = _inner_width(fields)
            if width % heads:
                raise fields.wrong("mamba_n_heads", heads, f"a divisor of the width {width:,}")
            return heads, width // heads, state, groups, kernel
        names = ("mamba_head_dim", "mamba_d_head")
        width = fields.needed(*names, *(["head_dim"] if model_type == "mamba2" else []))
        return heads, width, state, groups, kernel
    return _inner_width(fields), 1, state, 0, kernel


def _inner_width(fields: Fields) -> int:
    width = fields.integer("mamba_d_ssm")
    if width is None:
        expand = fields.needed("mamba_expand", "expand", most=64)
        width = expand * fields.needed("hidden_size", most=WIDTH_MAX // 64)
    return width


def _state_format(fields: Fields, cache_format: StateFormat) -> StateFormat:
    given = fields.text("mamba_ssm_cache_dtype", "mamba_ssm_dtype")
    if given is None:
        fields.note(
            f"the dtype of the states is not in the file: {cache_format}; engines that keep them "
            "in f32 take more"
        )
        return cache_format
    if given not in FORMATS:
        raise fields.wrong("mamba_ssm_dtype", given, "float32, bfloat16 or float16")
    return FORMATS[given]
