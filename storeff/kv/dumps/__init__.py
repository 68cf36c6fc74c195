"""KV-cache dumps as inference systems write them: one module a family of formats.

Each module has ``looks_like(head, name, size_bytes)``, a test of the first bytes and the path that
a scan can afford for every file, and ``recognise(candidate)``, which reads the header.
"""

import importlib
import pkgutil
from typing import Any, Protocol, cast

from storeff.kv.dumps import safetensors
from storeff.kv.dumps.dump import Candidate, Dump
from storeff.sources.content import Recogniser


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
    """A format whose files a scan notices: by how they begin, one of ``MAGICS``, or by their base
    names, one of ``NAMES``: expressions, as Recogniser takes them."""

    @staticmethod
    def looks_like(head: bytes, name: bytes, size_bytes: int) -> bool: ...


def _formats() -> list[Format]:
    names = (found.name for found in pkgutil.iter_modules(__path__))
    modules = (importlib.import_module(f"{__name__}.{name}") for name in names)
    formats = [cast(Format, module) for module in modules if hasattr(module, "ORDER")]
    return sorted(formats, key=lambda module: module.ORDER)


FORMATS = _formats()
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


def _looks_like(head: bytes, name: bytes, size_bytes: int) -> bool:
    """Whether the file of that path and size that begins ``head`` is taken for a dump."""
    if head[8:9] == b"{" and safetensors.looks_like(head, name, size_bytes):
        return True
    if not looks_like.may_know(head, name):
        return False
    return any(module.looks_like(head, name, size_bytes) for module in _NOTICED)


def _all(kind: str) -> list[Any]:
    return [item for module in FORMATS for item in getattr(module, kind, ())]


# What a scan is given to tell the content class "kv" (storeff.sources.content.classify). Of most
# files it is not asked: a call of each module costs 1 us (2026-11-21).
looks_like = Recogniser(_looks_like, _all("MAGICS"), _all("NAMES"))
