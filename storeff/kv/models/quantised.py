"""The format of a quantised KV cache, by what a checkpoint says of it beside its weights.

Read: `kv_cache_scheme` of compressed-tensors and ModelOpt, `kv_cache_quant_algo` of ModelOpt (in
quantization_config, or in a hf_quant_config.json of its own, as vLLM 0.14 and later take it) and
`kv_cache_dtype`. What is stated in another way becomes a note, and the cache is taken to be as
without."""

import re
from collections.abc import Iterator
from typing import Any

from storeff.kv.models.fields import Fields, shown
from storeff.kv.models.formats import CacheFormat

_CONFIGS = ("quantization_config", "compression_config")
_SCHEME = "kv_cache_scheme"
_NAMED = ("kv_cache_quant_algo", "kv_cache_dtype")
_BY_NAME: dict[str, CacheFormat | None] = {
    "auto": None,
    "none": None,
    "fp8": "fp8",
    "fp8_e4m3": "fp8",
    "fp8_e4m3fn": "fp8",
    "fp8_e5m2": "fp8",
    "float8_e4m3fn": "fp8",
    "float8_e5m2": "fp8",
    "int8": "int8-tensor",
    "int4": "int4",
    "nvfp4": "nvfp4",
    "bfloat16": "bf16",
    "float16": "f16",
    "half": "f16",
    "float32": "f32",
}
_BY_BITS: dict[tuple[Any, Any], CacheFormat] = {
    (8, "float"): "fp8",
    (8, "int"): "int8-tensor",
    (4, "float"): "nvfp4",
    (4, "int"): "int4",
}
# One scale for so much that it is nothing beside the tokens.
_FEW_SCALES = (None, "tensor", "attn_head", "channel")
_OF_CACHE = re.compile(r"(?:^|_)(?:kv|kvcache|key_value)(?:_|$)")
_DEPTH_MAX = 4
_KEYS_MAX = 10_000


def stated_format(
    fields: Fields, document: dict[str, Any], beside: dict[str, Any] | None
) -> CacheFormat | None:
    """The format that a config.json says its cache has; None if it says none.

    ``fields`` are of the language model in ``document``, ``beside`` is a hf_quant_config.json in
    its folder. What is not known, and statements that disagree, become notes.
    """
    fields.taken.update((*_CONFIGS, _SCHEME, *_NAMED))
    found: dict[str, CacheFormat] = {}
    for where, table in _tables(fields, document, beside):
        for name in (_SCHEME, *_NAMED):
            if table.get(name) is not None:
                form = _format(fields, f"{where}{name}", table[name])
                if form is not None:
                    found.setdefault(f"{where}{name}", form)
    if len(set(found.values())) > 1:
        told = ", ".join(f"{name} says {form}" for name, form in found.items())
        fields.note(f"of the cache's format {told}: the first is taken")
    for name, form in found.items():
        fields.note(f"{name} says that the cache is {form}")
        return form
    return None


def _tables(
    fields: Fields, document: dict[str, Any], beside: dict[str, Any] | None
) -> Iterator[tuple[str, dict[str, Any]]]:
    """The objects that may speak of the cache, by what they are called in notes."""
    seen: list[dict[str, Any]] = []
    for values in (fields.values, document):
        if any(values is each for each in seen):
            continue
        seen.append(values)
        yield "", values
        for name in _CONFIGS:
            inner = values.get(name)
            if isinstance(inner, dict):
                yield from _stated(fields, name, ".", inner)
    if beside is not None:
        yield from _stated(fields, "hf_quant_config.json", ": ", beside)


def _stated(
    fields: Fields, where: str, separator: str, table: dict[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """``table``, and what it has in `quantization`, where ModelOpt nests it in either place."""
    inner = table.get("quantization")
    if isinstance(inner, dict):
        table = {key: value for key, value in table.items() if key != "quantization"}
        yield f"{where}{separator}quantization.", inner
        _note_unknown(fields, where, inner)
    yield f"{where}{separator}", table
    _note_unknown(fields, where, table)


def _format(fields: Fields, where: str, value: Any) -> CacheFormat | None:
    form: CacheFormat | None = None
    if isinstance(value, str):
        name = value.lower().removeprefix("torch.")
        if name in _BY_NAME:
            return _BY_NAME[name]
    elif isinstance(value, dict):
        bits, kind = value.get("num_bits"), value.get("type", "float")
        if type(bits) is int and isinstance(kind, str):
            form = _BY_BITS.get((bits, kind))
    if form is None:
        fields.note(f"{where} is {_described(value)}, which is not known here: it is not counted")
        return None
    assert isinstance(value, dict)
    strategy, group = value.get("strategy"), value.get("group_size")
    if form == "nvfp4":
        if group not in (None, 16):
            fields.note(f"{where} has groups of {shown(group)}: counted as groups of 16")
    elif strategy not in _FEW_SCALES or group is not None:
        if form == "int8-tensor":
            form = "int8"
        each = f"strategy {shown(strategy)}" + (f", groups of {shown(group)}" if group else "")
        counted = "not counted" if form == "fp8" else "counted as for groups of 32 elements"
        fields.note(f"{where} has scales by {each}: they are {counted}")
    return form


def _described(value: Any) -> str:
    if isinstance(value, dict) and {"num_bits", "type"} & set(value):
        return f"{shown(value.get('num_bits'))} bits of type {shown(value.get('type'))}"
    return shown(value)


def _note_unknown(fields: Fields, where: str, table: dict[str, Any]) -> None:
    """Notes every other key, however deep, that is about keys and values and is set."""
    pending = [(where, table, 0)]
    for _ in range(_KEYS_MAX):
        if not pending:
            return
        at, values, depth = pending.pop()
        for key, value in values.items():
            if key in (_SCHEME, *_NAMED) and depth == 0:
                continue
            if _OF_CACHE.search(key) and value not in (None, False, 0, "", [], {}):
                fields.note(f"{at} has {shown(key)}, which may change the cache: it is not counted")
            elif isinstance(value, dict) and depth < _DEPTH_MAX:
                pending.append((at, value, depth + 1))
