"""KV-cache dumps as inference systems write them: one module a family of formats.

Each module has ``looks_like(head, name, size_bytes)``, a test of the first bytes and the path that
a scan can afford for every file, and ``recognise(candidate)``, which reads the header.
"""

import importlib
import pkgutil
from typing import Protocol, cast

from storeff.kv.dumps import dynamo, safetensors
from storeff.kv.dumps.dump import Candidate, Dump


class Format(Protocol):
    """A module of this room. ``ORDER`` is its place among the others: the most certain evidence
    comes first.

    A magic number, then a header that must agree with the size under a name of the system, then a
    path alone. Among safetensors files the exact tensor name and path come before names that merely
    say "key" and "value".
    """

    ORDER: int

    @staticmethod
    def recognise(candidate: Candidate) -> Dump | None: ...


class Noticed(Format, Protocol):
    """A format whose files a scan notices: by how they begin or by how their names end."""

    @staticmethod
    def looks_like(head: bytes, name: bytes, size_bytes: int) -> bool: ...


def _formats() -> list[Format]:
    names = (found.name for found in pkgutil.iter_modules(__path__))
    modules = (importlib.import_module(f"{__name__}.{name}") for name in names)
    formats = [cast(Format, module) for module in modules if hasattr(module, "ORDER")]
    return sorted(formats, key=lambda module: module.ORDER)


FORMATS = _formats()
# One test of each for a file that is none of them: a call of each module costs 1 us (2026-11-21).
_MAGICS = tuple(magic for module in FORMATS for magic in getattr(module, "MAGICS", ()))
_SUFFIXES = tuple(suffix for module in FORMATS for suffix in getattr(module, "SUFFIXES", ()))
_NOTICED = [
    cast(Noticed, module)
    for module in FORMATS
    if hasattr(module, "looks_like") and module.ORDER != safetensors.ORDER
]


def recognise(candidate: Candidate) -> Dump | None:
    """What ``candidate`` holds, or None if it is not a known dump.

    Raises ContradictionError if it surely is one and contradicts itself, and OSError.
    """
    for module in FORMATS:
        dump = module.recognise(candidate)
        if dump is not None:
            return dump
    return None


def looks_like(head: bytes, name: bytes, size_bytes: int) -> bool:
    """Whether the file of that path and size that begins ``head`` is taken for a dump.

    What a scan is given to tell the content class "kv" (storeff.sources.content.classify).
    """
    if head[8:9] == b"{" and safetensors.looks_like(head, name, size_bytes):
        return True
    if not (head.startswith(_MAGICS) or name.endswith(_SUFFIXES) or dynamo.PREFIX in name):
        return False
    return any(module.looks_like(head, name, size_bytes) for module in _NOTICED)
