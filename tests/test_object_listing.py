"""Listing buckets: every key once, whatever the pages, on few requests and with little memory."""

import random
import threading

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from support.buckets import s3, stored
from support.s3_server import S3

from storeff.sources import object_listing
from storeff.sources.entry import Entries
from storeff.sources.object_s3 import S3Api
from storeff.sources.object_store import ObjectStores
from storeff.sources.skipped import Skipped
from storeff.sources.source import entries

__all__ = ["s3"]


@pytest.fixture(autouse=True)
def _cut_early(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(object_listing, "PAGES_TOGETHER", 2)


def keys_of(source: ObjectStores) -> list[str]:
    place = source._roots[0].place
    return sorted(place.key(each.path) for each in entries(source))


def tree(seed: int, count: int) -> list[str]:
    """Keys in folders of very different sizes, and some in none."""
    source = random.Random(seed)
    names = ["", "a/", "b/", "b/c/", "b/c/d/", "b.d/", "e//", "\u00fc/", "z" * 9 + "/"]
    weights = [0.1, *source.choices([1, 5, 50], k=len(names) - 1)]
    return sorted(
        {f"{f}{source.randrange(10**6)}" for f in source.choices(names, weights, k=count)}
    )


@pytest.mark.parametrize("page_keys", [1, 7, 40])
@pytest.mark.parametrize("seed", [1, 2])
def test_every_key_is_listed_once(s3: S3, seed: int, page_keys: int) -> None:
    keys = tree(seed, 150)
    s3.page_keys = page_keys
    assert keys_of(stored(s3, dict.fromkeys(keys, b"x"))) == keys


@given(
    st.sets(st.text("ab/", min_size=1, max_size=5).filter(lambda k: not k.endswith("/"))),
    st.integers(1, 3),
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_keys_of_any_shape_are_listed_once(s3: S3, keys: set[str], page_keys: int) -> None:
    s3.buckets["bucket"].clear()
    s3.page_keys = page_keys
    assert keys_of(stored(s3, dict.fromkeys(keys, b"x"))) == sorted(keys)


def test_what_stands_for_a_folder_is_listed_once(s3: S3) -> None:
    keys = [f"{folder}/{i}" for folder in "abcdef" for i in range(9)]
    s3.page_keys = 4
    source = stored(s3, dict.fromkeys([*keys, *(f"{f}/" for f in "abcdef")], b"x"))
    assert keys_of(source) == sorted([*keys, *(f"{f}/" for f in "abcdef")])


def test_a_root_of_a_few_pages_takes_a_request_a_page(s3: S3) -> None:
    source = stored(s3, dict.fromkeys([f"{i}/{j}" for i in range(10) for j in range(10)], b"x"))
    s3.asked.clear()
    assert len(keys_of(source)) == 100
    assert s3.requests("LIST") == [""]


def test_a_flat_folder_is_listed_by_several_streams(s3: S3) -> None:
    s3.page_keys = 10
    keys = [f"flat/{i:04}" for i in range(1000)]
    assert keys_of(stored(s3, dict.fromkeys(keys, b"x"))) == keys
    assert len(s3.parts) > 5


def test_many_pages_take_few_more_requests_than_pages(s3: S3) -> None:
    s3.page_keys = 20
    keys = [f"{i:02}/{j:03}" for i in range(20) for j in range(200)]
    source = stored(s3, dict.fromkeys(keys, b"x"))
    s3.asked.clear()
    assert keys_of(source) == keys
    assert len(s3.requests("LIST")) <= 1.5 * len(keys) / 20


def test_a_large_listing_is_given_before_it_ends(s3: S3) -> None:
    s3.page_keys = 10
    source = stored(s3, dict.fromkeys([f"{i:04}" for i in range(2000)], b"x"))
    s3.asked.clear()
    next(iter(source.list()))
    assert len(s3.asked) < 100


def test_a_listing_that_is_given_up_ends_its_threads(s3: S3) -> None:
    s3.page_keys = 1
    source = stored(s3, dict.fromkeys([f"{i:04}" for i in range(300)], b"x"))
    before = set(threading.enumerate())
    listing = source.list()
    next(listing)
    listing.close()  # type: ignore[attr-defined]
    ours = [each for each in set(threading.enumerate()) - before if "PoolExecutor" in each.name]
    assert ours == []


def test_a_folder_that_cannot_be_listed_is_skipped(s3: S3) -> None:
    source = stored(s3, {"a": b"x"})
    s3.faults[""] = ["refused"]
    assert list(source.list()) == [Skipped("permission", b"s3://bucket/", None)]


def test_a_listing_is_asked_for_again_where_the_store_says_to_slow_down(s3: S3) -> None:
    source = stored(s3, {"a": b"x"})
    s3.faults[""] = ["slow-down", "slow-down"]
    assert keys_of(source) == ["a"]


def test_a_part_that_cannot_be_listed_costs_that_part(s3: S3) -> None:
    s3.page_keys = 5
    keys = [f"{folder}/{i:02}" for folder in "abcdefgh" for i in range(20)]
    source = stored(s3, dict.fromkeys(keys, b"x"))
    s3.closed = "e/"
    found = list(source.list())
    assert [each for each in found if isinstance(each, Skipped)] == [
        Skipped("permission", b"s3://bucket/", None)
    ]
    listed = sum(len(each) for each in found if isinstance(each, Entries))
    assert len(keys) - 40 <= listed < len(keys)


def test_a_part_of_a_folder_that_cannot_be_listed_names_the_folder(s3: S3) -> None:
    s3.page_keys = 5
    keys = [f"x/{folder}/{i:02}" for folder in "abcdefgh" for i in range(20)]
    source = stored(s3, dict.fromkeys(keys, b"x"))
    s3.closed = "x/e/"
    found = [each for each in source.list() if isinstance(each, Skipped)]
    assert found == [Skipped("permission", b"s3://bucket/x/", None)]


def test_what_is_no_listing_is_skipped(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    source = stored(s3, {"a": b"x"})
    s3.faults[""] = ["no-listing"] * 9
    assert list(source.list()) == [Skipped("io-error", b"s3://bucket/", None)]


def test_a_store_that_does_not_list_after_a_text_is_listed_by_one_stream(
    s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    pages = S3Api.pages
    monkeypatch.setattr(S3Api, "pages", lambda api, prefix, after="": pages(api, prefix))
    s3.page_keys = 5
    keys = [f"{i:02}/a" for i in range(50)]
    assert keys_of(stored(s3, dict.fromkeys(keys, b"x"))) == keys


def test_a_store_without_the_order_of_keys_is_listed_by_one_stream(
    s3: S3, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As S3's directory buckets are."""
    monkeypatch.setattr(object_listing, "_is_ordered", lambda bucket: False)
    source = stored(s3, dict.fromkeys([f"{i:02}/a" for i in range(50)], b"x"))
    s3.page_keys = 5
    s3.asked.clear()
    assert len(keys_of(source)) == 50
    assert len(s3.requests("LIST")) == 10
