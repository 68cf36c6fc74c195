"""What a report can be turned into: a module for each format, named as people ask for it.

A module has ``render(report) -> bytes`` and ``IS_TEXT``, whether a terminal can show that. It draws
the sections of ``storeff.report.sections``, or fields of the report; it computes no figure.
"""

import pkgutil
from importlib import import_module
from typing import Protocol, cast

from storeff.report.model import Report


class Format(Protocol):
    """A module of this package."""

    IS_TEXT: bool

    @staticmethod
    def render(report: Report) -> bytes:
        """``report`` in this format."""


def names() -> list[str]:
    """The formats that there are."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Format:
    """The format of ``names()`` called ``name``: only now is imported what it needs."""
    return cast(Format, import_module(f"{__name__}.{name}"))
