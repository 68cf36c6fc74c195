"""vLLM's dumps: its shared-storage and example connectors, and its native file-system tier.

Read in vLLM 0.33 and earlier, vllm/distributed/kv_transfer/kv_connector/v1/example_connector.py,
vllm/v1/kv_offload/file_mapper.py and vllm/v1/kv_offload/cpu/shared_offload_region.py.
"""

import hashlib
import json
import os
import re
from typing import Annotated, Literal, NamedTuple

import msgspec

from storeff.errors import ContradictionError
from storeff.kv.dumps import safetensors
from storeff.kv.dumps.dump import (
    DTYPE_OF_NAME,
    ITEM_BYTES,
    Axis,
    Candidate,
    Confidence,
    Dump,
    Tensor,
    opaque,
)
from storeff.sources.safetensors import PAGE_BYTES, TensorEntry
from storeff.text import excerpt

ORDER = 30

# A file of another name is not for looks_like().
NAMES = ((rb"\.bin(?<=[0-9a-f]{6}\.bin)", rb"[0-9a-f]{6,}\.bin(?:_[0-9]+\.tmp)?"),)
_CONFIG_BYTES_MAX = 1 << 18
# The most of any model is 126 (Llama 3.1 405B); times tensor-parallel workers.
_PAGES_MAX = 1 << 14

_LAYER_FILE = re.compile(
    rb"(?:.*?/)??(?:(?P<key>[0-9a-f]{32}|[0-9a-f]{64})/)?"
    rb"[^/]*?\b(?:layers?|blocks?|h)\.(?P<layer>[0-9]{1,6})\.[^/]*\.safetensors",
    re.DOTALL,
)
_BLOCK_FILE = re.compile(
    rb"(?:.*/)?(?P<base>[^/]+_(?P<digest>[0-9a-f]{12}))_r[0-9]{1,6}"
    rb"/(?P<a>[0-9a-f]{3})/(?P<b>[0-9a-f]{2})_g(?P<group>[0-9]{1,6})"
    rb"/(?P<key>(?P=a)(?P=b)[0-9a-f]+)\.bin(?P<temporary>_[0-9]+\.tmp)?",
    re.DOTALL,
)
_LAYER_NAME = re.compile(r"\b(?:layers?|blocks?|h)\.([0-9]{1,6})\b", re.ASCII)

_Count = Annotated[int, msgspec.Meta(ge=1, le=1 << 32)]


class _Group(msgspec.Struct):
    tokens_per_block: _Count
    layer_names: list[str]


class _RunConfig(msgspec.Struct):
    """What vLLM writes once for all blocks of a model and its parallelism."""

    model_name: str
    blocks_per_file: _Count
    tp_size: _Count
    pp_size: _Count
    pcp_size: _Count
    dtype: str
    kv_cache_groups: list[_Group]
    parallel_agnostic: bool = True
    replicated_layout: bool = False
    canonical_format: str | None = None


def looks_like(head: bytes, name: bytes, size_bytes: int) -> bool:
    """Whether the path is that of a block of the native file-system tier.

    What the connectors write is safetensors, and recognised by its header.
    """
    return b"_g" in name and _BLOCK_FILE.fullmatch(name) is not None


def recognise(candidate: Candidate) -> Dump | None:
    """A layer of a connector's dump, or a block of the native tier; raises ContradictionError."""
    if match := _BLOCK_FILE.fullmatch(candidate.path):
        return _block(candidate, match)
    return _connector(candidate) if candidate.name.endswith(b".safetensors") else None


def _connector(candidate: Candidate) -> Dump | None:
    match = _LAYER_FILE.fullmatch(candidate.path)
    key = match["key"].decode() if match and match["key"] else None
    header = safetensors.header_of(candidate)
    if header is None:
        if key is None:
            return None
        raise ContradictionError("it is named as a layer of a vLLM dump, but has no whole header")
    if set(header.tensors) != {"kv_cache"}:
        return None
    found = header.entries(candidate.size_bytes)["kv_cache"]
    if len(found.shape) < 2:
        return None
    layer = int(match["layer"]) if match else None
    system, axes, shape, holds, confidence, why = _layout(found)
    dtype = DTYPE_OF_NAME.get(found.tag)
    tensor = Tensor(found.start, found.end - found.start, dtype, axes, shape, holds, layer)
    tokens = shape[axes.index("token")] if axes else None
    return Dump(system, "kv", (tensor,), confidence, why, key, tokens)


class _Layout(NamedTuple):
    system: str
    axes: tuple[Axis, ...]
    shape: tuple[int, ...]
    holds: Literal["kv", "latent"] | None
    confidence: Confidence
    why: str


def _layout(found: TensorEntry) -> _Layout:
    """What the axes of a connector's tensor are; each version of vLLM wrote its own."""
    shape = found.shape
    if len(shape) == 2:
        why = "Two axes: the latents of multi-head latent attention, a row a token."
        return _Layout("vLLM connector", ("token", "latent"), shape, "latent", "exact", why)
    if len(shape) == 3 and shape[0] == 2:
        why = "SharedStorageConnector writes K and V apart. The model's config.json has the heads."
        axes: tuple[Axis, ...] = ("kv", "token", "channel")
        return _Layout("vLLM SharedStorageConnector", axes, shape, "kv", "exact", why)
    if len(shape) == 4 and shape[1] == 2:
        why = "The connectors write token, K and V, head, dim for the Triton attention back end."
        axes = ("token", "kv", "head", "dim")
        return _Layout("vLLM connector", axes, shape, "kv", "exact", why)
    if len(shape) != 3:
        why = f"No known version of vLLM writes a tensor of shape {list(shape)}."
        return _Layout("vLLM connector", (), (), None, "unknown", why)
    if found.tag in ("BF16", "F16", "F32") and shape[2] % 2 == 0:
        why = (
            "ExampleConnector writes K, then V, of each head of a token; the attention back ends"
            " split them so, but the file does not record it. AITER on ROCm has K and V for heads."
        )
        axes, split = ("token", "head", "kv", "dim"), (*shape[:2], 2, shape[2] // 2)
        return _Layout("vLLM ExampleConnector", axes, split, "kv", "inferred", why)
    why = (
        "ExampleConnector writes K, V and, if they are quantised, their scales in one row of each"
        " head of a token; the file does not record where each ends."
    )
    axes = ("token", "head", "channel")
    return _Layout("vLLM ExampleConnector", axes, shape, "kv", "inferred", why)


def _block(candidate: Candidate, match: re.Match[bytes]) -> Dump:
    system, key = "vLLM file-system tier", match["key"].decode()
    if match["temporary"]:
        why = "vLLM was still writing this block, or stopped: it renames a complete block."
        return opaque(system, why, key, kind="temporary")
    text = candidate.beside(
        os.path.join(b"../../..", match["base"], b"config.json"), _CONFIG_BYTES_MAX
    )
    if text is None:
        why = "Only its path is known. Copy the folder with config.json along with the blocks'."
        return opaque(system, why, key)
    try:
        config = msgspec.json.decode(text, type=_RunConfig)
        fields = json.dumps(json.loads(text), sort_keys=True, separators=(",", ":"))
        group = config.kv_cache_groups[int(match["group"])]
    except (msgspec.DecodeError, ValueError, RecursionError, IndexError):
        why = "The config.json of its folder is not one that a known version of vLLM writes."
        return opaque(system, why, key)
    # vLLM names the folder by the digest of what config.json holds.
    if not hashlib.sha256(fields.encode()).hexdigest().startswith(match["digest"].decode()):
        why = "The config.json of its folder does not have the digest in the folder's name."
        return opaque(system, why, key)
    tensors, why = _pages(candidate, config, group)
    confidence: Confidence = (
        "unknown" if not tensors else "inferred" if tensors[0].axes else "config-assisted"
    )
    tokens = group.tokens_per_block * config.blocks_per_file
    return Dump(system, "kv", tensors, confidence, why, key, tokens, excerpt(config.model_name))


def _pages(
    candidate: Candidate, config: _RunConfig, group: _Group
) -> tuple[tuple[Tensor, ...], str]:
    """The pages of a block, each one worker's part of one layer, and what is sure of them.

    A block is worker after worker, in each layer after layer, padded to the system's pages. In a
    canonical format the workers' parts are joined: layer after layer.
    """
    dtype = DTYPE_OF_NAME.get(config.dtype.removeprefix("torch."))
    if dtype is None:
        return (), f"Its config.json has an unknown dtype: {excerpt(config.dtype)}."
    layers = group.layer_names
    is_joined = config.replicated_layout or config.canonical_format is not None
    pages = len(layers) * (1 if is_joined else config.tp_size)
    unordered = (Tensor(0, candidate.size_bytes, dtype, (), (), None),)
    if not layers or len({len(g.layer_names) for g in config.kv_cache_groups}) > 1:
        return unordered, "Its groups of layers differ in number: where each lies is not known."
    if config.pp_size * config.pcp_size > 1 and config.canonical_format is None:
        return unordered, "Pipeline or context parallel: which worker had which layers is unknown."
    if pages > _PAGES_MAX:
        return unordered, f"Its config.json has {pages} layers times workers: more than any model."
    channel_bytes = group.tokens_per_block * config.blocks_per_file * ITEM_BYTES[dtype]
    channels, rest_bytes = divmod(candidate.size_bytes, pages * channel_bytes)
    if rest_bytes or not channels:
        if channels and candidate.size_bytes % PAGE_BYTES == 0:
            return unordered, "It is padded: the model's config.json would say where layers end."
        raise ContradictionError(
            f"its config.json says {pages} pages of {channel_bytes} bytes a channel, which"
            f" {candidate.size_bytes} bytes do not divide into",
        )
    if config.canonical_format is not None and "nhd" not in config.canonical_format:
        return unordered, "In its canonical format heads come before tokens; how many is not said."
    holds: Literal["kv", "latent"] | None = None
    content = "K and V, or a latent"
    if config.replicated_layout:
        holds, content = "latent", "a latent"
    elif config.parallel_agnostic and not is_joined:
        # vLLM says so only of dense attention.
        holds, content = "kv", f"K and V of {channels / 2:g} channels"
    why = (
        f"Its config.json says {len(layers)} layers of {dtype}; its size leaves {channels} elements"
        f" a token and layer: {content}. That tokens come before heads is vLLM's default"
    ) + (
        ", that the workers' parts are one is its canonical format."
        if is_joined
        else "; if several workers wrote it and config.json hides it, theirs follow one another."
    )
    shape = (config.blocks_per_file, group.tokens_per_block, channels)
    length = channels * channel_bytes
    return tuple(
        Tensor(
            page * length,
            length,
            dtype,
            ("block", "token", "channel"),
            shape,
            holds,
            _number(layers[page % len(layers)]),
        )
        for page in range(pages)
    ), why


def _number(layer_name: str) -> int | None:
    match = _LAYER_NAME.search(layer_name)
    return int(match[1]) if match else None
