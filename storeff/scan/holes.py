"""Which units of sparse files hold data: one of a terabyte of nothing is not to be drawn from."""

import os

import numpy as np
import numpy.typing as npt

from storeff.sources.entry import Entry, data_segments, open_entry

# What was allocated to larger files is not believed: it may never have been written.
BELIEVED_BYTES = 64 << 20


def may_have_holes(entry: Entry, unit_bytes: int) -> bool:
    """Whether ``entry`` may have units that hold no data: the file system stores a unit less than
    there is, or the file is large."""
    stored_bytes = entry.allocated_bytes + unit_bytes
    return stored_bytes <= entry.size_bytes or entry.size_bytes >= BELIEVED_BYTES


def data_units(entry: Entry, unit_bytes: int) -> npt.NDArray[np.int64]:
    """(n, 2) ranges of the numbers of the units of ``entry`` that hold data, [first, end), in order
    and apart. Costs one or two seeks an extent. Raises OSError.
    """
    found: list[int] = []
    fd = open_entry(entry)
    try:
        for offset, length, is_hole in data_segments(fd, entry.size_bytes):
            if is_hole:
                continue
            first, end = offset // unit_bytes, -(-(offset + length) // unit_bytes)
            if found and first <= found[-1]:
                found[-1] = end
            else:
                found += [first, end]
    finally:
        os.close(fd)
    return np.array(found, np.int64).reshape(-1, 2)
