"""Listing buckets: on several threads, and neither a bucket nor a folder is held whole.

A listing gives a page of keys a request, in their order, after some key. While threads have nothing
to do, one that has listed a few pages cuts what is left of its keys, lists the first part on and
leaves the others.
"""

import contextlib
import errno
import queue
import re
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache

from storeff.sources.entry import Entries, Entry
from storeff.sources.object_client import Bucket, Listed
from storeff.sources.object_cuts import cuts, may_be_cut, order, shared
from storeff.sources.object_url import Place
from storeff.sources.skipped import Ignored, Skipped, skipped_for
from storeff.sources.source import Found
from storeff.sources.views import Excluded

# Pages that are listed before a range is cut. Where no cut is found, twice as many are before the
# next is looked for.
PAGES_TOGETHER = 16
THREADS = 16
# Pages that wait to be dealt with.
PAGES_AHEAD = 32


@dataclass(frozen=True)
class Root:
    """What is at ``place`` in ``bucket``, the root number ``position``, but for what is in
    ``others``, which are roots of their own."""

    position: int
    place: Place
    bucket: Bucket
    others: tuple[Place, ...] = ()


@dataclass
class _Keys:
    """Keys of ``root`` after ``after`` up to ``until``, which comes nearer when they are cut, or up
    to the end."""

    root: Root
    after: str = ""
    until: str | None = None

    @property
    def is_part(self) -> bool:
        return bool(self.after) or self.until is not None

    @property
    def folder(self) -> str:
        """The innermost that all of them are in."""
        start = shared(self.after, self.until or "")
        return max(self.root.place.folder, start[: start.rfind("/") + 1], key=len)


class Walk:
    """One listing of ``roots``, but for what is ``excluded``."""

    def __init__(self, roots: Sequence[Root], excluded: Excluded | None) -> None:
        self.roots = roots
        self.excluded = excluded
        self.waiting: deque[_Keys] = deque()
        self.busy = 0
        self.is_cutting = False
        self.changed = threading.Condition()
        self.stop = threading.Event()
        self.found: queue.Queue[Found | None] = queue.Queue(PAGES_AHEAD)
        self._leaves_out_folder = lru_cache(1 << 12)(self._leaves_out_folder_now)

    def run(self) -> Iterator[Found]:
        """Everything, in any order. What cannot be listed is Skipped, of an unknown size."""
        self.waiting.extend(_Keys(root) for root in self.roots)
        self.busy = 0
        with ThreadPoolExecutor(THREADS) as pool:
            running: list[Future[None]] = []
            try:
                # The system may have fewer threads to give: those that there are do the work.
                with contextlib.suppress(RuntimeError):
                    running += [pool.submit(self.drain) for _ in range(THREADS)]
                if not running:
                    raise OSError(errno.EAGAIN, "this system starts no more threads")
                ended = 0
                while ended < len(running):
                    item = self.found.get()
                    if item is None:
                        ended += 1
                    else:
                        yield item
            finally:
                self.stop.set()
                with self.changed:
                    self.changed.notify_all()
                _empty(self.found)
        for each in running:
            each.result()

    def drain(self) -> None:
        """List ranges until there are none and nobody can give some."""
        try:
            while (keys := self.next()) is not None:
                try:
                    self.list(keys)
                except OSError as error:
                    self.put(skipped_for(error, keys.root.place.name_of(keys.folder), None))
                finally:
                    with self.changed:
                        self.busy -= 1
                        self.changed.notify_all()
        finally:
            self.put(None)

    def next(self) -> _Keys | None:
        with self.changed:
            while not self.waiting and self.busy and not self.stop.is_set():
                self.changed.wait()
            if not self.waiting or self.stop.is_set():
                return None
            self.busy += 1
            return self.waiting.popleft()

    def put(self, item: Found | None) -> None:
        while not self.stop.is_set():
            with contextlib.suppress(queue.Full):
                self.found.put(item, timeout=0.1)
                return

    def list(self, keys: _Keys) -> None:
        """List a range, and leave parts of a long one to whoever is free."""
        root, last = keys.root, keys.after
        if root.place.only is not None:
            self.put_objects(root, [_looked(root)])
            return
        is_ordered, cut_at = _is_ordered(root.bucket), PAGES_TOGETHER
        for number, page in enumerate(root.bucket.pages(root.place.folder, last), 1):
            if self.stop.is_set():
                return
            before, last = last, page[-1].key if page else last
            if keys.is_part and page and _latest(root.bucket, page[0].key) <= order(before):
                raise OSError(errno.EBADMSG, "the store does not list keys in their order")
            objects, ended = _up_to(keys, before, page)
            self.put_objects(root, objects)
            if ended:
                return
            if is_ordered and page and number >= cut_at and self.begins_cutting():
                is_cut = self.cut(keys, before, page)
                cut_at = number + PAGES_TOGETHER if is_cut else 2 * number

    def begins_cutting(self) -> bool:
        """Whether parts are wanted and nobody else looks for some."""
        with self.changed:
            wanted = not self.waiting and self.busy < THREADS and not self.is_cutting
            self.is_cutting |= wanted
            return wanted

    def cut(self, keys: _Keys, before: str, page: Sequence[Listed]) -> bool:
        """Hand out parts of ``keys`` behind ``page``, which came after ``before``, while they are
        found; whether there are any."""
        root, until, begin = keys.root, keys.until, None
        try:
            if keys.is_part or may_be_cut(root.bucket, root.place, before, page):
                for point in cuts(root.bucket, root.place, page, until):
                    if begin is None:
                        keys.until = point
                    else:
                        self.give(_Keys(root, begin, point))
                    begin = point
                    if self.stop.is_set() or len(self.waiting) >= THREADS:
                        break
                if begin is not None:
                    self.give(_Keys(root, begin, until))
        finally:
            self.is_cutting = False
        return begin is not None

    def give(self, keys: _Keys) -> None:
        with self.changed:
            self.waiting.append(keys)
            self.changed.notify_all()

    def put_objects(self, root: Root, objects: Sequence[Listed]) -> None:
        for item in self.sorted_out(root, objects):
            self.put(item)

    def sorted_out(self, root: Root, objects: Sequence[Listed]) -> Iterator[Found]:
        """Those of ``objects`` that are to be measured, and what the others are."""
        entries: list[Entry] = []
        place = root.place
        for key, size_bytes, etag, archived, _ in objects:
            if any(other.holds(key) for other in root.others):
                continue
            path = place.path_of(key)
            # Google's client leaves out the slash of the one that stands for the root.
            if not size_bytes and (key.endswith("/") or f"{key}/" == place.folder):
                yield Ignored("directory-object", place.name_of(key), 0)
            elif not path:
                # It is called as the root is: it has no path there.
                yield Skipped("bad-name", place.name_of(key), size_bytes)
            elif self.excluded is not None and self.leaves_out(path):
                yield Ignored("excluded", place.name_of(key), size_bytes)
            elif archived:
                yield Skipped("archived", place.name_of(key), size_bytes)
            else:
                entries.append(Entry(path, (root.position,), size_bytes, size_bytes, etag))
        if entries:
            yield Entries.of(entries)

    def leaves_out(self, path: bytes) -> bool:
        """Whether the object at ``path``, or a folder that it is in, is excluded."""
        assert self.excluded is not None
        text = path.decode("utf-8", "surrogateescape")
        folder, _, name = text.rpartition("/")
        return self.excluded(name, text, False) or self._leaves_out_folder(folder)

    def _leaves_out_folder_now(self, folder: str) -> bool:
        assert self.excluded is not None
        above, _, name = folder.rpartition("/")
        if not folder:
            return False
        return self.excluded(name, folder, True) or self._leaves_out_folder(above)


def _up_to(keys: _Keys, before: str, page: Sequence[Listed]) -> tuple[Sequence[Listed], bool]:
    """What of ``page``, which came after ``before``, is in ``keys``, and whether that ends them."""
    bucket, until = keys.root.bucket, keys.until
    if until is None or not page:
        return page, False
    end = order(until)
    if _latest(bucket, page[-1].key) < end:
        return page, False
    for number, each in enumerate(page):
        if order(each.key) > end or (
            # It is beyond if it had a slash at its end: out of its place, or not there without.
            _latest(bucket, each.key) > end
            and (order(each.key) <= order(before) or bucket.look(each.key) is None)
        ):
            return page[:number], True
        before = each.key
    return page, order(before) >= end


def _looked(root: Root) -> Listed:
    """The one object of ``root``. Raises OSError."""
    place = root.place
    found = root.bucket.look(place.folder + (place.only or ""))
    if found is None:
        raise FileNotFoundError(errno.ENOENT, "no such object")
    return found


def _is_ordered(bucket: Bucket) -> bool:
    """Whether its keys are listed in order, after any text: not in S3's directory buckets, and not
    in Azure's containers (docs/object-stores.md)."""
    return bucket.scheme != "az" and not re.search("-{2}x-s3$", bucket.name)


def _latest(bucket: Bucket, key: str) -> bytes:
    """The last place where what is listed as ``key`` may stand in the order."""
    return order(f"{key}/" if bucket.drops_slashes else key)


def _empty(found: "queue.Queue[Found | None]") -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            found.get_nowait()
