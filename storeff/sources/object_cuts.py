"""Where to cut a range of keys, so that its parts can be listed side by side.

A store tells what comes after any text, but not how much. So texts are looked for that have a page
of keys behind them, at the first character in which these differ from what is listed now: between
folders, days or numbers, and in one flat folder as well.
"""

import contextlib
from collections.abc import Iterator, Sequence
from itertools import takewhile

from storeff.sources.object_client import Bucket, Listed
from storeff.sources.object_url import Place

# What looking for cuts may take.
CUT_REQUESTS = 32
# How far after a character the next one is looked for that a request can name: those of DEL and of
# the controls behind it are 34.
_NEXT_CHARACTERS = 64
# Cuts that are made between neighbours before the way to the next doubles.
_EACH = 8


def order(key: str) -> bytes:
    """Stores order keys by their bytes."""
    return key.encode("utf-8", "surrogateescape")


def shared(one: str, other: str) -> str:
    """What both begin with."""
    pairs = takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False))
    return "".join(each for each, _ in pairs)


def may_be_cut(bucket: Bucket, place: Place, before: str, page: Sequence[Listed]) -> bool:
    """Whether the keys of ``place`` can be cut behind ``page``, which came after the key
    ``before``.

    They can if the page comes again to who asks for what comes after ``before``. It does not if the
    store keeps no order or begins elsewhere, or if ``before`` had a slash in front or at its end
    that the client left out.
    """
    if bucket.drops_slashes and not place.folder and page[-1].key < "/":
        # Keys with a slash in front are still to come, and would show up out of their order.
        return False
    return _page(bucket, place, before) == page


def cuts(bucket: Bucket, place: Place, page: Sequence[Listed], until: str | None) -> Iterator[str]:
    """Texts, in order, that cut the keys of ``place`` behind ``page`` up to ``until``. Between two
    of them there is a page of keys at least, and so behind the last."""
    requests = 0

    def beyond(stem: str, characters: int = 1) -> tuple[str, str] | None:
        """A text after all keys that begin with ``stem``, and as many ``characters`` on; and the
        last key of the page behind it, if there is a full one."""
        nonlocal requests
        text = _next(bucket, stem, characters)
        if text is None or requests >= CUT_REQUESTS:
            return None
        requests += 1
        keys = _page(bucket, place, text)
        if len(keys) < len(page) or (until is not None and order(keys[-1].key) > order(until)):
            return None
        return text, keys[-1].key

    listed, there = page[-1].key, None
    # What is beyond a longer stem is beyond a shorter one all the more.
    at, end = max(len(place.folder), len(shared(listed, until or ""))), len(listed)
    while at < end:
        middle = (at + end) // 2
        found = beyond(listed[: middle + 1])
        if found is None:
            at = middle + 1
        else:
            there, end = found, middle
    number = 0
    while there is not None:
        text, last = there
        yield text
        # Of an alphabet, every letter; of thousands of characters, ever more at a time.
        number += 1
        there = beyond(last[: at + 1], 2 ** max(0, number - _EACH))


def _page(bucket: Bucket, place: Place, after: str) -> Sequence[Listed]:
    """The page after ``after``. What cannot be listed is told by who lists it."""
    if bucket.can_list_after(after):
        with contextlib.suppress(OSError):
            return next(bucket.pages(place.folder, after), [])
    return []


def _next(bucket: Bucket, stem: str, characters: int) -> str | None:
    """The first text that is ``characters`` after all that begins with ``stem``, and that a request
    can name."""
    first = ord(stem[-1]) + characters
    for code in range(first, min(first + _NEXT_CHARACTERS, 0x110000)):
        text = stem[:-1] + chr(code)
        if bucket.can_list_after(text):
            return text
    return None
