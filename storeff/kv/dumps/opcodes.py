"""What a pickle written by torch.save describes, read opcode by opcode; nothing is imported or
called.

The opcodes are those of pickletools for the protocols 2 to 5; of them only what Python's pickler
emits for containers, numbers, text, tensors and plain objects is understood. A name of a class or
function (GLOBAL) is only a name here, and one that torch.save has no reason to write for tensors
and caches is refused.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

from storeff.text import excerpt

# Modules all of whose classes are data here; single functions that torch itself writes.
_MODULES = ("transformers.cache_utils",)
_GLOBALS = {
    "torch._utils._rebuild_tensor_v2",
    "torch._utils._rebuild_tensor_v3",
    "torch._utils._rebuild_parameter",
    "torch._utils._rebuild_parameter_with_state",
    "torch.serialization._get_layout",
    "torch.storage.UntypedStorage",
    "torch.storage.TypedStorage",
    "torch.Size",
    "torch.device",
    "torch.dtype",
    "collections.OrderedDict",
    "collections.defaultdict",
    "copyreg._reconstructor",
    "copy_reg._reconstructor",
    "builtins.object",
    "__builtin__.object",
    "builtins.set",
    "__builtin__.set",
    "argparse.Namespace",
    "_codecs.encode",
    "numpy.dtype",
    "numpy.ndarray",
    "numpy.core.multiarray._reconstruct",
    "numpy._core.multiarray._reconstruct",
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
}
_TORCH_DTYPES = ("float", "bfloat", "half", "double", "int", "uint", "long", "short", "bool")


class RefusedError(Exception):
    """A pickle that is broken, or asks for something that no tensor needs."""


class Global(NamedTuple):
    """A class or function by its full name."""

    name: str


class Storage(NamedTuple):
    """What a tensor's bytes lie in: the archive's member data/<key>, of ``kind``."""

    kind: str
    key: str
    items: int


class Made(NamedTuple):
    """What calling ``name`` with ``arguments`` would have made, with the state it was given."""

    name: str
    arguments: tuple[Any, ...]
    state: list[Any]


class Pairs(list[tuple[Any, Any]]):
    """A dict, as pairs: keys are hostile, and hashing a deep tuple overflows the stack."""

    def get(self, key: str) -> Any:
        """The last value under ``key``, or None."""
        values = [value for name, value in self if isinstance(name, str) and name == key]
        return values[-1] if values else None


_MARK = object()
# Opcodes whose argument, or else None, True or False, is the object itself.
_VALUES = {
    *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT", "NONE"),
    *("BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8"),
    *("BINBYTES", "SHORT_BINBYTES", "BINBYTES8", "BINSTRING", "SHORT_BINSTRING"),
}
_EMPTY: dict[str, Callable[[], Any]] = {
    "NEWTRUE": lambda: True,
    "NEWFALSE": lambda: False,
    "EMPTY_TUPLE": tuple,
    "EMPTY_LIST": list,
    "EMPTY_DICT": Pairs,
    "EMPTY_SET": list,
    "MARK": lambda: _MARK,
}
_TUPLES = {"TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}
_DICT_ITEMS = ("SETITEM", "SETITEMS")


def walk(data: bytes) -> Any:
    """The object that ``data`` describes, of the types above, numbers, text, tuples and lists.

    Raises RefusedError, naming what is refused. Time and memory are proportional to ``data``:
    pickletools takes no length that ``data`` does not have, and no number of over 4,300 digits.
    """
    from pickletools import genops  # Takes 19 ms, which a scan without such files need not.

    machine = _Machine()
    at = 0
    try:
        for opcode, argument, position in genops(data):
            at = position or 0
            if opcode.name == "STOP":
                break
            machine.step(opcode.name, argument)
        return machine.pop()
    # An escape that Python does not know is a warning, and an error where warnings are.
    except (IndexError, ValueError, DeprecationWarning):
        where = f"after byte {at} of {len(data)}"
        raise RefusedError(f"a pickle that is cut short or out of order {where}") from None


class _Machine:
    def __init__(self) -> None:
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def step(self, name: str, argument: Any) -> None:
        if name in _VALUES:
            if name == "LONG1" and not -(1 << 63) <= argument < 1 << 63:
                raise RefusedError("a pickle with a number of over 64 bits")
            self.stack.append(argument)
        elif name in _EMPTY:
            self.stack.append(_EMPTY[name]())
        elif name in ("BINPUT", "LONG_BINPUT", "MEMOIZE"):
            self.memo[len(self.memo) if name == "MEMOIZE" else argument] = self.top()
        elif name in ("BINGET", "LONG_BINGET"):
            if argument not in self.memo:
                raise IndexError
            self.stack.append(self.memo[argument])
        elif name in _TUPLES:
            items = [self.pop() for _ in range(_TUPLES[name])]
            self.stack.append(tuple(reversed(items)))
        elif name == "TUPLE":
            self.stack.append(tuple(self.to_mark()))
        elif name in ("APPEND", "APPENDS", "ADDITEMS", *_DICT_ITEMS):
            self.fill(name)
        elif name == "GLOBAL":
            self.stack.append(_global(argument.replace(" ", ".")))
        elif name == "STACK_GLOBAL":
            last, module = self.pop(), self.pop()
            are_text = isinstance(module, str) and isinstance(last, str)
            self.stack.append(_global(f"{module}.{last}" if are_text else ""))
        elif name in ("REDUCE", "NEWOBJ"):
            self.call()
        elif name == "BINPERSID":
            self.stack.append(_storage(self.pop()))
        elif name == "BUILD":
            state, target = self.pop(), self.top()
            if not isinstance(target, Made):
                raise IndexError
            target.state.append(state)
        elif name not in ("PROTO", "FRAME"):
            raise RefusedError(f"a pickle with opcode {name}, which torch.save does not write")

    def pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise IndexError
        return value

    def top(self) -> Any:
        if self.stack[-1] is _MARK:
            raise IndexError
        return self.stack[-1]

    def to_mark(self) -> list[Any]:
        items = []
        while (value := self.stack.pop()) is not _MARK:
            items.append(value)
        items.reverse()
        return items

    def fill(self, name: str) -> None:
        """Put items into the container below them."""
        if name == "SETITEM":
            value, key = self.pop(), self.pop()
            items = [key, value]
        else:
            items = [self.pop()] if name == "APPEND" else self.to_mark()
        target = self.top()
        if isinstance(target, Made):
            # A subclass of list or dict; an OrderedDict above all.
            target.state.append(_pairs(items) if name in _DICT_ITEMS else items)
        elif isinstance(target, Pairs) and name in _DICT_ITEMS:
            target.extend(_pairs(items))
        elif isinstance(target, list) and not isinstance(target, Pairs) and name not in _DICT_ITEMS:
            target.extend(items)
        else:
            raise IndexError

    def call(self) -> None:
        """Note a call, which is not made."""
        arguments, function = self.pop(), self.pop()
        if not isinstance(function, Global) or not isinstance(arguments, tuple):
            raise IndexError
        self.stack.append(Made(function.name, arguments, []))


def _global(name: str) -> Global:
    if not _is_inert(name):
        raise RefusedError(f"a pickle that wants {excerpt(name)!r}, which no tensor or cache needs")
    return Global(name)


def _pairs(items: list[Any]) -> Pairs:
    if len(items) % 2:
        raise IndexError
    return Pairs(zip(items[::2], items[1::2], strict=True))


def _is_inert(name: str) -> bool:
    if name in _GLOBALS or name.rpartition(".")[0] in _MODULES:
        return True
    module, _, last = name.rpartition(".")
    if module != "torch" or not last.isidentifier():
        return False
    return last.endswith("Storage") or last.startswith(_TORCH_DTYPES)


def _storage(value: Any) -> Storage:
    """('storage', class, key, device, items), as torch.serialization's persistent_id writes it."""
    if isinstance(value, tuple) and len(value) == 5 and isinstance(value[1], Global):
        tag, kind, key, _, items = value
        if (tag, type(key), type(items)) == ("storage", str, int) and items >= 0:
            return Storage(kind.name, key, items)
    raise RefusedError("a pickle with an unknown kind of reference to data outside it")
