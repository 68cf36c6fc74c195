"""Names of places in object stores: ``s3://bucket/prefix``, ``gs://bucket/prefix``,
``az://container/prefix``; and the paths that keys have below them.

A key is any text of up to 1,024 bytes: it may hold control characters, empty components, ``..``,
and begin or end with a slash. None of that is interpreted.
"""

import re
from dataclasses import dataclass

from storeff.errors import StoreffError, UsageError
from storeff.text import excerpt

SCHEMES = ("s3", "gs", "az")
_URL = re.compile(r"([a-z][a-z0-9+.-]*)://(.*)", re.DOTALL | re.IGNORECASE)
# Buckets of the three services: letters, digits and, in old or own ones, a little more.
_BUCKET = re.compile(r"[A-Za-z0-9$][A-Za-z0-9._-]{0,254}")


def is_url(name: object) -> bool:
    """Whether ``name`` is that of a place in some store rather than a local path."""
    return isinstance(name, str) and _URL.fullmatch(name) is not None


@dataclass(frozen=True)
class Place:
    """Objects of ``bucket`` whose keys begin with ``folder``, which is empty or ends in a slash;
    only the one called ``only`` in it, if that is given."""

    scheme: str
    bucket: str
    folder: str
    only: str | None = None

    @property
    def url(self) -> str:
        """Its name, for people and as a root."""
        return f"{self.scheme}://{self.bucket}/{self.folder}{self.only or ''}"

    def name_of(self, key: str) -> bytes:
        """The name of the object ``key`` of the bucket, for people."""
        return f"{self.scheme}://{self.bucket}/{key}".encode("utf-8", "surrogateescape")

    def holds(self, key: str) -> bool:
        """Whether the object ``key`` of the bucket is here."""
        if self.only is not None:
            return key == self.folder + self.only
        return key.startswith(self.folder)

    def key(self, path: bytes) -> str:
        """The key of the object at ``path``, which ``path_of`` has given."""
        text = path.decode("utf-8", "surrogateescape")
        return self.folder + (text[2:] if text.startswith("./") else text)

    def path_of(self, key: str) -> bytes:
        """The path of ``key`` below the folder: never with a slash in front, and of two keys never
        the same. What would begin with a slash, or with what is put before that, gets ``./``."""
        text = key[len(self.folder) :]
        if text.startswith(("/", "./")):
            text = "./" + text
        return text.encode("utf-8", "surrogateescape")


def parse_url(name: str) -> Place:
    """The place that ``name`` stands for; what follows the last slash may be an object, or a folder
    (``Place.only``). Raises UsageError if it is no such name."""
    match = _URL.fullmatch(name)
    scheme = match[1].lower() if match else ""
    if match is None or scheme not in SCHEMES:
        raise UsageError(
            f"{excerpt(name)!r} is no place that can be scanned",
            f"name a local path, or a URL of {', '.join(f'{each}://' for each in SCHEMES)}",
        )
    bucket, _, key = match[2].partition("/")
    if not _BUCKET.fullmatch(bucket):
        raise UsageError(
            f"{excerpt(name)!r} names no bucket",
            f"write {scheme}://bucket or {scheme}://bucket/prefix",
        )
    try:
        key.encode()
    except UnicodeEncodeError as error:
        raise StoreffError(
            f"{excerpt(name)!r} is not UTF-8, as all keys of objects are", "check the spelling"
        ) from error
    folder, slash, last = key.rpartition("/")
    return Place(scheme, bucket, folder + slash, last or None)
