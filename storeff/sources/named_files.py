"""Files that a list names, each treated as a walk would have treated it.

A walk comes to every directory once, by one way. Names may come to one by several: through symbolic
links, which are not followed here either, and through mounts that show the same again. Only of file
systems that are seen more than once the files are held, by their identities.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import groupby, islice
from typing import NamedTuple

from storeff.sources.mounts import SKIPPED_TYPES
from storeff.sources.name_list import NameList
from storeff.sources.skipped import ChangedError, Ignored, Skipped, skipped_for
from storeff.sources.views import Identity, Layers
from storeff.sources.walk import FILES_TOGETHER, Met, Walker

# Directories of which is remembered what they are: names that follow each other are in few.
FOLDERS_HELD = 1 << 12
_ROOTS = (0,)


class _Folder(NamedTuple):
    """Why nothing in it is listed, if so; the layers of the overlay that it is in; and the device
    whose plain files in it are looked at together, if nothing is special about it."""

    left_out: Skipped | Ignored | None
    layers: Layers | None = None
    device: int | None = None


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
        for folder, named in groupby(self.paths(), key=lambda each: os.path.dirname(each[0])):
            while some := list(islice(named, FILES_TOGETHER)):
                yield from self.look_in(folder, some)
        if self.names.is_changed:
            yield skipped_for(ChangedError(), os.fsencode(self.names.path), None)
        yield from self.walker.rest()

    def paths(self) -> Iterator[tuple[bytes, bool]]:
        """Each name below the root, which is what it is called without symbolic links, and whether
        it has come before."""
        named, prefix = (os.path.join(each, b"") for each in (self.names.folder, self.root))
        for name, is_again in self.names.read():
            is_root = name == self.names.folder
            yield self.root if is_root else prefix + name[len(named) :], is_again

    def look_in(self, folder: bytes, some: Sequence[tuple[bytes, bool]]) -> Iterator[Met]:
        """What to list for ``some`` paths in ``folder``: plain files are looked at natively, unless
        it is one, for which that takes more."""
        device = self.folder(folder).device
        if device is None or len(some) == 1:
            for path, is_again in some:
                yield from self.look(path, is_again)
            return
        prefix = os.path.join(folder, b"")
        names = b"".join(path[len(prefix) :] + b"\0" for path, is_again in some if not is_again)
        plain, number = self.walker.plain, len(self.walker.folders)
        before = len(plain)
        others = plain.look(prefix, names, device, number, self.walker.special_inodes)
        yield from self.walker.in_folder(before, prefix, _ROOTS)
        for other in others:
            yield from self.look(prefix + other[1:], False)
        for path, is_again in some:
            if is_again:
                yield from self.look(path, is_again)

    def look(self, path: bytes, is_again: bool) -> Sequence[Met]:
        """What to list for ``path``."""
        if path == self.root:
            return (Ignored("directory", path, None),)
        folder, name = os.path.split(path)
        left_out, layers, _ = self.folder(folder)
        if left_out is not None:
            # Of the folder it is known without looking at what is in it.
            return (type(left_out)(left_out.reason, path, left_out.size_bytes),)
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

    def _folder_now(self, folder: bytes) -> _Folder:
        """What is known of ``folder``. On a dead network mount a stat would hang: what is left out
        is told by names alone."""
        mounts, views = self.views.mounts, self.views
        mount = mounts.mount_of(folder)
        kind = None if mount is None else mount.kind
        if kind in SKIPPED_TYPES:
            return _Folder(self.walker.not_walked(kind, folder))
        if views.one_file_system and mount != mounts.mount_of(self.root):
            return _Folder(Ignored("other-file-system", folder, None))
        if views.excluded is not None:
            parts = folder[len(views.prefixes[0]) :].split(b"/")
            for i in range(len(parts) if parts[0] else 0):
                inside = os.fsdecode(b"/".join(parts[: i + 1]))
                if views.excluded(os.fsdecode(parts[i]), inside, True):
                    return _Folder(Ignored("excluded", folder, None))
        if os.path.realpath(folder) != folder:
            return _Folder(Skipped("through-link", folder, None))
        layers, all_layers = views.layers_in_roots(folder)
        if all_layers:
            return _Folder(Ignored("overlay-mount", folder, None))
        is_plain = views.excluded is None and layers is None and folder not in self.walker.apart
        return _Folder(None, layers, self._device_of(folder) if is_plain else None)

    def _device_of(self, folder: bytes) -> int | None:
        """That of the files in ``folder``, unless more must be known of each of them."""
        try:
            device = os.lstat(folder).st_dev
        except OSError:
            # What is named in it is reported when it is looked at.
            return None
        is_special = device in self.seen_twice or device in self.views.mounts.skipped_devices
        return None if is_special else device

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
