"""The attention geometry of a language model, and the exact bytes its KV cache takes.

A model is groups of equal layers. The two figures of a group are what a token writes in each of
its layers, and how many of the tokens seen it still holds.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

from storeff.data import load
from storeff.errors import StoreffError
from storeff.kv.models.formats import CacheFormat, vector_bytes

StateFormat = Literal["f32", "bf16", "f16"]

# Far above every model there is (2026: 126 layers, 1,024 heads, 10,485,760 tokens of context).
LAYERS_MAX = 4096
WIDTH_MAX = 1 << 20
WINDOW_MAX = 1 << 40
Count = Annotated[int, Meta(ge=1, le=LAYERS_MAX)]
Width = Annotated[int, Meta(ge=1, le=WIDTH_MAX)]
WidthOrNone = Annotated[int, Meta(ge=0, le=WIDTH_MAX)]
Window = Annotated[int, Meta(ge=1, le=WINDOW_MAX)]


class Attention(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="kv",
):
    """``count`` layers that keep K and V of each token: ``kv_heads`` heads of ``head_dim``.

    ``value_dim`` is the width of V where it is not that of K. With a ``window`` only that many
    tokens are held: the last ones or, if ``chunked``, those of the chunk under way, which is
    counted at its fullest.
    """

    count: Count
    kv_heads: Width
    head_dim: Width
    value_dim: Width | None = None
    window: Window | None = None
    chunked: bool = False

    def __post_init__(self) -> None:
        if self.chunked and self.window is None:
            raise ValueError("chunked attention needs its chunk length as window")

    def token_bytes(self, cache_format: CacheFormat) -> int:
        """Bytes a token writes in one layer."""
        key = vector_bytes(self.head_dim, cache_format)
        return self.kv_heads * (key + vector_bytes(self.value_dim or self.head_dim, cache_format))

    def held_tokens(self, tokens: int) -> int:
        """How many of ``tokens`` a layer still holds."""
        return tokens if self.window is None else min(tokens, self.window)


class Latent(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="mla",
):
    """``count`` layers of multi-head latent attention (DeepSeek-V2, arXiv 2405.04434).

    A token keeps one vector of ``latent_dim`` for K and V of all heads and one of ``rope_dim``;
    with sparse attention (DeepSeek-V3.2) also a key of ``index_dim`` for the indexer.
    """

    count: Count
    latent_dim: Width
    rope_dim: WidthOrNone
    index_dim: WidthOrNone = 0

    def token_bytes(self, cache_format: CacheFormat) -> int:
        """Bytes a token writes in one layer."""
        parts = (self.latent_dim, self.rope_dim, self.index_dim)
        return sum(vector_bytes(part, cache_format) for part in parts)

    def held_tokens(self, tokens: int) -> int:
        """How many of ``tokens`` a layer still holds: all."""
        return tokens


class State(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="state",
):
    """``count`` layers with a state of constant size: linear attention, SSM, convolution.

    ``heads`` matrices of ``head_dim`` x ``state_dim`` in ``state_format``, and the last
    ``conv_tokens`` inputs of a causal convolution in ``conv_format``, ``heads`` x ``head_dim`` +
    2 x ``groups`` x ``state_dim`` channels wide: x, B and C of Mamba-2 (arXiv 2405.21060) or, the
    same in other words, v, k and q of gated delta nets (arXiv 2412.06464). Mamba-1 has heads of
    one channel and no groups.
    """

    count: Count
    heads: Width
    head_dim: Width
    state_dim: WidthOrNone
    groups: WidthOrNone = 0
    conv_tokens: WidthOrNone = 0
    state_format: StateFormat = "bf16"
    conv_format: StateFormat = "bf16"

    @property
    def conv_channels(self) -> int:
        """Width of the input of the convolution."""
        return self.heads * self.head_dim + 2 * self.groups * self.state_dim

    def constant_bytes(self) -> int:
        """Bytes of the state of one layer, whatever the tokens."""
        matrices = self.heads * self.head_dim * self.state_dim
        inputs = self.conv_tokens * self.conv_channels
        return vector_bytes(matrices, self.state_format) + vector_bytes(inputs, self.conv_format)


class NoCache(
    msgspec.Struct,
    frozen=True,
    kw_only=True,
    forbid_unknown_fields=True,
    tag_field="kind",
    tag="none",
):
    """``count`` layers that keep nothing of their own (feed-forward, or KV of another layer)."""

    count: Count


Layers: TypeAlias = Attention | Latent | State | NoCache


class Model(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Attention geometry of a model: exact facts of its config.json.

    A layer with attention and a state side by side (Falcon-H1) is in two groups. ``cache_format``
    is what the cache holds unless another is given: the dtype of the model, or what the checkpoint
    says that its cache is quantised to. ``context_tokens`` is the longest context it is made for.
    ``notes`` say what the source leaves open and how it was taken. ``kind`` says what was read at
    ``source``: the config.json itself, another project's table of the model (secondary), or nothing
    (assumption)."""

    name: str
    layers: Annotated[tuple[Layers, ...], Meta(min_length=1)]
    title: str = ""
    cache_format: CacheFormat = "bf16"
    context_tokens: Window | None = None
    notes: tuple[str, ...] = ()
    source: str | None = None
    read_on: date | None = None
    kind: Literal["config", "secondary", "assumption"] = "assumption"

    def __post_init__(self) -> None:
        if self.kind != "assumption" and self.source is None:
            raise ValueError(f"kind = {self.kind!r} needs a source")


def load_models(extra: Path | None = None) -> dict[str, Model]:
    """The catalogue by name, with the user's own file of the same form on top."""
    return load("models", Model, extra)


def group_bytes(group: Layers, tokens: int, cache_format: CacheFormat) -> int:
    """Bytes that all layers of ``group`` hold after ``tokens`` tokens of one sequence."""
    if isinstance(group, NoCache):
        return 0
    if isinstance(group, State):
        return group.count * group.constant_bytes()
    return group.count * group.token_bytes(cache_format) * group.held_tokens(tokens)


def cache_bytes(model: Model, tokens: int, cache_format: CacheFormat | None = None) -> int:
    """Bytes of the KV cache of one sequence of ``tokens`` tokens, exactly.

    Windows hold at most their length. Constant states count in full from the first token, in a
    format of their own: ``cache_format`` is of K and V.
    Raises StoreffError on a negative number of tokens.
    """
    if tokens < 0:
        raise StoreffError(f"{tokens} tokens: a sequence cannot have fewer than 0")
    used = cache_format or model.cache_format
    return sum(group_bytes(group, tokens, used) for group in model.layers)


def bytes_per_token(model: Model, cache_format: CacheFormat | None = None) -> int:
    """Bytes each further token adds once every window is full: layers without a window."""
    used = cache_format or model.cache_format
    return sum(
        group.count * group.token_bytes(used)
        for group in model.layers
        if isinstance(group, Latent) or (isinstance(group, Attention) and group.window is None)
    )


def written_bytes_per_token(model: Model, cache_format: CacheFormat | None = None) -> int:
    """Bytes each token writes in all layers, windows or not.

    This is the traffic of the cache, and what a store that keeps every block of a prefix holds:
    to resume at any block it needs the window that ends there.
    """
    used = cache_format or model.cache_format
    return sum(
        group.count * group.token_bytes(used)
        for group in model.layers
        if isinstance(group, Attention | Latent)
    )
