"""Object stores as a source: the contract, keys of every kind, and what is asked of the server."""

import pickle
import random
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.buckets import QUICK, contents_of, s3, stored
from support.s3_server import S3, serving

from storeff.errors import StoreffError, UsageError
from storeff.sources import object_reading
from storeff.sources.entry import Entries, Entry
from storeff.sources.object_client import Access
from storeff.sources.object_store import ObjectStores
from storeff.sources.object_url import Place, is_url, parse_url
from storeff.sources.skipped import Ignored, Skipped
from storeff.sources.source import Range, Ranges, entries, fill
from storeff.testing import check_change, check_source

__all__ = ["s3"]

MIB = 1 << 20
NOISE = random.Random(7).randbytes(9 * MIB + 5)
HOSTILE = {
    "a//b": b"an empty component",
    "//x": b"two slashes in front",
    "/first": b"a slash in front",
    "./x": b"a dot in front",
    ".//x": b"both",
    "a/../b": b"dots",
    "a\nb\x01\x7f": b"control characters",
    "a b+c%2f?d#e&f": b"what a URL would mean something by",
    "\u202ee\u0308\ufffe\U0001f600": b"what a terminal would",
    "<&>\"'": b"what XML would",
    "a\\b": b"a backslash",
}


def test_objects_keep_the_contract(s3: S3) -> None:
    objects = {"a": b"hello", "d/e": NOISE[:300_000], "d/empty": b"", "d/f/large": NOISE}
    source = stored(s3, objects)
    check_source(source, contents_of(source, objects))


def test_keys_are_taken_as_they_are(s3: S3) -> None:
    source = stored(s3, HOSTILE)
    check_source(source, contents_of(source, HOSTILE))
    assert {source.name(each) for each in entries(source)} == {
        f"s3://bucket/{key}".encode() for key in HOSTILE
    }


@pytest.mark.parametrize("key", [".", "..", "a/.", "a/..", "./", "..//"])
def test_an_object_may_be_called_as_a_directory_is(s3: S3, key: str) -> None:
    source = stored(s3, {key: b"content"})
    [entry] = entries(source)
    assert bytes(source.fetch(entry, 0, 7)) == b"content"


@given(st.dictionaries(st.text("ab/.\n é%+", min_size=1, max_size=6), st.binary(max_size=9)))
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_keys_keep_the_contract(s3: S3, objects: dict[str, bytes]) -> None:
    s3.buckets["bucket"].clear()
    # What names a directory leads elsewhere from beside itself.
    named = {k: v for k, v in objects.items() if k.rpartition("/")[2] not in ("", ".", "..")}
    source = stored(s3, named)
    check_source(source, contents_of(source, named))


@given(st.text("./a", max_size=8), st.text("./a", max_size=8))
def test_paths_never_begin_with_a_slash_and_are_never_the_same(one: str, other: str) -> None:
    place = Place("s3", "bucket", "folder/")
    keys = place.folder + one, place.folder + other
    paths = [place.path_of(key) for key in keys]
    assert not any(path.startswith(b"/") for path in paths)
    assert tuple(place.key(path) for path in paths) == keys
    assert (paths[0] == paths[1]) == (one == other)


def test_an_object_that_changes_costs_that_object(s3: S3) -> None:
    objects = {"a": b"one", "b": b"two", "c": b"three"}
    source = stored(s3, objects)
    check_change(source, contents_of(source, objects), (0, b"b"), lambda: s3.put("b", b"new"))


def test_an_object_that_is_deleted_costs_that_object(s3: S3) -> None:
    objects = {"a": b"one", "b": b"two"}
    source = stored(s3, objects)
    contents = contents_of(source, objects)
    check_change(source, contents, (0, b"b"), lambda: s3.buckets["bucket"].pop("b"))


def test_a_server_that_heeds_no_condition_is_seen_through(s3: S3) -> None:
    objects = {"a": b"one", "b": b"two"}
    source = stored(s3, objects)
    s3.faults["b"] = ["unheeded"] * 9
    check_change(source, contents_of(source, objects), (0, b"b"), lambda: s3.put("b", b"new"))


def test_a_pickled_source_is_the_same_source(s3: S3) -> None:
    objects = {"a": b"hello", "d/e": b"more"}
    source = stored(s3, objects)
    list(source.list())
    check_source(pickle.loads(pickle.dumps(source)), contents_of(source, objects))


def test_what_was_found_out_of_a_bucket_is_pickled(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    source = stored(s3, {"a": b"hello"})
    document = pickle.dumps(source)
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    [entry] = entries(pickle.loads(document))
    assert entry.path == b"a"


def test_no_credentials_are_pickled(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "never-to-be-seen")
    source = stored(s3, {"a": b"hello"})
    [entry] = entries(source)
    source.fetch(entry, 0, 5)
    assert b"never-to-be-seen" not in pickle.dumps(source)


# ---- roots ----


def root_of(source: ObjectStores) -> tuple[str, list[bytes]]:
    [root] = source.roots
    return root.decode(), sorted(each.path for each in entries(source))


def test_a_root_is_a_bucket_a_folder_or_an_object(s3: S3) -> None:
    for key in ("p/a", "p/q/b", "pq", "r"):
        s3.put(key, b"x")
    assert root_of(ObjectStores(["s3://bucket"])) == (
        "s3://bucket/",
        [b"p/a", b"p/q/b", b"pq", b"r"],
    )
    assert root_of(ObjectStores(["s3://bucket/p"])) == ("s3://bucket/p/", [b"a", b"q/b"])
    assert root_of(ObjectStores(["s3://bucket/p/"])) == ("s3://bucket/p/", [b"a", b"q/b"])
    assert root_of(ObjectStores(["s3://bucket/p/q/b"])) == ("s3://bucket/p/q/b", [b"b"])
    assert root_of(ObjectStores(["s3://bucket/r"])) == ("s3://bucket/r", [b"r"])


def test_a_root_named_twice_is_read_once(s3: S3) -> None:
    s3.put("p/a", b"x")
    source = ObjectStores(["s3://bucket/p", "s3://bucket/p/"])
    assert source.roots == (b"s3://bucket/p/",)
    assert Ignored("duplicate-root", b"s3://bucket/p/", None) in list(source.list())


def test_a_root_inside_another_is_a_root_of_its_own(s3: S3) -> None:
    for key in ("p/a", "p/q/b", "p/r"):
        s3.put(key, b"x")
    source = ObjectStores(["s3://bucket/p/q", "s3://bucket", "s3://bucket/p/r"])
    found = sorted((each.roots[0], each.path) for each in entries(source))
    assert found == [(0, b"b"), (1, b"p/a"), (2, b"r")]
    ignored = {each.path for each in source.list() if isinstance(each, Ignored)}
    assert ignored == {b"s3://bucket/p/q/", b"s3://bucket/p/r"}


def test_roots_may_be_in_several_buckets(s3: S3) -> None:
    s3.buckets["other"] = {}
    s3.put("a", b"x")
    s3.put("a", b"y", bucket="other")
    source = ObjectStores(["s3://bucket", "s3://other"])
    assert {source.name(each) for each in entries(source)} == {b"s3://bucket/a", b"s3://other/a"}


def test_an_empty_object_that_stands_for_a_folder_is_none(s3: S3) -> None:
    for key in ("p/", "p/q/", "p/q/a"):
        s3.put(key, b"x" if key.endswith("a") else b"")
    source = ObjectStores(["s3://bucket/p"])
    assert root_of(source) == ("s3://bucket/p/", [b"q/a"])
    reasons = {(each.reason, each.path) for each in source.list() if isinstance(each, Ignored)}
    assert reasons == {
        ("directory-object", b"s3://bucket/p/"),
        ("directory-object", b"s3://bucket/p/q/"),
    }


def test_an_object_whose_key_ends_in_a_slash_is_read_if_it_holds_something(s3: S3) -> None:
    source = stored(s3, {"p/": b"content", "p/a": b"x"})
    found = {each.path: each for each in entries(source)}
    assert bytes(source.fetch(found[b"p/"], 0, 7)) == b"content"


def test_an_object_called_as_its_root_is_skipped(s3: S3) -> None:
    s3.put("p/", b"content")
    source = ObjectStores(["s3://bucket/p/"])
    assert [*source.list()] == [Skipped("bad-name", b"s3://bucket/p/", 7)]


def test_what_is_in_an_archive_is_skipped_before_it_is_asked_for(s3: S3) -> None:
    s3.put("cold", b"x" * 50, storage_class="GLACIER")
    s3.put("warm", b"x", storage_class="GLACIER_IR")
    source = ObjectStores(["s3://bucket"])
    assert Skipped("archived", b"s3://bucket/cold", 50) in list(source.list())
    assert [each.path for each in entries(source)] == [b"warm"]


def test_what_is_excluded_is_ignored(s3: S3) -> None:
    for key in ("a.tmp", "a", "cache/b", "p/cache/c", "p/d", "p/e.tmp/f"):
        s3.put(key, b"x")
    source = ObjectStores(["s3://bucket"], exclude=["*.tmp", "cache/", "/p/d"])
    assert [each.path for each in entries(source)] == [b"a"]


# ---- names ----


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("s3://bucket", Place("s3", "bucket", "")),
        ("s3://bucket/", Place("s3", "bucket", "")),
        ("S3://bucket/a/b", Place("s3", "bucket", "a/", "b")),
        ("gs://bucket/a/", Place("gs", "bucket", "a/")),
        ("az://container//a", Place("az", "container", "/", "a")),
    ],
)
def test_a_url_names_a_place(name: str, place: Place) -> None:
    assert is_url(name)
    assert parse_url(name) == place


@pytest.mark.parametrize("name", ["http://host/a", "s3://", "s3:///a", "s3://-/a", "s3://b\udcff/"])
def test_what_is_no_place_is_refused(name: str) -> None:
    assert is_url(name)
    with pytest.raises(StoreffError):
        parse_url(name)


@pytest.mark.parametrize("name", ["a", "/a", "s3:/a", "./s3://bucket", Path("s3://a"), b"s3://a"])
def test_what_is_a_path_is_no_url(name: object) -> None:
    assert not is_url(name)


@pytest.mark.parametrize(
    ("url", "endpoint"),
    [("gs://bucket", "http://h"), ("s3://b", "host:9000"), ("s3://b", "ftp://h")],
)
def test_an_endpoint_that_cannot_be_is_refused(url: str, endpoint: str) -> None:
    with pytest.raises(UsageError, match="endpoint"):
        ObjectStores([url], Access(endpoint=endpoint))


# ---- what is asked ----


def ranges_read(source: ObjectStores, *ranges: Range) -> list[bytes]:
    buffer = memoryview(bytearray(sum(r.end - r.start + r.head_bytes for r in ranges)))
    reads = source.read_ranges(Ranges.of(ranges), buffer)
    assert not reads.errors
    return [bytes(buffer[r.offset : r.offset + r.head_length + r.length]) for r in reads]


def test_ranges_near_each_other_are_one_request(s3: S3) -> None:
    source = stored(s3, {"a": NOISE[:MIB], "b": NOISE[:MIB]})
    a, b = sorted(entries(source), key=lambda each: each.path)
    far = 2 * object_reading.GAP_BYTES
    wanted = [
        Range(a, 200, 300, head_bytes=100),
        Range(a, 500, 600),
        Range(a, 550, 700),
        Range(a, 700 + far, 800 + far),
        Range(b, 0, 100),
    ]
    s3.asked.clear()
    assert ranges_read(source, *wanted) == [
        NOISE[:100] + NOISE[200:300],
        NOISE[500:600],
        NOISE[550:700],
        NOISE[700 + far : 800 + far],
        NOISE[:100],
    ]
    assert sorted(s3.requests("GET")) == ["a", "a", "b"]


def test_a_long_range_is_several_requests(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_reading, "FETCH_BYTES", MIB)
    source = stored(s3, {"a": NOISE})
    [entry] = entries(source)
    s3.asked.clear()
    assert ranges_read(source, Range(entry, 3, len(NOISE))) == [NOISE[3:]]
    assert len(s3.requests("GET")) == 10


def test_ranges_that_do_not_fit_are_left_to_the_next_call(s3: S3) -> None:
    source = stored(s3, {"a": b"12345", "b": b"678"})
    both = [Range(each, 0, each.size_bytes) for each in entries(source)]
    buffer = memoryview(bytearray(5))
    assert len(source.read_ranges(Ranges.of(both), buffer)) == 1


def test_a_range_that_fails_leaves_the_others(s3: S3) -> None:
    source = stored(s3, {"a": b"12345", "b": b"678", "c": b"90"})
    s3.faults["b"] = ["refused"]
    some = sorted(entries(source), key=lambda each: each.path)
    buffer = memoryview(bytearray(10))
    reads = source.read_ranges(Ranges.of(Range(e, 0, e.size_bytes) for e in some), buffer)
    assert list(reads.errors) == [1]
    assert [buffer[r.offset : r.offset + r.length].tobytes() for r in reads] == [
        b"12345",
        b"",
        b"90",
    ]


def test_opening_an_object_asks_nothing(s3: S3) -> None:
    source = stored(s3, {"a": NOISE})
    [entry] = entries(source)
    s3.asked.clear()
    with source.open(entry) as reader:
        assert list(reader.segments(0, len(NOISE))) == [(0, len(NOISE), False)]
    assert s3.asked == []


def test_what_is_read_in_order_is_fetched_ahead_and_no_further_than_asked_for(s3: S3) -> None:
    source = stored(s3, {"a": NOISE})
    [entry] = entries(source)
    end = 5 * MIB
    s3.sent_bytes = 0
    view = memoryview(bytearray(end))
    with source.open(entry) as reader:
        list(reader.segments(0, end))
        for at in range(0, end, MIB // 2):
            fill(reader, view[at : at + MIB // 2], at)
    assert view == NOISE[:end]
    assert len(s3.requests("GET")) == 3
    assert s3.sent_bytes == end


def test_a_head_is_read_alone(s3: S3) -> None:
    source = stored(s3, {"a": NOISE})
    [entry] = entries(source)
    s3.sent_bytes = 0
    with source.open(entry) as reader:
        list(reader.segments(0, len(NOISE)))
        fill(reader, memoryview(bytearray(100)), 0)
    assert s3.sent_bytes == 100


def test_requests_and_bytes_are_counted(s3: S3) -> None:
    source = stored(s3, {"a": NOISE[:MIB], "b//c": b"12345"})
    for entry in entries(source):
        source.fetch(entry, 0, entry.size_bytes)
    meter = source.meter
    assert meter.get_requests == len(s3.requests("GET"))
    assert meter.list_requests == len(s3.requests("LIST"))
    assert meter.fetched_bytes == MIB + 5


def test_requests_are_held_to_a_rate(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many a second, so that much is waited for, whatever the clock."""
    waits: list[float] = []
    monkeypatch.setattr("storeff.sources.object_client.time.sleep", waits.append)
    monkeypatch.setattr("storeff.sources.object_client.time.monotonic", lambda: 100.0)
    source = stored(s3, {"a": b"1", "b": b"2"}, Access(requests_per_second=10.0))
    for entry in entries(source):
        source.fetch(entry, 0, 1)
    assert np.diff(sorted(waits)) == pytest.approx(0.1)
    assert len(waits) == source.meter.get_requests + source.meter.list_requests


def test_columns_hold_what_was_listed(s3: S3) -> None:
    source = stored(s3, {"d/a": b"12345"})
    [found] = [each for each in source.list() if isinstance(each, Entries)]
    etag = s3.buckets["bucket"]["d/a"].etag
    assert list(found) == [Entry(b"d/a", (0,), 5, 5, etag)]


def test_a_public_bucket_needs_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(S3(is_public=True)) as s3:
        for name, value in s3.environment.items():
            if "ACCESS_KEY" not in name:
                monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_SKIP_SIGNATURE", "true")
        objects = {"a": b"hello", "b//c": b"more"}
        source = stored(s3, objects, QUICK)
        check_source(source, contents_of(source, objects))
