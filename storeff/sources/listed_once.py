"""One listing for all that is done with a source."""

from collections import deque
from collections.abc import Iterator

from storeff.sources.source import Found, Source

# What is held of a listing: so much, at about 300 bytes an entry, and so many bytes of paths, as
# some are thousands of directories deep.
FOUND_HELD = 1 << 18
PATH_BYTES_HELD = 256 << 20


class ListedOnce:
    """``source``, whose first whole listing is held and given again, if it is not too large.

    What is changed between the listing and the reading is noticed by the version of each entry, as
    with a listing that is given once. Lists to one thread at a time.
    """

    def __init__(self, source: Source) -> None:
        self.source = source
        self.roots = source.roots
        self.open = source.open
        self.read_ranges = source.read_ranges
        self.read_beside = source.read_beside
        self.name = source.name
        self.held: deque[Found] | None = None

    def list(self) -> Iterator[Found]:
        if self.held is not None:
            yield from self.held
            return
        held: deque[Found] | None = deque()
        path_bytes = 0
        for found in self.source.list():
            if held is not None:
                held.append(found)
                path_bytes += len(found.path)
                if len(held) > FOUND_HELD or path_bytes > PATH_BYTES_HELD:
                    held = None
            yield found
        # Only now: a listing that was given up is not whole.
        self.held = held
