"""The binary form of a measurement: versioned, checked by a digest, and never executed.

It is an envelope (storeff.scan.envelope) with a head (JSON) and the columns of arrays one after the
other, little-endian. The lengths of the arrays follow from the head, so that nothing is allocated
that is not there. The same measurement gives the same bytes.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from storeff.errors import StoreffError
from storeff.scan.binary_form import (
    Head,
    OccurrencesHead,
    SampleHead,
    SimilarHead,
    SketchHead,
    columns_of,
)
from storeff.scan.envelope import arrays_in, refusal, unwrap, version_of, wrap, written
from storeff.scan.measurement import Measurement
from storeff.scan.occurrences import Occurrences
from storeff.scan.plan import Chunker, Plan
from storeff.scan.sample import Sample
from storeff.scan.sampling import Totals
from storeff.scan.similar import SimilarSketch
from storeff.scan.sketch import Sketch
from storeff.sources.census import Census
from storeff.sources.content import CLASSES

MAGIC = b"storeff measured"
VERSION = 2
WHAT = "measurement"

Array = npt.NDArray[Any]


def to_bytes(measured: Measurement) -> bytes:
    """``measured`` in its binary form."""
    head = _head_of(measured)
    return wrap(
        MAGIC, VERSION, msgspec.json.encode(head), written(_arrays_of(measured), columns_of(head))
    )


def from_bytes(data: bytes) -> Measurement:
    """The measurement whose binary form ``data`` is.

    Raises StoreffError if it is not one: of another version, cut short, with something behind it,
    changed since it was written, or saying what cannot be.
    """
    if version_of(data, MAGIC, WHAT) == 1:
        raise StoreffError(
            "the measurement has format 1, which holds other samples of compression than this "
            f"storeff estimates from: it reads format {VERSION}",
            "measure the data again",
        )
    encoded, body, columns_at = unwrap(data, MAGIC, VERSION, WHAT)
    try:
        head = msgspec.json.decode(encoded, type=Head)
        return _measurement_of(head, arrays_in(body, columns_at, [*columns_of(head)]))
    except (msgspec.ValidationError, msgspec.DecodeError, ValueError) as error:
        raise refusal(f"the measurement is wrong: {error}") from error


def _scanned_by(plan: Plan, is_sample: bool) -> list[Chunker]:
    return [c for c in plan.chunkers if not (is_sample and c.kind == "whole")]


def _finite(tau: float) -> float | None:
    return None if tau == np.inf else tau


def _predicted_rows(sketch: Sketch) -> int:
    """All, or none if nothing is predicted."""
    return len(sketch.predicted) if sketch.predicted.any() else 0


def _probed_rows(sketch: Sketch) -> int:
    """Behind so many rows nothing is probed."""
    probed = np.flatnonzero(sketch.probed.any(axis=1))
    return int(probed[-1]) + 1 if len(probed) else 0


def _infinite(tau: float | None) -> float:
    return float("inf") if tau is None else tau


# ---- writing ----


def _head_of(measured: Measurement) -> Head:
    sample, similar, occurrences = measured.sampling, measured.similar, measured.occurrences
    return Head(
        plan=measured.plan,
        kernel=measured.kernel,
        census=_in_order(measured.census),
        volumes=list(measured.volumes.items()),
        read_bytes=measured.read_bytes,
        hole_bytes=measured.hole_bytes,
        cpu_seconds=measured.cpu_seconds,
        tasks=sorted(measured.tasks),
        classes=list(CLASSES),
        sketches=[
            SketchHead(
                rows=len(s.keys),
                tau=_finite(s.tau),
                chunks=s.chunks,
                bytes=s.bytes,
                predicted=_predicted_rows(s),
                probed=_probed_rows(s),
                taus=[_finite(tau) for tau in s.taus.tolist()],
            )
            for s in measured.sketches.values()
        ],
        sampling=None if sample is None else _sample_head_of(sample),
        similar=None
        if similar is None
        else SimilarHead(
            similar.tau, len(similar.members), sorted(similar.files.items()), similar.tensors
        ),
        occurrences=None
        if occurrences is None
        else OccurrencesHead(
            rows=len(occurrences.ranks),
            holes=len(occurrences.hole_ranks),
            data_bytes=occurrences.data_bytes,
            tau=_finite(occurrences.tau),
            taus=[_finite(tau) for tau in occurrences.taus.tolist()],
        ),
    )


def _in_order(census: Census) -> Census:
    """``census`` with its tables in the order of their keys, whatever was counted first."""
    tables = {
        name: dict(sorted(table.items()))
        for name in census.__struct_fields__
        if isinstance(table := getattr(census, name), dict)
    }
    return msgspec.structs.replace(census, **tables)


def _sample_head_of(sample: Sample) -> SampleHead:
    totals = sample.totals
    return SampleHead(
        design=sample.design,
        rate=sample.rate,
        goal_rate=sample.goal_rate,
        interrupted=sample.interrupted,
        skipped_bytes=sample.skipped_bytes,
        unopened_bytes=sample.unopened_bytes,
        once_bytes=totals.once_bytes,
        padding_bytes=totals.padding_bytes,
        by_exponent=sorted(totals.by_exponent.items()),
        extents=sorted((*key, count) for key, count in totals.extents.items()),
        ranks=len(sample.ranks),
        rows=len(sample.at),
    )


def _arrays_of(measured: Measurement) -> Iterator[Array]:
    """The arrays, in the order of ``columns_of``."""
    yield measured.class_bytes
    yield measured.histogram
    for s in measured.sketches.values():
        yield from (s.keys, s.sizes, s.counts, s.labels, s.objects, s.offsets)
        yield s.predicted[: _predicted_rows(s)]
        yield s.probed[: _probed_rows(s)]
        if s.extents is not None:
            yield s.extents
        yield from (s.run_count, s.run_bytes, s.buckets)
    if measured.sampling is not None:
        e = measured.sampling
        yield from (e.ranks, e.exponents, e.listed, e.once, e.at, e.labels, e.data, e.holes)
    if measured.similar is not None:
        yield measured.similar.members
    if measured.occurrences is not None:
        o = measured.occurrences
        yield from (o.objects, o.starts, o.lengths, o.ranks, o.labels, o.sizes, o.probed)
        yield from (o.hole_ranks, o.hole_lengths)


# ---- reading ----


def _measurement_of(head: Head, arrays: Iterator[Array]) -> Measurement:
    if head.classes != list(CLASSES):
        raise ValueError("its content classes are others")
    class_bytes, histogram = next(arrays), next(arrays)
    chunkers = _scanned_by(head.plan, head.sampling is not None)
    return Measurement(
        plan=head.plan,
        kernel=head.kernel,
        census=head.census,
        sketches={
            c.name: _sketch_in(c, s, head, arrays)
            for c, s in zip(chunkers, head.sketches, strict=True)
        },
        volumes=dict(head.volumes),
        read_bytes=head.read_bytes,
        hole_bytes=head.hole_bytes,
        class_bytes=class_bytes,
        histogram=histogram,
        cpu_seconds=head.cpu_seconds,
        tasks=frozenset(head.tasks),
        sampling=None if head.sampling is None else _sample_in(head.sampling, arrays),
        similar=None if head.similar is None else _similar_in(head.similar, arrays),
        occurrences=None
        if head.occurrences is None
        else _occurrences_in(head.occurrences, head.plan, arrays),
    )


def _sketch_in(chunker: Chunker, s: SketchHead, head: Head, arrays: Iterator[Array]) -> Sketch:
    keys, sizes, counts, labels, objects, offsets = (next(arrays) for _ in range(6))
    predicted, known = next(arrays), next(arrays)
    if not len(predicted):
        predicted = np.zeros((len(keys), 2), np.uint32)
    columns = head.plan.columns(chunker.name, False)
    taus = np.array([_infinite(tau) for tau in s.taus])
    if taus.shape != (len(columns),) or not ((taus >= 0) & (taus <= _infinite(s.tau))).all():
        raise ValueError(f"{chunker.name} is said to be probed as it cannot be")
    if len(predicted) != len(keys) or len(known) > len(keys):
        raise ValueError(f"{chunker.name} has not as many rows as it says")
    if (predicted > sizes[:, None]).any() or (known > sizes[: len(known), None]).any():
        raise ValueError(f"{chunker.name} has chunks that take more than their size")
    sketch = Sketch(
        keys=keys,
        sizes=sizes,
        counts=counts,
        labels=labels,
        extents=None if head.sampling is None else next(arrays),
        objects=objects,
        offsets=offsets,
        predicted=predicted,
        tau=_infinite(s.tau),
        chunks=s.chunks,
        bytes=s.bytes,
        run_count=next(arrays),
        run_bytes=next(arrays),
        buckets=next(arrays),
        columns=columns,
        probed=np.zeros((len(keys), len(columns)), np.uint32),
        taus=taus,
    )
    if len(keys) > chunker.entries:
        raise ValueError(f"{chunker.name} has more chunks than its plan keeps")
    if not ((sizes > 0).all() and (counts > 0).all()):
        raise ValueError(f"{chunker.name} has chunks without bytes or references")
    ranks = sketch.ranks(head.plan.seed)
    if not ((ranks[1:] >= ranks[:-1]).all() and (ranks < sketch.tau).all()):
        raise ValueError(f"the chunks of {chunker.name} are out of order")
    if sketch.extents is not None and not _are_ranks(sketch.extents):
        raise ValueError(f"{chunker.name} has extents without a sampling rank")
    return sketch.with_probed(known, taus, head.plan.seed)


def _are_ranks(column: Array) -> bool:
    return bool(((column > 0) & (column <= 1)).all())


def _sample_in(s: SampleHead, arrays: Iterator[Array]) -> Sample:
    ranks, exponents, listed, once, at, labels, data, holes = (next(arrays) for _ in range(8))
    if not (_are_ranks(ranks) and (ranks[1:] > ranks[:-1]).all()):
        raise ValueError("its sampling ranks are out of order")
    if not ((at >= 0) & (at < len(ranks))).all() or (at[1:] < at[:-1]).any():
        raise ValueError("its extents have no sampling ranks")
    if not ((exponents >= 0) & (exponents <= 64)).all():
        raise ValueError("its files are of impossible sizes")
    return Sample(
        design=s.design,
        rate=s.rate,
        goal_rate=s.goal_rate,
        interrupted=s.interrupted,
        skipped_bytes=s.skipped_bytes,
        unopened_bytes=s.unopened_bytes,
        totals=Totals(
            s.once_bytes,
            s.padding_bytes,
            Counter(dict(s.by_exponent)),
            Counter({(exponent, group): count for exponent, group, count in s.extents}),
        ),
        ranks=ranks,
        exponents=exponents,
        listed=listed,
        once=once,
        at=at.astype(np.intp),
        labels=labels,
        data=data,
        holes=holes,
    )


def _similar_in(s: SimilarHead, arrays: Iterator[Array]) -> SimilarSketch:
    members, files = next(arrays), dict(s.files)
    if not {*members["file"].tolist()} <= files.keys():
        raise ValueError("it has similar chunks of files that it does not name")
    return SimilarSketch(members, s.tau, files, s.tensors)


def _occurrences_in(o: OccurrencesHead, plan: Plan, arrays: Iterator[Array]) -> Occurrences:
    objects, starts, lengths, ranks, labels, sizes, probed, hole_ranks, hole_lengths = (
        next(arrays) for _ in range(9)
    )
    made = Occurrences(
        columns=plan.occurrence_columns,
        data_bytes=o.data_bytes,
        tau=_infinite(o.tau),
        taus=np.array([_infinite(tau) for tau in o.taus]),
        objects=objects,
        starts=starts,
        lengths=lengths,
        ranks=ranks,
        labels=labels,
        sizes=sizes,
        probed=probed,
        hole_ranks=hole_ranks,
        hole_lengths=hole_lengths,
    )
    if made.taus.shape != (len(made.columns),):
        raise ValueError("its windows have other columns than the plan")
    if o.data_bytes < 0 or not ((made.taus >= 0) & (made.taus <= made.tau)).all():
        raise ValueError("its windows are said to be probed as they cannot be")
    if not (lengths > 0).all() or (probed > sizes).any():
        raise ValueError("its windows have chunks that take more than their size")
    if not ((ranks > 0).all() and (hole_ranks > 0).all()):
        raise ValueError("its windows have no ranks")
    return made.in_order()
