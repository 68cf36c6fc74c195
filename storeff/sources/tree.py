"""Local trees as a source: directories and files of this machine."""

import errno
import fnmatch
import os
import re
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import numpy as np

from storeff import _native
from storeff.errors import StoreffError
from storeff.sources.entry import Entry
from storeff.sources.links import Links
from storeff.sources.local_file import FileReader, open_unchanged, read_below
from storeff.sources.mounts import Mounts, read_mounts
from storeff.sources.names import printable
from storeff.sources.skipped import REMEDIES, ChangedError, Ignored, skipped_for
from storeff.sources.source import HOLE_BYTES, Found, Ranges, RangesRead
from storeff.sources.views import Excluded, Identity, Views
from storeff.sources.walk import Walker, together

if TYPE_CHECKING:
    from storeff.sources.name_list import NameList

_NO_ROOT = {
    stat.S_IFIFO: ("a FIFO, which stores no bytes", "name a file or a directory"),
    stat.S_IFSOCK: ("a socket, which stores no bytes", "name a file or a directory"),
    stat.S_IFCHR: ("a character device, which stores no bytes", "name a file or a directory"),
    stat.S_IFBLK: ("a block device", "mount its file system and scan that, or copy it to a file"),
}


class LocalTree:
    """The regular files under some roots, as a Source: directories and files of this machine.

    A root is a file or a directory, and is followed if it is a symbolic link: an Ignored reports
    it. Inside, none is followed: an Ignored reports whether it leads out of all roots. A root
    inside another is measured as a root of its own. ``roots`` are paths without symbolic links.

    ``one_file_system`` stays on each root's file system and does not touch a mount point.
    ``exclude`` holds globs as in gitignore: one with a slash inside is matched against the path
    from its root, else against the base name; one that ends in a slash only matches directories;
    ``*`` matches slashes too. A root itself is never excluded. With ``follow_links`` a link counts
    as a name of what it leads to under the roots, which then belongs to the root of the link too;
    one that leads elsewhere is skipped.

    With ``names`` only the files of that list are there; all of them are under the one root.

    Raises StoreffError if a root cannot be found, or is neither file nor directory.
    """

    def __init__(
        self,
        roots: Sequence[str | bytes | os.PathLike[str]],
        *,
        one_file_system: bool = False,
        exclude: Sequence[str] = (),
        follow_links: bool = False,
        names: "NameList | None" = None,
    ) -> None:
        self._names = names
        self._one_file_system = one_file_system
        self._excluded = exclusion(exclude) if exclude else None
        self._follow_links = follow_links
        self._identities: dict[bytes, Identity] = {}
        self._ignored: list[Ignored] = []
        self._prefixes: list[bytes] = []
        for root in roots:
            named, path, status = _resolved(os.fsencode(root))
            if path in self._identities:
                self._ignored.append(Ignored("duplicate-root", named, None))
                continue
            if path != named:
                self._ignored.append(Ignored("followed-root", named, None))
            self._identities[path] = status.st_dev, status.st_ino
            folder = path if stat.S_ISDIR(status.st_mode) else os.path.dirname(path)
            self._prefixes.append(os.path.join(folder, b""))
        self.roots = tuple(self._identities)

    def name(self, entry: Entry) -> bytes:
        return self._prefixes[entry.roots[0]] + entry.path

    def list(self) -> Iterator[Found]:
        """Every regular file once, and everything there that is not measured.

        The order is the file system's, mount points coming last.

        A file with several names is listed when all have been seen, or at the end, by one name: the
        smallest of the first root that has any. The others are Ignored. It belongs to every
        root that names it. What is mounted at several places is measured at one of them, and
        belongs to the roots of all: mounts that show again what is under the roots are ignored, and
        so are overlays all of whose layers are. Under a root that holds nothing but links out of
        all roots, what they lead to is skipped.

        Memory grows with the length of the path, with the names of directories more than some
        levels down, and with the files whose other names are still to come.
        """
        yield from self._ignored
        mounts = read_mounts()
        if self._names is not None:
            from storeff.sources.named_files import NamedFiles

            named = NamedFiles(self._walker(mounts, False), self._names)
            yield from together(named.each())
            return
        walking = self._walker(mounts, self._follow_links)
        if self._follow_links and len(self.roots) > 1:
            # What the links name has to be known before the first file is listed.
            looking = self._walker(mounts, True)
            for _ in looking.each():
                pass
            for identity, named_under in looking.links.names.items():
                walking.views.add(identity, named_under)
        yield from walking.run()

    def _walker(self, mounts: Mounts, follow: bool) -> Walker:
        views = Views(
            self._identities, self._prefixes, mounts, self._excluded, self._one_file_system
        )
        return Walker(views, Links(views, follow=follow))

    def open(self, entry: Entry) -> FileReader:
        """Raises ChangedError if the path now leads to anything but the same regular file."""
        device, inode, mtime_ns = _version(entry)
        fd = open_unchanged(self.name(entry), device, inode, stat.S_IFREG)
        return FileReader(fd, entry.size_bytes, mtime_ns)

    def read_ranges(self, ranges: Ranges, buffer: memoryview) -> RangesRead:
        """In one native call, which takes no interpreter from other threads."""
        listed = ranges.entries
        folders = [self._prefixes[roots[0]] + path for roots, path in listed.folders]
        rows = _native.read_files(
            listed.rows, ranges.bounds, listed.names, folders, HOLE_BYTES, buffer
        )
        outcomes = rows["outcome"]
        failed = np.flatnonzero((outcomes != _native.READ) & (outcomes != _native.SPARSE))
        errors = {row: _error(*rows[row].tolist()[-2:]) for row in failed.tolist()}
        sparse = np.flatnonzero(outcomes == _native.SPARSE)
        return RangesRead(rows, errors, frozenset(sparse.tolist()))

    def read_beside(self, entry: Entry, relative: bytes, bytes_max: int) -> bytes | None:
        path = os.path.normpath(os.path.join(os.path.dirname(entry.path), relative))
        return read_below(self._prefixes[entry.roots[0]], path, bytes_max)


def _version(entry: Entry) -> tuple[int, int, int]:
    """Device, inode and modification time in ns of a local file."""
    return cast(tuple[int, int, int], entry.version)


def _error(outcome: int, error_number: int) -> OSError:
    if outcome == _native.UNREADABLE:
        return OSError(error_number, os.strerror(error_number))
    return ChangedError(errno.ESTALE, "changed since it was listed")


def _resolved(root: bytes) -> tuple[bytes, bytes, os.stat_result]:
    """``root`` as it was named, without symbolic links, and what is there."""
    if not root:
        raise StoreffError("the name of a source is empty", "name a file or a directory")
    named = root
    try:
        named = os.path.abspath(root)
        kind = stat.S_IFMT(os.stat(root).st_mode)
        if kind in _NO_ROOT:
            what, remedy = _NO_ROOT[kind]
            raise StoreffError(f"{_shown(named)} cannot be scanned: it is {what}", remedy)
        path = os.path.realpath(root, strict=True)
        status = os.lstat(path)
    except OSError as error:
        reason = skipped_for(error, named, None).reason
        remedy = "check the spelling" if reason == "vanished" else REMEDIES[reason]
        raise StoreffError(
            f"{_shown(named)} cannot be scanned: {error.strerror}", remedy
        ) from error
    return named, path, status


def _shown(path: bytes) -> str:
    """``path`` for a line of text, without the middle if it is long."""
    shown = printable(path)
    return shown if len(shown) <= 200 else f"{shown[:100]} ... {shown[-80:]}"


def exclusion(patterns: Sequence[str]) -> Excluded:
    """Whether (base name, path from the root, is a directory) is excluded by ``patterns``."""
    return _Exclusion(
        _matchers([p for p in patterns if not p.endswith("/")]),
        _matchers([p.rstrip("/") for p in patterns]),
    )


# Of base names, and of paths from the root; None if there are no such patterns.
_Matchers = tuple[re.Pattern[str] | None, re.Pattern[str] | None]


@dataclass(frozen=True)
class _Exclusion:
    """What is left out of files and of directories. It can be sent to another process."""

    of_files: _Matchers
    of_directories: _Matchers

    def __call__(self, name: str, path: str, is_directory: bool) -> bool:
        names, paths = self.of_directories if is_directory else self.of_files
        return bool((names and names.match(name)) or (paths and paths.match(f"/{path}")))


def _matchers(globs: Sequence[str]) -> _Matchers:
    # Paths are matched with a leading slash, so that **/x also means x in the root.
    paths = [g if g.startswith(("/", "**/")) else f"/{g}" for g in globs if "/" in g]
    return _union([g for g in globs if "/" not in g]), _union(paths)


def _union(globs: Sequence[str]) -> re.Pattern[str] | None:
    return re.compile("|".join(map(fnmatch.translate, globs))) if globs else None
