"""What applications have done to the bytes of an object before they are stored.

A storage system finds a Parquet file of zstd pages as random as an encrypted disk. Its footer says
which codec the application used and how far that came; the header of a tensor file says of what
types its numbers are; a chunk of Zarr is told of by its array's metadata beside it. This is read
from headers and footers alone: nothing is unpacked, and all of it is hostile input, checked against
the object's size.
"""

from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

# read(offset, length) of an object: never less, within its size.
Read = Callable[[int, int], bytes]

# What a header or a footer may take: parsed in Python, this much takes a tenth of a second.
HEADER_BYTES_MAX: Final = 1 << 20
NONE: Final = "none"
SEVERAL: Final = "several"


class Inside(NamedTuple):
    """What is inside an object.

    ``codec`` is what the application compressed its data with: "none", "several", or None where
    that is not told. ``expansion`` is bytes before that over bytes after it, as far as was looked;
    None where that is not told. ``parts`` are bytes by what they hold: the content classes of
    members, the types of numbers; empty where it is all one.
    """

    codec: str | None
    expansion: float | None
    parts: Mapping[str, int] = {}


UNTOLD: Final = Inside(None, None)


def named(name: str) -> str:
    """The name of a codec or a type that an object gives, as a report can hold it: JSON may escape
    what is no character."""
    return name[:20].encode("ascii", "replace").decode()


def of_codecs(stored: Mapping[str, int], application_bytes: int, stored_bytes: int) -> Inside:
    """What is told by the bytes ``stored`` under each codec, and by what they were before."""
    used = [name for name, size in stored.items() if size]
    codec = NONE if not used else used[0] if len(used) == 1 else SEVERAL
    if not stored_bytes:
        return Inside(codec, None)
    return Inside(codec, application_bytes / stored_bytes)
