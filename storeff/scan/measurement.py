"""What a scan found: exact counts of what is there, and a sketch of its content per chunker."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from storeff.scan.plan import Plan
from storeff.scan.sketch import Sketch
from storeff.sources.census import Census

if TYPE_CHECKING:
    # Only --similarity needs it.
    from storeff.scan.similar import SimilarSketch

U64 = npt.NDArray[np.uint64]

# In Sketch.groups, below the bits of the content classes stand, from here on those of the volumes.
VOLUME_BIT = 32
VOLUMES_MAX = 32


@dataclass(frozen=True, eq=False)
class Measurement:
    """The mergeable result of scanning some files under a plan.

    ``volumes`` are the data bytes of each root that was scanned, in the order of their names; bit
    VOLUME_BIT + i of a chunk's groups says that volume i holds it. Empty if there were too many.
    ``tasks`` names the scans that are in it, each by what it read and found.
    ``census`` counts everything listed, ``read_bytes`` what was read, ``hole_bytes`` what holes
    stand for (neither read nor part of any reduction). ``class_bytes`` (classes,) are the data
    bytes of each content class, ``histogram`` (classes, 256) their byte values, counted in windows
    that stand for the rest. ``cpu_seconds`` is what measuring took, ``compress_seconds`` included.
    ``similar`` is None unless the plan asks for it.
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
    compress_seconds: float
    tasks: frozenset[str] = frozenset()
    similar: "SimilarSketch | None" = None

    @property
    def data_bytes(self) -> int:
        """Bytes that the reduction figures are about: all that was read."""
        return self.read_bytes

    @property
    def coverage(self) -> float:
        """Share of the listed bytes, but those known to be in holes, that was read; less than 1 if
        anything was refused."""
        return self.census.coverage(self.read_bytes, self.hole_bytes)

    def merge(self, other: "Measurement") -> "Measurement":
        """The measurement of both inputs' files; associative, commutative, and idempotent: a scan
        that both hold counts once.

        Raises ValueError if the plans differ, as their chunks would not be comparable, or if each
        input holds scans that the other lacks beside some that both hold: no sum can be undone.
        """
        if self.plan != other.plan:
            raise ValueError(f"plans {self.plan.digest()} and {other.plan.digest()} differ")
        both = self.tasks & other.tasks
        if both:
            larger = max(self, other, key=lambda each: len(each.tasks))
            if larger.tasks != self.tasks | other.tasks:
                raise ValueError(f"scans {', '.join(sorted(both))} are in both, others in one only")
            return larger
        census = Census()
        census.merge(self.census)
        census.merge(other.census)
        volumes = self._volumes_with(other)
        mine, others = (each._sketches_under(list(volumes)) for each in (self, other))
        return replace(
            self,
            census=census,
            sketches={
                c.name: mine[c.name].merge(others[c.name], c, self.plan.seed)
                for c in self.plan.chunkers
            },
            volumes=volumes,
            read_bytes=self.read_bytes + other.read_bytes,
            hole_bytes=self.hole_bytes + other.hole_bytes,
            class_bytes=self.class_bytes + other.class_bytes,
            histogram=self.histogram + other.histogram,
            cpu_seconds=self.cpu_seconds + other.cpu_seconds,
            compress_seconds=self.compress_seconds + other.compress_seconds,
            tasks=self.tasks | other.tasks,
            similar=self._similar_with(other),
        )

    def as_task(self, roots: Iterable[bytes]) -> "Measurement":
        """This, named as the scan of ``roots`` that it is: the same data gives the same name."""
        digest = hashlib.sha256(self.plan.digest().encode())
        census = f"{self.census.files} {self.census.size_bytes}".encode()
        for part in (*sorted(roots), census, self.class_bytes.tobytes(), self.histogram.tobytes()):
            digest.update(hashlib.sha256(part).digest())
        return replace(self, tasks=frozenset({digest.hexdigest()[:16]}))

    def _similar_with(self, other: "Measurement") -> "SimilarSketch | None":
        if not self.plan.similarity or self.similar is None or other.similar is None:
            return None
        return self.similar.merge(other.similar, self.plan.similarity, self.plan.seed)

    def _volumes_with(self, other: "Measurement") -> dict[bytes, int]:
        names = sorted(self.volumes.keys() | other.volumes.keys())
        if not self.volumes or not other.volumes or len(names) > VOLUMES_MAX:
            return {}
        return {name: self.volumes.get(name, 0) + other.volumes.get(name, 0) for name in names}

    def _sketches_under(self, names: list[bytes]) -> dict[str, Sketch]:
        """The sketches with the volumes' bits where they are if ``names`` are all the volumes."""
        bits = [VOLUME_BIT + names.index(name) if name in names else None for name in self.volumes]
        moves = {VOLUME_BIT + i: bit for i, bit in enumerate(bits)}
        return {name: sketch.with_groups_moved(moves) for name, sketch in self.sketches.items()}


def entropy_bits_per_byte(histogram: U64) -> float | None:
    """Order-0 entropy of the byte values counted in ``histogram`` (256,); None if it is empty."""
    total = int(histogram.sum())
    if not total:
        return None
    p = histogram[histogram > 0] / total
    return float(-(p * np.log2(p)).sum())
