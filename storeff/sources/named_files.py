"""Files that a list names, each treated as a walk would have treated it.

A walk comes to every directory once, by one way. Names may come to one by several: through symbolic
links, which are not followed here either, and through mounts that show the same again. Only of file
systems that are seen more than once the files are held, by their identities.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from functools import lru_cache

from storeff.sources.mounts import SKIPPED_TYPES
from storeff.sources.name_list import NameList
from storeff.sources.skipped import ChangedError, Ignored, Skipped, skipped_for
from storeff.sources.views import Identity, Layers
from storeff.sources.walk import Met, Walker

# Directories of which is remembered what they are: names that follow each other are in few.
FOLDERS_HELD = 1 << 12
_ROOTS = (0,)


class NamedFiles:
    """The files of ``names`` below the one root of ``walker``.

    Memory grows with the files whose other names (hard links) are still to come; and, where one
    file system is mounted several times below the root, with the files on that.
    """

    def __init__(self, walker: Walker, names: NameList) -> None:
        self.walker = walker
        self.views = walker.views
        self.names = names
        [self.root] = self.views.paths
        self.seen_twice = self._devices_seen_twice()
        self.seen: set[Identity] = set()
        self.folder = lru_cache(FOLDERS_HELD)(self._folder_now)

    def each(self) -> Iterator[Met]:
        """What becomes of each name, and of those that belong together at the end."""
        named = os.path.join(self.names.folder, b"")
        for name, is_again in self.names.read():
            if name == self.names.folder:
                yield Ignored("directory", self.root, None)
                continue
            # The root is what it is called without symbolic links.
            yield from self.look(os.path.join(self.root, name[len(named) :]), is_again)
        if self.names.is_changed:
            yield skipped_for(ChangedError(), os.fsencode(self.names.path), None)
        yield from self.walker.rest()

    def look(self, path: bytes, is_again: bool) -> Sequence[Met]:
        """What to list for ``path``."""
        folder, name = os.path.split(path)
        found, layers = self.folder(folder)
        if found is not None:
            # Of the folder it is known without looking at what is in it.
            return (type(found)(found.reason, path, found.size_bytes),)
        mounted = self.views.mounts.type_at(path)
        if mounted in SKIPPED_TYPES:
            return (self.walker.not_walked(mounted, path),)
        try:
            status = os.lstat(path)
        except OSError as error:
            return (skipped_for(error, path, None),)
        is_directory = stat.S_ISDIR(status.st_mode)
        if self.views.excluded is not None:
            inside = os.fsdecode(path[len(self.views.prefixes[0]) :])
            if self.views.excluded(os.fsdecode(name), inside, is_directory):
                return (Ignored("excluded", path, None if is_directory else status.st_size),)
        if mounted is not None and self.views.one_file_system:
            return (Ignored("other-file-system", path, None),)
        if is_again and stat.S_ISREG(status.st_mode):
            return (Ignored("listed-again", path, status.st_size),)
        if stat.S_ISREG(status.st_mode) and status.st_dev in self.seen_twice:
            return self.once(path, status, layers)
        judged = self.walker.judge(path, path, status, _ROOTS, layers=layers)
        return (Ignored("directory", path, None),) if judged is None else judged

    def once(self, path: bytes, status: os.stat_result, layers: Layers | None) -> Sequence[Met]:
        """What to list for a file to which several ways may lead."""
        if layers is not None and layers.hold(path, status):
            return (Ignored("overlay-mount", path, status.st_size),)
        identity = status.st_dev, status.st_ino
        if identity in self.seen:
            reason = "hard-link" if status.st_nlink > 1 else "bind-mount"
            return (Ignored(reason, path, status.st_size),)
        self.seen.add(identity)
        return self.walker.file(path, _ROOTS, status, 1)

    def _folder_now(self, folder: bytes) -> tuple[Skipped | Ignored | None, Layers | None]:
        """Why nothing in ``folder`` is listed, if so; and the layers of the overlay that it is in.
        On a dead network mount a stat would hang: what is left out is told by names alone."""
        mounts, views = self.views.mounts, self.views
        mount = mounts.mount_of(folder)
        kind = None if mount is None else mount.kind
        if kind in SKIPPED_TYPES:
            return self.walker.not_walked(kind, folder), None
        if views.one_file_system and mount != mounts.mount_of(self.root):
            return Ignored("other-file-system", folder, None), None
        if views.excluded is not None:
            parts = folder[len(views.prefixes[0]) :].split(b"/")
            for i in range(len(parts) if parts[0] else 0):
                inside = os.fsdecode(b"/".join(parts[: i + 1]))
                if views.excluded(os.fsdecode(parts[i]), inside, True):
                    return Ignored("excluded", folder, None), None
        if os.path.realpath(folder) != folder:
            return Skipped("through-link", folder, None), None
        layers, all_layers = views.layers_in_roots(folder)
        if all_layers:
            return Ignored("overlay-mount", folder, None), None
        return None, layers

    def _devices_seen_twice(self) -> set[int]:
        """The file systems that are mounted several times at or below the root."""
        once: set[int] = set()
        twice: set[int] = set()
        points = [] if self.views.one_file_system else [*self.views.mounts.by_point]
        for point in (self.root, *points):
            if point != self.root and self.views.root_of(point) is None:
                continue
            try:
                device = os.lstat(point).st_dev
            except OSError:
                # What is named there is reported when it comes.
                continue
            (twice if device in once else once).add(device)
        return twice
