"""Files, or objects of a store, as they were listed: one, or the columns of many."""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import msgspec
import numpy as np
import numpy.typing as npt

from storeff import _native
from storeff.sources.sums import Ints, counts_and_sums, exact_sum

U64 = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.void]

# What distinguishes two versions of one object: (device, inode, modification time in ns) of a
# local file, the entity tag of an object in a store. Only its source looks inside.
Version = tuple[int, int, int] | str

LISTED: np.dtype[np.void] = np.dtype(_native.LISTED_FIELDS)
NANOSECONDS = 1_000_000_000
# What LISTED can point into.
NAMES_BYTES_MAX = (1 << 32) - 1


class Entry(msgspec.Struct, frozen=True, gc=False):
    """An object that stores bytes.

    ``roots`` are the positions, in the order given, of the source roots that it belongs to: first
    the one under which it is read, then the others, ascending. ``path`` is relative to the first;
    where that root is the object itself, it is its base name. ``allocated_bytes`` is what the
    source stores for it: 512 * st_blocks of a local file.
    """

    path: bytes
    roots: tuple[int, ...]
    size_bytes: int
    allocated_bytes: int
    version: Version

    @property
    def key(self) -> bytes:
        """What distinguishes it from the other entries of its source, to be hashed or sorted.

        The same data under another mount point, or checked out elsewhere, has the same keys.
        """
        return b"%d/%b" % (self.roots[0], self.path)


# Where files are: the roots, as of an Entry, and the path below the first, which is empty or ends
# in a slash.
Folder = tuple[tuple[int, ...], bytes]


class Entries:
    """Entries as columns, for all that is done with very many of them; a sequence of Entry.

    ``rows`` (n,) are records of LISTED. Of each, ``folder`` is its place in ``folders``, and its
    base name is in ``names``, followed by a NUL. ``tags`` are the versions of the objects of a
    store; those of local files are in the rows.
    """

    __slots__ = ("folders", "names", "rows", "tags")

    def __init__(
        self,
        rows: Rows,
        names: bytes,
        folders: Sequence[Folder],
        tags: Sequence[str] | None = None,
    ) -> None:
        self.rows = rows
        self.names = names
        self.folders = folders
        self.tags = tags

    @classmethod
    def of(cls, entries: Iterable[Entry]) -> "Entries":
        """The columns of ``entries``, all of which have the same kind of version."""
        entries = list(entries)
        folders: dict[Folder, int] = {}
        names = bytearray()
        rows: list[tuple[int, ...]] = []
        before: Entry | None = None
        for entry in entries:
            # Many ranges of a large file follow each other.
            if entry is before:
                rows.append(rows[-1])
                continue
            before = entry
            path, slash, name = entry.path.rpartition(b"/")
            folder = folders.setdefault((entry.roots, path + slash), len(folders))
            version = entry.version
            device, inode, mtime_ns = (0, 0, 0) if isinstance(version, str) else version
            seconds, nanoseconds = divmod(mtime_ns, NANOSECONDS)
            sizes = entry.size_bytes, entry.allocated_bytes
            at = len(names), len(name)
            rows.append((device, inode, seconds, *sizes, nanoseconds, folder, *at))
            names += name + b"\0"
        tags = [entry.version for entry in entries if isinstance(entry.version, str)]
        return cls(np.array(rows, LISTED), bytes(names), list(folders), tags or None)

    @classmethod
    def joined(cls, parts: Sequence["Entries"]) -> "Entries":
        """All of ``parts``, of one source, in their order."""
        if len(parts) == 1:
            return parts[0]
        if sum(len(part.names) for part in parts) > NAMES_BYTES_MAX:
            raise OverflowError("the names of these entries have too many bytes")
        rows = np.concatenate([np.empty(0, LISTED), *(part.rows for part in parts)])
        counts = [len(part) for part in parts]
        for column, lengths in (
            ("folder", [len(part.folders) for part in parts]),
            ("name_start", [len(part.names) for part in parts]),
        ):
            shifts = np.cumsum([0, *lengths])[:-1]
            rows[column] += np.repeat(shifts, counts).astype(np.uint32)
        tags = [tag for part in parts for tag in part.tags or ()]
        return cls(
            rows,
            b"".join(part.names for part in parts),
            [folder for part in parts for folder in part.folders],
            tags or None,
        )

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, row: int) -> Entry:
        if not 0 <= row < len(self):
            raise IndexError(row)
        return next(iter(self.part(row, row + 1)))

    def part(self, start: int, end: int) -> "Entries":
        """Rows [start, end), with the same names behind them."""
        rows = self.rows[start:end]
        of_rows = rows["folder"]
        first, last = (int(of_rows.min()), int(of_rows.max())) if len(rows) else (0, -1)
        if first > 0:
            rows = rows.copy()
            rows["folder"] -= first
        tags = None if self.tags is None else self.tags[start:end]
        return Entries(rows, self.names, self.folders[first : last + 1], tags)

    def take(self, which: Ints) -> "Entries":
        """The rows ``which`` (m,), and only what belongs to them: nothing else is held by them."""
        rows = self.rows[which]
        used, rows["folder"] = np.unique(rows["folder"], return_inverse=True)
        lengths = rows["name_bytes"].astype(np.int64) + 1
        ends = np.cumsum(lengths)
        # Where each byte of the names is among all names.
        at = np.arange(int(lengths.sum())) + np.repeat(
            rows["name_start"] - (ends - lengths), lengths
        )
        rows["name_start"] = ends - lengths
        names = np.frombuffer(self.names, np.uint8)[at].tobytes()
        tags = None if self.tags is None else [self.tags[i] for i in which.tolist()]
        return Entries(rows, names, [self.folders[i] for i in used.tolist()], tags)

    def __iter__(self) -> Iterator[Entry]:
        names, folders, tags = self.names, self.folders, self.tags
        for row, (
            device,
            inode,
            seconds,
            size,
            allocated,
            nanoseconds,
            folder,
            at,
            length,
        ) in enumerate(self.rows.tolist()):
            roots, path = folders[folder]
            version: Version = device, inode, seconds * NANOSECONDS + nanoseconds
            if tags is not None:
                version = tags[row]
            yield Entry(path + names[at : at + length], roots, size, allocated, version)

    @property
    def sizes(self) -> Ints:
        """(n,) bytes."""
        return cast(Ints, self.rows["size_bytes"])

    @property
    def allocated(self) -> Ints:
        """(n,) bytes."""
        return cast(Ints, self.rows["allocated_bytes"])

    @property
    def path_bytes(self) -> Ints:
        """(n,) the lengths of the paths."""
        of_folders = self.by_folder(len(path) for _, path in self.folders).astype(np.int64)
        lengths: Ints = of_folders + self.rows["name_bytes"]
        return lengths

    @property
    def held_bytes(self) -> int:
        """About what they take in memory."""
        # A tuple and a path, and a tag that is a string.
        folders_bytes = sum(160 + len(path) for _, path in self.folders)
        return self.rows.nbytes + len(self.names) + folders_bytes + 100 * len(self.tags or ())

    def numbers(self) -> U64:
        """(n,) 64 bits each of the position of a root and of the path from there: a hash of the
        key of the entry."""
        prefixes = [b"%d/%b" % (roots[0], path) for roots, path in self.folders]
        return _native.path_numbers(self.rows, self.names, prefixes)

    def name_hashes(self) -> U64:
        """(n,) 64 bits of each base name."""
        ranges = np.column_stack((self.rows["name_start"], self.rows["name_bytes"]))
        return _native.fingerprints(self.names, ranges.astype(np.int64))[:, 0]

    def rows_named(self, part: re.Pattern[bytes], name: re.Pattern[bytes]) -> list[int]:
        """The rows whose base names are ``name``, in all of which there is ``part``."""
        if not len(self):
            return []
        starts = self.rows["name_start"]
        end = int(starts[-1]) + int(self.rows["name_bytes"][-1])
        found = [match.start() for match in part.finditer(self.names, int(starts[0]), end)]
        if not found:
            return []
        rows = np.searchsorted(starts, found, side="right") - 1
        begin = starts[rows]
        bounds = zip(begin.tolist(), (begin + self.rows["name_bytes"][rows]).tolist(), strict=True)
        is_named = [name.fullmatch(self.names, *each) is not None for each in bounds]
        return sorted({*rows[is_named].tolist()})

    def by_folder(self, of_folders: Iterable[int]) -> U64:
        """(n,): of each what ``of_folders`` says of its folder."""
        column: U64 = np.fromiter(of_folders, np.uint64, len(self.folders))[self.rows["folder"]]
        return column

    def sums_by_root(self, sizes: Ints) -> dict[int, int]:
        """The sums of those of ``sizes`` (n,) that are of entries of a root, for each root."""
        kinds: dict[tuple[int, ...], int] = {}
        of_folders = [kinds.setdefault(roots, len(kinds)) for roots, _ in self.folders]
        if len(kinds) == 1:
            [roots] = kinds
            return dict.fromkeys(roots, exact_sum(sizes))
        sums = counts_and_sums(self.by_folder(of_folders).astype(np.int64), sizes)
        found: dict[int, int] = {}
        for roots, kind in kinds.items():
            for root in roots:
                found[root] = found.get(root, 0) + sums.get(kind, (0, 0))[1]
        return found
