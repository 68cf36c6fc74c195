"""storeff scan --files-from in shards, on executors, with a checkpoint, and of objects."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support.buckets import QUICK, s3
from support.cli import storeff
from support.listings import found, list_of, report_of
from support.s3_server import S3

from storeff.errors import StoreffError, UsageError
from storeff.sources.name_list import NameList
from storeff.sources.named import listed_source
from storeff.sources.source import Source
from storeff.testing import check_source

__all__ = ["s3"]

SAMPLES = Path(__file__).parent.parent / "samples" / "data"

# ---- beyond one listing ----


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A list of the samples, in no order."""
    found = [path for path in SAMPLES.rglob("*") if path.is_file()]
    random.Random(2).shuffle(found)
    return list_of(tmp_path_factory.mktemp("list"), [*found, found[0]])


@pytest.fixture(scope="module")
def whole(names: Path) -> Any:
    return report_of("--files-from", names)


def test_shards_of_a_list_merge_to_the_report_of_all(
    names: Path, whole: Any, tmp_path: Path
) -> None:
    parts = [tmp_path / f"{i}.part" for i in range(3)]
    for i, part in enumerate(parts):
        with names.open() as stdin:
            done = storeff(
                "scan", "--files-from", "-", "-q", "--shard", f"{i}/3", "-o", part, stdin=stdin
            )
        assert done.returncode == 0, done.stderr
    merged = json.loads(storeff("merge", "-q", "--json", *parts).stdout)
    assert merged["scan"]["files"] == whole["scan"]["files"]
    assert merged["reduction"] == whole["reduction"]


@pytest.mark.parametrize("executor", ["threads:2", "processes:2"])
def test_an_executor_measures_a_list(names: Path, whole: Any, executor: str) -> None:
    assert (
        report_of("--files-from", names, "--executor", executor)["reduction"]
        == (whole["reduction"])
    )


def test_a_checkpoint_of_a_list_is_resumed(names: Path, whole: Any, tmp_path: Path) -> None:
    words = ("--files-from", names, "--checkpoint", tmp_path / "state", "--resume")
    for _ in range(2):
        assert report_of(*words)["reduction"] == whole["reduction"]


def test_a_few_names_that_come_again_are_no_warning(whole: Any) -> None:
    assert "listed-again" not in {each["code"] for each in whole["warnings"]}


def test_a_dry_run_of_a_list_counts_what_is_there(names: Path, whole: Any) -> None:
    done = storeff("scan", "--files-from", names, "--dry-run", "-q", "--json")
    said = json.loads(done.stdout)
    assert (said["files"], said["logical_bytes"]) == (
        whole["scan"]["files"],
        whole["scan"]["logical_bytes"],
    )


def test_a_sample_of_a_list_is_drawn(names: Path) -> None:
    assert report_of("--files-from", names, "--sample", "50%")["scan"]["files"] > 0


# ---- objects ----


def objects_of(s3: S3, folder: Path, names: Sequence[str | bytes]) -> Source:
    return listed_source(NameList(list_of(folder, names)), QUICK)


def test_objects_are_named_by_their_urls(s3: S3, tmp_path: Path) -> None:
    keys = ["a", "d/e", "a//b", "/first", "a b+c%2f?d#e&f", "\u202e"]
    for key in keys:
        s3.put(key, key.encode())
    s3.put("not listed", b"x")
    s3.asked.clear()
    source = objects_of(s3, tmp_path, [f"s3://bucket/{key}" for key in keys])
    assert found(source)["file"] == sorted(f"s3://bucket/{key}" for key in keys)
    assert s3.requests("LIST") == []
    check_source(source, {(0, source_path(key)): key.encode() for key in keys})


def source_path(key: str) -> bytes:
    return (f"./{key}" if key.startswith("/") else key).encode()


def test_objects_of_several_buckets_are_told_apart(s3: S3, tmp_path: Path) -> None:
    s3.buckets["other"] = {}
    s3.put("a", b"one")
    s3.put("b", b"two", bucket="other")
    source = objects_of(s3, tmp_path, ["s3://bucket/a", "s3://other/b"])
    assert source.roots == (b"s3://bucket/", b"s3://other/")
    assert found(source)["file"] == ["s3://bucket/a", "s3://other/b"]


def test_what_becomes_of_each_object_is_said(s3: S3, tmp_path: Path) -> None:
    s3.put("a", b"one")
    s3.put("cold", b"four", storage_class="GLACIER")
    s3.put("folder/", b"")
    keys = ["a", "gone", "cold", "a", "folder/"]
    assert found(objects_of(s3, tmp_path, [f"s3://bucket/{key}" for key in keys])) == {
        "file": ["s3://bucket/a"],
        "Skipped vanished": ["s3://bucket/gone"],
        "Skipped archived": ["s3://bucket/cold"],
        "Ignored listed-again": ["s3://bucket/a"],
        "Ignored directory-object": ["s3://bucket/folder/"],
    }


def test_urls_that_end_as_lines_of_windows_do_are_refused(s3: S3, tmp_path: Path) -> None:
    s3.put("a", b"one")
    with pytest.raises(UsageError, match="s3://bucket/a is there"):
        objects_of(s3, tmp_path, ["s3://bucket/a\r", "s3://bucket/b\r"])


def test_a_carriage_return_is_part_of_a_key(s3: S3, tmp_path: Path) -> None:
    s3.put("a\r", b"one")
    s3.put("a", b"another")
    source = objects_of(s3, tmp_path, ["s3://bucket/a\r"])
    assert found(source)["file"] == ["s3://bucket/a\r"]


def test_a_bucket_that_is_not_there_is_an_error(s3: S3, tmp_path: Path) -> None:
    with pytest.raises(StoreffError, match="NoSuchBucket"):
        objects_of(s3, tmp_path, ["s3://no-such/a"])


def test_a_dry_run_counts_the_requests_that_look_at_objects(s3: S3, tmp_path: Path) -> None:
    for i in range(20):
        s3.put(f"{i}", b"x")
    path = list_of(tmp_path, [f"s3://bucket/{i}" for i in range(20)])
    done = storeff("scan", "--files-from", path, "--dry-run", "-q", "--json")
    assert json.loads(done.stdout)["get_requests"]["low"] >= 40


def test_a_list_of_objects_gives_the_report_of_the_bucket(s3: S3, tmp_path: Path) -> None:
    for i in range(5):
        s3.put(f"{i}", random.Random(i).randbytes(9000))
    path = list_of(tmp_path, [f"s3://bucket/{i}" for i in range(5)])
    listed, walked = report_of("--files-from", path), report_of("s3://bucket")
    assert listed["reduction"] == walked["reduction"]
