"""What a scan found: exact counts of what is there, and a sketch of its content per chunker."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import numpy.typing as npt

from storeff.scan.occurrences import Occurrences
from storeff.scan.plan import Plan
from storeff.scan.sample import Sample
from storeff.scan.sketch import Sketch
from storeff.sources.census import Census

if TYPE_CHECKING:
    # Only where similar chunks are asked for is it needed.
    from storeff.scan.similar import SimilarSketch

U64 = npt.NDArray[np.uint64]
T = TypeVar("T")

# In labels, below the bits of the content classes stand, from here on those of the volumes.
VOLUME_BIT = 32
VOLUMES_MAX = 32


@dataclass(frozen=True, eq=False)
class Measurement:
    """The mergeable result of scanning some files under a plan, all of them or a sample.

    ``volumes`` are the data bytes of each source root, in the order of their names; bit VOLUME_BIT
    + i of a chunk's labels says that volume i holds it. Empty if there were too many.
    ``tasks`` names the scans that are in it, each by what it read and found.
    ``census`` counts everything listed, ``read_bytes`` the data that was read, ``hole_bytes`` what
    holes stand for (neither read nor part of any reduction). ``class_bytes`` (classes,) are the
    data bytes of each content class, ``histogram`` (classes, 256) their byte values, counted in
    windows that stand for the rest. ``cpu_seconds`` is what measuring took. ``similar`` is None
    unless the plan asks for it, ``occurrences`` unless they were probed: by ``Prober`` of
    storeff.scan.probe, as is what ``sketches`` say of compression.

    ``sampling`` is None after a full scan. In a sample all but the census is about the extents that
    were read; ``volumes`` are the listed bytes of each root that could be sampled, and no whole
    files are counted.
    """

    plan: Plan
    kernel: str
    census: Census
    sketches: dict[str, Sketch]
    volumes: dict[bytes, int]
    read_bytes: int
    hole_bytes: int
    class_bytes: U64
    histogram: U64
    cpu_seconds: float
    tasks: frozenset[str] = frozenset()
    similar: "SimilarSketch | None" = None
    sampling: Sample | None = None
    occurrences: Occurrences | None = None

    @property
    def data_bytes(self) -> int:
        """Bytes that the reduction figures are about: all that was read; in a sample, all listed
        but the share that is holes."""
        sample = self.sampling
        if sample is None:
            return self.read_bytes
        left_out_bytes = sample.skipped_bytes + sample.unopened_bytes
        every_row = np.full(len(sample.at), True)
        return sample.data_of(self.census.size_bytes - left_out_bytes, every_row)

    def volume_data_bytes(self, volume: int) -> int:
        """The same of the volume of that number."""
        held_bytes = list(self.volumes.values())[volume]
        sample = self.sampling
        if sample is None:
            return held_bytes
        return sample.data_of(held_bytes, sample.observed(1 << VOLUME_BIT + volume))

    @property
    def coverage(self) -> float:
        """Share of the listed bytes, but those known to be in holes, that was read; less than 1 if
        anything was skipped."""
        return self.census.coverage(self.read_bytes, self.hole_bytes)

    def to_bytes(self) -> bytes:
        """This in its binary form (storeff.scan.binary)."""
        from storeff.scan.binary import to_bytes

        return to_bytes(self)

    @staticmethod
    def from_bytes(data: bytes) -> "Measurement":
        """The measurement whose binary form ``data`` is. Raises StoreffError if it is not one."""
        from storeff.scan.binary import from_bytes

        return from_bytes(data)

    def within(self, rate: float) -> "Measurement":
        """Of a sample, the sample at a lower ``rate``; itself, if its own is not above that."""
        if self.sampling is None or rate >= min(self.sampling.rate, 1.0):
            return self
        sample = self.sampling.within(rate)
        return replace(
            self,
            sketches={name: sketch.within(rate) for name, sketch in self.sketches.items()},
            read_bytes=int(sample.data.sum()),
            hole_bytes=int(sample.holes.sum()) + sample.skipped_bytes,
            sampling=sample,
        )

    def merge(self, other: "Measurement") -> "Measurement":
        """The measurement of both inputs' files, as ``merged`` gives it: associative, commutative
        and idempotent."""
        return merged((self, other))

    @property
    def probed_count(self) -> int:
        """How many values were probed."""
        tables = [sketch.probed for sketch in self.sketches.values()]
        if self.occurrences is not None:
            tables.append(self.occurrences.probed)
        return sum(int(np.count_nonzero(table)) for table in tables)

    def _check_comparable(self, other: "Measurement") -> None:
        if self.plan != other.plan:
            raise ValueError(f"plans {self.plan.digest()} and {other.plan.digest()} differ")
        designs = [each.sampling and each.sampling.design for each in (self, other)]
        if designs[0] != designs[1]:
            raise ValueError(
                "a sample and a full scan do not merge"
                if None in designs
                else "the samples were drawn by different designs"
            )

    def as_task(self, roots: Iterable[bytes], shard: tuple[int, int] | None) -> "Measurement":
        """This, named as the scan of ``roots``, or of a shard of it: the same data gives the same
        name."""
        digest = hashlib.sha256(self.plan.digest().encode())
        counted = f"{self.census.files} {self.census.size_bytes} {shard}"
        parts = [*sorted(roots), counted.encode()]
        parts += [self.class_bytes.tobytes(), self.histogram.tobytes()]
        if self.sampling is not None:
            parts += [f"{self.sampling.design} {self.sampling.rate}".encode()]
            parts += [self.sampling.ranks.tobytes()]
        for part in parts:
            digest.update(hashlib.sha256(part).digest())
        return replace(self, tasks=frozenset({digest.hexdigest()[:16]}))

    def _under(self, names: list[bytes]) -> "Measurement":
        """This with the volumes' bits where they are if ``names`` are all the volumes."""
        bits = [VOLUME_BIT + names.index(name) if name in names else None for name in self.volumes]
        moves = {VOLUME_BIT + i: bit for i, bit in enumerate(bits)}
        if all(old == new for old, new in moves.items()):
            return self
        return replace(
            self,
            sketches={name: s.with_labels_moved(moves) for name, s in self.sketches.items()},
            sampling=self.sampling and self.sampling.with_labels_moved(moves),
            occurrences=self.occurrences and self.occurrences.with_labels_moved(moves),
        )


def merged(measurements: Iterable[Measurement]) -> Measurement:
    """The measurement of the files of all ``measurements``, at least one, whatever their order: a
    scan that several hold counts once. Samples merge at the lowest of their rates. Of what was
    probed this holds what all know: to probe more, probe each before. Of two of the same scans
    the one of which more was probed is taken.

    Raises ValueError if the plans differ, or how samples were drawn, as they would not be
    comparable, or if some hold scans that others lack beside some that both hold: no sum can be
    undone.
    """
    every = list(measurements)
    for each in every[1:]:
        every[0]._check_comparable(each)
    rate = min((m.sampling.rate for m in every if m.sampling is not None), default=1.0)
    distinct: list[Measurement] = []
    for each in every:
        distinct = _with(distinct, each.within(rate))
    return distinct[0] if len(distinct) == 1 else _sum(distinct)


def _with(distinct: list[Measurement], new: Measurement) -> list[Measurement]:
    """``distinct``, which share no scan, and ``new``, so that they still share none."""
    again = [each for each in distinct if each.tasks & new.tasks]
    known = frozenset[str]().union(*(each.tasks for each in again))
    if len(again) == 1 and known == new.tasks:
        is_wanted = new.probed_count > again[0].probed_count
    elif new.tasks >= known:
        is_wanted = True
    elif new.tasks <= known:
        is_wanted = False
    else:
        both = ", ".join(sorted(known & new.tasks))
        raise ValueError(f"scans {both} are in both, others in one only")
    if not is_wanted:
        return distinct
    return [*(each for each in distinct if each not in again), new]


def _sum(parts: Sequence[Measurement]) -> Measurement:
    """All of ``parts``, which are comparable and share no scan."""
    volumes = _volumes_of(parts)
    first, *others = [each._under(list(volumes)) for each in parts]
    census = Census()
    for part in parts:
        census.merge(part.census)
    return replace(
        first,
        census=census,
        sketches={
            c.name: first.sketches[c.name].merge(
                [each.sketches[c.name] for each in others], c, first.plan.seed
            )
            for c in first.plan.chunkers
            if c.name in first.sketches
        },
        volumes=volumes,
        read_bytes=sum(each.read_bytes for each in parts),
        hole_bytes=sum(each.hole_bytes for each in parts),
        class_bytes=np.sum([each.class_bytes for each in parts], axis=0),
        histogram=np.sum([each.histogram for each in parts], axis=0),
        cpu_seconds=sum(each.cpu_seconds for each in parts),
        tasks=frozenset[str]().union(*(each.tasks for each in parts)),
        similar=_similar_of(parts),
        occurrences=_of_all([each.occurrences for each in (first, *others)], Occurrences.merge),
        sampling=_of_all([each.sampling for each in (first, *others)], Sample.merge),
    )


def _of_all(parts: Sequence[T | None], both: Callable[[T, T], T]) -> T | None:
    """All of ``parts`` as one, None if one is."""
    known = [part for part in parts if part is not None]
    return reduce(both, known) if len(known) == len(parts) else None


def _similar_of(parts: Sequence[Measurement]) -> "SimilarSketch | None":
    plan = parts[0].plan
    similarity = plan.similarity
    if not similarity:
        return None
    return _of_all([each.similar for each in parts], lambda a, b: a.merge(b, similarity, plan.seed))


def _volumes_of(parts: Sequence[Measurement]) -> dict[bytes, int]:
    """The volumes of ``parts``, by their names; none if they are too many, or one part has none."""
    names = sorted({name for each in parts for name in each.volumes})
    if not all(each.volumes for each in parts) or len(names) > VOLUMES_MAX:
        return {}
    return {name: sum(each.volumes.get(name, 0) for each in parts) for name in names}


def labels_of_roots(roots: Sequence[bytes]) -> tuple[list[bytes], list[int]]:
    """The volumes, which are ``roots`` in the order of their names, or none if they are too many;
    and the label of each root by its position, 0 if there is none."""
    volumes = sorted(roots) if len(roots) <= VOLUMES_MAX else []
    bits = {name: 1 << VOLUME_BIT + bit for bit, name in enumerate(volumes)}
    return volumes, [bits.get(name, 0) for name in roots]


def entropy_bits_per_byte(histogram: U64) -> float | None:
    """Order-0 entropy of the byte values counted in ``histogram`` (256,); None if it is empty."""
    total = int(histogram.sum())
    if not total:
        return None
    p = histogram[histogram > 0] / total
    return float(-(p * np.log2(p)).sum())
