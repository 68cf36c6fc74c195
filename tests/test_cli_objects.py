"""storeff scan of object stores: what it says, and what it refuses."""

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support.buckets import upload
from support.cli import everything, storeff
from support.s3_server import S3, serving

SAMPLES = Path(__file__).parent.parent / "samples" / "data"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with serving() as server:
        for name, value in server.environment.items():
            monkeypatch.setenv(name, value)
        yield server


def report_of(*words: str | Path, code: int = 0) -> Any:
    done = storeff("scan", "-q", "--json", *words)
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_requests_are_reported(s3: S3) -> None:
    upload(s3, SAMPLES, "data/")
    asked = report_of("s3://bucket/data")["scan"]["requests"]
    gets = len(s3.requests("GET")) + len(s3.requests("HEAD"))
    assert (asked["list"], asked["get"]) == (len(s3.requests("LIST")), gets)
    assert asked["fetched_bytes"] > 0


def test_what_was_asked_of_the_store_is_shown(s3: S3) -> None:
    s3.put("data/a", b"some text " * 9000)
    shown = everything("scan", "s3://bucket/data", "-q")
    assert "1 object, 90.0 kB; read 90.0 kB" in shown
    assert "requests to list them" in shown


def test_an_object_that_cannot_be_read_is_named(s3: S3) -> None:
    s3.put("data/a", b"one")
    s3.put("data/b\n", b"two")
    s3.faults["data/b\n"] = ["refused"] * 99
    report = report_of("s3://bucket/data", code=3)
    [skipped] = report["scan"]["skipped"]
    assert (skipped["reason"], skipped["bytes"]) == ("permission", 3)
    assert skipped["examples"] == [r"s3://bucket/data/b\u000a"]


def test_what_is_in_an_archive_is_named(s3: S3) -> None:
    s3.put("a", b"one")
    s3.put("b", b"four", storage_class="DEEP_ARCHIVE")
    [skipped] = report_of("s3://bucket", code=3)["scan"]["skipped"]
    assert (skipped["reason"], skipped["bytes"]) == ("archived", 4)


def test_several_buckets_are_told_apart(s3: S3) -> None:
    s3.buckets["other"] = {}
    content = random.Random(3).randbytes(100_000)
    s3.put("a", content)
    s3.put("b", content, bucket="other")
    report = report_of("s3://bucket", "s3://other")
    assert report["scan"]["sources"] == ["s3://bucket/", "s3://other/"]
    assert report["reduction"]["sharing"]["needless_bytes"]["value"] == 100_000


def test_an_endpoint_may_be_given(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    s3.put("a", b"one")
    report = report_of("s3://bucket", "--endpoint", s3.url, "--request-rate", "1000")
    assert report["scan"]["files"] == 1


def test_a_report_is_written_beside_a_bucket(s3: S3, tmp_path: Path) -> None:
    s3.put("a", b"one")
    path = tmp_path / "report.json"
    assert storeff("scan", "s3://bucket", "-q", "-o", path).returncode == 0
    assert json.loads(path.read_text())["scan"]["files"] == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("s3://bucket", "."), 2, "cannot be measured in one scan"),
        (("s3://bucket", "-x"), 2, "neither links nor file systems"),
        ((".", "--endpoint", "http://host"), 2, "no source is in an object store"),
        (("http://host/a",), 2, "name a local path, or a URL of s3://, gs://, az://"),
        (("s3://no-such",), 1, "s3://no-such cannot be scanned: NoSuchBucket"),
        (("gs://bucket", "--endpoint", "http://host"), 2, "--endpoint"),
    ],
)
def test_what_cannot_be_scanned_is_said(
    s3: S3, words: tuple[str, ...], code: int, said: str
) -> None:
    done = storeff("scan", *words)
    assert done.returncode == code
    assert said in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr


def test_a_directory_called_as_a_url_can_be_scanned(tmp_path: Path) -> None:
    (tmp_path / "s3:" / "bucket").mkdir(parents=True)
    (tmp_path / "s3:" / "bucket" / "a").write_bytes(b"one")
    assert report_of(tmp_path / "s3:" / "bucket")["scan"]["files"] == 1
    done = storeff("scan", "-q", "--json", "./s3://bucket", cwd=tmp_path, env={**os.environ})
    assert json.loads(done.stdout)["scan"]["files"] == 1
