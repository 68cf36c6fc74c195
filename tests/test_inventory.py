"""S3 Inventory in place of a listing: CSV, Parquet and ORC give what the bucket itself would."""

import json
import random
from pathlib import Path
from typing import Any

import pytest
from support.buckets import contents_of, s3, stored
from support.cli import storeff
from support.inventories import (
    ALL,
    KEYS,
    VERSIONS,
    Publish,
    Row,
    left_out,
    names,
    of_one_format,
    publish,
    row,
    rows_of,
    source_of,
)
from support.listings import each
from support.s3_server import S3

from storeff.errors import StoreffError, UsageError
from storeff.sources import inventory_rows
from storeff.sources.entry import Entry
from storeff.sources.skipped import Ignored, Skipped
from storeff.testing import check_source

__all__ = ["publish", "s3"]

# ---- the same as a listing ----


def test_an_inventory_keeps_the_contract_of_a_source(s3: S3, publish: Publish) -> None:
    objects = {key: key.encode() * 99 for key in KEYS}
    expected = contents_of(stored(s3, objects), objects)
    check_source(source_of(publish()), expected)


def test_the_report_is_that_of_the_listing(s3: S3, publish: Publish) -> None:
    for i, key in enumerate(KEYS):
        s3.put(f"data/{key}", random.Random(i % 3).randbytes(20_000))
    s3.put("other", b"x")
    manifest = publish()

    def report(*words: str) -> Any:
        done = storeff("scan", "-q", "--json", "s3://bucket/data", *words)
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        del found["run"], found["scan"]["requests"]
        for key in [key for key in found["scan"] if key.endswith("seconds")]:
            del found["scan"][key]
        return found

    assert report("--inventory", manifest) == report()


def test_a_bucket_is_not_listed(s3: S3, publish: Publish) -> None:
    for i in range(30):
        s3.put(f"{i}", b"x")
    s3.page_keys = 1
    source = source_of(publish())
    s3.asked.clear()
    assert len(names(source)) == 30
    assert s3.requests("LIST") == []
    # Each of its two files, for the keys and for all else.
    assert len(s3.requests("GET")) == 4


def test_only_what_is_below_the_sources_is_taken(s3: S3, publish: Publish) -> None:
    for key in ("a/b", "a/c/d", "b/e", "f"):
        s3.put(key, b"x")
    source = source_of(publish(), "s3://bucket/a", "s3://bucket/a/c", "s3://bucket/f")
    found = [item for item in each(source.list()) if isinstance(item, Entry)]
    assert sorted((entry.roots, entry.path) for entry in found) == [
        ((0,), b"b"),
        ((1,), b"d"),
        ((2,), b"f"),
    ]


def test_patterns_leave_out_objects(s3: S3, publish: Publish) -> None:
    for key in ("a", "tmp/b", "c.tmp"):
        s3.put(key, b"x")
    assert names(source_of(publish(), exclude=["tmp/", "*.tmp"])) == ["s3://bucket/a"]


def test_some_rows_are_held_at_a_time(
    s3: S3, publish: Publish, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inventory_rows, "ROWS", 4)
    monkeypatch.setattr(inventory_rows, "READ_BYTES", 400)
    for i in range(30):
        s3.put(f"{i}", b"x")
    source = source_of(publish())
    sizes = [len(found) for found in source.list() if not isinstance(found, Skipped | Ignored)]
    assert (sum(sizes), max(sizes) <= 4) == (30, True)


# ---- what is listed again ----


def test_an_object_that_is_listed_again_counts_once(s3: S3, publish: Publish) -> None:
    """As in two inventories whose files one manifest names."""
    for key in KEYS:
        s3.put(key, key.encode())
    rows = rows_of(s3)
    source = source_of(publish([*rows, *rows[:3], rows[0]]))
    assert names(source) == sorted(f"s3://bucket/{key}" for key in KEYS)
    again = ["a", "a", "d/e", "d/f/g"]
    sizes = [len(key) for key in again]
    assert sorted(left_out(source), key=repr) == [
        Ignored("listed-again", f"s3://bucket/{key}".encode(), size)
        for key, size in zip(again, sizes, strict=True)
    ]


@of_one_format
def test_a_manifest_that_names_its_files_twice_gives_the_reduction_of_the_bucket(
    s3: S3, publish: Publish
) -> None:
    for i in range(8):
        s3.put(f"{i}", random.Random(i).randbytes(20_000))
    manifest = publish()
    key = manifest.removeprefix("s3://lists/")
    twice = json.loads(s3.buckets["lists"][key].content)
    twice["files"] *= 2
    s3.put(key, json.dumps(twice).encode(), bucket="lists")
    found, expected = (
        json.loads(storeff("scan", "-q", "--json", "s3://bucket", *words).stdout)
        for words in (("--inventory", manifest), ())
    )
    assert found["reduction"] == expected["reduction"]
    assert [(each["reason"], each["files"]) for each in found["scan"]["ignored"]] == [
        ("listed-again", 8)
    ]
    [warning] = [each for each in found["warnings"] if each["code"] == "listed-again"]
    assert warning["message"].startswith("8 listed names had come before, such as s3://bucket/")


@of_one_format
def test_an_object_of_two_sources_is_not_listed_again(s3: S3, publish: Publish) -> None:
    for key in ("a/b", "a/c", "d"):
        s3.put(key, b"x")
    rows = rows_of(s3)
    source = source_of(publish([*rows, rows[0]]), "s3://bucket", "s3://bucket/a")
    found = [item for item in each(source.list()) if isinstance(item, Entry)]
    assert sorted((entry.roots, entry.path) for entry in found) == [
        ((0,), b"d"),
        ((1,), b"b"),
        ((1,), b"c"),
    ]


@of_one_format
def test_what_is_listed_again_elsewhere_in_the_bucket_is_not_named(
    s3: S3, publish: Publish
) -> None:
    for key in ("a/b", "c/d"):
        s3.put(key, b"x")
    rows = rows_of(s3)
    assert left_out(source_of(publish([*rows, *rows]), "s3://bucket/a")) == [
        Ignored("listed-again", b"s3://bucket/a/b", 1)
    ]


# ---- what is not there, or not to be read ----


def test_of_versions_the_latest_is_taken_and_nothing_that_was_deleted(
    s3: S3, publish: Publish
) -> None:
    s3.put("a", b"new")
    etag = s3.buckets["bucket"]["a"].etag
    live: Row = {"VersionId": "2", "IsLatest": True, "IsDeleteMarker": False}
    old: Row = {"VersionId": "1", "IsLatest": False, "IsDeleteMarker": False}
    mark: Row = {"VersionId": "3", "IsLatest": True, "IsDeleteMarker": True}
    rows = [
        row("a", 3, etag, **live),
        row("a", 9, "old", **old),
        row("gone", None, None, **mark),
        row("gone", 7, "old", **old),
    ]
    source = source_of(publish(rows, VERSIONS))
    assert names(source) == ["s3://bucket/a"]
    assert left_out(source) == []


@pytest.mark.parametrize(
    ("more", "is_archived"),
    [
        ({"StorageClass": "GLACIER"}, True),
        ({"StorageClass": "DEEP_ARCHIVE"}, True),
        ({"StorageClass": "GLACIER_IR"}, False),
        (
            {
                "StorageClass": "INTELLIGENT_TIERING",
                "IntelligentTieringAccessTier": "DEEP_ARCHIVE",
            },
            True,
        ),
        (
            {"StorageClass": "INTELLIGENT_TIERING", "IntelligentTieringAccessTier": "FREQUENT"},
            False,
        ),
    ],
)
def test_what_is_in_an_archive_is_skipped(
    s3: S3, publish: Publish, more: Row, is_archived: bool
) -> None:
    s3.put("a", b"x")
    s3.put("cold", b"four")
    rows = [*rows_of(s3)[:1], row("cold", 4, s3.buckets["bucket"]["cold"].etag, **more)]
    found = left_out(source_of(publish(rows)))
    assert found == ([Skipped("archived", b"s3://bucket/cold", 4)] if is_archived else [])


def test_what_has_changed_since_is_skipped_by_name(s3: S3, publish: Publish) -> None:
    for key in ("kept", "changed", "deleted"):
        s3.put(key, key.encode() * 100)
    manifest = publish()
    s3.put("changed", b"another")
    del s3.buckets["bucket"]["deleted"]
    done = storeff("scan", "-q", "--json", "s3://bucket", "--inventory", manifest)
    assert done.returncode == 3
    scan = json.loads(done.stdout)["scan"]
    assert {each["reason"]: each["examples"] for each in scan["skipped"]} == {
        "changed": ["s3://bucket/changed"],
        "vanished": ["s3://bucket/deleted"],
    }


def test_a_folder_object_is_ignored(s3: S3, publish: Publish) -> None:
    s3.put("a/b", b"x")
    s3.put("a/", b"")
    assert left_out(source_of(publish())) == [Ignored("directory-object", b"s3://bucket/a/", 0)]


# ---- what is no inventory ----


@pytest.fixture
def second(s3: S3, publish: Publish) -> tuple[str, str]:
    """The manifest of two objects, and the key of the second of its files."""
    s3.put("a", b"x")
    s3.put("b", b"x")
    manifest = publish()
    return manifest, next(key for key in s3.buckets["lists"] if "/1." in key)


def test_a_file_that_is_not_that_of_the_manifest_is_an_error(
    s3: S3, second: tuple[str, str]
) -> None:
    manifest, key = second
    s3.put(key, s3.buckets["lists"][key].content + b" ", bucket="lists")
    with pytest.raises(StoreffError, match="its MD5 sum is another"):
        names(source_of(manifest))


def test_a_file_that_is_not_there_is_an_error(s3: S3, second: tuple[str, str]) -> None:
    """How many objects it lists is not known: what is left might be a small part."""
    manifest, key = second
    del s3.buckets["lists"][key]
    with pytest.raises(StoreffError, match=r"/1\..* of the inventory cannot be read"):
        names(source_of(manifest))


def test_a_file_that_is_gone_before_a_later_listing_is_skipped(
    s3: S3, second: tuple[str, str]
) -> None:
    manifest, key = second
    source = source_of(manifest)
    assert names(source) == ["s3://bucket/a", "s3://bucket/b"]
    del s3.buckets["lists"][key]
    assert names(source) == ["s3://bucket/a"]
    assert left_out(source) == [Skipped("vanished", f"s3://lists/{key}".encode(), None)]


def test_rows_that_say_too_little_are_an_error(s3: S3, publish: Publish) -> None:
    s3.put("a", b"x")
    rows = row("b", None, "t"), row("b", 1, None), row("b", -1, "t"), row("", 1, "t")
    for bad in rows:
        with pytest.raises(StoreffError, match="is not the file of the inventory"):
            names(source_of(publish([*rows_of(s3), bad])))


def test_an_inventory_that_lacks_a_field_is_refused(s3: S3, publish: Publish) -> None:
    s3.put("a", b"x")
    for missing, fields in (
        ("ETag", ALL),
        ("Size", ALL),
        ("IsLatest", VERSIONS),
    ):
        manifest = publish(fields=[name for name in fields if name != missing])
        with pytest.raises(StoreffError, match=f"lacks {missing}"):
            source_of(manifest)


def test_sources_that_it_does_not_list_are_refused(s3: S3, publish: Publish) -> None:
    s3.buckets["other"] = {}
    s3.put("a/b", b"x")
    s3.put("c/d", b"x")
    manifest = publish([row("a/b", 1, s3.buckets["bucket"]["a/b"].etag)])
    with pytest.raises(UsageError, match="is of s3://bucket, not of s3://other"):
        source_of(manifest, "s3://other")
    with pytest.raises(StoreffError, match="names no object of s3://bucket/c/"):
        names(source_of(manifest, "s3://bucket/c"))


# ---- where it is ----


def test_a_copy_on_this_machine_may_be_named(s3: S3, publish: Publish, tmp_path: Path) -> None:
    """As ``aws s3 sync`` makes one, or all in one folder."""
    s3.put("a", b"x")
    s3.put("b", b"x")
    manifest = publish()
    for flat in (False, True):
        folder = tmp_path / str(flat)
        for key, content in s3.buckets["lists"].items():
            below = key.rpartition("/")[2] if flat else key.removeprefix("to/bucket/all/")
            (folder / below).parent.mkdir(parents=True, exist_ok=True)
            (folder / below).write_bytes(content.content)
        [path] = folder.rglob("manifest.json")
        assert names(source_of(str(path))) == names(source_of(manifest))


@of_one_format
def test_a_dry_run_takes_no_listing(s3: S3, publish: Publish) -> None:
    for i in range(30):
        s3.put(f"{i}", b"x" * 100)
    s3.page_keys = 1
    words = ("s3://bucket", "--inventory", publish(), "--dry-run", "-q", "--json")
    said = json.loads(storeff("scan", *words).stdout)
    assert said["files"] == 30
    assert said["list_requests"] == {"low": 1, "high": 1}


@of_one_format
def test_shards_of_an_inventory_merge(s3: S3, publish: Publish, tmp_path: Path) -> None:
    for i in range(30):
        s3.put(f"{i}", random.Random(i).randbytes(1000))
    words = ("s3://bucket", "--inventory", publish(), "-q")
    parts = [tmp_path / f"{i}.part" for i in range(2)]
    for i, part in enumerate(parts):
        done = storeff("scan", *words, "--shard", f"{i}/2", "-o", part)
        assert done.returncode == 0, done.stderr
    merged = json.loads(storeff("merge", "-q", "--json", *parts).stdout)
    whole = json.loads(storeff("scan", *words, "--json").stdout)
    assert merged["reduction"] == whole["reduction"]


@of_one_format
def test_an_executor_and_a_checkpoint_take_an_inventory(
    s3: S3, publish: Publish, tmp_path: Path
) -> None:
    for i in range(10):
        s3.put(f"{i}", random.Random(i).randbytes(1000))
    words = ("scan", "s3://bucket", "--inventory", publish(), "-q", "--json")
    kept = ("--executor", "processes:2", "--checkpoint", tmp_path / "state", "--resume")
    done = storeff(*words, *kept)
    assert done.returncode == 0, done.stderr
    whole = json.loads(storeff(*words).stdout)
    assert json.loads(done.stdout)["reduction"] == whole["reduction"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "is no manifest of an S3 Inventory"),
        ("no JSON", "is no manifest of an S3 Inventory"),
        (
            '{"sourceBucket": "bucket", "fileFormat": "Avro", "files": [], '
            '"fileSchema": "Bucket, Key, Size, ETag"}',
            "have it written as CSV, Parquet or ORC",
        ),
    ],
)
def test_what_is_no_manifest_is_refused(s3: S3, tmp_path: Path, content: str, said: str) -> None:
    s3.put("a", b"x")
    path = tmp_path / "manifest.json"
    path.write_text(content)
    done = storeff("scan", "s3://bucket", "--inventory", path)
    assert done.returncode == 1
    assert said in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("--inventory", "m.json"), 2, "an inventory lists a bucket"),
        ((".", "--inventory", "m.json"), 2, "an inventory lists a bucket"),
        (("s3://bucket", "-x", "--inventory", "m.json"), 2, "neither links nor file systems"),
        (("s3://bucket", "--inventory", "no-such.json"), 1, "no-such.json"),
        (("s3://bucket", "--inventory", "s3://bucket/no-such.json"), 1, "no such object"),
    ],
)
def test_what_cannot_be_an_inventory_is_said(
    s3: S3, words: tuple[str, ...], code: int, said: str
) -> None:
    s3.put("a", b"x")
    done = storeff("scan", *words)
    assert done.returncode == code, done.stderr
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
