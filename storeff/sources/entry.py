"""A file, or an object of a store, as it was listed."""

import msgspec

# What distinguishes two versions of one object: (device, inode, modification time in ns) of a
# local file, the entity tag of an object in a store. Only its source looks inside.
Version = tuple[int, ...] | str


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
