"""Objects to be stored, as a scan counts them."""

from collections import defaultdict

from storeff.layout import ObjectSizes, SizeBin


def sizes(*objects: int) -> ObjectSizes:
    """The histogram of ``objects``, as a scan counts it."""
    counted: defaultdict[int, list[int]] = defaultdict(list)
    for each in objects:
        counted[1 << each.bit_length()].append(each)
    bins = tuple(SizeBin(below, len(of), sum(of)) for below, of in sorted(counted.items()))
    return ObjectSizes(sum(objects), bins)
