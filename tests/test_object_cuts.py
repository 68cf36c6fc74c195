"""Where the keys of a bucket are cut: at texts with pages between them, on few requests."""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from storeff.sources.object_client import Access, Bucket, Listed, Meter
from storeff.sources.object_cuts import CUT_REQUESTS, cuts, may_be_cut, order
from storeff.sources.object_url import Place

PAGE_KEYS = 10


class Keys(Bucket):
    """A bucket of these keys, which counts what is asked of it."""

    def __init__(self, keys: Sequence[str], scheme: str = "gs") -> None:
        super().__init__(scheme, "bucket", Access(), Meter(None))
        self.keys = sorted(keys, key=order)

    def pages(self, prefix: str, after: str = "") -> Iterator[list[Listed]]:
        at = bisect_right(self.keys, order(after), key=order)
        below = [each for each in self.keys[at:] if each.startswith(prefix)]
        for i in range(0, len(below), PAGE_KEYS):
            self.meter.lists()
            yield [Listed(key, 1, "") for key in below[i : i + PAGE_KEYS]]


def place(folder: str = "") -> Place:
    return Place("gs", "bucket", folder)


def cut(bucket: Bucket, folder: str = "", until: str | None = None) -> list[str]:
    """Where the keys behind the first page are cut."""
    page = next(bucket.pages(folder))
    return list(cuts(bucket, place(folder), page, until))


def numbered(stem: str, count: int = 30) -> list[str]:
    return [f"{stem}{i:03}" for i in range(count)]


def test_folders_are_cut_from_each_other() -> None:
    keys = [key for folder in "acx" for key in numbered(f"{folder}/")]
    assert cut(Keys(keys)) == ["b", "d"]


def test_a_flat_folder_is_cut_at_the_first_character_that_differs() -> None:
    assert cut(Keys(numbered("data/part-", 100))) == [f"data/part-0{i}" for i in range(1, 10)]


def test_days_are_cut_from_each_other() -> None:
    keys = [key for day in ("03", "04", "11", "29") for key in numbered(f"logs/2026-01-{day}/")]
    assert cut(Keys(keys), "logs/") == ["logs/2026-01-1", "logs/2026-01-2"]


def test_a_part_is_cut_within_its_bounds() -> None:
    keys = [key for folder in "acx" for key in numbered(f"{folder}/")]
    assert cut(Keys(keys), until="d") == ["b"]
    assert cut(Keys(keys), until="b") == ["a/01", "a/02"]


def test_less_than_a_page_is_not_cut_off() -> None:
    assert cut(Keys([*numbered("a/", 10), *numbered("b/", 9)])) == []
    assert cut(Keys([*numbered("a/", 10), *numbered("b/", 10)])) == ["b"]


def test_no_text_is_one_that_obstore_cannot_name() -> None:
    """What comes after a minus is a dot, and after that a slash."""
    assert cut(Keys([*numbered("a/-"), *numbered("a/b")]))[-1] == "a/0"
    assert cut(Keys([*numbered("a."), *numbered("ab")]))[-1] == "a0"
    assert cut(Keys([*numbered("a~"), *numbered("a\u00fc")]))[-1] == "a\u00a1"


def test_behind_an_empty_component_s3_alone_is_cut() -> None:
    keys = numbered("a//b", 100)
    assert cut(Keys(keys)) == []
    assert cut(Keys(keys, "s3"))


def test_few_requests_find_the_cuts_of_an_alphabet_of_thousands() -> None:
    keys = [key for i in range(2000) for key in numbered(chr(0x4E00 + i), 10)]
    bucket = Keys(keys)
    points = cut(bucket)
    assert bucket.meter.asked.list <= 1 + CUT_REQUESTS
    assert points[7] == chr(0x4E00 + 8)
    assert points[-1] > chr(0x4E00 + 500)


def test_a_long_way_to_where_keys_differ_takes_few_requests() -> None:
    stem = "one/long/way/" * 60
    bucket = Keys([*numbered(f"{stem}a/"), *numbered(f"{stem}b/")])
    assert cut(bucket) == [f"{stem}b"]
    assert bucket.meter.asked.list <= 1 + 11


@given(st.sets(st.text("ab/-.~0\u00e9", min_size=1, max_size=4), min_size=PAGE_KEYS))
def test_there_is_a_page_between_cuts(keys: set[str]) -> None:
    bucket = Keys(list(keys))
    points = cut(bucket)
    for start, end in pairwise([bucket.keys[PAGE_KEYS - 1], *points, "\U0010ffff"][1:]):
        between = [key for key in keys if order(start) < order(key) <= order(end)]
        assert len(between) >= PAGE_KEYS


def test_a_page_that_comes_again_shows_that_keys_may_be_cut() -> None:
    bucket = Keys(numbered("a/"))
    first, second, *_ = bucket.pages("")
    assert may_be_cut(bucket, place(), first[-1].key, second)
    assert not may_be_cut(bucket, place(), first[-2].key, second)


def test_what_may_come_before_a_slash_in_front_is_not_cut() -> None:
    """Google's client leaves that slash out: such keys would be taken for those of other parts."""
    keys = numbered("-")
    for scheme, expected in (("gs", False), ("s3", True)):
        bucket = Keys(keys, scheme)
        first, second, *_ = bucket.pages("")
        assert may_be_cut(bucket, place(), first[-1].key, second) == expected
