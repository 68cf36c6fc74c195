"""Exact sums over columns of sizes, which need not fit 64 bits: sparse files claim exabytes."""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
_LOW = 0xFFFF_FFFF
# Whole numbers up to this are exact as floats.
_EXACT = 1 << 53


def exact_sum(sizes: Ints) -> int:
    """The sum of ``sizes`` (n,), which are not negative."""
    return (int((sizes >> 32).sum()) << 32) + int((sizes & _LOW).sum())


def counts_and_sums(groups: Ints, sizes: Ints) -> dict[int, tuple[int, int]]:
    """Of each number in ``groups`` (n,), which are small, how often it occurs, and the sum of those
    of ``sizes`` (n,)."""
    counts = np.bincount(groups)
    present = np.flatnonzero(counts).tolist()
    if int(sizes.max(initial=0)) * len(sizes) <= _EXACT:
        sums = np.bincount(groups, sizes)
        return {group: (int(counts[group]), int(sums[group])) for group in present}
    return {group: (int(counts[group]), exact_sum(sizes[groups == group])) for group in present}


def bit_lengths(sizes: Ints) -> Ints:
    """(n,) int.bit_length of each of ``sizes``."""
    is_long = sizes > _LOW
    # Half of the bits are exact as a float.
    exponents = np.frexp(np.where(is_long, sizes >> 32, sizes).astype(np.float64))[1]
    return exponents.astype(np.int64) + 32 * is_long
