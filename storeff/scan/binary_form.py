"""How a measurement lies in its binary form: its head, and the arrays that follow it."""

from collections.abc import Iterator

import msgspec
import numpy as np

from storeff import _native
from storeff.scan.envelope import Column
from storeff.scan.plan import Plan
from storeff.scan.sampling import SamplingDesign
from storeff.scan.siblings import TensorFile
from storeff.sources.census import Census
from storeff.sources.entry import Entry


# A tau of None is infinite.
class SketchHead(msgspec.Struct, frozen=True):
    rows: int
    tau: float | None
    chunks: int
    bytes: int
    # All rows, or 0 if nothing is predicted.
    predicted: int
    # Of what is probed, the first rows: all others are 0.
    probed: int
    taus: list[float | None]


class SampleHead(msgspec.Struct, frozen=True):
    design: SamplingDesign
    rate: float
    goal_rate: float
    interrupted: bool
    skipped_bytes: int
    unopened_bytes: int
    once_bytes: int
    padding_bytes: int
    by_exponent: list[tuple[int, int]]
    extents: list[tuple[int, int, int]]
    ranks: int
    rows: int


class OccurrencesHead(msgspec.Struct, frozen=True):
    rows: int
    holes: int
    data_bytes: int
    tau: float | None
    taus: list[float | None]


class SimilarHead(msgspec.Struct, frozen=True):
    tau: int
    members: int
    files: list[tuple[int, Entry]]
    tensors: list[TensorFile]


class Head(msgspec.Struct, frozen=True):
    plan: Plan
    kernel: str
    census: Census
    volumes: list[tuple[bytes, int]]
    read_bytes: int
    hole_bytes: int
    cpu_seconds: float
    tasks: list[str]
    classes: list[str]
    sketches: list[SketchHead]
    sampling: SampleHead | None
    similar: SimilarHead | None
    occurrences: OccurrencesHead | None


def columns_of(head: Head) -> Iterator[Column]:
    """The arrays behind ``head``, in their order."""
    u4, u8, i8, f8 = (np.dtype(name) for name in ("<u4", "<u8", "<i8", "<f8"))
    yield Column(u8, (len(head.classes),))
    yield Column(u8, (len(head.classes), 256))
    for sketch in head.sketches:
        n = sketch.rows
        yield Column(u8, (n, 2))
        yield from (Column(u8, (n,)) for _ in range(5))
        yield Column(u4, (sketch.predicted, 2))
        yield Column(u4, (sketch.probed, len(sketch.taus)))
        if head.sampling is not None:
            yield Column(f8, (n,))
        yield from (Column(u8, (256,)), Column(u8, (256,)), Column(u8, (_native.BUCKETS, 2)))
    if head.sampling is not None:
        m, r = head.sampling.ranks, head.sampling.rows
        yield from (Column(f8, (m,)), Column(i8, (m,)), Column(u8, (m,)), Column(u8, (m,)))
        yield from (Column(i8, (r,)), Column(u8, (r,)), Column(u8, (r,)), Column(u8, (r,)))
    if head.similar is not None:
        member = np.dtype(_native.MEMBER_FIELDS).newbyteorder("<")
        yield Column(member, (head.similar.members,))
    if head.occurrences is not None:
        n, h, c = head.occurrences.rows, head.occurrences.holes, len(head.occurrences.taus)
        yield from (Column(t, (n,)) for t in (u8, u8, u8, f8, u8))
        yield from (Column(u4, (n, c)), Column(u4, (n, c)), Column(f8, (h,)), Column(u8, (h,)))
