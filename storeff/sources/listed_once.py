"""One listing for all that is done with a source."""

from collections.abc import Callable, Iterator

from storeff.sources.entry import Entries
from storeff.sources.source import Found, Source

# What is held of a listing: about three million files, which are rows of 56 bytes and a base name.
HELD_BYTES = 256 << 20
# What is left out: an object and its path.
LEFT_OUT_BYTES = 200


class ListedOnce:
    """``source``, whose first whole listing is held and given again, if it is not too large.

    What is changed between the listing and the reading is noticed by the version of each entry, as
    with a listing that is given once. Lists to one thread at a time. ``watch`` is shown all that
    comes of the first listing; listed is what ``only`` gives of it.
    """

    def __init__(
        self,
        source: Source,
        watch: Callable[[Found], None] = lambda found: None,
        only: Callable[[Entries], Entries] = lambda entries: entries,
    ) -> None:
        self.source = source
        self.watch = watch
        self.only = only
        self.is_begun = False
        self.roots = source.roots
        self.open = source.open
        self.read_ranges = source.read_ranges
        self.read_beside = source.read_beside
        self.name = source.name
        self.held: list[Found] | None = None

    def __reduce__(self) -> tuple[type["ListedOnce"], tuple[Source]]:
        """Sent to another process it is ``source``, without what it has listed."""
        return type(self), (self.source,)

    def list(self) -> Iterator[Found]:
        if self.held is not None:
            yield from self.held
            return
        held: list[Found] | None = []
        held_bytes = 0
        is_first, self.is_begun = not self.is_begun, True
        for found in self.source.list():
            if is_first:
                self.watch(found)
            if isinstance(found, Entries):
                found = self.only(found)
                if not len(found):
                    continue
            if held is not None:
                held.append(found)
                held_bytes += (
                    found.held_bytes
                    if isinstance(found, Entries)
                    else LEFT_OUT_BYTES + len(found.path)
                )
                if held_bytes > HELD_BYTES:
                    held = None
            yield found
        # Only now: a listing that was given up is not whole.
        self.held = held
