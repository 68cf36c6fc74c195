"""What object stores do instead of answering: before a scan it is an error, later it costs what
could not be read, by name."""

import socket

import pytest
from support.buckets import QUICK, s3, stored
from support.s3_server import S3, Fault

from storeff.errors import StoreffError
from storeff.sources.entry import Entry
from storeff.sources.object_client import Access
from storeff.sources.object_store import ObjectStores
from storeff.sources.skipped import ChangedError, skipped_for
from storeff.sources.source import entries

__all__ = ["s3"]

# One that obstore reads, and one that it cannot name.
KEYS = ("a", "b//c")
CONTENT = bytes(range(256)) * 40


def fetched(source: ObjectStores) -> bytes:
    [entry] = entries(source)
    return bytes(source.fetch(entry, 0, entry.size_bytes))


def reason(source: ObjectStores, entry: Entry) -> str:
    """Why an object cannot be read, as a report has it."""
    with pytest.raises(OSError) as raised:  # noqa: PT011 - any, that is the contract
        source.fetch(entry, 0, entry.size_bytes)
    return skipped_for(raised.value, b"", None).reason


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("fault", ["slow-down", "late"])
def test_a_store_that_cannot_is_asked_again(s3: S3, key: str, fault: Fault) -> None:
    source = stored(s3, {key: CONTENT})
    s3.faults[key] = [fault]
    assert fetched(source) == CONTENT
    assert len(s3.requests("GET")) == 2


def test_a_body_that_ends_too_early_is_asked_for_again(s3: S3) -> None:
    source = stored(s3, {"a": CONTENT})
    s3.faults["a"] = ["cut"]
    assert fetched(source) == CONTENT


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("slow-down", "throttled"),
        ("cut", "unreachable"),
        ("short", "unreachable"),
        ("late", "unreachable"),
        ("refused", "permission"),
        ("archived", "archived"),
    ],
)
def test_what_a_store_never_gives_has_a_reason(
    s3: S3, key: str, fault: Fault, expected: str
) -> None:
    source = stored(s3, {key: CONTENT}, Access(retries=1, answer_seconds=0.5))
    [entry] = entries(source)
    s3.faults[key] = [fault] * 20
    assert reason(source, entry) == expected


@pytest.mark.parametrize("key", KEYS)
def test_an_object_that_is_gone_has_vanished(s3: S3, key: str) -> None:
    source = stored(s3, {key: CONTENT})
    [entry] = entries(source)
    s3.buckets["bucket"].clear()
    assert reason(source, entry) == "vanished"


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("content", [b"", b"other", CONTENT[::-1], CONTENT + b"more"])
def test_an_object_that_was_written_has_changed(s3: S3, key: str, content: bytes) -> None:
    source = stored(s3, {key: CONTENT})
    [entry] = entries(source)
    s3.put(key, content)
    with pytest.raises(ChangedError):
        source.fetch(entry, 0, len(CONTENT))


@pytest.mark.parametrize("key", KEYS)
def test_credentials_that_expire_while_it_is_read_are_the_reason(s3: S3, key: str) -> None:
    source = stored(s3, {key: CONTENT})
    [entry] = entries(source)
    s3.token = "renewed"
    assert reason(source, entry) == "credentials"


# ---- before anything is read ----


def refusal(*urls: str, access: Access = QUICK) -> str:
    with pytest.raises(StoreffError) as raised:
        ObjectStores(urls or ("s3://bucket",), access)
    assert raised.value.remedy
    return f"{raised.value.message}; {raised.value.remedy}"


def test_credentials_that_have_expired_are_refused_at_once(s3: S3) -> None:
    s3.token = "renewed"
    said = refusal()
    assert "s3://bucket cannot be scanned: ExpiredToken" in said
    assert "log in again" in said


def test_a_bucket_that_may_not_be_listed_is_refused_at_once(s3: S3) -> None:
    s3.faults[""] = ["refused"]
    said = refusal()
    assert "AccessDenied" in said
    assert "permissions to list the bucket" in said


def test_no_credentials_are_refused_at_once(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    said = refusal()
    assert "AWS_ACCESS_KEY_ID" in said
    assert "AWS_SKIP_SIGNATURE" in said


def test_a_bucket_that_is_not_there_is_refused_at_once(s3: S3) -> None:
    assert "s3://other cannot be scanned: NoSuchBucket" in refusal("s3://other")


def test_a_prefix_where_nothing_is_is_refused_at_once(s3: S3) -> None:
    s3.put("data/a", b"x")
    assert "there is no object" in refusal("s3://bucket/date")


def test_an_empty_bucket_is_no_error(s3: S3) -> None:
    assert list(stored(s3, {}).list()) == []


def test_an_endpoint_where_nobody_is_is_refused_at_once(s3: S3) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    said = refusal(access=Access(endpoint=f"http://127.0.0.1:{port}"))
    assert f"nothing answers at http://127.0.0.1:{port}" in said
    assert s3.asked == []


def test_a_profile_that_is_not_there_is_refused_at_once(
    s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_PROFILE", "nobody")
    assert "nobody" in refusal()


@pytest.mark.parametrize("library", ["botocore", "obstore"])
def test_a_library_that_is_missing_is_named(
    s3: S3, monkeypatch: pytest.MonkeyPatch, library: str
) -> None:
    def absent(name: str) -> None:
        if name == library:
            raise ImportError(name)

    monkeypatch.setattr("storeff.sources.object_client.import_module", absent)
    assert f"read by {library}, which is not installed" in refusal()
    assert s3.asked == []
