"""Google Cloud Storage, by the interface that it shares with S3, and Azure Blob Storage."""

import json
from collections.abc import Iterable, Iterator, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support import azure_server
from support.azure_server import Container
from support.buckets import QUICK
from support.s3_server import S3, serving

from storeff.errors import StoreffError
from storeff.sources import object_client, object_listing
from storeff.sources.entry import Entries
from storeff.sources.object_client import Bucket, Listed
from storeff.sources.object_store import ObjectStores
from storeff.sources.object_url import Place
from storeff.sources.skipped import Ignored, Skipped
from storeff.sources.source import entries
from storeff.testing import check_change, check_source

OBJECTS = {"a": b"hello", "d/e": b"x" * 300_000, "d/empty": b"", "\u00fc b+c%2f": b"a URL's own"}
CONTENTS = {(0, key.encode()): content for key, content in OBJECTS.items()}


@pytest.fixture
def gcs(monkeypatch: pytest.MonkeyPatch) -> Iterator[S3]:
    with serving(S3(is_public=True)) as server:
        account = {"gcs_base_url": server.url, "disable_oauth": True}
        nobody = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
        monkeypatch.setenv("GOOGLE_SERVICE_ACCOUNT_KEY", json.dumps(account | nobody))
        monkeypatch.setenv("GOOGLE_ALLOW_HTTP", "true")
        for key, content in OBJECTS.items():
            server.put(key, content)
        yield server


@pytest.fixture
def azure(monkeypatch: pytest.MonkeyPatch) -> Iterator[Container]:
    with azure_server.serving(Container()) as container:
        monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
        monkeypatch.setenv("AZURE_STORAGE_ENDPOINT", container.url)
        monkeypatch.setenv("AZURE_SKIP_SIGNATURE", "true")
        monkeypatch.setenv("AZURE_ALLOW_HTTP", "true")
        for key, content in OBJECTS.items():
            container.put(key, content)
        yield container


def test_objects_of_google_keep_the_contract(gcs: S3) -> None:
    check_source(ObjectStores(["gs://bucket"], QUICK), CONTENTS)


def test_a_change_at_google_is_noticed(gcs: S3) -> None:
    source = ObjectStores(["gs://bucket"], QUICK)
    check_change(source, CONTENTS, (0, b"a"), lambda: gcs.put("a", b"other"))


def test_a_key_that_its_client_cannot_name_is_said_to_be_missing(gcs: S3) -> None:
    source = ObjectStores(["gs://bucket"], QUICK)
    gcs.put("d//x", b"an empty component")
    assert list(source.list()) == [Skipped("bad-name", b"gs://bucket/", None)]


def test_of_a_folder_at_google_the_object_that_stands_for_it_is_ignored(gcs: S3) -> None:
    """As its console makes one for each folder."""
    gcs.put("d/", b"")
    found = list(ObjectStores(["gs://bucket/d"], QUICK).list())
    assert [each for each in found if not isinstance(each, Entries)] == [
        Ignored("directory-object", b"gs://bucket/d", 0)
    ]


def test_a_bucket_that_is_not_there_is_refused(gcs: S3) -> None:
    with pytest.raises(StoreffError, match="NoSuchBucket: by the test"):
        ObjectStores(["gs://another"], QUICK)


# ---- long listings at Google ----


@pytest.fixture
def small(gcs: S3, monkeypatch: pytest.MonkeyPatch) -> S3:
    """A bucket without objects, whose pages hold five keys and which is cut early."""
    gcs.buckets["bucket"].clear()
    gcs.page_keys = 5
    monkeypatch.setitem(object_client.PAGE_KEYS, "gs", 5)
    monkeypatch.setattr(object_listing, "PAGES_TOGETHER", 2)
    return gcs


def listed(url: str = "gs://bucket") -> list[str]:
    return sorted(each.path.decode() for each in entries(ObjectStores([url], QUICK)))


def by_one_stream(url: str = "gs://bucket") -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(object_listing, "_is_ordered", lambda bucket: False)
        return listed(url)


def fill(store: S3, keys: Iterable[str], written: str = "2026-01-01T00:00:00.000Z") -> None:
    for key in keys:
        store.put(key, b"" if key.endswith("/") else b"x", written=written)


def test_a_long_listing_is_made_by_several_streams(small: S3) -> None:
    keys = [f"{folder}/{i:02}" for folder in ("a", "a!", "ab", "b/c", "\u00fc") for i in range(40)]
    fill(small, keys)
    assert listed() == sorted(keys)
    assert len(small.parts) > 3


def test_a_long_listing_of_a_folder_is_made_by_several_streams(small: S3) -> None:
    fill(small, [f"{folder}/{i:03}" for folder in "abc" for i in range(100)])
    assert listed("gs://bucket/b") == [f"{i:03}" for i in range(100)]
    assert len(small.parts) > 3
    assert all(each.startswith("b/") for each in small.parts)


def test_the_requests_of_a_listing_are_counted(small: S3) -> None:
    fill(small, [f"{folder}/{i:03}" for folder in "abc" for i in range(101)])
    source = ObjectStores(["gs://bucket"], QUICK)
    assert len([*entries(source)]) == 303
    assert len(small.parts) > 3
    # That a full page was the last is not told: one more is counted then.
    assert source.meter.asked.list - len(small.requests("LIST")) in (0, 1)


# Keys that the client can name but for a slash at the end, which stand for folders.
KEYS = st.sets(
    st.text("ab0!-/", min_size=1, max_size=5).filter(
        lambda key: "//" not in key and not key.startswith("/")
    )
)
SMALL = settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])


@given(KEYS, st.integers(1, 5))
@SMALL
def test_what_several_streams_list_is_what_one_does(
    small: S3, keys: set[str], page_keys: int
) -> None:
    small.buckets["bucket"].clear()
    small.page_keys = object_client.PAGE_KEYS["gs"] = page_keys
    fill(small, keys)
    assert listed() == by_one_stream() == sorted(key.rstrip("/") for key in keys)


@given(KEYS, st.lists(st.text("ab0!-", min_size=1, max_size=4), min_size=1))
@SMALL
def test_wherever_keys_are_cut_each_is_listed_once(
    small: S3, keys: set[str], texts: list[str]
) -> None:
    def cuts(bucket: Bucket, place: Place, page: Sequence[Listed], until: str | None) -> list[str]:
        last = page[-1].key + "0"
        return sorted(each for each in texts if last < each and (until is None or each < until))

    small.buckets["bucket"].clear()
    small.page_keys = object_client.PAGE_KEYS["gs"] = 2
    fill(small, keys)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(object_listing, "cuts", cuts)
        assert listed() == sorted(key.rstrip("/") for key in keys)


@pytest.mark.parametrize("objects", [["a"], ["a/"], ["a", "a/"], ["a", "a-0", "a/"]])
def test_what_stands_for_a_folder_is_in_the_part_where_its_slash_puts_it(
    small: S3, monkeypatch: pytest.MonkeyPatch, objects: list[str]
) -> None:
    """``a/`` is listed as ``a``, but is behind all that begins with ``a-``."""

    def cuts(bucket: Bucket, place: Place, page: Sequence[Listed], until: str | None) -> list[str]:
        return ["a-"] if page[-1].key < "a" and until is None else []

    monkeypatch.setattr(object_listing, "cuts", cuts)
    keys = [*(f"Z{i:02}" for i in range(11)), *objects]
    fill(small, keys)
    assert listed() == sorted(key.rstrip("/") for key in keys)
    assert small.started[-1] == "a-"


@pytest.mark.parametrize("other", ["", "b", "data"])
def test_keys_with_a_slash_in_front_are_never_taken_for_those_of_another_part(
    small: S3, other: str
) -> None:
    """The client lists ``/data/1`` as ``data/1``, and the bucket may have that as well."""
    fill(small, [f"/data/{i:02}" for i in range(60)])
    if other:
        fill(small, [f"{other}/{i:02}" for i in range(60)], "2026-01-02T00:00:00.000Z")
    assert listed() == by_one_stream()


def test_a_key_that_the_client_cannot_name_costs_its_part_alone(small: S3) -> None:
    keys = [f"{folder}/{i:02}" for folder in "abcdef" for i in range(20)]
    fill(small, [*keys, "c/10//x"])
    found = list(ObjectStores(["gs://bucket"], QUICK).list())
    told = [each for each in found if not isinstance(each, Entries)]
    assert told == [Skipped("bad-name", b"gs://bucket/", None)]
    names = {e.path.decode() for each in found if isinstance(each, Entries) for e in each}
    missing = set(keys) - names
    assert missing == {key for key in keys if "c/10" <= key < "d"}


# ---- Azure ----


def test_blobs_of_azure_keep_the_contract(azure: Container) -> None:
    check_source(ObjectStores(["az://container"], QUICK), CONTENTS)


def test_a_change_at_azure_is_noticed(azure: Container) -> None:
    source = ObjectStores(["az://container"], QUICK)
    check_change(source, CONTENTS, (0, b"d/e"), lambda: azure.put("d/e", b"other"))


def test_a_folder_of_azure_is_a_root(azure: Container) -> None:
    source = ObjectStores(["az://container/d"], QUICK)
    assert source.roots == (b"az://container/d/",)
    check_source(source, {(0, b"e"): OBJECTS["d/e"], (0, b"empty"): b""})


def test_a_long_listing_of_azure_is_made_by_one_stream(
    azure: Container, monkeypatch: pytest.MonkeyPatch
) -> None:
    azure.page_keys = 5
    monkeypatch.setitem(object_client.PAGE_KEYS, "az", 5)
    monkeypatch.setattr(object_listing, "PAGES_TOGETHER", 2)
    for i in range(97):
        azure.put(f"d/{i:03}", b"x")
    source = ObjectStores(["az://container/d"], QUICK)
    azure.pages.clear()
    before = source.meter.asked.list
    assert len([*entries(source)]) == 99
    assert len(azure.pages) == 20
    assert source.meter.asked.list - before == 20
