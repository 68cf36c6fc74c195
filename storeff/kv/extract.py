"""The numbers of a recognised dump: the keys, or the values, of one layer, as tokens by
channels."""

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from storeff.sources.dumps.dump import ITEM_BYTES, Axis, Dtype, MalformedError, Tensor
from storeff.sources.source import Reader, read_range

Kind = Literal["k", "v", "latent"]
Items = npt.NDArray[np.unsignedinteger[Any]]

# An axis of unknown meaning is taken as one of tokens, so that it is sampled.
TOKEN_AXES: tuple[Axis, ...] = ("block", "batch", "token", "unknown")
# A row holds its heads one after the other, whichever of the two axes is the slower in the file.
CHANNEL_AXES: tuple[Axis, ...] = ("head", "dim", "channel", "latent")
# Far above any model's; what claims more is not a dump.
LAYERS_MAX = 4096
ROW_BYTES_MAX = 1 << 20
# A read of a file in the page cache costs as much as to copy so many bytes (2026-11-21), which
# makes one read of everything from the first run to the last one cheaper than one for each.
RUN_BYTES = 16 << 10
SPAN_BYTES_MAX = 8 << 20


@dataclass(frozen=True, eq=False)
class Block:
    """``items`` as they are stored, unsigned integers [tokens, channels], little-endian.

    ``dtype`` says what they are; they are mere bytes where it is quantised (its scales lie between
    the numbers) or unknown. ``kind`` and ``layer`` are None where the dump does not say.
    ``head_dim`` channels make a head, None if unknown.
    """

    kind: Kind | None
    layer: int | None
    dtype: Dtype | None
    items: Items
    head_dim: int | None = None

    @property
    def bytes_only(self) -> bool:
        return self.dtype not in ITEM_BYTES


@dataclass(frozen=True)
class Section:
    """Where one layer's keys, or values, lie in a file, to be read a cluster of tokens at a time.

    ``axes`` are (axis, size, stride in items), slowest first, from byte ``offset`` on.
    """

    kind: Kind | None
    layer: int | None
    dtype: Dtype | None
    offset: int
    item_bytes: int
    axes: tuple[tuple[Axis, int, int], ...]

    @property
    def head_dim(self) -> int | None:
        return next((size for axis, size, _ in self.axes if axis == "dim"), None)

    @property
    def tokens(self) -> int:
        return math.prod(size for axis, size, _ in self.axes if axis in TOKEN_AXES)

    @property
    def row_bytes(self) -> int:
        """Bytes of a token."""
        sizes = (size for axis, size, _ in self.axes if axis in CHANNEL_AXES)
        return math.prod(sizes) * self.item_bytes

    def clusters(self, cluster_bytes: int) -> int:
        """How many clusters of at most ``cluster_bytes``, but of a token at least, make it up."""
        return math.prod(steps for _, steps, _ in self._grid(cluster_bytes))

    def _grid(self, cluster_bytes: int) -> list[tuple[int, int, int]]:
        """(length, how many, size) along each token axis: ranges of the innermost ones, whole as
        far as they fit, so that a cluster is a box."""
        wanted = max(1, cluster_bytes // self.row_bytes)
        grid = []
        for axis, size, _ in reversed(self.axes):
            if axis in TOKEN_AXES:
                length = min(size, wanted)
                grid.append((length, -(-size // length), size))
                wanted = wanted // size if size <= wanted else 1
        return grid[::-1]

    def read(self, reader: Reader, cluster_bytes: int, index: int) -> Block:
        """Cluster ``index`` of ``clusters(cluster_bytes)``.

        Raises OSError; ChangedError if the file has become shorter.
        """
        ranges = []
        for length, steps, size in reversed(self._grid(cluster_bytes)):
            index, step = divmod(index, steps)
            ranges.append((step * length, min(length, size - step * length)))
        if index:
            raise IndexError("no such cluster")
        offset, shape = self.offset, []
        for axis, size, stride in self.axes:
            start, length = ranges.pop() if axis in TOKEN_AXES else (0, size)
            offset += start * stride * self.item_bytes
            shape.append(length)
        items = np.empty(shape, f"<u{self.item_bytes}")
        _gather(reader, offset, tuple(stride for _, _, stride in self.axes), items)
        names = [axis for axis, _, _ in self.axes]
        tokens = [i for i, axis in enumerate(names) if axis in TOKEN_AXES]
        channels = [names.index(axis) for axis in CHANNEL_AXES if axis in names]
        rows = items.transpose(tokens + channels)
        rows = rows.reshape(math.prod(rows.shape[: len(tokens)]), -1)
        return Block(self.kind, self.layer, self.dtype, np.ascontiguousarray(rows), self.head_dim)


def sections(tensor: Tensor, size_bytes: int) -> list[Section]:
    """The sections of ``tensor``, which lies in a file of ``size_bytes``: one for each layer and
    kind.

    Raises MalformedError where its shape, its length and the file contradict each other.
    """
    named = [axis for axis in tensor.axes if axis != "unknown"]
    if len(tensor.axes) != len(tensor.shape) or len(set(named)) != len(named):
        raise MalformedError(f"a tensor of axes {tensor.axes} cannot have shape {tensor.shape}")
    if min(tensor.shape, default=0) < 0 or min(tensor.offset, tensor.length) < 0:
        raise MalformedError(f"a tensor cannot have shape {tensor.shape}, {tensor.length} bytes")
    if tensor.offset + tensor.length > size_bytes:
        raise MalformedError(
            f"a tensor reaches to byte {tensor.offset + tensor.length}, the file to {size_bytes}"
        )
    if tensor.length == 0:
        return []
    axes, shape, item_bytes = _items(tensor)
    if 0 in shape:
        # Fewer bytes than a number has.
        return []
    strides = [math.prod(shape[i + 1 :]) for i in range(len(shape))]
    # Of several unknown axes the last; those that are asked for by name occur once.
    size_of, stride_of = dict(zip(axes, shape, strict=True)), dict(zip(axes, strides, strict=True))
    row_bytes = item_bytes * math.prod(size_of.get(axis, 1) for axis in CHANNEL_AXES)
    kinds, layers = size_of.get("kv", 1), size_of.get("layer", 1)
    if kinds > 2 or layers > LAYERS_MAX or row_bytes > ROW_BYTES_MAX:
        raise MalformedError(
            f"a tensor of axes {axes} and shape {shape} is beyond any model: {kinds} kinds, "
            f"{layers} layers, {row_bytes} bytes a token"
        )
    placed = zip(axes, shape, strides, strict=True)
    rest = tuple((axis, n, stride) for axis, n, stride in placed if axis not in ("kv", "layer"))
    return [
        Section(
            kind=_kind(tensor, kinds, kind),
            layer=layer if "layer" in axes else tensor.layer,
            dtype=tensor.dtype,
            offset=tensor.offset
            + item_bytes * (kind * stride_of.get("kv", 0) + layer * stride_of.get("layer", 0)),
            item_bytes=item_bytes,
            axes=rest,
        )
        for kind in range(kinds)
        for layer in range(layers)
    ]


def _kind(tensor: Tensor, kinds: int, index: int) -> Kind | None:
    if kinds == 2:
        return "v" if index else "k"
    return None if tensor.holds == "kv" else tensor.holds


def _items(tensor: Tensor) -> tuple[tuple[Axis, ...], tuple[int, ...], int]:
    """Axes, sizes and bytes of the items to be read: of bytes, if the dtype is none of numbers."""
    if tensor.dtype in ITEM_BYTES:
        item_bytes = ITEM_BYTES[tensor.dtype]
        if not tensor.axes:
            # Which of the numbers make a token is not known.
            return ("token",), (tensor.length // item_bytes,), item_bytes
        if math.prod(tensor.shape) * item_bytes != tensor.length:
            raise MalformedError(
                f"a tensor of shape {tensor.shape} in {tensor.dtype} cannot have "
                f"{tensor.length} bytes"
            )
        return tensor.axes, tensor.shape, item_bytes
    outer = [i for i, axis in enumerate(tensor.axes) if axis not in CHANNEL_AXES]
    rows = math.prod(tensor.shape[i] for i in outer)
    if not outer or outer[-1] >= len(outer) or rows == 0 or tensor.length % rows:
        # No whole rows that are known: a string of bytes.
        return ("token",), (tensor.length,), 1
    count = len(outer)
    return (*tensor.axes[:count], "channel"), (*tensor.shape[:count], tensor.length // rows), 1


def _gather(reader: Reader, offset: int, strides: tuple[int, ...], items: Items) -> None:
    """Read ``items``, whose axes have these strides in the file, from byte ``offset`` on."""
    item_bytes = items.itemsize
    steps = [(n - 1) * stride for n, stride in zip(items.shape, strides, strict=True)]
    span = (sum(steps) + 1) * item_bytes
    run = 1
    for n, stride in zip(reversed(items.shape), reversed(strides), strict=True):
        if stride != run and n > 1:
            break
        run *= n
    runs = items.size // run
    if span == items.nbytes or span <= min(runs * RUN_BYTES, SPAN_BYTES_MAX):
        found = np.frombuffer(read_range(reader, offset, span), items.dtype)
        byte_strides = [stride * item_bytes for stride in strides]
        items[...] = np.lib.stride_tricks.as_strided(found, items.shape, byte_strides)
        return
    for i in range(items.shape[0]):
        _gather(reader, offset + i * strides[0] * item_bytes, strides[1:], items[i])
