"""The regular files under some roots, one at a time: a tree or a directory is never held whole."""

import fnmatch
import heapq
import os
import re
import stat
from collections.abc import Iterator, Sequence

import msgspec

from storeff.errors import StoreffError
from storeff.sources.entry import Entry, entry_of
from storeff.sources.levels import Levels
from storeff.sources.links import Links
from storeff.sources.mounts import REFUSED_TYPES, read_mounts
from storeff.sources.names import printable
from storeff.sources.skipped import REMEDIES, ChangedError, Ignored, Skipped, skipped_for
from storeff.sources.views import Excluded, Identity, Layers, Views, united

Found = Entry | Skipped | Ignored

# What is deeper is not walked: a tree without end, which some file systems can show, has one here.
PATH_BYTES_MAX = 1 << 20

# After all mount points in their order.
_LAST = (1 << 30, 0)

# What holds no bytes.
_SPECIAL = {
    stat.S_IFIFO: "fifo",
    stat.S_IFSOCK: "socket",
    stat.S_IFCHR: "character-device",
}
_NO_ROOT = {
    stat.S_IFIFO: ("a FIFO, which stores no bytes", "name a file or a directory"),
    stat.S_IFSOCK: ("a socket, which stores no bytes", "name a file or a directory"),
    stat.S_IFCHR: ("a character device, which stores no bytes", "name a file or a directory"),
    stat.S_IFBLK: ("a block device", "mount its file system and scan that, or copy it to a file"),
}


def walk(
    roots: Sequence[str | bytes | os.PathLike[str]],
    *,
    one_file_system: bool,
    exclude: Sequence[str],
    follow_links: bool = False,
) -> Iterator[Found]:
    """Every regular file under ``roots`` once, and everything there that is not measured.

    A root is a file or a directory, and is followed if it is a symbolic link (an Ignored says so);
    inside, none is: an Ignored says whether it leads out of all roots. A root inside another is
    measured as a root of its own. The order is the file system's, mount points coming last.

    A file with several names is an Entry under the first one met, an Ignored under the others. It
    belongs to every root that names it: with several roots, it is handed out when all its names
    have been met, or at the end. What is mounted at several places is measured at one of them, and
    belongs to the roots of all: mounts that show again what is under the roots are ignored, and so
    are overlays all of whose layers are. Under a root that holds nothing but links out of all
    roots, what they lead to is skipped.

    ``one_file_system`` stays on each root's file system and does not touch a mount point.
    ``exclude`` holds globs as in gitignore: one with a slash inside is matched against the path
    from its root, else against the base name; one that ends in a slash only matches directories;
    ``*`` matches slashes too. A root itself is never excluded. With ``follow_links`` a link counts
    as a name of what it leads to under the roots, which then belongs to the root of the link too;
    one that leads elsewhere is skipped.

    Memory grows with the length of the path, with the names of directories more than some levels
    down, and with the files whose other names are still to come.

    Raises StoreffError at once if a root cannot be found, or is neither file nor directory.
    """
    ignored: list[Ignored] = []
    resolved: dict[bytes, Identity] = {}
    for root in roots:
        named, path, identity = _resolved(os.fsencode(root))
        if path in resolved:
            ignored.append(Ignored("duplicate-root", named, None))
        elif path != named:
            ignored.append(Ignored("followed-root", named, None))
        resolved[path] = identity
    excluded = exclusion(exclude) if exclude else None
    mounts = read_mounts()

    def walker(follow: bool) -> _Walker:
        views = Views(resolved, mounts, excluded, one_file_system)
        links = Links(views, one_file_system=one_file_system, follow=follow)
        return _Walker(views, links, excluded, one_file_system)

    def walked() -> Iterator[Found]:
        yield from ignored
        walking = walker(follow_links)
        if follow_links and len(resolved) > 1:
            # What the links name has to be known before the first file is handed out.
            looking = walker(True)
            for _ in looking.run():
                pass
            for identity, named_under in looking.links.names.items():
                walking.views.add(identity, named_under)
        yield from walking.run()

    return walked()


def resolved_roots(roots: Sequence[str | bytes | os.PathLike[str]]) -> list[bytes]:
    """The distinct paths of ``roots``, without symbolic links, in byte order.

    Raises StoreffError as ``walk`` does.
    """
    return sorted({_resolved(os.fsencode(root))[1] for root in roots})


def _resolved(root: bytes) -> tuple[bytes, bytes, Identity]:
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
    return named, path, (status.st_dev, status.st_ino)


def _shown(path: bytes) -> str:
    """``path`` for a line of text, without the middle if it is long."""
    shown = printable(path)
    return shown if len(shown) <= 200 else f"{shown[:100]} ... {shown[-80:]}"


def exclusion(patterns: Sequence[str]) -> Excluded:
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


class _Walker:
    def __init__(
        self, views: Views, links: Links, excluded: Excluded | None, one_file_system: bool
    ) -> None:
        self.views = views
        self.links = links
        self.excluded = excluded
        self.one_file_system = one_file_system
        mounts = views.mounts
        self.refused_devices = {
            device for device, kind in mounts.type_by_device.items() if kind in REFUSED_TYPES
        }
        self.apart = _by_directory([*views.roots, *mounts.by_point])
        # Mount points that were met, with their roots, are walked last, so that what they show
        # again has been met by then; and where those of the identities in ``views`` were.
        self.mounted: list[tuple[tuple[int, int], bytes, bytes]] = []
        self.met: dict[Identity, bytes] = {}
        # Names still to come of each file that has several, and with several roots the file.
        self.names_left: dict[Identity, int] = {}
        self.held: dict[Identity, Entry] = {}
        self.with_files: set[bytes] = set()

    def run(self) -> Iterator[Found]:
        for root in self.views.roots:
            yield from _Descent(self, root, root).run()
        while self.mounted:
            _, point, root = heapq.heappop(self.mounted)
            yield from _Descent(self, point, root).run()
        yield from self.held.values()
        for root, outside in self.links.outside.items():
            if root not in self.with_files and not self.links.follow:
                yield Skipped("links-only", outside.folder, outside.size_bytes)

    def entries(
        self, path: bytes, roots: tuple[bytes, ...], status: os.stat_result
    ) -> Sequence[Found]:
        """What to hand out for the regular file at ``path``."""
        if status.st_size < 0:
            return (Skipped("io-error", path, None),)
        identity = status.st_dev, status.st_ino
        named_under = self.views.identities.get(identity)
        if named_under is not None:
            if identity in self.met and path in self.views.mounts.by_point:
                return (Ignored("bind-mount", path, status.st_size),)
            self.met[identity] = path
            roots = united(roots, named_under)
        self.with_files.update(roots)
        entry = entry_of(path, roots, status)
        return (entry,) if entry.links < 2 else self.one_of_several(identity, entry)

    def one_of_several(self, identity: Identity, entry: Entry) -> Sequence[Found]:
        """The same for one of several names of a file."""
        left = self.names_left.pop(identity, 0)
        if left != 1:
            self.names_left[identity] = (left or entry.links) - 1
        held = self.held.pop(identity, None)
        if not left:
            if len(self.views.roots) == 1:
                return (entry,)
            self.held[identity] = entry
            return ()
        ignored = Ignored("hard-link", entry.path, entry.size_bytes)
        if held is None:
            return (ignored,)
        held = msgspec.structs.replace(held, roots=united(held.roots, entry.roots))
        if left == 1:
            return (ignored, held)
        self.held[identity] = held
        return (ignored,)


class _Descent:
    """One way down: from a root, or from a mount point under one."""

    def __init__(self, walker: _Walker, start: bytes, root: bytes) -> None:
        self.walker = walker
        self.views = walker.views
        self.excluded = walker.excluded
        self.start = start
        self.root = root
        self.inside_from = len(os.path.join(root, b""))
        self.levels = Levels(walker.apart)
        self.device = 0
        self.layers: Layers | None = None

    def run(self) -> Iterator[Found]:
        try:
            yield from self.begin()
            levels = self.levels
            while levels.stack:
                level = levels.stack[-1]
                try:
                    child = next(level.children, None)
                except OSError as error:
                    yield skipped_for(error, levels.prefix[:-1], None)
                    continue
                if child is not None:
                    yield from self.look(child)
                elif level.below:
                    yield from self.enter(*level.below.pop())
                else:
                    levels.leave()
        finally:
            self.levels.close()

    def begin(self) -> Sequence[Found]:
        """Look at the start, and go into it if it is a directory."""
        start = self.start
        try:
            status = os.lstat(start)
        except OSError as error:
            return (skipped_for(error, start, None),)
        identity = status.st_dev, status.st_ino
        if start == self.root and identity != self.views.roots[start]:
            return (skipped_for(ChangedError(), start, None),)
        self.device = status.st_dev
        self.layers, all_layers = self.views.layers_in_roots(start)
        if all_layers:
            return (Ignored("overlay-mount", start, None),)
        refused = self.refused(self.views.mounts.type_by_device.get(status.st_dev), start)
        if refused is not None:
            return (refused,)
        if stat.S_ISDIR(status.st_mode):
            return self.directory(start, start, identity, (self.root,), at_once=True)
        return self.judge(start, start, status, (self.root,))

    def look(self, child: "os.DirEntry[str]") -> Sequence[Found]:
        """What to hand out for one child of the deepest directory, or to go into it."""
        level = self.levels.stack[-1]
        name = os.fsencode(child.name)
        path = self.levels.prefix + name
        try:
            if self.excluded is not None or name in level.apart:
                found = self.untouched(path, child)
                if found is not None:
                    return found
            status = child.stat(follow_symlinks=False)
        except OSError as error:
            return (skipped_for(error, path, None),)
        if stat.S_ISDIR(status.st_mode):
            identity = status.st_dev, status.st_ino
            refused = self.refused(self.views.mounts.type_by_device.get(status.st_dev), path)
            if refused is not None:
                return (refused,)
            if self.walker.one_file_system and status.st_dev != self.device:
                return (Ignored("other-file-system", path, None),)
            return self.directory(path, name, identity, level.roots, at_once=self.levels.is_live)
        return self.judge(path, name, status, level.roots)

    def untouched(self, path: bytes, child: "os.DirEntry[str]") -> Sequence[Found] | None:
        """What can be told without a stat: on a dead network mount even that would hang."""
        if path in self.views.roots:
            return (Ignored("nested-root", path, None),)
        if self.excluded is not None:
            is_directory = child.is_dir(follow_symlinks=False)
            if self.excluded(child.name, os.fsdecode(path[self.inside_from :]), is_directory):
                size_bytes = None if is_directory else child.stat(follow_symlinks=False).st_size
                return (Ignored("excluded", path, size_bytes),)
        mounted = self.views.mounts.type_at(path)
        if mounted is None:
            return None
        if self.walker.one_file_system:
            return (Ignored("other-file-system", path, None),)
        refused = self.refused(mounted, path)
        if refused is not None:
            return (refused,)
        heapq.heappush(self.walker.mounted, (self.views.order(path), path, self.root))
        return ()

    def refused(self, mounted: str | None, path: bytes) -> Skipped | Ignored | None:
        """What to hand out for ``path`` on a file system of the type ``mounted``; None to walk it.

        What a root names is missed if nothing is stored there; of what is inside, nothing is.
        """
        reason = REFUSED_TYPES.get(mounted or "")
        if reason != "pseudo-filesystem":
            return None if reason is None else Skipped(reason, path, None)
        return Skipped(reason, path, 0) if path in self.views.roots else Ignored(reason, path, 0)

    def judge(
        self, path: bytes, name: bytes, status: os.stat_result, roots: tuple[bytes, ...]
    ) -> Sequence[Found]:
        """What to hand out for what is no directory."""
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFREG:
            if status.st_dev in self.walker.refused_devices:
                kind_of_mount = self.views.mounts.type_by_device[status.st_dev]
                refused = self.refused(kind_of_mount, path)
                return () if refused is None else (refused,)
            if len(path) > PATH_BYTES_MAX:
                return (Skipped("too-long-path", path[:PATH_BYTES_MAX], status.st_size),)
            if self.layers is not None and self.layers.hold(path, status):
                return (Ignored("overlay-mount", path, status.st_size),)
            return self.walker.entries(path, roots, status)
        if kind == stat.S_IFLNK:
            fd = self.levels.stack[-1].fd if self.levels.stack else None
            return (self.walker.links.look(path, name, fd, roots, status.st_size),)
        if kind in _SPECIAL:
            return (Ignored(_SPECIAL[kind], path, 0),)
        return (Skipped("device" if kind == stat.S_IFBLK else "other-error", path, None),)

    def directory(
        self,
        path: bytes,
        name: bytes,
        identity: Identity,
        roots: tuple[bytes, ...],
        *,
        at_once: bool,
    ) -> Sequence[Found]:
        """Go into the directory ``name``, at once or when the deepest one has been listed."""
        if identity in self.levels.identities:
            return (Ignored("loop", path, None),)
        if len(path) > PATH_BYTES_MAX:
            return (Skipped("too-long-path", path[:PATH_BYTES_MAX], None),)
        named_under = self.views.identities.get(identity)
        if named_under is not None:
            if identity in self.walker.met:
                for covered in self.views.uncovered(self.walker.met[identity], path):
                    heapq.heappush(self.walker.mounted, (_LAST, covered, self.root))
                return (Ignored("bind-mount", path, None),)
            self.walker.met[identity] = path
            roots = united(roots, named_under)
        if at_once:
            return self.enter(name, identity, roots)
        self.levels.stack[-1].below.append((name, identity, roots))
        return ()

    def enter(self, name: bytes, identity: Identity, roots: tuple[bytes, ...]) -> Sequence[Found]:
        path = self.levels.prefix + name
        try:
            self.levels.enter(name, identity, roots)
        except OSError as error:
            return (skipped_for(error, path, None),)
        return ()


def _by_directory(paths: Sequence[bytes]) -> dict[bytes, frozenset[bytes]]:
    """The names in each directory of ``paths``."""
    names: dict[bytes, set[bytes]] = {}
    for path in paths:
        directory, name = os.path.split(path)
        names.setdefault(directory, set()).add(name)
    return {directory: frozenset(found) for directory, found in names.items()}
