"""The directories that a walk is in, one inside the other, with few descriptors however deep."""

import contextlib
import os
import stat
from collections.abc import Iterator

from storeff.sources.local_file import open_unchanged
from storeff.sources.views import Identity

# So many levels are listed while the walk is in directories below them, at a descriptor each: a
# process that may have 40 has some left for the files that it finds.
# Deeper ones are listed to their end first, and only the names of their directories are held.
LIVE_LEVELS = 12


class Level:
    """A directory being listed, known by ``name`` to the one above.

    ``apart`` are the names in it that are roots or mount points; ``children`` what was listed last
    and is still to be looked at, by type and name; ``below`` directories in it that are still to be
    entered: name, identity and roots. ``fd`` is None while the walk is far below.
    """

    __slots__ = ("apart", "below", "children", "ended", "fd", "identity", "name", "roots")

    def __init__(
        self,
        name: bytes,
        identity: Identity,
        roots: tuple[int, ...],
        apart: frozenset[bytes],
        fd: int,
    ) -> None:
        self.name = name
        self.identity = identity
        self.roots = roots
        self.apart = apart
        self.fd: int | None = fd
        self.children: Iterator[bytes] = iter(())
        self.ended = False
        self.below: list[tuple[bytes, Identity, tuple[int, ...]]] = []

    def close(self) -> None:
        if self.fd is not None:
            os.close(self.fd)
            self.fd = None


class Levels:
    """A stack of directories; ``prefix`` is the path of the deepest and a slash."""

    def __init__(self, apart: dict[bytes, frozenset[bytes]]) -> None:
        self.apart = apart
        self.stack: list[Level] = []
        self.identities: set[Identity] = set()
        self.prefix = b""

    @property
    def is_live(self) -> bool:
        """Whether directories in the deepest one are entered as they are met."""
        return len(self.stack) <= LIVE_LEVELS

    def enter(self, name: bytes, identity: Identity, roots: tuple[int, ...]) -> None:
        """Go into the directory ``name`` of the deepest one; of none, ``name`` is a path.

        Raises OSError; ChangedError if it no longer has ``identity``.
        """
        fd = open_unchanged(name, *identity, stat.S_IFDIR, self._fd_above())
        path = self.prefix + name
        self.stack.append(Level(name, identity, roots, self.apart.get(path, frozenset()), fd))
        self.identities.add(identity)
        self.prefix = os.path.join(path, b"")
        if len(self.stack) > LIVE_LEVELS + 2:
            self.stack[-3].close()

    def _fd_above(self) -> int | None:
        if not self.stack:
            return None
        above = self.stack[-1]
        if above.fd is None:
            above.fd = open_unchanged(self.prefix[:-1], *above.identity, stat.S_IFDIR)
        return above.fd

    def leave(self) -> None:
        """Leave the deepest directory."""
        level = self.stack.pop()
        self.identities.discard(level.identity)
        if self.stack:
            self.prefix = self.prefix[: -len(level.name) - 1]
            above = self.stack[-1]
            if above.fd is None and level.fd is not None:
                # Should this one have been moved, that above is opened by its path if need be.
                with contextlib.suppress(OSError):
                    above.fd = open_unchanged(b"..", *above.identity, stat.S_IFDIR, level.fd)
        level.close()

    def close(self) -> None:
        """Leave all directories."""
        while self.stack:
            self.stack.pop().close()
