"""Exact sums over columns of sizes, which need not fit 64 bits: sparse files claim exabytes."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
_LOW = 0xFFFF_FFFF


def exact_sum(sizes: Ints) -> int:
    """The sum of ``sizes`` (n,), which are not negative."""
    return (int((sizes >> 32).sum()) << 32) + int((sizes & _LOW).sum())


def counts_and_sums(groups: Ints, sizes: Ints) -> dict[int, tuple[int, int]]:
    """Of each number in ``groups`` (n,), which are small, how often it occurs, and the sum of those
    of ``sizes`` (n,)."""
    counts = np.bincount(groups)
    high, low = np.zeros((2, len(counts)), np.int64)
    np.add.at(high, groups, sizes >> 32)
    np.add.at(low, groups, sizes & _LOW)
    return {
        group: (int(counts[group]), (int(high[group]) << 32) + int(low[group]))
        for group in np.flatnonzero(counts).tolist()
    }


def bit_lengths(sizes: Ints) -> Ints:
    """(n,) int.bit_length of each of ``sizes``."""
    is_long = sizes > _LOW
    # Half of the bits are exact as a float.
    exponents = np.frexp(np.where(is_long, sizes >> 32, sizes).astype(np.float64))[1]
    return exponents.astype(np.int64) + 32 * is_long
