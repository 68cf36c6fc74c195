"""A partial scan as its estimators take it."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from storeff.scan.measurement import Measurement
from storeff.scan.sampling import SamplingDesign
from storeff.scan.sketch import Sketch

U64 = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]


class Table:
    """A row per chunk and sampling rank: ``keys`` (n,) numbers of the chunks, ``places`` (n,) the
    ranks. A share ``kept`` of the chunks is in it; ``compressed`` are bytes with each codec by key,
    of a share ``compressed_kept``."""

    def __init__(self, sketch: Sketch) -> None:
        assert sketch.extents is not None
        self.keys = sketch.chunk_numbers()
        self.sizes, self.places, self.groups = sketch.sizes, sketch.extents, sketch.labels
        self.kept, self.compressed_kept = (
            min(1.0, tau) for tau in (sketch.tau, sketch.compressed_tau)
        )
        self.compressed_rows = (
            sketch.compressed[:, 0] > 0
            if sketch.compressed.shape[1]
            else np.zeros(len(self.keys), np.bool_)
        )
        self.compressed = dict(
            zip(
                self.keys[self.compressed_rows].tolist(),
                map(tuple, sketch.compressed[self.compressed_rows].tolist()),
                strict=True,
            )
        )
        self.chunks, self.runs = sketch.chunks, sketch.run_bytes


@dataclass(frozen=True)
class Totals:
    """What the listing says of all extents."""

    once_bytes: int
    padding_bytes: int
    by_exponent: Counter[int]
    places_by_exponent: dict[int, float]


class Sampled:
    """The extents of ``measured`` and the chunks in them."""

    def __init__(self, measured: Measurement) -> None:
        assert measured.sampling is not None
        sample = measured.sampling
        self.measured, self.sample = measured, sample
        self.plan, self.census, self.volumes = measured.plan, measured.census, measured.volumes
        self.data_bytes, self.read_bytes = measured.data_bytes, measured.read_bytes
        self.coverage, self.volume_data_bytes = measured.coverage, measured.volume_data_bytes
        self.design: SamplingDesign = sample.design
        self.rate, self.read_at = sample.rate, sample.read_at
        self.places, self.exponents = sample.ranks, sample.exponents
        self.listed, self.once = sample.listed, sample.once
        totals = sample.totals
        self.totals = Totals(
            totals.once_bytes,
            totals.padding_bytes,
            totals.by_exponent,
            totals.ranks_by_exponent,
        )

    @cached_property
    def tables(self) -> dict[str, Table]:
        return {name: Table(sketch) for name, sketch in self.measured.sketches.items()}
