"""Which units of sparse files hold data: one of a terabyte of nothing is not to be drawn from."""

import os

import numpy as np
import numpy.typing as npt

from storeff.sources.piece import Piece, data_segments, open_piece


def data_units(piece: Piece, unit_bytes: int) -> npt.NDArray[np.int64] | None:
    """(n,) numbers of the units of ``piece`` that hold data; None if all may, or it cannot be told.

    Costs one or two seeks an extent, where the file system stores a unit less than there is.
    """
    if piece.allocated_bytes + unit_bytes > piece.size_bytes:
        return None
    found = []
    try:
        fd = open_piece(piece)
        try:
            for offset, length, is_hole in data_segments(fd, piece.size_bytes):
                if not is_hole:
                    found.append((offset // unit_bytes, -(-(offset + length) // unit_bytes)))
        finally:
            os.close(fd)
    except OSError:
        # Why it cannot be read is told when it is.
        return None
    ranges = [np.arange(first, end, dtype=np.int64) for first, end in found]
    units = np.unique(np.concatenate([*ranges, np.empty(0, np.int64)]))
    return units if len(units) < -(-piece.size_bytes // unit_bytes) else None
