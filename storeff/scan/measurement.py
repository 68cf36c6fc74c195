"""What a scan found: exact counts of what is there, and a sketch of its content per chunker."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from storeff.scan.plan import Plan
from storeff.scan.sketch import Sketch
from storeff.sources.census import Census

U64 = npt.NDArray[np.uint64]


@dataclass(frozen=True, eq=False)
class Measurement:
    """The mergeable result of scanning some files under a plan.

    ``census`` counts everything listed, ``read_bytes`` what was read, ``hole_bytes`` what holes
    stand for (neither read nor part of any reduction). ``class_bytes`` (classes,) are the data
    bytes of each content class, ``histogram`` (classes, 256) their byte values, counted in windows
    that stand for the rest. ``cpu_seconds`` is what measuring took, ``compress_seconds`` included.
    """

    plan: Plan
    kernel: str
    census: Census
    sketches: dict[str, Sketch]
    read_bytes: int
    hole_bytes: int
    class_bytes: U64
    histogram: U64
    cpu_seconds: float
    compress_seconds: float

    @property
    def data_bytes(self) -> int:
        """Bytes that the reduction figures are about: all that was read."""
        return self.read_bytes

    @property
    def coverage(self) -> float:
        """Share of the listed bytes that was measured: read, or known to be a hole."""
        if not self.census.size_bytes:
            return 1.0
        return (self.read_bytes + self.hole_bytes) / self.census.size_bytes

    def merge(self, other: "Measurement") -> "Measurement":
        """The measurement of both inputs' files; associative and commutative.

        Raises ValueError if the plans differ: their chunks would not be comparable.
        """
        if self.plan != other.plan:
            raise ValueError(f"plans {self.plan.digest()} and {other.plan.digest()} differ")
        census = Census()
        census.merge(self.census)
        census.merge(other.census)
        return replace(
            self,
            census=census,
            sketches={
                c.name: self.sketches[c.name].merge(other.sketches[c.name], c, self.plan.seed)
                for c in self.plan.chunkers
            },
            read_bytes=self.read_bytes + other.read_bytes,
            hole_bytes=self.hole_bytes + other.hole_bytes,
            class_bytes=self.class_bytes + other.class_bytes,
            histogram=self.histogram + other.histogram,
            cpu_seconds=self.cpu_seconds + other.cpu_seconds,
            compress_seconds=self.compress_seconds + other.compress_seconds,
        )


def entropy_bits_per_byte(histogram: U64) -> float | None:
    """Order-0 entropy of the byte values counted in ``histogram`` (256,); None if it is empty."""
    total = int(histogram.sum())
    if not total:
        return None
    p = histogram[histogram > 0] / total
    return float(-(p * np.log2(p)).sum())
