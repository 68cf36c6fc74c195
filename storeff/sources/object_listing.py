"""Listing buckets: on several threads, and neither a bucket nor a folder is held whole.

A listing gives 1,000 keys a request, in their order, after some key. Where there are more than a
few pages, the range of keys that is left is cut at folders and the parts are listed side by side.
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
from storeff.sources.object_url import Place
from storeff.sources.skipped import Ignored, Skipped, skipped_for
from storeff.sources.source import Found
from storeff.sources.views import Excluded

# Pages that are listed before a range is cut, the requests that looking for folders to cut at may
# take, and into how many parts it is cut at most.
PAGES_TOGETHER = 8
SPLIT_REQUESTS = 32
PARTS_MOST = 256
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


@dataclass(frozen=True)
class _Keys:
    """Keys of ``root`` after ``after`` up to ``until``, or up to the end."""

    root: Root
    after: str = ""
    until: str | None = None


class Walk:
    """One listing of ``roots``, but for what is ``excluded``."""

    def __init__(self, roots: Sequence[Root], excluded: Excluded | None) -> None:
        self.roots = roots
        self.excluded = excluded
        self.waiting: deque[_Keys] = deque()
        self.busy = 0
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
                    self.put(skipped_for(error, _name(keys.root, keys.after), None))
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
        """List a range; of a long one, leave the parts of what is left to whoever is free."""
        root, after = keys.root, keys.after
        if root.place.only is not None:
            self.put_objects(root, [_looked(root)])
            return
        until = None if keys.until is None else _order(keys.until)
        may_split = keys.until is None and not keys.after and _is_ordered(root.bucket)
        for number, page in enumerate(root.bucket.pages(root.place.folder, after)):
            if self.stop.is_set():
                return
            if may_split and number == PAGES_TOGETHER:
                # This page is listed again, as the beginning of the rest.
                self.split(keys, after)
                return
            objects = page.objects
            if objects and after and _order(objects[0].key) <= _order(after):
                raise OSError(errno.EBADMSG, "the store does not list keys in their order")
            after = objects[-1].key if objects and _is_ordered(root.bucket) else after
            ended = until is not None and bool(objects) and _order(objects[-1].key) >= until
            if ended and until is not None:
                objects = [each for each in objects if _order(each.key) <= until]
            self.put_objects(root, objects)
            if ended:
                return

    def split(self, keys: _Keys, after: str) -> None:
        """Hand out the keys after ``after`` in parts."""
        points = _folders(keys.root, after)
        bounds = [after, *points, None]
        parts = [_Keys(keys.root, bounds[i] or "", bounds[i + 1]) for i in range(len(bounds) - 1)]
        with self.changed:
            self.waiting.extend(parts)
            self.changed.notify_all()

    def put_objects(self, root: Root, objects: Sequence[Listed]) -> None:
        for item in self.sorted_out(root, objects):
            self.put(item)

    def sorted_out(self, root: Root, objects: Sequence[Listed]) -> Iterator[Found]:
        """Those of ``objects`` that are to be measured, and what the others are."""
        entries: list[Entry] = []
        place = root.place
        for key, size_bytes, etag, archived in objects:
            if any(other.holds(key) for other in root.others):
                continue
            path = place.path_of(key)
            if key.endswith("/") and not size_bytes:
                yield Ignored("directory-object", _name(root, key), 0)
            elif not path:
                # It is called as the root is: it has no path there.
                yield Skipped("bad-name", _name(root, key), size_bytes)
            elif self.excluded is not None and self.leaves_out(path):
                yield Ignored("excluded", _name(root, key), size_bytes)
            elif archived:
                yield Skipped("archived", _name(root, key), size_bytes)
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


def _folders(root: Root, after: str) -> list[str]:
    """Where to cut the keys of ``root`` after ``after``: names of folders, in order."""
    found: set[str] = set()
    waiting = deque([root.place.folder])
    requests = 0
    while waiting and requests < SPLIT_REQUESTS and len(found) < PARTS_MOST:
        folder = waiting.popleft()
        begin = after if after.startswith(folder) else ""
        for page in root.bucket.pages(folder, begin, folders=True):
            requests += 1
            found.update(page.prefixes)
            waiting.extend(page.prefixes)
            if requests >= SPLIT_REQUESTS:
                break
    points = sorted((each for each in found if _order(each) > _order(after)), key=_order)
    step = -(-len(points) // PARTS_MOST) or 1
    return points[step - 1 :: step]


def _looked(root: Root) -> Listed:
    """The one object of ``root``. Raises OSError."""
    place = root.place
    found = root.bucket.look(place.folder + (place.only or ""))
    if found is None:
        raise FileNotFoundError(errno.ENOENT, "no such object")
    return found


def _is_ordered(bucket: Bucket) -> bool:
    """Whether its keys are listed in order, after any key: not in S3's directory buckets, and only
    S3's are listed by more than a stream."""
    return bucket.scheme == "s3" and not re.search("-{2}x-s3$", bucket.name)


def _order(key: str) -> bytes:
    """Stores order keys by their bytes."""
    return key.encode("utf-8", "surrogateescape")


def _name(root: Root, key: str) -> bytes:
    place = root.place
    return f"{place.scheme}://{place.bucket}/{key or place.folder}".encode(
        "utf-8", "surrogateescape"
    )


def _empty(found: "queue.Queue[Found | None]") -> None:
    with contextlib.suppress(queue.Empty):
        while True:
            found.get_nowait()
