"""S3 Inventory: a listing of a bucket that S3 writes every day or week, in place of requests.

A manifest names files of CSV, Parquet or ORC, each of some million objects. One at a time is
fetched to a temporary file, checked against its MD5 sum, and read some rows at a time. In CSV keys
are URL-encoded, in the other two they are not (Amazon S3 User Guide, "Cataloging and analyzing your
data with S3 Inventory").
"""

import contextlib
import csv
import errno
import gzip
import hashlib
import itertools
import os
import re
import zlib
from collections.abc import Iterable, Iterator, Sequence
from importlib import import_module
from pathlib import Path
from typing import IO, Any, BinaryIO
from urllib.parse import unquote_plus

import msgspec

from storeff.errors import StoreffError, UsageError
from storeff.files import read_bounded
from storeff.sources.object_client import Access, Bucket, Listed, Meter, quoted
from storeff.sources.object_errors import refused
from storeff.sources.object_listing import Root
from storeff.sources.object_names import FoundObjects
from storeff.sources.object_reading import FETCH_BYTES
from storeff.sources.object_url import is_url, parse_url
from storeff.sources.skipped import skipped_for
from storeff.sources.temporary import ROOM, place, temporary_file
from storeff.text import excerpt

MANIFEST_BYTES_MAX = 64 << 20
SIZE_BYTES_MAX = (1 << 63) - 1
# Rows that are looked at together; and the most of one in CSV, of which a key takes 3 KiB at most.
ROWS = 1 << 13
ROW_CHARACTERS_MAX = 1 << 14
# Columns that are read, as they are called without case and underscores. What has versions says
# which is the latest and which is only a mark of deletion.
_NEEDED = ("key", "size", "etag")
_LATEST, _DELETED = "islatest", "isdeletemarker"
_CLASS, _TIER = "storageclass", "intelligenttieringaccesstier"
_COLUMNS = (*_NEEDED, _LATEST, _DELETED, _CLASS, _TIER)
_ARCHIVES = {"GLACIER", "DEEP_ARCHIVE"}
_ARCHIVE_TIERS = {"ARCHIVE", "DEEP_ARCHIVE", "ARCHIVE_ACCESS", "DEEP_ARCHIVE_ACCESS"}


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

    Of several versions only the latest is given, and nothing that was deleted. Raises StoreffError
    if there is no such inventory, or it lacks what a scan needs to know.
    """

    def __init__(self, name: str, access: Access, meter: Meter) -> None:
        self.name = name
        self.bucket: Bucket | None = None
        document = self._fetched(access, meter) if is_url(name) else self._read()
        try:
            self.manifest = msgspec.json.decode(document, type=_Manifest)
        except (msgspec.ValidationError, msgspec.DecodeError) as error:
            raise StoreffError(
                f"{excerpt(name)} is no manifest of an S3 Inventory: {error}",
                "name its manifest.json",
            ) from error
        fields = [_plain(word) for word in re.findall(r"\w+", self.manifest.file_schema)]
        self._check_fields(fields)
        self.fields = fields

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
        """What there is of ``roots``, some at a time. A file that cannot be read is Skipped, of an
        unknown size. Raises StoreffError for what is no inventory."""
        empty = {root.position for root in roots}
        for file in self.manifest.files:
            try:
                with self._opened(file) as opened:
                    for page in self._pages(file, opened):
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

    def _check_fields(self, fields: Sequence[str]) -> None:
        missing = [each for each in _NEEDED if each not in fields]
        if "versionid" in fields and _LATEST not in fields:
            missing.append(_LATEST)
        if missing:
            named = {"key": "Key", "size": "Size", "etag": "ETag", _LATEST: "IsLatest"}
            raise StoreffError(
                f"the inventory {excerpt(self.name)} lacks {', '.join(named[m] for m in missing)}",
                "add these fields to its configuration, or scan without an inventory",
            )
        format = self.manifest.file_format.lower()
        if format not in ("csv", "parquet", "orc"):
            raise StoreffError(
                f"the inventory {excerpt(self.name)} is in {excerpt(self.manifest.file_format)}",
                "have it written as CSV, Parquet or ORC",
            )
        if format != "csv":
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

    def _pages(self, file: _File, opened: BinaryIO) -> Iterator[list[Listed]]:
        """The objects that ``opened`` lists, some at a time."""
        format = self.manifest.file_format.lower()
        try:
            columns = _csv(opened, self.fields) if format == "csv" else _arrow(opened, format)
            for some in columns:
                missing = [None] * len(some["key"])
                rows = zip(*(some.get(name, missing) for name in _COLUMNS), strict=True)
                yield [_listed(row, format == "csv") for row in rows if _is_there(row)]
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


def _plain(name: str) -> str:
    """The name of a column in all formats: e_tag is ETag."""
    return name.replace("_", "").lower()


def _csv(opened: BinaryIO, fields: Sequence[str]) -> Iterator[dict[str, Sequence[Any]]]:
    """Columns of some rows at a time; the fields of a row are not named."""
    at = {name: fields.index(name) for name in _COLUMNS if name in fields}
    with gzip.open(opened, "rt", encoding="utf-8", newline="") as text:
        # A line may be longer than memory.
        lines = iter(lambda: text.readline(ROW_CHARACTERS_MAX), "")
        rows = _checked(csv.reader(lines, strict=True), len(fields))
        while some := [*itertools.islice(rows, ROWS)]:
            yield {name: [row[i] for row in some] for name, i in at.items()}


def _checked(rows: Iterable[list[str]], count: int) -> Iterator[list[str]]:
    """``rows``, of which each has ``count`` fields. Raises ValueError."""
    for row in rows:
        if len(row) != count:
            raise ValueError(f"a row has not the {count} fields of the manifest")
        if sum(map(len, row)) > ROW_CHARACTERS_MAX:
            raise ValueError(f"a row has over {ROW_CHARACTERS_MAX:,} characters")
        yield row


def _arrow(opened: BinaryIO, format: str) -> Iterator[dict[str, Sequence[Any]]]:
    """The same of Parquet or ORC: a row group or a stripe is read, of it the columns needed."""
    from pyarrow import orc, parquet

    file: Any = parquet.ParquetFile(opened) if format == "parquet" else orc.ORCFile(opened)
    schema = file.schema_arrow if format == "parquet" else file.schema
    names = {_plain(name): name for name in schema.names}
    wanted = {plain: names[plain] for plain in _COLUMNS if plain in names}
    if format == "parquet":
        batches = file.iter_batches(ROWS, columns=[*wanted.values()])
    else:
        stripes = (file.read_stripe(i, [*wanted.values()]) for i in range(file.nstripes))
        batches = (
            stripe.slice(at, ROWS) for stripe in stripes for at in range(0, len(stripe), ROWS)
        )
    for batch in batches:
        yield {plain: batch.column(name).to_pylist() for plain, name in wanted.items()}


def _is_there(row: Sequence[Any]) -> bool:
    """Whether a row is of what its key has now."""
    latest, deleted = row[3:5]
    return latest not in (False, "false") and deleted not in (True, "true")


def _listed(row: Sequence[Any], is_encoded: bool) -> Listed:
    key, size, etag, _, _, storage_class, tier = row
    if is_encoded:
        key = unquote_plus(key, errors="surrogateescape")
    size_bytes = int(size) if type(size) in (int, str) else -1
    is_named = isinstance(key, str) and isinstance(etag, str) and key and etag
    if not is_named or not 0 <= size_bytes <= SIZE_BYTES_MAX:
        raise ValueError(f"of {key!r} it does not say the size and the entity tag")
    is_archived = storage_class in _ARCHIVES or tier in _ARCHIVE_TIERS
    return Listed(key, size_bytes, quoted(etag), is_archived)
