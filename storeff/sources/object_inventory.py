"""S3 Inventory: a listing of a bucket that S3 writes every day or week, in place of requests.

A manifest names files of CSV, Parquet or ORC, each of some million objects. One at a time is
fetched to a temporary file, checked against its MD5 sum, and read some rows at a time: once for the
keys alone, so that it is known which are there twice, and then for each listing.
"""

import contextlib
import csv
import errno
import hashlib
import itertools
import os
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any, BinaryIO, TypeVar
from urllib.parse import unquote_plus

import msgspec

from storeff.errors import StoreffError, UsageError
from storeff.files import read_bounded
from storeff.sources.inventory_rows import Columns, columns_of, plain
from storeff.sources.object_client import Access, Bucket, Listed, Meter, quoted
from storeff.sources.object_errors import refused
from storeff.sources.object_listing import Root
from storeff.sources.object_names import FoundObjects
from storeff.sources.object_reading import FETCH_BYTES
from storeff.sources.object_url import is_url, parse_url
from storeff.sources.repeats import Repeats
from storeff.sources.skipped import Ignored, skipped_for
from storeff.sources.temporary import ROOM, place, temporary_file
from storeff.text import excerpt

MANIFEST_BYTES_MAX = 64 << 20
SIZE_BYTES_MAX = (1 << 63) - 1
# Columns that are read, as they are called without case and underscores. What has versions says
# which is the latest and which is only a mark of deletion.
_NEEDED = ("key", "size", "etag")
_LATEST, _DELETED = "islatest", "isdeletemarker"
_OF_ARCHIVES = ("storageclass", "intelligenttieringaccesstier")
_OF_KEYS = ("key", _LATEST, _DELETED)
_COLUMNS = (*_OF_KEYS, "size", "etag", *_OF_ARCHIVES)
_ARCHIVES = {"GLACIER", "DEEP_ARCHIVE"}
_ARCHIVE_TIERS = {"ARCHIVE", "DEEP_ARCHIVE", "ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"}


Made = TypeVar("Made")


class _File(msgspec.Struct, frozen=True):
    key: str
    size: int | None = None
    md5: str | None = msgspec.field(default=None, name="MD5checksum")


class _Manifest(msgspec.Struct, frozen=True, rename="camel"):
    source_bucket: str
    file_format: str
    file_schema: str
    files: list[_File]


class Inventory:
    """The objects that the inventory whose manifest is at ``name``, a path or a URL, lists.

    Of several versions only the latest is given, and nothing that was deleted. What is listed again
    is Ignored. Raises StoreffError if there is no such inventory, or it lacks what a scan needs to
    know.
    """

    def __init__(self, name: str, access: Access, meter: Meter) -> None:
        self.name = name
        self.bucket: Bucket | None = None
        self.repeats: Repeats | None = None
        document = self._fetched(access, meter) if is_url(name) else self._read()
        try:
            self.manifest = msgspec.json.decode(document, type=_Manifest)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise StoreffError(
                f"{excerpt(name)} is no manifest of an S3 Inventory: {error}",
                "name its manifest.json",
            ) from error
        fields = [plain(word) for word in re.findall(r"\w+", self.manifest.file_schema)]
        self.fields = fields
        self.format = self.manifest.file_format.lower()
        self._check()

    def __getstate__(self) -> dict[str, Any]:
        """What is there twice is found anew where it is listed: it may be much."""
        return {**self.__dict__, "repeats": None}

    def check(self, roots: Sequence[Root]) -> None:
        """Raises UsageError if one of ``roots`` is in another bucket."""
        for root in roots:
            place, bucket = root.place, self.manifest.source_bucket
            if (place.scheme, place.bucket) != ("s3", bucket):
                raise UsageError(
                    f"the inventory is of s3://{bucket}, not of {place.url}",
                    "scan them one after the other, each with an inventory of its own",
                )

    def found(self, roots: Sequence[Root]) -> Iterator[FoundObjects]:
        """What there is of ``roots``, some at a time. A file that can no longer be read is Skipped,
        of an unknown size. Raises StoreffError if one cannot be read at all, or is none."""
        if self.repeats is None:
            self.repeats = Repeats(self._keys(roots))
        reading = self.repeats.reading()
        empty = {root.position for root in roots}
        for file in self.manifest.files:
            try:
                for page in self._made(file, _COLUMNS, self._objects):
                    if len(self.repeats):
                        again = reading.again([_bytes(each.key) for each in page])
                        yield from (_again(roots[0], page[i]) for i in sorted(again))
                        page = [each for i, each in enumerate(page) if i not in again]
                    for root in roots:
                        here = [each for each in page if root.place.holds(each.key)]
                        if here:
                            empty.discard(root.position)
                            yield root, here
            except OSError as error:
                empty.clear()
                yield skipped_for(error, os.fsencode(self._name_of(file)), None)
        for root in roots:
            if root.position in empty:
                raise StoreffError(
                    f"the inventory {excerpt(self.name)} names no object of {root.place.url}",
                    "take one that is configured for it, or scan without an inventory",
                )

    def _keys(self, roots: Sequence[Root]) -> Iterator[list[bytes]]:
        """All keys of ``roots``, some at a time. Raises StoreffError for a file that cannot be
        read: nobody knows how much it lists."""
        begins = tuple(root.place.folder + (root.place.only or "") for root in roots)
        for file in self.manifest.files:
            try:
                for keys in self._made(file, _OF_KEYS, self._decoded):
                    yield [_bytes(key) for key in keys if key.startswith(begins)]
            except OSError as error:
                raise StoreffError(
                    f"{excerpt(self._name_of(file))} of the inventory cannot be read: "
                    f"{error.strerror or error}",
                    "have all files that its manifest names, or take another inventory",
                ) from error

    def _check(self) -> None:
        missing = [each for each in _NEEDED if each not in self.fields]
        if "versionid" in self.fields and _LATEST not in self.fields:
            missing.append(_LATEST)
        if missing:
            named = {"key": "Key", "size": "Size", "etag": "ETag", _LATEST: "IsLatest"}
            raise StoreffError(
                f"the inventory {excerpt(self.name)} lacks {', '.join(named[m] for m in missing)}",
                "add these fields to its configuration, or scan without an inventory",
            )
        if self.format not in ("csv", "parquet", "orc"):
            raise StoreffError(
                f"the inventory {excerpt(self.name)} is in {excerpt(self.manifest.file_format)}",
                "have it written as CSV, Parquet or ORC",
            )
        if self.format != "csv":
            try:
                import_module("pyarrow")
            except ImportError as error:
                raise StoreffError(
                    f"an inventory in {self.manifest.file_format} is read by pyarrow, which is not "
                    "installed",
                    "install it: pip install 'storeff[formats]'",
                ) from error

    # ---- files ----

    def _read(self) -> bytes:
        return read_bounded(Path(self.name), MANIFEST_BYTES_MAX, "manifest")

    def _fetched(self, access: Access, meter: Meter) -> bytes:
        place = parse_url(self.name)
        self.bucket = Bucket(place.scheme, place.bucket, access, meter)
        try:
            self.bucket.knock()
            with temporary_file() as file:
                self._fetch(place.folder + (place.only or ""), file, MANIFEST_BYTES_MAX)
                file.seek(0)
                return file.read()
        except OSError as error:
            raise refused(self.name, error) from error

    def _name_of(self, file: _File) -> str:
        if self.bucket is not None:
            return f"{self.bucket.scheme}://{self.bucket.name}/{file.key}"
        return os.fspath(self._path_of(file))

    def _path_of(self, file: _File) -> Path:
        """Where a copy of an inventory has ``file``: in the folder ``data`` beside that of its
        manifest, as S3 writes it, or with the manifest."""
        folder, name = Path(self.name).absolute().parent, file.key.rpartition("/")[2]
        places = (folder / name, folder / "data" / name, folder.parent / "data" / name)
        return next((each for each in places if each.exists()), places[-1])

    @contextlib.contextmanager
    def _opened(self, file: _File) -> Iterator[BinaryIO]:
        """``file``, if it is as its manifest says. Raises OSError, StoreffError."""
        with contextlib.ExitStack() as stack:
            if self.bucket is None:
                opened: Any = stack.enter_context(open(self._path_of(file), "rb"))
            else:
                opened = stack.enter_context(temporary_file())
                self._fetch(file.key, opened)
                opened.seek(0)
            digest = hashlib.file_digest(opened, "md5")
            if file.md5 is not None and digest.hexdigest() != file.md5.lower():
                raise self._damaged(file, "its MD5 sum is another")
            opened.seek(0)
            yield opened

    def _fetch(self, key: str, into: IO[bytes], bytes_max: int | None = None) -> None:
        assert self.bucket is not None
        found = self.bucket.look(key)
        if found is None:
            raise FileNotFoundError(errno.ENOENT, "no such object")
        if bytes_max is not None and found.size_bytes > bytes_max:
            raise OSError(errno.EFBIG, f"it has over {bytes_max:,} bytes")
        for start in range(0, found.size_bytes, FETCH_BYTES):
            end = min(start + FETCH_BYTES, found.size_bytes)
            content = self.bucket.fetch(key, found.etag, start, end)
            try:
                into.write(content)
            except OSError as error:
                raise StoreffError(
                    f"{excerpt(key)} of the inventory, {found.size_bytes:,} bytes, cannot be kept "
                    f"in {place()}: {error.strerror}",
                    ROOM,
                ) from error

    def _damaged(self, file: _File, why: str) -> StoreffError:
        return StoreffError(
            f"{excerpt(self._name_of(file))} is not the file of the inventory: {why}",
            "fetch it again, or take another inventory",
        )

    # ---- rows ----

    def _made(
        self, file: _File, wanted: Sequence[str], make: Callable[[Columns], Made]
    ) -> Iterator[Made]:
        """What ``make`` makes of the columns ``wanted`` of what ``file`` lists, some rows at a
        time. Raises OSError, StoreffError."""
        with self._opened(file) as opened:
            try:
                for columns in columns_of(opened, self.format, self.fields, wanted):
                    yield make(_there(columns))
            except OSError as error:
                # What gzip and pyarrow say of a content has no number.
                if error.errno is not None:
                    raise
                raise self._damaged(file, excerpt(str(error))) from error
            except (
                *(csv.Error, EOFError, KeyError, NotImplementedError, TypeError, ValueError),
                zlib.error,
            ) as error:
                raise self._damaged(file, excerpt(str(error))) from error

    def _decoded(self, columns: Columns) -> Sequence[str]:
        """The keys in ``columns``. Raises ValueError."""
        keys = columns["key"]
        if len(keys) and ({*map(type, keys)} != {str} or not all(keys)):
            raise ValueError("a key is empty, or no text")
        if self.format == "csv":
            return [_unquoted(key) if "%" in key or "+" in key else key for key in keys]
        return keys

    def _objects(self, columns: Columns) -> list[Listed]:
        """The same, with all that is known of each. Raises ValueError, KeyError."""
        keys = self._decoded(columns)
        missing = [None] * len(keys)
        more = columns["size"], columns["etag"], *(columns.get(n, missing) for n in _OF_ARCHIVES)
        return [_listed(*row) for row in zip(keys, *more, strict=True)]


def _again(root: Root, listed: Listed) -> Ignored:
    """What is listed once more, of the bucket of ``root``."""
    return Ignored("listed-again", root.place.name_of(listed.key), listed.size_bytes)


def _listed(key: str, size: Any, etag: Any, storage_class: Any, tier: Any) -> Listed:
    size_bytes = int(size) if type(size) in (int, str) else -1
    if not (isinstance(etag, str) and etag and 0 <= size_bytes <= SIZE_BYTES_MAX):
        raise ValueError(f"of {key!r} it does not say the size and the entity tag")
    is_archived = storage_class in _ARCHIVES or tier in _ARCHIVE_TIERS
    return Listed(key, size_bytes, quoted(etag), is_archived)


def _unquoted(key: str) -> str:
    return unquote_plus(key, errors="surrogateescape")


def _there(columns: Columns) -> Columns:
    """The rows of what keys have now."""
    if _LATEST not in columns and _DELETED not in columns:
        return columns
    missing = [None] * len(columns["key"])
    marks = zip(columns.get(_LATEST, missing), columns.get(_DELETED, missing), strict=True)
    there = [
        is_latest not in (False, "false") and is_deleted not in (True, "true")
        for is_latest, is_deleted in marks
    ]
    return {name: [*itertools.compress(column, there)] for name, column in columns.items()}


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
