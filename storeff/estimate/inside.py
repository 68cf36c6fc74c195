"""How much of the data applications have reduced before it is stored, with which codec, how far."""

import heapq
import math
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from storeff.quantity import UNKNOWN, Z95, Quantity, student95
from storeff.scan.inside import Look, Looks
from storeff.scan.rewrites import KINDS, Rewritten
from storeff.sources.census import EXAMPLES
from storeff.sources.formats import NONE
from storeff.sources.formats.readers import CODED_MEMBERS
from storeff.sources.names import printable

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What is inside of some objects, such as a class of members or a type of numbers:
    ``data_share`` of all data, in objects of ``content_class``."""

    content_class: str
    holds: str
    data_share: Quantity


class Reduced(msgspec.Struct, frozen=True, kw_only=True):
    """Objects of ``content_class`` whose application compressed them with ``codec``: "none",
    "several", or null where that is not told.

    ``data_share`` is their part of the data as it is stored. ``application_ratio`` is what they
    were before, as far as their formats tell, over what they are now. ``objects`` were looked into.
    """

    content_class: str
    codec: str | None
    objects: int
    data_share: Quantity
    application_ratio: Quantity


class Rewrite(msgspec.Struct, frozen=True, kw_only=True):
    """What objects would take if their application wrote them otherwise: a scenario, and no part of
    any other figure. ``data_share`` of the data can be rewritten so, by ``objects`` of which
    ``piece_bytes`` were. ``stored_ratio`` is how far the storage system's compression alone reduces
    them (zstd-3 in blocks of 64 KiB), ``rewritten_ratio`` how far rewriting does instead."""

    name: str
    objects: int
    piece_bytes: int
    data_share: Quantity
    stored_ratio: Quantity
    rewritten_ratio: Quantity


class Inside(msgspec.Struct, frozen=True, kw_only=True):
    """What applications did to the data before it was stored, by a sample of objects that were
    looked into. ``reduced_share`` of the data is known to have been compressed or encrypted: a
    storage system finds next to nothing in it. ``contradictions`` are objects that are not what
    they begin as, ``examples`` the names of some."""

    objects: int
    reduced_share: Quantity
    rows: tuple[Reduced, ...]
    parts: tuple[Part, ...]
    contradictions: int
    examples: tuple[str, ...] = ()
    rewrites: tuple[Rewrite, ...] = ()


def inside_of(
    looks: Looks, rewritten: Mapping[str, Mapping[int, Rewritten | None]] | None = None
) -> Inside | None:
    """The figures of ``looks``, and of what became of some of the objects ``rewritten``; None if
    nothing could be looked into."""
    known = np.array([number in looks.looks for number in looks.objects.tolist()], bool)
    if not known.any():
        return None
    is_all = looks.tau == math.inf and bool(known.all())
    sample = _Sample(looks.objects[known], looks.weights[known], is_all)
    found = [looks.looks[number] for number in sample.objects.tolist()]
    kinds: defaultdict[tuple[str, str | None], list[int]] = defaultdict(list)
    for row, look in enumerate(found):
        kinds[look.content_class, look.inside.codec].append(row)
    expansions = np.array(
        [np.nan if (x := look.inside.expansion) is None else x for look in found], np.float64
    )
    rows = []
    for (content_class, codec), which in kinds.items():
        here = sample.where(which)
        rows.append(
            Reduced(
                content_class=content_class,
                codec=codec,
                objects=len({*sample.objects[which].tolist()}),
                data_share=sample.share(here.astype(np.float64)),
                application_ratio=sample.mean(here & ~np.isnan(expansions), expansions),
            )
        )
    reduced = np.array([_reduced_share(look) for look in found])
    untold = [look.name for look in looks.looks.values() if look.problem]
    return Inside(
        objects=len({*sample.objects.tolist()}),
        reduced_share=sample.share(reduced),
        rows=tuple(sorted(rows, key=lambda row: (-(row.data_share.value or 0), row.content_class))),
        parts=tuple(_parts(sample, looks)),
        contradictions=len(untold),
        examples=tuple(map(printable, heapq.nsmallest(EXAMPLES, untold))),
        rewrites=tuple(_rewrites(sample, found, rewritten or {})),
    )


def _rewrites(
    sample: "_Sample",
    found: Sequence[Look],
    rewritten: Mapping[str, Mapping[int, Rewritten | None]],
) -> Iterator[Rewrite]:
    for name, of_objects in rewritten.items():
        pieces = [of_objects.get(number) for number in sample.objects.tolist()]
        used = {number: each for number, each in of_objects.items() if each is not None}
        if not used:
            continue
        tried = np.array([number in of_objects for number in sample.objects.tolist()])
        content_class = KINDS[name][0]
        of_class = np.array([look.content_class == content_class for look in found])
        here = np.array([piece is not None for piece in pieces])
        if (tried == of_class).all():
            share = sample.share(here.astype(np.float64))
        else:
            # Of the class as many as of those that were tried.
            of_tried = sample.within(tried).share(here[tried].astype(np.float64))
            share = sample.share(of_class.astype(np.float64)) * of_tried

        def left(taken: Callable[[Rewritten], int], pieces: Any = pieces) -> Floats:
            return np.array([taken(each) / each.piece_bytes if each else 0.0 for each in pieces])

        yield Rewrite(
            name=name,
            objects=len(used),
            piece_bytes=sum(each.piece_bytes for each in used.values()),
            data_share=share,
            stored_ratio=1 / sample.pieces(here, left(lambda each: each.stored_bytes)),
            rewritten_ratio=1 / sample.pieces(here, left(lambda each: each.rewritten_bytes)),
        )


def _parts(sample: "_Sample", looks: Looks) -> Iterator[Part]:
    shares: defaultdict[tuple[str, str], Floats] = defaultdict(
        lambda: np.zeros(len(sample.objects))
    )
    for row, number in enumerate(sample.objects.tolist()):
        look = looks.looks[number]
        whole = sum(look.inside.parts.values())
        for holds, size_bytes in look.inside.parts.items():
            if whole:
                shares[look.content_class, holds][row] = size_bytes / whole
    for (content_class, holds), values in sorted(
        shares.items(), key=lambda item: -float(sample.weights @ item[1])
    ):
        yield Part(content_class=content_class, holds=holds, data_share=sample.share(values))


def _reduced_share(look: Look) -> float:
    """What part of an object is known to be compressed or encrypted."""
    parts = look.inside.parts
    if coded := sum(size for holds, size in parts.items() if holds in CODED_MEMBERS):
        return coded / sum(parts.values())
    return 0.0 if look.inside.codec in (None, NONE) else 1.0


class _Sample:
    """Windows of ``objects`` (n,), each for ``weights`` (n,) bytes of the data."""

    def __init__(self, objects: npt.NDArray[np.uint64], weights: Floats, is_all: bool) -> None:
        self.objects = objects
        self.weights = weights
        self.is_all = is_all

    def within(self, here: Bools) -> "_Sample":
        """Of the windows that are ``here`` (n,)."""
        return _Sample(self.objects[here], self.weights[here], False)

    def pieces(self, here: Bools, left: Floats) -> Quantity:
        """The mean of what is ``left`` (n,) of objects by a piece of each: never exact. None of it
        is below nothing."""
        return _Sample(self.objects, self.weights, False).mean(here, left).no_less_than(0.0)

    def where(self, rows: list[int]) -> Bools:
        here = np.zeros(len(self.objects), bool)
        here[rows] = True
        return here

    def share(self, values: Floats) -> Quantity:
        """The part of the data that has what ``values`` (n,) say of the objects, each 0 to 1.

        The interval is Wilson's (JASA 22, 1927) for as many windows as their weights are worth,
        which is wide enough for parts of objects too: what all or none of the windows have is not
        known for sure.
        """
        whole = float(self.weights.sum())
        value = min(1.0, float(self.weights @ values) / whole)
        if self.is_all:
            return Quantity.exact(value)
        count = whole**2 / float((self.weights**2).sum())
        z2 = Z95**2
        middle = (value + z2 / (2 * count)) / (1 + z2 / count)
        spread = math.sqrt(value * (1 - value) / count + z2 / (4 * count**2))
        half = Z95 / (1 + z2 / count) * spread
        low, high = max(0.0, middle - half), min(1.0, middle + half)
        return Quantity(value, min(low, value), max(high, value), "measured")

    def mean(self, here: Bools, values: Floats) -> Quantity:
        """The mean of ``values`` (n,) over the data that is ``here``; unknown of nothing.

        The windows of an object have the same value, so it is the objects that differ: by how much
        says how sure the mean is, with Student's quantile. One object says nothing of others.
        """
        if not here.any():
            return UNKNOWN
        weights = self.weights[here]
        mean = float(weights @ values[here] / weights.sum())
        if self.is_all:
            return Quantity.exact(mean)
        _, of = np.unique(self.objects[here], return_inverse=True)
        residuals = np.bincount(of, weights * (values[here] - mean)) / weights.sum()
        count = len(residuals)
        if count < 2:
            return Quantity(mean, None, None, "measured")
        error = float(np.sqrt(count / (count - 1) * (residuals**2).sum()))
        half = student95(count - 1) * error
        return Quantity(mean, mean - half, mean + half, "measured")
