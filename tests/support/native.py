"""Streams for the native scanner, and what the oracle expects of them."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import strategies as st

from storeff._native import BUCKETS, Scanner
from support import oracle

if TYPE_CHECKING:
    from storeff._native import Export

File = tuple[int, list[oracle.Segment]]
"""Labels and what the file holds."""
Plan = list[tuple[int, int, int, bool]]

SEED = 13
RANDOM = random.Random(4).randbytes(600_000)
WHOLE = (0, 0, 100, False)


def place_of(number: int) -> oracle.Place:
    """Where the file of that number is taken to lie, so that the first is not the least."""
    return (-number) % 3, number * 4099 % 10_000


def contents(max_parts: int = 6) -> st.SearchStrategy[bytes]:
    """Runs, few-valued and arbitrary bytes in turn: every rule of the cut is near its edge."""
    run = st.builds(
        lambda byte, n: byte * n, st.sampled_from([b"\0", b"\1", b"\xff"]), st.integers(0, 45)
    )
    few = st.lists(st.sampled_from([0, 1]), max_size=30).map(bytes)
    return st.lists(run | few | st.binary(max_size=30), max_size=max_parts).map(b"".join)


@st.composite
def profiles(draw: st.DrawFn) -> tuple[int, int]:
    """Smallest and largest length: fixed or MinCDC."""
    if draw(st.booleans()):
        block_bytes = draw(st.integers(1, 20))
        return block_bytes, block_bytes
    min_bytes = draw(st.integers(4, 20))
    return min_bytes, min_bytes + draw(st.integers(1, 20))


def feed(
    scanner: Scanner, data: bytes, reads: Sequence[int], buffer: bytearray, late_end: bool = False
) -> None:
    """One segment, as a reader would pass it; ``late_end``: it learns of the end from an empty
    read."""
    sizes = itertools.cycle([*reads, 1])
    carried = at = 0
    while True:
        new_bytes = min(next(sizes), len(buffer) - carried, len(data) - at)
        ended = at == len(data) if late_end else at + new_bytes == len(data)
        buffer[carried : carried + new_bytes] = data[at : at + new_bytes]
        at += new_bytes
        scanner.span(buffer, carried + new_bytes, ended)
        carried = scanner.carry(buffer)
        buffer[carried:] = b"\xee" * (len(buffer) - carried)
        if ended:
            assert carried == 0
            return


def scan(
    plan: Plan,
    files: Sequence[File],
    reads: Sequence[int] = (1 << 30,),
    spare_bytes: int = 1 << 20,
    late_end: bool = False,
    kernel: str = "scalar",
) -> Scanner:
    scanner = Scanner(plan, SEED, kernel)
    buffer = bytearray(scanner.buffer_bytes_min + spare_bytes)
    for number, (labels, segments) in enumerate(files):
        scanner.begin(labels)
        scanner.set_position(*place_of(number))
        for segment in segments:
            if isinstance(segment, int):
                scanner.skip(segment)
            else:
                feed(scanner, segment, reads, buffer, late_end)
        scanner.end()
    return scanner


def plain(export: Export) -> dict[str, object]:
    return {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in export.items()
    }


def expected(chunker: oracle.Chunker) -> dict[str, object]:
    rows, tau = chunker.sketch.rows()
    return {
        "keys": [list(key) for (key, _), *_ in rows],
        "sizes": [size for (_, size), *_ in rows],
        "counts": [count for _, _, count, *_ in rows],
        "labels": [labels for _, _, _, labels, *_ in rows],
        "extents": [extent for _, extent, *_ in rows] if chunker.sketch.is_sample else None,
        "objects": [number for *_, (number, _), _ in rows],
        "offsets": [offset for *_, (_, offset), _ in rows],
        "predicted": [list(predicted) for *_, predicted in rows],
        "tau": tau,
        "chunks": chunker.chunks,
        "bytes": chunker.bytes,
        "run_count": chunker.run_count,
        "run_bytes": chunker.run_bytes,
        "buckets": chunker.sketch.buckets(BUCKETS),
    }


def assert_is_the_oracles(
    scanner: Scanner,
    plan: Plan,
    files: Sequence[File],
    place_of: Callable[[int], oracle.Place] = place_of,
) -> None:
    twin = oracle.Scanner(plan, SEED)
    for number, (labels, segments) in enumerate(files):
        twin.scan(labels, segments, *place_of(number))
    for index, chunker in enumerate(twin.chunkers):
        assert plain(scanner.export(index)) == expected(chunker)
    assert scanner.export_histogram().tolist() == twin.histogram
