"""Buckets as a client sees them: one interface over the libraries that talk to the stores.

Objects are read by obstore, the client of least CPU time for small ranges. It cannot name every
key: it leaves out a slash in front and at an end, and a listing by it ends at the first key with an
empty component, ``.``, ``..`` or control characters. So buckets of S3 are listed by botocore, which
also reads what obstore cannot name, and knows the profiles, sessions and roles that people log in
with.
"""

import os
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, NamedTuple

from storeff.errors import StoreffError, UsageError
from storeff.sources.listed_once import ListedOnce
from storeff.sources.object_errors import told
from storeff.sources.source import Source

if TYPE_CHECKING:
    from storeff.sources.object_s3 import S3Api

# What a client waits for one answer, and how often it asks: with a backoff that doubles from a
# tenth of a second to 15 s, as the makers of the stores ask for when they say to slow down.
ANSWER_SECONDS = 30.0
RETRIES = 10
RETRY_SECONDS = 180.0
# Keys of a page of what obstore lists, which asks for no number of them: those of a full one.
PAGE_KEYS = {"gs": 1000, "az": 5000}
# Keys that obstore passes on as they are (object_store::path::Path).
_NAMED_BY_OBSTORE = re.compile(r"(?:(?!\.{1,2}(?:/|\Z))[^/\x00-\x1f\x7f]+(?:/(?!\Z)|\Z))+")


class Listed(NamedTuple):
    """An object as its store lists it. One that is ``archived`` cannot be read at once. When it was
    ``written`` is told by obstore: ``/a`` and ``a`` are the same there but for that."""

    key: str
    size_bytes: int
    etag: str
    archived: bool = False
    written: datetime | None = None


class Requests(NamedTuple):
    """What was asked of stores: requests that list, all others, and the bytes that these fetch."""

    list: int
    get: int
    fetched_bytes: int


@dataclass(frozen=True)
class Access:
    """How stores are reached. ``endpoint`` is the URL of a server that speaks S3, None what the
    environment says or the cloud's own; ``requests_per_second`` caps all requests together."""

    endpoint: str | None = None
    requests_per_second: float | None = None
    retries: int = RETRIES
    answer_seconds: float = ANSWER_SECONDS


class Meter:
    """Counts the requests that are made and the bytes that they ask for, and holds the requests of
    all threads together to ``requests_per_second``. What a client repeats of itself is not seen.

    One that ``is_sent`` to another process counts from nothing there."""

    def __init__(self, requests_per_second: float | None, is_sent: bool = False) -> None:
        self.requests_per_second = requests_per_second
        self.is_sent = is_sent
        self.lock = threading.Lock()
        self.list_requests = self.get_requests = self.fetched_bytes = 0
        self.free_at = 0.0

    def lists(self) -> None:
        """Before a request that lists."""
        with self.lock:
            self.list_requests += 1
        self.wait()

    def gets(self, size_bytes: int = 0) -> None:
        """Before any other request; ``size_bytes`` are to come."""
        with self.lock:
            self.get_requests += 1
            self.fetched_bytes += size_bytes
        self.wait()

    @property
    def asked(self) -> Requests:
        """What was asked by now."""
        with self.lock:
            return Requests(self.list_requests, self.get_requests, self.fetched_bytes)

    def add(self, asked: Requests) -> None:
        """Count what was asked elsewhere."""
        with self.lock:
            self.list_requests += asked.list
            self.get_requests += asked.get
            self.fetched_bytes += asked.fetched_bytes

    def __reduce__(self) -> "tuple[type[Meter], tuple[float | None, bool]]":
        return Meter, (self.requests_per_second, True)

    def wait(self) -> None:
        """Return when one more request may be made."""
        if self.requests_per_second is None:
            return
        with self.lock:
            now = time.monotonic()
            begins_at = max(self.free_at, now)
            self.free_at = begins_at + 1 / self.requests_per_second
        time.sleep(begins_at - now)


def meter_of(source: Source) -> Meter | None:
    """What counts the requests of ``source``; None if it is in no object store."""
    while isinstance(source, ListedOnce):
        source = source.source
    meter = getattr(source, "meter", None)
    return meter if isinstance(meter, Meter) else None


class Bucket:
    """One bucket, or container; may be used from several threads. Its clients are made when they
    are first needed, and not pickled. Methods raise OSError."""

    def __init__(self, scheme: str, name: str, access: Access, meter: Meter) -> None:
        self.scheme = scheme
        self.name = name
        self.access = access
        self.meter = meter
        self.region: str | None = None
        if access.endpoint is not None:
            if scheme != "s3":
                raise UsageError(
                    f"an endpoint is for s3://, not for {scheme}://", "leave it out", "endpoint"
                )
            if not re.match(r"https?://[^/]", access.endpoint):
                raise UsageError(
                    f"{access.endpoint!r} is no endpoint", "write https://host:port", "endpoint"
                )

    @cached_property
    def s3(self) -> "S3Api | None":
        """For what of S3 obstore cannot do."""
        if self.scheme != "s3":
            return None
        required("botocore")
        from storeff.sources.object_s3 import S3Api

        return S3Api(self.name, self.access, self.region, self.meter)

    @cached_property
    def store(self) -> Any:
        """The store of obstore."""
        required("obstore")
        import obstore.store

        access = self.access
        backoff = {"init_backoff": timedelta(seconds=0.1), "max_backoff": timedelta(seconds=15)}
        options: dict[str, Any] = {
            "retry_config": {
                "max_retries": access.retries,
                "retry_timeout": timedelta(seconds=RETRY_SECONDS),
                "backoff": {**backoff, "base": 2},
            },
            "client_options": {"timeout": timedelta(seconds=access.answer_seconds)},
        }
        try:
            if self.s3 is not None:
                config, http = self.s3.for_obstore()
                options["client_options"]["allow_http"] = http
                return obstore.store.S3Store(self.name, **options, **config)
            made, prefix = {
                "gs": (obstore.store.GCSStore, "GOOGLE"),
                "az": (obstore.store.AzureStore, "AZURE"),
            }[self.scheme]
            # As these libraries have it where no options are given: for emulators.
            http = os.environ.get(f"{prefix}_ALLOW_HTTP", "").lower() == "true"
            options["client_options"]["allow_http"] = http
            return made(self.name, **options)
        except (obstore.exceptions.BaseError, ValueError) as error:
            raise told(error) from error

    def knock(self) -> None:
        """See that there are libraries, and a server, which clients would ask for a minute or
        more. Raises StoreffError, OSError."""
        required("obstore")
        if self.s3 is not None:
            self.s3.knock()

    def pages(self, prefix: str, after: str = "") -> Iterator[list[Listed]]:
        """The objects whose keys begin with ``prefix`` and come after ``after``, which
        ``can_list_after``; of Azure all."""
        if self.s3 is not None:
            yield from self.s3.pages(prefix, after)
            return
        import obstore

        keys = PAGE_KEYS[self.scheme]
        stream = iter(
            obstore.list(self.store, prefix or None, offset=after or None, chunk_size=keys)
        )
        while True:
            self.meter.lists()
            try:
                some = next(stream, [])
            except (obstore.exceptions.BaseError, ValueError, FileNotFoundError) as error:
                raise told(error) from error
            yield [
                Listed(m["path"], m["size"], quoted(m["e_tag"]), written=m["last_modified"])
                for m in some
            ]
            if len(some) < keys:
                return

    def can_list_after(self, text: str) -> bool:
        """Whether a listing can begin after ``text``, which need not be a key."""
        if self.drops_slashes and not _NAMED_BY_OBSTORE.fullmatch(text):
            return False
        return text.isprintable()

    @property
    def drops_slashes(self) -> bool:
        """Whether keys are listed without a slash in front or at their end, as obstore does."""
        return self.scheme != "s3"

    def look(self, key: str) -> Listed | None:
        """The object ``key`` as it is now; None if there is none."""
        if self.s3 is not None:
            return self.s3.look(key)
        import obstore

        self.meter.gets()
        try:
            found = obstore.head(self.store, key)
        except FileNotFoundError:
            return None
        except (obstore.exceptions.BaseError, ValueError) as error:
            raise told(error) from error
        return Listed(key, found["size"], quoted(found["e_tag"]))

    def fetch(self, key: str, etag: str, start: int, end: int) -> memoryview:
        """Bytes [start, end) of the object ``key``. Raises ChangedError unless it still has
        ``etag``."""
        import obstore

        from storeff.sources.object_errors import answered

        self.meter.gets(end - start)
        if not _NAMED_BY_OBSTORE.fullmatch(key) and self.s3 is not None:
            content, found = self.s3.fetch(key, etag, start, end)
        else:
            options: Any = {"range": (start, end)}
            if etag:
                options["if_match"] = etag
            try:
                result = obstore.get(self.store, key, options=options)
                content, found = memoryview(result.bytes()), quoted(result.meta["e_tag"])
            except (obstore.exceptions.BaseError, ValueError, FileNotFoundError) as error:
                raise told(error) from error
        # Not every server heeds the condition, or gives tags.
        if found and found != etag:
            raise answered(412, "", "")
        if len(content) != end - start:
            raise answered(None, "", f"{len(content)} bytes came of {end - start}")
        return content

    def __getstate__(self) -> dict[str, Any]:
        state = {k: v for k, v in self.__dict__.items() if k not in ("s3", "store")}
        if "s3" in self.__dict__ and self.s3 is not None:
            # What was found out here need not be known where it is used.
            state["region"] = self.s3.region
            state["access"] = replace(self.access, endpoint=self.s3.endpoint)
        return state


def quoted(etag: str | None) -> str:
    """An entity tag as conditions have it; some servers list it without quotes. Empty of none."""
    if not etag or etag.startswith(('"', "W/")):
        return etag or ""
    return f'"{etag}"'


def required(library: str) -> None:
    """Raises StoreffError if ``library`` is not installed."""
    try:
        import_module(library)
    except ImportError as error:
        raise StoreffError(
            f"object stores are read by {library}, which is not installed",
            "install it: pip install 'storeff[s3]'",
        ) from error
