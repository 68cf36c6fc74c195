"""What a pickle written by torch.save says, read opcode by opcode; nothing is imported or called.

The opcodes are those of pickletools for the protocols 2 to 5; of them only what Python's pickler
emits for containers, numbers, text, tensors and plain objects is understood. A name of a class or
function (GLOBAL) is only a name here, and one that torch.save has no reason to write for tensors
and caches is refused.
"""

import struct
from collections.abc import Callable
from typing import Any, NamedTuple

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
_FIXED = {
    0x80: "B",  # PROTO
    0x95: "Q",  # FRAME
    ord("K"): "B",
    ord("M"): "H",
    ord("J"): "i",
    ord("G"): ">d",
    ord("q"): "B",
    ord("r"): "I",
    ord("h"): "B",
    ord("j"): "I",
}
# Opcodes with a length before their bytes: BINUNICODE and its kin, then LONG1, BINBYTES, BINSTRING.
_TEXT = {ord("X"): "I", 0x8C: "B", 0x8D: "Q"}
_BYTES = {0x8A: "B", ord("B"): "I", ord("C"): "B", 0x8E: "Q", ord("U"): "B", ord("T"): "I"}
_CONSTANTS: dict[int, Callable[[], Any]] = {
    ord("N"): lambda: None,
    0x88: lambda: True,
    0x89: lambda: False,
    ord(")"): tuple,
    ord("]"): list,
    ord("}"): Pairs,
    0x8F: list,  # EMPTY_SET
}
_TUPLES = {0x85: 1, 0x86: 2, 0x87: 3}


def walk(data: bytes) -> Any:
    """The object that ``data`` describes, of the types above, numbers, text, tuples and lists.

    Raises RefusedError, naming what is refused. Time and memory are proportional to ``data``.
    """
    machine = _Machine(data)
    try:
        return machine.run()
    except (IndexError, struct.error):
        at = f"near byte {machine.at} of {len(data)}"
        raise RefusedError(f"a pickle that is cut short or out of order {at}") from None


class _Machine:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0
        self.stack: list[Any] = []
        self.memo: dict[int, Any] = {}

    def run(self) -> Any:
        while True:
            code = self.data[self.at]
            self.at += 1
            if code == ord("."):
                return self._pop()
            self._step(code)

    def _step(self, code: int) -> None:
        if code in _CONSTANTS:
            self.stack.append(_CONSTANTS[code]())
        elif code in _FIXED:
            self._fixed(code, self._number(_FIXED[code]))
        elif code in _TEXT:
            self.stack.append(self._text(self._take(self._number(_TEXT[code]))))
        elif code in _BYTES:
            self._bytes(code, self._take(self._number(_BYTES[code])))
        elif code in _TUPLES:
            items = [self._pop() for _ in range(_TUPLES[code])]
            self.stack.append(tuple(reversed(items)))
        elif code == ord("("):
            self.stack.append(_MARK)
        elif code == ord("t"):
            self.stack.append(tuple(self._to_mark()))
        elif code == 0x94:  # MEMOIZE
            self.memo[len(self.memo)] = self._top()
        elif code in b"aesu\x90":
            self._fill(code)
        elif code in (ord("c"), 0x93):  # GLOBAL, STACK_GLOBAL
            self._global(code)
        elif code in b"R\x81Qb":
            self._call(code)
        else:
            raise RefusedError(f"a pickle with opcode {code:#04x}, which torch.save does not write")

    def _number(self, form: str) -> Any:
        form = form if form.startswith(">") else "<" + form
        (value,) = struct.unpack_from(form, self.data, self.at)
        self.at += struct.calcsize(form)
        return value

    def _take(self, length: int) -> bytes:
        if length > len(self.data) - self.at:
            raise RefusedError(f"a pickle that names {length} bytes, {len(self.data)} long itself")
        self.at += length
        return self.data[self.at - length : self.at]

    def _line(self) -> str:
        end = self.data.find(b"\n", self.at)
        if end < 0:
            raise IndexError
        line = self.data[self.at : end]
        self.at = end + 1
        return self._text(line)

    def _text(self, data: bytes) -> str:
        try:
            return data.decode("utf-8", "surrogatepass")
        except UnicodeDecodeError:
            raise RefusedError("a pickle with text that is not UTF-8") from None

    def _pop(self) -> Any:
        value = self.stack.pop()
        if value is _MARK:
            raise IndexError
        return value

    def _top(self) -> Any:
        if self.stack[-1] is _MARK:
            raise IndexError
        return self.stack[-1]

    def _to_mark(self) -> list[Any]:
        items = []
        while (value := self.stack.pop()) is not _MARK:
            items.append(value)
        items.reverse()
        return items

    def _fixed(self, code: int, value: Any) -> None:
        if code in b"KMJG":
            self.stack.append(value)
        elif code in b"qr":
            self.memo[value] = self._top()
        elif code in b"hj":
            if value not in self.memo:
                raise IndexError
            self.stack.append(self.memo[value])

    def _bytes(self, code: int, data: bytes) -> None:
        if code != 0x8A:
            self.stack.append(data)
        elif len(data) > 8:
            raise RefusedError("a pickle with a number of over 64 bits")
        else:
            self.stack.append(int.from_bytes(data, "little", signed=True))

    def _fill(self, code: int) -> None:
        """APPEND, APPENDS, SETITEM, SETITEMS, ADDITEMS."""
        if code == ord("s"):
            value, key = self._pop(), self._pop()
            items = [key, value]
        else:
            items = [self._pop()] if code == ord("a") else self._to_mark()
        target = self._top()
        if isinstance(target, Made):
            # A subclass of list or dict; an OrderedDict above all.
            target.state.append(_pairs(items) if code in b"su" else items)
        elif isinstance(target, Pairs) and code in b"su":
            target.extend(_pairs(items))
        elif isinstance(target, list) and not isinstance(target, Pairs) and code not in b"su":
            target.extend(items)
        else:
            raise IndexError

    def _global(self, code: int) -> None:
        if code == 0x93:
            name, module = self._pop(), self._pop()
        else:
            module, name = self._line(), self._line()
        full = f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else ""
        if not _is_inert(full):
            shown = ascii(full[:200])
            raise RefusedError(f"a pickle that wants {shown}, which no tensor or cache needs")
        self.stack.append(Global(full))

    def _call(self, code: int) -> None:
        """REDUCE, NEWOBJ, BINPERSID, BUILD: noted, not done."""
        value = self._pop()
        if code == ord("Q"):
            self.stack.append(_storage(value))
        elif code == ord("b"):
            target = self._top()
            if not isinstance(target, Made):
                raise IndexError
            target.state.append(value)
        else:
            function = self._pop()
            if not isinstance(function, Global) or not isinstance(value, tuple):
                raise IndexError
            self.stack.append(Made(function.name, value, []))


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
