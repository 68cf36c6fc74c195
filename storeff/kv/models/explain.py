"""The size of a KV cache as a formula with its numbers in it, line by line."""

from fractions import Fraction

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
    written_bytes_per_token,
)
from storeff.units import format_bytes_iec

NOT_INCLUDED = (
    "not included: the last, partly filled block of each sequence; the one scale a tensor of fp8; "
    "copies of KV heads or latents on several ranks; draft and multi-token-prediction layers"
)
INDEX_KEYS = "index keys are counted in the format of the cache; an engine may keep them in fp8"


def explain(model: Model, tokens: int, cache_format: CacheFormat | None = None) -> list[str]:
    """Lines for a person: each group's formula, the growth a token, the sum at ``tokens``."""
    used = cache_format or model.cache_format
    lines = [_format_line(used)]
    lines += [_group_line(group, used) for group in model.layers]
    slope, written = bytes_per_token(model, used), written_bytes_per_token(model, used)
    lines.append(f"together: {_a_token(slope)}" + _beyond(model))
    if written != slope:
        lines.append(
            f"written in all layers: {_a_token(written)}, which is what a store keeps "
            "that holds every block of a prefix, windows or not"
        )
    held = [group_bytes(group, tokens, used) for group in model.layers]
    terms = [f"{part:,}" for part in held if part]
    sum_of = f"{' + '.join(terms)} = " if len(terms) > 1 else ""
    total = _told(cache_bytes(model, tokens, used))
    lines.append(f"one sequence of {tokens:,} tokens: {sum_of}{total}")
    notes = list(model.notes)
    if any(isinstance(group, Latent) and group.index_dim for group in model.layers):
        notes.append(INDEX_KEYS)
    return [*lines, *(f"note: {note}" for note in notes), NOT_INCLUDED]


def _told(size_bytes: int, each: str = "") -> str:
    return f"{size_bytes:,} bytes{each} ({format_bytes_iec(size_bytes)})"


def _a_token(size_bytes: int) -> str:
    return _told(size_bytes, " a token")


def _beyond(model: Model) -> str:
    windows = [g.window for g in model.layers if isinstance(g, Attention) and g.window is not None]
    return f", beyond the window of {max(windows):,} tokens" if windows else ""


def _format_line(used: CacheFormat) -> str:
    storage = STORAGE[used]
    line = f"{used}: {storage.bits} bits an element"
    if not storage.metadata_bytes:
        return line
    total = bits_per_element(used)
    each = f"{storage.metadata} each {storage.group} elements"
    return f"{line} and {each}: {float(total):g} bits an element"


def _vector(elements: int, used: CacheFormat) -> str:
    """The bytes of one vector, as elements by bytes where that is exact."""
    size = vector_bytes(elements, used)
    each = bits_per_element(used) / 8
    if elements * each != size:
        return f"{size} bytes (a vector of {elements})"
    return f"{elements} x {_number(each)} {'bytes' if each > 1 else 'byte'}"


def _number(each: Fraction) -> str:
    return str(each) if each.denominator == 1 else f"{float(each):g}"


def _group_line(group: Layers, used: CacheFormat) -> str:
    match group:
        case Attention():
            return _attention_line(group, used)
        case Latent():
            return _latent_line(group, used)
        case State():
            return _state_line(group)
        case NoCache():
            return f"no cache of their own: {_layers(group)}"


def _layers(group: Layers) -> str:
    return f"{group.count} layer{'s' if group.count > 1 else ''}"


def _attention_line(group: Attention, used: CacheFormat) -> str:
    heads = f"{_layers(group)} x {group.kv_heads} KV head{'s' if group.kv_heads > 1 else ''}"
    if group.value_dim in (None, group.head_dim):
        formula = f"2 (K and V) x {heads} x {_vector(group.head_dim, used)}"
    else:
        value = group.value_dim or group.head_dim
        formula = f"{heads} x ({_vector(group.head_dim, used)} of K + {_vector(value, used)} of V)"
    written = group.count * group.token_bytes(used)
    if group.window is None:
        return f"full attention: {formula} = {_a_token(written)}"
    kind = "attention in chunks" if group.chunked else "sliding window"
    most = _told(written * group.window)
    return f"{kind} of {group.window:,} tokens: {formula} = {_a_token(written)}, at most {most}"


def _latent_line(group: Latent, used: CacheFormat) -> str:
    parts = {"latent": group.latent_dim, "rope": group.rope_dim, "index key": group.index_dim}
    named = [f"{_vector(width, used)} of {name}" for name, width in parts.items() if width]
    formula = f"{_layers(group)} x ({' + '.join(named)})"
    written = _a_token(group.count * group.token_bytes(used))
    return f"latent attention, K and V in one: {formula} = {written}"


def _state_line(group: State) -> str:
    matrices = (
        f"{group.heads} x {group.head_dim} x {group.state_dim} of state x "
        f"{vector_bytes(1, group.state_format)} bytes"
    )
    inputs = (
        f"{group.conv_tokens} x {group.conv_channels} of convolution x "
        f"{vector_bytes(1, group.conv_format)} bytes"
    )
    parts = [matrices] * bool(group.state_dim) + [inputs] * bool(group.conv_tokens)
    size = _told(group.count * group.constant_bytes())
    return f"constant state: {_layers(group)} x ({' + '.join(parts)}) = {size}, whatever the tokens"
