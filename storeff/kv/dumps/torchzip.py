"""Caches of Hugging Face transformers as torch.save writes them: a zip with data.pkl in it.

torch/serialization.py: <archive>/data.pkl describes the object, <archive>/data/<key> holds the
bytes of each storage, stored and not packed, <archive>/byteorder says in which order. What counts
as a KV cache is a tuple of (key, value) a layer or a transformers DynamicCache, alone or under
"past_key_values"; its tensors are [batch, head, token, dim]. Anything else, weights above all, is
not KV. The pickle is walked by storeff.kv.dumps.opcodes and never loaded.
"""

from typing import Any, NamedTuple

from storeff.kv.dumps import zipped
from storeff.kv.dumps.dump import DTYPE_OF_NAME, ITEM_BYTES, Axis, Candidate, Dtype, Dump, Tensor
from storeff.kv.dumps.opcodes import Global, Made, Pairs, RefusedError, Storage, walk
from storeff.kv.dumps.zipped import Member, unsound
from storeff.text import excerpt

ORDER = 60

# A cache of 128 layers has a pickle of 40 kB.
_PICKLE_BYTES_MAX = 1 << 20
# No pickle of that length has more of them, each written out.
_ATTRIBUTES_MAX = _PICKLE_BYTES_MAX
_AXES: tuple[Axis, ...] = ("batch", "head", "token", "dim")


class _Array(NamedTuple):
    """A tensor of the pickle: offset, shape and strides in items of its storage."""

    storage: Storage
    offset: int
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    dtype: Dtype | None


class _Layer(NamedTuple):
    number: int
    key: _Array
    value: _Array


def looks_like(head: bytes, path: bytes, size_bytes: int) -> bool:
    """Whether the head is that of a torch.save with a transformers cache in it.

    A tuple of tensors, the older form, cannot be distinguished from others by its head.
    """
    if head[:4] != b"PK\x03\x04" or not head.startswith(b"/data.pkl", _stem_end(head)):
        return False
    return b"transformers.cache_utils" in head[:8192]


def recognise(candidate: Candidate) -> Dump | None:
    """A cache; None for another kind of file and for a torch.save of anything else.

    Raises ContradictionError for an archive that contradicts itself, and for a pickle that names a
    class or function that neither tensors nor caches need: such a file may be an attack.
    """
    head = candidate.read(0, 512)
    if head[:4] != b"PK\x03\x04" or b"/" not in head[30:] or not _is_torch(head):
        return None
    found = zipped.members(candidate)
    pickle = next((name for name in found if name.endswith("/data.pkl")), None)
    if pickle is None or pickle.count("/") != 1:
        return None
    folder = pickle.removesuffix("data.pkl")
    described = _described(candidate, found[pickle])
    layers = _layers(described)
    if not layers:
        return None
    order = found.get(folder + "byteorder")
    if order and candidate.read(order.offset, min(order.length, 8)) != b"little":
        return _dump((), len(layers), "written on a big-endian machine", None)
    tensors = []
    left_out = 0
    for layer in layers:
        for holds, array in (("k", layer.key), ("v", layer.value)):
            tensor = _tensor(candidate, found, folder, array, layer.number, holds)
            if tensor is None:
                left_out += 1
            elif tensor.length:
                tensors.append(tensor)
    tokens = max(layer.key.shape[2] for layer in layers)
    why = f"{left_out} of its tensors are strided views or packed" if left_out else ""
    if _overlap(tensors):
        tensors, why = [], "its tensors share their bytes"
    return _dump(tuple(tensors), len(layers), why, tokens)


def _stem_end(head: bytes) -> int:
    return 30 + int.from_bytes(head[26:28], "little") - len(b"/data.pkl")


def _is_torch(head: bytes) -> bool:
    """By the first member, which torch.save has written first since it writes zips."""
    name = head[30 : 30 + int.from_bytes(head[26:28], "little")]
    return name.endswith((b"/data.pkl", b"/byteorder", b"/.format_version", b"/version"))


def _dump(tensors: tuple[Tensor, ...], layers: int, why: str, tokens: int | None) -> Dump:
    text = f"a transformers cache of {layers} layers, described by its own pickle"
    return Dump(
        system="transformers",
        kind="kv" if tensors else "opaque",
        tensors=tensors,
        confidence="exact" if tensors else "unknown",
        why=f"{text}, but {why}" if why else text,
        tokens=tokens,
    )


def _described(candidate: Candidate, member: Member) -> Any:
    if not member.stored:
        raise unsound("data.pkl is packed, which torch.save never does")
    if member.length > _PICKLE_BYTES_MAX:
        # An archive of so many objects is a training checkpoint.
        return None
    try:
        return walk(candidate.read(member.offset, member.length))
    except RefusedError as error:
        raise unsound(f"data.pkl is {error}") from None


def _layers(described: Any, outermost: bool = True) -> list[_Layer]:
    """Keys and values a layer, if ``described`` is a cache or has one; else nothing."""
    if isinstance(described, Made) and described.name == "collections.OrderedDict":
        described = _state(described)
    if isinstance(described, Pairs):
        inner = described.get("past_key_values")
        if inner is not None and outermost:
            return _layers(inner, outermost=False)
        return _columns(described)
    if isinstance(described, Made) and described.name.startswith("transformers.cache_utils."):
        state = _state(described)
        layers = state.get("layers")
        if not isinstance(layers, list) or isinstance(layers, Pairs):
            return _columns(state)
        states = [_state(layer) if isinstance(layer, Made) else Pairs() for layer in layers]
        return _checked([(state.get("keys"), state.get("values")) for state in states])
    if type(described) in (tuple, list) and all(
        type(pair) in (tuple, list) and 2 <= len(pair) <= 4 for pair in described
    ):
        return _checked([(pair[0], pair[1]) for pair in described])
    return []


def _columns(state: Pairs) -> list[_Layer]:
    """The form of transformers up to 4.55: two lists, of the keys and of the values."""
    keys, values = state.get("key_cache"), state.get("value_cache")
    if type(keys) is not list or type(values) is not list or len(keys) != len(values):
        return []
    return _checked(list(zip(keys, values, strict=True)))


def _state(made: Made) -> Pairs:
    """All attributes and items that an object was given."""
    together = Pairs()
    for state in made.state:
        # An object with slots has a pair of states.
        for part in state if isinstance(state, tuple) else (state,):
            if isinstance(part, Pairs):
                together.extend(part)
        if len(together) > _ATTRIBUTES_MAX:
            # One state given over and over: a bomb, not a cache.
            return Pairs()
    return together


def _is_unused(pair: tuple[Any, Any]) -> bool:
    """A layer that has no cache: None, an empty list or an empty tensor."""
    for item in pair:
        array = _array(item)
        empty_tensor = array is not None and not all(array.shape)
        if not (item is None or empty_tensor or (type(item) is list and not item)):
            return False
    return True


def _checked(pairs: list[tuple[Any, Any]]) -> list[_Layer]:
    """The layers that are in use, if each of them is a key and a value that go together."""
    found = []
    for number, pair in enumerate(pairs):
        if _is_unused(pair):
            continue
        key, value = _array(pair[0]), _array(pair[1])
        if key is None or value is None or len(key.shape) != 4 or key.dtype is None:
            return []
        if key.shape[:3] != value.shape[:3] or key.dtype != value.dtype or len(value.shape) != 4:
            return []
        found.append(_Layer(number, key, value))
    return found


def _array(made: Any) -> _Array | None:
    """A tensor by torch._utils' _rebuild_tensor_v2(storage, offset, shape, strides, ...)."""
    if not isinstance(made, Made) or len(made.arguments) < 4:
        return None
    storage, offset, shape, strides = made.arguments[:4]
    if not isinstance(storage, Storage) or type(offset) is not int or offset < 0:
        return None
    if not _are_sizes(shape) or not _are_sizes(strides) or len(shape) != len(strides):
        return None
    if made.name == "torch._utils._rebuild_tensor_v2":
        kind = storage.kind
    elif made.name == "torch._utils._rebuild_tensor_v3" and len(made.arguments) > 6:
        dtype = made.arguments[6]
        kind = dtype.name if isinstance(dtype, Global) else ""
    else:
        return None
    return _Array(storage, offset, shape, strides, DTYPE_OF_NAME.get(kind.removeprefix("torch.")))


def _are_sizes(value: Any) -> bool:
    if type(value) is not tuple or not 1 <= len(value) <= 8:
        return False
    return all(type(n) is int and 0 <= n < 1 << 48 for n in value)


def _tensor(
    candidate: Candidate,
    found: dict[str, Member],
    folder: str,
    array: _Array,
    layer: int,
    holds: str,
) -> Tensor | None:
    """Where the array lies in the file; None if it is not one run of bytes."""
    member = found.get(f"{folder}data/{array.storage.key}")
    shown = excerpt(repr(array.storage.key))
    if member is None:
        raise unsound(f"no member for storage {shown}")
    if array.dtype is None or not member.stored:
        return None
    item_bytes = ITEM_BYTES[array.dtype]
    untyped = array.storage.kind.endswith("UntypedStorage")
    if member.length != array.storage.items * (1 if untyped else item_bytes):
        raise unsound(f"storage {shown} is not as long as it says")
    items = 1
    for extent in array.shape:
        items *= extent
    reach = sum((n - 1) * step for n, step in zip(array.shape, array.strides, strict=True))
    if items and (array.offset + reach + 1) * item_bytes > member.length:
        raise unsound(f"a tensor reaches past storage {shown}")
    # Slowest axis first, as the bytes lie: a transposed view is a dense array of other axes.
    order = sorted(range(4), key=lambda axis: (-array.strides[axis], axis))
    order = [axis for axis in order if array.shape[axis] != 1] if items else []
    dense = items
    for axis in order:
        dense //= array.shape[axis]
        if array.strides[axis] != dense:
            return None
    order = [axis for axis in range(4) if axis not in order] + order
    return Tensor(
        offset=member.offset + array.offset * item_bytes,
        length=items * item_bytes,
        dtype=array.dtype,
        axes=tuple(_AXES[axis] for axis in order),
        shape=tuple(array.shape[axis] for axis in order),
        holds="k" if holds == "k" else "v",
        layer=layer,
    )


def _overlap(tensors: list[Tensor]) -> bool:
    end = 0
    for tensor in sorted(tensors, key=lambda tensor: tensor.offset):
        if tensor.offset < end:
            return True
        end = tensor.offset + tensor.length
    return False
