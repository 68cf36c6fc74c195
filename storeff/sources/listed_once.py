"""One listing for all that is done with a source."""

from collections.abc import Callable, Iterable, Iterator

from storeff.sources.entry import Entries
from storeff.sources.source import Found, Source
from storeff.sources.spool import Spool

# What is held of a listing in memory: about three million files, which are rows of 56 bytes and a
# base name.
HELD_BYTES = 256 << 20
# What is left out: an object and its path.
LEFT_OUT_BYTES = 200


class ListedOnce:
    """``source``, whose first whole listing is held and given again: in memory, or in a temporary
    file if it is too large. Where there is no room for that, the source is listed again.

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
        self.held: Iterable[Found] | None = None

    def __reduce__(self) -> tuple[type["ListedOnce"], tuple[Source]]:
        """Sent to another process it is ``source``, without what it has listed."""
        return type(self), (self.source,)

    def list(self) -> Iterator[Found]:
        if self.held is not None:
            yield from self.held
            return
        holding = _Holding()
        is_first, self.is_begun = not self.is_begun, True
        for found in self.source.list():
            if is_first:
                self.watch(found)
            if isinstance(found, Entries):
                found = self.only(found)
                if not len(found):
                    continue
            holding.put(found)
            yield found
        # Only now: a listing that was given up is not whole.
        self.held = holding.held


class _Holding:
    """What is ``held`` of a listing so far: None if it was too much."""

    def __init__(self) -> None:
        self.rows: list[Found] = []
        self.rows_bytes = 0
        self.spool: Spool | None = None
        self.is_lost = False

    def put(self, found: Found) -> None:
        if self.is_lost:
            return
        if self.spool is None:
            self.rows.append(found)
            self.rows_bytes += (
                found.held_bytes if isinstance(found, Entries) else LEFT_OUT_BYTES + len(found.path)
            )
            if self.rows_bytes <= HELD_BYTES:
                return
            waiting, self.rows = self.rows, []
        else:
            waiting = [found]
        try:
            self.spool = self.spool or Spool()
            for each in waiting:
                self.spool.put(each)
        except OSError:
            # To list again takes longer, and is as good.
            self.is_lost, self.spool = True, None

    @property
    def held(self) -> Iterable[Found] | None:
        if self.is_lost:
            return None
        return self.rows if self.spool is None else self.spool
