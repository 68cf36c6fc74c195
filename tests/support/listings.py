"""Listings item by item."""

from collections.abc import Iterable, Iterator

from storeff.sources.entry import Entries, Entry
from storeff.sources.skipped import Ignored, Skipped
from storeff.sources.source import Found

Item = Entry | Skipped | Ignored


def each(found: Iterable[Found]) -> Iterator[Item]:
    for item in found:
        if isinstance(item, Entries):
            yield from item
        else:
            yield item
