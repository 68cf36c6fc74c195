"""What is seen at several paths: mounts that show the same files again, and roots that are one."""

import os
import stat
from collections.abc import Callable, Iterable, Sequence

from storeff.sources.mounts import SKIPPED_TYPES, Mount, Mounts, overlay_layers

# (st_dev, st_ino)
Identity = tuple[int, int]
# Whether (base name, path from the root, is a directory) is excluded.
Excluded = Callable[[str, str, bool], bool]


class Views:
    """The roots of a walk, the mounts in them, and which of these show the same as others.

    A bind mount, or a second mount of one file system, has the device and inode numbers of what it
    shows: ``identities`` are those to look for, each with the roots it belongs to. An overlay has
    numbers of its own, so its layers are looked up by name. ``prefixes`` are what stands before the
    relative path of what is in each root, or is it.
    """

    def __init__(
        self,
        roots: dict[bytes, Identity],
        prefixes: Sequence[bytes],
        mounts: Mounts,
        excluded: Excluded | None,
        one_file_system: bool,
    ) -> None:
        self.roots = roots
        self.mounts = mounts
        self.excluded = excluded
        self.one_file_system = one_file_system
        self.paths = list(roots)
        self.prefixes = prefixes
        self.identities: dict[Identity, set[int]] = {}
        for position, identity in enumerate(roots.values()):
            self.add(identity, [position])
        if not one_file_system:
            for mount in mounts.by_point.values():
                self._add_mount(mount)

    def add(self, identity: Identity, roots: Iterable[int]) -> None:
        """Let what has ``identity`` belong to ``roots`` too."""
        self.identities.setdefault(identity, set()).update(roots)

    def _add_mount(self, mount: Mount) -> None:
        root = None if mount.point in self.roots else self.root_of(mount.point)
        if root is not None:
            try:
                status = os.lstat(mount.point)
            except OSError:
                # The walk reports why it cannot be entered when it comes to it.
                return
            self.add((status.st_dev, status.st_ino), [self.paths.index(root)])

    def root_of(self, path: bytes) -> bytes | None:
        """The root under which a walk comes to ``path``; None if it comes there under none."""
        names: list[bytes] = []
        above = path
        while above not in self.roots:
            if above == b"/" or self.mounts.type_at(above) in SKIPPED_TYPES:
                return None
            above, name = os.path.split(above)
            names.insert(0, name)
        if self.excluded is not None:
            for i, name in enumerate(names):
                inside = os.fsdecode(b"/".join(names[: i + 1]))
                if self.excluded(os.fsdecode(name), inside, True):
                    return None
        return above

    def is_under_root(self, path: bytes) -> bool:
        """Whether ``path`` is a root, or in one."""
        return any(path == r or path.startswith(os.path.join(r, b"")) for r in self.roots)

    def depth(self, point: bytes) -> int:
        """How deep in its file system what is mounted on ``point`` is: where that is less, more of
        it is shown."""
        return self.mounts.by_point[point].root.rstrip(b"/").count(b"/")

    def uncovered(self, first: bytes, again: bytes) -> list[bytes]:
        """The directories below ``again`` that are seen there alone: ``first`` is the same, but
        other file systems are mounted on them there."""
        mounts = self.mounts
        prefix = os.path.join(first, b"")
        found = []
        for point in mounts.by_point:
            if point.startswith(prefix):
                seen = os.path.join(again, point[len(prefix) :])
                covered = mounts.mount_of(os.path.dirname(point)) == mounts.mount_of(first)
                bare = mounts.mount_of(seen) == mounts.mount_of(again)
                if covered and bare and self.root_of(seen) is not None:
                    found.append(seen)
        return found

    def layers_in_roots(self, path: bytes) -> tuple["Layers | None", bool]:
        """The layers under the roots of the overlay through which ``path`` is seen, None if there
        are none; and whether they are all that it has."""
        mount = self.mounts.mount_of(path)
        if mount is None or mount.kind != "overlay":
            return None, False
        directories = overlay_layers(mount)
        named = [os.path.realpath(d) for d in directories if os.path.isabs(d)]
        inside = [d for d in named if self._is_walked(d, mount)]
        whole = len(inside) == len(directories)
        return (Layers(mount.point, inside), whole) if inside else (None, False)

    def _is_walked(self, layer: bytes, mount: Mount) -> bool:
        """Whether a walk comes to the directory ``layer``, and not through ``mount`` itself."""
        shown = os.path.join(mount.point, b"")
        if os.path.join(layer, b"").startswith(shown) or self.root_of(layer) is None:
            return False
        return os.path.isdir(layer)


class Layers:
    """Directories that the overlay on ``point`` shows as one."""

    def __init__(self, point: bytes, directories: list[bytes]) -> None:
        self.prefix = os.path.join(point, b"")
        self.directories = directories

    def hold(self, path: bytes, status: os.stat_result) -> bool:
        """Whether the file at ``path`` of the overlay is that of one of the directories."""
        inside = path[len(self.prefix) :]
        for directory in self.directories:
            try:
                there = os.lstat(os.path.join(directory, inside))
            except OSError:
                continue
            same = (there.st_size, there.st_mtime_ns) == (status.st_size, status.st_mtime_ns)
            if stat.S_ISREG(there.st_mode) and same:
                return True
        return False


def united(roots: tuple[int, ...], others: Iterable[int]) -> tuple[int, ...]:
    """``roots`` and ``others``: the first of ``roots``, then the rest, ascending."""
    return roots[0], *sorted({*roots, *others} - {roots[0]})
