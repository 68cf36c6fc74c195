"""Symbolic links inside a tree: what they lead to is reported, nothing is measured through them."""

import os
import stat
from dataclasses import dataclass

from storeff.sources.mounts import SKIPPED_TYPES
from storeff.sources.skipped import Ignored, Skipped
from storeff.sources.views import Identity, Views


@dataclass
class _Outside:
    """What the links under one root lead to outside of all: a folder that holds it, and bytes,
    None once they are unknown."""

    folder: bytes
    size_bytes: int | None = 0

    def add(self, folder: bytes, size_bytes: int | None) -> None:
        self.folder = os.path.commonpath([self.folder, folder])
        if self.size_bytes is not None:
            self.size_bytes = None if size_bytes is None else self.size_bytes + size_bytes


class Links:
    """The symbolic links of a walk.

    If they are to be followed, ``names`` are the identities of the files and directories under the
    roots that links lead to, with the roots of these links; a link that leads out is skipped.
    """

    def __init__(self, views: Views, *, follow: bool) -> None:
        self.views = views
        self.follow = follow
        self.names: dict[Identity, set[int]] = {}
        self.outside: dict[int, _Outside] = {}
        self.seen: set[Identity] = set()

    def look(
        self,
        path: bytes,
        name: bytes,
        dir_fd: int | None,
        roots: tuple[int, ...],
        size_bytes: int,
    ) -> Ignored | Skipped:
        """What the link ``name``, whose text has ``size_bytes``, leads to."""
        ignored = Ignored("symlink", path, size_bytes)
        try:
            text = os.readlink(name, dir_fd=dir_fd)
            if not self._may_touch(os.path.normpath(os.path.join(path, b"..", text)), roots):
                return ignored
            # This opens no device, and waits for no FIFO.
            fd = os.open(name, os.O_PATH | os.O_CLOEXEC, dir_fd=dir_fd)
        except OSError:
            return ignored
        try:
            target = os.fstat(fd)
            at = os.readlink(b"/proc/self/fd/%d" % fd)
        except OSError:
            return ignored
        finally:
            os.close(fd)
        identity = target.st_dev, target.st_ino
        stored = stat.S_ISREG(target.st_mode) or stat.S_ISDIR(target.st_mode)
        if not stored or not at.startswith(b"/"):
            return ignored
        if self.views.is_under_root(at):
            if self.follow:
                self.names.setdefault(identity, set()).update(roots)
                return Ignored("followed-link", path, size_bytes)
            return ignored
        target_bytes = self._new_bytes(target)
        folder = at if stat.S_ISDIR(target.st_mode) else os.path.dirname(at)
        for root in roots:
            self.outside.setdefault(root, _Outside(folder)).add(folder, target_bytes)
        kind = Skipped if self.follow else Ignored
        return kind("link-outside", path, target_bytes)

    def _may_touch(self, target: bytes, roots: tuple[int, ...]) -> bool:
        """Not what would be mounted by looking at it, nor, if one, another file system."""
        mount = self.views.mounts.mount_of(target)
        if mount is None:
            return True
        of_root = self.views.mounts.mount_of(self.views.paths[roots[0]])
        if self.views.one_file_system and mount != of_root:
            return False
        return mount.kind not in SKIPPED_TYPES

    def _new_bytes(self, target: os.stat_result) -> int | None:
        """The size of what a link leads to outside, but 0 if another led there."""
        if stat.S_ISDIR(target.st_mode):
            return None
        identity = target.st_dev, target.st_ino
        if identity in self.seen:
            return 0
        self.seen.add(identity)
        return target.st_size
