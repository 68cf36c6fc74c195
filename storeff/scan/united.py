"""The kept chunks of several scans as those of one pass over everything."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from storeff import _native

if TYPE_CHECKING:
    from storeff._native import Merged

U64 = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

_COLUMNS = ("keys", "sizes", "counts", "labels", "objects", "offsets", "predicted")


class Rows(Protocol):
    """What is kept of chunks, as ``Export`` of the native core has it."""

    @property
    def keys(self) -> U64: ...
    @property
    def sizes(self) -> U64: ...
    @property
    def counts(self) -> U64: ...
    @property
    def labels(self) -> U64: ...
    @property
    def extents(self) -> Floats | None: ...
    @property
    def objects(self) -> U64: ...
    @property
    def offsets(self) -> U64: ...
    @property
    def predicted(self) -> npt.NDArray[np.uint32]: ...
    @property
    def tau(self) -> float: ...


def united(parts: Sequence[Rows], capacity: int, seed: int) -> "Merged":
    """What a scanner would keep, of ``capacity`` and under ``seed``, that had seen all that those
    of ``parts``, at least one, have seen. Each is in canonical order.

    Raises ValueError if some are of a sample and some are not.
    """
    is_sample = parts[0].extents is not None
    if any((part.extents is not None) != is_sample for part in parts):
        raise ValueError("a sketch of a sample and one of a full scan do not merge")
    tau = min(part.tau for part in parts)
    all_ranks = [
        _native.rank(p.keys, np.ones_like(p.sizes) if is_sample else p.sizes, seed) for p in parts
    ]
    # Most of what a part keeps of little data is not kept of much.
    ends = [int(np.searchsorted(ranks, tau)) for ranks in all_ranks]
    ranks = np.concatenate([each[:end] for each, end in zip(all_ranks, ends, strict=True)])
    names = (*_COLUMNS, "extents") if is_sample else _COLUMNS
    joined = {
        name: np.concatenate([getattr(p, name)[:end] for p, end in zip(parts, ends, strict=True)])
        for name in names
    }
    order = _native.canonical_order(
        ranks, joined["keys"], joined["sizes"], joined.get("extents"), True
    )
    starts = np.flatnonzero(_is_first(order, ranks, joined))
    bounds = np.append(starts, len(order))
    if len(starts) > capacity:
        first_ranks = ranks[order[starts]]
        tau = float(first_ranks[capacity])
        bounds = bounds[: int(np.searchsorted(first_ranks, tau)) + 1]
    rows = {name: column.take(order[bounds[:-1]], axis=0) for name, column in joined.items()}
    # A chunk is in a part once, and so in one row after another of a stretch.
    for further in range(1, len(parts)):
        into = np.flatnonzero(np.diff(bounds) > further)
        _unite(rows, into, joined, order[bounds[into] + further])
    # Others are predicted or not by where they were seen.
    rows["predicted"][_native.PREDICTED_MAX :] = 0
    merged: Merged = {
        "keys": rows["keys"],
        "sizes": rows["sizes"],
        "counts": rows["counts"],
        "labels": rows["labels"],
        "extents": rows.get("extents"),
        "objects": rows["objects"],
        "offsets": rows["offsets"],
        "predicted": rows["predicted"],
        "tau": tau,
    }
    return merged


def _is_first(
    order: Places, ranks: Floats, rows: Mapping[str, npt.NDArray[Any]]
) -> npt.NDArray[np.bool_]:
    """(n,) whether a row, in this ``order``, is not of the same chunk, and extent, as that before
    it."""
    in_order = ranks[order]
    first = np.ones(len(order), bool)
    first[1:] = in_order[1:] != in_order[:-1]
    again = np.flatnonzero(~first)
    one, other = order[again], order[again - 1]
    same = (rows["keys"][one] == rows["keys"][other]).all(axis=1)
    for name in rows.keys() & {"sizes", "extents"}:
        same &= rows[name][one] == rows[name][other]
    first[again] = ~same
    return first


def _unite(
    rows: Mapping[str, npt.NDArray[Any]],
    into: Places,
    others: Mapping[str, npt.NDArray[Any]],
    which: Places,
) -> None:
    """Let the rows ``into`` of ``rows`` be also of what ``which`` of the ``others`` are of, the
    same chunks."""
    rows["counts"][into] += others["counts"][which]
    rows["labels"][into] |= others["labels"][which]
    rows["predicted"][into] = np.maximum(rows["predicted"][into], others["predicted"][which])
    objects, offsets = rows["objects"][into], rows["offsets"][into]
    their_objects, their_offsets = others["objects"][which], others["offsets"][which]
    is_before = their_objects < objects
    is_before |= (their_objects == objects) & (their_offsets < offsets)
    rows["objects"][into] = np.where(is_before, their_objects, objects)
    rows["offsets"][into] = np.where(is_before, their_offsets, offsets)
