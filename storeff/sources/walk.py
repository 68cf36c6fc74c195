"""Walking a local tree: some files at a time, and neither a tree nor a directory is held whole.

Where nothing is special about a directory, its plain files are listed natively, without a step of
the interpreter for each; everything else is looked at name by name.
"""

import heapq
import os
import stat
from collections.abc import Iterator, Sequence
from functools import cached_property

import msgspec
import numpy as np

from storeff import _native
from storeff.sources.entry import U64, Entries, Entry, Folder
from storeff.sources.levels import Level, Levels
from storeff.sources.links import Links
from storeff.sources.mounts import SKIPPED_TYPES
from storeff.sources.skipped import ChangedError, Ignored, Skipped, skipped_for
from storeff.sources.source import Found
from storeff.sources.views import Identity, Layers, Views, united

# What is deeper is not walked: a tree without end, which some file systems can show, has one here.
PATH_BYTES_MAX = 1 << 20

# Files that are listed together: enough to make what is done once for all of them cheap.
FILES_TOGETHER = 512

# After all mount points in their order.
_LAST = 1 << 30

# One above the types of directory entries (readdir(3)).
_UNKNOWN, _DIRECTORY = 1, 5
_NAME_BYTES_MAX = 255

# What holds no bytes.
_SPECIAL = {
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character-device",
}


Met = Entries | Entry | Skipped | Ignored


class Walker:
    """One walk of all roots."""

    def __init__(self, views: Views, links: Links) -> None:
        self.views = views
        self.links = links
        self.apart = _by_directory([*views.roots, *views.mounts.by_point])
        # Mount points, with their roots, are walked last, so that what they show again has been
        # seen by then. Where those of the identities in ``views`` were seen.
        self.mounted: list[tuple[int, int, bytes]] = []
        self.seen: dict[Identity, bytes] = {}
        # Of each file that has several names: how many are still to come, and its entry so far.
        self.several: dict[Identity, tuple[int, Entry]] = {}
        self.with_files: set[int] = set()
        # The plain files that were listed, and the folders that they are in.
        self.plain = _native.DirectoryListing()
        self.folders: list[Folder] = []

    @cached_property
    def special_inodes(self) -> U64:
        """Whatever their device: those that are not meant are looked at, no more."""
        return np.array(sorted({inode for _, inode in self.views.identities}), np.uint64)

    def run(self) -> Iterator[Found]:
        return together(self.each())

    def each(self) -> Iterator[Met]:
        for position, root in enumerate(self.views.paths):
            yield from _Descent(self, root, position).run()
        while self.mounted:
            _, position, point = heapq.heappop(self.mounted)
            yield from _Descent(self, point, position).run()
        yield from self.rest()

    def rest(self) -> Iterator[Met]:
        """What is left to list when all names have come."""
        yield from self.listed()
        yield from (entry for _, entry in self.several.values())
        for under, outside in self.links.outside.items():
            if under not in self.with_files and not self.links.follow:
                yield Skipped("links-only", outside.folder, outside.size_bytes)

    def in_folder(self, files: int, path: bytes, roots: tuple[int, ...]) -> Iterator[Entries]:
        """After plain files of the folder ``path``, which ends in a slash, were listed, if any:
        there were ``files`` before."""
        if len(self.plain) > files:
            self.folders.append((roots, path[len(self.views.prefixes[roots[0]]) :]))
            self.with_files.update(roots)
            yield from self.listed(FILES_TOGETHER)

    def listed(self, least: int = 1) -> Iterator[Entries]:
        """The plain files that were listed, if they are so many."""
        if len(self.plain) >= least:
            yield Entries(*self.plain.take(), self.folders)
            self.folders = []

    def judge(
        self,
        path: bytes,
        name: bytes,
        status: os.stat_result,
        roots: tuple[int, ...],
        *,
        dir_fd: int | None = None,
        layers: Layers | None = None,
    ) -> Sequence[Met] | None:
        """What to list for ``name`` in the directory ``dir_fd``, which is ``path``, below the first
        of ``roots``, in an overlay of ``layers``; None if it is a directory to be entered."""
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFLNK:
            return (self.links.look(path, name, dir_fd, roots, status.st_size),)
        if kind in _SPECIAL:
            return (Ignored(_SPECIAL[kind], path, 0),)
        is_directory = kind == stat.S_IFDIR
        if not is_directory and kind != stat.S_IFREG:
            return (Skipped("device" if kind == stat.S_IFBLK else "other-error", path, None),)
        mounted = self.views.mounts.skipped_devices.get(status.st_dev)
        if mounted is not None:
            return (self.not_walked(mounted, path),)
        if len(path) > PATH_BYTES_MAX:
            size_bytes = None if is_directory else status.st_size
            return (Skipped("too-long-path", path[:PATH_BYTES_MAX], size_bytes),)
        if is_directory:
            return None
        if layers is not None and layers.hold(path, status):
            return (Ignored("overlay-mount", path, status.st_size),)
        return self.file(path, roots, status, status.st_nlink)

    def not_walked(self, mounted: str, path: bytes) -> Skipped | Ignored:
        """What to list for ``path`` on a file system of the type ``mounted``.

        What a root names is missed if nothing is stored there; of what is inside, nothing is.
        """
        reason = SKIPPED_TYPES[mounted]
        if reason != "pseudo-filesystem":
            return Skipped(reason, path, None)
        return Skipped(reason, path, 0) if path in self.views.roots else Ignored(reason, path, 0)

    def file(
        self, path: bytes, roots: tuple[int, ...], status: os.stat_result, names: int
    ) -> Sequence[Met]:
        """What to list for the regular file at ``path``, below the first of ``roots``, of whose
        ``names`` others may come."""
        if status.st_size < 0:
            return (Skipped("io-error", path, None),)
        identity = status.st_dev, status.st_ino
        named_under = self.views.identities.get(identity)
        if named_under is not None:
            if identity in self.seen and path in self.views.mounts.by_point:
                return (Ignored("bind-mount", path, status.st_size),)
            self.seen[identity] = path
            roots = united(roots, named_under)
        self.with_files.update(roots)
        prefixes = self.views.prefixes
        entry = Entry(
            path[len(prefixes[roots[0]]) :],
            roots,
            status.st_size,
            status.st_blocks * 512,
            (*identity, status.st_mtime_ns),
        )
        if names < 2:
            return (entry,)
        left = names
        found: list[Met] = []
        if identity in self.several:
            left, held = self.several.pop(identity)
            entry, again = sorted((held, entry), key=lambda each: (each.roots[0], each.path))
            name = prefixes[again.roots[0]] + again.path
            found.append(Ignored("hard-link", name, again.size_bytes))
            entry = msgspec.structs.replace(entry, roots=united(entry.roots, again.roots))
        if left > 1:
            self.several[identity] = left - 1, entry
        else:
            found.append(entry)
        return found


class _Descent:
    """One way down: from a root, or from a mount point under one."""

    def __init__(self, walker: Walker, start: bytes, root: int) -> None:
        self.walker = walker
        self.views = walker.views
        self.start = start
        self.root = root
        self.levels = Levels(walker.apart)
        self.device = 0
        self.layers: Layers | None = None

    def run(self) -> Iterator[Met]:
        try:
            yield from self.begin()
            levels = self.levels
            while levels.stack:
                level = levels.stack[-1]
                child = next(level.children, None)
                if child is not None:
                    yield from self.look(child)
                elif not level.ended:
                    yield from self.read(level)
                elif level.below:
                    yield from self.enter(*level.below.pop())
                else:
                    levels.leave()
        finally:
            self.levels.close()

    def read(self, level: Level) -> Iterator[Met]:
        """List some more of the deepest directory."""
        walker, prefix = self.walker, self.levels.prefix
        has_plain = self.views.excluded is None and self.layers is None and not level.apart
        looks = has_plain and len(prefix) + _NAME_BYTES_MAX <= PATH_BYTES_MAX
        before, folder = len(walker.plain), len(walker.folders)
        assert level.fd is not None
        try:
            children, level.ended = walker.plain.read(
                level.fd, looks, level.identity[0], folder, walker.special_inodes
            )
        except OSError as error:
            level.ended = True
            yield skipped_for(error, prefix[:-1], None)
            return
        level.children = iter(children)
        yield from walker.in_folder(before, prefix, level.roots)

    def begin(self) -> Sequence[Met]:
        """Look at the start, and go into it if it is a directory."""
        start = self.start
        try:
            status = os.lstat(start)
        except OSError as error:
            return (skipped_for(error, start, None),)
        identity = status.st_dev, status.st_ino
        if start == self.views.paths[self.root] and identity != self.views.roots[start]:
            return (skipped_for(ChangedError(), start, None),)
        self.device = status.st_dev
        self.layers, all_layers = self.views.layers_in_roots(start)
        if all_layers:
            return (Ignored("overlay-mount", start, None),)
        return self.judge(start, start, status)

    def look(self, child: bytes) -> Sequence[Met]:
        """What to list for one child of the deepest directory, or to go into it."""
        level = self.levels.stack[-1]
        kind, name = child[0], child[1:]
        path = self.levels.prefix + name
        try:
            if self.views.excluded is not None or name in level.apart:
                found = self.untouched(path, name, kind)
                if found is not None:
                    return found
            status = os.lstat(name, dir_fd=level.fd)
        except OSError as error:
            return (skipped_for(error, path, None),)
        return self.judge(path, name, status)

    def untouched(self, path: bytes, name: bytes, kind: int) -> Sequence[Met] | None:
        """What is known without a stat: on a dead network mount even that would hang."""
        if path in self.views.roots:
            return (Ignored("nested-root", path, None),)
        if self.views.excluded is not None:
            fd = self.levels.stack[-1].fd
            is_directory = kind == _DIRECTORY
            if kind == _UNKNOWN:
                is_directory = stat.S_ISDIR(os.lstat(name, dir_fd=fd).st_mode)
            inside = os.fsdecode(path[len(self.views.prefixes[self.root]) :])
            if self.views.excluded(os.fsdecode(name), inside, is_directory):
                size_bytes = None if is_directory else os.lstat(name, dir_fd=fd).st_size
                return (Ignored("excluded", path, size_bytes),)
        mounted = self.views.mounts.type_at(path)
        if mounted is None:
            return None
        if self.views.one_file_system:
            return (Ignored("other-file-system", path, None),)
        if mounted in SKIPPED_TYPES:
            return (self.walker.not_walked(mounted, path),)
        heapq.heappush(self.walker.mounted, (self.views.depth(path), self.root, path))
        return ()

    def judge(self, path: bytes, name: bytes, status: os.stat_result) -> Sequence[Met]:
        """What to list for ``name`` of the deepest directory, or to go into it."""
        level = self.levels.stack[-1] if self.levels.stack else None
        roots = level.roots if level else (self.root,)
        found = self.walker.judge(
            path, name, status, roots, dir_fd=level.fd if level else None, layers=self.layers
        )
        if found is not None:
            return found
        if self.views.one_file_system and status.st_dev != self.device:
            return (Ignored("other-file-system", path, None),)
        return self.directory(path, name, (status.st_dev, status.st_ino), roots)

    def directory(
        self, path: bytes, name: bytes, identity: Identity, roots: tuple[int, ...]
    ) -> Sequence[Met]:
        """Go into the directory ``name``, at once or when the deepest one has been listed."""
        if identity in self.levels.identities:
            return (Ignored("loop", path, None),)
        named_under = self.views.identities.get(identity)
        if named_under is not None:
            if identity in self.walker.seen:
                for covered in self.views.uncovered(self.walker.seen[identity], path):
                    heapq.heappush(self.walker.mounted, (_LAST, self.root, covered))
                return (Ignored("bind-mount", path, None),)
            self.walker.seen[identity] = path
            roots = united(roots, named_under)
        if self.levels.is_live:
            return self.enter(name, identity, roots)
        self.levels.stack[-1].below.append((name, identity, roots))
        return ()

    def enter(self, name: bytes, identity: Identity, roots: tuple[int, ...]) -> Sequence[Met]:
        path = self.levels.prefix + name
        try:
            self.levels.enter(name, identity, roots)
        except OSError as error:
            return (skipped_for(error, path, None),)
        return ()


def together(met: Iterator[Met]) -> Iterator[Found]:
    """What was ``met``, files many at a time."""
    held: list[Entry] = []
    for each in met:
        if not isinstance(each, Entry):
            yield each
            continue
        held.append(each)
        if len(held) == FILES_TOGETHER:
            yield Entries.of(held)
            held = []
    if held:
        yield Entries.of(held)


def _by_directory(paths: Sequence[bytes]) -> dict[bytes, frozenset[bytes]]:
    """The names in each directory of ``paths``."""
    names: dict[bytes, set[bytes]] = {}
    for path in paths:
        directory, name = os.path.split(path)
        names.setdefault(directory, set()).add(name)
    return {directory: frozenset(found) for directory, found in names.items()}
