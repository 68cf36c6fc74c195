"""S3 Inventories, as the User Guide of S3 describes them."""

import csv
import gzip
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest

from storeff.sources.entry import Entry
from storeff.sources.object_store import ObjectStores
from storeff.sources.skipped import Ignored, Skipped
from support.buckets import QUICK, s3
from support.listings import each
from support.s3_server import S3

__all__ = ["s3"]

FORMATS = ["CSV", "Parquet", "ORC"]
# Where what is read does not depend on how it was written.
of_one_format = pytest.mark.parametrize("publish", ["Parquet"], indirect=True)
KEYS = ["a", "d/e", "d/f/g", "a b+c%2f?d#e&f", 'comma, "quote"', "a\nb", "\u00e9\u202e", "100%25"]
# As S3 names the columns: in CSV, and in the other two.
COLUMNS = {
    "Bucket": "bucket",
    "Key": "key",
    "VersionId": "version_id",
    "IsLatest": "is_latest",
    "IsDeleteMarker": "is_delete_marker",
    "Size": "size",
    "LastModifiedDate": "last_modified_date",
    "ETag": "e_tag",
    "StorageClass": "storage_class",
    "IntelligentTieringAccessTier": "intelligent_tiering_access_tier",
}
ALL = tuple(name for name in COLUMNS if name not in ("VersionId", "IsLatest", "IsDeleteMarker"))
VERSIONS = tuple(COLUMNS)
Row = dict[str, Any]


def row(key: str, size: int | None, etag: str | None, **more: Any) -> Row:
    """One row of an inventory; ``etag`` is written without the quotes of the interface."""
    return {
        "Bucket": "bucket",
        "Key": key,
        "Size": size,
        "ETag": None if etag is None else etag.strip('"'),
        "StorageClass": "STANDARD",
        "LastModifiedDate": "2026-11-27T01:00:00.000Z",
        **more,
    }


def rows_of(s3: S3) -> list[Row]:
    return [row(k, len(o.content), o.etag) for k, o in s3.buckets["bucket"].items()]


def encoded(format: str, rows: Sequence[Row], fields: Sequence[str]) -> bytes:
    """``rows`` as S3 writes them."""
    if format == "CSV":
        text = io.StringIO()
        writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for each in rows:
            values = {**each, "Key": quote_plus(each["Key"], safe="/")}
            shown = [values.get(name) for name in fields]
            writer.writerow(
                str(v).lower() if isinstance(v, bool) else "" if v is None else v for v in shown
            )
        return gzip.compress(text.getvalue().encode())
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import orc, parquet

    types = {"Size": pyarrow.int64(), "IsLatest": pyarrow.bool_()}
    types["IsDeleteMarker"] = pyarrow.bool_()
    table = pyarrow.table(
        {
            COLUMNS[name]: pyarrow.array(
                [each.get(name) for each in rows], types.get(name, pyarrow.string())
            )
            for name in fields
        }
    )
    sink = io.BytesIO()
    if format == "Parquet":
        parquet.write_table(table, sink, row_group_size=3)
    else:
        orc.write_table(table, sink)
    return sink.getvalue()


def schema_of(format: str, fields: Sequence[str]) -> str:
    if format == "CSV":
        return ", ".join(fields)
    names = [COLUMNS[name] for name in fields]
    if format == "Parquet":
        of = "  ".join(f"optional binary {name} (UTF8);" for name in names)
        return f"message s3.inventory {{  {of}}}"
    return f"struct<{','.join(f'{name}:string' for name in names)}>"


Publish = Callable[..., str]


@pytest.fixture(params=FORMATS)
def publish(s3: S3, request: pytest.FixtureRequest) -> Publish:
    """Writes an inventory of the bucket into another, in two files, and gives its manifest."""
    format = request.param
    s3.buckets["lists"] = {}

    def published(rows: Sequence[Row] | None = None, fields: Sequence[str] = ALL) -> str:
        rows = rows_of(s3) if rows is None else rows
        files = []
        for number, some in enumerate((rows[: len(rows) // 2], rows[len(rows) // 2 :])):
            content = encoded(format, some, fields)
            end = {"CSV": "csv.gz", "Parquet": "parquet", "ORC": "orc"}[format]
            key = f"to/bucket/all/data/{number}.{end}"
            s3.put(key, content, bucket="lists")
            md5 = hashlib.md5(content).hexdigest()
            files.append({"key": key, "size": len(content), "MD5checksum": md5})
        manifest = {
            "sourceBucket": "bucket",
            "destinationBucket": "arn:aws:s3:::lists",
            "version": "2016-11-30",
            "creationTimestamp": "1514944800000",
            "fileFormat": format,
            "fileSchema": schema_of(format, fields),
            "files": files,
        }
        key = "to/bucket/all/2026-11-27T01-00Z/manifest.json"
        s3.put(key, json.dumps(manifest).encode(), bucket="lists")
        return f"s3://lists/{key}"

    return published


def source_of(manifest: str, *urls: str, **options: Any) -> ObjectStores:
    return ObjectStores(urls or ["s3://bucket"], QUICK, inventory=manifest, **options)


def manifest_in(
    folder: Path, format: str, schema: str = "Bucket, Key, Size, ETag", file: str = "0"
) -> str:
    """A manifest of that one ``file`` beside it, of a bucket called so."""
    manifest = {
        "sourceBucket": "bucket",
        "fileFormat": format,
        "fileSchema": schema,
        "files": [{"key": f"x/{file}"}],
    }
    path = folder / "manifest.json"
    path.write_text(json.dumps(manifest))
    return str(path)


def names(source: ObjectStores) -> list[str]:
    found = [item for item in each(source.list()) if isinstance(item, Entry)]
    return sorted(source.name(entry).decode() for entry in found)


def left_out(source: ObjectStores) -> list[Skipped | Ignored]:
    return [item for item in each(source.list()) if not isinstance(item, Entry)]
