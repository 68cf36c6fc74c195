"""Listings item by item, and lists of names."""

import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from storeff.sources.entry import Entries, Entry
from storeff.sources.name_list import NameList
from storeff.sources.named import listed_source
from storeff.sources.skipped import Ignored, Skipped
from storeff.sources.source import Found, Source
from support.cli import storeff

Item = Entry | Skipped | Ignored


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder of three files, one of them deeper, and room for a list beside it."""
    folder = tmp_path / "data"
    (folder / "below").mkdir(parents=True)
    for name in ("a", "b", "below/c"):
        (folder / name).write_bytes(os.fsencode(name) * 1000)
    return folder


def each(found: Iterable[Found]) -> Iterator[Item]:
    for item in found:
        if isinstance(item, Entries):
            yield from item
        else:
            yield item


def list_of(folder: Path, names: Sequence[str | bytes | Path], end: bytes = b"\n") -> Path:
    """A file of ``names``."""
    path = folder / "names"
    path.write_bytes(b"".join(os.fsencode(name) + end for name in names))
    return path


def source_of(folder: Path, names: Sequence[str | bytes | Path], **options: Any) -> Source:
    return listed_source(NameList(list_of(folder, names)), **options)


def found(source: Source) -> dict[str, list[str]]:
    """The names that ``source`` lists, by what became of them."""
    by: dict[str, list[str]] = {}
    for item in each(source.list()):
        is_file = isinstance(item, Entry)
        name = source.name(item) if isinstance(item, Entry) else item.path
        kind = "file" if is_file else f"{type(item).__name__} {item.reason}"  # type: ignore[union-attr]
        by.setdefault(kind, []).append(os.fsdecode(name))
    return {kind: sorted(names) for kind, names in by.items()}


def report_of(*words: str | Path, code: int = 0, **options: Any) -> Any:
    done = storeff("scan", "-q", "--json", *words, **options)
    assert done.returncode == code, done.stderr
    report = json.loads(done.stdout)
    del report["run"], report["scan"]["ignored"]
    for key in [key for key in report["scan"] if key.endswith("seconds")]:
        del report["scan"][key]
    return report
