"""Object stores as a source: S3 and what speaks it, Google Cloud Storage, Azure Blob Storage."""

import contextlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import cached_property
from typing import Any

from storeff.errors import StoreffError
from storeff.sources.entry import Entry
from storeff.sources.object_client import Access, Bucket, Meter
from storeff.sources.object_errors import refused
from storeff.sources.object_inventory import Inventory
from storeff.sources.object_listing import Root, Walk
from storeff.sources.object_names import NamedObjects
from storeff.sources.object_reading import ObjectReader, read_all
from storeff.sources.object_url import Place, parse_url
from storeff.sources.skipped import Ignored
from storeff.sources.source import Found, Ranges, RangesRead
from storeff.sources.tree import exclusion

# Connections of one process, whatever its threads.
CONNECTIONS = 64


class ObjectStores:
    """The objects at some URLs, as a Source.

    A URL is that of a bucket, of a folder in it (what keys have before a slash), or of an object:
    without a slash at its end it is the folder, and the object only if there is no such folder. A
    root inside another is measured as a root of its own. Keys are taken as they are.

    An object is read only if it still has the entity tag that was listed. Of versioned buckets the
    newest versions are listed. An empty object whose key ends in a slash stands for a folder, and
    is Ignored. ``exclude`` is as that of LocalTree.

    With ``names`` only the objects of that list are there. With the manifest of an S3 Inventory at
    the path or URL ``inventory`` nothing is listed: what it names is there, of all that is at the
    URLs, if it is still as it was then.

    May be pickled: clients are made where it is used, with the credentials that are found there.

    Raises StoreffError if a bucket cannot be listed or nothing is there, and if a library is
    missing; UsageError if a URL is none.
    """

    def __init__(
        self,
        roots: Sequence[str],
        access: Access | None = None,
        *,
        exclude: Sequence[str] = (),
        names: NamedObjects | None = None,
        inventory: str | None = None,
    ) -> None:
        access = access or Access()
        self.meter = Meter(access.requests_per_second)
        self._exclude = tuple(exclude)
        self._ignored: list[Ignored] = []
        buckets: dict[tuple[str, str], Bucket] = {}
        places: dict[Place, Bucket] = {}
        for name in roots:
            place = parse_url(name)
            known = buckets.get((place.scheme, place.bucket))
            bucket = known or Bucket(place.scheme, place.bucket, access, self.meter)
            buckets[place.scheme, place.bucket] = bucket
            try:
                if known is None:
                    bucket.knock()
                if names is None:
                    place = _resolved(place, bucket)
                else:
                    names.try_bucket(bucket)
            except OSError as error:
                raise refused(name, error) from error
            if place in places:
                self._ignored.append(Ignored("duplicate-root", name.encode(), None))
            places[place] = bucket
        self._roots = [
            Root(position, place, bucket, _inside(place, places))
            for position, (place, bucket) in enumerate(places.items())
        ]
        for root in self._roots:
            for other in root.others:
                self._ignored.append(Ignored("nested-root", other.url.encode(), None))
        self.roots = tuple(root.place.url.encode() for root in self._roots)
        self._listed: NamedObjects | Inventory | None = names
        if inventory is not None:
            self._listed = Inventory(inventory, access, self.meter)
            self._listed.check(self._roots)

    @property
    def clouds(self) -> list[str]:
        """The schemes of the roots that are in the cloud of their name, not at an endpoint."""
        buckets = [root.bucket for root in self._roots]
        found = (each.scheme for each in buckets if each.s3 is None or each.s3.endpoint is None)
        return list(dict.fromkeys(found))

    @cached_property
    def _pool(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(CONNECTIONS)

    def list(self) -> Iterator[Found]:
        yield from self._ignored
        excluded = exclusion(self._exclude) if self._exclude else None
        walk = Walk(self._roots, excluded)
        if self._listed is None:
            yield from walk.run()
            return
        for found in self._listed.found(self._roots):
            if isinstance(found, tuple):
                yield from walk.sorted_out(*found)
            else:
                yield found

    @contextlib.contextmanager
    def open(self, entry: Entry) -> Iterator[ObjectReader]:
        """Asks nothing of the store: what became of the object is told by reading it."""
        reader = ObjectReader(entry, self.fetch, self._pool)
        try:
            yield reader
        finally:
            reader.close()

    def read_ranges(self, ranges: Ranges, buffer: memoryview) -> RangesRead:
        return read_all(ranges, buffer, self.fetch, self._pool)

    def fetch(self, entry: Entry, start: int, end: int) -> memoryview:
        """Bytes [start, end), some at least. Raises OSError; ChangedError if it is another now."""
        root = self._roots[entry.roots[0]]
        assert isinstance(entry.version, str)
        return root.bucket.fetch(root.place.key(entry.path), entry.version, start, end)

    def read_beside(self, entry: Entry, relative: bytes, bytes_max: int) -> bytes | None:
        root = self._roots[entry.roots[0]]
        parts = root.place.key(entry.path)[len(root.place.folder) :].split("/")[:-1]
        for part in relative.decode("utf-8", "surrogateescape").split("/"):
            if part == ".." and not parts:
                return None
            if part == "..":
                parts.pop()
            elif part not in ("", "."):
                parts.append(part)
        key = root.place.folder + "/".join(parts)
        # A file that cannot be read is as good as none to who looks for one.
        with contextlib.suppress(OSError):
            found = root.bucket.look(key)
            if found is not None and found.size_bytes <= bytes_max:
                if not found.size_bytes:
                    return b""
                return bytes(root.bucket.fetch(key, found.etag, 0, found.size_bytes))
        return None

    def name(self, entry: Entry) -> bytes:
        place = self._roots[entry.roots[0]].place
        return place.name_of(place.key(entry.path))

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in self.__dict__.items() if name != "_pool"}


def _resolved(place: Place, bucket: Bucket) -> Place:
    """Whether ``place`` is a folder or an object. Raises OSError, and StoreffError if it is
    neither."""
    folder = place
    if place.only is not None:
        folder = replace(place, folder=f"{place.folder}{place.only}/", only=None)
    page = next(bucket.pages(folder.folder), None)
    if page or not folder.folder:
        return folder
    if place.only is not None and bucket.look(place.folder + place.only) is not None:
        return place
    raise StoreffError(
        f"{place.url} cannot be scanned: there is no object", "check the spelling of the prefix"
    )


def _inside(place: Place, places: Sequence[Place] | dict[Place, Bucket]) -> tuple[Place, ...]:
    """Those of ``places`` that are inside ``place``."""
    if place.only is not None:
        return ()
    return tuple(
        other
        for other in places
        if other != place
        and (other.scheme, other.bucket) == (place.scheme, place.bucket)
        and other.folder.startswith(place.folder)
    )
