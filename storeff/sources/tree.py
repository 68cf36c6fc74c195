"""The regular files under some roots, one at a time: a tree or a directory is never held whole."""

import fnmatch
import os
import re
import stat
from collections.abc import Callable, Iterator, Sequence

import msgspec

from storeff.errors import StoreffError
from storeff.sources.mounts import REFUSED_TYPES, Mounts, read_mounts
from storeff.sources.names import printable
from storeff.sources.piece import Piece, open_unchanged, piece_of
from storeff.sources.refusals import REMEDIES, Aside, Refusal, refusal_for

Found = Piece | Refusal | Aside

_SPECIAL = {
    stat.S_IFIFO: ("fifo", 0),
    stat.S_IFSOCK: ("socket", 0),
    stat.S_IFCHR: ("device", 0),
    stat.S_IFBLK: ("device", None),
}


def walk(
    roots: Sequence[str | bytes | os.PathLike[str]],
    *,
    one_file_system: bool,
    exclude: Sequence[str],
) -> Iterator[Found]:
    """Every regular file under ``roots`` once, and everything there that is not measured.

    A root is a file or a directory, and is followed if it is a symbolic link (an aside says so);
    inside, none is. A root inside another is measured as a root of its own. A file with several
    names is a Piece under the first one met, an aside under the others. The order is the file
    system's. Memory grows with depth and with the files whose other names are still to come.

    ``one_file_system`` stays on each root's file system and does not touch a mount point.
    ``exclude`` holds globs as in gitignore: one with a slash inside is matched against the path
    from its root, else against the base name; one that ends in a slash only matches directories;
    ``*`` matches slashes too. A root itself is never excluded.

    Raises StoreffError at once if a root cannot be found.
    """
    asides: list[Aside] = []
    resolved: dict[bytes, None] = {}
    for root in roots:
        named = os.path.abspath(os.fsencode(root))
        try:
            path = os.path.realpath(os.fsencode(root), strict=True)
        except OSError as error:
            reason = refusal_for(error, named, None).reason
            remedy = "check the spelling" if reason == "vanished" else REMEDIES[reason]
            raise StoreffError(
                f"{printable(named)} cannot be scanned: {error.strerror}", remedy
            ) from error
        if path in resolved:
            asides.append(Aside("duplicate-root", named, None))
        elif path != named:
            asides.append(Aside("followed-root", named, None))
        resolved[path] = None
    excluded = exclusion(exclude) if exclude else None
    return _Walker(resolved, one_file_system, excluded, read_mounts()).run(asides)


def exclusion(patterns: Sequence[str]) -> Callable[[str, str, bool], bool]:
    """Whether (base name, path from the root, is a directory) is excluded by ``patterns``."""

    def union(globs: list[str]) -> re.Pattern[str] | None:
        return re.compile("|".join(map(fnmatch.translate, globs))) if globs else None

    def matchers(globs: list[str]) -> tuple[re.Pattern[str] | None, re.Pattern[str] | None]:
        # Paths are matched with a leading slash, so that **/x also means x in the root.
        paths = [g if g.startswith(("/", "**/")) else f"/{g}" for g in globs if "/" in g]
        return union([g for g in globs if "/" not in g]), union(paths)

    of_files = matchers([p for p in patterns if not p.endswith("/")])
    of_directories = matchers([p.rstrip("/") for p in patterns])

    def excluded(name: str, path: str, is_directory: bool) -> bool:
        names, paths = of_directories if is_directory else of_files
        return bool((names and names.match(name)) or (paths and paths.match(f"/{path}")))

    return excluded


class _Level(msgspec.Struct):
    """A directory being listed: ``fd`` must stay open as long as its entries are in use.

    ``prefix`` stands before a name in its path, ``inside`` in its path from the root. ``apart``
    holds the names that are roots or mount points.
    """

    path: bytes
    prefix: bytes
    inside: str
    apart: set[str]
    fd: int
    identity: tuple[int, int]
    entries: "os._ScandirIterator[str]"

    def close(self) -> None:
        self.entries.close()
        os.close(self.fd)


class _Walker:
    def __init__(
        self,
        roots: dict[bytes, None],
        one_file_system: bool,
        excluded: Callable[[str, str, bool], bool] | None,
        mounts: Mounts,
    ) -> None:
        self.roots = roots
        self.one_file_system = one_file_system
        self.excluded = excluded
        self.mounts = mounts
        self.refused_devices = {
            device for device, kind in mounts.type_by_device.items() if kind in REFUSED_TYPES
        }
        # The names in each directory that are roots or mount points.
        self.apart: dict[bytes, set[str]] = {}
        for path in (*roots, *mounts.type_by_point):
            directory, name = os.path.split(path)
            self.apart.setdefault(directory, set()).add(os.fsdecode(name))
        self.root = b""
        # Names still to come of each (device, inode) that has several.
        self.names_left: dict[tuple[int, int], int] = {}

    def run(self, asides: list[Aside]) -> Iterator[Found]:
        yield from asides
        for root in self.roots:
            yield from self.run_root(root)

    def run_root(self, root: bytes) -> Iterator[Found]:
        levels: list[_Level] = []
        self.root = root
        try:
            status = os.lstat(root)
            found = self.judge(root, status, status.st_dev)
            if found is None:
                levels.append(self.enter(root, root, status, None))
        except OSError as error:
            found = refusal_for(error, root, None)
        if found is not None:
            yield found
        try:
            while levels:
                found = self.step(levels)
                if found is not None:
                    yield found
        finally:
            for level in levels:
                level.close()

    def step(self, levels: list[_Level]) -> Found | None:
        """Take one entry of the deepest level, entering or leaving a directory if it is one."""
        level = levels[-1]
        try:
            entry = next(level.entries, None)
        except OSError as error:
            levels.pop().close()
            return refusal_for(error, level.path, None)
        if entry is None:
            levels.pop().close()
            return None
        name = entry.name
        path = level.prefix + os.fsencode(name)
        try:
            if self.excluded is not None or name in level.apart:
                found = self.untouched(path, level.inside + name, entry)
                if found is not None:
                    return found
            status = entry.stat(follow_symlinks=False)
            found = self.judge(path, status, levels[0].identity[0])
            if found is not None:
                return found
            if any(above.identity == (status.st_dev, status.st_ino) for above in levels):
                return Aside("loop", path, None)
            levels.append(self.enter(path, name, status, level))
        except OSError as error:
            return refusal_for(error, path, None)
        return None

    def untouched(self, path: bytes, inside: str, entry: "os.DirEntry[str]") -> Found | None:
        """What can be told without a stat: on a dead network mount even that would hang."""
        if path in self.roots:
            return Aside("nested-root", path, None)
        if self.excluded is not None:
            is_directory = entry.is_dir(follow_symlinks=False)
            if self.excluded(entry.name, inside, is_directory):
                size_bytes = None if is_directory else entry.stat(follow_symlinks=False).st_size
                return Aside("excluded", path, size_bytes)
        mounted = self.mounts.type_by_point.get(path)
        if mounted is not None and self.one_file_system:
            return Aside("other-file-system", path, None)
        return _refused_mount(mounted, path)

    def judge(self, path: bytes, status: os.stat_result, root_device: int) -> Found | None:
        """What ``path`` is; None for a directory to enter."""
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFREG and status.st_dev not in self.refused_devices:
            if status.st_nlink > 1 and self.seen_before(status):
                return Aside("hard-link", path, status.st_size)
            return piece_of(path, self.root, status)
        if kind == stat.S_IFLNK:
            return Aside("symlink", path, status.st_size)
        if kind in _SPECIAL:
            reason, size_bytes = _SPECIAL[kind]
            return Refusal(reason, path, size_bytes)
        refusal = _refused_mount(self.mounts.type_by_device.get(status.st_dev), path)
        if refusal is not None:
            return refusal
        if kind == stat.S_IFDIR:
            # Of a file this would say nothing: overlayfs gives the devices of its layers.
            if self.one_file_system and status.st_dev != root_device:
                return Aside("other-file-system", path, None)
            return None
        return Refusal("other-error", path, None)

    def seen_before(self, status: os.stat_result) -> bool:
        identity = (status.st_dev, status.st_ino)
        left = self.names_left.pop(identity, 0)
        if left != 1:
            self.names_left[identity] = (left or status.st_nlink) - 1
        return left > 0

    def enter(
        self, path: bytes, name: bytes | str, status: os.stat_result, above: _Level | None
    ) -> _Level:
        identity = (status.st_dev, status.st_ino)
        fd = open_unchanged(name, *identity, stat.S_IFDIR, above.fd if above else None)
        try:
            return _Level(
                path,
                os.path.join(path, b""),
                f"{above.inside}{os.fsdecode(name)}/" if above else "",
                self.apart.get(path, set()),
                fd,
                identity,
                os.scandir(fd),
            )
        except OSError:
            os.close(fd)
            raise


def _refused_mount(mounted: str | None, path: bytes) -> Refusal | None:
    reason = REFUSED_TYPES.get(mounted or "")
    if reason is None:
        return None
    return Refusal(reason, path, 0 if reason == "pseudo-filesystem" else None)
